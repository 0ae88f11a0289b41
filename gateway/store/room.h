/* Room on disk for outcomes and reversals (rule 15): a preallocated ballast file that is given up when the
 * disk is full, and a look at the free space once a second. The writer's thread; room_has is for any thread.
 */
#ifndef FEP_ROOM_H
#define FEP_ROOM_H

#include <stdatomic.h>
#include <stdint.h>
#include "database.h"

struct room {
    char file[STORE_PATH_SIZE]; /* the ballast */
    char directory[STORE_PATH_SIZE];
    uint64_t ballast_bytes, min_free_bytes;
    uint64_t free_bytes; /* as of the last look */
    int ballast_held;
    int64_t full_since_ms, looked_ms;
    atomic_int has;
};

/* Makes the ballast if there is space for it; without space the store opens and takes nothing new. Negative
 * if a path is too long. */
int room_open(struct room *room, const char *directory, uint64_t ballast_bytes, uint64_t min_free_bytes);
/* Looks again if a second has passed, and makes the ballast anew when there is space. Returns 1 if `has`
 * changed. */
int room_look(struct room *room, int64_t now_ms);
/* The disk is full: gives the ballast up. Returns 1 if there was one to give. */
int room_release(struct room *room, int64_t now_ms);

#endif
