/* Requests by the profile's rules: filled where something is missing, untouched where something is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>
#include <cmocka.h>

#include "message.h"
#include "seal.h"

static struct profile profile;

static int
open_profile(void **state)
{
    struct fep_error error;
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/etc/profile/plain.cfg", getenv("FEP_SOURCE"));
    if (profile_read(path, &profile, &error) == 0)
        return 0;
    print_error("%s\n", error.text);
    return -1;
}

static char *
envelope(const char *infno, const char *body)
{
    struct json json = {0};
    struct fep_error error;
    struct writer out = {0};
    assert_int_equal(doc_parse(&json, body, strlen(body), &error), 0);
    struct scope scope = {.infno = infno,
                          .wire = infno,
                          .msgid = "H45010000001202611221015030001",
                          .treat_area = "450100",
                          .insured_area = "320400",
                          .institution = "H45010000001",
                          .date = 20261122,
                          .time = 101503,
                          .body = &json,
                          .input = doc_member(&json, 0, "input")};
    if (message_request(&profile, &scope, NULL, &out, &error) < 0)
        fail_msg("%s", error.text);
    doc_finish(&json);
    return out.data;
}

static void
assert_has(const char *text, const char *part)
{
    assert_non_null(text);
    if (strstr(text, part) == NULL)
        fail_msg("%s\nis not in\n%s", part, text);
}

static void
test_the_envelope(void **state)
{
    (void)state;
    char *text = envelope("1101", "{\"opter\":\"1007\",\"opter_name\":\"测\",\"input\":{\"data\":{}}}");
    assert_string_equal(
        text,
        "{\"infno\":\"1101\",\"msgid\":\"H45010000001202611221015030001\",\"mdtrtarea_admvs\":\"450100\","
        "\"insuplc_admdvs\":\"320400\",\"recer_sys_code\":\"MBS_LOCAL\",\"dev_no\":\"\",\"dev_safe_info\":"
        "\"\",\"cainfo\":\"\","
        "\"signtype\":\"\",\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"1007\",\"opter_name\":\"测\","
        "\"inf_time\":\"2026-11-22 "
        "10:15:03\",\"fixmedins_code\":\"H45010000001\",\"fixmedins_name\":\"H45010000001\","
        "\"sign_no\":\"\",\"input\":{\"data\":{}}}");
    free(text);
}

static void
test_cainfo_and_unknown_members_byte_for_byte(void **state)
{
    (void)state;
    char *text = envelope(
        "2304", "{\"cainfo\":\"04AbC+/=\\u002f\\/\",\"pay_loc\":\"4\",\"busi_cycle_no\": 1.50 ,"
                "\"input\":{\"x\" : [ 1.0,  null ],\"data\":{\"psn_no\":\"P\",\"medfee_sumamt\":12.30}}}");
    assert_has(text, "\"cainfo\":\"04AbC+/=\\u002f\\/\",\"signtype\"");
    assert_has(text, "\"pay_loc\":\"4\",\"busi_cycle_no\":1.50,\"input\"");
    assert_has(text, "{\"x\" : [ 1.0,  null ],\"data\":{\"psn_no\":\"P\",\"medfee_sumamt\":12.30,");
    free(text);
}

static void
test_an_unknown_member_is_kept_however_long_its_name_is(void **state)
{
    char name[201], body[512], part[256];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(body, sizeof body, "{\"%s\":1.50,\"input\":{\"data\":{}}}", name);
    snprintf(part, sizeof part, ",\"%s\":1.50,", name);
    char *text = envelope("1101", body);
    assert_has(text, part);
    free(text);
}

static void
test_missing_members_are_filled(void **state)
{
    (void)state;
    char *text = envelope("2304", "{\"input\":{\"data\":{\"psn_no\":\"P\",\"insutype\":\"390\",\"psn_"
                                  "setlway\":null,\"mid_setl_flag\":\"\"}}}");
    assert_has(
        text,
        "\"insutype\":\"390\",\"psn_setlway\":\"01\",\"mid_setl_flag\":\"0\",\"mdtrt_cert_type\":\"02\","
        "\"mdtrt_cert_no\":\"P\"}");
    free(text);
    text =
        envelope("2304", "{\"input\":{\"data\":{}}}"); /* nothing to name the person by: nothing is made up */
    assert_has(text, "\"data\":{\"insutype\":\"310\",\"mdtrt_cert_type\":\"02\",\"psn_setlway\":\"01\",\"mid_"
                     "setl_flag\":\"0\"}");
    free(text);
}

static void
test_what_is_said_once_goes_into_each_line(void **state)
{
    (void)state;
    char *text = envelope("2301", "{\"input\":{\"data\":{\"mdtrt_id\":\"V\",\"psn_no\":\"P\"},\"feedetail\":["
                                  "{\"feedetl_sn\":\"1\",\"pric\":1.500000},"
                                  "{\"feedetl_sn\":\"2\",\"psn_no\":\"Q\"}]}}");
    assert_has(text, "\"input\":{\"feedetail\":[{\"feedetl_sn\":\"1\",\"pric\":1.500000,\"mdtrt_id\":\"V\","
                     "\"psn_no\":\"P\",\"rx_circ_flag\":\"0\"},"
                     "{\"feedetl_sn\":\"2\",\"psn_no\":\"Q\",\"mdtrt_id\":\"V\",\"rx_circ_flag\":\"0\"}]}");
    free(text);
}

static void
test_input_as_text(void **state)
{
    struct profile kept = profile;
    (void)state;
    profile.input_as_text = true;
    char *text = envelope("1101", "{\"input\":{\"data\":{\"a\":\"中\\n\"}}}");
    assert_has(text, "\"input\":\"{\\\"data\\\":{\\\"a\\\":\\\"中\\\\n\\\"}}\"");
    free(text);
    profile = kept;
}

static void
test_a_200_kib_upload_is_filled_line_by_line(void **state)
{
    enum { LINES = 2000 };
    struct writer body = {0};
    char line[160];
    (void)state;
    writer_say(&body, "{\"input\":{\"data\":{\"mdtrt_id\":\"V\",\"psn_no\":\"P\"},\"feedetail\":[");
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line,
                 "%s{\"feedetl_sn\":\"%d\",\"det_item_fee_sumamt\":%d.10,\"medins_list_name\":\"%070d\"}",
                 i > 0 ? "," : "", i, i, i);
        writer_say(&body, line);
    }
    writer_say(&body, "]}}");
    assert_false(body.failed);
    char *text = envelope("2204", body.data);
    size_t filled = 0;
    for (const char *at = text; (at = strstr(at, "\"mdtrt_id\":\"V\"")) != NULL; at++)
        filled++;
    assert_int_equal(filled, LINES);
    free(text);
    writer_free(&body);
}

static void
test_every_shipped_profile_is_read(void **state)
{
    static const char *const names[] = {"plain", "hebei", "x-tif",    "zhejiang",
                                        "jilin", "hubei", "envelope", "bearer"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct profile other;
        struct seal_profile seal;
        struct fep_error error;
        char path[512];
        snprintf(path, sizeof path, "%s/etc/profile/%s.cfg", getenv("FEP_SOURCE"), names[i]);
        if (profile_read(path, &other, &error) < 0 || seal_load_profile(path, NULL, NULL, &seal, &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(other.name, names[i]);
        assert_true(other.reversal.of[0] != '\0' && other.inquiry_count > 0 && other.serve.good[0] != '\0');
        bool seals = seal.header != SEAL_HEADER_NONE || seal.message != SEAL_MESSAGE_NONE;
        assert_int_equal(seals, i > 1 && i < 7);
    }
}

static void
test_paths_and_numbers_of_hebei(void **state)
{
    struct profile other;
    struct fep_error error;
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/etc/profile/hebei.cfg", getenv("FEP_SOURCE"));
    assert_int_equal(profile_read(path, &other, &error), 0);
    assert_string_equal(profile_find(&other, "2207")->wire, "2207A");
    assert_string_equal(profile_find_wire(&other, "2207A")->path, "outpatientSettleService/saveSettletment");
    assert_string_equal(profile_find(&other, "2208")->path, "outpatientSettleService/cancleSettletment");
    assert_null(profile_find(&other, "9999"));
}

/* A profile with as little as may be. */
#define WHOLE(rule, posting, more, groups)                                                                   \
    "name = \"x\"; transport = { endpoint = \"/a\"; }; envelope = { request = ( " rule                       \
    " ); input = \"input\";"                                                                                 \
    " infcode = \"infcode\"; texts = \"t\"; output = \"output\"; }; meaning = { good = \"0\"; posting = "    \
    "\"" posting "\"; otherwise = (\"N\", 1003);" more " };" groups "\n"

static void
test_profiles_say_what_is_wrong_with_them(void **state)
{
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"name = \"x\";\n", "transport"},
        {"name = \"x\"; transport = { endpoint = \"/a\"; };\nenvelop = { };\n", "envelop"},
        {"name = \"x\"; transport = { };\n", "endpoint"},
        {"\n" WHOLE("(\"a\", \"anyy.b\")", "2207", "", ""), ":2: \"anyy.b\" is no source"},
        {"\n" WHOLE("(\"a\", \"any.b\", \"clock.hour\")", "2207", "", ""), ":2: \"clock.hour\" is no source"},
        {WHOLE("(\"a\", \"#{\")", "2207", "", ""), ":1: \"#{\" is no source"},
        {WHOLE("(\"a\", \"sum(input.rows)\")", "2207", "", ""), "is no source"},
        {WHOLE("(\"a\", \"difference(row.a)\")", "2207", "", ""), "is no source"},
        {WHOLE("(\"a\", \"any.b.c\")", "2207", "", ""), "is no source"},
        {WHOLE("(\"a.b.c\", \"any.b\")", "2207", "", ""), "\"a.b.c\" is no member"},
        {WHOLE("(\"a\", \"any.b\")", "2207 22O7", "", ""), ":1: posting: \"22O7\"; expected numbers"},
        {WHOLE("(\"a\", \"any.b\")", "2207", " http_refused = \"401 200\";", ""), "http_refused: \"200\""},
        {WHOLE("(\"a\", \"any.b\")", "2207", "", "\nindex = ( (\"totl\", \"a.b\") );"),
         ":2: \"totl\" is nothing"},
        {WHOLE("(\"a\", \"any.b\")", "2207", "", "\nsign_on = { };"), ":2: unknown key"},
        {WHOLE("(\"a\", \"any.b\")", "2207", "", "\n\ntransactions = ( { infno = \"x\"; } );"),
         ":3: infno: \"x\""},
        {WHOLE("(\"a\", \"any.b\")", "2207", "",
               "\ninquiries = ( { of = \"2207\"; infno = \"5203\"; rows = \"r\"; match = \"m\";"
               " match_source = \"header.msgId\"; answer = \"a\"; } );"),
         ":2: \"header.msgId\" is no source"},
    };
    struct profile other;
    struct fep_error error;
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(path, sizeof path, "/tmp/national-profile-%d.cfg", (int)getpid());
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(bad[i].text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        if (profile_read(path, &other, &error) == 0)
            fail_msg("taken: %s", bad[i].text);
        assert_has(error.text, bad[i].told);
        (void)remove(path);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_envelope),
        cmocka_unit_test(test_cainfo_and_unknown_members_byte_for_byte),
        cmocka_unit_test(test_an_unknown_member_is_kept_however_long_its_name_is),
        cmocka_unit_test(test_missing_members_are_filled),
        cmocka_unit_test(test_what_is_said_once_goes_into_each_line),
        cmocka_unit_test(test_input_as_text),
        cmocka_unit_test(test_a_200_kib_upload_is_filled_line_by_line),
        cmocka_unit_test(test_every_shipped_profile_is_read),
        cmocka_unit_test(test_paths_and_numbers_of_hebei),
        cmocka_unit_test(test_profiles_say_what_is_wrong_with_them),
    };
    return cmocka_run_group_tests(tests, open_profile, NULL);
}
