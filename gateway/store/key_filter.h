/* Which days may hold a key? A Bloom filter for up to 64 days at once: one bit of each word per day, so that
 * three look-ups in memory answer for all key tables together. It may say "perhaps" wrongly, never "no". */
#ifndef FEP_KEY_FILTER_H
#define FEP_KEY_FILTER_H

#include <stddef.h>
#include <stdint.h>

struct key_filter {
    uint64_t *words;
    size_t room;       /* a power of two */
    size_t counts[64]; /* keys added per slot */
};

/* 0, or negative without memory. Begins with 1 MiB. */
int key_filter_init(struct key_filter *filter);
void key_filter_finish(struct key_filter *filter);
/* Grows with the fullest slot up to 16 MiB; without memory for that it stays as it is and says "perhaps" more
 * often. */
void key_filter_add(struct key_filter *filter, uint64_t hash, unsigned slot);
/* A bit for each slot that may hold the key. */
uint64_t key_filter_find(const struct key_filter *filter, uint64_t hash);
void key_filter_clear(struct key_filter *filter, unsigned slot);

#endif
