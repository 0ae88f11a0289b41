/* The callers: hospitals' systems that ask, repeat, inquire, reverse, refund, give up, vanish, and remember
 * what they were told. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

enum { PATIENCE_MS = 101000, TICKETS_OF_UPDATE = 4096 };

static void
plan_ask(struct sim *sim, uint16_t number, enum transaction_class transaction_class, bool fresh,
         int64_t after_ms)
{
    struct happening *happening = sim_plan(sim, HAPPEN_ASK, sim->updates[number].treat, after_ms);
    happening->number = number;
    happening->other = (uint8_t)transaction_class;
    happening->flag = fresh;
    sim_planned(sim);
}

/* Another patient's money under the same serial. */
static void
ask_with_other_content(struct sim *sim, uint16_t number)
{
    struct happening *happening =
        sim_plan(sim, HAPPEN_ASK, sim->updates[number].treat, 1 + sim_roll(sim, FAULT_OTHER_CONTENT, 60000));
    happening->number = number;
    happening->other = CLASS_UPDATE;
    happening->epoch = 1;
    sim_planned(sim);
}

static void
plan_look(struct sim *sim, const struct update *update)
{
    struct happening *look = sim_plan(sim, HAPPEN_LOOK, update->treat, PATIENCE_MS);
    look->number = update->number;
    look->epoch = (uint32_t)update->ticket;
    sim_planned(sim);
    if (sim_happens(sim, FAULT_CALLER_VANISHES)) {
        sim_plan(sim, HAPPEN_GONE, update->treat, sim_roll(sim, FAULT_CALLER_VANISHES, 1000))->number =
            update->ticket;
        sim_planned(sim);
        sim->updates[update->number].vanished = true; /* then nobody is asked whether an answer can be said */
    }
}

void
caller_ask(struct sim *sim, uint16_t number, enum transaction_class transaction_class, bool fresh, bool other)
{
    struct update *update = &sim->updates[number];
    struct gate *gate = &sim->gates[update->treat];
    char body[64];
    struct core_event event = {.type = EVENT_REQUEST, .from = "la", .epoch = 1, .flag = fresh};
    struct message_header *header = &event.header;

    if (fresh && update->told_refused > 0)
        update->fresh_after_refusal = true;
    update->asked++;
    update->ticket = (uint64_t)number * TICKETS_OF_UPDATE + update->asked % TICKETS_OF_UPDATE + 1;
    update->waiting = true;
    if (other)
        update->other_ticket = update->ticket;
    event.reference = update->ticket;
    event.caller_inquires = number % 2;
    snprintf(header->key.origin, sizeof header->key.origin, "%s", gate->name);
    snprintf(header->key.msgid, sizeof header->key.msgid, "%s", update->msgid);
    snprintf(header->infno, sizeof header->infno, "%s", update->refunds != 0 ? "2208" : "2207");
    snprintf(header->treat_area, sizeof header->treat_area, "%s", gate->area);
    snprintf(header->insured_area, sizeof header->insured_area, "%s", sim->gates[update->insured].area);
    header->transaction_class = (uint8_t)transaction_class;
    event.index.size = sizeof event.index;
    memset(event.index.order_key, update->insured * SIM_PERSONS + update->person + 1,
           sizeof event.index.order_key);
    if (update->refunds != 0)
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "%" PRIu64,
                 sim->updates[update->refunds - 1].settlement);
    if (transaction_class != CLASS_UPDATE) {
        snprintf(header->key.msgid, sizeof header->key.msgid, "x%" PRIu64, update->ticket);
        snprintf(header->original_msgid, sizeof header->original_msgid, "%s", update->msgid);
        snprintf(header->original_infno, sizeof header->original_infno, "%s",
                 update->refunds != 0 ? "2208" : "2207");
        snprintf(header->infno, sizeof header->infno, "%s",
                 transaction_class == CLASS_REVERSAL ? "2601" : "9998");
        update->asked_reversal |= transaction_class == CLASS_REVERSAL;
    }
    plan_look(sim, update);
    SIM_TRACE(sim, "caller of %s asks: class %u fresh %d", update->msgid, transaction_class, fresh);
    int size =
        snprintf(body, sizeof body, "update %u of %" PRId64 " fen", number, update->amount_fen + other);
    event.body = slice_copy(body, (size_t)size);
    gate_step(sim, update->treat, &event);
    slice_release(&event.body);
}

static void
add_refund(struct sim *sim, const struct update *of)
{
    if (sim->update_count == SIM_UPDATES || of->refunds != 0 || of->settlement == 0)
        return;
    struct update *update = &sim->updates[sim->update_count];
    *update = (struct update){.number = (uint16_t)sim->update_count++,
                              .treat = of->treat,
                              .insured = of->insured,
                              .person = of->person,
                              .refunds = (uint16_t)(of->number + 1),
                              .amount_fen = -of->amount_fen};
    snprintf(update->msgid, sizeof update->msgid, "u%u", update->number);
    sim->tally->updates++;
    plan_ask(sim, update->number, CLASS_UPDATE, true, sim_roll(sim, DICE_WORLD, 20000));
}

/* A hospital that undoes a stay undoes all of it, in no good order. */
static void
reverse_visit(struct sim *sim, const struct update *update)
{
    plan_ask(sim, update->number, CLASS_REVERSAL, false, sim_roll(sim, FAULT_CALLER_REVERSES, 30000));
    for (uint16_t other = 0; other < sim->update_count && update->visit != 0; other++)
        if (other != update->number && sim->updates[other].visit == update->visit &&
            sim->updates[other].insured == update->insured && sim->updates[other].asked != 0)
            plan_ask(sim, other, CLASS_REVERSAL, false, sim_roll(sim, FAULT_CALLER_REVERSES, 120000));
}

static void
answered(struct sim *sim, struct update *update, const struct core_command *told)
{
    char text[64] = "";
    update->told_answered++;
    if (told->body.size < sizeof text && told->body.size > 0)
        memcpy(text, told->body.data, told->body.size);
    (void)sscanf(text, "serial %" SCNu64, &update->settlement);
    if (sim_happens(sim, FAULT_OTHER_CONTENT))
        ask_with_other_content(sim, update->number);
    if (sim_happens(sim, FAULT_CALLER_REVERSES))
        reverse_visit(sim, update);
    else if (!sim->calm && sim_roll(sim, DICE_WORLD, 100) < 20)
        add_refund(sim, update);
    else if (sim_happens(sim, FAULT_CALLER_REPEATS))
        plan_ask(sim, update->number, CLASS_UPDATE, false, sim_roll(sim, FAULT_CALLER_REPEATS, 30000));
}

void
caller_told(struct sim *sim, uint8_t number, const struct core_command *told)
{
    uint64_t ticket = told->reference;
    if (ticket == 0 || (ticket - 1) / TICKETS_OF_UPDATE >= sim->update_count)
        return;
    struct update *update = &sim->updates[(ticket - 1) / TICKETS_OF_UPDATE];
    const struct core_outcome *outcome = &told->outcome;
    (void)number;
    SIM_TRACE(sim,
              "caller of %s is told: class %u kind %u state %u code %u finding %u refusal class %u copy %u",
              update->msgid, told->header.transaction_class, outcome->kind, outcome->state, outcome->code,
              outcome->finding, outcome->refusal_class, outcome->copy);
    update->told_ticket = ticket;
    if (update->ticket == ticket)
        update->waiting = false;
    if (update->other_ticket == ticket) {
        if ((outcome->kind == FEP_ANSWERED || outcome->state != 0) && !was_forgotten(sim, update))
            sim_broken(sim, "key (other content taken for a copy)", update->msgid, outcome->state);
        return;
    }
    check_told(sim, update, outcome);
    if (told->header.transaction_class != CLASS_UPDATE)
        return;
    if (outcome->kind == FEP_ANSWERED && outcome->state == STATE_ANSWERED) {
        answered(sim, update, told);
    } else if (outcome->kind == FEP_REFUSED && outcome->state == STATE_REFUSED) {
        update->told_refused++;
        if (outcome->refusal_class == FEP_REPEATABLE && !sim->calm && sim_roll(sim, DICE_WORLD, 2) != 0)
            plan_ask(sim, update->number, CLASS_UPDATE, sim_roll(sim, DICE_WORLD, 2) != 0,
                     sim_roll(sim, DICE_WORLD, 5000));
    } else if (outcome->kind == FEP_UNKNOWN) {
        update->told_open++;
    }
}

/* Nothing was heard for too long. */
void
caller_look(struct sim *sim, uint16_t number, uint64_t ticket)
{
    struct update *update = &sim->updates[number];
    if (!update->waiting || update->ticket != ticket || sim->now_ms > SIM_FAULTS_END_MS * 5)
        return;
    update->waiting = false;
    sim->tally->inquired++;
    switch (sim_roll(sim, DICE_WORLD, 4)) {
    case 0:
        plan_ask(sim, number, CLASS_UPDATE, false, 10);
        break;
    case 1:
        plan_ask(sim, number, CLASS_INQUIRY, false, 10);
        break;
    case 2:
        plan_ask(sim, number, CLASS_REVERSAL, false, 10);
        break;
    default:
        break;
    }
}

static uint8_t
some_region(struct sim *sim)
{
    unsigned gates = sim->settings->gates;
    return (uint8_t)(gates <= 2 ? sim_roll(sim, DICE_WORLD, gates)
                                : 1 + sim_roll(sim, DICE_WORLD, gates - 1));
}

void
caller_plan_all(struct sim *sim)
{
    sim->update_count = sim->settings->updates;
    for (unsigned i = 0; i < sim->update_count; i++) {
        struct update *update = &sim->updates[i];
        *update =
            (struct update){.number = (uint16_t)i, .treat = some_region(sim), .insured = some_region(sim)};
        if (sim->settings->gates != 1 && update->treat == update->insured &&
            sim_roll(sim, DICE_WORLD, 4) != 0)
            update->insured = some_region(sim); /* sometimes a region asks itself */
        update->person = (uint8_t)sim_roll(sim, DICE_WORLD, sim->settings->persons);
        /* of a stay with several settlements, or of a visit of its own */
        if (sim_roll(sim, DICE_WORLD, 2) != 0)
            update->visit = (uint8_t)(1 + update->person + (sim->settings->persons * update->treat));
        update->amount_fen = 1 + (int64_t)sim_roll(sim, DICE_WORLD, 2000000);
        update->old = sim_happens(sim, FAULT_OLD_DAY);
        snprintf(update->msgid, sizeof update->msgid, "u%u", i);
        if (update->old) /* 12 characters, then the day */
            snprintf(update->msgid, sizeof update->msgid, "u%-2u_________20260101", i);
        for (char *at = update->msgid; *at != '\0'; at++)
            *at = *at == ' ' ? '_' : *at;
        plan_ask(sim, update->number, CLASS_UPDATE, true,
                 sim_roll(sim, DICE_WORLD, sim->settings->spread_ms));
        if (sim_happens(sim, FAULT_CALLER_REVERSES))
            plan_ask(sim, update->number, CLASS_REVERSAL, false,
                     sim_roll(sim, FAULT_CALLER_REVERSES, 150000));
        if (sim_happens(sim, FAULT_CALLER_REPEATS))
            plan_ask(sim, update->number, CLASS_UPDATE, false, sim_roll(sim, FAULT_CALLER_REPEATS, 100000));
    }
    sim->tally->updates += sim->update_count;
}
