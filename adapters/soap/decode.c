/* Elements -> records. Must never hand on a number that is not one. A field that is not what its layout says
 * fails the whole message with its name and line; the value itself is never in the text. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MAX_CODE = 4096 };

static int
name_place(struct fep_error *error, const char *layout, const char *field, size_t row)
{
    char text[FEP_ERROR_TEXT];
    if (error == NULL)
        return -1;
    if (row > 0)
        snprintf(text, sizeof text, "%.40s line %zu %.40s: %.300s", layout, row, field, error->text);
    else
        snprintf(text, sizeof text, "%.40s %.40s: %.300s", layout, field, error->text);
    memcpy(error->text, text, sizeof error->text);
    return -1;
}

/* Bytes of the text in the wire's charset; a reference counts as the two bytes a character usually takes. */
static size_t
wire_length(const struct soap_codec *codec, const char *text, size_t size)
{
    size_t ascii = 0, characters = 0;
    if (codec->scheme == SCHEME_UTF8)
        return size;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        ascii += c < 0x80;
        characters += (c & 0xC0) != 0x80;
    }
    return ascii + (characters - ascii) * 2;
}

static int
check_decimal(const struct soap_codec *codec, const struct fep_field *field, const char *value, size_t size,
              struct fep_error *error)
{
    bool negative;
    char digits[24];
    bool loose = list_has(codec->wire.loose_decimals, field->name, strlen(field->name));
    bool good = loose ? parse_decimal(value, size, field->scale, &negative, digits) >= 0
                      : is_strict_decimal(value, size, field->scale);
    if (field->type == FEP_FIELD_RATIO)
        good = good && value[0] != '-' && value[0] <= '1' && value[1] == '.';
    if (!good)
        return set_error(error, FEP_REFUSED, 1003, "expected %s with %s%u decimals",
                         field->type == FEP_FIELD_RATIO ? "a ratio" : "a number", loose ? "at most " : "",
                         field->scale);
    size_t positions = size - (value[0] == '-') - (memchr(value, '.', size) != NULL) + 1;
    if (field->type == FEP_FIELD_DECIMAL && field->length > 0 && positions > field->length)
        return set_error(error, FEP_REFUSED, 1003, "too large for %u positions", field->length);
    return 0;
}

/* `strict` is for requests: what a caller sends is refused to the letter, what answers us is taken if it
 * means one thing only. */
static int
check_value(const struct soap_codec *codec, const struct fep_field *field, const char *value, size_t size,
            bool strict, struct fep_error *error)
{
    if (size == 0)
        return strict && (field->flags & FEP_FIELD_REQUIRED) != 0
                   ? set_error(error, FEP_REFUSED, 1003, "empty")
                   : 0;
    switch (field->type) {
    case FEP_FIELD_DIGITS:
        if (!is_all_digits(value, size) || size > 18 || (field->length > 0 && size != field->length))
            return set_error(error, FEP_REFUSED, 1003, "expected %u digits", field->length);
        return 0;
    case FEP_FIELD_DECIMAL:
    case FEP_FIELD_RATIO:
        return check_decimal(codec, field, value, size, error);
    default:
        if (strict && field->length > 0 && size > field->length &&
            wire_length(codec, value, size) > field->length)
            return set_error(error, FEP_REFUSED, 1003, "longer than %u bytes", field->length);
        return 0;
    }
}

static bool
holds_replacement(struct fep_bytes text)
{
    return text.data != NULL && memmem(text.data, text.size, "\xEF\xBF\xBD", 3) != NULL;
}

/* A value, folded where it is structure. Returns its size in *out (which points into the document or into
 * `folded`). */
static int
read_value(struct soap_codec *codec, const struct fep_field *field, struct fep_bytes text, bool strict,
           char folded[MAX_CODE], const char **out, struct fep_error *error)
{
    *out = (const char *)text.data;
    size_t size = text.size;
    if (field->type == FEP_FIELD_TEXT) {
        codec->illegal_texts += holds_replacement(text);
    } else if (size > 0) {
        if (holds_replacement(text))
            return set_error(error, FEP_REFUSED, 1001, "illegal bytes");
        if (size > MAX_CODE)
            return set_error(error, FEP_REFUSED, 1003, "%zu bytes; at most %d", size, MAX_CODE);
        memcpy(folded, text.data, size);
        struct text_view view = trim_text(folded, fold_full_width(folded, size));
        *out = view.data;
        size = view.size;
    }
    return check_value(codec, field, *out, size, strict, error) < 0 ? -1 : (int)size;
}

/* Where a record's fields are read into, and what was there already. */
struct reading {
    struct soap_codec *codec;
    struct fep_record *record;
    const struct fep_layout *layout;
    bool strict;
    size_t row; /* from 1; 0: plain fields */
    struct fep_error *error;
};

static const struct fep_field *
fields_of(const struct reading *reading, size_t *count)
{
    *count = reading->row > 0 ? reading->layout->group_field_count : reading->layout->field_count;
    return reading->row > 0 ? reading->layout->group_fields : reading->layout->fields;
}

static struct fep_bytes
value_of(const struct reading *reading, size_t index)
{
    const struct fep_host *host = reading->codec->host;
    return reading->row > 0 ? host->record_get_in_row(reading->record, reading->row - 1, index)
                            : host->record_get(reading->record, index);
}

/* The field of that name, looked for from `from` on: senders keep the order of their tables. */
static size_t
find_from(const struct fep_field *fields, size_t count, size_t from, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = from + i < count ? from + i : from + i - count;
        if (strcmp(fields[at].name, name) == 0)
            return at;
    }
    return count;
}

static int
take_field(struct reading *reading, const xmlNode *element, size_t index)
{
    const struct fep_host *host = reading->codec->host;
    size_t count;
    const struct fep_field *field = &fields_of(reading, &count)[index];
    struct fep_bytes text;
    char *joined, folded[MAX_CODE];
    const char *value;
    int size = -1;
    if (value_of(reading, index).data != NULL)
        set_error(reading->error, FEP_REFUSED, 1003, "it stands there twice");
    else if (xml_text(element, &text, &joined) < 0)
        set_error(reading->error, FEP_REFUSED, 1001, "expected a text");
    else {
        size = read_value(reading->codec, field, text, reading->strict, folded, &value, reading->error);
        if (size >= 0) {
            int set = reading->row > 0
                          ? host->record_set_in_row(reading->record, reading->row - 1, index,
                                                    size > 0 ? value : "", (size_t)size)
                          : host->record_set(reading->record, index, size > 0 ? value : "", (size_t)size);
            if (set < 0)
                size = set_error(reading->error, FEP_NOT_SENT, 9001, "no memory");
        }
        xml_free_text(joined);
    }
    return size < 0 ? name_place(reading->error, reading->layout->name, field->name, reading->row) : 0;
}

/* Fields that are missing altogether. */
static int
check_missing(const struct reading *reading)
{
    size_t count;
    const struct fep_field *fields = fields_of(reading, &count);
    for (size_t i = 0; i < count; i++) {
        if (value_of(reading, i).size == 0 &&
            check_value(reading->codec, &fields[i], "", 0, reading->strict, reading->error) < 0)
            return name_place(reading->error, reading->layout->name, fields[i].name, reading->row);
    }
    return 0;
}

static int
take_fields(struct reading *reading, const xmlNode *parent)
{
    size_t count, next = 0;
    const struct fep_field *fields = fields_of(reading, &count);
    for (xmlNode *child = xml_first_element(parent); child != NULL; child = xml_next_element(child)) {
        const char *name = (const char *)child->name;
        size_t index = find_from(fields, count, next, name);
        if (index == count) /* unknown elements are passed over */
            continue;
        if (take_field(reading, child, index) < 0)
            return -1;
        next = index + 1 < count ? index + 1 : 0;
    }
    return 0;
}

static int
take_rows(struct reading *reading, const xmlNode *parent)
{
    const struct fep_host *host = reading->codec->host;
    const struct fep_layout *layout = reading->layout;
    bool twice = false;
    const xmlNode *group =
        layout->group_name != NULL ? xml_find_child(parent, layout->group_name, &twice) : NULL;
    if (twice)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s: %.40s stands there twice", layout->name,
                         layout->group_name);
    for (xmlNode *row = xml_first_element(group); row != NULL; row = xml_next_element(row)) {
        if (!xml_is(row, NULL, reading->codec->wire.row))
            continue;
        if (host->record_add_row(reading->record) < 0)
            return set_error(reading->error, FEP_REFUSED, 2204, "%.40s: more than %zu lines", layout->name,
                             layout->group_max_rows);
        reading->row++;
        if (take_fields(reading, row) < 0 || check_missing(reading) < 0)
            return -1;
    }
    reading->row = 0;
    return 0;
}

static int
check_rows(const struct reading *reading, const char *transaction)
{
    const struct soap_wire *wire = &reading->codec->wire;
    const struct fep_host *host = reading->codec->host;
    const struct fep_layout *layout = reading->layout;
    if (layout->group_name == NULL)
        return 0;
    size_t rows = host->record_rows(reading->record);
    int field = find_field(layout, wire->row_count);
    struct fep_bytes said =
        field >= 0 ? host->record_get(reading->record, (size_t)field) : (struct fep_bytes){0};
    char number[24] = "";
    snprintf(number, sizeof number, "%.*s", (int)(said.size < 20 ? said.size : 20),
             said.size > 0 ? (const char *)said.data : "");
    if (rows == 0 && reading->strict && list_has(wire->rows_needed, transaction, strlen(transaction)))
        return set_error(reading->error, FEP_REFUSED, 2204, "%.40s: no lines", layout->name);
    if (said.size == 0 && field >= 0 && reading->strict)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s %.40s: empty", layout->name,
                         wire->row_count);
    if (said.size > 0 && strtoull(number, NULL, 10) != rows)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s %.40s says %s, there are %zu lines",
                         layout->name, wire->row_count, number, rows);
    return 0;
}

/* Numbers of requests that must lie between two bounds. */
static int
check_limits(const struct reading *reading, const char *transaction)
{
    const char *at = reading->codec->wire.number_limits, *word;
    struct soap_limit limit;
    size_t size;
    while (at != NULL && next_word(&at, &word, &size)) {
        char value[24];
        if (!soap_read_limit(word, size, &limit) || strcmp(limit.transaction, transaction) != 0)
            continue;
        int length = copy_field(reading->codec->host, reading->record, limit.field, value, sizeof value);
        unsigned long long number = length > 0 ? strtoull(value, NULL, 10) : 0;
        if (length < 0 || (length > 0 && (number < limit.least || number > limit.most)))
            return set_error(reading->error, FEP_REFUSED, 1003, "%.40s %.40s: expected %llu to %llu",
                             reading->layout->name, limit.field, limit.least, limit.most);
    }
    return 0;
}

static struct fep_record *
new_record(const struct soap_codec *codec, const char *name, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *record = host->create_record(host->self, name);
    if (record == NULL)
        set_error(error, FEP_REFUSED, 1002, "no layout %.40s, or no memory", name);
    return record;
}

struct fep_record *
soap_decode_head(struct soap_codec *codec, bool request, const struct soap_document *document,
                 struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *record = new_record(codec, request ? "head-Q" : "head-R", error);
    if (record == NULL)
        return NULL;
    struct reading reading = {.codec = codec,
                              .record = record,
                              .layout = host->record_layout(record),
                              .strict = request,
                              .error = error};
    if (take_fields(&reading, document->head) == 0 && check_missing(&reading) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

struct fep_record *
soap_decode_body(struct soap_codec *codec, bool request, const char *transaction, const xmlNode *element,
                 struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    char name[SOAP_NAME_SIZE + 4];
    snprintf(name, sizeof name, "%.15s-%s", transaction, request ? "Q" : "R");
    struct fep_record *record = new_record(codec, name, error);
    if (record == NULL)
        return NULL;
    struct reading reading = {.codec = codec,
                              .record = record,
                              .layout = host->record_layout(record),
                              .strict = request,
                              .error = error};
    if (take_fields(&reading, element) == 0 && check_missing(&reading) == 0 &&
        take_rows(&reading, element) == 0 && check_rows(&reading, transaction) == 0 &&
        (!request || check_limits(&reading, transaction) == 0))
        return record;
    host->release_record(host->self, record);
    return NULL;
}

int
soap_peek(const struct soap_document *document, const char *field, char *out, size_t out_size)
{
    const xmlNode *element = soap_find(document->head, field);
    struct fep_bytes text = {NULL, 0};
    char *joined = NULL;
    int size = 0;
    out[0] = '\0';
    if (element == NULL)
        return 0;
    if (xml_text(element, &text, &joined) < 0 || text.size >= out_size * 3 || holds_replacement(text)) {
        size = -1;
    } else if (text.size > 0) {
        char folded[MAX_CODE];
        size_t copied = text.size < sizeof folded ? text.size : sizeof folded;
        memcpy(folded, text.data, copied);
        struct text_view view = trim_text(folded, fold_full_width(folded, copied));
        size = view.size < out_size ? (int)view.size : -1;
        if (size > 0)
            memcpy(out, view.data, (size_t)size);
        out[size > 0 ? size : 0] = '\0';
    }
    xml_free_text(joined);
    return size;
}
