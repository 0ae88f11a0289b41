/* Requests of fepctl: what router_operate answers at once, and what is answered later. */
#ifndef FEP_CONTROL_H
#define FEP_CONTROL_H

#include <json-c/json.h>
#include "router.h"

struct control_request {
    const char *from;  /* who asks, as link_receive named it */
    uint64_t sequence; /* of the CONTROL frame */
};

/* {"ok":false,"code":N,"error":"..."}; the caller releases it. */
struct json_object *control_refuse(unsigned code, const char *why);
/* Sends a reply and releases it. */
void control_reply(struct router *router, const char *to, uint64_t sequence, struct json_object *reply);
/* A member's text, or "". */
const char *control_text(struct json_object *object, const char *key);
int64_t control_number(struct json_object *object, const char *key);

/* tasks.c: {"do":"task","instance":NAME,"task":{...},"timeout_s":N}. NULL: the reply comes later; else it is the
 * reply. */
struct json_object *control_task(struct router *router, const struct control_request *request,
                                 struct json_object *command);
/* prompts.c: {"do":"prompt_close","id":N,"uid":N,"why":"...","local":"..."}; as above. */
struct json_object *control_close_prompt(struct router *router, const struct control_request *request,
                                         struct json_object *command);

#endif
