/* Charsets by iconv (glibc). GBK peers are read by the GB18030 tables, because hospitals use its user-defined
 * characters for rare names, but by the structure of GBK: one or two bytes, and 80 is no euro. Must never
 * drop a character, nor send one that the other side would read as another. */
#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

enum kind { KIND_UTF8, KIND_GBK, KIND_GB18030 };

struct charset {
    enum kind kind;
    enum charset_unmappable unmappable;
    const char *name;
    iconv_t decoder, encoder;
};

#define REPLACEMENT     "\xEF\xBF\xBD" /* U+FFFD */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"
#define GETA            "\xE3\x80\x93" /* U+3013 */
#define NO_CONVERTER    ((iconv_t)-1)

/* --- opening ------------------------------------------------------------------------------------- */

/* Characters that code pages disagree about: U+00B7 in names, 珅 (second byte |), 玘 (second byte ^), the
 * dash. */
static int
check_tables(struct charset *charset, struct fep_error *error)
{
    static const char sample[] = "\xC2\xB7\xE2\x80\x94\xE7\x8F\x85\xE7\x8E\x98";
    static const unsigned char expected[] = {0xA1, 0xA4, 0xA1, 0xAA, 0xAB, 0x7C, 0xAB, 0x5E};
    unsigned char wire[32];
    char back[32];
    if (charset->kind == KIND_UTF8)
        return 0;
    int size = charset_encode(charset, sample, sizeof sample - 1, wire, sizeof wire, error);
    if (size == (int)sizeof expected && memcmp(wire, expected, sizeof expected) == 0 &&
        charset_decode(charset, wire, (size_t)size, false, back, sizeof back, error) ==
            (int)sizeof sample - 1 &&
        memcmp(back, sample, sizeof sample - 1) == 0)
        return 0;
    return error_set(error, 0, FEP_E_CHARSET, "the %s tables of this system differ from those expected",
                     charset->name);
}

struct charset *
charset_open(const char *name, enum charset_unmappable unmappable, struct fep_error *error)
{
    static const struct {
        const char *name, *encoder;
        enum kind kind;
    } known[] = {{"UTF-8", NULL, KIND_UTF8}, {"GBK", "GBK", KIND_GBK}, {"GB18030", "GB18030", KIND_GB18030}};
    size_t place = 0;
    while (place < 3 && strcmp(known[place].name, name) != 0)
        place++;
    if (place == 3) {
        error_set(error, 0, FEP_E_CHARSET, "charset \"%.20s\" is not known; expected GBK, GB18030 or UTF-8",
                  name);
        return NULL;
    }
    struct charset *charset = calloc(1, sizeof *charset);
    if (charset == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a charset");
        return NULL;
    }
    *charset = (struct charset){.kind = known[place].kind,
                                .unmappable = unmappable,
                                .name = known[place].name,
                                .decoder = NO_CONVERTER,
                                .encoder = NO_CONVERTER};
    if (charset->kind != KIND_UTF8) {
        charset->decoder = iconv_open("UTF-8", "GB18030");
        charset->encoder = iconv_open(known[place].encoder, "UTF-8");
        if (charset->decoder == NO_CONVERTER || charset->encoder == NO_CONVERTER) {
            error_set(error, 0, FEP_E_CHARSET, "this system has no converter for %s", charset->name);
            charset_close(charset);
            return NULL;
        }
    }
    if (check_tables(charset, error) < 0) {
        charset_close(charset);
        return NULL;
    }
    return charset;
}

void
charset_close(struct charset *charset)
{
    if (charset == NULL)
        return;
    if (charset->decoder != NO_CONVERTER)
        iconv_close(charset->decoder);
    if (charset->encoder != NO_CONVERTER)
        iconv_close(charset->encoder);
    free(charset);
}

/* --- decoding ------------------------------------------------------------------------------------ */

/* Bytes of the character at `in` by its structure alone, or 0. */
static size_t
character_bytes(const struct charset *charset, const unsigned char *in, size_t rest)
{
    if (in[0] < 0x80)
        return 1;
    if (charset->kind == KIND_UTF8)
        return utf8_character((const char *)in, rest);
    if (in[0] == 0x80 || in[0] == 0xFF || rest < 2)
        return 0;
    if (in[1] >= 0x40 && in[1] != 0x7F && in[1] != 0xFF)
        return 2;
    bool four = charset->kind == KIND_GB18030 && rest >= 4 && in[1] >= 0x30 && in[1] <= 0x39 &&
                in[2] >= 0x81 && in[2] <= 0xFE && in[3] >= 0x30 && in[3] <= 0x39;
    return four ? 4 : 0;
}

static bool
put(char **out, size_t *room, const void *bytes, size_t size)
{
    if (size > *room)
        return false;
    memcpy(*out, bytes, size);
    *out += size;
    *room -= size;
    return true;
}

/* Converts the first `size` bytes, all of whole characters by structure. Returns how many were taken: fewer
 * than size when a character has no meaning, or out is full (then *full is set). */
static size_t
decode_run(struct charset *charset, const unsigned char *in, size_t size, char **out, size_t *room,
           bool *full)
{
    if (charset->decoder == NO_CONVERTER) {
        *full = !put(out, room, in, size);
        return *full ? 0 : size;
    }
    union {
        const unsigned char *in;
        char *iconv;
    } from = {.in = in}; /* iconv's prototype lacks a const */
    size_t left = size;
    (void)iconv(charset->decoder, NULL, NULL, NULL, NULL);
    if (iconv(charset->decoder, &from.iconv, &left, out, room) == (size_t)-1)
        *full = errno == E2BIG;
    return size - left;
}

int
charset_decode(struct charset *charset, const unsigned char *in, size_t size, bool lenient, char *out,
               size_t out_size, struct fep_error *error)
{
    size_t at = 0, room = out_size;
    bool full = false;
    while (at < size && !full) {
        size_t run = 0, width = 0;
        while (at + run < size && (width = character_bytes(charset, in + at + run, size - at - run)) > 0)
            run += width;
        size_t taken = run > 0 ? decode_run(charset, in + at, run, &out, &room, &full) : 0;
        at += taken;
        if (full || at == size)
            break;
        if (!lenient)
            return error_set(error, FEP_REFUSED, FEP_E_CHARSET, "byte %zu is not legal %s", at,
                             charset->name);
        full = !put(&out, &room, REPLACEMENT, 3);
        /* A pair without meaning is one character; a byte that begins nothing stands alone. */
        at += taken < run ? character_bytes(charset, in + at, size - at) : 1;
    }
    if (full)
        return error_set(error, FEP_REFUSED, FEP_E_OVERSIZE, "text of %zu bytes is longer than allowed",
                         size);
    return (int)(out_size - room);
}

/* --- encoding ------------------------------------------------------------------------------------ */

/* One character as it stands on the wire, or 0 if the charset can not hold it. */
static size_t
encode_character(struct charset *charset, const char *in, size_t width, char wire[8])
{
    union {
        const char *in;
        char *iconv;
    } from = {.in = in};
    char *to = wire;
    size_t left = width, room = 8;
    if (charset->encoder == NO_CONVERTER) {
        memcpy(wire, in, width);
        return width;
    }
    (void)iconv(charset->encoder, NULL, NULL, NULL, NULL);
    if (iconv(charset->encoder, &from.iconv, &left, &to, &room) == (size_t)-1 || left > 0)
        return 0;
    /* glibc writes the euro as 80 in GBK; a reader by GB18030 rejects that, a reader of GBK 1.0 does not know
     * it. */
    return charset->kind == KIND_GBK && (unsigned char)wire[0] == 0x80 ? 0 : 8 - room;
}

static uint32_t
code_point(const char *in, size_t width)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = (unsigned char)in[0] & masks[width];
    for (size_t i = 1; i < width; i++)
        point = point << 6 | ((unsigned char)in[i] & 0x3F);
    return point;
}

/* Like encode_character, with the policy: -1 if the character must be refused. */
static int
encode_one(struct charset *charset, const char *in, size_t width, char wire[16])
{
    if (width == 3 && memcmp(in, BYTE_ORDER_MARK, 3) == 0)
        return 0;
    if (width == 3 && memcmp(in, REPLACEMENT, 3) == 0)
        in = GETA;
    size_t size = encode_character(charset, in, width, wire);
    if (size > 0)
        return (int)size;
    switch (charset->unmappable) {
    case UNMAPPABLE_GETA:
        return (int)encode_character(charset, GETA, 3, wire);
    case UNMAPPABLE_REFERENCE:
        return snprintf(wire, 16, "&#x%X;", code_point(in, width));
    case UNMAPPABLE_REFUSE:
    default:
        return -1;
    }
}

/* Bytes of characters that need no second look: ASCII and all that is not U+FFFD, BOM or euro, i.e. not begun
 * by EF or E2. */
static size_t
plain_run(const char *in, size_t size)
{
    size_t at = 0;
    while (at < size) {
        unsigned char c = (unsigned char)in[at];
        size_t width = c < 0x80 ? 1 : c == 0xEF || c == 0xE2 ? 0 : utf8_character(in + at, size - at);
        if (width == 0)
            break;
        at += width;
    }
    return at;
}

static size_t
encode_run(struct charset *charset, const char *in, size_t size, char **out, size_t *room, bool *full)
{
    union {
        const char *in;
        char *iconv;
    } from = {.in = in};
    size_t left = size;
    if (charset->encoder == NO_CONVERTER) {
        *full = !put(out, room, in, size);
        return *full ? 0 : size;
    }
    (void)iconv(charset->encoder, NULL, NULL, NULL, NULL);
    if (iconv(charset->encoder, &from.iconv, &left, out, room) == (size_t)-1)
        *full = errno == E2BIG;
    return size - left;
}

int
charset_encode(struct charset *charset, const char *in, size_t size, unsigned char *out, size_t out_size,
               struct fep_error *error)
{
    size_t at = 0, room = out_size;
    char *to = (char *)out;
    bool full = false;
    while (at < size && !full) {
        size_t run = plain_run(in + at, size - at);
        at += run > 0 ? encode_run(charset, in + at, run, &to, &room, &full) : 0;
        if (full || at == size)
            break;
        char wire[16];
        size_t width = utf8_character(in + at, size - at);
        int count = width > 0 ? encode_one(charset, in + at, width, wire) : -1;
        if (width == 0)
            return error_set(error, FEP_REFUSED, FEP_E_CHARSET, "illegal UTF-8 at byte %zu", at);
        if (count < 0)
            return error_set(error, FEP_REFUSED, FEP_E_CHARSET,
                             "character U+%04X at byte %zu can not be written in %s",
                             code_point(in + at, width), at, charset->name);
        full = !put(&to, &room, wire, (size_t)count);
        at += width;
    }
    if (full)
        return error_set(error, FEP_REFUSED, FEP_E_DOES_NOT_FIT, "text does not fit into %zu bytes",
                         out_size);
    return (int)(out_size - room);
}

bool
charset_refuses(const struct charset *charset)
{
    return charset->unmappable == UNMAPPABLE_REFUSE && charset->encoder != NO_CONVERTER;
}

/* The most that the bytes of a text can become: no iconv for what fits anyhow. */
static size_t
most_bytes(const struct charset *charset, const char *in, size_t size)
{
    const size_t wide = charset->kind == KIND_GBK ? 2 : 4;
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)in[i];
        if (c < 0x80)
            count++;
        else if ((c & 0xC0) == 0xC0)
            count += wide;
    }
    return count;
}

size_t
charset_fit(struct charset *charset, const char *in, size_t size, size_t limit)
{
    size_t at = 0, used = 0;
    char wire[16];
    if (most_bytes(charset, in, size) <= limit)
        return size;
    while (at < size) {
        size_t width = (unsigned char)in[at] < 0x80 ? 1 : utf8_character(in + at, size - at);
        int count = width <= 1 ? (int)width : encode_one(charset, in + at, width, wire);
        /* What will be refused when it is written, and a reference: as the character would count. */
        if (count < 0 || count > 4)
            count = 2;
        if (width == 0 || used + (size_t)count > limit)
            break;
        used += (size_t)count;
        at += width;
    }
    return at;
}
