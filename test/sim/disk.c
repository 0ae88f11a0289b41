/* A gateway's disk: the smallest store that keeps the promises of the real one. What is written waits until
 * it is committed; a crash keeps some prefix of what waited. Must never lose what was committed. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct row *
disk_row(const struct disk *disk, const struct message_key *key, uint8_t role)
{
    int number;
    if (sscanf(key->msgid, "u%d", &number) != 1 || number < 0 || number >= SIM_UPDATES)
        return NULL;
    return &disk->rows[number * 2 + (role != ROLE_ORIGIN)];
}

void
disk_create(struct disk *disk)
{
    if (disk->rows == NULL)
        disk->rows = calloc(SIM_UPDATES * 2, sizeof *disk->rows);
    if (disk->rows == NULL)
        abort();
    disk->serial_counter = 1;
    disk->full = disk->was_full = false;
    disk->refusals = 0;
}

void
disk_forget_pending(struct disk *disk)
{
    for (size_t i = 0; i < disk->pending_count; i++) {
        slice_release(&disk->pending[i].body);
        slice_release(&disk->pending[i].answer);
    }
    disk->pending_count = disk->submitted = 0;
}

void
disk_destroy(struct disk *disk)
{
    disk_forget_pending(disk);
    for (size_t i = 0; disk->rows != NULL && i < SIM_UPDATES * 2; i++)
        if (disk->rows[i].used) {
            slice_release(&disk->rows[i].body);
            slice_release(&disk->rows[i].answer);
            disk->rows[i].used = false;
        }
}

void
disk_write(struct disk *disk, const struct core_command *command)
{
    if (disk->pending_count == disk->pending_room) {
        size_t room = disk->pending_room * 2 + 16;
        struct pending *pending = realloc(disk->pending, room * sizeof *pending);
        if (pending == NULL)
            abort();
        disk->pending = pending;
        disk->pending_room = room;
    }
    struct pending *write = &disk->pending[disk->pending_count++];
    write->type = command->type;
    write->refused = false;
    write->sequence = command->sequence;
    write->number = command->number;
    write->body = slice_share(command->body);
    write->answer = slice_share(command->answer);
    if (command->record != NULL)
        write->record = *command->record;
}

static void
keep_slice(struct slice *kept, const struct slice *given)
{
    if (given->size == 0)
        return;
    slice_release(kept);
    *kept = slice_share(*given);
}

enum event_type
disk_carry_out(struct disk *disk, const struct pending *write)
{
    if (write->type == CMD_STORE_SERIALS) {
        disk->serial_counter = write->number;
        return EVENT_COMMITTED;
    }
    struct row *row = disk_row(disk, &write->record.header.key, write->record.role);
    if (row == NULL)
        abort(); /* only updates are stored, and all of them have a place */
    if (write->type == CMD_STORE_CLOSE) {
        row->closed = true;
        return EVENT_COMMITTED;
    }
    if (write->type == CMD_STORE_INSERT && row->used)
        return EVENT_STORE_CONFLICT;
    row->used = true;
    row->closed = false;
    row->record = write->record;
    keep_slice(&row->body, &write->body);
    keep_slice(&row->answer, &write->answer);
    return EVENT_COMMITTED;
}

/* Returns the event that the core gets for this write alone, or COMMITTED. */
static enum event_type
carry_out(struct sim *sim, struct disk *disk, const struct pending *write)
{
    /* A small write may find room where a larger one did not. */
    if (disk->full && write->type != CMD_STORE_CLOSE && sim_roll(sim, FAULT_DISK_FULL, 3) != 0) {
        disk->refusals++;
        return EVENT_STORE_REFUSED;
    }
    return disk_carry_out(disk, write);
}

static void
tell_core(struct sim *sim, uint8_t number, const struct pending *write, enum event_type type)
{
    struct core_event event = {.type = type, .sequence = write->sequence};
    struct exchange_record found;
    if (type == EVENT_STORE_CONFLICT) {
        struct row *row = disk_row(&sim->gates[number].disk, &write->record.header.key, write->record.role);
        found = row->record;
        event.found = &found;
        event.found_body = slice_share(row->body);
        event.found_answer = slice_share(row->answer);
    }
    gate_step(sim, number, &event);
    slice_release(&event.found_body);
    slice_release(&event.found_answer);
}

void
disk_commit(struct sim *sim, uint8_t number)
{
    struct disk *disk = &sim->gates[number].disk;
    if (sim->real_store) {
        real_turn(sim, number);
        return;
    }
    struct pending *writes = disk->pending;
    size_t count = disk->pending_count, room = disk->pending_room;
    disk->pending = NULL;
    disk->pending_count = disk->pending_room = 0;
    for (size_t i = 0; i < count; i++) {
        enum event_type type = carry_out(sim, disk, &writes[i]);
        if (type != EVENT_COMMITTED)
            tell_core(sim, number, &writes[i], type);
        else if (writes[i].type == CMD_STORE_INSERT || writes[i].type == CMD_STORE_UPDATE)
            check_ending(sim, &writes[i].record);
    }
    if (count > 0)
        tell_core(sim, number, &writes[count - 1], EVENT_COMMITTED);
    for (size_t i = 0; i < count; i++) {
        slice_release(&writes[i].body);
        slice_release(&writes[i].answer);
    }
    if (disk->pending == NULL) { /* the room is used again */
        disk->pending = writes;
        disk->pending_room = room;
    } else {
        free(writes);
    }
}

void
disk_crash(struct sim *sim, uint8_t number, size_t survived)
{
    struct disk *disk = &sim->gates[number].disk;
    for (size_t i = 0; i < survived && i < disk->pending_count; i++)
        (void)carry_out(sim, disk, &disk->pending[i]);
    if (survived < disk->pending_count)
        sim->tally->torn += disk->pending_count - survived;
    disk_forget_pending(disk);
}

void
disk_restore(struct sim *sim, uint8_t number)
{
    struct disk *disk = &sim->gates[number].disk;
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        struct row *row = &disk->rows[i];
        struct exchange_record record;
        if (!row->used || row->closed)
            continue;
        record = row->record;
        struct core_event event = {.type = EVENT_RESTORED,
                                   .found = &record,
                                   .found_body = slice_share(row->body),
                                   .found_answer = slice_share(row->answer)};
        gate_step(sim, number, &event);
        slice_release(&event.found_body);
        slice_release(&event.found_answer);
    }
}

static const struct row *
find_cancel(const struct disk *disk, const struct core_command *command)
{
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        const struct row *row = &disk->rows[i];
        if (row->used && row->record.role == command->number &&
            (row->record.state == STATE_ANSWERED || row->record.state == STATE_STANDS) &&
            strcmp(row->record.header.infno, command->header.infno) == 0 &&
            strcmp(row->record.index.settlement_id, command->index.settlement_id) == 0)
            return row;
    }
    return NULL;
}

void
disk_find(struct sim *sim, uint8_t number, const struct core_command *command)
{
    const struct disk *disk = &sim->gates[number].disk;
    const struct row *row = command->header.key.msgid[0] != '\0'
                                ? disk_row(disk, &command->header.key, (uint8_t)command->number)
                                : find_cancel(disk, command);
    struct core_event event = {.type = EVENT_FOUND, .reference = command->reference};
    struct exchange_record found;
    if (row != NULL && row->used) {
        found = row->record;
        event.found = &found;
        event.found_body = slice_share(row->body);
        event.found_answer = slice_share(row->answer);
    }
    gate_step(sim, number, &event);
    slice_release(&event.found_body);
    slice_release(&event.found_answer);
}
