/* A request of more lines than one posting of the local system takes: its postings, one after the other, under the local
 * serials that follow the attempt's own (rule 6). Internal to fep-adapter; the loop's thread. */
#ifndef FEP_HOST_BATCHES_H
#define FEP_HOST_BATCHES_H

#include "host.h"

/* Takes the call over if the mapping spreads its request: true, and it will be completed (at once where it can not be
 * spread). false: it is one posting. */
bool batches_begin(struct fep_call *call);
/* The call that the module has, of one that was taken over. */
struct fep_call *batches_open_call(const struct fep_call *call);
/* The router does not wait any more: no further posting. */
void batches_stop(struct fep_call *call);
/* One posting's call was completed by the module. */
void batches_settle(struct fep_call *part);
/* As translate_answer_in, of a call that was taken over and is completed. */
int batches_answer(struct fep_call *call, struct slice *answer, struct fep_index *index, struct fep_error *error);
void batches_drop(struct fep_call *call);

#endif
