/* Records -> lines. Must never let a value become a mark, and never write a number that is not what its
 * layout says. Fails with the name and place of the field, never its value. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

struct writer {
    struct caret_codec *codec;
    unsigned char *out;
    size_t at, room;
    bool begun;   /* the list that is being written has a field */
    size_t whole; /* records written so far */
};

static int
put_bytes(struct writer *writer, const void *data, size_t size, struct fep_error *error)
{
    if (writer->room - writer->at < size && writer->whole > 0)
        return set_error(error, FEP_NOT_SENT, 2204,
                         "the line would be longer than %zu bytes: %zu records fit, and nothing took effect",
                         writer->codec->max_line, writer->whole);
    if (writer->room - writer->at < size)
        return set_error(error, FEP_NOT_SENT, 1003, "the line would be longer than %zu bytes",
                         writer->codec->max_line);
    if (size > 0)
        memcpy(writer->out + writer->at, data, size);
    writer->at += size;
    return 0;
}

/* --- one field --- */

/* Marks become what the mapping says; returns the size, or -1. */
static long
replace_marks(const struct caret_codec *codec, const char *text, size_t size, char *out, size_t out_size)
{
    size_t to = 0, length = strlen(codec->replacement);
    for (size_t at = 0; at < size; at++) {
        bool mark = text[at] != '\0' && strchr(codec->marks, text[at]) != NULL;
        if (out_size - to < (mark ? length : 1))
            return -1;
        if (mark)
            memcpy(out + to, codec->replacement, length);
        else
            out[to] = text[at];
        to += mark ? length : 1;
    }
    return (long)to;
}

static int
put_text(struct writer *writer, const struct fep_field *field, struct fep_bytes value,
         struct fep_error *error)
{
    struct caret_codec *codec = writer->codec;
    const struct fep_host *host = codec->host;
    char clean[CARET_SCRATCH], replaced[CARET_SCRATCH];
    unsigned char wire[CARET_SCRATCH];
    size_t size = value.size;
    const char *from = (const char *)value.data;
    if (field->type == FEP_FIELD_TEXT)
        size = cut_at_character(SCHEME_UTF8, value.data, size, CARET_MAX_VALUE / 2);
    if (size > CARET_MAX_VALUE / 2)
        return set_error(error, FEP_NOT_SENT, 1003, "%zu bytes; the field holds %u", size, field->length);
    if (codec->replacement != NULL) {
        long put = replace_marks(codec, from, size, replaced, sizeof replaced);
        if (put < 0)
            return set_error(error, FEP_NOT_SENT, 1003, "too long with its marks replaced");
        from = replaced;
        size = (size_t)put;
    }
    long cleaned = clean_text(from, size, true, codec->marks, clean, sizeof clean);
    int encoded =
        cleaned < 0 ? -1 : host->encode_text(host->self, clean, (size_t)cleaned, wire, sizeof wire, error);
    if (cleaned < 0)
        return set_error(error, FEP_NOT_SENT, 1003, "too long with its marks replaced");
    if (encoded < 0)
        return -1;
    size_t fit = (size_t)encoded;
    if (field->length > 0 && fit > field->length) {
        if (field->type != FEP_FIELD_TEXT)
            return set_error(error, FEP_NOT_SENT, 1003, "%zu bytes; the field holds %u", fit, field->length);
        fit = cut_at_character(codec->scheme, wire, fit, field->length);
    }
    return put_bytes(writer, wire, fit, error);
}

static int
put_number(struct writer *writer, const struct fep_field *field, struct fep_bytes value,
           struct fep_error *error)
{
    const char *text = (const char *)value.data;
    char digits[24], out[32];
    bool negative = false, pointed = writer->codec->decimals != DECIMALS_IMPLIED;
    if (field->type == FEP_FIELD_DIGITS) {
        if (!is_all_digits(text, value.size) || (field->length > 0 && value.size != field->length))
            return set_error(error, FEP_NOT_SENT, 1003, "expected %u digits", field->length);
        return put_bytes(writer, text, value.size, error);
    }
    int count = parse_decimal(text, value.size, field->scale, &negative, digits);
    if (count < 0 || (negative && field->type == FEP_FIELD_RATIO))
        return set_error(error, FEP_NOT_SENT, 1003, "expected a number with %u decimals", field->scale);
    size_t scale = pointed ? field->scale : 0, whole = (size_t)count > scale ? (size_t)count - scale : 0;
    bool zero = strspn(digits, "0") == (size_t)count;
    const char *from = digits;
    for (; whole > 1 && *from == '0'; whole--)
        from++;
    int size =
        snprintf(out, sizeof out, "%s%.*s%s%s", negative && !zero ? "-" : "", (int)(whole > 0 ? whole : 1),
                 whole > 0 ? from : "0", scale > 0 ? "." : "", scale > 0 ? from + whole : "");
    return put_bytes(writer, out, (size_t)size, error);
}

/* A mark closes each field, or stands before each but the first. */
static int
begin_field(struct writer *writer, unsigned char mark, struct fep_error *error)
{
    bool between = writer->begun && !writer->codec->closed;
    writer->begun = true;
    return between ? put_bytes(writer, &mark, 1, error) : 0;
}

static int
end_field(struct writer *writer, unsigned char mark, struct fep_error *error)
{
    return writer->codec->closed ? put_bytes(writer, &mark, 1, error) : 0;
}

static int
put_field(struct writer *writer, const struct fep_field *field, struct fep_bytes value, unsigned char mark,
          struct fep_error *error)
{
    const char *empty = writer->codec->empty;
    bool text = field->type == FEP_FIELD_TEXT || field->type == FEP_FIELD_CODE;
    if (begin_field(writer, mark, error) < 0)
        return -1;
    int put = value.size == 0 ? (empty != NULL ? put_bytes(writer, empty, strlen(empty), error) : 0)
                              : (text ? put_text : put_number)(writer, field, value, error);
    return put < 0 ? -1 : end_field(writer, mark, error);
}

/* --- bodies --- */

static int
put_row(struct writer *writer, const struct fep_record *body, size_t row, struct fep_error *error)
{
    const struct fep_host *host = writer->codec->host;
    const struct fep_layout *layout = host->record_layout(body);
    writer->begun = false;
    for (size_t i = 0; i < layout->group_field_count; i++) {
        struct fep_bytes value = host->record_get_in_row(body, row, i);
        if (put_field(writer, &layout->group_fields[i], value, writer->codec->record_field_mark, error) < 0)
            return caret_name_place(error, layout->name, layout->group_fields[i].name, row + 1, i + 1);
    }
    return 0;
}

/* All records in one field. */
static int
put_packed(struct writer *writer, const struct fep_record *body, struct fep_error *error)
{
    const struct caret_codec *codec = writer->codec;
    const struct fep_host *host = codec->host;
    size_t rows = host->record_rows(body);
    if (begin_field(writer, codec->body_mark, error) < 0)
        return -1;
    for (size_t row = 0; row < rows; row++) {
        writer->begun = row > 0;
        if (begin_field(writer, codec->record_mark, error) < 0 || put_row(writer, body, row, error) < 0 ||
            end_field(writer, codec->record_mark, error) < 0)
            return -1;
        writer->whole++;
    }
    writer->begun = true;
    return end_field(writer, codec->body_mark, error);
}

static int
put_opened(struct writer *writer, const struct fep_record *body, struct fep_error *error)
{
    const struct fep_host *host = writer->codec->host;
    size_t rows = host->record_rows(body);
    for (size_t row = 0; row < rows; row++) {
        if (put_bytes(writer, &writer->codec->record_mark, 1, error) < 0 ||
            put_row(writer, body, row, error) < 0)
            return -1;
        writer->whole++;
    }
    return 0;
}

static int
put_body(struct writer *writer, const struct fep_record *body, struct fep_error *error)
{
    const struct caret_codec *codec = writer->codec;
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(body);
    int counted = caret_count_field(codec, layout);
    char number[24];
    int digits = snprintf(number, sizeof number, "%zu", host->record_rows(body));
    for (size_t i = 0; i < layout->field_count; i++) {
        struct fep_bytes value = host->record_get(body, i);
        if ((int)i == counted)
            value = (struct fep_bytes){(const unsigned char *)number, (size_t)digits};
        if (put_field(writer, &layout->fields[i], value, codec->body_mark, error) < 0)
            return caret_name_place(error, layout->name, layout->fields[i].name, 0, i + 1);
    }
    if (layout->group_name == NULL)
        return 0;
    return (codec->packed ? put_packed : put_opened)(writer, body, error);
}

static int
put_bodies(struct writer *writer, const struct fep_record *body, const struct fep_record *more,
           struct fep_error *error)
{
    if (body != NULL && put_body(writer, body, error) < 0)
        return -1;
    return more != NULL ? put_body(writer, more, error) : 0;
}

/* --- lines --- */

static int
put_nested(struct writer *writer, const struct fep_record *body, const struct fep_record *more,
           struct fep_error *error)
{
    unsigned char mark = writer->codec->field_mark;
    if (begin_field(writer, mark, error) < 0)
        return -1;
    writer->begun = false;
    if (put_bodies(writer, body, more, error) < 0)
        return -1;
    writer->begun = true;
    return end_field(writer, mark, error);
}

long
caret_encode_line(struct caret_codec *codec, const struct fep_record *head, const struct fep_record *body,
                  const struct fep_record *more, unsigned char *out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(head);
    size_t body_at = strcmp(layout->name, "head-Q") == 0 ? codec->request_body : codec->answer_body;
    size_t end = caret_line_end(codec);
    struct writer writer = {codec, out, 0, codec->max_line - end, false, 0};
    for (size_t i = 0; i < layout->field_count; i++) {
        if (i == body_at) {
            if (put_nested(&writer, body, more, error) < 0)
                return -1;
        } else if (put_field(&writer, &layout->fields[i], host->record_get(head, i), codec->field_mark,
                             error) < 0) {
            return caret_name_place(error, layout->name, layout->fields[i].name, 0, i + 1);
        }
    }
    if (codec->flat && put_bodies(&writer, body, more, error) < 0)
        return -1;
    memcpy(out + writer.at, codec->lf ? "\n" : "\r\n", end);
    return (long)(writer.at + end);
}
