/* The tables of lifecycle.h. Must agree with schema/lifecycle.md; test/unit/core/lifecycle_test.c reads both.
 */
#include "lifecycle.h"

#include <stddef.h>

#include "core.h"

#define Q STATE_BIT(STATE_QUEUED)
#define S STATE_BIT(STATE_SENT)
#define L STATE_BIT(STATE_RELAYED)
#define D STATE_BIT(STATE_DISPATCHED)
#define U STATE_BIT(STATE_UNKNOWN)
#define V STATE_BIT(STATE_REVERSING)
#define A STATE_BIT(STATE_ANSWERED)
#define F STATE_BIT(STATE_REFUSED)
#define R STATE_BIT(STATE_REVERSED)
#define T STATE_BIT(STATE_STANDS)

uint32_t
core_legal_moves(enum exchange_role role, enum exchange_state from)
{
    static const uint32_t moves[][STATE_COUNT] = {
        [ROLE_ORIGIN] = {[STATE_NONE] = Q | S | F | R,
                         [STATE_QUEUED] = S | F | R,
                         [STATE_SENT] = L | V | A | F | R | T,
                         [STATE_RELAYED] = V | A | F | R | T,
                         [STATE_REVERSING] = R | T,
                         [STATE_ANSWERED] = V,
                         [STATE_REFUSED] = Q | S | F},
        [ROLE_TRANSIT] = {[STATE_NONE] = Q | S | V | F | R,
                          [STATE_QUEUED] = S | F | R,
                          [STATE_SENT] = L | V | A | F | R | T,
                          [STATE_RELAYED] = V | A | F | R | T,
                          [STATE_REVERSING] = R | T,
                          [STATE_ANSWERED] = V,
                          [STATE_REFUSED] = Q | S | F | V | R},
        [ROLE_DESTINATION] = {[STATE_NONE] = Q | D | F | R,
                              [STATE_QUEUED] = D | F | R,
                              [STATE_DISPATCHED] = U | V | A | F | R,
                              [STATE_UNKNOWN] = V | A | F | R,
                              [STATE_REVERSING] = R | T,
                              [STATE_ANSWERED] = V | T,
                              [STATE_REFUSED] = Q | D | F | R},
    };
    return role >= ROLE_ORIGIN && role <= ROLE_DESTINATION && from < STATE_COUNT ? moves[role][from] : 0;
}
