/* fepctl route explain: which rule sends a message where, and what the others would have said. From the files
 * alone: it answers before a new routes.cfg is put in force, too. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"

enum { SHOWN_RULES = 32 };

static int
misuse(const struct ctl *ctl, const char *what)
{
    struct fep_error error = {0};
    error_set(&error, 0, FEP_E_USAGE, "%s", what);
    return ctl_fail(ctl, &error, CTL_MISUSED);
}

/* "2026-11-22" -> 20261122, 0 if it is none. */
static uint32_t
parse_date(const char *text)
{
    unsigned year, month, day;
    int used = 0;
    if (strlen(text) != 10 || sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) != 3 || used != 10)
        return 0;
    uint32_t date = year * 10000 + month * 100 + day;
    return clock_date_is_valid(date) ? date : 0;
}

static void
print_condition(const char *name, const char *value)
{
    if (value[0] != '\0')
        printf(" %s=%s", name, value);
}

static void
print_rule(const struct ctl *ctl, const struct route_rule *rule, bool winner)
{
    printf("%s %s:%d  prefix=\"%s\"", winner ? "=>" : "  ", rule->file, rule->line, rule->prefix);
    print_condition("infno", rule->infno);
    print_condition("med_type", rule->med_type);
    print_condition("insutype", rule->insutype);
    print_condition("institution", rule->institution);
    if (rule->valid_from != 0)
        printf(" valid_from=%08" PRIu32, rule->valid_from);
    if (rule->valid_to != 0)
        printf(" valid_to=%08" PRIu32, rule->valid_to);
    if (rule->refuse[0] != '\0') {
        printf("  %s \"%s\"\n", ctl_text(ctl, "拒绝：", "refused:"), rule->refuse);
        return;
    }
    for (size_t i = 0; i < ROUTE_TARGETS && rule->targets[i][0] != '\0'; i++)
        printf("%s%s (%s)", i == 0 ? "  -> " : ctl_text(ctl, "，不通时 ", ", else "), rule->targets[i],
               (rule->targets_local & (1 << i)) != 0 ? ctl_text(ctl, "本网关的接口", "an instance here")
                                                     : ctl_text(ctl, "对端", "a peer"));
    putchar('\n');
}

/* Some transactions never leave the treatment place, whatever the rules say. */
static int
say_unroutable(const struct ctl *ctl, const struct conf *conf, const char *infno)
{
    struct transaction_table *table = transaction_table_load(conf->transactions_file, NULL, NULL, NULL);
    const struct transaction *transaction = table != NULL ? transaction_find(table, infno) : NULL;
    int exit_code = CTL_GOOD;
    if (table != NULL && transaction == NULL) {
        struct fep_error error = {0};
        error_set(&error, 0, FEP_E_UNKNOWN_TRANSACTION, "%s: %s", conf->transactions_file, infno);
        exit_code = ctl_fail(ctl, &error, CTL_BAD);
    } else if (transaction != NULL && !transaction->routable) {
        printf("%s %s: %s\n", infno, ctl_text(ctl, transaction->name_zh, transaction->name_en),
               ctl_text(ctl, "只在就医地办理，不按参保地路由",
                        "stays at the treatment place and is not routed by the insured area"));
        exit_code = CTL_BAD;
    } else if (transaction != NULL) {
        printf("%s %s\n", infno, ctl_text(ctl, transaction->name_zh, transaction->name_en));
    }
    transaction_table_destroy(table);
    return exit_code;
}

static int
explain(const struct ctl *ctl, const struct route_table *table, const struct route_query *query)
{
    const struct route_rule *rules[SHOWN_RULES];
    size_t count = route_explain(table, query, rules, SHOWN_RULES);
    const struct route_rule *winner = route_find(table, query);
    printf("%s %s   %s %08" PRIu32 "   %zu %s\n", ctl_text(ctl, "参保地", "insured area"),
           query->insured_area, ctl_text(ctl, "日期", "day"), query->date, route_count(table),
           ctl_text(ctl, "条规则", "rules"));
    for (size_t i = 0; i < count && i < SHOWN_RULES; i++)
        print_rule(ctl, rules[i], rules[i] == winner);
    if (winner != NULL && winner->refuse[0] == '\0')
        return CTL_GOOD;
    struct fep_error error = {0};
    error_set(&error, 0, winner == NULL ? FEP_E_NO_ROUTE : FEP_E_ROUTE_REFUSED, "%s",
              winner == NULL ? query->insured_area : winner->refuse);
    return ctl_fail(ctl, &error, CTL_BAD);
}

int
ctl_route_explain(struct ctl *ctl)
{
    const char *infno = ctl->count > 1 ? ctl->words[1] : "";
    struct route_query query = {.insured_area = ctl->words[0],
                                .infno = infno,
                                .med_type = ctl->med_type,
                                .insutype = ctl->insutype,
                                .institution = ctl->institution,
                                .date = clock_date(clock_wall_ms(&clock_system))};
    struct fep_error error = {0};
    if (!area_is_valid(query.insured_area))
        return misuse(ctl, "AREA: six digits expected");
    if (infno[0] != '\0' && !infno_is_valid(infno))
        return misuse(ctl, "INFNO: a transaction number such as 2304 expected");
    if (ctl->date != NULL && (query.date = parse_date(ctl->date)) == 0)
        return misuse(ctl, "--date: a day such as 2026-11-22 expected");
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct route_table *table = conf_load_routes(conf, ctl_report, NULL, &error);
    int exit_code;
    if (table == NULL)
        exit_code = ctl_fail(ctl, &error, CTL_MISUSED);
    else if (infno[0] == '\0' || (exit_code = say_unroutable(ctl, conf, infno)) == CTL_GOOD)
        exit_code = explain(ctl, table, &query);
    route_table_destroy(table);
    conf_destroy(conf);
    return exit_code;
}
