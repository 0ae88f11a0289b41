/* What a list of stored exchanges is: which belong to it, in which order, and the cursor between two pages. The
 * same for every implementation of the store. */
#ifndef FEP_LISTING_H
#define FEP_LISTING_H

#include <stdbool.h>
#include "store.h"

struct listing_place { /* where an exchange stands in the order: by time, then by key */
    int64_t time_ms;
    struct message_key key;
};

bool listing_is_valid(const struct store_list_query *query);
/* Does the record belong to the list (wherever the cursor is)? */
bool listing_has(const struct store_list_query *query, const struct exchange_record *record);
void listing_place_of(const struct exchange_record *record, struct listing_place *place);
/* <0, 0, >0. */
int listing_compare(const struct listing_place *a, const struct listing_place *b);
/* An empty cursor is before everything. False if it is none of ours. */
bool listing_read_cursor(const char *cursor, struct listing_place *place);
void listing_write_cursor(const struct listing_place *place, char cursor[STORE_CURSOR_SIZE]);
/* yyyymmdd moved by days; may cross months and years. */
uint32_t listing_move_day(uint32_t day, int days);

#endif
