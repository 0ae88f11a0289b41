/* Pseudonyms. Must never let a personal value through, nor give one that a reader could turn back: they come
 * from a keyed hash of the whole value. What can not be masked is left out. */
#include "mask.h"

#include <stdio.h>
#include <string.h>

#include "bodies.h"
#include "clock.h"
#include "error.h"
#include "order_key.h"

/* --- one value ------------------------------------------------------------------------------------- */

struct stream { /* of hashed bytes */
    const struct mask *mask;
    const char *text;
    size_t size;
    unsigned block, used;
    uint8_t bytes[16];
};

static unsigned
next_byte(struct stream *stream)
{
    if (stream->used == sizeof stream->bytes || stream->block == 0) {
        char tag[8];
        snprintf(tag, sizeof tag, "%06u", stream->block++ % 1000000);
        if (order_key_compute(stream->mask->key, sizeof stream->mask->key, tag, stream->text, stream->size,
                              stream->bytes) < 0)
            memset(stream->bytes, 0, sizeof stream->bytes);
        stream->used = 0;
    }
    return stream->bytes[stream->used++];
}

/* Blanks and dots do not count: a name is the same person's in either spelling. */
static size_t
copy_essence(const char *text, size_t size, char out[MASK_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < size && used < MASK_TEXT - 1; i++) {
        bool is_dot = i + 1 < size && (unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] == 0xb7;
        if (is_dot)
            i++;
        else if (text[i] != ' ' && text[i] != '-')
            out[used++] = text[i];
    }
    out[used] = '\0';
    return used;
}

/* Month and day anew, as eight digits. */
static bool
mask_date(const struct mask *mask, const char digits[8], char out[9])
{
    uint32_t date = 0;
    for (int i = 0; i < 8; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        date = date * 10 + (uint32_t)(digits[i] - '0');
    }
    if (!clock_date_is_valid(date) || date / 10000 < 1900 || date / 10000 > 2099)
        return false;
    struct stream stream = {.mask = mask, .text = digits, .size = 8};
    unsigned month = 1 + next_byte(&stream) % 12, day = 1 + next_byte(&stream) % 28;
    snprintf(out, 9, "%04u%02u%02u", date / 10000, month, day);
    return true;
}

static char
check_digit(const char digits[17])
{
    static const int weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++)
        sum += (digits[i] - '0') * weights[i];
    return "10X98765432"[sum % 11];
}

static bool
mask_certificate(const struct mask *mask, const char *text, size_t size, char out[MASK_TEXT])
{
    char birth[9];
    if (size != 18 || strspn(text, "0123456789") < 17 || !mask_date(mask, text + 6, birth))
        return false;
    struct stream stream = {.mask = mask, .text = text, .size = size};
    unsigned sex = (unsigned)(text[16] - '0') % 2;
    unsigned number = next_byte(&stream) % 100;
    snprintf(out, MASK_TEXT, "990000%s%02u%u", birth, number, next_byte(&stream) % 5 * 2 + sex);
    out[17] = check_digit(out);
    out[18] = '\0';
    return true;
}

static void
mask_characters(struct stream *stream, const char *text, size_t size, char out[MASK_TEXT])
{
    static const char names[] = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜";
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= '0' && c <= '9') {
            out[used++] = (char)('0' + next_byte(stream) % 10);
        } else if (c >= 'A' && c <= 'Z') {
            out[used++] = (char)('A' + next_byte(stream) % 26);
        } else if (c >= 'a' && c <= 'z') {
            out[used++] = (char)('a' + next_byte(stream) % 26);
        } else if (c >= 0xe0) { /* three bytes or four: one character of three */
            size_t whole = c >= 0xf0 ? 4 : 3;
            if (size - i < whole)
                break; /* half a character */
            memcpy(out + used, names + next_byte(stream) % (sizeof names / 3) * 3, 3);
            used += 3;
            i += whole - 1;
        } else if (c >= 0xc3 && size - i > 1) { /* two bytes, such as letters of other scripts */
            out[used++] = (char)0xce;           /* a small Greek letter */
            out[used++] = (char)(0xb1 + next_byte(stream) % 15);
            i++;
        } else {
            out[used++] = (char)c;
        }
    }
    out[used] = '\0';
}

void
mask_text(const struct mask *mask, const char *text, size_t size, char out[MASK_TEXT])
{
    char essence[MASK_TEXT], date[9];
    if (size <= 2 || size >= MASK_TEXT) {
        snprintf(out, MASK_TEXT, "%.*s", size <= 2 ? (int)size : 0, text);
        return;
    }
    size_t essential = copy_essence(text, size, essence);
    if (essential == 8 && mask_date(mask, essence, date)) {
        if (size == 8)
            snprintf(out, MASK_TEXT, "%s", date);
        else
            snprintf(out, MASK_TEXT, "%.4s-%.2s-%.2s", date, date + 4, date + 6);
        return;
    }
    if (mask_certificate(mask, text, size, out))
        return;
    struct stream stream = {.mask = mask, .text = essence, .size = essential};
    mask_characters(&stream, text, size, out);
}

/* --- records --------------------------------------------------------------------------------------- */

static bool
is_personal(const struct fep_field *field)
{
    return (field->flags & FEP_FIELD_PERSONAL) != 0;
}

static struct fep_bytes
mask_bytes(const struct mask *mask, const struct fep_field *field, struct fep_bytes value,
           char room[MASK_TEXT])
{
    if (!is_personal(field) || value.size == 0)
        return value;
    mask_text(mask, (const char *)value.data, value.size, room);
    return (struct fep_bytes){(const unsigned char *)room, strlen(room)};
}

static int
copy_row(const struct mask *mask, const struct fep_record *from, struct fep_record *to, size_t row)
{
    const struct fep_layout *layout = record_layout(from);
    char room[MASK_TEXT];
    if (record_add_row(to) < 0)
        return -1;
    for (size_t i = 0; i < layout->group_field_count; i++) {
        struct fep_bytes value =
            mask_bytes(mask, &layout->group_fields[i], record_get_in_row(from, row, i), room);
        if (value.size > 0 && record_set_in_row(to, row, i, (const char *)value.data, value.size) < 0)
            return -1;
    }
    return 0;
}

struct fep_record *
mask_record(const struct mask *mask, const struct fep_record *record)
{
    const struct fep_layout *layout = record_layout(record);
    struct fep_record *copy = record_create(layout);
    char room[MASK_TEXT];
    int status = copy != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < layout->field_count; i++) {
        struct fep_bytes value = mask_bytes(mask, &layout->fields[i], record_get(record, i), room);
        if (value.size > 0)
            status = record_set(copy, i, (const char *)value.data, value.size);
    }
    for (size_t row = 0; status == 0 && row < record_rows(record); row++)
        status = copy_row(mask, record, copy, row);
    if (status == 0)
        return copy;
    record_destroy(copy);
    return NULL;
}

/* --- canonical bodies ------------------------------------------------------------------------------ */

static bool
is_personal_member(const char *name)
{
    static const char *const names[] = {
        "psn_no",       "psn_name",       "certno",      "psn_cert_no",   "mdtrt_cert_no",
        "card_no",      "brdy",           "emp_name",    "emp_no",        "tel",
        "addr",         "opter",          "opter_name",  "atddr_no",      "atddr_name",
        "chfpdr_name",  "chfpdr_code",    "dr_name",     "dr_codg",       "bilg_dr_name",
        "bilg_dr_codg", "orders_dr_name", "ipt_no",      "ipt_otp_no",    "mdtrt_id",
        "adm_bed",      "coner_name",     "agnter_name", "agnter_certno", "memo"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static struct json_object *copy_masked(const struct mask *mask, struct json_object *node, bool personal,
                                       bool *failed);

static struct json_object *
copy_object(const struct mask *mask, struct json_object *node, bool *failed)
{
    struct json_object *copy = json_object_new_object();
    json_object_object_foreach(node, name, value)
        body_put(copy, name, copy_masked(mask, value, is_personal_member(name), failed), failed);
    return copy;
}

static struct json_object *
copy_masked(const struct mask *mask, struct json_object *node, bool personal, bool *failed)
{
    struct fep_bytes text;
    char room[MASK_TEXT];
    switch (json_object_get_type(node)) {
    case json_type_object:
        return copy_object(mask, node, failed);
    case json_type_array: {
        struct json_object *copy = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(node); i++)
            body_append(copy, copy_masked(mask, json_object_array_get_idx(node, i), personal, failed),
                        failed);
        return copy;
    }
    default:
        if (!personal)
            return node != NULL ? json_object_get(node) : json_object_new_string("");
        if (!canonical_text(node, &text))
            return json_object_new_string("");
        mask_text(mask, (const char *)text.data, text.size, room);
        return json_object_new_string(room);
    }
}

int
mask_body(const struct mask *mask, struct slice body, struct slice *masked, struct fep_error *error)
{
    bool failed = false;
    *masked = SLICE_NONE;
    if (body.size == 0)
        return 0;
    struct json_object *tree = canonical_parse(body, error);
    if (tree == NULL)
        return -1;
    struct json_object *copy = copy_object(mask, tree, &failed);
    int status = failed ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory to mask a body")
                        : canonical_write(copy, masked, error);
    json_object_put(copy);
    json_object_put(tree);
    return status;
}
