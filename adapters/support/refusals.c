/* A bounded memory of refused serials: the oldest gives way, and what is known of all that gave way is the
 * latest moment. Must never say an earlier moment than the true one: a copy of a refused request would run.
 * Can not fail. */
#include "refusals.h"

#include <stdio.h>
#include <string.h>

static size_t
find(const struct refusal_memory *memory, const char *serial)
{
    size_t at = 0;
    while (at < REFUSALS_MOST && strcmp(memory->entries[at].serial, serial) != 0)
        at++;
    return at;
}

void
refusals_note(struct refusal_memory *memory, const char *serial, uint64_t handed_over, uint64_t now)
{
    size_t at = find(memory, serial);
    if (at == REFUSALS_MOST) {
        at = memory->next;
        memory->next = (memory->next + 1) % REFUSALS_MOST;
        if (memory->entries[at].serial[0] != '\0') {
            uint64_t then =
                memory->entries[at].handed_over == UINT64_MAX ? now : memory->entries[at].handed_over;
            memory->floor = then > memory->floor ? then : memory->floor;
        }
        snprintf(memory->entries[at].serial, sizeof memory->entries[at].serial, "%s", serial);
    }
    memory->entries[at].handed_over = handed_over;
}

uint64_t
refusals_handed_over(const struct refusal_memory *memory, const char *serial)
{
    size_t at = find(memory, serial);
    return at < REFUSALS_MOST ? memory->entries[at].handed_over : memory->floor;
}
