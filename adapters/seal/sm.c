/* The symmetric half of the SM algorithms. Must never fetch an algorithm per message: that costs more than
 * hashing one. Fails with false or -1; OpenSSL's error queue is left empty. */
#include "sm.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>

#include "seal_profile.h"

enum { BLOCK = 16, PIECE = 1 << 20 };

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *hashes[2];
static EVP_MAC *hmac;
static EVP_CIPHER *ciphers[2];

/* When OpenSSL ends. It keeps a module that asked for this loaded until then. */
static void
release_all(void)
{
    for (size_t i = 0; i < 2; i++) {
        EVP_MD_free(hashes[i]);
        EVP_CIPHER_free(ciphers[i]);
        hashes[i] = NULL;
        ciphers[i] = NULL;
    }
    EVP_MAC_free(hmac);
    hmac = NULL;
}

static void
fetch_all(void)
{
    hashes[SEAL_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
    hashes[SEAL_SM3] = EVP_MD_fetch(NULL, "SM3", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ciphers[SEAL_ECB] = EVP_CIPHER_fetch(NULL, "SM4-ECB", NULL);
    ciphers[SEAL_CBC] = EVP_CIPHER_fetch(NULL, "SM4-CBC", NULL);
    (void)OPENSSL_atexit(release_all); /* else they stay until the process ends */
    ERR_clear_error();
}

bool
sm_ready(void)
{
    return pthread_once(&fetched, fetch_all) == 0 && hashes[0] != NULL && hashes[1] != NULL && hmac != NULL &&
           ciphers[0] != NULL && ciphers[1] != NULL;
}

const EVP_MD *
sm_get_hash(uint32_t hash)
{
    return hashes[hash == SEAL_SM3 ? SEAL_SM3 : SEAL_SHA256];
}

bool
sm_hash(uint32_t hash, const void *data, size_t size, unsigned char out[32])
{
    unsigned written = 0;
    bool good = EVP_Digest(data, size, out, &written, sm_get_hash(hash), NULL) == 1 && written == 32;
    if (!good)
        ERR_clear_error();
    return good;
}

bool
sm_hmac(uint32_t hash, const void *key, size_t key_size, const void *data, size_t size, unsigned char out[32])
{
    static const unsigned char no_key[1];
    char name[] = "SHA256", sm3[] = "SM3";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash == SEAL_SM3 ? sm3 : name, 0),
        OSSL_PARAM_construct_end()};
    size_t written = 0;
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    bool good = context != NULL &&
                EVP_MAC_init(context, key_size > 0 ? key : no_key, key_size, params) == 1 &&
                EVP_MAC_update(context, data, size) == 1 && EVP_MAC_final(context, out, &written, 32) == 1 &&
                written == 32;
    EVP_MAC_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return good;
}

/* All of it, in pieces that fit OpenSSL's int sizes. Bytes written or -1. */
static long
run_cipher(const struct sm4_form *form, bool encrypt, const unsigned char *data, size_t size,
           unsigned char *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = ciphers[form->mode == SEAL_CBC ? SEAL_CBC : SEAL_ECB];
    const unsigned char *iv = form->mode == SEAL_CBC ? form->iv : NULL;
    long total = 0;
    int written = 0;
    bool good = context != NULL && EVP_CipherInit_ex2(context, cipher, form->key, iv, encrypt, NULL) == 1 &&
                EVP_CIPHER_CTX_set_padding(context, form->padding == SEAL_PKCS7) == 1;
    for (size_t at = 0; good && at < size; at += PIECE) {
        size_t piece = size - at < PIECE ? size - at : PIECE;
        good = EVP_CipherUpdate(context, out + total, &written, data + at, (int)piece) == 1;
        total += written;
    }
    good = good && EVP_CipherFinal_ex(context, out + total, &written) == 1;
    total += written;
    EVP_CIPHER_CTX_free(context); /* wipes the key */
    if (!good)
        ERR_clear_error();
    return good ? total : -1;
}

/* Zeros up to a whole block; none where it fits. */
static long
encrypt_with_zeros(const struct sm4_form *form, const unsigned char *data, size_t size, unsigned char *out)
{
    size_t whole = (size + BLOCK - 1) / BLOCK * BLOCK;
    unsigned char *padded = OPENSSL_zalloc(whole + 1);
    if (padded == NULL)
        return -1;
    memcpy(padded, data, size);
    long written = run_cipher(form, true, padded, whole, out);
    OPENSSL_clear_free(padded, whole + 1);
    return written;
}

long
sm4_encrypt(const struct sm4_form *form, const void *data, size_t size, unsigned char *out)
{
    if (form->padding == SEAL_ZERO)
        return encrypt_with_zeros(form, data, size, out);
    return run_cipher(form, true, data, size, out);
}

long
sm4_decrypt(const struct sm4_form *form, const void *data, size_t size, unsigned char *out)
{
    if (size % BLOCK != 0 || (size == 0 && form->padding == SEAL_PKCS7))
        return -1;
    long written = run_cipher(form, false, data, size, out);
    while (form->padding == SEAL_ZERO && written > 0 && out[written - 1] == 0)
        written--;
    return written;
}
