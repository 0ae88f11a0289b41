/* Tasks: what a call becomes on the wire, and how it ends when no answer comes.
 *
 * Must never say NOT_SENT once a byte of the request itself has left, nor REFUSED for anything but what can
 * not be written at all. */
#include "soap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

/* --- the list --- */

static struct task *
add_task(struct soap *soap, struct fep_call *call, uint32_t operation)
{
    struct task *task = soap->task_count < MAX_TASKS ? calloc(1, sizeof *task) : NULL;
    if (task == NULL)
        return NULL;
    task->soap = soap;
    task->call = call;
    task->operation = operation;
    task->fd = -1;
    if (call != NULL)
        task->attempt = *soap->host->call_attempt(call);
    task->state = TASK_WAITING;
    task->before = soap->last_task;
    if (soap->last_task != NULL)
        soap->last_task->next = task;
    else
        soap->first_task = task;
    soap->last_task = task;
    soap->task_count++;
    return task;
}

static void
free_task(struct task *task)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    link_close(task);
    if (task->before != NULL)
        task->before->next = task->next;
    else
        soap->first_task = task->next;
    if (task->next != NULL)
        task->next->before = task->before;
    else
        soap->last_task = task->before;
    soap->task_count--;
    host->release_record(host->self, task->head);
    host->release_record(host->self, task->body);
    free(task->out);
    free(task);
}

void
task_free_all(struct soap *soap)
{
    while (soap->first_task != NULL)
        free_task(soap->first_task);
}

void
task_check_drained(struct soap *soap)
{
    if (soap->drain_call == NULL)
        return;
    for (const struct task *task = soap->first_task; task != NULL; task = task->next) {
        if (task->call != NULL)
            return;
    }
    own_call_end(soap->host, &soap->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

/* --- completing --- */

struct fep_result
task_new_result(enum fep_reason reason)
{
    return (struct fep_result){.size = sizeof(struct fep_result), .reason = reason};
}

/* Completes the task's call; the task stays. */
static void
complete_task(struct task *task, enum fep_kind kind, const struct fep_result *result,
              struct fep_record *answer)
{
    const struct fep_host *host = task->soap->host;
    struct fep_call *call = task->call;
    task->call = NULL;
    if (call != NULL)
        host->complete_call(host->self, call, kind, result, answer);
    else if (task->operation == FEP_OP_SUBMIT && kind != FEP_UNKNOWN && kind != FEP_NOT_SENT)
        host->report_late(host->self, &task->attempt, kind, result, answer);
    else
        host->release_record(host->self,
                             answer); /* a late word about the original: whoever needs it asks again */
}

static struct task *
first_waiting(const struct soap *soap)
{
    struct task *task = soap->first_task;
    while (task != NULL && task->state != TASK_WAITING)
        task = task->next;
    return task;
}

/* Requests on connections; those whose call has ended and inquiries take no place. */
static size_t
count_active(const struct soap *soap)
{
    size_t count = 0;
    for (const struct task *task = soap->first_task; task != NULL; task = task->next)
        count += task->call != NULL && task->operation == FEP_OP_SUBMIT && task->state != TASK_WAITING;
    return count;
}

/* Placing may end a task, which places the next one: one loop does all of it. */
static void
place_waiting(struct soap *soap)
{
    struct task *task;
    if (soap->placing)
        return;
    soap->placing = true;
    while (!soap->closing && count_active(soap) < soap->connections && (task = first_waiting(soap)) != NULL)
        task_place(task);
    soap->placing = false;
}

static void
end_task(struct task *task)
{
    struct soap *soap = task->soap;
    free_task(task);
    task_check_drained(soap);
    place_waiting(soap);
}

void
task_finish(struct task *task, enum fep_kind kind, const struct fep_result *result, struct fep_record *answer)
{
    struct soap *soap = task->soap;
    if (task->operation == OP_PROBE) {
        /* A refusal is an answer as well; a status instead of one is not. */
        bool answered = (kind == FEP_ANSWERED || kind == FEP_REFUSED) && task->in.head.status == 200;
        soap->host->release_record(soap->host->self, answer);
        end_task(task);
        health_probed(soap, answered);
        return;
    }
    complete_task(task, kind, result, answer);
    end_task(task);
}

static void
finish_with_error(struct task *task, enum fep_kind kind, enum fep_reason reason,
                  const struct fep_error *error)
{
    struct fep_result result = task_new_result(reason);
    /* Canonical codes end in 00..09; the gateway's own stand in the same field above 10000. */
    result.code = error->code % 100 < 10 ? error->code : error->code + 10000;
    if (error->code < 1000 || error->code > 9999)
        result.code = 1003;
    if (error->kind == FEP_NOT_SENT &&
        error->code == 9001) { /* no memory, no serial: it may be tried again */
        kind = FEP_NOT_SENT;
        result.reason = FEP_REASON_BOUND;
    }
    copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    task_finish(task, kind, &result, NULL);
}

void
task_lost(struct task *task, enum fep_reason reason, const char *why)
{
    struct fep_result result = task_new_result(reason);
    bool unsent = task->looking_up || task->written == 0;
    copy_text(result.text, sizeof result.text, why, strlen(why));
    result.code = unsent ? 9001 : 0;
    result.refusal_class = FEP_REPEATABLE;
    task_finish(task, unsent ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
}

/* --- making requests --- */

static int
fill_constants(const struct soap *soap, const char *list, struct fep_record *head)
{
    const struct fep_host *host = soap->host;
    const char *at = list, *word;
    size_t size;
    while (at != NULL && next_word(&at, &word, &size)) {
        char text[128];
        snprintf(text, sizeof text, "%.*s", (int)size, word);
        char *value = strchr(text, '=');
        if (value == NULL)
            return -1;
        *value++ = '\0';
        if (get_field(host, head, text).size == 0 && set_field(host, head, text, value) < 0)
            return -1;
    }
    return 0;
}

static int
fill_head(struct task *task, const char *local)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    uint32_t date, time;
    char clock[32];
    host->read_local_time(host->self, &date, &time);
    snprintf(clock, sizeof clock, "%08u%06u", date % 100000000u, time % 1000000u);
    if (fill_constants(soap, wire->head_constants, task->head) < 0 ||
        set_field(host, task->head, wire->transaction_field, local) < 0 ||
        set_field(host, task->head, wire->serial_field, task->serial) < 0 ||
        set_field(host, task->head, wire->time_field, clock) < 0 ||
        set_field(host, task->head, wire->grant_field, wire->grant_out) < 0)
        return -1;
    return 0;
}

/* "FIELD=FIELD2", "FIELD=FIELD2:8" (its first 8 characters), "FIELD==TEXT"; what is empty or not there sets
 * nothing. */
static int
fill_lookup_field(const struct fep_host *host, struct fep_record *query, const struct fep_record *body,
                  const char *word, size_t size)
{
    char text[128], value[256];
    snprintf(text, sizeof text, "%.*s", (int)size, word);
    char *from = strchr(text, '=');
    if (from == NULL)
        return -1;
    *from++ = '\0';
    if (*from == '=')
        return set_field(host, query, text, from + 1);
    char *limit = strchr(from, ':');
    if (limit != NULL)
        *limit++ = '\0';
    int length = copy_field(host, body, from, value, sizeof value);
    if (length <= 0)
        return length;
    if (limit != NULL && (unsigned long)length > strtoul(limit, NULL, 10))
        value[strtoul(limit, NULL, 10)] = '\0';
    return set_field(host, query, text, value);
}

static struct fep_record *
make_lookup(const struct task *task)
{
    const struct fep_host *host = task->soap->host;
    const struct soap_wire *wire = &task->soap->codec.wire;
    char layout[SOAP_NAME_SIZE + 4];
    snprintf(layout, sizeof layout, "%.15s-Q", wire->lookup);
    struct fep_record *query = host->create_record(host->self, layout);
    const char *at = wire->lookup_request, *word;
    size_t size;
    while (query != NULL && at != NULL && next_word(&at, &word, &size)) {
        if (fill_lookup_field(host, query, task->body, word, size) < 0) {
            host->release_record(host->self, query);
            return NULL;
        }
    }
    return query;
}

static bool
needs_lookup(struct task *task)
{
    const struct soap_wire *wire = &task->soap->codec.wire;
    return wire->lookup != NULL && task->operation == FEP_OP_SUBMIT &&
           soap_list_value(wire->lookup_for, task->local, task->lookup_field, sizeof task->lookup_field) &&
           get_field(task->soap->host, task->body, task->lookup_field).size == 0;
}

/* HTTP head and body in one piece, so that they leave in one write. */
static int
join_message(struct task *task, const unsigned char *body, size_t size, struct fep_error *error)
{
    const struct soap_wire *wire = &task->soap->codec.wire;
    char head[1024];
    int length = http_write_request(head, sizeof head, wire->path, task->soap->authority, wire->content_type,
                                    wire->soap_action, size);
    free(task->out);
    task->out = length > 0 ? malloc((size_t)length + size) : NULL;
    if (task->out == NULL)
        return set_error(error, FEP_NOT_SENT, 9001, "no memory for a message of %zu bytes", size);
    memcpy(task->out, head, (size_t)length);
    memcpy(task->out + length, body, size);
    task->out_size = (size_t)length + size;
    return 0;
}

/* The message as it goes out now: its clock is that of the moment. */
static int
build_message(struct task *task, struct fep_error *error)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    const char *local = task->looking_up ? soap->codec.wire.lookup : task->local;
    struct fep_record *query = task->looking_up ? make_lookup(task) : NULL;
    unsigned char *body = NULL;
    long size = -1;
    set_error(error, FEP_REFUSED, 1003, "the head of %.15s can not be filled", local);
    if (task->looking_up) {
        if (query == NULL)
            return set_error(error, FEP_REFUSED, 1003, "the query %.15s before %.15s can not be made", local,
                             task->local);
        serial_draw(soap, task->serial);
    }
    if (fill_head(task, local) == 0)
        size = soap_encode(&soap->codec, true, task->head, query != NULL ? query : task->body, NULL, &body,
                           error);
    host->release_record(host->self, query);
    int status = size >= 0 ? join_message(task, body, (size_t)size, error) : -1;
    free(body);
    return status;
}

/* Serial of the request itself; of an inquiry or a reversal also the original's. */
static int
name_request(struct task *task, struct fep_error *error)
{
    struct soap *soap = task->soap;
    const struct soap_wire *wire = &soap->codec.wire;
    char original[SOAP_SERIAL_SIZE];
    if (task->operation == FEP_OP_SUBMIT)
        return serial_of_attempt(soap, &task->attempt, task->serial, error);
    serial_draw(soap, task->serial);
    if (serial_of_attempt(soap, &task->attempt, original, error) < 0)
        return -1;
    if (copy_field(soap->host, task->head, wire->original_transaction_field, task->original,
                   sizeof task->original) <= 0 ||
        set_field(soap->host, task->head, wire->original_serial_field, original) < 0)
        return set_error(error, FEP_REFUSED, 1003, "%.15s does not name its original", task->local);
    return 0;
}

/* --- placing --- */

void
task_place(struct task *task)
{
    struct soap *soap = task->soap;
    struct fep_error error;
    /* Inquiries and reversals are never held back: they are how the others come to an end. */
    bool held = task->operation == FEP_OP_SUBMIT;
    if (held && soap->watch.breaker) {
        task_lost(task, FEP_REASON_LINK_DOWN, "the local system does not answer; nothing is sent to it now");
        return;
    }
    if (held && count_active(soap) >= soap->connections) {
        task->state = TASK_WAITING;
        return;
    }
    if (build_message(task, &error) < 0) {
        finish_with_error(task, FEP_REFUSED, FEP_REASON_MALFORMED, &error);
        return;
    }
    if (link_open(task) < 0) {
        int trouble = errno;
        health_unreachable(soap, trouble);
        task_lost(task, FEP_REASON_LINK_DOWN, strerror(trouble));
    }
}

static int
translate(struct task *task, const struct fep_message *message, struct fep_error *error)
{
    const struct fep_host *host = task->soap->host;
    set_error(error, FEP_REFUSED, 1002, "not translated");
    const char *local = host->translate_out(host->self, message, task->operation, &task->attempt, &task->head,
                                            &task->body, error);
    if (local == NULL)
        return -1;
    if (task->head == NULL || strlen(local) >= sizeof task->local)
        return set_error(error, FEP_REFUSED, 1002, "%.40s has no head", local);
    snprintf(task->local, sizeof task->local, "%s", local);
    return name_request(task, error);
}

void
task_begin(struct soap *soap, struct fep_call *call, uint32_t operation, const struct fep_message *message)
{
    const struct fep_host *host = soap->host;
    struct fep_result bound = task_new_result(FEP_REASON_BOUND);
    struct fep_error error;
    bound.code = 9001;
    struct task *task = soap->draining ? NULL : add_task(soap, call, operation);
    if (task == NULL) {
        host->complete_call(host->self, call, FEP_NOT_SENT, &bound, NULL);
        return;
    }
    if (translate(task, message, &error) < 0) {
        finish_with_error(task, FEP_REFUSED, FEP_REASON_MALFORMED, &error);
        return;
    }
    task->looking_up = needs_lookup(task);
    task_place(task);
}

bool
task_probe(struct soap *soap)
{
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    char layout[SOAP_NAME_SIZE + 4];
    struct task *task = add_task(soap, NULL, OP_PROBE);
    if (task == NULL)
        return false;
    snprintf(task->local, sizeof task->local, "%.15s", wire->echo);
    snprintf(layout, sizeof layout, "%s-Q", task->local);
    task->head = host->create_record(host->self, "head-Q");
    task->body = host->create_record(host->self, layout);
    serial_draw(soap, task->serial);
    if (task->head == NULL || task->body == NULL ||
        fill_constants(soap, wire->echo_constants, task->head) < 0 ||
        (wire->echo_field != NULL && set_field(host, task->body, wire->echo_field, wire->node) < 0)) {
        free_task(task);
        return false;
    }
    task_place(task);
    return true;
}

/* --- cancelling --- */

/* Of those whose answer may still come only the latest keep their connections. */
static void
limit_late(struct soap *soap)
{
    struct task *oldest = NULL;
    size_t count = 0;
    for (struct task *task = soap->first_task; task != NULL; task = task->next) {
        if (task->state != TASK_LATE)
            continue;
        count++;
        if (oldest == NULL)
            oldest = task;
    }
    if (count > MAX_LATE)
        free_task(oldest);
}

void
task_cancel(struct soap *soap, struct fep_call *call, enum fep_reason reason)
{
    struct task *task = soap->first_task;
    while (task != NULL && task->call != call)
        task = task->next;
    if (task == NULL)
        return;
    struct fep_result result = task_new_result(reason);
    bool unsent = task->looking_up || task->written == 0;
    if (reason == FEP_REASON_DEADLINE && task->written > 0)
        health_timed_out(soap);
    if (unsent || task->operation != FEP_OP_SUBMIT) {
        result.code = unsent ? 9001 : 0;
        result.refusal_class = FEP_REPEATABLE;
        task_finish(task, unsent ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
        return;
    }
    complete_task(task, FEP_UNKNOWN, &result, NULL);
    task->state = TASK_LATE;
    link_await(task, soap->late_ms);
    limit_late(soap);
    task_check_drained(soap);
    place_waiting(soap);
}
