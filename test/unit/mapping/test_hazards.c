/* What goes wrong with local systems' data, one test for each trouble of the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"
#include "order_key.h"

static struct mapping *
load(const char *fields, const char *rules)
{
    struct mapping *mapping = rig_load_rules(fields, rules, "");
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    return mapping;
}

static void
becomes(const char *fields, const char *rule, const char *value, const char *expected)
{
    struct fep_error error;
    char body[512];
    struct mapping *mapping = load(fields, rule);
    const char *got = rig_in(mapping, value, &error);
    if (got == NULL)
        fail_msg("%s", error.text);
    snprintf(body, sizeof body, "{\"input\":{\"data\":{\"a\":%s}}}", expected);
    if (strcmp(got, body) != 0)
        fail_msg("got %s, expected %s", got, body);
    mapping_destroy(mapping);
}

static void
refused(const char *fields, const char *rule, const char *value, size_t size, unsigned code)
{
    struct mapping *mapping = load(fields, rule);
    struct mapping_context context = {.clock_date = 20261122};
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set_bytes(body, "F", value, size);
    assert_true(mapping_request_in(mapping, "T1", head, body, &context, &request, &error) < 0);
    assert_int_equal(error.code, code);
    assert_int_equal(error.kind, FEP_REFUSED);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

#define TEXT "(\"F\", \"text\", 50, \"personal\")"
#define CODE "(\"F\", \"code\", 20)"
#define RULE "(\"F\", \"data.a\")"
#define NAME "(\"F\", \"data.a\", { convert = \"name\"; })"

static void
test_hazard_1_illegal_bytes(void **state)
{
    (void)state;
    /* A doctor's broken name does not stop the message; a broken code does. */
    becomes(TEXT, RULE, "陈\xEF\xBF\xBD", "\"陈\xEF\xBF\xBD\"");
    refused(CODE, RULE, "A\xEF\xBF\xBD", 4, 1001);
    refused("(\"F\", \"decimal\", 13, 2)", RULE, "1\xEF\xBF\xBD.00", 7, 1001);
    refused(TEXT, RULE, "a\xFFz", 3, 1001); /* bytes that no decoder has seen */
}

static void
test_hazard_1_replacement_never_goes_back(void **state)
{
    unsigned char wire[16];
    (void)state;
    struct mapping *mapping = load(TEXT, RULE);
    assert_int_equal(mapping_encode_text(mapping, "陈\xEF\xBF\xBD", 6, wire, sizeof wire, NULL), 4);
    assert_memory_equal(wire, "\xB3\xC2\xA1\xFE", 4);
    mapping_destroy(mapping);
}

static void
test_hazard_2_code_pages(void **state)
{
    unsigned char wire[16];
    char text[16];
    (void)state;
    struct mapping *mapping = load(TEXT, RULE);
    assert_int_equal(mapping_encode_text(mapping, "䶮", 3, wire, sizeof wire, NULL), 2);
    assert_memory_equal(wire, "\xA1\xFE", 2);
    assert_int_equal(mapping_encode_text(mapping, "•・", 6, wire, sizeof wire, NULL), 4);
    assert_memory_equal(wire, "\xA1\xFE\xA1\xFE", 4);
    assert_true(
        mapping_decode_text(mapping, (const unsigned char *)"\x80", 1, false, text, sizeof text, NULL) < 0);
    mapping_destroy(mapping);
}

static void
test_hazard_3_separators_inside_characters(void **state)
{
    char text[16];
    (void)state;
    struct mapping *mapping = load(TEXT, RULE);
    assert_int_equal(mapping_decode_text(mapping, (const unsigned char *)"\xC2\xDE\xAB\x5E", 4, false, text,
                                         sizeof text, NULL),
                     6);
    assert_memory_equal(text, "罗玘", 6);
    mapping_destroy(mapping);
}

static void
test_hazard_4_dots_and_blanks_in_names(void **state)
{
    static const char *const written[] = {"艾力·买买提", "艾力•买买提",   "艾力・买买提",   "艾力．买买提",
                                          "艾力.买买提", "艾力 · 买买提", "艾 力　·买买提", " 艾力·买买提　"};
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        becomes(TEXT, NAME, written[i], "\"艾力·买买提\"");
    becomes(TEXT, NAME, "JOHN SMITH", "\"JOHN SMITH\"");
    becomes(TEXT, NAME, "张１", "\"张１\"");   /* full-width digits stay in a name */
    becomes(TEXT, NAME, "陈?〓", "\"陈?〓\""); /* wild cards are not corrected */
}

static void
test_hazard_5_full_width(void **state)
{
    (void)state;
    becomes(CODE, RULE, "４５０９００ＡＢ", "\"450900AB\"");
    becomes(CODE, RULE, "　H45　", "\"H45\"");
    becomes("(\"F\", \"decimal\", 13, 2)", RULE, "１２．３０", "12.30");
    becomes("(\"F\", \"digits\", 14)", "(\"F\", \"data.a\", { convert = \"date\"; })", "２０２６１１２２",
            "\"2026-11-22\"");
    becomes(TEXT, RULE, "楼１号", "\"楼１号\"");
}

static void
test_hazard_6_certificates_of_15_digits(void **state)
{
    static const char cert[] = "(\"F\", \"data.a\", { convert = \"cert18\"; })";
    (void)state;
    becomes(CODE, cert, "450900900101123", "\"450900199001011232\"");
    becomes(CODE, cert, "11010519491231002x", "\"11010519491231002X\"");
    becomes(CODE, cert, "110105491231002", "\"11010519491231002X\"");
    becomes(CODE, cert, "11010519491231002X", "\"11010519491231002X\"");
    becomes(CODE, cert, "H0123456", "\"H0123456\"");
}

static void
test_hazard_7_blanks_and_nuls(void **state)
{
    static const char padded[] = " A1 \0\0";
    struct fep_error error;
    (void)state;
    struct mapping *mapping = load(CODE, RULE);
    struct mapping_context context = {0};
    struct mapping_request request;
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set_bytes(body, "F", padded, sizeof padded - 1);
    assert_int_equal(mapping_request_in(mapping, "T1", head, body, &context, &request, &error), 0);
    assert_true(rig_holds(request.body, "\"a\":\"A1\""));
    slice_release(&request.body);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
    refused(CODE, RULE, "A\0B", 3, 1001);
    refused(TEXT, RULE, "A\0B", 3, 1001);
}

/* One answer amount against a request amount. */
static const char *
check_amounts(const char *answered, const char *asked)
{
    static char text[256];
    static const char file[] =
        "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; region = \"450100\";\n"
        "errors = ( (\"0\", \"N\", 1) ); errors_default = ( (\"N\", \"-1\"), (\"R\", \"-2\"), (\"U\", "
        "\"-3\") );\n"
        "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20) ); },\n"
        "{ name = \"T1-Q\"; fields = ( (\"F\", \"text\", 20) ); },\n"
        "{ name = \"T1-R\"; fields = ( (\"T\", \"decimal\", 0, 2) ); } );\n"
        "transactions = ( { infno = \"2304\"; local = \"T1\"; answer = ( (\"T\", \"setlinfo.total\") );\n"
        "checks = ( \"setlinfo.total = request.data.total\" ); index = (\"total\", \"setlinfo.total\"); } "
        ");\n";
    struct mapping *mapping = rig_load_text(file);
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    char request[128];
    struct message_header header = {.infno = "2304"};
    struct mapping_context context = {0};
    struct fep_index index = {0};
    struct fep_result result = {.size = sizeof result};
    struct fep_error error = {0};
    struct slice answer;
    struct fep_record *record = rig_record(mapping, "T1-R");
    rig_set(record, "T", answered);
    snprintf(request, sizeof request, "{\"input\":{\"data\":{\"total\":%s}}}", asked);
    assert_int_equal(mapping_answer_in(mapping, &header, rig_slice(request), record, &context, &answer,
                                       &index, &result, &error),
                     0);
    assert_true((result.reason == FEP_REASON_INCONSISTENT) == (result.text[0] != '\0'));
    snprintf(text, sizeof text, "%s", result.text);
    slice_release(&answer);
    record_destroy(record);
    mapping_destroy(mapping);
    return text;
}

static void
test_hazard_8_amounts(void **state)
{
    (void)state;
    assert_string_equal(check_amounts("125.55", "125.55"), "");
    assert_string_equal(check_amounts("125.50", "125.5"), "");
    assert_non_null(strstr(check_amounts("125.55", "125.56"), "differs"));
    assert_non_null(strstr(check_amounts("12555.00", "125.55"), "factor 100"));
    assert_non_null(strstr(check_amounts("1.25", "125.00"), "factor 100"));
    assert_non_null(strstr(check_amounts("1.25", "\"abc\""), "can not be read"));
}

static void
test_hazard_30_same_number_in_two_regions(void **state)
{
    static const uint8_t key[32] = {9}, other[32] = {8}, nothing[16];
    uint8_t nanning[16], yulin[16], again[16], other_key[16], none[16];
    (void)state;
    assert_int_equal(order_key_compute(key, 32, "450100", "P1", 2, nanning), 0);
    assert_int_equal(order_key_compute(key, 32, "450900", "P1", 2, yulin), 0);
    assert_int_equal(order_key_compute(key, 32, "450100", "P1", 2, again), 0);
    assert_int_equal(order_key_compute(other, 32, "450100", "P1", 2, other_key), 0);
    assert_int_equal(order_key_compute(key, 32, "450100", "", 0, none), 0);
    assert_memory_equal(nanning, again, 16);
    assert_memory_not_equal(nanning, yulin, 16);
    assert_memory_not_equal(nanning, other_key, 16);
    assert_memory_equal(none, nothing, 16);
}

static int
clean(void **state)
{
    (void)state;
    rig_clean();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hazard_1_illegal_bytes),
        cmocka_unit_test(test_hazard_1_replacement_never_goes_back),
        cmocka_unit_test(test_hazard_2_code_pages),
        cmocka_unit_test(test_hazard_3_separators_inside_characters),
        cmocka_unit_test(test_hazard_4_dots_and_blanks_in_names),
        cmocka_unit_test(test_hazard_5_full_width),
        cmocka_unit_test(test_hazard_6_certificates_of_15_digits),
        cmocka_unit_test(test_hazard_7_blanks_and_nuls),
        cmocka_unit_test(test_hazard_8_amounts),
        cmocka_unit_test(test_hazard_30_same_number_in_two_regions),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
