/* Records: the values of one local message under one layout. Must never hold more rows than the layout
 * allows, nor interpret a value. Values live in a bump-allocated store that goes with the record; a set fails
 * only for memory. */
#include "mapping.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 8192, FIRST_ROWS = 8 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    char data[];
};

struct value {
    char *text; /* NULL: not set */
    size_t size, room;
};

struct fep_record {
    const struct fep_layout *layout;
    struct chunk *chunks;
    struct value *rows; /* row_room * group_field_count */
    size_t row_count, row_room;
    struct value fields[];
};

struct fep_record *
record_create(const struct fep_layout *layout)
{
    struct fep_record *record = calloc(1, sizeof *record + layout->field_count * sizeof record->fields[0]);
    if (record != NULL)
        record->layout = layout;
    return record;
}

void
record_destroy(struct fep_record *record)
{
    if (record == NULL)
        return;
    while (record->chunks != NULL) {
        struct chunk *chunk = record->chunks;
        record->chunks = chunk->next;
        free(chunk);
    }
    free(record->rows);
    free(record);
}

const struct fep_layout *
record_layout(const struct fep_record *record)
{
    return record->layout;
}

size_t
record_rows(const struct fep_record *record)
{
    return record->row_count;
}

int
record_add_row(struct fep_record *record)
{
    const struct fep_layout *layout = record->layout;
    if (layout->group_name == NULL || record->row_count >= layout->group_max_rows)
        return -1;
    if (record->row_count == record->row_room) {
        size_t room = record->row_room == 0 ? FIRST_ROWS : record->row_room * 2;
        struct value *grown = realloc(record->rows, room * layout->group_field_count * sizeof *grown);
        if (grown == NULL)
            return -1;
        record->rows = grown;
        record->row_room = room;
    }
    memset(record->rows + record->row_count * layout->group_field_count, 0,
           layout->group_field_count * sizeof *record->rows);
    record->row_count++;
    return 0;
}

static char *
take_room(struct fep_record *record, size_t size)
{
    struct chunk *chunk = record->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE / 4 ? size : (size_t)CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        chunk->size = room;
        chunk->used = 0;
        /* A chunk made for one long value is full at once: the one in use stays in front. */
        if (record->chunks != NULL && room == size) {
            chunk->next = record->chunks->next;
            record->chunks->next = chunk;
        } else {
            chunk->next = record->chunks;
            record->chunks = chunk;
        }
    }
    char *data = chunk->data + chunk->used;
    chunk->used += size;
    return data;
}

static int
set_value(struct fep_record *record, struct value *value, const char *text, size_t size)
{
    /* An empty value is set, too: it needs an address that is not NULL. */
    size_t needed = size > 0 ? size : 1;
    if (value->text == NULL || value->room < needed) {
        char *room = take_room(record, needed);
        if (room == NULL)
            return -1;
        value->text = room;
        value->room = needed;
    }
    if (size > 0)
        memmove(value->text, text, size);
    value->size = size;
    return 0;
}

static struct fep_bytes
get_value(const struct value *value)
{
    return (struct fep_bytes){(const unsigned char *)value->text, value->size};
}

static struct value *
row_value(const struct fep_record *record, size_t row, size_t field)
{
    assert(row < record->row_count && field < record->layout->group_field_count);
    return record->rows + row * record->layout->group_field_count + field;
}

struct fep_bytes
record_get(const struct fep_record *record, size_t field)
{
    assert(field < record->layout->field_count);
    return get_value(&record->fields[field]);
}

int
record_set(struct fep_record *record, size_t field, const char *text, size_t size)
{
    assert(field < record->layout->field_count);
    return set_value(record, &record->fields[field], text, size);
}

struct fep_bytes
record_get_in_row(const struct fep_record *record, size_t row, size_t field)
{
    return get_value(row_value(record, row, field));
}

int
record_set_in_row(struct fep_record *record, size_t row, size_t field, const char *text, size_t size)
{
    return set_value(record, row_value(record, row, field), text, size);
}

int
layout_find_field(const struct fep_layout *layout, const char *name, bool in_group)
{
    const struct fep_field *fields = in_group ? layout->group_fields : layout->fields;
    size_t count = in_group ? layout->group_field_count : layout->field_count;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}
