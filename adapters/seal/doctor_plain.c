/* Opens an encrypted part whose key, mode, padding or encoding is not known. Must never decrypt all of a
 * large message for every guess: the first block already tells JSON from noise. Fails with false. */
#include "doctor_internal.h"

#include <stdlib.h>
#include <string.h>

#include "coding.h"
#include "sm.h"

struct guess {
    const struct seal *seal;
    struct seal_cipher rules;
    const unsigned char *cipher;
    size_t size;
    unsigned char key[16], iv[16];
    size_t from; /* where the encrypted text begins: behind an IV */
};

static bool
prepare(struct guess *guess)
{
    bool prefix = guess->rules.mode == SEAL_CBC && guess->rules.iv == SEAL_IV_PREFIX;
    guess->from = prefix ? 16 : 0;
    memset(guess->iv, 0, sizeof guess->iv);
    if (guess->size < guess->from + 16 || (guess->size - guess->from) % 16 != 0 ||
        !seal_derive_key(guess->seal, guess->rules.key, guess->key))
        return false;
    if (guess->rules.iv == SEAL_IV_KEY)
        memcpy(guess->iv, guess->key, 16);
    if (prefix)
        memcpy(guess->iv, guess->cipher, 16);
    return true;
}

static bool
begins_like_json(const struct guess *guess)
{
    unsigned char block[32];
    struct sm4_form form = {
        .mode = guess->rules.mode, .padding = SEAL_ZERO, .key = guess->key, .iv = guess->iv};
    long size = sm4_decrypt(&form, guess->cipher + guess->from, 16, block);
    return size > 0 && strchr("{[\" \t\r\n", block[0]) != NULL && block[0] != '\0';
}

static bool
opens(const struct guess *guess, struct bytes *plain)
{
    struct sm4_form form = {
        .mode = guess->rules.mode, .padding = guess->rules.padding, .key = guess->key, .iv = guess->iv};
    struct json_tree tree = {0};
    bytes_clear(plain);
    char *place = bytes_reserve(plain, guess->size + 16);
    long size = place != NULL ? sm4_decrypt(&form, guess->cipher + guess->from, guess->size - guess->from,
                                            (unsigned char *)place)
                              : -1;
    bool good = size > 0 && json_tree_read(&tree, place, (size_t)size, NULL) == 0;
    if (good) {
        plain->size = (size_t)size;
        plain->data[plain->size] = '\0';
    }
    json_tree_finish(&tree);
    return good;
}

/* How many of the four differ from what is expected. */
static unsigned
distance(const struct seal_cipher *a, const struct seal_cipher *b)
{
    return (a->mode != b->mode) + (a->padding != b->padding) + (a->key != b->key) +
           (a->mode == SEAL_CBC && a->iv != b->iv);
}

static bool
try_all(struct guess *guess, const struct seal_cipher *expected, unsigned changes, struct bytes *plain)
{
    for (uint32_t key = SEAL_KEY_DERIVED; key <= SEAL_KEY_CONTENT_HEX; key++)
        for (uint32_t mode = SEAL_ECB; mode <= SEAL_CBC; mode++)
            for (uint32_t iv = SEAL_IV_ZERO; iv <= (mode == SEAL_CBC ? SEAL_IV_PREFIX : SEAL_IV_ZERO); iv++)
                for (uint32_t padding = SEAL_PKCS7; padding <= SEAL_ZERO; padding++) {
                    guess->rules.key = key;
                    guess->rules.mode = mode;
                    guess->rules.iv = mode == SEAL_CBC ? iv : expected->iv;
                    guess->rules.padding = padding;
                    if (distance(&guess->rules, expected) == changes && prepare(guess) &&
                        begins_like_json(guess) && opens(guess, plain))
                        return true;
                }
    return false;
}

/* The encodings that the text can be; the profile's first, and HEX before hex as it stands. */
static bool
could_be(uint32_t encoding, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool lower = text[i] >= 'a' && text[i] <= 'f', upper = text[i] >= 'A' && text[i] <= 'F';
        if ((encoding == SEAL_HEX && upper) || (encoding == SEAL_HEX_UPPER && lower))
            return false;
    }
    return true;
}

bool
doctor_decrypt(const struct seal *seal, const char *text, size_t size, struct seal_cipher *found,
               struct bytes *plain)
{
    struct guess guess = {.seal = seal};
    const struct seal_cipher expected = *found;
    unsigned char *cipher = malloc(size + 1);
    bool good = false;
    for (uint32_t i = 0; cipher != NULL && i <= SEAL_HEX_UPPER + 1 && !good; i++) {
        uint32_t encoding = i == 0 ? expected.encoding : i - 1;
        long length = (i > 0 && encoding == expected.encoding) || !could_be(encoding, text, size)
                          ? -1
                          : coding_decode(encoding, text, size, cipher, size + 1);
        if (length <= 0)
            continue;
        guess.cipher = cipher;
        guess.size = (size_t)length;
        guess.rules = (struct seal_cipher){.algorithm = SEAL_ALGORITHM_SM, .encoding = encoding};
        for (unsigned changes = 0; changes <= 4 && !good; changes++)
            good = try_all(&guess, &expected, changes, plain);
    }
    if (good)
        *found = guess.rules;
    explicit_bzero(guess.key, sizeof guess.key);
    free(cipher);
    return good;
}
