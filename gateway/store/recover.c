/* Recovery: hands every open exchange to the core, oldest first, before any traffic. Must never hand on a
 * body that does not pass its check, never change anything. On a connection of its own, in the owner's
 * thread. */
#include "sqlite_store.h"

#include "error.h"
#include "log.h"
#include "record_columns.h"

/* With a key the HMAC has already spoken; in clear the content's own digest must fit. A tombstone holds no
 * body. */
static int
body_fits(const struct sqlite_store *store, struct stored *row)
{
    static const uint8_t none[DIGEST_SIZE];
    uint8_t digest[DIGEST_SIZE];
    if (store->owner_cipher)
        return stored_decrypt(row, store->owner_cipher) == 0;
    if (row->body.size == 0 || memcmp(row->record.digest, none, DIGEST_SIZE) == 0)
        return 1;
    return message_digest(&row->record.header, &row->body, digest) == 0 &&
           memcmp(digest, row->record.digest, DIGEST_SIZE) == 0;
}

struct recovery {
    int (*fn)(void *arg, const struct exchange_record *record, struct slice body, struct slice answer);
    void *arg;
    uint64_t *quarantined;
};

static int
hand_over(const struct sqlite_store *store, const struct recovery *recovery, sqlite3_stmt *open)
{
    struct stored row;
    int rc = stored_read(open, &row);
    if (rc == SQLITE_NOMEM)
        return rc;
    if (rc != SQLITE_OK || !body_fits(store, &row)) {
        ++*recovery->quarantined;
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_STORE_BODY),
                 LOG_T("msgid", (const char *)sqlite3_column_text(open, 1)));
        stored_release(&row);
        return SQLITE_OK;
    }
    rc = recovery->fn(recovery->arg, &row.record, row.body, row.answer) < 0 ? SQLITE_ABORT : SQLITE_OK;
    stored_release(&row);
    return rc;
}

int
recover_open_exchanges(struct store *base,
                       int (*fn)(void *arg, const struct exchange_record *record, struct slice body,
                                 struct slice answer),
                       void *arg, uint64_t *quarantined, struct fep_error *error)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct recovery recovery = {.fn = fn, .arg = arg, .quarantined = quarantined};
    char sql[RECORD_SQL_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *open = NULL;
    *quarantined = 0;
    if (database_open_to_read(store->queue_file, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return error_wrap(error, "recovering");
    record_sql("SELECT $N,(SELECT data FROM body WHERE body.id=body_id),"
               "(SELECT data FROM body WHERE body.id=answer_id) FROM exchange "
               "WHERE id NOT IN (SELECT exchange FROM closed) ORDER BY id",
               sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &open, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(open)) == SQLITE_ROW)
        rc = hand_over(store, &recovery, open);
    if (rc == SQLITE_ABORT)
        error_set(error, 0, FEP_E_INTERNAL, "recovery was broken off");
    else if (rc != SQLITE_DONE)
        error_set(error, 0, code_is_damage(rc) ? FEP_E_STORE_DAMAGED : FEP_E_STORE_READ,
                  "recovering from %s: %s", store->queue_file, sqlite3_errmsg(db));
    sqlite3_finalize(open);
    sqlite3_close(db);
    return rc == SQLITE_DONE ? 0 : -1;
}
