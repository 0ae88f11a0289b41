/* Looking into the core, for operators and tests: no side effects. */
#include "internal.h"

#include <stdio.h>

void
core_read_status(const struct core *core, struct core_status *status)
{
    *status = (struct core_status){.open_total = core->open_total,
                                   .open_bytes = core->open_bytes,
                                   .pending_queries = core->queries.count};
    memcpy(status->open_by_state, core->state_counts, sizeof status->open_by_state);
    memcpy(status->endings, core->endings, sizeof status->endings);
    status->open_unknown = core->state_counts[STATE_UNKNOWN] + core->state_counts[STATE_REVERSING];
}

const struct exchange_record *
core_find(const struct core *core, const struct message_key *key, enum exchange_role role)
{
    const struct exchange *exchange = exchange_find(core, key, role);
    return exchange != NULL && !exchange->lingering ? &exchange->record : NULL;
}

struct visit {
    int (*fn)(void *arg, const struct exchange_record *record);
    void *arg;
};

static int
visit_one(void *arg, struct table_link *link)
{
    const struct visit *visit = arg;
    const struct exchange *exchange = list_owner(link, struct exchange, by_key);
    return exchange->lingering ? 0 : visit->fn(visit->arg, &exchange->record);
}

void
core_each(const struct core *core, int (*fn)(void *arg, const struct exchange_record *record), void *arg)
{
    struct visit visit = {fn, arg};
    table_each(&core->exchanges, visit_one, &visit);
}

const char *
core_kill_point_name(const struct exchange_record *record)
{
#define NAMES(role)                                                                                          \
    {                                                                                                        \
        [STATE_NONE] = role "-none", [STATE_QUEUED] = role "-queued", [STATE_SENT] = role "-sent",           \
        [STATE_RELAYED] = role "-relayed", [STATE_DISPATCHED] = role "-dispatched",                          \
        [STATE_UNKNOWN] = role "-unknown", [STATE_REVERSING] = role "-reversing",                            \
        [STATE_ANSWERED] = role "-answered", [STATE_REFUSED] = role "-refused",                              \
        [STATE_REVERSED] = role "-reversed", [STATE_STANDS] = role "-stands"                                 \
    }
    static const char *const names[][STATE_COUNT] = {[ROLE_ORIGIN] = NAMES("origin"),
                                                     [ROLE_TRANSIT] = NAMES("transit"),
                                                     [ROLE_DESTINATION] = NAMES("destination")};
#undef NAMES
    if (record->role < ROLE_ORIGIN || record->role > ROLE_DESTINATION || record->state >= STATE_COUNT)
        return "none";
    return names[record->role][record->state];
}
