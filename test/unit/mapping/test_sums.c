/* Aggregates over fee lines, as rule R4's regions need them: by level for drugs and procedures, by price
 * bracket for materials, only for the destinations that want them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

/* Item kind 1 drug, 2 procedure; a material is fee category 08. */
#define AMOUNTS "feedetail.det_item_fee_sumamt where "
#define WANTED  "when = (\"header.insured_area\", \"450900\", \"450500\");"
#define RULES                                                                                                \
    "(\"DRUG-A\", \"sum(" AMOUNTS "item_kind=1 and chrgitm_lv=01)\", { " WANTED " }),"                       \
    "(\"DRUG-B\", \"sum(" AMOUNTS "item_kind=1 and chrgitm_lv=02)\", { " WANTED " }),"                       \
    "(\"PROC-A\", \"sum(" AMOUNTS "item_kind=2 and med_chrgitm_type!=08 and chrgitm_lv=01)\", { " WANTED     \
    " }),"                                                                                                   \
    "(\"PROC-B\", \"sum(" AMOUNTS "item_kind=2 and med_chrgitm_type!=08 and chrgitm_lv=02)\", { " WANTED     \
    " }),"                                                                                                   \
    "(\"MAT-1\", \"sum(" AMOUNTS "med_chrgitm_type=08 and pric<200)\", { " WANTED " }),"                     \
    "(\"MAT-2\", \"sum(" AMOUNTS "med_chrgitm_type=08 and pric>=200 and pric<1000.5)\", { " WANTED " }),"    \
    "(\"MAT-3\", \"sum(" AMOUNTS "med_chrgitm_type=08 and pric>=1000.5)\", { " WANTED " }),"                 \
    "(\"LINES\", \"count(feedetail)\"), (\"AB\", \"count(feedetail where chrgitm_lv=01,02)\"),"              \
    "(\"QTY\", \"sum(feedetail.cnt)\"), (\"N\", \"sum(feedetail.n)\")"

static const char text[] =
    "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; region = \"450100\";\n"
    "errors = ( (\"0\", \"N\", 1) ); errors_default = ( (\"N\", \"1\"), (\"R\", \"2\"), (\"U\", \"3\") );\n"
    "msgid = ( (\"M\", 0, 4) );\n"
    "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 4), (\"A\", \"code\", 6) ); },\n"
    " { name = \"T1-Q\"; fields = ( (\"DRUG-A\", \"decimal\", 13, 2), (\"DRUG-B\", \"decimal\", 13, 2),\n"
    "   (\"PROC-A\", \"decimal\", 13, 2), (\"PROC-B\", \"decimal\", 13, 2), (\"MAT-1\", \"decimal\", 13, "
    "2),\n"
    "   (\"MAT-2\", \"decimal\", 13, 2), (\"MAT-3\", \"decimal\", 13, 2), (\"LINES\", \"digits\", 4),\n"
    "   (\"AB\", \"digits\", 4), (\"N\", \"digits\", 4), (\"QTY\", \"decimal\", 13, 4) );\n"
    "   group = { name = \"L\"; max = 500; fields = ( (\"KIND\", \"code\", 1), (\"LEVEL\", \"code\", 2),\n"
    "     (\"AMT\", \"decimal\", 13, 2) ); }; },\n"
    " { name = \"T1-R\"; fields = ( (\"SUM\", \"decimal\", 13, 2), (\"ASKED\", \"decimal\", 13, 2) );\n"
    "   group = { name = \"L\"; max = 500; fields = ( (\"AMT\", \"decimal\", 13, 2) ); }; } );\n"
    "head = { request = ( (\"A\", \"header.insured_area\"), (\"M\", \"attempt.number\", { dir = \"out\"; }) "
    "); };\n"
    "transactions = ( { infno = \"2301\"; local = \"T1\"; request = ( " RULES ",\n"
    "  (\"-\", \"data.a_drug\", \"sum(" AMOUNTS "item_kind=1 and chrgitm_lv=01)\"),\n"
    "  (\"-\", \"data.lines\", \"count(feedetail)\", { when = (\"header.insured_area\", \"450900\"); }) );\n"
    "  request_group = { path = \"feedetail\"; rules = ( (\"KIND\", \"item_kind\"), (\"LEVEL\", "
    "\"chrgitm_lv\"),\n"
    "    (\"AMT\", \"det_item_fee_sumamt\") ); };\n"
    "  answer = ( (\"SUM\", \"sum(result.amt)\"), (\"ASKED\", "
    "\"sum(request.feedetail.det_item_fee_sumamt)\"),\n"
    "    (\"-\", \"data.all\", \"sum(result.amt)\"), (\"-\", \"data.some\", \"=1\"),\n"
    "    (\"-\", \"data.some\", \"=0\", { when = (\"count(result where amt<0)\", \"0\"); }) );\n"
    "  answer_group = { path = \"result\"; rules = ( (\"AMT\", \"amt\") ); }; } );\n";

#define LINE(kind, category, level, price, quantity, amount)                                                 \
    "{\"item_kind\":\"" kind "\",\"med_chrgitm_type\":\"" category "\",\"chrgitm_lv\":\"" level              \
    "\",\"pric\":" price ",\"cnt\":" quantity ",\"det_item_fee_sumamt\":" amount "}"
static const char lines[] =
    "{\"input\":{\"feedetail\":[" LINE("1", "09", "01", "10.0000", "2", "20.00") "," LINE("1", "11", "02", "0.3333", "3", "1.00") "," LINE(
        "1", "09", "02",
        "1.1", "-1.5",
        "-1.65") "," LINE("2", "03", "01", "50", "1",
                          "50.00") "," LINE("2", "05", "02", "0.05", "1",
                                            "0.05") "," LINE("2", "08", "01", "199.9999", "1",
                                                             "200.00") "," LINE("2", "08", "02", "200", "1",
                                                                                "200.00") "," LINE("2", "08",
                                                                                                   "02",
                                                                                                   "1000."
                                                                                                   "4999",
                                                                                                   "2",
                                                                                                   "2001.00") "," LINE("2",
                                                                                                                       "08",
                                                                                                                       "03",
                                                                                                                       "1000.5000",
                                                                                                                       "1",
                                                                                                                       "1000.50") "]}}";

static struct mapping *
load(void)
{
    struct mapping *mapping = rig_load_text(text);
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    return mapping;
}

static struct fep_record *
ask(const struct mapping *mapping, const char *body, const char *insured_area, struct fep_error *error)
{
    struct message_header header = {.infno = "2301", .treat_area = "450100"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 7, .serial_date = 20261122};
    struct mapping_context context = {.clock_date = 20261122, .attempt = &attempt};
    struct fep_record *head, *record;
    snprintf(header.insured_area, sizeof header.insured_area, "%s", insured_area);
    *error = (struct fep_error){0};
    if (mapping_request_out(mapping, &header, NULL, rig_slice(body), FEP_OP_SUBMIT, &context, &head, &record,
                            error) == NULL)
        return NULL;
    record_destroy(head);
    return record;
}

static void
test_levels_and_price_brackets(void **state)
{
    static const char *const expected[][2] = {{"DRUG-A", "20.00"},  {"DRUG-B", "-0.65"}, {"PROC-A", "50.00"},
                                              {"PROC-B", "0.05"},   {"MAT-1", "200.00"}, {"MAT-2", "2201.00"},
                                              {"MAT-3", "1000.50"}, {"LINES", "9"},      {"AB", "8"},
                                              {"QTY", "10.5000"}};
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *record = ask(mapping, lines, "450900", &error);
    if (record == NULL)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_string_equal(rig_get(record, expected[i][0]), expected[i][1]);
    record_destroy(record);
    mapping_destroy(mapping);
}

/* A sum of counts has no decimals. */
static void
test_counts_are_whole(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *record =
        ask(mapping, "{\"input\":{\"feedetail\":[{\"n\":3},{\"n\":\"4\"},{}]}}", "450900", &error);
    assert_non_null(record);
    assert_string_equal(rig_get(record, "N"), "7");
    record_destroy(record);
    assert_null(ask(mapping, "{\"input\":{\"feedetail\":[{\"n\":3.5}]}}", "450900", &error));
    assert_non_null(strstr(error.text, "digits only"));
    mapping_destroy(mapping);
}

static void
test_only_for_destinations_that_want_them(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *record = ask(mapping, lines, "450300", &error);
    assert_non_null(record);
    assert_string_equal(rig_get(record, "DRUG-A"), "");
    assert_string_equal(rig_get(record, "MAT-3"), "");
    assert_string_equal(rig_get(record, "LINES"), "9");
    record_destroy(record);
    mapping_destroy(mapping);
}

static void
test_no_lines_give_zero(void **state)
{
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *record = ask(mapping, "{\"input\":{}}", "450900", &error);
    assert_non_null(record);
    assert_string_equal(rig_get(record, "DRUG-A"), "0.00");
    assert_string_equal(rig_get(record, "LINES"), "0");
    record_destroy(record);
    mapping_destroy(mapping);
}

static void
refused(const struct mapping *mapping, const char *line, const char *expected)
{
    char body[512];
    struct fep_error error;
    snprintf(body, sizeof body, "{\"input\":{\"feedetail\":[{\"det_item_fee_sumamt\":1.00},%s]}}", line);
    assert_null(ask(mapping, body, "450900", &error));
    if (strstr(error.text, expected) == NULL)
        fail_msg("\"%s\" expected, got: %s", expected, error.text);
}

static void
test_nothing_is_left_out_silently(void **state)
{
    (void)state;
    struct mapping *mapping = load();
    refused(mapping, "{\"item_kind\":1,\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":\"abc\"}",
            "det_item_fee_sumamt of line 2 is no amount that can be added");
    refused(mapping, "{\"item_kind\":1,\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":1.00005}", "of line 2");
    refused(mapping, "{\"item_kind\":1,\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":1.005}",
            "not an amount with at most 2 decimals");
    refused(mapping, "{\"item_kind\":1,\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":999999999999999999}",
            "of line 2");
    mapping_destroy(mapping);
}

static void
test_sums_of_what_came_in(void **state)
{
    struct fep_error error = {0};
    struct mapping_request request;
    struct mapping_context context = {.clock_date = 20261122};
    struct fep_result result = {.size = sizeof result};
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q"), *answer;
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    for (size_t i = 0; i < 3; i++) {
        rig_set_row(body, i, "KIND", i < 2 ? "1" : "2");
        rig_set_row(body, i, "LEVEL", "01");
        rig_set_row(body, i, "AMT", "0.10");
    }
    if (mapping_request_in(mapping, "T1", head, body, &context, &request, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(rig_holds(request.body, "\"a_drug\":0.20,\"lines\":3}"));
    const char *own = "{\"infcode\":0,\"output\":{\"result\":[{\"amt\":0.15},{\"amt\":0.15}]}}";
    assert_int_equal(
        mapping_answer_out(mapping, &request, rig_slice(own), &result, &context, &answer, &error), 0);
    assert_string_equal(rig_get(answer, "SUM"), "0.30");
    assert_string_equal(rig_get(answer, "ASKED"), "0.30");
    record_destroy(answer);
    slice_release(&request.body);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

static void
test_sums_of_an_answer_that_came_in(void **state)
{
    struct fep_error error = {0};
    struct message_header header = {.infno = "2301"};
    struct mapping_context context = {.clock_date = 20261122};
    struct fep_index index = {.size = sizeof index};
    struct fep_result result = {.size = sizeof result};
    struct slice answer;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *record = rig_record(mapping, "T1-R");
    rig_set_row(record, 0, "AMT", "1.10");
    rig_set_row(record, 1, "AMT", "-0.20");
    assert_int_equal(mapping_answer_in(mapping, &header, rig_slice("{}"), record, &context, &answer, &index,
                                       &result, &error),
                     0);
    assert_true(rig_holds(answer, "\"data\":{\"some\":\"1\",\"all\":0.90}"));
    slice_release(&answer);
    record_destroy(record);
    mapping_destroy(mapping);
}

static void
wrong(const char *source, const char *expected)
{
    char rule[512];
    snprintf(rule, sizeof rule, "(\"F\", \"%s\")", source);
    assert_null(rig_load_rules("(\"F\", \"decimal\", 13, 2)", rule, ""));
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("%s: \"%s\" expected, got: %s", source, expected, rig_problems);
}

static void
test_found_when_read(void **state)
{
    (void)state;
    wrong("sum()", "expected sum(PATH.MEMBER");
    wrong("sum(feedetail)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where c)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where c=)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where c>=x)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where c>=1.00001)", "expected sum(PATH.MEMBER");
    wrong("sum(a.b where c=1 or d=2)", "expected sum(PATH.MEMBER");
    wrong("sum(a..b)", "path \"a..b\"");
    assert_null(
        rig_load_rules("(\"F\", \"decimal\", 13, 2)", "(\"F\", \"sum(a.b)\", { dir = \"in\"; })", ""));
    assert_non_null(strstr(rig_problems, "can not work in that direction"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_and_price_brackets),
        cmocka_unit_test(test_counts_are_whole),
        cmocka_unit_test(test_only_for_destinations_that_want_them),
        cmocka_unit_test(test_no_lines_give_zero),
        cmocka_unit_test(test_nothing_is_left_out_silently),
        cmocka_unit_test(test_sums_of_what_came_in),
        cmocka_unit_test(test_sums_of_an_answer_that_came_in),
        cmocka_unit_test(test_found_when_read),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
