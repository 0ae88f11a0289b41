/* The core's door: made, stepped, looked into. A step takes one event, lets the exchange it concerns act,
 * then advances every exchange for which something may have become due. Must never call anything that waits,
 * and never leave a step with an exchange half changed. */
#include "internal.h"

#include <stdlib.h>

static int
init_tables(struct core *core)
{
    struct table *tables[] = {&core->parties, &core->exchanges, &core->queries, &core->persons,
                              &core->tickets, &core->calls,     &core->serials, &core->lookups};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (table_init(tables[i]) != 0)
            return -1;
    return 0;
}

static void
init_lists(struct core *core)
{
    list_init(&core->working);
    list_init(&core->storing);
    list_init(&core->internal);
    list_init(&core->dead_inputs);
    list_init(&core->dead_exchanges);
    list_init(&core->dead_queries);
    list_init(&core->lingering);
    pool_init(&core->exchange_pool, sizeof(struct exchange), 4096);
    pool_init(&core->query_pool, sizeof(struct query), 1024);
    pool_init(&core->ticket_pool, sizeof(struct ticket), 4096);
    pool_init(&core->ack_pool, sizeof(struct pending_ack), 4096);
    pool_init(&core->input_pool, sizeof(struct input), 1024);
    pool_init(&core->person_pool, sizeof(struct person), 4096);
    pool_init(&core->lookup_pool, sizeof(struct lookup), 64);
}

static struct party *
new_party(struct core *core, const char *name, bool is_instance)
{
    struct party *party = party_find(core, name);
    if (party != NULL)
        return party;
    if (strlen(name) >= NODE_SIZE || (party = calloc(1, sizeof *party)) == NULL)
        return NULL;
    memcpy(party->name, name, strlen(name) + 1);
    party->is_instance = is_instance;
    party_add(core, party);
    if (is_instance) {
        core->instances++;
        core->instance = party;
    }
    return party;
}

static uint64_t
or_default(uint64_t value, uint64_t standard)
{
    return value != 0 ? value : standard;
}

static void
set_config(struct core *core, const struct core_config *config)
{
    struct core_config *own = &core->config;
    *own = *config;
    own->max_in_flight = (uint32_t)or_default(config->max_in_flight, 1000);
    own->max_queued = (uint32_t)or_default(config->max_queued, 100000);
    own->max_queued_bytes = or_default(config->max_queued_bytes, 256ull << 20);
    own->max_queries = (uint32_t)or_default(config->max_queries, 10000);
    own->horizon_days = (uint32_t)or_default(config->horizon_days, 45);
    own->adopt_wait_ms = (uint32_t)or_default(config->adopt_wait_ms, 120000);
    own->unclear_ms = (uint32_t)or_default(config->unclear_ms, 900000);
    own->repeat_ms = (uint32_t)or_default(config->repeat_ms, 5000);
    own->max_hops = (uint8_t)or_default(config->max_hops, 8);
    core->next_counter = core->counter_limit = core->released_limit = or_default(config->serial_counter, 1);
    core->next_lookup = 1ull << 63 | 1;
    core->recovering = 1;
}

struct core *
core_create(const struct core_config *config, const struct transaction_table *transactions)
{
    struct core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return NULL;
    timer_heap_init(&core->timers);
    init_lists(core);
    set_config(core, config);
    core->transactions = transactions;
    if (init_tables(core) != 0 || (core->self = new_party(core, config->node, false)) == NULL) {
        core_destroy(core);
        return NULL;
    }
    core->self->is_self = 1;
    core->self->status = PARTY_UP;
    return core;
}

static void
free_dead(struct core *core)
{
    struct list_link *at;
    while ((at = list_first(&core->dead_inputs)) != NULL) {
        struct input *input = list_owner(at, struct input, link);
        list_remove(at);
        slice_release(&input->event.body);
        slice_release(&input->event.found_answer);
        pool_give(&core->input_pool, input);
    }
    while ((at = list_first(&core->dead_exchanges)) != NULL) {
        list_remove(at);
        exchange_free(core, list_owner(at, struct exchange, working));
    }
    while ((at = list_first(&core->dead_queries)) != NULL) {
        list_remove(at);
        query_free(core, list_owner(at, struct query, waiting));
    }
}

static struct table_link *
any_link(const struct table *table)
{
    for (size_t i = 0; i < table->room; i++)
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    return NULL;
}

static void
free_lookups_and_parties(struct core *core)
{
    struct table_link *at;
    while ((at = any_link(&core->lookups)) != NULL) {
        table_remove(&core->lookups, at);
        free(list_owner(at, struct lookup, by_reference));
    }
    while ((at = any_link(&core->parties)) != NULL) {
        table_remove(&core->parties, at);
        free(list_owner(at, struct party, by_name));
    }
}

static void
empty_tables(struct core *core)
{
    struct table_link *at;
    while ((at = any_link(&core->exchanges)) != NULL)
        exchange_remove(core, list_owner(at, struct exchange, by_key));
    while ((at = any_link(&core->queries)) != NULL)
        query_forget(core, list_owner(at, struct query, by_key));
    while (!list_is_empty(&core->internal)) {
        struct list_link *link = list_first(&core->internal);
        list_remove(link);
        list_append(&core->dead_inputs, link);
    }
    free_dead(core);
    free_lookups_and_parties(core);
}

void
core_destroy(struct core *core)
{
    if (core == NULL)
        return;
    struct table *tables[] = {&core->parties, &core->exchanges, &core->queries, &core->persons,
                              &core->tickets, &core->calls,     &core->serials, &core->lookups};
    struct pool *pools[] = {&core->exchange_pool, &core->query_pool,  &core->ticket_pool, &core->ack_pool,
                            &core->input_pool,    &core->person_pool, &core->lookup_pool};
    empty_tables(core);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        table_finish(tables[i]);
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        pool_finish(pools[i]);
    commands_finish(core);
    timer_heap_finish(&core->timers);
    free(core);
}

void
core_set_routes(struct core *core, const struct route_table *routes)
{
    core->routes = routes;
}

int
core_add_peer(struct core *core, const char *name)
{
    return new_party(core, name, false) != NULL ? 0 : -1;
}

int
core_add_instance(struct core *core, const char *name)
{
    return new_party(core, name, true) != NULL ? 0 : -1;
}

static void
handle_request(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (event->header.transaction_class == CLASS_REVERSAL)
        caller_reversal_input(core, exchange, event);
    else if (event->header.transaction_class == CLASS_UPDATE)
        request_handle(core, exchange, event);
    else if (from != NULL)
        answer_inquiry(core, from, event->reference, event->epoch, &event->header, &exchange->record,
                       exchange->answer);
}

static void
handle_relayed(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (restored_takes_later(core, exchange, event))
        return; /* the sender repeats it */
    if (event->type == EVENT_UPDATE) {
        settle(core, exchange, from, event->reference, ACKED_UPDATE);
        update_copy(core, exchange, event);
    } else if (event->type == EVENT_REVERSAL) {
        settle(core, exchange, from, event->reference, ACKED_REVERSAL);
        reversal_handle(core, exchange, event);
    } else {
        settle(core, exchange, from, event->reference, ACKED_OUTCOME);
        outcome_handle(core, exchange, event);
    }
}

/* One input meets one exchange whose state is on disk. */
void
exchange_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    switch (event->type) {
    case EVENT_REQUEST:
        handle_request(core, exchange, event);
        break;
    case EVENT_UPDATE:
    case EVENT_REVERSAL:
    case EVENT_OUTCOME:
        handle_relayed(core, exchange, event);
        break;
    case EVENT_ACKED:
        acked_handle(core, exchange, event);
        break;
    case EVENT_DONE:
        if (!event->flag) /* our own word for a lost call: nobody waits for it to be taken */
            settle(core, exchange, exchange->target, event->reference, 0);
        done_handle(core, exchange, event);
        break;
    case EVENT_LATE:
        late_handle(core, exchange, event);
        break;
    case EVENT_RENDERED:
        rendered_handle(core, exchange, event->flag != 0);
        break;
    case EVENT_RESOLVED:
        resolved_handle(core, exchange, event);
        break;
    case EVENT_HELD:
        held_handle(core, exchange, event);
        break;
    case EVENT_TRACED:
        traced_handle(core, exchange, event);
        break;
    default:
        break;
    }
}

static void
take_message(struct core *core, const struct core_event *event)
{
    switch (event->type) {
    case EVENT_REQUEST:
        on_request(core, event);
        break;
    case EVENT_UPDATE:
        on_update(core, event);
        break;
    case EVENT_REVERSAL:
        on_reversal(core, event);
        break;
    case EVENT_OUTCOME:
        on_outcome(core, event);
        break;
    case EVENT_QUERY:
        on_query(core, event);
        break;
    case EVENT_ANSWER:
        on_answer(core, event);
        break;
    case EVENT_ACKED:
        on_acked(core, event);
        break;
    default:
        break;
    }
}

static void
take_event(struct core *core, const struct core_event *event)
{
    switch (event->type) {
    case EVENT_COMMITTED:
        on_committed(core, event->sequence);
        break;
    case EVENT_STORE_REFUSED:
        on_store_refused(core, event->sequence);
        break;
    case EVENT_STORE_CONFLICT:
        on_store_conflict(core, event);
        break;
    case EVENT_FOUND:
        on_found(core, event);
        break;
    case EVENT_RESOLVED:
        on_resolved(core, event);
        break;
    case EVENT_HELD:
        on_held(core, event);
        break;
    case EVENT_HEARD:
        on_heard(core, event);
        break;
    case EVENT_TRACED:
        on_traced(core, event);
        break;
    case EVENT_DONE:
    case EVENT_LATE:
        on_done(core, event);
        break;
    case EVENT_RENDERED:
        on_rendered(core, event);
        break;
    case EVENT_CALLER_GONE:
        on_caller_gone(core, event);
        break;
    case EVENT_HOST_UP:
        on_host_up(core, event);
        break;
    case EVENT_HOST_DOWN:
        on_host_down(core, event);
        break;
    case EVENT_PEER_UP:
        on_peer_up(core, event);
        break;
    case EVENT_PEER_DOWN:
        on_peer_down(core, event);
        break;
    case EVENT_RESTORED:
        on_restored(core, event);
        break;
    case EVENT_RECOVERED:
        on_recovered(core);
        break;
    case EVENT_HOLD:
        on_hold(core, event, true);
        break;
    case EVENT_REOPEN:
        on_hold(core, event, false);
        break;
    case EVENT_DISK:
        core->disk_full = event->flag == 0;
        break;
    case EVENT_TICK:
        on_tick(core);
        break;
    default:
        take_message(core, event);
        break;
    }
}

/* Everything for which something may have become due. What memory does not reach for now is looked at in the
 * next step, which core_next_due asks for at once. */
static void
work(struct core *core)
{
    struct list_link *at;
    while (core_reserve(core) == 0) {
        if ((at = list_first(&core->internal)) != NULL) {
            struct input *input = list_owner(at, struct input, link);
            list_remove(at);
            take_message(core, &input->event);
            list_append(&core->dead_inputs, at);
        } else if ((at = list_first(&core->working)) != NULL) {
            list_remove(at);
            exchange_run(core, list_owner(at, struct exchange, working));
        } else {
            return;
        }
    }
}

/* May be lost without harm, because the sender repeats it. */
static bool
is_repeated(enum event_type type)
{
    return type <= EVENT_ACKED || type == EVENT_TICK;
}

size_t
core_step(struct core *core, const struct core_event *event, const struct core_command **commands)
{
    core->now_ms = event->now_ms;
    core->wall_ms = event->wall_ms;
    free_dead(core);
    commands_begin(core);
    if (!is_repeated(event->type))
        core_must_reserve(core);
    if (core_reserve(core) == 0) {
        take_event(core, event);
        if (!core->recovering)
            work(core);
    }
    *commands = core->commands;
    return core->command_count;
}

int64_t
core_next_due(const struct core *core)
{
    const struct timer_node *first = timer_heap_first(&core->timers);
    if (!core->recovering && (!list_is_empty(&core->working) || !list_is_empty(&core->internal)))
        return core->now_ms;
    return first != NULL ? first->due_ms : NEVER;
}
