/* fepctl unknown: every update whose outcome is not known here, why, what the gateway does next by itself and
 * when, and the command that settles one after a person has looked. Must show nothing of a person: codes,
 * times, names of nodes and our own sentences. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "reply.h"

enum { WAIT_MS = 5000 };

struct words {
    const char *name, *zh, *en;
};

/* What it waits for; of those that a person is needed for: why. */
static const struct words waits[] = {
    {"schedule", "按次序自动进行", "goes on by its schedule"},
    {"call", "已向本地系统发问，正等它答复", "the local system was asked and has not answered yet"},
    {"turn", "已到时间，排队等候发问", "is due and waits for its turn to be asked about"},
    {"line", "线路或接口中断，恢复后自动进行",
     "the line or the instance is down; it goes on when that is back"},
    {"next_hop", "下一站已接下冲正，正由它办理", "the next hop has taken the reversal over and works on it"},
    {"order", "等待该人较后的另一笔先有结论", "waits for the end of a later update of the same person"},
    {"no_ability", "本地系统既不能查询也不能冲正：须人工核实",
     "the local system can neither be asked nor reversed: a person has to find out"},
    {"no_settlement", "冲正已不可能，撤销又缺结算编号：须人工核实",
     "no longer reversible, and its cancel lacks the settlement id: a person has to find it"},
    {"in_progress", "本地系统一直答“处理中”，已超过时限：须人工核实",
     "the local system has said \"in progress\" beyond the bound: a person has to look"},
    {"no_answer", "多次发问没有答复，已超过时限：须人工核实",
     "asked again and again beyond the bound without an answer: a person has to look"},
};

static const struct words operations[] = {{"", "由下一站办理", "asking the next hop again"},
                                          {"", "提交", "submission"},
                                          {"", "查询", "inquiry"},
                                          {"", "冲正", "reversal"},
                                          {"", "撤销结算", "cancel"},
                                          {"", "冲正撤销", "reversal of the cancel"}};

static const char *
wait_text(const struct ctl *ctl, const char *name)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (strcmp(waits[i].name, name) == 0)
            return ctl_text(ctl, waits[i].zh, waits[i].en);
    return name;
}

static const char *
operation_text(const struct ctl *ctl, int64_t operation)
{
    const struct words *words =
        &operations[operation > 0 && operation < (int64_t)(sizeof operations / sizeof *operations) ? operation
                                                                                                   : 0];
    return ctl_text(ctl, words->zh, words->en);
}

static void
print_title(const struct ctl *ctl, struct json_object *entry)
{
    printf("%s %s   %s %s   %s %s\n", reply_text(entry, "infno"),
           reply_text(entry, ctl->chinese ? "name_zh" : "name_en"), ctl_text(ctl, "报文号", "msgid"),
           reply_text(entry, "msgid"), ctl_text(ctl, "发起网关", "of"), reply_text(entry, "origin"));
}

static void
print_reason(const struct ctl *ctl, struct json_object *entry)
{
    unsigned code = (unsigned)reply_number(entry, "code");
    const struct error_description *own = error_describe(code);
    printf("  %s  %s", ctl_text(ctl, "原因", "why"), reply_text(entry, "reason"));
    if (code != 0)
        printf("  %s%04u", own != NULL ? "FEP-" : "", code);
    if (own != NULL)
        printf(" %s", ctl_text(ctl, own->zh, own->en));
    if (reply_text(entry, "text")[0] != '\0')
        printf("  %s", reply_text(entry, "text"));
    putchar('\n');
}

static void
print_next(const struct ctl *ctl, struct json_object *entry)
{
    char at[32];
    printf("  %s  %s", ctl_text(ctl, "下一步", "next"), wait_text(ctl, reply_text(entry, "wait")));
    if (reply_number(entry, "next_ms") != 0) {
        ctl_format_time(reply_number(entry, "next_ms"), at);
        printf("%s%s %.19s", ctl_text(ctl, "；下次", "; next "),
               operation_text(ctl, reply_number(entry, "operation")), at);
    }
    if (reply_number(entry, "asked") > 0)
        printf("%s %" PRId64 " %s", ctl_text(ctl, "；已问", "; asked"), reply_number(entry, "asked"),
               ctl_text(ctl, "次", "times"));
    putchar('\n');
}

static const struct words verbs[] = {
    {"posted", "已入账", "it is posted"},
    {"not-posted", "从未入账", "it never was posted"},
    {"undone", "已在本地系统撤销或冲正", "it was undone there"},
    {"stands", "已入账且不能撤销", "it is posted and can not be undone"},
};

/* Only where the local system stands beside this gateway. */
static void
print_commands(const struct ctl *ctl, struct json_object *entry)
{
    struct json_object *settles = reply_member(entry, "settles");
    int64_t proposal = reply_number(entry, "proposal");
    if (proposal != 0) {
        printf("  %s  fepctl confirm %" PRId64 " | fepctl withdraw %" PRId64 " --why TEXT\n",
               ctl_text(ctl, "已有提议，另一人用", "proposed; somebody else:"), proposal, proposal);
        return;
    }
    if (settles == NULL || json_object_array_length(settles) == 0) {
        printf("  %s\n",
               ctl_text(ctl, "由参保地网关办结；那里的 fepctl unknown 给出命令",
                        "it is settled at the insured place's gateway; its fepctl unknown has the command"));
        return;
    }
    printf("  %s\n", ctl_text(ctl, "核实之后，由一人提议，另一人确认：",
                              "after a person has looked, one proposes and another confirms:"));
    for (size_t i = 0; i < json_object_array_length(settles); i++) {
        const char *verb = json_object_get_string(json_object_array_get_idx(settles, i));
        for (size_t at = 0; at < sizeof verbs / sizeof *verbs; at++)
            if (strcmp(verbs[at].name, verb) == 0)
                printf("    %s: fepctl propose %s %s%s --why TEXT\n",
                       ctl_text(ctl, verbs[at].zh, verbs[at].en), reply_text(entry, "msgid"), verb,
                       strcmp(verb, "posted") == 0 ? " --answer FILE" : "");
    }
}

static void
print_unclear(const struct ctl *ctl, struct json_object *entry)
{
    char since[32], age[40];
    ctl_format_time(reply_number(entry, "since_ms"), since);
    ctl_format_span(ctl, reply_number(entry, "age_ms"), age);
    if (json_object_get_boolean(reply_member(entry, "person")))
        printf("%s  ", ctl_text(ctl, "[须人工]", "[A PERSON IS NEEDED]"));
    print_title(ctl, entry);
    printf("  %s  %s (%s)  %s -> %s   %s %s\n", ctl_text(ctl, "本站", "here"), reply_text(entry, "state"),
           reply_text(entry, "role"), reply_text(entry, "from"), reply_text(entry, "to"),
           ctl_text(ctl, "本地流水", "local serial"),
           reply_text(entry, "local_serial")[0] != '\0' ? reply_text(entry, "local_serial") : "-");
    printf("  %s  %.19s  (%s)\n", ctl_text(ctl, "自", "since"), since, age);
    print_reason(ctl, entry);
    print_next(ctl, entry);
    print_commands(ctl, entry);
}

static void
print_standing(const struct ctl *ctl, struct json_object *entry)
{
    char since[32];
    ctl_format_time(reply_number(entry, "since_ms"), since);
    print_title(ctl, entry);
    printf("  %s  %s  %.19s\n",
           ctl_text(ctl, "冲正被最终拒绝，仍然有效", "its reversal was declined for good: it stands"),
           reply_text(entry, "to"), since);
    printf("  %s  fepctl acknowledge %" PRId64 " --why TEXT\n",
           ctl_text(ctl, "处理之后", "when it was seen to:"), reply_number(entry, "id"));
}

static void
print_list(const struct ctl *ctl, struct json_object *list, int64_t all,
           void (*print)(const struct ctl *ctl, struct json_object *entry))
{
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        putchar('\n');
        print(ctl, json_object_array_get_idx(list, i));
    }
    if (all > (int64_t)count)
        printf("\n%s %" PRId64 "\n", ctl_text(ctl, "还有", "more:"), all - (int64_t)count);
}

static void
print_all(const struct ctl *ctl, struct json_object *reply)
{
    printf("%s %" PRId64 "   %s %" PRId64 "   %s %" PRId64 "\n", ctl_text(ctl, "未明", "unknown"),
           reply_number(reply, "count"), ctl_text(ctl, "须人工", "need a person"),
           reply_number(reply, "for_person"), ctl_text(ctl, "仍然有效待确认", "stand, not acknowledged"),
           reply_number(reply, "standing_count"));
    if (!json_object_get_boolean(reply_member(reply, "operators")) && reply_number(reply, "for_person") > 0)
        puts(ctl_text(ctl, "配置中没有 operators：不能人工办结，见安装说明",
                      "the configuration names no operators: nothing can be settled by hand until it does"));
    print_list(ctl, reply_member(reply, "unclear"), reply_number(reply, "count"), print_unclear);
    print_list(ctl, reply_member(reply, "standing"), reply_number(reply, "standing_count"), print_standing);
}

struct json_object *
ctl_ask_either(struct ctl *ctl, const struct conf *conf, struct json_object *request, int *exit_code)
{
    struct fep_error error = {0};
    struct json_object *reply = ctl_is_operator(conf) ? ctl_ask_operators(conf, request, &error)
                                                      : ctl_ask(conf, request, WAIT_MS, NULL, NULL, &error);
    *exit_code = CTL_GOOD;
    if (reply == NULL) {
        *exit_code = ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    } else if (!json_object_get_boolean(reply_member(reply, "ok"))) {
        error_set(&error, 0, (unsigned)reply_number(reply, "code"), "%.200s", reply_text(reply, "error"));
        *exit_code = ctl_fail(ctl, &error, CTL_BAD);
        json_object_put(reply);
        reply = NULL;
    }
    return reply;
}

int
ctl_unknown(struct ctl *ctl)
{
    struct conf *conf = ctl_load_conf(ctl);
    struct json_object *request = json_object_new_object(), *reply;
    int exit_code = CTL_MISUSED;
    if (conf == NULL) {
        json_object_put(request);
        return CTL_MISUSED;
    }
    json_object_object_add(request, "do", json_object_new_string("unknown"));
    reply = ctl_ask_either(ctl, conf, request, &exit_code);
    if (reply != NULL) {
        exit_code =
            reply_number(reply, "count") + reply_number(reply, "standing_count") > 0 ? CTL_BAD : CTL_GOOD;
        if (ctl->json) {
            ctl_print_json(reply);
        } else {
            print_all(ctl, reply);
            json_object_put(reply);
        }
    }
    conf_destroy(conf);
    return exit_code;
}
