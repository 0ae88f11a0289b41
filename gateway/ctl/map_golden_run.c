/* One golden through the engine and its outcome as JSON, and the comparison of two outcomes. Must never pass
 * a case that expects nothing: what came is then a difference. */
#include "map_golden.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define CLOCK "20261122101503" /* where a golden says none */

struct running {
    struct map_message message;
    const char *file;
    char name[160];
    bool record;
    size_t differences;
    void (*tell)(void *arg, const char *line);
    void *arg;
};

/* --- what came, as JSON --------------------------------------------------------------------------- */

static void
add(struct json_object *object, const char *name, struct json_object *value)
{
    if (value != NULL)
        json_object_object_add(object, name, value);
}

static void
add_text(struct json_object *object, const char *name, const char *text)
{
    if (text[0] != '\0')
        add(object, name, json_object_new_string(text));
}

static struct json_object *
fields_of(const struct fep_record *record, size_t row, bool in_row)
{
    struct json_object *object = json_object_new_object();
    const struct fep_layout *layout = record_layout(record);
    size_t count = in_row ? layout->group_field_count : layout->field_count;
    for (size_t i = 0; i < count; i++) {
        struct fep_bytes value = in_row ? record_get_in_row(record, row, i) : record_get(record, i);
        if (value.size > 0)
            add(object, (in_row ? layout->group_fields : layout->fields)[i].name,
                json_object_new_string_len((const char *)value.data, (int)value.size));
    }
    return object;
}

static void
add_record(struct json_object *object, const char *name, const struct fep_record *record)
{
    if (record == NULL)
        return;
    add(object, name, fields_of(record, 0, false));
    if (record_rows(record) == 0)
        return;
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; i < record_rows(record); i++)
        json_object_array_add(rows, fields_of(record, i, true));
    add(object, "rows", rows);
}

static void
add_body(struct json_object *object, struct slice body)
{
    struct json_tokener *tokener = json_tokener_new_ex(32);
    if (tokener != NULL)
        add(object, "body", json_tokener_parse_ex(tokener, (const char *)body.data, (int)body.size));
    json_tokener_free(tokener);
}

static void
add_index(struct json_object *object, const struct fep_index *index)
{
    struct json_object *shown = json_object_new_object();
    add_text(shown, "visit_id", index->visit_id);
    add_text(shown, "settlement_id", index->settlement_id);
    add_text(shown, "med_type", index->med_type);
    add_text(shown, "insutype", index->insutype);
    if (index->has_money) {
        add(shown, "total_fen", json_object_new_int64(index->total_fen));
        add(shown, "fund_fen", json_object_new_int64(index->fund_fen));
        add(shown, "account_fen", json_object_new_int64(index->account_fen));
        add(shown, "cash_fen", json_object_new_int64(index->cash_fen));
    }
    if (json_object_object_length(shown) > 0)
        add(object, "index", shown);
    else
        json_object_put(shown);
}

static void
add_header(struct json_object *object, const struct message_header *header)
{
    struct json_object *shown = json_object_new_object();
    add_text(shown, "infno", header->infno);
    add_text(shown, "msgid", header->key.msgid);
    add_text(shown, "treat_area", header->treat_area);
    add_text(shown, "insured_area", header->insured_area);
    add_text(shown, "institution", header->institution);
    add_text(shown, "original_msgid", header->original_msgid);
    add(object, "header", shown);
}

static struct json_object *
refusal(const struct fep_error *error)
{
    struct json_object *object = json_object_new_object();
    add(object, "error", json_object_new_int64(error->code));
    add_text(object, "text", error->text);
    return object;
}

/* --- comparing ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void
differ(struct running *running, const char *format, ...)
{
    char what[800], line[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    running->differences++;
    snprintf(line, sizeof line, "%s: %s: %s", running->file, running->name, what);
    running->tell(running->arg, line);
}

static const char *
shown(struct json_object *value)
{
    return value != NULL ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE)
                         : "nothing";
}

static void compare(struct running *running, const char *path, struct json_object *expected,
                    struct json_object *came);

static void
compare_members(struct running *running, const char *path, struct json_object *expected,
                struct json_object *came)
{
    char inner[400];
    json_object_object_foreach(expected, name, value)
    {
        snprintf(inner, sizeof inner, "%.300s.%.80s", path, name);
        compare(running, inner, value, map_message_member(came, name));
    }
    json_object_object_foreach(came, other, unexpected)
    {
        if (json_object_object_get_ex(expected, other, NULL))
            continue;
        snprintf(inner, sizeof inner, "%.300s.%.80s", path, other);
        compare(running, inner, NULL, unexpected);
    }
}

static void
compare(struct running *running, const char *path, struct json_object *expected, struct json_object *came)
{
    enum json_type type = json_object_get_type(expected);
    char inner[400];
    if (type == json_object_get_type(came) && type == json_type_object) {
        compare_members(running, path, expected, came);
    } else if (type == json_object_get_type(came) && type == json_type_array &&
               json_object_array_length(expected) == json_object_array_length(came)) {
        for (size_t i = 0; i < json_object_array_length(expected); i++) {
            snprintf(inner, sizeof inner, "%.360s[%zu]", path, i + 1);
            compare(running, inner, json_object_array_get_idx(expected, i),
                    json_object_array_get_idx(came, i));
        }
    } else if (strcmp(shown(expected), shown(came)) != 0) { /* amounts by their digits: 1.0 is not 1.00 */
        differ(running, "%s: expected %.200s, got %.200s", path, shown(expected), shown(came));
    }
}

/* Of a refusal the code counts, and a part of the text if one is given. */
static void
compare_refusal(struct running *running, const char *part, struct json_object *expected,
                struct json_object *came)
{
    const char *text = map_message_text(expected, "text");
    if (map_message_number(expected, "error", 0) != map_message_number(came, "error", 0) ||
        strstr(map_message_text(came, "text"), text) == NULL)
        differ(running, "%s: expected %.300s, got %.300s", part, shown(expected), shown(came));
}

/* `part` is "expect" or "expect_answer"; takes `came`. */
static void
settle_part(struct running *running, const char *part, struct json_object *came)
{
    struct json_object *expected = map_message_member(running->message.json, part);
    if (running->record) {
        /* File and line of a text would not survive the next edit. */
        json_object_object_del(came, "text");
        json_object_object_add(running->message.json, part, json_object_get(came));
    } else if (expected == NULL) {
        differ(running, "%s is missing; got %.300s", part, shown(came));
    } else if (map_message_member(expected, "error") != NULL || map_message_member(came, "error") != NULL) {
        compare_refusal(running, part, expected, came);
    } else {
        compare(running, part, expected, came);
    }
    json_object_put(came);
}

/* --- local side to canonical ---------------------------------------------------------------------- */

static int
finding_of(const char *word)
{
    static const char *const words[] = {"nothing",  "posted",    "refused",       "in_progress",
                                        "reversed", "cancelled", "never_arrived", "stays_posted"};
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

static const char *
finding_text(uint32_t finding)
{
    static const char *const words[] = {"nothing",  "posted",    "refused",       "in_progress",
                                        "reversed", "cancelled", "never_arrived", "stays_posted"};
    return finding < sizeof words / sizeof words[0] ? words[finding] : "?";
}

static void
answer_out(struct running *running, struct mapping_request *request)
{
    struct map_message *message = &running->message;
    struct json_object *answer = map_message_member(message->json, "answer");
    struct fep_record *body = NULL;
    struct fep_result result = {.size = sizeof result};
    int finding = finding_of(map_message_text(message->json, "finding"));
    if (answer == NULL)
        return;
    result.finding = finding >= 0 ? (uint32_t)finding : 0;
    snprintf(request->header.original_infno, sizeof request->header.original_infno, "%s",
             map_message_text(message->json, "original_infno"));
    struct json_object *came;
    if (mapping_answer_out(message->mapping, request, map_message_slice(answer), &result, &message->context,
                           &body, &message->error) < 0) {
        came = refusal(&message->error);
    } else {
        came = json_object_new_object();
        add_record(came, "body", body);
    }
    record_destroy(body);
    settle_part(running, "expect_answer", came);
}

static struct json_object *
show_request_in(const struct mapping_request *request)
{
    static const char *const answerers[] = {"", "store", "crosswalk"};
    struct json_object *came = json_object_new_object();
    add_header(came, &request->header);
    add_index(came, &request->index);
    add_text(came, "answered_by", answerers[mapping_answered_by(request)]);
    add_body(came, request->body);
    return came;
}

static int
run_in(struct running *running)
{
    struct map_message *message = &running->message;
    const char *local = map_message_text(message->json, "local");
    struct mapping_request request = {0};
    struct fep_record *body = NULL,
                      *head = map_message_record(message, "head", "-Q",
                                                 map_message_member(message->json, "head"), NULL);
    if (head != NULL)
        body = map_message_record(message, local, "-Q", map_message_member(message->json, "body"),
                                  map_message_member(message->json, "rows"));
    if (body == NULL) {
        record_destroy(head);
        return -1;
    }
    int status =
        mapping_request_in(message->mapping, local, head, body, &message->context, &request, &message->error);
    settle_part(running, "expect", status == 0 ? show_request_in(&request) : refusal(&message->error));
    if (status == 0)
        answer_out(running, &request);
    slice_release(&request.body);
    record_destroy(body);
    record_destroy(head);
    return 0;
}

/* --- canonical to local side ---------------------------------------------------------------------- */

static struct json_object *
canonical_answer(struct map_message *message, const struct message_header *header,
                 const struct fep_record *record)
{
    struct slice body = SLICE_NONE;
    struct fep_index index = {.size = sizeof index};
    struct fep_result result = {.size = sizeof result};
    if (mapping_answer_in(message->mapping, header,
                          map_message_slice(map_message_member(message->json, "body")), record,
                          &message->context, &body, &index, &result, &message->error) < 0)
        return refusal(&message->error);
    struct json_object *came = json_object_new_object();
    add_index(came, &index);
    add_body(came, body);
    if (result.reason == FEP_REASON_INCONSISTENT)
        add(came, "inconsistent", json_object_new_boolean(true));
    slice_release(&body);
    return came;
}

/* What an inquiry or a reversal found, by its answer or by a canonical code. */
static struct json_object *
finding_answer(struct map_message *message, uint32_t operation, struct json_object *answer,
               const struct fep_record *record)
{
    uint32_t finding, code = (uint32_t)map_message_number(answer, "code", 0);
    struct json_object *came = json_object_new_object();
    if (mapping_finding(message->mapping, operation, code != 0 ? NULL : record, code, &finding) < 0)
        add_text(came, "finding", "unknown");
    else
        add_text(came, "finding", finding_text(finding));
    return came;
}

static int
answer_in(struct running *running, const struct message_header *header, const char *local, uint32_t operation)
{
    struct map_message *message = &running->message;
    struct json_object *answer = map_message_member(message->json, "answer");
    struct fep_record *record = NULL;
    char layout[80];
    if (answer == NULL)
        return 0;
    snprintf(layout, sizeof layout, "%.60s-R", local);
    bool has_layout = mapping_find_layout(message->mapping, layout) != NULL;
    if (has_layout) {
        record = map_message_record(message, local, "-R", map_message_member(answer, "body"),
                                    map_message_member(answer, "rows"));
        if (record == NULL)
            return -1;
    }
    settle_part(running, "expect_answer",
                operation == FEP_OP_SUBMIT ? canonical_answer(message, header, record)
                                           : finding_answer(message, operation, answer, record));
    record_destroy(record);
    return 0;
}

static int
run_out(struct running *running)
{
    struct map_message *message = &running->message;
    const char *word = map_message_text(message->json, "operation");
    uint32_t operation = strcmp(word, "inquire") == 0   ? FEP_OP_INQUIRE
                         : strcmp(word, "reverse") == 0 ? FEP_OP_REVERSE
                                                        : FEP_OP_SUBMIT;
    struct message_header header = {0};
    struct fep_index index = {.size = sizeof index};
    struct fep_record *head = NULL, *record = NULL;
    map_message_fill_header(message, &header);
    const char *local = mapping_request_out(message->mapping, &header, &index,
                                            map_message_slice(map_message_member(message->json, "body")),
                                            operation, &message->context, &head, &record, &message->error);
    struct json_object *came = local != NULL ? json_object_new_object() : refusal(&message->error);
    if (local != NULL) {
        add_text(came, "local", local);
        add(came, "head", fields_of(head, 0, false));
        add_record(came, "body", record);
    }
    settle_part(running, "expect", came);
    int status = local != NULL ? answer_in(running, &header, local, operation) : 0;
    record_destroy(head);
    record_destroy(record);
    return status;
}

/* --- all ------------------------------------------------------------------------------------------ */

static void
run_case(struct running *running, const struct mapping *mapping, struct json_object *json)
{
    const char *direction = map_message_text(json, "direction"), *name = map_message_text(json, "name");
    running->message = (struct map_message){.mapping = mapping, .json = json};
    snprintf(running->name, sizeof running->name, "%.150s", name[0] != '\0' ? name : "(no name)");
    map_message_surround(&running->message, CLOCK);
    int status = -1;
    if (strcmp(direction, "in") == 0)
        status = run_in(running);
    else if (strcmp(direction, "out") == 0)
        status = run_out(running);
    else
        error_set(&running->message.error, 0, FEP_E_USAGE, "direction = \"%.20s\": in or out expected",
                  direction);
    if (status < 0)
        differ(running, "%.400s", running->message.error.text);
}

struct map_golden_run
map_goldens_run(const struct map_goldens *goldens, const struct mapping *mapping, bool record,
                void (*tell)(void *arg, const char *line), void *arg)
{
    struct map_golden_run run = {0, 0};
    for (size_t i = 0; i < goldens->count; i++) {
        struct json_object *cases = goldens->cases[i];
        bool several = json_object_is_type(cases, json_type_array);
        size_t count = several ? json_object_array_length(cases) : 1;
        for (size_t j = 0; j < count; j++) {
            struct running running = {.file = goldens->files[i], .record = record, .tell = tell, .arg = arg};
            run_case(&running, mapping, several ? json_object_array_get_idx(cases, j) : cases);
            run.cases++;
            run.wrong += running.differences > 0;
        }
    }
    return run;
}
