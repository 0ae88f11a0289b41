/* Callers: one request on each connection, then its answer, then the end.
 *
 * Must never read a second request from a connection (what follows the first is thrown away), never count an
 * answer as handed over that did not leave completely to a caller still there, and never refuse a connection
 * at a bound: one that is not accepted waits. Fails by closing, which tells a caller that it does not know.
 */
#include "soap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own_call.h"

enum { REST_MS = 1000, LEAVE_MS = 5000, MAX_DISCARD = 8 << 20 };

static void on_ready(void *arg, uint32_t events);
static void resume_listener(struct soap *soap);

/* --- health and drain --- */

size_t
serve_count_open(const struct soap *soap)
{
    size_t count = 0;
    for (const struct caller *caller = soap->first_caller; caller != NULL; caller = caller->next)
        count += caller->state != CALLER_LEAVING;
    return count;
}

void
serve_report(struct soap *soap)
{
    soap->health.size = sizeof soap->health;
    soap->health.state = soap->draining ? FEP_STOPPING : soap->listener >= 0 ? FEP_UP : FEP_DOWN;
    soap->health.open_calls = (uint32_t)serve_count_open(soap);
    soap->host->report_health(soap->host->self, &soap->health);
}

void
serve_check_drained(struct soap *soap)
{
    if (soap->drain_call == NULL || serve_count_open(soap) > 0)
        return;
    own_call_end(soap->host, &soap->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

void
serve_drain(struct soap *soap)
{
    struct caller *next;
    serve_stop_listening(soap);
    for (struct caller *caller = soap->first_caller; caller != NULL; caller = next) {
        next = caller->next;
        /* One that has begun to ask is told that nothing was done. */
        if (caller->state == CALLER_READING && !caller->in.head_complete && caller->in.text_size == 0)
            caller_close(caller);
    }
    serve_report(soap);
    serve_check_drained(soap);
}

/* --- opening and closing --- */

static void
on_timer(void *arg)
{
    struct caller *caller = arg;
    caller->timer = NULL;
    caller_close(caller);
}

static void
set_time(struct caller *caller, int64_t ms)
{
    const struct fep_host *host = caller->soap->host;
    host->clear_timer(host->self, caller->timer);
    caller->timer = ms > 0 ? host->set_timer(host->self, ms, on_timer, caller) : NULL;
}

/* A caller that sends no more is not watched for reading: its end would be reported again and again. */
static void
watch_caller(struct caller *caller)
{
    const struct fep_host *host = caller->soap->host;
    uint32_t events = (!caller->ended ? (uint32_t)FEP_READABLE : 0u) |
                      (caller->state == CALLER_WRITING ? (uint32_t)FEP_WRITABLE : 0u);
    if (events == 0 && caller->watch != NULL) {
        host->unwatch(host->self, caller->watch);
        caller->watch = NULL;
    } else if (events != 0 && caller->watch == NULL) {
        caller->watch = host->watch_descriptor(host->self, caller->fd, events, on_ready, caller);
    } else if (events != 0) {
        host->change_watch(host->self, caller->watch, events);
    }
}

void
caller_close(struct caller *caller)
{
    struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    if (caller->state == CALLER_WORKING)
        host->forget_request(host->self, caller);
    if ((caller->state == CALLER_WORKING || caller->state == CALLER_WRITING) && caller->serial[0] != '\0')
        repeats_note(soap, caller->serial, UINT64_MAX);
    host->clear_timer(host->self, caller->timer);
    host->unwatch(host->self, caller->watch);
    close(caller->fd);
    if (caller->before != NULL)
        caller->before->next = caller->next;
    else
        soap->first_caller = caller->next;
    if (caller->next != NULL)
        caller->next->before = caller->before;
    soap->caller_count--;
    http_finish(&caller->in);
    free(caller->out);
    free(caller);
    if (soap->closing)
        return;
    serve_check_drained(soap);
    resume_listener(soap);
}

void
serve_close_all(struct soap *soap)
{
    soap->closing = true;
    while (soap->first_caller != NULL)
        caller_close(soap->first_caller);
}

static struct caller *
add_caller(struct soap *soap, int fd)
{
    const struct fep_host *host = soap->host;
    struct caller *caller = calloc(1, sizeof *caller);
    if (caller == NULL)
        return NULL;
    caller->soap = soap;
    caller->fd = fd;
    caller->state = CALLER_READING;
    caller->watch = host->watch_descriptor(host->self, fd, FEP_READABLE, on_ready, caller);
    if (caller->watch == NULL) {
        free(caller);
        return NULL;
    }
    http_init(&caller->in, true, soap->codec.max_body);
    caller->known_after = soap->codec.wire.new_connection_is_new != NULL ? ++soap->moment : 0;
    caller->next = soap->first_caller;
    if (caller->next != NULL)
        caller->next->before = caller;
    soap->first_caller = caller;
    soap->caller_count++;
    set_time(caller, soap->request_ms); /* for the whole request, however slowly it drips */
    return caller;
}

/* --- the listener --- */

/* Who was told and only has to hang up takes no place, within reason. */
static bool
has_room(const struct soap *soap)
{
    return soap->caller_count < 2 * soap->caller_limit && serve_count_open(soap) < soap->caller_limit;
}

/* Those who were told and do not go, and those who have hung up and wait for answers that nobody will read,
 * give their places first. */
static bool
make_room(struct soap *soap)
{
    struct caller *next;
    for (struct caller *caller = soap->first_caller; caller != NULL && !has_room(soap); caller = next) {
        next = caller->next;
        bool told = caller->state == CALLER_LEAVING && soap->caller_count >= 2 * soap->caller_limit;
        if (told || (caller->ended && caller->state == CALLER_WORKING))
            caller_close(caller);
    }
    return has_room(soap);
}

static void
wake_listener(void *arg)
{
    struct soap *soap = arg;
    soap->listener_timer = NULL;
    resume_listener(soap);
}

/* Readable for ever, without a place or a descriptor for what waits there. */
static void
rest_listener(struct soap *soap, bool timed)
{
    const struct fep_host *host = soap->host;
    if (!soap->listener_rests)
        host->change_watch(host->self, soap->listener_watch, 0);
    soap->listener_rests = true;
    if (timed && soap->listener_timer == NULL)
        soap->listener_timer = host->set_timer(host->self, REST_MS, wake_listener, soap);
}

static void
resume_listener(struct soap *soap)
{
    if (!soap->listener_rests || soap->listener < 0 || soap->listener_timer != NULL || !has_room(soap))
        return;
    soap->listener_rests = false;
    soap->host->change_watch(soap->host->self, soap->listener_watch, FEP_READABLE);
}

/* Accepts all that is waiting. False if some may be left. */
static bool
accept_all(struct soap *soap)
{
    while (soap->listener >= 0) {
        if (!make_room(soap)) {
            rest_listener(soap, false);
            return false;
        }
        int fd = tcp_accept(soap->listener);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 || add_caller(soap, fd) == NULL) {
            soap->host->log_event(soap->host->self, LOG_WARNING_LEVEL, "a connection could not be accepted",
                                  fd < 0 ? errno : ENOMEM);
            if (fd >= 0)
                close(fd);
            rest_listener(soap, true);
            return false;
        }
    }
    return true;
}

static void
on_listener(void *arg, uint32_t events)
{
    (void)events;
    (void)accept_all(arg);
}

int
serve_listen(struct soap *soap, struct fep_error *error)
{
    const struct fep_host *host = soap->host;
    soap->listener = tcp_listen(&soap->address, error);
    if (soap->listener < 0)
        return -1;
    soap->listener_watch =
        host->watch_descriptor(host->self, soap->listener, FEP_READABLE, on_listener, soap);
    if (soap->listener_watch != NULL)
        return 0;
    close(soap->listener);
    soap->listener = -1;
    return -1;
}

void
serve_stop_listening(struct soap *soap)
{
    if (soap->listener < 0)
        return;
    soap->host->clear_timer(soap->host->self, soap->listener_timer);
    soap->listener_timer = NULL;
    soap->host->unwatch(soap->host->self, soap->listener_watch);
    soap->listener_watch = NULL;
    close(soap->listener);
    soap->listener = -1;
}

/* --- writing --- */

/* All of it has left. What the caller still sends is read and thrown away until it hangs up: closing on
 * unread bytes would take its answer away. */
static void
end_writing(struct caller *caller)
{
    struct soap *soap = caller->soap;
    if (caller->told_repeatable && caller->serial[0] != '\0') {
        /* Who is waiting to be accepted may have asked before this refusal was told. */
        bool drained = accept_all(soap);
        repeats_note(soap, caller->serial, !caller->ended && drained ? ++soap->moment : UINT64_MAX);
    }
    caller->state = CALLER_LEAVING;
    if (caller->ended || shutdown(caller->fd, SHUT_WR) != 0) {
        caller_close(caller);
        return;
    }
    set_time(caller, LEAVE_MS);
    watch_caller(caller);
    serve_check_drained(soap);
    resume_listener(soap);
}

static void
write_more(struct caller *caller)
{
    while (caller->written < caller->out_size) {
        long put = tcp_write(caller->fd, caller->out + caller->written, caller->out_size - caller->written);
        if (put == 0)
            return;
        if (put < 0) {
            caller_close(caller);
            return;
        }
        caller->written += (size_t)put;
    }
    end_writing(caller);
}

void
caller_begin_work(struct caller *caller)
{
    caller->state = CALLER_WORKING;
    set_time(caller, 0);
}

void
caller_tell(struct caller *caller, int status, unsigned char *body, size_t size, bool repeatable)
{
    struct soap *soap = caller->soap;
    char head[512];
    int length = http_write_answer(head, sizeof head, status, soap->codec.wire.content_type, size);
    unsigned char *out = length > 0 ? malloc((size_t)length + size) : NULL;
    if (out != NULL) {
        memcpy(out, head, (size_t)length);
        if (size > 0)
            memcpy(out + length, body, size);
        caller->out_size = (size_t)length + size;
    } else { /* closing tells the caller that it does not know */
        soap->host->log_event(soap->host->self, LOG_ERROR_LEVEL, "no memory for an answer", (int64_t)size);
        caller->out_size = 0;
        caller->ended = true;
    }
    free(body);
    caller->out = out;
    caller->told_repeatable = repeatable && out != NULL;
    caller->state = CALLER_WRITING;
    set_time(caller, soap->write_ms);
    watch_caller(caller); /* written when the loop says so: who calls still walks this caller */
}

/* --- reading --- */

/* The interim answer that some clients wait for before they send a body. */
static bool
tell_continue(struct caller *caller)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!caller->in.head_complete || !caller->in.head.expects_continue || caller->told_continue)
        return true;
    caller->told_continue = true;
    return tcp_write(caller->fd, text, sizeof text - 1) == (long)sizeof text - 1;
}

/* Returns false if the caller is gone. */
static bool
read_request(struct caller *caller)
{
    unsigned char piece[16384];
    long got = tcp_read(caller->fd, piece, sizeof piece);
    if (got == -1)
        return true;
    if (got <= 0) {
        caller_close(caller);
        return false;
    }
    (void)http_take(&caller->in, piece, (size_t)got);
    if (caller->in.head_complete && desk_refuse_head(caller))
        return true;
    if (caller->in.state != HTTP_MORE) {
        desk_take(caller);
        return true;
    }
    if (tell_continue(caller))
        return true;
    caller_close(caller);
    return false;
}

static bool
discard(struct caller *caller)
{
    unsigned char piece[16384];
    long got = tcp_read(caller->fd, piece, sizeof piece);
    if (got == -1)
        return true;
    caller->discarded += got > 0 ? (size_t)got : 0;
    bool over = got == -2 || caller->discarded > MAX_DISCARD;
    if (over || (got == 0 && caller->state == CALLER_LEAVING)) {
        caller_close(caller);
        return false;
    }
    if (got == 0)
        caller->ended = true;
    return true;
}

static void
on_ready(void *arg, uint32_t events)
{
    struct caller *caller = arg;
    if ((events & FEP_READABLE) != 0 && !caller->ended) {
        bool there = caller->state == CALLER_READING ? read_request(caller) : discard(caller);
        if (!there)
            return;
    }
    if (caller->state == CALLER_WRITING && (events & FEP_WRITABLE) != 0) {
        write_more(caller);
        return;
    }
    watch_caller(caller);
}
