/* Objects of one size, kept for reuse. What a step may need is reserved before the step begins, so that taking never
 * fails half-way through it. */
#ifndef FEP_POOL_H
#define FEP_POOL_H

#include <stddef.h>

struct pool {
    size_t size;
    size_t free_count, keep; /* more than `keep` free ones go back to the system */
    void *free;
};

void pool_init(struct pool *pool, size_t size, size_t keep);
void pool_finish(struct pool *pool);
int pool_reserve(struct pool *pool, size_t count); /* at least this many free: 0, or negative without memory */
void *pool_take(struct pool *pool);                /* zeroed; must have been reserved, or returns NULL without memory */
void pool_give(struct pool *pool, void *object);

#endif
