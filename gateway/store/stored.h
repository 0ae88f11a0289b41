/* A row as it stands in the queue or in a journal: the record, and both blobs as stored (encrypted). */
#ifndef FEP_STORED_H
#define FEP_STORED_H

#include <sqlite3.h>
#include "body_cipher.h"
#include "exchange_record.h"

struct stored {
    struct exchange_record record;
    struct slice body, answer;
};

/* Reads the columns $N, body, answer (record_sql) of the current row. Blobs are copied. SQLITE_OK,
 * SQLITE_CORRUPT if a value does not fit, SQLITE_NOMEM. */
int stored_read(sqlite3_stmt *statement, struct stored *row);
void stored_release(struct stored *row);
/* Decrypts both blobs in place (cipher NULL: nothing to do). Negative if one does not pass its check; both
 * are dropped then. */
int stored_decrypt(struct stored *row, struct body_cipher *cipher);

#endif
