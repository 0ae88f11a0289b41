/* What the router asks of the local system: one call object each, completed exactly once by the module,
 * reported in DONE and kept until the router has committed it. Must never complete a call a second time (the
 * process ends, loudly), never report NOT_SENT for a call the module was given unless the module says so, and
 * never hold more than the window. A call that outlives its deadline and its grace means that the module
 * hangs: the process ends and is restarted. The objects themselves are call_objects.c's. */
#include "host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "call_objects.h"
#include "core.h"
#include "error.h"
#include "exchange_record.h"
#include "kill_point.h"
#include "log.h"

/* The module knows the part of a call that is spread, not the call. */
static void
cancel_at_module(struct fep_call *call, enum fep_reason reason)
{
    struct fep_call *known = call;
    if (call->batches != NULL) {
        batches_stop(call);
        known = batches_open_call(call);
    }
    if (known != NULL && known->state == CALL_OPEN)
        call->host->adapter->ops->cancel(call->host->self, known, reason);
}

/* --- deadlines ----------------------------------------------------------------------------------- */

static void
on_hung(void *arg)
{
    struct fep_call *call = arg;
    host_fail(call->host, EXIT_SURROUNDINGS, "module hangs: call neither completed nor cancelled",
              call->operation);
}

static void complete_unsent(struct fep_call *call, enum fep_reason reason, unsigned code, const char *text);

static void
on_deadline(void *arg)
{
    struct fep_call *call = arg;
    struct host *host = call->host;
    call->past_deadline = true;
    if (call->lines_wait != NULL) {
        lines_stop(call);
        complete_unsent(call, FEP_REASON_DEADLINE, FEP_E_DEADLINE_NOT_SENT,
                        "the fee lines of the visit did not come in time");
        return;
    }
    call->timer.fn = on_hung;
    if (loop_set_timer(&host->loop, &call->timer, HOST_GRACE_MS) < 0) {
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a deadline", 0);
        return;
    }
    cancel_at_module(call, FEP_REASON_DEADLINE);
}

int
calls_arm_deadline(struct fep_call *call, int64_t after_ms)
{
    call->timer.fn = on_deadline;
    call->timer.arg = call;
    call->deadline_ms = loop_now(&call->host->loop) + after_ms;
    return loop_set_timer(&call->host->loop, &call->timer, after_ms);
}

/* --- completion ---------------------------------------------------------------------------------- */

void
calls_complete(struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
               struct fep_record *answer)
{
    if (call->state != CALL_OPEN) {
        fprintf(stderr, "fep-adapter: the module completed a call a second time\n");
        abort();
    }
    if (kind < FEP_ANSWERED || kind > FEP_UNKNOWN) {
        fprintf(stderr, "fep-adapter: the module completed a call as %d, which is no kind\n", (int)kind);
        abort();
    }
    struct host *host = call->host;
    call->state = CALL_COMPLETED;
    call->kind = kind;
    if (result != NULL)
        memcpy(&call->result, result,
               result->size < sizeof call->result ? result->size : sizeof call->result);
    call->result.size = sizeof call->result;
    call->result.text[sizeof call->result.text - 1] = '\0';
    call->result.cycle[sizeof call->result.cycle - 1] = '\0';
    call->answer = answer;
    loop_clear_timer(&host->loop, &call->timer);
    call->next_completed = NULL;
    *host->completed_last = call;
    host->completed_last = &call->next_completed;
    if (call->purpose == CALL_WORK) {
        host->open_calls--;
        host->offered_calls++;
    }
    if (kind == FEP_ANSWERED && call->purpose == CALL_WORK)
        host->health.last_success_ms = loop_now(&host->loop);
}

static void
fill_result(struct frame *frame, enum fep_kind kind, const struct fep_result *result)
{
    frame->sections |= FRAME_HAS_RESULT;
    frame->result = (struct frame_result){.kind = (uint8_t)kind,
                                          .effect = (uint8_t)result->effect,
                                          .refusal_class = (uint8_t)result->refusal_class,
                                          .reason = (uint8_t)result->reason,
                                          .finding = (uint8_t)result->finding,
                                          .copy = (uint8_t)result->copy,
                                          .code = (uint16_t)result->code,
                                          .accounting_date = result->accounting_date};
    memcpy(frame->result.cycle, result->cycle, sizeof frame->result.cycle);
    if (result->text[0] != '\0') {
        snprintf(frame->text, sizeof frame->text, "%.*s", (int)sizeof frame->text - 1, result->text);
        frame->sections |= FRAME_HAS_TEXT;
    }
}

/* The DONE frame of a completed call, encoded and kept: what is offered again must be the same bytes. */
static int
encode_done(struct fep_call *call, struct slice answer, const struct fep_index *index)
{
    struct host *host = call->host;
    struct frame frame = {.kind = FRAME_DONE, .sequence = call->id};
    fill_result(&frame, call->kind, &call->result);
    if (index != NULL) {
        frame.index = *index;
        frame.sections |= FRAME_HAS_INDEX;
    }
    if (answer.size > 0) {
        frame.body = answer;
        frame.sections |= FRAME_HAS_BODY;
    }
    const unsigned char *data;
    size_t size;
    if (router_encode(host, &frame, &data, &size) < 0)
        return -1;
    call->done = malloc(size);
    if (call->done == NULL)
        return -1;
    memcpy(call->done, data, size);
    call->done_size = size;
    return 0;
}

static void
settle_work(struct fep_call *call)
{
    struct host *host = call->host;
    struct slice answer = SLICE_NONE;
    struct fep_index index = call->message.index;
    struct fep_error error = {0};

    int status = call->batches != NULL ? batches_answer(call, &answer, &index, &error)
                                       : translate_answer_in(host, call, &answer, &index, &error);
    if (status < 0) {
        /* The local system's word stands, but it can not be passed on: rule 16. */
        call->result.reason = FEP_REASON_INCONSISTENT;
        snprintf(call->result.text, sizeof call->result.text, "%.200s", error.text);
        host_log(host, 4, error.text, error.code);
    }
    capture_asked(call, answer);
    bool has_index = call->kind == FEP_ANSWERED;
    if (encode_done(call, answer, has_index ? &index : NULL) < 0) {
        /* Too long for a frame, or no memory for it: without its body it is an answer that can not be passed
         * on. */
        slice_release(&answer);
        call->result.reason = FEP_REASON_INCONSISTENT;
        if (encode_done(call, answer, NULL) < 0) {
            host_fail(host, EXIT_SURROUNDINGS, "no memory for an answer", 0);
            return;
        }
    }
    slice_release(&answer);
    record_destroy(call->answer);
    call->answer = NULL;
    call->state = CALL_OFFERED;
    call->offer_pause_ms = HOST_OFFER_MS;
    call->offer_ms = loop_now(&host->loop) + call->offer_pause_ms;
    /* Before DONE: the router commits in the order in which it hears, so no upload is known as posted whose
     * prompts could still be lost. */
    prompts_raise(call);
    kill_point("host_before_done");
    if (host->router_up)
        (void)router_send_bytes(host, call->done, call->done_size);
}

static void
settle_start(struct fep_call *call)
{
    struct host *host = call->host;
    call->state = CALL_OFFERED;
    if (call->kind != FEP_ANSWERED) {
        host_log(host, 3, call->result.text, call->result.code);
        host_fail(host, EXIT_SURROUNDINGS, "the module did not start", call->kind);
        return;
    }
    host->module_up = true;
    if (host->health.state == FEP_STARTING)
        host->health.state = FEP_UP;
    router_say_ready(host);
}

void
calls_settle(struct host *host)
{
    while (host->completed != NULL) {
        struct fep_call *call = host->completed;
        host->completed = call->next_completed;
        if (host->completed == NULL)
            host->completed_last = &host->completed;
        if (call->purpose == CALL_WORK) {
            settle_work(call);
        } else if (call->purpose == CALL_PART) {
            batches_settle(call);
        } else if (call->purpose == CALL_OWN) {
            own_call_settle(call);
        } else if (call->purpose == CALL_START) {
            settle_start(call);
        } else {
            call->state = CALL_OFFERED;
            host->drained = true;
        }
    }
}

/* --- from the router ----------------------------------------------------------------------------- */

/* The call was not given to the module: certainly nothing was sent. */
static void
complete_unsent(struct fep_call *call, enum fep_reason reason, unsigned code, const char *text)
{
    struct fep_result result = {
        .size = sizeof result, .refusal_class = FEP_REPEATABLE, .reason = reason, .code = code};
    snprintf(result.text, sizeof result.text, "%.250s", text);
    calls_complete(call, FEP_NOT_SENT, &result, NULL);
}

static void
fill_attempt(struct fep_call *call, const struct frame *frame, bool cancel)
{
    const struct frame_attempt *from = &frame->attempt;
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt,
                                         .number = frame->travel.attempt,
                                         .serial = cancel ? from->cancel_serial : from->serial,
                                         .serial_date = cancel ? from->cancel_serial_date : from->serial_date,
                                         .accounting_date = from->accounting_date,
                                         .mapping_generation = from->mapping_generation,
                                         .repeat = from->repeat};
    memcpy(call->attempt.cycle, from->cycle, sizeof call->attempt.cycle);
    /* A query posts nothing and is not stored, so the router draws no serial for it; the local system wants
     * one. */
    if (call->attempt.serial == 0)
        call->attempt.serial = translate_own_serial(call->host, &call->attempt.serial_date);
}

/* The message the module is to see: as it came, or the inverse of what was answered. */
static int
fill_message(struct fep_call *call, struct frame *frame, bool inverse, struct fep_error *error)
{
    call->message.index = frame->index;
    call->message.index.size = sizeof call->message.index;
    if (!inverse) {
        call->message.header = frame->header;
        call->message.body = slice_share(frame->body);
        return 0;
    }
    const struct transaction *transaction = host_find_transaction(call->host, frame->header.infno);
    return mapping_build_inverse(&frame->header, frame->body, frame->answer,
                                 transaction != NULL && transaction->inverse[0] != '\0' ? transaction->inverse
                                                                                        : NULL,
                                 &call->message.header, &call->message.body, error);
}

void
calls_give(struct fep_call *call)
{
    struct host *host = call->host;
    const struct fep_adapter_ops *ops = host->adapter->ops;
    if (call->operation == CORE_OP_INQUIRE)
        ops->inquire(host->self, call, &call->message);
    else if (call->operation == CORE_OP_REVERSE || call->operation == CORE_OP_REVERSE_UNDO)
        ops->reverse(host->self, call, &call->message);
    else
        ops->submit(host->self, call, &call->message);
}

static void
start_operation(struct fep_call *call)
{
    uint32_t needed = FEP_CALLS_OUT;
    if (call->operation == CORE_OP_INQUIRE)
        needed = FEP_INQUIRES;
    else if (call->operation == CORE_OP_REVERSE || call->operation == CORE_OP_REVERSE_UNDO)
        needed = FEP_REVERSES;
    if ((host_abilities(call->host) & needed) == 0)
        complete_unsent(call, FEP_REASON_PROTOCOL, FEP_E_NO_ABILITY, "the module can not do this operation");
    else if (!batches_begin(call))
        calls_give(call);
}

void
calls_lines_done(struct fep_call *call, const struct fep_error *error)
{
    struct host *host = call->host;
    if (error != NULL) {
        host_log(host, LOG_SEV_WARNING, error->text, error->code);
        complete_unsent(call, FEP_REASON_BOUND, error->code, error->text);
    } else if (!host->module_up || host->draining) {
        complete_unsent(call, FEP_REASON_BOUND, host->draining ? FEP_E_STOPPING : FEP_E_HOST_NOT_READY,
                        "the adapter takes nothing now");
    } else {
        start_operation(call);
    }
}

/* First what the mapping needs beside the message; until that is there the module knows nothing of the call.
 */
static void
begin_operation(struct fep_call *call, int64_t left)
{
    struct fep_error error = {0};
    if (!lines_are_needed(call))
        start_operation(call);
    else if (lines_begin(call, left, &error) < 0)
        complete_unsent(call, FEP_REASON_BOUND, error.code, error.text);
}

static void
open_call(struct fep_call *call, struct frame *frame)
{
    struct host *host = call->host;
    struct fep_error error = {0};
    bool inverse =
        frame->attempt.operation == CORE_OP_UNDO || frame->attempt.operation == CORE_OP_REVERSE_UNDO;
    /* Inquiries and reversals are never refused for lack of time (rule 15). */
    bool may_expire = frame->attempt.operation == CORE_OP_SUBMIT || frame->attempt.operation == CORE_OP_QUERY;
    int64_t left =
        frame->travel.time_left_ms > 0 ? (int64_t)frame->travel.time_left_ms : HOST_DEFAULT_CALL_MS;

    call->purpose = CALL_WORK;
    call->state = CALL_OPEN;
    call->operation = frame->attempt.operation;
    host->open_calls++;
    fill_attempt(call, frame, inverse);
    if (!host->module_up || host->draining)
        complete_unsent(call, FEP_REASON_BOUND, host->draining ? FEP_E_STOPPING : FEP_E_HOST_NOT_READY,
                        "the adapter takes nothing now");
    else if (host->open_calls > host->settings.window)
        complete_unsent(call, FEP_REASON_BOUND, FEP_E_BOUND, "as many calls as the window allows are open");
    else if (may_expire && frame->travel.time_left_ms == 0)
        complete_unsent(call, FEP_REASON_DEADLINE, FEP_E_DEADLINE_NOT_SENT, "no time left");
    else if (fill_message(call, frame, inverse, &error) < 0)
        complete_unsent(call, FEP_REASON_MALFORMED, error.code, error.text);
    else if (calls_arm_deadline(call, left) < 0)
        complete_unsent(call, FEP_REASON_BOUND, FEP_E_NO_MEMORY, "no memory");
    else
        begin_operation(call, left);
}

void
calls_on_submit(struct host *host, struct frame *frame)
{
    struct fep_call *call = calls_find_work(host, frame->sequence);
    if (call != NULL) {
        if (call->state == CALL_OFFERED)
            (void)router_send_bytes(host, call->done, call->done_size);
        return;
    }
    call = calls_take(host, frame->sequence);
    if (call == NULL) {
        /* Nothing to remember it in: said once, and the router settles it by its own deadline if that is
         * lost. */
        struct frame done = {.kind = FRAME_DONE, .sequence = frame->sequence, .sections = FRAME_HAS_RESULT};
        done.result = (struct frame_result){.kind = FEP_NOT_SENT,
                                            .refusal_class = FEP_REPEATABLE,
                                            .reason = FEP_REASON_BOUND,
                                            .code = FEP_E_BOUND};
        (void)router_send(host, &done);
        return;
    }
    kill_point("host_before_submit");
    open_call(call, frame);
    kill_point("host_after_submit");
}

void
calls_on_cancel(struct host *host, uint64_t id)
{
    struct fep_call *call = calls_find_work(host, id);
    if (call == NULL || call->state != CALL_OPEN)
        return;
    if (call->lines_wait == NULL) {
        cancel_at_module(call, FEP_REASON_CANCELLED);
        return;
    }
    lines_stop(call);
    complete_unsent(call, FEP_REASON_CANCELLED, FEP_E_WITHDRAWN, "withdrawn before it was sent");
}

void
calls_on_done_acked(struct host *host, uint64_t id)
{
    struct fep_call *call = calls_find_work(host, id);
    if (call == NULL || call->state != CALL_OFFERED)
        return;
    host->offered_calls--;
    calls_free(call);
}

void
calls_offer_again(struct host *host, bool all)
{
    int64_t now = loop_now(&host->loop);
    if (host->offered_calls == 0)
        return;
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        for (struct fep_call *call = host->call_buckets[i]; call != NULL; call = call->next_in_bucket) {
            if (call->purpose != CALL_WORK || call->state != CALL_OFFERED || (!all && call->offer_ms > now))
                continue;
            if (!all && call->offer_pause_ms < HOST_OFFER_MAX_MS)
                call->offer_pause_ms *= 2;
            call->offer_ms = now + call->offer_pause_ms;
            (void)router_send_bytes(host, call->done, call->done_size);
        }
    }
}

void
calls_report_late(struct host *host, const struct fep_attempt *attempt, enum fep_kind kind,
                  const struct fep_result *result, struct fep_record *answer)
{
    struct frame frame = {.kind = FRAME_LATE, .sections = FRAME_HAS_ATTEMPT};
    frame.attempt = (struct frame_attempt){.serial = attempt->serial,
                                           .serial_date = attempt->serial_date,
                                           .accounting_date = attempt->accounting_date,
                                           .mapping_generation = attempt->mapping_generation};
    memcpy(frame.attempt.cycle, attempt->cycle, sizeof frame.attempt.cycle);
    fill_result(&frame, kind, result);
    if (kind == FEP_ANSWERED && result->effect == FEP_EFFECT_POSTED)
        prompts_raise_late(host, attempt);
    /* The call and its request are gone; the router records what is certain, the body is not needed for that.
     */
    (void)router_send(host, &frame);
    record_destroy(answer);
}

/* --- start and drain ----------------------------------------------------------------------------- */

static void
begin_own_call(struct host *host, struct fep_call *call, enum call_purpose purpose, int64_t time_ms)
{
    memset(call, 0, sizeof *call);
    call->host = host;
    call->purpose = purpose;
    call->state = CALL_OPEN;
    call->attempt.size = sizeof call->attempt;
    if (calls_arm_deadline(call, time_ms) < 0)
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a deadline", 0);
}

void
calls_start_module(struct host *host)
{
    begin_own_call(host, &host->start_call, CALL_START, HOST_START_MS);
    host->adapter->ops->start(host->self, &host->start_call);
}

void
calls_drain_module(struct host *host)
{
    if (host->draining)
        return;
    host->draining = true;
    if (host->adapter->ops->drain == NULL || !host->module_up) {
        host->drained = true;
        return;
    }
    begin_own_call(host, &host->drain_call, CALL_DRAIN, HOST_DRAIN_MS);
    host->adapter->ops->drain(host->self, &host->drain_call);
}
