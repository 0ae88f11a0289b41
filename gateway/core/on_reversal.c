/* One reversal per original, named by key and attempt (rule 12). Every gateway it reaches commits a record
 * before it passes it on: never seen, a tombstone; queued, withdrawn; sent, passed on along the stored path.
 * Must never be refused by a bound, and never answer for an attempt that it does not name. */
#include "internal.h"

#include "clock.h"
#include "error_codes.h"

static void
note_reversal(struct exchange_record *record, enum reversal_cause cause, uint32_t attempt)
{
    if (record->reversal_cause == REVERSAL_NONE)
        record->reversal_cause = (uint8_t)cause;
    if (record->reversal_attempt < attempt)
        record->reversal_attempt = attempt;
}

static void
withdraw(struct core *core, struct exchange *exchange, enum reversal_cause cause, uint32_t attempt)
{
    note_reversal(&exchange->record, cause, attempt);
    exchange_end_reversed(core, exchange, false);
}

/* --- a caller's own --- */

static void
attach_undoer(struct core *core, struct exchange *exchange, const struct core_event *event,
              struct party *from)
{
    struct ticket *ticket = ticket_attach(core, exchange, NULL, from, event);
    if (ticket == NULL)
        return;
    ticket->undoing = 1;
    ticket->deadline_ms = core->now_ms + call_time_ms(core, event->header.infno) + ORIGIN_EXTRA_MS;
}

/* A serial that this gateway never saw is blocked from then on: nothing was sent, so nothing needs to
 * travel. */
static void
block_serial(struct core *core, const struct core_event *event, struct party *from)
{
    struct message_header header = event->header;
    memcpy(header.key.msgid, event->header.original_msgid, sizeof header.key.msgid);
    /* A local protocol may name the original by its serial alone; then the reversal's own number stands here.
     */
    if (event->header.original_infno[0] != '\0')
        memcpy(header.infno, event->header.original_infno, sizeof header.infno);
    header.transaction_class = CLASS_UPDATE;
    memset(header.original_msgid, 0, sizeof header.original_msgid);
    memset(header.original_infno, 0, sizeof header.original_infno);
    if (header.day == 0)
        header.day = clock_date(core->wall_ms);
    struct exchange *exchange = exchange_create(core, &header, ROLE_ORIGIN);
    if (exchange == NULL) {
        tell_refused(core, from, event->reference, event->epoch, &event->header, FEP_UNKNOWN, FEP_REPEATABLE,
                     FEP_REASON_BOUND, FEP_E_NO_MEMORY, NULL);
        return;
    }
    if (MUTATED(UNSEEN_NOT_BLOCKED)) {
        struct core_outcome never = {.kind = FEP_ANSWERED, .finding = FEP_FOUND_NEVER_ARRIVED};
        tell(core, from, event->reference, event->epoch, &event->header, &never, SLICE_NONE, NULL);
        exchange_remove(core, exchange);
        return;
    }
    exchange->founding = FOUNDED_BY_CALLER;
    exchange->record.index = event->index;
    exchange->record.tombstone = 1;
    exchange->record.attempt = 1;
    exchange_attach(core, exchange, from, NULL);
    attach_undoer(core, exchange, event, from);
    withdraw(core, exchange, REVERSAL_CALLER, 1);
}

/* Older than what is kept: it may well have been posted, so "never arrived" would be a guess. Told is that it
 * stays posted, which sends the caller to a cancel by settlement id, or to a person. */
static void
decline_over_horizon(struct core *core, const struct core_event *event, struct party *from)
{
    struct core_outcome outcome = {.kind = FEP_ANSWERED,
                                   .finding = FEP_FOUND_STAYS_POSTED,
                                   .reason = FEP_REASON_BUSINESS,
                                   .code = FEP_E_OVER_HORIZON};
    tell(core, from, event->reference, event->epoch, &event->header, &outcome, SLICE_NONE, NULL);
}

void
caller_reversal(struct core *core, const struct core_event *event, struct party *from)
{
    struct message_key key = event->header.key;
    memcpy(key.msgid, event->header.original_msgid, sizeof key.msgid);
    struct exchange *exchange = exchange_find(core, &key, ROLE_ORIGIN);
    if (exchange != NULL)
        exchange_input(core, exchange, event);
    else if (core->resolving_peers != 0) /* a peer may hold it */
        tell_refused(core, from, event->reference, event->epoch, &event->header, FEP_UNKNOWN, FEP_REPEATABLE,
                     FEP_REASON_CLARIFYING, FEP_E_RESOLVING, NULL);
    else if (is_over_horizon(core, msgid_day(key.msgid)))
        decline_over_horizon(core, event, from);
    else
        block_serial(core, event, from);
}

/* The ticket hangs on the exchange; an ending that needs nothing more is told when the exchange advances. */
void
caller_reversal_handle(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    switch ((enum exchange_state)record->state) {
    case STATE_QUEUED:
        withdraw(core, exchange, REVERSAL_CALLER, record->attempt);
        break;
    case STATE_SENT:
    case STATE_RELAYED:
        if (!exchange->offered)
            withdraw(core, exchange, REVERSAL_CALLER, record->attempt);
        else
            start_reversal(core, exchange, REVERSAL_CALLER);
        break;
    case STATE_ANSWERED:
        start_reversal(core, exchange, REVERSAL_CALLER);
        break;
    case STATE_REFUSED: /* it stays refused; stored is that no further attempt may begin (F9) */
        if (record->reversal_cause == REVERSAL_NONE && record->refusal_class == FEP_REPEATABLE) {
            note_reversal(record, REVERSAL_CALLER, record->attempt);
            exchange_store(core, exchange);
        }
        break;
    default:
        break;
    }
}

void
caller_reversal_input(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL)
        return;
    attach_undoer(core, exchange, event, from);
    caller_reversal_handle(core, exchange);
}

/* --- a peer's --- */

/* Never seen, or only lower attempts: the attempt named is refused from then on, should it come (F1, F10). On
 * the way the tombstone is passed on along the path that the original would have taken. */
static void
lay_tombstone(struct core *core, struct exchange *exchange, const struct core_event *event,
              struct party *target)
{
    struct exchange_record *record = &exchange->record;
    record->tombstone = 1;
    record->attempt = event->travel.attempt;
    note_reversal(record, REVERSAL_PEER, record->attempt);
    if (record->role == ROLE_TRANSIT && target != NULL) {
        exchange_set_target(core, exchange, target);
        start_reversal(core, exchange, REVERSAL_PEER);
    } else if (!restored_hold_reversal(core, exchange, target)) {
        exchange_end_reversed(core, exchange, false);
    }
}

static void
new_tombstone(struct core *core, const struct core_event *event, struct party *from)
{
    struct party *target = first_target(core, &event->header, &event->index, from);
    if (event->travel.hops_left == 0)
        target = NULL; /* nothing of it can have gone on from here */
    bool destination = from->is_self || (target != NULL && target->is_instance);
    struct exchange *exchange =
        exchange_create(core, &event->header, destination ? ROLE_DESTINATION : ROLE_TRANSIT);
    if (exchange == NULL)
        return; /* the sender repeats */
    exchange->founding = FOUNDED_BY_REVERSAL;
    exchange->record.index = event->index;
    exchange->record.hops_left = event->travel.hops_left != 0 ? event->travel.hops_left - 1 : 0;
    exchange_attach(core, exchange, from, NULL);
    settle(core, exchange, from, event->reference, ACKED_REVERSAL);
    lay_tombstone(core, exchange, event, target);
}

void
on_reversal(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL || from->is_instance)
        return;
    struct exchange *exchange = exchange_find_relay(core, &event->header.key);
    bool round = exchange != NULL && comes_round(exchange, from, event->travel.attempt);
    if (round)
        alarm_about(core, FEP_E_NOT_ORIGIN, &exchange->record, NULL, from);
    /* the update was, or will be, refused as a loop: nothing to undo */
    if (round || is_loop(core, &event->header, from)) {
        settle_now(core, from, &event->header.key, event->reference, ACKED_REVERSAL);
        send_ending(core, from, &event->header, event->travel.attempt, STATE_REVERSED, FEP_E_WITHDRAWN);
        return;
    }
    if ((MUTATED(TOMBSTONE_FORGOTTEN) && exchange == NULL) ||
        (MUTATED(REVERSAL_AT_BOUND) && core->disk_full)) {
        settle_now(core, from, &event->header.key, event->reference, ACKED_REVERSAL);
        send_ending(core, from, &event->header, event->travel.attempt,
                    exchange == NULL ? STATE_REVERSED : STATE_STANDS, FEP_E_WITHDRAWN);
    } else if (exchange != NULL) {
        exchange_input(core, exchange, event);
    } else if (core->resolving_peers == 0 || from->is_self) {
        new_tombstone(core, event, from);
    } /* else another peer may hold it, and know the way it went: the sender repeats */
}

static void
name_higher_attempt(struct core *core, struct exchange *exchange, const struct core_event *event,
                    struct party *from)
{
    struct exchange_record *record = &exchange->record;
    if (record->state == STATE_REFUSED && MUTATED(LOWER_SPEAKS_FOR_HIGHER)) {
        settle_now(core, from, &event->header.key, event->reference, ACKED_REVERSAL);
        send_ending(core, from, &event->header, event->travel.attempt, STATE_REVERSED, FEP_E_WITHDRAWN);
    } else if (record->state == STATE_REFUSED) {
        struct party *target = first_target(core, &event->header, &event->index, from);
        exchange_attach(core, exchange, from, NULL);
        bool fits = target != NULL && target->is_instance == (record->role == ROLE_DESTINATION);
        lay_tombstone(core, exchange, event, fits ? target : NULL);
    } else if (record->state == STATE_REVERSED || record->state == STATE_STANDS) {
        record->attempt = event->travel.attempt;
        note_reversal(record, REVERSAL_PEER, record->attempt);
        record->outcome_relayed = 0;
        exchange->repeat_ms = 0;
        exchange_store(core, exchange);
    }
}

static void
undo_dispatched(struct core *core, struct exchange *exchange)
{
    if (exchange->submit.open || exchange->waiting_host)
        start_cure(core, exchange, REVERSAL_PEER);
    else /* not called yet, or every sending came back without effect */
        withdraw(core, exchange, REVERSAL_PEER, exchange->record.attempt);
}

static void
undo_answered(struct core *core, struct exchange *exchange)
{
    if (MUTATED(KEPT_ON_THE_WAY))
        return;
    if (exchange->record.role == ROLE_DESTINATION)
        start_cure(core, exchange, REVERSAL_PEER);
    else
        start_reversal(core, exchange, REVERSAL_PEER);
}

static void
undo_sent(struct core *core, struct exchange *exchange)
{
    if (exchange->offered)
        start_reversal(core, exchange, REVERSAL_PEER);
    else
        withdraw(core, exchange, REVERSAL_PEER, exchange->record.attempt);
}

void
reversal_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct party *from = party_find(core, event->from);
    uint32_t attempt = event->travel.attempt;
    restored_adopt_previous(core, exchange, from);
    if (attempt > record->attempt && exchange_state_is_ending(record->state) &&
        record->state != STATE_ANSWERED) {
        name_higher_attempt(core, exchange, event, from);
        return;
    }
    /* only the origin may ask, and it asks along the path */
    if (from != exchange->previous && !MUTATED(STRANGER_REVERSES)) {
        alarm_about(core, FEP_E_NOT_ORIGIN, record, NULL, from);
        tell_stranger(core, exchange, event, from, STATE_REVERSED, FEP_E_WITHDRAWN);
        return;
    }
    /* It stops this one and every lower one. An origin never goes back to a lower one, unless it was restored
     * and has forgotten this: then it means what there is. */
    if (attempt > record->attempt)
        record->attempt = attempt;
    else
        attempt = record->attempt;
    switch ((enum exchange_state)record->state) {
    case STATE_QUEUED:
        withdraw(core, exchange, REVERSAL_PEER, attempt);
        break;
    case STATE_SENT:
    case STATE_RELAYED:
        undo_sent(core, exchange);
        break;
    case STATE_DISPATCHED:
        undo_dispatched(core, exchange);
        break;
    case STATE_UNKNOWN:
        start_cure(core, exchange, REVERSAL_PEER);
        break;
    case STATE_ANSWERED:
        undo_answered(core, exchange);
        break;
    case STATE_REFUSED:
    case STATE_REVERSED:
    case STATE_STANDS:
        record->outcome_relayed = 0;
        exchange->repeat_ms = 0; /* the ending is told again, now */
        break;
    default: /* being undone already: merged */
        break;
    }
}
