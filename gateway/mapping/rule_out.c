/* Canonical tree and header -> local record, rule by rule. */
#include "translation.h"

#include "coverage.h"
#include "error.h"

/* A rule that stands for one element would silently leave the others out. */
static int
check_alone(struct translation *translation, const struct rule *rule)
{
    struct path above = rule->canonical.path;
    if (!rule->alone || rule->canonical.kind != SOURCE_DATA || translation->element != NULL ||
        above.count == 0)
        return 0;
    above.count--;
    struct json_object *node =
        above.count > 0 ? canonical_find(translation->root, &above) : translation->root;
    if (canonical_count(node) <= 1)
        return 0;
    return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT, "%zu elements; one at a time",
                             canonical_count(node));
}

static int
apply_rule(struct translation *translation, const struct rule *rule)
{
    struct fep_bytes raw, value;
    if (rule->field < 0 || (rule->directions & DIRECTION_OUT) == 0 || !rule_holds(translation, rule))
        return 0;
    if (check_alone(translation, rule) < 0 || source_read(translation, rule, &rule->canonical, &raw) < 0)
        return -1;
    value = raw;
    if (value_out(translation, rule, &value) < 0)
        return -1;
    trace_field(translation, "<-", rule, value, raw);
    if (value.size == 0)
        return 0;
    coverage_mark(translation->mapping->coverage, rule, MARK_OUT);
    int status =
        translation->element != NULL
            ? record_set_in_row(translation->target, translation->row, (size_t)rule->field,
                                (const char *)value.data, value.size)
            : record_set(translation->target, (size_t)rule->field, (const char *)value.data, value.size);
    return status < 0 ? translation_no_memory(translation) : 0;
}

int
rules_apply_out(struct translation *translation, const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (apply_rule(translation, &rules->list[i]) < 0)
            return -1;
    }
    return 0;
}

int
group_apply_out(struct translation *translation, const struct group_map *map)
{
    if (!map->present || !conditions_hold(translation, &map->when))
        return 0;
    struct json_object *array = canonical_find(translation->root, &map->path);
    size_t count = canonical_count(array), most = record_layout(translation->target)->group_max_rows;
    int status = 0;
    /* A batch is not spread over several postings: the whole of it is refused before anything is sent. */
    if (count > most)
        return error_set(translation->error, FEP_REFUSED, translation->is_request ? 2204 : FEP_E_DOES_NOT_FIT,
                         "%zu lines (%s); at most %zu fit, and nothing took effect", count, map->where, most);
    for (size_t row = 0; status == 0 && row < count; row++) {
        translation->element = canonical_element(array, row);
        translation->row = row;
        if (json_object_get_type(translation->element) != json_type_object)
            status = translation_fault(translation, NULL, FEP_E_INVALID_FIELD,
                                       "line %zu (%s) is not an object", row + 1, map->where);
        else if (record_add_row(translation->target) < 0)
            status = translation_no_memory(translation);
        else
            status = rules_apply_out(translation, &map->rules);
    }
    translation->element = NULL;
    translation->row = 0;
    return status;
}
