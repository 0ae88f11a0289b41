/* A copy of a store in use, and putting it back: whole or not at all, under a later incarnation, with the
 * marks of who was not heard since. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backup.h"
#include "error_codes.h"

#define TAKEN_MS 1700000000000

static const char *const names[] = {"GW4500000001", "asked"};

struct places {
    char copy[FIXTURE_PATH + 16];
};

static void
name_copy(const struct fixture *f, struct places *places)
{
    snprintf(places->copy, sizeof places->copy, "%s.copy", f->directory);
    fixture_remove_tree(places->copy);
}

static void
back_up(const struct fixture *f, struct places *places, struct backup_summary *summary)
{
    struct fep_error error = {0};
    name_copy(f, places);
    if (backup_write(f->directory, places->copy, TAKEN_MS, summary, &error) != 0)
        fail_msg("%s", error.text);
}

static int
put_back(const struct fixture *f, const struct places *places, int64_t after_ms,
         struct restore_summary *summary, struct fep_error *error)
{
    struct restore_wish wish = {.backup = places->copy,
                                .state_directory = f->directory,
                                .node = f->config.node,
                                .key_file = f->config.key_file,
                                .names = names,
                                .name_count = 2,
                                .wall_ms = TAKEN_MS + after_ms};
    return restore_store(&wish, summary, error);
}

/* Two closed and moved, one open. */
static void
fill(struct fixture *f, struct exchange_record *record)
{
    for (unsigned i = 0; i < 2; i++)
        fixture_live_and_close(f, i, &record[i]);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_record(&record[2], 2, ROLE_ORIGIN);
    fixture_insert(f, &record[2], fixture_body("body", 2, 0));
    fixture_settle(f);
}

static void
a_copy_of_a_store_in_use_is_a_store(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    struct backup_summary summary, again;
    struct places places;
    struct fep_error error = {0};
    uint64_t quarantined;
    fixture_make_key(f);
    fixture_open(f);
    fill(f, record);
    back_up(f, &places, &summary);
    assert_int_equal(summary.files, 2);
    assert_int_equal(summary.rows, 3);
    assert_string_equal(summary.node, f->config.node);
    fixture_close(f);
    assert_int_equal(backup_verify(places.copy, &again, &error), 0);
    assert_int_equal(again.rows, 3);
    assert_int_equal(again.taken_ms, TAKEN_MS);
    assert_int_equal(backup_write(f->directory, places.copy, TAKEN_MS, &again, &error),
                     -1); /* never over one */
    f->config.directory = places.copy;
    fixture_open(f);
    assert_int_equal(fixture_recover(f, &quarantined), 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fixture_find(f, &record[i]));
        assert_memory_equal(&f->last.record, &record[i], sizeof record[i]);
        fixture_assert_body(f->last.body, "body", i);
        fixture_release_last(f);
    }
    fixture_close(f);
    fixture_remove_tree(places.copy);
}

static void
a_restore_forgets_and_begins_a_later_incarnation(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3], later;
    struct backup_summary summary;
    struct restore_summary restored, second;
    struct places places;
    struct store_identity before, after;
    struct fep_error error = {0};
    fixture_open(f);
    fill(f, record);
    store_read_identity(f->store, &before);
    back_up(f, &places, &summary);
    fixture_live_and_close(f, 7, &later);
    fixture_settle(f);
    assert_int_equal(put_back(f, &places, 60000, &restored, &error), -1);
    assert_int_equal(error.code, FEP_E_STORE_LOCKED); /* the store is open */
    fixture_close(f);
    if (put_back(f, &places, 60000, &restored, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(restored.incarnation > before.incarnation);
    assert_int_equal(restored.incarnation % 99, (before.incarnation + 1) % 99);
    assert_true(restored.serial_counter >= before.serial_counter + 60000);
    assert_int_equal(access(restored.put_aside, F_OK), 0);
    fixture_open(f);
    store_read_identity(f->store, &after);
    assert_int_equal(after.incarnation, restored.incarnation);
    assert_int_equal(after.serial_counter, restored.serial_counter);
    assert_false(fixture_find(f, &later));
    fixture_release_last(f);
    assert_true(fixture_find(f, &record[0]));
    fixture_release_last(f);
    fixture_close(f);
    assert_int_equal(put_back(f, &places, 120000, &second, &error), 0); /* the same once more */
    assert_true(second.incarnation > restored.incarnation);
    assert_true(second.serial_counter > restored.serial_counter);
    fixture_remove_tree(places.copy);
}

static int mark_count;

static void
take_mark(void *arg, const char *name, int64_t since_ms)
{
    (void)arg;
    assert_true(strcmp(name, names[0]) == 0 || strcmp(name, names[1]) == 0);
    assert_int_equal(since_ms, TAKEN_MS);
    mark_count++;
}

static void
marks_stay_until_they_are_cleared(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    struct backup_summary summary;
    struct restore_summary restored;
    struct places places;
    struct fep_error error = {0};
    fixture_open(f);
    assert_int_equal(restore_read_marks(f->directory, take_mark, NULL, &error), 0);
    fill(f, record);
    back_up(f, &places, &summary);
    fixture_close(f);
    assert_int_equal(put_back(f, &places, 60000, &restored, &error), 0);
    for (int starts = 0; starts < 2; starts++) {
        fixture_open(f);
        assert_int_equal(restore_read_marks(f->directory, take_mark, NULL, &error), 2);
        fixture_close(f);
    }
    fixture_open(f);
    fixture_record(&record[0], 40, ROLE_ORIGIN); /* beside the store's own writer */
    fixture_insert(f, &record[0], fixture_body("body", 40, 0));
    assert_int_equal(restore_clear_mark(f->directory, names[0], &error), 0);
    fixture_settle(f);
    assert_int_equal(restore_read_marks(f->directory, take_mark, NULL, &error), 1);
    assert_int_equal(restore_clear_mark(f->directory, names[1], &error), 0);
    assert_int_equal(restore_read_marks(f->directory, take_mark, NULL, &error), 0);
    assert_int_equal(mark_count, 5);
    fixture_remove_tree(places.copy);
}

static void
refuses(struct fixture *f, const struct places *places, unsigned code)
{
    struct restore_summary restored;
    struct fep_error error = {0};
    assert_int_equal(put_back(f, places, 60000, &restored, &error), -1);
    assert_int_equal(error.code, code);
    fixture_open(f); /* nothing was changed */
    fixture_close(f);
}

static void
a_backup_that_is_not_ours_or_not_whole_is_refused(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    struct backup_summary summary;
    struct places places;
    char path[FIXTURE_PATH + 64];
    fixture_make_key(f);
    fixture_open(f);
    fill(f, record);
    back_up(f, &places, &summary);
    fixture_close(f);
    const char *node = f->config.node, *key = f->config.key_file;
    f->config.node = "GW9999999999";
    struct restore_summary restored;
    struct fep_error error = {0};
    assert_int_equal(put_back(f, &places, 60000, &restored, &error), -1);
    assert_int_equal(error.code, FEP_E_STORE_OPEN);
    f->config.node = node;
    f->config.key_file = NULL;
    assert_int_equal(put_back(f, &places, 60000, &restored, &error), -1);
    assert_int_equal(error.code, FEP_E_STORE_KEY);
    f->config.key_file = key;
    snprintf(path, sizeof path, "%s/queue.db", places.copy);
    fixture_flip_byte(path, 40000);
    refuses(f, &places, FEP_E_STORE_DAMAGED);
    fixture_flip_byte(path, 40000);
    snprintf(path, sizeof path, "%s/" BACKUP_MANIFEST, places.copy);
    assert_int_equal(truncate(path, 60), 0);
    refuses(f, &places, FEP_E_STORE_DAMAGED);
    fixture_remove_tree(places.copy);
    refuses(f, &places, FEP_E_STORE_OPEN);
}

/* What moved to its journal after the queue was copied is known to the copy all the same. */
static void
a_newer_journal_teaches_the_copied_keys(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3], copy;
    struct backup_summary summary;
    struct places places;
    fixture_open(f);
    fill(f, record);
    fixture_close(f);
    fixture_run(f, "queue.db",
                "DELETE FROM keys_20261122 WHERE stamp IN (SELECT min(stamp) FROM keys_20261122)");
    back_up(f, &places, &summary);
    assert_int_equal(summary.keys_added, 1);
    f->config.directory = places.copy;
    fixture_open(f);
    for (unsigned i = 0; i < 2; i++) {
        copy = record[i];
        copy.state = STATE_QUEUED;
        fixture_insert(f, &copy, fixture_body("copy", i, 0));
        fixture_wait(f, STORE_CONFLICT); /* neither would be run again */
        fixture_release_last(f);
    }
    fixture_settle(f);
    fixture_close(f);
    fixture_remove_tree(places.copy);
}

static void
a_broken_restore_forbids_a_start(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record[3];
    struct backup_summary summary;
    struct restore_summary restored;
    struct places places;
    struct fep_error error = {0};
    char path[FIXTURE_PATH + 64];
    fixture_open(f);
    fill(f, record);
    back_up(f, &places, &summary);
    fixture_close(f);
    snprintf(path, sizeof path, "%s/restoring", f->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_open_fails(f, FEP_E_STORE_OPEN, "restore");
    assert_int_equal(put_back(f, &places, 60000, &restored, &error), 0);
    fixture_open(f);
    fixture_close(f);
    fixture_remove_tree(places.copy);
}

static unsigned
recall_all(struct fixture *f, const char *peer, int64_t since_ms)
{
    char cursor[STORE_CURSOR_SIZE] = "";
    unsigned found = 0;
    for (uint64_t page = 1;; page++) {
        assert_true(page < 100);
        assert_int_equal(store_recall(f->store, peer, since_ms, cursor, page), 0);
        for (;;) {
            fixture_wait(f, STORE_LISTED);
            assert_int_equal(f->last.reference, page);
            assert_int_equal(f->last.error.code, 0);
            int more = f->last.found;
            found += more != 0;
            memcpy(cursor, f->last.cursor, sizeof cursor);
            fixture_release_last(f);
            if (!more)
                break;
        }
        if (cursor[0] == '\0')
            return found;
    }
}

static void
a_peer_is_told_everything_it_had_a_part_in(void **state)
{
    enum { MANY = 200 };
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_make_key(f);
    fixture_open(f);
    for (unsigned i = 0; i < MANY; i++) {
        fixture_record(&record, i, ROLE_TRANSIT);
        snprintf(record.previous, sizeof record.previous, "%s", i % 2 ? "GA" : "GB");
        snprintf(record.target, sizeof record.target, "%s", i % 2 ? "GB" : "GC");
        record.state = STATE_SENT;
        record.times.accepted = 1000 + i;
        fixture_insert(f, &record, fixture_body("body", i, 0));
        if (i % 4 == 3)
            continue; /* open */
        record.state = STATE_ANSWERED;
        record.times.outcome = 5000 + i;
        fixture_update(f, &record, fixture_body("answer", i, 0));
        fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    assert_int_equal(recall_all(f, "GA", 0), MANY / 2);
    assert_int_equal(recall_all(f, "GB", 0), MANY);
    assert_int_equal(recall_all(f, "GC", 0), MANY / 2);
    assert_int_equal(recall_all(f, "GD", 0), 0);
    assert_int_equal(recall_all(f, "GA", 10000), MANY / 4);      /* the open ones */
    assert_int_equal(recall_all(f, "GC", 5000 + MANY - 20), 10); /* ended since */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(a_copy_of_a_store_in_use_is_a_store),
        FIXTURE_CASE(a_restore_forgets_and_begins_a_later_incarnation),
        FIXTURE_CASE(marks_stay_until_they_are_cleared),
        FIXTURE_CASE(a_backup_that_is_not_ours_or_not_whole_is_refused),
        FIXTURE_CASE(a_newer_journal_teaches_the_copied_keys),
        FIXTURE_CASE(a_broken_restore_forbids_a_start),
        FIXTURE_CASE(a_peer_is_told_everything_it_had_a_part_in),
    };
    return cmocka_run_group_tests_name("store backup", tests, NULL, NULL);
}
