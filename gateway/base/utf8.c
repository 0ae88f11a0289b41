/* Recognises legal UTF-8. Must never read past the bytes it was given. Cannot fail. */
#include "utf8.h"

#include <string.h>

size_t
utf8_character(const char *text, size_t rest)
{
    if (rest == 0)
        return 0;
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return 1;
    size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || size > rest)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return size;
}

bool
utf8_is_valid(const char *text, size_t size, size_t *bad)
{
    for (size_t i = 0; i < size;) {
        size_t step = utf8_character(text + i, size - i);
        if (step == 0) {
            if (bad)
                *bad = i;
            return false;
        }
        i += step;
    }
    return true;
}

void
utf8_drop_half(char *text)
{
    size_t end = strlen(text), start = end;
    while (start > 0 && end - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && utf8_character(text + start - 1, end - start + 1) != end - start + 1 &&
        (unsigned char)text[start - 1] >= 0xC0)
        text[start - 1] = '\0';
}

void
utf8_make_printable(char *text)
{
    for (size_t rest = strlen(text); rest > 0;) {
        size_t step = utf8_character(text, rest);
        if (step == 0 || (step == 1 && ((unsigned char)*text < ' ' || *text == 0x7F))) {
            *text = '?';
            step = 1;
        }
        text += step;
        rest -= step;
    }
}
