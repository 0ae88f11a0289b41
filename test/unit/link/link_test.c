/* Sockets, sessions and peers together, on real loopback TCP with CURVE: many updates both ways, while each
 * side's socket and memory are thrown away and made anew. Everything arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <zmq.h>

#include "error.h"
#include "link_socket.h"
#include "session.h"

#define MESSAGES    3000
#define BODY_SIZE   2048
#define PATIENCE_MS 60000

struct side {
    const char *node, *other;
    int dials;
    struct link_curve curve;
    struct link_context *context;
    struct link_socket *socket;
    struct peer *peer;
    struct session *session;
    unsigned handed, acked, arrived;
    unsigned char seen[MESSAGES], done[MESSAGES];
};
static struct side sides[2];
static char endpoint[256];
static unsigned char body[BODY_SIZE];

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
send_bytes(void *arg, const unsigned char *data, size_t size)
{
    struct side *side = arg;
    (void)link_send(side->socket, side->other, data, size, NULL); /* what is lost is sent again */
}

static void
open_side(struct side *side, uint32_t tag)
{
    struct peer_config peer_config = {.name = side->other, .window = 200, .resend_ms = 500};
    struct session_config config = {.node = side->node,
                                    .expected_node = side->other,
                                    .dials = side->dials,
                                    .first_tag = tag,
                                    .hello_ms = 50};
    struct session_marks marks = {.own_incarnation = 1, .own_commit_sequence = 1};
    struct fep_error error = {0};
    int64_t end = now_ms() + PATIENCE_MS;

    do { /* the port is free again when ZeroMQ's own thread has closed the old socket */
        side->socket = side->dials ? link_dial(side->context, endpoint, &side->curve,
                                               sides[0].curve.public_key, side->node, &error)
                                   : link_listen(side->context, endpoint, &side->curve, &error);
        if (side->socket == NULL && (error.code != FEP_E_ENDPOINT_IN_USE || now_ms() > end))
            fail_msg("%s", error.text);
    } while (side->socket == NULL);
    snprintf(endpoint, sizeof endpoint, "%s", link_endpoint(side->socket));
    side->peer = peer_create(&peer_config, send_bytes, side);
    assert_non_null(side->peer);
    side->session = session_create(&config, side->peer, send_bytes, side);
    assert_non_null(side->session);
    session_set_marks(side->session, &marks);
}

static void
close_side(struct side *side)
{
    session_destroy(side->session);
    peer_destroy(side->peer);
    link_close(side->socket);
}

static void
hand_over(struct side *side, unsigned number)
{
    struct frame frame = {.kind = FRAME_UPDATE,
                          .sections = FRAME_HAS_HEADER | FRAME_HAS_TRAVEL | FRAME_HAS_BODY,
                          .travel = {.attempt = 1, .hops_left = 8},
                          .body = {NULL, body, sizeof body}};
    frame.header = (struct message_header){.key = {.origin = "450100"},
                                           .infno = "2304",
                                           .transaction_class = CLASS_UPDATE,
                                           .insured_area = "450900",
                                           .day = 20261123};
    snprintf(frame.header.key.msgid, sizeof frame.header.key.msgid, "M%u", number);
    assert_int_equal(peer_send_numbered(side->peer, &frame, now_ms() + 60000, now_ms()), 0);
}

static void
on_acked(void *arg, const struct peer_acked *what)
{
    struct side *side = arg;
    unsigned number = (unsigned)strtoul(what->key.msgid + 1, NULL, 10);
    side->acked += !side->done[number];
    side->done[number] = 1;
}

static void
take(struct side *side, struct slice whole)
{
    struct fep_error error = {0};
    struct frame frame;

    assert_int_equal(frame_decode(&frame, whole, &error), 0);
    int happened = session_receive(side->session, &frame, now_ms(), 1795000000000, on_acked, side, &error);
    if (happened & (SESSION_BROKE | SESSION_WAS_REFUSED))
        fail_msg("%s", error.text);
    if (happened & SESSION_IS_FOR_CORE) {
        unsigned number = (unsigned)strtoul(frame.header.key.msgid + 1, NULL, 10);
        assert_true(number < MESSAGES && frame.body.size == BODY_SIZE);
        assert_memory_equal(frame.body.data, body, BODY_SIZE);
        side->arrived += !side->seen[number];
        side->seen[number] = 1;
        peer_settle(side->peer, frame.sequence);
    }
    frame_release(&frame);
}

static void
turn(void)
{
    zmq_pollitem_t items[2] = {{.socket = link_raw(sides[0].socket), .events = ZMQ_POLLIN},
                               {.socket = link_raw(sides[1].socket), .events = ZMQ_POLLIN}};
    zmq_poll(items, 2, 10);
    for (int i = 0; i < 2; i++) {
        struct side *side = &sides[i];
        char from[NODE_SIZE];
        struct slice whole;
        struct fep_error error;

        for (int room = 256; room > 0 && link_receive(side->socket, from, &whole, &error) > 0; room--) {
            take(side, whole);
            slice_release(&whole);
        }
        (void)session_tick(side->session, now_ms(), 1795000000000);
        peer_flush(side->peer);
    }
}

/* A new process knows from its store what it had not got an acknowledgement for. */
static void
restart(struct side *side, uint32_t tag)
{
    close_side(side);
    open_side(side, tag);
    for (unsigned number = 0; number < side->handed; number++) {
        if (!side->done[number])
            hand_over(side, number);
    }
}

static void
everything_arrives_through_restarts(void **state)
{
    (void)state;
    struct link_peer_key known = {.name = "450100"};
    struct fep_error error = {0};
    int64_t end = now_ms() + PATIENCE_MS;
    unsigned restarts = 0;

    sides[0] = (struct side){.node = "450000", .other = "450100"};
    sides[1] = (struct side){.node = "450100", .other = "450000", .dials = 1};
    strcpy(endpoint, "tcp://127.0.0.1:*");
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (unsigned char)(i * 7);
    for (int i = 0; i < 2; i++)
        assert_int_equal(zmq_curve_keypair(sides[i].curve.public_key, sides[i].curve.secret_key), 0);
    memcpy(known.public_key, sides[1].curve.public_key, 41);
    sides[0].context = link_context_create(&known, 1, &error);
    sides[1].context = link_context_create(NULL, 0, &error);
    open_side(&sides[0], 11);
    open_side(&sides[1], 22);
    while (sides[0].acked + sides[1].acked < 2 * MESSAGES) {
        if (now_ms() > end)
            fail_msg("%u and %u of %d acknowledged", sides[0].acked, sides[1].acked, MESSAGES);
        for (int i = 0; i < 2; i++) {
            for (int many = 0; many < 50 && sides[i].handed < MESSAGES; many++)
                hand_over(&sides[i], sides[i].handed++);
        }
        turn();
        if (restarts < 6 && sides[restarts % 2].acked > (restarts + 1) * MESSAGES / 8) {
            restart(&sides[restarts % 2], 1000 + restarts);
            restarts++;
        }
    }
    assert_int_equal(restarts, 6);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sides[i].arrived, MESSAGES);
    close_side(&sides[0]);
    close_side(&sides[1]);
    link_context_destroy(sides[0].context);
    link_context_destroy(sides[1].context);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives_through_restarts),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
