/* The transaction table: what each transaction is and which ways out it has; data (schema/transactions.cfg), read and
 * checked at start. */
#ifndef FEP_TRANSACTION_TABLE_H
#define FEP_TRANSACTION_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "header.h"

enum { /* ways out of an unknown outcome, and traits */
    WAY_INQUIRE = 1,          /* the outcome can be asked for */
    WAY_REVERSE = 2,          /* 2601 undoes it */
    WAY_REPEAT_SAME_KEYS = 4, /* may be resent with identical business keys after checking */
    WAY_REPEAT = 8,           /* may be repeated freely (queries) */
    WAY_PERSON = 16,          /* only a person can settle it */
    TRAIT_OPENS_VISIT = 32,   /* its answer carries the visit id that later messages use */
    TRAIT_MONEY = 64,         /* its answer carries amounts that must satisfy the money equations */
    TRAIT_ONE_USE = 128,      /* its input is good for one use (e-voucher token): never repeated */
    TRAIT_BATCHES = 256       /* its lines may take several local postings (rule 6) */
};
/* Local serials that an update with TRAIT_BATCHES has beside its attempt's own: those that follow it. */
enum { BATCHES_MOST = 32 };

struct transaction {
    char infno[INFNO_SIZE];
    char name_zh[64], name_en[64];
    enum transaction_class transaction_class;
    uint32_t ways;
    uint32_t call_time_ms;    /* call time c of rule 9: from a gateway to its own local system */
    char inverse[INFNO_SIZE]; /* the transaction that cancels a posted one; empty if none */
    bool routable;            /* routed by insured area; else it stays at the treatment place */
};

struct transaction_table; /* opaque, immutable after loading: any thread may read it */

/* NULL with every problem of the file in `error` (the first) and on `report` (all, file:line), which may be NULL. */
struct transaction_table *transaction_table_load(const char *path, void (*report)(void *arg, const char *line),
                                                 void *arg, struct fep_error *error);
void transaction_table_destroy(struct transaction_table *table);
const struct transaction *transaction_find(const struct transaction_table *table, const char *infno); /* or NULL */
const struct transaction *transaction_list(const struct transaction_table *table, size_t *count);

#endif
