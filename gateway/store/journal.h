/* The day journals: journal/YYYYMMDD.db, one SQLite file for each origin day. A few are kept open. A damaged
 * one is put in quarantine and never stops the queue. One thread at a time. */
#ifndef FEP_JOURNAL_H
#define FEP_JOURNAL_H

#include "database.h"
#include "stored.h"

#define JOURNALS_OPEN 4

/* Finds the msgid of parameter 2 by the index exchange_key, whose order is time before institution. */
#define JOURNAL_MSGID_IS_2 "substr(msgid,13)=substr(?2,13) AND substr(msgid,1,12)=substr(?2,1,12)"

struct journal {
    sqlite3 *db; /* NULL: this handle is free */
    uint32_t day;
    int writing; /* a transaction is open */
    uint64_t used;
    sqlite3_stmt *begin, *commit, *rollback, *put, *find;
};
struct journals {
    char directory[STORE_PATH_SIZE];  /* of the day files */
    char schema[STORE_PATH_SIZE];     /* schema/journal */
    char queue_file[STORE_PATH_SIZE]; /* its key tables know what a damaged day held */
    struct journal handles[JOURNALS_OPEN];
    uint64_t uses;
    unsigned quarantined; /* days put in quarantine since the start */
};

enum journal_result {
    JOURNAL_GOOD = 0,
    JOURNAL_NONE = 1,   /* no such day, or no such row */
    JOURNAL_AGAIN = -1, /* not now: a reader is in the way, or all handles have open transactions */
    JOURNAL_LOST =
        -2, /* the day was damaged and is in quarantine now: what was put and not committed is gone */
    JOURNAL_FAILED = -3 /* surroundings: full disk, permissions; the error says which */
};

void journals_init(struct journals *journals, const char *directory, const char *schema,
                   const char *queue_file);
void journals_finish(struct journals *journals); /* rolls back what is not committed */
/* Checks the newest days at opening, for at most `milliseconds` each. */
void journals_check(struct journals *journals, int days, int64_t milliseconds);

/* Puts a row into its day's open transaction (begun if need be), replacing one of the same key. Blobs as
 * stored. */
enum journal_result journals_put(struct journals *journals, const struct stored *row,
                                 struct fep_error *error);
/* Commits every open transaction. JOURNAL_AGAIN: some are still open; call again. */
enum journal_result journals_commit(struct journals *journals, struct fep_error *error);
void journals_rollback(struct journals *journals);
/* Reads a row of a day; the caller releases it. */
enum journal_result journals_find(struct journals *journals, uint32_t day, const struct exchange_key *key,
                                  struct stored *row, struct fep_error *error);

/* YYYYMMDD of a journal's file name, or 0. */
uint32_t journal_day_of(const char *file_name);
/* All days that have a file in `directory`, newest first; at most `room`. */
size_t journals_list(const char *directory, uint32_t *days, size_t room);

#endif
