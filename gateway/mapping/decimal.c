/* Decimal arithmetic for money. Must never lose a digit silently; every operation is checked for overflow. */
#include "decimal.h"

static bool
add_digit(int64_t *units, char digit)
{
    return !__builtin_mul_overflow(*units, (int64_t)10, units) &&
           !__builtin_sub_overflow(*units, (int64_t)(digit - '0'), units);
}

/* Digits are summed downwards: the range of negatives is the larger one. */
bool
decimal_parse(const char *text, size_t size, unsigned scale, int64_t *units)
{
    size_t at = 0, digits = 0;
    unsigned decimals = 0;
    bool negative = false, point = false;
    int64_t value = 0;
    if (at < size && (text[at] == '+' || text[at] == '-'))
        negative = text[at++] == '-';
    for (; at < size; at++) {
        if (text[at] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[at] < '0' || text[at] > '9')
            return false;
        digits++;
        if (point && decimals == scale) {
            if (text[at] != '0')
                return false;
            continue;
        }
        if (!add_digit(&value, text[at]))
            return false;
        decimals += point;
    }
    if (digits == 0)
        return false;
    for (; decimals < scale; decimals++) {
        if (!add_digit(&value, '0'))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *units = value;
    return true;
}

size_t
decimal_write(int64_t units, unsigned scale, char out[DECIMAL_TEXT])
{
    char reversed[DECIMAL_TEXT];
    size_t count = 0, size = 0;
    uint64_t rest = units < 0 ? 0 - (uint64_t)units : (uint64_t)units;
    while (rest > 0 || count < (size_t)scale + 1) {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (units < 0)
        out[size++] = '-';
    while (count > 0) {
        if (count == scale)
            out[size++] = '.';
        out[size++] = reversed[--count];
    }
    out[size] = '\0';
    return size;
}

bool
decimal_add(int64_t a, int64_t b, int64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

bool
decimal_line_amount(int64_t price_e4, int64_t quantity_e4, int64_t *fen)
{
    const int64_t unit = 1000000; /* 10^-8 yuan in a fen */
    int64_t product, whole, half = unit / 2;
    if (__builtin_mul_overflow(price_e4, quantity_e4, &product) ||
        __builtin_add_overflow(product, product < 0 ? -half : half, &whole))
        return false;
    *fen = whole / unit;
    return true;
}
