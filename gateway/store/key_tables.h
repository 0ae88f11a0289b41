/* The keys of exchanges that have left the queue, by origin day, with how they ended (rules 1 and 4): what
 * makes a repeat known for what it is, whichever day it claims and whether or not its journal still exists.
 * The writer's thread only. */
#ifndef FEP_KEY_TABLES_H
#define FEP_KEY_TABLES_H

#include <sqlite3.h>
#include "exchange_key.h"
#include "key_filter.h"

#define KEY_DAYS_MAX 160 /* days that may have a table at once; horizon_days is at most 120 */

struct key_day {
    uint32_t day;
    unsigned slot;            /* in the filter; 63 is shared by all days beyond the first 63 */
    unsigned damaged;         /* rows that differed from their seal when the table was read */
    sqlite3_stmt *put, *find; /* prepared when first needed */
};
struct key_tables {
    sqlite3 *db; /* the queue's */
    struct key_filter filter;
    struct key_day days[KEY_DAYS_MAX];
    size_t count;
    uint64_t seed;
};

/* Reads every table once. SQLite's code; SQLITE_NOMEM without memory. */
int key_tables_load(struct key_tables *tables, sqlite3 *db, uint64_t seed);
void key_tables_finish(struct key_tables *tables);
/* Inside a transaction: makes the day's table anew from the rows that are as they were written. Those that are not
 * are told to fn first: "" for a text that can't be read. SQLite's code, or what fn returned. */
int key_tables_make_anew(struct key_tables *tables, struct key_day *day,
                         int (*fn)(void *arg, sqlite3_stmt *row, const struct exchange_key *key,
                                   int64_t key_check),
                         void *arg);
/* After a rollback: forgets tables that were made in it. */
int key_tables_reload(struct key_tables *tables);

/* Is there room for one more table, if `day` has none yet? */
int key_tables_have_room(const struct key_tables *tables, uint32_t day);
/* Inside a transaction: the key of an exchange that moves to its journal, and its ending. SQLite's code. */
int key_tables_put(struct key_tables *tables, const struct exchange_record *record);
/* Fills key, role, day, digest and ending of `record` and returns SQLITE_ROW if the key was used before;
 * SQLITE_DONE if not; else an error. */
int key_tables_find(struct key_tables *tables, const struct exchange_key *key,
                    struct exchange_record *record);
/* Calls fn for every key of one day, on any connection to the queue; SQLITE_ERROR if the day has no table. */
int key_tables_each(sqlite3 *db, uint32_t day, void (*fn)(void *arg, const struct exchange_record *record),
                    void *arg);
/* The day from which ages are counted: today, but no later than the newest day held here, so that a clock
 * that jumped ahead does not make the store forget. */
uint32_t key_tables_reference_day(const struct key_tables *tables, uint32_t today);
/* Drops the tables of days more than horizon_days before the reference day; *dropped counts them. Outside a
 * transaction. SQLite's code. */
int key_tables_drop_old(struct key_tables *tables, uint32_t reference, uint32_t horizon_days,
                        unsigned *dropped);

#endif
