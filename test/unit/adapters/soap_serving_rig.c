/* The soap module serving: its start, the hospital's side of HTTP, the host's answers. */
#include "soap_serving_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

extern const struct fep_adapter fep_adapter;

int
rig_set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    f->fake = fake_create("wuxian-450300.cfg");
    f->fake->date = 20261122;
    f->fake->time = 93016;
    f->hospital = -1;
    assert_int_equal(soap_codec_open(&f->codec, &f->fake->host, &error), 0);
    f->port = loopback_free_port();
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", f->port);
    const char *const options[] = {"mode",  "serve",      "listen", f->address,        "request_time",
                                   "30000", "write_time", "2000",   "max_connections", "3",
                                   NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) < 0)
        fail_msg("%s", error.text);
    f->ops->start(f->self, &f->start);
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
    *state = f;
    return 0;
}

int
rig_tear_down(void **state)
{
    struct fixture *f = *state;
    f->ops->close(f->self);
    assert_int_equal(fake_open_watches(f->fake), 0);
    if (f->hospital >= 0)
        close(f->hospital);
    soap_release(&f->document);
    http_finish(&f->told);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

int
rig_connect(struct fixture *f)
{
    return loopback_connect(f->port);
}

void
rig_hang_up(struct fixture *f)
{
    close(f->hospital);
    f->hospital = -1;
}

void
rig_send(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

size_t
rig_make_request(struct fixture *f, const char *text, unsigned char *out, size_t room)
{
    unsigned char wire[1 << 15];
    size_t size = fake_encode(f->fake, text, wire, sizeof wire);
    int length = http_write_request((char *)out, room, f->codec.wire.path, "h", f->codec.wire.content_type,
                                    f->codec.wire.soap_action, size);
    assert_true(length > 0 && (size_t)length + size <= room);
    memcpy(out + length, wire, size);
    return (size_t)length + size;
}

void
rig_send_request(struct fixture *f, int fd, const char *text)
{
    unsigned char out[1 << 16];
    rig_send(fd, out, rig_make_request(f, text, out, sizeof out));
}

/* Opens a connection and asks. */
void
rig_ask(struct fixture *f, const char *text)
{
    if (f->hospital >= 0)
        rig_hang_up(f);
    f->hospital = rig_connect(f);
    rig_send_request(f, f->hospital, text);
}

static bool
is_told(void *arg)
{
    struct fixture *f = arg;
    unsigned char piece[4096];
    ssize_t got = recv(f->hospital, piece, sizeof piece, 0);
    if (got > 0)
        (void)http_take(&f->told, piece, (size_t)got);
    else if (got == 0)
        http_end(&f->told);
    return f->told.state != HTTP_MORE;
}

int
rig_await_status(struct fixture *f)
{
    http_finish(&f->told);
    http_init(&f->told, false, 1 << 20);
    assert_true(fake_run_until(f->fake, is_told, f));
    if (f->told.state != HTTP_COMPLETE)
        fail_msg("no answer: %s", f->told.trouble);
    return f->told.head.status;
}

/* Reads the answer; its document stays in f->document. */
void
rig_await_answer(struct fixture *f)
{
    struct fep_error error;
    assert_int_equal(rig_await_status(f), 200);
    soap_release(&f->document);
    if (soap_read(&f->codec, false, f->told.body, f->told.body_size, &f->document, &error) < 0)
        fail_msg("%s", error.text);
}

const char *
rig_head_value(struct fixture *f, const char *field)
{
    static char value[8][256];
    static unsigned turn;
    char *out = value[turn++ % 8];
    struct fep_bytes text;
    char *joined;
    const xmlNode *element = soap_find(f->document.head, field);
    assert_non_null(element);
    assert_int_equal(xml_text(element, &text, &joined), 0);
    snprintf(out, 256, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
    xml_free_text(joined);
    return out;
}

bool
rig_is_cut_off(void *arg)
{
    struct fixture *f = arg;
    unsigned char piece;
    return recv(f->hospital, &piece, 1, 0) == 0;
}

void
rig_assert_told(struct fixture *f, const char *status, const char *code)
{
    rig_await_answer(f);
    assert_string_equal(rig_head_value(f, "RETURNNUM"), status);
    assert_string_equal(rig_head_value(f, "ERRORCODE"), code);
}

const char *
rig_output_value(struct fixture *f, const char *transaction, const char *field)
{
    struct fep_error error;
    struct fep_record *body = soap_decode_body(&f->codec, false, transaction, f->document.body, &error);
    if (body == NULL)
        fail_msg("%s", error.text);
    const char *value = fake_get(f->fake, body, field);
    f->fake->host.release_record(f->fake, body);
    return value;
}

struct fake_request *
rig_await_request(struct fixture *f, size_t count)
{
    return fake_wait_request(f->fake, count);
}

void
rig_end_request(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
                struct fep_record *answer)
{
    fake_tell(f->fake, f->self, request, kind, result, answer);
}

struct fep_record *
rig_settled(struct fixture *f)
{
    static const char *const values[] = {"AAZ216", "GW2026112200000000000456",
                                         "AAE072", "FP2026112200017",
                                         "AAE040", "20261122093016",
                                         "AKC264", "3256.80",
                                         "AKC260", "1955.00",
                                         "AKC255", "800.00",
                                         "AKC261", "501.80",
                                         "AKE039", "1955.00",
                                         "AKE029", "0.00",
                                         "AKC262", "0.00",
                                         "AKE035", "0.00",
                                         "AKE026", "0.00",
                                         "BKA821", "0.00",
                                         "AKE173", "0.00",
                                         "AKC253", "356.80",
                                         "AKC228", "150.00",
                                         "AKC268", "50.00",
                                         "BKC042", "2700.00",
                                         "AKA151", "400.00",
                                         "AKC087", "0.00",
                                         NULL};
    return fake_record(f->fake, "1402-R", values);
}
