/* What will happen, in the order in which it will: a binary heap by time, then by the order of planning. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static bool
is_before(const struct happening *a, const struct happening *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void
exchange_places(struct agenda *agenda, size_t a, size_t b)
{
    struct happening kept = agenda->heap[a];
    agenda->heap[a] = agenda->heap[b];
    agenda->heap[b] = kept;
}

struct happening *
agenda_add(struct agenda *agenda, int64_t due_ms)
{
    if (agenda->count == agenda->room) {
        size_t room = agenda->room * 2 + 64;
        struct happening *heap = realloc(agenda->heap, room * sizeof *heap);
        if (heap == NULL)
            abort();
        agenda->heap = heap;
        agenda->room = room;
    }
    struct happening *happening = &agenda->heap[agenda->count++];
    *happening = (struct happening){.due_ms = due_ms, .order = agenda->planned++};
    return happening;
}

void
agenda_sift(struct agenda *agenda)
{
    for (size_t at = agenda->count - 1; at > 0; at = (at - 1) / 2) {
        if (!is_before(&agenda->heap[at], &agenda->heap[(at - 1) / 2]))
            return;
        exchange_places(agenda, at, (at - 1) / 2);
    }
}

const struct happening *
agenda_first(const struct agenda *agenda)
{
    return agenda->count != 0 ? &agenda->heap[0] : NULL;
}

struct happening
agenda_take(struct agenda *agenda)
{
    struct happening first = agenda->heap[0];
    agenda->heap[0] = agenda->heap[--agenda->count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2; child++)
            if (child < agenda->count && is_before(&agenda->heap[child], &agenda->heap[least]))
                least = child;
        if (least == at)
            return first;
        exchange_places(agenda, at, least);
        at = least;
    }
}

void
happening_release(struct happening *happening)
{
    if (happening->event != NULL)
        slice_release(&happening->event->body);
    free(happening->event);
    free(happening->call);
    free(happening->outcome);
}

void
agenda_finish(struct agenda *agenda)
{
    for (size_t i = 0; i < agenda->count; i++)
        happening_release(&agenda->heap[i]);
    agenda->count = 0;
}
