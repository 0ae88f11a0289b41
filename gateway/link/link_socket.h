/* ZeroMQ sockets of the router: one listening ROUTER and dialled DEALERs with CURVE for peers; one ROUTER on a local
 * (ipc) endpoint for hosts and fepctl. A peer is who its key says (ZAP), never who it claims to be.
 *
 * Traps of libzmq 4.3.4 that shape this file: heartbeats stay unset (they abort a receiver that falls behind); a CURVE
 * server without a ZAP handler accepts everybody, so the handler is bound first and the domain enforced; success of a
 * send means "in memory".
 */
#ifndef FEP_LINK_SOCKET_H
#define FEP_LINK_SOCKET_H

#include "frame.h"

struct link_context; /* ZeroMQ context and the ZAP handler thread */

struct link_peer_key { char name[NODE_SIZE]; char public_key[41]; /* Z85 */ };

/* keys: who may connect. NULL with the error if the handler can not be bound. */
struct link_context *link_context_create(const struct link_peer_key *keys, size_t count, struct fep_error *error);
void link_context_destroy(struct link_context *context); /* all sockets must be closed before */
/* Handshakes refused since start because the key was unknown. */
uint64_t link_context_refused(const struct link_context *context);

struct link_socket;
struct link_curve { char public_key[41], secret_key[41]; };

/* Listening for peers. A peer's routing id is its name, a slash and a random part that is new for each of its sockets, so
 * that a restarted peer takes over and nobody can take the place of another by naming himself so. */
struct link_socket *link_listen(struct link_context *context, const char *endpoint, const struct link_curve *own,
                                struct fep_error *error);
/* Dialling one peer whose public key is known. `own_name` is our node code (the routing id). */
struct link_socket *link_dial(struct link_context *context, const char *endpoint, const struct link_curve *own,
                              const char *peer_public_key, const char *own_name, struct fep_error *error);
/* Local: bind (router) or connect (host, fepctl; `identity` is the instance name, NULL = anonymous). No CURVE: the
 * socket's directory is 0700. A new process of the same instance takes over from the old one. */
struct link_socket *link_bind_local(struct link_context *context, const char *endpoint, struct fep_error *error);
struct link_socket *link_connect_local(struct link_context *context, const char *endpoint, const char *identity,
                                       struct fep_error *error);
void link_close(struct link_socket *socket); /* NULL is nothing; linger 0 */

/* Edge-triggered ZeroMQ descriptor: after it fires, and after every send or receive, drain until link_receive says 0. */
int link_descriptor(const struct link_socket *socket);
/* The underlying ZeroMQ socket, for zmq_poll by the owner. */
void *link_raw(const struct link_socket *socket);

/* The endpoint as bound, with the real port where 0 or * was asked for; the endpoint as dialled otherwise. */
const char *link_endpoint(const struct link_socket *socket);

/* One message, copied. `to` is the name of the peer or instance on ROUTER sockets (as link_receive told it; an anonymous
 * one is named # and hexadecimal digits), ignored on dialled ones. 0; or negative: too large, not reachable, or its
 * queue is full (error says). Never waits; success means "in memory". */
int link_send(struct link_socket *socket, const char *to, const unsigned char *data, size_t size,
              struct fep_error *error);
/* 1 and a slice that owns the received part (the caller releases it), the sender's name in `from` (on listening sockets
 * the one that its key has; empty on dialled ones); 0 nothing there. Negative with the error: a message was dropped
 * and counted, because its sender calls himself something other than his key says or it has not one part; go on
 * receiving, others may wait behind it. */
int link_receive(struct link_socket *socket, char from[NODE_SIZE], struct slice *whole, struct fep_error *error);
/* Messages dropped by link_receive since the socket was made. */
uint64_t link_dropped(const struct link_socket *socket);

/* Keys: a new CURVE pair; files: secret (0600) and public (0644), Z85 text. */
int link_keys_create(const char *secret_file, const char *public_file, int overwrite, struct fep_error *error);
int link_keys_read(const char *secret_file, struct link_curve *keys, struct fep_error *error);
int link_public_key_read(const char *public_file, char key[41], struct fep_error *error);

#endif
