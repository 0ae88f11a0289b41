/* Requests of fepctl: what router_operate answers at once, and what is answered later. */
#ifndef FEP_CONTROL_H
#define FEP_CONTROL_H

#include <json-c/json.h>
#include "router.h"

struct control_request {
    const char *from;  /* who asks, as link_receive named it */
    uint64_t sequence; /* of the CONTROL frame */
    bool is_operator;  /* came over the operators' socket: `uid` is the system's word, and is one of the configured */
    uint32_t uid;
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
/* recall.c: {"do":"resolving"}; {"do":"resolved","name":NAME}; {"do":"traced","instance":NAME,"msgid":M,"origin":NODE or
 * absent,"serial":"yyyymmdd and 12 digits" or "absent"}. */
struct json_object *control_resolving(struct router *router);
struct json_object *control_resolved(struct router *router, struct json_object *command);
struct json_object *control_traced(struct router *router, struct json_object *command);
/* prompts.c: {"do":"prompt_close","id":N,"uid":N,"why":"...","local":"..."}; as above. */
struct json_object *control_close_prompt(struct router *router, const struct control_request *request,
                                         struct json_object *command);

/* What is asked, over either socket. NULL: the reply comes later; else it is the reply. */
struct json_object *control_carry_out(struct router *router, const struct control_request *request,
                                      struct json_object *command);
/* operators.c: a reply to a request of that socket (`to` begins with '@'). */
void operators_reply(struct router *router, const char *to, const char *text, size_t size);

/* unknown.c: {"do":"unknown"}: what is unclear here, and what stands without anybody having looked at it. */
struct json_object *control_unknown(struct router *router);
/* open.c: {"do":"open","older_ms":N or absent}: what is open here (accepted at least so long ago), by next hop, and the
 * oldest one by one. */
struct json_object *control_open(struct router *router, struct json_object *command);
const char *control_verb_name(unsigned resolution); /* "posted" ...; "" for none */
/* A text that came from a local system: long runs of digits are not shown, whatever they are. */
void control_mask_digits(char *text);

/* proposals.c: {"do":"propose","msgid":...,"verb":...,"why":...,"answer":...}, {"do":"confirm","id":N,"why":...},
 * "withdraw", {"do":"acknowledge","id":N,"why":...}, {"do":"proposals","all":true}; as above. */
struct json_object *control_propose(struct router *router, const struct control_request *request,
                                    struct json_object *command);
struct json_object *control_decide(struct router *router, const struct control_request *request,
                                   struct json_object *command, const char *what);
struct json_object *control_proposals(struct router *router, struct json_object *command);
/* Each update that stands and was not acknowledged yet. */
void proposals_each_standing(struct router *router, void (*fn)(void *arg, const struct store_proposal *row),
                             void *arg);
/* The open or confirmed proposal about an update, or NULL. */
const struct store_proposal *proposals_about(const struct router *router, const struct message_key *key);

#endif
