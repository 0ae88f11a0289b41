/* Soft routing: the winning rule for a message, by longest area prefix, then by number of conditions, then by
 * place in the file. Must never depend on anything but its arguments. Fails only for memory, when a table is
 * built. */
#include "route.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct route_rule rule;
    size_t prefix_size, conditions, place;
};
struct route_table {
    size_t count;
    struct entry entries[]; /* best first */
};

static size_t
count_conditions(const struct route_rule *rule)
{
    const char *const texts[] = {rule->infno, rule->med_type, rule->insutype, rule->institution};
    size_t count = (rule->valid_from != 0) + (rule->valid_to != 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        count += texts[i][0] != '\0';
    return count;
}

static int
compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->prefix_size != b->prefix_size)
        return a->prefix_size > b->prefix_size ? -1 : 1;
    if (a->conditions != b->conditions)
        return a->conditions > b->conditions ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

struct route_table *
route_table_create(const struct route_rule *rules, size_t count)
{
    struct route_table *table = calloc(1, sizeof *table + count * sizeof *table->entries);
    if (table == NULL)
        return NULL;
    table->count = count;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &table->entries[i];
        entry->rule = rules[i];
        entry->prefix_size = strnlen(rules[i].prefix, sizeof rules[i].prefix);
        entry->conditions = count_conditions(&rules[i]);
        entry->place = i;
    }
    if (count > 1)
        qsort(table->entries, count, sizeof *table->entries, compare);
    return table;
}

void
route_table_destroy(struct route_table *table)
{
    free(table);
}

static const char *
known(const char *text)
{
    return text != NULL ? text : "";
}

/* A condition on something that is not known does not hold. */
static int
meets(const char *wanted, const char *value)
{
    return wanted[0] == '\0' || strcmp(wanted, known(value)) == 0;
}

static int
matches(const struct entry *entry, const struct route_query *query)
{
    const struct route_rule *rule = &entry->rule;
    if (strncmp(rule->prefix, known(query->insured_area), entry->prefix_size) != 0)
        return 0;
    if ((rule->valid_from != 0 && query->date < rule->valid_from) ||
        (rule->valid_to != 0 && query->date > rule->valid_to))
        return 0;
    return meets(rule->infno, query->infno) && meets(rule->med_type, query->med_type) &&
           meets(rule->insutype, query->insutype) && meets(rule->institution, query->institution);
}

const struct route_rule *
route_find(const struct route_table *table, const struct route_query *query)
{
    const struct route_rule *best = NULL;
    return route_explain(table, query, &best, 1) == 1 ? best : NULL;
}

size_t
route_explain(const struct route_table *table, const struct route_query *query, const struct route_rule **out,
              size_t room)
{
    size_t found = 0;
    for (size_t i = 0; i < table->count && found < room; i++)
        if (matches(&table->entries[i], query))
            out[found++] = &table->entries[i].rule;
    return found;
}

size_t
route_count(const struct route_table *table)
{
    return table->count;
}
