/* At opening: rows of queue.db that are not what was written are put aside, and something that is true takes their
 * place. */
#ifndef FEP_MEND_H
#define FEP_MEND_H

#include "sqlite_store.h"

#define MEND_MOST 1000 /* damaged rows; more is no accident in a page, and the store is not opened */

/* Before anything else uses the rows; after the key tables were loaded. Negative with the error: the store must not be
 * opened. */
int mend_store(struct sqlite_store *store, const char *journal_directory, struct fep_error *error);

/* Keys whose row was damaged so that the key itself can't be believed: what was inserted before is known by its check.
 * 1 if `key` is one of them, 0 if not. */
int mend_is_stray(const struct sqlite_store *store, const struct exchange_key *key);
/* Reads them from the table: at opening, and after a rollback. SQLite's code. */
int mend_load_strays(struct sqlite_store *store);
/* Inside a transaction: a stray came back and is known by its key from now on. SQLite's code. */
int mend_take_stray(struct sqlite_store *store, const struct exchange_key *key);

#endif
