/* The ZeroMQ sockets. Responsible for who is at the other end: on the listening socket a message counts as a peer's only
 * if CURVE and ZAP say so. Must never wait, never pass on a message of a sender it cannot name, and never run a link
 * in the clear. Fails at making a socket with what could not be set; later a send fails when the peer is not there or
 * its queue is full, which costs nothing, since every frame that counts is kept until it is acknowledged.
 */
#include "link_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <zmq.h>

#include "error.h"
#include "zap.h"

/* zmq.h hides these behind ZMQ_BUILD_DRAFT_API; the library has them. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define QUEUE_FRAMES      2000 /* per connection and direction; beyond, TCP holds the sender back */
#define RECONNECT_MS      100
#define RECONNECT_MOST_MS 2000
#define CONNECT_MS        3000
#define HANDSHAKE_MS      5000
#define BACKLOG           64
#define CURVE_ROOM        64 /* the size limit is held against the encrypted message, which is 33 bytes longer */
#define ROUTING_ID_SIZE   40 /* name, slash, 16 digits */
#define ANONYMOUS_BYTES   7  /* of a routing id that can be named in hexadecimal within NODE_SIZE */

/* Where a peer's frames go: the routing id of the connection it was last heard on. */
struct known_peer {
    char name[NODE_SIZE];
    char routing_id[ROUTING_ID_SIZE]; /* empty: not heard yet */
};

struct link_context {
    void *zmq;
    struct zap *zap;
    struct link_peer_key *keys;
    size_t key_count;
};

enum link_type { LINK_LISTENING, LINK_DIALLED, LINK_LOCAL_ROUTER, LINK_LOCAL_HOST };

struct link_socket {
    void *zmq;
    enum link_type type;
    int descriptor;
    char endpoint[256];
    struct known_peer *peers; /* listening: one for each key */
    size_t peer_count;
    uint64_t dropped;
};

/* --- context ------------------------------------------------------------------------------------------------------ */

struct link_context *
link_context_create(const struct link_peer_key *keys, size_t count, struct fep_error *error)
{
    struct link_context *context = calloc(1, sizeof *context);

    if (context == NULL)
        goto no_memory;
    context->keys = calloc(count > 0 ? count : 1, sizeof *context->keys);
    if (context->keys == NULL)
        goto no_memory;
    if (count > 0)
        memcpy(context->keys, keys, count * sizeof *keys);
    context->key_count = count;
    if (zmq_has("curve") != 1) {
        error_set(error, 0, FEP_E_LINK_CRYPTO, "this libzmq has no CURVE");
        goto bad;
    }
    context->zmq = zmq_ctx_new();
    if (context->zmq == NULL || zmq_ctx_set(context->zmq, ZMQ_BLOCKY, 0) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "libzmq gives no context: %s", zmq_strerror(errno));
        goto bad;
    }
    context->zap = zap_start(context->zmq, keys, count, error);
    if (context->zap == NULL)
        goto bad;
    return context;

no_memory:
    error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the links");
bad:
    link_context_destroy(context);
    return NULL;
}

void
link_context_destroy(struct link_context *context)
{
    if (context == NULL)
        return;
    if (context->zmq != NULL) {
        zmq_ctx_shutdown(context->zmq); /* ends the handler's thread, which then closes its socket */
        zap_stop(context->zap);
        while (zmq_ctx_term(context->zmq) != 0 && errno == EINTR)
            continue;
    }
    free(context->keys);
    free(context);
}

uint64_t
link_context_refused(const struct link_context *context)
{
    return zap_refused(context->zap);
}

/* --- making sockets ----------------------------------------------------------------------------------------------- */

struct option {
    int option, value;
};

static int
set_options(void *zmq, const struct option *options, size_t count, struct fep_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (zmq_setsockopt(zmq, options[i].option, &options[i].value, sizeof options[i].value) != 0)
            return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq refuses option %d: %s", options[i].option,
                             zmq_strerror(errno));
    }
    return 0;
}

static int
set_common(void *zmq, struct fep_error *error)
{
    /* ZMQ_HEARTBEAT_* stay unset: 4.3.4 aborts when a socket that has them falls behind its queue. */
    static const struct option common[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, QUEUE_FRAMES},
        {ZMQ_RCVHWM, QUEUE_FRAMES},
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_BACKLOG, BACKLOG},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 10},
        {ZMQ_TCP_KEEPALIVE_INTVL, 5},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
    };
    int64_t most = FRAME_MAX_SIZE + CURVE_ROOM;

    if (set_options(zmq, common, sizeof common / sizeof common[0], error) != 0)
        return -1;
    if (zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0)
        return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq refuses a size limit: %s", zmq_strerror(errno));
    return 0;
}

static int
set_router(void *zmq, struct fep_error *error)
{
    static const struct option router[] = {{ZMQ_ROUTER_MANDATORY, 1}, {ZMQ_ROUTER_HANDOVER, 1}};

    return set_options(zmq, router, sizeof router / sizeof router[0], error);
}

static struct link_socket *
create_socket(struct link_context *context, enum link_type type, const char *endpoint, struct fep_error *error)
{
    struct link_socket *socket = calloc(1, sizeof *socket);
    bool router = type == LINK_LISTENING || type == LINK_LOCAL_ROUTER;

    if (socket == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a link");
        return NULL;
    }
    socket->type = type;
    if (strlen(endpoint) >= sizeof socket->endpoint) {
        error_set(error, 0, FEP_E_LINK_CRYPTO, "endpoint is longer than %zu", sizeof socket->endpoint - 1);
        goto bad;
    }
    strcpy(socket->endpoint, endpoint);
    socket->zmq = zmq_socket(context->zmq, router ? ZMQ_ROUTER : ZMQ_DEALER);
    if (socket->zmq == NULL) {
        error_set(error, 0, FEP_E_SYSTEM, "libzmq gives no socket: %s", zmq_strerror(errno));
        goto bad;
    }
    if (set_common(socket->zmq, error) != 0 || (router && set_router(socket->zmq, error) != 0))
        goto bad;
    return socket;

bad:
    error_wrap(error, "link %.200s", endpoint);
    link_close(socket);
    return NULL;
}

/* Binds or connects as the last step; on failure the socket is closed. */
static struct link_socket *
finish_socket(struct link_socket *socket, struct fep_error *error)
{
    size_t size = sizeof socket->descriptor, endpoint_size = sizeof socket->endpoint;
    bool router = socket->type == LINK_LISTENING || socket->type == LINK_LOCAL_ROUTER;

    if ((router ? zmq_bind : zmq_connect)(socket->zmq, socket->endpoint) != 0) {
        error_set(error, 0, errno == EADDRINUSE ? FEP_E_ENDPOINT_IN_USE : FEP_E_LINK_DOWN, "%s: %s",
                  router ? "cannot listen" : "cannot dial", zmq_strerror(errno));
        goto bad;
    }
    if (zmq_getsockopt(socket->zmq, ZMQ_FD, &socket->descriptor, &size) != 0 ||
        (router && zmq_getsockopt(socket->zmq, ZMQ_LAST_ENDPOINT, socket->endpoint, &endpoint_size) != 0)) {
        error_set(error, 0, FEP_E_SYSTEM, "libzmq gives no descriptor: %s", zmq_strerror(errno));
        goto bad;
    }
    return socket;

bad:
    error_wrap(error, "link %.200s", socket->endpoint);
    link_close(socket);
    return NULL;
}

/* libzmq reads 41 characters whatever is there, so the text is checked and decoded here. */
static int
set_key(void *zmq, int option, const char *key, const char *which, struct fep_error *error)
{
    uint8_t bytes[32];
    int status = -1;

    if (strnlen(key, 41) != 40 || zmq_z85_decode(bytes, key) == NULL)
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s is not 40 characters of Z85", which);
    status = zmq_setsockopt(zmq, option, bytes, sizeof bytes);
    explicit_bzero(bytes, sizeof bytes);
    return status == 0 ? 0
                       : error_set(error, 0, FEP_E_KEY_INVALID, "libzmq refuses %s: %s", which, zmq_strerror(errno));
}

static int
set_curve(void *zmq, const struct link_curve *own, struct fep_error *error)
{
    if (set_key(zmq, ZMQ_CURVE_PUBLICKEY, own->public_key, "our public key", error) != 0)
        return -1;
    return set_key(zmq, ZMQ_CURVE_SECRETKEY, own->secret_key, "our secret key", error);
}

static int
set_server(struct link_socket *socket, struct fep_error *error)
{
    static const struct option server[] = {{ZMQ_CURVE_SERVER, 1}, {ZMQ_ZAP_ENFORCE_DOMAIN, 1}};

    if (zmq_setsockopt(socket->zmq, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) != 0)
        return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq refuses our key domain: %s", zmq_strerror(errno));
    return set_options(socket->zmq, server, sizeof server / sizeof server[0], error);
}

struct link_socket *
link_listen(struct link_context *context, const char *endpoint, const struct link_curve *own, struct fep_error *error)
{
    struct link_socket *socket = create_socket(context, LINK_LISTENING, endpoint, error);

    if (socket == NULL)
        return NULL;
    socket->peers = calloc(context->key_count > 0 ? context->key_count : 1, sizeof *socket->peers);
    if (socket->peers == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for %zu peers", context->key_count);
        goto bad;
    }
    socket->peer_count = context->key_count;
    for (size_t i = 0; i < context->key_count; i++)
        memcpy(socket->peers[i].name, context->keys[i].name, NODE_SIZE - 1);
    if (set_server(socket, error) != 0 || set_curve(socket->zmq, own, error) != 0)
        goto bad;
    return finish_socket(socket, error);

bad:
    error_wrap(error, "link %.200s", endpoint);
    link_close(socket);
    return NULL;
}

/* NAME/0123456789abcdef: nobody else can guess it, so nobody can take this connection's place. */
static int
set_routing_id(void *zmq, const char *own_name, struct fep_error *error)
{
    uint64_t random;
    char routing_id[ROUTING_ID_SIZE];
    int size;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return error_set(error, 0, FEP_E_SYSTEM, "no random numbers: %s", strerror(errno));
    size = snprintf(routing_id, sizeof routing_id, "%.15s/%016llx", own_name, (unsigned long long)random);
    if (zmq_setsockopt(zmq, ZMQ_ROUTING_ID, routing_id, (size_t)size) != 0)
        return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq refuses our name: %s", zmq_strerror(errno));
    return 0;
}

struct link_socket *
link_dial(struct link_context *context, const char *endpoint, const struct link_curve *own,
          const char *peer_public_key, const char *own_name, struct fep_error *error)
{
    /* IMMEDIATE: nothing is queued for a connection that does not stand, so that no old frame comes out of it later. */
    static const struct option dialled[] = {{ZMQ_IMMEDIATE, 1}};
    struct link_socket *socket = create_socket(context, LINK_DIALLED, endpoint, error);

    if (socket == NULL)
        return NULL;
    if (set_options(socket->zmq, dialled, 1, error) != 0 || set_routing_id(socket->zmq, own_name, error) != 0 ||
        set_curve(socket->zmq, own, error) != 0 ||
        set_key(socket->zmq, ZMQ_CURVE_SERVERKEY, peer_public_key, "the peer's public key", error) != 0)
        goto bad;
    return finish_socket(socket, error);

bad:
    error_wrap(error, "link %.200s", endpoint);
    link_close(socket);
    return NULL;
}

struct link_socket *
link_bind_local(struct link_context *context, const char *endpoint, struct fep_error *error)
{
    struct link_socket *socket = create_socket(context, LINK_LOCAL_ROUTER, endpoint, error);

    if (socket == NULL)
        return NULL;
    socket = finish_socket(socket, error);
    /* A second guard beside the directory's mode; there is no file to an abstract endpoint (ipc://@name). */
    if (socket != NULL && strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '@' &&
        chmod(endpoint + 6, 0600) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "link %.200s: mode 0600: %s", endpoint, strerror(errno));
        link_close(socket);
        return NULL;
    }
    return socket;
}

struct link_socket *
link_connect_local(struct link_context *context, const char *endpoint, const char *identity, struct fep_error *error)
{
    struct link_socket *socket = create_socket(context, LINK_LOCAL_HOST, endpoint, error);

    if (socket == NULL)
        return NULL;
    if (identity != NULL && (identity[0] == '\0' || strlen(identity) >= NODE_SIZE ||
                             zmq_setsockopt(socket->zmq, ZMQ_ROUTING_ID, identity, strlen(identity)) != 0)) {
        error_set(error, 0, FEP_E_CONFIG_INVALID, "link %.200s: an instance name has 1 to %d characters", endpoint,
                  NODE_SIZE - 1);
        link_close(socket);
        return NULL;
    }
    return finish_socket(socket, error);
}

void
link_close(struct link_socket *socket)
{
    if (socket == NULL)
        return;
    if (socket->zmq != NULL)
        zmq_close(socket->zmq);
    free(socket->peers);
    free(socket);
}

int
link_descriptor(const struct link_socket *socket)
{
    return socket->descriptor;
}

void *
link_raw(const struct link_socket *socket)
{
    return socket->zmq;
}

const char *
link_endpoint(const struct link_socket *socket)
{
    return socket->endpoint;
}

uint64_t
link_dropped(const struct link_socket *socket)
{
    return socket->dropped;
}

/* --- names and routing ids ---------------------------------------------------------------------------------------- */

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

/* Names a peer by its key. Its routing id must be that name, a slash and something; replies go there from now on. */
static int
name_peer(struct link_socket *socket, const unsigned char *id, size_t size, zmq_msg_t *part, char from[NODE_SIZE],
          struct fep_error *error)
{
    const char *user = zmq_msg_gets(part, "User-Id");
    struct known_peer *peer = user != NULL ? find_peer(socket, user) : NULL;
    size_t name_size;

    if (peer == NULL)
        return error_set(error, 0, FEP_E_UNKNOWN_PEER_KEY, "a message came without a known key");
    name_size = strlen(peer->name);
    if (size <= name_size + 1 || size >= ROUTING_ID_SIZE || memcmp(id, peer->name, name_size) != 0 ||
        id[name_size] != '/')
        return error_set(error, 0, FEP_E_PEER_NAME, "the holder of the key of %s calls himself something else",
                         peer->name);
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

/* --- sending ------------------------------------------------------------------------------------------------------ */

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
link_send(struct link_socket *socket, const char *to, const unsigned char *data, size_t size, struct fep_error *error)
{
    bool router = socket->type == LINK_LISTENING || socket->type == LINK_LOCAL_ROUTER;

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

/* --- receiving ---------------------------------------------------------------------------------------------------- */

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
    while (zmq_getsockopt(zmq, ZMQ_RCVMORE, &more, &size) == 0 && more && zmq_msg_recv(&rest, zmq, ZMQ_DONTWAIT) >= 0)
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
        return errno == EAGAIN || errno == EINTR ? 0 : error_set(error, 0, FEP_E_SYSTEM, "%s", zmq_strerror(errno));
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
    bool router = socket->type == LINK_LISTENING || socket->type == LINK_LOCAL_ROUTER;
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
        status = errno == EAGAIN || errno == EINTR ? 0 : error_set(error, 0, FEP_E_SYSTEM, "%s", zmq_strerror(errno));
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
