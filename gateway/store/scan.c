/* Walks through queue.db and the journals for the order of a list: which exchanges belong to it and where
 * their rows are. Must never hold a transaction for longer than a window of rows, never read a body, never
 * take a day that can't be read for one without exchanges. Bounded: a list with more places than
 * LISTER_PLACES keeps the first of them and is scanned again later. */
#include "lister.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "sqlite_store.h"

#define WINDOW_ROWS 1024
#define REMEMBER_MS 60000

/* One row's key, day and time; the window is by id, so that its length does not depend on what matches. */
#define SCAN_HEAD                                                                                            \
    "SELECT id,accepted_ms,origin,msgid,day FROM exchange WHERE id>?1 AND id<=?2 AND role=?3 AND state<>8 "  \
    "AND tombstone=0 AND infno IN (?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22) "           \
    "AND (?23='' OR visit_id=?23 OR visit_id='') AND (?24='' OR insured_area=?24) "
static const char scan_origin[] = SCAN_HEAD "AND previous=?4 AND day BETWEEN ?5 AND ?6";
static const char scan_destination[] =
    SCAN_HEAD "AND target=?4 AND local_serial<>0 AND "
              "CASE WHEN local_accounting_date<>0 THEN local_accounting_date ELSE local_date END "
              "BETWEEN ?5 AND ?6";
_Static_assert(STATE_REFUSED == 8, "stands in the SQL above");
_Static_assert(STORE_LIST_INFNOS == 16, "parameters 7 to 22 of the SQL above");

static int
compare_listed(const void *a, const void *b)
{
    return listing_compare(&((const struct listed *)a)->place, &((const struct listed *)b)->place);
}

/* Sorted, each key once: a row may stand in the queue and in a journal, and then the queue's counts. */
static void
settle_places(struct scan *scan)
{
    size_t kept = 0;
    if (scan->count > 1)
        qsort(scan->places, scan->count, sizeof *scan->places, compare_listed);
    for (size_t i = 0; i < scan->count; i++) {
        struct listed *last = kept > 0 ? &scan->places[kept - 1] : NULL;
        if (last != NULL && message_key_equal(&last->place.key, &scan->places[i].place.key)) {
            if (scan->places[i].queue_id != 0)
                *last = scan->places[i];
            continue;
        }
        scan->places[kept++] = scan->places[i];
    }
    scan->count = kept;
    if (scan->count > LISTER_PLACES) {
        scan->count = LISTER_PLACES;
        scan->complete = 0;
    }
}

static int
add_place(struct scan *scan, const struct listed *listed)
{
    if (scan->count == scan->room && scan->room == 2 * LISTER_PLACES)
        settle_places(scan);
    if (scan->count == scan->room) {
        size_t room = scan->room == 0 ? 256 : 2 * scan->room;
        struct listed *larger = realloc(scan->places, room * sizeof *larger);
        if (larger == NULL)
            return -1;
        scan->places = larger;
        scan->room = room;
    }
    scan->places[scan->count++] = *listed;
    return 0;
}

static void
bind_scan(sqlite3_stmt *select, const struct store_list_query *query)
{
    sqlite3_bind_int(select, 3, query->role);
    sqlite3_bind_text(select, 4, query->instance, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 5, query->from_day);
    sqlite3_bind_int64(select, 6, query->to_day);
    for (int i = 0; i < STORE_LIST_INFNOS; i++)
        sqlite3_bind_text(select, 7 + i, (size_t)i < query->infno_count ? query->infnos[i] : "", -1,
                          SQLITE_STATIC);
    sqlite3_bind_text(select, 23, query->visit_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(select, 24, query->insured_area, -1, SQLITE_STATIC);
}

static int
take_row(struct scan *scan, sqlite3_stmt *select, const struct listing_place *after, int from_queue)
{
    struct listed listed = {.place.time_ms = sqlite3_column_int64(select, 1),
                            .queue_id = from_queue ? sqlite3_column_int64(select, 0) : 0,
                            .day = (uint32_t)sqlite3_column_int64(select, 4)};
    if (sqlite3_column_bytes(select, 2) >= NODE_SIZE || sqlite3_column_bytes(select, 3) >= MSGID_SIZE)
        return SQLITE_CORRUPT;
    memcpy(listed.place.key.origin, sqlite3_column_text(select, 2), (size_t)sqlite3_column_bytes(select, 2));
    memcpy(listed.place.key.msgid, sqlite3_column_text(select, 3), (size_t)sqlite3_column_bytes(select, 3));
    if (listing_compare(&listed.place, after) <= 0)
        return SQLITE_OK;
    return add_place(scan, &listed) == 0 ? SQLITE_OK : SQLITE_NOMEM;
}

/* The smallest id above `*id`, or 0 if there is none: a file that can't be read does not end here. */
static int
next_id(sqlite3_stmt *next, int64_t *id)
{
    int rc = sqlite3_bind_int64(next, 1, *id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(next);
    *id = rc == SQLITE_ROW ? sqlite3_column_int64(next, 0) : 0;
    sqlite3_reset(next);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
walk(struct lister *lister, struct scan *scan, sqlite3_stmt *select, sqlite3_stmt *next, int from_queue)
{
    struct listing_place after;
    int64_t id = 0;
    int rc;
    (void)listing_read_cursor(scan->query.after, &after);
    bind_scan(select, &scan->query);
    while ((rc = next_id(next, &id)) == SQLITE_OK && id > 0) {
        if (lister_is_stopping(lister))
            return SQLITE_INTERRUPT;
        sqlite3_bind_int64(select, 1, id - 1);
        id += WINDOW_ROWS - 1;
        sqlite3_bind_int64(select, 2, id);
        while (rc == SQLITE_OK && (rc = sqlite3_step(select)) == SQLITE_ROW)
            rc = take_row(scan, select, &after, from_queue);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
        int reset = sqlite3_reset(select);
        rc = rc == SQLITE_OK ? reset : rc;
        if (rc != SQLITE_OK)
            break;
    }
    return rc;
}

static int
scan_file(struct lister *lister, struct scan *scan, sqlite3 *db, const char *name, int from_queue,
          struct fep_error *error)
{
    sqlite3_stmt *select = NULL, *next = NULL;
    int rc = sqlite3_prepare_v2(db, scan->query.role == ROLE_ORIGIN ? scan_origin : scan_destination, -1,
                                &select, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "SELECT id FROM exchange WHERE id>?1 ORDER BY id LIMIT 1", -1, &next,
                                NULL);
    if (rc == SQLITE_OK)
        rc = walk(lister, scan, select, next, from_queue);
    if (rc != SQLITE_OK)
        error_set(error, 0, FEP_E_STORE_READ, "listing from %s: %s", name, sqlite3_errstr(rc));
    sqlite3_finalize(select);
    sqlite3_finalize(next);
    return rc == SQLITE_OK ? 0 : -1;
}

enum database_result
lister_open_day(const struct lister *lister, uint32_t day, sqlite3 **db, struct fep_error *error)
{
    char path[STORE_PATH_SIZE + 32];
    *db = NULL;
    snprintf(path, sizeof path, "%s/%08u.db", lister->journal_directory, (unsigned)day);
    if (access(path, F_OK) != 0)
        return DATABASE_GOOD;
    enum database_result result = database_open_to_read(path, JOURNAL_APPLICATION, db, error);
    if (result != DATABASE_NONE)
        return result;
    *error = (struct fep_error){0};
    return DATABASE_GOOD; /* it is being made: what it is for is still in the queue */
}

/* A day in quarantine is not a day without exchanges. */
static int
check_quarantine(const struct lister *lister, uint32_t day, struct fep_error *error)
{
    char path[STORE_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/%08u.db.quarantined", lister->journal_directory, (unsigned)day);
    if (access(path, F_OK) != 0)
        return 0;
    return error_set(error, 0, FEP_E_JOURNAL_QUARANTINED, "%s: what it held is missing from the list", path);
}

static int
scan_day(struct lister *lister, struct scan *scan, uint32_t day, struct fep_error *error)
{
    char name[24];
    sqlite3 *db;
    if (day >= scan->query.from_day && day <= scan->query.to_day && check_quarantine(lister, day, error) != 0)
        return -1;
    if (lister_open_day(lister, day, &db, error) != DATABASE_GOOD)
        return -1;
    snprintf(name, sizeof name, "journal %u", (unsigned)day);
    int status = db != NULL ? scan_file(lister, scan, db, name, 0, error) : 0;
    sqlite3_close(db);
    return status;
}

/* The queue before the journals: a row that moves meanwhile is met at least once. */
static int
fill_scan(struct lister *lister, struct scan *scan, struct fep_error *error)
{
    int beside = scan->query.role == ROLE_DESTINATION ? STORE_LIST_NEIGHBOURS : 0;
    uint32_t last = listing_move_day(scan->query.to_day, beside);
    sqlite3 *db = NULL;
    scan->complete = 1;
    if (database_open_to_read(lister->queue_file, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return -1;
    int status = scan_file(lister, scan, db, "queue.db", 1, error);
    sqlite3_close(db);
    for (uint32_t day = listing_move_day(scan->query.from_day, -beside); status == 0 && day <= last;
         day = listing_move_day(day, 1))
        status = scan_day(lister, scan, day, error);
    settle_places(scan);
    return status;
}

/* --- what is remembered between two pages
 * --------------------------------------------------------------------------- */

static void
forget(struct scan *scan)
{
    free(scan->places);
    *scan = (struct scan){0};
}

void
lister_forget_scans(struct lister *lister)
{
    for (int i = 0; i < LISTER_SCANS; i++)
        forget(&lister->scans[i]);
}

static int
is_same_list(const struct store_list_query *a, const struct store_list_query *b)
{
    if (a->role != b->role || a->from_day != b->from_day || a->to_day != b->to_day ||
        a->infno_count != b->infno_count || strcmp(a->instance, b->instance) != 0 ||
        strcmp(a->visit_id, b->visit_id) != 0 || strcmp(a->insured_area, b->insured_area) != 0)
        return 0;
    for (size_t i = 0; i < a->infno_count; i++)
        if (strcmp(a->infnos[i], b->infnos[i]) != 0)
            return 0;
    return 1;
}

/* Does the scan know what comes behind the cursor? A list from its beginning is always a new scan. */
static int
goes_on(const struct scan *scan, const struct store_list_query *query)
{
    struct listing_place begin, after;
    if (scan->places == NULL || query->after[0] == '\0' || !is_same_list(&scan->query, query))
        return 0;
    (void)listing_read_cursor(scan->query.after, &begin);
    (void)listing_read_cursor(query->after, &after);
    if (listing_compare(&begin, &after) > 0)
        return 0;
    return scan->complete ||
           (scan->count > 0 && listing_compare(&after, &scan->places[scan->count - 1].place) < 0);
}

struct scan *
lister_scan(struct lister *lister, const struct store_list_query *query, struct fep_error *error)
{
    int64_t now = writer_now_ms();
    struct scan *oldest = &lister->scans[0];
    for (int i = 0; i < LISTER_SCANS; i++) {
        struct scan *scan = &lister->scans[i];
        if (scan->places != NULL && now - scan->made_ms > REMEMBER_MS)
            forget(scan);
        if (goes_on(scan, query)) {
            scan->used_ms = now;
            return scan;
        }
        if (scan->places == NULL || (oldest->places != NULL && scan->used_ms < oldest->used_ms))
            oldest = scan;
    }
    forget(oldest);
    oldest->query = *query;
    oldest->made_ms = oldest->used_ms = now;
    if (fill_scan(lister, oldest, error) == 0)
        return oldest;
    forget(oldest);
    return NULL;
}

/* --- one settlement
 * ------------------------------------------------------------------------------------------------- */

int
lister_find_settlement(struct lister *lister, sqlite3 *db, const struct lister_job *job, int64_t *id,
                       struct fep_error *error)
{
    sqlite3_stmt *select = NULL, *next = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT id FROM exchange WHERE id>?1 AND id<=?2 AND role=?3 AND infno=?4 AND "
                                "settlement_id=?5 AND state IN (7,10) LIMIT 1",
                                -1, &select, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "SELECT id FROM exchange WHERE id>?1 ORDER BY id LIMIT 1", -1, &next,
                                NULL);
    int64_t at = 0;
    *id = 0;
    while (rc == SQLITE_OK && *id == 0 && (rc = next_id(next, &at)) == SQLITE_OK && at > 0) {
        if (lister_is_stopping(lister))
            break;
        sqlite3_bind_int64(select, 1, at - 1);
        at += WINDOW_ROWS - 1;
        sqlite3_bind_int64(select, 2, at);
        sqlite3_bind_int(select, 3, job->query.role);
        sqlite3_bind_text(select, 4, job->query.infnos[0], -1, SQLITE_STATIC);
        sqlite3_bind_text(select, 5, job->settlement_id, -1, SQLITE_STATIC);
        rc = sqlite3_step(select);
        if (rc == SQLITE_ROW)
            *id = sqlite3_column_int64(select, 0);
        sqlite3_reset(select);
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(select);
    sqlite3_finalize(next);
    if (rc != SQLITE_OK)
        return error_set(error, 0, FEP_E_STORE_READ, "looking for a settlement: %s", sqlite3_errstr(rc));
    return *id != 0;
}
_Static_assert(STATE_ANSWERED == 7 && STATE_STANDS == 10, "stand in the SQL above");
