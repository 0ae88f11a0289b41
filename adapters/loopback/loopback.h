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
    size_t open_calls;
};

/* Listens on "unix:PATH" or "tcp:ADDRESS:PORT" (IPv4). NULL with the error filled. */
struct server *server_open(struct loopback *loopback, const char *where, struct fep_error *error);
void server_close(struct server *server);

#endif
