/* What the parts of the library share. */
#ifndef FEP_SEAL_INTERNAL_H
#define FEP_SEAL_INTERNAL_H

#include <openssl/evp.h>
#include "bytes.h"
#include "json_tree.h"
#include "seal.h"
#include "sm2.h"

enum secret {
    SECRET_APP_ID = 0,
    SECRET_APP_SECRET,
    SECRET_SIGN_KEY,
    SECRET_VERIFY_KEY,
    SECRET_CONTENT_KEY,
    SECRET_HEADER_ID,
    SECRET_HEADER_TOKEN,
    SECRET_BEARER_TOKEN,
    SECRET_COUNT
};

struct seal {
    struct seal_profile profile;
    struct bytes secrets[SECRET_COUNT]; /* those that are there; the keys' texts are wiped once they are keys */
    bool has[SECRET_COUNT];
    EVP_PKEY *sign_key, *verify_key;
};

/* --- secrets.c */
/* Reads the file `secret` of the folder. 1: it is there; 0: it is not; -1 with the error: it may not be used. */
int secrets_read(const char *folder, enum secret secret, struct bytes *out, struct fep_error *error);
const char *secrets_name(enum secret secret);
static inline struct fep_bytes
secret_bytes(const struct seal *seal, enum secret secret)
{
    return (struct fep_bytes){(const unsigned char *)seal->secrets[secret].data, seal->secrets[secret].size};
}

/* --- message.c: signatures and encryption by the profile's rules */
/* The 16 bytes of SM4. False: the secret is not there or too short. */
bool seal_derive_key(const struct seal *seal, uint32_t which, unsigned char key[16]);
struct sm2_id seal_get_id(const struct seal *seal, const struct seal_sign *sign);
struct fep_bytes seal_get_text_secret(const struct seal *seal, uint32_t which);
/* Appends the encrypted text, encoded. An enum seal_status. */
int seal_encrypt_text(const struct seal *seal, const char *text, size_t size, struct bytes *out, struct fep_error *error);
/* Appends the plain bytes. */
int seal_decrypt_text(const struct seal *seal, const char *text, size_t size, struct bytes *out, struct fep_error *error);
/* Appends the encoded signature over the text of this value. */
int seal_sign_value(const struct seal *seal, const struct json_tree *tree, uint32_t node, struct bytes *out,
               struct fep_error *error);
int seal_check_value(const struct seal *seal, const struct json_tree *tree, uint32_t node, const char *signature,
                size_t size, struct fep_error *error);
/* The decoded member, NUL-terminated at the end of `out`; false if it is absent or no text. */
bool seal_get_member(const struct json_tree *tree, uint32_t object, const char *name, struct bytes *out);
/* Appends "name":"value" as a member, with a comma before it unless it stands behind an opening brace. */
void seal_add_member(struct bytes *out, const char *name, const char *value, size_t size);
/* Is the root an object? Reads it; the tree must be finished in both cases. */
int seal_read_object(struct json_tree *tree, const char *text, size_t size, struct fep_error *error);
/* Copies everything of an object with these members replaced (by JSON text), or put at the end when they were absent. */
struct replacement {
    const char *name; /* "" or NULL: nothing */
    const char *json;
    size_t size;
    bool used;
};
void seal_copy_replacing(const struct json_tree *tree, struct replacement *replacements, size_t count, struct bytes *out);
/* A time as the profile writes it, in UTC+8. */
void seal_format_time(uint32_t form, int64_t wall_ms, char out[24]);
/* Such a time in milliseconds, or -1. */
int64_t seal_parse_time(uint32_t form, const char *text, size_t size);
int seal_fail(struct fep_error *error, int status, const char *text);

/* --- envelope.c, infno.c: the kinds of message. `answer`: the direction; wall_ms for envelopes. */
int envelope_seal(const struct seal *seal, int64_t wall_ms, bool answer, const char *text, size_t size,
                  struct bytes *out, struct fep_error *error);
/* wall_ms < 0: its time is not looked at. */
int envelope_open(const struct seal *seal, int64_t wall_ms, const char *text, size_t size, struct bytes *out,
                  struct seal_message *message, struct fep_error *error);
int infno_seal(const struct seal *seal, bool answer, const char *text, size_t size, struct bytes *out,
               struct fep_error *error);
int infno_open(const struct seal *seal, bool answer, const char *text, size_t size, struct bytes *out,
               struct seal_message *message, struct fep_error *error);

/* --- headers.c */
int headers_sign(const struct seal *seal, const struct seal_moment *moment, const char *body, size_t size,
                 struct seal_message *wire, struct fep_error *error);
int headers_check(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields, size_t count,
                  const char *body, size_t size, struct fep_error *error);
/* What a header signature runs over. */
struct header_facts {
    struct fep_bytes timestamp, token, nonce, id, body;
};
void headers_build(const uint8_t *parts, const struct header_facts *facts, struct bytes *out);

#endif
