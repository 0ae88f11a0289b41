/* UTF-8 as the standard has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef FEP_UTF8_H
#define FEP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at text (1 to 4), or 0 if the `rest` bytes there do not begin with a legal one. */
size_t utf8_character(const char *text, size_t rest);
/* Are all of the bytes legal? If not, *bad (may be NULL) is the offset of the first one that is not. */
bool utf8_is_valid(const char *text, size_t size, size_t *bad);
/* Cuts a NUL-terminated text whose end may have been cut off in the middle of a character, back to a whole one. */
void utf8_drop_half(char *text);

/* Puts '?' in the place of control characters and of bytes that are not legal UTF-8: what may be shown. */
void utf8_make_printable(char *text);

#endif
