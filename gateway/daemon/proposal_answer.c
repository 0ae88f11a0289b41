/* Makes of what a person found in the local system's details an answer as the canonical interface has it, and
 * its index. Must never let one pass whose settlement id is missing or whose amounts do not agree: somebody
 * is told to pay by it. */
#include "proposal_answer.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

/* "1234.50", 1234.5 or 1234 -> fen; negative amounts are a cancel's. */
static int
read_fen(struct json_object *object, const char *key, int64_t *fen, struct fep_error *error)
{
    struct json_object *value = NULL;
    char text[32];
    long long whole = 0;
    int64_t part = 0;
    const char *at = text, *point;
    if (!json_object_object_get_ex(object, key, &value))
        return error_set(error, 0, FEP_E_MISSING_FIELD, "answer: %s is missing", key);
    snprintf(text, sizeof text, "%s", json_object_get_string(value));
    bool negative = *at == '-';
    at += negative;
    size_t digits = strspn(at, "0123456789");
    point = at + digits;
    size_t places = *point == '.' ? strspn(point + 1, "0123456789") : 0;
    bool good = digits > 0 && digits <= 14 && point[*point == '.' ? 1 + places : 0] == '\0';
    for (size_t i = 2; i < places; i++) /* a fen is the smallest */
        good = good && point[1 + i] == '0';
    if (!good || sscanf(at, "%lld", &whole) != 1)
        return error_set(error, 0, FEP_E_INVALID_FIELD, "answer: %s is no amount such as 1234.50", key);
    for (size_t i = 0; i < 2; i++)
        part = part * 10 + (i < places ? point[1 + i] - '0' : 0);
    *fen = (negative ? -1 : 1) * ((int64_t)whole * 100 + part);
    return 0;
}

static int
fill_index(struct json_object *settlement, struct fep_index *index, struct fep_error *error)
{
    struct json_object *id = NULL;
    index->size = sizeof *index;
    if (!json_object_object_get_ex(settlement, "setl_id", &id) || json_object_get_string_len(id) == 0 ||
        (size_t)json_object_get_string_len(id) >= sizeof index->settlement_id)
        return error_set(error, 0, FEP_E_MISSING_FIELD, "answer: setl_id is missing, or too long");
    memcpy(index->settlement_id, json_object_get_string(id), (size_t)json_object_get_string_len(id) + 1);
    if (read_fen(settlement, "medfee_sumamt", &index->total_fen, error) != 0 ||
        read_fen(settlement, "fund_pay_sumamt", &index->fund_fen, error) != 0 ||
        read_fen(settlement, "acct_pay", &index->account_fen, error) != 0 ||
        read_fen(settlement, "psn_cash_pay", &index->cash_fen, error) != 0)
        return -1;
    index->has_money = 1;
    index->effect = FEP_EFFECT_POSTED;
    if (index->total_fen != index->fund_fen + index->account_fen + index->cash_fen)
        return error_set(error, 0, FEP_E_INVALID_FIELD,
                         "answer: medfee_sumamt is not fund_pay_sumamt + acct_pay + psn_cash_pay");
    return 0;
}

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_object)
               ? value
               : NULL;
}

int
proposal_take_answer(struct json_object *answer, struct store_proposal *row, struct fep_error *error)
{
    struct json_object *whole = json_object_new_object(), *output = json_object_new_object(), *settlement;
    int status = -1;
    if (!json_object_is_type(answer, json_type_object)) {
        error_set(error, 0, FEP_E_MALFORMED_REQUEST, "answer: not a JSON object");
        goto out;
    }
    if (member(answer, "output") != NULL)
        answer = member(answer, "output");
    settlement = member(answer, "setlinfo");
    if (settlement == NULL) {
        settlement = answer;
        json_object_object_add(output, "setlinfo", json_object_get(answer));
    } else {
        json_object_put(output);
        output = json_object_get(answer);
    }
    json_object_object_add(whole, "infcode", json_object_new_int(0));
    json_object_object_add(whole, "err_msg", json_object_new_string(""));
    json_object_object_add(whole, "output", json_object_get(output));
    if (fill_index(settlement, &row->index, error) == 0) {
        const char *text = json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PLAIN);
        row->answer = text != NULL ? slice_copy(text, strlen(text)) : SLICE_NONE;
        status = row->answer.size != 0 ? 0 : error_set(error, 0, FEP_E_NO_MEMORY, "no memory for an answer");
    }
out:
    json_object_put(output);
    json_object_put(whole);
    return status;
}
