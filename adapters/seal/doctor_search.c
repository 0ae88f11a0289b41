/* Looks for the text that was signed: builds it by changed rules, hashes it with every id, key and digest
 * form, and compares with the digest that the signature tells. Must never name a dialect that SM2 itself does
 * not confirm. Fails by saying what was tried. */
#include "doctor_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coding.h"
#include "sm.h"
#include "text.h"

enum { MOST_READINGS = 6, MOST_IDS = 6, MOST_KEYS = 2, FORMS = 4 };

struct reading { /* one way to read the signature's bytes */
    uint32_t form, encoding;
    unsigned char rs[SM2_SIGNATURE], digest[MOST_KEYS][32];
    bool possible[MOST_KEYS];
};
struct identity {
    uint32_t from;
    const char *text; /* of SEAL_ID_TEXT */
    struct sm2_id id;
    unsigned char z[MOST_KEYS][32];
};
struct search {
    const struct seal *seal;
    const struct doctor_subject *subject;
    struct doctor_section *section;
    int64_t until_ms;
    EVP_PKEY *keys[MOST_KEYS]; /* the other side's, ours */
    size_t key_count;
    struct reading readings[MOST_READINGS];
    size_t reading_count;
    struct identity ids[MOST_IDS];
    size_t id_count;
    EVP_MD_CTX *hash;
    struct bytes text;
    bool plain_ascii; /* all of the message is ASCII: charset and escapes change nothing */
    bool found, over;
    unsigned since_clock;
};

int64_t
doctor_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the axes of the text
 * ----------------------------------------------------------------------------------------------- */

struct axis {
    size_t count;
    size_t member;                                     /* of struct seal_text: its word is the number; or */
    void (*set)(struct seal_text *text, size_t which); /* more than one word changes */
};

static void
set_suffix(struct seal_text *text, size_t which)
{
    static const char *const prefixes[] = {
        "", "&key=", "", "&appSecret=", "&secret=", "&", "&secretKey=", "&app_secret="};
    text->secret = which == 0 ? SEAL_SECRET_NONE : SEAL_SECRET_APP_SECRET;
    if (which > 0)
        strcpy(text->secret_prefix, prefixes[which]);
}

static void
set_leaving(struct seal_text *text, size_t which)
{
    static const char *const sets[][7] = {
        {"signData", "encData", "extra"},
        {"signData", "encData"},
        {"signData", "encData", "extra", "signType"},
        {"signData", "encData", "extra", "signType", "encType"},
        {"signData", "encData", "extra", "transType"},
        {"signData", "encData", "extra", "data"},
        {"cainfo", "input", "output"},
        {"cainfo"},
        {"cainfo", "input", "output", "signtype"},
        {"cainfo", "input", "output", "signtype", "encType"},
        {"cainfo", "signtype"},
        {NULL},
    };
    text->leaving_count = 0;
    for (const char *const *name = sets[which]; text->leaving_count < 7 && *name != NULL; name++)
        strcpy(text->leaving[text->leaving_count++], *name);
}

#define WORD(name) offsetof(struct seal_text, name), NULL
static const struct axis axes[] = {
    {3, WORD(order)}, {2, WORD(numbers)}, {3, WORD(empties)}, {8, 0, set_suffix}, {12, 0, set_leaving},
    {2, WORD(depth)}, {2, WORD(data)},    {4, WORD(style)},   {4, WORD(escapes)}, {2, WORD(charset)}};
#undef WORD
enum { AXES = sizeof axes / sizeof *axes };

static void
set_axis(struct seal_text *text, size_t axis, size_t which)
{
    uint32_t word = (uint32_t)which;
    if (axes[axis].set != NULL)
        axes[axis].set(text, which);
    else
        memcpy((char *)text + axes[axis].member, &word, sizeof word);
}

/* --- one text
 * -----------------------------------------------------------------------------------------------------------
 */

static bool
digest_of(struct search *search, const unsigned char z[32], const void *data, size_t size,
          unsigned char out[32])
{
    unsigned written = 0;
    return EVP_DigestInit_ex2(search->hash, sm_get_hash(SEAL_SM3), NULL) == 1 &&
           EVP_DigestUpdate(search->hash, z, 32) == 1 && EVP_DigestUpdate(search->hash, data, size) == 1 &&
           EVP_DigestFinal_ex(search->hash, out, &written) == 1;
}

static void
note_found(struct search *search, const struct seal_text *rules, uint32_t form, const struct identity *id,
           size_t key, const struct reading *reading)
{
    struct seal_profile *found = &search->section->found;
    bool same_id = seal_get_id(search->seal, &found->sign).size == id->id.size &&
                   memcmp(seal_get_id(search->seal, &found->sign).data, id->id.data, id->id.size) == 0;
    found->text = *rules;
    found->sign.algorithm = SEAL_ALGORITHM_SM;
    found->sign.digest = form;
    found->sign.form = reading->form;
    found->sign.encoding = reading->encoding;
    if (!same_id) {
        found->sign.id_from = id->from;
        if (id->from == SEAL_ID_TEXT)
            strcpy(found->sign.id, id->text);
    }
    if (search->keys[key] == search->seal->sign_key)
        search->section->notes |= DOCTOR_OWN_KEY;
    search->found = true;
}

/* All ids, keys and readings for what SM2 would be given under one form. */
static void
compare(struct search *search, const struct seal_text *rules, uint32_t form, const void *data, size_t size)
{
    unsigned char digest[32];
    for (size_t key = 0; key < search->key_count; key++)
        for (size_t i = 0; i < search->id_count && !search->found; i++) {
            if (!digest_of(search, search->ids[i].z[key], data, size, digest))
                continue;
            for (size_t r = 0; r < search->reading_count; r++) {
                struct reading *reading = &search->readings[r];
                search->section->tried++;
                if (reading->possible[key] && memcmp(reading->digest[key], digest, 32) == 0 &&
                    sm2_verify(search->keys[key], search->ids[i].id, data, size, reading->rs)) {
                    note_found(search, rules, form, &search->ids[i], key, reading);
                    return;
                }
            }
        }
}

/* The sets of leaving members name signature and encrypted part as they usually are; here they have their
 * names. */
static struct seal_text
name_leaving(const struct search *search, const struct seal_text *rules)
{
    const struct seal_names *names = &search->section->found.names;
    bool envelope = search->section->found.message == SEAL_MESSAGE_ENVELOPE;
    struct seal_text named = *rules;
    for (size_t i = 0; i < named.leaving_count; i++) {
        if (strcmp(named.leaving[i], envelope ? "signData" : "cainfo") == 0)
            strcpy(named.leaving[i], names->signature);
        else if (envelope && strcmp(named.leaving[i], "encData") == 0)
            strcpy(named.leaving[i], names->cipher);
    }
    return named;
}

static void
try_text(struct search *search, const struct seal_text *given)
{
    const struct seal_text named = name_leaving(search, given), *rules = &named;
    const struct json_tree *tree =
        rules->data == SEAL_DATA_CIPHER ? search->subject->cipher : search->subject->plain;
    unsigned char digest[32];
    char hex[65];
    if (tree == NULL)
        return;
    bytes_clear(&search->text);
    if (text_build(rules, tree, 1, seal_get_text_secret(search->seal, rules->secret), &search->text, NULL) <
        0) {
        search->text.failed = false;
        return;
    }
    const char *text = search->text.data != NULL ? search->text.data : "";
    compare(search, rules, SEAL_DIGEST_TEXT, text, search->text.size);
    if (search->found || !sm_hash(SEAL_SM3, text, search->text.size, digest))
        return;
    compare(search, rules, SEAL_DIGEST_SM3, digest, sizeof digest);
    coding_encode(SEAL_HEX, digest, sizeof digest, hex);
    if (!search->found)
        compare(search, rules, SEAL_DIGEST_SM3_HEX, hex, 64);
    coding_encode(SEAL_HEX_UPPER, digest, sizeof digest, hex);
    if (!search->found)
        compare(search, rules, SEAL_DIGEST_SM3_HEX_UPPER, hex, 64);
}

/* --- changing rules
 * ------------------------------------------------------------------------------------------------------ */

static bool
is_useful(const struct search *search, const struct seal_text *rules)
{
    if (search->plain_ascii && (rules->charset != SEAL_UTF8 || rules->escapes == SEAL_ESCAPES_UNICODE ||
                                rules->escapes == SEAL_ESCAPES_UNICODE_UPPER))
        return false;
    if (rules->secret == SEAL_SECRET_APP_SECRET && !search->seal->has[SECRET_APP_SECRET])
        return false;
    uint32_t kind = search->section->found.message;
    if (rules->style == SEAL_RAW && kind != SEAL_MESSAGE_INPUT)
        return false;
    return rules->data == SEAL_DATA_PLAIN || kind != SEAL_MESSAGE_INPUT || rules->style == SEAL_RAW;
}

/* Changes exactly `changes` axes, from `axis` on. */
static void
vary(struct search *search, const struct seal_text *rules, size_t axis, unsigned changes)
{
    if (search->found || search->over)
        return;
    if (changes == 0) {
        if (++search->since_clock % 8 == 0 && doctor_now_ms() > search->until_ms)
            search->over = true;
        else if (is_useful(search, rules))
            try_text(search, rules);
        return;
    }
    for (; axis + changes <= AXES; axis++)
        for (size_t which = 0; which < axes[axis].count; which++) {
            struct seal_text changed = *rules;
            set_axis(&changed, axis, which);
            if (memcmp(&changed, rules, sizeof changed) != 0)
                vary(search, &changed, axis + 1, changes - 1);
        }
}

/* --- what the signature can be
 * ------------------------------------------------------------------------------------------- */

static void
add_reading(struct search *search, uint32_t encoding)
{
    const struct doctor_subject *subject = search->subject;
    unsigned char raw[SM2_MOST_DER];
    struct reading *reading = &search->readings[search->reading_count];
    if (search->reading_count == MOST_READINGS)
        return;
    long size = coding_decode(encoding, subject->signature, subject->signature_size, raw, sizeof raw);
    if (size == SM2_SIGNATURE) {
        reading->form = SEAL_FORM_RS;
        memcpy(reading->rs, raw, SM2_SIGNATURE);
    } else if (size > 0 && sm2_from_der(raw, (size_t)size, reading->rs)) {
        reading->form = SEAL_FORM_DER;
    } else {
        return;
    }
    for (size_t i = 0; i < search->reading_count; i++)
        if (memcmp(search->readings[i].rs, reading->rs, SM2_SIGNATURE) == 0)
            return; /* the same bytes: hex of either case, Base64 without a difference */
    reading->encoding = encoding;
    search->reading_count++;
}

static bool
has_any(const struct doctor_subject *subject, char from, char to)
{
    for (size_t i = 0; i < subject->signature_size; i++)
        if (subject->signature[i] >= from && subject->signature[i] <= to)
            return true;
    return false;
}

static void
add_readings(struct search *search)
{
    bool upper = has_any(search->subject, 'A', 'F'), lower = has_any(search->subject, 'a', 'f');
    uint32_t own = search->section->found.sign.encoding;
    bool own_fits = own == SEAL_HEX ? !upper : own == SEAL_HEX_UPPER ? !lower : true;
    if (own_fits)
        add_reading(search, own);
    add_reading(search, upper ? SEAL_HEX_UPPER : SEAL_HEX);
    add_reading(search, SEAL_BASE64);
    add_reading(search, SEAL_BASE64_URL);
    add_reading(search, SEAL_BASE64_LINES);
}

static void
add_key(struct search *search, EVP_PKEY *key)
{
    size_t place = search->key_count;
    if (key == NULL || (place > 0 && EVP_PKEY_eq(search->keys[0], key) == 1))
        return;
    search->keys[place] = key;
    for (size_t i = 0; i < search->reading_count; i++)
        search->readings[i].possible[place] =
            sm2_find_digest(key, search->readings[i].rs, search->readings[i].digest[place]);
    search->key_count++;
}

static void
add_id(struct search *search, uint32_t from, const char *text, struct sm2_id id)
{
    for (size_t i = 0; i < search->id_count; i++)
        if (search->ids[i].id.size == id.size && memcmp(search->ids[i].id.data, id.data, id.size) == 0)
            return;
    struct identity *identity = &search->ids[search->id_count];
    *identity = (struct identity){.from = from, .text = text, .id = id};
    for (size_t i = 0; i < search->key_count; i++)
        if (!sm2_compute_z(search->keys[i], id, identity->z[i]))
            return;
    search->id_count++;
}

static void
add_ids(struct search *search)
{
    static const char standard[] = "1234567812345678";
    const struct seal *seal = search->seal;
    const struct seal_sign *own = &search->section->expected.sign;
    struct fep_bytes app_id = secret_bytes(seal, SECRET_APP_ID),
                     secret = secret_bytes(seal, SECRET_APP_SECRET);
    struct sm2_id first = seal_get_id(seal, own);
    if (first.data != NULL)
        add_id(search, own->id_from, own->id, first);
    add_id(search, SEAL_ID_TEXT, standard, (struct sm2_id){standard, 16});
    add_id(search, SEAL_ID_TEXT, "", (struct sm2_id){"", 0});
    if (app_id.size > 0)
        add_id(search, SEAL_ID_APP_ID, "", (struct sm2_id){app_id.data, app_id.size});
    if (secret.size > 0)
        add_id(search, SEAL_ID_APP_SECRET, "", (struct sm2_id){secret.data, secret.size});
}

static bool
is_all_ascii(const struct json_tree *tree)
{
    const struct json_node *root = &tree->nodes[1];
    for (size_t i = root->at; i < (size_t)root->at + root->size; i++)
        if ((unsigned char)tree->text[i] >= 0x80 || tree->text[i] == '\\')
            return false;
    return true;
}

void
doctor_search(const struct seal *seal, const struct doctor_subject *subject, unsigned deepest,
              int64_t until_ms, struct doctor_section *section)
{
    struct search *search = calloc(1, sizeof *search);
    section->end = DOCTOR_IMPOSSIBLE;
    if (search == NULL || (search->hash = EVP_MD_CTX_new()) == NULL) {
        free(search);
        section->notes |= DOCTOR_TIME_OVER;
        return;
    }
    search->seal = seal;
    search->subject = subject;
    search->section = section;
    search->until_ms = until_ms;
    search->plain_ascii = is_all_ascii(subject->plain);
    add_readings(search);
    add_key(search, seal->verify_key);
    add_key(search, seal->sign_key);
    add_ids(search);
    if (search->key_count == 0)
        section->notes |= DOCTOR_NO_KEY;
    else if (search->reading_count == 0)
        section->notes |= DOCTOR_UNREADABLE;
    else {
        section->end = DOCTOR_FAILED;
        struct seal_text rules = section->found.text;
        for (unsigned changes = 0; changes <= AXES && changes <= deepest && !search->found && !search->over;
             changes++) {
            vary(search, &rules, 0, changes);
            if (!search->over)
                section->changes = changes;
        }
        if (search->found)
            section->end = DOCTOR_DIFFERENT; /* the caller compares */
        else if (search->over)
            section->notes |= DOCTOR_TIME_OVER;
    }
    bytes_finish(&search->text);
    EVP_MD_CTX_free(search->hash);
    explicit_bzero(search, sizeof *search);
    free(search);
}
