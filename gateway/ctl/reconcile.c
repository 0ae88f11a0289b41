/* fepctl reconcile: a day's totals at an instance's local system beside what the gateway has posted there;
 * the host does the work, this prints it. Must never say "equal" of what was not compared: everything but a
 * result that says so is "not done". */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "reply.h"

enum { TASK_S = 600 };

/* yyyymmdd of yyyymmdd or yyyy-mm-dd; 0 if it is neither. */
static int64_t
read_day(const char *text)
{
    char digits[9];
    size_t count = 0;
    for (; *text != '\0'; text++) {
        if (*text == '-' && (count == 4 || count == 6))
            continue;
        if (*text < '0' || *text > '9' || count == 8)
            return 0;
        digits[count++] = *text;
    }
    digits[count] = '\0';
    int64_t day = count == 8 ? strtoll(digits, NULL, 10) : 0;
    return day >= 20000101 && day / 100 % 100 >= 1 && day / 100 % 100 <= 12 && day % 100 >= 1 &&
                   day % 100 <= 31
               ? day
               : 0;
}

/* The figures of a row that both sides have. */
static void
print_figures(struct json_object *row)
{
    static const char *const figures[] = {"setl_cnt",        "cancel_cnt", "medfee_sumamt",
                                          "fund_pay_sumamt", "acct_pay",   "psn_cash_pay"};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        printf(" %14s", reply_shown(row, figures[i]));
    putchar('\n');
}

static void
print_totals(const struct ctl *ctl, struct json_object *rows)
{
    if (rows == NULL || !json_object_is_type(rows, json_type_array) || json_object_array_length(rows) == 0)
        return;
    printf("%-8s %-8s %-3s %14s %14s %14s %14s %14s %14s\n", ctl_text(ctl, "险种", "insutype"),
           ctl_text(ctl, "类别", "clr_type"), "", ctl_text(ctl, "结算笔数", "settlements"),
           ctl_text(ctl, "撤销笔数", "cancels"), ctl_text(ctl, "总额", "total"),
           ctl_text(ctl, "基金", "fund"), ctl_text(ctl, "个人账户", "account"),
           ctl_text(ctl, "现金", "cash"));
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *result = reply_shown(row, "stmt_rslt");
        printf("%-8s %-8s %-3s", reply_shown(row, "insutype"), reply_shown(row, "clr_type"),
               strcmp(result, "0") == 0   ? "="
               : strcmp(result, "-") == 0 ? ""
                                          : "<>");
        print_figures(reply_member(row, "ours"));
        printf("%-8s %-8s %-3s", "", ctl_text(ctl, "对方：", "theirs:"), "");
        print_figures(row);
    }
}

static void
print_side(const struct ctl *ctl, const char *zh, const char *en, struct json_object *side)
{
    if (side == NULL || !json_object_is_type(side, json_type_object))
        return;
    printf("    %s", ctl_text(ctl, zh, en));
    json_object_object_foreach(side, name, value)
    {
        printf("  %s %s", name, json_object_get_string(value));
    }
    putchar('\n');
}

static const char *
name_kind(const struct ctl *ctl, const char *kind)
{
    static const struct {
        const char *kind, *zh;
    } names[] = {{"only_here", "仅网关有"},
                 {"only_there", "仅本地系统有"},
                 {"amounts_differ", "金额不符"},
                 {"state_differs", "状态不符"}};
    for (size_t i = 0; ctl->chinese && i < sizeof names / sizeof *names; i++)
        if (strcmp(kind, names[i].kind) == 0)
            return names[i].zh;
    return kind;
}

static void
print_differences(const struct ctl *ctl, struct json_object *list)
{
    size_t count =
        list != NULL && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        printf("%s  %s %s  %s %s  %s %s\n", name_kind(ctl, reply_shown(one, "kind")),
               ctl_text(ctl, "业务", "message"), reply_shown(one, "msgid"), ctl_text(ctl, "流水", "serial"),
               reply_shown(one, "local_serial"), ctl_text(ctl, "结算", "settlement"),
               reply_shown(one, "setl_id"));
        print_side(ctl, "网关：", "ours:  ", reply_member(one, "ours"));
        print_side(ctl, "对方：", "theirs:", reply_member(one, "theirs"));
    }
}

static int
print_result(const struct ctl *ctl, struct json_object *result, const char *instance, int64_t day)
{
    struct json_object *equal = reply_member(result, "equal");
    if (equal == NULL || !json_object_is_type(equal, json_type_boolean)) {
        fprintf(stderr, "fepctl: %s\n",
                ctl_text(ctl, "实例的回答没有说明是否相符：未完成",
                         "the instance's answer does not say whether it is equal: not done"));
        return CTL_SURROUNDINGS;
    }
    int exit_code = json_object_get_boolean(equal) ? CTL_GOOD : CTL_BAD;
    if (ctl->json) {
        ctl_print_json(json_object_get(result));
        return exit_code;
    }
    printf("%s %" PRId64 ": %s\n", instance, day,
           exit_code == CTL_GOOD ? ctl_text(ctl, "相符", "equal") : ctl_text(ctl, "有差异", "DIFFERENCES"));
    print_totals(ctl, reply_member(result, "totals"));
    print_differences(ctl, reply_member(result, "differences"));
    return exit_code;
}

int
ctl_reconcile(struct ctl *ctl)
{
    int64_t day = read_day(ctl->words[1]);
    int exit_code;
    if (day == 0) {
        fprintf(stderr, "fepctl: %s\n",
                ctl_text(ctl, "账务日写作 YYYYMMDD 或 YYYY-MM-DD",
                         "the accounting day is YYYYMMDD or YYYY-MM-DD"));
        return CTL_MISUSED;
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *task = json_object_new_object();
    json_object_object_add(task, "do", json_object_new_string("reconcile"));
    json_object_object_add(task, "day", json_object_new_int64(day));
    /* Two errors may cancel out in the totals. */
    json_object_object_add(task, "details", json_object_new_boolean(!ctl->totals_only));
    struct json_object *result = ctl_run_task(ctl, conf, ctl->words[0], task, TASK_S, NULL, NULL, &exit_code);
    conf_destroy(conf);
    if (result == NULL)
        return CTL_SURROUNDINGS; /* whatever the reason: nothing was compared to its end */
    exit_code = print_result(ctl, result, ctl->words[0], day);
    json_object_put(result);
    return exit_code;
}
