/* Reads routes.cfg. Must not let a rule through whose target is unknown or that contradicts another: a
 * message that goes to the wrong place is worse than one that is refused. Problems are reported all at once
 * with file and line. */
#include "conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "error.h"
#include "transaction_table.h"

enum { MAX_RULES = 20000 };

struct routes_loading {
    struct config_reader reader;
    const struct conf *conf;
    struct transaction_table *transactions; /* NULL: it does not hold; who reads it for itself says why */
    struct route_rule *rules;
    size_t count;
};

static void
problem_at_member(struct routes_loading *loading, const config_setting_t *group, const char *name,
                  const char *value, const char *expected)
{
    config_reader_problem(&loading->reader, config_setting_get_member(group, name),
                          "%s = \"%s\": expected %s", name, value, expected);
}

static bool
is_of(const char *text, size_t least, size_t most, const char *characters)
{
    size_t length = strlen(text);
    return length >= least && length <= most && strspn(text, characters) == length;
}

#define DIGITS         "0123456789"
#define LETTERS_DIGITS DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool
date_exists(uint32_t date)
{
    static const uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = date / 10000, month = date / 100 % 100, day = date % 100;
    if (year < 2000 || year > 2999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "2026-11-22" -> 20261122; absent: 0. */
static uint32_t
read_date(struct routes_loading *loading, const config_setting_t *group, const char *name)
{
    char text[16];
    unsigned year, month, day;
    int used = 0;
    if (!config_reader_text(&loading->reader, group, name, 0, text, sizeof text))
        return 0;
    if (is_of(text, 10, 10, DIGITS "-") && sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) == 3 &&
        used == 10 && date_exists(year * 10000 + month * 100 + day))
        return year * 10000 + month * 100 + day;
    problem_at_member(loading, group, name, text, "a day such as 2026-11-22");
    return 0;
}

static void
read_condition(struct routes_loading *loading, const config_setting_t *group, const char *name, char *out,
               size_t size)
{
    if (config_reader_text(&loading->reader, group, name, 0, out, size) &&
        !is_of(out, 1, size - 1, LETTERS_DIGITS))
        problem_at_member(loading, group, name, out, "letters and digits");
}

static void
add_target(struct routes_loading *loading, const config_setting_t *at, const char *name,
           struct route_rule *rule, size_t place)
{
    const struct conf *conf = loading->conf;
    for (size_t i = 0; i < place; i++)
        if (strcmp(rule->targets[i], name) == 0)
            config_reader_problem(&loading->reader, at, "to: \"%s\" is named twice", name);
    snprintf(rule->targets[place], sizeof rule->targets[place], "%.*s", NODE_SIZE - 1, name);
    for (size_t i = 0; i < conf->peer_count; i++)
        if (strcmp(conf->peers[i].name, name) == 0)
            return;
    for (size_t i = 0; i < conf->instance_count; i++)
        if (strcmp(conf->instances[i].name, name) == 0) {
            rule->targets_local |= 1 << place;
            return;
        }
    if (conf->names_unread) /* it may be one of those */
        return;
    if (strcmp(conf->node, name) == 0)
        config_reader_problem(&loading->reader, at,
                              "to: \"%s\" is this gateway; expected one of its instances", name);
    else
        config_reader_problem(&loading->reader, at,
                              "to: unknown target \"%s\"; expected a peer or an instance of %s", name,
                              conf->file);
}

static void
read_targets(struct routes_loading *loading, const config_setting_t *group, struct route_rule *rule)
{
    const config_setting_t *list = config_reader_list(&loading->reader, group, "to", 0);
    int count = config_reader_count(list);
    if (list != NULL && (count < 1 || count > ROUTE_TARGETS))
        config_reader_problem(&loading->reader, list,
                              "to: %d targets; expected 1 to %d, the preferred one first", count,
                              ROUTE_TARGETS);
    for (int i = 0; i < count && i < ROUTE_TARGETS; i++) {
        char name[64];
        if (config_reader_item_text(&loading->reader, list, i, name, sizeof name))
            add_target(loading, config_setting_get_elem(list, (unsigned)i), name, rule, (size_t)i);
    }
}

/* A rule for a transaction that is not in the table would never hold. */
static void
read_infno(struct routes_loading *loading, const config_setting_t *group, struct route_rule *rule)
{
    if (!config_reader_text(&loading->reader, group, "infno", 0, rule->infno, sizeof rule->infno))
        return;
    if (!infno_is_valid(rule->infno))
        problem_at_member(loading, group, "infno", rule->infno, "a transaction number such as 2304");
    else if (loading->transactions != NULL && transaction_find(loading->transactions, rule->infno) == NULL)
        problem_at_member(loading, group, "infno", rule->infno, "a transaction of the transaction table");
}

static void
read_rule(struct routes_loading *loading, const config_setting_t *group, struct route_rule *rule)
{
    static const char *const keys[] = {"prefix",      "to",         "infno",    "med_type", "insutype",
                                       "institution", "valid_from", "valid_to", "refuse",   NULL};
    struct config_reader *reader = &loading->reader;
    char file[CONF_PATH];
    config_reader_check_keys(reader, group, keys);
    rule->line = config_reader_where(reader, group, file, sizeof file);
    const char *slash = strrchr(file, '/');
    snprintf(rule->file, sizeof rule->file, "%.*s", (int)sizeof rule->file - 1,
             slash != NULL ? slash + 1 : file);

    if (!config_reader_has(group, "prefix"))
        config_reader_problem(reader, group, "prefix is missing; expected 0 to 6 digits of the insured area");
    else if (config_reader_text(reader, group, "prefix", 0, rule->prefix, sizeof rule->prefix) &&
             !is_of(rule->prefix, 0, 6, DIGITS))
        problem_at_member(loading, group, "prefix", rule->prefix, "0 to 6 digits");
    read_infno(loading, group, rule);
    read_condition(loading, group, "med_type", rule->med_type, sizeof rule->med_type);
    read_condition(loading, group, "insutype", rule->insutype, sizeof rule->insutype);
    read_condition(loading, group, "institution", rule->institution, sizeof rule->institution);
    rule->valid_from = read_date(loading, group, "valid_from");
    rule->valid_to = read_date(loading, group, "valid_to");
    if (rule->valid_from != 0 && rule->valid_to != 0 && rule->valid_from > rule->valid_to)
        config_reader_problem(reader, group, "valid_from is after valid_to: the rule would never hold");
    config_reader_text(reader, group, "refuse", CONFIG_REQUIRED * config_reader_has(group, "refuse"),
                       rule->refuse, sizeof rule->refuse);
    read_targets(loading, group, rule);
    if (config_reader_has(group, "to") == config_reader_has(group, "refuse"))
        config_reader_problem(reader, group, "expected either `to` with targets or `refuse` with a text");
}

static int
compare_conditions(const struct route_rule *a, const struct route_rule *b)
{
    int order = strcmp(a->prefix, b->prefix);
    if (order == 0)
        order = strcmp(a->infno, b->infno);
    if (order == 0)
        order = strcmp(a->med_type, b->med_type);
    if (order == 0)
        order = strcmp(a->insutype, b->insutype);
    return order != 0 ? order : strcmp(a->institution, b->institution);
}

static int
compare_rules(const void *left, const void *right)
{
    const struct route_rule *a = *(const struct route_rule *const *)left;
    const struct route_rule *b = *(const struct route_rule *const *)right;
    int order = compare_conditions(a, b);
    return order != 0 ? order : (a > b) - (a < b); /* in the order of the file */
}

static bool
contradict(const struct route_rule *a, const struct route_rule *b)
{
    bool apart = (a->valid_to != 0 && b->valid_from > a->valid_to) ||
                 (b->valid_to != 0 && a->valid_from > b->valid_to);
    return !apart &&
           (memcmp(a->targets, b->targets, sizeof a->targets) != 0 || strcmp(a->refuse, b->refuse) != 0);
}

/* Rules with the same conditions stand together after sorting; within such a run each is compared with the
 * one before it and, as days may be apart, with all earlier ones. A rule that was reported as incomplete is
 * left out. */
static int
check_conflicts(struct routes_loading *loading)
{
    const struct route_rule **sorted = calloc(loading->count + 1, sizeof(const struct route_rule *));
    if (sorted == NULL)
        return -1;
    size_t count = 0;
    for (size_t i = 0; i < loading->count; i++)
        if (loading->rules[i].targets[0][0] != '\0' || loading->rules[i].refuse[0] != '\0')
            sorted[count++] = &loading->rules[i];
    qsort(sorted, count, sizeof *sorted, compare_rules);
    const config_setting_t *list = config_setting_get_member(config_reader_root(&loading->reader), "routes");
    for (size_t i = 1, first = 0; i < count; i++) {
        if (compare_conditions(sorted[first], sorted[i]) != 0)
            first = i;
        size_t other = first;
        while (other < i && !contradict(sorted[other], sorted[i]))
            other++;
        if (other == i)
            continue;
        config_reader_problem(
            &loading->reader, config_setting_get_elem(list, (unsigned)(sorted[i] - loading->rules)),
            "the rule for prefix \"%s\" contradicts the one at %s:%d: same conditions, days that "
            "overlap, other target",
            sorted[i]->prefix, sorted[other]->file, sorted[other]->line);
    }
    free(sorted);
    return 0;
}

static int
read_rules(struct routes_loading *loading)
{
    static const char *const keys[] = {"routes", NULL};
    const config_setting_t *root = config_reader_root(&loading->reader);
    config_reader_check_keys(&loading->reader, root, keys);
    const config_setting_t *list = config_reader_list(&loading->reader, root, "routes", CONFIG_REQUIRED);
    int count = config_reader_count(list);
    if (list != NULL && count == 0)
        config_reader_problem(&loading->reader, list,
                              "routes: the list is empty: nothing could be sent anywhere");
    if (count > MAX_RULES) {
        config_reader_problem(&loading->reader, list, "%d rules; at most %d are allowed", count, MAX_RULES);
        return 0;
    }
    /* One slot for each element, wrong ones too, so that a rule's place in the list is its place in the
     * array. */
    loading->rules = calloc((size_t)count + 1, sizeof *loading->rules);
    if (loading->rules == NULL)
        return -1;
    for (int i = 0; i < count; i++) {
        const config_setting_t *group = config_reader_item(&loading->reader, list, i, CONFIG_TYPE_GROUP);
        if (group != NULL)
            read_rule(loading, group, &loading->rules[i]);
    }
    loading->count = (size_t)count;
    return check_conflicts(loading);
}

struct route_table *
conf_load_routes(const struct conf *conf, conf_report_fn *report, void *arg, struct fep_error *error)
{
    struct route_table *table = NULL;
    struct routes_loading *loading = calloc(1, sizeof *loading);
    if (loading == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "%s: no memory to read it", conf->routes_file);
        return NULL;
    }
    loading->conf = conf;
    loading->transactions = transaction_table_load(conf->transactions_file, NULL, NULL, NULL);
    int status = 0;
    if (config_reader_open(&loading->reader, conf->routes_file, FEP_E_ROUTES_INVALID, report, arg, error) ==
        0)
        status = read_rules(loading);
    if (config_reader_close(&loading->reader) == 0) {
        if (status == 0)
            table = route_table_create(loading->rules, loading->count);
        if (table == NULL)
            error_set(error, 0, FEP_E_NO_MEMORY, "%s: no memory for its rules", conf->routes_file);
    }
    transaction_table_destroy(loading->transactions);
    free(loading->rules);
    free(loading);
    return table;
}
