/* The answer that a person brings with "posted". */
#ifndef FEP_PROPOSAL_ANSWER_H
#define FEP_PROPOSAL_ANSWER_H

#include <json-c/json.h>
#include "store.h"

/* Takes an answer as the canonical interface has it ({"output":{"setlinfo":{...}}}), its output alone, or the fields of
 * setlinfo alone, into row->answer and row->index. Amounts must agree: total = fund + account + cash. Negative with the
 * error. */
int proposal_take_answer(struct json_object *answer, struct store_proposal *row, struct fep_error *error);

#endif
