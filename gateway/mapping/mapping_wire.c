/* Holds the facts of `wire` against what its family's module reads: names of fields and transactions that the
 * mapping does not have, numbers that are none, facts that are missing or that nobody reads. The engine
 * itself gives them to the module as they are. Adds its problems to those of the parts. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_table.h"

enum { NAME_SIZE = 128 };

struct checking {
    struct loader *loader;
    const config_setting_t *wire, *at;
    const struct wire_fact *fact;
};

static void __attribute__((format(printf, 2, 3)))
problem(const struct checking *checking, const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config_reader_problem(&checking->loader->reader, checking->at, "wire.%s: %s", checking->fact->name, text);
}

/* --- words --------------------------------------------------------------------------------------- */

/* The next word up to one of `ends` or a blank; false at the end of the text. */
static bool
take_word(const char **text, const char *ends, char word[NAME_SIZE])
{
    size_t size = strcspn(*text, ends);
    if (size == 0)
        return false;
    snprintf(word, NAME_SIZE, "%.*s", (int)(size < NAME_SIZE ? size : NAME_SIZE - 1), *text);
    *text += size;
    return true;
}

static bool
next_item(const char **list, char item[NAME_SIZE])
{
    *list += strspn(*list, " \t\n");
    return take_word(list, " \t\n", item);
}

/* --- names of the mapping ------------------------------------------------------------------------ */

static const char *
fact_text(const struct mapping *mapping, const char *name, size_t size)
{
    for (size_t i = 0; i < mapping->wire_count; i++) {
        const struct named_text *fact = &mapping->wire[i];
        if (strlen(fact->name) == size && memcmp(fact->name, name, size) == 0)
            return fact->text;
    }
    return NULL;
}

static bool
knows_transaction(const struct mapping *mapping, const char *local)
{
    const struct operation_map *const operations[] = {&mapping->inquire, &mapping->reverse,
                                                      &mapping->serve_reverse, &mapping->serve_inquire};
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        if (strcmp(mapping->transactions[i].local, local) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i]->local != NULL && strcmp(operations[i]->local, local) == 0)
            return true;
    }
    for (size_t i = 0; i < mapping->local_only_count; i++) {
        if (strcmp(mapping->local_only[i], local) == 0)
            return true;
    }
    return false;
}

/* "{sign_in}-Q" -> "9100-Q". false: that fact is not there or names no transaction, which is said elsewhere.
 */
static bool
layout_name(const struct mapping *mapping, const char *pattern, char name[NAME_SIZE])
{
    const char *end = pattern[0] == '{' ? strchr(pattern, '}') : NULL;
    if (end == NULL) {
        snprintf(name, NAME_SIZE, "%s", pattern);
        return true;
    }
    size_t size = (size_t)(end - pattern) - 1;
    const char *text = fact_text(mapping, pattern + 1, size);
    const struct operation_map *operation = operation_by_name(mapping, pattern + 1, size);
    if (text == NULL && operation != NULL)
        text = operation->local;
    if (text == NULL || !knows_transaction(mapping, text))
        return false;
    snprintf(name, NAME_SIZE, "%.60s%.60s", text, end + 1);
    return true;
}

static bool
has_field(const struct fep_layout *layout, const char *field)
{
    return layout != NULL &&
           (layout_find_field(layout, field, false) >= 0 || layout_find_field(layout, field, true) >= 0);
}

static bool
any_layout_has(const struct mapping *mapping, const char *field)
{
    for (size_t i = 0; i < mapping->layout_count; i++) {
        if (has_field(&mapping->layouts[i].layout, field))
            return true;
    }
    return false;
}

/* A field that must be in the layout of that pattern; in its group if `row`. */
static void
need_field(const struct checking *checking, const char *pattern, const char *field, bool row)
{
    const struct mapping *mapping = checking->loader->mapping;
    char name[NAME_SIZE];
    if (!layout_name(mapping, pattern, name))
        return;
    const struct fep_layout *layout = mapping_find_layout(mapping, name);
    if (layout == NULL)
        problem(checking, "field %.60s of the layout %.60s, which does not exist", field, name);
    else if (layout_find_field(layout, field, row) < 0)
        problem(checking, "the %s %.60s has no field %.60s", row ? "group of the layout" : "layout", name,
                field);
}

/* --- one fact of each kind ----------------------------------------------------------------------- */

static void
check_number(const struct checking *checking, const char *text)
{
    const struct wire_fact *fact = checking->fact;
    size_t size = strlen(text);
    bool digits = size > 0 && size <= 18 && strspn(text, "0123456789") == size;
    long long value = digits ? strtoll(text, NULL, 10) : -1;
    if (!digits || value < fact->minimum || value > fact->maximum)
        problem(checking, "\"%.40s\"; expected a whole number from %lld to %lld", text,
                (long long)fact->minimum, (long long)fact->maximum);
}

static void
check_word(const struct checking *checking, const char *text)
{
    char known[200] = "";
    for (const char *const *word = checking->fact->arguments; *word != NULL; word++) {
        if (strcmp(*word, text) == 0)
            return;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", *word);
    }
    problem(checking, "\"%.40s\"; expected one of %s", text, known);
}

static void
check_fields(const struct checking *checking, const char *text)
{
    char item[NAME_SIZE];
    while (next_item(&text, item)) {
        for (const char *const *layout = checking->fact->arguments; *layout != NULL; layout++)
            need_field(checking, *layout, item, checking->fact->kind == WIRE_ROW_FIELD);
    }
}

static void
check_transactions(const struct checking *checking, const char *text)
{
    char item[NAME_SIZE];
    while (next_item(&text, item)) {
        if (!knows_transaction(checking->loader->mapping, item))
            problem(checking, "the mapping has no local transaction %.60s", item);
    }
}

static void
check_return_codes(const struct checking *checking, const char *text)
{
    const struct mapping *mapping = checking->loader->mapping;
    char item[NAME_SIZE];
    while (next_item(&text, item)) {
        size_t i = 0;
        while (i < mapping->error_count && strcmp(mapping->errors[i].local, item) != 0)
            i++;
        if (i == mapping->error_count)
            problem(checking, "errors has no return code %.60s", item);
    }
}

/* FIELD=VALUE, FIELD==TEXT, FIELD=FIELD2[:N] */
static void
check_pairs(const struct checking *checking, const char *text)
{
    char item[NAME_SIZE], field[NAME_SIZE], other[NAME_SIZE];
    while (next_item(&text, item)) {
        const char *at = item;
        if (!take_word(&at, "=", field) || *at != '=') {
            problem(checking, "\"%.60s\"; expected FIELD=...", item);
            continue;
        }
        need_field(checking, checking->fact->arguments[0], field, false);
        at++;
        if (checking->fact->kind == WIRE_ASSIGNMENTS && *at != '=' &&
            (!take_word(&at, ":", other) || !any_layout_has(checking->loader->mapping, other)))
            problem(checking, "no layout has a field %.60s", item + strlen(field) + 1);
    }
}

/* NAME:FIELD; the layout is NAME with `suffix`. */
static void
check_placed_fields(const struct checking *checking, const char *text, const char *suffix)
{
    const struct mapping *mapping = checking->loader->mapping;
    char item[NAME_SIZE], place[NAME_SIZE], name[NAME_SIZE];
    while (next_item(&text, item)) {
        const char *at = item;
        if (!take_word(&at, ":", place) || *at != ':' || at[1] == '\0') {
            problem(checking, "\"%.60s\"; expected %s:FIELD", item,
                    suffix[0] != '\0' ? "TRANSACTION" : "LAYOUT");
            continue;
        }
        snprintf(name, sizeof name, "%.100s%s%.20s", place, suffix[0] != '\0' ? "-" : "", suffix);
        if (!has_field(mapping_find_layout(mapping, name), at + 1))
            problem(checking, "%.60s: the layout %.60s has no such field", item, name);
    }
}

/* FIELD ..., or FIELD:FIELD2 ... */
static void
check_any_fields(const struct checking *checking, const char *text, bool pairs)
{
    char item[NAME_SIZE], field[NAME_SIZE];
    while (next_item(&text, item)) {
        const char *at = item;
        for (size_t i = 0; i < (pairs ? 2u : 1u); i++) {
            if (!take_word(&at, pairs ? ":" : "", field) || !any_layout_has(checking->loader->mapping, field))
                problem(checking, "\"%.60s\": no layout has the field %.60s", item, *at != '\0' ? at : field);
            at += *at == ':';
        }
    }
}

/* T:FIELD=FIELD2 */
static void
check_echoes(const struct checking *checking, const char *text)
{
    const struct mapping *mapping = checking->loader->mapping;
    char item[NAME_SIZE], local[NAME_SIZE], told[NAME_SIZE], layout[NAME_SIZE];
    while (next_item(&text, item)) {
        const char *at = item;
        if (!take_word(&at, ":", local) || *at++ != ':' || !take_word(&at, "=", told) || *at++ != '=' ||
            *at == '\0') {
            problem(checking, "\"%.60s\"; expected TRANSACTION:FIELD=FIELD", item);
            continue;
        }
        if (strcmp(told, "rows") == 0 && strcmp(at, "rows") == 0)
            continue;
        snprintf(layout, sizeof layout, "%.100s-R", local);
        if (!has_field(mapping_find_layout(mapping, layout), told))
            problem(checking, "%.60s: the layout %.60s has no field %.60s", item, layout, told);
        snprintf(layout, sizeof layout, "%.100s-Q", local);
        if (!has_field(mapping_find_layout(mapping, layout), at))
            problem(checking, "%.60s: the layout %.60s has no field %.60s", item, layout, at);
    }
}

static void
check_fact(const struct checking *checking, const char *text)
{
    switch (checking->fact->kind) {
    case WIRE_TEXT:
        return;
    case WIRE_NUMBER:
        check_number(checking, text);
        return;
    case WIRE_WORD:
        check_word(checking, text);
        return;
    case WIRE_FIELD:
    case WIRE_FIELDS:
    case WIRE_ROW_FIELD:
        if (checking->fact->kind != WIRE_FIELDS && (text[0] == '\0' || strpbrk(text, " \t\n") != NULL))
            problem(checking, "\"%.60s\"; expected the name of one field", text);
        else
            check_fields(checking, text);
        return;
    case WIRE_TRANSACTIONS:
        check_transactions(checking, text);
        return;
    case WIRE_RETURN_CODES:
        check_return_codes(checking, text);
        return;
    case WIRE_CONSTANTS:
    case WIRE_ASSIGNMENTS:
        check_pairs(checking, text);
        return;
    case WIRE_LAYOUT_FIELDS:
        check_placed_fields(checking, text, "");
        return;
    case WIRE_TRANSACTION_FIELDS:
        check_placed_fields(checking, text, checking->fact->arguments[0]);
        return;
    case WIRE_ANY_FIELDS:
    case WIRE_FIELD_PAIRS:
        check_any_fields(checking, text, checking->fact->kind == WIRE_FIELD_PAIRS);
        return;
    case WIRE_ECHOES:
        check_echoes(checking, text);
        return;
    }
}

/* --- all of them --------------------------------------------------------------------------------- */

static void
check_names(struct loader *loader, const config_setting_t *wire, const struct wire_family *family)
{
    const char **names = load_take(loader, (family->count + 1) * sizeof *names);
    for (size_t i = 0; names != NULL && i < family->count; i++)
        names[i] = family->facts[i].name;
    if (names != NULL)
        config_reader_check_keys(&loader->reader, wire, names);
}

void
mapping_check_wire(struct loader *loader, const config_setting_t *root)
{
    const struct mapping *mapping = loader->mapping;
    const struct wire_family *family = mapping->family != NULL && loader->tables->wire != NULL
                                           ? wire_table_find(loader->tables->wire, mapping->family)
                                           : NULL;
    const config_setting_t *wire = config_setting_get_member(root, "wire");
    if (family == NULL || (wire != NULL && !config_setting_is_group(wire)))
        return;
    if (wire != NULL)
        check_names(loader, wire, family);
    for (size_t i = 0; i < family->count; i++) {
        const struct wire_fact *fact = &family->facts[i];
        const char *text = fact_text(mapping, fact->name, strlen(fact->name));
        const config_setting_t *at = wire != NULL ? config_setting_get_member(wire, fact->name) : NULL;
        struct checking checking = {loader, wire, at, fact};
        if (at == NULL && fact->required)
            config_reader_problem(&loader->reader, wire != NULL ? wire : root,
                                  "wire.%s is missing: the module of the family %s needs it", fact->name,
                                  family->name);
        else if (at != NULL && text != NULL && config_setting_type(at) == CONFIG_TYPE_STRING)
            check_fact(&checking, text);
    }
}
