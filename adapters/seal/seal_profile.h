/* A profile's group `seal` as plain facts, without secrets. schema/profile.md says what each means. */
#ifndef FEP_SEAL_PROFILE_H
#define FEP_SEAL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config_reader.h"

enum seal_header_kind { SEAL_HEADER_NONE = 0, SEAL_HEADER_XTIF, SEAL_HEADER_HMAC, SEAL_HEADER_BEARER };
enum seal_message_kind { SEAL_MESSAGE_NONE = 0, SEAL_MESSAGE_ENVELOPE, SEAL_MESSAGE_INPUT, SEAL_MESSAGE_HEAD };

enum seal_style { SEAL_PAIRS = 0, SEAL_VALUES, SEAL_JSON, SEAL_RAW };
enum seal_order { SEAL_ORDER_ASCII = 0, SEAL_ORDER_CASELESS, SEAL_ORDER_GIVEN };
enum seal_numbers { SEAL_NUMBERS_PLAIN = 0, SEAL_NUMBERS_QUOTED };
enum seal_empties { SEAL_EMPTIES_KEEP = 0, SEAL_EMPTIES_DROP, SEAL_EMPTIES_DROP_NULL };
enum seal_depth { SEAL_DEPTH_ALL = 0, SEAL_DEPTH_FIRST };
enum seal_escapes { SEAL_ESCAPES_NONE = 0, SEAL_ESCAPES_UNICODE, SEAL_ESCAPES_UNICODE_UPPER, SEAL_ESCAPES_SLASH };
enum seal_charset { SEAL_UTF8 = 0, SEAL_GBK };
enum seal_secret { SEAL_SECRET_NONE = 0, SEAL_SECRET_APP_SECRET, SEAL_SECRET_CONTENT_KEY };
enum seal_data { SEAL_DATA_PLAIN = 0, SEAL_DATA_CIPHER };

enum seal_algorithm { SEAL_ALGORITHM_NONE = 0, SEAL_ALGORITHM_SM };
enum seal_id { SEAL_ID_TEXT = 0, SEAL_ID_APP_ID, SEAL_ID_APP_SECRET };
enum seal_form { SEAL_FORM_RS = 0, SEAL_FORM_DER };
enum seal_encoding {
    SEAL_BASE64 = 0,
    SEAL_BASE64_URL,   /* -_ and no = */
    SEAL_BASE64_LINES, /* std, a line end after each 76 characters */
    SEAL_HEX,
    SEAL_HEX_UPPER
};
enum seal_digest { SEAL_DIGEST_TEXT = 0, SEAL_DIGEST_SM3, SEAL_DIGEST_SM3_HEX, SEAL_DIGEST_SM3_HEX_UPPER };

enum seal_mode { SEAL_ECB = 0, SEAL_CBC };
enum seal_padding { SEAL_PKCS7 = 0, SEAL_ZERO };
enum seal_key { /* the 16 bytes of SM4 */
    SEAL_KEY_DERIVED = 0, /* first 16 of UPPER_HEX(SM4-ECB(first 16 of app_id, app_secret)) */
    SEAL_KEY_DERIVED_LOWER, /* the same in lower-case hex */
    SEAL_KEY_APP_ID,      /* the first 16 bytes of the secret of that name, as they stand */
    SEAL_KEY_APP_SECRET,
    SEAL_KEY_CONTENT,     /* the 16 bytes of content_key */
    SEAL_KEY_CONTENT_HEX  /* content_key is 32 hex digits */
};
enum seal_iv { SEAL_IV_ZERO = 0, SEAL_IV_KEY, SEAL_IV_PREFIX };

enum seal_hash { SEAL_SHA256 = 0, SEAL_SM3 };
enum seal_part { /* what a header signature runs over */
    SEAL_PART_TIMESTAMP = 1,
    SEAL_PART_TOKEN,
    SEAL_PART_NONCE,
    SEAL_PART_ID,
    SEAL_PART_BODY,
    SEAL_PART_LF,
    SEAL_PART_COLON
};
enum { SEAL_MOST_PARTS = 8, SEAL_NAME = 48, SEAL_MOST_LEAVING = 12, SEAL_MOST_CONSTANTS = 8, SEAL_MOST_ID = 128 };
enum seal_time { SEAL_TIME_SECONDS = 0, SEAL_TIME_MILLISECONDS, SEAL_TIME_COMPACT };

struct seal_headers {
    char id_name[SEAL_NAME], time_name[SEAL_NAME], nonce_name[SEAL_NAME], sign_name[SEAL_NAME];
    char service_name[SEAL_NAME], service[128]; /* "" service: the header is not sent */
    uint8_t parts[SEAL_MOST_PARTS];             /* enum seal_part, ended by 0 */
    uint32_t hash, encoding, time;
    int64_t skew_s; /* how far a timestamp may be away, both ways; 0: not looked at */
};

/* What is signed. */
struct seal_text {
    uint32_t style, order, numbers, empties, depth, escapes, charset, secret, data;
    char secret_prefix[32];
    char leaving[SEAL_MOST_LEAVING][SEAL_NAME]; /* members that leave before signing */
    size_t leaving_count;
};

struct seal_sign {
    uint32_t algorithm, id_from, form, encoding, digest;
    char id[SEAL_MOST_ID]; /* UTF-8; without the NUL it is the distinguishing id */
};

struct seal_cipher {
    uint32_t algorithm, mode, padding, encoding, key, iv;
};

struct seal_constant {
    char name[SEAL_NAME], value[64];
};

struct seal_names {
    /* message = "envelope" */
    char app_id[SEAL_NAME], data[SEAL_NAME], cipher[SEAL_NAME], signature[SEAL_NAME], timestamp[SEAL_NAME];
    char transaction[SEAL_NAME]; /* "": not sent */
    char version[16];
    uint32_t time;
    int64_t skew_s;
    /* all kinds */
    char enc_name[SEAL_NAME], enc_type[16], sign_name[SEAL_NAME], sign_type[16];
    struct seal_constant answer[SEAL_MOST_CONSTANTS]; /* outer members of an envelope answer, before the rest */
    size_t answer_count;
};

struct seal_profile {
    char secrets[512]; /* folder; relative to the profile's own until it is opened; "": none said */
    uint32_t header, message;
    bool answers_sealed;  /* answers = "sealed" | "plain" */
    bool accept_unsealed; /* unsealed_answers = "accept" */
    struct seal_headers headers;
    struct seal_text text;
    struct seal_sign sign;
    struct seal_cipher cipher;
    struct seal_names names;
};

/* The profile of no seal at all. */
void seal_init_profile(struct seal_profile *profile);
/* Reads the group `seal`; NULL: no seal. What is wrong goes to the reader, with file and line, and the reader's close
 * then fails. A relative `secrets` begins in the folder of the profile. */
void seal_read_profile(struct config_reader *reader, const config_setting_t *group, struct seal_profile *profile);
/* Opens a profile file for its group `seal` alone; other groups are not looked at. 0, or -1 with the error. */
int seal_load_profile(const char *path, void (*report)(void *arg, const char *line), void *arg,
                      struct seal_profile *profile, struct fep_error *error);

#endif
