/* Totals by insurance type and clearing type. Must never call rows equal of which one figure differs. Amounts
 * are fen; sums that do not fit are an error. */
#include "totals.h"

#include <stdio.h>
#include <string.h>

#include "bodies.h"
#include "decimal.h"
#include "error.h"

static struct totals_row *
find_row(struct totals *totals, const char *insutype, const char *clr_type)
{
    for (size_t i = 0; i < totals->count; i++) {
        if (strcmp(totals->rows[i].insutype, insutype) == 0 &&
            strcmp(totals->rows[i].clr_type, clr_type) == 0)
            return &totals->rows[i];
    }
    if (totals->count == TOTALS_ROWS)
        return NULL;
    struct totals_row *row = &totals->rows[totals->count++];
    memset(row, 0, sizeof *row);
    snprintf(row->insutype, sizeof row->insutype, "%s", insutype);
    snprintf(row->clr_type, sizeof row->clr_type, "%s", clr_type);
    return row;
}

static int
add_figures(struct totals_row *row, const struct totals_row *more, struct fep_error *error)
{
    row->unknown |= more->unknown;
    row->settlements += more->settlements;
    row->cancels += more->cancels;
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        if (!decimal_add(row->fen[i], more->fen[i], &row->fen[i]))
            return error_set(error, FEP_REFUSED, 1003, "a sum is out of range");
    }
    return 0;
}

int
totals_add(struct totals *totals, const struct posting *posting, struct fep_error *error)
{
    if (posting->state != POSTING_POSTED && posting->state != POSTING_CANCELLED)
        return 0;
    struct totals_row *row = find_row(totals, posting->insutype, posting->clr_type);
    if (row == NULL)
        return error_set(error, FEP_REFUSED, FEP_E_BOUND, "more than %d kinds of insurance and clearing",
                         TOTALS_ROWS);
    struct totals_row one = {.settlements = !posting->is_cancel, .cancels = posting->is_cancel};
    memcpy(one.fen, posting->fen, sizeof one.fen);
    return add_figures(row, &one, error);
}

/* --- as JSON --------------------------------------------------------------------------------------- */

static struct json_object *
write_row(const struct totals_row *row, const char *result, bool named, bool *failed)
{
    struct json_object *object = json_object_new_object();
    if (named && row->insutype[0] != '\0')
        body_put_text(object, "insutype", row->insutype, failed);
    if (named && row->clr_type[0] != '\0')
        body_put_text(object, "clr_type", row->clr_type, failed);
    if (row->unknown) {
        if (result != NULL)
            body_put_text(object, "stmt_rslt", result, failed);
        return object;
    }
    body_put_number(object, "setl_cnt", row->settlements, failed);
    body_put_number(object, "cancel_cnt", row->cancels, failed);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        body_put_fen(object, figure_names[i], row->fen[i], failed);
    if (result != NULL)
        body_put_text(object, "stmt_rslt", result, failed);
    return object;
}

struct json_object *
totals_write_rows(const struct totals *totals)
{
    bool failed = false;
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; i < totals->count; i++)
        body_append(rows, write_row(&totals->rows[i], NULL, true, &failed), &failed);
    if (failed) {
        json_object_put(rows);
        return NULL;
    }
    return rows;
}

static int
read_row(struct json_object *object, struct totals_row *row, struct fep_error *error)
{
    enum { MOST = 999999999 };
    bool bad = false;
    char word[4];
    memset(row, 0, sizeof *row);
    body_text(object, "stmt_rslt", word, sizeof word);
    row->unknown = strcmp(word, "1") == 0 && canonical_member(object, figure_names[FIGURE_TOTAL]) == NULL;
    body_text(object, "insutype", row->insutype, sizeof row->insutype);
    body_text(object, "clr_type", row->clr_type, sizeof row->clr_type);
    row->settlements = body_number(object, "setl_cnt", MOST, 0);
    row->cancels = body_number(object, "cancel_cnt", MOST, 0);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        row->fen[i] = body_fen(object, figure_names[i], &bad);
    return bad ? error_set(error, FEP_REFUSED, 1003, "an amount of the totals is not a number of yuan") : 0;
}

/* A kind that is not named means all of them. */
static bool
covers(const struct totals_row *wide, const struct totals_row *row, bool any_insutype)
{
    return (any_insutype || wide->insutype[0] == '\0' || strcmp(wide->insutype, row->insutype) == 0) &&
           (wide->clr_type[0] == '\0' || strcmp(wide->clr_type, row->clr_type) == 0);
}

/* The sum of the rows that `wide` covers. */
static int
sum_covered(const struct totals *totals, const struct totals_row *wide, bool any_insutype,
            struct totals_row *sum, struct fep_error *error)
{
    *sum = *wide;
    sum->unknown = false;
    sum->settlements = sum->cancels = 0;
    memset(sum->fen, 0, sizeof sum->fen);
    for (size_t i = 0; i < totals->count; i++) {
        if (covers(wide, &totals->rows[i], any_insutype) && add_figures(sum, &totals->rows[i], error) < 0)
            return -1;
    }
    return 0;
}

static bool
is_nothing(const struct totals_row *row)
{
    static const int64_t nothing[FIGURE_COUNT];
    return !row->unknown && row->settlements == 0 && row->cancels == 0 &&
           memcmp(row->fen, nothing, sizeof nothing) == 0;
}

static bool
is_equal(const struct totals_row *a, const struct totals_row *b)
{
    return !a->unknown && !b->unknown && a->settlements == b->settlements && a->cancels == b->cancels &&
           memcmp(a->fen, b->fen, sizeof a->fen) == 0;
}

/* --- answering ------------------------------------------------------------------------------------- */

static int
answer_row(const struct totals *ours, const struct totals_row *asked, struct json_object *rows, bool *equal,
           struct fep_error *error)
{
    struct totals_row sum;
    bool failed = false;
    if (sum_covered(ours, asked, false, &sum, error) < 0)
        return -1;
    const char *result = is_equal(&sum, asked) ? "0" : is_nothing(&sum) ? "2" : "1";
    *equal &= result[0] == '0';
    body_append(rows, write_row(&sum, result, true, &failed), &failed);
    return failed ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for totals") : 0;
}

/* Rows of ours that the asker did not name: only where it named all it has by both kinds. */
static int
add_unasked(const struct totals *ours, const struct totals *asked, struct json_object *rows, bool *equal,
            struct fep_error *error)
{
    bool failed = false;
    for (size_t i = 0; i < asked->count; i++) {
        if (asked->rows[i].insutype[0] == '\0' || asked->rows[i].clr_type[0] == '\0')
            return 0;
    }
    for (size_t i = 0; i < ours->count; i++) {
        bool named = false;
        for (size_t k = 0; k < asked->count; k++)
            named |= covers(&asked->rows[k], &ours->rows[i], false);
        if (named || is_nothing(&ours->rows[i]))
            continue;
        *equal = false;
        if (ours->rows[i].insutype[0] != '\0') /* one that cannot be named would be taken for a sum */
            body_append(rows, write_row(&ours->rows[i], "3", true, &failed), &failed);
    }
    return failed ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for totals") : 0;
}

static int
read_asked(struct json_object *rows, struct totals *asked, struct fep_error *error)
{
    size_t count = canonical_count(rows);
    asked->count = 0;
    if (count > TOTALS_ROWS)
        return error_set(error, FEP_REFUSED, 1003, "more than %d rows of totals", TOTALS_ROWS);
    for (size_t i = 0; i < count; i++) {
        if (read_row(canonical_element(rows, i), &asked->rows[i], error) < 0)
            return -1;
    }
    asked->count = count;
    return 0;
}

static int
answer_rows(const struct totals *ours, const struct totals *asked, struct json_object *rows, bool *equal,
            struct fep_error *error)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (answer_row(ours, &asked->rows[i], rows, equal, error) < 0)
            return -1;
    }
    return add_unasked(ours, asked, rows, equal, error);
}

bool
totals_is_of_one(struct json_object *input)
{
    return canonical_member(input, "rows") == NULL &&
           canonical_member(canonical_member(input, "data"), figure_names[FIGURE_TOTAL]) != NULL;
}

/* It names total, fund, account and how many more settlements than cancels there are. */
static struct json_object *
answer_one(const struct totals *ours, struct json_object *data, struct fep_error *error)
{
    struct totals_row asked, sum;
    bool failed = false;
    char text[24];
    int64_t count;
    body_text(data, "fixmedins_setl_cnt", text, sizeof text);
    if (!decimal_parse(text, strlen(text), 0, &count)) {
        error_set(error, FEP_REFUSED, 1003, "fixmedins_setl_cnt is no number");
        return NULL;
    }
    if (read_row(data, &asked, error) < 0 || sum_covered(ours, &asked, false, &sum, error) < 0)
        return NULL;
    bool equal = count == sum.settlements - sum.cancels;
    for (size_t i = FIGURE_TOTAL; i <= FIGURE_ACCOUNT; i++)
        equal = equal && asked.fen[i] == sum.fen[i];
    char agency[16];
    struct json_object *output = json_object_new_object(), *said = json_object_new_object();
    body_text(data, "setl_optins", agency, sizeof agency);
    body_put_text(said, "setl_optins", agency, &failed);
    body_put_text(said, "stmt_rslt", equal ? "0" : "1", &failed);
    body_put_text(said, "stmt_rslt_dscr", equal ? "平" : "不平", &failed);
    body_put(output, "stmtinfo", said, &failed);
    if (!failed)
        return output;
    json_object_put(output);
    error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for totals");
    return NULL;
}

struct json_object *
totals_answer(const struct totals *ours, struct json_object *input, struct fep_error *error)
{
    if (totals_is_of_one(input))
        return answer_one(ours, canonical_member(input, "data"), error);
    bool equal = true, failed = false;
    struct totals asked;
    struct json_object *rows = json_object_new_array();
    struct json_object *output = json_object_new_object(), *data = json_object_new_object();
    if (read_asked(canonical_member(input, "rows"), &asked, error) < 0 ||
        answer_rows(ours, &asked, rows, &equal, error) < 0) {
        json_object_put(rows);
        json_object_put(data);
        json_object_put(output);
        return NULL;
    }
    body_put_text(data, "stmt_rslt", equal ? "0" : "1", &failed);
    body_put(output, "data", data, &failed);
    body_put(output, "rows", rows, &failed);
    if (failed) {
        json_object_put(output);
        error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for totals");
        return NULL;
    }
    return output;
}

/* --- judging --------------------------------------------------------------------------------------- */

static void
append_verdict(struct json_object *rows, const struct totals_row *name, const struct totals_row *ours,
               const struct totals_row *theirs, bool equal, bool *failed)
{
    struct json_object *object = write_row(theirs, equal ? "0" : "1", false, failed);
    body_put_text(object, "insutype", name->insutype, failed);
    body_put_text(object, "clr_type", name->clr_type, failed);
    body_put(object, "ours", write_row(ours, NULL, false, failed), failed);
    body_append(rows, object, failed);
}

/* Both sides' figures for each kind that either names, the wider of the two. */
static int
compare_sides(const struct totals *ours, const struct totals *theirs, bool any_insutype,
              struct totals_verdict *verdict, bool *failed, struct fep_error *error)
{
    struct totals names = {.count = 0};
    for (int side = 0; side < 2; side++) { /* theirs first: they may be wider */
        const struct totals *from = side == 0 ? theirs : ours;
        for (size_t i = 0; i < from->count; i++) {
            bool named = false;
            for (size_t k = 0; k < names.count; k++)
                named |= covers(&names.rows[k], &from->rows[i], any_insutype);
            if (!named &&
                find_row(&names, any_insutype ? "" : from->rows[i].insutype, from->rows[i].clr_type) == NULL)
                return error_set(error, FEP_REFUSED, FEP_E_BOUND, "too many rows of totals");
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        struct totals_row our_sum, their_sum;
        if (sum_covered(ours, &names.rows[i], any_insutype, &our_sum, error) < 0 ||
            sum_covered(theirs, &names.rows[i], any_insutype, &their_sum, error) < 0)
            return -1;
        bool equal = is_equal(&our_sum, &their_sum);
        verdict->equal &= equal;
        append_verdict(verdict->rows, &names.rows[i], &our_sum, &their_sum, equal, failed);
    }
    return 0;
}

/* Their own word, for the whole and for each row. */
static bool
says_equal(struct json_object *output, bool any_insutype)
{
    char word[4];
    struct json_object *rows = canonical_member(output, "rows");
    body_text(canonical_member(output, "data"), "stmt_rslt", word, sizeof word);
    if (any_insutype)
        return true; /* they compared by types that were guessed */
    bool equal = word[0] == '\0' || strcmp(word, "0") == 0;
    for (size_t i = 0; i < canonical_count(rows); i++) {
        body_text(canonical_element(rows, i), "stmt_rslt", word, sizeof word);
        equal &= word[0] == '\0' || strcmp(word, "0") == 0;
    }
    return equal;
}

int
totals_judge(const struct totals *ours, struct json_object *output, bool any_insutype,
             struct totals_verdict *verdict, struct fep_error *error)
{
    bool failed = false;
    struct totals theirs;
    verdict->rows = json_object_new_array();
    verdict->equal = says_equal(output, any_insutype);
    if (read_asked(canonical_member(output, "rows"), &theirs, error) < 0 ||
        compare_sides(ours, &theirs, any_insutype, verdict, &failed, error) < 0)
        return -1;
    return failed || verdict->rows == NULL
               ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for totals")
               : 0;
}
