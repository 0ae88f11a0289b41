/* Code lists and return codes. A value that maps two ways in one direction is refused here, not guessed at
 * later. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

/* "in", "out", or absent: both. */
static unsigned
read_direction(struct loader *loader, const config_setting_t *item, int place)
{
    if (config_reader_count(item) <= place)
        return DIRECTION_BOTH;
    const char *word = load_item(loader, item, place);
    if (word != NULL && strcmp(word, "in") == 0)
        return DIRECTION_IN;
    if (word != NULL && strcmp(word, "out") == 0)
        return DIRECTION_OUT;
    config_reader_problem(&loader->reader, item, "direction; expected \"in\", \"out\" or nothing");
    return DIRECTION_BOTH;
}

static void
check_pair(struct loader *loader, const config_setting_t *item, const struct code_list *list,
           const struct code_pair *pairs, size_t count)
{
    const struct code_pair *pair = &pairs[count];
    for (size_t i = 0; i < count; i++) {
        unsigned both = pairs[i].directions & pair->directions;
        if ((both & DIRECTION_IN) != 0 && strcmp(pairs[i].local, pair->local) == 0)
            config_reader_problem(
                &loader->reader, item,
                "list %s: local %s maps to %s and to %s; give one of them the direction \"out\"", list->name,
                pair->local, pairs[i].national, pair->national);
        if ((both & DIRECTION_OUT) != 0 && strcmp(pairs[i].national, pair->national) == 0)
            config_reader_problem(
                &loader->reader, item,
                "list %s: national %s maps to %s and to %s; give one of them the direction \"in\"",
                list->name, pair->national, pairs[i].local, pair->local);
    }
}

static void
load_pairs(struct loader *loader, const config_setting_t *group, struct code_list *list)
{
    const config_setting_t *items = config_reader_list(&loader->reader, group, "pairs", CONFIG_REQUIRED);
    size_t count = load_count(loader, items);
    struct code_pair *pairs = count > 0 ? load_take(loader, count * sizeof *pairs) : NULL;
    for (size_t i = 0; pairs != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, items, (int)i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        struct code_pair *pair = &pairs[list->pair_count];
        pair->national = load_item(loader, item, 0);
        pair->local = load_item(loader, item, 1);
        pair->directions = read_direction(loader, item, 2);
        if (pair->national == NULL || pair->local == NULL)
            continue;
        check_pair(loader, item, list, pairs, list->pair_count);
        list->pair_count++;
    }
    list->pairs = pairs;
}

static void
load_unknown(struct loader *loader, const config_setting_t *group, struct code_list *list)
{
    const char *word = load_member(loader, group, "unknown", CONFIG_REQUIRED);
    list->unknown = UNKNOWN_REFUSE;
    if (word == NULL || strcmp(word, "refuse") == 0)
        return;
    if (strcmp(word, "keep") == 0) {
        list->unknown = UNKNOWN_KEEP;
    } else if (strncmp(word, "other:", 6) == 0 && word[6] != '\0') {
        list->unknown = UNKNOWN_OTHER;
        list->other = word + 6;
    } else {
        config_reader_problem(&loader->reader, config_setting_get_member(group, "unknown"),
                              "unknown = \"%.40s\"; expected refuse, keep or other:VALUE", word);
    }
}

void
load_codes(struct loader *loader, const config_setting_t *root)
{
    static const char *const keys[] = {"name", "unknown", "pairs", NULL};
    struct mapping *mapping = loader->mapping;
    const config_setting_t *items = config_reader_list(&loader->reader, root, "codes", 0);
    size_t count = load_count(loader, items);
    mapping->codes = count > 0 ? load_take(loader, count * sizeof *mapping->codes) : NULL;
    for (size_t i = 0; mapping->codes != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, items, (int)i, CONFIG_TYPE_GROUP);
        if (item == NULL)
            continue;
        struct code_list *list = &mapping->codes[mapping->code_count];
        config_reader_check_keys(&loader->reader, item, keys);
        list->name = load_member(loader, item, "name", CONFIG_REQUIRED);
        if (list->name == NULL)
            continue;
        if (load_find_codes(loader, list->name) != NULL)
            config_reader_problem(&loader->reader, item, "code list %s stands twice", list->name);
        load_unknown(loader, item, list);
        load_pairs(loader, item, list);
        mapping->code_count++;
    }
}

const struct code_list *
load_find_codes(const struct loader *loader, const char *name)
{
    const struct mapping *mapping = loader->mapping;
    for (size_t i = 0; i < mapping->code_count; i++) {
        if (strcmp(mapping->codes[i].name, name) == 0)
            return &mapping->codes[i];
    }
    return NULL;
}

/* --- return codes -------------------------------------------------------------------------------- */

static char
read_class(struct loader *loader, const config_setting_t *item, int place)
{
    const char *word = load_item(loader, item, place);
    if (word != NULL && strlen(word) == 1 && strchr("NRU", word[0]) != NULL)
        return word[0];
    config_reader_problem(&loader->reader, item, "class; expected \"N\", \"R\" or \"U\"");
    return 'N';
}

static void
check_error_row(struct loader *loader, const config_setting_t *item, size_t count)
{
    const struct error_row *rows = loader->mapping->errors, *row = &rows[count];
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].directions & row->directions & DIRECTION_IN) != 0 &&
            strcmp(rows[i].local, row->local) == 0)
            config_reader_problem(&loader->reader, item, "return code %s stands twice", row->local);
        if ((rows[i].directions & row->directions & DIRECTION_OUT) != 0 && rows[i].code == row->code &&
            rows[i].class_letter == row->class_letter)
            config_reader_problem(&loader->reader, item,
                                  "canonical %u maps to %s and to %s; give one of them the direction \"in\"",
                                  row->code, rows[i].local, row->local);
    }
}

static void
load_error_row(struct loader *loader, const config_setting_t *item)
{
    struct mapping *mapping = loader->mapping;
    struct error_row *row = &mapping->errors[mapping->error_count];
    char text[32];
    row->local = load_item(loader, item, 0);
    row->class_letter = read_class(loader, item, 1);
    const config_setting_t *code = config_setting_get_elem(item, 2);
    int number =
        code != NULL && config_setting_type(code) == CONFIG_TYPE_INT ? config_setting_get_int(code) : -1;
    if ((number < 0 || number > 9999) && !config_reader_is_misread(&loader->reader, code))
        config_reader_problem(&loader->reader, item,
                              "canonical code; expected a number of up to four digits");
    row->code = (uint32_t)number;
    row->directions = read_direction(loader, item, 3);
    if (row->local == NULL)
        return;
    snprintf(text, sizeof text, "%c:%d", row->class_letter, number);
    row->in_text = load_keep(loader, text);
    check_error_row(loader, item, mapping->error_count);
    mapping->error_count++;
}

static void
load_defaults(struct loader *loader, const config_setting_t *root)
{
    static const char letters[] = "NRU";
    struct mapping *mapping = loader->mapping;
    const config_setting_t *items = config_reader_list(&loader->reader, root, "errors_default", 0);
    for (int i = 0; i < config_reader_count(items); i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, items, i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        char letter = read_class(loader, item, 0);
        mapping->error_defaults[strchr(letters, letter) - letters] = load_item(loader, item, 1);
    }
    for (size_t i = 0; i < 3; i++) {
        if (mapping->error_defaults[i] == NULL &&
            (items != NULL || !config_reader_has(root, "errors_default")))
            config_reader_problem(&loader->reader, items != NULL ? items : root,
                                  "errors_default: no return code for class %c", letters[i]);
    }
}

void
load_errors(struct loader *loader, const config_setting_t *root)
{
    struct mapping *mapping = loader->mapping;
    const config_setting_t *items = config_reader_list(&loader->reader, root, "errors", CONFIG_REQUIRED);
    size_t count = load_count(loader, items);
    mapping->errors = count > 0 ? load_take(loader, count * sizeof *mapping->errors) : NULL;
    for (size_t i = 0; mapping->errors != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, items, (int)i, CONFIG_TYPE_LIST);
        if (item != NULL)
            load_error_row(loader, item);
    }
    load_defaults(loader, root);
}
