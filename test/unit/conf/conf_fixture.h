/* A directory with configuration files, and what a load said about them. */
#ifndef FEP_CONF_FIXTURE_H
#define FEP_CONF_FIXTURE_H

#include "conf.h"

struct fixture {
    char directory[256];
    char path[300];
    char said[65536]; /* every line reported, each with its newline */
    size_t problems;
    struct fep_error error;
};

int fixture_create(void **state);
int fixture_remove(void **state);
void fixture_write(struct fixture *fixture, const char *name, const char *text);
struct conf *fixture_load(struct fixture *fixture, const char *text);
/* A conf_report_fn that keeps what is said; and forgetting it. */
void fixture_keep_line(void *arg, const char *line);
void fixture_forget(struct fixture *fixture);
/* Was a problem reported at FILE:LINE that holds `part`? */
bool fixture_said(const struct fixture *fixture, const char *file, int line, const char *part);

/* A gateway with two peers and two instances. */
extern const char good_conf[];

#endif
