/* Fuzzes the lines of the caret family under shipped mappings. First line of an input: a digit (even: a
 * request, odd: an answer; then which mapping) and the layout of the body, "0 2410"; the rest is what came
 * from the wire. What is read as a whole and can be written gives the same line when it is read and written
 * once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fake_host.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"^",        "|",        "$",        "\r\n",           "\n",    "^^",
                                  "||",       "|$|",      "2410",     "-2303",          "12.30", "-0.00",
                                  "\xA1\xFE", "\xAB\x5E", "\x81\x7C", "20261122101502", NULL};

enum { MAPPINGS = 2 };
static const char *const files[MAPPINGS] = {"etc/mapping/danxian-450100.cfg",
                                            "etc/mapping/examples/danxian-451000.cfg"};
static struct fake_host *hosts[MAPPINGS];
static struct caret_codec codecs[MAPPINGS];

struct line {
    struct fep_record *head, *body;
};

static void
release(struct caret_codec *codec, struct line *line)
{
    codec->host->release_record(codec->host->self, line->head);
    codec->host->release_record(codec->host->self, line->body);
    *line = (struct line){0};
}

static bool
read_line(struct caret_codec *codec, bool request, const char *layout, const unsigned char *wire, size_t size,
          struct line *line, struct fep_error *error)
{
    struct fep_bytes body = {0};
    *line = (struct line){.head = caret_decode_head(codec, request, wire, size, &body, error)};
    if (line->head == NULL)
        return false;
    must(body.size <= size && (body.size == 0 || (body.data >= wire && body.data + body.size <= wire + size)),
         "the body stands in the line");
    (void)caret_is_blank(codec, body);
    line->body = caret_decode_body(codec, layout, body, NULL, error);
    if (line->body != NULL)
        return true;
    release(codec, line);
    return false;
}

static void
write_and_read_again(struct caret_codec *codec, bool request, const char *layout, struct line *line)
{
    unsigned char *first = malloc(codec->max_line), *second = malloc(codec->max_line);
    struct line again = {0};
    struct fep_error error = {0};
    must(first != NULL && second != NULL, "memory");
    long size = caret_encode_line(codec, line->head, line->body, NULL, first, &error);
    if (size < 0) {
        must_explain(&error);
    } else {
        must((size_t)size <= codec->max_line, "a line is not longer than it may be");
        must(caret_find_line(codec, first, (size_t)size, 0) == (size_t)size, "what is written is one line");
        size_t end = (size_t)size - caret_line_end(codec);
        if (!read_line(codec, request, layout, first, end, &again, &error)) {
            must_explain(&error);
            must(false, error.text);
        }
        must(caret_encode_line(codec, again.head, again.body, NULL, second, &error) == size &&
                 memcmp(first, second, (size_t)size) == 0,
             "written, read and written is the same");
        release(codec, &again);
    }
    free(first);
    free(second);
}

/* Control characters become blanks when they are written, and blanks at an end are nothing when they are
 * read. */
static bool
has_control(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] < ' ' || data[i] == 0x7F)
            return true;
    return false;
}

static void
try_line(struct caret_codec *codec, bool request, const char *code, const unsigned char *wire, size_t size,
         bool whole)
{
    struct fep_error error = {0};
    struct line line;
    char layout[16], field[32];
    snprintf(layout, sizeof layout, "%.10s-%c", code, request ? 'Q' : 'R');
    for (size_t i = 0; i < 4; i++)
        (void)caret_peek_field(codec, wire, size, i, field, sizeof field);
    if (read_line(codec, request, layout, wire, size, &line, &error)) {
        if (whole)
            write_and_read_again(codec, request, layout, &line);
        release(codec, &line);
    } else {
        must_explain(&error);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[32];
    if (size > 100000)
        return 0;
    fuzz_take_line(&data, &size, line, sizeof line);
    unsigned which = (unsigned char)line[0] / 2 % MAPPINGS;
    bool request = (unsigned char)line[0] % 2 == 0;
    struct caret_codec *codec = &codecs[which];
    if (hosts[which] == NULL) {
        struct fep_error error;
        hosts[which] = fake_create(fuzz_source(files[which]));
        must(caret_codec_open(codec, &hosts[which]->host, &error) == 0, "the codec opens");
    }
    const char *code = line[0] != '\0' && line[1] == ' ' && fuzz_is_name(line + 2) ? line + 2 : "";
    for (size_t lines = 0; size > 0 && lines < 20; lines++) {
        size_t end = caret_find_line(codec, data, size, 0);
        bool whole = end != SIZE_MAX && end != 0;
        if (!whole)
            end = size; /* as it is: the reader of a line must stand anything */
        must(end <= size, "a line ends where there are bytes");
        size_t content = end > caret_line_end(codec) ? end - caret_line_end(codec) : end;
        try_line(codec, request, code, data, content, whole && !has_control(data, content));
        data += end;
        size -= end;
    }
    must(fake_live_records(hosts[which]) == 0, "every record is released");
    return 0;
}
