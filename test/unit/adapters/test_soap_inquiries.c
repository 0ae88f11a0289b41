/* The soap module calling: look-ups before a request, inquiries, reversals, totals and details. */
#include "soap_calling_rig.h"

#include <string.h>

static void
test_totals_carry_our_rows(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_totals);
    struct peer *peer = rig_take_request(f);
    assert_string_equal(peer->local, "1501");
    assert_non_null(memmem(f->raw, f->raw_size, "<JYFX>2</JYFX>", 14));
    assert_non_null(memmem(f->raw, f->raw_size, "<ROWNUM>1</ROWNUM><DETAILS><ROW><AAE140>310</AAE140>", 52));
    rig_answer(
        f, peer, GOOD,
        "<ROWNUM>1</ROWNUM><DETAILS><ROW><AAE140>310</AAE140><QSLB>21</QSLB><POSNUM>1</POSNUM><NEGNUM>0</"
        "NEGNUM>"
        "<AKC264>5.00</AKC264><AKC260>3.00</AKC260><AKC255>0.00</AKC255><AKC261>2.00</AKC261><DZJG>0</"
        "DZJG></ROW>"
        "</DETAILS>");
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.effect, FEP_EFFECT_NONE);
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 0, "DZJG"), "0");
    call = rig_submit(f, &rig_totals);
    rig_answer(f, rig_take_request(f), REFUSED("2601"), "");
    rig_assert_ended(f, call, FEP_REFUSED, 2601);
    assert_int_equal(fake_completion_of(f->fake, call)->result.refusal_class, FEP_REPEATABLE);
}

#define POSTING(serial)                                                                                      \
    "<ROW><MSGID>" serial "</MSGID><MSGNO>1402</MSGNO><AAZ216>S1</AAZ216><AKC264>1.00</AKC264></ROW>"
#define POSTINGS(count, rows)                                                                                \
    "<TOTALNUM>" count "</TOTALNUM><LASTPAGE>1</LASTPAGE><ROWNUM>" count "</ROWNUM><DETAILS>" rows           \
    "</DETAILS>"

/* In the details our serials come back as the gateway knows the postings; what is none of ours names none. */
static void
test_details_name_our_postings(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    rig_answer(f, peer, GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    assert_string_equal(peer->serial, "GW4503000001202611221105400032");
    call = rig_submit(f, &rig_day);
    rig_answer(f, rig_take_request(f), GOOD,
               POSTINGS("6", POSTING("GW4503000001202611221105400032") /* the one above */
                        POSTING("GW4503000001202611221104196799")      /* one before it */
                        POSTING("GW4503000001202611210000000001")      /* of another incarnation */
                        POSTING("GW4503000001202611222200000001")      /* ours, but of a query */
                        POSTING("GW4503000001900000000000000001")      /* no time */
                        POSTING("WX4503000001202611221105400032")));   /* somebody else's */
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    static const char *const expected[] = {
        "20261122490007400032", "20261122490006596799", "20261121000000000001", "", "", ""};
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fake_get_in_row(f->fake, ended->answer, i, "MSGID"), expected[i]);
}

/* The counter is written modulo eight million: the lap is that of the serials drawn lately. */
static void
test_details_name_our_postings_after_many(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){
        .size = sizeof call->attempt, .number = 1, .serial = 490024000005ull, .serial_date = 20261122};
    f->ops->submit(f->self, call, rig_message(&rig_settle));
    rig_answer(f, rig_take_request(f), GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){
        .size = sizeof call->attempt, .number = 1, .serial = 990000000001ull, .serial_date = 20261122};
    f->ops->submit(f->self, call, rig_message(&rig_day)); /* a query: the host's own serial */
    rig_answer(
        f, rig_take_request(f), GOOD,
        POSTINGS("2", POSTING("GW4503000001202611221053200005") POSTING("GW4503000001202611221106397999")));
    const struct fake_completion *ended = rig_await(f, call);
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 0, "MSGID"), "20261122490024000005");
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 1, "MSGID"), "20261122490023997999");
}

#define PERSON                                                                                               \
    "<AAC001>45030000000000067890</AAC001><AAC003>覃测</AAC003><ROWNUM>2</ROWNUM><DETAILS><ROW>"           \
    "<AAE140>390</AAE140></ROW><ROW><AAE140>310</AAE140></ROW></DETAILS>"

static void
test_name_is_looked_up(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_nameless);
    struct peer *query = rig_take_request(f);
    assert_string_equal(query->local, "1101");
    assert_non_null(
        memmem(f->raw, f->raw_size, "<BKA895>01</BKA895><BKA896>45030000000000067890</BKA896>", 53));
    assert_non_null(memmem(f->raw, f->raw_size, "<AKA130>21</AKA130><AAE030>20261122</AAE030>", 43));
    rig_answer(f, query, GOOD, PERSON);
    struct peer *peer = rig_take_request(f);
    assert_string_equal(peer->local, "1402");
    assert_string_equal(peer->serial, "GW4503000001202611221105400032");
    assert_string_not_equal(query->serial, peer->serial);
    assert_non_null(memmem(f->raw, f->raw_size, "<AAC003>\xF1\xFB\xB2\xE2</AAC003>", 20));
    rig_answer(f, peer, GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_insurance_is_looked_up_in_order(void **state)
{
    struct fixture *f = *state;
    rig_submit(f, &rig_registration);
    rig_answer(f, rig_take_request(f), GOOD, PERSON);
    assert_string_equal(rig_take_request(f)->local, "1201");
    assert_non_null(memmem(f->raw, f->raw_size, "<AAE140>310</AAE140>", 20));
}

static void
test_look_up_that_fails_sends_nothing(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_nameless);
    rig_answer(f, rig_take_request(f), REFUSED("2001"), "");
    rig_assert_ended(f, call, FEP_REFUSED, 2001);
    call = rig_submit(f, &rig_nameless);
    rig_hang_up(rig_take_request(f));
    rig_assert_ended(f, call, FEP_NOT_SENT, 9001);
    call = rig_submit(f, &rig_nameless);
    rig_answer_http(f, rig_take_request(f), "200 OK", "half");
    rig_assert_ended(f, call, FEP_NOT_SENT, 0);
    call = rig_submit(f, &rig_nameless);
    (void)rig_take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    rig_assert_ended(f, call, FEP_NOT_SENT, 9001);
}

#define STATE(state) "<JYZT>" state "</JYZT>"

static void
test_inquiry_states(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *output;
        unsigned finding, code;
    } cases[] = {
        {STATE("0"), FEP_FOUND_NOTHING, 0},
        {STATE("2") "<ORGRETURNNUM>-1</ORGRETURNNUM><ORGERRORCODE>2301</ORGERRORCODE>", FEP_FOUND_REFUSED,
         2301},
        {STATE("3"), FEP_FOUND_IN_PROGRESS, 0},
        {STATE("4") "<ORGOUTPUT>" SETTLED "</ORGOUTPUT>", FEP_FOUND_REVERSED, 0},
        {STATE("5") "<ORGOUTPUT>" SETTLED "</ORGOUTPUT>", FEP_FOUND_CANCELLED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_ask_about(f, f->ops->inquire);
        struct peer *peer = rig_take_request(f);
        assert_string_equal(peer->local, "1902");
        assert_string_equal(peer->original, "GW4503000001202611221105400032");
        assert_non_null(memmem(f->raw, f->raw_size, "<ORGMSGNO>1402</ORGMSGNO>", 25));
        rig_answer(f, peer, GOOD, cases[i].output);
        rig_assert_ended(f, call, FEP_ANSWERED, cases[i].code);
        assert_int_equal(fake_completion_of(f->fake, call)->result.finding, cases[i].finding);
        assert_null(fake_completion_of(f->fake, call)->answer);
    }
}

static void
test_inquiry_brings_the_original_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_ask_about(f, f->ops->inquire);
    rig_answer(f, rig_take_request(f), GOOD,
               STATE("1") "<ORGREFMSGID>WX4503000001202611212359590045</ORGREFMSGID><ORGOUTPUT>" SETTLED
                          "</ORGOUTPUT>");
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(ended->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(ended->result.accounting_date, 20261121);
    assert_string_equal(fake_get(f->fake, ended->answer, "AKC260"), "60.00");
}

static void
test_original_answer_that_can_not_be_read(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_ask_about(f, f->ops->inquire);
    rig_answer(f, rig_take_request(f), GOOD, STATE("1") "<ORGOUTPUT><AKC264>1</AKC264></ORGOUTPUT>");
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(ended->result.reason, FEP_REASON_INCONSISTENT);
    assert_null(ended->answer);
}

static void
test_inquiry_without_a_state_is_no_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_ask_about(f, f->ops->inquire);
    rig_answer(f, rig_take_request(f), GOOD, "");
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    call = rig_ask_about(f, f->ops->inquire);
    rig_answer(f, rig_take_request(f), GOOD, STATE("9"));
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
}

static void
test_reversal(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *codes, *output;
        enum fep_kind kind;
        unsigned code, finding;
    } cases[] = {
        {GOOD, "<CZJG>1</CZJG>", FEP_ANSWERED, 0, FEP_FOUND_REVERSED},
        {GOOD, "<CZJG>2</CZJG>", FEP_ANSWERED, 0, FEP_FOUND_NEVER_ARRIVED},
        {GOOD, "<CZJG>3</CZJG>", FEP_ANSWERED, 0, FEP_FOUND_REVERSED},
        {REFUSED("2503"), "", FEP_ANSWERED, 2503, FEP_FOUND_STAYS_POSTED},
        {REFUSED("9001"), "", FEP_ANSWERED, 9001, FEP_FOUND_IN_PROGRESS},
        {REFUSED("1003"), "", FEP_REFUSED, 1003, 0},
        {"<RETURNNUM>-9</RETURNNUM><ERRORCODE>9002</ERRORCODE>", "", FEP_UNKNOWN, 9002, 0},
        {"<RETURNNUM>-9</RETURNNUM><ERRORCODE>2503</ERRORCODE>", "", FEP_UNKNOWN, 2503, 0},
        {GOOD, "", FEP_UNKNOWN, 0, 0},
    };
    char last[32] = "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_ask_about(f, f->ops->reverse);
        struct peer *peer = rig_take_request(f);
        assert_string_equal(peer->local, "1901");
        assert_string_equal(peer->original, "GW4503000001202611221105400032");
        assert_string_not_equal(peer->serial, last); /* each sending has a serial of its own */
        strcpy(last, peer->serial);
        rig_answer(f, peer, cases[i].codes, cases[i].output);
        rig_assert_ended(f, call, cases[i].kind, cases[i].code);
        assert_int_equal(fake_completion_of(f->fake, call)->result.finding, cases[i].finding);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_totals_carry_our_rows),
        TEST(test_details_name_our_postings),
        TEST(test_details_name_our_postings_after_many),
        TEST(test_name_is_looked_up),
        TEST(test_insurance_is_looked_up_in_order),
        TEST(test_look_up_that_fails_sends_nothing),
        TEST(test_inquiry_states),
        TEST(test_inquiry_brings_the_original_answer),
        TEST(test_original_answer_that_can_not_be_read),
        TEST(test_inquiry_without_a_state_is_no_answer),
        TEST(test_reversal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
