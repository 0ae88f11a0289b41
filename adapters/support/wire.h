/* Fields by name, and the facts of a mapping file's group `wire`. Host's thread only. */
#ifndef FEP_SUPPORT_WIRE_H
#define FEP_SUPPORT_WIRE_H

#include <stddef.h>

#include <fep/adapter.h>

/* Index of a plain field by name, or -1. */
int find_field(const struct fep_layout *layout, const char *name);
/* The value of a plain field; empty if there is no such field. */
struct fep_bytes get_field(const struct fep_host *host, const struct fep_record *record, const char *name);
/* Copied into `out` as a string. Returns its size, or -1 if it does not fit. */
int copy_field(const struct fep_host *host, const struct fep_record *record, const char *name, char *out,
               size_t out_size);
/* 0; negative if there is no such field or no memory. */
int set_field(const struct fep_host *host, struct fep_record *record, const char *name, const char *text);
bool bytes_equal(struct fep_bytes bytes, const char *text);

/* The text under `wire`, or NULL. */
const char *wire_text(const struct fep_host *host, const char *key);
/* One of them that a module keeps as a member (const char *) of its own struct, under the same name. */
struct wire_fact {
    const char *name;
    size_t offset;
    bool required;
};
#define WIRE_FACT(type, member, needed)                                                                      \
    {                                                                                                        \
#member, offsetof(type, member), needed                                                              \
    }
/* Sets all members of `wire`, NULL where the mapping does not have the key; negative with the error if it is
 * required. */
int wire_read(const struct fep_host *host, const struct wire_fact *facts, size_t count, void *wire,
              struct fep_error *error);
/* Is `word` (size bytes) one of the blank-separated words of `list`? NULL is an empty list. */
bool list_has(const char *list, const char *word, size_t size);
/* The next blank-separated word from *at on; false at the end. Advances *at. */
bool next_word(const char **at, const char **word, size_t *size);

/* Fills an error; always -1. */
int set_error(struct fep_error *error, enum fep_kind kind, unsigned code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Copies at most size - 1 bytes, cut at a UTF-8 character. */
void copy_text(char *out, size_t size, const char *text, size_t text_size);

#endif
