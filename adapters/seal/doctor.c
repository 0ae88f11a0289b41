/* The signature doctor's way through a captured message: which kind it is, what is encrypted, what is signed.
 * Must never put anything of the message into the report. Fails only for its own troubles. */
#include "doctor.h"

#include <string.h>

#include "doctor_internal.h"
#include "error.h"
#include "profile_words.h"

struct patient {
    const struct seal *seal;
    const struct json_tree *tree;
    struct doctor_section *section;
    int64_t until_ms;
    unsigned deepest;
};

/* The member under the profile's name, or under one that others use; `name` then is that one. */
static uint32_t
find_member(const struct json_tree *tree, char *name, const char *const *others)
{
    uint32_t node = json_find(tree, 1, name);
    for (; node == JSON_NONE && *others != NULL; others++)
        if ((node = json_find(tree, 1, *others)) != JSON_NONE && !json_is_empty(tree, node)) {
            memcpy(name, *others, strlen(*others) + 1); /* they are shorter than SEAL_NAME */
            return node;
        }
    return node;
}

static bool
looks_like(const struct json_tree *tree, const struct seal_profile *profile, uint32_t kind)
{
    uint32_t cainfo = json_find(tree, 1, "cainfo");
    bool has_cainfo = cainfo != JSON_NONE && !json_is_empty(tree, cainfo);
    uint32_t input = json_find(tree, 1, "input"), output = json_find(tree, 1, "output");
    if (kind == SEAL_MESSAGE_ENVELOPE)
        return json_find(tree, 1, "signData") != JSON_NONE || json_find(tree, 1, "encData") != JSON_NONE ||
               json_find(tree, 1, profile->names.signature) != JSON_NONE;
    return has_cainfo && (kind == SEAL_MESSAGE_HEAD || input != JSON_NONE || output != JSON_NONE);
}

/* What carries the message, decrypted if it was; DOCTOR_NOT_DECRYPTED if it can not be. */
static bool
get_plain(struct patient *patient, uint32_t carrier, const char *name, struct bytes *plain,
          struct bytes *cipher)
{
    struct doctor_section *section = patient->section;
    const struct json_tree *tree = patient->tree;
    if (carrier == JSON_NONE)
        return false;
    if (tree->nodes[carrier].kind != JSON_TEXT) {
        bytes_add(plain, tree->text + tree->nodes[carrier].at, tree->nodes[carrier].size);
        if (section->found.cipher.algorithm != SEAL_ALGORITHM_NONE)
            section->notes |= DOCTOR_NO_ENCRYPTION;
        section->found.cipher.algorithm = SEAL_ALGORITHM_NONE;
        return true;
    }
    struct json_tree inner = {0};
    if (!seal_get_member(tree, 1, name, cipher) || cipher->data == NULL)
        return false;
    bool is_json = json_tree_read(&inner, cipher->data, cipher->size, NULL) == 0;
    json_tree_finish(&inner);
    if (is_json) { /* a text that holds JSON */
        section->found.cipher.algorithm = SEAL_ALGORITHM_NONE;
        bytes_add(plain, cipher->data, cipher->size);
        return true;
    }
    struct seal_cipher rules = section->found.cipher;
    if (rules.algorithm == SEAL_ALGORITHM_NONE)
        rules = (struct seal_cipher){
            .algorithm = SEAL_ALGORITHM_SM, .encoding = SEAL_BASE64, .key = SEAL_KEY_APP_ID};
    bool opened = doctor_decrypt(patient->seal, cipher->data, cipher->size, &rules, plain);
    section->notes |= opened ? DOCTOR_DECRYPTED : DOCTOR_NOT_DECRYPTED;
    if (opened)
        section->found.cipher = rules;
    return opened;
}

static void
search_envelope(struct patient *patient, const struct bytes *plain, const struct bytes *cipher,
                struct doctor_subject *subject)
{
    const struct seal_names *names = &patient->section->found.names;
    struct json_tree with_plain = {0}, with_cipher = {0};
    struct bytes whole = {0}, encrypted = {0}, quoted = {0};
    struct replacement data = {.name = names->data, .json = plain->data, .size = plain->size};
    if (plain->size > 0)
        seal_copy_replacing(patient->tree, &data, 1, &whole);
    if (cipher->size > 0) {
        bytes_add(&quoted, "\"", 1); /* encodings hold nothing that JSON escapes, but line ends */
        for (size_t i = 0; i < cipher->size; i++)
            bytes_add(&quoted,
                      cipher->data[i] == '\n'   ? "\\n"
                      : cipher->data[i] == '\r' ? "\\r"
                                                : cipher->data + i,
                      cipher->data[i] == '\n' || cipher->data[i] == '\r' ? 2 : 1);
        bytes_add(&quoted, "\"", 1);
        data = (struct replacement){.name = names->data, .json = quoted.data, .size = quoted.size};
        seal_copy_replacing(patient->tree, &data, 1, &encrypted);
    }
    if (whole.size > 0 && json_tree_read(&with_plain, whole.data, whole.size, NULL) == 0)
        subject->plain = &with_plain;
    if (encrypted.size > 0 && json_tree_read(&with_cipher, encrypted.data, encrypted.size, NULL) == 0)
        subject->cipher = &with_cipher;
    if (subject->plain == NULL)
        subject->plain = subject->cipher != NULL ? subject->cipher : patient->tree;
    doctor_search(patient->seal, subject, patient->deepest, patient->until_ms, patient->section);
    json_tree_finish(&with_plain);
    json_tree_finish(&with_cipher);
    bytes_finish(&whole);
    bytes_finish(&encrypted);
    bytes_finish(&quoted);
}

static void
explain_envelope(struct patient *patient, struct doctor_subject *subject)
{
    static const char *const app_names[] = {"appId", "appCode", "clientId", "chnlId", "appid", NULL};
    static const char *const sign_names[] = {"signData", "sign", "signature", NULL};
    static const char *const cipher_names[] = {"encData", "encryptData", NULL};
    struct seal_names *names = &patient->section->found.names;
    struct fep_bytes own = secret_bytes(patient->seal, SECRET_APP_ID);
    struct bytes plain = {0}, cipher = {0}, app = {0}, signature = {0};
    uint32_t app_id = find_member(patient->tree, names->app_id, app_names);
    (void)find_member(patient->tree, names->signature, sign_names);
    uint32_t carrier = find_member(patient->tree, names->cipher, cipher_names);
    bool encrypted = carrier != JSON_NONE && !json_is_empty(patient->tree, carrier);
    if (app_id != JSON_NONE && seal_get_member(patient->tree, 1, names->app_id, &app) && own.size > 0 &&
        (own.size != app.size || memcmp(own.data, app.data, own.size) != 0))
        patient->section->notes |= DOCTOR_OTHER_APP;
    if (own.size == 0 || !patient->seal->has[SECRET_APP_SECRET])
        patient->section->notes |= DOCTOR_NO_SECRETS;
    (void)get_plain(patient, encrypted ? carrier : json_find(patient->tree, 1, names->data),
                    encrypted ? names->cipher : names->data, &plain, &cipher);
    if (seal_get_member(patient->tree, 1, names->signature, &signature) && signature.size > 0) {
        subject->signature = signature.data;
        subject->signature_size = signature.size;
        search_envelope(patient, &plain, &cipher, subject);
    } else {
        patient->section->notes |= DOCTOR_NO_SIGNATURE;
        patient->section->end = DOCTOR_FAILED;
    }
    bytes_finish(&plain);
    bytes_finish(&cipher);
    bytes_finish(&app);
    bytes_finish(&signature);
}

static void
explain_input(struct patient *patient, struct doctor_subject *subject)
{
    const char *name = json_find(patient->tree, 1, "input") != JSON_NONE ? "input" : "output";
    struct bytes plain = {0}, cipher = {0};
    struct json_tree with_plain = {0};
    (void)get_plain(patient, json_find(patient->tree, 1, name), name, &plain, &cipher);
    struct json_node raw[2] = {{0}, {.size = (uint32_t)cipher.size, .kind = JSON_TEXT, .after = 2}};
    struct json_tree with_cipher = {.text = cipher.data, .nodes = raw, .count = 2};
    if (cipher.size > 0)
        subject->cipher = &with_cipher;
    bool opened = plain.size > 0 && json_tree_read(&with_plain, plain.data, plain.size, NULL) == 0;
    if (opened && with_plain.nodes[1].size != plain.size) { /* blanks around it are signed under "raw" */
        with_plain.nodes[1].at = 0;
        with_plain.nodes[1].size = (uint32_t)plain.size;
    }
    subject->plain = opened ? &with_plain : subject->cipher;
    if (subject->plain != NULL) {
        doctor_search(patient->seal, subject, patient->deepest, patient->until_ms, patient->section);
    } else {
        patient->section->end = DOCTOR_FAILED;
    }
    json_tree_finish(&with_plain);
    bytes_finish(&plain);
    bytes_finish(&cipher);
}

static void
explain_infno(struct patient *patient, struct doctor_subject *subject)
{
    struct bytes signature = {0};
    if (seal_get_member(patient->tree, 1, patient->section->found.names.signature, &signature) &&
        signature.size > 0) {
        subject->signature = signature.data;
        subject->signature_size = signature.size;
        if (patient->section->found.message == SEAL_MESSAGE_INPUT) {
            explain_input(patient, subject);
        } else {
            subject->plain = patient->tree;
            doctor_search(patient->seal, subject, patient->deepest, patient->until_ms, patient->section);
        }
    } else {
        patient->section->notes |= DOCTOR_NO_SIGNATURE;
        patient->section->end = DOCTOR_FAILED;
    }
    bytes_finish(&signature);
}

static void
explain_kind(struct patient *patient, uint32_t kind)
{
    struct doctor_section *section = patient->section;
    struct doctor_subject subject = {0};
    size_t tried = section->tried;
    struct seal_profile expected = patient->seal->profile;
    profile_set_kinds(&expected, expected.header, kind);
    *section = (struct doctor_section){.expected = expected, .found = expected, .tried = tried};
    if (kind == SEAL_MESSAGE_ENVELOPE)
        explain_envelope(patient, &subject);
    else
        explain_infno(patient, &subject);
}

/* All kinds that it can be, the profile's first: at first with few changes at once, then with all. */
static void
explain_message(struct patient *patient, int64_t until_ms)
{
    static const uint32_t all[] = {SEAL_MESSAGE_ENVELOPE, SEAL_MESSAGE_INPUT, SEAL_MESSAGE_HEAD};
    static const unsigned depths[] = {DOCTOR_SHALLOW, DOCTOR_DEEP};
    const struct seal_profile *profile = &patient->seal->profile;
    struct doctor_section *section = patient->section, first = *section;
    uint32_t kinds[4];
    size_t count = 0;
    bool due = profile->message != SEAL_MESSAGE_NONE && profile->sign.algorithm != SEAL_ALGORITHM_NONE;
    if (due)
        kinds[count++] = profile->message;
    for (size_t i = 0; i < 3; i++)
        if (!(due && all[i] == profile->message) && looks_like(patient->tree, profile, all[i]))
            kinds[count++] = all[i];
    for (size_t depth = 0; depth < 2; depth++)
        for (size_t i = 0; i < count && section->end != DOCTOR_DIFFERENT; i++) {
            int64_t now = doctor_now_ms(), left = until_ms > now ? until_ms - now : 0;
            /* each its share of what is left */
            patient->until_ms = now + left / (int64_t)(count - i + (depth == 0 ? count : 0));
            patient->deepest = depths[depth];
            explain_kind(patient, kinds[i]);
            if (i == 0)
                first = *section;
        }
    if (section->end != DOCTOR_DIFFERENT &&
        count > 0) { /* nothing verifies: what is said is said of the first kind */
        first.tried = section->tried;
        *section = first;
    }
}

static void
tell_any(void *arg, const char *key, const char *in_a, const char *in_b)
{
    (void)key, (void)in_a, (void)in_b;
    *(bool *)arg = true;
}

static void
settle(struct doctor_section *section, uint32_t header, uint32_t message)
{
    bool differs = section->found.header != header || section->found.message != message;
    if (section->end != DOCTOR_DIFFERENT)
        return;
    profile_compare(&section->expected, &section->found, tell_any, &differs);
    if (!differs && (section->notes & DOCTOR_EMPTY_TOKEN) == 0)
        section->end = DOCTOR_AS_PROFILE;
}

int
doctor_explain(const struct seal *seal, const struct capture *capture, int64_t bound_ms,
               struct doctor_report *report, struct fep_error *error)
{
    int64_t begin = doctor_now_ms();
    const struct seal_profile *profile = &seal->profile;
    struct json_tree tree;
    *report = (struct doctor_report){.headers = {.expected = *profile, .found = *profile},
                                     .message = {.expected = *profile, .found = *profile}};
    doctor_look_at_headers(seal, capture, begin + bound_ms / 4, &report->headers);
    struct patient patient = {.seal = seal, .tree = &tree, .section = &report->message};
    if (capture->json_size > SEAL_MOST_BYTES * 2)
        return error_set(error, 0, FEP_E_USAGE, "the body is too large");
    if (json_tree_read(&tree, capture->body, capture->json_size, NULL) < 0 ||
        tree.nodes[1].kind != JSON_OBJECT) {
        report->message.notes |= DOCTOR_NOT_JSON;
        report->message.end = profile->message != SEAL_MESSAGE_NONE ? DOCTOR_FAILED : DOCTOR_NOTHING_THERE;
    } else {
        explain_message(&patient, begin + bound_ms);
    }
    json_tree_finish(&tree);
    settle(&report->headers, profile->header, profile->message);
    settle(&report->message, profile->header, profile->message);
    return 0;
}
