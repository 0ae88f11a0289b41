/* The tables of lifecycle.h. Must agree with schema/lifecycle.md; test/unit/core/lifecycle_test.c reads
 * both. */
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
                              [STATE_ANSWERED] = V,
                              [STATE_REFUSED] = Q | D | F | R},
    };
    return role >= ROLE_ORIGIN && role <= ROLE_DESTINATION && from < STATE_COUNT ? moves[role][from] : 0;
}

#define IN_ALL  (STATE_BIT(STATE_COUNT) - 1)
#define ORIGIN  STATE_BIT(ROLE_ORIGIN)
#define TRANSIT STATE_BIT(ROLE_TRANSIT)
#define BESIDE  STATE_BIT(ROLE_DESTINATION) /* beside the local system */
#define NONE    STATE_BIT(STATE_NONE)

/* Which roles meet an event at all, and in which states it can come. */
static const struct {
    const char *name;
    uint32_t roles, states;
} events[CELL_COUNT] = {
    [CELL_REQUEST] = {"request", ORIGIN, IN_ALL},
    [CELL_NEXT_ATTEMPT] = {"next-attempt", ORIGIN | TRANSIT | BESIDE, IN_ALL & ~NONE},
    [CELL_UPDATE] = {"update", TRANSIT | BESIDE, IN_ALL},
    [CELL_REVERSAL] = {"reversal", ORIGIN | TRANSIT | BESIDE, IN_ALL},
    [CELL_ACKED] = {"acked", ORIGIN | TRANSIT, IN_ALL},
    [CELL_OUTCOME_ANSWERED] = {"outcome-answered", ORIGIN | TRANSIT, IN_ALL},
    [CELL_OUTCOME_REFUSED] = {"outcome-refused", ORIGIN | TRANSIT, IN_ALL},
    [CELL_OUTCOME_REVERSED] = {"outcome-reversed", ORIGIN | TRANSIT, IN_ALL},
    [CELL_OUTCOME_STANDS] = {"outcome-stands", ORIGIN | TRANSIT, IN_ALL},
    [CELL_RENDER_FAILED] = {"render-failed", ORIGIN, IN_ALL},
    [CELL_DEADLINE] = {"deadline", ORIGIN | TRANSIT | BESIDE, IN_ALL & ~NONE},
    [CELL_ROUTES_DOWN] = {"routes-down", ORIGIN | TRANSIT | BESIDE, IN_ALL & ~(NONE | D)},
    [CELL_PROMOTED] = {"promoted", ORIGIN | TRANSIT | BESIDE, Q},
    [CELL_DONE_ANSWERED] = {"done-answered", BESIDE, D | V},
    [CELL_DONE_REFUSED] = {"done-refused", BESIDE, D | V},
    [CELL_DONE_REPEATABLE] = {"done-repeatable", BESIDE, D | V},
    [CELL_DONE_NOT_SENT] = {"done-not-sent", BESIDE, D | V},
    [CELL_DONE_UNKNOWN] = {"done-unknown", BESIDE, D | V},
    [CELL_INQUIRED_POSTED] = {"inquired-posted", BESIDE, U | V},
    [CELL_INQUIRED_REFUSED] = {"inquired-refused", BESIDE, U | V},
    [CELL_INQUIRED_UNDONE] = {"inquired-undone", BESIDE, U | V},
    [CELL_INQUIRED_NOTHING] = {"inquired-nothing", BESIDE, U | V},
    [CELL_CURE_DONE] = {"cure-done", BESIDE, V},
    [CELL_CURE_DECLINED] = {"cure-declined", BESIDE, V},
    [CELL_LATE_ANSWERED] = {"late-answered", BESIDE, IN_ALL & ~(NONE | Q | D)},
    [CELL_LATE_REFUSED] = {"late-refused", BESIDE, IN_ALL & ~(NONE | Q | D)},
    [CELL_RESOLVED_POSTED] = {"resolved-posted", BESIDE, IN_ALL & ~NONE},
    [CELL_RESOLVED_NOT_POSTED] = {"resolved-not-posted", BESIDE, IN_ALL & ~NONE},
    [CELL_RESOLVED_UNDONE] = {"resolved-undone", BESIDE, IN_ALL & ~NONE},
    [CELL_RESOLVED_STANDS] = {"resolved-stands", BESIDE, IN_ALL & ~NONE},
    [CELL_HOST_LOST] = {"host-lost", BESIDE, IN_ALL & ~NONE},
    [CELL_RESTART] = {"restart", ORIGIN | TRANSIT | BESIDE, IN_ALL & ~(NONE | L)},
};

/* What an event moves; everything else that can come is ignored. */
static const struct {
    uint32_t roles, states;
    enum cell_event event;
    uint32_t to;
} cells[] = {
    {ORIGIN, NONE, CELL_REQUEST, Q | S | F},
    {TRANSIT, NONE, CELL_UPDATE, Q | S | F},
    {BESIDE, NONE, CELL_UPDATE, Q | D | F},
    {ORIGIN | TRANSIT, F, CELL_NEXT_ATTEMPT, Q | S | F},
    {BESIDE, F, CELL_NEXT_ATTEMPT, Q | D | F},

    {ORIGIN | BESIDE, NONE, CELL_REVERSAL, R},
    {TRANSIT, NONE, CELL_REVERSAL, V | R},
    {ORIGIN | TRANSIT | BESIDE, Q, CELL_REVERSAL, R},
    {ORIGIN | TRANSIT, S, CELL_REVERSAL, V | R},
    {ORIGIN | TRANSIT, L, CELL_REVERSAL, V},
    {BESIDE, D, CELL_REVERSAL, V | R},
    {BESIDE, U, CELL_REVERSAL, V},
    {ORIGIN | TRANSIT, A, CELL_REVERSAL, V},
    {BESIDE, A, CELL_REVERSAL, V},
    {TRANSIT, F, CELL_REVERSAL, V | R},
    {BESIDE, F, CELL_REVERSAL, R},

    {ORIGIN | TRANSIT, S, CELL_ACKED, L},
    {ORIGIN, S | L, CELL_OUTCOME_ANSWERED, A | V},
    {TRANSIT, S | L, CELL_OUTCOME_ANSWERED, A},
    {ORIGIN | TRANSIT, S | L, CELL_OUTCOME_REFUSED, F},
    {ORIGIN | TRANSIT, V, CELL_OUTCOME_REFUSED, R},
    {ORIGIN | TRANSIT, S | L | V, CELL_OUTCOME_REVERSED, R},
    {ORIGIN | TRANSIT, S | L | V, CELL_OUTCOME_STANDS, T},
    {ORIGIN, S | L, CELL_RENDER_FAILED, V},

    {ORIGIN | TRANSIT | BESIDE, Q, CELL_DEADLINE, F},
    {ORIGIN, S, CELL_DEADLINE, V | F},
    {ORIGIN, L, CELL_DEADLINE, V},
    {TRANSIT, S, CELL_DEADLINE, F},
    {BESIDE, D, CELL_DEADLINE, F},
    {ORIGIN | TRANSIT | BESIDE, Q, CELL_ROUTES_DOWN, F},
    {ORIGIN | TRANSIT, Q, CELL_PROMOTED, S},
    {BESIDE, Q, CELL_PROMOTED, D},

    {BESIDE, D, CELL_DONE_ANSWERED, A},
    {BESIDE, D, CELL_DONE_REFUSED, F},
    {BESIDE, D, CELL_DONE_REPEATABLE, F},
    {BESIDE, D, CELL_DONE_NOT_SENT, F},
    {BESIDE, D, CELL_DONE_UNKNOWN, U | V},
    {BESIDE, V, CELL_DONE_REFUSED, R},
    {BESIDE, V, CELL_DONE_REPEATABLE, R},
    {BESIDE, V, CELL_DONE_NOT_SENT, R},
    {BESIDE, U, CELL_INQUIRED_POSTED, A},
    {BESIDE, U, CELL_INQUIRED_REFUSED, F},
    {BESIDE, U, CELL_INQUIRED_UNDONE, R},
    {BESIDE, U, CELL_INQUIRED_NOTHING, V},
    {BESIDE, V, CELL_INQUIRED_REFUSED, R},
    {BESIDE, V, CELL_INQUIRED_UNDONE, R},
    {BESIDE, V, CELL_INQUIRED_NOTHING, R},
    {BESIDE, V, CELL_CURE_DONE, R},
    {BESIDE, V, CELL_CURE_DECLINED, T},
    {BESIDE, U, CELL_LATE_ANSWERED, A},
    {BESIDE, U, CELL_LATE_REFUSED, F},
    {BESIDE, V, CELL_LATE_REFUSED, R},
    {BESIDE, U, CELL_RESOLVED_POSTED, A},
    {BESIDE, U, CELL_RESOLVED_NOT_POSTED, F},
    {BESIDE, V, CELL_RESOLVED_NOT_POSTED, R},
    {BESIDE, U | V, CELL_RESOLVED_UNDONE, R},
    {BESIDE, V, CELL_RESOLVED_STANDS, T},
    {BESIDE, D, CELL_HOST_LOST, U | V},

    {ORIGIN | TRANSIT | BESIDE, Q, CELL_RESTART, F},
    {ORIGIN, S, CELL_RESTART, V},
    {BESIDE, D, CELL_RESTART, U | V},
};

static bool
role_has(enum exchange_role role, enum exchange_state state)
{
    uint32_t reached = NONE;
    for (int from = STATE_NONE; from < STATE_COUNT; from++)
        reached |= core_legal_moves(role, (enum exchange_state)from);
    return (reached & STATE_BIT(state)) != 0;
}

uint32_t
core_cell(enum exchange_role role, enum exchange_state state, enum cell_event event)
{
    if (event >= CELL_COUNT || !(events[event].roles & STATE_BIT(role)) ||
        !(events[event].states & STATE_BIT(state)) || !role_has(role, state))
        return CELL_NOT_POSSIBLE;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        if (cells[i].event == event && (cells[i].roles & STATE_BIT(role)) &&
            (cells[i].states & STATE_BIT(state)))
            return cells[i].to;
    return CELL_IGNORED;
}

const char *
cell_event_name(enum cell_event event)
{
    return event < CELL_COUNT ? events[event].name : "invalid";
}
