/* What local callers ask: one ticket each, from begin_request until the caller was told exactly once. Must
 * never tell twice, never tell what the router did not say (or what this host refused before it offered
 * anything), and never offer to a router it was not introduced to. A ticket lives in this process only: a
 * request offered by an earlier epoch is the router's to settle. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "exchange_record.h"
#include "inquiries.h"
#include "kill_point.h"
#include "reports.h"
#include "utf8.h"

void
requests_init(struct host *host)
{
    host->refused_last = &host->refused;
    host->next_ticket = 1;
}

static struct ticket *
find_ticket(const struct host *host, uint64_t id)
{
    struct ticket *ticket = host->ticket_buckets[id & (HOST_BUCKETS - 1)];
    while (ticket != NULL && ticket->id != id)
        ticket = ticket->next_in_bucket;
    return ticket;
}

static void
free_ticket(struct ticket *ticket)
{
    struct host *host = ticket->host;
    struct ticket **at = &host->ticket_buckets[ticket->id & (HOST_BUCKETS - 1)];
    while (*at != ticket)
        at = &(*at)->next_in_bucket;
    *at = ticket->next_in_bucket;
    host->ticket_count--;
    host->gone_count -= ticket->gone;
    record_destroy(ticket->head);
    record_destroy(ticket->body);
    record_destroy(ticket->rendered);
    slice_release(&ticket->request.body);
    slice_release(&ticket->rendered_from);
    free(ticket);
}

void
requests_finish(struct host *host)
{
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        while (host->ticket_buckets[i] != NULL)
            free_ticket(host->ticket_buckets[i]);
    }
    host->refused = NULL;
    host->refused_last = &host->refused;
}

static struct ticket *
create_ticket(struct host *host, const char *local, struct fep_record *head, struct fep_record *body)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket == NULL)
        return NULL;
    ticket->host = host;
    ticket->id = host->next_ticket++;
    ticket->head = head;
    ticket->body = body;
    snprintf(ticket->local, sizeof ticket->local, "%s", local);
    struct ticket **bucket = &host->ticket_buckets[ticket->id & (HOST_BUCKETS - 1)];
    ticket->next_in_bucket = *bucket;
    *bucket = ticket;
    host->ticket_count++;
    return ticket;
}

/* --- to the router ------------------------------------------------------------------------------- */

static int
offer_request(struct ticket *ticket)
{
    struct host *host = ticket->host;
    struct frame frame = {.kind = FRAME_REQUEST,
                          .sequence = ticket->id,
                          .sections = FRAME_HAS_HEADER | FRAME_HAS_INDEX | FRAME_HAS_BODY,
                          .fresh = ticket->fresh,
                          .caller_inquires = host->settings.caller_inquires,
                          .header = ticket->request.header,
                          .index = ticket->request.index,
                          .body = ticket->request.body};
    /* What is offered again may meet the stored refusal of the first offer, so it never counts as made after
     * it. */
    ticket->fresh = false;
    ticket->offers++;
    ticket->state = TICKET_OFFERED;
    ticket->offer_ms = loop_now(&host->loop) + ticket->offer_pause_ms;
    return router_send(host, &frame);
}

static uint32_t
today(const struct host *host)
{
    return clock_date(clock_wall_ms(host->loop.clock));
}

static void
ask_for_visit(struct ticket *ticket, const char *insured_area, const char *visit_id)
{
    struct host *host = ticket->host;
    struct frame frame = {.kind = FRAME_FIND_VISIT,
                          .sequence = ticket->id,
                          .sections = FRAME_HAS_INDEX | FRAME_HAS_HEADER | FRAME_HAS_TEXT};
    frame.index.size = sizeof frame.index;
    snprintf(frame.index.visit_id, sizeof frame.index.visit_id, "%s", visit_id);
    snprintf(frame.text, sizeof frame.text, "%s", insured_area);
    /* Only the area counts here; the rest makes it a whole header. */
    frame.header = (struct message_header){
        .key.msgid = "visit", .infno = "2201", .transaction_class = CLASS_QUERY, .day = today(host)};
    snprintf(frame.header.key.origin, sizeof frame.header.key.origin, "%s", host->settings.node);
    snprintf(frame.header.insured_area, sizeof frame.header.insured_area, "%s", insured_area);
    ticket->state = TICKET_FINDING;
    ticket->offer_ms = loop_now(&host->loop) + ticket->offer_pause_ms;
    (void)router_send(host, &frame);
}

/* What the router fills for good is filled here so that the header is a whole one. */
static int
complete_header(struct ticket *ticket, struct fep_error *error)
{
    struct host *host = ticket->host;
    struct message_header *header = &ticket->request.header;
    snprintf(header->key.origin, sizeof header->key.origin, "%s", host->settings.node);
    header->day = today(host);
    if (header->transaction_class == 0) {
        const struct transaction *transaction = host_find_transaction(host, header->infno);
        if (transaction != NULL)
            header->transaction_class = (uint8_t)transaction->transaction_class;
        else if (host->transactions != NULL)
            return error_set(error, FEP_REFUSED, FEP_E_UNKNOWN_TRANSACTION,
                             "transaction %.6s is not in the table", header->infno);
        else
            header->transaction_class = CLASS_UPDATE;
    }
    if (ticket->request.body.size > host->settings.max_body_bytes)
        return error_set(error, FEP_REFUSED, FEP_E_OVERSIZE, "the request has %zu bytes; at most %u",
                         ticket->request.body.size, host->settings.max_body_bytes);
    return message_header_check(header, error);
}

/* Totals and details go by the kind of treatment and of insurance. */
static bool
is_settling(const struct host *host, const struct message_header *header)
{
    const struct transaction *transaction = host_find_transaction(host, header->infno);
    return transaction != NULL && transaction->transaction_class == CLASS_UPDATE &&
           (transaction->ways & TRAIT_MONEY) != 0;
}

/* Totals and details never travel. Without a mapping, which could say so, nobody else answers them. */
static bool
is_answered_here(const struct ticket *ticket)
{
    const char *infno = ticket->request.header.infno;
    return ticket->host->mapping != NULL ? mapping_answered_by(&ticket->request) != MAPPING_FORWARDED
                                         : strcmp(infno, "3201") == 0 || strcmp(infno, "3202") == 0;
}

static int
translate_and_offer(struct ticket *ticket, const struct visit *visit, struct fep_error *error)
{
    struct host *host = ticket->host;
    struct slice request = visit != NULL ? visit->request : SLICE_NONE;
    struct slice answer = visit != NULL ? visit->answer : SLICE_NONE;
    if (translate_request_in(host, ticket, request, answer, visit != NULL ? visit->infno : "", error) < 0 ||
        complete_header(ticket, error) < 0)
        return -1;
    if (is_answered_here(ticket)) {
        ticket->state = TICKET_REPORTING;
        return reports_begin(host, ticket->id, &ticket->request, error);
    }
    if (is_settling(host, &ticket->request.header))
        persons_fill_index(request, &ticket->request.index);
    kill_point("host_before_request");
    (void)offer_request(ticket); /* not sent: offered again */
    return 0;
}

/* --- from the module ----------------------------------------------------------------------------- */

static int
begin_ticket(struct ticket *ticket, struct fep_error *error)
{
    struct host *host = ticket->host;
    char visit_id[32] = "", insured_area[AREA_SIZE] = "";
    if (translate_needs_visit(host, ticket, visit_id, insured_area) == 0)
        return translate_and_offer(ticket, NULL, error);
    const struct visit *visit = visits_find(host->visits, insured_area, visit_id);
    if (visit != NULL)
        return translate_and_offer(ticket, visit, error);
    ask_for_visit(ticket, insured_area, visit_id);
    return 0;
}

/* Callers that went away do not keep others out: the ticket of the one that went first is given up. Then
 * there is nobody to object to its answer. */
static void
make_room(struct host *host)
{
    struct ticket *first = NULL;
    for (size_t i = 0; i < HOST_BUCKETS; i++)
        for (struct ticket *ticket = host->ticket_buckets[i]; ticket != NULL; ticket = ticket->next_in_bucket)
            if (ticket->gone && ticket->state != TICKET_REFUSED &&
                (first == NULL || ticket->gone_ms < first->gone_ms))
                first = ticket;
    if (first != NULL)
        free_ticket(first);
}

int
requests_begin(struct host *host, const char *local, struct fep_record *head, struct fep_record *body,
               bool fresh, fep_on_answer *on_answer, fep_try_answer *try_answer, void *arg,
               struct fep_error *error)
{
    int status = -1;
    struct ticket *ticket = NULL;
    if (host->ticket_count >= HOST_MAX_TICKETS)
        make_room(host);
    if (!host->router_up)
        error_set(error, FEP_NOT_SENT, FEP_E_HOST_NOT_READY,
                  "the gateway is not ready: nothing was done, try again");
    else if (host->draining)
        error_set(error, FEP_NOT_SENT, FEP_E_STOPPING,
                  "the gateway is stopping: nothing was done, try again");
    else if (host->ticket_count >= HOST_MAX_TICKETS)
        error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "%d requests are open here: nothing was done, try again",
                  HOST_MAX_TICKETS);
    else if ((ticket = create_ticket(host, local, head, body)) == NULL)
        error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory: nothing was done, try again");
    if (ticket == NULL) {
        record_destroy(head);
        record_destroy(body);
        return status;
    }
    ticket->fresh = fresh;
    ticket->on_answer = on_answer;
    ticket->try_answer = try_answer;
    ticket->arg = arg;
    ticket->offer_pause_ms = HOST_OFFER_MS;
    status = begin_ticket(ticket, error);
    if (status < 0)
        free_ticket(ticket);
    return status;
}

void
requests_forget(struct host *host, void *arg)
{
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        for (struct ticket *ticket = host->ticket_buckets[i]; ticket != NULL;
             ticket = ticket->next_in_bucket) {
            if (ticket->arg != arg || ticket->gone)
                continue;
            /* It stays: the router may still ask whether the answer can be put into the caller's language. */
            ticket->gone = true;
            host->gone_count++;
            ticket->gone_ms = loop_now(&host->loop);
            struct frame frame = {.kind = FRAME_GONE, .sequence = ticket->id};
            (void)router_send(host, &frame);
            return;
        }
    }
}

/* --- telling ------------------------------------------------------------------------------------- */

static void
tell(struct ticket *ticket, enum fep_kind kind, const struct fep_result *result,
     const struct fep_record *answer)
{
    if (!ticket->gone)
        ticket->on_answer(ticket->host->self, ticket->arg, kind, result, answer);
    free_ticket(ticket);
}

/* Refused here before anything was offered; told in the next turn, since a module may be inside
 * begin_request. */
static void
refuse_later(struct ticket *ticket, const struct fep_error *error, unsigned code)
{
    struct host *host = ticket->host;
    ticket->state = TICKET_REFUSED;
    ticket->refusal = (struct fep_result){.size = sizeof ticket->refusal,
                                          .refusal_class = FEP_FINAL,
                                          .reason = FEP_REASON_MALFORMED,
                                          .code = code};
    snprintf(ticket->refusal.text, sizeof ticket->refusal.text, "%.250s", error->text);
    ticket->next_refused = NULL;
    *host->refused_last = ticket;
    host->refused_last = &ticket->next_refused;
}

void
requests_settle(struct host *host)
{
    while (host->refused != NULL) {
        struct ticket *ticket = host->refused;
        host->refused = ticket->next_refused;
        if (host->refused == NULL)
            host->refused_last = &host->refused;
        tell(ticket, FEP_REFUSED, &ticket->refusal, NULL);
    }
}

/* --- from the router ----------------------------------------------------------------------------- */

void
requests_on_acked(struct host *host, uint64_t id)
{
    struct ticket *ticket = find_ticket(host, id);
    if (ticket != NULL && ticket->state == TICKET_OFFERED)
        ticket->state = TICKET_TAKEN;
}

void
requests_on_visit(struct host *host, struct frame *frame)
{
    struct ticket *ticket = find_ticket(host, frame->sequence);
    if (ticket == NULL || ticket->state != TICKET_FINDING)
        return;
    struct fep_error error = {0};
    if (frame->ok == 0 && host->mapping == NULL) { /* only what totals go by is not known of it */
        if (translate_and_offer(ticket, NULL, &error) < 0)
            refuse_later(ticket, &error, error.code);
        return;
    }
    if (frame->ok == 0) {
        error_set(&error, FEP_REFUSED, FEP_E_MISSING_FIELD,
                  "no such visit was registered through this gateway");
        refuse_later(ticket, &error, 2101);
        return;
    }
    struct visit visit = {.request = frame->body, .answer = frame->answer};
    char visit_id[32] = "", insured_area[AREA_SIZE] = "";
    snprintf(visit.infno, sizeof visit.infno, "%s", frame->header.infno);
    (void)translate_needs_visit(host, ticket, visit_id, insured_area);
    visits_remember(host->visits, insured_area, visit_id, visit.infno, frame->body, frame->answer);
    if (translate_and_offer(ticket, &visit, &error) < 0)
        refuse_later(ticket, &error, error.code);
}

/* The gateway's own refusals, and "open", come with a code and no words of anybody else: the caller's
 * operator reads what happened, the code to name on the telephone, and what to do. */
static void
explain(const struct frame *frame, enum fep_kind kind, struct fep_result *result)
{
    unsigned code = result->code == 0 && kind == FEP_UNKNOWN ? (unsigned)FEP_E_OPEN : result->code;
    const struct error_description *description = error_describe(code); /* NULL: a local system's own code */
    if (result->text[0] != '\0' || description == NULL)
        return;
    int size = snprintf(result->text, sizeof result->text, "%s[FEP-%u 参保地%s]%s", description->zh, code,
                        frame->header.insured_area, description->next_zh);
    if (size >= (int)sizeof result->text)
        utf8_drop_half(result->text);
}

/* What the caller is to be told. An ending that is not the answer had no lasting effect or is not known. */
static enum fep_kind
read_result(const struct frame *frame, struct fep_result *result)
{
    const struct frame_result *from = &frame->result;
    *result = (struct fep_result){.size = sizeof *result,
                                  .effect = from->effect,
                                  .refusal_class = from->refusal_class,
                                  .reason = from->reason,
                                  .code = from->code,
                                  .finding = from->finding,
                                  .copy = from->copy,
                                  .accounting_date = from->accounting_date};
    memcpy(result->cycle, from->cycle, sizeof result->cycle);
    snprintf(result->text, sizeof result->text, "%s", frame->text);
    switch (from->kind) {
    case FEP_ANSWERED:
    case FEP_UNKNOWN:
    case FEP_REFUSED:
        return (enum fep_kind)from->kind;
    case FEP_NOT_SENT:
        return FEP_REFUSED;
    default:
        return from->state == STATE_ANSWERED                                   ? FEP_ANSWERED
               : from->state == STATE_REFUSED || from->state == STATE_REVERSED ? FEP_REFUSED
                                                                               : FEP_UNKNOWN;
    }
}

static bool
is_rendered(const struct ticket *ticket, struct slice answer)
{
    return ticket->rendered_from.data != NULL && ticket->rendered_from.size == answer.size &&
           memcmp(ticket->rendered_from.data, answer.data, answer.size) == 0;
}

/* Puts an answer into the caller's language once; TELL finds what RENDER made. */
static int
render(struct ticket *ticket, const struct frame *frame, const struct fep_result *result,
       struct fep_error *error)
{
    if (is_rendered(ticket, frame->body))
        return 0;
    record_destroy(ticket->rendered);
    ticket->rendered = NULL;
    slice_release(&ticket->rendered_from);
    if (translate_answer_out(ticket->host, ticket, frame->body, result, &ticket->rendered, error) < 0)
        return -1;
    ticket->rendered_from = slice_share(frame->body);
    return 0;
}

void
requests_on_render(struct host *host, struct frame *frame)
{
    struct frame reply = {.kind = FRAME_RENDERED, .sequence = frame->sequence, .ok = 1};
    struct ticket *ticket = find_ticket(host, frame->sequence);
    struct fep_error error = {0};
    struct fep_result result;
    if ((frame->sections & FRAME_HAS_HEADER) != 0) {
        reply.header = frame->header;
        reply.sections |= FRAME_HAS_HEADER;
    }
    if ((frame->sections & FRAME_HAS_TRAVEL) != 0) {
        reply.travel = frame->travel;
        reply.sections |= FRAME_HAS_TRAVEL;
    }
    /* A ticket that is not here has no caller to be told: no objection. Its repeat brings a new one. */
    if (ticket != NULL) {
        (void)read_result(frame, &result);
        if (render(ticket, frame, &result, &error) < 0 ||
            (!ticket->gone && ticket->try_answer != NULL &&
             ticket->try_answer(host->self, ticket->arg, ticket->rendered, &error) < 0)) {
            reply.ok = 0;
            snprintf(reply.text, sizeof reply.text, "%.250s", error.text);
            reply.sections |= FRAME_HAS_TEXT;
            host_log(host, 4, error.text, error.code);
        }
    }
    (void)router_send(host, &reply);
}

static void
remember_visit(struct ticket *ticket, const struct frame *frame)
{
    struct host *host = ticket->host;
    const struct message_header *header = &ticket->request.header;
    const struct transaction *transaction = host_find_transaction(host, header->infno);
    if (host->mapping != NULL && transaction != NULL && (transaction->ways & TRAIT_OPENS_VISIT) != 0 &&
        (frame->sections & FRAME_HAS_INDEX) != 0 && frame->index.visit_id[0] != '\0')
        visits_remember(host->visits, header->insured_area, frame->index.visit_id, header->infno,
                        ticket->request.body, frame->body);
}

/* A reversal's result that the local protocol has no value for but a return code ("it stays posted"). */
static bool
is_refused_reversal(struct ticket *ticket, enum fep_kind kind, struct fep_result *result)
{
    const struct mapping *mapping = ticket->host->mapping;
    uint32_t code = mapping != NULL && kind != FEP_REFUSED
                        ? mapping_reverse_refusal(mapping, &ticket->request, result->finding)
                        : 0;
    if (code == 0)
        return false;
    result->code = code;
    result->refusal_class = result->finding == FEP_FOUND_IN_PROGRESS ? FEP_REPEATABLE : FEP_FINAL;
    return true;
}

void
requests_on_tell(struct host *host, struct frame *frame)
{
    struct ticket *ticket = find_ticket(host, frame->sequence);
    if (ticket == NULL || ticket->state == TICKET_REFUSED || ticket->state == TICKET_REPORTING)
        return;
    struct fep_result result;
    struct fep_error error = {0};
    enum fep_kind kind = read_result(frame, &result);
    /* Offered again after the router's restart, it looks like a copy to the core; the caller asked only once,
     * and a protocol that refuses repeats would tell it that nothing was posted. */
    if (ticket->offers > 1)
        result.copy = 0;
    if (is_refused_reversal(ticket, kind, &result))
        kind = FEP_REFUSED;
    if (ticket->request.header.transaction_class == CLASS_INQUIRY &&
        (frame->sections & FRAME_HAS_HEADER) != 0)
        memcpy(ticket->request.header.original_infno, frame->header.original_infno,
               sizeof ticket->request.header.original_infno);
    if (kind != FEP_ANSWERED) {
        explain(frame, kind, &result);
        tell(ticket, kind, &result, NULL);
        return;
    }
    if (inquiries_begin(host, ticket->id, &ticket->request, &result, frame->body)) {
        ticket->state = TICKET_REPORTING;
        return;
    }
    remember_visit(ticket, frame);
    if (host->mapping != NULL && strcmp(ticket->request.header.infno, "1101") == 0)
        persons_remember(host, &ticket->request.header, frame->body);
    if (render(ticket, frame, &result, &error) < 0) {
        /* The ending is committed and stays; the caller can inquire or be told by a person. */
        host_log(host, 3, error.text, error.code);
        result.reason = FEP_REASON_INCONSISTENT;
        snprintf(result.text, sizeof result.text, "%.250s", error.text);
        tell(ticket, FEP_UNKNOWN, &result, NULL);
        return;
    }
    capture_served(ticket, frame->body, &result);
    tell(ticket, FEP_ANSWERED, &result, ticket->rendered);
}

void
requests_conclude(struct host *host, uint64_t id, enum fep_kind kind, const struct fep_result *result,
                  struct slice answer)
{
    struct ticket *ticket = find_ticket(host, id);
    struct fep_error error = {0};
    if (ticket == NULL || ticket->state != TICKET_REPORTING)
        return;
    if (kind == FEP_ANSWERED &&
        translate_answer_out(host, ticket, answer, result, &ticket->rendered, &error) < 0) {
        host_log(host, 3, error.text, error.code);
        struct fep_result refusal = {.size = sizeof refusal,
                                     .refusal_class = FEP_REPEATABLE,
                                     .reason = FEP_REASON_INCONSISTENT,
                                     .code = error.code};
        snprintf(refusal.text, sizeof refusal.text, "%.250s", error.text);
        tell(ticket, FEP_REFUSED, &refusal, NULL);
        return;
    }
    if (kind == FEP_ANSWERED)
        capture_served(ticket, answer, result);
    tell(ticket, kind, result, ticket->rendered);
}

/* --- offering again ------------------------------------------------------------------------------ */

static bool
is_good_for_one_use(const struct ticket *ticket)
{
    const struct transaction *transaction = host_find_transaction(ticket->host, ticket->request.header.infno);
    return transaction != NULL && transaction->transaction_class == CLASS_QUERY &&
           (transaction->ways & TRAIT_ONE_USE) != 0;
}

static void
offer_ticket(struct ticket *ticket)
{
    struct host *host = ticket->host;
    if (ticket->state == TICKET_FINDING) {
        char visit_id[32] = "", insured_area[AREA_SIZE] = "";
        (void)translate_needs_visit(host, ticket, visit_id, insured_area);
        ask_for_visit(ticket, insured_area, visit_id);
        return;
    }
    if (ticket->state == TICKET_TAKEN && is_good_for_one_use(ticket)) {
        struct fep_error error;
        error_set(&error, 0, FEP_E_ONE_USE,
                  "the gateway restarted during a query whose input is good for one use");
        refuse_later(ticket, &error, FEP_E_ONE_USE);
        return;
    }
    (void)offer_request(ticket);
}

/* A caller that went away keeps its ticket only to let its answer be judged. A new router knows nothing of
 * it, and one that is not told in time is not waited for. */
static bool
is_over(const struct ticket *ticket, int64_t now, bool all)
{
    return ticket->gone && ticket->state != TICKET_REFUSED && (all || now - ticket->gone_ms > HOST_GONE_MS);
}

static bool
is_due(const struct ticket *ticket, int64_t now, bool all)
{
    bool waits = ticket->state == TICKET_FINDING || ticket->state == TICKET_OFFERED;
    bool ours = ticket->state == TICKET_REFUSED || ticket->state == TICKET_REPORTING;
    return !ticket->gone && !ours && (all || (waits && ticket->offer_ms <= now));
}

void
requests_offer_again(struct host *host, bool all)
{
    int64_t now = loop_now(&host->loop);
    if (host->ticket_count == 0)
        return;
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        struct ticket *next;
        for (struct ticket *ticket = host->ticket_buckets[i]; ticket != NULL; ticket = next) {
            next = ticket->next_in_bucket;
            if (is_over(ticket, now, all)) {
                free_ticket(ticket);
            } else if (is_due(ticket, now, all)) {
                if (!all && ticket->offer_pause_ms < HOST_OFFER_MAX_MS)
                    ticket->offer_pause_ms *= 2;
                offer_ticket(ticket);
            }
        }
    }
}
