/* The signature doctor: a captured message that somebody rejects, and the one dialect in which it verifies.
 *
 * A signature and a public key tell the digest that was signed (sm2_find_digest), so a dialect is tried at the price of
 * hashing its text. Tried are the profile as it is, then every one key of it changed alone, then two, three and so on
 * until it verifies or the time is over. Nothing of the message gets into the report. */
#ifndef FEP_SEAL_DOCTOR_H
#define FEP_SEAL_DOCTOR_H

#include "capture.h"
#include "seal.h"

enum doctor_end {
    DOCTOR_NOTHING_THERE = 0, /* no such signature in the capture, and none due by the profile */
    DOCTOR_AS_PROFILE,        /* verifies as the profile says */
    DOCTOR_DIFFERENT,         /* verifies, with other values than the profile's */
    DOCTOR_FAILED,            /* in no dialect that was tried */
    DOCTOR_IMPOSSIBLE         /* could not be tried: what `notes` says is missing */
};
enum doctor_note { /* what else is to be said; several */
    DOCTOR_OWN_KEY = 1,             /* it is our own signature (key sign_key), not the other side's */
    DOCTOR_NO_KEY = 1 << 1,         /* neither verify_key nor sign_key is there */
    DOCTOR_NO_SECRETS = 1 << 2,     /* app_id, app_secret or the headers' secrets are missing */
    DOCTOR_NO_SIGNATURE = 1 << 3,   /* one is due, but the member or header is missing or empty */
    DOCTOR_UNREADABLE = 1 << 4,     /* there is one, but it is neither r and s nor DER in any encoding */
    DOCTOR_NOT_DECRYPTED = 1 << 5,  /* the encrypted part opens with no key and form that were tried */
    DOCTOR_OTHER_APP = 1 << 6,      /* the message names another application (or system) than the secrets */
    DOCTOR_NOT_JSON = 1 << 7,       /* the body is no (strict) JSON object */
    DOCTOR_EMPTY_TOKEN = 1 << 8,    /* verifies with an empty token only */
    DOCTOR_TIME_OVER = 1 << 9,      /* the time was over before everything was tried */
    DOCTOR_DECRYPTED = 1 << 10,     /* the encrypted part was opened */
    DOCTOR_NO_ENCRYPTION = 1 << 11  /* encryption is due, but the message came plain */
};

struct doctor_section {
    uint32_t end, notes;
    struct seal_profile expected; /* the profile's, under the kind that was found */
    struct seal_profile found;    /* what verifies, with DOCTOR_AS_PROFILE and DOCTOR_DIFFERENT; else what was opened */
    size_t tried;                 /* dialects: texts by forms by ids and keys */
    unsigned changes;             /* keys changed at once, up to which all was tried */
};
struct doctor_report {
    struct doctor_section headers, message;
};

/* Takes at most about `bound_ms`. The seal is one opened with SEAL_ANY. 0, or -1 with the error (memory, OpenSSL). */
int doctor_explain(const struct seal *seal, const struct capture *capture, int64_t bound_ms,
                   struct doctor_report *report, struct fep_error *error);

#endif
