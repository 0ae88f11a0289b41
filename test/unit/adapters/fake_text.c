/* Text of the fake host: the mapping's charset by iconv, with what stands for characters that have no place
 * in it. */
#include "fake_parts.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
convert(const char *to, const char *from, const char *replacement, const void *in, size_t size, void *out,
        size_t out_size, struct fep_error *error)
{
    iconv_t cd = iconv_open(to, from);
    assert(cd != (iconv_t)-1);
    char *source = malloc(size + 1);
    assert(source != NULL);
    if (size > 0)
        memcpy(source, in, size);
    char *at = source, *into = out;
    size_t left = size, room = out_size;
    int result = 0;
    while (left > 0 && result == 0) {
        if (iconv(cd, &at, &left, &into, &room) != (size_t)-1)
            break;
        if (errno == E2BIG || replacement == NULL || room < strlen(replacement)) {
            result = fake_fail(error, errno == E2BIG ? "too long" : "illegal bytes");
        } else {
            size_t step = 1;
            if (strcmp(from, "UTF-8") == 0)
                while (step < left && ((unsigned char)at[step] & 0xC0) == 0x80)
                    step++;
            memcpy(into, replacement, strlen(replacement));
            into += strlen(replacement);
            room -= strlen(replacement);
            at += step;
            left -= step;
        }
    }
    iconv_close(cd);
    free(source);
    return result < 0 ? -1 : (int)(into - (char *)out);
}

static int
decode_text(void *host, const unsigned char *in, size_t size, bool lenient, char *out, size_t out_size,
            struct fep_error *error)
{
    return convert("UTF-8", fake_state_of(host)->charset, lenient ? "\xEF\xBF\xBD" : NULL, in, size, out,
                   out_size, error);
}

/* "&#x4DAE;" for each character the charset can not hold; `from` and `to` may not overlap. */
static size_t
write_references(const char *charset, const char *from, size_t size, char *to)
{
    size_t written = 0;
    for (size_t at = 0; at < size;) {
        size_t width = 1;
        unsigned char first = (unsigned char)from[at], wire[8];
        while (at + width < size && ((unsigned char)from[at + width] & 0xC0) == 0x80)
            width++;
        unsigned point = width == 1 ? first : first & (0xFFu >> (width + 1));
        for (size_t i = 1; i < width; i++)
            point = point << 6 | ((unsigned char)from[at + i] & 0x3F);
        if (convert(charset, "UTF-8", NULL, from + at, width, wire, sizeof wire, NULL) >= 0) {
            memcpy(to + written, from + at, width);
            written += width;
        } else {
            written += (size_t)sprintf(to + written, "&#x%X;", point);
        }
        at += width;
    }
    return written;
}

static int
encode_text(void *host, const char *in, size_t size, unsigned char *out, size_t out_size,
            struct fep_error *error)
{
    struct fake_state *state = fake_state_of(host);
    const char *policy = NULL;
    if (config_lookup_string(&state->file, "unmappable", &policy) != CONFIG_TRUE ||
        strcmp(policy, "reference") != 0)
        return convert(state->charset, "UTF-8", "\xA1\xFE", in, size, out, out_size, error);
    int plain = convert(state->charset, "UTF-8", NULL, in, size, out, out_size, NULL);
    if (plain >= 0)
        return plain;
    char *text = malloc(size * 10 + 1);
    assert(text != NULL);
    int result = convert(state->charset, "UTF-8", NULL, text,
                         write_references(state->charset, in, size, text), out, out_size, error);
    free(text);
    return result;
}

size_t
fake_encode(struct fake_host *fake, const char *text, unsigned char *out, size_t out_size)
{
    int size = encode_text(fake, text, strlen(text), out, out_size, NULL);
    assert(size >= 0);
    return (size_t)size;
}

void
fake_offer_text(struct fep_host *host)
{
    host->decode_text = decode_text;
    host->encode_text = encode_text;
}
