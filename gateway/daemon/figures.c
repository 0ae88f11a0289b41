/* Counters of endings and durations. Must never hold anything of a person or a message: only kinds and
 * numbers. */
#include "figures.h"

static const int64_t bounds_ms[FIGURE_BOUNDS] = {5,    10,   25,   50,    100,   250,  500,
                                                 1000, 2500, 5000, 10000, 30000, 60000};
static const char *const part_names[PART_COUNT] = {"whole", "local", "queue", "link", "remote"};

static int64_t
take_span(int64_t from_ms, int64_t to_ms)
{
    if (from_ms == 0 || to_ms == 0)
        return -1;
    return to_ms > from_ms ? to_ms - from_ms : 0; /* a clock that was set back */
}

int64_t
figures_part_ms(const struct exchange_record *record, enum figure_part part)
{
    const struct exchange_times *times = &record->times;
    bool destination = record->role == ROLE_DESTINATION;
    switch (part) {
    case PART_WHOLE:
        return take_span(times->accepted, times->outcome);
    case PART_LOCAL:
        return destination ? take_span(times->sent, times->outcome) : take_span(times->outcome, times->told);
    case PART_QUEUE:
        return take_span(times->accepted, times->sent);
    case PART_LINK:
        return destination ? -1 : take_span(times->sent, times->relayed);
    case PART_REMOTE:
        return destination ? -1 : take_span(times->relayed, times->outcome);
    default:
        return -1;
    }
}

static void
count_part(struct figures *figures, enum figure_part part, int64_t ms)
{
    size_t at = 0;
    if (ms < 0)
        return;
    while (at < FIGURE_BOUNDS && ms > bounds_ms[at])
        at++;
    figures->parts[part].buckets[at]++;
    figures->parts[part].sum_ms += (uint64_t)ms;
}

void
figures_count(struct figures *figures, const struct exchange_record *record)
{
    if (record->role >= FIGURE_ROLES || record->state >= STATE_COUNT)
        return;
    figures->ended[record->role][record->state]++;
    if (record->reason < FEP_REASON_COUNT)
        figures->reasons[record->reason]++;
    for (int part = 0; part < PART_COUNT; part++)
        count_part(figures, (enum figure_part)part, figures_part_ms(record, (enum figure_part)part));
}

static struct json_object *
describe_numbers(const uint64_t *numbers, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, json_object_new_int64((int64_t)numbers[i]));
    return list;
}

static struct json_object *
describe_parts(const struct figures *figures)
{
    struct json_object *parts = json_object_new_object();
    for (int part = 0; part < PART_COUNT; part++) {
        struct json_object *entry = json_object_new_object();
        json_object_object_add(entry, "buckets",
                               describe_numbers(figures->parts[part].buckets, FIGURE_BOUNDS + 1));
        json_object_object_add(entry, "sum_ms", json_object_new_int64((int64_t)figures->parts[part].sum_ms));
        json_object_object_add(parts, part_names[part], entry);
    }
    return parts;
}

static struct json_object *
describe_ended(const struct figures *figures)
{
    struct json_object *ended = json_object_new_object();
    for (int role = ROLE_ORIGIN; role < FIGURE_ROLES; role++) {
        struct json_object *entry = json_object_new_object();
        for (int state = STATE_ANSWERED; state < STATE_COUNT; state++)
            json_object_object_add(entry, exchange_state_name((enum exchange_state)state),
                                   json_object_new_int64((int64_t)figures->ended[role][state]));
        json_object_object_add(ended, role_name((enum exchange_role)role), entry);
    }
    return ended;
}

struct json_object *
figures_describe(const struct figures *figures)
{
    struct json_object *object = json_object_new_object(), *bounds = json_object_new_array();
    struct json_object *reasons = json_object_new_object();
    for (size_t i = 0; i < FIGURE_BOUNDS; i++)
        json_object_array_add(bounds, json_object_new_int64(bounds_ms[i]));
    for (int reason = FEP_REASON_NONE + 1; reason < FEP_REASON_COUNT; reason++)
        json_object_object_add(reasons, reason_name((enum fep_reason)reason),
                               json_object_new_int64((int64_t)figures->reasons[reason]));
    json_object_object_add(object, "bounds_ms", bounds);
    json_object_object_add(object, "parts", describe_parts(figures));
    json_object_object_add(object, "ended", describe_ended(figures));
    json_object_object_add(object, "reasons", reasons);
    return object;
}
