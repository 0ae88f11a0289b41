/* fepctl propose, confirm, withdraw, acknowledge, proposals: settling by hand what the gateway can not find
 * out. Two different people, known to the router by the system's word for who asks. Nothing is decided here.
 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "reply.h"

enum { LARGEST_ANSWER = 49152 };

/* Over the operators' socket; the reply if it was done, else NULL with everything said. */
static struct json_object *
ask(struct ctl *ctl, struct json_object *request, int *exit_code)
{
    struct fep_error error = {0};
    struct json_object *reply;
    struct conf *conf = ctl_load_conf(ctl);
    *exit_code = CTL_MISUSED;
    if (conf == NULL) {
        json_object_put(request);
        return NULL;
    }
    if (conf->operators_socket[0] == '\0') {
        fprintf(stderr, "fepctl: %s: %s\n", conf->file,
                ctl_text(
                    ctl, "没有配置 operators = { socket = ...; uids = [ ... ]; }，不能人工办结",
                    "there is no operators = { socket = ...; uids = [ ... ]; }, so nothing can be settled by "
                    "hand"));
        json_object_put(request);
        conf_destroy(conf);
        return NULL;
    }
    reply = ctl_ask_operators(conf, request, &error);
    conf_destroy(conf);
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

static struct json_object *
new_request(const struct ctl *ctl, const char *what)
{
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "do", json_object_new_string(what));
    json_object_object_add(request, "why", json_object_new_string(ctl->reason != NULL ? ctl->reason : ""));
    return request;
}

/* The file may hold names; it is read, sent and forgotten. */
static struct json_object *
read_answer(const char *path, struct fep_error *error)
{
    struct json_object *answer = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(16);
    FILE *file = fopen(path, "re");
    char *text = malloc(LARGEST_ANSWER + 1);
    size_t size = file != NULL && text != NULL ? fread(text, 1, LARGEST_ANSWER + 1, file) : 0;
    if (file == NULL)
        error_set(error, 0, FEP_E_SYSTEM, "%s: %s", path, strerror(errno));
    else if (size == 0 || size > LARGEST_ANSWER)
        error_set(error, 0, FEP_E_OVERSIZE, "%s: empty, or longer than %d bytes", path, LARGEST_ANSWER);
    else if (tokener != NULL && (answer = json_tokener_parse_ex(tokener, text, (int)size)) == NULL)
        error_set(error, 0, FEP_E_MALFORMED_REQUEST, "%s: not a JSON object", path);
    if (file != NULL)
        fclose(file);
    if (text != NULL)
        explicit_bzero(text, LARGEST_ANSWER + 1);
    free(text);
    if (tokener != NULL)
        json_tokener_free(tokener);
    return answer;
}

int
ctl_propose(struct ctl *ctl)
{
    struct json_object *request = new_request(ctl, "propose"), *reply;
    struct fep_error error = {0};
    int exit_code;
    json_object_object_add(request, "msgid", json_object_new_string(ctl->words[0]));
    json_object_object_add(request, "verb", json_object_new_string(ctl->words[1]));
    if (ctl->answer != NULL) {
        struct json_object *answer = read_answer(ctl->answer, &error);
        if (answer == NULL) {
            json_object_put(request);
            return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
        }
        json_object_object_add(request, "answer", answer);
    }
    reply = ask(ctl, request, &exit_code);
    if (reply == NULL)
        return exit_code;
    printf("%s %" PRId64 "   %s: fepctl confirm %" PRId64 "\n", ctl_text(ctl, "提议", "proposal"),
           reply_number(reply, "id"), ctl_text(ctl, "请另一位操作员确认", "somebody else confirms it"),
           reply_number(reply, "id"));
    json_object_put(reply);
    return CTL_GOOD;
}

static int
decide(struct ctl *ctl, const char *what, const char *zh, const char *en)
{
    char *end;
    int64_t id = strtoll(ctl->words[0], &end, 10);
    int exit_code;
    if (id <= 0 || *end != '\0') {
        fprintf(stderr, "fepctl: %s\n",
                ctl_text(ctl, "编号是一个正整数，见 fepctl proposals",
                         "the number is a whole one above zero; see fepctl proposals"));
        return CTL_MISUSED;
    }
    struct json_object *request = new_request(ctl, what), *reply;
    json_object_object_add(request, "id", json_object_new_int64(id));
    reply = ask(ctl, request, &exit_code);
    if (reply == NULL)
        return exit_code;
    printf("%" PRId64 "  %s  %s\n", id, reply_text(reply, "msgid"), ctl_text(ctl, zh, en));
    json_object_put(reply);
    return CTL_GOOD;
}

int
ctl_confirm(struct ctl *ctl)
{
    return decide(ctl, "confirm", "已确认，网关照此办结；用 fepctl why 查看",
                  "confirmed; the gateway settles it so, see fepctl why");
}

int
ctl_withdraw(struct ctl *ctl)
{
    return decide(ctl, "withdraw", "已撤回", "withdrawn");
}

int
ctl_acknowledge(struct ctl *ctl)
{
    return decide(ctl, "acknowledge", "已确认看过", "acknowledged");
}

static void
print_person(const struct ctl *ctl, const char *what, int64_t uid, int64_t wall_ms, const char *why)
{
    char at[32];
    if (wall_ms == 0)
        return;
    ctl_format_time(wall_ms, at);
    (void)ctl;
    printf("  %s  %.19s  uid %" PRId64 "  %s\n", what, at, uid, why);
}

static void
print_proposal(const struct ctl *ctl, struct json_object *row)
{
    char at[32];
    bool standing = strcmp(reply_text(row, "verb"), "standing") == 0;
    printf("%6" PRId64 "  %s  %s   %s %s   %s   %s\n", reply_number(row, "id"), reply_text(row, "state"),
           reply_text(row, "verb"), reply_text(row, "infno"),
           reply_text(row, ctl->chinese ? "name_zh" : "name_en"), reply_text(row, "msgid"),
           reply_text(row, "instance"));
    if (reply_text(row, "settlement_id")[0] != '\0')
        printf("  %s  %s   %.2f = %.2f + %.2f + %.2f\n", ctl_text(ctl, "结算", "settlement"),
               reply_text(row, "settlement_id"), (double)reply_number(row, "total_fen") / 100,
               (double)reply_number(row, "fund_fen") / 100, (double)reply_number(row, "account_fen") / 100,
               (double)reply_number(row, "cash_fen") / 100);
    if (!standing)
        print_person(ctl, ctl_text(ctl, "提议", "proposed"), reply_number(row, "proposed_by"),
                     reply_number(row, "proposed_ms"), reply_text(row, "why"));
    print_person(ctl, ctl_text(ctl, "决定", "decided"), reply_number(row, "decided_by"),
                 reply_number(row, "decided_ms"), reply_text(row, "decided_why"));
    if (reply_text(row, "ended")[0] != '\0')
        printf("  %s  %s\n", ctl_text(ctl, "结论", "ended"), reply_text(row, "ended"));
    if (reply_number(row, "contradicted_ms") != 0) {
        ctl_format_time(reply_number(row, "contradicted_ms"), at);
        printf("  %s  %.19s\n", ctl_text(ctl, "与后到的答复相反", "CONTRADICTED by a later answer"), at);
    }
}

int
ctl_proposals(struct ctl *ctl)
{
    struct json_object *request = new_request(ctl, "proposals"), *reply, *list;
    struct conf *conf = ctl_load_conf(ctl);
    int exit_code = CTL_MISUSED;
    if (conf == NULL) {
        json_object_put(request);
        return CTL_MISUSED;
    }
    json_object_object_add(request, "all", json_object_new_boolean(ctl->all));
    reply = ctl_ask_either(ctl, conf, request, &exit_code);
    conf_destroy(conf);
    if (reply == NULL)
        return exit_code;
    list = reply_member(reply, "proposals");
    if (ctl->json) {
        ctl_print_json(json_object_get(list));
    } else {
        for (size_t i = 0; i < json_object_array_length(list); i++)
            print_proposal(ctl, json_object_array_get_idx(list, i));
        if (json_object_array_length(list) == 0)
            puts(ctl->all ? ctl_text(ctl, "没有提议", "no proposals")
                          : ctl_text(ctl, "没有待确认的提议", "no open proposals"));
    }
    json_object_put(reply);
    return CTL_GOOD;
}
