/* Setting, wrapping and cutting errors; the table of codes as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

static void
test_set_and_wrap(void **state)
{
    (void)state;
    struct fep_error error;
    memset(&error, 'x', sizeof error);
    assert_int_equal(error_set(&error, FEP_NOT_SENT, FEP_E_LINK_DOWN, "peer %s is down", "P"), -1);
    assert_int_equal(error.kind, FEP_NOT_SENT);
    assert_int_equal(error.code, FEP_E_LINK_DOWN);
    assert_string_equal(error.msgid, "");
    assert_string_equal(error.text, "peer P is down");
    assert_int_equal(error_wrap(&error, "sending to %s", "GW450000"), -1);
    assert_string_equal(error.text, "sending to GW450000: peer P is down");
    assert_int_equal(error.code, FEP_E_LINK_DOWN);
}

static void
test_arguments_may_be_the_error_itself(void **state)
{
    (void)state;
    struct fep_error error;
    error_set(&error, FEP_REFUSED, FEP_E_OVERSIZE, "inner");
    error_set(&error, FEP_REFUSED, FEP_E_OVERSIZE, "outer of %s", error.text);
    assert_string_equal(error.text, "outer of inner");
    error_wrap(&error, "%s", error.text);
    assert_string_equal(error.text, "outer of inner: outer of inner");
}

static void
test_null_and_clear(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, FEP_REFUSED, 1, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    struct fep_error error;
    error_set(&error, FEP_REFUSED, FEP_E_OVERSIZE, "x");
    error_clear(&error);
    assert_int_equal(error.kind, 0);
    assert_string_equal(error.text, "");
    error_wrap(&error, "alone");
    assert_string_equal(error.text, "alone");
}

static void
test_cut_between_characters(void **state)
{
    (void)state;
    char text[1000] = "";
    for (int i = 0; i < 300; i++)
        strcat(text, "医");
    struct fep_error error;
    for (size_t lead = 0; lead < 3; lead++) {
        error_set(&error, FEP_REFUSED, FEP_E_OVERSIZE, "%.*s%s", (int)lead, "abc", text);
        assert_true(strlen(error.text) < sizeof error.text);
        assert_true(strlen(error.text) >= sizeof error.text - 4);
        assert_true(utf8_is_valid(error.text, strlen(error.text), NULL));
        for (int i = 0; i < 5; i++) {
            error_wrap(&error, "层%d", i);
            assert_true(utf8_is_valid(error.text, strlen(error.text), NULL));
        }
    }
    error_wrap(&error, "%s", text);
    assert_true(utf8_is_valid(error.text, strlen(error.text), NULL));
}

static void
test_whole_text_is_kept(void **state)
{
    (void)state;
    char text[FEP_ERROR_TEXT];
    memset(text, 'a', sizeof text - 4);
    strcpy(text + sizeof text - 4, "医");
    struct fep_error error;
    error_set(&error, FEP_REFUSED, FEP_E_OVERSIZE, "%s", text);
    assert_string_equal(error.text, text);
}

static void
test_table_is_sound(void **state)
{
    (void)state;
    size_t count;
    const struct error_description *table = error_table(&count);
    assert_true(count > 60);
    for (size_t i = 0; i < count; i++) {
        const struct error_description *d = &table[i];
        const char *const texts[] = {d->zh, d->en, d->next_zh, d->next_en};
        for (size_t t = 0; t < 4; t++) {
            assert_true(strlen(texts[t]) > 5);
            assert_true(utf8_is_valid(texts[t], strlen(texts[t]), NULL));
        }
        /* The Chinese column is Chinese, the English one is not. */
        assert_true(strstr(d->zh, "。") && strstr(d->next_zh, "。"));
        for (size_t c = 0; d->en[c]; c++)
            assert_true((unsigned char)d->en[c] < 0x80);
        for (size_t c = 0; d->next_en[c]; c++)
            assert_true((unsigned char)d->next_en[c] < 0x80);
        assert_int_equal(strncmp(d->name, "FEP_E_", 6), 0);
        if (i > 0 && d->code <= table[i - 1].code)
            fail_msg("FEP-%u does not come after FEP-%u", d->code, table[i - 1].code);
        assert_ptr_equal(error_describe(d->code), d);
    }
    assert_null(error_describe(0));
    assert_null(error_describe(9999));
    assert_string_equal(error_describe(FEP_E_NO_ROUTE)->name, "FEP_E_NO_ROUTE");
}

/* A code in a record must say whose it is: the local systems' canonical codes end in less than 10, or lie
 * above. */
static void
test_codes_differ_from_the_local_systems(void **state)
{
    (void)state;
    size_t count;
    const struct error_description *table = error_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(table[i].code, 1010, 5999);
        assert_in_range(table[i].code % 100, 10, 99);
    }
}

static void
test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "医保", "\xF0\xA0\x80\x80", "\xEF\xBF\xBD", "\xED\x9F\xBF"};
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
        "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xE5\x8C",     "\xD2\xBD\xB1\xA3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_is_valid(good[i], strlen(good[i]), NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[16];
        size_t at = 99;
        snprintf(text, sizeof text, "ok%s", bad[i]);
        assert_false(utf8_is_valid(text, strlen(text), &at));
        assert_in_range(at, 2, 4);
    }
    char half[] = "ab\xE5\x8C", none[] = "", whole[] = "a医", ascii[] = "abc";
    utf8_drop_half(half);
    assert_string_equal(half, "ab");
    utf8_drop_half(none);
    utf8_drop_half(whole);
    assert_string_equal(whole, "a医");
    utf8_drop_half(ascii);
    assert_string_equal(ascii, "abc");
}

/* An error may quote a file or a peer: what is told can always be shown. */
static void
test_what_is_told_can_be_shown(void **state)
{
    (void)state;
    struct fep_error error = {0};
    error_set(&error, 0, 1, "got \"%s\"", "\xB3\xC2 医\r\n\x1b[2J\x7f");
    assert_string_equal(error.text, "got \"?? 医???[2J?\"");
    error_wrap(&error, "\xFF%s", "\t");
    assert_string_equal(error.text, "??: got \"?? 医???[2J?\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_arguments_may_be_the_error_itself),
        cmocka_unit_test(test_null_and_clear),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_whole_text_is_kept),
        cmocka_unit_test(test_table_is_sound),
        cmocka_unit_test(test_codes_differ_from_the_local_systems),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_what_is_told_can_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
