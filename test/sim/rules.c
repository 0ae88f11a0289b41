/* More of the rules as checks: those about what travels (seal, time left), about ways (no route), about the
 * order of cures, and about what stands in a record beside its state. Each is broken under its own name, as
 * in invariants.c. Must hold whatever is lost, late or killed, so each check knows what the gateway itself
 * can know. */
#include "sim.h"

#include <string.h>

#include "error_codes.h"

enum { NOTICE_MS = 2000, EXTRA_AT_ORIGIN_MS = 20000, EXTRA_AT_DESTINATION_MS = 3000 };

static int64_t
call_time_ms(const struct sim *sim, const char *infno)
{
    const struct transaction *transaction = transaction_find(sim->transactions, infno);
    return transaction != NULL ? transaction->call_time_ms : 0;
}

static int
peer_named(const struct sim *sim, const char *name)
{
    for (uint8_t gate = 0; gate < sim->settings->gates; gate++)
        if (strcmp(sim->gates[gate].name, name) == 0)
            return gate;
    return -1;
}

/* Since when this gateway knows that it has no line to what the record is to go to; 0 = it has one. */
static int64_t
down_since(const struct sim *sim, uint8_t number, const char *target)
{
    int peer = peer_named(sim, target);
    return peer < 0 ? 0 : sim->gates[number].down_ms[peer];
}

void
rules_note_start(struct sim *sim, uint8_t number)
{
    memset(sim->gates[number].down_ms, 0, sizeof sim->gates[number].down_ms);
}

/* What a core is about to be told. */
void
rules_note_event(struct sim *sim, uint8_t number, const struct core_event *event)
{
    if (event->type != EVENT_PEER_UP && event->type != EVENT_PEER_DOWN && event->type != EVENT_UPDATE)
        return;
    int peer = peer_named(sim, event->from);
    if (peer < 0)
        return;
    int64_t *down_ms = &sim->gates[number].down_ms[peer];
    struct update *update;
    if (event->type == EVENT_PEER_UP) {
        *down_ms = 0;
    } else if (event->type == EVENT_PEER_DOWN) {
        *down_ms = *down_ms != 0 ? *down_ms : sim->now_ms + 1;
    } else if ((update = sim_update_of(sim, event->header.key.msgid)) != NULL) {
        int64_t due_ms = sim->now_ms + event->travel.time_left_ms;
        if (due_ms > update->due_ms[number])
            update->due_ms[number] = due_ms;
    }
}

/* Rule 8: what can go nowhere is neither taken in nor kept until its deadline. */
static void
check_no_route(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct exchange_record *record = command->record;
    int64_t since = down_since(sim, number, record->target);
    const struct row *row = disk_row(&sim->gates[number].disk, &record->header.key, record->role);
    if (since == 0 || record->role == ROLE_DESTINATION || record->tombstone ||
        record->reversal_cause != REVERSAL_NONE)
        return;
    if (command->type == CMD_STORE_INSERT && record->state == STATE_QUEUED)
        sim_broken(sim, "no route (queued)", record->header.key.msgid, number);
    else if (record->state == STATE_REFUSED && record->code == FEP_E_DEADLINE_NOT_SENT && row != NULL &&
             row->used &&
             row->record.state == STATE_QUEUED &&     /* not: marked while a disk was full, never sent */
             sim->gates[number].disk.refusals == 0 && /* else it was decided long before it is written */
             sim->now_ms > since + NOTICE_MS)
        sim_broken(sim, "no route (kept until its deadline)", record->header.key.msgid, number);
}

/* Rules 10 and 21: what an answer that comes after the reversal's commit must not become. */
static void
check_late(struct sim *sim, uint8_t number, const struct exchange_record *record)
{
    const struct row *row = disk_row(&sim->gates[number].disk, &record->header.key, record->role);
    if (row != NULL && row->used && row->record.role == record->role &&
        row->record.attempt == record->attempt && row->record.state == STATE_REVERSING &&
        record->state == STATE_ANSWERED && sim->gates[number].restored_ms == 0)
        sim_broken(sim, "late (adopted after the reversal's commit)", record->header.key.msgid, record->role);
}

/* Rule 26: the person is the one that the caller named. */
static void
check_person(struct sim *sim, const struct exchange_record *record, const struct update *update)
{
    uint8_t expected[sizeof record->index.order_key];
    memset(expected, update->insured * SIM_PERSONS + update->person + 1, sizeof expected);
    if (memcmp(record->index.order_key, expected, sizeof expected) != 0)
        sim_broken(sim, "index (another person's)", record->header.key.msgid, record->role);
}

void
rules_check_write(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct exchange_record *record = command->record;
    if ((command->type != CMD_STORE_INSERT && command->type != CMD_STORE_UPDATE) || record == NULL)
        return;
    const struct update *update = sim_update_of(sim, record->header.key.msgid);
    check_no_route(sim, number, command);
    check_late(sim, number, record);
    if (update != NULL)
        check_person(sim, record, update);
}

/* Rule 24: what is sealed is the same on every way and in every attempt. */
static void
check_seal(struct sim *sim, struct update *update, const struct core_command *command)
{
    if (sim->gates[update->treat].restored_ms != 0)
        return; /* it may have forgotten the day on which it took it */
    if (update->sealed && memcmp(&update->seal, &command->header, sizeof update->seal) != 0)
        sim_broken(sim, "seal", update->msgid, command->travel.hops_left);
    update->seal = command->header;
    update->sealed = true;
}

/* Rule 9: nobody gives more time than is left of what it was given. */
static void
check_time_left(struct sim *sim, uint8_t number, struct update *update, const struct core_command *command)
{
    int64_t until_ms = sim->now_ms + command->travel.time_left_ms;
    if (command->travel.time_left_ms == 0)
        return; /* nobody takes it: it only asks */
    if (number != update->treat) {
        /* one that came while a commit was under way is taken after it */
        if (update->due_ms[number] != 0 && until_ms > update->due_ms[number] + NOTICE_MS)
            sim_broken(sim, "time left (on the way)", update->msgid, until_ms - update->due_ms[number]);
        return;
    }
    if (command->travel.attempt >
        update->timed_attempt) { /* an attempt may begin some commits after it was asked for */
        int64_t most_ms = sim->now_ms + call_time_ms(sim, command->header.infno) + EXTRA_AT_ORIGIN_MS;
        update->timed_attempt = command->travel.attempt;
        update->deadline_ms = until_ms < most_ms ? until_ms : most_ms;
    }
    if (command->travel.attempt == update->timed_attempt && until_ms > update->deadline_ms &&
        sim->gates[number].restored_ms == 0) /* a restored one may begin a forgotten attempt again */
        sim_broken(sim, "time left (at the origin)", update->msgid, until_ms - update->deadline_ms);
}

/* Rule 9: no local system is asked when the answer would come too late. */
static void
check_in_time(struct sim *sim, uint8_t number, const struct update *update,
              const struct core_command *command)
{
    int64_t latest_ms =
        update->due_ms[number] - call_time_ms(sim, command->header.infno) - EXTRA_AT_DESTINATION_MS;
    if (update->treat != number && update->due_ms[number] != 0 && sim->now_ms > latest_ms)
        sim_broken(sim, "time left (called too late)", update->msgid, sim->now_ms - latest_ms);
}

/* Rule 13: the last update of a person is undone first. Serials are drawn at the dispatch, one after the
 * other. */
static void
check_last_first(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct disk *disk = &sim->gates[number].disk;
    const struct row *row = disk_row(disk, &command->header.key, ROLE_DESTINATION);
    for (size_t i = 1; row != NULL && i < SIM_UPDATES * 2; i += 2) {
        const struct exchange_record *other = &disk->rows[i].record;
        if (disk->rows[i].used && other->role == ROLE_DESTINATION &&
            other->local.serial > row->record.local.serial &&
            (other->state == STATE_DISPATCHED || other->state == STATE_UNKNOWN ||
             other->state == STATE_REVERSING) &&
            memcmp(other->index.order_key, row->record.index.order_key, sizeof other->index.order_key) == 0)
            sim_broken(sim, "ladder (an earlier one before a later one)", command->header.key.msgid,
                       other->state);
    }
}

static void
check_call(struct sim *sim, uint8_t number, const struct update *update, const struct core_command *command)
{
    switch (command->operation) {
    case CORE_OP_SUBMIT:
        if (sim->gates[number].resolving != 0)
            sim_broken(sim, "forks (posted before the details were compared)", update->msgid, number);
        check_in_time(sim, number, update, command);
        break;
    case CORE_OP_REVERSE:
    case CORE_OP_UNDO:
        check_last_first(sim, number, command);
        break;
    default:
        break;
    }
}

/* Rule 11: a caller that is told "never arrived" may rely on it. */
static void
check_blocked(struct sim *sim, uint8_t number, const struct core_command *command)
{
    struct message_key key = command->header.key;
    if (command->header.transaction_class != CLASS_REVERSAL || command->outcome.kind != FEP_ANSWERED ||
        (command->outcome.finding != FEP_FOUND_NEVER_ARRIVED &&
         command->outcome.finding != FEP_FOUND_REVERSED))
        return;
    memcpy(key.msgid, command->header.original_msgid, sizeof key.msgid);
    const struct row *row = disk_row(&sim->gates[number].disk, &key, ROLE_ORIGIN);
    if (row == NULL || !row->used || !exchange_state_is_ending(row->record.state))
        sim_broken(sim, "answered is answered (told as blocked, and it is not)", key.msgid,
                   command->outcome.finding);
}

void
rules_check_command(struct sim *sim, uint8_t number, const struct core_command *command)
{
    struct update *update = sim_update_of(sim, command->header.key.msgid);
    if (command->type == CMD_TELL)
        check_blocked(sim, number, command);
    if (update == NULL)
        return;
    if (command->type == CMD_SEND_UPDATE) {
        check_seal(sim, update, command);
        check_time_left(sim, number, update, command);
    } else if (command->type == CMD_SUBMIT) {
        check_call(sim, number, update, command);
    }
}
