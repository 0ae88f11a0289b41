/* Beginning and ending a peer's sessions. Responsible for both ends agreeing on which session they are in,
 * however many HELLOs, WELCOMEs and leftovers of earlier sessions arrive and in whatever order. Must never
 * begin one with a peer that session_judge shuts out. What does not fit is dropped; the worst that can come
 * of it is one more HELLO.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "session.h"

#define NUDGE_MS   1000 /* a peer that thinks it has a session is told so at most this often */
#define SUSPECT_MS 500

struct session {
    struct session_config config;
    char node[NODE_SIZE], expected_node[NODE_SIZE];
    struct peer *peer;
    peer_send_fn *send;
    void *arg;
    struct session_marks marks;
    /* A session's tag is made of both sides' parts, so that neither can be in one that the other has left. */
    uint32_t asked;    /* the dialling side's part, in its HELLO: of the session that is up or wanted */
    uint32_t answered; /* the listening side's part, in its WELCOME: a new one for each session */
    uint32_t tag;
    int64_t hello_due_ms, nudge_due_ms;
    uint32_t suspect; /* the number in a HELLO that came with less than the session that is up */
    int64_t suspect_since_ms;
    int has_theirs;
    struct frame_hello theirs;
    uint64_t reported_sequence; /* of theirs, when SESSION_MARK_MOVED was last said */
    enum session_verdict verdict;
    char refusal[256];
};

struct session *
session_create(const struct session_config *config, struct peer *peer, peer_send_fn *send, void *arg)
{
    struct session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return NULL;
    session->config = *config;
    memcpy(session->node, config->node, strnlen(config->node, NODE_SIZE - 1));
    if (config->expected_node != NULL)
        memcpy(session->expected_node, config->expected_node, strnlen(config->expected_node, NODE_SIZE - 1));
    if (session->config.hello_ms == 0)
        session->config.hello_ms = 1000;
    if (session->config.refused_ms == 0)
        session->config.refused_ms = 30000;
    session->peer = peer;
    session->send = send;
    session->arg = arg;
    session->asked = config->dials ? config->first_tag : 0;
    session->answered = config->dials ? 0 : config->first_tag;
    return session;
}

void
session_destroy(struct session *session)
{
    free(session);
}

/* --- telling --- */

static void
fill_own(const struct session *session, struct frame_hello *hello)
{
    memset(hello, 0, sizeof *hello);
    memcpy(hello->node, session->node, NODE_SIZE);
    hello->incarnation = session->marks.own_incarnation;
    hello->commit_sequence = session->marks.own_commit_sequence;
    hello->seen_incarnation = session->marks.their_incarnation;
    hello->seen_commit_sequence = session->marks.their_commit_sequence;
    hello->window = PEER_WINDOW_MAX;
    hello->version_min = FRAME_VERSION;
    hello->version_max = FRAME_VERSION;
}

static void
send_frame(struct session *session, const struct frame *frame)
{
    unsigned char bytes[512];
    size_t size = frame_encode(frame, bytes, sizeof bytes, NULL);

    if (size > 0)
        session->send(session->arg, bytes, size);
}

static void
send_hello(struct session *session, enum frame_kind kind, int64_t wall_ms)
{
    struct frame frame = {.kind = kind, .sections = FRAME_HAS_HELLO, .epoch = session->asked};

    if (kind == FRAME_WELCOME)
        frame.sequence = session->answered;
    fill_own(session, &frame.hello);
    frame.hello.wall_ms = wall_ms;
    send_frame(session, &frame);
}

static void
send_text(struct session *session, enum frame_kind kind, uint32_t tag, const char *text)
{
    struct frame frame = {.kind = kind, .sections = FRAME_HAS_TEXT, .epoch = tag};

    memcpy(frame.text, text, strnlen(text, sizeof frame.text - 1));
    send_frame(session, &frame);
}

void
session_set_marks(struct session *session, const struct session_marks *marks)
{
    struct session_marks before = session->marks;

    session->marks = *marks;
    /* What was heard since the store was last written is not forgotten. */
    if (before.their_incarnation > marks->their_incarnation ||
        (before.their_incarnation == marks->their_incarnation &&
         before.their_commit_sequence > marks->their_commit_sequence)) {
        session->marks.their_incarnation = before.their_incarnation;
        session->marks.their_commit_sequence = before.their_commit_sequence;
    }
}

void
session_set_own(struct session *session, uint64_t incarnation, uint64_t commit_sequence)
{
    session->marks.own_incarnation = incarnation;
    session->marks.own_commit_sequence = commit_sequence;
}

/* --- beginning and ending --- */

static int
begin(struct session *session, const struct frame_hello *theirs, int64_t now_ms, int64_t wall_ms)
{
    struct frame_hello own;
    int what = SESSION_CAME_UP | SESSION_MARK_MOVED;

    if (peer_is_up(session->peer)) {
        peer_end_session(session->peer);
        what |= SESSION_WENT_DOWN;
    }
    session->tag = session->asked + session->answered;
    session->theirs = *theirs;
    session->has_theirs = 1;
    session->reported_sequence = theirs->commit_sequence;
    session->marks.their_incarnation = theirs->incarnation;
    session->marks.their_commit_sequence = theirs->commit_sequence;
    session->suspect_since_ms = 0;
    session->verdict = SESSION_GOOD;
    session->refusal[0] = '\0';
    fill_own(session, &own);
    peer_set_own(session->peer, &own, wall_ms - now_ms);
    peer_set_session_tag(session->peer, session->tag);
    peer_limit_window(session->peer, theirs->window);
    peer_begin_session(session->peer, now_ms);
    return what;
}

/* The session that was up is over. The dialling side's next HELLO asks for one with another tag, so that
 * leftovers of this one are told apart. */
static int
went_down(struct session *session)
{
    int what = SESSION_WENT_DOWN;

    if (session->theirs.commit_sequence > session->reported_sequence)
        what |= SESSION_MARK_MOVED;
    session->reported_sequence = session->theirs.commit_sequence;
    if (session->config.dials)
        session->asked++;
    session->hello_due_ms = 0;
    return what;
}

static int
end(struct session *session)
{
    if (!peer_is_up(session->peer))
        return 0;
    peer_end_session(session->peer);
    return went_down(session);
}

int
session_end(struct session *session, const char *why)
{
    if (!peer_is_up(session->peer))
        return 0;
    send_text(session, FRAME_BYE, session->tag, why != NULL ? why : "");
    return end(session);
}

/* Keeps a refusal. Returns SESSION_WAS_REFUSED if it is news. */
static int
keep_refusal(struct session *session, enum session_verdict verdict, const char *text)
{
    int news = session->refusal[0] == '\0' || verdict != session->verdict;

    session->verdict = verdict;
    memset(session->refusal, 0, sizeof session->refusal);
    memcpy(session->refusal, text, strnlen(text, sizeof session->refusal - 1));
    if (session->refusal[0] == '\0')
        strcpy(session->refusal, "refused without a reason");
    return news ? SESSION_WAS_REFUSED : 0;
}

static int
shut_out(struct session *session, enum session_verdict verdict, const struct frame *frame, int64_t now_ms,
         const struct fep_error *error)
{
    int what = end(session);

    send_text(session, FRAME_REFUSE, frame->epoch, error->text);
    session->hello_due_ms = now_ms + session->config.refused_ms;
    return what | keep_refusal(session, verdict, error->text);
}

/* --- receiving --- */

/* While a session is up, a HELLO that comes with less may be a leftover of the process that went before. One
 * that is alive says it again. */
static bool
may_be_leftover(struct session *session, const struct frame *frame, int64_t now_ms)
{
    if (!peer_is_up(session->peer))
        return false;
    if (session->suspect != frame->epoch || session->suspect_since_ms == 0) {
        session->suspect = frame->epoch;
        session->suspect_since_ms = now_ms;
    }
    return now_ms - session->suspect_since_ms < SUSPECT_MS;
}

/* HELLO at the listening side, WELCOME at the dialling one. */
static int
on_hello(struct session *session, const struct frame *frame, int64_t now_ms, int64_t wall_ms,
         struct fep_error *error)
{
    struct fep_error own_error, *reason = error != NULL ? error : &own_error;
    enum session_verdict verdict;
    int what;

    if (session->config.dials != (frame->kind == FRAME_WELCOME))
        return 0;
    if (session->config.dials && frame->epoch != session->asked)
        return 0; /* the answer to a HELLO of an earlier session */
    if (peer_is_up(session->peer) && frame->epoch == session->asked) {
        if (!session->config.dials)
            send_hello(session, FRAME_WELCOME, wall_ms);
        return 0;
    }
    error_clear(reason);
    verdict = session_judge(&frame->hello, &session->marks, session->expected_node, reason);
    if (verdict == SESSION_FORK_THEIRS && may_be_leftover(session, frame, now_ms))
        return 0;
    if (verdict > SESSION_RESTORED)
        return shut_out(session, verdict, frame, now_ms, reason);
    if (session->config.dials) {
        session->answered = (uint32_t)frame->sequence;
    } else {
        session->asked = frame->epoch;
        session->answered++;
        /* leaves before the first numbered frame, so that the other side knows the session by then */
        send_hello(session, FRAME_WELCOME, wall_ms);
    }
    int replaced = peer_is_up(session->peer) ? SESSION_WENT_DOWN : 0;
    if (verdict == SESSION_RESTORED) { /* before the first frame of the new session leaves */
        peer_end_session(session->peer);
        peer_drop_updates(session->peer);
    }
    what = begin(session, &frame->hello, now_ms, wall_ms) | replaced;
    session->verdict = verdict;
    return what;
}

static int
on_refuse(struct session *session, const struct frame *frame, int64_t now_ms, struct fep_error *error)
{
    int what;

    if (frame->epoch != session->asked)
        return 0;
    what = end(session);
    session->hello_due_ms = now_ms + session->config.refused_ms;
    error_set(error, 0, FEP_E_LINK_DOWN, "peer %s refuses: %s", peer_name(session->peer), frame->text);
    return what | keep_refusal(session, SESSION_GOOD, frame->text);
}

/* A frame of a session that we do not have, after our restart for one: say so, rather than let the peer wait
 * until it takes us for dead. */
static void
nudge(struct session *session, const struct frame *frame, int64_t now_ms)
{
    if (session->config.dials || now_ms < session->nudge_due_ms)
        return;
    session->nudge_due_ms = now_ms + NUDGE_MS;
    send_text(session, FRAME_BYE, frame->epoch, "no such session");
}

static int
on_session_frame(struct session *session, struct frame *frame, int64_t now_ms, int64_t wall_ms,
                 peer_acked_fn *fn, void *arg, struct fep_error *error)
{
    struct frame_hello own;
    int beat = frame->kind == FRAME_PING || frame->kind == FRAME_PONG, status;

    if (!peer_is_up(session->peer) || frame->epoch != session->tag) {
        nudge(session, frame, now_ms);
        return 0;
    }
    if (beat) {
        fill_own(session, &own);
        peer_set_own(session->peer, &own, wall_ms - now_ms);
    }
    status = peer_receive(session->peer, frame, now_ms, fn, arg, error);
    if (status < 0) {
        send_text(session, FRAME_BYE, session->tag, "protocol broken");
        return end(session) | SESSION_BROKE;
    }
    if (beat && (frame->sections & FRAME_HAS_HELLO) &&
        frame->hello.incarnation == session->theirs.incarnation &&
        frame->hello.commit_sequence > session->theirs.commit_sequence) {
        session->theirs = frame->hello;
        session->marks.their_commit_sequence = frame->hello.commit_sequence;
    }
    return status > 0 ? SESSION_IS_FOR_CORE : 0;
}

int
session_receive(struct session *session, struct frame *frame, int64_t now_ms, int64_t wall_ms,
                peer_acked_fn *fn, void *arg, struct fep_error *error)
{
    switch (frame->kind) {
    case FRAME_HELLO:
    case FRAME_WELCOME:
        return on_hello(session, frame, now_ms, wall_ms, error);
    case FRAME_REFUSE:
        return on_refuse(session, frame, now_ms, error);
    case FRAME_BYE:
        return frame->epoch == session->tag ? end(session) : 0; /* nothing if none is up */
    default:
        return on_session_frame(session, frame, now_ms, wall_ms, fn, arg, error);
    }
}

/* --- time --- */

int
session_tick(struct session *session, int64_t now_ms, int64_t wall_ms)
{
    struct frame_hello own;
    int what = 0;

    if (peer_is_up(session->peer)) {
        fill_own(session, &own);
        peer_set_own(session->peer, &own, wall_ms - now_ms);
        if (peer_tick(session->peer, now_ms) == 0)
            return 0;
        what = went_down(session);
    }
    if (session->config.dials && now_ms >= session->hello_due_ms) {
        session->hello_due_ms = now_ms + session->config.hello_ms;
        send_hello(session, FRAME_HELLO, wall_ms);
    }
    return what;
}

int64_t
session_next_due(const struct session *session)
{
    if (peer_is_up(session->peer))
        return peer_next_due(session->peer);
    return session->config.dials ? session->hello_due_ms : INT64_MAX;
}

int
session_theirs(const struct session *session, struct frame_hello *theirs)
{
    if (!session->has_theirs)
        return 0;
    *theirs = session->theirs;
    return 1;
}

const char *
session_refusal(const struct session *session, enum session_verdict *verdict)
{
    if (verdict != NULL)
        *verdict = session->verdict;
    return session->refusal;
}

void
session_clear_refusal(struct session *session)
{
    session->verdict = SESSION_GOOD;
    session->refusal[0] = '\0';
    session->marks.their_incarnation = 0;
    session->marks.their_commit_sequence = 0;
    session->hello_due_ms = 0;
}
