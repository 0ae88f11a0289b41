/* The caret module over real loopback sockets: sign-in and cycles, refusals, requests and what may repeat
 * them. */
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

#include "fake_host.h"

extern const struct fep_adapter fep_adapter;

struct peer {
    struct fixture *f;
    int fd;
    char in[300000];
    size_t size;
    bool closed;
};

struct fixture {
    struct fake_host *fake;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain;
    char directory[64], address[64];
    const char *options[20];
    int port;
    struct peer peers[4];
};

/* --- the local system's side --- */

static struct peer *
connect_peer(struct fixture *f, int which)
{
    struct peer *peer = &f->peers[which];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    peer->f = f;
    peer->size = 0;
    peer->closed = false;
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    return peer;
}

static void
send_bytes(struct peer *peer, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put = send(peer->fd, (const char *)bytes + at, size - at, MSG_NOSIGNAL);
        if (put > 0)
            at += (size_t)put;
        else
            fake_run_ms(peer->f->fake, 2);
    }
}

static void
send_line(struct peer *peer, const char *text)
{
    unsigned char wire[4096];
    size_t size = fake_encode(peer->f->fake, text, wire, sizeof wire - 2);
    memcpy(wire + size, "\r\n", 2);
    send_bytes(peer, wire, size + 2);
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

/* The next line the module sends, decoded from GB18030; fails the test if the connection closes first. */
static const char *
read_answer(struct peer *peer)
{
    static char text[70000];
    assert_true(fake_run_until(peer->f->fake, line_there, peer));
    char *end = strstr(peer->in, "\r\n");
    assert_non_null(end);
    struct fake_host *fake = peer->f->fake;
    int size = fake->host.decode_text(fake, (const unsigned char *)peer->in, (size_t)(end - peer->in), true,
                                      text, sizeof text - 1, NULL);
    assert_true(size >= 0);
    text[size] = '\0';
    size_t taken = (size_t)(end + 2 - peer->in);
    memmove(peer->in, peer->in + taken, peer->size - taken + 1);
    peer->size -= taken;
    return text;
}

static void
expect_answer(struct peer *peer, const char *begins)
{
    const char *answer = read_answer(peer);
    if (strncmp(answer, begins, strlen(begins)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", answer, begins);
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
sign_in_peer(struct peer *peer)
{
    send_line(
        peer,
        "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret|T1|20261122101455|^1^");
    expect_answer(peer, "0^GW20261122101400H450100000030001^0003-00000012-20261122001^20261122101500|");
}

#define CYCLE "0003-00000012-20261122001"
#define HEAD(code, serial)                                                                                   \
    code "^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-" serial "^450900^"
#define CANCEL(serial) HEAD("2240", serial) "MZ1|V1|陈珅|^1^"
#define OWN_HEAD(code, serial)                                                                               \
    code "^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-" serial "^450100^"
#define PAGE(code, page, size)     OWN_HEAD(code, "0001") "20261122|" page "|" size "|^1^"
#define TOTALS(serial, date, kind) OWN_HEAD("1110", serial) date "|" kind "|1|0|125.55|55.65|0.00|69.90|^1^"
#define SIGN_OUT(serial)           OWN_HEAD("9110", serial) "0|^1^"
#define SETTLE(serial)             HEAD("2410", serial) "MZ1|V1|FP1|11|20261122101455|||J06.900|感染|0|125.55|陈珅|0|^1^"

/* --- the host's side --- */

static void
open_module(struct fixture *f)
{
    struct fep_error error = {0};
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) != 0)
        fail_msg("%s", error.text);
    f->start = (struct fep_call){0};
    f->fake->completion_count = 0;
    f->ops->start(f->self, &f->start);
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static int
free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    close(fd);
    return ntohs(address.sin_port);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->fake = fake_create("danxian-450100.cfg");
    strcpy(f->directory, "/tmp/fep-caret-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->port = free_port();
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", f->port);
    const char *const options[] = {
        "listen", f->address, "password_file", "secret", "state_directory", f->directory, "max_connections",
        "3",      NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    open_module(f);
    for (int i = 0; i < 4; i++)
        f->peers[i].fd = -1;
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    char path[128];
    f->ops->close(f->self);
    for (int i = 0; i < 4; i++) {
        if (f->peers[i].fd >= 0)
            close(f->peers[i].fd);
    }
    static const char *const files[] = {"cycles", "cycles.new", "cycles.damaged"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->directory, files[i]);
        unlink(path);
    }
    rmdir(f->directory);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static void
restart_module(struct fixture *f)
{
    f->ops->close(f->self);
    for (int i = 0; i < 4; i++) {
        if (f->peers[i].fd >= 0)
            close(f->peers[i].fd);
        f->peers[i].fd = -1;
    }
    open_module(f);
}

struct counted {
    struct fixture *f;
    size_t count;
};

static bool
requests_there(void *arg)
{
    struct counted *counted = arg;
    return counted->f->fake->request_count >= counted->count;
}

static struct fake_request *
wait_request(struct fixture *f, size_t count)
{
    struct counted counted = {f, count};
    assert_true(fake_run_until(f->fake, requests_there, &counted));
    return &f->fake->requests[count - 1];
}

static void
tell(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
     struct fep_record *answer)
{
    result.size = sizeof result;
    request->on_answer(f->self, request->ticket, kind, &result, answer);
    f->fake->host.release_record(f->fake, answer);
}

static struct fep_record *
settled(struct fixture *f)
{
    return fake_record(f->fake, "2410-R",
                       (const char *const[]){"SETL-ID", "S1", "BILL-NO", "FP1", "TOTAL", "125.55", "FUND",
                                             "55.65", "ACCT", "0.00", "CASH", "69.90", NULL});
}

/* --- sign-in and cycles --- */

static void
sign_in_gives_a_cycle_and_gives_it_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0002^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261122101400H450100000030002^" CYCLE "^20261122101500|1|^^");
    /* another operator, and another institution with the same last four: the number alone names the cycle */
    send_line(peer, "9100^H45010000003^A1^^20261122101400-H45010000003-0003^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261122101400H450100000030003^0003-000000A1-20261122001^20261122101500|0|^^");
    send_line(peer, "9100^P45010100003^000012^^20261122101400-P45010100003-0001^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261122101400P450101000030001^0003-00000012-20261122002^20261122101500|0|^^");
}

static void
wrong_sign_ins_are_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^Secret|T1||^1^");
    expect_answer(peer, "-1004^^^^口令不对^");
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret1|T1||^1^");
    expect_answer(peer, "-1004^");
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^|T1||^1^");
    expect_answer(peer, "-1004^");
    send_line(
        peer,
        "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret|T1|20261122100400|^1^");
    expect_answer(peer, "-1006^");
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450900^secret|T1||^1^");
    expect_answer(peer, "-1003^^^^中心编码应为本统筹区^");
    send_line(peer, "9100^H45010000003^0 12^^20261122101400-H45010000003-0001^450100^secret|T1||^1^");
    expect_answer(peer, "-1003^");
}

static void
requests_need_an_open_cycle_of_their_operator(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    send_line(peer, CANCEL("0001"));
    expect_answer(peer, "-9101^^" CYCLE "^^");
    sign_in_peer(peer);
    send_line(peer, "2240^H45010000003^000013^" CYCLE "^20261122101502-H45010000003-0002^450900^MZ1|V1||^1^");
    expect_answer(peer, "-9103^");
    send_line(peer, "2240^H45010000004^000012^" CYCLE "^20261122101502-H45010000004-0002^450900^MZ1|V1||^1^");
    expect_answer(peer, "-9103^");
    send_line(peer, "2240^H45010000003^000012^^20261122101502-H45010000003-0002^450900^MZ1|V1||^1^");
    expect_answer(peer, "-9101^");
    assert_int_equal(f->fake->request_count, 0);
    /* a cycle opened with a node code serves every institution of its operator */
    send_line(peer, "9100^DX4501000001^000077^^20261122101400-DX4501000001-0001^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261122101400DX45010000010001^0001-00000077-20261122001^");
    send_line(peer, "2240^H45010000004^000077^0001-00000077-20261122001^20261122101502-H45010000004-0002^"
                    "450900^MZ1|V1||^1^");
    wait_request(f, 1);
}

static void
cycles_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    sign_in_peer(connect_peer(f, 0));
    restart_module(f);
    struct peer *peer = connect_peer(f, 0);
    send_line(peer, CANCEL("0001"));
    wait_request(f, 1);
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(peer, "0^GW20261122101502H450100000030001^" CYCLE "^^^");
    send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0002^450100^1|^1^");
    expect_answer(peer, "0^");
    restart_module(f);
    peer = connect_peer(f, 0);
    send_line(peer, CANCEL("0003"));
    expect_answer(peer, "-9101^");
    send_line(peer, "9100^H45010000003^000012^^20261122101400-H45010000003-0004^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261122101400H450100000030004^0003-00000012-20261122002^20261122101500|0|");
}

static void
a_damaged_book_of_cycles_is_set_aside(void **state)
{
    struct fixture *f = *state;
    sign_in_peer(connect_peer(f, 0));
    char path[128];
    snprintf(path, sizeof path, "%s/cycles", f->directory);
    assert_int_equal(truncate(path, 60), 0);
    restart_module(f);
    struct peer *peer = connect_peer(f, 0);
    send_line(peer, CANCEL("0001"));
    expect_answer(peer, "-9101^");
    snprintf(path, sizeof path, "%s/cycles.damaged", f->directory);
    assert_int_equal(access(path, F_OK), 0);
}

static void
after_midnight_only_the_way_out_is_open(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    f->fake->date = 20261123;
    f->fake->time = 30;
    send_line(peer, CANCEL("0001"));
    expect_answer(peer, "-9102^^" CYCLE "^");
    send_line(peer, HEAD("2421", "0002") "2410|20261122101502-H45010000003-0009|P|MZ1|20261122|^1^");
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "2421");
    tell(f, request, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
         fake_record(f->fake, "2421-R", (const char *const[]){"RESULT", "1", NULL}));
    expect_answer(peer, "0^GW20261122101502H450100000030002^" CYCLE "^1||^^");
    /* still open: the same number comes back, and it is expired */
    send_line(peer, "9100^H45010000003^000012^^20261123000020-H45010000003-0001^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261123000020H450100000030001^" CYCLE "^20261123000030|1|");
    send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0001^450100^0|^1^");
    expect_answer(peer, "-2601^");
    send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0002^450100^2|^1^");
    expect_answer(peer, "-1003^");
    send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0003^450100^1|^1^");
    expect_answer(peer, "0^GW20261123000021H450100000030003^" CYCLE "^^^");
    send_line(peer, "9110^H45010000003^000012^" CYCLE "^20261123000021-H45010000003-0004^450100^1|^1^");
    expect_answer(peer, "-9101^");
    send_line(peer, "9100^H45010000003^000012^^20261123000022-H45010000003-0001^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261123000022H450100000030001^0003-00000012-20261123001^20261123000030|0|");
}

/* --- sign-out without force --- */

static void
tell_totals(struct fixture *f, struct peer *peer, const char *line, const char *result)
{
    size_t count = f->fake->request_count + 1;
    send_line(peer, line);
    struct fake_request *request = wait_request(f, count);
    assert_string_equal(request->local, "1110");
    tell(
        f, request, FEP_ANSWERED, (struct fep_result){0},
        fake_record(f->fake, "1110-R",
                    (const char *const[]){"RESULT", result, "SETTLEMENTS", "1", "CANCELLATIONS", "0", "TOTAL",
                                          "125.55", "FUND", "55.65", "ACCT", "0.00", "CASH", "69.90", NULL}));
    char begins[128];
    snprintf(begins, sizeof begins, "%s|1|0|125.55|", result);
    const char *answer = read_answer(peer);
    if (strstr(answer, begins) == NULL)
        fail_msg("%s", answer);
}

static void
settle(struct fixture *f, struct peer *peer, const char *line, enum fep_kind kind)
{
    size_t count = f->fake->request_count + 1;
    send_line(peer, line);
    tell(f, wait_request(f, count), kind, (struct fep_result){.code = kind == FEP_REFUSED ? 2301 : 0},
         kind == FEP_ANSWERED ? settled(f) : NULL);
    read_answer(peer);
}

static void
equal_totals_let_an_operator_sign_out(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    settle(f, peer, SETTLE("0001"), FEP_ANSWERED);
    send_line(peer, SIGN_OUT("0002"));
    expect_answer(peer, "-2601^^" CYCLE "^^总账尚未对平");
    tell_totals(f, peer, TOTALS("0003", "20261122", ""), "1");
    send_line(peer, SIGN_OUT("0004"));
    expect_answer(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0005", "20261122", ""), "0");
    send_line(peer, SIGN_OUT("0006"));
    expect_answer(peer, "0^GW20261122101502H450100000030006^" CYCLE "^^^");
    send_line(peer, CANCEL("0007"));
    expect_answer(peer, "-9101^");
}

static void
totals_of_another_day_or_of_one_insurance_do_not(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    tell_totals(f, peer, TOTALS("0001", "20261121", ""), "0");
    tell_totals(f, peer, TOTALS("0002", "20261122", "1"), "0");
    send_line(peer, SIGN_OUT("0003"));
    expect_answer(peer, "-2601^");
}

static void
a_posting_after_the_totals_makes_them_old(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    settle(f, peer, SETTLE("0002"), FEP_UNKNOWN);
    send_line(peer, SIGN_OUT("0003"));
    expect_answer(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0004", "20261122", ""), "0");
    send_line(peer, SIGN_OUT("0005"));
    expect_answer(peer, "0^");
}

/* Totals are per day over all operators: another one's posting counts, also while it is on its way. */
static void
another_operators_posting_makes_them_old_too(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0), *other = connect_peer(f, 1);
    sign_in_peer(peer);
    send_line(other, "9100^H45010000003^A1^^20261122101400-H45010000003-0003^450100^secret|T1||^1^");
    expect_answer(other, "0^");
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    send_line(other,
              "2410^H45010000003^A1^0003-000000A1-20261122001^20261122101502-H45010000003-0005^450900^MZ1|V1|"
              "FP1|11|20261122101455|||J06.900|感染|0|125.55|陈珅|0|^1^");
    struct fake_request *request = wait_request(f, 2);
    send_line(peer, SIGN_OUT("0003"));
    expect_answer(peer, "-2601^");
    tell_totals(f, peer, TOTALS("0004", "20261122", ""), "0"); /* equal before it was posted */
    send_line(peer, SIGN_OUT("0006"));
    expect_answer(peer, "-2601^");
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect_answer(other, "0^");
    send_line(peer, SIGN_OUT("0007"));
    expect_answer(peer, "-2601^");
}

static void
what_was_equal_is_forgotten_with_a_restart(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    restart_module(f);
    peer = connect_peer(f, 0);
    send_line(peer, SIGN_OUT("0002"));
    expect_answer(peer, "-2601^");
}

/* The order after midnight: totals of that date, sign-out, sign-in. */
static void
after_midnight_totals_then_sign_out_then_sign_in(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    f->fake->date = 20261123;
    f->fake->time = 30;
    tell_totals(f, peer, TOTALS("0001", "20261122", ""), "0");
    send_line(peer, SIGN_OUT("0002"));
    expect_answer(peer, "0^");
    send_line(peer, "9100^H45010000003^000012^^20261123000022-H45010000003-0001^450100^secret|T1||^1^");
    expect_answer(peer, "0^GW20261123000022H450100000030001^0003-00000012-20261123001^20261123000030|0|");
}

/* --- bad lines --- */

static void
centre_time_needs_no_cycle(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    send_line(peer, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    expect_answer(peer, "0^^^20261122101500|^^");
}

static void
malformed_lines_are_refused_and_the_connection_stays(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, "");
    expect_answer(peer, "-1001^^^^");
    send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900");
    expect_answer(peer, "-1001^^^^");
    send_bytes(peer, "2240^\xFF\xFF^000012^c^s^450900^|^1^\r\n", 32);
    expect_answer(peer, "-1001^^^^");
    send_line(peer, "9999^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^^1^");
    expect_answer(peer, "-1002^^" CYCLE "^");
    send_line(peer, "1110^H45010000003^000012^" CYCLE
                    "^20261122101502-H45010000003-0001^450900^20261122||0|0|0.00|0.00|0.00|0.00|^1^");
    expect_answer(peer, "-1003^^" CYCLE "^^中心编码应为本统筹区^");
    send_line(peer, PAGE("1120", "0", "100"));
    expect_answer(peer, "-1003^");
    send_line(peer, PAGE("1120", "1", "101"));
    expect_answer(peer, "-1003^");
    send_line(peer, PAGE("1120", "1", ""));
    expect_answer(peer, "-1003^");
    send_line(peer, PAGE("1120", "-1", "100"));
    expect_answer(peer, "-1003^");
    send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H4501-0001^450900^MZ1|V1||^1^");
    expect_answer(peer, "-1003^^" CYCLE "^^交易流水号格式不对^");
    send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^MZ1|V1||^2^");
    expect_answer(peer, "-1003^^" CYCLE "^^联机标志");
    send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^4509^MZ1|V1||^1^");
    expect_answer(peer, "-1003^^" CYCLE "^^中心编码");
    send_line(peer, HEAD("2240", "0001") "MZ1||陈珅|^1^");
    const char *answer = read_answer(peer);
    assert_memory_equal(answer, "-1003^", 6);
    assert_non_null(strstr(answer, "VISIT-ID"));
    assert_int_equal(f->fake->request_count, 0);
    send_line(peer, "2240^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-0001^450900^MZ1|V1||^");
    wait_request(f, 1); /* an empty or missing online flag is good */
}

static void
lines_that_never_end_are_refused_and_closed(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    static char bytes[262144];
    memset(bytes, 'a', sizeof bytes);
    send_bytes(peer, bytes, sizeof bytes);
    expect_answer(peer, "-1001^^^^报文超过长度上限^");
    expect_closed(peer);
    close(peer->fd);
    peer = connect_peer(f, 0);
    send_bytes(peer, "1800^H^O^^S^450100^^1^\n", 23);
    expect_answer(peer, "-1001^^^^");
    expect_closed(peer);
}

static void
a_line_may_come_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    static const char line[] = "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^\r\n";
    for (size_t i = 0; i < sizeof line - 1; i++) {
        send_bytes(peer, line + i, 1);
        if (i % 8 == 0)
            fake_run_ms(f->fake, 1);
    }
    expect_answer(peer, "0^^^20261122101500|^^");
}

static void
idle_connections_are_closed(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, SETTLE("0001"));
    wait_request(f, 1);
    fake_advance(f->fake, 400000); /* not while a request is being worked on */
    fake_run_ms(f->fake, 20);
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect_answer(peer, "0^");
    fake_advance(f->fake, 299000);
    fake_run_ms(f->fake, 20);
    assert_false(line_there(peer));
    fake_advance(f->fake, 2000);
    expect_closed(peer);
}

static void
connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        send_line(connect_peer(f, i),
                  "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    for (int i = 0; i < 3; i++)
        expect_answer(&f->peers[i], "0^");
    expect_closed(connect_peer(f, 3));
}

/* --- requests
 * ---------------------------------------------------------------------------------------------------------
 */

static void
a_request_is_handed_on_and_its_answer_written(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, SETTLE("0007"));
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "2410");
    assert_true(request->fresh);
    assert_string_equal(fake_get(f->fake, request->head, "SERIAL"), "20261122101502-H45010000003-0007");
    assert_string_equal(fake_get(f->fake, request->head, "CENTRE"), "450900");
    assert_string_equal(fake_get(f->fake, request->body, "OPER-NAME"), "陈珅");
    assert_string_equal(fake_get(f->fake, request->body, "HIS-TOTAL"), "125.55");
    fake_run_ms(f->fake, 10);
    assert_false(line_there(peer));
    struct fep_error error;
    struct fep_record *answer = settled(f),
                      *unfit = fake_record(
                          f->fake, "2410-R",
                          (const char *const[]){"SETL-ID", "0123456789012345678901234567890", NULL});
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &error), 0);
    assert_int_equal(request->try_answer(f->self, request->ticket, unfit, &error), -1);
    assert_non_null(strstr(error.text, "SETL-ID"));
    f->fake->host.release_record(f->fake, unfit);
    tell(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, answer);
    expect_answer(peer, "0^GW20261122101502H450100000030007^" CYCLE
                        "^S1|FP1|125.55|55.65|0.00|69.90||||||||||||||^^");
}

static void
endings_become_return_codes(void **state)
{
    static const struct {
        enum fep_kind kind;
        uint32_t class, code, copy;
        const char *told;
    } cases[] = {
        {FEP_REFUSED, FEP_FINAL, 2002, 0, "-2002^^" CYCLE "^^原因^"},
        {FEP_REFUSED, FEP_REPEATABLE, 9001, 0, "-9001^^" CYCLE "^^原因^"},
        {FEP_REFUSED, FEP_REPEATABLE, 12113, 0, "-9001^"}, /* the gateway's own codes */
        {FEP_REFUSED, FEP_FINAL, 12113, 0, "-1003^"},
        {FEP_REFUSED, FEP_REPEATABLE, 2002, 0, "-9001^"}, /* the class decides */
        {FEP_UNKNOWN, 0, 9002, 0, "-9002^"},
        {FEP_UNKNOWN, 0, 9999, 0, "-9999^"},
        {FEP_UNKNOWN, 0, 0, 0, "-9002^"},
        {FEP_UNKNOWN, 0, 12411, 0, "-9002^"},
        /* nothing is replayed here, whatever became of the first */
        {FEP_ANSWERED, 0, 0, 1, "-1005^^" CYCLE "^^交易流水号已使用过^"},
        {FEP_UNKNOWN, 0, 0, 1, "-1005^"},
        {FEP_REFUSED, FEP_FINAL, 2301, 1, "-1005^"},
        /* but a refusal that left the serial free is told as it was */
        {FEP_REFUSED, FEP_REPEATABLE, 9001, 1, "-9001^"},
        {FEP_REFUSED, FEP_FINAL, 1003, 1, "-1003^"},
    };
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512];
        snprintf(line, sizeof line, HEAD("2240", "%04zu") "MZ1|V1||^1^", i + 1);
        send_line(peer, line);
        struct fep_result result = {
            .refusal_class = cases[i].class, .code = cases[i].code, .copy = cases[i].copy};
        strcpy(result.text, "原因");
        tell(f, wait_request(f, i + 1), cases[i].kind, result, NULL);
        expect_answer(peer, cases[i].told);
    }
}

static void
an_open_reversal_is_busy_and_not_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, HEAD("2421", "0002") "2410|20261122101502-H45010000003-0001|P|MZ1|20261122|^1^");
    tell(f, wait_request(f, 1), FEP_UNKNOWN, (struct fep_result){0}, NULL);
    expect_answer(peer, "-9001^");
}

static void
a_host_that_refuses_is_told_by_class(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    f->fake->refuse_requests = 1003;
    send_line(peer, CANCEL("0001"));
    expect_answer(peer, "-1003^^" CYCLE "^^refused by the test^");
    assert_int_equal(fake_live_records(f->fake), 0);
    f->fake->refuse_requests = 0;
    send_line(peer, CANCEL("0001"));
    wait_request(f, 1);
}

static void
one_request_at_a_time_per_connection_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct peer *one = connect_peer(f, 0), *two = connect_peer(f, 1);
    sign_in_peer(one);
    send_line(one, CANCEL("0001"));
    wait_request(f, 1);
    send_line(two, CANCEL("0002"));
    wait_request(f, 2);
    send_line(one, CANCEL("0003")); /* pipelined: waits for its turn */
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->request_count, 2);
    tell(f, &f->fake->requests[1], FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(two, "0^GW20261122101502H450100000030002^");
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(one, "0^GW20261122101502H450100000030001^");
    struct fake_request *third = wait_request(f, 3);
    /* the same serial while the first is still being worked on */
    send_line(two, CANCEL("0003"));
    expect_answer(two, "-1005^");
    tell(f, third, FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(one, "0^GW20261122101502H450100000030003^");
}

static void
refuse_repeatable(struct fixture *f, struct peer *peer, size_t request)
{
    tell(f, wait_request(f, request), FEP_REFUSED,
         (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001}, NULL);
    expect_answer(peer, "-9001^");
}

static void
a_repeat_is_new_only_if_made_after_the_refusal_was_told(void **state)
{
    struct fixture *f = *state;
    struct peer *one = connect_peer(f, 0), *two = connect_peer(f, 1);
    sign_in_peer(one);
    send_line(two, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    expect_answer(two, "0^");
    send_line(one, CANCEL("0001"));
    assert_true(wait_request(f, 1)->fresh);
    refuse_repeatable(f, one, 1);
    /* an older connection: what comes there may have been sent before */
    send_line(two, CANCEL("0001"));
    assert_false(wait_request(f, 2)->fresh);
    refuse_repeatable(f, two, 2);
    /* the connection that brought the refusal, in turn */
    send_line(two, CANCEL("0001"));
    assert_true(wait_request(f, 3)->fresh);
    refuse_repeatable(f, two, 3);
    /* a connection opened afterwards */
    struct peer *three = connect_peer(f, 2);
    send_line(three, CANCEL("0001"));
    assert_true(wait_request(f, 4)->fresh);
    /* sent before the answer to the one before was there */
    refuse_repeatable(f, three, 4);
    send_line(three, CANCEL("0002"));
    wait_request(f, 5);
    send_line(three, CANCEL("0002"));
    fake_run_ms(f->fake, 20);
    refuse_repeatable(f, three, 5);
    assert_false(wait_request(f, 6)->fresh);
    refuse_repeatable(f, three, 6);
    send_line(three, CANCEL("0001"));
    wait_request(f, 7);
    /* gone before the answer was told: nobody knows that it was refused */
    close(three->fd);
    three->fd = -1;
    fake_run_ms(f->fake, 20);
    tell(f, &f->fake->requests[6], FEP_REFUSED,
         (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001}, NULL);
    fake_run_ms(f->fake, 20);
    three = connect_peer(f, 2);
    send_line(three, CANCEL("0001"));
    assert_false(wait_request(f, 8)->fresh);
    refuse_repeatable(f, three, 8);
    send_line(three, CANCEL("0001"));
    assert_true(wait_request(f, 9)->fresh);
}

static void
a_client_that_only_stopped_sending_still_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, CANCEL("0001"));
    wait_request(f, 1);
    shutdown(peer->fd, SHUT_WR);
    fake_run_ms(f->fake, 20);
    assert_false(f->fake->requests[0].forgotten);
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(peer, "0^");
    expect_closed(peer);
}

static void
an_answer_that_can_not_be_written_is_told_as_unknown(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    sign_in_peer(peer);
    send_line(peer, SETTLE("0001"));
    struct fep_record *unfit = fake_record(
        f->fake, "2410-R", (const char *const[]){"SETL-ID", "0123456789012345678901234567890", NULL});
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, unfit);
    expect_answer(peer, "-9002^^" CYCLE "^^");
}

static bool
drained(void *arg)
{
    return ((struct fixture *)arg)->fake->completion_count == 2;
}

static void
drain_answers_what_is_open_and_takes_nothing_new(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0), *idle = connect_peer(f, 1);
    sign_in_peer(peer);
    send_line(idle, "1800^H45010000003^000012^^20261122101400-H45010000003-0001^450100^^1^");
    expect_answer(idle, "0^");
    send_line(peer, CANCEL("0001"));
    wait_request(f, 1);
    f->ops->drain(f->self, &f->drain);
    expect_closed(idle);
    assert_int_equal(f->fake->health.state, FEP_STOPPING);
    assert_int_equal(f->fake->completion_count, 1);
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, NULL);
    expect_answer(peer, "0^");
    assert_true(fake_run_until(f->fake, drained, f));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(malformed_lines_are_refused_and_the_connection_stays),
        TEST(lines_that_never_end_are_refused_and_closed),
        TEST(a_line_may_come_byte_by_byte),
        TEST(idle_connections_are_closed),
        TEST(connections_are_bounded),
        TEST(a_request_is_handed_on_and_its_answer_written),
        TEST(endings_become_return_codes),
        TEST(an_open_reversal_is_busy_and_not_unknown),
        TEST(a_host_that_refuses_is_told_by_class),
        TEST(one_request_at_a_time_per_connection_many_at_once),
        TEST(a_repeat_is_new_only_if_made_after_the_refusal_was_told),
        TEST(a_client_that_only_stopped_sending_still_gets_its_answer),
        TEST(an_answer_that_can_not_be_written_is_told_as_unknown),
        TEST(drain_answers_what_is_open_and_takes_nothing_new),
    };
    return cmocka_run_group_tests_name("caret session", tests, NULL, NULL);
}
