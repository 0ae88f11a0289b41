/* Totals of postings by insurance type and clearing type (canonical 3201): summed, answered, compared. Pure. */
#ifndef FEP_TOTALS_H
#define FEP_TOTALS_H

#include <json-c/json.h>

#include "ledger.h"

enum { TOTALS_ROWS = 128 };

struct totals_row {
    char insutype[8], clr_type[8];
    int64_t settlements, cancels, fen[FIGURE_COUNT];
    bool unknown; /* the other side says that it differs, and no figures */
};
struct totals {
    struct totals_row rows[TOTALS_ROWS];
    size_t count;
};

/* Adds what counts: posted, or posted and cancelled later. Negative with the error: more kinds than there is room. */
int totals_add(struct totals *totals, const struct posting *posting, struct fep_error *error);
/* The array `rows` of a question. NULL without memory. */
struct json_object *totals_write_rows(const struct totals *totals);
/* Does an asker ask as the national interface has it: one kind of insurance and clearing, whose figures stand beside the days?
 * Then it is one institution that asks. */
bool totals_is_of_one(struct json_object *input);
/* The output of 3201 for an asker's input; NULL with the error: the asker's figures can not be read (1003), memory. To one
 * who asks as the national interface has it a word only (`stmtinfo`). */
struct json_object *totals_answer(const struct totals *ours, struct json_object *input, struct fep_error *error);

/* What another side says to ours. */
struct totals_verdict {
    bool equal;
    struct json_object *rows; /* as 3201 has them, with their figures, and `ours`: {...}; the caller puts it */
};
/* `output`: of the other side's 3201. Their word alone is not believed: the figures are compared too, where there are
 * any. With `any_insutype` they are compared over all insurance types together: ours are not known by type. Negative
 * with the error. */
int totals_judge(const struct totals *ours, struct json_object *output, bool any_insutype,
                 struct totals_verdict *verdict, struct fep_error *error);

#endif
