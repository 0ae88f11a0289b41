/* What the store still holds open when the router starts. Nothing special runs here: records take their
 * place, and what is due follows from their states as after any commit. Must never resend an update, whose
 * time is over (rule 5), and never count what was not marked as sent.
 *
 * An origin's marked update counts as past its deadline. Its outcome may already lie at the next hop, which
 * offers it as soon as the link is up: a short grace lets it come first, then the reversal is committed. */
#include "internal.h"

#include <stdlib.h>

void
on_restored(struct core *core, const struct core_event *event)
{
    const struct exchange_record *found = event->found;
    struct exchange_record corrected;
    struct core_event as_found = *event;
    if (found == NULL || found->role < ROLE_ORIGIN || found->role > ROLE_DESTINATION)
        return;
    struct exchange *exchange = exchange_create(core, &found->header, found->role);
    if (exchange == NULL)
        abort(); /* half a recovery is none: the next start tries again */
    corrected = *found;
    restored_correct(core, &corrected);
    as_found.found = &corrected;
    exchange_restore(core, exchange, &as_found);
    if (!exchange_state_is_ending(corrected.state))
        order_enter(core, exchange);
}

static void
skip_used_serials(struct core *core, uint64_t serial)
{
    uint64_t generation = core->config.incarnation % 99;
    if (serial / LOCAL_SERIAL_COUNTER == generation && serial % LOCAL_SERIAL_COUNTER >= core->next_counter)
        core->next_counter = serial % LOCAL_SERIAL_COUNTER + 1 + BATCHES_MOST; /* it may have had as many */
    if (core->next_counter > core->counter_limit) { /* its record came to disk, its release did not */
        core->counter_limit = core->next_counter + SERIAL_BLOCK;
        core->serials_owed = 1;
    }
}

static int
resume(void *arg, struct table_link *link)
{
    enum { GRACE_REPEATS = 2 };
    struct core *core = arg;
    struct exchange *exchange = list_owner(link, struct exchange, by_key);
    struct exchange_record *record = &exchange->record;
    bool origin = record->role == ROLE_ORIGIN;

    switch ((enum exchange_state)record->state) {
    case STATE_QUEUED: /* never sent; how much time is left is not known any more */
        exchange->deadline_ms = core->now_ms;
        break;
    case STATE_SENT:
    case STATE_RELAYED:
        if (MUTATED(MARK_FORGOTTEN))
            exchange->offered = 0;
        if (origin)
            exchange->deadline_ms = core->now_ms + (int64_t)GRACE_REPEATS * core->config.repeat_ms;
        break;
    case STATE_DISPATCHED: /* past its deadline (rule 5): an adopted call may still answer, nothing is sent
                              anew */
        exchange->deadline_ms = core->now_ms;
        exchange->waiting_host = !MUTATED(CALL_FORGOTTEN);
        break;
    case STATE_REVERSING:
        if (record->cure == CURE_WAIT_OTHER && record->cancel.serial != 0) {
            record->cure = CURE_CANCEL_UNKNOWN;
            exchange->ask_by_serial = 1;
        }
        exchange->waiting_host = record->role == ROLE_DESTINATION && record->target[0] != '\0';
        exchange->schedule_base_ms = exchange->schedule_ms = core->now_ms;
        break;
    case STATE_UNKNOWN:
        exchange->schedule_base_ms = exchange->schedule_ms = core->now_ms;
        break;
    default: /* an ending that was not handed over, or not closed */
        exchange->just_committed = origin;
        exchange->logged_state = origin ? STATE_NONE : record->state;
        break;
    }
    skip_used_serials(core, record->local.serial);
    skip_used_serials(core, record->cancel.serial);
    restored_resume(core, exchange);
    exchange_work(core, exchange);
    return 0;
}

void
on_recovered(struct core *core)
{
    core->recovering = 0;
    if (core->resolving != 0)
        core->lost_until_ms = core->now_ms + REVERSE_CALL_MS + LATE_ARRIVAL_MS;
    table_each(&core->exchanges, resume, core);
}
