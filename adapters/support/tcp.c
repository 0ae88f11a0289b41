/* Sockets that never wait. Must never block and never raise SIGPIPE. Fails by return value; what a broken
 * connection means for a request is its user's to say. */
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

int
tcp_parse(const char *text, struct tcp_address *address, struct fep_error *error)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (size == 0 || size >= sizeof host || colon[1] == '\0')
        return set_error(error, 0, 0, "\"%.100s\" is no address; expected ADDRESS:PORT", text);
    memcpy(host, text, size);
    host[size] = '\0';
    char *name = host;
    if (name[0] == '[' && name[size - 1] == ']') {
        name[size - 1] = '\0';
        name++;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(name, colon + 1, &hints, &found);
    if (failed != 0 || found == NULL)
        return set_error(error, 0, 0, "\"%.100s\": %s; expected a numeric address and port", text,
                         gai_strerror(failed));
    memcpy(&address->address, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* A firewall that drops idle flows without a word is noticed within minutes, not at the next settlement. */
static void
tune_connection(int fd)
{
    int on = 1, idle = 60, interval = 10, count = 3, user_timeout_ms = 30000;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

int
tcp_listen(const struct tcp_address *address, struct fep_error *error)
{
    int on = 1;
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address->address, address->size) != 0 || listen(fd, 64) != 0) {
        set_error(error, 0, 0, "cannot listen: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

int
tcp_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        tune_connection(fd);
    return fd;
}

int
tcp_connect(const struct tcp_address *address)
{
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    tune_connection(fd);
    if (connect(fd, (const struct sockaddr *)&address->address, address->size) == 0 || errno == EINPROGRESS)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int
tcp_connect_result(int fd)
{
    int result = 0;
    socklen_t size = sizeof result;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) == 0 ? result : errno;
}

static long
receive(int fd, void *out, size_t size, int flags)
{
    ssize_t got;
    do
        got = recv(fd, out, size, flags);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
}

long
tcp_read(int fd, void *out, size_t size)
{
    return receive(fd, out, size, 0);
}

long
tcp_peek(int fd, unsigned char *out)
{
    return receive(fd, out, 1, MSG_PEEK);
}

long
tcp_write(int fd, const void *data, size_t size)
{
    ssize_t put;
    do
        put = send(fd, data, size, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return put;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -2;
}
