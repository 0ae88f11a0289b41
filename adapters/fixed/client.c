/* Connections of the asking local system: frames in, frames out in any order.
 *
 * Must never read past a length that is none, never answer a heartbeat inside a frame of its own, and never
 * count an answer as handed over that has not left as a whole. A client that takes nothing is not read from
 * either, and is cut off in the end. */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

enum { FIRST_ROOM = 4096, MOST_OUT = 4 << 20 };

static void on_ready(void *arg, uint32_t events);

static int64_t
now_ms(const struct server *server)
{
    return server->host->read_monotonic_ms(server->host->self);
}

/* --- closing --- */

static void
close_client(struct client *client)
{
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    client->closing = true;
    while (client->first != NULL)
        desk_forget(client->first);
    for (size_t i = 0; i < client->leaving_count; i++)
        repeats_note(server, client->leaving[i].serial, UINT64_MAX, client->number, false);
    host->clear_timer(host->self, client->timer);
    host->unwatch(host->self, client->watch);
    close(client->fd);
    if (client->before != NULL)
        client->before->next = client->next;
    else
        server->first = client->next;
    if (client->next != NULL)
        client->next->before = client->before;
    server->client_count--;
    free(client->in);
    free(client->out);
    free(client);
    if (!server->closing)
        serving_check_drained(server);
}

void
client_close_all(struct server *server)
{
    server->closing = true;
    while (server->first != NULL)
        close_client(server->first);
}

static bool
is_quiet(const struct client *client)
{
    return client->first == NULL && client->out_written == client->out_size;
}

void
client_close_idle(struct server *server)
{
    struct client *next;
    for (struct client *client = server->first; client != NULL; client = next) {
        next = client->next;
        if (is_quiet(client))
            close_client(client);
    }
}

/* --- time --- */

static void
on_timer(void *arg)
{
    struct client *client = arg;
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    int64_t now = now_ms(server), idle = client->heard_ms + server->idle_ms,
            stuck = client->stuck_ms != 0 ? client->stuck_ms + server->write_ms : INT64_MAX;
    int64_t due = idle < stuck ? idle : stuck;
    client->timer = NULL;
    if (now >= due) {
        host->log_event(host->self, LOG_NOTICE_LEVEL,
                        "a connection was silent, or took no answers, for too long", 0);
        close_client(client);
        return;
    }
    client->timer = host->set_timer(host->self, due - now, on_timer, client);
}

static void
arm_timer(struct client *client)
{
    const struct fep_host *host = client->server->host;
    host->clear_timer(host->self, client->timer);
    client->timer = NULL;
    client->timer = host->set_timer(host->self, 1, on_timer, client);
}

/* --- writing --- */

static void
watch_client(struct client *client)
{
    const struct fep_host *host = client->server->host;
    size_t waiting = client->out_size - client->out_written;
    bool reads = !client->close_after && waiting < MOST_OUT;
    uint32_t events = (reads ? (uint32_t)FEP_READABLE : 0u) | (waiting > 0 ? (uint32_t)FEP_WRITABLE : 0u);
    if (events == 0 && client->watch != NULL) {
        host->unwatch(host->self, client->watch);
        client->watch = NULL;
    } else if (events != 0 && client->watch == NULL) {
        client->watch = host->watch_descriptor(host->self, client->fd, events, on_ready, client);
    } else if (events != 0) {
        host->change_watch(host->self, client->watch, events);
    }
}

/* Refusals whose last byte has gone may be followed by a new attempt. */
static void
note_left(struct client *client)
{
    struct server *server = client->server;
    size_t kept = 0;
    for (size_t i = 0; i < client->leaving_count; i++) {
        struct leaving *leaving = &client->leaving[i];
        if (leaving->end > client->out_total) {
            client->leaving[kept++] = *leaving;
            continue;
        }
        bool prompt = now_ms(server) - leaving->arrived_ms <= server->prompt_ms;
        bool drained = listener_accept_all(&server->listener); /* what waits to be accepted counts as older */
        repeats_note(server, leaving->serial, drained ? ++server->moment : UINT64_MAX, client->number,
                     prompt);
    }
    client->leaving_count = kept;
}

/* False if the client is gone. */
static bool
write_more(struct client *client)
{
    size_t left = client->out_size - client->out_written;
    long put = left > 0 ? tcp_write(client->fd, client->out + client->out_written, left) : 0;
    if (put < 0) {
        close_client(client);
        return false;
    }
    client->out_written += (size_t)put;
    client->out_total += (uint64_t)put;
    if (put > 0)
        client->stuck_ms = now_ms(client->server);
    if (client->out_written == client->out_size) {
        client->out_written = client->out_size = 0;
        client->stuck_ms = 0;
    }
    note_left(client);
    bool over = client->close_after || (client->server->draining && client->first == NULL);
    if (client->out_size == 0 && over) {
        close_client(client);
        return false;
    }
    return true;
}

static bool
make_room(struct client *client, size_t size)
{
    if (client->out_written > 0) {
        memmove(client->out, client->out + client->out_written, client->out_size - client->out_written);
        client->out_size -= client->out_written;
        client->out_written = 0;
    }
    size_t room = client->out_room == 0 ? FIRST_ROOM : client->out_room;
    while (room < client->out_size + size)
        room *= 2;
    unsigned char *more = room > client->out_room ? realloc(client->out, room) : client->out;
    if (more == NULL)
        return false;
    client->out = more;
    client->out_room = room;
    return true;
}

/* Written when the loop says so: the caller still walks this client's bytes. */
void
client_send(struct client *client, const unsigned char *frame, size_t size, const char *serial,
            int64_t arrived_ms)
{
    struct server *server = client->server;
    if (client->closing)
        return;
    if (!make_room(client, size)) { /* an answer that can not be sent is an unknown outcome to the caller: say
                                       so by closing */
        server->host->log_event(server->host->self, LOG_ERROR_LEVEL, "no memory for an answer",
                                (int64_t)size);
        client->close_after = true;
        watch_client(client);
        return;
    }
    memcpy(client->out + client->out_size, frame, size);
    client->out_size += size;
    if (client->stuck_ms == 0)
        client->stuck_ms = now_ms(server);
    if (serial != NULL && client->leaving_count < MOST_WINDOW) {
        struct leaving *leaving = &client->leaving[client->leaving_count++];
        *leaving = (struct leaving){.end = client->out_total + client->out_size - client->out_written,
                                    .arrived_ms = arrived_ms};
        snprintf(leaving->serial, sizeof leaving->serial, "%s", serial);
    } else if (serial != NULL) {
        repeats_note(server, serial, UINT64_MAX, client->number, false);
    }
    arm_timer(client);
    watch_client(client);
}

/* --- reading --- */

/* Takes every complete frame. */
static void
take_frames(struct client *client)
{
    struct fixed_codec *codec = &client->server->codec;
    size_t digits = codec->length_digits, at = 0;
    while (at < client->in_size && !client->close_after) {
        long length = fixed_frame_size(codec, client->in + at, client->in_size - at);
        if (length == -1)
            break;
        if (length == -2) {
            client->close_after =
                true; /* nothing behind it can be told apart; what is answered already still goes out */
            break;
        }
        if (length > 0) {
            desk_take_record(client, client->in + at + digits, (size_t)length);
        } else {
            unsigned char beat[16];
            memset(beat, '0', sizeof beat);
            client_send(client, beat, digits, NULL, 0);
        }
        at += digits + (size_t)length;
    }
    memmove(client->in, client->in + at, client->in_size - at);
    client->in_size -= at;
}

static bool
grow(struct client *client)
{
    size_t most = client->server->codec.max_record + client->server->codec.length_digits;
    size_t room = client->in_room * 2 < most ? client->in_room * 2 : most;
    unsigned char *more = room > client->in_room ? realloc(client->in, room) : NULL;
    if (more == NULL)
        return false;
    client->in = more;
    client->in_room = room;
    return true;
}

/* False if the client is gone. */
static bool
read_some(struct client *client)
{
    struct server *server = client->server;
    if (client->in_size == client->in_room && !grow(client)) {
        close_client(client);
        return false;
    }
    long got = tcp_read(client->fd, client->in + client->in_size, client->in_room - client->in_size);
    if (got == -1)
        return true;
    if (got <= 0) { /* it asks again on its next connection, and finds what became of it */
        close_client(client);
        return false;
    }
    uint64_t moment = ++server->moment;
    if (client->in_size == 0)
        client->begun = moment;
    client->in_size += (size_t)got;
    client->heard_ms = now_ms(server);
    size_t before = client->in_size;
    take_frames(client);
    if (client->in_size < before)
        client->begun = moment; /* what is left of a frame came with this read */
    return true;
}

static void
on_ready(void *arg, uint32_t events)
{
    struct client *client = arg;
    if ((events & FEP_READABLE) != 0 && !client->close_after && !read_some(client))
        return;
    if (!write_more(client))
        return;
    watch_client(client);
}

/* --- accepting --- */

static struct client *
add_client(struct server *server, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->server = server;
    client->fd = fd;
    client->in = malloc(FIRST_ROOM);
    client->in_room = FIRST_ROOM;
    client->watch = client->in != NULL ? server->host->watch_descriptor(server->host->self, fd, FEP_READABLE,
                                                                        on_ready, client)
                                       : NULL;
    if (client->watch == NULL) {
        free(client->in);
        free(client);
        return NULL;
    }
    client->number = ++server->client_number;
    client->accepted = ++server->moment;
    client->heard_ms = now_ms(server);
    client->next = server->first;
    if (client->next != NULL)
        client->next->before = client;
    server->first = client;
    server->client_count++;
    arm_timer(client);
    return client;
}

bool
client_take(void *owner, int fd)
{
    struct server *server = owner;
    const struct fep_host *host = server->host;
    if (server->client_count < server->client_limit && add_client(server, fd) != NULL)
        return true;
    host->log_event(host->self, LOG_WARNING_LEVEL, "connection refused: as many as allowed are open",
                    (int64_t)server->client_count);
    return false;
}
