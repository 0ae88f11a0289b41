/* The money equations and the index. Equations are exact in fen; an amount that is not one makes them fail.
 */
#include "translation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "error.h"

static bool
read_fen(struct json_object *root, const struct path *path, int64_t *fen)
{
    struct fep_bytes text;
    *fen = 0;
    if (!canonical_text(canonical_find(root, path), &text))
        return false;
    return text.size == 0 || decimal_parse((const char *)text.data, text.size, 2, fen);
}

/* The sums of both sides; terms of the right side have been negated. */
static bool
sum_terms(const struct check *check, struct json_object *root, struct json_object *request_root, int64_t *sum,
          int64_t *first)
{
    *sum = *first = 0;
    for (size_t i = 0; i < check->term_count; i++) {
        const struct check_term *term = &check->terms[i];
        int64_t fen;
        if (!read_fen(term->of_request ? request_root : root, &term->path, &fen))
            return false;
        if (i == 0)
            *first = fen * term->sign;
        if (__builtin_mul_overflow(fen, (int64_t)term->sign, &fen) || !decimal_add(*sum, fen, sum))
            return false;
    }
    return true;
}

/* Yuan taken for fen, or the other way round: by far the most likely reason, so it is said. */
static bool
is_factor_100(int64_t first, int64_t sum)
{
    int64_t other; /* what the right side amounts to */
    if (first == 0 || __builtin_sub_overflow(first, sum, &other) || other == 0)
        return false;
    return (first % 100 == 0 && first / 100 == other) || (other % 100 == 0 && other / 100 == first);
}

int
checks_hold(struct translation *translation, const struct transaction_map *map,
            struct json_object *request_root, struct fep_result *result)
{
    for (size_t i = 0; i < map->check_count; i++) {
        const struct check *check = &map->checks[i];
        int64_t sum, first;
        bool readable = sum_terms(check, translation->root, request_root, &sum, &first);
        if (readable && sum == 0)
            continue;
        const char *why = !readable                   ? "an amount can not be read"
                          : is_factor_100(first, sum) ? "factor 100"
                                                      : "differs";
        translation_fault(translation, NULL, FEP_E_MONEY_EQUATION, "the equation at %s does not hold (%s)",
                          check->where, why);
        if (result != NULL) {
            result->reason = FEP_REASON_INCONSISTENT;
            snprintf(result->text, sizeof result->text, "the equation at %.150s does not hold (%s)",
                     check->where, why);
        }
        return -1;
    }
    return 0;
}

static int
set_text(struct translation *translation, const struct index_rule *rule, struct fep_bytes value, char *out,
         size_t room)
{
    if (value.size >= room)
        return translation_fault(translation, NULL, FEP_E_DOES_NOT_FIT, "index (%s): longer than %zu bytes",
                                 rule->where, room - 1);
    if (value.size > 0)
        memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return 0;
}

static int
set_amount(struct translation *translation, const struct index_rule *rule, struct fep_index *index,
           int64_t *fen)
{
    if (!read_fen(translation->root, &rule->path, fen))
        return translation_fault(translation, NULL, FEP_E_AMOUNT, "index (%s): not an amount", rule->where);
    index->has_money = 1;
    return 0;
}

static int
fill_one(struct translation *translation, const struct index_rule *rule, struct fep_index *index)
{
    struct fep_bytes value;
    switch (rule->part) {
    case INDEX_TOTAL:
        return set_amount(translation, rule, index, &index->total_fen);
    case INDEX_FUND:
        return set_amount(translation, rule, index, &index->fund_fen);
    case INDEX_ACCOUNT:
        return set_amount(translation, rule, index, &index->account_fen);
    case INDEX_CASH:
        return set_amount(translation, rule, index, &index->cash_fen);
    default:
        break;
    }
    if (!canonical_text(canonical_find(translation->root, &rule->path), &value))
        return translation_fault(translation, NULL, FEP_E_INVALID_FIELD, "index (%s): not a plain value",
                                 rule->where);
    if (rule->part == INDEX_VISIT_ID)
        return set_text(translation, rule, value, index->visit_id, sizeof index->visit_id);
    if (rule->part == INDEX_SETTLEMENT_ID)
        return set_text(translation, rule, value, index->settlement_id, sizeof index->settlement_id);
    if (rule->part == INDEX_MED_TYPE)
        return set_text(translation, rule, value, index->med_type, sizeof index->med_type);
    return set_text(translation, rule, value, index->insutype, sizeof index->insutype);
}

int
index_fill(struct translation *translation, const struct index_rules *rules, struct fep_index *index)
{
    index->size = sizeof *index;
    for (size_t i = 0; i < rules->count; i++) {
        if (fill_one(translation, &rules->list[i], index) < 0)
            return -1;
    }
    return 0;
}
