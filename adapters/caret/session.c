/* Connections of the asking local system: lines in, lines out, strictly in turns.
 *
 * Must never start a second request of a connection before the first is answered, never send half an answer
 * and go on, and never treat an answer as handed over that did not leave completely to a client still there.
 */
#include "caret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own_call.h"

enum { FIRST_ROOM = 4096 };

static void on_ready(void *arg, uint32_t events);
static void take_lines(struct client *client);

/* --- health and drain --- */

size_t
session_count_open(const struct caret *caret)
{
    size_t count = 0;
    for (const struct client *client = caret->first; client != NULL; client = client->next)
        count += client->state != CLIENT_READING;
    return count;
}

void
session_report(struct caret *caret)
{
    caret->health.size = sizeof caret->health;
    caret->health.state = caret->draining ? FEP_STOPPING : caret->listener.fd >= 0 ? FEP_UP : FEP_DOWN;
    caret->health.open_calls = (uint32_t)session_count_open(caret);
    caret->host->report_health(caret->host->self, &caret->health);
}

void
session_check_drained(struct caret *caret)
{
    if (caret->drain_call == NULL || session_count_open(caret) > 0)
        return;
    own_call_end(caret->host, &caret->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

/* --- timers --- */

static void
on_timer(void *arg)
{
    struct client *client = arg;
    client->timer = NULL;
    client_close(client);
}

/* Idle while reading, slow while writing; while working the host's answer comes in its own time. */
static void
arm_timer(struct client *client)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    host->clear_timer(host->self, client->timer);
    client->timer = NULL;
    if (client->state != CLIENT_WORKING)
        client->timer = host->set_timer(
            host->self, client->state == CLIENT_READING ? caret->idle_ms : caret->write_ms, on_timer, client);
}

/* A client that sends no more is not watched for reading: its end would be reported again and again. */
static void
watch_client(struct client *client)
{
    const struct fep_host *host = client->caret->host;
    bool full = client->in_size >= client->caret->codec.max_line;
    uint32_t events = (!client->ended && !full ? (uint32_t)FEP_READABLE : 0u) |
                      (client->state == CLIENT_WRITING ? (uint32_t)FEP_WRITABLE : 0u);
    if (events == 0 && client->watch != NULL) {
        host->unwatch(host->self, client->watch);
        client->watch = NULL;
    } else if (events != 0 && client->watch == NULL) {
        client->watch = host->watch_descriptor(host->self, client->fd, events, on_ready, client);
    } else if (events != 0) {
        host->change_watch(host->self, client->watch, events);
    }
}

/* --- opening and closing --- */

void
client_close(struct client *client)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    if (client->state == CLIENT_WORKING)
        host->forget_request(host->self, client);
    if (client->state != CLIENT_READING && client->serial[0] != '\0')
        repeats_note(caret, client->serial, UINT64_MAX);
    host->clear_timer(host->self, client->timer);
    host->unwatch(host->self, client->watch);
    close(client->fd);
    if (client->before != NULL)
        client->before->next = client->next;
    else
        caret->first = client->next;
    if (client->next != NULL)
        client->next->before = client->before;
    caret->client_count--;
    free(client->in);
    free(client->out);
    free(client);
    if (!caret->closing)
        session_check_drained(caret);
}

void
session_close_all(struct caret *caret)
{
    caret->closing = true;
    while (caret->first != NULL)
        client_close(caret->first);
}

static struct client *
add_client(struct caret *caret, int fd)
{
    const struct fep_host *host = caret->host;
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->caret = caret;
    client->fd = fd;
    client->state = CLIENT_READING;
    client->in = malloc(FIRST_ROOM);
    client->in_room = FIRST_ROOM;
    client->watch =
        client->in != NULL ? host->watch_descriptor(host->self, fd, FEP_READABLE, on_ready, client) : NULL;
    if (client->watch == NULL) {
        free(client->in);
        free(client);
        return NULL;
    }
    client->known_after = caret->wire.new_connection_is_new != NULL ? ++caret->moment : 0;
    client->next = caret->first;
    if (client->next != NULL)
        client->next->before = client;
    caret->first = client;
    caret->client_count++;
    arm_timer(client);
    return client;
}

/* A client that has hung up and only waits for an answer nobody will read gives its place first. */
static bool
make_room(struct caret *caret)
{
    for (struct client *client = caret->first; client != NULL && caret->client_count >= caret->client_limit;
         client = client->next) {
        if (client->ended && client->state == CLIENT_WORKING) {
            client_close(client);
            break;
        }
    }
    return caret->client_count < caret->client_limit;
}

bool
session_take(void *owner, int fd)
{
    struct caret *caret = owner;
    const struct fep_host *host = caret->host;
    if (make_room(caret) && add_client(caret, fd) != NULL)
        return true;
    host->log_event(host->self, LOG_WARNING_LEVEL, "connection refused: as many as allowed are open",
                    (int64_t)caret->client_count);
    return false;
}

/* --- writing --- */

/* The whole answer has left. From here on the client may send its next request. */
static void
hand_over(struct client *client)
{
    struct caret *caret = client->caret;
    unsigned char peek;
    /* What is already there was sent before our answer can have been read. */
    bool early = client->premature || tcp_peek(client->fd, &peek) != -1;
    if (client->told_repeatable) {
        bool drained = listener_accept_all(&caret->listener);
        repeats_note(caret, client->serial, !client->ended && drained ? ++caret->moment : UINT64_MAX);
    }
    if (!early)
        client->known_after = ++caret->moment;
    client->told_repeatable = client->premature = false;
    client->serial[0] = '\0';
    client->out_size = client->out_written = 0;
    client->state = CLIENT_READING;
}

static void
write_more(struct client *client)
{
    struct caret *caret = client->caret;
    size_t left = client->out_size - client->out_written;
    long put = left > 0 ? tcp_write(client->fd, client->out + client->out_written, left) : 0;
    if (put < 0) {
        client_close(client);
        return;
    }
    client->out_written += (size_t)put;
    if (client->out_written < client->out_size)
        return;
    hand_over(client);
    if (client->ended || client->close_after || caret->draining) {
        client_close(client);
        return;
    }
    arm_timer(client);
    watch_client(client);
    take_lines(client);
}

void
client_begin_work(struct client *client)
{
    client->state = CLIENT_WORKING;
    arm_timer(client);
}

void
client_tell(struct client *client, const unsigned char *line, size_t size, bool repeatable)
{
    const struct fep_host *host = client->caret->host;
    unsigned char *copy = malloc(size);
    if (copy ==
        NULL) { /* an answer that can not be sent is an unknown outcome to the caller: say so by closing */
        host->log_event(host->self, LOG_ERROR_LEVEL, "no memory for an answer", (int64_t)size);
        client->close_after = true;
        size = 0;
    } else {
        memcpy(copy, line, size);
    }
    free(client->out);
    client->out = copy;
    client->out_size = size;
    client->out_written = 0;
    client->told_repeatable = repeatable;
    client->state = CLIENT_WRITING;
    arm_timer(client);
    watch_client(client); /* written when the loop says so: the caller still walks this client */
}

/* --- reading --- */

static void
take_lines(struct client *client)
{
    struct caret *caret = client->caret;
    if (client->state != CLIENT_READING || client->in_size == 0)
        return;
    size_t end = caret_find_line(&caret->codec, client->in, client->in_size, client->searched);
    if (end == 0) {
        client->searched = client->in_size > 0 ? client->in_size - 1 : 0;
        return;
    }
    if (end == SIZE_MAX) {
        client->close_after = true;
        desk_refuse_bytes(client, client->in_size >= caret->codec.max_line
                                      ? "报文超过长度上限"
                                      : "报文应以回车换行结束, 中间不得有回车或换行");
        return;
    }
    /* The line must stay where it is while it is read; only then the rest moves up. */
    unsigned char *line = client->in;
    size_t rest = client->in_size - end;
    client->in = malloc(rest > FIRST_ROOM ? rest : FIRST_ROOM);
    if (client->in == NULL) {
        client->in = line;
        client_close(client);
        return;
    }
    memcpy(client->in, line + end, rest);
    client->in_room = rest > FIRST_ROOM ? rest : FIRST_ROOM;
    client->in_size = rest;
    client->searched = 0;
    client->premature = rest > 0;
    desk_take_line(client, line, end - caret_line_end(&caret->codec));
    free(line);
}

/* Returns false if the client is gone. */
static bool
read_some(struct client *client)
{
    struct caret *caret = client->caret;
    if (client->in_size == client->in_room) {
        size_t room =
            client->in_room * 2 < caret->codec.max_line ? client->in_room * 2 : caret->codec.max_line;
        unsigned char *more = room > client->in_room ? realloc(client->in, room) : NULL;
        if (more == NULL) {
            client_close(client);
            return false;
        }
        client->in = more;
        client->in_room = room;
    }
    long got = tcp_read(client->fd, client->in + client->in_size, client->in_room - client->in_size);
    if (got == -1)
        return true;
    if (got == -2 || (got == 0 && client->state == CLIENT_READING)) {
        client_close(client);
        return false;
    }
    if (got == 0)
        client->ended = true;
    else if (client->state != CLIENT_READING)
        client->premature = true;
    client->in_size += (size_t)got;
    return true;
}

static void
on_ready(void *arg, uint32_t events)
{
    struct client *client = arg;
    if ((events & FEP_READABLE) != 0 && !client->ended && client->in_size < client->caret->codec.max_line) {
        if (!read_some(client))
            return;
        if (client->state == CLIENT_READING)
            arm_timer(client);
    }
    if (client->state == CLIENT_WRITING && (events & FEP_WRITABLE) != 0) {
        write_more(client);
        return;
    }
    watch_client(client);
    take_lines(client);
}
