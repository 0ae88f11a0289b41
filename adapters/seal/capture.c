/* Reads a captured message. Must never quote it, nor take what has no end for a header. Fails with what is
 * missing. */
#include "capture.h"

#include <string.h>
#include <strings.h>

#include "error.h"

struct line {
    const char *text;
    size_t size;
};

static bool
next_line(const char **at, const char *end, struct line *line)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    line->text = *at;
    line->size = (size_t)((stop != NULL ? stop : end) - *at);
    *at = stop != NULL ? stop + 1 : end;
    if (line->size > 0 && line->text[line->size - 1] == '\r')
        line->size--;
    return true;
}

/* What tools put before a header line. */
static void
drop_arrow(struct line *line)
{
    if (line->size > 0 && (line->text[0] == '>' || line->text[0] == '<')) {
        line->text++;
        line->size--;
        if (line->size > 0 && line->text[0] == ' ') {
            line->text++;
            line->size--;
        }
    }
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_first_line(const struct line *line)
{
    return (line->size >= 9 && memcmp(line->text, "HTTP/1.", 7) == 0) ||
           memmem(line->text, line->size, " HTTP/1.", 8) != NULL;
}

static int
add_field(struct capture *capture, const struct line *line, struct fep_error *error)
{
    const char *colon = line->size > 0 ? memchr(line->text, ':', line->size) : NULL;
    if (colon == NULL || colon == line->text)
        return error_set(
            error, 0, FEP_E_USAGE,
            "neither JSON nor an HTTP message: a line before the body is no header (header lines, an empty "
            "line, the body)");
    if (capture->field_count == CAPTURE_FIELDS)
        return error_set(error, 0, FEP_E_USAGE, "the message has more than %d headers", CAPTURE_FIELDS);
    const char *value = colon + 1, *end = line->text + line->size;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    capture->fields[capture->field_count++] =
        (struct seal_field){line->text, value, (size_t)(colon - line->text), (size_t)(end - value)};
    return 0;
}

int
capture_read(struct capture *capture, const char *text, size_t size, struct fep_error *error)
{
    const char *at = text, *end = text + size;
    struct line line;
    bool first = true;
    *capture = (struct capture){0};
    if (size > CAPTURE_MOST_BYTES)
        return error_set(error, 0, FEP_E_USAGE, "larger than %d bytes", CAPTURE_MOST_BYTES);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end && is_blank(*at))
        at++;
    while (at < end && *at != '{' && *at != '[') {
        if (!next_line(&at, end, &line))
            break;
        drop_arrow(&line);
        if (line.size == 0)
            break;
        if (!(first && is_first_line(&line)) && add_field(capture, &line, error) < 0)
            return -1;
        first = false;
    }
    capture->body = at;
    capture->body_size = capture->json_size = (size_t)(end - at);
    while (capture->json_size > 0 && is_blank(at[capture->json_size - 1]))
        capture->json_size--;
    return capture->json_size > 0 ? 0 : error_set(error, 0, FEP_E_USAGE, "there is no body in it");
}

const struct seal_field *
capture_find(const struct capture *capture, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < capture->field_count; i++)
        if (capture->fields[i].name_size == size && strncasecmp(capture->fields[i].name, name, size) == 0)
            return &capture->fields[i];
    return NULL;
}
