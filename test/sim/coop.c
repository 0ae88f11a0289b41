/* See coop.h. Must never let two of the store's threads run at once, and never wait in real time. A wait that
 * nothing can end is a fault of the store or of this file, and ends the process. */
#include "coop.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { THREADS = 64, STACK_BYTES = 256 << 10, MOST_ROUNDS = 50000 };

struct coop {
    ucontext_t context;
    char *stack; /* kept for the next one */
    void *(*run)(void *arg);
    void *arg;
    unsigned group;
    bool used, done, ready;
    const pthread_cond_t *waits_for; /* NULL: for the time alone */
    int64_t deadline_ms;
};

static struct coop threads[THREADS];
static struct coop *current; /* NULL: the simulator itself */
static ucontext_t simulator;
static unsigned group;
static struct {
    int64_t now_ms, wall_ms;
} clocks[COOP_GROUPS];
static uint64_t random_state;

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_usleep(useconds_t microseconds);
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags);

int64_t
coop_real_ms(void)
{
    struct timespec now;
    if (__real_clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
coop_seed(uint64_t seed)
{
    random_state = seed;
}

uint64_t
coop_random(void)
{
    uint64_t value = (random_state += 0x9E3779B97F4A7C15ull);
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ull;
    value = (value ^ value >> 27) * 0x94D049BB133111EBull;
    return value ^ value >> 31;
}

void
coop_enter(unsigned entered, int64_t now_ms, int64_t wall_ms)
{
    group = entered;
    if (now_ms > clocks[group].now_ms)
        clocks[group].now_ms = now_ms;
    clocks[group].wall_ms = wall_ms;
}

void
coop_reset(unsigned which)
{
    clocks[which].now_ms = 0;
}

unsigned
coop_group(void)
{
    return group;
}

static void
begin(void)
{
    struct coop *self = current;
    (void)self->run(self->arg);
    self->done = true;
    (void)swapcontext(&self->context, &simulator);
    abort();
}

static bool
can_go_on(const struct coop *thread)
{
    return thread->used && !thread->done && thread->group == group &&
           (thread->ready || thread->deadline_ms <= clocks[group].now_ms);
}

/* One round: everybody who can. Returns whether anybody could. */
static bool
run_round(void)
{
    bool any = false;
    for (struct coop *thread = threads; thread < threads + THREADS; thread++) {
        if (!can_go_on(thread))
            continue;
        any = true;
        thread->ready = false;
        current = thread;
        if (swapcontext(&simulator, &thread->context) != 0)
            abort();
        current = NULL;
    }
    return any;
}

void
coop_run(void)
{
    for (int rounds = 0; run_round(); rounds++)
        if (rounds == MOST_ROUNDS) {
            fprintf(stderr, "the store's threads do not come to rest\n");
            abort();
        }
}

void
coop_pass(int64_t ms)
{
    clocks[group].now_ms += ms;
    coop_run();
}

/* The simulator waits for a thread: the others run, and time passes if they all wait for it. */
static void
wait_in_simulator(void)
{
    if (run_round())
        return;
    int64_t earliest = INT64_MAX;
    for (const struct coop *thread = threads; thread < threads + THREADS; thread++)
        if (thread->used && !thread->done && thread->group == group && thread->deadline_ms < earliest)
            earliest = thread->deadline_ms;
    if (earliest == INT64_MAX) {
        fprintf(stderr, "the store waits for what never comes\n");
        abort();
    }
    clocks[group].now_ms = earliest;
}

static void
wait_in_thread(const pthread_cond_t *condition, int64_t deadline_ms)
{
    struct coop *self = current;
    self->waits_for = condition;
    self->deadline_ms = deadline_ms;
    if (swapcontext(&self->context, &simulator) != 0)
        abort();
}

void
coop_yield(void)
{
    if (current == NULL) {
        (void)run_round();
        return;
    }
    current->ready = true;
    wait_in_thread(NULL, INT64_MAX);
}

static void
make_ready(struct coop *thread)
{
    if (thread->stack == NULL)
        thread->stack = malloc(STACK_BYTES);
    if (thread->stack == NULL || getcontext(&thread->context) != 0)
        abort();
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = STACK_BYTES;
    thread->context.uc_link = NULL;
    makecontext(&thread->context, begin, 0);
}

int
__wrap_pthread_create(pthread_t *handle, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    (void)attributes;
    for (size_t i = 0; i < THREADS; i++) {
        if (threads[i].used)
            continue;
        threads[i] = (struct coop){.stack = threads[i].stack,
                                   .run = run,
                                   .arg = arg,
                                   .group = group,
                                   .used = true,
                                   .ready = true,
                                   .deadline_ms = INT64_MAX};
        make_ready(&threads[i]);
        *handle = (pthread_t)i;
        return 0;
    }
    abort();
}

int
__wrap_pthread_join(pthread_t handle, void **result)
{
    struct coop *thread = &threads[handle];
    (void)result;
    if (current != NULL)
        abort();
    while (!thread->done)
        wait_in_simulator();
    thread->used = false;
    return 0;
}

int
__wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
    if (current != NULL)
        wait_in_thread(condition, INT64_MAX);
    else
        wait_in_simulator();
    return pthread_mutex_lock(mutex);
}

int
__wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    pthread_mutex_unlock(mutex);
    if (current == NULL)
        abort(); /* the simulator never waits for a time */
    wait_in_thread(condition, (int64_t)until->tv_sec * 1000 + until->tv_nsec / 1000000);
    return pthread_mutex_lock(mutex);
}

int
__wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    for (struct coop *thread = threads; thread < threads + THREADS; thread++)
        if (thread->used && thread->waits_for == condition)
            thread->ready = true;
    return 0;
}

int
__wrap_usleep(useconds_t microseconds)
{
    if (current != NULL)
        wait_in_thread(NULL, clocks[group].now_ms + microseconds / 1000);
    return 0;
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    int64_t ms = id == CLOCK_MONOTONIC ? clocks[group].now_ms : clocks[group].wall_ms;
    *now = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return 0;
}

ssize_t
__wrap_getrandom(void *data, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t value = coop_random();
        memcpy((char *)data + at, &value, size - at < sizeof value ? size - at : sizeof value);
    }
    return (ssize_t)size;
}
