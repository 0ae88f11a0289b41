/* Characters, blanks and decimals of legacy peers. Must never read past the size it is given and never decide
 * what a value means. Fails by its return value only. */
#include "text.h"

#include <string.h>

enum charset_scheme
scheme_by_name(const char *name)
{
    static const char *const names[] = {"single", "gbk", "gb18030", "utf8"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum charset_scheme)(i + 1);
    }
    return (enum charset_scheme)0;
}

static bool
is_lead(unsigned char byte)
{
    return byte >= 0x81 && byte <= 0xFE;
}

static bool
is_digit_byte(unsigned char byte)
{
    return byte >= 0x30 && byte <= 0x39;
}

static size_t
chinese_length(const unsigned char *data, size_t size, bool four_bytes)
{
    if (!is_lead(data[0]) || size < 2)
        return 1;
    if (four_bytes && is_digit_byte(data[1]))
        return size >= 4 && is_lead(data[2]) && is_digit_byte(data[3]) ? 4 : 1;
    return data[1] >= 0x40 && data[1] <= 0xFE && data[1] != 0x7F ? 2 : 1;
}

static size_t
utf8_length(const unsigned char *data, size_t size)
{
    size_t length = data[0] >= 0xF0 ? 4 : data[0] >= 0xE0 ? 3 : data[0] >= 0xC2 ? 2 : 1;
    if (length > size)
        return 1;
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xC0) != 0x80)
            return 1;
    }
    return length;
}

size_t
character_length(enum charset_scheme scheme, const unsigned char *data, size_t size)
{
    switch (scheme) {
    case SCHEME_GBK:
        return chinese_length(data, size, false);
    case SCHEME_GB18030:
        return chinese_length(data, size, true);
    case SCHEME_UTF8:
        return utf8_length(data, size);
    default:
        return 1;
    }
}

size_t
cut_at_character(enum charset_scheme scheme, const unsigned char *data, size_t size, size_t limit)
{
    size_t at = 0;
    while (at < size) {
        size_t length = character_length(scheme, data + at, size - at);
        if (at + length > limit)
            break;
        at += length;
    }
    return at;
}

size_t
drop_half_character(enum charset_scheme scheme, const unsigned char *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t length = character_length(scheme, data + at, size - at);
        if (length == 1 && data[at] >= 0x81 && at + 1 == size)
            return at;
        at += length;
    }
    return size;
}

struct text_view
trim_text(const char *data, size_t size)
{
    while (size > 0 && (data[0] == ' ' || data[0] == '\0')) {
        data++;
        size--;
    }
    while (size > 0 && (data[size - 1] == ' ' || data[size - 1] == '\0'))
        size--;
    return (struct text_view){data, size};
}

/* U+FF01..U+FF5E is EF BC 81 .. EF BD 9E, U+3000 is E3 80 80. Returns the ASCII character, or 0. */
static char
ascii_of_full_width(const unsigned char *c)
{
    if (c[0] == 0xE3 && c[1] == 0x80 && c[2] == 0x80)
        return ' ';
    if (c[0] != 0xEF || (c[1] != 0xBC && c[1] != 0xBD) || (c[2] & 0xC0) != 0x80)
        return 0;
    int code = (c[1] == 0xBC ? 0 : 0x40) + (c[2] - 0x80); /* offset from U+FF00 */
    return code >= 1 && code <= 0x5E ? (char)(code + 0x20) : 0;
}

size_t
fold_full_width(char *text, size_t size)
{
    size_t to = 0;
    for (size_t at = 0; at < size;) {
        char ascii = size - at >= 3 ? ascii_of_full_width((const unsigned char *)text + at) : 0;
        text[to++] = ascii != 0 ? ascii : text[at];
        at += ascii != 0 ? 3 : 1;
    }
    return to;
}

bool
is_all_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

bool
is_plain_word(const char *text)
{
    for (; *text != '\0'; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (!letter && (*text < '0' || *text > '9'))
            return false;
    }
    return true;
}

bool
is_secret(const char *secret, const char *given)
{
    if (secret == NULL || secret[0] == '\0')
        return false;
    size_t size = strlen(secret), length = strlen(given);
    unsigned difference = size != length;
    for (size_t i = 0; i < size; i++)
        difference |=
            (unsigned)(unsigned char)secret[i] ^ (unsigned)(unsigned char)given[i < length ? i : length];
    return difference == 0;
}

static size_t
put_code_point(char *out, unsigned code) /* U+0800..U+FFFF */
{
    out[0] = (char)(0xE0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

long
clean_text(const char *text, size_t size, bool drop, const char *reserved, char *out, size_t out_size)
{
    size_t to = 0;
    for (size_t at = 0; at < size; at++) {
        unsigned char c = (unsigned char)text[at];
        if (out_size - to < 4)
            return -1;
        if (c < 0x20 || c == 0x7F) {
            if (!drop || c == '\r' || c == '\n' || c == '\t')
                out[to++] = ' ';
        } else if (c < 0x80 && strchr(reserved, c) != NULL) {
            to += put_code_point(out + to, 0xFF00u + c - 0x20);
        } else if (c == 0xC2 && at + 1 < size && (unsigned char)text[at + 1] < 0xA0) { /* U+0080..U+009F */
            if (!drop)
                out[to++] = ' ';
            at++;
        } else if (c == 0xEF && size - at >= 3 && memcmp(text + at, "\xEF\xBF\xBD", 3) == 0) {
            to += put_code_point(out + to, 0x3013); /* 〓 */
            at += 2;
        } else {
            out[to++] = (char)c;
        }
    }
    return (long)to;
}

int
parse_decimal(const char *text, size_t size, unsigned scale, bool *negative, char digits[24])
{
    size_t at = 0;
    *negative = size > 0 && text[0] == '-';
    if (*negative)
        at++;
    int count = 0;
    size_t whole = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++, whole++) {
        if (count > 0 || text[at] != '0')
            digits[count++] = text[at];
        if (count > 18)
            return -1;
    }
    if (whole == 0)
        return -1;
    unsigned decimals = 0;
    if (at < size && text[at] == '.') {
        for (at++; at < size && text[at] >= '0' && text[at] <= '9'; at++, decimals++) {
            if (decimals >= scale) {
                if (text[at] != '0')
                    return -1;
                continue;
            }
            digits[count++] = text[at];
            if (count > 18)
                return -1;
        }
        if (decimals == 0)
            return -1;
    }
    for (; decimals < scale; decimals++) {
        digits[count++] = '0';
        if (count > 18)
            return -1;
    }
    digits[count] = '\0';
    return at == size ? count : -1;
}

bool
is_strict_decimal(const char *text, size_t size, unsigned scale)
{
    bool negative = size > 0 && text[0] == '-';
    if (negative) {
        text++;
        size--;
    }
    size_t tail = scale > 0 ? scale + 1u : 0;
    if (size < tail + 1)
        return false;
    size_t whole = size - tail;
    bool shape = is_all_digits(text, whole) && (whole == 1 || text[0] != '0') && whole + scale <= 18;
    if (shape && scale > 0)
        shape = text[whole] == '.' && is_all_digits(text + whole + 1, scale);
    if (!shape || !negative)
        return shape;
    for (size_t i = 0; i < size; i++) {
        if (text[i] >= '1' && text[i] <= '9')
            return true;
    }
    return false; /* -0.00 */
}
