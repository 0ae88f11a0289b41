/* Memory that is freed all at once: what a mapping file says, and what one translation makes on its way. */
#ifndef FEP_ARENA_H
#define FEP_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
};

/* Zeroed and aligned for anything. NULL without memory. */
void *arena_take(struct arena *arena, size_t size);
/* A NUL-terminated copy. */
char *arena_text(struct arena *arena, const char *text, size_t size);
void arena_free(struct arena *arena);

#endif
