/* A timer fired: what is due is found out by looking, so a timer that is too early or too late does no
 * harm. */
#include "internal.h"

void
on_tick(struct core *core)
{
    struct timer_node *node;
    while ((node = timer_heap_first(&core->timers)) != NULL && node->due_ms <= core->now_ms) {
        struct timed *timed = list_owner(node, struct timed, node);
        if (timed->query != NULL && core_reserve(core) != 0)
            return; /* the next tick comes at once */
        (void)timer_heap_set(&core->timers, node, NEVER);
        if (timed->exchange != NULL)
            exchange_work(core, timed->exchange);
        else
            query_expired(core, timed->query);
    }
}
