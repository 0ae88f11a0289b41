/* Fields by name and words of lists. Must never keep what it is given. Fails by its return value; unknown
 * names are found at start, when a module checks that its mapping names what it needs. */
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

int
find_field(const struct fep_layout *layout, const char *name)
{
    if (layout == NULL || name == NULL)
        return -1;
    for (size_t i = 0; i < layout->field_count; i++) {
        if (strcmp(layout->fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

struct fep_bytes
get_field(const struct fep_host *host, const struct fep_record *record, const char *name)
{
    int at = record != NULL ? find_field(host->record_layout(record), name) : -1;
    return at >= 0 ? host->record_get(record, (size_t)at) : (struct fep_bytes){NULL, 0};
}

int
copy_field(const struct fep_host *host, const struct fep_record *record, const char *name, char *out,
           size_t out_size)
{
    struct fep_bytes value = get_field(host, record, name);
    if (value.size >= out_size)
        return -1;
    if (value.size > 0)
        memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return (int)value.size;
}

int
set_field(const struct fep_host *host, struct fep_record *record, const char *name, const char *text)
{
    int at = find_field(host->record_layout(record), name);
    return at >= 0 ? host->record_set(record, (size_t)at, text, strlen(text)) : -1;
}

bool
bytes_equal(struct fep_bytes bytes, const char *text)
{
    size_t size = strlen(text);
    return bytes.size == size && (size == 0 || memcmp(bytes.data, text, size) == 0);
}

const char *
wire_text(const struct fep_host *host, const char *key)
{
    return host->mapping_text(host->self, "wire", key);
}

int
wire_read(const struct fep_host *host, const struct wire_fact *facts, size_t count, void *wire,
          struct fep_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = wire_text(host, facts[i].name);
        if (value == NULL && facts[i].required)
            return set_error(error, 0, 0, "the mapping lacks wire.%s", facts[i].name);
        memcpy((char *)wire + facts[i].offset, &value, sizeof value);
    }
    return 0;
}

bool
next_word(const char **at, const char **word, size_t *size)
{
    const char *p = *at;
    while (*p == ' ' || *p == '\n' || *p == '\t')
        p++;
    *word = p;
    while (*p != '\0' && *p != ' ' && *p != '\n' && *p != '\t')
        p++;
    *size = (size_t)(p - *word);
    *at = p;
    return *size > 0;
}

bool
list_has(const char *list, const char *word, size_t size)
{
    const char *found;
    size_t found_size;
    while (list != NULL && next_word(&list, &found, &found_size)) {
        if (found_size == size && memcmp(found, word, size) == 0)
            return true;
    }
    return false;
}

int
set_error(struct fep_error *error, enum fep_kind kind, unsigned code, const char *format, ...)
{
    if (error == NULL)
        return -1;
    *error = (struct fep_error){.kind = kind, .code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return -1;
}

void
copy_text(char *out, size_t size, const char *text, size_t text_size)
{
    size_t fit = cut_at_character(SCHEME_UTF8, (const unsigned char *)text, text_size, size - 1);
    if (fit > 0)
        memcpy(out, text, fit);
    out[fit] = '\0';
}
