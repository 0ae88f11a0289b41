/* fepctl: the operators' and integrators' command. Finds the command, checks its words and flags, and runs
 * it. Must do nothing when it is used wrongly. */
#include "ctl.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum flag { /* which command takes which */
            FLAG_JSON = 1,
            FLAG_SHOW = 2,
            FLAG_OVERWRITE = 4,
            FLAG_CONDITIONS = 8,
            FLAG_BASE = 16,
            FLAG_ALL = 32,
            FLAG_TOTALS_ONLY = 64,
            FLAG_WHY = 128,
            FLAG_LOCAL = 256,
            NEEDS_WHY = 512, /* not an option of its own: --why must be there */
            FLAG_MARKDOWN = 1 << 16,
            FLAG_MAPPING = 1 << 17,
            FLAG_SET = 1 << 18,
            FLAG_OUT = 1 << 19,
            FLAG_ANSWER = 1 << 22,
            FLAG_PROFILE = 1 << 20,
            NEEDS_PROFILE = 1 << 21, /* not an option of its own: --profile must be there */
            FLAG_SECRETS = 1 << 23,
            FLAG_SECONDS = 1 << 24,
            FLAG_LISTEN = 1 << 25
};

struct command {
    const char *first, *second; /* second NULL: a command of one word */
    int least, most;            /* words that follow */
    unsigned flags;
    int (*run)(struct ctl *ctl);
    const char *words, *zh, *en;
};

static const struct command commands[] = {
    {"status", NULL, 0, 0, FLAG_JSON, ctl_status, "", "网关状态，先看未明笔数",
     "how the gateway is; open unknown first"},
    {"metrics", NULL, 0, 0, FLAG_LISTEN, ctl_metrics, "",
     "Prometheus 文本格式的指标；--listen 127.0.0.1:9464 则在本机端口提供 /metrics",
     "the figures in the Prometheus text format; --listen 127.0.0.1:9464 serves them at /metrics there"},
    {"why", NULL, 1, 1, FLAG_JSON, ctl_why, "MSGID", "一笔业务在本网关的经过和结论",
     "one message's time at this gateway, and what became of it"},
    {"unknown", NULL, 0, 0, FLAG_JSON, ctl_unknown, "",
     "结果不明和正在冲正的业务：原因、下一步、是否须人工；退出码 1 表示有",
     "updates whose outcome is not known: why, what happens next, whether a person is needed; exit code 1: "
     "there are some"},
    {"queue", NULL, 0, 0, FLAG_JSON, ctl_queue, "", "未办结的业务：各在等谁，最早的在前",
     "what is open: for whom it waits, the oldest first"},
    {"stuck", NULL, 0, 0, FLAG_JSON | FLAG_SECONDS, ctl_stuck, "",
     "超过 60 秒（或 --seconds）未办结的业务，逐笔列出；退出码 1 表示有",
     "what is open for longer than 60 s (or --seconds), one by one; exit code 1: there is something"},
    {"propose", NULL, 2, 2, FLAG_WHY | NEEDS_WHY | FLAG_ANSWER, ctl_propose,
     "MSGID posted|not-posted|undone|stands",
     "核实之后提议一笔未明业务的结论，须另一人确认；已入账的用 --answer 给出结算编号和金额（JSON）",
     "say what became of an unclear update after a person has looked; another confirms. posted: --answer is "
     "a JSON file\n"
     "      with setl_id, medfee_sumamt, fund_pay_sumamt, acct_pay, psn_cash_pay"},
    {"proposals", NULL, 0, 0, FLAG_ALL | FLAG_JSON, ctl_proposals, "", "待确认的提议；--all 包括已办结的",
     "proposals that wait for a second person; with --all also those that are over"},
    {"confirm", NULL, 1, 1, FLAG_WHY, ctl_confirm, "ID", "确认他人的提议，网关照此办结",
     "confirm somebody else's proposal; the gateway settles it so"},
    {"withdraw", NULL, 1, 1, FLAG_WHY | NEEDS_WHY, ctl_withdraw, "ID", "撤回或否决一条提议",
     "withdraw or reject a proposal"},
    {"acknowledge", NULL, 1, 1, FLAG_WHY | NEEDS_WHY, ctl_acknowledge, "ID",
     "一笔冲正被拒、仍然有效的业务已有人处理", "an update that stands was seen to"},
    {"route", "explain", 1, 2, FLAG_CONDITIONS, ctl_route_explain, "AREA [INFNO]",
     "某参保地的业务送往哪里，依据哪条规则", "where messages for an insured area go, and by which rule"},
    {"config", "check", 0, 1, 0, ctl_config_check, "[FILE]",
     "检查配置、路由、交易表、映射和适配参数，打印各项上限",
     "check configuration, routes, transactions, mappings and options; print the bounds"},
    {"map", "check", 1, 1, FLAG_BASE, ctl_map_check, "FILE", "检查映射文件", "check a mapping file"},
    {"map", "test", 1, 2, FLAG_BASE | FLAG_SHOW, ctl_map_test, "FILE [MESSAGE.json]",
     "用一份报文逐字段试走映射", "take one message through a mapping, field by field"},
    {"map", "golden", 1, 2, FLAG_BASE | FLAG_OVERWRITE, ctl_map_golden, "FILE [DIR]", "运行映射的样本",
     "run the goldens beside a mapping"},
    {"map", "coverage", 1, 2, FLAG_BASE, ctl_map_coverage, "FILE [DIR]", "样本覆盖了映射的哪些部分",
     "what the goldens exercise of a mapping"},
    {"map", "import-copybook", 1, 1, 0, ctl_map_import_copybook, "COPYBOOK",
     "把 COBOL 数据结构转成映射文件的 layouts", "a COBOL copybook as layouts for a mapping file"},
    {"capture", NULL, 2, 2, FLAG_OUT | FLAG_WHY | NEEDS_WHY, ctl_capture, "INSTANCE COUNT",
     "把接下来的 COUNT 笔业务脱敏后写成样本；须在配置中允许，须说明原因",
     "write the next COUNT exchanges as masked goldens; the configuration must allow it, and say why"},
    {"adapter", "describe", 1, 1, FLAG_JSON | FLAG_MARKDOWN, ctl_adapter_describe, "MODULE",
     "模块的名称、版本、能力和选项表", "a module's name, version, abilities and options"},
    {"adapter", "selftest", 1, 1, FLAG_MAPPING | FLAG_BASE | FLAG_SET, ctl_adapter_selftest, "MODULE",
     "不连接本地系统的模块自检", "check a module without its local system"},
    {"prompts", "list", 0, 0, FLAG_ALL | FLAG_JSON, ctl_prompts_list, "", "异地费用行缺本地编码的提示",
     "fee lines of other places for which there is no local code"},
    {"prompts", "export", 1, 1, FLAG_ALL, ctl_prompts_export, "FILE", "把提示写入 CSV 文件（0600，不覆盖）",
     "write the prompts into a CSV file (mode 0600, never over another)"},
    {"prompts", "close", 1, 1, FLAG_WHY | NEEDS_WHY | FLAG_LOCAL, ctl_prompts_close, "ID",
     "办结一条提示，须说明原因；--local 给出本地编码并加入对照表，下一位病人即可用上",
     "close a prompt, saying why; --local gives the local code and adds it to the crosswalk"},
    {"prompts", NULL, 0, 0, FLAG_ALL | FLAG_JSON, ctl_prompts_list, "", "同 prompts list", "as prompts list"},
    {"quarantine", NULL, 0, 0, FLAG_JSON, ctl_quarantine, "",
     "存储中损坏而被隔离的内容，逐笔列出；退出码 1 表示有",
     "what was found damaged in the store and put aside, one by one; exit code 1: there is something"},
    {"reconcile", NULL, 2, 2, FLAG_TOTALS_ONLY | FLAG_JSON, ctl_reconcile, "INSTANCE DAY",
     "与本地系统对账：网关经办的一个账务日的总额，不符时逐笔比较；退出码 0 相符、1 有差异、111 未完成",
     "reconcile an accounting day with the local system; exit code 0 equal, 1 differences, 111 not done"},
    {"reload", NULL, 1, 1, FLAG_WHY, ctl_reload, "INSTANCE", "不停业务，重新加载项目对照表",
     "check and load the crosswalk again, without a pause"},
    {"catalogue", NULL, 1, 2, FLAG_JSON, ctl_catalogue, "INSTANCE [KIND]",
     "取本地系统的目录并与对照表比较（KIND：1 药品 2 诊疗 3 材料 4 其他）",
     "fetch the local system's catalogue and compare the crosswalk with it (KIND 1 to 4)"},
    {"backup", NULL, 1, 1, FLAG_JSON | FLAG_WHY, ctl_backup, "DIR",
     "不停业务，把存储备份到新目录 DIR 并逐行核验；不含密钥",
     "copy the running gateway's store into the new directory DIR and verify every row; keys are not in it"},
    {"restore", NULL, 1, 1, FLAG_JSON | FLAG_WHY | NEEDS_WHY, ctl_restore, "DIR",
     "停机后用备份替换存储，原存储移到一边；须说明原因",
     "put a backup in the place of the store, the daemon being stopped; the old store is put aside. Say why"},
    {"resolving", NULL, 0, 0, FLAG_JSON, ctl_resolving, "", "恢复后尚未核对的对端、接口和业务",
     "after a restore: peers, instances and updates that are not resolved yet"},
    {"resolve", NULL, 1, 1, 0, ctl_resolve, "INSTANCE", "恢复后与本地系统逐日核对明细，找回流水",
     "after a restore: find the serials of lost postings in the local system's details"},
    {"traced", NULL, 3, 3, FLAG_WHY | NEEDS_WHY, ctl_traced, "INSTANCE MSGID SERIAL|absent",
     "恢复后由人认定：本地系统以此流水入了账，或根本没有（absent）",
     "after a restore a person says: it is there under this serial, or not at all (absent)"},
    {"resolved", NULL, 1, 1, FLAG_WHY | NEEDS_WHY, ctl_resolved, "NAME",
     "恢复后结束对某对端或接口的核对，须说明原因",
     "after a restore: a peer or an instance is resolved; say why"},
    {"keys", "link", 1, 1, FLAG_OVERWRITE, ctl_keys_link, "FILE",
     "生成线路密钥：FILE（私钥）和 FILE.pub（公钥）", "make a link key: FILE (secret) and FILE.pub (public)"},
    {"keys", "body", 1, 1, 0, ctl_keys_body, "FILE", "生成存储内容的加密密钥",
     "make the key for stored bodies"},
    {"keys", "pseudonym", 1, 1, 0, ctl_keys_pseudonym, "FILE", "生成人员排序和化名用的密钥",
     "make the key for order keys and pseudonyms"},
    {"seal", "explain", 1, 1, FLAG_PROFILE | NEEDS_PROFILE | FLAG_SECRETS | FLAG_SECONDS | FLAG_JSON,
     ctl_seal_explain, "FILE",
     "签名诊断：一份被拒的报文（HTTP 头和报文体，或只有 JSON）按哪种写法验得过；退出码 1：都验不过",
     "the dialect in which a rejected message (HTTP headers and body, or the JSON alone) verifies; exit code "
     "1: in none"},
    {"events", NULL, 0, 0, FLAG_JSON, ctl_events, "", "日志事件一览", "the list of log events"},
    {"codes", NULL, 0, 1, FLAG_JSON, ctl_codes, "[FEP-nnnn]", "错误代码一览", "the list of error codes"},
};

enum {
    OPTION_JSON = 256,
    OPTION_LANG,
    OPTION_SHOW,
    OPTION_OVERWRITE,
    OPTION_MED_TYPE,
    OPTION_INSUTYPE,
    OPTION_INSTITUTION,
    OPTION_DATE,
    OPTION_BASE,
    OPTION_ALL,
    OPTION_TOTALS_ONLY,
    OPTION_WHY,
    OPTION_LOCAL,
    OPTION_MARKDOWN,
    OPTION_MAPPING,
    OPTION_SET,
    OPTION_OUT,
    OPTION_ANSWER,
    OPTION_PROFILE,
    OPTION_SECRETS,
    OPTION_SECONDS,
    OPTION_LISTEN,
    OPTION_VERSION
};

static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"lang", required_argument, NULL, OPTION_LANG},
                                        {"show", no_argument, NULL, OPTION_SHOW},
                                        {"overwrite", no_argument, NULL, OPTION_OVERWRITE},
                                        {"med-type", required_argument, NULL, OPTION_MED_TYPE},
                                        {"insutype", required_argument, NULL, OPTION_INSUTYPE},
                                        {"institution", required_argument, NULL, OPTION_INSTITUTION},
                                        {"date", required_argument, NULL, OPTION_DATE},
                                        {"base", required_argument, NULL, OPTION_BASE},
                                        {"all", no_argument, NULL, OPTION_ALL},
                                        {"totals-only", no_argument, NULL, OPTION_TOTALS_ONLY},
                                        {"why", required_argument, NULL, OPTION_WHY},
                                        {"local", required_argument, NULL, OPTION_LOCAL},
                                        {"markdown", no_argument, NULL, OPTION_MARKDOWN},
                                        {"mapping", required_argument, NULL, OPTION_MAPPING},
                                        {"set", required_argument, NULL, OPTION_SET},
                                        {"out", required_argument, NULL, OPTION_OUT},
                                        {"profile", required_argument, NULL, OPTION_PROFILE},
                                        {"secrets", required_argument, NULL, OPTION_SECRETS},
                                        {"seconds", required_argument, NULL, OPTION_SECONDS},
                                        {"listen", required_argument, NULL, OPTION_LISTEN},
                                        {"answer", required_argument, NULL, OPTION_ANSWER},
                                        {"version", no_argument, NULL, OPTION_VERSION},
                                        {"help", no_argument, NULL, 'h'},
                                        {0}};

static void
print_flags(FILE *out, unsigned flags)
{
    if (flags & FLAG_JSON)
        fputs(" [--json]", out);
    if (flags & FLAG_ALL)
        fputs(" [--all]", out);
    if (flags & FLAG_TOTALS_ONLY)
        fputs(" [--totals-only]", out);
    if (flags & FLAG_WHY)
        fputs(flags & NEEDS_WHY ? " --why TEXT" : " [--why TEXT]", out);
    if (flags & FLAG_ANSWER)
        fputs(" [--answer FILE]", out);
    if (flags & FLAG_LOCAL)
        fputs(" [--local CODE]", out);
    if (flags & FLAG_MARKDOWN)
        fputs(" [--markdown]", out);
    if (flags & FLAG_MAPPING)
        fputs(" [--mapping FILE]", out);
    if (flags & FLAG_OUT)
        fputs(" --out DIR", out);
    if (flags & FLAG_PROFILE)
        fputs(" --profile FILE", out);
    if (flags & FLAG_SECRETS)
        fputs(" [--secrets DIR]", out);
    if (flags & FLAG_SECONDS)
        fputs(" [--seconds N]", out);
    if (flags & FLAG_LISTEN)
        fputs(" [--listen ADDRESS:PORT]", out);
    if (flags & FLAG_SET)
        fputs(" [--set NAME=VALUE ...]", out);
    if (flags & FLAG_BASE)
        fputs(" [--base DIR]", out);
    if (flags & FLAG_SHOW)
        fputs(" [--show]", out);
    if (flags & FLAG_OVERWRITE)
        fputs(" [--overwrite]", out);
    if (flags & FLAG_CONDITIONS)
        fputs(" [--med-type T] [--insutype T] [--institution CODE] [--date YYYY-MM-DD]", out);
}

static void
print_command(const struct ctl *ctl, FILE *out, const struct command *command)
{
    fprintf(out, "  fepctl %s%s%s%s%s", command->first, command->second != NULL ? " " : "",
            command->second != NULL ? command->second : "", command->words[0] != '\0' ? " " : "",
            command->words);
    print_flags(out, command->flags);
    fprintf(out, "\n      %s\n", ctl_text(ctl, command->zh, command->en));
}

static int
print_usage(const struct ctl *ctl, FILE *out)
{
    fprintf(out, "%s fepctl [-c FILE] [--lang zh|en] COMMAND ...\n", ctl_text(ctl, "用法：", "usage:"));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        print_command(ctl, out, &commands[i]);
    fputs(
        ctl_text(
            ctl, "退出码：0 好；1 没有找到或状态不好；100 用法或配置不对；111 文件、内存或系统有问题\n",
            "exit codes: 0 good; 1 not found, or the state is not good; 100 used wrongly or misconfigured;\n"
            "            111 files, memory or the system failed\n"),
        out);
    return out == stdout ? CTL_GOOD : CTL_MISUSED;
}

static bool
locale_is_chinese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

static const struct command *
find_command(int count, char **words)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct command *command = &commands[i];
        if (count >= 1 && strcmp(words[0], command->first) == 0 &&
            (command->second == NULL || (count >= 2 && strcmp(words[1], command->second) == 0)))
            return command;
    }
    return NULL;
}

/* An option that only says so, or gives a text: which flag it is, and where it is kept. */
struct plain_option {
    int option;
    unsigned flag;
    bool *said;
    const char **text;
};

static bool
read_plain_option(struct ctl *ctl, int option, unsigned *flags)
{
    const struct plain_option plain[] = {{OPTION_JSON, FLAG_JSON, &ctl->json, NULL},
                                         {OPTION_SHOW, FLAG_SHOW, &ctl->show, NULL},
                                         {OPTION_OVERWRITE, FLAG_OVERWRITE, &ctl->overwrite, NULL},
                                         {OPTION_ALL, FLAG_ALL, &ctl->all, NULL},
                                         {OPTION_TOTALS_ONLY, FLAG_TOTALS_ONLY, &ctl->totals_only, NULL},
                                         {OPTION_MARKDOWN, FLAG_MARKDOWN, &ctl->markdown, NULL},
                                         {OPTION_MED_TYPE, FLAG_CONDITIONS, NULL, &ctl->med_type},
                                         {OPTION_INSUTYPE, FLAG_CONDITIONS, NULL, &ctl->insutype},
                                         {OPTION_INSTITUTION, FLAG_CONDITIONS, NULL, &ctl->institution},
                                         {OPTION_DATE, FLAG_CONDITIONS, NULL, &ctl->date},
                                         {OPTION_BASE, FLAG_BASE, NULL, &ctl->base},
                                         {OPTION_WHY, FLAG_WHY, NULL, &ctl->reason},
                                         {OPTION_LOCAL, FLAG_LOCAL, NULL, &ctl->local},
                                         {OPTION_MAPPING, FLAG_MAPPING, NULL, &ctl->mapping},
                                         {OPTION_ANSWER, FLAG_ANSWER, NULL, &ctl->answer},
                                         {OPTION_OUT, FLAG_OUT, NULL, &ctl->out},
                                         {OPTION_PROFILE, FLAG_PROFILE, NULL, &ctl->profile},
                                         {OPTION_SECRETS, FLAG_SECRETS, NULL, &ctl->secrets},
                                         {OPTION_SECONDS, FLAG_SECONDS, NULL, &ctl->seconds},
                                         {OPTION_LISTEN, FLAG_LISTEN, NULL, &ctl->listen}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (plain[i].option != option)
            continue;
        if (plain[i].said != NULL)
            *plain[i].said = true;
        else
            *plain[i].text = optarg;
        *flags |= plain[i].flag;
        return true;
    }
    return false;
}

/* 0: go on; else the exit code plus one. */
static int
read_option(struct ctl *ctl, int option, unsigned *flags)
{
    if (read_plain_option(ctl, option, flags))
        return 0;
    switch (option) {
    case 'c':
        ctl->conf_path = optarg;
        return 0;
    case OPTION_LANG:
        if (strcmp(optarg, "zh") != 0 && strcmp(optarg, "en") != 0)
            return print_usage(ctl, stderr) + 1;
        ctl->chinese = strcmp(optarg, "zh") == 0;
        return 0;
    case OPTION_SET:
        if (ctl->setting_count == CTL_SETTINGS)
            return print_usage(ctl, stderr) + 1;
        ctl->settings[ctl->setting_count++] = optarg;
        *flags |= FLAG_SET;
        return 0;
    case OPTION_VERSION:
        puts("fepctl " FEP_VERSION);
        return CTL_GOOD + 1;
    case 'h':
        return print_usage(ctl, stdout) + 1;
    default:
        return print_usage(ctl, stderr) + 1;
    }
}

int
main(int argc, char **argv)
{
    struct ctl ctl = {.conf_path = FEP_SYSCONFDIR "/fepd.conf", .chinese = locale_is_chinese()};
    unsigned flags = 0;
    int option;

    /* A core file could hold a message. 1 and not 0: a system that pipes cores to a program ignores 0. */
    struct rlimit no_core = {1, 1};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    umask(077);
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        int ended = read_option(&ctl, option, &flags);
        if (ended != 0)
            return ended - 1;
    }
    const struct command *command = find_command(argc - optind, argv + optind);
    if (command == NULL)
        return print_usage(&ctl, stderr);
    int own = command->second != NULL ? 2 : 1;
    ctl.count = argc - optind - own;
    ctl.words = argv + optind + own;
    if (ctl.count < command->least || ctl.count > command->most || (flags & ~command->flags) != 0 ||
        ((command->flags & NEEDS_WHY) != 0 && (ctl.reason == NULL || ctl.reason[0] == '\0')) ||
        ((command->flags & NEEDS_PROFILE) != 0 && ctl.profile == NULL)) {
        fprintf(stderr, "%s\n", ctl_text(&ctl, "用法：", "usage:"));
        print_command(&ctl, stderr, command);
        return CTL_MISUSED;
    }
    int status = command->run(&ctl);
    if (fflush(stdout) != 0 || ferror(stdout))
        return CTL_SURROUNDINGS;
    return status;
}
