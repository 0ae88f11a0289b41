/* Every shape in which a platform, or what stands before it, is known to answer: answered, refused or
 * unknown. */
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

struct shape {
    const char *name;
    int status;
    const char *content;
    enum fep_kind posting, query; /* what it means after a posting and after a query */
};

#define GOOD "{\"infcode\":0,\"inf_refmsgid\":\"320400\",\"err_msg\":null,\"output\":{\"setlinfo\":{}}}"

static const struct shape shapes[] = {
    /* 1.2: what err_msg says decides nothing; 1.3: form of the numbers; Jilin's answer when opened */
    {"good with err_msg success", 200, "{\"infcode\":\"0\",\"err_msg\":\"success\",\"output\":{}}",
     FEP_ANSWERED, FEP_ANSWERED},
    {"good with err_msg empty", 200,
     "{\"infcode\":0,\"err_msg\":\"\",\"warn_msg\":null,\"cainfo\":\"\",\"output\":{}}", FEP_ANSWERED,
     FEP_ANSWERED},
    {"good with an error's text", 200, "{\"infcode\":0,\"err_msg\":\"系统异常\",\"output\":{}}", FEP_ANSWERED,
     FEP_ANSWERED},
    {"result null", 200, "{\"infcode\":0,\"output\":{\"result\":null}}", FEP_ANSWERED, FEP_ANSWERED},
    {"escaped texts", 200, "{\"infcode\":0,\"output\":{\"a\":\"\\u674e\\ud840\\udc0b\"}}", FEP_ANSWERED,
     FEP_ANSWERED},
    {"output an array", 200, "{\"infcode\":0,\"output\":[{\"a\":1}]}", FEP_ANSWERED, FEP_ANSWERED},
    {"message in place of err_msg", 200, "{\"infcode\":-2,\"message\":\"x\"}", FEP_REFUSED, FEP_REFUSED},
    {"9102: an error as JSON", 200, "{\"infcode\":\"-1\",\"err_msg\":\"文件不存在\",\"output\":null}",
     FEP_UNKNOWN, FEP_REFUSED},
    {"9102: a file", 200, "PK\x03\x04\x14", FEP_UNKNOWN, FEP_REFUSED},
    {"sealed envelope without a seal in the profile", 200,
     "{\"appId\":\"A\",\"encData\":\"00\",\"signData\":\"x\"}", FEP_UNKNOWN, FEP_REFUSED},
    {"number", 200, GOOD, FEP_ANSWERED, FEP_ANSWERED},
    {"text", 200, "{\"infcode\":\"0\",\"output\":{}}", FEP_ANSWERED, FEP_ANSWERED},
    {"text with blanks", 200, "{\"infcode\":\" 0 \",\"output\":{}}", FEP_ANSWERED, FEP_ANSWERED},
    {"byte order mark", 200, "\xef\xbb\xbf" GOOD, FEP_ANSWERED, FEP_ANSWERED},
    {"no output", 200, "{\"infcode\":0,\"err_msg\":\"success\"}", FEP_ANSWERED, FEP_ANSWERED},
    {"output null", 200, "{\"infcode\":0,\"output\":null}", FEP_ANSWERED, FEP_ANSWERED},
    {"output empty", 200, "{\"infcode\":0,\"output\":\"\"}", FEP_ANSWERED, FEP_ANSWERED},
    {"output as text", 200, "{\"infcode\":0,\"output\":\"{\\\"a\\\":12.30}\"}", FEP_ANSWERED, FEP_ANSWERED},
    {"output in Base64", 200, "{\"infcode\":0,\"output\":\"eyJhIjoxMi4zMH0=\"}", FEP_ANSWERED, FEP_ANSWERED},
    {"a refusal says good text", 200, "{\"infcode\":-2,\"err_msg\":\"成功\"}", FEP_REFUSED, FEP_REFUSED},
    {"refusal as text", 200, "{\"infcode\":\"-2301\",\"err_msg\":\"x\"}", FEP_REFUSED, FEP_REFUSED},
    {"positive refusal", 200, "{\"infcode\":500,\"message\":\"x\"}", FEP_REFUSED, FEP_REFUSED},
    {"a word for a code", 200, "{\"infcode\":\"E01\"}", FEP_REFUSED, FEP_REFUSED},
    {"system error", 200, "{\"infcode\":-1,\"err_msg\":\"x\"}", FEP_UNKNOWN, FEP_REFUSED},
    {"system error as text", 200, "{\"infcode\":\"-1\",\"err_msg\":\"x\"}", FEP_UNKNOWN, FEP_REFUSED},
    {"payment hub", 200, "{\"code\":\"999\",\"msg\":\"x\"}", FEP_UNKNOWN, FEP_REFUSED},
    {"e-voucher service", 200,
     "{\"code\":0,\"type\":\"success\",\"message\":\"x\",\"success\":true,\"data\":{}}", FEP_UNKNOWN,
     FEP_REFUSED},
    {"infcode null", 200, "{\"infcode\":null,\"output\":{}}", FEP_UNKNOWN, FEP_REFUSED},
    {"infcode empty", 200, "{\"infcode\":\"\",\"output\":{}}", FEP_UNKNOWN, FEP_REFUSED},
    {"infcode an object", 200, "{\"infcode\":{},\"output\":{}}", FEP_UNKNOWN, FEP_REFUSED},
    {"infcode twice", 200, "{\"infcode\":0,\"infcode\":-2}", FEP_UNKNOWN, FEP_REFUSED},
    {"infcode with decimals", 200, "{\"infcode\":0.5}", FEP_UNKNOWN, FEP_REFUSED},
    {"ESB line", 200, "message=[500][JSONException]A JSONObject text must begin with", FEP_UNKNOWN,
     FEP_REFUSED},
    {"HTML", 200, "<html><body>502</body></html>", FEP_UNKNOWN, FEP_REFUSED},
    {"nothing", 200, "", FEP_UNKNOWN, FEP_REFUSED},
    {"half", 200, "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_", FEP_UNKNOWN, FEP_REFUSED},
    {"twice", 200, GOOD GOOD, FEP_UNKNOWN, FEP_REFUSED},
    {"an array", 200, "[" GOOD "]", FEP_UNKNOWN, FEP_REFUSED},
    {"500 with HTML", 500, "<html/>", FEP_UNKNOWN, FEP_REFUSED},
    {"500 with a good answer", 500, GOOD, FEP_UNKNOWN, FEP_REFUSED},
    {"502", 502, "", FEP_UNKNOWN, FEP_REFUSED},
    {"404 from a proxy", 404, "<html/>", FEP_UNKNOWN, FEP_REFUSED},
    {"redirect", 302, "", FEP_UNKNOWN, FEP_REFUSED},
};

static void
test_every_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *shape = &shapes[i];
        for (int posts = 0; posts < 2; posts++) {
            struct verdict verdict;
            verdict_read(&profile, posts != 0, shape->status, shape->content, strlen(shape->content),
                         &verdict);
            if (verdict.kind != (posts != 0 ? shape->posting : shape->query))
                fail_msg("%s, posting %d: %d, %s", shape->name, posts, (int)verdict.kind, verdict.text);
            if (verdict.kind != FEP_ANSWERED && verdict.text[0] == '\0')
                fail_msg("%s: nothing is told", shape->name);
            verdict_finish(&verdict);
        }
    }
}

static void
test_half_of_an_answer_at_every_byte(void **state)
{
    (void)state;
    for (size_t size = 0; size < strlen(GOOD); size++) {
        struct verdict verdict;
        verdict_read(&profile, true, 200, GOOD, size, &verdict);
        if (verdict.kind != FEP_UNKNOWN)
            fail_msg("%zu bytes are taken for an answer", size);
        verdict_finish(&verdict);
    }
}

static void
test_what_a_refusal_says_is_one_line(void **state)
{
    static const char content[] = "{\"infcode\":-2,\"err_msg\":\"a\\nb\\u001b[2Jc\\u007f中\"}";
    struct verdict verdict;
    (void)state;
    verdict_read(&profile, true, 200, content, sizeof content - 1, &verdict);
    assert_int_equal(verdict.kind, FEP_REFUSED);
    assert_string_equal(verdict.text, "a b [2Jc 中");
    verdict_finish(&verdict);
    static const char word[] = "{\"infcode\":\"E\\u001b1\"}";
    verdict_read(&profile, true, 200, word, sizeof word - 1, &verdict);
    assert_int_equal(verdict.kind, FEP_REFUSED);
    assert_string_equal(verdict.text, "infcode E 1");
    verdict_finish(&verdict);
}

static void
test_a_status_that_the_profile_calls_a_refusal(void **state)
{
    struct profile other = profile;
    struct verdict verdict;
    (void)state;
    snprintf(other.http_refused, sizeof other.http_refused, "401 403");
    verdict_read(&other, true, 401, "", 0, &verdict);
    assert_int_equal(verdict.kind, FEP_REFUSED);
    verdict_finish(&verdict);
    verdict_read(&other, true, 404, "", 0, &verdict);
    assert_int_equal(verdict.kind, FEP_UNKNOWN);
    verdict_finish(&verdict);
}

/* Reads a good answer and returns its canonical form. */
static char *
canonical(const char *infno, const char *content, int *status)
{
    struct verdict verdict;
    struct writer out = {0};
    struct fep_error error;
    struct scope scope = {.infno = infno, .wire = infno, .msgid = "M1", .input = -1};
    verdict_read(&profile, true, 200, content, strlen(content), &verdict);
    assert_int_equal(verdict.kind, FEP_ANSWERED);
    *status = message_answer_in(&profile, profile_find(&profile, infno), &scope, &verdict, &out, &error);
    verdict_finish(&verdict);
    return out.data;
}

static void
test_an_answer_passes_with_its_digits_and_what_is_unknown(void **state)
{
    int status;
    (void)state;
    char *text = canonical("2304",
                           "{\"infcode\":\"0\",\"inf_refmsgid\":\"R\",\"refmsg_time\":\"1\",\"err_msg\":"
                           "\"成功\",\"extra\":{\"x\":1.500},"
                           "\"cainfo\":null,\"output\":{\"setlinfo\":{\"setl_id\":\"S1\",\"medfee_sumamt\":"
                           "12.30,\"acct_pay\":\"5000.00\","
                           "\"balc\":-25.1,\"hifdm_pay\":0,\"new_pay\":0.00,\"exp_content\":{\"a\":[1]}},"
                           "\"setldetail\":[{\"inscp_scp_amt\":null,\"setl_proc_info\":\"{\\\"k\\\":1}\"}]}}",
                           &status);
    assert_int_equal(status, 0);
    assert_string_equal(
        text,
        "{\"infcode\":0,\"err_msg\":\"\",\"extra\":{\"x\":1.500},\"output\":{\"setlinfo\":{\"setl_id\":"
        "\"S1\","
        "\"medfee_sumamt\":12.30,\"acct_pay\":\"5000.00\",\"balc\":-25.1,\"hifdm_pay\":0,\"new_pay\":0.00,"
        "\"exp_content\":{\"a\":[1]}},\"setldetail\":[{\"inscp_scp_amt\":null,\"setl_proc_info\":\"{"
        "\\\"k\\\":1}\"}]}}");
    free(text);
}

static void
test_exp_content_in_its_three_shapes(void **state)
{
    static const char *const values[] = {"\"{\\\"a\\\":\\\"1\\\"}\"", "{\"a\":\"1\"}", "[{\"a\":\"1\"}]",
                                         "null", "\"\""};
    char content[256], expected[256];
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int status;
        snprintf(content, sizeof content, "{\"infcode\":0,\"output\":{\"baseinfo\":{\"exp_content\":%s}}}",
                 values[i]);
        snprintf(expected, sizeof expected,
                 "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"baseinfo\":{\"exp_content\":%s}}}",
                 values[i]);
        char *text = canonical("1101", content, &status);
        assert_int_equal(status, 0);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void
test_an_unknown_member_is_kept_however_long_its_name_is(void **state)
{
    char name[201], content[512], expected[512];
    int status;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(content, sizeof content, "{\"infcode\":0,\"%s\":1.50,\"output\":{}}", name);
    snprintf(expected, sizeof expected, "{\"infcode\":0,\"err_msg\":\"\",\"%s\":1.50,\"output\":{}}", name);
    char *text = canonical("1101", content, &status);
    assert_int_equal(status, 0);
    assert_string_equal(text, expected);
    free(text);
}

static void
test_output_as_text_and_in_base64_are_the_same(void **state)
{
    int status;
    (void)state;
    char *one = canonical("1101", "{\"infcode\":0,\"output\":\"{\\\"a\\\":12.30}\"}", &status);
    char *other = canonical("1101", "{\"infcode\":0,\"output\":\"eyJhIjoxMi4zMH0=\"}", &status);
    assert_string_equal(one, "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"a\":12.30}}");
    assert_string_equal(other, one);
    free(one);
    free(other);
}

static void
test_a_good_answer_without_what_is_needed(void **state)
{
    static const char *const bad[] = {"{\"infcode\":0,\"output\":null}",
                                      "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"\"}}}",
                                      "{\"infcode\":0,\"output\":\"@@@\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int status;
        char *text = canonical("2304", bad[i], &status);
        assert_int_equal(status, -1);
        free(text);
    }
}

static void
test_sums_are_exact(void **state)
{
    int status;
    (void)state;
    char *text = canonical("2301",
                           "{\"infcode\":0,\"output\":{\"result\":[{\"det_item_fee_sumamt\":0.1},{\"det_item_"
                           "fee_sumamt\":\"0.20\"},"
                           "{\"det_item_fee_sumamt\":-25.10}]}}",
                           &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "\"data\":{\"det_item_fee_sumamt\":-24.80}"));
    free(text);
}

/* --- inquiries --- */

static int
inquire(const char *output, char **answer)
{
    struct json body = {0};
    struct fep_error error;
    struct verdict verdict;
    struct writer out = {0};
    char content[1024];
    snprintf(content, sizeof content, "{\"infcode\":0,\"output\":%s}", output);
    static const char request[] = "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\"}}}";
    assert_int_equal(doc_parse(&body, request, sizeof request - 1, &error), 0);
    struct scope scope = {.infno = "2304",
                          .wire = "2304",
                          .msgid = "M1",
                          .body = &body,
                          .input = doc_member(&body, 0, "input")};
    verdict_read(&profile, true, 200, content, strlen(content), &verdict);
    int finding = message_inquired(&profile, profile_find_inquiry(&profile, "2304"), &scope, &verdict, &out);
    verdict_finish(&verdict);
    doc_finish(&body);
    *answer = out.data;
    return finding;
}

static void
test_what_5203_says_of_a_settlement(void **state)
{
    char *answer;
    (void)state;
    assert_int_equal(inquire("{\"setlinfo\":[{\"medins_setl_id\":\"M0\"},{\"medins_setl_id\":\"M1\",\"setl_"
                             "id\":\"S1\",\"cash_payamt\":1.50,"
                             "\"psn_pay\":2.00,\"refd_setl_flag\":\"0\"}],\"setldetail\":[]}",
                             &answer),
                     FEP_FOUND_POSTED);
    assert_string_equal(
        answer, "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"setlinfo\":{\"medins_setl_id\":\"M1\",\"setl_"
                "id\":\"S1\","
                "\"psn_cash_pay\":1.50,\"psn_part_amt\":2.00,\"refd_setl_flag\":\"0\"},\"setldetail\":[]}}");
    free(answer);
    assert_int_equal(inquire("{\"setlinfo\":{\"medins_setl_id\":\"M1\",\"refd_setl_flag\":\"1\"}}", &answer),
                     FEP_FOUND_CANCELLED);
    free(answer);
    assert_int_equal(inquire("{\"setlinfo\":{\"medins_setl_id\":\"M2\"}}", &answer), FEP_FOUND_NOTHING);
    free(answer);
    assert_int_equal(inquire("{\"setlinfo\":null}", &answer), FEP_FOUND_NOTHING);
    free(answer);
    assert_int_equal(inquire("null", &answer), FEP_FOUND_NOTHING);
    free(answer);
    assert_int_equal(inquire("\"@\"", &answer), -1); /* nothing was learned */
    free(answer);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape),
        cmocka_unit_test(test_half_of_an_answer_at_every_byte),
        cmocka_unit_test(test_what_a_refusal_says_is_one_line),
        cmocka_unit_test(test_a_status_that_the_profile_calls_a_refusal),
        cmocka_unit_test(test_an_answer_passes_with_its_digits_and_what_is_unknown),
        cmocka_unit_test(test_exp_content_in_its_three_shapes),
        cmocka_unit_test(test_an_unknown_member_is_kept_however_long_its_name_is),
        cmocka_unit_test(test_output_as_text_and_in_base64_are_the_same),
        cmocka_unit_test(test_a_good_answer_without_what_is_needed),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_what_5203_says_of_a_settlement),
    };
    return cmocka_run_group_tests(tests, open_profile, NULL);
}
