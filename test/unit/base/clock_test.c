/* Dates of China Standard Time, at the edges where a wrong zone or a wrong leap year would show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define AT(seconds) ((int64_t)(seconds)*1000)

static void
test_day_begins_at_sixteen_utc(void **state)
{
    (void)state;
    /* 2026-11-22 15:59:59 UTC is still the 22nd in China, one second later it is the 23rd. */
    assert_int_equal(clock_date(AT(1795363199)), 20261122);
    assert_int_equal(clock_time(AT(1795363199) + 999), 235959);
    assert_int_equal(clock_date(AT(1795363200)), 20261123);
    assert_int_equal(clock_time(AT(1795363200)), 0);
}

static void
test_zone_of_the_process_does_not_matter(void **state)
{
    (void)state;
    setenv("TZ", "America/New_York", 1);
    tzset();
    assert_int_equal(clock_date(AT(1795363200)), 20261123);
    unsetenv("TZ");
    tzset();
}

static void
test_epoch_and_before(void **state)
{
    (void)state;
    assert_int_equal(clock_date(0), 19700101);
    assert_int_equal(clock_time(0), 80000);
    assert_int_equal(clock_date(AT(-8 * 3600) - 1), 19691231);
    assert_int_equal(clock_time(AT(-8 * 3600) - 1), 235959);
}

static void
test_agrees_with_libc_for_a_century(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 47482; day++) {
        time_t shown = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&shown, &tm);
        unsigned expected = (unsigned)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
        assert_int_equal(clock_date(AT(day * 86400 - 8 * 3600)), expected);
        assert_true(clock_date_is_valid(expected));
        assert_int_equal(clock_days_between(19700101, expected), day);
    }
}

static void
test_days_between(void **state)
{
    (void)state;
    assert_int_equal(clock_days_between(20261122, 20261122), 0);
    assert_int_equal(clock_days_between(20261231, 20270101), 1);
    assert_int_equal(clock_days_between(20270101, 20261231), -1);
    assert_int_equal(clock_days_between(20240228, 20240301), 2);
    assert_int_equal(clock_days_between(20250228, 20250301), 1);
    assert_int_equal(clock_days_between(20260101, 20270101), 365);
}

static void
test_valid_dates(void **state)
{
    (void)state;
    assert_true(clock_date_is_valid(20240229));
    assert_true(clock_date_is_valid(20000229));
    assert_false(clock_date_is_valid(21000229));
    assert_false(clock_date_is_valid(20250229));
    assert_false(clock_date_is_valid(20260431));
    assert_false(clock_date_is_valid(20261301));
    assert_false(clock_date_is_valid(20260001));
    assert_false(clock_date_is_valid(20260100));
    assert_false(clock_date_is_valid(0));
    assert_false(clock_date_is_valid(UINT32_MAX));
}

static void
test_format(void **state)
{
    (void)state;
    char text[32];
    clock_format(AT(1795363199) + 7, text);
    assert_string_equal(text, "2026-11-22T23:59:59.007+08:00");
}

static void
test_system_clock_moves(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ms(&clock_system);
    assert_true(clock_monotonic_ms(&clock_system) >= before);
    assert_true(clock_date(clock_wall_ms(&clock_system)) > 20200101);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_day_begins_at_sixteen_utc),
        cmocka_unit_test(test_zone_of_the_process_does_not_matter),
        cmocka_unit_test(test_epoch_and_before),
        cmocka_unit_test(test_agrees_with_libc_for_a_century),
        cmocka_unit_test(test_days_between),
        cmocka_unit_test(test_valid_dates),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_system_clock_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
