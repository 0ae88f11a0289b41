/* The dice, and the settings of a world drawn with them. Must depend on nothing but the seed. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

unsigned settings_restores;

const char *const fault_names[FAULT_COUNT] = {
    [FAULT_LOSS] = "message lost",
    [FAULT_REPEAT] = "message repeated",
    [FAULT_DELAY] = "message delayed",
    [FAULT_PARTITION] = "link cut",
    [FAULT_KILL_GATE] = "gateway killed",
    [FAULT_KILL_HOST] = "adapter host killed",
    [FAULT_FREEZE_HOST] = "adapter host frozen",
    [FAULT_DISK_FULL] = "disk full",
    [FAULT_CLOCK_STEP] = "clock stepped",
    [FAULT_HOLD] = "target held",
    [FAULT_ROUTE_CHANGE] = "route changed",
    [FAULT_LOOP] = "routing loop",
    [FAULT_LOCAL_LOSS] = "request or answer of a local system lost",
    [FAULT_LOCAL_DELAY] = "local system slow",
    [FAULT_LOCAL_REFUSES] = "local system refused",
    [FAULT_DECLINES] = "reversal declined for good",
    [FAULT_DAY_CHANGE] = "accounting day closed",
    [FAULT_CALLER_REVERSES] = "caller reversed",
    [FAULT_CALLER_REPEATS] = "caller repeated",
    [FAULT_CALLER_VANISHES] = "caller vanished",
    [FAULT_NOT_RENDERED] = "answer not rendered",
    [FAULT_KILL_IN_STEP] = "gateway killed within a step",
    [FAULT_FREEZE_GATE] = "gateway frozen and revived",
    [FAULT_MIDNIGHT] = "midnight",
    [FAULT_OLD_DAY] = "request of a day before the horizon",
    [FAULT_OTHER_CONTENT] = "same msgid with other content",
    [FAULT_KILL_AT_COMMIT] = "gateway killed before or in a commit",
    [FAULT_RESTORE] = "gateway restored from a backup",
    [FAULT_BY_HAND] = "settled by hand",
};

static uint64_t
next(uint64_t *state)
{
    uint64_t value = (*state += 0x9E3779B97F4A7C15ull);
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ull;
    value = (value ^ value >> 27) * 0x94D049BB133111EBull;
    return value ^ value >> 31;
}

unsigned
sim_roll(struct sim *sim, unsigned dice, unsigned limit)
{
    return limit == 0 ? 0 : (unsigned)(next(&sim->dice[dice]) % limit);
}

bool
sim_happens(struct sim *sim, enum fault fault)
{
    unsigned strength = sim->settings->strength[fault];
    if (sim->calm || strength == 0 || sim_roll(sim, fault, 100) >= strength)
        return false;
    sim->tally->faults[fault]++;
    return true;
}

static unsigned
draw(uint64_t *state, unsigned low, unsigned high)
{
    return low + (unsigned)(next(state) % (high - low + 1));
}

void
settings_draw(struct settings *settings, uint64_t seed, bool first_kinds)
{
    /* per cent of messages or decisions; for what is planned ahead: at most so many in one world */
    static const uint8_t most[FAULT_COUNT] = {[FAULT_LOSS] = 20,           [FAULT_REPEAT] = 12,
                                              [FAULT_DELAY] = 8,           [FAULT_PARTITION] = 5,
                                              [FAULT_KILL_GATE] = 5,       [FAULT_KILL_HOST] = 4,
                                              [FAULT_FREEZE_HOST] = 3,     [FAULT_DISK_FULL] = 2,
                                              [FAULT_CLOCK_STEP] = 2,      [FAULT_HOLD] = 2,
                                              [FAULT_ROUTE_CHANGE] = 3,    [FAULT_LOOP] = 1,
                                              [FAULT_LOCAL_LOSS] = 15,     [FAULT_LOCAL_DELAY] = 10,
                                              [FAULT_LOCAL_REFUSES] = 20,  [FAULT_DECLINES] = 30,
                                              [FAULT_DAY_CHANGE] = 1,      [FAULT_CALLER_REVERSES] = 20,
                                              [FAULT_CALLER_REPEATS] = 25, [FAULT_CALLER_VANISHES] = 8,
                                              [FAULT_NOT_RENDERED] = 6,    [FAULT_KILL_IN_STEP] = 10,
                                              [FAULT_FREEZE_GATE] = 2,     [FAULT_MIDNIGHT] = 4,
                                              [FAULT_OLD_DAY] = 10,        [FAULT_OTHER_CONTENT] = 20,
                                              [FAULT_KILL_AT_COMMIT] = 10, [FAULT_BY_HAND] = 12};
    uint64_t state = seed * 0xD1342543DE82EF95ull + 1;
    *settings = (struct settings){.seed = seed};
    settings->gates = draw(&state, 1, SIM_GATES);
    settings->updates = draw(&state, 1, draw(&state, 0, 3) == 0 ? SIM_UPDATES * 2 / 3 : 10);
    settings->persons = draw(&state, 1, SIM_PERSONS);
    settings->direct = settings->gates >= 4 && draw(&state, 0, 1) == 1;
    settings->spread_ms = draw(&state, 0, 1) == 0 ? 15000 : 150000;
    settings->max_in_flight = draw(&state, 0, 3) == 0 ? draw(&state, 1, 3) : 1000;
    bool quiet = draw(&state, 0, 5) == 0;
    for (int fault = 0; fault < FAULT_FIRST_KINDS; fault++) {
        unsigned strength = draw(&state, 0, most[fault]);
        settings->strength[fault] = quiet || draw(&state, 0, 2) == 0 ? 0 : strength;
    }
    for (int gate = 0; gate < SIM_GATES; gate++) {
        settings->inquires[gate] = draw(&state, 0, 1) == 1;
        settings->replays[gate] = settings->inquires[gate];
    }
    for (int fault = FAULT_FIRST_KINDS + 1; fault < FAULT_BY_HAND && !first_kinds; fault++) {
        unsigned strength = draw(&state, 0, most[fault]);
        settings->strength[fault] = quiet || draw(&state, 0, 2) == 0 ? 0 : strength;
    }
    if (settings_restores > 0)
        settings->strength[FAULT_RESTORE] = draw(&state, 1, settings_restores);
    if (!first_kinds && !quiet && draw(&state, 0, 2) != 0)
        settings->strength[FAULT_BY_HAND] = draw(&state, 1, most[FAULT_BY_HAND]);
}

void
settings_print(const struct settings *settings, FILE *out)
{
    fprintf(out,
            "seed %" PRIu64 ": %u gateways%s, %u updates of %u persons a region within %u s, %u in flight\n",
            settings->seed, settings->gates, settings->direct ? " and a direct link" : "", settings->updates,
            settings->persons, settings->spread_ms / 1000, settings->max_in_flight);
    for (unsigned gate = 0; gate < settings->gates; gate++)
        fprintf(out, "  local system %u %s inquiry and replay\n", gate,
                settings->inquires[gate] ? "with" : "without");
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (settings->strength[fault] != 0)
            fprintf(out, "  %s: %u\n", fault_names[fault], settings->strength[fault]);
}
