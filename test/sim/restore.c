/* A gateway whose store is put back from a backup (schema/restore.md): a copy of its disk is taken at one
 * moment, and later, after a kill, it comes back from that copy with a later incarnation. Its peers tell it
 * what they hold, and a person has the local system's books compared. Must hand it nothing that the real link
 * would not. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { SERIALS_A_SECOND = 1000, BOOKS_ARE_STILL_MS = 130000, AGAIN_MS = 1500 };

static void
release_rows(struct row *rows)
{
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        if (!rows[i].used)
            continue;
        slice_release(&rows[i].body);
        slice_release(&rows[i].answer);
        rows[i].used = false;
    }
}

static void
copy_rows(struct row *to, const struct row *from)
{
    release_rows(to);
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        if (!from[i].used)
            continue;
        to[i] = from[i];
        to[i].body = slice_share(from[i].body);
        to[i].answer = slice_share(from[i].answer);
    }
}

void
restore_forget(struct sim *sim)
{
    if (sim->backup.rows != NULL)
        release_rows(sim->backup.rows);
    real_forget_backup(sim);
    sim->backup.taken = false;
}

void
restore_take_backup(struct sim *sim, uint8_t number)
{
    const struct disk *disk = &sim->gates[number].disk;
    if (sim->real_store && disk->pending_count > 0) { /* which of them it would hold, nobody knows */
        sim_plan(sim, HAPPEN_BACKUP, number, 20);
        sim_planned(sim);
        return;
    }
    if (sim->backup.rows == NULL)
        sim->backup.rows = calloc(SIM_UPDATES * 2, sizeof *sim->backup.rows);
    if (sim->backup.rows == NULL)
        abort();
    copy_rows(sim->backup.rows, disk->rows);
    if (sim->real_store)
        real_take_backup(sim, number);
    sim->backup.serial_counter = disk->serial_counter;
    sim->backup.at_ms = sim->now_ms;
    sim->backup.gate = number;
    sim->backup.taken = true;
    SIM_TRACE(sim, "a backup of %s is taken", sim->gates[number].name);
}

void
restore_put_back(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (!sim->backup.taken || sim->backup.gate != number)
        return;
    gate_kill(sim, number);
    copy_rows(gate->disk.rows, sim->backup.rows);
    gate->disk.serial_counter = sim->backup.serial_counter +
                                (uint64_t)(1 + (sim->now_ms - sim->backup.at_ms) / 1000) * SERIALS_A_SECOND;
    gate->config.incarnation++;
    if (sim->real_store)
        real_put_back(sim, number);
    gate->restored_ms = sim->now_ms;
    gate->resolving = RESOLVING_INSTANCES;
    for (uint8_t other = 0; other < sim->settings->gates; other++)
        if (gates_are_linked(sim, number, other))
            gate->resolving |= 1u << other;
    gate_forget_unrendered(sim, number);
    host_kill(sim, number);
    sim->tally->faults[FAULT_RESTORE]++;
    SIM_TRACE(sim, "%s is put back from its backup of %.3f", gate->name, (double)sim->backup.at_ms / 1000);
}

/* Before recovery, in every life until all were heard. */
void
restore_begin(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (gate->resolving == 0)
        return;
    for (uint8_t other = 0; other < sim->settings->gates; other++)
        if ((gate->resolving & 1u << other) != 0 &&
            core_set_resolving(gate->core, sim->gates[other].name) != 0)
            abort();
    if (gate->has_region && (gate->resolving & RESOLVING_INSTANCES) != 0 &&
        (core_set_resolving(gate->core, "la") != 0 || core_set_resolving(gate->core, "lb") != 0))
        abort();
    gate->recalled = 0;
    gate->recall_refusals = gate->disk.refusals;
    sim_plan(sim, HAPPEN_RESOLVE, number, 100)->life = gate->life;
    sim_planned(sim);
}

static bool
can_hear(const struct sim *sim, uint8_t number, uint8_t other)
{
    const struct gate *peer = &sim->gates[other];
    return peer->alive && !peer->dying && core_may_tell_held(peer->core, sim->gates[number].name) &&
           sim->now_ms >= peer->stopped_until_ms && !sim->parted[number][other] &&
           peer->known[number] == sim->gates[number].config.incarnation;
}

static void
tell_held(struct sim *sim, uint8_t number, uint8_t other, const struct row *row)
{
    const struct exchange_record *record = &row->record;
    bool from_us = strcmp(record->previous, sim->gates[number].name) == 0;
    struct core_event event = {.type = EVENT_HELD,
                               .from = sim->gates[other].name,
                               .header = record->header,
                               .travel = {.attempt = record->attempt, .hops_left = record->hops_left},
                               .index = record->index,
                               .body = row->body,
                               .found_answer = row->answer,
                               .flag = from_us,
                               .outcome = {.state = record->state,
                                           .kind = record->kind,
                                           .effect = record->effect,
                                           .refusal_class = record->refusal_class,
                                           .reason = record->reason,
                                           .code = record->code,
                                           .accounting_date = record->local.accounting_date}};
    if (record->role == ROLE_ORIGIN && from_us)
        return; /* of its own adapter instance */
    if (!from_us && strcmp(record->target, sim->gates[number].name) != 0)
        return;
    SIM_TRACE(sim, "%s hears of %s: state %u attempt %u at %s", sim->gates[number].name,
              record->header.key.msgid, record->state, record->attempt, sim->gates[other].name);
    gate_step(sim, number, &event);
}

static void
hear_peer(struct sim *sim, uint8_t number, uint8_t other)
{
    struct gate *gate = &sim->gates[number];
    const struct disk *disk = &sim->gates[other].disk;
    struct core_event heard = {.type = EVENT_HEARD, .from = sim->gates[other].name};
    if ((gate->recalled & 1u << other) == 0) {
        for (size_t i = 0; i < SIM_UPDATES * 2; i++)
            if (disk->rows[i].used)
                tell_held(sim, number, other, &disk->rows[i]);
        gate->recalled |= 1u << other;
    } else if (gate->recall_refusals != gate->disk.refusals || core_has_untaken(gate->core)) {
        gate->recalled = 0; /* something of it may not be on disk: all is asked for again */
        gate->recall_refusals = gate->disk.refusals;
    } else if (gate->disk.pending_count == 0 && gate->alive && !gate->dying) {
        gate->resolving &= ~(1u << other);
        SIM_TRACE(sim, "%s has heard %s", gate->name, sim->gates[other].name);
        gate_step(sim, number, &heard);
    }
}

struct trace {
    struct message_key keys[SIM_UPDATES];
    size_t count;
};

static int
note_untraced(void *arg, const struct exchange_record *record)
{
    struct trace *trace = arg;
    if (record->role == ROLE_DESTINATION && record->local.serial == 0 && trace->count < SIM_UPDATES)
        trace->keys[trace->count++] = record->header.key;
    return 0;
}

/* What the local system's details show of it: a posting not reversed; 0 = nothing. */
static uint64_t
find_posting(const struct book *book, uint16_t update)
{
    for (size_t i = book->count; i-- > 0;)
        if (book->entries[i].update == update && book->entries[i].state == ENTRY_POSTED)
            return book->entries[i].serial;
    return 0;
}

static void
hear_instances(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct trace trace = {.count = 0};
    core_each(gate->core, note_untraced, &trace);
    for (size_t i = 0; i < trace.count; i++) {
        const struct update *update = sim_update_of(sim, trace.keys[i].msgid);
        struct core_event event = {.type = EVENT_TRACED, .from = "lb", .header.key = trace.keys[i]};
        event.reference = update != NULL ? find_posting(&gate->book, (uint16_t)(update->number + 1)) : 0;
        event.travel.attempt = event.reference != 0 ? 20261121 : 0;
        SIM_TRACE(sim, "%s: %s is traced to serial %llu", gate->name, trace.keys[i].msgid,
                  (unsigned long long)event.reference);
        gate_step(sim, number, &event);
    }
    if (trace.count > 0 || !gate->alive || gate->dying || gate->disk.pending_count > 0 || gate->disk.full)
        return; /* until it is on disk */
    gate->resolving = 0;
    gate_step(sim, number, &(struct core_event){.type = EVENT_HEARD, .from = "la"});
    gate_step(sim, number, &(struct core_event){.type = EVENT_HEARD, .from = "lb"});
}

void
restore_resolve(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    bool frozen = sim->now_ms < gate->stopped_until_ms;
    for (uint8_t other = 0; other < sim->settings->gates && !frozen; other++)
        if ((gate->resolving & 1u << other) != 0 && can_hear(sim, number, other))
            hear_peer(sim, number, other);
    if (gate->resolving == RESOLVING_INSTANCES && !gate->has_region)
        gate->resolving = 0;
    if (gate->resolving == RESOLVING_INSTANCES && !frozen &&
        sim->now_ms >= gate->restored_ms + BOOKS_ARE_STILL_MS)
        hear_instances(sim, number);
    if (gate->resolving == 0)
        return;
    sim_plan(sim, HAPPEN_RESOLVE, number, 1 + sim_roll(sim, FAULT_RESTORE, AGAIN_MS))->life = gate->life;
    sim_planned(sim);
}
