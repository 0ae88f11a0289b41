/* Sources, paths and conditions: the second half of a rule. Fails with file and line and the word that was
 * not understood. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part_word {
    enum source_kind kind;
    const char *word;
    enum source_part part;
};

static const struct part_word part_words[] = {
    {SOURCE_HEADER, "infno", PART_INFNO},
    {SOURCE_HEADER, "msgid", PART_MSGID},
    {SOURCE_HEADER, "treat_area", PART_TREAT_AREA},
    {SOURCE_HEADER, "insured_area", PART_INSURED_AREA},
    {SOURCE_HEADER, "institution", PART_INSTITUTION},
    {SOURCE_ATTEMPT, "serial20", PART_SERIAL20},
    {SOURCE_ATTEMPT, "date", PART_DATE},
    {SOURCE_ATTEMPT, "number", PART_NUMBER},
    {SOURCE_ATTEMPT, "accounting_date", PART_ACCOUNTING_DATE},
    {SOURCE_ATTEMPT, "cycle", PART_CYCLE},
    {SOURCE_ORIGINAL, "local", PART_LOCAL},
    {SOURCE_ORIGINAL, "serial20", PART_SERIAL20},
    {SOURCE_ORIGINAL, "date", PART_DATE},
    {SOURCE_ORIGINAL, "accounting_date", PART_ACCOUNTING_DATE},
    {SOURCE_ORIGINAL, "cycle", PART_CYCLE},
    {SOURCE_CLOCK, "date", PART_DATE},
    {SOURCE_CLOCK, "time", PART_TIME},
    {SOURCE_CLOCK, "datetime", PART_DATETIME},
};

static const struct {
    const char *word;
    enum source_kind kind;
} kind_words[] = {{"envelope", SOURCE_ENVELOPE}, {"header", SOURCE_HEADER},     {"visit", SOURCE_VISIT},
                  {"attempt", SOURCE_ATTEMPT},   {"original", SOURCE_ORIGINAL}, {"local", SOURCE_LOCAL},
                  {"clock", SOURCE_CLOCK},       {"request", SOURCE_REQUEST},   {"age", SOURCE_AGE},
                  {"person", SOURCE_PERSON}};

static const char *
keep_part(struct loader *loader, const char *text, size_t size)
{
    char *copy = arena_text(&loader->mapping->arena, text, size);
    if (copy == NULL)
        loader->no_memory = true;
    return copy;
}

/* "310,390" */
static void
load_values(struct loader *loader, const char *text, size_t size, struct path_step *step)
{
    size_t count = 1, at = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',';
    const char **values = load_take(loader, count * sizeof *values);
    step->values = values;
    while (values != NULL && at <= size) {
        size_t part = strcspn(text + at, ",]");
        values[step->value_count++] = keep_part(loader, text + at, part);
        at += part + 1;
    }
}

/* NAME or NAME[MEMBER=V1,V2]; returns its length, 0 if it is neither. */
static size_t
load_step(struct loader *loader, const char *text, struct path_step *step)
{
    size_t name = strcspn(text, ".[]=,");
    if (name == 0 || text[name] == ']' || text[name] == '=' || text[name] == ',')
        return 0;
    step->name = keep_part(loader, text, name);
    if (text[name] != '[')
        return name;
    const char *member = text + name + 1;
    size_t member_size = strcspn(member, "=].["), values = 0;
    if (member_size == 0 || member[member_size] != '=')
        return 0;
    const char *list = member + member_size + 1;
    values = strcspn(list, "].[=");
    if (values == 0 || list[values] != ']')
        return 0;
    step->select = keep_part(loader, member, member_size);
    load_values(loader, list, values, step);
    return (size_t)(list + values + 1 - text);
}

bool
load_path(struct loader *loader, const config_setting_t *at, const char *text, struct path *path)
{
    struct path_step steps[MAX_STEPS] = {{0}};
    size_t count = 0;
    const char *rest = text;
    for (;;) {
        size_t size = count < MAX_STEPS ? load_step(loader, rest, &steps[count]) : 0;
        count++;
        if (size == 0 || (rest[size] != '.' && rest[size] != '\0')) {
            config_reader_problem(
                &loader->reader, at,
                "path \"%s\"; expected up to %d names joined by dots, one may be NAME[MEMBER=V1,V2]", text,
                MAX_STEPS);
            return false;
        }
        if (rest[size] == '\0')
            break;
        rest += size + 1;
    }
    struct path_step *kept = load_take(loader, count * sizeof *kept);
    if (kept == NULL)
        return false;
    memcpy(kept, steps, count * sizeof *kept);
    *path = (struct path){kept, count};
    return true;
}

static bool
load_part(struct loader *loader, const config_setting_t *at, const char *text, const char *word,
          struct source *source)
{
    for (size_t i = 0; i < sizeof part_words / sizeof part_words[0]; i++) {
        if (part_words[i].kind == source->kind && strcmp(part_words[i].word, word) == 0) {
            source->part = part_words[i].part;
            return true;
        }
    }
    config_reader_problem(&loader->reader, at, "source \"%s\" is not known", text);
    return false;
}

/* NAME, or NAME:N for its first N bytes. */
static bool
load_local(struct loader *loader, const config_setting_t *at, const char *text,
           const struct rule_scope *scope, struct source *source)
{
    const char *colon = strchr(text, ':');
    const char *name = colon != NULL ? keep_part(loader, text, (size_t)(colon - text)) : text;
    source->field = -1;
    source->take = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    if (name == NULL || (colon != NULL && (source->take == 0 || source->take > MAP_TEXT))) {
        config_reader_problem(&loader->reader, at, "local.%s; expected local.NAME or local.NAME:N", text);
        return false;
    }
    if (scope->layout != NULL && scope->in_group) {
        source->field = layout_find_field(scope->layout, name, true);
        source->field_in_group = source->field >= 0;
    }
    if (scope->layout != NULL && source->field < 0)
        source->field = layout_find_field(scope->layout, name, false);
    if (source->field >= 0)
        return true;
    config_reader_problem(&loader->reader, at, "local.%s: the layout %s has no such field", name,
                          scope->layout != NULL ? scope->layout->name : "(none)");
    return false;
}

bool
load_source(struct loader *loader, const config_setting_t *at, const char *text,
            const struct rule_scope *scope, struct source *source)
{
    *source = (struct source){.kind = SOURCE_DATA, .text = load_keep(loader, text), .field = -1};
    if (text[0] == '=') {
        source->kind = SOURCE_CONSTANT;
        source->text = load_keep(loader, text + 1);
        return source->text != NULL;
    }
    if (sum_is_written(text))
        return load_sum(loader, at, text, scope, source);
    size_t first = strcspn(text, ".");
    for (size_t i = 0; text[first] == '.' && i < sizeof kind_words / sizeof kind_words[0]; i++) {
        if (strlen(kind_words[i].word) == first && memcmp(kind_words[i].word, text, first) == 0)
            source->kind = kind_words[i].kind;
    }
    const char *rest = text + first + 1;
    switch (source->kind) {
    case SOURCE_DATA:
        return load_path(loader, at, text, &source->path);
    case SOURCE_ENVELOPE:
        return load_path(loader, at, rest, &source->path);
    case SOURCE_LOCAL:
    case SOURCE_AGE:
        return load_local(loader, at, rest, scope, source);
    case SOURCE_REQUEST:
    case SOURCE_PERSON:
        return load_path(loader, at, rest, &source->path);
    case SOURCE_VISIT:
        if (strcmp(rest, "class") == 0) {
            source->part = PART_CLASS;
            return true;
        }
        return load_path(loader, at, rest, &source->path);
    default:
        return load_part(loader, at, text, rest, source);
    }
}

/* "" compares with what is not there, so it is no mistake here. */
static const char *
load_wanted(struct loader *loader, const config_setting_t *item, int place)
{
    const char *text = config_setting_get_string_elem(item, place);
    return text != NULL && text[0] == '\0' ? "" : load_item(loader, item, place);
}

static void
load_condition(struct loader *loader, const config_setting_t *item, const struct rule_scope *scope,
               struct condition *condition)
{
    int count = config_reader_count(item);
    const char *text = load_item(loader, item, 0);
    if (count < 2)
        config_reader_problem(&loader->reader, item, "condition; expected (SOURCE, VALUE [, VALUE ...])");
    if (text == NULL || count < 2 || !load_source(loader, item, text, scope, &condition->source))
        return;
    const char **values = load_take(loader, (size_t)count * sizeof *values);
    condition->values = values;
    for (int i = 1; values != NULL && i < count; i++) {
        const char *value = load_wanted(loader, item, i);
        if (value != NULL)
            values[condition->value_count++] = value;
    }
}

void
load_conditions(struct loader *loader, const config_setting_t *group, const struct rule_scope *scope,
                struct conditions *conditions)
{
    const config_setting_t *list = config_reader_list(&loader->reader, group, "when", 0);
    if (list == NULL)
        return;
    bool single = load_is_single(list);
    struct rule_scope own = *scope; /* a condition that can not be read is false, and a sum must not be */
    own.settles = false;
    size_t count = single ? 1 : load_count(loader, list);
    struct condition *kept = count > 0 ? load_take(loader, count * sizeof *kept) : NULL;
    for (size_t i = 0; kept != NULL && i < count; i++) {
        const config_setting_t *item =
            single ? list : config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item != NULL)
            load_condition(loader, item, &own, &kept[i]);
    }
    if (kept != NULL)
        *conditions = (struct conditions){kept, count};
}
