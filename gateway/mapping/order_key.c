/* HMAC-SM3 for order keys. Must never keep or print a person number. The algorithm is fetched once; a fetch
 * costs more than all the rest. */
#include "order_key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static EVP_MAC_CTX *
create_context(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SM3";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (context != NULL && EVP_MAC_CTX_set_params(context, params) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

int
order_key_compute(const uint8_t *key, size_t key_size, const char *insured_area, const char *person,
                  size_t person_size, uint8_t out[16])
{
    static EVP_MAC_CTX *context; /* for the life of the process */
    static const uint8_t no_secret[1] = {0};
    uint8_t whole[32];
    size_t size = 0;

    memset(out, 0, 16);
    if (person_size == 0)
        return 0;
    if (context == NULL && (context = create_context()) == NULL)
        return -1;
    /* The NUL of the area parts it from the number, so that no two pairs run together. */
    if (EVP_MAC_init(context, key_size > 0 ? key : no_secret, key_size > 0 ? key_size : sizeof no_secret,
                     NULL) != 1 ||
        EVP_MAC_update(context, (const unsigned char *)insured_area, strlen(insured_area) + 1) != 1 ||
        EVP_MAC_update(context, (const unsigned char *)person, person_size) != 1 ||
        EVP_MAC_final(context, whole, &size, sizeof whole) != 1 || size != sizeof whole)
        return -1;
    memcpy(out, whole, 16);
    return 0;
}
