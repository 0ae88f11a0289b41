/* Links to peers: sockets and sessions in, core events out. The peer of a frame is the one its key belongs
 * to, never the one it claims. A frame that breaks the protocol costs its session, never the process. */
#include "router.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "outcome_codec.h"

enum { RECEIVE_BUDGET = 512, MARKS_MS = 500 };

struct router_peer *
router_find_peer(struct router *router, const char *name)
{
    for (size_t i = 0; i < router->peer_count; i++)
        if (strcmp(router->peers[i].conf->name, name) == 0)
            return &router->peers[i];
    return NULL;
}

/* Lost frames are no failure here: numbered ones are sent again, the others have deadlines. */
static void
send_bytes(void *arg, const unsigned char *data, size_t size)
{
    struct router_peer *peer = arg;
    struct link_socket *socket = peer->socket != NULL ? peer->socket : peer->router->listen;
    (void)link_send(socket, peer->conf->name, data, size, NULL);
}

static void
on_acked(void *arg, const struct peer_acked *acked)
{
    struct router_peer *peer = arg;
    struct core_event event = {.type = EVENT_ACKED,
                               .from = peer->conf->name,
                               .header.key = acked->key,
                               .reference = acked->reference};
    event.travel.attempt = acked->attempt;
    event.acked = acked->kind == FRAME_UPDATE    ? ACKED_UPDATE
                  : acked->kind == FRAME_OUTCOME ? ACKED_OUTCOME
                                                 : ACKED_REVERSAL;
    router_step(peer->router, &event);
}

static void
pass_to_core(struct router_peer *peer, const struct frame *frame)
{
    static const struct {
        enum frame_kind kind;
        enum event_type type;
    } types[] = {{FRAME_UPDATE, EVENT_UPDATE},
                 {FRAME_OUTCOME, EVENT_OUTCOME},
                 {FRAME_REVERSAL, EVENT_REVERSAL},
                 {FRAME_QUERY, EVENT_QUERY},
                 {FRAME_ANSWER, EVENT_ANSWER}};
    struct core_event event = {.from = peer->conf->name,
                               .reference = frame->sequence,
                               .header = frame->header,
                               .travel = frame->travel,
                               .index = frame->index,
                               .body = frame->body};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].kind == frame->kind)
            event.type = types[i].type;
    outcome_from_frame(frame, &event.outcome);
    router_step(peer->router, &event);
}

static void
announce_down(struct router_peer *peer, const char *reason)
{
    struct peer_figures figures;
    peer_read_figures(peer->peer, &figures);
    peer->down_since_ms = router_now(peer->router);
    log_line(
        LOG_EVENT_LINK_DOWN, LOG_SEV_WARNING, LOG_T("peer", peer->conf->name), LOG_T("reason", reason),
        LOG_N("silent_ms", figures.last_heard_ms == 0 ? -1 : peer->down_since_ms - figures.last_heard_ms),
        LOG_N("waiting", figures.unacknowledged + figures.waiting));
    struct core_event event = {.type = EVENT_PEER_DOWN, .from = peer->conf->name};
    router_step(peer->router, &event);
}

static void
announce_up(struct router_peer *peer)
{
    struct frame_hello theirs = {0};
    struct peer_figures figures;
    (void)session_theirs(peer->session, &theirs);
    peer_read_figures(peer->peer, &figures);
    log_line(LOG_EVENT_LINK_UP, LOG_SEV_NOTICE, LOG_T("peer", peer->conf->name),
             LOG_N("version", theirs.version_max), LOG_N("incarnation", theirs.incarnation),
             LOG_N("sequence", theirs.commit_sequence), LOG_N("offset_ms", figures.clock_offset_ms),
             LOG_N("down_ms", router_now(peer->router) - peer->down_since_ms));
    enum session_verdict verdict;
    (void)session_refusal(peer->session, &verdict);
    struct core_event event = {
        .type = EVENT_PEER_UP, .from = peer->conf->name, .flag = verdict == SESSION_RESTORED};
    router_step(peer->router, &event);
}

/* What a peer has told of itself is kept, so that an old copy of it is recognised when it comes back (rule
 * 23). */
static void
keep_mark(struct router_peer *peer)
{
    struct frame_hello theirs;
    struct store_peer_mark mark = {0};
    struct fep_error error = {0};
    if (!session_theirs(peer->session, &theirs))
        return;
    snprintf(mark.name, sizeof mark.name, "%s", peer->conf->name);
    mark.incarnation = theirs.incarnation;
    mark.commit_sequence = theirs.commit_sequence;
    if (store_write_peer_mark(peer->router->store, &mark, &error) != 0)
        log_line(LOG_EVENT_ALARM, LOG_SEV_ERROR, LOG_N("code", error.code), LOG_T("from", peer->conf->name),
                 LOG_S(error.text));
}

static void
tell_marks(struct router_peer *peer)
{
    struct store_identity own;
    struct store_peer_mark theirs = {0};
    store_read_identity(peer->router->store, &own);
    (void)store_read_peer_mark(peer->router->store, peer->conf->name, &theirs);
    struct session_marks marks = {.own_incarnation = own.incarnation,
                                  .own_commit_sequence = own.commit_sequence,
                                  .their_incarnation = theirs.incarnation,
                                  .their_commit_sequence = theirs.commit_sequence};
    session_set_marks(peer->session, &marks);
}

/* Down is told before up: a session that was replaced did both at once. */
static void
follow_up(struct router_peer *peer, int happened, const struct fep_error *error)
{
    if (happened & SESSION_WAS_REFUSED) {
        enum session_verdict verdict;
        const char *why = session_refusal(peer->session, &verdict);
        log_line(LOG_EVENT_LINK_REFUSED, LOG_SEV_ERROR, LOG_T("peer", peer->conf->name),
                 LOG_N("code", error->code), LOG_T("reason", session_verdict_name(verdict)), LOG_S(why));
    }
    if (happened & SESSION_BROKE) {
        peer->router->frames_refused++;
        log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("peer", peer->conf->name),
                 LOG_N("code", error->code), LOG_S(error->text));
    }
    if (happened & SESSION_MARK_MOVED)
        keep_mark(peer);
    if (happened & SESSION_WENT_DOWN)
        announce_down(peer, happened & SESSION_BROKE     ? "protocol"
                            : happened & SESSION_CAME_UP ? "replaced"
                                                         : "silent");
    if (happened & SESSION_CAME_UP)
        announce_up(peer);
}

static void
refuse_frame(struct router *router, const char *from, size_t size, const struct fep_error *error)
{
    router->frames_refused++;
    log_line(LOG_EVENT_FRAME_REFUSED, LOG_SEV_WARNING, LOG_T("peer", from), LOG_N("code", error->code),
             LOG_N("size_bytes", size), LOG_S(error->text));
}

static void
on_bytes(struct router *router, const char *from, struct slice whole)
{
    struct router_peer *peer = router_find_peer(router, from);
    struct fep_error error = {0};
    struct frame frame;

    if (peer == NULL)
        return;
    if (frame_decode(&frame, whole, &error) != 0) {
        refuse_frame(router, from, whole.size, &error);
        return;
    }
    int happened = session_receive(peer->session, &frame, router_now(router), clock_wall_ms(router->clock),
                                   on_acked, peer, &error);
    follow_up(peer, happened, &error);
    if ((happened & SESSION_IS_FOR_CORE) && frame.kind == FRAME_RECALL)
        router_on_recall(router, peer, &frame);
    else if ((happened & SESSION_IS_FOR_CORE) && frame.kind == FRAME_HELD)
        router_on_held(router, peer, &frame);
    else if (happened & SESSION_IS_FOR_CORE)
        pass_to_core(peer, &frame);
    frame_release(&frame);
}

static void
drain_socket(struct router *router, struct link_socket *socket, const char *dialled)
{
    for (int i = 0; socket != NULL && i < RECEIVE_BUDGET; i++) {
        char from[NODE_SIZE];
        struct slice whole = SLICE_NONE;
        struct fep_error error = {0};
        int got = link_receive(socket, from, &whole, &error);
        if (got == 0)
            return;
        if (got < 0)
            refuse_frame(router, dialled != NULL ? dialled : "-", 0, &error);
        else
            on_bytes(router, dialled != NULL ? dialled : from, whole);
        slice_release(&whole);
    }
}

void
router_read_peers(struct router *router)
{
    drain_socket(router, router->listen, NULL);
    for (size_t i = 0; i < router->peer_count; i++)
        drain_socket(router, router->peers[i].socket, router->peers[i].conf->name);
}

void
router_tick_peers(struct router *router, int64_t now_ms)
{
    int tell = now_ms >= router->marks_due_ms;
    if (tell)
        router->marks_due_ms = now_ms + MARKS_MS;
    for (size_t i = 0; i < router->peer_count; i++) {
        struct router_peer *peer = &router->peers[i];
        struct fep_error error = {0};
        if (tell)
            tell_marks(peer);
        follow_up(peer, session_tick(peer->session, now_ms, clock_wall_ms(router->clock)), &error);
        peer_flush(peer->peer);
    }
}

int64_t
router_peers_due(const struct router *router)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < router->peer_count; i++)
        if (session_next_due(router->peers[i].session) < due)
            due = session_next_due(router->peers[i].session);
    return due;
}

static int
open_peer(struct router *router, const struct conf_peer *conf, struct fep_error *error)
{
    struct router_peer *peer = &router->peers[router->peer_count++];
    uint32_t tag = 0;

    *peer = (struct router_peer){.router = router, .conf = conf, .down_since_ms = router_now(router)};
    if (RAND_bytes((unsigned char *)&tag, sizeof tag) != 1)
        return error_set(error, 0, FEP_E_SYSTEM, "no random numbers");
    struct peer_config peer_config = {.name = conf->name, .window = conf->window};
    struct session_config session_config = {.node = router->conf->node,
                                            .expected_node = conf->name,
                                            .dials = conf->endpoint[0] != '\0',
                                            .first_tag = tag};
    peer->peer = peer_create(&peer_config, send_bytes, peer);
    if (peer->peer == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for peer %s", conf->name);
    peer->session = session_create(&session_config, peer->peer, send_bytes, peer);
    if (peer->session == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for peer %s", conf->name);
    tell_marks(peer);
    if (conf->endpoint[0] == '\0')
        return 0;
    char key[41];
    if (link_public_key_read(conf->public_key_file, key, error) != 0)
        return -1;
    peer->socket = link_dial(router->links, conf->endpoint, &router->curve, key, router->conf->node, error);
    return peer->socket != NULL ? 0 : error_wrap(error, "dialling peer %s", conf->name);
}

int
router_open_peers(struct router *router, struct fep_error *error)
{
    if (router->conf->listen[0] != '\0') {
        router->listen = link_listen(router->links, router->conf->listen, &router->curve, error);
        if (router->listen == NULL)
            return -1;
    }
    for (size_t i = 0; i < router->conf->peer_count; i++)
        if (open_peer(router, &router->conf->peers[i], error) != 0)
            return -1;
    return 0;
}

void
router_close_peers(struct router *router)
{
    for (size_t i = 0; i < router->peer_count; i++) {
        struct router_peer *peer = &router->peers[i];
        if (peer->session != NULL)
            (void)session_end(peer->session, "stopping");
        session_destroy(peer->session);
        peer_destroy(peer->peer);
        link_close(peer->socket);
    }
    router->peer_count = 0;
    link_close(router->listen);
    router->listen = NULL;
}
