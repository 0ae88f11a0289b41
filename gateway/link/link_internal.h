/* What a link's socket holds: for link_open.c, which makes it, and link_socket.c, which uses it. */
#ifndef FEP_LINK_INTERNAL_H
#define FEP_LINK_INTERNAL_H

#include "link_socket.h"

#define ROUTING_ID_SIZE 40 /* name, slash, 16 digits */

/* Where a peer's frames go: the routing id of the connection it was last heard on. */
struct known_peer {
    char name[NODE_SIZE];
    char routing_id[ROUTING_ID_SIZE]; /* empty: not heard yet */
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

static inline bool
link_is_router(const struct link_socket *socket)
{
    return socket->type == LINK_LISTENING || socket->type == LINK_LOCAL_ROUTER;
}

#endif
