/* How many unclear updates are asked about at once. Thousands may become due together when a line returns:
 * they go out in their turn, inside the instance's window, in which half is theirs before anything new. While
 * the local system answers nothing only a probe goes out now and then; its first answer pulls what is due
 * later forward. Must never refuse an inquiry or a reversal (rule 15): it waits here, and its turn comes. */
#include "internal.h"

#include "error_codes.h"

enum {
    SILENT_AFTER = 8, /* calls without an answer */
    PROBES = 16,      /* open at once while it is silent */
    PROBE_PAUSE_MS = 2000,
    SOON_MS = 1000 /* what is due so soon is not pulled forward */
};

static bool
is_silent(const struct party *party)
{
    return party->unanswered >= SILENT_AFTER;
}

/* Calls that may be begun now. */
static uint32_t
room_of(const struct core *core, const struct party *party)
{
    uint32_t most = core->config.max_in_flight,
             open = party->in_flight + party->query_calls + party->cure_calls;
    if (party->window != 0 && party->window < most)
        most = party->window;
    uint32_t share = most > 1 ? most / 2 : 1;
    if (is_silent(party) && share > PROBES)
        share = PROBES;
    uint32_t limit = is_silent(party) || !list_is_empty(&party->waiting) ? share : most;
    uint32_t own = party->cure_calls < limit ? limit - party->cure_calls : 0;
    uint32_t all = open < most ? most - open : 0;
    return own < all ? own : all;
}

/* The first in the queue that may go now look again. */
void
pace_pump(struct core *core, struct party *party)
{
    uint32_t room = is_silent(party) ? 1 : room_of(core, party);
    struct list_link *at = list_first(&party->cures_waiting);
    for (; room > 0 && at != NULL; room--, at = list_after(&party->cures_waiting, at))
        exchange_work(core, list_owner(at, struct exchange, in_cures));
}

/* Not due any more: its place goes to the next. */
void
pace_leave(struct core *core, struct exchange *exchange)
{
    if (!list_is_in(&exchange->in_cures))
        return;
    list_remove(&exchange->in_cures);
    if (exchange->target != NULL)
        pace_pump(core, exchange->target);
}

/* May the local system be asked about it now? If not it waits for its turn. */
bool
pace_may_call(struct core *core, struct exchange *exchange)
{
    struct party *party = exchange->target;
    bool paused = is_silent(party) && core->now_ms < party->probe_ms;
    if (!paused && room_of(core, party) > 0) {
        list_remove(&exchange->in_cures);
        if (is_silent(party))
            party->probe_ms = core->now_ms + PROBE_PAUSE_MS;
        return true;
    }
    if (!list_is_in(&exchange->in_cures))
        list_append(&party->cures_waiting, &exchange->in_cures);
    if (paused && list_first(&party->cures_waiting) == &exchange->in_cures)
        exchange_wake(exchange, party->probe_ms);
    return false;
}

void
pace_begun(struct core *core, struct exchange *exchange)
{
    exchange->target->cure_calls++;
    exchange->asked += exchange->asked < UINT16_MAX;
    exchange->called_ms = core->now_ms;
    if (is_silent(exchange->target))
        pace_pump(core, exchange->target); /* the next probe sets its own alarm clock */
}

void
pace_ended(struct party *party)
{
    party->cure_calls--;
}

/* Something toward this party answers again, or it is a new host: what waits for a later step of its schedule
 * is due now. What was never asked about has its first pause before it, and what waits for something sent
 * earlier to arrive goes on waiting (F7). */
void
pace_line_back(struct core *core, struct party *party)
{
    party->unanswered = 0;
    party->back_ms = core->now_ms;
    for (struct list_link *at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at)) {
        struct exchange *exchange = list_owner(at, struct exchange, toward);
        enum exchange_state state = exchange->record.state;
        if ((state != STATE_UNKNOWN && state != STATE_REVERSING) || exchange->cure.open ||
            exchange->asked == 0 || exchange->schedule_ms == NEVER ||
            exchange->schedule_ms <= core->now_ms + SOON_MS || exchange->schedule_ms == exchange->clear_ms)
            continue;
        exchange->schedule_ms = core->now_ms;
        exchange_work(core, exchange);
    }
    pace_pump(core, party);
}

/* A call about it was not answered. If it began before the line came back, it was lost with the line, and the
 * long pause is not for it. */
void
pace_lost(struct core *core, struct exchange *exchange)
{
    int64_t soon = core->now_ms + SOON_MS;
    if (exchange->called_ms < exchange->target->back_ms && soon < exchange->schedule_ms &&
        exchange->schedule_ms != NEVER && exchange->schedule_ms != exchange->clear_ms)
        exchange->schedule_ms = soon;
}

/* A completion: does the local system answer? One that the host did not pass on says nothing. */
void
pace_answered(struct core *core, struct party *party, const struct core_outcome *outcome)
{
    bool silence = outcome->kind == FEP_UNKNOWN ||
                   (outcome->kind == FEP_NOT_SENT && outcome->reason == FEP_REASON_LINK_DOWN);
    if (silence)
        party->unanswered += party->unanswered < UINT32_MAX;
    else if (outcome->kind != FEP_NOT_SENT && is_silent(party))
        pace_line_back(core, party);
    else if (outcome->kind != FEP_NOT_SENT)
        party->unanswered = 0;
}
