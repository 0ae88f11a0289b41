/* An operator's tasks on their way to a host and back: fepctl asks, the host works, every part of its answer
 * goes on at once. Must never leave fepctl without an answer: the host's end and the time-out are told as
 * what they are, namely that nobody knows whether it was done. Nothing is kept but who waits. */
#include "control.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

enum { MOST_BYTES = 8 << 20, LONGEST_S = 3600, USUAL_S = 60 };

static struct router_task *
free_task(struct router *router)
{
    for (int i = 0; i < TASKS; i++)
        if (router->tasks[i].host == NULL)
            return &router->tasks[i];
    return NULL;
}

static int
send_task(struct router *router, const struct router_task *task, struct json_object *content)
{
    size_t size;
    const char *text = json_object_to_json_string_length(content, JSON_C_TO_STRING_PLAIN, &size);
    struct frame frame = {.kind = FRAME_TASK,
                          .sequence = task->sequence,
                          .epoch = task->epoch,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)text, .size = size}};
    return text != NULL ? router_send_local(router, task->host->conf->name, &frame) : -1;
}

struct json_object *
control_task(struct router *router, const struct control_request *request, struct json_object *command)
{
    struct json_object *content = NULL;
    struct router_host *host = router_find_host(router, control_text(command, "instance"));
    struct router_task *task = free_task(router);
    int64_t seconds = control_number(command, "timeout_s");
    if (!json_object_object_get_ex(command, "task", &content) ||
        !json_object_is_type(content, json_type_object) || control_text(content, "do")[0] == '\0')
        return control_refuse(FEP_E_USAGE, "a task needs an instance and an object `task` with a `do`");
    if (host == NULL)
        return control_refuse(FEP_E_USAGE, "no instance of that name is configured");
    if (!host->up)
        return control_refuse(FEP_E_HOST_NOT_READY, "the instance is down; nothing was done");
    if (task == NULL)
        return control_refuse(FEP_E_BOUND, "too many tasks are under way; nothing was done");
    *task = (struct router_task){.host = host,
                                 .epoch = host->epoch,
                                 .sequence = ++router->next_task,
                                 .control_sequence = request->sequence};
    snprintf(task->from, sizeof task->from, "%s", request->from);
    task->due_ms = router_now(router) + 1000 * (seconds < 1           ? USUAL_S
                                                : seconds > LONGEST_S ? LONGEST_S
                                                                      : seconds);
    if (send_task(router, task, content) == 0)
        return NULL;
    task->host = NULL;
    return control_refuse(FEP_E_HOST_NOT_READY, "the task could not be handed over; nothing was done");
}

static void
end_task(struct router *router, struct router_task *task, unsigned code, const char *why)
{
    control_reply(router, task->from, task->control_sequence, control_refuse(code, why));
    task->host = NULL;
}

/* The host's JSON goes into the reply as it is: the router has no use for what it says. */
static int
forward(struct router *router, const struct router_task *task, const struct frame *frame)
{
    char head[1200] = "";
    struct json_object *text = json_object_new_string(frame->sections & FRAME_HAS_TEXT ? frame->text : "");
    int length =
        snprintf(head, sizeof head, "{\"ok\":%s,\"more\":%s,\"error\":%.1100s,\"result\":",
                 frame->ok || frame->more ? "true" : "false", frame->more ? "true" : "false",
                 text != NULL ? json_object_to_json_string_ext(text, JSON_C_TO_STRING_PLAIN) : "\"\"");
    json_object_put(text);
    size_t size = (size_t)length + frame->body.size + 1;
    struct buffer *buffer = buffer_create(size);
    if (buffer == NULL)
        return -1;
    memcpy(buffer_data(buffer), head, (size_t)length);
    memcpy(buffer_data(buffer) + length, frame->body.data, frame->body.size);
    buffer_data(buffer)[size - 1] = '}';
    struct frame reply = {.kind = FRAME_CONTROL_REPLY,
                          .sequence = task->control_sequence,
                          .sections = FRAME_HAS_BODY,
                          .body = slice_of(buffer)};
    int status = router_send_local(router, task->from, &reply);
    slice_release(&reply.body);
    return status;
}

void
router_on_task_result(struct router *router, struct router_host *host, const struct frame *frame)
{
    for (int i = 0; i < TASKS; i++) {
        struct router_task *task = &router->tasks[i];
        if (task->host != host || task->epoch != frame->epoch || task->sequence != frame->sequence)
            continue;
        task->bytes += frame->body.size;
        if (task->bytes > MOST_BYTES)
            end_task(router, task, FEP_E_OVERSIZE, "the task's answer is too long; it may have been done");
        else if (forward(router, task, frame) !=
                 0) /* or the one who asked has gone: then this goes nowhere */
            end_task(router, task, FEP_E_OVERSIZE, "the task's answer is too long; it may have been done");
        else if (!frame->more)
            task->host = NULL;
        return;
    }
}

void
router_tick_tasks(struct router *router, int64_t now_ms)
{
    for (int i = 0; i < TASKS; i++) {
        struct router_task *task = &router->tasks[i];
        if (task->host == NULL)
            continue;
        if (!task->host->up || task->host->epoch != task->epoch)
            end_task(router, task, FEP_E_HOST_LOST,
                     "the instance went down meanwhile; nobody knows whether the task was done");
        else if (now_ms >= task->due_ms)
            end_task(router, task, FEP_E_QUERY_TIMEOUT,
                     "the instance did not answer in time; nobody knows whether the task was done");
    }
}
