/* fepctl: what its commands share. One file per family of commands; each command gets what stands on the
 * command line and returns the exit code. */
#ifndef FEP_CTL_H
#define FEP_CTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include "conf.h"

enum {
    CTL_GOOD = 0,
    CTL_BAD = 1,           /* not found, or the state asked about is not good */
    CTL_MISUSED = 100,     /* used wrongly, or misconfigured */
    CTL_SURROUNDINGS = 111 /* files, memory, system */
};

struct ctl {
    const char *conf_path;
    bool chinese; /* else English */
    bool json, show, overwrite;
    const char *med_type, *insutype, *institution, *date, *base; /* NULL: not given */
    int count;                                                   /* words behind the command's own */
    char **words;
};

/* --- say.c: texts for people
 * --------------------------------------------------------------------------------- */
/* The text in the language in force. */
const char *ctl_text(const struct ctl *ctl, const char *zh, const char *en);
/* An error on standard error: its code, what happened, the text with its particulars, what happens next.
 * Returns `exit_code`. */
int ctl_fail(const struct ctl *ctl, const struct fep_error *error, int exit_code);
/* Prints a line of problems to standard error (a conf_report_fn). */
void ctl_report(void *arg, const char *line);
/* "3 h 12 min" of milliseconds, in the language in force. */
void ctl_format_span(const struct ctl *ctl, int64_t ms, char out[40]);
/* "2026-11-22 10:15:02.123" in UTC+8; "-" for 0. */
void ctl_format_time(int64_t wall_ms, char out[32]);
/* Prints `object` on one line and releases it. */
void ctl_print_json(struct json_object *object);
/* The configuration of -c, or NULL with everything already said. */
struct conf *ctl_load_conf(const struct ctl *ctl);

/* --- ask.c: the router's answer
 * ------------------------------------------------------------------------------- */
/* Sends one command and waits at most `wait_ms`. NULL: no answer; the error says why (NO_DAEMON: nobody is
 * there). */
struct json_object *ctl_ask_router(const struct conf *conf, const char *command, int wait_ms,
                                   struct fep_error *error);

/* --- commands
 * -------------------------------------------------------------------------------------------------- */
int ctl_status(struct ctl *ctl);
int ctl_why(struct ctl *ctl);
int ctl_route_explain(struct ctl *ctl);
int ctl_config_check(struct ctl *ctl);
int ctl_map_check(struct ctl *ctl);
int ctl_map_test(struct ctl *ctl);
int ctl_keys_link(struct ctl *ctl);
int ctl_keys_body(struct ctl *ctl);
int ctl_keys_pseudonym(struct ctl *ctl);
int ctl_events(struct ctl *ctl);
int ctl_codes(struct ctl *ctl);

#endif
