/* What the store does about content that is not what was written, and about a disk that fails. */
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

/* A closed exchange whose journal can't be opened at the moment must not come back without its bodies. */
static void
an_exchange_whose_journal_can_not_be_read_now_is_not_brought_back(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    char path[FIXTURE_PATH], aside[FIXTURE_PATH];
    fixture_open(f);
    fixture_live_and_close(f, 1, &record);
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
a_damaged_journal_day_is_quarantined_and_its_keys_still_count(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record, next;
    char path[FIXTURE_PATH], line[256];
    fixture_open(f);
    fixture_live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_path(f, "journal/20261122.db", path);
    for (long i = 0; i < 64; i++)
        fixture_flip_byte(path, 16384 + i); /* the root of the table */
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
    fixture_live_and_close(f, 2, &next);
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
    fixture_live_and_close(f, 1, &record);
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
    assert_int_equal(fixture_recover(f, &quarantined), 1000);
    assert_int_equal(quarantined, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(an_exchange_whose_journal_can_not_be_read_now_is_not_brought_back),
        FIXTURE_CASE(a_damaged_journal_day_is_quarantined_and_its_keys_still_count),
        FIXTURE_CASE(a_journal_that_is_no_database_does_not_stop_the_move),
        FIXTURE_CASE(a_failure_that_is_no_full_disk_ends_the_store),
        FIXTURE_CASE(closing_finishes_what_was_submitted),
    };
    return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
