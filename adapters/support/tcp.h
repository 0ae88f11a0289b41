/* Sockets that never wait. Host's thread only. */
#ifndef FEP_SUPPORT_TCP_H
#define FEP_SUPPORT_TCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <fep/adapter.h>

struct tcp_address {
    struct sockaddr_storage address;
    socklen_t size;
};

/* "192.0.2.1:7031" or "[::1]:7031"; numeric only, since a name would have to wait for a resolver. 0 or negative. */
int tcp_parse(const char *text, struct tcp_address *address, struct fep_error *error);
/* A listening socket, or negative with the error. */
int tcp_listen(const struct tcp_address *address, struct fep_error *error);
/* The next connection, ready for use; -1 with errno (EAGAIN: none left). */
int tcp_accept(int listener);
/* A socket that is connecting or connected, or -1 with errno. */
int tcp_connect(const struct tcp_address *address);
/* How a connect ended: 0, or an errno value. */
int tcp_connect_result(int fd);
/* Bytes read (> 0), 0 at the end, -1 nothing there, -2 broken. */
long tcp_read(int fd, void *out, size_t size);
/* As tcp_read for one byte that stays where it is. */
long tcp_peek(int fd, unsigned char *out);
/* Bytes written (>= 0), or -2 broken. */
long tcp_write(int fd, const void *data, size_t size);

#endif
