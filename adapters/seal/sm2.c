/* SM2 keys, signatures and their forms. Must never make a key that OpenSSL would use for ECDSA (type EC on
 * this curve), nor sign without a distinguishing id being set: both go through silently and fit nobody. Fails
 * with NULL, false or 0; OpenSSL's error queue is left empty. */
#include "sm2.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "coding.h"
#include "sm.h"

static bool
is_sm2(const EVP_PKEY *key)
{
    return key != NULL && EVP_PKEY_is_a(key, "SM2") == 1;
}

/* From number (may be NULL) and point: a key of type SM2. */
static EVP_PKEY *
build_key(const BIGNUM *number, const unsigned char *point)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool good = context != NULL && builder != NULL &&
                OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
                OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, SM2_POINT) == 1 &&
                (number == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1) &&
                (params = OSSL_PARAM_BLD_to_param(builder)) != NULL;
    good = good && EVP_PKEY_fromdata_init(context) == 1 &&
           EVP_PKEY_fromdata(context, &key, number != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                             params) == 1;
    if (good && !is_sm2(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return key;
}

EVP_PKEY *
sm2_make_private(const unsigned char number[32])
{
    EVP_PKEY *key = NULL;
    unsigned char bytes[SM2_POINT];
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    BIGNUM *value = BN_secure_new(), *limit = group != NULL ? BN_dup(EC_GROUP_get0_order(group)) : NULL;
    /* a private number is at least 1 and less than the order minus one */
    if (context != NULL && point != NULL && value != NULL && limit != NULL && BN_sub_word(limit, 1) == 1 &&
        BN_bin2bn(number, 32, value) != NULL && !BN_is_zero(value) && BN_cmp(value, limit) < 0) {
        BN_set_flags(value, BN_FLG_CONSTTIME);
        if (EC_POINT_mul(group, point, value, NULL, NULL, context) == 1 &&
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof bytes, context) ==
                sizeof bytes)
            key = build_key(value, bytes);
    }
    BN_clear_free(value);
    BN_free(limit);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_CTX_free(context);
    ERR_clear_error();
    return key;
}

EVP_PKEY *
sm2_make_public(const unsigned char *point, size_t size)
{
    unsigned char given[SM2_POINT] = {4}, whole[SM2_POINT];
    if (size == 64)
        memcpy(given + 1, point, 64);
    else if (size == 65 || size == 33)
        memcpy(given, point, size);
    else
        return NULL;
    size_t length = size == 33 ? 33 : SM2_POINT;
    EVP_PKEY *key = NULL;
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *place = group != NULL ? EC_POINT_new(group) : NULL;
    /* oct2point refuses what is not on the curve */
    if (context != NULL && place != NULL && EC_POINT_oct2point(group, place, given, length, context) == 1 &&
        EC_POINT_is_at_infinity(group, place) == 0 &&
        EC_POINT_point2oct(group, place, POINT_CONVERSION_UNCOMPRESSED, whole, sizeof whole, context) ==
            sizeof whole)
        key = build_key(NULL, whole);
    EC_POINT_free(place);
    EC_GROUP_free(group);
    BN_CTX_free(context);
    ERR_clear_error();
    return key;
}

bool
sm2_get_point(const EVP_PKEY *key, unsigned char point[SM2_POINT])
{
    size_t size = 0;
    unsigned char bytes[SM2_POINT + 8];
    if (!is_sm2(key) || EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, bytes,
                                                        sizeof bytes, &size) != 1) {
        ERR_clear_error();
        return false;
    }
    if (size == 33) { /* a key that was read from a compressed point tells it so */
        EVP_PKEY *whole = sm2_make_public(bytes, size);
        bool good = whole != NULL && sm2_get_point(whole, point);
        EVP_PKEY_free(whole);
        return good;
    }
    if (size != SM2_POINT || bytes[0] != 4)
        return false;
    memcpy(point, bytes, SM2_POINT);
    return true;
}

/* --- keys as text
 * ------------------------------------------------------------------------------------------------ */

static size_t
drop_blanks(const char *text, size_t size, char *out, size_t out_size)
{
    size_t kept = 0;
    for (size_t i = 0; i < size && kept < out_size; i++)
        if (!isspace((unsigned char)text[i]))
            out[kept++] = text[i];
    return kept;
}

/* Base64 or hex of raw bytes, whichever it can be by its length. */
static long
read_raw(const char *text, size_t size, unsigned char *out, size_t out_size)
{
    char dense[256];
    size_t length = drop_blanks(text, size, dense, sizeof dense);
    long read = length == sizeof dense ? -1 : coding_decode(SEAL_HEX, dense, length, out, out_size);
    if (read < 32 && length < sizeof dense)
        read = coding_decode(SEAL_BASE64, dense, length, out, out_size);
    OPENSSL_cleanse(dense, sizeof dense);
    return read;
}

static bool
is_pem(const char *text, size_t size)
{
    return memmem(text, size, "-----BEGIN ", 11) != NULL;
}

static int
no_password(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1; /* nobody is there to ask */
}

static EVP_PKEY *
check_type(EVP_PKEY *key, const char **why)
{
    if (key == NULL)
        *why = "the PEM text cannot be read (a password?)";
    else if (!is_sm2(key)) {
        *why = "not an SM2 key";
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

EVP_PKEY *
sm2_read_private(const char *text, size_t size, const char **why)
{
    if (is_pem(text, size)) {
        BIO *bio = BIO_new_mem_buf(text, (int)size);
        EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        BIO_free(bio);
        return check_type(key, why);
    }
    unsigned char bytes[192];
    long length = read_raw(text, size, bytes, sizeof bytes);
    EVP_PKEY *key = NULL;
    *why = "neither PEM nor Base64 or hex of a private number of 32 bytes";
    if (length == 32)
        key = sm2_make_private(bytes);
    else if (length == 33 && bytes[0] == 0)
        key = sm2_make_private(bytes + 1);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return key;
}

/* A public key, a certificate or a private key in PEM. */
static EVP_PKEY *
read_public_pem(const char *text, size_t size)
{
    EVP_PKEY *key = NULL;
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    if (bio == NULL)
        return NULL;
    if (memmem(text, size, "-----BEGIN CERTIFICATE", 22) != NULL) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        key = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    } else if (memmem(text, size, "PRIVATE KEY-----", 16) != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    } else {
        key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    }
    BIO_free(bio);
    return key;
}

EVP_PKEY *
sm2_read_public(const char *text, size_t size, const char **why)
{
    if (is_pem(text, size))
        return check_type(read_public_pem(text, size), why);
    unsigned char bytes[192];
    long length = read_raw(text, size, bytes, sizeof bytes);
    *why = "neither PEM nor Base64 or hex of a point of the curve (64, 65 or 33 bytes)";
    return length > 0 ? sm2_make_public(bytes, (size_t)length) : NULL;
}

/* --- signatures
 * -------------------------------------------------------------------------------------------------- */

size_t
sm2_to_der(const unsigned char rs[SM2_SIGNATURE], unsigned char *der)
{
    size_t written = 0;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs, 32, NULL), *s = BN_bin2bn(rs + 32, 32, NULL);
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL; /* they are the signature's */
        int size = i2d_ECDSA_SIG(signature, NULL);
        if (size > 0 && size <= SM2_MOST_DER)
            written = (size_t)i2d_ECDSA_SIG(signature, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return written;
}

bool
sm2_from_der(const unsigned char *der, size_t size, unsigned char rs[SM2_SIGNATURE])
{
    if (size == 0 || size > SM2_MOST_DER)
        return false;
    const unsigned char *at = der;
    unsigned char again[SM2_MOST_DER];
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
    bool good = signature != NULL && at == der + size &&
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), rs, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), rs + 32, 32) == 32 &&
                sm2_to_der(rs, again) == size && memcmp(again, der, size) == 0;
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return good;
}

/* A digest context for SM2-with-SM3 with its id; both are the caller's to free. */
static bool
begin_digest(EVP_PKEY *key, struct sm2_id id, bool signing, EVP_MD_CTX **digest, EVP_PKEY_CTX **context)
{
    *digest = NULL;
    *context = NULL;
    if (!is_sm2(key) || !sm_ready())
        return false;
    *digest = EVP_MD_CTX_new();
    *context = EVP_PKEY_CTX_new(key, NULL);
    if (*digest == NULL || *context == NULL || EVP_PKEY_CTX_set1_id(*context, id.data, (int)id.size) != 1)
        return false;
    EVP_MD_CTX_set_pkey_ctx(*digest, *context);
    const EVP_MD *sm3 = sm_get_hash(SEAL_SM3);
    return (signing ? EVP_DigestSignInit(*digest, NULL, sm3, NULL, key)
                    : EVP_DigestVerifyInit(*digest, NULL, sm3, NULL, key)) == 1;
}

bool
sm2_sign(EVP_PKEY *key, struct sm2_id id, const void *text, size_t size, unsigned char rs[SM2_SIGNATURE])
{
    EVP_MD_CTX *digest;
    EVP_PKEY_CTX *context;
    unsigned char der[SM2_MOST_DER];
    size_t written = sizeof der;
    bool good = begin_digest(key, id, true, &digest, &context) &&
                EVP_DigestSign(digest, der, &written, text, size) == 1 && sm2_from_der(der, written, rs);
    EVP_MD_CTX_free(digest); /* does not own the context here */
    EVP_PKEY_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return good;
}

bool
sm2_verify(EVP_PKEY *key, struct sm2_id id, const void *text, size_t size,
           const unsigned char rs[SM2_SIGNATURE])
{
    EVP_MD_CTX *digest;
    EVP_PKEY_CTX *context;
    unsigned char der[SM2_MOST_DER];
    size_t length = sm2_to_der(rs, der);
    bool good = begin_digest(key, id, false, &digest, &context) && length > 0 &&
                EVP_DigestVerify(digest, der, length, text, size) == 1;
    EVP_MD_CTX_free(digest);
    EVP_PKEY_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return good;
}
