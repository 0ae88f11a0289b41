/* Local callers' inquiries about settlements that were cancelled since. Internal to fep-adapter. */
#ifndef FEP_INQUIRIES_H
#define FEP_INQUIRIES_H

#include "host.h"

/* An inquiry's answer came: posted, with the original's answer. If that was a settlement, and the local protocol has a
 * word for "cancelled later", the ticket is told later (requests_conclude), never from inside this call. False: it is
 * nothing to look for, or there is no room; tell it as it is. */
bool inquiries_begin(struct host *host, uint64_t ticket, const struct mapping_request *request,
                     const struct fep_result *result, struct slice answer);
void inquiries_finish(struct host *host); /* nothing is told */

#endif
