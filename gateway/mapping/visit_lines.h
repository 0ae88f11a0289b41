/* The fee lines of one visit that a settlement would settle, from the visit's stored exchanges: for visit.sum(...) in
 * mapping files. Pure: no store, no clock. One thread. */
#ifndef FEP_VISIT_LINES_H
#define FEP_VISIT_LINES_H

#include <stdbool.h>

#include "buffer.h"
#include "header.h"

struct visit_lines;

enum visit_exchange_state {
    VISIT_EXCHANGE_NONE = 0, /* had no effect, or it was taken back */
    VISIT_EXCHANGE_POSTED,
    VISIT_EXCHANGE_OPEN /* what became of it is not known yet */
};
struct visit_exchange {
    const char *infno, *settlement_id; /* settlement_id: of the index; of a cancel it does not count */
    enum visit_exchange_state state;
    struct slice request, answer; /* canonical bodies; borrowed */
};

/* The transactions that must be given, in the order in which they were accepted; their number in *count. */
const char *const *visit_lines_transactions(size_t *count);

/* NULL without memory. */
struct visit_lines *visit_lines_create(const char *visit_id);
void visit_lines_destroy(struct visit_lines *lines);
/* One exchange; those of other visits are passed over. Negative with the error: the lines can not be told. */
int visit_lines_take(struct visit_lines *lines, const struct visit_exchange *exchange, struct fep_error *error);
/* After the last one: {"input":{"feedetail":[...]}} with the lines that no settlement in force covers, as they were
 * uploaded; the caller releases it. Negative with the error: what was given does not reach back far enough, or no memory. */
int visit_lines_write(const struct visit_lines *lines, struct slice *body, struct fep_error *error);

#endif
