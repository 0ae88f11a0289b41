/* The adapter host that calls a region's local system: bytes that get lost or arrive late, answers that do,
 * calls that survive the router and not the host. A frozen host says nothing until it is revived. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_MS = 119000, OFFER_MS = 2000 };

static struct call *
find_call(struct gate *gate, uint64_t id)
{
    for (size_t i = 0; i < gate->call_top; i++)
        if (gate->calls[i].used && gate->calls[i].id == id)
            return &gate->calls[i];
    return NULL;
}

static struct call *
new_call(struct gate *gate)
{
    for (size_t i = 0; i < gate->call_top; i++)
        if (!gate->calls[i].used)
            return &gate->calls[i];
    if (gate->call_top == SIM_CALLS)
        abort();
    return &gate->calls[gate->call_top++];
}

static struct happening *
plan(struct sim *sim, enum happening_type type, uint8_t number, const struct call *call, int64_t after_ms)
{
    struct happening *happening = sim_plan(sim, type, number, after_ms);
    happening->number = call->id;
    happening->epoch = sim->gates[number].epoch;
    return happening;
}

static void
plan_reply(struct sim *sim, uint8_t number, const struct call *call, const struct core_outcome *outcome,
           int64_t after_ms)
{
    plan(sim, HAPPEN_REPLY, number, call, after_ms)->outcome = sim_copy(outcome, sizeof *outcome);
    sim_planned(sim);
}

/* The bytes are under way whatever becomes of the host: an arrival carries all it needs. */
static void
plan_arrival(struct sim *sim, uint8_t number, const struct call *call)
{
    int64_t way = 5 + sim_roll(sim, DICE_WORLD, 200);
    if (sim_happens(sim, FAULT_LOCAL_DELAY))
        way = sim_roll(sim, FAULT_LOCAL_DELAY, LATE_MS);
    if (sim_happens(sim, FAULT_LOCAL_LOSS))
        return;
    plan(sim, HAPPEN_ARRIVAL, number, call, way)->call = sim_copy(call, sizeof *call);
    sim_planned(sim);
}

void
host_submit(struct sim *sim, uint8_t number, const struct core_command *command)
{
    struct gate *gate = &sim->gates[number];
    const struct update *update = sim_update_of(sim, command->header.key.msgid);
    if (!gate->host_up || update == NULL || find_call(gate, command->reference) != NULL)
        return; /* offered again: joined */
    struct call *call = new_call(gate);
    *call = (struct call){.id = command->reference,
                          .used = true,
                          .operation = command->operation,
                          .update = (uint16_t)(update->number + 1),
                          .visit = update->visit,
                          .serial = command->local.serial,
                          .cancel = command->cancel.serial,
                          .amount_fen = update->amount_fen};
    if (update->refunds != 0)
        call->cancels = sim->updates[update->refunds - 1].settlement;
    if (sim_happens(sim, FAULT_LOCAL_LOSS) &&
        sim_roll(sim, FAULT_LOCAL_LOSS, 2) == 0) { /* never left, and it knows */
        static const struct core_outcome not_sent = {.kind = FEP_NOT_SENT, .reason = FEP_REASON_LINK_DOWN};
        plan_reply(sim, number, call, &not_sent, 100);
        return;
    }
    plan_arrival(sim, number, call);
    plan(sim, HAPPEN_TIMEOUT, number, call, command->travel.time_left_ms);
    sim_planned(sim);
}

static void
carry_out(struct sim *sim, struct gate *gate, const struct call *call, struct core_outcome *outcome)
{
    struct book *book = &gate->book;
    unsigned chance = sim->calm ? 49 : sim_roll(sim, FAULT_LOCAL_REFUSES, 100);
    switch (call->operation) {
    case CORE_OP_SUBMIT:
    case CORE_OP_UNDO:
        book_submit(book, call, chance, sim->settings, outcome);
        break;
    case CORE_OP_INQUIRE:
        book_inquire(book, call->serial, outcome);
        break;
    case CORE_OP_REVERSE:
        book_reverse(book, call->serial, outcome);
        break;
    default:
        book_reverse(book, call->cancel, outcome);
        break;
    }
    sim->tally->faults[FAULT_LOCAL_REFUSES] += outcome->kind == FEP_REFUSED && outcome->code != 2503;
    sim->tally->faults[FAULT_DECLINES] += outcome->code == 2503;
    SIM_TRACE(sim,
              "%s book: operation %u serial %" PRIu64 " cancel %" PRIu64 " -> kind %u code %u finding %u",
              gate->name, call->operation, call->serial, call->cancel, outcome->kind, outcome->code,
              outcome->finding);
}

static void
say_done(struct sim *sim, uint8_t number, enum event_type type, uint64_t reference, uint64_t serial,
         const struct core_outcome *outcome, bool with_answer)
{
    char text[32];
    struct core_event event = {
        .type = type, .reference = reference, .epoch = sim->gates[number].epoch, .outcome = *outcome};
    if (with_answer) {
        int size = snprintf(text, sizeof text, "serial %" PRIu64, serial);
        event.body = slice_copy(text, (size_t)size);
        event.index.size = sizeof event.index;
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "%" PRIu64, serial);
        const struct entry *entry = book_find(&sim->gates[number].book, serial);
        event.index.fund_fen = entry != NULL ? entry->amount_fen : 0;
    }
    sim_plan_event(sim, HAPPEN_PACKET, number, number, &event, 1 + sim_roll(sim, DICE_WORLD, 5));
    slice_release(&event.body);
}

static void
offer_done(struct sim *sim, uint8_t number, const struct call *call)
{
    bool with_answer = call->outcome.kind == FEP_ANSWERED &&
                       (call->operation == CORE_OP_SUBMIT ||
                        (call->operation == CORE_OP_INQUIRE && call->outcome.finding == FEP_FOUND_POSTED));
    say_done(sim, number, EVENT_DONE, call->id, call->serial, &call->outcome, with_answer);
    plan(sim, HAPPEN_OFFER, number, call, OFFER_MS);
    sim_planned(sim);
}

void
host_arrive(struct sim *sim, const struct happening *happening)
{
    struct gate *gate = &sim->gates[happening->gate];
    struct core_outcome outcome;
    carry_out(sim, gate, happening->call, &outcome);
    struct call *call = find_call(gate, happening->number);
    if (happening->epoch != gate->epoch || call == NULL || !gate->host_up)
        return;
    if (call->done) {
        if (call->operation == CORE_OP_SUBMIT)
            say_done(sim, happening->gate, EVENT_LATE, call->serial, call->serial, &outcome,
                     outcome.kind == FEP_ANSWERED && sim_roll(sim, DICE_WORLD, 2) == 0);
        return;
    }
    if (!sim_happens(sim, FAULT_LOCAL_LOSS))
        plan_reply(sim, happening->gate, call, &outcome, 1 + sim_roll(sim, DICE_WORLD, 50));
}

void
host_reply(struct sim *sim, const struct happening *happening)
{
    static const struct core_outcome unknown = {
        .kind = FEP_UNKNOWN, .reason = FEP_REASON_DEADLINE, .code = 9002};
    struct gate *gate = &sim->gates[happening->gate];
    struct call *call = find_call(gate, happening->number);
    if (!gate->host_up || happening->epoch != gate->epoch || call == NULL)
        return;
    if (sim->now_ms < gate->frozen_until_ms) { /* it comes to it when it is revived */
        struct happening *later =
            plan(sim, happening->type, happening->gate, call, gate->frozen_until_ms - sim->now_ms);
        if (happening->outcome != NULL)
            later->outcome = sim_copy(happening->outcome, sizeof *later->outcome);
        sim_planned(sim);
    } else if (happening->type == HAPPEN_OFFER) {
        if (call->done)
            offer_done(sim, happening->gate, call);
    } else if (!call->done) {
        call->done = true;
        call->outcome = happening->type == HAPPEN_TIMEOUT ? unknown : *happening->outcome;
        offer_done(sim, happening->gate, call);
    }
}

void
host_acked(struct sim *sim, uint8_t number, uint64_t id)
{
    struct call *call = find_call(&sim->gates[number], id);
    if (call != NULL && call->done)
        call->used = false;
}

void
host_kill(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    if (!gate->host_up)
        return;
    SIM_TRACE(sim, "the host of %s dies", gate->name);
    gate->host_up = false;
    gate->frozen_until_ms = 0;
    gate->call_top = 0;
    gate_step(sim, number, &(struct core_event){.type = EVENT_HOST_DOWN, .from = "lb", .epoch = gate->epoch});
    sim_plan(sim, HAPPEN_HOST_START, number, 500 + sim_roll(sim, FAULT_KILL_HOST, 5000));
    sim_planned(sim);
}

void
host_introduce(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    uint64_t open[SIM_CALLS];
    size_t count = 0;
    if (!gate->host_up || !gate->alive)
        return;
    for (size_t i = 0; i < gate->call_top; i++)
        if (gate->calls[i].used)
            open[count++] = gate->calls[i].id;
    gate_step(
        sim, number,
        &(struct core_event){.type = EVENT_HOST_UP,
                             .from = "lb",
                             .epoch = gate->epoch,
                             .abilities = FEP_CALLS_OUT | FEP_REVERSES |
                                          (sim->settings->inquires[number] ? (uint32_t)FEP_INQUIRES : 0u),
                             .open_calls = open,
                             .open_call_count = count});
}
