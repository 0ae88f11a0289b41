/* Moves closed exchanges from the queue to their day journals (rule 22): insert in the journal, commit there,
 * then delete from the queue with the next group commit. Idempotent by key: a crash in between moves the row
 * again. Must never delete what no journal has committed, never hold up a commit for long, never fall behind
 * for ever: its share grows with what waits. Where a journal can't be written the rows stay in the queue and
 * it tries again later. */
#include "sqlite_store.h"

#include <stdlib.h>
#include "error.h"
#include "kill_point.h"
#include "log.h"
#include "mutation.h"
#include "record_columns.h"

#define MANY_WAIT   512 /* so many wait: move although there is other work */
#define SHARE_ROWS  16  /* per turn, and one more for each SHARE_MORE rows that wait */
#define SHARE_MORE  16
#define ROW_BYTES   (16 << 10) /* a turn's bytes are bounded as if its rows were so large, at most */
#define ROUND_BYTES (1 << 20)  /* a journal's transaction, about; more when much waits */
#define PAUSE_MS    1000       /* after a failure */
#define AGAIN_MS    20         /* after meeting a reader */

int
mover_init(struct mover *mover)
{
    *mover = (struct mover){0};
    mover->rows = calloc(MOVE_ROUND, sizeof *mover->rows);
    return mover->rows ? 0 : -1;
}

static uint64_t
not_yet_put(const struct mover *mover)
{
    uint64_t put = mover->count - mover->deleted;
    return mover->waiting > put ? mover->waiting - put : 0;
}

int
mover_is_due(const struct sqlite_store *store, int64_t idle_ms, int64_t now_ms)
{
    const struct mover *mover = &store->mover;
    if (mover->waiting == 0 || now_ms < mover->not_before_ms)
        return 0;
    if (mover->committing)
        return 1; /* to see whether it is done */
    if (mover->committed)
        return idle_ms >= MOVE_IDLE_MS;
    if (!store->room.ballast_held)
        return 0; /* what is left of the disk belongs to outcomes and reversals */
    return idle_ms >= MOVE_IDLE_MS || not_yet_put(mover) >= MANY_WAIT || mover->count > 0;
}

static void
begin_anew(struct sqlite_store *store)
{
    struct mover *mover = &store->mover;
    journals_rollback(&store->journals);
    mover->count = mover->deleted = 0;
    mover->bytes = 0;
    mover->committed = 0;
    mover->cursor = 0;
}

static void
fail(struct sqlite_store *store, enum journal_result result, const struct fep_error *error, int64_t now_ms)
{
    struct mover *mover = &store->mover;
    mover->not_before_ms = now_ms + (result == JOURNAL_AGAIN ? AGAIN_MS : PAUSE_MS);
    if (result == JOURNAL_FAILED && !mover->failing) {
        mover->failing = 1;
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR, LOG_N("code", error->code), LOG_S(error->text));
    }
    if (result != JOURNAL_AGAIN || mover->count == 0)
        begin_anew(store);
}

static void
commit_round(struct sqlite_store *store)
{
    if (MUTATED(MOVED_UNCOMMITTED)) {
        store->mover.committed = 1;
        return;
    }
    store->mover.committing = 1;
    background_ask(&store->background, JOB_COMMIT_JOURNALS);
}

static void
collect_commit(struct sqlite_store *store, int64_t now_ms)
{
    struct mover *mover = &store->mover;
    if (background_poll(&store->background, JOB_COMMIT_JOURNALS) != JOB_DONE)
        return;
    mover->committing = 0;
    if (store->background.result != JOURNAL_GOOD) {
        fail(store, store->background.result, &store->background.error, now_ms);
        return;
    }
    kill_point("store-journal-inserted");
    mover->committed = 1;
    mover->failing = 0;
}

/* One row of select_closed into its journal. */
static enum journal_result
put_row(struct sqlite_store *store, sqlite3_stmt *closed, struct fep_error *error)
{
    struct mover *mover = &store->mover;
    struct moved *moved = &mover->rows[mover->count];
    struct stored row = {0};
    int at = record_column_count;
    mover->cursor = sqlite3_column_int64(closed, at + 2);
    if (record_read(closed, &row.record) < 0) {
        /* It stays where it is, for a person; those behind it move on. */
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_STORE_DAMAGED),
                 LOG_S("a closed row of the queue does not fit and is not moved"));
        mover->waiting--;
        return JOURNAL_GOOD;
    }
    /* Borrowed from the statement until its next step: the journal copies them. */
    row.body.data = sqlite3_column_blob(closed, at);
    row.body.size = (size_t)sqlite3_column_bytes(closed, at);
    row.answer.data = sqlite3_column_blob(closed, at + 1);
    row.answer.size = (size_t)sqlite3_column_bytes(closed, at + 1);
    enum journal_result result = journals_put(&store->journals, &row, error);
    if (result != JOURNAL_GOOD)
        return result;
    *moved = (struct moved){.record = row.record,
                            .number = mover->cursor,
                            .id = sqlite3_column_int64(closed, at + 3),
                            .body_id = sqlite3_column_int64(closed, at + 4),
                            .answer_id = sqlite3_column_int64(closed, at + 5)};
    mover->bytes += row.body.size + row.answer.size;
    mover->count++;
    return JOURNAL_GOOD;
}

static uint64_t
share_of(const struct mover *mover)
{
    return SHARE_ROWS + mover->waiting / SHARE_MORE;
}

static void
put_share(struct sqlite_store *store, int64_t now_ms)
{
    struct mover *mover = &store->mover;
    struct fep_error error = {0};
    enum journal_result result = JOURNAL_GOOD;
    uint64_t seen = 0, limit = MOVE_ROUND - mover->count, share = share_of(mover);
    uint64_t until = mover->bytes + share * ROW_BYTES;
    sqlite3_stmt *closed = store->statements.select_closed;
    int rc = SQLITE_ROW;
    limit = share < limit ? share : limit;
    sqlite3_bind_int64(closed, 1, mover->cursor);
    sqlite3_bind_int64(closed, 2, (sqlite3_int64)limit);
    while (result == JOURNAL_GOOD && mover->bytes < until && (rc = sqlite3_step(closed)) == SQLITE_ROW) {
        result = put_row(store, closed, &error);
        seen++;
    }
    sqlite3_reset(closed);
    if (result == JOURNAL_AGAIN && mover->count > 0) { /* too many days at once: end this round first */
        mover->cursor = mover->rows[mover->count - 1].number;
        commit_round(store);
        return;
    }
    if (result != JOURNAL_GOOD || (rc != SQLITE_ROW && rc != SQLITE_DONE)) {
        fail(store, result == JOURNAL_GOOD ? JOURNAL_FAILED : result, &error, now_ms);
        return;
    }
    int exhausted = rc == SQLITE_DONE && seen < limit;
    if (mover->count > 0 &&
        (exhausted || mover->count == MOVE_ROUND || mover->bytes >= ROUND_BYTES * (share / SHARE_ROWS)))
        commit_round(store);
    else if (exhausted)
        mover->waiting = 0; /* nothing is left that could be moved */
}

void
mover_put(struct sqlite_store *store, int64_t now_ms)
{
    if (store->mover.committing)
        collect_commit(store, now_ms);
    else if (!store->mover.committed)
        put_share(store, now_ms);
}

size_t
mover_deletable(const struct sqlite_store *store)
{
    const struct mover *mover = &store->mover;
    if (!mover->committed)
        return 0;
    size_t left = mover->count - mover->deleted, share = share_of(mover);
    return left < share ? left : share;
}

static int
run_with_id(sqlite3_stmt *statement, int64_t id)
{
    if (id == 0)
        return SQLITE_OK;
    sqlite3_bind_int64(statement, 1, id);
    return statement_run(statement);
}

int
mover_delete(struct sqlite_store *store, size_t limit)
{
    struct mover *mover = &store->mover;
    struct statements *st = &store->statements;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < limit; i++, mover->deleted++) {
        const struct moved *moved = &mover->rows[mover->deleted];
        struct exchange_key key = exchange_key_of(&moved->record);
        const struct queued *queued = queue_map_find(&store->map, &key);
        if (!queued || queued->closed != moved->number)
            continue; /* opened again since: it stays, and its row in the journal will be replaced */
        rc = key_tables_put(&store->keys, &moved->record);
        if (rc == SQLITE_OK)
            rc = run_with_id(st->delete_exchange, moved->id);
        if (rc == SQLITE_OK)
            rc = run_with_id(st->delete_body, moved->body_id);
        if (rc == SQLITE_OK)
            rc = run_with_id(st->delete_body, moved->answer_id);
        if (rc == SQLITE_OK)
            rc = run_with_id(st->delete_closed, moved->number);
        if (rc == SQLITE_OK) {
            queue_map_remove(&store->map, &key);
            mover->waiting--;
        }
    }
    return rc;
}

void
mover_committed(struct sqlite_store *store)
{
    struct mover *mover = &store->mover;
    if (!mover->committed || mover->deleted < mover->count)
        return;
    mover->count = mover->deleted = 0;
    mover->bytes = 0;
    mover->committed = 0;
}

void
mover_rolled_back(struct sqlite_store *store, size_t deleted)
{
    store->mover.deleted = deleted;
}
