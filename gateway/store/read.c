/* Reading for fepctl, from any process: read-only, newest first, a bounded number. Must never hold a
 * transaction while the caller works on a record, never change a file, never read a body. A day that can't be
 * read is passed over and reported at the end, so that the others can still be seen. */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "database.h"
#include "error.h"
#include "exchange_key.h"
#include "journal.h"
#include "record_columns.h"

#define PAGE_ROWS 128
#define MOST_ROWS 100000
#define DAYS_ROOM 4096

struct reader {
    const struct store_query *query;
    int (*fn)(void *arg, const struct exchange_record *record, int closed);
    void *arg;
    size_t told, limit;
    struct exchange_key *seen; /* told from the queue: a row may stand in a journal as well */
    size_t seen_count;
    int broken_off;
};
struct page { /* rows read under one short transaction */
    struct exchange_record *records;
    uint8_t *closed;
    size_t count;
    int64_t last_id;
};

static int
compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct exchange_key));
}

static int
tell(struct reader *reader, const struct page *page, int from_queue)
{
    size_t sorted = reader->seen_count;
    for (size_t i = 0; i < page->count && reader->told < reader->limit && !reader->broken_off; i++) {
        struct exchange_key key = exchange_key_of(&page->records[i]);
        if (!from_queue && bsearch(&key, reader->seen, sorted, sizeof key, compare_keys))
            continue;
        if (from_queue)
            reader->seen[reader->seen_count++] = key;
        reader->told++;
        reader->broken_off = reader->fn(reader->arg, &page->records[i], page->closed[i]) < 0;
    }
    return 0;
}

static void
bind_query(sqlite3_stmt *select, const struct store_query *query, int64_t before_id)
{
    sqlite3_bind_int64(select, 1, before_id);
    sqlite3_bind_text(select, 2, query->msgid, -1, SQLITE_STATIC);
    sqlite3_bind_int(select, 3, query->state);
    sqlite3_bind_int64(select, 4, query->day_from);
    sqlite3_bind_int64(select, 5, query->day_to ? query->day_to : UINT32_MAX);
    sqlite3_bind_int(select, 6, query->only_open);
    sqlite3_bind_int(select, 7, PAGE_ROWS);
}

/* One page, in a transaction of its own. SQLite's code: ROW if there may be more, DONE at the end. */
static int
read_page(sqlite3_stmt *select, const struct store_query *query, struct page *page)
{
    int rc = SQLITE_ROW;
    page->count = 0;
    bind_query(select, query, page->last_id);
    while (page->count < PAGE_ROWS && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        page->last_id = sqlite3_column_int64(select, record_column_count);
        if (record_read(select, &page->records[page->count]) < 0)
            continue; /* not written by us: recovery and the mover raise the alarm */
        page->closed[page->count++] = (uint8_t)sqlite3_column_int(select, record_column_count + 1);
    }
    sqlite3_reset(select);
    return rc;
}

static int
read_file(struct reader *reader, struct page *page, const char *path, int from_queue, struct fep_error *error)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    enum database_result opened =
        database_open_to_read(path, from_queue ? QUEUE_APPLICATION : JOURNAL_APPLICATION, &db, error);
    if (opened != DATABASE_GOOD)
        return opened == DATABASE_NONE ? 0 : -1;
    record_sql(
        from_queue
            ? "SELECT $N,id,id IN (SELECT exchange FROM closed) AS c FROM exchange WHERE id<?1 AND "
              "(?2='' OR msgid=?2) AND (?3=0 OR state=?3) AND day BETWEEN ?4 AND ?5 AND NOT (?6 AND c) "
              "ORDER BY id DESC LIMIT ?7"
            : "SELECT $N,id,1 FROM exchange WHERE id<?1 AND (?2='' OR msgid=?2) AND (?3=0 OR state=?3) AND "
              "day BETWEEN ?4 AND ?5 AND NOT ?6 ORDER BY id DESC LIMIT ?7",
        sql);
    /* One journal row by its key needs no walk through the day. */
    if (!from_queue && reader->query->msgid[0] != '\0')
        record_sql("SELECT $N,id,1 FROM exchange INDEXED BY exchange_key WHERE " JOURNAL_MSGID_IS_2
                   " AND id<?1 AND "
                   "(?3=0 OR state=?3) AND day BETWEEN ?4 AND ?5 AND NOT ?6 ORDER BY id DESC LIMIT ?7",
                   sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &select, NULL);
    page->last_id = INT64_MAX;
    for (rc = rc == SQLITE_OK ? SQLITE_ROW : rc; rc == SQLITE_ROW && !reader->broken_off;) {
        if (reader->told >= reader->limit)
            break;
        rc = read_page(select, reader->query, page);
        tell(reader, page, from_queue);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        error_set(error, 0, FEP_E_STORE_READ, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int
read_journals(struct reader *reader, struct page *page, const char *directory, struct fep_error *error)
{
    char folder[STORE_PATH_SIZE], path[STORE_PATH_SIZE + 16];
    uint32_t *days = malloc(DAYS_ROOM * sizeof *days), to = reader->query->day_to;
    int result = 0;
    if (!days)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the list of journals");
    snprintf(folder, sizeof folder, "%.4080s/journal", directory);
    size_t count = journals_list(folder, days, DAYS_ROOM);
    for (size_t i = 0; i < count && reader->told < reader->limit && !reader->broken_off; i++) {
        if (days[i] < reader->query->day_from || (to != 0 && days[i] > to))
            continue;
        snprintf(path, sizeof path, "%s/%08u.db", folder, (unsigned)days[i]);
        if (read_file(reader, page, path, 0, error) < 0)
            result = -1;
    }
    free(days);
    return result;
}

int
store_read(const char *directory, const struct store_query *query,
           int (*fn)(void *arg, const struct exchange_record *record, int closed), void *arg,
           struct fep_error *error)
{
    char queue_file[STORE_PATH_SIZE];
    struct reader reader = {.query = query, .fn = fn, .arg = arg, .limit = query->limit};
    struct page page = {.records = malloc(PAGE_ROWS * sizeof *page.records), .closed = malloc(PAGE_ROWS)};
    int result = -1;
    if (reader.limit == 0 || reader.limit > MOST_ROWS)
        reader.limit = MOST_ROWS;
    reader.seen = malloc(reader.limit * sizeof *reader.seen);
    if (!page.records || !page.closed || !reader.seen) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory to read %s", directory);
    } else if ((size_t)snprintf(queue_file, sizeof queue_file, "%s/queue.db", directory) >=
               sizeof queue_file) {
        error_set(error, 0, FEP_E_STORE_READ, "the path %.100s... is too long", directory);
    } else {
        result = read_file(&reader, &page, queue_file, 1, error);
        if (reader.seen_count > 0)
            qsort(reader.seen, reader.seen_count, sizeof *reader.seen, compare_keys);
        if (result == 0 && !query->only_open && !reader.broken_off)
            result = read_journals(&reader, &page, directory, error);
    }
    free(page.records);
    free(page.closed);
    free(reader.seen);
    return result;
}
