/* Passes the host's operations on to the side an instance has taken. Decides nothing but that who serves is
 * not called. */
#include "two_way.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

void *
two_way_create(size_t size, const struct fep_host *host, const struct fep_adapter_ops *side,
               struct fep_error *error)
{
    struct two_way *instance = calloc(1, size);
    if (instance == NULL) {
        set_error(error, 0, 0, "no memory");
        return NULL;
    }
    *instance = (struct two_way){host, side};
    return instance;
}

static const struct fep_adapter_ops *
side_of(void *self)
{
    return ((const struct two_way *)self)->side;
}

void
two_way_start(void *self, struct fep_call *call)
{
    side_of(self)->start(self, call);
}

void
two_way_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    side_of(self)->submit(self, call, message);
}

void
two_way_inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    side_of(self)->inquire(self, call, message);
}

void
two_way_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    side_of(self)->reverse(self, call, message);
}

void
two_way_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    side_of(self)->cancel(self, call, reason);
}

void
two_way_read_health(void *self, struct fep_health *health)
{
    side_of(self)->read_health(self, health);
}

void
two_way_drain(void *self, struct fep_call *call)
{
    side_of(self)->drain(self, call);
}

void
two_way_close(void *self)
{
    side_of(self)->close(self);
}

void
two_way_tell_health(const struct fep_health *own, size_t open_calls, struct fep_health *out)
{
    *out = *own;
    out->size = sizeof *out;
    out->open_calls = (uint32_t)open_calls;
    if (out->state == 0)
        out->state = FEP_STARTING;
}

void
two_way_refuse(void *self, struct fep_call *call, const struct fep_message *message)
{
    static const char why[] = "this instance serves, it does not call";
    const struct fep_host *host = ((const struct two_way *)self)->host;
    struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_PROTOCOL, .code = 1004};
    (void)message;
    copy_text(result.text, sizeof result.text, why, sizeof why - 1);
    host->complete_call(host->self, call, FEP_NOT_SENT, &result, NULL);
}
