/* What the host itself asks of the local system: queries for reconciliation and catalogue, one at a time,
 * through the module's submit like any other. Must never take the place of a call of the router's: it begins
 * only while the window has room and does not count in it, and the router never hears of it. What it asks
 * posts nothing, so an outcome that is not known is only an answer that did not come. */
#include <stdio.h>
#include <string.h>

#include "bodies.h"
#include "call_objects.h"
#include "core.h"
#include "error.h"
#include "host.h"

/* The router's call numbers are small. */
#define OWN_CALL_ID (1ull << 63)

static int
fill_own_header(struct host *host, const char *infno, uint64_t number, struct message_header *header,
                struct fep_error *error)
{
    uint32_t date = clock_date(clock_wall_ms(host->loop.clock));
    *header = (struct message_header){.transaction_class = CLASS_QUERY, .day = date};
    snprintf(header->key.origin, sizeof header->key.origin, "%s", host->settings.node);
    snprintf(header->key.msgid, sizeof header->key.msgid, "%.12s%08u%08u", host->settings.node, date,
             (unsigned)(number % 100000000));
    snprintf(header->infno, sizeof header->infno, "%s", infno);
    snprintf(header->treat_area, sizeof header->treat_area, "%s", host->settings.region);
    snprintf(header->insured_area, sizeof header->insured_area, "%s", host->settings.region);
    snprintf(header->institution, sizeof header->institution, "%.12s", host->settings.node);
    return message_header_check(header, error);
}

/* As own_call_begin, of a request that is whole. */
static int
give_own_call(struct host *host, const struct message_header *header, struct slice body, uint32_t day,
              int64_t time_ms, own_call_done *done, void *arg, struct fep_error *error)
{
    struct fep_call *call = calls_take(host, OWN_CALL_ID + host->next_own_call++);
    if (call == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a call");
    call->purpose = CALL_OWN;
    call->state = CALL_OPEN;
    call->operation = CORE_OP_QUERY;
    call->own_done = done;
    call->own_arg = arg;
    call->message.header = *header;
    call->message.index.size = sizeof call->message.index;
    call->message.body = slice_share(body);
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt, .number = 1, .accounting_date = day};
    call->attempt.serial = translate_own_serial(host, &call->attempt.serial_date);
    if (calls_arm_deadline(call, time_ms) < 0) {
        calls_free(call);
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a deadline");
    }
    host->own_call = call;
    host->adapter->ops->submit(host->self, call, &call->message);
    return 0;
}

int
own_call_begin(struct host *host, const char *infno, struct json_object *input, uint32_t day, int64_t time_ms,
               own_call_done *done, void *arg, struct fep_error *error)
{
    struct message_header header;
    struct slice body = SLICE_NONE;
    if (body_of_request(input, &body, error) < 0)
        return -1;
    int status = -1;
    if (!host->module_up || host->draining)
        error_set(error, FEP_NOT_SENT, FEP_E_HOST_NOT_READY, "the module has not started, or is stopping");
    else if ((host->adapter->abilities & FEP_CALLS_OUT) == 0)
        error_set(error, FEP_NOT_SENT, FEP_E_NO_ABILITY, "the module does not call a local system");
    else if (host->own_call != NULL || host->open_calls >= host->settings.window)
        error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "every place for a call is taken");
    else
        status = fill_own_header(host, infno, host->next_own_call, &header, error);
    if (status == 0)
        status = give_own_call(host, &header, body, day, time_ms, done, arg, error);
    slice_release(&body);
    return status;
}

void
own_call_forget(struct host *host, void *arg)
{
    struct fep_call *call = host->own_call;
    if (call == NULL || call->own_arg != arg)
        return;
    call->own_done = NULL;
    if (call->state == CALL_OPEN)
        host->adapter->ops->cancel(host->self, call, FEP_REASON_CANCELLED);
}

void
own_call_settle(struct fep_call *call)
{
    struct host *host = call->host;
    struct slice answer = SLICE_NONE;
    struct fep_index index = {.size = sizeof index};
    struct fep_error error = {0};
    enum fep_kind kind = call->kind;
    if (kind == FEP_ANSWERED && translate_answer_in(host, call, &answer, &index, &error) < 0) {
        kind = FEP_UNKNOWN;
        call->result.reason = FEP_REASON_INCONSISTENT;
        call->result.code = error.code;
        snprintf(call->result.text, sizeof call->result.text, "%.250s", error.text);
    }
    struct fep_result result = call->result;
    own_call_done *done = call->own_done;
    void *arg = call->own_arg;
    host->own_call = NULL;
    calls_free(call);
    if (done != NULL)
        done(arg, kind, &result, answer);
    slice_release(&answer);
}
