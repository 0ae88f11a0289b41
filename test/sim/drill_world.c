/* The drill's world: lines, the adapter host, the local system and its books, the caller. Must lose what
 * crosses a cut, and nothing else; must carry out at the local system what arrived there, also when its
 * answer is lost. */
#include "drill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error_codes.h"

enum {
    LINK_MS = 8,
    COMMIT_MS = 3,
    HOST_MS = 1,
    NOTICED_MS = 7000, /* a dead link is noticed */
    RECONNECTED_MS = 1000,
    PERSONS = 100000,
    CALLS = 1 << 14,
    SENT = 1 << 20
};
static const int64_t start_ms = 1000000, wall_start_ms = 1795226400000; /* 2026-11-21, some morning */

enum what { HAPPEN_STEP = 1, HAPPEN_COMMIT, HAPPEN_ARRIVE, HAPPEN_REPLY, HAPPEN_TIMEOUT, HAPPEN_ASK };

struct planned {
    int64_t due_ms;
    uint64_t order, number;
    struct core_event *event; /* STEP; owned */
    uint8_t what, gate, over; /* over: 1 = came over the link */
};

struct host_call {
    uint64_t id;
    uint32_t update;
    uint8_t operation, open;
};

struct sent {
    uint64_t token;
    struct message_key key;
    uint8_t acked;
};

struct drill_world {
    struct planned *heap;
    size_t count, room;
    uint64_t order;
    struct route_table *routes[GATES];
    uint64_t written[GATES];
    uint8_t commit_planned[GATES];
    struct host_call *calls; /* by id modulo CALLS; ids of open ones do not meet there, or are probed */
    uint32_t open;
    struct sent *sents;
    uint64_t sent_count;
    int64_t busy_until_us; /* the local system takes the next call then */
};

int64_t
drill_return_ms(const struct drill_case *conditions)
{
    return conditions->warm_ms + conditions->cut_ms;
}

static void *
must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* --- what will happen --- */

static bool
is_before(const struct planned *a, const struct planned *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void
plan(struct drill *drill, int64_t after_ms, struct planned planned)
{
    struct drill_world *world = drill->world;
    if (world->count == world->room) {
        world->room = world->room * 2 + 1024;
        world->heap = must(realloc(world->heap, world->room * sizeof *world->heap));
    }
    planned.due_ms = drill->now_ms + after_ms;
    planned.order = world->order++;
    size_t at = world->count++;
    for (; at > 0 && is_before(&planned, &world->heap[(at - 1) / 2]); at = (at - 1) / 2)
        world->heap[at] = world->heap[(at - 1) / 2];
    world->heap[at] = planned;
}

static struct planned
take(struct drill_world *world)
{
    struct planned first = world->heap[0], last = world->heap[--world->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->count)
            break;
        if (child + 1 < world->count && is_before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!is_before(&world->heap[child], &last))
            break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return first;
}

static void
plan_step(struct drill *drill, int64_t after_ms, uint8_t gate, bool over, const struct core_event *event)
{
    struct planned planned = {.what = HAPPEN_STEP, .gate = gate, .over = over};
    planned.event = must(malloc(sizeof *event));
    *planned.event = *event;
    planned.event->body = slice_share(event->body);
    plan(drill, after_ms, planned);
}

static bool
is_cut_now(const struct drill *drill)
{
    return drill->now_ms >= drill->conditions->warm_ms && drill->now_ms < drill_return_ms(drill->conditions);
}

static bool
local_is_cut(const struct drill *drill)
{
    return is_cut_now(drill) && drill->conditions->cut >= CUT_SILENT;
}

static bool
link_is_cut(const struct drill *drill, uint8_t to)
{
    return is_cut_now(drill) &&
           (drill->conditions->cut == CUT_LINK || (drill->conditions->cut == CUT_ONE_WAY && to == GATE_A));
}

/* --- the line between the gateways --- */

static const char *const names[GATES] = {"A", "B"};

static void
send_over(struct drill *drill, uint8_t from, const struct core_command *command, enum event_type type,
          uint8_t acked)
{
    struct drill_world *world = drill->world;
    struct sent *sent = &world->sents[world->sent_count++ % SENT];
    *sent = (struct sent){.token = command->reference, .key = command->header.key, .acked = acked};
    struct core_event event = {.type = type,
                               .from = names[from],
                               .reference = world->sent_count,
                               .header = command->header,
                               .travel = command->travel,
                               .index = command->index,
                               .outcome = command->outcome,
                               .body = command->body};
    if (!link_is_cut(drill, !from))
        plan_step(drill, LINK_MS, !from, true, &event);
}

static void
send_ack(struct drill *drill, uint8_t from, uint64_t reference)
{
    const struct sent *sent = &drill->world->sents[(reference - 1) % SENT];
    struct core_event event = {
        .type = EVENT_ACKED, .from = names[from], .reference = sent->token, .acked = sent->acked};
    event.header.key = sent->key;
    if (!link_is_cut(drill, !from))
        plan_step(drill, LINK_MS, !from, true, &event);
}

/* --- adapter host and local system --- */

static uint32_t
update_of(const struct message_key *key)
{
    unsigned number = 0;
    (void)sscanf(key->msgid, "u%u", &number);
    return number;
}

static struct host_call *
find_call(struct drill_world *world, uint64_t id)
{
    for (uint64_t i = 0; i < CALLS; i++) {
        struct host_call *call = &world->calls[(id + i * 7) % CALLS];
        if (call->open && call->id == id)
            return call;
        if (!call->open && i > 64)
            return NULL;
    }
    return NULL;
}

static void
say_done(struct drill *drill, uint64_t id, uint32_t update, const struct core_outcome *outcome,
         bool with_answer)
{
    struct core_event event = {
        .type = EVENT_DONE, .from = "lb", .epoch = 1, .reference = id, .outcome = *outcome};
    char text[32];
    int size = snprintf(text, sizeof text, "settled %u", update);
    if (with_answer) {
        event.body = slice_copy(text, (size_t)size);
        event.index.size = sizeof event.index;
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "S%u", update);
    }
    plan_step(drill, HOST_MS, GATE_B, false, &event);
    slice_release(&event.body);
}

static void
complete(struct drill *drill, struct host_call *call, const struct core_outcome *outcome, bool with_answer)
{
    call->open = 0;
    drill->world->open--;
    say_done(drill, call->id, call->update, outcome, with_answer);
}

static void
submit(struct drill *drill, const struct core_command *command)
{
    static const struct core_outcome no_room = {.kind = FEP_NOT_SENT,
                                                .refusal_class = FEP_REPEATABLE,
                                                .reason = FEP_REASON_BOUND,
                                                .code = FEP_E_BOUND};
    static const struct core_outcome no_line = {
        .kind = FEP_NOT_SENT, .refusal_class = FEP_REPEATABLE, .reason = FEP_REASON_LINK_DOWN, .code = 9001};
    struct drill_world *world = drill->world;
    uint32_t update = update_of(&command->header.key);
    struct host_call *call = NULL;
    if (find_call(world, command->reference) != NULL)
        return;
    if (world->open >= drill->conditions->window) {
        drill->bounced++;
        say_done(drill, command->reference, update, &no_room, false);
        return;
    }
    for (uint64_t i = 0; call == NULL && i < CALLS; i++)
        if (!world->calls[(command->reference + i * 7) % CALLS].open)
            call = &world->calls[(command->reference + i * 7) % CALLS];
    *(struct host_call *)must(call) = (struct host_call){
        .id = command->reference, .update = update, .operation = command->operation, .open = 1};
    if (++world->open > drill->most_open)
        drill->most_open = world->open;
    if (local_is_cut(drill) && drill->conditions->cut == CUT_REFUSED) {
        complete(drill, call, &no_line, false);
        return;
    }
    plan(drill, command->travel.time_left_ms, (struct planned){.what = HAPPEN_TIMEOUT, .number = call->id});
    if (!local_is_cut(drill))
        plan(drill, HOST_MS, (struct planned){.what = HAPPEN_ARRIVE, .number = call->id});
}

/* It takes one call after the other, as fast as it can, and each takes its time. */
static void
arrive(struct drill *drill, uint64_t id)
{
    struct drill_world *world = drill->world;
    int64_t now_us = drill->now_ms * 1000;
    if (find_call(world, id) == NULL || local_is_cut(drill))
        return;
    if (world->busy_until_us < now_us)
        world->busy_until_us = now_us;
    world->busy_until_us += 1000000 / drill->conditions->capacity;
    plan(drill, (world->busy_until_us - now_us) / 1000 + drill->conditions->service_ms,
         (struct planned){.what = HAPPEN_REPLY, .number = id});
}

static void
carry_out(struct drill *drill, const struct host_call *call, struct core_outcome *outcome)
{
    uint8_t *entry = &drill->book[call->update];
    drill->calls[call->operation]++;
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED};
    switch (call->operation) {
    case CORE_OP_SUBMIT:
        if (*entry == ENTRY_NONE)
            *entry = ENTRY_IN_FORCE;
        else
            *outcome = (struct core_outcome){.kind = FEP_REFUSED, .refusal_class = FEP_FINAL, .code = 1005};
        outcome->effect = FEP_EFFECT_POSTED;
        break;
    case CORE_OP_INQUIRE:
        outcome->finding = *entry == ENTRY_IN_FORCE ? FEP_FOUND_POSTED
                           : *entry == ENTRY_UNDONE ? FEP_FOUND_REVERSED
                                                    : FEP_FOUND_NOTHING;
        break;
    case CORE_OP_UNDO:
        *entry = ENTRY_UNDONE;
        break;
    default: /* a reversal also blocks what never came */
        outcome->finding =
            *entry == ENTRY_IN_FORCE || *entry == ENTRY_UNDONE ? FEP_FOUND_REVERSED : FEP_FOUND_NEVER_ARRIVED;
        *entry = *entry == ENTRY_NONE || *entry == ENTRY_NEVER ? ENTRY_NEVER : ENTRY_UNDONE;
        break;
    }
}

static void
reply(struct drill *drill, uint64_t id)
{
    struct host_call *call = find_call(drill->world, id);
    struct core_outcome outcome;
    if (call == NULL)
        return;
    carry_out(drill, call, &outcome);
    bool with_answer = outcome.kind == FEP_ANSWERED &&
                       (call->operation == CORE_OP_SUBMIT || outcome.finding == FEP_FOUND_POSTED);
    if (!local_is_cut(drill))
        complete(drill, call, &outcome, with_answer);
}

static void
time_out(struct drill *drill, uint64_t id)
{
    static const struct core_outcome unknown = {
        .kind = FEP_UNKNOWN, .reason = FEP_REASON_DEADLINE, .code = 9002};
    struct host_call *call = find_call(drill->world, id);
    if (call != NULL)
        complete(drill, call, &unknown, false);
}

/* --- the gateways --- */

static void
note_state(struct drill *drill, uint8_t gate, const struct exchange_record *record)
{
    struct drill_update *update = &drill->updates[update_of(&record->header.key)];
    if (gate == GATE_B && record->state == STATE_UNKNOWN &&
        drill->now_ms >= drill_return_ms(drill->conditions))
        update->inquired = true;
    if (record->state == STATE_UNKNOWN || record->state == STATE_REVERSING) {
        if (update->unclear_ms == 0)
            update->unclear_ms = drill->now_ms;
        update->unclear_at |= (uint8_t)(1u << gate);
    }
    if (gate == GATE_A && exchange_state_is_ending(record->state) && update->end_ms == 0) {
        update->end = record->state;
        update->end_ms = drill->now_ms;
    }
}

static void
perform(struct drill *drill, uint8_t gate, const struct core_command *command)
{
    struct core_event event = {.from = "la", .epoch = 1, .reference = command->reference};
    switch (command->type) {
    case CMD_STORE_INSERT:
    case CMD_STORE_UPDATE:
    case CMD_STORE_CLOSE:
    case CMD_STORE_SERIALS:
        drill->world->written[gate] = command->sequence;
        break;
    case CMD_ACK:
        send_ack(drill, gate, command->reference);
        break;
    case CMD_SEND_UPDATE:
        send_over(drill, gate, command, EVENT_UPDATE, ACKED_UPDATE);
        break;
    case CMD_SEND_REVERSAL:
        send_over(drill, gate, command, EVENT_REVERSAL, ACKED_REVERSAL);
        break;
    case CMD_SEND_OUTCOME:
        send_over(drill, gate, command, EVENT_OUTCOME, ACKED_OUTCOME);
        break;
    case CMD_SUBMIT:
        submit(drill, command);
        break;
    case CMD_RENDER:
        event.type = EVENT_RENDERED;
        event.flag = 1;
        event.header.key = command->header.key;
        plan_step(drill, HOST_MS, gate, false, &event);
        break;
    case CMD_STORE_FIND:
        plan_step(drill, COMMIT_MS, gate, false,
                  &(struct core_event){.type = EVENT_FOUND, .reference = command->reference});
        break;
    case CMD_LOG_STEP:
    case CMD_LOG_OUTCOME:
        note_state(drill, gate, command->record);
        break;
    case CMD_ALARM:
        drill->alarms++;
        break;
    default:
        break;
    }
}

static void
step(struct drill *drill, uint8_t gate, struct core_event *event)
{
    struct drill_world *world = drill->world;
    const struct core_command *commands;
    uint64_t before = world->written[gate];
    event->now_ms = start_ms + drill->now_ms;
    event->wall_ms = wall_start_ms + drill->now_ms;
    size_t count = core_step(drill->cores[gate], event, &commands);
    for (size_t i = 0; i < count; i++)
        perform(drill, gate, &commands[i]);
    if (world->written[gate] != before && !world->commit_planned[gate]) {
        world->commit_planned[gate] = 1;
        plan(drill, COMMIT_MS, (struct planned){.what = HAPPEN_COMMIT, .gate = gate});
    }
}

static void
ask(struct drill *drill)
{
    const struct drill_case *conditions = drill->conditions;
    struct core_event event = {.type = EVENT_REQUEST, .from = "la", .epoch = 1, .flag = 1};
    uint32_t number = drill->count++;
    event.reference = number + 1;
    event.caller_inquires = number % 2;
    snprintf(event.header.key.msgid, sizeof event.header.key.msgid, "u%u", number);
    snprintf(event.header.key.origin, sizeof event.header.key.origin, "A");
    snprintf(event.header.infno, sizeof event.header.infno, "2207");
    snprintf(event.header.treat_area, sizeof event.header.treat_area, "450100");
    snprintf(event.header.insured_area, sizeof event.header.insured_area, "450900");
    event.header.day = 20261121;
    event.header.transaction_class = CLASS_UPDATE;
    event.index.size = sizeof event.index;
    uint32_t person = (uint32_t)(number * 2654435761u) % PERSONS + 1;
    memcpy(event.index.order_key, &person, sizeof person);
    event.body = slice_copy(event.header.key.msgid, strlen(event.header.key.msgid));
    step(drill, GATE_A, &event);
    slice_release(&event.body);
    if (drill->count < drill->room)
        plan(drill, (int64_t)drill->count * 1000 / conditions->rate - drill->now_ms,
             (struct planned){.what = HAPPEN_ASK});
}

static void
happen(struct drill *drill, struct planned *planned)
{
    struct core_event committed = {.type = EVENT_COMMITTED, .sequence = drill->world->written[planned->gate]};
    switch (planned->what) {
    case HAPPEN_STEP:
        if (!planned->over || !link_is_cut(drill, planned->gate))
            step(drill, planned->gate, planned->event);
        slice_release(&planned->event->body);
        free(planned->event);
        break;
    case HAPPEN_COMMIT:
        drill->world->commit_planned[planned->gate] = 0;
        step(drill, planned->gate, &committed);
        break;
    case HAPPEN_ARRIVE:
        arrive(drill, planned->number);
        break;
    case HAPPEN_REPLY:
        reply(drill, planned->number);
        break;
    case HAPPEN_TIMEOUT:
        time_out(drill, planned->number);
        break;
    default:
        ask(drill);
        break;
    }
}

static void
open_gate(struct drill *drill, uint8_t gate, const struct transaction_table *transactions)
{
    struct route_rule rule = {.prefix = "450900", .targets_local = gate == GATE_B};
    struct core_config config = {.incarnation = 7, .max_in_flight = 1000};
    memcpy(rule.targets[0], gate == GATE_B ? "lb" : "B", 3 - (gate == GATE_A));
    memcpy(config.node, names[gate], 2);
    struct core *core = drill->cores[gate] = must(core_create(&config, transactions));
    drill->world->routes[gate] = must(route_table_create(&rule, 1));
    core_set_routes(core, drill->world->routes[gate]);
    if (core_add_peer(core, names[!gate]) != 0 || core_add_instance(core, gate == GATE_A ? "la" : "lb") != 0)
        abort();
    step(drill, gate, &(struct core_event){.type = EVENT_RECOVERED});
    step(drill, gate, &(struct core_event){.type = EVENT_PEER_UP, .from = names[!gate]});
    step(drill, gate,
         &(struct core_event){.type = EVENT_HOST_UP,
                              .from = gate == GATE_A ? "la" : "lb",
                              .epoch = 1,
                              .abilities = gate == GATE_A ? (uint32_t)FEP_SERVES_IN
                                                          : FEP_CALLS_OUT | drill->conditions->abilities,
                              .window = gate == GATE_A ? 0 : drill->conditions->window});
}

/* The line between the gateways: what both hear of it. */
static void
plan_cut(struct drill *drill)
{
    const struct drill_case *conditions = drill->conditions;
    for (uint8_t gate = 0; conditions->cut == CUT_LINK && gate < GATES; gate++) {
        struct core_event down = {.type = EVENT_PEER_DOWN, .from = names[!gate]};
        struct core_event up = {.type = EVENT_PEER_UP, .from = names[!gate]};
        plan_step(drill, conditions->warm_ms + NOTICED_MS, gate, false, &down);
        plan_step(drill, drill_return_ms(conditions) + RECONNECTED_MS, gate, false, &up);
    }
}

/* The timers of one gateway, if one is due before anything else happens. */
static bool
tick(struct drill *drill, int64_t until_ms)
{
    int64_t due[GATES];
    for (int gate = 0; gate < GATES; gate++) {
        int64_t next = core_next_due(drill->cores[gate]);
        due[gate] = next == INT64_MAX ? next : next - start_ms;
    }
    uint8_t first = due[GATE_B] < due[GATE_A];
    if (due[first] >= until_ms)
        return false;
    if (due[first] > drill->now_ms)
        drill->now_ms = due[first];
    step(drill, first, &(struct core_event){.type = EVENT_TICK});
    return true;
}

static void
note_destinations(struct drill *drill)
{
    for (uint32_t i = 0; i < drill->count; i++) {
        struct message_key key = {.origin = "A"};
        snprintf(key.msgid, sizeof key.msgid, "u%u", i);
        const struct exchange_record *record =
            drill->updates[i].end_ms == 0 ? core_find(drill->cores[GATE_B], &key, ROLE_DESTINATION) : NULL;
        drill->updates[i].inquired = record != NULL && record->state == STATE_UNKNOWN;
    }
}

int
drill_run(struct drill *drill, const struct drill_case *conditions,
          const struct transaction_table *transactions)
{
    int64_t end_ms = drill_return_ms(conditions) + conditions->after_ms;
    bool noted = false;
    *drill = (struct drill){.conditions = conditions};
    drill->room = (uint32_t)((conditions->warm_ms + conditions->cut_ms + 60000) / 1000 * conditions->rate);
    drill->updates = must(calloc(drill->room, sizeof *drill->updates));
    drill->book = must(calloc(drill->room, 1));
    drill->world = must(calloc(1, sizeof *drill->world));
    drill->world->calls = must(calloc(CALLS, sizeof *drill->world->calls));
    drill->world->sents = must(calloc(SENT, sizeof *drill->world->sents));
    for (uint8_t gate = 0; gate < GATES; gate++)
        open_gate(drill, gate, transactions);
    plan_cut(drill);
    plan(drill, 0, (struct planned){.what = HAPPEN_ASK});
    for (;;) {
        int64_t next = drill->world->count != 0 ? drill->world->heap[0].due_ms : end_ms;
        if (!noted && next >= drill_return_ms(conditions)) {
            note_destinations(drill);
            noted = true;
        }
        if (tick(drill, next < end_ms ? next : end_ms))
            continue;
        if (next >= end_ms)
            return 0;
        drill->now_ms = next;
        struct planned planned = take(drill->world);
        happen(drill, &planned);
    }
}

void
drill_finish(struct drill *drill)
{
    struct drill_world *world = drill->world;
    while (world->count > 0) {
        struct planned planned = world->heap[--world->count];
        if (planned.event != NULL)
            slice_release(&planned.event->body);
        free(planned.event);
    }
    for (int gate = 0; gate < GATES; gate++) {
        core_destroy(drill->cores[gate]);
        route_table_destroy(world->routes[gate]);
    }
    free(world->heap);
    free(world->calls);
    free(world->sents);
    free(world);
    free(drill->updates);
    free(drill->book);
}
