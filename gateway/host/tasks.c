/* Operators' tasks: one at a time, each answered with a result or with the reason why not. Must never keep
 * the loop from its traffic: long ones go on in small steps from callbacks. A task that outlives its limit is
 * given up. */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "error.h"

void
task_say(struct host *host, uint64_t number, bool done, bool more, struct json_object *body)
{
    const char *text =
        json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    struct frame frame = {
        .kind = FRAME_TASK_RESULT, .sequence = number, .sections = FRAME_HAS_BODY, .ok = done, .more = more};
    if (body == NULL || text == NULL)
        text = "{\"error\":\"no memory for the result\"}";
    frame.body = (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
    if (frame.body.size > FRAME_MAX_BODY) {
        text = "{\"error\":\"the result is too long\"}";
        frame.ok = 0;
        frame.body = (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
    }
    (void)router_send(host, &frame); /* lost: whoever asked is told that no answer came */
    json_object_put(body);
}

void
task_refuse(struct host *host, uint64_t number, const struct fep_error *error)
{
    bool failed = false;
    struct json_object *body = json_object_new_object();
    body_put_text(body, "error", error->text, &failed);
    body_put_number(body, "code", error->code, &failed);
    task_say(host, number, false, false, body);
}

/* --- one at a time ------------------------------------------------------------------------------- */

static void
free_task(struct task *task)
{
    struct host *host = task->host;
    loop_clear_timer(&host->loop, &task->limit);
    own_call_forget(host, task);
    task->stop(task->state);
    host->task = NULL;
    free(task);
}

static void
on_limit(void *arg)
{
    struct fep_error error = {0};
    error_set(&error, FEP_NOT_SENT, FEP_E_DEADLINE_NOT_SENT, "the task was given up after %d s",
              TASK_MS / 1000);
    task_fail(arg, &error);
}

struct task *
task_begin(struct host *host, uint64_t number, void *state, void (*stop)(void *state),
           struct fep_error *error)
{
    if (host->task != NULL) {
        error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "another task is under way at this instance");
        return NULL;
    }
    struct task *task = calloc(1, sizeof *task);
    if (task != NULL) {
        *task = (struct task){.host = host, .number = number, .state = state, .stop = stop};
        task->limit = (struct loop_timer){.fn = on_limit, .arg = task};
    }
    if (task == NULL || loop_set_timer(&host->loop, &task->limit, TASK_MS) < 0) {
        free(task);
        error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    host->task = task;
    return task;
}

void
task_end(struct task *task, struct json_object *result)
{
    struct host *host = task->host;
    uint64_t number = task->number;
    free_task(task);
    task_say(host, number, true, false, result);
}

void
task_fail(struct task *task, const struct fep_error *error)
{
    struct host *host = task->host;
    uint64_t number = task->number;
    struct fep_error kept = *error; /* it may be of the state */
    free_task(task);
    host_log(host, 4, kept.text, kept.code);
    task_refuse(host, number, &kept);
}

void
tasks_finish(struct host *host)
{
    if (host->task != NULL)
        free_task(host->task);
}

/* --- from the router ----------------------------------------------------------------------------- */

void
tasks_on_task(struct host *host, struct frame *frame)
{
    struct fep_error error = {0};
    char word[24];
    int status;
    struct json_object *wish = canonical_parse(frame->body, &error);
    body_text(wish, "do", word, sizeof word);
    if (wish == NULL)
        status = -1;
    else if (strcmp(word, "reconcile") == 0)
        status = reconcile_begin(host, frame->sequence, wish, &error);
    else if (strcmp(word, "catalogue") == 0)
        status = catalogue_begin(host, frame->sequence, wish, &error);
    else if (host->mapping == NULL)
        status = error_set(&error, FEP_REFUSED, FEP_E_NOT_MAPPED, "the instance has no mapping file");
    else if (strcmp(word, "reload") == 0)
        status = crosswalk_reload(host, frame->sequence, &error);
    else if (strcmp(word, "crosswalk_add") == 0)
        status = crosswalk_add(host, frame->sequence, wish, &error);
    else if (strcmp(word, "capture") == 0)
        status = capture_begin(host, frame->sequence, wish, &error);
    else
        status = error_set(&error, FEP_REFUSED, FEP_E_USAGE,
                           "\"do\" is none of reconcile, catalogue, reload, crosswalk_add, capture");
    if (status < 0)
        task_refuse(host, frame->sequence, &error);
    json_object_put(wish);
}
