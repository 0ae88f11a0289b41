/* A local caller asks: a new update, a copy of one, an inquiry, a reversal, a query. Must never start
 * anything before it is committed, and never start a second run of an update whose first one may have taken
 * effect. */
#include "internal.h"

#include <stdio.h>

#include "clock.h"
#include "error_codes.h"

static void
refuse_request(struct core *core, struct party *from, const struct core_event *event, enum fep_kind kind,
               enum fep_refusal_class refusal_class, enum fep_reason reason, uint16_t code)
{
    tell_refused(core, from, event->reference, event->epoch, &event->header, kind, refusal_class, reason,
                 code, NULL);
}

/* Whether and where this attempt may go. Rules 2, 8, 15, 18. */
static bool
admit(struct core *core, struct exchange *exchange, struct admission *admission)
{
    struct exchange_record *record = &exchange->record;
    struct refusal *refusal = &admission->refusal;
    if (transaction_find(core->transactions, record->header.infno) == NULL)
        *refusal = (struct refusal){FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_UNKNOWN_TRANSACTION, NULL};
    else if (!choose_target(core, &record->header, &record->index, exchange->previous, ROLE_ORIGIN,
                            admission))
        return false;
    else if (!has_room(core) || core->disk_full)
        *refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_BOUND,
                                    core->disk_full ? FEP_E_DISK_FULL : FEP_E_BOUND, NULL};
    else if (order_clarifying(core, record->index.order_key, ROLE_ORIGIN))
        *refusal = (struct refusal){FEP_REPEATABLE, FEP_REASON_CLARIFYING, FEP_E_CLARIFYING, NULL};
    else
        return true;
    return false;
}

/* The next attempt of this update, the first included. The mark rides in the same commit when the message may
 * leave at once. */
static void
begin_attempt(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    struct admission admission = {0};

    record->attempt += !MUTATED(ATTEMPT_NOT_COUNTED) || record->attempt == 0;
    record->kind = record->reason = record->refusal_class = record->effect = 0;
    record->code = 0;
    record->text[0] = '\0';
    record->hops_left = core->config.max_hops;
    exchange->deadline_ms = core->now_ms + call_time_ms(core, record->header.infno) + ORIGIN_EXTRA_MS;
    exchange->arrived_deadline_ms = exchange->deadline_ms;
    exchange->told_open = exchange->offered = exchange->restored = 0;
    if (!admit(core, exchange, &admission)) {
        const struct refusal *refusal = &admission.refusal;
        exchange_set_target(core, exchange, NULL);
        exchange_refuse(core, exchange, refusal->refusal_class, refusal->reason, refusal->code,
                        refusal->text);
        return;
    }
    bool goes = admission.now && order_free(core, record->index.order_key, ROLE_ORIGIN) &&
                credit_left(core, admission.target);
    exchange_set_target(core, exchange, admission.target);
    exchange_move(core, exchange, goes ? STATE_SENT : STATE_QUEUED);
    exchange_store(core, exchange);
}

static void
attach_caller(struct core *core, struct exchange *exchange, struct party *from,
              const struct core_event *event, bool copy)
{
    enum {
        AFTER_DEADLINE_MS = 1000
    }; /* by then the exchange itself has told them, unless its store is stuck */
    struct ticket *ticket = ticket_attach(core, exchange, NULL, from, event);
    exchange->caller_inquires = event->caller_inquires;
    if (ticket == NULL)
        return;
    ticket->copy = copy;
    if (exchange->deadline_ms != NEVER)
        ticket->deadline_ms = exchange->deadline_ms + AFTER_DEADLINE_MS;
}

static void
request_update(struct core *core, const struct core_event *event, struct party *from)
{
    struct exchange *exchange;
    /* Its key may have been dropped, so a repeat would run anew; the caller's own serial says how old it is.
     */
    if (is_over_horizon(core, msgid_day(event->header.key.msgid))) {
        refuse_request(core, from, event, FEP_REFUSED, FEP_FINAL, FEP_REASON_BUSINESS, FEP_E_OVER_HORIZON);
        return;
    }
    if (core->resolving_peers != 0) { /* a peer may hold it from before: nothing is known, nothing begun */
        refuse_request(core, from, event, FEP_UNKNOWN, FEP_REPEATABLE, FEP_REASON_CLARIFYING,
                       FEP_E_RESOLVING);
        return;
    }
    if (!has_reserved_room(core) || (exchange = exchange_create(core, &event->header, ROLE_ORIGIN)) == NULL) {
        refuse_request(core, from, event, FEP_NOT_SENT, FEP_REPEATABLE, FEP_REASON_BOUND, FEP_E_BOUND);
        return;
    }
    if (exchange->record.header.day == 0)
        exchange->record.header.day = clock_date(core->wall_ms);
    exchange->record.index = event->index;
    exchange->body = slice_share(event->body);
    core->open_bytes += exchange->body.size;
    exchange_attach(core, exchange, from, NULL);
    if (message_digest(&exchange->record.header, &exchange->body, exchange->record.digest) != 0) {
        refuse_request(core, from, event, FEP_NOT_SENT, FEP_REPEATABLE, FEP_REASON_BOUND, FEP_E_INTERNAL);
        exchange_remove(core, exchange);
        return;
    }
    exchange->founding = FOUNDED_BY_REQUEST;
    exchange->fresh = event->flag;
    begin_attempt(core, exchange);
    attach_caller(core, exchange, from, event, false);
}

/* Rule 1. The day is the origin's accepting day, so a copy that comes after midnight is compared under the
 * first one's day. A tombstone has no content to compare with. */
static bool
same_content(const struct exchange *exchange, const struct message_header *header, const struct slice *body)
{
    struct message_header as_first = *header;
    uint8_t digest[DIGEST_SIZE];
    if (!has_digest(&exchange->record) || MUTATED(OTHER_CONTENT_TAKEN))
        return true;
    as_first.day = exchange->record.header.day;
    as_first.transaction_class = CLASS_UPDATE;
    return message_digest(&as_first, body, digest) == 0 &&
           memcmp(digest, exchange->record.digest, DIGEST_SIZE) == 0;
}

/* Rule 2: when the origin, and nobody else, begins the next attempt. */
static bool
may_try_again(const struct exchange *exchange, bool fresh)
{
    const struct exchange_record *record = &exchange->record;
    return (fresh || MUTATED(REFUSAL_RUNS_AGAIN)) && record->state == STATE_REFUSED &&
           record->refusal_class == FEP_REPEATABLE &&
           (record->reversal_cause == REVERSAL_NONE || MUTATED(NEXT_AFTER_REVERSAL));
}

/* A copy under a key that this gateway knows; the callers' tickets hang on the exchange already. */
void
request_copy(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    if (!same_content(exchange, &event->header, &event->body)) {
        struct list_link *at;
        alarm_about(core, FEP_E_OTHER_CONTENT, &exchange->record, NULL, exchange->previous);
        while ((at = list_first(&exchange->tickets)) != NULL) {
            struct ticket *ticket = list_owner(at, struct ticket, link);
            tell_refused(core, ticket->party, ticket->reference, ticket->epoch, &event->header, FEP_REFUSED,
                         FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_OTHER_CONTENT, NULL);
            ticket_drop(core, ticket);
        }
    } else if (may_try_again(exchange, event->flag)) {
        if (exchange->body.size == 0) {
            exchange->body = slice_share(event->body);
            core->open_bytes += exchange->body.size;
        }
        begin_attempt(core, exchange);
    } else if (MUTATED(ANSWERED_UNDONE) && exchange->record.state == STATE_ANSWERED) {
        start_reversal(core, exchange, REVERSAL_DEADLINE);
    }
}

/* A request that meets an exchange in memory. */
void
request_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    if (!same_content(exchange, &event->header, &event->body)) {
        alarm_about(core, FEP_E_OTHER_CONTENT, &exchange->record, NULL, from);
        refuse_request(core, from, event, FEP_REFUSED, FEP_FINAL, FEP_REASON_PROTOCOL, FEP_E_OTHER_CONTENT);
        return;
    }
    bool again = may_try_again(exchange, event->flag);
    if (again)
        request_copy(core, exchange, event);
    attach_caller(core, exchange, from, event, !again && exchange_state_is_ending(exchange->record.state));
    if (exchange->told_open && !again)
        tell_all_open(core, exchange, false);
}

/* NULL: too many reads of the store are under way. */
struct lookup *
lookup_add(struct core *core)
{
    struct lookup *lookup = core->lookups.count < LOOKUPS ? pool_take(&core->lookup_pool) : NULL;
    if (lookup == NULL)
        return NULL;
    lookup->reference = core->next_lookup++;
    table_add(&core->lookups, &lookup->by_reference, lookup->reference);
    return lookup;
}

static void
request_inquiry(struct core *core, const struct core_event *event, struct party *from)
{
    struct message_key key = event->header.key;
    memcpy(key.msgid, event->header.original_msgid, sizeof key.msgid);
    struct exchange *exchange = exchange_find(core, &key, ROLE_ORIGIN);
    if (exchange != NULL) {
        exchange_input(core, exchange, event);
        return;
    }
    if (core->resolving_peers != 0) {
        refuse_request(core, from, event, FEP_REFUSED, FEP_REPEATABLE, FEP_REASON_CLARIFYING,
                       FEP_E_RESOLVING);
        return;
    }
    struct lookup *lookup = lookup_add(core);
    if (lookup == NULL) {
        refuse_request(core, from, event, FEP_REFUSED, FEP_REPEATABLE, FEP_REASON_BOUND,
                       FEP_E_TOO_MANY_QUERIES);
        return;
    }
    lookup->ticket = event->reference;
    lookup->party = from;
    lookup->epoch = event->epoch;
    lookup->header = event->header;
    struct core_command *command = emit(core, CMD_STORE_FIND);
    command->reference = lookup->reference;
    command->header.key = key;
    command->number = ROLE_ORIGIN;
}

void
on_found(struct core *core, const struct core_event *event)
{
    struct table_link *at = table_find(&core->lookups, event->reference);
    if (at == NULL)
        return;
    struct lookup *lookup = list_owner(at, struct lookup, by_reference);
    hold_slice(core, event->found_answer);
    if (lookup->for_cure)
        cure_other_found(core, &lookup->header.key, event);
    else
        answer_inquiry(core, lookup->party, lookup->ticket, lookup->epoch, &lookup->header, event->found,
                       event->found_answer);
    table_remove(&core->lookups, &lookup->by_reference);
    pool_give(&core->lookup_pool, lookup);
}

static enum transaction_class
class_of(const struct core *core, const struct message_header *header)
{
    const struct transaction *transaction = transaction_find(core->transactions, header->infno);
    if (header->transaction_class == CLASS_INQUIRY)
        return CLASS_INQUIRY; /* about one of our own, under whatever number the local system asks */
    return transaction != NULL ? transaction->transaction_class : header->transaction_class;
}

void
on_request(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    struct core_event own = *event;
    struct exchange *exchange;

    if (from == NULL || !from->is_instance)
        return;
    memcpy(own.header.key.origin, core->config.node, sizeof own.header.key.origin);
    own.header.transaction_class = (uint8_t)class_of(core, &event->header);
    if (!msgid_is_valid(own.header.key.msgid)) {
        refuse_request(core, from, &own, FEP_REFUSED, FEP_FINAL, FEP_REASON_MALFORMED, FEP_E_BAD_MSGID);
        return;
    }
    switch (own.header.transaction_class) {
    case CLASS_QUERY:
        on_query_request(core, &own, from);
        return;
    case CLASS_UPDATE:
        exchange = exchange_find(core, &own.header.key, ROLE_ORIGIN);
        if (exchange != NULL)
            exchange_input(core, exchange, &own);
        else
            request_update(core, &own, from);
        return;
    case CLASS_REVERSAL:
    case CLASS_INQUIRY:
        if (!msgid_is_valid(own.header.original_msgid))
            refuse_request(core, from, &own, FEP_REFUSED, FEP_FINAL, FEP_REASON_MALFORMED,
                           FEP_E_MISSING_FIELD);
        else if (own.header.transaction_class == CLASS_REVERSAL)
            caller_reversal(core, &own, from);
        else if (MUTATED(INQUIRY_FORWARDED))
            on_query_request(core, &own, from);
        else
            request_inquiry(core, &own, from);
        return;
    default:
        refuse_request(core, from, &own, FEP_REFUSED, FEP_FINAL, FEP_REASON_PROTOCOL,
                       FEP_E_UNKNOWN_TRANSACTION);
        return;
    }
}

/* Rule 16: the adapter tries the held answer on its own wire format, for one of those who wait. One who is
 * gone does not decide; when nobody is left there is nobody to fail to tell. */
void
render_held(struct core *core, struct exchange *exchange)
{
    const struct core_event *event = &exchange->held->event;
    struct ticket *ticket = tell_first(exchange);
    if (exchange->render_ticket != NULL &&
        can_be_told(exchange->render_ticket->party, exchange->render_ticket->epoch))
        return;
    if (ticket == NULL) {
        rendered_handle(core, exchange, true);
        return;
    }
    exchange->render_ticket = ticket;
    struct core_command *command = emit(core, CMD_RENDER);
    command->to = ticket->party->name;
    command->reference = ticket->reference;
    command->header = exchange->record.header;
    command->index = event->index;
    command->outcome = event->outcome;
    command->body = event->body;
}

void
rendered_handle(struct core *core, struct exchange *exchange, bool ok)
{
    struct input *held = exchange->held;
    if (held == NULL)
        return;
    if (!ok && !MUTATED(UNRENDERED_TOLD)) {
        alarm_about(core, FEP_E_INCONSISTENT, &exchange->record, NULL, exchange->previous);
        start_reversal(core, exchange, REVERSAL_INCONSISTENT);
        return;
    }
    exchange->held = NULL;
    list_append(&core->dead_inputs, &held->link);
    exchange_keep_answer(core, exchange, &held->event);
    exchange_end(core, exchange, STATE_ANSWERED, &held->event.outcome);
}

void
on_rendered(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    struct ticket *ticket = from != NULL ? ticket_find(core, from, event->reference) : NULL;
    if (ticket != NULL && ticket->exchange != NULL && ticket->exchange->held != NULL &&
        ticket->exchange->render_ticket == ticket)
        exchange_input(core, ticket->exchange, event);
}

void
on_caller_gone(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from);
    struct ticket *ticket = from != NULL ? ticket_find(core, from, event->reference) : NULL;
    if (ticket == NULL)
        return;
    struct exchange *exchange = ticket->exchange;
    struct query *query = ticket->query;
    ticket_drop(core, ticket);
    if (exchange != NULL)
        exchange_work(core, exchange);
    else if (query != NULL)
        query_forget(core, query);
}
