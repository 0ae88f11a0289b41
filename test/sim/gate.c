/* One gateway: its core, its disk, its routes, and what the core asks for. A gateway that dies forgets
 * everything but its disk; its adapter hosts live on. Must hand the core nothing while it is dead. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { WALL_START_S = 1795226400, INCARNATION = 7 }; /* 2026-11-21, some morning */

bool
gates_are_linked(const struct sim *sim, uint8_t a, uint8_t b)
{
    unsigned gates = sim->settings->gates;
    if (a == b || a >= gates || b >= gates)
        return false;
    if (gates == 2)
        return true;
    return a == 0 || b == 0 || (sim->settings->direct && a + b == 3 && a != 0 && b != 0);
}

static void
add_rule(struct route_rule *rules, size_t *count, const char *prefix, const char *target, bool local)
{
    struct route_rule *rule = &rules[(*count)++];
    *rule = (struct route_rule){.targets_local = local};
    snprintf(rule->prefix, sizeof rule->prefix, "%s", prefix);
    snprintf(rule->targets[0], sizeof rule->targets[0], "%s", target);
}

/* A region sends everything that is not its own to the platform (gateway 0), or straight to its neighbour. */
void
gate_set_routes(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct route_rule rules[SIM_GATES + 2];
    struct route_table *old = gate->routes;
    size_t count = 0;
    unsigned gates = sim->settings->gates;
    if (gate->has_region)
        add_rule(rules, &count, gate->area, "lb", true);
    for (uint8_t other = 0; other < gates; other++) {
        const struct gate *to = &sim->gates[other];
        if (other == number || !to->has_region)
            continue;
        bool straight =
            gates_are_linked(sim, number, other) && (gates == 2 || number == 0 || !gate->rerouted);
        const char *via = straight || gates == 2 ? to->name : sim->gates[0].name;
        if (number == 0 && gate->looped) /* the platform sends it where it does not belong */
            via = sim->settings->direct ? sim->gates[2].name : sim->gates[1 + (other % (gates - 1))].name;
        if (number == 2 && sim->gates[0].looped &&
            sim->settings->direct) /* and from there it goes on to the first region */
            via = sim->gates[1].name;
        add_rule(rules, &count, to->area, via, false);
    }
    gate->routes = route_table_create(rules, count);
    if (gate->routes == NULL)
        abort();
    if (gate->core != NULL)
        core_set_routes(gate->core, gate->routes);
    route_table_destroy(old);
}

void
gate_create(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    unsigned gates = sim->settings->gates;
    struct disk disk = gate->disk;
    memset(gate, 0, offsetof(struct gate, book));
    gate->disk = disk;
    gate->book.count = 0;
    gate->book.day = 1;
    gate->book.replays = sim->settings->replays[number];
    gate->epoch = 1;
    gate->host_up = true;
    gate->frozen_until_ms = gate->wall_offset_ms = 0;
    gate->call_top = 0;
    gate->life = 0;
    gate->resolving = gate->recalled = 0;
    gate->restored_ms = 0;
    memset(gate->known, 0, sizeof gate->known);
    gate->has_region = gates <= 2 || number != 0;
    gate->alive = gate->commit_planned = gate->rerouted = gate->looped = false;
    snprintf(gate->name, sizeof gate->name, "G%c", '0' + number);
    snprintf(gate->area, sizeof gate->area, "45%c000", '1' + number);
    memcpy(gate->config.node, gate->name, sizeof gate->config.node);
    gate->config.incarnation = INCARNATION;
    gate->config.max_in_flight = sim->settings->max_in_flight;
    gate->dying = false;
    gate->stopped_until_ms = 0;
    disk_create(&gate->disk);
    if (sim->real_store)
        real_create(sim, number);
}

void
gate_destroy(struct gate *gate)
{
    core_destroy(gate->core);
    route_table_destroy(gate->routes);
    gate->core = NULL;
    gate->routes = NULL;
    real_destroy(gate);
    disk_destroy(&gate->disk);
}

int64_t
gate_wall_ms(const struct sim *sim, uint8_t number)
{
    const int64_t until_midnight_ms = 14 * 3600000;
    int64_t start_ms = (int64_t)WALL_START_S * 1000, minutes = sim->settings->strength[FAULT_MIDNIGHT];
    if (minutes > 0)
        start_ms += until_midnight_ms - minutes * 60000;
    return start_ms + sim->now_ms + sim->gates[number].wall_offset_ms;
}

void
gate_peer_up(struct sim *sim, uint8_t number, uint8_t other)
{
    struct gate *gate = &sim->gates[number];
    uint64_t incarnation = sim->gates[other].config.incarnation;
    struct core_event event = {.type = EVENT_PEER_UP, .from = sim->gates[other].name};
    event.flag = gate->known[other] != 0 && incarnation > gate->known[other];
    if (!gate->alive || gate->dying || sim->now_ms < gate->stopped_until_ms)
        return;
    gate->known[other] = incarnation;
    gate_step(sim, number, &event);
}

static void
say_peers(struct sim *sim, uint8_t number)
{
    for (uint8_t other = 0; other < sim->settings->gates; other++) {
        if (gates_are_linked(sim, number, other) && !sim->parted[number][other])
            gate_peer_up(sim, number, other);
    }
}

void
gate_start(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (sim->real_store && !real_open(sim, number)) {
        sim_plan(sim, HAPPEN_START, number, 1000);
        sim_planned(sim);
        return;
    }
    if (!sim->real_store)
        gate->config.serial_counter = gate->disk.serial_counter;
    gate->core = core_create(&gate->config, sim->transactions);
    if (gate->core == NULL)
        abort();
    gate->alive = true;
    gate->life++;
    rules_note_start(sim, number);
    gate_set_routes(sim, number);
    for (uint8_t other = 0; other < sim->settings->gates; other++)
        if (gates_are_linked(sim, number, other) && core_add_peer(gate->core, sim->gates[other].name) != 0)
            abort();
    if (gate->has_region &&
        (core_add_instance(gate->core, "la") != 0 || core_add_instance(gate->core, "lb") != 0))
        abort();
    restore_begin(sim, number);
    if (sim->real_store)
        real_restore(sim, number);
    else
        disk_restore(sim, number);
    gate_step(sim, number, &(struct core_event){.type = EVENT_RECOVERED});
    say_peers(sim, number);
    for (uint8_t other = 0; other < sim->settings->gates && gate->resolving != 0; other++) {
        struct core_event down = {.type = EVENT_PEER_DOWN, .from = gate->name};
        if (!gates_are_linked(sim, number, other) || sim->parted[number][other])
            continue;
        gate_step(sim, other, &down);
        gate_peer_up(sim, other, number);
    }
    if (gate->has_region) {
        gate_step(sim, number,
                  &(struct core_event){
                      .type = EVENT_HOST_UP, .from = "la", .epoch = 1, .abilities = FEP_SERVES_IN});
        host_introduce(sim, number);
    }
}

/* It goes on where it stood, and hears how the world is now. */
void
gate_thaw(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (!gate->alive)
        return;
    for (uint8_t other = 0; other < sim->settings->gates; other++) {
        struct core_event event = {.type = EVENT_PEER_DOWN, .from = sim->gates[other].name};
        if (gates_are_linked(sim, number, other))
            gate_step(sim, number, &event);
    }
    say_peers(sim, number);
    if (!sim->real_store)
        gate_step(sim, number, &(struct core_event){.type = EVENT_DISK, .flag = !gate->disk.full});
    if (gate->has_region && gate->host_up)
        host_introduce(sim, number);
    else if (gate->has_region)
        gate_step(sim, number,
                  &(struct core_event){.type = EVENT_HOST_DOWN, .from = "lb", .epoch = gate->epoch});
}

/* That an answer could not be said is forgotten with everything that was not committed. */
void
gate_forget_unrendered(struct sim *sim, uint8_t number)
{
    for (unsigned i = 0; i < sim->update_count; i++) {
        struct update *update = &sim->updates[i];
        const struct row *row = &sim->gates[number].disk.rows[i * 2];
        if (update->treat == number && (!row->used || row->record.reversal_attempt == 0))
            update->not_rendered = false;
    }
}

/* What the writer had under way may or may not have reached the disk: a prefix has. */
void
gate_kill(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (!gate->alive)
        return;
    size_t survived = sim_roll(sim, FAULT_KILL_GATE, (unsigned)gate->disk.pending_count + 1);
    gate->alive = gate->commit_planned = gate->dying = false;
    gate->stopped_until_ms = gate->turn_at_ms = 0;
    if (sim->real_store) {
        SIM_TRACE(sim, "%s dies with %zu writes under way", gate->name, gate->disk.pending_count);
        real_crash(sim, number);
    } else {
        SIM_TRACE(sim, "%s dies: %zu of %zu writes under way reach the disk", gate->name, survived,
                  gate->disk.pending_count);
        disk_crash(sim, number, survived);
    }
    gate_forget_unrendered(sim, number);
    core_destroy(gate->core);
    gate->core = NULL;
    sim->tally->restarts++;
    sim_plan(sim, HAPPEN_START, number, 200 + sim_roll(sim, FAULT_KILL_GATE, 20000));
    sim_planned(sim);
}

/* It dies between two commands of one step: what the step wanted stored never left the router. */
static bool
dies_here(struct sim *sim, uint8_t number, size_t pending_before)
{
    struct gate *gate = &sim->gates[number];
    if (sim->calm || sim->settings->strength[FAULT_KILL_IN_STEP] == 0 ||
        sim_roll(sim, FAULT_KILL_IN_STEP, 5000) >= sim->settings->strength[FAULT_KILL_IN_STEP])
        return false;
    sim->tally->faults[FAULT_KILL_IN_STEP]++;
    gate->dying = true;
    for (; gate->disk.pending_count > pending_before; gate->disk.pending_count--) {
        slice_release(&gate->disk.pending[gate->disk.pending_count - 1].body);
        slice_release(&gate->disk.pending[gate->disk.pending_count - 1].answer);
    }
    sim_plan(sim, HAPPEN_KILL, number, 0);
    sim_planned(sim);
    return true;
}

/* With writes under way. */
static void
may_die_at_commit(struct sim *sim, uint8_t number)
{
    if (sim->calm || sim->settings->strength[FAULT_KILL_AT_COMMIT] == 0 ||
        sim_roll(sim, FAULT_KILL_AT_COMMIT, 2000) >= sim->settings->strength[FAULT_KILL_AT_COMMIT])
        return;
    sim->tally->faults[FAULT_KILL_AT_COMMIT]++;
    sim_plan(sim, HAPPEN_KILL, number, sim_roll(sim, FAULT_KILL_AT_COMMIT, 20));
    sim_planned(sim);
}

static void
plan_commit(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (gate->commit_planned || gate->disk.pending_count == 0 || !gate->alive)
        return;
    gate->commit_planned = true;
    may_die_at_commit(sim, number);
    sim_plan(sim, HAPPEN_COMMIT, number, 1 + sim_roll(sim, DICE_WORLD, 40))->life = gate->life;
    sim_planned(sim);
}

void
gate_commit(struct sim *sim, uint8_t number)
{
    sim->gates[number].commit_planned = false;
    disk_commit(sim, number);
    plan_commit(sim, number);
}

void
gate_step(struct sim *sim, uint8_t number, struct core_event *event)
{
    enum { FINDS = 16 };
    struct gate *gate = &sim->gates[number];
    const struct core_command *commands;
    struct core_command finds[FINDS];
    size_t find_count = 0, pending_before = gate->disk.pending_count;
    if (!gate->alive || gate->dying || sim->now_ms < gate->stopped_until_ms)
        return;
    event->now_ms = sim->now_ms + 1000000;
    event->wall_ms = gate_wall_ms(sim, number);
    rules_note_event(sim, number, event);
    size_t count = core_step(gate->core, event, &commands);
    sim->tally->steps++;
    for (size_t i = 0; i < count; i++) {
        const struct core_command *command = &commands[i];
        if (dies_here(sim, number, pending_before))
            return;
        if (command->type >= CMD_STORE_INSERT && command->type <= CMD_STORE_SERIALS) {
            check_write(sim, number, command);
            disk_write(&gate->disk, command);
        } else if (command->type == CMD_STORE_FIND && find_count < FINDS) {
            finds[find_count++] = *command;
        } else {
            gate_on_command(sim, number, command);
        }
    }
    for (size_t i = 0; i < find_count; i++)
        sim->real_store ? real_find(sim, number, &finds[i]) : disk_find(sim, number, &finds[i]);
    plan_commit(sim, number);
}

static void
render(struct sim *sim, uint8_t number, const struct core_command *command)
{
    struct core_event event = {.type = EVENT_RENDERED, .reference = command->reference, .epoch = 1};
    event.flag = !sim_happens(sim, FAULT_NOT_RENDERED);
    event.header.key = command->header.key;
    event.sequence = sim->gates[number].life;
    sim_plan_event(sim, HAPPEN_PACKET, number, number, &event, 1 + sim_roll(sim, DICE_WORLD, 10));
}

void
gate_on_command(struct sim *sim, uint8_t number, const struct core_command *command)
{
    check_command(sim, number, command);
    switch (command->type) {
    case CMD_SEND_UPDATE:
    case CMD_SEND_REVERSAL:
    case CMD_SEND_OUTCOME:
        line_send(sim, number, command);
        break;
    case CMD_ACK:
        line_ack(sim, number, command);
        break;
    case CMD_SUBMIT:
        host_submit(sim, number, command);
        break;
    case CMD_HOST_ACK:
        host_acked(sim, number, command->reference);
        break;
    case CMD_RENDER:
        render(sim, number, command);
        break;
    case CMD_TELL:
        caller_told(sim, number, command);
        break;
    case CMD_LOG_OUTCOME:
        sim->tally->exchanges++;
        break;
    default:
        break;
    }
}
