/* Bits per day over one array of words. Must never forget a key that was added to a slot that was not
 * cleared. */
#include "key_filter.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM ((size_t)1 << 17)
#define LAST_ROOM  ((size_t)1 << 21) /* three indexes of 21 bits in one hash */

int
key_filter_init(struct key_filter *filter)
{
    *filter = (struct key_filter){.room = FIRST_ROOM};
    filter->words = calloc(filter->room, sizeof *filter->words);
    return filter->words ? 0 : -1;
}

void
key_filter_finish(struct key_filter *filter)
{
    free(filter->words);
    filter->words = NULL;
}

/* What was found under an index is found under both indexes that one more bit makes of it. */
static void
grow(struct key_filter *filter)
{
    uint64_t *words = realloc(filter->words, 2 * filter->room * sizeof *words);
    if (!words)
        return;
    memcpy(words + filter->room, words, filter->room * sizeof *words);
    filter->words = words;
    filter->room *= 2;
}

void
key_filter_add(struct key_filter *filter, uint64_t hash, unsigned slot)
{
    if (++filter->counts[slot] > filter->room / 16 && filter->room < LAST_ROOM)
        grow(filter);
    size_t mask = filter->room - 1;
    uint64_t bit = (uint64_t)1 << slot;
    filter->words[hash & mask] |= bit;
    filter->words[(hash >> 21) & mask] |= bit;
    filter->words[(hash >> 42) & mask] |= bit;
}

uint64_t
key_filter_find(const struct key_filter *filter, uint64_t hash)
{
    size_t mask = filter->room - 1;
    return filter->words[hash & mask] & filter->words[(hash >> 21) & mask] &
           filter->words[(hash >> 42) & mask];
}

void
key_filter_clear(struct key_filter *filter, unsigned slot)
{
    for (size_t i = 0; i < filter->room; i++)
        filter->words[i] &= ~((uint64_t)1 << slot);
    filter->counts[slot] = 0;
}
