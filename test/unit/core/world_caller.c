/* The caller at A: asks, repeats, inquires, reverses, refunds, gives up, and remembers what it was told. */
#include "world_check.h"
#include "world_parts.h"

#include <inttypes.h>

enum { SETTLE_MS = 60000 };

void
caller_ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh)
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
    struct happening *check = world_plan(world, HAPPEN_CALLER, GATE_A, 101000);
    check->number = number;
    check->other = ticket;
    if (world_chance(world, 5))
        world_plan(world, HAPPEN_GONE, GATE_A, world_upto(world, 1000))->number = ticket;
    if (world->trace)
        printf("%8" PRId64 " caller %s asks class %u fresh %d\n", world->now_ms, update->msgid,
               transaction_class, fresh);
    if (!world->alive[GATE_A])
        return;
    rig->wall_ms += world->now_ms - rig->now_ms;
    rig->now_ms = world->now_ms;
    rig_request(rig, request);
    world_plan_commit(world, GATE_A);
}

void
caller_plan_ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh,
                int64_t after_ms)
{
    struct happening *happening = world_plan(world, HAPPEN_ASK, GATE_A, after_ms);
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
    caller_plan_ask(world, world->update_count++, CLASS_UPDATE, 1, world_upto(world, 20000));
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
    if (world_chance(world, 15))
        caller_plan_ask(world, number, CLASS_REVERSAL, 0, world_upto(world, 30000));
    else if (world_chance(world, 25) && update->refunds == 0 && update->settlement != 0)
        add_refund(world, update);
    else if (world_chance(world, 10))
        caller_plan_ask(world, number, CLASS_UPDATE, 0, world_upto(world, 30000));
}

void
caller_on_tell(struct world *world, const struct core_command *told)
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
        if (outcome->refusal_class == FEP_REPEATABLE && !world->calm && world_upto(world, 100) < 50)
            caller_plan_ask(world, number, CLASS_UPDATE, (int)world_upto(world, 2), world_upto(world, 5000));
    }
}

void
caller_looks(struct world *world, size_t number, uint64_t ticket)
{
    struct world_update *update = &world->updates[number];
    if (!update->waiting || update->tickets != ticket || world->now_ms > WORLD_CALM_MS + SETTLE_MS * 20)
        return;
    update->waiting = 0;
    switch (world_upto(world, 4)) {
    case 0:
        caller_plan_ask(world, number, CLASS_UPDATE, 0, 10);
        break;
    case 1:
        caller_plan_ask(world, number, CLASS_INQUIRY, 0, 10);
        break;
    case 2:
        caller_plan_ask(world, number, CLASS_REVERSAL, 0, 10);
        break;
    default:
        break;
    }
}

void
caller_plan(struct world *world)
{
    unsigned spread = world_upto(world, 2) ? 120000 : 15000;
    world->update_count = 1 + world_upto(world, 6);
    for (size_t i = 0; i < world->update_count; i++) {
        struct world_update *update = &world->updates[i];
        snprintf(update->msgid, sizeof update->msgid, "u%zu", i);
        snprintf(update->infno, sizeof update->infno, "2207");
        snprintf(update->body, sizeof update->body, "settle %zu", i);
        update->person = (uint8_t)world_upto(world, 2);
        caller_plan_ask(world, i, CLASS_UPDATE, 1, world_upto(world, spread));
        if (world_upto(world, 100) < 10)
            caller_plan_ask(world, i, CLASS_REVERSAL, 0, world_upto(world, 150000));
    }
}
