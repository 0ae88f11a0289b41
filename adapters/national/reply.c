/* Answers: what the platform said, if it said anything.
 *
 * Must never take for a refusal what is not the platform's own word, nor for an answer what can not be read:
 * after a request that posts, all of that is unknown. Classifies by infcode and by what came, never by a
 * text.
 */
#include "message.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* It goes into lines of logs and onto screens. */
static void
make_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

static void __attribute__((format(printf, 2, 3))) say(struct verdict *verdict, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, list);
    va_end(list);
    make_one_line(verdict->text);
}

/* Not its own word: unknown where it may have posted, else it may be asked again. */
static void
unreadable(struct verdict *verdict, bool posts)
{
    verdict->kind = posts ? FEP_UNKNOWN : FEP_REFUSED;
    verdict->reason = FEP_REASON_PROTOCOL;
    verdict->refusal_class = FEP_REPEATABLE;
    verdict->code = 9002;
}

/* --- infcode --- */

/* "0", 0, " -1 ", "+0", "007" -> "0", "-1", "7"; a word stays a word. False: nothing there that could be a
 * code. */
static bool
read_code(const struct json *json, int node, char out[16])
{
    char text[32];
    enum json_type type = doc_type_of(json, node);
    if ((type != JSON_NUMBER && type != JSON_STRING) || doc_text(json, node, text, sizeof text) <= 0)
        return false;
    char *begin = text, *end = text + strlen(text);
    while (isspace((unsigned char)*begin))
        begin++;
    while (end > begin && isspace((unsigned char)end[-1]))
        *--end = '\0';
    if (*begin == '\0' || end - begin > 15)
        return false;
    char *rest;
    long number = strtol(begin, &rest, 10);
    if (*rest == '\0')
        snprintf(out, 16, "%ld", number % 1000000000);
    else
        snprintf(out, 16, "%.15s", begin);
    return *rest == '\0' || type == JSON_STRING;
}

static void
take_text(const struct profile *profile, struct verdict *verdict)
{
    const char *at = profile->texts, *word;
    char name[32];
    for (size_t size; (size = profile_next_word(&at, &word)) > 0;) {
        snprintf(name, sizeof name, "%.*s", (int)size, word);
        int node = doc_member(&verdict->body, 0, name);
        char text[4096];
        long length =
            doc_is_empty(&verdict->body, node) ? 0 : doc_text(&verdict->body, node, text, sizeof text);
        if (length <= 0)
            continue;
        /* Cut at a character. */
        size_t keep = (size_t)length < sizeof verdict->text ? (size_t)length : sizeof verdict->text - 1;
        while (keep < (size_t)length && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
            keep--;
        memcpy(verdict->text, text, keep);
        verdict->text[keep] = '\0';
        make_one_line(verdict->text);
        return;
    }
}

static const struct profile_error *
find_error(const struct profile *profile, const char *code)
{
    for (size_t i = 0; i < profile->error_count; i++) {
        if (strcmp(profile->errors[i].code, code) == 0)
            return &profile->errors[i];
    }
    return &profile->otherwise;
}

static void
take_refusal(const struct profile *profile, bool posts, const char *code, struct verdict *verdict)
{
    const struct profile_error *found = find_error(profile, code);
    bool uncertain = profile_lists(profile->uncertain, code) || found->class == 'U';
    verdict->reason = FEP_REASON_BUSINESS;
    verdict->kind = uncertain && posts ? FEP_UNKNOWN : FEP_REFUSED;
    verdict->refusal_class = uncertain || found->class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    verdict->code = profile_lists(profile->uncertain, code) ? 9002 : found->canonical;
    verdict->sign_in_again = profile_lists(profile->sign_in.refused, code);
    if (verdict->text[0] == '\0')
        say(verdict, "%s %s", profile->infcode, code);
}

/* --- output --- */

/* Base64 to text; NULL if it is none. */
static char *
decode_base64(const char *text, size_t size, size_t *out_size)
{
    if (size == 0 || size % 4 != 0 || size > INT32_MAX)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        bool pad = text[i] == '=' && i + 2 >= size;
        if (!pad && !isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
            return NULL;
    }
    char *out = malloc(size / 4 * 3 + 1);
    int length =
        out != NULL ? EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)size) : -1;
    if (length < 0) {
        free(out);
        return NULL;
    }
    length -= (text[size - 1] == '=') + (text[size - 2] == '=');
    out[length] = '\0';
    *out_size = (size_t)length;
    return out;
}

long
message_open_text(const struct json *json, int node, char **text)
{
    size_t room = json->nodes[node].end - json->nodes[node].begin + 1, size = 0;
    char *plain = malloc(room);
    long length = plain != NULL ? doc_text(json, node, plain, room) : -1;
    *text = plain;
    if (length < 0)
        return -1;
    size_t blank = strspn(plain, " \t\r\n");
    if (plain[blank] == '{' || plain[blank] == '[')
        return length;
    char *decoded = decode_base64(plain, (size_t)length, &size);
    if (decoded == NULL)
        return -1;
    free(plain);
    *text = decoded;
    return (long)size;
}

/* An object, a text that holds one (as it is or in Base64), or nothing at all. */
static int
read_output(const struct profile *profile, struct verdict *verdict, struct fep_error *error)
{
    int node = doc_member(&verdict->body, 0, profile->output);
    struct fep_bytes raw = doc_raw(&verdict->body, node);
    const char *text = (const char *)raw.data;
    size_t size = raw.size;
    if (doc_is_empty(&verdict->body, node)) {
        text = "{}";
        size = 2;
    } else if (doc_type_of(&verdict->body, node) == JSON_STRING) {
        long length = message_open_text(&verdict->body, node, &verdict->output_text);
        if (length < 0)
            return -1;
        text = verdict->output_text;
        size = (size_t)length;
    }
    if (doc_parse(&verdict->output, text, size, error) < 0)
        return -1;
    return doc_type_of(&verdict->output, 0) == JSON_OBJECT || doc_type_of(&verdict->output, 0) == JSON_ARRAY
               ? 0
               : -1;
}

static void
take_good(const struct profile *profile, struct verdict *verdict)
{
    struct fep_error error = {0};
    verdict->kind = FEP_ANSWERED;
    verdict->reason = FEP_REASON_NONE;
    verdict->code = 0;
    verdict->text[0] = '\0';
    verdict->has_output = read_output(profile, verdict, &error) == 0;
    if (!verdict->has_output) {
        verdict->reason = FEP_REASON_INCONSISTENT;
        say(verdict, "a good answer whose %s can not be read", profile->output);
    }
}

/* --- the whole --- */

static const char *
describe(const char *content, size_t size)
{
    size_t at = 0;
    while (at < size && isspace((unsigned char)content[at]))
        at++;
    return at == size           ? "an empty body"
           : content[at] == '<' ? "HTML or XML"
           : content[at] == '{' ? "half an answer, or no JSON"
                                : "plain text";
}

void
verdict_read(const struct profile *profile, bool posts, int status, const char *content, size_t size,
             struct verdict *verdict)
{
    struct fep_error error = {0};
    char code[16] = "", http[16];
    *verdict = (struct verdict){0};
    unreadable(verdict, posts);
    if (size >= 3 && memcmp(content, "\xef\xbb\xbf", 3) == 0) {
        content += 3;
        size -= 3;
    }
    snprintf(http, sizeof http, "%d", status);
    bool readable = doc_parse(&verdict->body, content, size, &error) == 0 &&
                    doc_type_of(&verdict->body, 0) == JSON_OBJECT;
    bool coded = readable && read_code(&verdict->body, doc_member(&verdict->body, 0, profile->infcode), code);
    if (readable)
        (void)doc_text(&verdict->body, doc_member(&verdict->body, 0, profile->reference), verdict->reference,
                       sizeof verdict->reference);
    if (profile_lists(profile->http_refused, http) && !coded) {
        verdict->kind = FEP_REFUSED;
        verdict->refusal_class = FEP_FINAL;
        verdict->reason = FEP_REASON_BUSINESS;
        verdict->code = 1004;
        verdict->sign_in_again = profile_lists(profile->sign_in.refused, http);
        if (verdict->sign_in_again) { /* with a new number it may pass */
            verdict->refusal_class = FEP_REPEATABLE;
            verdict->code = 9001;
        }
        say(verdict, "HTTP %d before the platform", status);
    } else if (status < 200 || status >= 300) {
        say(verdict, "HTTP %d with %s", status, coded ? "an answer" : describe(content, size));
    } else if (!readable) {
        say(verdict, "%s instead of an answer: %.120s", describe(content, size), error.text);
    } else if (!coded) {
        say(verdict, "JSON without a readable %s", profile->infcode);
    } else if (profile_lists(profile->good, code)) {
        take_good(profile, verdict);
    } else {
        take_text(profile, verdict);
        take_refusal(profile, posts, code, verdict);
    }
}

void
verdict_finish(struct verdict *verdict)
{
    doc_finish(&verdict->body);
    doc_finish(&verdict->output);
    free(verdict->output_text);
    verdict->output_text = NULL;
}

/* --- into the canonical form --- */

static int
refuse_answer(struct fep_error *error, const char *what, const char *name)
{
    memset(error, 0, sizeof *error);
    error->code = 1003;
    snprintf(error->text, sizeof error->text, "%s %.80s", what, name);
    return -1;
}

static bool
is_known_member(const struct profile *profile, const char *name)
{
    return strcmp(name, profile->infcode) == 0 || strcmp(name, profile->output) == 0 ||
           profile_lists(profile->texts, name) || strcmp(name, profile->reference) == 0 ||
           strcmp(name, profile->received) == 0 || strcmp(name, profile->responded) == 0 ||
           profile_lists(profile->answer_drop, name) || strcmp(name, "infcode") == 0 ||
           strcmp(name, "err_msg") == 0 || strcmp(name, "output") == 0;
}

static void
write_unknown(const struct profile *profile, const struct json *body, struct writer *out)
{
    char name[128];
    for (int at = body->nodes[0].first; at >= 0; at = body->nodes[at].next) {
        const struct json_node *node = &body->nodes[at];
        struct json_node key = {.type = JSON_STRING, .begin = node->key_begin, .end = node->key_end};
        const struct json one = {.text = body->text, .size = body->size, .nodes = &key, .count = 1};
        /* A name that does not fit here is none that a profile could know. */
        if (doc_text(&one, 0, name, sizeof name) >= 0 && is_known_member(profile, name))
            continue;
        writer_say(out, ",");
        writer_add(out, body->text + node->key_begin, node->end - node->key_begin);
    }
}

static int
check_required(const char *paths, const struct json *output, struct fep_error *error)
{
    const char *at = paths, *word;
    char path[80];
    for (size_t size; (size = profile_next_word(&at, &word)) > 0;) {
        snprintf(path, sizeof path, "%.*s", (int)size, word);
        if (doc_is_empty(output, doc_find(output, 0, path)))
            return refuse_answer(error, "a good answer without", path);
    }
    return 0;
}

int
message_answer_in(const struct profile *profile, const struct profile_transaction *transaction,
                  const struct scope *scope, const struct verdict *verdict, struct writer *out,
                  struct fep_error *error)
{
    static const struct rules none;
    struct scope inside = *scope;
    if (!verdict->has_output)
        return refuse_answer(error, "a good answer whose output can not be read:", profile->output);
    if (transaction != NULL && check_required(transaction->answer_required, &verdict->output, error) < 0)
        return -1;
    inside.answer = &verdict->output;
    writer_say(out, "{\"infcode\":0,\"err_msg\":\"\"");
    write_unknown(profile, &verdict->body, out);
    writer_say(out, ",\"output\":");
    if (doc_type_of(&verdict->output, 0) != JSON_OBJECT)
        writer_add(out, verdict->output.text, verdict->output.size);
    else if (message_fill(&inside, &verdict->output, 0,
                          transaction != NULL ? &transaction->answer_fill : &none, NULL, out, error) < 0)
        return -1;
    writer_say(out, "}");
    return out->failed ? refuse_answer(error, "no memory for", "an answer") : 0;
}

void
message_index(const struct profile *profile, const struct json *output, const char *member, char *out,
              size_t room)
{
    out[0] = '\0';
    for (size_t i = 0; i < profile->index.count && out[0] == '\0'; i++) {
        const struct rule *rule = &profile->index.list[i];
        if (strcmp(rule->target, member) == 0)
            (void)doc_text(output, doc_find(output, 0, rule->source), out, room);
    }
}

/* --- inquiries --- */

static void
write_row(const struct profile_inquiry *inquiry, const struct json *output, int row, struct writer *out)
{
    struct changes changes = {0};
    for (size_t i = 0; i < inquiry->rename.count; i++) {
        const struct rule *rule = &inquiry->rename.list[i]; /* target: the new name; source: the old one */
        int member = doc_member(output, row, rule->source);
        if (member < 0 || doc_member(output, row, rule->target) >= 0)
            continue;
        struct writer name = {0};
        writer_quote(&name, rule->target, strlen(rule->target));
        const struct json_node *node = &output->nodes[member];
        changes_add(&changes, node->key_begin, node->key_end - node->key_begin, name.data, name.size);
    }
    changes_write(&changes, output->text, output->nodes[row].begin, output->nodes[row].end, out);
    changes_free(&changes);
}

static bool
is_the_original(const struct profile_inquiry *inquiry, const struct json *output, int row, const char *wanted)
{
    char value[64];
    return doc_text(output, doc_member(output, row, inquiry->match), value, sizeof value) > 0 &&
           strcmp(value, wanted) == 0;
}

int
message_inquired(const struct profile *profile, const struct profile_inquiry *inquiry,
                 const struct scope *scope, const struct verdict *verdict, struct writer *out)
{
    char wanted[64], undone[16];
    const struct json *output = &verdict->output;
    (void)profile;
    if (verdict->kind != FEP_ANSWERED || !verdict->has_output ||
        message_source_text(scope, inquiry->match_source, wanted, sizeof wanted) <= 0)
        return -1;
    int rows = doc_member(output, 0, inquiry->rows);
    bool several = doc_type_of(output, rows) == JSON_ARRAY;
    int row = rows < 0 ? -1 : several ? output->nodes[rows].first : rows;
    while (row >= 0 && !is_the_original(inquiry, output, row, wanted))
        row = several ? output->nodes[row].next : -1;
    if (row < 0)
        return FEP_FOUND_NOTHING;
    bool back = inquiry->undone[0] != '\0' &&
                doc_text(output, doc_member(output, row, inquiry->undone), undone, sizeof undone) > 0 &&
                strcmp(undone, inquiry->undone_value) == 0;
    if (back)
        return FEP_FOUND_CANCELLED;
    writer_say(out, "{\"infcode\":0,\"err_msg\":\"\",\"output\":{");
    writer_quote(out, inquiry->answer, strlen(inquiry->answer));
    writer_say(out, ":");
    write_row(inquiry, output, row, out);
    int also = doc_member(output, 0, inquiry->answer_also);
    if (inquiry->answer_also[0] != '\0' && also >= 0) {
        struct fep_bytes raw = doc_raw(output, also);
        writer_say(out, ",");
        writer_quote(out, inquiry->answer_also, strlen(inquiry->answer_also));
        writer_say(out, ":");
        writer_add(out, raw.data, raw.size);
    }
    writer_say(out, "}}");
    return out->failed ? -1 : FEP_FOUND_POSTED;
}
