/* Prompts (rule R4): a line of another place for which there is no local code settles all the same, and
 * somebody has to add the code. Must never raise one for what was not posted, and never forget one before the
 * router has it on disk. At the bound new ones are dropped and counted in the log: the fee lines themselves
 * are never held up for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "core.h"
#include "decimal.h"
#include "error.h"
#include "host.h"
#include "log.h"

enum { MOST_PROMPTS = 4000 };

struct prompt {
    uint64_t id;
    int64_t offer_ms, pause_ms;
    char *text; /* JSON */
    struct prompt *next;
};

static void
free_list(struct prompt *list)
{
    while (list != NULL) {
        struct prompt *next = list->next;
        free(list->text);
        free(list);
        list = next;
    }
}

/* --- noting -------------------------------------------------------------------------------------- */

struct noting {
    struct fep_call *call;
    size_t first_line; /* place of the first line in the whole request, from 0 */
    bool named;
    char name[256]; /* of the institution; read with the first line that needs it */
    struct prompt **last;
};

static void
read_name(struct noting *noting)
{
    struct fep_error error = {0};
    struct json_object *body = canonical_parse(noting->call->message.body, &error);
    body_text(body, "fixmedins_name", noting->name, sizeof noting->name);
    json_object_put(body);
    noting->named = true;
}

static struct json_object *
write_prompt(const struct noting *noting, const struct mapping_unmapped *line, bool *failed)
{
    const struct message_header *header = &noting->call->message.header;
    const char *visit_id = line->visit_id[0] != '\0' ? line->visit_id : noting->call->message.index.visit_id;
    int64_t fen = 0;
    struct json_object *object = json_object_new_object();
    body_put_text(object, "msgid", header->key.msgid, failed);
    body_put_number(object, "line", (int64_t)(line->line + noting->first_line), failed);
    body_put_text(object, "institution", header->institution, failed);
    body_put_text(object, "fixmedins_name", noting->name, failed);
    body_put_text(object, "treat_area", header->treat_area, failed);
    body_put_text(object, "visit_id", visit_id, failed);
    body_put_text(object, "medins_list_codg", line->medins_list_codg, failed);
    body_put_text(object, "medins_list_name", line->medins_list_name, failed);
    body_put_text(object, "med_list_codg", line->med_list_codg, failed);
    body_put_text(object, "chrgitm_lv", line->chrgitm_lv, failed);
    (void)decimal_parse(line->amount, strlen(line->amount), 2, &fen);
    body_put_number(object, "fee_fen", fen, failed);
    body_put_text(object, "time", line->time, failed);
    return object;
}

static void
on_line(void *arg, const struct mapping_unmapped *line)
{
    struct noting *noting = arg;
    bool failed = false;
    if (!noting->named)
        read_name(noting);
    struct json_object *object = write_prompt(noting, line, &failed);
    const char *text =
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    struct prompt *prompt = failed || text == NULL ? NULL : calloc(1, sizeof *prompt);
    if (prompt != NULL && (prompt->text = strdup(text)) != NULL) {
        *noting->last = prompt;
        noting->last = &prompt->next;
    } else {
        free(prompt);
        host_log(noting->call->host, LOG_SEV_WARNING, "no memory for a prompt", (int64_t)line->line);
    }
    json_object_put(object);
}

void
prompts_drop(struct fep_call *call)
{
    free_list(call->noted);
    call->noted = NULL;
}

static void
note(struct noting *noting, struct slice body, const struct fep_record *record)
{
    struct fep_call *call = noting->call;
    struct fep_error error = {0};
    if (record == NULL || record_rows(record) == 0)
        return;
    if (mapping_unmapped_lines(call->host->mapping, &call->message.header, body, record, on_line, noting,
                               &error) < 0)
        host_log(call->host, LOG_SEV_WARNING, error.text, error.code);
}

void
prompts_note(struct fep_call *call, const struct fep_record *record)
{
    struct noting noting = {.call = call, .first_line = call->first_line, .last = &call->noted};
    prompts_drop(call);
    note(&noting, call->message.body, record);
}

void
prompts_move(struct fep_call *whole, struct fep_call *part)
{
    struct prompt **last = &whole->noted;
    while (*last != NULL)
        last = &(*last)->next;
    *last = part->noted;
    part->noted = NULL;
}

/* What an inquiry found posted was sent by an earlier call, maybe of an earlier process: its lines are looked
 * at again. */
static void
note_request(struct noting *noting, struct slice request)
{
    struct fep_call *call = noting->call;
    struct fep_record *head = NULL, *body = NULL;
    struct fep_error error = {0};
    struct mapping_context context;
    translate_context(call->host, &context);
    context.attempt = &call->attempt;
    if (mapping_request_out(call->host->mapping, &call->message.header, &call->message.index, request,
                            FEP_OP_SUBMIT, &context, &head, &body, &error) != NULL)
        note(noting, request, body);
    record_destroy(head);
    record_destroy(body);
}

static void
note_original(struct fep_call *call)
{
    const struct mapping *mapping = call->host->mapping;
    struct slice parts[BATCHES_MOST];
    struct fep_error error = {0};
    if (strcmp(call->message.header.infno, "2204") != 0 && strcmp(call->message.header.infno, "2301") != 0)
        return;
    struct noting noting = {.call = call, .last = &call->noted};
    prompts_drop(call);
    int count =
        mapping_cut_batches(mapping, &call->message.header, call->message.body, parts, BATCHES_MOST, &error);
    if (count == 0)
        note_request(&noting, call->message.body);
    for (int i = 0; i < count; i++) {
        noting.first_line = (size_t)i * mapping_batch_lines(mapping, &call->message.header);
        note_request(&noting, parts[i]);
        slice_release(&parts[i]);
    }
}

/* --- raising ------------------------------------------------------------------------------------- */

static void
offer(struct host *host, struct prompt *prompt)
{
    struct frame frame = {
        .kind = FRAME_PROMPT,
        .sequence = prompt->id,
        .sections = FRAME_HAS_BODY,
        .body = {.data = (const unsigned char *)prompt->text, .size = strlen(prompt->text)}};
    prompt->offer_ms = loop_now(&host->loop) + prompt->pause_ms;
    (void)router_send(host, &frame); /* not sent: offered again */
}

static bool
is_posted(const struct fep_call *call)
{
    if (call->kind != FEP_ANSWERED)
        return false;
    if (call->operation == CORE_OP_INQUIRE)
        return call->result.finding == FEP_FOUND_POSTED;
    return call->operation == CORE_OP_SUBMIT && call->result.effect == FEP_EFFECT_POSTED;
}

/* Takes what fits, offers it and drops the rest. */
static void
queue_prompts(struct host *host, struct prompt **noted)
{
    if (host->prompts == NULL)
        host->prompts_last = &host->prompts;
    while (*noted != NULL && host->prompt_count < MOST_PROMPTS) {
        struct prompt *prompt = *noted;
        *noted = prompt->next;
        prompt->next = NULL;
        prompt->id = ++host->next_prompt;
        prompt->pause_ms = HOST_OFFER_MS;
        *host->prompts_last = prompt;
        host->prompts_last = &prompt->next;
        host->prompt_count++;
        if (host->router_up)
            offer(host, prompt);
    }
    if (*noted != NULL)
        host_log(host, LOG_SEV_WARNING, "prompts dropped: the router does not take them", MOST_PROMPTS);
    free_list(*noted);
    *noted = NULL;
}

/* Its answer may still come, after the call. */
static void
keep_for_late(struct fep_call *call)
{
    struct host *host = call->host;
    struct late_prompts *place = &host->late_prompts[host->next_late_prompts++ % HOST_LATE_PROMPTS];
    free_list(place->noted);
    *place = (struct late_prompts){call->attempt.serial, call->attempt.serial_date, call->noted};
    call->noted = NULL;
}

void
prompts_raise(struct fep_call *call)
{
    struct host *host = call->host;
    if (host->mapping == NULL)
        return;
    if (call->kind == FEP_UNKNOWN && call->noted != NULL)
        keep_for_late(call);
    if (!is_posted(call))
        return;
    if (call->operation == CORE_OP_INQUIRE)
        note_original(call);
    queue_prompts(host, &call->noted);
}

void
prompts_raise_late(struct host *host, const struct fep_attempt *attempt)
{
    for (size_t i = 0; i < HOST_LATE_PROMPTS; i++) {
        struct late_prompts *place = &host->late_prompts[i];
        if (place->noted != NULL && place->serial == attempt->serial &&
            place->serial_date == attempt->serial_date)
            queue_prompts(host, &place->noted);
    }
}

void
prompts_on_acked(struct host *host, uint64_t id)
{
    struct prompt **at = &host->prompts;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    struct prompt *prompt = *at;
    if (prompt == NULL)
        return;
    *at = prompt->next;
    if (prompt->next == NULL)
        host->prompts_last = at;
    host->prompt_count--;
    prompt->next = NULL;
    free_list(prompt);
}

void
prompts_offer_again(struct host *host, bool all)
{
    int64_t now = loop_now(&host->loop);
    for (struct prompt *prompt = host->prompts; prompt != NULL; prompt = prompt->next) {
        if (!all && prompt->offer_ms > now)
            continue;
        if (!all && prompt->pause_ms < HOST_OFFER_MAX_MS)
            prompt->pause_ms *= 2;
        offer(host, prompt);
    }
}

void
prompts_finish(struct host *host)
{
    free_list(host->prompts);
    host->prompts = NULL;
    for (size_t i = 0; i < HOST_LATE_PROMPTS; i++) {
        free_list(host->late_prompts[i].noted);
        host->late_prompts[i].noted = NULL;
    }
}
