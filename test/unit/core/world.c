/* See world.h. The invariants are in world_check.c. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "world_check.h"

static const char *const names[GATES] = {"A", "P", "B"};
enum { CALM_AFTER_MS = 240000, END_AFTER_MS = 4 * 3600 * 1000, SETTLE_MS = 60000, LATE_MS = 119000 };

static uint64_t
draw(struct world *world)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random * 0x2545F4914F6CDD1Dull >> 11;
}

static unsigned
upto(struct world *world, unsigned limit)
{
    return (unsigned)(draw(world) % limit);
}

static int
chance(struct world *world, unsigned per_cent)
{
    return !world->calm && upto(world, 100) < per_cent;
}

static int
gate_of(const char *name)
{
    for (int i = 0; i < GATES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static struct happening *
plan(struct world *world, enum happening_type type, int gate, int64_t after_ms)
{
    assert_true(world->happening_count < WORLD_HAPPENINGS);
    struct happening *happening = &world->happenings[world->happening_count++];
    *happening = (struct happening){.type = type, .gate = gate, .due_ms = world->now_ms + after_ms};
    return happening;
}

static void
plan_packet(struct world *world, int gate, const char *from, const struct core_event *event, int64_t after_ms)
{
    struct happening *happening = plan(world, HAPPEN_PACKET, gate, after_ms);
    happening->event = *event;
    happening->event.body = slice_share(event->body);
    snprintf(happening->from, sizeof happening->from, "%s", from);
}

static void
plan_commit(struct world *world, int gate)
{
    if (world->commit_due[gate] || world->gates[gate].write_count == 0)
        return;
    world->commit_due[gate] = 1;
    plan(world, HAPPEN_COMMIT, gate, 1 + upto(world, 40));
}

static void
step(struct world *world, int gate, struct core_event *event)
{
    struct rig *rig = &world->gates[gate];
    if (!world->alive[gate])
        return;
    rig->wall_ms += world->now_ms - rig->now_ms;
    rig->now_ms = world->now_ms;
    world->steps++;
    rig_step(rig, event);
    plan_commit(world, gate);
}

/* --- links --- */

static uint64_t
note_sent(struct world *world, int from, const struct core_command *command, uint8_t acked)
{
    if (world->sent_count == world->sent_room) {
        world->sent_room = world->sent_room * 2 + 64;
        world->sents = realloc(world->sents, world->sent_room * sizeof *world->sents);
        assert_non_null(world->sents);
    }
    world->sents[world->sent_count] =
        (struct sent){.from = from, .key = command->header.key, .token = command->reference, .acked = acked};
    return ++world->sent_count;
}

static void
over_the_link(struct world *world, int from, const char *to, struct core_event *event)
{
    int gate = gate_of(to), copies = 1 + chance(world, 8);
    if (gate < 0 || chance(world, world->loss))
        return;
    for (int i = 0; i < copies; i++)
        plan_packet(world, gate, names[from], event,
                    1 + upto(world, 30) + (chance(world, 5) ? upto(world, 30000) : 0));
}

static void
send_message(struct world *world, int from, const struct core_command *command, enum event_type type,
             uint8_t acked)
{
    struct core_event event = {.type = type,
                               .header = command->header,
                               .travel = command->travel,
                               .index = command->index,
                               .outcome = command->outcome,
                               .body = command->body};
    event.reference = note_sent(world, from, command, acked);
    over_the_link(world, from, command->to, &event);
}

static void
send_ack(struct world *world, int from, const struct core_command *command)
{
    const struct sent *sent = &world->sents[command->reference - 1];
    struct core_event event = {
        .type = EVENT_ACKED, .acked = sent->acked, .reference = upto(world, 2) ? sent->token : 0};
    event.header.key = sent->key;
    if (sent->token != 0 && event.reference == 0)
        event.travel.attempt = (uint32_t)(sent->token / 32);
    over_the_link(world, from, names[sent->from], &event);
}

/* --- host lb --- */

static struct world_call *
find_call(struct world *world, uint64_t id)
{
    for (size_t i = 0; i < WORLD_CALLS; i++)
        if (world->calls[i].used && world->calls[i].id == id)
            return &world->calls[i];
    return NULL;
}

static void
carry_out(struct world *world, const struct core_command *command, struct core_outcome *outcome)
{
    unsigned luck = world->calm ? 50 : upto(world, 100);
    char text[64] = "";
    uint64_t refunds = 0;
    if (command->body.size < sizeof text)
        memcpy(text, command->body.data, command->body.size);
    (void)sscanf(text, "refund %" SCNu64, &refunds);
    switch (command->operation) {
    case CORE_OP_SUBMIT:
        books_submit(&world->books, command->local.serial, command->header.key.msgid, refunds, luck, outcome);
        break;
    case CORE_OP_INQUIRE:
        books_inquire(&world->books, command->local.serial, outcome);
        break;
    case CORE_OP_REVERSE:
        books_reverse(&world->books, command->local.serial, outcome);
        break;
    case CORE_OP_UNDO:
        books_submit(&world->books, command->cancel.serial, "cancel", command->local.serial, luck, outcome);
        break;
    default:
        books_reverse(&world->books, command->cancel.serial, outcome);
        break;
    }
}

static void
submit(struct world *world, const struct core_command *command)
{
    struct world_call *call = find_call(world, command->reference);
    if (!world->host_up || call != NULL)
        return; /* offered again: joined */
    for (size_t i = 0; i < WORLD_CALLS && call == NULL; i++)
        if (!world->calls[i].used)
            call = &world->calls[i];
    assert_non_null(call);
    *call = (struct world_call){.id = command->reference, .used = 1, .command = *command};
    call->command.body = slice_share(command->body);
    call->command.answer = SLICE_NONE;
    struct happening *arrival = NULL;
    if (chance(world, 8)) { /* never left, and the host knows */
        struct happening *reply = plan(world, HAPPEN_REPLY, GATE_B, 100);
        reply->number = call->id;
        reply->epoch = world->epoch;
        reply->outcome = (struct core_outcome){.kind = FEP_NOT_SENT, .reason = FEP_REASON_LINK_DOWN};
        return;
    }
    int64_t way = 5 + upto(world, 200);
    if (chance(world, 6))
        way = upto(world, LATE_MS);
    if (!chance(world, 8)) { /* else lost on the way */
        arrival = plan(world, HAPPEN_ARRIVAL, GATE_B, way);
        arrival->number = call->id;
        arrival->epoch = world->epoch;
        arrival->event.body = slice_share(call->command.body);
        arrival->event.header = command->header;
        arrival->event.index = command->index;
        /* the bytes are under way whatever becomes of the host */
        arrival->event.reference = command->local.serial;
        arrival->event.sequence = command->cancel.serial;
        arrival->event.flag = command->operation;
    }
    struct happening *timeout = plan(world, HAPPEN_TIMEOUT, GATE_B, command->travel.time_left_ms);
    timeout->number = call->id;
    timeout->epoch = world->epoch;
}

static void
offer_done(struct world *world, const struct world_call *call)
{
    char text[32];
    struct core_event event = {
        .type = EVENT_DONE, .reference = call->id, .epoch = world->epoch, .outcome = call->outcome};
    if (call->outcome.kind == FEP_ANSWERED &&
        (call->command.operation == CORE_OP_SUBMIT ||
         (call->command.operation == CORE_OP_INQUIRE && call->outcome.finding == FEP_FOUND_POSTED))) {
        snprintf(text, sizeof text, "serial %" PRIu64, call->command.local.serial);
        event.body = slice_copy(text, strlen(text));
        event.index.size = sizeof event.index;
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "%" PRIu64,
                 call->command.local.serial);
    }
    plan_packet(world, GATE_B, "lb", &event, 1 + upto(world, 5));
    slice_release(&event.body);
    struct happening *again = plan(world, HAPPEN_OFFER, GATE_B, 2000);
    again->number = call->id;
    again->epoch = world->epoch;
}

static void
complete(struct world *world, struct world_call *call, const struct core_outcome *outcome)
{
    call->done = 1;
    call->outcome = *outcome;
    offer_done(world, call);
}

static void
report_late(struct world *world, uint64_t serial, const struct core_outcome *outcome)
{
    struct core_event event = {
        .type = EVENT_LATE, .reference = serial, .epoch = world->epoch, .outcome = *outcome};
    if (outcome->kind == FEP_ANSWERED && upto(world, 2)) {
        char text[32];
        snprintf(text, sizeof text, "serial %" PRIu64, serial);
        event.body = slice_copy(text, strlen(text));
    }
    plan_packet(world, GATE_B, "lb", &event, 1);
    slice_release(&event.body);
}

static void
on_arrival(struct world *world, const struct happening *happening)
{
    struct core_command command = {.operation = happening->event.flag,
                                   .header = happening->event.header,
                                   .index = happening->event.index,
                                   .body = happening->event.body};
    struct core_outcome outcome;
    command.local.serial = happening->event.reference;
    command.cancel.serial = happening->event.sequence;
    carry_out(world, &command, &outcome);
    if (world->trace)
        printf("%8" PRId64 " books op %u serial %" PRIu64 " cancel %" PRIu64
               " -> kind %u code %u finding %u\n",
               world->now_ms, command.operation, command.local.serial, command.cancel.serial, outcome.kind,
               outcome.code, outcome.finding);
    struct world_call *call = find_call(world, happening->number);
    if (happening->epoch != world->epoch || call == NULL || !world->host_up)
        return;
    if (call->done) {
        if (call->command.operation == CORE_OP_SUBMIT)
            report_late(world, command.local.serial, &outcome);
        return;
    }
    if (chance(world, 10))
        return; /* the answer is lost */
    struct happening *reply = plan(world, HAPPEN_REPLY, GATE_B, 1 + upto(world, 50));
    reply->number = call->id;
    reply->epoch = world->epoch;
    reply->outcome = outcome;
}

static void
host_crash(struct world *world)
{
    world->host_up = 0;
    for (size_t i = 0; i < WORLD_CALLS; i++) {
        slice_release(&world->calls[i].command.body);
        world->calls[i] = (struct world_call){0};
    }
    struct core_event event = {.type = EVENT_HOST_DOWN, .from = "lb", .epoch = world->epoch};
    step(world, GATE_B, &event);
    plan(world, HAPPEN_HOST_START, GATE_B, 500 + upto(world, 5000));
}

static void
host_hello(struct world *world)
{
    uint64_t open[WORLD_CALLS];
    size_t count = 0;
    if (!world->host_up || !world->alive[GATE_B])
        return;
    for (size_t i = 0; i < WORLD_CALLS; i++)
        if (world->calls[i].used)
            open[count++] = world->calls[i].id;
    struct core_event event = {.type = EVENT_HOST_UP,
                               .from = "lb",
                               .epoch = world->epoch,
                               .abilities =
                                   FEP_CALLS_OUT | FEP_REVERSES | (world->inquires ? FEP_INQUIRES : 0u),
                               .open_calls = open,
                               .open_call_count = count};
    step(world, GATE_B, &event);
}

/* --- the caller at A --- */

static void
ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh)
{
    struct world_update *update = &world->updates[number];
    struct rig *rig = &world->gates[GATE_A];
    uint64_t ticket = number + 1 + (uint64_t)(++update->asked) * 100 + 100000;
    struct rig_request request = {.msgid = update->msgid,
                                  .infno = update->infno,
                                  .body = update->body,
                                  .person = update->person,
                                  .fresh = (uint8_t)fresh,
                                  .caller_inquires = (uint8_t)(number % 2),
                                  .ticket = ticket};
    char other[MSGID_SIZE], settlement[32];
    snprintf(settlement, sizeof settlement, "%" PRIu64, update->refunds);
    if (update->refunds != 0)
        request.settlement = settlement;
    if (transaction_class != CLASS_UPDATE) {
        snprintf(other, sizeof other, "x%" PRIu64, ticket);
        request.msgid = other;
        request.original = update->msgid;
        request.infno = transaction_class == CLASS_REVERSAL ? "2601" : "9998";
        request.transaction_class = transaction_class;
        update->asked_reversal |= transaction_class == CLASS_REVERSAL;
    }
    update->tickets = ticket;
    update->waiting = 1;
    update->asked_ms = world->now_ms;
    struct happening *check = plan(world, HAPPEN_CALLER, GATE_A, 101000);
    check->number = number;
    check->other = ticket;
    if (chance(world, 5))
        plan(world, HAPPEN_GONE, GATE_A, upto(world, 1000))->number = ticket;
    if (world->trace)
        printf("%8" PRId64 " caller %s asks class %u fresh %d\n", world->now_ms, update->msgid,
               transaction_class, fresh);
    if (!world->alive[GATE_A])
        return;
    rig->wall_ms += world->now_ms - rig->now_ms;
    rig->now_ms = world->now_ms;
    rig_request(rig, request);
    plan_commit(world, GATE_A);
}

static void
plan_ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh,
         int64_t after_ms)
{
    struct happening *happening = plan(world, HAPPEN_ASK, GATE_A, after_ms);
    happening->number = number;
    happening->other = (uint64_t)transaction_class;
    happening->epoch = (uint32_t)fresh;
}

static void
add_refund(struct world *world, const struct world_update *of)
{
    if (world->update_count == WORLD_UPDATES)
        return;
    struct world_update *update = &world->updates[world->update_count];
    snprintf(update->msgid, sizeof update->msgid, "r%zu", world->update_count);
    snprintf(update->infno, sizeof update->infno, "2208");
    snprintf(update->body, sizeof update->body, "refund %" PRIu64, of->settlement);
    update->person = of->person;
    update->refunds = of->settlement;
    plan_ask(world, world->update_count++, CLASS_UPDATE, 1, upto(world, 20000));
}

static void
answered(struct world *world, size_t number, const struct core_command *told)
{
    struct world_update *update = &world->updates[number];
    char text[64] = "";
    update->told_answered++;
    if (told->body.size < sizeof text && told->body.size > 0)
        memcpy(text, told->body.data, told->body.size);
    (void)sscanf(text, "serial %" SCNu64, &update->settlement);
    if (chance(world, 15))
        plan_ask(world, number, CLASS_REVERSAL, 0, upto(world, 30000));
    else if (chance(world, 25) && update->refunds == 0 && update->settlement != 0)
        add_refund(world, update);
    else if (chance(world, 10))
        plan_ask(world, number, CLASS_UPDATE, 0, upto(world, 30000));
}

static void
on_tell(struct world *world, const struct core_command *told)
{
    uint64_t ticket = told->reference;
    size_t number = (size_t)((ticket - 100000) % 100 - 1);
    struct world_update *update = &world->updates[number];
    const struct core_outcome *outcome = &told->outcome;
    if (world->trace)
        printf("%8" PRId64 " told %s kind %u state %u code %u finding %u class %u copy %u\n", world->now_ms,
               update->msgid, outcome->kind, outcome->state, outcome->code, outcome->finding,
               outcome->refusal_class, outcome->copy);
    if (update->tickets == ticket)
        update->waiting = 0;
    check_told(world, update, outcome);
    if (told->header.transaction_class != CLASS_UPDATE)
        return;
    if (outcome->kind == FEP_ANSWERED && outcome->state == STATE_ANSWERED) {
        answered(world, number, told);
    } else if (outcome->kind == FEP_NOT_SENT) {
        update->not_sent = 1;
    } else if (outcome->kind == FEP_REFUSED && outcome->state == STATE_REFUSED) {
        update->told_refused++;
        if (outcome->refusal_class == FEP_REPEATABLE && !world->calm && upto(world, 100) < 50)
            plan_ask(world, number, CLASS_UPDATE, (int)upto(world, 2), upto(world, 5000));
    }
}

static void
caller_looks(struct world *world, size_t number, uint64_t ticket)
{
    struct world_update *update = &world->updates[number];
    if (!update->waiting || update->tickets != ticket || world->now_ms > CALM_AFTER_MS + SETTLE_MS * 20)
        return;
    update->waiting = 0;
    switch (upto(world, 4)) {
    case 0:
        plan_ask(world, number, CLASS_UPDATE, 0, 10);
        break;
    case 1:
        plan_ask(world, number, CLASS_INQUIRY, 0, 10);
        break;
    case 2:
        plan_ask(world, number, CLASS_REVERSAL, 0, 10);
        break;
    default:
        break;
    }
}

/* --- gateways --- */

static void
on_command(void *arg, struct rig *rig, const struct core_command *command)
{
    struct world *world = arg;
    int gate = gate_of(rig->config.node);
    check_command(world, gate, command);
    switch (command->type) {
    case CMD_SEND_UPDATE:
        send_message(world, gate, command, EVENT_UPDATE, ACKED_UPDATE);
        break;
    case CMD_SEND_REVERSAL:
        send_message(world, gate, command, EVENT_REVERSAL, ACKED_REVERSAL);
        break;
    case CMD_SEND_OUTCOME:
        send_message(world, gate, command, EVENT_OUTCOME, ACKED_OUTCOME);
        break;
    case CMD_ACK:
        send_ack(world, gate, command);
        break;
    case CMD_SUBMIT:
        submit(world, command);
        break;
    case CMD_HOST_ACK:
        for (size_t i = 0; i < WORLD_CALLS; i++)
            if (world->calls[i].used && world->calls[i].done && world->calls[i].id == command->reference) {
                slice_release(&world->calls[i].command.body);
                world->calls[i] = (struct world_call){0};
            }
        break;
    case CMD_RENDER: {
        struct core_event event = {.type = EVENT_RENDERED, .reference = command->reference, .epoch = 1};
        event.flag = !chance(world, 5);
        plan_packet(world, GATE_A, "la", &event, 1 + upto(world, 10));
        break;
    }
    case CMD_TELL:
        on_tell(world, command);
        break;
    default:
        break;
    }
}

static void
start_gate(struct world *world, int gate)
{
    struct rig *rig = &world->gates[gate];
    rig->now_ms = world->now_ms;
    world->alive[gate] = 1;
    rig_parties_up(rig, 0);
    for (int other = 0; other < GATES; other++)
        if (abs(other - gate) == 1) {
            struct core_event event = {.type = EVENT_PEER_UP, .from = names[other]};
            step(world, gate, &event);
        }
    if (gate == GATE_A) {
        struct core_event event = {
            .type = EVENT_HOST_UP, .from = "la", .epoch = 1, .abilities = FEP_SERVES_IN};
        step(world, gate, &event);
    } else if (gate == GATE_B) {
        host_hello(world);
    }
    plan_commit(world, gate);
}

/* What the writer had under way may or may not have reached the disk: a prefix has. */
static void
crash_gate(struct world *world, int gate)
{
    struct rig *rig = &world->gates[gate];
    if (!world->alive[gate])
        return;
    if (world->trace)
        printf("%8" PRId64 " %s dies, %zu writes under way\n", world->now_ms, names[gate], rig->write_count);
    rig_commit_prefix(rig, rig->write_count != 0 ? upto(world, (unsigned)rig->write_count + 1) : 0);
    rig_crash(rig);
    world->alive[gate] = 0;
    plan(world, HAPPEN_START, gate, 200 + upto(world, 20000));
}

static void
commit(struct world *world, int gate)
{
    struct rig *rig = &world->gates[gate];
    world->commit_due[gate] = 0;
    if (!world->alive[gate])
        return;
    rig->wall_ms += world->now_ms - rig->now_ms;
    rig->now_ms = world->now_ms;
    rig_commit(rig);
    plan_commit(world, gate);
}

static void
deliver(struct world *world, struct happening *happening)
{
    happening->event.from = happening->from;
    if (world->trace)
        printf("%8" PRId64 " %s <- %s event %u %s ref %" PRIu64 " state %u\n", world->now_ms,
               names[happening->gate], happening->from, happening->event.type,
               happening->event.header.key.msgid, happening->event.reference, happening->event.outcome.state);
    step(world, happening->gate, &happening->event);
}

static void
on_reply(struct world *world, const struct happening *happening)
{
    struct world_call *call = find_call(world, happening->number);
    static const struct core_outcome unknown = {
        .kind = FEP_UNKNOWN, .reason = FEP_REASON_DEADLINE, .code = FEP_E_LOCAL_TIMEOUT};
    if (!world->host_up || happening->epoch != world->epoch || call == NULL)
        return;
    if (happening->type == HAPPEN_OFFER) {
        if (call->done)
            offer_done(world, call);
    } else if (!call->done) {
        complete(world, call, happening->type == HAPPEN_TIMEOUT ? &unknown : &happening->outcome);
    }
}

static void
happen(struct world *world, struct happening *happening)
{
    switch (happening->type) {
    case HAPPEN_PACKET:
        deliver(world, happening);
        break;
    case HAPPEN_COMMIT:
        commit(world, happening->gate);
        break;
    case HAPPEN_CRASH:
        if (!world->calm)
            crash_gate(world, happening->gate);
        break;
    case HAPPEN_START:
        start_gate(world, happening->gate);
        break;
    case HAPPEN_HOST_CRASH:
        if (!world->calm && world->host_up)
            host_crash(world);
        break;
    case HAPPEN_HOST_START:
        world->epoch++;
        world->host_up = 1;
        host_hello(world);
        break;
    case HAPPEN_ARRIVAL:
        on_arrival(world, happening);
        break;
    case HAPPEN_REPLY:
    case HAPPEN_TIMEOUT:
    case HAPPEN_OFFER:
        on_reply(world, happening);
        break;
    case HAPPEN_ASK:
        if (happening->epoch == 1 && world->updates[happening->number].told_refused > 0)
            world->updates[happening->number].fresh_after_refusal++;
        ask(world, (size_t)happening->number, (enum transaction_class)happening->other,
            (int)happening->epoch);
        break;
    case HAPPEN_CALLER:
        caller_looks(world, (size_t)happening->number, happening->other);
        break;
    case HAPPEN_DISK: {
        struct core_event event = {.type = EVENT_DISK, .flag = happening->number == 0};
        world->gates[happening->gate].refuse_writes = (int)happening->number;
        step(world, happening->gate, &event);
        break;
    }
    case HAPPEN_GONE: {
        struct core_event event = {
            .type = EVENT_CALLER_GONE, .from = "la", .reference = happening->number, .epoch = 1};
        step(world, GATE_A, &event);
        break;
    }
    case HAPPEN_LINK: {
        int up = (int)happening->number;
        struct core_event event = {.type = up ? EVENT_PEER_UP : EVENT_PEER_DOWN,
                                   .from = names[happening->gate == GATE_P ? (int)happening->other : GATE_P]};
        step(world, happening->gate, &event);
        break;
    }
    }
    slice_release(&happening->event.body);
}

/* --- one run --- */

static void
plan_faults(struct world *world)
{
    for (int gate = 0; gate < GATES; gate++)
        for (unsigned i = upto(world, 3); i > 0; i--)
            plan(world, HAPPEN_CRASH, gate, upto(world, CALM_AFTER_MS));
    for (unsigned i = upto(world, 3); i > 0; i--)
        plan(world, HAPPEN_HOST_CRASH, GATE_B, upto(world, CALM_AFTER_MS));
    if (upto(world, 4) == 0) {
        int gate = (int)upto(world, GATES);
        int64_t at = upto(world, CALM_AFTER_MS / 2);
        plan(world, HAPPEN_DISK, gate, at)->number = 1;
        plan(world, HAPPEN_DISK, gate, at + upto(world, 60000));
    }
    for (unsigned i = upto(world, 4); i > 0; i--) {
        int gate = (int)upto(world, GATES), other = upto(world, 2) ? GATE_A : GATE_B;
        int64_t at = upto(world, CALM_AFTER_MS);
        struct happening *down = plan(world, HAPPEN_LINK, gate, at);
        down->other = (uint64_t)other;
        struct happening *up = plan(world, HAPPEN_LINK, gate, at + upto(world, 60000));
        up->other = (uint64_t)other;
        up->number = 1;
    }
}

static void
plan_updates(struct world *world)
{
    unsigned spread = upto(world, 2) ? 120000 : 15000;
    world->update_count = 1 + upto(world, 6);
    for (size_t i = 0; i < world->update_count; i++) {
        struct world_update *update = &world->updates[i];
        snprintf(update->msgid, sizeof update->msgid, "u%zu", i);
        snprintf(update->infno, sizeof update->infno, "2207");
        snprintf(update->body, sizeof update->body, "settle %zu", i);
        update->person = (uint8_t)upto(world, 2);
        plan_ask(world, i, CLASS_UPDATE, 1, upto(world, spread));
        if (upto(world, 100) < 10)
            plan_ask(world, i, CLASS_REVERSAL, 0, upto(world, 150000));
    }
}

static size_t
next_happening(const struct world *world)
{
    size_t best = 0;
    for (size_t i = 1; i < world->happening_count; i++)
        if (world->happenings[i].due_ms < world->happenings[best].due_ms)
            best = i;
    return best;
}

static int
tick_gates(struct world *world, int64_t until)
{
    int first = -1;
    int64_t earliest = until;
    for (int gate = 0; gate < GATES; gate++) {
        if (!world->alive[gate])
            continue;
        int64_t due = core_next_due(world->gates[gate].core);
        if (due < earliest) {
            earliest = due;
            first = gate;
        }
    }
    if (first < 0)
        return 0;
    if (earliest > world->now_ms)
        world->now_ms = earliest;
    struct core_event event = {.type = EVENT_TICK};
    step(world, first, &event);
    return 1;
}

static void
run(struct world *world)
{
    for (int64_t turns = 0; world->failure[0] == '\0'; turns++) {
        if (turns > 400000) {
            snprintf(world->failure, sizeof world->failure, "no end of steps");
            return;
        }
        size_t next = next_happening(world);
        int64_t due = world->happening_count > 0 ? world->happenings[next].due_ms : INT64_MAX;
        if (due > END_AFTER_MS)
            due = END_AFTER_MS;
        if (tick_gates(world, due))
            continue;
        if (due == END_AFTER_MS)
            return;
        if (due > world->now_ms)
            world->now_ms = due;
        world->calm = world->now_ms > CALM_AFTER_MS;
        struct happening happening = world->happenings[next];
        world->happenings[next] = world->happenings[--world->happening_count];
        happen(world, &happening);
    }
}

static void
begin(struct world *world)
{
    struct route_rule to_p = {.prefix = "45", .targets = {"P"}}, to_b = {.prefix = "45", .targets = {"B"}},
                      to_lb = {.prefix = "45", .targets = {"lb"}, .targets_local = 1};
    const struct route_rule *rules[GATES] = {&to_p, &to_b, &to_lb};
    for (int gate = 0; gate < GATES; gate++) {
        rig_init(&world->gates[gate], names[gate]);
        world->gates[gate].manual_commit = 1;
        world->gates[gate].sink = on_command;
        world->gates[gate].sink_arg = world;
        rig_set_routes(&world->gates[gate], rules[gate], 1);
    }
    world->epoch = 1;
    world->host_up = 1;
    for (int gate = 0; gate < GATES; gate++)
        start_gate(world, gate);
}

static void
finish(struct world *world)
{
    for (int gate = 0; gate < GATES; gate++)
        rig_finish(&world->gates[gate]);
    for (size_t i = 0; i < world->happening_count; i++)
        slice_release(&world->happenings[i].event.body);
    for (size_t i = 0; i < WORLD_CALLS; i++)
        slice_release(&world->calls[i].command.body);
    free(world->happenings);
    free(world->sents);
}

int
world_play(uint64_t seed, int trace, struct world *world)
{
    memset(world, 0, sizeof *world);
    world->random = seed * 0x9E3779B97F4A7C15ull + 0x1234567;
    world->trace = trace;
    world->happenings = calloc(WORLD_HAPPENINGS, sizeof *world->happenings);
    assert_non_null(world->happenings);
    (void)draw(world);
    world->loss = upto(world, 20);
    world->inquires = (int)upto(world, 2);
    world->books.replays = world->inquires;
    world->books.decline = upto(world, 30);
    begin(world);
    plan_updates(world);
    if (upto(world, 4) != 0)
        plan_faults(world);
    run(world);
    if (world->failure[0] == '\0')
        check_end(world);
    finish(world);
    return world->failure[0] == '\0' ? 0 : -1;
}
