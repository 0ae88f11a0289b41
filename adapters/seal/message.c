/* Signatures and encryption by the rules of a profile, and the pieces that the kinds of message are made of.
 * Must never put a message or a secret into an error. Fails with an enum seal_status. */
#include "internal.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coding.h"
#include "error.h"
#include "sm.h"
#include "text.h"

enum { ZONE_S = 8 * 3600 }; /* China Standard Time */

int
seal_fail(struct fep_error *error, int status, const char *text)
{
    uint32_t code = status == SEAL_BAD_FORM ? FEP_E_LOCAL_PROTOCOL
                    : status == SEAL_FAILED ? FEP_E_INTERNAL
                                            : FEP_E_LOCAL_AUTHENTICITY;
    error_set(error, FEP_REFUSED, code, "%s", text);
    return status;
}

/* --- keys by rule
 * ------------------------------------------------------------------------------------------------------ */

static bool
first_sixteen(struct fep_bytes from, unsigned char key[16])
{
    if (from.size < 16)
        return false;
    memcpy(key, from.data, 16);
    return true;
}

static bool
derive_from_pair(const struct seal *seal, uint32_t encoding, unsigned char key[16])
{
    struct fep_bytes id = secret_bytes(seal, SECRET_APP_ID), secret = secret_bytes(seal, SECRET_APP_SECRET);
    unsigned char out[256 + 16], wrap[16];
    char hex[2 * sizeof out + 1];
    struct sm4_form form = {.mode = SEAL_ECB, .padding = SEAL_PKCS7, .key = wrap};
    if (secret.size == 0 || secret.size > 256 || !first_sixteen(id, wrap))
        return false;
    long size = sm4_encrypt(&form, secret.data, secret.size, out);
    if (size >= 16) {
        coding_encode(encoding, out, (size_t)size, hex);
        memcpy(key, hex, 16);
    }
    OPENSSL_cleanse(wrap, sizeof wrap);
    OPENSSL_cleanse(out, sizeof out);
    OPENSSL_cleanse(hex, sizeof hex);
    return size >= 16;
}

bool
seal_derive_key(const struct seal *seal, uint32_t which, unsigned char key[16])
{
    struct fep_bytes content = secret_bytes(seal, SECRET_CONTENT_KEY);
    switch (which) {
    case SEAL_KEY_DERIVED:
        return derive_from_pair(seal, SEAL_HEX_UPPER, key);
    case SEAL_KEY_DERIVED_LOWER:
        return derive_from_pair(seal, SEAL_HEX, key);
    case SEAL_KEY_APP_ID:
        return first_sixteen(secret_bytes(seal, SECRET_APP_ID), key);
    case SEAL_KEY_APP_SECRET:
        return first_sixteen(secret_bytes(seal, SECRET_APP_SECRET), key);
    case SEAL_KEY_CONTENT:
        return content.size == 16 && first_sixteen(content, key);
    default:
        return content.size == 32 && coding_decode(SEAL_HEX, (const char *)content.data, 32, key, 16) == 16;
    }
}

struct sm2_id
seal_get_id(const struct seal *seal, const struct seal_sign *sign)
{
    if (sign->id_from == SEAL_ID_TEXT)
        return (struct sm2_id){sign->id, strlen(sign->id)};
    struct fep_bytes secret =
        secret_bytes(seal, sign->id_from == SEAL_ID_APP_ID ? SECRET_APP_ID : SECRET_APP_SECRET);
    return (struct sm2_id){secret.data, secret.size};
}

struct fep_bytes
seal_get_text_secret(const struct seal *seal, uint32_t which)
{
    if (which == SEAL_SECRET_NONE)
        return (struct fep_bytes){NULL, 0};
    return secret_bytes(seal, which == SEAL_SECRET_APP_SECRET ? SECRET_APP_SECRET : SECRET_CONTENT_KEY);
}

/* --- encryption
 * ---------------------------------------------------------------------------------------------------------
 */

int
seal_encrypt_text(const struct seal *seal, const char *text, size_t size, struct bytes *out,
                  struct fep_error *error)
{
    const struct seal_cipher *rules = &seal->profile.cipher;
    unsigned char key[16], iv[16] = {0};
    bool prefix = rules->mode == SEAL_CBC && rules->iv == SEAL_IV_PREFIX;
    struct sm4_form form = {.mode = rules->mode, .padding = rules->padding, .key = key, .iv = iv};
    if (!seal_derive_key(seal, rules->key, key))
        return seal_fail(error, SEAL_FAILED, "the key for encrypting is missing or too short");
    size_t room = size + 48;
    unsigned char *cipher = malloc(room);
    int status = SEAL_FAILED;
    if (rules->iv == SEAL_IV_KEY)
        memcpy(iv, key, 16);
    if (cipher != NULL && (!prefix || RAND_bytes(iv, 16) == 1)) {
        memcpy(cipher, iv, 16);
        long written = sm4_encrypt(&form, text, size, cipher + 16);
        size_t from = prefix ? 0 : 16, length = written >= 0 ? (size_t)written + 16 - from : 0;
        char *place = written >= 0 ? bytes_reserve(out, coding_room(rules->encoding, length)) : NULL;
        if (place != NULL) {
            out->size += coding_encode(rules->encoding, cipher + from, length, place);
            status = SEAL_GOOD;
        }
    }
    free(cipher);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(iv, sizeof iv);
    return status == SEAL_GOOD ? status : seal_fail(error, status, "encrypting failed");
}

int
seal_decrypt_text(const struct seal *seal, const char *text, size_t size, struct bytes *out,
                  struct fep_error *error)
{
    const struct seal_cipher *rules = &seal->profile.cipher;
    unsigned char key[16], iv[16] = {0}, *cipher = malloc(size + 1);
    if (cipher == NULL)
        return seal_fail(error, SEAL_FAILED, "no memory to decrypt");
    if (!seal_derive_key(seal, rules->key, key)) {
        free(cipher);
        return seal_fail(error, SEAL_FAILED, "the key for decrypting is missing or too short");
    }
    struct sm4_form form = {.mode = rules->mode, .padding = rules->padding, .key = key, .iv = iv};
    long length = coding_decode(rules->encoding, text, size, cipher, size + 1);
    size_t from = rules->mode == SEAL_CBC && rules->iv == SEAL_IV_PREFIX ? 16 : 0;
    if (rules->iv == SEAL_IV_KEY)
        memcpy(iv, key, 16);
    if (length >= 16 && from == 16)
        memcpy(iv, cipher, 16);
    long written = -1;
    if (length >= (long)from) {
        char *place = bytes_reserve(out, (size_t)length + 16);
        if (place != NULL)
            written = sm4_decrypt(&form, cipher + from, (size_t)length - from, (unsigned char *)place);
        if (written >= 0) {
            out->size += (size_t)written;
            out->data[out->size] = '\0';
        }
    }
    free(cipher);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(iv, sizeof iv);
    if (out->failed)
        return seal_fail(error, SEAL_FAILED, "no memory to decrypt");
    return written >= 0
               ? SEAL_GOOD
               : seal_fail(error, SEAL_BAD_FORM, "the encrypted part cannot be decrypted with our key");
}

/* --- signatures
 * ---------------------------------------------------------------------------------------------------------
 */

/* The text, or what stands for it (sign.digest). */
static int
build_signed(const struct seal *seal, const struct json_tree *tree, uint32_t node, struct bytes *out,
             struct fep_error *error)
{
    const struct seal_profile *profile = &seal->profile;
    if (text_build(&profile->text, tree, node, seal_get_text_secret(seal, profile->text.secret), out, error) <
        0)
        return SEAL_FAILED;
    if (profile->sign.digest == SEAL_DIGEST_TEXT)
        return SEAL_GOOD;
    unsigned char digest[32];
    if (!sm_hash(SEAL_SM3, out->data, out->size, digest))
        return seal_fail(error, SEAL_FAILED, "hashing failed");
    bytes_clear(out);
    if (profile->sign.digest == SEAL_DIGEST_SM3) {
        bytes_add(out, digest, sizeof digest);
    } else {
        char hex[65];
        coding_encode(profile->sign.digest == SEAL_DIGEST_SM3_HEX ? SEAL_HEX : SEAL_HEX_UPPER, digest, 32,
                      hex);
        bytes_add(out, hex, 64);
    }
    return SEAL_GOOD;
}

int
seal_sign_value(const struct seal *seal, const struct json_tree *tree, uint32_t node, struct bytes *out,
                struct fep_error *error)
{
    const struct seal_sign *rules = &seal->profile.sign;
    unsigned char rs[SM2_SIGNATURE], der[SM2_MOST_DER];
    struct bytes text = {0};
    if (seal->sign_key == NULL)
        return seal_fail(error, SEAL_FAILED, "there is no key to sign with (secret sign_key)");
    int status = build_signed(seal, tree, node, &text, error);
    if (status == SEAL_GOOD && !sm2_sign(seal->sign_key, seal_get_id(seal, rules), text.data, text.size, rs))
        status = seal_fail(error, SEAL_FAILED, "signing failed");
    if (status == SEAL_GOOD) {
        size_t size = rules->form == SEAL_FORM_DER ? sm2_to_der(rs, der) : sizeof rs;
        char *place = bytes_reserve(out, coding_room(rules->encoding, size));
        if (place != NULL && size > 0)
            out->size += coding_encode(rules->encoding, rules->form == SEAL_FORM_DER ? der : rs, size, place);
        else
            status = seal_fail(error, SEAL_FAILED, "writing the signature failed");
    }
    bytes_finish(&text);
    return status;
}

static bool
read_signature(const struct seal_sign *rules, const char *text, size_t size, unsigned char rs[SM2_SIGNATURE])
{
    unsigned char raw[SM2_MOST_DER];
    long length = coding_decode(rules->encoding, text, size, raw, sizeof raw);
    if (rules->form == SEAL_FORM_DER)
        return length > 0 && sm2_from_der(raw, (size_t)length, rs);
    if (length != SM2_SIGNATURE)
        return false;
    memcpy(rs, raw, SM2_SIGNATURE);
    return true;
}

int
seal_check_value(const struct seal *seal, const struct json_tree *tree, uint32_t node, const char *signature,
                 size_t size, struct fep_error *error)
{
    const struct seal_sign *rules = &seal->profile.sign;
    unsigned char rs[SM2_SIGNATURE];
    struct bytes text = {0};
    if (seal->verify_key == NULL)
        return seal_fail(error, SEAL_FAILED, "there is no key to check signatures with (secret verify_key)");
    if (!read_signature(rules, signature, size, rs))
        return seal_fail(error, SEAL_BAD_SIGNATURE, "the signature is not written as the profile says");
    int status = build_signed(seal, tree, node, &text, error);
    if (status == SEAL_GOOD &&
        !sm2_verify(seal->verify_key, seal_get_id(seal, rules), text.data, text.size, rs))
        status = seal_fail(error, SEAL_BAD_SIGNATURE, "the signature does not hold");
    bytes_finish(&text);
    return status;
}

/* --- JSON
 * ---------------------------------------------------------------------------------------------------------------
 */

int
seal_read_object(struct json_tree *tree, const char *text, size_t size, struct fep_error *error)
{
    if (size > SEAL_MOST_BYTES * 3) {
        *tree = (struct json_tree){0};
        return seal_fail(error, SEAL_FAILED, "the message is too large");
    }
    if (json_tree_read(tree, text, size, error) < 0)
        return SEAL_BAD_FORM;
    return tree->nodes[1].kind == JSON_OBJECT
               ? SEAL_GOOD
               : seal_fail(error, SEAL_BAD_FORM, "the message is no JSON object");
}

bool
seal_get_member(const struct json_tree *tree, uint32_t object, const char *name, struct bytes *out)
{
    uint32_t node = json_find(tree, object, name);
    if (node == JSON_NONE || tree->nodes[node].kind != JSON_TEXT)
        return false;
    char *place = bytes_reserve(out, (size_t)tree->nodes[node].size + 4);
    long size = place != NULL ? json_copy_text(tree, node, place, (size_t)tree->nodes[node].size + 4) : -1;
    if (size < 0)
        return false;
    out->size += (size_t)size;
    out->data[out->size] = '\0';
    return true;
}

void
seal_add_member(struct bytes *out, const char *name, const char *value, size_t size)
{
    if (out->size > 0 && out->data[out->size - 1] != '{')
        bytes_add(out, ",", 1);
    bytes_add(out, "\"", 1);
    bytes_add_text(out, name);
    bytes_add(out, "\":\"", 3);
    for (size_t i = 0; i < size; i++) { /* values are ours or decoded: only what JSON must is escaped */
        char escape[8];
        if (value[i] == '"' || value[i] == '\\')
            bytes_add(out, "\\", 1);
        if ((unsigned char)value[i] < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)value[i]);
            bytes_add_text(out, escape);
        } else {
            bytes_add(out, value + i, 1);
        }
    }
    bytes_add(out, "\"", 1);
}

static struct replacement *
find_replacement(const struct json_tree *tree, uint32_t node, struct replacement *replacements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (replacements[i].name != NULL && strlen(replacements[i].name) == tree->nodes[node].name_size &&
            memcmp(replacements[i].name, tree->text + tree->nodes[node].name_at,
                   tree->nodes[node].name_size) == 0)
            return &replacements[i];
    return NULL;
}

void
seal_copy_replacing(const struct json_tree *tree, struct replacement *replacements, size_t count,
                    struct bytes *out)
{
    const struct json_node *root = &tree->nodes[1];
    size_t from = root->at, end = (size_t)root->at + root->size - 1;
    for (uint32_t child = json_first(tree, 1); child != JSON_NONE; child = json_next(tree, 1, child)) {
        struct replacement *replacement = find_replacement(tree, child, replacements, count);
        if (replacement == NULL)
            continue;
        bytes_add(out, tree->text + from, tree->nodes[child].at - from);
        bytes_add(out, replacement->json, replacement->size);
        from = (size_t)tree->nodes[child].at + tree->nodes[child].size;
        replacement->used = true;
    }
    bytes_add(out, tree->text + from, end - from);
    bool some = json_first(tree, 1) != JSON_NONE;
    for (size_t i = 0; i < count; i++) {
        if (replacements[i].used || replacements[i].name == NULL || replacements[i].name[0] == '\0')
            continue;
        bytes_add_text(out, some ? ",\"" : "\"");
        bytes_add_text(out, replacements[i].name);
        bytes_add(out, "\":", 2);
        bytes_add(out, replacements[i].json, replacements[i].size);
        some = true;
    }
    bytes_add(out, "}", 1);
}

/* --- time
 * ---------------------------------------------------------------------------------------------------------------
 */

void
seal_format_time(uint32_t form, int64_t wall_ms, char out[24])
{
    if (form != SEAL_TIME_COMPACT) {
        snprintf(out, 24, "%lld", (long long)(form == SEAL_TIME_SECONDS ? wall_ms / 1000 : wall_ms));
        return;
    }
    time_t local = (time_t)(wall_ms / 1000 + ZONE_S);
    struct tm parts;
    if (gmtime_r(&local, &parts) == NULL || strftime(out, 24, "%Y%m%d%H%M%S", &parts) == 0)
        out[0] = '\0';
}

static bool
all_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return size > 0 && size <= 15;
}

static int64_t
read_digits(const char *text, size_t size)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int64_t
seal_parse_time(uint32_t form, const char *text, size_t size)
{
    if (!all_digits(text, size))
        return -1;
    if (form != SEAL_TIME_COMPACT)
        return form == SEAL_TIME_SECONDS ? (size <= 12 ? read_digits(text, size) * 1000 : -1)
                                         : read_digits(text, size);
    if (size != 14)
        return -1;
    struct tm parts = {.tm_year = (int)read_digits(text, 4) - 1900,
                       .tm_mon = (int)read_digits(text + 4, 2) - 1,
                       .tm_mday = (int)read_digits(text + 6, 2),
                       .tm_hour = (int)read_digits(text + 8, 2),
                       .tm_min = (int)read_digits(text + 10, 2),
                       .tm_sec = (int)read_digits(text + 12, 2)};
    if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
        parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
        return -1;
    return ((int64_t)timegm(&parts) - ZONE_S) * 1000;
}
