/* Loading one adapter module. Modules are never unloaded: the process ends instead. */
#ifndef FEP_MODULE_H
#define FEP_MODULE_H

#include <fep/adapter.h>

/* Opens the shared object and checks its descriptor (magic, ABI, sizes, operations that its abilities
 * promise) before anything of it is called. NULL with the error filled. */
const struct fep_adapter *module_load(const char *path, struct fep_error *error);
/* The check alone, for tests and `fepctl`. 0, or negative with the error. */
int module_check(const struct fep_adapter *adapter, const char *path, struct fep_error *error);

#endif
