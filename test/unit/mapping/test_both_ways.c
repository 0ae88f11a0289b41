/* The shipped mapping files of danxian and dajizhong in the directions opposite to test_shipped.c:
 * dajizhong's records become canonical, danxian's lines are made of them, and their answers go back; ids that
 * are too long, persons who are not the visit's, inquiries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"
#include "model.h"

static struct mapping *danxian, *dajizhong;

static const struct fep_attempt attempt = {
    .size = sizeof attempt, .number = 1, .serial = 70000000101, .serial_date = 20261122};

#define VISIT                                                                                                \
    "{\"opter\":\"1007\",\"input\":{\"data\":{\"psn_no\":\"45010000000000000002\",\"ipt_otp_no\":\"MZ1\"}}}"
#define OPENED                                                                                               \
    "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"data\":{\"mdtrt_id\":\"NN20261121000000000033\"}}}"

static struct mapping_context
context_of(const char *visit_infno)
{
    return rig_context(&attempt, visit_infno, VISIT, OPENED);
}

static struct fep_record *
head_of(const char *tran)
{
    struct fep_record *head = rig_record(dajizhong, "head-Q");
    rig_set(head, "H-TRAN", tran);
    rig_set(head, "H-SENDER", "DJ4509000001");
    rig_set(head, "H-SERIAL", "20261122000000000093");
    rig_set(head, "H-TREAT-RGN", "450900");
    rig_set(head, "H-INSU-RGN", "450100");
    rig_set(head, "H-HOSP", "H45090000001");
    rig_set(head, "H-OPER", "1007");
    return head;
}

static int
request_in(struct fep_record *head, const char *local, struct fep_record *body,
           struct mapping_request *request, struct fep_error *error)
{
    struct mapping_context context = context_of("2201");
    int status = mapping_request_in(dajizhong, local, head, body, &context, request, error);
    record_destroy(head);
    record_destroy(body);
    return status;
}

static struct fep_record *
settle_body(const char *visit_id, const char *psn_no)
{
    struct fep_record *body = rig_record(dajizhong, "400002-Q");
    rig_set(body, "SQ-CTR-VISIT", visit_id);
    rig_set(body, "SQ-VISIT-NO", "MZ1");
    rig_set(body, "SQ-PSN-NO", psn_no);
    rig_set(body, "SQ-BILL-NO", "FP1");
    rig_set(body, "SQ-MED-CAT", "01");
    rig_set(body, "SQ-TIME", "20261122101455");
    rig_set(body, "SQ-ACCT-FLAG", "N");
    rig_set(body, "SQ-MID-FLAG", "N");
    rig_set(body, "SQ-HIS-TOTAL", "125.55");
    return body;
}

static const char *
alias_of(const char *id)
{
    static char alias[ALIAS_SIZE + 1];
    assert_int_equal(alias_make(id, strlen(id), alias), 0);
    return alias;
}

/* --- ids --- */

static void
test_alias_holds_the_whole_id(void **state)
{
    (void)state;
    static const char *const ids[] = {"NN20261121000000000033",
                                      "GW2026112200000000000778",
                                      "0",
                                      "00000000000000000000001",
                                      "ZZZZ99999999999999999999999",
                                      "A",
                                      "ABCD",
                                      "AAAA0000000000000000000000",
                                      "10000000000000000000000000000"};
    char alias[ALIAS_SIZE + 1], id[LONGEST_ID + 1];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_int_equal(alias_make(ids[i], strlen(ids[i]), alias), 0);
        assert_int_equal(strlen(alias), 20);
        assert_int_equal(alias[0], '~');
        assert_null(strchr(alias, 'x')); /* identifiers are folded to upper case on the way */
        assert_int_equal(alias_read(alias, 20, id), 0);
        assert_string_equal(id, ids[i]);
    }
}

static void
test_alias_refuses_what_it_can_not_hold(void **state)
{
    (void)state;
    static const char *const ids[] = {"",
                                      "nn20261121000000000033",
                                      "NN-20261121000000000033",
                                      "ABCDE2026112100000000",
                                      "ZZ9999999999999999999999999999",
                                      "1234567890123456789012345678901"};
    char alias[ALIAS_SIZE + 1], id[LONGEST_ID + 1];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_int_equal(alias_make(ids[i], strlen(ids[i]), alias), -1);
    assert_int_equal(alias_read("~1", 2, id), -1);
    assert_int_equal(alias_read("~@@@@@@@@@@@@@@@@@@@", 20, id), -1);
    assert_int_equal(alias_read("~xxxxxxxxxxxxxxxxxxx", 20, id), -1);
    assert_int_equal(alias_read("NN202611210000000003", 20, id), -1);
}

/* --- dajizhong asks --- */

static void
test_alias_finds_the_visit(void **state)
{
    (void)state;
    char visit_id[32], area[AREA_SIZE];
    struct fep_record *head = head_of("400002"), *body = settle_body(alias_of("NN20261121000000000033"), "P");
    assert_int_equal(mapping_needs_visit(dajizhong, "400002", head, body, visit_id, area), 1);
    assert_string_equal(visit_id, "NN20261121000000000033");
    assert_string_equal(area, "450100");
    record_destroy(head);
    record_destroy(body);
}

static void
test_settlement_becomes_canonical(void **state)
{
    (void)state;
    struct mapping_request request;
    struct fep_error error = {0};
    if (request_in(head_of("400002"), "400002",
                   settle_body(alias_of("NN20261121000000000033"), "45010000000000000002"), &request,
                   &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(request.header.infno, "2207");
    assert_string_equal(request.header.key.msgid, "DJ4509000001261122000000000093");
    assert_string_equal(request.header.insured_area, "450100");
    assert_string_equal(request.header.treat_area, "450900");
    assert_string_equal(request.index.visit_id, "NN20261121000000000033");
    assert_true(rig_holds(request.body, "\"mdtrt_id\":\"NN20261121000000000033\""));
    assert_true(rig_holds(request.body, "\"opter\":\"1007\""));
    assert_true(rig_holds(request.body, "\"acct_used_flag\":\"0\""));
    slice_release(&request.body);
}

static void
test_another_person_under_a_visit_is_refused(void **state)
{
    (void)state;
    struct mapping_request request;
    struct fep_error error = {0};
    assert_int_equal(request_in(head_of("400002"), "400002",
                                settle_body(alias_of("NN20261121000000000033"), "45010000000000000001"),
                                &request, &error),
                     -1);
    assert_int_equal(error.code, 2003);
    assert_int_equal(error.kind, FEP_REFUSED);
    assert_null(strstr(error.text, "45010000000000000001")); /* nobody's number in an error */
}

static void
test_another_regions_hospital_is_refused(void **state)
{
    (void)state;
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_record *head = head_of("400002");
    rig_set(head, "H-TREAT-RGN", "450300");
    assert_int_equal(request_in(head, "400002", settle_body("V1", "45010000000000000002"), &request, &error),
                     -1);
    assert_int_equal(error.code, 1003);
}

static struct fep_record *
cancel_lines(const char *all, const char *const *lines)
{
    struct fep_record *body = rig_record(dajizhong, "300002-Q");
    rig_set(body, "FC-CTR-VISIT", "V1");
    rig_set(body, "FC-VISIT-NO", "MZ1");
    rig_set(body, "FC-ALL", all);
    for (size_t i = 0; lines[i] != NULL; i++)
        rig_set_row(body, i, "FC-LINE-NO", lines[i]);
    return body;
}

/* What danxian's line is made of, or why not. */
static struct fep_record *
to_danxian(const struct mapping_request *request, struct fep_error *error)
{
    struct mapping_context context = context_of("");
    struct fep_record *head, *body;
    if (mapping_request_out(danxian, &request->header, &request->index, request->body, FEP_OP_SUBMIT,
                            &context, &head, &body, error) == NULL)
        return NULL;
    record_destroy(head);
    return body;
}

static void
test_lines_are_taken_back_one_at_a_time(void **state)
{
    (void)state;
    const struct {
        const char *all;
        const char *lines[3];
        const char *expected; /* NULL: danxian can not do it */
    } cases[] = {{"Y", {NULL}, "0000"}, {"N", {"7", NULL}, "7"}, {"N", {"7", "8", NULL}, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mapping_request request;
        struct fep_error error = {0};
        if (request_in(head_of("300002"), "300002", cancel_lines(cases[i].all, cases[i].lines), &request,
                       &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(request.header.infno, "2205");
        assert_true(rig_holds(request.body, "\"mdtrt_id\":\"V1\""));
        assert_true(rig_holds(request.body, "\"psn_no\":\"45010000000000000002\""));
        struct fep_record *body = to_danxian(&request, &error);
        if (cases[i].expected != NULL) {
            assert_non_null(body);
            assert_string_equal(rig_get(body, "LINE-NO"), cases[i].expected);
            assert_string_equal(rig_get(body, "OPER-NAME"), "前置机");
        } else {
            assert_null(body); /* refused beforehand: nothing is half done */
            assert_non_null(strstr(error.text, "one at a time"));
        }
        record_destroy(body);
        slice_release(&request.body);
    }
}

/* --- inquiry --- */

static void
test_inquiry_names_the_original_and_brings_its_answer(void **state)
{
    (void)state;
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_record *head = head_of("500002"), *body = rig_record(dajizhong, "500002-Q");
    rig_set(head, "H-SERIAL", "20261122000000000201");
    rig_set(head, "H-ORG-TRAN", "400002");
    rig_set(head, "H-ORG-SERIAL", "20261122000000000093");
    if (request_in(head, "500002", body, &request, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(request.header.transaction_class, CLASS_INQUIRY);
    assert_string_equal(request.header.original_msgid, "DJ4509000001261122000000000093");
    snprintf(request.header.original_infno, sizeof request.header.original_infno, "2207");
    struct mapping_context context = context_of("");
    struct fep_record *answer = NULL;
    const struct fep_result result = {.size = sizeof result, .finding = FEP_FOUND_POSTED};
    assert_int_equal(
        mapping_answer_out(
            dajizhong, &request,
            rig_slice("{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"setlinfo\":{\"setl_id\":"
                      "\"NN2026112200000000000778\",\"medfee_sumamt\":125.55,\"fund_pay_sumamt\":55.65,"
                      "\"psn_cash_pay\":69.90,\"hifp_pay\":55.65,\"inscp_scp_amt\":125.55}}}"),
            &result, &context, &answer, &error),
        0);
    assert_string_equal(record_layout(answer)->name, "400002-R");
    assert_string_equal(rig_get(answer, "SR-SETL-NO"), alias_of("NN2026112200000000000778"));
    record_destroy(answer);
    assert_int_equal(mapping_answer_out(dajizhong, &request, SLICE_NONE, &result, &context, &answer, &error),
                     0);
    assert_null(answer);
    assert_string_equal(mapping_text_of(dajizhong, "serve_inquire", "finding:never_arrived"), "4");
    slice_release(&request.body);
}

/* --- danxian is asked --- */

static const struct message_header registration = {.key = {.origin = "GW4509000001", .msgid = "M1"},
                                                   .infno = "2201",
                                                   .transaction_class = CLASS_UPDATE,
                                                   .treat_area = "450900",
                                                   .insured_area = "450100",
                                                   .institution = "H45090000001",
                                                   .day = 20261122};
#define REGISTER                                                                                             \
    "{\"opter\":\"1007\",\"input\":{\"data\":{\"psn_no\":\"45010000000000000002\",\"ipt_otp_no\":\"MZ1\","   \
    "\"psn_name\":"                                                                                          \
    "\"莫试\",\"med_type\":\"11\",\"begntime\":\"2026-11-22 10:15:00\"}}}"

static void
test_registration_becomes_a_line_and_its_answer_names_the_visit(void **state)
{
    (void)state;
    struct mapping_context context = context_of("");
    struct fep_record *head, *body;
    struct fep_error error = {0};
    const char *local =
        mapping_request_out(danxian, &registration, &(struct fep_index){0}, rig_slice(REGISTER),
                            FEP_OP_SUBMIT, &context, &head, &body, &error);
    if (local == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(local, "2210");
    assert_string_equal(rig_get(head, "CENTRE"), "450900"); /* the other region: where the treatment is */
    assert_string_equal(rig_get(head, "HOSPITAL"), "H45090000001");
    assert_string_equal(rig_get(head, "SERIAL"), "20261122070000000101");
    assert_string_equal(rig_get(head, "OPERATOR"), ""); /* the module's */
    assert_string_equal(rig_get(body, "TREAT-REGION"), "450900");
    assert_string_equal(rig_get(body, "NAT-HOSPITAL"), "H45090000001");
    assert_string_equal(rig_get(body, "OPER-NAME"), "前置机");
    record_destroy(head);
    record_destroy(body);
    struct fep_record *answer = rig_record(danxian, "2210-R");
    struct fep_result result = {.size = sizeof result};
    struct fep_index index = {.size = sizeof index};
    struct slice canonical;
    rig_set(answer, "VISIT-ID", "NN20261121000000000033");
    rig_set(answer, "DEDC", "0.00");
    assert_int_equal(mapping_answer_in(danxian, &registration, rig_slice(REGISTER), answer, &context,
                                       &canonical, &index, &result, &error),
                     0);
    assert_true(rig_holds(canonical, "\"mdtrt_id\":\"NN20261121000000000033\""));
    assert_true(rig_holds(canonical, "\"ipt_otp_no\":\"MZ1\"")); /* the answer itself does not repeat it */
    record_destroy(answer);
    slice_release(&canonical);
}

static void
test_reversal_says_where_to_look(void **state)
{
    (void)state;
    struct fep_attempt original = attempt;
    for (int known = 0; known < 2; known++) {
        struct mapping_context context = context_of("");
        struct fep_record *head, *body;
        struct fep_error error = {0};
        original.accounting_date = known ? 20261123 : 0; /* drawn before midnight, posted after */
        context.original_attempt = &original;
        assert_string_equal(mapping_request_out(danxian, &registration, &(struct fep_index){0},
                                                rig_slice(REGISTER), FEP_OP_REVERSE, &context, &head, &body,
                                                &error),
                            "2421");
        assert_string_equal(rig_get(body, "ORG-CODE"), "2210");
        assert_string_equal(rig_get(body, "ORG-SERIAL"), "20261122070000000101");
        assert_string_equal(rig_get(body, "ORG-DATE"), known ? "20261123" : "20261122");
        record_destroy(head);
        record_destroy(body);
    }
}

static void
test_residents_and_certificates_are_told_apart_again(void **state)
{
    (void)state;
    const struct {
        const char *birth, *category, *certificate, *number, *psn_type, *cert_type;
    } cases[] = {{"20150107", "5", "1", "450100201501070102", "14", "01"},
                 {"19790708", "5", "1", "450100197907080021", "15", "01"},
                 {"19490105", "5", "4", "H12345678", "16", "04"},
                 {"", "5", "4", "M12345678", "15", "05"},
                 {"19520521", "1", "4", "H12345678", "12", "04"},
                 {"20081122", "5", "9", "1", "15", "99"},
                 {"20081123", "5", "9", "1", "14", "99"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mapping_context context = context_of("");
        struct message_header header = registration;
        struct fep_record *answer = rig_record(danxian, "2100-R");
        struct fep_result result = {.size = sizeof result};
        struct fep_index index = {.size = sizeof index};
        struct fep_error error = {0};
        struct slice canonical;
        char expected[64];
        snprintf(header.infno, sizeof header.infno, "1101");
        rig_set(answer, "PSN-NO", "45010000000000000002");
        rig_set(answer, "BIRTH", cases[i].birth);
        rig_set(answer, "PSN-CAT", cases[i].category);
        rig_set(answer, "CERT-TYPE", cases[i].certificate);
        rig_set(answer, "CERT-NO", cases[i].number);
        rig_set(answer, "INS-TYPE", "2");
        if (mapping_answer_in(danxian, &header, rig_slice("{\"input\":{}}"), answer, &context, &canonical,
                              &index, &result, &error) < 0)
            fail_msg("%s", error.text);
        snprintf(expected, sizeof expected, "\"psn_type\":\"%s\"", cases[i].psn_type);
        assert_true(rig_holds(canonical, expected));
        snprintf(expected, sizeof expected, "\"psn_cert_type\":\"%s\"", cases[i].cert_type);
        assert_true(rig_holds(canonical, expected));
        record_destroy(answer);
        slice_release(&canonical);
    }
}

/* --- what a file may say --- */

static void
test_mistakes_are_named(void **state)
{
    (void)state;
    assert_null(rig_load_rules("(\"F\", \"text\", 20), (\"G\", \"text\", 20)",
                               "(\"F\", \"data.f\", { when = (\"local.G:0\", \"x\"); })", ""));
    assert_non_null(strstr(rig_problems, "expected local.NAME or local.NAME:N"));
    assert_null(rig_load_rules("(\"F\", \"text\", 20), (\"G\", \"text\", 20)",
                               "(\"F\", \"data.f\", { when = (\"age.H\", \"minor\"); })", ""));
    assert_non_null(strstr(rig_problems, "has no such field"));
    assert_null(rig_load_rules("(\"F\", \"text\", 20), (\"G\", \"text\", 20)",
                               "(\"F\", \"data.f\", { same = \"header.nothing\"; })", ""));
    assert_non_null(strstr(rig_problems, "is not known"));
}

static int
load_both(void **state)
{
    (void)state;
    danxian = rig_load_shipped("danxian-450100.cfg");
    dajizhong = rig_load_shipped("dajizhong-450900.cfg");
    return 0;
}

static int
drop_both(void **state)
{
    (void)state;
    mapping_destroy(danxian);
    mapping_destroy(dajizhong);
    rig_clean();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_holds_the_whole_id),
        cmocka_unit_test(test_alias_refuses_what_it_can_not_hold),
        cmocka_unit_test(test_alias_finds_the_visit),
        cmocka_unit_test(test_settlement_becomes_canonical),
        cmocka_unit_test(test_another_person_under_a_visit_is_refused),
        cmocka_unit_test(test_another_regions_hospital_is_refused),
        cmocka_unit_test(test_lines_are_taken_back_one_at_a_time),
        cmocka_unit_test(test_inquiry_names_the_original_and_brings_its_answer),
        cmocka_unit_test(test_registration_becomes_a_line_and_its_answer_names_the_visit),
        cmocka_unit_test(test_reversal_says_where_to_look),
        cmocka_unit_test(test_residents_and_certificates_are_told_apart_again),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, load_both, drop_both);
}
