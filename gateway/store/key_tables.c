/* Keeps one table of keys per origin day. Must never miss a key that was put and not dropped: the filter in
 * memory only spares look-ups that would find nothing. Fails with SQLite's code; the caller rolls back.
 *
 * A msgid begins with the institution (12 characters) and goes on with time and number. The tables have it
 * the other way round, stamp before sender, so that keys are added at the end of the tree instead of all over
 * it: with many institutions each key would else dirty a page of its own. Any other msgid is merely cut in
 * two as well. */
#include "key_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include "clock.h"
#include "database.h"
#include "record_columns.h"
#include "seal.h"

#define SHARED_SLOT 63
#define SENDER_SIZE 12
#define ENDING      "digest,state,attempt,kind,effect,refusal_class,reason,code"
#define SEALED      "stamp,sender,origin,role," ENDING
#define COLUMNS                                                                                              \
    "stamp TEXT NOT NULL, sender TEXT NOT NULL, origin TEXT NOT NULL, role INTEGER NOT NULL, digest BLOB, "  \
    "state INTEGER NOT NULL, attempt INTEGER NOT NULL, kind INTEGER NOT NULL, effect INTEGER NOT NULL, "     \
    "refusal_class INTEGER NOT NULL, reason INTEGER NOT NULL, code INTEGER NOT NULL, key_seal INTEGER, "     \
    "seal INTEGER, PRIMARY KEY (stamp, sender, origin, role)"

static void
forget_day(struct key_tables *tables, size_t at)
{
    sqlite3_finalize(tables->days[at].put);
    sqlite3_finalize(tables->days[at].find);
    tables->days[at] = tables->days[--tables->count];
}

static struct key_day *
find_day(struct key_tables *tables, uint32_t day)
{
    for (size_t i = 0; i < tables->count; i++)
        if (tables->days[i].day == day)
            return &tables->days[i];
    return NULL;
}

static struct key_day *
add_day(struct key_tables *tables, uint32_t day)
{
    uint64_t used = 0;
    unsigned slot = 0;
    for (size_t i = 0; i < tables->count; i++)
        used |= (uint64_t)1 << tables->days[i].slot;
    while (slot < SHARED_SLOT && used >> slot & 1)
        slot++;
    struct key_day *added = &tables->days[tables->count++];
    *added = (struct key_day){.day = day, .slot = slot};
    return added;
}

/* --- loading
 * ------------------------------------------------------------------------------------------------------ */

static int
list_days(sqlite3 *db, uint32_t days[KEY_DAYS_MAX], size_t *count)
{
    sqlite3_stmt *list = NULL;
    int rc = sqlite3_prepare_v2(
        db,
        "SELECT CAST(substr(name, 6) AS INTEGER) FROM sqlite_schema WHERE type = 'table' AND "
        "name GLOB 'keys_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'",
        -1, &list, NULL);
    *count = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW && *count < KEY_DAYS_MAX) {
        days[(*count)++] = (uint32_t)sqlite3_column_int64(list, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(list);
    if (rc == SQLITE_ROW)
        return SQLITE_TOOBIG; /* more tables than this program ever makes */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
read_key(sqlite3_stmt *statement, struct exchange_key *key)
{
    struct message_key name = {0};
    int origin = sqlite3_column_bytes(statement, 0), msgid = sqlite3_column_bytes(statement, 1);
    if (origin >= NODE_SIZE || msgid >= MSGID_SIZE)
        return SQLITE_CORRUPT;
    if (origin > 0)
        memcpy(name.origin, sqlite3_column_blob(statement, 0), (size_t)origin);
    if (msgid > 0)
        memcpy(name.msgid, sqlite3_column_blob(statement, 1), (size_t)msgid);
    *key = exchange_key_make(&name, (uint8_t)sqlite3_column_int(statement, 2));
    return SQLITE_OK;
}

/* A table of an earlier version holds no checks; its rows are taken as they are. */
static int
add_seals(sqlite3 *db, uint32_t day)
{
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('keys_%08u') WHERE name='seal'",
             (unsigned)day);
    int64_t there = database_number(db, sql);
    if (there != 0)
        return there > 0 ? SQLITE_OK : sqlite3_extended_errcode(db);
    snprintf(
        sql, sizeof sql,
        "ALTER TABLE keys_%08u ADD COLUMN key_seal INTEGER; ALTER TABLE keys_%08u ADD COLUMN seal INTEGER",
        (unsigned)day, (unsigned)day);
    return database_run(db, sql);
}

static int
load_day(struct key_tables *tables, struct key_day *day)
{
    char sql[384];
    sqlite3_stmt *scan = NULL;
    int rc = add_seals(tables->db, day->day);
    snprintf(sql, sizeof sql, "SELECT origin,sender||stamp,role," SEAL_FITS(SEALED) " FROM keys_%08u",
             (unsigned)day->day);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(tables->db, sql, -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        struct exchange_key key;
        rc = SQLITE_OK;
        if (!sqlite3_column_int(scan, 3))
            day->damaged++;
        else if ((rc = read_key(scan, &key)) == SQLITE_OK)
            key_filter_add(&tables->filter, exchange_key_hash(&key, tables->seed), day->slot);
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
key_tables_load(struct key_tables *tables, sqlite3 *db, uint64_t seed)
{
    uint32_t days[KEY_DAYS_MAX];
    size_t count = 0;
    *tables = (struct key_tables){.db = db, .seed = seed};
    if (key_filter_init(&tables->filter) < 0)
        return SQLITE_NOMEM;
    int rc = list_days(db, days, &count);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = load_day(tables, add_day(tables, days[i]));
    return rc;
}

void
key_tables_finish(struct key_tables *tables)
{
    while (tables->count > 0)
        forget_day(tables, tables->count - 1);
    key_filter_finish(&tables->filter);
}

int
key_tables_reload(struct key_tables *tables)
{
    uint32_t days[KEY_DAYS_MAX];
    size_t count = 0;
    int rc = list_days(tables->db, days, &count);
    if (rc != SQLITE_OK)
        return rc;
    for (size_t i = tables->count; i-- > 0;) {
        size_t at = 0;
        while (at < count && days[at] != tables->days[i].day)
            at++;
        if (at == count)
            forget_day(tables, i);
    }
    return SQLITE_OK;
}

/* --- putting and finding
 * ------------------------------------------------------------------------------------------ */

int
key_tables_have_room(const struct key_tables *tables, uint32_t day)
{
    if (tables->count < KEY_DAYS_MAX - 2)
        return 1;
    for (size_t i = 0; i < tables->count; i++)
        if (tables->days[i].day == day)
            return 1;
    return 0;
}

static int
create_day(struct key_tables *tables, uint32_t day, struct key_day **made)
{
    char sql[640];
    if (tables->count == KEY_DAYS_MAX)
        return SQLITE_TOOBIG;
    snprintf(sql, sizeof sql, "CREATE TABLE keys_%08u (" COLUMNS ") STRICT, WITHOUT ROWID", (unsigned)day);
    int rc = database_run(tables->db, sql);
    if (rc == SQLITE_OK)
        *made = add_day(tables, day);
    return rc;
}

static void
bind_key(sqlite3_stmt *statement, const struct exchange_key *key)
{
    size_t size = strlen(key->msgid), sender = size < SENDER_SIZE ? size : SENDER_SIZE;
    sqlite3_bind_text(statement, 1, key->msgid + sender, (int)(size - sender), SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, key->msgid, (int)sender, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, key->origin, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 4, key->role);
}

int
key_tables_put(struct key_tables *tables, const struct exchange_record *record)
{
    struct key_day *day = find_day(tables, record->header.day);
    struct exchange_key key = exchange_key_of(record);
    int rc = day ? SQLITE_OK : create_day(tables, record->header.day, &day);
    if (rc == SQLITE_OK && !day->put) {
        char sql[320];
        snprintf(sql, sizeof sql,
                 "INSERT OR REPLACE INTO keys_%08u(" SEALED ",key_seal,seal) VALUES(?1,?2,?3,?4,?5,?6,?7,"
                 "?8,?9,?10,?11,?12,?13,fep_seal(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12))",
                 (unsigned)day->day);
        rc = database_prepare(tables->db, sql, &day->put);
    }
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *put = day->put;
    const int numbers[] = {record->state,         (int)record->attempt, record->kind, record->effect,
                           record->refusal_class, record->reason,       record->code};
    bind_key(put, &key);
    sqlite3_bind_blob(put, 5, record->digest, DIGEST_SIZE, SQLITE_STATIC);
    for (int i = 0; i < 7; i++)
        sqlite3_bind_int64(put, 6 + i, (uint32_t)numbers[i]);
    sqlite3_bind_int64(put, 13, record_key_check(&key));
    rc = statement_run(put);
    key_filter_add(&tables->filter, exchange_key_hash(&key, tables->seed), day->slot);
    return rc;
}

static void
read_ending(sqlite3_stmt *found, struct exchange_record *record)
{
    if (sqlite3_column_bytes(found, 0) == DIGEST_SIZE)
        memcpy(record->digest, sqlite3_column_blob(found, 0), DIGEST_SIZE);
    record->state = (uint8_t)sqlite3_column_int(found, 1);
    record->attempt = (uint32_t)sqlite3_column_int64(found, 2);
    record->kind = (uint8_t)sqlite3_column_int(found, 3);
    record->effect = (uint8_t)sqlite3_column_int(found, 4);
    record->refusal_class = (uint8_t)sqlite3_column_int(found, 5);
    record->reason = (uint8_t)sqlite3_column_int(found, 6);
    record->code = (uint16_t)sqlite3_column_int(found, 7);
}

static void
name_record(struct exchange_record *record, const struct exchange_key *key, uint32_t day)
{
    memset(record, 0, sizeof *record);
    memcpy(record->header.key.origin, key->origin, NODE_SIZE);
    memcpy(record->header.key.msgid, key->msgid, MSGID_SIZE);
    record->role =
        key->role; /* transit, where it may have been the destination: the key tables do not tell */
    record->header.day = day;
    record->index.size = sizeof record->index;
}

static int
find_in_day(struct key_tables *tables, struct key_day *day, const struct exchange_key *key,
            struct exchange_record *record)
{
    if (!day->find) {
        char sql[384];
        snprintf(sql, sizeof sql,
                 "SELECT " ENDING "," SEAL_FITS(
                     SEALED) " FROM keys_%08u WHERE stamp=?1 AND sender=?2 AND origin=?3 AND role=?4",
                 (unsigned)day->day);
        int rc = database_prepare(tables->db, sql, &day->find);
        if (rc != SQLITE_OK)
            return rc;
    }
    bind_key(day->find, key);
    int rc = sqlite3_step(day->find);
    if (rc == SQLITE_ROW && !sqlite3_column_int(day->find, 8))
        rc = SQLITE_CORRUPT; /* it was right when the store was opened; the next opening mends it */
    if (rc == SQLITE_ROW) {
        name_record(record, key, day->day);
        read_ending(day->find, record);
    }
    sqlite3_reset(day->find);
    return rc;
}

int
key_tables_find(struct key_tables *tables, const struct exchange_key *key, struct exchange_record *record)
{
    uint64_t slots = key_filter_find(&tables->filter, exchange_key_hash(key, tables->seed));
    int rc = SQLITE_DONE;
    for (size_t i = 0; slots != 0 && rc == SQLITE_DONE && i < tables->count; i++)
        if (slots >> tables->days[i].slot & 1)
            rc = find_in_day(tables, &tables->days[i], key, record);
    return rc;
}

int
key_tables_each(sqlite3 *db, uint32_t day, void (*fn)(void *arg, const struct exchange_record *record),
                void *arg)
{
    char sql[160];
    sqlite3_stmt *scan = NULL;
    snprintf(sql, sizeof sql, "SELECT " ENDING ",origin,sender||stamp,role FROM keys_%08u", (unsigned)day);
    int rc = sqlite3_prepare_v2(db, sql, -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        struct exchange_record record = {.header.day = day, .role = (uint8_t)sqlite3_column_int(scan, 10)};
        snprintf(record.header.key.origin, NODE_SIZE, "%s", (const char *)sqlite3_column_text(scan, 8));
        snprintf(record.header.key.msgid, MSGID_SIZE, "%s", (const char *)sqlite3_column_text(scan, 9));
        read_ending(scan, &record);
        fn(arg, &record);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- mending
 * ------------------------------------------------------------------------------------------------------ */

static void
read_key_as_far_as_possible(sqlite3_stmt *row, struct exchange_key *key)
{
    struct message_key name = {0};
    const char *stamp = (const char *)sqlite3_column_text(row, 0);
    const char *sender = (const char *)sqlite3_column_text(row, 1);
    const char *origin = (const char *)sqlite3_column_text(row, 2);
    snprintf(name.msgid, sizeof name.msgid, "%s%s", sender ? sender : "", stamp ? stamp : "");
    snprintf(name.origin, sizeof name.origin, "%s", origin ? origin : "");
    *key = exchange_key_make(&name, (uint8_t)sqlite3_column_int(row, 3));
}

static int
tell_damaged(struct key_tables *tables, const struct key_day *day,
             int (*fn)(void *arg, sqlite3_stmt *row, const struct exchange_key *key, int64_t key_check),
             void *arg)
{
    char sql[384];
    sqlite3_stmt *scan = NULL;
    snprintf(sql, sizeof sql, "SELECT *,key_seal FROM keys_%08u WHERE NOT " SEAL_FITS(SEALED),
             (unsigned)day->day);
    int rc = sqlite3_prepare_v2(tables->db, sql, -1, &scan, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        struct exchange_key key;
        read_key_as_far_as_possible(scan, &key);
        rc = fn(arg, scan, &key, sqlite3_column_int64(scan, sqlite3_column_count(scan) - 1));
    }
    sqlite3_finalize(scan);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Not by deleting rows: a key that is out of order is not found by itself, and may hide others. */
int
key_tables_make_anew(struct key_tables *tables, struct key_day *day,
                     int (*fn)(void *arg, sqlite3_stmt *row, const struct exchange_key *key,
                               int64_t key_check),
                     void *arg)
{
    char sql[1200];
    unsigned name = (unsigned)day->day;
    int rc = tell_damaged(tables, day, fn, arg);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_finalize(day->put);
    sqlite3_finalize(day->find);
    day->put = day->find = NULL;
    snprintf(sql, sizeof sql,
             "CREATE TABLE mended (" COLUMNS ") STRICT, WITHOUT ROWID;"
             "INSERT OR IGNORE INTO mended SELECT * FROM keys_%08u WHERE " SEAL_FITS(
                 SEALED) ";"
                         "DROP TABLE keys_%08u; ALTER TABLE mended RENAME TO keys_%08u",
             name, name, name);
    return database_run(tables->db, sql);
}

/* --- dropping
 * ----------------------------------------------------------------------------------------------------- */

static int
slot_in_use(const struct key_tables *tables, unsigned slot)
{
    for (size_t i = 0; i < tables->count; i++)
        if (tables->days[i].slot == slot)
            return 1;
    return 0;
}

uint32_t
key_tables_reference_day(const struct key_tables *tables, uint32_t today)
{
    uint32_t newest = 0;
    for (size_t i = 0; i < tables->count; i++)
        newest = tables->days[i].day > newest ? tables->days[i].day : newest;
    return newest < today ? newest : today;
}

int
key_tables_drop_old(struct key_tables *tables, uint32_t reference, uint32_t horizon_days, unsigned *dropped)
{
    *dropped = 0;
    for (size_t i = tables->count; i-- > 0;) {
        uint32_t day = tables->days[i].day;
        unsigned slot = tables->days[i].slot;
        char sql[64];
        if (clock_days_between(day, reference) <= (int)horizon_days)
            continue;
        forget_day(tables, i);
        snprintf(sql, sizeof sql, "DROP TABLE keys_%08u", (unsigned)day);
        int rc = database_run(tables->db, sql);
        if (rc != SQLITE_OK) {
            add_day(tables, day)->slot = slot;
            return rc;
        }
        if (!slot_in_use(tables, slot))
            key_filter_clear(&tables->filter, slot);
        ++*dropped;
    }
    return SQLITE_OK;
}
