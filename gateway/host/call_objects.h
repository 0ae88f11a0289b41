/* The call objects of an instance. Internal to fep-adapter; the loop's thread. */
#ifndef FEP_HOST_CALL_OBJECTS_H
#define FEP_HOST_CALL_OBJECTS_H

#include "host.h"

/* A clean object under that number, its host set. NULL: no memory, or every object is in use. */
struct fep_call *calls_take(struct host *host, uint64_t id);
/* With all that it holds; its timer is cleared. */
void calls_free(struct fep_call *call);
/* The router's call of that number (never one of the host's own, nor a part), or NULL. */
struct fep_call *calls_find_work(struct host *host, uint64_t id);

#endif
