/* The keeper: a tiny parent that starts, watches and restarts the router and the adapter hosts. It holds no database
 * and no ZeroMQ context, since neither survives a fork, and its children are executed afresh. */
#ifndef FEP_KEEPER_H
#define FEP_KEEPER_H

#include "conf.h"

/* Exit codes that all programs share: a keeper must know whether trying again makes sense. */
enum { EXIT_MISUSED = 100, EXIT_SURROUNDINGS = 111 };

/* Runs until SIGTERM or SIGINT; returns the exit code. `program` is the path of fepd itself, `host_program` that of
 * fep-adapter. */
int keeper_run(const struct conf *conf, const char *program, const char *host_program);

#endif
