/* Steps of tests about stores that were put back from a backup, on the benches of rig.h. */
#ifndef CORE_RESTORE_STEPS_H
#define CORE_RESTORE_STEPS_H

#include "rig.h"

struct restore_copy { /* of a bench's rows at one moment */
    struct rig_row rows[16];
    size_t count;
};
void restore_back_up(const struct rig *rig, struct restore_copy *copy);
/* The copy's slices go to the bench. Every party is resolving. */
void restore_put_back(struct rig *rig, const struct restore_copy *copy, uint32_t abilities);

struct restore_word { /* a peer's, of what it holds */
    const char *from, *msgid, *answer, *settlement;
    const char *infno; /* NULL: 2207 */
    enum exchange_state state;
    uint32_t attempt; /* 0 = 1 */
    uint8_t had_from_us, effect, refusal_class, person;
};
void restore_tell_held(struct rig *rig, struct restore_word word);
void restore_trace(struct rig *rig, const char *msgid, uint64_t serial);

#endif
