/* The soap module serving: over real loopback sockets, the test being hospital and host. What is told, to the
 * byte, and when a refused serial may begin anew. */
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

struct fixture {
    struct fake_host *fake;
    struct soap_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain;
    char address[64];
    struct sockaddr_in to;
    const char *options[24];
    struct http_reader told;
    int hospital;
    struct soap_document document;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    int on = 1, probe = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof f->to;
    f->fake = fake_create("wuxian-450300.cfg");
    f->fake->date = 20261122;
    f->fake->time = 93016;
    f->hospital = -1;
    assert_int_equal(soap_codec_open(&f->codec, &f->fake->host, &error), 0);
    f->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(probe, (struct sockaddr *)&f->to, size), 0);
    getsockname(probe, (struct sockaddr *)&f->to, &size);
    close(probe);
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", ntohs(f->to.sin_port));
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

static int
tear_down(void **state)
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

/* --- the hospital --- */

static int
connect_to(struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&f->to, sizeof f->to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void
hang_up(struct fixture *f)
{
    close(f->hospital);
    f->hospital = -1;
}

static void
send_bytes(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static size_t
make_request(struct fixture *f, const char *text, unsigned char *out, size_t room)
{
    unsigned char wire[1 << 15];
    size_t size = fake_encode(f->fake, text, wire, sizeof wire);
    int length = http_write_request((char *)out, room, f->codec.wire.path, "h", f->codec.wire.content_type,
                                    f->codec.wire.soap_action, size);
    assert_true(length > 0 && (size_t)length + size <= room);
    memcpy(out + length, wire, size);
    return (size_t)length + size;
}

static void
send_request(struct fixture *f, int fd, const char *text)
{
    unsigned char out[1 << 16];
    send_bytes(fd, out, make_request(f, text, out, sizeof out));
}

/* Opens a connection and asks. */
static void
ask(struct fixture *f, const char *text)
{
    if (f->hospital >= 0)
        hang_up(f);
    f->hospital = connect_to(f);
    send_request(f, f->hospital, text);
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

static int
await_status(struct fixture *f)
{
    http_finish(&f->told);
    http_init(&f->told, false, 1 << 20);
    assert_true(fake_run_until(f->fake, is_told, f));
    if (f->told.state != HTTP_COMPLETE)
        fail_msg("no answer: %s", f->told.trouble);
    return f->told.head.status;
}

/* Reads the answer; its document stays in f->document. */
static void
await_answer(struct fixture *f)
{
    struct fep_error error;
    assert_int_equal(await_status(f), 200);
    soap_release(&f->document);
    if (soap_read(&f->codec, false, f->told.body, f->told.body_size, &f->document, &error) < 0)
        fail_msg("%s", error.text);
}

static const char *
head_value(struct fixture *f, const char *field)
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

static bool
is_cut_off(void *arg)
{
    struct fixture *f = arg;
    unsigned char piece;
    return recv(f->hospital, &piece, 1, 0) == 0;
}

static void
assert_told(struct fixture *f, const char *status, const char *code)
{
    await_answer(f);
    assert_string_equal(head_value(f, "RETURNNUM"), status);
    assert_string_equal(head_value(f, "ERRORCODE"), code);
}

static const char *
output_value(struct fixture *f, const char *transaction, const char *field)
{
    struct fep_error error;
    struct fep_record *body = soap_decode_body(&f->codec, false, transaction, f->document.body, &error);
    if (body == NULL)
        fail_msg("%s", error.text);
    const char *value = fake_get(f->fake, body, field);
    f->fake->host.release_record(f->fake, body);
    return value;
}

/* --- the host --- */

struct awaited {
    struct fixture *f;
    size_t count;
};

static bool
has_requests(void *arg)
{
    const struct awaited *awaited = arg;
    return awaited->f->fake->request_count >= awaited->count;
}

static struct fake_request *
await_request(struct fixture *f, size_t count)
{
    struct awaited awaited = {f, count};
    assert_true(fake_run_until(f->fake, has_requests, &awaited));
    return &f->fake->requests[count - 1];
}

static void
end_request(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
            struct fep_record *answer)
{
    result.size = sizeof result;
    request->on_answer(f->self, request->ticket, kind, &result, answer);
    f->fake->host.release_record(f->fake, answer);
}

static struct fep_record *
settled(struct fixture *f)
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

/* Head of a request of a Guilin hospital; the serial's last digit is `n`. */
#define HEAD(msgno, n, more)                                                                                 \
    "<MSGNO>" msgno "</MSGNO><MSGID>H4503000000120261122093015000" n "</MSGID>" more                         \
    "<JYFX>1</JYFX><AAB301>450300</AAB301><AAA027>451200</AAA027><AKB020>H45030000001</AKB020>"              \
    "<OPERID>1007</OPERID><OPERNAME>陆测试</OPERNAME><OPTTIME>20261122093015</OPTTIME>"                   \
    "<GRANTID>WX450300</GRANTID>"
#define PERSON_INPUT "<BKA895>01</BKA895><BKA896>45120000000000012345</BKA896><AAE030>20261122</AAE030>"

/* --- good requests --- */

static void
test_example_to_the_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char expected[4096], got[4096];
    size_t size = sizeof GOOD_ANSWER_HTTP - 1, at = 0;
    ask(f, GOOD_REQUEST);
    struct fake_request *request = await_request(f, 1);
    assert_string_equal(request->local, "1402");
    assert_true(request->fresh);
    assert_string_equal(fake_get(f->fake, request->head, "MSGID"), "H45030000001202611220930150001");
    assert_string_equal(fake_get(f->fake, request->body, "AAC003"), "吐尔逊·测试");
    struct fep_record *answer = settled(f);
    struct fep_error error;
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &error), 0);
    end_request(f, request, FEP_ANSWERED, (struct fep_result){.accounting_date = 20261122}, answer);
    fake_run_ms(f->fake, 20);
    for (ssize_t n; (n = recv(f->hospital, got + at, sizeof got - at, 0)) > 0;)
        at += (size_t)n;
    memcpy(expected, GOOD_ANSWER_HTTP, size);
    size += fake_encode(f->fake, GOOD_ANSWER, expected + size, sizeof expected - size);
    /* our own serial is made of the caller's */
    memcpy(memmem(expected, size, "GW4503000001202611220930160789", 30), "GW5030000001202611220930150001",
           30);
    assert_int_equal(size, 97 + 1074);
    assert_int_equal(at, size);
    assert_memory_equal(got, expected, size);
}

static void
test_request_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    size_t size = make_request(f, GOOD_REQUEST, out, sizeof out);
    f->hospital = connect_to(f);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(f->fake->request_count, 0);
        send_bytes(f->hospital, out + i, 1);
        if (i % 8 == 0)
            fake_run_ms(f->fake, 0);
    }
    struct fake_request *request = await_request(f, 1);
    end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, settled(f));
    assert_told(f, "1", "0000");
}

static void
test_characters_outside_gbk(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1101", "1", ""), PERSON_INPUT "<AAC003>&#x4DAE;小测</AAC003>")));
    struct fake_request *request = await_request(f, 1);
    assert_string_equal(fake_get(f->fake, request->body, "AAC003"), "䶮小测");
    struct fep_record *answer =
        fake_record(f->fake, "1101-R", (const char *const[]){"AAC003", "䶮小测", NULL});
    fake_set_row(f->fake, answer, (const char *const[]){"AAE140", "390", NULL});
    end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    assert_told(f, "1", "0000");
    assert_non_null(memmem(f->told.body, f->told.body_size, "<AAC003>&#x4DAE;\xD0\xA1\xB2\xE2</AAC003>", 29));
    assert_string_equal(output_value(f, "1101", "AAC003"), "䶮小测");
    assert_string_equal(head_value(f, "REFMSGID"), ""); /* nothing was recorded */
}

static void
test_echo(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1999", "1", ""), "<ECHO>a&lt;测</ECHO>")));
    assert_told(f, "1", "0000");
    assert_string_equal(output_value(f, "1999", "ECHO"), "a<测");
    assert_string_equal(output_value(f, "1999", "AAE036"), "20261122093016");
    assert_int_equal(f->fake->request_count, 0);
}

static void
test_what_repeats_the_request(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1202", "1", ""), "<AAZ217>V1</AAZ217><AKC190>Z1</AKC190><AAE011>陆</AAE011>")));
    struct fake_request *request = await_request(f, 1);
    end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, fake_record(f->fake, "1202-R", NULL));
    assert_told(f, "1", "0000");
    assert_string_equal(output_value(f, "1202", "AAZ217"), "V1");
}

#define ABOUT "<ORGMSGNO>1402</ORGMSGNO><ORGMSGID>H45030000001202611220930150001</ORGMSGID>"
#define OLD   "<AKC190>Z1</AKC190><ORGDATE>20261122</ORGDATE>"

static void
test_reversal(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1901", "2", ABOUT), OLD)));
    struct fake_request *request = await_request(f, 1);
    assert_string_equal(fake_get(f->fake, request->head, "ORGMSGID"), "H45030000001202611220930150001");
    end_request(f, request, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
                fake_record(f->fake, "1901-R", (const char *const[]){"CZJG", "1", NULL}));
    assert_told(f, "1", "0000");
    assert_string_equal(output_value(f, "1901", "CZJG"), "1");
    assert_string_equal(output_value(f, "1901", "ORGREFMSGID"), "GW5030000001202611220930150001");
    ask(f, ASK(REQUEST(HEAD("1901", "3", ABOUT), OLD)));
    end_request(f, await_request(f, 2), FEP_UNKNOWN, (struct fep_result){.finding = FEP_FOUND_IN_PROGRESS},
                NULL);
    assert_told(f, "-1", "9001"); /* "open" to a reversal is: try again */
}

static void
test_inquiry(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned finding;
        const char *state, *status, *code;
    } cases[] = {{FEP_FOUND_NOTHING, "0", "", ""},           {FEP_FOUND_POSTED, "1", "1", "0000"},
                 {FEP_FOUND_REFUSED, "2", "-1", "2301"},     {FEP_FOUND_IN_PROGRESS, "3", "", ""},
                 {FEP_FOUND_REVERSED, "4", "", ""},          {FEP_FOUND_NEVER_ARRIVED, "4", "", ""},
                 {FEP_FOUND_STAYS_POSTED, "1", "1", "0000"}, {FEP_FOUND_CANCELLED, "5", "1", "0000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool posted = strcmp(cases[i].status, "1") == 0;
        ask(f, ASK(REQUEST(HEAD("1902", "2", ABOUT), OLD)));
        end_request(f, await_request(f, i + 1), FEP_ANSWERED,
                    (struct fep_result){.finding = cases[i].finding,
                                        .code = cases[i].finding == FEP_FOUND_REFUSED ? 2301 : 0},
                    posted ? settled(f) : NULL);
        assert_told(f, "1", "0000");
        assert_string_equal(output_value(f, "1902", "JYZT"), cases[i].state);
        assert_string_equal(output_value(f, "1902", "ORGRETURNNUM"), cases[i].status);
        assert_string_equal(output_value(f, "1902", "ORGERRORCODE"), cases[i].code);
        assert_true((soap_find(f->document.body, "ORGOUTPUT") != NULL) == posted);
    }
    ask(f, ASK(REQUEST(HEAD("1902", "2", ABOUT), OLD)));
    end_request(f, await_request(f, 9), FEP_UNKNOWN, (struct fep_result){0}, NULL);
    assert_told(f, "-1", "9001");
}

/* --- totals, details, catalogue --- */

#define ROW(type)                                                                                            \
    "<ROW><AAE140>" type "</AAE140><QSLB>11</QSLB><POSNUM>2</POSNUM><NEGNUM>1</NEGNUM>"                      \
    "<AKC264>125.55</AKC264><AKC260>57.75</AKC260><AKC255>0.00</AKC255><AKC261>67.80</AKC261></ROW>"
#define DAYS "<AAE041>20261121</AAE041><AAE042>20261121</AAE042>"

static void
test_totals_are_answered_row_by_row(void **state)
{
    struct fixture *f = *state;
    static const char *const equal[] = {"AAE140", "310",    "QSLB",   "11",     "POSNUM", "2",      "NEGNUM",
                                        "1",      "AKC264", "125.55", "AKC260", "57.75",  "AKC255", "0.00",
                                        "AKC261", "67.80",  "DZJG",   "0",      NULL};
    ask(f, ASK(REQUEST(HEAD("1501", "1", ""),
                       DAYS "<ROWNUM>2</ROWNUM><DETAILS>" ROW("310") ROW("390") "</DETAILS>")));
    struct fake_request *request = await_request(f, 1);
    assert_string_equal(request->local, "1501");
    assert_int_equal(f->fake->host.record_rows(request->body), 2);
    assert_string_equal(fake_get_in_row(f->fake, request->body, 1, "AAE140"), "390");
    assert_string_equal(fake_get_in_row(f->fake, request->body, 0, "AKC264"), "125.55");
    struct fep_record *answer = fake_record(f->fake, "1501-R", NULL);
    fake_set_row(f->fake, answer, equal);
    end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    assert_told(f, "1", "0000");
    assert_string_equal(head_value(f, "REFMSGID"), ""); /* nothing was recorded */
    assert_string_equal(output_value(f, "1501", "ROWNUM"), "1");
    assert_non_null(memmem(f->told.body, f->told.body_size, "<DZJG>0</DZJG></ROW></DETAILS>", 30));
}

static void
test_a_day_that_is_open_may_be_asked_for_again(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1501", "1", ""), DAYS "<ROWNUM>0</ROWNUM>")));
    end_request(f, await_request(f, 1), FEP_REFUSED,
                (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 2601}, NULL);
    assert_told(f, "-1", "2601");
}

static void
test_pages_have_limits(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request, *field;
    } bad[] = {
#define PAGE(number, size) "<PAGENO>" number "</PAGENO><PAGESIZE>" size "</PAGESIZE>"
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "201"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("0", "200"))), "PAGENO"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "-1"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", ""))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "501"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "0"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "99999999999999999999"))),
         "PAGESIZE"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(f, bad[i].request);
        assert_told(f, "-1", "1003");
        assert_non_null(strstr(head_value(f, "ERRORMSG"), bad[i].field));
    }
    assert_int_equal(f->fake->request_count, 0);
    ask(f, ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "200"))));
    (void)await_request(f, 1);
    ask(f, ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("7", "500"))));
    (void)await_request(f, 2);
#undef PAGE
}

/* --- endings --- */

static void
test_endings_and_their_codes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum fep_kind kind;
        unsigned refusal_class, code;
        const char *status, *told;
    } cases[] = {
        {FEP_REFUSED, FEP_FINAL, 2301, "-1", "2301"},      {FEP_REFUSED, FEP_REPEATABLE, 9001, "-1", "9001"},
        {FEP_REFUSED, FEP_FINAL, 2113, "-1", "1003"},      {FEP_REFUSED, FEP_REPEATABLE, 2114, "-1", "9001"},
        {FEP_REFUSED, FEP_FINAL, 2415, "-1", "2504"},      {FEP_REFUSED, FEP_FINAL, 2310, "-1", "1005"},
        {FEP_UNKNOWN, FEP_FINAL, 2411, "-9", "9002"},      {FEP_UNKNOWN, FEP_FINAL, 0, "-9", "9002"},
        {FEP_UNKNOWN, FEP_REPEATABLE, 9999, "-9", "9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_result result = {.refusal_class = cases[i].refusal_class, .code = cases[i].code};
        strcpy(result.text, "出错了");
        ask(f, GOOD_REQUEST);
        end_request(f, await_request(f, i + 1), cases[i].kind, result, NULL);
        assert_told(f, cases[i].status, cases[i].told);
        assert_string_equal(head_value(f, "MSGID"), "H45030000001202611220930150001");
        assert_string_equal(head_value(f, "REFMSGID"), "");
        if (cases[i].kind == FEP_REFUSED)
            assert_string_equal(head_value(f, "ERRORMSG"), "出错了");
    }
}

static void
test_clock_of_an_answer_is_its_accounting_day(void **state)
{
    struct fixture *f = *state;
    ask(f, GOOD_REQUEST);
    end_request(f, await_request(f, 1), FEP_ANSWERED, (struct fep_result){.accounting_date = 20261121},
                settled(f));
    assert_told(f, "1", "0000");
    assert_string_equal(head_value(f, "OPTTIME"), "20261121235959");
}

static void
test_text_for_people_is_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    struct fep_result result = {.code = 2301};
    for (size_t i = 0; i < 84; i++)
        strcat(result.text, "错");
    ask(f, GOOD_REQUEST);
    end_request(f, await_request(f, 1), FEP_REFUSED, result, NULL);
    assert_told(f, "-1", "2301");
    assert_int_equal(strlen(head_value(f, "ERRORMSG")), 84 * 3);
}

static void
test_what_the_host_does_not_take(void **state)
{
    struct fixture *f = *state;
    f->fake->refuse_requests = 1003;
    ask(f, GOOD_REQUEST);
    assert_told(f, "-1", "1003");
}

/* --- what is refused here --- */

static void
test_access_transaction_and_serial(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *head, *code;
    } cases[] = {
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>WX450301</GRANTID>", "1004"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID>", "1004"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>WX450300x</GRANTID>", "1004"},
        {"<MSGNO>9999</MSGNO><MSGID>x</MSGID><GRANTID>WX450300</GRANTID>", "1002"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>ＷＸ450300</GRANTID>", "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H45030000001202611320930150001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H45030000001202611222430150001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H4503000000120261122093015001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {HEAD("1402", "1", "") "<OPTTIME>1</OPTTIME>", "1003"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        snprintf(text, sizeof text,
                 ENVELOPE_BEGIN
                 "<ns1:business xmlns:ns1=\"urn:wuxian:ydjy\"><inputXml><![CDATA[<REQUEST><HEAD>%s"
                 "</HEAD><INPUT>" GOOD_INPUT "</INPUT></REQUEST>]]></inputXml></ns1:business>" ENVELOPE_END,
                 cases[i].head);
        ask(f, text);
        assert_told(f, "-1", cases[i].code);
    }
    assert_int_equal(f->fake->request_count, 0);
}

static void
test_fields_are_named(void **state)
{
    struct fixture *f = *state;
    ask(f, ASK(REQUEST(HEAD("1101", "1", ""), "<BKA895>01</BKA895>")));
    assert_told(f, "-1", "1003");
    assert_non_null(strstr(head_value(f, "ERRORMSG"), "BKA896"));
    ask(f, ASK(REQUEST(HEAD("1301", "1", ""),
                       "<AAZ217>1</AAZ217><AKC190>2</AKC190><ROWNUM>0</ROWNUM><AKC264>0.00</AKC264>")));
    assert_told(f, "-1", "2204");
}

static void
assert_fault(struct fixture *f)
{
    struct fep_error error;
    assert_int_equal(await_status(f), 500);
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
        ask(f, bad[i]);
        assert_fault(f);
    }
    static const char broken[] =
        "POST /services/YdjyService HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    hang_up(f);
    f->hospital = connect_to(f);
    send_bytes(f->hospital, broken, sizeof broken - 1);
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
            hang_up(f);
        f->hospital = connect_to(f);
        send_bytes(f->hospital, cases[i].text, strlen(cases[i].text));
        assert_int_equal(await_status(f), cases[i].status);
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
    f->hospital = connect_to(f);
    send_bytes(f->hospital, head, sizeof head - 1);
    send_bytes(f->hospital, body, sizeof body);
    fake_run_ms(f->fake, 20);
    send_bytes(f->hospital, body, sizeof body);
    fake_run_ms(f->fake, 20);
    assert_int_equal(await_status(f), 413);
    hang_up(f);
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
    size_t size = make_request(f, GOOD_REQUEST, out, sizeof out);
    unsigned char *body = (unsigned char *)memmem(out, size, "\r\n\r\n", 4) + 2;
    size_t head = (size_t)(body - out);
    f->hospital = connect_to(f);
    send_bytes(f->hospital, out, head);
    send_bytes(f->hospital, "Expect: 100-continue\r\n\r\n", 24);
    assert_true(fake_run_until(f->fake, has_bytes, &f->hospital));
    assert_true(recv(f->hospital, expected, sizeof expected - 1, 0) > 0);
    assert_string_equal(expected, "HTTP/1.1 100 Continue\r\n\r\n");
    send_bytes(f->hospital, body + 2, size - head - 2);
    end_request(f, await_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, settled(f));
    assert_told(f, "1", "0000");
}

/* A caller may ask for more on the same connection: it is told that there is no more, and what it sends
 * behind its first request reaches nobody. */
static void
test_one_request_a_connection(void **state)
{
    struct fixture *f = *state;
    unsigned char out[1 << 14];
    static const char kept[] = "Connection: keep-alive";
    size_t size = make_request(f, GOOD_REQUEST, out, sizeof out / 2);
    unsigned char *close_it = memmem(out, size, "Connection: close", 17);
    memmove(close_it + sizeof kept - 1, close_it + 17, size - (size_t)(close_it + 17 - out));
    memcpy(close_it, kept, sizeof kept - 1);
    size += sizeof kept - 1 - 17;
    memcpy(out + size, out, size);
    f->hospital = connect_to(f);
    send_bytes(f->hospital, out, 2 * size);
    end_request(f, await_request(f, 1), FEP_ANSWERED, (struct fep_result){0}, settled(f));
    assert_told(f, "1", "0000");
    assert_true(fake_run_until(f->fake, is_cut_off, f));
    assert_int_equal(f->fake->request_count, 1);
}

/* --- clocks --- */

static void
test_clock_is_checked_where_nothing_is_posted(void **state)
{
    struct fixture *f = *state;
    f->fake->time = 94116;
    ask(f, ASK(REQUEST(HEAD("1101", "1", ""), PERSON_INPUT)));
    assert_told(f, "-1", "1006");
    ask(f, GOOD_REQUEST); /* it may be the repeat of one that was posted */
    (void)await_request(f, 1);
}

/* --- who asks again, and who goes away --- */

static void
refuse_for_now(struct fixture *f, struct fake_request *request)
{
    end_request(f, request, FEP_REFUSED, (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001},
                NULL);
}

static void
test_new_connection_after_a_refusal_is_new(void **state)
{
    struct fixture *f = *state;
    ask(f, GOOD_REQUEST);
    refuse_for_now(f, await_request(f, 1));
    assert_told(f, "-1", "9001");
    ask(f, GOOD_REQUEST);
    assert_true(await_request(f, 2)->fresh);
}

static void
test_connection_from_before_a_refusal_is_a_copy(void **state)
{
    struct fixture *f = *state;
    ask(f, GOOD_REQUEST);
    struct fake_request *request = await_request(f, 1);
    int early = connect_to(f); /* not even accepted when the refusal goes out */
    refuse_for_now(f, request);
    assert_told(f, "-1", "9001");
    send_request(f, early, GOOD_REQUEST);
    assert_false(await_request(f, 2)->fresh);
    close(early);
}

static void
test_refusal_that_nobody_read_never_counts_as_told(void **state)
{
    struct fixture *f = *state;
    ask(f, GOOD_REQUEST);
    struct fake_request *request = await_request(f, 1);
    hang_up(f);
    fake_run_ms(f->fake, 20);
    refuse_for_now(f, request);
    fake_run_ms(f->fake, 20);
    ask(f, GOOD_REQUEST);
    assert_false(await_request(f, 2)->fresh);
}

static void
test_half_requests_do_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned char out[4096];
    size_t size = make_request(f, GOOD_REQUEST, out, sizeof out);
    for (size_t i = 0; i < 10; i++) {
        f->hospital = connect_to(f);
        send_bytes(f->hospital, out, i == 9 ? size - 1 : size * i / 10);
        fake_run_ms(f->fake, 5);
        hang_up(f);
        fake_run_ms(f->fake, 5);
    }
    assert_int_equal(f->fake->request_count, 0);
    assert_int_equal(fake_open_watches(f->fake), 1);
}

static void
test_slow_request_is_cut_off(void **state)
{
    struct fixture *f = *state;
    f->hospital = connect_to(f);
    send_bytes(f->hospital, "POST ", 5);
    fake_run_ms(f->fake, 10);
    fake_advance(f->fake, 15000);
    send_bytes(f->hospital, "/", 1); /* a byte now and then does not help */
    fake_run_ms(f->fake, 10);
    assert_false(is_cut_off(f));
    fake_advance(f->fake, 16000);
    assert_true(fake_run_until(f->fake, is_cut_off, f));
}

/* Who was told and has not hung up yet keeps nobody waiting. */
static void
test_connections_beyond_the_limit_wait(void **state)
{
    struct fixture *f = *state;
    int held[3];
    for (size_t i = 0; i < 3; i++) {
        held[i] = connect_to(f);
        send_request(f, held[i], GOOD_REQUEST);
    }
    (void)await_request(f, 3);
    ask(f, GOOD_REQUEST);
    fake_run_ms(f->fake, 30);
    assert_int_equal(f->fake->request_count, 3);
    end_request(f, &f->fake->requests[0], FEP_ANSWERED, (struct fep_result){0}, settled(f));
    (void)await_request(f, 4);
    for (size_t i = 0; i < 3; i++)
        close(held[i]);
}

static void
test_caller_that_closes_is_forgotten(void **state)
{
    struct fixture *f = *state;
    ask(f, GOOD_REQUEST);
    struct fake_request *request = await_request(f, 1);
    const struct linger now = {1, 0};
    setsockopt(f->hospital, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hang_up(f); /* with a reset: nobody will read */
    fake_run_ms(f->fake, 20);
    assert_true(request->forgotten);
}

static void
test_drain(void **state)
{
    struct fixture *f = *state;
    int idle = connect_to(f);
    ask(f, GOOD_REQUEST);
    struct fake_request *request = await_request(f, 1);
    f->ops->drain(f->self, &f->drain);
    assert_int_equal(f->fake->completion_count, 1);
    end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, settled(f));
    assert_told(f, "1", "0000");
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
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_example_to_the_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_request_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_characters_outside_gbk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_repeats_the_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reversal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inquiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_totals_are_answered_row_by_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_day_that_is_open_may_be_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pages_have_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endings_and_their_codes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock_of_an_answer_is_its_accounting_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_for_people_is_cut_at_a_character, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_host_does_not_take, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_access_transaction_and_serial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fields_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fault_when_nothing_can_be_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal_reaches_who_still_sends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_continue_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_request_a_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock_is_checked_where_nothing_is_posted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_connection_after_a_refusal_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connection_from_before_a_refusal_is_a_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal_that_nobody_read_never_counts_as_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_half_requests_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_request_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connections_beyond_the_limit_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_caller_that_closes_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calls_are_not_for_a_serving_instance, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
