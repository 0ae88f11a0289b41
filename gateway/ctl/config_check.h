/* fepctl config check: what its parts share. Every part prints its problems at once, one a line, and counts
 * them. */
#ifndef FEP_CONFIG_CHECK_H
#define FEP_CONFIG_CHECK_H

#include "ctl.h"
#include "mapping_file.h"

struct checking {
    const struct ctl *ctl;
    const struct conf *conf;
    struct mapping_file_tables tables;
    const struct conf_instance *instance; /* the one being checked */
    size_t problems;
};

/* A line of a loader's (a conf_report_fn; arg: struct checking). */
void checking_line(void *arg, const char *line);
/* A problem at a setting; `what` is its name. */
void checking_error(struct checking *checking, const struct conf_place *at, const char *what,
                    const struct fep_error *error);
void checking_instance(struct checking *checking, const struct conf_instance *instance);

#endif
