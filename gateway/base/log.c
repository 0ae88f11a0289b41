/* Hands log lines to the syslog socket. Must never wait: what the socket does not take at once stays in a
 * bounded ring, what the ring does not hold is counted, and the count is itself logged when there is room
 * again. A syslog that went away is connected to again at the next line. Fails only at log_open, for a path
 * that cannot be a socket. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log_format.h"

#define RING_LINES   4096
#define CLOSE_TRIES  50 /* at closing: how often the reader is waited for */
#define CLOSE_TRY_MS 20 /* and how long each time */

struct ring_line {
    size_t size;
    char text[];
};

static struct {
    pthread_mutex_t lock;
    struct log_origin origin;
    struct sockaddr_un address; /* sun_path empty: standard error */
    int fd;                     /* -1: not connected */
    bool debug;
    struct ring_line *ring[RING_LINES];
    size_t first, count;
    uint64_t dropped, dropped_told;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .origin = {"fep", "-", 0}};

static void
disconnect(void)
{
    if (state.fd >= 0)
        close(state.fd);
    state.fd = -1;
}

static bool
reconnect(void)
{
    disconnect();
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)&state.address, sizeof state.address) < 0) {
        close(fd);
        return false;
    }
    state.fd = fd;
    return true;
}

/* Standard error is shared with others, so it is not made non-blocking: it is asked whether it takes a line.
 */
static bool
write_to_stderr(const char *text, size_t size)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0 || !(ready.revents & POLLOUT))
        return false;
    char line[LOG_LINE_SIZE + 1];
    memcpy(line, text, size);
    line[size] = '\n';
    ssize_t done = write(STDERR_FILENO, line, size + 1);
    (void)done; /* half a line on a terminal is not worth more */
    return true;
}

/* True: the line is off our hands (sent, or refused for good and counted). */
static bool
send_line(const char *text, size_t size)
{
    if (state.address.sun_path[0] == '\0')
        return write_to_stderr(text, size);
    for (int tries = 0; tries < 2; tries++) {
        if (state.fd < 0 && !reconnect())
            return false;
        if (send(state.fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return true;
        if (errno == EINTR)
            continue;
        if (errno == EMSGSIZE) {
            state.dropped++;
            return true;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM)
            return false;
        disconnect(); /* ECONNREFUSED, ENOTCONN, ECONNRESET, EPIPE ...: syslog was restarted */
    }
    return false;
}

static void
send_ring(void)
{
    while (state.count > 0) {
        struct ring_line *line = state.ring[state.first];
        if (!send_line(line->text, line->size))
            return;
        free(line);
        state.ring[state.first] = NULL;
        state.first = (state.first + 1) % RING_LINES;
        state.count--;
    }
}

static void
keep_line(const char *text, size_t size)
{
    struct ring_line *line = state.count < RING_LINES ? malloc(sizeof *line + size) : NULL;
    if (!line) {
        state.dropped++;
        return;
    }
    line->size = size;
    memcpy(line->text, text, size);
    state.ring[(state.first + state.count) % RING_LINES] = line;
    state.count++;
}

static size_t
format_line(char out[LOG_LINE_SIZE], enum log_event event, enum log_severity severity,
            const struct log_field *fields, size_t count)
{
    state.origin.pid = (int)getpid();
    return log_format_line(out, state.address.sun_path[0] != '\0', &state.origin,
                           clock_wall_ms(&clock_system), event, severity, fields, count);
}

/* The gap is told as soon as the lines before it are out. */
static void
tell_dropped(void)
{
    if (state.count > 0 || state.dropped == state.dropped_told)
        return;
    uint64_t missing = state.dropped - state.dropped_told;
    char line[LOG_LINE_SIZE];
    const struct log_field field = LOG_N("count", missing);
    size_t size = format_line(line, LOG_EVENT_DROPPED, LOG_SEV_WARNING, &field, 1);
    uint64_t before = state.dropped;
    if (send_line(line, size))
        state.dropped_told = before;
}

int
log_open(const char *program, const char *node, const char *socket_path)
{
    log_close();
    pthread_mutex_lock(&state.lock);
    int result = 0;
    log_clean_name(state.origin.program, sizeof state.origin.program, program);
    log_clean_name(state.origin.node, sizeof state.origin.node, node);
    memset(&state.address, 0, sizeof state.address);
    state.address.sun_family = AF_UNIX;
    if (socket_path && strlen(socket_path) >= sizeof state.address.sun_path)
        result = -1;
    else if (socket_path)
        memcpy(state.address.sun_path, socket_path, strlen(socket_path));
    if (state.address.sun_path[0] != '\0')
        reconnect();
    pthread_mutex_unlock(&state.lock);
    return result;
}

void
log_close(void)
{
    pthread_mutex_lock(&state.lock);
    send_ring();
    /* The kernel takes some ten datagrams at once; the reader gets a moment for the last lines of a process.
     */
    for (int i = 0; i < CLOSE_TRIES && state.count > 0 && state.fd >= 0; i++) {
        struct pollfd room = {.fd = state.fd, .events = POLLOUT};
        if (poll(&room, 1, CLOSE_TRY_MS) < 0 && errno != EINTR)
            break;
        send_ring();
    }
    tell_dropped();
    disconnect();
    for (size_t i = 0; i < state.count; i++)
        free(state.ring[(state.first + i) % RING_LINES]);
    memset(state.ring, 0, sizeof state.ring);
    memset(&state.address, 0, sizeof state.address);
    state.first = state.count = 0;
    state.dropped = state.dropped_told = 0;
    pthread_mutex_unlock(&state.lock);
}

void
log_set_debug(int on)
{
    pthread_mutex_lock(&state.lock);
    state.debug = on != 0;
    pthread_mutex_unlock(&state.lock);
}

void
log_write(enum log_event event, enum log_severity severity, const struct log_field *fields, size_t count)
{
    pthread_mutex_lock(&state.lock);
    if (severity < LOG_SEV_DEBUG || state.debug) {
        char line[LOG_LINE_SIZE];
        size_t size = format_line(line, event, severity, fields, count);
        send_ring();
        tell_dropped();
        if (state.count > 0 || !send_line(line, size))
            keep_line(line, size);
    }
    pthread_mutex_unlock(&state.lock);
}

void
log_flush(void)
{
    pthread_mutex_lock(&state.lock);
    send_ring();
    tell_dropped();
    pthread_mutex_unlock(&state.lock);
}

uint64_t
log_dropped(void)
{
    pthread_mutex_lock(&state.lock);
    uint64_t dropped = state.dropped;
    pthread_mutex_unlock(&state.lock);
    return dropped;
}
