/* Modules that do what they must not, and a mapped request that needs the opener of its visit. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error_codes.h"
#include "exchange_record.h"
#include "host_rig.h"

static void
begin(struct rig *rig, const char *mode, const char *mapping)
{
    char module[512], options[64];
    snprintf(module, sizeof module, "%s/test/unit/adapters/trouble.so", getenv("FEP_BUILD"));
    snprintf(options, sizeof options, "mode = \"%s\";", mode);
    rig_open(rig, module, mapping, options);
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
}

static void
submit(struct rig *rig, uint64_t id)
{
    struct frame frame = rig_submit(id, CORE_OP_SUBMIT, id, "2304", "{}");
    frame.travel.time_left_ms = 300;
    rig_send(rig, &frame);
}

static void
test_second_completion_ends_the_process_loudly(void **state)
{
    struct rig *rig = *state;
    begin(rig, "twice", NULL);
    rig_introduce(rig);
    submit(rig, 1);
    assert_int_equal(rig_wait_exit(rig), 128 + SIGABRT);
}

static void
test_second_completion_is_found_after_the_call_was_settled(void **state)
{
    struct rig *rig = *state;
    begin(rig, "twice_later", NULL);
    rig_introduce(rig);
    submit(rig, 1);
    rig_take(rig, FRAME_DONE);
    rig_ack(rig, FRAME_DONE, 1);
    submit(rig, 2);
    assert_int_equal(rig_wait_exit(rig), 128 + SIGABRT);
}

static void
test_unknown_kind_ends_the_process(void **state)
{
    struct rig *rig = *state;
    begin(rig, "no_kind", NULL);
    rig_introduce(rig);
    submit(rig, 1);
    assert_int_equal(rig_wait_exit(rig), 128 + SIGABRT);
}

static void
test_hung_module_ends_with_111(void **state)
{
    struct rig *rig = *state;
    begin(rig, "hang", NULL);
    rig_introduce(rig);
    submit(rig, 1);
    assert_int_equal(rig_wait_exit(rig), 111);
}

static void
test_module_that_does_not_start_ends_with_111(void **state)
{
    struct rig *rig = *state;
    begin(rig, "unready", NULL);
    assert_int_equal(rig_wait_exit(rig), 111);
}

static void
test_module_that_does_not_open_ends_with_111(void **state)
{
    struct rig *rig = *state;
    begin(rig, "closed", NULL);
    assert_int_equal(rig_wait_exit(rig), 111);
}

static void
test_late_answer_is_reported_beside_the_completion(void **state)
{
    struct rig *rig = *state;
    begin(rig, "late", NULL);
    rig_introduce(rig);
    submit(rig, 77);
    struct frame *late = rig_take(rig, FRAME_LATE);
    assert_int_equal(late->attempt.serial, 77);
    assert_int_equal(late->result.kind, FEP_ANSWERED);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_UNKNOWN);
}

/* --- a request that needs its visit -------------------------------------------------------------- */

#define ADMISSION "{\"input\":{\"mdtrtinfo\":{\"psn_no\":\"P1\",\"ipt_no\":\"ZY1\"}}}"
#define ADMITTED  "{\"output\":{\"result\":{\"mdtrt_id\":\"YL1\"}}}"
#define SETTLED                                                                                              \
    "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"S1\",\"medfee_sumamt\":14000.00,\"fund_pay_"     \
    "sumamt\":9000.00,"                                                                                      \
    "\"acct_pay\":1000.00,\"psn_cash_pay\":4000.00,\"hifp_pay\":9000.00,\"fulamt_ownpay_amt\":1000.00,"      \
    "\"inscp_scp_amt\":13000.00}}}"

static struct slice
text(const char *from)
{
    return (struct slice){.data = (const unsigned char *)from, .size = strlen(from)};
}

static uint64_t
answer_visit(struct rig *rig, bool found)
{
    struct frame *find = rig_take(rig, FRAME_FIND_VISIT);
    assert_string_equal(find->index.visit_id, "YL1");
    assert_string_equal(find->header.insured_area, "450900");
    uint64_t ticket = find->sequence;
    struct frame visit = {.kind = FRAME_VISIT, .sequence = ticket, .ok = found};
    if (found) {
        visit.sections = FRAME_HAS_HEADER | FRAME_HAS_BODY | FRAME_HAS_ANSWER;
        visit.header = rig_submit(1, CORE_OP_SUBMIT, 1, "2401", "").header;
        visit.body = text(ADMISSION);
        visit.answer = text(ADMITTED);
    }
    rig_send(rig, &visit);
    return ticket;
}

static void
begin_mapped(struct rig *rig, const char *mode)
{
    char mapping[512];
    snprintf(mapping, sizeof mapping, "%s/etc/mapping/danxian-450100.cfg", getenv("FEP_SOURCE"));
    begin(rig, mode, mapping);
    rig_introduce(rig);
}

/* The module tells what it was told as the reason of its health. */
static void
expect_told(struct rig *rig, const char *expected)
{
    for (int i = 0; i < 20; i++) {
        const struct frame *health = rig_take(rig, FRAME_HEALTH);
        if (strcmp(health->text, expected) == 0)
            return;
    }
    fail_msg("the module was not told: %s", expected);
}

static uint64_t
take_request(struct rig *rig)
{
    struct frame *request = rig_take(rig, FRAME_REQUEST);
    assert_string_equal(request->header.infno, "2304");
    assert_string_equal(request->header.key.msgid, "H45010000003202611221015020007");
    assert_non_null(memmem(request->body.data, request->body.size, "\"psn_no\":\"P1\"", 13));
    uint64_t ticket = request->sequence;
    rig_ack(rig, FRAME_REQUEST, ticket);
    return ticket;
}

static void
send_answer(struct rig *rig, enum frame_kind kind, uint64_t ticket, const char *answer)
{
    struct frame frame = {.kind = kind,
                          .sequence = ticket,
                          .sections = FRAME_HAS_RESULT | FRAME_HAS_BODY,
                          .result = {.kind = FEP_ANSWERED, .effect = FEP_EFFECT_POSTED},
                          .body = text(answer)};
    rig_send(rig, &frame);
}

static void
test_mapped_request_with_its_visit(void **state)
{
    struct rig *rig = *state;
    begin_mapped(rig, "ask");
    answer_visit(rig, true);
    uint64_t ticket = take_request(rig);
    send_answer(rig, FRAME_RENDER, ticket, SETTLED);
    assert_int_equal(rig_take(rig, FRAME_RENDERED)->ok, 1);
    send_answer(rig, FRAME_TELL, ticket, SETTLED);
    expect_told(rig, "told 1 0 S1");
}

static void
test_unknown_visit_is_refused(void **state)
{
    struct rig *rig = *state;
    begin_mapped(rig, "ask");
    answer_visit(rig, false);
    expect_told(rig, "told 3 2101 ");
}

static void
test_answer_that_breaks_the_equations_is_not_rendered(void **state)
{
    struct rig *rig = *state;
    begin_mapped(rig, "ask");
    answer_visit(rig, true);
    uint64_t ticket = take_request(rig);
    send_answer(rig, FRAME_RENDER, ticket,
                "{\"output\":{\"setlinfo\":{\"setl_id\":\"S1\",\"medfee_sumamt\":14000.00,\"fund_pay_"
                "sumamt\":1.00}}}");
    struct frame *rendered = rig_take(rig, FRAME_RENDERED);
    assert_int_equal(rendered->ok, 0);
    assert_non_null(strstr(rendered->text, "danxian-450100.cfg:"));
}

static void
test_answer_the_module_can_not_carry_is_not_rendered(void **state)
{
    struct rig *rig = *state;
    begin_mapped(rig, "picky");
    answer_visit(rig, true);
    uint64_t ticket = take_request(rig);
    send_answer(rig, FRAME_RENDER, ticket, SETTLED);
    struct frame *rendered = rig_take(rig, FRAME_RENDERED);
    assert_int_equal(rendered->ok, 0);
    assert_string_equal(rendered->text, "this caller can not read it");
}

static void
test_bad_mapping_ends_with_100(void **state)
{
    struct rig *rig = *state;
    begin(rig, "ask", "/no/such/mapping.cfg");
    assert_int_equal(rig_wait_exit(rig), 100);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_second_completion_ends_the_process_loudly),
        CASE(test_second_completion_is_found_after_the_call_was_settled),
        CASE(test_unknown_kind_ends_the_process),
        CASE(test_hung_module_ends_with_111),
        CASE(test_module_that_does_not_start_ends_with_111),
        CASE(test_module_that_does_not_open_ends_with_111),
        CASE(test_late_answer_is_reported_beside_the_completion),
        CASE(test_mapped_request_with_its_visit),
        CASE(test_unknown_visit_is_refused),
        CASE(test_answer_that_breaks_the_equations_is_not_rendered),
        CASE(test_answer_the_module_can_not_carry_is_not_rendered),
        CASE(test_bad_mapping_ends_with_100),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
