/* The caret module serving: lines, connections, requests and what may repeat them, the drain. */
#include "caret_serving_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
malformed_lines_are_refused_and_the_connection_stays(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, "");
    rig_expect_line(peer, "-1001^^^^");
    rig_send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900");
    rig_expect_line(peer, "-1001^^^^");
    rig_send(peer, "2240^\xFF\xFF^000012^c^s^450900^|^1^\r\n", 32);
    rig_expect_line(peer, "-1001^^^^");
    rig_send_line(peer, "9999^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^^1^");
    rig_expect_line(peer, "-1002^^" CYCLE "^");
    rig_send_line(peer, "1110^H45010000003^000012^" CYCLE
                        "^20261122101502-H45010000003-0001^450900^20261122||0|0|0.00|0.00|0.00|0.00|^1^");
    rig_expect_line(peer, "-1003^^" CYCLE "^^中心编码应为本统筹区^");
    rig_send_line(peer, PAGE("1120", "0", "100"));
    rig_expect_line(peer, "-1003^");
    rig_send_line(peer, PAGE("1120", "1", "101"));
    rig_expect_line(peer, "-1003^");
    rig_send_line(peer, PAGE("1120", "1", ""));
    rig_expect_line(peer, "-1003^");
    rig_send_line(peer, PAGE("1120", "-1", "100"));
    rig_expect_line(peer, "-1003^");
    rig_send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H4501-0001^450900^MZ1|V1||^1^");
    rig_expect_line(peer, "-1003^^" CYCLE "^^交易流水号格式不对^");
    rig_send_line(peer,
                  "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^MZ1|V1||^2^");
    rig_expect_line(peer, "-1003^^" CYCLE "^^联机标志");
    rig_send_line(peer,
                  "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^4509^MZ1|V1||^1^");
    rig_expect_line(peer, "-1003^^" CYCLE "^^中心编码");
    rig_send_line(peer, HEAD("2240", "0001") "MZ1||陈珅|^1^");
    const char *answer = rig_read_line(peer);
    assert_memory_equal(answer, "-1003^", 6);
    assert_non_null(strstr(answer, "VISIT-ID"));
    assert_int_equal(f->fake->request_count, 0);
    rig_send_line(peer,
                  "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^MZ1|V1||^");
    rig_wait_request(f, 1); /* an empty or missing online flag is good */
}

static void
lines_that_never_end_are_refused_and_closed(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    static char bytes[262144];
    memset(bytes, 'a', sizeof bytes);
    rig_send(peer, bytes, sizeof bytes);
    rig_expect_line(peer, "-1001^^^^报文超过长度上限^");
    rig_expect_closed(peer);
    close(peer->fd);
    peer = rig_connect(f, 0);
    rig_send(peer, "1800^H^O^^S^450100^^1^\n", 23);
    rig_expect_line(peer, "-1001^^^^");
    rig_expect_closed(peer);
}

static void
a_line_may_come_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    static const char line[] = "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^\r\n";
    for (size_t i = 0; i < sizeof line - 1; i++) {
        rig_send(peer, line + i, 1);
        if (i % 8 == 0)
            fake_run_ms(f->fake, 1);
    }
    rig_expect_line(peer, "0^^^20261122101500|^^");
}

static void
idle_connections_are_closed(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, SETTLE("0001"));
    rig_wait_request(f, 1);
    fake_advance(f->fake, 400000); /* not while a request is being worked on */
    fake_run_ms(f->fake, 20);
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect_line(peer, "0^");
    fake_advance(f->fake, 299000);
    fake_run_ms(f->fake, 20);
    assert_false(rig_line_there(peer));
    fake_advance(f->fake, 2000);
    rig_expect_closed(peer);
}

static void
connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        rig_send_line(rig_connect(f, i),
                      "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    for (int i = 0; i < 3; i++)
        rig_expect_line(&f->peers[i], "0^");
    rig_expect_closed(rig_connect(f, 3));
}

static void
a_request_is_handed_on_and_its_answer_written(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, SETTLE("0007"));
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "2410");
    assert_true(request->fresh);
    assert_string_equal(fake_get(f->fake, request->head, "SERIAL"), "20261122101502-H45010000003-0007");
    assert_string_equal(fake_get(f->fake, request->head, "CENTRE"), "450900");
    assert_string_equal(fake_get(f->fake, request->body, "OPER-NAME"), "陈珅");
    assert_string_equal(fake_get(f->fake, request->body, "HIS-TOTAL"), "125.55");
    fake_run_ms(f->fake, 10);
    assert_false(rig_line_there(peer));
    struct fep_error error;
    struct fep_record *answer = rig_settled(f),
                      *unfit = fake_record(
                          f->fake, "2410-R",
                          (const char *const[]){"SETL-ID", "0123456789012345678901234567890", NULL});
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &error), 0);
    assert_int_equal(request->try_answer(f->self, request->ticket, unfit, &error), -1);
    assert_non_null(strstr(error.text, "SETL-ID"));
    f->fake->host.release_record(f->fake, unfit);
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, answer);
    rig_expect_line(peer, "0^GW20261122101502H450100000030007^" CYCLE
                          "^S1|FP1|125.55|55.65|0.00|69.90||||||||||||||^^");
}

static void
endings_become_return_codes(void **state)
{
    static const struct {
        enum fep_kind kind;
        uint32_t class, code, copy;
        const char *told;
    } cases[] = {
        {FEP_REFUSED, FEP_FINAL, 2002, 0, "-2002^^" CYCLE "^^原因^"},
        {FEP_REFUSED, FEP_REPEATABLE, 9001, 0, "-9001^^" CYCLE "^^原因^"},
        {FEP_REFUSED, FEP_REPEATABLE, 12113, 0, "-9001^"}, /* the gateway's own codes */
        {FEP_REFUSED, FEP_FINAL, 12113, 0, "-1003^"},
        {FEP_REFUSED, FEP_REPEATABLE, 2002, 0, "-9001^"}, /* the class decides */
        {FEP_UNKNOWN, 0, 9002, 0, "-9002^"},
        {FEP_UNKNOWN, 0, 9999, 0, "-9999^"},
        {FEP_UNKNOWN, 0, 0, 0, "-9002^"},
        {FEP_UNKNOWN, 0, 12411, 0, "-9002^"},
        /* nothing is replayed here, whatever became of the first */
        {FEP_ANSWERED, 0, 0, 1, "-1005^^" CYCLE "^^交易流水号已使用过^"},
        {FEP_UNKNOWN, 0, 0, 1, "-1005^"},
        {FEP_REFUSED, FEP_FINAL, 2301, 1, "-1005^"},
        /* but a refusal that left the serial free is told as it was */
        {FEP_REFUSED, FEP_REPEATABLE, 9001, 1, "-9001^"},
        {FEP_REFUSED, FEP_FINAL, 1003, 1, "-1003^"},
    };
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512];
        snprintf(line, sizeof line, HEAD("2240", "%04zu") "MZ1|V1||^1^", i + 1);
        rig_send_line(peer, line);
        struct fep_result result = {
            .refusal_class = cases[i].class, .code = cases[i].code, .copy = cases[i].copy};
        strcpy(result.text, "原因");
        rig_tell(f, rig_wait_request(f, i + 1), cases[i].kind, result, NULL);
        rig_expect_line(peer, cases[i].told);
    }
}

static void
an_open_reversal_is_busy_and_not_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, HEAD("2421", "0002") "2410|20261122101502-H45010000003-0001|P|MZ1|20261122|^1^");
    rig_tell(f, rig_wait_request(f, 1), FEP_UNKNOWN, (struct fep_result){0}, NULL);
    rig_expect_line(peer, "-9001^");
}

static void
a_host_that_refuses_is_told_by_class(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    f->fake->refuse_requests = 1003;
    rig_send_line(peer, CANCEL("0001"));
    rig_expect_line(peer, "-1003^^" CYCLE "^^refused by the test^");
    assert_int_equal(fake_live_records(f->fake), 0);
    f->fake->refuse_requests = 0;
    rig_send_line(peer, CANCEL("0001"));
    rig_wait_request(f, 1);
}

static void
one_request_at_a_time_per_connection_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct peer *one = rig_connect(f, 0), *two = rig_connect(f, 1);
    rig_sign_in(one);
    rig_send_line(one, CANCEL("0001"));
    rig_wait_request(f, 1);
    rig_send_line(two, CANCEL("0002"));
    rig_wait_request(f, 2);
    rig_send_line(one, CANCEL("0003")); /* pipelined: waits for its turn */
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->request_count, 2);
    rig_tell(f, &f->fake->requests[1], FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(two, "0^GW20261122101502H450100000030002^");
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(one, "0^GW20261122101502H450100000030001^");
    struct fake_request *third = rig_wait_request(f, 3);
    /* the same serial while the first is still being worked on */
    rig_send_line(two, CANCEL("0003"));
    rig_expect_line(two, "-1005^");
    rig_tell(f, third, FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(one, "0^GW20261122101502H450100000030003^");
}

static void
refuse_repeatable(struct fixture *f, struct peer *peer, size_t request)
{
    rig_tell(f, rig_wait_request(f, request), FEP_REFUSED,
             (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001}, NULL);
    rig_expect_line(peer, "-9001^");
}

static void
a_repeat_is_new_only_if_made_after_the_refusal_was_told(void **state)
{
    struct fixture *f = *state;
    struct peer *one = rig_connect(f, 0), *two = rig_connect(f, 1);
    rig_sign_in(one);
    rig_send_line(two, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    rig_expect_line(two, "0^");
    rig_send_line(one, CANCEL("0001"));
    assert_true(rig_wait_request(f, 1)->fresh);
    refuse_repeatable(f, one, 1);
    /* an older connection: what comes there may have been sent before */
    rig_send_line(two, CANCEL("0001"));
    assert_false(rig_wait_request(f, 2)->fresh);
    refuse_repeatable(f, two, 2);
    /* the connection that brought the refusal, in turn */
    rig_send_line(two, CANCEL("0001"));
    assert_true(rig_wait_request(f, 3)->fresh);
    refuse_repeatable(f, two, 3);
    /* a connection opened afterwards */
    struct peer *three = rig_connect(f, 2);
    rig_send_line(three, CANCEL("0001"));
    assert_true(rig_wait_request(f, 4)->fresh);
    /* sent before the answer to the one before was there */
    refuse_repeatable(f, three, 4);
    rig_send_line(three, CANCEL("0002"));
    rig_wait_request(f, 5);
    rig_send_line(three, CANCEL("0002"));
    fake_run_ms(f->fake, 20);
    refuse_repeatable(f, three, 5);
    assert_false(rig_wait_request(f, 6)->fresh);
    refuse_repeatable(f, three, 6);
    rig_send_line(three, CANCEL("0001"));
    rig_wait_request(f, 7);
    /* gone before the answer was told: nobody knows that it was refused */
    close(three->fd);
    three->fd = -1;
    fake_run_ms(f->fake, 20);
    rig_tell(f, &f->fake->requests[6], FEP_REFUSED,
             (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001}, NULL);
    fake_run_ms(f->fake, 20);
    three = rig_connect(f, 2);
    rig_send_line(three, CANCEL("0001"));
    assert_false(rig_wait_request(f, 8)->fresh);
    refuse_repeatable(f, three, 8);
    rig_send_line(three, CANCEL("0001"));
    assert_true(rig_wait_request(f, 9)->fresh);
}

static void
a_client_that_only_stopped_sending_still_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, CANCEL("0001"));
    rig_wait_request(f, 1);
    shutdown(peer->fd, SHUT_WR);
    fake_run_ms(f->fake, 20);
    assert_false(f->fake->requests[0].forgotten);
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(peer, "0^");
    rig_expect_closed(peer);
}

static void
an_answer_that_can_not_be_written_is_told_as_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, SETTLE("0001"));
    struct fep_record *unfit = fake_record(
        f->fake, "2410-R", (const char *const[]){"SETL-ID", "0123456789012345678901234567890", NULL});
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, unfit);
    rig_expect_line(peer, "-9002^^" CYCLE "^^");
}

static bool
drained(void *arg)
{
    return ((struct fixture *)arg)->fake->completion_count == 2;
}

static void
drain_answers_what_is_open_and_takes_nothing_new(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0), *idle = rig_connect(f, 1);
    rig_sign_in(peer);
    rig_send_line(idle, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    rig_expect_line(idle, "0^");
    rig_send_line(peer, CANCEL("0001"));
    rig_wait_request(f, 1);
    f->ops->drain(f->self, &f->drain);
    rig_expect_closed(idle);
    assert_int_equal(f->fake->health.state, FEP_STOPPING);
    assert_int_equal(f->fake->completion_count, 1);
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(peer, "0^");
    assert_true(fake_run_until(f->fake, drained, f));
}

/* A route that leads here is a mistake of the configuration: nothing was sent. */
static void
calls_are_not_for_an_instance_that_serves(void **state)
{
    struct fixture *f = *state;
    static const struct fake_message message = {"2410", NULL, NULL, NULL};
    struct fep_call *call = rig_submit(f, &message);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_NOT_SENT);
    assert_int_equal(rig_wait_for(f, rig_reverse(f, &message, 101))->kind, FEP_NOT_SENT);
    assert_int_equal(rig_wait_for(f, call)->result.code, 1004);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(malformed_lines_are_refused_and_the_connection_stays),
        TEST(lines_that_never_end_are_refused_and_closed),
        TEST(a_line_may_come_byte_by_byte),
        TEST(idle_connections_are_closed),
        TEST(connections_are_bounded),
        TEST(a_request_is_handed_on_and_its_answer_written),
        TEST(endings_become_return_codes),
        TEST(an_open_reversal_is_busy_and_not_unknown),
        TEST(a_host_that_refuses_is_told_by_class),
        TEST(one_request_at_a_time_per_connection_many_at_once),
        TEST(a_repeat_is_new_only_if_made_after_the_refusal_was_told),
        TEST(a_client_that_only_stopped_sending_still_gets_its_answer),
        TEST(an_answer_that_can_not_be_written_is_told_as_unknown),
        TEST(drain_answers_what_is_open_and_takes_nothing_new),
        TEST(calls_are_not_for_an_instance_that_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
