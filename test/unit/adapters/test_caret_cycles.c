/* The caret module serving: sign-in, cycles, and the totals that let an operator sign out. */
#include "caret_serving_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
sign_in_gives_a_cycle_and_gives_it_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0002^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261122101400H450100000030002^" CYCLE "^20261122101500|1|^^");
    /* another operator, and another institution with the same last four: the number alone names the cycle */
    rig_send_line(peer, "9100^H45010000003^A1^^20261122101400-H45010000003-0003^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261122101400H450100000030003^0003-000000A1-20261122001^20261122101500|0|^^");
    rig_send_line(peer, "9100^P45010100003^000012^^20261122101400-P45010100003-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261122101400P450101000030001^0003-00000012-20261122002^20261122101500|0|^^");
}

static void
wrong_sign_ins_are_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^Secret|T1||^1^");
    rig_expect_line(peer, "-1004^^^^口令不对^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret1|T1||^1^");
    rig_expect_line(peer, "-1004^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^|T1||^1^");
    rig_expect_line(peer, "-1004^");
    rig_send_line(
        peer,
        "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret|T1|20261122100400|^1^");
    rig_expect_line(peer, "-1006^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450900^secret|T1||^1^");
    rig_expect_line(peer, "-1003^^^^中心编码应为本统筹区^");
    rig_send_line(peer, "9100^H45010000003^0 12^^20261122101400-H45010000003-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "-1003^");
}

static void
requests_need_an_open_cycle_of_their_operator(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_send_line(peer, CANCEL("0001"));
    rig_expect_line(peer, "-9101^^" CYCLE "^^");
    rig_sign_in(peer);
    rig_send_line(peer,
                  "2240^H45010000003^000013^" CYCLE "^20261122101502-H45010000003-0002^450900^MZ1|V1||^1^");
    rig_expect_line(peer, "-9103^");
    rig_send_line(peer,
                  "2240^H45010000004^000012^" CYCLE "^20261122101502-H45010000004-0002^450900^MZ1|V1||^1^");
    rig_expect_line(peer, "-9103^");
    rig_send_line(peer, "2240^H45010000003^000012^^20261122101502-H45010000003-0002^450900^MZ1|V1||^1^");
    rig_expect_line(peer, "-9101^");
    assert_int_equal(f->fake->request_count, 0);
    /* a cycle opened with a node code serves every institution of its operator */
    rig_send_line(peer, "9100^DX4501000001^000077^^20261122101400-DX4501000001-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261122101400DX45010000010001^0001-00000077-20261122001^");
    rig_send_line(peer, "2240^H45010000004^000077^0001-00000077-20261122001^20261122101502-H45010000004-0002^"
                        "450900^MZ1|V1||^1^");
    rig_wait_request(f, 1);
}

static void
cycles_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    rig_sign_in(rig_connect(f, 0));
    rig_restart(f);
    struct peer *peer = rig_connect(f, 0);
    rig_send_line(peer, CANCEL("0001"));
    rig_wait_request(f, 1);
    rig_tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    rig_expect_line(peer, "0^GW20261122101502H450100000030001^" CYCLE "^^^");
    rig_send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0002^450100^1|^1^");
    rig_expect_line(peer, "0^");
    rig_restart(f);
    peer = rig_connect(f, 0);
    rig_send_line(peer, CANCEL("0003"));
    rig_expect_line(peer, "-9101^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0004^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261122101400H450100000030004^0003-00000012-20261122002^20261122101500|0|");
}

static void
a_damaged_book_of_cycles_is_set_aside(void **state)
{
    struct fixture *f = *state;
    rig_sign_in(rig_connect(f, 0));
    char path[128];
    snprintf(path, sizeof path, "%s/cycles", f->directory);
    assert_int_equal(truncate(path, 60), 0);
    rig_restart(f);
    struct peer *peer = rig_connect(f, 0);
    rig_send_line(peer, CANCEL("0001"));
    rig_expect_line(peer, "-9101^");
    snprintf(path, sizeof path, "%s/cycles.damaged", f->directory);
    assert_int_equal(access(path, F_OK), 0);
}

static void
after_midnight_only_the_way_out_is_open(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    f->fake->date = 20261123;
    f->fake->time = 30;
    rig_send_line(peer, CANCEL("0001"));
    rig_expect_line(peer, "-9102^^" CYCLE "^");
    rig_send_line(peer, HEAD("2421", "0002") "2410|20261122101502-H45010000003-0009|P|MZ1|20261122|^1^");
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "2421");
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
             fake_record(f->fake, "2421-R", (const char *const[]){"RESULT", "1", NULL}));
    rig_expect_line(peer, "0^GW20261122101502H450100000030002^" CYCLE "^1||^^");
    /* still open: the same number comes back, and it is expired */
    rig_send_line(peer, "9100^H45010000003^000012^^20261123000020-H45010000003-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261123000020H450100000030001^" CYCLE "^20261123000030|1|");
    rig_send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0001^450100^0|^1^");
    rig_expect_line(peer, "-2601^");
    rig_send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0002^450100^2|^1^");
    rig_expect_line(peer, "-1003^");
    rig_send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0003^450100^1|^1^");
    rig_expect_line(peer, "0^GW20261123000021H450100000030003^" CYCLE "^^^");
    rig_send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0004^450100^1|^1^");
    rig_expect_line(peer, "-9101^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261123000022-H45010000003-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261123000022H450100000030001^0003-00000012-20261123001^20261123000030|0|");
}

static void
tell_totals(struct fixture *f, struct peer *peer, const char *line, const char *result)
{
    size_t count = f->fake->request_count + 1;
    rig_send_line(peer, line);
    struct fake_request *request = rig_wait_request(f, count);
    assert_string_equal(request->local, "1110");
    rig_tell(
        f, request, FEP_ANSWERED, (struct fep_result){0},
        fake_record(f->fake, "1110-R",
                    (const char *const[]){"RESULT", result, "SETTLEMENTS", "1", "CANCELLATIONS", "0", "TOTAL",
                                          "125.55", "FUND", "55.65", "ACCT", "0.00", "CASH", "69.90", NULL}));
    char begins[128];
    snprintf(begins, sizeof begins, "%s|1|0|125.55|", result);
    const char *answer = rig_read_line(peer);
    if (strstr(answer, begins) == NULL)
        fail_msg("%s", answer);
}

static void
settle(struct fixture *f, struct peer *peer, const char *line, enum fep_kind kind)
{
    size_t count = f->fake->request_count + 1;
    rig_send_line(peer, line);
    rig_tell(f, rig_wait_request(f, count), kind, (struct fep_result){.code = kind == FEP_REFUSED ? 2301 : 0},
             kind == FEP_ANSWERED ? rig_settled(f) : NULL);
    rig_read_line(peer);
}

static void
equal_totals_let_an_operator_sign_out(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    settle(f, peer, SETTLE("0001"), FEP_ANSWERED);
    rig_send_line(peer, SIGN_OUT("0002"));
    rig_expect_line(peer, "-2601^^" CYCLE "^^总账尚未对平");
    tell_totals(f, peer, TOTALS("0003", "20261122", ""), "1");
    rig_send_line(peer, SIGN_OUT("0004"));
    rig_expect_line(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0005", "20261122", ""), "0");
    rig_send_line(peer, SIGN_OUT("0006"));
    rig_expect_line(peer, "0^GW20261122101502H450100000030006^" CYCLE "^^^");
    rig_send_line(peer, CANCEL("0007"));
    rig_expect_line(peer, "-9101^");
}

static void
totals_of_another_day_or_of_one_insurance_do_not(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    tell_totals(f, peer, TOTALS("0001", "20261121", ""), "0");
    tell_totals(f, peer, TOTALS("0002", "20261122", "1"), "0");
    rig_send_line(peer, SIGN_OUT("0003"));
    rig_expect_line(peer, "-2601^");
}

static void
a_posting_after_the_totals_makes_them_old(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    settle(f, peer, SETTLE("0002"), FEP_UNKNOWN);
    rig_send_line(peer, SIGN_OUT("0003"));
    rig_expect_line(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0004", "20261122", ""), "0");
    rig_send_line(peer, SIGN_OUT("0005"));
    rig_expect_line(peer, "0^");
}

/* Totals are per day over all operators: another one's posting counts, also while it is on its way. */
static void
another_operators_posting_makes_them_old_too(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0), *other = rig_connect(f, 1);
    rig_sign_in(peer);
    rig_send_line(other, "9100^H45010000003^A1^^20261122101400-H45010000003-0003^450100^secret|T1||^1^");
    rig_expect_line(other, "0^");
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    rig_send_line(
        other,
        "2410^H45010000003^A1^0003-000000A1-20261122001^20261122101502-H45010000003-0005^450900^MZ1|V1|"
        "FP1|11|20261122101455|||J06.900|感染|0|125.55|陈珅|0|^1^");
    struct fake_request *request = rig_wait_request(f, 2);
    rig_send_line(peer, SIGN_OUT("0003"));
    rig_expect_line(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0004", "20261122", ""), "0"); /* equal before it was posted */
    rig_send_line(peer, SIGN_OUT("0006"));
    rig_expect_line(peer, "-2601^");
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect_line(other, "0^");
    rig_send_line(peer, SIGN_OUT("0007"));
    rig_expect_line(peer, "-2601^");
}

static void
what_was_equal_is_forgotten_with_a_restart(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    rig_restart(f);
    peer = rig_connect(f, 0);
    rig_send_line(peer, SIGN_OUT("0002"));
    rig_expect_line(peer, "-2601^");
}

/* The order after midnight: totals of that date, sign-out, sign-in. */
static void
after_midnight_totals_then_sign_out_then_sign_in(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_sign_in(peer);
    f->fake->date = 20261123;
    f->fake->time = 30;
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    rig_send_line(peer, SIGN_OUT("0002"));
    rig_expect_line(peer, "0^");
    rig_send_line(peer, "9100^H45010000003^000012^^20261123000022-H45010000003-0001^450100^secret|T1||^1^");
    rig_expect_line(peer, "0^GW20261123000022H450100000030001^0003-00000012-20261123001^20261123000030|0|");
}

static void
centre_time_needs_no_cycle(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_connect(f, 0);
    rig_send_line(peer, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    rig_expect_line(peer, "0^^^20261122101500|^^");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sign_in_gives_a_cycle_and_gives_it_again),
        TEST(wrong_sign_ins_are_refused),
        TEST(requests_need_an_open_cycle_of_their_operator),
        TEST(cycles_survive_a_restart),
        TEST(a_damaged_book_of_cycles_is_set_aside),
        TEST(after_midnight_only_the_way_out_is_open),
        TEST(equal_totals_let_an_operator_sign_out),
        TEST(totals_of_another_day_or_of_one_insurance_do_not),
        TEST(a_posting_after_the_totals_makes_them_old),
        TEST(another_operators_posting_makes_them_old_too),
        TEST(what_was_equal_is_forgotten_with_a_restart),
        TEST(after_midnight_totals_then_sign_out_then_sign_in),
        TEST(centre_time_needs_no_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
