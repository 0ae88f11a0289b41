/* Messages for mappings, read from JSON files. Must never take a field that the layout does not have: a
 * spelling mistake would look like an empty field. */
#include "map_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"

enum { MESSAGE_LIMIT = 4 << 20 };

/* Order keys made here mean nothing elsewhere. */
static const uint8_t test_key[32] = {0x74, 0x65, 0x73, 0x74};

/* --- reading -------------------------------------------------------------------------------------- */

static struct json_object *
parse_text(const char *path, const char *text, size_t size, bool several, struct fep_error *error)
{
    struct json_tokener *tokener = json_tokener_new_ex(32);
    if (tokener == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory to read %s", path);
        return NULL;
    }
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
    bool good = object != NULL && (json_object_is_type(object, json_type_object) ||
                                   (several && json_object_is_type(object, json_type_array)));
    if (!good) {
        error_set(error, 0, FEP_E_USAGE, "%s: byte %zu: not a JSON object: %s", path,
                  json_tokener_get_parse_end(tokener),
                  json_tokener_error_desc(json_tokener_get_error(tokener)));
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

struct json_object *
map_message_read(const char *path, bool several, struct fep_error *error)
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
        object = parse_text(name, text, size, several, error);
    free(text);
    if (path != NULL)
        fclose(file);
    return object;
}

struct json_object *
map_message_member(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;
    if (object != NULL && json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, name, &member);
    return member;
}

const char *
map_message_text(struct json_object *object, const char *name)
{
    struct json_object *member = map_message_member(object, name);
    const char *text = member != NULL ? json_object_get_string(member) : NULL;
    return text != NULL ? text : "";
}

int64_t
map_message_number(struct json_object *object, const char *name, int64_t otherwise)
{
    struct json_object *member = map_message_member(object, name);
    return member != NULL ? json_object_get_int64(member) : otherwise;
}

struct slice
map_message_slice(struct json_object *object)
{
    if (object == NULL)
        return SLICE_NONE;
    const char *text =
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    return (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
}

/* --- what surrounds it ---------------------------------------------------------------------------- */

static void
fill_attempt(struct json_object *given, uint32_t today, struct fep_attempt *attempt)
{
    *attempt = (struct fep_attempt){.size = sizeof *attempt,
                                    .number = 1,
                                    .serial = (uint64_t)map_message_number(given, "serial", 1),
                                    .serial_date = (uint32_t)map_message_number(given, "date", today)};
    attempt->accounting_date = (uint32_t)map_message_number(given, "accounting_date", 0);
    snprintf(attempt->cycle, sizeof attempt->cycle, "%s", map_message_text(given, "cycle"));
}

void
map_message_surround(struct map_message *message, const char *clock)
{
    struct json_object *visit = map_message_member(message->json, "visit");
    struct mapping_context *context = &message->context;
    const char *given = map_message_text(message->json, "clock");
    char digits[15];
    snprintf(digits, sizeof digits, "%.14s", strlen(given) == 14 ? given : clock);
    context->clock_time = (uint32_t)strtoul(digits + 8, NULL, 10);
    digits[8] = '\0';
    context->clock_date = (uint32_t)strtoul(digits, NULL, 10);
    context->own_area = map_message_text(message->json, "own_area");
    context->visit_request = map_message_slice(map_message_member(visit, "request"));
    context->visit_answer = map_message_slice(map_message_member(visit, "answer"));
    snprintf(context->visit_infno, sizeof context->visit_infno, "%s", map_message_text(visit, "infno"));
    context->person_answer = map_message_slice(map_message_member(message->json, "person"));
    context->visit_lines = map_message_slice(map_message_member(message->json, "visit_lines"));
    context->pseudonym_key = test_key;
    context->pseudonym_key_size = sizeof test_key;
    fill_attempt(map_message_member(message->json, "attempt"), context->clock_date, &message->attempt);
    context->attempt = &message->attempt;
    struct json_object *original = map_message_member(message->json, "original");
    if (original != NULL) {
        fill_attempt(original, context->clock_date, &message->original);
        context->original_attempt = &message->original;
    }
}

void
map_message_fill_header(struct map_message *message, struct message_header *header)
{
    struct json_object *given = map_message_member(message->json, "header");
    const struct {
        const char *name;
        char *out;
        size_t room;
    } members[] = {{"infno", header->infno, sizeof header->infno},
                   {"origin", header->key.origin, sizeof header->key.origin},
                   {"msgid", header->key.msgid, sizeof header->key.msgid},
                   {"treat_area", header->treat_area, sizeof header->treat_area},
                   {"insured_area", header->insured_area, sizeof header->insured_area},
                   {"institution", header->institution, sizeof header->institution},
                   {"original_msgid", header->original_msgid, sizeof header->original_msgid},
                   {"original_infno", header->original_infno, sizeof header->original_infno}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        snprintf(members[i].out, members[i].room, "%s", map_message_text(given, members[i].name));
    header->transaction_class = CLASS_UPDATE;
    header->day = message->context.clock_date;
}

/* --- records -------------------------------------------------------------------------------------- */

static int
fill_fields(struct map_message *message, struct fep_record *record, struct json_object *fields, size_t row,
            bool in_row)
{
    const struct fep_layout *layout = record_layout(record);
    if (fields == NULL)
        return 0;
    if (!json_object_is_type(fields, json_type_object))
        return error_set(&message->error, 0, FEP_E_USAGE, "layout %s: an object with its fields expected",
                         layout->name);
    json_object_object_foreach(fields, name, value)
    {
        const char *text = value != NULL ? json_object_get_string(value) : "";
        int field = layout_find_field(layout, name, in_row);
        if (field < 0)
            return error_set(&message->error, 0, FEP_E_INVALID_FIELD, "layout %s has no field %.60s",
                             layout->name, name);
        int status = in_row ? record_set_in_row(record, row, (size_t)field, text, strlen(text))
                            : record_set(record, (size_t)field, text, strlen(text));
        if (status != 0)
            return error_set(&message->error, 0, FEP_E_NO_MEMORY, "no memory for field %.60s", name);
    }
    return 0;
}

static int
fill_rows(struct map_message *message, struct fep_record *record, struct json_object *rows)
{
    size_t count =
        rows != NULL && json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < count; i++) {
        if (record_add_row(record) < 0)
            return error_set(&message->error, 0, FEP_E_OVERSIZE, "layout %s takes no more than %zu rows",
                             record_layout(record)->name, i);
        if (fill_fields(message, record, json_object_array_get_idx(rows, i), i, true) != 0)
            return -1;
    }
    return 0;
}

struct fep_record *
map_message_record(struct map_message *message, const char *name, const char *suffix,
                   struct json_object *fields, struct json_object *rows)
{
    char layout_name[80];
    snprintf(layout_name, sizeof layout_name, "%.60s%s", name, suffix);
    const struct fep_layout *layout = mapping_find_layout(message->mapping, layout_name);
    if (layout == NULL) {
        error_set(&message->error, 0, FEP_E_NOT_MAPPED, "the mapping has no layout %s", layout_name);
        return NULL;
    }
    struct fep_record *record = record_create(layout);
    if (record == NULL)
        error_set(&message->error, 0, FEP_E_NO_MEMORY, "no memory for a record");
    else if (fill_fields(message, record, fields, 0, false) != 0 || fill_rows(message, record, rows) != 0) {
        record_destroy(record);
        record = NULL;
    }
    return record;
}
