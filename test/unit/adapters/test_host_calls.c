/* The asked side of a real fep-adapter: calls from the router, by the rules of the host link. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exchange_record.h"
#include "error_codes.h"
#include "host_rig.h"

static void
begin(struct rig *rig, const char *module, const char *options)
{
    rig_open(rig, module, NULL, options);
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    rig_introduce(rig);
}

static void
submit(struct rig *rig, uint64_t id, uint8_t operation, uint64_t serial)
{
    struct frame frame = rig_submit(id, operation, serial, "2304", "{\"input\":{}}");
    rig_send(rig, &frame);
}

static void
test_hello_says_who_and_what(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "loopback", NULL, "");
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    struct frame *hello = rig_take(rig, FRAME_HOST_HELLO);
    assert_string_equal(hello->hello.node, "local1");
    assert_int_equal(hello->hello.epoch, RIG_EPOCH);
    assert_int_equal(hello->hello.window, 16);
    assert_int_equal(hello->hello.abilities,
                     FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES | FEP_REVERSES | FEP_REPLAYS);
    assert_int_equal(hello->call_count, 0);
    rig_take(rig, FRAME_HOST_READY);
    assert_int_equal(rig_take(rig, FRAME_HEALTH)->result.state, FEP_UP);
}

static void
test_submit_is_done_once_and_kept_until_acknowledged(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    submit(rig, 41, CORE_OP_SUBMIT, 5);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->sequence, 41);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_non_null(memmem(done->body.data, done->body.size, "\"request\":{\"input\":{}}", 22));
    /* Not acknowledged: offered again, the same. */
    done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->sequence, 41);
    /* The router sends it again because its own acknowledgement was lost: no second posting, the same DONE.
     */
    submit(rig, 41, CORE_OP_SUBMIT, 5);
    rig_take(rig, FRAME_DONE);
    rig_ack(rig, FRAME_DONE, 41);
    rig_take_none(rig, FRAME_DONE, 3000);
}

static void
test_query_has_no_effect(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    struct frame frame = rig_submit(1, CORE_OP_QUERY, 1, "1101", "{\"input\":{}}");
    rig_send(rig, &frame);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_NONE);
}

static uint8_t
finding_of(struct rig *rig, uint64_t id, uint8_t operation, uint64_t serial)
{
    submit(rig, id, operation, serial);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->sequence, id);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
    rig_ack(rig, FRAME_DONE, id);
    return done->result.finding;
}

static void
test_inquiry_and_reversal_find_the_original_by_its_serial(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    assert_int_equal(finding_of(rig, 1, CORE_OP_INQUIRE, 77), FEP_FOUND_NOTHING);
    assert_int_equal(finding_of(rig, 2, CORE_OP_SUBMIT, 77), 0);
    assert_int_equal(finding_of(rig, 3, CORE_OP_INQUIRE, 77), FEP_FOUND_POSTED);
    assert_int_equal(finding_of(rig, 4, CORE_OP_REVERSE, 77), FEP_FOUND_REVERSED);
    assert_int_equal(finding_of(rig, 5, CORE_OP_INQUIRE, 77), FEP_FOUND_REVERSED);
    assert_int_equal(finding_of(rig, 6, CORE_OP_REVERSE, 78), FEP_FOUND_NEVER_ARRIVED);
    submit(rig, 7, CORE_OP_SUBMIT, 78);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_REFUSED);
    assert_int_equal(done->result.code, 2504);
}

static void
test_no_time_left_is_not_sent(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    struct frame frame = rig_submit(9, CORE_OP_SUBMIT, 9, "2304", "{}");
    frame.travel.time_left_ms = 0;
    rig_send(rig, &frame);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_DEADLINE);
}

static void
test_deadline_ends_a_call_as_unknown(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "delay_ms = 600000;");
    struct frame frame = rig_submit(9, CORE_OP_SUBMIT, 9, "2304", "{}");
    frame.travel.time_left_ms = 200;
    rig_send(rig, &frame);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_DEADLINE);
}

static void
test_window_bounds_open_calls(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "delay_ms = 600000;");
    for (uint64_t id = 1; id <= 17; id++)
        submit(rig, id, CORE_OP_SUBMIT, id);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->sequence, 17);
    assert_int_equal(done->result.kind, FEP_NOT_SENT);
    assert_int_equal(done->result.code, FEP_E_BOUND);
}

static void
test_another_epoch_does_not_count(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    struct frame frame = rig_submit(1, CORE_OP_SUBMIT, 1, "2304", "{}");
    frame.epoch = RIG_EPOCH - 1;
    rig_send(rig, &frame);
    rig_take_none(rig, FRAME_DONE, 500);
}

static void
test_garbage_does_not_stop_it(void **state)
{
    struct rig *rig = *state;
    static const unsigned char garbage[] = "no frame at all";
    begin(rig, "loopback", "");
    assert_int_equal(link_send(rig->socket, "local1", garbage, sizeof garbage, NULL), 0);
    submit(rig, 1, CORE_OP_SUBMIT, 1);
    assert_int_equal(rig_take(rig, FRAME_DONE)->result.kind, FEP_ANSWERED);
}

static void
test_router_restart_brings_hello_open_calls_and_done_again(void **state)
{
    struct rig *rig = *state;
    begin(rig, "loopback", "");
    submit(rig, 5, CORE_OP_SUBMIT, 5);
    rig_take(rig, FRAME_DONE);
    rig_unbind(rig);
    rig_bind(rig);
    bool listed = false;
    struct frame *frame = rig_take(rig, FRAME_HOST_HELLO);
    for (size_t i = 0; i < frame->call_count; i++)
        listed = listed || frame->calls[i] == 5;
    assert_true(listed);
    assert_int_equal(rig_take(rig, FRAME_DONE)->sequence, 5);
}

static void
test_undo_submits_the_inverse(void **state)
{
    struct rig *rig = *state;
    static const char answer[] =
        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"S1\",\"mdtrt_id\":\"V1\"}}}";
    begin(rig, "loopback", "");
    struct frame frame = rig_submit(1, CORE_OP_UNDO, 1, "2304",
                                    "{\"input\":{\"data\":{\"psn_no\":\"P1\",\"mdtrt_id\":\"V1\"}}}");
    frame.sections |= FRAME_HAS_ANSWER;
    frame.answer = (struct slice){.data = (const unsigned char *)answer, .size = sizeof answer - 1};
    frame.attempt.cancel_serial = 99;
    frame.attempt.cancel_serial_date = 20261123;
    rig_send(rig, &frame);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
    assert_non_null(memmem(done->body.data, done->body.size, "\"setl_id\":\"S1\"", 14));
    assert_non_null(memmem(done->body.data, done->body.size, "L20261123000000000099", 21));
}

static void
test_null_module_refuses_and_can_not_inquire(void **state)
{
    struct rig *rig = *state;
    begin(rig, "null", "text = \"not connected\";");
    submit(rig, 1, CORE_OP_SUBMIT, 1);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_REFUSED);
    assert_string_equal(done->text, "not connected");
    rig_ack(rig, FRAME_DONE, 1);
    submit(rig, 2, CORE_OP_INQUIRE, 1);
    done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_NOT_SENT);
    assert_int_equal(done->result.code, FEP_E_NO_ABILITY);
}

static void
test_drain_finishes_and_ends_orderly(void **state)
{
    struct rig *rig = *state;
    struct frame drain = {.kind = FRAME_DRAIN};
    begin(rig, "loopback", "delay_ms = 300;");
    submit(rig, 1, CORE_OP_SUBMIT, 1);
    rig_send(rig, &drain);
    struct frame *done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_ANSWERED);
    submit(rig, 2, CORE_OP_SUBMIT, 2);
    done = rig_take(rig, FRAME_DONE);
    assert_int_equal(done->result.kind, FEP_NOT_SENT);
    rig_ack(rig, FRAME_DONE, 1);
    rig_ack(rig, FRAME_DONE, 2);
    rig_take(rig, FRAME_BYE);
    assert_int_equal(rig_wait_exit(rig), 0);
}

static void
test_misconfigured_ends_with_100(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "loopback", NULL, "no_such_option = 1; delay_ms = \"soon\";");
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    assert_int_equal(rig_wait_exit(rig), 100);
}

static void
test_unlistenable_ends_with_111(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "loopback", NULL, "listen = \"unix:/no/such/directory/socket\";");
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    assert_int_equal(rig_wait_exit(rig), 111);
}

static void
test_book_survives_a_kill(void **state)
{
    struct rig *rig = *state;
    char options[160];
    rig_open(rig, "loopback", NULL, "");
    snprintf(options, sizeof options, "book = \"%s/book\";", rig->directory);
    struct rig with_book;
    rig_open(&with_book, "loopback", NULL, options);
    rig_bind(&with_book);
    rig_start(&with_book, 1);
    rig_introduce(&with_book);
    assert_int_equal(finding_of(&with_book, 1, CORE_OP_SUBMIT, 50), 0);
    kill(with_book.pid, SIGKILL);
    assert_int_equal(rig_wait_exit(&with_book), 128 + SIGKILL);
    rig_start(&with_book, 2);
    rig_introduce(&with_book);
    assert_int_equal(finding_of(&with_book, 2, CORE_OP_INQUIRE, 50), FEP_FOUND_POSTED);
    rig_close(&with_book);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_hello_says_who_and_what),
        CASE(test_submit_is_done_once_and_kept_until_acknowledged),
        CASE(test_query_has_no_effect),
        CASE(test_inquiry_and_reversal_find_the_original_by_its_serial),
        CASE(test_no_time_left_is_not_sent),
        CASE(test_deadline_ends_a_call_as_unknown),
        CASE(test_window_bounds_open_calls),
        CASE(test_another_epoch_does_not_count),
        CASE(test_garbage_does_not_stop_it),
        CASE(test_router_restart_brings_hello_open_calls_and_done_again),
        CASE(test_undo_submits_the_inverse),
        CASE(test_null_module_refuses_and_can_not_inquire),
        CASE(test_drain_finishes_and_ends_orderly),
        CASE(test_misconfigured_ends_with_100),
        CASE(test_unlistenable_ends_with_111),
        CASE(test_book_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
