/* Uploads of more lines than one posting takes, in a real fep-adapter: the test plays the router and a local
 * system that takes two lines at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error_codes.h"
#include "report_rig.h"

#define CROSSWALK "4501-1,T1,甲,01,20200101,\n"
#define LINE(number, code, amount)                                                                           \
    "{\"feedetl_sn\":\"" number "\",\"medins_list_codg\":\"H" number "\",\"med_list_codg\":\"" code          \
    "\",\"det_item_fee_sumamt\":" amount "}"
#define UPLOAD                                                                                                 \
    "{\"opter_name\":\"某某\",\"fixmedins_name\":\"测试医院\",\"input\":{\"data\":{\"mdtrt_id\":\"V1\"," \
    "\"psn_no\":\"4501PERSON77\",\"det_item_fee_sumamt\":41.00},\"feedetail\":[" LINE(                         \
        "1", "T1", "10.00") "," LINE("2", "T1",                                                                \
                                     "12.50") "," LINE("3", "T9",                                              \
                                                       "7.50") "," LINE("4", "T1",                             \
                                                                        "1.00") "," LINE("5", "T8",            \
                                                                                         "10.00") "]}}"
#define SERIAL(number) "202611220000000000" #number

static const char *const answers[] = {"1 0;B:SUM=22.50;R:SN=1,AMT=10.00;R:SN=2,AMT=12.50",
                                      "1 0;B:SUM=8.50;R:SN=3,AMT=7.50;R:SN=4,AMT=1.00",
                                      "1 0;B:SUM=10.00;R:SN=5,AMT=10.00"};

/* The call M10: its postings have the serials 11, 12 and 13. */
static void
begin_with(struct report_rig *rig, uint8_t operation, const char *body)
{
    report_rig_open(rig, report_rig_mapping("batches"), "", CROSSWALK);
    struct frame submit = rig_submit(3, operation, 10, "2204", body);
    snprintf(submit.header.institution, sizeof submit.header.institution, "H45010000003");
    rig_send(&rig->rig, &submit);
}

static void
begin(struct report_rig *rig, uint8_t operation)
{
    begin_with(rig, operation, UPLOAD);
}

static struct frame *
take_done(struct report_rig *rig, enum fep_kind kind)
{
    struct frame *done = rig_take(&rig->rig, FRAME_DONE);
    assert_int_equal(done->sequence, 3);
    assert_int_equal(done->result.kind, kind);
    return done;
}

static void
expect_body(const struct frame *done, const char *part)
{
    char text[4096];
    assert_true(done->body.size < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)done->body.size, (const char *)done->body.data);
    rig_expect(text, part);
}

static void
expect_whole_answer(struct frame *done)
{
    expect_body(done, "\"det_item_fee_sumamt\":41.00}");
    expect_body(done, "\"result\":[{\"feedetl_sn\":\"1\",");
    expect_body(done, "{\"feedetl_sn\":\"2\",");
    expect_body(done, "{\"feedetl_sn\":\"5\",\"det_item_fee_sumamt\":10.00,");
}

static void
test_all_parts_posted(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    rig_expect(report_rig_asked(rig),
               "FEE " SERIAL(11) ";H:SERIAL=" SERIAL(
                   11) ",AREA=450100;B:VISIT=V1,PSN=4501PERSON77,SUM=22.50"
                       ";R:SN=1,OWN=H1,CODE=4501-1,AMT=10.00;R:SN=2,OWN=H2,CODE=4501-1,AMT=12.50");
    report_rig_answer(rig, answers[0]);
    rig_expect(report_rig_asked(rig), "FEE " SERIAL(12));
    rig_expect(rig->heard, "SUM=8.50;R:SN=3,OWN=H3,AMT=7.50;R:SN=4,OWN=H4,CODE=4501-1,AMT=1.00");
    report_rig_answer(rig, answers[1]);
    rig_expect(report_rig_asked(rig), "FEE " SERIAL(13));
    rig_expect(rig->heard, "SUM=10.00;R:SN=5,OWN=H5,AMT=10.00");
    report_rig_answer(rig, answers[2]);
    /* The lines without a code, by their places in the whole. */
    static const char *const lines[] = {"\"line\":3,", "\"line\":5,"};
    for (int i = 0; i < 2; i++) {
        struct frame *prompt = rig_take(&rig->rig, FRAME_PROMPT);
        expect_body(prompt, lines[i]);
        rig_ack(&rig->rig, FRAME_PROMPT, prompt->sequence);
    }
    struct frame *done = take_done(rig, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    expect_whole_answer(done);
}

static void
test_refused_part_undoes_those_before(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[0]);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[1]);
    report_rig_asked(rig);
    report_rig_answer(rig, "3 2203");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(12));
    report_rig_answer(rig, "1 0;F:4");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(11));
    report_rig_answer(rig, "1 0;F:4");
    assert_int_equal(take_done(rig, FEP_REFUSED)->result.code, 2203);
    rig_take_none(&rig->rig, FRAME_PROMPT, 200);
}

/* Refused as a whole only when every part before is certainly undone. */
static void
test_reversal_without_a_word_is_unknown(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[0]);
    report_rig_asked(rig);
    report_rig_answer(rig, "3 2203");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(11));
    report_rig_answer(rig, "1 0;F:3");
    take_done(rig, FEP_UNKNOWN);
}

static void
test_first_part_refused(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, "3 2201");
    assert_int_equal(take_done(rig, FEP_REFUSED)->result.code, 2201);
}

/* Its serials are used up: what was not sent of a later part is repeated as a new attempt only. */
static void
test_later_part_not_sent(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[0]);
    report_rig_asked(rig);
    report_rig_answer(rig, "2 9001");
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;F:4");
    const struct frame *done = take_done(rig, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    assert_int_equal(done->result.code, 9001);
}

/* The late word of a part is none of the whole's. */
static void
test_unknown_part(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[0]);
    report_rig_asked(rig);
    report_rig_answer(rig, "4 9002");
    take_done(rig, FEP_UNKNOWN);
    assert_int_not_equal(rig_take(&rig->rig, FRAME_LATE)->attempt.serial, 10);
}

static void
test_inquiry_finds_all_parts(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT); /* tells the module the transaction's name */
    report_rig_asked(rig);
    report_rig_answer(rig, "4 9002");
    take_done(rig, FEP_UNKNOWN);
    rig_ack(&rig->rig, FRAME_DONE, 3);
    struct frame inquire = rig_submit(3, CORE_OP_INQUIRE, 10, "2204", UPLOAD);
    rig_send(&rig->rig, &inquire);
    static const char *const serials[] = {SERIAL(11), SERIAL(12), SERIAL(13)};
    for (int i = 0; i < 3; i++) {
        char found[256];
        rig_expect(report_rig_asked(rig), "WHAT ");
        rig_expect(rig->heard, serials[i]);
        snprintf(found, sizeof found, "1 0;F:1;%s", answers[i] + 4);
        report_rig_answer(rig, found);
    }
    for (int i = 0; i < 2; i++)
        rig_ack(&rig->rig, FRAME_PROMPT, rig_take(&rig->rig, FRAME_PROMPT)->sequence);
    struct frame *done = take_done(rig, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    expect_whole_answer(done);
}

static void
test_inquiry_finds_some_parts(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_SUBMIT);
    report_rig_asked(rig);
    report_rig_answer(rig, answers[0]);
    report_rig_asked(rig);
    report_rig_answer(rig, "4 9002");
    take_done(rig, FEP_UNKNOWN);
    rig_ack(&rig->rig, FRAME_DONE, 3);
    struct frame inquire = rig_submit(3, CORE_OP_INQUIRE, 10, "2204", UPLOAD);
    rig_send(&rig->rig, &inquire);
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;F:1;B:SUM=22.50;R:SN=1,AMT=10.00;R:SN=2,AMT=12.50");
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;F:2");
    const struct frame *done = take_done(rig, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_NOTHING); /* as a whole: to be reversed */
    assert_int_equal(done->body.size, 0);
}

static void
test_reversal_goes_through_all_parts(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, CORE_OP_REVERSE);
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(15));
    report_rig_answer(rig, "1 0;F:6"); /* never arrived; there could be five postings, was it one line each */
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(14));
    report_rig_answer(rig, "1 0;F:6");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(13));
    report_rig_answer(rig, "1 0;F:6");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(12));
    report_rig_answer(rig, "1 0;F:4");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(11));
    report_rig_answer(rig, "1 0;F:4");
    rig_expect(report_rig_asked(rig), "BACK " SERIAL(10)); /* or it was one posting */
    report_rig_answer(rig, "1 0;F:6");
    assert_int_equal(take_done(rig, FEP_ANSWERED)->result.finding, FEP_FOUND_REVERSED);
}

static void
test_one_posting_keeps_its_serial(void **state)
{
    struct report_rig *rig = *state;
    begin_with(rig, CORE_OP_SUBMIT,
               "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"psn_no\":\"P\",\"det_item_fee_sumamt\":10.00},"
               "\"feedetail\":[" LINE("1", "T1", "10.00") "]}}");
    rig_expect(report_rig_asked(rig), "FEE " SERIAL(10));
    report_rig_answer(rig, "1 0;B:SUM=10.00;R:SN=1,AMT=10.00");
    take_done(rig, FEP_ANSWERED);
}

static void
test_more_lines_than_there_are_serials(void **state)
{
    struct report_rig *rig = *state;
    static char body[16384];
    strcpy(body, "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"psn_no\":\"P\"},\"feedetail\":[");
    for (int i = 0; i < 65; i++)
        snprintf(body + strlen(body), 128, "%s{\"feedetl_sn\":\"%d\",\"det_item_fee_sumamt\":1.00}",
                 i ? "," : "", i);
    strcat(body, "]}}");
    begin_with(rig, CORE_OP_SUBMIT, body);
    const struct frame *done = take_done(rig, FEP_REFUSED);
    assert_int_equal(done->result.code, 2204);
    rig_expect(done->text, "65 lines; at most 64 fit, and nothing took effect");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_parts_posted, report_rig_set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_refused_part_undoes_those_before, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_reversal_without_a_word_is_unknown, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_first_part_refused, report_rig_set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_later_part_not_sent, report_rig_set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_part, report_rig_set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry_finds_all_parts, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry_finds_some_parts, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_reversal_goes_through_all_parts, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_one_posting_keeps_its_serial, report_rig_set_up,
                                        report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_more_lines_than_there_are_serials, report_rig_set_up,
                                        report_rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
