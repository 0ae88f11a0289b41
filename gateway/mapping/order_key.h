/* The order key: who must be kept in order without anybody on the way knowing who it is. HMAC-SM3 over
 * insured area and person number, the first 16 bytes. */
#ifndef FEP_ORDER_KEY_H
#define FEP_ORDER_KEY_H

#include <stddef.h>
#include <stdint.h>

/* All zero if the person number is empty. 0, or negative if OpenSSL fails. An empty key gives a keyless hash:
 * order is kept, the person is not hidden. One thread. */
int order_key_compute(const uint8_t *key, size_t key_size, const char *insured_area, const char *person,
                      size_t person_size, uint8_t out[16]);

#endif
