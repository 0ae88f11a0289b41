/* Answers: what a complete HTTP answer to a task means.
 *
 * Must never say REFUSED without the other side's own word, and never use an answer that does not name this
 * very request. What can not be read, or contradicts itself, is an unknown outcome. */
#include "soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"
#include "wire.h"

static bool
is_posting(const struct soap *soap, const char *local)
{
    return list_has(soap->codec.wire.posting, local, strlen(local));
}

/* Class and canonical code of a return code, or of what HTTP says ("HTTP-404"). What the mapping does not
 * know is an unknown outcome where something may have been posted. */
static char
classify(const struct soap *soap, const char *code, const char *local, uint32_t *canonical)
{
    const struct fep_host *host = soap->host;
    const char *value = host->mapping_text(host->self, "errors", code);
    if (value == NULL || value[0] == '\0' || value[1] != ':') {
        *canonical = is_posting(soap, local) ? 9002 : 1003;
        return is_posting(soap, local) ? 'U' : 'N';
    }
    *canonical = (uint32_t)strtoul(value + 2, NULL, 10);
    return value[0];
}

/* Not an answer to this request, or none that can be read. */
static void
take_unreadable(struct task *task, const char *why)
{
    struct fep_result result = task_new_result(FEP_REASON_MALFORMED);
    copy_text(result.text, sizeof result.text, why, strlen(why));
    bool unsent = task->looking_up || task->written == 0;
    task_finish(task, unsent ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
}

static void
take_refusal(struct task *task, char class, struct fep_result *result)
{
    const struct fep_host *host = task->soap->host;
    char key[24];
    result->reason = FEP_REASON_BUSINESS;
    result->refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    if (task->operation == FEP_OP_REVERSE && class != 'U') {
        snprintf(key, sizeof key, "error:%u", result->code);
        int finding = support_finding_by_word(host->mapping_text(host->self, "reverse", key));
        if (finding >= 0) {
            result->finding = (uint32_t)finding;
            task_finish(task, FEP_ANSWERED, result, NULL);
            return;
        }
    }
    enum fep_kind kind = class != 'U' ? FEP_REFUSED : task->looking_up ? FEP_NOT_SENT : FEP_UNKNOWN;
    task_finish(task, kind, result, NULL);
}

/* An HTTP status or a Fault instead of an answer. */
static void
take_transport(struct task *task, const char *code, const char *text)
{
    struct fep_result result = task_new_result(FEP_REASON_BUSINESS);
    const char *local = task->looking_up ? task->soap->codec.wire.lookup : task->local;
    char class = classify(task->soap, code, local, &result.code);
    snprintf(result.text, sizeof result.text, "%.32s %.200s", code, text);
    take_refusal(task, class, &result);
}

/* --- good answers --- */

static int
read_finding(const struct soap *soap, const char *section, const struct fep_record *body,
             struct fep_error *error)
{
    const struct fep_host *host = soap->host;
    char value[32];
    const char *field = host->mapping_text(host->self, section, "field");
    if (field == NULL || copy_field(host, body, field, value, sizeof value) <= 0)
        return set_error(error, 0, 1001, "no state in the answer");
    int finding = support_finding_by_word(host->mapping_text(host->self, section, value));
    return finding >= 0 ? finding
                        : set_error(error, 0, 1001, "the state in the answer is none of the mapping's");
}

/* The body of a good answer; NULL in *body if this transaction's answers have none. */
static int
read_body(struct task *task, const char *local, const struct soap_document *document,
          struct fep_record **body, struct fep_error *error)
{
    struct soap *soap = task->soap;
    char layout[SOAP_NAME_SIZE + 4];
    snprintf(layout, sizeof layout, "%.15s-R", local);
    *body = NULL;
    if (soap->host->find_layout(soap->host->self, layout) == NULL)
        return 0;
    *body = soap_decode_body(&soap->codec, false, local, document->body, error);
    return *body != NULL ? 0 : -1;
}

static size_t
find_row_field(const struct fep_layout *layout, const char *name)
{
    size_t field = 0;
    while (name != NULL && field < layout->group_field_count &&
           strcmp(layout->group_fields[field].name, name) != 0)
        field++;
    return name != NULL ? field : layout->group_field_count;
}

/* In the rows of a day's details: serials of ours become what the gateway knows the postings by; what is none
 * is left out. */
static int
name_own_postings(const struct task *task, struct fep_record *body, struct fep_error *error)
{
    const struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    char name[SOAP_NAME_SIZE], serial[24];
    if (body == NULL || !soap_list_value(soap->codec.wire.own_serials, task->local, name, sizeof name))
        return 0;
    const struct fep_layout *layout = host->record_layout(body);
    size_t field = find_row_field(layout, name);
    for (size_t row = 0; field < layout->group_field_count && row < host->record_rows(body); row++) {
        bool ours = serial_to_attempt(soap, host->record_get_in_row(body, row, field), serial);
        if (host->record_set_in_row(body, row, field, ours ? serial : "", ours ? strlen(serial) : 0) < 0)
            return set_error(error, FEP_NOT_SENT, 9001, "no memory");
    }
    return 0;
}

static int
take_submit(struct task *task, const struct soap_document *document, struct fep_result *result,
            struct fep_error *error)
{
    struct fep_record *body;
    if (read_body(task, task->local, document, &body, error) < 0)
        return -1;
    if (name_own_postings(task, body, error) < 0) {
        task->soap->host->release_record(task->soap->host->self, body);
        return -1;
    }
    result->effect = is_posting(task->soap, task->local) ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    task_finish(task, FEP_ANSWERED, result, body);
    return 0;
}

static int
take_reversal(struct task *task, const struct soap_document *document, struct fep_result *result,
              struct fep_error *error)
{
    struct fep_record *body;
    const struct fep_host *host = task->soap->host;
    if (read_body(task, task->local, document, &body, error) < 0)
        return -1;
    int finding = body != NULL ? read_finding(task->soap, "reverse", body, error)
                               : set_error(error, 0, 1001, "no result");
    host->release_record(host->self, body);
    if (finding < 0)
        return -1;
    result->finding = (uint32_t)finding;
    task_finish(task, FEP_ANSWERED, result, NULL);
    return 0;
}

/* What the inquiry says of the original beside its state. */
static void
read_original(struct task *task, const struct fep_record *body, struct fep_result *result)
{
    const struct soap *soap = task->soap;
    const struct soap_wire *wire = &soap->codec.wire;
    struct fep_bytes reference = get_field(soap->host, body, wire->inquiry_reference);
    char code[16] = "";
    copy_text(result->local_reference, sizeof result->local_reference, (const char *)reference.data,
              reference.size);
    /* The day it was posted on stands in the serial it was given there. */
    result->accounting_date = serial_date(reference);
    if (result->accounting_date == 0)
        result->accounting_date =
            task->attempt.accounting_date != 0 ? task->attempt.accounting_date : task->attempt.serial_date;
    if (result->finding != FEP_FOUND_REFUSED)
        return;
    (void)copy_field(soap->host, body, wire->inquiry_return, code, sizeof code);
    char class = classify(soap, code, task->original, &result->code);
    result->refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    result->reason = FEP_REASON_BUSINESS;
}

static int
take_inquiry(struct task *task, const struct soap_document *document, struct fep_result *result,
             struct fep_error *error)
{
    struct soap *soap = task->soap;
    struct fep_record *body, *original = NULL;
    if (read_body(task, task->local, document, &body, error) < 0)
        return -1;
    int finding =
        body != NULL ? read_finding(soap, "inquire", body, error) : set_error(error, 0, 1001, "no state");
    if (finding >= 0) {
        result->finding = (uint32_t)finding;
        read_original(task, body, result);
    }
    soap->host->release_record(soap->host->self, body);
    if (finding < 0)
        return -1;
    if (finding == FEP_FOUND_POSTED) {
        result->effect = FEP_EFFECT_POSTED;
        original = soap_decode_body(&soap->codec, false, task->original,
                                    soap_find(document->body, soap->codec.wire.inquiry_output), error);
        /* Asking again would bring the same: posted it is, but its answer is of no use. */
        if (original == NULL) {
            result->reason = FEP_REASON_INCONSISTENT;
            copy_text(result->text, sizeof result->text, error->text, strlen(error->text));
        }
    }
    task_finish(task, FEP_ANSWERED, result, original);
    return 0;
}

/* --- the query before a request --- */

/* Of the rows the one whose value comes first in the configured order. */
static bool
find_in_rows(const struct task *task, const struct fep_record *found, char *out, size_t out_size)
{
    const struct fep_host *host = task->soap->host;
    const struct soap_wire *wire = &task->soap->codec.wire;
    size_t field = find_row_field(host->record_layout(found), wire->lookup_row_field), size;
    const char *at = wire->lookup_order, *word;
    if (field == host->record_layout(found)->group_field_count)
        return false;
    while (at != NULL && next_word(&at, &word, &size)) {
        for (size_t row = 0; row < host->record_rows(found); row++) {
            struct fep_bytes value = host->record_get_in_row(found, row, field);
            if (value.size == size && size < out_size && memcmp(value.data, word, size) == 0) {
                memcpy(out, word, size);
                out[size] = '\0';
                return true;
            }
        }
    }
    return false;
}

/* Fills the field the query was made for; without a value the request goes as it is and the local system says
 * what it thinks of it. */
static int
take_lookup(struct task *task, const struct soap_document *document, struct fep_error *error)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    struct fep_record *found;
    char from[SOAP_NAME_SIZE], value[256] = "";
    if (read_body(task, soap->codec.wire.lookup, document, &found, error) < 0)
        return -1;
    if (found != NULL && soap_list_value(soap->codec.wire.lookup_take, task->lookup_field, from, sizeof from))
        (void)copy_field(host, found, from, value, sizeof value);
    else if (found != NULL)
        (void)find_in_rows(task, found, value, sizeof value);
    host->release_record(host->self, found);
    if (value[0] != '\0' && set_field(host, task->body, task->lookup_field, value) < 0)
        return set_error(error, FEP_NOT_SENT, 9001, "no memory");
    link_close(task);
    task->looking_up = false;
    task->written = 0;
    task->state = TASK_WAITING;
    if (serial_of_attempt(soap, &task->attempt, task->serial, error) < 0)
        return -1;
    task_place(task);
    return 0;
}

/* --- any answer --- */

static struct fep_result
read_result(const struct soap *soap, const struct fep_record *head)
{
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    struct fep_result result = task_new_result(FEP_REASON_NONE);
    struct fep_bytes text = get_field(host, head, wire->text_field),
                     reference = get_field(host, head, wire->reference_field);
    char clock[16];
    copy_text(result.text, sizeof result.text, (const char *)text.data, text.size);
    copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data,
              reference.size);
    if (copy_field(host, head, wire->time_field, clock, sizeof clock) == 14)
        result.accounting_date = (uint32_t)(strtoull(clock, NULL, 10) / 1000000);
    return result;
}

/* 'G' good, or a class with the canonical code. Status and code must say the same; if they do not, nobody
 * knows. */
static char
read_class(const struct task *task, const struct fep_record *head, uint32_t *canonical)
{
    const struct soap *soap = task->soap;
    const struct soap_wire *wire = &soap->codec.wire;
    char status[16] = "", code[16] = "";
    (void)copy_field(soap->host, head, wire->status_field, status, sizeof status);
    (void)copy_field(soap->host, head, wire->return_field, code, sizeof code);
    bool good = strcmp(code, wire->good) == 0, says_good = strcmp(status, wire->status_good) == 0;
    if (good && says_good)
        return 'G';
    *canonical = 9002;
    if (good || says_good)
        return 'U';
    char class = classify(soap, code, task->looking_up ? wire->lookup : task->local, canonical);
    if (strcmp(status, wire->status_refused) == 0)
        return class;
    return 'U';
}

static int
take_good(struct task *task, const struct soap_document *document, struct fep_result *result,
          struct fep_error *error)
{
    if (task->looking_up)
        return take_lookup(task, document, error);
    switch (task->operation) {
    case FEP_OP_INQUIRE:
        return take_inquiry(task, document, result, error);
    case FEP_OP_REVERSE:
        return take_reversal(task, document, result, error);
    default:
        return take_submit(task, document, result, error);
    }
}

static int
take_document(struct task *task, const struct soap_document *document, struct fep_error *error)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    const char *local = task->looking_up ? wire->lookup : task->local;
    struct fep_record *head = soap_decode_head(&soap->codec, false, document, error);
    if (head == NULL)
        return -1;
    int status = 0;
    if (!bytes_equal(get_field(host, head, wire->transaction_field), local) ||
        !bytes_equal(get_field(host, head, wire->serial_field), task->serial)) {
        status = set_error(error, 0, 1001, "an answer that is none to this request");
    } else {
        struct fep_result result = read_result(soap, head);
        char class = read_class(task, head, &result.code);
        if (class == 'G')
            status = take_good(task, document, &result, error);
        else
            take_refusal(task, class, &result);
    }
    host->release_record(host->self, head);
    return status;
}

static void
tell_illegal_texts(struct soap *soap)
{
    if (soap->codec.illegal_texts == soap->illegal_texts_told)
        return;
    soap->illegal_texts_told = soap->codec.illegal_texts;
    soap->host->log_event(soap->host->self, LOG_WARNING_LEVEL, "illegal bytes in free texts, so far",
                          soap->codec.illegal_texts);
}

void
answer_take(struct task *task)
{
    struct soap *soap = task->soap;
    struct soap_document document = {0};
    struct fep_error error = {0};
    int status = task->in.head.status, read = -1;
    char code[48];
    if (task->operation != OP_PROBE)
        health_answered(soap);
    snprintf(code, sizeof code, "HTTP-%d", status);
    if (status == 200 || status == 500)
        read = soap_read(&soap->codec, false, task->in.body, task->in.body_size, &document, &error);
    if (read == 0 && document.is_fault && status == 500) {
        snprintf(code, sizeof code, "FAULT-%s", document.fault_code);
        take_transport(task, code, document.fault_text);
    } else if (status != 200) {
        take_transport(task, code, "instead of an answer");
    } else if (read < 0 || document.is_fault) {
        take_unreadable(task, read < 0 ? error.text : "a Fault under status 200");
    } else if (take_document(task, &document, &error) < 0) {
        take_unreadable(task, error.text);
    }
    soap_release(&document);
    tell_illegal_texts(soap);
}
