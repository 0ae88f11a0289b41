/* Records of the fake host: texts by field, checked to be within their layout and all released at the end. */
#include "fake_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fep_record {
    const struct fep_layout *layout;
    char **plain;
    char **rows;
    size_t row_count;
};

static struct fep_record *
create_record(void *host, const char *name)
{
    const struct fep_layout *layout = ((struct fake_host *)host)->host.find_layout(host, name);
    if (layout == NULL)
        return NULL;
    struct fep_record *record = calloc(1, sizeof *record);
    record->layout = layout;
    record->plain = calloc(layout->field_count + 1, sizeof(char *));
    record->rows = calloc(layout->group_max_rows * layout->group_field_count + 1, sizeof(char *));
    fake_state_of(host)->live_records++;
    return record;
}

static void
release_record(void *host, struct fep_record *record)
{
    if (record == NULL)
        return;
    for (size_t i = 0; i < record->layout->field_count; i++)
        free(record->plain[i]);
    for (size_t i = 0; i < record->row_count * record->layout->group_field_count; i++)
        free(record->rows[i]);
    free(record->plain);
    free(record->rows);
    free(record);
    assert(fake_state_of(host)->live_records > 0);
    fake_state_of(host)->live_records--;
}

static const struct fep_layout *
record_layout(const struct fep_record *record)
{
    return record->layout;
}

static size_t
record_rows(const struct fep_record *record)
{
    return record->row_count;
}

static int
record_add_row(struct fep_record *record)
{
    if (record->row_count >= record->layout->group_max_rows)
        return -1;
    record->row_count++;
    return 0;
}

static struct fep_bytes
view_of(const char *text)
{
    return (struct fep_bytes){(const unsigned char *)text, text != NULL ? strlen(text) : 0};
}

static int
put(char **slot, const char *text, size_t size)
{
    free(*slot);
    *slot = calloc(1, size + 1);
    if (size > 0)
        memcpy(*slot, text, size);
    return 0;
}

static struct fep_bytes
record_get(const struct fep_record *record, size_t field)
{
    assert(field < record->layout->field_count);
    return view_of(record->plain[field]);
}

static int
record_set(struct fep_record *record, size_t field, const char *text, size_t size)
{
    assert(field < record->layout->field_count);
    return put(&record->plain[field], text, size);
}

static struct fep_bytes
record_get_in_row(const struct fep_record *record, size_t row, size_t field)
{
    assert(row < record->row_count && field < record->layout->group_field_count);
    return view_of(record->rows[row * record->layout->group_field_count + field]);
}

static int
record_set_in_row(struct fep_record *record, size_t row, size_t field, const char *text, size_t size)
{
    assert(row < record->row_count && field < record->layout->group_field_count);
    return put(&record->rows[row * record->layout->group_field_count + field], text, size);
}

static int
field_index(const struct fep_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return (int)i;
    }
    fprintf(stderr, "no field %s\n", name);
    abort();
}

void
fake_fill(struct fep_record *record, const char *const *values)
{
    for (; values != NULL && values[0] != NULL; values += 2) {
        int at = field_index(record->layout->fields, record->layout->field_count, values[0]);
        record_set(record, (size_t)at, values[1], strlen(values[1]));
    }
}

void
fake_fill_known(struct fep_record *record, const char *name, const char *value)
{
    for (size_t i = 0; i < record->layout->field_count; i++) {
        if (strcmp(record->layout->fields[i].name, name) == 0)
            record_set(record, i, value, strlen(value));
    }
}

struct fep_record *
fake_record(struct fake_host *fake, const char *layout, const char *const *values)
{
    struct fep_record *record = create_record(fake, layout);
    assert(record != NULL);
    fake_fill(record, values);
    return record;
}

static const char *
hold(struct fep_bytes value)
{
    static char text[8][1024];
    static unsigned turns;
    char *out = text[turns++ % 8];
    snprintf(out, 1024, "%.*s", (int)value.size, value.size > 0 ? (const char *)value.data : "");
    return out;
}

const char *
fake_get(struct fake_host *fake, const struct fep_record *record, const char *name)
{
    (void)fake;
    return hold(
        record_get(record, (size_t)field_index(record->layout->fields, record->layout->field_count, name)));
}

const char *
fake_get_in_row(struct fake_host *fake, const struct fep_record *record, size_t row, const char *name)
{
    (void)fake;
    const struct fep_layout *layout = record->layout;
    return hold(record_get_in_row(
        record, row, (size_t)field_index(layout->group_fields, layout->group_field_count, name)));
}

void
fake_set_row(struct fake_host *fake, struct fep_record *record, const char *const *values)
{
    (void)fake;
    const struct fep_layout *layout = record->layout;
    assert(record_add_row(record) == 0);
    for (; values[0] != NULL; values += 2)
        record_set_in_row(record, record->row_count - 1,
                          (size_t)field_index(layout->group_fields, layout->group_field_count, values[0]),
                          values[1], strlen(values[1]));
}

size_t
fake_live_records(const struct fake_host *fake)
{
    return fake->state->live_records;
}

void
fake_offer_records(struct fep_host *host)
{
    host->create_record = create_record;
    host->release_record = release_record;
    host->record_layout = record_layout;
    host->record_rows = record_rows;
    host->record_add_row = record_add_row;
    host->record_get = record_get;
    host->record_set = record_set;
    host->record_get_in_row = record_get_in_row;
    host->record_set_in_row = record_set_in_row;
}
