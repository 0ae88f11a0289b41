/* Another delimited protocol through the same module, by its mapping file alone: pipes between fields, the
 * body behind the head in one list, records in one field, UTF-8, LF, answers that name their request, an
 * inquiry, no sign-in. And the facts about lines one by one. */
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
#include "wire.h"

extern const struct fep_adapter fep_adapter;

struct fixture {
    struct fake_host *fake;
    struct caret_codec codec;
    struct fep_error error;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, calls[16];
    size_t call_count;
    int listener, fd, port;
    char address[64], line[4096];
    size_t size;
    const char *options[16];
};

static const char *
pipe_file(void)
{
    static char path[512];
    const char *source = getenv("FEP_SOURCE");
    snprintf(path, sizeof path, "%s/test/unit/adapters/pipe.cfg", source != NULL ? source : ".");
    char *whole = realpath(path, NULL);
    assert_non_null(whole);
    snprintf(path, sizeof path, "%s", whole);
    free(whole);
    return path;
}

/* --- lines --- */

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->fake = fake_create(pipe_file());
    f->fd = f->listener = -1;
    if (caret_codec_open(&f->codec, &f->fake->host, &f->error) != 0)
        fail_msg("%s", f->error.text);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->self != NULL)
        f->ops->close(f->self);
    if (f->fd >= 0)
        close(f->fd);
    if (f->listener >= 0)
        close(f->listener);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static void
drop(struct fixture *f, struct fep_record *record)
{
    f->fake->host.release_record(f->fake, record);
}

/* Reads a line under head-Q or head-R and its body's layout; *head is the test's to drop. */
static struct fep_record *
read_line(struct fixture *f, bool request, const char *text, const char *layout, struct fep_record **head)
{
    const unsigned char *line = (const unsigned char *)text;
    struct fep_bytes body;
    size_t end = caret_find_line(&f->codec, line, strlen(text), 0);
    memset(&f->error, 0, sizeof f->error);
    *head = NULL;
    assert_int_equal(end, strlen(text));
    *head = caret_decode_head(&f->codec, request, line, end - caret_line_end(&f->codec), &body, &f->error);
    return *head != NULL ? caret_decode_body(&f->codec, layout, body, NULL, &f->error) : NULL;
}

static void
refuse_line(struct fixture *f, const char *text, const char *layout, uint32_t code)
{
    struct fep_record *head, *body = read_line(f, true, text, layout, &head);
    assert_null(body);
    assert_int_equal(f->error.code, code);
    if (head != NULL)
        drop(f, head);
}

static void
expect_line(struct fixture *f, const struct fep_record *head, const struct fep_record *body, const char *text)
{
    unsigned char out[65536];
    long size = caret_encode_line(&f->codec, head, body, NULL, out, &f->error);
    assert_int_equal(size, (long)strlen(text));
    assert_memory_equal(out, text, (size_t)size);
}

#define PAY "PAY|20261122070000000101|H45090000001|V1|125.55|A1,甲片,100.00;A2,,25.55\n"

static void
a_request_is_read_and_written_to_the_byte(void **state)
{
    struct fixture *f = *state;
    struct fep_record *head, *body = read_line(f, true, PAY, "PAY-Q", &head);
    assert_non_null(body);
    assert_string_equal(fake_get(f->fake, head, "ORG"), "H45090000001");
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), "125.55");
    assert_int_equal(f->fake->host.record_rows(body), 2);
    assert_string_equal(fake_get_in_row(f->fake, body, 0, "NAME"), "甲片");
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "NAME"), "");
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "AMT"), "25.55");
    expect_line(f, head, body, PAY);
    drop(f, head);
    drop(f, body);
}

static void
a_refusal_may_have_a_head_only(void **state)
{
    struct fixture *f = *state;
    struct fep_bytes body;
    const unsigned char line[] = "20261122070000000101|E01|总额不符";
    struct fep_record *head = caret_decode_head(&f->codec, false, line, sizeof line - 1, &body, &f->error);
    assert_non_null(head);
    assert_int_equal(body.size, 0);
    assert_string_equal(fake_get(f->fake, head, "TEXT"), "总额不符");
    expect_line(f, head, NULL, "20261122070000000101|E01|总额不符\n");
    drop(f, head);
}

static void
no_records_are_an_empty_field(void **state)
{
    struct fixture *f = *state;
    struct fep_record *head, *body = read_line(f, true, "PAY|1|H1|V1|0.00|\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_int_equal(f->fake->host.record_rows(body), 0);
    expect_line(f, head, body, "PAY|1|H1|V1|0.00|\n");
    drop(f, head);
    drop(f, body);
    body = read_line(f, true, "PAY|1|H1|V1|0.00\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_int_equal(f->fake->host.record_rows(body), 0);
    drop(f, head);
    drop(f, body);
}

static void
broken_lines_are_refused(void **state)
{
    struct fixture *f = *state;
    refuse_line(f, "PAY|1\n", "PAY-Q", 1001);
    refuse_line(f, "PAY|1|H1|V1\n", "PAY-Q", 1003); /* no total */
    refuse_line(f, "PAY|1|H1|V1|1.234\n", "PAY-Q", 1003);
    refuse_line(f, "PAY|1|H1|V1|1.00|A1,x,1.00;\n", "PAY-Q", 1003); /* a record without its item */
    const unsigned char crlf[] = "PAY|1|H1|V1|1.00\r\n";
    assert_int_equal(caret_find_line(&f->codec, crlf, sizeof crlf - 1, 0), SIZE_MAX);
}

static void
numbers_that_are_written_loosely_are_read_as_what_they_are(void **state)
{
    static const char *const pairs[][2] = {{"1.5", "1.50"},   {"01.50", "1.50"},  {"7", "7.00"},
                                           {"-0.00", "0.00"}, {"-0.05", "-0.05"}, {"1.2300", "1.23"},
                                           {"0", "0.00"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "PAY|1|H1|V1|%s\n", pairs[i][0]);
        struct fep_record *head, *body = read_line(f, true, line, "PAY-Q", &head);
        assert_non_null(body);
        assert_string_equal(fake_get(f->fake, body, "TOTAL"), pairs[i][1]);
        drop(f, head);
        drop(f, body);
    }
}

static void
marks_in_data_are_replaced(void **state)
{
    struct fixture *f = *state;
    struct fep_record *head = fake_record(
        f->fake, "head-R", (const char *const[]){"SERIAL", "1", "CODE", "OK", "TEXT", "a|b;c,d^e\nf", NULL});
    expect_line(f, head, NULL, "1|OK|a/b/c/d^e f\n");
    drop(f, head);
}

/* --- the facts one by one: the same file with one of them changed --- */

static void
open_with(struct fixture *f, const char *from, const char *to)
{
    static char text[16384];
    char path[] = "/tmp/fep-form-XXXXXX";
    FILE *file = fopen(pipe_file(), "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *at = strstr(text, from);
    assert_non_null(at);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    close(fd);
    fake_destroy(f->fake);
    f->fake = fake_create(path);
    unlink(path);
    memset(&f->error, 0, sizeof f->error);
}

static void
refuse_fact(struct fixture *f, const char *from, const char *to, const char *word)
{
    open_with(f, from, to);
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), -1);
    if (strstr(f->error.text, word) == NULL)
        fail_msg("\"%s\" does not name %s", f->error.text, word);
}

static void
facts_that_can_not_work_are_found_at_the_start(void **state)
{
    struct fixture *f = *state;
    refuse_fact(f, "body = \"flat\"", "body = \"inside\"", "wire.body");
    refuse_fact(f, "fields = \"separated\"", "fields = \"open\"", "wire.fields");
    refuse_fact(f, "records = \"packed\"", "records = \"x\"", "wire.records");
    refuse_fact(f, "line_end = \"lf\"", "line_end = \"cr\"", "wire.line_end");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"||\"", "wire.field_mark");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"5\"", "wire.field_mark");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"-\"", "wire.field_mark");
    refuse_fact(f, "record_field_mark = \",\"", "record_field_mark = \"|\"", "record_field_mark");
    refuse_fact(f, "record_mark = \";\"", "record_mark = \"|\"", "record_mark");
    refuse_fact(f, "mark_replacement = \"/\"", "mark_replacement = \";\"", "mark_replacement");
    refuse_fact(f, "decimals = \"loose\"", "decimals = \"fen\"", "decimals");
    refuse_fact(f, "body = \"flat\"", "body = \"nested\"", "body_mark");
    refuse_fact(f, "characters = \"utf8\"", "characters = \"big5\"", "characters");
}

static void
expect_pay(struct fixture *f, const char *text, const char *amount)
{
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), 0);
    struct fep_record *head, *body = read_line(f, true, text, "PAY-Q", &head);
    if (body == NULL)
        fail_msg("%s", f->error.text);
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), amount);
    assert_int_equal(f->fake->host.record_rows(body), 2);
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "ITEM"), "A2");
    expect_line(f, head, body, text);
    drop(f, head);
    drop(f, body);
}

static void
each_fact_changes_the_line(void **state)
{
    struct fixture *f = *state;
    open_with(f, "fields = \"separated\"", "fields = \"closed\"");
    expect_pay(f, "PAY|1|H1|V1|1.00|A1,,1.00,;A2,,0.00,;|\n", "1.00");
    open_with(f, "records = \"packed\"; record_mark = \";\"; record_field_mark = \",\"",
              "records = \"opened\"; record_mark = \"#\"; record_field_mark = \"~\"");
    expect_pay(f, "PAY|1|H1|V1|1.00#A1~~1.00#A2~~0.00\n", "1.00");
    open_with(f, "decimals = \"loose\"", "decimals = \"implied\"");
    expect_pay(f, "PAY|1|H1|V1|12505|A1,,100;A2,,0\n", "125.05");
    open_with(f, "decimals = \"loose\"", "decimals = \"loose\"; empty = \"NULL\"");
    expect_pay(f, "PAY|1|NULL|V1|1.00|A1,NULL,1.00;A2,NULL,0.00\n", "1.00");
    open_with(f, "line_end = \"lf\"", "line_end = \"crlf\"");
    expect_pay(f, "PAY|1|H1|V1|1.00|A1,,1.00;A2,,0.00\r\n", "1.00");
    open_with(f, "field_mark = \"|\"", "field_mark = \"\\t\"");
    expect_pay(f, "PAY\t1\tH1\tV1\t1.00\tA1,,1.00;A2,,0.00\n", "1.00");
}

static void
an_implied_amount_has_no_point(void **state)
{
    struct fixture *f = *state;
    open_with(f, "decimals = \"loose\"", "decimals = \"implied\"");
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), 0);
    refuse_line(f, "PAY|1|H1|V1|1.00\n", "PAY-Q", 1003);
    struct fep_record *head, *body = read_line(f, true, "PAY|1|H1|V1|-5\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), "-0.05");
    drop(f, head);
    drop(f, body);
}

/* --- calling --- */

static const char *const head_values[] = {"ORG", "H45090000001", NULL};
static const char *const pay_values[] = {"VISIT", "V1", "TOTAL", "125.55", NULL};
static const char *const pay_row[] = {"ITEM", "A1", "AMT", "125.55", NULL};
static const char *const list_values[] = {"DATE", "20261122", NULL};
static const struct fake_message pay = {"PAY", head_values, pay_values, pay_row};
static const struct fake_message list = {"LIST", head_values, list_values, NULL};

static void
open_module(struct fixture *f, const char *mode, const char *option)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    getsockname(f->listener, (struct sockaddr *)&address, &size);
    f->port = ntohs(address.sin_port);
    if (strcmp(mode, "serve") == 0) { /* the port is the module's then */
        close(f->listener);
        f->listener = -1;
    }
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", f->port);
    const char *const options[] = {"mode", mode, option, f->address, NULL};
    memcpy(f->options, options, sizeof options);
    fake_use_options(f->fake, fep_adapter.options, f->options);
    f->ops = fep_adapter.ops;
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &f->error) != 0)
        fail_msg("%s", f->error.text);
    f->ops->start(f->self, &f->start);
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
    f->fake->completion_count = 0;
}

static int
set_up_calling(void **state)
{
    set_up(state);
    open_module(*state, "call", "connect");
    return 0;
}

static struct fep_call *
next_call(struct fixture *f, uint64_t serial)
{
    struct fep_call *call = &f->calls[f->call_count++];
    call->attempt = (struct fep_attempt){
        .size = sizeof call->attempt, .number = 1, .serial = serial, .serial_date = 20261122};
    return call;
}

static const struct fep_message *
canonical(const struct fake_message *message)
{
    return (const struct fep_message *)(const void *)message;
}

static bool
accepted(void *arg)
{
    struct fixture *f = arg;
    if (f->fd < 0)
        f->fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
    return f->fd >= 0;
}

static bool
line_there(void *arg)
{
    struct fixture *f = arg;
    ssize_t got = recv(f->fd, f->line + f->size, sizeof f->line - f->size - 1, 0);
    f->size += got > 0 ? (size_t)got : 0;
    f->line[f->size] = '\0';
    return strchr(f->line, '\n') != NULL;
}

static void
expect_request(struct fixture *f, const char *text)
{
    assert_true(fake_run_until(f->fake, accepted, f));
    assert_true(fake_run_until(f->fake, line_there, f));
    assert_string_equal(f->line, text);
    f->size = 0;
    f->line[0] = '\0';
}

static void
say(struct fixture *f, const char *text)
{
    assert_int_equal(send(f->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

struct wanted {
    struct fixture *f;
    size_t count;
};

static bool
completed(void *arg)
{
    struct wanted *wanted = arg;
    return wanted->f->fake->completion_count >= wanted->count;
}

static struct fake_completion *
wait_for(struct fixture *f, size_t count)
{
    struct wanted wanted = {f, count};
    assert_true(fake_run_until(f->fake, completed, &wanted));
    return &f->fake->completions[count - 1];
}

static void
a_payment_is_posted_without_any_sign_in(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->fake->health.state, FEP_UP);
    f->ops->submit(f->self, next_call(f, 70000000101), canonical(&pay));
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55\n");
    say(f, "20261122070000000101|OK||S77|125.55|69.9\n");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.cycle, "");
    assert_string_equal(fake_get(f->fake, done->answer, "CASH"), "69.90");
}

static void
refusals_have_their_class(void **state)
{
    static const struct {
        const char *code;
        enum fep_kind kind;
        unsigned class, canonical;
    } codes[] = {{"E01", FEP_REFUSED, FEP_FINAL, 2301},
                 {"E02", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"E03", FEP_UNKNOWN, 0, 9002},
                 {"E99", FEP_UNKNOWN, 0, 9002}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char line[128], request[128];
        f->ops->submit(f->self, next_call(f, 70000000101 + i), canonical(&pay));
        snprintf(request, sizeof request, "PAY|2026112207000000%04zu|H45090000001|V1|125.55|A1,,125.55\n",
                 101 + i);
        expect_request(f, request);
        snprintf(line, sizeof line, "2026112207000000%04zu|%s|不行\n", 101 + i, codes[i].code);
        say(f, line);
        struct fake_completion *done = wait_for(f, i + 1);
        assert_int_equal(done->kind, codes[i].kind);
        assert_int_equal(done->result.code, codes[i].canonical);
        if (done->kind == FEP_REFUSED)
            assert_int_equal(done->result.refusal_class, codes[i].class);
    }
}

static void
an_answer_that_names_another_request_is_none(void **state)
{
    struct fixture *f = *state;
    f->ops->submit(f->self, next_call(f, 70000000101), canonical(&pay));
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55\n");
    say(f, "20261122070000000100|OK||S76|125.55|69.90\n");
    assert_int_equal(wait_for(f, 1)->kind, FEP_UNKNOWN);
}

static void
a_good_answer_without_a_serial_is_none(void **state)
{
    struct fixture *f = *state;
    f->ops->submit(f->self, next_call(f, 70000000101), canonical(&pay));
    expect_request(f, "PAY|20261122070000000101|H45090000001|V1|125.55|A1,,125.55\n");
    say(f, "|OK||S76|125.55|69.90\n");
    assert_int_equal(wait_for(f, 1)->kind, FEP_UNKNOWN);
}

static void
inquire(struct fixture *f, const char *answer)
{
    f->ops->inquire(f->self, next_call(f, 70000000101), canonical(&pay));
    expect_request(f, "WHAT|20261122990000000001|H45090000001|20261122070000000101\n");
    say(f, answer);
}

static void
an_inquiry_brings_the_originals_answer(void **state)
{
    struct fixture *f = *state;
    inquire(f, "20261122990000000001|OK||1|OK|S77|125.55|69.90\n");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_string_equal(f->fake->host.record_layout(done->answer)->name, "PAY-R");
    assert_string_equal(fake_get(f->fake, done->answer, "SETL"), "S77");
}

static void
an_inquiry_that_found_something_else(void **state)
{
    struct fixture *f = *state;
    inquire(f, "20261122990000000001|OK||2|E01\n");
    assert_int_equal(wait_for(f, 1)->result.finding, FEP_FOUND_REFUSED);
    assert_int_equal(f->fake->completions[0].result.code, 2301);
    inquire(f, "20261122990000000001|OK||0\n");
    assert_int_equal(wait_for(f, 2)->result.finding, FEP_FOUND_NOTHING);
    assert_null(f->fake->completions[1].answer);
    inquire(f, "20261122990000000001|OK||1|OK\n"); /* posted, and its answer is not there */
    assert_int_equal(wait_for(f, 3)->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(f->fake->completions[2].result.reason, FEP_REASON_INCONSISTENT);
    inquire(f, "20261122990000000001|OK||7\n");
    assert_int_equal(wait_for(f, 4)->kind, FEP_UNKNOWN);
}

static void
a_reversal_names_the_original(void **state)
{
    struct fixture *f = *state;
    f->ops->reverse(f->self, next_call(f, 70000000101), canonical(&pay));
    expect_request(f, "BACK|20261122990000000001|H45090000001|20261122070000000101\n");
    say(f, "20261122990000000001|OK||1\n");
    assert_int_equal(wait_for(f, 1)->result.finding, FEP_FOUND_REVERSED);
}

static void
own_serials_in_a_list_are_turned_back_and_others_left_out(void **state)
{
    struct fixture *f = *state;
    f->ops->submit(f->self, next_call(f, 70000000105), canonical(&list));
    expect_request(f, "LIST|20261122070000000105|H45090000001|20261122\n");
    say(f, "20261122070000000105|OK||2|20261122070000000101,S77;T-20261122-1,S78\n");
    struct fake_completion *done = wait_for(f, 1);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "SERIAL"), "20261122070000000101");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SERIAL"), "");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 1, "SETL"), "S78");
}

static bool
is_state(void *arg)
{
    struct wanted *wanted = arg;
    return wanted->f->fake->health.state == wanted->count;
}

/* Nothing can be asked of this system but business: it is looked for with a connection. */
static void
a_system_that_was_gone_is_found_again(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    close(f->listener);
    f->ops->submit(f->self, next_call(f, 70000000101), canonical(&pay));
    assert_int_equal(wait_for(f, 1)->kind, FEP_NOT_SENT);
    struct wanted down = {f, FEP_DOWN}, up = {f, FEP_UP};
    assert_true(fake_run_until(f->fake, is_state, &down));
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    fake_advance(f->fake, 4000);
    assert_true(fake_run_until(f->fake, is_state, &up));
}

static void
time_out(struct fixture *f, uint64_t serial)
{
    struct fep_call *call = next_call(f, serial);
    f->ops->submit(f->self, call, canonical(&pay));
    assert_true(fake_run_until(f->fake, accepted, f));
    assert_true(fake_run_until(f->fake, line_there, f));
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    close(f->fd);
    f->fd = -1;
    f->size = 0;
    f->line[0] = '\0';
}

/* Without an echo the next request is the probe. */
static void
a_system_that_hangs_gets_one_request_after_a_pause(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5; i++)
        time_out(f, 70000000101 + i);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
    f->ops->submit(f->self, next_call(f, 70000000110), canonical(&pay));
    assert_int_equal(wait_for(f, 6)->kind, FEP_NOT_SENT);
    fake_advance(f->fake, 31000);
    struct wanted up = {f, FEP_UP};
    assert_true(fake_run_until(f->fake, is_state, &up));
    time_out(f, 70000000111);
    assert_int_equal(f->fake->health.state, FEP_DOWN);
}

/* --- serving --- */

static int
set_up_serving(void **state)
{
    struct fixture *f;
    set_up(state);
    f = *state;
    open_module(f, "serve", "listen");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    f->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(f->fd, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(f->fd, F_SETFL, O_NONBLOCK);
    return 0;
}

struct asked {
    struct fixture *f;
    size_t count;
};

static bool
request_there(void *arg)
{
    struct asked *asked = arg;
    return asked->f->fake->request_count >= asked->count;
}

static struct fake_request *
ask(struct fixture *f, const char *line)
{
    struct asked asked = {f, f->fake->request_count + 1};
    say(f, line);
    assert_true(fake_run_until(f->fake, request_there, &asked));
    return &f->fake->requests[asked.count - 1];
}

static void
answer(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
       struct fep_record *record)
{
    result.size = sizeof result;
    if (record != NULL)
        assert_int_equal(request->try_answer(f->self, request->ticket, record, &f->error), 0);
    request->on_answer(f->self, request->ticket, kind, &result, record);
    f->fake->host.release_record(f->fake, record);
}

static struct fep_record *
paid(struct fixture *f)
{
    return fake_record(f->fake, "PAY-R",
                       (const char *const[]){"SETL", "S77", "TOTAL", "125.55", "CASH", "69.90", NULL});
}

static void
expect_answer(struct fixture *f, const char *text)
{
    assert_true(fake_run_until(f->fake, line_there, f));
    assert_string_equal(f->line, text);
    f->size = 0;
    f->line[0] = '\0';
}

static void
a_request_is_served_without_any_sign_in(void **state)
{
    struct fixture *f = *state;
    struct fake_request *request = ask(f, "PAY|0007|H1|V1|125.55|A1,,125.55\n");
    assert_string_equal(request->local, "PAY");
    assert_string_equal(fake_get(f->fake, request->body, "TOTAL"), "125.55");
    answer(f, request, FEP_ANSWERED, (struct fep_result){.effect = FEP_EFFECT_POSTED}, paid(f));
    expect_answer(f, "0007|OK||S77|125.55|69.90\n");
}

static void
a_repeat_gets_the_stored_answer_where_the_protocol_replays(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "PAY|0007|H1|V1|125.55\n"), FEP_ANSWERED, (struct fep_result){.copy = 1}, paid(f));
    expect_answer(f, "0007|OK||S77|125.55|69.90\n");
    answer(f, ask(f, "PAY|0008|H1|V1|125.55\n"), FEP_REFUSED, (struct fep_result){.copy = 1, .code = 2301},
           NULL);
    expect_answer(f, "0008|E01|\n");
}

static void
what_is_not_known_has_its_own_code(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "PAY|0007|H1|V1|125.55\n"), FEP_UNKNOWN, (struct fep_result){.code = 0}, NULL);
    assert_true(fake_run_until(f->fake, line_there, f));
    assert_int_equal(strncmp(f->line, "0007|E03|", 9), 0);
}

static void
lines_that_can_not_be_read_are_refused(void **state)
{
    struct fixture *f = *state;
    say(f, "PAY|0007\n");
    assert_true(fake_run_until(f->fake, line_there, f));
    assert_int_equal(strncmp(f->line, "|E05|", 5), 0);
    f->size = 0;
    say(f, "NONE|0007|H1|\n");
    assert_true(fake_run_until(f->fake, line_there, f));
    assert_int_equal(strncmp(f->line, "0007|E10|", 9), 0);
}

static void
an_inquiry_is_answered_with_the_state_and_the_original(void **state)
{
    struct fixture *f = *state;
    answer(f, ask(f, "WHAT|0010|H1|0007\n"), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_POSTED},
           paid(f));
    expect_answer(f, "0010|OK||1|OK|S77|125.55|69.90\n");
    answer(f, ask(f, "WHAT|0011|H1|0007\n"), FEP_ANSWERED,
           (struct fep_result){.finding = FEP_FOUND_REFUSED, .code = 2301, .refusal_class = FEP_FINAL}, NULL);
    expect_answer(f, "0011|OK||2|E01\n");
    answer(f, ask(f, "WHAT|0012|H1|0007\n"), FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_NOTHING},
           NULL);
    expect_answer(f, "0012|OK||0|\n");
    answer(f, ask(f, "WHAT|0013|H1|0007\n"), FEP_ANSWERED,
           (struct fep_result){.finding = FEP_FOUND_CANCELLED}, NULL);
    assert_true(fake_run_until(f->fake, line_there, f)); /* the mapping has no word for it */
    assert_int_equal(strncmp(f->line, "0013|E02|", 9), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_read_and_written_to_the_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_may_have_a_head_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_records_are_an_empty_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_lines_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_that_are_written_loosely_are_read_as_what_they_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(marks_in_data_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(facts_that_can_not_work_are_found_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_fact_changes_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_implied_amount_has_no_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_payment_is_posted_without_any_sign_in, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(refusals_have_their_class, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_names_another_request_is_none, set_up_calling,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_good_answer_without_a_serial_is_none, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(an_inquiry_brings_the_originals_answer, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(an_inquiry_that_found_something_else, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(a_reversal_names_the_original, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(own_serials_in_a_list_are_turned_back_and_others_left_out,
                                        set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(a_system_that_was_gone_is_found_again, set_up_calling, tear_down),
        cmocka_unit_test_setup_teardown(a_system_that_hangs_gets_one_request_after_a_pause, set_up_calling,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_served_without_any_sign_in, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_gets_the_stored_answer_where_the_protocol_replays,
                                        set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_known_has_its_own_code, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(lines_that_can_not_be_read_are_refused, set_up_serving, tear_down),
        cmocka_unit_test_setup_teardown(an_inquiry_is_answered_with_the_state_and_the_original,
                                        set_up_serving, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
