/* The fixed module serving: sign-on and window, the order of the checks, answers to the byte, the drain. */
#include "fixed_serving_rig.h"

#include <stdio.h>

static void
sign_on_grants_a_window_and_names_the_day(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_send(peer, "000000", 6); /* a heartbeat is allowed before */
    assert_true(fake_run_until(f->fake, rig_frame_there, peer));
    assert_memory_equal(peer->in, "000000", 6);
    peer->size = 0;
    rig_send_sign_on(peer, "secret", "16");
    const struct told *read = rig_read_answer(peer);
    assert_string_equal(read->fields[0], "000000");
    assert_string_equal(read->fields[2], "");
    assert_string_equal(read->fields[3], "20261122");
    assert_memory_equal(f->wire->answer, "01R9000011GW4509000001DJ4509000001", 34);
    assert_memory_equal(f->wire->answer + 256, "202611222026112216204002", 24);
    rig_send_sign_on(peer, "secret", "01"); /* a second one is accepted, with a new window */
    rig_read_answer(peer);
    assert_memory_equal(f->wire->answer + 278, "01", 2);
    rig_build_frame(f, rig_make_head(f, "900002", "20261122000000000009"), NULL);
    rig_send_frame(peer);
    rig_expect(peer, "20261122000000000009", "000000");
    rig_expect_closed(peer);
}

static void
nothing_passes_before_a_sign_on(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    rig_expect(peer, "20261122000000000093", "900201");
    rig_send_sign_on(peer, "Secret", "16");
    rig_expect(peer, "20261122000000000001", "100004");
    rig_send_settle(peer, "20261122000000000093");
    rig_expect(peer, "20261122000000000093", "900201");
    rig_send_sign_on(peer, "secret", "17");
    rig_expect(peer, "20261122000000000001", "100003");
    f->fake->time = 163041;
    rig_send_sign_on(peer, "secret", "16");
    rig_expect(peer, "20261122000000000001", "100006");
    assert_int_equal(f->fake->request_count, 0);
}

static void
unknown_outcome_is_told_to_the_byte(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    assert_int_equal(f->wire->out_size, 468);
    assert_memory_equal(f->wire->out + 6 + 231, "D8EC216C", 8);
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "400002");
    assert_string_equal(fake_get(f->fake, request->body, "SQ-HIS-TOTAL"), "6208.15");
    f->fake->time = 162140;
    rig_tell(f, request, FEP_UNKNOWN, (struct fep_result){.code = 2411}, NULL);
    const struct told *read = rig_read_answer(peer);
    assert_string_equal(read->fields[0], "900002");
    assert_int_equal(f->wire->answer_size, 256);
    assert_memory_equal(f->wire->answer + 231, "F14F4FDE", 8);
}

static void
good_answer_echoes_the_head(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    struct fake_request *request = rig_wait_request(f, 1);
    struct fep_record *answer = rig_settled(f);
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &(struct fep_error){0}), 0);
    f->fake->time = 162041;
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, answer);
    const struct told *read = rig_read_answer(peer);
    assert_string_equal(read->fields[0], "000000");
    assert_string_equal(read->fields[2], "GW261122000000000093");
    assert_int_equal(f->wire->answer_size, 517);
    assert_memory_equal(f->wire->answer, "01R4000021GW4509000001DJ450900000120261122000000000093", 54);
    assert_memory_equal(f->wire->answer + 114, "2026112216204120261122000000", 28);
    assert_memory_equal(f->wire->answer + 256,
                        "S1                  FP2026112200391     +000000620815+000000500000+000000000000",
                        79);
}

static void
an_answer_that_does_not_fit_is_said_before(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    struct fake_request *request = rig_wait_request(f, 1);
    struct fep_record *answer =
        fake_record(f->fake, "400002-R", (const char *const[]){"SR-SETL-NO", "123456789012345678901", NULL});
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &(struct fep_error){0}), -1);
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             answer); /* a fault of ours: unknown, never refused */
    rig_expect(peer, "20261122000000000093", "900002");
}

static void
wrong_records_are_refused_and_the_connection_stays(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_REFUSED, (struct fep_result){.code = 2302}, NULL);
    rig_expect(peer, "20261122000000000093", "200302");
    const struct {
        size_t at;
        const char *text, *code;
    } cases[] = {{3, "999999", "100002"}, /* not served */
                 {34, "2026112200000000009X", "100003"},
                 {10, "DJ4501000001", "100004"},
                 {227, "0001", "100001"}, /* a row that is not there */
                 {227, "00A1", "100003"}, /* no number */
                 {449, "1", "100003"}};   /* no sign */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_build_frame(f, rig_make_head(f, "400002", "20261122000000000094"), rig_settle_body(f));
        rig_patch_frame(f, cases[i].at, cases[i].text);
        if (cases[i].at == 3)
            f->wire->out_size = 6 + 462;
        rig_send_frame(peer);
        if (cases[i].at == 449) { /* is it perhaps a repeat? */
            struct fake_request *probe = rig_wait_request(f, 2);
            assert_string_equal(probe->local, "500002");
            assert_string_equal(fake_get(f->fake, probe->head, "H-ORG-SERIAL"), "20261122000000000094");
            assert_string_equal(fake_get(f->fake, probe->head, "H-ORG-TRAN"), "400002");
            rig_tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING}, NULL);
        }
        assert_string_equal(rig_read_answer(peer)->fields[0], cases[i].code);
        assert_int_equal(f->wire->answer_size, 256);
    }
    rig_build_frame(f, rig_make_head(f, "400002", "20261122000000000095"), rig_settle_body(f));
    f->wire->out[6 + 300]++; /* the seal does not hold */
    rig_send_frame(peer);
    rig_expect(peer, "20261122000000000095", "100007");
    rig_send_settle(peer, "20261122000000000096");
    rig_wait_request(f, 3);
}

static void
a_length_that_is_none_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send(peer, "000255", 6);
    rig_expect_closed(peer);
    peer = rig_sign_on(f, 1);
    rig_send(peer, "00x", 3);
    rig_expect_closed(peer);
    peer = rig_sign_on(f, 2);
    fake_advance(f->fake, 181000);
    rig_expect_closed(peer);
}

static void
a_silent_connection_is_closed_and_heartbeats_keep_it(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    for (int i = 0; i < 3; i++) {
        fake_advance(f->fake, 100000);
        rig_send(peer, "000000", 6);
        assert_true(fake_run_until(f->fake, rig_frame_there, peer));
        peer->size = 0;
    }
    rig_send_settle(peer, "20261122000000000093"); /* still open */
    rig_tell(f, rig_wait_request(f, 1), FEP_REFUSED, (struct fep_result){.code = 2302}, NULL);
    rig_expect(peer, "20261122000000000093", "200302");
    fake_advance(f->fake, 181000);
    rig_expect_closed(peer);
}

static void
lines_are_counted(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_build_frame(f, rig_make_head(f, "300001", "20261122000000000094"),
                    fake_record(f->fake, "300001-Q", (const char *const[]){"FQ-CTR-VISIT", "V1", NULL}));
    rig_send_frame(peer);
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING},
             NULL);
    rig_expect(peer, "20261122000000000094", "200204");
    struct fep_record *body =
        fake_record(f->fake, "300001-Q", (const char *const[]){"FQ-CTR-VISIT", "V1", NULL});
    for (int i = 0; i < 3; i++)
        fake_set_row(f->fake, body, (const char *const[]){"FQ-LINE-NO", "1", "FQ-AMT", "1.00", NULL});
    rig_build_frame(f, rig_make_head(f, "300001", "20261122000000000095"), body);
    rig_send_frame(peer);
    assert_int_equal(f->fake->host.record_rows(rig_wait_request(f, 2)->body), 3);
}

static void
answers_come_in_any_order_within_the_window(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0); /* two were granted */
    rig_send_settle(peer, "20261122000000000093");
    rig_send_settle(peer, "20261122000000000094");
    rig_wait_request(f, 2);
    rig_send_settle(peer, "20261122000000000095");
    rig_expect(peer, "20261122000000000095", "900001");
    rig_tell(f, &f->fake->requests[1], FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000094", "000000");
    rig_send_settle(peer, "20261122000000000093"); /* still being worked on */
    rig_expect(peer, "20261122000000000093", "900001");
    rig_send_settle(peer, "20261122000000000095");
    rig_tell(f, rig_wait_request(f, 3), FEP_REFUSED,
             (struct fep_result){.code = 2301, .refusal_class = FEP_FINAL}, NULL);
    rig_expect(peer, "20261122000000000095", "200301");
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
}

static void
return_codes_follow_class_and_code(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    const struct {
        enum fep_kind kind;
        unsigned refusal_class, code;
        const char *told;
    } cases[] = {{FEP_REFUSED, FEP_FINAL, 2002, "200002"},      {FEP_REFUSED, FEP_REPEATABLE, 9001, "900001"},
                 {FEP_REFUSED, FEP_REPEATABLE, 2114, "900001"}, {FEP_REFUSED, FEP_FINAL, 2310, "100005"},
                 {FEP_REFUSED, FEP_FINAL, 2415, "200504"},      {FEP_REFUSED, FEP_FINAL, 9103, "100003"},
                 {FEP_UNKNOWN, FEP_FINAL, 9999, "900999"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char serial[24];
        snprintf(serial, sizeof serial, "202611220000000001%02zu", i);
        rig_send_settle(peer, serial);
        rig_tell(f, rig_wait_request(f, i + 1), cases[i].kind,
                 (struct fep_result){
                     .code = cases[i].code, .refusal_class = cases[i].refusal_class, .text = "不行"},
                 NULL);
        rig_expect(peer, serial, cases[i].told);
        assert_memory_equal(f->wire->answer + 142, "\xB2\xBB\xD0\xD0 ", 5);
    }
    f->fake->refuse_requests = 1003;
    rig_send_settle(peer, "20261122000000000193");
    rig_expect(peer, "20261122000000000193", "100003");
}

static void
drain_answers_what_is_open_and_refuses_the_rest(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    struct fake_request *request = rig_wait_request(f, 1);
    f->fake->completion_count = 0;
    f->ops->drain(f->self, &f->drain);
    rig_send_settle(peer, "20261122000000000094");
    rig_expect(peer, "20261122000000000094", "900001");
    assert_int_equal(f->fake->completion_count, 0);
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
    rig_expect_closed(peer);
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
}

/* A route that leads here is a mistake of the configuration: nothing was sent. */
static void
calls_are_not_for_an_instance_that_serves(void **state)
{
    struct fixture *f = *state;
    static const struct fake_message message = {"400002", NULL, NULL, NULL};
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
        TEST(sign_on_grants_a_window_and_names_the_day),
        TEST(nothing_passes_before_a_sign_on),
        TEST(unknown_outcome_is_told_to_the_byte),
        TEST(good_answer_echoes_the_head),
        TEST(an_answer_that_does_not_fit_is_said_before),
        TEST(wrong_records_are_refused_and_the_connection_stays),
        TEST(a_length_that_is_none_ends_the_connection),
        TEST(a_silent_connection_is_closed_and_heartbeats_keep_it),
        TEST(lines_are_counted),
        TEST(answers_come_in_any_order_within_the_window),
        TEST(return_codes_follow_class_and_code),
        TEST(drain_answers_what_is_open_and_refuses_the_rest),
        TEST(calls_are_not_for_an_instance_that_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
