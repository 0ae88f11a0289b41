/* What happens to closed exchanges: moving to their days, coming back, keys and their horizon. */
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
    fixture_live_and_close(f, 1, &record);
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
    fixture_live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    record.state = STATE_REVERSING;
    record.reversal_cause = REVERSAL_CALLER;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_int_equal(fixture_recover(f, &quarantined), 1);
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
    fixture_run(f, "queue.db", "INSERT INTO closed(number,exchange) SELECT 1, id FROM exchange");
    fixture_copy_file(queue, save);
    fixture_open(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_copy_file(save, queue);
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
    fixture_live_and_close(f, 1, &other);
    fixture_settle(f);
    fixture_wait_moved(f);
    /* A reader of the day keeps its journal from committing. */
    fixture_path(f, "journal/20261122.db", path);
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM exchange", NULL, NULL, NULL),
                     SQLITE_OK);
    fixture_live_and_close(f, 2, &record);
    fixture_settle(f);
    while (!journal_is_being_written(f))
        nanosleep(&pause, NULL);
    record.state = STATE_REVERSING;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f); /* the queue goes on meanwhile */
    sqlite3_close(reader);
    fixture_live_and_close(f, 3, &other);
    fixture_settle(f);
    fixture_wait_moved(f);
    while (fixture_number(f, "journal/20261122.db", "SELECT count(*) FROM exchange") < 3)
        nanosleep(&pause, NULL);
    assert_int_equal(fixture_recover(f, &quarantined), 1);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(closed_ones_move_to_their_day_and_leave_the_queue),
        FIXTURE_CASE(a_key_in_a_journal_conflicts_whatever_day_the_copy_claims),
        FIXTURE_CASE(a_reversal_brings_a_moved_one_back_with_its_bodies),
        FIXTURE_CASE(moving_again_after_a_crash_in_between_is_harmless),
        FIXTURE_CASE(one_that_is_opened_again_while_it_moves_stays_in_the_queue),
        FIXTURE_CASE(many_days_at_once_all_move),
        FIXTURE_CASE(key_tables_beyond_the_horizon_are_dropped),
    };
    return cmocka_run_group_tests_name("store moving", tests, NULL, NULL);
}
