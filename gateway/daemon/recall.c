/* After a restore: asks each peer page by page for what it holds of the exchanges with this gateway, and
 * answers such questions of a peer that was restored. Must never count a page as heard before what followed
 * from it is on disk, nor one of which a frame was lost. A peer that does not answer is asked again for ever;
 * a person may end it (control "resolved"). The story: schema/restore.md. */
#include "control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "error.h"
#include "log.h"
#include "outcome_codec.h"

enum { AGAIN_MS = 5000, BEFORE_MS = 2 * 3600 * 1000, SHOWN = 1000 };
#define RECALL_REFERENCE (1ull << 62) /* of questions to the store; the rest is the peer's place */

/* --- who is resolving ---------------------------------------------------------------------------------- */

static struct router_resolving *
find_resolving(struct router *router, const char *name)
{
    for (size_t i = 0; i < router->resolving_count; i++)
        if (strcmp(router->resolving[i].name, name) == 0)
            return &router->resolving[i];
    return NULL;
}

static void
take_mark(void *arg, const char *name, int64_t since_ms)
{
    struct router *router = arg;
    if (router->resolving_count == sizeof router->resolving / sizeof router->resolving[0] ||
        strlen(name) >= NODE_SIZE || core_set_resolving(router->core, name) != 0)
        return; /* no party of this configuration: nothing can be asked of it, nothing comes from it */
    struct router_resolving *one = &router->resolving[router->resolving_count++];
    *one = (struct router_resolving){.since_ms = since_ms};
    snprintf(one->name, sizeof one->name, "%s", name);
    one->is_peer = router_find_host(router, name) == NULL;
    log_line(LOG_EVENT_ALARM, LOG_SEV_WARNING, LOG_N("code", FEP_E_RESOLVING), LOG_T("from", one->name),
             LOG_S("not heard since this store was put back from a backup"));
}

int
router_open_resolving(struct router *router, struct fep_error *error)
{
    return restore_read_marks(router->conf->state_directory, take_mark, router, error) < 0 ? -1 : 0;
}

/* The mark first: what is told to the core is on disk. */
static int
end_resolving(struct router *router, struct router_resolving *one, struct fep_error *error)
{
    struct core_event heard = {.type = EVENT_HEARD};
    char name[NODE_SIZE];
    memcpy(name, one->name, sizeof name);
    heard.from = name;
    if (restore_clear_mark(router->conf->state_directory, name, error) != 0)
        return -1;
    *one = router->resolving[--router->resolving_count];
    log_line(LOG_EVENT_ALARM, LOG_SEV_NOTICE, LOG_N("code", FEP_E_RESOLVING), LOG_T("from", name),
             LOG_S("heard: what happened since the backup is known"));
    router_step(router, &heard);
    return 0;
}

/* --- asking -------------------------------------------------------------------------------------------- */

static void
ask_page(struct router *router, struct router_resolving *one, struct router_peer *peer, int64_t now_ms)
{
    struct frame frame = {.kind = FRAME_RECALL, .sequence = ++router->next_recall};
    frame.sections = FRAME_HAS_HELLO | (one->cursor[0] != '\0' ? FRAME_HAS_TEXT : 0u);
    frame.hello.wall_ms = one->since_ms - BEFORE_MS;
    memcpy(frame.hello.node, router->conf->node, sizeof frame.hello.node);
    memcpy(frame.text, one->cursor, sizeof one->cursor);
    one->sequence = frame.sequence;
    one->got = 0;
    one->stage = RECALL_ASKED;
    one->due_ms = now_ms + AGAIN_MS;
    one->refusals = router->store_refusals;
    (void)peer_send_once(peer->peer, &frame); /* lost: asked again */
}

static void
finish_page(struct router *router, struct router_resolving *one)
{
    struct fep_error error = {0};
    if (one->refusals != router->store_refusals ||
        core_has_untaken(router->core)) { /* not all of it is stored */
        one->stage = RECALL_IDLE;
        return;
    }
    memcpy(one->cursor, one->next, sizeof one->cursor);
    one->stage = RECALL_IDLE;
    if (one->cursor[0] != '\0')
        return;
    if (end_resolving(router, one, &error) != 0)
        log_line(LOG_EVENT_ALARM, LOG_SEV_ERROR, LOG_N("code", error.code), LOG_S(error.text));
}

static void
tick_one(struct router *router, struct router_resolving *one, int64_t now_ms)
{
    struct router_peer *peer = router_find_peer(router, one->name);
    if (peer == NULL || !one->is_peer)
        return;
    if ((one->stage == RECALL_FIRST || one->stage == RECALL_SECOND) && router->committed >= one->wait) {
        one->wait = router->written; /* a key that was known is written once more */
        if (one->stage++ == RECALL_SECOND)
            finish_page(router, one);
    } else if (one->stage <= RECALL_ASKED && peer_is_up(peer->peer) &&
               (one->stage == RECALL_IDLE || now_ms >= one->due_ms)) {
        if (one->stage == RECALL_IDLE && now_ms < one->due_ms && one->cursor[0] == '\0' && one->sequence != 0)
            return; /* the mark could not be cleared: not at every turn */
        ask_page(router, one, peer, now_ms);
    }
}

void
router_tick_recall(struct router *router, int64_t now_ms)
{
    for (size_t i = router->resolving_count; i-- > 0;)
        tick_one(router, &router->resolving[i], now_ms);
}

static void
take_end(struct router *router, struct router_resolving *one, const struct frame *frame)
{
    bool good = (frame->sections & FRAME_HAS_RESULT) != 0 && frame->result.code == 0 &&
                frame->result.accounting_date == one->got &&
                strnlen(frame->text, sizeof frame->text) < sizeof one->next;
    if (!good)
        return; /* asked again when it is due */
    memset(one->next, 0, sizeof one->next);
    if (frame->sections & FRAME_HAS_TEXT)
        snprintf(one->next, sizeof one->next, "%.63s", frame->text);
    one->stage = RECALL_FIRST;
    one->wait = router->written;
}

void
router_on_held(struct router *router, struct router_peer *peer, const struct frame *frame)
{
    struct router_resolving *one = find_resolving(router, peer->conf->name);
    if (one == NULL || one->stage != RECALL_ASKED || frame->sequence != one->sequence)
        return;
    one->due_ms = router_now(router) + AGAIN_MS;
    if (!frame->ok) {
        take_end(router, one, frame);
        return;
    }
    one->got++;
    struct core_event event = {.type = EVENT_HELD,
                               .from = peer->conf->name,
                               .header = frame->header,
                               .travel = frame->travel,
                               .index = frame->index,
                               .body = frame->body,
                               .found_answer = frame->answer,
                               .flag = frame->more};
    outcome_from_frame(frame, &event.outcome);
    if ((frame->sections & FRAME_HAS_HEADER) && (frame->sections & FRAME_HAS_TRAVEL))
        router_step(router, &event);
}

/* --- answering ----------------------------------------------------------------------------------------- */

void
router_on_recall(struct router *router, struct router_peer *peer, const struct frame *frame)
{
    char cursor[STORE_CURSOR_SIZE] = "";
    if (peer->recall != 0 && router_now(router) < peer->recall_due_ms)
        return; /* one at a time: it asks again */
    if (!core_may_tell_held(router->core, peer->conf->name))
        return; /* what its lost store had said is not on disk yet: it asks again */
    if (frame->sections & FRAME_HAS_TEXT)
        snprintf(cursor, sizeof cursor, "%.63s", frame->text);
    peer->recall = frame->sequence;
    peer->recall_count = 0;
    peer->recall_lost = 0;
    peer->recall_due_ms = router_now(router) + AGAIN_MS;
    uint64_t reference = RECALL_REFERENCE | ++router->next_recall << 8 | (uint64_t)(peer - router->peers);
    peer->recall_reference = reference;
    if (store_recall(router->store, peer->conf->name, frame->hello.wall_ms, cursor, reference) != 0)
        peer->recall = 0;
}

bool
router_is_recall(const struct store_event *event)
{
    return (event->reference & RECALL_REFERENCE) != 0 && !(event->reference >> 63);
}

static void
send_held(struct router_peer *peer, const struct store_event *event)
{
    const struct exchange_record *record = &event->record;
    struct core_outcome outcome = {.state = record->state,
                                   .kind = record->kind,
                                   .effect = record->effect,
                                   .refusal_class = record->refusal_class,
                                   .reason = record->reason,
                                   .code = record->code,
                                   .accounting_date = record->local.accounting_date};
    struct frame frame = {.kind = FRAME_HELD, .sequence = peer->recall, .ok = 1};
    memcpy(outcome.text, record->text, sizeof outcome.text);
    memcpy(outcome.cycle, record->local.cycle, sizeof outcome.cycle);
    frame.more = strcmp(record->previous, peer->conf->name) == 0;
    frame.sections = FRAME_HAS_HEADER | FRAME_HAS_TRAVEL | FRAME_HAS_INDEX;
    frame.sections |=
        (event->body.size != 0 ? FRAME_HAS_BODY : 0u) | (event->answer.size != 0 ? FRAME_HAS_ANSWER : 0u);
    frame.header = record->header;
    frame.travel = (struct travel){.attempt = record->attempt, .hops_left = record->hops_left};
    frame.index = record->index;
    frame.body = event->body;
    frame.answer = event->answer;
    outcome_to_frame(&outcome, &frame);
    if (peer_send_once(peer->peer, &frame) != 0)
        peer->recall_lost = 1;
    peer->recall_count++;
}

void
router_recalled(struct router *router, const struct store_event *event)
{
    size_t place = event->reference & 0xff;
    if (place >= router->peer_count)
        return;
    struct router_peer *peer = &router->peers[place];
    if (peer->recall == 0 || peer->recall_reference != event->reference)
        return; /* asked anew meanwhile */
    peer->recall_due_ms = router_now(router) + AGAIN_MS;
    if (event->found) {
        send_held(peer, event);
        return;
    }
    struct frame end = {.kind = FRAME_HELD, .sequence = peer->recall, .sections = FRAME_HAS_RESULT};
    end.result.kind = FEP_ANSWERED;
    end.result.accounting_date = peer->recall_count;
    end.result.code = (uint16_t)(event->error.code != 0 ? event->error.code
                                 : peer->recall_lost    ? FEP_E_BOUND
                                                        : 0);
    if (event->cursor[0] != '\0') {
        end.sections |= FRAME_HAS_TEXT;
        memcpy(end.text, event->cursor, sizeof event->cursor);
    }
    (void)peer_send_once(peer->peer, &end); /* lost: asked again */
    peer->recall = 0;
}

/* --- for operators ------------------------------------------------------------------------------------- */

struct lost {
    struct json_object *list;
    const char *instance; /* NULL: of all */
    size_t count, open;
};

static int
add_lost(void *arg, const struct exchange_record *record)
{
    struct lost *lost = arg;
    if (record->role != ROLE_DESTINATION || record->local.serial != 0 || record->state == STATE_QUEUED ||
        record->state == STATE_REFUSED || record->state == STATE_REVERSED ||
        (lost->instance != NULL && strcmp(lost->instance, record->target) != 0))
        return 0;
    lost->open += !exchange_state_is_ending((enum exchange_state)record->state);
    if (lost->list == NULL || lost->count++ >= SHOWN)
        return 0;
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "msgid", json_object_new_string(record->header.key.msgid));
    json_object_object_add(one, "origin", json_object_new_string(record->header.key.origin));
    json_object_object_add(one, "infno", json_object_new_string(record->header.infno));
    json_object_object_add(one, "state",
                           json_object_new_string(exchange_state_name((enum exchange_state)record->state)));
    json_object_object_add(one, "instance", json_object_new_string(record->target));
    json_object_object_add(one, "attempt", json_object_new_int64(record->attempt));
    json_object_object_add(one, "setl_id", json_object_new_string(record->index.settlement_id));
    json_object_object_add(one, "mdtrt_id", json_object_new_string(record->index.visit_id));
    json_object_object_add(one, "total_fen", json_object_new_int64(record->index.total_fen));
    json_object_object_add(one, "day", json_object_new_int64(record->header.day));
    json_object_array_add(lost->list, one);
    return 0;
}

struct json_object *
control_resolving(struct router *router)
{
    struct json_object *reply = json_object_new_object(), *names = json_object_new_array();
    struct lost lost = {.list = json_object_new_array()};
    for (size_t i = 0; i < router->resolving_count; i++) {
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "name", json_object_new_string(router->resolving[i].name));
        json_object_object_add(one, "kind",
                               json_object_new_string(router->resolving[i].is_peer ? "peer" : "instance"));
        json_object_object_add(one, "since_ms", json_object_new_int64(router->resolving[i].since_ms));
        json_object_array_add(names, one);
    }
    if (router->resolving_count != 0)
        core_each(router->core, add_lost, &lost);
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    json_object_object_add(reply, "resolving", names);
    json_object_object_add(reply, "without_serial", lost.list);
    json_object_object_add(reply, "without_serial_count", json_object_new_int64((int64_t)lost.count));
    return reply;
}

static struct json_object *
done(void)
{
    struct json_object *reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    return reply;
}

struct json_object *
control_resolved(struct router *router, struct json_object *command)
{
    struct router_resolving *one = find_resolving(router, control_text(command, "name"));
    struct fep_error error = {0};
    if (one == NULL)
        return control_refuse(FEP_E_NOTHING_KNOWN, "nothing of that name is resolving");
    if (!one->is_peer) {
        struct lost lost = {.instance = one->name};
        for (size_t i = 0; i < router->resolving_count; i++)
            if (router->resolving[i].is_peer)
                return control_refuse(FEP_E_RESOLVING, "a peer was not heard yet; nothing was done");
        core_each(router->core, add_lost, &lost);
        if (lost.open != 0)
            return control_refuse(FEP_E_RESOLVING,
                                  "updates of which it is not known whether they were posted "
                                  "are open there; nothing was done");
    }
    if (end_resolving(router, one, &error) != 0)
        return control_refuse(error.code, error.text);
    return done();
}

/* A serial is written as its day and twelve digits, "absent" says that there is none. */
struct json_object *
control_traced(struct router *router, struct json_object *command)
{
    const char *serial = control_text(command, "serial"), *msgid = control_text(command, "msgid");
    struct core_event event = {.type = EVENT_TRACED, .from = control_text(command, "instance")};
    char end;
    snprintf(event.header.key.msgid, sizeof event.header.key.msgid, "%.30s", msgid);
    snprintf(event.header.key.origin, sizeof event.header.key.origin, "%.15s",
             control_text(command, "origin"));
    if (strcmp(serial, "absent") != 0 &&
        (strlen(serial) != 20 ||
         sscanf(serial, "%8" SCNu32 "%12" SCNu64 "%c", &event.travel.attempt, &event.reference, &end) != 2 ||
         event.reference == 0))
        return control_refuse(FEP_E_USAGE, "a serial is its day (yyyymmdd) and twelve digits, or \"absent\"");
    if (!msgid_is_valid(msgid) || router_find_host(router, event.from) == NULL)
        return control_refuse(FEP_E_USAGE, "there is no such instance, or no such msgid");
    struct lost before = {.instance = event.from, .list = json_object_new_array()};
    core_each(router->core, add_lost, &before);
    bool known = false;
    for (size_t i = 0; i < json_object_array_length(before.list); i++)
        known = known || strcmp(control_text(json_object_array_get_idx(before.list, i), "msgid"), msgid) == 0;
    json_object_put(before.list);
    if (!known)
        return control_refuse(FEP_E_NOTHING_KNOWN, "no update without a serial of that msgid is there");
    router_step(router, &event);
    return done();
}
