/* Tasks for an adapter instance: given to the router, which passes them on. Must say plainly whether a thing
 * was done, was refused, or whether nobody knows; and every change leaves an audit line with who and why. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "reply.h"

enum { BESIDE_MS = 5000 }; /* what the router may take beyond the task's own time */

void
ctl_audit(const struct conf *conf, const char *what, const char *instance, int64_t number, const char *why)
{
    log_open("fepctl", conf->node, conf->log_socket[0] != '\0' ? conf->log_socket : NULL);
    log_line(LOG_EVENT_AUDIT, LOG_SEV_NOTICE, LOG_T("what", what), LOG_T("instance", instance),
             LOG_N("uid", getuid()), LOG_N("number", number), LOG_S(why != NULL ? why : ""));
    log_flush();
    log_close();
}

struct parts {
    int (*on_part)(void *arg, struct json_object *result);
    void *arg;
};

static int
pass_part(void *arg, struct json_object *reply)
{
    struct parts *parts = arg;
    return parts->on_part != NULL ? parts->on_part(parts->arg, reply_member(reply, "result")) : 0;
}

/* All of them, as when a file is checked. */
static void
print_problems(struct json_object *result)
{
    struct json_object *list = result != NULL ? reply_member(result, "problems") : NULL;
    if (list == NULL || !json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++)
        fprintf(stderr, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

/* What the router or the host says against it. */
static int
say_refusal(const struct ctl *ctl, struct json_object *reply, const char *instance)
{
    struct fep_error error = {0};
    struct json_object *result = reply_member(reply, "result"), *code = reply_member(reply, "code"),
                       *text = reply_member(reply, "error");
    bool by_router = result == NULL;
    if (code == NULL && result != NULL)
        code = reply_member(result, "code");
    if ((text == NULL || json_object_get_string_len(text) == 0) && result != NULL)
        text = reply_member(result, "error");
    print_problems(result);
    error_set(&error, 0, (unsigned)json_object_get_int(code), "%s: %.200s", instance,
              text != NULL ? json_object_get_string(text) : "-");
    return ctl_fail(ctl, &error, by_router ? CTL_SURROUNDINGS : CTL_BAD);
}

struct json_object *
ctl_run_task(struct ctl *ctl, const struct conf *conf, const char *instance, struct json_object *task,
             int timeout_s, int (*on_part)(void *arg, struct json_object *result), void *arg, int *exit_code)
{
    struct fep_error error = {0};
    struct parts parts = {on_part, arg};
    struct json_object *request = json_object_new_object(), *reply, *result = NULL;
    json_object_object_add(request, "do", json_object_new_string("task"));
    json_object_object_add(request, "instance", json_object_new_string(instance));
    json_object_object_add(request, "timeout_s", json_object_new_int(timeout_s));
    json_object_object_add(request, "task", task);
    reply = ctl_ask(conf, request, timeout_s * 1000 + BESIDE_MS, pass_part, &parts, &error);
    *exit_code = CTL_SURROUNDINGS;
    if (reply == NULL) {
        ctl_fail(ctl, &error, CTL_SURROUNDINGS);
        return NULL;
    }
    if (json_object_get_boolean(reply_member(reply, "ok"))) {
        *exit_code = CTL_GOOD;
        result = json_object_get(reply_member(reply, "result"));
        if (result == NULL)
            result = json_object_new_object();
    } else {
        *exit_code = say_refusal(ctl, reply, instance);
    }
    json_object_put(reply);
    return result;
}
