/* A module whose instances either call a local system or serve one: each direction has its own table of
 * operations, and the module's table passes on to that of the instance. Host's thread only. */
#ifndef FEP_SUPPORT_TWO_WAY_H
#define FEP_SUPPORT_TWO_WAY_H

#include <stddef.h>

#include <fep/adapter.h>

/* The first member of every instance, of either direction; set before open returns. */
struct two_way {
    const struct fep_host *host;
    const struct fep_adapter_ops *side;
};

/* A cleared instance of `size` bytes (calloc; its own close frees it), whose first member is set. NULL: no
 * memory, with the error. */
void *two_way_create(size_t size, const struct fep_host *host, const struct fep_adapter_ops *side,
                     struct fep_error *error);

/* For the module's table; `open` is the module's own. */
#define TWO_WAY_OPS                                                                                          \
    .start = two_way_start, .submit = two_way_submit, .inquire = two_way_inquire,                            \
    .reverse = two_way_reverse, .cancel = two_way_cancel, .read_health = two_way_read_health,                \
    .drain = two_way_drain, .close = two_way_close

void two_way_start(void *self, struct fep_call *call);
void two_way_submit(void *self, struct fep_call *call, const struct fep_message *message);
void two_way_inquire(void *self, struct fep_call *call, const struct fep_message *message);
void two_way_reverse(void *self, struct fep_call *call, const struct fep_message *message);
void two_way_cancel(void *self, struct fep_call *call, enum fep_reason reason);
void two_way_read_health(void *self, struct fep_health *health);
void two_way_drain(void *self, struct fep_call *call);
void two_way_close(void *self);

/* What read_health says: what the instance reports of itself, and its open calls; one that has not reported
 * yet starts. */
void two_way_tell_health(const struct fep_health *own, size_t open_calls, struct fep_health *out);

/* For a serving side's table: an instance that serves is not called; a route that leads to it is a mistake of
 * the configuration. Nothing was sent. */
void two_way_refuse(void *self, struct fep_call *call, const struct fep_message *message);
#define TWO_WAY_SERVES .submit = two_way_refuse, .inquire = two_way_refuse, .reverse = two_way_refuse

#endif
