/* Signatures in HTTP headers: x-tif and HMAC, made and checked, and the bearer token. Must never compare a
 * signature in a way that tells how much of it was right. Fails with an enum seal_status. */
#include "internal.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "coding.h"
#include "error.h"
#include "sm.h"

enum { DIGEST_TEXT = 72, MOST_NONCE = 128 };

void
headers_build(const uint8_t *parts, const struct header_facts *facts, struct bytes *out)
{
    for (; *parts != 0; parts++) {
        switch (*parts) {
        case SEAL_PART_TIMESTAMP:
            bytes_add(out, facts->timestamp.data, facts->timestamp.size);
            break;
        case SEAL_PART_TOKEN:
            bytes_add(out, facts->token.data, facts->token.size);
            break;
        case SEAL_PART_NONCE:
            bytes_add(out, facts->nonce.data, facts->nonce.size);
            break;
        case SEAL_PART_ID:
            bytes_add(out, facts->id.data, facts->id.size);
            break;
        case SEAL_PART_BODY:
            bytes_add(out, facts->body.data, facts->body.size);
            break;
        default:
            bytes_add(out, *parts == SEAL_PART_LF ? "\n" : ":", 1);
        }
    }
}

/* The encoded signature. Its size, or 0. */
static size_t
compute(const struct seal *seal, const struct header_facts *facts, char out[DIGEST_TEXT])
{
    const struct seal_headers *rules = &seal->profile.headers;
    struct fep_bytes token = facts->token;
    unsigned char digest[32];
    struct bytes text = {0};
    headers_build(rules->parts, facts, &text);
    const char *data = text.data != NULL ? text.data : "";
    bool good = !text.failed && (seal->profile.header == SEAL_HEADER_HMAC
                                     ? sm_hmac(rules->hash, token.data, token.size, data, text.size, digest)
                                     : sm_hash(rules->hash, data, text.size, digest));
    bytes_finish(&text);
    return good ? coding_encode(rules->encoding, digest, sizeof digest, out) : 0;
}

static void
put_header(struct seal_message *wire, const char *name, const char *one, const char *other)
{
    struct seal_header *header = &wire->headers[wire->header_count++];
    snprintf(header->name, sizeof header->name, "%s", name);
    snprintf(header->value, sizeof header->value, "%s%s", one, other);
}

static struct fep_bytes
view(const char *text)
{
    return (struct fep_bytes){(const unsigned char *)text, strlen(text)};
}

/* What stands in a header is one line. */
static bool
fits_header(const char *text)
{
    if (text == NULL || strlen(text) >= sizeof((struct seal_header *)NULL)->value - 16)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

static int
put_signature(const struct seal *seal, const struct seal_moment *moment, const char *body, size_t size,
              struct seal_message *wire, struct fep_error *error)
{
    const struct seal_headers *rules = &seal->profile.headers;
    const char *id = seal->secrets[SECRET_HEADER_ID].data;
    char time[32], nonce[MOST_NONCE], signature[DIGEST_TEXT];
    unsigned char chance[16];
    if (!fits_header(id))
        return seal_fail(error, SEAL_FAILED, "the secret header_id is missing or can not stand in a header");
    if (moment->nonce != NULL) {
        snprintf(nonce, sizeof nonce, "%s", moment->nonce);
    } else {
        if (RAND_bytes(chance, sizeof chance) != 1)
            return seal_fail(error, SEAL_FAILED, "no random numbers");
        coding_encode(SEAL_HEX, chance, sizeof chance, nonce);
    }
    seal_format_time(rules->time, moment->wall_ms, time);
    struct header_facts facts = {view(time),
                                 secret_bytes(seal, SECRET_HEADER_TOKEN),
                                 view(nonce),
                                 view(id),
                                 {(const unsigned char *)body, size}};
    if (compute(seal, &facts, signature) == 0)
        return seal_fail(error, SEAL_FAILED, "signing the headers failed");
    put_header(wire, rules->id_name, id, "");
    if (seal->profile.header == SEAL_HEADER_HMAC) {
        size_t length = strlen(time);
        time[length++] = ':';
        time[length] = '\0';
        put_header(wire, rules->sign_name, time, signature);
        return SEAL_GOOD;
    }
    put_header(wire, rules->time_name, time, "");
    put_header(wire, rules->nonce_name, nonce, "");
    if (rules->service[0] != '\0')
        put_header(wire, rules->service_name, rules->service, "");
    put_header(wire, rules->sign_name, signature, "");
    return SEAL_GOOD;
}

int
headers_sign(const struct seal *seal, const struct seal_moment *moment, const char *body, size_t size,
             struct seal_message *wire, struct fep_error *error)
{
    if (seal->profile.header == SEAL_HEADER_NONE)
        return SEAL_GOOD;
    wire->headers = calloc(SEAL_MOST_HEADERS, sizeof *wire->headers);
    if (wire->headers == NULL)
        return seal_fail(error, SEAL_FAILED, "no memory for headers");
    if (seal->profile.header != SEAL_HEADER_BEARER)
        return put_signature(seal, moment, body, size, wire, error);
    const char *token = moment->bearer != NULL ? moment->bearer : seal->secrets[SECRET_BEARER_TOKEN].data;
    if (!fits_header(token))
        return seal_fail(error, SEAL_FAILED, "there is no token, or it can not stand in a header");
    put_header(wire, "Authorization", "Bearer ", token);
    return SEAL_GOOD;
}

/* --- checking
 * --------------------------------------------------------------------------------------------------------------
 */

/* The one header of that name; 0 of it, or two, give false. */
static bool
find_header(const struct seal_field *fields, size_t count, const char *name, struct fep_bytes *value)
{
    size_t size = strlen(name), found = 0;
    for (size_t i = 0; i < count; i++)
        if (fields[i].name_size == size && strncasecmp(fields[i].name, name, size) == 0) {
            *value = (struct fep_bytes){(const unsigned char *)fields[i].value, fields[i].value_size};
            found++;
        }
    return found == 1;
}

static bool
equal(struct fep_bytes given, const char *expected, size_t size)
{
    return given.size == size && CRYPTO_memcmp(given.data, expected, size) == 0;
}

static int
check_skew(const struct seal *seal, int64_t wall_ms, struct fep_bytes timestamp, struct fep_error *error)
{
    const struct seal_headers *rules = &seal->profile.headers;
    int64_t when = seal_parse_time(rules->time, (const char *)timestamp.data, timestamp.size);
    if (rules->skew_s == 0)
        return SEAL_GOOD;
    if (when < 0)
        return seal_fail(error, SEAL_BAD_FORM, "the header's timestamp is not written as the profile says");
    int64_t apart = when > wall_ms ? when - wall_ms : wall_ms - when;
    return apart <= rules->skew_s * 1000
               ? SEAL_GOOD
               : seal_fail(error, SEAL_STALE,
                           "the header's timestamp is further away than the profile allows (clocks?)");
}

static int
check_bearer(const struct seal *seal, const struct seal_field *fields, size_t count, struct fep_error *error)
{
    struct fep_bytes value, token = secret_bytes(seal, SECRET_BEARER_TOKEN);
    bool good = token.size > 0 && find_header(fields, count, "Authorization", &value) && value.size > 7 &&
                strncasecmp((const char *)value.data, "Bearer ", 7) == 0 && value.size - 7 == token.size &&
                CRYPTO_memcmp(value.data + 7, token.data, token.size) == 0;
    return good ? SEAL_GOOD : seal_fail(error, SEAL_BAD_SIGNATURE, "the bearer token is missing or another");
}

int
headers_check(const struct seal *seal, int64_t wall_ms, const struct seal_field *fields, size_t count,
              const char *body, size_t size, struct fep_error *error)
{
    const struct seal_headers *rules = &seal->profile.headers;
    struct fep_bytes own = secret_bytes(seal, SECRET_HEADER_ID), given = {0};
    struct header_facts facts = {.token = secret_bytes(seal, SECRET_HEADER_TOKEN),
                                 .body = {(const unsigned char *)body, size}};
    char expected[DIGEST_TEXT];
    if (seal->profile.header == SEAL_HEADER_NONE)
        return SEAL_GOOD;
    if (seal->profile.header == SEAL_HEADER_BEARER)
        return check_bearer(seal, fields, count, error);
    if (!find_header(fields, count, rules->id_name, &facts.id) ||
        !find_header(fields, count, rules->sign_name, &given))
        return seal_fail(error, SEAL_BAD_SIGNATURE, "a header of the signature is missing, or there twice");
    if (!equal(facts.id, (const char *)own.data, own.size))
        return seal_fail(error, SEAL_BAD_SIGNATURE, "the headers name another system than the one we know");
    if (seal->profile.header == SEAL_HEADER_HMAC) {
        const unsigned char *colon = given.size > 0 ? memchr(given.data, ':', given.size) : NULL;
        if (colon == NULL)
            return seal_fail(error, SEAL_BAD_SIGNATURE, "the header's signature is not TIMESTAMP:SIGNATURE");
        facts.timestamp = (struct fep_bytes){given.data, (size_t)(colon - given.data)};
        given = (struct fep_bytes){colon + 1, given.size - facts.timestamp.size - 1};
    } else if (!find_header(fields, count, rules->time_name, &facts.timestamp) ||
               !find_header(fields, count, rules->nonce_name, &facts.nonce)) {
        return seal_fail(error, SEAL_BAD_SIGNATURE, "a header of the signature is missing, or there twice");
    }
    size_t length = compute(seal, &facts, expected);
    if (length == 0)
        return seal_fail(error, SEAL_FAILED, "checking the headers failed");
    if (!equal(given, expected, length))
        return seal_fail(error, SEAL_BAD_SIGNATURE, "the header's signature does not hold");
    return check_skew(seal, wall_ms, facts.timestamp, error);
}
