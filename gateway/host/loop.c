/* One turn after another: wait, descriptors, posted work, timers. Must never wait longer than the next timer
 * allows and never lose a posted piece of work. Fails only at its beginning; later failures of the system
 * calls it makes are mistakes of this program and end it. */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"

enum { EVENTS_PER_TURN = 64, MAX_POSTED = 65536 };

struct fep_watch {
    int fd;
    bool removed;
    void (*fn)(void *arg, uint32_t events);
    void *arg;
    struct fep_watch *next, *previous;
};

struct posted {
    void (*fn)(void *arg);
    void *arg;
    struct posted *next;
};

int
loop_init(struct loop *loop, const struct clock *clock, struct fep_error *error)
{
    memset(loop, 0, sizeof *loop);
    loop->clock = clock;
    loop->last = &loop->first;
    timer_heap_init(&loop->timers);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0 ||
        pthread_mutex_init(&loop->lock, NULL) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "cannot create the event loop: %s", strerror(errno));
        if (loop->epoll_fd >= 0)
            close(loop->epoll_fd);
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        return -1;
    }
    return 0;
}

static void
free_removed(struct loop *loop)
{
    while (loop->removed != NULL) {
        struct fep_watch *watch = loop->removed;
        loop->removed = watch->next;
        free(watch);
    }
}

void
loop_finish(struct loop *loop)
{
    while (loop->watches != NULL)
        loop_unwatch(loop, loop->watches);
    free_removed(loop);
    while (loop->first != NULL) {
        struct posted *posted = loop->first;
        loop->first = posted->next;
        free(posted);
    }
    timer_heap_finish(&loop->timers);
    pthread_mutex_destroy(&loop->lock);
    close(loop->epoll_fd);
    close(loop->wake_fd);
}

static uint32_t
epoll_events(uint32_t events)
{
    return ((events & FEP_READABLE) != 0 ? (uint32_t)EPOLLIN : 0u) |
           ((events & FEP_WRITABLE) != 0 ? (uint32_t)EPOLLOUT : 0u);
}

struct fep_watch *
loop_watch(struct loop *loop, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg)
{
    struct fep_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->fd = fd;
    watch->fn = fn;
    watch->arg = arg;
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(watch);
        return NULL;
    }
    watch->next = loop->watches;
    if (watch->next != NULL)
        watch->next->previous = watch;
    loop->watches = watch;
    return watch;
}

void
loop_change_watch(struct loop *loop, struct fep_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0)
        abort(); /* the watch is not what it says it is */
}

void
loop_unwatch(struct loop *loop, struct fep_watch *watch)
{
    if (watch == NULL)
        return;
    assert(!watch->removed);
    /* The owner may have closed the descriptor before; then the kernel has forgotten it already. */
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else
        loop->watches = watch->next;
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    watch->removed = true;
    watch->next = loop->removed;
    loop->removed = watch;
}

int
loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t after_ms)
{
    return timer_heap_set(&loop->timers, &timer->node, loop_now(loop) + (after_ms > 0 ? after_ms : 0));
}

void
loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    timer_heap_clear(&loop->timers, &timer->node);
}

int
loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct posted *posted = malloc(sizeof *posted);
    if (posted == NULL)
        return -1;
    *posted = (struct posted){.fn = fn, .arg = arg};
    pthread_mutex_lock(&loop->lock);
    bool full = loop->posted_count >= MAX_POSTED;
    if (!full) {
        *loop->last = posted;
        loop->last = &posted->next;
        loop->posted_count++;
    }
    pthread_mutex_unlock(&loop->lock);
    if (full) {
        free(posted);
        return -1;
    }
    uint64_t one = 1;
    /* A full counter means that the loop has been woken often enough. */
    if (write(loop->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort();
    return 0;
}

static void
run_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct posted *list = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->posted_count = 0;
    pthread_mutex_unlock(&loop->lock);
    while (list != NULL) {
        struct posted *posted = list;
        list = posted->next;
        posted->fn(posted->arg);
        free(posted);
    }
}

static void
run_timers(struct loop *loop)
{
    int64_t now = loop_now(loop);
    struct timer_node *node;
    while ((node = timer_heap_first(&loop->timers)) != NULL && node->due_ms <= now) {
        struct loop_timer *timer = (struct loop_timer *)node;
        timer_heap_clear(&loop->timers, node);
        timer->fn(timer->arg);
    }
}

static int
wait_time(const struct loop *loop, int max_wait_ms)
{
    const struct timer_node *node = timer_heap_first(&loop->timers);
    if (node == NULL)
        return max_wait_ms;
    int64_t left = node->due_ms - loop_now(loop);
    if (left <= 0)
        return 0;
    return left < max_wait_ms ? (int)left : max_wait_ms;
}

void
loop_turn(struct loop *loop, int max_wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_time(loop, max_wait_ms));
    if (count < 0 && errno != EINTR)
        abort();
    for (int i = 0; i < count; i++) {
        struct fep_watch *watch = events[i].data.ptr;
        if (watch == NULL) {
            uint64_t woken;
            (void)!read(loop->wake_fd, &woken, sizeof woken);
            run_posted(loop);
            continue;
        }
        if (watch->removed)
            continue;
        uint32_t seen = events[i].events;
        /* A hang-up or an error is found by whoever reads or writes next, so it counts as both. */
        bool broken = (seen & (EPOLLERR | EPOLLHUP)) != 0;
        watch->fn(watch->arg, ((seen & EPOLLIN) != 0 || broken ? (uint32_t)FEP_READABLE : 0u) |
                                  ((seen & EPOLLOUT) != 0 || broken ? (uint32_t)FEP_WRITABLE : 0u));
    }
    run_timers(loop);
    free_removed(loop);
}
