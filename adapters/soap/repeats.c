/* When may a request under a refused serial start a new attempt?
 *
 * A serial that was refused with class R may come again. A copy that was sent before its caller learned of
 * the refusal must not run: the caller has acted on "nothing was done". What is known here: where the mapping
 * says that a client opens a connection for each request, a request on a connection that was accepted after
 * the refusal had gone was made after it. Everything else counts as a copy and gets the stored refusal. Must
 * never guess. */
#include "soap.h"

void
repeats_note(struct soap *soap, const char *serial, uint64_t handed_over)
{
    refusals_note(&soap->refusals, serial, handed_over, soap->moment);
}

bool
repeats_is_new(const struct soap *soap, const struct caller *caller, const char *serial)
{
    return caller->known_after > refusals_handed_over(&soap->refusals, serial);
}
