/* Channels: connections to the local system, at most one errand on each at any moment.
 *
 * An answer carries nothing that names its request. Must therefore never read from a connection again after a
 * time-out, an error, or a byte that nobody asked for: what comes late there would be taken for the answer to
 * the next request. Must never call anything lost that has not left. */
#include "caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

enum { FIRST_ROOM = 4096 };

static void on_ready(void *arg, uint32_t events);

/* --- closing --- */

void
channel_drop(struct channel *channel)
{
    const struct fep_host *host = channel->caller->host;
    if (channel->fd < 0)
        return;
    host->clear_timer(host->self, channel->timer);
    host->unwatch(host->self, channel->watch);
    close(channel->fd);
    free(channel->in);
    if (channel->errand != NULL)
        channel->errand->channel = NULL;
    *channel = (struct channel){.caller = channel->caller, .state = CHANNEL_DOWN, .fd = -1};
}

void
channel_drop_all(struct caller *caller)
{
    for (size_t i = 0; i < caller->channel_count; i++)
        channel_drop(&caller->channels[i]);
}

/* The connection is gone or not to be trusted; what was on it has no answer. */
static void
fail(struct channel *channel, enum fep_reason reason, const char *why)
{
    struct caller *caller = channel->caller;
    struct errand *errand = channel->errand;
    channel_drop(channel);
    if (errand != NULL)
        errand_lose(caller, errand, reason, why);
    errand_pump(caller);
}

/* --- resting --- */

static void
on_rest(void *arg)
{
    struct channel *channel = arg;
    channel->timer = NULL;
    channel_drop(channel); /* before the local system finds it idle for too long */
}

/* Free for the next errand. It is watched all the same: an end, or a byte nobody asked for, closes it. */
static void
rest(struct channel *channel)
{
    struct caller *caller = channel->caller;
    const struct fep_host *host = caller->host;
    channel->state = CHANNEL_IDLE;
    channel->errand = NULL;
    channel->in_size = channel->searched = 0;
    host->clear_timer(host->self, channel->timer);
    channel->timer = host->set_timer(host->self, caller->rest_ms, on_rest, channel);
    host->change_watch(host->self, channel->watch, FEP_READABLE);
}

/* --- writing --- */

static void
write_more(struct channel *channel)
{
    const struct fep_host *host = channel->caller->host;
    struct errand *errand = channel->errand;
    long put = tcp_write(channel->fd, errand->line + errand->written, errand->line_size - errand->written);
    if (put < 0) {
        /* The kernel says so before it takes a byte of the first try; of later ones some may have gone. */
        fail(channel, FEP_REASON_PEER_CLOSED, "the connection broke while writing");
        return;
    }
    errand->written += (size_t)put;
    if (errand->written > 0)
        errand->state = ERRAND_SENT;
    bool left = errand->written < errand->line_size;
    host->change_watch(host->self, channel->watch, left ? FEP_READABLE | FEP_WRITABLE : FEP_READABLE);
}

static void
send_errand(struct channel *channel)
{
    struct caller *caller = channel->caller;
    if (!errand_write_line(channel->errand, caller)) {
        rest(channel);
        return;
    }
    caller->host->clear_timer(caller->host->self, channel->timer);
    channel->timer = NULL;
    channel->state = CHANNEL_BUSY;
    write_more(channel);
}

/* --- connecting --- */

static void
on_connect_time(void *arg)
{
    struct channel *channel = arg;
    channel->timer = NULL;
    calling_note_reach(channel->caller, false);
    fail(channel, FEP_REASON_LINK_DOWN, "no connection within the time allowed");
}

static void
dial(struct channel *channel)
{
    struct caller *caller = channel->caller;
    const struct fep_host *host = caller->host;
    channel->fd = tcp_connect(&caller->address);
    if (channel->fd < 0) {
        struct errand *errand = channel->errand;
        calling_note_reach(caller, false);
        channel->errand = NULL;
        errand->channel = NULL;
        errand_lose(caller, errand, FEP_REASON_LINK_DOWN, strerror(errno));
        return;
    }
    channel->state = CHANNEL_CONNECTING;
    channel->in = malloc(FIRST_ROOM);
    channel->in_room = FIRST_ROOM;
    channel->watch = host->watch_descriptor(host->self, channel->fd, FEP_WRITABLE, on_ready, channel);
    if (channel->watch == NULL || channel->in == NULL) {
        fail(channel, FEP_REASON_LINK_DOWN, "no memory for a connection");
        return;
    }
    channel->timer = host->set_timer(host->self, caller->connect_ms, on_connect_time, channel);
}

static void
on_connected(struct channel *channel)
{
    int failed = tcp_connect_result(channel->fd);
    calling_note_reach(channel->caller, failed == 0);
    if (failed != 0)
        fail(channel, FEP_REASON_LINK_DOWN, strerror(failed));
    else if (channel->errand != NULL)
        send_errand(channel);
    else
        rest(channel);
    errand_pump(channel->caller);
}

void
channel_probe(struct caller *caller)
{
    const struct fep_host *host = caller->host;
    struct channel *channel = &caller->channels[0];
    for (size_t i = 1; channel->state != CHANNEL_DOWN && i < caller->channel_count; i++)
        channel = &caller->channels[i];
    if (channel->state != CHANNEL_DOWN)
        return;
    channel->fd = tcp_connect(&caller->address);
    channel->in = channel->fd >= 0 ? malloc(FIRST_ROOM) : NULL;
    channel->in_room = FIRST_ROOM;
    channel->watch = channel->in != NULL
                         ? host->watch_descriptor(host->self, channel->fd, FEP_WRITABLE, on_ready, channel)
                         : NULL;
    if (channel->watch == NULL) {
        channel_drop(channel);
        return;
    }
    channel->state = CHANNEL_CONNECTING;
    channel->timer = host->set_timer(host->self, caller->connect_ms, on_connect_time, channel);
}

void
channel_take(struct caller *caller, struct errand *errand)
{
    struct channel *found = NULL;
    size_t free_channels = 0;
    for (size_t i = 0; i < caller->channel_count; i++) {
        struct channel *channel = &caller->channels[i];
        if (channel->errand != NULL || channel->state == CHANNEL_BUSY)
            continue;
        free_channels++;
        /* The one that is connected, or nearly so, before one that is not. */
        if (found == NULL || channel->state > found->state)
            found = channel;
    }
    /* The last one is for what undoes, and for our own business: these never wait for a request that hangs.
     */
    bool waits = errand->kind == ERRAND_CALL && errand->operation == FEP_OP_SUBMIT;
    if (found == NULL || (waits && free_channels < 2 && caller->channel_count > 1))
        return;
    unsigned char byte;
    if (found->state == CHANNEL_IDLE && tcp_peek(found->fd, &byte) != -1)
        channel_drop(found); /* ended, or spoiled by a byte that nobody asked for */
    found->errand = errand;
    errand->channel = found;
    errand->state = ERRAND_PLACED;
    if (found->state == CHANNEL_DOWN)
        dial(found);
    else if (found->state == CHANNEL_IDLE)
        send_errand(found);
}

/* --- reading --- */

static void
take_line(struct channel *channel, size_t end)
{
    struct caller *caller = channel->caller;
    struct errand *errand = channel->errand;
    struct fep_error error = {0};
    bool whole = errand->written == errand->line_size, alone = end == channel->in_size;
    if (!whole) {
        fail(channel, FEP_REASON_PROTOCOL, "an answer before the request had left");
        return;
    }
    /* The line stays readable while it is taken, whatever becomes of the channel. What it sets free goes out
     * afterwards, when this channel is free too. */
    unsigned char *line = channel->in;
    channel->in = malloc(FIRST_ROOM);
    channel->in_room = FIRST_ROOM;
    caller->pumping = true;
    set_error(&error, 0, 9001, "no memory for an answer");
    bool taken =
        channel->in != NULL && reply_take(caller, errand, line, end - caret_line_end(&caller->codec), &error);
    caller->pumping = false;
    free(line);
    if (!taken) {
        fail(channel, FEP_REASON_MALFORMED, error.text);
        return;
    }
    calling_note_answer(caller);
    if (alone)
        rest(channel);
    else
        channel_drop(channel); /* more than was asked for: who knows what comes next */
    errand_pump(caller);
}

static void
read_more(struct channel *channel)
{
    struct caller *caller = channel->caller;
    size_t most = caller->codec.max_line;
    if (channel->in_size == channel->in_room) {
        size_t room = channel->in_room * 2 < most ? channel->in_room * 2 : most;
        unsigned char *more = room > channel->in_room ? realloc(channel->in, room) : NULL;
        if (more == NULL) {
            fail(channel, FEP_REASON_BOUND, "an answer is longer than allowed");
            return;
        }
        channel->in = more;
        channel->in_room = room;
    }
    long got = tcp_read(channel->fd, channel->in + channel->in_size, channel->in_room - channel->in_size);
    if (got == -1)
        return;
    if (got <= 0) {
        fail(channel, FEP_REASON_PEER_CLOSED,
             got < 0                ? "the connection broke"
             : channel->in_size > 0 ? "closed in the middle of an answer"
                                    : "closed without an answer");
        return;
    }
    channel->in_size += (size_t)got;
    size_t end = caret_find_line(&caller->codec, channel->in, channel->in_size, channel->searched);
    if (end == SIZE_MAX)
        fail(channel, FEP_REASON_PROTOCOL, "an answer that is not one line");
    else if (end == 0)
        channel->searched = channel->in_size - 1;
    else
        take_line(channel, end);
}

static void
on_ready(void *arg, uint32_t events)
{
    struct channel *channel = arg;
    if (channel->state == CHANNEL_CONNECTING) {
        on_connected(channel);
        return;
    }
    if (channel->state == CHANNEL_IDLE) {
        channel_drop(channel); /* its end, or bytes that nobody asked for */
        return;
    }
    if ((events & FEP_READABLE) != 0)
        read_more(channel);
    if ((events & FEP_WRITABLE) != 0 && channel->state == CHANNEL_BUSY && channel->errand != NULL &&
        channel->errand->written < channel->errand->line_size)
        write_more(channel);
}
