/* The list of what the daemon must do after a step. Must never be asked to speak for an exchange whose state
 * is not on disk: that is what exchange.c and advance.c see to. Room is reserved before each piece of work
 * (core_reserve), so emitting can not fail half-way; running out inside a piece of work would be a mistake of
 * ours and ends the process, which recovers from the store. */
#include "internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "error_codes.h"

enum { COMMANDS_PER_WORK = 256, RECORDS_PER_WORK = 32, OBJECTS_PER_WORK = 16 };

static int
reserve_commands(struct core *core)
{
    if (core->command_room - core->command_count >= COMMANDS_PER_WORK)
        return 0;
    size_t room = core->command_room * 2 + COMMANDS_PER_WORK;
    struct core_command *commands = reallocarray(core->commands, room, sizeof *commands);
    if (commands == NULL)
        return -1;
    core->commands = commands;
    core->command_room = room;
    return 0;
}

static int
reserve_records(struct core *core)
{
    if (core->chunk != NULL && core->chunk->used + RECORDS_PER_WORK <= RECORD_CHUNK)
        return 0;
    struct record_chunk **next = core->chunk != NULL ? &core->chunk->next : &core->chunks;
    if (*next == NULL) {
        *next = malloc(sizeof **next);
        if (*next == NULL)
            return -1;
        (*next)->next = NULL;
    }
    core->chunk = *next;
    core->chunk->used = 0;
    return 0;
}

int
core_reserve(struct core *core)
{
    if (reserve_commands(core) != 0 || reserve_records(core) != 0)
        return -1;
    if (pool_reserve(&core->ack_pool, OBJECTS_PER_WORK) != 0 ||
        pool_reserve(&core->input_pool, OBJECTS_PER_WORK) != 0)
        return -1;
    if (pool_reserve(&core->ticket_pool, 4) != 0 || pool_reserve(&core->person_pool, 4) != 0)
        return -1;
    return pool_reserve(&core->exchange_pool, 4) != 0 || pool_reserve(&core->query_pool, 4) != 0 ? -1 : 0;
}

void
core_must_reserve(struct core *core)
{
    if (core_reserve(core) != 0)
        abort(); /* what is on disk is all that counts; the restart begins there */
}

void
commands_begin(struct core *core)
{
    core->command_count = 0;
    core->chunk = core->chunks;
    if (core->chunk != NULL)
        core->chunk->used = 0;
}

void
commands_finish(struct core *core)
{
    free(core->commands);
    while (core->chunks != NULL) {
        struct record_chunk *next = core->chunks->next;
        free(core->chunks);
        core->chunks = next;
    }
}

struct core_command *
emit(struct core *core, enum command_type type)
{
    assert(core->command_count < core->command_room);
    struct core_command *command = &core->commands[core->command_count++];
    memset(command, 0, sizeof *command);
    command->type = type;
    return command;
}

const struct exchange_record *
emit_record(struct core *core, const struct exchange_record *record)
{
    assert(core->chunk != NULL && core->chunk->used < RECORD_CHUNK);
    struct exchange_record *copy = &core->chunk->records[core->chunk->used++];
    *copy = *record;
    return copy;
}

/* What ACKED names: attempt and what was sent, so that an old acknowledgement never speaks for a later
 * message. */
static uint64_t
token(uint32_t attempt, unsigned what)
{
    return (uint64_t)attempt * 32 + what;
}

enum { TOKEN_UPDATE = 1, TOKEN_REVERSAL = 2, TOKEN_ENDING = 3 };

uint64_t
update_token(const struct exchange_record *record)
{
    return token(record->attempt, TOKEN_UPDATE);
}

uint64_t
reversal_token(const struct exchange_record *record)
{
    return token(record->reversal_attempt, TOKEN_REVERSAL);
}

uint64_t
outcome_token(const struct exchange_record *record)
{
    return token(record->attempt, TOKEN_ENDING + record->state);
}

static uint32_t
time_left(const struct core *core, int64_t deadline_ms)
{
    int64_t left = deadline_ms - core->now_ms;
    return left <= 0 ? 0 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

static void
fill_message(const struct core *core, struct core_command *command, const struct exchange *exchange)
{
    const struct exchange_record *record = &exchange->record;
    command->header = record->header;
    command->index = record->index;
    command->travel.attempt = record->attempt;
    command->travel.time_left_ms =
        exchange->deadline_ms == NEVER ? 0 : time_left(core, exchange->deadline_ms);
    command->travel.hops_left = record->hops_left;
    if (MUTATED(TIME_LEFT_WHOLE) && exchange->deadline_ms != NEVER)
        command->travel.time_left_ms = call_time_ms(core, record->header.infno) + ORIGIN_EXTRA_MS;
    if (MUTATED(SEALED_HOPS))
        snprintf(command->header.institution, sizeof command->header.institution, "%u", record->hops_left);
}

/* An input that this gateway hands to itself: what a link would have made of the command. */
static void
deliver_internally(struct core *core, const struct core_command *command, enum event_type type)
{
    struct core_event event = {.type = type,
                               .from = core->self->name,
                               .reference = command->reference,
                               .header = command->header,
                               .travel = command->travel,
                               .index = command->index,
                               .outcome = command->outcome,
                               .body = command->body};
    post_internal(core, &event);
}

/* The last command was for a party: this gateway itself needs no link. */
static void
dispatch_last(struct core *core, const struct party *to, enum event_type type)
{
    struct core_command *command = &core->commands[core->command_count - 1];
    command->to = to->name;
    if (to->is_self) {
        struct core_command copy = *command;
        core->command_count--;
        deliver_internally(core, &copy, type);
    }
}

void
send_update(struct core *core, struct exchange *exchange)
{
    struct core_command *command = emit(core, CMD_SEND_UPDATE);
    if (MUTATED(RESENT_ELSEWHERE))
        exchange_set_target(
            core, exchange,
            first_target(core, &exchange->record.header, &exchange->record.index, exchange->previous));
    fill_message(core, command, exchange);
    if (exchange->asks)
        command->travel.time_left_ms = 0;
    command->reference = update_token(&exchange->record);
    command->body = exchange->body;
    dispatch_last(core, exchange->target, EVENT_UPDATE);
}

void
send_reversal(struct core *core, struct exchange *exchange)
{
    struct core_command *command = emit(core, CMD_SEND_REVERSAL);
    if (MUTATED(TODAYS_ROUTE))
        exchange_set_target(
            core, exchange,
            first_target(core, &exchange->record.header, &exchange->record.index, exchange->previous));
    fill_message(core, command, exchange);
    command->travel.attempt = exchange->record.reversal_attempt;
    command->travel.time_left_ms = 0;
    command->reference = reversal_token(&exchange->record);
    dispatch_last(core, exchange->target, EVENT_REVERSAL);
}

void
send_outcome(struct core *core, struct exchange *exchange, uint8_t copy)
{
    struct core_command *command = emit(core, CMD_SEND_OUTCOME);
    fill_message(core, command, exchange);
    command->travel.time_left_ms = 0;
    command->reference = outcome_token(&exchange->record);
    outcome_of_record(&exchange->record, &command->outcome);
    command->outcome.copy = copy;
    if (exchange->record.state == STATE_ANSWERED)
        command->body = exchange->answer;
    dispatch_last(core, exchange->previous, EVENT_OUTCOME);
}

void
send_ending(struct core *core, struct party *to, const struct message_header *header, uint32_t attempt,
            enum exchange_state state, uint16_t code)
{
    struct core_command *command = emit(core, CMD_SEND_OUTCOME);
    command->header = *header;
    command->travel.attempt = attempt;
    command->reference = token(attempt, TOKEN_ENDING + state);
    command->outcome = (struct core_outcome){.state = (uint8_t)state,
                                             .kind = FEP_REFUSED,
                                             .refusal_class = FEP_FINAL,
                                             .reason = FEP_REASON_PROTOCOL,
                                             .finding = FEP_FOUND_NEVER_ARRIVED,
                                             .code = code};
    dispatch_last(core, to, EVENT_OUTCOME);
}

static uint8_t
finding_of(const struct exchange_record *record)
{
    switch (record->state) {
    case STATE_ANSWERED:
        return FEP_FOUND_POSTED;
    case STATE_REFUSED:
        return FEP_FOUND_REFUSED;
    case STATE_REVERSED:
        return record->tombstone || record->code == FEP_E_WITHDRAWN ? FEP_FOUND_NEVER_ARRIVED
                                                                    : FEP_FOUND_REVERSED;
    case STATE_STANDS:
        return FEP_FOUND_STAYS_POSTED;
    default:
        return FEP_FOUND_IN_PROGRESS;
    }
}

void
outcome_of_record(const struct exchange_record *record, struct core_outcome *outcome)
{
    *outcome = (struct core_outcome){.state = record->state,
                                     .kind = record->kind,
                                     .effect = record->effect,
                                     .refusal_class = record->refusal_class,
                                     .reason = record->reason,
                                     .finding = finding_of(record),
                                     .code = record->code,
                                     .accounting_date = record->local.accounting_date};
    memcpy(outcome->text, record->text, sizeof outcome->text);
    memcpy(outcome->cycle, record->local.cycle, sizeof outcome->cycle);
}

void
alarm_about(struct core *core, uint16_t code, const struct exchange_record *record,
            const struct message_header *header, const struct party *party)
{
    struct core_command *command = emit(core, CMD_ALARM);
    command->code = code;
    if (record != NULL) {
        command->record = emit_record(core, record);
        command->header = record->header;
        command->travel.attempt = record->attempt;
    } else if (header != NULL) {
        command->header = *header;
    }
    command->to = party != NULL ? party->name : NULL;
}

void
settle_now(struct core *core, struct party *party, const struct message_key *key, uint64_t reference,
           uint8_t acked)
{
    if (party->is_self) {
        struct core_event event = {
            .type = EVENT_ACKED, .from = party->name, .reference = reference, .acked = acked};
        event.header.key = *key;
        post_internal(core, &event);
        return;
    }
    if (reference == 0)
        return;
    struct core_command *command = emit(core, acked == 0 ? CMD_HOST_ACK : CMD_ACK);
    command->to = party->name;
    command->reference = reference;
}

void
settle(struct core *core, struct exchange *exchange, struct party *party, uint64_t reference, uint8_t acked)
{
    struct pending_ack *ack;
    if (reference == 0)
        return;
    if (MUTATED(ACK_BEFORE_COMMIT)) {
        settle_now(core, party, &exchange->record.header.key, reference, acked);
        return;
    }
    for (ack = exchange->acks; ack != NULL; ack = ack->next)
        if (ack->party == party && ack->reference == reference && ack->acked == acked)
            return;
    ack = pool_take(&core->ack_pool);
    if (ack == NULL)
        return; /* the sender repeats, and then it is acknowledged */
    *ack =
        (struct pending_ack){.next = exchange->acks, .party = party, .reference = reference, .acked = acked};
    exchange->acks = ack;
}

void
flush_acks(struct core *core, struct exchange *exchange)
{
    if (exchange_is_mute(exchange) ||
        exchange->held != NULL) /* an answer that is being rendered is not taken yet */
        return;
    while (exchange->acks != NULL) {
        struct pending_ack *ack = exchange->acks;
        exchange->acks = ack->next;
        settle_now(core, ack->party, &exchange->record.header.key, ack->reference, ack->acked);
        pool_give(&core->ack_pool, ack);
    }
}

void
post_internal(struct core *core, const struct core_event *event)
{
    struct input *input = pool_take(&core->input_pool);
    if (input == NULL)
        return;
    input->event = *event;
    input->event.body = slice_share(event->body);
    list_append(&core->internal, &input->link);
}

void
hold_slice(struct core *core, struct slice slice)
{
    struct input *input = slice.size != 0 ? pool_take(&core->input_pool) : NULL;
    if (input == NULL)
        return;
    input->event.body = slice_share(slice);
    list_append(&core->dead_inputs, &input->link);
}
