/* An open-addressing table from key to row. Must never hold a key twice. Fails only for want of memory. */
#include "queue_map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_ROOM 1024

void
queue_map_init(struct queue_map *map, uint64_t seed)
{
    *map = (struct queue_map){.seed = seed};
}

void
queue_map_finish(struct queue_map *map)
{
    free(map->places);
    map->places = NULL;
    map->room = map->count = 0;
}

void
queue_map_clear(struct queue_map *map)
{
    if (map->places)
        memset(map->places, 0, map->room * sizeof *map->places);
    map->count = 0;
}

static size_t
home_of(const struct queue_map *map, const struct exchange_key *key)
{
    return exchange_key_hash(key, map->seed) & (map->room - 1);
}

/* The place of the key, or the free place where it would stand. */
static struct queued *
probe(const struct queue_map *map, const struct exchange_key *key)
{
    size_t at = home_of(map, key);
    while (map->places[at].id != 0 && !exchange_key_equal(&map->places[at].key, key))
        at = (at + 1) & (map->room - 1);
    return &map->places[at];
}

struct queued *
queue_map_find(const struct queue_map *map, const struct exchange_key *key)
{
    if (map->count == 0)
        return NULL;
    struct queued *place = probe(map, key);
    return place->id != 0 ? place : NULL;
}

static int
grow(struct queue_map *map)
{
    struct queue_map larger = {
        .seed = map->seed, .room = map->room ? map->room * 2 : FIRST_ROOM, .count = map->count};
    larger.places = calloc(larger.room, sizeof *larger.places);
    if (!larger.places)
        return -1;
    for (size_t i = 0; i < map->room; i++)
        if (map->places[i].id != 0)
            *probe(&larger, &map->places[i].key) = map->places[i];
    free(map->places);
    *map = larger;
    return 0;
}

struct queued *
queue_map_add(struct queue_map *map, const struct exchange_key *key, int64_t id)
{
    if ((map->count + 1) * 3 > map->room * 2 && grow(map) < 0)
        return NULL;
    struct queued *place = probe(map, key);
    assert(place->id == 0 && id != 0);
    *place = (struct queued){.key = *key, .id = id};
    map->count++;
    return place;
}

/* Those behind the freed place move up, so that no search ends too early. */
void
queue_map_remove(struct queue_map *map, const struct exchange_key *key)
{
    struct queued *place = queue_map_find(map, key);
    if (!place)
        return;
    size_t mask = map->room - 1, hole = (size_t)(place - map->places);
    for (size_t at = (hole + 1) & mask; map->places[at].id != 0; at = (at + 1) & mask) {
        size_t home = home_of(map, &map->places[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->places[hole] = map->places[at];
            hole = at;
        }
    }
    map->places[hole] = (struct queued){0};
    map->count--;
}
