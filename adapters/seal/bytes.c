/* Growing bytes. Must never leave a copy behind when they move. Fails by a mark, asked once at the end. */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

char *
bytes_reserve(struct bytes *bytes, size_t size)
{
    if (bytes->failed)
        return NULL;
    if (bytes->room - bytes->size <= size) {
        size_t room = bytes->room * 2 > bytes->size + size + 1 ? bytes->room * 2 : bytes->size + size + 256;
        char *data = malloc(room);
        if (data == NULL) {
            bytes->failed = true;
            return NULL;
        }
        if (bytes->size > 0)
            memcpy(data, bytes->data, bytes->size);
        if (bytes->data != NULL) {
            explicit_bzero(bytes->data, bytes->size);
            free(bytes->data);
        }
        bytes->data = data;
        bytes->room = room;
    }
    bytes->data[bytes->size + size] = '\0';
    return bytes->data + bytes->size;
}

void
bytes_add(struct bytes *bytes, const void *data, size_t size)
{
    char *place = bytes_reserve(bytes, size);
    if (place == NULL)
        return;
    if (size > 0)
        memcpy(place, data, size);
    bytes->size += size;
}

void
bytes_add_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

void
bytes_clear(struct bytes *bytes)
{
    bytes->size = 0;
    if (bytes->data != NULL)
        bytes->data[0] = '\0';
}

void
bytes_finish(struct bytes *bytes)
{
    if (bytes->data != NULL)
        explicit_bzero(bytes->data, bytes->room);
    free(bytes->data);
    *bytes = (struct bytes){0};
}
