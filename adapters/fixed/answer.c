/* Answers: what a record that belongs to a task means.
 *
 * Must never say REFUSED without the local system's own word and never use a part of an answer. What it can
 * not read is no answer: the caller closes the connection, and the task ends as UNKNOWN. */
#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"
#include "text.h"
#include "wire.h"

enum { DATE_CORRECTIONS = 2 };

static bool
is_posting(const struct fixed *fixed, const char *local)
{
    return list_has(fixed->wire.posting, local, strlen(local));
}

char
answer_classify(const struct fixed *fixed, struct fep_bytes return_code, const char *local,
                uint32_t *canonical)
{
    const struct fep_host *host = fixed->host;
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)return_code.size,
             return_code.size > 0 ? (const char *)return_code.data : "");
    const char *value = host->mapping_text(host->self, "errors", key);
    if (value == NULL || value[0] == '\0' || value[1] != ':') {
        *canonical = is_posting(fixed, local) ? 9002 : 1003;
        return is_posting(fixed, local) ? 'U' : 'N';
    }
    *canonical = (uint32_t)strtoul(value + 2, NULL, 10);
    return value[0];
}

uint32_t
answer_read_date(const struct fep_host *host, const struct fep_record *record, const char *field)
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
    struct fep_result result = task_new_result(FEP_REASON_NONE);
    struct fep_bytes text = get_field(host, head, fixed->wire.text_field);
    struct fep_bytes reference = get_field(host, head, fixed->wire.reference_field);
    copy_text(result.text, sizeof result.text, (const char *)text.data, text.size);
    copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data,
              reference.size);
    result.accounting_date = answer_read_date(host, head, fixed->wire.accounting_date_field);
    return result;
}

/* The body of a good answer under `local`-R; NULL in *body if that transaction's answers have none. */
static int
read_body(struct fixed *fixed, const char *local, const struct fep_record *head, const unsigned char *bytes,
          size_t size, struct fep_record **body, struct fep_error *error)
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
        return size == 0
                   ? 0
                   : set_error(error, 0, 1001, "an answer to %.12s with a body of %zu bytes", local, size);
    *body = head != NULL ? fixed_decode_body(&fixed->codec, layout, bytes, size, rows, error)
                         : fixed_decode_loose_body(&fixed->codec, layout, bytes, size, error);
    return *body != NULL ? 0 : -1;
}

/* The accounting date has changed: take the one of the refusal and send the same serial again. */
static void
correct_date(struct fixed *fixed, struct task *task, const struct fep_record *head)
{
    uint32_t date = answer_read_date(fixed->host, head, fixed->wire.accounting_date_field);
    if (date != 0)
        fixed->accounting_date = date;
    task->date_corrections++;
    task->state = TASK_WAITING;
    task->connection = NULL;
    task_place(fixed, task);
}

static void
take_refusal(struct fixed *fixed, struct task *task, const struct fep_record *head, struct fep_bytes code)
{
    const struct fep_host *host = fixed->host;
    struct fep_result result = read_result(fixed, head);
    const char *local = task->looking_up ? fixed->wire.lookup : task->local;
    char class = answer_classify(fixed, code, local, &result.code), key[24];
    result.reason = FEP_REASON_BUSINESS;
    result.refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    if (task->operation == FEP_OP_REVERSE) {
        snprintf(key, sizeof key, "error:%u", result.code);
        int finding = support_finding_by_word(host->mapping_text(host->self, "reverse", key));
        if (finding >= 0) {
            result.finding = (uint32_t)finding;
            task_finish(fixed, task, FEP_ANSWERED, &result, NULL);
            return;
        }
    }
    if (task->operation == OP_NOTICE)
        file_calls_told(fixed, &task->told_of, class);
    enum fep_kind kind = class != 'U' ? FEP_REFUSED : task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN;
    task_finish(fixed, task, kind, &result, NULL);
}

static int
take_submit_answer(struct fixed *fixed, struct task *task, const struct fep_record *head,
                   const unsigned char *bytes, size_t size, struct fep_error *error)
{
    struct fep_record *body;
    if (read_body(fixed, task->local, head, bytes, size, &body, error) < 0)
        return -1;
    struct fep_result result = read_result(fixed, head);
    if (task->file != NULL && task->call == NULL) { /* late: whoever needs the file asks again */
        fixed->host->release_record(fixed->host->self, body);
        task_free(fixed, task);
        return 0;
    }
    if (task->file != NULL && body != NULL)
        return file_calls_take(fixed, task, &result, body, error);
    if (task->operation == OP_NOTICE)
        file_calls_told(fixed, &task->told_of, '0');
    result.effect = is_posting(fixed, task->local) ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    task_finish(fixed, task, FEP_ANSWERED, &result, body);
    return 0;
}

/* Of the rows found the one whose value comes first in the configured order; without any the request goes as
 * it is and the local system says what it thinks of it. */
static int
take_lookup_answer(struct fixed *fixed, struct task *task, const struct fep_record *head,
                   const unsigned char *bytes, size_t size, struct fep_error *error)
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
    task_place(fixed, task);
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
    int finding = support_finding_by_word(host->mapping_text(host->self, section, value));
    return finding >= 0 ? finding
                        : set_error(error, 0, 1001, "the state in the answer is none of the mapping's");
}

static int
take_reversal_answer(struct fixed *fixed, struct task *task, const struct fep_record *head,
                     const unsigned char *bytes, size_t size, struct fep_error *error)
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
    task_finish(fixed, task, FEP_ANSWERED, &result, NULL);
    return 0;
}

static size_t
read_length(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    char digits[24];
    return field != NULL && copy_field(host, record, field, digits, sizeof digits) > 0
               ? strtoul(digits, NULL, 10)
               : 0;
}

/* What the inquiry found of a refused original. */
static void
read_original_refusal(struct fixed *fixed, const struct task *task, const struct fep_record *body,
                      struct fep_result *result)
{
    struct fep_bytes code = get_field(fixed->host, body, fixed->wire.inquiry_return);
    char class = answer_classify(fixed, code, task->original, &result->code);
    result->refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    result->reason = FEP_REASON_BUSINESS;
}

static int
take_inquiry_answer(struct fixed *fixed, struct task *task, const struct fep_record *head,
                    const unsigned char *bytes, size_t size, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    struct fep_record *body, *original = NULL;
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-R", task->local);
    size_t plain = fixed_plain_size(host->find_layout(host->self, layout));
    if (plain == 0 || size < plain)
        return set_error(error, 0, 1001, "an inquiry's answer of %zu bytes; expected at least %zu", size,
                         plain);
    if (read_body(fixed, task->local, NULL, bytes, plain, &body, error) < 0)
        return -1;
    struct fep_result result = read_result(fixed, head);
    int finding = read_finding(fixed, "inquire", body, error);
    if (finding >= 0 && read_length(host, body, fixed->wire.inquiry_length) != size - plain)
        finding = set_error(error, 0, 1001, "the original's answer is said to take another number of bytes");
    if (finding >= 0) {
        struct fep_bytes reference = get_field(host, body, fixed->wire.inquiry_reference);
        copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data,
                  reference.size);
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
    task_finish(fixed, task, FEP_ANSWERED, &result, original);
    return 0;
}

/* A refusal that says nothing about the business, or the beginning of the business. */
static int
take_good(struct fixed *fixed, struct task *task, const struct fep_record *head, const unsigned char *bytes,
          size_t size, struct fep_error *error)
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
answer_take(struct task *task, struct fixed *fixed, struct fep_record *head, const unsigned char *body,
            size_t size, struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    const char *local = task->looking_up ? wire->lookup : task->local;
    struct fep_bytes code = get_field(host, head, wire->return_field);
    int result = -1;
    bool good = bytes_equal(code, wire->good);
    /* An answer to another transaction, or a request, is no answer to this; a refusal may be a mere echo of
     * the head. */
    if (!bytes_equal(get_field(host, head, wire->transaction_field), local) || code.size == 0 ||
        (good && !bytes_equal(get_field(host, head, wire->kind_field), wire->answer_kind))) {
        set_error(error, 0, 1001, "an answer that is none to %.12s", local);
    } else if (task->looking_up && task->state == TASK_LATE) {
        task_free(fixed, task);
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
