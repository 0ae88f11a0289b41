/* Builds what is signed out of a JSON tree. Must never change a digit of a number. Fails with -1; what was
 * appended then is of no use. */
#include "text.h"

#include <iconv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

struct builder {
    const struct seal_text *rules;
    const struct json_tree *tree;
    uint32_t *
        scratch; /* children of the objects that are open, one behind the other; as many as there are nodes */
    uint32_t used;
    struct bytes *out;
};

/* --- one JSON text
 * -------------------------------------------------------------------------------------------------- */

static void
add_unicode(struct builder *builder, unsigned unit)
{
    const char *digits =
        builder->rules->escapes == SEAL_ESCAPES_UNICODE_UPPER ? "0123456789ABCDEF" : "0123456789abcdef";
    char escape[6] = {'\\',
                      'u',
                      digits[unit >> 12 & 15],
                      digits[unit >> 8 & 15],
                      digits[unit >> 4 & 15],
                      digits[unit & 15]};
    bytes_add(builder->out, escape, sizeof escape);
}

static void
add_ascii(struct builder *builder, char c)
{
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *place = c != '\0' ? strchr(special, c) : NULL;
    if (place != NULL) {
        char escape[2] = {'\\', letters[place - special]};
        bytes_add(builder->out, escape, 2);
    } else if ((unsigned char)c < 0x20) {
        add_unicode(builder, (unsigned char)c);
    } else if (c == '/' && builder->rules->escapes == SEAL_ESCAPES_SLASH) {
        bytes_add(builder->out, "\\/", 2);
    } else {
        bytes_add(builder->out, &c, 1);
    }
}

static void
add_wide(struct builder *builder, const char *text, size_t size)
{
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    if (builder->rules->escapes != SEAL_ESCAPES_UNICODE &&
        builder->rules->escapes != SEAL_ESCAPES_UNICODE_UPPER) {
        bytes_add(builder->out, text, size);
        return;
    }
    unsigned c = (unsigned char)text[0] & mask[size];
    for (size_t i = 1; i < size; i++)
        c = c << 6 | ((unsigned char)text[i] & 63);
    if (c < 0x10000) {
        add_unicode(builder, c);
    } else {
        add_unicode(builder, 0xD800 + ((c - 0x10000) >> 10));
        add_unicode(builder, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
}

static void
add_content(struct builder *builder, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = utf8_character(text + i, size - i);
        if (length <= 1)
            add_ascii(builder, text[i]);
        else
            add_wide(builder, text + i, length);
        i += length > 0 ? length : 1;
    }
}

static void
add_json_text(struct builder *builder, uint32_t node)
{
    const struct json_node *value = &builder->tree->nodes[node];
    if (!value->escaped && builder->rules->escapes == SEAL_ESCAPES_NONE) {
        bytes_add(builder->out, builder->tree->text + value->at, value->size);
        return;
    }
    size_t room = (size_t)value->size + 4;
    char *content = malloc(room);
    long size = content != NULL ? json_copy_text(builder->tree, node, content, room) : -1;
    if (size < 0) {
        builder->out->failed = true;
    } else {
        bytes_add(builder->out, "\"", 1);
        add_content(builder, content, (size_t)size);
        bytes_add(builder->out, "\"", 1);
        explicit_bzero(content, (size_t)size);
    }
    free(content);
}

/* --- order
 * ------------------------------------------------------------------------------------------------------------
 */

static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

static int
compare_members(const void *a, const void *b, void *arg)
{
    const struct builder *builder = arg;
    const struct json_node *left = &builder->tree->nodes[*(const uint32_t *)a];
    const struct json_node *right = &builder->tree->nodes[*(const uint32_t *)b];
    const char *one = builder->tree->text + left->name_at, *other = builder->tree->text + right->name_at;
    size_t size = left->name_size < right->name_size ? left->name_size : right->name_size;
    int order = 0;
    for (size_t i = 0; builder->rules->order == SEAL_ORDER_CASELESS && i < size && order == 0; i++)
        order = lower(one[i]) - lower(other[i]);
    if (builder->rules->order == SEAL_ORDER_CASELESS && order == 0)
        order = left->name_size < right->name_size ? -1 : left->name_size > right->name_size;
    if (order == 0)
        order = memcmp(one, other, size);
    if (order == 0)
        order = left->name_size < right->name_size ? -1 : left->name_size > right->name_size;
    return order;
}

static bool
is_dropped(const struct builder *builder, uint32_t node, bool in_force)
{
    switch (in_force ? builder->rules->empties : (uint32_t)SEAL_EMPTIES_KEEP) {
    case SEAL_EMPTIES_DROP:
        return json_is_empty(builder->tree, node);
    case SEAL_EMPTIES_DROP_NULL:
        return builder->tree->nodes[node].kind == JSON_NULL;
    default:
        return false;
    }
}

static void
sort_members(struct builder *builder, uint32_t *members, uint32_t count)
{
    if (builder->rules->order != SEAL_ORDER_GIVEN && count > 1)
        qsort_r(members, count, sizeof *members, compare_members, builder);
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------
 */

static void add_json(struct builder *builder, uint32_t node, unsigned level);

static void
add_object(struct builder *builder, uint32_t node, unsigned level)
{
    const struct json_tree *tree = builder->tree;
    bool in_force = level == 0 || builder->rules->depth == SEAL_DEPTH_ALL;
    uint32_t *members = builder->scratch + builder->used, count = 0;
    for (uint32_t child = json_first(tree, node); child != JSON_NONE; child = json_next(tree, node, child))
        if (!is_dropped(builder, child, in_force) &&
            !(level == 0 &&
              text_leaves(builder->rules, tree->text + tree->nodes[child].name_at,
                          tree->nodes[child].name_size) &&
              builder->rules->style == SEAL_JSON))
            members[count++] = child;
    builder->used += count;
    sort_members(builder, members, count);
    bytes_add(builder->out, "{", 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct json_node *member = &tree->nodes[members[i]];
        bytes_add(builder->out, i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1);
        add_content(builder, tree->text + member->name_at, member->name_size);
        bytes_add(builder->out, "\":", 2);
        add_json(builder, members[i], level + 1);
    }
    bytes_add(builder->out, "}", 1);
    builder->used -= count;
}

/* `level`: how many objects and arrays are around the value. */
static void
add_json(struct builder *builder, uint32_t node, unsigned level)
{
    const struct json_tree *tree = builder->tree;
    const struct json_node *value = &tree->nodes[node];
    bool in_force = level <= 1 || builder->rules->depth == SEAL_DEPTH_ALL;
    bool quoted = builder->rules->numbers == SEAL_NUMBERS_QUOTED && in_force &&
                  (value->kind == JSON_NUMBER || value->kind == JSON_BOOLEAN);
    switch (value->kind) {
    case JSON_OBJECT:
        add_object(builder, node, level);
        break;
    case JSON_ARRAY:
        bytes_add(builder->out, "[", 1);
        for (uint32_t child = json_first(tree, node); child != JSON_NONE;
             child = json_next(tree, node, child)) {
            if (child != node + 1)
                bytes_add(builder->out, ",", 1);
            add_json(builder, child, level + 1);
        }
        bytes_add(builder->out, "]", 1);
        break;
    case JSON_TEXT:
        add_json_text(builder, node);
        break;
    default:
        bytes_add(builder->out, "\"", quoted);
        bytes_add(builder->out, tree->text + value->at, value->size);
        bytes_add(builder->out, "\"", quoted);
    }
}

bool
text_leaves(const struct seal_text *rules, const char *name, size_t size)
{
    for (size_t i = 0; i < rules->leaving_count; i++)
        if (strlen(rules->leaving[i]) == size && memcmp(rules->leaving[i], name, size) == 0)
            return true;
    return false;
}

/* A text stands without quotes and escapes, all else as JSON. */
static void
add_bare(struct builder *builder, uint32_t node)
{
    const struct json_node *value = &builder->tree->nodes[node];
    if (value->kind >= JSON_ARRAY) {
        add_json(builder, node, 0);
        return;
    }
    char *place = bytes_reserve(builder->out, (size_t)value->size + 4);
    if (place == NULL)
        return;
    long size =
        value->kind == JSON_NULL ? 0 : json_copy_text(builder->tree, node, place, (size_t)value->size + 4);
    if (size < 0)
        builder->out->failed = true;
    else
        builder->out->size += (size_t)size;
    if (builder->out->data != NULL)
        builder->out->data[builder->out->size] = '\0';
}

static void
add_outer(struct builder *builder, uint32_t node)
{
    const struct json_tree *tree = builder->tree;
    bool pairs = builder->rules->style == SEAL_PAIRS;
    uint32_t *members = builder->scratch, count = 0;
    for (uint32_t child = json_first(tree, node); child != JSON_NONE; child = json_next(tree, node, child))
        if (tree->nodes[child].kind != JSON_NULL && !is_dropped(builder, child, true) &&
            !text_leaves(builder->rules, tree->text + tree->nodes[child].name_at,
                         tree->nodes[child].name_size))
            members[count++] = child;
    builder->used += count;
    sort_members(builder, members, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct json_node *member = &tree->nodes[members[i]];
        if (pairs) {
            bytes_add(builder->out, "&", i > 0);
            bytes_add(builder->out, tree->text + member->name_at, member->name_size);
            bytes_add(builder->out, "=", 1);
        }
        add_bare(builder, members[i]);
    }
    builder->used -= count;
}

/* --- charset
 * ------------------------------------------------------------------------------------------------------------
 */

/* What stands in `out` from `from` on becomes GBK. */
static int
recode(struct bytes *out, size_t from, struct fep_error *error)
{
    size_t size = out->size - from, left = size, room = size * 2 + 4;
    char *in = out->data + from, *copy = malloc(room), *place = copy;
    size_t space = room;
    iconv_t cd = iconv_open("GBK", "UTF-8");
    int status = 0;
    if (copy == NULL || cd == (iconv_t)-1) {
        status = error_set(error, 0, FEP_E_NO_MEMORY, "writing GBK");
    } else if (iconv(cd, &in, &left, &place, &space) == (size_t)-1) {
        status = error_set(error, FEP_REFUSED, FEP_E_LOCAL_PROTOCOL, "a character that GBK does not have");
    } else {
        out->size = from;
        bytes_add(out, copy, room - space);
    }
    if (copy != NULL)
        explicit_bzero(copy, room);
    free(copy);
    if (cd != (iconv_t)-1)
        iconv_close(cd);
    return status;
}

int
text_build(const struct seal_text *rules, const struct json_tree *tree, uint32_t node,
           struct fep_bytes secret, struct bytes *out, struct fep_error *error)
{
    struct builder builder = {.rules = rules, .tree = tree, .out = out};
    const struct json_node *value = &tree->nodes[node];
    size_t from = out->size;
    builder.scratch = malloc((size_t)tree->count * sizeof *builder.scratch);
    if (builder.scratch == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "building what is signed");
    if (rules->style == SEAL_RAW)
        bytes_add(out, tree->text + value->at, value->size);
    else if (rules->style == SEAL_JSON || value->kind != JSON_OBJECT)
        add_json(&builder, node, 0);
    else
        add_outer(&builder, node);
    free(builder.scratch);
    if (rules->secret != SEAL_SECRET_NONE) {
        bytes_add_text(out, rules->secret_prefix);
        bytes_add(out, secret.data, secret.size);
    }
    if (out->failed)
        return error_set(error, 0, FEP_E_NO_MEMORY, "building what is signed");
    return rules->charset == SEAL_GBK ? recode(out, from, error) : 0;
}
