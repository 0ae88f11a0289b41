/* What is due, at the origin and on the way, follows from the committed state alone: the same code runs after
 * a fresh commit, after a restart, when a link comes up and when a timer fires. Must never be called while a
 * commit is outstanding. It can be called any number of times: what is not due is not done. */
#include "internal.h"

#include "error_codes.h"

static bool
is_up(const struct party *party)
{
    return party != NULL && party->status == PARTY_UP;
}

/* Rule 9 for what waits at the destination: it must still fit the local call. */
static int64_t
latest_start_ms(const struct core *core, const struct exchange *exchange)
{
    if (exchange->record.role != ROLE_DESTINATION || exchange->deadline_ms == NEVER ||
        MUTATED(DISPATCHED_LATE))
        return exchange->deadline_ms;
    return exchange->deadline_ms - call_time_ms(core, exchange->record.header.infno) - DESTINATION_EXTRA_MS;
}

static void
mark(struct core *core, struct exchange *exchange)
{
    if (exchange->record.role == ROLE_DESTINATION) {
        dispatch_mark(core, exchange);
    } else {
        exchange->offered = exchange->restored = 0;
        exchange_move(core, exchange, STATE_SENT);
    }
    exchange_store(core, exchange);
}

/* Nothing has left: the way is chosen again, within the same kind of target (the role is part of the key).
 * Rules 7, 8. */
static bool
choose_again(struct core *core, struct exchange *exchange)
{
    struct admission admission = {0};
    if (exchange->target != NULL && (exchange->target->status != PARTY_DOWN || MUTATED(NO_ROUTE_WAITED)))
        return true;
    if (exchange->previous != NULL && choose_target(core, &exchange->record.header, &exchange->record.index,
                                                    exchange->previous, exchange->record.role, &admission)) {
        exchange_set_target(core, exchange, admission.target);
        return true;
    }
    exchange_refuse(core, exchange, FEP_REPEATABLE, FEP_REASON_LINK_DOWN, FEP_E_ALL_ROUTES_DOWN, NULL);
    return false;
}

void
advance_queued(struct core *core, struct exchange *exchange)
{
    int64_t latest = latest_start_ms(core, exchange);
    bool destination = exchange->record.role == ROLE_DESTINATION;
    if (core->now_ms >= latest) {
        exchange_refuse(core, exchange, FEP_REPEATABLE, FEP_REASON_DEADLINE,
                        destination ? FEP_E_TIME_LEFT : FEP_E_DEADLINE_NOT_SENT, NULL);
        return;
    }
    exchange_wake(exchange, latest);
    if (!choose_again(core, exchange))
        return;
    if (!order_permits(core, exchange)) {
        list_remove(&exchange->waiting);
        return;
    }
    if (party_usable(exchange->target) && credit_left(core, exchange->target)) {
        mark(core, exchange);
        return;
    }
    if (!list_is_in(&exchange->waiting))
        list_append(&exchange->target->waiting, &exchange->waiting);
}

/* The mark is on disk. First bytes, and again while the next hop has not said that it holds the message. */
static void
offer_update(struct core *core, struct exchange *exchange)
{
    if (exchange->record.state != STATE_SENT || !is_up(exchange->target) || exchange->restored)
        return;
    if (exchange->offered && core->now_ms < exchange->repeat_ms) {
        exchange_wake(exchange, exchange->repeat_ms);
        return;
    }
    if (!exchange->offered)
        exchange->record.times.sent = core->wall_ms;
    exchange->offered = 1;
    exchange->repeat_ms = core->now_ms + core->config.repeat_ms;
    exchange_wake(exchange, exchange->repeat_ms);
    send_update(core, exchange);
}

/* Rule 10. The caller is told "open"; where it can inquire, a late answer is awaited and adopted, elsewhere
 * the reversal is committed at once. */
static void
origin_overdue(struct core *core, struct exchange *exchange)
{
    int64_t until = exchange->deadline_ms + (exchange->caller_inquires ? core->config.adopt_wait_ms : 0);
    if (MUTATED(OVERDUE_REFUSED)) {
        exchange_refuse(core, exchange, FEP_FINAL, FEP_REASON_DEADLINE, FEP_E_DEADLINE_NOT_SENT, NULL);
        return;
    }
    if (!exchange->told_open) {
        exchange->told_open = 1;
        tell_all_open(core, exchange, false);
    }
    if (MUTATED(OVERDUE_LEFT))
        return;
    if (exchange->held != NULL &&
        exchange->caller_inquires) { /* nobody waits any more: nothing to render for */
        rendered_handle(core, exchange, true);
        return;
    }
    if (core->now_ms < until) {
        exchange_wake(exchange, until);
        return;
    }
    start_reversal(core, exchange, REVERSAL_DEADLINE);
}

static void
advance_sent(struct core *core, struct exchange *exchange)
{
    restored_ask(core, exchange);
    if (restored_waits(core, exchange)) { /* the next hop was not heard yet, and may have answered */
    } else if (core->now_ms < exchange->deadline_ms) {
        exchange_wake(exchange, exchange->deadline_ms);
        offer_update(core, exchange);
    } else if (!exchange->offered) { /* the mark is there, but not a byte has left, and none will */
        exchange_refuse(core, exchange, FEP_REPEATABLE, FEP_REASON_DEADLINE, FEP_E_DEADLINE_NOT_SENT, NULL);
        return;
    } else if (exchange->record.role == ROLE_ORIGIN) {
        origin_overdue(core, exchange);
        return;
    }
    if (exchange->held != NULL)
        render_held(core, exchange);
}

/* Undoing at the origin, or on order of the previous hop: from this commit on a posted answer is never
 * adopted. The reversal names the attempt and so all lower ones (rule 12). */
void
start_reversal(struct core *core, struct exchange *exchange, enum reversal_cause cause)
{
    struct exchange_record *record = &exchange->record;
    record->reversal_cause = (uint8_t)cause;
    if (record->reversal_attempt < record->attempt)
        record->reversal_attempt = record->attempt;
    record->reversal_relayed = 0;
    exchange->repeat_ms = 0;
    exchange->deadline_ms = NEVER;
    if (exchange->held != NULL) {
        exchange_keep_answer(core, exchange, &exchange->held->event);
        list_append(&core->dead_inputs, &exchange->held->link);
        exchange->held = NULL;
    }
    exchange_move(core, exchange, STATE_REVERSING);
    exchange_store(core, exchange);
}

/* Acknowledged, the reversal is still asked about from time to time: the ending may have been lost with an
 * acknowledgement that was meant for an earlier one. */
static void
advance_reversing(struct core *core, struct exchange *exchange)
{
    if (!is_up(exchange->target) || restored_waits(core, exchange) ||
        (MUTATED(REVERSAL_ONCE) && exchange->repeat_ms != 0))
        return;
    if (core->now_ms >= exchange->repeat_ms) {
        int64_t pause = core->config.repeat_ms;
        exchange->repeat_ms =
            core->now_ms + (exchange->record.reversal_relayed ? pause * SLOW_REPEATS : pause);
        send_reversal(core, exchange);
    }
    exchange_wake(exchange, exchange->repeat_ms);
}

static void
advance_ended(struct core *core, struct exchange *exchange)
{
    if (exchange->record.role == ROLE_ORIGIN) {
        tell_ending(core, exchange);
        exchange_close(core, exchange);
        return;
    }
    if (exchange->record.outcome_relayed || restored_tells_nobody(core, exchange)) {
        if (!exchange->lingering && !restored_stays_open(exchange))
            exchange_close(core, exchange);
        return;
    }
    if (!is_up(exchange->previous))
        return;
    if (core->now_ms >= exchange->repeat_ms) {
        uint8_t copy = exchange->repeat_ms != 0;
        exchange->repeat_ms = core->now_ms + core->config.repeat_ms;
        send_outcome(core, exchange, copy);
        exchange->record.outcome_relayed |= MUTATED(OUTCOME_ONCE);
    }
    exchange_wake(exchange, exchange->repeat_ms);
}

void
advance(struct core *core, struct exchange *exchange)
{
    bool destination = exchange->record.role == ROLE_DESTINATION;

    tell_overdue(core, exchange);
    switch ((enum exchange_state)exchange->record.state) {
    case STATE_QUEUED:
        advance_queued(core, exchange);
        break;
    case STATE_SENT:
    case STATE_RELAYED:
        advance_sent(core, exchange);
        break;
    case STATE_DISPATCHED:
        advance_dispatched(core, exchange);
        break;
    case STATE_UNKNOWN:
        advance_unknown(core, exchange);
        break;
    case STATE_REVERSING:
        if (destination)
            advance_cure(core, exchange);
        else
            advance_reversing(core, exchange);
        break;
    case STATE_ANSWERED:
    case STATE_REFUSED:
    case STATE_REVERSED:
    case STATE_STANDS:
        advance_ended(core, exchange);
        break;
    case STATE_NONE:
    case STATE_COUNT:
        break;
    }
    if (exchange->record.state == STATE_UNKNOWN || exchange->record.state == STATE_REVERSING)
        unclear_watch(core, exchange);
}
