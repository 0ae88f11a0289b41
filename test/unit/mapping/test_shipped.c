/* The shipped mapping files: the journey of a visit from danxian's lines to dajizhong's records and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

static struct mapping *danxian, *dajizhong;

static const struct fep_attempt attempt = {
    .size = sizeof attempt, .number = 1, .serial = 93, .serial_date = 20261122, .accounting_date = 20261122};

static struct mapping_context
context_of(const char *visit_infno, const char *visit_request, const char *visit_answer)
{
    return rig_context(&attempt, visit_infno, visit_request, visit_answer);
}

static struct fep_record *
danxian_head(const char *code)
{
    struct fep_record *head = rig_record(danxian, "head-Q");
    rig_set(head, "CODE", code);
    rig_set(head, "HOSPITAL", "H45010000003");
    rig_set(head, "OPERATOR", "000012");
    rig_set(head, "CYCLE", "0003-00000012-20261122001");
    rig_set(head, "SERIAL", "20261122101502-H45010000003-0007");
    rig_set(head, "CENTRE", "450900");
    return head;
}

#define ADMISSION                                                                                              \
    "{\"opter\":\"000012\",\"opter_name\":\"陈珅\",\"input\":{\"mdtrtinfo\":{\"psn_no\":\"45090000000001\"," \
    "\"ipt_no\":\"ZY1\",\"med_type\":\"21\"}}}"
#define ADMITTED "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"result\":{\"mdtrt_id\":\"YL1\"}}}"

static struct mapping_request
request_in(const char *local, struct fep_record *body, const struct mapping_context *context)
{
    struct fep_error error = {0};
    struct mapping_request request;
    struct fep_record *head = danxian_head(local);
    if (mapping_request_in(danxian, local, head, body, context, &request, &error) < 0)
        fail_msg("%s", error.text);
    record_destroy(head);
    record_destroy(body);
    return request;
}

static struct fep_record *
settle_record(void)
{
    struct fep_record *body = rig_record(danxian, "2410-Q");
    rig_set(body, "VISIT-NO", "ZY1");
    rig_set(body, "VISIT-ID", "YL1");
    rig_set(body, "BILL-NO", "FP1");
    rig_set(body, "MED-CAT", "21");
    rig_set(body, "TIME", "20261122101455");
    rig_set(body, "OUT-TIME", "20261122090000");
    rig_set(body, "OUT-REASON", "0");
    rig_set(body, "USE-ACCOUNT", "1");
    rig_set(body, "HIS-TOTAL", "14000.00");
    return body;
}

static struct mapping_request
settlement(void)
{
    struct mapping_context context = context_of("2401", ADMISSION, ADMITTED);
    return request_in("2410", settle_record(), &context);
}

static void
test_settlement_becomes_canonical(void **state)
{
    (void)state;
    struct mapping_request request = settlement();
    assert_string_equal(request.header.infno, "2304");
    assert_string_equal(request.header.key.msgid, "H45010000003202611221015020007");
    assert_string_equal(request.header.insured_area, "450900");
    assert_string_equal(request.header.treat_area, "450100");
    assert_string_equal(request.header.institution, "H45010000003");
    assert_string_equal(request.index.visit_id, "YL1");
    assert_string_equal(request.index.med_type, "21");
    assert_true(rig_holds(request.body, "\"opter\":\"000012\""));
    assert_true(rig_holds(request.body, "\"psn_no\":\"45090000000001\""));
    assert_true(rig_holds(request.body, "\"medfee_sumamt\":14000.00"));
    assert_true(rig_holds(request.body, "\"setl_time\":\"2026-11-22 10:14:55\""));
    assert_true(rig_holds(request.body, "\"dscg_way\":\"1\""));
    slice_release(&request.body);
}

static void
test_class_of_the_visit_chooses_the_transaction(void **state)
{
    (void)state;
    struct mapping_context context = context_of("2201", ADMISSION, ADMITTED);
    struct mapping_request request = request_in("2410", settle_record(), &context);
    assert_string_equal(request.header.infno, "2207");
    slice_release(&request.body);
}

static void
test_needs_the_visit_and_names_it(void **state)
{
    (void)state;
    char visit_id[32], area[AREA_SIZE];
    struct fep_record *head = danxian_head("2410"), *body = settle_record();
    assert_int_equal(mapping_needs_visit(danxian, "2410", head, body, visit_id, area), 1);
    assert_string_equal(visit_id, "YL1");
    assert_string_equal(area, "450900");
    record_destroy(body);
    body = rig_record(danxian, "2210-Q");
    assert_int_equal(mapping_needs_visit(danxian, "2210", head, body, visit_id, area), 0);
    record_destroy(head);
    record_destroy(body);
}

static void
test_settlement_becomes_a_record(void **state)
{
    (void)state;
    struct mapping_request request = settlement();
    struct mapping_context context = context_of("", "", "");
    struct fep_record *head, *body;
    struct fep_error error = {0};
    const char *local = mapping_request_out(dajizhong, &request.header, &request.index, request.body,
                                            FEP_OP_SUBMIT, &context, &head, &body, &error);
    if (local == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(local, "400002");
    assert_string_equal(rig_get(head, "H-SERIAL"), "20261122000000000093");
    assert_string_equal(rig_get(head, "H-TREAT-RGN"), "450100");
    assert_string_equal(rig_get(body, "SQ-CTR-VISIT"), "YL1");
    assert_string_equal(rig_get(body, "SQ-MED-CAT"), "10");
    assert_string_equal(rig_get(body, "SQ-TIME"), "20261122101455");
    assert_string_equal(rig_get(body, "SQ-OUT-REASON"), "0");
    assert_string_equal(rig_get(body, "SQ-ACCT-FLAG"), "Y");
    assert_string_equal(rig_get(body, "SQ-MID-FLAG"), "N");
    assert_string_equal(rig_get(body, "SQ-HIS-TOTAL"), "14000.00");
    record_destroy(head);
    record_destroy(body);
    slice_release(&request.body);
}

static struct fep_record *
settled_record(const char *total)
{
    struct fep_record *record = rig_record(dajizhong, "400002-R");
    const char *const zero[] = {"SR-LARGE", "SR-ILLNESS", "SR-CIVIL", "SR-CORP", "SR-AID", "SR-OTHER"};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++)
        rig_set(record, zero[i], "0.00");
    rig_set(record, "SR-SETL-NO", "S1");
    rig_set(record, "SR-BILL-NO", "FP1");
    rig_set(record, "SR-TOTAL", total);
    rig_set(record, "SR-FUND", "10000.00");
    rig_set(record, "SR-POOL", "10000.00");
    rig_set(record, "SR-ACCT", "1500.50");
    rig_set(record, "SR-CASH", "2499.50");
    rig_set(record, "SR-FULLSELF", "1000.00");
    rig_set(record, "SR-PRESELF", "500.00");
    rig_set(record, "SR-OVERLMT", "0.00");
    rig_set(record, "SR-INSCOPE", "12500.00");
    rig_set(record, "SR-DEDC", "400.00");
    rig_set(record, "SR-BALANCE", "0.00");
    return record;
}

static struct slice
answer_in(const struct mapping_request *request, struct fep_record *record, struct fep_index *index,
          struct fep_result *result)
{
    struct mapping_context context = context_of("", "", "");
    struct fep_error error = {0};
    struct slice answer;
    if (mapping_answer_in(dajizhong, &request->header, request->body, record, &context, &answer, index,
                          result, &error) < 0)
        fail_msg("%s", error.text);
    record_destroy(record);
    return answer;
}

static void
test_answer_goes_back(void **state)
{
    (void)state;
    struct mapping_request request = settlement();
    struct fep_index index = request.index;
    struct fep_result result = {
        .size = sizeof result, .effect = FEP_EFFECT_POSTED, .accounting_date = 20261122};
    struct slice answer = answer_in(&request, settled_record("14000.00"), &index, &result);
    assert_int_equal(result.reason, FEP_REASON_NONE);
    assert_int_equal(index.total_fen, 1400000);
    assert_int_equal(index.account_fen, 150050);
    assert_int_equal(index.has_money, 1);
    assert_string_equal(index.settlement_id, "S1");
    assert_string_equal(index.visit_id, "YL1");
    assert_true(rig_holds(answer, "\"acct_pay\":1500.50"));
    assert_true(
        rig_holds(answer, "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"setlinfo\":{\"setl_id\":\"S1\""));

    struct mapping_context context = context_of("2401", ADMISSION, ADMITTED);
    struct fep_record *body;
    struct fep_error error = {0};
    if (mapping_answer_out(danxian, &request, answer, &result, &context, &body, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(rig_get(body, "SETL-ID"), "S1");
    assert_string_equal(rig_get(body, "TOTAL"), "14000.00");
    assert_string_equal(rig_get(body, "ACCT"), "1500.50");
    record_destroy(body);
    slice_release(&answer);
    slice_release(&request.body);
}

static void
test_violated_equation_is_inconsistent_on_both_sides(void **state)
{
    (void)state;
    struct mapping_request request = settlement();
    struct fep_index index = request.index;
    struct fep_result result = {.size = sizeof result, .effect = FEP_EFFECT_POSTED};
    struct slice answer = answer_in(&request, settled_record("14000.01"), &index, &result);
    assert_int_equal(result.reason, FEP_REASON_INCONSISTENT);
    assert_non_null(strstr(result.text, "dajizhong-450900.cfg:"));
    /* The origin finds out for itself as well. */
    struct mapping_context context = context_of("2401", ADMISSION, ADMITTED);
    struct fep_record *body;
    struct fep_error error = {0};
    assert_true(mapping_answer_out(danxian, &request, answer, &result, &context, &body, &error) < 0);
    assert_non_null(strstr(error.text, "danxian-450100.cfg:"));
    assert_null(strstr(error.text, "14000"));
    slice_release(&answer);
    slice_release(&request.body);
}

static struct fep_record *
lines_record(size_t count)
{
    struct fep_record *body = rig_record(danxian, "2310-Q");
    char text[32];
    rig_set(body, "VISIT-NO", "ZY1");
    rig_set(body, "VISIT-ID", "YL1");
    snprintf(text, sizeof text, "%zu", count);
    rig_set(body, "COUNT", text);
    snprintf(text, sizeof text, "%zu.00", count * 10);
    rig_set(body, "SUM", text);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "L%zu", i + 1);
        rig_set_row(body, i, "LINE-NO", text);
        rig_set_row(body, i, "TIME", "20261122080000");
        rig_set_row(body, i, "HIS-CODE", "HIS1");
        rig_set_row(body, i, "HIS-NAME", "测试胶囊");
        rig_set_row(body, i, "CTR-CODE", i % 2 == 0 ? "4501-0001" : "unknown");
        rig_set_row(body, i, "KIND", "1");
        rig_set_row(body, i, "FEE-CAT", "01");
        rig_set_row(body, i, "PRICE", "2.5000");
        rig_set_row(body, i, "QTY", "4.0000");
        rig_set_row(body, i, "AMT", "10.00");
        rig_set_row(body, i, "LEVEL", "1");
        rig_set_row(body, i, "RATIO", "0.1000");
        rig_set_row(body, i, "FULL", "0.00");
        rig_set_row(body, i, "PRE", "1.00");
        rig_set_row(body, i, "OVER", "0.00");
        rig_set_row(body, i, "SCOPE", "9.00");
    }
    return body;
}

static void
test_lines_cross_both_catalogues(void **state)
{
    (void)state;
    struct mapping_context context = context_of("2401", ADMISSION, ADMITTED);
    struct mapping_request request = request_in("2310", lines_record(500), &context);
    assert_string_equal(request.header.infno, "2301");
    assert_true(rig_holds(request.body, "\"med_list_codg\":\"T000001\""));
    assert_true(rig_holds(request.body, "\"med_chrgitm_type\":\"09\""));
    assert_true(rig_holds(request.body, "\"chrgitm_lv\":\"02\""));
    assert_true(rig_holds(request.body, "\"cnt\":4.0000"));
    struct mapping_context out = context_of("", "", "");
    struct fep_record *head, *body;
    struct fep_error error = {0};
    if (mapping_request_out(dajizhong, &request.header, &request.index, request.body, FEP_OP_SUBMIT, &out,
                            &head, &body, &error) == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(record_rows(body), 500);
    assert_string_equal(rig_get_row(body, 0, "FQ-LEVEL"), "B");
    assert_string_equal(rig_get_row(body, 0, "FQ-FEE-CAT"), "XY");
    assert_string_equal(rig_get_row(body, 0, "FQ-QTY"), "4.0000");
    assert_true(strlen(rig_get_row(body, 0, "FQ-CTR-CODE")) > 0);
    assert_string_equal(rig_get_row(body, 1, "FQ-CTR-CODE"), "");
    assert_string_equal(rig_get_row(body, 499, "FQ-LINE-NO"), "L500");
    record_destroy(head);
    record_destroy(body);
    slice_release(&request.body);
}

static void
test_error_of_a_line_names_line_field_and_rule(void **state)
{
    (void)state;
    struct mapping_context context = context_of("2401", ADMISSION, ADMITTED);
    struct fep_record *head = danxian_head("2310"), *body = lines_record(3);
    struct mapping_request request;
    struct fep_error error = {0};
    rig_set_row(body, 2, "LEVEL", "7");
    assert_true(mapping_request_in(danxian, "2310", head, body, &context, &request, &error) < 0);
    assert_int_equal(error.kind, FEP_REFUSED);
    assert_int_equal(error.code, 1003);
    assert_non_null(strstr(error.text, "field LEVEL in line 3 (danxian-450100.cfg:"));
    assert_non_null(strstr(error.text, "code list level"));
    record_destroy(head);
    record_destroy(body);
}

static void
test_reversal_names_the_original(void **state)
{
    (void)state;
    struct mapping_context context = context_of("", "", "");
    struct fep_record *body = rig_record(danxian, "2421-Q");
    rig_set(body, "ORG-CODE", "2410");
    rig_set(body, "ORG-SERIAL", "20261122101502-H45010000003-0007");
    rig_set(body, "PSN-NO", "45090000000001");
    struct mapping_request request = request_in("2421", body, &context);
    assert_int_equal(request.header.transaction_class, CLASS_REVERSAL);
    assert_string_equal(request.header.infno, "2601");
    assert_string_equal(request.header.original_msgid, "H45010000003202611221015020007");
    assert_true(rig_holds(request.body, "\"omsgid\":\"H45010000003202611221015020007\""));

    struct fep_result result = {.size = sizeof result, .finding = FEP_FOUND_REVERSED};
    struct fep_record *answer;
    struct fep_error error = {0};
    if (mapping_answer_out(danxian, &request, SLICE_NONE, &result, &context, &answer, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(rig_get(answer, "RESULT"), "1");
    record_destroy(answer);
    assert_int_equal(mapping_reverse_refusal(danxian, &request, FEP_FOUND_STAYS_POSTED), 2503);
    assert_int_equal(mapping_reverse_refusal(danxian, &request, FEP_FOUND_REVERSED), 0);
    result.finding = FEP_FOUND_CANCELLED; /* danxian has no word for it */
    assert_true(mapping_answer_out(danxian, &request, SLICE_NONE, &result, &context, &answer, &error) < 0);
    slice_release(&request.body);
}

static void
test_inquiry_and_reversal_at_dajizhong(void **state)
{
    (void)state;
    struct mapping_request request = settlement();
    struct mapping_context context = context_of("", "", "");
    struct fep_attempt own = {.size = sizeof own, .serial = 990000000001, .serial_date = 20261123};
    struct fep_record *head, *body;
    struct fep_error error = {0};
    context.original_attempt = &attempt;
    context.attempt = &own;
    assert_string_equal(mapping_request_out(dajizhong, &request.header, &request.index, request.body,
                                            FEP_OP_INQUIRE, &context, &head, &body, &error),
                        "500002");
    assert_string_equal(rig_get(head, "H-SERIAL"), "20261123990000000001");
    assert_string_equal(rig_get(head, "H-ORG-TRAN"), "400002");
    assert_string_equal(rig_get(head, "H-ORG-SERIAL"), "20261122000000000093");
    assert_string_equal(rig_get(body, "VQ-PSN-NO"), "45090000000001");
    assert_string_equal(rig_get(body, "VQ-ORG-DATE"), "20261122");
    record_destroy(head);
    record_destroy(body);

    uint32_t finding = 99;
    struct fep_record *answer = rig_record(dajizhong, "500002-R");
    rig_set(answer, "IR-STATE", "5");
    assert_int_equal(mapping_finding(dajizhong, FEP_OP_INQUIRE, answer, 0, &finding), 0);
    assert_int_equal(finding, FEP_FOUND_CANCELLED);
    assert_true(mapping_finding(dajizhong, FEP_OP_REVERSE, answer, 0, &finding) < 0);
    record_destroy(answer);
    assert_int_equal(mapping_finding(dajizhong, FEP_OP_REVERSE, NULL, 2503, &finding), 0);
    assert_int_equal(finding, FEP_FOUND_STAYS_POSTED);
    assert_true(mapping_finding(dajizhong, FEP_OP_REVERSE, NULL, 2301, &finding) < 0);
    slice_release(&request.body);
}

static void
test_return_codes(void **state)
{
    (void)state;
    struct fep_result result = {.size = sizeof result, .code = 2301};
    enum fep_kind kind;
    assert_string_equal(mapping_error_out(danxian, FEP_REFUSED, &result), "-2301");
    result.code = 12103; /* the gateway's own */
    assert_string_equal(mapping_error_out(danxian, FEP_REFUSED, &result), "-1003");
    result.refusal_class = FEP_REPEATABLE;
    assert_string_equal(mapping_error_out(danxian, FEP_REFUSED, &result), "-9001");
    assert_string_equal(mapping_error_out(danxian, FEP_UNKNOWN, &result), "-9002");
    mapping_error_in(dajizhong, "900202", true, &kind, &result);
    assert_int_equal(kind, FEP_REFUSED);
    assert_int_equal(result.refusal_class, FEP_REPEATABLE);
    mapping_error_in(dajizhong, "900999", true, &kind, &result);
    assert_int_equal(kind, FEP_UNKNOWN);
    mapping_error_in(dajizhong, "777777", true, &kind, &result);
    assert_int_equal(kind, FEP_UNKNOWN);
    mapping_error_in(dajizhong, "777777", false, &kind, &result);
    assert_int_equal(kind, FEP_REFUSED);
    assert_int_equal(result.refusal_class, FEP_FINAL);
}

static void
test_texts_for_modules(void **state)
{
    (void)state;
    assert_string_equal(mapping_text_of(danxian, "wire", "sign_in"), "9100");
    assert_null(mapping_text_of(danxian, "wire", "nothing"));
    assert_string_equal(mapping_text_of(dajizhong, "errors", "200301"), "N:2301");
    assert_null(mapping_text_of(dajizhong, "errors", "777777"));
    assert_string_equal(mapping_text_of(danxian, "results", "N:2301"), "-2301");
    assert_string_equal(mapping_text_of(danxian, "results", "U:0"), "-9002");
    assert_string_equal(mapping_text_of(dajizhong, "inquire", "local"), "500002");
    assert_string_equal(mapping_text_of(dajizhong, "inquire", "4"), "reversed");
    assert_string_equal(mapping_text_of(dajizhong, "reverse", "error:2503"), "stays_posted");
    assert_null(mapping_text_of(danxian, "inquire", "local"));
}

static void
test_unknown_local_transaction_is_1002(void **state)
{
    (void)state;
    struct mapping_context context = context_of("", "", "");
    struct fep_record *head = danxian_head("7777"), *body = rig_record(danxian, "2410-Q");
    struct mapping_request request;
    struct fep_error error = {0};
    assert_true(mapping_request_in(danxian, "7777", head, body, &context, &request, &error) < 0);
    assert_int_equal(error.code, 1002);
    record_destroy(head);
    record_destroy(body);
}

static int
load(void **state)
{
    (void)state;
    danxian = rig_load_shipped("danxian-450100.cfg");
    dajizhong = rig_load_shipped("dajizhong-450900.cfg");
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    mapping_destroy(danxian);
    mapping_destroy(dajizhong);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settlement_becomes_canonical),
        cmocka_unit_test(test_class_of_the_visit_chooses_the_transaction),
        cmocka_unit_test(test_needs_the_visit_and_names_it),
        cmocka_unit_test(test_settlement_becomes_a_record),
        cmocka_unit_test(test_answer_goes_back),
        cmocka_unit_test(test_violated_equation_is_inconsistent_on_both_sides),
        cmocka_unit_test(test_lines_cross_both_catalogues),
        cmocka_unit_test(test_error_of_a_line_names_line_field_and_rule),
        cmocka_unit_test(test_reversal_names_the_original),
        cmocka_unit_test(test_inquiry_and_reversal_at_dajizhong),
        cmocka_unit_test(test_return_codes),
        cmocka_unit_test(test_texts_for_modules),
        cmocka_unit_test(test_unknown_local_transaction_is_1002),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
