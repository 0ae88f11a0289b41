/* How an exchange record stands in a row: one table of columns for the queue, the journals and recovery. The
 * SQL under schema/ has the same names. */
#ifndef FEP_RECORD_COLUMNS_H
#define FEP_RECORD_COLUMNS_H

#include <sqlite3.h>
#include <stddef.h>
#include "exchange_key.h"

extern const int record_column_count;
#define RECORD_KEY_COLUMNS 3 /* the first: origin, msgid, role; never changed */

/* Fills in a statement's text: $N = the names of all columns, $P = their parameters, $A = assignments of all
 * but the key, $1..$9 = the parameters that follow the record's. `out` must hold RECORD_SQL_SIZE bytes. */
#define RECORD_SQL_SIZE 6144
void record_sql(const char *pattern, char out[RECORD_SQL_SIZE]);

/* Binds parameters 1..record_column_count. The record must stay until the statement was stepped. SQLite's
 * code. */
int record_bind(sqlite3_stmt *statement, const struct exchange_record *record);
/* Binds the key to parameters 1, 2, 3. */
int record_bind_key(sqlite3_stmt *statement, const struct message_key *key, uint8_t role);
/* Reads columns 0..record_column_count-1. Negative if a value does not fit, or
 * the row differs from its check: it is not what was written. */
int record_read(sqlite3_stmt *statement, struct exchange_record *record);

/* What of a row can not be believed. Decisions rest on the course: key, state, path, serials, ending, reversal and
 * cure; the rest only describes: amounts, text, times. */
enum record_damage { RECORD_ROW = 1, RECORD_COURSE = 2, RECORD_KEY = 4 };
/* As record_read, of a row that may be damaged: what can't be read is zero. 0, or bits of enum record_damage, each
 * with those before it. The check that the row holds of its key goes to *key_check, 0 if it holds none. */
unsigned record_examine(sqlite3_stmt *statement, struct exchange_record *record, int64_t *key_check);
/* The check of a key: the same for ever, unlike exchange_key_hash. */
int64_t record_key_check(const struct exchange_key *key);

#endif
