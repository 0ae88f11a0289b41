/* Live exchanges as masked examples for `fepctl map test`: the next ones, by an operator's wish and only
 * where the gateway's configuration permits it. Must never let a personal value out: requests and answers are
 * masked first and translated anew, so that what is handed out was made of pseudonyms only. An exchange that
 * can not be translated when masked is left out and counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bodies.h"
#include "core.h"
#include "error.h"
#include "mask.h"
#include "tasks.h"

enum { MOST_EXCHANGES = 100, USUAL_S = 600, LONGEST_S = 3600 };

struct capture {
    struct host *host;
    uint64_t number;
    struct loop_timer limit;
    char infno[INFNO_SIZE]; /* empty: any */
    int64_t left, captured, left_out;
    struct mask mask;
};

static void
finish(struct capture *capture)
{
    struct host *host = capture->host;
    bool failed = false;
    struct json_object *result = json_object_new_object();
    body_put_number(result, "captured", capture->captured, &failed);
    body_put_number(result, "left_out", capture->left_out, &failed);
    uint64_t number = capture->number;
    capture_stop(host);
    task_say(host, number, true, false, result);
}

void
capture_stop(struct host *host)
{
    if (host->capture == NULL)
        return;
    loop_clear_timer(&host->loop, &host->capture->limit);
    explicit_bzero(&host->capture->mask, sizeof host->capture->mask);
    free(host->capture);
    host->capture = NULL;
}

static void
on_limit(void *arg)
{
    finish(arg);
}

int
capture_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error)
{
    if (!host->settings.capture_allowed)
        return error_set(error, FEP_REFUSED, FEP_E_USAGE,
                         "the gateway's configuration does not permit it (capture_allowed)");
    if (host->capture != NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "another capture is under way");
    int64_t count = body_number(wish, "count", MOST_EXCHANGES, canonical_member(wish, "count") == NULL);
    int64_t seconds = body_number(wish, "seconds", LONGEST_S, USUAL_S);
    if (count < 1 || seconds < 1)
        return error_set(error, FEP_REFUSED, FEP_E_USAGE, "\"count\" is 1 to %d, \"seconds\" 1 to %d",
                         MOST_EXCHANGES, LONGEST_S);
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a capture");
    capture->host = host;
    capture->number = number;
    capture->left = count;
    body_text(wish, "infno", capture->infno, sizeof capture->infno);
    memcpy(capture->mask.key, host->settings.pseudonym_key, sizeof capture->mask.key);
    bool has_key =
        host->settings.pseudonym_key_size == sizeof capture->mask.key ||
        getrandom(capture->mask.key, sizeof capture->mask.key, 0) == (ssize_t)sizeof capture->mask.key;
    capture->limit = (struct loop_timer){.fn = on_limit, .arg = capture};
    if (!has_key || loop_set_timer(&host->loop, &capture->limit, seconds * 1000) < 0) {
        free(capture);
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory or no key for a capture");
    }
    host->capture = capture;
    host_log(host, 5, "exchanges are captured, masked", count);
    return 0;
}

/* --- writing --------------------------------------------------------------------------------------- */

static void
put_value(struct json_object *object, const char *name, struct fep_bytes value, bool *failed)
{
    if (value.size > 0)
        body_put(object, name, json_object_new_string_len((const char *)value.data, (int)value.size), failed);
}

static struct json_object *
write_fields(const struct fep_record *record, bool *failed)
{
    struct json_object *object = json_object_new_object();
    const struct fep_layout *layout = record_layout(record);
    for (size_t i = 0; i < layout->field_count; i++)
        put_value(object, layout->fields[i].name, record_get(record, i), failed);
    return object;
}

static struct json_object *
write_rows(const struct fep_record *record, bool *failed)
{
    struct json_object *rows = json_object_new_array();
    const struct fep_layout *layout = record_layout(record);
    for (size_t row = 0; row < record_rows(record); row++) {
        struct json_object *object = json_object_new_object();
        for (size_t i = 0; i < layout->group_field_count; i++)
            put_value(object, layout->group_fields[i].name, record_get_in_row(record, row, i), failed);
        body_append(rows, object, failed);
    }
    return rows;
}

/* "body" and, where there are any, "rows". NULL is an answer without body. */
static void
put_record(struct json_object *object, const struct fep_record *record, bool *failed)
{
    if (record == NULL)
        return;
    body_put(object, "body", write_fields(record, failed), failed);
    if (record_rows(record) > 0)
        body_put(object, "rows", write_rows(record, failed), failed);
}

static void
put_body(struct json_object *object, const char *name, struct slice body, bool *failed)
{
    struct fep_error error = {0};
    if (body.size > 0)
        body_put(object, name, canonical_parse(body, &error), failed);
}

/* What a golden says of itself: a name, the clock. */
static void
put_name(struct json_object *object, const char *direction, const char *infno, const char *local,
         const struct mapping_context *context, bool *failed)
{
    char text[96];
    snprintf(text, sizeof text, "captured %s %.10s as %.24s", direction, infno, local);
    body_put_text(object, "name", text, failed);
    body_put_text(object, "direction", direction, failed);
    snprintf(text, sizeof text, "%08u%06u", context->clock_date, context->clock_time);
    body_put_text(object, "clock", text, failed);
    body_put_text(object, "own_area", context->own_area, failed);
}

static void
put_known(struct json_object *object, const struct mapping_context *context, bool *failed)
{
    put_body(object, "person", context->person_answer, failed);
    if (context->visit_request.size == 0)
        return;
    struct json_object *visit = json_object_new_object();
    body_put_text(visit, "infno", context->visit_infno, failed);
    put_body(visit, "request", context->visit_request, failed);
    put_body(visit, "answer", context->visit_answer, failed);
    body_put(object, "visit", visit, failed);
}

/* Empty ones are left out, as in every golden. */
static void
put_said(struct json_object *object, const char *name, const char *text, bool *failed)
{
    if (text[0] != '\0')
        body_put_text(object, name, text, failed);
}

static void
put_header(struct json_object *object, const struct message_header *header, bool *failed)
{
    struct json_object *shown = json_object_new_object();
    put_said(shown, "infno", header->infno, failed);
    put_said(shown, "msgid", header->key.msgid, failed);
    put_said(shown, "treat_area", header->treat_area, failed);
    put_said(shown, "insured_area", header->insured_area, failed);
    put_said(shown, "institution", header->institution, failed);
    put_said(shown, "original_msgid", header->original_msgid, failed);
    body_put(object, "header", shown, failed);
}

static void
put_index(struct json_object *object, const struct fep_index *index, bool *failed)
{
    struct json_object *shown = json_object_new_object();
    put_said(shown, "visit_id", index->visit_id, failed);
    put_said(shown, "settlement_id", index->settlement_id, failed);
    put_said(shown, "med_type", index->med_type, failed);
    put_said(shown, "insutype", index->insutype, failed);
    if (index->has_money) {
        body_put_number(shown, "total_fen", index->total_fen, failed);
        body_put_number(shown, "fund_fen", index->fund_fen, failed);
        body_put_number(shown, "account_fen", index->account_fen, failed);
        body_put_number(shown, "cash_fen", index->cash_fen, failed);
    }
    if (json_object_object_length(shown) > 0)
        body_put(object, "index", shown, failed);
    else
        json_object_put(shown);
}

/* --- one exchange ---------------------------------------------------------------------------------- */

static bool
is_wanted(const struct capture *capture, const char *infno)
{
    return capture != NULL && (capture->infno[0] == '\0' || strcmp(capture->infno, infno) == 0);
}

/* Takes the example; NULL: it could not be made. */
static void
say_example(struct capture *capture, struct json_object *example, const struct fep_error *error)
{
    if (example == NULL) {
        capture->left_out++;
        host_log(capture->host, 5, error->text[0] != '\0' ? error->text : "no memory for an example",
                 error->code);
        return;
    }
    capture->captured++;
    task_say(capture->host, capture->number, true, true, example);
    if (--capture->left == 0)
        finish(capture);
}

static int
mask_visit(struct capture *capture, const struct ticket *ticket, struct mapping_context *context,
           struct fep_error *error)
{
    char visit_id[32], area[AREA_SIZE];
    struct host *host = capture->host;
    if (mapping_needs_visit(host->mapping, ticket->local, ticket->head, ticket->body, visit_id, area) == 0)
        return 0;
    const struct visit *visit = visits_find(host->visits, area, visit_id);
    if (visit == NULL)
        return 0;
    memcpy(context->visit_infno, visit->infno, sizeof context->visit_infno);
    if (mask_body(&capture->mask, visit->request, &context->visit_request, error) < 0)
        return -1;
    return mask_body(&capture->mask, visit->answer, &context->visit_answer, error);
}

static int
mask_person(struct capture *capture, const struct ticket *ticket, struct mapping_context *context,
            struct fep_error *error)
{
    char person[64] = "";
    struct host *host = capture->host;
    if (mapping_needs_person(host->mapping, ticket->local, ticket->head, ticket->body, person) == 0 ||
        person[0] == '\0')
        return 0;
    const struct visit *known = persons_find(host, ticket->request.header.insured_area, person);
    return known != NULL ? mask_body(&capture->mask, known->answer, &context->person_answer, error) : 0;
}

struct served {
    struct mapping_context context;
    struct fep_record *head, *body, *local_answer;
    struct mapping_request request;
    struct slice answer;
};

/* Masks what came and what is known, and translates it anew. */
static int
serve_again(struct capture *capture, struct ticket *ticket, struct slice answer,
            const struct fep_result *result, struct served *served, struct fep_error *error)
{
    const struct mapping *mapping = capture->host->mapping;
    translate_context(capture->host, &served->context);
    served->head = mask_record(&capture->mask, ticket->head);
    served->body = mask_record(&capture->mask, ticket->body);
    if (served->head == NULL || served->body == NULL ||
        mask_visit(capture, ticket, &served->context, error) < 0 ||
        mask_person(capture, ticket, &served->context, error) < 0 ||
        mask_body(&capture->mask, answer, &served->answer, error) < 0 ||
        mapping_request_in(mapping, ticket->local, served->head, served->body, &served->context,
                           &served->request, error) < 0)
        return -1;
    memcpy(served->request.header.original_infno, ticket->request.header.original_infno,
           sizeof served->request.header.original_infno);
    return mapping_answer_out(mapping, &served->request, served->answer, result, &served->context,
                              &served->local_answer, error);
}

static struct json_object *
write_served(const struct ticket *ticket, const struct served *served, const struct fep_result *result)
{
    static const char *const answerers[] = {"", "store", "crosswalk"};
    bool failed = false;
    struct json_object *example = json_object_new_object(), *expected = json_object_new_object(),
                       *told = json_object_new_object();
    const struct message_header *header = &served->request.header;
    put_name(example, "in", header->infno, ticket->local, &served->context, &failed);
    body_put_text(example, "local", ticket->local, &failed);
    body_put(example, "head", write_fields(served->head, &failed), &failed);
    put_record(example, served->body, &failed);
    put_known(example, &served->context, &failed);
    put_header(expected, header, &failed);
    put_index(expected, &served->request.index, &failed);
    put_said(expected, "answered_by", answerers[mapping_answered_by(&served->request)], &failed);
    put_body(expected, "body", served->request.body, &failed);
    body_put(example, "expect", expected, &failed);
    put_body(example, "answer", served->answer, &failed);
    if (header->transaction_class == CLASS_REVERSAL || header->transaction_class == CLASS_INQUIRY)
        put_said(example, "finding", finding_word(result->finding), &failed);
    put_said(example, "original_infno", header->original_infno, &failed);
    put_record(told, served->local_answer, &failed);
    body_put(example, "expect_answer", told, &failed);
    if (!failed)
        return example;
    json_object_put(example);
    return NULL;
}

void
capture_served(struct ticket *ticket, struct slice answer, const struct fep_result *result)
{
    struct host *host = ticket->host;
    struct capture *capture = host->capture;
    struct fep_error error = {0};
    if (host->mapping == NULL || !is_wanted(capture, ticket->request.header.infno))
        return;
    struct served served = {.head = NULL};
    struct json_object *example = serve_again(capture, ticket, answer, result, &served, &error) == 0
                                      ? write_served(ticket, &served, result)
                                      : NULL;
    slice_release(&served.request.body);
    slice_release(&served.answer);
    slice_release(&served.context.visit_request);
    slice_release(&served.context.visit_answer);
    slice_release(&served.context.person_answer);
    record_destroy(served.head);
    record_destroy(served.body);
    record_destroy(served.local_answer);
    say_example(capture, example, &error);
}

struct asked {
    struct mapping_context context;
    struct slice request, canonical;
    struct fep_record *head, *body, *answer;
    struct fep_index index;
    struct fep_result result;
    const char *local;
};

static int
ask_again(struct capture *capture, struct fep_call *call, struct asked *asked, struct fep_error *error)
{
    const struct mapping *mapping = capture->host->mapping;
    const struct message_header *header = &call->message.header;
    translate_context(capture->host, &asked->context);
    asked->context.attempt = &call->attempt;
    if (call->answer != NULL && (asked->answer = mask_record(&capture->mask, call->answer)) == NULL)
        return -1;
    if (mask_body(&capture->mask, call->message.body, &asked->request, error) < 0)
        return -1;
    asked->local = mapping_request_out(mapping, header, &call->message.index, asked->request, FEP_OP_SUBMIT,
                                       &asked->context, &asked->head, &asked->body, error);
    if (asked->local == NULL)
        return -1;
    return mapping_answer_in(mapping, header, asked->request, asked->answer, &asked->context,
                             &asked->canonical, &asked->index, &asked->result, error);
}

static void
put_attempt(struct json_object *object, const struct fep_attempt *attempt, bool *failed)
{
    struct json_object *shown = json_object_new_object();
    body_put_number(shown, "date", attempt->serial_date, failed);
    body_put_number(shown, "serial", (int64_t)attempt->serial, failed);
    body_put_number(shown, "accounting_date", attempt->accounting_date, failed);
    body_put_text(shown, "cycle", attempt->cycle, failed);
    body_put(object, "attempt", shown, failed);
}

static struct json_object *
write_asked(const struct fep_call *call, const struct asked *asked)
{
    bool failed = false;
    struct json_object *example = json_object_new_object(), *expected = json_object_new_object(),
                       *answer = json_object_new_object(), *told = json_object_new_object();
    put_name(example, "out", call->message.header.infno, asked->local, &asked->context, &failed);
    body_put_text(example, "operation", "submit", &failed);
    put_header(example, &call->message.header, &failed);
    put_body(example, "body", asked->request, &failed);
    put_attempt(example, &call->attempt, &failed);
    body_put_text(expected, "local", asked->local, &failed);
    body_put(expected, "head", write_fields(asked->head, &failed), &failed);
    put_record(expected, asked->body, &failed);
    body_put(example, "expect", expected, &failed);
    put_record(answer, asked->answer, &failed);
    body_put(example, "answer", answer, &failed);
    put_index(told, &asked->index, &failed);
    put_body(told, "body", asked->canonical, &failed);
    if (asked->result.reason == FEP_REASON_INCONSISTENT)
        body_put(told, "inconsistent", json_object_new_boolean(true), &failed);
    body_put(example, "expect_answer", told, &failed);
    if (!failed)
        return example;
    json_object_put(example);
    return NULL;
}

void
capture_asked(struct fep_call *call, struct slice answer)
{
    struct host *host = call->host;
    struct capture *capture = host->capture;
    struct fep_error error = {0};
    bool asks = call->operation == CORE_OP_SUBMIT || call->operation == CORE_OP_QUERY;
    if (host->mapping == NULL || !asks || call->kind != FEP_ANSWERED || answer.size == 0 ||
        !is_wanted(capture, call->message.header.infno))
        return;
    struct asked asked = {.index.size = sizeof asked.index, .result.size = sizeof asked.result};
    struct json_object *example =
        ask_again(capture, call, &asked, &error) == 0 ? write_asked(call, &asked) : NULL;
    slice_release(&asked.request);
    slice_release(&asked.canonical);
    record_destroy(asked.head);
    record_destroy(asked.body);
    record_destroy(asked.answer);
    say_example(capture, example, &error);
}
