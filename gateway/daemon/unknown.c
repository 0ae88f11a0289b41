/* fepctl unknown: every update whose outcome is not known here, what the gateway does next by itself, and
 * whether a person is needed; and what stands without anybody having looked at it. Reads only. Must show
 * nothing of a person, and stay bounded: the most urgent first, and how many more there are. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { MOST_SHOWN = 200, MOST_SORTED = 100000, DIGIT_RUN = 15 };

static const char *const wait_names[UNCLEAR_WAIT_COUNT] = {
    [UNCLEAR_SCHEDULE] = "schedule",
    [UNCLEAR_CALL] = "call",
    [UNCLEAR_TURN] = "turn",
    [UNCLEAR_LINE] = "line",
    [UNCLEAR_NEXT_HOP] = "next_hop",
    [UNCLEAR_ORDER] = "order",
    [UNCLEAR_NO_ABILITY] = "no_ability",
    [UNCLEAR_NO_SETTLEMENT] = "no_settlement",
    [UNCLEAR_IN_PROGRESS] = "in_progress",
    [UNCLEAR_NO_ANSWER] = "no_answer",
};

static const char *const verb_names[RESOLVED_COUNT] = {[RESOLVED_POSTED] = "posted",
                                                       [RESOLVED_NOT_POSTED] = "not-posted",
                                                       [RESOLVED_UNDONE] = "undone",
                                                       [RESOLVED_STANDS] = "stands"};

const char *
control_verb_name(unsigned resolution)
{
    return resolution > 0 && resolution < RESOLVED_COUNT ? verb_names[resolution] : "";
}

void
control_mask_digits(char *text)
{
    for (char *at = text; *at != '\0';) {
        size_t run = strspn(at, "0123456789");
        if (run >= DIGIT_RUN)
            memset(at, '*', run);
        at += run > 0 ? run : 1;
    }
}

struct found {
    struct core_unclear *list;
    size_t count, room, all, for_person;
};

static int
keep(void *arg, const struct core_unclear *unclear)
{
    struct found *found = arg;
    found->all++;
    found->for_person += unclear->wait >= UNCLEAR_PERSON;
    if (found->count == found->room) {
        size_t room = found->room == 0 ? 256 : found->room * 2;
        struct core_unclear *list =
            room <= MOST_SORTED * 2 ? realloc(found->list, room * sizeof *list) : NULL;
        if (list == NULL)
            return 0; /* counted all the same */
        found->list = list;
        found->room = room;
    }
    found->list[found->count++] = *unclear;
    return 0;
}

/* Those for a person first, then the oldest. */
static int
compare(const void *left, const void *right)
{
    const struct core_unclear *a = left, *b = right;
    int for_person = (b->wait >= UNCLEAR_PERSON) - (a->wait >= UNCLEAR_PERSON);
    return for_person != 0 ? for_person : (a->since_ms > b->since_ms) - (a->since_ms < b->since_ms);
}

static void
add_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static void
add_number(struct json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

static void
add_names(struct json_object *object, const struct router *router, const char *infno)
{
    const struct transaction *transaction = transaction_find(router->transactions, infno);
    add_text(object, "infno", infno);
    add_text(object, "name_zh", transaction != NULL ? transaction->name_zh : "");
    add_text(object, "name_en", transaction != NULL ? transaction->name_en : "");
}

static void
add_serial(struct json_object *object, uint32_t date, uint64_t serial)
{
    char text[24] = "";
    if (serial != 0)
        snprintf(text, sizeof text, "%08u%012llu", date % 100000000,
                 (unsigned long long)serial % 1000000000000);
    add_text(object, "local_serial", text);
}

static struct json_object *
describe_unclear(const struct router *router, const struct core_unclear *unclear, int64_t wall_ms)
{
    const struct exchange_record *record = unclear->record;
    struct json_object *object = json_object_new_object(), *settles = json_object_new_array();
    const struct store_proposal *proposal = proposals_about(router, &record->header.key);
    char text[sizeof record->text];
    memcpy(text, record->text, sizeof text);
    text[sizeof text - 1] = '\0';
    control_mask_digits(text);
    add_text(object, "msgid", record->header.key.msgid);
    add_text(object, "origin", record->header.key.origin);
    add_names(object, router, record->header.infno);
    add_text(object, "role", role_name(record->role));
    add_text(object, "state", exchange_state_name((enum exchange_state)record->state));
    add_number(object, "cure", record->role == ROLE_DESTINATION ? record->cure : 0);
    add_text(object, "from", record->previous);
    add_text(object, "to", record->target);
    add_number(object, "attempt", record->attempt);
    add_serial(object, record->local.serial_date, record->local.serial);
    add_number(object, "since_ms", unclear->since_ms);
    add_number(object, "age_ms", wall_ms > unclear->since_ms ? wall_ms - unclear->since_ms : 0);
    add_text(object, "cause", reversal_cause_name((enum reversal_cause)record->reversal_cause));
    add_text(object, "reason", reason_name((enum fep_reason)record->reason));
    add_number(object, "code", record->code);
    add_text(object, "text", text);
    add_text(object, "wait", wait_names[unclear->wait]);
    add_number(object, "operation", unclear->operation);
    add_number(object, "next_ms", unclear->next_ms);
    add_number(object, "asked", unclear->asked);
    json_object_object_add(object, "person", json_object_new_boolean(unclear->wait >= UNCLEAR_PERSON));
    for (unsigned verb = 1; verb < RESOLVED_COUNT; verb++)
        if (unclear->settles & 1u << verb)
            json_object_array_add(settles, json_object_new_string(verb_names[verb]));
    json_object_object_add(object, "settles", settles);
    add_number(object, "proposal", proposal != NULL ? proposal->id : 0);
    return object;
}

struct standing {
    const struct router *router;
    struct json_object *list;
    size_t count;
};

static void
add_standing(void *arg, const struct store_proposal *row)
{
    struct standing *standing = arg;
    struct json_object *object;
    if (standing->count++ >= MOST_SHOWN)
        return;
    object = json_object_new_object();
    add_number(object, "id", row->id);
    add_text(object, "msgid", row->msgid);
    add_text(object, "origin", row->origin);
    add_names(object, standing->router, row->infno);
    add_text(object, "role", role_name(row->role));
    add_text(object, "to", row->instance);
    add_number(object, "since_ms", row->proposed_ms);
    json_object_array_add(standing->list, object);
}

struct json_object *
control_unknown(struct router *router)
{
    struct found found = {0};
    int64_t wall_ms = clock_wall_ms(router->clock);
    struct json_object *reply = json_object_new_object(), *list = json_object_new_array();
    struct standing standing = {.router = router, .list = json_object_new_array()};
    router_step(router, &(struct core_event){.type = EVENT_TICK}); /* what is looked into is of this moment */
    core_each_unclear(router->core, keep, &found);
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, compare);
    for (size_t i = 0; i < found.count && i < MOST_SHOWN; i++)
        json_object_array_add(list, describe_unclear(router, &found.list[i], wall_ms));
    free(found.list);
    proposals_each_standing(router, add_standing, &standing);
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    add_text(reply, "node", router->conf->node);
    add_number(reply, "count", (int64_t)found.all);
    add_number(reply, "for_person", (int64_t)found.for_person);
    json_object_object_add(reply, "unclear", list);
    add_number(reply, "standing_count", (int64_t)standing.count);
    json_object_object_add(reply, "standing", standing.list);
    json_object_object_add(reply, "operators",
                           json_object_new_boolean(router->conf->operators_socket[0] != '\0'));
    return reply;
}
