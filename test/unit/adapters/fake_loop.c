/* The fake host's loop: real sockets and real time, to which a test may add. */
#include "fake_parts.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

struct fep_watch {
    int fd;
    uint32_t events;
    void (*fn)(void *arg, uint32_t events);
    void *arg;
    struct fep_watch *next;
    bool gone;
};

struct fep_timer {
    int64_t due;
    void (*fn)(void *arg);
    void *arg;
    struct fep_timer *next;
};

static int64_t
real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
read_monotonic_ms(void *host)
{
    return real_ms() + fake_state_of(host)->clock_offset;
}

static struct fep_watch *
watch_descriptor(void *host, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg)
{
    struct fake_state *state = fake_state_of(host);
    struct fep_watch *watch = calloc(1, sizeof *watch);
    *watch = (struct fep_watch){.fd = fd, .events = events, .fn = fn, .arg = arg, .next = state->watches};
    state->watches = watch;
    return watch;
}

static void
change_watch(void *host, struct fep_watch *watch, uint32_t events)
{
    (void)host;
    assert(!watch->gone);
    watch->events = events;
}

static void
unwatch(void *host, struct fep_watch *watch)
{
    (void)host;
    if (watch == NULL)
        return;
    assert(!watch->gone);
    watch->gone = true;
}

static struct fep_timer *
set_timer(void *host, int64_t after_ms, void (*fn)(void *arg), void *arg)
{
    struct fake_state *state = fake_state_of(host);
    struct fep_timer *timer = calloc(1, sizeof *timer);
    *timer = (struct fep_timer){read_monotonic_ms(host) + after_ms, fn, arg, state->timers};
    state->timers = timer;
    return timer;
}

static void
clear_timer(void *host, struct fep_timer *timer)
{
    if (timer == NULL)
        return;
    for (struct fep_timer **at = &fake_state_of(host)->timers; *at != NULL; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            free(timer);
            return;
        }
    }
    abort(); /* cleared after it fired */
}

void
fake_sweep_watches(struct fake_state *state)
{
    for (struct fep_watch **at = &state->watches; *at != NULL;) {
        struct fep_watch *watch = *at;
        if (watch->gone) {
            *at = watch->next;
            free(watch);
        } else {
            at = &watch->next;
        }
    }
}

static void
run_timers(struct fake_host *fake)
{
    for (;;) {
        struct fep_timer **first = NULL;
        for (struct fep_timer **at = &fake->state->timers; *at != NULL; at = &(*at)->next) {
            if ((*at)->due <= read_monotonic_ms(fake) && (first == NULL || (*at)->due < (*first)->due))
                first = at;
        }
        if (first == NULL)
            return;
        struct fep_timer *timer = *first;
        *first = timer->next;
        void (*fn)(void *arg) = timer->fn;
        void *arg = timer->arg;
        free(timer);
        fn(arg);
    }
}

static void
turn(struct fake_host *fake, int wait_ms)
{
    struct pollfd polled[MAX_WATCHES];
    struct fep_watch *watched[MAX_WATCHES];
    nfds_t count = 0;
    fake_sweep_watches(fake->state);
    for (struct fep_watch *watch = fake->state->watches; watch != NULL; watch = watch->next) {
        short events = (short)(((watch->events & FEP_READABLE) != 0 ? POLLIN : 0) |
                               ((watch->events & FEP_WRITABLE) != 0 ? POLLOUT : 0));
        assert(count < MAX_WATCHES);
        polled[count] = (struct pollfd){.fd = watch->fd, .events = events};
        watched[count++] = watch;
    }
    if (poll(polled, count, wait_ms) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            uint32_t events = ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? FEP_READABLE : 0u) |
                              ((polled[i].revents & POLLOUT) != 0 ? FEP_WRITABLE : 0u);
            if (!watched[i]->gone && (events & watched[i]->events) != 0)
                watched[i]->fn(watched[i]->arg, events & watched[i]->events);
        }
    }
    run_timers(fake);
}

bool
fake_run_until(struct fake_host *fake, bool (*fn)(void *arg), void *arg)
{
    int64_t end = real_ms() + 5000;
    while (!fn(arg)) {
        if (real_ms() > end)
            return false;
        turn(fake, 2);
    }
    return true;
}

void
fake_run_ms(struct fake_host *fake, int ms)
{
    for (int64_t end = real_ms() + ms; real_ms() < end;)
        turn(fake, 2);
}

void
fake_advance(struct fake_host *fake, int64_t ms)
{
    fake->state->clock_offset += ms;
}

size_t
fake_open_watches(const struct fake_host *fake)
{
    size_t count = 0;
    for (const struct fep_watch *watch = fake->state->watches; watch != NULL; watch = watch->next)
        count += !watch->gone;
    return count;
}

void
fake_offer_loop(struct fep_host *host)
{
    host->watch_descriptor = watch_descriptor;
    host->change_watch = change_watch;
    host->unwatch = unwatch;
    host->set_timer = set_timer;
    host->clear_timer = clear_timer;
    host->read_monotonic_ms = read_monotonic_ms;
}
