/* Settling by hand, by two people: one proposes what became of an update, another confirms it, and only then
 * the core hears of it. Every step is on disk before it is told or acted on, and stands in the audit log with
 * the user id that the system gave. Must never confirm for whom proposed, never take a user id from a
 * request, and never change an update itself: that is the core's, which may still say no. A confirmed one is
 * handed to the core again until the update has ended, also after a restart. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "proposal_answer.h"
#include "utf8.h"

enum { IN_MEMORY = 1024, WAITS = 64, LONGEST_WAIT_MS = 10000, TICK_MS = 250 };

struct proposal {
    struct store_proposal row; /* as on disk, but for `dirty` */
    uint64_t reference;        /* being written; 0 = not */
    bool by_hand;              /* the update ended by this word */
    bool dirty;                /* changed by the gateway itself, to be written */
};

struct wait {           /* an operator waits for the disk */
    uint64_t reference; /* 0: free */
    char from[NODE_SIZE];
    uint64_t sequence;
    const char *what;
    uint32_t uid;
    struct store_proposal changed; /* what is being written */
    int64_t due_ms;
};

struct proposals {
    struct proposal list[IN_MEMORY]; /* by id, oldest first */
    size_t count, live;              /* live: open, confirmed or dirty */
    int64_t next_id, looked_ms;
    uint64_t next_reference;
    struct wait waits[WAITS];
};

/* --- the list --- */

static bool
is_live(const struct proposal *proposal)
{
    return proposal->row.state <= PROPOSAL_CONFIRMED || proposal->dirty || proposal->reference != 0;
}

static bool
is_about(const struct store_proposal *row, const struct message_key *key)
{
    return strcmp(row->msgid, key->msgid) == 0 && strcmp(row->origin, key->origin) == 0;
}

static struct message_key
key_of(const struct store_proposal *row)
{
    struct message_key key = {0};
    memcpy(key.origin, row->origin, sizeof key.origin);
    memcpy(key.msgid, row->msgid, sizeof key.msgid);
    return key;
}

/* The oldest that is settled makes room; NULL if none is. */
static struct proposal *
new_place(struct proposals *proposals)
{
    size_t oldest = 0;
    if (proposals->count < IN_MEMORY)
        return &proposals->list[proposals->count++];
    while (oldest < IN_MEMORY && is_live(&proposals->list[oldest]))
        oldest++;
    if (oldest == IN_MEMORY)
        return NULL;
    slice_release(&proposals->list[oldest].row.answer);
    memmove(&proposals->list[oldest], &proposals->list[oldest + 1],
            (IN_MEMORY - 1 - oldest) * sizeof proposals->list[0]);
    return &proposals->list[IN_MEMORY - 1];
}

static struct proposal *
find_id(struct proposals *proposals, int64_t id)
{
    for (size_t i = 0; i < proposals->count; i++)
        if (proposals->list[i].row.id == id)
            return &proposals->list[i];
    return NULL;
}

const struct store_proposal *
proposals_about(const struct router *router, const struct message_key *key)
{
    const struct proposals *proposals = router->proposals;
    for (size_t i = 0; i < proposals->count; i++) {
        const struct store_proposal *row = &proposals->list[i].row;
        if (row->verb != 0 && row->state <= PROPOSAL_CONFIRMED && is_about(row, key))
            return row;
    }
    return NULL;
}

void
proposals_each_standing(struct router *router, void (*fn)(void *arg, const struct store_proposal *row),
                        void *arg)
{
    for (size_t i = 0; i < router->proposals->count; i++) {
        const struct proposal *proposal = &router->proposals->list[i];
        const struct store_proposal *row = &proposal->row;
        /* Told when it is on disk: before that nobody can acknowledge it. */
        if (row->verb == 0 && row->state == PROPOSAL_OPEN && !proposal->dirty && proposal->reference == 0)
            fn(arg, row);
    }
}

static int
load_row(void *arg, const struct store_proposal *row)
{
    struct proposals *proposals = arg;
    struct proposal *place = new_place(proposals);
    if (place == NULL)
        return -1;
    *place = (struct proposal){.row = *row};
    place->row.answer = slice_share(row->answer);
    proposals->next_id = row->id + 1;
    return 0;
}

int
router_load_proposals(struct router *router, struct fep_error *error)
{
    router->proposals = calloc(1, sizeof *router->proposals);
    if (router->proposals == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for proposals");
    router->proposals->next_id = 1;
    return store_load_proposals(router->store, IN_MEMORY / 2, load_row, router->proposals, error);
}

void
router_close_proposals(struct router *router)
{
    struct proposals *proposals = router->proposals;
    if (proposals == NULL)
        return;
    for (size_t i = 0; i < proposals->count; i++)
        slice_release(&proposals->list[i].row.answer);
    for (size_t i = 0; i < WAITS; i++)
        slice_release(&proposals->waits[i].changed.answer);
    free(proposals);
    router->proposals = NULL;
}

/* --- an operator's step --- */

static void
audit(const char *what, const struct store_proposal *row, uint32_t uid, const char *why)
{
    char name[32];
    snprintf(name, sizeof name, "%s%s%s", what, row->verb != 0 ? "-" : "", control_verb_name(row->verb));
    log_line(LOG_EVENT_AUDIT, LOG_SEV_NOTICE, LOG_T("what", name), LOG_T("msgid", row->msgid),
             LOG_T("instance", row->instance), LOG_N("uid", uid), LOG_N("number", row->id), LOG_S(why));
}

static void
take_text(struct json_object *command, const char *key, char *to, size_t room)
{
    const char *text = control_text(command, key);
    size_t size = strlen(text);
    if (size >= room) { /* cut between characters */
        size = room - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    utf8_make_printable(to);
}

/* Writes `changed` and lets the operator wait for it. NULL: the reply comes later. */
static struct json_object *
write_for(struct router *router, const struct control_request *request, const char *what,
          const struct store_proposal *changed)
{
    struct proposals *proposals = router->proposals;
    struct proposal *proposal = find_id(proposals, changed->id);
    struct wait *wait = proposals->waits;
    while (wait < proposals->waits + WAITS && wait->reference != 0)
        wait++;
    if (wait == proposals->waits + WAITS)
        return control_refuse(FEP_E_BOUND, "too many proposals are being written; try again");
    uint64_t reference = ++proposals->next_reference;
    if (store_put_proposal(router->store, changed, reference) != 0)
        return control_refuse(FEP_E_NO_MEMORY, "the store takes nothing now");
    *wait = (struct wait){.reference = reference,
                          .sequence = request->sequence,
                          .what = what,
                          .uid = request->uid,
                          .changed = *changed,
                          .due_ms = router_now(router) + LONGEST_WAIT_MS};
    wait->changed.answer = slice_share(changed->answer);
    snprintf(wait->from, sizeof wait->from, "%s", request->from);
    if (proposal != NULL)
        proposal->reference = reference;
    return NULL;
}

static struct json_object *
check_operator(const struct control_request *request)
{
    if (request->is_operator)
        return NULL;
    return control_refuse(FEP_E_NOT_OPERATOR,
                          "this is done over the operators' socket only (operators.socket)");
}

struct search {
    const char *msgid;
    struct exchange_record found;
    size_t count;
};

static int
look_at(void *arg, const struct core_unclear *unclear)
{
    struct search *search = arg;
    if (strcmp(unclear->record->header.key.msgid, search->msgid) != 0 ||
        unclear->record->role != ROLE_DESTINATION)
        return 0;
    search->found = *unclear->record;
    search->count++;
    return 0;
}

static unsigned
verb_of(const char *name)
{
    for (unsigned verb = 1; verb < RESOLVED_COUNT; verb++)
        if (strcmp(name, control_verb_name(verb)) == 0)
            return verb;
    return 0;
}

static struct json_object *
check_proposal(struct router *router, const struct store_proposal *row, const struct exchange_record *record)
{
    const struct store_proposal *other = proposals_about(router, &record->header.key);
    uint16_t code = core_may_resolve(router->core, &record->header.key, (enum core_resolution)row->verb,
                                     row->answer.size != 0);
    char text[96];
    if (other != NULL) {
        snprintf(text, sizeof text, "proposal %lld about this update is open already", (long long)other->id);
        return control_refuse(FEP_E_USAGE, text);
    }
    if (code != 0 && code != FEP_E_NOT_YET) /* that may be over when it is confirmed */
        return control_refuse(code, row->msgid);
    return NULL;
}

static void
fill_proposal(const struct router *router, struct store_proposal *row, const struct exchange_record *record,
              uint32_t uid)
{
    row->id = router->proposals->next_id;
    row->state = PROPOSAL_OPEN;
    row->role = record->role;
    memcpy(row->origin, record->header.key.origin, sizeof row->origin);
    memcpy(row->msgid, record->header.key.msgid, sizeof row->msgid);
    memcpy(row->infno, record->header.infno, sizeof row->infno);
    memcpy(row->instance, record->target, sizeof row->instance);
    row->attempt = record->attempt;
    row->serial = record->local.serial;
    row->proposed_ms = clock_wall_ms(router->clock);
    row->proposed_by = uid;
}

struct json_object *
control_propose(struct router *router, const struct control_request *request, struct json_object *command)
{
    struct search search = {.msgid = control_text(command, "msgid")};
    struct store_proposal row = {.verb = (uint8_t)verb_of(control_text(command, "verb"))};
    struct json_object *answer = NULL, *refusal = check_operator(request);
    struct fep_error error = {0};
    if (refusal != NULL)
        return refusal;
    router_step(router, &(struct core_event){.type = EVENT_TICK}); /* what is looked into is of this moment */
    take_text(command, "why", row.why, sizeof row.why);
    if (row.verb == 0 || row.why[0] == '\0')
        return control_refuse(FEP_E_USAGE,
                              "a proposal needs posted, not-posted, undone or stands, and a reason");
    core_each_unclear(router->core, look_at, &search);
    if (search.count != 1)
        return control_refuse(FEP_E_NOT_UNCLEAR,
                              search.count == 0 ? search.msgid : "two origins use that msgid at this moment");
    json_object_object_get_ex(command, "answer", &answer);
    if (row.verb == RESOLVED_POSTED && answer != NULL && proposal_take_answer(answer, &row, &error) != 0)
        return control_refuse(error.code, error.text);
    fill_proposal(router, &row, &search.found, request->uid);
    refusal = check_proposal(router, &row, &search.found);
    if (refusal == NULL && router->proposals->live >= IN_MEMORY / 2)
        refusal = control_refuse(FEP_E_BOUND, "too many proposals are open; confirm or withdraw some");
    if (refusal == NULL)
        refusal = write_for(router, request, "propose", &row);
    if (refusal == NULL)
        router->proposals->next_id++;
    slice_release(&row.answer);
    return refusal;
}

static struct json_object *
check_confirm(struct router *router, const struct store_proposal *row, uint32_t uid)
{
    struct message_key key = key_of(row);
    if (row->verb == 0)
        return control_refuse(FEP_E_USAGE, "that is no proposal; acknowledge it");
    if (row->proposed_by == uid) {
        audit("same-person", row, uid, "refused: who proposed can not confirm");
        return control_refuse(FEP_E_SAME_PERSON, row->msgid);
    }
    uint16_t code =
        core_may_resolve(router->core, &key, (enum core_resolution)row->verb, row->answer.size != 0);
    return code != 0 ? control_refuse(code, row->msgid) : NULL;
}

struct json_object *
control_decide(struct router *router, const struct control_request *request, struct json_object *command,
               const char *what)
{
    struct json_object *refusal = check_operator(request);
    struct proposal *proposal;
    bool confirm = strcmp(what, "confirm") == 0, acknowledge = strcmp(what, "acknowledge") == 0;
    if (refusal != NULL)
        return refusal;
    router_step(router, &(struct core_event){.type = EVENT_TICK}); /* the list may move */
    proposal = find_id(router->proposals, control_number(command, "id"));
    if (proposal == NULL || proposal->row.state != PROPOSAL_OPEN || proposal->reference != 0)
        return control_refuse(FEP_E_NOTHING_KNOWN, "no open proposal has that number");
    struct store_proposal changed = proposal->row;
    if (acknowledge != (changed.verb == 0))
        return control_refuse(FEP_E_USAGE, acknowledge ? "that is a proposal; confirm or withdraw it"
                                                       : "that is no proposal; acknowledge it");
    take_text(command, "why", changed.decided_why, sizeof changed.decided_why);
    if (confirm)
        refusal = check_confirm(router, &changed, request->uid);
    else if (changed.decided_why[0] == '\0')
        refusal = control_refuse(FEP_E_USAGE, "say why");
    if (refusal != NULL)
        return refusal;
    changed.state = confirm ? PROPOSAL_CONFIRMED : acknowledge ? PROPOSAL_ACKNOWLEDGED : PROPOSAL_WITHDRAWN;
    changed.decided_ms = clock_wall_ms(router->clock);
    changed.decided_by = request->uid;
    return write_for(router, request,
                     confirm       ? "confirm"
                     : acknowledge ? "acknowledge"
                                   : "withdraw",
                     &changed);
}

/* --- it is on disk --- */

/* Who confirmed has looked then. */
static uint64_t
looked_ago(const struct router *router, const struct store_proposal *row)
{
    int64_t since_ms = clock_wall_ms(router->clock) - row->decided_ms;
    return since_ms > 0 ? (uint64_t)since_ms : 0;
}

static void
hand_to_core(struct router *router, const struct store_proposal *row)
{
    struct core_event event = {.type = EVENT_RESOLVED, .header.key = key_of(row), .flag = row->verb};
    event.reference = looked_ago(router, row);
    event.body = row->answer;
    event.index = row->index;
    if (row->answer.size == 0)
        event.index.size = 0;
    router_step(router, &event);
}

static void
tell_done(struct router *router, const struct wait *wait, const struct store_event *event)
{
    struct json_object *reply;
    if (wait->from[0] == '\0')
        return; /* told that nobody knew */
    if (!event->found) {
        control_reply(router, wait->from, wait->sequence,
                      control_refuse(event->error.code, event->error.text));
        return;
    }
    reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    json_object_object_add(reply, "id", json_object_new_int64(wait->changed.id));
    json_object_object_add(reply, "msgid", json_object_new_string(wait->changed.msgid));
    control_reply(router, wait->from, wait->sequence, reply);
}

/* The row in memory becomes what is on disk now; what the gateway itself noted meanwhile stays. */
static void
take_over(struct router *router, struct wait *wait)
{
    struct proposals *proposals = router->proposals;
    struct proposal *proposal = find_id(proposals, wait->changed.id);
    bool is_new = proposal == NULL;
    if (is_new && (proposal = new_place(proposals)) == NULL)
        return; /* not possible: the live ones fill half of it at most. It is read at the next start */
    uint8_t ended = is_new ? 0 : proposal->row.ended;
    bool by_hand = !is_new && proposal->by_hand;
    if (!is_new)
        slice_release(&proposal->row.answer);
    *proposal = (struct proposal){.row = wait->changed, .by_hand = by_hand};
    proposal->row.ended = ended;
    wait->changed.answer = SLICE_NONE;
    const char *why = strcmp(wait->what, "propose") == 0 ? proposal->row.why : proposal->row.decided_why;
    audit(wait->what, &proposal->row, wait->uid, why);
    if (proposal->row.state == PROPOSAL_CONFIRMED)
        hand_to_core(router, &proposal->row);
}

void
router_proposal_stored(struct router *router, const struct store_event *event)
{
    struct proposals *proposals = router->proposals;
    for (size_t i = 0; i < proposals->count; i++)
        if (proposals->list[i].reference == event->reference) {
            proposals->list[i].reference = 0;
            proposals->list[i].dirty = proposals->list[i].dirty || !event->found;
        }
    for (size_t i = 0; i < WAITS; i++) {
        struct wait *wait = &proposals->waits[i];
        if (wait->reference != event->reference)
            continue;
        if (event->found)
            take_over(router, wait);
        tell_done(router, wait, event);
        slice_release(&wait->changed.answer);
        wait->reference = 0;
        return;
    }
}

/* --- what becomes of the update --- */

static void
note_standing(struct router *router, const struct exchange_record *record)
{
    struct proposals *proposals = router->proposals;
    struct proposal *place;
    for (size_t i = 0; i < proposals->count; i++) {
        const struct store_proposal *row = &proposals->list[i].row;
        bool told = row->verb == 0 || proposals->list[i].by_hand ||
                    (row->verb == RESOLVED_STANDS && row->state == PROPOSAL_CONFIRMED) ||
                    row->state == PROPOSAL_APPLIED;
        if (told && row->role == record->role && is_about(row, &record->header.key))
            return; /* known, or two people just said so */
    }
    place = new_place(proposals);
    if (place == NULL)
        return; /* the alarm and the reconciliation carry it */
    *place = (struct proposal){.dirty = true};
    fill_proposal(router, &place->row, record, 0);
    place->row.ended = record->state;
    proposals->next_id++;
}

void
router_proposals_ended(struct router *router, const struct exchange_record *record)
{
    struct proposals *proposals = router->proposals;
    if (proposals == NULL || !exchange_state_is_ending(record->state))
        return;
    for (size_t i = 0; i < proposals->count; i++) {
        struct store_proposal *row = &proposals->list[i].row;
        if (row->verb == 0 || row->state > PROPOSAL_CONFIRMED || record->role != ROLE_DESTINATION ||
            !is_about(row, &record->header.key))
            continue;
        row->ended = record->state;
        proposals->list[i].by_hand = strncmp(record->text, CORE_BY_HAND, strlen(CORE_BY_HAND)) == 0;
    }
    if (record->state == STATE_STANDS)
        note_standing(router, record);
}

static bool
contradicts(const struct store_proposal *row, const struct core_outcome *outcome)
{
    if (row->state != PROPOSAL_APPLIED || row->contradicted_ms != 0)
        return false;
    if (row->verb == RESOLVED_NOT_POSTED)
        return outcome->kind == FEP_ANSWERED && outcome->finding == 0;
    return (row->verb == RESOLVED_POSTED || row->verb == RESOLVED_STANDS) && outcome->kind == FEP_REFUSED &&
           outcome->refusal_class == FEP_FINAL && outcome->finding == 0;
}

void
router_proposals_late(struct router *router, uint64_t serial, const struct core_outcome *outcome)
{
    struct proposals *proposals = router->proposals;
    for (size_t i = 0; i < proposals->count; i++) {
        struct proposal *proposal = &proposals->list[i];
        if (serial == 0 || proposal->row.serial != serial || !contradicts(&proposal->row, outcome))
            continue;
        proposal->row.contradicted_ms = clock_wall_ms(router->clock);
        proposal->dirty = true;
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_CONTRADICTED),
                 LOG_T("msgid", proposal->row.msgid), LOG_T("infno", proposal->row.infno),
                 LOG_T("to", proposal->row.instance), LOG_S(error_describe(FEP_E_CONTRADICTED)->en));
    }
}

/* "Posted" of one that is being reversed ends nothing; it is done when the core has what it needs for the
 * cancel. */
static bool
help(struct router *router, const struct store_proposal *row)
{
    struct message_key key = key_of(row);
    uint16_t code = core_may_resolve(router->core, &key, RESOLVED_POSTED, true);
    if (code == 0)
        hand_to_core(router, row);
    return code != FEP_E_NOT_YET;
}

/* A confirmed one goes to the core again until the update has ended; one whose update has ended otherwise, or
 * about which the gateway called something since, is overtaken. An ending counts when it is on disk: then
 * router_proposals_ended has told it, unless the router died just then and the exchange is closed. */
static void
follow(struct router *router, struct proposal *proposal)
{
    struct store_proposal *row = &proposal->row;
    struct message_key key = key_of(row);
    const struct exchange_record *record = core_find(router->core, &key, ROLE_DESTINATION);
    bool unclear = record != NULL && (record->state == STATE_UNKNOWN || record->state == STATE_REVERSING);
    bool confirmed = row->state == PROPOSAL_CONFIRMED;
    bool helped = unclear && confirmed && row->verb == RESOLVED_POSTED && record->state == STATE_REVERSING &&
                  help(router, row);
    bool old = unclear && confirmed && row->verb != 0 &&
               core_acted_since(router->core, &key, (enum core_resolution)row->verb, looked_ago(router, row));
    if (row->verb == 0 || (record != NULL && !helped && !old && row->ended == 0)) {
        if (row->verb != 0 && unclear && confirmed)
            hand_to_core(router, row);
        return;
    }
    row->state = confirmed && !old && (helped || proposal->by_hand || row->ended == 0) ? PROPOSAL_APPLIED
                                                                                       : PROPOSAL_OVERTAKEN;
    row->applied_ms = clock_wall_ms(router->clock);
    proposal->dirty = true;
    audit(row->state == PROPOSAL_APPLIED ? "applied" : "overtaken", row, row->decided_by,
          row->ended != 0 ? exchange_state_name((enum exchange_state)row->ended) : "-");
}

void
router_tick_proposals(struct router *router, int64_t now_ms)
{
    struct proposals *proposals = router->proposals;
    bool look = now_ms >= proposals->looked_ms + TICK_MS;
    size_t live = 0;
    for (size_t i = 0; i < WAITS; i++) /* the store forgot to answer: nobody knows */
        if (proposals->waits[i].reference != 0 && now_ms >= proposals->waits[i].due_ms &&
            proposals->waits[i].from[0] != '\0') {
            control_reply(
                router, proposals->waits[i].from, proposals->waits[i].sequence,
                control_refuse(FEP_E_STORE_FAILED, "not on disk yet; look again with fepctl proposals"));
            proposals->waits[i].from[0] = '\0';
        }
    if (look)
        proposals->looked_ms = now_ms;
    for (size_t i = 0; i < proposals->count; i++) {
        struct proposal *proposal = &proposals->list[i];
        if (look && proposal->reference == 0 && proposal->row.state <= PROPOSAL_CONFIRMED)
            follow(router, proposal);
        if (proposal->dirty && proposal->reference == 0 && look) {
            uint64_t reference = ++proposals->next_reference;
            proposal->dirty = false;
            proposal->reference = reference;
            if (store_put_proposal(router->store, &proposal->row, reference) != 0) {
                proposal->dirty = true;
                proposal->reference = 0;
            }
        }
        live += is_live(proposal);
    }
    proposals->live = live;
}

/* --- fepctl proposals --- */

static const char *const state_names[] = {"-",         "open",      "confirmed",   "applied",
                                          "withdrawn", "overtaken", "acknowledged"};

static struct json_object *
describe(const struct router *router, const struct store_proposal *row)
{
    struct json_object *object = json_object_new_object();
    const struct transaction *transaction = transaction_find(router->transactions, row->infno);
#define TEXT(key, value)   json_object_object_add(object, key, json_object_new_string(value))
#define NUMBER(key, value) json_object_object_add(object, key, json_object_new_int64((int64_t)(value)))
    NUMBER("id", row->id);
    TEXT("verb", row->verb != 0 ? control_verb_name(row->verb) : "standing");
    TEXT("state", state_names[row->state <= PROPOSAL_ACKNOWLEDGED ? row->state : 0]);
    TEXT("ended", row->ended != 0 ? exchange_state_name((enum exchange_state)row->ended) : "");
    TEXT("msgid", row->msgid);
    TEXT("origin", row->origin);
    TEXT("infno", row->infno);
    TEXT("name_zh", transaction != NULL ? transaction->name_zh : "");
    TEXT("name_en", transaction != NULL ? transaction->name_en : "");
    TEXT("instance", row->instance);
    NUMBER("attempt", row->attempt);
    NUMBER("proposed_ms", row->proposed_ms);
    NUMBER("proposed_by", row->proposed_by);
    TEXT("why", row->why);
    NUMBER("decided_ms", row->decided_ms);
    NUMBER("decided_by", row->decided_by);
    TEXT("decided_why", row->decided_why);
    NUMBER("applied_ms", row->applied_ms);
    NUMBER("contradicted_ms", row->contradicted_ms);
    TEXT("settlement_id", row->index.settlement_id);
    if (row->index.has_money) {
        NUMBER("total_fen", row->index.total_fen);
        NUMBER("fund_fen", row->index.fund_fen);
        NUMBER("account_fen", row->index.account_fen);
        NUMBER("cash_fen", row->index.cash_fen);
    }
#undef TEXT
#undef NUMBER
    return object;
}

struct json_object *
control_proposals(struct router *router, struct json_object *command)
{
    enum { MOST_SHOWN = 100 };
    const struct proposals *proposals = router->proposals;
    struct json_object *reply = json_object_new_object(), *list = json_object_new_array(), *all = NULL;
    bool whole = json_object_object_get_ex(command, "all", &all) && json_object_get_boolean(all);
    size_t shown = 0;
    for (size_t i = proposals->count; i-- > 0 && shown < MOST_SHOWN;) {
        const struct store_proposal *row = &proposals->list[i].row;
        if (!whole && (row->state > PROPOSAL_CONFIRMED || row->verb == 0))
            continue;
        json_object_array_add(list, describe(router, row));
        shown++;
    }
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    json_object_object_add(reply, "node", json_object_new_string(router->conf->node));
    json_object_object_add(reply, "proposals", list);
    return reply;
}
