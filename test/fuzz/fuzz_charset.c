/* Fuzzes the wire's charsets, bytes to UTF-8 and back, and the text functions of the modules. First byte: the
 * charset. What is UTF-8 afterwards is legal UTF-8; what was read strictly is written and read again as the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "error.h"
#include "fuzz.h"
#include "text.h"
#include "utf8.h"

const char *const fuzz_words[] = {"\xA1\xFE",
                                  "\x81\x30\x81\x30",
                                  "\x84\x31\xA4\x37",
                                  "\x90\x30\x81\x30",
                                  "\xE3\x32\x9A\x35",
                                  "\x80",
                                  "\xFF",
                                  "\x81",
                                  "\x95\x32\x82\x36",
                                  "\xEF\xBB\xBF",
                                  "\xEF\xBF\xBD",
                                  "\xEF\xBC\x81",
                                  "\xE3\x80\x80",
                                  "&#x4DAE;",
                                  "-0.00",
                                  "12.30",
                                  NULL};

static const char *const names[] = {"GBK", "GB18030", "UTF-8"};
static const enum charset_scheme schemes[] = {SCHEME_GBK, SCHEME_GB18030, SCHEME_UTF8, SCHEME_SINGLE};
static struct charset *charsets[3][3];

static void
open_charsets(void)
{
    struct fep_error error;
    for (int i = 0; i < 3; i++)
        for (int policy = 0; policy < 3; policy++) {
            charsets[i][policy] = charset_open(names[i], UNMAPPABLE_REFUSE + (unsigned)policy, &error);
            must(charsets[i][policy] != NULL, "a charset opens");
        }
}

static bool
holds(const char *text, size_t size, const char *piece)
{
    return size > 0 && memmem(text, size, piece, strlen(piece)) != NULL;
}

/* What came off the wire goes back and comes again as the same. */
static void
go_back(unsigned which, const char *text, size_t size)
{
    struct charset *charset = charsets[which][0];
    size_t room = 4 * size + 16;
    unsigned char *wire = malloc(room);
    char *again = malloc(4 * room);
    struct fep_error error = {0};
    must(wire != NULL && again != NULL, "memory");
    int put = charset_encode(charset, text, size, wire, room, &error);
    /* GBK's user-defined characters are read; nobody can say what another peer would read, so they are not
     * written. */
    bool defined = which == 0 && put < 0 && error.code == FEP_E_CHARSET;
    if (defined) {
        must_explain(&error);
        free(wire);
        free(again);
        return;
    }
    must(put >= 0, "what was read can be written");
    int got = charset_decode(charset, wire, (size_t)put, false, again, 4 * room, &error);
    must(got == (int)size && memcmp(again, text, size) == 0, "read, written and read is the same");
    size_t limit = size / 2, fits = charset_fit(charset, text, size, limit);
    must(fits <= size, "what fits is a beginning");
    must(utf8_is_valid(text, fits, NULL), "what fits ends with a whole character");
    put = charset_encode(charset, text, fits, wire, room, &error);
    must(put >= 0 && (size_t)put <= limit, "what fits, fits");
    free(wire);
    free(again);
}

static void
decode(unsigned which, const uint8_t *data, size_t size)
{
    size_t room = 4 * size + 16;
    char *text = malloc(room);
    struct fep_error error = {0};
    must(text != NULL, "memory");
    int got = charset_decode(charsets[which][0], data, size, true, text, room, &error);
    must(got >= 0 && utf8_is_valid(text, (size_t)got, NULL), "lenient reading gives UTF-8");
    got = charset_decode(charsets[which][0], data, size, false, text, room, &error);
    if (got < 0)
        must_explain(&error);
    else {
        must(utf8_is_valid(text, (size_t)got, NULL), "strict reading gives UTF-8");
        if (!holds(text, (size_t)got, "\xEF\xBF\xBD") && !holds(text, (size_t)got, "\xEF\xBB\xBF"))
            go_back(which, text, (size_t)got);
    }
    got = charset_decode(charsets[which][0], data, size, true, text, size / 2, &error);
    must(got <= (int)(size / 2), "no more is written than there is room");
    free(text);
}

/* The same bytes as UTF-8 for the wire, whatever they are. */
static void
encode(unsigned which, const uint8_t *data, size_t size)
{
    size_t room = 12 * size + 16;
    unsigned char *wire = malloc(room);
    char *text = malloc(4 * room);
    must(wire != NULL && text != NULL, "memory");
    for (int policy = 0; policy < 3; policy++) {
        struct fep_error error = {0};
        int put = charset_encode(charsets[which][policy], (const char *)data, size, wire, room, &error);
        if (put < 0) {
            must_explain(&error);
            continue;
        }
        must(charset_decode(charsets[which][policy], wire, (size_t)put, false, text, 4 * room, &error) >= 0,
             "what is written is legal on the wire");
    }
    free(wire);
    free(text);
}

static void
use_text(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        for (size_t at = 0; at < size;) {
            size_t length = character_length(schemes[i], data + at, size - at);
            must(length > 0 && length <= size - at, "a character has bytes that are there");
            at += length;
        }
        must(cut_at_character(schemes[i], data, size, size / 2) <= size / 2, "a cut is a cut");
        must(drop_half_character(schemes[i], data, size) <= size, "a cut is a cut");
    }
    char *text = fuzz_copy(data, size), *clean = malloc(4 * size + 1), digits[24];
    must(clean != NULL, "memory");
    struct text_view view = trim_text(text, size);
    must(view.size <= size && (view.size == 0 || (view.data >= text && view.data + view.size <= text + size)),
         "a part is a part");
    bool negative;
    int count = parse_decimal(text, size, 2, &negative, digits);
    must(count >= -1 && count <= 20, "an amount has at most 18 digits and two more");
    if (is_strict_decimal(text, size, 2) && size < 18)
        must(count > 0, "what is strictly an amount is one");
    if (utf8_is_valid(text, size, NULL)) {
        long got = clean_text(text, size, size % 2, "|^$", clean, 4 * size + 1);
        must(got >= 0 && utf8_is_valid(clean, (size_t)got, NULL), "cleaned text is UTF-8");
        must(got == 0 || (memchr(clean, '|', (size_t)got) == NULL && memchr(clean, '^', (size_t)got) == NULL),
             "cleaned text holds no mark");
        must(fold_full_width(text, size) <= size, "folding never lengthens");
    }
    free(clean);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (charsets[0][0] == NULL)
        open_charsets();
    if (size == 0 || size > 65536)
        return 0;
    unsigned which = data[0] % 3u;
    decode(which, data + 1, size - 1);
    encode(which, data + 1, size - 1);
    use_text(data + 1, size - 1);
    return 0;
}
