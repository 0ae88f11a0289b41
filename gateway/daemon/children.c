/* Starting and burying children. Must never wait for a child; a start that fails is tried again with growing
 * pauses, except for exit code 100 ("used wrongly"), where trying again would only fill the log. */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "keeper.h"
#include "log.h"

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 30000, SETTLED_MS = 60000 };

uint32_t
child_next_epoch(const struct conf *conf, const char *name, struct fep_error *error)
{
    char path[CONF_PATH + 64], fresh[CONF_PATH + 72];
    snprintf(path, sizeof path, "%s/epoch.%s", conf->state_directory, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);

    unsigned long epoch = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%lu", &epoch) != 1)
            epoch = 0;
        fclose(file);
    }
    epoch = epoch >= UINT32_MAX - 1 ? 1 : epoch + 1;

    file = fopen(fresh, "we");
    if (file == NULL || fprintf(file, "%lu\n", epoch) < 0 || fflush(file) != 0 || fsync(fileno(file)) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "cannot write %s: %s", fresh, strerror(errno));
        if (file != NULL)
            fclose(file);
        return 0;
    }
    if (fclose(file) != 0 || rename(fresh, path) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "cannot write %s: %s", path, strerror(errno));
        return 0;
    }
    return (uint32_t)epoch;
}

static void
move_descriptor(int from, int to)
{
    if (from == to) {
        fcntl(to, F_SETFD, 0);
        return;
    }
    if (dup2(from, to) < 0)
        _exit(EXIT_SURROUNDINGS);
    close(from);
}

/* In the child, between fork and exec: only async-signal-safe calls. */
static void
become(const struct child *child, char *const argv[], int ready, int talk, pid_t keeper)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* What a keeper leaves behind must not go on alone; everything promised is on disk, so the hard way is
     * safe. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != keeper)
        _exit(EXIT_SURROUNDINGS);
    int talk_high = talk < 0 ? -1 : fcntl(talk, F_DUPFD, 10);
    int ready_high = fcntl(ready, F_DUPFD, 10);
    if (ready_high < 0 || (talk >= 0 && talk_high < 0))
        _exit(EXIT_SURROUNDINGS);
    move_descriptor(ready_high, 3);
    if (child->is_router)
        move_descriptor(talk_high, 4);
    execv(argv[0], argv);
    _exit(EXIT_SURROUNDINGS);
}

static void
close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

int
child_start(struct child *child, const struct conf *conf, const char *program, const char *host_program,
            int64_t now_ms, struct fep_error *error)
{
    int ready[2] = {-1, -1}, talk[2] = {-1, -1};
    char epoch_text[16];

    child->started_ms = now_ms;
    child->due_ms = now_ms + child->pause_ms;
    if (!child->is_router) {
        child->epoch = child_next_epoch(conf, child->name, error);
        if (child->epoch == 0)
            return -1;
    }
    if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0 ||
        (child->is_router && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, talk) != 0)) {
        error_set(error, 0, FEP_E_SYSTEM, "cannot make a pipe for %s: %s", child->name, strerror(errno));
        goto close_descriptors;
    }
    snprintf(epoch_text, sizeof epoch_text, "%u", child->epoch);

    union { /* execv takes what it promises not to write */
        const char *in[12];
        char *out[12];
    } argv = {.in = {child->is_router ? program : host_program, "--config", conf->file, NULL}};
    if (child->is_router) {
        argv.in[3] = "--router";
    } else {
        const char *rest[] = {"--instance",           child->name, "--router",
                              conf->control_endpoint, "--epoch",   epoch_text};
        memcpy(&argv.in[3], rest, sizeof rest);
    }

    pid_t keeper = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        error_set(error, 0, FEP_E_SYSTEM, "cannot start %s: %s", child->name, strerror(errno));
        goto close_descriptors;
    }
    if (pid == 0)
        become(child, argv.out, ready[1], talk[1], keeper);

    close(ready[1]);
    child->ready_fd = ready[0];
    if (child->is_router) {
        close(talk[1]);
        child->talk_fd = talk[0];
    }
    child->pid = pid;
    child->state = CHILD_STARTING;
    return 0;

close_descriptors:
    close_pair(ready);
    close_pair(talk);
    return -1;
}

void
child_became_ready(struct child *child, int64_t now_ms)
{
    child->state = CHILD_READY;
    if (child->ready_fd >= 0)
        close(child->ready_fd);
    child->ready_fd = -1;
    log_line(LOG_EVENT_READY, LOG_SEV_NOTICE, LOG_T("instance", child->name),
             LOG_N("ms", now_ms - child->started_ms));
}

static void
forget_process(struct child *child)
{
    if (child->ready_fd >= 0)
        close(child->ready_fd);
    if (child->talk_fd >= 0)
        close(child->talk_fd);
    child->ready_fd = child->talk_fd = -1;
    child->pid = 0;
}

void
child_ended(struct child *child, int status, int stopping, int64_t now_ms)
{
    pid_t pid = child->pid;
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    forget_process(child);
    if (stopping) {
        child->state = CHILD_STOPPED;
    } else if (code == EXIT_MISUSED) {
        child->state = CHILD_BROKEN;
    } else {
        if (now_ms - child->started_ms >= SETTLED_MS)
            child->pause_ms = FIRST_PAUSE_MS;
        child->state = CHILD_WAITING;
        child->due_ms = now_ms + child->pause_ms;
        child->pause_ms = child->pause_ms * 2 > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : child->pause_ms * 2;
    }
    log_line(LOG_EVENT_CHILD_EXIT, stopping ? LOG_SEV_INFO : LOG_SEV_ERROR, LOG_T("child", child->name),
             LOG_N("pid", pid), LOG_N("status", code), LOG_N("signal", signal_number),
             LOG_N("ms", child->state == CHILD_WAITING ? child->due_ms - now_ms : -1));
}
