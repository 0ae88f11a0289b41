/* What the words of a profile mean, and two profiles compared key by key: for whoever must say which key to
 * change. */
#include "profile_words.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const struct config_word profile_header_words[] = {{"none", SEAL_HEADER_NONE},
                                                   {"x-tif", SEAL_HEADER_XTIF},
                                                   {"hmac", SEAL_HEADER_HMAC},
                                                   {"bearer", SEAL_HEADER_BEARER},
                                                   {NULL, 0}};
const struct config_word profile_message_words[] = {{"none", SEAL_MESSAGE_NONE},
                                                    {"envelope", SEAL_MESSAGE_ENVELOPE},
                                                    {"input", SEAL_MESSAGE_INPUT},
                                                    {"head", SEAL_MESSAGE_HEAD},
                                                    {NULL, 0}};
const struct config_word profile_answers_words[] = {{"sealed", 1}, {"plain", 0}, {NULL, 0}};
const struct config_word profile_unsealed_words[] = {{"refuse", 0}, {"accept", 1}, {NULL, 0}};
const struct config_word profile_style_words[] = {
    {"pairs", SEAL_PAIRS}, {"values", SEAL_VALUES}, {"json", SEAL_JSON}, {"raw", SEAL_RAW}, {NULL, 0}};
const struct config_word profile_order_words[] = {
    {"ascii", SEAL_ORDER_ASCII}, {"caseless", SEAL_ORDER_CASELESS}, {"given", SEAL_ORDER_GIVEN}, {NULL, 0}};
const struct config_word profile_number_words[] = {
    {"quoted", SEAL_NUMBERS_QUOTED}, {"plain", SEAL_NUMBERS_PLAIN}, {NULL, 0}};
const struct config_word profile_empty_words[] = {{"drop", SEAL_EMPTIES_DROP},
                                                  {"drop-null", SEAL_EMPTIES_DROP_NULL},
                                                  {"keep", SEAL_EMPTIES_KEEP},
                                                  {NULL, 0}};
const struct config_word profile_depth_words[] = {
    {"all", SEAL_DEPTH_ALL}, {"first", SEAL_DEPTH_FIRST}, {NULL, 0}};
const struct config_word profile_escape_words[] = {{"none", SEAL_ESCAPES_NONE},
                                                   {"unicode", SEAL_ESCAPES_UNICODE},
                                                   {"UNICODE", SEAL_ESCAPES_UNICODE_UPPER},
                                                   {"slash", SEAL_ESCAPES_SLASH},
                                                   {NULL, 0}};
const struct config_word profile_charset_words[] = {{"utf-8", SEAL_UTF8}, {"gbk", SEAL_GBK}, {NULL, 0}};
const struct config_word profile_secret_words[] = {{"app_secret", SEAL_SECRET_APP_SECRET},
                                                   {"content_key", SEAL_SECRET_CONTENT_KEY},
                                                   {"none", SEAL_SECRET_NONE},
                                                   {NULL, 0}};
const struct config_word profile_data_words[] = {
    {"plain", SEAL_DATA_PLAIN}, {"cipher", SEAL_DATA_CIPHER}, {NULL, 0}};
const struct config_word profile_sign_words[] = {
    {"sm2", SEAL_ALGORITHM_SM}, {"none", SEAL_ALGORITHM_NONE}, {NULL, 0}};
const struct config_word profile_id_words[] = {
    {"text", SEAL_ID_TEXT}, {"app_id", SEAL_ID_APP_ID}, {"app_secret", SEAL_ID_APP_SECRET}, {NULL, 0}};
const struct config_word profile_form_words[] = {{"rs", SEAL_FORM_RS}, {"der", SEAL_FORM_DER}, {NULL, 0}};
const struct config_word profile_encoding_words[] = {
    {"base64", SEAL_BASE64}, {"base64url", SEAL_BASE64_URL}, {"base64-lines", SEAL_BASE64_LINES},
    {"hex", SEAL_HEX},       {"HEX", SEAL_HEX_UPPER},        {NULL, 0}};
const struct config_word profile_digest_words[] = {{"text", SEAL_DIGEST_TEXT},
                                                   {"sm3", SEAL_DIGEST_SM3},
                                                   {"sm3-hex", SEAL_DIGEST_SM3_HEX},
                                                   {"sm3-HEX", SEAL_DIGEST_SM3_HEX_UPPER},
                                                   {NULL, 0}};
const struct config_word profile_cipher_words[] = {
    {"sm4", SEAL_ALGORITHM_SM}, {"none", SEAL_ALGORITHM_NONE}, {NULL, 0}};
const struct config_word profile_mode_words[] = {{"ecb", SEAL_ECB}, {"cbc", SEAL_CBC}, {NULL, 0}};
const struct config_word profile_padding_words[] = {{"pkcs7", SEAL_PKCS7}, {"zero", SEAL_ZERO}, {NULL, 0}};
const struct config_word profile_key_words[] = {{"derived", SEAL_KEY_DERIVED},
                                                {"derived-lower", SEAL_KEY_DERIVED_LOWER},
                                                {"app_id", SEAL_KEY_APP_ID},
                                                {"app_secret", SEAL_KEY_APP_SECRET},
                                                {"content", SEAL_KEY_CONTENT},
                                                {"content-hex", SEAL_KEY_CONTENT_HEX},
                                                {NULL, 0}};
const struct config_word profile_iv_words[] = {
    {"zero", SEAL_IV_ZERO}, {"key", SEAL_IV_KEY}, {"prefix", SEAL_IV_PREFIX}, {NULL, 0}};
const struct config_word profile_hash_words[] = {{"sha256", SEAL_SHA256}, {"sm3", SEAL_SM3}, {NULL, 0}};
const struct config_word profile_unit_words[] = {
    {"seconds", SEAL_TIME_SECONDS}, {"milliseconds", SEAL_TIME_MILLISECONDS}, {NULL, 0}};
const struct config_word profile_time_words[] = {{"compact", SEAL_TIME_COMPACT},
                                                 {"seconds", SEAL_TIME_SECONDS},
                                                 {"milliseconds", SEAL_TIME_MILLISECONDS},
                                                 {NULL, 0}};
const struct config_word profile_part_words[] = {
    {"timestamp", SEAL_PART_TIMESTAMP}, {"token", SEAL_PART_TOKEN},
    {"nonce", SEAL_PART_NONCE},         {"id", SEAL_PART_ID},
    {"body", SEAL_PART_BODY},           {"lf", SEAL_PART_LF},
    {"colon", SEAL_PART_COLON},         {NULL, 0}};

/* --- comparing
 * ---------------------------------------------------------------------------------------------------------
 */

enum row_type { ROW_WORD, ROW_TEXT, ROW_PARTS, ROW_LEAVING };
struct row {
    const char *key;
    enum row_type type;
    size_t offset;
    const struct config_word *words;
};
#define AT(member) offsetof(struct seal_profile, member)
static const struct row rows[] = {
    {"header", ROW_WORD, AT(header), profile_header_words},
    {"message", ROW_WORD, AT(message), profile_message_words},
    {"headers.id_name", ROW_TEXT, AT(headers.id_name), NULL},
    {"headers.sign_name", ROW_TEXT, AT(headers.sign_name), NULL},
    {"headers.parts", ROW_PARTS, AT(headers.parts), NULL},
    {"headers.hash", ROW_WORD, AT(headers.hash), profile_hash_words},
    {"headers.encoding", ROW_WORD, AT(headers.encoding), profile_encoding_words},
    {"headers.time", ROW_WORD, AT(headers.time), profile_unit_words},
    {"text.style", ROW_WORD, AT(text.style), profile_style_words},
    {"text.order", ROW_WORD, AT(text.order), profile_order_words},
    {"text.numbers", ROW_WORD, AT(text.numbers), profile_number_words},
    {"text.empties", ROW_WORD, AT(text.empties), profile_empty_words},
    {"text.depth", ROW_WORD, AT(text.depth), profile_depth_words},
    {"text.escapes", ROW_WORD, AT(text.escapes), profile_escape_words},
    {"text.charset", ROW_WORD, AT(text.charset), profile_charset_words},
    {"text.secret", ROW_WORD, AT(text.secret), profile_secret_words},
    {"text.secret_prefix", ROW_TEXT, AT(text.secret_prefix), NULL},
    {"text.leaving", ROW_LEAVING, AT(text), NULL},
    {"text.data", ROW_WORD, AT(text.data), profile_data_words},
    {"sign.algorithm", ROW_WORD, AT(sign.algorithm), profile_sign_words},
    {"sign.id_from", ROW_WORD, AT(sign.id_from), profile_id_words},
    {"sign.id", ROW_TEXT, AT(sign.id), NULL},
    {"sign.form", ROW_WORD, AT(sign.form), profile_form_words},
    {"sign.encoding", ROW_WORD, AT(sign.encoding), profile_encoding_words},
    {"sign.digest", ROW_WORD, AT(sign.digest), profile_digest_words},
    {"cipher.algorithm", ROW_WORD, AT(cipher.algorithm), profile_cipher_words},
    {"cipher.mode", ROW_WORD, AT(cipher.mode), profile_mode_words},
    {"cipher.padding", ROW_WORD, AT(cipher.padding), profile_padding_words},
    {"cipher.encoding", ROW_WORD, AT(cipher.encoding), profile_encoding_words},
    {"cipher.key", ROW_WORD, AT(cipher.key), profile_key_words},
    {"cipher.iv", ROW_WORD, AT(cipher.iv), profile_iv_words},
    {"names.app_id", ROW_TEXT, AT(names.app_id), NULL},
    {"names.data", ROW_TEXT, AT(names.data), NULL},
    {"names.cipher", ROW_TEXT, AT(names.cipher), NULL},
    {"names.signature", ROW_TEXT, AT(names.signature), NULL},
};

static const char *
find_word(const struct config_word *words, uint32_t value)
{
    for (; words->word != NULL; words++)
        if (words->value == value)
            return words->word;
    return "?";
}

static void
add_word(char *out, const char *word)
{
    size_t size = strlen(out);
    snprintf(out + size, PROFILE_VALUE - size, "%s%s", size > 0 ? " " : "", word);
}

static void
write_value(const struct row *row, const struct seal_profile *profile, char out[PROFILE_VALUE])
{
    const char *at = (const char *)profile + row->offset;
    uint32_t value;
    out[0] = '\0';
    switch (row->type) {
    case ROW_WORD:
        memcpy(&value, at, sizeof value);
        add_word(out, find_word(row->words, value));
        break;
    case ROW_TEXT:
        snprintf(out, PROFILE_VALUE, "%s", at);
        break;
    case ROW_PARTS:
        for (const uint8_t *part = profile->headers.parts; *part != 0; part++)
            add_word(out, find_word(profile_part_words, *part));
        break;
    case ROW_LEAVING:
        for (size_t i = 0; i < profile->text.leaving_count; i++)
            add_word(out, profile->text.leaving[i]);
    }
}

void
profile_compare(const struct seal_profile *a, const struct seal_profile *b,
                void (*tell)(void *arg, const char *key, const char *in_a, const char *in_b), void *arg)
{
    char one[PROFILE_VALUE], other[PROFILE_VALUE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_value(&rows[i], a, one);
        write_value(&rows[i], b, other);
        if (strcmp(one, other) != 0)
            tell(arg, rows[i].key, one, other);
    }
}
