/* Envelopes that callers send, in every shape that editions have: read, and as the canonical request that
 * travels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "message.h"

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

/* The canonical request, or NULL: it is none. The caller's. */
static char *
canonical(const char *text, size_t size)
{
    struct request request = {0};
    struct fep_error error = {0};
    struct writer out = {0};
    int status = request_read(&profile, text, size, &request, &error);
    if (status == 0) {
        (void)request_source(&profile, &request, "wire.infno", request.wire, sizeof request.wire);
        status = request_canonical(&profile, &request, &out, &error);
    }
    request_finish(&request);
    if (status < 0)
        writer_free(&out);
    return out.data;
}

static void
assert_canonical(const char *text, const char *expected)
{
    char *made = canonical(text, strlen(text));
    if (expected == NULL && made != NULL)
        fail_msg("%s\nwas read as\n%s", text, made);
    if (expected != NULL)
        assert_string_equal(made != NULL ? made : "(refused)", expected);
    free(made);
}

static void
test_input_in_its_shapes(void **state)
{
    static const char *const same[] = {
        "{\"infno\":\"1101\",\"input\":{\"data\":{\"a\":12.30}}}",
        "{\"infno\":\"1101\",\"input\":\"{\\\"data\\\":{\\\"a\\\":12.30}}\"}",
        "{\"infno\":\"1101\",\"input\":\"eyJkYXRhIjp7ImEiOjEyLjMwfX0=\"}",
        "\xef\xbb\xbf{\"infno\":\"1101\",\"input\":{\"data\":{\"a\":12.30}}}",
        " {\"infno\" : \"1101\" , \"input\" : {\"data\":{\"a\":12.30}} }\r\n",
    };
    static const char *const empty[] = {"{\"infno\":\"9002\",\"input\":null}",
                                        "{\"infno\":\"9002\",\"input\":\"\"}",
                                        "{\"infno\":\"9002\",\"input\":{}}", "{\"infno\":\"9002\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_canonical(same[i], "{\"input\":{\"data\":{\"a\":12.30}}}");
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        assert_canonical(empty[i], "{\"input\":{}}");
}

static void
test_what_is_no_envelope(void **state)
{
    static const char *const bad[] = {"",
                                      "null",
                                      "[]",
                                      "a=1&b=2",
                                      "<xml/>",
                                      "{\"infno\":\"1101\",\"input\":[1]}",
                                      "{\"infno\":\"1101\",\"input\":1}",
                                      "{\"infno\":\"1101\",\"input\":\"text\"}",
                                      "{\"infno\":\"1101\",\"input\":\"W10=\"}",
                                      "{\"infno\":\"1101\",\"input\":\"{\\\"a\\\":\"}",
                                      "{\"infno\":\"1101\",\"infno\":\"2207\",\"input\":{}}",
                                      "{\"infno\":\"1101\",\"input\":{}}{\"infno\":\"2207\",\"input\":{}}",
                                      "{\"infno\":\"1101\",\"input\":{\"a\":NaN}}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_canonical(bad[i], NULL);
}

/* Members of the baseline go back to where they came from, clocks and numbers of the neighbour end here, all
 * that is not known keeps its place and its bytes. */
static void
test_the_whole_envelope(void **state)
{
    (void)state;
    assert_canonical(
        "{\"infno\":\"2207\",\"msgid\":\"M\",\"mdtrtarea_admvs\":\"450100\",\"insuplc_admdvs\":\"320400\","
        "\"recer_sys_code\":\"MBS_LOCAL\",\"dev_no\":null,\"dev_safe_info\":\"\",\"cainfo\":\"04aB+/=\\/"
        "\",\"signtype\":"
        "\"SM2\",\"infver\":\"1.0\",\"opter_type\":\"1\",\"opter\":\"7\",\"opter_name\":\"\\u674e\",\"inf_"
        "time\":"
        "\"2026-11-22 "
        "10:15:03\",\"fixmedins_code\":\"H\",\"fixmedins_name\":\"测试\",\"sign_no\":\"9\",\"serv_code\":"
        "\"V\","
        "\"busi_cycle_no\":0.00,\"app_id\":null,\"input\":{\"data\":{\"pric\":12.300000,\"exp_content\":\"{}"
        "\"}},"
        "\"recer_admvs\":[1,{\"x\":-25.1}]}",
        "{\"dev_no\":null,\"dev_safe_info\":\"\",\"cainfo\":\"04aB+/=\\/"
        "\",\"signtype\":\"SM2\",\"opter_type\":\"1\","
        "\"opter\":\"7\",\"opter_name\":\"\\u674e\",\"fixmedins_name\":\"测试\",\"serv_code\":\"V\",\"busi_"
        "cycle_no\":0.00,"
        "\"app_id\":null,\"recer_admvs\":[1,{\"x\":-25.1}],\"input\":{\"data\":{\"pric\":12.300000,\"exp_"
        "content\":\"{}\"}}}");
}

static void
test_an_unknown_member_is_kept_however_long_its_name_is(void **state)
{
    char name[201], text[512], expected[512];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "{\"infno\":\"1101\",\"%s\":1.50,\"input\":{}}", name);
    snprintf(expected, sizeof expected, "{\"%s\":1.50,\"input\":{}}", name);
    assert_canonical(text, expected);
}

static void
test_sources_are_read_as_number_or_text(void **state)
{
    static const char text[] = "{\"infno\":2207,\"msgid\":\"M\",\"input\":{}}";
    struct request request = {0};
    struct fep_error error;
    char value[16];
    (void)state;
    assert_int_equal(request_read(&profile, text, sizeof text - 1, &request, &error), 0);
    assert_int_equal(request_source(&profile, &request, "wire.infno", value, sizeof value), 4);
    assert_string_equal(value, "2207");
    assert_int_equal(request_source(&profile, &request, "header.msgid", value, sizeof value), 1);
    assert_int_equal(request_source(&profile, &request, "header.treat_area", value, sizeof value), 0);
    assert_int_equal(request_source(&profile, &request, "header.nothing", value, sizeof value), 0);
    request_finish(&request);
}

/* Fee lines as the interface has them: visit and sum stand in the lines only; what stands there already
 * stays. */
static void
test_what_the_canonical_form_has_beside_is_filled_in(void **state)
{
    (void)state;
    assert_canonical(
        "{\"infno\":\"2204\",\"input\":{\"feedetail\":[{\"mdtrt_id\":\"V\",\"psn_no\":\"P\",\"det_item_fee_"
        "sumamt\":0.10},{\"mdtrt_id\":\"V\",\"det_item_fee_sumamt\":\"20.20\"}]}}",
        "{\"input\":{\"feedetail\":[{\"mdtrt_id\":\"V\",\"psn_no\":\"P\",\"det_item_fee_sumamt\":0.10},{"
        "\"mdtrt_id\":\"V\",\"det_item_fee_sumamt\":\"20.20\"}],\"data\":{\"mdtrt_id\":\"V\",\"psn_no\":"
        "\"P\",\"det_item_fee_sumamt\":20.30}}}");
    assert_canonical(
        "{\"infno\":\"2301\",\"input\":{\"data\":{\"mdtrt_id\":\"W\",\"det_item_fee_sumamt\":5.0},"
        "\"feedetail\":"
        "[{\"mdtrt_id\":\"V\",\"det_item_fee_sumamt\":1}]}}",
        "{\"input\":{\"data\":{\"mdtrt_id\":\"W\",\"det_item_fee_sumamt\":5.0},\"feedetail\":[{\"mdtrt_id\":"
        "\"V\",\"det_item_fee_sumamt\":1}]}}");
    assert_canonical("{\"infno\":\"2204\",\"input\":{\"feedetail\":[{\"det_item_fee_sumamt\":\"1,5\"}]}}",
                     NULL);
}

static void
assert_output(const char *infno, const char *output, const char *expected)
{
    struct json body = {0};
    struct fep_error error;
    struct writer out = {0};
    assert_int_equal(doc_parse(&body, output, strlen(output), &error), 0);
    answer_output(profile_find(&profile, infno), &body, 0, &out);
    assert_string_equal(out.data, expected);
    writer_free(&out);
    doc_finish(&body);
}

/* A system that knows one insurance only says it as an object; a caller of this interface counts on an array.
 */
static void
test_a_single_row_is_told_as_an_array(void **state)
{
    (void)state;
    assert_output("1101", "{\"baseinfo\":{\"a\":1},\"insuinfo\":{\"balc\":1.50},\"idetinfo\":[]}",
                  "{\"baseinfo\":{\"a\":1},\"insuinfo\":[{\"balc\":1.50}],\"idetinfo\":[]}");
    assert_output("2207", "{\"setlinfo\":{},\"setldetail\":null}", "{\"setlinfo\":{},\"setldetail\":null}");
    assert_output("9999", "{\"insuinfo\":{}}", "{\"insuinfo\":{}}");
    assert_output("1101", "null", "{}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_in_its_shapes),
        cmocka_unit_test(test_what_is_no_envelope),
        cmocka_unit_test(test_the_whole_envelope),
        cmocka_unit_test(test_an_unknown_member_is_kept_however_long_its_name_is),
        cmocka_unit_test(test_sources_are_read_as_number_or_text),
        cmocka_unit_test(test_what_the_canonical_form_has_beside_is_filled_in),
        cmocka_unit_test(test_a_single_row_is_told_as_an_array),
    };
    return cmocka_run_group_tests(tests, open_profile, NULL);
}
