/* fepctl map check: a mapping file, read and checked as the adapter host does it. */
#include "ctl.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "mapping_file.h"

struct mapping *
mapping_file_load(const char *path, const char *base, void (*report)(void *arg, const char *line), void *arg,
                  struct fep_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = base != NULL    ? snprintf(folder, sizeof folder, "%s", base)
                 : slash != NULL ? snprintf(folder, sizeof folder, "%.*s/..", (int)(slash - path), path)
                                 : snprintf(folder, sizeof folder, "..");
    if (length < 0 || (size_t)length >= sizeof folder) {
        error_set(error, 0, FEP_E_CONFIG_READ, "%s: the path is too long", path);
        return NULL;
    }
    return mapping_load(path, folder, report, arg, error);
}

int
ctl_map_check(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct mapping *mapping = mapping_file_load(ctl->words[0], ctl->base, ctl_report, NULL, &error);
    if (mapping == NULL)
        return ctl_fail(ctl, &error, CTL_MISUSED);
    printf("%s: %s\n%s\n", ctl->words[0], mapping_name(mapping), ctl_text(ctl, "没有问题", "no problems"));
    mapping_destroy(mapping);
    return CTL_GOOD;
}
