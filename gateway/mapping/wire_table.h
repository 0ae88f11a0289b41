/* What the facts of a mapping's group `wire` must be, by protocol family: data (schema/wire.cfg). Internal to
 * the mapping engine; see mapping.h for loading. */
#ifndef FEP_WIRE_TABLE_H
#define FEP_WIRE_TABLE_H

#include "mapping.h"

enum wire_kind {
    WIRE_TEXT = 1,           /* anything */
    WIRE_NUMBER,             /* whole, from minimum to maximum */
    WIRE_WORD,               /* one of the arguments */
    WIRE_FIELD,              /* a field of each of the layouts */
    WIRE_FIELDS,             /* several, blanks between */
    WIRE_ROW_FIELD,          /* a field of the layout's group */
    WIRE_TRANSACTIONS,       /* local transactions, blanks between */
    WIRE_RETURN_CODES,       /* local return codes of `errors`, blanks between */
    WIRE_CONSTANTS,          /* FIELD=VALUE ..., fields of the layout */
    WIRE_ASSIGNMENTS,        /* FIELD=FIELD2[:N] FIELD==TEXT ...; FIELD of the layout, FIELD2 of any */
    WIRE_LAYOUT_FIELDS,      /* LAYOUT:FIELD ... */
    WIRE_TRANSACTION_FIELDS, /* T:FIELD ..., of T-ARGUMENT */
    WIRE_ANY_FIELDS,         /* FIELD ..., of any layout */
    WIRE_FIELD_PAIRS,        /* FIELD:FIELD2 ..., of any layout */
    WIRE_ECHOES              /* T:FIELD=FIELD2 ..., FIELD of T-R, FIELD2 of T-Q, or rows=rows */
};

struct wire_fact {
    const char *name;
    enum wire_kind kind;
    bool required;
    int64_t minimum, maximum;
    const char *const *arguments; /* words or layouts, ending with NULL; {FACT} in a layout is that fact's
                                     text, or the transaction of {inquire}, {reverse} ... */
};
struct wire_family {
    const char *name;
    const struct wire_fact *facts;
    size_t count;
};

/* NULL: nothing is known about this family. */
const struct wire_family *wire_table_find(const struct wire_table *table, const char *family);

#endif
