/* What the store says of what it was given. Must never let an exchange speak before the last of its changes
 * is on disk; an exchange that never came to disk is forgotten, and so are those who waited for it: they
 * repeat. */
#include "internal.h"

#include "error_codes.h"

static struct exchange *
first_storing(const struct core *core)
{
    struct list_link *at = list_first(&core->storing);
    return at != NULL ? list_owner(at, struct exchange, in_store) : NULL;
}

void
on_committed(struct core *core, uint64_t sequence)
{
    struct exchange *exchange;
    if (sequence > core->committed)
        core->committed = sequence;
    if (sequence >= core->serials_sequence && !core->serials_owed)
        core->released_limit = core->counter_limit;
    while ((exchange = first_storing(core)) != NULL && exchange->store_sequence <= sequence) {
        list_remove(&exchange->in_store);
        exchange->store_sequence = 0;
        exchange->stored = exchange->answer_stored = exchange->just_committed = 1;
        exchange->founding = FOUNDED_BY_STORE;
        exchange->overtaken = 0;
        if (exchange_state_is_ending(exchange->record.state))
            order_leave(core, exchange);
        exchange_work(core, exchange);
    }
}

static struct exchange *
find_storing(const struct core *core, uint64_t sequence)
{
    struct list_link *at = list_first(&core->storing);
    for (; at != NULL; at = list_after(&core->storing, at)) {
        struct exchange *exchange = list_owner(at, struct exchange, in_store);
        if (exchange->store_sequence >= sequence)
            return exchange->store_sequence == sequence ? exchange : NULL;
    }
    return NULL;
}

static void
tell_not_taken(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
               const struct message_header *header, bool undoing)
{
    if (undoing)
        tell_refused(core, party, reference, epoch, header, FEP_UNKNOWN, FEP_REPEATABLE, FEP_REASON_BOUND,
                     FEP_E_OPEN, NULL);
    else
        tell_refused(core, party, reference, epoch, header, FEP_NOT_SENT, FEP_REPEATABLE, FEP_REASON_BOUND,
                     FEP_E_DISK_FULL, NULL);
}

/* Nothing was sent, so a caller may be told that; nothing is remembered. */
static void
forget_newcomer(struct core *core, struct exchange *exchange)
{
    struct list_link *at;
    while ((at = list_first(&exchange->tickets)) != NULL) {
        struct ticket *ticket = list_owner(at, struct ticket, link);
        tell_not_taken(core, ticket->party, ticket->reference, ticket->epoch, &exchange->record.header,
                       ticket->undoing);
        ticket_drop(core, ticket);
    }
    for (at = list_first(&exchange->inbox); at != NULL; at = list_after(&exchange->inbox, at)) {
        const struct core_event *event = &list_owner(at, struct input, link)->event;
        if (event->type == EVENT_REQUEST)
            tell_not_taken(core, party_find(core, event->from), event->reference, event->epoch,
                           &event->header, event->header.transaction_class != CLASS_UPDATE);
    }
    exchange_remove(core, exchange);
}

void
on_store_refused(struct core *core, uint64_t sequence)
{
    struct exchange *exchange = find_storing(core, sequence);
    if (sequence == core->serials_sequence)
        core->serials_owed = 1; /* asked for again before anything goes out under one of them */
    if (exchange == NULL)
        return;
    list_remove(&exchange->in_store);
    exchange->store_sequence = 0;
    if (!exchange->stored) {
        forget_newcomer(core, exchange);
        return;
    }
    exchange->store_retry_ms = core->now_ms + STORE_RETRY_MS;
    exchange_work(core, exchange);
}

/* What brought the newcomer, once more, against what the store holds of it. */
static void
make_founding_event(const struct core *core, const struct exchange *exchange, struct core_event *event)
{
    const struct exchange_record *record = &exchange->record;
    int64_t left = exchange->arrived_deadline_ms - core->now_ms;
    *event = (struct core_event){.from = exchange->previous != NULL ? exchange->previous->name : "",
                                 .header = record->header,
                                 .index = record->index,
                                 .body = slice_share(exchange->body),
                                 .flag = exchange->fresh};
    event->travel = (struct travel){.attempt = record->attempt,
                                    .time_left_ms = left > 0 ? (uint32_t)left : 0,
                                    .hops_left = (uint8_t)(record->hops_left + 1)};
}

static void
mark_tickets_copies(struct exchange *exchange)
{
    for (struct list_link *at = list_first(&exchange->tickets); at != NULL;
         at = list_after(&exchange->tickets, at))
        list_owner(at, struct ticket, link)->copy = 1;
}

void
on_store_conflict(struct core *core, const struct core_event *event)
{
    struct exchange *exchange = find_storing(core, event->sequence);
    struct core_event founding;
    if (exchange == NULL || exchange->stored || event->found == NULL)
        return;
    enum founding how = exchange->founding;
    struct exchange_record wanted = exchange->record;
    struct slice body = slice_share(exchange->body), answer = slice_share(exchange->answer);

    list_remove(&exchange->in_store);
    exchange->store_sequence = 0;
    order_leave(core, exchange);
    make_founding_event(core, exchange, &founding);
    exchange_restore(core, exchange, event);
    exchange->founding = FOUNDED_BY_STORE;
    exchange->deadline_ms = exchange->schedule_ms = NEVER;
    exchange->repeat_ms = 0;
    exchange->asks = 0;
    exchange->record.outcome_relayed = 0;
    mark_tickets_copies(exchange);
    if (!exchange_state_is_ending(exchange->record.state))
        order_enter(core, exchange);
    if (how == FOUNDED_BY_REQUEST)
        request_copy(core, exchange, &founding);
    else if (how == FOUNDED_BY_UPDATE)
        update_copy(core, exchange, &founding);
    else if (how == FOUNDED_BY_REVERSAL)
        reversal_handle(core, exchange, &founding);
    else if (how == FOUNDED_BY_CALLER)
        caller_reversal_handle(core, exchange);
    else if (how == FOUNDED_BY_HELD)
        restored_conflict(core, exchange, &wanted, exchange->theirs, body, answer);
    slice_release(&founding.body); /* shared by the exchange where it was kept */
    slice_release(&body);
    slice_release(&answer);
    exchange_work(core, exchange);
}
