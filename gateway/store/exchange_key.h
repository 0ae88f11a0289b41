/* What names an exchange at one gateway (rule 1): origin, msgid and role, in one comparable piece of memory. Transit
 * and destination count as one role: a copy that routes would now take another way must find what its first coming
 * left. */
#ifndef FEP_EXCHANGE_KEY_H
#define FEP_EXCHANGE_KEY_H

#include <stdbool.h>
#include <string.h>
#include "exchange_record.h"

struct exchange_key { /* every byte after the NUL is zero, so that equal keys are equal bytes */
    char origin[NODE_SIZE];
    char msgid[MSGID_SIZE];
    uint8_t role;
};
_Static_assert(sizeof(struct exchange_key) == 48, "hashed as six words, without padding");

static inline struct exchange_key
exchange_key_make(const struct message_key *key, uint8_t role)
{
    struct exchange_key made = {.role = role == ROLE_ORIGIN ? ROLE_ORIGIN : ROLE_TRANSIT};
    memcpy(made.origin, key->origin, strnlen(key->origin, NODE_SIZE - 1));
    memcpy(made.msgid, key->msgid, strnlen(key->msgid, MSGID_SIZE - 1));
    return made;
}

static inline struct exchange_key
exchange_key_of(const struct exchange_record *record)
{
    return exchange_key_make(&record->header.key, record->role);
}

static inline bool
exchange_key_equal(const struct exchange_key *a, const struct exchange_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Depends on `seed`, which differs from process to process: never stored, and nobody outside can choose
 * msgids that collide. */
static inline uint64_t
exchange_key_hash(const struct exchange_key *key, uint64_t seed)
{
    uint64_t words[6], hash = seed;
    memcpy(words, key, sizeof words);
    for (int i = 0; i < 6; i += 2) {
        unsigned __int128 product = (unsigned __int128)(words[i] ^ hash ^ 0x9E3779B97F4A7C15ull) *
                                    (words[i + 1] ^ (seed >> 7) ^ 0xD6E8FEB86659FD93ull);
        hash ^= (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    hash *= 0xFF51AFD7ED558CCDull;
    return hash ^ (hash >> 32);
}

#endif
