/* One translation on its way. Internal to the mapping engine. */
#ifndef FEP_TRANSLATION_H
#define FEP_TRANSLATION_H

#include "canonical.h"

struct translation {
    const struct mapping *mapping;
    const struct mapping_context *context;
    struct fep_error *error; /* never NULL */
    struct fep_error spare;
    bool is_request;                 /* faults of a request carry the reference protocols' codes 1001, 1003 */
    struct arena scratch;            /* values on their way; freed at the end */
    struct message_header *header;   /* in: being filled; out: not changed */
    struct json_object *body, *root; /* envelope; its input or output */
    bool root_is_loose;              /* being built: not in the envelope yet */
    struct json_object *element;     /* of the group being translated, or NULL */
    const struct fep_record *record; /* the local record read from; out: the one being filled */
    struct fep_record *target;       /* out: the same, writable */
    size_t row;                      /* in the group, with `element` */
    struct json_object *visit_request, *visit_answer;
    struct json_object *lines;  /* of context->visit_lines, once they were asked for */
    struct json_object *person; /* of context->person_answer, once it was asked for */
    bool visit_parsed;
    struct slice asked_body; /* answers: the request's */
    struct json_object *asked;
    bool asked_parsed;
    const char *original_local; /* inquire, reverse */
};

void translation_begin(struct translation *translation, const struct mapping *mapping,
                       const struct mapping_context *context, struct message_header *header, bool is_request,
                       struct fep_error *error);
void translation_end(struct translation *translation); /* puts all trees */

/* A new envelope. Its input or output is put in by close_body, so that it stands last in the text. */
int translation_new_body(struct translation *translation);
int translation_close_body(struct translation *translation, const char *part);

/* An error about one rule: names field, what kind and the rule's place, never the value. code: FEP_E_*.
 * Returns -1. */
int translation_fault(struct translation *translation, const struct rule *rule, unsigned code,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The value's counterpart in the rule's code list; what the list does not know is an error. */
int translation_code(struct translation *translation, const struct rule *rule, unsigned direction,
                     struct fep_bytes *value);
/* The value's counterpart in the crosswalk; empty where it has none. */
void translation_catalogue(struct translation *translation, unsigned direction, struct fep_bytes *value);
int translation_no_memory(struct translation *translation);

/* source.c. The value of a source: empty where there is none. Negative: it is not a plain value. */
int source_read(struct translation *translation, const struct rule *rule, const struct source *source,
                struct fep_bytes *value);
bool conditions_hold(struct translation *translation, const struct conditions *conditions);
bool rule_holds(struct translation *translation, const struct rule *rule);
struct fep_bytes record_value(const struct fep_record *record, size_t field, bool in_row, size_t row);

/* sum.c */
int sum_read(struct translation *translation, const struct rule *rule, const struct sum *sum,
             struct fep_bytes *value);
/* Answers: the request's tree into `asked`. */
int translation_parse_asked(struct translation *translation);

/* value_in.c, value_out.c: one value through cleaning, conversion and codes. `value` is replaced; lives in
 * scratch. */
int value_in(struct translation *translation, const struct rule *rule, struct fep_bytes *value);
int value_out(struct translation *translation, const struct rule *rule, struct fep_bytes *value);
struct fep_bytes trim_value(struct fep_bytes value);
/* form.c: convert = "form" */
int form_in(struct translation *translation, const struct rule *rule, struct fep_bytes *value);
int form_out(struct translation *translation, const struct rule *rule, struct fep_bytes *value);

/* rule_in.c, rule_out.c */
int rules_apply_in(struct translation *translation, const struct rules *rules);
/* Those that read the lines of the group: after it. */
int rules_apply_late(struct translation *translation, const struct rules *rules);
int group_apply_in(struct translation *translation, const struct group_map *map);
int rules_apply_out(struct translation *translation, const struct rules *rules);
int group_apply_out(struct translation *translation, const struct group_map *map);
/* Fields that the layout marks as required and that are empty. */
int layout_check_required(struct translation *translation, const struct fep_record *record);

/* ask.c. The entry of a canonical transaction, or NULL. */
const struct transaction_map *map_by_infno(const struct mapping *mapping, const char *infno);

/* checks.c */
int checks_hold(struct translation *translation, const struct transaction_map *map,
                struct json_object *request_root, struct fep_result *result);
int index_fill(struct translation *translation, const struct index_rules *rules, struct fep_index *index);

void trace_field(struct translation *translation, const char *arrow, const struct rule *rule,
                 struct fep_bytes local, struct fep_bytes canonical);

#endif
