/* Caret lines. Must never split inside a character and never hand on a number that is not one. A field that
 * is not what its layout says fails the whole line with its name and place; the value itself is never in the
 * text. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MAX_VALUE = 4096, SCRATCH = 4 * MAX_VALUE };

static size_t
wire_number(const struct fep_host *host, const char *key, size_t def)
{
    const char *text = wire_text(host, key);
    return text != NULL ? (size_t)strtoul(text, NULL, 10) : def;
}

int
caret_codec_open(struct caret_codec *codec, const struct fep_host *host, struct fep_error *error)
{
    const struct fep_layout *q = host->find_layout(host->self, "head-Q"),
                            *r = host->find_layout(host->self, "head-R");
    const char *scheme = wire_text(host, "characters");
    *codec = (struct caret_codec){.host = host};
    codec->scheme = scheme_by_name(scheme != NULL ? scheme : "gb18030");
    if (codec->scheme == 0)
        return set_error(error, 0, 0, "wire.characters is \"%.20s\"; expected single, gbk, gb18030 or utf8",
                         scheme);
    if (q == NULL || r == NULL)
        return set_error(error, 0, 0, "the mapping has no layout head-%s", q == NULL ? "Q" : "R");
    int request = find_field(q, wire_text(host, "request_body")),
        answer = find_field(r, wire_text(host, "answer_body"));
    if (request < 0 || answer < 0)
        return set_error(error, 0, 0, "wire.%s_body names no field of head-%s",
                         request < 0 ? "request" : "answer", request < 0 ? "Q" : "R");
    codec->request_body = (size_t)request;
    codec->answer_body = (size_t)answer;
    codec->max_line = wire_number(host, "max_line", 262144);
    codec->request_min_fields = wire_number(host, "request_min_fields", q->field_count);
    codec->answer_min_fields = wire_number(host, "answer_min_fields", r->field_count);
    codec->counts = wire_text(host, "counts");
    if (codec->max_line < 64 || codec->max_line > 4u << 20)
        return set_error(error, 0, 0, "wire.max_line is %zu; expected 64 to 4194304", codec->max_line);
    return 0;
}

size_t
caret_find_line(const struct caret_codec *codec, const unsigned char *data, size_t size, size_t from)
{
    size_t end = size < codec->max_line ? size : codec->max_line;
    for (size_t at = from; at < end; at++) {
        if (data[at] == '\n')
            return SIZE_MAX;
        if (data[at] != '\r')
            continue;
        if (at + 1 == size && at + 1 < codec->max_line)
            return 0;
        return at + 1 < end && data[at + 1] == '\n' ? at + 2 : SIZE_MAX;
    }
    return size >= codec->max_line ? SIZE_MAX : 0;
}

/* The next field closed by `mark`: its size, or SIZE_MAX if no mark follows. */
static size_t
closed_field(const struct caret_codec *codec, const unsigned char *data, size_t size, unsigned char mark)
{
    for (size_t at = 0; at < size;) {
        size_t length = character_length(codec->scheme, data + at, size - at);
        if (length == 1 && data[at] == mark)
            return at;
        at += length;
    }
    return SIZE_MAX;
}

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

/* Decodes, folds and checks one field. Returns the size in `out`. */
static int
decode_field(struct caret_codec *codec, const struct fep_field *field, const unsigned char *in, size_t size,
             char *out, size_t out_size, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    bool lenient = field->type == FEP_FIELD_TEXT;
    struct text_view view = trim_text((const char *)in, size);
    if (view.size > MAX_VALUE)
        return set_error(error, FEP_REFUSED, 1003, "%zu bytes; a field holds %d at most", view.size,
                         MAX_VALUE);
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
    return check_value(field, out, value, wire_size, error) < 0 ? -1 : (int)value;
}

static int
name_place(struct fep_error *error, const char *layout, const char *field, size_t row, size_t position)
{
    if (error == NULL)
        return -1;
    char text[FEP_ERROR_TEXT];
    if (row > 0)
        snprintf(text, sizeof text, "%.40s record %zu field %zu (%.40s): %.300s", layout, row, position,
                 field, error->text);
    else
        snprintf(text, sizeof text, "%.40s field %zu (%.40s): %.300s", layout, position, field, error->text);
    memcpy(error->text, text, sizeof error->text);
    return -1;
}

/* --- lines -> records --- */

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
    char value[SCRATCH];
    struct fep_error first = {0}; /* a line with too few fields is told as that, whatever its fields hold */
    *body = (struct fep_bytes){NULL, 0};
    size_t at = 0, index = 0;
    for (; index < layout->field_count; index++) {
        size_t length = closed_field(codec, line + at, size - at, '^');
        if (length == SIZE_MAX)
            break;
        if (index == body_at) {
            *body = (struct fep_bytes){line + at, length};
        } else if (first.text[0] == '\0') {
            int got =
                decode_field(codec, &layout->fields[index], line + at, length, value, sizeof value, &first);
            if (got < 0)
                name_place(&first, layout->name, layout->fields[index].name, 0, index + 1);
            else if (host->record_set(head, index, value, (size_t)got) < 0)
                set_error(&first, FEP_REFUSED, 9001, "no memory");
        }
        at += length + 1;
    }
    if (index < needed)
        set_error(error, FEP_REFUSED, 1001, "%zu fields closed by ^; expected at least %zu", index, needed);
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
    char value[SCRATCH];
    size_t at = 0;
    for (;; index--) {
        size_t length = closed_field(codec, line + at, size - at, '^');
        if (length == SIZE_MAX)
            return -1;
        if (index == 0) {
            int got = decode_field(codec, &field, line + at, length, value, sizeof value, NULL);
            if (got < 0 || (size_t)got >= out_size)
                return -1;
            memcpy(out, value, (size_t)got);
            out[got] = '\0';
            return got;
        }
        at += length + 1;
    }
}

/* Fields of one list (plain, or a record) up to its end; more than the layout knows are ignored, missing ones
 * empty. */
static int
decode_list(struct caret_codec *codec, struct fep_record *record, size_t row, const unsigned char *in,
            size_t size, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    const struct fep_field *fields = row > 0 ? layout->group_fields : layout->fields;
    size_t count = row > 0 ? layout->group_field_count : layout->field_count, at = 0, index = 0;
    char value[SCRATCH];
    for (;; index++) {
        size_t length = closed_field(codec, in + at, size - at, '|');
        if (length == SIZE_MAX)
            break;
        if (index < count) {
            int got = decode_field(codec, &fields[index], in + at, length, value, sizeof value, error);
            if (got < 0)
                return name_place(error, layout->name, fields[index].name, row, index + 1);
            int set = row > 0 ? host->record_set_in_row(record, row - 1, index, value, (size_t)got)
                              : host->record_set(record, index, value, (size_t)got);
            if (set < 0)
                return set_error(error, FEP_REFUSED, 9001, "no memory");
        }
        at += length + 1;
    }
    if (trim_text((const char *)in + at, size - at).size > 0)
        return set_error(error, FEP_REFUSED, 1001, "%.40s: a field after field %zu is not closed by |",
                         layout->name, index);
    for (; index < count; index++) {
        if (check_value(&fields[index], "", 0, 0, error) < 0)
            return name_place(error, layout->name, fields[index].name, row, index + 1);
    }
    return 0;
}

/* The field of this layout that holds the number of records, or -1. */
static int
count_field(const struct caret_codec *codec, const struct fep_layout *layout)
{
    const char *at = codec->counts, *word;
    size_t size, name = strlen(layout->name);
    char field[64];
    while (at != NULL && next_word(&at, &word, &size)) {
        if (size <= name + 1 || size - name > sizeof field || memcmp(word, layout->name, name) != 0 ||
            word[name] != ':')
            continue;
        memcpy(field, word + name + 1, size - name - 1);
        field[size - name - 1] = '\0';
        return find_field(layout, field);
    }
    return -1;
}

static int
check_count(const struct caret_codec *codec, const struct fep_record *record, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    int field = count_field(codec, layout);
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
decode_lists(struct caret_codec *codec, struct fep_record *record, struct fep_bytes body,
             struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    size_t at = 0, row = 0;
    for (;;) {
        /* `$` is the byte of no character but itself. */
        const unsigned char *next = at < body.size ? memchr(body.data + at, '$', body.size - at) : NULL;
        size_t end = next != NULL ? (size_t)(next - body.data) : body.size;
        static const unsigned char nothing[1] = "";
        if (decode_list(codec, record, row, body.size > 0 ? body.data + at : nothing, end - at, error) < 0)
            return -1;
        if (next == NULL)
            return check_count(codec, record, error);
        row++;
        at = end + 1;
        if (layout->group_name == NULL)
            return set_error(error, FEP_REFUSED, 1003, "%.40s has no records", layout->name);
        if (host->record_add_row(record) < 0)
            return set_error(error, FEP_REFUSED, 2204, "%.40s: more than %zu records", layout->name,
                             layout->group_max_rows);
    }
}

struct fep_record *
caret_decode_body(struct caret_codec *codec, const char *layout_name, struct fep_bytes body,
                  struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *record = create_record(host, layout_name, error);
    if (record == NULL || decode_lists(codec, record, body, error) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

/* --- records -> lines --- */

struct writer {
    struct caret_codec *codec;
    unsigned char *out;
    size_t at, room;
};

static int
put_bytes(struct writer *writer, const void *data, size_t size, struct fep_error *error)
{
    if (writer->room - writer->at < size)
        return set_error(error, FEP_NOT_SENT, 1003, "the line would be longer than %zu bytes",
                         writer->codec->max_line);
    if (size > 0)
        memcpy(writer->out + writer->at, data, size);
    writer->at += size;
    return 0;
}

static int
put_text(struct writer *writer, const struct fep_field *field, struct fep_bytes value,
         struct fep_error *error)
{
    struct caret_codec *codec = writer->codec;
    const struct fep_host *host = codec->host;
    char clean[SCRATCH];
    unsigned char wire[SCRATCH];
    size_t size = value.size;
    if (field->type == FEP_FIELD_TEXT)
        size = cut_at_character(SCHEME_UTF8, value.data, size, MAX_VALUE / 2);
    if (size > MAX_VALUE / 2)
        return set_error(error, FEP_NOT_SENT, 1003, "%zu bytes; the field holds %u", size, field->length);
    long cleaned = clean_text((const char *)value.data, size, true, "^|$", clean, sizeof clean);
    int encoded =
        cleaned < 0 ? -1 : host->encode_text(host->self, clean, (size_t)cleaned, wire, sizeof wire, error);
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
    bool negative = false;
    if (value.size == 0)
        return 0;
    if (field->type == FEP_FIELD_DIGITS) {
        if (!is_all_digits(text, value.size) || (field->length > 0 && value.size != field->length))
            return set_error(error, FEP_NOT_SENT, 1003, "expected %u digits", field->length);
        return put_bytes(writer, text, value.size, error);
    }
    int count = parse_decimal(text, value.size, field->scale, &negative, digits);
    if (count < 0 || (negative && field->type == FEP_FIELD_RATIO))
        return set_error(error, FEP_NOT_SENT, 1003, "expected a number with %u decimals", field->scale);
    size_t scale = field->scale, whole = (size_t)count > scale ? (size_t)count - scale : 0;
    bool zero = strspn(digits, "0") == (size_t)count;
    const char *from = digits;
    for (; whole > 1 && *from == '0'; whole--)
        from++;
    int size =
        snprintf(out, sizeof out, "%s%.*s%s%s", negative && !zero ? "-" : "", (int)(whole > 0 ? whole : 1),
                 whole > 0 ? from : "0", scale > 0 ? "." : "", scale > 0 ? from + whole : "");
    return put_bytes(writer, out, (size_t)size, error);
}

static int
put_field(struct writer *writer, const struct fep_field *field, struct fep_bytes value, unsigned char mark,
          struct fep_error *error)
{
    bool text = field->type == FEP_FIELD_TEXT || field->type == FEP_FIELD_CODE;
    if ((text ? put_text : put_number)(writer, field, value, error) < 0)
        return -1;
    return put_bytes(writer, &mark, 1, error);
}

static int
put_body(struct writer *writer, const struct fep_record *body, struct fep_error *error)
{
    const struct fep_host *host = writer->codec->host;
    const struct fep_layout *layout = host->record_layout(body);
    size_t rows = host->record_rows(body);
    int counted = count_field(writer->codec, layout);
    char number[24];
    int digits = snprintf(number, sizeof number, "%zu", rows);
    for (size_t i = 0; i < layout->field_count; i++) {
        struct fep_bytes value = host->record_get(body, i);
        if ((int)i == counted)
            value = (struct fep_bytes){(const unsigned char *)number, (size_t)digits};
        if (put_field(writer, &layout->fields[i], value, '|', error) < 0)
            return name_place(error, layout->name, layout->fields[i].name, 0, i + 1);
    }
    for (size_t row = 0; row < rows; row++) {
        if (put_bytes(writer, "$", 1, error) < 0)
            return -1;
        for (size_t i = 0; i < layout->group_field_count; i++) {
            struct fep_bytes value = host->record_get_in_row(body, row, i);
            if (put_field(writer, &layout->group_fields[i], value, '|', error) < 0)
                return name_place(error, layout->name, layout->group_fields[i].name, row + 1, i + 1);
        }
    }
    return 0;
}

long
caret_encode_line(struct caret_codec *codec, const struct fep_record *head, const struct fep_record *body,
                  unsigned char *out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(head);
    size_t body_at = strcmp(layout->name, "head-Q") == 0 ? codec->request_body : codec->answer_body;
    struct writer writer = {codec, out, 0, codec->max_line - 2};
    for (size_t i = 0; i < layout->field_count; i++) {
        if (i == body_at) {
            if ((body != NULL && put_body(&writer, body, error) < 0) || put_bytes(&writer, "^", 1, error) < 0)
                return -1;
        } else if (put_field(&writer, &layout->fields[i], host->record_get(head, i), '^', error) < 0) {
            return name_place(error, layout->name, layout->fields[i].name, 0, i + 1);
        }
    }
    memcpy(out + writer.at, "\r\n", 2);
    return (long)writer.at + 2;
}
