/* The invariants of the world, by the rules' names. Each sets world->failure when it is broken. */
#ifndef CORE_WORLD_CHECK_H
#define CORE_WORLD_CHECK_H

#include "world.h"

/* Nothing is said or sent that is not on disk (19, 5, 6). */
void check_command(struct world *world, int gate, const struct core_command *command);
/* What a caller was told is never contradicted (2, 11). */
void check_told(struct world *world, struct world_update *update, const struct core_outcome *outcome);
/* When everything is quiet: nothing is open, and the books say what the endings say. */
void check_end(struct world *world);

#endif
