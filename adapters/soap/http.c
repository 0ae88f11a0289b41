/* A strict reader of HTTP/1.1 messages, and the heads we send.
 *
 * Must never take one message's end for another's: a head that two readers could understand differently (a
 * length said twice, a length beside a transfer coding, blanks before a colon, folded lines, bare line feeds)
 * is refused. Every size is bounded before anything is allocated for it. Fails by its state.
 *
 * Why no library. The host owns the loop and the module must not wait. libcurl and libevent want a loop of
 * their own, or to be driven through theirs; libevent's server takes the first of two different
 * Content-Length headers, accepts
 * "+3" for a length and ignores a header with a blank before its colon; libcurl may send a request a second
 * time on a reused connection, which must never happen to a posting. What this family needs is a POST with a
 * length and an answer with a length, in chunks, or until the end of the connection. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_ROOM = 4096, MAX_CHUNK_LINE = 256, MAX_TRAILER = 4096 };

void
http_init(struct http_reader *reader, bool of_request, size_t max_body)
{
    *reader = (struct http_reader){
        .of_request = of_request, .max_body = max_body, .state = HTTP_MORE, .part = PART_HEAD};
}

void
http_finish(struct http_reader *reader)
{
    free(reader->text);
    free(reader->body);
    reader->text = NULL;
    reader->body = NULL;
    reader->text_size = reader->text_room = reader->body_size = reader->body_room = 0;
}

static int
fail(struct http_reader *reader, const char *why)
{
    reader->state = HTTP_BAD;
    reader->trouble = why;
    return -1;
}

/* --- lines and words --- */

static bool
is_token_character(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_token_character((unsigned char)text[i]))
            return false;
    }
    return size > 0;
}

static bool
word_is(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

static bool
parse_number(const char *text, size_t size, uint64_t *number)
{
    *number = 0;
    if (size == 0 || size > 15)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static bool
copy_word(char *out, size_t out_size, const char *text, size_t size)
{
    if (size >= out_size)
        return false;
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

/* --- heads --- */

static bool
is_version(const char *text, size_t size)
{
    return size == 8 && (memcmp(text, "HTTP/1.1", 8) == 0 || memcmp(text, "HTTP/1.0", 8) == 0);
}

static int
read_request_line(struct http_reader *reader, const char *line, size_t size)
{
    const char *first = memchr(line, ' ', size);
    size_t method = first != NULL ? (size_t)(first - line) : 0;
    const char *target = line + method + 1;
    const char *second = method > 0 ? memchr(target, ' ', size - method - 1) : NULL;
    if (second == NULL || !is_token(line, method) || target[0] != '/' ||
        !is_version(second + 1, size - (size_t)(second + 1 - line)))
        return fail(reader, "no request line");
    if (!copy_word(reader->head.method, sizeof reader->head.method, line, method) ||
        !copy_word(reader->head.target, sizeof reader->head.target, target, (size_t)(second - target)))
        return fail(reader, "a request line that is too long");
    return 0;
}

static int
read_status_line(struct http_reader *reader, const char *line, size_t size)
{
    uint64_t status;
    if (size < 12 || !is_version(line, 8) || line[8] != ' ' || !parse_number(line + 9, 3, &status) ||
        status < 100 || (size > 12 && line[12] != ' '))
        return fail(reader, "no status line");
    reader->head.status = (int)status;
    return 0;
}

static int
take_header(struct http_reader *reader, const char *name, size_t name_size, const char *value, size_t size)
{
    struct http_head *head = &reader->head;
    if (word_is(name, name_size, "content-length")) {
        if (head->has_length)
            return fail(reader, "Content-Length is said twice");
        head->has_length = true;
        if (!parse_number(value, size, &head->length))
            return fail(reader, "Content-Length is no number");
    } else if (word_is(name, name_size, "transfer-encoding")) {
        if (head->chunked || !word_is(value, size, "chunked"))
            return fail(reader, "a transfer coding that is not known");
        head->chunked = true;
    } else if (word_is(name, name_size, "content-type")) {
        if (head->content_type[0] != '\0' ||
            !copy_word(head->content_type, sizeof head->content_type, value, size))
            return fail(reader, "Content-Type is said twice, or too long");
    } else if (word_is(name, name_size, "content-encoding")) {
        if (!word_is(value, size, "identity"))
            return fail(reader, "a content coding that is not known");
    } else if (word_is(name, name_size, "expect")) {
        if (!word_is(value, size, "100-continue"))
            return fail(reader, "an expectation that is not known");
        head->expects_continue = true;
    }
    return 0;
}

static int
read_header(struct http_reader *reader, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (colon == NULL || !is_token(line, (size_t)(colon - line)))
        return fail(reader, "a header without a proper name");
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *c = value; c < end; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7F)
            return fail(reader, "a control character in a header");
    }
    return take_header(reader, line, (size_t)(colon - line), value, (size_t)(end - value));
}

/* Lines end with CR LF; neither stands anywhere else. */
static int
read_lines(struct http_reader *reader)
{
    const char *at = reader->text, *end = reader->text + reader->text_size - 2; /* without the empty line */
    for (unsigned count = 0; at < end; count++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)(stop - at);
        if (count > HTTP_MAX_HEADERS)
            return fail(reader, "too many headers");
        if (size == 0 || at[size - 1] != '\r' || memchr(at, '\r', size - 1) != NULL ||
            memchr(at, '\0', size) != NULL)
            return fail(reader, "a line that does not end with CR LF");
        int status = count > 0            ? read_header(reader, at, size - 1)
                     : reader->of_request ? read_request_line(reader, at, size - 1)
                                          : read_status_line(reader, at, size - 1);
        if (status < 0)
            return -1;
        at = stop + 1;
    }
    return 0;
}

static void
drop_text(struct http_reader *reader)
{
    free(reader->text);
    reader->text = NULL;
    reader->text_size = reader->text_room = 0;
}

/* How the body ends. */
static void
begin_body(struct http_reader *reader)
{
    struct http_head *head = &reader->head;
    if (head->chunked && head->has_length) {
        fail(reader, "a length and a transfer coding");
    } else if (reader->of_request && (head->chunked || !head->has_length)) {
        fail(reader, "a request without Content-Length");
    } else if (!reader->of_request && (head->status == 204 || head->status == 304)) {
        reader->state = HTTP_COMPLETE;
    } else if (head->chunked) {
        reader->part = PART_CHUNK_SIZE;
    } else if (!head->has_length) {
        reader->part = PART_CLOSE;
    } else if (head->length > reader->max_body) {
        reader->state = HTTP_TOO_LARGE;
        reader->trouble = "a body that is larger than allowed";
    } else {
        reader->left = head->length;
        reader->part = PART_LENGTH;
        if (reader->left == 0)
            reader->state = HTTP_COMPLETE;
    }
}

static void
end_head(struct http_reader *reader)
{
    if (read_lines(reader) < 0)
        return;
    drop_text(reader);
    if (!reader->of_request && reader->head.status < 200) {
        if (reader->head.status == 101 || ++reader->interim > HTTP_MAX_INTERIM)
            fail(reader, "an answer that is none");
        reader->head = (struct http_head){0};
        return;
    }
    reader->head_complete = true;
    begin_body(reader);
}

/* Appends to the text of a head or a line. */
static int
add_text(struct http_reader *reader, const unsigned char *data, size_t size, size_t limit)
{
    if (size > limit - reader->text_size)
        return fail(reader, "a head that is longer than allowed");
    if (reader->text_size + size > reader->text_room) {
        size_t room = reader->text_room == 0 ? 1024 : reader->text_room * 2;
        while (room < reader->text_size + size)
            room *= 2;
        char *more = realloc(reader->text, room);
        if (more == NULL)
            return fail(reader, "no memory");
        reader->text = more;
        reader->text_room = room;
    }
    memcpy(reader->text + reader->text_size, data, size);
    reader->text_size += size;
    return 0;
}

static size_t
take_head(struct http_reader *reader, const unsigned char *data, size_t size)
{
    /* Up to the next line end: an empty line is the end of the head. */
    const unsigned char *end = memchr(data, '\n', size);
    size_t taken = end != NULL ? (size_t)(end - data) + 1 : size;
    if (add_text(reader, data, taken, HTTP_MAX_HEAD) < 0 || end == NULL)
        return taken;
    size_t total = reader->text_size;
    if (total >= 4 && memcmp(reader->text + total - 4, "\r\n\r\n", 4) == 0)
        end_head(reader);
    else if (total < 2 || reader->text[total - 2] != '\r')
        fail(reader, "a line that does not end with CR LF");
    else if (total == 2)
        fail(reader, "an empty line instead of a message");
    return taken;
}

/* --- bodies --- */

static int
add_body(struct http_reader *reader, const unsigned char *data, size_t size)
{
    if (size > reader->max_body - reader->body_size) {
        reader->state = HTTP_TOO_LARGE;
        reader->trouble = "a body that is larger than allowed";
        return -1;
    }
    if (reader->body_size + size > reader->body_room) {
        size_t room = reader->body_room == 0 ? FIRST_ROOM : reader->body_room * 2;
        while (room < reader->body_size + size)
            room *= 2;
        unsigned char *more = realloc(reader->body, room);
        if (more == NULL)
            return fail(reader, "no memory");
        reader->body = more;
        reader->body_room = room;
    }
    memcpy(reader->body + reader->body_size, data, size);
    reader->body_size += size;
    return 0;
}

/* Bytes of known number: the body, or one chunk of it. */
static size_t
take_counted(struct http_reader *reader, const unsigned char *data, size_t size)
{
    size_t taken = size < reader->left ? size : (size_t)reader->left;
    if (add_body(reader, data, taken) < 0)
        return taken;
    reader->left -= taken;
    if (reader->left > 0)
        return taken;
    if (reader->part == PART_LENGTH)
        reader->state = HTTP_COMPLETE;
    else
        reader->part = PART_CHUNK_END;
    return taken;
}

static void
end_chunk_size(struct http_reader *reader)
{
    const char *line = reader->text;
    size_t size = reader->text_size - 2, at = 0;
    uint64_t number = 0;
    for (; at < size && at < 8; at++) {
        char c = line[at];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            break;
        number = number * 16 + digit;
    }
    bool extension = at < size && (line[at] == ';' || line[at] == ' ' || line[at] == '\t');
    if (at == 0 || (at < size && !extension)) {
        fail(reader, "a chunk without a size");
        return;
    }
    reader->left = number;
    reader->part = number > 0 ? PART_CHUNK : PART_TRAILER;
    if (number > reader->max_body - reader->body_size) {
        reader->state = HTTP_TOO_LARGE;
        reader->trouble = "a body that is larger than allowed";
    }
}

static size_t
take_line(struct http_reader *reader, const unsigned char *data, size_t size)
{
    size_t limit = reader->part == PART_TRAILER ? (size_t)MAX_TRAILER : (size_t)MAX_CHUNK_LINE;
    const unsigned char *end = memchr(data, '\n', size);
    size_t taken = end != NULL ? (size_t)(end - data) + 1 : size;
    if (add_text(reader, data, taken, limit) < 0 || end == NULL)
        return taken;
    size_t line = reader->text_size;
    if (line < 2 || reader->text[line - 2] != '\r') {
        fail(reader, "a line that does not end with CR LF");
    } else if (reader->part == PART_CHUNK_SIZE) {
        end_chunk_size(reader);
        reader->text_size = 0;
    } else if (reader->part == PART_CHUNK_END) {
        reader->part = PART_CHUNK_SIZE;
        if (line != 2)
            fail(reader, "a chunk that is longer than its size");
        reader->text_size = 0;
    } else if (line == 2 || (line >= 4 && memcmp(reader->text + line - 4, "\r\n\r\n", 4) == 0)) {
        reader->state = HTTP_COMPLETE; /* trailers say nothing that counts */
    }
    return taken;
}

size_t
http_take(struct http_reader *reader, const unsigned char *data, size_t size)
{
    size_t at = 0;
    while (at < size && reader->state == HTTP_MORE) {
        switch (reader->part) {
        case PART_HEAD:
            at += take_head(reader, data + at, size - at);
            break;
        case PART_LENGTH:
        case PART_CHUNK:
            at += take_counted(reader, data + at, size - at);
            break;
        case PART_CLOSE:
            (void)add_body(reader, data + at, size - at);
            at = size;
            break;
        default:
            at += take_line(reader, data + at, size - at);
            break;
        }
    }
    return at;
}

void
http_end(struct http_reader *reader)
{
    if (reader->state != HTTP_MORE)
        return;
    if (reader->part == PART_CLOSE)
        reader->state = HTTP_COMPLETE;
    else
        fail(reader, reader->head_complete ? "half a message" : "the end before a message");
}

/* --- Content-Type --- */

static bool
is_in_list(const char *list, const char *text, size_t size)
{
    while (*list != '\0') {
        size_t word = strcspn(list, " ");
        if (word > 0 && word == size && strncasecmp(list, text, size) == 0)
            return true;
        list += word + (list[word] == ' ');
    }
    return false;
}

bool
http_type_fits(const char *content_type, const char *type, const char *charsets)
{
    size_t size = strcspn(content_type, "; \t");
    if (!word_is(content_type, size, type))
        return false;
    for (const char *at = content_type + size; *at != '\0';) {
        at += strspn(at, "; \t");
        size_t name = strcspn(at, "=; \t");
        if (word_is(at, name, "charset") && at[name] == '=') {
            const char *value = at + name + 1;
            bool quoted = *value == '"';
            value += quoted;
            return is_in_list(charsets, value, strcspn(value, quoted ? "\"" : "; \t"));
        }
        at += strcspn(at, ";");
    }
    return true;
}

/* --- writing --- */

int
http_write_request(char *out, size_t out_size, const char *target, const char *host, const char *content_type,
                   const char *soap_action, size_t length)
{
    int size = snprintf(out, out_size,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nSOAPAction: %s\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                        target, host, content_type, soap_action, length);
    return size > 0 && (size_t)size < out_size ? size : -1;
}

static const char *
reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Payload Too Large";
    case 415:
        return "Unsupported Media Type";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

int
http_write_answer(char *out, size_t out_size, int status, const char *content_type, size_t length)
{
    char type[160] = "";
    if (length > 0)
        snprintf(type, sizeof type, "Content-Type: %.130s\r\n", content_type);
    int size =
        snprintf(out, out_size, "HTTP/1.1 %d %s\r\n%s%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
                 status, reason_of(status), status == 405 ? "Allow: POST\r\n" : "", type, length);
    return size > 0 && (size_t)size < out_size ? size : -1;
}
