/* The caret module with pipe.cfg: another delimited protocol, by its mapping file alone. */
#ifndef CARET_PIPE_RIG_H
#define CARET_PIPE_RIG_H

#include "caret_lines.h"

const char *rig_pipe_file(void);
/* Neither direction knows a sign-in: the module is up as soon as it has started. */
int rig_set_up_calling(void **state);
int rig_set_up_serving(void **state); /* the local system has connected as peer 0 */
/* A call that carries this serial of the router's. */
struct fep_call *rig_call_with(struct fixture *f, uint64_t serial);

#endif
