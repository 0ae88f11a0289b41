/* A strict JSON reader that only notes places. Must never recurse without bound, nor allocate by what a text
 * claims. Fails with what was expected and the byte; never quotes. */
#include "json_tree.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

struct reading {
    const char *text;
    size_t size, at;
    struct json_tree *tree;
    uint32_t room;
    struct fep_error *error;
};

static int
refuse(struct reading *reading, const char *expected)
{
    return error_set(reading->error, FEP_REFUSED, FEP_E_LOCAL_PROTOCOL, "JSON, byte %zu: expected %s",
                     reading->at, expected);
}

static void
skip_blanks(struct reading *reading)
{
    while (reading->at < reading->size) {
        char c = reading->text[reading->at];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            break;
        reading->at++;
    }
}

static bool
sees(const struct reading *reading, char c)
{
    return reading->at < reading->size && reading->text[reading->at] == c;
}

/* A new node's index, or 0. */
static uint32_t
add_node(struct reading *reading, enum json_kind kind)
{
    struct json_tree *tree = reading->tree;
    if (tree->count == reading->room) {
        uint32_t room = reading->room == 0 ? 64 : reading->room * 2;
        struct json_node *nodes =
            room > 2 * JSON_TREE_NODES ? NULL : realloc(tree->nodes, room * sizeof *nodes);
        if (nodes == NULL)
            return 0;
        tree->nodes = nodes;
        reading->room = room;
    }
    if (tree->count > JSON_TREE_NODES)
        return 0;
    tree->nodes[tree->count] = (struct json_node){.kind = (uint8_t)kind, .at = (uint32_t)reading->at};
    return tree->count++;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at `at`, or -1. */
static long
read_unit(const char *text, size_t rest)
{
    long unit = 0;
    if (rest < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* The character of an escape behind its backslash; *used bytes. -1: none such. */
static long
read_escape(const char *text, size_t rest, size_t *used)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    *used = 1;
    if (rest == 0)
        return -1;
    if (text[0] != 'u') {
        const char *place = text[0] != '\0' ? strchr(letters, text[0]) : NULL;
        return place != NULL ? (unsigned char)means[place - letters] : -1;
    }
    long unit = read_unit(text + 1, rest - 1);
    *used = 5;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit == 0 ? -1 : unit;
    if (unit > 0xDBFF || rest < 11 || text[5] != '\\' || text[6] != 'u')
        return -1;
    long low = read_unit(text + 7, rest - 7);
    *used = 11;
    return low < 0xDC00 || low > 0xDFFF ? -1 : 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* From quote to quote. *escaped is set if there is a backslash in it. */
static int
skip_text(struct reading *reading, bool *escaped)
{
    if (!sees(reading, '"'))
        return refuse(reading, "a text in double quotes");
    reading->at++;
    *escaped = false;
    while (reading->at < reading->size) {
        const char *here = reading->text + reading->at;
        size_t rest = reading->size - reading->at, used;
        unsigned char c = (unsigned char)*here;
        if (c == '"') {
            reading->at++;
            return 0;
        }
        if (c < 0x20)
            return refuse(reading, "no control character inside a text");
        if (c == '\\') {
            if (read_escape(here + 1, rest - 1, &used) < 0)
                return refuse(reading, "a legal escape");
            *escaped = true;
            reading->at += used + 1;
        } else if (c < 0x80) {
            reading->at++;
        } else if ((used = utf8_character(here, rest)) > 0) {
            reading->at += used;
        } else {
            return refuse(reading, "UTF-8");
        }
    }
    return refuse(reading, "the end of a text");
}

static bool
skip_digits(struct reading *reading)
{
    size_t from = reading->at;
    while (reading->at < reading->size && reading->text[reading->at] >= '0' &&
           reading->text[reading->at] <= '9')
        reading->at++;
    return reading->at > from;
}

static int
skip_number(struct reading *reading)
{
    if (sees(reading, '-'))
        reading->at++;
    if (sees(reading, '0'))
        reading->at++;
    else if (!skip_digits(reading))
        return refuse(reading, "a value");
    if (sees(reading, '.')) {
        reading->at++;
        if (!skip_digits(reading))
            return refuse(reading, "digits behind the point");
    }
    if (sees(reading, 'e') || sees(reading, 'E')) {
        reading->at++;
        if (sees(reading, '+') || sees(reading, '-'))
            reading->at++;
        if (!skip_digits(reading))
            return refuse(reading, "digits of an exponent");
    }
    return 0;
}

static int
skip_word(struct reading *reading, const char *word)
{
    size_t size = strlen(word);
    if (reading->size - reading->at < size || memcmp(reading->text + reading->at, word, size) != 0)
        return refuse(reading, "true, false or null");
    reading->at += size;
    return 0;
}

/* --- no member twice
 * ---------------------------------------------------------------------------------------------- */

static int
compare_names(const void *a, const void *b, void *arg)
{
    const struct json_tree *tree = arg;
    const struct json_node *left = &tree->nodes[*(const uint32_t *)a],
                           *right = &tree->nodes[*(const uint32_t *)b];
    size_t size = left->name_size < right->name_size ? left->name_size : right->name_size;
    int order = memcmp(tree->text + left->name_at, tree->text + right->name_at, size);
    if (order == 0)
        order = left->name_size < right->name_size ? -1 : left->name_size > right->name_size;
    return order;
}

/* 1: some name is there twice; 0: none; -1: no memory. */
static int
has_twins(struct json_tree *tree, uint32_t object)
{
    enum { FEW = 64 };
    uint32_t few[FEW], *all = few, count = 0, i = 0;
    for (uint32_t child = json_first(tree, object); child != JSON_NONE;
         child = json_next(tree, object, child))
        count++;
    if (count < 2)
        return 0;
    if (count > FEW && (all = malloc(count * sizeof *all)) == NULL)
        return -1;
    for (uint32_t child = json_first(tree, object); child != JSON_NONE;
         child = json_next(tree, object, child))
        all[i++] = child;
    qsort_r(all, count, sizeof *all, compare_names, tree);
    int found = 0;
    for (i = 1; i < count && !found; i++)
        found = compare_names(&all[i - 1], &all[i], tree) == 0;
    if (all != few)
        free(all);
    return found;
}

/* --- values
 * -------------------------------------------------------------------------------------------------------- */

static int read_value(struct reading *reading, unsigned depth, uint32_t *index);

static int
read_member(struct reading *reading, unsigned depth)
{
    bool escaped;
    uint32_t index;
    skip_blanks(reading);
    size_t name_at = reading->at + 1;
    if (skip_text(reading, &escaped) < 0)
        return -1;
    size_t name_size = reading->at - 1 - name_at;
    if (escaped)
        return refuse(reading, "a member name without escapes");
    skip_blanks(reading);
    if (!sees(reading, ':'))
        return refuse(reading, "a colon");
    reading->at++;
    if (read_value(reading, depth, &index) < 0)
        return -1;
    reading->tree->nodes[index].name_at = (uint32_t)name_at;
    reading->tree->nodes[index].name_size = (uint32_t)name_size;
    return 0;
}

static int
read_inside(struct reading *reading, unsigned depth, uint32_t parent)
{
    bool object = reading->tree->nodes[parent].kind == JSON_OBJECT;
    char end = object ? '}' : ']';
    uint32_t index;
    reading->at++;
    skip_blanks(reading);
    if (sees(reading, end)) {
        reading->at++;
        return 0;
    }
    for (;;) {
        if ((object ? read_member(reading, depth) : read_value(reading, depth, &index)) < 0)
            return -1;
        skip_blanks(reading);
        if (sees(reading, end))
            break;
        if (!sees(reading, ','))
            return refuse(reading, object ? "a comma or a closing brace" : "a comma or a closing bracket");
        reading->at++;
    }
    reading->at++;
    return 0;
}

static int
read_value(struct reading *reading, unsigned depth, uint32_t *index)
{
    skip_blanks(reading);
    char c = reading->at < reading->size ? reading->text[reading->at] : '\0';
    enum json_kind kind = c == '{'               ? JSON_OBJECT
                          : c == '['             ? JSON_ARRAY
                          : c == '"'             ? JSON_TEXT
                          : c == 't' || c == 'f' ? JSON_BOOLEAN
                          : c == 'n'             ? JSON_NULL
                                                 : JSON_NUMBER;
    bool escaped = false;
    if (kind >= JSON_ARRAY && depth == JSON_TREE_DEPTH)
        return refuse(reading, "no deeper nesting");
    uint32_t own = add_node(reading, kind);
    if (own == 0)
        return refuse(reading, "fewer values (or there is no memory)");
    int status = 0;
    if (kind >= JSON_ARRAY)
        status = read_inside(reading, depth + 1, own);
    else if (kind == JSON_TEXT)
        status = skip_text(reading, &escaped);
    else if (kind == JSON_NUMBER)
        status = skip_number(reading);
    else
        status = skip_word(reading, c == 't' ? "true" : c == 'f' ? "false" : "null");
    if (status < 0)
        return -1;
    struct json_node *node = &reading->tree->nodes[own];
    node->size = (uint32_t)reading->at - node->at;
    node->after = reading->tree->count;
    node->escaped = escaped;
    *index = own;
    if (kind == JSON_OBJECT && has_twins(reading->tree, own) != 0)
        return refuse(reading, "no member twice");
    return 0;
}

int
json_tree_read(struct json_tree *tree, const char *text, size_t size, struct fep_error *error)
{
    struct reading reading = {.text = text, .size = size, .tree = tree, .error = error};
    uint32_t root;
    *tree = (struct json_tree){.text = text};
    if (size > INT32_MAX)
        return refuse(&reading, "a smaller text");
    tree->count = 0;
    tree->nodes = malloc(64 * sizeof *tree->nodes);
    if (tree->nodes == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "reading JSON");
    reading.room = 64;
    tree->nodes[tree->count++] = (struct json_node){.kind = JSON_NULL};
    if (read_value(&reading, 0, &root) < 0)
        return -1;
    skip_blanks(&reading);
    return reading.at == size ? 0 : refuse(&reading, "nothing behind the value");
}

void
json_tree_finish(struct json_tree *tree)
{
    free(tree->nodes);
    *tree = (struct json_tree){0};
}

/* --- looking
 * ------------------------------------------------------------------------------------------------------- */

uint32_t
json_first(const struct json_tree *tree, uint32_t parent)
{
    const struct json_node *node = &tree->nodes[parent];
    return node->kind >= JSON_ARRAY && node->after > parent + 1 ? parent + 1 : JSON_NONE;
}

uint32_t
json_next(const struct json_tree *tree, uint32_t parent, uint32_t child)
{
    uint32_t next = tree->nodes[child].after;
    return next < tree->nodes[parent].after ? next : JSON_NONE;
}

uint32_t
json_find(const struct json_tree *tree, uint32_t object, const char *name)
{
    size_t size = strlen(name);
    if (tree->nodes[object].kind != JSON_OBJECT)
        return JSON_NONE;
    for (uint32_t child = json_first(tree, object); child != JSON_NONE;
         child = json_next(tree, object, child))
        if (tree->nodes[child].name_size == size &&
            memcmp(tree->text + tree->nodes[child].name_at, name, size) == 0)
            return child;
    return JSON_NONE;
}

bool
json_is_empty(const struct json_tree *tree, uint32_t node)
{
    const struct json_node *value = &tree->nodes[node];
    return value->kind == JSON_NULL || (value->kind == JSON_TEXT && value->size == 2) ||
           (value->kind == JSON_ARRAY && json_first(tree, node) == JSON_NONE);
}

static size_t
put_character(long c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

long
json_copy_text(const struct json_tree *tree, uint32_t node, char *out, size_t out_size)
{
    const struct json_node *value = &tree->nodes[node];
    const char *from = tree->text + value->at;
    size_t size = value->size, written = 0;
    if (value->kind >= JSON_ARRAY || value->kind == JSON_NULL)
        return -1;
    if (value->kind == JSON_TEXT) {
        from++;
        size -= 2;
    }
    if (size > out_size && !value->escaped)
        return -1;
    if (!value->escaped) {
        memcpy(out, from, size);
        return (long)size;
    }
    for (size_t i = 0; i < size;) { /* an escape is never shorter than what it means */
        if (out_size - written < 4)
            return -1;
        if (from[i] != '\\') {
            out[written++] = from[i++];
            continue;
        }
        size_t used;
        long c = read_escape(from + i + 1, size - i - 1, &used);
        if (c < 0)
            return -1;
        written += put_character(c, out + written);
        i += used + 1;
    }
    return (long)written;
}
