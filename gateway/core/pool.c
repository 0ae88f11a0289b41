/* Free lists of the core. Must never hand out what was not cleared. Fails only where memory does, and then
 * before a step changed anything (pool_reserve). */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

void
pool_init(struct pool *pool, size_t size, size_t keep)
{
    *pool = (struct pool){.size = size < sizeof(void *) ? sizeof(void *) : size, .keep = keep};
}

static void *
pop(struct pool *pool)
{
    void *object = pool->free;
    memcpy(&pool->free, object, sizeof pool->free);
    pool->free_count--;
    return object;
}

static void
push(struct pool *pool, void *object)
{
    memcpy(object, &pool->free, sizeof pool->free);
    pool->free = object;
    pool->free_count++;
}

void
pool_finish(struct pool *pool)
{
    while (pool->free_count > 0)
        free(pop(pool));
}

int
pool_reserve(struct pool *pool, size_t count)
{
    while (pool->free_count < count) {
        void *object = malloc(pool->size);
        if (object == NULL)
            return -1;
        push(pool, object);
    }
    return 0;
}

void *
pool_take(struct pool *pool)
{
    if (pool_reserve(pool, 1) != 0)
        return NULL;
    void *object = pop(pool);
    memset(object, 0, pool->size);
    return object;
}

void
pool_give(struct pool *pool, void *object)
{
    if (pool->free_count >= pool->keep)
        free(object);
    else
        push(pool, object);
}
