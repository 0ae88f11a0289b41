/* What the service manager is told, where one asked for it: sd_notify(3)'s protocol, one datagram a word. */
#ifndef FEP_NOTIFY_H
#define FEP_NOTIFY_H

#include <stdint.h>

struct notify {
    char socket[108];     /* empty: nobody asked */
    int64_t watchdog_ms;  /* pause between two signs of life; 0: none is wanted */
    int64_t watchdog_due; /* monotonic */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment: they are meant for this
 * process and not for its children. */
void notify_take(struct notify *notify);
/* Sends "READY=1", "STOPPING=1" ... Never blocks; a manager that does not listen is left alone. */
void notify_tell(const struct notify *notify, const char *word);
/* A sign of life when it is time for one, twice in the span that the manager allows. */
void notify_tick(struct notify *notify, int64_t now_ms);

#endif
