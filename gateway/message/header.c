/* The fixed part of a message: wire encoding, checks, digest. Must never accept what it does not fully
 * understand: the header decides whose money is meant. Decoding fails with the field and the byte where it
 * begins, and never quotes what stood there.
 *
 * Wire layout, HEADER_WIRE_SIZE = 168 bytes. Integers are big-endian. Texts are ASCII, zero-padded to the
 * width; the longest value is shorter than the field, so that each ends in a zero. Reserved bytes are zero
 * and checked, so that a later layout can not be mistaken for this one. The digest is taken over exactly
 * these bytes and the body.
 *
 *   byte  size  content
 *      0     1  layout, 1
 *      1     1  transaction class: 1 query, 2 update, 3 notice, 4 reversal, 5 inquiry
 *      2     2  reserved
 *      4     4  day: the origin's accepting day, yyyymmdd as a number
 *      8    16  origin: node code of the origin gateway (1 to 15 of A-Z a-z 0-9 - _ .)
 *     24    32  msgid (1 to 30 printable ASCII, no blank, quote, backslash)
 *     56     8  infno (4 to 6 of A-Z a-z 0-9)
 *     64     8  treat_area (6 digits, or empty)
 *     72     8  insured_area (6 digits, or empty)
 *     80    16  institution (up to 12 of A-Z a-z 0-9, or empty)
 *     96    32  original_msgid (reversal, inquiry: as msgid; else empty)
 *    128     8  original_infno (reversal, inquiry: as infno, or empty; else empty)
 *    136    32  reserved
 */
#include "header.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "error.h"

enum {
    WIRE_LAYOUT = 0,
    WIRE_CLASS = 1,
    WIRE_DAY = 4,
    WIRE_ORIGIN = 8,
    WIRE_MSGID = 24,
    WIRE_INFNO = 56,
    WIRE_TREAT = 64,
    WIRE_INSURED = 72,
    WIRE_INSTITUTION = 80,
    WIRE_ORIGINAL_MSGID = 96,
    WIRE_ORIGINAL_INFNO = 128,
    WIRE_RESERVED = 136
};
#define LAYOUT_VERSION 1
_Static_assert(WIRE_RESERVED + 32 == HEADER_WIRE_SIZE, "the layout fills the header");

bool
message_key_equal(const struct message_key *a, const struct message_key *b)
{
    return strcmp(a->msgid, b->msgid) == 0 && strcmp(a->origin, b->origin) == 0;
}

uint64_t
message_key_hash(const struct message_key *key)
{
    uint64_t hash = 14695981039346656037ull; /* FNV-1a, then mixed so that low bits can index a table */
    const char *const parts[] = {key->msgid, key->origin};
    for (size_t part = 0; part < 2; part++) {
        for (const char *c = parts[part]; *c; c++)
            hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
        hash = (hash ^ 0xFF) * 1099511628211ull;
    }
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93ull;
    return hash ^ hash >> 32;
}

static bool
is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters, digits and those of `more`; length from minimum to maximum. */
static bool
is_code(const char *text, size_t minimum, size_t maximum, const char *more)
{
    size_t size = 0;
    for (; text[size]; size++)
        if (size >= maximum || (!is_letter_or_digit(text[size]) && !strchr(more, text[size])))
            return false;
    return size >= minimum;
}

bool
msgid_is_valid(const char *msgid)
{
    size_t size = 0;
    for (; msgid[size]; size++) {
        char c = msgid[size];
        if (size >= MSGID_SIZE - 1 || c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\')
            return false;
    }
    return size > 0;
}

bool
area_is_valid(const char *area)
{
    for (size_t i = 0; i < AREA_SIZE - 1; i++)
        if (area[i] < '0' || area[i] > '9')
            return false;
    return area[AREA_SIZE - 1] == '\0';
}

bool
infno_is_valid(const char *infno)
{
    return is_code(infno, 4, INFNO_SIZE - 1, "");
}

bool
node_is_valid(const char *node)
{
    return is_code(node, 1, NODE_SIZE - 1, "-_.");
}

static void
put_number(uint8_t *out, uint32_t number)
{
    out[0] = (uint8_t)(number >> 24);
    out[1] = (uint8_t)(number >> 16);
    out[2] = (uint8_t)(number >> 8);
    out[3] = (uint8_t)number;
}

static uint32_t
get_number(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* `out` is zeroed already; never more than the struct's array holds, nor into the field's last byte. */
static void
put_field(uint8_t *out, const char *text, size_t text_size)
{
    memcpy(out, text, strnlen(text, text_size - 1));
}

void
message_header_encode(const struct message_header *header, uint8_t out[HEADER_WIRE_SIZE])
{
    memset(out, 0, HEADER_WIRE_SIZE);
    out[WIRE_LAYOUT] = LAYOUT_VERSION;
    out[WIRE_CLASS] = header->transaction_class;
    put_number(out + WIRE_DAY, header->day);
    put_field(out + WIRE_ORIGIN, header->key.origin, sizeof header->key.origin);
    put_field(out + WIRE_MSGID, header->key.msgid, sizeof header->key.msgid);
    put_field(out + WIRE_INFNO, header->infno, sizeof header->infno);
    put_field(out + WIRE_TREAT, header->treat_area, sizeof header->treat_area);
    put_field(out + WIRE_INSURED, header->insured_area, sizeof header->insured_area);
    put_field(out + WIRE_INSTITUTION, header->institution, sizeof header->institution);
    put_field(out + WIRE_ORIGINAL_MSGID, header->original_msgid, sizeof header->original_msgid);
    put_field(out + WIRE_ORIGINAL_INFNO, header->original_infno, sizeof header->original_infno);
}

static int
refuse_field(struct fep_error *error, const char *field, size_t byte, const char *expected)
{
    return error_set(error, FEP_REFUSED, FEP_E_MALFORMED_FRAME, "header field %s at byte %zu: expected %s",
                     field, byte, expected);
}

static bool
is_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* Copies a zero-padded field of `width` bytes into text[text_size]; anything behind the first zero is an
 * error. */
static int
get_field(const uint8_t *data, size_t byte, size_t width, char *text, size_t text_size, const char *name,
          struct fep_error *error)
{
    size_t size = strnlen((const char *)data + byte, width);
    if (size >= text_size || !is_zero(data + byte + size, width - size))
        return refuse_field(error, name, byte, "text that fits, padded with zeros");
    memcpy(text, data + byte, size);
    memset(text + size, 0, text_size - size);
    return 0;
}

static int
copy_fields(struct message_header *header, const uint8_t *data, struct fep_error *error)
{
#define FIELD(byte, width, member, name) get_field(data, byte, width, member, sizeof member, name, error)
    header->transaction_class = data[WIRE_CLASS];
    header->day = get_number(data + WIRE_DAY);
    if (FIELD(WIRE_ORIGIN, 16, header->key.origin, "origin") < 0 ||
        FIELD(WIRE_MSGID, 32, header->key.msgid, "msgid") < 0 ||
        FIELD(WIRE_INFNO, 8, header->infno, "infno") < 0 ||
        FIELD(WIRE_TREAT, 8, header->treat_area, "treat_area") < 0 ||
        FIELD(WIRE_INSURED, 8, header->insured_area, "insured_area") < 0 ||
        FIELD(WIRE_INSTITUTION, 16, header->institution, "institution") < 0 ||
        FIELD(WIRE_ORIGINAL_MSGID, 32, header->original_msgid, "original_msgid") < 0 ||
        FIELD(WIRE_ORIGINAL_INFNO, 8, header->original_infno, "original_infno") < 0)
        return -1;
#undef FIELD
    return 0;
}

int
message_header_check(const struct message_header *header, struct fep_error *error)
{
    uint8_t class = header->transaction_class;
    if (class < CLASS_QUERY || class > CLASS_INQUIRY)
        return refuse_field(error, "class", WIRE_CLASS, "1 to 5");
    if (!clock_date_is_valid(header->day))
        return refuse_field(error, "day", WIRE_DAY, "a day yyyymmdd");
    if (!node_is_valid(header->key.origin))
        return refuse_field(error, "origin", WIRE_ORIGIN, "a node code");
    if (!msgid_is_valid(header->key.msgid))
        return refuse_field(error, "msgid", WIRE_MSGID, "1 to 30 printable ASCII characters");
    if (!infno_is_valid(header->infno))
        return refuse_field(error, "infno", WIRE_INFNO, "4 to 6 letters and digits");
    if (header->treat_area[0] && !area_is_valid(header->treat_area))
        return refuse_field(error, "treat_area", WIRE_TREAT, "six digits");
    if (header->insured_area[0] && !area_is_valid(header->insured_area))
        return refuse_field(error, "insured_area", WIRE_INSURED, "six digits");
    if (!is_code(header->institution, 0, sizeof header->institution - 1, ""))
        return refuse_field(error, "institution", WIRE_INSTITUTION, "up to 12 letters and digits");
    bool about_another = class == CLASS_REVERSAL || class == CLASS_INQUIRY;
    if (about_another ? !msgid_is_valid(header->original_msgid) : header->original_msgid[0] != '\0')
        return refuse_field(error, "original_msgid", WIRE_ORIGINAL_MSGID,
                            about_another ? "the msgid it is about" : "nothing for this class");
    if (header->original_infno[0] && (!about_another || !infno_is_valid(header->original_infno)))
        return refuse_field(error, "original_infno", WIRE_ORIGINAL_INFNO,
                            about_another ? "4 to 6 letters and digits" : "nothing for this class");
    return 0;
}

int
message_header_decode(struct message_header *header, const uint8_t *data, size_t size,
                      struct fep_error *error)
{
    if (size != HEADER_WIRE_SIZE)
        return error_set(error, FEP_REFUSED, FEP_E_MALFORMED_FRAME, "header has %zu bytes, expected %d", size,
                         HEADER_WIRE_SIZE);
    if (data[WIRE_LAYOUT] != LAYOUT_VERSION)
        return refuse_field(error, "layout", WIRE_LAYOUT, "1");
    if (!is_zero(data + 2, 2))
        return refuse_field(error, "reserved", 2, "zeros");
    if (!is_zero(data + WIRE_RESERVED, HEADER_WIRE_SIZE - WIRE_RESERVED))
        return refuse_field(error, "reserved", WIRE_RESERVED, "zeros");
    struct message_header decoded = {0};
    if (copy_fields(&decoded, data, error) < 0 || message_header_check(&decoded, error) < 0)
        return -1;
    *header = decoded;
    return 0;
}

/* Fetching an algorithm takes longer than hashing a settlement: once per process, a context once per thread.
 */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *sm3;
static pthread_key_t context_key;
static bool is_fetched;

static void
free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void
fetch_sm3(void)
{
    sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    is_fetched =
        sm3 && EVP_MD_get_size(sm3) == DIGEST_SIZE && pthread_key_create(&context_key, free_context) == 0;
}

static EVP_MD_CTX *
get_context(void)
{
    if (pthread_once(&fetch_once, fetch_sm3) != 0 || !is_fetched)
        return NULL;
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context)
        return context;
    context = EVP_MD_CTX_new();
    if (context && pthread_setspecific(context_key, context) != 0) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

int
message_digest(const struct message_header *header, const struct slice *body, uint8_t digest[DIGEST_SIZE])
{
    EVP_MD_CTX *context = get_context();
    uint8_t wire[HEADER_WIRE_SIZE];
    unsigned size = 0;
    message_header_encode(header, wire);
    if (!context || EVP_DigestInit_ex2(context, sm3, NULL) != 1 ||
        EVP_DigestUpdate(context, wire, sizeof wire) != 1 ||
        (body && body->size > 0 && EVP_DigestUpdate(context, body->data, body->size) != 1) ||
        EVP_DigestFinal_ex(context, digest, &size) != 1 || size != DIGEST_SIZE)
        return -1;
    return 0;
}

/* Digits as a number; 0 if one of them is none. */
static uint32_t
read_digits(const char *text, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    return number;
}

uint32_t
msgid_day(const char *msgid)
{
    enum { INSTITUTION = 12 };
    size_t size = strlen(msgid);
    if (size < INSTITUTION + 6)
        return 0;
    uint32_t day = size >= INSTITUTION + 8 ? read_digits(msgid + INSTITUTION, 8) : 0;
    if (day >= 20000101 && day <= 20991231 && clock_date_is_valid(day))
        return day;
    day = 20000000 + read_digits(msgid + INSTITUTION, 6);
    return clock_date_is_valid(day) ? day : 0;
}
