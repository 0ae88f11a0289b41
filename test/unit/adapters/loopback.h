/* Sockets on the loopback interface for the test's side of a connection. What can not be had fails the test. */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include <stddef.h>

/* A port that nobody holds at this moment: for a module that is to listen itself. */
int loopback_free_port(void);
/* A listening socket that does not block; on any port if *port is 0, and *port says which. */
int loopback_listen(int *port);
/* A connection that does not block. */
int loopback_connect(int port);

#endif
