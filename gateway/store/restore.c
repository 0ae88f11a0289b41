/* Puts a backup in the place of a store, offline, under the store's own lock: with a later incarnation,
 * serials that were never drawn, and the marks of who was not heard since (schema/restore.md). Must never
 * change a store that a daemon holds, never delete the one that was there, never leave a directory in which a
 * daemon would begin an empty store: as long as it is not done `restoring` stands there and forbids it. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "body_cipher.h"
#include "database.h"
#include "error.h"
#include "journal.h"

#define RESTORING    "restoring"
#define MARK         "resolving " /* in table meta: this and the name; number: the time of the backup */
#define SERIALS_A_S  1000         /* more than are ever drawn in a second */
#define SERIALS_MOST 9000000000   /* of LOCAL_SERIAL_COUNTER (core.h) */
#define INCARNATIONS 99           /* local serials begin with incarnation % this */

struct paths {
    char store[STORE_PATH_SIZE], restoring[STORE_PATH_SIZE], aside[STORE_PATH_SIZE];
};

static int
fail(struct fep_error *error, const char *path, const char *doing)
{
    return error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s: %s", path, doing, strerror(errno));
}

static void
join(char out[STORE_PATH_SIZE], const char *directory, const char *name)
{
    /* restore_store has seen to it that these fit */
    (void)snprintf(out, STORE_PATH_SIZE, "%.4000s/%.90s", directory, name);
}

static int
is_there(const char *directory, const char *name)
{
    char path[STORE_PATH_SIZE];
    struct stat status;
    join(path, directory, name);
    return lstat(path, &status) == 0;
}

/* --- before anything is changed ------------------------------------------------------------------------ */

static int
take_lock(const char *store, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    if (mkdir(store, 0700) < 0 && errno != EEXIST)
        return fail(error, store, "making");
    join(path, store, "lock");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return fail(error, path, "opening");
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    close(lock);
    return error_set(error, 0, FEP_E_STORE_LOCKED, "a daemon holds %s: stop it first; nothing was changed",
                     store);
}

/* The bodies of the backup must open under the key of the configuration. */
static int
check_key(const struct restore_wish *wish, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    uint8_t expected[BODY_KEY_CHECK_SIZE] = {0}, own[BODY_KEY_CHECK_SIZE] = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    int known = 0, status = 0;
    join(path, wish->backup, "queue.db");
    if (database_open_to_read(path, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return -1;
    if (sqlite3_prepare_v2(db, "SELECT bytes FROM meta WHERE name='key_check'", -1, &select, NULL) ==
            SQLITE_OK &&
        sqlite3_step(select) == SQLITE_ROW && sqlite3_column_bytes(select, 0) == BODY_KEY_CHECK_SIZE) {
        memcpy(expected, sqlite3_column_blob(select, 0), BODY_KEY_CHECK_SIZE);
        known = 1;
    }
    sqlite3_finalize(select);
    sqlite3_close(db);
    struct body_cipher *cipher = wish->key_file != NULL ? body_cipher_create(wish->key_file, error) : NULL;
    if (wish->key_file != NULL && (cipher == NULL || body_cipher_key_check(cipher, own) < 0))
        status = -1;
    else if (!known || memcmp(expected, own, sizeof own) != 0)
        status = error_set(error, 0, FEP_E_STORE_KEY,
                           "the bodies of %s are under another key than the configuration's; nothing was "
                           "changed: put back the key file that was in use then",
                           wish->backup);
    body_cipher_destroy(cipher);
    return status;
}

static int
check_wish(const struct restore_wish *wish, struct restore_summary *summary, struct fep_error *error)
{
    if (strlen(wish->state_directory) > 3900 || strlen(wish->backup) > 3900)
        return error_set(error, 0, FEP_E_STORE_OPEN, "the path is too long");
    if (backup_verify(wish->backup, &summary->backup, error) != 0)
        return error_wrap(error, "the backup can't be used");
    if (strcmp(summary->backup.node, wish->node) != 0)
        return error_set(error, 0, FEP_E_STORE_OPEN,
                         "%s is of node %s, the configuration says %s; nothing was changed", wish->backup,
                         summary->backup.node, wish->node);
    return check_key(wish, error);
}

/* --- the copy ------------------------------------------------------------------------------------------ */

static int
remove_files(const char *directory)
{
    static uint32_t days[BACKUP_DAYS];
    static const char *const names[] = {"queue.db", "queue.db-journal", "queue.db-wal", "queue.db-shm"};
    char path[STORE_PATH_SIZE], journal[STORE_PATH_SIZE], name[32];
    join(journal, directory, "journal");
    size_t count = journals_list(journal, days, BACKUP_DAYS);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%08u.db", (unsigned)days[i]);
        join(path, journal, name);
        (void)unlink(path);
    }
    (void)rmdir(journal);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        join(path, directory, names[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

static int
copy_all(const char *backup, const char *to, struct fep_error *error)
{
    static uint32_t days[BACKUP_DAYS];
    char source[STORE_PATH_SIZE], copy[STORE_PATH_SIZE], from_days[STORE_PATH_SIZE], to_days[STORE_PATH_SIZE];
    char name[32];
    join(from_days, backup, "journal");
    join(to_days, to, "journal");
    if (mkdir(to, 0700) < 0 || mkdir(to_days, 0700) < 0)
        return fail(error, to, "making");
    join(source, backup, "queue.db");
    join(copy, to, "queue.db");
    if (backup_copy_file(source, copy, error) != 0)
        return -1;
    size_t count = journals_list(from_days, days, BACKUP_DAYS);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%08u.db", (unsigned)days[i]);
        join(source, from_days, name);
        join(copy, to_days, name);
        if (backup_copy_file(source, copy, error) != 0)
            return -1;
    }
    return backup_sync_directory(to_days, error);
}

static int64_t
or_zero(int64_t number)
{
    return number > 0 ? number : 0;
}

/* What the store that is being replaced says of itself, where it can still be read: no serial of its either.
 */
static void
read_replaced(const char *store, int64_t *incarnation, int64_t *serials)
{
    char path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    struct fep_error ignored = {0};
    *incarnation = *serials = 0;
    join(path, store, "queue.db");
    if (access(path, F_OK) != 0 ||
        database_open_to_read(path, QUEUE_APPLICATION, &db, &ignored) != DATABASE_GOOD)
        return;
    *incarnation = or_zero(database_number(db, "SELECT number FROM meta WHERE name='incarnation'"));
    *serials = or_zero(database_number(db, "SELECT number FROM meta WHERE name='serial_counter'"));
    sqlite3_close(db);
}

/* Later than both, and the leading digits of local serials go up by one. */
static void
draw_identity(const struct restore_wish *wish, int64_t incarnation, int64_t serials,
              struct restore_summary *summary)
{
    const struct backup_summary *backup = &summary->backup;
    int64_t since_s = (wish->wall_ms - backup->taken_ms) / 1000;
    uint64_t latest =
        (uint64_t)incarnation > backup->incarnation ? (uint64_t)incarnation : backup->incarnation;
    uint64_t counter =
        (uint64_t)serials > backup->serial_counter ? (uint64_t)serials : backup->serial_counter;
    since_s = since_s < 60 ? 60 : since_s;
    summary->incarnation = latest + INCARNATIONS * (uint64_t)since_s + 1;
    summary->serial_counter = counter + SERIALS_A_S * (uint64_t)since_s;
    if (summary->serial_counter > SERIALS_MOST)
        summary->serial_counter = counter < SERIALS_MOST ? SERIALS_MOST : counter;
}

static int
write_mark(sqlite3 *db, const char *name, int64_t since_ms)
{
    sqlite3_stmt *insert = NULL; /* of an earlier restore that is not resolved yet the time stays */
    int rc = sqlite3_prepare_v2(db, "INSERT OR IGNORE INTO meta(name,number) VALUES('" MARK "'||?1,?2)", -1,
                                &insert, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(insert, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, since_ms);
        rc = statement_run(insert);
    }
    sqlite3_finalize(insert);
    return rc;
}

static int
write_identity(const struct restore_wish *wish, const char *directory, const struct restore_summary *summary,
               struct fep_error *error)
{
    char path[STORE_PATH_SIZE], sql[320];
    sqlite3 *db = NULL;
    join(path, directory, "queue.db");
    if (database_open(path, 0, 0, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return -1;
    snprintf(sql, sizeof sql,
             "INSERT OR REPLACE INTO meta(name,number) VALUES('incarnation',%" PRIu64 "),"
             "('serial_counter',%" PRIu64 "),"
             "('restored_ms',%" PRId64 ")",
             summary->incarnation, summary->serial_counter, wish->wall_ms);
    int rc = database_run(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = database_run(db, sql);
    for (size_t i = 0; rc == SQLITE_OK && i < wish->name_count; i++)
        rc = write_mark(db, wish->names[i], summary->backup.taken_ms);
    if (rc == SQLITE_OK)
        rc = database_run(db, "COMMIT");
    if (rc == SQLITE_OK)
        rc = database_run(db, "PRAGMA journal_mode=DELETE");
    if (rc != SQLITE_OK)
        error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc == SQLITE_OK ? 0 : -1;
}

/* --- taking the place ---------------------------------------------------------------------------------- */

static int
move(const char *from, const char *to, const char *name, struct fep_error *error)
{
    char source[STORE_PATH_SIZE], target[STORE_PATH_SIZE];
    join(source, from, name);
    join(target, to, name);
    if (rename(source, target) == 0 || errno == ENOENT)
        return 0;
    return fail(error, source, "moving");
}

/* `aside` was named at the first try; a restore that is given again puts what is there now beside it. */
static int
put_aside(const struct paths *paths, struct restore_summary *summary, struct fep_error *error)
{
    static const char *const names[] = {"queue.db", "queue.db-wal", "queue.db-shm", "journal"};
    if (!is_there(paths->store, "queue.db") && !is_there(paths->store, "journal"))
        return 0;
    if (mkdir(paths->aside, 0700) < 0)
        return fail(error, paths->aside, "making");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (move(paths->store, paths->aside, names[i], error) != 0)
            return -1;
    snprintf(summary->put_aside, sizeof summary->put_aside, "%.511s", paths->aside);
    return backup_sync_directory(paths->aside, error);
}

static int
take_place(const struct paths *paths, struct restore_summary *summary, struct fep_error *error)
{
    if (put_aside(paths, summary, error) != 0 || backup_sync_directory(paths->store, error) != 0 ||
        move(paths->restoring, paths->store, "journal", error) != 0 ||
        move(paths->restoring, paths->store, "queue.db", error) != 0 ||
        backup_sync_directory(paths->store, error) != 0)
        return -1;
    if (remove_files(paths->restoring) < 0)
        return fail(error, paths->restoring, "removing");
    return backup_sync_directory(paths->store, error);
}

static int
restore_locked(const struct restore_wish *wish, struct restore_summary *summary, struct fep_error *error)
{
    struct paths paths;
    int64_t incarnation, serials;
    char name[64];
    struct tm when;
    time_t now = (time_t)(wish->wall_ms / 1000);
    snprintf(paths.store, sizeof paths.store, "%s", wish->state_directory);
    join(paths.restoring, wish->state_directory, RESTORING);
    if (gmtime_r(&now, &when) == NULL || strftime(name, sizeof name, "replaced-%Y%m%dT%H%M%SZ", &when) == 0)
        return error_set(error, 0, FEP_E_SYSTEM, "the clock makes no date");
    snprintf(name + strlen(name), sizeof name - strlen(name), "-%ld", (long)getpid());
    join(paths.aside, wish->state_directory, name);
    if (is_there(wish->state_directory, RESTORING) && remove_files(paths.restoring) < 0)
        return fail(error, paths.restoring, "removing what an earlier restore left");
    read_replaced(wish->state_directory, &incarnation, &serials);
    draw_identity(wish, incarnation, serials, summary);
    if (copy_all(wish->backup, paths.restoring, error) != 0 ||
        write_identity(wish, paths.restoring, summary, error) != 0 ||
        backup_sync_directory(paths.restoring, error) != 0)
        return -1;
    return take_place(&paths, summary, error);
}

int
restore_store(const struct restore_wish *wish, struct restore_summary *summary, struct fep_error *error)
{
    *summary = (struct restore_summary){0};
    if (check_wish(wish, summary, error) != 0)
        return -1;
    int lock = take_lock(wish->state_directory, error);
    if (lock < 0)
        return -1;
    int status = restore_locked(wish, summary, error);
    close(lock);
    return status;
}

/* --- marks --------------------------------------------------------------------------------------------- */

int
restore_read_marks(const char *state_directory, void (*fn)(void *arg, const char *name, int64_t since_ms),
                   void *arg, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    int count = 0;
    join(path, state_directory, "queue.db");
    if (access(path, F_OK) != 0)
        return 0;
    enum database_result opened = database_open_to_read(path, QUEUE_APPLICATION, &db, error);
    if (opened != DATABASE_GOOD)
        return opened == DATABASE_NONE ? 0 : -1;
    int rc = sqlite3_prepare_v2(db, "SELECT substr(name,11),number FROM meta WHERE name GLOB '" MARK "*'", -1,
                                &select, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        fn(arg, (const char *)sqlite3_column_text(select, 0), sqlite3_column_int64(select, 1));
        count++;
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        count = error_set(error, 0, FEP_E_STORE_READ, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    return count;
}
_Static_assert(sizeof MARK == 11, "stands in the SQL above");

int
restore_clear_mark(const char *state_directory, const char *name, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *delete = NULL;
    join(path, state_directory, "queue.db");
    if (database_open(path, 0, 1, QUEUE_APPLICATION, &db, error) != DATABASE_GOOD)
        return -1;
    int rc = sqlite3_prepare_v2(db, "DELETE FROM meta WHERE name='" MARK "'||?1", -1, &delete, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(delete, 1, name, -1, SQLITE_STATIC);
        rc = statement_run(delete);
    }
    if (rc != SQLITE_OK)
        error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(delete);
    sqlite3_close(db);
    return rc == SQLITE_OK ? 0 : -1;
}
