/* The lexical check in front of json-c, and that amounts keep their digits behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canonical.h"
#include "json_check.h"
#include "map_rig.h"

static void
accept(const char *text)
{
    struct fep_error error = {0};
    if (json_check(text, strlen(text), &error) < 0)
        fail_msg("%s: %s", text, error.text);
}

static void
refuse(const char *text, const char *expected)
{
    struct fep_error error = {0};
    if (json_check(text, strlen(text), &error) == 0)
        fail_msg("accepted: %s", text);
    if (strstr(error.text, expected) == NULL)
        fail_msg("%s: %s", text, error.text);
}

static void
test_good_texts(void **state)
{
    (void)state;
    accept("{}");
    accept(" { \"a\" : [ 1 , -2.50 , \"x\\u00e9\\n\" , true , false , null , { } , [ ] ] } ");
    accept("{\"a\":{\"b\":1},\"c\":{\"b\":2},\"d\":[{\"b\":1},{\"b\":2}]}");
    accept("\"\\ud83d\\ude00\"");
    accept("{\"a\":123456789012345678,\"b\":-0.5,\"c\":0}");
}

static void
test_what_json_c_would_let_through(void **state)
{
    (void)state;
    refuse("{\"a\":NaN}", "a value");
    refuse("{\"a\":Infinity}", "a value");
    refuse("{'a':1}", "quotes");
    refuse("{\"a\":1,\"a\":2}", "each member once");
    refuse("{\"x\":[{\"a\":1,\"b\":2,\"a\":3}]}", "each member once");
    refuse("{\"a\":99999999999999999999}", "18 digits");
    refuse("{\"a\":\"\\ud800\"}", "surrogate");
    refuse("{\"a\":\"\\udc00\"}", "surrogate");
    refuse("{\"a\":\"\\u0000\"}", "NUL");
    refuse("{\"\\u0061\":1}", "without escapes");
    refuse("{\"a\":1e2}", "exponent");
    refuse("{\"a\":01}", "leading zeros");
    refuse("{\"a\":1.}", "decimals");
    refuse("{\"a\":\"\xff\"}", "UTF-8");
    refuse("{\"a\":\"\xed\xa0\x80\"}", "UTF-8");
    refuse("{\"a\":\"\n\"}", "control");
    refuse("{} {}", "nothing behind");
    refuse("{\"a\":1,}", "quotes");
    refuse("[1,]", "a value");
    refuse("{\"a\" 1}", "colon");
    refuse("{\"a\":1", "comma");
    refuse("{\"a\":\"x", "end of a text");
    refuse("", "a value");
    refuse("/* x */ {}", "a value");
}

static void
test_depth(void **state)
{
    char text[256] = "";
    (void)state;
    for (int i = 0; i < 32; i++)
        strcat(text, "[");
    for (int i = 0; i < 32; i++)
        strcat(text, "]");
    accept(text);
    memmove(text + 1, text, strlen(text) + 1);
    strcat(text, "]");
    refuse(text, "32 levels");
}

static void
test_many_members(void **state)
{
    static char text[200000];
    size_t used = 0;
    (void)state;
    text[used++] = '{';
    for (int i = 0; i < 10000; i++)
        used += (size_t)sprintf(text + used, "%s\"m%d\":%d", i > 0 ? "," : "", i, i);
    strcpy(text + used, "}");
    accept(text);
    strcpy(text + used, ",\"m77\":0}");
    refuse(text, "each member once");
}

/* No text may crash it, whatever stands where. */
static void
test_broken_anywhere(void **state)
{
    static const char whole[] =
        "{\"a\":[1,-2.50,\"x\\u00e9\",{\"b\":null,\"c\":{\"d\":true}}],\"e\":\"\xe4\xb8\xad\"}";
    (void)state;
    srand(3);
    for (int round = 0; round < 50000; round++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        size_t size = (size_t)rand() % sizeof whole;
        text[(size_t)rand() % sizeof whole] = (char)rand();
        struct fep_error error = {0};
        if (json_check(text, size, &error) < 0)
            assert_true(error.text[0] != '\0');
    }
}

static void
test_amounts_keep_their_digits(void **state)
{
    static const char text[] = "{\"a\":12.30,\"b\":0.10,\"c\":100,\"d\":-25.1}";
    struct fep_error error = {0};
    struct slice out;
    (void)state;
    struct json_object *tree = canonical_parse(rig_slice(text), &error);
    assert_non_null(tree);
    struct json_object *number = canonical_new_number("8234.50");
    assert_int_equal(json_object_object_add(tree, "e", number), 0);
    assert_int_equal(canonical_write(tree, &out, &error), 0);
    assert_int_equal(out.size, strlen("{\"a\":12.30,\"b\":0.10,\"c\":100,\"d\":-25.1,\"e\":8234.50}"));
    assert_true(rig_holds(out, "\"a\":12.30,\"b\":0.10,\"c\":100,\"d\":-25.1,\"e\":8234.50"));
    slice_release(&out);
    json_object_put(tree);
}

static void
test_slashes_and_chinese_stay(void **state)
{
    struct fep_error error = {0};
    struct slice out;
    (void)state;
    struct json_object *tree = canonical_parse(rig_slice("{\"a\":\"1/2 陈珅\"}"), &error);
    assert_non_null(tree);
    assert_int_equal(canonical_write(tree, &out, &error), 0);
    assert_true(rig_holds(out, "\"1/2 陈珅\""));
    slice_release(&out);
    json_object_put(tree);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_texts),
        cmocka_unit_test(test_what_json_c_would_let_through),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_broken_anywhere),
        cmocka_unit_test(test_amounts_keep_their_digits),
        cmocka_unit_test(test_slashes_and_chinese_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
