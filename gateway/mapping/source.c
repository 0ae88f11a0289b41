/* Where values come from. Must never invent one: what is not there is empty. */
#include "translation.h"

#include <stdio.h>
#include <string.h>

#include "coverage.h"
#include "error.h"

static struct fep_bytes
bytes_of(const char *text)
{
    return (struct fep_bytes){(const unsigned char *)text, strlen(text)};
}

static int
print_value(struct translation *translation, struct fep_bytes *value, const char *text)
{
    char *copy = arena_text(&translation->scratch, text, strlen(text));
    if (copy == NULL)
        return translation_no_memory(translation);
    *value = bytes_of(copy);
    return 0;
}

static int
read_node(struct translation *translation, const struct rule *rule, struct json_object *node,
          struct fep_bytes *value)
{
    return canonical_text(node, value) ? 0
                                       : translation_fault(translation, rule, FEP_E_INVALID_FIELD,
                                                           "the canonical side holds no plain value here");
}

static void
read_header(const struct message_header *header, enum source_part part, struct fep_bytes *value)
{
    const char *text = part == PART_INFNO          ? header->infno
                       : part == PART_MSGID        ? header->key.msgid
                       : part == PART_TREAT_AREA   ? header->treat_area
                       : part == PART_INSURED_AREA ? header->insured_area
                                                   : header->institution;
    *value = bytes_of(text);
}

static int
read_attempt(struct translation *translation, const struct fep_attempt *attempt, enum source_part part,
             struct fep_bytes *value)
{
    char text[64] = "";
    if (attempt == NULL)
        return 0;
    if (part == PART_SERIAL20)
        snprintf(text, sizeof text, "%08u%012llu", attempt->serial_date, (unsigned long long)attempt->serial);
    else if (part == PART_DATE)
        snprintf(text, sizeof text, "%08u", attempt->serial_date);
    else if (part == PART_NUMBER)
        snprintf(text, sizeof text, "%llu", (unsigned long long)attempt->serial);
    else if (part == PART_ACCOUNTING_DATE && attempt->accounting_date != 0)
        snprintf(text, sizeof text, "%08u", attempt->accounting_date);
    else if (part == PART_CYCLE)
        snprintf(text, sizeof text, "%.39s", attempt->cycle);
    return print_value(translation, value, text);
}

static int
read_clock(struct translation *translation, enum source_part part, struct fep_bytes *value)
{
    char text[32];
    const struct mapping_context *context = translation->context;
    if (part == PART_DATE)
        snprintf(text, sizeof text, "%08u", context->clock_date);
    else if (part == PART_TIME)
        snprintf(text, sizeof text, "%06u", context->clock_time);
    else
        snprintf(text, sizeof text, "%08u%06u", context->clock_date, context->clock_time);
    return print_value(translation, value, text);
}

static int
parse_visit(struct translation *translation)
{
    const struct mapping_context *context = translation->context;
    if (translation->visit_parsed)
        return 0;
    translation->visit_parsed = true;
    translation->visit_request = canonical_parse(context->visit_request, translation->error);
    if (translation->visit_request != NULL)
        translation->visit_answer = canonical_parse(context->visit_answer, translation->error);
    return translation->visit_answer != NULL ? 0 : -1;
}

/* The member in any object of input or output. */
static struct json_object *
find_in_parts(struct json_object *body, const char *part, const struct path *path)
{
    struct json_object *root = canonical_member(body, part), *found = canonical_find(root, path);
    if (found != NULL || json_object_get_type(root) != json_type_object)
        return found;
    struct json_object_iterator at = json_object_iter_begin(root), end = json_object_iter_end(root);
    for (; found == NULL && !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        struct json_object *child = json_object_iter_peek_value(&at);
        if (json_object_get_type(child) == json_type_object || json_object_get_type(child) == json_type_array)
            found = canonical_find(child, path);
    }
    return found;
}

static int
read_visit(struct translation *translation, const struct rule *rule, const struct source *source,
           struct fep_bytes *value)
{
    const char *infno = translation->context->visit_infno;
    if (source->part == PART_CLASS) {
        /* 2401 alone admits to a bed; every other opener is an outpatient's. */
        *value = bytes_of(infno[0] == '\0' ? "" : strcmp(infno, "2401") == 0 ? "in" : "out");
        return 0;
    }
    if (parse_visit(translation) < 0)
        return error_wrap(translation->error, "the opener of the visit");
    struct json_object *node = find_in_parts(translation->visit_request, "input", &source->path);
    if (node == NULL)
        node = find_in_parts(translation->visit_answer, "output", &source->path);
    return read_node(translation, rule, node, value);
}

struct fep_bytes
record_value(const struct fep_record *record, size_t field, bool in_row, size_t row)
{
    return in_row ? record_get_in_row(record, row, field) : record_get(record, field);
}

/* A path of the request's input; nothing where the request is not at hand. */
static int
read_request(struct translation *translation, const struct rule *rule, const struct source *source,
             struct fep_bytes *value)
{
    if (translation_parse_asked(translation) < 0)
        return -1;
    return read_node(translation, rule,
                     canonical_find(canonical_member(translation->asked, "input"), &source->path), value);
}

/* The 1101 answer rule that shows this member to the caller: where it takes one of several elements, the same
 * one is meant here. */
static const struct path *
shown_path(const struct translation *translation, const struct path *path)
{
    const struct transaction_map *map = map_by_infno(translation->mapping, "1101");
    for (size_t i = 0; path->count == 1 && map != NULL && i < map->answer.count; i++) {
        const struct source *shown = &map->answer.list[i].canonical;
        if (shown->kind == SOURCE_DATA &&
            strcmp(shown->path.steps[shown->path.count - 1].name, path->steps[0].name) == 0)
            return &shown->path;
    }
    return NULL;
}

static int
read_person(struct translation *translation, const struct rule *rule, const struct source *source,
            struct fep_bytes *value)
{
    if (translation->context->person_answer.size == 0)
        return 0;
    if (translation->person == NULL)
        translation->person = canonical_parse(translation->context->person_answer, translation->error);
    if (translation->person == NULL)
        return error_wrap(translation->error, "what is known about the person");
    const struct path *shown = shown_path(translation, &source->path);
    struct json_object *node =
        shown != NULL ? canonical_find(canonical_member(translation->person, "output"), shown) : NULL;
    if (node == NULL)
        node = find_in_parts(translation->person, "output", &source->path);
    return read_node(translation, rule, node, value);
}

/* Whole years on the day of the translation; empty if the field holds no day. */
static void
read_age(const struct translation *translation, const struct source *source, struct fep_bytes *value)
{
    enum { OF_AGE = 18, OLD = 60 };
    struct fep_bytes birth = trim_value(
        record_value(translation->record, (size_t)source->field, source->field_in_group, translation->row));
    unsigned day = 0, today = translation->context->clock_date;
    if (birth.size != 8)
        return;
    for (size_t i = 0; i < 8; i++) {
        if (birth.data[i] < '0' || birth.data[i] > '9')
            return;
        day = day * 10 + (unsigned)(birth.data[i] - '0');
    }
    if (day == 0 || day > today)
        return;
    unsigned years = (today - day) / 10000;
    *value = bytes_of(years < OF_AGE ? "minor" : years < OLD ? "adult" : "old");
}

int
source_read(struct translation *translation, const struct rule *rule, const struct source *source,
            struct fep_bytes *value)
{
    struct json_object *node;
    *value = (struct fep_bytes){NULL, 0};
    switch (source->kind) {
    case SOURCE_DATA:
        node = translation->element != NULL ? translation->element : translation->root;
        return read_node(translation, rule, canonical_find(node, &source->path), value);
    case SOURCE_ENVELOPE:
        return read_node(translation, rule, canonical_find(translation->body, &source->path), value);
    case SOURCE_HEADER:
        read_header(translation->header, source->part, value);
        return 0;
    case SOURCE_VISIT:
        return read_visit(translation, rule, source, value);
    case SOURCE_ATTEMPT:
        return read_attempt(translation, translation->context->attempt, source->part, value);
    case SOURCE_ORIGINAL:
        if (source->part != PART_LOCAL)
            return read_attempt(translation, translation->context->original_attempt, source->part, value);
        if (translation->original_local != NULL)
            *value = bytes_of(translation->original_local);
        return 0;
    case SOURCE_LOCAL:
        *value = record_value(translation->record, (size_t)source->field, source->field_in_group,
                              translation->row);
        if (source->take != 0 && value->size > source->take)
            value->size = source->take;
        return 0;
    case SOURCE_REQUEST:
        return read_request(translation, rule, source, value);
    case SOURCE_SUM:
        return sum_read(translation, rule, source->sum, value);
    case SOURCE_PERSON:
        return read_person(translation, rule, source, value);
    case SOURCE_AGE:
        read_age(translation, source, value);
        return 0;
    case SOURCE_CLOCK:
        return read_clock(translation, source->part, value);
    case SOURCE_CONSTANT:
        *value = bytes_of(source->text);
        return 0;
    }
    return 0;
}

/* A source that can not be read equals nothing. */
bool
conditions_hold(struct translation *translation, const struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        const struct condition *condition = &conditions->list[i];
        struct fep_bytes value;
        bool equal = false;
        if (source_read(translation, NULL, &condition->source, &value) < 0) {
            error_clear(translation->error);
            return false;
        }
        value = trim_value(value);
        for (size_t j = 0; !equal && j < condition->value_count; j++)
            equal = strlen(condition->values[j]) == value.size &&
                    (value.size == 0 || memcmp(condition->values[j], value.data, value.size) == 0);
        if (!equal)
            return false;
    }
    return true;
}

bool
rule_holds(struct translation *translation, const struct rule *rule)
{
    if (rule->when.count == 0)
        return true;
    bool held = conditions_hold(translation, &rule->when);
    coverage_mark(translation->mapping->coverage, rule, held ? MARK_HELD : MARK_FAILED);
    return held;
}
