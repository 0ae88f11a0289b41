/* The local socket: adapter hosts and fepctl. A frame counts only if it belongs to the instance's present
 * epoch (hop rule 20). A host that falls silent is reported to the keeper, who ends it; until its end is
 * certain its calls stay open, because a frozen host may wake and answer. */
#include "router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "outcome_codec.h"

enum { SILENT_MS = 10000, RECEIVE_BUDGET = 256 };

int
router_send_local(struct router *router, const char *to, const struct frame *frame)
{
    struct fep_error error = {0};
    size_t size = frame_size(frame);
    struct buffer *buffer = buffer_create(size);
    if (buffer == NULL)
        return -1;
    int status = -1;
    if (frame_encode(frame, buffer_data(buffer), size, &error) != 0)
        status = link_send(router->local, to, buffer_data(buffer), size, &error);
    if (status != 0)
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", to), LOG_N("code", error.code),
                 LOG_S(error.text));
    buffer_release(buffer);
    return status;
}

void
router_tell_keeper(struct router *router, const char *line)
{
    /* Lost only if the keeper is gone or stuck; then nobody could restart the host anyway. */
    if (router->keeper_fd >= 0 && write(router->keeper_fd, line, strlen(line)) < 0 && errno != EAGAIN)
        router->keeper_fd = -1;
}

struct router_host *
router_find_host(struct router *router, const char *name)
{
    for (size_t i = 0; i < router->host_count; i++)
        if (strcmp(router->hosts[i].conf->name, name) == 0)
            return &router->hosts[i];
    return NULL;
}

static void
acknowledge(struct router *router, const char *to, const struct frame *received)
{
    struct frame ack = {.kind = FRAME_HOST_ACK,
                        .sequence = received->sequence,
                        .epoch = received->epoch,
                        .acked_kind = (uint8_t)received->kind};
    (void)router_send_local(router, to, &ack);
}

void
router_host_down(struct router *router, struct router_host *host, uint32_t epoch, const char *reason)
{
    if (!host->up || host->epoch != epoch)
        return;
    host->up = host->ready = 0;
    log_line(LOG_EVENT_HOST_DOWN, LOG_SEV_WARNING, LOG_T("instance", host->conf->name), LOG_N("epoch", epoch),
             LOG_T("reason", reason));
    struct core_event event = {.type = EVENT_HOST_DOWN, .from = host->conf->name, .epoch = epoch};
    router_step(router, &event);
}

/* HELLO comes again and again until it is acknowledged, and after each reconnect; only a new epoch, or a host
 * that was away, is news to the core. */
static void
on_hello(struct router *router, struct router_host *host, const struct frame *frame)
{
    uint32_t epoch = frame->hello.epoch;
    if (epoch < host->epoch) {
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", host->conf->name),
                 LOG_N("code", FEP_E_HOST_EPOCH));
        return;
    }
    if (host->up && epoch > host->epoch)
        router_host_down(router, host, host->epoch, "replaced");
    host->heard_ms = router_now(router);
    host->kill_asked = 0;
    acknowledge(router, host->conf->name, frame);
    if (host->up)
        return;
    host->epoch = epoch;
    host->up = 1;
    memset(host->told, 0, sizeof host->told); /* tickets count from 1 in each epoch */
    log_line(LOG_EVENT_HOST_UP, LOG_SEV_NOTICE, LOG_T("instance", host->conf->name),
             LOG_T("module", strrchr(host->conf->module, '/') != NULL ? strrchr(host->conf->module, '/') + 1
                                                                      : host->conf->module),
             LOG_N("epoch", epoch), LOG_N("abilities", frame->hello.abilities),
             LOG_N("window", frame->hello.window), LOG_N("open", frame->call_count));
}

/* READY: the module reached its local system (or serves its callers); from here on the core may use it. */
static void
on_ready(struct router *router, struct router_host *host, const struct frame *frame)
{
    if (host->ready)
        return;
    host->ready = 1;
    struct core_event event = {.type = EVENT_HOST_UP,
                               .from = host->conf->name,
                               .epoch = host->epoch,
                               .abilities = frame->hello.abilities,
                               .window = frame->hello.window != 0 ? frame->hello.window : host->conf->window,
                               .open_calls = frame->calls,
                               .open_call_count = frame->call_count};
    router_step(router, &event);
}

/* Acknowledged so that an idle host knows that it is heard. */
static void
on_health(struct router *router, struct router_host *host, const struct frame *frame)
{
    acknowledge(router, host->conf->name, frame);
    host->health = frame->result.state;
    snprintf(host->health_reason, sizeof host->health_reason, "%.127s",
             frame->sections & FRAME_HAS_TEXT ? frame->text : "");
}

static void
on_request(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct core_event event = {.type = EVENT_REQUEST,
                               .from = host->conf->name,
                               .reference = frame->sequence,
                               .epoch = frame->epoch,
                               .header = frame->header,
                               .travel = frame->travel,
                               .index = frame->index,
                               .body = frame->body,
                               .flag = frame->fresh,
                               .caller_inquires = (uint8_t)host->conf->caller_inquires};
    const struct transaction *transaction = transaction_find(router->transactions, frame->header.infno);

    acknowledge(router, host->conf->name, frame);
    if (host->told[frame->sequence % TOLD] == frame->sequence)
        return; /* offered again while its answer was on the way */
    snprintf(event.header.key.origin, sizeof event.header.key.origin, "%s", router->conf->node);
    event.header.day = clock_date(clock_wall_ms(router->clock));
    if (transaction != NULL)
        event.header.transaction_class = (uint8_t)transaction->transaction_class;
    router_step(router, &event);
}

static void
on_completion(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct core_event event = {.type = frame->kind == FRAME_LATE ? EVENT_LATE : EVENT_DONE,
                               .from = host->conf->name,
                               /* its call is over, so a late answer is known by the local serial */
                               .reference =
                                   frame->kind == FRAME_LATE ? frame->attempt.serial : frame->sequence,
                               .epoch = frame->epoch,
                               .header = frame->header,
                               .index = frame->index,
                               .body = frame->body};
    outcome_from_frame(frame, &event.outcome);
    if (frame->kind == FRAME_LATE)
        log_line(LOG_EVENT_LATE, LOG_SEV_WARNING, LOG_T("instance", host->conf->name),
                 LOG_N("serial", frame->attempt.serial), LOG_T("kind", kind_name(event.outcome.kind)),
                 LOG_T("effect", effect_name(event.outcome.effect)), LOG_N("code", event.outcome.code));
    router_proposals_late(router, event.reference, &event.outcome);
    router_step(router, &event);
}

static void
on_rendered(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct core_event event = {.type = EVENT_RENDERED,
                               .from = host->conf->name,
                               .reference = frame->sequence,
                               .epoch = frame->epoch,
                               .header = frame->header,
                               .flag = frame->ok};
    router_step(router, &event);
}

static void
on_caller_gone(struct router *router, struct router_host *host, const struct frame *frame)
{
    struct core_event event = {.type = EVENT_CALLER_GONE,
                               .from = host->conf->name,
                               .reference = frame->sequence,
                               .epoch = frame->epoch};
    router_step(router, &event);
}

static void
on_find_visit(struct router *router, struct router_host *host, const struct frame *frame)
{
    uint64_t reference = router->next_find++;
    struct router_find *find = &router->finds[reference % FINDS];
    if (find->host != NULL && find->host->up && find->epoch == find->host->epoch)
        return; /* more than FINDS reads are under way: the host asks again in a moment */
    *find = (struct router_find){
        .host = host, .reference = reference, .sequence = frame->sequence, .epoch = frame->epoch};
    if (store_find_visit(router->store, frame->text, frame->index.visit_id, reference) == 0)
        return;
    struct store_event none = {.type = STORE_FOUND, .reference = reference, .found = 0};
    router_visit_found(router, &none);
}

void
router_visit_found(struct router *router, struct store_event *event)
{
    struct router_find *find = &router->finds[event->reference % FINDS];
    struct router_host *host = find->host;
    if (host == NULL || find->reference != event->reference)
        return; /* an answer to a question that was given up: never to be taken for another one's */
    find->host = NULL;
    if (!host->up || host->epoch != find->epoch)
        return;
    struct frame frame = {
        .kind = FRAME_VISIT, .sequence = find->sequence, .epoch = find->epoch, .ok = event->found};
    if (event->found) {
        frame.header = event->record.header;
        frame.index = event->record.index;
        frame.body = event->body;
        frame.answer = event->answer;
        frame.sections = FRAME_HAS_HEADER | FRAME_HAS_INDEX | (event->body.size != 0 ? FRAME_HAS_BODY : 0u) |
                         (event->answer.size != 0 ? FRAME_HAS_ANSWER : 0u);
    }
    (void)router_send_local(router, host->conf->name, &frame);
}

static void
on_host_frame(struct router *router, struct router_host *host, const struct frame *frame)
{
    if (frame->kind == FRAME_HOST_HELLO) {
        on_hello(router, host, frame);
        return;
    }
    if (!host->up || frame->epoch != host->epoch)
        return; /* an older epoch, or not introduced yet: its HELLO comes again */
    host->heard_ms = router_now(router);
    switch (frame->kind) {
    case FRAME_HOST_READY:
        on_ready(router, host, frame);
        break;
    case FRAME_HEALTH:
        on_health(router, host, frame);
        break;
    case FRAME_REQUEST:
        on_request(router, host, frame);
        break;
    case FRAME_DONE:
    case FRAME_LATE:
        on_completion(router, host, frame);
        break;
    case FRAME_RENDERED:
        on_rendered(router, host, frame);
        break;
    case FRAME_GONE:
        on_caller_gone(router, host, frame);
        break;
    case FRAME_FIND_VISIT:
        on_find_visit(router, host, frame);
        break;
    case FRAME_LIST:
        router_on_list(router, host, frame);
        break;
    case FRAME_TASK_RESULT:
        router_on_task_result(router, host, frame);
        break;
    case FRAME_PROMPT:
        router_on_prompt(router, host, frame);
        break;
    case FRAME_BYE:
        router_host_down(router, host, frame->epoch, "bye");
        break;
    default:
        break; /* a newer host's verb: nothing here depends on it */
    }
}

void
router_read_local(struct router *router)
{
    for (int i = 0; i < RECEIVE_BUDGET; i++) {
        char from[NODE_SIZE];
        struct slice whole = SLICE_NONE;
        struct frame frame;
        struct fep_error error = {0};
        int got = link_receive(router->local, from, &whole, &error);
        if (got == 0)
            return;
        if (got < 0)
            continue;
        if (frame_decode(&frame, whole, &error) != 0) {
            router->frames_refused++;
            log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("instance", from),
                     LOG_N("code", error.code), LOG_N("size_bytes", whole.size), LOG_S(error.text));
            slice_release(&whole);
            continue;
        }
        struct router_host *host = router_find_host(router, from);
        if (frame.kind == FRAME_CONTROL)
            router_operate(router, from, &frame);
        else if (host != NULL)
            on_host_frame(router, host, &frame);
        frame_release(&frame);
        slice_release(&whole);
    }
}

void
router_drain_hosts(struct router *router)
{
    if (router->draining)
        return;
    router->draining = 1;
    for (size_t i = 0; i < router->host_count; i++) {
        struct router_host *host = &router->hosts[i];
        struct core_event hold = {.type = EVENT_HOLD, .from = host->conf->name};
        struct frame drain = {.kind = FRAME_DRAIN, .epoch = host->epoch};
        router_step(router, &hold);
        if (host->up)
            (void)router_send_local(router, host->conf->name, &drain);
    }
}

void
router_tick_hosts(struct router *router, int64_t now_ms)
{
    for (size_t i = 0; i < router->host_count; i++) {
        struct router_host *host = &router->hosts[i];
        if (!host->up || host->kill_asked || now_ms - host->heard_ms < SILENT_MS)
            continue;
        char line[64];
        snprintf(line, sizeof line, "kill %s %u\n", host->conf->name, host->epoch);
        host->kill_asked = 1;
        router_tell_keeper(router, line);
    }
}

int
router_open_local(struct router *router, struct fep_error *error)
{
    for (size_t i = 0; i < router->conf->instance_count; i++)
        router->hosts[router->host_count++] = (struct router_host){.conf = &router->conf->instances[i]};
    router->local = link_bind_local(router->links, router->conf->control_endpoint, error);
    return router->local != NULL ? 0 : -1;
}
