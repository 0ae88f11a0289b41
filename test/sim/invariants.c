/* The rules of the hop protocol as checks, each broken under its own name. Those about what is said hold at
 * every command; those about money are judged at the end, by the local systems' books. */
#include "sim.h"

#include <string.h>

void
sim_broken(struct sim *sim, const char *rule, const char *msgid, int64_t number)
{
    if (sim->failure[0] == '\0')
        snprintf(sim->failure, sizeof sim->failure, "%s: %s (%lld) at %lld ms", rule, msgid,
                 (long long)number, (long long)sim->now_ms);
}

static const struct row *
row_of(const struct sim *sim, uint8_t number, const struct message_key *key, enum exchange_role role)
{
    const struct row *row = disk_row(&sim->gates[number].disk, key, (uint8_t)role);
    return row != NULL && row->used ? row : NULL;
}

static bool
on_disk(const struct row *row, enum exchange_state state)
{
    return row != NULL && row->record.state == state;
}

static enum exchange_role
sending_role(const struct sim *sim, uint8_t number, const struct core_command *command)
{
    return strcmp(sim->gates[number].name, command->header.key.origin) == 0 ? ROLE_ORIGIN : ROLE_TRANSIT;
}

/* Rule 17: the local system is asked for the next update of a person only when the one before it has its
 * ending. */
static bool
another_is_under_way(const struct sim *sim, uint8_t number, const struct row *row)
{
    const struct disk *disk = &sim->gates[number].disk;
    for (size_t i = 1; i < SIM_UPDATES * 2; i += 2) {
        const struct exchange_record *other = &disk->rows[i].record;
        if (disk->rows[i].used && &disk->rows[i] != row && other->role == ROLE_DESTINATION &&
            (other->state == STATE_DISPATCHED || other->state == STATE_UNKNOWN) &&
            memcmp(other->index.order_key, row->record.index.order_key, sizeof other->index.order_key) == 0)
            return true;
    }
    return false;
}

static void
check_submit(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct row *row = row_of(sim, number, &command->header.key, ROLE_DESTINATION);
    const char *msgid = command->header.key.msgid;
    if (row == NULL || row->record.local.serial != command->local.serial) {
        sim_broken(sim, "attempt record", msgid, command->operation);
        return;
    }
    const struct exchange_record *record = &row->record;
    switch (command->operation) {
    case CORE_OP_SUBMIT:
        if (record->state != STATE_DISPATCHED)
            sim_broken(sim, "mark (dispatched)", msgid, record->state);
        else if (another_is_under_way(sim, number, row))
            sim_broken(sim, "order key", msgid, record->state);
        break;
    case CORE_OP_UNDO:
        if (record->state != STATE_REVERSING || record->cancel.serial != command->cancel.serial)
            sim_broken(sim, "ladder (the cancel's own record)", msgid, record->state);
        break;
    case CORE_OP_REVERSE:
        if (record->state != STATE_REVERSING)
            sim_broken(sim, "one reversal (committed before it is called)", msgid, record->state);
        break;
    default:
        break;
    }
}

void
check_write(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct exchange_record *record = command->record;
    const struct update *about = record != NULL ? sim_update_of(sim, record->header.key.msgid) : NULL;
    rules_check_write(sim, number, command);
    if (about != NULL && about->old && command->type == CMD_STORE_INSERT && !record->tombstone)
        sim_broken(sim, "horizon", record->header.key.msgid, record->role);
    if (command->type != CMD_STORE_INSERT || record->role != ROLE_TRANSIT)
        return;
    if (strcmp(record->header.key.origin, sim->gates[number].name) == 0)
        sim_broken(sim, "loop", record->header.key.msgid, record->hops_left);
}

/* Rule 19: what is acknowledged is on disk. What comes back to its origin is refused without a record, by
 * nature. */
void
check_ack(struct sim *sim, uint8_t number, const struct sent *sent)
{
    const char *msgid = sent->key.msgid;
    bool own = strcmp(sim->gates[number].name, sent->key.origin) == 0;
    const struct row *row = row_of(sim, number, &sent->key, own ? ROLE_ORIGIN : ROLE_TRANSIT);
    if (own && sent->acked != ACKED_OUTCOME)
        return;
    /* nor does a reversal that comes round in a circle: it undoes nothing, and its sender repeats it */
    if (sent->acked == ACKED_REVERSAL && row != NULL &&
        strcmp(row->record.previous, sim->gates[sent->from].name) != 0)
        return;
    if (sent->acked == ACKED_UPDATE && row == NULL)
        sim_broken(sim, "commit, then acknowledge (update)", msgid, number);
    else if (sent->acked == ACKED_REVERSAL && (row == NULL || row->record.reversal_attempt == 0) &&
             (row == NULL || !exchange_state_is_ending(row->record.state)))
        sim_broken(sim, "commit, then acknowledge (reversal)", msgid, number);
    else if (sent->acked == ACKED_OUTCOME && row != NULL && sent->attempt >= row->record.attempt &&
             !exchange_state_is_ending(row->record.state) && row->record.state != STATE_REVERSING)
        sim_broken(sim, "commit, then acknowledge (ending)", msgid, row->record.state);
}

void
check_command(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct message_key *key = &command->header.key;
    const struct row *row;
    rules_check_command(sim, number, command);
    switch (command->type) {
    case CMD_SEND_UPDATE:
        row = row_of(sim, number, key, sending_role(sim, number, command));
        /* relayed: stored by a restored gateway that a peer told more of it; it says no less than the mark */
        if ((!on_disk(row, STATE_SENT) && !on_disk(row, STATE_RELAYED)) ||
            row->record.attempt != command->travel.attempt)
            sim_broken(sim, "mark (sent)", key->msgid, command->travel.attempt);
        break;
    case CMD_SEND_REVERSAL:
        row = row_of(sim, number, key, sending_role(sim, number, command));
        if (!on_disk(row, STATE_REVERSING))
            sim_broken(sim, "one reversal (committed before it is passed on)", key->msgid,
                       command->travel.attempt);
        break;
    case CMD_SEND_OUTCOME:
        row = row_of(sim, number, key, ROLE_TRANSIT);
        if (row == NULL || strcmp(command->to, row->record.previous) != 0)
            break; /* an ending that no record here stands for: a loop, other content, the horizon */
        if (!on_disk(row, command->outcome.state) || row->record.attempt != command->travel.attempt)
            sim_broken(sim, "commit, then acknowledge (outcome)", key->msgid, command->outcome.state);
        break;
    case CMD_SUBMIT:
        check_submit(sim, number, command);
        break;
    case CMD_TELL:
        row = row_of(sim, number, key, ROLE_ORIGIN);
        if (command->outcome.state != 0 && command->header.transaction_class == CLASS_UPDATE &&
            !on_disk(row, command->outcome.state))
            sim_broken(sim, "commit, then acknowledge (caller)", key->msgid, command->outcome.state);
        break;
    default:
        break;
    }
}

/* Known to nobody but the store that was lost (schema/restore.md, Limits). */
bool
was_forgotten(const struct sim *sim, const struct update *update)
{
    return update->treat == update->insured && sim->gates[update->treat].restored_ms != 0;
}

/* The reversal of what never came, or was refused, is a record that only its origin has. */
static bool
has_heard(const struct sim *sim, const struct update *update, bool refused_too)
{
    struct message_key key = {.origin = ""};
    snprintf(key.msgid, sizeof key.msgid, "%s", update->msgid);
    for (uint8_t gate = 0; gate < sim->settings->gates; gate++) {
        const struct row *row = row_of(sim, gate, &key, ROLE_TRANSIT);
        if (gate != update->treat && row != NULL && (refused_too || row->record.state != STATE_REFUSED))
            return true;
    }
    return false;
}

static bool
block_was_forgotten(const struct sim *sim, const struct update *update)
{
    return update->blocked_ms != 0 && sim->gates[update->treat].restored_ms >= update->blocked_ms;
}

/* Rules 2 and 11: what a caller was told is never contradicted. */
void
check_told(struct sim *sim, struct update *update, const struct core_outcome *outcome)
{
    if (was_forgotten(sim, update) || block_was_forgotten(sim, update))
        return;
    switch (outcome->state) {
    case STATE_ANSWERED:
        if (update->not_rendered && !update->vanished && update->told_answered == 0)
            sim_broken(sim, "inconsistent answers (told what can not be said)", update->msgid,
                       outcome->state);
        if (update->told_reversed != 0 || update->told_stands != 0)
            sim_broken(sim, "copy (answered after it was undone)", update->msgid, outcome->state);
        if (update->told_refused != 0 && !update->fresh_after_refusal &&
            (update->declined_ms == 0 || sim->gates[update->treat].restored_ms < update->declined_ms))
            sim_broken(sim, "copy (answered after refused)", update->msgid, outcome->state);
        break;
    case STATE_REFUSED:
        if (!has_heard(sim, update, true))
            update->declined_ms = sim->now_ms;
        if (update->told_answered + update->told_stands + update->told_reversed != 0)
            sim_broken(sim, "copy (refused after another ending)", update->msgid, outcome->state);
        break;
    case STATE_REVERSED:
        if (update->told_answered != 0 && !update->asked_reversal)
            sim_broken(sim, "answered is answered (undone, and nobody asked)", update->msgid, outcome->state);
        update->told_reversed++;
        if (!has_heard(sim, update, false))
            update->blocked_ms = sim->now_ms;
        break;
    case STATE_STANDS:
        if (update->told_reversed != 0)
            sim_broken(sim, "copy (stands after reversed)", update->msgid, outcome->state);
        update->told_stands++;
        break;
    default:
        break;
    }
}

/* Is what this settled cancelled by a refund of a caller's that is itself in force? */
static bool
is_refunded(const struct book *book, uint16_t update)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct entry *entry = &book->entries[i];
        if (entry->state != ENTRY_POSTED || entry->cancelled_by == 0 || entry->update != update)
            continue;
        for (size_t j = 0; j < book->count; j++)
            if (book->entries[j].serial == entry->cancelled_by && book->entries[j].update != 0)
                return true;
    }
    return false;
}

/* Rule by rule an ending is certain when it is committed, not some time later. */
void
check_ending(struct sim *sim, const struct exchange_record *record)
{
    const struct update *update = sim_update_of(sim, record->header.key.msgid);
    if (update == NULL || record->role != ROLE_ORIGIN || !exchange_state_is_ending(record->state) ||
        was_forgotten(sim, update))
        return;
    const struct book *book = &sim->gates[update->insured].book;
    int posted = book_in_force(book, (uint16_t)(update->number + 1));
    bool should = record->state == STATE_ANSWERED || record->state == STATE_STANDS;
    if (posted > 1)
        sim_broken(sim, "money (posted twice)", update->msgid, posted);
    else if (should && posted == 0 && !is_refunded(book, (uint16_t)(update->number + 1)))
        sim_broken(sim, "money (committed as posted, and it is not)", update->msgid, record->state);
    else if (!should && posted != 0)
        sim_broken(sim, "money (posted, and committed as without effect)", update->msgid, record->state);
}

static void
check_books(struct sim *sim, const struct update *update)
{
    struct message_key key = {.origin = ""};
    snprintf(key.msgid, sizeof key.msgid, "%s", update->msgid);
    const struct row *row = row_of(sim, update->treat, &key, ROLE_ORIGIN);
    const struct book *book = &sim->gates[update->insured].book;
    int posted = book_in_force(book, (uint16_t)(update->number + 1));
    enum exchange_state state = row != NULL ? (enum exchange_state)row->record.state : STATE_NONE;
    bool should = state == STATE_ANSWERED || state == STATE_STANDS;
    sim->tally->endings[state]++;
    if ((sim->mode == MODE_SAFETY && !exchange_state_is_ending(state)) || was_forgotten(sim, update))
        return;
    if (posted > 1)
        sim_broken(sim, "money (posted twice)", update->msgid, posted);
    if (should && posted == 0 && !is_refunded(book, (uint16_t)(update->number + 1)))
        sim_broken(sim, "money (told posted, and it is not)", update->msgid, state);
    if (!should && posted != 0)
        sim_broken(sim, "money (posted, though it ended without effect)", update->msgid, state);
    if (update->told_answered != 0 && !update->asked_reversal && state != STATE_ANSWERED)
        sim_broken(sim, "answered is answered (ended otherwise)", update->msgid, state);
    if (update->told_reversed != 0 && state != STATE_REVERSED && !block_was_forgotten(sim, update))
        sim_broken(sim, "copy (told reversed, ended otherwise)", update->msgid, state);
}

/* What moved at each insured place is what the endings say: settlements that stand, less refunds that stand.
 */
static void
check_sums(struct sim *sim)
{
    for (uint8_t gate = 0; gate < sim->settings->gates; gate++) {
        int64_t expected = 0;
        if (sim->gates[gate].restored_ms != 0)
            continue; /* its own instances' updates may be forgotten */
        for (unsigned i = 0; i < sim->update_count; i++) {
            const struct update *update = &sim->updates[i];
            struct message_key key = {.origin = ""};
            snprintf(key.msgid, sizeof key.msgid, "%s", update->msgid);
            const struct row *row = row_of(sim, update->treat, &key, ROLE_ORIGIN);
            if (update->insured != gate)
                continue;
            if (on_disk(row, STATE_ANSWERED) || on_disk(row, STATE_STANDS))
                expected += update->amount_fen;
        }
        if (book_sum(&sim->gates[gate].book) != expected)
            sim_broken(sim, "conservation of money", sim->gates[gate].name,
                       book_sum(&sim->gates[gate].book) - expected);
    }
}

static int
still_open(void *arg, const struct exchange_record *record)
{
    struct sim *sim = arg;
    char what[80];
    snprintf(what, sizeof what, "liveness (still %s as %s)", exchange_state_name(record->state),
             role_name((enum exchange_role)record->role));
    sim_broken(sim, what, record->header.key.msgid, record->cure);
    return 1;
}

void
check_end(struct sim *sim)
{
    for (uint8_t gate = 0; gate < sim->settings->gates && (sim->mode & MODE_LIVENESS) != 0; gate++)
        core_each(sim->gates[gate].core, still_open, sim);
    for (unsigned i = 0; i < sim->update_count; i++)
        check_books(sim, &sim->updates[i]);
    if ((sim->mode & MODE_LIVENESS) != 0) /* else some are open, and may stand in the books or not */
        check_sums(sim);
}
