/* Trees of json-c behind a strict lexical check. Must never put an amount through floating point: numbers are
 * read and written as the text they are. */
#include "canonical.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "json_check.h"

struct json_object *
canonical_parse(struct slice body, struct fep_error *error)
{
    if (body.size == 0) {
        struct json_object *empty = json_object_new_object();
        if (empty == NULL)
            error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a body");
        return empty;
    }
    if (body.size > INT32_MAX || json_check((const char *)body.data, body.size, error) < 0)
        return NULL;
    struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
    struct json_object *tree = NULL;
    if (tokener != NULL) {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        tree = json_tokener_parse_ex(tokener, (const char *)body.data, (int)body.size);
        /* A lone number at the end of the bytes might go on; no other text is left waiting. */
        if (tree != NULL && json_tokener_get_error(tokener) != json_tokener_success) {
            json_object_put(tree);
            tree = NULL;
        }
        json_tokener_free(tokener);
    }
    if (tree == NULL || json_object_get_type(tree) != json_type_object) {
        json_object_put(tree);
        error_set(error, FEP_REFUSED, FEP_E_MALFORMED_REQUEST, "the body is not a JSON object");
        return NULL;
    }
    return tree;
}

int
canonical_write(struct json_object *tree, struct slice *body, struct fep_error *error)
{
    size_t size = 0;
    const char *text = json_object_to_json_string_length(
        tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    *body = text != NULL ? slice_copy(text, size) : SLICE_NONE;
    return body->data != NULL ? 0 : error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a body");
}

size_t
canonical_count(struct json_object *node)
{
    if (json_object_get_type(node) == json_type_array)
        return json_object_array_length(node);
    return json_object_get_type(node) == json_type_object ? 1 : 0;
}

struct json_object *
canonical_element(struct json_object *node, size_t place)
{
    return json_object_get_type(node) == json_type_array ? json_object_array_get_idx(node, place) : node;
}

struct json_object *
canonical_member(struct json_object *node, const char *name)
{
    struct json_object *member = NULL;
    if (json_object_get_type(node) == json_type_array)
        node = json_object_array_get_idx(node, 0);
    if (json_object_get_type(node) != json_type_object || !json_object_object_get_ex(node, name, &member))
        return NULL;
    return member;
}

static bool
is_text(struct json_object *node, const char *wanted)
{
    struct fep_bytes text;
    return canonical_text(node, &text) && strlen(wanted) == text.size &&
           memcmp(text.data, wanted, text.size) == 0;
}

/* The first wanted value that any element has decides, not the first element that has any wanted value. */
static struct json_object *
select_element(struct json_object *node, const struct path_step *step)
{
    size_t count = canonical_count(node);
    for (size_t value = 0; value < step->value_count; value++) {
        for (size_t i = 0; i < count; i++) {
            struct json_object *element = canonical_element(node, i);
            if (is_text(canonical_member(element, step->select), step->values[value]))
                return element;
        }
    }
    return count > 0 ? canonical_element(node, 0) : NULL;
}

struct json_object *
canonical_find(struct json_object *node, const struct path *path)
{
    for (size_t i = 0; node != NULL && i < path->count; i++) {
        const struct path_step *step = &path->steps[i];
        node = canonical_member(node, step->name);
        if (step->select != NULL)
            node = select_element(node, step);
    }
    return node;
}

static struct json_object *
add_object(struct json_object *node, const char *name)
{
    struct json_object *child = json_object_new_object();
    if (child != NULL && json_object_object_add(node, name, child) != 0) {
        json_object_put(child);
        return NULL;
    }
    return child;
}

int
canonical_set(struct json_object *node, const struct path *path, struct json_object *value)
{
    for (size_t i = 0; value != NULL && node != NULL && i < path->count; i++) {
        const char *name = path->steps[i].name;
        if (json_object_get_type(node) == json_type_array)
            node = json_object_array_get_idx(node, 0);
        if (json_object_get_type(node) != json_type_object)
            break;
        if (i + 1 == path->count) {
            if (json_object_object_add(node, name, value) == 0)
                return 0;
            break;
        }
        struct json_object *child = canonical_member(node, name);
        node = child != NULL ? child : add_object(node, name);
    }
    json_object_put(value);
    return -1;
}

bool
canonical_text(struct json_object *node, struct fep_bytes *text)
{
    *text = (struct fep_bytes){NULL, 0};
    switch (json_object_get_type(node)) {
    case json_type_null:
        return true;
    case json_type_string:
        text->data = (const unsigned char *)json_object_get_string(node);
        text->size = (size_t)json_object_get_string_len(node);
        return true;
    case json_type_int:
    case json_type_double: {
        const char *number = json_object_get_string(node);
        if (number == NULL)
            return false;
        text->data = (const unsigned char *)number;
        text->size = strlen(number);
        return true;
    }
    case json_type_array:
        return json_object_array_length(node) > 0 && canonical_text(json_object_array_get_idx(node, 0), text);
    default:
        return false;
    }
}

struct json_object *
canonical_new_number(const char *text)
{
    /* The double is never used: json-c writes the text it is given beside it. */
    return json_object_new_double_s(strtod(text, NULL), text);
}
