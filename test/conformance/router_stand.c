/* The router's end of the host link as a tool: router_stand ENDPOINT. Each line of standard input is a frame
 * to send, as JSON; each frame that comes is a JSON line on standard output. Knows the frames' form and
 * nothing of what they mean, except that a host is greeted (HOST_HELLO is acknowledged) so that it goes on.
 * Ends when its standard input does. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "error.h"
#include "exchange_record.h"
#include "frame.h"
#include "link_socket.h"

#define INSTANCE "local1"
enum { INPUT_ROOM = 9 << 20 };

static unsigned char encoded[FRAME_MAX_SIZE];

/* --- JSON -> frame ------------------------------------------------------------------------------- */

static const char *
text_in(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static int64_t
number_in(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

static bool
has(struct json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static struct slice
slice_in(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value))
        return SLICE_NONE;
    return (struct slice){.data = (const unsigned char *)json_object_get_string(value),
                          .size = (size_t)json_object_get_string_len(value)};
}

static uint8_t
kind_number(const char *name)
{
    for (int kind = 1; kind < 256; kind++) {
        const char *known = frame_kind_name((enum frame_kind)kind);
        if (known != NULL && strcmp(known, name) == 0)
            return (uint8_t)kind;
    }
    return 0;
}

static void
fill_header(struct frame *frame, struct json_object *from)
{
    struct message_header *header = &frame->header;
    snprintf(header->key.origin, sizeof header->key.origin, "%s", text_in(from, "origin"));
    snprintf(header->key.msgid, sizeof header->key.msgid, "%s", text_in(from, "msgid"));
    snprintf(header->infno, sizeof header->infno, "%s", text_in(from, "infno"));
    snprintf(header->treat_area, sizeof header->treat_area, "%s", text_in(from, "treat_area"));
    snprintf(header->insured_area, sizeof header->insured_area, "%s", text_in(from, "insured_area"));
    snprintf(header->institution, sizeof header->institution, "%s", text_in(from, "institution"));
    header->transaction_class = (uint8_t)number_in(from, "class");
    header->day = (uint32_t)number_in(from, "day");
    frame->sections |= FRAME_HAS_HEADER;
}

static void
fill_attempt(struct frame *frame, struct json_object *from)
{
    frame->attempt = (struct frame_attempt){.operation = (uint8_t)number_in(from, "operation"),
                                            .repeat = (uint8_t)number_in(from, "repeat"),
                                            .serial = (uint64_t)number_in(from, "serial"),
                                            .serial_date = (uint32_t)number_in(from, "serial_date"),
                                            .accounting_date = (uint32_t)number_in(from, "accounting_date")};
    snprintf(frame->attempt.cycle, sizeof frame->attempt.cycle, "%s", text_in(from, "cycle"));
    frame->travel = (struct travel){
        .attempt = 1, .time_left_ms = (uint32_t)number_in(from, "time_left_ms"), .hops_left = 8};
    frame->index.size = sizeof frame->index;
    frame->sections |= FRAME_HAS_ATTEMPT | FRAME_HAS_TRAVEL | FRAME_HAS_INDEX;
}

static void
fill_result(struct frame *frame, struct json_object *from)
{
    frame->result = (struct frame_result){.kind = (uint8_t)number_in(from, "kind"),
                                          .effect = (uint8_t)number_in(from, "effect"),
                                          .refusal_class = (uint8_t)number_in(from, "refusal_class"),
                                          .reason = (uint8_t)number_in(from, "reason"),
                                          .finding = (uint8_t)number_in(from, "finding"),
                                          .code = (uint16_t)number_in(from, "code")};
    frame->sections |= FRAME_HAS_RESULT;
}

static int
build(struct frame *frame, struct json_object *line)
{
    struct json_object *part = NULL;
    *frame = (struct frame){.kind = (enum frame_kind)kind_number(text_in(line, "frame")),
                            .sequence = (uint64_t)number_in(line, "sequence"),
                            .epoch = (uint32_t)number_in(line, "epoch"),
                            .ok = (uint8_t)number_in(line, "ok"),
                            .acked_kind = kind_number(text_in(line, "acked"))};
    if (frame->kind == 0)
        return -1;
    if (json_object_object_get_ex(line, "header", &part))
        fill_header(frame, part);
    if (json_object_object_get_ex(line, "attempt", &part))
        fill_attempt(frame, part);
    if (json_object_object_get_ex(line, "result", &part))
        fill_result(frame, part);
    if (has(line, "text")) {
        snprintf(frame->text, sizeof frame->text, "%s", text_in(line, "text"));
        frame->sections |= FRAME_HAS_TEXT;
    }
    if (has(line, "body")) {
        frame->body = slice_in(line, "body");
        frame->sections |= FRAME_HAS_BODY;
    }
    if (has(line, "answer")) {
        frame->answer = slice_in(line, "answer");
        frame->sections |= FRAME_HAS_ANSWER;
    }
    return 0;
}

static int
send_frame(struct link_socket *socket, const struct frame *frame)
{
    struct fep_error error = {0};
    size_t size =
        frame_size(frame) <= sizeof encoded ? frame_encode(frame, encoded, sizeof encoded, &error) : 0;
    if (size > 0 && link_send(socket, INSTANCE, encoded, size, &error) == 0)
        return 0;
    fprintf(stderr, "%s is not sent: %s\n", frame_kind_name(frame->kind), error.text);
    return -1;
}

/* A host that is gone can not be told anything; that is for the kit to notice. */
static void
take_line(struct link_socket *socket, const char *text)
{
    struct frame frame;
    struct json_object *line = json_tokener_parse(text);
    if (line == NULL || build(&frame, line) < 0)
        fprintf(stderr, "not understood: %.120s\n", text);
    else
        (void)send_frame(socket, &frame);
    json_object_put(line);
}

/* --- frame -> JSON ------------------------------------------------------------------------------- */

static void
add_number(struct json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

static void
add_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static struct json_object *
describe_header(const struct frame *frame)
{
    struct json_object *object = json_object_new_object();
    add_text(object, "msgid", frame->header.key.msgid);
    add_text(object, "infno", frame->header.infno);
    add_text(object, "treat_area", frame->header.treat_area);
    add_text(object, "insured_area", frame->header.insured_area);
    add_text(object, "institution", frame->header.institution);
    return object;
}

static struct json_object *
describe_result(const struct frame_result *result)
{
    struct json_object *object = json_object_new_object();
    add_number(object, "state", result->state);
    add_number(object, "kind", result->kind);
    add_number(object, "effect", result->effect);
    add_number(object, "refusal_class", result->refusal_class);
    add_number(object, "reason", result->reason);
    add_number(object, "finding", result->finding);
    add_number(object, "code", result->code);
    return object;
}

static void
add_sections(struct json_object *line, const struct frame *frame)
{
    if (frame->sections & FRAME_HAS_HEADER)
        json_object_object_add(line, "header", describe_header(frame));
    if (frame->sections & FRAME_HAS_RESULT)
        json_object_object_add(line, "result", describe_result(&frame->result));
    if (frame->sections & FRAME_HAS_ATTEMPT)
        add_number(line, "serial", (int64_t)frame->attempt.serial);
    if (frame->sections & FRAME_HAS_HELLO) {
        add_number(line, "abilities", frame->hello.abilities);
        add_number(line, "window", frame->hello.window);
    }
    if (frame->sections & FRAME_HAS_INDEX)
        add_text(line, "visit_id", frame->index.visit_id);
    if (frame->sections & FRAME_HAS_TEXT)
        add_text(line, "text", frame->text);
    if (frame->sections & FRAME_HAS_BODY)
        json_object_object_add(
            line, "body", json_object_new_string_len((const char *)frame->body.data, (int)frame->body.size));
    if (frame->sections & FRAME_HAS_CALLS) {
        struct json_object *calls = json_object_new_array();
        for (size_t i = 0; i < frame->call_count; i++)
            json_object_array_add(calls, json_object_new_int64((int64_t)frame->calls[i]));
        json_object_object_add(line, "calls", calls);
    }
}

static void
print_frame(const struct frame *frame)
{
    struct json_object *line = json_object_new_object();
    add_text(line, "frame", frame_kind_name(frame->kind));
    add_number(line, "sequence", (int64_t)frame->sequence);
    add_number(line, "epoch", frame->epoch);
    add_number(line, "ok", frame->ok);
    add_number(line, "fresh", frame->fresh);
    add_sections(line, frame);
    puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    fflush(stdout);
    json_object_put(line);
}

static int
take_frame(struct link_socket *socket, struct slice whole)
{
    struct fep_error error = {0};
    struct frame frame;
    if (frame_decode(&frame, whole, &error) < 0) {
        fprintf(stderr, "a frame is malformed: %s\n", error.text);
        return -1;
    }
    if (frame.kind == FRAME_HOST_HELLO) {
        struct frame ack = {.kind = FRAME_HOST_ACK,
                            .sequence = frame.sequence,
                            .epoch = frame.epoch,
                            .acked_kind = FRAME_HOST_HELLO};
        (void)send_frame(socket, &ack);
    }
    print_frame(&frame);
    frame_release(&frame);
    return 0;
}

/* --- the loop ------------------------------------------------------------------------------------ */

struct input {
    char *data;
    size_t size;
};

/* 0 at the end of the input. */
static int
read_lines(struct input *input, struct link_socket *socket)
{
    ssize_t got = read(STDIN_FILENO, input->data + input->size, INPUT_ROOM - input->size - 1);
    if (got <= 0)
        return 0;
    input->size += (size_t)got;
    input->data[input->size] = '\0';
    char *line = input->data, *end;
    while ((end = memchr(line, '\n', input->size - (size_t)(line - input->data))) != NULL) {
        *end = '\0';
        take_line(socket, line);
        line = end + 1;
    }
    input->size -= (size_t)(line - input->data);
    memmove(input->data, line, input->size);
    return 1;
}

static int
serve(struct link_socket *socket, struct input *input)
{
    struct fep_error error = {0};
    char from[NODE_SIZE];
    for (;;) {
        struct slice whole = SLICE_NONE;
        int got;
        while ((got = link_receive(socket, from, &whole, &error)) != 0) {
            int status = got > 0 ? take_frame(socket, whole) : -1;
            slice_release(&whole);
            if (status < 0)
                return 111;
        }
        zmq_pollitem_t items[] = {{.socket = link_raw(socket), .events = ZMQ_POLLIN},
                                  {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
        if (zmq_poll(items, 2, -1) < 0)
            return 111;
        if (items[1].revents != 0 && read_lines(input, socket) == 0)
            return 0;
    }
}

int
main(int argc, char **argv)
{
    struct fep_error error = {0};
    struct input input = {.data = malloc(INPUT_ROOM)};
    if (argc != 2 || input.data == NULL) {
        fputs("usage: router_stand ENDPOINT\n", stderr);
        free(input.data);
        return 100;
    }
    struct link_context *context = link_context_create(NULL, 0, &error);
    struct link_socket *socket = context != NULL ? link_bind_local(context, argv[1], &error) : NULL;
    int status = 111;
    if (socket == NULL) {
        fprintf(stderr, "%s\n", error.text);
    } else {
        puts("{\"frame\":\"bound\"}");
        fflush(stdout);
        status = serve(socket, &input);
    }
    link_close(socket);
    link_context_destroy(context);
    free(input.data);
    return status;
}
