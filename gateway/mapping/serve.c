/* The serving side: a local caller's request becomes canonical, the canonical answer becomes local. */
#include "translation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "error.h"
#include "order_key.h"

/* --- which transaction --------------------------------------------------------------------------- */

static bool
is_local(const struct transaction_map *map, const char *local)
{
    return strcmp(map->local, local) == 0;
}

static const struct transaction_map *
find_transaction(struct translation *translation, const char *local)
{
    const struct mapping *mapping = translation->mapping;
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        if (is_local(map, local) && conditions_hold(translation, &map->when))
            return map;
    }
    if (mapping->serve_reverse.present && strcmp(mapping->serve_reverse.local, local) == 0)
        return &mapping->serve_reverse.transaction;
    if (mapping->serve_inquire.present && strcmp(mapping->serve_inquire.local, local) == 0)
        return &mapping->serve_inquire.transaction;
    return NULL;
}

static bool
knows_local(const struct mapping *mapping, const char *local)
{
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        if (is_local(&mapping->transactions[i], local))
            return true;
    }
    return false;
}

static void
copy_value(struct fep_bytes value, char *out, size_t room)
{
    value = trim_value(value);
    size_t size = value.size < room ? value.size : 0;
    if (size > 0)
        memcpy(out, value.data, size);
    out[size] = '\0';
}

/* The field may hold an alias of the id. */
static void
read_alias(const struct transaction_map *map, int field, char visit_id[32])
{
    char id[LONGEST_ID + 1];
    for (size_t i = 0; i < map->request.count; i++) {
        const struct rule *rule = &map->request.list[i];
        if (rule->field == field && rule->convert == CONVERT_ALIAS &&
            alias_read(visit_id, strlen(visit_id), id) == 0)
            snprintf(visit_id, 32, "%s", id);
    }
}

int
mapping_needs_visit(const struct mapping *mapping, const char *local, const struct fep_record *head,
                    const struct fep_record *body, char visit_id[32], char insured_area[AREA_SIZE])
{
    visit_id[0] = insured_area[0] = '\0';
    int field = -1;
    const struct transaction_map *map = NULL;
    for (size_t i = 0; field < 0 && i < mapping->transaction_count; i++) {
        if (is_local(&mapping->transactions[i], local)) {
            map = &mapping->transactions[i];
            field = map->visit_field;
        }
    }
    if (field < 0 || body == NULL || record_layout(body) != map->question)
        return 0;
    copy_value(record_get(body, (size_t)field), visit_id, 32);
    read_alias(map, field, visit_id);
    for (size_t i = 0; head != NULL && i < mapping->head_request.count; i++) {
        const struct rule *rule = &mapping->head_request.list[i];
        if (rule->field >= 0 && rule->canonical.kind == SOURCE_HEADER &&
            rule->canonical.part == PART_INSURED_AREA && record_layout(head) == mapping->head_question)
            copy_value(record_get(head, (size_t)rule->field), insured_area, AREA_SIZE);
    }
    /* Without an id there is nothing to ask for; the rules will say that it is missing. */
    return visit_id[0] != '\0';
}

/* --- request in ---------------------------------------------------------------------------------- */

/* Concatenates the pieces; each must be there in full. */
static int
join_pieces(struct translation *translation, const struct pieces *pieces, const struct fep_record *head,
            const struct fep_record *body, const char *what, char out[MSGID_SIZE])
{
    size_t used = 0;
    for (size_t i = 0; i < pieces->count; i++) {
        const struct piece *piece = &pieces->list[i];
        const struct fep_record *record = body == NULL || piece->in_head ? head : body;
        struct fep_bytes value = trim_value(record_get(record, (size_t)piece->field));
        if (value.size < piece->offset + piece->size)
            return translation_fault(
                translation, NULL, FEP_E_BAD_MSGID, "%s: field %s is shorter than %zu bytes", what,
                record_layout(record)->fields[piece->field].name, piece->offset + piece->size);
        if (used + piece->size >= MSGID_SIZE)
            return translation_fault(translation, NULL, FEP_E_BAD_MSGID, "%s: longer than %d bytes", what,
                                     MSGID_SIZE - 1);
        memcpy(out + used, value.data + piece->offset, piece->size);
        used += piece->size;
    }
    out[used] = '\0';
    if (!msgid_is_valid(out))
        return translation_fault(translation, NULL, FEP_E_BAD_MSGID, "%s: not printable ASCII", what);
    return 0;
}

static int
fill_order_key(struct translation *translation, const struct transaction_map *map, struct fep_index *index)
{
    struct fep_bytes person = {NULL, 0};
    const struct mapping_context *context = translation->context;
    if (map->has_person && source_read(translation, NULL, &map->person, &person) < 0)
        return -1;
    /* A reversal finds its original by the key; everything else would be in no order at all. */
    if (map->has_person && person.size == 0 && !map->is_reversal && !map->is_inquiry)
        return translation_fault(translation, NULL, FEP_E_MISSING_FIELD, "the person number (%s) is missing",
                                 map->person.text);
    if (order_key_compute(context->pseudonym_key, context->pseudonym_key_size,
                          translation->header->insured_area, (const char *)person.data, person.size,
                          index->order_key) < 0)
        return error_set(translation->error, FEP_NOT_SENT, FEP_E_INTERNAL, "the order key can not be made");
    return 0;
}

/* The original is named by the caller's own serial, which is what its msgid was made of. */
static int
fill_original(struct translation *translation, const struct transaction_map *map,
              const struct fep_record *head)
{
    static const struct path_step omsgid_steps[] = {{.name = "data"}, {.name = "omsgid"}};
    const struct path omsgid = {omsgid_steps, 2};
    struct message_header *header = translation->header;
    const struct operation_map *operation =
        map->is_inquiry ? &translation->mapping->serve_inquire : &translation->mapping->serve_reverse;
    if (join_pieces(translation, &operation->original, head, translation->record, "the original's serial",
                    header->original_msgid) < 0)
        return -1;
    header->transaction_class = map->is_inquiry ? CLASS_INQUIRY : CLASS_REVERSAL;
    struct json_object *text = json_object_new_string(header->original_msgid);
    return text != NULL && canonical_set(translation->root, &omsgid, text) == 0
               ? 0
               : translation_no_memory(translation);
}

static int
check_shapes(const struct mapping *mapping, const struct fep_record *head, const struct fep_record *body,
             const struct transaction_map *map, struct fep_error *error)
{
    if (head == NULL || record_layout(head) != mapping->head_question)
        return error_set(error, FEP_REFUSED, 1001, "the head is not under the layout head-Q");
    if (body == NULL || record_layout(body) != map->question)
        return error_set(error, FEP_REFUSED, 1001, "the body is not under the layout %s",
                         map->question->name);
    return 0;
}

static int
translate_request(struct translation *translation, const struct transaction_map *map,
                  const struct fep_record *head, const struct fep_record *body, struct fep_index *index)
{
    snprintf(translation->header->infno, INFNO_SIZE, "%s", map->infno);
    translation->record = head;
    if (layout_check_required(translation, head) < 0 ||
        rules_apply_in(translation, &translation->mapping->head_request) < 0 ||
        join_pieces(translation, &translation->mapping->msgid, head, NULL, "msgid",
                    translation->header->key.msgid) < 0)
        return -1;
    translation->record = body;
    if (layout_check_required(translation, body) < 0 || rules_apply_in(translation, &map->request) < 0 ||
        group_apply_in(translation, &map->request_group) < 0 ||
        rules_apply_late(translation, &map->request) < 0)
        return -1;
    if ((map->is_reversal || map->is_inquiry) && fill_original(translation, map, head) < 0)
        return -1;
    if (index_fill(translation, &map->request_index, index) < 0 ||
        fill_order_key(translation, map, index) < 0)
        return -1;
    return translation_close_body(translation, "input");
}

int
mapping_request_in(const struct mapping *mapping, const char *local, const struct fep_record *head,
                   const struct fep_record *body, const struct mapping_context *context,
                   struct mapping_request *out, struct fep_error *error)
{
    struct translation translation;
    memset(out, 0, sizeof *out);
    translation_begin(&translation, mapping, context, &out->header, true, error);
    translation.record = body;
    int status = -1;
    const struct transaction_map *map = body != NULL ? find_transaction(&translation, local) : NULL;
    if (map == NULL)
        error_set(error, FEP_REFUSED, knows_local(mapping, local) ? 1003 : 1002, "local transaction %.10s %s",
                  local,
                  knows_local(mapping, local) ? "fits none of its canonical transactions"
                                              : "is not in the mapping");
    else if (check_shapes(mapping, head, body, map, error) == 0 && translation_new_body(&translation) == 0)
        status = translate_request(&translation, map, head, body, &out->index);
    if (status == 0)
        status = canonical_write(translation.body, &out->body, error);
    if (status == 0)
        coverage_mark(mapping->coverage,
                      map->is_reversal  ? (const void *)&mapping->serve_reverse
                      : map->is_inquiry ? (const void *)&mapping->serve_inquire
                                        : &map->request,
                      MARK_IN);
    out->transaction = map;
    translation_end(&translation);
    return status;
}

/* --- answer out ---------------------------------------------------------------------------------- */

static const char *
value_of_finding(const struct finding_rows *rows, uint32_t finding)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->list[i].finding == finding)
            return rows->list[i].value;
    }
    return NULL;
}

uint32_t
mapping_reverse_refusal(const struct mapping *mapping, const struct mapping_request *request,
                        uint32_t finding)
{
    const struct transaction_map *map = request->transaction;
    if (map == NULL || !map->is_reversal)
        return 0;
    for (size_t i = 0; i < mapping->serve_reverse.refusals.count; i++) {
        if (mapping->serve_reverse.refusals.list[i].finding == finding)
            return mapping->serve_reverse.refusals.list[i].code;
    }
    return 0;
}

static int
answer_reversal(struct translation *translation, const struct fep_result *result)
{
    const struct operation_map *map = &translation->mapping->serve_reverse;
    const char *value = value_of_finding(&map->findings, result->finding);
    if (value == NULL) {
        const char *word = finding_word(result->finding);
        return translation_fault(translation, NULL, FEP_E_NOT_MAPPED, "%s has no value for the finding %s",
                                 map->where, word != NULL ? word : "?");
    }
    return record_set(translation->target, (size_t)map->field, value, strlen(value)) < 0
               ? translation_no_memory(translation)
               : 0;
}

static int
translate_answer(struct translation *translation, const struct transaction_map *map, struct slice answer,
                 struct slice request, const struct fep_result *result)
{
    translation->body = canonical_parse(answer, translation->error);
    if (translation->body == NULL)
        return error_wrap(translation->error, "the answer");
    translation->root = canonical_member(translation->body, "output");
    if (map->check_count > 0 && request.size > 0) {
        struct json_object *asked = canonical_parse(request, translation->error);
        int held = checks_hold(translation, map, canonical_member(asked, "input"), NULL);
        json_object_put(asked);
        if (held < 0)
            return -1;
    }
    if (rules_apply_out(translation, &map->answer) < 0 ||
        group_apply_out(translation, &map->answer_group) < 0)
        return -1;
    if (map->is_reversal && answer_reversal(translation, result) < 0)
        return -1;
    return layout_check_required(translation, translation->target);
}

int
mapping_answer_out(const struct mapping *mapping, const struct mapping_request *request, struct slice answer,
                   const struct fep_result *result, const struct mapping_context *context,
                   struct fep_record **body, struct fep_error *error)
{
    const struct transaction_map *map = request->transaction;
    struct message_header header = request->header;
    struct slice asked = request->body;
    struct translation translation;
    *body = NULL;
    if (map->is_inquiry) { /* the original's answer, if there is one, in the form it had; its request is not
                              here */
        map = answer.size > 0 ? map_by_infno(mapping, header.original_infno) : NULL;
        asked = SLICE_NONE;
    }
    if (map == NULL || map->answer_layout == NULL)
        return 0;
    struct fep_record *record = record_create(map->answer_layout);
    if (record == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for an answer");
    translation_begin(&translation, mapping, context, &header, false, error);
    translation.record = translation.target = record;
    translation.asked_body = asked;
    int status = translate_answer(&translation, map, answer, asked, result);
    translation_end(&translation);
    if (status < 0) {
        record_destroy(record);
        return -1;
    }
    coverage_mark(mapping->coverage, &map->answer, MARK_OUT);
    *body = record;
    return 0;
}

/* --- whom it is about, who answers --------------------------------------------------------------- */

static bool
source_is_person(const struct source *source)
{
    return source->kind == SOURCE_PERSON;
}

static bool
rules_read_person(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        bool reads = source_is_person(&rule->from) || source_is_person(&rule->canonical) ||
                     (rule->has_same && source_is_person(&rule->same));
        for (size_t j = 0; !reads && j < rule->when.count; j++)
            reads = source_is_person(&rule->when.list[j].source);
        if (reads)
            return true;
    }
    return false;
}

/* The field that is the person number: what the transaction's `person` says, set by one of its rules. */
static bool
find_person(const struct rules *rules, const struct source *person, const struct fep_record *record,
            char out[64])
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        if (rule->field < 0 || rule->canonical.kind != person->kind ||
            strcmp(rule->canonical.text, person->text) != 0)
            continue;
        copy_value(record_get(record, (size_t)rule->field), out, 64);
        return true;
    }
    return false;
}

int
mapping_needs_person(const struct mapping *mapping, const char *local, const struct fep_record *head,
                     const struct fep_record *body, char person[64])
{
    person[0] = '\0';
    for (size_t i = 0; i < mapping->transaction_count; i++) {
        const struct transaction_map *map = &mapping->transactions[i];
        if (!is_local(map, local) || body == NULL || record_layout(body) != map->question)
            continue;
        if (!rules_read_person(&map->request) && !rules_read_person(&map->request_group.rules) &&
            !rules_read_person(&mapping->head_request))
            continue;
        if (map->has_person && !find_person(&map->request, &map->person, body, person) && head != NULL &&
            record_layout(head) == mapping->head_question)
            (void)find_person(&mapping->head_request, &map->person, head, person);
        return 1;
    }
    return 0;
}

enum mapping_answered_by
mapping_answered_by(const struct mapping_request *request)
{
    const struct transaction_map *map = request->transaction;
    return map != NULL ? map->answered_by : MAPPING_FORWARDED;
}

bool
mapping_wants_closed_days(const struct mapping_request *request)
{
    const struct transaction_map *map = request->transaction;
    return map != NULL && map->closed_days_only;
}
