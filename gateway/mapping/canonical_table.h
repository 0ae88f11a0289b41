/* Which canonical members must be there, by transaction: data (schema/canonical.cfg). Internal to the mapping
 * engine; see mapping.h for loading. */
#ifndef FEP_CANONICAL_TABLE_H
#define FEP_CANONICAL_TABLE_H

#include "mapping.h"

struct canonical_members {
    char infno[INFNO_SIZE];
    const char *const *input, *const *output; /* paths below input and output, each list ending with NULL */
};

/* Members of every request's header, ending with NULL. */
const char *const *canonical_table_header(const struct canonical_table *table);
/* NULL: the table says nothing about it. */
const struct canonical_members *canonical_table_find(const struct canonical_table *table, const char *infno);

#endif
