/* Key files: what is accepted, and that a bad one says why without showing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "conf_fixture.h"
#include "error_codes.h"

static const char digits[] = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";

static int
read_key(struct fixture *fixture, const char *content, mode_t mode, uint8_t key[32])
{
    char path[400];
    snprintf(path, sizeof path, "%s/key", fixture->directory);
    if (content != NULL) {
        fixture_write(fixture, "key", content);
        assert_int_equal(chmod(path, mode), 0);
    }
    return conf_read_key(path, key, &fixture->error);
}

static void
good_key_is_read(void **state)
{
    uint8_t key[32];
    char line[80];
    assert_int_equal(read_key(*state, digits, 0600, key), 0);
    assert_int_equal(key[1], 0x11);
    assert_int_equal(key[16], 0xff);
    snprintf(line, sizeof line, "%s\n", digits);
    memset(key, 0, sizeof key);
    assert_int_equal(read_key(*state, line, 0400, key), 0);
    assert_int_equal(key[17], 0xee);
}

static void
key_that_others_may_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[32] = {1};
    assert_int_equal(read_key(fixture, digits, 0640, key), -1);
    assert_int_equal(fixture->error.code, FEP_E_KEY_INVALID);
    assert_non_null(strstr(fixture->error.text, "expected mode 0600"));
    assert_int_equal(key[0], 0);
}

static void
wrong_content_is_refused_and_not_shown(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[32];
    char text[80];
    snprintf(text, sizeof text, "%.63s", digits);
    assert_int_equal(read_key(fixture, text, 0600, key), -1);
    snprintf(text, sizeof text, "%s0", digits);
    assert_int_equal(read_key(fixture, text, 0600, key), -1);
    snprintf(text, sizeof text, "%.63sg", digits);
    assert_int_equal(read_key(fixture, text, 0600, key), -1);
    assert_null(strstr(fixture->error.text, "0011"));
    assert_non_null(strstr(fixture->error.text, "64 hex digits"));
}

static void
missing_key_has_a_code_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[32];
    assert_int_equal(read_key(fixture, NULL, 0600, key), -1);
    assert_int_equal(fixture->error.code, FEP_E_KEY_MISSING);
}

static void
directory_is_no_key(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[32];
    assert_int_equal(conf_read_key(fixture->directory, key, &fixture->error), -1);
    assert_int_equal(fixture->error.code, FEP_E_KEY_INVALID);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_create, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(good_key_is_read),
        CASE(key_that_others_may_read_is_refused),
        CASE(wrong_content_is_refused_and_not_shown),
        CASE(missing_key_has_a_code_of_its_own),
        CASE(directory_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
