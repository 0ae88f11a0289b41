/* The soap module calling: its start, the local system's side of HTTP and of the envelope. */
#include "soap_calling_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"
#include "soap_samples.h"

extern const struct fep_adapter fep_adapter;

const char *const rig_head[] = {
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
static const char *const day_body[] = {"AAE041", "20261122", "PAGENO", "1", "PAGESIZE", "200", NULL};
static const char *const totals_body[] = {"AAE041", "20261122", "AAE042", "20261122", NULL};
static const char *const totals_row[] = {"AAE140", "310",  "QSLB",   "21",   "POSNUM", "1",
                                         "NEGNUM", "0",    "AKC264", "5.00", "AKC260", "3.00",
                                         "AKC255", "0.00", "AKC261", "2.00", NULL};
const struct fake_message rig_settle = {"1402", rig_head, settle_body, NULL};
const struct fake_message rig_nameless = {"1402", rig_head, nameless_body, NULL};
const struct fake_message rig_registration = {"1201", rig_head, register_body, NULL};
const struct fake_message rig_person = {"1101", rig_head, person_body, NULL};
const struct fake_message rig_day = {"1502", rig_head, day_body, NULL};
const struct fake_message rig_totals = {"1501", rig_head, totals_body, totals_row};

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
struct peer *
rig_take_request(struct fixture *f)
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

void
rig_hang_up(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

void
rig_send(struct peer *peer, const void *bytes, size_t size)
{
    assert_int_equal(send(peer->fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* HTTP head and body of an answer, in GBK; the size. */
size_t
rig_make_http(struct fixture *f, const char *status, const char *body, unsigned char *out, size_t room)
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

void
rig_answer_http(struct fixture *f, struct peer *peer, const char *status, const char *body)
{
    unsigned char out[1 << 16];
    rig_send(peer, out, rig_make_http(f, status, body, out, sizeof out));
}

size_t
rig_make_answer(struct fixture *f, const struct peer *peer, const char *serial, const char *codes,
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
    return rig_make_http(f, "200 OK", text, out, room);
}

void
rig_answer(struct fixture *f, struct peer *peer, const char *codes, const char *output)
{
    unsigned char out[1 << 16];
    rig_send(peer, out, rig_make_answer(f, peer, peer->serial, codes, output, out, sizeof out));
}

int
rig_open_module(void **state, const char *connections)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    int port = 0;
    f->fake = fake_create("wuxian-450300.cfg");
    f->fake->time = 110540;
    assert_int_equal(soap_codec_open(&f->codec, &f->fake->host, &error), 0);
    for (size_t i = 0; i < PEERS; i++)
        f->peers[i].fd = -1;
    f->listener = loopback_listen(&port);
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", port);
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

int
rig_tear_down(void **state)
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

const struct fake_completion *
rig_await(struct fixture *f, const struct fep_call *call)
{
    return fake_wait_for(f->fake, call);
}

void
rig_assert_ended(struct fixture *f, const struct fep_call *call, enum fep_kind kind, unsigned code)
{
    const struct fake_completion *ended = rig_await(f, call);
    if (ended->kind != kind || ended->result.code != code)
        fail_msg("kind %d code %u \"%s\"; expected kind %d code %u", (int)ended->kind, ended->result.code,
                 ended->result.text, (int)kind, code);
}

int
rig_set_up(void **state)
{
    rig_open_module(state, "4");
    struct fixture *f = *state;
    struct peer *echo = rig_take_request(f);
    assert_string_equal(echo->local, "1999");
    rig_answer(f, echo, GOOD, "<ECHO>x</ECHO>");
    rig_assert_ended(f, &f->start, FEP_ANSWERED, 0);
    assert_int_equal(f->fake->health.state, FEP_UP);
    return 0;
}

/* Router's serials: incarnation 49, a counter that makes the example's MSGID. */
struct fep_call *
rig_new_call(struct fixture *f)
{
    struct fep_call *call = &f->calls[f->call_count];
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt,
                                         .number = 1,
                                         .serial = 490007400032ull + f->call_count,
                                         .serial_date = 20261122};
    f->call_count++;
    return call;
}

const struct fep_message *
rig_message(const struct fake_message *what)
{
    return (const struct fep_message *)(const void *)what;
}

struct fep_call *
rig_submit(struct fixture *f, const struct fake_message *what)
{
    struct fep_call *call = rig_new_call(f);
    f->ops->submit(f->self, call, rig_message(what));
    return call;
}

struct fep_call *
rig_ask_about(struct fixture *f, void (*operation)(void *, struct fep_call *, const struct fep_message *))
{
    struct fep_call *call = rig_new_call(f);
    call->attempt.serial = 490007400032ull;
    operation(f->self, call, rig_message(&rig_settle));
    return call;
}
