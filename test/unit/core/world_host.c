/* Host lb and the way to the local system's books: bytes that get lost or arrive late, answers that do, calls
 * that survive the router and not the host. */
#include "world_parts.h"

#include <inttypes.h>

enum { LATE_MS = 119000 };

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
    unsigned luck = world->calm ? 50 : world_upto(world, 100);
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

void
host_submit(struct world *world, const struct core_command *command)
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
    if (world_chance(world, 8)) { /* never left, and the host knows */
        struct happening *reply = world_plan(world, HAPPEN_REPLY, GATE_B, 100);
        reply->number = call->id;
        reply->epoch = world->epoch;
        reply->outcome = (struct core_outcome){.kind = FEP_NOT_SENT, .reason = FEP_REASON_LINK_DOWN};
        return;
    }
    int64_t way = 5 + world_upto(world, 200);
    if (world_chance(world, 6))
        way = world_upto(world, LATE_MS);
    if (!world_chance(world, 8)) { /* else lost on the way */
        arrival = world_plan(world, HAPPEN_ARRIVAL, GATE_B, way);
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
    struct happening *timeout = world_plan(world, HAPPEN_TIMEOUT, GATE_B, command->travel.time_left_ms);
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
    world_plan_packet(world, GATE_B, "lb", &event, 1 + world_upto(world, 5));
    slice_release(&event.body);
    struct happening *again = world_plan(world, HAPPEN_OFFER, GATE_B, 2000);
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
    if (outcome->kind == FEP_ANSWERED && world_upto(world, 2)) {
        char text[32];
        snprintf(text, sizeof text, "serial %" PRIu64, serial);
        event.body = slice_copy(text, strlen(text));
    }
    world_plan_packet(world, GATE_B, "lb", &event, 1);
    slice_release(&event.body);
}

void
host_on_arrival(struct world *world, const struct happening *happening)
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
    if (world_chance(world, 10))
        return; /* the answer is lost */
    struct happening *reply = world_plan(world, HAPPEN_REPLY, GATE_B, 1 + world_upto(world, 50));
    reply->number = call->id;
    reply->epoch = world->epoch;
    reply->outcome = outcome;
}

void
host_crash(struct world *world)
{
    world->host_up = 0;
    for (size_t i = 0; i < WORLD_CALLS; i++) {
        slice_release(&world->calls[i].command.body);
        world->calls[i] = (struct world_call){0};
    }
    struct core_event event = {.type = EVENT_HOST_DOWN, .from = "lb", .epoch = world->epoch};
    world_step(world, GATE_B, &event);
    world_plan(world, HAPPEN_HOST_START, GATE_B, 500 + world_upto(world, 5000));
}

void
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
    world_step(world, GATE_B, &event);
}

void
host_on_reply(struct world *world, const struct happening *happening)
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

void
host_acked(struct world *world, uint64_t id)
{
    struct world_call *call = find_call(world, id);
    if (call == NULL || !call->done)
        return;
    slice_release(&call->command.body);
    *call = (struct world_call){0};
}
