/* The soap module calling: over real loopback sockets against a scripted local system. Every way an answer
 * can fail to come, and what each answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "http.h"
#include "soap_samples.h"
#include "wire.h"

extern const struct fep_adapter fep_adapter;

enum { PEERS = 32 };

struct peer { /* one connection of the gateway's */
    int fd;
    struct http_reader in;
    char local[8], serial[32], original[32];
};

struct fixture {
    struct fake_host *fake;
    struct soap_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, calls[24];
    size_t call_count, peer_count;
    int listener;
    struct peer peers[PEERS];
    char address[64];
    const char *options[24];
    unsigned char raw[1 << 16]; /* of the last request */
    size_t raw_size;
};

static const char *const head[] = {
    "AAB301", "440100", "AAA027", "450300", "AKB020", "H44010000002", "AAC001", "45030000000000067890", NULL};
static const char *const settle_body[] = {"AAZ217", "WX2026111900000777",
                                          "AKC190", "ZY0019283",
                                          "AAC001", "45030000000000067890",
                                          "AAC003", "覃测",
                                          "AKA130", "21",
                                          "AAE072", "GZ2026112200311",
                                          "AAE040", "20261122110538",
                                          "AKC194", "20261122100000",
                                          "AKC195", "0",
                                          "AKC196", "J18.900",
                                          "BKZ102", "肺炎",
                                          "ZHSYBZ", "0",
                                          "ZTJSBZ", "0",
                                          "AKC264", "5120.40",
                                          "AAE011", "前置机",
                                          NULL};
static const char *const nameless_body[] = {
    "AAC001", "45030000000000067890", "AAE040", "20261122110538", "AKA130", "21", NULL};
static const char *const register_body[] = {"AAC001", "45030000000000067890", "AKC192", "20261120080000",
                                            NULL};
static const char *const person_body[] = {"BKA895", "01", "BKA896", "45030000000000067890", NULL};
static const struct fake_message settle = {"1402", head, settle_body, NULL};
static const struct fake_message nameless = {"1402", head, nameless_body, NULL};
static const struct fake_message registration = {"1201", head, register_body, NULL};
static const struct fake_message person = {"1101", head, person_body, NULL};
static const char *const day_body[] = {"AAE041", "20261122", "PAGENO", "1", "PAGESIZE", "200", NULL};
static const char *const totals_body[] = {"AAE041", "20261122", "AAE042", "20261122", NULL};
static const char *const totals_row[] = {"AAE140", "310",  "QSLB",   "21",   "POSNUM", "1",
                                         "NEGNUM", "0",    "AKC264", "5.00", "AKC260", "3.00",
                                         "AKC255", "0.00", "AKC261", "2.00", NULL};
static const struct fake_message day = {"1502", head, day_body, NULL};
static const struct fake_message totals = {"1501", head, totals_body, totals_row};

/* --- the scripted local system --- */

static bool
is_asked(void *arg)
{
    struct fixture *f = arg;
    struct peer *peer = &f->peers[f->peer_count];
    if (peer->fd < 0) {
        peer->fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
        if (peer->fd < 0)
            return false;
        http_init(&peer->in, true, 1 << 20);
        f->raw_size = 0;
    }
    ssize_t got = recv(peer->fd, f->raw + f->raw_size, sizeof f->raw - f->raw_size, 0);
    if (got > 0) {
        (void)http_take(&peer->in, f->raw + f->raw_size, (size_t)got);
        f->raw_size += (size_t)got;
    }
    return peer->in.state != HTTP_MORE;
}

/* The next request on its own connection. */
static struct peer *
take_request(struct fixture *f)
{
    struct soap_document document;
    struct fep_error error;
    assert_true(f->peer_count < PEERS - 1);
    assert_true(fake_run_until(f->fake, is_asked, f));
    struct peer *peer = &f->peers[f->peer_count++];
    assert_int_equal(peer->in.state, HTTP_COMPLETE);
    if (soap_read(&f->codec, true, peer->in.body, peer->in.body_size, &document, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(soap_peek(&document, "MSGNO", peer->local, sizeof peer->local) > 0);
    assert_true(soap_peek(&document, "MSGID", peer->serial, sizeof peer->serial) > 0);
    (void)soap_peek(&document, "ORGMSGID", peer->original, sizeof peer->original);
    soap_release(&document);
    return peer;
}

static void
hang_up(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

static void
send_bytes(struct peer *peer, const void *bytes, size_t size)
{
    assert_int_equal(send(peer->fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* HTTP head and body of an answer, in GBK; the size. */
static size_t
make_http(struct fixture *f, const char *status, const char *body, unsigned char *out, size_t room)
{
    unsigned char wire[1 << 15];
    size_t size = fake_encode(f->fake, body, wire, sizeof wire);
    int length = snprintf((char *)out, room,
                          "HTTP/1.1 %s\r\nContent-Type: text/xml; charset=GBK\r\nContent-Length: %zu\r\n\r\n",
                          status, size);
    assert_true((size_t)length + size <= room);
    memcpy(out + length, wire, size);
    return (size_t)length + size;
}

static void
answer_http(struct fixture *f, struct peer *peer, const char *status, const char *body)
{
    unsigned char out[1 << 16];
    send_bytes(peer, out, make_http(f, status, body, out, sizeof out));
}

static size_t
make_answer(struct fixture *f, const struct peer *peer, const char *serial, const char *codes,
            const char *output, unsigned char *out, size_t room)
{
    char text[1 << 14];
    snprintf(text, sizeof text,
             ENVELOPE_BEGIN
             "<ns1:businessResponse xmlns:ns1=\"urn:wuxian:ydjy\"><businessReturn><![CDATA["
             "<RESPONSE><HEAD><MSGNO>%s</MSGNO><MSGID>%s</MSGID>"
             "<REFMSGID>WX4503000001202611212359590045</REFMSGID>%s<OPTTIME>20261122110541</OPTTIME>"
             "</HEAD><OUTPUT>%s</OUTPUT></RESPONSE>]]></businessReturn></ns1:businessResponse>" ENVELOPE_END,
             peer->local, serial, codes, output);
    return make_http(f, "200 OK", text, out, room);
}

#define GOOD          "<RETURNNUM>1</RETURNNUM><ERRORCODE>0000</ERRORCODE>"
#define REFUSED(code) "<RETURNNUM>-1</RETURNNUM><ERRORCODE>" code "</ERRORCODE><ERRORMSG>不行</ERRORMSG>"
#define SETTLED       "<AAZ216>S1</AAZ216><AKC264>100.00</AKC264><AKC260>60.00</AKC260><AKC261>40.00</AKC261>"

static void
answer(struct fixture *f, struct peer *peer, const char *codes, const char *output)
{
    unsigned char out[1 << 16];
    send_bytes(peer, out, make_answer(f, peer, peer->serial, codes, output, out, sizeof out));
}

/* --- the host's side --- */

static int
open_module(void **state, const char *connections)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    f->fake = fake_create("wuxian-450300.cfg");
    f->fake->time = 110540;
    assert_int_equal(soap_codec_open(&f->codec, &f->fake->host, &error), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    for (size_t i = 0; i < PEERS; i++)
        f->peers[i].fd = -1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listener, 16), 0);
    getsockname(f->listener, (struct sockaddr *)&address, &size);
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", ntohs(address.sin_port));
    const char *const options[] = {
        "mode",        "call",      "connect",   f->address, "host",      "10.45.3.20:8081",
        "connections", connections, "pause_min", "20",       "pause_max", "50",
        "probe_time",  "500",       NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) < 0)
        fail_msg("%s", error.text);
    f->ops->start(f->self, &f->start);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    f->ops->close(f->self);
    assert_int_equal(fake_open_watches(f->fake), 0);
    for (size_t i = 0; i < PEERS; i++) {
        if (f->peers[i].fd >= 0)
            close(f->peers[i].fd);
        http_finish(&f->peers[i].in);
    }
    close(f->listener);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static const struct fake_completion *
completion_of(const struct fixture *f, const struct fep_call *call)
{
    for (size_t i = 0; i < f->fake->completion_count; i++) {
        if (f->fake->completions[i].call == call)
            return &f->fake->completions[i];
    }
    return NULL;
}

struct awaited {
    struct fixture *f;
    const struct fep_call *call;
};

static bool
is_completed(void *arg)
{
    const struct awaited *awaited = arg;
    return completion_of(awaited->f, awaited->call) != NULL;
}

static const struct fake_completion *
await(struct fixture *f, const struct fep_call *call)
{
    struct awaited awaited = {f, call};
    assert_true(fake_run_until(f->fake, is_completed, &awaited));
    return completion_of(f, call);
}

static void
assert_ended(struct fixture *f, const struct fep_call *call, enum fep_kind kind, unsigned code)
{
    const struct fake_completion *ended = await(f, call);
    if (ended->kind != kind || ended->result.code != code)
        fail_msg("kind %d code %u \"%s\"; expected kind %d code %u", (int)ended->kind, ended->result.code,
                 ended->result.text, (int)kind, code);
}

static int
set_up(void **state)
{
    open_module(state, "4");
    struct fixture *f = *state;
    struct peer *echo = take_request(f);
    assert_string_equal(echo->local, "1999");
    answer(f, echo, GOOD, "<ECHO>x</ECHO>");
    assert_ended(f, &f->start, FEP_ANSWERED, 0);
    assert_int_equal(f->fake->health.state, FEP_UP);
    return 0;
}

/* Router's serials: incarnation 49, a counter that makes the example's MSGID. */
static struct fep_call *
new_call(struct fixture *f)
{
    struct fep_call *call = &f->calls[f->call_count];
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt,
                                         .number = 1,
                                         .serial = 490007400032ull + f->call_count,
                                         .serial_date = 20261122};
    f->call_count++;
    return call;
}

static const struct fep_message *
message(const struct fake_message *what)
{
    return (const struct fep_message *)(const void *)what;
}

static struct fep_call *
submit(struct fixture *f, const struct fake_message *what)
{
    struct fep_call *call = new_call(f);
    f->ops->submit(f->self, call, message(what));
    return call;
}

/* --- requests --- */

static void
test_request_to_the_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char expected[2048];
    size_t size = sizeof BAD_REQUEST_HTTP - 1;
    submit(f, &settle);
    (void)take_request(f);
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
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    send_bytes(peer, BAD_ANSWER_HTTP, sizeof BAD_ANSWER_HTTP - 1);
    send_bytes(peer, wire, fake_encode(f->fake, BAD_ANSWER, wire, sizeof wire));
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_REFUSED, 2301);
    assert_int_equal(ended->result.refusal_class, FEP_FINAL);
    assert_string_equal(ended->result.text, "医院总额5120.40与中心明细合计5120.39不符");
    assert_string_equal(ended->result.local_reference, "WX4503000001202611221105410045");
    assert_int_equal(ended->result.accounting_date, 20261122);
}

static void
test_good_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &settle);
    answer(f, take_request(f), GOOD, SETTLED);
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.effect, FEP_EFFECT_POSTED);
    assert_string_equal(fake_get(f->fake, ended->answer, "AKC261"), "40.00");
}

static void
test_a_repeat_has_the_same_serial(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &settle);
    struct peer *first = take_request(f);
    hang_up(first);
    assert_ended(f, call, FEP_UNKNOWN, 0);
    struct fep_call *again = new_call(f);
    again->attempt = call->attempt;
    again->attempt.repeat = 1;
    f->ops->submit(f->self, again, message(&settle));
    assert_string_equal(take_request(f)->serial, first->serial);
    submit(f, &settle);
    assert_string_not_equal(take_request(f)->serial, first->serial);
}

static void
test_our_own_serials_never_meet_the_routers(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = new_call(f);
    call->attempt.serial = 990000000000ull; /* a query: the host's own */
    f->ops->submit(f->self, call, message(&person));
    struct peer *query = take_request(f);
    assert_true(strncmp(query->serial, "GW450300000120261122", 20) == 0);
    assert_true(strncmp(query->serial + 20, "22", 2) >= 0); /* their times begin there */
    call = new_call(f);
    call->attempt.serial = 987999999999ull; /* the last of the router's */
    f->ops->submit(f->self, call, message(&person));
    assert_string_equal(take_request(f)->serial + 20, "2159599999");
}

static void
test_too_many_serials_on_one_day(void **state)
{
    struct fixture *f = *state;
    submit(f, &settle);
    struct fep_call *call = new_call(f);
    call->attempt.serial = 490007400032ull + 8000000;
    f->ops->submit(f->self, call, message(&settle));
    assert_ended(f, call, FEP_NOT_SENT, 9001);
    call = new_call(f);
    call->attempt.serial = 490007400032ull + 8000000;
    call->attempt.serial_date = 20261123;
    f->ops->submit(f->self, call, message(&settle));
    (void)take_request(f);
    assert_string_equal(take_request(f)->serial, "GW4503000001202611231105400032");
}

/* --- answers in pieces, in chunks, and half ones --- */

static void
test_answer_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    size_t size = make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
    for (size_t i = 0; i < size; i++) {
        assert_null(completion_of(f, call));
        send_bytes(peer, out + i, 1);
        fake_run_ms(f->fake, 0);
        fake_run_ms(f->fake, 1);
    }
    assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_chunked_answer(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    char chunk[64];
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    size_t size = make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
    unsigned char *body = (unsigned char *)memmem(out, size, "\r\n\r\n", 4) + 4;
    size -= (size_t)(body - out);
    static const char begin[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    send_bytes(peer, begin, sizeof begin - 1);
    for (size_t at = 0; at < size; at += 100) {
        size_t piece = size - at < 100 ? size - at : 100;
        send_bytes(peer, chunk, (size_t)sprintf(chunk, "%zX\r\n", piece));
        send_bytes(peer, body + at, piece);
        send_bytes(peer, "\r\n", 2);
    }
    fake_run_ms(f->fake, 5);
    assert_null(completion_of(f, call));
    send_bytes(peer, "0\r\n\r\n", 5);
    assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_half_answers(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    for (size_t cut = 0; cut < 20; cut++) {
        struct fep_call *call = submit(f, &settle);
        struct peer *peer = take_request(f);
        size_t size = make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
        send_bytes(peer, out, cut == 19 ? size - 1 : size * cut / 20);
        hang_up(peer);
        assert_ended(f, call, FEP_UNKNOWN, 0);
        assert_int_equal(completion_of(f, call)->result.reason, FEP_REASON_PEER_CLOSED);
    }
}

static void
test_nothing_left_is_not_sent(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    f->listener = -1;
    assert_ended(f, submit(f, &settle), FEP_NOT_SENT, 9001);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    f->listener = socket(AF_INET, SOCK_STREAM, 0); /* tear_down closes it */
}

/* --- what HTTP says --- */

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
        struct fep_call *call = submit(f, &settle);
        answer_http(f, take_request(f), cases[i].status, cases[i].body);
        assert_ended(f, call, cases[i].kind, cases[i].code);
        assert_int_equal(completion_of(f, call)->result.refusal_class, cases[i].refusal_class);
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
        struct fep_call *call = submit(f, &settle);
        struct peer *peer = take_request(f);
        send_bytes(peer, bad[i], strlen(bad[i]));
        if (i == 0)
            hang_up(peer);
        assert_ended(f, call, FEP_UNKNOWN, 0);
    }
}

static void
test_a_query_that_ends_badly_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &person);
    answer_http(f, take_request(f), "502 No", "");
    assert_ended(f, call, FEP_REFUSED, 1003);
    call = submit(f, &person);
    answer(f, take_request(f), REFUSED("7777"), "");
    assert_ended(f, call, FEP_REFUSED, 1003);
}

/* --- what answers say --- */

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
        struct fep_call *call = submit(f, &settle);
        answer(f, take_request(f), cases[i].codes, SETTLED);
        assert_ended(f, call, cases[i].kind, cases[i].code);
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
        struct fep_call *call = submit(f, &settle);
        struct peer *peer = take_request(f);
        answer(f, peer, codes, "");
        assert_ended(f, call, is_unknown ? FEP_UNKNOWN : FEP_REFUSED, (unsigned)strtoul(code, NULL, 10));
        if (!is_unknown)
            assert_int_equal(completion_of(f, call)->result.refusal_class,
                             is_final ? FEP_FINAL : FEP_REPEATABLE);
        http_finish(&peer->in);
        hang_up(peer);
    }
}

/* --- totals and details --- */

static void
test_totals_carry_our_rows(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &totals);
    struct peer *peer = take_request(f);
    assert_string_equal(peer->local, "1501");
    assert_non_null(memmem(f->raw, f->raw_size, "<JYFX>2</JYFX>", 14));
    assert_non_null(memmem(f->raw, f->raw_size, "<ROWNUM>1</ROWNUM><DETAILS><ROW><AAE140>310</AAE140>", 52));
    answer(f, peer, GOOD,
           "<ROWNUM>1</ROWNUM><DETAILS><ROW><AAE140>310</AAE140><QSLB>21</QSLB><POSNUM>1</POSNUM><NEGNUM>0</"
           "NEGNUM>"
           "<AKC264>5.00</AKC264><AKC260>3.00</AKC260><AKC255>0.00</AKC255><AKC261>2.00</AKC261><DZJG>0</"
           "DZJG></ROW>"
           "</DETAILS>");
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.effect, FEP_EFFECT_NONE);
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 0, "DZJG"), "0");
    call = submit(f, &totals);
    answer(f, take_request(f), REFUSED("2601"), "");
    assert_ended(f, call, FEP_REFUSED, 2601);
    assert_int_equal(completion_of(f, call)->result.refusal_class, FEP_REPEATABLE);
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
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    answer(f, peer, GOOD, SETTLED);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_string_equal(peer->serial, "GW4503000001202611221105400032");
    call = submit(f, &day);
    answer(f, take_request(f), GOOD,
           POSTINGS("6", POSTING("GW4503000001202611221105400032") /* the one above */
                    POSTING("GW4503000001202611221104196799")      /* one before it */
                    POSTING("GW4503000001202611210000000001")      /* of another incarnation */
                    POSTING("GW4503000001202611222200000001")      /* ours, but of a query */
                    POSTING("GW4503000001900000000000000001")      /* no time */
                    POSTING("WX4503000001202611221105400032")));   /* somebody else's */
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_ANSWERED, 0);
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
    f->ops->submit(f->self, call, message(&settle));
    answer(f, take_request(f), GOOD, SETTLED);
    assert_ended(f, call, FEP_ANSWERED, 0);
    call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){
        .size = sizeof call->attempt, .number = 1, .serial = 990000000001ull, .serial_date = 20261122};
    f->ops->submit(f->self, call, message(&day)); /* a query: the host's own serial */
    answer(
        f, take_request(f), GOOD,
        POSTINGS("2", POSTING("GW4503000001202611221053200005") POSTING("GW4503000001202611221106397999")));
    const struct fake_completion *ended = await(f, call);
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 0, "MSGID"), "20261122490024000005");
    assert_string_equal(fake_get_in_row(f->fake, ended->answer, 1, "MSGID"), "20261122490023997999");
}

static void
test_an_answer_to_another_request(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    send_bytes(peer, out,
               make_answer(f, peer, "GW4503000001202611221105400031", GOOD, SETTLED, out, sizeof out));
    assert_ended(f, call, FEP_UNKNOWN, 0);
    call = submit(f, &settle);
    peer = take_request(f);
    strcpy(peer->local, "1401");
    answer(f, peer, GOOD, SETTLED);
    assert_ended(f, call, FEP_UNKNOWN, 0);
}

static void
test_an_amount_that_is_none(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &settle);
    answer(f, take_request(f), GOOD, "<AAZ216>S1</AAZ216><AKC264>100,00</AKC264>");
    assert_ended(f, call, FEP_UNKNOWN, 0);
    call = submit(f, &settle);
    answer(f, take_request(f), GOOD, SETTLED SETTLED);
    assert_ended(f, call, FEP_UNKNOWN, 0);
}

static void
test_illegal_bytes_in_the_text_are_no_trouble(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    size_t size =
        make_answer(f, peer, peer->serial, GOOD "<ERRORMSG>!!!</ERRORMSG>", SETTLED, out, sizeof out);
    memcpy(memmem(out, size, "!!!", 3), "\xB0 \xFF", 3);
    send_bytes(peer, out, size);
    assert_ended(f, call, FEP_ANSWERED, 0);
}

/* --- the query before a request --- */

#define PERSON                                                                                               \
    "<AAC001>45030000000000067890</AAC001><AAC003>覃测</AAC003><ROWNUM>2</ROWNUM><DETAILS><ROW>"           \
    "<AAE140>390</AAE140></ROW><ROW><AAE140>310</AAE140></ROW></DETAILS>"

static void
test_name_is_looked_up(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &nameless);
    struct peer *query = take_request(f);
    assert_string_equal(query->local, "1101");
    assert_non_null(
        memmem(f->raw, f->raw_size, "<BKA895>01</BKA895><BKA896>45030000000000067890</BKA896>", 53));
    assert_non_null(memmem(f->raw, f->raw_size, "<AKA130>21</AKA130><AAE030>20261122</AAE030>", 43));
    answer(f, query, GOOD, PERSON);
    struct peer *peer = take_request(f);
    assert_string_equal(peer->local, "1402");
    assert_string_equal(peer->serial, "GW4503000001202611221105400032");
    assert_string_not_equal(query->serial, peer->serial);
    assert_non_null(memmem(f->raw, f->raw_size, "<AAC003>\xF1\xFB\xB2\xE2</AAC003>", 20));
    answer(f, peer, GOOD, SETTLED);
    assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_insurance_is_looked_up_in_order(void **state)
{
    struct fixture *f = *state;
    submit(f, &registration);
    answer(f, take_request(f), GOOD, PERSON);
    assert_string_equal(take_request(f)->local, "1201");
    assert_non_null(memmem(f->raw, f->raw_size, "<AAE140>310</AAE140>", 20));
}

static void
test_look_up_that_fails_sends_nothing(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &nameless);
    answer(f, take_request(f), REFUSED("2001"), "");
    assert_ended(f, call, FEP_REFUSED, 2001);
    call = submit(f, &nameless);
    hang_up(take_request(f));
    assert_ended(f, call, FEP_NOT_SENT, 9001);
    call = submit(f, &nameless);
    answer_http(f, take_request(f), "200 OK", "half");
    assert_ended(f, call, FEP_NOT_SENT, 0);
    call = submit(f, &nameless);
    (void)take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_ended(f, call, FEP_NOT_SENT, 9001);
}

/* --- inquiry and reversal --- */

static struct fep_call *
ask_about(struct fixture *f, void (*operation)(void *, struct fep_call *, const struct fep_message *))
{
    struct fep_call *call = new_call(f);
    call->attempt.serial = 490007400032ull;
    operation(f->self, call, message(&settle));
    return call;
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
        struct fep_call *call = ask_about(f, f->ops->inquire);
        struct peer *peer = take_request(f);
        assert_string_equal(peer->local, "1902");
        assert_string_equal(peer->original, "GW4503000001202611221105400032");
        assert_non_null(memmem(f->raw, f->raw_size, "<ORGMSGNO>1402</ORGMSGNO>", 25));
        answer(f, peer, GOOD, cases[i].output);
        assert_ended(f, call, FEP_ANSWERED, cases[i].code);
        assert_int_equal(completion_of(f, call)->result.finding, cases[i].finding);
        assert_null(completion_of(f, call)->answer);
    }
}

static void
test_inquiry_brings_the_original_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = ask_about(f, f->ops->inquire);
    answer(f, take_request(f), GOOD,
           STATE("1") "<ORGREFMSGID>WX4503000001202611212359590045</ORGREFMSGID><ORGOUTPUT>" SETTLED
                      "</ORGOUTPUT>");
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(ended->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(ended->result.accounting_date, 20261121);
    assert_string_equal(fake_get(f->fake, ended->answer, "AKC260"), "60.00");
}

static void
test_original_answer_that_can_not_be_read(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = ask_about(f, f->ops->inquire);
    answer(f, take_request(f), GOOD, STATE("1") "<ORGOUTPUT><AKC264>1</AKC264></ORGOUTPUT>");
    const struct fake_completion *ended = await(f, call);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_int_equal(ended->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(ended->result.reason, FEP_REASON_INCONSISTENT);
    assert_null(ended->answer);
}

static void
test_inquiry_without_a_state_is_no_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = ask_about(f, f->ops->inquire);
    answer(f, take_request(f), GOOD, "");
    assert_ended(f, call, FEP_UNKNOWN, 0);
    call = ask_about(f, f->ops->inquire);
    answer(f, take_request(f), GOOD, STATE("9"));
    assert_ended(f, call, FEP_UNKNOWN, 0);
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
        struct fep_call *call = ask_about(f, f->ops->reverse);
        struct peer *peer = take_request(f);
        assert_string_equal(peer->local, "1901");
        assert_string_equal(peer->original, "GW4503000001202611221105400032");
        assert_string_not_equal(peer->serial, last); /* each sending has a serial of its own */
        strcpy(last, peer->serial);
        answer(f, peer, cases[i].codes, cases[i].output);
        assert_ended(f, call, cases[i].kind, cases[i].code);
        assert_int_equal(completion_of(f, call)->result.finding, cases[i].finding);
    }
}

/* --- time, bounds, drain --- */

static bool
late_came(void *arg)
{
    return ((struct fixture *)arg)->fake->late_count > 0;
}

static void
test_late_answer_is_reported(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_ended(f, call, FEP_UNKNOWN, 0);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE); /* a wish may come twice */
    answer(f, peer, GOOD, SETTLED);
    assert_true(fake_run_until(f->fake, late_came, f));
    assert_int_equal(f->fake->late[0].kind, FEP_ANSWERED);
}

static void
test_requests_wait_for_a_connection_but_inquiries_do_not(void **state)
{
    struct fixture *f = *state;
    struct fep_call *calls[5];
    for (size_t i = 0; i < 5; i++)
        calls[i] = submit(f, &settle);
    struct peer *first = take_request(f);
    for (size_t i = 0; i < 3; i++)
        (void)take_request(f);
    fake_run_ms(f->fake, 20);
    assert_int_equal(accept(f->listener, NULL, NULL), -1); /* the fifth waits */
    ask_about(f, f->ops->inquire);
    assert_string_equal(take_request(f)->local, "1902");
    f->ops->cancel(f->self, calls[4], FEP_REASON_DEADLINE);
    assert_ended(f, calls[4], FEP_NOT_SENT, 9001);
    struct fep_call *next = submit(f, &settle);
    answer(f, first, GOOD, SETTLED);
    answer(f, take_request(f), GOOD, SETTLED);
    assert_ended(f, calls[0], FEP_ANSWERED, 0);
    assert_ended(f, next, FEP_ANSWERED, 0);
}

static bool
is_up(void *arg)
{
    return ((struct fixture *)arg)->fake->health.state == FEP_UP;
}

static void
test_breaker_opens_and_an_echo_closes_it(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 5; i++) {
        struct fep_call *call = submit(f, &settle);
        (void)take_request(f);
        f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
        assert_ended(f, call, FEP_UNKNOWN, 0);
    }
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_ended(f, submit(f, &settle), FEP_NOT_SENT, 9001);
    struct peer *echo = take_request(f);
    assert_string_equal(echo->local, "1999");
    answer(f, echo, GOOD, "");
    assert_true(fake_run_until(f->fake, is_up, f));
    struct fep_call *call = submit(f, &settle);
    answer(f, take_request(f), GOOD, SETTLED);
    assert_ended(f, call, FEP_ANSWERED, 0);
}

static void
test_late_connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 20; i++) {
        struct fep_call *call = submit(f, &settle);
        (void)take_request(f);
        f->ops->cancel(f->self, call, FEP_REASON_CANCELLED);
        assert_ended(f, call, FEP_UNKNOWN, 0);
    }
    assert_int_equal(fake_open_watches(f->fake), 16);
}

static void
test_drain_waits_for_what_is_open(void **state)
{
    struct fixture *f = *state;
    struct fep_call drain = {0}, *call = submit(f, &settle);
    struct peer *peer = take_request(f);
    f->ops->drain(f->self, &drain);
    assert_ended(f, submit(f, &settle), FEP_NOT_SENT, 9001);
    assert_null(completion_of(f, &drain));
    answer(f, peer, GOOD, SETTLED);
    assert_ended(f, call, FEP_ANSWERED, 0);
    assert_ended(f, &drain, FEP_ANSWERED, 0);
}

static void
test_what_can_not_be_translated_is_refused_unsent(void **state)
{
    struct fixture *f = *state;
    static const struct fake_message nothing = {NULL, NULL, NULL, NULL};
    assert_ended(f, submit(f, &nothing), FEP_REFUSED, 1003);
}

/* --- connections --- */

static bool
has_hung_up(void *arg)
{
    unsigned char piece;
    return recv(*(int *)arg, &piece, 1, 0) == 0;
}

static void
test_a_kept_connection_is_not_used_again(void **state)
{
    struct fixture *f = *state;
    static const char keep[] = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n";
    unsigned char out[1 << 14];
    for (size_t i = 0; i < 2; i++) {
        struct fep_call *call = submit(f, &settle);
        struct peer *peer = take_request(f);
        assert_non_null(memmem(f->raw, f->raw_size, "Connection: close\r\n", 19));
        size_t size = make_answer(f, peer, peer->serial, GOOD, SETTLED, out, sizeof out);
        send_bytes(peer, keep, sizeof keep - 1);
        send_bytes(peer, out + 17, size - 17); /* behind its own status line */
        assert_ended(f, call, FEP_ANSWERED, 0);
        assert_true(fake_run_until(f->fake, has_hung_up, &peer->fd));
    }
}

/* A host that takes no connection and refuses none: its queue is full. */
static void
test_connecting_takes_no_longer_than_its_time(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int waiting[8];
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(f->listener, 0), 0);
    for (size_t i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, size);
    }
    struct fep_call *call = submit(f, &settle);
    fake_run_ms(f->fake, 20);
    assert_null(completion_of(f, call));
    fake_advance(f->fake, 2900);
    fake_run_ms(f->fake, 5);
    assert_null(completion_of(f, call));
    fake_advance(f->fake, 200);
    assert_ended(f, call, FEP_NOT_SENT, 9001);
    for (size_t i = 0; i < 8; i++)
        close(waiting[i]);
}

/* --- starting against a system that is down --- */

static int
set_up_silent(void **state)
{
    return open_module(state, "4");
}

static void
test_starts_without_a_local_system(void **state)
{
    struct fixture *f = *state;
    hang_up(take_request(f)); /* the echo's */
    assert_ended(f, &f->start, FEP_ANSWERED, 0);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    answer(f, take_request(f), GOOD, ""); /* it tries again */
    assert_true(fake_run_until(f->fake, is_up, f));
}

static void
test_an_echo_that_is_not_answered(void **state)
{
    struct fixture *f = *state;
    (void)take_request(f);
    assert_ended(f, &f->start, FEP_ANSWERED, 0); /* after probe_time */
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request_to_the_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal_of_the_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_good_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_repeat_has_the_same_serial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_our_own_serials_never_meet_the_routers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_serials_on_one_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answer_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chunked_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_left_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_http, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_query_that_ends_badly_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_return_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_totals_carry_our_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_details_name_our_postings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_details_name_our_postings_after_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_kept_connection_is_not_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connecting_takes_no_longer_than_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_to_another_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_amount_that_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_illegal_bytes_in_the_text_are_no_trouble, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name_is_looked_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_insurance_is_looked_up_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_look_up_that_fails_sends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry_brings_the_original_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_original_answer_that_can_not_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry_without_a_state_is_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reversal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_answer_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests_wait_for_a_connection_but_inquiries_do_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_breaker_opens_and_an_echo_closes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_connections_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain_waits_for_what_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_can_not_be_translated_is_refused_unsent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_starts_without_a_local_system, set_up_silent, tear_down),
        cmocka_unit_test_setup_teardown(test_an_echo_that_is_not_answered, set_up_silent, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
