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

/* The three treatments of a character that the charset can not hold, at the field it stands in: never "?". */
static void
test_hazard_2_what_can_not_be_written(void **state)
{
    static const char *const policies[] = {"geta", "reference", "refuse"};
    static const char *const wire[] = {"\xA1\xFE\xD0\xA1", "&#x4DAE;\xD0\xA1", NULL};
    char changed[32768];
    struct fep_error error;
    unsigned char out[32];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *whole = rig_rules_text(TEXT ", (\"G\", \"text\", 50)", RULE ", (\"G\", \"data.b\")", ""),
                   *at = strstr(whole, "geta");
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - whole), whole, policies[i], at + 4);
        struct mapping *mapping = rig_load_text(changed);
        assert_non_null(mapping);
        const char *value = rig_out(mapping, "{\"data\":{\"a\":\"䶮小\",\"b\":\"x\"}}", &error);
        if (wire[i] == NULL) {
            assert_null(value);
            assert_int_equal(error.code, 1001);
            assert_int_equal(error.kind, FEP_REFUSED);
            assert_string_equal(error.text,
                                "field F (map.cfg:9): character U+4DAE at byte 0 can not be written in GBK");
        } else {
            assert_string_equal(value, "䶮小");
            int size = mapping_encode_text(mapping, value, strlen(value), out, sizeof out, &error);
            assert_int_equal(size, strlen(wire[i]));
            assert_memory_equal(out, wire[i], (size_t)size);
        }
        mapping_destroy(mapping);
    }
}

/* More lines than the record holds: refused as a whole before anything is sent. */
static void
test_a_batch_that_does_not_fit(void **state)
{
    static char body[65536];
    struct message_header header = {.infno = "2301", .insured_area = "450900", .treat_area = "450100"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 1, .serial_date = 20261122};
    struct mapping_context context = {.clock_date = 20261122, .attempt = &attempt};
    struct fep_record *head, *record;
    struct fep_error error = {0};
    (void)state;
    struct mapping *mapping = rig_load_shipped("dajizhong-450900.cfg");
    size_t used = (size_t)snprintf(body, sizeof body,
                                   "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"ipt_otp_no\":\"I1\","
                                   "\"det_item_fee_sumamt\":1.00},\"feedetail\":[");
    for (int i = 0; i < 501; i++)
        used += (size_t)snprintf(body + used, sizeof body - used, "%s{\"feedetl_sn\":\"%d\"}",
                                 i > 0 ? "," : "", i);
    snprintf(body + used, sizeof body - used, "]}}");
    assert_null(mapping_request_out(mapping, &header, NULL, rig_slice(body), FEP_OP_SUBMIT, &context, &head,
                                    &record, &error));
    assert_int_equal(error.code, 2204);
    assert_int_equal(error.kind, FEP_REFUSED);
    const char *behind = strstr(error.text, "); ");
    assert_non_null(behind);
    assert_int_equal(strncmp(error.text, "501 lines (dajizhong-450900.cfg:", 32), 0);
    assert_string_equal(behind, "); at most 500 fit, and nothing took effect");
    assert_null(head);
    assert_null(record);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hazard_1_illegal_bytes),
        cmocka_unit_test(test_hazard_1_replacement_never_goes_back),
        cmocka_unit_test(test_hazard_2_code_pages),
        cmocka_unit_test(test_hazard_2_what_can_not_be_written),
        cmocka_unit_test(test_a_batch_that_does_not_fit),
        cmocka_unit_test(test_hazard_3_separators_inside_characters),
        cmocka_unit_test(test_hazard_4_dots_and_blanks_in_names),
        cmocka_unit_test(test_hazard_5_full_width),
        cmocka_unit_test(test_hazard_6_certificates_of_15_digits),
        cmocka_unit_test(test_hazard_7_blanks_and_nuls),
        cmocka_unit_test(test_hazard_8_amounts),
        cmocka_unit_test(test_hazard_30_same_number_in_two_regions),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
