/* The fixed module serving, over real loopback sockets: sign-on and window, the order of the checks, repeats
 * to the byte, inquiries and reversals. */
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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "wire.h"

extern const struct fep_adapter fep_adapter;

struct peer {
    struct fixture *f;
    int fd;
    unsigned char in[70000];
    size_t size;
    bool closed;
};

struct fixture {
    struct fake_host *fake;
    struct fixed_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain;
    char directory[64], address[64], files[96];
    const char *options[24];
    int port;
    struct peer peers[3];
    unsigned char frame[300000], answer[70000];
    size_t frame_size, answer_size;
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
hang_up(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
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

static struct fep_record *
make_head(struct fixture *f, const char *tran, const char *serial)
{
    return fake_record(f->fake, "head-Q",
                       (const char *const[]){"H-VERSION",  "01",           "H-KIND",      "Q",
                                             "H-TRAN",     tran,           "H-DIR",       "1",
                                             "H-SENDER",   "DJ4509000001", "H-RECEIVER",  "GW4509000001",
                                             "H-SERIAL",   serial,         "H-TREAT-RGN", "450900",
                                             "H-INSU-RGN", "451200",       "H-HOSP",      "H45090000001",
                                             "H-OPER",     "1007",         "H-DATE",      "20261122",
                                             "H-TIME",     "162040",       "H-BUS-DATE",  "20261122",
                                             "H-PAGE",     "0001",         "H-MORE",      "N",
                                             NULL});
}

/* Builds the frame and takes both records. */
static void
build(struct fixture *f, struct fep_record *head, struct fep_record *body)
{
    struct fep_error error;
    long size = fixed_encode_frame(&f->codec, head, body, f->frame, &error);
    if (size < 0)
        fail_msg("%s", error.text);
    f->frame_size = (size_t)size;
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
}

static struct fep_record *
settle_body(struct fixture *f)
{
    return fake_record(f->fake, "400002-Q",
                       (const char *const[]){"SQ-CTR-VISIT",
                                             "GW202611200000000561",
                                             "SQ-VISIT-NO",
                                             "ZY2026110123",
                                             "SQ-PSN-NO",
                                             "45120000000000099999",
                                             "SQ-BILL-NO",
                                             "FP2026112200391",
                                             "SQ-MED-CAT",
                                             "10",
                                             "SQ-TIME",
                                             "20261122162038",
                                             "SQ-OUT-TIME",
                                             "20261122150000",
                                             "SQ-OUT-REASON",
                                             "0",
                                             "SQ-OUT-DIAG",
                                             "I63.900",
                                             "SQ-OUT-DIAG-NAME",
                                             "脑梗死",
                                             "SQ-ACCT-FLAG",
                                             "N",
                                             "SQ-MID-FLAG",
                                             "N",
                                             "SQ-HIS-TOTAL",
                                             "6208.15",
                                             NULL});
}

static void
send_settle(struct peer *peer, const char *serial)
{
    struct fixture *f = peer->f;
    build(f, make_head(f, "400002", serial), settle_body(f));
    send_bytes(peer, f->frame, f->frame_size);
}

static bool
frame_there(void *arg)
{
    struct peer *peer = arg;
    ssize_t got = recv(peer->fd, peer->in + peer->size, sizeof peer->in - peer->size, 0);
    if (got > 0)
        peer->size += (size_t)got;
    if (got == 0)
        peer->closed = true;
    return peer->closed || fixed_frame_size(&peer->f->codec, peer->in, peer->size) >= 0;
}

/* Return code, serial, our serial, accounting date. */
struct told {
    char fields[4][64];
};

/* The next answer into f->answer (without its length); valid until the next one. */
static const struct told *
read_answer(struct peer *peer)
{
    static struct told told;
    struct fixture *f = peer->f;
    struct fep_error error;
    assert_true(fake_run_until(f->fake, frame_there, peer));
    long size = fixed_frame_size(&f->codec, peer->in, peer->size);
    assert_true(size > 0);
    memcpy(f->answer, peer->in + 6, (size_t)size);
    f->answer_size = (size_t)size;
    memmove(peer->in, peer->in + 6 + size, peer->size - 6 - (size_t)size);
    peer->size -= 6 + (size_t)size;
    assert_true(fixed_seal_holds(&f->codec, f->answer, f->answer_size));
    struct fep_record *head = fixed_decode_head(&f->codec, f->answer, f->answer_size, &error);
    assert_non_null(head);
    static const char *const names[] = {"H-RET-CODE", "H-SERIAL", "H-CTR-SERIAL", "H-BUS-DATE"};
    for (int i = 0; i < 4; i++)
        snprintf(told.fields[i], sizeof told.fields[i], "%s", fake_get(f->fake, head, names[i]));
    f->fake->host.release_record(f->fake, head);
    return &told;
}

static void
expect(struct peer *peer, const char *serial, const char *code)
{
    const struct told *read = read_answer(peer);
    assert_string_equal(read->fields[0], code);
    assert_string_equal(read->fields[1], serial);
    if (strcmp(code, "000000") != 0)
        assert_int_equal(peer->f->answer_size, 256);
}

static bool
peer_closed(void *arg)
{
    struct peer *peer = arg;
    return frame_there(peer) && peer->closed;
}

static void
expect_closed(struct peer *peer)
{
    assert_true(fake_run_until(peer->f->fake, peer_closed, peer));
    assert_int_equal(peer->size, 0);
}

static void
send_sign_on(struct peer *peer, const char *password, const char *window)
{
    struct fixture *f = peer->f;
    struct fep_record *head = make_head(f, "900001", "20261122000000000001");
    set_field(&f->fake->host, head, "H-BUS-DATE", "00000000");
    build(f, head,
          fake_record(f->fake, "900001-Q",
                      (const char *const[]){"LQ-PASSWORD", password, "LQ-WINDOW", window, NULL}));
    send_bytes(peer, f->frame, f->frame_size);
}

static struct peer *
sign_on_peer(struct fixture *f, int which)
{
    struct peer *peer = connect_peer(f, which);
    send_sign_on(peer, "secret", "04");
    expect(peer, "20261122000000000001", "000000");
    return peer;
}

/* --- the host's side --- */

static void
open_module(struct fixture *f)
{
    struct fep_error error = {0};
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) != 0)
        fail_msg("%s", error.text);
    f->fake->completion_count = 0;
    f->ops->start(f->self, &f->start);
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
    struct fep_error error;
    f->fake = fake_create("dajizhong-450900.cfg");
    f->fake->time = 162040;
    assert_int_equal(fixed_codec_open(&f->codec, &f->fake->host, &error), 0);
    strcpy(f->directory, "/tmp/fep-fixed-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->files, sizeof f->files, "%s/files", f->directory);
    assert_int_equal(mkdir(f->files, 0700), 0);
    f->port = free_port();
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", f->port);
    const char *const options[] = {
        "mode",     "serve",  "listen",          f->address,   "password_file",  "secret",
        "window",   "2",      "state_directory", f->directory, "file_in",        f->files,
        "file_out", f->files, "file_time",       "400",        "file_poll_time", "3600000",
        NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    open_module(f);
    for (int i = 0; i < 3; i++)
        f->peers[i].fd = -1;
    *state = f;
    return 0;
}

/* As set_up, looking for files to make all the time. */
static int
set_up_by_clock(void **state)
{
    set_up(state);
    struct fixture *f = *state;
    f->ops->close(f->self);
    for (size_t i = 0; f->options[i] != NULL; i += 2) {
        if (strcmp(f->options[i], "file_poll_time") == 0)
            f->options[i + 1] = "20";
    }
    fake_use_options(f->fake, fep_adapter.options, f->options);
    open_module(f);
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    char path[128];
    f->ops->close(f->self);
    for (int i = 0; i < 3; i++) {
        if (f->peers[i].fd >= 0)
            close(f->peers[i].fd);
    }
    snprintf(path, sizeof path, "%s/answers-20261122", f->directory);
    unlink(path);
    DIR *folder = opendir(f->files);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(f->files);
    rmdir(f->directory);
    fake_destroy(f->fake);
    free(f);
    return 0;
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
    return fake_record(f->fake, "400002-R",
                       (const char *const[]){"SR-SETL-NO", "S1", "SR-BILL-NO", "FP2026112200391", "SR-TOTAL",
                                             "6208.15", "SR-FUND", "5000.00", "SR-CASH", "1208.15", NULL});
}

/* --- sign-on --- */

static void
sign_on_grants_a_window_and_names_the_day(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    send_bytes(peer, "000000", 6); /* a heartbeat is allowed before */
    assert_true(fake_run_until(f->fake, frame_there, peer));
    assert_memory_equal(peer->in, "000000", 6);
    peer->size = 0;
    send_sign_on(peer, "secret", "16");
    const struct told *read = read_answer(peer);
    assert_string_equal(read->fields[0], "000000");
    assert_string_equal(read->fields[2], "");
    assert_string_equal(read->fields[3], "20261122");
    assert_memory_equal(f->answer, "01R9000011GW4509000001DJ4509000001", 34);
    assert_memory_equal(f->answer + 256, "202611222026112216204002", 24);
    send_sign_on(peer, "secret", "01"); /* a second one is accepted, with a new window */
    read_answer(peer);
    assert_memory_equal(f->answer + 278, "01", 2);
    build(f, make_head(f, "900002", "20261122000000000009"), NULL);
    send_bytes(peer, f->frame, f->frame_size);
    expect(peer, "20261122000000000009", "000000");
    expect_closed(peer);
}

static void
nothing_passes_before_a_sign_on(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = connect_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    expect(peer, "20261122000000000093", "900201");
    send_sign_on(peer, "Secret", "16");
    expect(peer, "20261122000000000001", "100004");
    send_settle(peer, "20261122000000000093");
    expect(peer, "20261122000000000093", "900201");
    send_sign_on(peer, "secret", "17");
    expect(peer, "20261122000000000001", "100003");
    f->fake->time = 163041;
    send_sign_on(peer, "secret", "16");
    expect(peer, "20261122000000000001", "100006");
    assert_int_equal(f->fake->request_count, 0);
}

/* --- bytes --- */

static void
unknown_outcome_is_told_to_the_byte(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    assert_int_equal(f->frame_size, 468);
    assert_memory_equal(f->frame + 6 + 231, "D8EC216C", 8);
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "400002");
    assert_string_equal(fake_get(f->fake, request->body, "SQ-HIS-TOTAL"), "6208.15");
    f->fake->time = 162140;
    tell(f, request, FEP_UNKNOWN, (struct fep_result){.code = 2411}, NULL);
    const struct told *read = read_answer(peer);
    assert_string_equal(read->fields[0], "900002");
    assert_int_equal(f->answer_size, 256);
    assert_memory_equal(f->answer + 231, "F14F4FDE", 8);
}

static void
good_answer_echoes_the_head(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    struct fake_request *request = wait_request(f, 1);
    struct fep_record *answer = settled(f);
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &(struct fep_error){0}), 0);
    f->fake->time = 162041;
    tell(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, answer);
    const struct told *read = read_answer(peer);
    assert_string_equal(read->fields[0], "000000");
    assert_string_equal(read->fields[2], "GW261122000000000093");
    assert_int_equal(f->answer_size, 517);
    assert_memory_equal(f->answer, "01R4000021GW4509000001DJ450900000120261122000000000093", 54);
    assert_memory_equal(f->answer + 114, "2026112216204120261122000000", 28);
    assert_memory_equal(f->answer + 256,
                        "S1                  FP2026112200391     +000000620815+000000500000+000000000000",
                        79);
}

static void
an_answer_that_does_not_fit_is_said_before(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    struct fake_request *request = wait_request(f, 1);
    struct fep_record *answer =
        fake_record(f->fake, "400002-R", (const char *const[]){"SR-SETL-NO", "123456789012345678901", NULL});
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &(struct fep_error){0}), -1);
    tell(f, request, FEP_ANSWERED, (struct fep_result){0},
         answer); /* a fault of ours: unknown, never refused */
    expect(peer, "20261122000000000093", "900002");
}

/* --- records that are wrong --- */

static void
patch(struct fixture *f, size_t at, const char *text)
{
    char seal[9];
    unsigned char *record = f->frame + 6;
    memcpy(record + at, text, strlen(text));
    memset(record + 231, '0', 8);
    snprintf(seal, sizeof seal, "%08X", fixed_crc32(record, f->frame_size - 6));
    memcpy(record + 231, seal, 8);
}

static void
wrong_records_are_refused_and_the_connection_stays(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_REFUSED, (struct fep_result){.code = 2302}, NULL);
    expect(peer, "20261122000000000093", "200302");
    const struct {
        size_t at;
        const char *text, *code;
    } cases[] = {{3, "999999", "100002"}, /* not served */
                 {34, "2026112200000000009X", "100003"},
                 {10, "DJ4501000001", "100004"},
                 {227, "0001", "100001"}, /* a row that is not there */
                 {227, "00A1", "100003"}, /* no number */
                 {449, "1", "100003"}};   /* no sign */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        build(f, make_head(f, "400002", "20261122000000000094"), settle_body(f));
        patch(f, cases[i].at, cases[i].text);
        if (cases[i].at == 3)
            f->frame_size = 6 + 462;
        send_bytes(peer, f->frame, f->frame_size);
        if (cases[i].at == 449) { /* is it perhaps a repeat? */
            struct fake_request *probe = wait_request(f, 2);
            assert_string_equal(probe->local, "500002");
            assert_string_equal(fake_get(f->fake, probe->head, "H-ORG-SERIAL"), "20261122000000000094");
            assert_string_equal(fake_get(f->fake, probe->head, "H-ORG-TRAN"), "400002");
            tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING}, NULL);
        }
        assert_string_equal(read_answer(peer)->fields[0], cases[i].code);
        assert_int_equal(f->answer_size, 256);
    }
    build(f, make_head(f, "400002", "20261122000000000095"), settle_body(f));
    f->frame[6 + 300]++; /* the seal does not hold */
    send_bytes(peer, f->frame, f->frame_size);
    expect(peer, "20261122000000000095", "100007");
    send_settle(peer, "20261122000000000096");
    wait_request(f, 3);
}

static void
a_length_that_is_none_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_bytes(peer, "000255", 6);
    expect_closed(peer);
    peer = sign_on_peer(f, 1);
    send_bytes(peer, "00x", 3);
    expect_closed(peer);
    peer = sign_on_peer(f, 2);
    fake_advance(f->fake, 181000);
    expect_closed(peer);
}

static void
a_silent_connection_is_closed_and_heartbeats_keep_it(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    for (int i = 0; i < 3; i++) {
        fake_advance(f->fake, 100000);
        send_bytes(peer, "000000", 6);
        assert_true(fake_run_until(f->fake, frame_there, peer));
        peer->size = 0;
    }
    send_settle(peer, "20261122000000000093"); /* still open */
    tell(f, wait_request(f, 1), FEP_REFUSED, (struct fep_result){.code = 2302}, NULL);
    expect(peer, "20261122000000000093", "200302");
    fake_advance(f->fake, 181000);
    expect_closed(peer);
}

static void
lines_are_counted(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    build(f, make_head(f, "300001", "20261122000000000094"),
          fake_record(f->fake, "300001-Q", (const char *const[]){"FQ-CTR-VISIT", "V1", NULL}));
    send_bytes(peer, f->frame, f->frame_size);
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING}, NULL);
    expect(peer, "20261122000000000094", "200204");
    struct fep_record *body =
        fake_record(f->fake, "300001-Q", (const char *const[]){"FQ-CTR-VISIT", "V1", NULL});
    for (int i = 0; i < 3; i++)
        fake_set_row(f->fake, body, (const char *const[]){"FQ-LINE-NO", "1", "FQ-AMT", "1.00", NULL});
    build(f, make_head(f, "300001", "20261122000000000095"), body);
    send_bytes(peer, f->frame, f->frame_size);
    assert_int_equal(f->fake->host.record_rows(wait_request(f, 2)->body), 3);
}

/* --- window --- */

static void
answers_come_in_any_order_within_the_window(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0); /* two were granted */
    send_settle(peer, "20261122000000000093");
    send_settle(peer, "20261122000000000094");
    wait_request(f, 2);
    send_settle(peer, "20261122000000000095");
    expect(peer, "20261122000000000095", "900001");
    tell(f, &f->fake->requests[1], FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000094", "000000");
    send_settle(peer, "20261122000000000093"); /* still being worked on */
    expect(peer, "20261122000000000093", "900001");
    send_settle(peer, "20261122000000000095");
    tell(f, wait_request(f, 3), FEP_REFUSED, (struct fep_result){.code = 2301, .refusal_class = FEP_FINAL},
         NULL);
    expect(peer, "20261122000000000095", "200301");
    tell(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000093", "000000");
}

static void
return_codes_follow_class_and_code(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    const struct {
        enum fep_kind kind;
        unsigned refusal_class, code;
        const char *told;
    } cases[] = {{FEP_REFUSED, FEP_FINAL, 2002, "200002"},      {FEP_REFUSED, FEP_REPEATABLE, 9001, "900001"},
                 {FEP_REFUSED, FEP_REPEATABLE, 2114, "900001"}, {FEP_REFUSED, FEP_FINAL, 2310, "100005"},
                 {FEP_REFUSED, FEP_FINAL, 2415, "200504"},      {FEP_REFUSED, FEP_FINAL, 9103, "100003"},
                 {FEP_UNKNOWN, FEP_FINAL, 9999, "900999"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char serial[24];
        snprintf(serial, sizeof serial, "202611220000000001%02zu", i);
        send_settle(peer, serial);
        tell(f, wait_request(f, i + 1), cases[i].kind,
             (struct fep_result){
                 .code = cases[i].code, .refusal_class = cases[i].refusal_class, .text = "不行"},
             NULL);
        expect(peer, serial, cases[i].told);
        assert_memory_equal(f->answer + 142, "\xB2\xBB\xD0\xD0 ", 5);
    }
    f->fake->refuse_requests = 1003;
    send_settle(peer, "20261122000000000193");
    expect(peer, "20261122000000000193", "100003");
}

/* --- repeats --- */

static void
a_repeat_gets_the_same_bytes_after_a_restart_too(void **state)
{
    struct fixture *f = *state;
    unsigned char first[600];
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000093", "000000");
    memcpy(first, f->answer, f->answer_size);
    f->ops->close(f->self);
    hang_up(peer);
    f->fake->date =
        20261123; /* the next day: the repeat's accounting date is wrong by now, but it is a repeat */
    f->fake->time = 10;
    open_module(f);
    peer = connect_peer(f, 0);
    struct fep_record *head = make_head(f, "900001", "20261123000000000001");
    set_field(&f->fake->host, head, "H-DATE", "20261123");
    set_field(&f->fake->host, head, "H-TIME", "000010");
    build(f, head,
          fake_record(f->fake, "900001-Q",
                      (const char *const[]){"LQ-PASSWORD", "secret", "LQ-WINDOW", "01", NULL}));
    send_bytes(peer, f->frame, f->frame_size);
    expect(peer, "20261123000000000001", "000000");
    head = make_head(f, "400002", "20261122000000000093");
    set_field(&f->fake->host, head, "H-DATE", "20261123");
    set_field(&f->fake->host, head, "H-TIME", "000010");
    build(f, head, settle_body(f));
    send_bytes(peer, f->frame, f->frame_size);
    struct fake_request *probe = wait_request(f, 2);
    assert_string_equal(probe->local, "500002");
    tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED}, settled(f));
    struct fake_request *again = wait_request(f, 3);
    assert_string_equal(again->local, "400002");
    tell(f, again, FEP_ANSWERED, (struct fep_result){.copy = 1}, settled(f));
    expect(peer, "20261122000000000093", "000000");
    assert_int_equal(f->answer_size, 517);
    assert_memory_equal(f->answer, first, 517);
}

static void
a_repeat_with_other_content_is_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000093", "000000");
    build(f, make_head(f, "400002", "20261122000000000093"), settle_body(f));
    patch(f, 222, "0002"); /* a field that the mapping does not read */
    send_bytes(peer, f->frame, f->frame_size);
    tell(f, wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.copy = 1}, settled(f));
    expect(peer, "20261122000000000093", "100005");
    build(f, make_head(f, "400002", "20261122000000000093"), settle_body(f));
    patch(f, 449, "1"); /* not even a request */
    send_bytes(peer, f->frame, f->frame_size);
    tell(f, wait_request(f, 3), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED}, settled(f));
    expect(peer, "20261122000000000093", "100005");
}

static void
a_wrong_accounting_date_is_told_with_the_right_one(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    struct fep_record *head = make_head(f, "400002", "20261122000000000093");
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261121");
    build(f, head, settle_body(f));
    send_bytes(peer, f->frame, f->frame_size);
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING}, NULL);
    const struct told *read = read_answer(peer);
    assert_string_equal(read->fields[0], "900202");
    assert_string_equal(read->fields[3], "20261122");
    send_settle(peer, "20261122000000000093");
    assert_string_equal(wait_request(f, 2)->local, "400002");
    head = make_head(f, "100001", "20261122000000000099"); /* of a query the date is not looked at */
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261121");
    build(f, head, fake_record(f->fake, "100001-Q", (const char *const[]){"PQ-KIND", "P", NULL}));
    send_bytes(peer, f->frame, f->frame_size);
    assert_string_equal(wait_request(f, 3)->local, "100001");
}

static void
a_clock_that_differs_is_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    f->fake->time = 163041;
    send_settle(peer, "20261122000000000093");
    struct fake_request *probe = wait_request(f, 1);
    tell(f, probe, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_IN_PROGRESS}, NULL);
    expect(peer, "20261122000000000093", "900001");
    build(f, make_head(f, "100001", "20261122000000000094"),
          fake_record(f->fake, "100001-Q", (const char *const[]){"PQ-KIND", "P", NULL}));
    send_bytes(peer, f->frame, f->frame_size);
    expect(peer, "20261122000000000094", "100006"); /* a query is no repeat of anything: nobody is asked */
}

static void
a_repeat_after_a_prompt_refusal_is_new(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    const struct fep_result busy = {.code = 9001, .refusal_class = FEP_REPEATABLE};
    send_settle(peer, "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_REFUSED, busy, NULL);
    expect(peer, "20261122000000000093", "900001");
    send_settle(peer, "20261122000000000093");
    struct fake_request *again = wait_request(f, 2);
    assert_true(again->fresh);
    fake_advance(f->fake, 6000); /* so late that a repeat may have been on its way already */
    tell(f, again, FEP_REFUSED, busy, NULL);
    expect(peer, "20261122000000000093", "900001");
    send_settle(peer, "20261122000000000093");
    again = wait_request(f, 3);
    assert_false(again->fresh);
    hang_up(peer); /* this refusal never reaches it */
    fake_run_ms(f->fake, 20);
    assert_true(again->forgotten);
    peer = sign_on_peer(f, 1);
    send_settle(peer, "20261122000000000093");
    assert_false(wait_request(f, 4)->fresh);
}

/* --- reversal and inquiry --- */

static void
send_about(struct peer *peer, const char *tran, const char *serial, const char *original)
{
    struct fixture *f = peer->f;
    char layout[16];
    struct fep_record *head = make_head(f, tran, serial);
    set_field(&f->fake->host, head, "H-ORG-TRAN", "400002");
    set_field(&f->fake->host, head, "H-ORG-SERIAL", original);
    snprintf(layout, sizeof layout, "%s-Q", tran);
    build(f, head, fake_record(f->fake, layout, (const char *const[]){"VQ-ORG-DATE", "20261122", NULL}));
    send_bytes(peer, f->frame, f->frame_size);
}

static void
reversal_tells_its_result(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_about(peer, "500001", "20261122000000000201", "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
         fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", "1", NULL}));
    expect(peer, "20261122000000000201", "000000");
    assert_memory_equal(f->answer + 256, "1GW261122000000000093", 21);
    send_about(peer, "500001", "20261122000000000202", "20261122000000000094");
    tell(f, wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NEVER_ARRIVED},
         fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", "2", NULL}));
    expect(peer, "20261122000000000202", "000000");
    assert_memory_equal(f->answer + 256, "2                    ", 21);
    send_about(peer, "500001", "20261122000000000203", "20261122000000000095");
    tell(f, wait_request(f, 3), FEP_UNKNOWN, (struct fep_result){.code = 2417}, NULL);
    expect(peer, "20261122000000000203", "900001"); /* busy: ask again, never "unknown" */
    send_about(peer, "500001", "20261122000000000204", "20261122000000000095");
    tell(f, wait_request(f, 4), FEP_REFUSED, (struct fep_result){.code = 2503}, NULL);
    expect(peer, "20261122000000000204", "200503");
}

static void
inquiry_brings_the_originals_answer(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    unsigned char first[600];
    send_settle(peer, "20261122000000000093");
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000093", "000000");
    memcpy(first, f->answer, f->answer_size);
    send_about(peer, "500002", "20261122000000000201", "20261122000000000093");
    tell(f, wait_request(f, 2), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED}, settled(f));
    expect(peer, "20261122000000000201", "000000");
    assert_int_equal(f->answer_size, 256 + 33 + 261);
    assert_memory_equal(f->answer + 227, "0000", 4);
    assert_memory_equal(f->answer + 256, "1000000GW261122000000000093000261", 33);
    assert_memory_equal(f->answer + 289, first + 256, 261);
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
        tell(f, wait_request(f, i + 3), FEP_ANSWERED, cases[i].result, NULL);
        expect(peer, serial, "000000");
        assert_int_equal(f->answer_size, 256 + 33);
        assert_memory_equal(f->answer + 256, cases[i].body, 33);
    }
}

/* --- drain --- */

/* --- totals and files --- */

static void
totals_bring_the_day_asked_for(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    struct fep_record *head = make_head(f, "600001", "20261122000000000301");
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261120"); /* here alone it may be in the past */
    struct fep_record *body = fake_record(f->fake, "600001-Q", (const char *const[]){NULL});
    fake_set_row(f->fake, body,
                 (const char *const[]){"TQ-INS-TYPE", "Z1", "TQ-CLR-CAT", "OP", "TQ-POS", "2", NULL});
    build(f, head, body);
    assert_int_equal(f->frame_size, 6 + 256 + 72);
    send_bytes(peer, f->frame, f->frame_size);
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "600001");
    assert_string_equal(fake_get(f->fake, request->head, "H-BUS-DATE"), "20261120");
    struct fep_record *answer = fake_record(f->fake, "600001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, answer,
                 (const char *const[]){"TR-INS-TYPE", "Z1", "TR-CLR-CAT", "OP", "TR-POS", "2", "TR-RESULT",
                                       "0", NULL});
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    expect(peer, "20261122000000000301", "000000");
    assert_int_equal(f->answer_size, 256 + 73);
    assert_memory_equal(f->answer + 256, "Z1OP0000000200000000+000000000000", 33);
}

static void
send_file_request(struct peer *peer, const char *tran, const char *serial, const char *const *values)
{
    struct fixture *f = peer->f;
    char layout[16];
    snprintf(layout, sizeof layout, "%s-Q", tran);
    build(f, make_head(f, tran, serial), fake_record(f->fake, layout, values));
    send_bytes(peer, f->frame, f->frame_size);
}

static const char *const of_the_21st[] = {"DQ-BUS-DATE", "20261121", "DQ-KIND", "MX", NULL};

static struct fep_record *
make_page(struct fixture *f, const char *count, const char *serial, const char *last)
{
    struct fep_record *page = fake_record(
        f->fake, "MX-R",
        (const char *const[]){"T-CNT", count, "T-POS", count, "T-NEG", "0", "T-TOTAL",
                              strcmp(count, "2") == 0 ? "20.00" : "10.00", "LAST-PAGE", last, NULL});
    fake_set_row(f->fake, page,
                 (const char *const[]){"D-SERIAL", serial, "D-TRAN", "400002", "D-TOTAL", "10.00", "D-STATE",
                                       "1", NULL});
    return page;
}

/* The answer in f->answer says: ready, and the file is there as told. */
static void
expect_file(struct fixture *f, const char *name, size_t size)
{
    char path[256], text[64] = "", wanted[64];
    unsigned char bytes[2000];
    struct stat status;
    assert_int_equal(f->answer_size, 256 + 93);
    assert_int_equal(f->answer[256], '1');
    assert_memory_equal(f->answer + 257, name, strlen(name));
    snprintf(path, sizeof path, "%s/%s", f->files, name);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, size);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), size);
    fclose(file);
    snprintf(wanted, sizeof wanted, "%012zu%08X", size, fixed_crc32(bytes, size));
    assert_memory_equal(f->answer + 321, wanted, 20);
    strcat(path, ".ok");
    file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_memory_equal(text, wanted, 12);
    assert_memory_equal(text + 13, wanted + 12, 8);
}

static const char of_21[] = "DZMX_GW4509000001_DJ4509000001_20261121_001.txt";

static void
detail_file_is_made_from_the_books_page_by_page(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    f->fake->time = 22959;
    send_file_request(peer, "600002", "20261122000000000309",
                      (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
    assert_string_equal(read_answer(peer)->fields[0], "100006"); /* the clock comes first */
    f->fake->time = 162040;
    send_file_request(peer, "600002", "20261122000000000310",
                      (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
    expect(peer, "20261122000000000310", "000000");
    assert_int_equal(f->answer[256], '0'); /* not to be had before tomorrow */
    assert_int_equal(f->fake->request_count, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "MX");
    assert_string_equal(fake_get(f->fake, request->body, "DQ-BUS-DATE"), "20261121");
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "1");
    assert_string_equal(fake_get(f->fake, request->head, "H-SENDER"), "DJ4509000001");
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, make_page(f, "2", "20261121000000000001", "0"));
    request = wait_request(f, 2);
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "2");
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, make_page(f, "2", "20261121000000000002", "1"));
    expect(peer, "20261122000000000311", "000000");
    expect_file(f, of_21, 4 * 241);
    assert_memory_equal(f->answer + 341, "00000002", 8);
}

static void
books_that_change_while_they_are_read_are_read_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    tell(f, wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0},
         make_page(f, "2", "20261121000000000001", "0"));
    tell(f, wait_request(f, 2), FEP_ANSWERED, (struct fep_result){0},
         make_page(f, "1", "20261121000000000002", "1"));
    struct fake_request *request = wait_request(f, 3);
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "1");
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, make_page(f, "1", "20261121000000000001", "1"));
    expect(peer, "20261122000000000311", "000000");
    expect_file(f, of_21, 3 * 241);
}

static void
a_file_that_takes_long_is_not_ready_yet(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = wait_request(f, 1);
    expect(peer, "20261122000000000311", "000000");
    assert_int_equal(f->answer[256], '0');
    send_file_request(peer, "600002", "20261122000000000312", of_the_21st); /* joins what is under way */
    fake_run_ms(f->fake, 10);
    assert_int_equal(f->fake->request_count, 1);
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, make_page(f, "1", "20261121000000000001", "1"));
    expect(peer, "20261122000000000312", "000000");
    expect_file(f, of_21, 3 * 241);
}

static void
a_caller_that_goes_away_leaves_its_file_to_be_made(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = wait_request(f, 1);
    hang_up(peer);
    fake_run_ms(f->fake, 20);
    assert_false(request->forgotten);
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, make_page(f, "1", "20261121000000000001", "1"));
    char path[256];
    snprintf(path, sizeof path, "%s/%s.ok", f->files, of_21);
    assert_int_equal(access(path, R_OK), 0);
}

static void
refused_books_and_wrong_kinds_are_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_file_request(peer, "600002", "20261122000000000311",
                      (const char *const[]){"DQ-BUS-DATE", "20261121", "DQ-KIND", "XX", NULL});
    expect(peer, "20261122000000000311", "100003");
    send_file_request(peer, "600002", "20261122000000000312",
                      (const char *const[]){"DQ-BUS-DATE", "20261131", "DQ-KIND", "MX", NULL});
    expect(peer, "20261122000000000312", "100003");
    send_file_request(peer, "600002", "20261122000000000313", of_the_21st);
    tell(f, wait_request(f, 1), FEP_REFUSED,
         (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 2601}, NULL);
    expect(peer, "20261122000000000313", "200601");
    send_file_request(peer, "600002", "20261122000000000314", of_the_21st);
    tell(f, wait_request(f, 2), FEP_UNKNOWN, (struct fep_result){.code = 9002}, NULL);
    expect(peer, "20261122000000000314", "900001");
}

static void
catalogue_goes_out_as_a_file(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    static const char *const drugs[] = {"KQ-KIND", "1", "KQ-SINCE", "00000000000000", NULL};
    send_file_request(peer, "700001", "20261122000000000320", drugs);
    struct fake_request *request = wait_request(f, 1);
    assert_string_equal(request->local, "ML");
    struct fep_record *page =
        fake_record(f->fake, "ML-R",
                    (const char *const[]){"T-CNT", "1", "KR-VERSION", "20260101", "LAST-PAGE", "1", NULL});
    fake_set_row(f->fake, page,
                 (const char *const[]){"K-CODE", "4509-0001", "K-NAME", "测试胶囊甲", "K-KIND", "1",
                                       "K-VALID", "Y", NULL});
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, page);
    expect(peer, "20261122000000000320", "000000");
    assert_int_equal(f->answer_size, 256 + 113);
    assert_memory_equal(f->answer + 256, "1MLXZ_1_20261122162040.txt ", 27);
    assert_memory_equal(f->answer + 349, "20260101            ", 20);
    send_file_request(peer, "700001", "20261122000000000321",
                      (const char *const[]){"KQ-KIND", "4", "KQ-SINCE", "00000000000000", NULL});
    tell(f, wait_request(f, 2), FEP_ANSWERED, (struct fep_result){0},
         fake_record(f->fake, "ML-R", (const char *const[]){"T-CNT", "0", "LAST-PAGE", "1", NULL}));
    expect(peer, "20261122000000000321", "000000");
    assert_int_equal(f->answer[256], '2');
}

static void
write_text(const struct fixture *f, const char *name, const char *suffix, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", f->files, name, suffix);
    FILE *out = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(out);
}

static void
a_notice_is_answered_only_after_the_file_was_read(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    static const char name[] = "DZMX_DJ4509000001_GW4509000001_20261121_001.txt";
    char crc[16], line[64];
    unsigned char file[2 * 241];
    memset(file, ' ', sizeof file);
    memcpy(file, "HMXDJ4509000001GW45090000012026112100120261122023000", 52);
    memcpy(file + 241, "T000000000000000000000000", 25);
    file[240] = file[481] = '\n';
    snprintf(crc, sizeof crc, "%08X", fixed_crc32(file, sizeof file));
    const char *const notice[] = {"DQ-BUS-DATE", "20261121", "DQ-KIND", "MX",      "DR-STATUS",
                                  "1",           "DR-FILE",  name,      "DR-SIZE", "482",
                                  "DR-CRC",      crc,        "DR-CNT",  "0",       NULL};
    send_file_request(peer, "600003", "20261122000000000330", notice);
    expect(peer, "20261122000000000330", "900001");
    write_text(f, name, "", file, sizeof file);
    send_file_request(peer, "600003", "20261122000000000331", notice);
    expect(peer, "20261122000000000331", "900001"); /* without .ok it does not exist */
    snprintf(line, sizeof line, "000000000482 %s 00000000\n", crc);
    write_text(f, name, ".ok", line, strlen(line));
    send_file_request(peer, "600003", "20261122000000000332", notice);
    expect(peer, "20261122000000000332", "000000");
    assert_int_equal(f->answer_size, 256);
    assert_int_equal(f->fake->request_count, 0); /* nothing of it is the host's business */
    file[300] = 'X';
    write_text(f, name, "", file, sizeof file);
    send_file_request(peer, "600003", "20261122000000000333", notice);
    expect(peer, "20261122000000000333", "900001");
}

static void
the_days_file_is_made_unasked(void **state)
{
    struct fixture *f = *state;
    /* 02:30 has passed: first the oldest of the last days. */
    for (size_t i = 0; i < 3; i++) {
        static const char *const days[] = {"20261119", "20261120", "20261121"};
        struct fake_request *request = wait_request(f, i + 1);
        assert_string_equal(fake_get(f->fake, request->body, "DQ-BUS-DATE"), days[i]);
        tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "1", "20261121000000000001", "1"));
    }
    fake_run_ms(f->fake, 60);
    assert_int_equal(f->fake->request_count, 3);
    f->fake->date = 20261123;
    f->fake->time = 22959;
    fake_run_ms(f->fake, 60);
    assert_int_equal(f->fake->request_count, 3);
    f->fake->time = 23000;
    assert_string_equal(fake_get(f->fake, wait_request(f, 4)->body, "DQ-BUS-DATE"), "20261122");
}

static void
drain_answers_what_is_open_and_refuses_the_rest(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = sign_on_peer(f, 0);
    send_settle(peer, "20261122000000000093");
    struct fake_request *request = wait_request(f, 1);
    f->fake->completion_count = 0;
    f->ops->drain(f->self, &f->drain);
    send_settle(peer, "20261122000000000094");
    expect(peer, "20261122000000000094", "900001");
    assert_int_equal(f->fake->completion_count, 0);
    tell(f, request, FEP_ANSWERED, (struct fep_result){0}, settled(f));
    expect(peer, "20261122000000000093", "000000");
    expect_closed(peer);
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sign_on_grants_a_window_and_names_the_day),
        CASE(nothing_passes_before_a_sign_on),
        CASE(unknown_outcome_is_told_to_the_byte),
        CASE(good_answer_echoes_the_head),
        CASE(an_answer_that_does_not_fit_is_said_before),
        CASE(wrong_records_are_refused_and_the_connection_stays),
        CASE(a_length_that_is_none_ends_the_connection),
        CASE(a_silent_connection_is_closed_and_heartbeats_keep_it),
        CASE(lines_are_counted),
        CASE(answers_come_in_any_order_within_the_window),
        CASE(return_codes_follow_class_and_code),
        CASE(a_repeat_gets_the_same_bytes_after_a_restart_too),
        CASE(a_repeat_with_other_content_is_refused),
        CASE(a_wrong_accounting_date_is_told_with_the_right_one),
        CASE(a_clock_that_differs_is_refused),
        CASE(a_repeat_after_a_prompt_refusal_is_new),
        CASE(reversal_tells_its_result),
        CASE(inquiry_brings_the_originals_answer),
        CASE(totals_bring_the_day_asked_for),
        CASE(detail_file_is_made_from_the_books_page_by_page),
        CASE(books_that_change_while_they_are_read_are_read_again),
        CASE(a_file_that_takes_long_is_not_ready_yet),
        CASE(a_caller_that_goes_away_leaves_its_file_to_be_made),
        CASE(refused_books_and_wrong_kinds_are_refused),
        CASE(catalogue_goes_out_as_a_file),
        CASE(a_notice_is_answered_only_after_the_file_was_read),
        cmocka_unit_test_setup_teardown(the_days_file_is_made_unasked, set_up_by_clock, tear_down),
        CASE(drain_answers_what_is_open_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
