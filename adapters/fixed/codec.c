/* Fixed-width records. Must never cut a code or a number to make it fit and never read outside a record. A
 * field that does not fit fails the whole record with its name and offset; the value itself is never in the
 * text. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MAC_SIZE = 8, MAX_FIELD = 1024, TEXT_SCRATCH = 4 * MAX_FIELD };

static size_t
sum_lengths(const struct fep_field *fields, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fields[i].length;
    return sum;
}

size_t
fixed_plain_size(const struct fep_layout *layout)
{
    return layout != NULL ? sum_lengths(layout->fields, layout->field_count) : 0;
}

size_t
fixed_row_size(const struct fep_layout *layout)
{
    return layout != NULL && layout->group_name != NULL
               ? sum_lengths(layout->group_fields, layout->group_field_count)
               : 0;
}

static size_t
offset_of(const struct fep_layout *layout, int field)
{
    return sum_lengths(layout->fields, (size_t)field);
}

static size_t
wire_number(const struct fep_host *host, const char *key, size_t def)
{
    const char *text = wire_text(host, key);
    return text != NULL ? (size_t)strtoul(text, NULL, 10) : def;
}

static int
find_heads(struct fixed_codec *codec, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    codec->head_q = host->find_layout(host->self, "head-Q");
    codec->head_r = host->find_layout(host->self, "head-R");
    if (codec->head_q == NULL || codec->head_r == NULL)
        return set_error(error, 0, 0, "the mapping has no layout head-%s", codec->head_q == NULL ? "Q" : "R");
    codec->head_size = fixed_plain_size(codec->head_q);
    if (codec->head_size == 0 || codec->head_size != fixed_plain_size(codec->head_r))
        return set_error(error, 0, 0, "layouts head-Q and head-R take %zu and %zu bytes; expected the same",
                         codec->head_size, fixed_plain_size(codec->head_r));
    return 0;
}

int
fixed_codec_open(struct fixed_codec *codec, const struct fep_host *host, struct fep_error *error)
{
    *codec = (struct fixed_codec){.host = host, .mac_offset = SIZE_MAX, .count_field = SIZE_MAX};
    const char *scheme = wire_text(host, "characters");
    codec->scheme = scheme_by_name(scheme != NULL ? scheme : "gbk");
    if (codec->scheme == 0)
        return set_error(error, 0, 0, "wire.characters is \"%.20s\"; expected single, gbk, gb18030 or utf8",
                         scheme);
    if (find_heads(codec, error) < 0)
        return -1;
    codec->max_record = wire_number(host, "max_record", 262144);
    codec->length_digits = wire_number(host, "length_digits", 6);
    if (codec->max_record < codec->head_size || codec->max_record > FIXED_MAX_RECORD)
        return set_error(error, 0, 0, "wire.max_record is %zu; expected %zu to %u", codec->max_record,
                         codec->head_size, FIXED_MAX_RECORD);
    if (codec->length_digits < 4 || codec->length_digits > 8)
        return set_error(error, 0, 0, "wire.length_digits is %zu; expected 4 to 8", codec->length_digits);
    int count = find_field(codec->head_q, wire_text(host, "count_field"));
    int mac = find_field(codec->head_q, wire_text(host, "mac_field"));
    if (count >= 0)
        codec->count_field = (size_t)count;
    if (mac >= 0) {
        if (codec->head_q->fields[mac].length != MAC_SIZE)
            return set_error(error, 0, 0, "the field of wire.mac_field takes %u bytes; expected %d",
                             codec->head_q->fields[mac].length, MAC_SIZE);
        codec->mac_offset = offset_of(codec->head_q, mac);
    }
    return 0;
}

/* --- one field --- */

static int
encode_text(struct fixed_codec *codec, const struct fep_field *field, struct fep_bytes value,
            unsigned char *out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    char clean[TEXT_SCRATCH];
    unsigned char wire[TEXT_SCRATCH];
    /* Free text is cut to the field in any case; this only keeps a long one from needing a longer scratch. */
    size_t size = value.size;
    if (field->type == FEP_FIELD_TEXT)
        size = cut_at_character(SCHEME_UTF8, value.data, size, MAX_FIELD - 4);
    if (size > MAX_FIELD)
        return set_error(error, FEP_NOT_SENT, 1003, "%zu bytes; the field holds %u", size, field->length);
    long cleaned = clean_text((const char *)value.data, size, false, "", clean, sizeof clean);
    int encoded =
        cleaned < 0 ? -1 : host->encode_text(host->self, clean, (size_t)cleaned, wire, sizeof wire, error);
    if (encoded < 0)
        return -1;
    size_t fit = (size_t)encoded;
    if (fit > field->length) {
        if (field->type != FEP_FIELD_TEXT)
            return set_error(error, FEP_NOT_SENT, 1003, "%zu bytes; the field holds %u", fit, field->length);
        fit = cut_at_character(codec->scheme, wire, fit, field->length);
    }
    memcpy(out, wire, fit);
    memset(out + fit, ' ', field->length - fit);
    return 0;
}

static int
encode_digits(const struct fep_field *field, struct fep_bytes value, unsigned char *out,
              struct fep_error *error)
{
    if (!is_all_digits((const char *)value.data, value.size))
        return set_error(error, FEP_NOT_SENT, 1003, "not a number");
    size_t size = value.size;
    const unsigned char *digits = value.data;
    for (; size > field->length && *digits == '0'; size--)
        digits++;
    if (size > field->length)
        return set_error(error, FEP_NOT_SENT, 1003, "%zu digits; the field holds %u", size, field->length);
    memset(out, '0', field->length - size);
    if (size > 0)
        memcpy(out + field->length - size, digits, size);
    return 0;
}

static int
encode_decimal(const struct fep_field *field, struct fep_bytes value, unsigned char *out,
               struct fep_error *error)
{
    bool is_signed = field->type == FEP_FIELD_DECIMAL, negative = false;
    size_t room = field->length - (is_signed ? 1u : 0u);
    char digits[24] = "";
    int count = value.size > 0
                    ? parse_decimal((const char *)value.data, value.size, field->scale, &negative, digits)
                    : 0;
    if (count < 0 || (negative && !is_signed))
        return set_error(error, FEP_NOT_SENT, 1003, "not a number with %u decimals", field->scale);
    const char *from = digits;
    for (; (size_t)count > room && *from == '0'; count--)
        from++;
    if ((size_t)count > room)
        return set_error(error, FEP_NOT_SENT, 1003, "%d digits; the field holds %zu", count, room);
    bool zero = strspn(from, "0") == (size_t)count;
    if (is_signed)
        *out++ = negative && !zero ? '-' : '+';
    memset(out, '0', room - (size_t)count);
    memcpy(out + room - (size_t)count, from, (size_t)count);
    return 0;
}

static int
encode_field(struct fixed_codec *codec, const struct fep_field *field, struct fep_bytes value,
             unsigned char *out, struct fep_error *error)
{
    switch (field->type) {
    case FEP_FIELD_DIGITS:
        return encode_digits(field, value, out, error);
    case FEP_FIELD_DECIMAL:
    case FEP_FIELD_RATIO:
        return encode_decimal(field, value, out, error);
    default:
        return encode_text(codec, field, value, out, error);
    }
}

static int
decode_text(struct fixed_codec *codec, const struct fep_field *field, const unsigned char *in, char *out,
            size_t out_size, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    bool lenient = field->type == FEP_FIELD_TEXT;
    unsigned char copy[MAX_FIELD];
    size_t size = drop_half_character(codec->scheme, in, field->length);
    struct text_view view = trim_text((const char *)in, size);
    memcpy(copy, view.data, view.size);
    for (size_t i = 0; i < view.size; i++) {
        if (copy[i] == '\0' && !lenient)
            return set_error(error, 0, 1001, "a NUL inside");
        if (copy[i] == '\0')
            copy[i] = ' ';
    }
    int decoded = host->decode_text(host->self, copy, view.size, lenient, out, out_size, error);
    if (decoded < 0)
        return -1;
    if (lenient && memmem(out, (size_t)decoded, "\xEF\xBF\xBD", 3) != NULL)
        codec->illegal_texts++;
    return lenient ? decoded : (int)fold_full_width(out, (size_t)decoded);
}

static bool
consists_of(const unsigned char *in, size_t size, char one, char other)
{
    for (size_t i = 0; i < size; i++) {
        if (in[i] != (unsigned char)one && in[i] != (unsigned char)other)
            return false;
    }
    return true;
}

static int
decode_number(const struct fep_field *field, const unsigned char *in, char *out, struct fep_error *error)
{
    bool negative = false;
    size_t size = field->length;
    if (consists_of(in, size, ' ', '\0')) {
        in = NULL;
    } else if (field->type == FEP_FIELD_DECIMAL) {
        if (*in != '+' && *in != '-' && *in != ' ')
            return set_error(error, 0, 1003, "no sign");
        negative = *in == '-';
        in++;
    }
    if (field->type == FEP_FIELD_DECIMAL)
        size--;
    if (in != NULL && !is_all_digits((const char *)in, size))
        return set_error(error, 0, 1003, "not a number");
    if (field->type == FEP_FIELD_DIGITS) {
        for (size_t i = 0; i < size; i++)
            out[i] = in != NULL ? (char)in[i] : '0';
        return (int)size;
    }
    size_t whole = size - field->scale, first = 0;
    bool zero = in == NULL || consists_of(in, size, '0', '0');
    while (in != NULL && first + 1 < whole && in[first] == '0')
        first++;
    size_t to = 0;
    if (negative && !zero)
        out[to++] = '-';
    if (in == NULL || whole == 0)
        out[to++] = '0';
    else
        for (; first < whole; first++)
            out[to++] = (char)in[first];
    if (field->scale > 0) {
        out[to++] = '.';
        for (size_t i = 0; i < field->scale; i++)
            out[to++] = in != NULL ? (char)in[whole + i] : '0';
    }
    return (int)to;
}

static int
decode_field(struct fixed_codec *codec, const struct fep_field *field, const unsigned char *in, char *out,
             size_t out_size, struct fep_error *error)
{
    if (field->type == FEP_FIELD_TEXT || field->type == FEP_FIELD_CODE)
        return decode_text(codec, field, in, out, out_size, error);
    return decode_number(field, in, out, error);
}

/* --- records --- */

static int
name_place(struct fep_error *error, const char *layout, const char *field, size_t row, size_t offset)
{
    if (error == NULL)
        return -1;
    char text[FEP_ERROR_TEXT];
    if (row > 0)
        snprintf(text, sizeof text, "%.40s.%.40s, row %zu, byte %zu: %.300s", layout, field, row, offset,
                 error->text);
    else
        snprintf(text, sizeof text, "%.40s.%.40s, byte %zu: %.300s", layout, field, offset, error->text);
    memcpy(error->text, text, sizeof error->text);
    if (error->code == 0)
        error->code = 1003;
    return -1;
}

static bool
lengths_usable(const struct fep_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].length == 0 || fields[i].length > MAX_FIELD)
            return false;
        bool number = fields[i].type != FEP_FIELD_TEXT && fields[i].type != FEP_FIELD_CODE;
        if (number && (fields[i].length > 30 || fields[i].scale >= fields[i].length))
            return false;
    }
    return true;
}

static bool
layout_usable(const struct fep_layout *layout)
{
    return lengths_usable(layout->fields, layout->field_count) &&
           lengths_usable(layout->group_fields, layout->group_name != NULL ? layout->group_field_count : 0);
}

int
fixed_encode_record(struct fixed_codec *codec, const struct fep_record *record, unsigned char *out,
                    size_t room, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    size_t rows = host->record_rows(record), size = fixed_plain_size(layout) + rows * fixed_row_size(layout);
    if (!layout_usable(layout))
        return set_error(error, 0, 0, "layout %.40s has a field without usable length", layout->name);
    if (size > room && rows > 0 && fixed_plain_size(layout) + fixed_row_size(layout) <= room)
        return set_error(error, FEP_NOT_SENT, 2204,
                         "%.40s: %zu lines; %zu fit into a record, and nothing took effect", layout->name,
                         rows, (room - fixed_plain_size(layout)) / fixed_row_size(layout));
    if (size > room)
        return set_error(error, FEP_NOT_SENT, 1003, "%.40s: %zu bytes do not fit into a record", layout->name,
                         size);
    size_t at = 0;
    for (size_t i = 0; i < layout->field_count; at += layout->fields[i++].length) {
        if (encode_field(codec, &layout->fields[i], host->record_get(record, i), out + at, error) < 0)
            return name_place(error, layout->name, layout->fields[i].name, 0, at);
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < layout->group_field_count; at += layout->group_fields[i++].length) {
            struct fep_bytes value = host->record_get_in_row(record, row, i);
            if (encode_field(codec, &layout->group_fields[i], value, out + at, error) < 0)
                return name_place(error, layout->name, layout->group_fields[i].name, row + 1, at);
        }
    }
    return (int)size;
}

static void
seal_record(const struct fixed_codec *codec, unsigned char *record, size_t size)
{
    char mac[MAC_SIZE + 1];
    memset(record + codec->mac_offset, '0', MAC_SIZE);
    snprintf(mac, sizeof mac, "%08X", fixed_crc32(record, size));
    memcpy(record + codec->mac_offset, mac, MAC_SIZE);
}

bool
fixed_seal_holds(const struct fixed_codec *codec, const unsigned char *record, size_t size)
{
    if (codec->mac_offset == SIZE_MAX)
        return true;
    if (size < codec->head_size)
        return false;
    unsigned char *copy = malloc(size);
    if (copy == NULL)
        return false;
    memcpy(copy, record, size);
    seal_record(codec, copy, size);
    bool holds = memcmp(copy + codec->mac_offset, record + codec->mac_offset, MAC_SIZE) == 0;
    free(copy);
    return holds;
}

long
fixed_encode_frame(struct fixed_codec *codec, const struct fep_record *head, const struct fep_record *body,
                   unsigned char *out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    unsigned char *record = out + codec->length_digits;
    int head_size = fixed_encode_record(codec, head, record, codec->max_record, error);
    if (head_size < 0)
        return -1;
    size_t size = (size_t)head_size, rows = 0;
    if (body != NULL) {
        int body_size = fixed_encode_record(codec, body, record + size, codec->max_record - size, error);
        if (body_size < 0)
            return -1;
        size += (size_t)body_size;
        rows = host->record_rows(body);
    }
    char number[24];
    if (codec->count_field != SIZE_MAX) {
        const struct fep_field *field = &codec->head_q->fields[codec->count_field];
        int digits = snprintf(number, sizeof number, "%zu", rows);
        struct fep_bytes value = {(const unsigned char *)number, (size_t)digits};
        if (encode_digits(field, value, record + offset_of(codec->head_q, (int)codec->count_field), error) <
            0)
            return name_place(error, "head-Q", field->name, 0, 0);
    }
    if (codec->mac_offset != SIZE_MAX)
        seal_record(codec, record, size);
    int digits = snprintf(number, sizeof number, "%0*zu", (int)codec->length_digits, size);
    if (digits != (int)codec->length_digits)
        return set_error(error, FEP_NOT_SENT, 1003, "a record of %zu bytes is too long to be framed", size);
    memcpy(out, number, codec->length_digits);
    return (long)(size + codec->length_digits);
}

int
fixed_patch_head(struct fixed_codec *codec, unsigned char *head, const char *name, const char *text,
                 struct fep_error *error)
{
    int at = find_field(codec->head_r, name);
    if (at < 0)
        return set_error(error, 0, 0, "head-R has no field %.40s", name);
    const struct fep_field *field = &codec->head_r->fields[at];
    struct fep_bytes value = {(const unsigned char *)text, strlen(text)};
    size_t offset = offset_of(codec->head_r, at);
    return encode_field(codec, field, value, head + offset, error) < 0
               ? name_place(error, "head-R", name, 0, offset)
               : 0;
}

long
fixed_build_answer(struct fixed_codec *codec, const unsigned char *head, const struct fep_record *body,
                   const struct fep_record *more, unsigned char *out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    unsigned char *record = out + codec->length_digits;
    const struct fep_record *const parts[] = {body, more};
    size_t size = codec->head_size;
    char number[24];
    memcpy(record, head, size);
    for (size_t i = 0; i < 2; i++) {
        if (parts[i] == NULL)
            continue;
        int added = fixed_encode_record(codec, parts[i], record + size, codec->max_record - size, error);
        if (added < 0)
            return -1;
        size += (size_t)added;
    }
    snprintf(number, sizeof number, "%zu", body != NULL ? host->record_rows(body) : 0);
    if (codec->count_field != SIZE_MAX &&
        fixed_patch_head(codec, record, codec->head_r->fields[codec->count_field].name, number, error) < 0)
        return -1;
    if (codec->mac_offset != SIZE_MAX)
        seal_record(codec, record, size);
    snprintf(number, sizeof number, "%0*zu", (int)codec->length_digits, size);
    memcpy(out, number, codec->length_digits);
    return (long)(size + codec->length_digits);
}

static int
decode_fields(struct fixed_codec *codec, struct fep_record *record, const unsigned char *in, size_t rows,
              struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    char value[TEXT_SCRATCH];
    size_t at = 0;
    for (size_t i = 0; i < layout->field_count; at += layout->fields[i++].length) {
        int size = decode_field(codec, &layout->fields[i], in + at, value, sizeof value, error);
        if (size < 0 || host->record_set(record, i, value, (size_t)size) < 0)
            return name_place(error, layout->name, layout->fields[i].name, 0, at);
    }
    for (size_t row = 0; row < rows; row++) {
        if (host->record_add_row(record) < 0)
            return set_error(error, 0, 2204, "%.40s: more than %zu rows", layout->name,
                             layout->group_max_rows);
        for (size_t i = 0; i < layout->group_field_count; at += layout->group_fields[i++].length) {
            int size = decode_field(codec, &layout->group_fields[i], in + at, value, sizeof value, error);
            if (size < 0 || host->record_set_in_row(record, row, i, value, (size_t)size) < 0)
                return name_place(error, layout->name, layout->group_fields[i].name, row + 1, at);
        }
    }
    return 0;
}

static struct fep_record *
decode_record(struct fixed_codec *codec, const char *name, const unsigned char *in, size_t rows,
              struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    set_error(error, 0, 0, "%.40s: no such layout, or no memory", name);
    struct fep_record *record = host->create_record(host->self, name);
    if (record == NULL)
        return NULL;
    if (!layout_usable(host->record_layout(record)))
        set_error(error, 0, 0, "layout %.40s has a field without usable length", name);
    else if (decode_fields(codec, record, in, rows, error) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

static struct fep_record *
decode_head(struct fixed_codec *codec, const char *name, const unsigned char *record, size_t size,
            struct fep_error *error)
{
    if (size < codec->head_size) {
        set_error(error, 0, 1001, "a record of %zu bytes; the head alone takes %zu", size, codec->head_size);
        return NULL;
    }
    return decode_record(codec, name, record, 0, error);
}

struct fep_record *
fixed_decode_head(struct fixed_codec *codec, const unsigned char *record, size_t size,
                  struct fep_error *error)
{
    return decode_head(codec, "head-R", record, size, error);
}

struct fep_record *
fixed_decode_request_head(struct fixed_codec *codec, const unsigned char *record, size_t size,
                          struct fep_error *error)
{
    return decode_head(codec, "head-Q", record, size, error);
}

struct fep_record *
fixed_decode_body(struct fixed_codec *codec, const char *layout_name, const unsigned char *body, size_t size,
                  size_t rows, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->find_layout(host->self, layout_name);
    if (layout == NULL) {
        set_error(error, 0, 1002, "no layout %.40s", layout_name);
        return NULL;
    }
    size_t plain = fixed_plain_size(layout), each = fixed_row_size(layout);
    bool possible = layout->group_name != NULL ? rows <= layout->group_max_rows : rows == 0;
    if (!possible || size != plain + rows * each) {
        set_error(error, 0, 1001, "%.40s: a body of %zu bytes with %zu rows; expected %zu + %zu each",
                  layout_name, size, rows, plain, each);
        return NULL;
    }
    return decode_record(codec, layout_name, body, rows, error);
}

struct fep_record *
fixed_decode_loose_body(struct fixed_codec *codec, const char *layout_name, const unsigned char *body,
                        size_t size, struct fep_error *error)
{
    const struct fep_layout *layout = codec->host->find_layout(codec->host->self, layout_name);
    size_t plain = fixed_plain_size(layout), each = fixed_row_size(layout);
    size_t rows = each > 0 && size > plain ? (size - plain) / each : 0;
    return fixed_decode_body(codec, layout_name, body, size, rows, error);
}

long
fixed_frame_size(const struct fixed_codec *codec, const unsigned char *data, size_t size)
{
    size_t known = size < codec->length_digits ? size : codec->length_digits;
    if (!is_all_digits((const char *)data, known))
        return -2;
    if (known < codec->length_digits)
        return -1;
    size_t length = 0;
    for (size_t i = 0; i < codec->length_digits; i++)
        length = length * 10 + (size_t)(data[i] - '0');
    if (length == 0)
        return 0;
    if (length < codec->head_size || length > codec->max_record)
        return -2;
    return size - codec->length_digits >= length ? (long)length : -1;
}
