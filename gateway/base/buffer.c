/* Reference-counted bytes. Must never copy a body behind the caller's back and never free what a slice still
 * points into. Fails only for want of memory; a range outside a slice is a mistake of ours and ends the
 * process. */
#include "buffer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    atomic_size_t references;
    size_t size;
    unsigned char *data;
    void (*release)(void *arg); /* NULL: the bytes follow this struct */
    void *arg;
};

struct buffer *
buffer_create(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct buffer))
        return NULL;
    struct buffer *buffer = malloc(sizeof *buffer + size);
    if (!buffer)
        return NULL;
    atomic_init(&buffer->references, 1);
    buffer->size = size;
    buffer->data = (unsigned char *)(buffer + 1);
    buffer->release = NULL;
    buffer->arg = NULL;
    return buffer;
}

struct buffer *
buffer_wrap(void *data, size_t size, void (*release)(void *arg), void *arg)
{
    struct buffer *buffer = malloc(sizeof *buffer);
    if (!buffer)
        return NULL;
    atomic_init(&buffer->references, 1);
    buffer->size = size;
    buffer->data = data;
    buffer->release = release;
    buffer->arg = arg;
    return buffer;
}

unsigned char *
buffer_data(struct buffer *buffer)
{
    return buffer->data;
}

size_t
buffer_size(const struct buffer *buffer)
{
    return buffer->size;
}

static void
add_reference(struct buffer *buffer)
{
    /* Relaxed is enough: whoever adds one already holds one. */
    size_t before = atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

void
buffer_release(struct buffer *buffer)
{
    if (!buffer)
        return;
    size_t before = atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    if (buffer->release)
        buffer->release(buffer->arg);
    free(buffer);
}

struct slice
slice_of(struct buffer *buffer)
{
    if (!buffer)
        return SLICE_NONE;
    return (struct slice){buffer, buffer->data, buffer->size};
}

struct slice
slice_part(struct slice whole, size_t offset, size_t size)
{
    assert(offset <= whole.size && size <= whole.size - offset);
    if (whole.owner)
        add_reference(whole.owner);
    return (struct slice){whole.owner, whole.data ? whole.data + offset : NULL, size};
}

struct slice
slice_share(struct slice slice)
{
    if (slice.owner)
        add_reference(slice.owner);
    return slice;
}

struct slice
slice_copy(const void *data, size_t size)
{
    if (size == 0)
        return SLICE_NONE;
    struct buffer *buffer = buffer_create(size);
    if (!buffer)
        return (struct slice){NULL, NULL, size};
    memcpy(buffer->data, data, size);
    return slice_of(buffer);
}

void
slice_release(struct slice *slice)
{
    buffer_release(slice->owner);
    *slice = SLICE_NONE;
}
