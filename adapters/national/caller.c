/* Envelopes that callers send: read, and turned into canonical requests; the output that they get.
 *
 * Must never change a value on its way, nor take into the content what an honest repeat has otherwise
 * (clocks, numbers of our own). Fails with the place in the text, never with what stands there.
 */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
request_finish(struct request *request)
{
    doc_finish(&request->envelope);
    doc_finish(&request->input);
    free(request->input_text);
}

int
request_read(const struct profile *profile, const char *text, size_t size, struct request *request,
             struct fep_error *error)
{
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    if (doc_parse(&request->envelope, text, size, error) < 0)
        return -1;
    int input = doc_member(&request->envelope, 0, profile->input);
    struct fep_bytes raw = doc_raw(&request->envelope, input);
    const char *inside = (const char *)raw.data;
    size_t inside_size = raw.size;
    if (doc_type_of(&request->envelope, input) == JSON_STRING && raw.size > 2) {
        long length = message_open_text(&request->envelope, input, &request->input_text);
        inside = request->input_text;
        inside_size = length > 0 ? (size_t)length : 0;
    } else if (doc_is_empty(&request->envelope, input)) {
        inside = "{}";
        inside_size = 2;
    }
    if (doc_type_of(&request->envelope, 0) != JSON_OBJECT ||
        doc_parse(&request->input, inside != NULL ? inside : "", inside_size, error) < 0)
        return -1;
    return doc_type_of(&request->input, 0) == JSON_OBJECT ? 0 : -1;
}

long
request_source(const struct profile *profile, const struct request *request, const char *source, char *out,
               size_t room)
{
    for (size_t i = 0; i < profile->request.count; i++) {
        if (strcmp(profile->request.list[i].source, source) == 0)
            return doc_text(&request->envelope,
                            doc_member(&request->envelope, 0, profile->request.list[i].target), out, room);
    }
    out[0] = '\0';
    return 0;
}

/* Only from the input itself: what a repeat would have otherwise must not get in. */
static int
write_input(const struct profile *profile, const struct request *request, struct writer *out,
            struct fep_error *error)
{
    const struct profile_transaction *transaction = profile_find_wire(profile, request->wire);
    struct scope scope = {
        .infno = request->infno, .wire = request->wire, .body = &request->input, .input = 0};
    if (transaction == NULL || transaction->serve_fill.count == 0) {
        writer_add(out, request->input.text, request->input.size);
        return 0;
    }
    return message_fill(&scope, &request->input, 0, &transaction->serve_fill, NULL, out, error);
}

int
request_canonical(const struct profile *profile, const struct request *request, struct writer *out,
                  struct fep_error *error)
{
    const struct json *envelope = &request->envelope;
    char name[128];
    writer_say(out, "{");
    for (int at = envelope->nodes[0].first; at >= 0; at = envelope->nodes[at].next) {
        const struct json_node *node = &envelope->nodes[at];
        struct json_node key = {.type = JSON_STRING, .begin = node->key_begin, .end = node->key_end};
        const struct json one = {.text = envelope->text, .size = envelope->size, .nodes = &key, .count = 1};
        const char *to = name;
        /* A name that does not fit here is none that a profile could know. */
        if (doc_text(&one, 0, name, sizeof name) < 0) {
            writer_say(out, out->size > 1 ? "," : "");
            writer_add(out, envelope->text + node->key_begin, node->end - node->key_begin);
            continue;
        }
        for (size_t i = 0; to != NULL && i < profile->request.count; i++) {
            const struct rule *rule = &profile->request.list[i];
            if (strcmp(rule->target, name) == 0)
                to = strncmp(rule->source, "body.", 5) == 0 ? rule->source + 5 : NULL;
        }
        if (to == NULL || strcmp(name, profile->input) == 0)
            continue;
        writer_say(out, out->size > 1 ? "," : "");
        writer_quote(out, to, strlen(to));
        writer_say(out, ":");
        writer_add(out, envelope->text + node->begin, node->end - node->begin);
    }
    writer_say(out, out->size > 1 ? ",\"input\":" : "\"input\":");
    int status = write_input(profile, request, out, error);
    writer_say(out, "}");
    return status;
}

static char *
copy_text(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    return copy != NULL ? memcpy(copy, text, size + 1) : NULL;
}

void
answer_output(const struct profile_transaction *transaction, const struct json *body, int output,
              struct writer *out)
{
    struct changes changes = {0};
    const char *at = transaction != NULL ? transaction->serve_arrays : "", *word;
    char name[48];
    if (doc_is_empty(body, output)) {
        writer_say(out, "{}");
        return;
    }
    for (size_t size; (size = profile_next_word(&at, &word)) > 0;) {
        snprintf(name, sizeof name, "%.*s", (int)size, word);
        int member = doc_member(body, output, name);
        if (doc_type_of(body, member) != JSON_OBJECT)
            continue;
        changes_add(&changes, body->nodes[member].begin, 0, copy_text("["), 1);
        changes_add(&changes, body->nodes[member].end, 0, copy_text("]"), 1);
    }
    changes_write(&changes, body->text, body->nodes[output].begin, body->nodes[output].end, out);
    changes_free(&changes);
}
