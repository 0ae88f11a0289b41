/* Runs the lists: takes a job, finds its order (scan.c), reads a page of rows with their bodies and hands
 * them over as events, then the end with the cursor. Must never make anybody wait, never hold more than a
 * page, never pass off a list with holes as a whole one: what can't be read makes it fail, and the end says
 * so. */
#include "lister.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "journal.h"
#include "log.h"
#include "record_columns.h"
#include "stored.h"

#define PAGE_BYTES (2 << 20) /* of bodies; the row that reaches it is the last */

#define READ_BODIES                                                                                          \
    "(SELECT data FROM body WHERE body.id=body_id),(SELECT data FROM body WHERE body.id=answer_id)"
#define QUEUE_ROW   "SELECT $N," READ_BODIES " FROM exchange WHERE id=?4 AND origin=?1 AND msgid=?2 AND role=?3"
#define QUEUE_SHORT "SELECT $N,NULL,NULL FROM exchange WHERE id=?4 AND origin=?1 AND msgid=?2 AND role=?3"
#define JOURNAL_ROW                                                                                          \
    "SELECT $N,body,answer FROM exchange WHERE " JOURNAL_MSGID_IS_2 " AND origin=?1 AND role=?3"
#define JOURNAL_SHORT                                                                                        \
    "SELECT $N,NULL,NULL FROM exchange WHERE " JOURNAL_MSGID_IS_2 " AND origin=?1 AND role=?3"
#define BY_ID       "SELECT $N,body,answer FROM exchange WHERE id=?1"
#define QUEUE_BY_ID "SELECT $N," READ_BODIES " FROM exchange WHERE id=?1"

/* SQLITE_ROW and the row, SQLITE_DONE without one, or an error. */
static int
read_row(sqlite3 *db, const char *pattern, const struct listed *listed, uint8_t role, struct stored *row)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *select = NULL;
    record_sql(pattern, sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &select, NULL);
    if (rc == SQLITE_OK)
        rc = record_bind_key(select, &listed->place.key, role);
    if (rc == SQLITE_OK && listed->queue_id != 0 && sqlite3_bind_parameter_count(select) > 3)
        rc = sqlite3_bind_int64(select, 4, listed->queue_id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        rc = stored_read(select, row);
        rc = rc == SQLITE_OK ? SQLITE_ROW : rc;
    }
    sqlite3_finalize(select);
    return rc;
}

static int
open_journal(struct page *page, uint32_t day, struct fep_error *error)
{
    if (page->journal != NULL && page->journal_day == day)
        return 0;
    sqlite3_close(page->journal);
    page->journal_day = day;
    return lister_open_day(page->lister, day, &page->journal, error) == DATABASE_GOOD ? 0 : -1;
}

/* In the queue it may have moved on to its journal since the scan. */
static int
find_row(struct page *page, const struct listed *listed, struct stored *row, struct fep_error *error)
{
    const struct store_list_query *query = &page->job->query;
    int rc = SQLITE_DONE;
    if (listed->queue_id != 0) {
        if (page->queue == NULL && database_open_to_read(page->lister->queue_file, QUEUE_APPLICATION,
                                                         &page->queue, error) != DATABASE_GOOD)
            return -1;
        rc = read_row(page->queue, query->bodies ? QUEUE_ROW : QUEUE_SHORT, listed, query->role, row);
    }
    if (rc == SQLITE_DONE) {
        if (open_journal(page, listed->day, error) != 0)
            return -1;
        if (page->journal != NULL)
            rc = read_row(page->journal, query->bodies ? JOURNAL_ROW : JOURNAL_SHORT, listed, query->role,
                          row);
    }
    if (rc != SQLITE_ROW)
        return error_set(error, 0, FEP_E_STORE_READ, "the row of %s can't be read any more: %s",
                         listed->place.key.msgid, rc == SQLITE_DONE ? "it is gone" : sqlite3_errstr(rc));
    return 0;
}

int
lister_hand_over(struct page *page, struct stored *row, enum store_event_type type, struct fep_error *error)
{
    if (stored_decrypt(row, page->lister->cipher) < 0)
        return error_set(error, 0, FEP_E_STORE_BODY, "the stored body of %s does not pass its check",
                         row->record.header.key.msgid);
    struct mail *mail = mail_append(&page->mails, type, 0);
    if (mail == NULL) {
        stored_release(row);
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a list");
    }
    mail->event.reference = page->job->reference;
    mail->event.found = 1;
    mail->event.record = row->record;
    mail->event.body = row->body;
    mail->event.answer = row->answer;
    mail->event.posted_ms = row->record.role == ROLE_DESTINATION && row->record.times.sent != 0
                                ? row->record.times.sent
                                : row->record.times.accepted;
    page->bytes += row->body.size + row->answer.size;
    return 0;
}

/* The first place behind the cursor. */
static size_t
find_begin(const struct scan *scan, const char *cursor)
{
    struct listing_place after;
    size_t low = 0, high = scan->count;
    (void)listing_read_cursor(cursor, &after);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing_compare(&scan->places[middle].place, &after) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
fill_page(struct page *page, char cursor[STORE_CURSOR_SIZE], struct fep_error *error)
{
    const struct store_list_query *query = &page->job->query;
    const struct scan *scan = lister_scan(page->lister, query, error);
    cursor[0] = '\0';
    if (scan == NULL)
        return -1;
    size_t at = find_begin(scan, query->after), told = 0;
    for (; at < scan->count && told < query->limit && page->bytes < PAGE_BYTES; at++, told++) {
        struct stored row;
        if (lister_is_stopping(page->lister) || find_row(page, &scan->places[at], &row, error) != 0 ||
            lister_hand_over(page, &row, STORE_LISTED, error) != 0)
            return -1;
    }
    if (told > 0 && (at < scan->count || !scan->complete))
        listing_write_cursor(&scan->places[at - 1].place, cursor);
    return 0;
}

static void
run_list(struct page *page)
{
    struct fep_error error = {0};
    char cursor[STORE_CURSOR_SIZE];
    int status = page->job->type == LISTER_RECALL ? recall_fill(page, cursor, &error)
                                                  : fill_page(page, cursor, &error);
    if (status != 0) {
        mail_list_release(&page->mails);
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR,
                 LOG_N("code", error.code != 0 ? error.code : FEP_E_STORE_READ), LOG_S(error.text));
    }
    struct mail *end = mail_append(&page->mails, STORE_LISTED, 0);
    if (end == NULL) { /* whoever waits has a time-out */
        mail_list_release(&page->mails);
        return;
    }
    end->event.reference = page->job->reference;
    if (status != 0) {
        end->event.error = error;
        if (error.code == 0)
            end->event.error.code = FEP_E_STORE_READ;
    } else {
        memcpy(end->event.cursor, cursor, sizeof cursor);
    }
}

/* --- one settlement
 * ------------------------------------------------------------------------------------------------- */

/* 1 and the row, 0 none, negative with the error. */
static int
find_in(struct page *page, sqlite3 *db, const char *pattern, struct stored *row, struct fep_error *error)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *select = NULL;
    int64_t id;
    int found = lister_find_settlement(page->lister, db, page->job, &id, error);
    if (found <= 0)
        return found;
    record_sql(pattern, sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &select, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(select, 1, id);
        rc = sqlite3_step(select);
    }
    if (rc == SQLITE_ROW) {
        rc = stored_read(select, row);
        rc = rc == SQLITE_OK ? SQLITE_ROW : rc;
    }
    sqlite3_finalize(select);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : error_set(error, 0, FEP_E_STORE_READ, "%s", sqlite3_errstr(rc));
}

/* One whose row was damaged may be it: of those that go on the settlement id is certain. */
static int
check_damaged_rows(const struct page *page, uint32_t oldest, struct fep_error *error)
{
    char sql[192];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM quarantined WHERE source='exchange' AND became NOT LIKE 'goes on%%' AND "
             "(day=0 OR day>=%u)",
             (unsigned)oldest);
    int64_t count = database_number(page->queue, sql);
    if (count == 0)
        return 0;
    return error_set(error, 0, FEP_E_STORE_BODY,
                     "a damaged row in quarantine may be what is looked for (fepctl quarantine)");
}

/* A day in quarantine may have held it. */
static int
check_quarantines(const struct page *page, uint32_t newest, struct fep_error *error)
{
    uint32_t oldest = listing_move_day(newest, -(int)page->lister->horizon_days - 2);
    DIR *folder = opendir(page->lister->journal_directory);
    int status = 0;
    if (folder == NULL)
        return error_set(error, 0, FEP_E_STORE_READ, "%s: %s", page->lister->journal_directory,
                         strerror(errno));
    for (struct dirent *entry; status == 0 && (entry = readdir(folder)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size > 8 && strncmp(entry->d_name + 8, ".db.quarantined", 15) == 0 &&
            strtoul(entry->d_name, NULL, 10) >= oldest)
            status = error_set(error, 0, FEP_E_JOURNAL_QUARANTINED, "%.60s may hold what is looked for",
                               entry->d_name);
    }
    closedir(folder);
    return status == 0 ? check_damaged_rows(page, oldest, error) : status;
}

static int
find_settlement(struct page *page, struct stored *row, struct fep_error *error)
{
    uint32_t days[512];
    if (database_open_to_read(page->lister->queue_file, QUEUE_APPLICATION, &page->queue, error) !=
        DATABASE_GOOD)
        return -1;
    int found = find_in(page, page->queue, QUEUE_BY_ID, row, error);
    size_t count = journals_list(page->lister->journal_directory, days, sizeof days / sizeof days[0]);
    if (count > page->lister->horizon_days + 2) /* what is older is refused before anybody asks */
        count = page->lister->horizon_days + 2;
    for (size_t i = 0; i < count && found == 0 && !lister_is_stopping(page->lister); i++) {
        if (open_journal(page, days[i], error) != 0)
            return -1;
        if (page->journal != NULL)
            found = find_in(page, page->journal, BY_ID, row, error);
    }
    if (found == 0 && (lister_is_stopping(page->lister) ||
                       check_quarantines(page, count > 0 ? days[0] : 20000101, error) != 0))
        return -1;
    return found;
}

static void
run_settlement(struct page *page)
{
    struct fep_error error = {0};
    struct stored row = {0};
    int found = find_settlement(page, &row, &error);
    if (found > 0 && lister_hand_over(page, &row, STORE_FOUND, &error) == 0)
        return;
    if (error.code != 0)
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR, LOG_N("code", error.code), LOG_S(error.text));
    struct mail *none = mail_append(&page->mails, STORE_FOUND, 0);
    if (none == NULL)
        return;
    none->event.reference = page->job->reference;
    none->event.error = error;
    if (found < 0 && error.code == 0)
        none->event.error.code = FEP_E_STORE_READ;
}

/* --- the thread
 * ----------------------------------------------------------------------------------------------------- */

int
lister_is_stopping(struct lister *lister)
{
    pthread_mutex_lock(&lister->mutex);
    int stopping = lister->stopping;
    pthread_mutex_unlock(&lister->mutex);
    return stopping;
}

static void
run_job(struct lister *lister, const struct lister_job *job)
{
    struct page page = {.lister = lister, .job = job};
    if (job->type != LISTER_SETTLEMENT)
        run_list(&page);
    else
        run_settlement(&page);
    sqlite3_close(page.queue);
    sqlite3_close(page.journal);
    mailbox_post(lister->mailbox, &page.mails);
}

static void *
run_lister(void *arg)
{
    struct lister *lister = arg;
    pthread_mutex_lock(&lister->mutex);
    while (!lister->stopping) {
        if (lister->count == 0) {
            pthread_cond_wait(&lister->asked, &lister->mutex);
            continue;
        }
        struct lister_job job = lister->jobs[lister->first];
        lister->first = (lister->first + 1) % LISTER_JOBS;
        lister->count--;
        pthread_mutex_unlock(&lister->mutex);
        run_job(lister, &job);
        pthread_mutex_lock(&lister->mutex);
    }
    pthread_mutex_unlock(&lister->mutex);
    return NULL;
}

int
lister_start(struct lister *lister, const char *queue_file, const char *journal_directory,
             uint32_t horizon_days, struct body_cipher *cipher, struct mailbox *mailbox,
             struct fep_error *error)
{
    snprintf(lister->queue_file, sizeof lister->queue_file, "%s", queue_file);
    snprintf(lister->journal_directory, sizeof lister->journal_directory, "%s", journal_directory);
    lister->horizon_days = horizon_days;
    lister->cipher = cipher;
    lister->mailbox = mailbox;
    pthread_mutex_init(&lister->mutex, NULL);
    pthread_cond_init(&lister->asked, NULL);
    if (pthread_create(&lister->thread, NULL, run_lister, lister) != 0) {
        pthread_mutex_destroy(&lister->mutex);
        pthread_cond_destroy(&lister->asked);
        return error_set(error, 0, FEP_E_SYSTEM, "cannot start the store's listing thread");
    }
    lister->started = 1;
    return 0;
}

void
lister_stop(struct lister *lister)
{
    if (lister->started) {
        pthread_mutex_lock(&lister->mutex);
        lister->stopping = 1;
        pthread_cond_signal(&lister->asked);
        pthread_mutex_unlock(&lister->mutex);
        pthread_join(lister->thread, NULL);
        pthread_mutex_destroy(&lister->mutex);
        pthread_cond_destroy(&lister->asked);
        lister->started = 0;
    }
    lister_forget_scans(lister);
    body_cipher_destroy(lister->cipher);
    lister->cipher = NULL;
}

int
lister_ask(struct lister *lister, const struct lister_job *job)
{
    pthread_mutex_lock(&lister->mutex);
    int full = lister->count == LISTER_JOBS;
    if (!full) {
        lister->jobs[(lister->first + lister->count++) % LISTER_JOBS] = *job;
        pthread_cond_signal(&lister->asked);
    }
    pthread_mutex_unlock(&lister->mutex);
    return full ? -1 : 0;
}
