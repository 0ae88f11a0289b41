/* Tasks: what a call becomes on the wire and what the answer to it means.
 *
 * Must never say REFUSED without the local system's own word, never NOT_SENT once a byte of the request itself has left,
 * and never use a part of an answer. What it can not read is UNKNOWN and ends the connection. */
#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { DATE_CORRECTIONS = 2 };

/* --- the list ------------------------------------------------------------------------------------------------- */

static struct task *
add_task(struct fixed *fixed, struct fep_call *call, uint32_t operation)
{
    struct task *task = fixed->task_count < MAX_TASKS ? calloc(1, sizeof *task) : NULL;
    if (task == NULL)
        return NULL;
    task->call = call;
    task->operation = operation;
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

static void
free_task(struct fixed *fixed, struct task *task)
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
    host->release_record(host->self, task->head);
    host->release_record(host->self, task->body);
    free(task->frame);
    free(task);
}

void
task_free_all(struct fixed *fixed)
{
    while (fixed->first != NULL)
        free_task(fixed, fixed->first);
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
        count += task->connection == connection && task->state == TASK_LATE && task->late_since_ms <= limit_ms;
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

static void
check_drained(struct fixed *fixed)
{
    if (fixed->drain_call == NULL)
        return;
    for (const struct task *task = fixed->first; task != NULL; task = task->next) {
        if (task->call != NULL)
            return;
    }
    struct fep_call *call = fixed->drain_call;
    fixed->drain_call = NULL;
    fixed->host->complete_call(fixed->host->self, call, FEP_ANSWERED,
                               &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}

/* --- completing ----------------------------------------------------------------------------------------------- */

static struct fep_result
new_result(enum fep_reason reason)
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
        host->release_record(host->self, answer); /* a late word about the original: whoever needs it asks again */
}

static void
finish_task(struct fixed *fixed, struct task *task, enum fep_kind kind, const struct fep_result *result,
            struct fep_record *answer)
{
    complete_task(fixed, task, kind, result, answer);
    free_task(fixed, task);
    check_drained(fixed);
}

static void
finish_with_error(struct fixed *fixed, struct task *task, enum fep_kind kind, enum fep_reason reason,
                  const struct fep_error *error)
{
    struct fep_result result = new_result(reason);
    result.code = error->code >= 1000 && error->code <= 9999 ? error->code : 1003;
    copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    finish_task(fixed, task, kind, &result, NULL);
}

/* --- making requests ------------------------------------------------------------------------------------------ */

void
task_draw_serial(struct fixed *fixed, char serial[SERIAL_SIZE])
{
    const struct fep_host *host = fixed->host;
    uint32_t date, time;
    host->read_local_time(host->self, &date, &time);
    unsigned second = time / 10000 * 3600 + time / 100 % 100 * 60 + time % 100;
    fixed->serial_counter = (fixed->serial_counter + 1) % 100000;
    snprintf(serial, SERIAL_SIZE, "%08u99%05u%05u", date % 100000000u, 10000 + second % 86400, fixed->serial_counter);
}

static int
set_number(const struct fep_host *host, struct fep_record *record, const char *field, unsigned value, int digits)
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
        set_field(host, head, wire->serial_field, serial) < 0 || set_number(host, head, wire->date_field, date, 8) < 0 ||
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
        set_error(error, FEP_NOT_SENT, 1003, "the query %.12s before %.12s can not be made", local, task->local);
    else if (task_fill_head(fixed, task->head, local, task->serial) == 0)
        size = fixed_encode_frame(&fixed->codec, task->head, query != NULL ? query : task->body, fixed->scratch, error);
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

static bool
any_ready(const struct fixed *fixed)
{
    for (size_t i = 0; i < fixed->connection_count; i++) {
        if (fixed->connections[i].state == CONNECTION_READY)
            return true;
    }
    return false;
}

/* Puts a waiting task on a connection, leaves it waiting, or ends it. The task may be gone afterwards. */
static void
place_task(struct fixed *fixed, struct task *task)
{
    struct connection *connection = find_room(fixed);
    struct fep_error error;
    if (connection == NULL) {
        if (any_ready(fixed) || session_coming(fixed))
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
            place_task(fixed, task);
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
    struct fep_result bound = new_result(FEP_REASON_BOUND);
    struct fep_error error;
    bound.code = 9001;
    struct task *task = fixed->draining ? NULL : add_task(fixed, call, operation);
    if (task == NULL) {
        host->complete_call(host->self, call, FEP_NOT_SENT, &bound, NULL);
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
    place_task(fixed, task);
}

void
task_cancel(struct fixed *fixed, struct fep_call *call, enum fep_reason reason)
{
    struct task *task = fixed->first;
    while (task != NULL && task->call != call)
        task = task->next;
    if (task == NULL)
        return;
    struct fep_result result = new_result(reason);
    if (task->state != TASK_SENT) {
        finish_task(fixed, task, FEP_NOT_SENT, &result, NULL);
        task_pump(fixed);
        return;
    }
    complete_task(fixed, task, task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
    task->state = TASK_LATE;
    task->late_since_ms = fixed->host->read_monotonic_ms(fixed->host->self);
    check_drained(fixed);
}

void
task_lose_connection(struct fixed *fixed, struct connection *connection, enum fep_reason reason, const char *why)
{
    struct fep_result result = new_result(reason);
    copy_text(result.text, sizeof result.text, why, strlen(why));
    struct task *next;
    for (struct task *task = fixed->first; task != NULL; task = next) {
        next = task->next;
        if (task->connection != connection)
            continue;
        if (task->state == TASK_LATE) {
            free_task(fixed, task);
        } else if (task->state == TASK_QUEUED) {
            task->state = TASK_WAITING;
            task->connection = NULL;
        } else {
            finish_task(fixed, task, task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
        }
    }
    connection->writing = NULL;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static bool
is_posting(const struct fixed *fixed, const char *local)
{
    return list_has(fixed->wire.posting, local, strlen(local));
}

char
task_classify(const struct fixed *fixed, struct fep_bytes return_code, const char *local, uint32_t *canonical)
{
    const struct fep_host *host = fixed->host;
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)return_code.size, return_code.size > 0 ? (const char *)return_code.data : "");
    const char *value = host->mapping_text(host->self, "errors", key);
    if (value == NULL || value[0] == '\0' || value[1] != ':') {
        *canonical = is_posting(fixed, local) ? 9002 : 1003;
        return is_posting(fixed, local) ? 'U' : 'N';
    }
    *canonical = (uint32_t)strtoul(value + 2, NULL, 10);
    return value[0];
}

uint32_t
task_read_date(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    struct fep_bytes value = get_field(host, record, field);
    uint32_t date = 0;
    if (value.size != 8 || !is_all_digits((const char *)value.data, 8))
        return 0;
    for (size_t i = 0; i < 8; i++)
        date = date * 10 + (uint32_t)(value.data[i] - '0');
    return date;
}

static struct fep_result
read_result(const struct fixed *fixed, const struct fep_record *head)
{
    const struct fep_host *host = fixed->host;
    struct fep_result result = new_result(FEP_REASON_NONE);
    struct fep_bytes text = get_field(host, head, fixed->wire.text_field);
    struct fep_bytes reference = get_field(host, head, fixed->wire.reference_field);
    copy_text(result.text, sizeof result.text, (const char *)text.data, text.size);
    copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data, reference.size);
    result.accounting_date = task_read_date(host, head, fixed->wire.accounting_date_field);
    return result;
}

/* The body of a good answer under `local`-R; NULL in *body if that transaction's answers have none. */
static int
read_body(struct fixed *fixed, const char *local, const struct fep_record *head, const unsigned char *bytes, size_t size,
          struct fep_record **body, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-R", local);
    *body = NULL;
    size_t rows = 0;
    if (fixed->codec.count_field != SIZE_MAX && head != NULL) {
        struct fep_bytes count = host->record_get(head, fixed->codec.count_field);
        for (size_t i = 0; i < count.size; i++)
            rows = rows * 10 + (size_t)(count.data[i] - '0');
    }
    if (host->find_layout(host->self, layout) == NULL)
        return size == 0 ? 0 : set_error(error, 0, 1001, "an answer to %.12s with a body of %zu bytes", local, size);
    *body = head != NULL ? fixed_decode_body(&fixed->codec, layout, bytes, size, rows, error)
                         : fixed_decode_loose_body(&fixed->codec, layout, bytes, size, error);
    return *body != NULL ? 0 : -1;
}

/* The accounting date has changed: take the one of the refusal and send the same serial again. */
static void
correct_date(struct fixed *fixed, struct task *task, const struct fep_record *head)
{
    uint32_t date = task_read_date(fixed->host, head, fixed->wire.accounting_date_field);
    if (date != 0)
        fixed->accounting_date = date;
    task->date_corrections++;
    task->state = TASK_WAITING;
    task->connection = NULL;
    place_task(fixed, task);
}

static int
finding_by_name(const char *name)
{
    static const char *const names[] = {"nothing",  "posted",    "refused",       "in_progress",
                                        "reversed", "cancelled", "never_arrived", "stays_posted"};
    for (int i = 0; name != NULL && i < 8; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

static void
take_refusal(struct fixed *fixed, struct task *task, const struct fep_record *head, struct fep_bytes code)
{
    const struct fep_host *host = fixed->host;
    struct fep_result result = read_result(fixed, head);
    const char *local = task->looking_up ? fixed->wire.lookup : task->local;
    char class = task_classify(fixed, code, local, &result.code), key[24];
    result.reason = FEP_REASON_BUSINESS;
    result.refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    if (task->operation == FEP_OP_REVERSE) {
        snprintf(key, sizeof key, "error:%u", result.code);
        int finding = finding_by_name(host->mapping_text(host->self, "reverse", key));
        if (finding >= 0) {
            result.finding = (uint32_t)finding;
            finish_task(fixed, task, FEP_ANSWERED, &result, NULL);
            return;
        }
    }
    enum fep_kind kind = class != 'U' ? FEP_REFUSED : task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN;
    finish_task(fixed, task, kind, &result, NULL);
}

static int
take_submit_answer(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes,
                   size_t size, struct fep_error *error)
{
    struct fep_record *body;
    if (read_body(fixed, task->local, head, bytes, size, &body, error) < 0)
        return -1;
    struct fep_result result = read_result(fixed, head);
    result.effect = is_posting(fixed, task->local) ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    finish_task(fixed, task, FEP_ANSWERED, &result, body);
    return 0;
}

/* Of the rows found the one whose value comes first in the configured order; without any the request goes as it is and
 * the local system says what it thinks of it. */
static int
take_lookup_answer(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes,
                   size_t size, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    struct fep_record *body;
    if (read_body(fixed, wire->lookup, head, bytes, size, &body, error) < 0)
        return -1;
    const struct fep_layout *layout = body != NULL ? host->record_layout(body) : NULL;
    size_t rows = body != NULL ? host->record_rows(body) : 0, field = 0;
    while (layout != NULL && field < layout->group_field_count &&
           strcmp(layout->group_fields[field].name, wire->lookup_row_field) != 0)
        field++;
    const char *at = wire->lookup_order, *word;
    size_t word_size;
    bool found = layout == NULL || field == layout->group_field_count;
    while (!found && at != NULL && next_word(&at, &word, &word_size)) {
        for (size_t row = 0; row < rows && !found; row++) {
            struct fep_bytes value = host->record_get_in_row(body, row, field);
            found = value.size == word_size && memcmp(value.data, word, word_size) == 0;
            int place = find_field(host->record_layout(task->body), wire->lookup_empty);
            if (found && host->record_set(task->body, (size_t)place, word, word_size) < 0)
                found = false;
        }
    }
    host->release_record(host->self, body);
    task->looking_up = false;
    memcpy(task->serial, task->request_serial, sizeof task->serial);
    task->state = TASK_WAITING;
    task->connection = NULL;
    place_task(fixed, task);
    return 0;
}

static int
read_finding(struct fixed *fixed, const char *section, const struct fep_record *body, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    char value[32];
    const char *field = host->mapping_text(host->self, section, "field");
    if (field == NULL || copy_field(host, body, field, value, sizeof value) <= 0)
        return set_error(error, 0, 1001, "no state in the answer");
    int finding = finding_by_name(host->mapping_text(host->self, section, value));
    return finding >= 0 ? finding : set_error(error, 0, 1001, "the state in the answer is none of the mapping's");
}

static int
take_reversal_answer(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes,
                     size_t size, struct fep_error *error)
{
    struct fep_record *body;
    if (read_body(fixed, task->local, head, bytes, size, &body, error) < 0)
        return -1;
    int finding = body != NULL ? read_finding(fixed, "reverse", body, error) : -1;
    fixed->host->release_record(fixed->host->self, body);
    if (finding < 0)
        return -1;
    struct fep_result result = read_result(fixed, head);
    result.finding = (uint32_t)finding;
    finish_task(fixed, task, FEP_ANSWERED, &result, NULL);
    return 0;
}

static size_t
read_length(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    char digits[24];
    return field != NULL && copy_field(host, record, field, digits, sizeof digits) > 0 ? strtoul(digits, NULL, 10) : 0;
}

/* What the inquiry found of a refused original. */
static void
read_original_refusal(struct fixed *fixed, const struct task *task, const struct fep_record *body,
                      struct fep_result *result)
{
    struct fep_bytes code = get_field(fixed->host, body, fixed->wire.inquiry_return);
    char class = task_classify(fixed, code, task->original, &result->code);
    result->refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    result->reason = FEP_REASON_BUSINESS;
}

static int
take_inquiry_answer(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes,
                    size_t size, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    struct fep_record *body, *original = NULL;
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-R", task->local);
    size_t plain = fixed_plain_size(host->find_layout(host->self, layout));
    if (plain == 0 || size < plain)
        return set_error(error, 0, 1001, "an inquiry's answer of %zu bytes; expected at least %zu", size, plain);
    if (read_body(fixed, task->local, NULL, bytes, plain, &body, error) < 0)
        return -1;
    struct fep_result result = read_result(fixed, head);
    int finding = read_finding(fixed, "inquire", body, error);
    if (finding >= 0 && read_length(host, body, fixed->wire.inquiry_length) != size - plain)
        finding = set_error(error, 0, 1001, "the original's answer is said to take another number of bytes");
    if (finding >= 0) {
        struct fep_bytes reference = get_field(host, body, fixed->wire.inquiry_reference);
        copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data, reference.size);
        result.finding = (uint32_t)finding;
        result.accounting_date = task->attempt.accounting_date;
        if (finding == FEP_FOUND_REFUSED)
            read_original_refusal(fixed, task, body, &result);
    }
    host->release_record(host->self, body);
    if (finding < 0)
        return -1;
    if (finding == FEP_FOUND_POSTED) {
        result.effect = FEP_EFFECT_POSTED;
        /* Asking again would bring the same bytes: posted it is, but its answer is of no use. */
        if (read_body(fixed, task->original, NULL, bytes + plain, size - plain, &original, error) < 0) {
            result.reason = FEP_REASON_INCONSISTENT;
            copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
        }
    }
    finish_task(fixed, task, FEP_ANSWERED, &result, original);
    return 0;
}

/* A refusal that says nothing about the business, or the beginning of the business. */
static int
take_good(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes, size_t size,
          struct fep_error *error)
{
    if (task->looking_up)
        return take_lookup_answer(fixed, task, head, bytes, size, error);
    switch (task->operation) {
    case FEP_OP_INQUIRE:
        return take_inquiry_answer(fixed, task, head, bytes, size, error);
    case FEP_OP_REVERSE:
        return take_reversal_answer(fixed, task, head, bytes, size, error);
    default:
        return take_submit_answer(fixed, task, head, bytes, size, error);
    }
}

int
task_answer(struct task *task, struct fixed *fixed, struct fep_record *head, const unsigned char *body, size_t size,
            struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    const char *local = task->looking_up ? wire->lookup : task->local;
    struct fep_bytes code = get_field(host, head, wire->return_field);
    int result = -1;
    bool good = bytes_equal(code, wire->good);
    /* An answer to another transaction, or a request, is no answer to this; a refusal may be a mere echo of the head. */
    if (!bytes_equal(get_field(host, head, wire->transaction_field), local) || code.size == 0 ||
        (good && !bytes_equal(get_field(host, head, wire->kind_field), wire->answer_kind))) {
        set_error(error, 0, 1001, "an answer that is none to %.12s", local);
    } else if (task->looking_up && task->state == TASK_LATE) {
        free_task(fixed, task);
        result = 0;
    } else if (good) {
        result = take_good(fixed, task, head, body, size, error);
    } else if (size > 0) {
        set_error(error, 0, 1001, "a refusal of %.12s with a body of %zu bytes", local, size);
    } else if (wire->wrong_date != NULL && bytes_equal(code, wire->wrong_date) && task->state == TASK_SENT &&
               task->date_corrections < DATE_CORRECTIONS) {
        correct_date(fixed, task, head);
        result = 0;
    } else {
        take_refusal(fixed, task, head, code);
        result = 0;
    }
    host->release_record(host->self, head);
    return result;
}
