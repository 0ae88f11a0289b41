/* One SQLite file of ours: opened with the settings that a promise needs, checked, and brought up to date. */
#ifndef FEP_DATABASE_H
#define FEP_DATABASE_H

#include <sqlite3.h>
#include <stdint.h>
#include <fep/adapter.h>

#define QUEUE_APPLICATION                                                                                    \
    0x46455051 /* "FEPQ": PRAGMA application_id, so that another program's file is noticed */
#define JOURNAL_APPLICATION 0x4645504A /* "FEPJ" */
#define STORE_PATH_SIZE     4096

enum database_result {
    DATABASE_GOOD = 0,
    DATABASE_NONE = 1,    /* to read: the file has no tables yet; whoever makes it has not committed them */
    DATABASE_FAILED = -1, /* could not be opened or brought up to date: surroundings, version */
    DATABASE_DAMAGED = -2 /* the content is wrong: must not be written to */
};

/* Opens `path` for reading and writing (created if `create`), for one thread, WAL or rollback journal,
 * synchronous FULL. `application` is one of the above. Anything but DATABASE_GOOD leaves *db NULL and the
 * error filled. */
enum database_result database_open(const char *path, int create, int wal, int32_t application, sqlite3 **db,
                                   struct fep_error *error);
/* Opens an existing file read-only, for one thread; waits up to two seconds for a writer. Anything but
 * DATABASE_GOOD leaves *db NULL and the error filled. */
enum database_result database_open_to_read(const char *path, int32_t application, sqlite3 **db,
                                           struct fep_error *error);
/* PRAGMA quick_check, for at most `milliseconds`: a file too large for that counts as good as far as it was
 * read. */
enum database_result database_check(sqlite3 *db, const char *path, int64_t milliseconds,
                                    struct fep_error *error);
/* Applies the NNNN_*.sql of `directory` above the file's user_version, each in a transaction of its own. */
enum database_result database_migrate(sqlite3 *db, const char *path, const char *directory,
                                      int32_t application, struct fep_error *error);

/* Runs one statement without results. SQLite's code. */
int database_run(sqlite3 *db, const char *sql);
/* One number, or -1. */
int64_t database_number(sqlite3 *db, const char *sql);
/* Prepares a statement that is kept. SQLite's code. */
int database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement);
/* Steps once and resets: SQLITE_OK, SQLITE_ROW (the values are gone) or an error. */
int statement_run(sqlite3_stmt *statement);
/* Does this failure of the connection say that the disk is full? */
int code_is_full(sqlite3 *db, int code);
int code_is_damage(int code); /* does this code of SQLite's say that the content is wrong? */

#endif
