/* See map_rig.h. */
#include "map_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char rig_problems[65536];
static char directory[64];

static void
report(void *arg, const char *line)
{
    (void)arg;
    size_t used = strlen(rig_problems);
    const char *name = strstr(line, "map.cfg");
    snprintf(rig_problems + used, sizeof rig_problems - used, "%s\n", name != NULL ? name : line);
}

struct mapping *
rig_load_shipped(const char *name)
{
    char path[512], base[512];
    struct fep_error error = {0};
    const char *source = getenv("FEP_SOURCE");
    assert_non_null(source);
    snprintf(base, sizeof base, "%s/etc", source);
    snprintf(path, sizeof path, "%s/etc/mapping/%s", source, name);
    rig_problems[0] = '\0';
    struct mapping *mapping = mapping_load(path, base, report, NULL, &error);
    if (mapping == NULL)
        fail_msg("%s\n%s", error.text, rig_problems);
    return mapping;
}

static void
path_of(char out[128], const char *name)
{
    if (directory[0] == '\0') {
        snprintf(directory, sizeof directory, "/tmp/fep-map-XXXXXX");
        assert_non_null(mkdtemp(directory));
    }
    snprintf(out, 128, "%s/%s", directory, name);
}

void
rig_path(char out[128], const char *name)
{
    path_of(out, name);
}

static void
write_file(const char *name, const char *text)
{
    char path[128];
    path_of(path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void
rig_write_crosswalk(const char *text)
{
    char path[128];
    path_of(path, "crosswalk.csv");
    if (text != NULL)
        write_file("crosswalk.csv", text);
    else
        (void)unlink(path);
}

struct mapping *
rig_load_text(const char *text)
{
    char path[128];
    struct fep_error error = {0};
    rig_problems[0] = '\0';
    write_file("map.cfg", text);
    path_of(path, "map.cfg");
    struct mapping *mapping = mapping_load(path, directory, report, NULL, &error);
    if (mapping == NULL && rig_problems[0] == '\0')
        snprintf(rig_problems, sizeof rig_problems, "%s", error.text);
    return mapping;
}

struct mapping *
rig_load_with(const char *text, const struct mapping_tables *tables)
{
    char path[128], base[512];
    struct fep_error error = {0};
    const char *source = getenv("FEP_SOURCE");
    assert_non_null(source);
    snprintf(base, sizeof base, "%s/etc", source);
    rig_problems[0] = '\0';
    write_file("map.cfg", text);
    path_of(path, "map.cfg");
    struct mapping *mapping = mapping_load_with(path, base, tables, report, NULL, &error);
    if (mapping == NULL && rig_problems[0] == '\0')
        snprintf(rig_problems, sizeof rig_problems, "%s", error.text);
    return mapping;
}

struct canonical_table *
rig_load_canonical(const char *text)
{
    char path[128];
    rig_problems[0] = '\0';
    write_file("map.cfg", text);
    path_of(path, "map.cfg");
    return canonical_table_load(path, report, NULL, NULL);
}

struct wire_table *
rig_load_wire(const char *text)
{
    char path[128];
    rig_problems[0] = '\0';
    write_file("map.cfg", text);
    path_of(path, "map.cfg");
    return wire_table_load(path, report, NULL, NULL);
}

const char *
rig_rules_text(const char *fields, const char *rules, const char *more)
{
    static char text[32768];
    snprintf(text, sizeof text,
             "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; unmappable = \"geta\"; region "
             "= \"450100\";\n"
             "errors = ( (\"0\", \"N\", 1) ); errors_default = ( (\"N\", \"-1\"), (\"R\", \"-2\"), (\"U\", "
             "\"-3\") );\n"
             "msgid = ( (\"M\", 0, 4) );\n"
             "%s\n"
             "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20), (\"A\", \"code\", 6) ); },\n"
             "{ name = \"T1-Q\"; fields = ( %s ); },\n"
             "{ name = \"T1-R\"; fields = ( (\"F\", \"text\", 20) ); } );\n"
             "head = { request = ( (\"A\", \"header.insured_area\") ); };\n"
             "transactions = ( { infno = \"2304\"; local = \"T1\"; request = ( %s ); } );\n",
             more, fields, rules);
    return text;
}

struct mapping *
rig_load_rules(const char *fields, const char *rules, const char *more)
{
    return rig_load_text(rig_rules_text(fields, rules, more));
}

void
rig_clean(void)
{
    char command[128];
    if (directory[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
    directory[0] = '\0';
}

int
rig_clean_group(void **state)
{
    (void)state;
    rig_clean();
    return 0;
}

struct fep_record *
rig_record(const struct mapping *mapping, const char *layout)
{
    const struct fep_layout *found = mapping_find_layout(mapping, layout);
    assert_non_null(found);
    struct fep_record *record = record_create(found);
    assert_non_null(record);
    return record;
}

static size_t
field_of(const struct fep_record *record, const char *field, bool in_group)
{
    int place = layout_find_field(record_layout(record), field, in_group);
    if (place < 0)
        fail_msg("no field %s", field);
    return (size_t)place;
}

void
rig_set_bytes(struct fep_record *record, const char *field, const void *text, size_t size)
{
    assert_int_equal(record_set(record, field_of(record, field, false), text, size), 0);
}

void
rig_set(struct fep_record *record, const char *field, const char *text)
{
    rig_set_bytes(record, field, text, strlen(text));
}

void
rig_set_row(struct fep_record *record, size_t row, const char *field, const char *text)
{
    if (row == record_rows(record))
        assert_int_equal(record_add_row(record), 0);
    assert_int_equal(record_set_in_row(record, row, field_of(record, field, true), text, strlen(text)), 0);
}

static const char *
copy_bytes(struct fep_bytes bytes)
{
    static char copies[4][1024];
    static size_t turn;
    char *copy = copies[turn++ % 4];
    assert_true(bytes.size < sizeof copies[0]);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return copy;
}

const char *
rig_get(const struct fep_record *record, const char *field)
{
    return copy_bytes(record_get(record, field_of(record, field, false)));
}

const char *
rig_get_row(const struct fep_record *record, size_t row, const char *field)
{
    return copy_bytes(record_get_in_row(record, row, field_of(record, field, true)));
}

struct mapping_context
rig_context(const struct fep_attempt *attempt, const char *visit_infno, const char *visit_request,
            const char *visit_answer)
{
    static const uint8_t key[32] = {1, 2, 3};
    struct mapping_context context = {.clock_date = 20261122,
                                      .clock_time = 101500,
                                      .attempt = attempt,
                                      .pseudonym_key = key,
                                      .pseudonym_key_size = sizeof key};
    snprintf(context.visit_infno, sizeof context.visit_infno, "%s", visit_infno);
    if (visit_request != NULL)
        context.visit_request = rig_slice(visit_request);
    if (visit_answer != NULL)
        context.visit_answer = rig_slice(visit_answer);
    return context;
}

struct slice
rig_slice(const char *text)
{
    return (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
}

bool
rig_holds(struct slice body, const char *part)
{
    return body.data != NULL && memmem(body.data, body.size, part, strlen(part)) != NULL;
}

const char *
rig_in(const struct mapping *mapping, const char *value, struct fep_error *error)
{
    static char text[4096];
    struct mapping_request request;
    struct mapping_context context = {.clock_date = 20261122};
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set(body, "F", value);
    *error = (struct fep_error){0};
    int status = mapping_request_in(mapping, "T1", head, body, &context, &request, error);
    record_destroy(head);
    record_destroy(body);
    if (status < 0)
        return NULL;
    snprintf(text, sizeof text, "%.*s", (int)request.body.size, (const char *)request.body.data);
    slice_release(&request.body);
    return text;
}

const char *
rig_out(const struct mapping *mapping, const char *input, struct fep_error *error)
{
    char body[4096];
    struct message_header header = {.infno = "2304", .insured_area = "450900", .treat_area = "450100"};
    struct fep_attempt attempt = {
        .size = sizeof attempt, .serial = 93, .serial_date = 20261122, .accounting_date = 20261121};
    struct mapping_context context = {.clock_date = 20261122, .clock_time = 101503, .attempt = &attempt};
    struct fep_record *head, *record;
    snprintf(body, sizeof body, "{\"opter\":\"000012\",\"input\":%s}", input);
    *error = (struct fep_error){0};
    const char *local = mapping_request_out(mapping, &header, NULL, rig_slice(body), FEP_OP_SUBMIT, &context,
                                            &head, &record, error);
    if (local == NULL)
        return NULL;
    assert_string_equal(local, "T1");
    const char *value = rig_get(record, "F");
    record_destroy(head);
    record_destroy(record);
    return value;
}
