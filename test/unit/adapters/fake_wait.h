/* Waiting for what a module tells the fake host. What does not come in time fails the test. */
#ifndef FAKE_WAIT_H
#define FAKE_WAIT_H

#include "fake_host.h"

/* NULL if the call is still open. */
struct fake_completion *fake_completion_of(struct fake_host *fake, const struct fep_call *call);
struct fake_completion *fake_wait_for(struct fake_host *fake, const struct fep_call *call);
/* The request that began as the count-th (1 is the first). */
struct fake_request *fake_wait_request(struct fake_host *fake, size_t count);
void fake_wait_state(struct fake_host *fake, enum fep_state state);
/* The host's answer to a request, told to instance `self`; the answer's record is released. */
void fake_tell(struct fake_host *fake, void *self, struct fake_request *request, enum fep_kind kind,
               struct fep_result result, struct fep_record *answer);

#endif
