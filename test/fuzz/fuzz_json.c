/* Fuzzes the JSON that the national module reads as spans. What is accepted is UTF-8, every value lies inside
 * of what holds it, is read alone as the same value, gives a text that is UTF-8, and is found under its own
 * name; writing it with no change gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "json.h"
#include "utf8.h"
#include "writer.h"

const char *const fuzz_words[] = {"{\"a\":",
                                  "\"infcode\":0",
                                  "[{",
                                  "}]",
                                  "\\ud83d\\ude00",
                                  "\\ud83d",
                                  "\\u0000",
                                  "\\/",
                                  "null",
                                  "-0.00",
                                  "1e9",
                                  "01",
                                  "\"\"",
                                  "\xef\xbb\xbf",
                                  "\xed\xa0\x80",
                                  "}{",
                                  ",,",
                                  "\"a\":1,\"\\u0061\":2",
                                  NULL};

static void
value_must_hold(const struct json *json, int node)
{
    struct fep_error error = {0};
    struct fep_bytes raw = doc_raw(json, node);
    enum json_type type = doc_type_of(json, node);
    char *room = malloc(raw.size + 8);
    struct json alone;
    must(room != NULL, "memory");
    must(raw.size > 0 && raw.data >= (const unsigned char *)json->text &&
             raw.data + raw.size <= (const unsigned char *)json->text + json->size,
         "a value lies in its text");
    long size = doc_text(json, node, room, raw.size + 8);
    must((size < 0) == (type == JSON_OBJECT || type == JSON_ARRAY), "only containers have no text");
    must(size <= 0 || (utf8_is_valid(room, (size_t)size, NULL) && strlen(room) == (size_t)size),
         "a text is UTF-8 without NUL");
    for (size_t short_of = 0; size > 0 && short_of <= (size_t)size && short_of < 8; short_of++)
        must(doc_text(json, node, room, short_of) < 0, "a text that does not fit is none");
    free(room);
    must(doc_parse(&alone, (const char *)raw.data, raw.size, &error) == 0 && doc_type_of(&alone, 0) == type,
         "a value is read alone as what it is");
    doc_finish(&alone);
}

static void
members_must_be_found(const struct json *json, int node)
{
    char name[128];
    uint32_t count = 0;
    for (int at = json->nodes[node].first; at >= 0; at = json->nodes[at].next, count++) {
        const struct json_node *member = &json->nodes[at];
        must(member->begin >= json->nodes[node].begin && member->end <= json->nodes[node].end,
             "a value lies in what holds it");
        if (json->nodes[node].type != JSON_OBJECT)
            continue;
        struct json_node key = {.type = JSON_STRING, .begin = member->key_begin, .end = member->key_end};
        const struct json one = {.text = json->text, .size = json->size, .nodes = &key, .count = 1};
        if (doc_text(&one, 0, name, sizeof name) >= 0)
            must(doc_member(json, node, name) == at, "a member is found under its name");
    }
    must(count == json->nodes[node].count, "what is counted is there");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json json;
    struct fep_error error = {0};
    if (size > 16384)
        return 0;
    char *text = fuzz_copy(data, size);
    if (doc_parse(&json, text, size, &error) == 0) {
        must(utf8_is_valid(text, size, NULL), "what is read is UTF-8");
        for (size_t i = 0; i < json.count; i++) {
            members_must_be_found(&json, (int)i);
            if (json.count <= 200)
                value_must_hold(&json, (int)i);
        }
        struct changes none = {0};
        struct writer out = {0};
        changes_write(&none, json.text, 0, json.size, &out);
        must(!out.failed && out.size == size && (size == 0 || memcmp(out.data, text, size) == 0),
             "no change leaves every byte");
        writer_free(&out);
        changes_free(&none);
        (void)doc_find_anywhere(&json, 0, "psn_no");
        (void)doc_find(&json, 0, "output.setlinfo.setl_id");
    } else {
        must_explain(&error);
    }
    doc_finish(&json);
    free(text);
    return 0;
}
