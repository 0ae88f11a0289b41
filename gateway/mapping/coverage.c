/* What was exercised of a mapping, and what was not. Must never call anything covered that did not carry a
 * value in that direction. */
#include "coverage.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "translation.h"

/* --- marks --------------------------------------------------------------------------------------- */

struct coverage {
    struct slot {
        const void *what;
        unsigned marks;
    } * slots;
    size_t room, count; /* room: a power of two */
};

static size_t
place_of(const struct coverage *coverage, const void *what)
{
    size_t place = (size_t)(((uintptr_t)what >> 3) * 0x9E3779B97F4A7C15U >> 20) & (coverage->room - 1);
    while (coverage->slots[place].what != NULL && coverage->slots[place].what != what)
        place = (place + 1) & (coverage->room - 1);
    return place;
}

static bool
grow(struct coverage *coverage)
{
    struct coverage larger = {.room = coverage->room * 2};
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < coverage->room; i++) {
        if (coverage->slots[i].what != NULL)
            larger.slots[place_of(&larger, coverage->slots[i].what)] = coverage->slots[i];
    }
    free(coverage->slots);
    coverage->slots = larger.slots;
    coverage->room = larger.room;
    return true;
}

struct coverage *
coverage_create(void)
{
    struct coverage *coverage = calloc(1, sizeof *coverage);
    if (coverage == NULL)
        return NULL;
    coverage->room = 64;
    coverage->slots = calloc(coverage->room, sizeof *coverage->slots);
    if (coverage->slots != NULL)
        return coverage;
    free(coverage);
    return NULL;
}

void
coverage_destroy(struct coverage *coverage)
{
    if (coverage != NULL)
        free(coverage->slots);
    free(coverage);
}

void
coverage_mark(struct coverage *coverage, const void *what, unsigned marks)
{
    if (coverage == NULL)
        return;
    size_t place = place_of(coverage, what);
    if (coverage->slots[place].what == NULL) {
        if (coverage->count + 1 > coverage->room / 2) {
            if (!grow(coverage))
                return;
            place = place_of(coverage, what);
        }
        coverage->slots[place].what = what;
        coverage->count++;
    }
    coverage->slots[place].marks |= marks;
}

unsigned
coverage_of(const struct coverage *coverage, const void *what)
{
    return coverage->slots[place_of(coverage, what)].marks;
}

int
mapping_watch(struct mapping *mapping, struct fep_error *error)
{
    if (mapping->coverage == NULL)
        mapping->coverage = coverage_create();
    return mapping->coverage != NULL ? 0
                                     : error_set(error, 0, FEP_E_NO_MEMORY, "no memory to watch a mapping");
}

/* --- what is missing ----------------------------------------------------------------------------- */

struct search {
    const struct mapping *mapping;
    void (*gap)(void *arg, const struct mapping_gap *gap);
    void *arg;
    struct mapping_cover totals;
};

static const char *
direction_word(unsigned direction)
{
    return direction == DIRECTION_IN ? "in" : "out";
}

__attribute__((format(printf, 5, 6))) static void
count_one(struct search *search, enum mapping_gap_kind kind, bool covered, bool required, const char *format,
          ...)
{
    char text[400];
    va_list args;
    search->totals.all[kind]++;
    search->totals.covered[kind] += covered;
    if (covered)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    search->gap(search->arg, &(struct mapping_gap){kind, required, text});
}

static bool
is_required(const struct rule *rule)
{
    return rule->required ||
           (rule->layout_field != NULL && (rule->layout_field->flags & FEP_FIELD_REQUIRED) != 0);
}

static void
search_rule(struct search *search, const char *part, const struct rule *rule, unsigned direction)
{
    unsigned marks = coverage_of(search->mapping->coverage, rule);
    const char *field = rule->layout_field != NULL ? rule->layout_field->name : "-";
    if ((rule->directions & direction) == 0)
        return;
    count_one(search, is_required(rule) ? MAPPING_GAP_FIELD : MAPPING_GAP_RULE, (marks & direction) != 0,
              is_required(rule), "%s %s: %s (%s) %s", part, direction_word(direction), field,
              rule->canonical.text, rule->where);
    if (rule->when.count == 0)
        return;
    count_one(search, MAPPING_GAP_BRANCH, (marks & MARK_HELD) != 0, false,
              "%s: the condition of %s never held %s", part, field, rule->where);
    count_one(search, MAPPING_GAP_BRANCH, (marks & MARK_FAILED) != 0, false,
              "%s: the condition of %s always held %s", part, field, rule->where);
}

static void
search_rules(struct search *search, const char *part, const struct rules *rules, unsigned direction)
{
    for (size_t i = 0; i < rules->count; i++)
        search_rule(search, part, &rules->list[i], direction);
}

static void
search_record(struct search *search, const struct transaction_map *map, bool request, unsigned direction)
{
    char part[64];
    const struct group_map *group = request ? &map->request_group : &map->answer_group;
    snprintf(part, sizeof part, "%.8s %.20s %s", map->infno, map->local, request ? "request" : "answer");
    unsigned marks =
        coverage_of(search->mapping->coverage, request ? (const void *)&map->request : &map->answer);
    bool has = request || map->answer_layout != NULL || map->answer.count > 0;
    if (!has)
        return;
    count_one(search, MAPPING_GAP_TRANSACTION, (marks & direction) != 0, true, "%s %s %s", part,
              direction_word(direction), map->where);
    if ((marks & direction) == 0)
        return; /* its rules would only repeat it */
    search_rules(search, part, request ? &map->request : &map->answer, direction);
    if (group->present)
        search_rules(search, part, &group->rules, direction);
}

static void
search_transactions(struct search *search, bool serves, bool asks)
{
    const struct mapping *mapping = search->mapping;
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        if (serves)
            search_record(search, map, true, DIRECTION_IN);
        if (serves)
            search_record(search, map, false, DIRECTION_OUT);
        if (asks)
            search_record(search, map, true, DIRECTION_OUT);
        if (asks)
            search_record(search, map, false, DIRECTION_IN);
    }
    if (serves)
        search_rules(search, "head request", &mapping->head_request, DIRECTION_IN);
    if (asks)
        search_rules(search, "head request", &mapping->head_request, DIRECTION_OUT);
}

static void
search_operations(struct search *search)
{
    const struct mapping *mapping = search->mapping;
    const struct {
        const struct operation_map *map;
        const char *name;
        bool serving;
    } operations[] = {{&mapping->inquire, "inquire", false},
                      {&mapping->reverse, "reverse", false},
                      {&mapping->serve_reverse, "serve_reverse", true},
                      {&mapping->serve_inquire, "serve_inquire", true}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const struct operation_map *map = operations[i].map;
        unsigned direction = operations[i].serving ? DIRECTION_IN : DIRECTION_OUT;
        const struct rules *rules = operations[i].serving ? &map->transaction.request : &map->request;
        if (!map->present)
            continue;
        bool covered = (coverage_of(mapping->coverage, map) & direction) != 0;
        count_one(search, MAPPING_GAP_TRANSACTION, covered, true, "%s %s", operations[i].name, map->where);
        if (covered)
            search_rules(search, operations[i].name, rules, direction);
    }
}

/* Which directions of a list the rules use. */
static unsigned
directions_used(const struct rules *rules, const struct code_list *list, unsigned possible)
{
    unsigned used = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->list[i].codes == list)
            used |= rules->list[i].directions & possible;
    }
    return used;
}

static unsigned
list_directions(const struct mapping *mapping, const struct code_list *list, bool serves, bool asks)
{
    unsigned request = (serves ? DIRECTION_IN : 0U) | (asks ? DIRECTION_OUT : 0U),
             answer = (serves ? DIRECTION_OUT : 0U) | (asks ? DIRECTION_IN : 0U),
             used = directions_used(&mapping->head_request, list, request);
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        used |= directions_used(&map->request, list, request) |
                directions_used(&map->request_group.rules, list, request) |
                directions_used(&map->answer, list, answer) |
                directions_used(&map->answer_group.rules, list, answer);
    }
    return used;
}

static void
search_codes(struct search *search, bool serves, bool asks)
{
    const struct mapping *mapping = search->mapping;
    for (size_t i = 0; i < mapping->code_count; i++) {
        const struct code_list *list = &mapping->codes[i];
        unsigned used = list_directions(mapping, list, serves, asks);
        for (size_t j = 0; j < list->pair_count; j++) {
            const struct code_pair *pair = &list->pairs[j];
            unsigned marks = coverage_of(mapping->coverage, pair);
            if ((pair->directions & used & DIRECTION_IN) != 0)
                count_one(search, MAPPING_GAP_CODE, (marks & DIRECTION_IN) != 0, false,
                          "list %s in: %s -> %s", list->name, pair->local, pair->national);
            if ((pair->directions & used & DIRECTION_OUT) != 0)
                count_one(search, MAPPING_GAP_CODE, (marks & DIRECTION_OUT) != 0, false,
                          "list %s out: %s -> %s", list->name, pair->national, pair->local);
        }
    }
}

struct mapping_cover
mapping_find_gaps(const struct mapping *mapping, void (*gap)(void *arg, const struct mapping_gap *gap),
                  void *arg)
{
    struct search search = {.mapping = mapping, .gap = gap, .arg = arg};
    bool serves = mapping_serves(mapping), asks = mapping_asks(mapping);
    if (mapping->coverage == NULL)
        return search.totals;
    search_transactions(&search, serves, asks);
    search_operations(&search);
    search_codes(&search, serves, asks);
    return search.totals;
}
