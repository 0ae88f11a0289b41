/* The HTTP reader: whole messages, messages split at every byte, and every head it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http.h"

static struct http_reader reader;

static enum http_state
feed(bool of_request, const char *text, size_t size, size_t step)
{
    http_finish(&reader);
    http_init(&reader, of_request, 64);
    size_t at = 0;
    while (at < size && reader.state == HTTP_MORE) {
        size_t piece = size - at < step ? size - at : step;
        size_t taken = http_take(&reader, (const unsigned char *)text + at, piece);
        at += taken;
        if (taken < piece)
            break;
    }
    return reader.state;
}

static void
assert_body(const char *expected)
{
    assert_int_equal(reader.body_size, strlen(expected));
    if (reader.body_size > 0)
        assert_memory_equal(reader.body, expected, reader.body_size);
}

/* The same result however the bytes arrive. */
static void
assert_reads(bool of_request, const char *text, const char *body)
{
    size_t size = strlen(text);
    for (size_t step = 1; step <= size; step++) {
        assert_int_equal(feed(of_request, text, size, step), HTTP_COMPLETE);
        assert_body(body);
    }
    for (size_t cut = 0; cut < size; cut++) { /* and never before it is all there */
        if (feed(of_request, text, cut, cut > 0 ? cut : 1) != HTTP_MORE)
            fail_msg("complete or bad after %zu of %zu bytes", cut, size);
        http_end(&reader);
        assert_int_equal(reader.state, HTTP_BAD);
    }
}

#define ASK "POST /x HTTP/1.1\r\nHost: h\r\n"

static void
test_request(void **state)
{
    (void)state;
    assert_reads(true, ASK "content-TYPE:  text/xml; charset=GBK \r\nContent-Length: 5\r\n\r\nab\r\nc",
                 "ab\r\nc");
    assert_string_equal(reader.head.method, "POST");
    feed(true, ASK "Content-Length: 0\r\n\r\n", strlen(ASK) + 21, 100);
    assert_int_equal(reader.state, HTTP_COMPLETE);
    assert_string_equal(reader.head.target, "/x");
}

static void
test_content_type_is_kept(void **state)
{
    (void)state;
    static const char text[] = ASK "Content-Type: text/xml; charset=GBK\r\nExpect: 100-continue\r\n"
                                   "Content-Length: 1\r\n\r\n";
    assert_int_equal(feed(true, text, sizeof text - 1, 1000), HTTP_MORE);
    assert_true(reader.head_complete);
    assert_true(reader.head.expects_continue);
    assert_string_equal(reader.head.content_type, "text/xml; charset=GBK");
}

static void
test_answer_with_a_length(void **state)
{
    (void)state;
    assert_reads(false, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc");
    assert_int_equal(reader.head.status, 200);
    assert_reads(false, "HTTP/1.0 500 \r\nContent-Length: 1\r\n\r\nx", "x");
    assert_reads(false, "HTTP/1.1 503\r\nContent-Length: 1\r\n\r\nx", "x");
}

static void
test_chunked_answer(void **state)
{
    (void)state;
    assert_reads(false,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                 "Chunked\r\n\r\n3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
                 "abc0123456789");
    assert_reads(false,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
                 "a");
    assert_reads(false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
}

static void
test_answer_until_the_end(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\nabc";
    assert_int_equal(feed(false, text, sizeof text - 1, 1), HTTP_MORE);
    http_end(&reader);
    assert_int_equal(reader.state, HTTP_COMPLETE);
    assert_body("abc");
}

static void
test_interim_answers_are_passed_over(void **state)
{
    (void)state;
    assert_reads(false,
                 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 X\r\nA: b\r\n\r\nHTTP/1.1 200 "
                 "OK\r\nContent-Length: 1\r\n\r\nz",
                 "z");
    static const char many[] =
        "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
        "HTTP/1.1 100 A\r\n\r\n";
    assert_int_equal(feed(false, many, sizeof many - 1, 1), HTTP_BAD);
}

static void
test_refused_requests(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n\r\n",
        "POST /x HTTP/1.1\nHost: h\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\n\r\n",
        "POST  /x HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        "POST /x HTTP/2.0\r\nContent-Length: 1\r\n\r\n",
        "POST x HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        "POST /x\r\nContent-Length: 1\r\n\r\n",
        "P@ST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
        ASK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        ASK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ASK "Content-Length: +1\r\n\r\n",
        ASK "Content-Length: -1\r\n\r\n",
        ASK "Content-Length: 0x1\r\n\r\n",
        ASK "Content-Length: 1, 1\r\n\r\n",
        ASK "Content-Length:\r\n\r\n",
        ASK "Content-Length: 9999999999999999\r\n\r\n",
        ASK "Content-Length : 1\r\n\r\n",
        ASK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ASK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ASK "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n",
        ASK "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n",
        ASK "Expect: else\r\nContent-Length: 1\r\n\r\n",
        ASK "Content-Type: a\r\nContent-Type: b\r\nContent-Length: 1\r\n\r\n",
        ASK " folded: 1\r\nContent-Length: 1\r\n\r\n",
        ASK "A: b\r\n c\r\nContent-Length: 1\r\n\r\n",
        ASK "no colon\r\nContent-Length: 1\r\n\r\n",
        ASK "A: b\rc\r\nContent-Length: 1\r\n\r\n",
        ASK "A: b\x01\r\nContent-Length: 1\r\n\r\n",
        ASK "\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t step = 1; step <= strlen(bad[i]); step += 7) {
            if (feed(true, bad[i], strlen(bad[i]), step) != HTTP_BAD)
                fail_msg("accepted: %s", bad[i]);
            assert_non_null(reader.trouble);
        }
    }
    static const char nul[] = ASK "A: b\0c\r\nContent-Length: 1\r\n\r\n";
    assert_int_equal(feed(true, nul, sizeof nul - 1, 100), HTTP_BAD);
}

static void
test_refused_answers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n111111111\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t step = 1; step <= strlen(bad[i]); step += 5) {
            if (feed(false, bad[i], strlen(bad[i]), step) != HTTP_BAD)
                fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void
test_bounds(void **state)
{
    (void)state;
    static const char large[] = ASK "Content-Length: 65\r\n\r\n";
    assert_int_equal(feed(true, large, sizeof large - 1, 1), HTTP_TOO_LARGE);
    static const char chunk[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n";
    assert_int_equal(feed(false, chunk, sizeof chunk - 1, 1), HTTP_TOO_LARGE);
    char text[HTTP_MAX_HEAD + 64];
    memset(text, 'a', sizeof text);
    memcpy(text, ASK "A: ", strlen(ASK) + 3);
    assert_int_equal(feed(true, text, sizeof text, 1000), HTTP_BAD);
    assert_int_equal(feed(true, text, sizeof text, sizeof text), HTTP_BAD);
    size_t at = strlen(ASK);
    for (int i = 0; i < HTTP_MAX_HEADERS + 1; i++)
        at += (size_t)sprintf(text + at, "A: b\r\n");
    at += (size_t)sprintf(text + at, "Content-Length: 1\r\n\r\n");
    assert_int_equal(feed(true, text, at, at), HTTP_BAD);
    static const char until_end[] = "HTTP/1.1 200 OK\r\n\r\n";
    size_t head = sizeof until_end - 1;
    memcpy(text, until_end, head);
    memset(text + head, 'x', 65);
    assert_int_equal(feed(false, text, head + 65, 10), HTTP_TOO_LARGE);
}

static void
test_nothing_behind_the_end_is_taken(void **state)
{
    (void)state;
    static const char two[] = ASK "Content-Length: 1\r\n\r\nx" ASK;
    http_finish(&reader);
    http_init(&reader, true, 64);
    assert_int_equal(http_take(&reader, (const unsigned char *)two, sizeof two - 1), strlen(ASK) + 22);
    assert_int_equal(reader.state, HTTP_COMPLETE);
}

static void
test_media_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fits;
    } cases[] = {{"text/xml", true},
                 {"Text/XML; charset=GBK", true},
                 {"text/xml;charset=\"gbk\"", true},
                 {"text/xml; action=x; charset=gb2312 ", true},
                 {"text/xml; charset=utf-8", false},
                 {"text/xml; charset=gb", false},
                 {"text/xml; charset=", false},
                 {"text/xmlx", false},
                 {"application/soap+xml; charset=GBK", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (http_type_fits(cases[i].text, "text/xml", "GBK GB2312") != cases[i].fits)
            fail_msg("%s", cases[i].text);
    }
}

static int
finish(void **state)
{
    (void)state;
    http_finish(&reader);
    return 0;
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_content_type_is_kept),
        cmocka_unit_test(test_answer_with_a_length),
        cmocka_unit_test(test_chunked_answer),
        cmocka_unit_test(test_answer_until_the_end),
        cmocka_unit_test(test_interim_answers_are_passed_over),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_refused_answers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_nothing_behind_the_end_is_taken),
        cmocka_unit_test(test_media_types),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
