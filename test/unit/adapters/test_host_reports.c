/* Totals, details and catalogue that a local caller asks of the gateway itself: a real fep-adapter, the test
 * playing router and caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange_record.h"
#include "report_rig.h"

#define SETTLED(id)                                                                                          \
    "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"psn_no\":\"P1\",\"setl_time\":\"2026-11-22 09:00:00\"}}}",  \
        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"" id "\"}}}"
#define CANCELLED(id, of)                                                                                    \
    "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"psn_no\":\"P1\",\"setl_id\":\"" of "\"}}}",                 \
        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"" id "\",\"org_setl_id\":\"" of "\"}}}"

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
                                      .cash = 2500};
static const struct stored in_patient = {.infno = "2304",
                                         .msgid = "M2",
                                         .settlement_id = "S2",
                                         .insutype = "390",
                                         .med_type = "21",
                                         .state = STATE_STANDS,
                                         .effect = FEP_EFFECT_POSTED,
                                         .total = 20000,
                                         .fund = 20000};
static const struct stored cancelled = {.infno = "2208",
                                        .msgid = "M3",
                                        .settlement_id = "S3",
                                        .insutype = "310",
                                        .med_type = "11",
                                        .state = STATE_ANSWERED,
                                        .effect = FEP_EFFECT_POSTED,
                                        .total = -10000,
                                        .fund = -6000,
                                        .account = -1500,
                                        .cash = -2500};

static void
begin(struct report_rig *rig, const char *file)
{
    report_rig_open(rig, file, "",
                    "4501-1,T1,甲,01,20200101,\n4501-2,T2,乙,02,20200101,20201231\n4501-3,T3,丙,03,,\n");
}

static void
send_day(struct report_rig *rig, uint64_t list)
{
    struct stored other = settled;
    report_rig_entry(rig, list, &settled);
    report_rig_entry(rig, list, &in_patient);
    report_rig_entry(rig, list, &cancelled);
    other.state = STATE_REVERSED;
    report_rig_entry(rig, list, &other);
    other.state = STATE_UNKNOWN;
    report_rig_entry(rig, list, &other);
    other.state = STATE_ANSWERED;
    other.effect = FEP_EFFECT_NONE;
    report_rig_entry(rig, list, &other);
}

#define ASK_TOTALS "TOT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:FROM=20261120,TO=20261122"
#define ROW_OUT    "INS=310,CLR=11,POS=1,NEG=1,SUM=0.00,FUND=0.00,ACCT=0.00,CASH=0.00"
#define ROW_IN     "INS=390,CLR=21,POS=1,NEG=0,SUM=200.00,FUND=200.00,ACCT=0.00,CASH=0.00"

static void
test_totals_that_agree(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS ";R:" ROW_OUT ";R:" ROW_IN);
    uint64_t list =
        report_rig_list(rig, "{\"from_day\":20261120,\"to_day\":20261122,\"role\":1,\"bodies\":false");
    assert_non_null(strstr(rig->heard, "\"2304\""));
    assert_null(strstr(rig->heard, "\"2204\""));
    send_day(rig, list);
    report_rig_list_end(rig, list, NULL);
    assert_string_equal(report_rig_told(rig), "1 0 0;B:EQUAL=0;R:" ROW_OUT ",RES=0;R:" ROW_IN ",RES=0");
}

static void
test_totals_over_pages(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig,
                   ASK_TOTALS ";R:INS=310,CLR=11,POS=2,NEG=0,SUM=200.00,FUND=120.00,ACCT=30.00,CASH=50.00");
    uint64_t list = report_rig_list(rig, "\"after\":\"\"");
    report_rig_entry(rig, list, &settled);
    report_rig_list_end(rig, list, "c-1");
    list = report_rig_list(rig, "\"after\":\"c-1\"");
    report_rig_entry(rig, list, &settled);
    report_rig_list_end(rig, list, NULL);
    assert_non_null(strstr(report_rig_told(rig), "EQUAL=0;"));
}

/* One figure that differs, a row only the asker has, a row only we have. */
static void
test_totals_that_differ(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS ";R:INS=310,CLR=11,POS=1,NEG=1,SUM=0.00,FUND=0.00,ACCT=0.00,CASH=0.01"
                                   ";R:INS=310,CLR=41,POS=1,NEG=0,SUM=1.00,FUND=1.00,ACCT=0.00,CASH=0.00");
    uint64_t list = report_rig_list(rig, "");
    send_day(rig, list);
    report_rig_list_end(rig, list, NULL);
    assert_string_equal(report_rig_told(rig),
                        "1 0 0;B:EQUAL=1;R:" ROW_OUT ",RES=1"
                        ";R:INS=310,CLR=41,POS=0,NEG=0,SUM=0.00,FUND=0.00,ACCT=0.00,CASH=0.00,RES=2"
                        ";R:" ROW_IN ",RES=3");
}

/* One row over all kinds, and one over all clearing types of an insurance. */
static void
test_totals_over_kinds(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS ";R:POS=2,NEG=1,SUM=200.00,FUND=200.00,ACCT=0.00,CASH=0.00");
    uint64_t list = report_rig_list(rig, "");
    send_day(rig, list);
    report_rig_list_end(rig, list, NULL);
    assert_string_equal(report_rig_told(rig),
                        "1 0 0;B:EQUAL=0;R:POS=2,NEG=1,SUM=200.00,FUND=200.00,ACCT=0.00,CASH=0.00,RES=0");
}

/* It differs, but a row without its insurance would be read as a sum over all. */
static void
test_row_that_can_not_be_named(void **state)
{
    struct report_rig *rig = *state;
    struct stored unknown = settled;
    unknown.insutype = "";
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS);
    uint64_t list = report_rig_list(rig, "");
    report_rig_entry(rig, list, &unknown);
    report_rig_list_end(rig, list, NULL);
    assert_string_equal(report_rig_told(rig), "1 0 0;B:EQUAL=1");
}

static void
test_list_that_fails_is_told_repeatable(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS);
    uint64_t list = report_rig_list(rig, "");
    report_rig_entry(rig, list, &settled);
    struct frame end = {.kind = FRAME_ENTRY, .sequence = list, .sections = FRAME_HAS_RESULT | FRAME_HAS_TEXT};
    end.result.code = 4012;
    snprintf(end.text, sizeof end.text, "the store can not be read");
    rig_send(&rig->rig, &end);
    assert_string_equal(report_rig_told(rig), "3 9001 1");
}

/* "Who are you?": the router is a new one, which knows nothing of the list. */
static void
test_router_that_comes_anew_ends_the_report(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_TOTALS);
    uint64_t list = report_rig_list(rig, "");
    report_rig_entry(rig, list, &settled);
    struct frame who = {.kind = FRAME_HOST_HELLO, .sections = FRAME_HAS_HELLO};
    snprintf(who.hello.node, sizeof who.hello.node, "router");
    who.hello.version_min = who.hello.version_max = FRAME_VERSION;
    rig_send(&rig->rig, &who);
    assert_string_equal(report_rig_told(rig), "3 9001 1");
    /* What still comes of it is nothing to anybody. */
    report_rig_list_end(rig, list, NULL);
    rig_introduce(&rig->rig);
    report_rig_ask(rig, ASK_TOTALS);
    list = report_rig_list(rig, "");
    report_rig_list_end(rig, list, NULL);
    assert_non_null(strstr(report_rig_told(rig), "EQUAL=0"));
}

static void
test_wrong_question_is_refused_for_good(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, "TOT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:FROM=20261122,TO=20261121");
    assert_string_equal(report_rig_told(rig), "3 1003 0");
    report_rig_ask(rig, "DET;H:SERIAL=A0000002,AREA=450900,INST=H45010000003;B:DAY=20261122,PAGE=0,SIZE=10");
    assert_string_equal(report_rig_told(rig), "3 1003 0");
    report_rig_ask(rig, "CAT;H:SERIAL=A0000002,AREA=450900,INST=H45010000003;B:KIND=7,PAGE=1,SIZE=10");
    assert_string_equal(report_rig_told(rig), "3 1003 0");
}

/* Where the mapping says so, only days that are closed are answered. */
static void
test_open_day_is_refused(void **state)
{
    struct report_rig *rig = *state;
    char path[64], line[1024], today[16];
    time_t now = time(NULL) + 8 * 3600;
    struct tm day;
    gmtime_r(&now, &day);
    strftime(today, sizeof today, "%Y%m%d", &day);
    snprintf(path, sizeof path, "/tmp/fep-closed-%d.cfg", (int)getpid());
    snprintf(
        line, sizeof line,
        "sed '0,/answered_by = \"store\";/s//answered_by = \"store\"; closed_days_only = true;/' %s > %s",
        report_rig_mapping("reports"), path);
    assert_int_equal(system(line), 0);
    begin(rig, path);
    unlink(path);
    snprintf(line, sizeof line, "TOT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:FROM=20261120,TO=%s",
             today);
    report_rig_ask(rig, line);
    assert_string_equal(report_rig_told(rig), "3 2601 1");
    report_rig_ask(rig, "TOT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:FROM=20200101,TO=20200102");
    uint64_t list = report_rig_list(rig, "");
    report_rig_list_end(rig, list, NULL);
    assert_string_equal(report_rig_told(rig), "1 0 0;B:EQUAL=0");
}

static void
test_no_more_reports_than_the_bound(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    for (int i = 0; i < 4; i++)
        report_rig_ask(rig, ASK_TOTALS);
    /* Two lists at a time are all that the router works on. */
    uint64_t lists[2] = {report_rig_list(rig, ""), report_rig_list(rig, "")};
    rig_take_none(&rig->rig, FRAME_LIST, 300);
    report_rig_ask(rig, ASK_TOTALS);
    assert_non_null(strstr(report_rig_told(rig), "not_begun 2 "));
    report_rig_list_end(rig, lists[0], NULL);
    assert_non_null(strstr(report_rig_told(rig), "EQUAL=0"));
    lists[0] = report_rig_list(rig, "");
    for (int i = 0; i < 2; i++) {
        report_rig_list_end(rig, lists[i], NULL);
        assert_non_null(strstr(report_rig_told(rig), "EQUAL=0"));
        if (i == 0)
            lists[0] = report_rig_list(rig, "");
    }
    report_rig_list_end(rig, lists[0], NULL);
    assert_non_null(strstr(report_rig_told(rig), "EQUAL=0"));
}

#define ASK_PAGE(page, size)                                                                                 \
    "DET;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:DAY=20261122,PAGE=" page ",SIZE=" size

/* M1 was cancelled by M9 on a later day, S2 of another place only has the same id. */
static void
send_details(struct report_rig *rig)
{
    struct stored one = cancelled, two = in_patient, three = settled, four = settled;
    uint64_t list = report_rig_list(rig, "\"from_day\":20261122,\"to_day\":");
    assert_null(strstr(rig->heard, "\"2207\""));
    assert_non_null(strstr(rig->heard, "\"2208\""));
    one.msgid = "M9";
    one.body = NULL;
    const char *const bodies[] = {CANCELLED("S9", "S1")};
    one.body = bodies[0];
    one.answer = bodies[1];
    report_rig_entry(rig, list, &one);
    one.insured_area = "450300";
    const char *const others[] = {CANCELLED("S8", "S2")};
    one.body = others[0];
    one.answer = others[1];
    report_rig_entry(rig, list, &one);
    report_rig_list_end(rig, list, NULL);
    list = report_rig_list(rig, "{\"from_day\":20261122,\"to_day\":20261122,\"role\":1,\"bodies\":true");
    const char *const first[] = {SETTLED("S1")}, *const second[] = {SETTLED("S2")};
    three.body = first[0];
    three.answer = first[1];
    report_rig_entry(rig, list, &three);
    four.msgid = "M4";
    four.state = STATE_REVERSED;
    four.body = first[0];
    four.answer = first[1];
    report_rig_entry(rig, list, &four);
    two.body = second[0];
    two.answer = second[1];
    report_rig_entry(rig, list, &two);
    report_rig_list_end(rig, list, NULL);
}

static void
test_details_of_a_day(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, ASK_PAGE("1", "2"));
    send_details(rig);
    assert_string_equal(
        report_rig_told(rig),
        "1 0 0;B:ALL=3,LAST=0,HERE=2,POS=2,NEG=0,SUM=300.00"
        ";R:SEQ=1,MSGID=M1,INFNO=2207,VISIT=V1,SETL=S1,PSN=P1,TIME=20261122090000,INS=310,CLR=11,SUM=100.00,"
        "FUND=60.00,ACCT=15.00,CASH=25.00,STATE=5"
        ";R:SEQ=2,MSGID=M4,INFNO=2207,VISIT=V1,SETL=S1,PSN=P1,TIME=20261122090000,INS=310,CLR=11,SUM=100.00,"
        "FUND=60.00,ACCT=15.00,CASH=25.00,STATE=4");
    report_rig_ask(rig, ASK_PAGE("2", "2"));
    send_details(rig);
    assert_string_equal(
        report_rig_told(rig),
        "1 0 0;B:ALL=3,LAST=1,HERE=1,POS=2,NEG=0,SUM=300.00"
        ";R:SEQ=3,MSGID=M2,INFNO=2304,VISIT=V1,SETL=S2,PSN=P1,TIME=20261122090000,INS=390,CLR=21,"
        "SUM=200.00,FUND=200.00,ACCT=0.00,CASH=0.00,STATE=1");
}

static void
test_catalogue_is_the_crosswalk(void **state)
{
    struct report_rig *rig = *state;
    begin(rig, report_rig_mapping("reports"));
    report_rig_ask(rig, "CAT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:KIND=1,PAGE=1,SIZE=2");
    const char *told = report_rig_told(rig);
    assert_non_null(strstr(told, "ALL=3,LAST=0;R:CODE=4501-1,NAT=T1,NAME=甲,LEVEL=01,FROM=20200101,VALID=1;"
                                 "R:CODE=4501-2,NAT=T2,NAME=乙,LEVEL=02,FROM=20200101,VALID=0"));
    report_rig_ask(rig, "CAT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:KIND=1,PAGE=2,SIZE=2");
    told = report_rig_told(rig);
    assert_non_null(strstr(told, "ALL=3,LAST=1;R:CODE=4501-3,NAT=T3,NAME=丙,LEVEL=03,VALID=1"));
    report_rig_ask(
        rig,
        "CAT;H:SERIAL=A0000001,AREA=450900,INST=H45010000003;B:KIND=1,SINCE=20990101000000,PAGE=1,SIZE=2");
    if (strstr(report_rig_told(rig), "ALL=0,LAST=1") == NULL)
        fail_msg("%s", rig->heard);
}

/* --- what is remembered ---------------------------------------------------------------------------- */

static void
ask_danxian(struct report_rig *rig, const char *local, const char *number, const char *centre,
            const char *body)
{
    char line[1024];
    snprintf(line, sizeof line,
             "%s;H:CODE=%s,HOSPITAL=H45010000003,OPERATOR=000012,SERIAL=20261122101502-H45010000003-%s,"
             "CENTRE=%s;B:%s",
             local, local, number, centre, body);
    report_rig_ask(rig, line);
}

static void
tell_danxian(struct report_rig *rig, uint64_t ticket, const char *visit_id, const char *answer)
{
    struct frame tell = {.kind = FRAME_TELL,
                         .sequence = ticket,
                         .sections = FRAME_HAS_RESULT | FRAME_HAS_BODY | FRAME_HAS_INDEX,
                         .result = {.kind = FEP_ANSWERED, .effect = FEP_EFFECT_POSTED},
                         .body = {.data = (const unsigned char *)answer, .size = strlen(answer)}};
    tell.index.size = sizeof tell.index;
    snprintf(tell.index.visit_id, sizeof tell.index.visit_id, "%s", visit_id);
    rig_send(&rig->rig, &tell);
    assert_memory_equal(report_rig_told(rig), "1 0 0", 5);
}

static bool
says(const struct frame *request, const char *part)
{
    char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)request->body.size, (const char *)request->body.data);
    return strstr(text, part) != NULL;
}

/* The insurance that was shown goes into the registration, and from there into the settlement's index;
 * another region's person of the same number is somebody else. */
static void
test_insurance_that_was_shown(void **state)
{
    struct report_rig *rig = *state;
    char path[512];
    snprintf(path, sizeof path, "%s/etc/mapping/danxian-450100.cfg", getenv("FEP_SOURCE"));
    begin(rig, path);
    ask_danxian(rig, "2100", "0001", "450900", "KIND=3,VALUE=P1");
    uint64_t ticket = rig_take(&rig->rig, FRAME_REQUEST)->sequence;
    tell_danxian(
        rig, ticket, "",
        "{\"infcode\":0,\"output\":{\"baseinfo\":{\"psn_no\":\"P1\",\"gend\":\"1\",\"brdy\":\"1990-01-01\"},"
        "\"insuinfo\":[{\"insutype\":\"390\",\"psn_insu_stas\":\"1\",\"psn_type\":\"15\"}]}}");
    ask_danxian(rig, "2210", "0002", "450300", "PSN-NO=P1,VISIT-NO=ZY1,MED-CAT=21,TIME=20261122101455");
    assert_false(says(rig_take(&rig->rig, FRAME_REQUEST), "insutype"));
    ask_danxian(rig, "2210", "0003", "450900", "PSN-NO=P1,VISIT-NO=ZY1,MED-CAT=21,TIME=20261122101455");
    struct frame *request = rig_take(&rig->rig, FRAME_REQUEST);
    ticket = request->sequence;
    assert_true(says(request, "\"insutype\":\"390\""));
    tell_danxian(rig, ticket, "V1",
                 "{\"infcode\":0,\"output\":{\"result\":{\"mdtrt_id\":\"V1\",\"act_pay_dedc\":0}}}");
    ask_danxian(
        rig, "2410", "0004", "450900",
        "VISIT-NO=ZY1,VISIT-ID=V1,BILL-NO=F1,MED-CAT=21,TIME=20261122101455,USE-ACCOUNT=1,HIS-TOTAL=1.00");
    request = rig_take(&rig->rig, FRAME_REQUEST);
    assert_string_equal(request->header.infno, "2304");
    assert_string_equal(request->index.insutype, "390");
    assert_string_equal(request->index.med_type, "21");
    /* Tickets that nobody answers would keep the host from ending. */
    for (uint64_t open = 2; open <= request->sequence; open++) {
        struct frame over = {.kind = FRAME_TELL, .sequence = open, .sections = FRAME_HAS_RESULT};
        over.result.kind = FEP_REFUSED;
        rig_send(&rig->rig, &over);
    }
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, report_rig_set_up, report_rig_tear_down)
    const struct CMUnitTest tests[] = {CASE(test_totals_that_agree),
                                       CASE(test_totals_over_pages),
                                       CASE(test_totals_that_differ),
                                       CASE(test_totals_over_kinds),
                                       CASE(test_row_that_can_not_be_named),
                                       CASE(test_list_that_fails_is_told_repeatable),
                                       CASE(test_router_that_comes_anew_ends_the_report),
                                       CASE(test_wrong_question_is_refused_for_good),
                                       CASE(test_open_day_is_refused),
                                       CASE(test_no_more_reports_than_the_bound),
                                       CASE(test_details_of_a_day),
                                       CASE(test_catalogue_is_the_crosswalk),
                                       CASE(test_insurance_that_was_shown)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
