/* fepctl queue and stuck: what is open here, for whom it waits and since when. Reads only. Must show nothing
 * of a person, and stay bounded: the oldest, and how many there are in all. */
#include "control.h"

#include <string.h>

enum { MOST_SHOWN = 200, MOST_GROUPS = CONF_PEERS + CONF_INSTANCES + 1 };

struct group { /* the same next hop */
    const char *to;
    uint64_t by_state[STATE_COUNT];
    int64_t oldest_ms;
};

struct look {
    int64_t before_ms; /* accepted at that time or earlier */
    size_t count, shown, group_count;
    const struct exchange_record *oldest[MOST_SHOWN]; /* by age */
    struct group groups[MOST_GROUPS];
};

static void
count_in_group(struct look *look, const struct exchange_record *record)
{
    size_t at = 0;
    while (at < look->group_count && strcmp(look->groups[at].to, record->target) != 0)
        at++;
    if (at == MOST_GROUPS)
        return; /* a hop of an older configuration: counted in the sum only */
    struct group *group = &look->groups[at];
    if (at == look->group_count) {
        *group = (struct group){.to = record->target, .oldest_ms = record->times.accepted};
        look->group_count++;
    }
    group->by_state[record->state]++;
    if (record->times.accepted < group->oldest_ms)
        group->oldest_ms = record->times.accepted;
}

static void
keep_oldest(struct look *look, const struct exchange_record *record)
{
    size_t at = look->shown;
    if (at == MOST_SHOWN && record->times.accepted >= look->oldest[at - 1]->times.accepted)
        return;
    if (at == MOST_SHOWN)
        at--;
    else
        look->shown++;
    for (; at > 0 && look->oldest[at - 1]->times.accepted > record->times.accepted; at--)
        look->oldest[at] = look->oldest[at - 1];
    look->oldest[at] = record;
}

static int
take_open(void *arg, const struct exchange_record *record)
{
    struct look *look = arg;
    if (record->state >= STATE_COUNT || exchange_state_is_ending((enum exchange_state)record->state) ||
        record->times.accepted > look->before_ms)
        return 0;
    look->count++;
    count_in_group(look, record);
    keep_oldest(look, record);
    return 0;
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

static int64_t
age_of(int64_t since_ms, int64_t wall_ms)
{
    return wall_ms > since_ms ? wall_ms - since_ms : 0;
}

static struct json_object *
describe_group(const struct group *group, int64_t wall_ms)
{
    struct json_object *object = json_object_new_object(), *states = json_object_new_object();
    for (int state = STATE_QUEUED; state <= STATE_REVERSING; state++)
        add_number(states, exchange_state_name((enum exchange_state)state), (int64_t)group->by_state[state]);
    add_text(object, "to", group->to);
    json_object_object_add(object, "open", states);
    add_number(object, "oldest_ms", age_of(group->oldest_ms, wall_ms));
    return object;
}

static struct json_object *
describe_exchange(const struct router *router, const struct exchange_record *record, int64_t wall_ms)
{
    struct json_object *object = json_object_new_object();
    const struct transaction *transaction = transaction_find(router->transactions, record->header.infno);
    add_text(object, "msgid", record->header.key.msgid);
    add_text(object, "origin", record->header.key.origin);
    add_text(object, "infno", record->header.infno);
    add_text(object, "name_zh", transaction != NULL ? transaction->name_zh : "");
    add_text(object, "name_en", transaction != NULL ? transaction->name_en : "");
    add_text(object, "role", role_name(record->role));
    add_text(object, "state", exchange_state_name((enum exchange_state)record->state));
    add_text(object, "from", record->previous);
    add_text(object, "to", record->target);
    add_number(object, "attempt", record->attempt);
    add_text(object, "reason", reason_name((enum fep_reason)record->reason));
    add_number(object, "accepted_ms", record->times.accepted);
    add_number(object, "age_ms", age_of(record->times.accepted, wall_ms));
    return object;
}

struct json_object *
control_open(struct router *router, struct json_object *command)
{
    int64_t wall_ms = clock_wall_ms(router->clock), older_ms = control_number(command, "older_ms");
    struct look look = {.before_ms = wall_ms - (older_ms > 0 ? older_ms : 0)};
    struct json_object *reply = json_object_new_object(), *groups = json_object_new_array();
    struct json_object *list = json_object_new_array();
    core_each(router->core, take_open, &look);
    for (size_t i = 0; i < look.group_count; i++)
        json_object_array_add(groups, describe_group(&look.groups[i], wall_ms));
    for (size_t i = 0; i < look.shown; i++)
        json_object_array_add(list, describe_exchange(router, look.oldest[i], wall_ms));
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    add_text(reply, "node", router->conf->node);
    add_number(reply, "count", (int64_t)look.count);
    json_object_object_add(reply, "hops", groups);
    json_object_object_add(reply, "oldest", list);
    return reply;
}
