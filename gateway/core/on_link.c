/* Peers and adapter hosts come and go; operators hold and reopen. Must never count what an older epoch says,
 * and never offer to a new epoch what an older one was asked (rule 20). */
#include "internal.h"

#include "error_codes.h"

static uint64_t
hash_name(const char *name)
{
    uint64_t hash = 14695981039346656037ull;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211ull;
    return hash ^ hash >> 32;
}

struct party *
party_find(const struct core *core, const char *name)
{
    if (name == NULL)
        return NULL;
    for (struct table_link *at = table_find(&core->parties, hash_name(name)); at != NULL;
         at = table_find_next(at))
        if (strcmp(list_owner(at, struct party, by_name)->name, name) == 0)
            return list_owner(at, struct party, by_name);
    return NULL;
}

void
party_add(struct core *core, struct party *party)
{
    list_init(&party->toward);
    list_init(&party->from);
    list_init(&party->waiting);
    list_init(&party->cures_waiting);
    list_init(&party->queries_toward);
    list_init(&party->queries_from);
    list_init(&party->queries_waiting);
    table_add(&core->parties, &party->by_name, hash_name(party->name));
}

static struct exchange *
toward_of(struct list_link *link)
{
    return list_owner(link, struct exchange, toward);
}

static struct exchange *
from_of(struct list_link *link)
{
    return list_owner(link, struct exchange, from);
}

static void
work_on_all(struct core *core, struct party *party, bool offer_again)
{
    for (struct list_link *at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at)) {
        if (offer_again && !toward_of(at)->record.reversal_relayed)
            toward_of(at)->repeat_ms = 0;
        exchange_work(core, toward_of(at));
    }
    for (struct list_link *at = list_first(&party->from); at != NULL; at = list_after(&party->from, at)) {
        if (offer_again)
            from_of(at)->repeat_ms = 0;
        exchange_work(core, from_of(at));
    }
}

/* What the lost store said and is not taken yet: the restored one does not know that it was said. */
static void
drop_untaken(struct core *core, struct exchange *exchange, const struct party *party)
{
    struct list_link *at = list_first(&exchange->inbox);
    while (at != NULL) {
        struct input *input = list_owner(at, struct input, link);
        at = list_after(&exchange->inbox, at);
        if (input->event.from != party->name)
            continue;
        list_remove(&input->link);
        list_append(&core->dead_inputs, &input->link);
    }
    if (exchange->held != NULL && exchange->target == party)
        drop_held(core, exchange);
    exchange->overtaken = exchange_is_mute(exchange);
}

/* It was put back from a backup: what it was offered before may have been done, and its copy would not be
 * known as one. Never offered again; reversals it has forgotten are. */
static void
peer_was_restored(struct core *core, struct party *party)
{
    struct list_link *at;
    for (at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at)) {
        struct exchange *exchange = toward_of(at);
        if (exchange->offered)
            exchange->restored = 1;
        exchange->record.reversal_relayed = 0;
        drop_untaken(core, exchange, party);
    }
    for (at = list_first(&party->from); at != NULL; at = list_after(&party->from, at))
        drop_untaken(core, from_of(at), party);
}

bool
core_may_tell_held(const struct core *core, const char *peer)
{
    const struct party *party = party_find(core, peer);
    if (party == NULL)
        return true;
    for (struct list_link *at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at))
        if (toward_of(at)->overtaken && exchange_is_mute(toward_of(at)))
            return false;
    for (struct list_link *at = list_first(&party->from); at != NULL; at = list_after(&party->from, at))
        if (from_of(at)->overtaken && exchange_is_mute(from_of(at)))
            return false;
    return true;
}

void
on_peer_up(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    if (party == NULL || party->is_instance)
        return;
    party->status = PARTY_UP;
    if (event->flag)
        peer_was_restored(core, party);
    work_on_all(core, party, true);
}

void
on_peer_down(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    if (party == NULL || party->is_instance)
        return;
    party->status = PARTY_DOWN;
    work_on_all(core, party, false);
    queries_lost(core, party, FEP_REASON_LINK_DOWN, FEP_E_LINK_DOWN);
}

static bool
holds(const struct core_event *event, uint64_t id)
{
    for (size_t i = 0; i < event->open_call_count; i++)
        if (event->open_calls[i] == id)
            return true;
    return false;
}

/* After a restart of this gateway: does the host still hold the call, or its answer? Then it goes on; if not,
 * what was asked is unknown (rule 5). */
static void
resolve_restored(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    bool undoing = record->state == STATE_REVERSING;
    exchange->waiting_host = 0;
    if (undoing && record->cure == CURE_CANCEL) {
        if (holds(event, record->cancel.serial))
            call_adopt(core, &exchange->cure, record->cancel.serial, CORE_OP_UNDO);
        else
            cure_host_lost(core, exchange);
    } else if (holds(event, record->local.serial)) {
        call_adopt(core, &exchange->submit, record->local.serial, CORE_OP_SUBMIT);
    } else if (undoing) {
        record->cure = record->cure == CURE_WAIT ? CURE_REVERSE : record->cure;
        cure_host_lost(core, exchange);
    } else if (record->state == STATE_DISPATCHED) {
        become_unknown(core, exchange, FEP_REASON_HOST_LOST, FEP_E_HOST_LOST, NULL);
    }
}

static void
check_call(struct core *core, struct exchange *exchange, struct call *call, const struct core_event *event,
           bool same_epoch)
{
    if (!call->open)
        return;
    if (MUTATED(EPOCH_IGNORED) && !same_epoch && event->type == EVENT_HOST_UP)
        call_offer_again(core, exchange, call);
    else if (MUTATED(EPOCH_IGNORED) && !same_epoch)
        return;
    else if (!same_epoch || call->lost)
        call_lost(core, exchange, call);
    else if (!holds(event, call->id))
        call_offer_again(core, exchange, call);
}

static void
check_calls(struct core *core, struct party *party, const struct core_event *event, bool same_epoch)
{
    struct list_link *at = list_first(&party->toward);
    while (at != NULL) {
        struct exchange *exchange = toward_of(at);
        at = list_after(&party->toward, at);
        core_must_reserve(core);
        if (exchange->waiting_host)
            resolve_restored(core, exchange, event);
        check_call(core, exchange, &exchange->submit, event, same_epoch);
        check_call(core, exchange, &exchange->cure, event, same_epoch);
        exchange_work(core, exchange);
    }
}

/* Tickets of an older epoch: there is nobody any more to tell. */
static void
drop_old_tickets(struct core *core, struct party *party)
{
    for (struct list_link *at = list_first(&party->from); at != NULL; at = list_after(&party->from, at)) {
        struct list_link *inner = list_first(&from_of(at)->tickets);
        while (inner != NULL) {
            struct ticket *ticket = list_owner(inner, struct ticket, link);
            inner = list_after(&from_of(at)->tickets, inner);
            if (ticket->party == party && ticket->epoch != party->epoch)
                ticket_drop(core, ticket);
        }
        exchange_work(core, from_of(at));
    }
}

void
on_host_up(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    if (party == NULL || !party->is_instance || event->epoch < party->epoch)
        return;
    bool same_epoch = party->epoch == event->epoch || party->epoch == 0;
    party->status = PARTY_UP;
    party->epoch = event->epoch;
    party->abilities = event->abilities;
    party->window = event->window;
    check_calls(core, party, event, same_epoch);
    if (!same_epoch)
        queries_lost(core, party, FEP_REASON_HOST_LOST, FEP_E_HOST_LOST);
    drop_old_tickets(core, party);
    query_pump(core, party);
    pace_line_back(core, party);
}

void
on_host_down(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    struct core_event nothing_held = {.type = EVENT_HOST_DOWN};
    if (party == NULL || !party->is_instance || (event->epoch != 0 && event->epoch < party->epoch))
        return;
    party->status = PARTY_DOWN;
    struct list_link *at = list_first(&party->toward);
    while (at != NULL) {
        struct exchange *exchange = toward_of(at);
        at = list_after(&party->toward, at);
        core_must_reserve(core);
        check_call(core, exchange, &exchange->submit, &nothing_held, false);
        check_call(core, exchange, &exchange->cure, &nothing_held, false);
        exchange_work(core, exchange);
    }
    for (at = list_first(&party->from); at != NULL; at = list_after(&party->from, at))
        exchange_work(core, from_of(at));
    queries_lost(core, party, FEP_REASON_HOST_LOST, FEP_E_HOST_LOST);
}

/* A held target takes nothing new; what was accepted waits or ends by its deadline, outcomes and reversals
 * pass. */
void
on_hold(struct core *core, const struct core_event *event, bool held)
{
    struct party *party = party_find(core, event->from);
    if (party == NULL)
        return;
    party->held = held;
    work_on_all(core, party, false);
    if (!held)
        query_pump(core, party);
}
