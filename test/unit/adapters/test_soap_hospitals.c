/* The soap module serving: connections and HTTP - halves, limits, faults, the drain. */
#include "soap_serving_rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soap_samples.h"

static void
test_request_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    size_t size = rig_make_request(f, GOOD_REQUEST, out, sizeof out);
    f->hospital = rig_connect(f);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(f->fake->request_count, 0);
        rig_send(f->hospital, out + i, 1);
        if (i % 8 == 0)
            fake_run_ms(f->fake, 0);
    }
    struct fake_request *request = rig_await_request(f, 1);
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_assert_told(f, "1", "0000");
}

static void
assert_fault(struct fixture *f)
{
    struct fep_error error;
    assert_int_equal(rig_await_status(f), 500);
    soap_release(&f->document);
    assert_int_equal(soap_read(&f->codec, false, f->told.body, f->told.body_size, &f->document, &error), 0);
    assert_true(f->document.is_fault);
    assert_string_equal(f->document.fault_code, "Client");
}

static void
test_fault_when_nothing_can_be_named(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "<html/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ASK("<!DOCTYPE a [<!ENTITY b SYSTEM "
            "\"file:///etc/passwd\">]><REQUEST><HEAD><MSGNO>&b;</MSGNO></HEAD></REQUEST>"),
        ASK("<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>"),
        ASK(REQUEST("<MSGNO>1402</MSGNO>", "")),
        ASK(REQUEST("<MSGID>1402</MSGID>", "")),
        ASK(REQUEST("<MSGNO><A/></MSGNO><MSGID>x</MSGID>", "")),
        ASK("<REQUEST><HEAD><MSGNO>1402</MSGNO>"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_ask(f, bad[i]);
        assert_fault(f);
    }
    static const char broken[] =
        "POST /services/YdjyService HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    rig_hang_up(f);
    f->hospital = rig_connect(f);
    rig_send(f->hospital, broken, sizeof broken - 1);
    assert_fault(f);
}

static void
test_statuses(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"POST /other HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 3\r\n\r\n", 404},
        {"GET /services/YdjyService HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405},
        {"POST /services/YdjyService HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 4194305\r\n\r\n",
         413},
        {"POST /services/YdjyService HTTP/1.1\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Length: "
         "3\r\n\r\n",
         415},
        {"POST /services/YdjyService HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (f->hospital >= 0)
            rig_hang_up(f);
        f->hospital = rig_connect(f);
        rig_send(f->hospital, cases[i].text, strlen(cases[i].text));
        assert_int_equal(rig_await_status(f), cases[i].status);
    }
}

/* Who is refused in the middle of its sending still reads why. */
static void
test_refusal_reaches_who_still_sends(void **state)
{
    struct fixture *f = *state;
    static const char head[] = "POST /services/YdjyService HTTP/1.1\r\nContent-Type: text/xml\r\n"
                               "Content-Length: 5000000\r\n\r\n";
    static unsigned char body[200000];
    f->hospital = rig_connect(f);
    rig_send(f->hospital, head, sizeof head - 1);
    rig_send(f->hospital, body, sizeof body);
    fake_run_ms(f->fake, 20);
    rig_send(f->hospital, body, sizeof body);
    fake_run_ms(f->fake, 20);
    assert_int_equal(rig_await_status(f), 413);
    rig_hang_up(f);
    fake_run_ms(f->fake, 20);
    assert_int_equal(fake_open_watches(f->fake), 1);
}

static bool
has_bytes(void *arg)
{
    unsigned char piece[64];
    return recv(*(int *)arg, piece, sizeof piece, MSG_PEEK) > 0;
}

static void
test_continue_is_told(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    char expected[64] = "";
    size_t size = rig_make_request(f, GOOD_REQUEST, out, sizeof out);
    unsigned char *body = (unsigned char *)memmem(out, size, "\r\n\r\n", 4) + 2;
    size_t head = (size_t)(body - out);
    f->hospital = rig_connect(f);
    rig_send(f->hospital, out, head);
    rig_send(f->hospital, "Expect: 100-continue\r\n\r\n", 24);
    assert_true(fake_run_until(f->fake, has_bytes, &f->hospital));
    assert_true(recv(f->hospital, expected, sizeof expected - 1, 0) > 0);
    assert_string_equal(expected, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_send(f->hospital, body + 2, size - head - 2);
    rig_end_request(f, rig_await_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_assert_told(f, "1", "0000");
}

/* A caller may ask for more on the same connection: it is told that there is no more, and what it sends
 * behind its first request reaches nobody. */
static void
test_one_request_a_connection(void **state)
{
    struct fixture *f = *state;
    unsigned char out[1 << 14];
    static const char kept[] = "Connection: keep-alive";
    size_t size = rig_make_request(f, GOOD_REQUEST, out, sizeof out / 2);
    unsigned char *close_it = memmem(out, size, "Connection: close", 17);
    memmove(close_it + sizeof kept - 1, close_it + 17, size - (size_t)(close_it + 17 - out));
    memcpy(close_it, kept, sizeof kept - 1);
    size += sizeof kept - 1 - 17;
    memcpy(out + size, out, size);
    f->hospital = rig_connect(f);
    rig_send(f->hospital, out, 2 * size);
    rig_end_request(f, rig_await_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_assert_told(f, "1", "0000");
    assert_true(fake_run_until(f->fake, rig_is_cut_off, f));
    assert_int_equal(f->fake->request_count, 1);
}

static void
test_half_requests_do_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    size_t size = rig_make_request(f, GOOD_REQUEST, out, sizeof out);
    for (size_t i = 0; i < 10; i++) {
        f->hospital = rig_connect(f);
        rig_send(f->hospital, out, i == 9 ? size - 1 : size * i / 10);
        fake_run_ms(f->fake, 5);
        rig_hang_up(f);
        fake_run_ms(f->fake, 5);
    }
    assert_int_equal(f->fake->request_count, 0);
    assert_int_equal(fake_open_watches(f->fake), 1);
}

static void
test_slow_request_is_cut_off(void **state)
{
    struct fixture *f = *state;
    f->hospital = rig_connect(f);
    rig_send(f->hospital, "POST ", 5);
    fake_run_ms(f->fake, 10);
    fake_advance(f->fake, 15000);
    rig_send(f->hospital, "/", 1); /* a byte now and then does not help */
    fake_run_ms(f->fake, 10);
    assert_false(rig_is_cut_off(f));
    fake_advance(f->fake, 16000);
    assert_true(fake_run_until(f->fake, rig_is_cut_off, f));
}

/* Who was told and has not hung up yet keeps nobody waiting. */
static void
test_connections_beyond_the_limit_wait(void **state)
{
    struct fixture *f = *state;
    int held[3];
    for (size_t i = 0; i < 3; i++) {
        held[i] = rig_connect(f);
        rig_send_request(f, held[i], GOOD_REQUEST);
    }
    (void)rig_await_request(f, 3);
    rig_ask(f, GOOD_REQUEST);
    fake_run_ms(f->fake, 30);
    assert_int_equal(f->fake->request_count, 3);
    rig_end_request(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    (void)rig_await_request(f, 4);
    for (size_t i = 0; i < 3; i++)
        close(held[i]);
}

static void
test_caller_that_closes_is_forgotten(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, GOOD_REQUEST);
    struct fake_request *request = rig_await_request(f, 1);
    const struct linger now = {1, 0};
    setsockopt(f->hospital, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    rig_hang_up(f); /* with a reset: nobody will read */
    fake_run_ms(f->fake, 20);
    assert_true(request->forgotten);
}

static void
test_drain(void **state)
{
    struct fixture *f = *state;
    int idle = rig_connect(f);
    rig_ask(f, GOOD_REQUEST);
    struct fake_request *request = rig_await_request(f, 1);
    f->ops->drain(f->self, &f->drain);
    assert_int_equal(f->fake->completion_count, 1);
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, rig_settled(f));
    rig_assert_told(f, "1", "0000");
    fake_run_ms(f->fake, 10);
    assert_int_equal(f->fake->completion_count, 2);
    close(idle);
}

static void
test_calls_are_not_for_a_serving_instance(void **state)
{
    struct fixture *f = *state;
    struct fep_call call = {0};
    f->ops->submit(f->self, &call, NULL);
    assert_int_equal(f->fake->completions[1].kind, FEP_NOT_SENT);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_request_byte_by_byte),
        TEST(test_fault_when_nothing_can_be_named),
        TEST(test_statuses),
        TEST(test_refusal_reaches_who_still_sends),
        TEST(test_continue_is_told),
        TEST(test_one_request_a_connection),
        TEST(test_half_requests_do_nothing),
        TEST(test_slow_request_is_cut_off),
        TEST(test_connections_beyond_the_limit_wait),
        TEST(test_caller_that_closes_is_forgotten),
        TEST(test_drain),
        TEST(test_calls_are_not_for_a_serving_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
