/* Canonical bodies as trees: parse strictly, walk paths, write. Amounts keep their digits. */
#ifndef FEP_CANONICAL_H
#define FEP_CANONICAL_H

#include <json-c/json.h>

#include "buffer.h"
#include "model.h"

/* NULL with the error filled; an empty slice is an empty object. The caller puts the tree. */
struct json_object *canonical_parse(struct slice body, struct fep_error *error);
/* Deterministic: members in the order in which they were set. */
int canonical_write(struct json_object *tree, struct slice *body, struct fep_error *error);

/* The node at a path below `node`, arrays as schema/mapping.md says; NULL if there is none. Borrowed. */
struct json_object *canonical_find(struct json_object *node, const struct path *path);
/* Sets the node at a path, creating objects on the way; takes `value`. Negative: no memory, or the path meets
 * a value. */
int canonical_set(struct json_object *node, const struct path *path, struct json_object *value);
/* The member `name` of an object node, or of the first element of an array; NULL if none. */
struct json_object *canonical_member(struct json_object *node, const char *name);
/* A value's text: strings and numbers as written, null as nothing. false: not a plain value. Valid with the
 * node. */
bool canonical_text(struct json_object *node, struct fep_bytes *text);
/* Elements of an array; an object counts as one, nothing as none. */
size_t canonical_count(struct json_object *node);
struct json_object *canonical_element(struct json_object *node, size_t place);
struct json_object *canonical_new_number(const char *text); /* keeps the digits; NULL without memory */

#endif
