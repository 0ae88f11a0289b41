/* Makes the ZeroMQ context and its sockets. Must never leave a link in the clear or open to keys that nobody
 * judges: the key handler is bound first, its domain enforced, and a socket that cannot have all its options
 * is not made. Fails with what could not be set.
 */
#include "link_internal.h"

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

struct link_context {
    void *zmq;
    struct zap *zap;
    struct link_peer_key *keys;
    size_t key_count;
};

/* --- context --- */

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

/* --- making sockets --- */

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
create_socket(struct link_context *context, enum link_type type, const char *endpoint,
              struct fep_error *error)
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
    bool router = link_is_router(socket);

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
    return status == 0
               ? 0
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
        return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq refuses our key domain: %s",
                         zmq_strerror(errno));
    return set_options(socket->zmq, server, sizeof server / sizeof server[0], error);
}

struct link_socket *
link_listen(struct link_context *context, const char *endpoint, const struct link_curve *own,
            struct fep_error *error)
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
    /* IMMEDIATE: nothing is queued for a connection that does not stand, so that no old frame comes out of it
     * later. */
    static const struct option dialled[] = {{ZMQ_IMMEDIATE, 1}};
    struct link_socket *socket = create_socket(context, LINK_DIALLED, endpoint, error);

    if (socket == NULL)
        return NULL;
    if (set_options(socket->zmq, dialled, 1, error) != 0 ||
        set_routing_id(socket->zmq, own_name, error) != 0 || set_curve(socket->zmq, own, error) != 0 ||
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
link_connect_local(struct link_context *context, const char *endpoint, const char *identity,
                   struct fep_error *error)
{
    struct link_socket *socket = create_socket(context, LINK_LOCAL_HOST, endpoint, error);

    if (socket == NULL)
        return NULL;
    if (identity != NULL && (identity[0] == '\0' || strlen(identity) >= NODE_SIZE ||
                             zmq_setsockopt(socket->zmq, ZMQ_ROUTING_ID, identity, strlen(identity)) != 0)) {
        error_set(error, 0, FEP_E_CONFIG_INVALID, "link %.200s: an instance name has 1 to %d characters",
                  endpoint, NODE_SIZE - 1);
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
