/* Answers: the request's head with what the answer changes in it, and a body.
 *
 * Must never change a field that the protocol has echoed, and never answer a repeat with other bytes than the
 * first time as long as the book of answers knows its clock. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* The local return code of a class and a canonical code; the gateway's own codes have a row of their own, or
 * fall to the default of their class. */
const char *
tell_code(const struct server *server, char class, uint32_t canonical)
{
    const struct fep_host *host = server->host;
    char key[24];
    snprintf(key, sizeof key, "%c:%u", class, canonical);
    const char *code = host->mapping_text(host->self, "results", key);
    return code != NULL ? code : "";
}

void
tell_reference(const struct server *server, const char *serial, char reference[SERIAL_SIZE])
{
    const char *prefix = server->wire.reference_prefix != NULL ? server->wire.reference_prefix : "";
    size_t length = strlen(prefix);
    snprintf(reference, SERIAL_SIZE, "%s%s", prefix, strlen(serial) > length ? serial + length : "");
}

struct stamp {
    uint32_t date, time, accounting_date;
};

static struct stamp
stamp_of(const struct server *server, const struct request *request)
{
    struct stamp stamp;
    struct answered first;
    server->host->read_local_time(server->host->self, &stamp.date, &stamp.time);
    stamp.accounting_date = request != NULL ? request->date : stamp.date;
    if (request != NULL && request->copy &&
        answers_find(&server->answers, request->serial, request->transaction, &first))
        stamp = (struct stamp){first.date, first.time, first.accounting_date};
    return stamp;
}

static int
patch_number(struct server *server, unsigned char *head, const char *field, unsigned value, int digits,
             struct fep_error *error)
{
    char text[16];
    snprintf(text, sizeof text, "%0*u", digits, value);
    return field == NULL ? 0 : fixed_patch_head(&server->codec, head, field, text, error);
}

/* Sender and receiver change places; both are fields of the same length. */
static int
swap_ends(struct server *server, const unsigned char *head, unsigned char *out, struct fep_error *error)
{
    const struct fep_layout *layout = server->codec.head_r;
    int sender = find_field(layout, server->wire.sender_field),
        receiver = find_field(layout, server->wire.receiver_field);
    size_t at = 0, from = 0, to = 0;
    if (sender < 0 || receiver < 0 || layout->fields[sender].length != layout->fields[receiver].length)
        return set_error(error, 0, 0, "sender and receiver do not fit each other");
    for (int i = 0; i < (int)layout->field_count; at += layout->fields[i++].length) {
        if (i == sender)
            from = at;
        if (i == receiver)
            to = at;
    }
    size_t size = layout->fields[sender].length;
    memcpy(out + from, head + to, size);
    memcpy(out + to, head + from, size);
    return 0;
}

static int
patch(struct server *server, unsigned char *head, const char *field, const char *text,
      struct fep_error *error)
{
    return fixed_patch_head(&server->codec, head, field, text, error);
}

long
tell_make(struct server *server, const unsigned char *head, const struct request *request,
          const struct answer *answer, struct fep_error *error)
{
    const struct server_wire *wire = &server->wire;
    unsigned char out[HEAD_ROOM];
    char reference[SERIAL_SIZE] = "";
    struct stamp stamp = stamp_of(server, request);
    if (answer->posted && request != NULL)
        tell_reference(server, request->serial, reference);
    memcpy(out, head, server->codec.head_size);
    if (swap_ends(server, head, out, error) < 0 ||
        patch(server, out, wire->kind_field, wire->answer_kind, error) < 0 ||
        patch_number(server, out, wire->date_field, stamp.date, 8, error) < 0 ||
        patch_number(server, out, wire->time_field, stamp.time, 6, error) < 0 ||
        patch_number(server, out, wire->accounting_date_field, stamp.accounting_date, 8, error) < 0 ||
        patch(server, out, wire->return_field, answer->code, error) < 0 ||
        patch(server, out, wire->text_field, answer->text != NULL ? answer->text : "", error) < 0 ||
        patch(server, out, wire->reference_field, reference, error) < 0)
        return -1;
    return fixed_build_answer(&server->codec, out, answer->body, answer->more, server->scratch, error);
}

void
tell_answer(struct client *client, const unsigned char *head, const struct request *request,
            const struct answer *answer)
{
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    struct fep_error error = {0};
    long size = tell_make(server, head, request, answer, &error);
    if (size < 0 && answer->body != NULL) {
        /* Asked before the ending was committed whether it fits (try_answer), so this is a fault of ours; the
         * caller must not take it for a refusal. */
        const struct answer unknown = {.code = tell_code(server, 'U', 9002),
                                       .text = "答复无法转成本地格式, 请查询原交易"};
        host->log_event(host->self, LOG_ERROR_LEVEL, "an answer could not be written", error.code);
        size = tell_make(server, head, request, &unknown, &error);
    }
    if (size < 0) {
        host->log_event(host->self, LOG_ERROR_LEVEL, "an answer could not be written", error.code);
        client->close_after = true; /* closing tells the caller that he does not know */
        size = 0;
    }
    client_send(client, server->scratch, (size_t)size, answer->repeatable,
                request != NULL ? request->arrived_ms : 0);
}

void
tell_refusal(struct client *client, const unsigned char *head, const struct request *request, char class,
             uint32_t code, const char *text)
{
    const struct answer answer = {.code = tell_code(client->server, class, code), .text = text};
    tell_answer(client, head, request, &answer);
}
