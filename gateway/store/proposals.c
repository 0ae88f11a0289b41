/* Keeps what operators propose and confirm. Must never answer "kept" before the commit, never store an answer
 * in clear where bodies are sealed, never let a row eat the room that outcomes need. */
#include "proposals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"

void
proposals_drop(struct store_proposal *proposal)
{
    if (proposal == NULL)
        return;
    slice_release(&proposal->answer);
    free(proposal);
}

static struct exchange_key
key_of(const struct store_proposal *proposal)
{
    struct message_key key = {0};
    memcpy(key.origin, proposal->origin, sizeof key.origin);
    memcpy(key.msgid, proposal->msgid, sizeof key.msgid);
    return exchange_key_make(&key, proposal->role);
}

/* --- writing --- */

static int
bind_answer(struct sqlite_store *store, sqlite3_stmt *put, int at, const struct store_proposal *proposal)
{
    size_t size = proposal->answer.size;
    struct exchange_key key = key_of(proposal);
    if (size == 0)
        return sqlite3_bind_null(put, at);
    if (store->cipher == NULL)
        return sqlite3_bind_blob64(put, at, proposal->answer.data, size, SQLITE_STATIC);
    uint8_t *sealed = malloc(size + BODY_CIPHER_OVERHEAD);
    if (sealed == NULL)
        return SQLITE_NOMEM;
    if (body_cipher_seal(store->cipher, &key, BLOB_ANSWER, proposal->answer.data, size, sealed) != 0) {
        free(sealed);
        return SQLITE_NOMEM;
    }
    return sqlite3_bind_blob64(put, at, sealed, size + BODY_CIPHER_OVERHEAD, free);
}

static int
bind_row(struct sqlite_store *store, sqlite3_stmt *put, const struct store_proposal *row)
{
    const struct fep_index *index = &row->index;
    const int64_t numbers[] = {[1] = row->id,
                               [2] = row->verb,
                               [3] = row->state,
                               [4] = row->ended,
                               [9] = row->role,
                               [10] = row->attempt,
                               [11] = (int64_t)row->serial,
                               [12] = row->proposed_ms,
                               [13] = row->proposed_by,
                               [15] = row->decided_ms,
                               [16] = row->decided_by,
                               [18] = row->applied_ms,
                               [19] = row->contradicted_ms,
                               [21] = index->total_fen,
                               [22] = index->fund_fen,
                               [23] = index->account_fen,
                               [24] = index->cash_fen,
                               [25] = index->has_money};
    const char *const texts[26] = {
        [5] = row->origin, [6] = row->msgid,        [7] = row->infno,           [8] = row->instance,
        [14] = row->why,   [17] = row->decided_why, [20] = index->settlement_id};
    int rc = SQLITE_OK;
    for (int at = 1; rc == SQLITE_OK && at <= 25; at++)
        rc = texts[at] != NULL ? sqlite3_bind_text(put, at, texts[at], -1, SQLITE_STATIC)
                               : sqlite3_bind_int64(put, at, numbers[at]);
    return rc == SQLITE_OK ? bind_answer(store, put, 26, row) : rc;
}

static int
run(struct sqlite_store *store, const struct store_proposal *row)
{
    int rc = statement_run(store->statements.begin);
    if (rc == SQLITE_OK)
        rc = bind_row(store, store->statements.put_proposal, row);
    if (rc == SQLITE_OK)
        rc = statement_run(store->statements.put_proposal);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(store->statements.trim_proposals, 1, STORE_PROPOSALS_MOST);
    if (rc == SQLITE_OK)
        rc = statement_run(store->statements.trim_proposals);
    return rc == SQLITE_OK ? statement_run(store->statements.commit) : rc;
}

static void
report(struct sqlite_store *store, uint64_t reference, int done)
{
    struct mail_list mails = {0};
    struct mail *mail = mail_append(&mails, STORE_PROPOSAL, 0);
    if (mail == NULL)
        return; /* the owner's wait ends by time */
    mail->event.reference = reference;
    mail->event.found = (uint8_t)done;
    if (!done)
        error_set(&mail->event.error, 0, FEP_E_DISK_FULL, "the disk is full; nothing was stored");
    mailbox_post(&store->base.mailbox, &mails);
}

int
proposals_commit(struct sqlite_store *store, const struct item *item)
{
    char message[160];
    if (!store->room.ballast_held) {
        report(store, item->reference, 0);
        return 0;
    }
    int rc = run(store, item->proposal);
    if (rc == SQLITE_OK) {
        report(store, item->reference, 1);
        return 0;
    }
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(store->db));
    int full = code_is_full(store->db, rc), back = SQLITE_OK;
    if (!sqlite3_get_autocommit(store->db))
        back = statement_run(store->statements.rollback);
    if (full && back == SQLITE_OK) {
        report(store, item->reference, 0);
        return 0;
    }
    batch_fail(store, back != SQLITE_OK ? back : rc, message);
    return -1;
}

/* --- reading, at the start --- */

static void
take_text(sqlite3_stmt *select, int at, char *to, size_t room)
{
    const unsigned char *text = sqlite3_column_text(select, at);
    snprintf(to, room, "%s", text != NULL ? (const char *)text : "");
}

/* One that does not pass its check is left out: the proposal then says so when it is to be confirmed. */
static int
take_answer(const struct sqlite_store *store, sqlite3_stmt *select, int at, struct store_proposal *row)
{
    const uint8_t *blob = sqlite3_column_blob(select, at);
    size_t size = (size_t)sqlite3_column_bytes(select, at);
    struct exchange_key key = key_of(row);
    if (blob == NULL || size == 0)
        return SQLITE_OK;
    if (store->owner_cipher == NULL) {
        row->answer = slice_copy(blob, size);
        return row->answer.size == size ? SQLITE_OK : SQLITE_NOMEM;
    }
    uint8_t *clear = size > BODY_CIPHER_OVERHEAD ? malloc(size - BODY_CIPHER_OVERHEAD) : NULL;
    if (clear == NULL)
        return size > BODY_CIPHER_OVERHEAD ? SQLITE_NOMEM : SQLITE_OK;
    if (body_cipher_open(store->owner_cipher, &key, BLOB_ANSWER, blob, size, clear) == 0)
        row->answer = slice_copy(clear, size - BODY_CIPHER_OVERHEAD);
    free(clear);
    return SQLITE_OK;
}

#define TEXT(at, member) take_text(select, (at)-1, row->member, sizeof row->member)
#define NUMBER(at)       sqlite3_column_int64(select, (at)-1)
static int
read_row(const struct sqlite_store *store, sqlite3_stmt *select, struct store_proposal *row)
{
    *row = (struct store_proposal){.id = NUMBER(1),
                                   .verb = (uint8_t)NUMBER(2),
                                   .state = (uint8_t)NUMBER(3),
                                   .ended = (uint8_t)NUMBER(4),
                                   .role = (uint8_t)NUMBER(9),
                                   .attempt = (uint32_t)NUMBER(10),
                                   .serial = (uint64_t)NUMBER(11),
                                   .proposed_ms = NUMBER(12),
                                   .proposed_by = (uint32_t)NUMBER(13),
                                   .decided_ms = NUMBER(15),
                                   .decided_by = (uint32_t)NUMBER(16),
                                   .applied_ms = NUMBER(18),
                                   .contradicted_ms = NUMBER(19)};
    TEXT(5, origin);
    TEXT(6, msgid);
    TEXT(7, infno);
    TEXT(8, instance);
    TEXT(14, why);
    TEXT(17, decided_why);
    TEXT(20, index.settlement_id);
    row->index.size = sizeof row->index;
    row->index.total_fen = NUMBER(21);
    row->index.fund_fen = NUMBER(22);
    row->index.account_fen = NUMBER(23);
    row->index.cash_fen = NUMBER(24);
    row->index.has_money = (uint32_t)NUMBER(25);
    return take_answer(store, select, 25, row);
}
#undef TEXT
#undef NUMBER

int
proposals_load(struct store *base, size_t limit, int (*fn)(void *arg, const struct store_proposal *proposal),
               void *arg, struct fep_error *error)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    if (database_open_to_read(store->queue_file, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return error_wrap(error, "reading proposals");
    int rc =
        sqlite3_prepare_v2(db,
                           "SELECT * FROM proposal WHERE state<3 OR id>(SELECT max(id) FROM proposal)-?1 "
                           "ORDER BY id",
                           -1, &select, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(select, 1, (sqlite3_int64)limit);
    while (rc == SQLITE_OK && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        struct store_proposal row;
        rc = read_row(store, select, &row);
        if (rc == SQLITE_OK && fn(arg, &row) < 0)
            rc = SQLITE_ABORT;
        slice_release(&row.answer);
    }
    if (rc != SQLITE_DONE)
        error_set(error, 0, code_is_damage(rc) ? FEP_E_STORE_DAMAGED : FEP_E_STORE_READ,
                  "proposals of %s: %s", store->queue_file,
                  rc == SQLITE_ABORT ? "broken off" : sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    return rc == SQLITE_DONE ? 0 : -1;
}
