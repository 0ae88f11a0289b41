/* Bodies at rest: SM4-CTR, then HMAC-SM3 over what names the blob and over the encrypted bytes; two keys
 * drawn by HKDF-SM3 from one key file. A stored blob is format (1) | nonce (12) | encrypted bytes | HMAC-SM3
 * (32) The exchange's key, role and which of its two blobs it is go into the HMAC, so that blobs can't be
 * exchanged. */
#ifndef FEP_BODY_CIPHER_H
#define FEP_BODY_CIPHER_H

#include <stddef.h>
#include <stdint.h>
#include <fep/adapter.h>
#include "exchange_key.h"

#define BODY_CIPHER_OVERHEAD 45 /* bytes by which a stored blob is longer than what it holds */
#define BODY_KEY_CHECK_SIZE  32

enum blob_part { BLOB_BODY = 1, BLOB_ANSWER = 2 };

struct body_cipher; /* one thread at a time */

/* Makes a new key file (64 hex digits, mode 0600); an existing one is never overwritten. 0, or negative. */
int body_key_create(const char *file, struct fep_error *error);

/* Reads the key file; refuses one that others may read. NULL with the error filled. */
struct body_cipher *body_cipher_create(const char *key_file, struct fep_error *error);
/* A second one with the same key for another thread; NULL without memory. */
struct body_cipher *body_cipher_copy(const struct body_cipher *cipher);
void body_cipher_destroy(struct body_cipher *cipher); /* NULL is nothing */

/* A value that names the key without giving it away; the store keeps it to tell a wrong key at once. */
int body_cipher_key_check(struct body_cipher *cipher, uint8_t out[BODY_KEY_CHECK_SIZE]);

/* Writes size + BODY_CIPHER_OVERHEAD bytes. 0, or negative if OpenSSL fails. */
int body_cipher_seal(struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part,
                     const uint8_t *data, size_t size, uint8_t *out);
/* Writes size - BODY_CIPHER_OVERHEAD bytes, checked before they are decrypted. Negative if the blob is not
 * what was stored under this name: nothing of it may be used. */
int body_cipher_open(struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part,
                     const uint8_t *data, size_t size, uint8_t *out);

#endif
