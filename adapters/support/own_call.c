/* Ends an instance's own calls, each once. */
#include "own_call.h"

#include <stddef.h>
#include <string.h>

#include "wire.h"

void
own_call_started(const struct fep_host *host, struct fep_call *call, const struct fep_error *error)
{
    struct fep_result result = {.size = sizeof result};
    if (error != NULL)
        copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    host->complete_call(host->self, call, error == NULL ? FEP_ANSWERED : FEP_NOT_SENT, &result, NULL);
}

void
own_call_end(const struct fep_host *host, struct fep_call **call, enum fep_kind kind, enum fep_reason reason)
{
    const struct fep_result result = {.size = sizeof result, .reason = reason};
    struct fep_call *ended = *call;
    *call = NULL;
    if (ended != NULL)
        host->complete_call(host->self, ended, kind, &result, NULL);
}
