/* sum(...) and count(...) over the elements of a canonical array. Must never round, nor pass over an element
 * whose amount can not be read: a sum is whole or it is an error. */
#include "translation.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "error.h"

enum { SUM_SCALE = 4, MONEY_SCALE = 2, MOST_TERMS = 8 };

/* --- reading ------------------------------------------------------------------------------------- */

static bool
wrong(struct loader *loader, const config_setting_t *at, const char *text)
{
    config_reader_problem(&loader->reader, at,
                          "\"%.80s\"; expected sum(PATH.MEMBER [where MEMBER=V1,V2 and MEMBER>=N ...]) or "
                          "count(PATH [where ...]), or visit. and one of them",
                          text);
    return false;
}

static const char *
keep(struct loader *loader, const char *text, size_t size)
{
    const char *copy = arena_text(&loader->mapping->arena, text, size);
    loader->no_memory = loader->no_memory || copy == NULL;
    return copy;
}

static size_t
name_size(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* "01,02"; a value may be any text without commas and blanks. */
static bool
load_list(struct loader *loader, const char *text, size_t size, struct sum_term *term)
{
    size_t count = 1, at = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',';
    const char **values = load_take(loader, count * sizeof *values);
    term->values = values;
    while (values != NULL && at <= size) {
        size_t part = strcspn(text + at, ", )");
        if (part == 0 || (values[term->value_count++] = keep(loader, text + at, part)) == NULL)
            return false;
        at += part + 1;
    }
    return values != NULL;
}

/* MEMBER=V1,V2  MEMBER!=V1  MEMBER>=N  <=  >  < ; its length, 0 if it is none. */
static size_t
load_term(struct loader *loader, const char *text, struct sum_term *term)
{
    static const struct {
        const char *word;
        enum sum_relation relation;
    } words[] = {{">=", SUM_AT_LEAST}, {"<=", SUM_AT_MOST}, {"!=", SUM_NOT},
                 {">", SUM_ABOVE},     {"<", SUM_BELOW},    {"=", SUM_EQUAL}};
    size_t name = name_size(text), used = 0;
    if (name == 0)
        return 0;
    term->member = keep(loader, text, name);
    for (size_t i = 0; used == 0 && i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(text + name, words[i].word, strlen(words[i].word)) == 0) {
            used = strlen(words[i].word);
            term->relation = words[i].relation;
        }
    }
    const char *value = text + name + used;
    size_t size = strcspn(value, " )");
    if (used == 0 || size == 0)
        return 0;
    bool good = term->relation == SUM_EQUAL || term->relation == SUM_NOT
                    ? load_list(loader, value, size, term)
                    : decimal_parse(value, size, SUM_SCALE, &term->bound);
    return good ? name + used + size : 0;
}

/* " where TERM and TERM)" */
static bool
load_terms(struct loader *loader, const char *text, struct sum *sum)
{
    struct sum_term terms[MOST_TERMS] = {{0}};
    const char *word = " where ";
    while (strcmp(text, ")") != 0) {
        size_t size = strlen(word), used;
        if (sum->term_count == MOST_TERMS || strncmp(text, word, size) != 0 ||
            (used = load_term(loader, text + size, &terms[sum->term_count])) == 0)
            return false;
        sum->term_count++;
        text += size + used;
        word = " and ";
    }
    struct sum_term *kept = sum->term_count > 0 ? load_take(loader, sum->term_count * sizeof *kept) : NULL;
    if (kept != NULL)
        memcpy(kept, terms, sum->term_count * sizeof *kept);
    sum->terms = kept;
    return true;
}

static const char *
skip_visit(const char *text)
{
    return strncmp(text, "visit.", 6) == 0 ? text + 6 : text;
}

bool
sum_is_written(const char *text)
{
    text = skip_visit(text);
    return strncmp(text, "sum(", 4) == 0 || strncmp(text, "count(", 6) == 0;
}

static bool
check_visit(struct loader *loader, const config_setting_t *at, const char *text,
            const struct rule_scope *scope, const char *path)
{
    if (!scope->settles || scope->in_group) {
        config_reader_problem(
            &loader->reader, at,
            "\"%.80s\": the visit's lines belong to fields of the requests of 2206, 2207, 2303 "
            "and 2304",
            text);
        return false;
    }
    if (strncmp(path, "feedetail", 9) != 0 || strchr(". )", path[9]) == NULL) {
        config_reader_problem(&loader->reader, at, "\"%.80s\": the visit's lines are feedetail", text);
        return false;
    }
    return true;
}

bool
load_sum(struct loader *loader, const config_setting_t *at, const char *text, const struct rule_scope *scope,
         struct source *source)
{
    struct sum *sum = load_take(loader, sizeof *sum);
    const char *whole = text;
    text = skip_visit(whole);
    bool counts = text[0] == 'c';
    const char *path = text + (counts ? 6 : 4);
    size_t size = strcspn(path, " )");
    const char *kept = sum != NULL ? keep(loader, path, size) : NULL;
    if (kept == NULL)
        return false;
    sum->of_visit = text != whole;
    if (sum->of_visit && !check_visit(loader, at, whole, scope, path))
        return false;
    sum->of_request = strncmp(kept, "request.", 8) == 0;
    if (size == 0 || !load_path(loader, at, kept + (sum->of_request ? 8 : 0), &sum->path))
        return size > 0 ? false : wrong(loader, at, text);
    if (!counts) {
        if (sum->path.count < 2 || sum->path.steps[sum->path.count - 1].select != NULL)
            return wrong(loader, at, text);
        sum->path.count--;
        sum->member = sum->path.steps[sum->path.count].name;
    }
    source->kind = SOURCE_SUM;
    source->sum = sum;
    return load_terms(loader, path + size, sum) || wrong(loader, at, text);
}

/* --- values -------------------------------------------------------------------------------------- */

static bool
is_listed(const struct sum_term *term, struct fep_bytes text)
{
    for (size_t i = 0; i < term->value_count; i++) {
        if (strlen(term->values[i]) == text.size && memcmp(term->values[i], text.data, text.size) == 0)
            return true;
    }
    return false;
}

/* What is not there is in no list and in no bracket. */
static bool
holds(const struct sum_term *term, struct json_object *element)
{
    struct fep_bytes text;
    int64_t value;
    if (!canonical_text(canonical_member(element, term->member), &text))
        return false;
    if (term->relation == SUM_EQUAL)
        return is_listed(term, text);
    if (term->relation == SUM_NOT)
        return !is_listed(term, text);
    if (text.size == 0 || !decimal_parse((const char *)text.data, text.size, SUM_SCALE, &value))
        return false;
    switch (term->relation) {
    case SUM_AT_LEAST:
        return value >= term->bound;
    case SUM_AT_MOST:
        return value <= term->bound;
    case SUM_ABOVE:
        return value > term->bound;
    default:
        return value < term->bound;
    }
}

static bool
all_hold(const struct sum *sum, struct json_object *element)
{
    for (size_t i = 0; i < sum->term_count; i++) {
        if (!holds(&sum->terms[i], element))
            return false;
    }
    return true;
}

static int
add_elements(struct translation *translation, const struct rule *rule, const struct sum *sum,
             struct json_object *array, int64_t *total)
{
    size_t count = canonical_count(array);
    for (size_t i = 0; i < count; i++) {
        struct json_object *element = canonical_element(array, i);
        struct fep_bytes text;
        int64_t value = 1;
        if (!all_hold(sum, element))
            continue;
        bool good = sum->member == NULL;
        if (!good && canonical_text(canonical_member(element, sum->member), &text)) {
            value = 0;
            good = text.size == 0 || decimal_parse((const char *)text.data, text.size, SUM_SCALE, &value);
        }
        if (!good || !decimal_add(*total, value, total))
            return translation_fault(translation, rule, FEP_E_AMOUNT,
                                     "%s of line %zu is no amount that can be added", sum->member, i + 1);
    }
    return 0;
}

/* At least the decimals of money, and no more than are needed; of counts none. */
static size_t
write_sum(const struct rule *rule, int64_t total, char out[DECIMAL_TEXT])
{
    unsigned scale = SUM_SCALE, least = MONEY_SCALE;
    if (rule != NULL &&
        (rule->number || (rule->layout_field != NULL && rule->layout_field->type == FEP_FIELD_DIGITS)))
        least = 0;
    for (; scale > least && total % 10 == 0; scale--)
        total /= 10;
    return decimal_write(total, scale, out);
}

/* No lines at all is an empty array; nothing means that nobody asked for them, which is no sum. */
static int
parse_lines(struct translation *translation)
{
    if (translation->lines != NULL)
        return 0;
    if (translation->context->visit_lines.size == 0)
        return error_set(translation->error, FEP_NOT_SENT, FEP_E_HOST_NOT_READY,
                         "the visit's fee lines are not at hand");
    translation->lines = canonical_parse(translation->context->visit_lines, translation->error);
    return translation->lines != NULL ? 0 : error_wrap(translation->error, "the visit's fee lines");
}

bool
mapping_needs_lines(const struct mapping *mapping, const char *infno)
{
    const struct transaction_map *map = map_by_infno(mapping, infno);
    for (size_t i = 0; map != NULL && i < map->request.count; i++) {
        const struct source *source = &map->request.list[i].canonical;
        if (source->kind == SOURCE_SUM && source->sum->of_visit)
            return true;
    }
    return false;
}

int
sum_read(struct translation *translation, const struct rule *rule, const struct sum *sum,
         struct fep_bytes *value)
{
    char text[DECIMAL_TEXT];
    int64_t total = 0;
    struct json_object *root = translation->root;
    if (sum->of_request && translation_parse_asked(translation) < 0)
        return -1;
    if (sum->of_request)
        root = canonical_member(translation->asked, "input");
    if (sum->of_visit) {
        if (parse_lines(translation) < 0)
            return -1;
        root = canonical_member(translation->lines, "input");
    }
    if (add_elements(translation, rule, sum, canonical_find(root, &sum->path), &total) < 0)
        return -1;
    size_t size = sum->member != NULL ? write_sum(rule, total, text)
                                      : (size_t)snprintf(text, sizeof text, "%lld", (long long)total);
    char *copy = arena_text(&translation->scratch, text, size);
    if (copy == NULL)
        return translation_no_memory(translation);
    *value = (struct fep_bytes){(const unsigned char *)copy, size};
    return 0;
}
