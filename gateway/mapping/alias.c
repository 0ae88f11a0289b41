/* Ids that are longer than a local field. Must never give two ids one alias: an alias holds the whole id,
 * packed, so that no table is needed to find it again and none can be lost. Fails where an id is not of the
 * form that can be packed. */
#include "model.h"

#include <string.h>

/* Upper-case letters, digits and signs that no local system changes, in identifiers or on the way. */
static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._:/+*=@";
enum {
    BASE = sizeof alphabet - 1,
    DIGITS = ALIAS_SIZE - 1,
    MOST_LETTERS = 4,
    FORMS = (MOST_LETTERS + 1) * (LONGEST_ID + 1)
};

typedef unsigned __int128 packed;

/* How many letters an id begins with; only digits may follow. Negative: another form. */
static int
count_letters(const char *id, size_t size)
{
    size_t letters = 0;
    while (letters < size && id[letters] >= 'A' && id[letters] <= 'Z')
        letters++;
    for (size_t i = letters; i < size; i++) {
        if (id[i] < '0' || id[i] > '9')
            return -1;
    }
    return letters <= MOST_LETTERS ? (int)letters : -1;
}

/* The largest value that alias digits can hold, and one. */
static packed
limit(void)
{
    packed value = 1;
    for (int i = 0; i < DIGITS; i++)
        value *= BASE;
    return value;
}

int
alias_make(const char *id, size_t size, char alias[ALIAS_SIZE + 1])
{
    int letters = size > 0 && size <= LONGEST_ID ? count_letters(id, size) : -1;
    packed value = 0, most = limit() / FORMS - 1;
    if (letters < 0)
        return -1;
    for (size_t i = 0; i < size; i++) {
        unsigned radix = i < (size_t)letters ? 26u : 10u,
                 digit = (unsigned)(id[i] - (i < (size_t)letters ? 'A' : '0'));
        if (value > (most - digit) / radix)
            return -1;
        value = value * radix + digit;
    }
    value = value * FORMS + (unsigned)letters * (LONGEST_ID + 1u) + (unsigned)size;
    alias[0] = ALIAS_MARK;
    for (int i = DIGITS; i > 0; i--) {
        alias[i] = alphabet[value % BASE];
        value /= BASE;
    }
    alias[ALIAS_SIZE] = '\0';
    return 0;
}

bool
alias_is(const char *text, size_t size)
{
    return size > 0 && text[0] == ALIAS_MARK;
}

int
alias_read(const char *alias, size_t size, char id[LONGEST_ID + 1])
{
    packed value = 0;
    if (size != ALIAS_SIZE || !alias_is(alias, size))
        return -1;
    for (size_t i = 1; i < size; i++) {
        const char *at = alias[i] != '\0' ? strchr(alphabet, alias[i]) : NULL;
        if (at == NULL)
            return -1;
        value = value * BASE + (unsigned)(at - alphabet);
    }
    unsigned form = (unsigned)(value % FORMS), letters = form / (LONGEST_ID + 1u),
             length = form % (LONGEST_ID + 1u);
    value /= FORMS;
    if (length == 0 || letters > length)
        return -1;
    id[length] = '\0';
    for (unsigned i = length; i > 0; i--) {
        bool letter = i <= letters;
        id[i - 1] = (char)((letter ? 'A' : '0') + (int)(value % (letter ? 26u : 10u)));
        value /= letter ? 26u : 10u;
    }
    return value == 0 ? 0 : -1;
}
