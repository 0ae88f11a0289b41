/* The next hop, or the previous one, has committed what we sent. Must never let an acknowledgement of an
 * earlier attempt or of an earlier ending speak for a later one (F11). */
#include "internal.h"

static bool
speaks_of(const struct core_event *event, uint64_t reference, uint32_t attempt)
{
    if (event->reference != 0)
        return event->reference == reference;
    return event->travel.attempt == 0 || event->travel.attempt == attempt;
}

static void
update_acked(struct core *core, struct exchange *exchange)
{
    /* Not stored: a restart finds `sent`, which says no less about what may have happened. */
    exchange->record.times.relayed = core->wall_ms;
    exchange_move(core, exchange, STATE_RELAYED);
    order_moved(core, exchange);
}

void
acked_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct party *from = party_find(core, event->from);
    bool destination = record->role == ROLE_DESTINATION;

    switch (event->acked) {
    case ACKED_UPDATE:
        if (from == exchange->target && record->state == STATE_SENT && exchange->offered && !destination &&
            speaks_of(event, update_token(record), record->attempt))
            update_acked(core, exchange);
        break;
    case ACKED_REVERSAL:
        if (from == exchange->target && record->state == STATE_REVERSING && !destination &&
            speaks_of(event, reversal_token(record), record->reversal_attempt)) {
            record->reversal_relayed = 1;
            exchange->repeat_ms = core->now_ms + (int64_t)core->config.repeat_ms * SLOW_REPEATS;
        }
        break;
    case ACKED_OUTCOME:
        if (from == exchange->previous && exchange_state_is_ending(record->state) &&
            speaks_of(event, outcome_token(record), record->attempt))
            record->outcome_relayed = 1;
        break;
    default:
        break;
    }
}
