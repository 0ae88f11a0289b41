/* An intrusive hash table: links live in what they find. Adding never fails, since a table that can not grow only
 * gets slower. The owner computes hashes and compares keys. */
#ifndef FEP_TABLE_H
#define FEP_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_link {
    struct table_link *next;
    uint64_t hash;
    uint8_t in_table;
};
struct table {
    struct table_link **buckets;
    size_t room; /* a power of two */
    size_t count;
};

int table_init(struct table *table); /* 0, or negative without memory */
void table_finish(struct table *table);
void table_add(struct table *table, struct table_link *link, uint64_t hash);
void table_remove(struct table *table, struct table_link *link); /* harmless if not in it */
/* The first link with this hash, then the next ones; NULL at the end. */
struct table_link *table_find(const struct table *table, uint64_t hash);
struct table_link *table_find_next(const struct table_link *link);
/* Calls fn for each link until it returns non-zero; fn must not change the table. */
void table_each(const struct table *table, int (*fn)(void *arg, struct table_link *link), void *arg);

#endif
