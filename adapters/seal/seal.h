/* Signing and encrypting of platform messages: the dialects that provinces have made of one idea, as data.
 *
 * A profile's group `seal` (schema/profile.md) says what a message looks like on the wire; a folder of secrets holds
 * who we are. This library turns a plain envelope (the infno JSON) into what travels, and back. It knows no HTTP
 * beyond header names and values, no socket, no clock and no gateway.
 *
 *     struct seal_profile profile;
 *     seal_read_profile(&reader, seal_group, &profile);          // problems go to the reader, with file and line
 *     struct seal *seal;
 *     seal_open(&profile, "/etc/fep/secrets/NAME", SEAL_CLIENT, &seal, &error);
 *     client:  seal_request -> send -> seal_open_answer
 *     server:  seal_open_request -> work -> seal_answer
 *     seal_close(seal);
 *
 * A struct seal does not change after seal_open: any number of threads may use one at once, except seal_close.
 * Nothing here waits. An SM2 signature or its check takes about half a millisecond: do it on a worker thread.
 * Errors never quote a message or a secret. Their code is one of FEP-nnnn: 1020 and 1021 keys, 1013 configuration,
 * 1040 memory, 1042 OpenSSL failed, 5035 authenticity, 5031 form.
 */
#ifndef FEP_ADAPTERS_SEAL_H
#define FEP_ADAPTERS_SEAL_H

#include <fep/adapter.h>
#include "config_reader.h"
#include "seal_profile.h"

enum { /* largest plain message; what travels may be a little more than twice as long */
    SEAL_MOST_BYTES = 8 * 1024 * 1024,
    SEAL_MOST_HEADERS = 8
};

/* What the functions below return. */
enum seal_status {
    SEAL_GOOD = 0,
    SEAL_BAD_FORM = -1,      /* not a message of this profile: no JSON, a member missing, not decryptable */
    SEAL_BAD_SIGNATURE = -2, /* well formed, but nobody whom we know signed this */
    SEAL_STALE = -3,         /* signed, but at another time than the profile allows */
    SEAL_FAILED = -4         /* our own: memory, OpenSSL, too large, a key that this needs is not there */
};

struct seal_header {
    char name[64];
    char value[4096]; /* without CR, LF, NUL */
};

/* A message ready to travel, or opened. Made by the library, ended with seal_message_finish (also after a failure). */
struct seal_message {
    char *body; /* malloc'd; a NUL stands behind it */
    size_t body_size;
    struct seal_header *headers; /* malloc'd: what is to be sent beside the body; NULL when there is none */
    size_t header_count;
    bool verified;  /* opened messages: a signature (or HMAC) was there and holds. Always false where the profile has
                       none, and for an unsealed answer that the profile lets pass */
    bool decrypted; /* opened messages: it came encrypted */
};
void seal_message_finish(struct seal_message *message); /* wipes */

/* A received header as it came; not ended by NUL. */
struct seal_field {
    const char *name, *value;
    size_t name_size, value_size;
};

struct seal;

/* What this end is; decides which secrets must be there. */
enum seal_role {
    SEAL_ANY = 0, /* takes what there is; a function whose key is not there then fails */
    SEAL_CLIENT,  /* requests are sealed here, answers opened */
    SEAL_SERVER
};

/* Opens what the profile needs out of the folder (NULL: profile->secrets; relative: as it stands). Each file must be
 * closed to all others; the first name that is missing or too open is said. Names of the files: schema/profile.md.
 * A profile without header and message seal needs no folder. 0, or -1 with the error; then *seal is NULL. */
int seal_open(const struct seal_profile *profile, const char *folder, enum seal_role role, struct seal **seal,
              struct fep_error *error);
void seal_close(struct seal *seal); /* wipes; NULL is nothing */
/* Borrowed. */
const struct seal_profile *seal_get_profile(const struct seal *seal);

/* What changes from message to message. Zero members are filled: nonce by chance. */
struct seal_moment {
    int64_t wall_ms;    /* wall time, milliseconds since 1970 UTC; must be given */
    const char *nonce;  /* x-tif; NULL: drawn here */
    const char *bearer; /* Authorization: Bearer; NULL: the secret file bearer_token */
};

/* --- client ---------------------------------------------------------------------------------------------------- */

/* Seals a plain request envelope (JSON object with infno ... input) and signs it for the gateway in front. Members
 * that are not concerned keep their bytes and their places. `wire` gets body and headers. An enum seal_status. */
int seal_request(const struct seal *seal, const struct seal_moment *moment, const char *envelope, size_t size,
                 struct seal_message *wire, struct fep_error *error);
/* The headers alone, for bodies that are not sealed (multipart uploads of 9101): signs `body` as it is. */
int seal_sign_headers(const struct seal *seal, const struct seal_moment *moment, const char *body, size_t size,
                      struct seal_message *wire, struct fep_error *error);
/* Opens an answer body: checks its signature, decrypts, gives the plain answer envelope. An answer without any of the
 * members of a seal is an unsealed one: taken as it is (plain->verified false) if the profile says
 * unsealed_answers = "accept", else SEAL_BAD_SIGNATURE. */
int seal_open_answer(const struct seal *seal, const char *body, size_t size, struct seal_message *plain,
                     struct fep_error *error);

/* May an opened answer be believed when it says that something was done? False for an unsealed one where the profile has
 * signed answers: what it says then is nobody's word, and a good answer to something that posts is an unknown outcome. */
bool seal_vouches(const struct seal *seal, const struct seal_message *answer);

/* --- server ---------------------------------------------------------------------------------------------------- */

/* Checks headers and body of a request: header signature and its time first, then the message. `plain` gets the plain
 * envelope. Replays within the allowed time are not seen here: the msgid does that. */
int seal_open_request(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields, size_t field_count,
                      const char *body, size_t size, struct seal_message *plain, struct fep_error *error);
/* The header part alone (multipart uploads). */
int seal_check_headers(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields, size_t field_count,
                       const char *body, size_t size, struct fep_error *error);
/* Seals a plain answer envelope. No headers. */
int seal_answer(const struct seal *seal, int64_t wall_ms, const char *envelope, size_t size,
                struct seal_message *wire, struct fep_error *error);

#endif
