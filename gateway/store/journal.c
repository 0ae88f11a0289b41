/* Opens, writes and reads the day journals and puts damaged ones in quarantine. Must never stop the queue,
 * never delete a file, never create a day merely because somebody asked for it. What it can't do is reported
 * in one of a few kinds, and the rows concerned stay in the queue. */
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error.h"
#include "key_tables.h"
#include "log.h"
#include "record_columns.h"

#define CHECK_AT_ONCE_BYTES (8 << 20) /* a file up to this size is checked whenever it is opened */
#define CHECK_AT_ONCE_MS    200
#define READER_MS           20 /* how long a commit waits for a reader of the same day */

void
journals_init(struct journals *journals, const char *directory, const char *schema, const char *queue_file)
{
    memset(journals, 0, sizeof *journals);
    snprintf(journals->directory, sizeof journals->directory, "%s", directory);
    snprintf(journals->schema, sizeof journals->schema, "%s", schema);
    snprintf(journals->queue_file, sizeof journals->queue_file, "%s", queue_file);
}

static int
day_path(const struct journals *journals, uint32_t day, const char *suffix, char path[STORE_PATH_SIZE])
{
    return (size_t)snprintf(path, STORE_PATH_SIZE, "%s/%08u.db%s", journals->directory, (unsigned)day,
                            suffix) < STORE_PATH_SIZE
               ? 0
               : -1;
}

/* --- quarantine
 * --------------------------------------------------------------------------------------------------- */

static void
write_key(void *arg, const struct exchange_record *record)
{
    fprintf(arg, "%s %s %s %s\n", record->header.key.msgid, record->header.key.origin,
            role_name(record->role), exchange_state_name(record->state));
}

static void
write_list(struct journals *journals, uint32_t day, const char *path)
{
    FILE *list = fopen(path, "we");
    if (!list)
        return;
    fprintf(list,
            "# msgid, origin, role and ending of what the damaged journal of %u held, from the key tables\n",
            (unsigned)day);
    sqlite3 *queue = NULL;
    if (database_open_to_read(journals->queue_file, QUEUE_APPLICATION, &queue, NULL) != DATABASE_GOOD ||
        key_tables_each(queue, day, write_key, list) != SQLITE_OK)
        fprintf(list, "# the list is not complete: the key table could not be read to its end\n");
    sqlite3_close(queue);
    fclose(list);
}

static void
close_handle(struct journal *journal)
{
    sqlite3_finalize(journal->begin);
    sqlite3_finalize(journal->commit);
    sqlite3_finalize(journal->rollback);
    sqlite3_finalize(journal->put);
    sqlite3_finalize(journal->find);
    sqlite3_close(journal->db); /* rolls back */
    *journal = (struct journal){0};
}

/* Renames the day's files: DAY.db.quarantined, or with a number behind if that name is taken. */
static void
quarantine(struct journals *journals, uint32_t day, const struct fep_error *why)
{
    static const char *const parts[] = {"", "-journal", "-wal", "-shm"};
    char from[STORE_PATH_SIZE], to[STORE_PATH_SIZE], suffix[64];
    for (unsigned number = 0; number < 100; number++) {
        snprintf(suffix, sizeof suffix, number ? ".quarantined.%u" : ".quarantined", number);
        if (day_path(journals, day, suffix, to) < 0 || access(to, F_OK) < 0)
            break;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char part[96];
        snprintf(part, sizeof part, "%s%s", suffix, parts[i]);
        if (day_path(journals, day, parts[i], from) == 0 && day_path(journals, day, part, to) == 0)
            (void)rename(from, to); /* most parts do not exist; the file itself is looked for again below */
    }
    snprintf(suffix + strlen(suffix), sizeof suffix - strlen(suffix), ".list");
    if (day_path(journals, day, suffix, to) == 0)
        write_list(journals, day, to);
    journals->quarantined++;
    log_line(LOG_EVENT_INCIDENT_OPEN, LOG_SEV_ERROR, LOG_T("incident", "journal_quarantined"),
             LOG_N("code", FEP_E_JOURNAL_QUARANTINED), LOG_S(why->text));
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------ */

static int
prepare(sqlite3 *db, const char *pattern, sqlite3_stmt **statement)
{
    char sql[RECORD_SQL_SIZE];
    record_sql(pattern, sql);
    return database_prepare(db, sql, statement);
}

static enum database_result
check_small(sqlite3 *db, const char *path, struct fep_error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && status.st_size <= CHECK_AT_ONCE_BYTES)
        return database_check(db, path, CHECK_AT_ONCE_MS, error);
    return DATABASE_GOOD;
}

static enum database_result
open_day(struct journals *journals, uint32_t day, int create, struct journal *journal,
         struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    if (day_path(journals, day, "", path) < 0) {
        error_set(error, 0, FEP_E_STORE_OPEN, "the journal's path is too long");
        return DATABASE_FAILED;
    }
    *journal = (struct journal){.day = day};
    enum database_result result = database_open(path, create, 0, JOURNAL_APPLICATION, &journal->db, error);
    if (result == DATABASE_GOOD)
        result = check_small(journal->db, path, error);
    if (result == DATABASE_GOOD)
        result = database_migrate(journal->db, path, journals->schema, JOURNAL_APPLICATION, error);
    if (result == DATABASE_GOOD &&
        (prepare(journal->db, "BEGIN IMMEDIATE", &journal->begin) != SQLITE_OK ||
         prepare(journal->db, "COMMIT", &journal->commit) != SQLITE_OK ||
         prepare(journal->db, "ROLLBACK", &journal->rollback) != SQLITE_OK ||
         prepare(journal->db, "INSERT OR REPLACE INTO exchange($N,pinned,body,answer) VALUES($P,0,$1,$2)",
                 &journal->put) != SQLITE_OK ||
         prepare(journal->db,
                 "SELECT $N,body,answer FROM exchange WHERE " JOURNAL_MSGID_IS_2
                 " AND origin=?1 AND (role=1)=(?3=1)",
                 &journal->find) != SQLITE_OK)) {
        int code = sqlite3_extended_errcode(journal->db);
        /* The file says that it is at this version, and does not hold what the version holds. */
        result = code_is_damage(code) || (code & 0xFF) == SQLITE_ERROR ? DATABASE_DAMAGED : DATABASE_FAILED;
        error_set(error, 0, FEP_E_STORE_DAMAGED, "%s: %s", path, sqlite3_errmsg(journal->db));
    }
    if (result == DATABASE_GOOD)
        sqlite3_busy_timeout(journal->db, READER_MS);
    else
        close_handle(journal);
    return result;
}

static struct journal *
free_handle(struct journals *journals)
{
    struct journal *oldest = NULL;
    for (size_t i = 0; i < JOURNALS_OPEN; i++) {
        struct journal *journal = &journals->handles[i];
        if (!journal->db)
            return journal;
        if (!journal->writing && (!oldest || journal->used < oldest->used))
            oldest = journal;
    }
    if (oldest)
        close_handle(oldest);
    return oldest;
}

static enum journal_result
get_day(struct journals *journals, uint32_t day, int create, struct journal **out, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    for (size_t i = 0; i < JOURNALS_OPEN; i++) {
        if (journals->handles[i].db && journals->handles[i].day == day) {
            *out = &journals->handles[i];
            (*out)->used = ++journals->uses;
            return JOURNAL_GOOD;
        }
    }
    if (!create && (day_path(journals, day, "", path) < 0 || access(path, F_OK) < 0))
        return JOURNAL_NONE;
    struct journal *journal = free_handle(journals);
    if (!journal)
        return JOURNAL_AGAIN;
    enum database_result result = open_day(journals, day, create, journal, error);
    if (result == DATABASE_DAMAGED) {
        quarantine(journals, day, error);
        if (!create)
            return JOURNAL_NONE;
        result = open_day(journals, day, create, journal, error);
    }
    if (result != DATABASE_GOOD)
        return JOURNAL_FAILED;
    journal->used = ++journals->uses;
    *out = journal;
    return JOURNAL_GOOD;
}

/* What SQLite's code means for the caller; a damaged day goes into quarantine on the way. */
static enum journal_result
judge(struct journals *journals, struct journal *journal, int rc, struct fep_error *error)
{
    if (rc == SQLITE_OK)
        return JOURNAL_GOOD;
    if ((rc & 0xFF) == SQLITE_BUSY)
        return JOURNAL_AGAIN;
    error_set(error, 0, FEP_E_STORE_WRITE, "journal %08u: %s", (unsigned)journal->day,
              sqlite3_errmsg(journal->db));
    if (!code_is_damage(rc))
        return JOURNAL_FAILED;
    uint32_t day = journal->day;
    close_handle(journal);
    quarantine(journals, day, error);
    return JOURNAL_LOST;
}

/* --- rows
 * ---------------------------------------------------------------------------------------------------------
 */

static int
bind_blob(sqlite3_stmt *statement, int at, const struct slice *blob)
{
    if (blob->size == 0)
        return sqlite3_bind_null(statement, at);
    return sqlite3_bind_blob64(statement, at, blob->data, blob->size, SQLITE_STATIC);
}

enum journal_result
journals_put(struct journals *journals, const struct stored *row, struct fep_error *error)
{
    struct journal *journal;
    enum journal_result result = get_day(journals, row->record.header.day, 1, &journal, error);
    if (result != JOURNAL_GOOD)
        return result;
    int rc = journal->writing ? SQLITE_OK : statement_run(journal->begin);
    if (rc == SQLITE_OK) {
        journal->writing = 1;
        rc = record_bind(journal->put, &row->record);
    }
    if (rc == SQLITE_OK)
        rc = bind_blob(journal->put, record_column_count + 1, &row->body);
    if (rc == SQLITE_OK)
        rc = bind_blob(journal->put, record_column_count + 2, &row->answer);
    if (rc == SQLITE_OK)
        rc = statement_run(journal->put);
    return judge(journals, journal, rc, error);
}

enum journal_result
journals_commit(struct journals *journals, struct fep_error *error)
{
    enum journal_result worst = JOURNAL_GOOD;
    for (size_t i = 0; i < JOURNALS_OPEN; i++) {
        struct journal *journal = &journals->handles[i];
        if (!journal->db || !journal->writing)
            continue;
        int rc = statement_run(journal->commit);
        if (rc == SQLITE_OK)
            journal->writing = 0;
        enum journal_result result = judge(journals, journal, rc, error);
        if (result < worst)
            worst = result;
    }
    return worst;
}

void
journals_rollback(struct journals *journals)
{
    for (size_t i = 0; i < JOURNALS_OPEN; i++) {
        struct journal *journal = &journals->handles[i];
        if (!journal->db || !journal->writing)
            continue;
        /* A full disk may have rolled back already; a handle that can't be brought back to rest is closed. */
        if (sqlite3_get_autocommit(journal->db) || statement_run(journal->rollback) == SQLITE_OK)
            journal->writing = 0;
        else
            close_handle(journal);
    }
}

enum journal_result
journals_find(struct journals *journals, uint32_t day, const struct exchange_key *key, struct stored *row,
              struct fep_error *error)
{
    struct journal *journal;
    struct message_key name;
    enum journal_result result = get_day(journals, day, 0, &journal, error);
    if (result != JOURNAL_GOOD)
        return result;
    memcpy(name.origin, key->origin, NODE_SIZE);
    memcpy(name.msgid, key->msgid, MSGID_SIZE);
    int rc = record_bind_key(journal->find, &name, key->role);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(journal->find);
    int found = rc == SQLITE_ROW;
    if (found)
        rc = stored_read(journal->find, row);
    if (found && rc == SQLITE_OK) { /* a damaged index leads to another exchange's row */
        struct exchange_key there = exchange_key_of(&row->record);
        if (!exchange_key_equal(&there, key)) {
            stored_release(row);
            rc = SQLITE_CORRUPT;
        }
    }
    sqlite3_reset(journal->find);
    if (rc == SQLITE_DONE)
        return JOURNAL_NONE;
    result = judge(journals, journal, rc, error);
    return result == JOURNAL_LOST ? JOURNAL_NONE : result;
}

/* --- the folder
 * --------------------------------------------------------------------------------------------------- */

uint32_t
journal_day_of(const char *file_name)
{
    if (strspn(file_name, "0123456789") != 8 || strcmp(file_name + 8, ".db") != 0)
        return 0;
    return (uint32_t)strtoul(file_name, NULL, 10);
}

static int
newest_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

size_t
journals_list(const char *directory, uint32_t *days, size_t room)
{
    DIR *folder = opendir(directory);
    size_t count = 0;
    if (!folder)
        return 0;
    for (struct dirent *entry; count < room && (entry = readdir(folder));) {
        uint32_t day = journal_day_of(entry->d_name);
        if (day != 0)
            days[count++] = day;
    }
    closedir(folder);
    qsort(days, count, sizeof *days, newest_first);
    return count;
}

void
journals_check(struct journals *journals, int count, int64_t milliseconds)
{
    uint32_t days[4096];
    size_t found = journals_list(journals->directory, days, sizeof days / sizeof days[0]);
    for (size_t i = 0; i < found && (int)i < count; i++) {
        struct journal *journal;
        struct fep_error error = {0};
        char path[STORE_PATH_SIZE];
        if (get_day(journals, days[i], 0, &journal, &error) != JOURNAL_GOOD ||
            day_path(journals, days[i], "", path) < 0)
            continue;
        if (database_check(journal->db, path, milliseconds, &error) == DATABASE_DAMAGED) {
            close_handle(journal);
            quarantine(journals, days[i], &error);
        }
    }
}

void
journals_finish(struct journals *journals)
{
    for (size_t i = 0; i < JOURNALS_OPEN; i++)
        if (journals->handles[i].db)
            close_handle(&journals->handles[i]);
}
