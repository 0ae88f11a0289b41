/* Local record -> canonical tree and header, rule by rule. Must never set what the local side did not say: an
 * empty field leaves its member out. */
#include "translation.h"

#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "error.h"

static int
set_header(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    struct message_header *header = translation->header;
    char *out = header->institution;
    size_t room = sizeof header->institution;
    if (rule->canonical.part == PART_TREAT_AREA || rule->canonical.part == PART_INSURED_AREA) {
        out = rule->canonical.part == PART_TREAT_AREA ? header->treat_area : header->insured_area;
        room = AREA_SIZE;
    }
    if (value.size >= room)
        return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT, "longer than %zu bytes", room - 1);
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    if (room == AREA_SIZE && !area_is_valid(out))
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "not an area code of six digits");
    return 0;
}

/* Leading zeros are the wire's: "0003" is the number 3. */
static struct json_object *
new_integer(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    char text[24];
    size_t zeros = 0;
    while (zeros + 1 < value.size && value.data[zeros] == '0')
        zeros++;
    size_t size = value.size - zeros;
    bool digits = size > 0 && size <= 18;
    for (size_t i = 0; digits && i < size; i++)
        digits = value.data[zeros + i] >= '0' && value.data[zeros + i] <= '9';
    if (!digits) {
        translation_fault(translation, rule, FEP_E_INVALID_FIELD, "not a number of up to 18 digits");
        return NULL;
    }
    memcpy(text, value.data + zeros, size);
    text[size] = '\0';
    return json_object_new_int64(strtoll(text, NULL, 10));
}

static struct json_object *
new_value(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    uint32_t type = rule->layout_field != NULL ? rule->layout_field->type : (uint32_t)FEP_FIELD_TEXT;
    if (type == FEP_FIELD_DECIMAL || type == FEP_FIELD_RATIO) {
        char *text = arena_text(&translation->scratch, (const char *)value.data, value.size);
        return text != NULL ? canonical_new_number(text) : NULL;
    }
    if (rule->field < 0 && rule->from.kind == SOURCE_SUM) {
        char *text = arena_text(&translation->scratch, (const char *)value.data, value.size);
        return text != NULL ? canonical_new_number(text) : NULL;
    }
    if (rule->number)
        return new_integer(translation, rule, value);
    return json_object_new_string_len((const char *)value.data, (int)value.size);
}

static int
set_canonical(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    if (rule->canonical.kind == SOURCE_HEADER)
        return set_header(translation, rule, value);
    struct json_object *node = rule->canonical.kind == SOURCE_ENVELOPE ? translation->body
                               : translation->element != NULL          ? translation->element
                                                                       : translation->root;
    error_clear(translation->error);
    struct json_object *object = new_value(translation, rule, value);
    if (object != NULL && canonical_set(node, &rule->canonical.path, object) == 0)
        return 0;
    if (object == NULL && translation->error->code != 0)
        return -1;
    return object == NULL
               ? translation_no_memory(translation)
               : translation_fault(translation, rule, FEP_E_INTERNAL,
                                   "the path %s meets a value, or there is no memory", rule->canonical.text);
}

static int
check_constant(struct translation *translation, const struct rule *rule, struct fep_bytes raw)
{
    struct fep_bytes value = trim_value(raw);
    const char *wanted = rule->canonical.text;
    if (!rule->check || (value.size == strlen(wanted) && memcmp(value.data, wanted, value.size) == 0))
        return 0;
    return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "expected \"%.40s\"", wanted);
}

/* The person of a visit, say: another one's number under this visit would be another patient's money. */
static int
check_same(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    struct fep_bytes other;
    if (!rule->has_same || value.size == 0)
        return 0;
    if (source_read(translation, rule, &rule->same, &other) < 0)
        return -1;
    other = trim_value(other);
    if (other.size == 0 || (other.size == value.size && memcmp(other.data, value.data, value.size) == 0))
        return 0;
    return error_set(translation->error, FEP_REFUSED, 2003, "field %s (%s): not the one of this visit",
                     rule->layout_field != NULL ? rule->layout_field->name : rule->canonical.text,
                     rule->where);
}

static int
apply_rule(struct translation *translation, const struct rule *rule)
{
    struct fep_bytes raw, value;
    bool in_row = translation->element != NULL;
    if ((rule->directions & DIRECTION_IN) == 0 || !rule_holds(translation, rule))
        return 0;
    if (rule->field >= 0)
        raw = record_value(translation->record, (size_t)rule->field, in_row, translation->row);
    else if (source_read(translation, rule, &rule->from, &raw) < 0)
        return -1;
    if (rule->canonical.kind == SOURCE_CONSTANT)
        coverage_mark(translation->mapping->coverage, rule, MARK_IN);
    if (rule->canonical.kind == SOURCE_CONSTANT)
        return check_constant(translation, rule, raw);
    value = raw;
    if (value_in(translation, rule, &value) < 0 || check_same(translation, rule, value) < 0)
        return -1;
    trace_field(translation, "->", rule, raw, value);
    if (value.size == 0)
        return 0;
    coverage_mark(translation->mapping->coverage, rule, MARK_IN);
    return set_canonical(translation, rule, value);
}

static int
apply_rules(struct translation *translation, const struct rules *rules, bool late)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->list[i].late == late && apply_rule(translation, &rules->list[i]) < 0)
            return -1;
    }
    return 0;
}

int
rules_apply_in(struct translation *translation, const struct rules *rules)
{
    return apply_rules(translation, rules, false);
}

int
rules_apply_late(struct translation *translation, const struct rules *rules)
{
    return apply_rules(translation, rules, true);
}

static int
apply_rows(struct translation *translation, const struct group_map *map, struct json_object *array)
{
    for (size_t row = 0; row < record_rows(translation->record); row++) {
        struct json_object *element = json_object_new_object();
        if (element == NULL || json_object_array_add(array, element) != 0) {
            json_object_put(element);
            return translation_no_memory(translation);
        }
        translation->element = element;
        translation->row = row;
        if (rules_apply_in(translation, &map->rules) < 0)
            return -1;
    }
    return 0;
}

int
group_apply_in(struct translation *translation, const struct group_map *map)
{
    if (!map->present || translation->record == NULL || !conditions_hold(translation, &map->when))
        return 0;
    if (canonical_find(translation->root, &map->path) != NULL)
        return translation_fault(translation, NULL, FEP_E_INTERNAL,
                                 "%s: the group's path holds something already", map->where);
    struct json_object *array = json_object_new_array();
    if (array == NULL)
        return translation_no_memory(translation);
    if (canonical_set(translation->root, &map->path, array) < 0)
        return translation_fault(translation, NULL, FEP_E_INTERNAL,
                                 "%s: the group's path meets a value, or no memory", map->where);
    int status = apply_rows(translation, map, array);
    translation->element = NULL;
    translation->row = 0;
    return status;
}

static bool
is_missing(const struct fep_record *record, const struct fep_field *field, size_t place, bool in_row,
           size_t row)
{
    return (field->flags & FEP_FIELD_REQUIRED) != 0 &&
           trim_value(record_value(record, place, in_row, row)).size == 0;
}

int
layout_check_required(struct translation *translation, const struct fep_record *record)
{
    const struct fep_layout *layout = record_layout(record);
    for (size_t i = 0; i < layout->field_count; i++) {
        if (is_missing(record, &layout->fields[i], i, false, 0))
            return translation_fault(translation, NULL, FEP_E_MISSING_FIELD, "field %s of %s is missing",
                                     layout->fields[i].name, layout->name);
    }
    for (size_t row = 0; row < record_rows(record); row++) {
        for (size_t i = 0; i < layout->group_field_count; i++) {
            if (is_missing(record, &layout->group_fields[i], i, true, row))
                return translation_fault(translation, NULL, FEP_E_MISSING_FIELD,
                                         "field %s of %s is missing in line %zu",
                                         layout->group_fields[i].name, layout->name, row + 1);
        }
    }
    return 0;
}
