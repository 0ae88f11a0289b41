/* Local values on their way in: trimmed, folded, checked against their field, converted, decoded. What is
 * structure (codes, numbers) must be faultless; names and free text are taken as they are, with U+FFFD where
 * bytes were broken. */
#include "translation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decimal.h"
#include "error.h"
#include "utf8.h"

static bool
is_blank(unsigned char c)
{
    return c == ' ' || c == '\0' || c == '\t';
}

struct fep_bytes
trim_value(struct fep_bytes value)
{
    static const unsigned char ideographic[] = {0xE3, 0x80, 0x80};
    for (;;) {
        if (value.size > 0 && is_blank(value.data[0])) {
            value.data++;
            value.size--;
        } else if (value.size > 0 && is_blank(value.data[value.size - 1])) {
            value.size--;
        } else if (value.size >= 3 && memcmp(value.data, ideographic, 3) == 0) {
            value.data += 3;
            value.size -= 3;
        } else if (value.size >= 3 && memcmp(value.data + value.size - 3, ideographic, 3) == 0) {
            value.size -= 3;
        } else {
            return value;
        }
    }
}

static int
keep(struct translation *translation, struct fep_bytes *value, const char *text, size_t size)
{
    char *copy = arena_text(&translation->scratch, text, size);
    if (copy == NULL)
        return translation_no_memory(translation);
    *value = (struct fep_bytes){(const unsigned char *)copy, size};
    return 0;
}

/* Full-width letters, digits and signs to ASCII: U+FF01..U+FF5E. */
static int
fold(struct translation *translation, struct fep_bytes *value)
{
    if (value->size == 0 || memchr(value->data, 0xEF, value->size) == NULL)
        return 0;
    char *out = arena_take(&translation->scratch, value->size + 1);
    size_t size = 0;
    if (out == NULL)
        return translation_no_memory(translation);
    for (size_t at = 0; at < value->size;) {
        const unsigned char *c = value->data + at;
        bool wide = value->size - at >= 3 && c[0] == 0xEF &&
                    ((c[1] == 0xBC && c[2] >= 0x81) || (c[1] == 0xBD && c[2] <= 0x9E));
        out[size++] = wide ? (char)(c[2] - 0x80 + (c[1] == 0xBC ? 0x20 : 0x60)) : (char)c[0];
        at += wide ? 3 : 1;
    }
    *value = trim_value((struct fep_bytes){(const unsigned char *)out, size});
    return 0;
}

static bool
holds_replacement(struct fep_bytes value)
{
    return value.size >= 3 && memmem(value.data, value.size, "\xEF\xBF\xBD", 3) != NULL;
}

static bool
all_digits(struct fep_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
    }
    return true;
}

static bool
all_zeros(struct fep_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] != '0')
            return false;
    }
    return true;
}

static int
clean_decimal(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct fep_field *field = rule->layout_field;
    char text[DECIMAL_TEXT];
    int64_t units;
    if (!decimal_parse((const char *)value->data, value->size, field->scale, &units) ||
        (field->type == FEP_FIELD_RATIO && units < 0))
        return translation_fault(translation, rule, FEP_E_AMOUNT, "not %s with at most %u decimals",
                                 field->type == FEP_FIELD_RATIO ? "a ratio" : "an amount", field->scale);
    return keep(translation, value, text, decimal_write(units, field->scale, text));
}

static int
clean(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct fep_field *field = rule->layout_field;
    size_t bad;
    *value = trim_value(*value);
    if (value->size == 0)
        return 0;
    if (memchr(value->data, 0, value->size) != NULL)
        return translation_fault(translation, rule, FEP_E_CHARSET, "a NUL inside the value");
    if (!utf8_is_valid((const char *)value->data, value->size, &bad))
        return translation_fault(translation, rule, FEP_E_CHARSET, "illegal UTF-8 at byte %zu", bad);
    if (field->type == FEP_FIELD_TEXT)
        return 0;
    if (holds_replacement(*value))
        return translation_fault(translation, rule, FEP_E_CHARSET, "illegal bytes in a code or number");
    if (fold(translation, value) < 0)
        return -1;
    if (field->type == FEP_FIELD_DECIMAL || field->type == FEP_FIELD_RATIO)
        return value->size == 0 ? 0 : clean_decimal(translation, rule, value);
    if (field->type == FEP_FIELD_DIGITS && !all_digits(*value))
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "digits only are expected");
    if (field->length != 0 && charset_fit(translation->mapping->charset, (const char *)value->data,
                                          value->size, field->length) < value->size)
        return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT, "longer than %u bytes",
                                 field->length);
    return 0;
}

/* --- conversions --------------------------------------------------------------------------------- */

static int
convert_date(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    bool with_time = rule->convert == CONVERT_DATETIME;
    size_t wanted = with_time ? 14 : 8;
    char text[32], digits[16];
    if (all_zeros(*value)) {
        value->size = 0;
        return 0;
    }
    /* A time where a day is asked for is cut, a day where a time is asked for begins it. */
    if (!all_digits(*value) || (value->size != 8 && value->size != 14))
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "expected %zu digits of a %s",
                                 wanted, with_time ? "time" : "day");
    memcpy(digits, value->data, value->size);
    memset(digits + value->size, '0', sizeof digits - value->size);
    int hour = (digits[8] - '0') * 10 + digits[9] - '0', minute = (digits[10] - '0') * 10 + digits[11] - '0',
        second = (digits[12] - '0') * 10 + digits[13] - '0';
    digits[14] = '\0';
    char day[9];
    snprintf(day, sizeof day, "%.8s", digits);
    if (!clock_date_is_valid((uint32_t)strtoul(day, NULL, 10)) || hour > 23 || minute > 59 || second > 59)
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "no such day or time");
    int size = with_time ? snprintf(text, sizeof text, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", digits, digits + 4,
                                    digits + 6, digits + 8, digits + 10, digits + 12)
                         : snprintf(text, sizeof text, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
    return keep(translation, value, text, (size_t)size);
}

/* 15 digits: the century is 19 by assumption, the check digit by ISO 7064. */
static int
convert_cert18(struct translation *translation, struct fep_bytes *value)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    char text[19];
    int sum = 0;
    if (value->size == 18 && value->data[17] == 'x') {
        memcpy(text, value->data, 17);
        text[17] = 'X';
        return keep(translation, value, text, 18);
    }
    if (value->size != 15 || !all_digits(*value))
        return 0;
    snprintf(text, sizeof text, "%.6s19%.9s", (const char *)value->data, (const char *)value->data + 6);
    for (size_t i = 0; i < 17; i++)
        sum += (text[i] - '0') * weights[i];
    text[17] = "10X98765432"[sum % 11];
    return keep(translation, value, text, 18);
}

/* Points that stand between the parts of a name, and are one character: U+00B7. */
static size_t
dot_width(const char *text, size_t rest)
{
    static const char *const dots[] = {"\xC2\xB7",     "\xE2\x80\xA2", "\xE3\x83\xBB",
                                       "\xEF\xBC\x8E", "\xE2\x80\xA7", "\xE2\x8B\x85",
                                       "\xE2\x88\x99", "\xEF\xBD\xA5", "."};
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
        size_t size = strlen(dots[i]);
        if (rest >= size && memcmp(text, dots[i], size) == 0)
            return size;
    }
    return 0;
}

/* Blanks go, except between two ASCII letters, where they part the words of a foreign name. */
static int
convert_name(struct translation *translation, struct fep_bytes *value)
{
    const char *text = (const char *)value->data;
    char *out = arena_take(&translation->scratch, value->size * 2 + 1);
    size_t size = 0;
    if (out == NULL)
        return translation_no_memory(translation);
    for (size_t at = 0; at < value->size;) {
        size_t rest = value->size - at, dot = dot_width(text + at, rest);
        bool wide_blank = rest >= 3 && memcmp(text + at, "\xE3\x80\x80", 3) == 0;
        if (dot > 0) {
            memcpy(out + size, "\xC2\xB7", 2);
            size += 2;
            at += dot;
        } else if (wide_blank || is_blank((unsigned char)text[at])) {
            at += wide_blank ? 3 : 1;
            bool between = size > 0 && at < value->size && (unsigned char)out[size - 1] < 0x80 &&
                           (unsigned char)text[at] < 0x80 && !is_blank((unsigned char)text[at]) &&
                           !wide_blank;
            if (between)
                out[size++] = ' ';
        } else {
            out[size++] = text[at++];
        }
    }
    *value = (struct fep_bytes){(const unsigned char *)out, size};
    return 0;
}

static int
convert_alias(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    char id[LONGEST_ID + 1];
    if (!alias_is((const char *)value->data, value->size))
        return 0;
    if (alias_read((const char *)value->data, value->size, id) < 0)
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "no id that was given out here");
    return keep(translation, value, id, strlen(id));
}

static int
convert(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    switch (rule->convert) {
    case CONVERT_DATE:
    case CONVERT_DATETIME:
        return convert_date(translation, rule, value);
    case CONVERT_CERT18:
        return convert_cert18(translation, value);
    case CONVERT_NAME:
        return convert_name(translation, value);
    case CONVERT_CATALOGUE:
        translation_catalogue(translation, DIRECTION_IN, value);
        return 0;
    case CONVERT_ALIAS:
        return convert_alias(translation, rule, value);
    case CONVERT_FORM:
        return form_in(translation, rule, value);
    case CONVERT_NONE:
        break;
    }
    return 0;
}

int
value_in(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    if (rule->layout_field != NULL && clean(translation, rule, value) < 0)
        return -1;
    if (value->size > 0 && convert(translation, rule, value) < 0)
        return -1;
    if (value->size > 0 && rule->codes != NULL &&
        translation_code(translation, rule, DIRECTION_IN, value) < 0)
        return -1;
    if (value->size == 0 && rule->default_text != NULL)
        *value = (struct fep_bytes){(const unsigned char *)rule->default_text, strlen(rule->default_text)};
    if (value->size == 0 && rule->required)
        return translation_fault(translation, rule, FEP_E_MISSING_FIELD, "missing");
    return 0;
}
