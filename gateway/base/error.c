/* Fills and wraps struct fep_error and describes the stable codes. Must never write past the text nor cut a
 * UTF-8 character in half, and never print: the line is logged where the decision is taken. Cannot fail. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

int
error_set(struct fep_error *error, enum fep_kind kind, unsigned code, const char *format, ...)
{
    if (!error)
        return -1;
    /* Through a buffer of its own: the arguments may point into this very error. */
    char text[FEP_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        text[0] = '\0';
    if ((size_t)size >= sizeof text)
        utf8_drop_half(text);
    utf8_make_printable(text); /* it may quote a file or a peer */
    error->kind = kind;
    error->code = code;
    error->msgid[0] = '\0';
    memcpy(error->text, text, sizeof text);
    return -1;
}

int
error_wrap(struct fep_error *error, const char *format, ...)
{
    if (!error)
        return -1;
    char text[FEP_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return -1;
    size_t used = strlen(text);
    int rest = snprintf(text + used, sizeof text - used, "%s%s", error->text[0] ? ": " : "", error->text);
    if ((size_t)size >= sizeof text || rest < 0 || (size_t)rest >= sizeof text - used)
        utf8_drop_half(text);
    utf8_make_printable(text);
    memcpy(error->text, text, sizeof text);
    return -1;
}

void
error_clear(struct fep_error *error)
{
    memset(error, 0, sizeof *error);
}

static const struct error_description descriptions[] = {
#define X(code, name, zh, en, next_zh, next_en) {code, "FEP_E_" #name, zh, en, next_zh, next_en},
    FEP_ERROR_CODES(X)
#undef X
};

#define DESCRIPTION_COUNT (sizeof descriptions / sizeof descriptions[0])

const struct error_description *
error_describe(unsigned code)
{
    for (size_t i = 0; i < DESCRIPTION_COUNT; i++)
        if (descriptions[i].code == code)
            return &descriptions[i];
    return NULL;
}

const struct error_description *
error_table(size_t *count)
{
    *count = DESCRIPTION_COUNT;
    return descriptions;
}
