/* What a mapping file says, in memory. Internal to the mapping engine; immutable after loading. All of it
 * lives in the mapping's arena. `where` is "file:line" of the rule, for errors. */
#ifndef FEP_MODEL_H
#define FEP_MODEL_H

#include "arena.h"
#include "charset.h"
#include "config_reader.h"
#include "mapping.h"

enum { DIRECTION_IN = 1, DIRECTION_OUT = 2, DIRECTION_BOTH = 3 };
enum { MAP_TEXT = 512, MAX_STEPS = 8, MAX_ITEMS = 2000 };

/* --- sources ------------------------------------------------------------------------------------- */

struct path_step {
    const char *name;
    const char *select; /* NAME[select=values]: which element; NULL = first */
    const char *const *values;
    size_t value_count;
};
struct path {
    const struct path_step *steps;
    size_t count;
};

enum source_kind {
    SOURCE_DATA = 1, /* path in input or output, in a group: in the element */
    SOURCE_ENVELOPE,
    SOURCE_HEADER,
    SOURCE_VISIT,
    SOURCE_ATTEMPT,
    SOURCE_ORIGINAL,
    SOURCE_LOCAL,
    SOURCE_CLOCK,
    SOURCE_CONSTANT,
    SOURCE_REQUEST, /* answers: a path in the request's input */
    SOURCE_AGE,     /* of a local field with a day of birth: minor, adult, old */
    SOURCE_PERSON,  /* serving: a member of the last answer about this person */
    SOURCE_SUM      /* over the elements of a canonical array */
};
enum source_part {
    PART_NONE = 0,
    PART_INFNO,
    PART_MSGID,
    PART_TREAT_AREA,
    PART_INSURED_AREA,
    PART_INSTITUTION, /* header */
    PART_CLASS,       /* visit */
    PART_SERIAL20,
    PART_DATE,
    PART_NUMBER,
    PART_LOCAL,
    PART_ACCOUNTING_DATE,
    PART_CYCLE,
    PART_TIME,
    PART_DATETIME /* clock; date above */
};
enum sum_relation { SUM_EQUAL = 1, SUM_NOT, SUM_AT_LEAST, SUM_AT_MOST, SUM_ABOVE, SUM_BELOW };
struct sum_term { /* which elements count */
    const char *member;
    enum sum_relation relation;
    const char *const *values; /* SUM_EQUAL, SUM_NOT */
    size_t value_count;
    int64_t bound; /* the others, in 1/10000 */
};
struct sum {
    bool of_request;    /* answers: the request's array */
    bool of_visit;      /* of the visit's fee lines that are not settled */
    struct path path;   /* to the array, from input or output */
    const char *member; /* added up; NULL: elements are counted */
    const struct sum_term *terms;
    size_t term_count;
};

struct source {
    enum source_kind kind;
    enum source_part part;
    struct path path; /* DATA, ENVELOPE; VISIT: one step */
    const char *text; /* CONSTANT; else as written in the file */
    int field;        /* LOCAL, AGE */
    bool field_in_group;
    unsigned take; /* LOCAL: only so many bytes from the left; 0: all */
    const struct sum *sum;
};

struct condition {
    struct source source;
    const char *const *values;
    size_t value_count;
};
struct conditions {
    const struct condition *list;
    size_t count;
};

/* --- rules ------------------------------------------------------------------------------------- */

struct code_pair {
    const char *national, *local;
    unsigned directions;
};
struct code_list {
    const char *name;
    enum { UNKNOWN_REFUSE = 1, UNKNOWN_KEEP, UNKNOWN_OTHER } unknown;
    const char *other;
    const struct code_pair *pairs;
    size_t pair_count;
};

enum convert {
    CONVERT_NONE = 0,
    CONVERT_DATE,
    CONVERT_DATETIME,
    CONVERT_CERT18,
    CONVERT_NAME,
    CONVERT_CATALOGUE,
    CONVERT_ALIAS,
    CONVERT_FORM
};

/* A value's other form: pieces of it and other characters, in this order (form.c). */
struct form_piece {
    const char *literal;   /* `length` characters; NULL: a piece of the value, '?' in it: any character */
    size_t offset, length; /* of the value; length 0: all the rest */
};
struct form {
    const char *text; /* as written in the file */
    const struct form_piece *list;
    size_t count;
    bool whole;                 /* its pieces are the value, without gaps: it can be turned back */
    bool open;                  /* one piece takes the rest */
    size_t covered, local_size; /* bytes of the value and of its form, but for the rest */
};

struct rule {
    const char *where;
    int field; /* in the layout (of the group in a group's rules); -1: none, `from` sets the canonical side */
    const struct fep_field *layout_field;
    struct source canonical, from;
    const struct code_list *codes;
    enum convert convert;
    const struct form *form;  /* CONVERT_FORM */
    const char *default_text; /* canonical value, or NULL */
    bool required, number, check, cut, alone;
    bool late;     /* in: after the group, whose lines it reads */
    bool has_same; /* in: the value must be that of another source, where that has one */
    struct source same;
    unsigned directions;
    struct conditions when;
};
struct rules {
    const struct rule *list;
    size_t count;
};
struct group_map {
    bool present;
    const char *where;
    struct path path;
    struct rules rules;
    struct conditions when;
};

struct batch_map { /* how many lines of the group one posting takes */
    size_t most;   /* 0: as many as there are */
    bool has_sum;
    struct path sum; /* in input and in output: the sum over the lines of the member with its last name */
};

struct check_term {
    int sign;
    bool of_request; /* request.PATH */
    struct path path;
};
struct check { /* the sum of the terms, signs applied, is zero */
    const char *where, *text;
    const struct check_term *terms;
    size_t term_count;
};

enum index_part {
    INDEX_VISIT_ID = 1,
    INDEX_SETTLEMENT_ID,
    INDEX_MED_TYPE,
    INDEX_INSUTYPE,
    INDEX_TOTAL,
    INDEX_FUND,
    INDEX_ACCOUNT,
    INDEX_CASH
};
struct index_rule {
    const char *where;
    enum index_part part;
    struct path path;
};
struct index_rules {
    const struct index_rule *list;
    size_t count;
};

struct piece { /* part of a field: for msgids */
    int field;
    bool in_head; /* of head-Q, where the layout itself has no such field */
    size_t offset, size;
};
struct pieces {
    const struct piece *list;
    size_t count;
};

/* --- transactions -------------------------------------------------------------------------------- */

struct transaction_map {
    const char *where, *infno, *local;
    const config_setting_t *at;                        /* while loading only */
    const struct fep_layout *question, *answer_layout; /* answer_layout NULL: an answer without body */
    struct conditions when;
    int visit_field; /* -1: none */
    struct rules request, answer;
    struct group_map request_group, answer_group;
    struct batch_map batch;
    const struct check *checks;
    size_t check_count;
    struct index_rules index, request_index;
    bool has_person;
    struct source person;
    bool is_reversal; /* the entry of serve_reverse */
    bool is_inquiry;  /* the entry of serve_inquire */
    enum mapping_answered_by answered_by;
    bool closed_days_only;
};

struct finding_row {
    const char *value; /* of the field, or NULL */
    uint32_t code;     /* canonical, for rows by error */
    uint32_t finding;
};
struct finding_rows {
    const struct finding_row *list;
    size_t count;
};

struct operation_map { /* inquire, reverse, serve_reverse, serve_inquire */
    bool present;
    const char *where, *local, *field_name;
    const config_setting_t *at; /* while loading only */
    const struct fep_layout *question, *answer_layout;
    int field; /* in the answer's layout, -1 = none */
    struct rules request, answer;
    struct finding_rows findings, by_error;
    /* serving */
    struct pieces original;
    struct finding_rows refusals; /* finding -> code */
    struct transaction_map transaction;
};
/* What a local system's inquiry is called on the link; the transaction table need not know it. */
#define INQUIRY_INFNO "INQUIR"

struct error_row {
    const char *local;
    char class_letter; /* N R U */
    uint32_t code;
    unsigned directions;
    const char *in_text; /* "N:2301" */
};

struct named_text {
    const char *name, *text;
};

struct layout_entry {
    struct fep_layout layout;
    const config_setting_t *at; /* while loading only */
    bool used;
};

struct crosswalk;
struct coverage;

struct mapping {
    struct arena arena;
    const char *name, *system, *family, *version, *region, *base_directory;
    struct charset *charset;
    struct named_text *wire;
    size_t wire_count;
    struct pieces msgid;
    bool serves; /* there is a msgid: callers can be served */
    struct error_row *errors;
    size_t error_count;
    const char *error_defaults[3]; /* N R U */
    struct code_list *codes;
    size_t code_count;
    struct crosswalk *crosswalk; /* NULL: none */
    const char *crosswalk_path;
    struct coverage *coverage; /* NULL: nobody watches */
    struct layout_entry *layouts;
    size_t layout_count;
    const struct fep_layout *head_question, *head_answer;
    struct rules head_request, head_response;
    struct transaction_map *transactions;
    size_t transaction_count;
    struct operation_map inquire, reverse, serve_reverse, serve_inquire;
    const char **local_only;
    size_t local_only_count;
};

/* --- loading ------------------------------------------------------------------------------------- */

struct loader {
    struct mapping *mapping;
    const struct mapping_tables *tables; /* never NULL; its members may be */
    struct config_reader reader;
    bool no_memory;
    bool crosswalk_failed; /* there is one and it could not be read */
};

void *load_take(struct loader *loader, size_t size); /* of the arena; NULL sets no_memory */
const char *load_keep(struct loader *loader, const char *text);
const char *load_where(struct loader *loader, const config_setting_t *at);
/* The text of element `place`, kept; NULL if absent or wrong (reported). */
const char *load_item(struct loader *loader, const config_setting_t *list, int place);
/* A text member, kept; NULL if absent. */
const char *load_member(struct loader *loader, const config_setting_t *group, const char *name,
                        unsigned flags);
/* Room for `count` elements of `size` for a list; reports and gives 0 where there are too many. */
size_t load_count(struct loader *loader, const config_setting_t *list);

void load_layouts(struct loader *loader, const config_setting_t *root);
struct fep_layout *load_find_layout(struct loader *loader, const char *name);
void load_codes(struct loader *loader, const config_setting_t *root);
void load_errors(struct loader *loader, const config_setting_t *root);
const struct code_list *load_find_codes(const struct loader *loader, const char *name);
void load_transactions(struct loader *loader, const config_setting_t *root);
/* NULL with the problem reported. */
const struct form *load_form(struct loader *loader, const config_setting_t *at, const char *text);
void load_operations(struct loader *loader, const config_setting_t *root);

/* rules of one record: layouts of the record the rules are about */
struct rule_scope {
    const struct fep_layout *layout; /* NULL: none (then only rules without field) */
    bool in_group;
    bool is_head;
    bool settles; /* requests that may carry visit.sum(...) */
};
void load_rules(struct loader *loader, const config_setting_t *group, const char *name,
                const struct rule_scope *scope, struct rules *rules);
void load_group(struct loader *loader, const config_setting_t *group, const char *name,
                const struct fep_layout *layout, struct group_map *map);
bool load_source(struct loader *loader, const config_setting_t *at, const char *text,
                 const struct rule_scope *scope, struct source *source);
bool load_path(struct loader *loader, const config_setting_t *at, const char *text, struct path *path);
/* The member "batch" of a transaction, after its request_group. */
void load_batch(struct loader *loader, const config_setting_t *group, struct transaction_map *map);
/* sum.c: is it "sum(...)" or "count(...)", maybe of the visit? */
bool sum_is_written(const char *text);
bool load_sum(struct loader *loader, const config_setting_t *at, const char *text,
              const struct rule_scope *scope, struct source *source);
void load_conditions(struct loader *loader, const config_setting_t *group, const struct rule_scope *scope,
                     struct conditions *conditions);
/* Is the list written ("a", ...) and not (("a", ...), ...)? One may be written without the outer brackets. */
bool load_is_single(const config_setting_t *list);
void load_pieces(struct loader *loader, const config_setting_t *list, const struct fep_layout *layout,
                 struct pieces *pieces);
void mapping_check(struct loader *loader, const config_setting_t *root);
void mapping_check_required(struct loader *loader);
void mapping_check_wire(struct loader *loader, const config_setting_t *root);

/* --- roles -------------------------------------------------------------------------------------- */

bool mapping_serves(const struct mapping *mapping);
bool mapping_asks(const struct mapping *mapping);

/* --- codes, aliases, findings ------------------------------------------------------------------ */

/* The code's other form, or NULL if the list has none and its policy refuses. `kept` is the value itself. */
const char *codes_translate(const struct code_list *list, unsigned direction, const char *value, size_t size,
                            const char *kept, struct coverage *coverage);

/* An id that is longer than a local field, as 20 characters that come back as the same id
 * (schema/mapping.md). */
enum { ALIAS_SIZE = 20, ALIAS_MARK = '~', LONGEST_ID = 30 };
/* Negative: an id of another form than the alias can hold. */
int alias_make(const char *id, size_t size, char alias[ALIAS_SIZE + 1]);
bool alias_is(const char *text, size_t size);
/* Negative: no alias of ours. */
int alias_read(const char *alias, size_t size, char id[LONGEST_ID + 1]);

/* Word of enum fep_finding; -1 if unknown. */
int finding_of_word(const char *word);
const char *finding_word(uint32_t finding);

/* ask.c. By its name (size bytes): inquire, reverse, serve_reverse, serve_inquire; NULL for any other. */
const struct operation_map *operation_by_name(const struct mapping *mapping, const char *name, size_t size);

#endif
