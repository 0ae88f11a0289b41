/* The drill of a region that is cut off: two gateways with their real cores, a local system behind the second, and a
 * caller that asks at a steady rate, in virtual time. In one process and one thread; nothing but the cut goes wrong, but a
 * great deal of it. Made for hundreds of thousands of updates, where the world simulator has dozens. */
#ifndef DRILL_H
#define DRILL_H

#include "core.h"

enum drill_cut {
    CUT_LINK = 0,     /* between the gateways: nothing arrives, and both notice after a while */
    CUT_ONE_WAY,      /* the same, but only what comes from the destination is lost, and nobody notices */
    CUT_SILENT,       /* between the adapter and its local system: nothing arrives, nobody notices */
    CUT_REFUSED,      /* the same, but a connection is refused at once */
    CUT_COUNT
};

struct drill_case {
    enum drill_cut cut;
    uint32_t abilities; /* of the local system: FEP_INQUIRES, FEP_REVERSES */
    unsigned rate;      /* updates per second */
    int64_t warm_ms, cut_ms, after_ms;
    uint32_t window;    /* of the instance */
    int64_t service_ms; /* one call at the local system */
    unsigned capacity;  /* calls that it does in a second */
};

enum { GATE_A = 0, GATE_B, GATES };

struct drill_update {
    int64_t unclear_ms; /* since when one of the gateways did not know its outcome; 0 = never */
    int64_t end_ms;     /* ended at the origin; 0 = not yet */
    uint8_t end;        /* enum exchange_state at the origin */
    uint8_t unclear_at; /* bit per gateway */
    bool inquired;      /* it was unknown at the destination at the return, or later */
};

enum entry_kind { ENTRY_NONE = 0, ENTRY_IN_FORCE, ENTRY_UNDONE, ENTRY_NEVER };

struct drill {
    const struct drill_case *conditions;
    struct drill_update *updates;
    uint32_t count, room;
    uint8_t *book; /* enum entry_kind by update */
    uint64_t calls[8]; /* at the local system, by operation */
    uint64_t alarms, bounced, most_open;
    int64_t now_ms;
    struct core *cores[GATES];
    struct drill_world *world;
};

/* 0; -1 without memory. Afterwards updates and book tell what happened. */
int drill_run(struct drill *drill, const struct drill_case *conditions, const struct transaction_table *transactions);
void drill_finish(struct drill *drill);
int64_t drill_return_ms(const struct drill_case *conditions);

#endif
