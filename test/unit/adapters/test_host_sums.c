/* A settlement that carries sums over the visit's fee lines: the host asks the router for them first, and
 * without them nothing is sent. The test plays router and local system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error_codes.h"
#include "exchange_record.h"
#include "report_rig.h"

#define SETTLE "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"psn_no\":\"P\",\"medfee_sumamt\":30.35}}}"
#define UPLOAD                                                                                               \
    "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\"},\"feedetail\":["                                             \
    "{\"feedetl_sn\":\"1\",\"item_kind\":\"1\",\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":20.00},"        \
    "{\"feedetl_sn\":\"2\",\"item_kind\":\"1\",\"chrgitm_lv\":\"02\",\"det_item_fee_sumamt\":0.35},"         \
    "{\"feedetl_sn\":\"3\",\"item_kind\":\"2\",\"chrgitm_lv\":\"01\",\"det_item_fee_sumamt\":10.00}]}}"
#define SUMS "TOTAL=30.35,DRUG-A=20.00,DRUG-B=0.35,LINES=3"

static struct stored
posted(const char *infno, const char *msgid, const char *body, const char *answer)
{
    return (struct stored){.infno = infno,
                           .msgid = msgid,
                           .settlement_id = "",
                           .insutype = "",
                           .med_type = "",
                           .state = STATE_ANSWERED,
                           .effect = FEP_EFFECT_POSTED,
                           .serial = 3,
                           .body = body,
                           .answer = answer};
}

static int
set_up(void **state)
{
    if (report_rig_set_up(state) < 0)
        return -1;
    report_rig_open(*state, report_rig_mapping("sums"), "", "4501-1,T1,x,01,20200101,\n");
    return 0;
}

/* Hands the call over; the question that comes. */
static uint64_t
submit(struct report_rig *rig, const char *infno, uint8_t operation, uint32_t time_left_ms)
{
    struct frame frame = rig_submit(17, operation, 7, infno, SETTLE);
    frame.travel.time_left_ms = time_left_ms;
    snprintf(frame.header.key.origin, sizeof frame.header.key.origin, "GW4501000001"); /* as the entries */
    rig_send(&rig->rig, &frame);
    uint64_t list = report_rig_list(rig, "\"visit_id\":\"V1\",\"insured_area\":\"450900\"");
    rig_expect(rig->heard, "\"role\":3,\"bodies\":true");
    rig_expect(rig->heard,
               "\"2204\",\"2301\",\"2205\",\"2302\",\"2207\",\"2207A\",\"2304\",\"2208\",\"2305\"");
    return list;
}

static void
tell_visit(struct report_rig *rig, uint64_t list)
{
    struct stored opened = posted("2401", "M1", "{}", "{\"output\":{\"result\":{\"mdtrt_id\":\"V1\"}}}");
    struct stored upload = posted("2301", "M2", UPLOAD, "{}");
    struct stored own =
        posted("2304", "M7", SETTLE, "{}"); /* the very settlement, as it stands in the store */
    own.state = STATE_DISPATCHED;
    report_rig_entry(rig, list, &opened);
    report_rig_entry(rig, list, &upload);
    own.serial = 7;
    report_rig_entry(rig, list, &own);
}

static void
expect_not_sent(struct report_rig *rig, unsigned code, const char *part)
{
    struct frame *done = rig_take(&rig->rig, FRAME_DONE);
    assert_int_equal(done->sequence, 17);
    assert_int_equal(done->result.kind, FEP_NOT_SENT);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    assert_int_equal(done->result.code, code);
    rig_expect(done->text, part);
    rig_ack(&rig->rig, FRAME_DONE, 17);
}

/* The next call is served as ever, and is the first thing that the local system hears. */
static void
expect_next_call(struct report_rig *rig)
{
    struct frame frame =
        rig_submit(18, CORE_OP_SUBMIT, 8, "2401", "{\"input\":{\"mdtrtinfo\":{\"psn_no\":\"P\"}}}");
    rig_send(&rig->rig, &frame);
    rig_expect(report_rig_asked(rig), "OPEN 20261122000000000008");
    report_rig_answer(rig, "1 0;B:VISIT=V1");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->sequence, 18);
}

static void
test_the_sums_travel_with_the_settlement(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    tell_visit(rig, list);
    report_rig_list_end(rig, list, "1/GW/M2"); /* and a second page */
    list = report_rig_list(rig, "\"after\":\"1/GW/M2\"");
    report_rig_list_end(rig, list, NULL);
    rig_expect(report_rig_asked(rig), ";B:VISIT=V1," SUMS);
    report_rig_answer(rig, "1 0;B:SETL=S1,SUM=30.35");
    struct frame *done = rig_take(&rig->rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
}

static void
test_a_trial_has_them_too(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2303", CORE_OP_QUERY, 30000);
    tell_visit(rig, list);
    report_rig_list_end(rig, list, NULL);
    rig_expect(report_rig_asked(rig), ";B:VISIT=V1," SUMS);
    report_rig_answer(rig, "1 0;B:SUM=30.35");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind, FEP_ANSWERED);
}

static void
test_others_do_not_pay(void **state)
{
    struct report_rig *rig = *state;
    expect_next_call(rig);
}

static void
test_a_list_that_fails(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct frame end = {.kind = FRAME_ENTRY,
                        .sequence = list,
                        .sections = FRAME_HAS_RESULT | FRAME_HAS_TEXT,
                        .result = {.kind = FEP_NOT_SENT, .code = FEP_E_STORE_READ}};
    snprintf(end.text, sizeof end.text, "a journal can't be read");
    tell_visit(rig, list);
    rig_send(&rig->rig, &end);
    expect_not_sent(rig, FEP_E_STORE_READ, "a journal can't be read");
    expect_next_call(rig);
}

static void
test_a_list_that_is_late(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 400);
    expect_not_sent(rig, FEP_E_DEADLINE_NOT_SENT, "in time");
    tell_visit(rig, list); /* too late: nothing comes of it */
    report_rig_list_end(rig, list, NULL);
    expect_next_call(rig);
}

static void
test_withdrawn_while_it_waits(void **state)
{
    struct report_rig *rig = *state;
    (void)submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct frame cancel = {.kind = FRAME_CANCEL, .sequence = 17};
    rig_send(&rig->rig, &cancel);
    expect_not_sent(rig, FEP_E_WITHDRAWN, "withdrawn");
    expect_next_call(rig);
}

static void
test_offered_twice_it_is_one_call(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct frame again = rig_submit(17, CORE_OP_SUBMIT, 7, "2304", SETTLE);
    snprintf(again.header.key.origin, sizeof again.header.key.origin, "GW4501000001");
    rig_send(&rig->rig, &again);
    tell_visit(rig, list);
    report_rig_list_end(rig, list, NULL);
    rig_expect(report_rig_asked(rig), SUMS);
    rig_take_none(&rig->rig, FRAME_LIST, 300);
    report_rig_answer(rig, "1 0;B:SETL=S1,SUM=30.35");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind, FEP_ANSWERED);
}

static void
test_an_upload_without_an_outcome(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct stored upload = posted("2301", "M3", UPLOAD, "");
    upload.state = STATE_UNKNOWN;
    tell_visit(rig, list);
    report_rig_entry(rig, list, &upload);
    expect_not_sent(rig, FEP_E_HOST_NOT_READY, "not known yet");
    expect_next_call(rig);
}

static void
test_a_visit_whose_beginning_is_not_stored(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct stored upload = posted("2301", "M2", UPLOAD, "{}");
    report_rig_entry(rig, list, &upload);
    report_rig_list_end(rig, list, NULL);
    list = report_rig_list(rig, "\"visit_id\":\"V1\""); /* once more, further back */
    report_rig_entry(rig, list, &upload);
    report_rig_list_end(rig, list, NULL);
    expect_not_sent(rig, FEP_E_NOTHING_KNOWN, "began before");
}

/* What the first list told is not counted a second time. */
static void
test_a_visit_that_began_long_ago(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct stored upload = posted("2301", "M2", UPLOAD, "{}");
    report_rig_entry(rig, list, &upload);
    report_rig_list_end(rig, list, NULL);
    list = report_rig_list(rig, "\"visit_id\":\"V1\"");
    tell_visit(rig, list);
    report_rig_list_end(rig, list, NULL);
    rig_expect(report_rig_asked(rig), ";B:VISIT=V1," SUMS);
    report_rig_answer(rig, "1 0;B:SETL=S1,SUM=30.35");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind, FEP_ANSWERED);
}

/* An orderly end while the list is under way: the call ends as not sent, nothing leaks. */
static void
test_an_end_while_it_waits(void **state)
{
    struct report_rig *rig = *state;
    uint64_t list = submit(rig, "2304", CORE_OP_SUBMIT, 60000);
    struct frame drain = {.kind = FRAME_DRAIN};
    rig_send(&rig->rig, &drain);
    tell_visit(rig, list);
    report_rig_list_end(rig, list, NULL);
    expect_not_sent(rig, FEP_E_STOPPING, "takes nothing");
    assert_int_equal(rig_wait_exit(&rig->rig), 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, report_rig_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_the_sums_travel_with_the_settlement),
        CASE(test_a_trial_has_them_too),
        CASE(test_others_do_not_pay),
        CASE(test_a_list_that_fails),
        CASE(test_a_list_that_is_late),
        CASE(test_withdrawn_while_it_waits),
        CASE(test_offered_twice_it_is_one_call),
        CASE(test_an_upload_without_an_outcome),
        CASE(test_a_visit_whose_beginning_is_not_stored),
        CASE(test_a_visit_that_began_long_ago),
        CASE(test_an_end_while_it_waits),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
