/* Finds damaged rows when the store is opened, keeps them as they are in table `quarantined`, says so once
 * for each, and lets something true stand in their place, so that the gateway serves everything else. Must
 * never forget a key, never change a row that is as it was written, never go on half mended: all of it is one
 * transaction. */
#include "mend_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "error.h"
#include "log.h"
#include "record_columns.h"
#include "seal.h"
#include "substitute.h"

/* --- one row as it was found
 * ------------------------------------------------------------------------------------------- */

static int
is_plain(const unsigned char *text, int size)
{
    for (int i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '\'')
            return 0;
    return 1;
}

static void
append_bytes(sqlite3_str *out, const unsigned char *bytes, int size)
{
    sqlite3_str_appendall(out, "X'");
    for (int i = 0; i < size; i++)
        sqlite3_str_appendf(out, "%02X", bytes[i]);
    sqlite3_str_appendall(out, "'");
}

static void
append_value(sqlite3_str *out, sqlite3_stmt *row, int at)
{
    int type = sqlite3_column_type(row, at);
    if (type == SQLITE_NULL) {
        sqlite3_str_appendall(out, "NULL");
        return;
    }
    if (type == SQLITE_INTEGER) {
        sqlite3_str_appendf(out, "%lld", sqlite3_column_int64(row, at));
        return;
    }
    const unsigned char *bytes = sqlite3_column_blob(row, at);
    int size = sqlite3_column_bytes(row, at);
    if (type == SQLITE_BLOB)
        append_bytes(out, bytes, size);
    else if (is_plain(bytes, size))
        sqlite3_str_appendf(out, "'%.*s'", size, bytes);
    else {
        sqlite3_str_appendall(out, "CAST(");
        append_bytes(out, bytes, size);
        sqlite3_str_appendall(out, " AS TEXT)");
    }
}

/* "name=value, ..." as SQL writes them; to be freed with sqlite3_free. */
static char *
write_content(sqlite3 *db, sqlite3_stmt *row)
{
    sqlite3_str *out = sqlite3_str_new(db);
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        sqlite3_str_appendf(out, "%s%s=", i == 0 ? "" : ", ", sqlite3_column_name(row, i));
        append_value(out, row, i);
    }
    return sqlite3_str_finish(out);
}

static void
say_aside(const struct aside *aside)
{
    char text[200];
    snprintf(text, sizeof text, "a damaged row of table %s was put in quarantine (fepctl quarantine): %s",
             aside->source, aside->became);
    log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_STORE_BODY),
             LOG_T("msgid", aside->key.msgid), LOG_S(text));
}

int
mend_put_aside(struct mend *mend, sqlite3_stmt *row, const struct aside *aside)
{
    char *content = write_content(mend->store->db, row);
    sqlite3_stmt *put = mend->put;
    if (content == NULL)
        return SQLITE_NOMEM;
    if (++mend->most > MEND_MOST) {
        sqlite3_free(content);
        return SQLITE_TOOBIG;
    }
    sqlite3_clear_bindings(put);
    sqlite3_bind_text(put, 1, aside->source, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 2, clock_wall_ms(&clock_system));
    sqlite3_bind_text(put, 3, aside->key.origin, -1, SQLITE_STATIC);
    sqlite3_bind_text(put, 4, aside->key.msgid, -1, SQLITE_STATIC);
    sqlite3_bind_int(put, 5, aside->role);
    sqlite3_bind_int64(put, 6, clock_date_is_valid(aside->day) ? aside->day : 0);
    if (aside->key_check != 0)
        sqlite3_bind_blob(put, 7, &aside->key_check, sizeof aside->key_check, SQLITE_STATIC);
    sqlite3_bind_text(put, 8, aside->became, -1, SQLITE_STATIC);
    sqlite3_bind_text(put, 9, content, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 10, aside->body_id);
    sqlite3_bind_int64(put, 11, aside->answer_id);
    int rc = statement_run(put);
    sqlite3_free(content);
    if (rc == SQLITE_OK)
        say_aside(aside);
    return rc;
}

/* --- exchanges
 * ---------------------------------------------------------------------------------------------------------
 */

#define BODIES "(SELECT data FROM body WHERE body.id=body_id),(SELECT data FROM body WHERE body.id=answer_id)"

/* In clear the content's own digest must fit; under a key the HMAC speaks, in which key and part stand as
 * well. */
static unsigned
find_lost(struct sqlite_store *store, struct stored *row)
{
    static const uint8_t none[DIGEST_SIZE];
    struct stored one = {.record = row->record};
    uint8_t digest[DIGEST_SIZE];
    unsigned lost = 0;
    if (!store->cipher) {
        int fits = row->body.size == 0 || memcmp(row->record.digest, none, DIGEST_SIZE) == 0 ||
                   (message_digest(&row->record.header, &row->body, digest) == 0 &&
                    memcmp(digest, row->record.digest, DIGEST_SIZE) == 0);
        return fits ? 0 : LOST_BODY;
    }
    one.body = slice_share(row->body);
    lost |= stored_decrypt(&one, store->cipher) < 0 ? LOST_BODY : 0;
    stored_release(&one);
    one.answer = slice_share(row->answer);
    lost |= stored_decrypt(&one, store->cipher) < 0 ? LOST_ANSWER : 0;
    stored_release(&one);
    return lost;
}

static int
read_blobs(sqlite3_stmt *row, int at, struct stored *stored)
{
    size_t body = (size_t)sqlite3_column_bytes(row, at), answer = (size_t)sqlite3_column_bytes(row, at + 1);
    if (body > 0)
        stored->body = slice_copy(sqlite3_column_blob(row, at), body);
    if (answer > 0)
        stored->answer = slice_copy(sqlite3_column_blob(row, at + 1), answer);
    if ((body > 0 && !stored->body.data) || (answer > 0 && !stored->answer.data)) {
        stored_release(stored);
        return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

/* It refers to one that is not there. */
static unsigned
find_dangling(sqlite3_stmt *scan, const struct stored *stored)
{
    int at = record_column_count + 2;
    unsigned lost = stored->body.size == 0 && sqlite3_column_int(scan, at) ? LOST_BODY : 0;
    return lost | (stored->answer.size == 0 && sqlite3_column_int(scan, at + 1) ? LOST_ANSWER : 0);
}

static int
examine(struct mend *mend, sqlite3_stmt *scan, struct stored *stored, unsigned *damage, unsigned *lost,
        int64_t *key_check)
{
    *stored = (struct stored){0};
    *lost = 0;
    *damage = record_examine(scan, &stored->record, key_check);
    int rc = read_blobs(scan, record_column_count, stored);
    if (rc == SQLITE_OK && (*damage & RECORD_COURSE) == 0)
        *lost = find_lost(mend->store, stored) | find_dangling(scan, stored);
    stored_release(stored);
    return rc;
}

static int
remember(struct mend *mend, int64_t id, int64_t closed)
{
    if (mend->count == MEND_MOST)
        return SQLITE_TOOBIG;
    if (mend->found == NULL && (mend->found = calloc(MEND_MOST, sizeof *mend->found)) == NULL)
        return SQLITE_NOMEM;
    mend->found[mend->count++] = (struct found){id, closed};
    return SQLITE_OK;
}

/* Bodies of open ones only: a closed one's are looked at when somebody asks for them. */
static int
find_damaged(struct mend *mend)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *scan = NULL;
    record_sql("SELECT $N,CASE WHEN number IS NULL THEN (SELECT data FROM body WHERE body.id=body_id) END,"
               "CASE WHEN number IS NULL THEN (SELECT data FROM body WHERE body.id=answer_id) END,"
               "number IS NULL AND body_id IS NOT NULL,number IS NULL AND answer_id IS NOT NULL,"
               "exchange.id,coalesce(number,0) FROM exchange "
               "LEFT JOIN (SELECT exchange AS of,number FROM closed) ON of=exchange.id",
               sql);
    int rc = sqlite3_prepare_v2(mend->store->db, sql, -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        struct stored stored;
        unsigned damage, lost;
        int64_t key_check;
        rc = examine(mend, scan, &stored, &damage, &lost, &key_check);
        if (rc == SQLITE_OK && (damage | lost) != 0)
            rc = remember(mend, sqlite3_column_int64(scan, record_column_count + 4),
                          sqlite3_column_int64(scan, record_column_count + 5));
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
prepare_one(sqlite3 *db, const char *sql, int64_t id, sqlite3_stmt **row)
{
    int rc = sqlite3_prepare_v2(db, sql, -1, row, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(*row, 1, id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(*row);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int
run_with_id(sqlite3 *db, const char *sql, int64_t id)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(statement, 1, id);
    if (rc == SQLITE_OK)
        rc = statement_run(statement);
    sqlite3_finalize(statement);
    return rc;
}

int
mend_insert(struct sqlite_store *store, const struct exchange_record *record, int64_t id, int64_t body_id,
            int64_t answer_id, int64_t sequence)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *insert = NULL;
    int at = record_column_count;
    record_sql("INSERT INTO exchange($N,body_id,answer_id,sequence,id) "
               "VALUES($P,nullif($1,0),nullif($2,0),$3,nullif($4,0))",
               sql);
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &insert, NULL);
    if (rc == SQLITE_OK)
        rc = record_bind(insert, record);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(insert, at + 1, body_id);
        sqlite3_bind_int64(insert, at + 2, answer_id);
        sqlite3_bind_int64(insert, at + 3, sequence);
        sqlite3_bind_int64(insert, at + 4, id);
        rc = statement_run(insert);
    }
    sqlite3_finalize(insert);
    return rc;
}

int
mend_has_no_place(struct sqlite_store *store, const struct exchange_record *record, int64_t id, int *no_place)
{
    sqlite3_stmt *other = NULL;
    *no_place = record->header.key.msgid[0] == '\0' || record->header.key.origin[0] == '\0';
    int rc = sqlite3_prepare_v2(
        store->db, "SELECT 1 FROM exchange WHERE origin=?1 AND msgid=?2 AND (role=1)=(?3=1) AND id<>?4", -1,
        &other, NULL);
    if (rc == SQLITE_OK)
        rc = record_bind_key(other, &record->header.key, record->role);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(other, 4, id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(other);
    *no_place |= rc == SQLITE_ROW;
    sqlite3_finalize(other);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

struct ids {
    int64_t body, answer, sequence;
};

static int
read_ids(struct sqlite_store *store, int64_t id, struct ids *ids)
{
    sqlite3_stmt *row = NULL;
    int rc = prepare_one(
        store->db, "SELECT coalesce(body_id,0),coalesce(answer_id,0),sequence FROM exchange WHERE id=?1", id,
        &row);
    if (rc == SQLITE_OK)
        *ids = (struct ids){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1),
                            sqlite3_column_int64(row, 2)};
    sqlite3_finalize(row);
    return rc;
}

static int
drop_row(struct sqlite_store *store, const struct found *found, int64_t body_aside, int64_t answer_aside)
{
    int rc = run_with_id(store->db, "DELETE FROM exchange WHERE id=?1", found->id);
    if (rc == SQLITE_OK)
        rc = run_with_id(store->db, "DELETE FROM closed WHERE exchange=?1", found->id);
    if (rc == SQLITE_OK && body_aside != 0)
        rc = run_with_id(store->db, "DELETE FROM body WHERE id=?1", body_aside);
    if (rc == SQLITE_OK && answer_aside != 0)
        rc = run_with_id(store->db, "DELETE FROM body WHERE id=?1", answer_aside);
    return rc;
}

static int
put_exchange_aside(struct mend *mend, int64_t id, const struct aside *aside)
{
    sqlite3_stmt *row = NULL;
    int rc = prepare_one(mend->store->db, "SELECT * FROM exchange WHERE id=?1", id, &row);
    if (rc == SQLITE_OK)
        rc = mend_put_aside(mend, row, aside);
    sqlite3_finalize(row);
    return rc;
}

/* Its own row again, or, where it was closed and its ending is certain, only its key (rule 4). */
static int
put_substitute(struct mend *mend, const struct found *found, const struct exchange_record *record,
               unsigned damage, const struct ids *ids, const struct aside *aside)
{
    struct sqlite_store *store = mend->store;
    int no_place = 0;
    if (found->closed != 0 && (damage & RECORD_COURSE) == 0)
        return key_tables_put(&store->keys, record);
    int rc = mend_has_no_place(store, record, found->id, &no_place);
    if (rc == SQLITE_OK && damage & RECORD_KEY) { /* under a name that is another's it would hide that one */
        struct exchange_key key = exchange_key_of(record);
        struct exchange_record other;
        rc = key_tables_find(&store->keys, &key, &other);
        no_place |= rc == SQLITE_ROW;
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (rc != SQLITE_OK || no_place)
        return rc;
    return mend_insert(store, record, found->id, aside->body_id != 0 ? 0 : ids->body,
                       aside->answer_id != 0 ? 0 : ids->answer, ids->sequence);
}

static int
mend_exchange(struct mend *mend, const struct found *found)
{
    struct sqlite_store *store = mend->store;
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *row = NULL;
    struct stored stored;
    struct exchange_record record;
    unsigned damage = 0, lost = 0;
    int64_t key_check = 0;
    struct ids ids = {0};
    record_sql("SELECT $N," BODIES ",body_id IS NOT NULL,answer_id IS NOT NULL FROM exchange WHERE id=?1",
               sql);
    int rc = prepare_one(store->db, sql, found->id, &row);
    if (rc == SQLITE_OK)
        rc = examine(mend, row, &stored, &damage, &lost, &key_check);
    sqlite3_finalize(row);
    if (rc == SQLITE_OK)
        rc = read_ids(store, found->id, &ids);
    if (rc != SQLITE_OK || (damage | lost) == 0) /* only what is wrong twice is damage */
        return rc;
    const char *became = substitute_make(&stored.record, damage, lost, &record);
    int ended = found->closed != 0 && (damage & RECORD_COURSE) == 0;
    int bodies_go = ended || (damage & RECORD_COURSE) != 0 || record.state != stored.record.state;
    struct aside aside = {.source = "exchange",
                          .became = ended ? "settled; only its key and ending are kept" : became,
                          .key = stored.record.header.key,
                          .role = stored.record.role,
                          .day = stored.record.header.day,
                          .key_check = damage & RECORD_KEY ? key_check : 0,
                          .body_id = bodies_go || lost & LOST_BODY ? ids.body : 0,
                          .answer_id = bodies_go || lost & LOST_ANSWER ? ids.answer : 0};
    rc = put_exchange_aside(mend, found->id, &aside);
    if (rc == SQLITE_OK)
        rc = drop_row(store, found, aside.body_id, aside.answer_id);
    return rc == SQLITE_OK ? put_substitute(mend, found, &record, damage, &ids, &aside) : rc;
}

/* --- what else
 * ---------------------------------------------------------------------------------------------------------
 */

/* Rows that nothing can take the place of: a prompt is offered again or lost, a mark is told anew. */
static int
drop_damaged(struct mend *mend, const char *table, const char *msgid_column, const char *columns,
             const char *became)
{
    char sql[700];
    sqlite3_stmt *scan = NULL;
    snprintf(sql, sizeof sql, "SELECT *,%s FROM %s WHERE NOT (seal IS NULL OR seal=fep_seal(%s))",
             msgid_column, table, columns);
    int rc = sqlite3_prepare_v2(mend->store->db, sql, -1, &scan, NULL), some = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        const char *msgid = (const char *)sqlite3_column_text(scan, sqlite3_column_count(scan) - 1);
        struct aside aside = {.source = table, .became = became};
        snprintf(aside.key.msgid, sizeof aside.key.msgid, "%s", msgid ? msgid : "");
        some = 1;
        rc = mend_put_aside(mend, scan, &aside);
    }
    sqlite3_finalize(scan);
    if (rc != SQLITE_DONE || !some)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE NOT (seal IS NULL OR seal=fep_seal(%s))", table, columns);
    return database_run(mend->store->db, sql);
}

static int
is_damaged(struct sqlite_store *store, const char *table, const char *columns)
{
    char sql[600];
    snprintf(sql, sizeof sql, "SELECT EXISTS(SELECT 1 FROM %s WHERE NOT (seal IS NULL OR seal=fep_seal(%s)))",
             table, columns);
    return database_number(store->db, sql) != 0; /* also where it can't be read: then mending says why */
}

static int
has_damage(const struct mend *mend)
{
    unsigned keys = 0;
    for (size_t i = 0; i < mend->store->keys.count; i++)
        keys += mend->store->keys.days[i].damaged;
    return mend->count > 0 || keys > 0 || is_damaged(mend->store, "prompt", PROMPT_COLUMNS) ||
           is_damaged(mend->store, "peer_mark", MARK_COLUMNS);
}

static int
mend_all(struct mend *mend)
{
    struct sqlite_store *store = mend->store;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < mend->count; i++)
        rc = mend_exchange(mend, &mend->found[i]);
    for (size_t i = 0; rc == SQLITE_OK && i < store->keys.count; i++)
        if (store->keys.days[i].damaged > 0)
            rc = mend_key_day(mend, &store->keys.days[i]);
    if (rc == SQLITE_OK)
        rc = drop_damaged(mend, "prompt", "msgid", PROMPT_COLUMNS, "the prompt is lost");
    if (rc == SQLITE_OK)
        rc = drop_damaged(mend, "peer_mark", "''", MARK_COLUMNS,
                          "should that peer have lost something, it is not noticed this time");
    return rc;
}

/* The exchange is open then; one that had ended is closed again. */
static int
mend_closed(struct mend *mend)
{
    return drop_damaged(mend, "closed", "''", CLOSED_COLUMNS, "its exchange is closed again");
}

static int
in_one_transaction(struct mend *mend, int (*fn)(struct mend *mend))
{
    sqlite3 *db = mend->store->db;
    int rc = database_run(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(
            db,
            "INSERT INTO quarantined(source,found_ms,origin,msgid,role,day,key_check,became,content,body,"
            "answer) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,(SELECT data FROM body WHERE id=?10),"
            "(SELECT data FROM body WHERE id=?11))",
            -1, &mend->put, NULL);
    if (rc == SQLITE_OK)
        rc = fn(mend);
    sqlite3_finalize(mend->put);
    mend->put = NULL;
    if (rc == SQLITE_OK)
        rc = database_run(db, "COMMIT");
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
        (void)database_run(db, "ROLLBACK"); /* what failed before is what is reported */
    return rc;
}

int
mend_store(struct sqlite_store *store, const char *journal_directory, struct fep_error *error)
{
    struct mend mend = {.store = store, .journal_directory = journal_directory};
    int rc = SQLITE_OK;
    if (is_damaged(store, "closed", CLOSED_COLUMNS)) /* before it is told which exchanges are open */
        rc = in_one_transaction(&mend, mend_closed);
    if (rc == SQLITE_OK)
        rc = find_damaged(&mend);
    if (rc == SQLITE_OK && has_damage(&mend))
        rc = in_one_transaction(&mend, mend_all);
    free(mend.found);
    if (rc == SQLITE_OK)
        return 0;
    if (rc == SQLITE_TOOBIG)
        return error_set(
            error, 0, FEP_E_STORE_DAMAGED,
            "%s has more than %d damaged rows; it was not changed: copy it, then restore a backup",
            store->queue_file, MEND_MOST);
    return error_set(error, 0, code_is_damage(rc) ? FEP_E_STORE_DAMAGED : FEP_E_STORE_OPEN,
                     "%s: putting damaged rows aside: %s", store->queue_file, sqlite3_errmsg(store->db));
}

/* --- strays
 * ------------------------------------------------------------------------------------------------------------
 */

int
mend_load_strays(struct sqlite_store *store)
{
    sqlite3_stmt *scan = NULL;
    store->stray_count = 0;
    int rc = sqlite3_prepare_v2(store->db,
                                "SELECT key_check FROM quarantined WHERE key_check IS NOT NULL "
                                "ORDER BY number DESC",
                                -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (sqlite3_column_bytes(scan, 0) == sizeof store->strays[0] && store->stray_count < STRAYS_MOST)
            memcpy(&store->strays[store->stray_count++], sqlite3_column_blob(scan, 0),
                   sizeof store->strays[0]);
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
mend_is_stray(const struct sqlite_store *store, const struct exchange_key *key)
{
    if (store->stray_count == 0)
        return 0;
    int64_t check = record_key_check(key);
    for (size_t i = 0; i < store->stray_count; i++)
        if (store->strays[i] == check)
            return 1;
    return 0;
}

int
mend_take_stray(struct sqlite_store *store, const struct exchange_key *key)
{
    sqlite3_stmt *update = NULL;
    int64_t check = record_key_check(key);
    int rc = sqlite3_prepare_v2(store->db,
                                "UPDATE quarantined SET origin=?2,msgid=?3,role=?4,key_check=NULL,"
                                "became='a copy of it came: open; it never runs again' WHERE key_check=?1",
                                -1, &update, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(update, 1, &check, sizeof check, SQLITE_STATIC);
        sqlite3_bind_text(update, 2, key->origin, -1, SQLITE_STATIC);
        sqlite3_bind_text(update, 3, key->msgid, -1, SQLITE_STATIC);
        sqlite3_bind_int(update, 4, key->role);
        rc = statement_run(update);
    }
    sqlite3_finalize(update);
    return rc == SQLITE_OK ? mend_load_strays(store) : rc;
}
