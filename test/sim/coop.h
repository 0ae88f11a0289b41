/* The store's threads as coroutines under virtual time. The linker hands the store's calls of pthread_create,
 * pthread_join, pthread_cond_wait, pthread_cond_timedwait, pthread_cond_signal, clock_gettime, usleep and getrandom to
 * coop.c (meson.build): a thread runs until it waits, and goes on when what it waits for was signalled or its time has
 * come. So the store's own code runs as it is, in one real thread, the same for the same seed. */
#ifndef SIM_COOP_H
#define SIM_COOP_H

#include <stdbool.h>
#include <stdint.h>

enum { COOP_GROUPS = 8 }; /* one for each gateway's store */

/* From now on calls belong to this group, whose clocks show these times (the monotonic one never goes back). */
void coop_enter(unsigned group, int64_t now_ms, int64_t wall_ms);
unsigned coop_group(void);
/* A new world: the group's clocks begin anew. None of its threads may be left. */
void coop_reset(unsigned group);
/* Runs the group's threads until none can go on at this time. */
void coop_run(void);
/* Lets so much time pass for the group, and runs it. */
void coop_pass(int64_t ms);
/* A thread that would sleep for a moment (SQLite's busy handler): the others go on first. */
void coop_yield(void);
/* Random bytes from now on follow from this. */
void coop_seed(uint64_t seed);
uint64_t coop_random(void);
/* Real milliseconds, for measuring. */
int64_t coop_real_ms(void);

#endif
