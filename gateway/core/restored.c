/* A store that was put back from a backup has forgotten what came after it. Here is what the core takes from
 * those who know: a peer's word for an exchange (HELD), a local system's serial for a posting (TRACED). Must
 * never let what may have been posted be posted again, reversed without its serial, or told otherwise than
 * the peer was told. What is found is not moved: the table of an exchange's life has no say here, as after
 * any restart. The story: schema/restore.md. */
#include "internal.h"

#include "error_codes.h"

int
core_set_resolving(struct core *core, const char *name)
{
    struct party *party = party_find(core, name);
    if (party == NULL || party->is_self)
        return -1;
    if (!party->resolving && !party->is_instance)
        core->resolving_peers++;
    core->resolving += !party->resolving;
    party->resolving = 1;
    return 0;
}

static int
look_for_untaken(void *arg, struct table_link *link)
{
    bool *untaken = arg;
    const struct exchange *exchange = list_owner(link, struct exchange, by_key);
    *untaken = exchange->store_retry_ms != 0 || !list_is_empty(&exchange->inbox);
    return *untaken;
}

bool
core_has_untaken(const struct core *core)
{
    bool untaken = false;
    table_each(&core->exchanges, look_for_untaken, &untaken);
    return untaken;
}

/* --- what holds back --- */

/* Any peer may be the one that an update went to: what the backup has as queued may have taken another way
 * since, and so may a later attempt. And the previous hop may have been told an ending of one that the backup
 * has open. */
bool
restored_waits(const struct core *core, const struct exchange *exchange)
{
    const struct exchange_record *record = &exchange->record;
    if (record->role != ROLE_DESTINATION)
        return exchange->restored && core->resolving_peers != 0;
    if (record->local.serial == 0)
        return true; /* nobody can be asked about it */
    return exchange->previous != NULL && exchange->previous->resolving;
}

/* Of a posting from before a restore the cancel may be forgotten with all else; once everybody was heard, a
 * cancel that is nobody's is that one. */
bool
restored_forgot(const struct core *core, const struct exchange *exchange)
{
    return exchange->record.local.serial / LOCAL_SERIAL_COUNTER != core->config.incarnation % 99;
}

/* Posted, and under a serial that may still be found. */
bool
restored_stays_open(const struct exchange *exchange)
{
    const struct exchange_record *record = &exchange->record;
    return record->role == ROLE_DESTINATION && record->local.serial == 0 && exchange->target != NULL &&
           exchange->target->resolving &&
           ((record->state == STATE_ANSWERED && record->effect == FEP_EFFECT_POSTED) ||
            record->state == STATE_STANDS);
}

/* --- found --- */

static void
find_as(struct core *core, struct exchange *exchange, enum exchange_state state)
{
    struct exchange_record *record = &exchange->record;
    exchange_reopen(core, exchange);
    list_remove(&exchange->waiting);
    list_remove(&exchange->in_cures);
    if (exchange_uses_credit(exchange))
        exchange->target->in_flight--;
    core->state_counts[record->state]--;
    record->state = (uint8_t)state;
    core->state_counts[state]++;
    if (exchange_uses_credit(exchange))
        exchange->target->in_flight++;
    call_finish(core, &exchange->submit);
    call_finish(core, &exchange->cure);
    exchange->deadline_ms = exchange->schedule_ms = NEVER;
    exchange->repeat_ms = 0;
    exchange->offered = exchange->restored = 1;
    exchange->sendings = 1;
    exchange->waiting_host = 0;
    exchange->schedule_base_ms = exchange->sent_ms = core->now_ms;
    if (state == STATE_UNKNOWN || state == STATE_REVERSING)
        unclear_begin(core, exchange);
    if (!exchange_state_is_ending(state)) /* else it leaves the order when that is committed */
        order_enter(core, exchange);
}

/* Found as "may have been posted, or not, under a serial that is not known". */
static void
find_lost(struct core *core, struct exchange *exchange, uint32_t attempt)
{
    struct exchange_record *record = &exchange->record;
    table_remove(&core->serials, &exchange->by_serial);
    record->attempt = attempt;
    record->local = (struct local_attempt){0};
    record->kind = FEP_UNKNOWN;
    record->reason = FEP_REASON_CLARIFYING;
    record->code = FEP_E_RESOLVING;
    record->refusal_class = record->effect = 0;
    record->text[0] = '\0';
    find_as(core, exchange, STATE_UNKNOWN);
    exchange->schedule_ms = core->now_ms;
}

/* Records of the backup, before they take their place. What was queued then may have been sent since. */
void
restored_correct(const struct core *core, struct exchange_record *record)
{
    if (core->resolving == 0 || record->state != STATE_QUEUED || MUTATED(QUEUE_BELIEVED))
        return;
    record->state = record->role == ROLE_DESTINATION ? STATE_UNKNOWN : STATE_SENT;
    if (record->role == ROLE_DESTINATION) {
        record->kind = FEP_UNKNOWN;
        record->reason = FEP_REASON_CLARIFYING;
        record->code = FEP_E_RESOLVING;
    }
}

/* After any other part of the restart was done for it. */
void
restored_resume(struct core *core, struct exchange *exchange)
{
    struct exchange_record *record = &exchange->record;
    if (core->resolving == 0)
        return;
    if (record->role != ROLE_DESTINATION && (record->state == STATE_SENT || record->state == STATE_RELAYED))
        exchange->asks = 1;
    record->reversal_relayed = 0;
    core_must_reserve(core);
    if (!exchange_state_is_ending(record->state))
        exchange_store(core, exchange); /* as it is found now, whatever comes first */
}

/* Asks the next hop by offering the update without time left: whoever knows it answers with what it holds,
 * whoever does not refuses it for good. Not before every peer was heard: one that never saw it would refuse
 * what another one has posted. */
void
restored_ask(struct core *core, struct exchange *exchange)
{
    if (!exchange->asks || core->resolving_peers != 0 || exchange->target == NULL ||
        exchange->target->status != PARTY_UP)
        return;
    if (core->now_ms >= exchange->repeat_ms) {
        int64_t pause = core->config.repeat_ms;
        exchange->repeat_ms =
            core->now_ms + (exchange->record.state == STATE_RELAYED ? pause * SLOW_REPEATS : pause);
        send_update(core, exchange);
    }
    exchange_wake(exchange, exchange->repeat_ms);
}

/* A reversal of an update that this gateway does not know, or knows only lower attempts of, while its local
 * system may hold it under a serial that is not known. */
bool
restored_hold_reversal(struct core *core, struct exchange *exchange, struct party *target)
{
    struct exchange_record *record = &exchange->record;
    if (record->role != ROLE_DESTINATION || target == NULL || !target->is_instance || !target->resolving)
        return false;
    exchange_set_target(core, exchange, target);
    find_lost(core, exchange, record->attempt);
    record->cure = CURE_REVERSE;
    record->outcome_relayed = 0;
    find_as(core, exchange, STATE_REVERSING);
    exchange->schedule_ms = core->now_ms;
    exchange_store(core, exchange);
    return true;
}

/* --- a peer's word --- */

static void
take_body(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    uint8_t digest[DIGEST_SIZE];
    if (exchange->body.size != 0 || event->body.size == 0 ||
        message_digest(&record->header, &event->body, digest) != 0)
        return;
    if (has_digest(record) && memcmp(digest, record->digest, sizeof digest) != 0) {
        alarm_about(core, FEP_E_OTHER_CONTENT, record, NULL, exchange->target);
        return;
    }
    memcpy(record->digest, digest, sizeof digest);
    record->tombstone = 0;
    exchange->body = slice_share(event->body);
    core->open_bytes += exchange->body.size;
}

static void
find_ended(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    const struct core_outcome *outcome = &event->outcome;
    struct core_event answer = {.index = event->index, .body = event->found_answer};
    enum exchange_state state = outcome->state;
    if (event->travel.attempt > record->attempt) {
        table_remove(&core->serials, &exchange->by_serial);
        record->local = (struct local_attempt){0};
        record->attempt = event->travel.attempt;
    }
    exchange_keep_answer(core, exchange, &answer);
    if (record->local.accounting_date == 0)
        record->local.accounting_date = outcome->accounting_date;
    if (record->local.cycle[0] == '\0')
        memcpy(record->local.cycle, outcome->cycle, sizeof record->local.cycle);
    if (state == STATE_REVERSED || state == STATE_STANDS)
        record->reversal_cause =
            record->reversal_cause != REVERSAL_NONE ? record->reversal_cause : REVERSAL_PEER;
    exchange_note_outcome(exchange, outcome, state);
    record->times.outcome = core->wall_ms;
    find_as(core, exchange, state);
    record->outcome_relayed = 1; /* the peer told us */
    exchange_store(core, exchange);
}

/* Of one that is being undone: what was told of it names it, to a cancel and among others'. */
static void
keep_told_answer(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct core_event answer = {.index = event->index, .body = event->found_answer};
    exchange_keep_answer(core, exchange, &answer);
}

static void
find_open(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    if (record->role == ROLE_DESTINATION) {
        keep_told_answer(core, exchange, event);
        find_lost(core, exchange, event->travel.attempt);
    } else {
        record->attempt = event->travel.attempt;
        find_as(core, exchange, STATE_SENT);
        exchange->asks = 1; /* its ending may come, and go, before this is on disk */
        if (core->resolving_peers == 0)
            restored_heard(core, exchange);
    }
    exchange_store(core, exchange);
}

/* A refusal that may be followed by a next attempt is no ending for a restored origin before every peer was
 * heard: that attempt may have gone another way. The peer that tells it is asked again then. */
static bool
is_early(const struct core *core, const struct exchange *exchange, const struct core_outcome *outcome)
{
    return core->resolving_peers != 0 && exchange->record.role == ROLE_ORIGIN &&
           exchange->record.state != STATE_REVERSING && outcome->state == STATE_REFUSED &&
           outcome->refusal_class == FEP_REPEATABLE;
}

/* What is not taken yet, nor acknowledged: a refusal as above, the ending of an attempt that only the lost
 * store knew, or the reversal of one, whose way is not known before every peer was heard. */
bool
restored_takes_later(const struct core *core, const struct exchange *exchange, const struct core_event *event)
{
    const struct exchange_record *record = &exchange->record;
    if (core->resolving_peers == 0 || event->type == EVENT_UPDATE)
        return false;
    bool higher = event->travel.attempt > record->attempt;
    if (event->type == EVENT_REVERSAL)
        return higher && strcmp(event->from, core->self->name) != 0;
    return is_early(core, exchange, &event->outcome) || (exchange_state_is_ending(record->state) && higher);
}

/* Is the peer's ending later than what is known here? */
static bool
is_later(const struct exchange_record *record, enum exchange_state theirs, uint32_t attempt)
{
    if (attempt != record->attempt)
        return attempt > record->attempt;
    if (!exchange_state_is_ending(record->state))
        return record->state != STATE_REVERSING || theirs != STATE_ANSWERED;
    return record->state == STATE_ANSWERED && (theirs == STATE_REVERSED || theirs == STATE_STANDS);
}

/* The way it went since is the peer's. */
static void
turn_to(struct core *core, struct exchange *exchange, struct party *peer)
{
    if (exchange->target == peer)
        return;
    if (exchange_uses_credit(exchange))
        exchange->target->in_flight--;
    exchange_set_target(core, exchange, peer);
    if (exchange_uses_credit(exchange))
        peer->in_flight++;
}

/* A higher attempt went another way than the one that the backup has. */
static void
come_this_way(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct party *from = party_find(core, event->from), *target = exchange->target;
    if (exchange->record.role == ROLE_ORIGIN) {
        turn_to(core, exchange, from);
        return;
    }
    if (target == NULL)
        target = first_target(core, &event->header, &event->index, from);
    exchange_attach(core, exchange, from, target != NULL && target->is_instance ? target : exchange->target);
}

/* An outcome from a peer that was not heard yet: it had the update from here, whatever the backup or today's
 * routes say. */
void
restored_follow(struct core *core, struct exchange *exchange, struct party *from)
{
    if (from != NULL && from->resolving && !from->is_instance && exchange->restored &&
        exchange->record.role != ROLE_DESTINATION && from != exchange->previous)
        turn_to(core, exchange, from);
}

static void
merge_ending(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct core_event outcome = *event;
    enum exchange_state theirs = event->outcome.state;
    bool open = !exchange_state_is_ending(record->state);
    if (record->role == ROLE_ORIGIN && open && event->travel.attempt < record->attempt) {
        return;                                       /* a later one went another way */
    } else if (record->role == ROLE_ORIGIN && open) { /* as any other word of the next hop */
        turn_to(core, exchange, party_find(core, event->from));
        outcome.type = EVENT_OUTCOME;
        outcome.body = event->found_answer;
        outcome.found_answer = SLICE_NONE;
        outcome_handle(core, exchange, &outcome);
    } else if (is_later(record, theirs, event->travel.attempt)) {
        if (record->state == STATE_REVERSING && theirs == STATE_REFUSED)
            exchange_end_reversed(core, exchange, false);
        else {
            if (record->role == ROLE_ORIGIN || event->travel.attempt > record->attempt)
                come_this_way(core, exchange, event);
            find_ended(core, exchange, event);
        }
    } else if (open) { /* being reversed: what was told helps to name it */
        outcome.body = event->found_answer;
        exchange_keep_answer(core, exchange, &outcome);
        exchange_store(core, exchange);
    } else if (theirs != (enum exchange_state)record->state && event->travel.attempt == record->attempt &&
               theirs != STATE_ANSWERED) {
        alarm_about(core, FEP_E_STORE_CONFLICT, record, NULL, party_find(core, event->from));
    }
}

void
restored_adopt_previous(struct core *core, struct exchange *exchange, struct party *from)
{
    if (exchange->previous == NULL && exchange->restored && exchange->record.role == ROLE_TRANSIT &&
        from != exchange->target)
        exchange_attach(core, exchange, from, exchange->target);
}

/* What the backup has as refused went on with a higher attempt. */
static void
held_went_on(struct core *core, struct exchange *exchange, const struct core_event *event,
             struct party *target)
{
    if (target == NULL || target->is_instance)
        return; /* its reversal finds today's way */
    turn_to(core, exchange, target);
    if (exchange_state_is_ending(event->outcome.state))
        find_ended(core, exchange, event);
    else
        find_open(core, exchange, event);
}

/* Known by the next hop's word alone, and no peer has sent it here. */
bool
restored_tells_nobody(const struct core *core, const struct exchange *exchange)
{
    return core->resolving_peers == 0 && exchange->record.role == ROLE_TRANSIT &&
           exchange->record.previous[0] == '\0';
}

/* Of two that sent it here, as it went in a circle, the previous hop is the one nearer to the origin; of a
 * higher attempt the one that sent that. */
static void
take_previous(struct core *core, struct exchange *exchange, const struct core_event *event,
              struct party *from)
{
    struct exchange_record *record = &exchange->record;
    const struct party *before = exchange->previous;
    bool went_on = event->travel.attempt > record->attempt && record->state == STATE_REFUSED;
    restored_adopt_previous(core, exchange, from);
    if ((event->travel.attempt >= record->attempt && event->travel.hops_left > record->hops_left) ||
        went_on) {
        exchange_attach(core, exchange, from, exchange->target != from ? exchange->target : NULL);
        record->hops_left = event->travel.hops_left;
    }
    if (exchange->previous != before)
        exchange_store(core, exchange);
}

/* On the way: the previous hop names itself, the next hop the way that it went. */
static void
held_on_the_way(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    struct party *from = party_find(core, event->from);
    struct core_event outcome = *event;
    if (from == NULL)
        return;
    bool higher = event->travel.attempt > record->attempt && record->state == STATE_REFUSED;
    bool ended = exchange_state_is_ending(event->outcome.state);
    if (!event->flag)
        take_previous(core, exchange, event, from);
    if (from == (event->flag ? exchange->previous : exchange->target))
        return;
    if (from == exchange->previous && ended && event->travel.attempt >= record->attempt &&
        !exchange_state_is_ending(record->state)) {
        find_ended(core, exchange, event); /* what it was told, from here */
        return;
    }
    if (higher && event->flag)
        held_went_on(core, exchange, event, from);
    else if (higher && !ended)
        held_went_on(core, exchange, event, only_target(core, &event->header, &event->index, from));
    else if (event->flag && event->travel.attempt >= record->attempt &&
             !exchange_state_is_ending(record->state)) {
        turn_to(core, exchange, from);
        exchange->repeat_ms = 0;
        exchange_store(core, exchange);
        outcome.type = EVENT_OUTCOME;
        outcome.body = event->found_answer;
        outcome.found_answer = SLICE_NONE;
        if (ended)
            outcome_handle(core, exchange, &outcome);
    }
}

void
held_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    enum exchange_state theirs = event->outcome.state;
    bool higher = event->travel.attempt > record->attempt;
    if (theirs == STATE_NONE || theirs >= STATE_COUNT)
        return;
    if (record->role == ROLE_TRANSIT) {
        held_on_the_way(core, exchange, event);
        return;
    }
    take_body(core, exchange, event);
    bool early = is_early(core, exchange, &event->outcome);
    if (early && event->travel.attempt == record->attempt)
        higher = !exchange_state_is_ending(record->state); /* its way may be another one than the backup's */
    if (exchange_state_is_ending(theirs) && !early) {
        merge_ending(core, exchange, event);
    } else if (higher && (!exchange_state_is_ending(record->state) || record->state == STATE_REFUSED) &&
               record->state != STATE_REVERSING) {
        come_this_way(core, exchange, event);
        find_open(core, exchange, event);
    } else if (record->role == ROLE_ORIGIN && record->state == STATE_ANSWERED && theirs == STATE_REVERSING) {
        start_reversal(core, exchange, REVERSAL_CALLER); /* that we asked for it is forgotten; merged there */
    } else if (record->role == ROLE_DESTINATION && exchange->answer.size == 0 &&
               event->found_answer.size != 0) {
        keep_told_answer(core, exchange, event);
        exchange_store(core, exchange);
    }
}

/* Who asked is known to nobody but the lost store; with one instance there is no doubt. */
static struct party *
only_instance(const struct core *core)
{
    return core->instances == 1 ? core->instance : NULL;
}

static void
new_held(struct core *core, const struct core_event *event, struct party *from, enum exchange_role role,
         struct party *target)
{
    struct exchange *exchange = exchange_create(core, &event->header, role);
    if (exchange == NULL)
        return; /* asked for again with the next restart; reserved before the step */
    exchange->founding = FOUNDED_BY_HELD;
    exchange->theirs = event->outcome.state;
    exchange->told_by_next = event->flag;
    exchange->record.index = event->index;
    exchange->record.attempt = event->travel.attempt;
    exchange->record.hops_left = event->travel.hops_left;
    exchange->record.refusal_class = event->outcome.refusal_class; /* should the store hold one (is_early) */
    struct party *previous = role == ROLE_ORIGIN ? only_instance(core) : from;
    exchange_attach(core, exchange, previous != target ? previous : NULL, target);
    exchange->record.tombstone = event->body.size == 0;
    take_body(core, exchange, event);
    if (exchange_state_is_ending(event->outcome.state) && !is_early(core, exchange, &event->outcome))
        find_ended(core, exchange, event);
    else
        find_open(core, exchange, event);
}

void
on_held(struct core *core, const struct core_event *event)
{
    struct party *from = party_find(core, event->from), *target = from;
    bool ours = strcmp(event->header.key.origin, core->config.node) == 0;
    enum exchange_role role = !event->flag ? ROLE_DESTINATION : ours ? ROLE_ORIGIN : ROLE_TRANSIT;
    if (from == NULL || from->is_instance || !from->resolving || (ours && !event->flag) ||
        event->outcome.state == STATE_NONE || event->outcome.state >= STATE_COUNT)
        return;
    if (!event->flag && event->outcome.state == STATE_QUEUED)
        return; /* not sent to us yet; it will be */
    struct exchange *exchange = role == ROLE_ORIGIN ? exchange_find(core, &event->header.key, ROLE_ORIGIN)
                                                    : exchange_find_relay(core, &event->header.key);
    if (exchange != NULL) {
        exchange_input(core, exchange, event);
        return;
    }
    if (role == ROLE_DESTINATION) {
        const struct party *first = first_target(core, &event->header, &event->index, from);
        target = only_target(core, &event->header, &event->index, from);
        if (target == NULL && first != NULL && first->is_instance)
            target = party_find(core, first->name);
        role = target != NULL && target->is_instance ? ROLE_DESTINATION : ROLE_TRANSIT;
    }
    /* On the way: of the previous hop only what it waits for, and the next hop is asked, if there is no doubt
     * which one; of the next hop all, so that a reversal finds the way. */
    bool ended = exchange_state_is_ending(event->outcome.state);
    if (target != NULL && (role != ROLE_TRANSIT || event->flag || !ended))
        new_held(core, event, from, role, target);
}

/* The store held one: `wanted` is what the peer's word had made. */
void
restored_conflict(struct core *core, struct exchange *exchange, const struct exchange_record *wanted,
                  uint8_t theirs, struct slice body, struct slice answer)
{
    struct core_event event = {.type = EVENT_HELD,
                               .from = exchange->told_by_next ? wanted->target : wanted->previous,
                               .header = wanted->header,
                               .index = wanted->index,
                               .body = body,
                               .found_answer = answer,
                               .flag = exchange->told_by_next};
    outcome_of_record(wanted, &event.outcome);
    event.outcome.state = theirs;
    event.travel.attempt = wanted->attempt;
    event.travel.hops_left = wanted->hops_left;
    exchange->record.outcome_relayed =
        exchange_state_is_ending(exchange->record.state) && exchange_state_is_ending(theirs);
    held_handle(core, exchange, &event);
}

/* --- heard, traced --- */

/* What an origin's own waits for now, as after a restart. */
void
restored_heard(struct core *core, struct exchange *exchange)
{
    enum { GRACE_REPEATS = 2 };
    if (exchange->record.role == ROLE_ORIGIN && exchange->restored &&
        (exchange->record.state == STATE_SENT || exchange->record.state == STATE_RELAYED))
        exchange->deadline_ms = core->now_ms + (int64_t)GRACE_REPEATS * core->config.repeat_ms;
}

static int
hear_all(void *arg, struct table_link *link)
{
    struct core *core = arg;
    struct exchange *exchange = list_owner(link, struct exchange, by_key);
    restored_heard(core, exchange);
    exchange_work(core, exchange);
    return 0;
}

void
on_heard(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    struct list_link *at;
    if (party == NULL || !party->resolving)
        return;
    party->resolving = 0;
    core->resolving--;
    core->resolving_peers -= !party->is_instance;
    if (!party->is_instance && core->resolving_peers == 0)
        table_each(&core->exchanges, hear_all, core);
    for (at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at))
        exchange_work(core, list_owner(at, struct exchange, toward));
    for (at = list_first(&party->from); at != NULL; at = list_after(&party->from, at))
        exchange_work(core, list_owner(at, struct exchange, from));
}

static bool
is_meant(const struct exchange *exchange, const struct core_event *event)
{
    const struct message_key *key = &exchange->record.header.key, *named = &event->header.key;
    return exchange->record.role == ROLE_DESTINATION && exchange->record.local.serial == 0 &&
           strcmp(key->msgid, named->msgid) == 0 &&
           (named->origin[0] == '\0' || strcmp(key->origin, named->origin) == 0);
}

void
on_traced(struct core *core, const struct core_event *event)
{
    struct party *party = party_find(core, event->from);
    if (party == NULL || !party->is_instance)
        return;
    for (struct list_link *at = list_first(&party->toward); at != NULL; at = list_after(&party->toward, at)) {
        struct exchange *exchange = list_owner(at, struct exchange, toward);
        if (!is_meant(exchange, event))
            continue;
        exchange_input(core, exchange, event);
        return;
    }
}

static void
take_serial(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    record->local.serial = event->reference;
    record->local.serial_date = event->travel.attempt;
    table_add(&core->serials, &exchange->by_serial, record->local.serial);
    exchange->schedule_base_ms = exchange->schedule_ms = core->now_ms;
    exchange->clear_ms = core->now_ms;
    exchange_store(core, exchange);
}

void
traced_handle(struct core *core, struct exchange *exchange, const struct core_event *event)
{
    struct exchange_record *record = &exchange->record;
    if (record->local.serial != 0)
        return;
    if (event->reference != 0)
        take_serial(core, exchange, event);
    else if (record->state == STATE_UNKNOWN)
        exchange_refuse(core, exchange, FEP_REPEATABLE, FEP_REASON_CLARIFYING, FEP_E_RESOLVING, NULL);
    else if (record->state == STATE_REVERSING)
        exchange_end_reversed(core, exchange, false);
    else /* told as posted, and not there: for a person */
        alarm_about(core, FEP_E_STORE_CONFLICT, record, NULL, exchange->target);
}
