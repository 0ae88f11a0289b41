/* fepctl's requests to the router: JSON in, JSON out. Reading only, bounded, and nothing of a person in any
 * answer. */
#include "router.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

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
    add_number(reply, "incarnation", identity.incarnation);
    add_number(reply, "commit_sequence", identity.commit_sequence);
    add_number(reply, "uptime_ms", (uint64_t)(router_now(router) - router->started_ms));
    add_flag(reply, "room", store_has_room(router->store));
    add_number(reply, "log_dropped", log_dropped());
    add_number(reply, "frames_refused", router->frames_refused);
    add_number(reply, "keys_refused", link_context_refused(router->links));
    return reply;
}

static struct json_object *
refuse(const char *why)
{
    struct json_object *reply = json_object_new_object();
    add_flag(reply, "ok", 0);
    add_text(reply, "error", why);
    return reply;
}

struct slice
router_operate(struct router *router, struct slice request)
{
    struct json_tokener *tokener = json_tokener_new_ex(8);
    struct json_object *parsed = NULL, *command = NULL, *reply;
    const char *name = NULL;

    if (tokener != NULL && request.size < 65536)
        parsed = json_tokener_parse_ex(tokener, (const char *)request.data, (int)request.size);
    if (parsed != NULL && json_object_object_get_ex(parsed, "command", &command))
        name = json_object_get_string(command);
    if (name == NULL)
        reply = refuse("the request is not a JSON object with a command");
    else if (strcmp(name, "status") == 0)
        reply = describe_status(router);
    else
        reply = refuse("this router does not know that command");

    size_t size = 0;
    const char *text = json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN, &size);
    struct slice answer = slice_copy(text, size);
    json_object_put(reply);
    json_object_put(parsed);
    if (tokener != NULL)
        json_tokener_free(tokener);
    return answer;
}
