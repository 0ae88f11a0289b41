/* The kinds "input" and "head": the infno message stays what it is; `cainfo` carries the signature, and
 * `input` (of answers: `output`) the encrypted text. Members that are not concerned keep bytes and place.
 * Must never overwrite a cainfo that somebody else put there, nor give out a message before its signature
 * held. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static bool
is_blank(const struct json_tree *tree, uint32_t node)
{
    return node == JSON_NONE || json_is_empty(tree, node);
}

/* The member `input` or `output` as plain JSON: its own bytes, or the content of a text that holds JSON. */
static int
get_carried(const struct json_tree *tree, const char *name, struct bytes *out, struct fep_error *error)
{
    uint32_t node = json_find(tree, 1, name);
    if (node == JSON_NONE || tree->nodes[node].kind == JSON_NULL)
        return seal_fail(error, SEAL_BAD_FORM, "the message has no input (answers: output) to sign");
    if (tree->nodes[node].kind == JSON_TEXT)
        (void)seal_get_member(tree, 1, name, out);
    else
        bytes_add(out, tree->text + tree->nodes[node].at, tree->nodes[node].size);
    return out->failed || out->data == NULL ? seal_fail(error, SEAL_FAILED, "no memory for a message")
                                            : SEAL_GOOD;
}

/* A signature over these bytes as a value of their own; bytes that are no JSON can be signed `raw` only. */
static int
over_bytes(const struct seal *seal, const struct bytes *plain, const struct bytes *given, struct bytes *made,
           struct fep_error *error)
{
    struct json_tree tree = {0};
    struct json_node raw[2] = {{0}, {.size = (uint32_t)plain->size, .kind = JSON_TEXT, .after = 2}};
    struct json_tree as_it_is = {.text = plain->data, .nodes = raw, .count = 2};
    const struct json_tree *over = &as_it_is;
    int status = SEAL_GOOD;
    if (seal->profile.text.style != SEAL_RAW) {
        status = json_tree_read(&tree, plain->data, plain->size, error) == 0 ? SEAL_GOOD : SEAL_BAD_FORM;
        over = &tree;
    }
    if (status == SEAL_GOOD)
        status = given != NULL ? seal_check_value(seal, over, 1, given->data, given->size, error)
                               : seal_sign_value(seal, over, 1, made, error);
    json_tree_finish(&tree);
    return status;
}

static void
quote(struct bytes *out, const char *text, size_t size)
{
    struct bytes member = {0};
    seal_add_member(&member, "", text, size);
    if (member.data != NULL && !member.failed)
        bytes_add(out, member.data + 3, member.size - 3); /* without "": */
    else
        out->failed = true;
    bytes_finish(&member);
}

static struct replacement
replace(const char *name, const struct bytes *json)
{
    return (struct replacement){.name = name, .json = json->data, .size = json->size};
}

/* --- sealing
 * --------------------------------------------------------------------------------------------------------------
 */

/* The object with encryption and signature types told, before its head is signed. */
static int
put_types(const struct seal *seal, const struct json_tree *tree, const struct bytes *carried,
          const char *carrier, struct bytes *out, struct fep_error *error)
{
    const struct seal_names *names = &seal->profile.names;
    struct bytes enc = {0}, sign = {0};
    quote(&enc, names->enc_type, strlen(names->enc_type));
    quote(&sign, names->sign_type, strlen(names->sign_type));
    struct replacement replacements[] = {
        replace(carried != NULL ? carrier : NULL, carried != NULL ? carried : &enc),
        replace(seal->profile.cipher.algorithm != SEAL_ALGORITHM_NONE ? names->enc_name : NULL, &enc),
        replace(seal->profile.sign.algorithm != SEAL_ALGORITHM_NONE ? names->sign_name : NULL, &sign)};
    seal_copy_replacing(tree, replacements, sizeof replacements / sizeof *replacements, out);
    bool failed = out->failed || enc.failed || sign.failed;
    bytes_finish(&enc);
    bytes_finish(&sign);
    return failed ? seal_fail(error, SEAL_FAILED, "no memory to seal a message") : SEAL_GOOD;
}

static int
put_signature(const struct seal *seal, const struct bytes *text, const struct bytes *signature,
              struct bytes *out, struct fep_error *error)
{
    struct json_tree tree;
    struct bytes quoted = {0};
    int status = seal_read_object(&tree, text->data, text->size, error);
    if (status == SEAL_GOOD) {
        quote(&quoted, signature->data != NULL ? signature->data : "", signature->size);
        struct replacement replacement = replace(seal->profile.names.signature, &quoted);
        seal_copy_replacing(&tree, &replacement, 1, out);
        if (out->failed || quoted.failed)
            status = seal_fail(error, SEAL_FAILED, "no memory to seal a message");
    }
    json_tree_finish(&tree);
    bytes_finish(&quoted);
    return status;
}

static int
sign_head(const struct seal *seal, const struct bytes *text, struct bytes *signature, struct fep_error *error)
{
    struct json_tree tree;
    int status = seal_read_object(&tree, text->data, text->size, error);
    if (status == SEAL_GOOD)
        status = seal_sign_value(seal, &tree, 1, signature, error);
    json_tree_finish(&tree);
    return status;
}

int
infno_seal(const struct seal *seal, bool answer, const char *text, size_t size, struct bytes *out,
           struct fep_error *error)
{
    const struct seal_profile *profile = &seal->profile;
    const char *carrier = answer ? "output" : "input";
    bool input = profile->message == SEAL_MESSAGE_INPUT,
         is_signed = profile->sign.algorithm != SEAL_ALGORITHM_NONE;
    bool encrypts = profile->cipher.algorithm != SEAL_ALGORITHM_NONE;
    struct bytes plain = {0}, cipher = {0}, quoted = {0}, typed = {0}, signature = {0};
    struct json_tree tree;
    int status = seal_read_object(&tree, text, size, error);
    if (status == SEAL_GOOD && is_signed && !is_blank(&tree, json_find(&tree, 1, profile->names.signature)))
        status = seal_fail(error, SEAL_BAD_FORM, "the member for the signature already holds something else");
    /* a refusal has no output: then there is nothing to encrypt, and under `input` nothing to sign */
    bool carries = input && !(answer && is_blank(&tree, json_find(&tree, 1, carrier)));
    if (status == SEAL_GOOD && carries)
        status = get_carried(&tree, carrier, &plain, error);
    if (status == SEAL_GOOD && carries && encrypts)
        status = seal_encrypt_text(seal, plain.data, plain.size, &cipher, error);
    if (status == SEAL_GOOD && carries && is_signed)
        status = over_bytes(seal, profile->text.data == SEAL_DATA_CIPHER ? &cipher : &plain, NULL, &signature,
                            error);
    if (status == SEAL_GOOD && carries && encrypts)
        quote(&quoted, cipher.data, cipher.size);
    if (status == SEAL_GOOD && (carries || !input))
        status = put_types(seal, &tree, carries && encrypts ? &quoted : NULL, carrier, &typed, error);
    else if (status == SEAL_GOOD)
        bytes_add(&typed, text, size);
    if (status == SEAL_GOOD && !input && is_signed)
        status = sign_head(seal, &typed, &signature, error);
    if (status == SEAL_GOOD && is_signed && (carries || !input))
        status = put_signature(seal, &typed, &signature, out, error);
    else if (status == SEAL_GOOD)
        bytes_add(out, typed.data, typed.size);
    json_tree_finish(&tree);
    bytes_finish(&plain);
    bytes_finish(&cipher);
    bytes_finish(&quoted);
    bytes_finish(&typed);
    bytes_finish(&signature);
    return status;
}

/* --- opening
 * --------------------------------------------------------------------------------------------------------------
 */

static int
open_carried(const struct seal *seal, const struct json_tree *tree, const char *carrier, struct bytes *plain,
             struct fep_error *error)
{
    struct bytes cipher = {0};
    struct json_tree inner = {0};
    if (seal->profile.cipher.algorithm == SEAL_ALGORITHM_NONE)
        return get_carried(tree, carrier, plain, error);
    int status =
        seal_get_member(tree, 1, carrier, &cipher)
            ? seal_decrypt_text(seal, cipher.data, cipher.size, plain, error)
            : seal_fail(error, SEAL_BAD_FORM, "the encrypted input (answers: output) is missing or no text");
    if (status == SEAL_GOOD && json_tree_read(&inner, plain->data, plain->size, NULL) < 0)
        status =
            seal_fail(error, SEAL_BAD_FORM, "what was decrypted is no JSON: another key, or other padding");
    json_tree_finish(&inner);
    bytes_finish(&cipher);
    return status;
}

static int
check_carried(const struct seal *seal, const struct json_tree *tree, const char *carrier,
              const struct bytes *plain, const struct bytes *signature, struct fep_error *error)
{
    struct bytes cipher = {0};
    bool over_cipher =
        seal->profile.text.data == SEAL_DATA_CIPHER && seal_get_member(tree, 1, carrier, &cipher);
    int status = over_bytes(seal, over_cipher ? &cipher : plain, signature, NULL, error);
    bytes_finish(&cipher);
    return status;
}

int
infno_open(const struct seal *seal, bool answer, const char *text, size_t size, struct bytes *out,
           struct seal_message *message, struct fep_error *error)
{
    const struct seal_profile *profile = &seal->profile;
    const char *carrier = answer ? "output" : "input";
    bool input = profile->message == SEAL_MESSAGE_INPUT,
         is_signed = profile->sign.algorithm != SEAL_ALGORITHM_NONE;
    bool encrypts = profile->cipher.algorithm != SEAL_ALGORITHM_NONE;
    struct bytes plain = {0}, signature = {0};
    struct json_tree tree;
    int status = seal_read_object(&tree, text, size, error);
    if (status == SEAL_GOOD && is_signed && !seal_get_member(&tree, 1, profile->names.signature, &signature))
        status = seal_fail(error, SEAL_BAD_SIGNATURE, "the signature is missing");
    if (status == SEAL_GOOD && input)
        status = open_carried(seal, &tree, carrier, &plain, error);
    if (status == SEAL_GOOD && input && is_signed)
        status = check_carried(seal, &tree, carrier, &plain, &signature, error);
    else if (status == SEAL_GOOD && is_signed)
        status = seal_check_value(seal, &tree, 1, signature.data, signature.size, error);
    if (status == SEAL_GOOD) {
        struct replacement replacements[] = {
            replace(input && encrypts ? carrier : NULL, &plain),
            {.name = is_signed ? profile->names.signature : NULL, .json = "\"\"", .size = 2}};
        seal_copy_replacing(&tree, replacements, 2, out);
        message->verified = is_signed;
        message->decrypted = input && encrypts;
    }
    json_tree_finish(&tree);
    bytes_finish(&plain);
    bytes_finish(&signature);
    return status;
}
