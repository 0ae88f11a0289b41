/* What only the store on disk can show: opening again, refusing to open, conflicts in the journals, moving,
 * keys and their horizon, damage. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "error_codes.h"

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
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

static unsigned
recover(struct fixture *fixture, uint64_t *quarantined)
{
    unsigned count = 0;
    struct fep_error error = {0};
    assert_int_equal(store_recover(fixture->store, count_open, &count, quarantined, &error), 0);
    return count;
}

/* One exchange from its insert to its close. */
static void
live_and_close(struct fixture *f, unsigned n, struct exchange_record *record)
{
    fixture_record(record, n, ROLE_ORIGIN);
    fixture_insert(f, record, fixture_body("body", n, 0));
    record->state = STATE_ANSWERED;
    record->kind = FEP_ANSWERED;
    fixture_update(f, record, fixture_body("answer", n, 0));
    fixture_close_exchange(f, record);
}

static void
flip_byte(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, offset, SEEK_SET);
    fputc(byte ^ 0x55, file);
    fclose(file);
}

/* --- opening again
 * ------------------------------------------------------------------------------------------------ */

static void
what_was_committed_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    struct store_identity before, after;
    struct exchange_record record, closed;
    uint64_t quarantined;
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    live_and_close(f, 2, &closed);
    struct store_write serials = {.type = STORE_SERIALS, .sequence = ++f->sequence, .number = 500};
    assert_int_equal(store_submit(f->store, &serials, 1), 0);
    fixture_settle(f);
    struct store_peer_mark mark = {"450900000001", 5, 6};
    assert_int_equal(store_write_peer_mark(f->store, &mark, NULL), 0);
    store_read_identity(f->store, &before);
    fixture_close(f);

    fixture_open(f);
    store_read_identity(f->store, &after);
    assert_int_equal(after.incarnation, before.incarnation);
    assert_int_equal(after.boot_count, before.boot_count + 1);
    assert_int_equal(after.serial_counter, 500);
    assert_true(after.commit_sequence >= before.commit_sequence);
    assert_int_equal(recover(f, &quarantined), 1);
    assert_int_equal(store_read_peer_mark(f->store, "450900000001", &mark), 1);
    assert_true(fixture_find(f, &record));
    fixture_assert_body(f->last.body, "body", 1);
    fixture_release_last(f);
    assert_true(fixture_find(f, &closed));
    fixture_assert_body(f->last.answer, "answer", 2);
    fixture_release_last(f);
}

static void
the_commit_sequence_never_goes_back(void **state)
{
    struct fixture *f = *state;
    uint64_t last = 0;
    for (unsigned i = 0; i < 6; i++) {
        struct store_identity identity;
        struct exchange_record record;
        fixture_open(f);
        store_read_identity(f->store, &identity);
        assert_true(identity.commit_sequence >= last);
        live_and_close(f, i, &record);
        fixture_settle(f);
        fixture_wait_moved(f);
        store_read_identity(f->store, &identity);
        assert_true(identity.commit_sequence > last);
        last = identity.commit_sequence;
        fixture_close(f);
    }
}

static void
a_second_one_on_the_same_directory_is_refused_with_the_pid(void **state)
{
    struct fixture *f = *state;
    char pid[32];
    fixture_open(f);
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    fixture_open_fails(f, FEP_E_STORE_LOCKED, pid);
    fixture_close(f);
    fixture_open(f); /* the lock goes with its holder */
}

static void
another_nodes_store_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    f->config.node = "450900000001";
    fixture_open_fails(f, FEP_E_STORE_OPEN, "belongs to node 450000000001");
}

static void
a_wrong_missing_or_late_key_is_refused(void **state)
{
    struct fixture *f = *state;
    char other[FIXTURE_PATH + 8];
    fixture_make_key(f);
    fixture_open(f);
    fixture_close(f);
    f->config.key_file = NULL;
    fixture_open_fails(f, FEP_E_STORE_KEY, "none is configured");
    snprintf(other, sizeof other, "%s.other", f->key_file);
    rename(f->key_file, other);
    fixture_make_key(f);
    fixture_open_fails(f, FEP_E_STORE_KEY, "another key");
    f->config.key_file = other;
    fixture_open(f);
}

static void
a_store_in_clear_does_not_take_a_key_in_silence(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    fixture_make_key(f);
    fixture_open_fails(f, FEP_E_STORE_KEY, "in clear");
}

static void
a_key_file_that_others_may_read_or_that_holds_no_key_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_make_key(f);
    chmod(f->key_file, 0640);
    fixture_open_fails(f, FEP_E_KEY_INVALID, "0600");
    chmod(f->key_file, 0600);
    assert_int_equal(truncate(f->key_file, 63), 0);
    fixture_open_fails(f, FEP_E_KEY_INVALID, "64 hex digits");
    unlink(f->key_file);
    fixture_open_fails(f, FEP_E_KEY_MISSING, f->key_file);
}

static void
a_queue_that_vanished_is_not_made_anew(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    char path[FIXTURE_PATH];
    fixture_open(f);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_path(f, "queue.db", path);
    unlink(path);
    fixture_open_fails(f, FEP_E_STORE_DAMAGED, "missing or empty");
    assert_int_equal(access(path, F_OK), -1);
}

static void
a_damaged_queue_is_refused_and_left_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct stat before, after;
    char path[FIXTURE_PATH];
    fixture_open(f);
    for (unsigned i = 0; i < 200; i++) {
        struct exchange_record record;
        fixture_record(&record, i, ROLE_ORIGIN);
        fixture_insert(f, &record, fixture_body("body", i, 1000));
    }
    fixture_settle(f);
    fixture_close(f);
    fixture_path(f, "queue.db", path);
    int64_t root = fixture_number(f, "queue.db", "SELECT rootpage FROM sqlite_schema WHERE name='exchange'");
    for (long i = 0; i < 8; i++)
        flip_byte(path, (long)(root - 1) * 16384 + i);
    assert_int_equal(stat(path, &before), 0);
    fixture_open_fails(f, FEP_E_STORE_DAMAGED, "restore a backup");
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
}

static void
another_programs_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[FIXTURE_PATH];
    fixture_path(f, "queue.db", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    fixture_run(f, "queue.db", "CREATE TABLE mine(x); PRAGMA application_id=7");
    fixture_open_fails(f, FEP_E_STORE_OPEN, "not a file of this gateway");
}

/* --- migrations
 * --------------------------------------------------------------------------------------------------- */

static void
copy_file(const char *from, const char *to)
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

static void
write_script(const struct fixture *f, const char *name, const char *sql)
{
    char path[FIXTURE_PATH];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(sql, file);
    fclose(file);
}

static void
copy_schema(struct fixture *f)
{
    static const char *const parts[] = {"queue/0001_queue.sql", "queue/0002_prompt.sql",
                                        "journal/0001_journal.sql"};
    char from[FIXTURE_PATH + 64], to[FIXTURE_PATH], name[64];
    fixture_path(f, "schema", to);
    mkdir(to, 0700);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "schema/%.*s", (int)(strchr(parts[i], '/') - parts[i]), parts[i]);
        fixture_path(f, name, to);
        mkdir(to, 0700);
        snprintf(from, sizeof from, "%s/%s", f->schema, parts[i]);
        snprintf(name, sizeof name, "schema/%s", parts[i]);
        fixture_path(f, name, to);
        copy_file(from, to);
    }
    fixture_path(f, "schema", f->schema);
}

static void
migrations_are_applied_in_order_and_a_bad_one_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char path[FIXTURE_PATH];
    struct exchange_record record;
    copy_schema(f);
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);

    write_script(f, "schema/queue/0004_d.sql", "INSERT INTO extra VALUES(4)");
    fixture_open_fails(f, FEP_E_STORE_MIGRATION, "0003_*.sql is missing");
    write_script(f, "schema/queue/0003_c.sql",
                 "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO nowhere VALUES(1)");
    fixture_open_fails(f, FEP_E_STORE_MIGRATION, "rolled back");
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name='extra'"),
                     0);
    assert_int_equal(fixture_number(f, "queue.db", "PRAGMA user_version"), 2);
    write_script(f, "schema/queue/0003_c.sql",
                 "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO extra VALUES(3)");
    fixture_open(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT sum(x) FROM extra"), 7);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
    fixture_close(f);

    fixture_path(f, "schema/queue/0004_d.sql", path);
    unlink(path);
    fixture_open_fails(f, FEP_E_STORE_VERSION, "schema 4");
}

/* A queue as earlier versions left it, with open and closed exchanges in it. */
static void
the_prompts_table_is_added_to_a_queue_in_use(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_open(f);
    for (unsigned i = 0; i < 500; i++) {
        fixture_record(&record, i, ROLE_ORIGIN);
        fixture_insert(f, &record, fixture_body("body", i, 500));
        if (i % 2 == 0)
            fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_close(f);
    fixture_run(f, "queue.db", "DROP TABLE prompt; PRAGMA user_version=1");
    fixture_open(f);
    assert_int_equal(fixture_number(f, "queue.db", "PRAGMA user_version"), 2);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), 0);
    fixture_record(&record, 499, ROLE_ORIGIN);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
    fixture_record(&record, 498, ROLE_ORIGIN);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
}

/* --- moving
 * ------------------------------------------------------------------------------------------------------- */

static void
closed_ones_move_to_their_day_and_leave_the_queue(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    fixture_make_key(f);
    fixture_open(f);
    for (unsigned i = 0; i < 3; i++) {
        fixture_record(&record[i], i, ROLE_ORIGIN);
        record[i].header.day = i < 2 ? 20261121 : 20261122;
        fixture_insert(f, &record[i], fixture_body("body", i, 0));
        record[i].state = STATE_REFUSED;
        fixture_update(f, &record[i], fixture_body("answer", i, 0));
        fixture_close_exchange(f, &record[i]);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM exchange"), 0);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM body"), 0);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM keys_20261121"), 2);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM keys_20261122"), 1);
    assert_int_equal(fixture_number(f, "journal/20261121.db", "SELECT count(*) FROM exchange"), 2);
    assert_int_equal(fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange"), 1);
    assert_int_equal(
        fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange WHERE instr(body,'body')"),
        0); /* moved as it is: encrypted */
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fixture_find(f, &record[i]));
        assert_memory_equal(&f->last.record, &record[i], sizeof record[i]);
        fixture_assert_body(f->last.body, "body", i);
        fixture_assert_body(f->last.answer, "answer", i);
        fixture_release_last(f);
    }
}

static void
a_key_in_a_journal_conflicts_whatever_day_the_copy_claims(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record, copy;
    fixture_open(f);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    for (int again = 0; again < 2; again++) {
        copy = record;
        copy.header.day = FIXTURE_DAY + 2;
        copy.state = STATE_QUEUED;
        uint64_t sequence = fixture_insert(f, &copy, fixture_body("copy", 1, 0));
        fixture_wait(f, STORE_CONFLICT);
        assert_int_equal(f->last.sequence, sequence);
        assert_memory_equal(&f->last.record, &record, sizeof record);
        fixture_assert_body(f->last.answer, "answer", 1);
        fixture_release_last(f);
        fixture_settle(f);
        assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM exchange"), 0);
        fixture_close(f); /* and once more after a restart */
        fixture_open(f);
    }
}

static void
a_reversal_brings_a_moved_one_back_with_its_bodies(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    uint64_t quarantined;
    fixture_make_key(f);
    fixture_open(f);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    record.state = STATE_REVERSING;
    record.reversal_cause = REVERSAL_CALLER;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_int_equal(recover(f, &quarantined), 1);
    assert_int_equal(quarantined, 0);
    assert_true(fixture_find(f, &record));
    assert_int_equal(f->last.record.state, STATE_REVERSING);
    fixture_assert_body(f->last.body, "body", 1);
    fixture_assert_body(f->last.answer, "answer", 1);
    fixture_release_last(f);
    record.state = STATE_REVERSED;
    fixture_update(f, &record, SLICE_NONE);
    fixture_close_exchange(f, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange"), 1);
    assert_true(fixture_find(f, &record));
    assert_int_equal(f->last.record.state, STATE_REVERSED);
    fixture_release_last(f);
}

static void
moving_again_after_a_crash_in_between_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    char save[FIXTURE_PATH], queue[FIXTURE_PATH];
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);
    /* The queue before the close was moved, with the journal after it: what a crash between the two commits
     * leaves. */
    fixture_path(f, "queue.db", queue);
    fixture_path(f, "saved", save);
    fixture_run(f, "queue.db", "INSERT INTO closed SELECT 1, id FROM exchange");
    copy_file(queue, save);
    fixture_open(f);
    fixture_wait_moved(f);
    fixture_close(f);
    copy_file(save, queue);
    fixture_open(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange"), 1);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM keys_20261122"), 1);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
}

/* Is somebody writing to the journal? Then its rows are put and not yet committed. */
static int
journal_is_being_written(const struct fixture *f)
{
    char path[FIXTURE_PATH];
    sqlite3 *db = NULL;
    fixture_path(f, "journal/20261122.db", path);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    sqlite3_close(db);
    return rc == SQLITE_BUSY;
}

static void
one_that_is_opened_again_while_it_moves_stays_in_the_queue(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record, other;
    struct timespec pause = {.tv_nsec = 1000000};
    char path[FIXTURE_PATH];
    sqlite3 *reader = NULL;
    uint64_t quarantined;
    fixture_open(f);
    live_and_close(f, 1, &other);
    fixture_settle(f);
    fixture_wait_moved(f);
    /* A reader of the day keeps its journal from committing. */
    fixture_path(f, "journal/20261122.db", path);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM exchange", NULL, NULL, NULL),
                     SQLITE_OK);
    live_and_close(f, 2, &record);
    fixture_settle(f);
    while (!journal_is_being_written(f))
        nanosleep(&pause, NULL);
    record.state = STATE_REVERSING;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f); /* the queue goes on meanwhile */
    sqlite3_close(reader);
    live_and_close(f, 3, &other);
    fixture_settle(f);
    fixture_wait_moved(f);
    while (fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange") < 3)
        nanosleep(&pause, NULL);
    assert_int_equal(recover(f, &quarantined), 1);
    assert_true(fixture_find(f, &record));
    assert_int_equal(f->last.record.state, STATE_REVERSING);
    fixture_assert_body(f->last.body, "body", 2);
    fixture_release_last(f);
}

static void
many_days_at_once_all_move(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_open(f);
    for (unsigned i = 0; i < 90; i++) {
        fixture_record(&record, i, ROLE_TRANSIT);
        record.header.day = 20261101 + i % 9;
        fixture_insert(f, &record, fixture_body("body", i, 0));
        fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "journal/20261109.db", "SELECT count(*) FROM exchange"), 10);
    assert_int_equal(
        fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'keys_*'"), 9);
}

static void
key_tables_beyond_the_horizon_are_dropped(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    static const uint32_t days[] = {20251001, 20251002, 20251010, 20251116};
    f->config.horizon_days = 45;
    fixture_open(f);
    for (unsigned i = 0; i < 4; i++) {
        fixture_record(&record, i, ROLE_TRANSIT);
        record.header.day = days[i];
        fixture_insert(f, &record, fixture_body("body", i, 0));
        fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_open(f);              /* today is later than all of these: the newest, 20251116, is what counts */
    for (int i = 0; i < 2; i++) { /* old tables go after the first thing that is done */
        fixture_find(f, &record);
        fixture_release_last(f);
    }
    assert_int_equal(
        fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name='keys_20251001'"), 0);
    assert_int_equal(
        fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name='keys_20251002'"), 1);
    assert_int_equal(
        fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'keys_*'"), 3);
    fixture_record(&record, 0, ROLE_TRANSIT);
    assert_false(fixture_find(f, &record));
}

/* --- damage
 * ------------------------------------------------------------------------------------------------------- */

static void
a_body_that_was_tampered_with_is_quarantined_and_never_handed_out(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    uint64_t quarantined;
    fixture_make_key(f);
    fixture_open(f);
    for (unsigned i = 0; i < 3; i++) {
        fixture_record(&record[i], i, ROLE_ORIGIN);
        fixture_insert(f, &record[i], fixture_body("body", i, 0));
    }
    fixture_settle(f);
    fixture_close(f);
    /* one byte of one body; and two bodies exchanged, each of them authentic for the other */
    fixture_run(f, "queue.db",
                "UPDATE body SET data=CAST(substr(data,1,20)||x'00'||substr(data,22) AS BLOB) WHERE id=1");
    fixture_open(f);
    assert_int_equal(recover(f, &quarantined), 2);
    assert_int_equal(quarantined, 1);
    assert_true(fixture_find(f, &record[0]));
    assert_int_equal(f->last.body.size, 0);
    fixture_release_last(f);
    fixture_close(f);
    fixture_run(f, "queue.db",
                "UPDATE body SET id=id+10; UPDATE body SET id=5-id+10 WHERE id>11; "
                "UPDATE body SET id=1 WHERE id=11");
    fixture_open(f);
    assert_int_equal(recover(f, &quarantined), 0);
    assert_int_equal(quarantined, 3);
}

/* SQLite sees nothing wrong in an amount that became another. */
static void
a_row_that_differs_from_its_check_is_quarantined(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[2];
    uint64_t quarantined;
    fixture_open(f);
    for (unsigned i = 0; i < 2; i++) {
        fixture_record(&record[i], i, ROLE_ORIGIN);
        fixture_insert(f, &record[i], fixture_body("body", i, 0));
    }
    fixture_settle(f);
    fixture_close(f);
    fixture_run(f, "queue.db", "UPDATE exchange SET fund_fen=fund_fen+1 WHERE id=1");
    fixture_open(f);
    assert_int_equal(recover(f, &quarantined), 1);
    assert_int_equal(quarantined, 1);
}

/* A closed exchange whose journal can't be opened at the moment must not come back without its bodies. */
static void
an_exchange_whose_journal_can_not_be_read_now_is_not_brought_back(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    char path[FIXTURE_PATH], aside[FIXTURE_PATH];
    fixture_open(f);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_path(f, "journal/20261122.db", path);
    fixture_path(f, "aside", aside);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* cannot be opened, and is not damaged */
    fixture_open(f);
    record.state = STATE_REVERSING;
    fixture_update(f, &record, SLICE_NONE);
    fixture_wait(f, STORE_REFUSED);
    assert_int_equal(f->last.error.code, FEP_E_STORE_READ);
    fixture_settle(f);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rename(aside, path), 0);
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_true(fixture_find(f, &record));
    assert_int_equal(f->last.record.state, STATE_REVERSING);
    fixture_assert_body(f->last.body, "body", 1);
    fixture_release_last(f);
}

static void
a_body_in_clear_that_does_not_fit_its_digest_is_quarantined(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    uint64_t quarantined;
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);
    fixture_run(f, "queue.db", "UPDATE body SET data=CAST('body 2 ' AS BLOB)");
    fixture_open(f);
    assert_int_equal(recover(f, &quarantined), 0);
    assert_int_equal(quarantined, 1);
}

static void
a_damaged_journal_day_is_quarantined_and_its_keys_still_count(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record, next;
    char path[FIXTURE_PATH], line[256];
    fixture_open(f);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_path(f, "journal/20261122.db", path);
    for (long i = 0; i < 64; i++)
        flip_byte(path, 16384 + i); /* the root of the table */
    fixture_open(f);
    assert_int_equal(access(path, F_OK), -1);
    fixture_path(f, "journal/20261122.db.quarantined", path);
    assert_int_equal(access(path, F_OK), 0);
    fixture_path(f, "journal/20261122.db.quarantined.list", path);
    FILE *list = fopen(path, "r");
    assert_non_null(list);
    assert_non_null(fgets(line, sizeof line, list));
    assert_non_null(fgets(line, sizeof line, list));
    assert_memory_equal(line, record.header.key.msgid, strlen(record.header.key.msgid));
    fclose(list);
    /* never a new run: settled on D as S, body no longer held */
    next = record;
    next.state = STATE_QUEUED;
    fixture_insert(f, &next, fixture_body("body", 1, 0));
    fixture_wait(f, STORE_CONFLICT);
    assert_int_equal(f->last.record.state, STATE_ANSWERED);
    assert_int_equal(f->last.record.header.day, FIXTURE_DAY);
    assert_memory_equal(f->last.record.digest, record.digest, DIGEST_SIZE);
    assert_int_equal(f->last.body.size, 0);
    assert_non_null(strstr(f->last.record.text, "no longer held"));
    fixture_settle(f);
    /* the day goes on in a new file */
    live_and_close(f, 2, &next);
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange"), 1);
}

static void
a_journal_that_is_no_database_does_not_stop_the_move(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    char path[FIXTURE_PATH];
    fixture_open(f);
    fixture_path(f, "journal/20261122.db", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 2000; i++)
        fputs("this is not a database ", file);
    fclose(file);
    live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange"), 1);
    fixture_path(f, "journal/20261122.db.quarantined", path);
    assert_int_equal(access(path, F_OK), 0);
}

static void
a_failure_that_is_no_full_disk_ends_the_store(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct store_write write = {.type = STORE_CLOSE};
    struct store_peer_mark mark = {"450900000001", 5, 6};
    struct fep_error error = {0};
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_run(f, "queue.db",
                "CREATE TRIGGER broken BEFORE UPDATE ON exchange BEGIN SELECT raise(ABORT, 'broken'); END");
    fixture_update(f, &record, fixture_body("answer", 1, 0));
    fixture_wait(f, STORE_FAILED);
    assert_int_equal(f->last.error.code, FEP_E_STORE_WRITE);
    assert_int_equal(store_submit(f->store, &write, 1), -1);
    assert_int_equal(store_find(f->store, &record.header.key, ROLE_ORIGIN, 1), -1);
    assert_int_equal(store_write_peer_mark(f->store, &mark, &error), -1);
    assert_int_equal(error.code, FEP_E_STORE_FAILED);
    fixture_close(f);
    fixture_run(f, "queue.db", "DROP TRIGGER broken");
    fixture_open(f);
    assert_true(fixture_find(f, &record));
    assert_int_equal(f->last.record.state, STATE_QUEUED);
    assert_int_equal(f->last.answer.size, 0);
    fixture_release_last(f);
}

static void
closing_finishes_what_was_submitted(void **state)
{
    struct fixture *f = *state;
    uint64_t quarantined;
    fixture_open(f);
    for (unsigned i = 0; i < 1000; i++) {
        struct exchange_record record;
        fixture_record(&record, i, ROLE_ORIGIN);
        fixture_insert(f, &record, fixture_body("body", i, 0));
    }
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(recover(f, &quarantined), 1000);
    assert_int_equal(quarantined, 0);
}

/* --- reading from outside
 * ----------------------------------------------------------------------------------------- */

struct seen {
    unsigned count, closed;
    char first[MSGID_SIZE];
    unsigned stop_after;
};

static int
see(void *arg, const struct exchange_record *record, int closed)
{
    struct seen *seen = arg;
    if (seen->count++ == 0)
        memcpy(seen->first, record->header.key.msgid, MSGID_SIZE);
    seen->closed += closed != 0;
    return seen->stop_after != 0 && seen->count == seen->stop_after ? -1 : 0;
}

static struct seen
look(const struct fixture *f, const struct store_query *query)
{
    struct seen seen = {0};
    struct fep_error error = {0};
    if (store_read(f->directory, query, see, &seen, &error) < 0)
        fail_msg("store_read: %s", error.text);
    return seen;
}

static void
reading_from_outside_is_filtered_bounded_and_newest_first(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_open(f);
    for (unsigned i = 0; i < 300; i++)
        live_and_close(f, i, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    for (unsigned i = 300; i < 305; i++) {
        fixture_record(&record, i, ROLE_ORIGIN);
        fixture_insert(f, &record, fixture_body("body", i, 0));
    }
    fixture_settle(f);
    struct seen seen = look(f, &(struct store_query){0});
    assert_int_equal(seen.count, 305);
    assert_int_equal(seen.closed, 300);
    assert_string_equal(seen.first, record.header.key.msgid);
    assert_int_equal(look(f, &(struct store_query){.limit = 7}).count, 7);
    assert_int_equal(look(f, &(struct store_query){.only_open = 1}).count, 5);
    assert_int_equal(look(f, &(struct store_query){.state = STATE_ANSWERED}).count, 300);
    assert_int_equal(look(f, &(struct store_query){.day_from = FIXTURE_DAY + 1}).count, 0);
    assert_int_equal(look(f, &(struct store_query){.day_to = FIXTURE_DAY}).count, 305);
    struct store_query one = {0};
    strcpy(one.msgid, "H45010000000120261122101502007");
    fixture_record(&record, 7, ROLE_ORIGIN);
    strcpy(one.msgid, record.header.key.msgid);
    seen = look(f, &one);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.closed, 1);
    fixture_close(f); /* and with the daemon down */
    assert_int_equal(look(f, &(struct store_query){0}).count, 305);
}

static void
reading_while_the_store_writes_neither_fails_nor_pins_the_log(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct stat log;
    char path[FIXTURE_PATH];
    fixture_open(f);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 60; i++) {
            fixture_record(&record, round * 60 + i, ROLE_ORIGIN);
            fixture_insert(f, &record, fixture_body("body", round * 60 + i, 20000));
            fixture_close_exchange(f, &record);
        }
        (void)look(f, &(struct store_query){.limit = 500}); /* in the midst of the commits */
        fixture_settle(f);
    }
    fixture_wait_moved(f);
    assert_int_equal(look(f, &(struct store_query){0}).count, 3600);
    fixture_path(f, "queue.db-wal", path);
    assert_int_equal(stat(path, &log), 0);
    assert_true(log.st_size < 60 << 20); /* 72 MB of bodies went through it, each page more than once */
}

static void
reading_where_no_store_is_names_the_file(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct store_query query = {0};
    struct seen seen = {0};
    assert_int_equal(store_read(f->directory, &query, see, &seen, &error), -1);
    assert_non_null(strstr(error.text, "queue.db"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_committed_is_there_after_opening_again),
        CASE(the_commit_sequence_never_goes_back),
        CASE(a_second_one_on_the_same_directory_is_refused_with_the_pid),
        CASE(another_nodes_store_is_refused),
        CASE(a_wrong_missing_or_late_key_is_refused),
        CASE(a_store_in_clear_does_not_take_a_key_in_silence),
        CASE(a_key_file_that_others_may_read_or_that_holds_no_key_is_refused),
        CASE(a_queue_that_vanished_is_not_made_anew),
        CASE(a_damaged_queue_is_refused_and_left_as_it_is),
        CASE(another_programs_file_is_refused),
        CASE(migrations_are_applied_in_order_and_a_bad_one_changes_nothing),
        CASE(the_prompts_table_is_added_to_a_queue_in_use),
        CASE(closed_ones_move_to_their_day_and_leave_the_queue),
        CASE(a_key_in_a_journal_conflicts_whatever_day_the_copy_claims),
        CASE(a_reversal_brings_a_moved_one_back_with_its_bodies),
        CASE(moving_again_after_a_crash_in_between_is_harmless),
        CASE(one_that_is_opened_again_while_it_moves_stays_in_the_queue),
        CASE(many_days_at_once_all_move),
        CASE(key_tables_beyond_the_horizon_are_dropped),
        CASE(a_body_that_was_tampered_with_is_quarantined_and_never_handed_out),
        CASE(a_body_in_clear_that_does_not_fit_its_digest_is_quarantined),
        CASE(a_row_that_differs_from_its_check_is_quarantined),
        CASE(an_exchange_whose_journal_can_not_be_read_now_is_not_brought_back),
        CASE(a_damaged_journal_day_is_quarantined_and_its_keys_still_count),
        CASE(a_journal_that_is_no_database_does_not_stop_the_move),
        CASE(a_failure_that_is_no_full_disk_ends_the_store),
        CASE(closing_finishes_what_was_submitted),
        CASE(reading_from_outside_is_filtered_bounded_and_newest_first),
        CASE(reading_while_the_store_writes_neither_fails_nor_pins_the_log),
        CASE(reading_where_no_store_is_names_the_file),
    };
    return cmocka_run_group_tests_name("sqlite store", tests, NULL, NULL);
}
