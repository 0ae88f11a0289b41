/* The loopback module's own parts. Copy the folder to begin a module: module.c is the life cycle and the
 * asked side, serve.c the serving side; book.c is what a real module has the local system for. */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include <fep/adapter.h>
#include "book.h"

struct server;

struct loopback {
    const struct fep_host *host;
    struct book *book;
    struct server *server; /* NULL: does not listen */
    const char *queries;   /* transactions that post nothing, separated by blanks */
    int64_t delay_ms;
    bool lost_answers;             /* posts, but reports it as unknown */
    struct pending *first, **last; /* posted or found, not answered yet */
    struct fep_timer *timer;
    struct fep_call *drain_call; /* to be completed when nothing is open any more; or NULL */
    size_t open_calls;
};

/* Completes the drain if there is one and everybody was answered. */
void loopback_check_drained(struct loopback *loopback);

/* Listens on "unix:PATH" or "tcp:ADDRESS:PORT" (IPv4). NULL with the error filled. */
struct server *server_open(struct loopback *loopback, const char *where, struct fep_error *error);
void server_close(struct server *server);
/* Takes no new connections. NULL is nothing. */
void server_stop(struct server *server);
/* Nobody waits for an answer, and every answer has left. NULL is idle. */
bool server_is_idle(const struct server *server);

#endif
