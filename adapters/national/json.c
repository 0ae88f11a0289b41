/* Reads JSON into spans over its text.
 *
 * Must never accept what two readers could understand differently (a name twice, a lone surrogate, text
 * behind the end), recurse, or grow beyond its bounds. Fails with 1001 and the place, never with a value.
 */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct json *json;
    size_t at;
    const char *trouble;
};

static int
set_error(struct fep_error *error, unsigned code, const char *what, size_t at)
{
    memset(error, 0, sizeof *error);
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s at byte %zu", what, at);
    return -1;
}

static int
fail(struct reader *reader, const char *trouble)
{
    if (reader->trouble == NULL)
        reader->trouble = trouble;
    return -1;
}

static int
add_node(struct reader *reader, uint32_t type)
{
    struct json *json = reader->json;
    if (json->count == json->room) {
        size_t room = json->room == 0 ? 64 : json->room * 2;
        struct json_node *grown =
            json->count >= JSON_MAX_NODES ? NULL : realloc(json->nodes, room * sizeof *grown);
        if (grown == NULL)
            return fail(reader, json->count >= JSON_MAX_NODES ? "too many values" : "no memory");
        json->nodes = grown;
        json->room = room;
    }
    json->nodes[json->count] =
        (struct json_node){.type = type, .begin = (uint32_t)reader->at, .first = -1, .next = -1};
    return (int)json->count++;
}

static void
skip_blanks(struct reader *reader)
{
    const struct json *json = reader->json;
    while (reader->at < json->size && strchr(" \t\r\n", json->text[reader->at]) != NULL &&
           json->text[reader->at] != '\0')
        reader->at++;
}

static int
hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits; -1 if they are none. */
static long
read_hex4(const char *text, size_t left)
{
    long value = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < left ? hex_value(text[i]) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Bytes of the UTF-8 character, 0 if it is none (overlong, surrogate, cut). */
static size_t
utf8_length(const unsigned char *at, size_t left)
{
    size_t size = at[0] < 0x80                    ? 1
                  : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                  : (at[0] & 0xf0) == 0xe0        ? 3
                  : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                  : 0;
    if (size == 0 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    bool bad = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
               (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90);
    return bad ? 0 : size;
}

/* Behind a backslash; the bytes it takes, 0 if it is no escape. */
static size_t
escape_length(const char *at, size_t left)
{
    if (left == 0)
        return 0;
    if (at[0] != 'u')
        return at[0] != '\0' && strchr("\"\\/bfnrt", at[0]) != NULL ? 1 : 0;
    long unit = read_hex4(at + 1, left - 1);
    if (unit <= 0 || (unit >= 0xdc00 && unit < 0xe000))
        return 0;
    if (unit < 0xd800 || unit >= 0xe000)
        return 5;
    long low = left >= 11 && at[5] == '\\' && at[6] == 'u' ? read_hex4(at + 7, left - 7) : -1;
    return low >= 0xdc00 && low < 0xe000 ? 11 : 0;
}

/* At the opening quote; moves behind the closing one. */
static int
skip_string(struct reader *reader)
{
    const struct json *json = reader->json;
    for (reader->at++; reader->at < json->size;) {
        char c = json->text[reader->at];
        size_t step;
        if (c == '"') {
            reader->at++;
            return 0;
        }
        if ((unsigned char)c < 0x20)
            return fail(reader, "a control character in a string");
        if (c == '\\')
            step = escape_length(json->text + reader->at + 1, json->size - reader->at - 1);
        else
            step = utf8_length((const unsigned char *)json->text + reader->at, json->size - reader->at);
        if (step == 0)
            return fail(reader, c == '\\' ? "an escape that is none" : "bytes that are no UTF-8");
        reader->at += c == '\\' ? step + 1 : step;
    }
    return fail(reader, "a string without end");
}

static size_t
skip_digits(struct reader *reader)
{
    size_t begin = reader->at;
    while (reader->at < reader->json->size && reader->json->text[reader->at] >= '0' &&
           reader->json->text[reader->at] <= '9')
        reader->at++;
    return reader->at - begin;
}

static char
look(const struct reader *reader)
{
    return reader->at < reader->json->size ? reader->json->text[reader->at] : '\0';
}

static int
skip_number(struct reader *reader)
{
    size_t begin = reader->at;
    if (look(reader) == '-')
        reader->at++;
    bool zero = look(reader) == '0';
    size_t digits = skip_digits(reader);
    if (digits == 0 || (zero && digits > 1))
        return fail(reader, "a number that is none");
    if (look(reader) == '.') {
        reader->at++;
        if (skip_digits(reader) == 0)
            return fail(reader, "a number that is none");
    }
    if (look(reader) == 'e' || look(reader) == 'E') {
        reader->at++;
        if (look(reader) == '+' || look(reader) == '-')
            reader->at++;
        if (skip_digits(reader) == 0)
            return fail(reader, "a number that is none");
    }
    return reader->at - begin <= JSON_MAX_NUMBER ? 0 : fail(reader, "a number with too many digits");
}

static int
skip_word(struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    if (reader->json->size - reader->at < size || memcmp(reader->json->text + reader->at, word, size) != 0)
        return fail(reader, "no JSON value");
    reader->at += size;
    return 0;
}

static bool
same_key(const struct json *json, const struct json_node *a, const struct json_node *b)
{
    char one[128], other[128];
    size_t size = a->key_end - a->key_begin;
    if (size == b->key_end - b->key_begin &&
        memcmp(json->text + a->key_begin, json->text + b->key_begin, size) == 0)
        return true;
    if (memchr(json->text + a->key_begin, '\\', size) == NULL &&
        memchr(json->text + b->key_begin, '\\', b->key_end - b->key_begin) == NULL)
        return false;
    struct json_node left = {.type = JSON_STRING, .begin = a->key_begin, .end = a->key_end},
                     right = {.type = JSON_STRING, .begin = b->key_begin, .end = b->key_end};
    const struct json keys = {
        .text = json->text, .size = json->size, .nodes = (struct json_node[]){left, right}, .count = 2};
    return doc_text(&keys, 0, one, sizeof one) < 0 || doc_text(&keys, 1, other, sizeof other) < 0 ||
           strcmp(one, other) == 0;
}

/* A name and its colon; the name's span goes to the value that follows. */
static int
read_key(struct reader *reader, uint32_t *begin, uint32_t *end)
{
    if (look(reader) != '"')
        return fail(reader, "no member name");
    *begin = (uint32_t)reader->at;
    if (skip_string(reader) < 0)
        return -1;
    *end = (uint32_t)reader->at;
    skip_blanks(reader);
    if (look(reader) != ':')
        return fail(reader, "no colon behind a member name");
    reader->at++;
    skip_blanks(reader);
    return 0;
}

static int
read_scalar(struct reader *reader, uint32_t type)
{
    switch (type) {
    case JSON_STRING:
        return skip_string(reader);
    case JSON_NUMBER:
        return skip_number(reader);
    default:
        return skip_word(reader, type == JSON_NULL ? "null" : type == JSON_TRUE ? "true" : "false");
    }
}

static uint32_t
type_at(const struct reader *reader)
{
    switch (look(reader)) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 'n':
        return JSON_NULL;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    default:
        return JSON_NUMBER;
    }
}

struct level {
    int node, last;
};

/* Puts a value into the container that is open. */
static int
link_node(struct reader *reader, struct level *level, int node)
{
    struct json_node *nodes = reader->json->nodes;
    struct json_node *parent = &nodes[level->node];
    if (parent->type == JSON_OBJECT) {
        if (parent->count >= JSON_MAX_MEMBERS)
            return fail(reader, "too many members in an object");
        for (int at = parent->first; at >= 0; at = nodes[at].next) {
            if (same_key(reader->json, &nodes[at], &nodes[node]))
                return fail(reader, "a member name twice");
        }
    }
    if (level->last < 0)
        parent->first = node;
    else
        nodes[level->last].next = node;
    level->last = node;
    parent->count++;
    return 0;
}

/* Behind a value: a comma and on, or the end of this container and of those around it. Returns the depth that
 * is open then, -1 on trouble. */
static int
close_levels(struct reader *reader, struct level *levels, int depth)
{
    struct json *json = reader->json;
    while (depth > 0) {
        bool object = json->nodes[levels[depth - 1].node].type == JSON_OBJECT;
        skip_blanks(reader);
        if (look(reader) == ',') {
            reader->at++;
            skip_blanks(reader);
            return depth;
        }
        if (look(reader) != (object ? '}' : ']'))
            return fail(reader, "neither a comma nor an end");
        reader->at++;
        json->nodes[levels[--depth].node].end = (uint32_t)reader->at;
    }
    return 0;
}

/* Opens a container; *closed when it is empty and already over. */
static int
open_level(struct reader *reader, struct level *levels, int *depth, int node, bool *closed)
{
    bool object = reader->json->nodes[node].type == JSON_OBJECT;
    *closed = false;
    if (*depth == JSON_MAX_DEPTH)
        return fail(reader, "nested too deep");
    reader->at++;
    skip_blanks(reader);
    if (look(reader) == (object ? '}' : ']')) {
        reader->at++;
        reader->json->nodes[node].end = (uint32_t)reader->at;
        *closed = true;
        return 0;
    }
    levels[(*depth)++] = (struct level){.node = node, .last = -1};
    return 0;
}

static int
read_value(struct reader *reader)
{
    struct level levels[JSON_MAX_DEPTH];
    struct json *json = reader->json;
    int depth = 0;
    do {
        uint32_t key_begin = 0, key_end = 0;
        struct level *level = depth > 0 ? &levels[depth - 1] : NULL;
        bool closed = true;
        if (level != NULL && json->nodes[level->node].type == JSON_OBJECT &&
            read_key(reader, &key_begin, &key_end) < 0)
            return -1;
        uint32_t type = type_at(reader);
        int node = add_node(reader, type);
        if (node < 0)
            return -1;
        json->nodes[node].key_begin = key_begin;
        json->nodes[node].key_end = key_end;
        if (level != NULL && link_node(reader, level, node) < 0)
            return -1;
        if (type == JSON_OBJECT || type == JSON_ARRAY) {
            if (open_level(reader, levels, &depth, node, &closed) < 0)
                return -1;
        } else {
            if (read_scalar(reader, type) < 0)
                return -1;
            json->nodes[node].end = (uint32_t)reader->at;
        }
        if (closed && (depth = close_levels(reader, levels, depth)) < 0)
            return -1;
    } while (depth > 0);
    return 0;
}

int
doc_parse(struct json *json, const char *text, size_t size, struct fep_error *error)
{
    struct reader reader = {.json = json};
    *json = (struct json){.text = text, .size = size};
    if (size > UINT32_MAX / 2)
        return set_error(error, 1001, "too long", size);
    skip_blanks(&reader);
    if (read_value(&reader) == 0) {
        skip_blanks(&reader);
        if (reader.at == size)
            return 0;
        (void)fail(&reader, "text behind the end");
    }
    return set_error(error, strcmp(reader.trouble, "no memory") == 0 ? 9001 : 1001, reader.trouble,
                     reader.at);
}

void
doc_finish(struct json *json)
{
    free(json->nodes);
    *json = (struct json){0};
}

int
doc_member(const struct json *json, int node, const char *name)
{
    size_t size = strlen(name);
    char text[128];
    if (node < 0 || json->nodes[node].type != JSON_OBJECT)
        return -1;
    for (int at = json->nodes[node].first; at >= 0; at = json->nodes[at].next) {
        const struct json_node *member = &json->nodes[at];
        size_t length = member->key_end - member->key_begin - 2;
        const char *key = json->text + member->key_begin + 1;
        if (length == size && memcmp(key, name, size) == 0)
            return at;
        if (memchr(key, '\\', length) == NULL)
            continue;
        struct json_node spelled = {.type = JSON_STRING, .begin = member->key_begin, .end = member->key_end};
        const struct json one = {.text = json->text, .size = json->size, .nodes = &spelled, .count = 1};
        if (doc_text(&one, 0, text, sizeof text) == (long)size && memcmp(text, name, size) == 0)
            return at;
    }
    return -1;
}

int
doc_find(const struct json *json, int node, const char *path)
{
    char name[128];
    while (node >= 0 && *path != '\0') {
        size_t size = strcspn(path, ".");
        if (size >= sizeof name)
            return -1;
        memcpy(name, path, size);
        name[size] = '\0';
        path += path[size] == '.' ? size + 1 : size;
        if (json->nodes[node].type == JSON_ARRAY)
            node = json->nodes[node].first;
        node = doc_member(json, node, name);
    }
    return node;
}

int
doc_find_anywhere(const struct json *json, int node, const char *name)
{
    int stack[JSON_MAX_MEMBERS], depth = 0;
    if (node >= 0)
        stack[depth++] = node;
    while (depth > 0) {
        int at = stack[--depth];
        if (json->nodes[at].type == JSON_ARRAY && json->nodes[at].first >= 0)
            at = json->nodes[at].first;
        int found = doc_member(json, at, name);
        if (!doc_is_empty(json, found))
            return found;
        for (int below = json->nodes[at].type == JSON_OBJECT ? json->nodes[at].first : -1; below >= 0;
             below = json->nodes[below].next) {
            bool holds = json->nodes[below].type == JSON_OBJECT || json->nodes[below].type == JSON_ARRAY;
            if (holds && depth < JSON_MAX_MEMBERS)
                stack[depth++] = below;
        }
    }
    return -1;
}

enum json_type
doc_type_of(const struct json *json, int node)
{
    return node < 0 ? JSON_NULL : (enum json_type)json->nodes[node].type;
}

bool
doc_is_empty(const struct json *json, int node)
{
    enum json_type type = doc_type_of(json, node);
    return type == JSON_NULL || (type == JSON_STRING && json->nodes[node].end - json->nodes[node].begin == 2);
}

struct fep_bytes
doc_raw(const struct json *json, int node)
{
    if (node < 0)
        return (struct fep_bytes){NULL, 0};
    const struct json_node *at = &json->nodes[node];
    return (struct fep_bytes){(const unsigned char *)json->text + at->begin, at->end - at->begin};
}

static size_t
write_utf8(unsigned long c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((size == 2 ? 0xc0u : size == 3 ? 0xe0u : 0xf0u) | c);
    return size;
}

/* One escape that was checked before, at the backslash; *taken its bytes. Returns bytes written (at most 4).
 */
static size_t
write_escape(const char *at, size_t *taken, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    *taken = 2;
    if (at[1] != 'u') {
        const char *place = strchr(from, at[1]);
        out[0] = place != NULL ? to[place - from] : at[1];
        return 1;
    }
    unsigned long unit = (unsigned long)read_hex4(at + 2, 4);
    *taken = 6;
    if (unit >= 0xd800 && unit < 0xdc00) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + ((unsigned long)read_hex4(at + 8, 4) - 0xdc00);
        *taken = 12;
    }
    return write_utf8(unit, out);
}

long
doc_text(const struct json *json, int node, char *out, size_t room)
{
    enum json_type type = doc_type_of(json, node);
    size_t used = 0;
    if (room > 0)
        out[0] = '\0';
    if (type == JSON_NULL)
        return 0;
    if (type == JSON_OBJECT || type == JSON_ARRAY)
        return -1;
    size_t trim = type == JSON_STRING ? 1 : 0;
    const char *at = json->text + json->nodes[node].begin + trim,
               *end = json->text + json->nodes[node].end - trim;
    while (at < end) {
        size_t taken = 1;
        if (used + 5 > room && used + (size_t)(end - at) + 1 > room) {
            if (room > 0)
                out[0] = '\0';
            return -1;
        }
        if (*at == '\\')
            used += write_escape(at, &taken, out + used);
        else
            out[used++] = *at;
        at += taken;
    }
    out[used] = '\0';
    return (long)used;
}
