/* A binary heap of deadlines whose nodes live in what they time. Must never allocate when a deadline is moved
 * or cleared, so that giving up a deadline cannot fail. Grows only by what its owner puts in; fails only for
 * memory. */
#include "timer_heap.h"

#include <assert.h>
#include <stdlib.h>

void
timer_heap_init(struct timer_heap *heap)
{
    heap->nodes = NULL;
    heap->count = 0;
    heap->room = 0;
}

void
timer_heap_finish(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->nodes[i]->place = 0;
    free(heap->nodes);
    timer_heap_init(heap);
}

static void
put_node(struct timer_heap *heap, struct timer_node *node, size_t place)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static void
sift_up(struct timer_heap *heap, struct timer_node *node)
{
    size_t place = node->place;
    while (place > 1) {
        struct timer_node *parent = heap->nodes[place / 2 - 1];
        if (parent->due_ms <= node->due_ms)
            break;
        put_node(heap, parent, place);
        place /= 2;
    }
    put_node(heap, node, place);
}

static void
sift_down(struct timer_heap *heap, struct timer_node *node)
{
    size_t place = node->place;
    for (;;) {
        size_t child = place * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && heap->nodes[child]->due_ms < heap->nodes[child - 1]->due_ms)
            child++;
        if (heap->nodes[child - 1]->due_ms >= node->due_ms)
            break;
        put_node(heap, heap->nodes[child - 1], place);
        place = child;
    }
    put_node(heap, node, place);
}

static int
make_room(struct timer_heap *heap)
{
    if (heap->count < heap->room)
        return 0;
    size_t room = heap->room ? heap->room * 2 : 64;
    struct timer_node **nodes = reallocarray(heap->nodes, room, sizeof(struct timer_node *));
    if (!nodes)
        return -1;
    heap->nodes = nodes;
    heap->room = room;
    return 0;
}

int
timer_heap_set(struct timer_heap *heap, struct timer_node *node, int64_t due_ms)
{
    if (node->place == 0) {
        if (make_room(heap) < 0)
            return -1;
        node->due_ms = due_ms;
        heap->count++;
        put_node(heap, node, heap->count);
        sift_up(heap, node);
        return 0;
    }
    assert(node->place <= heap->count && heap->nodes[node->place - 1] == node);
    node->due_ms = due_ms;
    sift_up(heap, node);
    sift_down(heap, node);
    return 0;
}

void
timer_heap_clear(struct timer_heap *heap, struct timer_node *node)
{
    if (node->place == 0)
        return;
    assert(node->place <= heap->count && heap->nodes[node->place - 1] == node);
    struct timer_node *last = heap->nodes[heap->count - 1];
    size_t place = node->place;
    heap->count--;
    node->place = 0;
    if (last == node)
        return;
    put_node(heap, last, place);
    sift_up(heap, last);
    sift_down(heap, last);
}

struct timer_node *
timer_heap_first(const struct timer_heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}
