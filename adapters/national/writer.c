/* Growing text and changes to a text. Must never write beyond its bound; says so once and adds nothing more.
 */
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
writer_free(struct writer *writer)
{
    free(writer->data);
    *writer = (struct writer){0};
}

void
writer_add(struct writer *writer, const void *data, size_t size)
{
    if (!writer->failed && size >= writer->room - writer->size) {
        size_t room =
            writer->room * 2 > writer->size + size + 1 ? writer->room * 2 : writer->size + size + 512;
        char *grown =
            size > WRITER_MOST || writer->size + size > WRITER_MOST ? NULL : realloc(writer->data, room);
        writer->failed = grown == NULL;
        if (grown != NULL) {
            writer->data = grown;
            writer->room = room;
        }
    }
    if (writer->failed)
        return;
    if (size > 0)
        memcpy(writer->data + writer->size, data, size);
    writer->size += size;
    writer->data[writer->size] = '\0';
}

void
writer_say(struct writer *writer, const char *text)
{
    writer_add(writer, text, strlen(text));
}

void
writer_quote(struct writer *writer, const char *text, size_t size)
{
    size_t plain = 0;
    writer_add(writer, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        char escape[8];
        int length = c == '"' || c == '\\' ? snprintf(escape, sizeof escape, "\\%c", c)
                                           : snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
        writer_add(writer, text + plain, i - plain);
        writer_add(writer, escape, (size_t)length);
        plain = i + 1;
    }
    if (size > plain)
        writer_add(writer, text + plain, size - plain);
    writer_add(writer, "\"", 1);
}

void
changes_add(struct changes *changes, size_t at, size_t removed, char *text, size_t size)
{
    if (text != NULL && changes->count == changes->room) {
        size_t room = changes->room == 0 ? 16 : changes->room * 2;
        struct change *grown = realloc(changes->list, room * sizeof *grown);
        if (grown != NULL) {
            changes->list = grown;
            changes->room = room;
        }
    }
    if (text == NULL || changes->count == changes->room) {
        changes->failed = true;
        free(text);
        return;
    }
    size_t place = changes->count++;
    while (place > 0 && changes->list[place - 1].at > at) {
        changes->list[place] = changes->list[place - 1];
        place--;
    }
    changes->list[place] = (struct change){.at = at, .removed = removed, .text = text, .size = size};
}

void
changes_write(const struct changes *changes, const char *text, size_t begin, size_t end, struct writer *out)
{
    size_t at = begin;
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        if (change->at < at || change->at > end)
            continue;
        writer_add(out, text + at, change->at - at);
        writer_add(out, change->text, change->size);
        at = change->at + change->removed;
    }
    writer_add(out, text + at, end - at);
    out->failed = out->failed || changes->failed;
}

void
changes_free(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->list[i].text);
    free(changes->list);
    *changes = (struct changes){0};
}
