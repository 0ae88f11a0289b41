/* When may a request under a refused serial start a new attempt?
 *
 * A serial that was refused with class R may come again. A copy that was sent before its caller learned of
 * the refusal must not run: the caller has acted on "nothing was done". What is known here: where the mapping
 * says that a client opens a connection for each request, a request on a connection that was accepted after
 * the refusal had gone was made after it. Everything else counts as a copy and gets the stored refusal. Must
 * never guess. */
#include "soap.h"

#include <stdio.h>
#include <string.h>

void
repeats_note(struct soap *soap, const char *serial, uint64_t handed_over)
{
    struct refusal_memory *memory = &soap->refusals;
    struct refused_serial *entry = NULL;
    size_t count = sizeof memory->entries / sizeof *memory->entries;
    for (size_t i = 0; i < count && entry == NULL; i++) {
        if (strcmp(memory->entries[i].serial, serial) == 0)
            entry = &memory->entries[i];
    }
    if (entry == NULL) {
        entry = &memory->entries[memory->next];
        memory->next = (memory->next + 1) % count;
        if (entry->serial[0] != '\0') {
            uint64_t then = entry->handed_over == UINT64_MAX ? soap->moment : entry->handed_over;
            memory->floor = then > memory->floor ? then : memory->floor;
        }
        snprintf(entry->serial, sizeof entry->serial, "%s", serial);
    }
    entry->handed_over = handed_over;
}

bool
repeats_is_new(const struct soap *soap, const struct caller *caller, const char *serial)
{
    const struct refusal_memory *memory = &soap->refusals;
    uint64_t told = memory->floor;
    for (size_t i = 0; i < sizeof memory->entries / sizeof *memory->entries; i++) {
        if (strcmp(memory->entries[i].serial, serial) == 0)
            told = memory->entries[i].handed_over;
    }
    return caller->known_after > told;
}
