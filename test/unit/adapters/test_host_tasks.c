/* Operators' tasks, prompts and captured examples of a real fep-adapter, the test playing router and local
 * system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "error_codes.h"
#include "exchange_record.h"
#include "report_rig.h"

#define CROSSWALK "4501-1,T1,甲,01,20200101,\n4501-2,T2,乙,02,20200101,\n"

static const struct stored settled = {.infno = "2207",
                                      .msgid = "M1",
                                      .settlement_id = "S1",
                                      .insutype = "310",
                                      .med_type = "11",
                                      .state = STATE_ANSWERED,
                                      .effect = FEP_EFFECT_POSTED,
                                      .total = 10000,
                                      .fund = 6000,
                                      .account = 1500,
                                      .cash = 2500,
                                      .serial = 7};

/* --- reconcile ------------------------------------------------------------------------------------- */

/* Up to the question for totals, which is in rig->heard; our day holds what is given. */
static void
begin_day(struct report_rig *rig, const char *wish, const struct stored *stored, size_t count)
{
    report_rig_open(rig, report_rig_mapping("reports"), "", CROSSWALK);
    report_rig_task(rig, 5, wish);
    uint64_t list = report_rig_list(rig, "\"role\":3,\"bodies\":true");
    assert_null(strstr(rig->heard, "\"2207\""));
    report_rig_list_end(rig, list, NULL);
    list = report_rig_list(rig, "{\"from_day\":20261121,\"to_day\":20261122,\"role\":3,\"bodies\":false");
    for (size_t i = 0; i < count; i++)
        report_rig_entry(rig, list, &stored[i]);
    report_rig_list_end(rig, list, NULL);
    rig_expect(report_rig_asked(rig), "TOT ");
}

#define RECONCILE "{\"do\":\"reconcile\",\"day\":\"20261122\"}"
#define DETAILED  "{\"do\":\"reconcile\",\"day\":\"20261122\",\"details\":true}"
#define OUR_ROW   "INS=310,CLR=11,POS=1,NEG=0,SUM=100.00,FUND=60.00,ACCT=15.00,CASH=25.00"
#define DETAIL(own, setl, sum, state)                                                                        \
    ";R:OWN=" own ",INFNO=2207,SETL=" setl ",SUM=" sum ",FUND=60.00,ACCT=15.00,CASH=25.00,STATE=" state

static void
test_equal_day(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    rig_expect(rig->heard, ";B:FROM=20261122,TO=20261122;R:" OUR_ROW);
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:" OUR_ROW ",RES=0");
    const char *result = report_rig_result(rig, true, false);
    rig_expect(result, "\"day\":20261122,\"instance\":\"local1\",\"equal\":true");
    rig_expect(result, "\"details_compared\":false");
    rig_expect(result, "\"differences\":[]");
}

/* They say equal, their figures do not. */
static void
test_word_without_figures_is_not_believed(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    report_rig_answer(
        rig, "1 0;B:EQUAL=0;R:INS=310,CLR=11,POS=1,NEG=0,SUM=100.00,FUND=60.01,ACCT=15.00,CASH=24.99");
    rig_expect(report_rig_asked(rig), "DET ");
    report_rig_answer(rig, "1 0;B:ALL=1,LAST=1" DETAIL("20261122000000000007", "S1", "100.00", "1"));
    rig_expect(report_rig_result(rig, true, false), "\"equal\":false");
}

static void
test_every_kind_of_difference(void **state)
{
    struct report_rig *rig = *state;
    struct stored day[5] = {settled, settled, settled, settled, settled};
    for (int i = 0; i < 5; i++)
        day[i].serial = (uint64_t)(11 + i);
    day[0].msgid = "GOOD";
    day[1].msgid = "HERE";
    day[1].settlement_id = "S2";
    day[2].msgid = "AMOUNT";
    day[2].settlement_id = "S3";
    day[3].msgid = "STATE";
    day[3].settlement_id = "S4";
    day[3].state = STATE_REVERSED;
    day[3].code = FEP_E_REVERSED;
    day[4].msgid = "RENAMED"; /* matched by its settlement */
    day[4].settlement_id = "S5";
    begin_day(rig, RECONCILE, day, 5);
    rig_expect(rig->heard, "POS=4,NEG=0,SUM=400.00");
    report_rig_answer(rig, "1 0;B:EQUAL=1;R:INS=310,CLR=11,POS=5,NEG=0,SUM=500.00,RES=1");
    rig_expect(report_rig_asked(rig), "PAGE=1");
    report_rig_answer(rig, "1 0;B:ALL=5,LAST=0" DETAIL("20261122000000000011", "S1", "100.00", "1")
                               DETAIL("20261122000000000013", "S3", "100.01", "1"));
    rig_expect(report_rig_asked(rig), "PAGE=2");
    report_rig_answer(rig, "1 0;B:ALL=5,LAST=1" DETAIL("20261122000000000014", "S4", "100.00", "1")
                               DETAIL("20261122000000000099", "S5", "100.00", "1")
                                   DETAIL("20261122000000000098", "S9", "100.00", "1"));
    const char *result = report_rig_result(rig, true, false);
    rig_expect(result, "\"equal\":false");
    rig_expect(result, "\"difference_count\":4,");
    rig_expect(result, "\"kind\":\"only_here\",\"msgid\":\"HERE\",\"local_serial\":\"20261122000000000012\"");
    rig_expect(result, "\"kind\":\"amounts_differ\",\"msgid\":\"AMOUNT\"");
    rig_expect(result, "\"kind\":\"state_differs\",\"msgid\":\"STATE\"");
    rig_expect(result, "\"kind\":\"only_there\",\"msgid\":\"\",\"local_serial\":\"20261122000000000098\"");
    rig_expect_not(result, "RENAMED");
}

/* What the gateway undid by a cancel of its own are two postings there, and no difference. */
static void
test_undone_by_a_cancel(void **state)
{
    struct report_rig *rig = *state;
    struct stored undone = settled;
    undone.state = STATE_REVERSED;
    undone.code = FEP_E_REVERSED;
    undone.cancel_serial = 8;
    begin_day(rig, DETAILED, &undone, 1);
    rig_expect(rig->heard, "INS=310,CLR=11,POS=1,NEG=1,SUM=0.00,FUND=0.00,ACCT=0.00,CASH=0.00");
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:INS=310,CLR=11,POS=1,NEG=1,SUM=0.00,RES=0");
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;B:ALL=2,LAST=1" DETAIL("20261122000000000007", "S1", "100.00", "5")
                               DETAIL("20261122000000000008", "S2", "-100.00", "1"));
    rig_expect(report_rig_result(rig, true, false), "\"equal\":true");
}

/* Posted the day before and undone after midnight: the cancel alone is of this day. What else was posted the
 * day before is not. */
static void
test_undone_after_midnight(void **state)
{
    struct report_rig *rig = *state;
    struct stored day[2] = {settled, settled};
    day[0].state = STATE_REVERSED;
    day[0].code = FEP_E_REVERSED;
    day[0].cancel_serial = 8;
    day[0].accounting_date = day[1].accounting_date = 20261121;
    day[1].msgid = "M2";
    day[1].settlement_id = "S2";
    day[1].serial = 6;
    begin_day(rig, DETAILED, day, 2);
    rig_expect(rig->heard, "INS=310,CLR=11,POS=0,NEG=1,SUM=-100.00,FUND=-60.00,ACCT=-15.00,CASH=-25.00");
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:INS=310,CLR=11,POS=0,NEG=1,SUM=-100.00,FUND=-60.00,ACCT=-15.00,"
                           "CASH=-25.00,RES=0");
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;B:ALL=1,LAST=1" DETAIL("20261122000000000008", "S3", "-100.00", "1"));
    rig_expect(report_rig_result(rig, true, false), "\"equal\":true");
}

/* The insurance type of some posting is not known here: sums over all types decide. */
static void
test_unknown_insurance(void **state)
{
    struct report_rig *rig = *state;
    struct stored unknown = settled;
    unknown.insutype = "";
    begin_day(rig, RECONCILE, &unknown, 1);
    report_rig_answer(rig, "1 0;B:EQUAL=1;R:INS=310,CLR=11,POS=0,NEG=0,SUM=0.00,RES=2"
                           ";R:INS=390,CLR=11,POS=1,NEG=0,SUM=100.00,FUND=60.00,ACCT=15.00,CASH=25.00,RES=3");
    rig_expect(report_rig_result(rig, true, false), "\"equal\":true");
}

/* Where only one that does not count is of an unknown type, types are compared all the same. */
static void
test_unknown_insurance_that_does_not_count(void **state)
{
    struct report_rig *rig = *state;
    struct stored day[2] = {settled, settled};
    day[1].msgid = "M2";
    day[1].insutype = "";
    day[1].settlement_id = "S2";
    day[1].serial = 8;
    day[1].state = STATE_REVERSED;
    day[1].code = FEP_E_REVERSED;
    begin_day(rig, RECONCILE, day, 2);
    report_rig_answer(rig, "1 0;B:EQUAL=1;R:INS=310,CLR=11,POS=0,NEG=0,SUM=0.00,RES=2"
                           ";R:INS=390,CLR=11,POS=1,NEG=0,SUM=100.00,FUND=60.00,ACCT=15.00,CASH=25.00,RES=3");
    rig_expect(report_rig_asked(rig), "DET ");
    report_rig_answer(rig, "1 0;B:ALL=1,LAST=1" DETAIL("20261122000000000007", "S1", "100.00", "1"));
    rig_expect(report_rig_result(rig, true, false), "\"equal\":false");
}

static void
test_day_that_is_not_closed_there(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    report_rig_answer(rig, "3 2601");
    rig_expect(report_rig_asked(rig), "DET ");
    report_rig_answer(rig, "1 0;B:ALL=1,LAST=1" DETAIL("20261122000000000007", "S1", "100.00", "1"));
    const char *result = report_rig_result(rig, true, false);
    rig_expect(result, "\"equal\":true,\"totals_compared\":false,\"details_compared\":true");
}

static void
test_refusal_there_is_not_done(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    report_rig_answer(rig, "3 9001");
    rig_expect(report_rig_result(rig, false, false), "\"error\":\"the local system does not give its totals");
    /* The next one is taken. */
    report_rig_task(rig, 6, "{\"do\":\"reconcile\",\"day\":\"20261131\"}");
    rig_expect(report_rig_result(rig, false, false), "is no day");
}

static void
test_details_of_another_number_are_not_done(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, DETAILED, &settled, 1);
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:" OUR_ROW ",RES=0");
    report_rig_asked(rig);
    report_rig_answer(rig, "1 0;B:ALL=2,LAST=1" DETAIL("20261122000000000007", "S1", "100.00", "1"));
    rig_expect(report_rig_result(rig, false, false), "not as many as it says");
}

static void
test_one_task_at_a_time(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    report_rig_task(rig, 6, RECONCILE);
    rig_expect(report_rig_result(rig, false, false), "another task is under way");
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:" OUR_ROW ",RES=0");
    rig_expect(report_rig_result(rig, true, false), "\"equal\":true");
}

/* The host's own call is none of the router's: not listed as open, and a CANCEL of any number does not reach
 * it. */
static void
test_own_calls_are_not_the_routers(void **state)
{
    struct report_rig *rig = *state;
    begin_day(rig, RECONCILE, &settled, 1);
    struct frame cancel = {.kind = FRAME_CANCEL, .sequence = 1ull << 63};
    rig_send(&rig->rig, &cancel);
    struct frame who = {.kind = FRAME_HOST_HELLO, .sections = FRAME_HAS_HELLO};
    snprintf(who.hello.node, sizeof who.hello.node, "router");
    who.hello.version_min = who.hello.version_max = FRAME_VERSION;
    rig_send(&rig->rig, &who);
    assert_int_equal(rig_take(&rig->rig, FRAME_HOST_HELLO)->call_count, 0);
    report_rig_answer(rig, "1 0;B:EQUAL=0;R:" OUR_ROW ",RES=0");
    rig_expect(report_rig_result(rig, true, false), "\"equal\":true");
}

/* The call that is open is given up before the module is closed; report_rig_tear_down looks at the exit. */
static void
test_ends_with_a_task_under_way(void **state)
{
    begin_day(*state, RECONCILE, &settled, 1);
}

/* --- crosswalk and catalogue ----------------------------------------------------------------------- */

static void
write_crosswalk(struct report_rig *rig, const char *rows)
{
    char path[256];
    snprintf(path, sizeof path, "%s/crosswalk/450100.csv", rig->rig.directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "local_code,national_code,name,level,valid_from,valid_to\n%s", rows);
    assert_int_equal(fclose(file), 0);
}

static const char *
ask_catalogue(struct report_rig *rig)
{
    report_rig_ask(rig, "CAT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:KIND=1,PAGE=1,SIZE=9");
    return report_rig_told(rig);
}

static void
test_reload(void **state)
{
    struct report_rig *rig = *state;
    report_rig_open(rig, report_rig_mapping("reports"), "", CROSSWALK);
    rig_expect(ask_catalogue(rig), "ALL=2");
    write_crosswalk(rig, CROSSWALK "4501-9,T9,新,01,20200101,\n");
    report_rig_task(rig, 1, "{\"do\":\"reload\"}");
    rig_expect(report_rig_result(rig, true, false), "\"problems\":[]");
    rig_expect(ask_catalogue(rig), "CODE=4501-9");
    write_crosswalk(rig, "4501-1\n4501-2,T2,乙,02,x,\n");
    report_rig_task(rig, 2, "{\"do\":\"reload\"}");
    const char *result = report_rig_result(rig, false, false);
    rig_expect(result, "450100.csv:2");
    rig_expect(result, "450100.csv:3");
    rig_expect(ask_catalogue(rig), "CODE=4501-9");
}

static void
test_crosswalk_add(void **state)
{
    struct report_rig *rig = *state;
    char text[2048] = "", path[256];
    report_rig_open(rig, report_rig_mapping("reports"), "", CROSSWALK);
    report_rig_task(rig, 1,
                    "{\"do\":\"crosswalk_add\",\"local\":\"4501-7\",\"national\":\"T7\",\"name\":\"七,号\","
                    "\"level\":\"02\",\"from\":\"20200101\"}");
    rig_expect(report_rig_result(rig, true, false), "\"version\"");
    rig_expect(ask_catalogue(rig), "CODE=4501-7,NAT=T7,NAME=七,号,LEVEL=02");
    snprintf(path, sizeof path, "%s/crosswalk/450100.csv", rig->rig.directory);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    rig_expect(text, "4501-1,T1");
    rig_expect(text, "4501-7,T7,\"七,号\",02,20200101");
    report_rig_task(rig, 2, "{\"do\":\"crosswalk_add\",\"local\":\"4501-7\",\"national\":\"T8\"}");
    report_rig_result(rig, false, false);
    rig_expect(ask_catalogue(rig), "ALL=3");
}

static void
test_catalogue_beside_the_crosswalk(void **state)
{
    struct report_rig *rig = *state;
    char path[256], text[2048];
    report_rig_open(rig, report_rig_mapping("reports"), "",
                    CROSSWALK "4501-3,T3,丙,01,20200101,\n4501-4,T4,丁,01,20200101,\n");
    report_rig_task(rig, 1, "{\"do\":\"catalogue\",\"write\":true}");
    rig_expect(report_rig_asked(rig), "KIND=1,PAGE=1");
    report_rig_answer(rig, "1 0;B:VER=v1,ALL=3,LAST=0;R:CODE=4501-1,NAME=甲,LEVEL=01,VALID=1"
                           ";R:CODE=4501-2,NAME=乙,LEVEL=01,VALID=1");
    rig_expect(report_rig_asked(rig), "KIND=1,PAGE=2");
    report_rig_answer(rig, "1 0;B:VER=v2,ALL=3,LAST=1;R:CODE=4501-4,NAME=丁,LEVEL=01,VALID=0");
    /* Another version: from the beginning. */
    rig_expect(report_rig_asked(rig), "KIND=1,PAGE=1");
    report_rig_answer(rig, "1 0;B:VER=v2,ALL=4,LAST=1;R:CODE=4501-1,NAME=甲,LEVEL=01,VALID=1"
                           ";R:CODE=4501-2,NAME=乙,LEVEL=01,VALID=1;R:CODE=4501-8,NAME=新,LEVEL=01,VALID=1"
                           ";R:CODE=4501-4,NAME=丁,LEVEL=01,VALID=0");
    rig_expect(report_rig_asked(rig), "KIND=2,PAGE=1");
    report_rig_answer(rig, "1 0;B:VER=v2,ALL=0,LAST=1");
    rig_expect(report_rig_asked(rig), "KIND=3,PAGE=1");
    report_rig_answer(rig, "1 0;B:VER=v2,ALL=0,LAST=1");
    const char *result = report_rig_result(rig, true, false);
    rig_expect(result, "\"equal\":false");
    rig_expect(result, "\"items\":4,\"difference_count\":4");
    rig_expect(result, "{\"kind\":\"no_row\",\"local\":\"4501-8\"");
    rig_expect(result, "{\"kind\":\"gone\",\"local\":\"4501-3\"");
    rig_expect(result, "{\"kind\":\"not_valid\",\"local\":\"4501-4\"");
    rig_expect(result, "{\"kind\":\"level_differs\",\"local\":\"4501-2\",\"name\":\"乙\",\"ours\":\"02\","
                       "\"theirs\":\"01\"}");
    snprintf(path, sizeof path, "%s/catalogue-local1.csv", rig->rig.directory);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    rig_expect(text, "\n4501-1,T1,甲,01,,,1,");
    rig_expect(text, "\n4501-8,,新,01,,,1,");
}

/* --- prompts --------------------------------------------------------------------------------------- */

#define UPLOAD                                                                                                 \
    "{\"opter_name\":\"某某\",\"fixmedins_name\":\"测试医院\",\"input\":{\"data\":{\"mdtrt_id\":\"V1\"," \
    "\"psn_no\":\"4501PERSON77\",\"det_item_fee_sumamt\":30.00},\"feedetail\":["                               \
    "{\"feedetl_sn\":\"1\",\"medins_list_codg\":\"H1\",\"med_list_codg\":\"T1\",\"det_item_fee_sumamt\":10."   \
    "00},"                                                                                                     \
    "{\"feedetl_sn\":\"2\",\"medins_list_codg\":\"H2\",\"medins_list_name\":\"新药\",\"med_list_codg\":"     \
    "\"T99\","                                                                                                 \
    "\"chrgitm_lv\":\"02\",\"fee_ocur_time\":\"2026-11-22 08:00:00\",\"det_item_fee_sumamt\":12.50},"          \
    "{\"feedetl_sn\":\"3\",\"medins_list_codg\":\"H3\",\"med_list_codg\":\"\",\"det_item_fee_sumamt\":7.50}"   \
    "]}}"
#define UPLOADED "1 0;B:SUM=30.00;R:SN=1,AMT=10.00;R:SN=2,AMT=12.50;R:SN=3,AMT=7.50"

static void
begin_upload(struct report_rig *rig, const char *gateway)
{
    report_rig_open(rig, report_rig_mapping("uploads"), gateway, CROSSWALK);
}

static void
submit_upload(struct report_rig *rig)
{
    struct frame submit = rig_submit(3, CORE_OP_SUBMIT, 17, "2204", UPLOAD);
    snprintf(submit.header.institution, sizeof submit.header.institution, "H45010000003");
    rig_send(&rig->rig, &submit);
}

static void
test_prompts_before_done(void **state)
{
    struct report_rig *rig = *state;
    begin_upload(rig, "");
    submit_upload(rig);
    rig_expect(report_rig_asked(rig), "R:SN=1,OWN=H1,CODE=4501-1,AMT=10.00;R:SN=2,OWN=H2,AMT=12.50");
    report_rig_answer(rig, UPLOADED);
    struct frame *frame = rig_take(&rig->rig, FRAME_PROMPT);
    uint64_t first = frame->sequence;
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)frame->body.size, (const char *)frame->body.data);
    rig_expect(
        text,
        "{\"msgid\":\"M17\",\"line\":2,\"institution\":\"H45010000003\",\"fixmedins_name\":\"测试医院\","
        "\"treat_area\":\"450100\",\"visit_id\":\"V1\",\"medins_list_codg\":\"H2\",\"medins_list_name\":"
        "\"新药\",\"med_list_codg\":\"T99\",\"chrgitm_lv\":\"02\",\"fee_fen\":1250,\"time\":\"2026-11-22 "
        "08:00:00\"}");
    rig_expect_not(text, "PERSON");
    frame = rig_take(&rig->rig, FRAME_PROMPT);
    uint64_t second = frame->sequence;
    snprintf(text, sizeof text, "%.*s", (int)frame->body.size, (const char *)frame->body.data);
    rig_expect(text, "\"line\":3,");
    rig_expect(text, "\"med_list_codg\":\"\"");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind, FEP_ANSWERED);
    rig_ack(&rig->rig, FRAME_DONE, 3);
    /* Offered again until each is acknowledged. */
    rig_ack(&rig->rig, FRAME_PROMPT, second);
    assert_int_equal(rig_take(&rig->rig, FRAME_PROMPT)->sequence, first);
    rig_ack(&rig->rig, FRAME_PROMPT, first);
    rig_take_none(&rig->rig, FRAME_PROMPT, 2500);
}

static void
test_no_prompt_for_what_was_not_posted(void **state)
{
    struct report_rig *rig = *state;
    begin_upload(rig, "");
    submit_upload(rig);
    report_rig_asked(rig);
    report_rig_answer(rig, "3 2201");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind,
                     FEP_REFUSED); /* a prompt would come before it */
    rig_ack(&rig->rig, FRAME_DONE, 3);
}

/* Not known when the call ended, posted after all. */
static void
test_prompts_of_a_late_answer(void **state)
{
    struct report_rig *rig = *state;
    begin_upload(rig, "");
    submit_upload(rig);
    report_rig_asked(rig);
    report_rig_answer(rig, "4 0");
    assert_int_equal(rig_take(&rig->rig, FRAME_DONE)->result.kind, FEP_UNKNOWN);
    rig_ack(&rig->rig, FRAME_DONE, 3);
    for (int i = 0; i < 2; i++)
        rig_ack(&rig->rig, FRAME_PROMPT, rig_take(&rig->rig, FRAME_PROMPT)->sequence);
    rig_take(&rig->rig, FRAME_LATE);
}

/* --- capture --------------------------------------------------------------------------------------- */

static void
test_capture_needs_permission(void **state)
{
    struct report_rig *rig = *state;
    begin_upload(rig, "");
    report_rig_task(rig, 1, "{\"do\":\"capture\",\"count\":1}");
    rig_expect(report_rig_result(rig, false, false), "does not permit it");
}

static void
test_capture_is_masked(void **state)
{
    struct report_rig *rig = *state;
    begin_upload(rig, "capture_allowed = true;");
    report_rig_task(rig, 1, "{\"do\":\"capture\",\"count\":1}");
    submit_upload(rig);
    rig_expect(report_rig_asked(rig), "PSN=4501PERSON77");
    report_rig_answer(rig, UPLOADED);
    const char *example = report_rig_result(rig, true, true);
    rig_expect(example, "\"direction\":\"out\"");
    rig_expect(example, "\"local\":\"FEE\"");
    rig_expect(example, "\"CODE\":\"4501-1\"");
    rig_expect_not(example, "4501PERSON77");
    rig_expect_not(example, "某某");
    /* The same pseudonym in the canonical request and in the local record made of it. */
    const char *canonical = strstr(example, "\"psn_no\":\""), *local = strstr(example, "\"PSN\":\"");
    assert_non_null(canonical);
    assert_non_null(local);
    assert_memory_equal(canonical + 10, local + 7, 12);
    rig_expect(report_rig_result(rig, true, false), "{\"captured\":1,\"left_out\":0}");
    for (int i = 0; i < 2; i++)
        rig_ack(&rig->rig, FRAME_PROMPT, rig_take(&rig->rig, FRAME_PROMPT)->sequence);
    rig_take(&rig->rig, FRAME_DONE);
    rig_ack(&rig->rig, FRAME_DONE, 3);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, report_rig_set_up, report_rig_tear_down)
    const struct CMUnitTest tests[] = {CASE(test_equal_day),
                                       CASE(test_word_without_figures_is_not_believed),
                                       CASE(test_every_kind_of_difference),
                                       CASE(test_undone_by_a_cancel),
                                       CASE(test_undone_after_midnight),
                                       CASE(test_unknown_insurance),
                                       CASE(test_unknown_insurance_that_does_not_count),
                                       CASE(test_day_that_is_not_closed_there),
                                       CASE(test_refusal_there_is_not_done),
                                       CASE(test_details_of_another_number_are_not_done),
                                       CASE(test_one_task_at_a_time),
                                       CASE(test_own_calls_are_not_the_routers),
                                       CASE(test_ends_with_a_task_under_way),
                                       CASE(test_reload),
                                       CASE(test_crosswalk_add),
                                       CASE(test_catalogue_beside_the_crosswalk),
                                       CASE(test_prompts_before_done),
                                       CASE(test_no_prompt_for_what_was_not_posted),
                                       CASE(test_prompts_of_a_late_answer),
                                       CASE(test_capture_needs_permission),
                                       CASE(test_capture_is_masked)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
