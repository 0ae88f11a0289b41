/* One module, checked before its first call. Loader constructors apart nothing of a module runs before that,
 * since all it exports is data. Fails with an error that says what was found and what was expected. */
#include "module.h"

#include <dlfcn.h>
#include <stddef.h>

#include "error.h"

int
module_check(const struct fep_adapter *adapter, const char *path, struct fep_error *error)
{
    if (adapter->magic != FEP_ADAPTER_MAGIC)
        return error_set(error, 0, FEP_E_MODULE_ABI,
                         "%s: the symbol fep_adapter is not an adapter's descriptor", path);
    if (adapter->abi_major != FEP_ABI_MAJOR || adapter->abi_minor > FEP_ABI_MINOR)
        return error_set(error, 0, FEP_E_MODULE_ABI, "%s: made for ABI %d.%d; this host has %d.%d", path,
                         adapter->abi_major, adapter->abi_minor, FEP_ABI_MAJOR, FEP_ABI_MINOR);
    if (adapter->size < sizeof(struct fep_adapter) || adapter->name == NULL || adapter->ops == NULL ||
        adapter->ops->size < sizeof(struct fep_adapter_ops))
        return error_set(error, 0, FEP_E_MODULE_ABI, "%s: the descriptor is shorter than ABI %d.%d says",
                         path, FEP_ABI_MAJOR, FEP_ABI_MINOR);
    const struct fep_adapter_ops *ops = adapter->ops;
    const char *missing = ops->open == NULL                                                  ? "open"
                          : ops->start == NULL                                               ? "start"
                          : ops->cancel == NULL                                              ? "cancel"
                          : ops->close == NULL                                               ? "close"
                          : (adapter->abilities & FEP_CALLS_OUT) != 0 && ops->submit == NULL ? "submit"
                          : (adapter->abilities & FEP_INQUIRES) != 0 && ops->inquire == NULL ? "inquire"
                          : (adapter->abilities & FEP_REVERSES) != 0 && ops->reverse == NULL ? "reverse"
                                                                                             : NULL;
    if (missing != NULL)
        return error_set(error, 0, FEP_E_MODULE_ABI, "%s: the operation %s is missing", path, missing);
    return 0;
}

const struct fep_adapter *
module_load(const char *path, struct fep_error *error)
{
    /* RTLD_LOCAL: a module's libraries must not meet ours (json-c and jansson export the same names). */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        error_set(error, 0, FEP_E_MODULE_LOAD, "%s", dlerror());
        return NULL;
    }
    const struct fep_adapter *adapter = dlsym(handle, "fep_adapter");
    if (adapter == NULL)
        error_set(error, 0, FEP_E_MODULE_LOAD, "%s: no symbol fep_adapter", path);
    else if (module_check(adapter, path, error) == 0)
        return adapter;
    dlclose(handle);
    return NULL;
}
