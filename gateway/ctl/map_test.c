/* fepctl map test: one message through a mapping, field by field. Must not show values of personal fields
 * unless asked, and sends nothing anywhere. The message is a JSON file:
 *
 *   {"direction": "in",  "local": "2410", "head": {...}, "body": {...}, "rows": [{...}],    a local request
 *    "visit": {"infno": "2401", "request": {...}, "answer": {...}},     what opened its visit, if it names
 * one "answer": {...}}                                                   a canonical answer: goes back to the
 * local side
 *   {"direction": "out", "header": {"infno": "2304", "msgid": "...", "treat_area": "450100", "insured_area":
 * "450900", "institution": "H45010000001"}, "body": {...},                     a canonical request "visit":
 * {...}, "answer": {"body": {...}, "rows": [{...}]}}        a local answer: becomes a canonical one
 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "mapping_file.h"

enum { MESSAGE_LIMIT = 4 << 20 };

static const uint8_t test_key[32] = {0x74, 0x65, 0x73,
                                     0x74}; /* order keys shown here mean nothing elsewhere */

struct journey {
    const struct ctl *ctl;
    const struct mapping *mapping;
    struct json_object *message;
    struct mapping_context context;
    struct fep_attempt attempt;
    struct fep_error error;
};

/* --- reading the message
 * -------------------------------------------------------------------------------------- */

static struct json_object *
parse_text(const char *path, const char *text, size_t size, struct fep_error *error)
{
    struct json_tokener *tokener = json_tokener_new_ex(32);
    if (tokener == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory to read %s", path);
        return NULL;
    }
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
    if (object == NULL || !json_object_is_type(object, json_type_object)) {
        error_set(error, 0, FEP_E_USAGE, "%s: byte %zu: not a JSON object: %s", path,
                  json_tokener_get_parse_end(tokener),
                  json_tokener_error_desc(json_tokener_get_error(tokener)));
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

static struct json_object *
read_message(const char *path, struct fep_error *error)
{
    FILE *file = path != NULL ? fopen(path, "re") : stdin;
    const char *name = path != NULL ? path : "standard input";
    if (file == NULL) {
        error_set(error, 0, FEP_E_USAGE, "%s: %s", name, strerror(errno));
        return NULL;
    }
    struct json_object *object = NULL;
    char *text = malloc(MESSAGE_LIMIT + 1);
    size_t size = text != NULL ? fread(text, 1, MESSAGE_LIMIT + 1, file) : 0;
    if (text == NULL)
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory to read %s", name);
    else if (ferror(file) || size > MESSAGE_LIMIT)
        error_set(error, 0, FEP_E_USAGE, "%s: not a file of at most %d bytes", name, MESSAGE_LIMIT);
    else
        object = parse_text(name, text, size, error);
    free(text);
    if (path != NULL)
        fclose(file);
    return object;
}

static struct json_object *
member_of(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;
    if (object != NULL && json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, name, &member);
    return member;
}

static const char *
text_of(struct json_object *object, const char *name)
{
    struct json_object *member = member_of(object, name);
    const char *text = member != NULL ? json_object_get_string(member) : NULL;
    return text != NULL ? text : "";
}

/* Borrows the object's own text. */
static struct slice
slice_of_json(struct json_object *object)
{
    if (object == NULL)
        return SLICE_NONE;
    const char *text =
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    return (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
}

/* --- records
 * -------------------------------------------------------------------------------------------------- */

static int
fill_fields(struct journey *journey, struct fep_record *record, struct json_object *fields, size_t row,
            bool in_row)
{
    const struct fep_layout *layout = record_layout(record);
    if (fields == NULL)
        return 0;
    if (!json_object_is_type(fields, json_type_object))
        return error_set(&journey->error, 0, FEP_E_USAGE, "layout %s: an object with its fields expected",
                         layout->name);
    json_object_object_foreach(fields, name, value)
    {
        const char *text = value != NULL ? json_object_get_string(value) : "";
        int field = layout_find_field(layout, name, in_row);
        if (field < 0)
            return error_set(&journey->error, 0, FEP_E_INVALID_FIELD, "layout %s has no field %.60s",
                             layout->name, name);
        int status = in_row ? record_set_in_row(record, row, (size_t)field, text, strlen(text))
                            : record_set(record, (size_t)field, text, strlen(text));
        if (status != 0)
            return error_set(&journey->error, 0, FEP_E_NO_MEMORY, "no memory for field %.60s", name);
    }
    return 0;
}

static int
fill_rows(struct journey *journey, struct fep_record *record, struct json_object *rows)
{
    size_t count =
        rows != NULL && json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < count; i++) {
        if (record_add_row(record) < 0)
            return error_set(&journey->error, 0, FEP_E_OVERSIZE, "layout %s takes no more than %zu rows",
                             record_layout(record)->name, i);
        if (fill_fields(journey, record, json_object_array_get_idx(rows, i), i, true) != 0)
            return -1;
    }
    return 0;
}

/* A record of layout NAME + SUFFIX; NULL with the error, or because there is no such layout and no field was
 * given. */
static struct fep_record *
build_record(struct journey *journey, const char *name, const char *suffix, struct json_object *fields,
             struct json_object *rows)
{
    char layout_name[80];
    snprintf(layout_name, sizeof layout_name, "%.60s%s", name, suffix);
    const struct fep_layout *layout = mapping_find_layout(journey->mapping, layout_name);
    if (layout == NULL) {
        error_set(&journey->error, 0, FEP_E_NOT_MAPPED, "the mapping has no layout %s", layout_name);
        return NULL;
    }
    struct fep_record *record = record_create(layout);
    if (record == NULL)
        error_set(&journey->error, 0, FEP_E_NO_MEMORY, "no memory for a record");
    else if (fill_fields(journey, record, fields, 0, false) != 0 || fill_rows(journey, record, rows) != 0) {
        record_destroy(record);
        record = NULL;
    }
    return record;
}

/* --- showing
 * -------------------------------------------------------------------------------------------------- */

static void
print_trace(void *arg, const char *line)
{
    (void)arg;
    printf("  %s\n", line);
}

static void
print_header(const struct journey *journey, const struct message_header *header,
             const struct fep_index *index)
{
    printf("%s  infno=%s msgid=%s treat=%s insured=%s institution=%s\n",
           ctl_text(journey->ctl, "报文头", "header"), header->infno, header->key.msgid, header->treat_area,
           header->insured_area, header->institution);
    if (header->original_msgid[0] != '\0')
        printf("        original_msgid=%s original_infno=%s\n", header->original_msgid,
               header->original_infno);
    printf("%s  visit=%s settlement=%s med_type=%s insutype=%s", ctl_text(journey->ctl, "索引", "index"),
           index->visit_id, index->settlement_id, index->med_type, index->insutype);
    if (index->has_money)
        printf(" total=%" PRId64 " fund=%" PRId64 " account=%" PRId64 " cash=%" PRId64 " (%s)",
               index->total_fen, index->fund_fen, index->account_fen, index->cash_fen,
               ctl_text(journey->ctl, "分", "fen"));
    putchar('\n');
}

/* The whole body holds personal data: only if asked for. */
static void
print_body(const struct journey *journey, struct slice body)
{
    if (journey->context.show && body.size > 0)
        printf("%s  %.*s\n", ctl_text(journey->ctl, "报文体", "body"), (int)body.size,
               (const char *)body.data);
    else
        printf("%s  %zu %s\n", ctl_text(journey->ctl, "报文体", "body"), body.size,
               ctl_text(journey->ctl, "字节；--show 显示全文", "bytes; --show prints it"));
}

static void
print_leg(const struct journey *journey, const char *zh, const char *en)
{
    printf("%s\n", ctl_text(journey->ctl, zh, en));
}

/* --- the two directions
 * --------------------------------------------------------------------------------------- */

static int
show_answer_out(struct journey *journey, const struct mapping_request *request)
{
    struct json_object *answer = member_of(journey->message, "answer");
    struct fep_record *body = NULL;
    struct fep_result result = {.size = sizeof result};
    if (answer == NULL)
        return 0;
    print_leg(journey, "答复：国家标准 -> 本地", "answer: canonical -> local");
    int status = mapping_answer_out(journey->mapping, request, slice_of_json(answer), &result,
                                    &journey->context, &body, &journey->error);
    record_destroy(body);
    return status;
}

static int
show_in(struct journey *journey)
{
    struct json_object *message = journey->message;
    const char *local = text_of(message, "local");
    struct mapping_request request = {0};
    struct fep_record *body = NULL;
    struct fep_record *head = build_record(journey, "head", "-Q", member_of(message, "head"), NULL);
    if (head == NULL)
        return -1;
    body = build_record(journey, local, "-Q", member_of(message, "body"), member_of(message, "rows"));
    int status = -1;
    if (body != NULL) {
        print_leg(journey, "请求：本地 -> 国家标准", "request: local -> canonical");
        status = mapping_request_in(journey->mapping, local, head, body, &journey->context, &request,
                                    &journey->error);
    }
    if (status == 0) {
        print_header(journey, &request.header, &request.index);
        print_body(journey, request.body);
        status = show_answer_out(journey, &request);
    }
    slice_release(&request.body);
    record_destroy(body);
    record_destroy(head);
    return status;
}

static void
fill_header(struct journey *journey, struct message_header *header)
{
    struct json_object *given = member_of(journey->message, "header");
    snprintf(header->infno, sizeof header->infno, "%s", text_of(given, "infno"));
    snprintf(header->key.origin, sizeof header->key.origin, "%s", text_of(given, "origin"));
    snprintf(header->key.msgid, sizeof header->key.msgid, "%s", text_of(given, "msgid"));
    snprintf(header->treat_area, sizeof header->treat_area, "%s", text_of(given, "treat_area"));
    snprintf(header->insured_area, sizeof header->insured_area, "%s", text_of(given, "insured_area"));
    snprintf(header->institution, sizeof header->institution, "%s", text_of(given, "institution"));
    header->transaction_class = CLASS_UPDATE;
    header->day = journey->context.clock_date;
}

static int
show_answer_in(struct journey *journey, const struct message_header *header, const char *local,
               struct slice request)
{
    struct json_object *answer = member_of(journey->message, "answer");
    struct slice canonical = SLICE_NONE;
    struct fep_index index = {.size = sizeof index};
    struct fep_result result = {.size = sizeof result};
    if (answer == NULL)
        return 0;
    struct fep_record *record =
        build_record(journey, local, "-R", member_of(answer, "body"), member_of(answer, "rows"));
    if (record == NULL)
        return -1;
    print_leg(journey, "答复：本地 -> 国家标准", "answer: local -> canonical");
    int status = mapping_answer_in(journey->mapping, header, request, record, &journey->context, &canonical,
                                   &index, &result, &journey->error);
    if (status == 0) {
        print_header(journey, header, &index);
        print_body(journey, canonical);
    }
    if (status == 0 && result.reason == FEP_REASON_INCONSISTENT)
        status = error_set(&journey->error, 0, FEP_E_MONEY_EQUATION, "%s", result.text);
    slice_release(&canonical);
    record_destroy(record);
    return status;
}

static int
show_out(struct journey *journey)
{
    struct message_header header = {0};
    struct fep_index index = {.size = sizeof index};
    struct fep_record *head = NULL, *record = NULL;
    struct slice body = slice_of_json(member_of(journey->message, "body"));
    fill_header(journey, &header);
    print_leg(journey, "请求：国家标准 -> 本地", "request: canonical -> local");
    const char *local = mapping_request_out(journey->mapping, &header, &index, body, FEP_OP_SUBMIT,
                                            &journey->context, &head, &record, &journey->error);
    int status = local != NULL ? 0 : -1;
    if (local != NULL) {
        printf("%s  %s\n", ctl_text(journey->ctl, "本地交易", "local transaction"), local);
        status = show_answer_in(journey, &header, local, body);
    }
    record_destroy(head);
    record_destroy(record);
    return status;
}

static void
fill_context(struct journey *journey)
{
    struct json_object *visit = member_of(journey->message, "visit");
    struct mapping_context *context = &journey->context;
    int64_t now = clock_wall_ms(&clock_system);
    context->own_area = text_of(journey->message, "own_area");
    context->visit_request = slice_of_json(member_of(visit, "request"));
    context->visit_answer = slice_of_json(member_of(visit, "answer"));
    snprintf(context->visit_infno, sizeof context->visit_infno, "%s", text_of(visit, "infno"));
    context->clock_date = clock_date(now);
    context->clock_time = clock_time(now);
    context->pseudonym_key = test_key;
    context->pseudonym_key_size = sizeof test_key;
    context->trace = print_trace;
    context->show = journey->ctl->show;
    journey->attempt = (struct fep_attempt){
        .size = sizeof journey->attempt, .number = 1, .serial = 1, .serial_date = context->clock_date};
    context->attempt = &journey->attempt;
}

static int
run_journey(struct journey *journey)
{
    const char *direction = text_of(journey->message, "direction");
    int status;
    fill_context(journey);
    if (strcmp(direction, "in") == 0)
        status = show_in(journey);
    else if (strcmp(direction, "out") == 0)
        status = show_out(journey);
    else
        status = error_set(&journey->error, 0, FEP_E_USAGE, "direction = \"%.20s\": in or out expected",
                           direction);
    fflush(stdout);
    return status == 0 ? CTL_GOOD : ctl_fail(journey->ctl, &journey->error, CTL_BAD);
}

int
ctl_map_test(struct ctl *ctl)
{
    struct journey journey = {.ctl = ctl};
    struct mapping *mapping =
        mapping_file_load(ctl->words[0], ctl->base, NULL, ctl_report, NULL, &journey.error);
    if (mapping == NULL)
        return ctl_fail(ctl, &journey.error, CTL_MISUSED);
    journey.mapping = mapping;
    journey.message = read_message(ctl->count > 1 ? ctl->words[1] : NULL, &journey.error);
    int exit_code =
        journey.message != NULL ? run_journey(&journey) : ctl_fail(ctl, &journey.error, CTL_MISUSED);
    json_object_put(journey.message);
    mapping_destroy(mapping);
    return exit_code;
}
