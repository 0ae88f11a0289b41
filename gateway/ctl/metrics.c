/* fepctl metrics: the figures once on standard output, or served at a loopback port. Stands beside the
 * router, so that what asks for figures can never keep a patient waiting. */
#include "metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "error.h"
#include "store.h"

enum { WAIT_MS = 2000 };

static int
count_one(void *arg, const struct store_quarantined *one)
{
    (void)one;
    ++*(size_t *)arg;
    return 0;
}

/* What does not need the router. */
static void
write_files(const struct conf *conf, FILE *out)
{
    struct statvfs disk;
    size_t quarantined = 0;
    struct fep_error error = {0};
    fprintf(out,
            "# HELP fep_build_info The version that asks, and the gateway it asks.\n"
            "# TYPE fep_build_info gauge\n"
            "fep_build_info{version=\"%s\",node=\"%s\"} 1\n",
            FEP_VERSION, conf->node);
    if (statvfs(conf->state_directory, &disk) == 0)
        fprintf(out,
                "# HELP fep_state_free_bytes Free space where the store is.\n"
                "# TYPE fep_state_free_bytes gauge\n"
                "fep_state_free_bytes %.0f\n",
                (double)disk.f_bavail * (double)disk.f_frsize);
    if (store_read_quarantine(conf->state_directory, count_one, &quarantined, &error) == 0)
        fprintf(out,
                "# HELP fep_quarantined What was found damaged in the store and put aside.\n"
                "# TYPE fep_quarantined gauge\n"
                "fep_quarantined %zu\n",
                quarantined);
}

int
metrics_write(const struct conf *conf, FILE *out)
{
    struct fep_error error = {0};
    struct json_object *status = ctl_ask_router(conf, "status", WAIT_MS, &error), *good = NULL;
    bool up = json_object_object_get_ex(status, "ok", &good) && json_object_get_boolean(good);
    if (up)
        metrics_write_status(out, status);
    json_object_put(status);
    fprintf(out,
            "# HELP fep_up 1 if the router answered.\n"
            "# TYPE fep_up gauge\n"
            "fep_up %d\n",
            up);
    write_files(conf, out);
    return fflush(out) != 0 || ferror(out) ? -1 : 0;
}

int
ctl_metrics(struct ctl *ctl)
{
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status = ctl->listen != NULL               ? metrics_serve(ctl, conf, ctl->listen)
                 : metrics_write(conf, stdout) < 0 ? CTL_SURROUNDINGS
                                                   : CTL_GOOD;
    conf_destroy(conf);
    return status;
}
