/* The keys of all exchanges that stand in queue.db, in memory: what the writer looks up for each write.
 * Rebuilt from the table at opening; the table is small, because closed exchanges move on. The writer's
 * thread only. */
#ifndef FEP_QUEUE_MAP_H
#define FEP_QUEUE_MAP_H

#include <stddef.h>
#include <stdint.h>
#include "exchange_key.h"

struct queued { /* one exchange in the queue */
    struct exchange_key key;
    int64_t id;        /* row; 0 = this place is free */
    int64_t answer_id; /* its answer in table body, 0 = none */
    int64_t closed;    /* its number in table closed, 0 = open */
};

struct queue_map {
    struct queued *places;
    size_t room, count; /* room is a power of two */
    uint64_t seed;
};

void queue_map_init(struct queue_map *map, uint64_t seed);
void queue_map_finish(struct queue_map *map);
void queue_map_clear(struct queue_map *map);
/* NULL if not there. Valid until the next add or remove. */
struct queued *queue_map_find(const struct queue_map *map, const struct exchange_key *key);
/* Adds a key that is not there; NULL without memory. Valid until the next add or remove. */
struct queued *queue_map_add(struct queue_map *map, const struct exchange_key *key, int64_t id);
void queue_map_remove(struct queue_map *map, const struct exchange_key *key); /* harmless if not there */

#endif
