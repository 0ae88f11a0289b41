/* fepctl adapter: what describe and selftest share. */
#ifndef FEP_CTL_ADAPTER_H
#define FEP_CTL_ADAPTER_H

#include <fep/adapter.h>
#include "ctl.h"

/* Loads MODULE, a path or a bare name looked up in the configuration's adapter directory. Loading runs the module's
 * loader constructors and nothing else of it. NULL with everything said; `path` is what was loaded. */
const struct fep_adapter *adapter_load(const struct ctl *ctl, const char *module, char path[CONF_PATH]);
/* "number", "duration" ...; "?" for a type that this version does not know. */
const char *adapter_type_name(uint32_t type);

#endif
