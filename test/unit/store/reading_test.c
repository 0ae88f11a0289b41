/* Reading a store from outside, by any process, while it is written or not. */
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
        fixture_live_and_close(f, i, &record);
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

static void
make_file(const struct fixture *f, const char *name, const char *content)
{
    char path[FIXTURE_PATH];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static uint64_t
size_of(const struct fixture *f, const char *name)
{
    char path[FIXTURE_PATH];
    struct stat status;
    fixture_path(f, name, path);
    assert_int_equal(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

static void
list_days(struct fixture *f)
{
    struct store_list_query query = {.role = ROLE_ORIGIN,
                                     .from_day = FIXTURE_DAY,
                                     .to_day = FIXTURE_DAY + 3,
                                     .infno_count = 1,
                                     .limit = STORE_LIST_LIMIT};
    strcpy(query.instance, "danxian");
    strcpy(query.infnos[0], "2304");
    assert_int_equal(store_list(f->store, &query, 1), 0);
    fixture_wait(f, STORE_LISTED);
    assert_true(f->last.found);
    fixture_release_last(f);
    fixture_wait(f, STORE_LISTED);
    assert_false(f->last.found);
    assert_int_equal(f->last.error.code, 0);
}

/* A day's file is there before its tables are: for a moment, or for long after a crash at that moment.
 * Nothing was in it yet, so nothing is missing. */
static void
a_journal_day_without_tables_is_not_there_yet(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_open(f);
    fixture_live_and_close(f, 1, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    make_file(f, "journal/20261123.db", "");
    make_file(f, "journal/20261124.db", "");
    make_file(f, "journal/20261124.db-wal", "left behind");
    make_file(f, "journal/20261125.db", "");
    fixture_run(f, "journal/20261125.db", "PRAGMA journal_mode=DELETE; VACUUM");
    assert_true(size_of(f, "journal/20261125.db") > 0);
    assert_int_equal(look(f, &(struct store_query){0}).count, 1);
    list_days(f);
    assert_int_equal(size_of(f, "journal/20261124.db-wal"), 11); /* a reader changes nothing */
    fixture_close(f);
    assert_int_equal(look(f, &(struct store_query){0}).count, 1);
}

static int
see_prompt(void *arg, const struct store_prompt *prompt)
{
    (void)prompt;
    ++*(unsigned *)arg;
    return 0;
}

static void
a_queue_without_tables_holds_nothing_yet(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    unsigned prompts = 0;
    make_file(f, "queue.db", "");
    assert_int_equal(look(f, &(struct store_query){0}).count, 0);
    assert_int_equal(store_read_prompts(f->directory, 1, 0, see_prompt, &prompts, &error), 0);
    assert_int_equal(prompts, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(reading_from_outside_is_filtered_bounded_and_newest_first),
        FIXTURE_CASE(reading_while_the_store_writes_neither_fails_nor_pins_the_log),
        FIXTURE_CASE(reading_where_no_store_is_names_the_file),
        FIXTURE_CASE(a_journal_day_without_tables_is_not_there_yet),
        FIXTURE_CASE(a_queue_without_tables_holds_nothing_yet),
    };
    return cmocka_run_group_tests_name("store reading", tests, NULL, NULL);
}
