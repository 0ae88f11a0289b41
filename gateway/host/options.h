/* An instance's options: what the configuration says, checked against the module's own table before the
 * module runs. */
#ifndef FEP_OPTIONS_H
#define FEP_OPTIONS_H

#include <fep/adapter.h>

struct given_option {
    const char *name, *value; /* as text */
    const char *file;         /* where it stands; relative secret files start in its directory */
    int line;
};

/* Checks all of `given` against `table` (unknown, repeated, missing, wrong type, out of range, unreadable
 * secret): every problem is one line "file:line: ..." to report. NULL if there was any; the error then holds
 * the first. */
struct fep_config *options_check(const struct fep_option *table, const struct given_option *given,
                                 size_t count, const char *instance,
                                 void (*report)(void *arg, const char *line), void *arg,
                                 struct fep_error *error);
void options_destroy(struct fep_config *config);

/* For the module; an unknown name is the module's mistake and ends the process. */
const char *options_text(const struct fep_config *config, const char *name);
int64_t options_integer(const struct fep_config *config, const char *name);
const char *options_secret(const struct fep_config *config, const char *name);

#endif
