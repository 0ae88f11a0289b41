/* What only the whole file can tell: layouts nobody uses, transactions that shadow each other, rules that can
 * not meet their layout. Runs last; adds its problems to those of the parts. */
#include "model.h"

#include <stdio.h>
#include <string.h>

/* Where a system gives the answer of T as a file, its records are T-H, T-D and T-T. */
static void
use_layouts_of(struct loader *loader, const char *local)
{
    static const char suffixes[] = "QRHDT";
    char name[64];
    for (size_t i = 0; suffixes[i] != '\0'; i++) {
        snprintf(name, sizeof name, "%.58s-%c", local, suffixes[i]);
        (void)load_find_layout(loader, name);
    }
}

static void
check_layouts(struct loader *loader)
{
    const struct mapping *mapping = loader->mapping;
    for (size_t i = 0; i < mapping->local_only_count; i++)
        use_layouts_of(loader, mapping->local_only[i]);
    for (size_t i = 0; i < mapping->transaction_count; i++)
        use_layouts_of(loader, mapping->transactions[i].local);
    for (size_t i = 0; i < mapping->layout_count; i++) {
        if (!mapping->layouts[i].used)
            config_reader_problem(
                &loader->reader, mapping->layouts[i].at,
                "layout %s belongs to no transaction; expected head-Q, head-R or T-Q, T-R of a "
                "transaction (T-H, T-D, T-T in files), inquire, reverse, serve_reverse or local_only",
                mapping->layouts[i].layout.name);
    }
}

/* A local transaction with several canonical ones needs conditions on all but the last, or the first always
 * wins. */
static void
check_ambiguity(struct loader *loader, const config_setting_t *root)
{
    const struct mapping *mapping = loader->mapping;
    const config_setting_t *list = config_setting_get_member(root, "transactions");
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        for (size_t j = i + 1; j < mapping->transaction_count; j++) {
            const struct transaction_map *other = &mapping->transactions[j];
            if (strcmp(map->infno, other->infno) == 0)
                config_reader_problem(&loader->reader, list, "transaction %s stands twice (%s and %s)",
                                      map->infno, map->where, other->where);
        }
    }
}

/* Not there, or there with nothing in it; of another type it was reported as that. */
static bool
lacks_list(const config_setting_t *group, const char *name)
{
    const config_setting_t *list = config_setting_get_member(group, name);
    return list == NULL || (config_setting_is_aggregate(list) && config_setting_length(list) == 0);
}

/* A finding by a canonical code that no return code becomes would never be made. */
static void
check_codes_of_findings(struct loader *loader, const struct operation_map *map)
{
    const struct mapping *mapping = loader->mapping;
    for (size_t i = 0; i < map->by_error.count; i++) {
        bool made = false;
        for (size_t j = 0; j < mapping->error_count; j++)
            made = made || (mapping->errors[j].code == map->by_error.list[i].code &&
                            (mapping->errors[j].directions & DIRECTION_IN) != 0);
        if (!made && map->by_error.list[i].code != 0)
            config_reader_problem(&loader->reader, config_setting_get_member(map->at, "findings_by_error"),
                                  "findings_by_error: no return code of errors becomes %u",
                                  map->by_error.list[i].code);
    }
}

/* Serving needs msgids, and the asked side of an inquiry needs findings. */
static void
check_operations(struct loader *loader, const config_setting_t *root)
{
    const struct mapping *mapping = loader->mapping;
    const struct {
        const struct operation_map *map;
        const char *name;
    } operations[] = {{&mapping->inquire, "inquire"},
                      {&mapping->reverse, "reverse"},
                      {&mapping->serve_reverse, "serve_reverse"},
                      {&mapping->serve_inquire, "serve_inquire"}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i].map->present && lacks_list(operations[i].map->at, "findings"))
            config_reader_problem(&loader->reader, config_setting_get_member(root, operations[i].name),
                                  "%s has no findings", operations[i].name);
        check_codes_of_findings(loader, operations[i].map);
    }
    for (size_t i = 2; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i].map->present && lacks_list(root, "msgid"))
            config_reader_problem(&loader->reader, config_setting_get_member(root, operations[i].name),
                                  "%s without msgid: an original could not be named", operations[i].name);
    }
}

void
mapping_check(struct loader *loader, const config_setting_t *root)
{
    check_layouts(loader);
    check_ambiguity(loader, root);
    check_operations(loader, root);
    mapping_check_required(loader);
    mapping_check_wire(loader, root);
    if (loader->mapping->head_question == NULL)
        config_reader_problem(&loader->reader, config_setting_get_member(root, "layouts"),
                              "layout head-Q is missing");
}
