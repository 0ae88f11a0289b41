/* fepctl's requests to the router: JSON in, JSON out, bounded, and nothing of a person in any answer of the
 * router's own. What takes longer is answered by tasks.c and prompts.c. */
#include "control.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "log.h"

static void
add_number(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

static void
add_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static void
add_flag(struct json_object *object, const char *key, int value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *
describe_states(const uint64_t *by_state, int first, int last)
{
    struct json_object *object = json_object_new_object();
    for (int state = first; state <= last; state++)
        add_number(object, exchange_state_name((enum exchange_state)state), by_state[state]);
    return object;
}

static struct json_object *
describe_peers(const struct router *router)
{
    struct json_object *list = json_object_new_array();
    int64_t now = router_now(router);
    for (size_t i = 0; i < router->peer_count; i++) {
        const struct router_peer *peer = &router->peers[i];
        struct json_object *entry = json_object_new_object();
        struct peer_figures figures;
        int up = peer_is_up(peer->peer);
        peer_read_figures(peer->peer, &figures);
        add_text(entry, "name", peer->conf->name);
        add_flag(entry, "up", up);
        add_number(entry, "unacknowledged", figures.unacknowledged);
        add_number(entry, "waiting", figures.waiting);
        add_number(entry, "resent", figures.resent);
        add_number(entry, "sent", figures.sent);
        add_number(entry, "received", figures.received);
        json_object_object_add(entry, "clock_offset_ms", json_object_new_int64(figures.clock_offset_ms));
        add_number(entry, "down_ms", up ? 0 : (uint64_t)(now - peer->down_since_ms));
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *
describe_instances(const struct router *router)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < router->host_count; i++) {
        const struct router_host *host = &router->hosts[i];
        static const char *const states[] = {"-", "starting", "up", "degraded", "down", "stopping"};
        struct json_object *entry = json_object_new_object();
        add_text(entry, "name", host->conf->name);
        add_flag(entry, "up", host->up);
        add_flag(entry, "ready", host->ready);
        add_number(entry, "epoch", host->epoch);
        add_text(entry, "health", states[host->health <= FEP_STOPPING ? host->health : 0]);
        add_text(entry, "reason", host->health_reason);
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *
describe_status(struct router *router)
{
    struct json_object *reply = json_object_new_object();
    struct core_status status;
    struct store_identity identity;

    core_read_status(router->core, &status);
    store_read_identity(router->store, &identity);
    add_flag(reply, "ok", 1);
    add_text(reply, "node", router->conf->node);
    add_number(reply, "open_unknown", status.open_unknown);
    add_number(reply, "open_total", status.open_total);
    json_object_object_add(reply, "open",
                           describe_states(status.open_by_state, STATE_QUEUED, STATE_REVERSING));
    json_object_object_add(reply, "endings", describe_states(status.endings, STATE_ANSWERED, STATE_STANDS));
    add_number(reply, "pending_queries", status.pending_queries);
    add_number(reply, "queued_bytes", status.open_bytes);
    json_object_object_add(reply, "peers", describe_peers(router));
    json_object_object_add(reply, "instances", describe_instances(router));
    add_number(reply, "resolving", router->resolving_count);
    add_number(reply, "incarnation", identity.incarnation);
    add_number(reply, "commit_sequence", identity.commit_sequence);
    add_number(reply, "uptime_ms", (uint64_t)(router_now(router) - router->started_ms));
    add_number(reply, "open_prompts", identity.open_prompts);
    add_flag(reply, "room", store_has_room(router->store));
    add_number(reply, "commit_lag", router->written - router->committed);
    json_object_object_add(reply, "figures", figures_describe(&router->figures));
    add_number(reply, "log_dropped", log_dropped());
    add_number(reply, "frames_refused", router->frames_refused);
    add_number(reply, "keys_refused", link_context_refused(router->links));
    return reply;
}

struct json_object *
control_refuse(unsigned code, const char *why)
{
    struct json_object *reply = json_object_new_object();
    add_flag(reply, "ok", 0);
    add_number(reply, "code", code);
    add_text(reply, "error", why);
    return reply;
}

const char *
control_text(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
        return "";
    return json_object_get_string(value);
}

int64_t
control_number(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_int))
        return 0;
    return json_object_get_int64(value);
}

void
control_reply(struct router *router, const char *to, uint64_t sequence, struct json_object *reply)
{
    size_t size = 0;
    const char *text = json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN, &size);
    if (to[0] == '@') {
        operators_reply(router, to, text != NULL ? text : "", text != NULL ? size : 0);
        json_object_put(reply);
        return;
    }
    struct frame frame = {.kind = FRAME_CONTROL_REPLY,
                          .sequence = sequence,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)text, .size = size}};
    if (text != NULL)
        (void)router_send_local(router, to, &frame); /* he went away: nobody else wants it */
    json_object_put(reply);
}

struct json_object *
control_carry_out(struct router *router, const struct control_request *request, struct json_object *command)
{
    const char *name = control_text(command, "do");
    if (name[0] == '\0')
        name = control_text(command, "command");
    if (strcmp(name, "status") == 0)
        return describe_status(router);
    if (strcmp(name, "task") == 0)
        return control_task(router, request, command);
    if (strcmp(name, "resolving") == 0)
        return control_resolving(router);
    if (strcmp(name, "resolved") == 0)
        return control_resolved(router, command);
    if (strcmp(name, "traced") == 0)
        return control_traced(router, command);
    if (strcmp(name, "prompt_close") == 0)
        return control_close_prompt(router, request, command);
    if (strcmp(name, "unknown") == 0)
        return control_unknown(router);
    if (strcmp(name, "open") == 0)
        return control_open(router, command);
    if (strcmp(name, "proposals") == 0)
        return control_proposals(router, command);
    if (strcmp(name, "propose") == 0)
        return control_propose(router, request, command);
    if (strcmp(name, "confirm") == 0 || strcmp(name, "withdraw") == 0 || strcmp(name, "acknowledge") == 0)
        return control_decide(router, request, command, name);
    return control_refuse(FEP_E_USAGE, name[0] == '\0' ? "the request is not a JSON object with a command"
                                                       : "this router does not know that command");
}

void
router_operate(struct router *router, const char *from, const struct frame *frame)
{
    struct control_request request = {.from = from, .sequence = frame->sequence};
    struct json_tokener *tokener = json_tokener_new_ex(8);
    struct json_object *parsed = NULL, *reply;

    if (from[0] == '@') {
        if (tokener != NULL)
            json_tokener_free(tokener);
        return; /* such names are those of the operators' socket */
    }
    if (tokener != NULL)
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8); /* what is said is kept and shown */
    if (tokener != NULL && frame->body.size < 65536)
        parsed = json_tokener_parse_ex(tokener, (const char *)frame->body.data, (int)frame->body.size);
    if (parsed != NULL && json_object_is_type(parsed, json_type_object))
        reply = control_carry_out(router, &request, parsed);
    else
        reply = control_refuse(FEP_E_USAGE, "the request is not a JSON object with a command");
    if (reply != NULL)
        control_reply(router, from, frame->sequence, reply);
    json_object_put(parsed);
    if (tokener != NULL)
        json_tokener_free(tokener);
}
