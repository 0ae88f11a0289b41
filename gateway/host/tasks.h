/* What operators ask of one instance (TASK, schema/host_link.md). Internal to fep-adapter. */
#ifndef FEP_TASKS_H
#define FEP_TASKS_H

#include <json-c/json.h>

#include "host.h"

enum { TASK_MS = 600000 /* no task takes longer */, TASK_RETRY_MS = 200 };

/* The one task that is under way. */
struct task {
    struct host *host;
    uint64_t number; /* of the TASK frame */
    struct loop_timer limit;
    void *state;
    void (*stop)(void *state); /* frees the state; nothing of it is called any more */
};

/* Begins a task; the error says why not. Later exactly one of task_end, task_fail. */
struct task *task_begin(struct host *host, uint64_t number, void *state, void (*stop)(void *state),
                        struct fep_error *error);
/* The result, taken over; the task and its state are gone afterwards. */
void task_end(struct task *task, struct json_object *result);
void task_fail(struct task *task, const struct fep_error *error);

/* One TASK_RESULT frame; takes `body`. */
void task_say(struct host *host, uint64_t number, bool done, bool more, struct json_object *body);
void task_refuse(struct host *host, uint64_t number, const struct fep_error *error);

void tasks_on_task(struct host *host, struct frame *frame);
void tasks_finish(struct host *host);

/* reconcile.c, catalogue.c, crosswalk.c, capture.c: each takes the task's JSON (borrowed) and answers it, now or later.
 * Negative with the error: refused, nothing was said. */
int reconcile_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error);
int catalogue_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error);
int crosswalk_reload(struct host *host, uint64_t number, struct fep_error *error);
int crosswalk_add(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error);
int capture_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error);

#endif
