/* What must be filled and is not: fields of a layout that are required and that no rule fills, members of a
 * canonical message that the other side needs, the person whose updates are kept in order. A rule counts as
 * filling even where it has a condition: what a condition will say only a message can tell. Adds its problems
 * to those of the parts; says nothing about a list of rules in which one was already found wrong. */
#include "model.h"

#include <string.h>

#include "canonical_table.h"
#include "transaction_table.h"

/* A caller is served where its request gets a msgid; a local system is asked where outcomes can be cleared up
 * with it, or where nobody is served. */
bool
mapping_serves(const struct mapping *mapping)
{
    return mapping->serves || mapping->serve_reverse.present || mapping->serve_inquire.present;
}

bool
mapping_asks(const struct mapping *mapping)
{
    if (!mapping_serves(mapping) || mapping->inquire.present || mapping->reverse.present)
        return true;
    for (size_t i = 0; i < mapping->head_request.count; i++) {
        if (mapping->head_request.list[i].canonical.kind == SOURCE_ATTEMPT)
            return true;
    }
    return false;
}

/* --- rules --------------------------------------------------------------------------------------- */

static bool
is_broken(const struct rule *rule)
{
    return rule->directions == 0 || (rule->field < 0 && rule->from.kind == 0);
}

static bool
are_whole(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (is_broken(&rules->list[i]))
            return false;
    }
    return true;
}

static bool
has_value(const struct condition *condition, const char *value)
{
    for (size_t i = 0; i < condition->value_count; i++) {
        if (strcmp(condition->values[i], value) == 0)
            return true;
    }
    return false;
}

/* Could the rule hold for this transaction? infno NULL: for any. */
static bool
may_hold(const struct rule *rule, unsigned direction, const char *infno)
{
    if ((rule->directions & direction) == 0)
        return false;
    for (size_t i = 0; infno != NULL && i < rule->when.count; i++) {
        const struct condition *condition = &rule->when.list[i];
        if (condition->source.kind == SOURCE_HEADER && condition->source.part == PART_INFNO &&
            !has_value(condition, infno))
            return false;
    }
    return true;
}

/* --- fields of layouts --------------------------------------------------------------------------- */

struct filling { /* one record that is written */
    struct loader *loader;
    const config_setting_t *at;
    const char *infno; /* NULL: an inquiry or a reversal */
    const struct fep_layout *layout;
};

static void
check_fields(const struct filling *filling, const struct fep_field *fields, size_t count,
             const struct rules *rules, int filled_by_us)
{
    for (size_t i = 0; i < count && are_whole(rules); i++) {
        bool filled = (fields[i].flags & FEP_FIELD_REQUIRED) == 0 || (int)i == filled_by_us;
        for (size_t j = 0; !filled && j < rules->count; j++)
            filled =
                rules->list[j].field == (int)i && may_hold(&rules->list[j], DIRECTION_OUT, filling->infno);
        if (!filled)
            config_reader_problem(&filling->loader->reader, filling->at,
                                  "field %s of %s is required and no rule fills it", fields[i].name,
                                  filling->layout->name);
    }
}

static bool
has_required(const struct fep_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((fields[i].flags & FEP_FIELD_REQUIRED) != 0)
            return true;
    }
    return false;
}

static void
check_record(const struct filling *filling, const struct rules *rules, const struct group_map *group,
             int filled_by_us)
{
    const struct fep_layout *layout = filling->layout;
    if (layout == NULL)
        return;
    check_fields(filling, layout->fields, layout->field_count, rules, filled_by_us);
    if (group != NULL && group->present)
        check_fields(filling, layout->group_fields, layout->group_field_count, &group->rules, -1);
    else if (group != NULL && has_required(layout->group_fields, layout->group_field_count))
        config_reader_problem(&filling->loader->reader, filling->at,
                              "group %s of %s has required fields and there are no rules for it",
                              layout->group_name, layout->name);
}

/* --- canonical members --------------------------------------------------------------------------- */

/* What is left of a dotted name behind a path; NULL if it does not begin so. */
static const char *
behind(const struct path *path, const char *name)
{
    for (size_t i = 0; i < path->count; i++) {
        size_t size = strlen(path->steps[i].name);
        if (path->steps[i].select != NULL || strncmp(path->steps[i].name, name, size) != 0)
            return NULL;
        name += size;
        if (*name == '.')
            name++;
        else if (*name != '\0' || i + 1 < path->count)
            return NULL;
    }
    return name;
}

static bool
rules_set(const struct rules *rules, const char *infno, const char *member)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        const char *rest = rule->canonical.kind == SOURCE_DATA && may_hold(rule, DIRECTION_IN, infno)
                               ? behind(&rule->canonical.path, member)
                               : NULL;
        if (rest != NULL && *rest == '\0')
            return true;
    }
    return false;
}

static bool
group_sets(const struct group_map *group, const char *infno, const char *member)
{
    const char *rest = group->present ? behind(&group->path, member) : NULL;
    return rest != NULL && *rest != '\0' && rules_set(&group->rules, infno, rest);
}

static bool
request_sets(const struct mapping *mapping, const struct transaction_map *map, const char *member)
{
    return rules_set(&mapping->head_request, map->infno, member) ||
           rules_set(&map->request, map->infno, member) ||
           group_sets(&map->request_group, map->infno, member);
}

static bool
header_is_set(const struct rules *rules, const char *infno, const char *member)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        if (rule->canonical.kind == SOURCE_HEADER && may_hold(rule, DIRECTION_IN, infno) &&
            strcmp(rule->canonical.text + strlen("header."), member) == 0)
            return true;
    }
    return false;
}

/* --- one transaction ----------------------------------------------------------------------------- */

/* The member of the transaction where rules would be missing; the transaction itself if there is none. */
static const config_setting_t *
place_of(const config_setting_t *at, const char *name)
{
    const config_setting_t *member = config_setting_get_member(at, name);
    return member != NULL ? member : at;
}

static void
check_header(struct loader *loader, const struct transaction_map *map)
{
    const struct mapping *mapping = loader->mapping;
    const char *const *members = canonical_table_header(loader->tables->canonical);
    for (; *members != NULL; members++) {
        if (!header_is_set(&mapping->head_request, map->infno, *members) &&
            !header_is_set(&map->request, map->infno, *members))
            config_reader_problem(&loader->reader, map->at,
                                  "%s is served and no rule of its request or of the head sets header.%s",
                                  map->infno, *members);
    }
}

static void
check_served_members(struct loader *loader, const struct transaction_map *map)
{
    const struct canonical_members *members = canonical_table_find(loader->tables->canonical, map->infno);
    if (!are_whole(&loader->mapping->head_request) || !are_whole(&map->request) ||
        !are_whole(&map->request_group.rules))
        return;
    check_header(loader, map);
    for (size_t i = 0; members != NULL && members->input[i] != NULL; i++) {
        if (!request_sets(loader->mapping, map, members->input[i]))
            config_reader_problem(&loader->reader, place_of(map->at, "request"),
                                  "%s is served: its canonical request must have %s and no rule sets it",
                                  map->infno, members->input[i]);
    }
}

static void
check_asked_members(struct loader *loader, const struct transaction_map *map)
{
    const struct canonical_members *members = canonical_table_find(loader->tables->canonical, map->infno);
    if (members == NULL || !are_whole(&map->answer) || !are_whole(&map->answer_group.rules))
        return;
    for (size_t i = 0; members->output[i] != NULL; i++) {
        if (!rules_set(&map->answer, map->infno, members->output[i]) &&
            !group_sets(&map->answer_group, map->infno, members->output[i]))
            config_reader_problem(&loader->reader, place_of(map->at, "answer"),
                                  "%s is asked: its canonical answer must have %s and no rule sets it",
                                  map->infno, members->output[i]);
    }
}

/* Without a person an update would be in no order with others of the same one. */
static void
check_person(struct loader *loader, const struct transaction_map *map)
{
    const struct transaction *transaction = transaction_find(loader->tables->transactions, map->infno);
    if (transaction == NULL) {
        config_reader_problem(&loader->reader, place_of(map->at, "infno"),
                              "transaction %s is not in the transaction table", map->infno);
        return;
    }
    if (map->batch.most > 0 && (transaction->ways & TRAIT_BATCHES) == 0)
        config_reader_problem(&loader->reader, place_of(map->at, "batch"),
                              "batch is for transactions with the trait batches; %s has it not", map->infno);
    if (transaction->transaction_class != CLASS_QUERY && map->answered_by != MAPPING_FORWARDED)
        config_reader_problem(&loader->reader, place_of(map->at, "answered_by"),
                              "answered_by is for queries; %s is none", map->infno);
    if (transaction->transaction_class == CLASS_UPDATE && mapping_serves(loader->mapping) &&
        !config_reader_has(map->at, "person"))
        config_reader_problem(&loader->reader, map->at,
                              "person is missing: %s is an update, and updates of one person keep their "
                              "order; expected person = \"PATH\" of the person number in the request",
                              map->infno);
}

static void
check_person_is_set(struct loader *loader, const struct transaction_map *map)
{
    const struct source *person = &map->person;
    if (!map->has_person || person->kind != SOURCE_DATA || !are_whole(&loader->mapping->head_request) ||
        !are_whole(&map->request) || !are_whole(&map->request_group.rules))
        return;
    if (!request_sets(loader->mapping, map, person->text))
        config_reader_problem(&loader->reader, place_of(map->at, "person"),
                              "person = \"%s\": no rule of the request sets it", person->text);
}

static void
check_served(struct loader *loader, const struct transaction_map *map)
{
    check_person_is_set(loader, map);
    if (map->answer_layout != NULL)
        check_record(&(struct filling){loader, place_of(map->at, "answer"), map->infno, map->answer_layout},
                     &map->answer, &map->answer_group, -1);
    if (loader->tables->canonical != NULL)
        check_served_members(loader, map);
}

static void
check_asked(struct loader *loader, const struct transaction_map *map)
{
    check_record(&(struct filling){loader, place_of(map->at, "request"), map->infno, map->question},
                 &map->request, &map->request_group, -1);
    if (loader->tables->canonical != NULL)
        check_asked_members(loader, map);
}

static void
check_operation(struct loader *loader, const struct operation_map *map, bool serving)
{
    if (!map->present)
        return;
    struct filling filling = {loader, place_of(map->at, serving ? "answer" : "request"), NULL,
                              serving ? map->answer_layout : map->question};
    check_record(&filling, serving ? &map->answer : &map->request, NULL, serving ? map->field : -1);
}

void
mapping_check_required(struct loader *loader)
{
    const struct mapping *mapping = loader->mapping;
    bool served = mapping_serves(mapping), asked = mapping_asks(mapping);
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        if (loader->tables->transactions != NULL)
            check_person(loader, map);
        if (served)
            check_served(loader, map);
        if (asked)
            check_asked(loader, map);
    }
    check_operation(loader, &mapping->inquire, false);
    check_operation(loader, &mapping->reverse, false);
    check_operation(loader, &mapping->serve_reverse, true);
    check_operation(loader, &mapping->serve_inquire, true);
}
