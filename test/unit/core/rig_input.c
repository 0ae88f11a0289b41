/* What tests tell the core: requests, messages of peers, outcomes, hosts that come and go. */
#include "rig.h"

#include "clock.h"

static void
fill_text(char *out, size_t room, const char *text, const char *standard)
{
    snprintf(out, room, "%s", text != NULL ? text : standard);
}

static struct slice
text_slice(const char *text)
{
    return text != NULL ? slice_copy(text, strlen(text)) : SLICE_NONE;
}

static void
fill_index(struct fep_index *index, uint8_t person, const char *settlement)
{
    index->size = sizeof *index;
    if (person != 255) /* 255: nobody's */
        memset(index->order_key, person + 1, sizeof index->order_key);
    fill_text(index->settlement_id, sizeof index->settlement_id, settlement, "");
}

static void
fill_header(struct rig *rig, struct message_header *header, const char *msgid, const char *infno,
            const char *origin)
{
    header->key = rig_key(msgid);
    fill_text(header->key.origin, sizeof header->key.origin, origin, "A");
    fill_text(header->infno, sizeof header->infno, infno, "2207");
    fill_text(header->treat_area, sizeof header->treat_area, NULL, "450100");
    fill_text(header->insured_area, sizeof header->insured_area, NULL, "450900");
    header->transaction_class = CLASS_UPDATE;
    header->day = clock_date(rig->wall_ms);
}

uint64_t
rig_request(struct rig *rig, struct rig_request request)
{
    uint64_t ticket = request.ticket != 0 ? request.ticket : rig->next_reference++;
    struct core_event event = {.type = EVENT_REQUEST,
                               .from = request.from != NULL ? request.from : "la",
                               .reference = ticket,
                               .epoch = 1,
                               .flag = request.fresh,
                               .caller_inquires = request.caller_inquires};
    fill_header(rig, &event.header, request.msgid, request.infno, rig->config.node);
    fill_text(event.header.insured_area, sizeof event.header.insured_area, request.area, "450900");
    if (request.transaction_class != 0)
        event.header.transaction_class = (uint8_t)request.transaction_class;
    if (request.original != NULL) {
        fill_text(event.header.original_msgid, sizeof event.header.original_msgid, request.original, "");
        if (!request.only_serial)
            fill_text(event.header.original_infno, sizeof event.header.original_infno, NULL, "2207");
    }
    fill_index(&event.index, request.person, request.settlement);
    event.body = text_slice(request.body != NULL ? request.body : "settle");
    rig_step(rig, &event);
    slice_release(&event.body);
    return ticket;
}

static uint64_t
peer_input(struct rig *rig, enum event_type type, const struct rig_message *message, const char *body)
{
    uint64_t reference = message->reference != 0 ? message->reference : rig->next_reference++;
    struct core_event event = {.type = type, .from = message->from, .reference = reference};
    fill_header(rig, &event.header, message->msgid, message->infno, message->origin);
    event.travel = (struct travel){.attempt = message->attempt != 0 ? message->attempt : 1,
                                   .time_left_ms = message->time_left_ms != 0 ? message->time_left_ms : 80000,
                                   .hops_left = message->hops != 0 ? message->hops - 1 : 5};
    fill_index(&event.index, message->person, message->settlement);
    event.outcome = (struct core_outcome){.state = message->state,
                                          .effect = message->effect,
                                          .refusal_class = message->refusal_class,
                                          .reason = message->reason,
                                          .code = message->code};
    event.body = text_slice(body);
    rig_step(rig, &event);
    slice_release(&event.body);
    return reference;
}

uint64_t
rig_update(struct rig *rig, struct rig_message message)
{
    return peer_input(rig, EVENT_UPDATE, &message, message.body != NULL ? message.body : "settle");
}

uint64_t
rig_reversal(struct rig *rig, struct rig_message message)
{
    return peer_input(rig, EVENT_REVERSAL, &message, NULL);
}

uint64_t
rig_outcome(struct rig *rig, struct rig_message message)
{
    const char *body = message.body != NULL              ? message.body
                       : message.state == STATE_ANSWERED ? "answer"
                                                         : NULL;
    return peer_input(rig, EVENT_OUTCOME, &message, body);
}

void
rig_acked(struct rig *rig, const char *from, const char *msgid, enum core_acked acked)
{
    struct core_event event = {.type = EVENT_ACKED, .from = from, .acked = (uint8_t)acked};
    event.header.key = rig_key(msgid);
    rig_step(rig, &event);
}

void
rig_done(struct rig *rig, struct rig_done done)
{
    struct core_event event = {.type = done.late ? EVENT_LATE : EVENT_DONE,
                               .from = "lb",
                               .reference = done.call,
                               .epoch = done.epoch != 0 ? done.epoch : rig->epoch};
    event.outcome = (struct core_outcome){.kind = (uint8_t)done.kind,
                                          .effect = done.effect,
                                          .refusal_class = done.refusal_class,
                                          .reason = done.reason,
                                          .finding = done.finding,
                                          .code = done.code,
                                          .accounting_date = done.accounting_date};
    event.body = text_slice(done.body);
    if (done.settlement != NULL)
        fill_index(&event.index, 255, done.settlement);
    rig_step(rig, &event);
    slice_release(&event.body);
}

void
rig_simple(struct rig *rig, enum event_type type, const char *from)
{
    struct core_event event = {.type = type, .from = from};
    rig_step(rig, &event);
}

void
rig_host_up(struct rig *rig, const char *name, uint32_t epoch, uint32_t abilities, const uint64_t *open,
            size_t count)
{
    struct core_event event = {.type = EVENT_HOST_UP,
                               .from = name,
                               .epoch = epoch,
                               .abilities = abilities,
                               .open_calls = open,
                               .open_call_count = count};
    if (strcmp(name, "lb") == 0)
        rig->epoch = epoch;
    rig_step(rig, &event);
}
