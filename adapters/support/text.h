/* Text as legacy peers write it: characters of Chinese code pages, full-width forms, decimals. Pure; no allocation.
 * Threads: any. */
#ifndef FEP_SUPPORT_TEXT_H
#define FEP_SUPPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* How bytes form characters on the wire. */
enum charset_scheme { SCHEME_SINGLE = 1, SCHEME_GBK, SCHEME_GB18030, SCHEME_UTF8 };

/* By name (single, gbk, gb18030, utf8); 0 if it is none of them. */
enum charset_scheme scheme_by_name(const char *name);

/* Bytes of the character at the beginning of `data` (size > 0); 1 for a byte that starts no complete character, so that
 * half a character never swallows what follows it. */
size_t character_length(enum charset_scheme scheme, const unsigned char *data, size_t size);
/* The longest beginning of `data` that ends with a complete character and takes at most `limit` bytes. */
size_t cut_at_character(enum charset_scheme scheme, const unsigned char *data, size_t size, size_t limit);
/* The size without a lone lead byte at the end. */
size_t drop_half_character(enum charset_scheme scheme, const unsigned char *data, size_t size);

/* The part of text without blanks and NULs at both ends. */
struct text_view {
    const char *data;
    size_t size;
};
struct text_view trim_text(const char *data, size_t size);
/* Full-width ASCII forms (U+FF01..U+FF5E) and U+3000 of UTF-8 text become ASCII, in place. Returns the new size. */
size_t fold_full_width(char *text, size_t size);
bool is_all_digits(const char *text, size_t size);
/* ASCII letters and digits only; also true of an empty text. */
bool is_plain_word(const char *text);

/* Compares all of it, whatever differs: how long it takes says nothing about the secret. An empty secret is none. */
bool is_secret(const char *secret, const char *given);

/* Appends to `out` what `text` becomes before it goes to a peer: control characters become blanks (dropped when `drop`
 * is set, CR LF TAB excepted), U+FFFD becomes 〓; and each byte of `reserved` its full-width form. Returns the size, or
 * -1 if out is too small (4 * size always suffices). */
long clean_text(const char *text, size_t size, bool drop, const char *reserved, char *out, size_t out_size);

/* "-12.3" with scale 2 -> negative, digits "1230". Refuses anything but -?digits(.digits)? with at most `scale`
 * decimals (zeros beyond are accepted) and at most 18 digits. Returns the number of digits, or -1. */
int parse_decimal(const char *text, size_t size, unsigned scale, bool *negative, char digits[24]);
/* The strict form senders must use: -?(0|[1-9]digits).{scale digits}, no -0. */
bool is_strict_decimal(const char *text, size_t size, unsigned scale);

#endif
