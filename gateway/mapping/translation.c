/* What all translations share: beginning, end, errors, the trace for people. Must never put a value into an
 * error, and into the trace only what is not personal, or is asked for. */
#include "translation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crosswalk.h"
#include "error.h"

void
translation_begin(struct translation *translation, const struct mapping *mapping,
                  const struct mapping_context *context, struct message_header *header, bool is_request,
                  struct fep_error *error)
{
    *translation = (struct translation){
        .mapping = mapping, .context = context, .header = header, .is_request = is_request};
    translation->error = error != NULL ? error : &translation->spare;
}

void
translation_end(struct translation *translation)
{
    if (translation->root_is_loose)
        json_object_put(translation->root);
    json_object_put(translation->body);
    json_object_put(translation->asked);
    json_object_put(translation->visit_request);
    json_object_put(translation->visit_answer);
    json_object_put(translation->person);
    json_object_put(translation->lines);
    arena_free(&translation->scratch);
}

int
translation_new_body(struct translation *translation)
{
    translation->body = json_object_new_object();
    translation->root = json_object_new_object();
    translation->root_is_loose = translation->root != NULL;
    return translation->body != NULL && translation->root != NULL ? 0 : translation_no_memory(translation);
}

int
translation_parse_asked(struct translation *translation)
{
    if (translation->asked_parsed)
        return translation->asked != NULL ? 0 : -1;
    translation->asked_parsed = true;
    translation->asked = canonical_parse(translation->asked_body, translation->error);
    return translation->asked != NULL ? 0 : error_wrap(translation->error, "the request");
}

int
translation_close_body(struct translation *translation, const char *part)
{
    if (json_object_object_add(translation->body, part, translation->root) != 0)
        return translation_no_memory(translation);
    translation->root_is_loose = false;
    return 0;
}

/* The reference protocols know two codes for what is wrong with a request's form. */
static unsigned
fault_code(const struct translation *translation, unsigned code)
{
    if (!translation->is_request || code == FEP_E_NO_MEMORY)
        return code;
    return code == FEP_E_CHARSET || code == FEP_E_MALFORMED_REQUEST ? 1001 : 1003;
}

int
translation_fault(struct translation *translation, const struct rule *rule, unsigned code, const char *format,
                  ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *name = rule == NULL                 ? "message"
                       : rule->layout_field != NULL ? rule->layout_field->name
                                                    : rule->canonical.text;
    char row[32] = "";
    if (translation->element != NULL)
        snprintf(row, sizeof row, " in line %zu", translation->row + 1);
    return error_set(translation->error, FEP_REFUSED, fault_code(translation, code), "%s%s%s%s%s%s: %s",
                     rule != NULL ? "field " : "", name, row, rule != NULL ? " (" : "",
                     rule != NULL ? rule->where : "", rule != NULL ? ")" : "", what);
}

/* The value of a code list that the list does not know. */
static int
unknown_code(struct translation *translation, const struct rule *rule, const char *text)
{
    /* A code is short; anything longer may be another field's content that slipped in here. */
    size_t size = strlen(text);
    if (size > 4)
        return translation_fault(translation, rule, FEP_E_CODE_NOT_MAPPED,
                                 "a value of %zu bytes is not in the code list %s", size, rule->codes->name);
    return translation_fault(translation, rule, FEP_E_CODE_NOT_MAPPED, "\"%s\" is not in the code list %s",
                             text, rule->codes->name);
}

int
translation_code(struct translation *translation, const struct rule *rule, unsigned direction,
                 struct fep_bytes *value)
{
    char *text = arena_text(&translation->scratch, (const char *)value->data, value->size);
    if (text == NULL)
        return translation_no_memory(translation);
    const char *found =
        codes_translate(rule->codes, direction, text, value->size, text, translation->mapping->coverage);
    if (found == NULL)
        return unknown_code(translation, rule, text);
    *value = (struct fep_bytes){(const unsigned char *)found, strlen(found)};
    return 0;
}

void
translation_catalogue(struct translation *translation, unsigned direction, struct fep_bytes *value)
{
    const char *found = crosswalk_find(translation->mapping->crosswalk, direction, (const char *)value->data,
                                       value->size, translation->context->clock_date);
    *value = (struct fep_bytes){(const unsigned char *)found, found != NULL ? strlen(found) : 0};
}

int
translation_no_memory(struct translation *translation)
{
    return error_set(translation->error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a translation");
}

static void
write_value(const struct translation *translation, const struct rule *rule, struct fep_bytes value, char *out,
            size_t room)
{
    bool personal = rule->layout_field != NULL && (rule->layout_field->flags & FEP_FIELD_PERSONAL) != 0;
    if (value.size == 0)
        snprintf(out, room, "-");
    else if (personal && !translation->context->show)
        snprintf(out, room, "(%zu bytes, personal)", value.size);
    else
        snprintf(out, room, "\"%.*s\"", value.size < 120 ? (int)value.size : 120, (const char *)value.data);
}

void
trace_field(struct translation *translation, const char *arrow, const struct rule *rule,
            struct fep_bytes local, struct fep_bytes canonical)
{
    char line[512], left[160], right[160];
    if (translation->context->trace == NULL)
        return;
    write_value(translation, rule, local, left, sizeof left);
    write_value(translation, rule, canonical, right, sizeof right);
    const char *field = rule->layout_field != NULL ? rule->layout_field->name : "-";
    const char *path = rule->canonical.text;
    if (translation->element != NULL)
        snprintf(line, sizeof line, "%s[%zu] %s %s %s %s  %s", field, translation->row + 1, left, arrow, path,
                 right, rule->where);
    else
        snprintf(line, sizeof line, "%s %s %s %s %s  %s", field, left, arrow, path, right, rule->where);
    translation->context->trace(translation->context->trace_arg, line);
}
