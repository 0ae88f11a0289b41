/* The mapping engine: local records <-> canonical messages, driven by a mapping file (schema/mapping.md).
 *
 * Runs in the adapter host, between module and link, and in `fepctl map`. Pure but for reading the files: no socket,
 * no clock (the caller passes time). One thread per struct mapping. Money never passes through floating point.
 */
#ifndef FEP_MAPPING_H
#define FEP_MAPPING_H

#include <stdbool.h>

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
    /* Serving: the last canonical answer to 1101 about the person of this request; empty if none is remembered. */
    struct slice person_answer;
    /* Asked, where mapping_needs_lines: the visit's fee lines that are not settled, as visit_lines_write makes it; empty:
     * not at hand, and then a rule that needs them is an error. */
    struct slice visit_lines;
    const struct fep_attempt *attempt;          /* asked side */
    const struct fep_attempt *original_attempt; /* inquire, reverse */
    uint32_t clock_date, clock_time;
    const uint8_t *pseudonym_key; size_t pseudonym_key_size;
    /* One line per field for `fepctl map test`; NULL = none. Values of personal fields are masked unless `show`. */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
    bool show;
};

/* Serving: which person is this request about, so that the host can find what it remembers of it? The person number as
 * the record says it, through the rules of the mapping ("person" of the transaction); empty if it says none. 0 = nothing
 * of the mapping reads person.NAME for this transaction, 1 = some rule does. */
int mapping_needs_person(const struct mapping *mapping, const char *local, const struct fep_record *head,
                         const struct fep_record *body, char person[64]);

/* Asked: does a request of this canonical transaction carry sums over the visit's fee lines (visit.sum, visit.count)? */
bool mapping_needs_lines(const struct mapping *mapping, const char *infno);

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
/* Who answers it: another place, or this host itself from the exchanges stored here or from its crosswalk. */
enum mapping_answered_by { MAPPING_FORWARDED = 0, MAPPING_BY_STORE, MAPPING_BY_CROSSWALK };
enum mapping_answered_by mapping_answered_by(const struct mapping_request *request);
/* Of one answered by the store: must the last day asked about be closed (else class R, 2601)? */
bool mapping_wants_closed_days(const struct mapping_request *request);

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
/* Asked: how many lines one posting of this transaction takes ("batch"); 0 = as many as there are. */
size_t mapping_batch_lines(const struct mapping *mapping, const struct message_header *header);
int mapping_count_lines(const struct mapping *mapping, const struct message_header *header, struct slice body,
                        size_t *lines, struct fep_error *error);
/* A request of more lines than that as the requests of its postings, in order. How many; 0 = it is one posting. Negative with the error: it can not be cut, or needs more
 * than `room`. The caller releases them. */
int mapping_cut_batches(const struct mapping *mapping, const struct message_header *header, struct slice body,
                        struct slice *parts, size_t room, struct fep_error *error);
/* The canonical answers to them, in the same order, as the answer to the whole. */
int mapping_join_batches(const struct mapping *mapping, const struct message_header *header,
                         const struct slice *answers, size_t count, struct slice *whole, struct fep_error *error);
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

/* The catalogue crosswalk. Texts are never NULL; days yyyymmdd, 0 = open. */
struct mapping_item {
    const char *local, *national, *name, *level; /* national "": known here only; level 01 02 03 */
    uint32_t valid_from, valid_to;
    const char *kind, *fee_category; /* national: 1 drug 2 service 3 facility 4 disease; 01 to 14 */
    const char *ratio, *ceiling;     /* decimals of up to 4 places */
    const char *unit, *spec, *form;
};
/* Reads it again (of a directory: the newest version not in the future) and puts it in the place of the old one, whole
 * or not at all: with any problem, reported, the old one stays in force. Between two calls of this mapping. */
int mapping_reload_crosswalk(struct mapping *mapping, void (*report)(void *arg, const char *line), void *arg,
                             struct fep_error *error);
/* Every row, ordered by local code, until `each` says false; valid until the next reload. Negative: no crosswalk. */
int mapping_crosswalk_each(const struct mapping *mapping, bool (*each)(void *arg, const struct mapping_item *item),
                           void *arg);
/* YYYYMMDD-XXXXXXXX: the day of the version (of a single file: of its last change), and its content. "" = none. */
const char *mapping_crosswalk_version(const struct mapping *mapping);
/* The day on which the next version comes into force and a reload is due; 0 = none. */
uint32_t mapping_crosswalk_next(const struct mapping *mapping);

/* Adds an item (texts may be NULL) and puts the result in force: in a directory as the version of today, made of the one
 * in force; in a single file in its place. Refused, with nothing changed, if the local code has another row for the same
 * days or a value is none. A later version that stands there already does not get it. */
int mapping_crosswalk_add(struct mapping *mapping, const struct mapping_item *item, struct fep_error *error);

/* A fee line for which the local system got no centre code: none was sent, or the crosswalk has none. All texts as they
 * stand in the canonical request, "" where it has none. */
struct mapping_unmapped {
    size_t line; /* from 1, as in the request */
    const char *visit_id, *feedetl_sn;
    const char *medins_list_codg, *medins_list_name, *med_list_codg, *chrgitm_lv, *amount, *time;
};
/* Asked, after mapping_request_out of a request with a group: calls `line` for each line of `record` in which a field
 * with convert = "catalogue" came out empty. `body` is the canonical request. Returns how many; negative: no memory. */
int mapping_unmapped_lines(const struct mapping *mapping, const struct message_header *header, struct slice body,
                           const struct fep_record *record, void (*line)(void *arg, const struct mapping_unmapped *),
                           void *arg, struct fep_error *error);

/* For the integrator's tools: what a run of messages exercised. Watching begins with the call; the marks are gone with
 * the mapping. */
int mapping_watch(struct mapping *mapping, struct fep_error *error);
enum mapping_gap_kind {
    MAPPING_GAP_TRANSACTION = 0, /* request or answer of a transaction in a role of this file */
    MAPPING_GAP_FIELD,           /* a required field that never had a value */
    MAPPING_GAP_RULE,            /* any other rule */
    MAPPING_GAP_BRANCH,          /* a condition that never held, or always */
    MAPPING_GAP_CODE,            /* a pair of a code list, by direction */
    MAPPING_GAP_KINDS
};
struct mapping_gap {
    enum mapping_gap_kind kind;
    bool required;
    const char *text; /* one line; valid during the call */
};
struct mapping_cover {
    size_t all[MAPPING_GAP_KINDS], covered[MAPPING_GAP_KINDS];
};
/* Calls `gap` for everything that nothing exercised since mapping_watch. Rules of a transaction that was never used are
 * not listed beside it. */
struct mapping_cover mapping_find_gaps(const struct mapping *mapping,
                                       void (*gap)(void *arg, const struct mapping_gap *gap), void *arg);

/* Charset of the wire. */
int mapping_decode_text(const struct mapping *mapping, const unsigned char *in, size_t size, bool lenient, char *out,
                        size_t out_size, struct fep_error *error);
int mapping_encode_text(const struct mapping *mapping, const char *in, size_t size, unsigned char *out,
                        size_t out_size, struct fep_error *error);

#endif
