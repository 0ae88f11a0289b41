/* The gateway beside the local system: submit, submit again what certainly had no effect, and ask about what
 * may have had one. Must never call the local system before the attempt record is committed, and never submit
 * again while an earlier sending may still take effect. */
#include "internal.h"

#include <stdio.h>

#include "clock.h"
#include "error_codes.h"

static const int64_t inquiry_ms[] = {5000, 15000, 45000, 120000};
enum { INQUIRIES = sizeof inquiry_ms / sizeof *inquiry_ms };
enum { INQUIRY_PAUSE_MS = 60000, INQUIRY_PATIENCE_MS = 900000, INQUIRY_SLOW_MS = 300000 };

/* Rule 6: what inquiry and reversal need to name the original, in the commit that comes before the first
 * byte. */
void
dispatch_mark(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    bool batches = (transaction_traits(core, record->header.infno) & TRAIT_BATCHES) != 0;
    record->local = (struct local_attempt){.serial = draw_serials(core, batches ? 1 + BATCHES_MOST : 1),
                                           .serial_date = clock_date(core->wall_ms)};
    table_remove(&core->serials, &exchange->by_serial);
    table_add(&core->serials, &exchange->by_serial, record->local.serial);
    exchange->sendings = exchange->sent_once = exchange->offered = exchange->restored = 0;
    exchange_move(core, exchange, STATE_DISPATCHED);
}

static void
submit(struct core *core, struct exchange *exchange)
{
    uint64_t id = exchange->sendings == 0 ? exchange->record.local.serial : call_next_id(core);
    exchange->sendings++;
    exchange->offered = 1;
    exchange->sent_ms = core->now_ms;
    exchange->record.times.sent = core->wall_ms;
    call_begin(core, exchange, &exchange->submit, id, CORE_OP_SUBMIT);
}

/* Everything that was sent came back without effect: no sending is unanswered. */
static void
give_up(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    char text[sizeof record->text];
    if (exchange->sendings == 0) {
        exchange_refuse(core, exchange, FEP_REPEATABLE, FEP_REASON_DEADLINE, FEP_E_TIME_LEFT, NULL);
        return;
    }
    memcpy(text, record->text, sizeof text);
    exchange_refuse(core, exchange, FEP_REPEATABLE, record->reason, record->code, text);
}

void
advance_dispatched(struct core *core, struct exchange *exchange)
{
    int64_t latest = exchange->deadline_ms;
    if (exchange->waiting_host || exchange->submit.open)
        return;
    if (latest != NEVER && !MUTATED(DISPATCHED_LATE))
        latest -= call_time_ms(core, exchange->record.header.infno) + DESTINATION_EXTRA_MS;
    if (core->now_ms >= latest || exchange->sendings >= SENDINGS) {
        give_up(core, exchange);
        return;
    }
    exchange_wake(exchange, latest);
    if (exchange->sendings > 0 && core->now_ms < exchange->schedule_ms)
        exchange_wake(exchange, exchange->schedule_ms);
    else if (!serial_is_released(core, exchange->record.local.serial))
        exchange_wake(exchange, core->now_ms + STORE_RETRY_MS);
    else if (exchange->target != NULL && exchange->target->status == PARTY_UP)
        submit(core, exchange);
}

static void
take_words(struct exchange *exchange, const struct core_outcome *outcome)
{
    struct exchange_record *record = &exchange->record;
    record->reason = outcome->reason < FEP_REASON_COUNT ? outcome->reason : FEP_REASON_PROTOCOL;
    record->code = outcome->code;
    snprintf(record->text, sizeof record->text, "%.*s", (int)sizeof outcome->text, outcome->text);
}

/* After 1, 2, 4, 8 s; the jitter comes from the key, so that a run can be repeated exactly. */
static void
submit_later(struct core *core, struct exchange *exchange)
{
    int64_t pause = (int64_t)1000 << (exchange->sendings > 0 ? exchange->sendings - 1 : 0);
    exchange->schedule_ms =
        core->now_ms + pause + (int64_t)(message_key_hash(&exchange->record.header.key) % 250);
    if (transaction_traits(core, exchange->record.header.infno) & TRAIT_ONE_USE)
        give_up(core, exchange);
}

void
become_unknown(struct core *core, struct exchange *exchange, enum fep_reason reason, uint16_t code,
               const char *text)
{
    struct core_outcome outcome = {.reason = (uint8_t)reason, .code = code};
    if (text != NULL)
        snprintf(outcome.text, sizeof outcome.text, "%s", text);
    take_words(exchange, &outcome);
    if (MUTATED(REPEAT_AFTER_UNKNOWN) && exchange->record.state == STATE_DISPATCHED) {
        submit_later(core, exchange);
        return;
    }
    exchange->record.kind = FEP_UNKNOWN;
    exchange->deadline_ms = NEVER;
    if (exchange->target != NULL && exchange->target->abilities != 0 &&
        !(exchange->target->abilities & FEP_INQUIRES) && !restored_waits(core, exchange)) {
        start_cure(core, exchange, REVERSAL_SCHEDULE);
        return;
    }
    exchange->step = 0;
    exchange->schedule_base_ms = core->now_ms;
    exchange->schedule_ms = core->now_ms + inquiry_ms[0];
    exchange_move(core, exchange, STATE_UNKNOWN);
    exchange_store(core, exchange);
}

void
submission_done(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    const struct core_outcome *outcome = &event->outcome;
    switch (outcome->kind) {
    case FEP_ANSWERED:
        exchange_keep_answer(core, exchange, event);
        exchange_end(core, exchange, STATE_ANSWERED, outcome);
        break;
    case FEP_REFUSED:
        exchange->sent_once = 1;
        take_words(exchange, outcome);
        if (outcome->refusal_class == FEP_REPEATABLE)
            submit_later(core, exchange);
        else
            exchange_end(core, exchange, STATE_REFUSED, outcome);
        break;
    case FEP_NOT_SENT:
        take_words(exchange, outcome);
        /* An orderly stop: left as dispatched it would count as unknown after the restart, though nothing was
         * sent. */
        if (outcome->code == FEP_E_STOPPING && exchange->target != NULL && exchange->target->held)
            give_up(core, exchange);
        else
            submit_later(core, exchange);
        break;
    default:
        if (MUTATED(UNKNOWN_IS_REFUSED))
            exchange_end(core, exchange, STATE_REFUSED, outcome);
        else
            become_unknown(core, exchange, outcome->reason, outcome->code, outcome->text);
        break;
    }
}

static void
inquire_later(struct core *core, struct exchange *exchange)
{
    int64_t since = core->now_ms - exchange->schedule_base_ms;
    while (exchange->step < INQUIRIES && inquiry_ms[exchange->step] <= since)
        exchange->step++;
    if (exchange->step < INQUIRIES) {
        exchange->schedule_ms = exchange->schedule_base_ms + inquiry_ms[exchange->step];
        return;
    }
    exchange->schedule_ms =
        core->now_ms + (since >= INQUIRY_PATIENCE_MS ? INQUIRY_SLOW_MS : INQUIRY_PAUSE_MS);
}

void
advance_unknown(struct core *core, struct exchange *exchange)
{
    const struct party *target = exchange->target;
    if (target == NULL || target->status != PARTY_UP || exchange->cure.open ||
        restored_waits(core, exchange)) {
        pace_leave(core, exchange);
        return;
    }
    if (!(target->abilities & FEP_INQUIRES)) {
        start_cure(core, exchange, REVERSAL_SCHEDULE);
        return;
    }
    if (core->now_ms < exchange->schedule_ms) {
        pace_leave(core, exchange);
        exchange_wake(exchange, exchange->schedule_ms);
    } else if (pace_may_call(core, exchange)) {
        call_begin(core, exchange, &exchange->cure, call_next_id(core), CORE_OP_INQUIRE);
    }
}

/* What the local system says of the original, while no reversal of it is stored here. */
void
inquiry_done(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct core_outcome outcome = event->outcome;
    unsigned finding = outcome.kind == FEP_ANSWERED ? outcome.finding : FEP_FOUND_IN_PROGRESS;
    switch (finding) {
    case FEP_FOUND_POSTED:
        exchange_keep_answer(core, exchange, event);
        outcome.effect = FEP_EFFECT_POSTED;
        exchange_end(core, exchange, STATE_ANSWERED, &outcome);
        break;
    case FEP_FOUND_REFUSED:
        outcome.refusal_class = FEP_FINAL;
        exchange_end(core, exchange, STATE_REFUSED, &outcome);
        break;
    case FEP_FOUND_CANCELLED:
        if (restored_forgot(core, exchange)) { /* perhaps by a caller's refund: the cure finds out by whom */
            start_cure(core, exchange, REVERSAL_SCHEDULE);
            break;
        } /* fall through */
    case FEP_FOUND_REVERSED:
    case FEP_FOUND_NEVER_ARRIVED:
        exchange_end_reversed(core, exchange, finding != FEP_FOUND_NEVER_ARRIVED);
        break;
    case FEP_FOUND_NOTHING: /* proves nothing as long as it may still arrive; afterwards a reversal makes it
                               final */
        if (MUTATED(NOTHING_BELIEVED))
            exchange_end_reversed(core, exchange, false);
        else if (core->now_ms >= exchange->sent_ms + LATE_ARRIVAL_MS)
            start_cure(core, exchange, REVERSAL_SCHEDULE);
        else
            inquire_later(core, exchange);
        break;
    default:
        inquire_later(core, exchange);
        break;
    }
}
