/* The mapping engine: local records <-> canonical messages, driven by a mapping file (schema/mapping.md).
 *
 * Runs in the adapter host, between module and link, and in `fepctl map`. Pure but for reading the files: no socket,
 * no clock (the caller passes time). One thread per struct mapping. Money never passes through floating point.
 */
#ifndef FEP_MAPPING_H
#define FEP_MAPPING_H

#include "header.h"
#include "transaction_table.h"

struct mapping;

/* Reads and checks a mapping file completely (unknown keys, missing required fields, codes that map two ways, rules
 * naming unknown fields, layouts without transactions ...): every problem goes to report as "file:line: ...". NULL if
 * there was any. `base_directory` is where crosswalk paths start. */
struct mapping *mapping_load(const char *path, const char *base_directory, void (*report)(void *arg, const char *line),
                             void *arg, struct fep_error *error);

/* What a mapping can be held against beyond itself; each may be NULL: then it is not. Read only while loading. */
struct canonical_table;
struct wire_table;
struct mapping_tables {
    const struct transaction_table *transactions; /* every transaction is in it, and a served update names its person */
    const struct canonical_table *canonical;      /* members that requests (served) and answers (asked) must have */
    const struct wire_table *wire; /* the facts a family's module reads; it says the same when it opens, one at a time */
};
/* As mapping_load, with these checks too. Who runs on a mapping loads it so. */
struct mapping *mapping_load_with(const char *path, const char *base_directory, const struct mapping_tables *tables,
                                  void (*report)(void *arg, const char *line), void *arg, struct fep_error *error);
void mapping_destroy(struct mapping *mapping);

/* The required members of canonical messages (schema/canonical.cfg); NULL with every problem reported. Immutable. */
struct canonical_table *canonical_table_load(const char *path, void (*report)(void *arg, const char *line), void *arg,
                                             struct fep_error *error);
void canonical_table_destroy(struct canonical_table *table);
/* The facts of each protocol family (schema/wire.cfg); NULL with every problem reported. Immutable. */
struct wire_table *wire_table_load(const char *path, void (*report)(void *arg, const char *line), void *arg,
                                   struct fep_error *error);
void wire_table_destroy(struct wire_table *table);

const char *mapping_name(const struct mapping *mapping);
const char *mapping_family(const struct mapping *mapping);
const char *mapping_text_of(const struct mapping *mapping, const char *section, const char *key); /* adapter.h */
const struct fep_layout *mapping_find_layout(const struct mapping *mapping, const char *name);

/* Records. */
struct fep_record *record_create(const struct fep_layout *layout);
void record_destroy(struct fep_record *record);
const struct fep_layout *record_layout(const struct fep_record *record);
size_t record_rows(const struct fep_record *record);
int record_add_row(struct fep_record *record);
struct fep_bytes record_get(const struct fep_record *record, size_t field);
int record_set(struct fep_record *record, size_t field, const char *text, size_t size);
struct fep_bytes record_get_in_row(const struct fep_record *record, size_t row, size_t field);
int record_set_in_row(struct fep_record *record, size_t row, size_t field, const char *text, size_t size);
/* Field index by name, or -1. */
int layout_find_field(const struct fep_layout *layout, const char *name, bool in_group);

/* What surrounds one translation. */
struct mapping_context {
    const char *own_area;            /* the instance's region */
    struct slice visit_request, visit_answer; /* canonical bodies of what opened the visit; empty if none */
    char visit_infno[INFNO_SIZE];
    const struct fep_attempt *attempt;          /* asked side */
    const struct fep_attempt *original_attempt; /* inquire, reverse */
    uint32_t clock_date, clock_time;
    const uint8_t *pseudonym_key; size_t pseudonym_key_size;
    /* One line per field for `fepctl map test`; NULL = none. Values of personal fields are masked unless `show`. */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
    bool show;
};

/* Serving: does this local transaction need the opener of its visit? Points *visit_id and *insured_area into the
 * records (through the rules of the mapping); 0 = no, 1 = yes. */
int mapping_needs_visit(const struct mapping *mapping, const char *local, const struct fep_record *head,
                        const struct fep_record *body, char visit_id[32], char insured_area[AREA_SIZE]);

/* What a local request became. */
struct mapping_request {
    struct message_header header; /* all but key.origin and day, which the router fills */
    struct fep_index index;
    struct slice body;
    const void *transaction;      /* which entry was used; pass back to mapping_answer_out */
};
/* Serving, local request -> canonical. Negative: refused, the error says which field (code = a canonical 1003 ...). */
int mapping_request_in(const struct mapping *mapping, const char *local, const struct fep_record *head,
                       const struct fep_record *body, const struct mapping_context *context,
                       struct mapping_request *out, struct fep_error *error);
/* Serving, canonical answer -> local answer body (NULL record if the transaction has none). `request_head/body` are the
 * caller's own records, for `local.` and header sources. */
int mapping_answer_out(const struct mapping *mapping, const struct mapping_request *request, struct slice answer,
                       const struct fep_result *result, const struct mapping_context *context,
                       struct fep_record **body, struct fep_error *error);

/* Serving a reversal: the canonical code to refuse it with when its result is this finding, 0 if it is answered. */
uint32_t mapping_reverse_refusal(const struct mapping *mapping, const struct mapping_request *request,
                                 uint32_t finding);

/* Asked, canonical request -> local head and body for an operation (enum fep_operation). Returns the local
 * transaction's name or NULL. */
const char *mapping_request_out(const struct mapping *mapping, const struct message_header *header,
                                const struct fep_index *index, struct slice body, uint32_t operation,
                                const struct mapping_context *context, struct fep_record **head,
                                struct fep_record **record, struct fep_error *error);
/* Asked, local answer body -> canonical answer body, index, checks. result->reason becomes INCONSISTENT if a check
 * fails. record may be NULL (no body). */
int mapping_answer_in(const struct mapping *mapping, const struct message_header *header, struct slice request_body,
                      const struct fep_record *record, const struct mapping_context *context, struct slice *answer,
                      struct fep_index *index, struct fep_result *result, struct fep_error *error);
/* Asked: what an inquire/reverse answer's field or a canonical error code means; 0 found, negative unknown. */
int mapping_finding(const struct mapping *mapping, uint32_t operation, const struct fep_record *record, uint32_t code,
                    uint32_t *finding);
/* Serving: the local return code for a result. */
const char *mapping_error_out(const struct mapping *mapping, enum fep_kind kind, const struct fep_result *result);
/* Asked: class and canonical code of a local return code: unknown codes are U if `posts`, else N. */
void mapping_error_in(const struct mapping *mapping, const char *local_code, bool posts, enum fep_kind *kind,
                      struct fep_result *result);

/* The canonical inverse of an answered request (2304 -> 2305 ...), for the cancel of a cure: body built from the
 * request and its answer. Negative if the transaction has none. */
int mapping_build_inverse(const struct message_header *original, struct slice request, struct slice answer,
                          const char *inverse_infno, struct message_header *header, struct slice *body,
                          struct fep_error *error);

/* Charset of the wire. */
int mapping_decode_text(const struct mapping *mapping, const unsigned char *in, size_t size, bool lenient, char *out,
                        size_t out_size, struct fep_error *error);
int mapping_encode_text(const struct mapping *mapping, const char *in, size_t size, unsigned char *out,
                        size_t out_size, struct fep_error *error);

#endif
