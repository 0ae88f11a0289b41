/* convert = "form": both directions, what it refuses, and what is found when the file is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

#define FIELDS "(\"F\", \"code\", 40), (\"G\", \"code\", 40)"

static struct mapping *
load_form_rule(const char *form, const char *more)
{
    char rule[256];
    snprintf(rule, sizeof rule, "(\"F\", \"data.f\", { convert = \"form\"; form = \"%s\"; %s })", form, more);
    return rig_load_rules(FIELDS, rule, "");
}

static void
goes_both_ways(const char *form, const char *canonical, const char *local)
{
    char input[128], body[160];
    struct fep_error error;
    struct mapping *mapping = load_form_rule(form, "");
    if (mapping == NULL)
        fail_msg("%s: %s", form, rig_problems);
    snprintf(input, sizeof input, "{\"data\":{\"f\":\"%s\"}}", canonical);
    snprintf(body, sizeof body, "{\"input\":%s}", input);
    const char *out = rig_out(mapping, input, &error);
    if (out == NULL)
        fail_msg("%s: %s", form, error.text);
    assert_string_equal(out, local);
    const char *in = rig_in(mapping, local, &error);
    if (in == NULL)
        fail_msg("%s: %s", form, error.text);
    assert_string_equal(in, body);
    mapping_destroy(mapping);
}

static void
refused_both_ways(const char *form, const char *canonical, const char *local)
{
    char input[128];
    struct fep_error error;
    struct mapping *mapping = load_form_rule(form, "");
    assert_non_null(mapping);
    if (canonical != NULL) {
        snprintf(input, sizeof input, "{\"data\":{\"f\":\"%s\"}}", canonical);
        assert_null(rig_out(mapping, input, &error));
        assert_int_equal(error.code, 1003);
        assert_non_null(strstr(error.text, "not of the form"));
        assert_null(strstr(error.text, canonical));
    }
    if (local != NULL) {
        assert_null(rig_in(mapping, local, &error));
        assert_int_equal(error.code, 1003);
        assert_null(strstr(error.text, local));
    }
    mapping_destroy(mapping);
}

static void
test_both_ways(void **state)
{
    (void)state;
    goes_both_ways("GW{2:18}{0:2}", "XY202611220000001234", "GW202611220000001234XY");
    goes_both_ways("{0:4}-{4:2}-{6:2}", "20261122", "2026-11-22");
    goes_both_ways("{4:8}/{0:4}", "H45020261122", "20261122/H450");
    goes_both_ways("N{0:}", "1", "N1");
    goes_both_ways("{4:}-{0:4}", "ABCDefg", "efg-ABCD");
    goes_both_ways("{4:}-{0:4}", "ABCD", "-ABCD");
}

static void
test_refused(void **state)
{
    (void)state;
    refused_both_ways("GW{0:4}", "12345", "GW12345"); /* longer: a part would be lost */
    refused_both_ways("GW{0:4}", "123", "GW123");
    refused_both_ways("GW{0:4}", NULL, "DJ1234");
    refused_both_ways("GW{0:4}", "12\xE9\xA9\xAC", NULL); /* a character might be parted */
    refused_both_ways("{4:}-{0:4}", "ABC", "ABCD");
}

static void
test_empty_stays_empty(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load_form_rule("GW{0:4}", "");
    assert_string_equal(rig_in(mapping, "", &error), "{\"input\":{}}");
    assert_string_equal(rig_out(mapping, "{\"data\":{}}", &error), "");
    mapping_destroy(mapping);
}

static void
test_one_direction(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load_form_rule("GW??{0:4}", "dir = \"in\";");
    assert_non_null(mapping);
    assert_string_equal(rig_in(mapping, "GWxy1234", &error), "{\"input\":{\"data\":{\"f\":\"1234\"}}}");
    mapping_destroy(mapping);
    mapping = load_form_rule("{0:4}", "dir = \"out\";"); /* an extract */
    assert_non_null(mapping);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"f\":\"123456\"}}", &error), "1234");
    mapping_destroy(mapping);
    mapping = load_form_rule("{2:2}{2:2}", "dir = \"out\";");
    assert_non_null(mapping);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"f\":\"1234\"}}", &error), "3434");
    mapping_destroy(mapping);
}

static void
wrong(const char *form, const char *more, const char *expected)
{
    struct mapping *mapping = load_form_rule(form, more);
    if (mapping != NULL || strstr(rig_problems, expected) == NULL)
        fail_msg("%s: \"%s\" expected, got: %s", form, expected, rig_problems);
}

static void
test_found_when_read(void **state)
{
    (void)state;
    wrong("ABC", "", "expected pieces {OFFSET:LENGTH}");
    wrong("{0}", "", "expected pieces");
    wrong("{0:0}", "", "expected pieces");
    wrong("{0:2", "", "expected pieces");
    wrong("{-1:2}", "", "expected pieces");
    wrong("{0:}{0:}", "", "expected pieces");
    wrong("{0:2}}", "", "expected pieces");
    wrong("{0:2}{3:2}", "", "it can not be turned back");
    wrong("{0:2}{1:2}", "", "it can not be turned back");
    wrong("{1:2}", "", "it can not be turned back");
    wrong("{0:3}{2:}", "", "it can not be turned back");
    wrong("{0:2}?", "", "\"?\" can be read and not written");
    assert_null(rig_load_rules(FIELDS, "(\"F\", \"data.f\", { form = \"{0:2}\"; })", ""));
    assert_non_null(strstr(rig_problems, "go together"));
    assert_null(rig_load_rules(FIELDS, "(\"F\", \"data.f\", { convert = \"form\"; })", ""));
    assert_non_null(strstr(rig_problems, "go together"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty_stays_empty), cmocka_unit_test(test_one_direction),
        cmocka_unit_test(test_found_when_read),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
