/* The lines between gateways: messages may be lost, repeated, reordered and late; a cut line loses
 * everything. An acknowledgement says what was acknowledged by the number it was sent under. */
#include "sim.h"

#include <stdlib.h>

static int
gate_named(const struct sim *sim, const char *name)
{
    for (uint8_t i = 0; i < sim->settings->gates; i++)
        if (name[0] == 'G' && name[1] == sim->gates[i].name[1])
            return i;
    return -1;
}

static uint64_t
note_sent(struct sim *sim, uint8_t from, const struct core_command *command, uint8_t acked)
{
    struct sent *sent = &sim->sents[sim->sent_count % SIM_SENT];
    *sent = (struct sent){.incarnation = sim->gates[from].config.incarnation,
                          .from = from,
                          .acked = acked,
                          .attempt = command->travel.attempt,
                          .token = command->reference,
                          .key = command->header.key};
    return ++sim->sent_count;
}

static void
over_the_line(struct sim *sim, uint8_t from, const char *to, struct core_event *event)
{
    int gate = gate_named(sim, to);
    int copies = 1 + sim_happens(sim, FAULT_REPEAT);
    if (gate < 0 || sim->parted[from][gate] || sim_happens(sim, FAULT_LOSS))
        return;
    /* A session begins with both incarnations: nothing comes to a restored one from whom has not seen it. */
    if (sim->gates[from].known[gate] != sim->gates[gate].config.incarnation)
        return;
    for (int i = 0; i < copies; i++) {
        int64_t way = 1 + sim_roll(sim, DICE_WORLD, 30);
        if (sim_happens(sim, FAULT_DELAY))
            way += sim_roll(sim, FAULT_DELAY, 30000);
        sim_plan_event(sim, HAPPEN_PACKET, (uint8_t)gate, from, event, way);
    }
}

void
line_send(struct sim *sim, uint8_t from, const struct core_command *command)
{
    struct core_event event = {.header = command->header,
                               .travel = command->travel,
                               .index = command->index,
                               .outcome = command->outcome,
                               .body = command->body};
    uint8_t acked = ACKED_OUTCOME;
    event.type = EVENT_OUTCOME;
    if (command->type == CMD_SEND_UPDATE) {
        event.type = EVENT_UPDATE;
        acked = ACKED_UPDATE;
    } else if (command->type == CMD_SEND_REVERSAL) {
        event.type = EVENT_REVERSAL;
        acked = ACKED_REVERSAL;
    }
    event.reference = note_sent(sim, from, command, acked);
    over_the_line(sim, from, command->to, &event);
}

void
line_ack(struct sim *sim, uint8_t from, const struct core_command *command)
{
    if (command->reference == 0 || command->reference + SIM_SENT <= sim->sent_count)
        return; /* so old that nobody remembers it: it is sent and acknowledged again */
    const struct sent *sent = &sim->sents[(command->reference - 1) % SIM_SENT];
    if (sent->incarnation != sim->gates[sent->from].config.incarnation)
        return;
    check_ack(sim, from, sent);
    struct core_event event = {.type = EVENT_ACKED, .acked = sent->acked};
    event.header.key = sent->key;
    /* after a restart the sender knows the attempt only */
    if (sim_roll(sim, DICE_WORLD, 2) != 0)
        event.reference = sent->token;
    else if (sent->token != 0)
        event.travel.attempt = (uint32_t)(sent->token / 32);
    over_the_line(sim, from, sim->gates[sent->from].name, &event);
}
