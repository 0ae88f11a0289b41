/* The caret module calling, over real loopback sockets against a scripted local system: sign-in and day
 * change, one request at a time on a connection, and every way an answer can fail to come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_host.h"
#include "tally.h"

extern const struct fep_adapter fep_adapter;

enum { PEERS = 6 };

struct peer {
    struct fixture *f;
    int fd;
    char in[70000];
    size_t size;
    bool closed;
};

struct fixture {
    struct fake_host *fake;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain, calls[24];
    size_t call_count;
    int listener;
    char address[64], directory[64];
    const char *options[28];
    struct peer peers[PEERS];
    char line[70000]; /* the last request, decoded */
};

#define CYCLE      "0001-000GW001-20261122001"
#define NEXT_CYCLE "0001-000GW001-20261123001"

static const char *const head[] = {"HOSPITAL", "H45090000001", "CENTRE", "450900", NULL};
static const char *const settle_body[] = {"VISIT-NO",    "ZY1",     "VISIT-ID",  "NN1",    "BILL-NO",
                                          "FP1",         "MED-CAT", "21",        "TIME",   "20261122101500",
                                          "USE-ACCOUNT", "0",       "HIS-TOTAL", "125.55", NULL};
static const char *const person_body[] = {"KIND", "3", "VALUE", "45010000000000000003", NULL};
static const struct fake_message settle = {"2410", head, settle_body, NULL};
static const struct fake_message person = {"2100", head, person_body, NULL};

/* --- the scripted local system --- */

struct accepting {
    struct fixture *f;
    struct peer *peer;
};

static bool
accepted(void *arg)
{
    struct accepting *accepting = arg;
    if (accepting->peer->fd < 0)
        accepting->peer->fd = accept4(accepting->f->listener, NULL, NULL, SOCK_NONBLOCK);
    return accepting->peer->fd >= 0;
}

static struct peer *
accept_peer(struct fixture *f, int which)
{
    struct accepting accepting = {f, &f->peers[which]};
    accepting.peer->f = f;
    accepting.peer->size = 0;
    accepting.peer->closed = false;
    assert_true(fake_run_until(f->fake, accepted, &accepting));
    return accepting.peer;
}

static bool
line_there(void *arg)
{
    struct peer *peer = arg;
    ssize_t got = recv(peer->fd, peer->in + peer->size, sizeof peer->in - peer->size - 1, 0);
    if (got > 0)
        peer->size += (size_t)got;
    if (got == 0)
        peer->closed = true;
    peer->in[peer->size] = '\0';
    return peer->closed || strstr(peer->in, "\r\n") != NULL;
}

/* The next request on a connection, as UTF-8 without CR LF. */
static const char *
read_request(struct peer *peer)
{
    struct fixture *f = peer->f;
    struct fake_host *fake = f->fake;
    assert_true(fake_run_until(fake, line_there, peer));
    char *end = strstr(peer->in, "\r\n");
    assert_non_null(end);
    int size = fake->host.decode_text(fake, (const unsigned char *)peer->in, (size_t)(end - peer->in), true,
                                      f->line, sizeof f->line - 1, NULL);
    assert_true(size >= 0);
    f->line[size] = '\0';
    peer->size = 0;
    peer->in[0] = '\0';
    return f->line;
}

static void
expect_request(struct peer *peer, const char *begins)
{
    const char *request = read_request(peer);
    if (strncmp(request, begins, strlen(begins)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", request, begins);
}

static const char *
field_of(const char *line, int index)
{
    static char text[4][256];
    static unsigned turn;
    char *out = text[turn++ % 4];
    for (; index > 0 && (line = strchr(line, '^')) != NULL; index--)
        line++;
    snprintf(out, 256, "%.*s", line != NULL ? (int)strcspn(line, "^") : 0, line != NULL ? line : "");
    return out;
}

static void
send_text(struct peer *peer, const char *text)
{
    unsigned char wire[4096];
    size_t size = fake_encode(peer->f->fake, text, wire, sizeof wire);
    assert_int_equal(send(peer->fd, wire, size, MSG_NOSIGNAL), (ssize_t)size);
}

static bool
peer_closed(void *arg)
{
    struct peer *peer = arg;
    return line_there(peer) && peer->closed;
}

static void
expect_closed(struct peer *peer)
{
    assert_true(fake_run_until(peer->f->fake, peer_closed, peer));
    assert_int_equal(peer->size, 0);
}

static void
hang_up(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

#define SETTLED(cycle, bill)                                                                                 \
    "0^DX1^" cycle "^NN77|" bill                                                                             \
    "|125.55|55.65|0.00|69.90|55.65|0.00|0.00|0.00|0.00|0.00|0.00|12.00|2.26|0.00|111.29|"                   \
    "0.00|0.00|^^\r\n"

static struct peer *
sign_in_peer(struct fixture *f)
{
    struct peer *peer = accept_peer(f, 0);
    expect_request(peer, "9100^GW4501000001^GW001^^");
    send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    return peer;
}

/* --- the host's side --- */

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    f->fake = fake_create("danxian-450100.cfg");
    strcpy(f->directory, "/tmp/fep-caret-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    getsockname(f->listener, (struct sockaddr *)&address, &size);
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", ntohs(address.sin_port));
    const char *const options[] = {"mode",
                                   "call",
                                   "connect",
                                   f->address,
                                   "password_file",
                                   "secret",
                                   "state_directory",
                                   f->directory,
                                   "pause_min",
                                   "20",
                                   "pause_max",
                                   "50",
                                   "doubt_time",
                                   "300",
                                   "queue_time",
                                   "2000",
                                   "connections",
                                   "4",
                                   NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) != 0)
        fail_msg("%s", error.text);
    for (int i = 0; i < PEERS; i++)
        f->peers[i].fd = -1;
    f->ops->start(f->self, &f->start);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    char path[128];
    f->ops->close(f->self);
    for (int i = 0; i < PEERS; i++) {
        if (f->peers[i].fd >= 0)
            close(f->peers[i].fd);
    }
    close(f->listener);
    snprintf(path, sizeof path, "%s/tally-20261122", f->directory);
    unlink(path);
    rmdir(f->directory);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static struct fep_call *
next_call(struct fixture *f)
{
    struct fep_call *call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt,
                                         .number = 1,
                                         .serial = 70000000100 + f->call_count,
                                         .serial_date = 20261122};
    return call;
}

static struct fep_call *
submit(struct fixture *f, const struct fake_message *message)
{
    struct fep_call *call = next_call(f);
    f->ops->submit(f->self, call, (const struct fep_message *)(const void *)message);
    return call;
}

static struct fep_call *
reverse(struct fixture *f, const struct fake_message *message, uint64_t serial)
{
    struct fep_call *call = next_call(f);
    call->attempt.serial = serial;
    f->ops->reverse(f->self, call, (const struct fep_message *)(const void *)message);
    return call;
}

struct wanted {
    struct fixture *f;
    const struct fep_call *call;
};

static struct fake_completion *
completion_of(struct fixture *f, const struct fep_call *call)
{
    for (size_t i = 0; i < f->fake->completion_count; i++) {
        if (f->fake->completions[i].call == call)
            return &f->fake->completions[i];
    }
    return NULL;
}

static bool
completed(void *arg)
{
    struct wanted *wanted = arg;
    return completion_of(wanted->f, wanted->call) != NULL;
}

static struct fake_completion *
wait_for(struct fixture *f, const struct fep_call *call)
{
    struct wanted wanted = {f, call};
    assert_true(fake_run_until(f->fake, completed, &wanted));
    struct fake_completion *done = completion_of(f, call);
    if (done == NULL)
        abort();
    return done;
}

/* --- sign-in --- */

static void
sign_in_opens_the_shift(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = accept_peer(f, 0);
    const char *request = read_request(peer);
    assert_string_equal(field_of(request, 3), "");
    assert_int_equal(strncmp(field_of(request, 4), "20261122101500-GW4501000001S", 28), 0);
    assert_int_equal(strlen(field_of(request, 4)), 40);
    assert_string_equal(field_of(request, 5), "450100");
    assert_string_equal(field_of(request, 6), "secret|GW4501000001|20261122101500|");
    assert_string_equal(field_of(request, 7), "1");
    assert_null(completion_of(f, &f->start));
    send_text(peer, "0^DX1^" CYCLE "^20261122101500|1|^^\r\n");
    assert_int_equal(wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
refused_sign_in_is_down_and_tried_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = accept_peer(f, 0);
    read_request(peer);
    send_text(peer, "-1004^^^^口令不对^\r\n");
    assert_int_equal(wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    struct fake_completion *done = wait_for(f, submit(f, &settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    expect_request(peer, "9100^"); /* on the same connection: nothing is wrong with it */
    send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    submit(f, &settle);
    expect_request(peer, "2410^");
}

static void
clock_that_differs_too_much_is_not_worked_with(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = accept_peer(f, 0);
    read_request(peer);
    send_text(peer, "0^DX1^" CYCLE "^20261122102600|0|^^\r\n");
    wait_for(f, &f->start);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

/* --- one request --- */

static void
settlement_goes_out_and_is_answered(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    assert_string_equal(read_request(peer),
                        "2410^H45090000001^GW001^" CYCLE "^20261122000000-H4509000000107000000-0101^450900^"
                        "ZY1|NN1|FP1|21|20261122101500|||||0|125.55|||^1^");
    send_text(peer, SETTLED(CYCLE, "FP1"));
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.cycle, CYCLE);
    assert_string_equal(done->result.local_reference, "DX1");
    assert_string_equal(fake_get(f->fake, done->answer, "FUND"), "55.65");
}

static void
each_connection_carries_one_request_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct peer *first = sign_in_peer(f);
    struct fep_call *calls[4];
    for (int i = 0; i < 4; i++)
        calls[i] = submit(f, &person);
    read_request(first);
    struct peer *second = accept_peer(f, 1), *third = accept_peer(f, 2);
    read_request(second);
    read_request(third);
    fake_run_ms(f->fake, 30);
    assert_false(line_there(first)); /* the fourth waits: the last connection is for what undoes */
    struct fep_call *undo = reverse(f, &settle, 70000000101);
    struct peer *fourth = accept_peer(f, 3);
    expect_request(fourth, "2421^");
    send_text(fourth, "0^DX1^" CYCLE "^2||^^\r\n");
    assert_int_equal(wait_for(f, undo)->result.finding, FEP_FOUND_NEVER_ARRIVED);
    send_text(second, "-2001^^" CYCLE "^^查无此人^\r\n");
    assert_int_equal(wait_for(f, calls[1])->kind, FEP_REFUSED);
    expect_request(second, "2100^");
    assert_null(completion_of(f, calls[0]));
    hang_up(first);
    struct fake_completion *lost = wait_for(f, calls[0]);
    assert_int_equal(lost->kind, FEP_UNKNOWN);
    assert_null(completion_of(f, calls[3]));
}

static void
return_codes_become_kinds(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    const struct {
        const char *answer;
        enum fep_kind kind;
        unsigned refusal_class, code;
    } cases[] = {{"-2301^^" CYCLE "^^总额不符^\r\n", FEP_REFUSED, FEP_FINAL, 2301},
                 {"-9001^^" CYCLE "^^忙^\r\n", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"-9002^^" CYCLE "^^后台未答^\r\n", FEP_UNKNOWN, FEP_FINAL, 9002},
                 {"-9103^^^^周期属于他人^\r\n", FEP_REFUSED, FEP_FINAL, 9103},
                 {"-4711^^" CYCLE "^^新错误^\r\n", FEP_UNKNOWN, FEP_FINAL, 9002}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = submit(f, &settle);
        expect_request(peer, "2410^");
        send_text(peer, cases[i].answer);
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, cases[i].kind);
        assert_int_equal(done->result.refusal_class, cases[i].refusal_class);
        assert_int_equal(done->result.code, cases[i].code);
        if (cases[i].code == 9103) { /* somebody else's cycle: a sign-in of our own before anything new */
            expect_request(peer, "9100^");
            send_text(peer, "0^DX1^" CYCLE "^20261122101500|1|^^\r\n");
        }
    }
    struct fep_call *query = submit(f, &person); /* what posts nothing is refused by an unknown code */
    expect_request(peer, "2100^");
    send_text(peer, "-4711^^" CYCLE "^^新错误^\r\n");
    assert_int_equal(wait_for(f, query)->kind, FEP_REFUSED);
}

/* --- answers that are none --- */

static void
an_answer_that_can_not_be_this_ones_is_unknown(void **state)
{
    struct fixture *f = *state;
    static const char *const answers[] = {
        SETTLED(CYCLE, "FP2"),                       /* another bill */
        SETTLED("0001-000GW001-20261121001", "FP1"), /* another cycle */
        "0^DX1^" CYCLE "^NN77|FP1|abc|^^\r\n",       /* no amount */
        "0^DX1^" CYCLE "^\r\n",                      /* too few fields */
        "null^DX1^" CYCLE "^^^\r\n",                 /* no return code */
        "-2301^^" CYCLE "^NN77|^^\r\n",              /* a refusal with output */
        "0^DX1^" CYCLE "^^\n",                       /* a lone LF */
    };
    struct peer *peer = sign_in_peer(f);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fep_call *call = submit(f, &settle);
        expect_request(peer, "2410^");
        send_text(peer, answers[i]);
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, FEP_UNKNOWN);
        assert_string_equal(done->result.cycle, CYCLE); /* what the reversal needs to know */
        expect_closed(peer);
        hang_up(peer);
        struct fep_call *next = submit(f, &person);
        peer = accept_peer(f, 0);
        expect_request(peer, "2100^");
        send_text(peer, "-2001^^" CYCLE "^^查无此人^\r\n");
        assert_int_equal(wait_for(f, next)->kind, FEP_REFUSED);
    }
}

static void
half_an_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    send_text(peer, "0^DX1^" CYCLE "^NN77|FP1|125.55|55.65|0.00|69.90|");
    hang_up(peer);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_PEER_CLOSED);
    assert_null(done->answer);
}

static void
late_answer_is_never_read(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_int_equal(wait_for(f, call)->kind, FEP_UNKNOWN);
    assert_int_equal(completion_of(f, call)->result.reason, FEP_REASON_DEADLINE);
    expect_closed(peer);
    struct fep_call *next = submit(f, &settle);
    struct peer *other = accept_peer(f, 1);
    expect_request(other, "2410^");
    (void)send(peer->fd, "0^", 2, MSG_NOSIGNAL);
    fake_run_ms(f->fake, 20);
    assert_null(completion_of(f, next));
    send_text(other, SETTLED(CYCLE, "FP1"));
    assert_int_equal(wait_for(f, next)->kind, FEP_ANSWERED);
}

static void
what_comes_unasked_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    wait_for(f, &f->start);
    send_text(peer, SETTLED(CYCLE, "FP1"));
    expect_closed(peer);
    struct fep_call *call = submit(f, &settle);
    struct peer *other = accept_peer(f, 1);
    expect_request(other, "2410^");
    send_text(other, SETTLED(CYCLE, "FP1") "0^"); /* its answer, and the beginning of something else */
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
    expect_closed(other);
}

static void
without_a_connection_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    wait_for(f, &f->start);
    close(f->listener);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    hang_up(peer);
    fake_run_ms(f->fake, 20);
    struct fake_completion *done = wait_for(f, submit(f, &settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

static void
what_can_not_be_written_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const long_bill[] = {"BILL-NO", "123456789012345678901", NULL};
    static const struct fake_message bad = {"2410", head, long_bill, NULL},
                                     unmapped = {NULL, head, NULL, NULL};
    sign_in_peer(f);
    wait_for(f, &f->start);
    assert_int_equal(wait_for(f, submit(f, &bad))->kind, FEP_REFUSED);
    assert_int_equal(wait_for(f, submit(f, &unmapped))->result.code, 1003);
}

/* --- reversals --- */

static void
reversal_names_the_original_by_the_same_text(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
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
        struct fep_call *call = reverse(f, &settle, 70000000101);
        const char *request = read_request(peer);
        assert_int_equal(strncmp(request, "2421^H45090000001^GW001^" CYCLE "^", 50), 0);
        assert_string_equal(field_of(request, 4), "20261122000000-H4509000000199000000-0001");
        assert_string_equal(field_of(request, 6),
                            "2410|20261122000000-H4509000000107000000-0101|||20261122|");
        send_text(peer, cases[i].answer);
        struct fake_completion *done = wait_for(f, call);
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
    struct fep_call *call = next_call(f);
    call->attempt.serial = 70000000101;
    call->attempt.accounting_date = accounting_date;
    f->ops->reverse(f->self, call, (const struct fep_message *)(const void *)&settle);
    expect_request(peer, "2421^");
    send_text(peer, "-2503^^" CYCLE "^^不能冲正^\r\n");
    expect_request(peer, "1120^H45090000001^GW001^" CYCLE "^20261122101500-H45090000001S");
    assert_string_equal(field_of(f->line, 5), "450100");
    return call;
}

/* There is no inquiry: the id by which the settlement can be cancelled stands in the details only. */
static void
what_stays_posted_is_found_in_the_days_details(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = decline(f, peer, 0);
    assert_string_equal(field_of(f->line, 6), "20261122|1|100|");
    send_text(peer, "0^^" CYCLE "^3|1|0|" ROW("20261122000000-H4509000000107000000-0100", "NN70", "1")
                        ROW("20261122000000-TWIN1-0001", "NN71", "1") "^^\r\n");
    expect_request(peer, "1120^");
    assert_string_equal(field_of(f->line, 6), "20261122|2|100|");
    send_text(peer, "0^^" CYCLE "^3|2|1|" ROW(ORIGINAL, "NN77", "1") "^^\r\n");
    struct fake_completion *done = wait_for(f, call);
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
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = decline(f, peer, 20261121);
    assert_string_equal(field_of(f->line, 6), "20261121|1|100|");
    send_text(peer, "0^^" CYCLE "^1|1|1|" ROW(ORIGINAL, "NN77", "2") "^^\r\n"); /* reversed after all */
    assert_int_equal(wait_for(f, call)->result.finding, FEP_FOUND_REVERSED);
}

static void
what_is_not_in_the_details_stays_posted_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = decline(f, peer, 0);
    send_text(peer, "0^^" CYCLE "^0|1|1|^^\r\n");
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->result.finding, FEP_FOUND_STAYS_POSTED);
    assert_null(done->answer);
}

/* The details are told to be had later, or do not come: nothing is known of the reversal's end yet. */
static void
without_the_details_the_reversal_comes_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = decline(f, peer, 0);
    send_text(peer, "-9001^^" CYCLE "^^忙^\r\n");
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    call = decline(f, peer, 0);
    hang_up(peer);
    assert_int_equal(wait_for(f, call)->kind, FEP_UNKNOWN);
}

/* A registration is in no list of settlements. */
static void
another_posting_that_stays_is_not_looked_for(void **state)
{
    static const char *const register_body[] = {"PSN-NO", "45010000000000000003", "VISIT-NO", "ZY1", NULL};
    static const struct fake_message registration = {"2210", head, register_body, NULL};
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = reverse(f, &registration, 70000000101);
    expect_request(peer, "2421^");
    send_text(peer, "-2503^^" CYCLE "^^不能冲正^\r\n");
    assert_int_equal(wait_for(f, call)->result.finding, FEP_FOUND_STAYS_POSTED);
}

/* --- reconciliation --- */

static void
serials_of_ours_in_details_are_turned_back(void **state)
{
    static const char *const day[] = {"DATE", "20261122", "PAGE", "1", "SIZE", "100", NULL};
    static const struct fake_message details = {"1120", head, day, NULL};
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &details);
    expect_request(peer, "1120^");
    assert_string_equal(field_of(f->line, 5), "450100"); /* the server's own region, whoever is asked about */
    send_text(peer,
              "0^^" CYCLE "^2|1|1|" ROW(ORIGINAL, "NN77", "1") ROW("20261122000000-TWIN1-0001", "NN78", "1")
                  ROW("20261122101500-H45090000001S0000001-0001", "NN79", "1") "^^\r\n");
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "SERIAL"), "20261122070000000101");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 2, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SETL-ID"), "NN78");
}

/* --- cycles --- */

static void
lost_sign_in_is_renewed_and_the_request_sent_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^H45090000001^GW001^" CYCLE "^20261122000000-H4509000000107000000-0101^");
    send_text(peer, "-9101^^" CYCLE "^^未签到^\r\n");
    expect_request(peer, "9100^");
    send_text(peer, "0^DX1^0001-000GW001-20261122002^20261122101500|0|^^\r\n");
    expect_request(
        peer, "2410^H45090000001^GW001^0001-000GW001-20261122002^20261122000000-H4509000000107000000-0101^");
    send_text(peer, SETTLED("0001-000GW001-20261122002", "FP1"));
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(done->result.cycle, "0001-000GW001-20261122002");
}

static void
settle_one(struct fixture *f, struct peer *peer)
{
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    send_text(peer, SETTLED(CYCLE, "FP1"));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
day_change_compares_signs_out_and_in_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    settle_one(f, peer);
    settle_one(f, peer);
    struct fep_call *undone = reverse(f, &settle, 70000000102);
    expect_request(peer, "2421^");
    send_text(peer, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    wait_for(f, undone);
    f->fake->date = 20261123;
    f->fake->time = 5;
    struct fep_call *call = submit(f, &settle); /* waits for the next cycle */
    expect_request(peer, "1110^GW4501000001^GW001^" CYCLE "^");
    assert_string_equal(field_of(f->line, 6), "20261122||1|0|125.55|55.65|0.00|69.90|");
    send_text(peer, "0^DX1^" CYCLE "^0|1|0|125.55|55.65|0.00|69.90|^^\r\n");
    expect_request(peer, "9110^GW4501000001^GW001^" CYCLE "^");
    assert_string_equal(field_of(f->line, 6), "0|");
    send_text(peer, "0^DX1^" CYCLE "^^^\r\n");
    expect_request(peer, "9100^");
    send_text(peer, "0^DX1^" NEXT_CYCLE "^20261123000006|0|^^\r\n");
    expect_request(peer, "2410^H45090000001^GW001^" NEXT_CYCLE "^20261122000000-");
    send_text(peer, SETTLED(NEXT_CYCLE, "FP1"));
    assert_int_equal(wait_for(f, call)->result.accounting_date, 20261123);
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
    struct peer *peer = sign_in_peer(f);
    settle_one(f, peer);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    send_text(peer, "-9102^^" CYCLE "^^周期已过期^\r\n"); /* it is after midnight there */
    expect_request(peer, "1110^");
    send_text(peer, "0^DX1^" CYCLE "^1|2|0|251.10|111.30|0.00|139.80|^^\r\n");
    expect_request(peer, "9110^");
    assert_string_equal(field_of(f->line, 6), "1|");
    send_text(peer, "0^DX1^" CYCLE "^^^\r\n");
    expect_request(peer, "9100^");
    send_text(peer, "0^DX1^" NEXT_CYCLE "^20261122101505|0|^^\r\n");
    expect_request(peer, "2410^H45090000001^GW001^" NEXT_CYCLE "^20261122000000-H4509000000107000000-0102^");
    send_text(peer, "-2303^^" NEXT_CYCLE "^^已结算^\r\n");
    assert_int_equal(wait_for(f, call)->kind, FEP_REFUSED);
}

static void
a_resumed_cycle_of_yesterday_is_closed_first(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = accept_peer(f, 0);
    expect_request(peer, "9100^");
    send_text(peer, "0^DX1^0001-000GW001-20261121003^20261122101500|1|^^\r\n");
    expect_request(peer, "1110^GW4501000001^GW001^0001-000GW001-20261121003^");
    assert_string_equal(field_of(f->line, 6), "20261121||0|0|0.00|0.00|0.00|0.00|");
    send_text(peer, "0^DX1^0001-000GW001-20261121003^0|0|0|0.00|0.00|0.00|0.00|^^\r\n");
    expect_request(peer, "9110^");
    assert_string_equal(field_of(f->line, 6), "0|");
    send_text(peer, "-2601^^0001-000GW001-20261121003^^未对平^\r\n");
    expect_request(peer, "9110^");
    assert_string_equal(field_of(f->line, 6), "1|");
    send_text(peer, "0^DX1^0001-000GW001-20261121003^^^\r\n");
    expect_request(peer, "9100^");
    send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    wait_for(f, &f->start);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
the_old_cycle_stays_open_for_what_is_in_flight_and_in_doubt(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    f->fake->date = 20261123;
    f->fake->time = 5;
    fake_advance(f->fake, 600);
    fake_run_ms(f->fake, 30);
    assert_false(line_there(peer)); /* no 1110 before its answer */
    hang_up(peer);
    assert_int_equal(wait_for(f, call)->kind, FEP_UNKNOWN);
    struct fep_call *undo = reverse(f, &settle, 70000000101); /* passes, under the old cycle */
    peer = accept_peer(f, 1);
    expect_request(peer, "2421^H45090000001^GW001^" CYCLE "^");
    send_text(peer, "-9001^^" CYCLE "^^处理中^\r\n");
    wait_for(f, undo);
    struct fep_call *again = reverse(f, &settle, 70000000101);
    expect_request(peer, "2421^");
    send_text(peer, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    wait_for(f, again);
    fake_advance(f->fake, 600);
    expect_request(peer, "1110^");
}

static void
new_requests_wait_for_the_next_cycle_only_so_long(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    wait_for(f, &f->start);
    f->fake->date = 20261123;
    f->fake->time = 5;
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "1110^"); /* and no answer to it */
    assert_null(completion_of(f, call));
    fake_advance(f->fake, 2100);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_NOT_SENT);
}

/* --- quiet --- */

static void
silence_asks_for_the_time_and_lets_connections_go(void **state)
{
    struct fixture *f = *state;
    struct peer *first = sign_in_peer(f);
    wait_for(f, &f->start);
    struct fep_call *one = submit(f, &person), *two = submit(f, &person);
    expect_request(first, "2100^");
    struct peer *second = accept_peer(f, 1);
    expect_request(second, "2100^");
    send_text(first, "-2001^^" CYCLE "^^查无此人^\r\n");
    send_text(second, "-2001^^" CYCLE "^^查无此人^\r\n");
    wait_for(f, one);
    wait_for(f, two);
    for (int i = 0; i < 2; i++) {
        fake_advance(f->fake, 121000);
        expect_request(first, "1800^GW4501000001^GW001^^");
        send_text(first, "0^^^20261122101700|^^\r\n");
        fake_run_ms(f->fake, 20);
    }
    expect_closed(second); /* before the local system finds it idle for too long */
    assert_false(line_there(first));
}

/* Hazard 13: accepted, never answered. */
static void
a_hung_system_is_probed_and_gets_nothing_new(void **state)
{
    struct fixture *f = *state;
    sign_in_peer(f);
    wait_for(f, &f->start);
    for (int i = 0; i < 5; i++) {
        struct fep_call *call = submit(f, &settle);
        struct peer *peer = i == 0 ? &f->peers[0] : accept_peer(f, 1);
        expect_request(peer, "2410^");
        f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
        assert_int_equal(wait_for(f, call)->kind, FEP_UNKNOWN);
        hang_up(peer);
    }
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_int_equal(wait_for(f, submit(f, &settle))->kind, FEP_NOT_SENT);
    struct peer *probe = accept_peer(f, 2);
    expect_request(probe, "1800^");
    struct fep_call *undo = reverse(f, &settle, 70000000101); /* what undoes always passes */
    struct peer *other = accept_peer(f, 3);
    expect_request(other, "2421^");
    send_text(probe, "0^^^20261122101700|^^\r\n");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
    submit(f, &settle);
    expect_request(probe, "2410^");
    send_text(other, "0^DX1^" CYCLE "^1|DX0|^^\r\n");
    wait_for(f, undo);
}

static void
drain_waits_for_what_is_open(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_in_peer(f);
    struct fep_call *call = submit(f, &settle);
    expect_request(peer, "2410^");
    f->ops->drain(f->self, &f->drain);
    assert_null(completion_of(f, &f->drain));
    assert_int_equal(wait_for(f, submit(f, &settle))->kind, FEP_NOT_SENT);
    send_text(peer, SETTLED(CYCLE, "FP1"));
    wait_for(f, call);
    assert_int_equal(wait_for(f, &f->drain)->kind, FEP_ANSWERED);
}

/* --- the tally --- */

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
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sign_in_opens_the_shift),
        CASE(refused_sign_in_is_down_and_tried_again),
        CASE(clock_that_differs_too_much_is_not_worked_with),
        CASE(settlement_goes_out_and_is_answered),
        CASE(each_connection_carries_one_request_at_a_time),
        CASE(return_codes_become_kinds),
        CASE(an_answer_that_can_not_be_this_ones_is_unknown),
        CASE(half_an_answer_is_unknown),
        CASE(late_answer_is_never_read),
        CASE(what_comes_unasked_ends_the_connection),
        CASE(without_a_connection_nothing_is_sent),
        CASE(what_can_not_be_written_is_refused),
        CASE(reversal_names_the_original_by_the_same_text),
        CASE(what_stays_posted_is_found_in_the_days_details),
        CASE(the_details_are_those_of_the_originals_day),
        CASE(what_is_not_in_the_details_stays_posted_all_the_same),
        CASE(without_the_details_the_reversal_comes_again),
        CASE(another_posting_that_stays_is_not_looked_for),
        CASE(serials_of_ours_in_details_are_turned_back),
        CASE(lost_sign_in_is_renewed_and_the_request_sent_again),
        CASE(day_change_compares_signs_out_and_in_again),
        CASE(the_local_systems_clock_decides_and_differences_are_forced),
        CASE(a_resumed_cycle_of_yesterday_is_closed_first),
        CASE(the_old_cycle_stays_open_for_what_is_in_flight_and_in_doubt),
        CASE(new_requests_wait_for_the_next_cycle_only_so_long),
        CASE(silence_asks_for_the_time_and_lets_connections_go),
        CASE(a_hung_system_is_probed_and_gets_nothing_new),
        CASE(drain_waits_for_what_is_open),
        cmocka_unit_test(tally_counts_what_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
