/* The keeper's loop: wait for a child's word, a child's end or a signal; start what is due. It never
 * allocates after its start, opens no database and no ZeroMQ context, and ends only when asked or when the
 * router can not run at all. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "notify.h"

enum {
    CHILDREN = CONF_INSTANCES + 1,
    STOP_MS = 15000,
    DRAIN_MS = 8000,
    TAKEOVER_MS = 10000,
    READY_MS = 60000
};

struct keeper {
    const struct conf *conf;
    const char *program, *host_program;
    struct child children[CHILDREN]; /* [0] is the router */
    size_t count;
    int signals; /* signalfd */
    int stopping;
    int64_t stop_due_ms;
    int64_t
        insist_due_ms; /* when hosts that were asked through the router are told by signal; 0 = they were */
    int64_t heard_ms;  /* the router's last word */
    struct notify notify;
    bool told_ready;
    char line[256]; /* what the router is saying */
    size_t line_size;
};

/* The lock is inherited by the children on purpose: a new keeper gets it only when the last process of the
 * old one is gone, so that two epochs of a host never run side by side (hop rule 20). */
static int
take_lock(const struct conf *conf, struct fep_error *error)
{
    char path[CONF_PATH + 16];
    snprintf(path, sizeof path, "%s/keeper.lock", conf->run_directory);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot open %s: %s", path, strerror(errno));
    int64_t until = clock_monotonic_ms(&clock_system) + TAKEOVER_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms(&clock_system) > until) {
            close(fd);
            return error_set(error, 0, FEP_E_STORE_LOCKED,
                             "another fepd (or a process it left) still holds %s; stop it first", path);
        }
        poll(NULL, 0, 50);
    }
    return 0;
}

static int
make_directory(const char *path, struct fep_error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot make %s: %s", path, strerror(errno));
    return 0;
}

static void
tell_router(struct keeper *keeper, const char *verb, const struct child *child)
{
    char line[64];
    struct child *router = &keeper->children[0];
    if (router->talk_fd < 0)
        return;
    int size = snprintf(line, sizeof line, "%s %s %u\n", verb, child->name, child->epoch);
    /* A lost line costs seconds only: the router also notices by the host's silence or its next HELLO. */
    if (write(router->talk_fd, line, (size_t)size) < 0 && errno != EAGAIN && errno != EPIPE)
        log_line(LOG_EVENT_ALARM, LOG_SEV_WARNING, LOG_N("code", FEP_E_SYSTEM),
                 LOG_S("cannot talk to the router"));
}

static struct child *
find_child(struct keeper *keeper, const char *name)
{
    for (size_t i = 0; i < keeper->count; i++)
        if (strcmp(keeper->children[i].name, name) == 0)
            return &keeper->children[i];
    return NULL;
}

/* The router asks to kill a host that does not answer ("kill NAME EPOCH"); "alive" is a sign of life. */
static void
on_router_line(struct keeper *keeper, const char *line)
{
    char name[NODE_SIZE];
    unsigned epoch;
    if (sscanf(line, "kill %15s %u", name, &epoch) != 2)
        return;
    struct child *child = find_child(keeper, name);
    if (child != NULL && !child->is_router && child->pid > 0 && child->epoch == epoch) {
        log_line(LOG_EVENT_HOST_RESTART, LOG_SEV_ERROR, LOG_T("instance", name), LOG_N("epoch", epoch),
                 LOG_S("the host did not answer and is ended"));
        kill(child->pid, SIGKILL);
    }
}

static void
read_router(struct keeper *keeper)
{
    struct child *router = &keeper->children[0];
    for (;;) {
        ssize_t got = read(router->talk_fd, keeper->line + keeper->line_size,
                           sizeof keeper->line - 1 - keeper->line_size);
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                close(router->talk_fd);
                router->talk_fd = -1;
            }
            return;
        }
        keeper->line_size += (size_t)got;
        keeper->heard_ms = clock_monotonic_ms(&clock_system);
        keeper->line[keeper->line_size] = '\0';
        char *start = keeper->line, *end;
        while ((end = strchr(start, '\n')) != NULL) {
            *end = '\0';
            on_router_line(keeper, start);
            start = end + 1;
        }
        keeper->line_size = strlen(start);
        memmove(keeper->line, start, keeper->line_size + 1);
        if (keeper->line_size == sizeof keeper->line - 1)
            keeper->line_size = 0; /* not a line of ours */
    }
}

static void
bury(struct keeper *keeper, int64_t now)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < keeper->count; i++) {
            struct child *child = &keeper->children[i];
            if (child->pid != pid)
                continue;
            child_ended(child, status, keeper->stopping, now);
            if (child->is_router)
                keeper->line_size = 0;
            else
                tell_router(keeper, "down", child);
        }
}

static void
signal_children(struct keeper *keeper, int router, int signal_number)
{
    for (size_t i = 0; i < keeper->count; i++)
        if (keeper->children[i].is_router == router && keeper->children[i].pid > 0)
            kill(keeper->children[i].pid, signal_number);
}

static int
hosts_running(const struct keeper *keeper)
{
    for (size_t i = 1; i < keeper->count; i++)
        if (keeper->children[i].pid > 0)
            return 1;
    return 0;
}

/* Hosts first, so that what they finish still reaches the store; then the router. */
static void
go_on_stopping(struct keeper *keeper, int64_t now)
{
    if (now > keeper->stop_due_ms) {
        signal_children(keeper, 0, SIGKILL);
        signal_children(keeper, 1, SIGKILL);
    } else if (keeper->insist_due_ms != 0 && now > keeper->insist_due_ms) {
        keeper->insist_due_ms = 0;
        signal_children(keeper, 0, SIGTERM);
    } else if (!hosts_running(keeper) && keeper->stopping == 1) {
        keeper->stopping = 2;
        signal_children(keeper, 1, SIGTERM);
    }
}

/* Through the router where it runs: its word comes behind everything it has given them, so nothing is lost
 * between. */
static void
ask_hosts_to_finish(struct keeper *keeper)
{
    int talk = keeper->children[0].talk_fd;
    if (keeper->children[0].state != CHILD_READY || talk < 0 || write(talk, "drain\n", 6) != 6) {
        keeper->insist_due_ms = 0;
        signal_children(keeper, 0, SIGTERM);
    }
}

static void
read_signals(struct keeper *keeper, int64_t now)
{
    struct signalfd_siginfo info;
    while (read(keeper->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD || keeper->stopping)
            continue;
        keeper->stopping = 1;
        notify_tell(&keeper->notify, "STOPPING=1");
        keeper->stop_due_ms = now + STOP_MS;
        keeper->insist_due_ms = now + DRAIN_MS;
        log_line(LOG_EVENT_STOP, LOG_SEV_NOTICE,
                 LOG_T("reason", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"));
        ask_hosts_to_finish(keeper);
    }
    bury(keeper, now);
}

/* Hosts wait for the router's word: before it there is nobody to talk to. */
static int
may_start(const struct keeper *keeper, const struct child *child, int64_t now)
{
    return child->state == CHILD_WAITING && child->due_ms <= now &&
           (child->is_router || keeper->children[0].state == CHILD_READY);
}

static void
start_due(struct keeper *keeper, int64_t now)
{
    for (size_t i = 0; i < keeper->count && !keeper->stopping; i++) {
        struct child *child = &keeper->children[i];
        struct fep_error error = {0};
        if (!may_start(keeper, child, now))
            continue;
        if (child_start(child, keeper->conf, keeper->program, keeper->host_program, now, &error) != 0)
            log_line(LOG_EVENT_CHILD_EXIT, LOG_SEV_ERROR, LOG_T("child", child->name), LOG_N("status", -1),
                     LOG_S(error.text));
    }
}

static void
check_ready(struct keeper *keeper, struct child *child, int64_t now)
{
    char word[16];
    ssize_t got = read(child->ready_fd, word, sizeof word);
    if (got > 0) {
        child_became_ready(child, now);
        if (child->is_router)
            keeper->heard_ms = now;
        if (child->is_router && !keeper->told_ready) { /* work is taken; hosts come and go */
            keeper->told_ready = true;
            notify_tell(&keeper->notify, "READY=1");
        }
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(child->ready_fd);
        child->ready_fd = -1;
    }
    if (child->state == CHILD_STARTING && child->is_router && now - child->started_ms > READY_MS)
        kill(child->pid, SIGKILL);
}

/* A router that hangs keeps every patient waiting; what it had accepted is on disk, so ending it loses
 * nothing. */
static void
check_alive(struct keeper *keeper, int64_t now)
{
    const struct child *router = &keeper->children[0];
    if (router->state != CHILD_READY || router->pid <= 0 || keeper->stopping ||
        now - keeper->heard_ms <= (int64_t)keeper->conf->router_silent_ms)
        return;
    log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_SYSTEM),
             LOG_S("the router gave no sign of life and is ended; it starts anew"));
    keeper->heard_ms = now;
    kill(router->pid, SIGKILL);
}

static int
next_wait_ms(const struct keeper *keeper, int64_t now)
{
    int64_t wait = 1000;
    for (size_t i = 0; i < keeper->count; i++) {
        const struct child *child = &keeper->children[i];
        if (child->state == CHILD_WAITING && child->due_ms - now < wait)
            wait = child->due_ms > now ? child->due_ms - now : 10;
    }
    return (int)wait;
}

static void
turn(struct keeper *keeper)
{
    struct pollfd polls[CHILDREN + 2];
    struct child *of[CHILDREN + 2];
    size_t count = 0;
    int64_t now = clock_monotonic_ms(&clock_system);

    polls[count++] = (struct pollfd){keeper->signals, POLLIN, 0};
    if (keeper->children[0].talk_fd >= 0)
        polls[count++] = (struct pollfd){keeper->children[0].talk_fd, POLLIN, 0};
    size_t first_ready = count;
    for (size_t i = 0; i < keeper->count; i++)
        if (keeper->children[i].ready_fd >= 0) {
            of[count] = &keeper->children[i];
            polls[count++] = (struct pollfd){keeper->children[i].ready_fd, POLLIN, 0};
        }
    if (poll(polls, (nfds_t)count, next_wait_ms(keeper, now)) < 0 && errno != EINTR)
        log_line(LOG_EVENT_ALARM, LOG_SEV_ERROR, LOG_N("code", FEP_E_SYSTEM),
                 LOG_S("cannot wait for children"));

    now = clock_monotonic_ms(&clock_system);
    for (size_t i = first_ready; i < count; i++)
        if (polls[i].revents != 0)
            check_ready(keeper, of[i], now);
    if (keeper->children[0].talk_fd >= 0)
        read_router(keeper);
    read_signals(keeper, now);
    if (keeper->stopping)
        go_on_stopping(keeper, now);
    else
        start_due(keeper, now);
    check_alive(keeper, now);
    notify_tick(&keeper->notify, now);
    log_flush();
}

static int
prepare(struct keeper *keeper, struct fep_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (keeper->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot watch signals: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    if (make_directory(keeper->conf->state_directory, error) != 0 ||
        make_directory(keeper->conf->run_directory, error) != 0)
        return -1;
    return take_lock(keeper->conf, error);
}

static void
add_child(struct keeper *keeper, const char *name, int is_router)
{
    struct child *child = &keeper->children[keeper->count++];
    *child = (struct child){.is_router = is_router, .ready_fd = -1, .talk_fd = -1, .pause_ms = 100};
    snprintf(child->name, sizeof child->name, "%s", name);
}

int
keeper_run(const struct conf *conf, const char *program, const char *host_program)
{
    struct keeper keeper = {.conf = conf, .program = program, .host_program = host_program};
    struct fep_error error = {0};

    notify_take(&keeper.notify);
    if (prepare(&keeper, &error) != 0) {
        log_line(LOG_EVENT_STOP, LOG_SEV_CRITICAL, LOG_S(error.text));
        fprintf(stderr, "fepd: %s\n", error.text);
        return EXIT_SURROUNDINGS;
    }
    add_child(&keeper, "router", 1);
    for (size_t i = 0; i < conf->instance_count; i++)
        add_child(&keeper, conf->instances[i].name, 0);
    log_line(LOG_EVENT_START, LOG_SEV_NOTICE, LOG_T("node", conf->node), LOG_T("config", conf->file));

    while (!(keeper.stopping && !hosts_running(&keeper) && keeper.children[0].pid == 0) &&
           keeper.children[0].state != CHILD_BROKEN)
        turn(&keeper);
    if (!keeper.stopping) { /* the router says it is misconfigured: nothing can be done without a person */
        signal_children(&keeper, 0, SIGTERM);
        keeper.stopping = 1;
        keeper.stop_due_ms = clock_monotonic_ms(&clock_system) + STOP_MS;
        while (hosts_running(&keeper))
            turn(&keeper);
        return EXIT_MISUSED;
    }
    return 0;
}
