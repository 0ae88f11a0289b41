/* See world.h. The invariants are in world_check.c. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "world_check.h"
#include "world_parts.h"

static const char *const names[GATES] = {"A", "P", "B"};

uint64_t
world_draw(struct world *world)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random * 0x2545F4914F6CDD1Dull >> 11;
}

unsigned
world_upto(struct world *world, unsigned limit)
{
    return (unsigned)(world_draw(world) % limit);
}

int
world_chance(struct world *world, unsigned per_cent)
{
    return !world->calm && world_upto(world, 100) < per_cent;
}

static int
gate_of(const char *name)
{
    for (int i = 0; i < GATES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

struct happening *
world_plan(struct world *world, enum happening_type type, int gate, int64_t after_ms)
{
    assert_true(world->happening_count < WORLD_HAPPENINGS);
    struct happening *happening = &world->happenings[world->happening_count++];
    *happening = (struct happening){.type = type, .gate = gate, .due_ms = world->now_ms + after_ms};
    return happening;
}

void
world_plan_packet(struct world *world, int gate, const char *from, const struct core_event *event,
                  int64_t after_ms)
{
    struct happening *happening = world_plan(world, HAPPEN_PACKET, gate, after_ms);
    happening->event = *event;
    happening->event.body = slice_share(event->body);
    snprintf(happening->from, sizeof happening->from, "%s", from);
}

void
world_plan_commit(struct world *world, int gate)
{
    if (world->commit_due[gate] || world->gates[gate].write_count == 0)
        return;
    world->commit_due[gate] = 1;
    world_plan(world, HAPPEN_COMMIT, gate, 1 + world_upto(world, 40));
}

void
world_step(struct world *world, int gate, struct core_event *event)
{
    struct rig *rig = &world->gates[gate];
    if (!world->alive[gate])
        return;
    rig->wall_ms += world->now_ms - rig->now_ms;
    rig->now_ms = world->now_ms;
    world->steps++;
    rig_step(rig, event);
    world_plan_commit(world, gate);
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
    int gate = gate_of(to), copies = 1 + world_chance(world, 8);
    if (gate < 0 || world_chance(world, world->loss))
        return;
    for (int i = 0; i < copies; i++)
        world_plan_packet(world, gate, names[from], event,
                          1 + world_upto(world, 30) +
                              (world_chance(world, 5) ? world_upto(world, 30000) : 0));
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
        .type = EVENT_ACKED, .acked = sent->acked, .reference = world_upto(world, 2) ? sent->token : 0};
    event.header.key = sent->key;
    if (sent->token != 0 && event.reference == 0)
        event.travel.attempt = (uint32_t)(sent->token / 32);
    over_the_link(world, from, names[sent->from], &event);
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
        host_submit(world, command);
        break;
    case CMD_HOST_ACK:
        host_acked(world, command->reference);
        break;
    case CMD_RENDER: {
        struct core_event event = {.type = EVENT_RENDERED, .reference = command->reference, .epoch = 1};
        event.flag = !world_chance(world, 5);
        world_plan_packet(world, GATE_A, "la", &event, 1 + world_upto(world, 10));
        break;
    }
    case CMD_TELL:
        caller_on_tell(world, command);
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
            world_step(world, gate, &event);
        }
    if (gate == GATE_A) {
        struct core_event event = {
            .type = EVENT_HOST_UP, .from = "la", .epoch = 1, .abilities = FEP_SERVES_IN};
        world_step(world, gate, &event);
    } else if (gate == GATE_B) {
        host_hello(world);
    }
    world_plan_commit(world, gate);
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
    rig_commit_prefix(rig, rig->write_count != 0 ? world_upto(world, (unsigned)rig->write_count + 1) : 0);
    rig_crash(rig);
    world->alive[gate] = 0;
    world_plan(world, HAPPEN_START, gate, 200 + world_upto(world, 20000));
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
    world_plan_commit(world, gate);
}

static void
deliver(struct world *world, struct happening *happening)
{
    happening->event.from = happening->from;
    if (world->trace)
        printf("%8" PRId64 " %s <- %s event %u %s ref %" PRIu64 " state %u\n", world->now_ms,
               names[happening->gate], happening->from, happening->event.type,
               happening->event.header.key.msgid, happening->event.reference, happening->event.outcome.state);
    world_step(world, happening->gate, &happening->event);
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
        host_on_arrival(world, happening);
        break;
    case HAPPEN_REPLY:
    case HAPPEN_TIMEOUT:
    case HAPPEN_OFFER:
        host_on_reply(world, happening);
        break;
    case HAPPEN_ASK:
        if (happening->epoch == 1 && world->updates[happening->number].told_refused > 0)
            world->updates[happening->number].fresh_after_refusal++;
        caller_ask(world, (size_t)happening->number, (enum transaction_class)happening->other,
                   (int)happening->epoch);
        break;
    case HAPPEN_CALLER:
        caller_looks(world, (size_t)happening->number, happening->other);
        break;
    case HAPPEN_DISK: {
        struct core_event event = {.type = EVENT_DISK, .flag = happening->number == 0};
        world->gates[happening->gate].refuse_writes = (int)happening->number;
        world_step(world, happening->gate, &event);
        break;
    }
    case HAPPEN_GONE: {
        struct core_event event = {
            .type = EVENT_CALLER_GONE, .from = "la", .reference = happening->number, .epoch = 1};
        world_step(world, GATE_A, &event);
        break;
    }
    case HAPPEN_LINK: {
        int up = (int)happening->number;
        struct core_event event = {.type = up ? EVENT_PEER_UP : EVENT_PEER_DOWN,
                                   .from = names[happening->gate == GATE_P ? (int)happening->other : GATE_P]};
        world_step(world, happening->gate, &event);
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
        for (unsigned i = world_upto(world, 3); i > 0; i--)
            world_plan(world, HAPPEN_CRASH, gate, world_upto(world, WORLD_CALM_MS));
    for (unsigned i = world_upto(world, 3); i > 0; i--)
        world_plan(world, HAPPEN_HOST_CRASH, GATE_B, world_upto(world, WORLD_CALM_MS));
    if (world_upto(world, 4) == 0) {
        int gate = (int)world_upto(world, GATES);
        int64_t at = world_upto(world, WORLD_CALM_MS / 2);
        world_plan(world, HAPPEN_DISK, gate, at)->number = 1;
        world_plan(world, HAPPEN_DISK, gate, at + world_upto(world, 60000));
    }
    for (unsigned i = world_upto(world, 4); i > 0; i--) {
        int gate = (int)world_upto(world, GATES), other = world_upto(world, 2) ? GATE_A : GATE_B;
        int64_t at = world_upto(world, WORLD_CALM_MS);
        struct happening *down = world_plan(world, HAPPEN_LINK, gate, at);
        down->other = (uint64_t)other;
        struct happening *up = world_plan(world, HAPPEN_LINK, gate, at + world_upto(world, 60000));
        up->other = (uint64_t)other;
        up->number = 1;
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
    world_step(world, first, &event);
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
        if (due > WORLD_END_MS)
            due = WORLD_END_MS;
        if (tick_gates(world, due))
            continue;
        if (due == WORLD_END_MS)
            return;
        if (due > world->now_ms)
            world->now_ms = due;
        world->calm = world->now_ms > WORLD_CALM_MS;
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
    (void)world_draw(world);
    world->loss = world_upto(world, 20);
    world->inquires = (int)world_upto(world, 2);
    world->books.replays = world->inquires;
    world->books.decline = world_upto(world, 30);
    begin(world);
    caller_plan(world);
    if (world_upto(world, 4) != 0)
        plan_faults(world);
    run(world);
    if (world->failure[0] == '\0')
        check_end(world);
    finish(world);
    return world->failure[0] == '\0' ? 0 : -1;
}
