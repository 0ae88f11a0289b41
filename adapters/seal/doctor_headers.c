/* Looks for what a header signature runs over: every order of timestamp, token, nonce, id and body, with and
 * without something between them, both hashes, every encoding. Must never need the system's own clock: a
 * captured message is old. */
#include "doctor_internal.h"

#include <openssl/crypto.h>
#include <string.h>

#include "coding.h"
#include "profile_words.h"
#include "sm.h"

struct look {
    const struct seal *seal;
    struct doctor_section *section;
    struct header_facts facts;
    struct fep_bytes given; /* the signature as it came */
    uint32_t encodings[5];  /* it could be written in, the profile's first */
    size_t encoding_count;
    unsigned char raw[5][32];
    int64_t until_ms;
    struct bytes text;
    bool found, over;
};

static struct fep_bytes
view(const struct seal_field *field)
{
    return (struct fep_bytes){(const unsigned char *)field->value, field->value_size};
}

static void
read_signature(struct look *look)
{
    uint32_t own = look->section->found.headers.encoding;
    static const uint32_t others[] = {SEAL_HEX, SEAL_HEX_UPPER, SEAL_BASE64, SEAL_BASE64_URL};
    for (size_t i = 0; i < 5; i++) {
        uint32_t encoding = i == 0 ? own : others[i - 1];
        char again[80];
        unsigned char *raw = look->raw[look->encoding_count];
        if ((i > 0 && encoding == own) ||
            coding_decode(encoding, (const char *)look->given.data, look->given.size, raw, 32) != 32)
            continue;
        size_t size = coding_encode(encoding, raw, 32, again); /* case and padding as they are */
        if (size == look->given.size && memcmp(again, look->given.data, size) == 0)
            look->encodings[look->encoding_count++] = encoding;
    }
}

static bool
hash_parts(struct look *look, uint32_t hash, unsigned char digest[32])
{
    const char *data = look->text.data != NULL ? look->text.data : "";
    if (look->text.failed)
        return false;
    if (look->section->found.header == SEAL_HEADER_HMAC)
        return sm_hmac(hash, look->facts.token.data, look->facts.token.size, data, look->text.size, digest);
    return sm_hash(hash, data, look->text.size, digest);
}

static void
try_parts(struct look *look, const uint8_t *parts)
{
    struct seal_headers *found = &look->section->found.headers;
    uint32_t own = look->section->expected.headers.hash;
    unsigned char digest[32];
    if (look->found || look->over)
        return;
    if (doctor_now_ms() > look->until_ms) {
        look->over = true;
        return;
    }
    bytes_clear(&look->text);
    headers_build(parts, &look->facts, &look->text);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t hash = i == 0 ? own : own == SEAL_SM3 ? SEAL_SHA256 : SEAL_SM3;
        if (!hash_parts(look, hash, digest))
            return;
        for (size_t k = 0; k < look->encoding_count; k++) {
            look->section->tried++;
            if (CRYPTO_memcmp(look->raw[k], digest, 32) != 0)
                continue;
            found->hash = hash;
            found->encoding = look->encodings[k];
            if (parts != found->parts) {
                memset(found->parts, 0, sizeof found->parts);
                memcpy(found->parts, parts, strlen((const char *)parts));
            }
            look->found = true;
            return;
        }
    }
}

/* A part that says nothing in this message is left out: with it and without it is the same. */
static bool
says_something(const struct look *look, uint8_t part)
{
    const struct header_facts *facts = &look->facts;
    size_t size = part == SEAL_PART_TIMESTAMP ? facts->timestamp.size
                  : part == SEAL_PART_TOKEN   ? facts->token.size
                  : part == SEAL_PART_NONCE   ? facts->nonce.size
                  : part == SEAL_PART_ID      ? facts->id.size
                                              : facts->body.size;
    return size > 0;
}

/* Every order of at most four of the five, with this separator between them (0: none). */
static void
try_orders(struct look *look, uint8_t *parts, size_t count, size_t items, uint8_t separator)
{
    static const uint8_t all[] = {SEAL_PART_TIMESTAMP, SEAL_PART_TOKEN, SEAL_PART_NONCE, SEAL_PART_ID,
                                  SEAL_PART_BODY};
    if (count > 0) {
        parts[count] = 0;
        try_parts(look, parts);
    }
    if (items == 4 || look->found || look->over)
        return;
    for (size_t i = 0; i < sizeof all; i++) {
        bool twice = memchr(parts, all[i], count) != NULL;
        if (twice && !(all[i] == SEAL_PART_TIMESTAMP && items == 3 && parts[0] == SEAL_PART_TIMESTAMP))
            continue; /* the timestamp may stand at both ends */
        if (!says_something(look, all[i]))
            continue;
        size_t next = count;
        if (separator != 0 && count > 0)
            parts[next++] = separator;
        parts[next++] = all[i];
        try_orders(look, parts, next, items + 1, separator);
    }
}

static void
try_everything(struct look *look)
{
    static const uint8_t separators[] = {0, SEAL_PART_LF, SEAL_PART_COLON};
    uint8_t own[SEAL_MOST_PARTS];
    memcpy(own, look->section->expected.headers.parts, sizeof own);
    try_parts(look, own);
    for (size_t i = 0; i < sizeof separators; i++) {
        uint8_t parts[SEAL_MOST_PARTS + 1] = {0};
        try_orders(look, parts, 0, 0, separators[i]);
    }
}

/* Splits TIMESTAMP:SIGNATURE, or finds the headers of x-tif. */
static bool
find_facts(struct look *look, const struct capture *capture)
{
    const struct seal_headers *rules = &look->section->found.headers;
    const struct seal_field *id = capture_find(capture, rules->id_name);
    const struct seal_field *time = capture_find(capture, rules->time_name);
    const struct seal_field *nonce = capture_find(capture, rules->nonce_name);
    const struct seal_field *signature = capture_find(capture, rules->sign_name);
    if (signature == NULL || signature->value_size == 0)
        return false;
    look->given = view(signature);
    if (id != NULL)
        look->facts.id = view(id);
    if (nonce != NULL)
        look->facts.nonce = view(nonce);
    if (look->section->found.header == SEAL_HEADER_HMAC) {
        const unsigned char *colon = memchr(look->given.data, ':', look->given.size);
        if (colon == NULL)
            return false;
        look->facts.timestamp = (struct fep_bytes){look->given.data, (size_t)(colon - look->given.data)};
        look->given.size -= look->facts.timestamp.size + 1;
        look->given.data = colon + 1;
    } else if (time != NULL) {
        look->facts.timestamp = view(time);
    }
    if (look->facts.timestamp.size >= 13)
        look->section->found.headers.time = SEAL_TIME_MILLISECONDS;
    else if (look->facts.timestamp.size > 0)
        look->section->found.headers.time = SEAL_TIME_SECONDS;
    return true;
}

static void
search(struct look *look, const struct capture *capture)
{
    struct fep_bytes token = secret_bytes(look->seal, SECRET_HEADER_TOKEN);
    const size_t sizes[] = {capture->body_size, capture->json_size};
    for (size_t empty = 0; empty < 2 && !look->found && !look->over; empty++)
        for (size_t i = 0; i < 2 && !look->found && !look->over; i++) {
            if ((empty == 1 && token.size == 0) || (i == 1 && sizes[1] == sizes[0]))
                continue;
            look->facts.token = empty == 0 ? token : (struct fep_bytes){(const unsigned char *)"", 0};
            look->facts.body = (struct fep_bytes){(const unsigned char *)capture->body, sizes[i]};
            try_everything(look);
            if (look->found && empty == 1)
                look->section->notes |= DOCTOR_EMPTY_TOKEN;
        }
}

/* Which kind: the profile's, or what the headers look like. */
static uint32_t
find_kind(const struct seal_profile *profile, const struct capture *capture)
{
    if (profile->header == SEAL_HEADER_XTIF || profile->header == SEAL_HEADER_HMAC)
        if (capture_find(capture, profile->headers.sign_name) != NULL)
            return profile->header;
    if (capture_find(capture, "x-tif-signature") != NULL)
        return SEAL_HEADER_XTIF;
    return capture_find(capture, "x-ca-signature") != NULL ? SEAL_HEADER_HMAC : (uint32_t)profile->header;
}

void
doctor_look_at_headers(const struct seal *seal, const struct capture *capture, int64_t until_ms,
                       struct doctor_section *section)
{
    struct look look = {.seal = seal, .section = section, .until_ms = until_ms};
    struct fep_bytes own = secret_bytes(seal, SECRET_HEADER_ID);
    profile_set_kinds(&section->expected, find_kind(&seal->profile, capture), section->expected.message);
    section->found = section->expected;
    if (capture->field_count == 0 ||
        (section->found.header != SEAL_HEADER_XTIF && section->found.header != SEAL_HEADER_HMAC)) {
        section->end = DOCTOR_NOTHING_THERE;
        return;
    }
    section->end = DOCTOR_FAILED;
    if (!find_facts(&look, capture)) {
        section->notes |= DOCTOR_NO_SIGNATURE;
        return;
    }
    read_signature(&look);
    if (look.encoding_count == 0)
        section->notes |= DOCTOR_UNREADABLE;
    if (!seal->has[SECRET_HEADER_TOKEN])
        section->notes |= DOCTOR_NO_SECRETS;
    if (own.size > 0 &&
        (own.size != look.facts.id.size || memcmp(own.data, look.facts.id.data, own.size) != 0))
        section->notes |= DOCTOR_OTHER_APP;
    if (look.encoding_count > 0)
        search(&look, capture);
    if (look.found)
        section->end = DOCTOR_DIFFERENT; /* the caller compares */
    else if (look.over)
        section->notes |= DOCTOR_TIME_OVER;
    bytes_finish(&look.text);
}
