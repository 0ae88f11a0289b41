/* Bytes with a reference count, and views into them.
 *
 * A slice keeps the buffer it points into alive, so that a body received in one ZeroMQ message is never copied on its
 * way through the core, the store's writer thread and the next link. Counts are atomic: slices cross to the writer
 * thread. A slice is a value: copying the struct does not take a reference, slice_share does.
 */
#ifndef FEP_BUFFER_H
#define FEP_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer; /* opaque; freed with its last reference */

struct slice {
    struct buffer *owner; /* NULL: the bytes are constant or belong to someone who outlives the slice */
    const unsigned char *data;
    size_t size;
};

#define SLICE_NONE ((struct slice){0})

/* A new buffer of `size` writable bytes with one reference; NULL without memory. */
struct buffer *buffer_create(size_t size);
/* Around foreign memory: `release(arg)` runs with the last reference. NULL without memory (nothing is released). */
struct buffer *buffer_wrap(void *data, size_t size, void (*release)(void *arg), void *arg);
unsigned char *buffer_data(struct buffer *buffer);
size_t buffer_size(const struct buffer *buffer);
void buffer_release(struct buffer *buffer); /* NULL is nothing */

/* The whole buffer as a slice; takes over the caller's reference. */
struct slice slice_of(struct buffer *buffer);
/* A part of `whole` with a reference of its own; the range must lie inside. */
struct slice slice_part(struct slice whole, size_t offset, size_t size);
/* Another reference to the same bytes. */
struct slice slice_share(struct slice slice);
/* A private copy; data == NULL with size > 0 means no memory. */
struct slice slice_copy(const void *data, size_t size);
/* Drops the reference and clears the slice. */
void slice_release(struct slice *slice);

#endif
