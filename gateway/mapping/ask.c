/* The asked side: a canonical request becomes local, the local answer becomes canonical. */
#include "translation.h"

#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "error.h"

const struct transaction_map *
map_by_infno(const struct mapping *mapping, const char *infno)
{
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        if (strcmp(mapping->transactions[i].infno, infno) == 0)
            return &mapping->transactions[i];
    }
    return NULL;
}

/* --- request out --------------------------------------------------------------------------------- */

static int
fill_head(struct translation *translation, struct fep_record *head)
{
    translation->record = translation->target = head;
    return rules_apply_out(translation, &translation->mapping->head_request);
}

static int
fill_body(struct translation *translation, struct fep_record *record, const struct rules *rules,
          const struct group_map *group)
{
    translation->record = translation->target = record;
    if (rules_apply_out(translation, rules) < 0 || (group != NULL && group_apply_out(translation, group) < 0))
        return -1;
    return layout_check_required(translation, record);
}

static int
translate_request(struct translation *translation, const struct transaction_map *map,
                  const struct operation_map *operation, struct slice body, struct fep_record *head,
                  struct fep_record *record)
{
    translation->body = canonical_parse(body, translation->error);
    if (translation->body == NULL)
        return -1;
    translation->root = canonical_member(translation->body, "input");
    if (fill_head(translation, head) < 0)
        return -1;
    return operation != NULL ? fill_body(translation, record, &operation->request, NULL)
                             : fill_body(translation, record, &map->request, &map->request_group);
}

static int
find_operation(const struct mapping *mapping, uint32_t operation, const struct operation_map **found,
               struct fep_error *error)
{
    *found = NULL;
    if (operation == FEP_OP_SUBMIT)
        return 0;
    *found = operation == FEP_OP_INQUIRE ? &mapping->inquire : &mapping->reverse;
    if ((*found)->present)
        return 0;
    return error_set(error, FEP_NOT_SENT, FEP_E_NOT_MAPPED, "the mapping has no %s",
                     operation == FEP_OP_INQUIRE ? "inquire" : "reverse");
}

const char *
mapping_request_out(const struct mapping *mapping, const struct message_header *header,
                    const struct fep_index *index, struct slice body, uint32_t operation,
                    const struct mapping_context *context, struct fep_record **head,
                    struct fep_record **record, struct fep_error *error)
{
    const struct transaction_map *map = map_by_infno(mapping, header->infno);
    const struct operation_map *found;
    struct message_header copy = *header;
    struct translation translation;
    (void)index;
    *head = *record = NULL;
    if (map == NULL) {
        error_set(error, FEP_REFUSED, 1002, "transaction %.6s is not in the mapping %s", header->infno,
                  mapping->name);
        return NULL;
    }
    if (find_operation(mapping, operation, &found, error) < 0)
        return NULL;
    translation_begin(&translation, mapping, context, &copy, true, error);
    translation.original_local = found != NULL ? map->local : NULL;
    *head = record_create(mapping->head_question);
    *record = record_create(found != NULL ? found->question : map->question);
    int status = *head != NULL && *record != NULL
                     ? translate_request(&translation, map, found, body, *head, *record)
                     : translation_no_memory(&translation);
    translation_end(&translation);
    if (status == 0)
        coverage_mark(mapping->coverage, found != NULL ? (const void *)found : &map->request, MARK_OUT);
    if (status < 0) {
        record_destroy(*head);
        record_destroy(*record);
        *head = *record = NULL;
        return NULL;
    }
    return found != NULL ? found->local : map->local;
}

/* --- answer in ----------------------------------------------------------------------------------- */

static int
begin_envelope(struct translation *translation)
{
    if (translation_new_body(translation) < 0)
        return -1;
    struct json_object *infcode = json_object_new_int(0), *text = json_object_new_string("");
    if (infcode == NULL || json_object_object_add(translation->body, "infcode", infcode) != 0) {
        json_object_put(infcode);
        json_object_put(text);
        return translation_no_memory(translation);
    }
    if (text == NULL || json_object_object_add(translation->body, "err_msg", text) != 0) {
        json_object_put(text);
        return translation_no_memory(translation);
    }
    return 0;
}

static int
translate_answer(struct translation *translation, const struct transaction_map *map,
                 const struct fep_record *record, struct slice request, struct fep_index *index,
                 struct fep_result *result)
{
    if (begin_envelope(translation) < 0)
        return -1;
    if (record != NULL) {
        translation->record = record;
        if (record_layout(record) != map->answer_layout)
            return translation_fault(translation, NULL, FEP_E_INTERNAL,
                                     "the answer is under the layout %s, not %s-R",
                                     record_layout(record)->name, map->local);
        if (rules_apply_in(translation, &map->answer) < 0 ||
            group_apply_in(translation, &map->answer_group) < 0 ||
            rules_apply_late(translation, &map->answer) < 0)
            return -1;
    }
    if (index_fill(translation, &map->index, index) < 0)
        return -1;
    if (map->check_count > 0) {
        struct json_object *asked = canonical_parse(request, translation->error);
        /* A violation is the answer's own: it is recorded with its body, and marked. */
        (void)checks_hold(translation, map, canonical_member(asked, "input"), result);
        json_object_put(asked);
    }
    return translation_close_body(translation, "output");
}

int
mapping_answer_in(const struct mapping *mapping, const struct message_header *header,
                  struct slice request_body, const struct fep_record *record,
                  const struct mapping_context *context, struct slice *answer, struct fep_index *index,
                  struct fep_result *result, struct fep_error *error)
{
    const struct transaction_map *map = map_by_infno(mapping, header->infno);
    struct message_header copy = *header;
    struct translation translation;
    *answer = SLICE_NONE;
    if (map == NULL)
        return error_set(error, 0, FEP_E_NOT_MAPPED, "transaction %.6s is not in the mapping %s",
                         header->infno, mapping->name);
    translation_begin(&translation, mapping, context, &copy, false, error);
    translation.asked_body = request_body;
    int status = translate_answer(&translation, map, record, request_body, index, result);
    if (status == 0)
        status = canonical_write(translation.body, answer, error);
    translation_end(&translation);
    if (status == 0)
        coverage_mark(mapping->coverage, &map->answer, MARK_IN);
    index->effect = result->effect;
    index->accounting_day = result->accounting_date;
    return status;
}

/* --- findings and return codes ------------------------------------------------------------------- */

int
mapping_finding(const struct mapping *mapping, uint32_t operation, const struct fep_record *record,
                uint32_t code, uint32_t *finding)
{
    const struct operation_map *map = operation == FEP_OP_INQUIRE ? &mapping->inquire : &mapping->reverse;
    if (!map->present)
        return -1;
    if (record == NULL) {
        for (size_t i = 0; i < map->by_error.count; i++) {
            if (map->by_error.list[i].code == code) {
                *finding = map->by_error.list[i].finding;
                return 0;
            }
        }
        return -1;
    }
    if (record_layout(record) != map->answer_layout)
        return -1;
    struct fep_bytes value = trim_value(record_get(record, (size_t)map->field));
    for (size_t i = 0; i < map->findings.count; i++) {
        const char *known = map->findings.list[i].value;
        if (strlen(known) == value.size && memcmp(known, value.data, value.size) == 0) {
            *finding = map->findings.list[i].finding;
            return 0;
        }
    }
    return -1;
}

static char
class_of(enum fep_kind kind, const struct fep_result *result)
{
    if (kind == FEP_UNKNOWN)
        return 'U';
    return kind == FEP_NOT_SENT || result->refusal_class == FEP_REPEATABLE ? 'R' : 'N';
}

static const char *
find_return_code(const struct mapping *mapping, char class_letter, uint32_t code)
{
    for (size_t i = 0; i < mapping->error_count; i++) {
        const struct error_row *row = &mapping->errors[i];
        if ((row->directions & DIRECTION_OUT) != 0 && row->code == code && row->class_letter == class_letter)
            return row->local;
    }
    return mapping->error_defaults[class_letter == 'N' ? 0 : class_letter == 'R' ? 1 : 2];
}

const char *
mapping_error_out(const struct mapping *mapping, enum fep_kind kind, const struct fep_result *result)
{
    return find_return_code(mapping, class_of(kind, result), result->code);
}

static const struct error_row *
find_error_in(const struct mapping *mapping, const char *local_code)
{
    for (size_t i = 0; i < mapping->error_count; i++) {
        if ((mapping->errors[i].directions & DIRECTION_IN) != 0 &&
            strcmp(mapping->errors[i].local, local_code) == 0)
            return &mapping->errors[i];
    }
    return NULL;
}

void
mapping_error_in(const struct mapping *mapping, const char *local_code, bool posts, enum fep_kind *kind,
                 struct fep_result *result)
{
    const struct error_row *row = find_error_in(mapping, local_code);
    char letter = row != NULL ? row->class_letter : posts ? 'U' : 'N';
    *kind = letter == 'U' ? FEP_UNKNOWN : FEP_REFUSED;
    result->refusal_class = letter == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    result->code = row != NULL ? row->code : 0;
    result->reason = FEP_REASON_BUSINESS;
}

/* --- what a module reads ------------------------------------------------------------------------- */

static const char *
operation_text(const struct operation_map *map, const char *key)
{
    if (!map->present)
        return NULL;
    if (strcmp(key, "local") == 0)
        return map->local;
    if (strcmp(key, "field") == 0)
        return map->field_name;
    if (strncmp(key, "error:", 6) == 0) {
        unsigned long code = strtoul(key + 6, NULL, 10);
        for (size_t i = 0; i < map->by_error.count; i++) {
            if (map->by_error.list[i].code == code)
                return finding_word(map->by_error.list[i].finding);
        }
        return NULL;
    }
    bool by_word = strncmp(key, "finding:", 8) == 0;
    for (size_t i = 0; i < map->findings.count; i++) {
        const struct finding_row *row = &map->findings.list[i];
        if (by_word && strcmp(finding_word(row->finding), key + 8) == 0)
            return row->value;
        if (!by_word && strcmp(row->value, key) == 0)
            return finding_word(row->finding);
    }
    return NULL;
}

const struct operation_map *
operation_by_name(const struct mapping *mapping, const char *name, size_t size)
{
    const struct {
        const char *name;
        const struct operation_map *map;
    } operations[] = {{"inquire", &mapping->inquire},
                      {"reverse", &mapping->reverse},
                      {"serve_reverse", &mapping->serve_reverse},
                      {"serve_inquire", &mapping->serve_inquire}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strlen(operations[i].name) == size && memcmp(operations[i].name, name, size) == 0)
            return operations[i].map;
    }
    return NULL;
}

const char *
mapping_text_of(const struct mapping *mapping, const char *section, const char *key)
{
    if (strcmp(section, "wire") == 0) {
        for (size_t i = 0; i < mapping->wire_count; i++) {
            if (strcmp(mapping->wire[i].name, key) == 0)
                return mapping->wire[i].text;
        }
        return NULL;
    }
    if (strcmp(section, "errors") == 0) {
        const struct error_row *row = find_error_in(mapping, key);
        return row != NULL ? row->in_text : NULL;
    }
    if (strcmp(section, "results") == 0)
        return (key[0] == 'N' || key[0] == 'R' || key[0] == 'U') && key[1] == ':'
                   ? find_return_code(mapping, key[0], (uint32_t)strtoul(key + 2, NULL, 10))
                   : NULL;
    const struct operation_map *operation = operation_by_name(mapping, section, strlen(section));
    return operation != NULL ? operation_text(operation, key) : NULL;
}

const char *
mapping_name(const struct mapping *mapping)
{
    return mapping->name;
}

const char *
mapping_family(const struct mapping *mapping)
{
    return mapping->family;
}

const struct fep_layout *
mapping_find_layout(const struct mapping *mapping, const char *name)
{
    for (size_t i = 0; i < mapping->layout_count; i++) {
        if (strcmp(mapping->layouts[i].layout.name, name) == 0)
            return &mapping->layouts[i].layout;
    }
    return NULL;
}

int
mapping_decode_text(const struct mapping *mapping, const unsigned char *in, size_t size, bool lenient,
                    char *out, size_t out_size, struct fep_error *error)
{
    return charset_decode(mapping->charset, in, size, lenient, out, out_size, error);
}

int
mapping_encode_text(const struct mapping *mapping, const char *in, size_t size, unsigned char *out,
                    size_t out_size, struct fep_error *error)
{
    return charset_encode(mapping->charset, in, size, out, out_size, error);
}
