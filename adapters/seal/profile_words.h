/* The words of a profile's group `seal`, and what differs between two of them. */
#ifndef FEP_SEAL_PROFILE_WORDS_H
#define FEP_SEAL_PROFILE_WORDS_H

#include "seal_profile.h"

extern const struct config_word profile_header_words[],
    profile_message_words[],
    profile_answers_words[],
    profile_unsealed_words[],
    profile_style_words[],
    profile_order_words[],
    profile_number_words[],
    profile_empty_words[],
    profile_depth_words[],
    profile_escape_words[],
    profile_charset_words[],
    profile_secret_words[],
    profile_data_words[],
    profile_sign_words[],
    profile_id_words[],
    profile_form_words[],
    profile_encoding_words[],
    profile_digest_words[],
    profile_cipher_words[],
    profile_mode_words[],
    profile_padding_words[],
    profile_key_words[],
    profile_iv_words[],
    profile_hash_words[],
    profile_unit_words[],
    profile_time_words[],
    profile_part_words[];

/* Sets the kinds; what belongs to a kind that changes is given that kind's defaults. */
void profile_set_kinds(struct seal_profile *profile, uint32_t header, uint32_t message);

enum { PROFILE_VALUE = 640 };
/* Tells every key in which `b` differs from `a`, with both values as they would stand in the file (without quotes). */
void profile_compare(const struct seal_profile *a, const struct seal_profile *b,
                     void (*tell)(void *arg, const char *key, const char *in_a, const char *in_b), void *arg);

#endif
