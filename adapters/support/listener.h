/* A listening socket that accepts as long as somebody waits. Host's thread only. */
#ifndef FEP_SUPPORT_LISTENER_H
#define FEP_SUPPORT_LISTENER_H

#include "tcp.h"

struct listener {
    const struct fep_host *host;
    int fd; /* -1: not listening */
    struct fep_watch *watch;
    struct fep_timer *timer; /* set while it rests, because there was no descriptor for a connection */
    /* A new connection is the owner's; false: it can not be taken, and is closed. */
    bool (*take)(void *owner, int fd);
    void *owner;
};

/* Before anything else; `take` and `owner` as above. */
void listener_init(struct listener *listener, const struct fep_host *host, bool (*take)(void *owner, int fd), void *owner);
/* 0, or negative with the error. */
int listener_open(struct listener *listener, const struct tcp_address *address, struct fep_error *error);
/* Accepts whoever waits at this moment. True if nobody waits any more: all that connected before have been taken. */
bool listener_accept_all(struct listener *listener);
/* Also of one that does not listen. */
void listener_close(struct listener *listener);

#endif
