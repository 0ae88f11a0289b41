/* Calls to an adapter instance: begun, completed exactly once, lost with their host, or answered late. Must
 * never let a completion of an older epoch, or of another call, end an exchange. */
#include "internal.h"

#include "error_codes.h"

enum { ASK_AGAIN_MS = 1000 };

/* Call ids of the first sending are local serials, which survive a restart in the record; all others are
 * numbered from the moment of the start, so that an id is never used for two calls. The top bit tells the two
 * kinds apart. */
uint64_t
call_next_id(struct core *core)
{
    if (core->next_call == 0)
        core->next_call = 1ull << 63 | (uint64_t)core->wall_ms << 20;
    return ++core->next_call;
}

static void
emit_call(struct core *core, const struct exchange *exchange, const struct call *call, uint32_t time_ms)
{
    const struct exchange_record *record = &exchange->record;
    struct core_command *command = emit(core, CMD_SUBMIT);
    command->to = exchange->target->name;
    command->reference = call->id;
    command->operation = call->operation;
    command->header = record->header;
    command->index = record->index;
    command->travel = (struct travel){.attempt = record->attempt, .time_left_ms = time_ms};
    command->local = record->local;
    command->body = exchange->body;
    if (call->operation == CORE_OP_SUBMIT)
        command->repeat = exchange->sent_once;
    if (call->operation == CORE_OP_UNDO || call->operation == CORE_OP_REVERSE_UNDO) {
        command->cancel = record->cancel;
        command->answer = exchange->answer;
        command->repeat = call->operation == CORE_OP_UNDO && call->id != record->cancel.serial;
    }
}

static uint32_t
call_limit_ms(const struct core *core, const struct exchange *exchange, uint8_t operation)
{
    switch (operation) {
    case CORE_OP_SUBMIT:
        return call_time_ms(core, exchange->record.header.infno);
    case CORE_OP_UNDO:
        return call_time_ms(core, transaction_inverse(core, exchange->record.header.infno));
    case CORE_OP_INQUIRE:
        return INQUIRE_CALL_MS;
    default:
        return REVERSE_CALL_MS;
    }
}

void
call_begin(struct core *core, struct exchange *exchange, struct call *call, uint64_t id, uint8_t operation)
{
    call->id = id;
    call->operation = operation;
    call->open = 1;
    call->lost = 0;
    if (call == &exchange->cure)
        pace_begun(core, exchange);
    if (operation != CORE_OP_SUBMIT && operation != CORE_OP_INQUIRE)
        exchange->acted_ms = core->now_ms;
    table_add(&core->calls, &call->by_id, id);
    emit_call(core, exchange, call, call_limit_ms(core, exchange, operation));
}

/* The host is in the same epoch and does not hold the call: it never got there. Offered again under the same
 * id. */
void
call_offer_again(struct core *core, struct exchange *exchange, const struct call *call)
{
    emit_call(core, exchange, call, call_limit_ms(core, exchange, call->operation));
}

/* A call from before the restart that the host still holds. */
void
call_adopt(struct core *core, struct call *call, uint64_t id, uint8_t operation)
{
    call->id = id;
    call->operation = operation;
    call->open = 1;
    call->lost = 0;
    if (call->exchange != NULL && call == &call->exchange->cure)
        pace_begun(core, call->exchange);
    table_add(&core->calls, &call->by_id, id);
}

void
call_finish(struct core *core, struct call *call)
{
    if (call->open && call->exchange != NULL && call == &call->exchange->cure)
        pace_ended(call->exchange->target);
    table_remove(&core->calls, &call->by_id);
    call->open = 0;
}

static struct call *
find_call(const struct core *core, uint64_t id)
{
    struct table_link *at = table_find(&core->calls, id);
    return at != NULL ? list_owner(at, struct call, by_id) : NULL;
}

static struct exchange *
find_serial(const struct core *core, uint64_t serial)
{
    struct table_link *at = table_find(&core->serials, serial);
    return at != NULL ? list_owner(at, struct exchange, by_serial) : NULL;
}

/* Nothing here waits for it: taken, so that the host can forget it. If it speaks of a serial of ours it comes
 * late. */
static void
stray_answer(struct core *core, const struct core_event *event, struct party *from)
{
    struct exchange *exchange = find_serial(core, event->reference);
    struct core_event late = *event;
    if (event->type == EVENT_DONE)
        settle_now(core, from, &event->header.key, event->reference, 0);
    if (exchange == NULL || exchange->target != from)
        return;
    late.type = EVENT_LATE;
    exchange_input(core, exchange, &late);
}

void
on_done(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL || !from->is_instance || (event->epoch != from->epoch && !MUTATED(OLD_EPOCH_COUNTS)))
        return; /* nothing from an older epoch counts (rule 20) */
    struct call *call = event->type == EVENT_DONE ? find_call(core, event->reference) : NULL;
    if (call != NULL)
        pace_answered(core, from, &event->outcome);
    if (call == NULL)
        stray_answer(core, event, from);
    else if (call->query != NULL)
        query_done(core, call->query, event);
    else if (call->exchange->target == from)
        exchange_input(core, call->exchange, event);
}

static void
take_accounting(struct exchange *exchange, const struct core_outcome *outcome)
{
    if (outcome->accounting_date != 0)
        exchange->record.local.accounting_date = outcome->accounting_date;
    if (outcome->cycle[0] != '\0')
        memcpy(exchange->record.local.cycle, outcome->cycle, sizeof exchange->record.local.cycle);
}

/* The host had no room for the call, or is not ready yet: its turn of the schedule is not over. */
static bool
was_not_asked(const struct exchange *exchange, const struct core_outcome *outcome)
{
    enum exchange_state state = exchange->record.state;
    return (state == STATE_UNKNOWN || state == STATE_REVERSING) && outcome->kind == FEP_NOT_SENT &&
           (outcome->code == FEP_E_BOUND || outcome->code == FEP_E_HOST_NOT_READY);
}

/* A completion of a call of this exchange; what it was settled to is acknowledged with the exchange's next
 * silence. */
void
done_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    enum exchange_state state = exchange->record.state;
    if (exchange->submit.open && exchange->submit.id == event->reference) {
        call_finish(core, &exchange->submit);
        take_accounting(exchange, &event->outcome);
        if (state == STATE_DISPATCHED)
            submission_done(core, exchange, event);
        else if (state == STATE_REVERSING)
            cure_submission_done(core, exchange, event);
    } else if (exchange->cure.open && exchange->cure.id == event->reference) {
        call_finish(core, &exchange->cure);
        pace_pump(core, exchange->target);
        exchange->last_finding = event->outcome.kind != FEP_ANSWERED ? UNANSWERED : event->outcome.finding;
        if (was_not_asked(exchange, &event->outcome)) {
            exchange->schedule_ms = core->now_ms + ASK_AGAIN_MS;
            return;
        }
        if (state == STATE_UNKNOWN && event->outcome.kind == FEP_ANSWERED &&
            event->outcome.finding == FEP_FOUND_POSTED)
            take_accounting(exchange, &event->outcome); /* reports go by it */
        if (state == STATE_UNKNOWN)
            inquiry_done(core, exchange, event);
        else if (state == STATE_REVERSING)
            cure_done(core, exchange, event);
        if (event->outcome.kind == FEP_UNKNOWN)
            pace_lost(core, exchange);
    }
}

/* After an unknown these speak of a copy, or of the moment, never of the original (rule 14). */
static bool
proves_nothing(uint16_t code)
{
    static const uint16_t codes[] = {1005, 2102, 2201, 2303, 2402, 9001};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code == codes[i] && !MUTATED(COPYS_ERROR_BELIEVED))
            return true;
    return false;
}

/* Rule 21. A finding is the answer of an inquiry or a reversal, not of the original: those are asked
 * again. */
void
late_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    const struct core_outcome *outcome = &event->outcome;
    enum exchange_state state = exchange->record.state;
    bool refused = outcome->kind == FEP_REFUSED && outcome->refusal_class == FEP_FINAL &&
                   exchange->sendings == 1 && !exchange->restored && !proves_nothing(outcome->code);
    if (outcome->finding != 0 || (state != STATE_UNKNOWN && state != STATE_REVERSING))
        return;
    take_accounting(exchange, outcome);
    if (outcome->kind == FEP_ANSWERED) {
        exchange_keep_answer(core, exchange, event);
        if (state == STATE_UNKNOWN && event->body.size == 0)
            exchange->schedule_ms =
                core->now_ms; /* it is posted, but its words are missing: ask for them now */
        else if (state == STATE_UNKNOWN || MUTATED(LATE_ADOPTED))
            exchange_end(core, exchange, STATE_ANSWERED, outcome);
    } else if (refused && state == STATE_UNKNOWN) {
        exchange_end(core, exchange, STATE_REFUSED, outcome);
    } else if (refused && exchange->record.cure < CURE_CANCEL) {
        exchange_end_reversed(core, exchange, false);
    }
}

/* The host went, or was replaced: what it was asked and did not answer may have been done (rule 20). */
void
call_lost(struct core *core, struct exchange *exchange, struct call *call)
{
    struct core_event event = {
        .type = EVENT_DONE, .from = exchange->target->name, .reference = call->id, .flag = 1};
    event.outcome.kind = FEP_UNKNOWN;
    event.outcome.reason = FEP_REASON_HOST_LOST;
    event.outcome.code = FEP_E_HOST_LOST;
    call->lost = 1;
    exchange_input(core, exchange, &event);
}
