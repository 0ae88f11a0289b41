/* SM2: keys, signatures, encryption. Any thread; keys do not change once they are made. */
#ifndef FEP_SEAL_SM2_H
#define FEP_SEAL_SM2_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

enum { SM2_SIGNATURE = 64, SM2_POINT = 65, SM2_MOST_DER = 80 };

/* A key out of the text of a file: PEM, or Base64 or hex of the raw number or point. NULL if it is none, or no SM2
 * key; *why is then a constant text. Free with EVP_PKEY_free. */
EVP_PKEY *sm2_read_private(const char *text, size_t size, const char **why);
EVP_PKEY *sm2_read_public(const char *text, size_t size, const char **why); /* also of a certificate, a private key */
/* Of 32 bytes, and of a point (04 X Y, X Y, or compressed); NULL if they are none. */
EVP_PKEY *sm2_make_private(const unsigned char number[32]);
EVP_PKEY *sm2_make_public(const unsigned char *point, size_t size);
/* 04 X Y. False: not an SM2 key. */
bool sm2_get_point(const EVP_PKEY *key, unsigned char point[SM2_POINT]);

struct sm2_id { /* the distinguishing id; its bytes, no NUL */
    const void *data;
    size_t size;
};
/* r and s, 32 bytes each, of SM2-with-SM3. False: OpenSSL failed, or the key is no private SM2 key. */
bool sm2_sign(EVP_PKEY *key, struct sm2_id id, const void *text, size_t size, unsigned char rs[SM2_SIGNATURE]);
/* True only if the signature is this key's over this text. */
bool sm2_verify(EVP_PKEY *key, struct sm2_id id, const void *text, size_t size,
                const unsigned char rs[SM2_SIGNATURE]);

/* r and s as DER and back. to_der: bytes written into `der` (SM2_MOST_DER), 0 on failure. from_der wants the one strict
 * form, nothing behind it. */
size_t sm2_to_der(const unsigned char rs[SM2_SIGNATURE], unsigned char *der);
bool sm2_from_der(const unsigned char *der, size_t size, unsigned char rs[SM2_SIGNATURE]);

/* How an encrypted text is written. Raw ones begin with 04. */
enum sm2_layout { SM2_C1C3C2 = 0, SM2_C1C2C3, SM2_ASN1 };
enum { SM2_MOST_PLAIN = 8192, SM2_OVERHEAD = 160 };
/* Bytes written; `out` must hold size + SM2_OVERHEAD. -1: too large, or OpenSSL failed. */
long sm2_encrypt(EVP_PKEY *key, enum sm2_layout layout, const void *text, size_t size, unsigned char *out);
/* Bytes written, at most size; -1 if it is no such text for this key. Raw layouts may come without their 04. */
long sm2_decrypt(EVP_PKEY *key, enum sm2_layout layout, const unsigned char *data, size_t size, unsigned char *out);

/* What Z of SM2-with-SM3 is for this key and id. */
bool sm2_compute_z(const EVP_PKEY *key, struct sm2_id id, unsigned char z[32]);
/* The digest SM3(Z || text) that must have been signed if this key made this signature: tells by one comparison of
 * digests whether a text fits, so that many can be tried. False: this can be no signature of the key. */
bool sm2_find_digest(const EVP_PKEY *key, const unsigned char rs[SM2_SIGNATURE], unsigned char digest[32]);

#endif
