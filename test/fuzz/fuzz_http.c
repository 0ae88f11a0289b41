/* Fuzzes the reader of HTTP messages. First byte: request or answer, and how the bytes come. However they
 * come in pieces, the message is the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http.h"

const char *const fuzz_words[] = {"\r\n",
                                  "\r\n\r\n",
                                  "Content-Length: ",
                                  "Transfer-Encoding: chunked\r\n",
                                  "HTTP/1.1 100 Continue\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\n",
                                  "Expect: 100-continue\r\n",
                                  "0\r\n\r\n",
                                  "ffffffff",
                                  "Content-Type: text/xml; charset=GBK\r\n",
                                  ";",
                                  "\"",
                                  " ",
                                  "Connection: close\r\n",
                                  NULL};

enum { MOST_BODY = 8192 };

static void
take(struct http_reader *reader, bool of_request, const uint8_t *data, size_t size, size_t step)
{
    http_init(reader, of_request, MOST_BODY);
    size_t at = 0;
    while (at < size && reader->state == HTTP_MORE) {
        size_t piece = size - at < step ? size - at : step, taken = http_take(reader, data + at, piece);
        must(taken <= piece && (taken == piece || reader->state != HTTP_MORE),
             "all is taken until it is complete");
        at += taken;
    }
    http_end(reader);
    must(reader->state != HTTP_MORE, "nothing is awaited after the end");
    must(reader->body_size <= MOST_BODY, "a body is not larger than allowed");
    must((reader->state != HTTP_BAD && reader->state != HTTP_TOO_LARGE) || reader->trouble != NULL ||
             reader->state == HTTP_TOO_LARGE,
         "bad says why");
}

static bool
same(const struct http_reader *a, const struct http_reader *b)
{
    if (a->state != b->state)
        return false;
    if (a->state != HTTP_COMPLETE)
        return true;
    return a->head.status == b->head.status && strcmp(a->head.method, b->head.method) == 0 &&
           strcmp(a->head.target, b->head.target) == 0 &&
           strcmp(a->head.content_type, b->head.content_type) == 0 && a->body_size == b->body_size &&
           (a->body_size == 0 || memcmp(a->body, b->body, a->body_size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reader whole, pieces;
    if (size == 0 || size > 65536)
        return 0;
    bool of_request = data[0] % 2 == 0;
    size_t step = 1 + data[0] / 2 % 24;
    take(&whole, of_request, data + 1, size - 1, size);
    take(&pieces, of_request, data + 1, size - 1, step);
    must(same(&whole, &pieces), "a message is the same however it comes");
    if (whole.state == HTTP_COMPLETE)
        (void)http_type_fits(whole.head.content_type, "text/xml", "gbk GB18030 utf-8");
    http_finish(&whole);
    http_finish(&pieces);
    return 0;
}
