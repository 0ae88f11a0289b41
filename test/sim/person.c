/* Operators: one looks into the local system's books what became of an update that is unclear, and another
 * one confirms it some time later (schema/operators.md). Must say nothing but what the books show, and only
 * what the gateway lets a person say at that moment; what happens between the two words is the gateway's to
 * judge. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

enum { CONFIRM_MS = 60000, STUCK_MS = 60000 };

struct look {
    struct sim *sim;
    uint8_t number;
    unsigned skip; /* so many unclear ones are looked past */
    struct exchange_record record;
    bool found;
};

static int
look_at(void *arg, const struct core_unclear *unclear)
{
    struct look *look = arg;
    if (unclear->record->role != ROLE_DESTINATION || unclear->record->local.serial == 0)
        return 0; /* without a serial it is traced (restore.c) */
    look->record = *unclear->record;
    look->found = true;
    return look->skip-- == 0;
}

/* 0: nothing that a person could be sure of. */
static enum core_resolution
read_book(struct look *look)
{
    struct book *book = &look->sim->gates[look->number].book;
    const struct entry *entry = book_find(book, look->record.local.serial), *cancel;
    bool reversing = look->record.state == STATE_REVERSING;
    if (entry == NULL || entry->state == ENTRY_REFUSED || entry->state == ENTRY_BLOCKED)
        return RESOLVED_NOT_POSTED;
    if (entry->state == ENTRY_REVERSED)
        return RESOLVED_UNDONE;
    if (entry->cancelled_by == 0)
        return reversing && sim_roll(look->sim, FAULT_BY_HAND, 2) == 0 ? RESOLVED_STANDS : RESOLVED_POSTED;
    cancel = book_find(book, entry->cancelled_by);
    return cancel != NULL && cancel->update == 0 ? RESOLVED_UNDONE
                                                 : 0; /* a caller's own refund is no undoing */
}

static void
plan_word(struct sim *sim, enum happening_type type, struct look *look, const struct update *update,
          enum core_resolution resolution, int64_t after_ms)
{
    struct happening *word = sim_plan(sim, type, look->number, after_ms);
    word->number = (uint64_t)sim->now_ms;
    word->other = update->treat;
    word->epoch = update->number;
    word->flag = (uint8_t)resolution;
    sim_planned(sim);
}

static bool
is_at_work(const struct sim *sim, const struct gate *gate)
{
    return gate->alive && !gate->dying && sim->now_ms >= gate->stopped_until_ms && gate->has_region;
}

void
person_propose(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct look look = {.sim = sim, .number = number, .skip = sim_roll(sim, FAULT_BY_HAND, 3)};
    if (!is_at_work(sim, gate))
        return;
    core_each_unclear(gate->core, look_at, &look);
    const struct update *update = look.found ? sim_update_of(sim, look.record.header.key.msgid) : NULL;
    enum core_resolution resolution = update != NULL ? read_book(&look) : 0;
    if (resolution == 0)
        return;
    SIM_TRACE(sim, "%s: a person finds %s under serial %" PRIu64 ": %u", gate->name, update->msgid,
              look.record.local.serial, resolution);
    plan_word(sim, HAPPEN_CONFIRM, &look, update, resolution, 1 + sim_roll(sim, FAULT_BY_HAND, CONFIRM_MS));
}

static void
name_update(const struct sim *sim, const struct happening *word, struct message_key *key)
{
    *key = (struct message_key){.origin = ""};
    snprintf(key->origin, sizeof key->origin, "%s", sim->gates[word->other].name);
    snprintf(key->msgid, sizeof key->msgid, "%s", sim->updates[word->epoch].msgid);
}

/* The other one sees the same, and the gateway has no objection. */
void
person_confirm(struct sim *sim, const struct happening *word)
{
    struct gate *gate = &sim->gates[word->gate];
    struct look look = {.sim = sim, .number = word->gate};
    enum core_resolution resolution = (enum core_resolution)word->flag;
    struct message_key key;
    if (!is_at_work(sim, gate))
        return;
    name_update(sim, word, &key);
    const struct exchange_record *record = core_find(gate->core, &key, ROLE_DESTINATION);
    if (record == NULL || record->local.serial == 0)
        return;
    look.record = *record;
    bool stands = resolution == RESOLVED_STANDS && record->state == STATE_REVERSING;
    enum core_resolution seen = read_book(&look);
    if ((seen != resolution && !(stands && seen == RESOLVED_POSTED)) ||
        core_may_resolve(gate->core, &key, resolution, true) != 0)
        return;
    SIM_TRACE(sim, "%s: another one confirms %s: %u", gate->name, key.msgid, resolution);
    int64_t way_ms = 1 + sim_roll(sim, FAULT_BY_HAND, sim_roll(sim, FAULT_BY_HAND, 3) == 0 ? STUCK_MS : 40);
    plan_word(sim, HAPPEN_SETTLE, &look, &sim->updates[word->epoch], resolution, way_ms);
}

void
person_settle(struct sim *sim, const struct happening *word)
{
    struct gate *gate = &sim->gates[word->gate];
    struct core_event event = {.type = EVENT_RESOLVED, .flag = word->flag};
    if (!is_at_work(sim, gate))
        return;
    name_update(sim, word, &event.header.key);
    const struct exchange_record *record = core_find(gate->core, &event.header.key, ROLE_DESTINATION);
    if (record == NULL || (record->state != STATE_UNKNOWN && record->state != STATE_REVERSING))
        return;
    event.reference = (uint64_t)sim->now_ms - word->number;
    sim->tally->faults[FAULT_BY_HAND]++;
    SIM_TRACE(sim, "%s: %s is settled by hand: %u", gate->name, event.header.key.msgid, word->flag);
    if (word->flag == RESOLVED_POSTED) {
        char text[32];
        int size = snprintf(text, sizeof text, "serial %" PRIu64, record->local.serial);
        event.body = slice_copy(text, (size_t)size);
        event.index.size = sizeof event.index;
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "%" PRIu64,
                 record->local.serial);
    }
    gate_step(sim, word->gate, &event);
    slice_release(&event.body);
}
