/* Between canonical bodies and the module's records. With a mapping file the mapping engine does it; without
 * one bodies pass through as they are, in a record with one field, so that tests, benchmarks and gateways
 * whose local system speaks the canonical form need no mapping. Must never change a body that passes through.
 */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "core.h"
#include "decimal.h"
#include "error.h"
#include "order_key.h"

/* The built-in layouts of an instance without a mapping (adapter.h, "Without a mapping"). */
enum {
    HEAD_INFNO,
    HEAD_MSGID,
    HEAD_INSURED,
    HEAD_TREAT,
    HEAD_INSTITUTION,
    HEAD_PERSON,
    HEAD_MED_TYPE,
    HEAD_INSUTYPE,
    HEAD_VISIT,
    HEAD_ORIGINAL_MSGID,
    HEAD_ORIGINAL_INFNO,
    HEAD_SETTLEMENT,
    HEAD_COUNT
};
static const struct fep_field head_fields[HEAD_COUNT] = {
    [HEAD_INFNO] = {"infno", FEP_FIELD_CODE, INFNO_SIZE - 1, 0, FEP_FIELD_REQUIRED},
    [HEAD_MSGID] = {"msgid", FEP_FIELD_CODE, MSGID_SIZE - 1, 0, FEP_FIELD_REQUIRED},
    [HEAD_INSURED] = {"insured_area", FEP_FIELD_DIGITS, AREA_SIZE - 1, 0, FEP_FIELD_REQUIRED},
    [HEAD_TREAT] = {"treat_area", FEP_FIELD_DIGITS, AREA_SIZE - 1, 0, 0},
    [HEAD_INSTITUTION] = {"institution", FEP_FIELD_CODE, 12, 0, 0},
    [HEAD_PERSON] = {"person", FEP_FIELD_CODE, 0, 0, FEP_FIELD_PERSONAL},
    [HEAD_MED_TYPE] = {"med_type", FEP_FIELD_CODE, 7, 0, 0},
    [HEAD_INSUTYPE] = {"insutype", FEP_FIELD_CODE, 7, 0, 0},
    [HEAD_VISIT] = {"visit_id", FEP_FIELD_CODE, 31, 0, 0},
    [HEAD_ORIGINAL_MSGID] = {"original_msgid", FEP_FIELD_CODE, MSGID_SIZE - 1, 0, 0},
    [HEAD_ORIGINAL_INFNO] = {"original_infno", FEP_FIELD_CODE, INFNO_SIZE - 1, 0, 0},
    [HEAD_SETTLEMENT] = {"settlement_id", FEP_FIELD_CODE, 31, 0, 0},
};
/* An answer may bring what the index is to hold: the module has read it anyway. */
enum { BODY_TEXT, BODY_VISIT, BODY_SETTLEMENT, BODY_TOTAL, BODY_FUND, BODY_ACCOUNT, BODY_CASH, BODY_COUNT };
static const struct fep_field body_fields[BODY_COUNT] = {
    [BODY_TEXT] = {"body", FEP_FIELD_TEXT, 0, 0, FEP_FIELD_PERSONAL},
    [BODY_VISIT] = {"visit_id", FEP_FIELD_CODE, 31, 0, 0},
    [BODY_SETTLEMENT] = {"settlement_id", FEP_FIELD_CODE, 31, 0, 0},
    [BODY_TOTAL] = {"total", FEP_FIELD_DECIMAL, 0, 2, 0},
    [BODY_FUND] = {"fund", FEP_FIELD_DECIMAL, 0, 2, 0},
    [BODY_ACCOUNT] = {"account", FEP_FIELD_DECIMAL, 0, 2, 0},
    [BODY_CASH] = {"cash", FEP_FIELD_DECIMAL, 0, 2, 0},
};
static const struct fep_layout head_layout = {
    .name = "canonical-head", .fields = head_fields, .field_count = HEAD_COUNT};
static const struct fep_layout body_layout = {
    .name = "canonical", .fields = body_fields, .field_count = BODY_COUNT};

const struct fep_layout *
translate_find_layout(const struct host *host, const char *name)
{
    if (host->mapping != NULL)
        return mapping_find_layout(host->mapping, name);
    if (strcmp(name, body_layout.name) == 0)
        return &body_layout;
    return strcmp(name, head_layout.name) == 0 ? &head_layout : NULL;
}

void
translate_context(struct host *host, struct mapping_context *context)
{
    int64_t wall = clock_wall_ms(host->loop.clock);
    *context = (struct mapping_context){.own_area = host->settings.region,
                                        .clock_date = clock_date(wall),
                                        .clock_time = clock_time(wall),
                                        .pseudonym_key = host->settings.pseudonym_key,
                                        .pseudonym_key_size = host->settings.pseudonym_key_size};
}

/* Serials for queries, and for our own inquiries and reversals, which post nothing and so need no place in
 * the store: 99, the millisecond of the day and a count. The router's begin with its incarnation modulo 99,
 * so never with 99. */
uint64_t
translate_own_serial(struct host *host, uint32_t *date)
{
    int64_t wall = clock_wall_ms(host->loop.clock);
    if (wall <= host->own_serial_ms) {
        if (++host->own_serial_count >= 100) {
            host->own_serial_count = 0;
            host->own_serial_ms++;
        }
    } else {
        host->own_serial_ms = wall;
        host->own_serial_count = 0;
    }
    *date = clock_date(host->own_serial_ms);
    uint64_t of_day = (uint64_t)((host->own_serial_ms + 8 * 3600000) % 86400000);
    return 990000000000ull + of_day * 100 + host->own_serial_count;
}

/* --- asked side ---------------------------------------------------------------------------------- */

static void
copy_field(const struct fep_record *head, size_t field, char *out, size_t room)
{
    struct fep_bytes bytes = record_get(head, field);
    size_t size = bytes.size < room ? bytes.size : room - 1;
    if (size > 0)
        memcpy(out, bytes.data, size);
    out[size] = '\0';
}

/* The header of a message whose body passes through as it is. */
static const char *
pass_head(const struct fep_message *message, struct fep_record **head, struct fep_error *error)
{
    const struct message_header *header = &message->header;
    const char *values[HEAD_COUNT] = {[HEAD_INFNO] = header->infno,
                                      [HEAD_MSGID] = header->key.msgid,
                                      [HEAD_INSURED] = header->insured_area,
                                      [HEAD_TREAT] = header->treat_area,
                                      [HEAD_INSTITUTION] = header->institution,
                                      [HEAD_MED_TYPE] = message->index.med_type,
                                      [HEAD_INSUTYPE] = message->index.insutype,
                                      [HEAD_VISIT] = message->index.visit_id,
                                      [HEAD_ORIGINAL_MSGID] = header->original_msgid,
                                      [HEAD_ORIGINAL_INFNO] = header->original_infno,
                                      [HEAD_SETTLEMENT] = message->index.settlement_id};
    struct fep_record *record = record_create(&head_layout);
    for (size_t i = 0; record != NULL && i < HEAD_COUNT; i++) {
        if (values[i] != NULL && record_set(record, i, values[i], strlen(values[i])) < 0) {
            record_destroy(record);
            record = NULL;
        }
    }
    if (record == NULL) {
        error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the head");
        return NULL;
    }
    *head = record;
    return header->infno;
}

const char *
translate_out(struct host *host, const struct fep_message *message, uint32_t operation,
              const struct fep_attempt *attempt, struct slice visit_lines, struct fep_record **head,
              struct fep_record **body, struct fep_error *error)
{
    *head = *body = NULL;
    if (host->mapping == NULL)
        return pass_head(message, head, error);
    struct mapping_context context;
    struct fep_attempt own = {.size = sizeof own, .number = 1};
    translate_context(host, &context);
    context.attempt = attempt;
    context.visit_lines = visit_lines;
    if (operation != FEP_OP_SUBMIT) {
        own.serial = translate_own_serial(host, &own.serial_date);
        own.accounting_date = attempt->accounting_date;
        memcpy(own.cycle, attempt->cycle, sizeof own.cycle);
        context.original_attempt = attempt;
        context.attempt = &own;
    }
    return mapping_request_out(host->mapping, &message->header, &message->index, message->body, operation,
                               &context, head, body, error);
}

static void
take_finding(struct host *host, struct fep_call *call, uint32_t operation, bool *found)
{
    uint32_t finding = call->result.finding;
    *found = call->kind == FEP_ANSWERED;
    if (host->mapping == NULL)
        return;
    if (call->kind == FEP_ANSWERED &&
        (call->answer == NULL || mapping_finding(host->mapping, operation, call->answer, 0, &finding) < 0))
        return; /* the module has read it itself, and the answer is the original's */
    if (call->kind != FEP_ANSWERED &&
        mapping_finding(host->mapping, operation, NULL, call->result.code, &finding) < 0)
        return;
    call->result.finding = finding;
    call->kind = FEP_ANSWERED;
    *found = true;
    record_destroy(call->answer);
    call->answer = NULL;
}

/* What the record says beside the body; nothing that it does not say is changed. */
static int
take_index(const struct fep_record *record, struct fep_index *index)
{
    int64_t *amounts[BODY_COUNT] = {[BODY_TOTAL] = &index->total_fen,
                                    [BODY_FUND] = &index->fund_fen,
                                    [BODY_ACCOUNT] = &index->account_fen,
                                    [BODY_CASH] = &index->cash_fen};
    if (record_get(record, BODY_VISIT).size > 0)
        copy_field(record, BODY_VISIT, index->visit_id, sizeof index->visit_id);
    if (record_get(record, BODY_SETTLEMENT).size > 0)
        copy_field(record, BODY_SETTLEMENT, index->settlement_id, sizeof index->settlement_id);
    for (size_t i = BODY_TOTAL; i < BODY_COUNT; i++) {
        struct fep_bytes text = record_get(record, i);
        if (text.size == 0)
            continue;
        if (!decimal_parse((const char *)text.data, text.size, 2, amounts[i]))
            return -1;
        index->has_money = 1;
    }
    return 0;
}

static int
pass_answer(struct fep_call *call, struct slice *answer, struct fep_index *index, struct fep_error *error)
{
    if (call->answer == NULL)
        return 0;
    if (record_layout(call->answer) != &body_layout)
        return error_set(error, 0, FEP_E_INTERNAL, "the answer is not under the layout canonical");
    struct fep_bytes bytes = record_get(call->answer, 0);
    *answer = slice_copy(bytes.data, bytes.size);
    if (answer->data == NULL && bytes.size > 0)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the answer");
    index->accounting_day = call->result.accounting_date;
    index->effect = call->result.effect;
    if (take_index(call->answer, index) < 0)
        return error_set(error, 0, FEP_E_INVALID_FIELD, "an amount of the answer's index is none");
    return 0;
}

int
translate_answer_in(struct host *host, struct fep_call *call, struct slice *answer, struct fep_index *index,
                    struct fep_error *error)
{
    bool found = true;
    bool about_another = call->operation == CORE_OP_INQUIRE || call->operation == CORE_OP_REVERSE ||
                         call->operation == CORE_OP_REVERSE_UNDO;
    if (about_another)
        take_finding(host, call, call->operation == CORE_OP_INQUIRE ? FEP_OP_INQUIRE : FEP_OP_REVERSE,
                     &found);
    if (call->kind != FEP_ANSWERED)
        return 0;
    if (host->mapping == NULL)
        return pass_answer(call, answer, index, error);
    /* What an inquiry found posted comes with the original's answer. A reversal has none, unless it was
     * declined for good and the module found out what is needed to cancel the original. */
    bool holds = call->operation == CORE_OP_INQUIRE || call->result.finding == FEP_FOUND_STAYS_POSTED;
    if (about_another && (call->answer == NULL || !holds))
        return 0;
    struct mapping_context context;
    translate_context(host, &context);
    context.attempt = &call->attempt;
    return mapping_answer_in(host->mapping, &call->message.header, call->message.body, call->answer, &context,
                             answer, index, &call->result, error);
}

/* --- serving side -------------------------------------------------------------------------------- */

static int
check_head(const struct fep_record *head, struct fep_error *error)
{
    if (head == NULL || record_layout(head) != &head_layout)
        return error_set(error, FEP_REFUSED, FEP_E_MALFORMED_REQUEST,
                         "the head is not under the layout canonical-head");
    for (size_t i = 0; i < HEAD_COUNT; i++) {
        size_t size = record_get(head, i).size;
        if ((size == 0 && (head_fields[i].flags & FEP_FIELD_REQUIRED) != 0) ||
            (head_fields[i].length != 0 && size > head_fields[i].length))
            return error_set(error, FEP_REFUSED, FEP_E_INVALID_FIELD,
                             "head field %s has %zu bytes; expected %s%u", head_fields[i].name, size,
                             (head_fields[i].flags & FEP_FIELD_REQUIRED) != 0 ? "1 to " : "at most ",
                             head_fields[i].length);
    }
    return 0;
}

static int
pass_request(struct host *host, struct ticket *ticket, struct fep_error *error)
{
    struct mapping_request *request = &ticket->request;
    const struct fep_record *head = ticket->head;
    if (check_head(head, error) < 0)
        return -1;
    if (ticket->body == NULL || record_layout(ticket->body) != &body_layout)
        return error_set(error, FEP_REFUSED, FEP_E_MALFORMED_REQUEST,
                         "the body is not under the layout canonical");
    struct message_header *header = &request->header;
    copy_field(head, HEAD_INFNO, header->infno, sizeof header->infno);
    copy_field(head, HEAD_MSGID, header->key.msgid, sizeof header->key.msgid);
    copy_field(head, HEAD_INSURED, header->insured_area, sizeof header->insured_area);
    copy_field(head, HEAD_TREAT, header->treat_area, sizeof header->treat_area);
    copy_field(head, HEAD_INSTITUTION, header->institution, sizeof header->institution);
    copy_field(head, HEAD_ORIGINAL_MSGID, header->original_msgid, sizeof header->original_msgid);
    copy_field(head, HEAD_ORIGINAL_INFNO, header->original_infno, sizeof header->original_infno);
    copy_field(head, HEAD_MED_TYPE, request->index.med_type, sizeof request->index.med_type);
    copy_field(head, HEAD_INSUTYPE, request->index.insutype, sizeof request->index.insutype);
    copy_field(head, HEAD_VISIT, request->index.visit_id, sizeof request->index.visit_id);
    copy_field(head, HEAD_SETTLEMENT, request->index.settlement_id, sizeof request->index.settlement_id);
    request->index.size = sizeof request->index;
    struct fep_bytes person = record_get(head, HEAD_PERSON), body = record_get(ticket->body, 0);
    if (order_key_compute(host->settings.pseudonym_key, host->settings.pseudonym_key_size,
                          header->insured_area, (const char *)person.data, person.size,
                          request->index.order_key) < 0)
        return error_set(error, FEP_NOT_SENT, FEP_E_INTERNAL, "the order key can not be made");
    request->body = slice_copy(body.data, body.size);
    if (request->body.data == NULL && body.size > 0)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the request");
    return 0;
}

/* Numbers of persons are unique within their region only, and the region shows when the request is
 * translated: if the answer that was used is another person's, it is translated once more. */
static int
translate_with_person(struct host *host, struct ticket *ticket, const char *person,
                      struct mapping_context *context, struct fep_error *error)
{
    const struct visit *known = persons_find(host, "", person);
    context->person_answer = known != NULL ? known->answer : SLICE_NONE;
    int status = mapping_request_in(host->mapping, ticket->local, ticket->head, ticket->body, context,
                                    &ticket->request, error);
    if (known == NULL || strcmp(known->insured_area, ticket->request.header.insured_area) == 0)
        return status;
    known = ticket->request.header.insured_area[0] != '\0'
                ? persons_find(host, ticket->request.header.insured_area, person)
                : NULL;
    context->person_answer = known != NULL ? known->answer : SLICE_NONE;
    slice_release(&ticket->request.body);
    return mapping_request_in(host->mapping, ticket->local, ticket->head, ticket->body, context,
                              &ticket->request, error);
}

int
translate_needs_visit(const struct host *host, const struct ticket *ticket, char visit_id[32],
                      char insured_area[AREA_SIZE])
{
    const struct fep_record *head = ticket->head;
    if (host->mapping != NULL)
        return mapping_needs_visit(host->mapping, ticket->local, head, ticket->body, visit_id, insured_area);
    char infno[INFNO_SIZE] = "";
    if (head == NULL || record_layout(head) != &head_layout || record_get(head, HEAD_VISIT).size == 0 ||
        record_get(head, HEAD_SETTLEMENT).size == 0)
        return 0;
    copy_field(head, HEAD_INFNO, infno, sizeof infno);
    const struct transaction *transaction = host_find_transaction(host, infno);
    if (transaction == NULL || transaction->transaction_class != CLASS_UPDATE ||
        (transaction->ways & TRAIT_MONEY) == 0 ||
        (record_get(head, HEAD_MED_TYPE).size > 0 && record_get(head, HEAD_INSUTYPE).size > 0))
        return 0;
    copy_field(head, HEAD_VISIT, visit_id, 32);
    copy_field(head, HEAD_INSURED, insured_area, AREA_SIZE);
    return 1;
}

int
translate_request_in(struct host *host, struct ticket *ticket, struct slice visit_request,
                     struct slice visit_answer, const char *visit_infno, struct fep_error *error)
{
    if (host->mapping == NULL)
        return pass_request(host, ticket, error);
    struct mapping_context context;
    translate_context(host, &context);
    context.visit_request = visit_request;
    context.visit_answer = visit_answer;
    snprintf(context.visit_infno, sizeof context.visit_infno, "%s", visit_infno);
    char person[64] = "";
    if (mapping_needs_person(host->mapping, ticket->local, ticket->head, ticket->body, person) == 0 ||
        person[0] == '\0')
        return mapping_request_in(host->mapping, ticket->local, ticket->head, ticket->body, &context,
                                  &ticket->request, error);
    return translate_with_person(host, ticket, person, &context, error);
}

int
translate_answer_out(struct host *host, struct ticket *ticket, struct slice answer,
                     const struct fep_result *result, struct fep_record **body, struct fep_error *error)
{
    *body = NULL;
    if (host->mapping != NULL) {
        struct mapping_context context;
        translate_context(host, &context);
        return mapping_answer_out(host->mapping, &ticket->request, answer, result, &context, body, error);
    }
    struct fep_record *record = record_create(&body_layout);
    if (record == NULL || record_set(record, 0, (const char *)answer.data, answer.size) < 0) {
        record_destroy(record);
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the answer");
    }
    *body = record;
    return 0;
}
