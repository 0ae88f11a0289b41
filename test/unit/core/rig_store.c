/* The bench's store: the smallest thing that keeps the promises of the real one. */
#include "rig_store.h"

#include <stdlib.h>

void
rig_store_drop(struct rig *rig)
{
    for (size_t i = 0; i < rig->write_count; i++) {
        slice_release(&rig->writes[i].body);
        slice_release(&rig->writes[i].answer);
    }
    rig->write_count = 0;
}

static int
same_side(uint8_t a, uint8_t b)
{
    return (a == ROLE_ORIGIN) == (b == ROLE_ORIGIN);
}

struct rig_row *
rig_store_find(const struct rig *rig, const struct message_key *key, uint8_t role)
{
    for (size_t i = 0; i < rig->row_count; i++)
        if (same_side(rig->rows[i].record.role, role) &&
            message_key_equal(&rig->rows[i].record.header.key, key))
            return &rig->rows[i];
    return NULL;
}

static void
keep_slice(struct slice *kept, const struct slice *given)
{
    if (given->size == 0)
        return;
    slice_release(kept);
    *kept = slice_share(*given);
}

static void
write_row(struct rig *rig, const struct rig_write *write)
{
    struct rig_row *row = rig_store_find(rig, &write->record.header.key, write->record.role);
    if (row == NULL) {
        if (rig->row_count == rig->row_room) {
            rig->row_room = rig->row_room * 2 + 16;
            rig->rows = realloc(rig->rows, rig->row_room * sizeof *rig->rows);
            assert_non_null(rig->rows);
        }
        row = &rig->rows[rig->row_count++];
        *row = (struct rig_row){0};
    }
    row->record = write->record;
    row->closed = 0;
    keep_slice(&row->body, &write->body);
    keep_slice(&row->answer, &write->answer);
}

void
rig_store_add(struct rig *rig, const struct core_command *command)
{
    if (rig->write_count == rig->write_room) {
        rig->write_room = rig->write_room * 2 + 16;
        rig->writes = realloc(rig->writes, rig->write_room * sizeof *rig->writes);
        assert_non_null(rig->writes);
    }
    struct rig_write *write = &rig->writes[rig->write_count++];
    *write = (struct rig_write){.type = command->type,
                                .sequence = command->sequence,
                                .number = command->number,
                                .body = slice_share(command->body),
                                .answer = slice_share(command->answer)};
    if (command->record != NULL)
        write->record = *command->record;
}

/* Carries one write out and returns the event that the core gets for it alone, or COMMITTED. */
static enum event_type
carry_out(struct rig *rig, const struct rig_write *write)
{
    struct rig_row *row;
    if (rig->refuse_writes && write->type != CMD_STORE_CLOSE)
        return EVENT_STORE_REFUSED;
    if (write->type == CMD_STORE_SERIALS) {
        if (rig->refuse_serials)
            return EVENT_STORE_REFUSED;
        rig->serial_counter = write->number;
        return EVENT_COMMITTED;
    }
    if (write->type == CMD_STORE_CLOSE) {
        row = rig_store_find(rig, &write->record.header.key, write->record.role);
        assert_non_null(row);
        row->closed = 1;
        return EVENT_COMMITTED;
    }
    row = rig_store_find(rig, &write->record.header.key, write->record.role);
    if (write->type == CMD_STORE_INSERT && row != NULL) {
        if (!row->closed)
            fail_msg("%s inserted twice while open", write->record.header.key.msgid);
        return EVENT_STORE_CONFLICT;
    }
    if (write->type == CMD_STORE_UPDATE)
        assert_non_null(row);
    write_row(rig, write);
    rig->commits++;
    rig->inserts += write->type == CMD_STORE_INSERT;
    rig->updates += write->type == CMD_STORE_UPDATE;
    return EVENT_COMMITTED;
}

static void
report(struct rig *rig, const struct rig_write *write, enum event_type type)
{
    struct core_event event = {.type = type, .sequence = write->sequence};
    struct exchange_record found;
    if (type == EVENT_STORE_CONFLICT) {
        struct rig_row *row = rig_store_find(rig, &write->record.header.key, write->record.role);
        found = row->record;
        event.found = &found;
        event.found_body = row->body;
        event.found_answer = row->answer;
        event.found_body = slice_share(event.found_body);
        event.found_answer = slice_share(event.found_answer);
    }
    rig_step(rig, &event);
    slice_release(&event.found_body);
    slice_release(&event.found_answer);
}

void
rig_commit(struct rig *rig)
{
    while (rig->write_count > 0) {
        struct rig_write *writes = rig->writes;
        size_t count = rig->write_count;
        rig->writes = NULL;
        rig->write_count = rig->write_room = 0;
        for (size_t i = 0; i < count; i++) {
            enum event_type type = carry_out(rig, &writes[i]);
            if (type != EVENT_COMMITTED)
                report(rig, &writes[i], type);
        }
        report(rig, &writes[count - 1], EVENT_COMMITTED);
        for (size_t i = 0; i < count; i++) {
            slice_release(&writes[i].body);
            slice_release(&writes[i].answer);
        }
        free(writes);
        if (rig->manual_commit)
            break;
    }
}

void
rig_commit_prefix(struct rig *rig, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)carry_out(rig, &rig->writes[i]);
}

static struct rig_row *
find_cancel(const struct rig *rig, const struct core_command *command)
{
    for (size_t i = 0; i < rig->row_count; i++) {
        const struct exchange_record *record = &rig->rows[i].record;
        if (record->role == command->number &&
            (record->state == STATE_ANSWERED || record->state == STATE_STANDS) &&
            strcmp(record->header.infno, command->header.infno) == 0 &&
            strcmp(record->index.settlement_id, command->index.settlement_id) == 0)
            return &rig->rows[i];
    }
    return NULL;
}

void
rig_store_answer(struct rig *rig, const struct core_command *command)
{
    struct rig_row *row = command->header.key.msgid[0] != '\0'
                              ? rig_store_find(rig, &command->header.key, (uint8_t)command->number)
                              : find_cancel(rig, command);
    struct core_event event = {.type = EVENT_FOUND, .reference = command->reference};
    struct exchange_record found;
    if (row != NULL) {
        found = row->record;
        event.found = &found;
        event.found_body = row->body;
        event.found_answer = row->answer;
    }
    rig_step(rig, &event);
}
