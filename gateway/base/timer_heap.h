/* Deadlines: a binary heap of intrusive nodes. One thread. Times in ms of whatever clock the owner uses. */
#ifndef FEP_TIMER_HEAP_H
#define FEP_TIMER_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct timer_node {
    int64_t due_ms;
    size_t place; /* 1-based position in the heap; 0 = not in it */
};
struct timer_heap {
    struct timer_node **nodes;
    size_t count, room;
};

void timer_heap_init(struct timer_heap *heap);
void timer_heap_finish(struct timer_heap *heap);
/* Inserts, or moves to a new time. 0, or negative without memory (only when it was not in the heap). */
int timer_heap_set(struct timer_heap *heap, struct timer_node *node, int64_t due_ms);
void timer_heap_clear(struct timer_heap *heap, struct timer_node *node); /* harmless if not in it */
/* The earliest, or NULL. */
struct timer_node *timer_heap_first(const struct timer_heap *heap);

#endif
