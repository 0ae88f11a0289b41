/* Each source, option and field type of schema/mapping.md, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

#define TEXT20 "(\"F\", \"text\", 20), (\"G\", \"text\", 20)"
#define CODES                                                                                                \
    "codes = ( { name = \"strict\"; unknown = \"refuse\"; pairs = ( (\"1\", \"M\"), (\"2\", \"F\"), "        \
    "(\"0\", \"X\", "                                                                                        \
    "\"out\") ); }, { name = \"kept\"; unknown = \"keep\"; pairs = ( (\"1\", \"M\") ); }, { name = "         \
    "\"other\"; unknown "                                                                                    \
    "= \"other:Z\"; pairs = ( (\"1\", \"M\") ); } );"

static struct mapping *
load(const char *fields, const char *rules, const char *more)
{
    struct mapping *mapping = rig_load_rules(fields, rules, more);
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    return mapping;
}

static void
goes_in(const char *fields, const char *rules, const char *value, const char *expected)
{
    struct fep_error error;
    struct mapping *mapping = load(fields, rules, CODES);
    const char *body = rig_in(mapping, value, &error);
    if (body == NULL)
        fail_msg("%s", error.text);
    if (strcmp(body, expected) != 0)
        fail_msg("got %s, expected %s", body, expected);
    mapping_destroy(mapping);
}

static void
goes_out(const char *fields, const char *rules, const char *input, const char *expected)
{
    struct fep_error error;
    struct mapping *mapping = load(fields, rules, CODES);
    const char *value = rig_out(mapping, input, &error);
    if (value == NULL)
        fail_msg("%s", error.text);
    if (strcmp(value, expected) != 0)
        fail_msg("got \"%s\", expected \"%s\"", value, expected);
    mapping_destroy(mapping);
}

static void
refused_in(const char *fields, const char *rules, const char *value, unsigned code, const char *expected)
{
    struct fep_error error;
    struct mapping *mapping = load(fields, rules, CODES);
    if (rig_in(mapping, value, &error) != NULL)
        fail_msg("accepted, though expected: %s", expected);
    if (strstr(error.text, expected) == NULL || strstr(error.text, "map.cfg:9") == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(error.code, code);
    assert_int_equal(error.kind, FEP_REFUSED);
    mapping_destroy(mapping);
}

static void
refused_out(const char *fields, const char *rules, const char *input, const char *expected)
{
    struct fep_error error;
    struct mapping *mapping = load(fields, rules, CODES);
    if (rig_out(mapping, input, &error) != NULL)
        fail_msg("accepted, though expected: %s", expected);
    if (strstr(error.text, expected) == NULL || strstr(error.text, "map.cfg:9") == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(error.code, 1003);
    mapping_destroy(mapping);
}

static void
test_data_and_envelope(void **state)
{
    (void)state;
    goes_in(TEXT20, "(\"F\", \"data.a.b\")", "x", "{\"input\":{\"data\":{\"a\":{\"b\":\"x\"}}}}");
    goes_in(TEXT20, "(\"F\", \"envelope.opter\")", "x", "{\"opter\":\"x\",\"input\":{}}");
    goes_in(TEXT20, "(\"F\", \"data.a\")", "", "{\"input\":{}}");
    goes_out(TEXT20, "(\"F\", \"data.a.b\")", "{\"data\":{\"a\":{\"b\":\"x\"}}}", "x");
    goes_out(TEXT20, "(\"F\", \"envelope.opter\")", "{}", "000012");
    goes_out(TEXT20, "(\"F\", \"data.a\")", "{\"data\":{\"a\":null}}", "");
    goes_out(TEXT20, "(\"F\", \"data.a\")", "{\"data\":{\"a\":7}}", "7");
    refused_out(TEXT20, "(\"F\", \"data.a\")", "{\"data\":{\"a\":{}}}", "no plain value");
}

static void
test_arrays_are_forgiven(void **state)
{
    (void)state;
    goes_out(TEXT20, "(\"F\", \"data.a\")", "{\"data\":[{\"a\":\"1\"},{\"a\":\"2\"}]}", "1");
    goes_out(TEXT20, "(\"F\", \"l[k=b,a].v\")",
             "{\"l\":[{\"k\":\"a\",\"v\":\"1\"},{\"k\":\"b\",\"v\":\"2\"}]}", "2");
    goes_out(TEXT20, "(\"F\", \"l[k=x,a].v\")",
             "{\"l\":[{\"k\":\"b\",\"v\":\"2\"},{\"k\":\"a\",\"v\":\"1\"}]}", "1");
    goes_out(TEXT20, "(\"F\", \"l[k=x].v\")", "{\"l\":[{\"k\":\"b\",\"v\":\"2\"}]}", "2");
    goes_out(TEXT20, "(\"F\", \"l[k=x].v\")", "{\"l\":[]}", "");
    goes_out(TEXT20, "(\"F\", \"l[k=b].v\")", "{\"l\":{\"k\":\"b\",\"v\":\"2\"}}", "2");
}

static void
test_header(void **state)
{
    struct fep_error error;
    (void)state;
    goes_out(TEXT20, "(\"F\", \"header.infno\")", "{}", "2304");
    goes_out(TEXT20, "(\"F\", \"header.insured_area\")", "{}", "450900");
    goes_in(TEXT20, "(\"F\", \"header.treat_area\")", "450100", "{\"input\":{}}");
    refused_in(TEXT20, "(\"F\", \"header.treat_area\")", "4501", 1003, "area code");
    refused_in(TEXT20, "(\"F\", \"header.institution\")", "H450100000031", 1003, "longer than 12");
    struct mapping *mapping = load(TEXT20, "(\"F\", \"header.msgid\")", "");
    assert_string_equal(rig_in(mapping, "ignored", &error), "{\"input\":{}}"); /* made of pieces, never set */
    mapping_destroy(mapping);
}

static void
test_attempt_clock_constant_local(void **state)
{
    (void)state;
    goes_out(TEXT20, "(\"F\", \"attempt.serial20\")", "{}", "20261122000000000093");
    goes_out(TEXT20, "(\"F\", \"attempt.date\")", "{}", "20261122");
    goes_out(TEXT20, "(\"F\", \"attempt.number\")", "{}", "93");
    goes_out(TEXT20, "(\"F\", \"attempt.accounting_date\")", "{}", "20261121");
    goes_out(TEXT20, "(\"F\", \"clock.date\")", "{}", "20261122");
    goes_out(TEXT20, "(\"F\", \"clock.time\")", "{}", "101503");
    goes_out(TEXT20, "(\"F\", \"clock.datetime\")", "{}", "20261122101503");
    goes_in(TEXT20, "(\"F\", \"clock.date\")", "19990101", "{\"input\":{}}");
    goes_out(TEXT20, "(\"F\", \"=Y\")", "{}", "Y");
    goes_in(TEXT20, "(\"F\", \"=Y\")", "N", "{\"input\":{}}");
    goes_in(TEXT20, "(\"F\", \"=Y\", { check = true; })", " Y", "{\"input\":{}}");
    refused_in(TEXT20, "(\"F\", \"=Y\", { check = true; })", "N", 1003, "expected \"Y\"");
    goes_out(TEXT20, "(\"G\", \"data.a\"), (\"F\", \"local.G\")", "{\"data\":{\"a\":\"x\"}}", "x");
}

static void
test_rules_without_field(void **state)
{
    (void)state;
    goes_in(TEXT20, "(\"-\", \"data.k\", \"=9\"), (\"F\", \"data.a\"), (\"-\", \"data.b\", \"local.F\")", "x",
            "{\"input\":{\"data\":{\"k\":\"9\",\"a\":\"x\",\"b\":\"x\"}}}");
    goes_out(TEXT20, "(\"-\", \"data.k\", \"=9\")", "{}", "");
}

static void
test_codes(void **state)
{
    (void)state;
    goes_in(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "m ",
            "{\"input\":{\"data\":{\"s\":\"1\"}}}");
    goes_out(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "{\"data\":{\"s\":\"2\"}}", "F");
    goes_out(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "{\"data\":{\"s\":0}}", "X");
    refused_in(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "X", 1003,
               "\"X\" is not in the code list strict");
    refused_in(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "450900199001011234", 1003,
               "a value of 18 bytes is not in the code list strict");
    refused_out(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "{\"data\":{\"s\":\"01\"}}",
                "\"01\"");
    goes_in(TEXT20, "(\"F\", \"data.s\", { codes = \"kept\"; })", "Q",
            "{\"input\":{\"data\":{\"s\":\"Q\"}}}");
    goes_out(TEXT20, "(\"F\", \"data.s\", { codes = \"kept\"; })", "{\"data\":{\"s\":\"Q\"}}", "Q");
    goes_in(TEXT20, "(\"F\", \"data.s\", { codes = \"other\"; })", "Q",
            "{\"input\":{\"data\":{\"s\":\"Q\"}}}");
    goes_out(TEXT20, "(\"F\", \"data.s\", { codes = \"other\"; })", "{\"data\":{\"s\":\"Q\"}}", "Z");
    goes_in(TEXT20, "(\"F\", \"data.s\", { codes = \"strict\"; })", "", "{\"input\":{}}");
}

static void
test_dates(void **state)
{
    static const char day[] = "(\"F\", \"data.d\", { convert = \"date\"; })";
    static const char time[] = "(\"F\", \"data.d\", { convert = \"datetime\"; })";
    (void)state;
    goes_in(TEXT20, day, "20261122", "{\"input\":{\"data\":{\"d\":\"2026-11-22\"}}}");
    goes_in(TEXT20, day, "20261122101502", "{\"input\":{\"data\":{\"d\":\"2026-11-22\"}}}");
    goes_in(TEXT20, day, "00000000", "{\"input\":{}}");
    goes_in(TEXT20, time, "20261122101502", "{\"input\":{\"data\":{\"d\":\"2026-11-22 10:15:02\"}}}");
    goes_in(TEXT20, time, "20261122", "{\"input\":{\"data\":{\"d\":\"2026-11-22 00:00:00\"}}}");
    refused_in(TEXT20, day, "20260230", 1003, "no such day");
    refused_in(TEXT20, day, "2026112", 1003, "8 digits");
    refused_in(TEXT20, time, "20261122246060", 1003, "no such day or time");
    goes_out(TEXT20, day, "{\"data\":{\"d\":\"2026-11-22\"}}", "20261122");
    goes_out(TEXT20, day, "{\"data\":{\"d\":\"2026-11-22 00:00:00\"}}", "20261122");
    goes_out(TEXT20, time, "{\"data\":{\"d\":\"2026-11-22 10:15:02\"}}", "20261122101502");
    goes_out(TEXT20, time, "{\"data\":{\"d\":\"2026-11-22\"}}", "20261122000000");
    goes_out(TEXT20, time, "{\"data\":{}}", "");
    refused_out(TEXT20, day, "{\"data\":{\"d\":\"22.11.2026\"}}", "not a day");
    refused_out(TEXT20, day, "{\"data\":{\"d\":\"2026-13-01\"}}", "not a day");
}

static void
test_default_and_required(void **state)
{
    (void)state;
    goes_in(TEXT20, "(\"F\", \"data.a\", { default = \"0\"; })", "", "{\"input\":{\"data\":{\"a\":\"0\"}}}");
    /* The default is the canonical value in both directions. */
    goes_in(TEXT20, "(\"F\", \"data.a\", { codes = \"strict\"; default = \"1\"; })", "",
            "{\"input\":{\"data\":{\"a\":\"1\"}}}");
    goes_out(TEXT20, "(\"F\", \"data.a\", { codes = \"strict\"; default = \"1\"; })", "{}", "M");
    refused_in(TEXT20, "(\"F\", \"data.a\", { required = true; })", "  ", 1003,
               "field F (map.cfg:9): missing");
    refused_out(TEXT20, "(\"F\", \"data.a\", { required = true; })", "{}", "missing");
    goes_out(TEXT20, "(\"F\", \"data.a\", { required = true; default = \"x\"; })", "{}", "x");
}

static void
test_number_and_cut(void **state)
{
    (void)state;
    goes_in("(\"F\", \"digits\", 4)", "(\"F\", \"data.n\", { number = true; })", "0003",
            "{\"input\":{\"data\":{\"n\":3}}}");
    goes_in("(\"F\", \"digits\", 4)", "(\"F\", \"data.n\")", "0003",
            "{\"input\":{\"data\":{\"n\":\"0003\"}}}");
    goes_out("(\"F\", \"digits\", 4)", "(\"F\", \"data.n\", { number = true; })", "{\"data\":{\"n\":3}}",
             "3");
    refused_in(TEXT20, "(\"F\", \"data.n\", { number = true; })", "3x", 1003, "not a number");
    goes_out("(\"F\", \"text\", 5)", "(\"F\", \"data.t\", { cut = true; })", "{\"data\":{\"t\":\"中文字\"}}",
             "中文");
    refused_out("(\"F\", \"text\", 5)", "(\"F\", \"data.t\")", "{\"data\":{\"t\":\"中文字\"}}",
                "longer than 5 bytes");
    goes_out("(\"F\", \"text\", 6)", "(\"F\", \"data.t\")", "{\"data\":{\"t\":\"中文字\"}}", "中文字");
    goes_out("(\"F\", \"text\", 0)", "(\"F\", \"data.t\")", "{\"data\":{\"t\":\"中文字\"}}", "中文字");
}

static void
test_direction_and_when(void **state)
{
    (void)state;
    goes_in(TEXT20, "(\"F\", \"data.a\", { dir = \"out\"; })", "x", "{\"input\":{}}");
    goes_out(TEXT20, "(\"F\", \"data.a\", { dir = \"in\"; })", "{\"data\":{\"a\":\"x\"}}", "");
    goes_out(TEXT20,
             "(\"F\", \"data.a\", { when = (\"data.k\", \"1\"); }), (\"F\", \"data.b\", { when = ( "
             "(\"data.k\", \"2\", "
             "\"3\") ); })",
             "{\"data\":{\"k\":3,\"a\":\"A\",\"b\":\"B\"}}", "B");
    goes_in(TEXT20, "(\"F\", \"data.a\", { when = (\"local.F\", \"x\"); })", "x",
            "{\"input\":{\"data\":{\"a\":\"x\"}}}");
    goes_in(TEXT20, "(\"F\", \"data.a\", { when = (\"local.F\", \"y\"); })", "x", "{\"input\":{}}");
}

static void
test_types(void **state)
{
    static const char rule[] = "(\"F\", \"data.a\")";
    (void)state;
    goes_in("(\"F\", \"decimal\", 13, 2)", rule, "-12.3", "{\"input\":{\"data\":{\"a\":-12.30}}}");
    goes_in("(\"F\", \"decimal\", 13, 4)", rule, "2.5", "{\"input\":{\"data\":{\"a\":2.5000}}}");
    goes_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":-12.3}}", "-12.30");
    goes_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":\"5000.00\"}}", "5000.00");
    goes_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":\"\"}}", "");
    goes_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":9999999999.99}}", "9999999999.99");
    refused_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":10000000000.00}}",
                "too large for 13 positions");
    refused_out("(\"F\", \"decimal\", 13, 2)", rule, "{\"data\":{\"a\":1.005}}", "at most 2 decimals");
    refused_in("(\"F\", \"decimal\", 13, 2)", rule, "1.005", 1003, "at most 2 decimals");
    refused_in("(\"F\", \"decimal\", 13, 2)", rule, "12,50", 1003, "not an amount");
    goes_in("(\"F\", \"ratio\", 5, 4)", rule, "0.1", "{\"input\":{\"data\":{\"a\":0.1000}}}");
    refused_in("(\"F\", \"ratio\", 5, 4)", rule, "-0.1", 1003, "not a ratio");
    refused_out("(\"F\", \"ratio\", 5, 4)", rule, "{\"data\":{\"a\":10}}", "too large");
    refused_in("(\"F\", \"digits\", 4)", rule, "12a", 1003, "digits only");
    refused_in("(\"F\", \"digits\", 4)", rule, "12345", 1003, "longer than 4");
    refused_out("(\"F\", \"digits\", 4)", rule, "{\"data\":{\"a\":\"1.5\"}}", "digits only");
    refused_in("(\"F\", \"code\", 4)", rule, "ABCDE", 1003, "longer than 4");
    refused_out("(\"F\", \"code\", 4)", rule, "{\"data\":{\"a\":\"ABCDE\"}}", "longer than 4");
}

static void
test_required_by_the_layout(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load("(\"F\", \"text\", 20), (\"G\", \"text\", 20, \"required\")",
                                   "(\"F\", \"data.a\"), (\"G\", \"data.b\")", "");
    assert_null(rig_in(mapping, "x", &error));
    assert_string_equal(error.text, "message: field G of T1-Q is missing");
    assert_null(rig_out(mapping, "{\"data\":{\"a\":\"x\"}}", &error));
    mapping_destroy(mapping);
}

static void
test_catalogue(void **state)
{
    static const char rule[] = "(\"F\", \"data.c\", { convert = \"catalogue\"; })";
    struct fep_error error;
    (void)state;
    rig_write_crosswalk("local_code,national_code,name,level,valid_from,valid_to\n"
                        "L1,N1,\"a, \"\"b\"\"\",01,20200101,\n"
                        "OLD,N2,x,01,20100101,20191231\n"
                        "NEW,N2,x,01,20200101,\n");
    struct mapping *mapping = load(TEXT20, rule, "crosswalk = \"crosswalk.csv\";");
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N1\"}}}");
    assert_string_equal(rig_in(mapping, "L", &error), "{\"input\":{}}");
    assert_string_equal(rig_in(mapping, "OLD", &error), "{\"input\":{\"data\":{\"c\":\"N2\"}}}");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N1\"}}", &error), "L1");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N2\"}}", &error), "NEW");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N9\"}}", &error), "");
    mapping_destroy(mapping);
}

static struct {
    char lines[4096];
} traced;

static void
keep_trace(void *arg, const char *line)
{
    (void)arg;
    strncat(traced.lines, line, sizeof traced.lines - strlen(traced.lines) - 2);
    strcat(traced.lines, "\n");
}

static void
test_trace_masks_personal_fields(void **state)
{
    (void)state;
    struct mapping *mapping = load("(\"F\", \"text\", 20, \"personal\"), (\"G\", \"text\", 20)",
                                   "(\"F\", \"data.a\"), (\"G\", \"data.b\")", "");
    struct mapping_context context = {.trace = keep_trace};
    struct mapping_request request;
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set(body, "F", "secret");
    rig_set(body, "G", "open");
    assert_int_equal(mapping_request_in(mapping, "T1", head, body, &context, &request, NULL), 0);
    slice_release(&request.body);
    assert_null(strstr(traced.lines, "secret"));
    assert_non_null(strstr(traced.lines, "F (6 bytes, personal) -> data.a (6 bytes, personal)  map.cfg:9"));
    assert_non_null(strstr(traced.lines, "G \"open\" -> data.b \"open\""));
    context.show = true;
    assert_int_equal(mapping_request_in(mapping, "T1", head, body, &context, &request, NULL), 0);
    slice_release(&request.body);
    assert_non_null(strstr(traced.lines, "secret"));
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_and_envelope),
        cmocka_unit_test(test_arrays_are_forgiven),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_attempt_clock_constant_local),
        cmocka_unit_test(test_rules_without_field),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_default_and_required),
        cmocka_unit_test(test_number_and_cut),
        cmocka_unit_test(test_direction_and_when),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_required_by_the_layout),
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_trace_masks_personal_fields),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
