/* What callers ask: envelopes to canonical requests, endings to envelopes.
 *
 * Must never tell a caller "refused" for a reason that a copy of the same message would not meet too: it may
 * be the copy of one that was posted. Sign-in is answered here.
 */
#include "national.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "form.h"
#include "served.h"
#include "server.h"

struct ticket {
    struct ticket *next, *before;
    struct national *national;
    struct exchange *exchange;
    bool reverses;
    const struct profile_transaction *transaction; /* NULL: nothing special about it */
    char received[32];
};

/* --- answers --- */

static void
write_stamp(struct national *national, char out[32])
{
    const struct fep_host *host = national->host;
    uint32_t date, time;
    host->read_local_time(host->self, &date, &time);
    snprintf(out, 32, "%08u%06u%03u", date % 100000000u, time % 1000000u,
             (unsigned)(host->read_monotonic_ms(host->self) % 1000));
}

static void
write_named(struct writer *out, const char *name, const char *text)
{
    if (name[0] == '\0')
        return;
    writer_say(out, ",");
    writer_quote(out, name, strlen(name));
    writer_say(out, ":");
    writer_quote(out, text, strlen(text));
}

static void
write_head(struct national *national, const char *infcode, const char *received, const char *text,
           struct writer *out)
{
    const struct profile *profile = &national->profile;
    char stamp[32], reference[48], name[32];
    const char *at = profile->texts, *word;
    write_stamp(national, stamp);
    snprintf(reference, sizeof reference, "%.6s%.14s%010u", national->area, stamp,
             national->number++ % 1000000000u);
    snprintf(name, sizeof name, "%.*s", (int)profile_next_word(&at, &word), profile->texts);
    writer_say(out, "{");
    writer_quote(out, profile->infcode, strlen(profile->infcode));
    writer_say(out, ":");
    if (profile->infcode_as_text)
        writer_quote(out, infcode, strlen(infcode));
    else
        writer_say(out, infcode);
    write_named(out, profile->reference, reference);
    write_named(out, profile->received, received);
    write_named(out, profile->responded, stamp);
    write_named(out, name, text);
}

/* Members beside infcode, text and output that the canonical answer has. */
static void
write_beside(const struct json *body, struct writer *out)
{
    int skipped[] = {doc_member(body, 0, "infcode"), doc_member(body, 0, "err_msg"),
                     doc_member(body, 0, "output")};
    for (int at = body->nodes[0].first; at >= 0; at = body->nodes[at].next) {
        if (at == skipped[0] || at == skipped[1] || at == skipped[2])
            continue;
        writer_say(out, ",");
        writer_add(out, body->text + body->nodes[at].key_begin,
                   body->nodes[at].end - body->nodes[at].key_begin);
    }
}

/* `canonical` may be empty, `ticket` NULL. */
static int
write_answer(struct national *national, const struct ticket *ticket, const char *infcode,
             const char *received, const char *text, struct fep_bytes canonical, struct writer *out)
{
    struct json body = {0};
    struct fep_error error;
    int status = 0;
    write_head(national, infcode, received, text, out);
    if (canonical.size > 0 && (doc_parse(&body, (const char *)canonical.data, canonical.size, &error) < 0 ||
                               doc_type_of(&body, 0) != JSON_OBJECT))
        status = -1;
    if (status == 0 && canonical.size > 0)
        write_beside(&body, out);
    writer_say(out, ",");
    writer_quote(out, national->profile.output, strlen(national->profile.output));
    writer_say(out, ":");
    answer_output(ticket != NULL ? ticket->transaction : NULL, &body,
                  status == 0 && canonical.size > 0 ? doc_member(&body, 0, "output") : -1, out);
    writer_say(out, "}");
    doc_finish(&body);
    return out->failed ? -1 : status;
}

static bool
seal_reply(struct national *national, struct writer *out)
{
    struct seal_message wire = {0};
    struct fep_error error;
    bool good = seal_answer(national->seal, national_wall_ms(national), out->data, out->size, &wire,
                            &error) == SEAL_GOOD;
    if (good) {
        writer_free(out);
        writer_add(out, wire.body, wire.body_size);
    }
    seal_message_finish(&wire);
    return good && !out->failed;
}

static void
reply_to(struct national *national, const struct ticket *ticket, struct exchange *exchange,
         const char *infcode, const char *received, const char *text, struct fep_bytes canonical)
{
    struct writer out = {0};
    bool good = write_answer(national, ticket, infcode, received, text, canonical, &out) == 0;
    good = good && (national->seal == NULL || seal_reply(national, &out));
    if (good) {
        server_answer(exchange, 200, out.data, out.size);
        return;
    }
    writer_free(&out);
    server_answer(exchange, 503, NULL, 0); /* tells the caller that it does not know */
}

void
desk_reply(struct national *national, struct exchange *exchange, const char *infcode, const char *received,
           const char *text, struct fep_bytes canonical)
{
    reply_to(national, NULL, exchange, infcode, received, text, canonical);
}

static const struct fep_bytes nothing = {NULL, 0};

/* --- tickets --- */

void
desk_one_less(struct national *national)
{
    national->ticket_count--;
    struct fep_call *call = national->drain_call;
    if (call == NULL || national->ticket_count > 0 || national->closing)
        return;
    national->drain_call = NULL;
    struct fep_result result = national_result(FEP_REASON_NONE);
    national->host->complete_call(national->host->self, call, FEP_ANSWERED, &result, NULL);
}

static void
end_ticket(struct ticket *ticket)
{
    struct national *national = ticket->national;
    if (ticket->before != NULL)
        ticket->before->next = ticket->next;
    else
        national->first_ticket = ticket->next;
    if (ticket->next != NULL)
        ticket->next->before = ticket->before;
    free(ticket);
    desk_one_less(national);
}

/* A reversal's ending in the words of this interface, which has none of its own for it. */
static const char *
judge_reversal(const struct profile *profile, const struct fep_result *result)
{
    return result->finding == FEP_FOUND_STAYS_POSTED ? profile->serve.refused
           : result->finding == FEP_FOUND_REVERSED || result->finding == FEP_FOUND_NEVER_ARRIVED ||
                   result->finding == FEP_FOUND_CANCELLED
               ? profile->serve.good
               : profile->serve.open;
}

static void
on_answer(void *self, void *arg, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    struct national *national = self;
    struct ticket *ticket = arg;
    const struct profile *profile = &national->profile;
    struct fep_bytes body = answer != NULL ? national->host->record_get(answer, 0) : nothing;
    const char *code = kind == FEP_ANSWERED  ? profile->serve.good
                       : kind == FEP_REFUSED ? profile->serve.refused
                                             : profile->serve.open;
    if (kind == FEP_ANSWERED && ticket->reverses) {
        code = judge_reversal(profile, result);
        body = nothing;
    }
    reply_to(national, ticket, ticket->exchange, code, ticket->received,
             kind == FEP_ANSWERED && !ticket->reverses ? "" : result->text, body);
    end_ticket(ticket);
}

static int
try_answer(void *self, void *arg, const struct fep_record *answer, struct fep_error *error)
{
    struct national *national = self;
    struct writer out = {0};
    struct fep_bytes body = answer != NULL ? national->host->record_get(answer, 0) : nothing;
    int status = write_answer(national, arg, national->profile.serve.good, "", "", body, &out);
    writer_free(&out);
    if (status < 0)
        national_copy(error->text, sizeof error->text, "an answer that is no JSON object");
    return status;
}

/* --- requests --- */

bool
desk_set_head(const struct fep_host *host, struct fep_record *head, const char *name, const char *text)
{
    const struct fep_layout *layout = host->record_layout(head);
    for (size_t i = 0; i < layout->field_count; i++) {
        if (strcmp(layout->fields[i].name, name) == 0)
            return host->record_set(head, i, text, strlen(text)) == 0;
    }
    return false;
}

static bool
fill_from_envelope(const struct national *national, const struct request *request, struct fep_record *head)
{
    static const char *const names[][2] = {{"header.msgid", "msgid"},
                                           {"header.treat_area", "treat_area"},
                                           {"header.insured_area", "insured_area"},
                                           {"header.institution", "institution"}};
    const struct fep_host *host = national->host;
    char text[64], area[64] = "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        long size = request_source(&national->profile, request, names[i][0], text, sizeof text);
        if (size < 0)
            return false;
        if (i == 1)
            memcpy(area, text, sizeof area);
        /* Empty where no person is concerned: then it stays at the place of treatment. */
        if (!desk_set_head(host, head, names[i][1], i == 2 && size == 0 ? area : text))
            return false;
    }
    return desk_set_head(host, head, "infno", request->infno);
}

static bool
fill_from_input(const struct national *national, const struct request *request, struct fep_record *head)
{
    const struct profile *profile = &national->profile;
    const struct fep_host *host = national->host;
    const char *at = profile->serve.person, *word;
    char name[40], text[64];
    bool reverses = strcmp(request->infno, profile->reversal.infno) == 0;
    text[0] = '\0';
    for (size_t size; text[0] == '\0' && (size = profile_next_word(&at, &word)) > 0;) {
        snprintf(name, sizeof name, "%.*s", (int)size, word);
        (void)doc_text(&request->input, doc_find_anywhere(&request->input, 0, name), text, sizeof text);
    }
    if (!desk_set_head(host, head, "person", text))
        return false;
    for (size_t i = 0; i < profile->serve.head.count; i++) {
        const struct rule *rule = &profile->serve.head.list[i];
        bool original = strncmp(rule->target, "original_", 9) == 0;
        if (original && !reverses)
            continue;
        if (doc_text(&request->input, doc_find_anywhere(&request->input, 0, rule->source), text,
                     sizeof text) < 0)
            return false;
        if (strcmp(rule->target, "original_infno") == 0) {
            const struct profile_transaction *transaction = profile_find_wire(profile, text);
            if (transaction != NULL)
                snprintf(text, sizeof text, "%s", transaction->infno);
        }
        if (!desk_set_head(host, head, rule->target, text))
            return false;
    }
    return true;
}

static struct fep_record *
make_head(const struct national *national, const struct request *request)
{
    const struct fep_host *host = national->host;
    struct fep_record *head = host->create_record(host->self, "canonical-head");
    if (head != NULL && fill_from_envelope(national, request, head) &&
        fill_from_input(national, request, head))
        return head;
    host->release_record(host->self, head);
    return NULL;
}

/* NULL: the error's code is 1003 if it is the message's own fault. */
static struct fep_record *
make_body(const struct national *national, const struct request *request, struct fep_error *error)
{
    const struct fep_host *host = national->host;
    struct writer text = {0};
    int status = request_canonical(&national->profile, request, &text, error);
    struct fep_record *body = status < 0 || text.failed ? NULL : host->create_record(host->self, "canonical");
    if (body != NULL && host->record_set(body, 0, text.data, text.size) < 0) {
        host->release_record(host->self, body);
        body = NULL;
    }
    writer_free(&text);
    return body;
}

static struct ticket *
add_ticket(struct national *national, struct exchange *exchange, const struct request *request,
           const char *received)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket == NULL)
        return NULL;
    *ticket = (struct ticket){.next = national->first_ticket,
                              .national = national,
                              .exchange = exchange,
                              .transaction = profile_find_wire(&national->profile, request->wire),
                              .reverses = strcmp(request->infno, national->profile.reversal.infno) == 0};
    snprintf(ticket->received, sizeof ticket->received, "%s", received);
    if (ticket->next != NULL)
        ticket->next->before = ticket;
    national->first_ticket = ticket;
    national->ticket_count++;
    return ticket;
}

static void
begin(struct national *national, struct exchange *exchange, const struct request *request,
      const char *received)
{
    const struct fep_host *host = national->host;
    const struct profile *profile = &national->profile;
    struct fep_error error = {0};
    struct fep_record *head = make_head(national, request),
                      *body = head != NULL ? make_body(national, request, &error) : NULL;
    if (head == NULL || body == NULL) {
        bool memory = head != NULL && error.code != 1003;
        const char *why =
            error.code == 1003 ? error.text : "a member of the envelope, or an id, is no text or too long";
        host->release_record(host->self, head);
        desk_reply(national, exchange, memory ? profile->serve.open : profile->serve.refused, received,
                   memory ? "no memory" : why, nothing);
        return;
    }
    struct ticket *ticket = add_ticket(national, exchange, request, received);
    if (ticket == NULL) {
        host->release_record(host->self, head);
        host->release_record(host->self, body);
        desk_reply(national, exchange, profile->serve.open, received, "no memory", nothing);
        return;
    }
    if (host->begin_request(host->self, request->infno, head, body, false, on_answer, try_answer, ticket,
                            &error) == 0)
        return;
    /* What is wrong with the message itself is so with every copy of it; a bound is not. */
    bool refused = error.kind == FEP_REFUSED;
    desk_reply(national, exchange, refused ? profile->serve.refused : profile->serve.open, received,
               error.text, nothing);
    end_ticket(ticket);
}

/* --- the number of a sign-in as a bearer token --- */

static const char *
find_token(const struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        const char *value = exchange->headers[i].value;
        if (strcasecmp(exchange->headers[i].name, "Authorization") == 0 &&
            strncasecmp(value, "Bearer ", 7) == 0)
            return value + 7 + strspn(value + 7, " ");
    }
    return "";
}

static bool
is_signed_in(const struct national *national, const struct exchange *exchange)
{
    const char *token = find_token(exchange);
    for (size_t i = 0; token[0] != '\0' && i < MAX_TOKENS; i++) {
        const char *given = national->tokens[i];
        if (strlen(given) == strlen(token) && CRYPTO_memcmp(given, token, strlen(token)) == 0)
            return true;
    }
    return false;
}

/* Sign-in and sign-out are between two neighbours: this one answers. */
static bool
take_sign(struct national *national, struct exchange *exchange, const struct request *request,
          const char *received)
{
    const struct profile *profile = &national->profile;
    bool in = profile_lists(profile->serve.sign_in, request->wire);
    struct writer body = {0};
    char when[32], number[48];
    const char *dot = strchr(profile->serve.sign_in_answer, '.');
    if (!in && !profile_lists(profile->serve.sign_out, request->wire))
        return false;
    snprintf(when, sizeof when, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", received, received + 4, received + 6,
             received + 8, received + 10, received + 12);
    snprintf(number, sizeof number, "%.6s%.14s%06u", national->area, received, national->number++ % 1000000u);
    if (profile->serve.bearer && in) { /* nobody may guess it */
        unsigned char random[15];
        if (national->host->fill_random(national->host->self, random, sizeof random) != 0) {
            desk_reply(national, exchange, profile->serve.open, received, "no random number", nothing);
            return true;
        }
        EVP_EncodeBlock((unsigned char *)number, random, sizeof random);
        memcpy(national->tokens[national->token_next++ % MAX_TOKENS], number, sizeof number);
    }
    writer_say(&body, "{\"output\":{");
    if (in && dot != NULL) {
        writer_quote(&body, profile->serve.sign_in_answer, (size_t)(dot - profile->serve.sign_in_answer));
        writer_say(&body, ":{\"sign_time\":");
        writer_quote(&body, when, strlen(when));
        writer_say(&body, ",");
        writer_quote(&body, dot + 1, strlen(dot + 1));
        writer_say(&body, ":");
        writer_quote(&body, number, strlen(number));
        writer_say(&body, "}");
    }
    writer_say(&body, "}}");
    desk_reply(national, exchange, profile->serve.good, received, "",
               (struct fep_bytes){(const unsigned char *)body.data, body.failed ? 0 : body.size});
    writer_free(&body);
    return true;
}

static bool
is_our_path(const struct profile *profile, const struct request *request, const char *path)
{
    const struct profile_transaction *transaction = profile_find_wire(profile, request->wire);
    size_t size = strlen(profile->prefix);
    if (profile->endpoint[0] != '\0' && strcmp(path, profile->endpoint) == 0)
        return true;
    return size > 0 && transaction != NULL && strncmp(path, profile->prefix, size) == 0 &&
           strcmp(path + size, transaction->path) == 0;
}

/* `file` NULL: the message came alone. */
static void
take_text(struct national *national, struct exchange *exchange, const char *text, size_t size,
          const struct form_part *file, const char *received)
{
    const struct profile *profile = &national->profile;
    struct request request = {0};
    struct fep_error error = {0};
    if (request_read(profile, text, size, &request, &error) < 0 ||
        request_source(profile, &request, "wire.infno", request.wire, sizeof request.wire) <= 0) {
        desk_reply(national, exchange, error.code == 9001 ? profile->serve.open : profile->serve.refused,
                   received,
                   error.text[0] != '\0' ? error.text : "no envelope with a transaction number and an input",
                   nothing);
    } else if (!is_our_path(profile, &request, exchange->path)) {
        server_answer(exchange, 404, NULL, 0);
    } else {
        const struct profile_transaction *transaction = profile_find_wire(profile, request.wire);
        request.infno = transaction != NULL ? transaction->infno : request.wire;
        if (profile->serve.bearer && !profile_lists(profile->serve.sign_in, request.wire) &&
            !is_signed_in(national, exchange))
            server_answer(exchange, 401, NULL, 0);
        else if (file != NULL && strcmp(request.infno, profile->files.upload) != 0)
            desk_reply(national, exchange, profile->serve.refused, received, "only an upload comes in a form",
                       nothing);
        else if (!take_sign(national, exchange, &request, received) &&
                 !served_take(national, exchange, &request, received, file))
            begin(national, exchange, &request, received);
    }
    request_finish(&request);
}

static const char *
find_content_type(const struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (strcasecmp(exchange->headers[i].name, "Content-Type") == 0)
            return exchange->headers[i].value;
    }
    return NULL;
}

/* What is sealed of a form: its message where messages are, else the headers, over the form as it stands. */
static int
open_form(struct national *national, const struct exchange *exchange, const struct seal_field *fields,
          const struct form_part *message, struct seal_message *plain, struct fep_error *error)
{
    const struct seal *seal = national->seal;
    int64_t now = national_wall_ms(national);
    if (seal != NULL && seal_get_profile(seal)->message != SEAL_MESSAGE_NONE)
        return seal_open_request(seal, now, fields, exchange->header_count, message->data, message->size,
                                 plain, error);
    int status = seal == NULL ? SEAL_GOOD
                              : seal_check_headers(seal, now, fields, exchange->header_count, exchange->body,
                                                   exchange->body_size, error);
    plain->body = status == SEAL_GOOD ? malloc(message->size + 1) : NULL;
    if (plain->body == NULL)
        return status == SEAL_GOOD ? SEAL_FAILED : status;
    memcpy(plain->body, message->data, message->size);
    plain->body[message->size] = '\0';
    plain->body_size = message->size;
    return SEAL_GOOD;
}

static void
take_form(struct national *national, struct exchange *exchange, const struct seal_field *fields,
          const char *received)
{
    const struct profile *profile = &national->profile;
    struct form_part message, file;
    struct seal_message plain = {0};
    struct fep_error error = {0};
    if (!form_read(find_content_type(exchange), exchange->body, exchange->body_size,
                   profile->files.message_part, profile->files.file_part, &message, &file)) {
        desk_reply(national, exchange, profile->serve.refused, received, "a form that can not be read",
                   nothing);
        return;
    }
    int status = open_form(national, exchange, fields, &message, &plain, &error);
    if (status == SEAL_GOOD)
        take_text(national, exchange, plain.body, plain.body_size, &file, received);
    else
        desk_reply(national, exchange, status == SEAL_FAILED ? profile->serve.open : profile->serve.refused,
                   received, error.text, nothing);
    seal_message_finish(&plain);
}

static void
take_exchange(void *arg, struct exchange *exchange)
{
    struct national *national = arg;
    struct seal_field fields[64];
    char received[32];
    for (size_t i = 0; i < exchange->header_count; i++)
        fields[i] =
            (struct seal_field){exchange->headers[i].name, exchange->headers[i].value,
                                strlen(exchange->headers[i].name), strlen(exchange->headers[i].value)};
    write_stamp(national, received);
    if (national->draining || national->closing) {
        desk_reply(national, exchange, national->profile.serve.open, received, "the gateway is being stopped",
                   nothing);
        return;
    }
    if (national->profile.files.upload[0] != '\0' && form_is_one(find_content_type(exchange))) {
        take_form(national, exchange, fields, received);
        return;
    }
    if (national->seal != NULL) {
        struct seal_message plain = {0};
        struct fep_error error = {0};
        int status =
            seal_open_request(national->seal, national_wall_ms(national), fields, exchange->header_count,
                              exchange->body, exchange->body_size, &plain, &error);
        if (status == SEAL_GOOD)
            take_text(national, exchange, plain.body, plain.body_size, NULL, received);
        else
            desk_reply(national, exchange,
                       status == SEAL_FAILED ? national->profile.serve.open : national->profile.serve.refused,
                       received, error.text, nothing);
        seal_message_finish(&plain);
        return;
    }
    take_text(national, exchange, exchange->body, exchange->body_size, NULL, received);
}

/* --- life --- */

void
desk_report(struct national *national)
{
    const struct fep_host *host = national->host;
    national->health.size = sizeof national->health;
    national->health.state = national->draining ? FEP_STOPPING : FEP_UP;
    national->health.open_calls = (uint32_t)national->ticket_count;
    host->report_health(host->self, &national->health);
}

int
desk_open(struct national *national, struct fep_error *error)
{
    const struct fep_host *host = national->host;
    const struct fep_config *config = national->config;
    struct server_settings settings = {
        .address = host->get_text(config, "listen"),
        .content_type = national->profile.content_type,
        .certificate_file = national->tls ? national->certificate_file : NULL,
        .key_file = national->key_file,
        .client_ca_file = national->ca_file,
        .max_connections = (size_t)host->get_integer(config, "max_connections"),
        .max_per_address = (size_t)host->get_integer(config, "max_per_address"),
        .max_body = MAX_BODY,
        .request_ms = host->get_integer(config, "request_time"),
        .on_request = take_exchange,
        .arg = national,
        .host = host,
    };
    national->server = server_open(&settings, error);
    return national->server != NULL ? 0 : -1;
}

void
desk_drain(struct national *national)
{
    struct fep_call *call = national->drain_call;
    server_stop_listening(national->server);
    desk_report(national);
    if (national->ticket_count > 0 || call == NULL)
        return;
    national->drain_call = NULL;
    struct fep_result result = national_result(FEP_REASON_NONE);
    national->host->complete_call(national->host->self, call, FEP_ANSWERED, &result, NULL);
}

/* The callers of open requests are cut off: they do not know, which is true. */
void
desk_close(struct national *national)
{
    while (national->first_ticket != NULL) {
        struct ticket *ticket = national->first_ticket;
        national->host->forget_request(national->host->self, ticket);
        server_answer(ticket->exchange, 503, NULL, 0);
        end_ticket(ticket);
    }
    served_close(national);
    if (national->server != NULL)
        server_close(national->server);
    national->server = NULL;
}
