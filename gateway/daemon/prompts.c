/* Prompts on their way from a host to the store, and their closing by fepctl. Must never acknowledge one
 * before it is on disk, and never keep a host repeating what can't be understood. A store that refuses is
 * simply not acknowledged: the host offers it again. */
#include "control.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "utf8.h"

enum { LONGEST_PROMPT = 65536 };

/* --- what a host offers
 * ------------------------------------------------------------------------------------------------ */

static void
take_text(struct json_object *object, const char *key, char *to, size_t room)
{
    const char *text = control_text(object, key);
    size_t size = strlen(text);
    if (size >= room) { /* cut between characters */
        size = room - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    utf8_make_printable(to); /* json-c lets surrogates pass */
}

#define TAKE(key, member) take_text(object, key, prompt->member, sizeof prompt->member)
static bool
take_prompt(struct json_object *object, struct store_prompt *prompt)
{
    int64_t line = control_number(object, "line");
    TAKE("msgid", msgid);
    TAKE("institution", institution);
    TAKE("fixmedins_name", institution_name);
    TAKE("treat_area", treat_area);
    TAKE("visit_id", visit_id);
    TAKE("medins_list_codg", item_code);
    TAKE("medins_list_name", item_name);
    TAKE("med_list_codg", national_code);
    TAKE("chrgitm_lv", level);
    TAKE("time", time);
    prompt->line = line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
    prompt->fee_fen = control_number(object, "fee_fen");
    return msgid_is_valid(prompt->msgid) && prompt->line > 0 && prompt->visit_id[0] != '\0' &&
           area_is_valid(prompt->treat_area);
}
#undef TAKE

static bool
read_prompt(const struct frame *frame, struct store_prompt *prompt)
{
    struct json_tokener *tokener = frame->body.size < LONGEST_PROMPT ? json_tokener_new_ex(8) : NULL;
    struct json_object *object = NULL;
    if (tokener != NULL) {
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8); /* it is kept and shown */
        object = json_tokener_parse_ex(tokener, (const char *)frame->body.data, (int)frame->body.size);
    }
    bool good =
        object != NULL && json_object_is_type(object, json_type_object) && take_prompt(object, prompt);
    json_object_put(object);
    if (tokener != NULL)
        json_tokener_free(tokener);
    return good;
}

static void
acknowledge(struct router *router, const struct router_prompt *waiting)
{
    struct frame ack = {.kind = FRAME_HOST_ACK,
                        .sequence = waiting->sequence,
                        .epoch = waiting->epoch,
                        .acked_kind = FRAME_PROMPT};
    if (waiting->host->up && waiting->host->epoch == waiting->epoch)
        (void)router_send_local(router, waiting->host->conf->name, &ack);
}

/* A place for one that the store works on; NULL if all are taken. */
static struct router_prompt *
new_waiting(struct router *router)
{
    uint64_t reference = ++router->next_prompt;
    struct router_prompt *waiting = &router->prompts[reference % PROMPTS];
    if (waiting->reference != 0)
        return NULL;
    *waiting = (struct router_prompt){.reference = reference};
    return waiting;
}

void
router_on_prompt(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct store_prompt prompt = {0};
    struct router_prompt *waiting;
    snprintf(prompt.instance, sizeof prompt.instance, "%s", host->conf->name);
    if (!read_prompt(frame, &prompt)) {
        struct router_prompt refused = {.host = host, .epoch = frame->epoch, .sequence = frame->sequence};
        router->frames_refused++;
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_ERROR, LOG_T("instance", host->conf->name),
                 LOG_N("code", FEP_E_MALFORMED_FRAME), LOG_N("size_bytes", frame->body.size),
                 LOG_S("a prompt that is none; see schema/host_link.md"));
        acknowledge(router, &refused); /* it would not get better by being repeated */
        return;
    }
    waiting = new_waiting(router);
    if (waiting == NULL)
        return; /* offered again */
    waiting->host = host;
    waiting->epoch = frame->epoch;
    waiting->sequence = frame->sequence;
    waiting->line = prompt.line;
    memcpy(waiting->msgid, prompt.msgid, sizeof waiting->msgid);
    if (store_put_prompt(router->store, &prompt, waiting->reference) != 0)
        waiting->reference = 0;
}

/* --- what fepctl closes
 * ------------------------------------------------------------------------------------------------ */

struct json_object *
control_close_prompt(struct router *router, const struct control_request *request,
                     struct json_object *command)
{
    struct store_prompt closing = {.id = control_number(command, "id"),
                                   .closed_by = (uint32_t)control_number(command, "uid")};
    struct router_prompt *waiting;
    take_text(command, "why", closing.why, sizeof closing.why);
    take_text(command, "local", closing.local_code, sizeof closing.local_code);
    if (closing.id <= 0 || closing.why[0] == '\0')
        return control_refuse(FEP_E_USAGE, "closing a prompt needs its number and a reason");
    waiting = new_waiting(router);
    if (waiting == NULL)
        return control_refuse(FEP_E_BOUND, "too many prompts are being written; try again");
    snprintf(waiting->from, sizeof waiting->from, "%s", request->from);
    waiting->sequence = request->sequence;
    if (store_close_prompt(router->store, &closing, waiting->reference) == 0)
        return NULL;
    waiting->reference = 0;
    return control_refuse(FEP_E_NO_MEMORY, "the store takes nothing now");
}

static void
tell_closed(struct router *router, const struct router_prompt *waiting, const struct store_event *event)
{
    struct json_object *reply;
    if (!event->found) {
        control_reply(router, waiting->from, waiting->sequence,
                      control_refuse(event->error.code, event->error.text));
        return;
    }
    reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    control_reply(router, waiting->from, waiting->sequence, reply);
}

void
router_prompt_stored(struct router *router, const struct store_event *event)
{
    struct router_prompt *slot = &router->prompts[event->reference % PROMPTS], waiting = *slot;
    if (waiting.reference != event->reference)
        return;
    slot->reference = 0;
    if (waiting.host == NULL) {
        tell_closed(router, &waiting, event);
    } else if (event->found) {
        log_line(LOG_EVENT_PROMPT, LOG_SEV_INFO, LOG_T("msgid", waiting.msgid),
                 LOG_T("instance", waiting.host->conf->name), LOG_N("line", waiting.line));
        acknowledge(router, &waiting);
    }
}
