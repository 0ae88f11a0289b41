/* Requests: values by rules, what is missing filled in, the envelope around it.
 *
 * Must never touch a value that is there, nor a member that no rule names. Fails by saying which rule, never
 * which value.
 */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static int
set_error(struct fep_error *error, unsigned code, const char *what, const char *name)
{
    memset(error, 0, sizeof *error);
    error->kind = code == 9001 ? FEP_NOT_SENT : FEP_REFUSED;
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s %.80s", what, name);
    return -1;
}

static const char *
skip_prefix(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* --- values --- */

static const char *
header_text(const struct scope *scope, const char *name)
{
    return strcmp(name, "msgid") == 0          ? scope->msgid
           : strcmp(name, "treat_area") == 0   ? scope->treat_area
           : strcmp(name, "insured_area") == 0 ? scope->insured_area
           : strcmp(name, "institution") == 0  ? scope->institution
           : strcmp(name, "infno") == 0        ? scope->infno
                                               : NULL;
}

static bool
write_clock(const struct scope *scope, const char *form, char out[32])
{
    unsigned date = scope->date % 100000000u, time = scope->time % 1000000u;
    if (strcmp(form, "datetime") == 0)
        snprintf(out, 32, "%04u-%02u-%02u %02u:%02u:%02u", date / 10000, date / 100 % 100, date % 100,
                 time / 10000, time / 100 % 100, time % 100);
    else if (strcmp(form, "date") == 0)
        snprintf(out, 32, "%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
    else if (strcmp(form, "midnight") == 0)
        snprintf(out, 32, "%04u-%02u-%02u 23:59:59", date / 10000, date / 100 % 100, date % 100);
    else if (strcmp(form, "stamp") == 0)
        snprintf(out, 32, "%08u%06u", date, time);
    else if (strcmp(form, "milli") == 0)
        snprintf(out, 32, "%08u%06u%03u", date, time, (unsigned)(scope->millisecond % 1000));
    else
        return false;
    return true;
}

/* Adds one element's amount to *fen; false if it is no amount. */
static bool
add_amount(const struct json *json, int node, int64_t *fen)
{
    char text[48], digits[24];
    bool negative;
    long size = doc_text(json, node, text, sizeof text);
    if (size <= 0)
        return size == 0;
    if (parse_decimal(text, (size_t)size, 2, &negative, digits) < 0)
        return false;
    int64_t value = (int64_t)strtoll(digits, NULL, 10);
    return !__builtin_add_overflow(*fen, negative ? -value : value, fen);
}

/* "answer.rows.amount)": the amounts of a member over an array. */
static int
write_sum(const struct scope *scope, const char *path, struct writer *out)
{
    const char *inside = skip_prefix(path, "answer.");
    const struct json *json = inside != NULL ? scope->answer : scope->body;
    char array[96], sum[40];
    int64_t fen = 0;
    if (inside == NULL && (inside = skip_prefix(path, "input.")) == NULL)
        return -1;
    snprintf(array, sizeof array, "%.*s", (int)strcspn(inside, ")"), inside);
    char *member = strrchr(array, '.');
    if (member == NULL)
        return -1;
    *member++ = '\0';
    if (json == NULL)
        return 0;
    int node = doc_find(json, json == scope->answer ? 0 : scope->input, array);
    if (node < 0)
        return 0;
    int at = json->nodes[node].type == JSON_ARRAY ? json->nodes[node].first : node;
    for (; at >= 0; at = json->nodes[node].type == JSON_ARRAY ? json->nodes[at].next : -1) {
        if (!add_amount(json, doc_member(json, at, member), &fen))
            return -1;
    }
    uint64_t units = fen < 0 ? (uint64_t)-fen : (uint64_t)fen;
    snprintf(sum, sizeof sum, "%s%llu.%02llu", fen < 0 ? "-" : "", (unsigned long long)(units / 100),
             (unsigned long long)(units % 100));
    writer_say(out, sum);
    return 1;
}

/* "row.a,row.b)": a - b, of whole numbers. */
static int
write_difference(const struct scope *scope, const char *text, struct writer *out)
{
    char names[2][72], number[32];
    long long values[2] = {0, 0};
    size_t first = strcspn(text, ",");
    if (text[first] != ',')
        return -1;
    snprintf(names[0], sizeof names[0], "%.*s", (int)first, text);
    snprintf(names[1], sizeof names[1], "%.*s", (int)strcspn(text + first + 1, ")"), text + first + 1);
    for (int i = 0; i < 2; i++) {
        char *end;
        if (message_source_text(scope, names[i], number, sizeof number) < 0)
            return -1;
        values[i] = strtoll(number, &end, 10);
        if (*end != '\0' || values[i] > INT32_MAX || values[i] < -INT32_MAX)
            return -1;
    }
    snprintf(number, sizeof number, "%lld", values[0] - values[1]);
    writer_say(out, number);
    return 1;
}

static int
write_node(const struct json *json, int node, struct writer *out)
{
    if (json == NULL || doc_is_empty(json, node))
        return 0;
    struct fep_bytes raw = doc_raw(json, node);
    writer_add(out, raw.data, raw.size);
    return 1;
}

static int
write_text(const char *text, struct writer *out)
{
    if (text == NULL || text[0] == '\0')
        return 0;
    writer_quote(out, text, strlen(text));
    return 1;
}

static int
write_plain_source(const struct scope *scope, const char *source, struct writer *out)
{
    const char *name;
    char clock[32];
    if (source[0] == '=') {
        writer_quote(out, source + 1, strlen(source + 1));
        return 1;
    }
    if (source[0] == '#') {
        writer_say(out, source + 1);
        return 1;
    }
    if ((name = skip_prefix(source, "header.")) != NULL)
        return write_text(header_text(scope, name), out);
    if ((name = skip_prefix(source, "clock.")) != NULL)
        return write_clock(scope, name, clock) ? write_text(clock, out) : -1;
    if (strcmp(source, "wire.infno") == 0)
        return write_text(scope->wire, out);
    if (strcmp(source, "sign_no") == 0)
        return write_text(scope->sign_no, out);
    if (strcmp(source, "attempt.serial20") == 0)
        return write_text(scope->serial20, out);
    if (strcmp(source, "file.number") == 0)
        return write_text(scope->file_number, out);
    if (strcmp(source, "file.name") == 0)
        return write_text(scope->file_name, out);
    return -1;
}

static int
write_source(const struct scope *scope, const char *source, struct writer *out)
{
    const char *name;
    if ((name = skip_prefix(source, "sum(")) != NULL)
        return write_sum(scope, name, out);
    if ((name = skip_prefix(source, "difference(")) != NULL)
        return write_difference(scope, name, out);
    if ((name = skip_prefix(source, "row.")) != NULL)
        return scope->row > 0 ? write_node(scope->body, doc_member(scope->body, scope->row, name), out) : 0;
    if ((name = skip_prefix(source, "answer.")) != NULL)
        return scope->answer != NULL ? write_node(scope->answer, doc_find(scope->answer, 0, name), out) : 0;
    if ((name = skip_prefix(source, "body.")) != NULL)
        return scope->body != NULL ? write_node(scope->body, doc_member(scope->body, 0, name), out) : 0;
    if ((name = skip_prefix(source, "input.")) != NULL)
        return scope->input >= 0 ? write_node(scope->body, doc_find(scope->body, scope->input, name), out)
                                 : 0;
    if ((name = skip_prefix(source, "any.")) != NULL)
        return scope->input >= 0
                   ? write_node(scope->body, doc_find_anywhere(scope->body, scope->input, name), out)
                   : 0;
    return write_plain_source(scope, source, out);
}

int
message_source(const struct scope *scope, const char *source, const char *otherwise, struct writer *out)
{
    int written = write_source(scope, source, out);
    return written == 0 && otherwise != NULL && otherwise[0] != '\0' ? write_source(scope, otherwise, out)
                                                                     : written;
}

int
message_source_text(const struct scope *scope, const char *source, char *out, size_t room)
{
    struct writer writer = {0};
    struct json json = {0};
    struct fep_error error;
    int written = message_source(scope, source, NULL, &writer);
    out[0] = '\0';
    if (written > 0 && (writer.failed || doc_parse(&json, writer.data, writer.size, &error) < 0 ||
                        doc_text(&json, 0, out, room) < 0))
        written = -1;
    doc_finish(&json);
    writer_free(&writer);
    return written;
}

/* --- filling --- */

struct filling {
    const struct scope *scope;
    const struct json *json; /* what is filled, from `root` on */
    const struct rules *rules;
    struct changes *changes;
    uint16_t *added; /* members that changes put into an object, by node */
    struct fep_error *error;
};

/* A member at the end of an object. */
static int
insert_member(struct filling *filling, int object, const char *name, struct writer *value)
{
    const struct json_node *node = &filling->json->nodes[object];
    struct writer text = {0};
    if (node->count + filling->added[object] > 0)
        writer_say(&text, ",");
    writer_quote(&text, name, strlen(name));
    writer_say(&text, ":");
    writer_add(&text, value->data, value->size);
    filling->added[object]++;
    bool failed = text.failed || value->failed;
    if (failed)
        writer_free(&text);
    changes_add(filling->changes, node->end - 1, 0, failed ? NULL : text.data, text.size);
    return 0;
}

static int
fill_member(struct filling *filling, int object, const char *name, const struct rule *rule)
{
    int member = doc_member(filling->json, object, name);
    struct writer value = {0};
    if (filling->json->nodes[object].type != JSON_OBJECT || !doc_is_empty(filling->json, member))
        return 0;
    int written = message_source(filling->scope, rule->source, rule->otherwise, &value);
    if (written > 0 && member >= 0) {
        const struct json_node *node = &filling->json->nodes[member];
        changes_add(filling->changes, node->begin, node->end - node->begin, value.failed ? NULL : value.data,
                    value.size);
        return 0;
    }
    if (written > 0)
        (void)insert_member(filling, object, name, &value);
    writer_free(&value);
    return written < 0 ? set_error(filling->error, 1003, "no value by the rule for", rule->target) : 0;
}

/* All rules whose object `parent` is not there make it together; only the first of them does. An array gets
 * one element. */
static int
create_parent(struct filling *filling, size_t first, const char *parent, bool array, int root)
{
    size_t size = strlen(parent);
    struct writer value = {0};
    char name[72];
    int written = 0;
    for (size_t i = 0; i < filling->rules->count && written >= 0; i++) {
        const struct rule *rule = &filling->rules->list[i];
        const char *member = rule->target + size + (array ? 2 : 0);
        if (strncmp(rule->target, parent, size) != 0 ||
            (array && strncmp(rule->target + size, "[]", 2) != 0) || *member != '.')
            continue;
        if (i < first) {
            writer_free(&value);
            return 0;
        }
        struct writer one = {0};
        written = message_source(filling->scope, rule->source, rule->otherwise, &one);
        if (written > 0) {
            writer_say(&value, value.size > 0 ? "," : array ? "[{" : "{");
            writer_quote(&value, member + 1, strlen(member + 1));
            writer_say(&value, ":");
            writer_add(&value, one.data, one.size);
        }
        writer_free(&one);
    }
    if (value.size > 0 && written >= 0) {
        writer_say(&value, array ? "}]" : "}");
        snprintf(name, sizeof name, "%.*s", (int)size, parent);
        (void)insert_member(filling, root, name, &value);
    }
    writer_free(&value);
    return written < 0 ? set_error(filling->error, 1003, "no value by a rule for", parent) : 0;
}

/* "name", "object.name" or "array[].name" below root. */
static int
fill_one(struct filling *filling, size_t number, int root)
{
    const struct rule *rule = &filling->rules->list[number];
    const char *dot = strchr(rule->target, '.');
    char parent[72];
    if (dot == NULL)
        return fill_member(filling, root, rule->target, rule);
    snprintf(parent, sizeof parent, "%.*s", (int)(dot - rule->target), rule->target);
    char *each = strstr(parent, "[]");
    if (each != NULL)
        *each = '\0';
    int node = doc_member(filling->json, root, parent);
    if (doc_is_empty(filling->json, node))
        return node >= 0 || (each != NULL && !filling->scope->makes_arrays)
                   ? 0
                   : create_parent(filling, number, parent, each != NULL, root);
    if (filling->json->nodes[node].type != JSON_ARRAY)
        return fill_member(filling, node, dot + 1, rule);
    for (int at = filling->json->nodes[node].first; at >= 0; at = filling->json->nodes[at].next) {
        if (fill_member(filling, at, dot + 1, rule) < 0)
            return -1;
        if (each == NULL)
            break;
    }
    return 0;
}

/* Takes a member away, with the comma beside it. */
static void
drop_member(const struct json *json, int object, const char *name, struct changes *changes, uint16_t *added)
{
    int member = doc_member(json, object, name), before = -1;
    if (member < 0)
        return;
    for (int at = json->nodes[object].first; at != member; at = json->nodes[at].next)
        before = at;
    const struct json_node *node = &json->nodes[member];
    size_t begin = node->next >= 0 || before < 0 ? node->key_begin : json->nodes[before].end;
    size_t end = node->next >= 0 ? json->nodes[node->next].key_begin : node->end;
    if (json->nodes[object].count == 1)
        added[object] = UINT16_MAX; /* its own count of 1 is gone: the sum is 0 */
    changes_add(changes, begin, end - begin, calloc(1, 1), 0);
}

/* Writes the object `root` of json, filled by the rules and without the members named in `drop`. */
int
message_fill(const struct scope *scope, const struct json *json, int root, const struct rules *rules,
             const char *drop, struct writer *out, struct fep_error *error)
{
    struct changes changes = {0};
    struct filling filling = {scope, json, rules, &changes, calloc(json->count, sizeof(uint16_t)), error};
    const char *at = drop != NULL ? drop : "", *word;
    char name[64];
    int status = filling.added != NULL ? 0 : set_error(error, 9001, "no memory for", "a request");
    for (size_t size; status == 0 && (size = profile_next_word(&at, &word)) > 0;) {
        snprintf(name, sizeof name, "%.*s", (int)size, word);
        drop_member(json, root, name, &changes, filling.added);
    }
    for (size_t i = 0; rules != NULL && status == 0 && i < rules->count; i++)
        status = fill_one(&filling, i, root);
    if (status == 0)
        changes_write(&changes, json->text, json->nodes[root].begin, json->nodes[root].end, out);
    changes_free(&changes);
    free(filling.added);
    return status;
}

/* --- the envelope --- */

static bool
is_rule_target(const struct profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->request.count; i++) {
        if (strcmp(profile->request.list[i].target, name) == 0)
            return true;
    }
    return false;
}

/* Is this member of the body the source of a member of the envelope? */
static bool
is_rule_source(const struct profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->request.count; i++) {
        const char *source = skip_prefix(profile->request.list[i].source, "body.");
        if (source != NULL && strcmp(source, name) == 0)
            return true;
    }
    return false;
}

static void
write_member(struct writer *out, const char *name)
{
    writer_say(out, out->size > 1 ? "," : "");
    writer_quote(out, name, strlen(name));
    writer_say(out, ":");
}

/* What the canonical body has beside input and no rule speaks of goes as it is. */
static void
write_unknown(const struct profile *profile, const struct scope *scope, struct writer *out)
{
    const struct json *body = scope->body;
    char name[128];
    for (int at = body->nodes[0].first; at >= 0; at = body->nodes[at].next) {
        const struct json_node *node = &body->nodes[at];
        struct json_node key = {.type = JSON_STRING, .begin = node->key_begin, .end = node->key_end};
        const struct json one = {.text = body->text, .size = body->size, .nodes = &key, .count = 1};
        /* A name that does not fit here is none that a profile could know. */
        bool fits = doc_text(&one, 0, name, sizeof name) >= 0;
        if (at == scope->input || (fits && (is_rule_target(profile, name) || is_rule_source(profile, name) ||
                                            strcmp(name, profile->input) == 0)))
            continue;
        writer_say(out, out->size > 1 ? "," : "");
        writer_add(out, body->text + node->key_begin, node->key_end - node->key_begin);
        writer_say(out, ":");
        writer_add(out, body->text + node->begin, node->end - node->begin);
    }
}

int
message_made(const struct scope *scope, const struct rules *own, struct writer *out, struct fep_error *error)
{
    struct json empty = {0};
    struct scope making = *scope;
    making.makes_arrays = true;
    int status = doc_parse(&empty, "{}", 2, error);
    if (status == 0)
        status = message_fill(&making, &empty, 0, own, NULL, out, error);
    doc_finish(&empty);
    return status;
}

static int
write_input(const struct profile *profile, const struct scope *scope, const struct rules *own,
            struct writer *out, struct fep_error *error)
{
    const struct profile_transaction *transaction = profile_find(profile, scope->infno);
    static const struct rules none;
    struct writer input = {0};
    int status;
    if (own != NULL)
        status = message_made(scope, own, &input, error);
    else if (doc_type_of(scope->body, scope->input) != JSON_OBJECT)
        status = set_error(error, 1003, "no object", "input");
    else
        status =
            message_fill(scope, scope->body, scope->input, transaction != NULL ? &transaction->fill : &none,
                         transaction != NULL ? transaction->drop : NULL, &input, error);
    if (status == 0 && profile->input_as_text)
        writer_quote(out, input.data, input.size);
    else if (status == 0)
        writer_add(out, input.data, input.size);
    out->failed = out->failed || input.failed;
    writer_free(&input);
    return status;
}

int
message_request(const struct profile *profile, const struct scope *scope, const struct rules *own,
                struct writer *out, struct fep_error *error)
{
    writer_say(out, "{");
    for (size_t i = 0; i < profile->request.count; i++) {
        const struct rule *rule = &profile->request.list[i];
        struct writer value = {0};
        int written = message_source(scope, rule->source, rule->otherwise, &value);
        if (written < 0) {
            writer_free(&value);
            return set_error(error, 1003, "no value by the rule for", rule->target);
        }
        write_member(out, rule->target);
        writer_add(out, written > 0 ? value.data : "\"\"", written > 0 ? value.size : 2);
        writer_free(&value);
    }
    if (scope->body != NULL && own == NULL)
        write_unknown(profile, scope, out);
    write_member(out, profile->input);
    if (write_input(profile, scope, own, out, error) < 0)
        return -1;
    writer_say(out, "}");
    return out->failed ? set_error(error, 9001, "no memory for", "a request, or it is too long") : 0;
}
