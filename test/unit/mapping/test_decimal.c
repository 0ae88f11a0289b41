/* Decimal arithmetic against Python's decimal, and what is not a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decimal.h"

static void
check_parse(const char *text, unsigned scale, const char *expected)
{
    int64_t units = 0;
    bool good = decimal_parse(text, strlen(text), scale, &units);
    if (good != (strcmp(expected, "-") != 0) || (good && units != strtoll(expected, NULL, 10)))
        fail_msg("parse %s at scale %u: %d %lld, expected %s", text, scale, good, (long long)units, expected);
}

static void
check_write(int64_t units, unsigned scale, const char *expected)
{
    char text[DECIMAL_TEXT];
    size_t size = decimal_write(units, scale, text);
    assert_int_equal(size, strlen(text));
    /* Python writes -0.00 for nothing below zero; there is none here. */
    if (strcmp(text, expected) != 0)
        fail_msg("write %lld at scale %u: %s, expected %s", (long long)units, scale, text, expected);
}

static void
check_line(int64_t price, int64_t quantity, const char *expected)
{
    int64_t fen = 0;
    bool good = decimal_line_amount(price, quantity, &fen);
    if (good != (strcmp(expected, "-") != 0) || (good && fen != strtoll(expected, NULL, 10)))
        fail_msg("line %lld x %lld: %d %lld, expected %s", (long long)price, (long long)quantity, good,
                 (long long)fen, expected);
}

static void
test_as_python_has_it(void **state)
{
    char command[512], word[16], a[64], b[64], expected[64];
    const char *seed = getenv("FEP_SEED"), *source = getenv("FEP_SOURCE");
    size_t cases = 0;
    (void)state;
    assert_non_null(source);
    snprintf(command, sizeof command, "python3 %s/test/unit/mapping/decimal_cases.py %s", source,
             seed != NULL ? seed : "1");
    FILE *file = popen(command, "r");
    assert_non_null(file);
    while (fscanf(file, "%15s %63s %63s %63s", word, a, b, expected) == 4) {
        cases++;
        if (strcmp(word, "parse") == 0)
            check_parse(a, (unsigned)strtoul(b, NULL, 10), expected);
        else if (strcmp(word, "write") == 0)
            check_write(strtoll(a, NULL, 10), (unsigned)strtoul(b, NULL, 10), expected);
        else
            check_line(strtoll(a, NULL, 10), strtoll(b, NULL, 10), expected);
    }
    assert_int_equal(pclose(file), 0);
    assert_true(cases > 9000);
}

static void
test_what_is_no_number(void **state)
{
    static const char *const bad[] = {"",   "-",  "+",     ".",   "1e2", "1,000", "0x1",
                                      " 1", "1 ", "1.2.3", "--1", "１",  "NaN"};
    int64_t units;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(decimal_parse(bad[i], strlen(bad[i]), 2, &units));
}

static void
test_written_is_read_again(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        char text[DECIMAL_TEXT];
        int64_t units = (int64_t)((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()), back;
        unsigned scale = (unsigned)rand() % 10;
        if (rand() % 2 == 0)
            units = -units;
        size_t size = decimal_write(units, scale, text);
        assert_true(decimal_parse(text, size, scale, &back));
        assert_true(back == units);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_python_has_it),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
