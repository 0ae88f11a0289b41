/* Opening the store on disk: what is found again, what is refused and why, migrations. */
#include "store_fixture.h"

#include <dirent.h>
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
what_was_committed_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    struct store_identity before, after;
    struct exchange_record record, closed;
    uint64_t quarantined;
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_live_and_close(f, 2, &closed);
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
    assert_int_equal(fixture_recover(f, &quarantined), 1);
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
        fixture_live_and_close(f, i, &record);
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
    fixture_live_and_close(f, 1, &record);
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
        fixture_flip_byte(path, (long)(root - 1) * 16384 + i);
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
write_script(const struct fixture *f, const char *name, const char *sql)
{
    char path[FIXTURE_PATH];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(sql, file);
    fclose(file);
}

static unsigned
copy_folder(const struct fixture *f, const char *part)
{
    char from[FIXTURE_PATH + 320], to[FIXTURE_PATH], name[320];
    unsigned count = 0;
    snprintf(from, sizeof from, "%s/%s", f->schema, part);
    DIR *folder = opendir(from);
    assert_non_null(folder);
    snprintf(name, sizeof name, "schema/%s", part);
    fixture_path(f, name, to);
    mkdir(to, 0700);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".sql") == NULL)
            continue;
        snprintf(from, sizeof from, "%s/%s/%s", f->schema, part, entry->d_name);
        snprintf(name, sizeof name, "schema/%s/%.100s", part, entry->d_name);
        fixture_path(f, name, to);
        fixture_copy_file(from, to);
        count++;
    }
    closedir(folder);
    return count;
}

/* How many migrations the queue has. */
static unsigned
copy_schema(struct fixture *f)
{
    char to[FIXTURE_PATH];
    fixture_path(f, "schema", to);
    mkdir(to, 0700);
    copy_folder(f, "journal");
    unsigned count = copy_folder(f, "queue");
    fixture_path(f, "schema", f->schema);
    return count;
}

static void
migrations_are_applied_in_order_and_a_bad_one_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char path[FIXTURE_PATH], next[64], after[64], missing[64];
    struct exchange_record record;
    unsigned last = copy_schema(f);
    snprintf(next, sizeof next, "schema/queue/%04u_c.sql", last + 1);
    snprintf(after, sizeof after, "schema/queue/%04u_d.sql", last + 2);
    snprintf(missing, sizeof missing, "%04u_*.sql is missing", last + 1);
    fixture_open(f);
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);

    write_script(f, after, "INSERT INTO extra VALUES(4)");
    fixture_open_fails(f, FEP_E_STORE_MIGRATION, missing);
    write_script(f, next, "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO nowhere VALUES(1)");
    fixture_open_fails(f, FEP_E_STORE_MIGRATION, "rolled back");
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM sqlite_schema WHERE name='extra'"),
                     0);
    assert_int_equal(fixture_number(f, "queue.db", "PRAGMA user_version"), last);
    write_script(f, next, "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO extra VALUES(3)");
    fixture_open(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT sum(x) FROM extra"), 7);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
    fixture_close(f);

    fixture_path(f, after, path);
    unlink(path);
    fixture_open_fails(f, FEP_E_STORE_VERSION, "has schema");
}

/* A queue as earlier versions left it, with open and closed exchanges in it. */
static void
a_queue_of_the_first_version_is_brought_up_to_date(void **state)
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
    fixture_wait_moved(f);
    fixture_close(f);
    fixture_run(f, "queue.db",
                "UPDATE exchange SET digest=substr(digest,1,40); DROP TABLE prompt; DROP TABLE quarantined; "
                "DROP TABLE IF EXISTS proposal; "
                "ALTER TABLE meta DROP COLUMN seal; ALTER TABLE closed DROP COLUMN seal; ALTER TABLE "
                "peer_mark DROP COLUMN seal; "
                "ALTER TABLE keys_20261122 DROP COLUMN seal; ALTER TABLE keys_20261122 DROP COLUMN key_seal; "
                "ALTER TABLE exchange ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0; PRAGMA user_version=1");
    fixture_open(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM meta WHERE seal IS NULL"), 0);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), 0);
    fixture_record(&record, 499, ROLE_ORIGIN);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
    fixture_record(&record, 498, ROLE_ORIGIN);
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(what_was_committed_is_there_after_opening_again),
        FIXTURE_CASE(the_commit_sequence_never_goes_back),
        FIXTURE_CASE(a_second_one_on_the_same_directory_is_refused_with_the_pid),
        FIXTURE_CASE(another_nodes_store_is_refused),
        FIXTURE_CASE(a_wrong_missing_or_late_key_is_refused),
        FIXTURE_CASE(a_store_in_clear_does_not_take_a_key_in_silence),
        FIXTURE_CASE(a_key_file_that_others_may_read_or_that_holds_no_key_is_refused),
        FIXTURE_CASE(a_queue_that_vanished_is_not_made_anew),
        FIXTURE_CASE(a_damaged_queue_is_refused_and_left_as_it_is),
        FIXTURE_CASE(another_programs_file_is_refused),
        FIXTURE_CASE(migrations_are_applied_in_order_and_a_bad_one_changes_nothing),
        FIXTURE_CASE(a_queue_of_the_first_version_is_brought_up_to_date),
    };
    return cmocka_run_group_tests_name("store opening", tests, NULL, NULL);
}
