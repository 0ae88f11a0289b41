/* Table proposal of queue.db: rows are written by the writer's thread, each in a transaction of its own, and read at the
 * start by the owner. */
#ifndef FEP_PROPOSALS_H
#define FEP_PROPOSALS_H

#include "sqlite_store.h"

/* Writes the item's row and posts a STORE_PROPOSAL. A full disk refuses it; negative: the store has failed and said so. */
int proposals_commit(struct sqlite_store *store, const struct item *item);
/* store_load_proposals. */
int proposals_load(struct store *store, size_t limit,
                   int (*fn)(void *arg, const struct store_proposal *proposal), void *arg, struct fep_error *error);
/* Releases an item's copy; NULL is nothing. */
void proposals_drop(struct store_proposal *proposal);

#endif
