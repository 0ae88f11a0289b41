/* Lines -> records. Must never hand on a number that is not one. A field that is not what its layout says
 * fails the whole line with its name and place; the value itself is never in the text. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* --- one field --- */

static int
check_value(const struct fep_field *field, const char *value, size_t size, size_t wire_size,
            struct fep_error *error)
{
    if (size == 0) {
        if ((field->flags & FEP_FIELD_REQUIRED) != 0)
            return set_error(error, FEP_REFUSED, 1003, "empty");
        return 0;
    }
    switch (field->type) {
    case FEP_FIELD_DIGITS:
        if (!is_all_digits(value, size) || size > 18 || (field->length > 0 && size != field->length))
            return set_error(error, FEP_REFUSED, 1003, "expected %u digits", field->length);
        return 0;
    case FEP_FIELD_RATIO:
        if (!is_strict_decimal(value, size, field->scale) || value[0] == '-' || value[0] > '1' ||
            value[1] != '.')
            return set_error(error, FEP_REFUSED, 1003, "expected a ratio with %u decimals", field->scale);
        return 0;
    case FEP_FIELD_DECIMAL:
        if (!is_strict_decimal(value, size, field->scale))
            return set_error(error, FEP_REFUSED, 1003, "expected a number with %u decimals", field->scale);
        return 0;
    default:
        if (field->length > 0 && wire_size > field->length)
            return set_error(error, FEP_REFUSED, 1003, "%zu bytes; the field holds %u", wire_size,
                             field->length);
        return 0;
    }
}

/* A decimal as the layout has it, whatever way it is written on the wire. Returns its size, or -1. */
static int
read_decimal(const struct caret_codec *codec, const struct fep_field *field, char *value, size_t size)
{
    bool negative = false;
    char digits[24], text[40];
    unsigned scale = codec->decimals == DECIMALS_IMPLIED ? 0 : field->scale;
    int count = parse_decimal(value, size, scale, &negative, digits);
    if (count < 0 || (codec->decimals == DECIMALS_IMPLIED && memchr(value, '.', size) != NULL))
        return -1;
    size_t at = strspn(digits, "0"), length = (size_t)count;
    bool zero = at == length;
    char padded[48];
    int put = snprintf(padded, sizeof padded, "%s%s", "000000000000000000", digits);
    size_t whole = (size_t)put - field->scale, from = strspn(padded, "0");
    if (from > whole - 1)
        from = whole - 1;
    put = snprintf(text, sizeof text, "%s%.*s%s%s", negative && !zero ? "-" : "", (int)(whole - from),
                   padded + from, field->scale > 0 ? "." : "", padded + whole);
    memcpy(value, text, (size_t)put);
    return put;
}

/* Decodes, folds and checks one field. Returns the size in `out`, which has room for CARET_SCRATCH bytes. */
static int
decode_field(struct caret_codec *codec, const struct fep_field *field, struct fep_bytes in, char *out,
             size_t out_size, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    bool lenient = field->type == FEP_FIELD_TEXT;
    struct text_view view = trim_text((const char *)in.data, in.size);
    if (codec->empty != NULL && view.size == strlen(codec->empty) &&
        memcmp(view.data, codec->empty, view.size) == 0)
        view.size = 0;
    if (view.size > CARET_MAX_VALUE)
        return set_error(error, FEP_REFUSED, 1003, "%zu bytes; a field holds %d at most", view.size,
                         CARET_MAX_VALUE);
    if (view.size > 0 && memchr(view.data, '\0', view.size) != NULL)
        return set_error(error, FEP_REFUSED, 1001, "a NUL inside");
    int decoded = host->decode_text(host->self, (const unsigned char *)view.data, view.size, lenient, out,
                                    out_size, error);
    if (decoded < 0) {
        if (error != NULL)
            error->code = 1001;
        return -1;
    }
    size_t value = (size_t)decoded, wire_size = view.size;
    if (lenient) {
        if (memmem(out, value, "\xEF\xBF\xBD", 3) != NULL)
            codec->illegal_texts++;
    } else {
        value = fold_full_width(out, value);
        struct text_view folded = trim_text(out, value);
        memmove(out, folded.data, folded.size);
        value = folded.size;
        if (value < wire_size) /* full-width forms count as what they became */
            wire_size = value;
    }
    if (value > 0 && codec->decimals != DECIMALS_EXACT &&
        (field->type == FEP_FIELD_DECIMAL || field->type == FEP_FIELD_RATIO)) {
        int rewritten = read_decimal(codec, field, out, value);
        if (rewritten < 0)
            return set_error(error, FEP_REFUSED, 1003, "expected a number with %u decimals", field->scale);
        value = (size_t)rewritten;
    }
    return check_value(field, out, value, wire_size, error) < 0 ? -1 : (int)value;
}

/* --- heads --- */

static struct fep_record *
create_record(const struct fep_host *host, const char *layout, struct fep_error *error)
{
    struct fep_record *record = host->create_record(host->self, layout);
    if (record == NULL)
        set_error(error, FEP_REFUSED, 1002, "no layout %.40s, or no memory", layout);
    return record;
}

struct fep_record *
caret_decode_head(struct caret_codec *codec, bool request, const unsigned char *line, size_t size,
                  struct fep_bytes *body, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *head = create_record(host, request ? "head-Q" : "head-R", error);
    if (head == NULL)
        return NULL;
    const struct fep_layout *layout = host->record_layout(head);
    size_t needed = request ? codec->request_min_fields : codec->answer_min_fields;
    size_t body_at = request ? codec->request_body : codec->answer_body;
    char value[CARET_SCRATCH];
    struct fep_error first = {0}; /* a line with too few fields is told as that, whatever its fields hold */
    struct caret_list list = {.data = line, .size = size, .mark = codec->field_mark};
    struct fep_bytes bytes;
    size_t index = 0;
    *body = (struct fep_bytes){NULL, 0};
    for (; index < layout->field_count && caret_next_field(codec, &list, &bytes); index++) {
        if (index == body_at) {
            *body = bytes;
        } else if (first.text[0] == '\0') {
            int got = decode_field(codec, &layout->fields[index], bytes, value, sizeof value, &first);
            if (got < 0)
                caret_name_place(&first, layout->name, layout->fields[index].name, 0, index + 1);
            else if (host->record_set(head, index, value, (size_t)got) < 0)
                set_error(&first, FEP_REFUSED, 9001, "no memory");
        }
    }
    if (codec->flat && index == layout->field_count && !list.over)
        *body = (struct fep_bytes){line + list.at, size - list.at};
    if (index < needed)
        set_error(error, FEP_REFUSED, 1001, "%zu fields %s %c; expected at least %zu", index,
                  codec->closed ? "closed by" : "between", codec->field_mark, needed);
    else if (first.text[0] != '\0' && error != NULL)
        *error = first;
    else if (first.text[0] == '\0')
        return head;
    host->release_record(host->self, head);
    return NULL;
}

int
caret_peek_field(struct caret_codec *codec, const unsigned char *line, size_t size, size_t index, char *out,
                 size_t out_size)
{
    const struct fep_field field = {"", FEP_FIELD_CODE, (uint32_t)(out_size - 1), 0, 0};
    struct caret_list list = {.data = line, .size = size, .mark = codec->field_mark};
    struct fep_bytes bytes = {NULL, 0};
    char value[CARET_SCRATCH];
    for (size_t i = 0; i <= index; i++) {
        if (!caret_next_field(codec, &list, &bytes))
            return -1;
    }
    int got = decode_field(codec, &field, bytes, value, sizeof value, NULL);
    if (got < 0 || (size_t)got >= out_size)
        return -1;
    memcpy(out, value, (size_t)got);
    out[got] = '\0';
    return got;
}

/* --- bodies --- */

/* Where the fields of one list go: the plain ones, or those of a record. */
struct target {
    struct fep_record *record;
    size_t row; /* from 1; 0: the plain fields */
};

static int
take_field(struct caret_codec *codec, const struct target *target, size_t index, struct fep_bytes bytes,
           struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(target->record);
    const struct fep_field *field = target->row > 0 ? &layout->group_fields[index] : &layout->fields[index];
    char value[CARET_SCRATCH];
    int got = decode_field(codec, field, bytes, value, sizeof value, error);
    if (got < 0)
        return caret_name_place(error, layout->name, field->name, target->row, index + 1);
    int set = target->row > 0
                  ? host->record_set_in_row(target->record, target->row - 1, index, value, (size_t)got)
                  : host->record_set(target->record, index, value, (size_t)got);
    return set < 0 ? set_error(error, FEP_REFUSED, 9001, "no memory") : 0;
}

/* Fields of one list up to its end; more than the layout knows are ignored, missing ones empty. With `next`
 * the list goes on behind the layout's fields: that is left to the caller. */
static int
decode_list(struct caret_codec *codec, const struct target *target, struct caret_list *list, bool next,
            struct fep_error *error)
{
    const struct fep_layout *layout = codec->host->record_layout(target->record);
    size_t count = target->row > 0 ? layout->group_field_count : layout->field_count, index = 0;
    struct fep_bytes bytes;
    while ((!next || index < count) && caret_next_field(codec, list, &bytes)) {
        if (index < count && take_field(codec, target, index, bytes, error) < 0)
            return -1;
        index++;
    }
    bool ended = !next || index < count;
    if (ended && trim_text((const char *)list->data + list->at, list->size - list->at).size > 0)
        return set_error(error, FEP_REFUSED, 1001, "%.40s: a field after field %zu is not closed by %c",
                         layout->name, index, list->mark);
    for (; index < count; index++) {
        struct fep_bytes nothing = {(const unsigned char *)"", 0};
        if (take_field(codec, target, index, nothing, error) < 0)
            return -1;
    }
    return 0;
}

static int
check_count(const struct caret_codec *codec, const struct fep_record *record, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    int field = caret_count_field(codec, layout);
    if (field < 0)
        return 0;
    size_t rows = host->record_rows(record), length = strlen(layout->name);
    if (rows == 0 && layout->name[length - 1] == 'Q')
        return set_error(error, FEP_REFUSED, 2204, "%.40s: no records", layout->name);
    struct fep_bytes text = host->record_get(record, (size_t)field);
    char number[24], told[24];
    snprintf(number, sizeof number, "%zu", rows);
    snprintf(told, sizeof told, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
    if (strtoull(told, NULL, 10) != rows)
        return set_error(error, FEP_REFUSED, 1003, "%.40s.%.40s says %.20s, there are %s records",
                         layout->name, layout->fields[field].name, told, number);
    return 0;
}

static int
add_row(struct caret_codec *codec, struct target *target, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(target->record);
    target->row++;
    if (layout->group_name == NULL)
        return set_error(error, FEP_REFUSED, 1003, "%.40s has no records", layout->name);
    if (host->record_add_row(target->record) < 0)
        return set_error(error, FEP_REFUSED, 2204, "%.40s: more than %zu records", layout->name,
                         layout->group_max_rows);
    return 0;
}

/* Plain fields, then records that are opened by their mark. */
static int
decode_opened(struct caret_codec *codec, struct target *target, struct fep_bytes body,
              struct fep_error *error)
{
    struct caret_list parts = {.data = body.data, .size = body.size, .mark = codec->record_mark};
    for (;;) {
        struct fep_bytes part;
        size_t from = parts.at;
        bool more = caret_next_field(codec, &parts, &part) && !parts.over;
        if (!more)
            part = (struct fep_bytes){body.data + from, body.size - from};
        struct caret_list list = {.data = part.data,
                                  .size = part.size,
                                  .mark = target->row > 0 ? codec->record_field_mark : codec->body_mark};
        if (decode_list(codec, target, &list, false, error) < 0)
            return -1;
        if (!more)
            return 0;
        if (add_row(codec, target, error) < 0)
            return -1;
    }
}

/* Plain fields, then one field with all records. */
static int
decode_packed(struct caret_codec *codec, struct target *target, struct fep_bytes body,
              struct fep_error *error)
{
    const struct fep_layout *layout = codec->host->record_layout(target->record);
    bool grouped = layout->group_name != NULL;
    struct caret_list list = {.data = body.data, .size = body.size, .mark = codec->body_mark};
    struct fep_bytes field, one;
    if (decode_list(codec, target, &list, grouped, error) < 0)
        return -1;
    if (!grouped || !caret_next_field(codec, &list, &field) ||
        trim_text((const char *)field.data, field.size).size == 0)
        return 0;
    struct caret_list records = {.data = field.data, .size = field.size, .mark = codec->record_mark};
    while (caret_next_field(codec, &records, &one)) {
        struct caret_list fields = {.data = one.data, .size = one.size, .mark = codec->record_field_mark};
        if (add_row(codec, target, error) < 0 || decode_list(codec, target, &fields, false, error) < 0)
            return -1;
    }
    return 0;
}

struct fep_record *
caret_decode_body(struct caret_codec *codec, const char *layout_name, struct fep_bytes body,
                  struct fep_bytes *rest, struct fep_error *error)
{
    static const unsigned char nothing[1] = "";
    const struct fep_host *host = codec->host;
    struct target target = {create_record(host, layout_name, error), 0};
    int result;
    if (target.record == NULL)
        return NULL;
    if (body.size == 0)
        body.data = nothing;
    if (rest != NULL) {
        struct caret_list list = {.data = body.data, .size = body.size, .mark = codec->body_mark};
        result = decode_list(codec, &target, &list, true, error);
        *rest = (struct fep_bytes){body.data + list.at, body.size - list.at};
    } else {
        result = (codec->packed ? decode_packed : decode_opened)(codec, &target, body, error);
        if (result == 0)
            result = check_count(codec, target.record, error);
    }
    if (result == 0)
        return target.record;
    host->release_record(host->self, target.record);
    return NULL;
}
