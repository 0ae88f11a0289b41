/* See store_fixture.h. */
#include "store_fixture.h"

#include <dirent.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "body_cipher.h"

#define PATIENCE_MS 20000

void
fixture_init(struct fixture *fixture)
{
    const char *source = getenv("FEP_SOURCE"), *temporary = getenv("TMPDIR");
    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "%s/fep-store-XXXXXX",
             temporary ? temporary : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->schema, sizeof fixture->schema, "%s/schema", source ? source : ".");
    snprintf(fixture->key_file, sizeof fixture->key_file, "%.400s/store.key", fixture->directory);
    fixture->config = (struct store_config){.directory = fixture->directory,
                                            .schema_directory = fixture->schema,
                                            .ballast_bytes = 1 << 20,
                                            .min_free_bytes = 1 << 20,
                                            .node = "450000000001"};
}

void
fixture_remove_tree(const char *path)
{
    char inner[FIXTURE_PATH + 300];
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            fixture_remove_tree(inner);
        else
            unlink(inner);
    }
    closedir(folder);
    rmdir(path);
}

void
fixture_finish(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_remove_tree(fixture->directory);
}

void
fixture_open(struct fixture *fixture)
{
    struct fep_error error = {0};
    fixture->store = store_open(&fixture->config, &error);
    if (!fixture->store)
        fail_msg("store_open: %s", error.text);
}

void
fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

void
fixture_open_fails(struct fixture *fixture, unsigned code, const char *part)
{
    struct fep_error error = {0};
    struct store *store = store_open(&fixture->config, &error);
    assert_null(store);
    if (error.code != code || !strstr(error.text, part))
        fail_msg("expected %u with \"%s\", got %u: %s", code, part, error.code, error.text);
}

void
fixture_make_key(struct fixture *fixture)
{
    struct fep_error error = {0};
    assert_int_equal(body_key_create(fixture->key_file, &error), 0);
    fixture->config.key_file = fixture->key_file;
}

/* --- records
 * ------------------------------------------------------------------------------------------------------ */

struct slice
fixture_body(const char *word, unsigned n, size_t size)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%s %u ", word, n);
    struct buffer *buffer = buffer_create(size > (size_t)length ? size : (size_t)length);
    assert_non_null(buffer);
    memset(buffer_data(buffer), '.', buffer_size(buffer));
    memcpy(buffer_data(buffer), text, (size_t)length);
    return slice_of(buffer);
}

void
fixture_assert_body(struct slice body, const char *word, unsigned n)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%s %u ", word, n);
    assert_true(body.size >= (size_t)length);
    assert_memory_equal(body.data, text, (size_t)length);
}

void
fixture_record(struct exchange_record *record, unsigned n, enum exchange_role role)
{
    memset(record, 0, sizeof *record);
    struct message_header *header = &record->header;
    strcpy(header->key.origin, "450100000001");
    snprintf(header->key.msgid, sizeof header->key.msgid, "H4501000000120261122101502%04u", n);
    strcpy(header->infno, "2304");
    header->transaction_class = CLASS_UPDATE;
    strcpy(header->treat_area, "450100");
    strcpy(header->insured_area, "450900");
    strcpy(header->institution, "H45010000001");
    header->day = FIXTURE_DAY;
    record->role = (uint8_t)role;
    record->state = STATE_QUEUED;
    record->attempt = 1;
    record->hops_left = 7;
    strcpy(record->previous, "danxian");
    strcpy(record->target, "450000000001");
    record->index.size = sizeof record->index;
    record->index.order_key[0] = (uint8_t)(n + 1);
    record->times.accepted = 1795313702000 + n;
    struct slice body = fixture_body("body", n, 0);
    assert_int_equal(message_digest(header, &body, record->digest), 0);
    slice_release(&body);
}

/* A settlement that was posted here, number n, with accounting day `day`. */
void
fixture_posted(struct exchange_record *record, unsigned n, uint32_t day)
{
    fixture_record(record, n, ROLE_DESTINATION);
    strcpy(record->header.infno, "2207");
    strcpy(record->target, "450900");
    record->state = STATE_ANSWERED;
    record->kind = FEP_ANSWERED;
    record->effect = FEP_EFFECT_POSTED;
    record->local = (struct local_attempt){10000000000u + n, FIXTURE_DAY, day, 1, "1"};
    record->times.sent = record->times.accepted + 5;
    snprintf(record->index.settlement_id, sizeof record->index.settlement_id, "S%u", n);
    snprintf(record->index.visit_id, sizeof record->index.visit_id, "V%u", n);
    struct slice body = fixture_body("body", n, 0);
    assert_int_equal(message_digest(&record->header, &body, record->digest), 0);
    slice_release(&body);
}

/* --- writing and waiting
 * ------------------------------------------------------------------------------------------ */

uint64_t
fixture_submit(struct fixture *fixture, enum store_write_type type, const struct exchange_record *record,
               struct slice body, struct slice answer)
{
    struct store_write write = {
        .type = type, .sequence = ++fixture->sequence, .body = body, .answer = answer};
    if (record)
        write.record = *record;
    assert_int_equal(store_submit(fixture->store, &write, 1), 0);
    return write.sequence;
}

uint64_t
fixture_insert(struct fixture *fixture, const struct exchange_record *record, struct slice body)
{
    return fixture_submit(fixture, STORE_INSERT, record, body, SLICE_NONE);
}

uint64_t
fixture_update(struct fixture *fixture, const struct exchange_record *record, struct slice answer)
{
    return fixture_submit(fixture, STORE_UPDATE, record, SLICE_NONE, answer);
}

uint64_t
fixture_close_exchange(struct fixture *fixture, const struct exchange_record *record)
{
    return fixture_submit(fixture, STORE_CLOSE, record, SLICE_NONE, SLICE_NONE);
}

static size_t
take_one(struct fixture *fixture, struct store_event *event)
{
    struct pollfd descriptor = {.fd = store_descriptor(fixture->store), .events = POLLIN};
    if (poll(&descriptor, 1, PATIENCE_MS) != 1)
        fail_msg("the store did not report within %d ms", PATIENCE_MS);
    return store_take_events(fixture->store, event, 1);
}

static void
fail_on(const struct store_event *event)
{
    if (event->type != STORE_COMMITTED && event->type != STORE_ROOM)
        fail_msg("unexpected event %d for write %u: %s", (int)event->type, (unsigned)event->sequence,
                 event->error.text);
}

void
fixture_settle(struct fixture *fixture)
{
    struct store_event event;
    while (store_pending(fixture->store) > 0)
        if (take_one(fixture, &event) == 1)
            fail_on(&event);
}

void
fixture_wait(struct fixture *fixture, enum store_event_type type)
{
    for (;;) {
        struct store_event event;
        if (take_one(fixture, &event) == 0)
            continue;
        if (event.type == type) {
            fixture->last = event;
            return;
        }
        fail_on(&event);
    }
}

void
fixture_count(struct fixture *fixture, unsigned counts[8])
{
    struct store_event event;
    memset(counts, 0, 8 * sizeof *counts);
    while (store_pending(fixture->store) > 0) {
        if (take_one(fixture, &event) == 0)
            continue;
        counts[event.type]++;
        slice_release(&event.body);
        slice_release(&event.answer);
    }
}

int
fixture_find(struct fixture *fixture, const struct exchange_record *record)
{
    uint64_t reference = ++fixture->sequence + 7000;
    assert_int_equal(store_find(fixture->store, &record->header.key, record->role, reference), 0);
    fixture_wait(fixture, STORE_FOUND);
    assert_int_equal(fixture->last.reference, reference);
    return fixture->last.found;
}

void
fixture_release_last(struct fixture *fixture)
{
    slice_release(&fixture->last.body);
    slice_release(&fixture->last.answer);
}

/* --- looking into the files
 * --------------------------------------------------------------------------------------- */

void
fixture_path(const struct fixture *fixture, const char *file, char out[FIXTURE_PATH])
{
    snprintf(out, FIXTURE_PATH, "%.200s/%.200s", fixture->directory, file);
}

static sqlite3 *
open_file(const struct fixture *fixture, const char *file, int flags)
{
    char path[FIXTURE_PATH];
    sqlite3 *db = NULL;
    fixture_path(fixture, file, path);
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
        fail_msg("%s: %s", path, sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, PATIENCE_MS);
    return db;
}

int64_t
fixture_number(const struct fixture *fixture, const char *file, const char *sql)
{
    sqlite3 *db = open_file(fixture, file, SQLITE_OPEN_READONLY);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

void
fixture_run(const struct fixture *fixture, const char *file, const char *sql)
{
    sqlite3 *db = open_file(fixture, file, SQLITE_OPEN_READWRITE);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

void
fixture_wait_moved(struct fixture *fixture)
{
    struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; i < PATIENCE_MS / 5; i++) {
        if (fixture_number(fixture, "queue.db", "SELECT count(*) FROM closed") == 0)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("closed exchanges are not moved");
}

/* --- what several files of tests do
 * ------------------------------------------------------------------------------------- */

int
fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    *state = fixture;
    return 0;
}

int
fixture_tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static int
count_open(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    (void)record;
    (void)body;
    (void)answer;
    ++*(unsigned *)arg;
    return 0;
}

unsigned
fixture_recover(struct fixture *fixture, uint64_t *quarantined)
{
    unsigned count = 0;
    struct fep_error error = {0};
    assert_int_equal(store_recover(fixture->store, count_open, &count, quarantined, &error), 0);
    return count;
}

void
fixture_live_and_close(struct fixture *f, unsigned n, struct exchange_record *record)
{
    fixture_record(record, n, ROLE_ORIGIN);
    fixture_insert(f, record, fixture_body("body", n, 0));
    record->state = STATE_ANSWERED;
    record->kind = FEP_ANSWERED;
    fixture_update(f, record, fixture_body("answer", n, 0));
    fixture_close_exchange(f, record);
}

void
fixture_flip_byte(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, offset, SEEK_SET);
    fputc(byte ^ 0x55, file);
    fclose(file);
}

void
fixture_copy_file(const char *from, const char *to)
{
    char block[65536];
    size_t size;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    while ((size = fread(block, 1, sizeof block, in)) > 0)
        assert_int_equal(fwrite(block, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}