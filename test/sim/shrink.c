/* Makes a failing world smaller: leaves out one kind of fault after the other, then updates, persons and
 * gateways, and keeps what still breaks the same rule. */
#include "sim.h"

#include <string.h>

/* The rule's name stands before the first colon. */
static bool
breaks_the_same(const char *failure, const char *other)
{
    size_t size = strcspn(failure, ":");
    return other[0] != '\0' && strncmp(failure, other, size) == 0 && other[size] == ':';
}

static bool
still_fails(struct sim *sim, const struct settings *settings, const char *failure)
{
    struct tally tally = {0};
    return sim_play(sim, settings, &tally, NULL) != 0 && breaks_the_same(failure, sim->failure);
}

static bool
try_smaller(struct sim *sim, struct settings *settings, const struct settings *smaller, const char *failure)
{
    if (!still_fails(sim, smaller, failure))
        return false;
    *settings = *smaller;
    return true;
}

static bool
shrink_once(struct sim *sim, struct settings *settings, const char *failure)
{
    struct settings smaller;
    bool shrunk = false;
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        if (settings->strength[fault] == 0)
            continue;
        smaller = *settings;
        smaller.strength[fault] = 0;
        shrunk |= try_smaller(sim, settings, &smaller, failure);
    }
    while (settings->updates > 1) {
        smaller = *settings;
        smaller.updates--;
        if (!try_smaller(sim, settings, &smaller, failure))
            break;
        shrunk = true;
    }
    while (settings->gates > 1) {
        smaller = *settings;
        smaller.gates--;
        smaller.direct &= smaller.gates >= 4;
        if (!try_smaller(sim, settings, &smaller, failure))
            break;
        shrunk = true;
    }
    if (settings->persons > 1) {
        smaller = *settings;
        smaller.persons = 1;
        shrunk |= try_smaller(sim, settings, &smaller, failure);
    }
    return shrunk;
}

void
sim_shrink(struct sim *sim, struct settings *settings)
{
    char failure[sizeof sim->failure];
    memcpy(failure, sim->failure, sizeof failure);
    while (shrink_once(sim, settings, failure))
        ;
}
