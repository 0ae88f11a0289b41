/* One peer link's memory: numbering, window, cumulative acknowledgement, resend, liveness. No socket and no
 * clock: the owner passes time and sends what it is told to, so that the simulator can use the same code. One
 * thread.
 *
 * Numbered frames (UPDATE, OUTCOME, REVERSAL) are kept, encoded, until acknowledged; after a reconnect or a
 * silence they are sent again, oldest first. A receiver settles each number when the core says so and
 * acknowledges the highest number below which all are settled, many at a time. Numbers restart with each
 * session (HELLO/WELCOME: session.h, which begins and ends sessions; an owner that uses it calls neither
 * peer_begin_session nor peer_receive itself).
 */
#ifndef FEP_PEER_H
#define FEP_PEER_H

#include "frame.h"

#define PEER_WINDOW_MAX 4096 /* numbers that a receiver can hold unsettled */

struct peer;

struct peer_config {
    const char *name;
    uint32_t window;    /* numbered frames unacknowledged at once, default 1000, at most PEER_WINDOW_MAX; more
                           wait in    the peer, bounded by the core's bounds */
    uint32_t ping_ms;   /* heartbeat, default 2000 */
    uint32_t dead_ms;   /* nothing heard: down, default 7000 */
    uint32_t resend_ms; /* oldest unacknowledged: send again, default 3000, doubling to 30000 */
};

/* What an acknowledged number was: for EVENT_ACKED. */
struct peer_acked {
    uint8_t kind; /* enum frame_kind */
    struct message_key key;
    uint32_t attempt;
    uint64_t reference; /* of the frame, as it was handed over last */
};
typedef void peer_acked_fn(void *arg, const struct peer_acked *acked);

typedef void peer_send_fn(void *arg, const unsigned char *data, size_t size); /* copies */

/* Zeros in `config` mean the defaults. NULL without memory. */
struct peer *peer_create(const struct peer_config *config, peer_send_fn *send, void *arg);
void peer_destroy(struct peer *peer); /* NULL is nothing */
const char *peer_name(const struct peer *peer);

/* Every frame of a session carries its tag in `epoch`; frames with another tag are leftovers of an earlier
 * session and are dropped. 0 until set; set before peer_begin_session. */
void peer_set_session_tag(struct peer *peer, uint32_t tag);
/* The other side takes at most this many at once; lasts for the session. */
void peer_limit_window(struct peer *peer, uint32_t window);
/* What PING and PONG tell about us (node, incarnation, commit sequence, what we hold of the peer), and how
 * far our wall clock is ahead of the monotonic one. Copied; may be called at any time. */
void peer_set_own(struct peer *peer, const struct frame_hello *own, int64_t wall_minus_monotonic_ms);
/* What the peer said of itself in its last PING or PONG of this session. 1, or 0 if it has said nothing. */
int peer_read_theirs(const struct peer *peer, struct frame_hello *theirs);

/* A session begins (HELLO/WELCOME exchanged) or ends. At a begin, receiver numbering restarts and what is
 * unacknowledged is renumbered and sent again. */
void peer_begin_session(struct peer *peer, int64_t now_ms);
void peer_end_session(struct peer *peer);
int peer_is_up(const struct peer *peer);

/* Numbers, keeps and sends (or keeps until the window opens or a session begins). A frame that still waits
 * for its acknowledgement is not kept twice (time left apart). deadline_ms: monotonic deadline of the
 * exchange; time left is written from it at each send and resend (rule 9); 0 = none, time left stays as in
 * the frame. `sequence` and `epoch` are set here. Negative: no memory, or a frame that cannot be encoded;
 * nothing is kept then. */
int peer_send_numbered(struct peer *peer, const struct frame *frame, int64_t deadline_ms, int64_t now_ms);
/* Sends once, not kept (QUERY, ANSWER); negative if the peer is down or the frame cannot be encoded. */
int peer_send_once(struct peer *peer, const struct frame *frame);

/* Between two sessions: forgets the UPDATEs that were not acknowledged. The peer was restored: it may have carried them
 * out and forgotten (schema/restore.md). */
void peer_drop_updates(struct peer *peer);

/* A frame arrived. Returns 1 if it is for the core: the caller passes it on and, for UPDATE, OUTCOME and
 * REVERSAL, later calls peer_settle with frame->sequence, which this call turns into a reference that no
 * other session can use. 0 if it was handled here (PING, PONG, ACK), is a duplicate already settled, or a
 * leftover of an earlier session. Negative if it breaks the protocol (error filled): the owner ends the
 * session. A duplicate that is not settled yet is 1 again: the core joins copies. For an ACK, fn is called
 * for every number newly acknowledged, oldest first; it may send on this peer, but neither begin nor end its
 * session. */
int peer_receive(struct peer *peer, struct frame *frame, int64_t now_ms, peer_acked_fn *fn, void *arg,
                 struct fep_error *error);
/* The core has settled a received frame; an ACK goes out with the next peer_flush. A reference of an earlier
 * session is ignored: its sender has numbered that frame anew and sends it again. */
void peer_settle(struct peer *peer, uint64_t sequence);
void peer_flush(struct peer *peer); /* sends a pending ACK */
/* Timers: PING, resend, death. Returns 1 if the peer was just declared dead (the session is ended then). */
int peer_tick(struct peer *peer, int64_t now_ms);
int64_t peer_next_due(const struct peer *peer); /* INT64_MAX while down */

struct peer_figures {
    uint64_t unacknowledged;         /* sent in this session, not acknowledged */
    uint64_t waiting;                /* kept, not sent in this session */
    uint64_t resent, received, sent; /* numbered frames, since create; `received` without duplicates */
    int64_t clock_offset_ms;         /* their wall clock minus ours, 0 until known */
    int64_t last_heard_ms;           /* monotonic, 0 = never */
};
void peer_read_figures(const struct peer *peer, struct peer_figures *figures);

#endif
