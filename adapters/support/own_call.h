/* An instance's own calls: its start and its drain, which no request of anybody belongs to. Host's thread
 * only. */
#ifndef FEP_SUPPORT_OWN_CALL_H
#define FEP_SUPPORT_OWN_CALL_H

#include <fep/adapter.h>

/* Completes a start: error NULL, it has started; else it has not, and why. */
void own_call_started(const struct fep_host *host, struct fep_call *call, const struct fep_error *error);
/* Completes *call with no more to say than this, and forgets it. NULL: it has ended, nothing happens. */
void own_call_end(const struct fep_host *host, struct fep_call **call, enum fep_kind kind,
                  enum fep_reason reason);

#endif
