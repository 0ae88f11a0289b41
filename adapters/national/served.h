/* Files of callers: taken (9101), compared with what the gateway has stored (3202), given (9102). Host's thread only. */
#ifndef FEP_NATIONAL_SERVED_H
#define FEP_NATIONAL_SERVED_H

#include "form.h"
#include "national.h"
#include "server.h"

/* Is the request about files? Then it is, or will be, answered. `file` came with it in a form; NULL: no form. */
bool served_take(struct national *national, struct exchange *exchange, const struct request *request,
                 const char *received, const struct form_part *file);
void served_close(struct national *national);

#endif
