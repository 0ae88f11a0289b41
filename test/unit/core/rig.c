/* See rig.h. The store here is the smallest thing that keeps the promises of the real one. */
#include "rig.h"

#include <assert.h>
#include <stdlib.h>

#include "clock.h"

#define WALL_START 1795226400000 /* 2026-11-21, some morning */

static struct transaction_table *table;

static void
free_transactions(void)
{
    transaction_table_destroy(table);
}

const struct transaction_table *
rig_transactions(void)
{
    if (table == NULL) {
        char path[512];
        struct fep_error error = {0};
        const char *source = getenv("FEP_SOURCE");
        snprintf(path, sizeof path, "%s/schema/transactions.cfg", source != NULL ? source : ".");
        table = transaction_table_load(path, NULL, NULL, &error);
        if (table == NULL)
            fail_msg("%s: %s", path, error.text);
        atexit(free_transactions);
    }
    return table;
}

static void
make_core(struct rig *rig)
{
    rig->config.serial_counter = rig->serial_counter;
    rig->core = core_create(&rig->config, rig_transactions());
    assert_non_null(rig->core);
    core_set_routes(rig->core, rig->routes);
}

void
rig_init(struct rig *rig, const char *node)
{
    memset(rig, 0, sizeof *rig);
    snprintf(rig->config.node, sizeof rig->config.node, "%s", node);
    rig->config.incarnation = 7;
    rig->serial_counter = 1;
    rig->now_ms = 1000000;
    rig->wall_ms = WALL_START;
    rig->next_reference = 100;
    make_core(rig);
}

static void
drop_commands(struct rig *rig)
{
    for (size_t i = 0; i < rig->command_count; i++) {
        slice_release(&rig->commands[i].command.body);
        slice_release(&rig->commands[i].command.answer);
    }
    rig->command_count = 0;
}

static void
drop_writes(struct rig *rig)
{
    for (size_t i = 0; i < rig->write_count; i++) {
        slice_release(&rig->writes[i].body);
        slice_release(&rig->writes[i].answer);
    }
    rig->write_count = 0;
}

void
rig_finish(struct rig *rig)
{
    core_destroy(rig->core);
    route_table_destroy(rig->routes);
    drop_commands(rig);
    drop_writes(rig);
    for (size_t i = 0; i < rig->row_count; i++) {
        slice_release(&rig->rows[i].body);
        slice_release(&rig->rows[i].answer);
    }
    free(rig->rows);
    free(rig->writes);
}

void
rig_set_routes(struct rig *rig, const struct route_rule *rules, size_t count)
{
    struct route_table *old = rig->routes;
    rig->routes = route_table_create(rules, count);
    assert_non_null(rig->routes);
    core_set_routes(rig->core, rig->routes);
    route_table_destroy(old);
}

void
rig_start(struct rig *rig)
{
    struct core_event event = {.type = EVENT_RECOVERED};
    rig_step(rig, &event);
}

void
rig_crash(struct rig *rig)
{
    core_destroy(rig->core);
    drop_writes(rig);
    rig_forget(rig);
    make_core(rig);
}

static void
restore_rows(struct rig *rig)
{
    for (size_t i = 0; i < rig->row_count; i++) {
        struct rig_row *row = &rig->rows[i];
        struct core_event event = {.type = EVENT_RESTORED,
                                   .found = &row->record,
                                   .found_body = row->body,
                                   .found_answer = row->answer};
        if (!row->closed)
            rig_step(rig, &event);
    }
}

void
rig_parties_up(struct rig *rig, uint32_t abilities)
{
    switch (rig->config.node[0]) {
    case 'A':
        core_add_peer(rig->core, "P");
        core_add_instance(rig->core, "la");
        break;
    case 'P':
        core_add_peer(rig->core, "A");
        core_add_peer(rig->core, "B");
        break;
    default:
        core_add_peer(rig->core, "P");
        core_add_instance(rig->core, "lb");
        break;
    }
    restore_rows(rig);
    rig_start(rig);
    if (abilities == 0)
        return;
    if (rig->config.node[0] == 'A') {
        rig_simple(rig, EVENT_PEER_UP, "P");
        rig_host_up(rig, "la", 1, FEP_SERVES_IN, NULL, 0);
    } else if (rig->config.node[0] == 'P') {
        rig_simple(rig, EVENT_PEER_UP, "A");
        rig_simple(rig, EVENT_PEER_UP, "B");
    } else {
        rig_simple(rig, EVENT_PEER_UP, "P");
        rig_host_up(rig, "lb", 1, abilities, NULL, 0);
    }
}

static void
begin(struct rig *rig, const char *node, const char *target, int local, uint32_t abilities)
{
    struct route_rule rule = {.prefix = "45", .targets_local = local};
    rig_init(rig, node);
    snprintf(rule.targets[0], sizeof rule.targets[0], "%s", target);
    rig_set_routes(rig, &rule, 1);
    rig_parties_up(rig, abilities);
    rig_forget(rig);
}

void
rig_origin(struct rig *rig)
{
    begin(rig, "A", "P", 0, 1);
}

void
rig_transit(struct rig *rig)
{
    begin(rig, "P", "B", 0, 1);
}

void
rig_destination(struct rig *rig, uint32_t abilities)
{
    begin(rig, "B", "lb", 1, abilities | FEP_CALLS_OUT);
}

/* --- store --- */

static int
same_side(uint8_t a, uint8_t b)
{
    return (a == ROLE_ORIGIN) == (b == ROLE_ORIGIN);
}

static struct rig_row *
find_row(const struct rig *rig, const struct message_key *key, uint8_t role)
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
    struct rig_row *row = find_row(rig, &write->record.header.key, write->record.role);
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

static void
add_write(struct rig *rig, const struct core_command *command)
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
        row = find_row(rig, &write->record.header.key, write->record.role);
        assert_non_null(row);
        row->closed = 1;
        return EVENT_COMMITTED;
    }
    row = find_row(rig, &write->record.header.key, write->record.role);
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
        struct rig_row *row = find_row(rig, &write->record.header.key, write->record.role);
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

/* --- steps --- */

static void
keep_command(struct rig *rig, const struct core_command *command)
{
    if (rig->sink != NULL) {
        rig->sink(rig->sink_arg, rig, command);
        return;
    }
    if (rig->command_count == RIG_COMMANDS)
        drop_commands(rig);
    struct rig_command *kept = &rig->commands[rig->command_count++];
    *kept = (struct rig_command){.command = *command};
    if (command->to != NULL) {
        snprintf(kept->to, sizeof kept->to, "%s", command->to);
        kept->command.to = kept->to;
    }
    if (command->record != NULL) {
        kept->record = *command->record;
        kept->command.record = &kept->record;
    }
    kept->command.body = slice_share(command->body);
    kept->command.answer = slice_share(command->answer);
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

static void
answer_find(struct rig *rig, const struct core_command *command)
{
    struct rig_row *row = command->header.key.msgid[0] != '\0'
                              ? find_row(rig, &command->header.key, (uint8_t)command->number)
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

void
rig_step(struct rig *rig, struct core_event *event)
{
    const struct core_command *commands;
    struct core_command finds[8];
    size_t find_count = 0;
    event->now_ms = rig->now_ms;
    event->wall_ms = rig->wall_ms;
    size_t count = core_step(rig->core, event, &commands);
    for (size_t i = 0; i < count; i++) {
        enum command_type type = commands[i].type;
        if (type == CMD_STORE_INSERT || type == CMD_STORE_UPDATE || type == CMD_STORE_CLOSE ||
            type == CMD_STORE_SERIALS)
            add_write(rig, &commands[i]);
        else if (type == CMD_STORE_FIND && find_count < 8)
            finds[find_count++] = commands[i];
        else
            keep_command(rig, &commands[i]);
    }
    for (size_t i = 0; i < find_count; i++)
        answer_find(rig, &finds[i]);
    if (!rig->manual_commit && event->type != EVENT_COMMITTED && event->type != EVENT_STORE_CONFLICT &&
        event->type != EVENT_STORE_REFUSED && event->type != EVENT_RESTORED)
        rig_commit(rig);
}

void
rig_advance(struct rig *rig, int64_t ms)
{
    int64_t until = rig->now_ms + ms;
    for (int turns = 0;; turns++) {
        int64_t due = core_next_due(rig->core);
        assert_true(turns < 100000); /* a timer that never moves on */
        if (due > until)
            break;
        if (due > rig->now_ms) {
            rig->wall_ms += due - rig->now_ms;
            rig->now_ms = due;
        }
        struct core_event event = {.type = EVENT_TICK};
        rig_step(rig, &event);
    }
    rig->wall_ms += until - rig->now_ms;
    rig->now_ms = until;
}

/* --- looking --- */

const struct core_command *
rig_take(struct rig *rig, enum command_type type)
{
    for (size_t i = 0; i < rig->command_count; i++)
        if (!rig->commands[i].seen && rig->commands[i].command.type == type) {
            rig->commands[i].seen = 1;
            /* pointers into the entry itself, wherever it lies */
            if (rig->commands[i].command.to != NULL)
                rig->commands[i].command.to = rig->commands[i].to;
            return &rig->commands[i].command;
        }
    return NULL;
}

const struct core_command *
rig_expect(struct rig *rig, enum command_type type)
{
    const struct core_command *command = rig_take(rig, type);
    if (command == NULL)
        fail_msg("no command %d", type);
    return command;
}

int
rig_count(const struct rig *rig, enum command_type type)
{
    int count = 0;
    for (size_t i = 0; i < rig->command_count; i++)
        count += !rig->commands[i].seen && rig->commands[i].command.type == type;
    return count;
}

void
rig_forget(struct rig *rig)
{
    drop_commands(rig);
}

struct message_key
rig_key(const char *msgid)
{
    struct message_key key = {.origin = "A"};
    snprintf(key.msgid, sizeof key.msgid, "%s", msgid);
    return key;
}

const struct rig_row *
rig_row(const struct rig *rig, const char *msgid, enum exchange_role role)
{
    struct message_key key = rig_key(msgid);
    return find_row(rig, &key, role);
}

enum exchange_state
rig_disk(const struct rig *rig, const char *msgid, enum exchange_role role)
{
    const struct rig_row *row = rig_row(rig, msgid, role);
    return row != NULL ? row->record.state : STATE_NONE;
}

enum exchange_state
rig_state(const struct rig *rig, const char *msgid, enum exchange_role role)
{
    struct message_key key = rig_key(msgid);
    const struct exchange_record *record = core_find(rig->core, &key, role);
    return record != NULL ? record->state : STATE_NONE;
}

/* --- inputs --- */

static void
fill_text(char *out, size_t room, const char *text, const char *standard)
{
    snprintf(out, room, "%s", text != NULL ? text : standard);
}

static struct slice
text_slice(const char *text)
{
    return text != NULL ? slice_copy(text, strlen(text)) : SLICE_NONE;
}

static void
fill_index(struct fep_index *index, uint8_t person, const char *settlement)
{
    index->size = sizeof *index;
    if (person != 255) /* 255: nobody's */
        memset(index->order_key, person + 1, sizeof index->order_key);
    fill_text(index->settlement_id, sizeof index->settlement_id, settlement, "");
}

static void
fill_header(struct rig *rig, struct message_header *header, const char *msgid, const char *infno,
            const char *origin)
{
    header->key = rig_key(msgid);
    fill_text(header->key.origin, sizeof header->key.origin, origin, "A");
    fill_text(header->infno, sizeof header->infno, infno, "2207");
    fill_text(header->treat_area, sizeof header->treat_area, NULL, "450100");
    fill_text(header->insured_area, sizeof header->insured_area, NULL, "450900");
    header->transaction_class = CLASS_UPDATE;
    header->day = clock_date(rig->wall_ms);
}

uint64_t
rig_request(struct rig *rig, struct rig_request request)
{
    uint64_t ticket = request.ticket != 0 ? request.ticket : rig->next_reference++;
    struct core_event event = {.type = EVENT_REQUEST,
                               .from = request.from != NULL ? request.from : "la",
                               .reference = ticket,
                               .epoch = 1,
                               .flag = request.fresh,
                               .caller_inquires = request.caller_inquires};
    fill_header(rig, &event.header, request.msgid, request.infno, rig->config.node);
    fill_text(event.header.insured_area, sizeof event.header.insured_area, request.area, "450900");
    if (request.transaction_class != 0)
        event.header.transaction_class = (uint8_t)request.transaction_class;
    if (request.original != NULL) {
        fill_text(event.header.original_msgid, sizeof event.header.original_msgid, request.original, "");
        if (!request.only_serial)
            fill_text(event.header.original_infno, sizeof event.header.original_infno, NULL, "2207");
    }
    fill_index(&event.index, request.person, request.settlement);
    event.body = text_slice(request.body != NULL ? request.body : "settle");
    rig_step(rig, &event);
    slice_release(&event.body);
    return ticket;
}

static uint64_t
peer_input(struct rig *rig, enum event_type type, const struct rig_message *message, const char *body)
{
    uint64_t reference = message->reference != 0 ? message->reference : rig->next_reference++;
    struct core_event event = {.type = type, .from = message->from, .reference = reference};
    fill_header(rig, &event.header, message->msgid, message->infno, message->origin);
    event.travel = (struct travel){.attempt = message->attempt != 0 ? message->attempt : 1,
                                   .time_left_ms = message->time_left_ms != 0 ? message->time_left_ms : 80000,
                                   .hops_left = message->hops != 0 ? message->hops - 1 : 5};
    fill_index(&event.index, message->person, message->settlement);
    event.outcome = (struct core_outcome){.state = message->state,
                                          .effect = message->effect,
                                          .refusal_class = message->refusal_class,
                                          .reason = message->reason,
                                          .code = message->code};
    event.body = text_slice(body);
    rig_step(rig, &event);
    slice_release(&event.body);
    return reference;
}

uint64_t
rig_update(struct rig *rig, struct rig_message message)
{
    return peer_input(rig, EVENT_UPDATE, &message, message.body != NULL ? message.body : "settle");
}

uint64_t
rig_reversal(struct rig *rig, struct rig_message message)
{
    return peer_input(rig, EVENT_REVERSAL, &message, NULL);
}

uint64_t
rig_outcome(struct rig *rig, struct rig_message message)
{
    const char *body = message.body != NULL              ? message.body
                       : message.state == STATE_ANSWERED ? "answer"
                                                         : NULL;
    return peer_input(rig, EVENT_OUTCOME, &message, body);
}

void
rig_acked(struct rig *rig, const char *from, const char *msgid, enum core_acked acked)
{
    struct core_event event = {.type = EVENT_ACKED, .from = from, .acked = (uint8_t)acked};
    event.header.key = rig_key(msgid);
    rig_step(rig, &event);
}

void
rig_done(struct rig *rig, struct rig_done done)
{
    struct core_event event = {.type = done.late ? EVENT_LATE : EVENT_DONE,
                               .from = "lb",
                               .reference = done.call,
                               .epoch = done.epoch != 0 ? done.epoch : rig->epoch};
    event.outcome = (struct core_outcome){.kind = (uint8_t)done.kind,
                                          .effect = done.effect,
                                          .refusal_class = done.refusal_class,
                                          .reason = done.reason,
                                          .finding = done.finding,
                                          .code = done.code,
                                          .accounting_date = done.accounting_date};
    event.body = text_slice(done.body);
    if (done.settlement != NULL)
        fill_index(&event.index, 255, done.settlement);
    rig_step(rig, &event);
    slice_release(&event.body);
}

void
rig_simple(struct rig *rig, enum event_type type, const char *from)
{
    struct core_event event = {.type = type, .from = from};
    rig_step(rig, &event);
}

void
rig_host_up(struct rig *rig, const char *name, uint32_t epoch, uint32_t abilities, const uint64_t *open,
            size_t count)
{
    struct core_event event = {.type = EVENT_HOST_UP,
                               .from = name,
                               .epoch = epoch,
                               .abilities = abilities,
                               .open_calls = open,
                               .open_call_count = count};
    if (strcmp(name, "lb") == 0)
        rig->epoch = epoch;
    rig_step(rig, &event);
}
