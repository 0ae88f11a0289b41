/* Details of one day's postings (canonical 3202), page by page. Pure. */
#ifndef FEP_DETAILS_H
#define FEP_DETAILS_H

#include <json-c/json.h>

#include "ledger.h"

struct details {
    int64_t page, page_size; /* from 1 */
    int64_t count, settlements, cancels, fen[FIGURE_COUNT];
    struct json_object *rows; /* of the page; NULL before details_begin and without memory */
};

void details_begin(struct details *details, int64_t page, int64_t page_size);
void details_finish(struct details *details);
/* Will the next one that is shown stand on the page? Then its bodies are needed. */
bool details_wants_bodies(const struct details *details);
/* One posting, in order; those that are neither posted nor reversed are passed over. Negative with the error. */
int details_add(struct details *details, const struct posting *posting, struct fep_error *error);
/* The output of 3202; the rows go into it. NULL without memory. */
struct json_object *details_answer(struct details *details);

/* As details_answer's rows have it: "1" posted, "4" reversed, "5" cancelled later, "" otherwise. */
const char *details_state(enum posting_state state);

#endif
