/* Which fee lines went out without a local centre code: the prompts of the post-audit rule are made of them.
 * Must never name a line that had one. */
#include "canonical.h"

#include <string.h>

#include "error.h"
#include "translation.h"

/* A line without a code: a field that the crosswalk fills and that stayed empty. */
static bool
is_unmapped(const struct group_map *map, const struct fep_record *record, size_t row)
{
    for (size_t i = 0; i < map->rules.count; i++) {
        const struct rule *rule = &map->rules.list[i];
        if (rule->convert == CONVERT_CATALOGUE && rule->field >= 0 && (rule->directions & DIRECTION_OUT) != 0)
            return trim_value(record_get_in_row(record, row, (size_t)rule->field)).size == 0;
    }
    return false;
}

static const char *
text_of(struct json_object *element, const char *name)
{
    struct json_object *member = canonical_member(element, name);
    const char *text = member != NULL ? json_object_get_string(member) : NULL;
    return text != NULL ? text : "";
}

static void
tell_line(struct json_object *data, struct json_object *element, size_t line,
          void (*each)(void *arg, const struct mapping_unmapped *), void *arg)
{
    struct mapping_unmapped found = {.line = line,
                                     .visit_id = text_of(element, "mdtrt_id"),
                                     .feedetl_sn = text_of(element, "feedetl_sn"),
                                     .medins_list_codg = text_of(element, "medins_list_codg"),
                                     .medins_list_name = text_of(element, "medins_list_name"),
                                     .med_list_codg = text_of(element, "med_list_codg"),
                                     .chrgitm_lv = text_of(element, "chrgitm_lv"),
                                     .amount = text_of(element, "det_item_fee_sumamt"),
                                     .time = text_of(element, "fee_ocur_time")};
    if (found.visit_id[0] == '\0')
        found.visit_id = text_of(data, "mdtrt_id");
    each(arg, &found);
}

int
mapping_unmapped_lines(const struct mapping *mapping, const struct message_header *header, struct slice body,
                       const struct fep_record *record,
                       void (*line)(void *arg, const struct mapping_unmapped *), void *arg,
                       struct fep_error *error)
{
    const struct transaction_map *map = map_by_infno(mapping, header->infno);
    int count = 0;
    if (map == NULL || !map->request_group.present || record == NULL ||
        record_layout(record) != map->question)
        return 0;
    struct json_object *tree = NULL, *input = NULL, *lines = NULL;
    for (size_t row = 0; row < record_rows(record); row++) {
        if (!is_unmapped(&map->request_group, record, row))
            continue;
        if (tree == NULL) {
            tree = canonical_parse(body, error);
            if (tree == NULL)
                return -1;
            input = canonical_member(tree, "input");
            lines = canonical_find(input, &map->request_group.path);
        }
        count++;
        tell_line(canonical_member(input, "data"), canonical_element(lines, row), row + 1, line, arg);
    }
    json_object_put(tree);
    return count;
}
