/* What a host process may not do: new privileges, core dumps (they would hold personal data), files others
 * can read. */
#ifndef FEP_CONFINE_H
#define FEP_CONFINE_H

#include <fep/adapter.h>

/* Before anything else. 0, or negative with the error. */
int confine_process(struct fep_error *error);

#endif
