/* Local callers: tickets of those who wait, and what they are told. Must never tell what is not committed;
 * "open" alone may be said at any time, because it promises nothing. A caller whose host is gone is not told:
 * its repeat or inquiry is served from the store. */
#include "internal.h"

#include <stdio.h>

#include "error_codes.h"

uint64_t
ticket_hash(const struct party *party, uint64_t reference)
{
    return (reference + 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull ^ party->by_name.hash;
}

struct ticket *
ticket_find(const struct core *core, const struct party *party, uint64_t reference)
{
    uint64_t hash = ticket_hash(party, reference);
    for (struct table_link *at = table_find(&core->tickets, hash); at != NULL; at = table_find_next(at)) {
        struct ticket *ticket = list_owner(at, struct ticket, by_ticket);
        if (ticket->party == party && ticket->reference == reference)
            return ticket;
    }
    return NULL;
}

static size_t
ticket_count(const struct exchange *exchange)
{
    size_t count = 0;
    for (struct list_link *at = list_first(&exchange->tickets); at != NULL;
         at = list_after(&exchange->tickets, at))
        count++;
    return count;
}

/* NULL: too many wait already, or no memory; the caller has been told "open" where that is true. */
struct ticket *
ticket_attach(struct core *core, struct exchange *exchange, struct query *query, struct party *party,
              const struct core_event *event)
{
    struct ticket *ticket = ticket_find(core, party, event->reference);
    if (ticket != NULL) { /* the same request again, as after a reconnect; or a number used anew */
        if (ticket->epoch == event->epoch && ticket->exchange == exchange && ticket->query == query)
            return ticket;
        ticket_drop(core, ticket);
    }
    ticket = exchange != NULL && ticket_count(exchange) >= TICKETS ? NULL : pool_take(&core->ticket_pool);
    if (ticket == NULL) {
        if (exchange != NULL) {
            struct core_outcome open = {.kind = FEP_UNKNOWN, .code = FEP_E_OPEN};
            tell(core, party, event->reference, event->epoch, &event->header, &open, SLICE_NONE, NULL);
        }
        return NULL;
    }
    ticket->exchange = exchange;
    ticket->query = query;
    ticket->party = party;
    ticket->reference = event->reference;
    ticket->epoch = event->epoch;
    ticket->deadline_ms = NEVER;
    if (exchange != NULL)
        list_append(&exchange->tickets, &ticket->link);
    table_add(&core->tickets, &ticket->by_ticket, ticket_hash(party, ticket->reference));
    return ticket;
}

void
ticket_drop(struct core *core, struct ticket *ticket)
{
    if (ticket->query != NULL)
        ticket->query->ticket = NULL;
    if (ticket->exchange != NULL && ticket->exchange->render_ticket == ticket)
        ticket->exchange->render_ticket = NULL;
    list_remove(&ticket->link);
    table_remove(&core->tickets, &ticket->by_ticket);
    pool_give(&core->ticket_pool, ticket);
}

bool
can_be_told(const struct party *party, uint32_t epoch)
{
    return party->status == PARTY_UP && party->epoch == epoch;
}

void
tell(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
     const struct message_header *header, const struct core_outcome *outcome, struct slice body,
     const struct fep_index *index)
{
    if (!can_be_told(party, epoch))
        return;
    struct core_command *command = emit(core, CMD_TELL);
    command->to = party->name;
    command->reference = reference;
    command->header = *header;
    command->outcome = *outcome;
    command->body = body;
    if (index != NULL)
        command->index = *index;
}

void
tell_refused(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
             const struct message_header *header, enum fep_kind kind, enum fep_refusal_class refusal_class,
             enum fep_reason reason, uint16_t code, const char *text)
{
    struct core_outcome outcome = {.kind = (uint8_t)kind,
                                   .refusal_class = (uint8_t)refusal_class,
                                   .reason = (uint8_t)reason,
                                   .code = code};
    if (text != NULL)
        snprintf(outcome.text, sizeof outcome.text, "%s", text);
    tell(core, party, reference, epoch, header, &outcome, SLICE_NONE, NULL);
}

/* The first who waits for the answer and can be told; or NULL. */
struct ticket *
tell_first(const struct exchange *exchange)
{
    for (struct list_link *at = list_first(&exchange->tickets); at != NULL;
         at = list_after(&exchange->tickets, at)) {
        struct ticket *ticket = list_owner(at, struct ticket, link);
        if (!ticket->undoing && can_be_told(ticket->party, ticket->epoch))
            return ticket;
    }
    return NULL;
}

void
tell_open(struct core *core, struct exchange *exchange, struct ticket *ticket)
{
    bool undoing = exchange->record.state == STATE_REVERSING;
    struct core_outcome outcome = {.kind = FEP_UNKNOWN,
                                   .finding = FEP_FOUND_IN_PROGRESS,
                                   .copy = ticket->copy,
                                   .code = undoing ? FEP_E_REVERSING : FEP_E_OPEN};
    tell(core, ticket->party, ticket->reference, ticket->epoch, &exchange->record.header, &outcome,
         SLICE_NONE, NULL);
    ticket_drop(core, ticket);
}

void
tell_all_open(struct core *core, struct exchange *exchange, bool undoing)
{
    struct list_link *at = list_first(&exchange->tickets);
    while (at != NULL) {
        struct ticket *ticket = list_owner(at, struct ticket, link);
        at = list_after(&exchange->tickets, at);
        if (ticket->undoing == undoing)
            tell_open(core, exchange, ticket);
    }
}

void
tell_overdue(struct core *core, struct exchange *exchange)
{
    struct list_link *at = list_first(&exchange->tickets);
    while (at != NULL) {
        struct ticket *ticket = list_owner(at, struct ticket, link);
        at = list_after(&exchange->tickets, at);
        if (ticket->deadline_ms <= core->now_ms)
            tell_open(core, exchange, ticket);
    }
}

int64_t
tickets_due(const struct exchange *exchange)
{
    int64_t due = NEVER;
    for (struct list_link *at = list_first(&exchange->tickets); at != NULL;
         at = list_after(&exchange->tickets, at)) {
        const struct ticket *ticket = list_owner(at, struct ticket, link);
        if (ticket->deadline_ms < due)
            due = ticket->deadline_ms;
    }
    return due;
}

/* The answer was pruned or quarantined: what became of it is known, its words are not (rule 4). */
static bool
answer_is_gone(const struct core *core, const struct exchange *exchange)
{
    return exchange->record.state == STATE_ANSWERED && exchange->answer.size == 0 &&
           !MUTATED(BODY_GONE_UNSAID) &&
           (transaction_traits(core, exchange->record.header.infno) & (TRAIT_MONEY | TRAIT_OPENS_VISIT)) != 0;
}

static void
tell_request(struct core *core, struct exchange *exchange, const struct ticket *ticket)
{
    struct core_outcome outcome;
    struct slice body = SLICE_NONE;
    outcome_of_record(&exchange->record, &outcome);
    outcome.copy = ticket->copy;
    if (exchange->record.state == STATE_STANDS)
        outcome.kind = FEP_UNKNOWN;
    if (exchange->record.state == STATE_ANSWERED)
        body = exchange->answer;
    if (answer_is_gone(core, exchange)) {
        outcome.kind = FEP_UNKNOWN;
        outcome.code = FEP_E_BODY_GONE;
        snprintf(outcome.text, sizeof outcome.text, "settled on %u as answered, body no longer held",
                 exchange->record.header.day);
    }
    tell(core, ticket->party, ticket->reference, ticket->epoch, &exchange->record.header, &outcome, body,
         &exchange->record.index);
}

static void
tell_reversal(struct core *core, struct exchange *exchange, const struct ticket *ticket)
{
    struct core_outcome outcome;
    outcome_of_record(&exchange->record, &outcome);
    outcome.kind = FEP_ANSWERED;
    if (exchange->record.state == STATE_REFUSED)
        outcome.finding = FEP_FOUND_NEVER_ARRIVED;
    tell(core, ticket->party, ticket->reference, ticket->epoch, &exchange->record.header, &outcome,
         SLICE_NONE, NULL);
}

void
tell_ending(struct core *core, struct exchange *exchange)
{
    struct list_link *at;
    while ((at = list_first(&exchange->tickets)) != NULL) {
        struct ticket *ticket = list_owner(at, struct ticket, link);
        if (ticket->undoing)
            tell_reversal(core, exchange, ticket);
        else
            tell_request(core, exchange, ticket);
        ticket_drop(core, ticket);
    }
}

/* A local system asks about a serial of its own: finding, and the answer if there is one. `record` NULL:
 * never seen. */
void
answer_inquiry(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
               const struct message_header *header, const struct exchange_record *record, struct slice answer)
{
    struct core_outcome outcome = {.kind = FEP_ANSWERED, .finding = FEP_FOUND_NOTHING};
    bool posted = record != NULL && (record->state == STATE_ANSWERED || record->state == STATE_STANDS);
    struct message_header told = *header;
    if (record != NULL) {
        outcome_of_record(record, &outcome);
        outcome.kind = FEP_ANSWERED;
        if (!exchange_state_is_ending(record->state))
            outcome.state = 0; /* TELL carries endings alone; what is open is told by the finding */
        memcpy(told.original_infno, record->header.infno,
               sizeof told.original_infno); /* what the answer is one to */
    }
    tell(core, party, reference, epoch, &told, &outcome, posted ? answer : SLICE_NONE,
         record != NULL ? &record->index : NULL);
}
