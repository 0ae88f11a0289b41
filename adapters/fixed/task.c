/* Tasks: what a call becomes on the wire, and how it ends when no answer comes.
 *
 * Must never say NOT_SENT once a byte of the request itself has left, nor REFUSED for anything but what we
 * can not write at all. */
#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

/* --- the list --- */

static struct task *
add_task(struct fixed *fixed, struct fep_call *call, uint32_t operation)
{
    struct task *task = fixed->task_count < MAX_TASKS ? calloc(1, sizeof *task) : NULL;
    if (task == NULL)
        return NULL;
    task->fixed = fixed;
    task->call = call;
    task->operation = operation;
    if (call != NULL)
        task->attempt = *fixed->host->call_attempt(call);
    task->state = TASK_WAITING;
    task->before = fixed->last;
    if (fixed->last != NULL)
        fixed->last->next = task;
    else
        fixed->first = task;
    fixed->last = task;
    fixed->task_count++;
    return task;
}

void
task_free(struct fixed *fixed, struct task *task)
{
    const struct fep_host *host = fixed->host;
    if (task->connection != NULL && task->connection->writing == task)
        task->connection->writing = NULL;
    if (task->before != NULL)
        task->before->next = task->next;
    else
        fixed->first = task->next;
    if (task->next != NULL)
        task->next->before = task->before;
    else
        fixed->last = task->before;
    fixed->task_count--;
    if (fixed->notice == task)
        fixed->notice = NULL;
    host->clear_timer(host->self, task->timer);
    reader_close(task->reader);
    host->release_record(host->self, task->asked);
    host->release_record(host->self, task->told);
    host->release_record(host->self, task->head);
    host->release_record(host->self, task->body);
    free(task->frame);
    free(task);
}

void
task_free_all(struct fixed *fixed)
{
    while (fixed->first != NULL)
        task_free(fixed, fixed->first);
}

struct task *
task_find(struct fixed *fixed, const struct connection *connection, struct fep_bytes serial)
{
    for (struct task *task = fixed->first; task != NULL; task = task->next) {
        if (task->connection == connection && bytes_equal(serial, task->serial))
            return task;
    }
    return NULL;
}

size_t
task_outstanding(const struct fixed *fixed, const struct connection *connection)
{
    size_t count = 0;
    for (const struct task *task = fixed->first; task != NULL; task = task->next)
        count += task->connection == connection;
    return count;
}

size_t
task_overdue(const struct fixed *fixed, const struct connection *connection, int64_t limit_ms)
{
    size_t count = 0;
    for (const struct task *task = fixed->first; task != NULL; task = task->next)
        count +=
            task->connection == connection && task->state == TASK_LATE && task->late_since_ms <= limit_ms;
    return count;
}

struct task *
task_next_queued(const struct fixed *fixed, const struct connection *connection)
{
    for (struct task *task = fixed->first; task != NULL; task = task->next) {
        if (task->connection == connection && task->state == TASK_QUEUED)
            return task;
    }
    return NULL;
}

void
task_check_drained(struct fixed *fixed)
{
    if (fixed->drain_call == NULL)
        return;
    for (const struct task *task = fixed->first; task != NULL; task = task->next) {
        if (task->call != NULL)
            return;
    }
    own_call_end(fixed->host, &fixed->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

/* --- completing --- */

struct fep_result
task_new_result(enum fep_reason reason)
{
    return (struct fep_result){.size = sizeof(struct fep_result), .reason = reason};
}

/* Completes the task's call; the task stays. */
static void
complete_task(struct fixed *fixed, struct task *task, enum fep_kind kind, const struct fep_result *result,
              struct fep_record *answer)
{
    const struct fep_host *host = fixed->host;
    struct fep_call *call = task->call;
    task->call = NULL;
    if (kind == FEP_ANSWERED || kind == FEP_REFUSED)
        fixed->health.last_success_ms = host->read_monotonic_ms(host->self);
    if (call != NULL)
        host->complete_call(host->self, call, kind, result, answer);
    else if (task->operation == FEP_OP_SUBMIT && !task->looking_up)
        host->report_late(host->self, &task->attempt, kind, result, answer);
    else
        host->release_record(host->self,
                             answer); /* a late word about the original: whoever needs it asks again */
}

void
task_finish(struct fixed *fixed, struct task *task, enum fep_kind kind, const struct fep_result *result,
            struct fep_record *answer)
{
    complete_task(fixed, task, kind, result, answer);
    task_free(fixed, task);
    task_check_drained(fixed);
}

static void
finish_with_error(struct fixed *fixed, struct task *task, enum fep_kind kind, enum fep_reason reason,
                  const struct fep_error *error)
{
    struct fep_result result = task_new_result(reason);
    /* Canonical codes end in 00..09; the gateway's own stand in the same field above 10000. */
    result.code = error->code % 100 < 10 ? error->code : error->code + 10000;
    if (error->code < 1000 || error->code > 9999)
        result.code = 1003;
    copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    task_finish(fixed, task, kind, &result, NULL);
}

/* --- making requests --- */

void
task_draw_serial(struct fixed *fixed, char serial[SERIAL_SIZE])
{
    const struct fep_host *host = fixed->host;
    uint32_t date, time;
    host->read_local_time(host->self, &date, &time);
    unsigned second = time / 10000 * 3600 + time / 100 % 100 * 60 + time % 100;
    fixed->serial_counter = (fixed->serial_counter + 1) % 100000;
    snprintf(serial, SERIAL_SIZE, "%08u99%05u%05u", date % 100000000u, 10000 + second % 86400,
             fixed->serial_counter);
}

static int
set_number(const struct fep_host *host, struct fep_record *record, const char *field, unsigned value,
           int digits)
{
    char text[24];
    snprintf(text, sizeof text, "%0*u", digits, value);
    return field != NULL ? set_field(host, record, field, text) : 0;
}

static int
fill_constants(const struct fixed *fixed, struct fep_record *head)
{
    const struct fep_host *host = fixed->host;
    const char *at = fixed->wire.head_constants, *word;
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

int
task_fill_head(struct fixed *fixed, struct fep_record *head, const char *local, const char *serial)
{
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    uint32_t date, time;
    host->read_local_time(host->self, &date, &time);
    if (fill_constants(fixed, head) < 0 || set_field(host, head, wire->transaction_field, local) < 0 ||
        set_field(host, head, wire->serial_field, serial) < 0 ||
        set_number(host, head, wire->date_field, date, 8) < 0 ||
        set_number(host, head, wire->time_field, time, 6) < 0 ||
        set_number(host, head, wire->accounting_date_field, fixed->accounting_date, 8) < 0)
        return -1;
    return 0;
}

/* "FIELD=FIELD2", "FIELD=FIELD2:8" (its first 8 characters), "FIELD==TEXT". */
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
    if (length < 0)
        return -1;
    if (limit != NULL && (unsigned long)length > strtoul(limit, NULL, 10))
        value[strtoul(limit, NULL, 10)] = '\0';
    return set_field(host, query, text, value);
}

static struct fep_record *
make_lookup(const struct fixed *fixed, const struct task *task)
{
    const struct fep_host *host = fixed->host;
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-Q", fixed->wire.lookup);
    struct fep_record *query = host->create_record(host->self, layout);
    const char *at = fixed->wire.lookup_request, *word;
    size_t size;
    while (query != NULL && next_word(&at, &word, &size)) {
        if (fill_lookup_field(host, query, task->body, word, size) < 0) {
            host->release_record(host->self, query);
            return NULL;
        }
    }
    return query;
}

static bool
needs_lookup(const struct fixed *fixed, const struct task *task)
{
    const struct fixed_wire *wire = &fixed->wire;
    return wire->lookup != NULL && task->operation == FEP_OP_SUBMIT &&
           list_has(wire->lookup_for, task->local, strlen(task->local)) &&
           get_field(fixed->host, task->body, wire->lookup_empty).size == 0;
}

/* The frame as it goes out now: clock and accounting date are those of the moment. */
static int
build_frame(struct fixed *fixed, struct task *task, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    const char *local = task->looking_up ? fixed->wire.lookup : task->local;
    struct fep_record *query = task->looking_up ? make_lookup(fixed, task) : NULL;
    long size = -1;
    set_error(error, FEP_NOT_SENT, 1003, "the head of %.12s can not be filled", local);
    if (task->looking_up && query == NULL)
        set_error(error, FEP_NOT_SENT, 1003, "the query %.12s before %.12s can not be made", local,
                  task->local);
    else if (task_fill_head(fixed, task->head, local, task->serial) == 0 &&
             (task->own_date[0] == '\0' ||
              set_field(host, task->head, fixed->wire.accounting_date_field, task->own_date) == 0))
        size = fixed_encode_frame(&fixed->codec, task->head, query != NULL ? query : task->body,
                                  fixed->scratch, error);
    host->release_record(host->self, query);
    if (size < 0)
        return -1;
    free(task->frame);
    task->frame = malloc((size_t)size);
    if (task->frame == NULL)
        return set_error(error, FEP_NOT_SENT, 9001, "no memory for a frame of %ld bytes", size);
    memcpy(task->frame, fixed->scratch, (size_t)size);
    task->frame_size = (size_t)size;
    task->written = 0;
    return 0;
}

static struct connection *
find_room(struct fixed *fixed)
{
    struct connection *best = NULL;
    size_t best_load = 0;
    for (size_t i = 0; i < fixed->connection_count; i++) {
        struct connection *connection = &fixed->connections[i];
        if (connection->state != CONNECTION_READY || connection->retiring)
            continue;
        size_t load = task_outstanding(fixed, connection);
        if (load < connection->window && (best == NULL || load < best_load)) {
            best = connection;
            best_load = load;
        }
    }
    return best;
}

void
task_place(struct fixed *fixed, struct task *task)
{
    struct connection *connection = find_room(fixed);
    struct fep_error error;
    if (connection == NULL) {
        if (session_is_ready(fixed) || session_coming(fixed))
            return;
        set_error(&error, FEP_NOT_SENT, 9001, "no connection to the local system");
        finish_with_error(fixed, task, FEP_NOT_SENT, FEP_REASON_LINK_DOWN, &error);
        return;
    }
    if (build_frame(fixed, task, &error) < 0) {
        finish_with_error(fixed, task, FEP_REFUSED, FEP_REASON_MALFORMED, &error);
        return;
    }
    task->state = TASK_QUEUED;
    task->connection = connection;
    session_write(connection);
}

void
task_pump(struct fixed *fixed)
{
    struct task *next;
    for (struct task *task = fixed->first; task != NULL; task = next) {
        next = task->next;
        if (task->state == TASK_WAITING && !fixed->closing)
            task_place(fixed, task);
    }
}

static int
translate(struct fixed *fixed, struct task *task, const struct fep_message *message, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    set_error(error, FEP_NOT_SENT, 1002, "not translated");
    const char *local = host->translate_out(host->self, message, task->operation, &task->attempt, &task->head,
                                            &task->body, error);
    if (local == NULL)
        return -1;
    if (task->head == NULL || strlen(local) >= LOCAL_SIZE)
        return set_error(error, FEP_NOT_SENT, 1002, "%.40s has no head", local);
    snprintf(task->local, sizeof task->local, "%s", local);
    if (task->operation == FEP_OP_SUBMIT) {
        if (copy_field(host, task->head, fixed->wire.serial_field, task->serial, sizeof task->serial) <= 0)
            return set_error(error, FEP_NOT_SENT, 1003, "%.40s has no serial", local);
        char *date = task->own_date;
        if (copy_field(host, task->head, fixed->wire.accounting_date_field, date, sizeof task->own_date) <
                0 ||
            strspn(date, "0") == strlen(date))
            date[0] = '\0';
        const struct file_kind *kind = files_by_name(&fixed->files, local);
        if (kind != NULL && file_calls_prepare(fixed, task, kind, error) < 0)
            return -1;
    } else {
        task_draw_serial(fixed, task->serial); /* an inquiry or reversal carries its own */
        if (copy_field(host, task->head, fixed->wire.original_transaction_field, task->original,
                       sizeof task->original) <= 0)
            return set_error(error, FEP_NOT_SENT, 1003, "%.40s does not name its original", local);
    }
    return 0;
}

void
task_begin(struct fixed *fixed, struct fep_call *call, uint32_t operation, const struct fep_message *message)
{
    const struct fep_host *host = fixed->host;
    struct fep_result bound = task_new_result(FEP_REASON_BOUND);
    struct fep_error error;
    bound.code = 9001;
    struct task *task = fixed->draining ? NULL : add_task(fixed, call, operation);
    if (task == NULL) {
        host->complete_call(host->self, call, FEP_NOT_SENT, &bound, NULL);
        return;
    }
    if (!breaker_lets(fixed, operation)) {
        set_error(&error, FEP_NOT_SENT, 9001,
                  "the local system does not answer; nothing but probes is sent to it");
        finish_with_error(fixed, task, FEP_NOT_SENT, FEP_REASON_LINK_DOWN, &error);
        return;
    }
    if (translate(fixed, task, message, &error) < 0) {
        finish_with_error(fixed, task, FEP_REFUSED, FEP_REASON_MALFORMED, &error);
        return;
    }
    memcpy(task->request_serial, task->serial, sizeof task->request_serial);
    if (needs_lookup(fixed, task)) {
        task->looking_up = true;
        task_draw_serial(fixed, task->serial);
    }
    task_place(fixed, task);
}

void
task_cancel(struct fixed *fixed, struct fep_call *call, enum fep_reason reason)
{
    struct task *task = fixed->first;
    while (task != NULL && task->call != call)
        task = task->next;
    if (task == NULL)
        return;
    struct fep_result result = task_new_result(reason);
    if (task->state != TASK_SENT) {
        task_finish(fixed, task, task->state == TASK_READING ? FEP_UNKNOWN : FEP_NOT_SENT, &result, NULL);
        task_pump(fixed);
        return;
    }
    complete_task(fixed, task, task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
    task->state = TASK_LATE;
    task->late_since_ms = fixed->host->read_monotonic_ms(fixed->host->self);
    if (reason == FEP_REASON_DEADLINE)
        breaker_note_timeout(fixed);
    task_check_drained(fixed);
}

void
task_begin_notice(struct fixed *fixed, const char *local, struct fep_record *body,
                  const struct file_facts *facts)
{
    const struct fep_host *host = fixed->host;
    struct task *task = add_task(fixed, NULL, OP_NOTICE);
    if (task == NULL) {
        host->release_record(host->self, body);
        return;
    }
    fixed->notice = task;
    task->told_of = *facts;
    task->body = body;
    task->head = host->create_record(host->self, "head-Q");
    snprintf(task->local, sizeof task->local, "%s", local);
    task_draw_serial(fixed, task->serial);
    memcpy(task->request_serial, task->serial, sizeof task->request_serial);
    if (task->head != NULL)
        task_place(fixed, task);
    else
        task_free(fixed, task);
}

void
task_give_up_notice(struct fixed *fixed)
{
    struct task *task = fixed->notice;
    fixed->notice = NULL;
    if (task->state != TASK_SENT) {
        task_free(fixed, task);
        return;
    }
    task->state = TASK_LATE;
    task->late_since_ms = fixed->host->read_monotonic_ms(fixed->host->self);
}

void
task_lose_connection(struct fixed *fixed, struct connection *connection, enum fep_reason reason,
                     const char *why)
{
    struct fep_result result = task_new_result(reason);
    copy_text(result.text, sizeof result.text, why, strlen(why));
    struct task *next;
    for (struct task *task = fixed->first; task != NULL; task = next) {
        next = task->next;
        if (task->connection != connection)
            continue;
        if (task->state == TASK_LATE) {
            task_free(fixed, task);
        } else if (task->state == TASK_QUEUED) {
            task->state = TASK_WAITING;
            task->connection = NULL;
        } else {
            task_finish(fixed, task, task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
        }
    }
    connection->writing = NULL;
}
