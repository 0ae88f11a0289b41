/* Errors: functions that can fail return 0 or a negative number and fill struct fep_error (adapter.h). Each level
 * wraps the text with what it was doing; the line is logged once, where the decision is taken. */
#ifndef FEP_ERROR_H
#define FEP_ERROR_H

#include <fep/adapter.h>
#include "error_codes.h"

/* Sets kind, code and text (printf). Always returns -1, so that `return error_set(...)` reads well.
 * The text must not contain personal data. error may be NULL. */
int error_set(struct fep_error *error, enum fep_kind kind, unsigned code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "doing: " before the text. Returns -1. */
int error_wrap(struct fep_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_clear(struct fep_error *error);

struct error_description {
    unsigned code;
    const char *name;          /* identifier in error_codes.h */
    const char *zh, *en;       /* what happened */
    const char *next_zh, *next_en; /* what happens next without anybody, and what a person can do */
};
/* NULL if the code is not in the table. */
const struct error_description *error_describe(unsigned code);
/* All of them in order; *count is set. */
const struct error_description *error_table(size_t *count);

#endif
