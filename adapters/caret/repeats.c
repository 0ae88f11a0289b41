/* When may a request under a refused serial start a new attempt?
 *
 * danxian lets a refused serial (class R) come again, and answers carry nothing that names a request. A copy
 * that was sent before its caller learned of the refusal must not run: the caller has acted on "nothing was
 * done". What we know: on one connection request and answer strictly take turns, so a request whose first
 * byte came after the answer had gone was made after it; and where the mapping says so, on a connection that
 * was opened after the answer had gone nothing older can arrive either. Everything else counts as a copy and
 * gets the stored refusal. Must never guess. */
#include "caret.h"

#include <stdio.h>
#include <string.h>

static const struct refused_serial *
find(const struct refusal_memory *memory, const char *serial)
{
    for (size_t i = 0; i < sizeof memory->entries / sizeof *memory->entries; i++) {
        if (strcmp(memory->entries[i].serial, serial) == 0)
            return &memory->entries[i];
    }
    return NULL;
}

void
repeats_note(struct caret *caret, const char *serial, uint64_t handed_over)
{
    struct refusal_memory *memory = &caret->refusals;
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
            uint64_t then = entry->handed_over == UINT64_MAX ? caret->moment : entry->handed_over;
            memory->floor = then > memory->floor ? then : memory->floor;
        }
        snprintf(entry->serial, sizeof entry->serial, "%s", serial);
    }
    entry->handed_over = handed_over;
}

bool
repeats_is_new(const struct caret *caret, const struct client *client, const char *serial)
{
    const struct refused_serial *entry = find(&caret->refusals, serial);
    return client->known_after > (entry != NULL ? entry->handed_over : caret->refusals.floor);
}
