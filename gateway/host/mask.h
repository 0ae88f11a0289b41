/* Stable pseudonyms of the same shape for what is personal in records and canonical bodies, for captured examples. */
#ifndef FEP_MASK_H
#define FEP_MASK_H

#include "mapping.h"

struct mask {
    uint8_t key[32]; /* the same key gives the same pseudonyms */
};

enum { MASK_TEXT = 512 };

/* The pseudonym: digits for digits, letters for letters, characters for characters; dates stay dates of the same year,
 * certificate numbers keep sex and year and a right check digit. Texts of one or two bytes (codes) stay. Longer ones
 * than MASK_TEXT are left out: the result is empty. */
void mask_text(const struct mask *mask, const char *text, size_t size, char out[MASK_TEXT]);
/* A copy whose fields with the flag "personal" are masked; NULL without memory. */
struct fep_record *mask_record(const struct mask *mask, const struct fep_record *record);
/* A copy whose personal members (by their names in the national interface) are masked. */
int mask_body(const struct mask *mask, struct slice body, struct slice *masked, struct fep_error *error);

#endif
