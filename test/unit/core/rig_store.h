/* The bench's store, as its steps use it; tests see rig.h only. */
#ifndef CORE_RIG_STORE_H
#define CORE_RIG_STORE_H

#include "rig.h"

/* What was asked for and not yet committed is gone. */
void rig_store_drop(struct rig *rig);
/* A row by key and role, or NULL; origin and the other roles are apart, as on disk. */
struct rig_row *rig_store_find(const struct rig *rig, const struct message_key *key, uint8_t role);
void rig_store_add(struct rig *rig, const struct core_command *command);
/* Answers a CMD_STORE_FIND: a row by its key, or the cancel that settled something. */
void rig_store_answer(struct rig *rig, const struct core_command *command);

#endif
