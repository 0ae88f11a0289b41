/* Who a CURVE key is: the handler that libzmq asks about every connection before it is let in. */
#ifndef FEP_ZAP_H
#define FEP_ZAP_H

#include "link_socket.h"

#define ZAP_DOMAIN "fep"

struct zap;

/* Binds the handler's endpoint before it returns, so that no server socket made afterwards can meet a
 * connection that nobody judges; then serves it on a thread of its own. The keys are copied. NULL with the
 * error. */
struct zap *zap_start(void *zmq_context, const struct link_peer_key *keys, size_t count,
                      struct fep_error *error);
/* After zmq_ctx_shutdown, which is what ends the thread. Waits for it. NULL is nothing. */
void zap_stop(struct zap *zap);
uint64_t zap_refused(const struct zap *zap);

#endif
