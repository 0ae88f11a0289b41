/* Text that grows up to a bound, and changes to a text that leave everything else as it is. Pure. */
#ifndef FEP_NATIONAL_WRITER_H
#define FEP_NATIONAL_WRITER_H

#include <stdbool.h>
#include <stddef.h>

enum { WRITER_MOST = 9 << 20 };

/* Zero it to begin. Once something did not fit (or there was no memory) `failed` stays set and nothing is added. */
struct writer {
    char *data; /* malloc'd, with NUL behind it; NULL while nothing was written */
    size_t size, room;
    bool failed;
};

void writer_free(struct writer *writer);
void writer_add(struct writer *writer, const void *data, size_t size);
void writer_say(struct writer *writer, const char *text);
/* A JSON string, with quotes and escapes; UTF-8 stays as it is. */
void writer_quote(struct writer *writer, const char *text, size_t size);

/* Replaces `removed` bytes at `at` of a text; several changes are kept in the order of their places, those of one place in
 * the order in which they came. */
struct change {
    size_t at, removed;
    char *text; /* malloc'd */
    size_t size;
};
struct changes {
    struct change *list;
    size_t count, room;
    bool failed;
};
/* Takes `text` (malloc'd; NULL counts as no memory). */
void changes_add(struct changes *changes, size_t at, size_t removed, char *text, size_t size);
/* Writes the span [begin, end) of `text` with the changes that lie in it. */
void changes_write(const struct changes *changes, const char *text, size_t begin, size_t end, struct writer *out);
void changes_free(struct changes *changes);

#endif
