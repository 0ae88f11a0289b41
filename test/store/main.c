/* The torture: what runs, how much of it, and the counts. See README.md. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "place.h"
#include "shim_vfs.h"
#include "torture.h"

#define LONG_IMAGES 10000

static struct torture_counts counts;
static unsigned all_faults, long_run;
static uint64_t seed;
static struct dice dice;

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
seconds_since(int64_t began)
{
    return (int)((now_ms() - began + 500) / 1000);
}

static void
power_cuts_leave_what_was_committed(void **state)
{
    int64_t began = now_ms();
    (void)state;
    for (unsigned i = 0; i == 0 || (long_run && counts.images < LONG_IMAGES); i++)
        assert_int_equal(torture_crash_images(seed + i, (seed + i) % 2, long_run ? 3 : 1, &counts), 0);
    printf("# %u lives, %u syncs, %u crash images opened, %u of them twice, %d s\n", counts.lives,
           counts.syncs, counts.images, counts.twice, seconds_since(began));
}

static void
a_disk_that_forgets_synced_writes_is_noticed(void **state)
{
    (void)state;
    assert_true(torture_lying_disk(1) < 0);
}

/* Every `stride`-th operation, from a drawn one on; each one in the long run. */
static void
run_faults(int kind, int code, int lasting, unsigned stride)
{
    int beyond = 0;
    unsigned step = long_run && kind != FAULT_MEMORY ? 1 : long_run ? 7 : stride;
    for (unsigned n = 1 + dice_below(&dice, step); !beyond; n += step)
        assert_int_equal(torture_fault(kind, n, code, lasting, &counts, &beyond), 0);
}

static void
say_faults(int64_t began)
{
    printf("# %u faults struck: %u openings refused, %u stores ended, %u went on; %u states opened "
           "afterwards, %d s\n",
           counts.struck, counts.refused, counts.failed, counts.survived, counts.reopened,
           seconds_since(began));
    all_faults += counts.struck;
    counts.struck = counts.refused = counts.failed = counts.survived = counts.reopened = 0;
}

static void
failed_writes_and_syncs_are_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_WRITE, EIO, 0, 53);
    run_faults(FAULT_WRITE, ENOSPC, 0, 61);
    run_faults(FAULT_SYNC, EIO, 0, 17);
    run_faults(FAULT_SYNC, ENOSPC, 0, 23);
    run_faults(FAULT_WRITE, EIO, 1, 97);
    run_faults(FAULT_SYNC, EIO, 1, 29);
    say_faults(began);
}

/* A file system that is mounted read-only from some moment on. */
static void
a_disk_that_takes_no_more_writes_is_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_WRITE, EROFS, 1, 89);
    say_faults(began);
}

static void
failed_openings_and_reads_are_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_OPEN, EMFILE, 0, 13);
    run_faults(FAULT_READ, EIO, 0, 19);
    run_faults(FAULT_DELETE, EIO, 0, 5);
    say_faults(began);
}

static void
failed_allocations_are_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_MEMORY, ENOMEM, 0, 4001);
    say_faults(began);
}

static void
a_full_disk_ends_nothing_and_loses_nothing(void **state)
{
    int64_t began = now_ms();
    int beyond = 0;
    (void)state;
    for (int64_t bytes = dice_below(&dice, 4096); !beyond;
         bytes += long_run ? 512 + dice_below(&dice, 8192) : 60000 + dice_below(&dice, 200000))
        assert_int_equal(torture_full_disk(dice_next(&dice), bytes, &counts, &beyond), 0);
    printf("# full at %u places, %d s\n", counts.full_disks, seconds_since(began));
    all_faults += counts.full_disks;
}

static void
a_second_one_is_turned_away_and_changes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < (long_run ? 20 : 1); i++)
        assert_int_equal(torture_two(seed + i, &counts), 0);
    printf("# %u turned away\n", counts.turned_away);
    all_faults += counts.turned_away;
}

static void
damage_is_said_or_harmless(void **state)
{
    int64_t began = now_ms();
    (void)state;
    for (unsigned i = 0; i < (long_run ? 6 : 1); i++)
        assert_int_equal(torture_damage(seed + i, long_run ? 16 : 3, long_run ? 1 : 3, &counts), 0);
    printf("# %u damages: %u said at opening or reading, %u in quarantine and the rest served, %u harmless, "
           "%d s\n",
           counts.damages, counts.said, counts.quarantined, counts.harmless, seconds_since(began));
}

/* KIND:OPERATION:ERRNO:LASTING, to see one again. */
static int
run_one_fault(const char *one)
{
    int kind = 0, code = 0, lasting = 0, beyond;
    unsigned n = 0;
    if (sscanf(one, "%d:%u:%d:%d", &kind, &n, &code, &lasting) != 4)
        return 1;
    return torture_fault(kind, n, code, lasting, &counts, &beyond) == 0 ? 0 : 1;
}

static void
read_words(int argc, char **argv)
{
    seed = (uint64_t)time(NULL);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--long") == 0)
            long_run = 1;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            cmocka_set_test_filter(argv[i]);
    }
    dice.state = seed;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_cuts_leave_what_was_committed),
        cmocka_unit_test(a_disk_that_forgets_synced_writes_is_noticed),
        cmocka_unit_test(failed_writes_and_syncs_are_told),
        cmocka_unit_test(a_disk_that_takes_no_more_writes_is_told),
        cmocka_unit_test(failed_openings_and_reads_are_told),
        cmocka_unit_test(failed_allocations_are_told),
        cmocka_unit_test(a_full_disk_ends_nothing_and_loses_nothing),
        cmocka_unit_test(a_second_one_is_turned_away_and_changes_nothing),
        cmocka_unit_test(damage_is_said_or_harmless),
    };
    const char *one = getenv("FEP_TORTURE_FAULT");
    int64_t began = now_ms();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (shim_install() < 0) {
        printf("Bail out! SQLite takes no VFS\n");
        return 1;
    }
    read_words(argc, argv);
    place_make();
    if (one != NULL)
        return run_one_fault(one);
    printf("# seed %llu\n", (unsigned long long)seed);
    int failed = cmocka_run_group_tests_name("store torture", tests, NULL, NULL);
    place_remove();
    const char *output =
        getenv("CMOCKA_MESSAGE_OUTPUT"); /* nothing but a remark may stand behind TAP's lines */
    printf("%scrash_images=%u faults=%u damage=%u failed=%d seconds=%d\n",
           output != NULL && strcmp(output, "TAP") == 0 ? "# " : "", counts.images, all_faults,
           counts.damages, failed, seconds_since(began));
    return failed;
}
