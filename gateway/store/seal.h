/* The check of a row that holds none of its own: fep_seal(value, ...) in SQL, one number over all values and their
 * types. It finds accidents, not forgery. */
#ifndef FEP_SEAL_H
#define FEP_SEAL_H

#include <sqlite3.h>

/* Makes fep_seal known to a connection. SQLite's code. */
int seal_register(sqlite3 *db);

/* What stands in the condition that a row is as it was written; rows of earlier versions hold no seal. */
#define SEAL_FITS(columns) "(seal IS NULL OR seal=fep_seal(" columns "))"

#endif
