/* What this gateway holds of its exchanges with one peer, for a peer that was put back from a backup: the
 * queue by row number, then every journal, newest day first. Must never miss a row that is there all the
 * while: one that moves from the queue to a journal meanwhile is met in the journal, because those come last.
 * A file that can't be read makes the page fail, and the asker asks again. */
#include "lister.h"

#include <inttypes.h>
#include <stdio.h>
#include "error.h"
#include "journal.h"
#include "record_columns.h"
#include "stored.h"

enum { WINDOW_ROWS = 1024, PAGE_ROWS = 64, PAGE_BYTES = 1 << 20, DAYS_ROOM = 512 };

/* Toward the peer: what was at least marked as sent. */
#define OF_PEER                                                                                              \
    "id>?1 AND id<=?2 AND (previous=?3 OR (target=?3 AND state<>1)) AND "                                    \
    "(state<7 OR accepted_ms>=?4 OR outcome_ms>=?4) ORDER BY id"
#define QUEUE_ROWS                                                                                           \
    "SELECT $N,(SELECT data FROM body WHERE body.id=body_id),(SELECT data FROM body WHERE "                  \
    "body.id=answer_id),id FROM exchange WHERE " OF_PEER
#define JOURNAL_ROWS "SELECT $N,body,answer,id FROM exchange WHERE " OF_PEER
_Static_assert(STATE_QUEUED == 1 && STATE_ANSWERED == 7, "stand in the SQL above");

struct place { /* where the next row comes after: day 0 is the queue */
    uint32_t day;
    int64_t id;
};

static int
read_cursor(const char *text, struct place *place)
{
    char end;
    *place = (struct place){0};
    return text[0] == '\0' ||
           sscanf(text, "%8" SCNu32 "/%19" SCNd64 "%c", &place->day, &place->id, &end) == 2;
}

/* 1: there is something behind `id` (then *id is just before it), 0: no, negative: SQLite's code. */
static int
skip_gap(sqlite3 *db, int64_t *id)
{
    sqlite3_stmt *next = NULL;
    int rc =
        sqlite3_prepare_v2(db, "SELECT id FROM exchange WHERE id>?1 ORDER BY id LIMIT 1", -1, &next, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(next, 1, *id);
        rc = sqlite3_step(next);
    }
    if (rc == SQLITE_ROW)
        *id = sqlite3_column_int64(next, 0) - 1;
    sqlite3_finalize(next);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -rc;
}

static int
is_full(const struct page *page, unsigned rows)
{
    return rows >= PAGE_ROWS || page->bytes >= PAGE_BYTES;
}

/* Rows of one window of numbers. *id moves behind the last row looked at. */
static int
read_window(struct page *page, sqlite3_stmt *select, int64_t *id, unsigned *rows, struct fep_error *error)
{
    int64_t until = *id + WINDOW_ROWS;
    int rc;
    sqlite3_bind_int64(select, 1, *id);
    sqlite3_bind_int64(select, 2, until);
    while ((rc = sqlite3_step(select)) == SQLITE_ROW && !is_full(page, *rows)) {
        struct stored row;
        rc = stored_read(select, &row);
        if (rc != SQLITE_OK) /* its own gateway has raised the alarm, or will */
            return error_set(error, 0, FEP_E_STORE_READ, "a row can't be read: %s", sqlite3_errstr(rc));
        *id = sqlite3_column_int64(select, record_column_count + 2);
        ++*rows;
        if (lister_hand_over(page, &row, STORE_LISTED, error) != 0)
            return -1;
    }
    if (rc == SQLITE_DONE)
        *id = until;
    return rc == SQLITE_DONE || rc == SQLITE_ROW
               ? 0
               : error_set(error, 0, FEP_E_STORE_READ, "%s", sqlite3_errstr(rc));
}

/* 1: the page is full, 0: the file is at its end. */
static int
read_file(struct page *page, sqlite3 *db, const char *pattern, int64_t *id, unsigned *rows,
          struct fep_error *error)
{
    const struct lister_job *job = page->job;
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *select = NULL;
    int more = 0;
    record_sql(pattern, sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &select, NULL);
    if (rc != SQLITE_OK)
        return error_set(error, 0, FEP_E_STORE_READ, "%s", sqlite3_errmsg(db));
    sqlite3_bind_text(select, 3, job->query.instance, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 4, job->since_ms);
    while ((more = skip_gap(db, id)) > 0 && !is_full(page, *rows)) {
        if (lister_is_stopping(page->lister) || read_window(page, select, id, rows, error) != 0) {
            sqlite3_finalize(select);
            return -1;
        }
        sqlite3_reset(select);
    }
    sqlite3_finalize(select);
    return more < 0 ? error_set(error, 0, FEP_E_STORE_READ, "%s", sqlite3_errstr(-more)) : more;
}

static int
read_queue(struct page *page, struct place *place, unsigned *rows, struct fep_error *error)
{
    if (database_open_to_read(page->lister->queue_file, QUEUE_APPLICATION, &page->queue, error) !=
        DATABASE_GOOD)
        return -1;
    return read_file(page, page->queue, QUEUE_ROWS, &place->id, rows, error);
}

static int
read_day(struct page *page, uint32_t day, struct place *place, unsigned *rows, struct fep_error *error)
{
    int more = 0;
    *place = (struct place){.day = day, .id = place->day == day ? place->id : 0};
    if (lister_open_day(page->lister, day, &page->journal, error) != DATABASE_GOOD)
        return -1;
    if (page->journal != NULL)
        more = read_file(page, page->journal, JOURNAL_ROWS, &place->id, rows, error);
    sqlite3_close(page->journal);
    page->journal = NULL;
    return more;
}

int
recall_fill(struct page *page, char cursor[STORE_CURSOR_SIZE], struct fep_error *error)
{
    uint32_t days[DAYS_ROOM];
    struct place place;
    unsigned rows = 0;
    int more = 0;
    cursor[0] = '\0';
    if (!read_cursor(page->job->query.after, &place))
        return error_set(error, 0, FEP_E_USAGE, "that is no cursor of a recall");
    if (place.day == 0)
        more = read_queue(page, &place, &rows, error);
    size_t count = journals_list(page->lister->journal_directory, days, DAYS_ROOM);
    for (size_t i = 0; i < count && more == 0; i++)
        if (place.day == 0 || days[i] <= place.day)
            more = read_day(page, days[i], &place, &rows, error);
    if (more > 0)
        snprintf(cursor, STORE_CURSOR_SIZE, "%08" PRIu32 "/%" PRId64, place.day, place.id);
    return more < 0 ? -1 : 0;
}
