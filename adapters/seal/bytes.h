/* Bytes that grow, and are wiped: what is written may hold secrets and persons. */
#ifndef FEP_SEAL_BYTES_H
#define FEP_SEAL_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    char *data; /* NULL while nothing was written; else with a NUL behind it */
    size_t size, room;
    bool failed; /* no memory once: all further writing does nothing */
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_add_text(struct bytes *bytes, const char *text);
/* Room for `size` more, to be written by the caller, who then raises size; NULL: no memory. */
char *bytes_reserve(struct bytes *bytes, size_t size);
/* Starts anew with the memory there is. */
void bytes_clear(struct bytes *bytes);
/* Wipes and frees. */
void bytes_finish(struct bytes *bytes);

#endif
