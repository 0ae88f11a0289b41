/* JSON as spans: what is accepted, what is refused, and that nothing changes but what was to be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json.h"
#include "writer.h"

static int
parse(struct json *json, const char *text)
{
    struct fep_error error;
    return doc_parse(json, text, strlen(text), &error);
}

static void
test_values_keep_their_bytes(void **state)
{
    static const char text[] =
        " {\"a\": 12.30 , \"b\":[1e5,-0,99999999999999999999],\"c\":{\"d\":\"\\u4e2d\\/\"}} ";
    struct json json;
    char value[64];
    (void)state;
    assert_int_equal(parse(&json, text), 0);
    assert_int_equal(doc_text(&json, doc_find(&json, 0, "a"), value, sizeof value), 5);
    assert_string_equal(value, "12.30");
    assert_int_equal(doc_raw(&json, doc_find(&json, 0, "b")).size, strlen("[1e5,-0,99999999999999999999]"));
    assert_true(doc_text(&json, doc_find(&json, 0, "c.d"), value, sizeof value) > 0);
    assert_string_equal(value, "中/");
    assert_int_equal(doc_find(&json, 0, "c.x"), -1);
    doc_finish(&json);
}

static void
test_what_is_no_json(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":1,}",
                                      "{\"a\":01}",
                                      "{'a':1}",
                                      "{\"a\":NaN}",
                                      "{\"a\":1} x",
                                      "{\"a\":\"\x01\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "[1,]",
                                      "{\"a\" 1}",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"\\u0061\":2}",
                                      "{\"a\":.5}",
                                      "{\"a\":tru}",
                                      "{\"a\":\"x}",
                                      "{\"a\":-}",
                                      "/*c*/{}",
                                      "{\"a\":\"\xc0\x80\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json json;
        if (parse(&json, bad[i]) == 0)
            fail_msg("accepted: %s", bad[i]);
        doc_finish(&json);
    }
}

static void
test_bounds(void **state)
{
    char deep[128];
    struct json json;
    (void)state;
    memset(deep, '[', JSON_MAX_DEPTH + 1);
    memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    deep[2 * JSON_MAX_DEPTH + 2] = '\0';
    assert_int_equal(parse(&json, deep), -1);
    doc_finish(&json);
    deep[2 * JSON_MAX_DEPTH + 1] = '\0';
    assert_int_equal(parse(&json, deep + 1), 0);
    doc_finish(&json);
    assert_int_equal(parse(&json, "[123456789012345678901234567890123456789012]"), -1);
    doc_finish(&json);
}

static void
test_found_anywhere(void **state)
{
    struct json json;
    char value[16];
    (void)state;
    assert_int_equal(
        parse(&json, "{\"x\":{\"psn_no\":\"\"},\"rows\":[{\"psn_no\":\"P1\"},{\"psn_no\":\"P2\"}]}"), 0);
    assert_true(doc_text(&json, doc_find_anywhere(&json, 0, "psn_no"), value, sizeof value) > 0);
    assert_string_equal(value, "P1");
    assert_int_equal(doc_find_anywhere(&json, 0, "none"), -1);
    doc_finish(&json);
}

static void
test_a_text_that_does_not_fit_is_none(void **state)
{
    struct json json;
    char value[4];
    (void)state;
    assert_int_equal(parse(&json, "{\"a\":\"abcd\",\"b\":\"abc\",\"c\":{}}"), 0);
    assert_int_equal(doc_text(&json, doc_find(&json, 0, "a"), value, sizeof value), -1);
    assert_int_equal(doc_text(&json, doc_find(&json, 0, "b"), value, sizeof value), 3);
    assert_int_equal(doc_text(&json, doc_find(&json, 0, "c"), value, sizeof value), -1);
    doc_finish(&json);
}

static void
test_changes(void **state)
{
    struct changes changes = {0};
    struct writer out = {0};
    (void)state;
    changes_add(&changes, 4, 1, strdup("FOUR"), 4);
    changes_add(&changes, 1, 0, strdup("<"), 1);
    changes_add(&changes, 1, 0, strdup(">"), 1);
    changes_write(&changes, "0123456789", 0, 10, &out);
    assert_string_equal(out.data, "0<>123FOUR56789");
    changes_free(&changes);
    writer_free(&out);
    writer_quote(&out, "a\"\\\n中", strlen("a\"\\\n中"));
    assert_string_equal(out.data, "\"a\\\"\\\\\\u000a中\"");
    writer_free(&out);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_keep_their_bytes),
        cmocka_unit_test(test_what_is_no_json),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_found_anywhere),
        cmocka_unit_test(test_a_text_that_does_not_fit_is_none),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
