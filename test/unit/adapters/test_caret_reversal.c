/* The caret module calling: reversals, and what the day's details say about what stays posted. */
#include "caret_calling_rig.h"

#include <string.h>

static void
reversal_names_the_original_by_the_same_text(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    const struct {
        const char *answer;
        enum fep_kind kind;
        unsigned finding;
    } cases[] = {{"0^DX1^" CYCLE "^1|DX0|^^\r\n", FEP_ANSWERED, FEP_FOUND_REVERSED},
                 {"0^DX1^" CYCLE "^2||^^\r\n", FEP_ANSWERED, FEP_FOUND_NEVER_ARRIVED},
                 {"0^DX1^" CYCLE "^3|DX0|^^\r\n", FEP_ANSWERED, FEP_FOUND_REVERSED},
                 {"-2504^^" CYCLE "^^已冻结^\r\n", FEP_ANSWERED, FEP_FOUND_NEVER_ARRIVED},
                 {"-9001^^" CYCLE "^^处理中^\r\n", FEP_ANSWERED, FEP_FOUND_IN_PROGRESS},
                 {"-1003^^" CYCLE "^^字段^\r\n", FEP_REFUSED, 0},
                 {"-9002^^" CYCLE "^^后台未答^\r\n", FEP_UNKNOWN, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_reverse(f, &rig_settle, 70000000101);
        const char *request = rig_read_line(peer);
        assert_int_equal(strncmp(request, "2421^H45090000001^GW001^" CYCLE "^", 50), 0);
        assert_string_equal(rig_field_of(request, 4), "20261122000000-H4509000000199000000-0001");
        assert_string_equal(rig_field_of(request, 6),
                            "2410|20261122000000-H4509000000107000000-0101|||20261122|");
        rig_send_text(peer, cases[i].answer);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, cases[i].kind);
        assert_int_equal(done->result.finding, cases[i].finding);
    }
}

#define ROW(serial, setl, state)                                                                             \
    "$" serial "|2410|DX1|NN1|" setl                                                                         \
    "||45010000000000000003|H45090000001|20261122101500|1|21|125.55|55.65|0.00|69.90|" state "|"
#define ORIGINAL "20261122000000-H4509000000107000000-0101"

/* A reversal that is declined, and the request for the day's details that follows. */
static struct fep_call *
decline(struct fixture *f, struct peer *peer, uint32_t accounting_date)
{
    struct fep_call *call = rig_next_call(f);
    call->attempt.serial = 70000000101;
    call->attempt.accounting_date = accounting_date;
    f->ops->reverse(f->self, call, rig_message(&rig_settle));
    rig_expect_line(peer, "2421^");
    rig_send_text(peer, "-2503^^" CYCLE "^^不能冲正^\r\n");
    rig_expect_line(peer, "1120^H45090000001^GW001^" CYCLE "^20261122101500-H45090000001S");
    assert_string_equal(rig_field_of(f->wire->line, 5), "450100");
    return call;
}

/* There is no inquiry: the id by which the settlement can be cancelled stands in the details only. */
static void
what_stays_posted_is_found_in_the_days_details(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = decline(f, peer, 0);
    assert_string_equal(rig_field_of(f->wire->line, 6), "20261122|1|100|");
    rig_send_text(peer, "0^^" CYCLE "^3|1|0|" ROW("20261122000000-H4509000000107000000-0100", "NN70", "1")
                            ROW("20261122000000-TWIN1-0001", "NN71", "1") "^^\r\n");
    rig_expect_line(peer, "1120^");
    assert_string_equal(rig_field_of(f->wire->line, 6), "20261122|2|100|");
    rig_send_text(peer, "0^^" CYCLE "^3|2|1|" ROW(ORIGINAL, "NN77", "1") "^^\r\n");
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_STAYS_POSTED);
    assert_non_null(done->answer);
    assert_string_equal(f->fake->host.record_layout(done->answer)->name, "2410-R");
    assert_string_equal(fake_get(f->fake, done->answer, "SETL-ID"), "NN77");
    assert_string_equal(fake_get(f->fake, done->answer, "TOTAL"), "125.55");
    assert_string_equal(fake_get(f->fake, done->answer, "CASH"), "69.90");
    assert_string_equal(fake_get(f->fake, done->answer, "SCOPE"), "");
}

static void
the_details_are_those_of_the_originals_day(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = decline(f, peer, 20261121);
    assert_string_equal(rig_field_of(f->wire->line, 6), "20261121|1|100|");
    rig_send_text(peer, "0^^" CYCLE "^1|1|1|" ROW(ORIGINAL, "NN77", "2") "^^\r\n"); /* reversed after all */
    assert_int_equal(rig_wait_for(f, call)->result.finding, FEP_FOUND_REVERSED);
}

static void
what_is_not_in_the_details_stays_posted_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = decline(f, peer, 0);
    rig_send_text(peer, "0^^" CYCLE "^0|1|1|^^\r\n");
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->result.finding, FEP_FOUND_STAYS_POSTED);
    assert_null(done->answer);
}

/* The details are told to be had later, or do not come: nothing is known of the reversal's end yet. */
static void
without_the_details_the_reversal_comes_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = decline(f, peer, 0);
    rig_send_text(peer, "-9001^^" CYCLE "^^忙^\r\n");
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    call = decline(f, peer, 0);
    rig_hang_up(peer);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_UNKNOWN);
}

/* A registration is in no list of settlements. */
static void
another_posting_that_stays_is_not_looked_for(void **state)
{
    static const char *const register_body[] = {"PSN-NO", "45010000000000000003", "VISIT-NO", "ZY1", NULL};
    static const struct fake_message registration = {"2210", rig_head, register_body, NULL};
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_reverse(f, &registration, 70000000101);
    rig_expect_line(peer, "2421^");
    rig_send_text(peer, "-2503^^" CYCLE "^^不能冲正^\r\n");
    assert_int_equal(rig_wait_for(f, call)->result.finding, FEP_FOUND_STAYS_POSTED);
}

static void
serials_of_ours_in_details_are_turned_back(void **state)
{
    static const char *const day[] = {"DATE", "20261122", "PAGE", "1", "SIZE", "100", NULL};
    static const struct fake_message details = {"1120", rig_head, day, NULL};
    struct fixture *f = *state;
    struct peer *peer = rig_sign_in(f);
    struct fep_call *call = rig_submit(f, &details);
    rig_expect_line(peer, "1120^");
    assert_string_equal(rig_field_of(f->wire->line, 5),
                        "450100"); /* the server's own region, whoever is asked about */
    rig_send_text(peer, "0^^" CYCLE "^2|1|1|" ROW(ORIGINAL, "NN77", "1")
                            ROW("20261122000000-TWIN1-0001", "NN78", "1")
                                ROW("20261122101500-H45090000001S0000001-0001", "NN79", "1") "^^\r\n");
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "SERIAL"), "20261122070000000101");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 2, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SETL-ID"), "NN78");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reversal_names_the_original_by_the_same_text),
        TEST(what_stays_posted_is_found_in_the_days_details),
        TEST(the_details_are_those_of_the_originals_day),
        TEST(what_is_not_in_the_details_stays_posted_all_the_same),
        TEST(without_the_details_the_reversal_comes_again),
        TEST(another_posting_that_stays_is_not_looked_for),
        TEST(serials_of_ours_in_details_are_turned_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
