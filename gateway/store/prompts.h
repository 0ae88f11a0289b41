/* Table prompt of queue.db: kept and closed by the writer's thread, in transactions of their own. */
#ifndef FEP_PROMPTS_H
#define FEP_PROMPTS_H

#include "sqlite_store.h"

/* Counts the rows. SQLite's code. */
int prompts_load(struct sqlite_store *store);
/* Keeps or closes what the `count` items from `first` on ask for, in one transaction, and posts a STORE_PROMPT for
 * each. A full disk refuses them all; negative: the store has failed and said so. */
int prompts_commit(struct sqlite_store *store, const struct item *first, size_t count);
/* Inside the transaction that writes `record`: if it is a settlement that has ended answered here, the open prompts
 * of its visit name it from now on. SQLite's code. */
int prompts_note_settlement(struct sqlite_store *store, const struct exchange_record *record);

#endif
