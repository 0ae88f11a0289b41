/* A JSON text as a tree of places in it: nothing is copied or changed, so that what is not concerned keeps its bytes,
 * digits and order. The text must outlive the tree. */
#ifndef FEP_SEAL_JSON_TREE_H
#define FEP_SEAL_JSON_TREE_H

#include <fep/adapter.h>

enum json_kind { JSON_NULL = 0, JSON_BOOLEAN, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };
enum { JSON_NONE = 0, JSON_TREE_DEPTH = 32, JSON_TREE_NODES = 400000 };

struct json_node {
    uint32_t at, size;           /* the value in the text, a text with its quotes */
    uint32_t name_at, name_size; /* member name without quotes; members of objects only */
    uint32_t after;              /* index of the first node that is not inside this one */
    uint8_t kind;
    bool escaped; /* a text with a backslash in it */
};
struct json_tree {
    const char *text;
    struct json_node *nodes; /* nodes[0] is nobody, nodes[1] the root, then all inside, in order */
    uint32_t count;
};

/* Reads one strict JSON text (blanks around it allowed): legal UTF-8, no member twice, member names without escapes,
 * depth and nodes bounded. 0, or -1 with an error that tells the byte. json_tree_finish in both cases. */
int json_tree_read(struct json_tree *tree, const char *text, size_t size, struct fep_error *error);
void json_tree_finish(struct json_tree *tree);

/* The member of an object, or JSON_NONE. */
uint32_t json_find(const struct json_tree *tree, uint32_t object, const char *name);
/* The first member or element, and the next one; JSON_NONE at the end. */
uint32_t json_first(const struct json_tree *tree, uint32_t parent);
uint32_t json_next(const struct json_tree *tree, uint32_t parent, uint32_t child);
/* null, "", or []. */
bool json_is_empty(const struct json_tree *tree, uint32_t node);
/* The content of a text without its escapes (at most node size bytes, no NUL behind it), or the letters of a number or
 * boolean. Bytes written, or -1: out too small, or of another kind. */
long json_copy_text(const struct json_tree *tree, uint32_t node, char *out, size_t out_size);

#endif
