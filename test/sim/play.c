/* One world from its first fault to its last ending. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TURNS = 1000000 };

void *
sim_copy(const void *data, size_t size)
{
    void *copy = malloc(size);
    if (copy == NULL)
        abort();
    return memcpy(copy, data, size);
}

void
sim_say(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(sim->trace, "%9.3f ", (double)sim->now_ms / 1000);
    vfprintf(sim->trace, format, arguments);
    fputc('\n', sim->trace);
    va_end(arguments);
}

struct update *
sim_update_of(struct sim *sim, const char *msgid)
{
    unsigned number;
    return sscanf(msgid, "u%u", &number) == 1 && number < sim->update_count ? &sim->updates[number] : NULL;
}

struct happening *
sim_plan(struct sim *sim, enum happening_type type, uint8_t gate, int64_t after_ms)
{
    struct happening *happening = agenda_add(&sim->agenda, sim->now_ms + after_ms);
    happening->type = type;
    happening->gate = gate;
    return happening;
}

void
sim_planned(struct sim *sim)
{
    agenda_sift(&sim->agenda);
}

void
sim_plan_event(struct sim *sim, enum happening_type type, uint8_t gate, uint8_t from,
               const struct core_event *event, int64_t after_ms)
{
    struct happening *happening = sim_plan(sim, type, gate, after_ms);
    happening->other = from;
    happening->event = sim_copy(event, sizeof *event);
    happening->event->body = slice_share(event->body);
    happening->number = ++sim->packets;
    happening->life =
        (uint32_t)sim->gates[gate].config.incarnation; /* what a restored one was sent before is lost */
    happening->epoch = (uint32_t)sim->gates[from].config.incarnation;
    sim_planned(sim);
}

static void
deliver(struct sim *sim, const struct happening *happening)
{
    struct core_event *event = happening->event;
    bool from_host = happening->other == happening->gate;
    event->from = !from_host                      ? sim->gates[happening->other].name
                  : event->type == EVENT_RENDERED ? "la"
                                                  : "lb";
    if (!from_host && sim->parted[happening->other][happening->gate])
        return;
    if (happening->life != (uint32_t)sim->gates[happening->gate].config.incarnation ||
        happening->epoch != (uint32_t)sim->gates[happening->other].config.incarnation)
        return;
    if (!from_host) {
        uint64_t *latest = &sim->overtaken[happening->other][happening->gate];
        sim->tally->reordered += happening->number < *latest;
        *latest = happening->number > *latest ? happening->number : *latest;
    }
    struct update *update = sim_update_of(sim, event->header.key.msgid);
    /* A word about a caller who was told "open" meanwhile decides nothing: nobody is left to fail to tell. */
    if (event->type == EVENT_RENDERED && !event->flag && update != NULL &&
        event->reference != update->told_ticket && sim->gates[happening->gate].alive &&
        event->sequence == sim->gates[happening->gate].life)
        update->not_rendered = true;
    SIM_TRACE(sim, "%s <- %s: event %u %s attempt %u state %u kind %u", sim->gates[happening->gate].name,
              event->from, event->type, event->header.key.msgid, event->travel.attempt, event->outcome.state,
              event->outcome.kind);
    gate_step(sim, happening->gate, event);
}

/* A gateway that is frozen comes to it when it is revived: what is on its way to it waits. */
static bool
waits_for_thaw(struct sim *sim, struct happening *happening)
{
    const struct gate *gate = &sim->gates[happening->gate];
    enum happening_type type = happening->type;
    if (sim->now_ms >= gate->stopped_until_ms ||
        (type != HAPPEN_PACKET && type != HAPPEN_COMMIT && type != HAPPEN_HOLD && type != HAPPEN_DISK &&
         type != HAPPEN_ASK && type != HAPPEN_GONE))
        return false;
    struct happening *later = agenda_add(&sim->agenda, gate->stopped_until_ms);
    uint64_t order = later->order;
    int64_t due_ms = later->due_ms;
    *later = *happening;
    later->order = order;
    later->due_ms = due_ms;
    sim_planned(sim);
    happening->event = NULL; /* they moved */
    happening->call = NULL;
    happening->outcome = NULL;
    return true;
}

static void
happen(struct sim *sim, struct happening *happening)
{
    struct gate *gate = &sim->gates[happening->gate];
    if (waits_for_thaw(sim, happening))
        return;
    switch (happening->type) {
    case HAPPEN_PACKET:
        deliver(sim, happening);
        break;
    case HAPPEN_COMMIT:
        if (gate->alive && happening->life == gate->life)
            gate_commit(sim, happening->gate);
        break;
    case HAPPEN_KILL:
        gate_kill(sim, happening->gate);
        break;
    case HAPPEN_START:
        gate_start(sim, happening->gate);
        break;
    case HAPPEN_HOST_KILL:
        if (gate->has_region)
            host_kill(sim, happening->gate);
        break;
    case HAPPEN_HOST_START:
        gate->epoch++;
        gate->host_up = true;
        host_introduce(sim, happening->gate);
        break;
    case HAPPEN_ARRIVAL:
        host_arrive(sim, happening);
        break;
    case HAPPEN_REPLY:
    case HAPPEN_TIMEOUT:
    case HAPPEN_OFFER:
        host_reply(sim, happening);
        break;
    case HAPPEN_ASK:
        caller_ask(sim, (uint16_t)happening->number, (enum transaction_class)happening->other,
                   happening->flag != 0, happening->epoch != 0);
        break;
    case HAPPEN_LOOK:
        caller_look(sim, (uint16_t)happening->number, happening->epoch);
        break;
    case HAPPEN_GONE: {
        struct core_event event = {
            .type = EVENT_CALLER_GONE, .from = "la", .reference = happening->number, .epoch = 1};
        gate_step(sim, happening->gate, &event);
        break;
    }
    case HAPPEN_PROPOSE:
        person_propose(sim, happening->gate);
        break;
    case HAPPEN_CONFIRM:
        person_confirm(sim, happening);
        break;
    case HAPPEN_SETTLE:
        person_settle(sim, happening);
        break;
    default:
        faults_happen(sim, happening);
        break;
    }
}

/* The gateway whose timer is due first, if that is before `until`. */
static bool
tick(struct sim *sim, int64_t until)
{
    int first = -1;
    int64_t earliest = until;
    for (uint8_t gate = 0; gate < sim->settings->gates; gate++) {
        const struct gate *at = &sim->gates[gate];
        if (!at->alive || at->dying)
            continue;
        int64_t due = core_next_due(sim->gates[gate].core);
        due = due == INT64_MAX ? due : due - 1000000;
        if (due < at->stopped_until_ms)
            due = at->stopped_until_ms;
        if (due < earliest) {
            earliest = due;
            first = gate;
        }
    }
    if (first < 0)
        return false;
    if (earliest > sim->now_ms)
        sim->now_ms = earliest;
    gate_step(sim, (uint8_t)first, &(struct core_event){.type = EVENT_TICK});
    return true;
}

static void
run(struct sim *sim)
{
    for (int turns = 0; sim->failure[0] == '\0'; turns++) {
        const struct happening *next = agenda_first(&sim->agenda);
        int64_t end = sim->mode == MODE_SAFETY ? SIM_FAULTS_END_MS : SIM_END_MS;
        int64_t due = next != NULL && next->due_ms < end ? next->due_ms : end;
        if (turns == MOST_TURNS) {
            sim_broken(sim, "liveness (no end of steps)", "", turns);
            return;
        }
        sim->calm = sim->now_ms > SIM_FAULTS_END_MS;
        if (tick(sim, due))
            continue;
        if (due == end)
            return;
        if (due > sim->now_ms)
            sim->now_ms = due;
        struct happening happening = agenda_take(&sim->agenda);
        happen(sim, &happening);
        happening_release(&happening);
    }
}

int
sim_play(struct sim *sim, const struct settings *settings, struct tally *tally, FILE *trace)
{
    if (sim->sents == NULL)
        sim->sents = calloc(SIM_SENT, sizeof *sim->sents);
    if (sim->sents == NULL)
        abort();
    sim->settings = settings;
    sim->tally = tally;
    sim->trace = trace;
    sim->now_ms = 0;
    sim->calm = false;
    sim->sent_count = 0;
    sim->failure[0] = '\0';
    memset(sim->parted, 0, sizeof sim->parted);
    memset(sim->overtaken, 0, sizeof sim->overtaken);
    for (unsigned dice = 0; dice < DICE_COUNT; dice++)
        sim->dice[dice] = (settings->seed + 1) * 0x9E3779B97F4A7C15ull ^ (uint64_t)dice << 56;
    for (uint8_t gate = 0; gate < settings->gates; gate++)
        gate_create(sim, gate);
    for (uint8_t gate = 0; gate < settings->gates; gate++)
        gate_start(sim, gate);
    caller_plan_all(sim);
    faults_plan(sim);
    run(sim);
    if (sim->failure[0] == '\0')
        check_end(sim);
    restore_forget(sim);
    for (uint8_t gate = 0; gate < settings->gates; gate++)
        gate_destroy(&sim->gates[gate]);
    agenda_finish(&sim->agenda);
    tally->worlds++;
    return sim->failure[0] == '\0' ? 0 : -1;
}

void
sim_release(struct sim *sim)
{
    for (int gate = 0; gate < SIM_GATES; gate++) {
        free(sim->gates[gate].disk.rows);
        free(sim->gates[gate].disk.pending);
    }
    free(sim->agenda.heap);
    free(sim->sents);
}
