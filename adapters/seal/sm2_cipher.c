/* SM2 encryption in the layouts that peers use. OpenSSL knows the ASN.1 one only (GM/T 0009); the raw ones
 * are the same parts one behind the other: C1 a point, C3 32 bytes of SM3, C2 as long as the text. Fails with
 * -1. */
#include "sm2.h"

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <string.h>

struct sm2_text {
    ASN1_INTEGER *x, *y;
    ASN1_OCTET_STRING *hash, *cipher;
};
typedef struct sm2_text SM2_TEXT;

DECLARE_ASN1_FUNCTIONS(SM2_TEXT)

ASN1_SEQUENCE(SM2_TEXT) =
    {
        ASN1_SIMPLE(SM2_TEXT, x, ASN1_INTEGER),
        ASN1_SIMPLE(SM2_TEXT, y, ASN1_INTEGER),
        ASN1_SIMPLE(SM2_TEXT, hash, ASN1_OCTET_STRING),
        ASN1_SIMPLE(SM2_TEXT, cipher, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(SM2_TEXT)

        IMPLEMENT_ASN1_FUNCTIONS(SM2_TEXT)

            enum {
                C1 = 65,
                C3 = 32
            };

/* 32 bytes of a coordinate. */
static bool
put_coordinate(const ASN1_INTEGER *from, unsigned char *out)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(from, NULL);
    bool good = number != NULL && !BN_is_negative(number) && BN_bn2binpad(number, out, 32) == 32;
    BN_free(number);
    return good;
}

static bool
get_coordinate(const unsigned char *bytes, ASN1_INTEGER *to)
{
    BIGNUM *number = BN_bin2bn(bytes, 32, NULL);
    bool good = number != NULL && BN_to_ASN1_INTEGER(number, to) != NULL;
    BN_free(number);
    return good;
}

static long
to_raw(const unsigned char *der, size_t size, enum sm2_layout layout, unsigned char *out)
{
    const unsigned char *at = der;
    SM2_TEXT *text = d2i_SM2_TEXT(NULL, &at, (long)size);
    long written = -1;
    if (text != NULL && text->hash->length == C3 && put_coordinate(text->x, out + 1) &&
        put_coordinate(text->y, out + 33)) {
        size_t length = (size_t)text->cipher->length;
        out[0] = 4;
        memcpy(out + C1 + (layout == SM2_C1C3C2 ? 0 : length), text->hash->data, C3);
        memcpy(out + C1 + (layout == SM2_C1C3C2 ? C3 : 0), text->cipher->data, length);
        written = (long)(C1 + C3 + length);
    }
    SM2_TEXT_free(text);
    return written;
}

/* `parts` has no 04 any more: X, Y, and hash and text in the order of the layout. DER is the caller's to
 * free. */
static int
from_raw(const unsigned char *parts, size_t size, enum sm2_layout layout, unsigned char **der)
{
    size_t length = size - 64 - C3;
    const unsigned char *hash = parts + 64 + (layout == SM2_C1C3C2 ? 0 : length);
    const unsigned char *cipher = parts + 64 + (layout == SM2_C1C3C2 ? C3 : 0);
    SM2_TEXT *text = SM2_TEXT_new();
    int written = -1;
    *der = NULL;
    if (text != NULL && get_coordinate(parts, text->x) && get_coordinate(parts + 32, text->y) &&
        ASN1_OCTET_STRING_set(text->hash, hash, C3) == 1 &&
        ASN1_OCTET_STRING_set(text->cipher, cipher, (int)length) == 1)
        written = i2d_SM2_TEXT(text, der);
    SM2_TEXT_free(text);
    return written;
}

long
sm2_encrypt(EVP_PKEY *key, enum sm2_layout layout, const void *text, size_t size, unsigned char *out)
{
    unsigned char der[SM2_MOST_PLAIN + SM2_OVERHEAD];
    size_t written = sizeof der;
    long result = -1;
    EVP_PKEY_CTX *context = NULL;
    if (size > 0 && size <= SM2_MOST_PLAIN && EVP_PKEY_is_a(key, "SM2") == 1 &&
        (context = EVP_PKEY_CTX_new(key, NULL)) != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
        EVP_PKEY_encrypt(context, der, &written, text, size) == 1 && written <= size + SM2_OVERHEAD) {
        if (layout == SM2_ASN1) {
            memcpy(out, der, written);
            result = (long)written;
        } else {
            result = to_raw(der, written, layout, out);
        }
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return result;
}

static long
decrypt_der(EVP_PKEY *key, const unsigned char *der, size_t size, unsigned char *out)
{
    unsigned char plain[SM2_MOST_PLAIN + SM2_OVERHEAD];
    size_t written = sizeof plain;
    long result = -1;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (context != NULL && EVP_PKEY_decrypt_init(context) == 1 &&
        EVP_PKEY_decrypt(context, plain, &written, der, size) == 1 && written <= size) {
        memcpy(out, plain, written);
        result = (long)written;
    }
    OPENSSL_cleanse(plain, sizeof plain);
    EVP_PKEY_CTX_free(context);
    return result;
}

long
sm2_decrypt(EVP_PKEY *key, enum sm2_layout layout, const unsigned char *data, size_t size, unsigned char *out)
{
    long written = -1;
    if (size > SM2_MOST_PLAIN || EVP_PKEY_is_a(key, "SM2") != 1)
        return -1;
    if (layout == SM2_ASN1) {
        written = decrypt_der(key, data, size, out);
    } else {
        /* Without its 04 it may by chance begin with 04: then the other reading is tried. */
        for (size_t skip = size > 0 && data[0] == 4 ? 1 : 0; written < 0 && size > skip + 64 + C3; skip--) {
            unsigned char *der;
            int length = from_raw(data + skip, size - skip, layout, &der);
            if (length > 0)
                written = decrypt_der(key, der, (size_t)length, out);
            OPENSSL_free(der);
            if (skip == 0)
                break;
        }
    }
    ERR_clear_error();
    return written;
}
