/* The instance's life: open the module, be introduced to the router, work, drain, end. Must never end orderly
 * while a completed call is not acknowledged, unless its time to drain is over: the router then settles it as
 * unknown. */
#include "host.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "error.h"
#include "inquiries.h"
#include "log.h"
#include "reports.h"
#include "tasks.h"

enum {
    VISITS_REMEMBERED = 512,
    PERSONS_REMEMBERED = 512,
    IDLE_MS = 1000,
    SIGNAL_DRAIN_MS = 5000,
    BYE_MS = 50
};

static void
on_drain_over(void *arg)
{
    struct host *host = arg;
    host_log(host, LOG_SEV_WARNING, "stopped before everything was finished",
             (int64_t)(host->open_calls + host->offered_calls + host->ticket_count - host->gone_count +
                       host->prompt_count));
    if (host->exit_code < 0)
        host->exit_code = EXIT_ORDERLY;
}

void
host_drain(struct host *host, int64_t limit_ms)
{
    int64_t over_ms = loop_now(&host->loop) + limit_ms;
    if (host->draining && host->drain_over_ms <= over_ms)
        return;
    bool begun = host->draining;
    host->drain_over_ms = over_ms;
    if (!begun)
        host->drain_timer = (struct loop_timer){.fn = on_drain_over, .arg = host};
    if (loop_set_timer(&host->loop, &host->drain_timer, limit_ms) < 0)
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a timer", 0);
    if (begun) /* asked again, and to be quicker about it */
        return;
    calls_drain_module(host);
    router_send_health(host);
}

static bool
is_finished(const struct host *host)
{
    return host->drained && host->open_calls == 0 && host->offered_calls == 0 &&
           host->ticket_count == host->gone_count && host->prompt_count == 0;
}

static void
say_bye(struct host *host)
{
    struct frame frame = {.kind = FRAME_BYE};
    if (router_send(host, &frame) < 0)
        return;
    /* A courtesy: closing drops what ZeroMQ has not written yet. */
    usleep(BYE_MS * 1000);
}

static void
on_signal(void *arg, uint32_t events)
{
    struct host *host = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(host->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        host_drain(host, SIGNAL_DRAIN_MS);
}

static int
watch_signals(struct host *host, struct fep_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    /* Blocked before ZeroMQ makes its threads, so that none of them is killed by it. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (host->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ||
        loop_watch(&host->loop, host->signal_fd, FEP_READABLE, on_signal, host) == NULL)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot take signals");
    return 0;
}

static int
open_all(struct host *host, struct fep_error *error)
{
    calls_init(host);
    requests_init(host);
    services_init(host);
    host->health = (struct fep_health){.size = sizeof host->health, .state = FEP_STARTING};
    host->next_listing = 1;
    host->visits = visits_create(VISITS_REMEMBERED);
    host->persons = visits_create(PERSONS_REMEMBERED);
    if (host->visits == NULL || host->persons == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory");
    if (watch_signals(host, error) < 0)
        return -1;
    if (host->adapter->ops->open(&host->services, host->config, &host->self, error) < 0)
        return error_wrap(error, "the module %s does not open", host->adapter->name);
    host->opened = true;
    return router_open(host, error);
}

static void
turn(struct host *host)
{
    bool busy = host->more_frames || host->completed != NULL || host->refused != NULL;
    host->more_frames = false;
    loop_turn(&host->loop, busy ? 0 : IDLE_MS);
    calls_settle(host);
    requests_settle(host);
    /* After every send and receive the socket may hold frames that its descriptor does not announce. */
    router_receive(host);
    log_flush();
    if (is_finished(host) && host->exit_code < 0) {
        say_bye(host);
        host->exit_code = EXIT_ORDERLY;
    }
}

int
host_run(struct host *host)
{
    struct fep_error error = {0};
    host->exit_code = -1;
    host->signal_fd = -1;
    if (loop_init(&host->loop, &clock_system, &error) < 0) {
        host_log(host, LOG_SEV_CRITICAL, error.text, error.code);
        return EXIT_SURROUNDINGS;
    }
    host->started_ms = loop_now(&host->loop);
    if (open_all(host, &error) < 0)
        host_fail(host, error.code == FEP_E_MODULE_OPTION ? EXIT_MISUSED : EXIT_SURROUNDINGS, error.text,
                  error.code);
    else
        calls_start_module(host);
    while (host->exit_code < 0)
        turn(host);
    log_line(LOG_EVENT_STOP, LOG_SEV_NOTICE, LOG_T("instance", host->settings.instance),
             LOG_N("open", host->open_calls));
    tasks_finish(host); /* may ask the module to cancel */
    if (host->opened)
        host->adapter->ops->close(host->self);
    capture_stop(host);
    reports_finish(host);
    inquiries_finish(host);
    requests_finish(host);
    calls_finish(host);
    prompts_finish(host);
    visits_destroy(host->visits);
    visits_destroy(host->persons);
    router_close(host);
    loop_finish(&host->loop);
    if (host->signal_fd >= 0)
        close(host->signal_fd);
    return host->exit_code;
}
