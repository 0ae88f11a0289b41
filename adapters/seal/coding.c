/* Base64 and hex. Must never read beyond what it is given, nor take a text for bytes that another reader
 * would see differently (bits left over in the last Base64 digit are an error). Fails with -1. */
#include "coding.h"

#include <string.h>

enum { LINE = 76 };

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool
is_hex(uint32_t encoding)
{
    return encoding == SEAL_HEX || encoding == SEAL_HEX_UPPER;
}

size_t
coding_room(uint32_t encoding, size_t size)
{
    if (is_hex(encoding))
        return size * 2 + 1;
    size_t text = (size + 2) / 3 * 4;
    return text + (encoding == SEAL_BASE64_LINES ? text / LINE + 1 : 0) + 1;
}

static size_t
encode_hex(const char *digits, const unsigned char *data, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * size] = '\0';
    return 2 * size;
}

size_t
coding_encode(uint32_t encoding, const unsigned char *data, size_t size, char *out)
{
    if (is_hex(encoding))
        return encode_hex(encoding == SEAL_HEX ? "0123456789abcdef" : "0123456789ABCDEF", data, size, out);
    const char *digits = encoding == SEAL_BASE64_URL ? url_digits : std_digits;
    size_t at = 0, line = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                        (left > 2 ? (unsigned)data[i + 2] : 0);
        if (encoding == SEAL_BASE64_LINES && line == LINE) {
            out[at++] = '\n';
            line = 0;
        }
        out[at++] = digits[bits >> 18];
        out[at++] = digits[bits >> 12 & 63];
        if (left > 1)
            out[at++] = digits[bits >> 6 & 63];
        else if (encoding != SEAL_BASE64_URL)
            out[at++] = '=';
        if (left > 2)
            out[at++] = digits[bits & 63];
        else if (encoding != SEAL_BASE64_URL)
            out[at++] = '=';
        line += 4;
    }
    out[at] = '\0';
    return at;
}

static int
hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static long
decode_hex(const char *text, size_t size, unsigned char *out, size_t out_size)
{
    if (size % 2 != 0 || size / 2 > out_size)
        return -1;
    for (size_t i = 0; i < size / 2; i++) {
        int high = hex_value((unsigned char)text[2 * i]), low = hex_value((unsigned char)text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return (long)(size / 2);
}

static int
base64_value(unsigned char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

static bool
is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

long
coding_decode(uint32_t encoding, const char *text, size_t size, unsigned char *out, size_t out_size)
{
    if (is_hex(encoding))
        return decode_hex(text, size, out, out_size);
    bool lines = encoding == SEAL_BASE64_LINES, url = encoding == SEAL_BASE64_URL;
    while (lines && size > 0 && is_line_end(text[size - 1]))
        size--;
    size_t padding = 0;
    while (size > 0 && padding < 2 && text[size - 1] == '=') {
        size--;
        padding++;
    }
    unsigned bits = 0;
    size_t held = 0, digits = 0, written = 0;
    for (size_t i = 0; i < size; i++) {
        if (lines && is_line_end(text[i]))
            continue;
        int value = base64_value((unsigned char)text[i], url);
        if (value < 0)
            return -1;
        bits = (bits << 6 | (unsigned)value) & 0xffffff;
        held += 6;
        digits++;
        if (held >= 8) {
            held -= 8;
            if (written == out_size)
                return -1;
            out[written++] = (unsigned char)(bits >> held);
        }
    }
    if (digits % 4 == 1 || (bits & ((1u << held) - 1)) != 0 || (padding > 0 && (digits + padding) % 4 != 0))
        return -1;
    return (long)written;
}
