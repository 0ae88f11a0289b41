/* Totals, details and catalogues that the host asks for, step by step. Host's thread only. */
#ifndef FEP_NATIONAL_STATEMENT_H
#define FEP_NATIONAL_STATEMENT_H

#include "national.h"

/* Is this request one of those? Then it is begun, and may be over already. */
bool statement_begin(struct task *task);
/* What goes out in the task's step: the rules of its input, *infno its number; NULL: the step is none of these. */
const struct rules *statement_rules(const struct task *task, const char **infno);
/* Where "row." of these rules points; 0: nowhere. */
int statement_row(const struct task *task);
/* Makes the form of an upload of task->out; false: no memory, or a value with a tab. */
bool statement_wrap(struct task *task);
/* An answer of one of these steps; the task may be gone afterwards, in both. */
void statement_take(struct task *task, const struct verdict *verdict);
void statement_downloaded(struct task *task);
/* --- statement_files.c: what is in the task's file, as rows of national->statement; 0, or -1 with the error --- */
int statement_merge(struct task *task, struct fep_error *error);
int statement_read_catalogue(struct task *task, struct fep_error *error);

void statement_clear(struct statement *statement);

#endif
