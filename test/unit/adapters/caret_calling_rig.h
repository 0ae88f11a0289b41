/* The caret module calling a scripted local system. */
#ifndef CARET_CALLING_RIG_H
#define CARET_CALLING_RIG_H

#include "caret_lines.h"

#define CYCLE      "0001-000GW001-20261122001"
#define NEXT_CYCLE "0001-000GW001-20261123001"
/* The good answer of rig_settle. */
#define SETTLED(cycle, bill)                                                                                 \
    "0^DX1^" cycle "^NN77|" bill                                                                             \
    "|125.55|55.65|0.00|69.90|55.65|0.00|0.00|0.00|0.00|0.00|0.00|12.00|2.26|0.00|111.29|"                   \
    "0.00|0.00|^^\r\n"

extern const char *const rig_head[];
extern const struct fake_message rig_settle, rig_person;

int rig_set_up(void **state); /* the module has begun to connect */
/* Accepts the first connection and lets the module sign in; it is up. */
struct peer *rig_sign_in(struct fixture *f);

#endif
