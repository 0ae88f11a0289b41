/* fepctl why MSGID: this gateway's part of one message's time, from the store's files. Must show nothing of a
 * person: what is printed are codes, times, names of nodes and our own sentences. Works while the router runs
 * and while it is down. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "store.h"
#include "why_text.h"

enum { RECORDS = 16, DIGIT_RUN = 15 };

struct found_record {
    struct exchange_record record;
    int closed;
};

struct found {
    struct found_record records[RECORDS];
    size_t count;
};

struct step {
    const char *name, *zh, *en; /* name: the key in JSON */
    int64_t wall_ms;
};

struct why {
    const struct ctl *ctl;
    const struct conf *conf;
    const struct transaction_table *transactions; /* NULL: the file does not hold */
};

static int
keep_record(void *arg, const struct exchange_record *record, int closed)
{
    struct found *found = arg;
    struct found_record *kept = &found->records[found->count++];
    *kept = (struct found_record){.record = *record, .closed = closed};
    /* An exchange is closed only when nobody waits for it any more; the row is not written again for that. */
    if (closed)
        kept->record.outcome_relayed = 1;
    return found->count == RECORDS;
}

static size_t
list_steps(const struct exchange_record *record, struct step steps[5])
{
    bool destination = record->role == ROLE_DESTINATION;
    const struct exchange_times *times = &record->times;
    steps[0] = (struct step){"accepted", "受理并落盘", "accepted, on disk", times->accepted};
    steps[1] = destination ? (struct step){"sent", "交给参保地系统", "handed to the insured place's system",
                                           times->sent}
                           : (struct step){"sent", "送往下一站", "sent to the next hop", times->sent};
    steps[2] = (struct step){"relayed", "下一站已落盘", "the next hop has it on disk", times->relayed};
    steps[3] = (struct step){"outcome", "得到结果并落盘", "the outcome is on disk", times->outcome};
    steps[4] = record->role == ROLE_ORIGIN
                   ? (struct step){"told", "告知请求方", "the caller was told", times->told}
                   : (struct step){"told", "上一站已落盘结果", "the previous hop has the outcome on disk",
                                   times->told};
    return 5;
}

/* "FEP-2301" of the gateway's own codes, "2301" of the insured place's; empty for good. */
static void
format_code(uint16_t code, char out[16])
{
    if (error_describe(code) != NULL)
        snprintf(out, 16, "FEP-%04u", (unsigned)code);
    else if (code > 0)
        snprintf(out, 16, "%04u", (unsigned)code);
    else
        out[0] = '\0';
}

static const struct transaction *
find_transaction(const struct why *why, const struct exchange_record *record)
{
    return why->transactions != NULL ? transaction_find(why->transactions, record->header.infno) : NULL;
}

/* --- for people
 * ----------------------------------------------------------------------------------------------- */

static const char *
role_text(const struct ctl *ctl, uint8_t role)
{
    switch (role) {
    case ROLE_ORIGIN:
        return ctl_text(ctl, "发起方", "origin");
    case ROLE_TRANSIT:
        return ctl_text(ctl, "中转", "transit");
    case ROLE_DESTINATION:
        return ctl_text(ctl, "参保方", "destination");
    default:
        return "?";
    }
}

static void
print_head(const struct why *why, const struct exchange_record *record)
{
    const struct ctl *ctl = why->ctl;
    const struct transaction *transaction = find_transaction(why, record);
    printf("%s %s   %s %s   %s %s\n", record->header.infno,
           transaction != NULL ? ctl_text(ctl, transaction->name_zh, transaction->name_en) : "",
           ctl_text(ctl, "报文号", "msgid"), record->header.key.msgid, ctl_text(ctl, "发起网关", "of"),
           record->header.key.origin);
    printf(
        "  %s  %s (%s): %s -> %s -> %s   %s %" PRIu32 "\n", ctl_text(ctl, "本站", "here"), why->conf->node,
        role_text(ctl, record->role), record->previous[0] != '\0' ? record->previous : "-", why->conf->node,
        record->target[0] != '\0' ? record->target : ctl_text(ctl, "（尚未选路）", "(no route chosen yet)"),
        ctl_text(ctl, "第几次", "attempt"), record->attempt);
    printf("  %s  %s -> %s   %s %08" PRIu32 "\n", ctl_text(ctl, "就医地/参保地", "treated/insured"),
           record->header.treat_area, record->header.insured_area, ctl_text(ctl, "受理日", "day"),
           record->header.day);
}

static void
print_steps(const struct why *why, const struct exchange_record *record)
{
    struct step steps[5];
    int64_t before = 0;
    for (size_t i = 0, count = list_steps(record, steps); i < count; i++) {
        char time[32], span[40];
        if (steps[i].wall_ms == 0)
            continue;
        ctl_format_time(steps[i].wall_ms, time);
        ctl_format_span(why->ctl, before != 0 && steps[i].wall_ms > before ? steps[i].wall_ms - before : 0,
                        span);
        printf("  %s  %s%-10s  %s\n", time, before != 0 ? "+" : " ", before != 0 ? span : "",
               ctl_text(why->ctl, steps[i].zh, steps[i].en));
        before = steps[i].wall_ms;
    }
}

static void
print_reversal(const struct why *why, const struct exchange_record *record)
{
    const struct ctl *ctl = why->ctl;
    const char *cure = why_describe_cure(record, ctl->chinese);
    if (record->reversal_cause == REVERSAL_NONE && cure == NULL)
        return;
    printf("  %s  %s", ctl_text(ctl, "冲正", "reversal"),
           reversal_cause_name((enum reversal_cause)record->reversal_cause));
    if (record->reversal_attempt > 0)
        printf(", %s %" PRIu32, ctl_text(ctl, "针对第几次", "of attempt"), record->reversal_attempt);
    if (cure != NULL)
        printf("; %s", cure);
    putchar('\n');
}

/* A reason may have come from a local system: long runs of digits are never shown, whatever they are. */
static void
mask_digits(char *text)
{
    for (char *at = text; *at != '\0';) {
        size_t run = strspn(at, "0123456789");
        if (run >= DIGIT_RUN)
            memset(at, '*', run);
        at += run > 0 ? run : 1;
    }
}

static void
print_reason(const struct why *why, const struct exchange_record *record, const char *code,
             const struct error_description *description)
{
    const char *own = description != NULL ? ctl_text(why->ctl, description->zh, description->en) : "";
    char text[sizeof record->text];
    if (code[0] == '\0' && record->text[0] == '\0' && record->reason == FEP_REASON_NONE)
        return;
    memcpy(text, record->text, sizeof text);
    text[sizeof text - 1] = '\0';
    mask_digits(text);
    printf("  %s", ctl_text(why->ctl, "原因", "why"));
    for (size_t i = 0; i < 3; i++) {
        const char *part = i == 0 ? code : i == 1 ? own : text;
        if (part[0] != '\0')
            printf("  %s", part);
    }
    if (record->reason != FEP_REASON_NONE)
        printf("  [%s]", reason_name((enum fep_reason)record->reason));
    putchar('\n');
}

static void
print_answers(const struct why *why, const struct exchange_record *record)
{
    const struct ctl *ctl = why->ctl;
    const struct error_description *description = error_describe(record->code);
    struct why_text text;
    char code[16];
    why_describe(record, ctl->chinese, &text);
    format_code(record->code, code);
    printf("  %s  %s  [%s]\n", ctl_text(ctl, "怎么了", "what happened"), text.happened,
           exchange_state_name((enum exchange_state)record->state));
    print_reason(why, record, code, description);
    print_reversal(why, record);
    printf("  %s  %s\n", ctl_text(ctl, "是否生效", "effect"), text.effect);
    printf("  %s  %s\n", ctl_text(ctl, "接下来", "next, by itself"), text.next);
    printf("  %s  %s\n", ctl_text(ctl, "您能做什么", "what you can do"), text.person);
    if (description != NULL)
        printf("  %s  %s\n", code, ctl_text(ctl, description->next_zh, description->next_en));
}

static void
print_record(const struct why *why, const struct exchange_record *record)
{
    print_head(why, record);
    print_steps(why, record);
    print_answers(why, record);
}

/* --- for programs
 * --------------------------------------------------------------------------------------------- */

static void
add_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value != NULL ? value : ""));
}

static void
add_number(struct json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

static struct json_object *
describe_steps(const struct exchange_record *record)
{
    struct json_object *object = json_object_new_object();
    struct step steps[5];
    for (size_t i = 0, count = list_steps(record, steps); i < count; i++) {
        char time[32];
        if (steps[i].wall_ms == 0)
            continue;
        clock_format(steps[i].wall_ms, time);
        add_text(object, steps[i].name, time);
    }
    return object;
}

static struct json_object *
describe_header(const struct why *why, const struct exchange_record *record)
{
    struct json_object *object = json_object_new_object();
    const struct transaction *transaction = find_transaction(why, record);
    add_text(object, "role", role_name((enum exchange_role)record->role));
    add_text(object, "infno", record->header.infno);
    add_text(object, "name_zh", transaction != NULL ? transaction->name_zh : "");
    add_text(object, "name_en", transaction != NULL ? transaction->name_en : "");
    add_text(object, "origin", record->header.key.origin);
    add_text(object, "from", record->previous);
    add_text(object, "to", record->target);
    add_text(object, "treat", record->header.treat_area);
    add_text(object, "insured", record->header.insured_area);
    add_number(object, "day", record->header.day);
    add_number(object, "attempt", record->attempt);
    return object;
}

static struct json_object *
describe_record(const struct why *why, const struct exchange_record *record, bool closed)
{
    struct json_object *object = describe_header(why, record);
    const struct error_description *description = error_describe(record->code);
    struct why_text text;
    char code[16];
    format_code(record->code, code);
    why_describe(record, why->ctl->chinese, &text);
    add_text(object, "state", exchange_state_name((enum exchange_state)record->state));
    json_object_object_add(
        object, "ended",
        json_object_new_boolean(exchange_state_is_ending((enum exchange_state)record->state)));
    json_object_object_add(object, "closed", json_object_new_boolean(closed));
    json_object_object_add(object, "tombstone", json_object_new_boolean(record->tombstone));
    json_object_object_add(object, "told", json_object_new_boolean(record->outcome_relayed));
    add_text(object, "kind", record->kind != 0 ? kind_name((enum fep_kind)record->kind) : "");
    add_text(object, "effect", effect_name((enum fep_effect)record->effect));
    add_text(object, "reason", reason_name((enum fep_reason)record->reason));
    add_text(object, "code", code);
    char own_text[sizeof record->text];
    snprintf(own_text, sizeof own_text, "%s", record->text);
    mask_digits(own_text);
    add_text(object, "text", own_text);
    if (description != NULL)
        add_text(object, "code_text", ctl_text(why->ctl, description->zh, description->en));
    if (record->reversal_cause != REVERSAL_NONE) {
        add_text(object, "reversal", reversal_cause_name((enum reversal_cause)record->reversal_cause));
        add_number(object, "reversal_attempt", record->reversal_attempt);
    }
    json_object_object_add(object, "times", describe_steps(record));
    add_text(object, "happened", text.happened);
    add_text(object, "took_effect", text.effect);
    add_text(object, "next", text.next);
    add_text(object, "person", text.person);
    return object;
}

static void
print_all_json(const struct why *why, const struct found *found, const char *msgid)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    add_text(object, "node", why->conf->node);
    add_text(object, "msgid", msgid);
    for (size_t i = 0; i < found->count; i++)
        json_object_array_add(list,
                              describe_record(why, &found->records[i].record, found->records[i].closed != 0));
    json_object_object_add(object, "records", list);
    ctl_print_json(object);
}

/* --- the command
 * ---------------------------------------------------------------------------------------------- */

static int
show_found(const struct why *why, const struct found *found, const char *msgid)
{
    if (why->ctl->json)
        print_all_json(why, found, msgid);
    for (size_t i = 0; i < found->count && !why->ctl->json; i++) {
        if (i > 0)
            putchar('\n');
        print_record(why, &found->records[i].record);
    }
    if (found->count > 0)
        return CTL_GOOD;
    struct fep_error error = {0};
    error_set(&error, 0, FEP_E_NOTHING_KNOWN, "%s: %s", why->conf->node, msgid);
    return ctl_fail(why->ctl, &error, CTL_BAD);
}

/* Origin before transit before destination. */
static int
compare_roles(const void *left, const void *right)
{
    const struct found_record *a = left, *b = right;
    return a->record.role - b->record.role;
}

static int
look_up(const struct ctl *ctl, const struct conf *conf, const char *msgid)
{
    struct fep_error error = {0};
    struct why why = {.ctl = ctl, .conf = conf};
    struct store_query query = {.limit = RECORDS};
    struct found *found = calloc(1, sizeof *found);
    if (found == NULL) {
        error_set(&error, 0, FEP_E_NO_MEMORY, "no memory");
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    }
    snprintf(query.msgid, sizeof query.msgid, "%s", msgid);
    struct transaction_table *transactions =
        transaction_table_load(conf->transactions_file, NULL, NULL, NULL);
    why.transactions = transactions;
    int exit_code;
    if (store_read(conf->state_directory, &query, keep_record, found, &error) < 0) {
        exit_code = ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    } else {
        qsort(found->records, found->count, sizeof *found->records, compare_roles);
        exit_code = show_found(&why, found, msgid);
    }
    transaction_table_destroy(transactions);
    free(found);
    return exit_code;
}

int
ctl_why(struct ctl *ctl)
{
    const char *msgid = ctl->words[0];
    if (!msgid_is_valid(msgid)) {
        struct fep_error error = {0};
        error_set(&error, 0, FEP_E_BAD_MSGID, "1 to %d characters expected", MSGID_SIZE - 1);
        return ctl_fail(ctl, &error, CTL_MISUSED);
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int exit_code = look_up(ctl, conf, msgid);
    conf_destroy(conf);
    return exit_code;
}
