/* The soap module calling: its connections to a local system - how many, how long, the breaker, the drain. */
#include "soap_calling_rig.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_nothing_left_is_not_sent(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    f->listener = -1;
    rig_assert_ended(f, rig_submit(f, &rig_settle), FEP_NOT_SENT, 9001);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    f->listener = socket(AF_INET, SOCK_STREAM, 0); /* tear_down closes it */
}

static bool
late_came(void *arg)
{
    return ((struct fixture *)arg)->fake->late_count > 0;
}

static void
test_late_answer_is_reported(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE); /* a wish may come twice */
    rig_answer(f, peer, GOOD, SETTLED);
    assert_true(fake_run_until(f->fake, late_came, f));
    assert_int_equal(f->fake->late[0].kind, FEP_ANSWERED);
}

static void
test_requests_wait_for_a_connection_but_inquiries_do_not(void **state)
{
    struct fixture *f = *state;
    struct fep_call *calls[5];
    for (size_t i = 0; i < 5; i++)
        calls[i] = rig_submit(f, &rig_settle);
    struct peer *first = rig_take_request(f);
    for (size_t i = 0; i < 3; i++)
        (void)rig_take_request(f);
    fake_run_ms(f->fake, 20);
    assert_int_equal(accept(f->listener, NULL, NULL), -1); /* the fifth waits */
    rig_ask_about(f, f->ops->inquire);
    assert_string_equal(rig_take_request(f)->local, "1902");
    f->ops->cancel(f->self, calls[4], FEP_REASON_DEADLINE);
    rig_assert_ended(f, calls[4], FEP_NOT_SENT, 9001);
    struct fep_call *next = rig_submit(f, &rig_settle);
    rig_answer(f, first, GOOD, SETTLED);
    rig_answer(f, rig_take_request(f), GOOD, SETTLED);
    rig_assert_ended(f, calls[0], FEP_ANSWERED, 0);
    rig_assert_ended(f, next, FEP_ANSWERED, 0);
}

static bool
is_up(void *arg)
{
    return ((struct fixture *)arg)->fake->health.state == FEP_UP;
}

static void
test_breaker_opens_and_an_echo_closes_it(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 5; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        (void)rig_take_request(f);
        f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
        rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    }
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    rig_assert_ended(f, rig_submit(f, &rig_settle), FEP_NOT_SENT, 9001);
    struct peer *echo = rig_take_request(f);
    assert_string_equal(echo->local, "1999");
    rig_answer(f, echo, GOOD, "");
    assert_true(fake_run_until(f->fake, is_up, f));
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_answer(f, rig_take_request(f), GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_late_connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 20; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        (void)rig_take_request(f);
        f->ops->cancel(f->self, call, FEP_REASON_CANCELLED);
        rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    }
    assert_int_equal(fake_open_watches(f->fake), 16);
}

static void
test_drain_waits_for_what_is_open(void **state)
{
    struct fixture *f = *state;
    struct fep_call drain = {0}, *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    f->ops->drain(f->self, &drain);
    rig_assert_ended(f, rig_submit(f, &rig_settle), FEP_NOT_SENT, 9001);
    assert_null(fake_completion_of(f->fake, &drain));
    rig_answer(f, peer, GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    rig_assert_ended(f, &drain, FEP_ANSWERED, 0);
}

static bool
has_hung_up(void *arg)
{
    unsigned char piece;
    return recv(*(int *)arg, &piece, 1, 0) == 0;
}

static void
test_a_kept_connection_is_not_used_again(void **state)
{
    struct fixture *f = *state;
    static const char keep[] = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n";
    unsigned char out[1 << 14];
    for (size_t i = 0; i < 2; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct peer *peer = rig_take_request(f);
        assert_non_null(memmem(f->raw, f->raw_size, "Connection: close\r\n", 19));
        size_t size = rig_make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
        rig_send(peer, keep, sizeof keep - 1);
        rig_send(peer, out + 17, size - 17); /* behind its own status line */
        rig_assert_ended(f, call, FEP_ANSWERED, 0);
        assert_true(fake_run_until(f->fake, has_hung_up, &peer->fd));
    }
}

/* A host that takes no connection and refuses none: its queue is full. */
static void
test_connecting_takes_no_longer_than_its_time(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int waiting[8];
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(f->listener, 0), 0);
    for (size_t i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, size);
    }
    struct fep_call *call = rig_submit(f, &rig_settle);
    fake_run_ms(f->fake, 20);
    assert_null(fake_completion_of(f->fake, call));
    fake_advance(f->fake, 2900);
    fake_run_ms(f->fake, 5);
    assert_null(fake_completion_of(f->fake, call));
    fake_advance(f->fake, 200);
    rig_assert_ended(f, call, FEP_NOT_SENT, 9001);
    for (size_t i = 0; i < 8; i++)
        close(waiting[i]);
}

static int
set_up_silent(void **state)
{
    return rig_open_module(state, "4");
}

static void
test_starts_without_a_local_system(void **state)
{
    struct fixture *f = *state;
    rig_hang_up(rig_take_request(f)); /* the echo's */
    rig_assert_ended(f, &f->start, FEP_ANSWERED, 0);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    rig_answer(f, rig_take_request(f), GOOD, ""); /* it tries again */
    assert_true(fake_run_until(f->fake, is_up, f));
}

static void
test_an_echo_that_is_not_answered(void **state)
{
    struct fixture *f = *state;
    (void)rig_take_request(f);
    rig_assert_ended(f, &f->start, FEP_ANSWERED, 0); /* after probe_time */
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_left_is_not_sent),
        TEST(test_a_kept_connection_is_not_used_again),
        TEST(test_connecting_takes_no_longer_than_its_time),
        TEST(test_late_answer_is_reported),
        TEST(test_requests_wait_for_a_connection_but_inquiries_do_not),
        TEST(test_breaker_opens_and_an_echo_closes_it),
        TEST(test_late_connections_are_bounded),
        TEST(test_drain_waits_for_what_is_open),
        cmocka_unit_test_setup_teardown(test_starts_without_a_local_system, set_up_silent, rig_tear_down),
        cmocka_unit_test_setup_teardown(test_an_echo_that_is_not_answered, set_up_silent, rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
