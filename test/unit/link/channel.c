/* See channel.h. */
#include "channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "error.h"
#include "frame_layout.h"

#define WALL_MS INT64_C(1795000000000) /* wall clock at virtual time 0; end 1 is 250 ms ahead */

uint32_t
channel_random(struct channel *channel, uint32_t below)
{
    channel->random ^= channel->random << 13;
    channel->random ^= channel->random >> 7;
    channel->random ^= channel->random << 17;
    return (uint32_t)((channel->random >> 16) % below);
}

static void
put_packet(struct channel *channel, int to, const unsigned char *data, size_t size)
{
    assert_true(channel->packet_count < CHANNEL_ROOM);
    struct packet *packet = &channel->packets[channel->packet_count++];
    int64_t spread = channel->delay_most_ms - channel->delay_least_ms + 1;

    *packet = (struct packet){.to = to, .size = size, .order = channel->order++};
    packet->due_ms = channel->now_ms + channel->delay_least_ms + channel_random(channel, (uint32_t)spread);
    packet->bytes = malloc(size);
    assert_non_null(packet->bytes);
    memcpy(packet->bytes, data, size);
}

static void
send_packet(void *arg, const unsigned char *data, size_t size)
{
    struct channel_end *end = arg;
    struct channel *channel = end->channel;

    if (data[AT_KIND] == FRAME_HELLO) {
        assert_true(size <= sizeof channel->last_hello);
        memcpy(channel->last_hello, data, size);
        channel->last_hello_size = size;
    }
    if (channel->cut || channel_random(channel, 100) < channel->loss_percent)
        return;
    put_packet(channel, !end->self, data, size);
    if (channel_random(channel, 100) < channel->repeat_percent)
        put_packet(channel, !end->self, data, size);
}

static int64_t
wall_ms(const struct channel_end *end)
{
    return WALL_MS + end->channel->now_ms + (end->self ? 250 : 0);
}

static void
start_end(struct channel_end *end)
{
    end->config.first_tag = channel_random(end->channel, UINT32_MAX - 1) + 1;
    end->peer = peer_create(&end->peer_config, send_packet, end);
    end->session = session_create(&end->config, end->peer, send_packet, end);
    assert_non_null(end->peer);
    assert_non_null(end->session);
    session_set_marks(end->session, &end->marks);
}

void
channel_open(struct channel *channel, uint64_t seed)
{
    memset(channel, 0, sizeof *channel);
    channel->random = seed * 0x9e3779b97f4a7c15u + 0x1234567;
    channel->now_ms = 1000;
    channel->delay_least_ms = 1;
    channel->delay_most_ms = 1;
    for (int self = 0; self < 2; self++) {
        struct channel_end *end = &channel->ends[self];
        end->channel = channel;
        end->self = self;
        end->config = (struct session_config){.node = self ? "450000" : "450100",
                                              .expected_node = self ? "450100" : "450000"};
        end->config.dials = !self;
        end->peer_config = (struct peer_config){.name = self ? "450100" : "450000"};
        end->marks = (struct session_marks){.own_incarnation = 1, .own_commit_sequence = self ? 2000 : 1000};
        start_end(end);
    }
}

static void
stop_end(struct channel_end *end)
{
    session_destroy(end->session);
    peer_destroy(end->peer);
}

void
channel_close(struct channel *channel)
{
    stop_end(&channel->ends[0]);
    stop_end(&channel->ends[1]);
    for (size_t i = 0; i < channel->packet_count; i++)
        free(channel->packets[i].bytes);
    channel->packet_count = 0;
}

void
channel_restart(struct channel *channel, int end)
{
    stop_end(&channel->ends[end]);
    start_end(&channel->ends[end]);
}

static void
count_happened(struct channel_end *end, int happened)
{
    struct frame_hello theirs;

    end->downs += (happened & SESSION_WENT_DOWN) != 0;
    end->ups += (happened & SESSION_CAME_UP) != 0;
    end->refusals += (happened & SESSION_WAS_REFUSED) != 0;
    end->broken += (happened & SESSION_BROKE) != 0;
    if (happened & SESSION_MARK_MOVED) { /* as the store would keep it over a restart */
        assert_int_equal(session_theirs(end->session, &theirs), 1);
        end->marks.their_incarnation = theirs.incarnation;
        end->marks.their_commit_sequence = theirs.commit_sequence;
    }
}

static void
deliver(struct channel *channel, struct packet packet)
{
    struct channel_end *end = &channel->ends[packet.to];
    struct slice whole = slice_copy(packet.bytes, packet.size);
    struct fep_error error = {0};
    struct frame frame;
    int happened;

    free(packet.bytes);
    if (frame_decode(&frame, whole, &error) != 0)
        fail_msg("%s", error.text);
    happened =
        session_receive(end->session, &frame, channel->now_ms, wall_ms(end), end->on_acked, end, &error);
    if (happened & (SESSION_WAS_REFUSED | SESSION_BROKE))
        end->error = error;
    count_happened(end, happened);
    if (happened & SESSION_IS_FOR_CORE) {
        if (end->on_frame != NULL)
            end->on_frame(end, &frame);
        else
            peer_settle(end->peer, frame.sequence);
    }
    frame_release(&frame);
    slice_release(&whole);
    peer_flush(end->peer);
}

/* The next packet's place, or packet_count. */
static size_t
next_packet(const struct channel *channel)
{
    size_t best = channel->packet_count;

    for (size_t i = 0; i < channel->packet_count; i++) {
        const struct packet *packet = &channel->packets[i];
        if (best == channel->packet_count || packet->due_ms < channel->packets[best].due_ms ||
            (packet->due_ms == channel->packets[best].due_ms && packet->order < channel->packets[best].order))
            best = i;
    }
    return best;
}

static void
tick(struct channel *channel)
{
    for (int i = 0; i < 2; i++) {
        struct channel_end *end = &channel->ends[i];
        count_happened(end, session_tick(end->session, channel->now_ms, wall_ms(end)));
        peer_flush(end->peer);
    }
}

void
channel_run(struct channel *channel, int64_t until_ms)
{
    while (channel->now_ms < until_ms) {
        size_t next = next_packet(channel);
        int64_t due = until_ms;

        for (int i = 0; i < 2; i++) {
            if (session_next_due(channel->ends[i].session) < due)
                due = session_next_due(channel->ends[i].session);
        }
        if (next < channel->packet_count && channel->packets[next].due_ms <= due) {
            struct packet packet = channel->packets[next];
            channel->packets[next] = channel->packets[--channel->packet_count];
            if (packet.due_ms > channel->now_ms)
                channel->now_ms = packet.due_ms;
            deliver(channel, packet);
            continue;
        }
        channel->now_ms = due > channel->now_ms ? due : channel->now_ms + 1;
        tick(channel);
    }
}

void
channel_repeat_hello(struct channel *channel)
{
    put_packet(channel, 1, channel->last_hello, channel->last_hello_size);
}

void
channel_connect(struct channel *channel)
{
    int64_t end = channel->now_ms + 60000;

    while (!peer_is_up(channel->ends[0].peer) || !peer_is_up(channel->ends[1].peer)) {
        assert_true(channel->now_ms < end);
        channel_run(channel, channel->now_ms + 10);
    }
}

void
channel_frame(struct frame *frame, enum frame_kind kind, unsigned number)
{
    memset(frame, 0, sizeof *frame);
    frame->kind = kind;
    frame->sections = FRAME_HAS_HEADER | FRAME_HAS_TRAVEL;
    frame->header = (struct message_header){.key = {.origin = "450100"},
                                            .infno = "2304",
                                            .transaction_class = CLASS_UPDATE,
                                            .treat_area = "450100",
                                            .insured_area = "450900",
                                            .institution = "H45010000001",
                                            .day = 20261123};
    snprintf(frame->header.key.msgid, sizeof frame->header.key.msgid, "M%u", number);
    frame->travel = (struct travel){.attempt = 1, .hops_left = 8};
    if (kind == FRAME_OUTCOME) {
        frame->sections |= FRAME_HAS_RESULT;
        frame->result = (struct frame_result){.state = STATE_ANSWERED, .kind = FEP_ANSWERED};
    }
}

unsigned
channel_number(const struct message_key *key)
{
    return (unsigned)strtoul(key->msgid + 1, NULL, 10);
}
