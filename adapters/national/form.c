/* Multipart forms. Must never give bytes of one part for another's: a part ends at its boundary on a line of
 * its own, and a form that does not end with one is none. */
#include "form.h"

#include <string.h>
#include <strings.h>

enum { LONGEST_BOUNDARY = 70 };

bool
form_is_one(const char *content_type)
{
    return content_type != NULL && strncasecmp(content_type, "multipart/form-data", 19) == 0;
}

/* "\r\n--BOUNDARY"; its size, 0: there is none. */
static size_t
read_boundary(const char *content_type, char out[LONGEST_BOUNDARY + 8])
{
    const char *at = strcasestr(content_type, "boundary=");
    if (at == NULL)
        return 0;
    at += strlen("boundary=");
    bool quoted = *at == '"';
    at += quoted;
    size_t size = strcspn(at, quoted ? "\"" : "; \t");
    if (size == 0 || size > LONGEST_BOUNDARY)
        return 0;
    memcpy(out, "\r\n--", 4);
    memcpy(out + 4, at, size);
    return size + 4;
}

/* The value of name="..." in a part's head. */
static bool
is_named(const char *head, size_t size, const char *name)
{
    const char *end = head + size;
    for (const char *at = head; at < end;) {
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        size_t line = (size_t)((line_end != NULL ? line_end : end) - at);
        if (line > 20 && strncasecmp(at, "Content-Disposition:", 20) == 0) {
            const char *found = memmem(at, line, " name=\"", 7);
            size_t left = found != NULL ? line - (size_t)(found + 7 - at) : 0;
            return found != NULL && left > strlen(name) && memcmp(found + 7, name, strlen(name)) == 0 &&
                   found[7 + strlen(name)] == '"';
        }
        at = line_end != NULL ? line_end + 2 : end;
    }
    return false;
}

static bool
take_part(const char *part, size_t size, const char *name, struct form_part *out)
{
    const char *end = memmem(part, size, "\r\n\r\n", 4);
    if (end == NULL || !is_named(part, (size_t)(end - part), name))
        return true;
    if (out->data != NULL)
        return false; /* which of the two? */
    out->data = end + 4;
    out->size = size - (size_t)(end + 4 - part);
    return true;
}

bool
form_read(const char *content_type, const char *body, size_t size, const char *message_name,
          const char *file_name, struct form_part *message, struct form_part *file)
{
    char boundary[LONGEST_BOUNDARY + 8];
    size_t room = form_is_one(content_type) ? read_boundary(content_type, boundary) : 0;
    *message = *file = (struct form_part){NULL, 0};
    if (room == 0 || size < room || memcmp(body, boundary + 2, room - 2) != 0)
        return false;
    const char *at = body + room - 2, *end = body + size;
    while (end - at >= 2 && memcmp(at, "--", 2) != 0) {
        const char *next = memmem(at, (size_t)(end - at), boundary, room);
        if (memcmp(at, "\r\n", 2) != 0 || next == NULL)
            return false;
        size_t part = next > at + 2 ? (size_t)(next - at - 2) : 0;
        if (!take_part(at + 2, part, message_name, message) || !take_part(at + 2, part, file_name, file))
            return false;
        at = next + room;
    }
    return end - at >= 2 && message->data != NULL;
}
