/* Rules: one field and where it goes. What a rule can not do in a direction is decided here, so that the
 * translation has no surprises left but those of the data. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static const struct config_word converts[] = {
    {"date", CONVERT_DATE},           {"datetime", CONVERT_DATETIME},
    {"cert18", CONVERT_CERT18},       {"name", CONVERT_NAME},
    {"catalogue", CONVERT_CATALOGUE}, {"alias", CONVERT_ALIAS},
    {"form", CONVERT_FORM},           {NULL, 0}};
static const struct config_word directions[] = {{"in", DIRECTION_IN}, {"out", DIRECTION_OUT}, {NULL, 0}};

static bool
has_selector(const struct source *source)
{
    for (size_t i = 0; i < source->path.count; i++) {
        if (source->path.steps[i].select != NULL)
            return true;
    }
    return false;
}

/* What a source can do for a rule with a field. */
static unsigned
possible_directions(const struct source *source)
{
    switch (source->kind) {
    case SOURCE_DATA:
    case SOURCE_ENVELOPE:
        return has_selector(source) ? DIRECTION_OUT : DIRECTION_BOTH;
    case SOURCE_HEADER:
        return source->part == PART_MSGID || source->part == PART_INFNO ? DIRECTION_OUT : DIRECTION_BOTH;
    case SOURCE_CONSTANT:
        return DIRECTION_BOTH;
    default:
        return DIRECTION_OUT;
    }
}

/* What a template can not do is said here: a value that could not come back as it went would be another one.
 */
static void
load_form_of(struct loader *loader, const config_setting_t *group, struct rule *rule)
{
    struct config_reader *reader = &loader->reader;
    const config_setting_t *at = config_setting_get_member(group, "form");
    const char *text = load_member(loader, group, "form", 0);
    if ((rule->convert == CONVERT_FORM) != (at != NULL))
        config_reader_problem(reader, group, "convert = \"form\" and form = \"TEMPLATE\" go together");
    if (rule->convert != CONVERT_FORM || text == NULL || (rule->form = load_form(loader, at, text)) == NULL)
        return;
    bool wild = false;
    for (size_t i = 0; i < rule->form->count; i++)
        wild =
            wild || (rule->form->list[i].literal != NULL && strchr(rule->form->list[i].literal, '?') != NULL);
    if (wild && (rule->directions & DIRECTION_OUT) != 0)
        config_reader_problem(reader, at, "\"?\" can be read and not written; give the rule dir = \"in\"");
    if (!rule->form->whole && (rule->directions & DIRECTION_IN) != 0)
        config_reader_problem(reader, at,
                              "the pieces do not make up the whole value, each byte once: it can not be "
                              "turned back; give the rule dir = \"out\"");
}

static void
load_options(struct loader *loader, const config_setting_t *group, const struct rule_scope *scope,
             struct rule *rule)
{
    static const char *const keys[] = {"codes", "convert", "default", "required", "number", "check", "cut",
                                       "dir",   "when",    "alone",   "same",     "form",   NULL};
    struct config_reader *reader = &loader->reader;
    uint32_t word = 0;
    config_reader_check_keys(reader, group, keys);
    const char *codes = load_member(loader, group, "codes", 0);
    if (codes != NULL && (rule->codes = load_find_codes(loader, codes)) == NULL)
        config_reader_problem(reader, config_setting_get_member(group, "codes"),
                              "code list %s does not exist", codes);
    if (config_reader_choice(reader, group, "convert", 0, converts, &word))
        rule->convert = (enum convert)word;
    if (rule->convert == CONVERT_CATALOGUE && loader->mapping->crosswalk == NULL && !loader->crosswalk_failed)
        config_reader_problem(reader, group, "convert = \"catalogue\" without a crosswalk");
    rule->default_text = load_member(loader, group, "default", 0);
    config_reader_flag(reader, group, "required", 0, &rule->required);
    config_reader_flag(reader, group, "number", 0, &rule->number);
    config_reader_flag(reader, group, "check", 0, &rule->check);
    config_reader_flag(reader, group, "cut", 0, &rule->cut);
    config_reader_flag(reader, group, "alone", 0, &rule->alone);
    const char *same = load_member(loader, group, "same", 0);
    struct rule_scope own = *scope;
    own.settles = false; /* what is read in has no lines of the visit beside it */
    if (same != NULL)
        rule->has_same =
            load_source(loader, config_setting_get_member(group, "same"), same, &own, &rule->same);
    if (config_reader_choice(reader, group, "dir", 0, directions, &word)) {
        if ((rule->directions & word) == 0)
            config_reader_problem(reader, config_setting_get_member(group, "dir"),
                                  "this rule can not work in that direction");
        rule->directions &= word;
    }
    load_form_of(loader, group, rule);
    load_conditions(loader, group, scope, &rule->when);
    if (rule->check && rule->canonical.kind != SOURCE_CONSTANT)
        config_reader_problem(reader, group, "check is for constants (=TEXT)");
    if (rule->cut && rule->layout_field != NULL && rule->layout_field->type != FEP_FIELD_TEXT)
        config_reader_problem(reader, group, "cut is for fields of the type text");
}

/* ("-", PATH, SOURCE [, options]) */
static void
load_fieldless(struct loader *loader, const config_setting_t *item, const struct rule_scope *scope,
               struct rule *rule)
{
    const char *target = load_item(loader, item, 1), *from = load_item(loader, item, 2);
    rule->directions = DIRECTION_IN;
    if (target == NULL || from == NULL)
        return;
    struct rule_scope own = *scope;
    own.settles = false; /* it goes out only */
    bool good = load_source(loader, item, target, &own, &rule->canonical);
    good = load_source(loader, item, from, &own, &rule->from) && good;
    enum source_kind kind = rule->canonical.kind;
    if (good && ((kind != SOURCE_DATA && kind != SOURCE_ENVELOPE && kind != SOURCE_HEADER) ||
                 (possible_directions(&rule->canonical) & DIRECTION_IN) == 0))
        config_reader_problem(&loader->reader, item,
                              "\"%s\" can not be set; expected a path, envelope or header member", target);
    kind = rule->from.kind;
    if (good && (kind == SOURCE_CLOCK || kind == SOURCE_ATTEMPT || kind == SOURCE_ORIGINAL))
        config_reader_problem(
            &loader->reader, item,
            "\"%s\" can not go into a message: an honest repeat would look like another request", from);
}

static void
load_with_field(struct loader *loader, const config_setting_t *item, const struct rule_scope *scope,
                const char *name, struct rule *rule)
{
    const char *text = load_item(loader, item, 1);
    rule->field = scope->layout != NULL ? layout_find_field(scope->layout, name, scope->in_group) : -1;
    if (rule->field < 0)
        config_reader_problem(&loader->reader, item, "field %s is not in the %s %s", name,
                              scope->in_group ? "group of the layout" : "layout",
                              scope->layout != NULL ? scope->layout->name : "(missing)");
    else
        rule->layout_field =
            &(scope->in_group ? scope->layout->group_fields : scope->layout->fields)[rule->field];
    if (text != NULL && load_source(loader, item, text, scope, &rule->canonical))
        rule->directions = possible_directions(&rule->canonical);
}

/* What reads the lines in comes after them. */
static void
check_late(struct loader *loader, const config_setting_t *item, const struct rule_scope *scope,
           struct rule *rule)
{
    rule->late = rule->from.kind == SOURCE_SUM;
    for (size_t i = 0; i < rule->when.count; i++)
        rule->late = rule->late || rule->when.list[i].source.kind == SOURCE_SUM;
    if (rule->late && (rule->directions & DIRECTION_IN) != 0 && (scope->in_group || scope->is_head))
        config_reader_problem(&loader->reader, item, "a sum belongs to the rules beside the group");
}

static void
load_rule(struct loader *loader, const config_setting_t *item, const struct rule_scope *scope,
          struct rule *rule)
{
    const char *name = load_item(loader, item, 0);
    rule->field = -1;
    rule->where = load_where(loader, item);
    if (name == NULL)
        return;
    bool fieldless = strcmp(name, "-") == 0;
    if (fieldless)
        load_fieldless(loader, item, scope, rule);
    else
        load_with_field(loader, item, scope, name, rule);
    int options = fieldless ? 3 : 2, count = config_reader_count(item);
    if (count > options + 1)
        config_reader_problem(&loader->reader, item, "%d elements of a rule; expected %s", count,
                              fieldless ? "(\"-\", PATH, SOURCE [, { options }])"
                                        : "(FIELD, SOURCE [, { options }])");
    if (count == options + 1) {
        const config_setting_t *group = config_reader_item(&loader->reader, item, options, CONFIG_TYPE_GROUP);
        if (group != NULL)
            load_options(loader, group, scope, rule);
    }
    check_late(loader, item, scope, rule);
}

/* Two rules without a condition for one field: the second would silently win. */
static void
check_twice(struct loader *loader, const config_setting_t *item, const struct rule *rules, size_t count)
{
    const struct rule *rule = &rules[count];
    for (size_t i = 0; rule->field >= 0 && i < count; i++) {
        if (rules[i].field == rule->field && (rules[i].directions & rule->directions & DIRECTION_OUT) != 0 &&
            rules[i].when.count == 0 && rule->when.count == 0)
            config_reader_problem(&loader->reader, item,
                                  "field %s has two rules; give them a condition or a direction",
                                  rule->layout_field->name);
    }
}

static void
load_list(struct loader *loader, const config_setting_t *list, const struct rule_scope *scope,
          struct rules *rules)
{
    size_t count = load_count(loader, list);
    struct rule *kept = count > 0 ? load_take(loader, count * sizeof *kept) : NULL;
    for (size_t i = 0; kept != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        load_rule(loader, item, scope, &kept[i]);
        check_twice(loader, item, kept, i);
    }
    if (kept != NULL)
        *rules = (struct rules){kept, count};
}

void
load_rules(struct loader *loader, const config_setting_t *group, const char *name,
           const struct rule_scope *scope, struct rules *rules)
{
    load_list(loader, config_reader_list(&loader->reader, group, name, 0), scope, rules);
}

void
load_group(struct loader *loader, const config_setting_t *group, const char *name,
           const struct fep_layout *layout, struct group_map *map)
{
    static const char *const keys[] = {"path", "rules", "when", NULL};
    const config_setting_t *at = config_reader_group(&loader->reader, group, name, 0);
    if (at == NULL)
        return;
    config_reader_check_keys(&loader->reader, at, keys);
    map->present = true;
    map->where = load_where(loader, at);
    if (layout == NULL || layout->group_name == NULL)
        config_reader_problem(&loader->reader, at, "the layout %s has no group",
                              layout != NULL ? layout->name : "(missing)");
    const char *path = load_member(loader, at, "path", CONFIG_REQUIRED);
    if (path != NULL)
        load_path(loader, at, path, &map->path);
    load_rules(loader, at, "rules", &(struct rule_scope){.layout = layout, .in_group = true}, &map->rules);
    load_conditions(loader, at, &(struct rule_scope){.layout = layout}, &map->when);
}
