/* How an exchange leaves memory. Must never leave anything behind that points to it; its bodies live until
 * the next step, because commands of this one may point to them. */
#include "internal.h"

/* Counted as open, or not. */
static void
count_open(struct core *core, const struct exchange *exchange, bool open)
{
    uint64_t one = open ? 1 : UINT64_MAX;
    core->open_total += one;
    core->open_bytes += open ? exchange->body.size : -(uint64_t)exchange->body.size;
    core->state_counts[exchange->record.state] += one;
}

/* Closed on disk and still in memory, it is wanted again. */
void
exchange_reopen(struct core *core, struct exchange *exchange)
{
    if (!exchange->lingering)
        return;
    exchange->lingering = 0;
    list_remove(&exchange->in_linger);
    core->lingering_count--;
    count_open(core, exchange, true);
}

/* A cancel that was answered may be what the cure of the update it cancelled rests on (rule 13): the last
 * ones stay in memory for a while, where cure.c looks for them. */
void
exchange_linger(struct core *core, struct exchange *exchange)
{
    enum { LINGERING = 256 };
    if (exchange->lingering)
        return;
    count_open(core, exchange, false);
    exchange->lingering = 1;
    list_append(&core->lingering, &exchange->in_linger);
    if (++core->lingering_count > LINGERING)
        exchange_remove(core, list_owner(list_first(&core->lingering), struct exchange, in_linger));
}

static bool
is_a_cancel(const struct core *core, const struct exchange *exchange)
{
    size_t count = 0;
    const struct transaction *list = transaction_list(core->transactions, &count);
    if (exchange->record.role != ROLE_DESTINATION || exchange->record.state != STATE_ANSWERED)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].inverse, exchange->record.header.infno) == 0)
            return true;
    return false;
}

void
exchange_close(struct core *core, struct exchange *exchange)
{
    struct core_command *command = emit(core, CMD_STORE_CLOSE);
    command->sequence = ++core->sequence;
    command->record = emit_record(core, &exchange->record);
    if (is_a_cancel(core, exchange))
        exchange_linger(core, exchange);
    else
        exchange_remove(core, exchange);
}

static void
drop_inputs(struct core *core, struct list *inputs)
{
    struct list_link *at;
    while ((at = list_first(inputs)) != NULL) {
        list_remove(at);
        list_append(&core->dead_inputs, at);
    }
}

/* Out of memory here; what is on disk stays there. Bodies live until the next step, commands may point to
 * them. */
void
exchange_remove(struct core *core, struct exchange *exchange)
{
    struct list_link *at;

    exchange->dead = 1;
    while ((at = list_first(&exchange->tickets)) != NULL)
        ticket_drop(core, list_owner(at, struct ticket, link));
    while (exchange->acks != NULL) { /* not given: whoever waits for them repeats */
        struct pending_ack *ack = exchange->acks;
        exchange->acks = ack->next;
        pool_give(&core->ack_pool, ack);
    }
    drop_inputs(core, &exchange->inbox);
    if (exchange->held != NULL)
        list_append(&core->dead_inputs, &exchange->held->link);
    exchange->held = NULL;
    call_finish(core, &exchange->submit);
    call_finish(core, &exchange->cure);
    table_remove(&core->serials, &exchange->by_serial);
    order_leave(core, exchange);
    if (exchange_uses_credit(exchange)) {
        exchange->target->in_flight--;
        credit_pump(core, exchange->target);
    }
    list_remove(&exchange->toward);
    list_remove(&exchange->from);
    list_remove(&exchange->waiting);
    list_remove(&exchange->in_cures);
    list_remove(&exchange->working);
    list_remove(&exchange->in_store);
    table_remove(&core->exchanges, &exchange->by_key);
    timer_heap_clear(&core->timers, &exchange->timed.node);
    exchange_reopen(core, exchange);
    count_open(core, exchange, false);
    list_append(&core->dead_exchanges, &exchange->working);
}

void
exchange_free(struct core *core, struct exchange *exchange)
{
    slice_release(&exchange->body);
    slice_release(&exchange->answer);
    pool_give(&core->exchange_pool, exchange);
}
