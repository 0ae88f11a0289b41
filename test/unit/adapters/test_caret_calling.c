/* The caret module calling: one request at a time on a connection, and every way an answer can fail to come.
 */
#include "caret_calling_rig.h"

#include <sys/socket.h>
#include <unistd.h>

static void
settlement_goes_out_and_is_answered(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    assert_string_equal(rig_read_line(peer),
                        "2410^H45090000001^GW001^" CYCLE "^20261122000000-H4509000000107000000-0101^450900^"
                        "ZY1|NN1|FP1|21|20261122101500|||||0|125.55|||^1^");
    rig_send_text(peer, SETTLED(CYCLE, "FP1"));
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.cycle, CYCLE);
    assert_string_equal(done->result.local_reference, "DX1");
    assert_string_equal(fake_get(f->fake, done->answer, "FUND"), "55.65");
}

static void
each_connection_carries_one_request_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct peer *first = rig_sign_in(f);
    struct fep_call *calls[4];
    for (int i = 0; i < 4; i++)
        calls[i] = rig_submit(f, &rig_person);
    rig_read_line(first);
    struct peer *second = rig_accept(f, 1), *third = rig_accept(f, 2);
    rig_read_line(second);
    rig_read_line(third);
    fake_run_ms(f->fake, 30);
    assert_false(rig_line_there(first)); /* the fourth waits: the last connection is for what undoes */
    struct fep_call *undo = rig_reverse(f, &rig_settle, 70000000101);
    struct peer *fourth = rig_accept(f, 3);
    rig_expect_line(fourth, "2421^");
    rig_send_text(fourth, "0^DX1^" CYCLE "^2||^^\r\n");
    assert_int_equal(rig_wait_for(f, undo)->result.finding, FEP_FOUND_NEVER_ARRIVED);
    rig_send_text(second, "-2001^^" CYCLE "^^查无此人^\r\n");
    assert_int_equal(rig_wait_for(f, calls[1])->kind, FEP_REFUSED);
    rig_expect_line(second, "2100^");
    assert_null(fake_completion_of(f->fake, calls[0]));
    rig_hang_up(first);
    struct fake_completion *lost = rig_wait_for(f, calls[0]);
    assert_int_equal(lost->kind, FEP_UNKNOWN);
    assert_null(fake_completion_of(f->fake, calls[3]));
}

static void
return_codes_become_kinds(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    const struct {
        const char *answer;
        enum fep_kind kind;
        unsigned refusal_class, code;
    } cases[] = {{"-2301^^" CYCLE "^^总额不符^\r\n", FEP_REFUSED, FEP_FINAL, 2301},
                 {"-9001^^" CYCLE "^^忙^\r\n", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"-9002^^" CYCLE "^^后台未答^\r\n", FEP_UNKNOWN, FEP_FINAL, 9002},
                 {"-9103^^^^周期属于他人^\r\n", FEP_REFUSED, FEP_FINAL, 9103},
                 {"-4711^^" CYCLE "^^新错误^\r\n", FEP_UNKNOWN, FEP_FINAL, 9002}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        rig_expect_line(peer, "2410^");
        rig_send_text(peer, cases[i].answer);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, cases[i].kind);
        assert_int_equal(done->result.refusal_class, cases[i].refusal_class);
        assert_int_equal(done->result.code, cases[i].code);
        if (cases[i].code == 9103) { /* somebody else's cycle: a sign-in of our own before anything new */
            rig_expect_line(peer, "9100^");
            rig_send_text(peer, "0^DX1^" CYCLE "^20261122101500|1|^^\r\n");
        }
    }
    struct fep_call *query =
        rig_submit(f, &rig_person); /* what posts nothing is refused by an unknown code */
    rig_expect_line(peer, "2100^");
    rig_send_text(peer, "-4711^^" CYCLE "^^新错误^\r\n");
    assert_int_equal(rig_wait_for(f, query)->kind, FEP_REFUSED);
}

static void
an_answer_that_can_not_be_this_ones_is_unknown(void **state)
{
    struct fixture *f = *state;
    static const char *const answers[] = {
        SETTLED(CYCLE, "FP2"),                       /* another bill */
        SETTLED("0001-000GW001-20261121001", "FP1"), /* another cycle */
        "0^DX1^" CYCLE "^NN77|FP1|abc|^^\r\n",       /* no amount */
        "0^DX1^" CYCLE "^\r\n",                      /* too few fields */
        "null^DX1^" CYCLE "^^^\r\n",                 /* no return code */
        "-2301^^" CYCLE "^NN77|^^\r\n",              /* a refusal with output */
        "0^DX1^" CYCLE "^^\n",                       /* a lone LF */
    };
    struct peer *peer = rig_sign_in(f);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        rig_expect_line(peer, "2410^");
        rig_send_text(peer, answers[i]);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, FEP_UNKNOWN);
        assert_string_equal(done->result.cycle, CYCLE); /* what the reversal needs to know */
        rig_expect_closed(peer);
        rig_hang_up(peer);
        struct fep_call *next = rig_submit(f, &rig_person);
        peer = rig_accept(f, 0);
        rig_expect_line(peer, "2100^");
        rig_send_text(peer, "-2001^^" CYCLE "^^查无此人^\r\n");
        assert_int_equal(rig_wait_for(f, next)->kind, FEP_REFUSED);
    }
}

static void
half_an_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    rig_send_text(peer, "0^DX1^" CYCLE "^NN77|FP1|125.55|55.65|0.00|69.90|");
    rig_hang_up(peer);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_PEER_CLOSED);
    assert_null(done->answer);
}

static void
late_answer_is_never_read(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_UNKNOWN);
    assert_int_equal(fake_completion_of(f->fake, call)->result.reason, FEP_REASON_DEADLINE);
    rig_expect_closed(peer);
    struct fep_call *next = rig_submit(f, &rig_settle);
    struct peer *other = rig_accept(f, 1);
    rig_expect_line(other, "2410^");
    (void)send(peer->fd, "0^", 2, MSG_NOSIGNAL);
    fake_run_ms(f->fake, 20);
    assert_null(fake_completion_of(f->fake, next));
    rig_send_text(other, SETTLED(CYCLE, "FP1"));
    assert_int_equal(rig_wait_for(f, next)->kind, FEP_ANSWERED);
}

static void
what_comes_unasked_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    rig_wait_for(f, &f->start);
    rig_send_text(peer, SETTLED(CYCLE, "FP1"));
    rig_expect_closed(peer);
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *other = rig_accept(f, 1);
    rig_expect_line(other, "2410^");
    rig_send_text(other, SETTLED(CYCLE, "FP1") "0^"); /* its answer, and the beginning of something else */
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
    rig_expect_closed(other);
}

static void
without_a_connection_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    rig_wait_for(f, &f->start);
    close(f->listener);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    rig_hang_up(peer);
    fake_run_ms(f->fake, 20);
    struct fake_completion *done = rig_wait_for(f, rig_submit(f, &rig_settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

static void
what_can_not_be_written_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const long_bill[] = {"BILL-NO", "123456789012345678901", NULL};
    static const struct fake_message bad = {"2410", rig_head, long_bill, NULL},
                                     unmapped = {NULL, rig_head, NULL, NULL};
    rig_sign_in(f);
    rig_wait_for(f, &f->start);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &bad))->kind, FEP_REFUSED);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &unmapped))->result.code, 1003);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(settlement_goes_out_and_is_answered),
        TEST(each_connection_carries_one_request_at_a_time),
        TEST(return_codes_become_kinds),
        TEST(an_answer_that_can_not_be_this_ones_is_unknown),
        TEST(half_an_answer_is_unknown),
        TEST(late_answer_is_never_read),
        TEST(what_comes_unasked_ends_the_connection),
        TEST(without_a_connection_nothing_is_sent),
        TEST(what_can_not_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
