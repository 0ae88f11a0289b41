/* A bounded memory of what opened a visit, so that a visit's later messages need not ask the router each
 * time. Only a copy: losing an entry costs a question, never a message. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct visit visit;
    uint64_t used; /* larger = more recently; 0 = empty */
};

struct visit_cache {
    size_t room;
    uint64_t clock;
    struct entry entries[];
};

struct visit_cache *
visits_create(size_t room)
{
    struct visit_cache *cache = calloc(1, sizeof *cache + room * sizeof cache->entries[0]);
    if (cache != NULL)
        cache->room = room;
    return cache;
}

static void
clear_entry(struct entry *entry)
{
    slice_release(&entry->visit.request);
    slice_release(&entry->visit.answer);
    entry->used = 0;
}

void
visits_destroy(struct visit_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < cache->room; i++)
        clear_entry(&cache->entries[i]);
    free(cache);
}

static struct entry *
find_entry(struct visit_cache *cache, const char *insured_area, const char *visit_id)
{
    for (size_t i = 0; i < cache->room; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->used != 0 && strcmp(entry->visit.visit_id, visit_id) == 0 &&
            strcmp(entry->visit.insured_area, insured_area) == 0)
            return entry;
    }
    return NULL;
}

const struct visit *
visits_find(struct visit_cache *cache, const char *insured_area, const char *visit_id)
{
    struct entry *entry = find_entry(cache, insured_area, visit_id);
    if (entry == NULL)
        return NULL;
    entry->used = ++cache->clock;
    return &entry->visit;
}

const struct visit *
visits_find_anywhere(struct visit_cache *cache, const char *visit_id)
{
    struct entry *best = NULL;
    for (size_t i = 0; i < cache->room; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->used != 0 && strcmp(entry->visit.visit_id, visit_id) == 0 &&
            (best == NULL || entry->used > best->used))
            best = entry;
    }
    return best != NULL ? &best->visit : NULL;
}

void
visits_remember(struct visit_cache *cache, const char *insured_area, const char *visit_id, const char *infno,
                struct slice request, struct slice answer)
{
    struct entry *entry = find_entry(cache, insured_area, visit_id);
    if (entry == NULL) {
        entry = &cache->entries[0];
        for (size_t i = 1; i < cache->room; i++) {
            if (cache->entries[i].used < entry->used)
                entry = &cache->entries[i];
        }
    }
    /* Copies: the slices may be small parts of received frames, and an entry lives long. */
    struct slice own_request = slice_copy(request.data, request.size);
    struct slice own_answer = slice_copy(answer.data, answer.size);
    if ((own_request.data == NULL && request.size > 0) || (own_answer.data == NULL && answer.size > 0)) {
        slice_release(&own_request);
        slice_release(&own_answer);
        return;
    }
    clear_entry(entry);
    snprintf(entry->visit.insured_area, sizeof entry->visit.insured_area, "%s", insured_area);
    snprintf(entry->visit.visit_id, sizeof entry->visit.visit_id, "%s", visit_id);
    snprintf(entry->visit.infno, sizeof entry->visit.infno, "%s", infno);
    entry->visit.request = own_request;
    entry->visit.answer = own_answer;
    entry->used = ++cache->clock;
}
