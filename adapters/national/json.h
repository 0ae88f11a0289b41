/* JSON text as spans: who reads a value gets its bytes as they stand, who changes one changes nothing beside it. So a
 * decimal keeps its digits, an unknown member its place, a signature its last character. Pure. Threads: any, one per
 * document. */
#ifndef FEP_NATIONAL_JSON_H
#define FEP_NATIONAL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fep/adapter.h>

enum { JSON_MAX_DEPTH = 32, JSON_MAX_NODES = 200000, JSON_MAX_MEMBERS = 256, JSON_MAX_NUMBER = 40 };

enum json_type { JSON_NULL = 1, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
    uint32_t type;               /* enum json_type */
    uint32_t begin, end;         /* the whole value; of a string with its quotes */
    uint32_t key_begin, key_end; /* of a member: its name with quotes */
    uint32_t count;              /* members or elements */
    int32_t first, next;         /* -1: none */
};

struct json {
    const char *text; /* not owned; must live as long as the document */
    size_t size;
    struct json_node *nodes; /* [0] is the document */
    size_t count, room;
};

/* Strict: one value and white space; no NaN, comments, single quotes, lone surrogates, broken UTF-8, names twice in an
 * object; bounds as above. 0, or -1 with the error (code 1001, or 9001 without memory); finish it in any case. */
int doc_parse(struct json *json, const char *text, size_t size, struct fep_error *error);
void doc_finish(struct json *json);

/* The member of that name, -1 if there is none or `node` is no object (also -1). */
int doc_member(const struct json *json, int node, const char *name);
/* "a.b.c" from `node`; an array on the way stands for its first element. -1: not there. */
int doc_find(const struct json *json, int node, const char *path);
/* The first member of that name that is not empty, here or in any object or first array element below. -1: none. */
int doc_find_anywhere(const struct json *json, int node, const char *name);
/* Missing (-1), null or "": the same to this interface. */
bool doc_is_empty(const struct json *json, int node);
enum json_type doc_type_of(const struct json *json, int node); /* JSON_NULL for -1 */
/* The value as it stands; empty for -1. */
struct fep_bytes doc_raw(const struct json *json, int node);
/* A string without its escapes, a number or a flag as it stands, with NUL. The length; 0 if it is missing or null, -1 if
 * it is an object or an array, or does not fit. */
long doc_text(const struct json *json, int node, char *out, size_t room);

#endif
