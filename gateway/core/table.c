/* The hash table of the core. Must never fail after table_init: a table that can not grow keeps longer
 * chains. */
#include "table.h"

#include <stdlib.h>

enum { FIRST_ROOM = 256 };

int
table_init(struct table *table)
{
    table->buckets = calloc(FIRST_ROOM, sizeof(struct table_link *));
    table->room = table->buckets != NULL ? FIRST_ROOM : 0;
    table->count = 0;
    return table->buckets != NULL ? 0 : -1;
}

void
table_finish(struct table *table)
{
    free(table->buckets);
    *table = (struct table){0};
}

static void
grow(struct table *table)
{
    size_t room = table->room * 2;
    struct table_link **buckets = calloc(room, sizeof(struct table_link *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < table->room; i++) {
        struct table_link *link = table->buckets[i];
        while (link != NULL) {
            struct table_link *next = link->next;
            struct table_link **bucket = &buckets[link->hash & (room - 1)];
            link->next = *bucket;
            *bucket = link;
            link = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->room = room;
}

void
table_add(struct table *table, struct table_link *link, uint64_t hash)
{
    if (table->count >= table->room)
        grow(table);
    struct table_link **bucket = &table->buckets[hash & (table->room - 1)];
    link->hash = hash;
    link->next = *bucket;
    link->in_table = 1;
    *bucket = link;
    table->count++;
}

void
table_remove(struct table *table, struct table_link *link)
{
    if (!link->in_table)
        return;
    struct table_link **at = &table->buckets[link->hash & (table->room - 1)];
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->next = NULL;
    link->in_table = 0;
    table->count--;
}

static struct table_link *
same_hash(struct table_link *link, uint64_t hash)
{
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct table_link *
table_find(const struct table *table, uint64_t hash)
{
    return same_hash(table->buckets[hash & (table->room - 1)], hash);
}

struct table_link *
table_find_next(const struct table_link *link)
{
    return same_hash(link->next, link->hash);
}

void
table_each(const struct table *table, int (*fn)(void *arg, struct table_link *link), void *arg)
{
    for (size_t i = 0; i < table->room; i++)
        for (struct table_link *link = table->buckets[i]; link != NULL; link = link->next)
            if (fn(arg, link) != 0)
                return;
}
