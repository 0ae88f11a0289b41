/* What local systems ask of the gateway itself: totals (3201), details (3202), catalogue (1312). Internal to fep-adapter.
 */
#ifndef FEP_REPORTS_H
#define FEP_REPORTS_H

#include "host.h"

enum { REPORTS_AT_ONCE = 4 };

/* Takes over answering the ticket, whose request is translated: it is told later, never from inside this call.
 * Negative with the error: as many reports are under way as may be, or no memory; nothing is told. */
int reports_begin(struct host *host, uint64_t ticket, const struct mapping_request *request,
                  struct fep_error *error);
void reports_finish(struct host *host); /* nothing is told */

#endif
