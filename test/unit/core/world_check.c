/* See world_check.h. */
#include "world_check.h"

#include <inttypes.h>

static void
broken(struct world *world, const char *what, const char *msgid, int64_t number)
{
    if (world->failure[0] == '\0')
        snprintf(world->failure, sizeof world->failure, "%s: %s (%" PRId64 ") at %" PRId64, what, msgid,
                 number, world->now_ms);
}

static const struct rig_row *
row_of(const struct world *world, int gate, const struct core_command *command, enum exchange_role role)
{
    return rig_row(&world->gates[gate], command->header.key.msgid, role);
}

static int
on_disk(const struct rig_row *row, enum exchange_state state)
{
    return row != NULL && row->record.state == state;
}

static void
check_outcome(struct world *world, const struct core_command *command, const struct rig_row *row)
{
    if (!on_disk(row, command->outcome.state) || row->record.attempt != command->travel.attempt)
        broken(world, "outcome sent before its commit", command->header.key.msgid, command->outcome.state);
}

/* 17: the local system is asked for the next update of a person only when the one before it has its
 * ending. */
static int
another_is_under_way(const struct world *world, const struct rig_row *row)
{
    const struct rig *rig = &world->gates[GATE_B];
    for (size_t i = 0; i < rig->row_count; i++) {
        const struct exchange_record *other = &rig->rows[i].record;
        if (&rig->rows[i] != row && (other->state == STATE_DISPATCHED || other->state == STATE_UNKNOWN) &&
            memcmp(other->index.order_key, row->record.index.order_key, sizeof other->index.order_key) == 0)
            return 1;
    }
    return 0;
}

static void
check_submit(struct world *world, const struct core_command *command, const struct rig_row *row)
{
    const char *msgid = command->header.key.msgid;
    if (row == NULL || row->record.local.serial != command->local.serial)
        broken(world, "called before the attempt record is committed", msgid, command->operation);
    else if (command->operation == CORE_OP_SUBMIT && row->record.state != STATE_DISPATCHED)
        broken(world, "submitted in another state than dispatched", msgid, row->record.state);
    else if (command->operation == CORE_OP_SUBMIT && another_is_under_way(world, row))
        broken(world, "submitted while another of the person is under way", msgid, row->record.state);
    else if (command->operation == CORE_OP_UNDO &&
             (row->record.state != STATE_REVERSING || row->record.cancel.serial != command->cancel.serial))
        broken(world, "cancelled before the cancel's record is committed", msgid, row->record.state);
    else if (command->operation == CORE_OP_REVERSE && row->record.state != STATE_REVERSING)
        broken(world, "reversed without a committed reversal", msgid, row->record.state);
}

void
check_command(struct world *world, int gate, const struct core_command *command)
{
    enum exchange_role role = gate == GATE_A ? ROLE_ORIGIN : gate == GATE_P ? ROLE_TRANSIT : ROLE_DESTINATION;
    const char *msgid = command->header.key.msgid;
    const struct rig_row *row = row_of(world, gate, command, role);
    switch (command->type) {
    case CMD_SEND_UPDATE:
        if (!on_disk(row, STATE_SENT) || row->record.attempt != command->travel.attempt)
            broken(world, "sent before its mark is committed", msgid, command->travel.attempt);
        break;
    case CMD_SEND_REVERSAL:
        if (!on_disk(row, STATE_REVERSING))
            broken(world, "reversal passed on before its commit", msgid, command->travel.attempt);
        break;
    case CMD_SEND_OUTCOME:
        check_outcome(world, command, row);
        break;
    case CMD_SUBMIT:
        check_submit(world, command, row);
        break;
    case CMD_TELL:
        if (command->outcome.state != 0 && command->header.transaction_class == CLASS_UPDATE &&
            !on_disk(row, command->outcome.state))
            broken(world, "told before its commit", msgid, command->outcome.state);
        break;
    default:
        break;
    }
}

void
check_told(struct world *world, struct world_update *update, const struct core_outcome *outcome)
{
    switch (outcome->state) {
    case STATE_ANSWERED:
        if (update->told_reversed || update->told_stands)
            broken(world, "told answered after an undoing", update->msgid, outcome->state);
        if (update->told_refused && !update->fresh_after_refusal)
            broken(world, "told answered after refused", update->msgid, outcome->state);
        break;
    case STATE_REFUSED:
        if (update->told_answered || update->told_stands || update->told_reversed)
            broken(world, "told refused after another ending", update->msgid, outcome->state);
        break;
    case STATE_REVERSED:
        if (update->told_answered && !update->asked_reversal)
            broken(world, "told reversed after answered, and nobody asked", update->msgid, outcome->state);
        update->told_reversed = 1;
        break;
    case STATE_STANDS:
        if (update->told_reversed)
            broken(world, "told stands after reversed", update->msgid, outcome->state);
        update->told_stands = 1;
        break;
    default:
        break;
    }
}

/* Is what this settled cancelled by a refund of the caller's that is itself in force? */
static int
is_refunded(const struct world *world, const char *msgid)
{
    for (size_t i = 0; i < world->books.count; i++) {
        const struct entry *entry = &world->books.entries[i];
        if (entry->state == ENTRY_POSTED && entry->cancelled_by != 0 && strcmp(entry->msgid, msgid) == 0)
            for (size_t j = 0; j < world->books.count; j++)
                if (world->books.entries[j].serial == entry->cancelled_by &&
                    world->books.entries[j].msgid[0] == 'r')
                    return 1;
    }
    return 0;
}

static void
check_books(struct world *world, const struct world_update *update)
{
    const struct rig_row *row = rig_row(&world->gates[GATE_A], update->msgid, ROLE_ORIGIN);
    int posted = books_in_force(&world->books, update->msgid);
    enum exchange_state state = row != NULL ? row->record.state : STATE_NONE;
    if (posted > 1)
        broken(world, "posted twice", update->msgid, posted);
    if (state == STATE_ANSWERED && posted == 0 && !is_refunded(world, update->msgid))
        broken(world, "answered, but nothing is posted", update->msgid, posted);
    if (state == STATE_STANDS && posted == 0 && !is_refunded(world, update->msgid))
        broken(world, "stands, but nothing is posted", update->msgid, posted);
    if ((state == STATE_REFUSED || state == STATE_REVERSED || state == STATE_NONE) && posted != 0)
        broken(world, "posted, though it ended without effect", update->msgid, state);
    if (update->told_answered && !update->asked_reversal && state != STATE_ANSWERED)
        broken(world, "told answered, ended otherwise", update->msgid, state);
    if (update->told_reversed && state != STATE_REVERSED)
        broken(world, "told reversed, ended otherwise", update->msgid, state);
}

static int
still_open(void *arg, const struct exchange_record *record)
{
    struct world *world = arg;
    broken(world, exchange_state_name(record->state), record->header.key.msgid,
           record->role * 100 + record->cure);
    return 1;
}

void
check_end(struct world *world)
{
    for (int gate = 0; gate < GATES; gate++)
        core_each(world->gates[gate].core, still_open, world);
    for (size_t i = 0; i < world->update_count; i++)
        check_books(world, &world->updates[i]);
}
