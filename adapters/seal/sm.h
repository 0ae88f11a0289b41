/* SM3, SHA-256, their HMACs, SM4. OpenSSL's EVP with algorithms fetched once for the process. Any thread. */
#ifndef FEP_SEAL_SM_H
#define FEP_SEAL_SM_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if all algorithms are there. Repeated calls cost nothing. The functions below need it to have been true. */
bool sm_ready(void);
/* Borrowed for ever; hash is enum seal_hash. */
const EVP_MD *sm_get_hash(uint32_t hash);

/* 32 bytes. False: OpenSSL failed. */
bool sm_hash(uint32_t hash, const void *data, size_t size, unsigned char out[32]);
bool sm_hmac(uint32_t hash, const void *key, size_t key_size, const void *data, size_t size, unsigned char out[32]);

/* How SM4 is used: enum seal_mode, seal_padding. */
struct sm4_form {
    uint32_t mode, padding;
    const unsigned char *key; /* 16 bytes */
    const unsigned char *iv;  /* 16 bytes; SEAL_CBC only */
};
/* Bytes written; `out` must hold size + 16. -1: OpenSSL failed. */
long sm4_encrypt(const struct sm4_form *form, const void *data, size_t size, unsigned char *out);
/* Bytes written; `out` must hold size + 16. -1: no whole blocks, or the padding is not one. Zero padding: zeros at the
 * end are taken away. */
long sm4_decrypt(const struct sm4_form *form, const void *data, size_t size, unsigned char *out);

#endif
