/* Copies a store that is in use: the queue first, then each journal, every file inside one read transaction
 * and in bounded steps; then looks at every row of the copy and hashes it. Must never write to the store,
 * never give a name to a copy that was not verified whole. Fails with the file and the reason; what was
 * written by then is removed as far as it is ours. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "database.h"
#include "error.h"
#include "journal.h"
#include "key_tables.h"
#include "queue_map.h"
#include "record_columns.h"

enum { STEP_PAGES = 64, PAUSE_NS = 1000000, BUSY_TRIES = 2000, CHUNK = 1 << 16 };

static int
fail(struct fep_error *error, const char *path, const char *doing)
{
    return error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s: %s", path, doing, strerror(errno));
}

static int
join(char out[STORE_PATH_SIZE], const char *directory, const char *name, struct fep_error *error)
{
    if ((size_t)snprintf(out, STORE_PATH_SIZE, "%s/%s", directory, name) < STORE_PATH_SIZE)
        return 0;
    return error_set(error, 0, FEP_E_STORE_OPEN, "the path %.80s... is too long", directory);
}

int
backup_sync_directory(const char *path, struct fep_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) < 0 ? fail(error, path, "syncing") : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

static int
sync_file(const char *path, struct fep_error *error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) < 0 ? fail(error, path, "syncing") : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

int
backup_copy_file(const char *from, const char *to, struct fep_error *error)
{
    static char chunk[CHUNK];
    int in = open(from, O_RDONLY | O_CLOEXEC), status = 0;
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t got = 0;
    if (in < 0 || out < 0)
        status = fail(error, in < 0 ? from : to, "opening");
    while (status == 0 && (got = read(in, chunk, sizeof chunk)) > 0)
        if (write(out, chunk, (size_t)got) != got)
            status = fail(error, to, "writing");
    if (status == 0 && (got < 0 || fsync(out) < 0))
        status = fail(error, got < 0 ? from : to, "copying");
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) < 0 && status == 0)
        status = fail(error, to, "closing");
    return status;
}

/* --- one file ------------------------------------------------------------------------------------------ */

static void
pause_a_moment(void)
{
    struct timespec moment = {.tv_nsec = PAUSE_NS};
    nanosleep(&moment, NULL);
}

/* Within the read transaction that is open, so that nothing written meanwhile begins it anew. */
static int
copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    int rc = copy != NULL ? SQLITE_OK : sqlite3_errcode(to), tries = 0;
    while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        rc = sqlite3_backup_step(copy, STEP_PAGES);
        if (rc != SQLITE_OK && rc != SQLITE_DONE && ++tries > BUSY_TRIES)
            break;
        if (rc != SQLITE_DONE)
            pause_a_moment();
    }
    int finished = copy != NULL ? sqlite3_backup_finish(copy) : rc;
    return rc == SQLITE_DONE ? finished : rc;
}

/* 1 copied, 0 there is nothing in it yet, negative with the error. */
static int
copy_database(const char *from, const char *to, int32_t application, struct fep_error *error)
{
    sqlite3 *source = NULL, *copy = NULL;
    enum database_result opened = database_open_to_read(from, application, &source, error);
    if (opened != DATABASE_GOOD)
        return opened == DATABASE_NONE ? 0 : -1;
    int rc =
        sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = database_run(source, "BEGIN");
    if (rc == SQLITE_OK && database_number(source, "SELECT count(*) FROM sqlite_schema") < 0)
        rc = sqlite3_errcode(source);
    if (rc == SQLITE_OK)
        rc = copy_pages(source, copy);
    if (rc == SQLITE_OK) /* one file, without a log beside it */
        rc = database_run(copy, "PRAGMA journal_mode=DELETE");
    if (rc != SQLITE_OK)
        error_set(error, 0, FEP_E_STORE_READ, "copying %s: %s", from, sqlite3_errstr(rc));
    sqlite3_close(source);
    sqlite3_close(copy);
    if (rc != SQLITE_OK)
        return -1;
    return sync_file(to, error) == 0 ? 1 : -1;
}

/* --- looking at a copy --------------------------------------------------------------------------------- */

struct looking { /* at all files of one backup */
    const char *directory;
    struct backup_summary *summary;
    sqlite3 *queue;
    struct key_tables keys; /* of the queue; loaded if keys are to be added */
    struct queue_map map;
    int adds_keys;
    uint32_t first_key_day;
};

static int
check_whole(sqlite3 *db, const char *path, struct fep_error *error)
{
    sqlite3_stmt *check = NULL;
    int sound = 0;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &check, NULL) == SQLITE_OK &&
        sqlite3_step(check) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(check, 0);
        sound = text != NULL && strcmp(text, "ok") == 0;
        if (!sound)
            error_set(error, 0, FEP_E_STORE_DAMAGED, "%s is damaged: %.200s", path,
                      text != NULL ? text : "no answer");
    } else {
        error_set(error, 0, FEP_E_STORE_DAMAGED, "%s can't be checked: %s", path, sqlite3_errmsg(db));
    }
    sqlite3_finalize(check);
    return sound ? 0 : -1;
}

/* The journal was copied after the queue: what moved there meanwhile is unknown to the copied key tables. */
static int
add_key(struct looking *looking, const struct exchange_record *record)
{
    struct exchange_key key = exchange_key_of(record);
    struct exchange_record known;
    if (record->header.day < looking->first_key_day || queue_map_find(&looking->map, &key) != NULL)
        return SQLITE_OK;
    int rc = key_tables_find(&looking->keys, &key, &known);
    if (rc != SQLITE_DONE)
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
    if (!key_tables_have_room(&looking->keys, record->header.day))
        return SQLITE_OK;
    looking->summary->keys_added++;
    return key_tables_put(&looking->keys, record);
}

static int
read_rows(struct looking *looking, sqlite3 *db, const char *path, int is_queue, struct fep_error *error)
{
    char sql[RECORD_SQL_SIZE];
    sqlite3_stmt *rows = NULL;
    record_sql("SELECT $N,id FROM exchange", sql);
    int rc = sqlite3_prepare_v2(db, sql, -1, &rows, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        struct exchange_record record;
        rc = SQLITE_OK;
        looking->summary->rows++;
        if (record_read(rows, &record) < 0)
            rc = SQLITE_CORRUPT;
        else if (looking->adds_keys && is_queue) {
            struct exchange_key key = exchange_key_of(&record);
            if (queue_map_add(&looking->map, &key, sqlite3_column_int64(rows, record_column_count)) == NULL)
                rc = SQLITE_NOMEM;
        } else if (looking->adds_keys) {
            rc = add_key(looking, &record);
        }
    }
    sqlite3_finalize(rows);
    if (rc == SQLITE_DONE)
        return 0;
    return error_set(error, 0, rc == SQLITE_CORRUPT ? FEP_E_STORE_DAMAGED : FEP_E_STORE_READ,
                     "%s: row %" PRIu64 ": %s", path, looking->summary->rows, sqlite3_errstr(rc));
}

static int
look_at_journal(struct looking *looking, uint32_t day, struct fep_error *error)
{
    char name[32], path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    snprintf(name, sizeof name, "journal/%08u.db", (unsigned)day);
    if (join(path, looking->directory, name, error) != 0 ||
        database_open_to_read(path, JOURNAL_APPLICATION, &db, error) != DATABASE_GOOD)
        return -1;
    int status = check_whole(db, path, error);
    if (status == 0)
        status = read_rows(looking, db, path, 0, error);
    sqlite3_close(db);
    looking->summary->files++;
    return status;
}

static int
read_identity(struct looking *looking, const char *path, struct fep_error *error)
{
    struct backup_summary *summary = looking->summary;
    sqlite3_stmt *node = NULL;
    int64_t incarnation = database_number(looking->queue, "SELECT number FROM meta WHERE name='incarnation'");
    int64_t serials = database_number(looking->queue, "SELECT number FROM meta WHERE name='serial_counter'");
    int64_t sequence = database_number(
        looking->queue, "SELECT max(coalesce((SELECT number FROM meta WHERE name='commit_sequence'),0),"
                        "coalesce((SELECT max(sequence) FROM exchange),0))");
    if (sqlite3_prepare_v2(looking->queue, "SELECT text FROM meta WHERE name='node'", -1, &node, NULL) ==
            SQLITE_OK &&
        sqlite3_step(node) == SQLITE_ROW)
        snprintf(summary->node, sizeof summary->node, "%s", (const char *)sqlite3_column_text(node, 0));
    sqlite3_finalize(node);
    if (incarnation <= 0 || serials < 0 || sequence < 0 || summary->node[0] == '\0')
        return error_set(error, 0, FEP_E_STORE_DAMAGED, "%s does not say whose it is", path);
    summary->incarnation = (uint64_t)incarnation;
    summary->serial_counter = (uint64_t)serials;
    summary->commit_sequence = (uint64_t)sequence;
    return 0;
}

static int
load_keys(struct looking *looking, struct fep_error *error)
{
    queue_map_init(&looking->map, 1);
    int rc = key_tables_load(&looking->keys, looking->queue, 1);
    if (rc != SQLITE_OK)
        return error_set(error, 0, FEP_E_STORE_READ, "the copied key tables: %s", sqlite3_errstr(rc));
    looking->first_key_day = looking->keys.count > 0 ? UINT32_MAX : 0;
    for (size_t i = 0; i < looking->keys.count; i++)
        if (looking->keys.days[i].day < looking->first_key_day)
            looking->first_key_day = looking->keys.days[i].day;
    return 0;
}

static int
look_at_journals(struct looking *looking, struct fep_error *error)
{
    static uint32_t days[BACKUP_DAYS];
    char path[STORE_PATH_SIZE];
    int status = join(path, looking->directory, "journal", error);
    size_t count = status == 0 ? journals_list(path, days, BACKUP_DAYS) : 0;
    if (count == BACKUP_DAYS)
        return error_set(error, 0, FEP_E_BOUND, "%s holds more days than can be handled", path);
    for (size_t i = 0; i < count && status == 0; i++)
        status = look_at_journal(looking, days[i], error);
    return status;
}

/* Every file whole, every row as it was written; fills the summary. With `adds_keys` the copied key tables
 * take in what the copied journals know beside them. */
static int
look_at_store(const char *directory, int adds_keys, struct backup_summary *summary, struct fep_error *error)
{
    struct looking looking = {.directory = directory, .summary = summary, .adds_keys = adds_keys};
    char path[STORE_PATH_SIZE];
    summary->files = summary->rows = summary->keys_added = 0;
    if (join(path, directory, "queue.db", error) != 0)
        return -1;
    enum database_result opened = adds_keys
                                      ? database_open(path, 0, 0, QUEUE_APPLICATION, &looking.queue, error)
                                      : database_open_to_read(path, QUEUE_APPLICATION, &looking.queue, error);
    if (opened != DATABASE_GOOD)
        return -1;
    int status = adds_keys ? load_keys(&looking, error) : 0;
    if (status == 0)
        status = check_whole(looking.queue, path, error);
    if (status == 0)
        status = read_identity(&looking, path, error);
    if (status == 0)
        status = read_rows(&looking, looking.queue, path, 1, error);
    summary->files++;
    if (status == 0 && adds_keys && database_run(looking.queue, "BEGIN IMMEDIATE") != SQLITE_OK)
        status = error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s", path, sqlite3_errmsg(looking.queue));
    if (status == 0)
        status = look_at_journals(&looking, error);
    if (status == 0 && adds_keys && database_run(looking.queue, "COMMIT") != SQLITE_OK)
        status = error_set(error, 0, FEP_E_STORE_WRITE, "%s: %s", path, sqlite3_errmsg(looking.queue));
    if (adds_keys) {
        key_tables_finish(&looking.keys);
        queue_map_finish(&looking.map);
        (void)database_run(looking.queue, "PRAGMA journal_mode=DELETE"); /* removes the log it left empty */
    }
    sqlite3_close(looking.queue);
    return status == 0 && adds_keys ? sync_file(path, error) : status;
}

/* --- the manifest -------------------------------------------------------------------------------------- */

static int
hash_file(const char *path, char hex[65], uint64_t *size, struct fep_error *error)
{
    static unsigned char chunk[CHUNK];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    FILE *file = fopen(path, "re");
    size_t got;
    *size = 0;
    int good = context != NULL && file != NULL && EVP_DigestInit_ex(context, EVP_sm3(), NULL) == 1;
    while (good && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        good = EVP_DigestUpdate(context, chunk, got) == 1;
        *size += got;
    }
    good = good && !ferror(file) && EVP_DigestFinal_ex(context, digest, &length) == 1 && length == 32;
    if (!good)
        error_set(error, 0, FEP_E_STORE_READ, "%s can't be read to its end", path);
    for (unsigned i = 0; good && i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (file != NULL)
        fclose(file);
    EVP_MD_CTX_free(context);
    return good ? 0 : -1;
}

static int
write_file_line(FILE *manifest, const char *directory, const char *name, struct backup_summary *summary,
                struct fep_error *error)
{
    char path[STORE_PATH_SIZE], hex[65];
    uint64_t size;
    if (join(path, directory, name, error) != 0 || hash_file(path, hex, &size, error) != 0)
        return -1;
    summary->bytes += size;
    return fprintf(manifest, "file %s %" PRIu64 " %s\n", name, size, hex) > 0
               ? 0
               : fail(error, directory, "writing the manifest");
}

static int
write_manifest(const char *directory, struct backup_summary *summary, struct fep_error *error)
{
    static uint32_t days[BACKUP_DAYS];
    char path[STORE_PATH_SIZE], name[32];
    if (join(path, directory, "journal", error) != 0)
        return -1;
    size_t count = journals_list(path, days, BACKUP_DAYS);
    if (join(path, directory, BACKUP_MANIFEST, error) != 0)
        return -1;
    FILE *manifest = fopen(path, "wxe");
    if (manifest == NULL)
        return fail(error, path, "making");
    fprintf(manifest,
            "fep-backup 1\nnode %s\nincarnation %" PRIu64 "\ncommit_sequence %" PRIu64
            "\nserial_counter %" PRIu64 "\ntaken_ms %" PRId64 "\nrows %" PRIu64 "\n",
            summary->node, summary->incarnation, summary->commit_sequence, summary->serial_counter,
            summary->taken_ms, summary->rows);
    summary->bytes = 0;
    int status = write_file_line(manifest, directory, "queue.db", summary, error);
    for (size_t i = 0; i < count && status == 0; i++) {
        snprintf(name, sizeof name, "journal/%08u.db", (unsigned)days[i]);
        status = write_file_line(manifest, directory, name, summary, error);
    }
    if (status == 0 &&
        (fputs("end\n", manifest) < 0 || fflush(manifest) != 0 || fsync(fileno(manifest)) != 0))
        status = fail(error, path, "writing");
    if (fclose(manifest) != 0 && status == 0)
        status = fail(error, path, "closing");
    return status;
}

static int
check_file_line(const char *directory, const char *line, struct backup_summary *summary,
                struct fep_error *error)
{
    char name[32], wanted[65], found[65], path[STORE_PATH_SIZE];
    uint64_t size, has;
    if (sscanf(line, "file %31s %" SCNu64 " %64s", name, &size, wanted) != 3 ||
        (strcmp(name, "queue.db") != 0 && strncmp(name, "journal/", 8) != 0) || strstr(name, "..") != NULL)
        return error_set(error, 0, FEP_E_STORE_DAMAGED, "%s/%s holds a line that is none of its own",
                         directory, BACKUP_MANIFEST);
    if (join(path, directory, name, error) != 0 || hash_file(path, found, &has, error) != 0)
        return -1;
    summary->files++;
    summary->bytes += has;
    if (has == size && strcmp(found, wanted) == 0)
        return 0;
    return error_set(error, 0, FEP_E_STORE_DAMAGED, "%s is not as it was when the backup was made", path);
}

static int
check_manifest(const char *directory, struct backup_summary *summary, struct fep_error *error)
{
    char path[STORE_PATH_SIZE], line[256];
    int status = 0, ended = 0, first = 1;
    if (join(path, directory, BACKUP_MANIFEST, error) != 0)
        return -1;
    FILE *manifest = fopen(path, "re");
    if (manifest == NULL)
        return error_set(error, 0, FEP_E_STORE_OPEN, "%s: %s; is %s a backup of this gateway?", path,
                         strerror(errno), directory);
    *summary = (struct backup_summary){0};
    while (status == 0 && !ended && fgets(line, sizeof line, manifest) != NULL) {
        if (first && strcmp(line, "fep-backup 1\n") != 0)
            status = error_set(error, 0, FEP_E_STORE_VERSION, "%s is of another version", path);
        first = 0;
        (void)sscanf(line, "taken_ms %" SCNd64, &summary->taken_ms);
        if (status == 0 && strncmp(line, "file ", 5) == 0)
            status = check_file_line(directory, line, summary, error);
        ended = strcmp(line, "end\n") == 0;
    }
    fclose(manifest);
    if (status == 0 && (!ended || summary->taken_ms <= 0))
        status = error_set(error, 0, FEP_E_STORE_DAMAGED, "%s is not whole", path);
    return status;
}

int
backup_verify(const char *directory, struct backup_summary *summary, struct fep_error *error)
{
    if (check_manifest(directory, summary, error) != 0)
        return -1;
    uint64_t files = summary->files;
    if (look_at_store(directory, 0, summary, error) != 0)
        return -1;
    if (files == summary->files)
        return 0;
    return error_set(error, 0, FEP_E_STORE_DAMAGED, "%s holds a journal that its manifest does not name",
                     directory);
}

/* --- the whole ----------------------------------------------------------------------------------------- */

/* What a broken copy left: our own files in our own directory. */
static void
remove_part(const char *directory)
{
    static uint32_t days[BACKUP_DAYS];
    static const char *const names[] = {BACKUP_MANIFEST, "queue.db", "queue.db-journal", "queue.db-wal",
                                        "queue.db-shm"};
    char path[STORE_PATH_SIZE], name[48];
    if (join(path, directory, "journal", NULL) != 0)
        return;
    size_t count = journals_list(path, days, BACKUP_DAYS);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "journal/%08u.db", (unsigned)days[i]);
        if (join(path, directory, name, NULL) == 0)
            (void)unlink(path);
    }
    if (join(path, directory, "journal", NULL) == 0)
        (void)rmdir(path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (join(path, directory, names[i], NULL) == 0)
            (void)unlink(path);
    (void)rmdir(directory);
}

static int
copy_store(const char *from, const char *to, struct fep_error *error)
{
    static uint32_t days[BACKUP_DAYS];
    char source[STORE_PATH_SIZE], copy[STORE_PATH_SIZE], name[32];
    if (join(source, from, "queue.db", error) != 0 || join(copy, to, "queue.db", error) != 0)
        return -1;
    int copied = copy_database(source, copy, QUEUE_APPLICATION, error);
    if (copied == 0)
        return error_set(error, 0, FEP_E_STORE_READ, "%s holds nothing yet", source);
    if (copied < 0 || join(source, from, "journal", error) != 0)
        return -1;
    size_t count = journals_list(source, days, BACKUP_DAYS);
    if (count == BACKUP_DAYS)
        return error_set(error, 0, FEP_E_BOUND, "%s holds more days than can be handled", source);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "journal/%08u.db", (unsigned)days[i]);
        if (join(source, from, name, error) != 0 || join(copy, to, name, error) != 0 ||
            copy_database(source, copy, JOURNAL_APPLICATION, error) < 0)
            return -1;
    }
    return 0;
}

static int
write_part(const char *state_directory, const char *part, struct backup_summary *summary,
           struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    if (join(path, part, "journal", error) != 0)
        return -1;
    if (mkdir(part, 0700) < 0 || mkdir(path, 0700) < 0)
        return fail(error, part, "making");
    if (copy_store(state_directory, part, error) != 0 || look_at_store(part, 1, summary, error) != 0 ||
        write_manifest(part, summary, error) != 0)
        return -1;
    return backup_sync_directory(path, error) != 0 ? -1 : backup_sync_directory(part, error);
}

int
backup_write(const char *state_directory, const char *directory, int64_t wall_ms,
             struct backup_summary *summary, struct fep_error *error)
{
    char part[STORE_PATH_SIZE], above[STORE_PATH_SIZE];
    struct stat status;
    *summary = (struct backup_summary){.taken_ms = wall_ms};
    if ((size_t)snprintf(part, sizeof part, "%s.part", directory) >= sizeof part)
        return error_set(error, 0, FEP_E_STORE_OPEN, "the path of the backup is too long");
    if (lstat(directory, &status) == 0)
        return error_set(error, 0, FEP_E_USAGE, "%s is there already; a backup is a directory of its own",
                         directory);
    if (write_part(state_directory, part, summary, error) != 0) {
        remove_part(part);
        return -1;
    }
    if (rename(part, directory) < 0)
        return fail(error, directory, "naming");
    snprintf(above, sizeof above, "%.4080s/..", directory);
    return backup_sync_directory(above, error);
}
