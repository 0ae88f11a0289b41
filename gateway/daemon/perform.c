/* Carries out the core's commands: store writes are gathered for the turn's one batch, everything else
 * becomes a frame. Must never call the core (a command may not cause a step inside a step) and never wait.
 * What can not be sent is dropped here on purpose: nothing ZeroMQ holds counts, and the core repeats what was
 * not acknowledged. */
#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "outcome_codec.h"

static int
room_for_write(struct router *router)
{
    if (router->write_count < router->write_room)
        return 0;
    size_t room = router->write_room == 0 ? 1024 : router->write_room * 2;
    struct store_write *writes = realloc(router->writes, room * sizeof *writes);
    if (writes == NULL)
        return -1;
    router->writes = writes;
    router->write_room = room;
    return 0;
}

/* What has ended a visit with money here, and can be cancelled. */
static uint8_t
is_settlement(const struct router *router, const struct exchange_record *record)
{
    if (record->role != ROLE_DESTINATION || record->state != STATE_ANSWERED)
        return 0;
    const struct transaction *transaction = transaction_find(router->transactions, record->header.infno);
    return transaction != NULL && transaction->transaction_class == CLASS_UPDATE &&
           (transaction->ways & TRAIT_MONEY) != 0 && transaction->inverse[0] != '\0';
}

static void
add_write(struct router *router, const struct core_command *command, enum store_write_type type)
{
    /* Without memory for a row of a few hundred bytes nothing can be promised any more: end, and recover. */
    if (room_for_write(router) != 0) {
        router->failed = 1;
        return;
    }
    struct store_write *write = &router->writes[router->write_count++];
    *write = (struct store_write){.type = type, .sequence = command->sequence, .number = command->number};
    router->written = command->sequence;
    if (command->record != NULL)
        write->record = *command->record;
    if (command->record != NULL && type != STORE_CLOSE)
        write->settles = is_settlement(router, command->record);
    if (type == STORE_INSERT)
        write->body = slice_share(command->body);
    if (type == STORE_INSERT || type == STORE_UPDATE)
        write->answer = slice_share(command->answer);
}

void
router_submit_writes(struct router *router)
{
    if (router->write_count == 0)
        return;
    /* Taken whole or not at all; what was not taken is offered again with the next turn, in order. */
    if (store_submit(router->store, router->writes, router->write_count) == 0)
        router->write_count = 0;
}

static void
fill_message(struct frame *frame, const struct core_command *command)
{
    frame->header = command->header;
    frame->travel = command->travel;
    frame->sections |= FRAME_HAS_HEADER | FRAME_HAS_TRAVEL;
    if (command->index.size != 0) {
        frame->index = command->index;
        frame->sections |= FRAME_HAS_INDEX;
    }
    if (command->body.size != 0) {
        frame->body = command->body;
        frame->sections |= FRAME_HAS_BODY;
    }
    if (command->answer.size != 0) {
        frame->answer = command->answer;
        frame->sections |= FRAME_HAS_ANSWER;
    }
}

static void
fill_attempt(struct frame *frame, const struct core_command *command)
{
    frame->sections |= FRAME_HAS_ATTEMPT;
    frame->attempt = (struct frame_attempt){
        .operation = command->operation,
        .repeat = command->repeat,
        .serial = command->local.serial,
        .serial_date = command->local.serial_date,
        .cancel_serial = command->cancel.serial,
        .cancel_serial_date = command->cancel.serial_date,
        .accounting_date = command->local.accounting_date,
        .mapping_generation = command->local.mapping_generation,
    };
    memcpy(frame->attempt.cycle, command->local.cycle, sizeof frame->attempt.cycle);
}

static void
send_to_peer(struct router *router, const struct core_command *command, enum frame_kind kind, int numbered)
{
    struct router_peer *peer = router_find_peer(router, command->to);
    struct frame frame = {.kind = kind, .reference = command->reference};
    int64_t now = router_now(router);

    if (peer == NULL)
        return;
    fill_message(&frame, command);
    if (kind == FRAME_OUTCOME || kind == FRAME_ANSWER)
        outcome_to_frame(&command->outcome, &frame);
    if (!numbered) {
        (void)peer_send_once(peer->peer, &frame);
        return;
    }
    int64_t deadline = kind == FRAME_UPDATE ? now + command->travel.time_left_ms : 0;
    if (peer_send_numbered(peer->peer, &frame, deadline, now) != 0)
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_ERROR, LOG_T("peer", command->to),
                 LOG_N("code", FEP_E_NO_MEMORY));
}

/* A call that could not be handed over was certainly not made. */
static void
give_back(struct router *router, const struct core_command *command, const struct router_host *host)
{
    struct core_event event = {.type = EVENT_DONE,
                               .from = host->conf->name,
                               .reference = command->reference,
                               .epoch = host->epoch,
                               .header = command->header};
    event.outcome = (struct core_outcome){.kind = FEP_NOT_SENT,
                                          .refusal_class = FEP_REPEATABLE,
                                          .reason = FEP_REASON_BOUND,
                                          .code = router->draining ? FEP_E_STOPPING : FEP_E_BOUND};
    router_tell_core_later(router, &event);
}

static void
send_to_host(struct router *router, const struct core_command *command, enum frame_kind kind)
{
    struct router_host *host = router_find_host(router, command->to);
    struct frame frame = {.kind = kind, .sequence = command->reference};

    if (host == NULL || !host->up)
        return; /* the core hears of its end, or has */
    frame.epoch = host->epoch;
    if (kind == FRAME_SUBMIT || kind == FRAME_TELL || kind == FRAME_RENDER)
        fill_message(&frame, command);
    if (kind == FRAME_SUBMIT)
        fill_attempt(&frame, command);
    if (kind == FRAME_TELL || kind == FRAME_RENDER)
        outcome_to_frame(&command->outcome, &frame);
    if (kind == FRAME_TELL)
        host->told[command->reference % TOLD] = command->reference;
    if (kind == FRAME_HOST_ACK)
        frame.acked_kind = command->operation == 0 ? FRAME_DONE : command->operation;
    int kept_back = kind == FRAME_SUBMIT && router->draining;
    if ((kept_back || router_send_local(router, command->to, &frame) != 0) && kind == FRAME_SUBMIT)
        give_back(router, command, host);
}

static void
raise_alarm(const struct core_command *command)
{
    const struct message_header *header =
        command->record != NULL ? &command->record->header : &command->header;
    const struct error_description *description = error_describe(command->code);
    log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", command->code),
             LOG_T("msgid", header->key.msgid), LOG_T("infno", header->infno),
             LOG_T("role", command->record != NULL ? role_name(command->record->role) : "-"),
             LOG_T("from", command->record != NULL ? command->record->previous : "-"),
             LOG_T("to", command->to != NULL ? command->to : "-"), LOG_N("attempt", command->travel.attempt),
             LOG_S(description != NULL ? description->en : "see the manual's table of codes"));
}

/* An update that is unclear for too long, or can't be cleared by the gateway: one line when that is noticed,
 * and one when it has ended. */
static void
open_incident(const struct core_command *command)
{
    const struct exchange_record *record = command->record;
    if (record == NULL || (command->code != FEP_E_RESOLVE_LONG && command->code != FEP_E_NO_ABILITY))
        return;
    log_line(LOG_EVENT_INCIDENT_OPEN, LOG_SEV_ERROR, LOG_T("incident", "unknown"),
             LOG_T("msgid", record->header.key.msgid), LOG_T("infno", record->header.infno),
             LOG_T("role", role_name(record->role)),
             LOG_T(record->role == ROLE_DESTINATION ? "instance" : "peer", record->target),
             LOG_N("code", command->code), LOG_S("see fepctl unknown"));
}

static void
close_incident(const struct core_command *command)
{
    const struct exchange_record *record = command->record;
    if (command->code == 0)
        return;
    log_line(LOG_EVENT_INCIDENT_CLOSE, LOG_SEV_NOTICE, LOG_T("incident", "unknown"),
             LOG_T("msgid", record->header.key.msgid), LOG_T("infno", record->header.infno),
             LOG_T("role", role_name(record->role)),
             LOG_T(record->role == ROLE_DESTINATION ? "instance" : "peer", record->target),
             LOG_N("code", command->code), LOG_S(exchange_state_name((enum exchange_state)record->state)));
}

/* A read by key that can not be asked for is answered as "holds nothing": the asker inquires again. Of a
 * search by settlement nothing would be known, and the core is told just that. */
static void
read_store_for_core(struct router *router, const struct core_command *command)
{
    enum exchange_role role = (enum exchange_role)command->number;
    int status = command->header.key.msgid[0] != '\0'
                     ? store_find(router->store, &command->header.key, role, command->reference)
                     : store_find_settlement(router->store, role, command->header.infno,
                                             command->index.settlement_id, command->reference);
    if (status == 0)
        return;
    log_line(LOG_EVENT_ALARM, LOG_SEV_WARNING, LOG_N("code", FEP_E_STORE_READ),
             LOG_T("msgid", command->header.key.msgid));
    struct core_event nothing = {
        .type = EVENT_FOUND, .reference = command->reference, .flag = command->header.key.msgid[0] == '\0'};
    router_tell_core_later(router, &nothing);
}

static void
settle_link(struct router *router, const struct core_command *command)
{
    struct router_peer *peer = router_find_peer(router, command->to);
    if (peer != NULL)
        peer_settle(peer->peer, command->reference);
}

void
router_perform(struct router *router, const struct core_command *command)
{
    switch (command->type) {
    case CMD_STORE_INSERT:
        add_write(router, command, STORE_INSERT);
        break;
    case CMD_STORE_UPDATE:
        add_write(router, command, STORE_UPDATE);
        break;
    case CMD_STORE_CLOSE:
        add_write(router, command, STORE_CLOSE);
        break;
    case CMD_STORE_SERIALS:
        add_write(router, command, STORE_SERIALS);
        break;
    case CMD_ACK:
        settle_link(router, command);
        break;
    case CMD_SEND_UPDATE:
        send_to_peer(router, command, FRAME_UPDATE, 1);
        break;
    case CMD_SEND_REVERSAL:
        send_to_peer(router, command, FRAME_REVERSAL, 1);
        break;
    case CMD_SEND_OUTCOME:
        send_to_peer(router, command, FRAME_OUTCOME, 1);
        break;
    case CMD_SEND_QUERY:
        send_to_peer(router, command, FRAME_QUERY, 0);
        break;
    case CMD_SEND_ANSWER:
        send_to_peer(router, command, FRAME_ANSWER, 0);
        break;
    case CMD_SUBMIT:
        send_to_host(router, command, FRAME_SUBMIT);
        break;
    case CMD_CANCEL:
        send_to_host(router, command, FRAME_CANCEL);
        break;
    case CMD_TELL:
        send_to_host(router, command, FRAME_TELL);
        break;
    case CMD_RENDER:
        send_to_host(router, command, FRAME_RENDER);
        break;
    case CMD_HOST_ACK:
        send_to_host(router, command, FRAME_HOST_ACK);
        break;
    case CMD_LOG_OUTCOME:
        router_log_outcome(command->record);
        figures_count(&router->figures, command->record);
        close_incident(command);
        router_proposals_ended(router, command->record);
        break;
    case CMD_LOG_STEP:
        router_log_step(command->record, command);
        break;
    case CMD_STORE_FIND:
        read_store_for_core(router, command);
        break;
    case CMD_ALARM:
        raise_alarm(command);
        open_incident(command);
        break;
    }
}
