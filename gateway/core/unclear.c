/* Updates whose outcome is not known, for people: since when, what happens next by itself, and settling one
 * by hand after two people have found out what became of it. A person's word is taken as an inquiry's finding
 * would be, and only where no call of the gateway's own can still contradict it. Must never let a person end
 * what the local system may still be asked about at this moment, and never undo what a person said was posted
 * unless its reversal was stored before. */
#include "internal.h"

#include <stdio.h>

#include "error_codes.h"

/* --- since when --- */

static int64_t
later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of a restored one the record tells, roughly. */
void
unclear_begin(struct core *core, struct exchange *exchange)
{
    const struct exchange_times *times = &exchange->record.times;
    int64_t since = later_of(later_of(times->accepted, times->sent), times->outcome);
    exchange->unclear_ms = core->now_ms;
    if (exchange->stored && core->recovering && since > 0 && since < core->wall_ms)
        exchange->unclear_ms -= core->wall_ms - since;
    exchange->asked = exchange->last_finding = 0;
    exchange->alarm_code = 0;
    exchange->alarmed = 0;
}

/* An alarm when it is unclear for too long: once, and not thousands in the same moment. Where a line is down
 * that is told for itself. */
void
unclear_watch(struct core *core, struct exchange *exchange)
{
    enum { ALARM_EVERY_MS = 10000, ALARM_BURST_MS = 160000 };
    int64_t due = exchange->unclear_ms + core->config.unclear_ms;
    if (exchange->alarmed)
        return;
    if (core->now_ms < due) {
        exchange_wake(exchange, due);
        return;
    }
    if (exchange->target == NULL || exchange->target->status != PARTY_UP || exchange->cure.open)
        return; /* looked at again when it is back, or has answered */
    if (exchange->record.role != ROLE_DESTINATION && !exchange->record.reversal_relayed)
        return; /* the next hop has not taken it over yet; that wakes it */
    if (core->alarms_ms < core->now_ms - ALARM_BURST_MS)
        core->alarms_ms = core->now_ms - ALARM_BURST_MS;
    if (core->alarms_ms + ALARM_EVERY_MS > core->now_ms) {
        exchange_wake(exchange, core->now_ms + ALARM_BURST_MS);
        return;
    }
    core->alarms_ms += ALARM_EVERY_MS;
    exchange->alarmed = 1;
    exchange->alarm_code = FEP_E_RESOLVE_LONG;
    alarm_about(core, FEP_E_RESOLVE_LONG, &exchange->record, NULL, exchange->target);
}

/* --- settled by hand --- */

static bool
is_unclear(const struct exchange *exchange)
{
    return exchange->record.state == STATE_UNKNOWN || exchange->record.state == STATE_REVERSING;
}

/* The findings that fit its state (bits), whatever is under way. */
static unsigned
fitting(const struct exchange *exchange)
{
    const struct exchange_record *record = &exchange->record;
    unsigned undone = 1u << RESOLVED_UNDONE, not_posted = 1u << RESOLVED_NOT_POSTED,
             posted = 1u << RESOLVED_POSTED, stands = 1u << RESOLVED_STANDS;
    if (record->role != ROLE_DESTINATION)
        return 0;
    if (record->state == STATE_UNKNOWN)
        return posted | not_posted | undone;
    if (record->state != STATE_REVERSING)
        return 0;
    if (record->cure < CURE_CANCEL)
        return posted | not_posted | undone | stands;
    return undone | stands | (record->cure == CURE_CANCEL && exchange->answer.size == 0 ? posted : 0);
}

/* Until when what was sent, by a lost store too, may still change what a person sees. */
static int64_t
quiet_from(const struct core *core, const struct exchange *exchange, enum core_resolution resolution)
{
    int64_t lost_ms = restored_forgot(core, exchange) ? core->lost_until_ms : 0;
    switch (resolution) {
    case RESOLVED_NOT_POSTED:
        return later_of(lost_ms, exchange->sent_ms + LATE_ARRIVAL_MS);
    case RESOLVED_STANDS: /* neither a reversal nor a cancel of ours */
        return later_of(lost_ms, later_of(exchange->clear_ms, exchange->cancel_until_ms));
    case RESOLVED_UNDONE: /* by a cancel of ours: nothing that reverses that one */
        return exchange->record.cure < CURE_CANCEL ? 0 : later_of(lost_ms, exchange->clear_ms);
    default:
        return 0;
    }
}

/* Something was called since that may have changed what a person saw. */
static bool
acted_since(const struct exchange *exchange, enum core_resolution resolution, int64_t looked_ms)
{
    bool may_change = resolution == RESOLVED_STANDS ||
                      (resolution == RESOLVED_UNDONE && exchange->record.cure >= CURE_CANCEL);
    return may_change && looked_ms < exchange->acted_ms;
}

static uint16_t
objection(const struct core *core, const struct exchange *exchange, enum core_resolution resolution,
          bool has_answer)
{
    const char *infno = exchange->record.header.infno;
    if (!is_unclear(exchange) || exchange->record.role != ROLE_DESTINATION)
        return FEP_E_NOT_UNCLEAR;
    if ((fitting(exchange) & 1u << resolution) == 0)
        return FEP_E_HAND_MISFIT;
    if (resolution == RESOLVED_POSTED && !has_answer && exchange->answer.size == 0 &&
        (transaction_traits(core, infno) & (TRAIT_MONEY | TRAIT_OPENS_VISIT)) != 0)
        return FEP_E_HAND_MISFIT; /* nobody could be told how much */
    if (exchange->submit.open || exchange->cure.open || exchange->waiting_host ||
        exchange_is_mute(exchange) || core->now_ms < quiet_from(core, exchange, resolution))
        return FEP_E_NOT_YET;
    return 0;
}

uint16_t
core_may_resolve(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                 bool has_answer)
{
    const struct exchange *exchange = exchange_find(core, key, ROLE_DESTINATION);
    if (exchange == NULL || exchange->lingering)
        return FEP_E_NOT_UNCLEAR;
    return objection(core, exchange, resolution, has_answer);
}

bool
core_acted_since(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                 uint64_t ms_ago)
{
    const struct exchange *exchange = exchange_find(core, key, ROLE_DESTINATION);
    return exchange != NULL && acted_since(exchange, resolution, core->now_ms - (int64_t)ms_ago);
}

static void
end_by_hand(struct core *core, struct exchange *exchange, enum exchange_state state, uint16_t code)
{
    struct core_outcome outcome = {.refusal_class = FEP_FINAL, .reason = FEP_REASON_CANCELLED, .code = code};
    if (state == STATE_ANSWERED || state == STATE_STANDS) {
        outcome.effect = FEP_EFFECT_POSTED;
        outcome.reason = FEP_REASON_NONE;
    } else if (state == STATE_REFUSED) {
        outcome.reason = FEP_REASON_BUSINESS;
    }
    snprintf(outcome.text, sizeof outcome.text, CORE_BY_HAND ", two people confirmed");
    exchange_end(core, exchange, state, &outcome);
}

void
resolved_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    enum core_resolution resolution = (enum core_resolution)event->flag;
    bool reversing = exchange->record.state == STATE_REVERSING;
    if (objection(core, exchange, resolution, event->body.size != 0) != 0 ||
        acted_since(exchange, resolution, core->now_ms - (int64_t)event->reference))
        return;
    switch (resolution) {
    case RESOLVED_POSTED:
        if (reversing) { /* it is not adopted any more, but tells what to undo */
            cure_told_posted(core, exchange, event);
            break;
        }
        exchange_keep_answer(core, exchange, event);
        end_by_hand(core, exchange, STATE_ANSWERED, 0);
        break;
    case RESOLVED_NOT_POSTED:
        end_by_hand(core, exchange, reversing ? STATE_REVERSED : STATE_REFUSED,
                    reversing ? FEP_E_WITHDRAWN : FEP_E_BY_HAND);
        break;
    case RESOLVED_UNDONE:
        end_by_hand(core, exchange, STATE_REVERSED, FEP_E_REVERSED);
        break;
    case RESOLVED_STANDS:
        end_by_hand(core, exchange, STATE_STANDS, FEP_E_BY_HAND);
        alarm_about(core, FEP_E_STANDS, &exchange->record, NULL, exchange->target);
        break;
    default:
        break;
    }
}

void
on_resolved(struct core *core, const struct core_event *event)
{
    struct exchange *exchange = exchange_find(core, &event->header.key, ROLE_DESTINATION);
    struct core_event own = *event;
    own.from = core->self->name;
    if (exchange != NULL && !exchange->lingering)
        exchange_input(core, exchange, &own);
}

/* --- what there is --- */

static uint8_t
operation_due(const struct exchange *exchange)
{
    bool inquires = exchange->target != NULL && (exchange->target->abilities & FEP_INQUIRES) != 0;
    if (exchange->record.role != ROLE_DESTINATION)
        return 0;
    if (exchange->record.state == STATE_UNKNOWN)
        return CORE_OP_INQUIRE;
    switch (exchange->record.cure) {
    case CURE_CANCEL:
        return CORE_OP_UNDO;
    case CURE_CANCEL_UNKNOWN:
        return inquires && !exchange->ask_by_serial ? CORE_OP_INQUIRE : CORE_OP_REVERSE_UNDO;
    default:
        return exchange->need_answer ? CORE_OP_INQUIRE : CORE_OP_REVERSE;
    }
}

/* Nothing that the gateway does by itself will end it. */
static uint8_t
needs_person(const struct core *core, const struct exchange *exchange)
{
    const struct party *target = exchange->target;
    bool old = core->now_ms >= exchange->unclear_ms + core->config.unclear_ms;
    if (target->status == PARTY_UP && !(target->abilities & (FEP_INQUIRES | FEP_REVERSES)))
        return UNCLEAR_NO_ABILITY;
    if (exchange->record.cure == CURE_CANCEL && exchange->answer.size == 0 && exchange->undo_sent)
        return UNCLEAR_NO_SETTLEMENT;
    if (!old || target->status != PARTY_UP || exchange->last_finding == 0)
        return 0;
    return exchange->last_finding == UNANSWERED ? UNCLEAR_NO_ANSWER : UNCLEAR_IN_PROGRESS;
}

static uint8_t
waits_for(const struct core *core, const struct exchange *exchange)
{
    if (exchange->target == NULL) /* its row was damaged, or nobody of that name is configured any more */
        return exchange->record.role == ROLE_DESTINATION ? UNCLEAR_NO_ABILITY : UNCLEAR_LINE;
    if (exchange->record.role != ROLE_DESTINATION) {
        if (exchange->target->status != PARTY_UP)
            return UNCLEAR_LINE;
        return exchange->record.reversal_relayed ? UNCLEAR_NEXT_HOP : UNCLEAR_SCHEDULE;
    }
    uint8_t person = needs_person(core, exchange);
    if (person != 0)
        return person;
    if (exchange->submit.open || exchange->cure.open)
        return UNCLEAR_CALL;
    if (exchange->target->status != PARTY_UP || exchange->waiting_host)
        return UNCLEAR_LINE;
    if (exchange->record.state == STATE_REVERSING &&
        (order_cure_waits(core, exchange) || exchange->record.cure == CURE_WAIT_OTHER))
        return UNCLEAR_ORDER;
    return list_is_in(&exchange->in_cures) ? UNCLEAR_TURN : UNCLEAR_SCHEDULE;
}

static int64_t
next_of(const struct core *core, const struct exchange *exchange)
{
    int64_t next = exchange->record.role == ROLE_DESTINATION ? exchange->schedule_ms : exchange->repeat_ms;
    bool planned = exchange->target != NULL && exchange->target->status == PARTY_UP && next != NEVER &&
                   !exchange->submit.open && !exchange->cure.open;
    if (!planned)
        return 0;
    return core->wall_ms + (next > core->now_ms ? next - core->now_ms : 0);
}

struct visit {
    const struct core *core;
    int (*fn)(void *arg, const struct core_unclear *unclear);
    void *arg;
};

static int
visit_one(void *arg, struct table_link *link)
{
    const struct visit *visit = arg;
    const struct core *core = visit->core;
    const struct exchange *exchange = list_owner(link, struct exchange, by_key);
    if (exchange->lingering || !is_unclear(exchange))
        return 0;
    struct core_unclear unclear = {.record = &exchange->record,
                                   .since_ms = core->wall_ms - (core->now_ms - exchange->unclear_ms),
                                   .next_ms = next_of(core, exchange),
                                   .wait = waits_for(core, exchange),
                                   .operation = operation_due(exchange),
                                   .settles = (uint8_t)fitting(exchange),
                                   .asked = exchange->asked};
    return visit->fn(visit->arg, &unclear);
}

void
core_each_unclear(const struct core *core, int (*fn)(void *arg, const struct core_unclear *unclear),
                  void *arg)
{
    struct visit visit = {core, fn, arg};
    table_each(&core->exchanges, visit_one, &visit);
}
