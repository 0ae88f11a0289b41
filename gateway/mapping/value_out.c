/* Canonical values on their way out: encoded, converted, and fitted into their field. What does not fit is an
 * error; only text of a rule that says so is cut, at a character. */
#include "translation.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decimal.h"
#include "error.h"

static int
keep(struct translation *translation, struct fep_bytes *value, const char *text, size_t size)
{
    char *copy = arena_text(&translation->scratch, text, size);
    if (copy == NULL)
        return translation_no_memory(translation);
    *value = (struct fep_bytes){(const unsigned char *)copy, size};
    return 0;
}

/* yyyy-MM-dd[ HH:mm:ss] to 8 or 14 digits; also from digits alone. */
static int
convert_date(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    char digits[32] = "";
    size_t count = 0, wanted = rule->convert == CONVERT_DATETIME ? 14 : 8;
    static const char separators[] = "----- ::T";
    for (size_t i = 0; i < value->size && count < 15; i++) {
        unsigned char c = value->data[i];
        if (c >= '0' && c <= '9')
            digits[count++] = (char)c;
        else if (strchr(separators, c) == NULL || c == '\0')
            count = 15;
    }
    if (count == 8 && wanted == 14) {
        memset(digits + 8, '0', 6);
        count = 14;
    }
    char day[9] = "";
    memcpy(day, digits, 8);
    if ((count != 8 && count != 14) || !clock_date_is_valid((uint32_t)strtoul(day, NULL, 10)))
        return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "not a %s",
                                 wanted == 14 ? "time yyyy-MM-dd HH:mm:ss" : "day yyyy-MM-dd");
    return keep(translation, value, digits, wanted);
}

/* An id that fits goes as it is. */
static int
convert_alias(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    char alias[ALIAS_SIZE + 1];
    const struct fep_field *field = rule->layout_field;
    if (field->length == 0 || value->size <= field->length)
        return 0;
    if (field->length < ALIAS_SIZE || alias_make((const char *)value->data, value->size, alias) < 0)
        return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT,
                                 "longer than %u bytes, and of no form that can be shortened", field->length);
    return keep(translation, value, alias, ALIAS_SIZE);
}

static int
convert(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    if (rule->convert == CONVERT_ALIAS)
        return convert_alias(translation, rule, value);
    if (rule->convert == CONVERT_DATE || rule->convert == CONVERT_DATETIME)
        return convert_date(translation, rule, value);
    if (rule->convert == CONVERT_FORM)
        return form_out(translation, rule, value);
    if (rule->convert != CONVERT_CATALOGUE)
        return 0;
    /* No row: empty. The local system settles such a line and reports it as not mapped. */
    translation_catalogue(translation, DIRECTION_OUT, value);
    return 0;
}

static int
fit_decimal(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct fep_field *field = rule->layout_field;
    char text[DECIMAL_TEXT];
    int64_t units;
    bool ratio = field->type == FEP_FIELD_RATIO;
    if (!decimal_parse((const char *)value->data, value->size, field->scale, &units) || (ratio && units < 0))
        return translation_fault(translation, rule, FEP_E_AMOUNT, "not %s with at most %u decimals",
                                 ratio ? "a ratio" : "an amount", field->scale);
    size_t size = decimal_write(units, field->scale, text);
    size_t positions = size - (units < 0) - (field->scale > 0) + !ratio;
    if (field->length != 0 && positions > field->length)
        return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT, "too large for %u positions",
                                 field->length);
    return keep(translation, value, text, size);
}

/* What would be refused when the module writes it is refused here, where its field is known. */
static int
check_charset(struct translation *translation, const struct rule *rule, struct fep_bytes value)
{
    struct fep_error error = {0};
    bool plain = true;
    for (size_t i = 0; plain && i < value.size; i++)
        plain = value.data[i] < 0x80;
    if (plain || !charset_refuses(translation->mapping->charset))
        return 0;
    size_t room = value.size * 2 + 16;
    unsigned char *out = arena_take(&translation->scratch, room);
    if (out == NULL)
        return translation_no_memory(translation);
    if (charset_encode(translation->mapping->charset, (const char *)value.data, value.size, out, room,
                       &error) >= 0)
        return 0;
    return translation_fault(translation, rule, FEP_E_CHARSET, "%s", error.text);
}

static int
fit(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct fep_field *field = rule->layout_field;
    const char *text = (const char *)value->data;
    if (field->type == FEP_FIELD_DECIMAL || field->type == FEP_FIELD_RATIO)
        return fit_decimal(translation, rule, value);
    if (field->type == FEP_FIELD_DIGITS) {
        for (size_t i = 0; i < value->size; i++) {
            if (text[i] < '0' || text[i] > '9')
                return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "digits only are expected");
        }
    }
    if (check_charset(translation, rule, *value) < 0)
        return -1;
    if (field->length == 0)
        return 0;
    size_t fits = charset_fit(translation->mapping->charset, text, value->size, field->length);
    if (fits == value->size)
        return 0;
    if (!rule->cut)
        return translation_fault(translation, rule, FEP_E_DOES_NOT_FIT, "longer than %u bytes",
                                 field->length);
    value->size = fits;
    return 0;
}

int
value_out(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    if (value->size == 0 && rule->default_text != NULL)
        *value = (struct fep_bytes){(const unsigned char *)rule->default_text, strlen(rule->default_text)};
    if (value->size > 0 && convert(translation, rule, value) < 0)
        return -1;
    if (value->size > 0 && rule->codes != NULL &&
        translation_code(translation, rule, DIRECTION_OUT, value) < 0)
        return -1;
    if (value->size == 0 && rule->required)
        return translation_fault(translation, rule, FEP_E_MISSING_FIELD, "missing");
    return value->size > 0 ? fit(translation, rule, value) : 0;
}
