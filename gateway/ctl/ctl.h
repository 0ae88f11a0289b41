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

#define CTL_SETTINGS 48

struct ctl {
    const char *conf_path;
    bool chinese; /* else English */
    bool json, show, overwrite, markdown, all, totals_only;
    const char *mapping, *out, *reason; /* --mapping, --out, --why; NULL: not given */
    const char *local;                  /* --local */
    const char *profile, *secrets;      /* --profile, --secrets */
    const char *seconds;                /* --seconds */
    const char *listen;                 /* --listen */
    const char *answer;                 /* --answer */
    const char *settings[CTL_SETTINGS]; /* --set NAME=VALUE, as given */
    size_t setting_count;
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
/* The same with a request of any members (released). Replies with "more" are parts: each goes to on_part (NULL: they
 * are dropped), and the wait begins anew; the last reply is returned. on_part returns negative to give up. */
struct json_object *ctl_ask(const struct conf *conf, struct json_object *request, int wait_ms,
                            int (*on_part)(void *arg, struct json_object *part), void *arg,
                            struct fep_error *error);

/* --- operators.c: the socket on which the system tells the router who asks --- */
/* The request is released. NULL: no answer, the error says why. */
struct json_object *ctl_ask_operators(const struct conf *conf, struct json_object *request, struct fep_error *error);
/* Is who runs this one of the configured operators? */
bool ctl_is_operator(const struct conf *conf);
/* unknown.c: over the operators' socket for an operator, else over the gateway's own. The reply if it was done; NULL with
 * everything said. */
struct json_object *ctl_ask_either(struct ctl *ctl, const struct conf *conf, struct json_object *request,
                                   int *exit_code);

/* --- task.c: what an instance is asked to do
 * ------------------------------------------------------------------ */
/* Gives `task` (released; its member `do` names it) to an instance through the router and waits for its end. Parts
 * go to on_part as their `result`. The result (released by the caller) if it was done; NULL with everything said:
 * then *exit_code is CTL_BAD if the instance refused, else CTL_SURROUNDINGS. */
struct json_object *ctl_run_task(struct ctl *ctl, const struct conf *conf, const char *instance,
                                 struct json_object *task, int timeout_s,
                                 int (*on_part)(void *arg, struct json_object *result), void *arg,
                                 int *exit_code);
/* Writes the audit line of a change made here: what, who (uid), at which instance, why. */
void ctl_audit(const struct conf *conf, const char *what, const char *instance, int64_t number,
               const char *why);

/* --- commands
 * -------------------------------------------------------------------------------------------------- */
int ctl_status(struct ctl *ctl);
int ctl_metrics(struct ctl *ctl);
int ctl_why(struct ctl *ctl);
int ctl_route_explain(struct ctl *ctl);
int ctl_config_check(struct ctl *ctl);
int ctl_map_check(struct ctl *ctl);
int ctl_map_test(struct ctl *ctl);
int ctl_map_golden(struct ctl *ctl);
int ctl_map_coverage(struct ctl *ctl);
int ctl_map_import_copybook(struct ctl *ctl);
int ctl_keys_link(struct ctl *ctl);
int ctl_keys_body(struct ctl *ctl);
int ctl_keys_pseudonym(struct ctl *ctl);
int ctl_adapter_describe(struct ctl *ctl);
int ctl_adapter_selftest(struct ctl *ctl);
int ctl_capture(struct ctl *ctl);
int ctl_prompts_list(struct ctl *ctl);
int ctl_quarantine(struct ctl *ctl);
int ctl_prompts_export(struct ctl *ctl);
int ctl_prompts_close(struct ctl *ctl);
int ctl_reconcile(struct ctl *ctl);
int ctl_backup(struct ctl *ctl);
int ctl_restore(struct ctl *ctl);
int ctl_resolving(struct ctl *ctl);
int ctl_resolve(struct ctl *ctl);
int ctl_traced(struct ctl *ctl);
int ctl_resolved(struct ctl *ctl);
int ctl_reload(struct ctl *ctl);
int ctl_catalogue(struct ctl *ctl);
int ctl_unknown(struct ctl *ctl);
int ctl_queue(struct ctl *ctl);
int ctl_stuck(struct ctl *ctl);
int ctl_propose(struct ctl *ctl);
int ctl_proposals(struct ctl *ctl);
int ctl_confirm(struct ctl *ctl);
int ctl_withdraw(struct ctl *ctl);
int ctl_acknowledge(struct ctl *ctl);
int ctl_seal_explain(struct ctl *ctl);
int ctl_events(struct ctl *ctl);
int ctl_codes(struct ctl *ctl);

#endif
