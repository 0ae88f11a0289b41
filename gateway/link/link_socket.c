/* What goes through the ZeroMQ sockets. Responsible for who is at the other end: on the listening socket a
 * message counts as a peer's only if CURVE and ZAP say so. Must never wait, and never pass on a message of a
 * sender it cannot name. A send fails when the peer is not there or its queue is full, which costs nothing,
 * since every frame that counts is kept until it is acknowledged.
 */
#include "link_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "error.h"

#define ANONYMOUS_BYTES 7 /* of a routing id that can be named in hexadecimal within NODE_SIZE */

/* --- names and routing ids --- */

static struct known_peer *
find_peer(const struct link_socket *socket, const char *name)
{
    for (size_t i = 0; i < socket->peer_count; i++) {
        if (strcmp(socket->peers[i].name, name) == 0)
            return &socket->peers[i];
    }
    return NULL;
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Local routing ids: an instance's name as it is, or # and the hexadecimal digits of a generated one. */
static size_t
local_routing_id(const char *name, unsigned char out[NODE_SIZE])
{
    size_t size = strnlen(name, NODE_SIZE);

    if (name[0] != '#') {
        memcpy(out, name, size);
        return size;
    }
    size = (size - 1) / 2;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(name[1 + 2 * i]), low = hex_digit(name[2 + 2 * i]);
        if (high < 0 || low < 0)
            return 0;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return size;
}

/* Names a local sender. Only what ZeroMQ generates begins with a zero byte. */
static int
name_local(const unsigned char *id, size_t size, char from[NODE_SIZE])
{
    if (size > 0 && id[0] == 0 && size <= ANONYMOUS_BYTES) {
        from[0] = '#';
        for (size_t i = 0; i < size; i++)
            snprintf(from + 1 + 2 * i, 3, "%02x", id[i]);
        return 0;
    }
    if (size == 0 || size >= NODE_SIZE || id[0] == '#')
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (id[i] <= ' ' || id[i] >= 0x7f)
            return -1;
    }
    memcpy(from, id, size);
    from[size] = '\0';
    return 0;
}

/* Names a peer by its key. Its routing id must be that name, a slash and something; replies go there from now
 * on. */
static int
name_peer(struct link_socket *socket, const unsigned char *id, size_t size, zmq_msg_t *part,
          char from[NODE_SIZE], struct fep_error *error)
{
    const char *user = zmq_msg_gets(part, "User-Id");
    struct known_peer *peer = user != NULL ? find_peer(socket, user) : NULL;
    size_t name_size;

    if (peer == NULL)
        return error_set(error, 0, FEP_E_UNKNOWN_PEER_KEY, "a message came without a known key");
    name_size = strlen(peer->name);
    if (size <= name_size + 1 || size >= ROUTING_ID_SIZE || memcmp(id, peer->name, name_size) != 0 ||
        id[name_size] != '/')
        return error_set(error, 0, FEP_E_PEER_NAME,
                         "the holder of the key of %s calls himself something else", peer->name);
    if (strlen(peer->routing_id) != size || memcmp(peer->routing_id, id, size) != 0) {
        for (size_t i = 0; i < size; i++) {
            if (id[i] <= ' ' || id[i] >= 0x7f)
                return error_set(error, 0, FEP_E_PEER_NAME, "the routing id of %s is not text", peer->name);
        }
        memcpy(peer->routing_id, id, size);
        peer->routing_id[size] = '\0';
    }
    memcpy(from, peer->name, NODE_SIZE);
    return 0;
}

/* --- sending --- */

static int
refuse_send(const struct link_socket *socket, const char *to, struct fep_error *error)
{
    bool full = errno == EAGAIN;

    return error_set(error, FEP_NOT_SENT, FEP_E_LINK_DOWN, "link %.100s%s%.15s: %s", socket->endpoint,
                     to != NULL ? " to " : "", to != NULL ? to : "",
                     full ? "not connected, or its queue is full" : zmq_strerror(errno));
}

static int
send_routing_id(struct link_socket *socket, const char *to, struct fep_error *error)
{
    unsigned char local[NODE_SIZE];
    const void *id = local;
    size_t size;

    if (socket->type == LINK_LISTENING) {
        const struct known_peer *peer = find_peer(socket, to);
        size = peer != NULL ? strlen(peer->routing_id) : 0;
        id = peer != NULL ? peer->routing_id : NULL;
    } else {
        size = local_routing_id(to, local);
    }
    errno = EHOSTUNREACH;
    if (size == 0 || zmq_send(socket->zmq, id, size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return refuse_send(socket, to, error);
    return 0;
}

int
link_send(struct link_socket *socket, const char *to, const unsigned char *data, size_t size,
          struct fep_error *error)
{
    bool router = link_is_router(socket);

    /* libzmq would take it, and the receiver would cut the connection without a word */
    if (size > FRAME_MAX_SIZE)
        return error_set(error, FEP_NOT_SENT, FEP_E_OVERSIZE, "a message of %zu bytes; at most %u", size,
                         FRAME_MAX_SIZE);
    if (router && send_routing_id(socket, to, error) != 0)
        return -1;
    if (zmq_send(socket->zmq, data, size, ZMQ_DONTWAIT) < 0)
        return refuse_send(socket, router ? to : NULL, error);
    return 0;
}

/* --- receiving --- */

static void
release_message(void *arg)
{
    zmq_msg_t *message = arg;

    zmq_msg_close(message);
    free(message);
}

static void
drop_rest(void *zmq)
{
    zmq_msg_t rest;
    int more = 1;
    size_t size = sizeof more;

    zmq_msg_init(&rest);
    while (zmq_getsockopt(zmq, ZMQ_RCVMORE, &more, &size) == 0 && more &&
           zmq_msg_recv(&rest, zmq, ZMQ_DONTWAIT) >= 0)
        continue;
    zmq_msg_close(&rest);
}

/* The routing id of a ROUTER's message. 1; 0 nothing there; negative: a message without a body, dropped. */
static int
receive_routing_id(struct link_socket *socket, unsigned char id[256], size_t *size, struct fep_error *error)
{
    int got = zmq_recv(socket->zmq, id, 256, ZMQ_DONTWAIT), more = 0;
    size_t more_size = sizeof more;

    if (got < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : error_set(error, 0, FEP_E_SYSTEM, "%s", zmq_strerror(errno));
    *size = (size_t)got;
    if (zmq_getsockopt(socket->zmq, ZMQ_RCVMORE, &more, &more_size) != 0 || !more) {
        socket->dropped++;
        return error_set(error, 0, FEP_E_MALFORMED_FRAME, "a message without a body");
    }
    return 1;
}

static int
take_part(struct link_socket *socket, zmq_msg_t *part, struct slice *whole, struct fep_error *error)
{
    struct buffer *buffer = buffer_wrap(zmq_msg_data(part), zmq_msg_size(part), release_message, part);

    if (buffer == NULL) {
        socket->dropped++;
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a received message");
    }
    *whole = slice_of(buffer);
    return 1;
}

int
link_receive(struct link_socket *socket, char from[NODE_SIZE], struct slice *whole, struct fep_error *error)
{
    bool router = link_is_router(socket);
    unsigned char id[256];
    size_t id_size = 0;
    zmq_msg_t *part;
    int status = -1;

    memset(from, 0, NODE_SIZE);
    *whole = SLICE_NONE;
    part = malloc(sizeof *part);
    if (part == NULL)
        return 0; /* without memory the message stays in ZeroMQ's queue, and its sender repeats what counts */
    zmq_msg_init(part);
    if (router) {
        status = receive_routing_id(socket, id, &id_size, error);
        if (status <= 0)
            goto drop_part;
    }
    if (zmq_msg_recv(part, socket->zmq, ZMQ_DONTWAIT) < 0) {
        status = errno == EAGAIN || errno == EINTR
                     ? 0
                     : error_set(error, 0, FEP_E_SYSTEM, "%s", zmq_strerror(errno));
        goto drop_part;
    }
    if (zmq_msg_more(part)) {
        drop_rest(socket->zmq);
        socket->dropped++;
        status = error_set(error, 0, FEP_E_MALFORMED_FRAME, "a message of more than one part");
        goto drop_part;
    }
    status = 0;
    if (socket->type == LINK_LISTENING)
        status = name_peer(socket, id, id_size, part, from, error);
    else if (router && name_local(id, id_size, from) != 0)
        status = error_set(error, 0, FEP_E_PEER_NAME, "a local sender has a name that cannot be used");
    if (status != 0) {
        socket->dropped++;
        goto drop_part;
    }
    status = take_part(socket, part, whole, error);
    if (status > 0)
        return status;

drop_part:
    release_message(part);
    return status;
}
