/* Connections: connect, sign on, frames in and out, heartbeats, reconnect with growing pauses.
 *
 * Must never answer a heartbeat (only clients send them), never read on after a frame it can not trust, and
 * never close from inside a write: tasks are being walked then. A lost connection is told to the tasks, which
 * know what it means. */
#include "fixed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer_clock.h"
#include "wire.h"

enum {
    OWN_ROOM = 2048,
    WARN_OFFSET_S = 60,
    LOG_ERROR_LEVEL = 3,
    LOG_WARNING_LEVEL = 4,
    LOG_NOTICE_LEVEL = 5
};

static void tick(void *arg);
static void on_ready(void *arg, uint32_t events);

static int64_t
now_ms(const struct fixed *fixed)
{
    return fixed->host->read_monotonic_ms(fixed->host->self);
}

/* --- health --- */

void
session_report(struct fixed *fixed)
{
    struct fep_health *health = &fixed->health;
    uint32_t state = FEP_DOWN, window = 0;
    size_t ready = 0;
    for (size_t i = 0; i < fixed->connection_count; i++) {
        if (fixed->connections[i].state == CONNECTION_READY) {
            ready++;
            window += fixed->connections[i].window;
        }
    }
    if (fixed->draining)
        state = FEP_STOPPING;
    else if (ready > 0)
        state = ready == fixed->connection_count && !fixed->breaker.open ? FEP_UP : FEP_DEGRADED;
    else if (fixed->start_call != NULL)
        state = FEP_STARTING;
    if (state == FEP_UP)
        health->reason[0] = '\0';
    else if (ready > 0 && fixed->breaker.open)
        snprintf(health->reason, sizeof health->reason, "it does not answer: only probes are sent");
    if (state == health->state && window == health->window)
        return;
    health->size = sizeof *health;
    health->state = state;
    health->window = window;
    fixed->host->report_health(fixed->host->self, health);
}

bool
session_is_ready(const struct fixed *fixed)
{
    for (size_t i = 0; i < fixed->connection_count; i++) {
        if (fixed->connections[i].state == CONNECTION_READY)
            return true;
    }
    return false;
}

static void
finish_start(struct fixed *fixed)
{
    struct fep_call *call = fixed->start_call;
    fixed->start_call = NULL;
    if (call != NULL)
        fixed->host->complete_call(fixed->host->self, call, FEP_ANSWERED,
                                   &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}

bool
session_coming(const struct fixed *fixed)
{
    for (size_t i = 0; i < fixed->connection_count; i++) {
        const struct connection *connection = &fixed->connections[i];
        /* After a good connection the next one is dialled at once. */
        if (connection->state == CONNECTION_CONNECTING || connection->state == CONNECTION_SIGNING_ON ||
            (connection->state == CONNECTION_DOWN && connection->pause_ms == 0))
            return !fixed->closing;
    }
    return false;
}

/* --- time --- */

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
next_due(const struct connection *connection)
{
    const struct fixed *fixed = connection->fixed;
    int64_t quiet_since =
        connection->last_in_ms > connection->last_out_ms ? connection->last_in_ms : connection->last_out_ms;
    if (connection->broken)
        return 0;
    switch (connection->state) {
    case CONNECTION_CONNECTING:
        return connection->since_ms + fixed->connect_ms;
    case CONNECTION_SIGNING_ON:
        return connection->since_ms + fixed->sign_on_ms;
    case CONNECTION_READY:
        return earlier(quiet_since + fixed->heartbeat_ms, earlier(connection->last_in_ms + fixed->silence_ms,
                                                                  now_ms(fixed) + fixed->late_ms / 4 + 1));
    default:
        return connection->since_ms + connection->pause_ms;
    }
}

static void
schedule(struct connection *connection)
{
    const struct fep_host *host = connection->fixed->host;
    host->clear_timer(host->self, connection->timer);
    connection->timer = NULL;
    if (connection->fixed->closing)
        return;
    int64_t after = next_due(connection) - now_ms(connection->fixed);
    connection->timer = host->set_timer(host->self, after > 0 ? after : 0, tick, connection);
}

/* --- closing --- */

static void
drop_socket(struct connection *connection)
{
    const struct fep_host *host = connection->fixed->host;
    if (connection->fd < 0)
        return;
    host->unwatch(host->self, connection->watch);
    connection->watch = NULL;
    close(connection->fd);
    connection->fd = -1;
    connection->in_size = connection->own_size = connection->own_written = 0;
    connection->broken = connection->retiring = false;
}

/* Doubles up to the bound, with a quarter of it at random, so that many gateways do not come back in step. */
static int64_t
next_pause(struct fixed *fixed, int64_t last)
{
    uint8_t chance = 0;
    int64_t pause = last == 0 ? fixed->pause_min_ms : last * 2;
    if (pause > fixed->pause_max_ms)
        pause = fixed->pause_max_ms;
    (void)fixed->host->fill_random(fixed->host->self, &chance, 1);
    return pause + pause / 4 * chance / 256;
}

static void
close_connection(struct connection *connection, enum fep_reason reason, const char *why)
{
    struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    bool good = connection->state == CONNECTION_READY && connection->served;
    if (connection->state == CONNECTION_READY)
        host->log_event(host->self, LOG_WARNING_LEVEL, "connection to the local system lost",
                        (int64_t)task_outstanding(fixed, connection));
    drop_socket(connection);
    connection->pause_ms = good ? 0 : next_pause(fixed, connection->pause_ms);
    connection->state = CONNECTION_DOWN;
    connection->served = false;
    connection->since_ms = now_ms(fixed);
    copy_text(fixed->health.reason, sizeof fixed->health.reason, why, strlen(why));
    task_lose_connection(fixed, connection, reason, why);
    schedule(connection);
    if (!session_coming(fixed))
        finish_start(fixed);
    session_report(fixed);
    task_pump(fixed);
}

/* --- writing --- */

/* Writes what is left of one buffer. Returns true when all of it has left. */
static bool
write_rest(struct connection *connection, const unsigned char *data, size_t size, size_t *written)
{
    long put = tcp_write(connection->fd, data + *written, size - *written);
    if (put < 0) {
        connection->broken = true;
        return false;
    }
    if (put > 0)
        connection->last_out_ms = now_ms(connection->fixed);
    *written += (size_t)put;
    return *written == size;
}

static bool
write_own(struct connection *connection)
{
    if (connection->own_size == 0)
        return true;
    if (!write_rest(connection, connection->own, connection->own_size, &connection->own_written))
        return false;
    connection->own_size = connection->own_written = 0;
    return true;
}

/* Returns true when nothing of a task is half written any more and there may be another. */
static bool
write_task(struct connection *connection)
{
    struct task *task = connection->writing;
    if (task == NULL)
        return true;
    bool done = write_rest(connection, task->frame, task->frame_size, &task->written);
    if (task->written > 0 && task->state == TASK_QUEUED)
        task->state = TASK_SENT;
    if (done)
        connection->writing = NULL;
    else if (task->written == 0)
        connection->writing = NULL; /* nothing has left: it may still be taken back */
    return done;
}

void
session_write(struct connection *connection)
{
    const struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    bool more = connection->fd >= 0 && connection->state != CONNECTION_CONNECTING && !connection->broken;
    while (more) {
        more = (connection->writing != NULL || write_own(connection)) && write_task(connection);
        if (!more || connection->own_size > 0)
            continue;
        connection->writing =
            connection->state == CONNECTION_READY ? task_next_queued(fixed, connection) : NULL;
        more = connection->writing != NULL;
    }
    if (connection->fd < 0)
        return;
    bool left = connection->writing != NULL || connection->own_size > 0 ||
                (connection->state == CONNECTION_READY && task_next_queued(fixed, connection) != NULL);
    host->change_watch(host->self, connection->watch, left ? FEP_READABLE | FEP_WRITABLE : FEP_READABLE);
    if (connection->broken)
        schedule(connection);
}

/* --- connecting and signing on --- */

static int
make_sign_on(struct connection *connection, struct fep_error *error)
{
    struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    char layout[LOCAL_SIZE + 4], window[8];
    snprintf(layout, sizeof layout, "%.12s-Q", wire->sign_on);
    snprintf(window, sizeof window, "%02u", fixed->window_wanted % 100);
    task_draw_serial(fixed, connection->serial);
    const char *password = host->get_secret(fixed->config, "password_file");
    struct fep_record *head = host->create_record(host->self, "head-Q");
    struct fep_record *body = host->create_record(host->self, layout);
    long size = -1;
    set_error(error, 0, 0, "the mapping's layout %s does not fit wire.sign_on…", layout);
    if (head != NULL && body != NULL && task_fill_head(fixed, head, wire->sign_on, connection->serial) == 0 &&
        set_field(host, head, wire->accounting_date_field, "00000000") == 0 &&
        set_field(host, body, wire->sign_on_password, password != NULL ? password : "") == 0 &&
        set_field(host, body, wire->sign_on_window, window) == 0)
        size = fixed_encode_frame(&fixed->codec, head, body, fixed->scratch, error);
    host->release_record(host->self, head);
    host->release_record(host->self, body);
    if (size < 0 || size > OWN_ROOM)
        return -1;
    memcpy(connection->own, fixed->scratch, (size_t)size);
    memset(fixed->scratch, 0, (size_t)size); /* the password */
    connection->own_size = (size_t)size;
    connection->own_written = 0;
    return 0;
}

static void
sign_on(struct connection *connection)
{
    struct fep_error error;
    connection->state = CONNECTION_SIGNING_ON;
    connection->since_ms = connection->last_in_ms = connection->last_out_ms = now_ms(connection->fixed);
    if (make_sign_on(connection, &error) < 0) {
        close_connection(connection, FEP_REASON_MALFORMED, error.text);
        return;
    }
    session_write(connection);
    schedule(connection);
}

static void
begin_connect(struct connection *connection)
{
    struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    connection->since_ms = now_ms(fixed);
    connection->state = CONNECTION_CONNECTING;
    connection->fd = tcp_connect(&fixed->address);
    if (connection->fd < 0) {
        close_connection(connection, FEP_REASON_LINK_DOWN, strerror(errno));
        return;
    }
    connection->watch =
        host->watch_descriptor(host->self, connection->fd, FEP_WRITABLE, on_ready, connection);
    if (connection->watch == NULL) {
        close(connection->fd);
        connection->fd = -1;
        close_connection(connection, FEP_REASON_LINK_DOWN, "the descriptor can not be watched");
        return;
    }
    schedule(connection);
}

/* Learns how far the local system's clock is from ours; false: too far to work with. One that tells no time
 * can not be judged. */
static bool
learn_clock(struct fixed *fixed, const struct fep_record *body)
{
    const struct fep_host *host = fixed->host;
    char text[16];
    if (fixed->wire.sign_on_answer_clock == NULL ||
        copy_field(host, body, fixed->wire.sign_on_answer_clock, text, sizeof text) != 14 ||
        !is_all_digits(text, 14))
        return true;
    uint32_t clock = (uint32_t)strtoul(text + 8, NULL, 10);
    text[8] = '\0';
    int64_t offset_s = peer_clock_offset_s(host, (uint32_t)strtoul(text, NULL, 10), clock);
    int64_t distance_ms = (offset_s < 0 ? -offset_s : offset_s) * 1000;
    if (distance_ms > WARN_OFFSET_S * 1000 && offset_s != fixed->clock_offset_s)
        host->log_event(host->self, LOG_WARNING_LEVEL, "clock of the local system differs, seconds",
                        offset_s);
    fixed->clock_offset_s = offset_s;
    if (fixed->clock_tolerance_ms == 0 || distance_ms <= fixed->clock_tolerance_ms)
        return true;
    host->log_event(host->self, LOG_ERROR_LEVEL, "clocks differ too much to work, seconds", offset_s);
    return false;
}

static void
take_sign_on(struct connection *connection, const struct fep_record *head, const unsigned char *bytes,
             size_t size)
{
    struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    const struct fixed_wire *wire = &fixed->wire;
    char layout[LOCAL_SIZE + 4], text[128], window[16];
    struct fep_error error;
    struct fep_bytes code = get_field(host, head, wire->return_field);
    if (!bytes_equal(code, wire->good)) {
        snprintf(text, sizeof text, "sign-on refused with %.*s", (int)code.size, (const char *)code.data);
        host->log_event(host->self, LOG_WARNING_LEVEL, "sign-on refused by the local system", 0);
        close_connection(connection, FEP_REASON_PROTOCOL, text);
        return;
    }
    snprintf(layout, sizeof layout, "%.12s-R", wire->sign_on);
    struct fep_record *body = fixed_decode_body(&fixed->codec, layout, bytes, size, 0, &error);
    uint32_t date = body != NULL ? answer_read_date(host, body, wire->sign_on_answer_date) : 0;
    unsigned granted = 0;
    if (body != NULL && copy_field(host, body, wire->sign_on_answer_window, window, sizeof window) > 0)
        granted = (unsigned)strtoul(window, NULL, 10);
    bool close = body == NULL || learn_clock(fixed, body);
    host->release_record(host->self, body);
    if (date == 0 || granted == 0) {
        close_connection(connection, FEP_REASON_MALFORMED,
                         "the answer to the sign-on names no date or no window");
        return;
    }
    if (!close) {
        close_connection(connection, FEP_REASON_PROTOCOL, "the local system's clock differs too much");
        return;
    }
    fixed->accounting_date = date;
    connection->window = granted < fixed->window_wanted ? granted : fixed->window_wanted;
    connection->state = CONNECTION_READY;
    host->log_event(host->self, LOG_NOTICE_LEVEL, "signed on at the local system",
                    (int64_t)connection->window);
    finish_start(fixed);
    session_report(fixed);
    task_pump(fixed);
}

/* --- reading --- */

static void
take_record(struct connection *connection, const unsigned char *record, size_t size)
{
    struct fixed *fixed = connection->fixed;
    const struct fep_host *host = fixed->host;
    struct fep_error error = {0};
    if (!fixed_seal_holds(&fixed->codec, record, size)) {
        close_connection(connection, FEP_REASON_PROTOCOL, "a record with a wrong seal");
        return;
    }
    struct fep_record *head = fixed_decode_head(&fixed->codec, record, size, &error);
    if (head == NULL) {
        close_connection(connection, FEP_REASON_MALFORMED, error.text);
        return;
    }
    const unsigned char *body = record + fixed->codec.head_size;
    size -= fixed->codec.head_size;
    struct fep_bytes serial = get_field(host, head, fixed->wire.serial_field);
    if (connection->state == CONNECTION_SIGNING_ON) {
        if (bytes_equal(serial, connection->serial))
            take_sign_on(connection, head, body, size);
        host->release_record(host->self, head);
        return;
    }
    struct task *task = task_find(fixed, connection, serial);
    if (task == NULL) {
        host->log_event(host->self, LOG_WARNING_LEVEL, "an answer to nothing that was asked", (int64_t)size);
        host->release_record(host->self, head);
        return;
    }
    connection->served = true;
    connection->pause_ms = 0;
    breaker_note_answer(fixed);
    bool signed_off = fixed->wire.not_signed_on != NULL &&
                      bytes_equal(get_field(host, head, fixed->wire.return_field), fixed->wire.not_signed_on);
    if (task->written < task->frame_size) {
        host->release_record(host->self, head);
        close_connection(connection, FEP_REASON_PROTOCOL, "an answer before the request had left");
    } else if (answer_take(task, fixed, head, body, size, &error) < 0) {
        close_connection(connection, FEP_REASON_MALFORMED, error.text);
    } else if (signed_off) {
        close_connection(connection, FEP_REASON_PROTOCOL, "the local system says we are not signed on");
    }
}

/* Takes every complete frame; stops when the connection was closed under it. */
static void
take_frames(struct connection *connection)
{
    struct fixed *fixed = connection->fixed;
    size_t digits = fixed->codec.length_digits, at = 0;
    while (connection->fd >= 0 && at < connection->in_size) {
        long length = fixed_frame_size(&fixed->codec, connection->in + at, connection->in_size - at);
        if (length == -1)
            break;
        if (length == -2) {
            close_connection(connection, FEP_REASON_PROTOCOL, "a length that is none");
            return;
        }
        if (length > 0)
            take_record(connection, connection->in + at + digits, (size_t)length);
        at += digits + (size_t)length;
    }
    if (connection->fd < 0)
        return;
    memmove(connection->in, connection->in + at, connection->in_size - at);
    connection->in_size -= at;
    task_pump(fixed);
}

static void
read_more(struct connection *connection)
{
    struct fixed *fixed = connection->fixed;
    size_t room = fixed->codec.max_record + fixed->codec.length_digits;
    long got = tcp_read(connection->fd, connection->in + connection->in_size, room - connection->in_size);
    if (got == -1)
        return;
    if (got <= 0) {
        const char *why = got == -2                 ? "the connection broke"
                          : connection->in_size > 0 ? "closed in the middle of an answer"
                                                    : "closed by the local system";
        close_connection(connection, FEP_REASON_PEER_CLOSED, why);
        return;
    }
    connection->in_size += (size_t)got;
    connection->last_in_ms = now_ms(fixed);
    take_frames(connection);
}

static void
on_ready(void *arg, uint32_t events)
{
    struct connection *connection = arg;
    if (connection->state == CONNECTION_CONNECTING) {
        int failed = tcp_connect_result(connection->fd);
        if (failed != 0)
            close_connection(connection, FEP_REASON_LINK_DOWN, strerror(failed));
        else
            sign_on(connection);
        return;
    }
    if ((events & FEP_READABLE) != 0)
        read_more(connection);
    if ((events & FEP_WRITABLE) != 0 && connection->fd >= 0)
        session_write(connection);
    if (connection->fd >= 0)
        schedule(connection);
}

/* --- the timer --- */

static void
send_heartbeat(struct connection *connection)
{
    size_t digits = connection->fixed->codec.length_digits;
    if (connection->own_size > 0)
        return;
    memset(connection->own, '0', digits);
    connection->own_size = digits;
    connection->own_written = 0;
    session_write(connection);
}

/* An answer that never comes holds its place in the window for ever; such a connection is given up once
 * nobody waits on it. */
static bool
worn_out(struct connection *connection, int64_t now)
{
    const struct fixed *fixed = connection->fixed;
    size_t overdue = task_overdue(fixed, connection, now - fixed->late_ms);
    if (overdue > 0)
        connection->retiring = true;
    return overdue > 0 && task_outstanding(fixed, connection) == task_overdue(fixed, connection, now);
}

static void
tick_ready(struct connection *connection, int64_t now)
{
    const struct fixed *fixed = connection->fixed;
    int64_t quiet_since =
        connection->last_in_ms > connection->last_out_ms ? connection->last_in_ms : connection->last_out_ms;
    if (now - connection->last_in_ms >= fixed->silence_ms)
        close_connection(connection, FEP_REASON_PEER_CLOSED, "nothing was heard for too long");
    else if (worn_out(connection, now))
        close_connection(connection, FEP_REASON_DEADLINE, "answers that never came");
    else if (now - quiet_since >= fixed->heartbeat_ms)
        send_heartbeat(connection);
}

static void
tick(void *arg)
{
    struct connection *connection = arg;
    int64_t now = now_ms(connection->fixed);
    connection->timer = NULL;
    if (connection->broken)
        close_connection(connection, FEP_REASON_PEER_CLOSED, "the connection broke while writing");
    else if (connection->state == CONNECTION_READY)
        tick_ready(connection, now);
    else if (connection->state == CONNECTION_DOWN && now >= connection->since_ms + connection->pause_ms)
        begin_connect(connection);
    else if (connection->state == CONNECTION_CONNECTING &&
             now >= connection->since_ms + connection->fixed->connect_ms)
        close_connection(connection, FEP_REASON_LINK_DOWN, "no connection within the time allowed");
    else if (connection->state == CONNECTION_SIGNING_ON &&
             now >= connection->since_ms + connection->fixed->sign_on_ms)
        close_connection(connection, FEP_REASON_LINK_DOWN, "no answer to the sign-on");
    schedule(connection);
}

void
session_start(struct fixed *fixed)
{
    for (size_t i = 0; i < fixed->connection_count; i++)
        begin_connect(&fixed->connections[i]);
}

void
session_stop(struct fixed *fixed)
{
    const struct fep_host *host = fixed->host;
    fixed->closing = true;
    for (size_t i = 0; i < fixed->connection_count; i++) {
        drop_socket(&fixed->connections[i]);
        host->clear_timer(host->self, fixed->connections[i].timer);
        fixed->connections[i].timer = NULL;
    }
}
