/* See rig.h: life of the core, steps, and looking at what it asked for. */
#include "rig_store.h"

#include <stdlib.h>

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

void
rig_finish(struct rig *rig)
{
    core_destroy(rig->core);
    route_table_destroy(rig->routes);
    drop_commands(rig);
    rig_store_drop(rig);
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
    rig_store_drop(rig);
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
    static const char *const parties[] = {"P", "la", "lb", "A", "B"};
    for (size_t i = 0; rig->resolving && i < sizeof parties / sizeof parties[0]; i++)
        (void)core_set_resolving(rig->core, parties[i]); /* those that are there */
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
            rig_store_add(rig, &commands[i]);
        else if (type == CMD_STORE_FIND && find_count < 8)
            finds[find_count++] = commands[i];
        else
            keep_command(rig, &commands[i]);
    }
    for (size_t i = 0; i < find_count; i++)
        rig_store_answer(rig, &finds[i]);
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
    return rig_store_find(rig, &key, role);
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
