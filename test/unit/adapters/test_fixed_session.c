/* The fixed module over real loopback sockets against a scripted local system: sign-on, window, and every way
 * an answer can fail to come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "wire.h"

extern const struct fep_adapter fep_adapter;

struct fixture {
    struct fake_host *fake;
    struct fixed_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, calls[24];
    size_t call_count;
    int listener, peer;
    char address[64], files[64];
    const char *options[24];
    unsigned char in[1 << 16], out[1 << 19];
    size_t in_size;
};

static const char *const person_head[] = {"H-TREAT-RGN", "450100",       "H-INSU-RGN", "450900",
                                          "H-HOSP",      "H45010000003", NULL};
static const char *const person_body[] = {"PQ-KIND", "P", "PQ-VALUE", "45090000000000000003", NULL};
static const char *const settle_body[] = {"SQ-CTR-VISIT", "DJ1",    "SQ-VISIT-NO", "Z1",
                                          "SQ-HIS-TOTAL", "100.00", NULL};
static const char *const register_body[] = {"RQ-PSN-NO", "45090000000000000002", "RQ-MED-CAT", "06",
                                            "RQ-TIME",   "20261122101500",       NULL};
static const struct fake_message person = {"100001", person_head, person_body, NULL};
static const struct fake_message settle = {"400002", person_head, settle_body, NULL};
static const struct fake_message registration = {"200001", person_head, register_body, NULL};

/* --- the scripted local system --- */

static bool
peer_connected(void *arg)
{
    struct fixture *f = arg;
    if (f->peer < 0)
        f->peer = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
    return f->peer >= 0;
}

static bool
frame_there(void *arg)
{
    struct fixture *f = arg;
    ssize_t got = recv(f->peer, f->in + f->in_size, sizeof f->in - f->in_size, 0);
    if (got > 0)
        f->in_size += (size_t)got;
    return fixed_frame_size(&f->codec, f->in, f->in_size) >= 0;
}

struct request {
    struct fep_record *head;
    char local[8], serial[24];
    unsigned char record[4096];
    size_t size;
};

static struct request
take_request(struct fixture *f)
{
    struct request request = {0};
    struct fep_error error;
    assert_true(fake_run_until(f->fake, frame_there, f));
    long size = fixed_frame_size(&f->codec, f->in, f->in_size);
    assert_true(size > 0 && (size_t)size <= sizeof request.record);
    assert_true(fixed_seal_holds(&f->codec, f->in + 6, (size_t)size));
    request.head = fixed_decode_head(&f->codec, f->in + 6, (size_t)size, &error);
    assert_non_null(request.head);
    request.size = (size_t)size;
    memcpy(request.record, f->in + 6, request.size);
    snprintf(request.local, sizeof request.local, "%s", fake_get(f->fake, request.head, "H-TRAN"));
    snprintf(request.serial, sizeof request.serial, "%s", fake_get(f->fake, request.head, "H-SERIAL"));
    memmove(f->in, f->in + 6 + size, f->in_size - 6 - (size_t)size);
    f->in_size -= 6 + (size_t)size;
    return request;
}

static void
expect_heartbeat(struct fixture *f)
{
    assert_true(fake_run_until(f->fake, frame_there, f));
    assert_int_equal(fixed_frame_size(&f->codec, f->in, f->in_size), 0);
    memmove(f->in, f->in + 6, f->in_size - 6);
    f->in_size -= 6;
}

/* Builds the answer's frame in f->out; values of its body follow as NAME, VALUE pairs in `body`. Releases the
 * request. */
static size_t
make_answer(struct fixture *f, struct request *request, const char *code, const char *date,
            struct fep_record *body)
{
    struct fep_error error;
    set_field(&f->fake->host, request->head, "H-KIND", "R");
    set_field(&f->fake->host, request->head, "H-RET-CODE", code);
    set_field(&f->fake->host, request->head, "H-RET-MSG",
              strcmp(code, "000000") == 0 ? "交易成功" : "出错了");
    set_field(&f->fake->host, request->head, "H-CTR-SERIAL", "DJ202611221130060088");
    set_field(&f->fake->host, request->head, "H-BUS-DATE", date);
    long size = fixed_encode_frame(&f->codec, request->head, body, f->out, &error);
    assert_true(size > 0);
    f->fake->host.release_record(f->fake, request->head);
    f->fake->host.release_record(f->fake, body);
    return (size_t)size;
}

static void
peer_send(struct fixture *f, size_t size)
{
    assert_int_equal(send(f->peer, f->out, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void
answer(struct fixture *f, struct request *request, const char *code, struct fep_record *body)
{
    peer_send(f, make_answer(f, request, code, "20261122", body));
}

static struct fep_record *
settled(struct fixture *f)
{
    return fake_record(f->fake, "400002-R",
                       (const char *const[]){"SR-SETL-NO", "DJS1", "SR-TOTAL", "100.00", "SR-FUND", "60.00",
                                             "SR-CASH", "40.00", NULL});
}

static void
sign_on_peer_at(struct fixture *f, const char *window, const char *clock)
{
    assert_true(fake_run_until(f->fake, peer_connected, f));
    struct request request = take_request(f);
    assert_string_equal(request.local, "900001");
    assert_memory_equal(request.record + 256, "secret                          ", 32);
    assert_memory_equal(request.record + 128, "00000000", 8);
    answer(f, &request, "000000",
           fake_record(f->fake, "900001-R",
                       (const char *const[]){"LR-BUS-DATE", "20261122", "LR-CTR-TIME", clock, "LR-WINDOW",
                                             window, NULL}));
}

static void
sign_on_peer(struct fixture *f, const char *window)
{
    sign_on_peer_at(f, window, "20261122101500");
}

static void
close_peer(struct fixture *f)
{
    close(f->peer);
    f->peer = -1;
    f->in_size = 0;
}

/* --- the host's side --- */

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    f->fake = fake_create("dajizhong-450900.cfg");
    assert_int_equal(fixed_codec_open(&f->codec, &f->fake->host, &error), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    f->peer = -1;
    int on = 1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    getsockname(f->listener, (struct sockaddr *)&address, &size);
    strcpy(f->files, "/tmp/fep-fixed-XXXXXX");
    assert_non_null(mkdtemp(f->files));
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", ntohs(address.sin_port));
    const char *const options[] = {
        "connect", f->address, "password_file", "secret", "pause_min",      "20", "pause_max", "50",
        "file_in", f->files,   "file_out",      f->files, "file_poll_time", "30", NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    assert_int_equal(f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error), 0);
    f->ops->start(f->self, &f->start);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    f->ops->close(f->self);
    if (f->peer >= 0)
        close(f->peer);
    close(f->listener);
    DIR *folder = opendir(f->files);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(f->files);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static struct fep_call *
next_call(struct fixture *f)
{
    struct fep_call *call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){
        .size = sizeof call->attempt, .number = 1, .serial = 100 + f->call_count, .serial_date = 20261122};
    return call;
}

static struct fep_call *
submit(struct fixture *f, const struct fake_message *message)
{
    struct fep_call *call = next_call(f);
    f->ops->submit(f->self, call, (const struct fep_message *)(const void *)message);
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

static bool
late_reported(void *arg)
{
    return ((struct fixture *)arg)->fake->late_count > 0;
}

/* --- tests --- */

static void
sign_on_makes_it_ready_with_the_granted_window(void **state)
{
    struct fixture *f = *state;
    assert_true(fake_run_until(f->fake, peer_connected, f));
    assert_null(completion_of(f, &f->start));
    sign_on_peer(f, "04");
    assert_int_equal(wait_for(f, &f->start)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
    assert_int_equal(f->fake->health.window, 4);
}

static bool
is_down(void *arg)
{
    return ((struct fixture *)arg)->fake->health.state == FEP_DOWN;
}

static bool
is_up(void *arg)
{
    return ((struct fixture *)arg)->fake->health.state == FEP_UP;
}

/* Ten minutes are borne, one second more is not; it is tried again, and a clock put right is worked with. */
static void
clock_that_differs_too_much_is_not_worked_with(void **state)
{
    struct fixture *f = *state;
    sign_on_peer_at(f, "16", "20261122102501");
    assert_true(fake_run_until(f->fake, is_down, f));
    assert_non_null(strstr(f->fake->health.reason, "clock"));
    close_peer(f);
    sign_on_peer_at(f, "16", "20261122100459");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    close_peer(f);
    sign_on_peer_at(f, "16", "20261122102500");
    assert_true(fake_run_until(f->fake, is_up, f));
}

static void
query_and_settlement_are_answered_in_any_order(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *first = submit(f, &person), *second = submit(f, &settle);
    struct request a = take_request(f), b = take_request(f);
    assert_string_equal(a.local, "100001");
    assert_string_equal(a.serial, "20261122000000000101");
    assert_string_equal(b.local, "400002");
    assert_memory_equal(b.record, "01Q4000022GW4509000001DJ450900000120261122000000000102", 54);
    assert_memory_equal(b.record + 114, "2026112210150020261122",
                        22); /* clock and the system's accounting date */
    answer(f, &b, "000000", settled(f));
    struct fake_completion *done = wait_for(f, second);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.local_reference, "DJ202611221130060088");
    assert_string_equal(fake_get(f->fake, done->answer, "SR-FUND"), "60.00");
    assert_null(completion_of(f, first));
    struct fep_record *body =
        fake_record(f->fake, "100001-R", (const char *const[]){"PR-NAME", "覃检", NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "Z1", NULL});
    answer(f, &a, "000000", body);
    done = wait_for(f, first);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_NONE);
    assert_int_equal(f->fake->host.record_rows(done->answer), 1);
}

static void
window_is_respected(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "02");
    struct fep_call *calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = submit(f, &settle);
    struct request a = take_request(f), b = take_request(f);
    fake_run_ms(f->fake, 30);
    assert_false(frame_there(f));
    answer(f, &b, "000000", settled(f));
    assert_int_equal(wait_for(f, calls[1])->kind, FEP_ANSWERED);
    struct request c = take_request(f);
    assert_string_equal(c.serial, "20261122000000000103");
    answer(f, &a, "000000", settled(f));
    answer(f, &c, "200301", NULL);
    assert_int_equal(wait_for(f, calls[0])->kind, FEP_ANSWERED);
    assert_int_equal(wait_for(f, calls[2])->kind, FEP_REFUSED);
}

static void
refusals_carry_class_and_code(void **state)
{
    static const struct {
        const char *code;
        enum fep_kind kind;
        uint32_t class, canonical;
    } cases[] = {{"200301", FEP_REFUSED, FEP_FINAL, 2301}, {"900001", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"900002", FEP_UNKNOWN, 0, 9002},         {"900999", FEP_UNKNOWN, 0, 9999},
                 {"777777", FEP_UNKNOWN, 0, 9002},         {"100007", FEP_REFUSED, FEP_FINAL, 1001}};
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = submit(f, &settle);
        struct request request = take_request(f);
        answer(f, &request, cases[i].code, NULL);
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, cases[i].kind);
        assert_int_equal(done->result.code, cases[i].canonical);
        assert_string_equal(done->result.text, "出错了");
        if (done->kind == FEP_REFUSED)
            assert_int_equal(done->result.refusal_class, cases[i].class);
    }
    struct fep_call *call = submit(f, &person); /* an unknown code of a query is no unknown outcome */
    struct request request = take_request(f);
    answer(f, &request, "777777", NULL);
    assert_int_equal(wait_for(f, call)->kind, FEP_REFUSED);
}

/* The protocol's list: local code, class, canonical code. */
static void
every_return_code_has_its_class(void **state)
{
    struct fixture *f = *state;
    static const unsigned final[] = {1001, 1002, 1003, 1004, 1005, 1006, 2001, 2002, 2003,
                                     2004, 2005, 2101, 2102, 2103, 2201, 2202, 2203, 2204,
                                     2301, 2302, 2303, 2401, 2402, 2403, 2503, 2504};
    static const unsigned others[][2] = {{'R', 2601}, {'R', 9001}, {'U', 9002}, {'U', 9999}};
    const struct fep_host *host = &f->fake->host;
    char local[16], wanted[16];
    for (size_t i = 0; i < sizeof final / sizeof *final + 4; i++) {
        bool is_final = i < sizeof final / sizeof *final;
        const unsigned *other = others[is_final ? 0 : i - sizeof final / sizeof *final];
        unsigned code = is_final ? final[i] : other[1];
        snprintf(local, sizeof local, "%u00%03u", code / 1000, code % 1000);
        snprintf(wanted, sizeof wanted, "%c:%u", is_final ? 'N' : (char)other[0], code);
        assert_string_equal(host->mapping_text(f->fake, "errors", local), wanted);
        assert_string_equal(host->mapping_text(f->fake, "results", wanted), local);
    }
    assert_string_equal(host->mapping_text(f->fake, "errors", "100007"), "N:1001");
    assert_string_equal(host->mapping_text(f->fake, "errors", "900201"), "R:9001");
    assert_string_equal(host->mapping_text(f->fake, "errors", "900202"), "R:9001");
}

static void
not_signed_on_is_refused_and_signs_on_anew(void **state)
{
    struct fixture *f = *state;
    char byte;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    answer(f, &request, "900201", NULL);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    fake_run_ms(f->fake, 10);
    assert_int_equal(recv(f->peer, &byte, 1, 0), 0);
    close_peer(f);
    sign_on_peer(f, "16");
    call = submit(f, &settle);
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
close_without_an_answer_is_unknown_and_reconnects(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    close_peer(f);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_PEER_CLOSED);
    sign_on_peer(f, "16");
    call = submit(f, &settle);
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
half_an_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    size_t size = make_answer(f, &request, "000000", "20261122", settled(f));
    peer_send(f, size / 2);
    fake_run_ms(f->fake, 20);
    assert_null(completion_of(f, call));
    close_peer(f);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_null(done->answer);
}

static void
wrong_seal_is_unknown_for_all_and_closes(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *one = submit(f, &settle), *two = submit(f, &settle);
    struct request a = take_request(f), b = take_request(f);
    size_t size = make_answer(f, &a, "000000", "20261122", settled(f));
    f->out[size - 5] ^= 1; /* a digit of an amount */
    peer_send(f, size);
    assert_int_equal(wait_for(f, one)->kind, FEP_UNKNOWN);
    assert_int_equal(wait_for(f, two)->kind, FEP_UNKNOWN);
    f->fake->host.release_record(f->fake, b.head);
    char byte;
    assert_int_equal(recv(f->peer, &byte, 1, 0), 0);
}

static void
unreadable_answers_are_unknown(void **state)
{
    struct fixture *f = *state;
    for (int how = 0; how < 5; how++) {
        sign_on_peer(f, "16");
        struct fep_call *call = submit(f, &settle);
        struct request request = take_request(f);
        struct fep_record *body = settled(f);
        if (how == 0) { /* another transaction's answer under this serial */
            set_field(&f->fake->host, request.head, "H-TRAN", "400001");
        } else if (how == 1) { /* a body that is too short */
            f->fake->host.release_record(f->fake, body);
            body = fake_record(f->fake, "200001-R", (const char *const[]){NULL});
        }
        size_t size = make_answer(f, &request, how == 4 ? "" : "000000", "20261122", body);
        if (how == 2) { /* an amount that is none, under a right seal */
            f->out[6 + 256 + 45] = 'x';
            char mac[16];
            memcpy(f->out + 6 + 231, "00000000", 8);
            snprintf(mac, sizeof mac, "%08X", fixed_crc32(f->out + 6, size - 6));
            memcpy(f->out + 6 + 231, mac, 8);
        } else if (how == 3) {
            memcpy(f->out, "00X517", 6);
        }
        peer_send(f, size);
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, FEP_UNKNOWN);
        assert_null(done->answer);
        close_peer(f);
    }
}

static void
deadline_is_unknown_and_the_late_answer_is_reported(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "01");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_DEADLINE);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE); /* twice is nothing */
    struct fep_call *next = submit(f, &settle);
    fake_run_ms(f->fake, 20);
    assert_false(frame_there(f)); /* the unanswered one still holds its place in the window */
    answer(f, &request, "000000", settled(f));
    assert_true(fake_run_until(f->fake, late_reported, f));
    assert_int_equal(f->fake->late[0].kind, FEP_ANSWERED);
    assert_string_equal(fake_get(f->fake, f->fake->late[0].answer, "SR-CASH"), "40.00");
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, next)->kind, FEP_ANSWERED);
}

static void
cancel_before_a_byte_has_left_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct fep_call *call = submit(f, &settle); /* still connecting */
    f->ops->cancel(f->self, call, FEP_REASON_CANCELLED);
    assert_int_equal(wait_for(f, call)->kind, FEP_NOT_SENT);
    sign_on_peer(f, "16");
    wait_for(f, &f->start);
    fake_run_ms(f->fake, 20);
    assert_false(frame_there(f));
}

static void
answers_that_never_come_wear_the_connection_out(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "02");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    fake_advance(f->fake, 61000);
    expect_heartbeat(f);
    assert_int_equal(send(f->peer, "000000", 6, 0), 6);
    fake_run_ms(f->fake, 20);
    fake_advance(f->fake, 61000);
    fake_run_ms(f->fake, 20);
    char byte;
    assert_int_equal(recv(f->peer, &byte, 1, 0), 0);
    close_peer(f);
    sign_on_peer(f, "02");
    call = submit(f, &settle);
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
wrong_accounting_date_is_corrected_under_the_same_serial(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    char serial[24];
    strcpy(serial, request.serial);
    peer_send(f, make_answer(f, &request, "900202", "20261123", NULL));
    request = take_request(f);
    assert_string_equal(request.serial, serial);
    assert_memory_equal(request.record + 128, "20261123", 8);
    assert_null(completion_of(f, call));
    peer_send(f, make_answer(f, &request, "000000", "20261123", settled(f)));
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.accounting_date, 20261123);
    call = submit(f, &settle); /* a system that never agrees is not asked for ever */
    for (int i = 0; i < 3; i++) {
        request = take_request(f);
        peer_send(f, make_answer(f, &request, "900202", "20261124", NULL));
    }
    done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
}

static void
inquiry_brings_the_original_answer(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = next_call(f);
    call->attempt.serial = 777;
    f->ops->inquire(f->self, call, (const struct fep_message *)(const void *)&settle);
    struct request request = take_request(f);
    assert_string_equal(request.local, "500002");
    assert_memory_equal(request.record + 54, "40000220261122000000000777", 26);
    assert_memory_equal(request.serial, "2026112299", 10); /* its own serial, apart from the router's */
    /* the original's body byte by byte behind the state */
    struct fep_error error;
    struct fep_record *head = fake_record(f->fake, "head-Q", (const char *const[]){NULL}), *body = settled(f);
    long size = fixed_encode_frame(&f->codec, head, body, f->out, &error);
    unsigned char original[261];
    assert_int_equal(size, 6 + 256 + 261);
    memcpy(original, f->out + 262, 261);
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
    body = fake_record(f->fake, "500002-R",
                       (const char *const[]){"IR-STATE", "1", "IR-ORG-RET", "000000", "IR-ORG-CTR", "DJ9",
                                             "IR-ORG-LEN", "261", NULL});
    size_t frame = make_answer(f, &request, "000000", "20261122", body);
    memcpy(f->out + frame, original, 261);
    char text[16];
    snprintf(text, sizeof text, "%06zu", frame - 6 + 261);
    memcpy(f->out, text, 6);
    memcpy(f->out + 6 + 231, "00000000", 8);
    snprintf(text, sizeof text, "%08X", fixed_crc32(f->out + 6, frame - 6 + 261));
    memcpy(f->out + 6 + 231, text, 8);
    peer_send(f, frame + 261);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_string_equal(done->result.local_reference, "DJ9");
    assert_non_null(done->answer);
    assert_string_equal(fake_get(f->fake, done->answer, "SR-SETL-NO"), "DJS1");
}

static void
inquiry_states_and_reversal_results_become_findings(void **state)
{
    static const struct {
        const char *value;
        enum fep_finding finding;
    } states[] = {{"0", FEP_FOUND_NOTHING},
                  {"2", FEP_FOUND_REFUSED},
                  {"3", FEP_FOUND_IN_PROGRESS},
                  {"4", FEP_FOUND_REVERSED},
                  {"5", FEP_FOUND_CANCELLED}},
      results[] = {{"1", FEP_FOUND_REVERSED}, {"2", FEP_FOUND_NEVER_ARRIVED}, {"3", FEP_FOUND_REVERSED}},
      errors[] = {{"200503", FEP_FOUND_STAYS_POSTED},
                  {"200504", FEP_FOUND_NEVER_ARRIVED},
                  {"900001", FEP_FOUND_IN_PROGRESS}};
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    for (size_t i = 0; i < 5; i++) {
        struct fep_call *call = next_call(f);
        f->ops->inquire(f->self, call, (const struct fep_message *)(const void *)&settle);
        struct request request = take_request(f);
        answer(f, &request, "000000",
               fake_record(f->fake, "500002-R",
                           (const char *const[]){"IR-STATE", states[i].value, "IR-ORG-RET", "200301", NULL}));
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, FEP_ANSWERED);
        assert_int_equal(done->result.finding, states[i].finding);
        assert_int_equal(done->result.code, states[i].finding == FEP_FOUND_REFUSED ? 2301 : 0);
    }
    char last[24] = "";
    for (size_t i = 0; i < 6; i++) {
        struct fep_call *call = next_call(f);
        f->ops->reverse(f->self, call, (const struct fep_message *)(const void *)&settle);
        struct request request = take_request(f);
        assert_string_equal(request.local, "500001");
        assert_string_not_equal(request.serial, last); /* each has a serial of its own */
        strcpy(last, request.serial);
        if (i < 3)
            answer(
                f, &request, "000000",
                fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", results[i].value, NULL}));
        else
            answer(f, &request, errors[i - 3].value, NULL);
        struct fake_completion *done = wait_for(f, call);
        assert_int_equal(done->kind, FEP_ANSWERED);
        assert_int_equal(done->result.finding, i < 3 ? results[i].finding : errors[i - 3].finding);
    }
}

static void
unusable_original_is_posted_but_inconsistent(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = next_call(f);
    f->ops->inquire(f->self, call, (const struct fep_message *)(const void *)&settle);
    struct request request = take_request(f);
    answer(f, &request, "000000",
           fake_record(f->fake, "500002-R", (const char *const[]){"IR-STATE", "1", NULL}));
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(done->result.reason, FEP_REASON_INCONSISTENT);
    assert_null(done->answer);
}

static void
missing_insurance_type_is_looked_up_first(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &registration);
    struct request request = take_request(f);
    assert_string_equal(request.local, "100001");
    assert_memory_equal(request.record + 256, "P45090000000000000002          ", 31);
    assert_memory_equal(request.record + 256 + 81, "0620261122", 10);
    struct fep_record *body = fake_record(f->fake, "100001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "R1", NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "Z1", NULL});
    answer(f, &request, "000000", body);
    request = take_request(f);
    assert_string_equal(request.local, "200001");
    assert_string_equal(request.serial, "20261122000000000101");
    assert_memory_equal(request.record + 256 + 90, "Z1", 2);
    answer(f, &request, "000000",
           fake_record(f->fake, "200001-R", (const char *const[]){"RR-CTR-VISIT", "V1", NULL}));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
    /* lost during the query: the registration itself has not left */
    call = submit(f, &registration);
    request = take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    close_peer(f);
    assert_int_equal(wait_for(f, call)->kind, FEP_NOT_SENT);
    sign_on_peer(f, "16");
    call = submit(f, &registration);
    request = take_request(f);
    answer(f, &request, "200001", NULL);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.code, 2001);
}

static void
heartbeat_after_silence_and_close_when_nothing_comes(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    wait_for(f, &f->start);
    assert_int_equal(send(f->peer, "000000", 6, 0), 6); /* nobody answers a heartbeat of the server */
    fake_run_ms(f->fake, 20);
    assert_false(frame_there(f));
    fake_advance(f->fake, 61000);
    expect_heartbeat(f);
    fake_advance(f->fake, 181000);
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    close_peer(f);
    sign_on_peer(f, "16");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
refused_sign_on_leaves_it_down_and_calls_not_sent(void **state)
{
    struct fixture *f = *state;
    assert_true(fake_run_until(f->fake, peer_connected, f));
    struct request request = take_request(f);
    struct fep_call *waiting = submit(f, &settle);
    answer(f, &request, "100004", NULL);
    struct fake_completion *done = wait_for(f, waiting);
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    assert_int_equal(wait_for(f, &f->start)->kind,
                     FEP_ANSWERED); /* it runs and keeps trying; health says how it is */
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_non_null(strstr(f->fake->health.reason, "100004"));
}

static void
dead_system_is_down_and_comes_back(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    wait_for(f, &f->start);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(f->listener, (struct sockaddr *)&address, &size);
    close(f->listener);
    close_peer(f);
    fake_run_ms(f->fake, 50);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    assert_int_equal(wait_for(f, submit(f, &settle))->kind, FEP_NOT_SENT);
    int on = 1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    sign_on_peer(f, "16");
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
what_can_not_be_written_is_refused_before_it_leaves(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    static const char *const long_body[] = {"SQ-BILL-NO", "123456789012345678901", NULL};
    static const struct fake_message unfit = {"400002", person_head, long_body, NULL};
    static const struct fake_message unmapped = {NULL, NULL, NULL, NULL};
    struct fake_completion *done = wait_for(f, submit(f, &unfit));
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.reason, FEP_REASON_MALFORMED);
    assert_non_null(strstr(done->result.text, "SQ-BILL-NO"));
    done = wait_for(f, submit(f, &unmapped));
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_false(frame_there(f));
}

/* --- totals and files --- */

static void
totals_carry_the_day_that_is_asked_for(void **state)
{
    struct fixture *f = *state;
    static const char *const head[] = {"H-BUS-DATE", "20261120", NULL};
    static const char *const row[] = {"TQ-INS-TYPE", "Z1", "TQ-CLR-CAT", "IP", NULL};
    static const char *const body[] = {NULL};
    static const struct fake_message totals = {"600001", head, body, row};
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &totals);
    struct request request = take_request(f);
    assert_memory_equal(request.record + 128, "20261120", 8);
    struct fep_record *answered = fake_record(f->fake, "600001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, answered,
                 (const char *const[]){"TR-INS-TYPE", "Z1", "TR-CLR-CAT", "IP", "TR-POS", "3", "TR-RESULT",
                                       "1", NULL});
    answer(f, &request, "000000", answered);
    struct fake_completion *done = wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "TR-POS"), "00000003");
    call = submit(f, &settle); /* the next one has the current day again */
    request = take_request(f);
    assert_memory_equal(request.record + 128, "20261122", 8);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static const char theirs[] = "DZMX_DJ4509000001_GW4509000001_20261121_001.txt";
static const char ours[] = "DZMX_GW4509000001_DJ4509000001_20261121_001.txt";
static const char *const page_body[] = {"DQ-BUS-DATE", "20261121",  "DQ-KIND", "MX", "PAGE",
                                        "1",           "PAGE-SIZE", "100",     NULL};
static const struct fake_message details = {"MX", person_head, page_body, NULL};

struct offered {
    char size[24], crc[16];
};

static void
write_text(const struct fixture *f, const char *name, const char *suffix, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", f->files, name, suffix);
    FILE *out = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(out);
}

/* A file with one detail; `change`: its trailer says otherwise. */
static struct offered
put_file(struct fixture *f, const char *name, const char *nodes, bool change)
{
    unsigned char file[3 * 241];
    char line[64];
    struct offered offered;
    memset(file, ' ', sizeof file);
    memcpy(file, "HMX", 3);
    memcpy(file + 3, nodes, 24);
    memcpy(file + 27, "2026112100120261122023000", 25);
    memcpy(file + 241, "D0000000120261121000000000001400002", 35);
    memcpy(file + 241 + 160, "20261121113006Z110+000000001000+000000000600+000000000000+0000000004001", 71);
    memcpy(file + 482, "T000000010000000100000000+000000001000+000000000600+000000000000+000000000400", 77);
    if (change)
        file[482 + 37] = '1';
    file[240] = file[481] = file[722] = '\n';
    snprintf(offered.size, sizeof offered.size, "%zu", sizeof file);
    snprintf(offered.crc, sizeof offered.crc, "%08X", fixed_crc32(file, sizeof file));
    write_text(f, name, "", file, sizeof file);
    snprintf(line, sizeof line, "%012zu %s 00000001\n", sizeof file, offered.crc);
    write_text(f, name, ".ok", line, strlen(line));
    return offered;
}

static struct fake_completion *
ask_for_file(struct fixture *f, const char *status, const struct offered *offered)
{
    struct fep_call *call = submit(f, &details);
    struct request request = take_request(f);
    assert_string_equal(request.local, "600002");
    assert_int_equal(request.size, 256 + 10);
    assert_memory_equal(request.record + 256, "20261121MX", 10);
    answer(f, &request, "000000",
           fake_record(f->fake, "600002-R",
                       (const char *const[]){"DR-STATUS", status, "DR-FILE", offered != NULL ? theirs : "",
                                             "DR-SIZE", offered != NULL ? offered->size : "0", "DR-CRC",
                                             offered != NULL ? offered->crc : "", "DR-CNT",
                                             offered != NULL ? "1" : "0", NULL}));
    return wait_for(f, call);
}

static void
details_are_read_from_the_file_that_is_named(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fake_completion *done = ask_for_file(f, "0", NULL);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    assert_int_equal(done->result.code, 2601);
    done = ask_for_file(f, "2", NULL);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get(f->fake, done->answer, "LAST-PAGE"), "1");
    assert_int_equal(f->fake->host.record_rows(done->answer), 0);
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", false);
    done = ask_for_file(f, "1", &offered);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->host.record_rows(done->answer), 1);
    assert_string_equal(fake_get(f->fake, done->answer, "T-FUND"), "6.00");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "D-SERIAL"), "20261121000000000001");
}

static void
a_file_that_does_not_fit_is_not_used_and_stays(void **state)
{
    struct fixture *f = *state;
    char path[128];
    sign_on_peer(f, "16");
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", true);
    struct fake_completion *done = ask_for_file(f, "1", &offered);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_INCONSISTENT);
    assert_non_null(strstr(done->result.text, theirs));
    assert_null(done->answer);
    snprintf(path, sizeof path, "%s/%s", f->files, theirs);
    assert_int_equal(access(path, F_OK), 0);
}

static void
a_late_answer_that_names_a_file_is_nothing(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", false);
    struct fep_call *call = submit(f, &details);
    struct request request = take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    answer(f, &request, "000000",
           fake_record(f->fake, "600002-R",
                       (const char *const[]){"DR-STATUS", "1", "DR-FILE", theirs, "DR-SIZE", offered.size,
                                             "DR-CRC", offered.crc, "DR-CNT", "1", NULL}));
    fake_run_ms(f->fake, 20);
    assert_int_equal(completion_of(f, call)->kind, FEP_UNKNOWN);
    assert_int_equal(f->fake->late_count, 0);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
our_file_is_told_of_until_it_is_taken(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    put_file(f, ours, "GW4509000001DJ4509000001", false);
    struct request request = take_request(f);
    assert_string_equal(request.local, "600003");
    assert_memory_equal(request.record + 256, "20261121MX1DZMX_GW4509000001_DJ4509000001_20261121_001.txt ",
                        59);
    answer(f, &request, "900001", NULL); /* has not seen the file yet */
    request = take_request(f);
    assert_string_equal(request.local, "600003");
    answer(f, &request, "000000", NULL);
    fake_run_ms(f->fake, 100);
    assert_false(frame_there(f));
}

/* --- the breaker --- */

static void
time_out(struct fixture *f)
{
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_int_equal(wait_for(f, call)->kind, FEP_UNKNOWN);
}

static void
time_outs_open_the_breaker_and_reversals_pass(void **state)
{
    struct fixture *f = *state;
    static const char *const about[] = {"H-ORG-TRAN", "400002", "H-ORG-SERIAL", "20261122000000000101", NULL};
    static const struct fake_message original = {"500001", about, NULL, NULL};
    sign_on_peer(f, "16");
    wait_for(f, &f->start);
    for (int i = 0; i < 5; i++)
        time_out(f);
    assert_int_equal(f->fake->health.state, FEP_DEGRADED);
    struct fake_completion *done = wait_for(f, submit(f, &settle));
    assert_int_equal(done->kind, FEP_NOT_SENT);
    assert_int_equal(done->result.reason, FEP_REASON_LINK_DOWN);
    struct fep_call *reversal = next_call(f);
    f->ops->reverse(f->self, reversal, (const struct fep_message *)(const void *)&original);
    struct request request = take_request(f);
    assert_string_equal(request.local, "500001");
    f->fake->host.release_record(f->fake, request.head);
    fake_advance(f->fake, 31000);
    struct fep_call *probe = submit(f, &settle);
    assert_int_equal(wait_for(f, submit(f, &settle))->kind, FEP_NOT_SENT); /* one at a time */
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, probe)->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
    struct fep_call *next = submit(f, &settle);
    request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, next)->kind, FEP_ANSWERED);
}

static void
rare_time_outs_do_not_open_the_breaker(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    for (int i = 0; i < 5; i++) {
        time_out(f);
        fake_advance(f->fake, 16000);
    }
    assert_int_equal(f->fake->health.state, FEP_UP);
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
}

static void
drain_finishes_what_is_open_and_takes_nothing_new(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *open = submit(f, &settle), *drain = next_call(f);
    struct request request = take_request(f);
    f->ops->drain(f->self, drain);
    assert_int_equal(wait_for(f, submit(f, &settle))->kind, FEP_NOT_SENT);
    assert_null(completion_of(f, drain));
    answer(f, &request, "000000", settled(f));
    assert_int_equal(wait_for(f, open)->kind, FEP_ANSWERED);
    assert_int_equal(wait_for(f, drain)->kind, FEP_ANSWERED);
}

static void
answers_to_nothing_are_ignored(void **state)
{
    struct fixture *f = *state;
    sign_on_peer(f, "16");
    struct fep_call *call = submit(f, &settle);
    struct request request = take_request(f);
    size_t size = make_answer(f, &request, "000000", "20261122", settled(f));
    peer_send(f, size);
    peer_send(f, size); /* answered twice */
    assert_int_equal(wait_for(f, call)->kind, FEP_ANSWERED);
    fake_run_ms(f->fake, 20);
    assert_int_equal(f->fake->health.state, FEP_UP);
    assert_int_equal(f->fake->late_count, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sign_on_makes_it_ready_with_the_granted_window),
        TEST(clock_that_differs_too_much_is_not_worked_with),
        TEST(query_and_settlement_are_answered_in_any_order),
        TEST(window_is_respected),
        TEST(refusals_carry_class_and_code),
        TEST(every_return_code_has_its_class),
        TEST(not_signed_on_is_refused_and_signs_on_anew),
        TEST(close_without_an_answer_is_unknown_and_reconnects),
        TEST(half_an_answer_is_unknown),
        TEST(wrong_seal_is_unknown_for_all_and_closes),
        TEST(unreadable_answers_are_unknown),
        TEST(deadline_is_unknown_and_the_late_answer_is_reported),
        TEST(cancel_before_a_byte_has_left_is_not_sent),
        TEST(answers_that_never_come_wear_the_connection_out),
        TEST(wrong_accounting_date_is_corrected_under_the_same_serial),
        TEST(inquiry_brings_the_original_answer),
        TEST(inquiry_states_and_reversal_results_become_findings),
        TEST(unusable_original_is_posted_but_inconsistent),
        TEST(missing_insurance_type_is_looked_up_first),
        TEST(heartbeat_after_silence_and_close_when_nothing_comes),
        TEST(refused_sign_on_leaves_it_down_and_calls_not_sent),
        TEST(dead_system_is_down_and_comes_back),
        TEST(what_can_not_be_written_is_refused_before_it_leaves),
        TEST(totals_carry_the_day_that_is_asked_for),
        TEST(details_are_read_from_the_file_that_is_named),
        TEST(a_file_that_does_not_fit_is_not_used_and_stays),
        TEST(a_late_answer_that_names_a_file_is_nothing),
        TEST(our_file_is_told_of_until_it_is_taken),
        TEST(time_outs_open_the_breaker_and_reversals_pass),
        TEST(rare_time_outs_do_not_open_the_breaker),
        TEST(drain_finishes_what_is_open_and_takes_nothing_new),
        TEST(answers_to_nothing_are_ignored),
    };
    return cmocka_run_group_tests_name("fixed session", tests, NULL, NULL);
}
