/* The host's loop: descriptors, timers and work posted from other threads, all on one thread.
 *
 * Callbacks may add and remove watches and timers, their own included. Time is the clock's monotonic ms. */
#ifndef FEP_LOOP_H
#define FEP_LOOP_H

#include <pthread.h>

#include <fep/adapter.h>
#include "clock.h"
#include "timer_heap.h"

/* A timer that lives in what it times. One shot; may be set again from its own callback. */
struct loop_timer {
    struct timer_node node; /* first: the heap hands out nodes */
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    const struct clock *clock;
    int epoll_fd, wake_fd;
    struct timer_heap timers;
    struct fep_watch *watches; /* all, doubly linked */
    struct fep_watch *removed; /* freed at the end of the turn: events of this turn may still point at them */
    pthread_mutex_t lock;      /* guards the posted list */
    struct posted *first, **last;
    size_t posted_count;
};

/* 0, or negative with the error filled (descriptors exhausted). */
int loop_init(struct loop *loop, const struct clock *clock, struct fep_error *error);
void loop_finish(struct loop *loop);

static inline int64_t
loop_now(const struct loop *loop)
{
    return clock_monotonic_ms(loop->clock);
}

/* NULL: no memory, or the descriptor can not be watched. */
struct fep_watch *loop_watch(struct loop *loop, int fd, uint32_t events,
                             void (*fn)(void *arg, uint32_t events), void *arg);
void loop_change_watch(struct loop *loop, struct fep_watch *watch, uint32_t events);
void loop_unwatch(struct loop *loop, struct fep_watch *watch);

/* Sets or moves. Negative without memory: the timer is not set. */
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t after_ms);
void loop_clear_timer(struct loop *loop, struct loop_timer *timer);

/* From any thread: fn runs on the loop's thread in its next turn. Negative without memory or at the bound. */
int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);

/* One turn: waits at most max_wait_ms (0: not at all) for an event or the next timer, then runs what is due.
 */
void loop_turn(struct loop *loop, int max_wait_ms);

#endif
