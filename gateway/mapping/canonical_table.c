/* Reads schema/canonical.cfg. Must never take half a table: what is missing there would be missing from every
 * check. Fails with all problems reported, each with file and line. */
#include "canonical_table.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "config_reader.h"
#include "error.h"

enum { MOST_ENTRIES = 500, MOST_MEMBERS = 200, MEMBER_SIZE = 128 };

struct canonical_table {
    struct arena arena;
    const char *const *header;
    struct canonical_members *list;
    size_t count;
};

struct reading {
    struct config_reader reader;
    struct canonical_table *table;
    bool no_memory;
};

/* Names joined by dots. */
static bool
is_path(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    for (;;) {
        size_t name = strspn(text, letters);
        if (name == 0 || (text[name] != '.' && text[name] != '\0'))
            return false;
        if (text[name] == '\0')
            return true;
        text += name + 1;
    }
}

static const char *const *
read_members(struct reading *reading, const config_setting_t *group, const char *name)
{
    const config_setting_t *list = config_reader_list(&reading->reader, group, name, CONFIG_REQUIRED);
    int count = config_reader_count(list);
    if (count > MOST_MEMBERS) {
        config_reader_problem(&reading->reader, list, "%s: %d members; at most %d are allowed", name, count,
                              MOST_MEMBERS);
        count = 0;
    }
    const char **members = arena_take(&reading->table->arena, ((size_t)count + 1) * sizeof *members);
    size_t kept = 0;
    for (int i = 0; members != NULL && i < count; i++) {
        char text[MEMBER_SIZE];
        if (!config_reader_item_text(&reading->reader, list, i, text, sizeof text))
            continue;
        if (!is_path(text))
            config_reader_problem(&reading->reader, config_setting_get_elem(list, (unsigned)i),
                                  "%s: \"%s\"; expected names joined by dots", name, text);
        if ((members[kept++] = arena_text(&reading->table->arena, text, strlen(text))) == NULL)
            members = NULL;
    }
    reading->no_memory = reading->no_memory || members == NULL;
    return members;
}

static void
add_entry(struct reading *reading, const config_setting_t *at, const char *infno,
          const struct canonical_members *members)
{
    struct canonical_table *table = reading->table;
    if (!infno_is_valid(infno))
        config_reader_problem(&reading->reader, at, "infno \"%s\"; expected 4 to 6 letters and digits",
                              infno);
    else if (canonical_table_find(table, infno) != NULL)
        config_reader_problem(&reading->reader, at, "%s stands in the table twice", infno);
    else if (table->count == MOST_ENTRIES)
        config_reader_problem(&reading->reader, at, "more than %d transactions", MOST_ENTRIES);
    else {
        table->list[table->count] = *members;
        memcpy(table->list[table->count++].infno, infno, strlen(infno) + 1);
    }
}

static void
read_entry(struct reading *reading, const config_setting_t *group)
{
    static const char *const keys[] = {"infno", "input", "output", NULL};
    struct canonical_members members = {.infno = ""};
    config_reader_check_keys(&reading->reader, group, keys);
    members.input = read_members(reading, group, "input");
    members.output = read_members(reading, group, "output");
    const config_setting_t *list = config_reader_list(&reading->reader, group, "infno", CONFIG_REQUIRED);
    for (int i = 0; i < config_reader_count(list); i++) {
        char infno[32];
        if (config_reader_item_text(&reading->reader, list, i, infno, sizeof infno))
            add_entry(reading, config_setting_get_elem(list, (unsigned)i), infno, &members);
    }
}

static void
read_all(struct reading *reading)
{
    static const char *const keys[] = {"header", "transactions", NULL};
    struct canonical_table *table = reading->table;
    const config_setting_t *root = config_reader_root(&reading->reader);
    config_reader_check_keys(&reading->reader, root, keys);
    table->header = read_members(reading, root, "header");
    table->list = arena_take(&table->arena, MOST_ENTRIES * sizeof *table->list);
    reading->no_memory = reading->no_memory || table->list == NULL;
    const config_setting_t *list =
        config_reader_list(&reading->reader, root, "transactions", CONFIG_REQUIRED);
    for (int i = 0; table->list != NULL && i < config_reader_count(list); i++) {
        const config_setting_t *group = config_reader_item(&reading->reader, list, i, CONFIG_TYPE_GROUP);
        if (group != NULL)
            read_entry(reading, group);
    }
    if (list != NULL && config_reader_count(list) == 0)
        config_reader_problem(&reading->reader, list, "transactions: the list is empty");
}

struct canonical_table *
canonical_table_load(const char *path, void (*report)(void *arg, const char *line), void *arg,
                     struct fep_error *error)
{
    struct reading reading = {.table = calloc(1, sizeof *reading.table)};
    if (reading.table == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for %s", path);
        return NULL;
    }
    if (config_reader_open(&reading.reader, path, FEP_E_CONFIG_INVALID, report, arg, error) == 0)
        read_all(&reading);
    int status = config_reader_close(&reading.reader);
    if (status == 0 && reading.no_memory)
        status = error_set(error, 0, FEP_E_NO_MEMORY, "no memory for %s", path);
    if (status == 0)
        return reading.table;
    canonical_table_destroy(reading.table);
    return NULL;
}

void
canonical_table_destroy(struct canonical_table *table)
{
    if (table == NULL)
        return;
    arena_free(&table->arena);
    free(table);
}

const char *const *
canonical_table_header(const struct canonical_table *table)
{
    return table->header;
}

const struct canonical_members *
canonical_table_find(const struct canonical_table *table, const char *infno)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->list[i].infno, infno) == 0)
            return &table->list[i];
    }
    return NULL;
}
