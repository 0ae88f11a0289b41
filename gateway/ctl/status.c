/* fepctl status: how the gateway is, the open unknown updates first. Must come back in bounded time and say
 * plainly when the router is down and the figures come from the store's files. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "reply.h"
#include "store.h"

enum { WAIT_MS = 3000, SNAPSHOT_LIMIT = 200000 };

static bool
flag_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static void
print_label(const struct ctl *ctl, const char *zh, const char *en)
{
    if (ctl->chinese)
        printf("%s  ", zh);
    else
        printf("%-16s", en);
}

/* "queued 3, sent 1" of an object of figures; zeros are left out, nothing at all is a dash. */
static void
print_figures(struct json_object *figures)
{
    const char *separator = "";
    if (figures == NULL || !json_object_is_type(figures, json_type_object))
        return;
    json_object_object_foreach(figures, name, value)
    {
        if (json_object_get_int64(value) == 0)
            continue;
        printf("%s%s %" PRId64, separator, name, json_object_get_int64(value));
        separator = ", ";
    }
    if (separator[0] == '\0')
        putchar('-');
}

static void
print_unknown(const struct ctl *ctl, int64_t unknown)
{
    print_label(ctl, "未明", "open unknown");
    printf(
        "%" PRId64 "%s\n", unknown,
        unknown == 0
            ? ""
            : ctl_text(
                  ctl, "   结果不明或正在冲正，网关正自动处理；用 fepctl unknown 查看",
                  "   outcome unknown or being reversed; the gateway is resolving them, see fepctl unknown"));
}

static void
print_open(const struct ctl *ctl, int64_t total, struct json_object *by_state)
{
    print_label(ctl, "未办结", "open");
    printf("%" PRId64, total);
    if (total > 0) {
        printf("   ");
        print_figures(by_state);
    }
    putchar('\n');
}

static void
print_peer(const struct ctl *ctl, struct json_object *peer)
{
    char span[40];
    ctl_format_span(ctl, reply_number(peer, "down_ms"), span);
    printf("  %-13s ", reply_text(peer, "name"));
    if (flag_of(peer, "up"))
        printf("%s", ctl_text(ctl, "通", "up  "));
    else
        printf("%s %s", ctl_text(ctl, "断，已", "DOWN for"), span);
    printf("   %s %" PRId64 "   %s %" PRId64 "   %s %" PRId64 "   %s %" PRId64 " ms\n",
           ctl_text(ctl, "未确认", "unacknowledged"), reply_number(peer, "unacknowledged"),
           ctl_text(ctl, "等待", "waiting"), reply_number(peer, "waiting"), ctl_text(ctl, "重发", "resent"),
           reply_number(peer, "resent"), ctl_text(ctl, "时钟差", "clock offset"),
           reply_number(peer, "clock_offset_ms"));
}

static void
print_instance(const struct ctl *ctl, struct json_object *instance)
{
    const char *state = !flag_of(instance, "up")      ? ctl_text(ctl, "未运行", "DOWN")
                        : !flag_of(instance, "ready") ? ctl_text(ctl, "未就绪", "NOT READY")
                                                      : ctl_text(ctl, "就绪", "ready");
    printf("  %-13s %s   %s %" PRId64 "   %s", reply_text(instance, "name"), state,
           ctl_text(ctl, "第", "epoch"), reply_number(instance, "epoch"), reply_text(instance, "health"));
    if (reply_text(instance, "reason")[0] != '\0')
        printf("   %s", reply_text(instance, "reason"));
    putchar('\n');
}

static void
print_list(const struct ctl *ctl, struct json_object *list, const char *title,
           void (*print)(const struct ctl *ctl, struct json_object *entry))
{
    size_t count =
        list != NULL && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (count == 0)
        return;
    puts(title);
    for (size_t i = 0; i < count; i++)
        print(ctl, json_object_array_get_idx(list, i));
}

static int
count_one(void *arg, const struct store_quarantined *one)
{
    (void)one;
    ++*(size_t *)arg;
    return 0;
}

static void
print_quarantine(const struct ctl *ctl, const struct conf *conf)
{
    size_t count = 0;
    struct fep_error error = {0};
    if (store_read_quarantine(conf->state_directory, count_one, &count, &error) != 0 || count == 0)
        return; /* fepctl quarantine says why it can't be read */
    print_label(ctl, "隔离", "quarantine");
    printf("%zu   %s\n", count,
           ctl_text(ctl, "存储中损坏的内容，用 fepctl quarantine 查看",
                    "damaged in the store and put aside, see fepctl quarantine"));
}

static void
print_health(const struct ctl *ctl, const struct conf *conf, struct json_object *reply)
{
    print_label(ctl, "查询等待", "queries waiting");
    printf("%" PRId64 "\n", reply_number(reply, "pending_queries"));
    print_label(ctl, "积压字节", "queued bytes");
    printf("%" PRId64 " / %" PRIu64 "\n", reply_number(reply, "queued_bytes"), conf->bounds.max_queued_bytes);
    print_label(ctl, "磁盘", "disk");
    puts(flag_of(reply, "room") ? ctl_text(ctl, "有空间", "room for new updates")
                                : ctl_text(ctl, "已满：不受理新业务，结果和冲正照常",
                                           "FULL: nothing new is taken; outcomes and reversals go on"));
    if (reply_number(reply, "open_prompts") > 0) {
        print_label(ctl, "编码提示", "open prompts");
        printf("%" PRId64 "   %s\n", reply_number(reply, "open_prompts"),
               ctl_text(ctl, "异地费用行缺本地编码，用 fepctl prompts 查看",
                        "lines of other places without a local code, see fepctl prompts"));
    }
    print_quarantine(ctl, conf);
    print_label(ctl, "启动以来", "since start");
    print_figures(reply_member(reply, "endings"));
    putchar('\n');
    if (reply_number(reply, "log_dropped") > 0) {
        print_label(ctl, "日志缺失", "log lines lost");
        printf("%" PRId64 "\n", reply_number(reply, "log_dropped"));
    }
    if (reply_number(reply, "frames_refused") > 0 || reply_number(reply, "keys_refused") > 0) {
        print_label(ctl, "丢弃", "refused");
        printf("%s %" PRId64 "   %s %" PRId64 "\n", ctl_text(ctl, "坏报文", "malformed frames"),
               reply_number(reply, "frames_refused"), ctl_text(ctl, "未登记公钥", "unknown keys"),
               reply_number(reply, "keys_refused"));
    }
}

static void
print_status(const struct ctl *ctl, const struct conf *conf, struct json_object *reply)
{
    char span[40];
    print_unknown(ctl, reply_number(reply, "open_unknown"));
    print_open(ctl, reply_number(reply, "open_total"), reply_member(reply, "open"));
    ctl_format_span(ctl, reply_number(reply, "uptime_ms"), span);
    print_label(ctl, "网关", "gateway");
    printf("%s %s   %s %s   %s %" PRId64 "\n", reply_text(reply, "node"), conf->name,
           ctl_text(ctl, "已运行", "up"), span, ctl_text(ctl, "数据代次", "incarnation"),
           reply_number(reply, "incarnation"));
    print_list(ctl, reply_member(reply, "peers"), ctl_text(ctl, "对端", "peers"), print_peer);
    print_list(ctl, reply_member(reply, "instances"), ctl_text(ctl, "适配接口", "instances"), print_instance);
    print_health(ctl, conf, reply);
}

/* --- when the router is down
 * --------------------------------------------------------------------------------- */

struct snapshot {
    uint64_t by_state[STATE_COUNT];
    uint64_t unknown, total;
};

static int
count_open(void *arg, const struct exchange_record *record, int closed)
{
    struct snapshot *snapshot = arg;
    if (closed || record->state >= STATE_COUNT)
        return 0;
    snapshot->by_state[record->state]++;
    if (!exchange_state_is_ending(record->state))
        snapshot->total++;
    if (record->state == STATE_UNKNOWN || record->state == STATE_REVERSING)
        snapshot->unknown++;
    return 0;
}

static struct json_object *
describe_snapshot(const struct conf *conf, const struct snapshot *snapshot)
{
    struct json_object *reply = json_object_new_object(), *open = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    json_object_object_add(reply, "router", json_object_new_string("down"));
    json_object_object_add(reply, "node", json_object_new_string(conf->node));
    json_object_object_add(reply, "open_unknown", json_object_new_int64((int64_t)snapshot->unknown));
    json_object_object_add(reply, "open_total", json_object_new_int64((int64_t)snapshot->total));
    for (int state = STATE_QUEUED; state <= STATE_REVERSING; state++)
        json_object_object_add(open, exchange_state_name((enum exchange_state)state),
                               json_object_new_int64((int64_t)snapshot->by_state[state]));
    json_object_object_add(reply, "open", open);
    return reply;
}

/* Nothing read from no store would look like nothing open. */
static bool
store_is_there(const struct conf *conf)
{
    char path[CONF_PATH + 16];
    snprintf(path, sizeof path, "%s/queue.db", conf->state_directory);
    return access(path, F_OK) == 0;
}

static int
show_snapshot(const struct ctl *ctl, const struct conf *conf, const struct fep_error *why)
{
    struct snapshot snapshot = {0};
    struct fep_error error = {0};
    struct store_query query = {.only_open = 1, .limit = SNAPSHOT_LIMIT};
    if (!ctl->json)
        ctl_fail(ctl, why, CTL_BAD);
    if (!store_is_there(conf)) {
        error_set(&error, 0, FEP_E_STORE_READ, "%s: no store is there yet", conf->state_directory);
        return ctl_fail(ctl, &error, CTL_BAD);
    }
    int status = store_read(conf->state_directory, &query, count_open, &snapshot, &error);
    if (status < 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    struct json_object *reply = describe_snapshot(conf, &snapshot);
    if (ctl->json) {
        ctl_print_json(reply);
        return CTL_BAD;
    }
    print_unknown(ctl, (int64_t)snapshot.unknown);
    print_open(ctl, (int64_t)snapshot.total, reply_member(reply, "open"));
    print_label(ctl, "网关", "gateway");
    printf(
        "%s %s   %s\n", conf->node, conf->name,
        ctl_text(
            ctl, "路由进程没有运行：以上数字读自存储文件，未办结的在启动后继续",
            "the router is not running: figures of the store's files; what is open goes on after a start"));
    json_object_put(reply);
    return CTL_BAD;
}

int
ctl_status(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int exit_code = CTL_GOOD;
    struct json_object *reply = ctl_ask_router(conf, "status", WAIT_MS, &error);
    if (reply == NULL) {
        exit_code = show_snapshot(ctl, conf, &error);
    } else if (!flag_of(reply, "ok")) {
        error_set(&error, 0, FEP_E_USAGE, "the router: %.200s", reply_text(reply, "error"));
        exit_code = ctl_fail(ctl, &error, CTL_BAD);
        json_object_put(reply);
    } else if (ctl->json) {
        json_object_object_add(reply, "router", json_object_new_string("up"));
        ctl_print_json(reply);
    } else {
        print_status(ctl, conf, reply);
        json_object_put(reply);
    }
    conf_destroy(conf);
    return exit_code;
}
