/* fepctl map test: one message through a mapping, field by field. Must not show values of personal fields
 * unless asked, and sends nothing anywhere. What a message file looks like: schema/mapping.md, "Goldens".
 * What it expects is not looked at here.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "map_message.h"
#include "mapping_file.h"

struct journey {
    const struct ctl *ctl;
    struct map_message message;
};

/* --- showing
 * -------------------------------------------------------------------------------------------------- */

static void
print_trace(void *arg, const char *line)
{
    (void)arg;
    printf("  %s\n", line);
}

static void
print_header(const struct journey *journey, const struct message_header *header,
             const struct fep_index *index)
{
    printf("%s  infno=%s msgid=%s treat=%s insured=%s institution=%s\n",
           ctl_text(journey->ctl, "报文头", "header"), header->infno, header->key.msgid, header->treat_area,
           header->insured_area, header->institution);
    if (header->original_msgid[0] != '\0')
        printf("        original_msgid=%s original_infno=%s\n", header->original_msgid,
               header->original_infno);
    printf("%s  visit=%s settlement=%s med_type=%s insutype=%s", ctl_text(journey->ctl, "索引", "index"),
           index->visit_id, index->settlement_id, index->med_type, index->insutype);
    if (index->has_money)
        printf(" total=%" PRId64 " fund=%" PRId64 " account=%" PRId64 " cash=%" PRId64 " (%s)",
               index->total_fen, index->fund_fen, index->account_fen, index->cash_fen,
               ctl_text(journey->ctl, "分", "fen"));
    putchar('\n');
}

/* The whole body holds personal data: only if asked for. */
static void
print_body(const struct journey *journey, struct slice body)
{
    if (journey->message.context.show && body.size > 0)
        printf("%s  %.*s\n", ctl_text(journey->ctl, "报文体", "body"), (int)body.size,
               (const char *)body.data);
    else
        printf("%s  %zu %s\n", ctl_text(journey->ctl, "报文体", "body"), body.size,
               ctl_text(journey->ctl, "字节；--show 显示全文", "bytes; --show prints it"));
}

static void
print_leg(const struct journey *journey, const char *zh, const char *en)
{
    printf("%s\n", ctl_text(journey->ctl, zh, en));
}

/* --- the two directions
 * --------------------------------------------------------------------------------------- */

static int
show_answer_out(struct journey *journey, const struct mapping_request *request)
{
    struct json_object *answer = map_message_member(journey->message.json, "answer");
    struct fep_record *body = NULL;
    struct fep_result result = {.size = sizeof result};
    if (answer == NULL)
        return 0;
    print_leg(journey, "答复：国家标准 -> 本地", "answer: canonical -> local");
    int status = mapping_answer_out(journey->message.mapping, request, map_message_slice(answer), &result,
                                    &journey->message.context, &body, &journey->message.error);
    record_destroy(body);
    return status;
}

static int
show_in(struct journey *journey)
{
    struct json_object *message = journey->message.json;
    const char *local = map_message_text(message, "local");
    struct mapping_request request = {0};
    struct fep_record *body = NULL;
    struct fep_record *head =
        map_message_record(&journey->message, "head", "-Q", map_message_member(message, "head"), NULL);
    if (head == NULL)
        return -1;
    body = map_message_record(&journey->message, local, "-Q", map_message_member(message, "body"),
                              map_message_member(message, "rows"));
    int status = -1;
    if (body != NULL) {
        print_leg(journey, "请求：本地 -> 国家标准", "request: local -> canonical");
        status = mapping_request_in(journey->message.mapping, local, head, body, &journey->message.context,
                                    &request, &journey->message.error);
    }
    if (status == 0) {
        print_header(journey, &request.header, &request.index);
        print_body(journey, request.body);
        status = show_answer_out(journey, &request);
    }
    slice_release(&request.body);
    record_destroy(body);
    record_destroy(head);
    return status;
}

static int
show_answer_in(struct journey *journey, const struct message_header *header, const char *local,
               struct slice request)
{
    struct json_object *answer = map_message_member(journey->message.json, "answer");
    struct slice canonical = SLICE_NONE;
    struct fep_index index = {.size = sizeof index};
    struct fep_result result = {.size = sizeof result};
    if (answer == NULL)
        return 0;
    struct fep_record *record =
        map_message_record(&journey->message, local, "-R", map_message_member(answer, "body"),
                           map_message_member(answer, "rows"));
    if (record == NULL)
        return -1;
    print_leg(journey, "答复：本地 -> 国家标准", "answer: local -> canonical");
    int status =
        mapping_answer_in(journey->message.mapping, header, request, record, &journey->message.context,
                          &canonical, &index, &result, &journey->message.error);
    if (status == 0) {
        print_header(journey, header, &index);
        print_body(journey, canonical);
    }
    if (status == 0 && result.reason == FEP_REASON_INCONSISTENT)
        status = error_set(&journey->message.error, 0, FEP_E_MONEY_EQUATION, "%s", result.text);
    slice_release(&canonical);
    record_destroy(record);
    return status;
}

static int
show_out(struct journey *journey)
{
    struct message_header header = {0};
    struct fep_index index = {.size = sizeof index};
    struct fep_record *head = NULL, *record = NULL;
    struct slice body = map_message_slice(map_message_member(journey->message.json, "body"));
    map_message_fill_header(&journey->message, &header);
    print_leg(journey, "请求：国家标准 -> 本地", "request: canonical -> local");
    const char *local =
        mapping_request_out(journey->message.mapping, &header, &index, body, FEP_OP_SUBMIT,
                            &journey->message.context, &head, &record, &journey->message.error);
    int status = local != NULL ? 0 : -1;
    if (local != NULL) {
        printf("%s  %s\n", ctl_text(journey->ctl, "本地交易", "local transaction"), local);
        status = show_answer_in(journey, &header, local, body);
    }
    record_destroy(head);
    record_destroy(record);
    return status;
}

/* The clock is the machine's where the message says none. */
static void
fill_context(struct journey *journey)
{
    char clock[32];
    int64_t now = clock_wall_ms(&clock_system);
    snprintf(clock, sizeof clock, "%08u%06u", clock_date(now), clock_time(now));
    map_message_surround(&journey->message, clock);
    journey->message.context.trace = print_trace;
    journey->message.context.show = journey->ctl->show;
}

static int
run_journey(struct journey *journey)
{
    const char *direction = map_message_text(journey->message.json, "direction");
    int status;
    fill_context(journey);
    if (strcmp(direction, "in") == 0)
        status = show_in(journey);
    else if (strcmp(direction, "out") == 0)
        status = show_out(journey);
    else
        status = error_set(&journey->message.error, 0, FEP_E_USAGE,
                           "direction = \"%.20s\": in or out expected", direction);
    fflush(stdout);
    return status == 0 ? CTL_GOOD : ctl_fail(journey->ctl, &journey->message.error, CTL_BAD);
}

int
ctl_map_test(struct ctl *ctl)
{
    struct journey journey = {.ctl = ctl};
    struct mapping *mapping =
        mapping_file_load(ctl->words[0], ctl->base, NULL, ctl_report, NULL, &journey.message.error);
    if (mapping == NULL)
        return ctl_fail(ctl, &journey.message.error, CTL_MISUSED);
    journey.message.mapping = mapping;
    journey.message.json =
        map_message_read(ctl->count > 1 ? ctl->words[1] : NULL, false, &journey.message.error);
    int exit_code = journey.message.json != NULL ? run_journey(&journey)
                                                 : ctl_fail(ctl, &journey.message.error, CTL_MISUSED);
    json_object_put(journey.message.json);
    mapping_destroy(mapping);
    return exit_code;
}
