/* Undoing at the gateway beside the local system (rules 12 to 14): wait for the outcome, reverse by schedule,
 * cancel where the reversal is declined for good, and find out what became of a cancel whose answer was lost.
 * Must never call a cancel before its record is committed, never send a second cancel while the first may be
 * in force, and never take an error about a repeat for proof. It ends only by what the local system says:
 * reversed or stands. */
#include "internal.h"

#include <stdio.h>

#include "clock.h"
#include "error_codes.h"

static const int64_t reverse_ms[] = {3000, 10000, 30000, 60000, 120000};
static const int64_t inquiry_ms[] = {5000, 15000, 45000, 120000};
enum {
    REVERSALS = sizeof reverse_ms / sizeof *reverse_ms,
    INQUIRIES = sizeof inquiry_ms / sizeof *inquiry_ms
};
enum { CURE_PAUSE_MS = 300000, OTHER_PAUSE_MS = 1000, OTHER_PATIENCE_MS = 60000 };

static bool
is_able(const struct exchange *exchange, uint32_t ability)
{
    return (exchange->target->abilities & ability) != 0;
}

static void
begin_schedule(struct core *core, struct exchange *exchange, int64_t first_ms)
{
    exchange->step = 0;
    exchange->schedule_base_ms = core->now_ms;
    exchange->schedule_ms = core->now_ms + first_ms;
}

static void
look_again(struct core *core, struct exchange *exchange, const int64_t *schedule, size_t steps)
{
    int64_t since = core->now_ms - exchange->schedule_base_ms;
    while (exchange->step < steps && schedule[exchange->step] <= since)
        exchange->step++;
    exchange->schedule_ms = exchange->step < steps ? exchange->schedule_base_ms + schedule[exchange->step]
                                                   : core->now_ms + CURE_PAUSE_MS;
}

static void
reverse_again(struct core *core, struct exchange *exchange)
{
    look_again(core, exchange, reverse_ms, REVERSALS);
}

static bool
is_waiting_for_outcome(const struct exchange *exchange)
{
    return exchange->submit.open || exchange->waiting_host;
}

/* From unknown without an inquiry the first reversal goes out after the first pause, otherwise at once. */
void
start_cure(struct core *core, struct exchange *exchange, enum reversal_cause cause)
{
    struct exchange_record *record = &exchange->record;
    bool at_once = record->state != STATE_DISPATCHED || cause != REVERSAL_SCHEDULE;
    if (record->reversal_cause == REVERSAL_NONE)
        record->reversal_cause = (uint8_t)cause;
    if (record->reversal_attempt < record->attempt)
        record->reversal_attempt = record->attempt;
    record->cure = is_waiting_for_outcome(exchange) ? CURE_WAIT : CURE_REVERSE;
    record->cancel = (struct local_attempt){0};
    exchange->deadline_ms = NEVER;
    exchange->need_answer = exchange->undo_sent = 0;
    begin_schedule(core, exchange, at_once ? 0 : reverse_ms[0]);
    exchange_move(core, exchange, STATE_REVERSING);
    exchange_store(core, exchange);
}

static void
call(struct core *core, struct exchange *exchange, uint8_t operation)
{
    call_begin(core, exchange, &exchange->cure, call_next_id(core), operation);
}

/* The cancel is an update of the cure: its own serial, its own record, committed before the first byte. */
static void
draw_cancel(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    record->cancel =
        (struct local_attempt){.serial = draw_serials(core, 1), .serial_date = clock_date(core->wall_ms)};
    record->cure = CURE_CANCEL;
    exchange->need_answer = exchange->undo_sent = exchange->ask_by_serial = 0;
    begin_schedule(core, exchange, 0);
    exchange_store(core, exchange);
}

/* The reversal was declined and no other sending of it can still arrive. */
static void
begin_cancel(struct core *core, struct exchange *exchange)
{
    if (transaction_inverse(core, exchange->record.header.infno)[0] == '\0') {
        exchange_end_stands(core, exchange, 2503);
    } else if (exchange->answer.size == 0 && is_able(exchange, FEP_INQUIRES)) {
        exchange->need_answer = 1; /* it holds the settlement id that the cancel names */
        exchange->schedule_ms = core->now_ms;
    } else {
        draw_cancel(core, exchange);
    }
}

static void
step_reverse(struct core *core, struct exchange *exchange)
{
    exchange->record.cure = CURE_REVERSE;
    if (exchange->need_answer || (!is_able(exchange, FEP_REVERSES) && is_able(exchange, FEP_INQUIRES))) {
        call(core, exchange, CORE_OP_INQUIRE);
    } else if (is_able(exchange, FEP_REVERSES)) {
        call(core, exchange, CORE_OP_REVERSE);
    } else { /* neither way: a person has to find out */
        if (!exchange->alarmed)
            alarm_about(core, FEP_E_NO_ABILITY, &exchange->record, NULL, exchange->target);
        exchange->alarmed = 1;
        exchange->alarm_code = FEP_E_NO_ABILITY;
        exchange->schedule_ms = core->now_ms + CURE_PAUSE_MS;
        exchange_wake(exchange, exchange->schedule_ms);
    }
}

static void
step_cancel(struct core *core, struct exchange *exchange)
{
    if (!serial_is_released(core, exchange->record.cancel.serial)) {
        exchange_wake(exchange, core->now_ms + STORE_RETRY_MS);
        return;
    }
    uint64_t id = exchange->undo_sent == 0 ? exchange->record.cancel.serial : call_next_id(core);
    exchange->undo_sent = 1;
    call_begin(core, exchange, &exchange->cure, id, CORE_OP_UNDO);
}

static void
step_cancel_unknown(struct core *core, struct exchange *exchange)
{
    bool inquires = is_able(exchange, FEP_INQUIRES) && exchange->step < INQUIRIES && !exchange->ask_by_serial;
    call(core, exchange,
         inquires || !is_able(exchange, FEP_REVERSES) ? CORE_OP_INQUIRE : CORE_OP_REVERSE_UNDO);
}

/* --- cancelled by somebody else (F6) --- */

struct search {
    const struct core *core;
    const struct exchange *original;
    struct exchange *other;
};

/* Whose id is not known after a restore was answered to nobody: those who had an answer have told it. So no
 * caller can have named it. */
static bool
same_settlement(const struct search *search, const struct fep_index *a)
{
    const struct fep_index *b = &search->original->record.index;
    if (a->settlement_id[0] != '\0' && b->settlement_id[0] != '\0')
        return strcmp(a->settlement_id, b->settlement_id) == 0;
    if (a->settlement_id[0] != '\0' && restored_forgot(search->core, search->original))
        return false;
    if (a->visit_id[0] != '\0' && b->visit_id[0] != '\0')
        return strcmp(a->visit_id, b->visit_id) == 0;
    return memcmp(a->order_key, b->order_key, sizeof a->order_key) == 0;
}

static int
look_at(void *arg, struct table_link *link)
{
    struct search *search = arg;
    struct exchange *other = list_owner(link, struct exchange, by_key);
    const struct exchange_record *record = &search->original->record;
    if (other == search->original || other->record.role != ROLE_DESTINATION ||
        other->record.state == STATE_QUEUED ||
        strcmp(other->record.header.infno, transaction_inverse(search->core, record->header.infno)) != 0 ||
        !same_settlement(search, &other->record.index))
        return 0;
    if (other->record.state == STATE_REFUSED || other->record.state == STATE_REVERSED)
        return 0;
    search->other = other;
    return 1;
}

/* It may have been settled and closed long ago, or before a restart: the store knows. */
static void
search_store(struct core *core, struct exchange *exchange)
{
    if (exchange->searched || exchange->record.index.settlement_id[0] == '\0')
        return;
    struct lookup *lookup = lookup_add(core);
    if (lookup == NULL)
        return;
    exchange->searched = 1;
    lookup->for_cure = 1;
    lookup->header = exchange->record.header;
    struct core_command *command = emit(core, CMD_STORE_FIND);
    command->reference = lookup->reference;
    command->number = ROLE_DESTINATION;
    command->index = exchange->record.index;
    snprintf(command->header.infno, sizeof command->header.infno, "%s",
             transaction_inverse(core, exchange->record.header.infno));
}

/* Into memory beside the others that linger, where the next look finds it. */
void
cure_other_found(struct core *core, const struct message_key *asker, const struct core_event *event)
{
    const struct exchange_record *found = event->found;
    if (event->flag)
        return; /* the store could not look everywhere: asked again with the next whole way */
    if (found == NULL || found->role != ROLE_DESTINATION ||
        (found->state != STATE_ANSWERED && found->state != STATE_STANDS)) {
        struct exchange *exchange = exchange_find(core, asker, ROLE_DESTINATION);
        if (exchange != NULL)
            exchange->nobody_found = 1;
        return;
    }
    if (exchange_find(core, &found->header.key, ROLE_DESTINATION) != NULL)
        return;
    struct exchange *other = exchange_create(core, &found->header, ROLE_DESTINATION);
    if (other == NULL)
        return; /* looked for again */
    exchange_restore(core, other, event);
    other->record.outcome_relayed = 1;
    exchange_linger(core, other);
}

static void
try_whole_way_again(struct core *core, struct exchange *exchange)
{
    exchange->record.cure = CURE_REVERSE;
    exchange->searched = 0;
    alarm_about(core, FEP_E_RESOLVE_LONG, &exchange->record, NULL, exchange->target);
    exchange->schedule_ms = core->now_ms + CURE_PAUSE_MS;
    exchange_wake(exchange, exchange->schedule_ms);
}

/* Our own cancel may be in force, or still arrive: its serial is reversed, which tells, and shuts it out. */
static void
ask_own_cancel(struct core *core, struct exchange *exchange, int64_t after_ms)
{
    exchange->record.cure = CURE_CANCEL_UNKNOWN;
    exchange->ask_by_serial = 1;
    begin_schedule(core, exchange, after_ms);
    exchange_wake(exchange, exchange->schedule_ms);
}

/* Whose cancel it is could not be found out in time. While ours may be in force there must be no second one
 * (F5): its own serial is reversed instead, which tells, and where it was in force undoes it. */
static void
give_up_waiting(struct core *core, struct exchange *exchange)
{
    if (!exchange->perhaps_ours) {
        try_whole_way_again(core, exchange);
        return;
    }
    exchange->searched = 0;
    alarm_about(core, FEP_E_RESOLVE_LONG, &exchange->record, NULL, exchange->target);
    if (is_able(exchange, FEP_REVERSES)) {
        ask_own_cancel(core, exchange, CURE_PAUSE_MS);
        return;
    }
    begin_schedule(core, exchange, CURE_PAUSE_MS);
    exchange_wake(exchange, exchange->schedule_ms);
}

/* Cancelled by another update, whose caller was told so: ours stands beside it, and the two come to nothing,
 * in the local system's books as in the caller's. Told reversed it would count once too often, and be posted
 * again should the other one be undone. */
static void
step_wait_other(struct core *core, struct exchange *exchange)
{
    struct search search = {.core = core, .original = exchange};
    bool forgetful = restored_forgot(core, exchange);
    table_each(&core->exchanges, look_at, &search);
    struct exchange *other = search.other;
    if (forgetful && core->resolving != 0) { /* others may still be told of, or be found undone */
        exchange->other_seen |= other != NULL;
        exchange->schedule_base_ms = core->now_ms;
        exchange->schedule_ms = core->now_ms + OTHER_PAUSE_MS;
        exchange_wake(exchange, exchange->schedule_ms);
        return;
    }
    bool known = other != NULL && !exchange_is_mute(other);
    if (known && (other->record.state == STATE_ANSWERED || other->record.state == STATE_STANDS)) {
        if (MUTATED(CANCELLED_IS_REVERSED))
            exchange_end_reversed(core, exchange, true);
        else if (!exchange->perhaps_ours)
            exchange_end_stands(core, exchange, 2503);
        else if (is_able(exchange, FEP_REVERSES)) /* it must not come after ours was told to stand */
            ask_own_cancel(core, exchange, 0);
        else if (core->now_ms >= exchange->clear_ms)
            exchange_end_stands(core, exchange, 2503);
        else
            exchange_wake(exchange, exchange->schedule_ms = exchange->clear_ms);
        return;
    }
    exchange->other_seen |= other != NULL;
    if (other == NULL && (exchange->perhaps_ours || forgetful) && exchange->other_seen) {
        exchange->other_seen = 0; /* it was that one, and it is undone: what was said of it is old */
        exchange->record.cure = exchange->perhaps_ours ? CURE_CANCEL_UNKNOWN : CURE_REVERSE;
        begin_schedule(core, exchange, 0);
        exchange_wake(exchange, exchange->schedule_ms);
        return;
    }
    /* Our own cancel's answer was lost, the original is told to be cancelled, and nobody else did it: ours is
     * in force. */
    if (other == NULL && (exchange->perhaps_ours || forgetful) &&
        (exchange->nobody_found || exchange->record.index.settlement_id[0] == '\0')) {
        exchange_end_reversed(core, exchange, true);
        return;
    }
    if (core->now_ms - exchange->schedule_base_ms >= OTHER_PATIENCE_MS) {
        give_up_waiting(core, exchange);
        return;
    }
    if (other == NULL)
        search_store(core, exchange);
    exchange->schedule_ms = core->now_ms + OTHER_PAUSE_MS;
    exchange_wake(exchange, exchange->schedule_ms);
}

/* --- what is due --- */

void
advance_cure(struct core *core, struct exchange *exchange)
{
    bool due = core->now_ms >= exchange->schedule_ms;
    if (is_waiting_for_outcome(exchange) || exchange->cure.open || order_cure_waits(core, exchange) ||
        exchange->target == NULL || exchange->target->status != PARTY_UP || restored_waits(core, exchange) ||
        !due) {
        pace_leave(core, exchange);
        if (!due)
            exchange_wake(exchange, exchange->schedule_ms);
        return;
    }
    if (exchange->record.cure != CURE_WAIT_OTHER && !pace_may_call(core, exchange))
        return;
    switch (exchange->record.cure) {
    case CURE_CANCEL:
        step_cancel(core, exchange);
        break;
    case CURE_CANCEL_UNKNOWN:
        step_cancel_unknown(core, exchange);
        break;
    case CURE_WAIT_OTHER:
        step_wait_other(core, exchange);
        break;
    default:
        step_reverse(core, exchange);
        break;
    }
}

/* --- what was found --- */

/* Canonical codes stand for findings where the mapping gave none. */
static unsigned
finding_of_reversal(const struct core_outcome *outcome)
{
    if (outcome->kind != FEP_ANSWERED && outcome->kind != FEP_REFUSED)
        return FEP_FOUND_IN_PROGRESS;
    if (outcome->finding != 0)
        return outcome->finding;
    return outcome->code == 2503   ? FEP_FOUND_STAYS_POSTED
           : outcome->code == 2504 ? FEP_FOUND_NEVER_ARRIVED
                                   : FEP_FOUND_IN_PROGRESS;
}

/* A sending whose answer did not come may still arrive: until then a "stays posted" does not count (F7). Nor
 * while a cancel of the lost store may. */
static void
note_unanswered(struct core *core, struct exchange *exchange, const struct core_outcome *outcome)
{
    if (outcome->kind == FEP_UNKNOWN)
        exchange->clear_ms = core->now_ms + REVERSE_CALL_MS + LATE_ARRIVAL_MS;
}

static bool
declined_for_good(struct core *core, struct exchange *exchange)
{
    if (restored_forgot(core, exchange) && exchange->clear_ms < core->lost_until_ms)
        exchange->clear_ms = core->lost_until_ms;
    if (core->now_ms >= exchange->clear_ms || MUTATED(DECLINED_AT_ONCE))
        return true;
    exchange->schedule_ms = exchange->clear_ms; /* and then asked again: it may have been undone meanwhile */
    return false;
}

/* One that is declined for good may bring what is known of the original's answer: what a cancel of it names.
 */
static void
reverse_done(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    const struct core_outcome *outcome = &event->outcome;
    unsigned finding = finding_of_reversal(outcome);
    note_unanswered(core, exchange, outcome);
    if (finding == FEP_FOUND_STAYS_POSTED)
        exchange_keep_answer(core, exchange, event);
    if (finding == FEP_FOUND_REVERSED || finding == FEP_FOUND_NEVER_ARRIVED)
        exchange_end_reversed(core, exchange, finding == FEP_FOUND_REVERSED);
    else if (finding != FEP_FOUND_STAYS_POSTED)
        reverse_again(core, exchange);
    else if (declined_for_good(core, exchange))
        begin_cancel(core, exchange);
}

static void
cancel_is_unknown(struct core *core, struct exchange *exchange)
{
    bool inquires = is_able(exchange, FEP_INQUIRES);
    if (MUTATED(SECOND_CANCEL)) {
        draw_cancel(core, exchange);
        return;
    }
    exchange->record.cure = CURE_CANCEL_UNKNOWN;
    exchange->cancel_until_ms = core->now_ms + REVERSE_CALL_MS + LATE_ARRIVAL_MS;
    exchange->clear_ms =
        core->now_ms + (is_able(exchange, FEP_REVERSES) ? 0 : REVERSE_CALL_MS + LATE_ARRIVAL_MS);
    begin_schedule(core, exchange, inquires ? inquiry_ms[0] : reverse_ms[0]);
}

/* An inquiry that finds the original cancelled does not say by whom: a refund of the caller's may itself be
 * undone later, and then ours would be posted again after it was told reversed. */
static void
wait_for_other(struct core *core, struct exchange *exchange, bool perhaps_ours)
{
    if (MUTATED(CANCEL_IS_OURS)) {
        exchange_end_reversed(core, exchange, true);
        return;
    }
    /* Cures of a person run one at a time: what is being undone now was in force when the inquiry was made.
     */
    struct search search = {.core = core, .original = exchange};
    table_each(&core->exchanges, look_at, &search);
    exchange->other_seen = search.other != NULL;
    exchange->perhaps_ours = perhaps_ours;
    exchange->record.cure = CURE_WAIT_OTHER;
    exchange->searched = exchange->nobody_found = 0;
    begin_schedule(core, exchange, 0);
}

static void
undo_done(struct core *core, struct exchange *exchange, const struct core_outcome *outcome)
{
    bool other =
        outcome->finding == FEP_FOUND_CANCELLED || (outcome->kind == FEP_REFUSED && outcome->code == 2402);
    if (other && outcome->kind != FEP_UNKNOWN) {
        wait_for_other(core, exchange, false);
    } else if (outcome->kind == FEP_ANSWERED) {
        exchange_end_reversed(core, exchange, true);
    } else if (outcome->kind == FEP_REFUSED && outcome->refusal_class == FEP_FINAL) {
        exchange_end_stands(core, exchange, outcome->code);
    } else if (outcome->kind == FEP_UNKNOWN) {
        cancel_is_unknown(core, exchange);
    } else {
        reverse_again(core, exchange); /* nothing was done: the same cancel again */
    }
}

static void
reverse_undo_done(struct core *core, struct exchange *exchange, const struct core_outcome *outcome)
{
    unsigned finding = finding_of_reversal(outcome);
    note_unanswered(core, exchange, outcome);
    if (finding == FEP_FOUND_REVERSED || finding == FEP_FOUND_NEVER_ARRIVED)
        draw_cancel(core, exchange); /* not in force: cancel anew */
    else if (finding != FEP_FOUND_STAYS_POSTED)
        reverse_again(core, exchange);
    else if (declined_for_good(core, exchange))
        exchange_end_reversed(core, exchange, true); /* in force */
}

static void
inquire_again(struct core *core, struct exchange *exchange)
{
    if (exchange->record.cure == CURE_CANCEL_UNKNOWN) {
        look_again(core, exchange, inquiry_ms, INQUIRIES);
        if (exchange->step >= INQUIRIES && is_able(exchange, FEP_REVERSES))
            exchange->schedule_ms = core->now_ms; /* inquiry has not told: reverse the cancel's own serial */
    } else {
        reverse_again(core, exchange);
    }
}

static void
found_posted(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    exchange_keep_answer(core, exchange, event);
    if (exchange->record.cure == CURE_CANCEL_UNKNOWN)
        inquire_again(core, exchange);
    else if (exchange->need_answer)
        draw_cancel(core, exchange);
    else if (is_able(exchange, FEP_REVERSES))
        return;
    else if (restored_forgot(core, exchange) && core->now_ms < core->lost_until_ms)
        exchange->schedule_ms = core->lost_until_ms;
    else
        begin_cancel(core, exchange);
}

/* By a person, who also brings the answer: what a reversal or a cancel needs to name it. */
void
cure_told_posted(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    found_posted(core, exchange, event);
    if (!exchange_is_mute(exchange))
        exchange->schedule_ms = core->now_ms;
}

static void
inquired(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    const struct core_outcome *outcome = &event->outcome;
    switch (outcome->kind == FEP_ANSWERED ? outcome->finding : FEP_FOUND_IN_PROGRESS) {
    case FEP_FOUND_REVERSED:
        exchange_end_reversed(core, exchange, true);
        break;
    case FEP_FOUND_NEVER_ARRIVED:
    case FEP_FOUND_REFUSED:
        exchange_end_reversed(core, exchange, false);
        break;
    case FEP_FOUND_CANCELLED:
        wait_for_other(core, exchange, exchange->record.cure == CURE_CANCEL_UNKNOWN);
        break;
    case FEP_FOUND_POSTED:
        found_posted(core, exchange, event);
        break;
    case FEP_FOUND_NOTHING:
        if (!is_able(exchange, FEP_REVERSES) && core->now_ms >= exchange->sent_ms + LATE_ARRIVAL_MS)
            exchange_end_reversed(core, exchange, false);
        else
            inquire_again(core, exchange);
        break;
    default:
        inquire_again(core, exchange);
        break;
    }
}

void
cure_done(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    switch (exchange->cure.operation) {
    case CORE_OP_INQUIRE:
        inquired(core, exchange, event);
        break;
    case CORE_OP_REVERSE:
        reverse_done(core, exchange, event);
        break;
    case CORE_OP_UNDO:
        undo_done(core, exchange, &event->outcome);
        break;
    default:
        reverse_undo_done(core, exchange, &event->outcome);
        break;
    }
}

/* The outcome that the cure waited for. Nothing of this serial is unanswered, so a refusal of any class
 * counts. */
void
cure_submission_done(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    switch (event->outcome.kind) {
    case FEP_ANSWERED:
        exchange_keep_answer(core, exchange, event);
        exchange->record.cure = CURE_REVERSE;
        begin_schedule(core, exchange, 0);
        break;
    case FEP_REFUSED:
    case FEP_NOT_SENT:
        exchange_end_reversed(core, exchange, false);
        break;
    default:
        exchange->record.cure = CURE_REVERSE;
        begin_schedule(core, exchange, reverse_ms[0]);
        break;
    }
}

/* The host is back and does not hold the call: what was asked before is unknown. */
void
cure_host_lost(struct core *core, struct exchange *exchange)
{
    if (exchange->record.cure == CURE_CANCEL)
        cancel_is_unknown(core, exchange);
    else
        begin_schedule(core, exchange, reverse_ms[0]);
    exchange->clear_ms = core->now_ms + REVERSE_CALL_MS + LATE_ARRIVAL_MS;
}
