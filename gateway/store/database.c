/* Opens, checks and migrates SQLite files. Must never create what should be there, never repair, never go on
 * with a file of another program or of a newer version. Every failure names the file and says what to do. */
#include "database.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "error.h"
#include "seal.h"

#define BUSY_MS           10000
#define LARGEST_MIGRATION (1 << 20)

int
database_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int
database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

int
statement_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    int again = sqlite3_reset(statement);
    if (rc == SQLITE_DONE)
        return SQLITE_OK;
    return rc == SQLITE_ROW ? rc : again;
}

int64_t
database_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

int
code_is_damage(int code)
{
    return (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
}

static enum database_result
report(sqlite3 *db, const char *path, const char *doing, struct fep_error *error)
{
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    if (code_is_damage(code)) {
        error_set(error, 0, FEP_E_STORE_DAMAGED,
                  "%s is damaged (%s: %s); it was not changed: copy it, then restore a backup", path, doing,
                  sqlite3_errmsg(db));
        return DATABASE_DAMAGED;
    }
    error_set(error, 0, FEP_E_STORE_OPEN, "%s: %s: %s", path, doing, db ? sqlite3_errmsg(db) : "no memory");
    return DATABASE_FAILED;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------ */

static enum database_result
check_application(sqlite3 *db, const char *path, int32_t application, struct fep_error *error)
{
    int64_t found = database_number(db, "PRAGMA application_id");
    if (found < 0)
        return report(db, path, "reading the file's head", error);
    if (found == application)
        return DATABASE_GOOD;
    if (found == 0 && database_number(db, "SELECT count(*) FROM sqlite_schema") == 0)
        return DATABASE_GOOD; /* new */
    /* It may just have been made: its mark and its tables come with one commit, which may lie between the two
     * looks. */
    if (found == 0 && database_number(db, "PRAGMA application_id") == application)
        return DATABASE_GOOD;
    error_set(error, 0, FEP_E_STORE_OPEN, "%s is not a file of this gateway's store; it was not changed",
              path);
    return DATABASE_FAILED;
}

static enum database_result
configure(sqlite3 *db, const char *path, int wal, struct fep_error *error)
{
    /* Pages of 16 KiB: bodies of a few KiB fill them, and a commit writes fewer of them; measured with 512 B
     * to 32 KiB bodies they cost a fifth less CPU than 4 KiB. secure_delete is on in this build of SQLite and
     * would write every freed page once more; bodies are encrypted. Checkpoints are run when it suits the
     * writer. */
    static const char *const settings[] = {
        "PRAGMA page_size=16384",      "PRAGMA secure_delete=OFF",  "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",      "PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON",
        "PRAGMA wal_autocheckpoint=0", "PRAGMA temp_store=MEMORY",  "PRAGMA cache_size=-1000",
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (database_run(db, settings[i]) != SQLITE_OK)
            return report(db, path, settings[i], error);
    const char *mode = wal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=PERSIST";
    if (database_run(db, mode) != SQLITE_OK)
        return report(db, path, mode, error);
    if (database_number(db, "PRAGMA synchronous") != 2) {
        error_set(error, 0, FEP_E_STORE_OPEN, "%s: SQLite does not accept synchronous=FULL", path);
        return DATABASE_FAILED;
    }
    return DATABASE_GOOD;
}

static enum database_result
open_file(const char *path, int flags, sqlite3 **db, struct fep_error *error)
{
    int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
        sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        rc = seal_register(*db);
    }
    if (rc == SQLITE_OK)
        return DATABASE_GOOD;
    enum database_result result = report(*db, path, "opening", error);
    sqlite3_close(*db);
    *db = NULL;
    return result;
}

enum database_result
database_open(const char *path, int create, int wal, int32_t application, sqlite3 **db,
              struct fep_error *error)
{
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    enum database_result result = open_file(path, flags, db, error);
    if (result != DATABASE_GOOD)
        return result;
    sqlite3_busy_timeout(*db, BUSY_MS);
    result = check_application(*db, path, application, error);
    if (result == DATABASE_GOOD)
        result = configure(*db, path, wal, error);
    if (result != DATABASE_GOOD) {
        sqlite3_close(*db);
        *db = NULL;
    }
    return result;
}

static enum database_result
holds_nothing(const char *path, struct fep_error *error)
{
    error_set(error, 0, FEP_E_STORE_READ, "%s holds nothing yet", path);
    return DATABASE_NONE;
}

/* Its mark and its tables come with one commit, which may lie between two looks. */
static enum database_result
check_to_read(sqlite3 *db, const char *path, int32_t application, struct fep_error *error)
{
    if (database_number(db, "PRAGMA application_id") == application)
        return DATABASE_GOOD;
    int64_t tables = database_number(db, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return report(db, path, "reading the file's head", error);
    enum database_result result = check_application(db, path, application, error);
    return result == DATABASE_GOOD && tables == 0 &&
                   database_number(db, "PRAGMA application_id") != application
               ? holds_nothing(path, error)
               : result;
}

enum database_result
database_open_to_read(const char *path, int32_t application, sqlite3 **db, struct fep_error *error)
{
    struct stat status;
    *db = NULL;
    /* SQLite is not asked: beside an empty file it would delete a log. */
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
        return holds_nothing(path, error);
    enum database_result result = open_file(path, SQLITE_OPEN_READONLY, db, error);
    if (result != DATABASE_GOOD)
        return result;
    sqlite3_busy_timeout(*db, 2000);
    result = check_to_read(*db, path, application, error);
    if (result != DATABASE_GOOD) {
        sqlite3_close(*db);
        *db = NULL;
    }
    return result;
}

/* --- checking
 * ----------------------------------------------------------------------------------------------------- */

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
time_is_up(void *deadline)
{
    return now_ms() >= *(const int64_t *)deadline;
}

static enum database_result
check_once(sqlite3 *db, const char *path, int64_t milliseconds, struct fep_error *error)
{
    int64_t deadline = now_ms() + milliseconds;
    sqlite3_stmt *statement = NULL;
    enum database_result result = DATABASE_GOOD;
    sqlite3_progress_handler(db, 1000, time_is_up, &deadline);
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (!text || strcmp(text, "ok") != 0) {
            error_set(error, 0, FEP_E_STORE_DAMAGED,
                      "%s is damaged (%.200s); it was not changed: copy it, then restore a backup", path,
                      text ? text : "no answer");
            result = DATABASE_DAMAGED;
        }
    } else if (rc != SQLITE_INTERRUPT) {
        result = report(db, path, "checking", error);
    }
    sqlite3_finalize(statement);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return result;
}

/* SQLite tells a page that could not be read once in the same words as one that is wrong: only what is wrong
 * twice is damage. */
enum database_result
database_check(sqlite3 *db, const char *path, int64_t milliseconds, struct fep_error *error)
{
    enum database_result result = check_once(db, path, milliseconds, error);
    return result == DATABASE_DAMAGED ? check_once(db, path, milliseconds, error) : result;
}

/* --- migrations
 * --------------------------------------------------------------------------------------------------- */

struct migrations {
    struct dirent **entries;
    int count;
};

static int
is_migration(const struct dirent *entry)
{
    const char *name = entry->d_name;
    size_t length = strlen(name);
    return length > 9 && strspn(name, "0123456789") == 4 && name[4] == '_' &&
           strcmp(name + length - 4, ".sql") == 0;
}

static void
migrations_finish(struct migrations *found)
{
    for (int i = 0; i < found->count; i++)
        free(found->entries[i]);
    free(found->entries);
}

/* Numbered from 0001 without a gap: a file that is missing must not be passed over. */
static int
migrations_find(struct migrations *found, const char *directory, struct fep_error *error)
{
    found->count = scandir(directory, &found->entries, is_migration, alphasort);
    if (found->count < 0) {
        found->count = 0;
        return error_set(error, 0, FEP_E_STORE_MIGRATION, "cannot read the schema directory %s: %s",
                         directory, strerror(errno));
    }
    for (int i = 0; i < found->count; i++)
        if (atoi(found->entries[i]->d_name) != i + 1)
            return error_set(error, 0, FEP_E_STORE_MIGRATION, "%s: %04d_*.sql is missing before %s",
                             directory, i + 1, found->entries[i]->d_name);
    if (found->count == 0)
        return error_set(error, 0, FEP_E_STORE_MIGRATION, "%s holds no NNNN_*.sql", directory);
    return 0;
}

static char *
read_script(const char *directory, const char *name, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    char *text = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path) {
        error_set(error, 0, FEP_E_STORE_MIGRATION, "the path of %s is too long", name);
        return NULL;
    }
    FILE *file = fopen(path, "re");
    if (file)
        text = malloc(LARGEST_MIGRATION + 1);
    size_t size = text ? fread(text, 1, LARGEST_MIGRATION + 1, file) : 0;
    if (!text || ferror(file) || size == 0 || size > LARGEST_MIGRATION) {
        error_set(error, 0, FEP_E_STORE_MIGRATION, "cannot read %s, or it is empty or larger than 1 MB",
                  path);
        free(text);
        text = NULL;
    } else {
        text[size] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

static enum database_result
apply(sqlite3 *db, const char *path, const char *script, int version, int32_t application,
      struct fep_error *error)
{
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA user_version=%d; PRAGMA application_id=%d", version, application);
    if (database_run(db, "BEGIN EXCLUSIVE") == SQLITE_OK && database_run(db, script) == SQLITE_OK &&
        database_run(db, stamp) == SQLITE_OK && database_run(db, "COMMIT") == SQLITE_OK)
        return DATABASE_GOOD;
    int damage = code_is_damage(sqlite3_extended_errcode(db));
    error_set(error, 0, damage ? FEP_E_STORE_DAMAGED : FEP_E_STORE_MIGRATION,
              "%s: migration %04d failed and was rolled back: %s", path, version, sqlite3_errmsg(db));
    if (!sqlite3_get_autocommit(db))
        (void)database_run(db, "ROLLBACK"); /* what failed above is what is reported */
    return damage ? DATABASE_DAMAGED : DATABASE_FAILED;
}

enum database_result
database_migrate(sqlite3 *db, const char *path, const char *directory, int32_t application,
                 struct fep_error *error)
{
    struct migrations found = {0};
    enum database_result result = DATABASE_GOOD;
    int64_t version = database_number(db, "PRAGMA user_version");
    if (version < 0)
        return report(db, path, "reading the schema version", error);
    if (migrations_find(&found, directory, error) < 0) {
        result = DATABASE_FAILED;
    } else if (version > found.count) {
        error_set(error, 0, FEP_E_STORE_VERSION,
                  "%s has schema %d, this program knows %d; install the newer program", path, (int)version,
                  found.count);
        result = DATABASE_FAILED;
    }
    for (int i = (int)version; result == DATABASE_GOOD && i < found.count; i++) {
        char *script = read_script(directory, found.entries[i]->d_name, error);
        result = script ? apply(db, path, script, i + 1, application, error) : DATABASE_FAILED;
        free(script);
    }
    migrations_finish(&found);
    return result;
}

int
code_is_full(sqlite3 *db, int code)
{
    return (code & 0xFF) == SQLITE_FULL ||
           ((code & 0xFF) == SQLITE_IOERR && sqlite3_system_errno(db) == ENOSPC);
}
