/* Inquiries of local callers about settlements that were cancelled since: a real fep-adapter, the test
 * playing router and caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange_record.h"
#include "report_rig.h"

#define ASK                                                                                                  \
    "1902;H:MSGNO=1902,MSGID=H45030000001202611220930150009,ORGMSGNO=1402,ORGMSGID="                         \
    "H45030000001202611220930150001,JYFX=1,AAB301=450300,AAA027=450900,AKB020=H45030000001,OPERID=1,"        \
    "OPERNAME=x,OPTTIME=20261122093015,GRANTID=WX450300;B:AKC190=Z1,ORGDATE=20261122"
#define ANSWER(id, time)                                                                                     \
    "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"" id "\"," time                                  \
    "\"medfee_sumamt\":100.00,\"fund_pay_sumamt\":60.00,\"acct_pay\":0.00,\"psn_cash_pay\":40.00,"           \
    "\"hifp_pay\":60.00,\"inscp_scp_amt\":100.00}}}"
#define SETTLED ANSWER("S1", "\"setl_time\":\"2020-01-02 09:00:00\",")
#define CANCEL(of)                                                                                           \
    {                                                                                                        \
        .infno = "2208", .msgid = "A0000002", .settlement_id = "S2", .insutype = "310", .med_type = "11",    \
        .body = "{\"input\":{\"data\":{\"psn_no\":\"P1\",\"setl_id\":\"" of "\"}}}",                         \
        .answer =                                                                                            \
            "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"S2\",\"org_setl_id\":\"" of "\"}}}",     \
        .state = STATE_ANSWERED, .effect = FEP_EFFECT_POSTED, .total = -10000, .fund = -10000                \
    }

/* The shipped mapping, with the rig's crosswalk. */
static int
set_up(void **state)
{
    struct report_rig *rig = calloc(1, sizeof *rig);
    char path[64], line[1024];
    if (rig == NULL)
        return -1;
    snprintf(path, sizeof path, "/tmp/fep-inquiries-%d.cfg", (int)getpid());
    snprintf(line, sizeof line,
             "sed 's#^crosswalk = .*#crosswalk = \"crosswalk/450100.csv\";#' "
             "%s/etc/mapping/wuxian-450300.cfg > %s",
             getenv("FEP_SOURCE"), path);
    assert_int_equal(system(line), 0);
    report_rig_open(rig, path, "", "");
    unlink(path);
    *state = rig;
    return 0;
}

/* The caller asks, and the router tells what became of the original. */
static void
tell(struct report_rig *rig, const char *infno, enum fep_finding finding, const char *answer)
{
    report_rig_ask(rig, ASK);
    struct frame frame = {.kind = FRAME_TELL,
                          .sequence = rig_take(&rig->rig, FRAME_REQUEST)->sequence,
                          .sections = FRAME_HAS_RESULT | FRAME_HAS_HEADER};
    frame.header = rig->rig.frame.header;
    snprintf(frame.header.original_infno, sizeof frame.header.original_infno, "%s", infno);
    frame.result = (struct frame_result){.kind = FEP_ANSWERED, .finding = (uint8_t)finding};
    if (answer != NULL) {
        frame.sections |= FRAME_HAS_BODY;
        frame.body = (struct slice){.data = (const unsigned char *)answer, .size = strlen(answer)};
    }
    rig_send(&rig->rig, &frame);
}

/* Its end, and the settlement the answer is about. */
static void
assert_told(struct report_rig *rig, const char *expected)
{
    if (strncmp(report_rig_told(rig), expected, strlen(expected)) != 0)
        fail_msg("\"%s\"; expected \"%s...\"", rig->heard, expected);
}

/* From the day before the settlement's. */
static uint64_t
await_list(struct report_rig *rig)
{
    uint64_t list = report_rig_list(rig, "{\"from_day\":20200101,");
    assert_non_null(strstr(rig->heard, "\"role\":1,\"bodies\":true"));
    assert_non_null(strstr(rig->heard, "\"2208\""));
    assert_null(strstr(rig->heard, "\"2207\""));
    return list;
}

static void
test_settlement_that_was_cancelled(void **state)
{
    struct report_rig *rig = *state;
    const struct stored other = CANCEL("S7"), cancel = CANCEL("S1");
    tell(rig, "2207", FEP_FOUND_POSTED, SETTLED);
    uint64_t list = await_list(rig);
    report_rig_entry(rig, list, &other);
    report_rig_entry(rig, list, &cancel);
    report_rig_list_end(rig, list, NULL);
    assert_told(rig, "1 0 0;F:5;B:AAZ216=S1,");
}

static void
test_settlement_that_stands(void **state)
{
    struct report_rig *rig = *state;
    struct stored entry = CANCEL("S7");
    tell(rig, "2207", FEP_FOUND_POSTED, SETTLED);
    uint64_t list = await_list(rig);
    report_rig_entry(rig, list, &entry);
    const struct stored cancel = CANCEL("S1");
    entry = cancel;
    entry.state = STATE_REVERSED; /* the cancel was taken back */
    report_rig_entry(rig, list, &entry);
    entry.state = STATE_ANSWERED;
    entry.insured_area = "450300"; /* another place's S1 */
    report_rig_entry(rig, list, &entry);
    report_rig_list_end(rig, list, NULL);
    assert_told(rig, "1 0 0;F:1;B:AAZ216=S1,");
}

/* What became of the request itself is known: that is told. */
static void
test_list_that_fails_leaves_it_posted(void **state)
{
    struct report_rig *rig = *state;
    tell(rig, "2207", FEP_FOUND_POSTED, SETTLED);
    struct frame end = {
        .kind = FRAME_ENTRY, .sequence = await_list(rig), .sections = FRAME_HAS_RESULT | FRAME_HAS_TEXT};
    end.result.code = 4012;
    snprintf(end.text, sizeof end.text, "the store can not be read");
    rig_send(&rig->rig, &end);
    assert_told(rig, "1 0 0;F:1;B:AAZ216=S1,");
}

static void
test_nothing_else_is_looked_for(void **state)
{
    struct report_rig *rig = *state;
    tell(rig, "2208", FEP_FOUND_POSTED, ANSWER("S2", ""));
    assert_told(rig, "1 0 0;F:1;B:AAZ216=S2,");
    tell(rig, "2207", FEP_FOUND_REVERSED, NULL);
    assert_told(rig, "1 0 0;F:4");
    tell(rig, "2207", FEP_FOUND_NOTHING, NULL);
    assert_told(rig, "1 0 0;F:0");
    rig_take_none(&rig->rig, FRAME_LIST, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settlement_that_was_cancelled, set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_settlement_that_stands, set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_list_that_fails_leaves_it_posted, set_up, report_rig_tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_else_is_looked_for, set_up, report_rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
