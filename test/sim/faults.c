/* What goes wrong as a whole: gateways and hosts die or freeze, lines are cut, disks fill, clocks jump,
 * routes change, operators hold a target, a day is closed. When the time of faults is over everything is put
 * right again. */
#include "sim.h"

#include <stdlib.h>

static struct happening *
plan_at(struct sim *sim, enum fault fault, enum happening_type type, uint8_t gate, int64_t at_ms)
{
    struct happening *happening = sim_plan(sim, type, gate, at_ms);
    sim->tally->faults[fault]++;
    return happening;
}

static uint8_t
some_gate(struct sim *sim, enum fault fault)
{
    return (uint8_t)sim_roll(sim, fault, sim->settings->gates);
}

/* Something begins, and ends some time later. */
static void
plan_span(struct sim *sim, enum fault fault, enum happening_type type, uint8_t gate, uint8_t other,
          unsigned most_ms)
{
    int64_t begin = sim_roll(sim, fault, SIM_FAULTS_END_MS), end = begin + 1 + sim_roll(sim, fault, most_ms);
    if (end > SIM_FAULTS_END_MS)
        end = SIM_FAULTS_END_MS;
    struct happening *first = plan_at(sim, fault, type, gate, begin);
    first->other = other;
    first->flag = 1;
    first->number = (uint64_t)end;
    sim_planned(sim);
    sim_plan(sim, type, gate, end)->other = other;
    sim_planned(sim);
}

static void
plan_partitions(struct sim *sim)
{
    for (unsigned i = sim->settings->strength[FAULT_PARTITION]; i > 0; i--) {
        uint8_t a = some_gate(sim, FAULT_PARTITION), b = some_gate(sim, FAULT_PARTITION);
        if (gates_are_linked(sim, a, b))
            plan_span(sim, FAULT_PARTITION, HAPPEN_PARTITION, a, b, 60000);
    }
}

static void
plan_moments(struct sim *sim, enum fault fault, enum happening_type type)
{
    for (unsigned i = sim->settings->strength[fault]; i > 0; i--) {
        plan_at(sim, fault, type, some_gate(sim, fault), sim_roll(sim, fault, SIM_FAULTS_END_MS));
        sim_planned(sim);
    }
}

static void
plan_spans(struct sim *sim, enum fault fault, enum happening_type type, unsigned most_ms)
{
    for (unsigned i = sim->settings->strength[fault]; i > 0; i--)
        plan_span(sim, fault, type, some_gate(sim, fault), some_gate(sim, fault), most_ms);
}

/* A backup of one gateway, and restores from it. */
static void
plan_restores(struct sim *sim)
{
    unsigned restores = sim->settings->strength[FAULT_RESTORE];
    if (restores == 0 || sim->settings->gates == 1)
        return;
    uint8_t gate = some_gate(sim, FAULT_RESTORE);
    int64_t taken = sim_roll(sim, FAULT_RESTORE, SIM_FAULTS_END_MS / 2);
    sim_plan(sim, HAPPEN_BACKUP, gate, taken);
    sim_planned(sim);
    for (unsigned i = 0; i < restores; i++) {
        sim_plan(sim, HAPPEN_RESTORE, gate, taken + 1 + sim_roll(sim, FAULT_RESTORE, SIM_FAULTS_END_MS / 2));
        sim_planned(sim);
    }
}

/* People look at what is unclear during the faults and for as long after: much of it needs its time. */
static void
plan_looks(struct sim *sim)
{
    for (unsigned i = sim->settings->strength[FAULT_BY_HAND]; i > 0; i--) {
        sim_plan(sim, HAPPEN_PROPOSE, some_gate(sim, FAULT_BY_HAND),
                 sim_roll(sim, FAULT_BY_HAND, 2 * SIM_FAULTS_END_MS));
        sim_planned(sim);
    }
}

void
faults_plan(struct sim *sim)
{
    plan_partitions(sim);
    plan_moments(sim, FAULT_KILL_GATE, HAPPEN_KILL);
    plan_moments(sim, FAULT_KILL_HOST, HAPPEN_HOST_KILL);
    plan_moments(sim, FAULT_FREEZE_HOST, HAPPEN_HOST_FREEZE);
    plan_moments(sim, FAULT_CLOCK_STEP, HAPPEN_CLOCK);
    plan_moments(sim, FAULT_DAY_CHANGE, HAPPEN_DAY);
    plan_moments(sim, FAULT_FREEZE_GATE, HAPPEN_FREEZE);
    sim->tally->faults[FAULT_MIDNIGHT] += sim->settings->strength[FAULT_MIDNIGHT] != 0;
    plan_spans(sim, FAULT_DISK_FULL, HAPPEN_DISK, 60000);
    plan_spans(sim, FAULT_HOLD, HAPPEN_HOLD, 60000);
    if (sim->settings->direct)
        plan_spans(sim, FAULT_ROUTE_CHANGE, HAPPEN_ROUTE, 60000);
    if (sim->settings->gates > 2)
        plan_spans(sim, FAULT_LOOP, HAPPEN_LOOP, 30000);
    plan_restores(sim);
    plan_looks(sim);
}

static void
tell_link(struct sim *sim, uint8_t at, uint8_t other, bool up)
{
    struct core_event event = {.type = EVENT_PEER_DOWN, .from = sim->gates[other].name};
    if (up)
        gate_peer_up(sim, at, other);
    else
        gate_step(sim, at, &event);
}

static void
part(struct sim *sim, uint8_t a, uint8_t b, bool cut)
{
    sim->parted[a][b] = sim->parted[b][a] = cut;
    SIM_TRACE(sim, "the line %s - %s is %s", sim->gates[a].name, sim->gates[b].name, cut ? "cut" : "back");
    tell_link(sim, a, b, !cut);
    tell_link(sim, b, a, !cut);
}

static void
hold(struct sim *sim, uint8_t number, uint8_t other, bool begin)
{
    const char *target = gates_are_linked(sim, number, other) ? sim->gates[other].name : "lb";
    struct core_event event = {.type = begin ? EVENT_HOLD : EVENT_REOPEN, .from = target};
    if (sim->gates[number].has_region || target[0] == 'G')
        gate_step(sim, number, &event);
}

static void
step_clock(struct sim *sim, uint8_t number)
{
    static const int64_t steps_ms[] = {-3600000, -60000, -1000, 1000, 60000, 3600000, 86400000};
    sim->gates[number].wall_offset_ms +=
        steps_ms[sim_roll(sim, FAULT_CLOCK_STEP, sizeof steps_ms / sizeof *steps_ms)];
}

void
faults_happen(struct sim *sim, const struct happening *happening)
{
    struct gate *gate = &sim->gates[happening->gate];
    bool begin = happening->flag != 0;
    if (begin && happening->number != 0 && sim->now_ms >= (int64_t)happening->number)
        return; /* it waited for a frozen gateway until it was over */
    switch (happening->type) {
    case HAPPEN_PARTITION:
        part(sim, happening->gate, happening->other, begin);
        break;
    case HAPPEN_DISK: {
        struct core_event event = {.type = EVENT_DISK, .flag = !begin};
        gate->disk.full = begin;
        SIM_TRACE(sim, "the disk of %s %s", gate->name, begin ? "is full" : "has room again");
        if (sim->real_store) { /* it notices by itself */
            real_disk_full(sim, happening->gate, begin);
            break;
        }
        gate_step(sim, happening->gate, &event);
        break;
    }
    case HAPPEN_CLOCK:
        step_clock(sim, happening->gate);
        break;
    case HAPPEN_HOLD:
        hold(sim, happening->gate, happening->other, begin);
        break;
    case HAPPEN_ROUTE:
        gate->rerouted = begin;
        gate_set_routes(sim, happening->gate);
        break;
    case HAPPEN_LOOP:
        sim->gates[0].looped = begin;
        gate_set_routes(sim, 0);
        gate_set_routes(sim, 2);
        break;
    case HAPPEN_DAY:
        gate->book.day++;
        SIM_TRACE(sim, "the accounting day at %s is closed", gate->name);
        break;
    case HAPPEN_BACKUP:
        restore_take_backup(sim, happening->gate);
        break;
    case HAPPEN_RESTORE:
        restore_put_back(sim, happening->gate);
        break;
    case HAPPEN_RESOLVE:
        if (gate->alive && happening->life == gate->life)
            restore_resolve(sim, happening->gate);
        break;
    case HAPPEN_FREEZE:
        if (!gate->alive || gate->dying)
            break;
        gate->stopped_until_ms = sim->now_ms + sim_roll(sim, FAULT_FREEZE_GATE, 100000);
        SIM_TRACE(sim, "%s is frozen until %lld", gate->name, (long long)gate->stopped_until_ms);
        sim_plan(sim, HAPPEN_THAW, happening->gate, gate->stopped_until_ms - sim->now_ms)->life = gate->life;
        sim_planned(sim);
        break;
    case HAPPEN_THAW:
        if (happening->life == gate->life)
            gate_thaw(sim, happening->gate);
        break;
    case HAPPEN_HOST_FREEZE:
        gate->frozen_until_ms = sim->now_ms + sim_roll(sim, FAULT_FREEZE_HOST, 20000);
        break;
    default:
        break;
    }
}
