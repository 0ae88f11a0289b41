/* The socket to the router. Introduces the instance (HELLO with its epoch and what it still holds) until the
 * router has acknowledged it, at the start and whenever the router may be a new one; then offers again all
 * that is not settled. Must never take a frame of another epoch and never count anything as said before it
 * was acknowledged. A malformed frame is dropped and logged; it never stops the process. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "error.h"
#include "listings.h"
#include "log.h"
#include "tasks.h"

enum { FRAMES_PER_TURN = 256, SCRATCH_KEEP = 256 * 1024, READY_FD = 3 };

static int
give_scratch(struct host *host, size_t size)
{
    if (size <= host->scratch_size)
        return 0;
    unsigned char *grown = realloc(host->scratch, size);
    if (grown == NULL)
        return -1;
    host->scratch = grown;
    host->scratch_size = size;
    return 0;
}

int
router_encode(struct host *host, struct frame *frame, const unsigned char **data, size_t *size)
{
    struct fep_error error = {0};
    frame->epoch = host->settings.epoch;
    if (give_scratch(host, frame_size(frame)) < 0)
        return -1;
    *size = frame_encode(frame, host->scratch, host->scratch_size, &error);
    if (*size == 0) {
        host_log(host, 3, error.text, (int64_t)frame->kind);
        return -1;
    }
    *data = host->scratch;
    return 0;
}

int
router_send_bytes(struct host *host, const unsigned char *data, size_t size)
{
    if (link_send(host->socket, NULL, data, size, NULL) < 0)
        return -1;
    host->sent++;
    return 0;
}

int
router_send(struct host *host, struct frame *frame)
{
    const unsigned char *data;
    size_t size;
    if (router_encode(host, frame, &data, &size) < 0)
        return -1;
    int status = router_send_bytes(host, data, size);
    if (host->scratch_size > SCRATCH_KEEP) {
        free(host->scratch);
        host->scratch = NULL;
        host->scratch_size = 0;
    }
    return status;
}

/* --- introduction -------------------------------------------------------------------------------- */

static void
fill_hello(const struct host *host, struct frame_hello *hello)
{
    snprintf(hello->node, sizeof hello->node, "%s", host->settings.instance);
    hello->epoch = host->settings.epoch;
    hello->abilities = host_abilities(host);
    hello->window = host->settings.window;
    hello->wall_ms = clock_wall_ms(host->loop.clock);
    hello->version_min = hello->version_max = FRAME_VERSION;
}

/* HELLO and READY both list what is held: the router believes the list of a READY that follows a HELLO of the
 * same epoch, when no SUBMIT of its own can be on the way yet. */
static void
send_with_calls(struct host *host, enum frame_kind kind)
{
    uint64_t calls[FRAME_MAX_OPEN_CALLS];
    struct frame frame = {.kind = kind, .sections = FRAME_HAS_HELLO | FRAME_HAS_CALLS | FRAME_HAS_TEXT};
    fill_hello(host, &frame.hello);
    frame.calls = calls;
    frame.call_count = calls_list(host, calls, FRAME_MAX_OPEN_CALLS);
    snprintf(frame.text, sizeof frame.text, "%s %s", host->adapter->name, host->adapter->version);
    (void)router_send(host, &frame);
}

static void
send_hello(void *arg)
{
    struct host *host = arg;
    send_with_calls(host, FRAME_HOST_HELLO);
    if (!host->router_up && loop_set_timer(&host->loop, &host->hello_timer, HOST_HELLO_MS) < 0)
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a timer", 0);
}

void
router_introduce(struct host *host)
{
    host->router_up = false;
    listings_fail_all(host);
    send_hello(host);
}

/* Tells the keeper, once, over the descriptor it left open for that. */
static void
tell_keeper(struct host *host)
{
    struct stat state;
    if (host->ready_said)
        return;
    host->ready_said = true;
    if (fstat(READY_FD, &state) != 0 || !S_ISFIFO(state.st_mode))
        return;
    if (write(READY_FD, "ready\n", 6) != 6)
        host_log(host, 4, "the keeper does not listen", 0);
    close(READY_FD);
}

void
router_say_ready(struct host *host)
{
    if (!host->router_up || !host->module_up)
        return;
    send_with_calls(host, FRAME_HOST_READY);
    if (!host->ready_said)
        log_line(LOG_EVENT_READY, LOG_SEV_NOTICE, LOG_T("instance", host->settings.instance),
                 LOG_N("open", host->open_calls), LOG_N("ms", loop_now(&host->loop) - host->started_ms));
    tell_keeper(host);
    router_send_health(host);
}

static void
on_hello_acked(struct host *host)
{
    if (host->router_up) {
        router_say_ready(host); /* in case it had given us up; else it changes nothing there */
        return;
    }
    host->router_up = true;
    loop_clear_timer(&host->loop, &host->hello_timer);
    router_say_ready(host);
    prompts_offer_again(host, true);
    calls_offer_again(host, true);
    requests_offer_again(host, true);
}

/* --- health -------------------------------------------------------------------------------------- */

void
router_send_health(struct host *host)
{
    if (!host->router_up)
        return;
    const struct fep_health *health = &host->health;
    struct frame frame = {.kind = FRAME_HEALTH,
                          .sequence = host->open_calls,
                          .sections = FRAME_HAS_RESULT | FRAME_HAS_HELLO | FRAME_HAS_TEXT,
                          .result = {.state = (uint8_t)(host->draining ? FEP_STOPPING : health->state)}};
    fill_hello(host, &frame.hello);
    if (health->window != 0 && health->window < frame.hello.window)
        frame.hello.window = health->window;
    snprintf(frame.text, sizeof frame.text, "%s", health->reason);
    (void)router_send(host, &frame);
}

/* On our own time only: a module that pushes its health is not asked for it in the same breath. */
static void
read_health(struct host *host)
{
    if (host->adapter->ops->read_health == NULL || !host->module_up)
        return;
    struct fep_health fresh = host->health;
    host->adapter->ops->read_health(host->self, &fresh);
    fresh.last_success_ms = host->health.last_success_ms;
    fresh.reason[sizeof fresh.reason - 1] = '\0';
    host->health = fresh;
}

static void
on_health_tick(void *arg)
{
    struct host *host = arg;
    read_health(host);
    crosswalk_tick(host);
    if (host->router_up && loop_now(&host->loop) - host->heard_ms > HOST_SILENCE_MS)
        send_hello(host); /* it answers, or it is gone */
    if (host->router_up && loop_now(&host->loop) - host->heard_ms > 2 * HOST_SILENCE_MS)
        router_introduce(host);
    router_send_health(host);
    if (loop_set_timer(&host->loop, &host->health_timer, HOST_HEALTH_MS) < 0)
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a timer", 0);
}

/* A new router binds a new socket file. ZeroMQ reconnects without a word, so this is how it is noticed at
 * once. */
static bool
is_other_router(struct host *host)
{
    struct stat state;
    const char *path = host->settings.endpoint;
    if (strncmp(path, "ipc://", 6) != 0 || stat(path + 6, &state) != 0)
        return false; /* not there yet: nobody to be introduced to */
    bool other = state.st_ino != host->socket_inode || state.st_ctim.tv_sec != host->socket_time.tv_sec ||
                 state.st_ctim.tv_nsec != host->socket_time.tv_nsec;
    host->socket_inode = state.st_ino;
    host->socket_time = state.st_ctim;
    return other;
}

static void
on_offer_tick(void *arg)
{
    struct host *host = arg;
    if (is_other_router(host))
        router_introduce(host);
    if (host->router_up) {
        prompts_offer_again(host, false);
        calls_offer_again(host, false);
        requests_offer_again(host, false);
    }
    if (loop_set_timer(&host->loop, &host->offer_timer, HOST_OFFER_TICK_MS) < 0)
        host_fail(host, EXIT_SURROUNDINGS, "no memory for a timer", 0);
}

/* --- receiving ----------------------------------------------------------------------------------- */

static void
on_acked(struct host *host, const struct frame *frame)
{
    switch (frame->acked_kind) {
    case FRAME_HOST_HELLO:
        on_hello_acked(host);
        break;
    case FRAME_DONE:
        calls_on_done_acked(host, frame->sequence);
        break;
    case FRAME_REQUEST:
        requests_on_acked(host, frame->sequence);
        break;
    case FRAME_PROMPT:
        prompts_on_acked(host, frame->sequence);
        break;
    default: /* HEALTH and others: that something was heard is all it says */
        break;
    }
}

static void
take_frame(struct host *host, struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_HOST_ACK:
        on_acked(host, frame);
        break;
    case FRAME_HOST_HELLO: /* "who are you?": a router that does not know us */
        router_introduce(host);
        break;
    case FRAME_SUBMIT:
        calls_on_submit(host, frame);
        break;
    case FRAME_CANCEL:
        calls_on_cancel(host, frame->sequence);
        break;
    case FRAME_RENDER:
        requests_on_render(host, frame);
        break;
    case FRAME_TELL:
        requests_on_tell(host, frame);
        break;
    case FRAME_VISIT:
        requests_on_visit(host, frame);
        break;
    case FRAME_ENTRY:
        listings_on_entry(host, frame);
        break;
    case FRAME_TASK:
        tasks_on_task(host, frame);
        break;
    case FRAME_DRAIN:
        host_drain(host, HOST_DRAIN_MS);
        break;
    default:
        host->dropped++;
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", host->settings.instance),
                 LOG_T("field", frame_kind_name(frame->kind)), LOG_N("count", host->dropped));
        break;
    }
}

static void
receive_one(struct host *host, struct slice whole)
{
    struct frame frame;
    struct fep_error error = {0};
    if (frame_decode(&frame, whole, &error) < 0) {
        host->dropped++;
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", host->settings.instance),
                 LOG_N("code", error.code), LOG_N("size_bytes", whole.size), LOG_N("count", host->dropped),
                 LOG_S(error.text));
        return;
    }
    host->heard_ms = loop_now(&host->loop);
    host->received++;
    bool asks_who = frame.kind == FRAME_HOST_HELLO;
    if (frame.epoch == host->settings.epoch || asks_who) {
        take_frame(host, &frame);
    } else {
        host->dropped++;
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", host->settings.instance),
                 LOG_N("code", FEP_E_HOST_EPOCH), LOG_T("field", frame_kind_name(frame.kind)),
                 LOG_N("count", host->dropped));
    }
    frame_release(&frame);
}

void
router_receive(struct host *host)
{
    char from[NODE_SIZE];
    for (int i = 0; i < FRAMES_PER_TURN && host->exit_code < 0; i++) {
        struct slice whole = SLICE_NONE;
        struct fep_error error = {0};
        int got = link_receive(host->socket, from, &whole, &error);
        if (got == 0)
            return;
        if (got > 0)
            receive_one(host, whole);
        slice_release(&whole);
        calls_settle(host);
        requests_settle(host);
    }
    /* The descriptor is edge-triggered: what is left would not be announced again. */
    host->more_frames = true;
}

static void
on_socket(void *arg, uint32_t events)
{
    (void)arg; /* every turn looks anyway */
    (void)events;
}

int
router_open(struct host *host, struct fep_error *error)
{
    host->context = link_context_create(NULL, 0, error);
    if (host->context == NULL)
        return error_wrap(error, "opening the link to the router");
    host->socket = link_connect_local(host->context, host->settings.endpoint, host->settings.instance, error);
    if (host->socket == NULL)
        return error_wrap(error, "connecting to the router");
    if (loop_watch(&host->loop, link_descriptor(host->socket), FEP_READABLE, on_socket, host) == NULL)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot watch the router's socket");
    host->heard_ms = loop_now(&host->loop);
    host->hello_timer = (struct loop_timer){.fn = send_hello, .arg = host};
    host->health_timer = (struct loop_timer){.fn = on_health_tick, .arg = host};
    host->offer_timer = (struct loop_timer){.fn = on_offer_tick, .arg = host};
    if (loop_set_timer(&host->loop, &host->health_timer, HOST_HEALTH_MS) < 0 ||
        loop_set_timer(&host->loop, &host->offer_timer, HOST_OFFER_TICK_MS) < 0)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for timers");
    (void)is_other_router(host); /* remembers the socket we are about to be introduced over */
    router_introduce(host);
    return 0;
}

void
router_close(struct host *host)
{
    link_close(host->socket);
    host->socket = NULL;
    link_context_destroy(host->context);
    host->context = NULL;
    free(host->scratch);
    host->scratch = NULL;
    host->scratch_size = 0;
}
