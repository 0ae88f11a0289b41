/* Reads a profile's group `seal`. Must never guess: an unknown key or word is a problem with file and line.
 */
#include "seal_profile.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "profile_words.h"

/* --- defaults
 * ----------------------------------------------------------------------------------------------------------
 */

static void
put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void
put_parts(struct seal_headers *headers, const uint8_t *parts, size_t count)
{
    memset(headers->parts, 0, sizeof headers->parts);
    memcpy(headers->parts, parts, count);
}

static void
set_header_defaults(struct seal_profile *profile)
{
    static const uint8_t tif[] = {SEAL_PART_TIMESTAMP, SEAL_PART_TOKEN, SEAL_PART_NONCE, SEAL_PART_TIMESTAMP};
    static const uint8_t hmac[] = {SEAL_PART_TIMESTAMP, SEAL_PART_LF, SEAL_PART_BODY};
    struct seal_headers *headers = &profile->headers;
    *headers = (struct seal_headers){.skew_s = 300};
    put(headers->time_name, sizeof headers->time_name, "x-tif-timestamp");
    put(headers->nonce_name, sizeof headers->nonce_name, "x-tif-nonce");
    put(headers->service_name, sizeof headers->service_name, "x-tif-serviceId");
    if (profile->header == SEAL_HEADER_HMAC) {
        put(headers->id_name, sizeof headers->id_name, "x-ca-key");
        put(headers->sign_name, sizeof headers->sign_name, "x-ca-signature");
        put_parts(headers, hmac, sizeof hmac);
        headers->hash = SEAL_SM3;
        headers->encoding = SEAL_HEX_UPPER;
    } else {
        put(headers->id_name, sizeof headers->id_name, "x-tif-paasid");
        put(headers->sign_name, sizeof headers->sign_name, "x-tif-signature");
        put_parts(headers, tif, sizeof tif);
        headers->hash = SEAL_SHA256;
        headers->encoding = SEAL_HEX;
    }
}

static void
set_leaving(struct seal_text *text, const char *const *names)
{
    text->leaving_count = 0;
    for (; *names != NULL; names++)
        put(text->leaving[text->leaving_count++], SEAL_NAME, *names);
}

static void
set_message_defaults(struct seal_profile *profile)
{
    static const char *const outer[] = {"signData", "encData", "extra", NULL};
    static const char *const head[] = {"cainfo", "input", "output", NULL};
    static const char *const none[] = {NULL};
    bool envelope = profile->message == SEAL_MESSAGE_ENVELOPE, input = profile->message == SEAL_MESSAGE_INPUT;
    bool sealed = profile->message != SEAL_MESSAGE_NONE;
    struct seal_text *text = &profile->text;
    struct seal_names *names = &profile->names;
    *text = (struct seal_text){.style = input ? SEAL_RAW : SEAL_PAIRS};
    text->numbers = envelope ? SEAL_NUMBERS_QUOTED : SEAL_NUMBERS_PLAIN;
    text->empties = input ? SEAL_EMPTIES_KEEP : SEAL_EMPTIES_DROP;
    text->secret = envelope ? SEAL_SECRET_APP_SECRET : SEAL_SECRET_NONE;
    put(text->secret_prefix, sizeof text->secret_prefix, "&key=");
    set_leaving(text, envelope ? outer : input ? none : head);
    profile->sign = (struct seal_sign){.algorithm = sealed ? SEAL_ALGORITHM_SM : SEAL_ALGORITHM_NONE};
    put(profile->sign.id, sizeof profile->sign.id, "1234567812345678");
    profile->cipher =
        (struct seal_cipher){.algorithm = envelope || input ? SEAL_ALGORITHM_SM : SEAL_ALGORITHM_NONE,
                             .encoding = envelope ? SEAL_HEX_UPPER : SEAL_BASE64,
                             .key = envelope ? SEAL_KEY_DERIVED : SEAL_KEY_APP_ID};
    *names = (struct seal_names){.time = SEAL_TIME_COMPACT};
    put(names->app_id, sizeof names->app_id, "appId");
    put(names->data, sizeof names->data, "data");
    put(names->cipher, sizeof names->cipher, "encData");
    put(names->signature, sizeof names->signature, envelope ? "signData" : "cainfo");
    put(names->timestamp, sizeof names->timestamp, "timestamp");
    put(names->version, sizeof names->version, "1.0.0");
    put(names->enc_name, sizeof names->enc_name, envelope || input ? "encType" : "");
    put(names->enc_type, sizeof names->enc_type, "SM4");
    put(names->sign_name, sizeof names->sign_name, envelope ? "signType" : "signtype");
    put(names->sign_type, sizeof names->sign_type, "SM2");
}

void
profile_set_kinds(struct seal_profile *profile, uint32_t header, uint32_t message)
{
    if (profile->header != header) {
        profile->header = header;
        set_header_defaults(profile);
    }
    if (profile->message != message) {
        profile->message = message;
        set_message_defaults(profile);
    }
}

void
seal_init_profile(struct seal_profile *profile)
{
    memset(profile, 0, sizeof *profile);
    profile->answers_sealed = true;
    set_header_defaults(profile);
    set_message_defaults(profile);
}

/* --- groups
 * -------------------------------------------------------------------------------------------------------------
 */

static bool
next_of(const char **at, char *out, size_t out_size)
{
    *at += strspn(*at, " ");
    size_t size = strcspn(*at, " ");
    if (size == 0 || size >= out_size)
        return false;
    memcpy(out, *at, size);
    out[size] = '\0';
    *at += size;
    return true;
}

static void
read_parts(struct config_reader *reader, const config_setting_t *group, struct seal_headers *headers)
{
    char words[160], word[SEAL_NAME];
    const char *at = words;
    size_t count = 0;
    if (!config_reader_text(reader, group, "parts", 0, words, sizeof words))
        return;
    memset(headers->parts, 0, sizeof headers->parts);
    while (next_of(&at, word, sizeof word)) {
        const struct config_word *found = profile_part_words;
        while (found->word != NULL && strcmp(found->word, word) != 0)
            found++;
        if (found->word == NULL || count == SEAL_MOST_PARTS - 1) {
            config_reader_problem(reader, config_setting_get_member(group, "parts"),
                                  "parts: at most %d of timestamp, token, nonce, id, body, lf, colon",
                                  SEAL_MOST_PARTS - 1);
            return;
        }
        headers->parts[count++] = (uint8_t)found->value;
    }
    if (*at != '\0' || count == 0)
        config_reader_problem(reader, config_setting_get_member(group, "parts"), "parts: expected words");
}

/* Names of HTTP headers: letters, digits and hyphens. */
static void
read_header_name(struct config_reader *reader, const config_setting_t *group, const char *key, char *out,
                 size_t size)
{
    if (config_reader_text(reader, group, key, 0, out, size) &&
        (out[0] == '\0' ||
         out[strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0'))
        config_reader_problem(reader, config_setting_get_member(group, key), "%s: not the name of a header",
                              key);
}

static void
read_headers(struct config_reader *reader, const config_setting_t *group, struct seal_headers *headers)
{
    static const char *const keys[] = {"id_name",      "time_name", "nonce_name", "sign_name",
                                       "service_name", "service",   "parts",      "hash",
                                       "encoding",     "time",      "skew_s",     NULL};
    config_reader_check_keys(reader, group, keys);
    read_header_name(reader, group, "id_name", headers->id_name, sizeof headers->id_name);
    read_header_name(reader, group, "time_name", headers->time_name, sizeof headers->time_name);
    read_header_name(reader, group, "nonce_name", headers->nonce_name, sizeof headers->nonce_name);
    read_header_name(reader, group, "sign_name", headers->sign_name, sizeof headers->sign_name);
    read_header_name(reader, group, "service_name", headers->service_name, sizeof headers->service_name);
    config_reader_text(reader, group, "service", 0, headers->service, sizeof headers->service);
    read_parts(reader, group, headers);
    config_reader_choice(reader, group, "hash", 0, profile_hash_words, &headers->hash);
    config_reader_choice(reader, group, "encoding", 0, profile_encoding_words, &headers->encoding);
    config_reader_choice(reader, group, "time", 0, profile_unit_words, &headers->time);
    config_reader_integer(reader, group, "skew_s", 0, 0, 86400, &headers->skew_s);
    if (headers->encoding == SEAL_BASE64_LINES)
        config_reader_problem(reader, group, "encoding: a header has no line ends");
}

static void
read_text(struct config_reader *reader, const config_setting_t *group, const struct seal_profile *profile,
          struct seal_text *text)
{
    static const char *const keys[] = {"style",   "order",  "numbers",       "empties", "depth", "escapes",
                                       "charset", "secret", "secret_prefix", "leaving", "data",  NULL};
    char names[SEAL_MOST_LEAVING * SEAL_NAME];
    const char *at = names;
    config_reader_check_keys(reader, group, keys);
    config_reader_choice(reader, group, "style", 0, profile_style_words, &text->style);
    config_reader_choice(reader, group, "order", 0, profile_order_words, &text->order);
    config_reader_choice(reader, group, "numbers", 0, profile_number_words, &text->numbers);
    config_reader_choice(reader, group, "empties", 0, profile_empty_words, &text->empties);
    config_reader_choice(reader, group, "depth", 0, profile_depth_words, &text->depth);
    config_reader_choice(reader, group, "escapes", 0, profile_escape_words, &text->escapes);
    config_reader_choice(reader, group, "charset", 0, profile_charset_words, &text->charset);
    config_reader_choice(reader, group, "secret", 0, profile_secret_words, &text->secret);
    config_reader_text(reader, group, "secret_prefix", 0, text->secret_prefix, sizeof text->secret_prefix);
    config_reader_choice(reader, group, "data", 0, profile_data_words, &text->data);
    if (config_reader_text(reader, group, "leaving", 0, names, sizeof names)) {
        text->leaving_count = 0;
        while (text->leaving_count < SEAL_MOST_LEAVING &&
               next_of(&at, text->leaving[text->leaving_count], SEAL_NAME))
            text->leaving_count++;
        if (at[strspn(at, " ")] != '\0')
            config_reader_problem(reader, config_setting_get_member(group, "leaving"),
                                  "leaving: at most %d names of at most %d bytes", SEAL_MOST_LEAVING,
                                  SEAL_NAME - 1);
    }
    if (text->style == SEAL_RAW && profile->message != SEAL_MESSAGE_INPUT)
        config_reader_problem(reader, group, "style raw is for message = \"input\" only");
    if (text->data == SEAL_DATA_CIPHER && profile->message != SEAL_MESSAGE_ENVELOPE &&
        profile->message != SEAL_MESSAGE_INPUT)
        config_reader_problem(reader, group, "data is for message = \"envelope\" and \"input\" only");
}

static void
read_sign(struct config_reader *reader, const config_setting_t *group, struct seal_sign *sign)
{
    static const char *const keys[] = {"algorithm", "id_from", "id", "form", "encoding", "digest", NULL};
    config_reader_check_keys(reader, group, keys);
    config_reader_choice(reader, group, "algorithm", 0, profile_sign_words, &sign->algorithm);
    config_reader_choice(reader, group, "id_from", 0, profile_id_words, &sign->id_from);
    config_reader_text(reader, group, "id", 0, sign->id, sizeof sign->id);
    config_reader_choice(reader, group, "form", 0, profile_form_words, &sign->form);
    config_reader_choice(reader, group, "encoding", 0, profile_encoding_words, &sign->encoding);
    config_reader_choice(reader, group, "digest", 0, profile_digest_words, &sign->digest);
}

static void
read_cipher(struct config_reader *reader, const config_setting_t *group, struct seal_cipher *cipher)
{
    static const char *const keys[] = {"algorithm", "mode", "padding", "encoding", "key", "iv", NULL};
    config_reader_check_keys(reader, group, keys);
    config_reader_choice(reader, group, "algorithm", 0, profile_cipher_words, &cipher->algorithm);
    config_reader_choice(reader, group, "mode", 0, profile_mode_words, &cipher->mode);
    config_reader_choice(reader, group, "padding", 0, profile_padding_words, &cipher->padding);
    config_reader_choice(reader, group, "encoding", 0, profile_encoding_words, &cipher->encoding);
    config_reader_choice(reader, group, "key", 0, profile_key_words, &cipher->key);
    config_reader_choice(reader, group, "iv", 0, profile_iv_words, &cipher->iv);
}

/* Names of members: what JSON holds without escapes. */
static void
read_member_name(struct config_reader *reader, const config_setting_t *group, const char *key,
                 bool may_be_empty, char *out)
{
    if (config_reader_text(reader, group, key, 0, out, SEAL_NAME) &&
        ((out[0] == '\0' && !may_be_empty) || strpbrk(out, "\"\\") != NULL))
        config_reader_problem(reader, config_setting_get_member(group, key), "%s: not the name of a member",
                              key);
}

static void
read_value(struct config_reader *reader, const config_setting_t *group, const char *key, char *out,
           size_t size)
{
    if (config_reader_text(reader, group, key, 0, out, size) && strpbrk(out, "\"\\") != NULL)
        config_reader_problem(reader, config_setting_get_member(group, key),
                              "%s: without quotes and backslashes", key);
}

static void
read_answer(struct config_reader *reader, const config_setting_t *group, struct seal_names *names)
{
    const config_setting_t *list = config_reader_list(reader, group, "answer", 0);
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *pair = config_reader_item(reader, list, i, CONFIG_TYPE_LIST);
        if (pair == NULL)
            continue;
        if (names->answer_count == SEAL_MOST_CONSTANTS || config_reader_count(pair) != 2) {
            config_reader_problem(reader, pair, "answer: at most %d pairs (name, value)",
                                  SEAL_MOST_CONSTANTS);
            return;
        }
        struct seal_constant *constant = &names->answer[names->answer_count++];
        config_reader_item_text(reader, pair, 0, constant->name, sizeof constant->name);
        config_reader_item_text(reader, pair, 1, constant->value, sizeof constant->value);
        if (constant->name[0] == '\0' || strpbrk(constant->name, "\"\\") != NULL ||
            strpbrk(constant->value, "\"\\") != NULL)
            config_reader_problem(reader, pair, "answer: a name, and both without quotes and backslashes");
    }
}

static void
read_names(struct config_reader *reader, const config_setting_t *group, struct seal_names *names)
{
    static const char *const keys[] = {"app_id",   "data",      "cipher",      "signature", "timestamp",
                                       "time",     "skew_s",    "transaction", "version",   "enc_name",
                                       "enc_type", "sign_name", "sign_type",   "answer",    NULL};
    config_reader_check_keys(reader, group, keys);
    read_member_name(reader, group, "app_id", false, names->app_id);
    read_member_name(reader, group, "data", false, names->data);
    read_member_name(reader, group, "cipher", false, names->cipher);
    read_member_name(reader, group, "signature", false, names->signature);
    read_member_name(reader, group, "timestamp", false, names->timestamp);
    read_member_name(reader, group, "transaction", true, names->transaction);
    read_member_name(reader, group, "enc_name", true, names->enc_name);
    read_member_name(reader, group, "sign_name", true, names->sign_name);
    read_value(reader, group, "version", names->version, sizeof names->version);
    read_value(reader, group, "enc_type", names->enc_type, sizeof names->enc_type);
    read_value(reader, group, "sign_type", names->sign_type, sizeof names->sign_type);
    config_reader_choice(reader, group, "time", 0, profile_time_words, &names->time);
    config_reader_integer(reader, group, "skew_s", 0, 0, 86400, &names->skew_s);
    read_answer(reader, group, names);
}

static void
read_folder(struct config_reader *reader, const config_setting_t *group, struct seal_profile *profile)
{
    char said[400], folder[1024];
    if (!config_reader_text(reader, group, "secrets", 0, said, sizeof said) || said[0] == '\0')
        return;
    config_reader_where(reader, NULL, folder, sizeof folder);
    char *slash = strrchr(folder, '/');
    if (said[0] == '/' || slash == NULL)
        slash = folder;
    else
        slash++;
    *slash = '\0';
    int size = snprintf(profile->secrets, sizeof profile->secrets, "%s%s", folder, said);
    if (size < 0 || (size_t)size >= sizeof profile->secrets)
        config_reader_problem(reader, group, "secrets: the path is too long");
}

void
seal_read_profile(struct config_reader *reader, const config_setting_t *group, struct seal_profile *profile)
{
    static const char *const keys[] = {"secrets",          "header",  "message", "answers",
                                       "unsealed_answers", "headers", "text",    "sign",
                                       "cipher",           "names",   NULL};
    const config_setting_t *part;
    uint32_t word;
    seal_init_profile(profile);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_choice(reader, group, "header", 0, profile_header_words, &profile->header);
    config_reader_choice(reader, group, "message", 0, profile_message_words, &profile->message);
    set_header_defaults(profile);
    set_message_defaults(profile);
    read_folder(reader, group, profile);
    if (config_reader_choice(reader, group, "answers", 0, profile_answers_words, &word))
        profile->answers_sealed = word != 0;
    if (config_reader_choice(reader, group, "unsealed_answers", 0, profile_unsealed_words, &word))
        profile->accept_unsealed = word != 0;
    if ((part = config_reader_group(reader, group, "headers", 0)) != NULL)
        read_headers(reader, part, &profile->headers);
    if ((part = config_reader_group(reader, group, "text", 0)) != NULL)
        read_text(reader, part, profile, &profile->text);
    if ((part = config_reader_group(reader, group, "sign", 0)) != NULL)
        read_sign(reader, part, &profile->sign);
    if ((part = config_reader_group(reader, group, "cipher", 0)) != NULL)
        read_cipher(reader, part, &profile->cipher);
    if ((part = config_reader_group(reader, group, "names", 0)) != NULL)
        read_names(reader, part, &profile->names);
    if (profile->message == SEAL_MESSAGE_INPUT && profile->text.data == SEAL_DATA_CIPHER &&
        profile->text.style != SEAL_RAW)
        config_reader_problem(reader, group, "text.data \"cipher\" of message \"input\" wants style \"raw\"");
    if (profile->message == SEAL_MESSAGE_HEAD && profile->cipher.algorithm != SEAL_ALGORITHM_NONE)
        config_reader_problem(reader, group, "message \"head\" encrypts nothing; use \"input\"");
}

int
seal_load_profile(const char *path, void (*report)(void *arg, const char *line), void *arg,
                  struct seal_profile *profile, struct fep_error *error)
{
    struct config_reader reader;
    seal_init_profile(profile);
    if (config_reader_open(&reader, path, FEP_E_CONFIG_INVALID, report, arg, error) == 0) {
        const config_setting_t *root = config_reader_root(&reader);
        if (config_reader_has(root, "seal"))
            seal_read_profile(&reader, config_reader_group(&reader, root, "seal", 0), profile);
    }
    return config_reader_close(&reader);
}
