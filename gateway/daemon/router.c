/* Opens everything in order, recovers, and runs the loop: wait -> events -> step -> commands -> one batch for
 * the store. The loop never waits for the disk or for a peer. If the store is not to be trusted the process
 * ends; the keeper starts it again and recovery begins from what is on disk. */
#include "router.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#include "error.h"
#include "keeper.h"
#include "kill_point.h"
#include "log.h"

enum { STORE_EVENTS = 256, LONGEST_WAIT_MS = 1000, ALIVE_MS = 1000, STOP_MS = 8000 };

#ifdef FEP_KILL_POINTS
/* Remembers which record each store write carried, so that a test can strike when exactly that is committed.
 */
enum { KILL_RING = 4096 };
static struct {
    uint64_t sequence;
    char name[48];
} kill_ring[KILL_RING];

static void
remember_write(const struct core_command *command)
{
    if (command->type != CMD_STORE_INSERT && command->type != CMD_STORE_UPDATE)
        return;
    kill_ring[command->sequence % KILL_RING].sequence = command->sequence;
    snprintf(kill_ring[command->sequence % KILL_RING].name, sizeof kill_ring[0].name, "%s",
             core_kill_point_name(command->record));
}

static void
strike_committed(uint64_t from, uint64_t to)
{
    for (uint64_t sequence = from; sequence <= to; sequence++)
        if (kill_ring[sequence % KILL_RING].sequence == sequence)
            kill_point(kill_ring[sequence % KILL_RING].name);
}
#endif

void
router_step(struct router *router, struct core_event *event)
{
    const struct core_command *commands;
    event->now_ms = router_now(router);
    event->wall_ms = clock_wall_ms(router->clock);
    size_t count = core_step(router->core, event, &commands);
    for (size_t i = 0; i < count; i++) {
#ifdef FEP_KILL_POINTS
        remember_write(&commands[i]);
#endif
        router_perform(router, &commands[i]);
    }
}

void
router_tell_core_later(struct router *router, const struct core_event *event)
{
    if (router->later_count == LATER) {
        router->failed = 1;
        return;
    }
    router->later[router->later_count++] = *event;
}

/* What these steps leave for later again waits for the next turn, so that no turn lasts for ever. */
void
router_run_later(struct router *router)
{
    static struct core_event events[LATER]; /* large; one router per process */
    size_t count = router->later_count;
    memcpy(events, router->later, count * sizeof events[0]);
    router->later_count = 0;
    for (size_t i = 0; i < count; i++)
        router_step(router, &events[i]);
}

static void
on_store_failed(struct router *router, const struct store_event *event)
{
    log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_CRITICAL, LOG_N("sequence", event->sequence),
             LOG_N("code", event->error.code), LOG_S(event->error.text));
    router->failed = 1;
}

static void
on_room(struct router *router, int room)
{
    struct core_event event = {.type = EVENT_DISK, .flag = (uint8_t)room};
    log_line(room ? LOG_EVENT_STORE_ROOM : LOG_EVENT_STORE_FULL, room ? LOG_SEV_NOTICE : LOG_SEV_ALERT,
             LOG_T("file", "queue.db"));
    router_step(router, &event);
}

static void
on_conflict(struct router *router, const struct store_event *found)
{
    struct core_event event = {.type = EVENT_STORE_CONFLICT,
                               .sequence = found->sequence,
                               .found = &found->record,
                               .found_body = found->body,
                               .found_answer = found->answer};
    router_step(router, &event);
}

/* The core's references have the top bit set, those of hosts looking for a visit do not. */
static void
on_found(struct router *router, struct store_event *stored)
{
    if (!(stored->reference >> 63)) {
        router_visit_found(router, stored);
        return;
    }
    struct core_event event = {
        .type = EVENT_FOUND, .reference = stored->reference, .flag = stored->error.code != 0};
    if (stored->found) {
        event.found = &stored->record;
        event.found_body = stored->body;
        event.found_answer = stored->answer;
    }
    router_step(router, &event);
}

static void
on_store_event(struct router *router, struct store_event *stored)
{
#ifdef FEP_KILL_POINTS
    static uint64_t struck;
    if (stored->type == STORE_COMMITTED) {
        strike_committed(struck + 1, stored->sequence);
        struck = stored->sequence;
    }
#endif
    struct core_event event = {.sequence = stored->sequence};
    switch (stored->type) {
    case STORE_COMMITTED:
        router->committed = stored->sequence;
        event.type = EVENT_COMMITTED;
        router_step(router, &event);
        break;
    case STORE_REFUSED:
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR, LOG_N("sequence", stored->sequence),
                 LOG_N("code", stored->error.code), LOG_S(stored->error.text));
        router->store_refusals++;
        event.type = EVENT_STORE_REFUSED;
        router_step(router, &event);
        break;
    case STORE_CONFLICT:
        on_conflict(router, stored);
        break;
    case STORE_FAILED:
        on_store_failed(router, stored);
        break;
    case STORE_FOUND:
        on_found(router, stored);
        break;
    case STORE_ROOM:
        on_room(router, stored->found);
        break;
    case STORE_LISTED:
        if (router_is_recall(stored))
            router_recalled(router, stored);
        else
            router_listed(router, stored);
        break;
    case STORE_PROMPT:
        router_prompt_stored(router, stored);
        break;
    case STORE_PROPOSAL:
        router_proposal_stored(router, stored);
        break;
    }
    slice_release(&stored->body);
    slice_release(&stored->answer);
}

static void
read_store(struct router *router)
{
    static struct store_event events[STORE_EVENTS]; /* large; one router per process */
    size_t count;
    do {
        count = store_take_events(router->store, events, STORE_EVENTS);
        for (size_t i = 0; i < count; i++)
            on_store_event(router, &events[i]);
    } while (count == STORE_EVENTS);
}

static int
on_recovered_record(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    struct router *router = arg;
    struct core_event event = {
        .type = EVENT_RESTORED, .found = record, .found_body = body, .found_answer = answer};
    router_step(router, &event);
    router_proposals_ended(router, record);
    return router->failed ? -1 : 0;
}

static int
recover(struct router *router, struct fep_error *error)
{
    uint64_t quarantined = 0;
    if (store_recover(router->store, on_recovered_record, router, &quarantined, error) != 0)
        return -1;
    struct core_event event = {.type = EVENT_RECOVERED};
    router_step(router, &event);
    if (!store_has_room(router->store))
        on_room(router, 0);
    struct core_status status;
    core_read_status(router->core, &status);
    log_line(LOG_EVENT_RECOVERED, LOG_SEV_NOTICE, LOG_N("open", status.open_total),
             LOG_N("unknown", status.open_unknown), LOG_N("ms", router_now(router) - router->started_ms));
    if (quarantined != 0)
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_STORE_BODY),
                 LOG_S("rows that do not pass their check were put aside; the lines before name them"));
    return 0;
}

static int
read_node_keys(struct router *router, struct fep_error *error)
{
    struct link_peer_key keys[CONF_PEERS];
    for (size_t i = 0; i < router->conf->peer_count; i++) {
        snprintf(keys[i].name, sizeof keys[i].name, "%s", router->conf->peers[i].name);
        if (link_public_key_read(router->conf->peers[i].public_key_file, keys[i].public_key, error) != 0)
            return error_wrap(error, "key of peer %s", router->conf->peers[i].name);
    }
    if (router->conf->link_key_file[0] != '\0' &&
        link_keys_read(router->conf->link_key_file, &router->curve, error) != 0)
        return error_wrap(error, "own link key");
    router->links = link_context_create(keys, router->conf->peer_count, error);
    return router->links != NULL ? 0 : -1;
}

static int
open_store(struct router *router, struct fep_error *error)
{
    const struct conf *conf = router->conf;
    struct store_config config = {
        .directory = conf->state_directory,
        .schema_directory = conf->schema_directory,
        .key_file = conf->body_key_file[0] != '\0' ? conf->body_key_file : NULL,
        .batch_bytes = conf->batch_bytes,
        .ballast_bytes = conf->ballast_bytes,
        .min_free_bytes = conf->min_free_bytes,
        .horizon_days = conf->bounds.horizon_days,
        .node = conf->node,
    };
    router->store = store_open(&config, error);
    if (router->store == NULL)
        return -1;
    struct store_identity identity;
    store_read_identity(router->store, &identity);
    router->conf->bounds.incarnation = identity.incarnation;
    router->conf->bounds.serial_counter = identity.serial_counter;
    return 0;
}

static void
report_line(void *arg, const char *line)
{
    (void)arg;
    log_line(LOG_EVENT_CONFIG_ERROR, LOG_SEV_ERROR, LOG_S(line));
}

static int
open_core(struct router *router, struct fep_error *error)
{
    const struct conf *conf = router->conf;
    router->transactions = transaction_table_load(conf->transactions_file, report_line, NULL, error);
    if (router->transactions == NULL)
        return -1;
    router->routes = conf_load_routes(conf, report_line, NULL, error);
    if (router->routes == NULL)
        return -1;
    struct core_config bounds = conf->bounds;
    bounds.max_body_bytes = conf->max_body_bytes;
    router->core = core_create(&bounds, router->transactions);
    if (router->core == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the core");
    for (size_t i = 0; i < conf->peer_count; i++)
        if (core_add_peer(router->core, conf->peers[i].name) != 0)
            return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the peers");
    for (size_t i = 0; i < conf->instance_count; i++)
        if (core_add_instance(router->core, conf->instances[i].name) != 0)
            return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the instances");
    core_set_routes(router->core, router->routes);
    return 0;
}

/* What the order is about: nothing is said to anybody before everything that was promised earlier is known
 * again. */
static int
open_all(struct router *router, struct fep_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (router->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot watch signals: %s", strerror(errno));
    if (open_store(router, error) != 0 || open_core(router, error) != 0 || read_node_keys(router, error) != 0)
        return -1;
    if (router_open_local(router, error) != 0 || router_open_resolving(router, error) != 0)
        return -1;
    if (router_load_proposals(router, error) != 0 || recover(router, error) != 0)
        return -1;
    return router_open_operators(router, error) == 0 ? router_open_peers(router, error) : -1;
}

static void
close_all(struct router *router)
{
    router_close_operators(router);
    router_close_peers(router);
    link_close(router->local);
    if (router->store != NULL) {
        router_submit_writes(router);
        store_close(router->store); /* finishes what was submitted */
    }
    for (size_t i = 0; i < router->write_count; i++) {
        slice_release(&router->writes[i].body);
        slice_release(&router->writes[i].answer);
    }
    free(router->writes);
    router_close_proposals(router);
    link_context_destroy(router->links);
    core_destroy(router->core);
    route_table_destroy(router->routes);
    transaction_table_destroy(router->transactions);
    if (router->signals >= 0)
        close(router->signals);
}

/* The keeper's word that a host process has ended: sooner and surer than its silence. */
static void
on_keeper_line(struct router *router, const char *line)
{
    char name[NODE_SIZE];
    unsigned epoch;
    if (strcmp(line, "drain") == 0)
        router_drain_hosts(router);
    if (sscanf(line, "down %15s %u", name, &epoch) != 2)
        return;
    struct router_host *host = router_find_host(router, name);
    if (host != NULL)
        router_host_down(router, host, epoch, "ended");
}

static void
read_keeper(struct router *router)
{
    if (router->keeper_fd < 0)
        return;
    for (;;) {
        size_t room = sizeof router->keeper_line - 1 - router->keeper_line_size;
        ssize_t got = read(router->keeper_fd, router->keeper_line + router->keeper_line_size, room);
        if (got <= 0)
            return; /* its death is told by the kernel (PR_SET_PDEATHSIG) */
        router->keeper_line_size += (size_t)got;
        router->keeper_line[router->keeper_line_size] = '\0';
        char *start = router->keeper_line, *end;
        while ((end = strchr(start, '\n')) != NULL) {
            *end = '\0';
            on_keeper_line(router, start);
            start = end + 1;
        }
        router->keeper_line_size = strlen(start);
        memmove(router->keeper_line, start, router->keeper_line_size + 1);
        if (router->keeper_line_size == sizeof router->keeper_line - 1)
            router->keeper_line_size = 0;
    }
}

static void
read_signals(struct router *router)
{
    struct signalfd_siginfo info;
    while (read(router->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (!router->stopping) {
            router->stopping = 1;
            router->stop_due_ms = router_now(router) + STOP_MS;
            router_drain_hosts(router); /* a service manager may signal everybody at once */
            log_line(LOG_EVENT_STOP, LOG_SEV_NOTICE, LOG_T("reason", "asked"));
        }
}

static long
next_wait_ms(const struct router *router)
{
    int64_t now = router_now(router), due = now + LONGEST_WAIT_MS;
    if (core_next_due(router->core) < due)
        due = core_next_due(router->core);
    if (router_peers_due(router) < due)
        due = router_peers_due(router);
    if (router->later_count != 0)
        due = now;
    else if (router->write_count != 0)
        due = now + 1; /* the store had no memory for the last batch */
    return due > now ? (long)(due - now) : 0;
}

enum { WORK_SIGNAL = 1, WORK_STORE = 2, WORK_KEEPER = 4 };

/* Waits until something can be read or is due. Bits say which of the plain descriptors have something; ZeroMQ
 * sockets are looked at in any case, since reading one may have made another readable. */
static int
wait_for_work(struct router *router)
{
    zmq_pollitem_t items[CONF_PEERS + 7];
    int count = 0, work = 0, keeper = 0;

    items[count++] = (zmq_pollitem_t){.fd = router->signals, .events = ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.fd = store_descriptor(router->store), .events = ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.socket = link_raw(router->local), .events = ZMQ_POLLIN};
    if (router->keeper_fd >= 0) {
        keeper = count;
        items[count++] = (zmq_pollitem_t){.fd = router->keeper_fd, .events = ZMQ_POLLIN};
    }
    if (router_operators_descriptor(router) >= 0)
        items[count++] = (zmq_pollitem_t){.fd = router_operators_descriptor(router), .events = ZMQ_POLLIN};
    if (router->listen != NULL)
        items[count++] = (zmq_pollitem_t){.socket = link_raw(router->listen), .events = ZMQ_POLLIN};
    for (size_t i = 0; i < router->peer_count; i++)
        if (router->peers[i].socket != NULL)
            items[count++] =
                (zmq_pollitem_t){.socket = link_raw(router->peers[i].socket), .events = ZMQ_POLLIN};
    if (zmq_poll(items, count, next_wait_ms(router)) < 0) {
        if (errno != EINTR)
            router->failed = 1;
        return 0;
    }
    work |= items[0].revents != 0 ? WORK_SIGNAL : 0;
    work |= items[1].revents != 0 ? WORK_STORE : 0;
    work |= keeper != 0 && items[keeper].revents != 0 ? WORK_KEEPER : 0;
    return work;
}

/* The keeper ends a router that hangs. */
static void
say_alive(struct router *router, int64_t now)
{
    if (now < router->alive_due_ms)
        return;
    router->alive_due_ms = now + ALIVE_MS;
    router_tell_keeper(router, "alive\n");
}

static void
turn(struct router *router)
{
    int work = wait_for_work(router);
    if (work & WORK_SIGNAL)
        read_signals(router);
    if (work & WORK_KEEPER)
        read_keeper(router);
    if (work & WORK_STORE)
        read_store(router);
    router_read_peers(router);
    router_read_local(router);
    router_read_operators(router);

    router_run_later(router);
    int64_t now = router_now(router);
    if (core_next_due(router->core) <= now) {
        struct core_event event = {.type = EVENT_TICK};
        router_step(router, &event);
    }
    router_tick_hosts(router, now);
    router_tick_tasks(router, now);
    router_tick_operators(router, now);
    router_tick_proposals(router, now);
    router_tick_peers(router, now);
    router_tick_recall(router, now);
    router_submit_writes(router);
    say_alive(router, now);
    log_flush();
}

/* Stopping: hosts finish what they have, what is submitted gets committed and told; then the end. Everything
 * else is on disk already. */
static int
is_done(const struct router *router)
{
    if (router->failed || !router->stopping)
        return router->failed;
    if (router_now(router) > router->stop_due_ms)
        return 1;
    for (size_t i = 0; i < router->host_count; i++)
        if (router->hosts[i].up)
            return 0;
    return router->write_count == 0 && router->later_count == 0 && store_pending(router->store) == 0;
}

static void
say_ready(struct router *router, int ready_fd)
{
    log_line(LOG_EVENT_READY, LOG_SEV_NOTICE, LOG_T("instance", "router"),
             LOG_N("ms", router_now(router) - router->started_ms));
    if (ready_fd < 0)
        return;
    if (write(ready_fd, "ready\n", 6) != 6)
        log_line(LOG_EVENT_ALARM, LOG_SEV_WARNING, LOG_N("code", FEP_E_SYSTEM),
                 LOG_S("nobody hears that we are ready"));
    close(ready_fd);
}

int
router_run(struct conf *conf, int ready_fd, int keeper_fd)
{
    static struct router router; /* large */
    struct fep_error error = {0};

    router = (struct router){.conf = conf, .clock = &clock_system, .signals = -1, .keeper_fd = keeper_fd};
    router.started_ms = router_now(&router);
    if (open_all(&router, &error) != 0) {
        log_line(LOG_EVENT_STOP, LOG_SEV_CRITICAL, LOG_T("reason", "cannot-start"), LOG_S(error.text));
        fprintf(stderr, "fepd: router cannot start: FEP-%u %s\n", error.code, error.text);
        close_all(&router);
        /* A lock that a foreign daemon holds does not go away by trying; one of ours is gone before we start.
         */
        int person_needed =
            error.code == FEP_E_STORE_LOCKED ||
            (error.code < 2000 && error.code != FEP_E_SYSTEM && error.code != FEP_E_NO_MEMORY);
        return person_needed ? EXIT_MISUSED : EXIT_SURROUNDINGS;
    }
    router_submit_writes(&router);
    say_ready(&router, ready_fd);
    while (!is_done(&router))
        turn(&router);
    int failed = router.failed;
    close_all(&router);
    return failed ? EXIT_SURROUNDINGS : 0;
}
