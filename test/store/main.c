/* The torture: what runs, how much of it, and the counts. See README.md. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "place.h"
#include "shim_vfs.h"
#include "torture.h"

static struct torture_counts counts;
static unsigned factor = 1; /* FEP_TORTURE: how much longer than in ./check */

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
power_cuts_leave_what_was_committed(void **state)
{
    const char *text = getenv("FEP_TORTURE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    int64_t began = now_ms();
    (void)state;
    for (unsigned i = 0; i < 2 * factor; i++)
        assert_int_equal(torture_crash_images(seed + i, i % 2, 2, &counts), 0);
    printf("# %u lives, %u syncs, %u crash images opened, %u of them twice, %d s\n", counts.lives,
           counts.syncs, counts.images, counts.twice, (int)((now_ms() - began) / 1000));
}

static void
a_disk_that_forgets_synced_writes_is_noticed(void **state)
{
    (void)state;
    assert_true(torture_lying_disk(1) < 0);
}

static void
run_faults(int kind, int code, int lasting, unsigned stride)
{
    int beyond = 0;
    for (unsigned n = 1; !beyond; n += stride)
        assert_int_equal(torture_fault(kind, n, code, lasting, &counts, &beyond), 0);
}

static void
say_faults(int64_t began)
{
    printf("# %u faults struck: %u openings refused, %u stores ended, %u went on; %u states opened "
           "afterwards, %d s\n",
           counts.struck, counts.refused, counts.failed, counts.survived, counts.reopened,
           (int)((now_ms() - began) / 1000));
    counts.struck = counts.refused = counts.failed = counts.survived = counts.reopened = 0;
}

static void
failed_writes_and_syncs_are_told(void **state)
{
    unsigned stride = factor > 1 ? 1 : 11;
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_WRITE, EIO, 0, stride);
    run_faults(FAULT_WRITE, ENOSPC, 0, stride);
    run_faults(FAULT_SYNC, EIO, 0, factor > 1 ? 1 : 3);
    run_faults(FAULT_SYNC, ENOSPC, 0, factor > 1 ? 1 : 4);
    run_faults(FAULT_WRITE, EIO, 1, stride * 4);
    run_faults(FAULT_SYNC, EIO, 1, 9);
    say_faults(began);
}

static void
failed_openings_and_reads_are_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_OPEN, EMFILE, 0, 1);
    run_faults(FAULT_READ, EIO, 0, factor > 1 ? 1 : 3);
    run_faults(FAULT_DELETE, EIO, 0, 1);
    say_faults(began);
}

static void
failed_allocations_are_told(void **state)
{
    int64_t began = now_ms();
    (void)state;
    run_faults(FAULT_MEMORY, ENOMEM, 0, factor > 1 ? 7 : 401);
    say_faults(began);
}

static void
damage_is_said_or_harmless(void **state)
{
    int64_t began = now_ms();
    (void)state;
    for (unsigned i = 0; i < 2 * factor; i++)
        assert_int_equal(torture_damage(100 + i, 0, 8, &counts), 0);
    printf("# %u damages: %u said at opening or reading, %u in quarantine, %u harmless, %u in rows without a "
           "check, "
           "%d s\n",
           counts.damages, counts.said, counts.quarantined, counts.harmless, counts.unsaid,
           (int)((now_ms() - began) / 1000));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_cuts_leave_what_was_committed),
        cmocka_unit_test(a_disk_that_forgets_synced_writes_is_noticed),
        cmocka_unit_test(failed_writes_and_syncs_are_told),
        cmocka_unit_test(failed_openings_and_reads_are_told),
        cmocka_unit_test(failed_allocations_are_told),
        cmocka_unit_test(damage_is_said_or_harmless),
    };
    const char *more = getenv("FEP_TORTURE");
    if (more != NULL && atoi(more) > 1)
        factor = (unsigned)atoi(more);
    const char *one = getenv("FEP_TORTURE_FAULT"); /* KIND:OPERATION:ERRNO:LASTING, to see one again */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (shim_install() < 0) {
        printf("Bail out! SQLite takes no VFS\n");
        return 1;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    place_make();
    if (one != NULL) {
        int kind = 0, code = 0, lasting = 0, beyond;
        unsigned n = 0;
        if (sscanf(one, "%d:%u:%d:%d", &kind, &n, &code, &lasting) != 4)
            return 1;
        return torture_fault(kind, n, code, lasting, &counts, &beyond) == 0 ? 0 : 1;
    }
    int failed = cmocka_run_group_tests_name("store torture", tests, NULL, NULL);
    place_remove();
    return failed;
}
