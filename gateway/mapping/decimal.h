/* Decimal numbers as text and as integers of their smallest unit (fen at scale 2, 1/10000 at scale 4). No
 * floating point, no rounding: what does not fit exactly is an error. */
#ifndef FEP_DECIMAL_H
#define FEP_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT 32 /* room for any value written, with NUL */

/* "12.30", "-0.5", "+7", ".5" -> units of 10^-scale. false: not a decimal number, more decimals than scale
 * that are not zero, or out of range. scale 0..9. */
bool decimal_parse(const char *text, size_t size, unsigned scale, int64_t *units);
/* Exactly `scale` decimals, a '-' for negatives; returns the length. */
size_t decimal_write(int64_t units, unsigned scale, char out[DECIMAL_TEXT]);
/* false on overflow. */
bool decimal_add(int64_t a, int64_t b, int64_t *sum);
/* price x quantity, both at scale 4, to fen, half up (away from zero for negatives). false on overflow. */
bool decimal_line_amount(int64_t price_e4, int64_t quantity_e4, int64_t *fen);

#endif
