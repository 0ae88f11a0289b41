/* Finds a stored exchange: in the queue, in its day's journal, or at least in the key tables. Must never say
 * "none" of a key that was used: where the journal is gone, what the key tables know is the answer (rule 4).
 */
#include "sqlite_store.h"

#include <stdio.h>
#include "error.h"
#include "log.h"
#include "record_columns.h"

static int
read_queue(struct sqlite_store *store, const struct queued *queued, struct stored *row)
{
    sqlite3_stmt *select = store->statements.select_exchange;
    sqlite3_bind_int64(select, 1, queued->id);
    int rc = sqlite3_step(select);
    if (rc == SQLITE_ROW)
        rc = stored_read(select, row);
    else if (rc == SQLITE_DONE)
        rc = SQLITE_CORRUPT; /* the map was read from this very table */
    sqlite3_reset(select);
    return rc == SQLITE_OK ? 1 : -rc;
}

int
lookup_moved(struct sqlite_store *store, const struct exchange_key *key, struct stored *row,
             enum lookup_place *place)
{
    struct exchange_record ending;
    struct fep_error error = {0};
    int rc = key_tables_find(&store->keys, key, &ending);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? 0 : -rc;
    background_wait_for_journals(&store->background);
    enum journal_result result = journals_find(&store->journals, ending.header.day, key, row, &error);
    if (result == JOURNAL_GOOD) {
        *place = LOOKUP_JOURNAL;
        return 1;
    }
    if (result != JOURNAL_NONE)
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR,
                 LOG_N("code", error.code ? error.code : FEP_E_STORE_READ), LOG_S(error.text));
    *place = result == JOURNAL_NONE ? LOOKUP_KEYS : LOOKUP_UNREAD;
    *row = (struct stored){.record = ending};
    snprintf(row->record.text, sizeof row->record.text, "settled on %u as %s; %s",
             (unsigned)ending.header.day, exchange_state_name(ending.state),
             *place == LOOKUP_KEYS ? "body no longer held" : "its journal can't be read now");
    return 1;
}

int
lookup_exchange(struct sqlite_store *store, const struct exchange_key *key, struct stored *row,
                enum lookup_place *place)
{
    const struct queued *queued = queue_map_find(&store->map, key);
    if (!queued)
        return lookup_moved(store, key, row, place);
    *place = LOOKUP_QUEUE;
    return read_queue(store, queued, row);
}

void
lookup_hand_over(struct sqlite_store *store, struct stored *row, struct store_event *event)
{
    if (stored_decrypt(row, store->cipher) < 0)
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_STORE_BODY),
                 LOG_T("msgid", row->record.header.key.msgid));
    event->record = row->record;
    event->body = row->body;
    event->answer = row->answer;
    event->found = 1;
}

/* The visit's opener has the role of origin here. */
static int
find_visit(struct sqlite_store *store, const struct exchange_record *wanted, struct exchange_key *key)
{
    sqlite3_stmt *select = store->statements.select_visit;
    struct message_key opener = {0};
    sqlite3_bind_text(select, 1, wanted->header.insured_area, -1, SQLITE_STATIC);
    sqlite3_bind_text(select, 2, wanted->index.visit_id, -1, SQLITE_STATIC);
    int rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        snprintf(opener.origin, sizeof opener.origin, "%s", (const char *)sqlite3_column_text(select, 0));
        snprintf(opener.msgid, sizeof opener.msgid, "%s", (const char *)sqlite3_column_text(select, 1));
        *key = exchange_key_make(&opener, ROLE_ORIGIN);
    }
    sqlite3_reset(select);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -rc;
}

int
lookup_answer(struct sqlite_store *store, const struct item *item)
{
    struct exchange_key key = exchange_key_of(&item->write.record);
    struct mail_list mails = {0};
    struct stored row;
    enum lookup_place place;
    int found = 1;
    if (item->type == ITEM_FIND_VISIT)
        found = find_visit(store, &item->write.record, &key);
    if (found > 0)
        found = lookup_exchange(store, &key, &row, &place);
    if (found < 0)
        return found;
    struct mail *mail = mail_append(&mails, STORE_FOUND, 0);
    if (!mail) {
        if (found)
            stored_release(&row);
        return -SQLITE_NOMEM;
    }
    mail->event.reference = item->reference;
    if (found)
        lookup_hand_over(store, &row, &mail->event);
    mailbox_post(&store->base.mailbox, &mails);
    return 0;
}
