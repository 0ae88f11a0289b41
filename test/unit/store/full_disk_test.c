/* Rule 15 on a real, small file system (a tmpfs of its own, for root only): new updates are refused when the
 * disk is full, and outcomes and reversals of what was accepted still find their room. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "error_codes.h"

#define DISK_OPTIONS "size=24m"
#define BODY_BYTES   8000

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    *state = fixture;
    if (mount("tmpfs", fixture->directory, "tmpfs", 0, DISK_OPTIONS) < 0)
        return -1;
    fixture->config.ballast_bytes = 4 << 20;
    fixture->config.min_free_bytes = 512 << 10;
    fixture_open(fixture);
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    umount2(fixture->directory, MNT_DETACH);
    fixture_finish(fixture);
    free(fixture);
    return 0;
}

/* Takes all but `leave` bytes of the disk. */
static void
fill_disk(const struct fixture *f, uint64_t leave)
{
    char path[FIXTURE_PATH];
    struct statvfs status;
    fixture_path(f, "filler", path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fstatvfs(fd, &status), 0);
    uint64_t space = (uint64_t)status.f_bavail * status.f_frsize;
    assert_true(space > leave);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)(space - leave)), 0);
    close(fd);
}

static void
free_disk(const struct fixture *f)
{
    char path[FIXTURE_PATH];
    fixture_path(f, "filler", path);
    assert_int_equal(unlink(path), 0);
}

/* Inserts until one is refused; returns how many were accepted. */
static unsigned
insert_until_refused(struct fixture *f)
{
    for (unsigned n = 0; n < 4000; n++) {
        struct exchange_record record;
        unsigned counts[8];
        fixture_record(&record, n, ROLE_DESTINATION);
        fixture_insert(f, &record, fixture_body("body", n, BODY_BYTES));
        fixture_count(f, counts);
        assert_int_equal(counts[STORE_FAILED], 0);
        if (counts[STORE_REFUSED])
            return n;
    }
    fail_msg("the disk never became full");
    return 0;
}

static int
put_prompt(struct fixture *f, unsigned line)
{
    struct store_prompt prompt = {.line = line};
    strcpy(prompt.msgid, "H45010000001202611221000000001");
    memset(prompt.item_name, 'x', sizeof prompt.item_name - 1);
    assert_int_equal(store_put_prompt(f->store, &prompt, line), 0);
    fixture_wait(f, STORE_PROMPT);
    assert_int_equal(f->last.reference, line);
    return f->last.found;
}

/* Notices find their room later; they neither take the reserve nor end the store, and none is called kept
 * that is not. */
static void
prompts_are_refused_and_taken_again(void **state)
{
    struct fixture *f = *state;
    unsigned kept = 0;
    char ballast[FIXTURE_PATH];
    fill_disk(f, 128 << 10);
    while (kept < 4000 && put_prompt(f, kept + 1))
        kept++;
    assert_int_equal(f->last.error.code, FEP_E_DISK_FULL);
    assert_in_range(kept, 1, 3999);
    fixture_path(f, "ballast", ballast);
    assert_int_equal(access(ballast, F_OK), 0);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), kept);
    struct exchange_record record;
    fixture_record(&record, 1, ROLE_DESTINATION);
    record.state = STATE_REVERSING;
    fixture_insert(f, &record, SLICE_NONE); /* what the reserve is for still finds it */
    fixture_settle(f);
    free_disk(f);
    while (!store_has_room(f->store))
        fixture_wait(f, STORE_ROOM);
    assert_true(put_prompt(f, kept + 1));
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), kept + 1);
}

static void
new_updates_are_refused_and_outcomes_are_committed(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    unsigned counts[8];
    char ballast[FIXTURE_PATH];
    assert_true(store_has_room(f->store));
    fill_disk(f, 2 << 20);
    unsigned accepted = insert_until_refused(f);
    assert_true(accepted > 10);
    assert_false(store_has_room(f->store));
    fixture_path(f, "ballast", ballast);
    assert_int_equal(access(ballast, F_OK), -1);
    /* every accepted one gets its outcome */
    for (unsigned n = 0; n < accepted; n++) {
        fixture_record(&record, n, ROLE_DESTINATION);
        record.state = STATE_ANSWERED;
        fixture_update(f, &record, fixture_body("answer", n, 1000));
    }
    fixture_settle(f);
    /* a refusal, a tombstone and a reversal are records of the reserve too */
    fixture_record(&record, 5001, ROLE_DESTINATION);
    record.state = STATE_REFUSED;
    fixture_insert(f, &record, SLICE_NONE);
    fixture_record(&record, 5002, ROLE_DESTINATION);
    record.tombstone = 1;
    fixture_insert(f, &record, SLICE_NONE);
    fixture_settle(f);
    /* a new one is not, even though the ballast's space is there */
    fixture_record(&record, 5003, ROLE_DESTINATION);
    fixture_insert(f, &record, fixture_body("body", 5003, 10));
    fixture_count(f, counts);
    assert_int_equal(counts[STORE_REFUSED], 1);
    for (unsigned n = 0; n < accepted; n++) {
        fixture_record(&record, n, ROLE_DESTINATION);
        assert_true(fixture_find(f, &record));
        assert_int_equal(f->last.record.state, STATE_ANSWERED);
        fixture_assert_body(f->last.answer, "answer", n);
        fixture_release_last(f);
    }
    fixture_record(&record, 5003, ROLE_DESTINATION);
    assert_false(fixture_find(f, &record));
}

static void
room_comes_back_with_the_ballast(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct stat status;
    char ballast[FIXTURE_PATH];
    fill_disk(f, 1 << 20);
    (void)insert_until_refused(f);
    free_disk(f);
    do
        fixture_wait(f, STORE_ROOM);
    while (!f->last.found);
    assert_true(store_has_room(f->store));
    fixture_path(f, "ballast", ballast);
    assert_int_equal(stat(ballast, &status), 0);
    assert_int_equal(status.st_size, 4 << 20);
    fixture_record(&record, 6000, ROLE_DESTINATION);
    fixture_insert(f, &record, fixture_body("body", 6000, BODY_BYTES));
    fixture_settle(f);
}

static void
too_little_free_space_closes_admission_before_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    fill_disk(f, 300 << 10);
    fixture_wait(f, STORE_ROOM);
    assert_int_equal(f->last.found, 0);
    assert_false(store_has_room(f->store));
    free_disk(f);
    fixture_wait(f, STORE_ROOM);
    assert_int_equal(f->last.found, 1);
}

static void
it_opens_on_a_full_disk_and_has_no_room(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 1, ROLE_DESTINATION);
    fixture_insert(f, &record, fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);
    char ballast[FIXTURE_PATH];
    fixture_path(f, "ballast", ballast);
    unlink(ballast);
    fill_disk(f, 1 << 20); /* too little for a new one */
    fixture_open(f);
    assert_false(store_has_room(f->store));
    assert_true(fixture_find(f, &record));
    fixture_release_last(f);
    record.state = STATE_ANSWERED;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(new_updates_are_refused_and_outcomes_are_committed),
        CASE(prompts_are_refused_and_taken_again),
        CASE(room_comes_back_with_the_ballast),
        CASE(too_little_free_space_closes_admission_before_the_disk_is_full),
        CASE(it_opens_on_a_full_disk_and_has_no_room),
    };
    /* Mounts of its own, which go with the process. */
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        printf("1..0 # SKIP no mount namespace: %s\n", strerror(errno));
        return 0;
    }
    return cmocka_run_group_tests_name("full disk", tests, NULL, NULL);
}
