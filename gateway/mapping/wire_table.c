/* Reads schema/wire.cfg: for each family the facts that its module reads and what they must be, as
 * ("NAME", "[required] KIND [ARGUMENT ...]"). Must never take a line it does not understand. Fails with all
 * problems reported, each with file and line. */
#include "wire_table.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "config_reader.h"
#include "error.h"

enum { MOST_FAMILIES = 50, MOST_FACTS = 500, MOST_ARGUMENTS = 20, TEXT_SIZE = 256 };

struct wire_table {
    struct arena arena;
    struct wire_family *families;
    size_t count;
};

struct reading {
    struct config_reader reader;
    struct wire_table *table;
    bool no_memory;
};

static const struct {
    const char *word;
    enum wire_kind kind;
    size_t least, most; /* arguments */
} kinds[] = {{"text", WIRE_TEXT, 0, 0},
             {"number", WIRE_NUMBER, 2, 2},
             {"word", WIRE_WORD, 1, MOST_ARGUMENTS},
             {"field", WIRE_FIELD, 1, MOST_ARGUMENTS},
             {"fields", WIRE_FIELDS, 1, MOST_ARGUMENTS},
             {"row-field", WIRE_ROW_FIELD, 1, 1},
             {"transactions", WIRE_TRANSACTIONS, 0, 0},
             {"return-codes", WIRE_RETURN_CODES, 0, 0},
             {"constants", WIRE_CONSTANTS, 1, 1},
             {"assignments", WIRE_ASSIGNMENTS, 1, 1},
             {"layout-fields", WIRE_LAYOUT_FIELDS, 0, 0},
             {"transaction-fields", WIRE_TRANSACTION_FIELDS, 1, 1},
             {"any-fields", WIRE_ANY_FIELDS, 0, 0},
             {"field-pairs", WIRE_FIELD_PAIRS, 0, 0},
             {"echoes", WIRE_ECHOES, 0, 0}};

static const char *
keep(struct reading *reading, const char *text, size_t size)
{
    const char *copy = arena_text(&reading->table->arena, text, size);
    reading->no_memory = reading->no_memory || copy == NULL;
    return copy;
}

static bool
parse_bound(const char *text, int64_t *value)
{
    char *end;
    if (text == NULL || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return false;
    *value = strtoll(text, &end, 10);
    return true;
}

/* Words of the description, the kind first; false where it makes no kind. */
static bool
take_kind(struct wire_fact *fact, const char *const *words, size_t count)
{
    for (size_t i = 0; count > 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].word, words[0]) != 0)
            continue;
        fact->kind = kinds[i].kind;
        fact->arguments = words + 1;
        return count - 1 >= kinds[i].least && count - 1 <= kinds[i].most &&
               (fact->kind != WIRE_NUMBER ||
                (parse_bound(words[1], &fact->minimum) && parse_bound(words[2], &fact->maximum)));
    }
    return false;
}

static bool
describe(struct reading *reading, const char *text, struct wire_fact *fact)
{
    const char **words = arena_take(&reading->table->arena, (MOST_ARGUMENTS + 3) * sizeof *words);
    size_t count = 0;
    if (words == NULL) {
        reading->no_memory = true;
        return true;
    }
    for (text += strspn(text, " "); *text != '\0' && count < MOST_ARGUMENTS + 2; text += strspn(text, " ")) {
        size_t size = strcspn(text, " ");
        words[count++] = keep(reading, text, size);
        text += size;
    }
    if (reading->no_memory)
        return true;
    fact->required = count > 0 && strcmp(words[0], "required") == 0;
    return *text == '\0' && take_kind(fact, words + fact->required, count - fact->required);
}

static void
read_fact(struct reading *reading, const config_setting_t *item, struct wire_fact *facts, size_t *count)
{
    char name[TEXT_SIZE], text[TEXT_SIZE];
    struct config_reader *reader = &reading->reader;
    struct wire_fact fact = {0};
    if (config_reader_count(item) != 2) {
        config_reader_problem(reader, item, "a fact; expected (NAME, DESCRIPTION)");
        return;
    }
    if (!config_reader_item_text(reader, item, 0, name, sizeof name) ||
        !config_reader_item_text(reader, item, 1, text, sizeof text))
        return;
    if (!describe(reading, text, &fact))
        config_reader_problem(reader, item, "\"%s\"; expected [required] KIND [ARGUMENT ...]", text);
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(facts[i].name, name) == 0)
            config_reader_problem(reader, item, "fact %s stands twice", name);
    }
    fact.name = keep(reading, name, strlen(name));
    if (fact.name != NULL)
        facts[(*count)++] = fact;
}

static void
read_family(struct reading *reading, const config_setting_t *group)
{
    static const char *const keys[] = {"family", "facts", NULL};
    struct config_reader *reader = &reading->reader;
    char name[TEXT_SIZE];
    config_reader_check_keys(reader, group, keys);
    bool named = config_reader_text(reader, group, "family", CONFIG_REQUIRED, name, sizeof name);
    const config_setting_t *list = config_reader_list(reader, group, "facts", CONFIG_REQUIRED);
    int count = config_reader_count(list);
    if (count > MOST_FACTS)
        config_reader_problem(reader, list, "%d facts; at most %d are allowed", count, MOST_FACTS);
    if (!named || count > MOST_FACTS)
        return;
    struct wire_fact *facts = arena_take(&reading->table->arena, ((size_t)count + 1) * sizeof *facts);
    struct wire_family family = {.name = keep(reading, name, strlen(name)), .facts = facts};
    reading->no_memory = reading->no_memory || facts == NULL;
    for (int i = 0; !reading->no_memory && i < count; i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_LIST);
        if (item != NULL)
            read_fact(reading, item, facts, &family.count);
    }
    if (wire_table_find(reading->table, name) != NULL)
        config_reader_problem(reader, group, "family %s stands twice", name);
    reading->table->families[reading->table->count++] = family;
}

static void
read_all(struct reading *reading)
{
    static const char *const keys[] = {"families", NULL};
    struct wire_table *table = reading->table;
    const config_setting_t *root = config_reader_root(&reading->reader);
    config_reader_check_keys(&reading->reader, root, keys);
    const config_setting_t *list = config_reader_list(&reading->reader, root, "families", CONFIG_REQUIRED);
    int count = config_reader_count(list);
    if (count > MOST_FAMILIES) {
        config_reader_problem(&reading->reader, list, "%d families; at most %d are allowed", count,
                              MOST_FAMILIES);
        return;
    }
    table->families = arena_take(&table->arena, ((size_t)count + 1) * sizeof *table->families);
    reading->no_memory = table->families == NULL;
    for (int i = 0; !reading->no_memory && i < count; i++) {
        const config_setting_t *group = config_reader_item(&reading->reader, list, i, CONFIG_TYPE_GROUP);
        if (group != NULL)
            read_family(reading, group);
    }
}

struct wire_table *
wire_table_load(const char *path, void (*report)(void *arg, const char *line), void *arg,
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
    wire_table_destroy(reading.table);
    return NULL;
}

void
wire_table_destroy(struct wire_table *table)
{
    if (table == NULL)
        return;
    arena_free(&table->arena);
    free(table);
}

const struct wire_family *
wire_table_find(const struct wire_table *table, const char *family)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->families[i].name, family) == 0)
            return &table->families[i];
    }
    return NULL;
}
