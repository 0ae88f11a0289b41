/* The ZAP handler (ZeroMQ RFC 27): tells libzmq whether a CURVE key may come in, and under which name. Must
 * never let anybody in on doubt: a request that is not understood is refused. Runs on a thread of its own
 * with one socket; the table of keys is not changed after the start. If the endpoint cannot be bound there is
 * no handler, and then no listening socket may be made, because libzmq would accept every key.
 */
#include "zap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "error.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_PARTS    7 /* version, request id, address's domain, address, routing id, mechanism, key */
#define PART_SIZE    256

struct zap_key {
    char name[NODE_SIZE];
    uint8_t key[32];
};

struct zap {
    void *socket;
    pthread_t thread;
    struct zap_key *keys;
    size_t count;
    atomic_ullong refused;
};

struct part {
    unsigned char data[PART_SIZE];
    size_t size;
};

/* Reads a whole request, however many parts it has. Returns how many, 0 if interrupted, or negative at the
 * end. */
static int
read_request(void *socket, struct part parts[ZAP_PARTS])
{
    int count = 0, more = 1;

    while (more) {
        struct part rest, *part = count < ZAP_PARTS ? &parts[count] : &rest;
        size_t size = sizeof more;
        int got = zmq_recv(socket, part->data, PART_SIZE, 0);

        if (got < 0)
            return errno == EINTR ? 0 : -1;
        part->size = got > PART_SIZE ? PART_SIZE + 1 : (size_t)got;
        count++;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            return -1;
    }
    return count;
}

static bool
part_is(const struct part *part, const char *text)
{
    return part->size == strlen(text) && memcmp(part->data, text, part->size) == 0;
}

static const struct zap_key *
find_key(const struct zap *zap, int count, const struct part *parts)
{
    if (count != ZAP_PARTS || !part_is(&parts[2], ZAP_DOMAIN) || !part_is(&parts[5], "CURVE") ||
        parts[6].size != 32)
        return NULL;
    for (size_t i = 0; i < zap->count; i++) {
        if (memcmp(zap->keys[i].key, parts[6].data, 32) == 0)
            return &zap->keys[i];
    }
    return NULL;
}

static int
reply(void *socket, const struct part *request_id, const struct zap_key *key)
{
    const char *status = key != NULL ? "200" : "400", *text = key != NULL ? "OK" : "unknown key";
    const char *name = key != NULL ? key->name : "";
    size_t id_size = request_id->size <= PART_SIZE ? request_id->size : 0;

    if (zmq_send(socket, "1.0", 3, ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, request_id->data, id_size, ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, status, 3, ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, text, strlen(text), ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, name, strlen(name), ZMQ_SNDMORE) < 0 || zmq_send(socket, "", 0, 0) < 0)
        return -1;
    return 0;
}

static void *
serve(void *arg)
{
    struct zap *zap = arg;
    struct part parts[ZAP_PARTS];

    for (;;) {
        memset(parts, 0, sizeof parts);
        int count = read_request(zap->socket, parts);
        if (count < 0)
            break;
        if (count == 0)
            continue;
        const struct zap_key *key = part_is(&parts[0], "1.0") ? find_key(zap, count, parts) : NULL;
        if (key == NULL)
            atomic_fetch_add(&zap->refused, 1);
        if (reply(zap->socket, &parts[1], key) != 0)
            break;
    }
    zmq_close(zap->socket);
    return NULL;
}

static int
copy_keys(struct zap *zap, const struct link_peer_key *keys, size_t count, struct fep_error *error)
{
    zap->keys = calloc(count > 0 ? count : 1, sizeof *zap->keys);
    if (zap->keys == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for %zu peer keys", count);
    zap->count = count;
    for (size_t i = 0; i < count; i++) {
        if (strnlen(keys[i].public_key, 41) != 40 ||
            zmq_z85_decode(zap->keys[i].key, keys[i].public_key) == NULL)
            return error_set(error, 0, FEP_E_KEY_INVALID,
                             "the public key of peer %.15s is not 40 characters of Z85", keys[i].name);
        memcpy(zap->keys[i].name, keys[i].name, NODE_SIZE);
        zap->keys[i].name[NODE_SIZE - 1] = '\0';
        for (size_t other = 0; other < i; other++) {
            if (memcmp(zap->keys[other].key, zap->keys[i].key, 32) == 0)
                return error_set(error, 0, FEP_E_KEY_INVALID, "peers %s and %s have the same public key",
                                 zap->keys[other].name, zap->keys[i].name);
        }
    }
    return 0;
}

struct zap *
zap_start(void *zmq_context, const struct link_peer_key *keys, size_t count, struct fep_error *error)
{
    struct zap *zap = calloc(1, sizeof *zap);
    int linger = 0, status;
    sigset_t all, before;

    if (zap == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the key handler");
        return NULL;
    }
    atomic_init(&zap->refused, 0);
    if (copy_keys(zap, keys, count, error) != 0)
        goto free_zap;
    zap->socket = zmq_socket(zmq_context, ZMQ_REP);
    if (zap->socket == NULL || zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(zap->socket, ZAP_ENDPOINT) != 0) {
        error_set(error, 0, FEP_E_LINK_CRYPTO, "the handler that judges peer keys cannot be bound: %s",
                  zmq_strerror(errno));
        goto close_socket;
    }
    sigfillset(&all); /* signals are the loop's business */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&zap->thread, NULL, serve, zap);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "no thread for the handler that judges peer keys: %s",
                  strerror(status));
        goto close_socket;
    }
    return zap;

close_socket:
    if (zap->socket != NULL)
        zmq_close(zap->socket);
free_zap:
    free(zap->keys);
    free(zap);
    return NULL;
}

void
zap_stop(struct zap *zap)
{
    if (zap == NULL)
        return;
    pthread_join(zap->thread, NULL);
    free(zap->keys);
    free(zap);
}

uint64_t
zap_refused(const struct zap *zap)
{
    return atomic_load(&zap->refused);
}
