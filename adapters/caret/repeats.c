/* When may a request under a refused serial start a new attempt?
 *
 * danxian lets a refused serial (class R) come again, and answers carry nothing that names a request. A copy
 * that was sent before its caller learned of the refusal must not run: the caller has acted on "nothing was
 * done". What we know: on one connection request and answer strictly take turns, so a request whose first
 * byte came after the answer had gone was made after it; and where the mapping says so, on a connection that
 * was opened after the answer had gone nothing older can arrive either. Everything else counts as a copy and
 * gets the stored refusal. Must never guess. */
#include "caret.h"

void
repeats_note(struct caret *caret, const char *serial, uint64_t handed_over)
{
    refusals_note(&caret->refusals, serial, handed_over, caret->moment);
}

bool
repeats_is_new(const struct caret *caret, const struct client *client, const char *serial)
{
    return client->known_after > refusals_handed_over(&caret->refusals, serial);
}
