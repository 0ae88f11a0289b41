/* Stored exchanges for the hosts: a LIST becomes one question to the store, its answers become ENTRY frames,
 * in order, and an end. Must never pass off a list with a hole as a whole one: an entry that could not be
 * sent makes the end say so. At most LISTS of a host are under way. */
#include "router.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "listing.h"
#include "log.h"

enum { LONGEST_DAYS = 62, LONGEST_REQUEST = 8192 };

static void
send_end(struct router *router, const struct router_list *list, const char *cursor, unsigned code,
         const char *why)
{
    struct frame frame = {.kind = FRAME_ENTRY, .sequence = list->sequence, .epoch = list->epoch};
    const char *text = code != 0 ? why : cursor;
    if (text[0] != '\0') {
        snprintf(frame.text, sizeof frame.text, "%s", text);
        frame.sections |= FRAME_HAS_TEXT;
    }
    if (code != 0) {
        frame.sections |= FRAME_HAS_RESULT;
        frame.result = (struct frame_result){
            .kind = FEP_NOT_SENT, .refusal_class = FEP_REPEATABLE, .code = (uint16_t)code};
    }
    (void)router_send_local(router, list->host->conf->name, &frame); /* lost: the host's own time ends it */
}

/* --- the question
 * ------------------------------------------------------------------------------------------------------ */

static int64_t
number_of(struct json_object *object, const char *key, int64_t otherwise)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_int))
        return otherwise;
    return json_object_get_int64(value);
}

static bool
take_infnos(struct json_object *object, struct store_list_query *query)
{
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(object, "infnos", &list) || !json_object_is_type(list, json_type_array))
        return false;
    size_t count = json_object_array_length(list);
    if (count == 0 || count > STORE_LIST_INFNOS)
        return false;
    for (; query->infno_count < count; query->infno_count++) {
        const char *infno = json_object_get_string(json_object_array_get_idx(list, query->infno_count));
        if (infno == NULL || !infno_is_valid(infno))
            return false;
        snprintf(query->infnos[query->infno_count], INFNO_SIZE, "%s", infno);
    }
    return true;
}

/* Absent is empty; longer than there is room for is no text of ours. */
static bool
take_text(struct json_object *object, const char *key, char *out, size_t room)
{
    struct json_object *value = NULL;
    out[0] = '\0';
    if (!json_object_object_get_ex(object, key, &value))
        return true;
    if (!json_object_is_type(value, json_type_string) || (size_t)json_object_get_string_len(value) >= room)
        return false;
    snprintf(out, room, "%s", json_object_get_string(value));
    return true;
}

static bool
is_day(int64_t day)
{
    return day >= 20000101 && day <= 20991231 && day / 100 % 100 >= 1 && day / 100 % 100 <= 12 &&
           day % 100 >= 1 && day % 100 <= 31;
}

static bool
take_question(struct json_object *object, struct store_list_query *query)
{
    struct json_object *value = NULL;
    int64_t day = number_of(object, "day", 0), from = number_of(object, "from_day", day),
            to = number_of(object, "to_day", day), limit = number_of(object, "limit", STORE_LIST_LIMIT);
    const char *after =
        json_object_object_get_ex(object, "after", &value) ? json_object_get_string(value) : NULL;
    if (!is_day(from) || !is_day(to) || limit < 1 || !take_infnos(object, query) ||
        (uint32_t)to > listing_move_day((uint32_t)from, LONGEST_DAYS) ||
        (after != NULL && strlen(after) >= sizeof query->after) ||
        !take_text(object, "visit_id", query->visit_id, sizeof query->visit_id) ||
        !take_text(object, "insured_area", query->insured_area, sizeof query->insured_area))
        return false;
    query->from_day = (uint32_t)from;
    query->to_day = (uint32_t)to;
    query->role = (uint8_t)number_of(object, "role", 0);
    query->limit = limit < STORE_LIST_LIMIT ? (size_t)limit : STORE_LIST_LIMIT;
    query->bodies = !json_object_object_get_ex(object, "bodies", &value) || json_object_get_boolean(value);
    snprintf(query->after, sizeof query->after, "%s", after != NULL ? after : "");
    return listing_is_valid(query);
}

static bool
read_question(const struct frame *frame, struct store_list_query *query)
{
    struct json_tokener *tokener = frame->body.size < LONGEST_REQUEST ? json_tokener_new_ex(8) : NULL;
    struct json_object *object = NULL;
    bool good = false;
    if (tokener != NULL)
        object = json_tokener_parse_ex(tokener, (const char *)frame->body.data, (int)frame->body.size);
    if (object != NULL && json_object_is_type(object, json_type_object))
        good = take_question(object, query);
    json_object_put(object);
    if (tokener != NULL)
        json_tokener_free(tokener);
    return good;
}

static struct router_list *
free_list(struct router_host *host)
{
    for (int i = 0; i < LISTS; i++)
        if (host->lists[i].host == NULL || host->lists[i].epoch != host->epoch)
            return &host->lists[i];
    return NULL;
}

void
router_on_list(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct store_list_query query = {0};
    struct router_list asked = {
        .host = host, .reference = ++router->next_list, .sequence = frame->sequence, .epoch = frame->epoch};
    struct router_list *list = free_list(host);
    snprintf(query.instance, sizeof query.instance, "%s", host->conf->name);
    if (!read_question(frame, &query)) {
        send_end(router, &asked, "", FEP_E_USAGE, "the list asked for is not one: see schema/host_link.md");
        return;
    }
    if (list == NULL) {
        send_end(router, &asked, "", FEP_E_BOUND, "as many lists as a host may have are under way");
        return;
    }
    if (store_list(router->store, &query, asked.reference) != 0) {
        send_end(router, &asked, "", FEP_E_BOUND, "the store has too many lists to read");
        return;
    }
    *list = asked;
}

/* --- the answers
 * ------------------------------------------------------------------------------------------------------- */

static struct router_list *
find_list(struct router *router, uint64_t reference)
{
    for (size_t i = 0; i < router->host_count; i++)
        for (int at = 0; at < LISTS; at++) {
            struct router_list *list = &router->hosts[i].lists[at];
            if (list->host != NULL && list->reference == reference)
                return list;
        }
    return NULL;
}

static void
fill_outcome(struct frame *frame, const struct exchange_record *record)
{
    frame->sections |= FRAME_HAS_RESULT | FRAME_HAS_ATTEMPT;
    frame->result = (struct frame_result){.state = record->state,
                                          .kind = record->kind,
                                          .effect = record->effect,
                                          .refusal_class = record->refusal_class,
                                          .reason = record->reason,
                                          .code = record->code,
                                          .accounting_date = record->local.accounting_date};
    memcpy(frame->result.cycle, record->local.cycle, sizeof frame->result.cycle);
    frame->attempt = (struct frame_attempt){.serial = record->local.serial,
                                            .serial_date = record->local.serial_date,
                                            .cancel_serial = record->cancel.serial,
                                            .cancel_serial_date = record->cancel.serial_date,
                                            .accounting_date = record->local.accounting_date,
                                            .mapping_generation = record->local.mapping_generation};
    memcpy(frame->attempt.cycle, record->local.cycle, sizeof frame->attempt.cycle);
}

static void
send_entry(struct router *router, struct router_list *list, const struct store_event *event)
{
    struct frame frame = {.kind = FRAME_ENTRY, .sequence = list->sequence, .epoch = list->epoch, .ok = 1};
    char when[40];
    frame.sections = FRAME_HAS_HEADER | FRAME_HAS_INDEX | FRAME_HAS_TEXT;
    frame.header = event->record.header;
    frame.index = event->record.index;
    frame.body = event->body;
    frame.answer = event->answer;
    frame.sections |=
        (event->body.size != 0 ? FRAME_HAS_BODY : 0u) | (event->answer.size != 0 ? FRAME_HAS_ANSWER : 0u);
    fill_outcome(&frame, &event->record);
    clock_format(event->posted_ms, when);
    when[10] = ' ';
    snprintf(frame.text, sizeof frame.text, "%.19s", when);
    if (router_send_local(router, list->host->conf->name, &frame) != 0)
        list->lost = 1;
}

void
router_listed(struct router *router, const struct store_event *event)
{
    struct router_list *list = find_list(router, event->reference);
    if (list == NULL)
        return; /* its host ended, and its place was given to another list */
    bool belongs = list->host->up && list->host->epoch == list->epoch;
    if (event->found) {
        if (belongs && !list->lost)
            send_entry(router, list, event);
        return;
    }
    if (belongs && list->lost)
        send_end(router, list, "", FEP_E_BOUND,
                 "an exchange could not be handed over; the list is not complete");
    else if (belongs)
        send_end(router, list, event->cursor, event->error.code, event->error.text);
    *list = (struct router_list){0};
}
