/* fepctl after a restore: who was not heard yet, which updates have no serial, and finding it in the local
 * system's details. Must never decide by itself that something was not posted: what the details do not show
 * under a settlement that is known is left to a person. The story: schema/restore.md. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "reply.h"

enum { WAIT_MS = 5000, TASK_S = 900, DAYS_MOST = 62 };

static size_t
count_of(struct json_object *list)
{
    return list != NULL && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *
new_request(const char *name)
{
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "do", json_object_new_string(name));
    return request;
}

/* The reply, or NULL with everything said and *exit_code set. */
static struct json_object *
ask(const struct ctl *ctl, const struct conf *conf, struct json_object *request, int *exit_code)
{
    struct fep_error error = {0};
    struct json_object *reply = ctl_ask(conf, request, WAIT_MS, NULL, NULL, &error);
    *exit_code = CTL_GOOD;
    if (reply == NULL) {
        *exit_code = ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    } else if (!json_object_get_boolean(reply_member(reply, "ok"))) {
        error_set(&error, 0, (unsigned)json_object_get_int(reply_member(reply, "code")), "%.200s",
                  reply_text(reply, "error"));
        *exit_code = ctl_fail(ctl, &error, CTL_BAD);
        json_object_put(reply);
        reply = NULL;
    }
    return reply;
}

static void
print_lost(const struct ctl *ctl, struct json_object *one)
{
    printf("  %s  %s  %s  %s %s  %s %s\n", reply_text(one, "instance"), reply_text(one, "msgid"),
           reply_text(one, "infno"), ctl_text(ctl, "状态", "state"), reply_text(one, "state"),
           ctl_text(ctl, "结算", "settlement"),
           reply_text(one, "setl_id")[0] != '\0' ? reply_text(one, "setl_id") : "-");
}

int
ctl_resolving(struct ctl *ctl)
{
    int exit_code;
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *reply = ask(ctl, conf, new_request("resolving"), &exit_code);
    conf_destroy(conf);
    if (reply == NULL)
        return exit_code;
    struct json_object *names = reply_member(reply, "resolving"),
                       *lost = reply_member(reply, "without_serial");
    exit_code = count_of(names) == 0 ? CTL_GOOD : CTL_BAD;
    if (ctl->json) {
        ctl_print_json(reply);
        return exit_code;
    }
    if (exit_code == CTL_GOOD)
        puts(ctl_text(ctl, "没有待核对的对端和接口", "nothing is resolving"));
    for (size_t i = 0; i < count_of(names); i++) {
        struct json_object *one = json_object_array_get_idx(names, i);
        char since[32];
        ctl_format_time(json_object_get_int64(reply_member(one, "since_ms")), since);
        bool is_peer = strcmp(reply_text(one, "kind"), "peer") == 0;
        printf("%s %s  %s %s\n", is_peer ? ctl_text(ctl, "对端", "peer") : ctl_text(ctl, "接口", "instance"),
               reply_text(one, "name"), ctl_text(ctl, "恢复点", "backup of"), since);
    }
    if (count_of(lost) != 0)
        puts(ctl_text(ctl, "没有本地流水的业务（可能已入账，也可能没有）：",
                      "updates without a local serial (posted, or not):"));
    for (size_t i = 0; i < count_of(lost); i++)
        print_lost(ctl, json_object_array_get_idx(lost, i));
    json_object_put(reply);
    return exit_code;
}

int
ctl_resolved(struct ctl *ctl)
{
    int exit_code;
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *request = new_request("resolved");
    json_object_object_add(request, "name", json_object_new_string(ctl->words[0]));
    struct json_object *reply = ask(ctl, conf, request, &exit_code);
    if (reply != NULL)
        ctl_audit(conf, "resolved", ctl->words[0], 0, ctl->reason);
    conf_destroy(conf);
    json_object_put(reply);
    return exit_code;
}

static int
tell_serial(const struct ctl *ctl, const struct conf *conf, const char *instance, const char *msgid,
            const char *origin, const char *serial, const char *why)
{
    int exit_code;
    struct json_object *request = new_request("traced");
    json_object_object_add(request, "instance", json_object_new_string(instance));
    json_object_object_add(request, "msgid", json_object_new_string(msgid));
    json_object_object_add(request, "origin", json_object_new_string(origin));
    json_object_object_add(request, "serial", json_object_new_string(serial));
    struct json_object *reply = ask(ctl, conf, request, &exit_code);
    if (reply != NULL)
        ctl_audit(conf, strcmp(serial, "absent") == 0 ? "traced-absent" : "traced", instance, 0, why);
    json_object_put(reply);
    return exit_code;
}

int
ctl_traced(struct ctl *ctl)
{
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int exit_code = tell_serial(ctl, conf, ctl->words[0], ctl->words[1], "", ctl->words[2], ctl->reason);
    conf_destroy(conf);
    return exit_code;
}

/* --- from the details ---------------------------------------------------------------------------------- */

struct tracing {
    struct ctl *ctl;
    const struct conf *conf;
    const char *instance;
    struct json_object *lost; /* updates without a serial */
    unsigned found, only_there, open;
    int exit_code;
};

static struct json_object *
find_lost(const struct tracing *tracing, const char *settlement)
{
    for (size_t i = 0; settlement[0] != '\0' && i < count_of(tracing->lost); i++) {
        struct json_object *one = json_object_array_get_idx(tracing->lost, i);
        if (strcmp(reply_text(one, "setl_id"), settlement) == 0 &&
            strcmp(reply_text(one, "instance"), tracing->instance) == 0)
            return one;
    }
    return NULL;
}

static void
trace_row(struct tracing *tracing, struct json_object *row)
{
    const struct ctl *ctl = tracing->ctl;
    struct json_object *theirs = reply_member(row, "theirs");
    const char *serial = reply_text(theirs, "local_serial"), *settlement = reply_text(theirs, "setl_id");
    if (strcmp(reply_text(row, "kind"), "only_there") != 0)
        return;
    struct json_object *lost = find_lost(tracing, settlement);
    if (lost != NULL && strlen(serial) == 20) {
        if (tell_serial(ctl, tracing->conf, tracing->instance, reply_text(lost, "msgid"),
                        reply_text(lost, "origin"), serial, "details") == CTL_GOOD) {
            tracing->found++;
            return;
        }
    }
    tracing->only_there++;
    printf("%s  %s %s  %s %s  %s %s\n",
           ctl_text(ctl, "仅本地系统有，请人工核对：", "only there, for a person:"),
           ctl_text(ctl, "流水", "serial"), serial, ctl_text(ctl, "结算", "settlement"), settlement,
           ctl_text(ctl, "交易", "transaction"), reply_text(theirs, "infno"));
}

static void
trace_day(struct tracing *tracing, uint32_t day)
{
    struct json_object *task = json_object_new_object();
    json_object_object_add(task, "do", json_object_new_string("reconcile"));
    json_object_object_add(task, "day", json_object_new_int64(day));
    json_object_object_add(task, "details", json_object_new_boolean(1));
    struct json_object *result = ctl_run_task(tracing->ctl, tracing->conf, tracing->instance, task, TASK_S,
                                              NULL, NULL, &tracing->exit_code);
    if (result == NULL)
        return;
    struct json_object *rows = reply_member(result, "differences");
    for (size_t i = 0; i < count_of(rows); i++)
        trace_row(tracing, json_object_array_get_idx(rows, i));
    if (json_object_get_int64(reply_member(result, "difference_count")) > (int64_t)count_of(rows)) {
        fprintf(stderr, "fepctl: %s\n",
                ctl_text(tracing->ctl, "差异太多，未全部列出；请再执行一次",
                         "there are more differences than were listed; give the command again"));
        tracing->exit_code = CTL_BAD;
    }
    json_object_put(result);
}

static int64_t
since_of(struct json_object *reply, const char *name)
{
    struct json_object *names = reply_member(reply, "resolving");
    for (size_t i = 0; i < count_of(names); i++) {
        struct json_object *one = json_object_array_get_idx(names, i);
        if (strcmp(reply_text(one, "name"), name) == 0)
            return json_object_get_int64(reply_member(one, "since_ms"));
    }
    return 0;
}

static int
trace_all(struct tracing *tracing, int64_t since_ms)
{
    enum { DAY_MS = 86400000 };
    const struct ctl *ctl = tracing->ctl;
    uint32_t today = clock_date(clock_wall_ms(&clock_system));
    for (int i = -1; i < DAYS_MOST && tracing->exit_code == CTL_GOOD; i++) {
        uint32_t day = clock_date(since_ms + (int64_t)i * DAY_MS);
        if (day > today)
            break;
        trace_day(tracing, day);
    }
    if (tracing->exit_code != CTL_GOOD)
        return tracing->exit_code;
    for (size_t i = 0; i < count_of(tracing->lost); i++)
        tracing->open += strcmp(reply_text(json_object_array_get_idx(tracing->lost, i), "instance"),
                                tracing->instance) == 0;
    tracing->open -= tracing->open < tracing->found ? tracing->open : tracing->found;
    printf("%s %u  %s %u  %s %u\n", ctl_text(ctl, "找到流水", "serials found"), tracing->found,
           ctl_text(ctl, "仍无流水", "still without"), tracing->open,
           ctl_text(ctl, "仅本地系统有", "only there"), tracing->only_there);
    return tracing->open == 0 && tracing->only_there == 0 ? CTL_GOOD : CTL_BAD;
}

int
ctl_resolve(struct ctl *ctl)
{
    int exit_code;
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *reply = ask(ctl, conf, new_request("resolving"), &exit_code);
    int64_t since_ms = reply != NULL ? since_of(reply, ctl->words[0]) : 0;
    struct tracing tracing = {.ctl = ctl, .conf = conf, .instance = ctl->words[0]};
    if (reply != NULL && since_ms == 0) {
        struct fep_error error = {0};
        error_set(&error, 0, FEP_E_NOTHING_KNOWN, "%s is not resolving", ctl->words[0]);
        exit_code = ctl_fail(ctl, &error, CTL_BAD);
    } else if (reply != NULL) {
        tracing.lost = reply_member(reply, "without_serial");
        exit_code = trace_all(&tracing, since_ms);
    }
    json_object_put(reply);
    conf_destroy(conf);
    return exit_code;
}
