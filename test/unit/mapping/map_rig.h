/* Mappings for tests: the shipped files, or small ones made of parts. */
#ifndef MAP_RIG_H
#define MAP_RIG_H

#include <stdbool.h>

#include "mapping.h"

/* A shipped file under etc/mapping; fails the test with the first problem. */
struct mapping *rig_load_shipped(const char *name);

/* Writes `text` to a file and loads it. NULL if it has problems: they stand in rig_problems, one a line, the
 * file called "map.cfg". */
struct mapping *rig_load_text(const char *text);
extern char rig_problems[65536];
/* The same against tables; crosswalks are those shipped. */
struct mapping *rig_load_with(const char *text, const struct mapping_tables *tables);
/* Tables; their file is called "map.cfg" too. */
struct canonical_table *rig_load_canonical(const char *text);
struct wire_table *rig_load_wire(const char *text);
/* Where a file of that name stands beside the mapping. */
void rig_path(char out[128], const char *name);
/* A crosswalk beside it, "crosswalk.csv" for the mapping; NULL removes it. */
void rig_write_crosswalk(const char *text);
/* A small mapping that holds: `rules` are the request rules of transaction 2304/T1 (fields F and G of the
 * layout given by `fields`), `more` stands at the top level. */
struct mapping *rig_load_rules(const char *fields, const char *rules, const char *more);
const char *rig_rules_text(const char *fields, const char *rules, const char *more);
void rig_clean(void);              /* removes the files */
int rig_clean_group(void **state); /* the same as a group's tear-down */

struct fep_record *rig_record(const struct mapping *mapping, const char *layout);
void rig_set(struct fep_record *record, const char *field, const char *text);
void rig_set_bytes(struct fep_record *record, const char *field, const void *text, size_t size);
/* Appends a row when `row` is one past the last. */
void rig_set_row(struct fep_record *record, size_t row, const char *field, const char *text);
const char *rig_get(const struct fep_record *record,
                    const char *field); /* a copy, valid until four calls later */
const char *rig_get_row(const struct fep_record *record, size_t row, const char *field);

/* A moment of 2026-11-22 and a pseudonym key; with a visit opened by this transaction, request and answer
 * (NULL: none). */
struct mapping_context rig_context(const struct fep_attempt *attempt, const char *visit_infno,
                                   const char *visit_request, const char *visit_answer);

struct slice rig_slice(const char *text); /* constant, nothing to release */
bool rig_holds(struct slice body, const char *part);

/* The one request rule of rig_load_rules on its way in: record field F = value. Returns the canonical body
 * (released by the next call), or NULL with `error` filled. */
const char *rig_in(const struct mapping *mapping, const char *value, struct fep_error *error);
/* On its way out: input text -> field F. NULL with the error. */
const char *rig_out(const struct mapping *mapping, const char *input, struct fep_error *error);

#endif
