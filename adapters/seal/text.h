/* The text that is signed, built by the rules of a profile. */
#ifndef FEP_SEAL_TEXT_H
#define FEP_SEAL_TEXT_H

#include <fep/adapter.h>
#include "bytes.h"
#include "json_tree.h"
#include "seal_profile.h"

/* Appends to `out` the text over the value `node` of the tree; `secret` (may be empty) is what rules->secret means.
 * 0; -1 with the error (memory; a character that the charset can not hold). */
int text_build(const struct seal_text *rules, const struct json_tree *tree, uint32_t node, struct fep_bytes secret,
               struct bytes *out, struct fep_error *error);
/* Is this member one of those that leave? */
bool text_leaves(const struct seal_text *rules, const char *name, size_t size);

#endif
