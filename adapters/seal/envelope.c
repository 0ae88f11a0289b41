/* The kind "envelope": an outer object that carries the whole message, signed and encrypted with appId and
 * appSecret. The text to sign is always made of the object as it would stand with the plain message in it, so
 * that both directions go the same way. Must never give out a message before its signature held. */
#include "internal.h"

#include <openssl/crypto.h>
#include <string.h>

#include "error.h"

static void
add_outer(const struct seal *seal, int64_t wall_ms, bool answer, const struct json_tree *inner,
          struct bytes *out)
{
    const struct seal_names *names = &seal->profile.names;
    struct fep_bytes id = secret_bytes(seal, SECRET_APP_ID);
    char time[24];
    for (size_t i = 0; answer && i < names->answer_count; i++)
        seal_add_member(out, names->answer[i].name, names->answer[i].value, strlen(names->answer[i].value));
    seal_add_member(out, names->app_id, (const char *)id.data, id.size);
    if (names->version[0] != '\0')
        seal_add_member(out, "version", names->version, strlen(names->version));
    if (names->enc_name[0] != '\0' && names->enc_type[0] != '\0')
        seal_add_member(out, names->enc_name, names->enc_type, strlen(names->enc_type));
    if (names->sign_name[0] != '\0' && names->sign_type[0] != '\0')
        seal_add_member(out, names->sign_name, names->sign_type, strlen(names->sign_type));
    seal_format_time(names->time, wall_ms, time);
    seal_add_member(out, names->timestamp, time, strlen(time));
    struct bytes infno = {0};
    if (names->transaction[0] != '\0' && seal_get_member(inner, 1, "infno", &infno))
        seal_add_member(out, names->transaction, infno.data, infno.size);
    bytes_finish(&infno);
}

/* `out` holds `{` and the outer members; what is signed is these and the data as the rules say. */
static int
sign_outer(const struct seal *seal, const struct bytes *outer, const char *plain, size_t plain_size,
           const struct bytes *cipher, struct bytes *signature, struct fep_error *error)
{
    struct bytes whole = {0};
    struct json_tree tree = {0};
    bytes_add(&whole, outer->data, outer->size);
    if (seal->profile.text.data == SEAL_DATA_CIPHER) {
        seal_add_member(&whole, seal->profile.names.data, cipher->data, cipher->size);
    } else {
        bytes_add(&whole, ",\"", 2);
        bytes_add_text(&whole, seal->profile.names.data);
        bytes_add(&whole, "\":", 2);
        bytes_add(&whole, plain, plain_size);
    }
    bytes_add(&whole, "}", 1);
    int status = whole.failed ? seal_fail(error, SEAL_FAILED, "no memory to sign")
                              : seal_read_object(&tree, whole.data, whole.size, error);
    if (status == SEAL_GOOD)
        status = seal_sign_value(seal, &tree, 1, signature, error);
    json_tree_finish(&tree);
    bytes_finish(&whole);
    return status;
}

int
envelope_seal(const struct seal *seal, int64_t wall_ms, bool answer, const char *text, size_t size,
              struct bytes *out, struct fep_error *error)
{
    const struct seal_profile *profile = &seal->profile;
    const struct seal_names *names = &profile->names;
    bool encrypts = profile->cipher.algorithm != SEAL_ALGORITHM_NONE;
    struct json_tree inner;
    struct bytes cipher = {0}, signature = {0};
    int status = seal_read_object(&inner, text, size, error);
    if (status == SEAL_GOOD) {
        bytes_add(out, "{", 1);
        add_outer(seal, wall_ms, answer, &inner, out);
        const char *plain = text + inner.nodes[1].at;
        size_t plain_size = inner.nodes[1].size;
        if (encrypts)
            status = seal_encrypt_text(seal, plain, plain_size, &cipher, error);
        if (status == SEAL_GOOD && profile->sign.algorithm != SEAL_ALGORITHM_NONE)
            status = sign_outer(seal, out, plain, plain_size, &cipher, &signature, error);
        if (status == SEAL_GOOD && encrypts) {
            seal_add_member(out, names->cipher, cipher.data, cipher.size);
        } else if (status == SEAL_GOOD) {
            bytes_add(out, ",\"", 2);
            bytes_add_text(out, names->data);
            bytes_add(out, "\":", 2);
            bytes_add(out, plain, plain_size);
        }
        if (signature.size > 0)
            seal_add_member(out, names->signature, signature.data, signature.size);
        bytes_add(out, "}", 1);
    }
    json_tree_finish(&inner);
    bytes_finish(&cipher);
    bytes_finish(&signature);
    return status;
}

/* --- opening
 * -------------------------------------------------------------------------------------------------------------
 */

static int
check_application(const struct seal *seal, const struct json_tree *tree, struct fep_error *error)
{
    struct bytes id = {0};
    struct fep_bytes own = secret_bytes(seal, SECRET_APP_ID);
    bool good = seal_get_member(tree, 1, seal->profile.names.app_id, &id) && id.size == own.size &&
                CRYPTO_memcmp(id.data, own.data, own.size) == 0;
    bytes_finish(&id);
    return good ? SEAL_GOOD
                : seal_fail(error, SEAL_BAD_SIGNATURE, "the message names another application than ours");
}

static int
check_age(const struct seal *seal, int64_t wall_ms, const struct json_tree *tree, struct fep_error *error)
{
    const struct seal_names *names = &seal->profile.names;
    char text[32];
    if (names->skew_s == 0 || wall_ms < 0)
        return SEAL_GOOD;
    uint32_t node = json_find(tree, 1, names->timestamp);
    long size = node != JSON_NONE ? json_copy_text(tree, node, text, sizeof text) : -1;
    int64_t when = size > 0 ? seal_parse_time(names->time, text, (size_t)size) : -1;
    if (when < 0)
        return seal_fail(error, SEAL_BAD_FORM, "the timestamp is missing or not written as the profile says");
    int64_t apart = when > wall_ms ? when - wall_ms : wall_ms - when;
    return apart <= names->skew_s * 1000
               ? SEAL_GOOD
               : seal_fail(error, SEAL_STALE,
                           "the timestamp is further away than the profile allows (clocks?)");
}

/* The message: decrypted, or as it stands in `data`. */
static int
get_plain(const struct seal *seal, const struct json_tree *tree, struct bytes *plain, struct fep_error *error)
{
    const struct seal_names *names = &seal->profile.names;
    struct json_tree inner = {0};
    int status;
    if (seal->profile.cipher.algorithm != SEAL_ALGORITHM_NONE) {
        struct bytes cipher = {0};
        status = seal_get_member(tree, 1, names->cipher, &cipher)
                     ? seal_decrypt_text(seal, cipher.data, cipher.size, plain, error)
                     : seal_fail(error, SEAL_BAD_FORM, "the encrypted part is missing");
        bytes_finish(&cipher);
    } else {
        uint32_t node = json_find(tree, 1, names->data);
        status = node != JSON_NONE
                     ? SEAL_GOOD
                     : seal_fail(error, SEAL_BAD_FORM, "the message is missing in the envelope");
        if (status == SEAL_GOOD && tree->nodes[node].kind == JSON_TEXT) /* a text that holds JSON */
            (void)seal_get_member(tree, 1, names->data, plain);
        else if (status == SEAL_GOOD)
            bytes_add(plain, tree->text + tree->nodes[node].at, tree->nodes[node].size);
    }
    if (status == SEAL_GOOD && plain->failed)
        status = seal_fail(error, SEAL_FAILED, "no memory to open a message");
    if (status == SEAL_GOOD) {
        status = seal_read_object(&inner, plain->data != NULL ? plain->data : "", plain->size, NULL);
        if (status != SEAL_GOOD)
            status = seal_fail(error, SEAL_BAD_FORM,
                               "what was decrypted is no JSON object: another key, or other padding");
        json_tree_finish(&inner);
    }
    return status;
}

/* The object again with the message put back as `data`, as it was when it was signed. */
static int
check_signature(const struct seal *seal, const struct json_tree *tree, const struct bytes *plain,
                struct fep_error *error)
{
    const struct seal_names *names = &seal->profile.names;
    struct bytes whole = {0}, signature = {0}, cipher = {0}, quoted = {0};
    struct json_tree again = {0};
    struct replacement data = {.name = names->data, .json = plain->data, .size = plain->size};
    int status = seal_get_member(tree, 1, names->signature, &signature)
                     ? SEAL_GOOD
                     : seal_fail(error, SEAL_BAD_SIGNATURE, "the signature is missing");
    if (seal->profile.text.data == SEAL_DATA_CIPHER && seal_get_member(tree, 1, names->cipher, &cipher)) {
        seal_add_member(&quoted, "x", cipher.data, cipher.size);
        data.json = quoted.data != NULL ? quoted.data + strlen("\"x\":") : "\"\"";
        data.size = quoted.data != NULL ? quoted.size - strlen("\"x\":") : 2;
    }
    if (status == SEAL_GOOD) {
        seal_copy_replacing(tree, &data, 1, &whole);
        status = whole.failed ? seal_fail(error, SEAL_FAILED, "no memory to check a signature")
                              : seal_read_object(&again, whole.data, whole.size, error);
    }
    if (status == SEAL_GOOD)
        status = seal_check_value(seal, &again, 1, signature.data, signature.size, error);
    json_tree_finish(&again);
    bytes_finish(&whole);
    bytes_finish(&signature);
    bytes_finish(&cipher);
    bytes_finish(&quoted);
    return status;
}

int
envelope_open(const struct seal *seal, int64_t wall_ms, const char *text, size_t size, struct bytes *out,
              struct seal_message *message, struct fep_error *error)
{
    struct json_tree tree;
    struct bytes plain = {0};
    bool is_signed = seal->profile.sign.algorithm != SEAL_ALGORITHM_NONE;
    int status = seal_read_object(&tree, text, size, error);
    if (status == SEAL_GOOD)
        status = check_application(seal, &tree, error);
    if (status == SEAL_GOOD)
        status = get_plain(seal, &tree, &plain, error);
    if (status == SEAL_GOOD && is_signed)
        status = check_signature(seal, &tree, &plain, error);
    if (status == SEAL_GOOD)
        status = check_age(seal, wall_ms, &tree, error);
    if (status == SEAL_GOOD) {
        message->verified = is_signed;
        message->decrypted = seal->profile.cipher.algorithm != SEAL_ALGORITHM_NONE;
        bytes_add(out, plain.data, plain.size);
    }
    json_tree_finish(&tree);
    bytes_finish(&plain);
    return status;
}
