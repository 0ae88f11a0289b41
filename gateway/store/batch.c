/* One group commit: what was submitted while the last one was under way goes into one transaction. Must never
 * report what is not committed, never drop a write without reporting it, never let a new update eat the
 * reserve for outcomes and reversals (rule 15). A full disk refuses new updates and tries the rest again; any
 * other failure ends the store. */
#include "sqlite_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "error.h"
#include "kill_point.h"
#include "log.h"
#include "mend.h"
#include "prompts.h"
#include "record_columns.h"
#include "substitute.h"

#ifndef FULL_PAUSE_MS /* a test's may be shorter */
#define FULL_PAUSE_MS 200
#endif
#define FULL_TRIES_AT_CLOSE 5
#define HIGHEST_DAY         99991231

/* Results beside SQLite's codes (which are positive). */
enum { WRITE_DONE = 0, WRITE_REFUSED = -1, WRITE_CONFLICT = -2 };

/* --- blobs
 * -------------------------------------------------------------------------------------------------------- */

static int
make_scratch(struct sqlite_store *store, size_t size)
{
    if (size <= store->scratch_room)
        return SQLITE_OK;
    uint8_t *larger = realloc(store->scratch, size);
    if (!larger)
        return SQLITE_NOMEM;
    store->scratch = larger;
    store->scratch_room = size;
    return SQLITE_OK;
}

static int
insert_blob(struct sqlite_store *store, const void *data, size_t size, int64_t *id)
{
    sqlite3_stmt *insert = store->statements.insert_body;
    sqlite3_bind_int64(insert, 1, store->next_body);
    int rc = sqlite3_bind_blob64(insert, 2, data, size, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = statement_run(insert);
    *id = store->next_body++;
    return rc;
}

/* Writes one blob, encrypted, into table body; *id is its row. */
static int
put_blob(struct sqlite_store *store, const struct exchange_key *key, enum blob_part part,
         const struct slice *blob, int64_t *id)
{
    *id = 0;
    if (blob->size == 0)
        return SQLITE_OK;
    if (!store->cipher)
        return insert_blob(store, blob->data, blob->size, id);
    size_t size = blob->size + BODY_CIPHER_OVERHEAD;
    int rc = make_scratch(store, size);
    if (rc == SQLITE_OK &&
        body_cipher_seal(store->cipher, key, part, blob->data, blob->size, store->scratch) < 0)
        rc = SQLITE_NOMEM; /* nothing else makes these fail */
    return rc == SQLITE_OK ? insert_blob(store, store->scratch, size, id) : rc;
}

/* --- rows
 * ---------------------------------------------------------------------------------------------------------
 */

static int
bind_id_or_null(sqlite3_stmt *statement, int at, int64_t id)
{
    return id != 0 ? sqlite3_bind_int64(statement, at, id) : sqlite3_bind_null(statement, at);
}

/* insert_exchange and update_exchange have the same parameters. */
static int
run_exchange(struct sqlite_store *store, sqlite3_stmt *statement, const struct exchange_record *record,
             int64_t body_id, int64_t answer_id, int64_t id)
{
    int rc = record_bind(statement, record), at = record_column_count;
    if (rc == SQLITE_OK)
        rc = bind_id_or_null(statement, at + 1, body_id);
    if (rc == SQLITE_OK)
        rc = bind_id_or_null(statement, at + 2, answer_id);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(statement, at + 3, (sqlite3_int64)atomic_load(&store->commit_sequence) + 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(statement, at + 4, id);
    if (rc == SQLITE_OK)
        rc = statement_run(statement);
    if (rc == SQLITE_OK && sqlite3_changes(store->db) != 1)
        rc = SQLITE_CORRUPT; /* the map says that the row is there */
    store->row_written = 1;
    return rc;
}

/* The first answered exchange of this origin that carries a visit id opened the visit; the later ones are
 * ignored. */
static int
note_visit(struct sqlite_store *store, const struct exchange_record *record)
{
    if (record->role != ROLE_ORIGIN || record->state != STATE_ANSWERED || record->index.visit_id[0] == '\0')
        return SQLITE_OK;
    sqlite3_stmt *insert = store->statements.insert_visit;
    sqlite3_bind_text(insert, 1, record->header.insured_area, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 2, record->index.visit_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 3, record->header.key.origin, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, record->header.key.msgid, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 5, record->header.day);
    return statement_run(insert);
}

static int
report_refusal(struct sqlite_store *store, struct item *item, unsigned code, const char *why)
{
    struct mail *mail = mail_append(&store->mails, STORE_REFUSED, 0);
    if (!mail)
        return SQLITE_NOMEM;
    mail->event.sequence = item->write.sequence;
    error_set(&mail->event.error, FEP_NOT_SENT, code, "%s", why);
    memcpy(mail->event.error.msgid, item->write.record.header.key.msgid, MSGID_SIZE);
    item->refused = 1;
    return WRITE_REFUSED;
}

static int
report_conflict(struct sqlite_store *store, const struct item *item, struct stored *row)
{
    struct mail *mail = mail_append(&store->mails, STORE_CONFLICT, 0);
    if (!mail) {
        stored_release(row);
        return SQLITE_NOMEM;
    }
    mail->event.sequence = item->write.sequence;
    lookup_hand_over(store, row, &mail->event);
    return WRITE_CONFLICT;
}

/* Puts a key into the queue: row, blobs, map. */
static int
add_exchange(struct sqlite_store *store, const struct exchange_key *key, const struct exchange_record *record,
             int64_t body_id, int64_t answer_id)
{
    int64_t id = store->next_id++;
    int rc = run_exchange(store, store->statements.insert_exchange, record, body_id, answer_id, id);
    if (rc != SQLITE_OK)
        return rc;
    struct queued *queued = queue_map_add(&store->map, key, id);
    if (!queued)
        return SQLITE_NOMEM;
    queued->answer_id = answer_id;
    return SQLITE_OK;
}

/* What else a record's ending changes. */
static int
note_ending(struct sqlite_store *store, const struct store_write *write)
{
    int rc = note_visit(store, &write->record);
    return rc == SQLITE_OK && write->settles ? prompts_note_settlement(store, &write->record) : rc;
}

/* What the reserve is for: endings, tombstones and reversals; everything but a new update. */
static int
uses_reserve(const struct store_write *write)
{
    const struct exchange_record *record = &write->record;
    return write->type != STORE_INSERT || exchange_state_is_ending(record->state) || record->tombstone ||
           record->state == STATE_REVERSING || record->reversal_cause != REVERSAL_NONE ||
           record->header.transaction_class == CLASS_REVERSAL;
}

/* It was stored before, and its row was damaged so that nothing of it is known but that it was. */
static int
meet_stray(struct sqlite_store *store, struct item *item, const struct exchange_key *key)
{
    struct stored row = {0};
    const struct exchange_record *record = &item->write.record;
    substitute_make_unclear(&record->header.key, record->role, record->header.day, &row.record);
    int rc = mend_take_stray(store, key);
    if (rc == SQLITE_OK)
        rc = add_exchange(store, key, &row.record, 0, 0);
    return rc == SQLITE_OK ? report_conflict(store, item, &row) : rc;
}

static int
carry_out_insert(struct sqlite_store *store, struct item *item)
{
    const struct exchange_record *record = &item->write.record;
    struct exchange_key key = exchange_key_of(record);
    struct stored row;
    enum lookup_place place;
    int64_t body_id, answer_id;
    int found = lookup_exchange(store, &key, &row, &place);
    if (found != 0)
        return found > 0 ? report_conflict(store, item, &row) : -found;
    if (mend_is_stray(store, &key))
        return meet_stray(store, item, &key);
    if (!store->room.ballast_held && !uses_reserve(&item->write))
        return report_refusal(store, item, FEP_E_DISK_FULL, "the disk is full; nothing was stored");
    if (record->header.day > HIGHEST_DAY || !key_tables_have_room(&store->keys, record->header.day))
        return report_refusal(store, item, FEP_E_BOUND, "too many different days are open in the store");
    int rc = put_blob(store, &key, BLOB_BODY, &item->write.body, &body_id);
    if (rc == SQLITE_OK)
        rc = put_blob(store, &key, BLOB_ANSWER, &item->write.answer, &answer_id);
    if (rc == SQLITE_OK)
        rc = add_exchange(store, &key, record, body_id, answer_id);
    return rc == SQLITE_OK ? note_ending(store, &item->write) : rc;
}

static int
open_again(struct sqlite_store *store, struct queued *queued)
{
    sqlite3_stmt *delete = store->statements.delete_closed;
    sqlite3_bind_int64(delete, 1, queued->closed);
    queued->closed = 0;
    store->mover.waiting--;
    return statement_run(delete);
}

static int
update_queued(struct sqlite_store *store, struct item *item, struct queued *queued)
{
    int64_t body_id, answer_id, old_answer = queued->answer_id;
    int rc = put_blob(store, &queued->key, BLOB_BODY, &item->write.body, &body_id);
    if (rc == SQLITE_OK)
        rc = put_blob(store, &queued->key, BLOB_ANSWER, &item->write.answer, &answer_id);
    if (rc == SQLITE_OK && answer_id != 0 && old_answer != 0) {
        sqlite3_bind_int64(store->statements.delete_body, 1, old_answer);
        rc = statement_run(store->statements.delete_body);
    }
    if (rc == SQLITE_OK && answer_id != 0)
        queued->answer_id = answer_id;
    if (rc == SQLITE_OK && queued->closed != 0)
        rc = open_again(store, queued);
    if (rc == SQLITE_OK)
        rc = run_exchange(store, store->statements.update_exchange, &item->write.record, body_id, answer_id,
                          queued->id);
    return rc;
}

/* A closed exchange whose row is in a journal comes back: its blobs are copied as they are, then it is an
 * update as any other. The journal's row stays until the exchange moves there again. */
static int
bring_back(struct sqlite_store *store, const struct exchange_key *key, struct stored *row)
{
    int64_t body_id = 0, answer_id = 0;
    int rc = SQLITE_OK;
    if (row->body.size > 0)
        rc = insert_blob(store, row->body.data, row->body.size, &body_id);
    if (rc == SQLITE_OK && row->answer.size > 0)
        rc = insert_blob(store, row->answer.data, row->answer.size, &answer_id);
    return rc == SQLITE_OK ? add_exchange(store, key, &row->record, body_id, answer_id) : rc;
}

static int
carry_out_update(struct sqlite_store *store, struct item *item)
{
    struct exchange_key key = exchange_key_of(&item->write.record);
    struct queued *queued = queue_map_find(&store->map, &key);
    if (!queued) {
        struct stored row;
        enum lookup_place place;
        int found = lookup_moved(store, &key, &row, &place);
        if (found < 0)
            return -found;
        if (found == 0)
            return report_refusal(store, item, FEP_E_NOTHING_KNOWN, "the store holds no such exchange");
        if (place == LOOKUP_UNREAD) { /* brought back now it would lose its bodies for good */
            stored_release(&row);
            return report_refusal(store, item, FEP_E_STORE_READ, "its journal can't be read now");
        }
        if (place ==
            LOOKUP_KEYS) /* they do not know what else stood in the row, nor whether it was the destination */
            row.record = item->write.record;
        int rc = bring_back(store, &key, &row);
        stored_release(&row);
        if (rc != SQLITE_OK)
            return rc;
        queued = queue_map_find(&store->map, &key);
    }
    int rc = update_queued(store, item, queued);
    return rc == SQLITE_OK ? note_ending(store, &item->write) : rc;
}

static int
carry_out_close(struct sqlite_store *store, const struct item *item)
{
    struct exchange_key key = exchange_key_of(&item->write.record);
    struct queued *queued = queue_map_find(&store->map, &key);
    if (!queued || queued->closed != 0)
        return WRITE_DONE; /* closed already */
    sqlite3_stmt *insert = store->statements.insert_closed;
    sqlite3_bind_int64(insert, 1, store->next_closed);
    sqlite3_bind_int64(insert, 2, queued->id);
    queued->closed = store->next_closed++;
    store->mover.waiting++;
    return statement_run(insert);
}

static int
write_number(struct sqlite_store *store, const char *name, uint64_t number)
{
    sqlite3_stmt *write = store->statements.write_number;
    sqlite3_bind_text(write, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(write, 2, (sqlite3_int64)number);
    return statement_run(write);
}

static int
carry_out(struct sqlite_store *store, struct item *item)
{
    switch (item->write.type) {
    case STORE_INSERT:
        return carry_out_insert(store, item);
    case STORE_UPDATE:
        return carry_out_update(store, item);
    case STORE_CLOSE:
        return carry_out_close(store, item);
    case STORE_SERIALS:
        return write_number(store, "serial_counter", item->write.number);
    }
    return SQLITE_MISUSE;
}

/* --- the transaction
 * ---------------------------------------------------------------------------------------------- */

int
batch_load_map(struct sqlite_store *store)
{
    sqlite3_stmt *scan = NULL;
    queue_map_clear(&store->map);
    store->mover.waiting = 0;
    int rc = sqlite3_prepare_v2(
        store->db,
        "SELECT origin,msgid,role,exchange.id,coalesce(answer_id,0),coalesce(number,0) FROM "
        "exchange LEFT JOIN (SELECT exchange AS of,number FROM closed) ON of=exchange.id",
        -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        struct message_key name = {0};
        struct queued *queued = NULL;
        if (sqlite3_column_bytes(scan, 0) < NODE_SIZE && sqlite3_column_bytes(scan, 1) < MSGID_SIZE) {
            memcpy(name.origin, sqlite3_column_text(scan, 0), (size_t)sqlite3_column_bytes(scan, 0));
            memcpy(name.msgid, sqlite3_column_text(scan, 1), (size_t)sqlite3_column_bytes(scan, 1));
            struct exchange_key key = exchange_key_make(&name, (uint8_t)sqlite3_column_int(scan, 2));
            if (!queue_map_find(&store->map, &key))
                queued = queue_map_add(&store->map, &key, sqlite3_column_int64(scan, 3));
        }
        rc = queued ? SQLITE_OK : SQLITE_CORRUPT; /* a key that is there twice, or is none */
        if (queued) {
            queued->answer_id = sqlite3_column_int64(scan, 4);
            queued->closed = sqlite3_column_int64(scan, 5);
            store->mover.waiting += queued->closed != 0;
        }
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? mend_load_strays(store) : rc;
}

/* Back to what is on disk: the transaction, the map, the key tables and the mover's round. */
static int
take_back(struct sqlite_store *store, size_t deleted)
{
    mail_list_release(&store->mails);
    if (!sqlite3_get_autocommit(store->db)) {
        int rc = statement_run(store->statements.rollback);
        if (rc != SQLITE_OK)
            return rc;
    }
    mover_rolled_back(store, deleted);
    int rc = key_tables_reload(&store->keys);
    return rc == SQLITE_OK ? batch_load_map(store) : rc;
}

static int
run_transaction(struct sqlite_store *store, struct item *first, size_t count, size_t to_delete)
{
    struct statements *st = &store->statements;
    int rc = statement_run(st->begin), written = 0;
    store->row_written = 0;
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++, first = first->next) {
        first->refused = 0;
        rc = carry_out(store, first);
        written += rc == WRITE_DONE;
        if (rc == WRITE_REFUSED || rc == WRITE_CONFLICT)
            rc = SQLITE_OK;
    }
    if (rc == SQLITE_OK)
        rc = mover_delete(store, to_delete);
    if (rc != SQLITE_OK)
        return rc;
    if (written == 0 && to_delete == 0 && !store->row_written)
        return statement_run(st->rollback);
    if (!store->row_written) /* else the rows carry it */
        rc = write_number(store, "commit_sequence", atomic_load(&store->commit_sequence) + 1);
    kill_point("store-before-commit");
    if (rc == SQLITE_OK)
        rc = statement_run(st->commit);
    if (rc == SQLITE_OK) {
        atomic_fetch_add(&store->commit_sequence, 1);
        kill_point("store-after-commit");
    }
    return rc;
}

static void
wait_for_room(struct sqlite_store *store)
{
    struct mail_list mails = {0};
    usleep(FULL_PAUSE_MS * 1000);
    writer_answer_call(store);
    if (room_look(&store->room, writer_now_ms())) {
        struct mail *mail = mail_append(&mails, STORE_ROOM, 0);
        if (mail)
            mail->event.found = (uint8_t)atomic_load(&store->room.has);
        mailbox_post(&store->base.mailbox, &mails);
    }
}

/* The disk is full. First the ballast goes; after that only time, or a person, makes room. */
static void
make_room(struct sqlite_store *store)
{
    if (room_release(&store->room, writer_now_ms())) {
        struct mail_list mails = {0};
        struct mail *mail = mail_append(&mails, STORE_ROOM, 0);
        if (mail)
            mail->event.found = 0;
        mailbox_post(&store->base.mailbox, &mails);
    } else {
        wait_for_room(store);
    }
    /* A log that is copied back is written over from its start and needs no new space. */
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void
batch_fail(struct sqlite_store *store, int rc, const char *message)
{
    struct mail_list mails = {0};
    struct mail *mail = mail_append(&mails, STORE_FAILED, 0);
    atomic_store(&store->failed, 1);
    if (mail)
        error_set(&mail->event.error, 0, code_is_damage(rc) ? FEP_E_STORE_DAMAGED : FEP_E_STORE_WRITE,
                  "%s: %s (%s)", store->queue_file, sqlite3_errstr(rc), message);
    mailbox_post(&store->base.mailbox, &mails);
}

/* Endings of writes in the order in which they count: refusals and conflicts first, then "everything up to".
 */
static int
report(struct sqlite_store *store, const struct item *last, size_t count)
{
    if (count == 0)
        return 0;
    struct mail *mail = mail_append(&store->mails, STORE_COMMITTED, count);
    if (!mail)
        return -1;
    mail->event.sequence = last->write.sequence;
    mailbox_post(&store->base.mailbox, &store->mails);
    return 0;
}

static int
stop_is_wanted(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->mutex);
    int wanted = store->stopping;
    pthread_mutex_unlock(&store->mutex);
    return wanted;
}

int
batch_commit(struct sqlite_store *store, struct item *first, size_t count)
{
    size_t to_delete = mover_deletable(store), deleted = store->mover.deleted;
    char message[160] = "";
    int rc;
    for (int tries_at_close = 0;;) {
        rc = run_transaction(store, first, count, to_delete);
        if (rc == SQLITE_OK)
            break;
        snprintf(message, sizeof message, "%s", sqlite3_errmsg(store->db));
        int full = code_is_full(store->db, rc), back = take_back(store, deleted);
        if (back != SQLITE_OK)
            rc = back;
        else if (full && !(stop_is_wanted(store) && ++tries_at_close > FULL_TRIES_AT_CLOSE)) {
            to_delete = 0;
            make_room(store);
            continue;
        }
        break;
    }
    struct item *last = first;
    for (size_t i = 0; i < count; i++, first = first->next) {
        slice_release(&first->write.body);
        slice_release(&first->write.answer);
        if (rc == SQLITE_OK && !first->refused && first->write.type == STORE_SERIALS)
            atomic_store(&store->serial_counter, first->write.number);
        last = first;
    }
    if (rc == SQLITE_OK) {
        mover_committed(store);
        rc = report(store, last, count) < 0 ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc == SQLITE_OK)
        return 0;
    batch_fail(store, rc, message);
    return -1;
}
