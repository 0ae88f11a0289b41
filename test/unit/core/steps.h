/* Steps that many tests begin with, on the benches of rig.h. */
#ifndef CORE_STEPS_H
#define CORE_STEPS_H

#include "rig.h"

/* At A: the caller's host says whether it can tell the answer. */
void step_render(struct rig *rig, uint64_t ticket, int ok);
/* At A: an update that is sent and acknowledged; its ticket. */
uint64_t step_send(struct rig *rig, const char *msgid);
/* At A: its answer comes and is told. */
void step_answer(struct rig *rig, const char *msgid, uint64_t ticket);
/* At B: an update that is dispatched; its call. */
uint64_t step_dispatch(struct rig *rig, const char *msgid, uint8_t person);

#endif
