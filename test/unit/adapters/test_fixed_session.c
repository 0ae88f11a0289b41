/* The fixed module's connection to a local system: sign-on, window, heartbeats, the breaker, the drain. */
#include "fixed_calling_rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
sign_on_makes_it_ready_with_the_granted_window(void **state)
{
    struct fixture *f = *state;
    rig_accept(f, 0);
    assert_null(fake_completion_of(f->fake, &f->start));
    rig_sign_on(f, "04");
    assert_int_equal(rig_wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
    assert_int_equal(f->fake->health.window, 4);
}

/* Ten minutes are borne, one second more is not; it is tried again, and a clock put right is worked with. */
static void
clock_that_differs_too_much_is_not_worked_with(void **state)
{
    struct fixture *f = *state;
    rig_sign_on_at(f, "16", "20261122102501");
    fake_wait_state(f->fake, FEP_DOWN);
    assert_non_null(strstr(f->fake->health.reason, "clock"));
    rig_hang_up(&f->peers[0]);
    rig_sign_on_at(f, "16", "20261122100459");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    rig_hang_up(&f->peers[0]);
    rig_sign_on_at(f, "16", "20261122102500");
    fake_wait_state(f->fake, FEP_UP);
}

static void
window_is_respected(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "02");
    struct fep_call *calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = rig_submit(f, &rig_settle);
    struct request a = rig_take_request(f), b = rig_take_request(f);
    fake_run_ms(f->fake, 30);
    assert_false(rig_frame_there(&f->peers[0]));
    rig_answer(f, &b, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, calls[1])->kind, FEP_ANSWERED);
    struct request c = rig_take_request(f);
    assert_string_equal(c.serial, "20261122000000000103");
    rig_answer(f, &a, "000000", rig_settled(f));
    rig_answer(f, &c, "200301", NULL);
    assert_int_equal(rig_wait_for(f, calls[0])->kind, FEP_ANSWERED);
    assert_int_equal(rig_wait_for(f, calls[2])->kind, FEP_REFUSED);
}

static void
not_signed_on_is_refused_and_signs_on_anew(void **state)
{
    struct fixture *f = *state;
    char byte;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    rig_answer(f, &request, "900201", NULL);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    fake_run_ms(f->fake, 10);
    assert_int_equal(recv(f->peers[0].fd, &byte, 1, 0), 0);
    rig_hang_up(&f->peers[0]);
    rig_sign_on(f, "16");
    rig_settle_well(f);
}

static void
answers_that_never_come_wear_the_connection_out(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "02");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    fake_advance(f->fake, 61000);
    rig_expect_heartbeat(&f->peers[0]);
    assert_int_equal(send(f->peers[0].fd, "000000", 6, 0), 6);
    fake_run_ms(f->fake, 20);
    fake_advance(f->fake, 61000);
    fake_run_ms(f->fake, 20);
    char byte;
    assert_int_equal(recv(f->peers[0].fd, &byte, 1, 0), 0);
    rig_hang_up(&f->peers[0]);
    rig_sign_on(f, "02");
    rig_settle_well(f);
}

static void
heartbeat_after_silence_and_close_when_nothing_comes(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    rig_wait_for(f, &f->start);
    assert_int_equal(send(f->peers[0].fd, "000000", 6, 0), 6); /* nobody answers a heartbeat of the server */
    fake_run_ms(f->fake, 20);
    assert_false(rig_frame_there(&f->peers[0]));
    fake_advance(f->fake, 61000);
    rig_expect_heartbeat(&f->peers[0]);
    fake_advance(f->fake, 181000);
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    rig_hang_up(&f->peers[0]);
    rig_sign_on(f, "16");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
refused_sign_on_leaves_it_down_and_calls_not_sent(void **state)
{
    struct fixture *f = *state;
    rig_accept(f, 0);
    struct request request = rig_take_request(f);
    struct fep_call *waiting = rig_submit(f, &rig_settle);
    rig_answer(f, &request, "100004", NULL);
    struct fake_completion *done = rig_wait_for(f, waiting);
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    assert_int_equal(rig_wait_for(f, &f->start)->kind,
                     FEP_ANSWERED); /* it runs and keeps trying; health says how it is */
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_non_null(strstr(f->fake->health.reason, "100004"));
}

static void
dead_system_is_down_and_comes_back(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    rig_wait_for(f, &f->start);
    close(f->listener);
    rig_hang_up(&f->peers[0]);
    fake_run_ms(f->fake, 50);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &rig_settle))->kind, FEP_NOT_SENT);
    rig_listen_again(f);
    rig_sign_on(f, "16");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
time_outs_open_the_breaker_and_reversals_pass(void **state)
{
    struct fixture *f = *state;
    static const char *const about[] = {"H-ORG-TRAN", "400002", "H-ORG-SERIAL", "20261122000000000101", NULL};
    static const struct fake_message original = {"500001", about, NULL, NULL};
    rig_sign_on(f, "16");
    rig_wait_for(f, &f->start);
    for (int i = 0; i < 5; i++)
        rig_time_out(f);
    assert_int_equal(f->fake->health.state, FEP_DEGRADED);
    struct fake_completion *done = rig_wait_for(f, rig_submit(f, &rig_settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    struct fep_call *reversal = rig_next_call(f);
    f->ops->reverse(f->self, reversal, rig_message(&original));
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "500001");
    f->fake->host.release_record(f->fake, request.head);
    fake_advance(f->fake, 31000);
    struct fep_call *probe = rig_submit(f, &rig_settle);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &rig_settle))->kind, FEP_NOT_SENT); /* one at a time */
    request = rig_take_request(f);
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, probe)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
    rig_settle_well(f);
}

static void
rare_time_outs_do_not_open_the_breaker(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    for (int i = 0; i < 5; i++) {
        rig_time_out(f);
        fake_advance(f->fake, 16000);
    }
    assert_int_equal(f->fake->health.state, FEP_UP);
    rig_settle_well(f);
}

static void
drain_finishes_what_is_open_and_takes_nothing_new(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *open = rig_submit(f, &rig_settle), *drain = rig_next_call(f);
    struct request request = rig_take_request(f);
    f->ops->drain(f->self, drain);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &rig_settle))->kind, FEP_NOT_SENT);
    assert_null(fake_completion_of(f->fake, drain));
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, open)->kind, FEP_ANSWERED);
    assert_int_equal(rig_wait_for(f, drain)->kind, FEP_ANSWERED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sign_on_makes_it_ready_with_the_granted_window),
        TEST(clock_that_differs_too_much_is_not_worked_with),
        TEST(window_is_respected),
        TEST(not_signed_on_is_refused_and_signs_on_anew),
        TEST(answers_that_never_come_wear_the_connection_out),
        TEST(heartbeat_after_silence_and_close_when_nothing_comes),
        TEST(refused_sign_on_leaves_it_down_and_calls_not_sent),
        TEST(dead_system_is_down_and_comes_back),
        TEST(time_outs_open_the_breaker_and_reversals_pass),
        TEST(rare_time_outs_do_not_open_the_breaker),
        TEST(drain_finishes_what_is_open_and_takes_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
