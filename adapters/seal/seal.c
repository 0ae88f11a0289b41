/* Opening and closing a seal, and the way of a message through its parts. Must never give out the opened
 * message of a failed check. Fails with an enum seal_status. */
#include "seal.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "sm.h"

/* --- secrets
 * -------------------------------------------------------------------------------------------------------------
 */

static bool
needs_app_secret(const struct seal_profile *profile)
{
    return profile->text.secret == SEAL_SECRET_APP_SECRET || profile->sign.id_from == SEAL_ID_APP_SECRET ||
           (profile->cipher.algorithm != SEAL_ALGORITHM_NONE &&
            (profile->cipher.key <= SEAL_KEY_DERIVED_LOWER || profile->cipher.key == SEAL_KEY_APP_SECRET));
}

static bool
needs(const struct seal_profile *profile, enum seal_role role, enum secret secret)
{
    bool is_signed = profile->message != SEAL_MESSAGE_NONE && profile->sign.algorithm != SEAL_ALGORITHM_NONE;
    bool encrypts = profile->cipher.algorithm != SEAL_ALGORITHM_NONE;
    bool both = profile->answers_sealed;
    switch (secret) {
    case SECRET_APP_ID:
        return profile->message == SEAL_MESSAGE_ENVELOPE ||
               (encrypts && profile->cipher.key <= SEAL_KEY_APP_ID) ||
               profile->sign.id_from == SEAL_ID_APP_ID;
    case SECRET_APP_SECRET:
        return profile->message != SEAL_MESSAGE_NONE && needs_app_secret(profile);
    case SECRET_SIGN_KEY:
        return is_signed && (role == SEAL_CLIENT || both);
    case SECRET_VERIFY_KEY:
        return is_signed && (role == SEAL_SERVER || both);
    case SECRET_CONTENT_KEY:
        return profile->text.secret == SEAL_SECRET_CONTENT_KEY ||
               (encrypts && profile->cipher.key >= SEAL_KEY_CONTENT);
    case SECRET_HEADER_ID:
        return profile->header == SEAL_HEADER_XTIF || profile->header == SEAL_HEADER_HMAC;
    case SECRET_HEADER_TOKEN:
        return profile->header == SEAL_HEADER_HMAC; /* x-tif is also used with an empty token */
    default:
        return profile->header == SEAL_HEADER_BEARER && role == SEAL_SERVER;
    }
}

static int
make_key(struct seal *seal, enum secret secret, const char *folder, struct fep_error *error)
{
    struct bytes *text = &seal->secrets[secret];
    const char *why = "";
    EVP_PKEY *key = secret == SECRET_SIGN_KEY ? sm2_read_private(text->data, text->size, &why)
                                              : sm2_read_public(text->data, text->size, &why);
    if (secret == SECRET_SIGN_KEY)
        seal->sign_key = key;
    else
        seal->verify_key = key;
    bytes_finish(text);
    return key != NULL
               ? 0
               : error_set(error, 0, FEP_E_KEY_INVALID, "%s/%s: %s", folder, secrets_name(secret), why);
}

static int
read_secrets(struct seal *seal, const char *folder, enum seal_role role, struct fep_error *error)
{
    for (enum secret secret = 0; secret < SECRET_COUNT; secret++) {
        int found = folder[0] != '\0' ? secrets_read(folder, secret, &seal->secrets[secret], error) : 0;
        if (found < 0)
            return -1;
        seal->has[secret] = found > 0;
        if (found == 0 && role != SEAL_ANY && needs(&seal->profile, role, secret))
            return error_set(error, 0, FEP_E_KEY_MISSING, "%s/%s: the profile's seal needs this secret",
                             folder[0] != '\0' ? folder : "(no folder of secrets)", secrets_name(secret));
        if (found > 0 && (secret == SECRET_SIGN_KEY || secret == SECRET_VERIFY_KEY) &&
            make_key(seal, secret, folder, error) < 0)
            return -1;
    }
    return 0;
}

/* A secret that is there but too short fails at the start, not with the first message. */
static int
try_key(const struct seal *seal, enum seal_role role, struct fep_error *error)
{
    unsigned char key[16];
    const struct seal_profile *profile = &seal->profile;
    if (role == SEAL_ANY || profile->message == SEAL_MESSAGE_NONE ||
        profile->cipher.algorithm == SEAL_ALGORITHM_NONE)
        return 0;
    bool good = seal_derive_key(seal, profile->cipher.key, key);
    OPENSSL_cleanse(key, sizeof key);
    return good ? 0
                : error_set(error, 0, FEP_E_KEY_INVALID,
                            "the secrets for cipher.key are too short, or content_key has another length "
                            "than its form");
}

int
seal_open(const struct seal_profile *profile, const char *folder, enum seal_role role, struct seal **seal,
          struct fep_error *error)
{
    *seal = NULL;
    if (!sm_ready())
        return error_set(error, 0, FEP_E_INTERNAL, "this OpenSSL has no SM2, SM3 or SM4");
    struct seal *made = calloc(1, sizeof *made);
    if (made == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "opening a seal");
    made->profile = *profile;
    if (read_secrets(made, folder != NULL ? folder : profile->secrets, role, error) < 0 ||
        try_key(made, role, error) < 0) {
        seal_close(made);
        return -1;
    }
    *seal = made;
    return 0;
}

void
seal_close(struct seal *seal)
{
    if (seal == NULL)
        return;
    for (size_t i = 0; i < SECRET_COUNT; i++)
        bytes_finish(&seal->secrets[i]);
    EVP_PKEY_free(seal->sign_key);
    EVP_PKEY_free(seal->verify_key);
    free(seal);
}

const struct seal_profile *
seal_get_profile(const struct seal *seal)
{
    return &seal->profile;
}

/* --- messages
 * ------------------------------------------------------------------------------------------------------------
 */

void
seal_message_finish(struct seal_message *message)
{
    if (message->body != NULL)
        explicit_bzero(message->body, message->body_size);
    free(message->body);
    if (message->headers != NULL)
        explicit_bzero(message->headers, SEAL_MOST_HEADERS * sizeof *message->headers);
    free(message->headers);
    *message = (struct seal_message){0};
}

/* Hands the bytes over as the message's body, or wipes them after a failure. */
static int
give_body(int status, struct bytes *body, struct seal_message *message, struct fep_error *error)
{
    if (status == SEAL_GOOD && (body->failed || body->data == NULL))
        status = seal_fail(error, SEAL_FAILED, "no memory for a message");
    if (status != SEAL_GOOD) {
        bytes_finish(body);
        message->verified = message->decrypted = false;
        return status;
    }
    message->body = body->data;
    message->body_size = body->size;
    return status;
}

static int
seal_body(const struct seal *seal, int64_t wall_ms, bool answer, const char *text, size_t size,
          struct seal_message *wire, struct fep_error *error)
{
    struct bytes body = {0};
    int status = SEAL_GOOD;
    if (size > SEAL_MOST_BYTES)
        return seal_fail(error, SEAL_FAILED, "the message is too large");
    if (seal->profile.message == SEAL_MESSAGE_NONE || (answer && !seal->profile.answers_sealed))
        bytes_add(&body, text, size);
    else if (seal->profile.message == SEAL_MESSAGE_ENVELOPE)
        status = envelope_seal(seal, wall_ms, answer, text, size, &body, error);
    else
        status = infno_seal(seal, answer, text, size, &body, error);
    return give_body(status, &body, wire, error);
}

int
seal_request(const struct seal *seal, const struct seal_moment *moment, const char *envelope, size_t size,
             struct seal_message *wire, struct fep_error *error)
{
    *wire = (struct seal_message){0};
    int status = seal_body(seal, moment->wall_ms, false, envelope, size, wire, error);
    if (status == SEAL_GOOD)
        status = headers_sign(seal, moment, wire->body, wire->body_size, wire, error);
    return status;
}

int
seal_sign_headers(const struct seal *seal, const struct seal_moment *moment, const char *body, size_t size,
                  struct seal_message *wire, struct fep_error *error)
{
    *wire = (struct seal_message){0};
    return headers_sign(seal, moment, body, size, wire, error);
}

int
seal_answer(const struct seal *seal, int64_t wall_ms, const char *envelope, size_t size,
            struct seal_message *wire, struct fep_error *error)
{
    *wire = (struct seal_message){0};
    return seal_body(seal, wall_ms, true, envelope, size, wire, error);
}

/* Is there anything in an answer that only a sealed one has? */
static bool
has_seal(const struct seal *seal, const struct json_tree *tree)
{
    const struct seal_profile *profile = &seal->profile;
    uint32_t signature = json_find(tree, 1, profile->names.signature), cipher = JSON_NONE;
    if (profile->message == SEAL_MESSAGE_ENVELOPE)
        cipher = json_find(tree, 1, profile->names.cipher);
    else if (profile->cipher.algorithm != SEAL_ALGORITHM_NONE)
        cipher = json_find(tree, 1, "output");
    return (signature != JSON_NONE && !json_is_empty(tree, signature)) ||
           (cipher != JSON_NONE && tree->nodes[cipher].kind == JSON_TEXT && !json_is_empty(tree, cipher));
}

static bool
seals_answers(const struct seal_profile *profile)
{
    return profile->message != SEAL_MESSAGE_NONE && profile->answers_sealed &&
           (profile->sign.algorithm != SEAL_ALGORITHM_NONE ||
            profile->cipher.algorithm != SEAL_ALGORITHM_NONE);
}

static int
open_body(const struct seal *seal, int64_t wall_ms, bool answer, const char *text, size_t size,
          struct seal_message *plain, struct fep_error *error)
{
    struct bytes body = {0};
    int status = SEAL_GOOD;
    if (size > SEAL_MOST_BYTES * 3)
        return seal_fail(error, SEAL_FAILED, "the message is too large");
    if (seal->profile.message == SEAL_MESSAGE_NONE || (answer && !seal->profile.answers_sealed))
        bytes_add(&body, text, size);
    else if (seal->profile.message == SEAL_MESSAGE_ENVELOPE)
        status = envelope_open(seal, wall_ms, text, size, &body, plain, error);
    else
        status = infno_open(seal, answer, text, size, &body, plain, error);
    return give_body(status, &body, plain, error);
}

int
seal_open_answer(const struct seal *seal, const char *body, size_t size, struct seal_message *plain,
                 struct fep_error *error)
{
    struct json_tree tree;
    *plain = (struct seal_message){0};
    if (seals_answers(&seal->profile)) {
        int status = seal_read_object(&tree, body, size, error);
        bool sealed = status == SEAL_GOOD && has_seal(seal, &tree);
        json_tree_finish(&tree);
        if (status != SEAL_GOOD)
            return status;
        if (!sealed && !seal->profile.accept_unsealed)
            return seal_fail(error, SEAL_BAD_SIGNATURE, "the answer is not sealed");
        if (!sealed) {
            struct bytes copy = {0};
            bytes_add(&copy, body, size);
            return give_body(SEAL_GOOD, &copy, plain, error);
        }
    }
    return open_body(seal, -1, true, body, size, plain, error);
}

bool
seal_vouches(const struct seal *seal, const struct seal_message *answer)
{
    const struct seal_profile *profile = &seal->profile;
    return answer->verified || profile->message == SEAL_MESSAGE_NONE || !profile->answers_sealed ||
           profile->sign.algorithm == SEAL_ALGORITHM_NONE;
}

int
seal_open_request(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields,
                  size_t field_count, const char *body, size_t size, struct seal_message *plain,
                  struct fep_error *error)
{
    *plain = (struct seal_message){0};
    int status = headers_check(seal, wall_ms, fields, field_count, body, size, error);
    return status != SEAL_GOOD ? status : open_body(seal, wall_ms, false, body, size, plain, error);
}

int
seal_check_headers(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields,
                   size_t field_count, const char *body, size_t size, struct fep_error *error)
{
    return headers_check(seal, wall_ms, fields, field_count, body, size, error);
}
