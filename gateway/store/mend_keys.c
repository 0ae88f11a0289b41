/* Damaged rows of a day's key table: what a repeat is known by. The day's journal, which holds the same
 * exchanges, gives back what was lost; what it does not know any more is open, and known by what is left of
 * its key. Must never let a key be forgotten. */
#include "mend_parts.h"

#include <stdio.h>
#include <string.h>
#include "record_columns.h"
#include "substitute.h"

struct lost_key {
    struct exchange_key key; /* as it can be read */
    int64_t check;           /* the true one's, as the row says */
    int64_t number;          /* in quarantined */
    int found;               /* its journal still knows it */
};
struct key_mend {
    struct mend *mend;
    char source[32];
    uint32_t day;
    struct lost_key lost[64];
    size_t count;
};

static void
read_name(const struct exchange_key *key, struct message_key *name)
{
    memcpy(name->origin, key->origin, sizeof name->origin);
    memcpy(name->msgid, key->msgid, sizeof name->msgid);
}

static int
take_damaged_key(void *arg, sqlite3_stmt *row, const struct exchange_key *key, int64_t key_check)
{
    struct key_mend *mending = arg;
    if (mending->count == sizeof mending->lost / sizeof mending->lost[0])
        return SQLITE_TOOBIG;
    struct aside aside = {.source = mending->source,
                          .became = "its ending is looked for in its journal day",
                          .role = key->role,
                          .day = mending->day,
                          .key_check = record_key_check(key) == key_check ? 0 : key_check};
    read_name(key, &aside.key);
    int rc = mend_put_aside(mending->mend, row, &aside);
    mending->lost[mending->count++] = (struct lost_key){
        .key = *key, .check = key_check, .number = sqlite3_last_insert_rowid(mending->mend->store->db)};
    return rc;
}

/* Each key of the day's journal that the table does not know (any more). */
static int
take_from_journal(struct key_mend *mending, const struct exchange_record *record)
{
    struct sqlite_store *store = mending->mend->store;
    struct exchange_record known;
    struct exchange_key key = exchange_key_of(record);
    int rc = key_tables_find(&store->keys, &key, &known);
    for (size_t i = 0; i < mending->count; i++)
        mending->lost[i].found |= record_key_check(&key) == mending->lost[i].check;
    if (rc == SQLITE_DONE)
        return key_tables_put(&store->keys, record);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int
read_journal(struct key_mend *mending)
{
    char path[STORE_PATH_SIZE + 16], sql[RECORD_SQL_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *scan = NULL;
    struct exchange_record record;
    snprintf(path, sizeof path, "%s/%08u.db", mending->mend->journal_directory, (unsigned)mending->day);
    if (database_open_to_read(path, JOURNAL_APPLICATION, &db, NULL) != DATABASE_GOOD)
        return SQLITE_OK;
    record_sql("SELECT $N FROM exchange", sql);
    int rc = SQLITE_OK, step = sqlite3_prepare_v2(db, sql, -1, &scan, NULL);
    for (step = step == SQLITE_OK ? SQLITE_ROW : step; rc == SQLITE_OK && step == SQLITE_ROW;) {
        step = sqlite3_step(scan);
        if (step == SQLITE_ROW && record_read(scan, &record) == 0)
            rc = take_from_journal(mending, &record);
    }
    sqlite3_finalize(scan);
    sqlite3_close(db);
    return rc;
}

static int
note_became(struct mend *mend, int64_t number, const char *became, int solved)
{
    sqlite3_stmt *note = NULL;
    int rc = sqlite3_prepare_v2(
        mend->store->db,
        "UPDATE quarantined SET became=?2,key_check=CASE WHEN ?3 THEN NULL ELSE key_check END "
        "WHERE number=?1",
        -1, &note, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(note, 1, number);
        sqlite3_bind_text(note, 2, became, -1, SQLITE_STATIC);
        sqlite3_bind_int(note, 3, solved);
        rc = statement_run(note);
    }
    sqlite3_finalize(note);
    return rc;
}

/* What no journal knows any more: it was closed, but how it ended is not known. */
static int
mend_lost_key(struct key_mend *mending, const struct lost_key *lost)
{
    struct mend *mend = mending->mend;
    struct exchange_record record;
    struct message_key name;
    int no_place = 0;
    if (lost->found)
        return note_became(mend, lost->number, "restored from its journal day", 1);
    read_name(&lost->key, &name);
    substitute_make_unclear(&name, lost->key.role == ROLE_ORIGIN ? ROLE_ORIGIN : ROLE_DESTINATION,
                            mending->day, &record);
    int rc = mend_has_no_place(mend->store, &record, 0, &no_place);
    if (rc == SQLITE_OK && !no_place)
        rc = mend_insert(mend->store, &record, 0, 0, 0, 0);
    return rc == SQLITE_OK ? note_became(mend, lost->number, "how it ended is not known; open", 0) : rc;
}

int
mend_key_day(struct mend *mend, struct key_day *day)
{
    struct key_mend mending = {.mend = mend, .day = day->day};
    snprintf(mending.source, sizeof mending.source, "keys_%08u", (unsigned)day->day);
    int rc = key_tables_make_anew(&mend->store->keys, day, take_damaged_key, &mending);
    if (rc == SQLITE_OK)
        rc = read_journal(&mending);
    for (size_t i = 0; rc == SQLITE_OK && i < mending.count; i++)
        rc = mend_lost_key(&mending, &mending.lost[i]);
    if (rc == SQLITE_OK)
        day->damaged = 0;
    return rc;
}
