/* Fuzzes what the router takes as JSON: requests of fepctl, lists and prompts of hosts, their answers to
 * tasks. First byte: c, l, p or t; the rest is the body of the frame. The router's own code runs with a store
 * and a link that only look at what they are given. Every request is answered once, with strict JSON, or
 * waits for what was handed on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "error_codes.h"
#include "exchange_record.h"
#include "fuzz.h"
#include "json_check.h"
#include "backup.h"
#include "listing.h"
#include "log.h"
#include "utf8.h"

const char *const fuzz_words[] = {"\"do\":\"",
                                  "\"status\"",
                                  "\"task\"",
                                  "\"prompt_close\"",
                                  "\"instance\":\"danxian\"",
                                  "\"timeout_s\":",
                                  "\"infnos\":[\"2207\"]",
                                  "\"day\":20261122",
                                  "\"role\":1",
                                  "\"after\":\"",
                                  "\"limit\":",
                                  "\"msgid\":\"",
                                  "\"line\":1",
                                  "{",
                                  "}",
                                  "[",
                                  "]",
                                  ",",
                                  "null",
                                  "1e9",
                                  "\"\\u0000\"",
                                  "\"\\ud83d\"",
                                  "9223372036854775807",
                                  NULL};

static struct router router;
static struct conf conf;
static struct conf_instance instance = {.name = "danxian"};
static unsigned replies, acknowledged, ends, handed_on;
static bool forwards; /* the JSON is a host's: not ours to answer for */

/* --- what the router's files ask of others --- */

int
router_send_local(struct router *whole, const char *to, const struct frame *frame)
{
    struct fep_error error = {0};
    (void)whole;
    must(to[0] != '\0', "a frame goes to somebody");
    unsigned char *bytes = malloc(frame_size(frame));
    must(bytes != NULL && frame_encode(frame, bytes, frame_size(frame), &error) == frame_size(frame),
         "what is sent is a frame");
    free(bytes);
    if (frame->kind == FRAME_CONTROL_REPLY) {
        replies++;
        must(forwards || json_check((const char *)frame->body.data, frame->body.size, &error) == 0,
             "a reply is strict JSON");
    } else if (frame->kind == FRAME_HOST_ACK) {
        acknowledged++;
    } else if (frame->kind == FRAME_ENTRY) {
        ends++;
        must(!(frame->sections & FRAME_HAS_TEXT) || utf8_is_valid(frame->text, strlen(frame->text), NULL),
             "a refusal is UTF-8");
    } else {
        must(frame->kind == FRAME_TASK, "what goes to a host is a task");
        handed_on++;
    }
    return 0;
}

struct router_host *
router_find_host(struct router *whole, const char *name)
{
    return strcmp(name, instance.name) == 0 ? &whole->hosts[0] : NULL;
}

void
core_read_status(const struct core *core, struct core_status *status)
{
    (void)core;
    *status = (struct core_status){0};
}

void
store_read_identity(const struct store *store, struct store_identity *identity)
{
    (void)store;
    *identity = (struct store_identity){0};
}

int
store_has_room(const struct store *store)
{
    (void)store;
    return 1;
}

void
core_each_unclear(const struct core *core, int (*fn)(void *arg, const struct core_unclear *unclear),
                  void *arg)
{
    (void)core, (void)fn, (void)arg;
}

void
core_each(const struct core *core, int (*fn)(void *arg, const struct exchange_record *record), void *arg)
{
    (void)core, (void)fn, (void)arg;
}

const struct exchange_record *
core_find(const struct core *core, const struct message_key *key, enum exchange_role role)
{
    (void)core, (void)key, (void)role;
    return NULL;
}

uint16_t
core_may_resolve(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                 bool has_answer)
{
    (void)core, (void)resolution, (void)has_answer;
    must(msgid_is_valid(key->msgid), "what is to be resolved is named");
    return FEP_E_NOT_UNCLEAR;
}

bool
core_acted_since(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                 uint64_t ms_ago)
{
    (void)core, (void)resolution, (void)ms_ago;
    must(msgid_is_valid(key->msgid), "what was acted on is named");
    return false;
}

bool
core_has_untaken(const struct core *core)
{
    (void)core;
    return false;
}

bool
core_may_tell_held(const struct core *core, const char *peer)
{
    (void)core;
    must(peer[0] != '\0', "who asks has a name");
    return true;
}

int
core_set_resolving(struct core *core, const char *name)
{
    (void)core;
    must(name[0] != '\0', "who is resolving has a name");
    return 0;
}

void
router_step(struct router *whole, struct core_event *event)
{
    (void)whole;
    must(event->type != 0, "a step has an event");
}

struct router_peer *
router_find_peer(struct router *whole, const char *name)
{
    (void)whole, (void)name;
    return NULL;
}

int
store_load_proposals(struct store *store, size_t limit,
                     int (*fn)(void *arg, const struct store_proposal *proposal), void *arg,
                     struct fep_error *error)
{
    (void)store, (void)limit, (void)fn, (void)arg, (void)error;
    return 0;
}

int
store_put_proposal(struct store *store, const struct store_proposal *proposal, uint64_t reference)
{
    (void)store, (void)proposal;
    must(reference != 0, "what is stored is answered");
    handed_on++;
    return 0;
}

int
store_recall(struct store *store, const char *peer, int64_t since_ms, const char *after, uint64_t reference)
{
    (void)store, (void)since_ms, (void)after, (void)reference;
    must(peer[0] != '\0', "who asks has a name");
    return -1;
}

int
restore_read_marks(const char *state_directory, void (*fn)(void *arg, const char *name, int64_t since_ms),
                   void *arg, struct fep_error *error)
{
    (void)state_directory, (void)fn, (void)arg, (void)error;
    return 0;
}

int
restore_clear_mark(const char *state_directory, const char *name, struct fep_error *error)
{
    (void)state_directory, (void)error;
    must(name[0] != '\0', "a mark has a name");
    return 0;
}

/* Lines are told to nobody: a round that logs would only be slow. */
void
log_write(enum log_event event, enum log_severity severity, const struct log_field *fields, size_t count)
{
    (void)severity;
    must(event < LOG_EVENT_COUNT && (count == 0 || fields[0].key != NULL), "a line is one of the list");
}

uint64_t
log_dropped(void)
{
    return 0;
}

uint64_t
link_context_refused(const struct link_context *links)
{
    (void)links;
    return 0;
}

int
store_list(struct store *store, const struct store_list_query *query, uint64_t reference)
{
    (void)store;
    must(reference != 0 && listing_is_valid(query), "what the store is asked is a question");
    handed_on++;
    return (int)(query->limit % 2) - 1;
}

static void
text_must_be_sound(const char *text, size_t room)
{
    must(memchr(text, '\0', room) != NULL && utf8_is_valid(text, strlen(text), NULL),
         "a stored text is UTF-8");
}

int
store_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference)
{
    (void)store;
    must(reference != 0 && msgid_is_valid(prompt->msgid) && prompt->line > 0, "a prompt is about a line");
    text_must_be_sound(prompt->item_name, sizeof prompt->item_name);
    text_must_be_sound(prompt->institution_name, sizeof prompt->institution_name);
    text_must_be_sound(prompt->visit_id, sizeof prompt->visit_id);
    handed_on++;
    return prompt->line % 2 == 0 ? 0 : -1;
}

int
store_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference)
{
    (void)store;
    must(reference != 0 && closing->id > 0 && closing->why[0] != '\0', "a prompt is closed with a reason");
    text_must_be_sound(closing->why, sizeof closing->why);
    text_must_be_sound(closing->local_code, sizeof closing->local_code);
    handed_on++;
    return closing->id % 2 == 0 ? 0 : -1;
}

/* --- one input --- */

static void
begin(void)
{
    memset(router.tasks, 0, sizeof router.tasks);
    memset(router.prompts, 0, sizeof router.prompts);
    router.conf = &conf;
    router.clock = &clock_system;
    router.host_count = 1;
    router.hosts[0] =
        (struct router_host){.conf = &instance, .epoch = 1, .up = 1, .ready = 1, .health = FEP_UP};
    replies = acknowledged = ends = handed_on = 0;
    forwards = false;
}

static void
take_task_result(struct frame *frame)
{
    static const char task[] = "{\"do\":\"task\",\"instance\":\"danxian\",\"task\":{\"do\":\"reload\"}}";
    struct frame asked = *frame;
    asked.body = (struct slice){.data = (const unsigned char *)task, .size = sizeof task - 1};
    router_operate(&router, "fepctl", &asked);
    must(handed_on == 1 && replies == 0, "a task is handed on");
    forwards = true;
    frame->kind = FRAME_TASK_RESULT;
    frame->sequence = router.tasks[0].sequence;
    frame->ok = 1;
    router_on_task_result(&router, &router.hosts[0], frame);
    must(replies == 1, "a task's answer goes on");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 70000)
        return 0;
    struct frame frame = {.kind = FRAME_CONTROL,
                          .sequence = 7,
                          .epoch = 1,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = data + 1, .size = size - 1}};
    begin();
    switch (data[0]) {
    case 'l':
        router_on_list(&router, &router.hosts[0], &frame);
        must(ends + handed_on >= 1, "a list is read or refused");
        memset(router.hosts[0].lists, 0, sizeof router.hosts[0].lists);
        break;
    case 'p':
        router_on_prompt(&router, &router.hosts[0], &frame);
        must(acknowledged + handed_on == 1, "a prompt is kept or refused");
        break;
    case 't':
        take_task_result(&frame);
        break;
    default:
        router_operate(&router, "fepctl", &frame);
        must(replies == 1 || (replies == 0 && handed_on == 1), "a request is answered once, or handed on");
    }
    return 0;
}
