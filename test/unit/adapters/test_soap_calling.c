/* The soap module calling: requests to the byte, every way an answer can fail to come, and what each answer
 * means. */
#include "soap_calling_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soap_samples.h"

static void
test_request_to_the_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char expected[2048];
    size_t size = sizeof BAD_REQUEST_HTTP - 1;
    rig_submit(f, &rig_settle);
    (void)rig_take_request(f);
    memcpy(expected, BAD_REQUEST_HTTP, size);
    size += fake_encode(f->fake, BAD_REQUEST, expected + size, sizeof expected - size);
    assert_int_equal(f->raw_size, 180 + 1054);
    assert_int_equal(f->raw_size, size);
    assert_memory_equal(f->raw, expected, size);
}

static void
test_refusal_of_the_example(void **state)
{
    struct fixture *f = *state;
    unsigned char wire[2048];
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    rig_send(peer, BAD_ANSWER_HTTP, sizeof BAD_ANSWER_HTTP - 1);
    rig_send(peer, wire, fake_encode(f->fake, BAD_ANSWER, wire, sizeof wire));
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_REFUSED, 2301);
    assert_int_equal(ended->result.refusal_class, FEP_FINAL);
    assert_string_equal(ended->result.text, "医院总额5120.40与中心明细合计5120.39不符");
    assert_string_equal(ended->result.local_reference, "WX4503000001202611221105410045");
    assert_int_equal(ended->result.accounting_date, 20261122);
}

static void
test_good_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_answer(f, rig_take_request(f), GOOD, SETTLED);
    const struct fake_completion *ended = rig_await(f, call);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.effect, FEP_EFFECT_POSTED);
    assert_string_equal(fake_get(f->fake, ended->answer, "AKC261"), "40.00");
}

static void
test_a_repeat_has_the_same_serial(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *first = rig_take_request(f);
    rig_hang_up(first);
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    struct fep_call *again = rig_new_call(f);
    again->attempt = call->attempt;
    again->attempt.repeat = 1;
    f->ops->submit(f->self, again, rig_message(&rig_settle));
    assert_string_equal(rig_take_request(f)->serial, first->serial);
    rig_submit(f, &rig_settle);
    assert_string_not_equal(rig_take_request(f)->serial, first->serial);
}

static void
test_our_own_serials_never_meet_the_routers(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_new_call(f);
    call->attempt.serial = 990000000000ull; /* a query: the host's own */
    f->ops->submit(f->self, call, rig_message(&rig_person));
    struct peer *query = rig_take_request(f);
    assert_true(strncmp(query->serial, "GW450300000120261122", 20) == 0);
    assert_true(strncmp(query->serial + 20, "22", 2) >= 0); /* their times begin there */
    call = rig_new_call(f);
    call->attempt.serial = 987999999999ull; /* the last of the router's */
    f->ops->submit(f->self, call, rig_message(&rig_person));
    assert_string_equal(rig_take_request(f)->serial + 20, "2159599999");
}

static void
test_too_many_serials_on_one_day(void **state)
{
    struct fixture *f = *state;
    rig_submit(f, &rig_settle);
    struct fep_call *call = rig_new_call(f);
    call->attempt.serial = 490007400032ull + 8000000;
    f->ops->submit(f->self, call, rig_message(&rig_settle));
    rig_assert_ended(f, call, FEP_NOT_SENT, 9001);
    call = rig_new_call(f);
    call->attempt.serial = 490007400032ull + 8000000;
    call->attempt.serial_date = 20261123;
    f->ops->submit(f->self, call, rig_message(&rig_settle));
    (void)rig_take_request(f);
    assert_string_equal(rig_take_request(f)->serial, "GW4503000001202611231105400032");
}

static void
test_answer_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    size_t size = rig_make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
    for (size_t i = 0; i < size; i++) {
        assert_null(fake_completion_of(f->fake, call));
        rig_send(peer, out + i, 1);
        fake_run_ms(f->fake, 0);
        fake_run_ms(f->fake, 1);
    }
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_chunked_answer(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    char chunk[64];
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    size_t size = rig_make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
    unsigned char *body = (unsigned char *)memmem(out, size, "\r\n\r\n", 4) + 4;
    size -= (size_t)(body - out);
    static const char begin[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    rig_send(peer, begin, sizeof begin - 1);
    for (size_t at = 0; at < size; at += 100) {
        size_t piece = size - at < 100 ? size - at : 100;
        rig_send(peer, chunk, (size_t)sprintf(chunk, "%zX\r\n", piece));
        rig_send(peer, body + at, piece);
        rig_send(peer, "\r\n", 2);
    }
    fake_run_ms(f->fake, 5);
    assert_null(fake_completion_of(f->fake, call));
    rig_send(peer, "0\r\n\r\n", 5);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_half_answers(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    for (size_t cut = 0; cut < 20; cut++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct peer *peer = rig_take_request(f);
        size_t size = rig_make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
        rig_send(peer, out, cut == 19 ? size - 1 : size * cut / 20);
        rig_hang_up(peer);
        rig_assert_ended(f, call, FEP_UNKNOWN, 0);
        assert_int_equal(fake_completion_of(f->fake, call)->result.reason, FEP_REASON_PEER_CLOSED);
    }
}

#define FAULT(code)                                                                                          \
    ENVELOPE_BEGIN "<soapenv:Fault><faultcode>soapenv:" code "</faultcode><faultstring>x</faultstring>"      \
                   "</soapenv:Fault>" ENVELOPE_END

static void
test_statuses(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *status, *body;
        enum fep_kind kind;
        unsigned code, refusal_class;
    } cases[] = {
        {"404 Not Found", "no", FEP_REFUSED, 1002, FEP_FINAL},
        {"405 No", "", FEP_REFUSED, 1002, FEP_FINAL},
        {"413 No", "", FEP_REFUSED, 1001, FEP_FINAL},
        {"415 No", "", FEP_REFUSED, 1001, FEP_FINAL},
        {"503 No", "", FEP_REFUSED, 9001, FEP_REPEATABLE},
        {"500 No", FAULT("Client"), FEP_REFUSED, 1001, FEP_FINAL},
        {"500 No", FAULT("Client.Parse"), FEP_REFUSED, 1001, FEP_FINAL},
        {"500 No", FAULT("Server"), FEP_UNKNOWN, 9002, FEP_FINAL},
        {"500 No", "<html/>", FEP_UNKNOWN, 9002, FEP_FINAL},
        {"500 No", "", FEP_UNKNOWN, 9002, FEP_FINAL},
        {"500 No", GOOD_ANSWER, FEP_UNKNOWN, 9002, FEP_FINAL},
        {"502 No", "", FEP_UNKNOWN, 9002, FEP_FINAL},
        {"302 Found", "", FEP_UNKNOWN, 9002, FEP_FINAL},
        {"400 Bad", "", FEP_UNKNOWN, 9002, FEP_FINAL},
        {"201 Created", GOOD_ANSWER, FEP_UNKNOWN, 9002, FEP_FINAL},
        {"200 OK", FAULT("Client"), FEP_UNKNOWN, 0, FEP_FINAL},
        {"200 OK", "", FEP_UNKNOWN, 0, FEP_FINAL},
        {"200 OK", "<html/>", FEP_UNKNOWN, 0, FEP_FINAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        rig_answer_http(f, rig_take_request(f), cases[i].status, cases[i].body);
        rig_assert_ended(f, call, cases[i].kind, cases[i].code);
        assert_int_equal(fake_completion_of(f->fake, call)->result.refusal_class, cases[i].refusal_class);
    }
}

static void
test_what_is_not_http(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"220 smtp\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx"};
    for (size_t i = 0; i < 3; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct peer *peer = rig_take_request(f);
        rig_send(peer, bad[i], strlen(bad[i]));
        if (i == 0)
            rig_hang_up(peer);
        rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    }
}

static void
test_a_query_that_ends_badly_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_person);
    rig_answer_http(f, rig_take_request(f), "502 No", "");
    rig_assert_ended(f, call, FEP_REFUSED, 1003);
    call = rig_submit(f, &rig_person);
    rig_answer(f, rig_take_request(f), REFUSED("7777"), "");
    rig_assert_ended(f, call, FEP_REFUSED, 1003);
}

static void
test_classes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *codes;
        enum fep_kind kind;
        unsigned code;
    } cases[] = {
        {REFUSED("9001"), FEP_REFUSED, 9001},
        {REFUSED("2503"), FEP_REFUSED, 2503},
        {REFUSED("7777"), FEP_UNKNOWN, 9002},
        {"<RETURNNUM>-9</RETURNNUM><ERRORCODE>9002</ERRORCODE>", FEP_UNKNOWN, 9002},
        {"<RETURNNUM>-9</RETURNNUM><ERRORCODE>9999</ERRORCODE>", FEP_UNKNOWN, 9999},
        /* contradictions */
        {"<RETURNNUM>-9</RETURNNUM><ERRORCODE>2301</ERRORCODE>", FEP_UNKNOWN, 2301},
        {"<RETURNNUM>-1</RETURNNUM><ERRORCODE>0000</ERRORCODE>", FEP_UNKNOWN, 9002},
        {"<RETURNNUM>1</RETURNNUM><ERRORCODE>2301</ERRORCODE>", FEP_UNKNOWN, 9002},
        {"<RETURNNUM>-1</RETURNNUM><ERRORCODE>9002</ERRORCODE>", FEP_UNKNOWN, 9002},
        {"<RETURNNUM>7</RETURNNUM><ERRORCODE>2301</ERRORCODE>", FEP_UNKNOWN, 2301},
        {"<RETURNNUM>1</RETURNNUM>", FEP_UNKNOWN, 9002},
        {"", FEP_UNKNOWN, 9002},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        rig_answer(f, rig_take_request(f), cases[i].codes, SETTLED);
        rig_assert_ended(f, call, cases[i].kind, cases[i].code);
    }
    assert_int_equal(f->fake->completions[1].result.refusal_class, FEP_REPEATABLE);
}

/* The protocol's whole table: N is final, R may come again, U says nothing. */
static void
test_every_return_code(void **state)
{
    struct fixture *f = *state;
    static const char *const final[] = {"1001", "1002", "1003", "1004", "1005", "1006", "2001",
                                        "2002", "2003", "2004", "2005", "2101", "2102", "2103",
                                        "2201", "2202", "2203", "2204", "2301", "2302", "2303",
                                        "2401", "2402", "2403", "2503", "2504"};
    static const char *const again[] = {"2601", "9001"}, *const unknown[] = {"9002", "9999"};
    char codes[128];
    for (size_t i = 0; i < sizeof final / sizeof *final + 4; i++) {
        bool is_final = i < sizeof final / sizeof *final;
        size_t rest = i - (is_final ? 0 : sizeof final / sizeof *final);
        const char *code = is_final ? final[i] : rest < 2 ? again[rest] : unknown[rest - 2];
        bool is_unknown = !is_final && rest >= 2;
        f->call_count = 0;
        f->peer_count = 1; /* behind the echo's */
        f->fake->completion_count = 0;
        snprintf(codes, sizeof codes, "<RETURNNUM>%s</RETURNNUM><ERRORCODE>%s</ERRORCODE>",
                 is_unknown ? "-9" : "-1", code);
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct peer *peer = rig_take_request(f);
        rig_answer(f, peer, codes, "");
        rig_assert_ended(f, call, is_unknown ? FEP_UNKNOWN : FEP_REFUSED, (unsigned)strtoul(code, NULL, 10));
        if (!is_unknown)
            assert_int_equal(fake_completion_of(f->fake, call)->result.refusal_class,
                             is_final ? FEP_FINAL : FEP_REPEATABLE);
        http_finish(&peer->in);
        rig_hang_up(peer);
    }
}

static void
test_an_answer_to_another_request(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    rig_send(peer, out,
             rig_make_answer(f, peer, "GW4503000001202611221105400031", GOOD, SETTLED, out, sizeof out));
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    call = rig_submit(f, &rig_settle);
    peer = rig_take_request(f);
    strcpy(peer->local, "1401");
    rig_answer(f, peer, GOOD, SETTLED);
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
}

static void
test_an_amount_that_is_none(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = rig_submit(f, &rig_settle);
    rig_answer(f, rig_take_request(f), GOOD, "<AAZ216>S1</AAZ216><AKC264>100,00</AKC264>");
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
    call = rig_submit(f, &rig_settle);
    rig_answer(f, rig_take_request(f), GOOD, SETTLED SETTLED);
    rig_assert_ended(f, call, FEP_UNKNOWN, 0);
}

static void
test_illegal_bytes_in_the_text_are_no_trouble(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct peer *peer = rig_take_request(f);
    size_t size =
        rig_make_answer(f, peer, peer->serial, GOOD "<ERRORMSG>!!!</ERRORMSG>", SETTLED, out, sizeof out);
    memcpy(memmem(out, size, "!!!", 3), "\xB0 \xFF", 3);
    rig_send(peer, out, size);
    rig_assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_what_can_not_be_translated_is_refused_unsent(void **state)
{
    struct fixture *f = *state;
    static const struct fake_message nothing = {NULL, NULL, NULL, NULL};
    rig_assert_ended(f, rig_submit(f, &nothing), FEP_REFUSED, 1003);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_request_to_the_byte),
        TEST(test_refusal_of_the_example),
        TEST(test_good_answer),
        TEST(test_a_repeat_has_the_same_serial),
        TEST(test_our_own_serials_never_meet_the_routers),
        TEST(test_too_many_serials_on_one_day),
        TEST(test_answer_byte_by_byte),
        TEST(test_chunked_answer),
        TEST(test_half_answers),
        TEST(test_statuses),
        TEST(test_what_is_not_http),
        TEST(test_a_query_that_ends_badly_is_refused),
        TEST(test_classes),
        TEST(test_every_return_code),
        TEST(test_an_answer_to_another_request),
        TEST(test_an_amount_that_is_none),
        TEST(test_illegal_bytes_in_the_text_are_no_trouble),
        TEST(test_what_can_not_be_translated_is_refused_unsent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
