/* The gateway's figures in the Prometheus text format (exposition format 0.0.4), and the place they are asked at.
 * Internal to fepctl. */
#ifndef FEP_CTL_METRICS_H
#define FEP_CTL_METRICS_H

#include <stdio.h>

#include <json-c/json.h>

#include "ctl.h"

/* Asks the router and writes everything to `out`; a router that does not answer is fep_up 0 and what the files say.
 * Returns -1 if `out` failed. */
int metrics_write(const struct conf *conf, FILE *out);
/* The families of a status reply of the router's; `out` keeps its own error. Pure. */
void metrics_write_status(FILE *out, struct json_object *status);
/* Answers GET /metrics at a loopback address ("127.0.0.1:9464", "[::1]:9464"; port 0: the system chooses) until
 * SIGTERM or SIGINT; says on standard output where. Returns the exit code. */
int metrics_serve(const struct ctl *ctl, const struct conf *conf, const char *address);

#endif
