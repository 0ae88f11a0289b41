/* The fixed module serving: what stands about a request already made - repeats, reversals, inquiries. */
#include "fixed_serving_rig.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

static void
a_repeat_gets_the_same_bytes_after_a_restart_too(void **state)
{
    struct fixture *f = *state;
    unsigned char first[600];
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
    memcpy(first, f->wire->answer, f->wire->answer_size);
    /* the next day: the repeat's accounting date is wrong by now, but it is a repeat */
    f->fake->date = 20261123;
    f->fake->time = 10;
    rig_restart(f);
    rig_expect_serving(f);
    peer = rig_connect(f, 0);
    struct fep_record *head = rig_make_head(f, "900001", "20261123000000000001");
    set_field(&f->fake->host, head, "H-DATE", "20261123");
    set_field(&f->fake->host, head, "H-TIME", "000010");
    rig_build_frame(f, head,
                    fake_record(f->fake, "900001-Q",
                                (const char *const[]){"LQ-PASSWORD", "secret", "LQ-WINDOW", "01", NULL}));
    rig_send_frame(peer);
    rig_expect(peer, "20261123000000000001", "000000");
    head = rig_make_head(f, "400002", "20261122000000000093");
    set_field(&f->fake->host, head, "H-DATE", "20261123");
    set_field(&f->fake->host, head, "H-TIME", "000010");
    rig_build_frame(f, head, rig_settle_body(f));
    rig_send_frame(peer);
    struct fake_request *probe = rig_wait_request(f, 2);
    assert_string_equal(probe->local, "500002");
    rig_tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED}, rig_settled(f));
    struct fake_request *again = rig_wait_request(f, 3);
    assert_string_equal(again->local, "400002");
    rig_tell(f, again, FEP_ANSWERED, (struct fep_result){.copy = 1}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
    assert_int_equal(f->wire->answer_size, 517);
    assert_memory_equal(f->wire->answer, first, 517);
}

static void
a_repeat_with_other_content_is_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    rig_send_settle(peer, "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
    rig_build_frame(f, rig_make_head(f, "400002", "20261122000000000093"), rig_settle_body(f));
    rig_patch_frame(f, 222, "0002"); /* a field that the mapping does not read */
    rig_send_frame(peer);
    rig_tell(f, rig_wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.copy = 1}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "100005");
    rig_build_frame(f, rig_make_head(f, "400002", "20261122000000000093"), rig_settle_body(f));
    rig_patch_frame(f, 449, "1"); /* not even a request */
    rig_send_frame(peer);
    rig_tell(f, rig_wait_request(f, 3), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED},
             rig_settled(f));
    rig_expect(peer, "20261122000000000093", "100005");
}

static void
a_wrong_accounting_date_is_told_with_the_right_one(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    struct fep_record *head = rig_make_head(f, "400002", "20261122000000000093");
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261121");
    rig_build_frame(f, head, rig_settle_body(f));
    rig_send_frame(peer);
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING},
             NULL);
    const struct told *read = rig_read_answer(peer);
    assert_string_equal(read->fields[0], "900202");
    assert_string_equal(read->fields[3], "20261122");
    rig_send_settle(peer, "20261122000000000093");
    assert_string_equal(rig_wait_request(f, 2)->local, "400002");
    head = rig_make_head(f, "100001", "20261122000000000099"); /* of a query the date is not looked at */
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261121");
    rig_build_frame(f, head, fake_record(f->fake, "100001-Q", (const char *const[]){"PQ-KIND", "P", NULL}));
    rig_send_frame(peer);
    assert_string_equal(rig_wait_request(f, 3)->local, "100001");
}

static void
a_clock_that_differs_is_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    f->fake->time = 163041;
    rig_send_settle(peer, "20261122000000000093");
    struct fake_request *probe = rig_wait_request(f, 1);
    rig_tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_IN_PROGRESS}, NULL);
    rig_expect(peer, "20261122000000000093", "900001");
    rig_build_frame(f, rig_make_head(f, "100001", "20261122000000000094"),
                    fake_record(f->fake, "100001-Q", (const char *const[]){"PQ-KIND", "P", NULL}));
    rig_send_frame(peer);
    rig_expect(peer, "20261122000000000094",
               "100006"); /* a query is no repeat of anything: nobody is asked */
}

static void
a_repeat_after_a_prompt_refusal_is_new(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    const struct fep_result busy = {.code = 9001, .refusal_class = FEP_REPEATABLE};
    rig_send_settle(peer, "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_REFUSED, busy, NULL);
    rig_expect(peer, "20261122000000000093", "900001");
    rig_send_settle(peer, "20261122000000000093");
    struct fake_request *again = rig_wait_request(f, 2);
    assert_true(again->fresh);
    fake_advance(f->fake, 6000); /* so late that a repeat may have been on its way already */
    rig_tell(f, again, FEP_REFUSED, busy, NULL);
    rig_expect(peer, "20261122000000000093", "900001");
    rig_send_settle(peer, "20261122000000000093");
    again = rig_wait_request(f, 3);
    assert_false(again->fresh);
    rig_hang_up(peer); /* this refusal never reaches it */
    fake_run_ms(f->fake, 20);
    assert_true(again->forgotten);
    peer = rig_sign_on(f, 1);
    rig_send_settle(peer, "20261122000000000093");
    assert_false(rig_wait_request(f, 4)->fresh);
}

static void
send_about(struct peer *peer, const char *tran, const char *serial, const char *original)
{
    struct fixture *f = peer->f;
    char layout[16];
    struct fep_record *head = rig_make_head(f, tran, serial);
    set_field(&f->fake->host, head, "H-ORG-TRAN", "400002");
    set_field(&f->fake->host, head, "H-ORG-SERIAL", original);
    snprintf(layout, sizeof layout, "%s-Q", tran);
    rig_build_frame(f, head,
                    fake_record(f->fake, layout, (const char *const[]){"VQ-ORG-DATE", "20261122", NULL}));
    rig_send_frame(peer);
}

static void
reversal_tells_its_result(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    send_about(peer, "500001", "20261122000000000201", "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
             fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", "1", NULL}));
    rig_expect(peer, "20261122000000000201", "000000");
    assert_memory_equal(f->wire->answer + 256, "1GW261122000000000093", 21);
    send_about(peer, "500001", "20261122000000000202", "20261122000000000094");
    rig_tell(f, rig_wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NEVER_ARRIVED},
             fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", "2", NULL}));
    rig_expect(peer, "20261122000000000202", "000000");
    assert_memory_equal(f->wire->answer + 256, "2                    ", 21);
    send_about(peer, "500001", "20261122000000000203", "20261122000000000095");
    rig_tell(f, rig_wait_request(f, 3), FEP_UNKNOWN, (struct fep_result){.code = 2417}, NULL);
    rig_expect(peer, "20261122000000000203", "900001"); /* busy: ask again, never "unknown" */
    send_about(peer, "500001", "20261122000000000204", "20261122000000000095");
    rig_tell(f, rig_wait_request(f, 4), FEP_REFUSED, (struct fep_result){.code = 2503}, NULL);
    rig_expect(peer, "20261122000000000204", "200503");
}

static void
inquiry_brings_the_originals_answer(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    unsigned char first[600];
    rig_send_settle(peer, "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_expect(peer, "20261122000000000093", "000000");
    memcpy(first, f->wire->answer, f->wire->answer_size);
    send_about(peer, "500002", "20261122000000000201", "20261122000000000093");
    rig_tell(f, rig_wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED},
             rig_settled(f));
    rig_expect(peer, "20261122000000000201", "000000");
    assert_int_equal(f->wire->answer_size, 256 + 33 + 261);
    assert_memory_equal(f->wire->answer + 227, "0000", 4);
    assert_memory_equal(f->wire->answer + 256, "1000000GW261122000000000093000261", 33);
    assert_memory_equal(f->wire->answer + 289, first + 256, 261);
    const struct {
        struct fep_result result;
        const char *body;
    } cases[] = {{{.finding = FEP_FOUND_NOTHING}, "0                          000000"},
                 {{.finding = FEP_FOUND_REFUSED, .code = 2301}, "2200301                    000000"},
                 {{.finding = FEP_FOUND_IN_PROGRESS}, "3                          000000"},
                 {{.finding = FEP_FOUND_REVERSED}, "4000000GW261122000000000093000000"},
                 {{.finding = FEP_FOUND_STAYS_POSTED}, "1000000GW261122000000000093000000"},
                 {{.finding = FEP_FOUND_NEVER_ARRIVED}, "4                          000000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char serial[24];
        snprintf(serial, sizeof serial, "202611220000000003%02zu", i);
        send_about(peer, "500002", serial, "20261122000000000093");
        rig_tell(f, rig_wait_request(f, i + 3), FEP_ANSWERED, cases[i].result, NULL);
        rig_expect(peer, serial, "000000");
        assert_int_equal(f->wire->answer_size, 256 + 33);
        assert_memory_equal(f->wire->answer + 256, cases[i].body, 33);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_repeat_gets_the_same_bytes_after_a_restart_too),
        TEST(a_repeat_with_other_content_is_refused),
        TEST(a_wrong_accounting_date_is_told_with_the_right_one),
        TEST(a_clock_that_differs_is_refused),
        TEST(a_repeat_after_a_prompt_refusal_is_new),
        TEST(reversal_tells_its_result),
        TEST(inquiry_brings_the_originals_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
