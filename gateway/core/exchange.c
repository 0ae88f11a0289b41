/* One exchange: what is known of an update at this gateway in one role. The only place that changes its
 * state, and the place that makes it mute from a change until the commit. Must never let an input act on a
 * state that is not on disk: inputs that come meanwhile wait in the inbox. A refused commit is tried
 * again, unchanged, until the disk takes it; an exchange that was never committed disappears instead
 * (on_store.c). */
#include "internal.h"

#include <assert.h>
#include <stdio.h>

#include "error_codes.h"

static struct exchange *
owner_of(struct table_link *link)
{
    return list_owner(link, struct exchange, by_key);
}

struct exchange *
exchange_find(const struct core *core, const struct message_key *key, enum exchange_role role)
{
    struct table_link *at = table_find(&core->exchanges, message_key_hash(key));
    for (; at != NULL; at = table_find_next(at))
        if (owner_of(at)->record.role == role && message_key_equal(&owner_of(at)->record.header.key, key))
            return owner_of(at);
    return NULL;
}

struct exchange *
exchange_find_relay(const struct core *core, const struct message_key *key)
{
    struct exchange *exchange = exchange_find(core, key, ROLE_DESTINATION);
    return exchange != NULL ? exchange : exchange_find(core, key, ROLE_TRANSIT);
}

/* NULL without memory. State NONE; the caller moves it, attaches its parties and stores it. */
struct exchange *
exchange_create(struct core *core, const struct message_header *header, enum exchange_role role)
{
    struct exchange *exchange = pool_take(&core->exchange_pool);
    if (exchange == NULL)
        return NULL;
    if (timer_heap_set(&core->timers, &exchange->timed.node, NEVER) != 0) {
        pool_give(&core->exchange_pool, exchange);
        return NULL;
    }
    exchange->timed.exchange = exchange;
    exchange->submit.exchange = exchange->cure.exchange = exchange;
    exchange->record.header = *header;
    exchange->record.role = (uint8_t)role;
    exchange->record.header.transaction_class = CLASS_UPDATE;
    exchange->record.times.accepted = core->wall_ms;
    exchange->deadline_ms = exchange->schedule_ms = exchange->wake_ms = NEVER;
    list_init(&exchange->inbox);
    list_init(&exchange->tickets);
    table_add(&core->exchanges, &exchange->by_key, message_key_hash(&header->key));
    core->open_total++;
    core->state_counts[STATE_NONE]++;
    return exchange;
}

void
exchange_set_target(struct core *core, struct exchange *exchange, struct party *target)
{
    (void)core;
    list_remove(&exchange->toward);
    list_remove(&exchange->waiting);
    list_remove(&exchange->in_cures);
    exchange->target = target;
    memset(exchange->record.target, 0, sizeof exchange->record.target);
    if (target == NULL)
        return;
    memcpy(exchange->record.target, target->name, sizeof exchange->record.target);
    list_append(&target->toward, &exchange->toward);
}

void
exchange_attach(struct core *core, struct exchange *exchange, struct party *previous, struct party *target)
{
    list_remove(&exchange->from);
    exchange->previous = previous;
    if (previous != NULL) {
        memcpy(exchange->record.previous, previous->name, sizeof exchange->record.previous);
        list_append(&previous->from, &exchange->from);
    }
    exchange_set_target(core, exchange, target);
}

bool
has_digest(const struct exchange_record *record)
{
    static const uint8_t none[DIGEST_SIZE];
    return memcmp(record->digest, none, DIGEST_SIZE) != 0;
}

bool
exchange_uses_credit(const struct exchange *exchange)
{
    if (exchange->target == NULL)
        return false;
    enum exchange_state state = exchange->record.state;
    if (exchange->record.role == ROLE_DESTINATION)
        return state == STATE_DISPATCHED;
    return state == STATE_SENT || state == STATE_RELAYED;
}

/* The one function that changes a state. A move that the table does not know is a mistake of ours: better to
 * end and recover than to tell something untrue. */
void
exchange_move(struct core *core, struct exchange *exchange, enum exchange_state state)
{
    enum exchange_state from = exchange->record.state;
    struct party *credited = exchange_uses_credit(exchange) ? exchange->target : NULL;
    bool was_ended = exchange_state_is_ending(from);
    bool was_unclear = from == STATE_UNKNOWN || from == STATE_REVERSING;

    assert(core_legal_moves(exchange->record.role, from) & STATE_BIT(state) || MUTATED(LATE_ADOPTED) ||
           MUTATED(ADOPTED_AFTER_REVERSAL));
    exchange_reopen(core, exchange);
    core->state_counts[from]--;
    core->state_counts[state]++;
    exchange->record.state = (uint8_t)state;
    bool waited = list_is_in(&exchange->waiting);
    list_remove(&exchange->waiting);
    list_remove(&exchange->in_cures);
    if (!was_unclear && (state == STATE_UNKNOWN || state == STATE_REVERSING))
        unclear_begin(core, exchange);
    if (exchange_uses_credit(exchange) && credited == NULL) {
        exchange->target->in_flight++;
    } else if (credited != NULL && !exchange_uses_credit(exchange)) {
        credited->in_flight--;
        credit_pump(core, credited);
    }
    if (waited && credit_left(core, exchange->target))
        credit_pump(core, exchange->target);
    if (exchange_state_is_ending(state)) {
        exchange->record.outcome_relayed = 0;
        exchange->deadline_ms = exchange->schedule_ms = NEVER;
        exchange->repeat_ms = 0;
    } else if (was_ended || from == STATE_NONE) {
        order_enter(core, exchange);
    }
}

void
exchange_store(struct core *core, struct exchange *exchange)
{
    exchange_reopen(core, exchange);
    struct core_command *command = emit(core, exchange->stored ? CMD_STORE_UPDATE : CMD_STORE_INSERT);
    command->sequence = exchange->store_sequence = ++core->sequence;
    command->record = emit_record(core, &exchange->record);
    command->body = exchange->body;
    if (!exchange->answer_stored)
        command->answer = exchange->answer;
    exchange->store_retry_ms = 0;
    list_remove(&exchange->in_store);
    list_append(&core->storing, &exchange->in_store);
    exchange_work(core, exchange);
}

void
exchange_work(struct core *core, struct exchange *exchange)
{
    if (!list_is_in(&exchange->working) && !exchange->dead)
        list_append(&core->working, &exchange->working);
}

static bool
inbox_has_room(const struct exchange *exchange, enum event_type type)
{
    size_t count = 0,
           room = type == EVENT_DONE || type == EVENT_LATE || type == EVENT_RENDERED ? 2 * INBOX : INBOX;
    for (struct list_link *at = list_first(&exchange->inbox); at != NULL;
         at = list_after(&exchange->inbox, at))
        count++;
    return count < room;
}

/* Hands an input over; while a commit is outstanding it waits. One too many is dropped unacknowledged: its
 * sender offers it again. */
void
exchange_input(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    if (!exchange_is_mute(exchange) && list_is_empty(&exchange->inbox)) {
        exchange_handle(core, exchange, event);
        exchange_work(core, exchange);
        return;
    }
    struct input *input = inbox_has_room(exchange, event->type) ? pool_take(&core->input_pool) : NULL;
    if (input == NULL)
        return;
    input->event = *event;
    input->event.from = party_find(core, event->from)->name; /* lives as long as the core */
    input->event.body = slice_share(event->body);
    input->event.found_answer = slice_share(event->found_answer);
    list_append(&exchange->inbox, &input->link);
}

static void
arm(struct core *core, struct exchange *exchange)
{
    int64_t due = exchange->wake_ms, tickets = tickets_due(exchange);
    if (exchange_is_mute(exchange))
        due = exchange->store_retry_ms != 0 ? exchange->store_retry_ms : NEVER;
    if (tickets < due)
        due = tickets;
    if (due != exchange->timed.node.due_ms) /* it is in the heap since it was made, so this can not fail */
        (void)timer_heap_set(&core->timers, &exchange->timed.node, due);
}

static void
take_outcome(struct exchange *exchange, const struct core_outcome *outcome)
{
    struct exchange_record *record = &exchange->record;
    record->kind = outcome->kind;
    record->effect = outcome->effect != FEP_EFFECT_NONE ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    record->refusal_class = outcome->refusal_class == FEP_REPEATABLE ? FEP_REPEATABLE : FEP_FINAL;
    record->reason = outcome->reason < FEP_REASON_COUNT ? outcome->reason : FEP_REASON_PROTOCOL;
    record->code = outcome->code;
    memcpy(record->text, outcome->text, sizeof record->text);
    record->text[sizeof record->text - 1] = '\0';
}

static uint8_t
kind_of_ending(enum exchange_state state)
{
    return state == STATE_ANSWERED ? FEP_ANSWERED : state == STATE_STANDS ? FEP_UNKNOWN : FEP_REFUSED;
}

/* What is said about a commit in the log: an ending once, other states as steps. */
static void
log_commit(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    bool ended = exchange_state_is_ending(record->state);
    exchange->just_committed = 0;
    if (record->state == exchange->logged_state && record->attempt == exchange->logged_attempt)
        return;
    exchange->logged_state = record->state;
    exchange->logged_attempt = record->attempt;
    if (ended)
        core->endings[record->state]++;
    if (ended && record->role == ROLE_ORIGIN && record->times.told == 0 && tell_first(exchange) != NULL)
        record->times.told = core->wall_ms;
    struct core_command *command = emit(core, ended ? CMD_LOG_OUTCOME : CMD_LOG_STEP);
    command->record = emit_record(core, record);
    command->code = ended ? exchange->alarm_code : 0;
}

void
exchange_run(struct core *core, struct exchange *exchange)
{
    struct list_link *at;
    if (exchange->just_committed)
        log_commit(core, exchange);
    flush_acks(core, exchange);
    while (!exchange_is_mute(exchange) && (at = list_first(&exchange->inbox)) != NULL) {
        list_remove(at);
        exchange_handle(core, exchange, &list_owner(at, struct input, link)->event);
        list_append(&core->dead_inputs, at);
        flush_acks(core, exchange);
    }
    if (exchange_is_mute(exchange)) {
        if (exchange->store_retry_ms != 0 && core->now_ms >= exchange->store_retry_ms)
            exchange_store(core, exchange);
        tell_overdue(core, exchange);
    } else {
        exchange->wake_ms = NEVER;
        advance(core, exchange);
    }
    if (!exchange->dead)
        arm(core, exchange);
}

void
exchange_note_outcome(struct exchange *exchange, const struct core_outcome *outcome,
                      enum exchange_state state)
{
    take_outcome(exchange, outcome);
    exchange->record.kind = kind_of_ending(state);
}

/* An ending: state and words in one commit. */
void
exchange_end(struct core *core, struct exchange *exchange, enum exchange_state state,
             const struct core_outcome *outcome)
{
    take_outcome(exchange, outcome);
    exchange->record.kind = kind_of_ending(state);
    if (state == STATE_REVERSED || state == STATE_REFUSED)
        exchange->record.effect = FEP_EFFECT_NONE;
    if (state != STATE_REFUSED)
        exchange->record.refusal_class = FEP_FINAL;
    exchange->record.times.outcome = core->wall_ms;
    exchange_move(core, exchange, state);
    exchange_store(core, exchange);
}

void
exchange_refuse(struct core *core, struct exchange *exchange, enum fep_refusal_class refusal_class,
                enum fep_reason reason, uint16_t code, const char *text)
{
    struct core_outcome outcome = {
        .refusal_class = (uint8_t)refusal_class, .reason = (uint8_t)reason, .code = code};
    if (text != NULL)
        snprintf(outcome.text, sizeof outcome.text, "%s", text);
    exchange_end(core, exchange, STATE_REFUSED, &outcome);
}

void
exchange_end_reversed(struct core *core, struct exchange *exchange, bool had_effect)
{
    struct core_outcome outcome = {.reason = FEP_REASON_CANCELLED,
                                   .code = had_effect ? FEP_E_REVERSED : FEP_E_WITHDRAWN};
    exchange_end(core, exchange, STATE_REVERSED, &outcome);
}

void
exchange_end_stands(struct core *core, struct exchange *exchange, uint16_t code)
{
    struct core_outcome outcome = {.effect = FEP_EFFECT_POSTED, .code = code};
    exchange_end(core, exchange, STATE_STANDS, &outcome);
    alarm_about(core, FEP_E_STANDS, &exchange->record, NULL, exchange->target);
}

/* The index of an answer beside that of its request. The order key is the request's, since it names the
 * person; so are the ids that the request names itself (a cancel's answer may carry a new settlement id, but
 * it is the old one that it cancelled). Of the rest the answer's values win where it has any. */
void
rest_index(struct fep_index *index, const struct fep_index *from)
{
    struct fep_index merged = *from;
    if (from->size == 0)
        return;
    if (!MUTATED(ANSWERS_PERSON))
        memcpy(merged.order_key, index->order_key, sizeof merged.order_key);
    if (index->visit_id[0] != '\0')
        memcpy(merged.visit_id, index->visit_id, sizeof merged.visit_id);
    if (index->settlement_id[0] != '\0')
        memcpy(merged.settlement_id, index->settlement_id, sizeof merged.settlement_id);
    if (from->med_type[0] == '\0')
        memcpy(merged.med_type, index->med_type, sizeof merged.med_type);
    if (from->insutype[0] == '\0')
        memcpy(merged.insutype, index->insutype, sizeof merged.insutype);
    *index = merged;
}

void
exchange_keep_answer(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    (void)core;
    if (!MUTATED(ANSWERS_INDEX_LOST))
        rest_index(&exchange->record.index, &event->index);
    if (event->body.size == 0 || exchange->answer.size != 0)
        return; /* an answer that is held may be in a command of this step; the first is as good */
    exchange->answer = slice_share(event->body);
    exchange->answer_stored = 0;
}

/* Puts what the store holds in place of what memory has. Memory must assume that bytes have left and nobody
 * waits. The state is not moved but found, so the table of moves has no say. */
void
exchange_restore(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    bool had_credit = exchange_uses_credit(exchange);

    core->state_counts[record->state]--;
    if (had_credit)
        exchange->target->in_flight--;
    table_remove(&core->serials, &exchange->by_serial);
    table_remove(&core->exchanges, &exchange->by_key);
    *record = *event->found;
    table_add(&core->exchanges, &exchange->by_key, message_key_hash(&record->header.key));
    core->state_counts[record->state]++;
    core->open_bytes -= exchange->body.size;
    slice_release(&exchange->body);
    slice_release(&exchange->answer);
    exchange->body = slice_share(event->found_body);
    exchange->answer = slice_share(event->found_answer);
    core->open_bytes += exchange->body.size;
    exchange_attach(core, exchange, party_find(core, record->previous), party_find(core, record->target));
    if (exchange_uses_credit(exchange) && exchange->target != NULL)
        exchange->target->in_flight++;
    exchange->stored = exchange->answer_stored = 1;
    exchange->logged_state = record->state;
    exchange->logged_attempt = record->attempt;
    exchange->restored = 1;
    exchange->offered = record->state != STATE_QUEUED;
    exchange->sendings = 1;
    if (record->state == STATE_REVERSING) { /* a sending from before may still arrive */
        exchange->clear_ms = exchange->cancel_until_ms = core->now_ms + REVERSE_CALL_MS + LATE_ARRIVAL_MS;
        exchange->acted_ms = core->now_ms;
    }
    exchange->sent_ms = core->now_ms;
    if (record->state == STATE_UNKNOWN || record->state == STATE_REVERSING)
        unclear_begin(core, exchange);
    if (record->role == ROLE_DESTINATION && record->local.serial != 0 && !exchange->by_serial.in_table)
        table_add(&core->serials, &exchange->by_serial, record->local.serial);
}
