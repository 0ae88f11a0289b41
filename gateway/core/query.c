/* Queries change nothing: they are forwarded in memory under a deadline, never stored, and fail at once with
 * a clear error. Must never be repeated by the gateway: an e-voucher token is good for one use (rule 25). */
#include "internal.h"

#include <stdio.h>

#include "error_codes.h"

static struct query *
find_query(const struct core *core, const struct message_key *key, enum exchange_role role)
{
    struct table_link *at = table_find(&core->queries, message_key_hash(key));
    for (; at != NULL; at = table_find_next(at)) {
        struct query *query = list_owner(at, struct query, by_key);
        if (query->role == role && message_key_equal(&query->header.key, key))
            return query;
    }
    return NULL;
}

static struct query *
create_query(struct core *core, const struct core_event *event, enum exchange_role role,
             struct party *previous, struct party *target)
{
    struct query *query = pool_take(&core->query_pool);
    if (query == NULL)
        return NULL;
    query->timed.query = query;
    query->call.query = query;
    if (timer_heap_set(&core->timers, &query->timed.node, NEVER) != 0) {
        pool_give(&core->query_pool, query);
        return NULL;
    }
    query->header = event->header;
    query->index = event->index;
    query->travel = event->travel;
    query->body = slice_share(event->body);
    query->role = (uint8_t)role;
    query->previous = previous;
    query->target = target;
    list_append(&previous->queries_from, &query->from);
    list_append(&target->queries_toward, &query->toward);
    table_add(&core->queries, &query->by_key, message_key_hash(&query->header.key));
    return query;
}

static void
set_deadline(struct core *core, struct query *query, int64_t time_ms)
{
    query->deadline_ms = core->now_ms + time_ms;
    (void)timer_heap_set(&core->timers, &query->timed.node, query->deadline_ms);
}

static void
end_call(struct core *core, struct query *query)
{
    if (!query->call.open)
        return;
    call_finish(core, &query->call);
    query->target->query_calls--;
    credit_pump(core, query->target);
}

static void
finish_query(struct core *core, struct query *query)
{
    if (query->ticket != NULL)
        ticket_drop(core, query->ticket);
    list_remove(&query->waiting);
    list_remove(&query->toward);
    list_remove(&query->from);
    table_remove(&core->queries, &query->by_key);
    timer_heap_clear(&core->timers, &query->timed.node);
    list_append(&core->dead_queries, &query->waiting);
    end_call(core, query);
}

void
query_free(struct core *core, struct query *query)
{
    slice_release(&query->body);
    slice_release(&query->answer);
    pool_give(&core->query_pool, query);
}

/* Hands the answer, or why there is none, to whoever asked. */
static void
send_answer(struct core *core, struct party *to, const struct message_header *header,
            const struct core_outcome *outcome, struct slice body, const struct fep_index *index)
{
    if (to->is_self) {
        struct core_event event = {
            .type = EVENT_ANSWER, .from = to->name, .header = *header, .outcome = *outcome, .body = body};
        if (index != NULL)
            event.index = *index;
        post_internal(core, &event);
        return;
    }
    struct core_command *command = emit(core, CMD_SEND_ANSWER);
    command->to = to->name;
    command->header = *header;
    command->outcome = *outcome;
    command->body = body;
    if (index != NULL)
        command->index = *index;
}

static void
deliver(struct core *core, struct query *query, const struct core_outcome *outcome, struct slice body,
        const struct fep_index *index)
{
    struct ticket *ticket = query->ticket;
    query->answer = slice_share(body);
    if (query->role != ROLE_ORIGIN)
        send_answer(core, query->previous, &query->header, outcome, query->answer, index);
    else if (ticket != NULL)
        tell(core, ticket->party, ticket->reference, ticket->epoch, &query->header, outcome, query->answer,
             index);
    finish_query(core, query);
}

/* Nothing was changed, so every failure is a refusal; it may be repeated unless its input is good for one
 * use. */
static struct core_outcome
failure(const struct core *core, const struct message_header *header, enum fep_reason reason, uint16_t code,
        bool repeatable)
{
    bool once = (transaction_traits(core, header->infno) & TRAIT_ONE_USE) != 0 && !MUTATED(TOKEN_REPEATABLE);
    return (struct core_outcome){.kind = FEP_REFUSED,
                                 .refusal_class = repeatable && !once ? FEP_REPEATABLE : FEP_FINAL,
                                 .reason = (uint8_t)reason,
                                 .code = code};
}

static void
fail(struct core *core, struct query *query, enum fep_reason reason, uint16_t code)
{
    struct core_outcome outcome = failure(core, &query->header, reason, code, true);
    deliver(core, query, &outcome, SLICE_NONE, NULL);
}

static uint32_t
left_ms(const struct core *core, const struct query *query)
{
    int64_t left = query->deadline_ms - core->now_ms;
    return left > 0 ? (uint32_t)left : 0;
}

static void
submit_query(struct core *core, struct query *query)
{
    uint32_t limit = call_time_ms(core, query->header.infno), left = left_ms(core, query);
    list_remove(&query->waiting);
    query->call.id = call_next_id(core);
    query->call.operation = CORE_OP_QUERY;
    query->call.open = 1;
    query->target->query_calls++;
    table_add(&core->calls, &query->call.by_id, query->call.id);
    struct core_command *command = emit(core, CMD_SUBMIT);
    command->to = query->target->name;
    command->reference = query->call.id;
    command->operation = CORE_OP_QUERY;
    command->header = query->header;
    command->travel = query->travel;
    command->travel.time_left_ms = limit < left ? limit : left;
    command->index = query->index;
    command->body = query->body;
}

static void
start(struct core *core, struct query *query)
{
    struct party *target = query->target;
    if (target->is_instance) {
        list_append(&target->queries_waiting, &query->waiting);
        query_pump(core, target);
        return;
    }
    query->travel.time_left_ms = left_ms(core, query);
    if (target->is_self) {
        struct core_event event = {.type = EVENT_QUERY,
                                   .from = target->name,
                                   .header = query->header,
                                   .travel = query->travel,
                                   .index = query->index,
                                   .body = query->body};
        post_internal(core, &event);
        return;
    }
    struct core_command *command = emit(core, CMD_SEND_QUERY);
    command->to = target->name;
    command->header = query->header;
    command->travel = query->travel;
    command->index = query->index;
    command->body = query->body;
}

void
query_pump(struct core *core, struct party *party)
{
    struct list_link *at;
    while (party_usable(party) && credit_left(core, party) &&
           (at = list_first(&party->queries_waiting)) != NULL) {
        if (core_reserve(core) != 0)
            return; /* they wait for the next one that ends, or their deadline */
        submit_query(core, list_owner(at, struct query, waiting));
    }
}

static bool
admit(struct core *core, const struct core_event *event, const struct party *from, enum exchange_role role,
      struct admission *admission)
{
    if (core->queries.count >= core->config.max_queries) {
        admission->refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_BOUND, FEP_E_TOO_MANY_QUERIES, NULL};
        return false;
    }
    if (!choose_target(core, &event->header, &event->index, from, role, admission))
        return false;
    if (admission->now)
        return true;
    admission->refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_LINK_DOWN, FEP_E_ALL_ROUTES_DOWN, NULL};
    return false;
}

static struct core_outcome
refusal_outcome(const struct core *core, const struct message_header *header, const struct refusal *refusal)
{
    struct core_outcome outcome =
        failure(core, header, refusal->reason, refusal->code, refusal->refusal_class == FEP_REPEATABLE);
    if (refusal->text != NULL)
        snprintf(outcome.text, sizeof outcome.text, "%s", refusal->text);
    return outcome;
}

/* A host offers a request again while it is not sure that it arrived. */
static bool
is_offered_again(const struct query *pending, const struct core_event *event, const struct party *from)
{
    const struct ticket *ticket = pending->ticket;
    return ticket != NULL && ticket->party == from && ticket->reference == event->reference &&
           ticket->epoch == event->epoch;
}

void
on_query_request(struct core *core, const struct core_event *event, struct party *from)
{
    struct admission admission = {0};
    struct query *pending = find_query(core, &event->header.key, ROLE_ORIGIN);
    struct query *query = NULL;
    if (pending != NULL && is_offered_again(pending, event, from))
        return;
    if (pending != NULL) /* asked again: the first asker has given up */
        fail(core, pending, FEP_REASON_CANCELLED, FEP_E_CALLER_GONE);
    if (admit(core, event, from, ROLE_ORIGIN, &admission))
        query = create_query(core, event, ROLE_ORIGIN, from, admission.target);
    if (query == NULL) {
        if (admission.refusal.code == 0)
            admission.refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_BOUND, FEP_E_NO_MEMORY, NULL};
        struct core_outcome outcome = refusal_outcome(core, &event->header, &admission.refusal);
        tell(core, from, event->reference, event->epoch, &event->header, &outcome, SLICE_NONE, NULL);
        return;
    }
    query->ticket = ticket_attach(core, NULL, query, from, event);
    query->travel = (struct travel){.attempt = 1, .hops_left = core->config.max_hops};
    set_deadline(core, query, (int64_t)call_time_ms(core, query->header.infno) + ORIGIN_EXTRA_MS);
    start(core, query);
}

static bool
check_travel(const struct core *core, const struct core_event *event, const struct party *from,
             struct refusal *refusal)
{
    if (!from->is_self && strcmp(event->header.key.origin, core->config.node) == 0)
        *refusal = (struct refusal){FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_ROUTING_LOOP, NULL};
    else if (event->travel.hops_left == 0)
        *refusal = (struct refusal){FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_TOO_MANY_HOPS, NULL};
    else if (core->config.max_body_bytes != 0 && event->body.size > core->config.max_body_bytes)
        *refusal = (struct refusal){FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_OVERSIZE, NULL};
    return refusal->code == 0;
}

void
on_query(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    struct admission admission = {0};
    enum exchange_role role = ROLE_TRANSIT;
    if (from == NULL || from->is_instance)
        return;
    if (!from->is_self)
        settle_now(core, from, &event->header.key, event->reference, ACKED_UPDATE);
    if (find_query(core, &event->header.key, ROLE_DESTINATION) != NULL ||
        find_query(core, &event->header.key, ROLE_TRANSIT) != NULL)
        return; /* a copy of one that is under way */
    if (check_travel(core, event, from, &admission.refusal) && admit(core, event, from, 0, &admission) &&
        admission.target->is_instance)
        role = ROLE_DESTINATION;
    if (role == ROLE_DESTINATION &&
        event->travel.time_left_ms < call_time_ms(core, event->header.infno) + DESTINATION_EXTRA_MS)
        admission.refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_DEADLINE, FEP_E_TIME_LEFT, NULL};
    if (admission.refusal.code != 0) {
        struct core_outcome outcome = refusal_outcome(core, &event->header, &admission.refusal);
        send_answer(core, from, &event->header, &outcome, SLICE_NONE, NULL);
        return;
    }
    struct query *query = create_query(core, event, role, from, admission.target);
    if (query == NULL)
        return; /* the origin's deadline tells */
    query->travel.hops_left = event->travel.hops_left - 1;
    set_deadline(core, query, event->travel.time_left_ms);
    start(core, query);
}

void
on_answer(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (from == NULL || from->is_instance)
        return;
    if (!from->is_self)
        settle_now(core, from, &event->header.key, event->reference, ACKED_OUTCOME);
    bool ours = strcmp(event->header.key.origin, core->config.node) == 0;
    struct query *query = find_query(core, &event->header.key, ours ? ROLE_ORIGIN : ROLE_TRANSIT);
    if (query != NULL && query->target == from)
        deliver(core, query, &event->outcome, event->body, &event->index);
}

void
query_done(struct core *core, struct query *query, const struct core_event *event)
{
    struct core_outcome outcome = event->outcome;
    settle_now(core, query->target, &query->header.key, event->reference, 0);
    end_call(core, query);
    if (outcome.kind != FEP_ANSWERED && outcome.kind != FEP_REFUSED) {
        struct core_outcome failed = failure(core, &query->header, outcome.reason, outcome.code, true);
        memcpy(failed.text, outcome.text, sizeof failed.text);
        outcome = failed;
    }
    deliver(core, query, &outcome, event->body, &event->index);
}

void
query_expired(struct core *core, struct query *query)
{
    if (query->call.open) {
        struct core_command *command = emit(core, CMD_CANCEL);
        command->to = query->target->name;
        command->reference = query->call.id;
    }
    fail(core, query, FEP_REASON_DEADLINE, FEP_E_QUERY_TIMEOUT);
}

void
query_forget(struct core *core, struct query *query)
{
    finish_query(core, query);
}

void
queries_lost(struct core *core, struct party *party, enum fep_reason reason, uint16_t code)
{
    struct list_link *at;
    while ((at = list_first(&party->queries_toward)) != NULL) {
        core_must_reserve(core);
        fail(core, list_owner(at, struct query, toward), reason, code);
    }
    while ((at = list_first(&party->queries_from)) != NULL)
        finish_query(core, list_owner(at, struct query, from));
}
