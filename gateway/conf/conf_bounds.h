/* The bounds a configuration may set, as one table: read, checked and printed from the same rows. */
#ifndef FEP_CONF_BOUNDS_H
#define FEP_CONF_BOUNDS_H

#include "conf.h"

struct conf_bound {
    const char *name, *unit;
    int64_t value, minimum, maximum; /* value: the default */
    size_t offset, size;             /* in struct conf; size of the unsigned integer there */
};

const struct conf_bound *conf_bound_table(size_t *count);
void conf_bound_set(struct conf *conf, const struct conf_bound *bound, int64_t value);
int64_t conf_bound_get(const struct conf *conf, const struct conf_bound *bound);

#endif
