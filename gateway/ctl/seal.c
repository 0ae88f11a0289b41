/* fepctl seal explain: a captured message that somebody rejects, and the dialect in which it verifies. Must
 * never show anything of the message: what is said are keys of the profile, their values, and numbers. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "error.h"
#include "profile_words.h"

enum { BOUND_MS = 850, MOST_SECONDS = 3600 };

static const char *const end_words[] = {"nothing_there", "as_profile", "different", "failed", "impossible"};

static const struct {
    uint32_t note;
    const char *word, *zh, *en;
} notes[] = {
    {DOCTOR_OWN_KEY, "own_key", "签名出自我方私钥（sign_key），不是对方的",
     "the signature was made with our own key (sign_key), not the other side's"},
    {DOCTOR_NO_KEY, "no_key", "没有公钥可用来验签：密钥目录里需要 verify_key 或 sign_key",
     "there is no key to check with: the folder of secrets needs verify_key or sign_key"},
    {DOCTOR_NO_SECRETS, "no_secrets", "密钥目录里缺少 app_id、app_secret 或 header_token",
     "app_id, app_secret or header_token is missing in the folder of secrets"},
    {DOCTOR_NO_SIGNATURE, "no_signature", "应有签名，但字段或报文头缺失或为空",
     "a signature is due, but its member or header is missing or empty"},
    {DOCTOR_UNREADABLE, "unreadable", "签名既不是 64 字节的 r‖s，也不是 DER（Base64 或十六进制）",
     "the signature is neither 64 bytes of r and s nor DER, in Base64 or hex"},
    {DOCTOR_NOT_DECRYPTED, "not_decrypted", "密文用已知的密钥、模式、填充和编码都解不开",
     "the encrypted part does not open with any key, mode, padding and encoding known"},
    {DOCTOR_OTHER_APP, "other_application", "报文里的应用或系统标识与密钥目录里的不同",
     "the message names another application or system than the folder of secrets"},
    {DOCTOR_NOT_JSON, "not_json", "报文体不是（严格的）JSON 对象", "the body is no (strict) JSON object"},
    {DOCTOR_EMPTY_TOKEN, "empty_token", "用空的 token 才能验过：对方没有使用 header_token",
     "it verifies with an empty token only: the sender did not use header_token"},
    {DOCTOR_TIME_OVER, "time_over", "时间到，没有全部试完", "the time was over before everything was tried"},
    {DOCTOR_DECRYPTED, "decrypted", "密文已解开", "the encrypted part opens"},
    {DOCTOR_NO_ENCRYPTION, "no_encryption", "按档案应当加密，但报文是明文",
     "by the profile it should be encrypted, but it came plain"},
};

/* What is tried beside the profile's own values, for the case that nothing fits. */
#define TRIED_ZH                                                                                                                                                \
    "试过：标识 id（默认、空、app_id、app_secret）、r‖s 或 DER、Base64 各种写法和十六进制、先做 SM3 与否、"                    \
    "键的顺序、数字加引号、空值、作用层次、转义、字符集、密钥后缀、不参与签名的字段、明文或密文、文本形式、" \
    "双方公钥"
#define TRIED_EN                                                                                             \
    "tried: id (usual, empty, app_id, app_secret), r and s or DER, Base64 dialects and hex, SM3 first or "   \
    "not, order of "                                                                                         \
    "names, quoted numbers, empty members, depth, escapes, charset, secret behind, members that leave, "     \
    "plain or "                                                                                              \
    "encrypted, style of the text, both sides' keys"

static char *
read_file(const char *path, size_t *size, struct fep_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat state;
    char *text = NULL;
    if (fd < 0 || fstat(fd, &state) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(state.st_mode) || state.st_size > CAPTURE_MOST_BYTES) {
        error_set(error, 0, FEP_E_USAGE, "%s: not a file, or larger than %d bytes", path, CAPTURE_MOST_BYTES);
    } else if ((text = malloc((size_t)state.st_size + 1)) == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "%s", path);
    } else {
        for (*size = 0; *size < (size_t)state.st_size;) {
            ssize_t got = read(fd, text + *size, (size_t)state.st_size - *size);
            if (got <= 0)
                break;
            *size += (size_t)got;
        }
        text[*size] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* --- for programs
 * -------------------------------------------------------------------------------------------------------- */

static void
add_difference(void *arg, const char *key, const char *expected, const char *found)
{
    struct json_object *entry = json_object_new_object();
    json_object_object_add(entry, "key", json_object_new_string(key));
    json_object_object_add(entry, "profile", json_object_new_string(expected));
    json_object_object_add(entry, "found", json_object_new_string(found));
    json_object_array_add(arg, entry);
}

/* Tells all keys that differ; a kind that was not the profile's first. */
static void
tell_differences(const struct seal_profile *profile, const struct doctor_section *section,
                 void (*tell)(void *arg, const char *key, const char *expected, const char *found), void *arg)
{
    struct seal_profile kinds = *profile;
    kinds.header = section->found.header;
    kinds.message = section->found.message;
    profile_compare(profile, &kinds, tell, arg);
    profile_compare(&section->expected, &section->found, tell, arg);
}

static struct json_object *
section_as_json(const struct seal_profile *profile, const struct doctor_section *section)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    json_object_object_add(object, "end", json_object_new_string(end_words[section->end]));
    json_object_object_add(object, "tried", json_object_new_int64((int64_t)section->tried));
    json_object_object_add(object, "all_tried_up_to", json_object_new_int64(section->changes));
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if ((section->notes & notes[i].note) != 0)
            json_object_array_add(list, json_object_new_string(notes[i].word));
    json_object_object_add(object, "notes", list);
    list = json_object_new_array();
    if (section->end == DOCTOR_DIFFERENT)
        tell_differences(profile, section, add_difference, list);
    json_object_object_add(object, "differences", list);
    return object;
}

/* --- for people
 * ----------------------------------------------------------------------------------------------------------
 */

static void
print_difference(void *arg, const char *key, const char *expected, const char *found)
{
    printf("    %s = \"%s\"    (%s: \"%s\")\n", key, found, ctl_text(arg, "档案", "profile"), expected);
}

static void
print_section(struct ctl *ctl, const char *name, const struct seal_profile *profile,
              const struct doctor_section *section)
{
    static const char *const zh[] = {"没有可验的签名", "验签通过，与档案一致", "验签通过，但与档案不同：",
                                     "试过的写法都验不过", "无法验签"};
    static const char *const en[] = {"no signature to look at", "verifies as the profile says",
                                     "verifies, but not as the profile says:",
                                     "verifies in no dialect that was tried", "can not be tried"};
    printf("%s%s\n", name, ctl_text(ctl, zh[section->end], en[section->end]));
    if (section->end == DOCTOR_DIFFERENT)
        tell_differences(profile, section, print_difference, ctl);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if ((section->notes & notes[i].note) != 0)
            printf("  - %s\n", ctl_text(ctl, notes[i].zh, notes[i].en));
    if (section->end == DOCTOR_FAILED && section->tried > 0) {
        printf("  - %s: %zu; %s: %u\n", ctl_text(ctl, "试过的写法数", "dialects tried"), section->tried,
               ctl_text(ctl, "已全部试完的同时改动键数", "all were tried that change at once so many keys"),
               section->changes);
        if (section->found.message != SEAL_MESSAGE_NONE)
            printf("  - %s\n", ctl_text(ctl, TRIED_ZH, TRIED_EN));
    }
}

static int
print_report(struct ctl *ctl, const struct seal_profile *profile, const struct doctor_report *report)
{
    uint32_t headers = report->headers.end, message = report->message.end;
    bool bad = headers >= DOCTOR_FAILED || message >= DOCTOR_FAILED;
    bool verified = !bad && (headers != DOCTOR_NOTHING_THERE || message != DOCTOR_NOTHING_THERE);
    if (ctl->json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "verified", json_object_new_boolean(verified));
        json_object_object_add(object, "headers", section_as_json(profile, &report->headers));
        json_object_object_add(object, "message", section_as_json(profile, &report->message));
        ctl_print_json(object);
    } else {
        print_section(ctl, ctl_text(ctl, "报文头：", "headers: "), profile, &report->headers);
        print_section(ctl, ctl_text(ctl, "报文：", "message: "), profile, &report->message);
    }
    return verified ? CTL_GOOD : CTL_BAD;
}

/* How long to look: --seconds, else a little less than one. -1: not a number of seconds. */
static int64_t
read_bound(const struct ctl *ctl)
{
    char *end;
    if (ctl->seconds == NULL)
        return BOUND_MS;
    errno = 0;
    long seconds = strtol(ctl->seconds, &end, 10);
    return errno != 0 || end == ctl->seconds || *end != '\0' || seconds < 1 || seconds > MOST_SECONDS
               ? -1
               : seconds * 1000;
}

int
ctl_seal_explain(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct seal_profile profile;
    struct seal *seal = NULL;
    struct capture capture;
    struct doctor_report *report = calloc(1, sizeof *report);
    size_t size = 0;
    char *text = NULL;
    int status = CTL_SURROUNDINGS;
    int64_t bound_ms = read_bound(ctl);
    if (report == NULL) {
        error_set(&error, 0, FEP_E_NO_MEMORY, "explaining a seal");
    } else if (bound_ms < 0) {
        error_set(&error, 0, FEP_E_USAGE, "--seconds: 1 to %d", MOST_SECONDS);
        status = CTL_MISUSED;
    } else if (seal_load_profile(ctl->profile, ctl_report, ctl, &profile, &error) < 0 ||
               seal_open(&profile, ctl->secrets, SEAL_ANY, &seal, &error) < 0) {
        status = CTL_MISUSED;
    } else if ((text = read_file(ctl->words[0], &size, &error)) != NULL) {
        status = CTL_MISUSED;
        if (capture_read(&capture, text, size, &error) == 0 &&
            doctor_explain(seal, &capture, bound_ms, report, &error) == 0)
            status = print_report(ctl, &profile, report);
    }
    if (error.code != 0)
        ctl_fail(ctl, &error, status);
    if (text != NULL)
        explicit_bzero(text, size);
    free(text);
    seal_close(seal);
    free(report);
    return status;
}
