/* Fuzzes canonical bodies and local records through the shipped mappings. First line: "MAPPING o INFNO
 * [OPERATION]" or "MAPPING i LOCAL"; then parts, a line "%%" between two: o  the host asks its local system:
 * request body; local answer (NAME=VALUE lines, "+" begins a row); bodies of what opened the visit, request
 * and answer i  the host serves its local system: local head; local request; answer body; as above; answer
 * about the person What goes to the wire fits its layout; what goes to the link is strict JSON; a local
 * request that was made of a canonical one is understood by the same mapping, or refused with a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "json_check.h"
#include "mapping.h"
#include "utf8.h"

const char *const fuzz_words[] = {"\n%%\n",
                                  "\"input\":{\"data\":{",
                                  "[{",
                                  "}]",
                                  "\":\"",
                                  "null",
                                  "true",
                                  "1.10",
                                  "-0.00",
                                  "123456789012345678",
                                  "0.000000000000000001",
                                  "\\u0000",
                                  "\\ud83d",
                                  "覃",
                                  "\"psn_no\"",
                                  "2026-11-22 08:30:00",
                                  "2026-02-30",
                                  "{}",
                                  "[]",
                                  "\n+\n",
                                  "=",
                                  NULL};

enum { MAPPINGS = 6, PARTS = 6 };
static const char *const files[MAPPINGS] = {
    "etc/mapping/dajizhong-450900.cfg",        "etc/mapping/danxian-450100.cfg",
    "etc/mapping/wuxian-450300.cfg",           "etc/mapping/examples/dajizhong-451300.cfg",
    "etc/mapping/examples/danxian-451000.cfg", "etc/mapping/examples/prm-450800.cfg"};
static struct mapping *mappings[MAPPINGS];
static const uint8_t key[32] = {0x74, 0x65, 0x73, 0x74};

static void
open_mapping(unsigned which)
{
    struct fep_error error = {0};
    char base[512];
    snprintf(base, sizeof base, "%s", fuzz_source("etc"));
    if (strstr(files[which], "examples") != NULL)
        snprintf(base, sizeof base, "%s", fuzz_source("etc/mapping"));
    mappings[which] = mapping_load(fuzz_source(files[which]), base, fuzz_report, NULL, &error);
    must(mappings[which] != NULL, error.text);
}

/* --- the parts of an input --- */

static struct slice
take_part(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memmem(*data, *size, "\n%%\n", 4) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size, step = length + (end != NULL ? 4 : 0);
    struct slice part = {.data = *data, .size = length};
    if (step > 0)
        *data += step;
    *size -= step;
    return part;
}

static void
put_line(struct fep_record *record, char *line)
{
    char *value = strchr(line, '=');
    if (strcmp(line, "+") == 0)
        (void)record_add_row(record);
    if (value == NULL)
        return;
    *value++ = '\0';
    size_t rows = record_rows(record);
    int field = layout_find_field(record_layout(record), line, rows > 0);
    size_t size = strlen(value);
    if (!utf8_is_valid(value, size, NULL)) /* no module hands over anything else */
        return;
    if (field >= 0 && rows > 0)
        must(record_set_in_row(record, rows - 1, (size_t)field, value, size) == 0, "memory");
    else if (field >= 0)
        must(record_set(record, (size_t)field, value, size) == 0, "memory");
}

static struct fep_record *
make_record(const struct mapping *mapping, const char *name, const char *suffix, struct slice part)
{
    char layout_name[80], line[2048];
    snprintf(layout_name, sizeof layout_name, "%.60s%s", name, suffix);
    const struct fep_layout *layout = mapping_find_layout(mapping, layout_name);
    if (layout == NULL)
        return NULL;
    struct fep_record *record = record_create(layout);
    must(record != NULL, "memory");
    while (part.size > 0) {
        fuzz_take_line(&part.data, &part.size, line, sizeof line);
        put_line(record, line);
    }
    return record;
}

/* --- what must hold --- */

static void
value_must_fit(const struct mapping *mapping, const struct fep_field *field, struct fep_bytes value)
{
    must(value.size == 0 || utf8_is_valid((const char *)value.data, value.size, NULL), "a value is UTF-8");
    if (value.size == 0 || field->length == 0)
        return;
    if (field->type == FEP_FIELD_TEXT) {
        size_t room = 4 * value.size + 16;
        unsigned char *wire = malloc(room);
        must(wire != NULL, "memory");
        int size = mapping_encode_text(mapping, (const char *)value.data, value.size, wire, room, NULL);
        must(size < 0 || (size_t)size <= field->length, "a text fits its field on the wire");
        free(wire);
        return;
    }
    must(value.size <= field->length + 1,
         "a value fits its field"); /* a decimal's length is of the wire: no point */
    for (size_t i = 0; i < value.size && field->type == FEP_FIELD_DIGITS; i++)
        must(value.data[i] >= '0' && value.data[i] <= '9', "digits are digits");
}

static void
record_must_fit(const struct mapping *mapping, const struct fep_record *record)
{
    if (record == NULL)
        return;
    const struct fep_layout *layout = record_layout(record);
    for (size_t i = 0; i < layout->field_count; i++)
        value_must_fit(mapping, &layout->fields[i], record_get(record, i));
    must(record_rows(record) <= layout->group_max_rows, "a record has no more rows than its layout");
    for (size_t row = 0; row < record_rows(record); row++)
        for (size_t i = 0; i < layout->group_field_count; i++)
            value_must_fit(mapping, &layout->group_fields[i], record_get_in_row(record, row, i));
}

static void
body_must_be_strict(struct slice body)
{
    struct fep_error error = {0};
    must(json_check((const char *)body.data, body.size, &error) == 0, "what goes to the link is strict JSON");
}

static void
see_line(void *arg, const struct mapping_unmapped *line)
{
    must(line->line > 0 && line->visit_id != NULL && line->medins_list_name != NULL,
         "a line is told as a whole");
    ++*(size_t *)arg;
}

/* --- the two directions --- */

/* The local request that was made is put before the same mapping as a request of its local system. */
static void
understand(const struct mapping *mapping, const char *local, const struct fep_record *head,
           const struct fep_record *body, const struct mapping_context *context)
{
    struct mapping_request request;
    struct fep_error error = {0};
    if (head == NULL || body == NULL)
        return;
    if (mapping_request_in(mapping, local, head, body, context, &request, &error) < 0) {
        must_explain(&error);
        return;
    }
    body_must_be_strict(request.body);
    slice_release(&request.body);
}

static void
ask(const struct mapping *mapping, const char *infno, uint32_t operation, struct slice *parts,
    struct mapping_context *context)
{
    struct message_header header = {.infno = "",
                                    .insured_area = "450900",
                                    .treat_area = "450100",
                                    .institution = "H45010000001",
                                    .transaction_class = CLASS_UPDATE,
                                    .day = 20261122};
    struct fep_record *head = NULL, *body = NULL, *answer;
    struct fep_error error = {0};
    struct fep_result result = {.size = sizeof result};
    struct fep_index index = {.size = sizeof index};
    struct slice canonical = SLICE_NONE;
    uint32_t finding;
    size_t lines = 0;
    snprintf(header.infno, sizeof header.infno, "%s", infno);
    snprintf(header.key.msgid, sizeof header.key.msgid, "H45010000001202611221000000001");
    context->visit_request = parts[2];
    context->visit_answer = parts[3];
    const char *local =
        mapping_request_out(mapping, &header, &index, parts[0], operation, context, &head, &body, &error);
    if (local == NULL) {
        must_explain(&error);
        return;
    }
    record_must_fit(mapping, head);
    record_must_fit(mapping, body);
    (void)mapping_unmapped_lines(mapping, &header, parts[0], body, see_line, &lines, &error);
    understand(mapping, local, head, body, context);
    answer = make_record(mapping, local, "-R", parts[1]);
    error = (struct fep_error){0};
    if (mapping_answer_in(mapping, &header, parts[0], answer, context, &canonical, &index, &result, &error) <
        0)
        must_explain(&error);
    else if (canonical.size > 0)
        body_must_be_strict(canonical);
    if (operation != FEP_OP_SUBMIT)
        (void)mapping_finding(mapping, operation, answer, result.code, &finding);
    slice_release(&canonical);
    record_destroy(answer);
    record_destroy(head);
    record_destroy(body);
}

static void
serve(const struct mapping *mapping, const char *local, struct slice *parts, struct mapping_context *context)
{
    struct fep_record *head = make_record(mapping, "head", "-Q", parts[0]),
                      *body = make_record(mapping, local, "-Q", parts[1]), *answer = NULL;
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_result result = {.size = sizeof result};
    char visit[32], area[AREA_SIZE], person[64];
    context->visit_request = parts[3];
    context->visit_answer = parts[4];
    context->person_answer = parts[5];
    if (head != NULL && body != NULL) {
        (void)mapping_needs_person(mapping, local, head, body, person);
        (void)mapping_needs_visit(mapping, local, head, body, visit, area);
        if (mapping_request_in(mapping, local, head, body, context, &request, &error) < 0) {
            must_explain(&error);
        } else {
            body_must_be_strict(request.body);
            must(infno_is_valid(request.header.infno), "a request has a transaction");
            must(request.header.insured_area[0] == '\0' || area_is_valid(request.header.insured_area),
                 "an area is six digits");
            (void)mapping_answered_by(&request);
            (void)mapping_wants_closed_days(&request);
            if (mapping_answer_out(mapping, &request, parts[2], &result, context, &answer, &error) < 0)
                must_explain(&error);
            else
                record_must_fit(mapping, answer);
            record_destroy(answer);
            slice_release(&request.body);
        }
    }
    record_destroy(head);
    record_destroy(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[64], direction = 'o', name[16] = "";
    unsigned which = 0, operation = FEP_OP_SUBMIT;
    struct slice parts[PARTS];
    struct fep_error error = {0};
    struct fep_attempt attempt = {.size = sizeof attempt,
                                  .number = 1,
                                  .serial = 93,
                                  .serial_date = 20261122,
                                  .accounting_date = 20261122};
    struct mapping_context context = {.own_area = "450100",
                                      .clock_date = 20261122,
                                      .clock_time = 101503,
                                      .attempt = &attempt,
                                      .original_attempt = &attempt,
                                      .pseudonym_key = key,
                                      .pseudonym_key_size = sizeof key};
    if (size > 65536)
        return 0;
    fuzz_take_line(&data, &size, line, sizeof line);
    if (sscanf(line, "%1u %c %15s %1u", &which, &direction, name, &operation) < 3 || !fuzz_is_name(name))
        return 0;
    which %= MAPPINGS;
    if (mappings[which] == NULL)
        open_mapping(which);
    for (int i = 0; i < PARTS; i++)
        parts[i] = take_part(&data, &size);
    if (parts[0].size > 0 && json_check((const char *)parts[0].data, parts[0].size, &error) < 0)
        must_explain(&error);
    if (direction == 'o')
        ask(mappings[which], name,
            operation >= FEP_OP_SUBMIT && operation <= FEP_OP_REVERSE ? operation : FEP_OP_SUBMIT, parts,
            &context);
    else
        serve(mappings[which], name, parts, &context);
    return 0;
}
