/* Opens the SQLite store: directory, lock, queue, journals, identity, writer. Must never create a queue where
 * one is missing, never run two on one directory, never go on with the wrong key or as another node. Each
 * refusal says which file and what to do. */
#include "sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error.h"
#include "log.h"
#include "mend.h"
#include "prompts.h"
#include "proposals.h"
#include "seal.h"

#define DEFAULT_BATCH_BYTES    (512 << 10)
#define DEFAULT_BALLAST_BYTES  (16 << 20)
#define DEFAULT_MIN_FREE_BYTES (64 << 20)
#define DEFAULT_HORIZON_DAYS   45
#define CHECK_MS               3000
#define CHECK_DAYS             2
#define QUEUE_CACHE            "PRAGMA cache_size=-4096" /* KiB */

/* --- directory and lock
 * ------------------------------------------------------------------------------------------- */

static int
make_directory(const char *path, struct fep_error *error)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, 0, FEP_E_STORE_OPEN, "cannot make the directory %s: %s", path,
                         strerror(errno));
    return 0;
}

static int
sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

static int
take_lock(struct sqlite_store *store, struct fep_error *error)
{
    char path[STORE_PATH_SIZE + 8], text[32] = "";
    snprintf(path, sizeof path, "%s/lock", store->directory);
    store->lock_descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_descriptor < 0)
        return error_set(error, 0, FEP_E_STORE_OPEN, "cannot open %s: %s", path, strerror(errno));
    if (flock(store->lock_descriptor, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return error_set(error, 0, FEP_E_STORE_OPEN, "cannot lock %s: %s", path, strerror(errno));
        if (pread(store->lock_descriptor, text, sizeof text - 1, 0) < 0)
            text[0] = '\0';
        return error_set(error, 0, FEP_E_STORE_LOCKED,
                         "%s is in use by the process with pid %d; this one ends", store->directory,
                         atoi(text));
    }
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    /* The lock is what counts; the pid in it is for the other one's error. */
    if (ftruncate(store->lock_descriptor, 0) < 0 ||
        pwrite(store->lock_descriptor, text, (size_t)length, 0) != (ssize_t)length)
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR, LOG_T("file", path), LOG_N("code", FEP_E_SYSTEM));
    return 0;
}

/* --- meta
 * ---------------------------------------------------------------------------------------------------------
 */

static int
read_meta(sqlite3 *db, const char *name, int64_t *number, char *text, size_t text_size, uint8_t *bytes)
{
    sqlite3_stmt *select = NULL;
    int rc =
        sqlite3_prepare_v2(db, "SELECT number,text,bytes," SEAL_FITS(META_COLUMNS) " FROM meta WHERE name=?1",
                           -1, &select, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(select, 1, name, -1, SQLITE_STATIC);
        rc = sqlite3_step(select);
    }
    if (rc == SQLITE_ROW && !sqlite3_column_int(select, 3))
        rc = SQLITE_CORRUPT; /* a serial counter that went back would let serials be used twice */
    if (rc == SQLITE_ROW) {
        if (number)
            *number = sqlite3_column_int64(select, 0);
        if (text)
            snprintf(text, text_size, "%s", (const char *)sqlite3_column_text(select, 1));
        if (bytes && sqlite3_column_bytes(select, 2) == BODY_KEY_CHECK_SIZE)
            memcpy(bytes, sqlite3_column_blob(select, 2), BODY_KEY_CHECK_SIZE);
    }
    sqlite3_finalize(select);
    return rc;
}

static int
write_meta(sqlite3 *db, const char *name, int64_t number, const char *text, const uint8_t *bytes)
{
    sqlite3_stmt *insert = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "INSERT OR REPLACE INTO meta(name,number,text,bytes,seal) "
                                "VALUES(?1,?2,?3,?4,fep_seal(?1,?2,?3,?4))",
                                -1, &insert, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(insert, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, number);
        sqlite3_bind_text(insert, 3, text, -1, SQLITE_STATIC);
        if (bytes)
            sqlite3_bind_blob(insert, 4, bytes, BODY_KEY_CHECK_SIZE, SQLITE_STATIC);
        rc = statement_run(insert);
    }
    sqlite3_finalize(insert);
    return rc;
}

static int
own_check_value(struct sqlite_store *store, uint8_t check[BODY_KEY_CHECK_SIZE])
{
    memset(check, 0, BODY_KEY_CHECK_SIZE); /* in clear */
    return store->cipher ? body_cipher_key_check(store->cipher, check) : 0;
}

/* The first lines of a new store, in one transaction with the mark that they are there. */
static int
give_birth(struct sqlite_store *store)
{
    uint8_t check[BODY_KEY_CHECK_SIZE];
    uint64_t incarnation = 0;
    if (getrandom(&incarnation, sizeof incarnation, 0) != sizeof incarnation ||
        own_check_value(store, check) < 0)
        return SQLITE_ERROR;
    incarnation = incarnation % 99999999999999 + 1; /* 14 digits: a longer run would be masked in the log */
    int rc = database_run(store->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = write_meta(store->db, "node", 0, store->node, NULL);
    if (rc == SQLITE_OK)
        rc = write_meta(store->db, "key_check", store->cipher != NULL, "", check);
    if (rc == SQLITE_OK)
        rc = write_meta(store->db, "serial_counter", 1, "", NULL);
    if (rc == SQLITE_OK)
        rc = write_meta(store->db, "incarnation", (int64_t)incarnation, "", NULL);
    return rc == SQLITE_OK ? database_run(store->db, "COMMIT") : rc;
}

static int
check_owner(struct sqlite_store *store, struct fep_error *error)
{
    char node[64] = "";
    int64_t encrypted = 0;
    uint8_t expected[BODY_KEY_CHECK_SIZE] = {0}, check[BODY_KEY_CHECK_SIZE];
    if (read_meta(store->db, "node", NULL, node, sizeof node, NULL) != SQLITE_ROW ||
        read_meta(store->db, "key_check", &encrypted, NULL, 0, expected) != SQLITE_ROW)
        return error_set(error, 0, FEP_E_STORE_DAMAGED, "%s does not say whose it is; restore a backup",
                         store->queue_file);
    if (strcmp(node, store->node) != 0)
        return error_set(
            error, 0, FEP_E_STORE_OPEN,
            "%s belongs to node %s, the configuration says %s; correct `node` or the store's directory",
            store->queue_file, node, store->node);
    if (encrypted != (store->cipher != NULL))
        return error_set(error, 0, FEP_E_STORE_KEY,
                         "%s holds bodies %s; correct the store's key file in the configuration",
                         store->queue_file, encrypted ? "under a key, and none is configured" : "in clear");
    if (own_check_value(store, check) < 0 || memcmp(check, expected, sizeof check) != 0)
        return error_set(error, 0, FEP_E_STORE_KEY, "%s was written under another key; restore that key file",
                         store->queue_file);
    return 0;
}

static int
meta_failed(const struct sqlite_store *store, int rc, struct fep_error *error)
{
    if (code_is_damage(rc))
        return error_set(
            error, 0, FEP_E_STORE_DAMAGED,
            "%s: what it says about itself (table meta) is damaged; copy it, then restore a backup",
            store->queue_file);
    return error_set(error, 0, FEP_E_STORE_OPEN, "%s: %s", store->queue_file, sqlite3_errmsg(store->db));
}

static int
read_identity(struct sqlite_store *store, struct fep_error *error)
{
    int64_t incarnation = 0, boots = 0, serials = 1, sequence = 0;
    int rc = read_meta(store->db, "incarnation", &incarnation, NULL, 0, NULL);
    if (rc == SQLITE_DONE && (rc = give_birth(store)) == SQLITE_OK)
        rc = read_meta(store->db, "incarnation", &incarnation, NULL, 0, NULL);
    if (rc != SQLITE_ROW)
        return meta_failed(store, rc, error);
    if (check_owner(store, error) < 0)
        return -1;
    /* A row whose name was altered is not found by its name. */
    if (database_number(store->db, "SELECT count(*) FROM meta WHERE NOT " SEAL_FITS(META_COLUMNS)) != 0)
        return meta_failed(store, SQLITE_CORRUPT, error);
    if (database_run(store->db, "UPDATE meta SET seal=fep_seal(" META_COLUMNS ") WHERE seal IS NULL") !=
        SQLITE_OK)
        return meta_failed(store, sqlite3_extended_errcode(store->db), error);
    rc = read_meta(store->db, "boot_count", &boots, NULL, 0, NULL);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        rc = write_meta(store->db, "boot_count", ++boots, "", NULL);
    if (rc == SQLITE_OK)
        rc = read_meta(store->db, "serial_counter", &serials, NULL, 0, NULL);
    if (rc == SQLITE_DONE) /* it is there from the first moment on */
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_ROW)
        rc = read_meta(store->db, "commit_sequence", &sequence, NULL, 0, NULL);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return meta_failed(store, rc, error);
    int64_t in_rows = database_number(store->db, "SELECT coalesce(max(sequence),0) FROM exchange");
    store->incarnation = (uint64_t)incarnation;
    store->boot_count = (uint64_t)boots;
    atomic_init(&store->serial_counter, (uint64_t)serials);
    atomic_init(&store->commit_sequence, (uint64_t)(in_rows > sequence ? in_rows : sequence));
    return 0;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------ */

/* A queue that vanished while its journals are there was lost, and must not be made anew in silence: keys and
 * open exchanges would be forgotten. */
static int
refuse_lost_queue(const struct sqlite_store *store, const char *journal_directory, struct fep_error *error)
{
    uint32_t day;
    struct stat status;
    if (stat(store->queue_file, &status) == 0 && status.st_size > 0)
        return 0;
    if (journals_list(journal_directory, &day, 1) == 0)
        return 0;
    return error_set(error, 0, FEP_E_STORE_DAMAGED,
                     "%s is missing or empty although there are journals beside it; restore a backup of it",
                     store->queue_file);
}

static int
open_queue(struct sqlite_store *store, const char *schema, struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    if ((size_t)snprintf(path, sizeof path, "%s/queue", schema) >= sizeof path)
        return error_set(error, 0, FEP_E_STORE_OPEN, "the path of the schema is too long");
    if (database_open(store->queue_file, 1, 1, QUEUE_APPLICATION, &store->db, error) != DATABASE_GOOD ||
        database_check(store->db, store->queue_file, CHECK_MS, error) != DATABASE_GOOD ||
        database_migrate(store->db, store->queue_file, path, QUEUE_APPLICATION, error) != DATABASE_GOOD)
        return -1;
    if (database_run(store->db, QUEUE_CACHE) != SQLITE_OK || sync_directory(store->directory) < 0)
        return error_set(error, 0, FEP_E_STORE_OPEN, "cannot settle %s", store->queue_file);
    return 0;
}

static int
load_queue(struct sqlite_store *store, const char *journal_directory, struct fep_error *error)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return error_set(error, 0, FEP_E_SYSTEM, "no random bytes");
    queue_map_init(&store->map, seed);
    if (mover_init(&store->mover) < 0)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the store");
    int rc = key_tables_load(&store->keys, store->db, seed);
    if (rc == SQLITE_OK && mend_store(store, journal_directory, error) < 0)
        return -1;
    if (rc == SQLITE_OK)
        rc = batch_load_map(store);
    if (rc == SQLITE_OK)
        rc = statements_prepare(&store->statements, store->db);
    if (rc == SQLITE_OK)
        rc = prompts_load(store);
    if (rc != SQLITE_OK)
        return error_set(error, 0,
                         code_is_damage(rc) || rc == SQLITE_ERROR ? FEP_E_STORE_DAMAGED : FEP_E_STORE_OPEN,
                         "%s cannot be read: %s (%s); copy it, then restore a backup", store->queue_file,
                         sqlite3_errstr(rc), sqlite3_errmsg(store->db));
    store->found_open = store->map.count;
    store->next_id = database_number(store->db, "SELECT coalesce(max(id),0)+1 FROM exchange");
    store->next_body = database_number(store->db, "SELECT coalesce(max(id),0)+1 FROM body");
    store->next_closed = database_number(store->db, "SELECT coalesce(max(number),0)+1 FROM closed");
    if (store->next_id <= 0 || store->next_body <= 0 || store->next_closed <= 0)
        return error_set(error, 0, FEP_E_STORE_OPEN, "%s: %s", store->queue_file, sqlite3_errmsg(store->db));
    return 0;
}

static int
open_cipher(struct sqlite_store *store, const char *key_file, struct fep_error *error)
{
    if (!key_file)
        return 0;
    store->cipher = body_cipher_create(key_file, error);
    if (!store->cipher)
        return -1;
    store->owner_cipher = body_cipher_copy(store->cipher);
    return store->owner_cipher ? 0 : error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the body cipher");
}

static int
configure(struct sqlite_store *store, const struct store_config *config, struct fep_error *error)
{
    store->batch_bytes = config->batch_bytes ? config->batch_bytes : DEFAULT_BATCH_BYTES;
    store->horizon_days = config->horizon_days ? config->horizon_days : DEFAULT_HORIZON_DAYS;
    if (store->horizon_days > 120)
        return error_set(error, 0, FEP_E_CONFIG_INVALID, "horizon_days is more than 120");
    if (!config->node || config->node[0] == '\0' || strlen(config->node) >= NODE_SIZE)
        return error_set(error, 0, FEP_E_CONFIG_INVALID, "the store needs the name of this node");
    memcpy(store->node, config->node, strlen(config->node));
    if (strlen(config->directory) + 16 >= STORE_PATH_SIZE ||
        strlen(config->schema_directory) + 16 >= STORE_PATH_SIZE)
        return error_set(error, 0, FEP_E_STORE_OPEN, "the store's path is too long");
    snprintf(store->directory, sizeof store->directory, "%s", config->directory);
    snprintf(store->queue_file, sizeof store->queue_file, "%.4080s/queue.db", store->directory);
    return 0;
}

/* A restore that was broken off: what is here may be half of two stores, or nothing. */
static int
refuse_half_restored(const struct sqlite_store *store, struct fep_error *error)
{
    char path[STORE_PATH_SIZE + 16];
    struct stat status;
    snprintf(path, sizeof path, "%s/restoring", store->directory);
    if (lstat(path, &status) != 0)
        return 0;
    return error_set(error, 0, FEP_E_STORE_OPEN, "%s is there: a restore was broken off; give it again",
                     path);
}

static int
open_all(struct sqlite_store *store, const struct store_config *config, struct fep_error *error)
{
    char journal_directory[STORE_PATH_SIZE], journal_schema[STORE_PATH_SIZE];
    if (configure(store, config, error) < 0)
        return -1;
    snprintf(journal_directory, sizeof journal_directory, "%.4080s/journal", store->directory);
    snprintf(journal_schema, sizeof journal_schema, "%.4080s/journal", config->schema_directory);
    if (make_directory(store->directory, error) < 0 || take_lock(store, error) < 0 ||
        refuse_half_restored(store, error) < 0 || make_directory(journal_directory, error) < 0 ||
        refuse_lost_queue(store, journal_directory, error) < 0 ||
        open_cipher(store, config->key_file, error) < 0 ||
        open_queue(store, config->schema_directory, error) < 0 || read_identity(store, error) < 0 ||
        load_queue(store, journal_directory, error) < 0)
        return -1;
    journals_init(&store->journals, journal_directory, journal_schema, store->queue_file);
    journals_check(&store->journals, CHECK_DAYS, CHECK_MS / CHECK_DAYS);
    if (room_open(&store->room, store->directory,
                  config->ballast_bytes ? config->ballast_bytes : DEFAULT_BALLAST_BYTES,
                  config->min_free_bytes ? config->min_free_bytes : DEFAULT_MIN_FREE_BYTES) < 0)
        return error_set(error, 0, FEP_E_STORE_OPEN, "the store's path is too long");
    struct body_cipher *cipher = store->cipher ? body_cipher_copy(store->cipher) : NULL;
    if (store->cipher && !cipher)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the body cipher");
    if (lister_start(&store->lister, store->queue_file, journal_directory, store->horizon_days, cipher,
                     &store->base.mailbox, error) < 0)
        return -1;
    return writer_start(store, error);
}

/* Also of one that was opened in part. */
static void
close_all(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    writer_stop(store);
    lister_stop(&store->lister);
    mail_list_release(&store->mails);
    journals_finish(&store->journals);
    key_tables_finish(&store->keys);
    queue_map_finish(&store->map);
    statements_finish(&store->statements);
    sqlite3_close(store->db);
    body_cipher_destroy(store->cipher);
    body_cipher_destroy(store->owner_cipher);
    free(store->mover.rows);
    free(store->scratch);
    if (store->lock_descriptor >= 0)
        close(store->lock_descriptor);
    pthread_mutex_destroy(&store->mutex);
    pthread_cond_destroy(&store->wake);
    pthread_cond_destroy(&store->call_done);
    mailbox_finish(&base->mailbox);
    free(store);
}

static void
sqlite_read_identity(const struct store *base, struct store_identity *identity)
{
    const struct sqlite_store *store = (const struct sqlite_store *)base;
    *identity = (struct store_identity){.incarnation = store->incarnation,
                                        .serial_counter = atomic_load(&store->serial_counter),
                                        .boot_count = store->boot_count,
                                        .commit_sequence = atomic_load(&store->commit_sequence),
                                        .open_prompts = (uint64_t)atomic_load(&store->prompts.open)};
}

static int
sqlite_has_room(const struct store *store)
{
    return atomic_load(&((const struct sqlite_store *)store)->room.has);
}

static int
sqlite_list(struct store *base, const struct store_list_query *query, uint64_t reference)
{
    struct lister_job job = {.type = LISTER_LIST, .reference = reference, .query = *query};
    return lister_ask(&((struct sqlite_store *)base)->lister, &job);
}

static int
sqlite_recall(struct store *base, const char *peer, int64_t since_ms, const char *after, uint64_t reference)
{
    struct lister_job job = {.type = LISTER_RECALL, .reference = reference, .since_ms = since_ms};
    snprintf(job.query.instance, sizeof job.query.instance, "%s", peer);
    snprintf(job.query.after, sizeof job.query.after, "%s", after);
    return lister_ask(&((struct sqlite_store *)base)->lister, &job);
}

static int
sqlite_find_settlement(struct store *base, enum exchange_role role, const char *infno,
                       const char *settlement_id, uint64_t reference)
{
    struct lister_job job = {.type = LISTER_SETTLEMENT, .reference = reference};
    job.query.role = (uint8_t)role;
    job.query.bodies = 1;
    snprintf(job.query.infnos[0], sizeof job.query.infnos[0], "%s", infno);
    snprintf(job.settlement_id, sizeof job.settlement_id, "%s", settlement_id);
    return lister_ask(&((struct sqlite_store *)base)->lister, &job);
}

static const struct store_ops sqlite_ops = {
    .close = close_all,
    .read_identity = sqlite_read_identity,
    .read_peer_mark = writer_read_mark,
    .write_peer_mark = writer_write_mark,
    .recover = recover_open_exchanges,
    .submit = writer_submit,
    .has_room = sqlite_has_room,
    .find = writer_find,
    .find_visit = writer_find_visit,
    .find_settlement = sqlite_find_settlement,
    .list = sqlite_list,
    .recall = sqlite_recall,
    .put_prompt = writer_put_prompt,
    .close_prompt = writer_close_prompt,
    .put_proposal = writer_put_proposal,
    .load_proposals = proposals_load,
};

static struct sqlite_store *
new_store(void)
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    pthread_condattr_t attributes;
    if (!store)
        return NULL;
    store->base.ops = &sqlite_ops;
    store->lock_descriptor = -1;
    if (mailbox_init(&store->base.mailbox) < 0) {
        free(store);
        return NULL;
    }
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->call_done, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return store;
}

struct store *
store_open(const struct store_config *config, struct fep_error *error)
{
    int64_t began = writer_now_ms();
    struct sqlite_store *store = new_store();
    if (!store) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the store");
        return NULL;
    }
    if (open_all(store, config, error) < 0) {
        close_all(&store->base);
        return NULL;
    }
    log_line(LOG_EVENT_STORE_OPEN, LOG_SEV_NOTICE, LOG_T("file", store->queue_file),
             LOG_N("open", store->found_open), LOG_N("incarnation", store->incarnation),
             LOG_N("ms", writer_now_ms() - began));
    return &store->base;
}
