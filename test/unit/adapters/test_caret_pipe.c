/* Another delimited protocol through the same module, both ways: answers that name their request, an inquiry,
 * no sign-in. */
#include "caret_pipe_rig.h"

#include <stdio.h>
#include <unistd.h>

static const char *const head_values[] = {"ORG", "H45090000001", NULL};
static const char *const pay_values[] = {"VISIT", "V1", "TOTAL", "125.55", NULL};
static const char *const pay_row[] = {"ITEM", "A1", "AMT", "125.55", NULL};
static const char *const list_values[] = {"DATE", "20261122", NULL};
static const struct fake_message pay = {"PAY", head_values, pay_values, pay_row};
static const struct fake_message list = {"LIST", head_values, list_values, NULL};

static struct fep_call *
submit(struct fixture *f, uint64_t serial, const struct fake_message *message)
{
    struct fep_call *call = rig_call_with(f, serial);
    f->ops->submit(f->self, call, rig_message(message));
    return call;
}

/* The module has asked this, on the one connection it opened. */
static void
expect_request(struct fixture *f, const char *text)
{
    if (f->peers[0].fd < 0)
        rig_accept(f, 0);
    assert_string_equal(rig_read_line(&f->peers[0]), text);
}

static void
expect_answer(struct fixture *f, const char *text)
{
    assert_string_equal(rig_read_line(&f->peers[0]), text);
}

static void
say(struct fixture *f, const char *text)
{
    rig_send_line(&f->peers[0], text);
}

/* The count-th call's end. */
static struct fake_completion *
wait_for(struct fixture *f, size_t count)
{
    return rig_wait_for(f, &f->calls[count - 1]);
}

static struct fake_request *
ask(struct fixture *f, const char *line)
{
    size_t count = f->fake->request_count + 1;
    say(f, line);
    return rig_wait_request(f, count);
}

static void
a_payment_is_posted_without_any_sign_in(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->fake->health.state, FEP_UP);
    submit(f, 70000000101, &pay);
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55");
    say(f, "20261122070000000101|OK||S77|125.55|69.9");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.cycle, "");
    assert_string_equal(fake_get(f->fake, done->answer, "CASH"), "69.90");
}

static void
refusals_have_their_class(void **state)
{
    static const struct {
        const char *code;
        enum fep_kind kind;
        unsigned class, canonical;
    } codes[] = {{"E01", FEP_REFUSED, FEP_FINAL, 2301},
                 {"E02", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"E03", FEP_UNKNOWN, 0, 9002},
                 {"E99", FEP_UNKNOWN, 0, 9002}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char line[128], request[128];
        submit(f, 70000000101 + i, &pay);
        snprintf(request, sizeof request, "PAY|2026112207000000%04zu|H45090000001|V1|125.55|A1,,125.55",
                 101 + i);
        expect_request(f, request);
        snprintf(line, sizeof line, "2026112207000000%04zu|%s|不行", 101 + i, codes[i].code);
        say(f, line);
        struct fake_completion *done = wait_for(f, i + 1);
        assert_int_equal(done->kind, codes[i].kind);
        assert_int_equal(done->result.code, codes[i].canonical);
        if (done->kind == FEP_REFUSED)
            assert_int_equal(done->result.refusal_class, codes[i].class);
    }
}

static void
an_answer_that_names_another_request_is_none(void **state)
{
    struct fixture *f = *state;
    submit(f, 70000000101, &pay);
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55");
    say(f, "20261122070000000100|OK||S76|125.55|69.90");
    assert_int_equal(wait_for(f, 1)->kind, FEP_UNKNOWN);
}

static void
a_good_answer_without_a_serial_is_none(void **state)
{
    struct fixture *f = *state;
    submit(f, 70000000101, &pay);
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55");
    say(f, "|OK||S76|125.55|69.90");
    assert_int_equal(wait_for(f, 1)->kind, FEP_UNKNOWN);
}

static void
inquire(struct fixture *f, const char *answer)
{
    f->ops->inquire(f->self, rig_call_with(f, 70000000101), rig_message(&pay));
    expect_request(f, "WHAT|20261122990000000001|H45090000001|20261122070000000101");
    say(f, answer);
}

static void
an_inquiry_brings_the_originals_answer(void **state)
{
    struct fixture *f = *state;
    inquire(f, "20261122990000000001|OK||1|OK|S77|125.55|69.90");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_string_equal(f->fake->host.record_layout(done->answer)->name, "PAY-R");
    assert_string_equal(fake_get(f->fake, done->answer, "SETL"), "S77");
}

static void
an_inquiry_that_found_something_else(void **state)
{
    struct fixture *f = *state;
    inquire(f, "20261122990000000001|OK||2|E01");
    assert_int_equal(wait_for(f, 1)->result.finding, FEP_FOUND_REFUSED);
    assert_int_equal(f->fake->completions[0].result.code, 2301);
    inquire(f, "20261122990000000001|OK||0");
    assert_int_equal(wait_for(f, 2)->result.finding, FEP_FOUND_NOTHING);
    assert_null(f->fake->completions[1].answer);
    inquire(f, "20261122990000000001|OK||1|OK"); /* posted, and its answer is not there */
    assert_int_equal(wait_for(f, 3)->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(f->fake->completions[2].result.reason, FEP_REASON_INCONSISTENT);
    inquire(f, "20261122990000000001|OK||7");
    assert_int_equal(wait_for(f, 4)->kind, FEP_UNKNOWN);
}

static void
a_reversal_names_the_original(void **state)
{
    struct fixture *f = *state;
    f->ops->reverse(f->self, rig_call_with(f, 70000000101), rig_message(&pay));
    expect_request(f, "BACK|20261122990000000001|H45090000001|20261122070000000101");
    say(f, "20261122990000000001|OK||1");
    assert_int_equal(wait_for(f, 1)->result.finding, FEP_FOUND_REVERSED);
}

static void
own_serials_in_a_list_are_turned_back_and_others_left_out(void **state)
{
    struct fixture *f = *state;
    submit(f, 70000000105, &list);
    expect_request(f, "LIST|20261122070000000105|H45090000001|20261122");
    say(f, "20261122070000000105|OK||2|20261122070000000101,S77;T-20261122-1,S78");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "SERIAL"), "20261122070000000101");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SETL"), "S78");
}

/* Nothing can be asked of this system but business: it is looked for with a connection. */
static void
a_system_that_was_gone_is_found_again(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    submit(f, 70000000101, &pay);
    assert_int_equal(wait_for(f, 1)->kind, FEP_NOT_SENT);
    fake_wait_state(f->fake, FEP_DOWN);
    rig_listen_again(f);
    fake_advance(f->fake, 4000);
    fake_wait_state(f->fake, FEP_UP);
}

static void
time_out(struct fixture *f, uint64_t serial)
{
    struct fep_call *call = submit(f, serial, &pay);
    (void)rig_read_line(rig_accept(f, 0));
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    rig_hang_up(&f->peers[0]);
}

/* Without an echo the next request is the probe. */
static void
a_system_that_hangs_gets_one_request_after_a_pause(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5; i++)
        time_out(f, 70000000101 + i);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    submit(f, 70000000110, &pay);
    assert_int_equal(wait_for(f, 6)->kind, FEP_NOT_SENT);
    fake_advance(f->fake, 31000);
    fake_wait_state(f->fake, FEP_UP);
    time_out(f, 70000000111);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

static void
answer(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
       struct fep_record *record)
{
    if (record != NULL)
        assert_int_equal(request->try_answer(f->self, request->ticket, record, &(struct fep_error){0}), 0);
    rig_tell(f, request, kind, result, record);
}

static struct fep_record *
paid(struct fixture *f)
{
    return fake_record(f->fake, "PAY-R",
                       (const char *const[]){"SETL", "S77", "TOTAL", "125.55", "CASH", "69.90", NULL});
}

static void
a_request_is_served_without_any_sign_in(void **state)
{
    struct fixture *f = *state;
    struct fake_request *request = ask(f, "PAY|0007|H1|V1|125.55|A1,,125.55");
    assert_string_equal(request->local, "PAY");
    assert_string_equal(fake_get(f->fake, request->body, "TOTAL"), "125.55");
    answer(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, paid(f));
    expect_answer(f, "0007|OK||S77|125.55|69.90");
}

static void
a_repeat_gets_the_stored_answer_where_the_protocol_replays(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "PAY|0007|H1|V1|125.55"), FEP_ANSWERED, (struct fep_result){.copy = 1}, paid(f));
    expect_answer(f, "0007|OK||S77|125.55|69.90");
    answer(f, ask(f, "PAY|0008|H1|V1|125.55"), FEP_REFUSED, (struct fep_result){.copy = 1, .code = 2301},
           NULL);
    expect_answer(f, "0008|E01|");
}

static void
what_is_not_known_has_its_own_code(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "PAY|0007|H1|V1|125.55"), FEP_UNKNOWN, (struct fep_result){.code = 0}, NULL);
    rig_expect_line(&f->peers[0], "0007|E03|");
}

static void
lines_that_can_not_be_read_are_refused(void **state)
{
    struct fixture *f = *state;
    say(f, "PAY|0007");
    rig_expect_line(&f->peers[0], "|E05|");
    say(f, "NONE|0007|H1|");
    rig_expect_line(&f->peers[0], "0007|E10|");
}

static void
an_inquiry_is_answered_with_the_state_and_the_original(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "WHAT|0010|H1|0007"), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED},
           paid(f));
    expect_answer(f, "0010|OK||1|OK|S77|125.55|69.90");
    answer(f, ask(f, "WHAT|0011|H1|0007"), FEP_ANSWERED,
           (struct fep_result){.finding = FEP_FOUND_REFUSED, .code = 2301, .refusal_class = FEP_FINAL}, NULL);
    expect_answer(f, "0011|OK||2|E01");
    answer(f, ask(f, "WHAT|0012|H1|0007"), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING},
           NULL);
    expect_answer(f, "0012|OK||0|");
    answer(f, ask(f, "WHAT|0013|H1|0007"), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_CANCELLED},
           NULL);
    rig_expect_line(&f->peers[0], "0013|E02|"); /* the mapping has no word for it */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_calling, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_payment_is_posted_without_any_sign_in),
        TEST(refusals_have_their_class),
        TEST(an_answer_that_names_another_request_is_none),
        TEST(a_good_answer_without_a_serial_is_none),
        TEST(an_inquiry_brings_the_originals_answer),
        TEST(an_inquiry_that_found_something_else),
        TEST(a_reversal_names_the_original),
        TEST(own_serials_in_a_list_are_turned_back_and_others_left_out),
        TEST(a_system_that_was_gone_is_found_again),
        TEST(a_system_that_hangs_gets_one_request_after_a_pause),
        cmocka_unit_test_setup_teardown(a_request_is_served_without_any_sign_in, rig_set_up_serving,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_gets_the_stored_answer_where_the_protocol_replays,
                                        rig_set_up_serving, rig_tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_known_has_its_own_code, rig_set_up_serving,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(lines_that_can_not_be_read_are_refused, rig_set_up_serving,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(an_inquiry_is_answered_with_the_state_and_the_original,
                                        rig_set_up_serving, rig_tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
