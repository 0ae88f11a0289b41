/* Requests that are with the host, from begin_request to their answer.
 *
 * Must never answer for the insured place: what is not known is told as "unknown" (class U); to a reversal,
 * as "busy, try again". A repeat of what is stored gets what is stored; a repeat with other content is
 * refused, also where the difference lies in bytes that the mapping does not read. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"
#include "wire.h"

struct request *
request_create(struct client *client, const unsigned char *record, size_t size)
{
    struct server *server = client->server;
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->record = malloc(size);
    if (request->record == NULL) {
        free(request);
        return NULL;
    }
    memcpy(request->record, record, size);
    request->size = size;
    request->client = client;
    request->begun = client->begun;
    request->arrived_ms = server->host->read_monotonic_ms(server->host->self);
    server->host->read_local_time(server->host->self, &request->date, &request->time);
    request->next = client->first;
    if (request->next != NULL)
        request->next->before = request;
    client->first = request;
    client->open++;
    server->request_count++;
    return request;
}

void
request_free(struct request *request)
{
    struct client *client = request->client;
    if (request->before != NULL)
        request->before->next = request->next;
    else
        client->first = request->next;
    if (request->next != NULL)
        request->next->before = request->before;
    client->open--;
    client->server->request_count--;
    free(request->record);
    free(request);
}

void
desk_forget(struct request *request)
{
    struct server *server = request->client->server;
    if (request->job == NULL)
        server->host->forget_request(server->host->self, request);
    repeats_note(server, request->serial, UINT64_MAX, request->client->number, false);
    request_free(request);
}

bool
request_is_open(const struct server *server, const char *serial)
{
    for (const struct client *client = server->first; client != NULL; client = client->next) {
        for (const struct request *request = client->first; request != NULL; request = request->next) {
            if (strcmp(request->serial, serial) == 0)
                return true;
        }
    }
    return false;
}

/* --- content --- */

static bool
is_clock(const struct server *server, const char *name)
{
    const struct server_wire *wire = &server->wire;
    const char *const clocks[] = {wire->date_field, wire->time_field, wire->accounting_date_field};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        if (clocks[i] != NULL && strcmp(name, clocks[i]) == 0)
            return true;
    }
    return false;
}

/* FNV-1a over the record without its clocks and its seal: tells copies from other requests, it keeps no
 * secret. */
static uint64_t
sum_content(const struct server *server, const struct request *request)
{
    const struct fep_layout *layout = server->codec.head_q;
    uint64_t sum = 14695981039346656037u;
    size_t at = 0;
    for (size_t i = 0; i < layout->field_count; at += layout->fields[i++].length) {
        bool skipped = is_clock(server, layout->fields[i].name) || at == server->codec.mac_offset;
        for (size_t k = 0; !skipped && k < layout->fields[i].length; k++)
            sum = (sum ^ request->record[at + k]) * 1099511628211u;
    }
    for (; at < request->size; at++)
        sum = (sum ^ request->record[at]) * 1099511628211u;
    return sum;
}

static bool
is_stored_kind(const struct server *server, const struct request *request)
{
    return list_has(server->wire.stored, request->transaction, strlen(request->transaction));
}

/* Other bytes under a serial that was answered. */
static bool
is_other_content(const struct server *server, const struct request *request)
{
    struct answered first;
    return answers_find(&server->answers, request->serial, request->transaction, &first) &&
           first.content != sum_content(server, request);
}

/* A copy of what was told as "unknown" before is the first real answer. */
static void
note_answer(struct server *server, const struct request *request)
{
    struct answered answered = {.content = sum_content(server, request), .accounting_date = request->date},
                    first;
    server->host->read_local_time(server->host->self, &answered.date, &answered.time);
    if (!is_stored_kind(server, request) ||
        (request->copy && answers_find(&server->answers, request->serial, request->transaction, &first)))
        return;
    answers_note(&server->answers, request->serial, request->transaction, &answered, answered.date);
}

/* --- the answer to an inquiry --- */

/* What the original was answered with: the return code as it went out then. */
static const char *
original_code(const struct server *server, const struct fep_result *result)
{
    switch (result->finding) {
    case FEP_FOUND_POSTED:
    case FEP_FOUND_STAYS_POSTED:
    case FEP_FOUND_CANCELLED:
    case FEP_FOUND_REVERSED:
        return server->wire.good;
    case FEP_FOUND_REFUSED:
        return tell_code(server, result->refusal_class == FEP_REPEATABLE ? 'R' : 'N', result->code);
    default:
        return "";
    }
}

static struct fep_record *
make_inquiry_body(struct server *server, const struct request *request, const struct fep_result *result,
                  const struct fep_record *original)
{
    struct fep_error error;
    const struct fep_host *host = server->host;
    const struct server_wire *wire = &server->wire;
    char layout[LOCAL_SIZE + 4], key[32], length[24] = "", serial[SERIAL_SIZE], reference[SERIAL_SIZE] = "";
    snprintf(layout, sizeof layout, "%.12s-R", request->transaction);
    snprintf(key, sizeof key, "finding:%s", support_finding_word(result->finding));
    const char *state = host->mapping_text(host->self, "serve_inquire", key);
    const char *field = host->mapping_text(host->self, "serve_inquire", "field");
    struct fep_record *head =
        fixed_decode_request_head(&server->codec, request->record, request->size, &error);
    bool posted = result->finding == FEP_FOUND_POSTED || result->finding == FEP_FOUND_STAYS_POSTED ||
                  result->finding == FEP_FOUND_CANCELLED || result->finding == FEP_FOUND_REVERSED;
    if (posted && copy_field(host, head, wire->original_serial_field, serial, sizeof serial) > 0)
        tell_reference(server, serial, reference);
    host->release_record(host->self, head);
    const struct fep_layout *of_original = original != NULL ? host->record_layout(original) : NULL;
    size_t size = original != NULL ? fixed_plain_size(of_original) +
                                         host->record_rows(original) * fixed_row_size(of_original)
                                   : 0;
    snprintf(length, sizeof length, "%zu", size);
    struct fep_record *body = state != NULL && field != NULL ? host->create_record(host->self, layout) : NULL;
    if (body != NULL && set_field(host, body, field, state) == 0 &&
        set_field(host, body, wire->inquiry_return, original_code(server, result)) == 0 &&
        set_field(host, body, wire->inquiry_reference, reference) == 0 &&
        set_field(host, body, wire->inquiry_length, length) == 0)
        return body;
    host->release_record(host->self, body);
    return NULL;
}

/* --- telling --- */

static bool
is_transaction(const struct request *request, const char *transaction)
{
    return transaction != NULL && strcmp(request->transaction, transaction) == 0;
}

static void
tell_inquiry(struct request *request, const struct fep_result *result, const struct fep_record *original)
{
    struct server *server = request->client->server;
    struct fep_record *body = make_inquiry_body(server, request, result, original);
    if (body != NULL) {
        const struct answer answer = {.code = server->wire.good,
                                      .text = server->wire.good_text,
                                      .body = body,
                                      .more = original,
                                      .posted = true};
        tell_answer(request->client, request->record, request, &answer);
    } else {
        tell_refusal(request->client, request->record, request, 'R', 9001, "网关忙, 请稍后再查询");
    }
    server->host->release_record(server->host->self, body);
}

/* The reversal's answer names our serial of the original, where something was undone. The host's record stays
 * as it is. */
static struct fep_record *
name_original(struct server *server, const struct request *request, const struct fep_record *body)
{
    const struct fep_host *host = server->host;
    const struct fep_layout *layout = host->record_layout(body);
    struct fep_error error;
    char serial[SERIAL_SIZE] = "", reference[SERIAL_SIZE];
    struct fep_record *head =
        fixed_decode_request_head(&server->codec, request->record, request->size, &error);
    struct fep_record *named = host->create_record(host->self, layout->name);
    int size = copy_field(host, head, server->wire.original_serial_field, serial, sizeof serial), status = 0;
    host->release_record(host->self, head);
    for (size_t i = 0; named != NULL && i < layout->field_count; i++) {
        struct fep_bytes value = host->record_get(body, i);
        status += host->record_set(named, i, (const char *)value.data, value.size);
    }
    tell_reference(server, serial, reference);
    if (named != NULL && status == 0 && size > 0 &&
        set_field(host, named, server->wire.reversal_reference, reference) == 0)
        return named;
    host->release_record(host->self, named);
    return NULL;
}

static void
tell_good(struct request *request, const struct fep_result *result, const struct fep_record *body)
{
    struct server *server = request->client->server;
    struct answer answer = {
        .code = server->wire.good, .text = server->wire.good_text, .body = body, .posted = true};
    struct fep_record *named = NULL;
    if (is_transaction(request, server->wire.reversal) && server->wire.reversal_reference != NULL &&
        body != NULL && result->finding == FEP_FOUND_REVERSED)
        named = name_original(server, request, body);
    if (named != NULL)
        answer.body = named;
    tell_answer(request->client, request->record, request, &answer);
    server->host->release_record(server->host->self, named);
}

static void
tell_refused(struct request *request, const struct fep_result *result)
{
    struct server *server = request->client->server;
    char text[sizeof result->text];
    bool repeatable = result->refusal_class == FEP_REPEATABLE;
    copy_text(text, sizeof text, result->text, strlen(result->text));
    const struct answer answer = {.code = tell_code(server, repeatable ? 'R' : 'N', result->code),
                                  .text = text,
                                  .repeatable = repeatable ? request->serial : NULL};
    tell_answer(request->client, request->record, request, &answer);
}

static void
on_answer(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    struct server *server = self;
    struct request *request = ticket;
    struct client *client = request->client;
    request->copy = result->copy != 0;
    if (kind != FEP_UNKNOWN && result->copy != 0 && is_other_content(server, request)) {
        tell_refusal(client, request->record, NULL, 'N', 1005, "流水号已用于另一内容");
    } else if (kind == FEP_UNKNOWN && is_transaction(request, server->wire.reversal)) {
        tell_refusal(client, request->record, request, 'R', 9001,
                     "原交易尚在处理或冲正尚无结论, 请稍后再冲正");
    } else if (kind == FEP_UNKNOWN) {
        tell_refusal(client, request->record, request, 'U', result->code,
                     result->text[0] != '\0' ? result->text : "参保地处理超时, 结果未知, 请查询原交易");
    } else {
        if (kind == FEP_ANSWERED || result->refusal_class == FEP_FINAL)
            note_answer(server, request);
        if (kind == FEP_REFUSED)
            tell_refused(request, result);
        else if (is_transaction(request, server->wire.inquiry))
            tell_inquiry(request, result, answer);
        else
            tell_good(request, result, answer);
    }
    request_free(request);
    serving_check_drained(server);
}

static int
try_answer(void *self, void *ticket, const struct fep_record *answer, struct fep_error *error)
{
    struct server *server = self;
    const struct request *request = ticket;
    const struct answer would = {
        .code = server->wire.good, .text = server->wire.good_text, .body = answer, .posted = true};
    return tell_make(server, request->record, request, &would, error) < 0 ? -1 : 0;
}

/* --- handing over --- */

static size_t
read_rows(const struct server *server, const struct fep_record *head)
{
    struct fep_bytes count = get_field(server->host, head, server->wire.count_field);
    size_t rows = 0;
    for (size_t i = 0; i < count.size; i++)
        rows = rows * 10 + (size_t)(count.data[i] - '0');
    return rows;
}

void
request_begin(struct request *request)
{
    struct client *client = request->client;
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    struct fep_error error = {0};
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-Q", request->transaction);
    struct fep_record *head =
        fixed_decode_request_head(&server->codec, request->record, request->size, &error);
    size_t rows = head != NULL ? read_rows(server, head) : 0;
    struct fep_record *body =
        head != NULL ? fixed_decode_body(&server->codec, layout, request->record + server->codec.head_size,
                                         request->size - server->codec.head_size, rows, &error)
                     : NULL;
    request->probing = false;
    if (body == NULL) {
        host->release_record(host->self, head);
        tell_refusal(client, request->record, request, 'N', error.code == 2204 ? 2204 : 1003, error.text);
        request_free(request);
        return;
    }
    bool is_new = repeats_is_new(server, request);
    if (host->begin_request(host->self, request->transaction, head, body, is_new, on_answer, try_answer,
                            request, &error) == 0)
        return;
    if (error.kind == FEP_REFUSED)
        tell_refusal(client, request->record, request, 'N', error.code, error.text);
    else
        tell_refusal(client, request->record, request, 'R', 9001, "网关暂不受理, 未办理, 请稍后重试");
    request_free(request);
}

/* --- asking first whether it is a repeat --- */

static void
refuse_probed(struct request *request)
{
    struct server *server = request->client->server;
    const struct answer answer = {.code = request->special != NULL
                                              ? request->special
                                              : tell_code(server, request->class, request->code),
                                  .text = request->text};
    tell_answer(request->client, request->record, NULL, &answer);
    request_free(request);
    serving_check_drained(server);
}

/* What is stored of the serial comes first; a request whose fields are wrong can not be the same as one that
 * was taken. */
static void
on_probed(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    struct server *server = self;
    struct request *request = ticket;
    (void)answer;
    if (kind != FEP_ANSWERED || result->finding == FEP_FOUND_IN_PROGRESS) {
        tell_refusal(request->client, request->record, NULL, 'R', 9001,
                     "网关忙, 或原交易正在处理, 请稍后重试");
        request_free(request);
        serving_check_drained(server);
    } else if (result->finding == FEP_FOUND_NOTHING) {
        refuse_probed(request);
    } else if (request->code == 1003 || request->code == 2204) {
        request->class = 'N';
        request->code = 1005;
        request->special = NULL;
        snprintf(request->text, sizeof request->text, "流水号已用于另一内容");
        refuse_probed(request);
    } else {
        request_begin(request);
    }
}

/* An inquiry about the request's own serial, under a serial of its own. */
static struct fep_record *
make_probe_head(struct server *server, const struct request *request)
{
    const struct fep_host *host = server->host;
    const struct server_wire *wire = &server->wire;
    char serial[SERIAL_SIZE];
    struct fep_error error;
    struct fep_record *head =
        fixed_decode_request_head(&server->codec, request->record, request->size, &error);
    server->probe_counter = (server->probe_counter + 1) % 1000000u;
    snprintf(serial, sizeof serial, "%08u99%04u%06u", (unsigned)(request->date % 100000000u),
             (unsigned)(request->time / 100 % 10000u), (unsigned)server->probe_counter);
    if (head != NULL && set_field(host, head, wire->transaction_field, wire->inquiry) == 0 &&
        set_field(host, head, wire->original_transaction_field, request->transaction) == 0 &&
        set_field(host, head, wire->original_serial_field, request->serial) == 0 &&
        set_field(host, head, wire->serial_field, serial) == 0)
        return head;
    host->release_record(host->self, head);
    return NULL;
}

void
request_probe(struct request *request)
{
    struct server *server = request->client->server;
    const struct fep_host *host = server->host;
    struct fep_error error = {0};
    char layout[LOCAL_SIZE + 4];
    bool unreadable = request->code == 1001; /* comes before the question whether it is a repeat */
    if (server->wire.inquiry == NULL || unreadable || !is_stored_kind(server, request)) {
        refuse_probed(request);
        return;
    }
    snprintf(layout, sizeof layout, "%.12s-Q", server->wire.inquiry);
    struct fep_record *head = make_probe_head(server, request),
                      *body = head != NULL ? host->create_record(host->self, layout) : NULL;
    request->probing = true;
    if (body == NULL) {
        host->release_record(host->self, head);
    } else if (host->begin_request(host->self, server->wire.inquiry, head, body, false, on_probed, NULL,
                                   request, &error) == 0) {
        return;
    }
    tell_refusal(request->client, request->record, NULL, 'R', 9001, "网关忙, 未办理, 请稍后重试");
    request_free(request);
}
