/* The caret module calling: sign-in, silence and a hung system, the change of day, the drain. */
#include "caret_calling_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tally.h"

static void
sign_in_opens_the_shift(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_accept(f, 0);
    const char *request = rig_read_line(peer);
    assert_string_equal(rig_field_of(request, 3), "");
    assert_int_equal(strncmp(rig_field_of(request, 4), "20261122101500-GW4501000001S", 28), 0);
    assert_int_equal(strlen(rig_field_of(request, 4)), 40);
    assert_string_equal(rig_field_of(request, 5), "450100");
    assert_string_equal(rig_field_of(request, 6), "secret|GW4501000001|20261122101500|");
    assert_string_equal(rig_field_of(request, 7), "1");
    assert_null(fake_completion_of(f->fake, &f->start));
    rig_send_text(peer, "0^DX1^" CYCLE "^20261122101500|1|^^\r\n");
    assert_int_equal(rig_wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
refused_sign_in_is_down_and_tried_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_accept(f, 0);
    rig_read_line(peer);
    rig_send_text(peer, "-1004^^^^口令不对^\r\n");
    assert_int_equal(rig_wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    struct fake_completion *done = rig_wait_for(f, rig_submit(f, &rig_settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    rig_expect_line(peer, "9100^"); /* on the same connection: nothing is wrong with it */
    rig_send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
}

static void
clock_that_differs_too_much_is_not_worked_with(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_accept(f, 0);
    rig_read_line(peer);
    rig_send_text(peer, "0^DX1^" CYCLE "^20261122102600|0|^^\r\n");
    rig_wait_for(f, &f->start);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

static void
lost_sign_in_is_renewed_and_the_request_sent_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^H45090000001^GW001^" CYCLE "^20261122000000-H4509000000107000000-0101^");
    rig_send_text(peer, "-9101^^" CYCLE "^^未签到^\r\n");
    rig_expect_line(peer, "9100^");
    rig_send_text(peer, "0^DX1^0001-000GW001-20261122002^20261122101500|0|^^\r\n");
    rig_expect_line(
        peer, "2410^H45090000001^GW001^0001-000GW001-20261122002^20261122000000-H4509000000107000000-0101^");
    rig_send_text(peer, SETTLED("0001-000GW001-20261122002", "FP1"));
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(done->result.cycle, "0001-000GW001-20261122002");
}

static void
settle_one(struct fixture *f, struct peer *peer)
{
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    rig_send_text(peer, SETTLED(CYCLE, "FP1"));
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
day_change_compares_signs_out_and_in_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    settle_one(f, peer);
    settle_one(f, peer);
    struct fep_call *undone = rig_reverse(f, &rig_settle, 70000000102);
    rig_expect_line(peer, "2421^");
    rig_send_text(peer, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    rig_wait_for(f, undone);
    f->fake->date = 20261123;
    f->fake->time = 5;
    struct fep_call *call = rig_submit(f, &rig_settle); /* waits for the next cycle */
    rig_expect_line(peer, "1110^GW4501000001^GW001^" CYCLE "^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "20261122||1|0|125.55|55.65|0.00|69.90|");
    rig_send_text(peer, "0^DX1^" CYCLE "^0|1|0|125.55|55.65|0.00|69.90|^^\r\n");
    rig_expect_line(peer, "9110^GW4501000001^GW001^" CYCLE "^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "0|");
    rig_send_text(peer, "0^DX1^" CYCLE "^^^\r\n");
    rig_expect_line(peer, "9100^");
    rig_send_text(peer, "0^DX1^" NEXT_CYCLE "^20261123000006|0|^^\r\n");
    rig_expect_line(peer, "2410^H45090000001^GW001^" NEXT_CYCLE "^20261122000000-");
    rig_send_text(peer, SETTLED(NEXT_CYCLE, "FP1"));
    assert_int_equal(rig_wait_for(f, call)->result.accounting_date, 20261123);
    char path[128];
    snprintf(path, sizeof path, "%s/tally-20261123", f->directory);
    assert_int_equal(unlink(path), 0); /* the new day's; the old day's is done with */
    snprintf(path, sizeof path, "%s/tally-20261122", f->directory);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
the_local_systems_clock_decides_and_differences_are_forced(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    settle_one(f, peer);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    rig_send_text(peer, "-9102^^" CYCLE "^^周期已过期^\r\n"); /* it is after midnight there */
    rig_expect_line(peer, "1110^");
    rig_send_text(peer, "0^DX1^" CYCLE "^1|2|0|251.10|111.30|0.00|139.80|^^\r\n");
    rig_expect_line(peer, "9110^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "1|");
    rig_send_text(peer, "0^DX1^" CYCLE "^^^\r\n");
    rig_expect_line(peer, "9100^");
    rig_send_text(peer, "0^DX1^" NEXT_CYCLE "^20261122101505|0|^^\r\n");
    rig_expect_line(peer, "2410^H45090000001^GW001^" NEXT_CYCLE "^20261122000000-H4509000000107000000-0102^");
    rig_send_text(peer, "-2303^^" NEXT_CYCLE "^^已结算^\r\n");
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_REFUSED);
}

static void
a_resumed_cycle_of_yesterday_is_closed_first(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_accept(f, 0);
    rig_expect_line(peer, "9100^");
    rig_send_text(peer, "0^DX1^0001-000GW001-20261121003^20261122101500|1|^^\r\n");
    rig_expect_line(peer, "1110^GW4501000001^GW001^0001-000GW001-20261121003^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "20261121||0|0|0.00|0.00|0.00|0.00|");
    rig_send_text(peer, "0^DX1^0001-000GW001-20261121003^0|0|0|0.00|0.00|0.00|0.00|^^\r\n");
    rig_expect_line(peer, "9110^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "0|");
    rig_send_text(peer, "-2601^^0001-000GW001-20261121003^^未对平^\r\n");
    rig_expect_line(peer, "9110^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "1|");
    rig_send_text(peer, "0^DX1^0001-000GW001-20261121003^^^\r\n");
    rig_expect_line(peer, "9100^");
    rig_send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    rig_wait_for(f, &f->start);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
the_old_cycle_stays_open_for_what_is_in_flight_and_in_doubt(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    f->fake->date = 20261123;
    f->fake->time = 5;
    fake_advance(f->fake, 600);
    fake_run_ms(f->fake, 30);
    assert_false(rig_line_there(peer)); /* no 1110 before its answer */
    rig_hang_up(peer);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_UNKNOWN);
    struct fep_call *undo = rig_reverse(f, &rig_settle, 70000000101); /* passes, under the old cycle */
    peer = rig_accept(f, 1);
    rig_expect_line(peer, "2421^H45090000001^GW001^" CYCLE "^");
    rig_send_text(peer, "-9001^^" CYCLE "^^处理中^\r\n");
    rig_wait_for(f, undo);
    struct fep_call *again = rig_reverse(f, &rig_settle, 70000000101);
    rig_expect_line(peer, "2421^");
    rig_send_text(peer, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    rig_wait_for(f, again);
    fake_advance(f->fake, 600);
    rig_expect_line(peer, "1110^");
}

static void
new_requests_wait_for_the_next_cycle_only_so_long(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    rig_wait_for(f, &f->start);
    f->fake->date = 20261123;
    f->fake->time = 5;
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "1110^"); /* and no answer to it */
    assert_null(fake_completion_of(f->fake, call));
    fake_advance(f->fake, 2100);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_NOT_SENT);
}

static void
silence_asks_for_the_time_and_lets_connections_go(void **state)
{
    struct fixture *f = *state;
    struct peer *first = rig_sign_in(f);
    rig_wait_for(f, &f->start);
    struct fep_call *one = rig_submit(f, &rig_person), *two = rig_submit(f, &rig_person);
    rig_expect_line(first, "2100^");
    struct peer *second = rig_accept(f, 1);
    rig_expect_line(second, "2100^");
    rig_send_text(first, "-2001^^" CYCLE "^^查无此人^\r\n");
    rig_send_text(second, "-2001^^" CYCLE "^^查无此人^\r\n");
    rig_wait_for(f, one);
    rig_wait_for(f, two);
    for (int i = 0; i < 2; i++) {
        fake_advance(f->fake, 121000);
        rig_expect_line(first, "1800^GW4501000001^GW001^^");
        rig_send_text(first, "0^^^20261122101700|^^\r\n");
        fake_run_ms(f->fake, 20);
    }
    rig_expect_closed(second); /* before the local system finds it idle for too long */
    assert_false(rig_line_there(first));
}

/* Hazard 13: accepted, never answered. */
static void
a_hung_system_is_probed_and_gets_nothing_new(void **state)
{
    struct fixture *f = *state;
    rig_sign_in(f);
    rig_wait_for(f, &f->start);
    for (int i = 0; i < 5; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct peer *peer = i == 0 ? &f->peers[0] : rig_accept(f, 1);
        rig_expect_line(peer, "2410^");
        f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
        assert_int_equal(rig_wait_for(f, call)->kind, FEP_UNKNOWN);
        rig_hang_up(peer);
    }
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_int_equal(rig_wait_for(f, rig_submit(f, &rig_settle))->kind, FEP_NOT_SENT);
    struct peer *probe = rig_accept(f, 2);
    rig_expect_line(probe, "1800^");
    struct fep_call *undo = rig_reverse(f, &rig_settle, 70000000101); /* what undoes always passes */
    struct peer *other = rig_accept(f, 3);
    rig_expect_line(other, "2421^");
    rig_send_text(probe, "0^^^20261122101700|^^\r\n");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
    rig_submit(f, &rig_settle);
    rig_expect_line(probe, "2410^");
    rig_send_text(other, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    rig_wait_for(f, undo);
}

static void
drain_waits_for_what_is_open(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_expect_line(peer, "2410^");
    f->ops->drain(f->self, &f->drain);
    assert_null(fake_completion_of(f->fake, &f->drain));
    assert_int_equal(rig_wait_for(f, rig_submit(f, &rig_settle))->kind, FEP_NOT_SENT);
    rig_send_text(peer, SETTLED(CYCLE, "FP1"));
    rig_wait_for(f, call);
    assert_int_equal(rig_wait_for(f, &f->drain)->kind, FEP_ANSWERED);
}

static void
tally_counts_what_stands(void **state)
{
    struct tally tally;
    struct tally_sums sums;
    char directory[] = "/tmp/fep-tally-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(tally_open(&tally, directory), 0);
    assert_true(tally_sum(&tally, 20261122, &sums));
    assert_int_equal(sums.plus, 0);
    assert_int_equal(tally_remove(&tally, 20261122, "S0"), -1); /* nothing was posted that day */
    assert_int_equal(tally_add(&tally, 20261122, "S1", false, (const int64_t[]){12555, 5565, 0, 6990}), 0);
    assert_int_equal(tally_add(&tally, 20261122, "S2", false, (const int64_t[]){100, 50, 0, 50}), 0);
    assert_int_equal(tally_add(&tally, 20261122, "S3", true, (const int64_t[]){-12555, -5565, 0, -6990}), 0);
    assert_int_equal(tally_add(&tally, 20261122, "S2", false, (const int64_t[]){100, 50, 0, 50}), 0);
    assert_int_equal(tally_remove(&tally, 20261122, "S3"), 0);
    assert_true(tally_sum(&tally, 20261122, &sums));
    assert_int_equal(sums.plus, 2);
    assert_int_equal(sums.minus, 0);
    assert_int_equal(sums.amounts[0], 12655);
    assert_int_equal(sums.amounts[3], 7040);
    snprintf(path, sizeof path, "%s/tally-20261122", directory);
    assert_int_equal(truncate(path, 20), 0); /* a line that is not whole: nothing of it is believed */
    assert_false(tally_sum(&tally, 20261122, &sums));
    tally_forget(&tally, 20261122);
    assert_true(tally_sum(&tally, 20261122, &sums));
    assert_int_equal(rmdir(directory), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sign_in_opens_the_shift),
        TEST(refused_sign_in_is_down_and_tried_again),
        TEST(clock_that_differs_too_much_is_not_worked_with),
        TEST(lost_sign_in_is_renewed_and_the_request_sent_again),
        TEST(day_change_compares_signs_out_and_in_again),
        TEST(the_local_systems_clock_decides_and_differences_are_forced),
        TEST(a_resumed_cycle_of_yesterday_is_closed_first),
        TEST(the_old_cycle_stays_open_for_what_is_in_flight_and_in_doubt),
        TEST(new_requests_wait_for_the_next_cycle_only_so_long),
        TEST(silence_asks_for_the_time_and_lets_connections_go),
        TEST(a_hung_system_is_probed_and_gets_nothing_new),
        TEST(drain_waits_for_what_is_open),
        cmocka_unit_test(tally_counts_what_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
