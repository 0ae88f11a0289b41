/* One peer link's memory. Responsible for this: every numbered frame handed over here is offered to the peer
 * until the peer says that it has settled it, and nothing is acknowledged before the core has settled it.
 * Must never read a clock or touch a socket. What breaks the protocol fails with an error and changes
 * nothing; a frame that is lost on the way is not a failure, it is sent again.
 */
#include <stdlib.h>

#include "error.h"
#include "frame_layout.h"
#include "peer_queue.h"

#define RESEND_MOST_MS  30000
#define NUMBER_BITS     40
#define NUMBER_MASK     ((UINT64_C(1) << NUMBER_BITS) - 1)
#define ORDINAL_MASK    0xffffffu
#define SMALL_FRAME     256
#define OFFSET_RTT_MOST 1000 /* a slower round trip says too little about the clocks */

enum number_state { NUMBER_UNSEEN = 0, NUMBER_PENDING, NUMBER_SETTLED };

struct peer {
    struct peer_config config;
    char name[NODE_SIZE];
    peer_send_fn *send;
    void *arg;
    bool up;
    uint32_t tag;
    uint32_t ordinal; /* sessions so far: makes references of different sessions differ */
    uint32_t window;  /* of this session */

    /* sending */
    struct peer_queue queue;
    uint64_t next_number;
    int64_t resend_after_ms;

    /* receiving: state of the numbers settled_to + 1 ... settled_to + PEER_WINDOW_MAX */
    uint64_t settled_to;
    bool ack_due;
    uint8_t numbers[PEER_WINDOW_MAX];

    /* liveness */
    int64_t last_heard_ms, last_ping_ms;
    uint64_t ping_number;
    bool has_own, has_theirs;
    struct frame_hello own, theirs;
    int64_t wall_minus_monotonic_ms;

    struct peer_figures figures;
};

struct peer *
peer_create(const struct peer_config *config, peer_send_fn *send, void *arg)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (peer == NULL || peer_queue_init(&peer->queue) != 0) {
        free(peer);
        return NULL;
    }
    peer->config = *config;
    if (config->name != NULL)
        memcpy(peer->name, config->name, strnlen(config->name, NODE_SIZE - 1));
    peer->config.name = peer->name;
    if (peer->config.window == 0)
        peer->config.window = 1000;
    if (peer->config.window > PEER_WINDOW_MAX)
        peer->config.window = PEER_WINDOW_MAX;
    if (peer->config.ping_ms == 0)
        peer->config.ping_ms = 2000;
    if (peer->config.dead_ms == 0)
        peer->config.dead_ms = 7000;
    if (peer->config.resend_ms == 0)
        peer->config.resend_ms = 3000;
    peer->window = peer->config.window;
    peer->send = send;
    peer->arg = arg;
    return peer;
}

void
peer_destroy(struct peer *peer)
{
    if (peer == NULL)
        return;
    peer_queue_finish(&peer->queue);
    free(peer);
}

const char *
peer_name(const struct peer *peer)
{
    return peer->name;
}

void
peer_set_session_tag(struct peer *peer, uint32_t tag)
{
    peer->tag = tag;
}

void
peer_limit_window(struct peer *peer, uint32_t window)
{
    peer->window = window > 0 && window < peer->config.window ? window : peer->config.window;
}

void
peer_set_own(struct peer *peer, const struct frame_hello *own, int64_t wall_minus_monotonic_ms)
{
    peer->own = *own;
    peer->has_own = true;
    peer->wall_minus_monotonic_ms = wall_minus_monotonic_ms;
}

int
peer_read_theirs(const struct peer *peer, struct frame_hello *theirs)
{
    if (!peer->has_theirs)
        return 0;
    *theirs = peer->theirs;
    return 1;
}

int
peer_is_up(const struct peer *peer)
{
    return peer->up;
}

/* --- sending --- */

/* Time left is written into the bytes at each sending and stands nowhere else (rule 9). */
static void
send_kept(struct peer *peer, struct kept_frame *kept, int64_t now_ms)
{
    save_64(kept->bytes + AT_SEQUENCE, kept->sequence);
    save_32(kept->bytes + AT_EPOCH, peer->tag);
    if (kept->deadline_ms != 0) {
        int64_t left = kept->deadline_ms - now_ms;
        save_32(kept->bytes + kept->travel_at + TRAVEL_AT_TIME_LEFT, left <= 0           ? 0
                                                                     : left > UINT32_MAX ? UINT32_MAX
                                                                                         : (uint32_t)left);
    }
    kept->sent_at_ms = now_ms;
    peer->send(peer->arg, kept->bytes, kept->size);
}

static void
fill_window(struct peer *peer, int64_t now_ms)
{
    while (peer->up && peer->queue.first_waiting != NULL && peer->queue.in_flight < peer->window) {
        struct kept_frame *kept = peer->queue.first_waiting;
        kept->sequence = peer->next_number++;
        peer_queue_advance(&peer->queue);
        peer->figures.sent++;
        send_kept(peer, kept, now_ms);
    }
}

static void
send_small(struct peer *peer, const struct frame *frame)
{
    unsigned char bytes[SMALL_FRAME];
    size_t size = frame_encode(frame, bytes, sizeof bytes, NULL);

    if (size > 0)
        peer->send(peer->arg, bytes, size);
}

/* PING and PONG: `sequence` ties a PONG to its PING. */
static void
send_beat(struct peer *peer, enum frame_kind kind, uint64_t sequence, int64_t now_ms)
{
    struct frame frame = {.kind = kind, .sequence = sequence, .epoch = peer->tag};

    if (peer->has_own) {
        frame.sections = FRAME_HAS_HELLO;
        frame.hello = peer->own;
        frame.hello.wall_ms = now_ms + peer->wall_minus_monotonic_ms;
    }
    send_small(peer, &frame);
}

void
peer_begin_session(struct peer *peer, int64_t now_ms)
{
    peer->up = true;
    peer->ordinal = (peer->ordinal + 1) & ORDINAL_MASK;
    peer->next_number = 1;
    peer->resend_after_ms = peer->config.resend_ms;
    peer->settled_to = 0;
    peer->ack_due = false;
    memset(peer->numbers, NUMBER_UNSEEN, sizeof peer->numbers);
    peer->last_heard_ms = now_ms;
    peer->last_ping_ms = now_ms;
    peer->has_theirs = false;
    peer_queue_rewind(&peer->queue);
    fill_window(peer, now_ms);
}

void
peer_end_session(struct peer *peer)
{
    peer->up = false;
    peer->ack_due = false;
    peer->window = peer->config.window;
    peer_queue_rewind(&peer->queue);
}

int
peer_send_numbered(struct peer *peer, const struct frame *frame, int64_t deadline_ms, int64_t now_ms)
{
    if (frame->kind != FRAME_UPDATE && frame->kind != FRAME_OUTCOME && frame->kind != FRAME_REVERSAL)
        return -1;
    if (peer_queue_add(&peer->queue, frame, deadline_ms) < 0)
        return -1;
    fill_window(peer, now_ms);
    return 0;
}

int
peer_send_once(struct peer *peer, const struct frame *frame)
{
    size_t size = frame_size(frame);
    unsigned char *bytes;
    int status = -1;

    if (!peer->up || size > FRAME_MAX_SIZE)
        return -1;
    bytes = malloc(size);
    if (bytes == NULL)
        return -1;
    if (frame_encode(frame, bytes, size, NULL) == size) {
        save_32(bytes + AT_EPOCH, peer->tag);
        peer->send(peer->arg, bytes, size);
        status = 0;
    }
    free(bytes);
    return status;
}

void
peer_drop_updates(struct peer *peer)
{
    struct kept_frame *kept, *others = NULL, **end = &others;
    peer_queue_rewind(&peer->queue);
    while (peer->queue.first != NULL) {
        peer_queue_advance(&peer->queue);
        kept = peer_queue_take(&peer->queue);
        if (kept->what.kind == FRAME_UPDATE) {
            free(kept);
            continue;
        }
        kept->next = NULL;
        *end = kept;
        end = &kept->next;
    }
    while ((kept = others) != NULL) {
        others = kept->next;
        peer_queue_keep(&peer->queue, kept);
    }
}

/* --- receiving --- */

static int
on_ack(struct peer *peer, uint64_t number, int64_t now_ms, peer_acked_fn *fn, void *arg,
       struct fep_error *error)
{
    bool progress = false;

    if (number >= peer->next_number)
        return error_set(error, 0, FEP_E_LINK_SEQUENCE,
                         "peer %s acknowledges number %llu; %llu was the last sent", peer->name,
                         (unsigned long long)number, (unsigned long long)(peer->next_number - 1));
    while (peer->queue.in_flight > 0 && peer->queue.first->sequence <= number) {
        struct kept_frame *kept = peer_queue_take(&peer->queue);
        if (fn != NULL)
            fn(arg, &kept->what);
        free(kept);
        progress = true;
    }
    if (progress) {
        peer->resend_after_ms = peer->config.resend_ms;
        fill_window(peer, now_ms);
    }
    return 0;
}

static void
on_beat(struct peer *peer, const struct frame *frame, int64_t now_ms)
{
    if (frame->sections & FRAME_HAS_HELLO) {
        peer->theirs = frame->hello;
        peer->has_theirs = true;
    }
    if (frame->kind == FRAME_PING) {
        send_beat(peer, FRAME_PONG, frame->sequence, now_ms);
        return;
    }
    int64_t round_trip = now_ms - peer->last_ping_ms;
    if (frame->sequence == peer->ping_number && peer->has_own && (frame->sections & FRAME_HAS_HELLO) &&
        round_trip <= OFFSET_RTT_MOST)
        peer->figures.clock_offset_ms =
            frame->hello.wall_ms + round_trip / 2 - (now_ms + peer->wall_minus_monotonic_ms);
}

static int
on_numbered(struct peer *peer, struct frame *frame, struct fep_error *error)
{
    uint64_t number = frame->sequence;

    if (number == 0 || number > NUMBER_MASK || number > peer->settled_to + PEER_WINDOW_MAX)
        return error_set(error, 0, FEP_E_LINK_SEQUENCE,
                         "peer %s sends number %llu; %llu is settled and %d may be open", peer->name,
                         (unsigned long long)number, (unsigned long long)peer->settled_to, PEER_WINDOW_MAX);
    uint8_t *state = &peer->numbers[number % PEER_WINDOW_MAX];
    if (number <= peer->settled_to) {
        peer->ack_due = true; /* our acknowledgement was lost */
        return 0;
    }
    if (*state == NUMBER_SETTLED)
        return 0;
    if (*state == NUMBER_UNSEEN)
        peer->figures.received++;
    *state = NUMBER_PENDING;
    frame->sequence = (uint64_t)peer->ordinal << NUMBER_BITS | number;
    return 1;
}

int
peer_receive(struct peer *peer, struct frame *frame, int64_t now_ms, peer_acked_fn *fn, void *arg,
             struct fep_error *error)
{
    if (!peer->up || frame->epoch != peer->tag)
        return 0;
    switch (frame->kind) {
    case FRAME_PING:
    case FRAME_PONG:
        on_beat(peer, frame, now_ms);
        break;
    case FRAME_ACK:
        if (on_ack(peer, frame->sequence, now_ms, fn, arg, error) != 0)
            return -1;
        break;
    case FRAME_UPDATE:
    case FRAME_OUTCOME:
    case FRAME_REVERSAL:
        peer->last_heard_ms = now_ms;
        return on_numbered(peer, frame, error);
    case FRAME_QUERY:
    case FRAME_ANSWER:
    case FRAME_RECALL:
    case FRAME_HELD:
        peer->last_heard_ms = now_ms;
        return 1;
    default:
        return error_set(error, 0, FEP_E_MALFORMED_FRAME,
                         "peer %s sends a %s frame, which has no place on this link", peer->name,
                         frame_kind_name(frame->kind));
    }
    peer->last_heard_ms = now_ms;
    return 0;
}

void
peer_settle(struct peer *peer, uint64_t sequence)
{
    uint64_t number = sequence & NUMBER_MASK;

    if (!peer->up || sequence >> NUMBER_BITS != peer->ordinal)
        return;
    if (number <= peer->settled_to || number > peer->settled_to + PEER_WINDOW_MAX)
        return;
    if (peer->numbers[number % PEER_WINDOW_MAX] != NUMBER_PENDING)
        return;
    peer->numbers[number % PEER_WINDOW_MAX] = NUMBER_SETTLED;
    while (peer->numbers[(peer->settled_to + 1) % PEER_WINDOW_MAX] == NUMBER_SETTLED) {
        peer->settled_to++;
        peer->numbers[peer->settled_to % PEER_WINDOW_MAX] = NUMBER_UNSEEN;
        peer->ack_due = true;
    }
}

void
peer_flush(struct peer *peer)
{
    if (!peer->up || !peer->ack_due || peer->settled_to == 0)
        return;
    struct frame frame = {.kind = FRAME_ACK, .sequence = peer->settled_to, .epoch = peer->tag};
    send_small(peer, &frame);
    peer->ack_due = false;
}

/* --- time --- */

static void
resend_overdue(struct peer *peer, int64_t now_ms)
{
    if (peer->queue.in_flight == 0 || now_ms - peer->queue.first->sent_at_ms < peer->resend_after_ms)
        return;
    for (struct kept_frame *kept = peer->queue.first; kept != peer->queue.first_waiting; kept = kept->next) {
        if (now_ms - kept->sent_at_ms < peer->resend_after_ms)
            continue;
        peer->figures.resent++;
        send_kept(peer, kept, now_ms);
    }
    peer->resend_after_ms *= 2;
    if (peer->resend_after_ms > RESEND_MOST_MS)
        peer->resend_after_ms = RESEND_MOST_MS;
}

int
peer_tick(struct peer *peer, int64_t now_ms)
{
    if (!peer->up)
        return 0;
    if (now_ms - peer->last_heard_ms >= peer->config.dead_ms) {
        peer_end_session(peer);
        return 1;
    }
    if (now_ms - peer->last_ping_ms >= peer->config.ping_ms) {
        peer->last_ping_ms = now_ms;
        send_beat(peer, FRAME_PING, ++peer->ping_number, now_ms);
    }
    resend_overdue(peer, now_ms);
    return 0;
}

int64_t
peer_next_due(const struct peer *peer)
{
    int64_t due, resend;

    if (!peer->up)
        return INT64_MAX;
    due = peer->last_heard_ms + peer->config.dead_ms;
    if (peer->last_ping_ms + peer->config.ping_ms < due)
        due = peer->last_ping_ms + peer->config.ping_ms;
    if (peer->queue.in_flight > 0) {
        resend = peer->queue.first->sent_at_ms + peer->resend_after_ms;
        if (resend < due)
            due = resend;
    }
    return due;
}

void
peer_read_figures(const struct peer *peer, struct peer_figures *figures)
{
    *figures = peer->figures;
    figures->unacknowledged = peer->queue.in_flight;
    figures->waiting = peer->queue.count - peer->queue.in_flight;
    figures->last_heard_ms = peer->last_heard_ms;
}
