/* Peers: an update handed to us, an ending reported to us, a commit confirmed. Must never refuse without a
 * record that makes the refusal final (rule 2), and never adopt a posted answer once a reversal is committed
 * (rule 10). */
#include "internal.h"

#include "clock.h"
#include "error_codes.h"

static struct exchange *
find_for_sender(const struct core *core, const struct message_key *key, const struct party *from)
{
    if (from->is_self || strcmp(key->origin, core->config.node) == 0)
        return exchange_find(core, key, ROLE_ORIGIN);
    return exchange_find(core, key, ROLE_TRANSIT);
}

struct plan { /* what becomes of an update that arrived */
    struct admission admission;
    enum exchange_role role;
    bool refused;
};

static void
refuse_plan(struct plan *plan, enum fep_refusal_class refusal_class, enum fep_reason reason, uint16_t code)
{
    plan->refused = true;
    plan->admission.refusal = (struct refusal){(uint8_t)refusal_class, (uint8_t)reason, code, NULL};
}

/* Rule 9: what it came with, less the time that it waited here for a commit. */
static int64_t
deadline_of(const struct core *core, const struct core_event *event)
{
    int64_t came_ms = event->now_ms != 0 ? event->now_ms : core->now_ms;
    return came_ms + event->travel.time_left_ms;
}

/* `role` 0: not known yet, follows from the way. */
static void
make_plan(struct core *core, const struct core_event *event, struct party *from, enum exchange_role role,
          struct plan *plan)
{
    const struct message_header *header = &event->header;
    *plan = (struct plan){.role = role};
    if (role == 0) {
        const struct party *first = first_target(core, header, &event->index, from);
        plan->role = first != NULL && first->is_instance ? ROLE_DESTINATION : ROLE_TRANSIT;
    }
    if (plan->role == ROLE_TRANSIT && event->travel.hops_left == 0) {
        refuse_plan(plan, FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_TOO_MANY_HOPS);
        alarm_about(core, FEP_E_TOO_MANY_HOPS, NULL, header, from);
    } else if (core->config.max_body_bytes != 0 && event->body.size > core->config.max_body_bytes) {
        refuse_plan(plan, FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_OVERSIZE);
    } else if (!choose_target(core, header, &event->index, from, plan->role, &plan->admission)) {
        plan->refused = true;
    } else if (plan->role == ROLE_DESTINATION && plan->admission.target->resolving &&
               !MUTATED(POSTS_UNRESOLVED)) {
        refuse_plan(plan, FEP_REPEATABLE, FEP_REASON_CLARIFYING, FEP_E_RESOLVING);
    } else if (!has_room(core) || core->disk_full) {
        refuse_plan(plan, FEP_REPEATABLE, FEP_REASON_BOUND, core->disk_full ? FEP_E_DISK_FULL : FEP_E_BOUND);
    } else if (order_clarifying(core, event->index.order_key, plan->role)) {
        refuse_plan(plan, FEP_REPEATABLE, FEP_REASON_CLARIFYING, FEP_E_CLARIFYING);
    } else if (plan->role == ROLE_DESTINATION) {
        if (transaction_find(core->transactions, header->infno) == NULL)
            refuse_plan(plan, FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_UNKNOWN_TRANSACTION);
        else if (deadline_of(core, event) - core->now_ms <
                     (int64_t)call_time_ms(core, header->infno) + DESTINATION_EXTRA_MS &&
                 !MUTATED(DISPATCHED_LATE))
            refuse_plan(plan, FEP_REPEATABLE, FEP_REASON_DEADLINE, FEP_E_TIME_LEFT);
    }
}

/* The attempt that has arrived: refused, queued, or marked in the same commit. */
static void
begin_attempt(struct core *core, struct exchange *exchange, const struct core_event *event,
              const struct plan *plan)
{
    struct exchange_record *record = &exchange->record;
    const struct refusal *refusal = &plan->admission.refusal;

    record->attempt = event->travel.attempt;
    record->hops_left = event->travel.hops_left != 0 ? event->travel.hops_left - 1 : 0;
    record->kind = record->reason = record->refusal_class = record->effect = record->tombstone = 0;
    record->code = 0;
    record->text[0] = '\0';
    exchange->offered = exchange->restored = exchange->sendings = exchange->step = 0;
    exchange->deadline_ms = exchange->arrived_deadline_ms = deadline_of(core, event);
    if (plan->refused) {
        exchange_refuse(core, exchange, refusal->refusal_class, refusal->reason, refusal->code,
                        refusal->text);
        return;
    }
    bool goes = plan->admission.now && order_free(core, record->index.order_key, record->role) &&
                credit_left(core, plan->admission.target);
    exchange_set_target(core, exchange, plan->admission.target);
    if (!goes)
        exchange_move(core, exchange, STATE_QUEUED);
    else if (record->role == ROLE_DESTINATION)
        dispatch_mark(core, exchange);
    else
        exchange_move(core, exchange, STATE_SENT);
    exchange_store(core, exchange);
}

static void
new_update(struct core *core, const struct core_event *event, struct party *from)
{
    struct plan plan;
    if (!has_reserved_room(core))
        return; /* nothing is answered: the sender repeats, its deadline and reversal settle it (rule 15) */
    core->open_total++; /* as if it were here already: it must fit beside the others */
    core->open_bytes += event->body.size;
    make_plan(core, event, from, 0, &plan);
    core->open_total--;
    core->open_bytes -= event->body.size;
    if (plan.refused && MUTATED(REFUSED_UNSTORED)) {
        settle_now(core, from, &event->header.key, event->reference, ACKED_UPDATE);
        send_ending(core, from, &event->header, event->travel.attempt, STATE_REFUSED,
                    plan.admission.refusal.code);
        return;
    }
    struct exchange *exchange = exchange_create(core, &event->header, plan.role);
    if (exchange == NULL)
        return;
    exchange->record.index = event->index;
    exchange->body = slice_share(event->body);
    core->open_bytes += exchange->body.size;
    exchange_attach(core, exchange, from, NULL);
    if (message_digest(&exchange->record.header, &exchange->body, exchange->record.digest) != 0) {
        exchange_remove(core, exchange);
        return;
    }
    exchange->founding = FOUNDED_BY_UPDATE;
    settle(core, exchange, from, event->reference, ACKED_UPDATE);
    begin_attempt(core, exchange, event, &plan);
}

bool
is_over_horizon(const struct core *core, uint32_t day)
{
    return !MUTATED(OLD_RUNS) && day != 0 &&
           clock_days_between(day, clock_date(core->wall_ms)) > (int)core->config.horizon_days;
}

/* Rule 3: our own message comes back from a peer. */
bool
is_loop(const struct core *core, const struct message_header *header, const struct party *from)
{
    return !from->is_self && strcmp(header->key.origin, core->config.node) == 0 && !MUTATED(LOOP_TAKEN);
}

/* The same attempt, on its way through here already, comes from another peer than the first time. An attempt
 * has one path (rule 7), so it went round in a circle that its origin is not part of. Taken for a copy it
 * would wait for itself. */
bool
comes_round(const struct exchange *exchange, const struct party *from, uint32_t attempt)
{
    const struct exchange_record *record = &exchange->record;
    return record->role == ROLE_TRANSIT && exchange->previous != NULL && exchange->previous != from &&
           attempt == record->attempt && !exchange_state_is_ending(record->state) && !MUTATED(CIRCLE_TAKEN);
}

/* Refused without a record: it would be refused again in any case, today and later, so the refusal is final
 * by nature. */
static void
refuse_for_ever(struct core *core, const struct core_event *event, struct party *from, uint16_t code)
{
    alarm_about(core, code, NULL, &event->header, from);
    settle_now(core, from, &event->header.key, event->reference, ACKED_UPDATE);
    send_ending(core, from, &event->header, event->travel.attempt, STATE_REFUSED, code);
}

void
on_update(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL || from->is_instance)
        return;
    struct exchange *exchange = exchange_find_relay(core, &event->header.key);
    if (is_loop(core, &event->header, from) ||
        (exchange != NULL && comes_round(exchange, from, event->travel.attempt))) {
        refuse_for_ever(core, event, from, FEP_E_ROUTING_LOOP);
    } else if (exchange != NULL) {
        exchange_input(core, exchange, event);
    } else if (is_over_horizon(core, event->header.day)) {
        refuse_for_ever(core, event, from, FEP_E_OVER_HORIZON); /* the day never comes nearer (rule 4) */
    } else {
        new_update(core, event, from);
    }
}

static bool
same_content(const struct exchange *exchange, const struct core_event *event)
{
    struct message_header header = event->header;
    uint8_t digest[DIGEST_SIZE];
    header.transaction_class = CLASS_UPDATE;
    return !has_digest(&exchange->record) || MUTATED(PEERS_CONTENT_TAKEN) ||
           (message_digest(&header, &event->body, digest) == 0 &&
            memcmp(digest, exchange->record.digest, DIGEST_SIZE) == 0);
}

static void
next_attempt(struct core *core, struct exchange *exchange, const struct core_event *event, struct party *from)
{
    struct plan plan;
    make_plan(core, event, from, exchange->record.role, &plan);
    exchange_attach(core, exchange, from, NULL);
    if (exchange->body.size == 0) {
        exchange->body = slice_share(event->body);
        core->open_bytes += exchange->body.size;
    }
    begin_attempt(core, exchange, event, &plan);
}

/* Another peer than the previous hop, as after a circle whose end it has forgotten with its store: that this
 * attempt never took effect, where that is so, and nothing else. */
void
tell_stranger(struct core *core, const struct exchange *exchange, const struct core_event *event,
              struct party *from, enum exchange_state state, uint16_t code)
{
    const struct exchange_record *record = &exchange->record;
    bool without_effect = record->state == STATE_REFUSED || record->state == STATE_REVERSED;
    if (without_effect && event->travel.attempt <= record->attempt)
        send_ending(core, from, &event->header, event->travel.attempt, state, code);
}

/* An update under a key that this gateway knows; what it brought is settled with the exchange's next
 * silence. */
void
update_copy(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct party *from = party_find(core, event->from);
    if (from == NULL)
        return;
    if (!same_content(exchange, event)) {
        alarm_about(core, FEP_E_OTHER_CONTENT, record, NULL, from);
        send_ending(core, from, &event->header, event->travel.attempt, STATE_REFUSED, FEP_E_OTHER_CONTENT);
        return;
    }
    if (event->travel.attempt < record->attempt && MUTATED(LOWER_ATTEMPT_RUNS) &&
        record->state == STATE_REFUSED) {
        next_attempt(core, exchange, event, from);
        return;
    }
    if (event->travel.attempt <
        record->attempt) { /* dropped; a restored origin hears the later one's ending */
        if (from == exchange->previous)
            record->outcome_relayed = 0;
        else /* it was refused, or there were no higher one */
            send_ending(core, from, &event->header, event->travel.attempt, STATE_REFUSED, FEP_E_ROUTING_LOOP);
        return;
    }
    if (event->travel.attempt > record->attempt) {
        if (record->state == STATE_REFUSED &&
            (record->reversal_cause == REVERSAL_NONE || MUTATED(NEXT_AFTER_REVERSAL)))
            next_attempt(core, exchange, event, from);
        else
            alarm_about(core, FEP_E_LOWER_ATTEMPT, record, NULL, from);
        return;
    }
    if (MUTATED(STRANGER_ANSWERED))
        exchange_attach(core, exchange, from, exchange->target);
    if (from != exchange->previous) {
        alarm_about(core, FEP_E_NOT_ORIGIN, record, NULL, from);
        tell_stranger(core, exchange, event, from, STATE_REFUSED, FEP_E_ROUTING_LOOP);
        return;
    }
    record->outcome_relayed = 0;
    exchange->repeat_ms = 0; /* an ending is told again, now */
}

void
on_outcome(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL || from->is_instance)
        return;
    struct exchange *exchange = find_for_sender(core, &event->header.key, from);
    if (exchange != NULL && !(MUTATED(OUTCOME_AT_BOUND) && core->disk_full))
        exchange_input(core, exchange, event);
    else /* settled and closed here, or never ours: nothing to commit */
        settle_now(core, from, &event->header.key, event->reference, ACKED_OUTCOME);
}

/* Rule 16: the origin decides whether the answer can be handed over before it commits an ending. */
static void
hold_for_rendering(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct input *held = pool_take(&core->input_pool);
    if (held == NULL)
        return; /* reserved before the step */
    held->event = *event;
    held->event.body = slice_share(event->body);
    exchange->held = held;
    exchange->render_ticket = NULL;
    render_held(core, exchange);
}

static void
take_answer(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    bool origin = exchange->record.role == ROLE_ORIGIN;
    exchange->record.times.outcome = core->wall_ms;
    if (origin && event->outcome.reason == FEP_REASON_INCONSISTENT) {
        alarm_about(core, FEP_E_INCONSISTENT, &exchange->record, NULL, exchange->target);
        exchange_keep_answer(core, exchange, event);
        start_reversal(core, exchange, REVERSAL_INCONSISTENT);
    } else if (origin && tell_first(exchange) != NULL) {
        hold_for_rendering(core, exchange, event);
    } else {
        exchange_keep_answer(core, exchange, event);
        exchange_end(core, exchange, STATE_ANSWERED, &event->outcome);
    }
}

void
drop_held(struct core *core, struct exchange *exchange)
{
    if (exchange->held != NULL)
        list_append(&core->dead_inputs, &exchange->held->link);
    exchange->held = NULL;
}

static void
outcome_while_sent(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    enum exchange_state state = event->outcome.state;
    if (state == STATE_ANSWERED) {
        if (exchange->held == NULL)
            take_answer(core, exchange, event);
        return;
    }
    drop_held(core, exchange);
    exchange_end(core, exchange, state, &event->outcome);
    if (state == STATE_STANDS)
        alarm_about(core, FEP_E_STANDS, &exchange->record, NULL, exchange->target);
}

/* From the commit of a reversal on, a posted answer is recorded and never adopted; the update ends by the
 * reversal's result (rule 10). */
static void
outcome_while_reversing(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    switch (event->outcome.state) {
    case STATE_ANSWERED:
        if (MUTATED(ADOPTED_AFTER_REVERSAL)) {
            exchange_end(core, exchange, STATE_ANSWERED, &event->outcome);
            break;
        }
        if (record->role == ROLE_ORIGIN && exchange->answer.size == 0 && event->body.size != 0) {
            exchange_keep_answer(core, exchange, event);
            exchange_store(core, exchange);
        }
        break;
    case STATE_REFUSED:
        if (event->travel.attempt >= record->reversal_attempt)
            exchange_end_reversed(core, exchange, false);
        break;
    default:
        if (event->travel.attempt < record->reversal_attempt)
            break;
        exchange_end(core, exchange, event->outcome.state, &event->outcome);
        if (event->outcome.state == STATE_STANDS)
            alarm_about(core, FEP_E_STANDS, record, NULL, exchange->target);
        break;
    }
}

/* The next hop; where a damaged row has lost which one it was, another peer that holds the exchange. */
static bool
may_tell(const struct exchange *exchange, const struct party *from)
{
    if (exchange->target != NULL || exchange->record.target[0] != '\0')
        return from == exchange->target;
    return from != NULL && exchange->record.state == STATE_REVERSING && !from->is_instance &&
           !from->is_self && from != exchange->previous;
}

void
outcome_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct party *from = party_find(core, event->from);
    restored_follow(core, exchange, from);
    if (!may_tell(exchange, from) || !exchange_state_is_ending(event->outcome.state) ||
        event->outcome.state >= STATE_COUNT) {
        alarm_about(core, FEP_E_NOT_ORIGIN, record, NULL, from);
        return;
    }
    if (event->travel.attempt < record->attempt && !MUTATED(OUTCOME_OF_LOWER_ATTEMPT))
        return; /* of a lower attempt: dropped (rule 2) */
    if (event->travel.attempt > record->attempt && !exchange_state_is_ending(record->state))
        record->attempt = event->travel.attempt; /* a restored origin has forgotten it */
    if ((record->state == STATE_SENT && exchange->offered) || record->state == STATE_RELAYED)
        outcome_while_sent(core, exchange, event);
    else if (record->state == STATE_REVERSING)
        outcome_while_reversing(core, exchange, event);
}

void
on_acked(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    struct exchange *exchange;
    if (from == NULL || from->is_instance)
        return;
    if (event->acked != ACKED_OUTCOME)
        exchange = find_for_sender(core, &event->header.key, from);
    else if (from->is_self)
        exchange = exchange_find(core, &event->header.key, ROLE_DESTINATION);
    else
        exchange = exchange_find_relay(core, &event->header.key);
    if (exchange != NULL)
        exchange_input(core, exchange, event);
}
