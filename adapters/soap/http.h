/* HTTP/1.1 as far as SOAP over one request per connection needs it: bytes in, one message out. Pure; knows no
 * socket. Threads: any, one per reader. */
#ifndef FEP_SOAP_HTTP_H
#define FEP_SOAP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_MAX_HEAD = 16384, HTTP_MAX_HEADERS = 64, HTTP_MAX_INTERIM = 4 };

enum http_state {
    HTTP_MORE = 1, /* more bytes are needed */
    HTTP_COMPLETE, /* head and body are there */
    HTTP_BAD,      /* this is no message, or not one that is accepted; nothing behind it can be read */
    HTTP_TOO_LARGE /* as HTTP_BAD: the body is larger than allowed */
};

/* What of a head anybody asks for. */
struct http_head {
    int status;                   /* of an answer */
    char method[16], target[256]; /* of a request */
    char content_type[128];       /* empty: none */
    bool expects_continue;
    bool has_length, chunked;
    uint64_t length;
};

struct http_reader { /* members are private but `head` and the body */
    bool of_request, head_complete;
    enum http_state state;
    enum http_part {
        PART_HEAD = 1,
        PART_LENGTH,
        PART_CLOSE,
        PART_CHUNK_SIZE,
        PART_CHUNK,
        PART_CHUNK_END,
        PART_TRAILER
    } part;
    struct http_head head;
    char *text; /* of the head; then of a chunk's line or a trailer's */
    size_t text_size, text_room;
    unsigned interim; /* answers 1xx so far */
    uint64_t left;
    unsigned char *body; /* NULL while it is empty */
    size_t body_size, body_room, max_body;
    const char *trouble; /* why HTTP_BAD, in words; a constant */
};

void http_init(struct http_reader *reader, bool of_request, size_t max_body);
/* Frees what the reader holds; it may be initialised again. */
void http_finish(struct http_reader *reader);
/* Takes bytes until the message is complete or bad; returns how many were taken. */
size_t http_take(struct http_reader *reader, const unsigned char *data, size_t size);
/* The other side sends no more. Only a body without a length may end so. */
void http_end(struct http_reader *reader);

/* Is the value of a Content-Type the media type `type`, its charset (if it names one) among the
 * blank-separated words of `charsets`? */
bool http_type_fits(const char *content_type, const char *type, const char *charsets);

/* Heads as they are sent. Return the size, or -1 if `out` is too small. */
int http_write_request(char *out, size_t out_size, const char *target, const char *host,
                       const char *content_type, const char *soap_action, size_t length);
int http_write_answer(char *out, size_t out_size, int status, const char *content_type, size_t length);

#endif
