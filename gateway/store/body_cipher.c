/* Encrypts and checks bodies at rest. Must never decrypt before the HMAC was checked, never use a nonce twice
 * under one key, never leave key bytes in freed memory. On the hot path: algorithms are fetched once and
 * contexts reused. Fails with -1 and gives nothing away. */
#include "body_cipher.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include "error.h"

#define FORMAT     1
#define NONCE_SIZE 12
#define HEAD_SIZE  (1 + NONCE_SIZE)
#define MAC_SIZE   32
#define KEY_BYTES  32
_Static_assert(HEAD_SIZE + MAC_SIZE == BODY_CIPHER_OVERHEAD, "as the header says");

struct body_cipher {
    uint8_t cipher_key[16];
    uint8_t mac_key[32];
    EVP_CIPHER *sm4;
    EVP_MAC *hmac;
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac;
    uint8_t
        nonce[NONCE_SIZE]; /* 8 random bytes, drawn anew with every 2^32 blobs and every context; 4 count */
    uint32_t counter;
};

/* --- key file
 * ----------------------------------------------------------------------------------------------------- */

static int
sync_directory_of(const char *file)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", file) >= sizeof path)
        return -1;
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

int
body_key_create(const char *file, struct fep_error *error)
{
    uint8_t key[KEY_BYTES];
    char text[2 * KEY_BYTES + 2];
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return error_set(error, 0, FEP_E_SYSTEM, "no random bytes for %s", file);
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[2 * KEY_BYTES] = '\n';
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc = 0;
    if (fd < 0)
        rc = error_set(error, 0, FEP_E_SYSTEM, "cannot create key file %s: %s", file, strerror(errno));
    else if (write(fd, text, 2 * KEY_BYTES + 1) != 2 * KEY_BYTES + 1 || fsync(fd) < 0 ||
             sync_directory_of(file) < 0) {
        rc = error_set(error, 0, FEP_E_SYSTEM, "cannot write key file %s: %s", file, strerror(errno));
        unlink(file); /* a half-written key must not look like one */
    }
    if (fd >= 0)
        close(fd);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(text, sizeof text);
    return rc;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
parse_key(const char *text, size_t size, uint8_t key[KEY_BYTES])
{
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' '))
        size--;
    if (size != 2 * KEY_BYTES)
        return -1;
    for (size_t i = 0; i < KEY_BYTES; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int
read_key(const char *file, uint8_t key[KEY_BYTES], struct fep_error *error)
{
    char text[256];
    struct stat status;
    int rc = 0, fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, 0, FEP_E_KEY_MISSING, "cannot read key file %s: %s", file, strerror(errno));
    ssize_t size = -1;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        rc = error_set(error, 0, FEP_E_KEY_INVALID, "key file %s is not a regular file", file);
    else if (status.st_mode & 077)
        rc = error_set(
            error, 0, FEP_E_KEY_INVALID,
            "key file %s may be read by others (mode %03o); set it to 0600 and think about a new key", file,
            (unsigned)(status.st_mode & 0777));
    else if ((size = read(fd, text, sizeof text)) < 0)
        rc = error_set(error, 0, FEP_E_KEY_MISSING, "cannot read key file %s: %s", file, strerror(errno));
    else if (parse_key(text, (size_t)size, key) < 0)
        rc = error_set(error, 0, FEP_E_KEY_INVALID, "key file %s does not hold 64 hex digits", file);
    close(fd);
    OPENSSL_cleanse(text, sizeof text);
    return rc;
}

/* --- contexts
 * ----------------------------------------------------------------------------------------------------- */

static int
derive(const uint8_t key[KEY_BYTES], const char *purpose, uint8_t *out, size_t size)
{
    char digest[] = "SM3", info[64];
    uint8_t secret[KEY_BYTES];
    memcpy(secret, key, KEY_BYTES);
    snprintf(info, sizeof info, "%s", purpose);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
                               OSSL_PARAM_construct_end()};
    int good = context && EVP_KDF_derive(context, out, size, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    OPENSSL_cleanse(secret, sizeof secret);
    return good ? 0 : -1;
}

static int
set_up(struct body_cipher *cipher)
{
    char digest[] = "SM3";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
    cipher->sm4 = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL);
    cipher->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    cipher->cipher = EVP_CIPHER_CTX_new();
    cipher->mac = cipher->hmac ? EVP_MAC_CTX_new(cipher->hmac) : NULL;
    if (!cipher->sm4 || !cipher->cipher || !cipher->mac)
        return -1;
    if (EVP_EncryptInit_ex2(cipher->cipher, cipher->sm4, cipher->cipher_key, NULL, NULL) != 1)
        return -1;
    if (EVP_MAC_init(cipher->mac, cipher->mac_key, sizeof cipher->mac_key, parameters) != 1)
        return -1;
    return RAND_bytes(cipher->nonce, sizeof cipher->nonce) == 1 ? 0 : -1;
}

struct body_cipher *
body_cipher_create(const char *key_file, struct fep_error *error)
{
    uint8_t key[KEY_BYTES];
    if (read_key(key_file, key, error) < 0)
        return NULL;
    struct body_cipher *cipher = calloc(1, sizeof *cipher);
    if (!cipher ||
        derive(key, "fep bodies at rest: encryption", cipher->cipher_key, sizeof cipher->cipher_key) < 0 ||
        derive(key, "fep bodies at rest: authentication", cipher->mac_key, sizeof cipher->mac_key) < 0 ||
        set_up(cipher) < 0) {
        error_set(error, 0, FEP_E_SYSTEM,
                  "OpenSSL gives no SM4-CTR, HMAC-SM3 or HKDF for the bodies at rest");
        body_cipher_destroy(cipher);
        cipher = NULL;
    }
    OPENSSL_cleanse(key, sizeof key);
    return cipher;
}

struct body_cipher *
body_cipher_copy(const struct body_cipher *cipher)
{
    struct body_cipher *copy = calloc(1, sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy->cipher_key, cipher->cipher_key, sizeof copy->cipher_key);
    memcpy(copy->mac_key, cipher->mac_key, sizeof copy->mac_key);
    if (set_up(copy) < 0) {
        body_cipher_destroy(copy);
        return NULL;
    }
    return copy;
}

void
body_cipher_destroy(struct body_cipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->cipher);
    EVP_MAC_CTX_free(cipher->mac);
    EVP_CIPHER_free(cipher->sm4);
    EVP_MAC_free(cipher->hmac);
    OPENSSL_cleanse(cipher, sizeof *cipher);
    free(cipher);
}

/* --- blobs
 * -------------------------------------------------------------------------------------------------------- */

static int
next_nonce(struct body_cipher *cipher)
{
    if (++cipher->counter == 0 && RAND_bytes(cipher->nonce, sizeof cipher->nonce) != 1)
        return -1;
    memcpy(cipher->nonce + 8, &cipher->counter, sizeof cipher->counter);
    return 0;
}

/* The last four bytes of the counter block count the blob's own blocks from 0: blobs are far shorter than 64
 * GiB. */
static int
run_cipher(struct body_cipher *cipher, const uint8_t nonce[NONCE_SIZE], const uint8_t *in, size_t size,
           uint8_t *out)
{
    uint8_t block[16] = {0};
    int done = 0;
    memcpy(block, nonce, NONCE_SIZE);
    if (size > INT_MAX || EVP_EncryptInit_ex2(cipher->cipher, NULL, NULL, block, NULL) != 1)
        return -1;
    if (EVP_EncryptUpdate(cipher->cipher, out, &done, in, (int)size) != 1 || (size_t)done != size)
        return -1;
    return 0;
}

static int
run_mac(struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part,
        const uint8_t *sealed, size_t size, uint8_t mac[MAC_SIZE])
{
    uint8_t name[sizeof *key + 1];
    size_t length = 0;
    memcpy(name, key, sizeof *key);
    name[sizeof *key] = (uint8_t)part;
    return EVP_MAC_init(cipher->mac, NULL, 0, NULL) == 1 &&
                   EVP_MAC_update(cipher->mac, name, sizeof name) == 1 &&
                   EVP_MAC_update(cipher->mac, sealed, size) == 1 &&
                   EVP_MAC_final(cipher->mac, mac, &length, MAC_SIZE) == 1 && length == MAC_SIZE
               ? 0
               : -1;
}

int
body_cipher_key_check(struct body_cipher *cipher, uint8_t out[BODY_KEY_CHECK_SIZE])
{
    static const uint8_t text[] = "which key is this store written with?";
    struct exchange_key none = {0};
    return run_mac(cipher, &none, BLOB_BODY, text, sizeof text, out);
}

int
body_cipher_seal(struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part,
                 const uint8_t *data, size_t size, uint8_t *out)
{
    if (next_nonce(cipher) < 0)
        return -1;
    out[0] = FORMAT;
    memcpy(out + 1, cipher->nonce, NONCE_SIZE);
    if (run_cipher(cipher, cipher->nonce, data, size, out + HEAD_SIZE) < 0)
        return -1;
    return run_mac(cipher, key, part, out, HEAD_SIZE + size, out + HEAD_SIZE + size);
}

int
body_cipher_open(struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part,
                 const uint8_t *data, size_t size, uint8_t *out)
{
    uint8_t mac[MAC_SIZE];
    if (size < BODY_CIPHER_OVERHEAD || data[0] != FORMAT)
        return -1;
    size_t plain = size - BODY_CIPHER_OVERHEAD;
    if (run_mac(cipher, key, part, data, size - MAC_SIZE, mac) < 0)
        return -1;
    if (CRYPTO_memcmp(mac, data + size - MAC_SIZE, MAC_SIZE) != 0)
        return -1;
    return run_cipher(cipher, data + 1, data + HEAD_SIZE, plain, out);
}
