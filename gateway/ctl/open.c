/* fepctl queue: what is open here by the next hop, the oldest first. fepctl stuck: what is open for longer
 * than it should be, one by one. Must show nothing of a person: message ids, names of nodes, times. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "reply.h"

enum { STUCK_S = 60, MOST_S = 30 * 86400, SHOWN_OF_QUEUE = 20 };

static void
print_states(struct json_object *states)
{
    if (states == NULL || !json_object_is_type(states, json_type_object))
        return;
    json_object_object_foreach(states, name, value)
    {
        if (json_object_get_int64(value) != 0)
            printf("   %s %" PRId64, name, json_object_get_int64(value));
    }
}

static void
print_hop(const struct ctl *ctl, struct json_object *hop)
{
    char span[40];
    const char *to = reply_text(hop, "to");
    ctl_format_span(ctl, reply_number(hop, "oldest_ms"), span);
    printf("  %-15s %s %s", to[0] != '\0' ? to : ctl_text(ctl, "(尚无路由)", "(no route yet)"),
           ctl_text(ctl, "最早", "oldest"), span);
    print_states(reply_member(hop, "open"));
    putchar('\n');
}

static void
print_exchange(const struct ctl *ctl, struct json_object *entry)
{
    char since[32], age[40];
    ctl_format_time(reply_number(entry, "accepted_ms"), since);
    ctl_format_span(ctl, reply_number(entry, "age_ms"), age);
    printf("  %s  %s %s   %s (%s)   %s -> %s   %.19s (%s)", reply_text(entry, "msgid"),
           reply_text(entry, "infno"), reply_text(entry, ctl->chinese ? "name_zh" : "name_en"),
           reply_text(entry, "state"), reply_text(entry, "role"), reply_text(entry, "from"),
           reply_shown(entry, "to"), since, age);
    if (strcmp(reply_text(entry, "reason"), "none") != 0)
        printf("   %s", reply_text(entry, "reason"));
    putchar('\n');
}

static void
print_list(struct ctl *ctl, struct json_object *list, size_t most, int64_t all,
           void (*print)(const struct ctl *ctl, struct json_object *entry))
{
    size_t count =
        list != NULL && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (count > most)
        count = most;
    for (size_t i = 0; i < count; i++)
        print(ctl, json_object_array_get_idx(list, i));
    if (all > (int64_t)count)
        printf("  %s %" PRId64 "\n", ctl_text(ctl, "还有", "more:"), all - (int64_t)count);
}

static struct json_object *
ask_open(struct ctl *ctl, const struct conf *conf, int64_t older_ms, int *exit_code)
{
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "do", json_object_new_string("open"));
    json_object_object_add(request, "older_ms", json_object_new_int64(older_ms));
    return ctl_ask_either(ctl, conf, request, exit_code);
}

int
ctl_queue(struct ctl *ctl)
{
    int exit_code = CTL_GOOD;
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *reply = ask_open(ctl, conf, 0, &exit_code);
    if (reply != NULL && ctl->json) {
        ctl_print_json(reply);
    } else if (reply != NULL) {
        int64_t count = reply_number(reply, "count");
        printf("%s %" PRId64 "\n", ctl_text(ctl, "未办结", "open"), count);
        print_list(ctl, reply_member(reply, "hops"), SIZE_MAX, 0, print_hop);
        print_list(ctl, reply_member(reply, "oldest"), SHOWN_OF_QUEUE, count, print_exchange);
        json_object_put(reply);
    }
    conf_destroy(conf);
    return exit_code;
}

static void
print_stuck(struct ctl *ctl, struct json_object *reply, int64_t seconds)
{
    int64_t count = reply_number(reply, "count");
    printf("%s %" PRId64 " %s %" PRId64 "\n", ctl_text(ctl, "超过", "open for longer than"), seconds,
           ctl_text(ctl, "秒未办结：", "s:"), count);
    print_list(ctl, reply_member(reply, "oldest"), SIZE_MAX, count, print_exchange);
    if (count > 0)
        puts(ctl_text(ctl,
                      "queued、sent：等线路或接口，看 fepctl status；relayed：由下一站办理，在那里查；"
                      "unknown、reversing：看 fepctl unknown；逐笔看 fepctl why",
                      "queued, sent: the line or the instance, see fepctl status; relayed: the next hop "
                      "works on it, look "
                      "there;\nunknown, reversing: see fepctl unknown; one by one: fepctl why"));
}

int
ctl_stuck(struct ctl *ctl)
{
    int exit_code = CTL_GOOD;
    char *end = NULL;
    struct fep_error error = {0};
    long long seconds = ctl->seconds != NULL ? strtoll(ctl->seconds, &end, 10) : STUCK_S;
    if (seconds < 1 || seconds > MOST_S || (end != NULL && (*end != '\0' || end == ctl->seconds))) {
        error_set(&error, 0, FEP_E_USAGE, "--seconds takes 1 to %d", MOST_S);
        return ctl_fail(ctl, &error, CTL_MISUSED);
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *reply = ask_open(ctl, conf, (int64_t)seconds * 1000, &exit_code);
    if (reply != NULL) {
        exit_code = reply_number(reply, "count") > 0 ? CTL_BAD : CTL_GOOD;
        if (ctl->json) {
            ctl_print_json(reply);
        } else {
            print_stuck(ctl, reply, seconds);
            json_object_put(reply);
        }
    }
    conf_destroy(conf);
    return exit_code;
}
