/* A listening socket: accepts, and rests a moment when the process has no descriptor left. Must never take a
 * connection without giving it to its owner or closing it. Trouble is logged; the socket goes on listening.
 */
#include "listener.h"

#include <errno.h>
#include <unistd.h>

#include "wire.h"

enum { REST_MS = 1000, WARNING_LEVEL = 4 };

static void
wake(void *arg)
{
    struct listener *listener = arg;
    listener->timer = NULL;
    listener->host->change_watch(listener->host->self, listener->watch, FEP_READABLE);
    (void)listener_accept_all(listener);
}

/* Without descriptors the socket would be reported readable for ever. */
static void
rest(struct listener *listener)
{
    const struct fep_host *host = listener->host;
    host->log_event(host->self, WARNING_LEVEL, "a connection could not be accepted", errno);
    if (listener->timer != NULL)
        return;
    host->change_watch(host->self, listener->watch, 0);
    listener->timer = host->set_timer(host->self, REST_MS, wake, listener);
}

bool
listener_accept_all(struct listener *listener)
{
    while (listener->fd >= 0) {
        int fd = tcp_accept(listener->fd);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            rest(listener);
            return false;
        }
        if (!listener->take(listener->owner, fd))
            close(fd);
    }
    return true;
}

static void
on_ready(void *arg, uint32_t events)
{
    (void)events;
    (void)listener_accept_all(arg);
}

void
listener_init(struct listener *listener, const struct fep_host *host, bool (*take)(void *owner, int fd),
              void *owner)
{
    *listener = (struct listener){.host = host, .fd = -1, .take = take, .owner = owner};
}

int
listener_open(struct listener *listener, const struct tcp_address *address, struct fep_error *error)
{
    const struct fep_host *host = listener->host;
    listener->fd = tcp_listen(address, error);
    if (listener->fd < 0)
        return -1;
    listener->watch = host->watch_descriptor(host->self, listener->fd, FEP_READABLE, on_ready, listener);
    if (listener->watch != NULL)
        return 0;
    close(listener->fd);
    listener->fd = -1;
    return set_error(error, 0, 0, "the listening socket can not be watched");
}

void
listener_close(struct listener *listener)
{
    const struct fep_host *host = listener->host;
    if (listener->fd < 0)
        return;
    host->clear_timer(host->self, listener->timer);
    listener->timer = NULL;
    host->unwatch(host->self, listener->watch);
    listener->watch = NULL;
    close(listener->fd);
    listener->fd = -1;
}
