/* Sessions of one peer link: HELLO, WELCOME, REFUSE, BYE; wraps a struct peer. No socket and no clock. One
 * thread.
 *
 * The dialling side sends HELLO every second until it is answered; the listening side answers each. Both tell
 * who they are, which versions they speak, incarnation and commit sequence, and what they hold of the other
 * (rule 23). A session has a tag, made of a number that the dialling side draws (HELLO) and one that the
 * listening side draws (WELCOME); a HELLO with another number than that of the session that is up means that
 * the peer began anew: the old session ends, a new one begins. A HELLO with the same number is only answered
 * again.
 */
#ifndef FEP_SESSION_H
#define FEP_SESSION_H

#include "peer.h"

/* What we have on record, for judging a HELLO or WELCOME. */
struct session_marks {
    uint64_t own_incarnation, own_commit_sequence; /* ours, as committed */
    uint64_t their_incarnation,
        their_commit_sequence; /* what they told last (store_peer_mark); both 0: never seen */
};

enum session_verdict {
    SESSION_GOOD = 0,
    SESSION_RESTORED,    /* good, and the peer has a new incarnation: it was restored */
    SESSION_FORK_THEIRS, /* they come with less than they had: two of them, or an old copy (rule 23) */
    SESSION_FORK_OURS, /* they hold more of us than we have: we are the old copy; nothing may be sent or taken
                        */
    SESSION_VERSION,   /* no version in common */
    SESSION_NAME       /* not the node that this link is configured for */
};

/* Pure. `expected_node` NULL or empty: any. The error says why, for a verdict that shuts out. */
enum session_verdict session_judge(const struct frame_hello *theirs, const struct session_marks *marks,
                                   const char *expected_node, struct fep_error *error);
const char *session_verdict_name(enum session_verdict verdict);

struct session_config {
    const char *node;          /* our node code */
    const char *expected_node; /* theirs; NULL = any */
    int dials;                 /* 1: we say HELLO; 0: we answer */
    uint32_t first_tag;        /* a random number, so that a restarted process does not reuse a tag */
    uint32_t hello_ms;         /* default 1000 */
    uint32_t refused_ms;       /* pause before HELLO is tried again after a REFUSE, default 30000 */
};

struct session;

/* `peer` stays the caller's and must outlive the session; `send` and `arg` are those of the peer. NULL
 * without memory. */
struct session *session_create(const struct session_config *config, struct peer *peer, peer_send_fn *send,
                               void *arg);
void session_destroy(struct session *session); /* NULL is nothing */

/* What we are and what we have on record of the peer: before the first HELLO. What is told here must be
 * committed. May be called again; what was heard of the peer meanwhile is not lowered. */
void session_set_marks(struct session *session, const struct session_marks *marks);
/* Our own commit sequence went on; told with the next PING (once a turn is often enough). */
void session_set_own(struct session *session, uint64_t incarnation, uint64_t commit_sequence);

enum {                          /* what happened: bits */
       SESSION_IS_FOR_CORE = 1, /* the frame is for the core: as 1 of peer_receive */
       SESSION_CAME_UP = 2,     /* EVENT_PEER_UP is due, after SESSION_WENT_DOWN if that is set too */
       SESSION_WENT_DOWN = 4,
       SESSION_MARK_MOVED =
           8, /* session_theirs is to be written to the store: at the begin and at the end of a session */
       SESSION_WAS_REFUSED =
           16, /* a new refusal, theirs or ours: to be logged and raised; session_refusal says why */
       SESSION_BROKE =
           32 /* the frame broke the protocol: dropped, the error says how; the session has ended too */
};

/* A frame of this peer arrived, of whatever kind. Bits; the error is filled with SESSION_BROKE and
 * SESSION_WAS_REFUSED. fn as in peer_receive. wall_ms is told to the peer; nothing is decided by it. */
int session_receive(struct session *session, struct frame *frame, int64_t now_ms, int64_t wall_ms,
                    peer_acked_fn *fn, void *arg, struct fep_error *error);
/* Timers of session and peer. Bits. */
int session_tick(struct session *session, int64_t now_ms, int64_t wall_ms);
int64_t session_next_due(const struct session *session);
/* An orderly end: BYE is sent. Bits. `why` may be NULL. A dialling side says HELLO again with the next tick.
 */
int session_end(struct session *session, const char *why);

/* What they last told of themselves, in this or the last session. 1, or 0 if nothing yet. */
int session_theirs(const struct session *session, struct frame_hello *theirs);
/* The text and verdict of the refusal in force; empty and SESSION_GOOD if none (theirs comes without a
 * verdict). */
const char *session_refusal(const struct session *session, enum session_verdict *verdict);
/* The operator has decided that this peer is the right one as it is: forget the refusal and what the peer
 * once told (in the store the caller does it), and try again at once. */
void session_clear_refusal(struct session *session);

#endif
