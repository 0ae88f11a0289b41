/* The life of an exchange as tables: which state may follow which, and what each event may do in each state. The same
 * tables stand for people in schema/lifecycle.md; a test holds the two against each other. */
#ifndef FEP_LIFECYCLE_H
#define FEP_LIFECYCLE_H

#include <stdbool.h>
#include "exchange_record.h"

enum cell_event { /* the rows of schema/lifecycle.md */
    CELL_REQUEST = 0,    /* a caller's new request, or a copy of it */
    CELL_NEXT_ATTEMPT,   /* origin: fresh request after `refused` of class R; elsewhere: an update of a higher attempt */
    CELL_UPDATE,         /* a peer's update of the stored attempt */
    CELL_REVERSAL,       /* a reversal, a caller's or a peer's */
    CELL_ACKED,          /* the next hop has committed the update or the reversal */
    CELL_OUTCOME_ANSWERED, CELL_OUTCOME_REFUSED, CELL_OUTCOME_REVERSED, CELL_OUTCOME_STANDS,
    CELL_RENDER_FAILED,  /* origin: the answer can not be put into the caller's language */
    CELL_DEADLINE,
    CELL_ROUTES_DOWN,    /* every target is known to be down */
    CELL_PROMOTED,       /* order, credit and link allow it to go */
    CELL_DONE_ANSWERED, CELL_DONE_REFUSED, CELL_DONE_REPEATABLE, CELL_DONE_NOT_SENT, CELL_DONE_UNKNOWN,
    CELL_INQUIRED_POSTED, CELL_INQUIRED_REFUSED, CELL_INQUIRED_UNDONE, CELL_INQUIRED_NOTHING,
    CELL_CURE_DONE,      /* the cure found it undone, or without effect */
    CELL_CURE_DECLINED,  /* the cancel was refused for good, or there is none */
    CELL_LATE_ANSWERED, CELL_LATE_REFUSED,
    CELL_RESOLVED_POSTED, CELL_RESOLVED_NOT_POSTED, CELL_RESOLVED_UNDONE, CELL_RESOLVED_STANDS, /* by two people */
    CELL_HOST_LOST,      /* the instance went, or came back with a new epoch */
    CELL_RESTART,
    CELL_COUNT
};

#define STATE_BIT(state) (1u << (state))
#define CELL_IGNORED 0u           /* the event leaves the state as it is */
#define CELL_NOT_POSSIBLE (1u << 31)

/* The states this event may lead to from this state in this role (bits), CELL_IGNORED or CELL_NOT_POSSIBLE. */
uint32_t core_cell(enum exchange_role role, enum exchange_state state, enum cell_event event);
/* All states that may follow (bits); never empty for a state that is not final. */
uint32_t core_legal_moves(enum exchange_role role, enum exchange_state from);
const char *cell_event_name(enum cell_event event);

#endif
