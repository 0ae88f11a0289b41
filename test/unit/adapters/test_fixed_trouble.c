/* The fixed module calling: every way an answer can fail to come. */
#include "fixed_calling_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

static bool
late_reported(void *arg)
{
    return ((struct fixture *)arg)->fake->late_count > 0;
}

static void
close_without_an_answer_is_unknown_and_reconnects(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    rig_hang_up(&f->peers[0]);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_PEER_CLOSED);
    rig_sign_on(f, "16");
    rig_settle_well(f);
}

static void
half_an_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    size_t size = rig_make_answer(f, &request, "000000", "20261122", rig_settled(f));
    rig_send_frame(f, size / 2);
    fake_run_ms(f->fake, 20);
    assert_null(fake_completion_of(f->fake, call));
    rig_hang_up(&f->peers[0]);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_null(done->answer);
}

static void
wrong_seal_is_unknown_for_all_and_closes(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *one = rig_submit(f, &rig_settle), *two = rig_submit(f, &rig_settle);
    struct request a = rig_take_request(f), b = rig_take_request(f);
    size_t size = rig_make_answer(f, &a, "000000", "20261122", rig_settled(f));
    f->wire->out[size - 5] ^= 1; /* a digit of an amount */
    rig_send_frame(f, size);
    assert_int_equal(rig_wait_for(f, one)->kind, FEP_UNKNOWN);
    assert_int_equal(rig_wait_for(f, two)->kind, FEP_UNKNOWN);
    f->fake->host.release_record(f->fake, b.head);
    char byte;
    assert_int_equal(recv(f->peers[0].fd, &byte, 1, 0), 0);
}

static void
unreadable_answers_are_unknown(void **state)
{
    struct fixture *f = *state;
    for (int how = 0; how < 5; how++) {
        rig_sign_on(f, "16");
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct request request = rig_take_request(f);
        struct fep_record *body = rig_settled(f);
        if (how == 0) { /* another transaction's answer under this serial */
            set_field(&f->fake->host, request.head, "H-TRAN", "400001");
        } else if (how == 1) { /* a body that is too short */
            f->fake->host.release_record(f->fake, body);
            body = fake_record(f->fake, "200001-R", (const char *const[]){NULL});
        }
        size_t size = rig_make_answer(f, &request, how == 4 ? "" : "000000", "20261122", body);
        if (how == 2) { /* an amount that is none, under a right seal */
            f->wire->out[6 + 256 + 45] = 'x';
            char mac[16];
            memcpy(f->wire->out + 6 + 231, "00000000", 8);
            snprintf(mac, sizeof mac, "%08X", fixed_crc32(f->wire->out + 6, size - 6));
            memcpy(f->wire->out + 6 + 231, mac, 8);
        } else if (how == 3) {
            memcpy(f->wire->out, "00X517", 6);
        }
        rig_send_frame(f, size);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, FEP_UNKNOWN);
        assert_null(done->answer);
        rig_hang_up(&f->peers[0]);
    }
}

static void
deadline_is_unknown_and_the_late_answer_is_reported(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "01");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_DEADLINE);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE); /* twice is nothing */
    struct fep_call *next = rig_submit(f, &rig_settle);
    fake_run_ms(f->fake, 20);
    assert_false(rig_frame_there(&f->peers[0])); /* the unanswered one still holds its place in the window */
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_true(fake_run_until(f->fake, late_reported, f));
    assert_int_equal(f->fake->late[0].kind, FEP_ANSWERED);
    assert_string_equal(fake_get(f->fake, f->fake->late[0].answer, "SR-CASH"), "40.00");
    request = rig_take_request(f);
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, next)->kind, FEP_ANSWERED);
}

static void
cancel_before_a_byte_has_left_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle); /* still connecting */
    f->ops->cancel(f->self, call, FEP_REASON_CANCELLED);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_NOT_SENT);
    rig_sign_on(f, "16");
    rig_wait_for(f, &f->start);
    fake_run_ms(f->fake, 20);
    assert_false(rig_frame_there(&f->peers[0]));
}

static void
answers_to_nothing_are_ignored(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    size_t size = rig_make_answer(f, &request, "000000", "20261122", rig_settled(f));
    rig_send_frame(f, size);
    rig_send_frame(f, size); /* answered twice */
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
    assert_int_equal(f->fake->late_count, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(close_without_an_answer_is_unknown_and_reconnects),
        TEST(half_an_answer_is_unknown),
        TEST(wrong_seal_is_unknown_for_all_and_closes),
        TEST(unreadable_answers_are_unknown),
        TEST(deadline_is_unknown_and_the_late_answer_is_reported),
        TEST(cancel_before_a_byte_has_left_is_not_sent),
        TEST(answers_to_nothing_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
