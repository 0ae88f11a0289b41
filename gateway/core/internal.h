/* What the files of the core share. The story of an event: core.c takes it, an on_*.c file finds the exchange and hands
 * it over (exchange_input), the exchange changes its state in one place (exchange_move) and stores itself
 * (exchange_store); from then on it is mute until the commit, after which advance.c does what is due. */
#ifndef FEP_CORE_INTERNAL_H
#define FEP_CORE_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "core.h"
#include "lifecycle.h"
#include "list.h"
#include "mutation.h"
#include "pool.h"
#include "table.h"
#include "timer_heap.h"

#define NEVER INT64_MAX

enum {
    ORIGIN_EXTRA_MS = 20000,     /* rule 9: origin's deadline = call time + this */
    DESTINATION_EXTRA_MS = 3000, /* rule 9: refused undispatched below call time + this */
    DEFAULT_CALL_MS = 60000,     /* a transaction the table does not know (transit only) */
    INQUIRE_CALL_MS = 10000,
    REVERSE_CALL_MS = 30000,
    LATE_ARRIVAL_MS = 120000,    /* until when something sent may still arrive at a local system */
    STORE_RETRY_MS = 1000,
    SERIAL_BLOCK = 10000,        /* local serials released at once */
    SENDINGS = 5,                /* of one submission, the first included */
    TICKETS = 8,                 /* callers waiting for one exchange */
    INBOX = 8,                   /* inputs waiting for a commit; completions may use as many again */
    LOOKUPS = 1024,
    UNANSWERED = 255, /* see last_finding */
    SLOW_REPEATS = 12 /* an acknowledged reversal is asked about again after so many pauses */
};

struct exchange;
struct query;

struct timed { /* what a timer belongs to */
    struct timer_node node;
    struct exchange *exchange;
    struct query *query;
};

enum party_status { PARTY_UNSEEN = 0, PARTY_UP, PARTY_DOWN };

struct party { /* a peer, an adapter instance, or this gateway itself */
    struct table_link by_name;
    char name[NODE_SIZE];
    uint8_t is_self, is_instance, status, held;
    uint8_t resolving; /* not heard since this store was put back from a backup (restored.c) */
    uint32_t epoch, abilities, window;
    uint32_t in_flight;    /* exchanges that use credit here */
    uint32_t query_calls;  /* queries under way at the instance */
    uint32_t cure_calls;   /* inquiries, reversals and cancels under way at the instance */
    uint32_t unanswered;   /* its last so many calls were not answered by the local system (pace.c) */
    int64_t back_ms;       /* when it last answered again after a silence, or came up */
    int64_t probe_ms;      /* while it does not answer: when it may be asked again */
    struct list toward;    /* exchanges whose target this is */
    struct list from;      /* exchanges whose previous this is */
    struct list waiting;   /* of `toward`: queued for credit or for the link */
    struct list cures_waiting; /* of `toward`: due to be asked about, for their turn */
    struct list queries_toward, queries_from, queries_waiting;
};

struct ticket { /* a local caller who waits */
    struct list_link link;
    struct table_link by_ticket;
    struct exchange *exchange;
    struct query *query;
    struct party *party;
    uint64_t reference;
    uint32_t epoch;
    uint8_t undoing; /* asked for the reversal */
    uint8_t copy;    /* asked again: told a stored ending */
    int64_t deadline_ms;
};

struct pending_ack { /* given after the commit that it waits for */
    struct pending_ack *next;
    struct party *party;
    uint64_t reference;
    uint8_t acked; /* enum core_acked; 0 = a host's completion */
};

struct input { /* an event that waits */
    struct list_link link;
    struct core_event event; /* `from` is the party's name, the body shared */
};

struct call { /* something asked of an instance */
    struct table_link by_id;
    uint64_t id;
    uint8_t operation; /* CORE_OP_*; 0 = none yet */
    uint8_t open;
    uint8_t lost; /* offered to an older epoch; its end waits for a commit */
    struct exchange *exchange;
    struct query *query;
};

struct person { /* updates of one person in one role, in the order they came */
    struct table_link by_key;
    uint8_t order_key[16];
    uint8_t role;
    struct list exchanges;
};

enum founding { FOUNDED_BY_STORE = 0, FOUNDED_BY_REQUEST, FOUNDED_BY_UPDATE, FOUNDED_BY_REVERSAL, FOUNDED_BY_CALLER,
                FOUNDED_BY_HELD };

struct exchange {
    struct exchange_record record;
    struct slice body, answer;
    struct table_link by_key, by_serial;
    struct timed timed;
    struct party *previous, *target;
    struct list_link toward, from, waiting, working, in_person, in_store, in_linger, in_cures;
    struct person *person;

    /* the commit it waits for */
    uint64_t store_sequence; /* 0 = none outstanding: what the record says is on disk */
    uint8_t stored;          /* it was committed once */
    int64_t store_retry_ms;  /* the last try was refused: when to try again; 0 = it was not */
    uint8_t answer_stored, just_committed;
    struct list inbox;
    struct pending_ack *acks;
    uint8_t founding; /* enum founding */
    uint8_t logged_state;
    uint32_t logged_attempt;

    struct list tickets;
    struct input *held; /* origin: an answer that is being rendered */
    struct ticket *render_ticket; /* whose host was asked */

    int64_t deadline_ms;  /* origin, or queued */
    int64_t arrived_deadline_ms; /* the one it came with, also of a refused one */
    int64_t repeat_ms;    /* when what is unacknowledged is offered again */
    int64_t schedule_ms;  /* destination: next step of a schedule */
    int64_t wake_ms;      /* when advance wants to look again; NEVER = only an event moves it */
    uint8_t fresh, caller_inquires, told_open;
    uint8_t offered;      /* bytes may have left since the mark; true for everything restored with a mark */
    uint8_t restored;
    uint8_t overtaken;      /* a peer of it was restored during its present commit */
    uint8_t asks;           /* the next hop is asked what it holds (restored.c) */
    uint8_t theirs;         /* FOUNDED_BY_HELD: the state that the peer told */
    uint8_t told_by_next;   /* the same: the peer is the next hop */
    uint8_t lingering;    /* closed, but kept in memory for a while (see exchange_close) */
    uint8_t dead;

    /* destination */
    struct call submit, cure;
    uint8_t sendings;       /* of the submission */
    uint8_t waiting_host;   /* restored: until the host says what it still holds */
    uint8_t step;           /* of the present schedule */
    uint8_t sent_once;      /* a sending was answered by the local system: the next is a repeat */
    uint8_t alarmed, need_answer;
    uint8_t undo_sent;      /* the present cancel was called */
    uint8_t searched;       /* the store was asked who cancelled it */
    uint8_t nobody_found;   /* and knows of nobody */
    uint8_t other_seen;     /* there was one that may have cancelled it */
    uint8_t perhaps_ours;   /* it may be our own cancel, whose answer was lost */
    uint8_t ask_by_serial;  /* after a restart it is not known whose it is: the cancel's own serial tells */
    uint8_t last_finding;    /* of the last call about it; UNANSWERED: none came */
    uint16_t asked;          /* calls about it since it became unclear */
    int64_t unclear_ms;      /* since when it is unclear */
    int64_t called_ms;       /* when the last call about it began */
    uint16_t alarm_code;     /* raised since then, 0 = none */
    int64_t schedule_base_ms, sent_ms;
    int64_t clear_ms;        /* from then on no earlier sending of the reversal can still arrive */
    int64_t cancel_until_ms; /* a cancel of ours without an answer may arrive until then */
    int64_t acted_ms;        /* when a reversal or a cancel, or the reversal of one, was called last */
};

struct query { /* in memory only */
    struct table_link by_key;
    struct message_header header;
    struct fep_index index;
    struct travel travel;
    struct slice body;
    struct timed timed;
    struct slice answer;
    uint8_t role; /* origin, transit, destination */
    struct party *previous, *target;
    struct list_link toward, from, waiting;
    struct ticket *ticket;
    struct call call;
    int64_t deadline_ms;
};

struct lookup { /* a caller's inquiry that waits for the store, or the search for who cancelled a settlement */
    struct table_link by_reference;
    uint64_t reference, ticket;
    uint8_t for_cure;
    struct party *party;
    uint32_t epoch;
    struct message_header header;
};

enum { RECORD_CHUNK = 64 };
struct record_chunk {
    struct record_chunk *next;
    size_t used;
    struct exchange_record records[RECORD_CHUNK];
};

struct core {
    struct core_config config;
    const struct transaction_table *transactions;
    const struct route_table *routes;
    int64_t now_ms, wall_ms;

    struct table parties, exchanges, queries, persons, tickets, calls, serials, lookups;
    struct party *self;
    struct timer_heap timers;
    struct pool exchange_pool, query_pool, ticket_pool, ack_pool, input_pool, person_pool, lookup_pool;
    struct list working;      /* to be advanced before the step ends */
    struct list storing;      /* waiting for a commit, in order of sequence */
    struct list internal;     /* inputs from this gateway to itself */
    struct list dead_inputs;  /* freed when the next step begins */
    struct list dead_exchanges, dead_queries;
    struct list lingering;    /* oldest first */
    size_t lingering_count;

    struct core_command *commands;
    size_t command_count, command_room;
    struct record_chunk *chunks, *chunk; /* copies of records in commands */

    uint64_t sequence, committed; /* of store commands */
    uint64_t next_counter, counter_limit; /* local serials */
    uint64_t next_call;
    uint64_t serials_sequence; /* the store command that releases counter_limit */
    uint64_t released_limit;   /* serials below are released on disk */
    uint8_t serials_owed;      /* the store refused to release counter_limit */
    uint64_t next_lookup;
    uint64_t open_bytes, open_total;
    uint64_t state_counts[STATE_COUNT], endings[STATE_COUNT];
    int64_t alarms_ms;  /* the last moment for which an alarm about age was given out */
    uint8_t disk_full, recovering;
    uint32_t resolving, resolving_peers; /* parties not heard since the store was put back */
    int64_t lost_until_ms; /* what the lost store sent to a local system may arrive until then */
    uint32_t instances;
    struct party *instance; /* the last one added */
};

/* --- commands.c: what the daemon must do --- */
int core_reserve(struct core *core); /* room for the commands of one piece of work; negative without memory */
void commands_begin(struct core *core);
void commands_finish(struct core *core);
struct core_command *emit(struct core *core, enum command_type type);
const struct exchange_record *emit_record(struct core *core, const struct exchange_record *record);
void send_update(struct core *core, struct exchange *exchange);
void send_reversal(struct core *core, struct exchange *exchange);
void send_outcome(struct core *core, struct exchange *exchange, uint8_t copy);
/* An ending that no record here stands for: foreign content under a known key, a loop, a day beyond the horizon. */
void send_ending(struct core *core, struct party *to, const struct message_header *header, uint32_t attempt,
                 enum exchange_state state, uint16_t code);
uint64_t update_token(const struct exchange_record *record);
uint64_t reversal_token(const struct exchange_record *record);
uint64_t outcome_token(const struct exchange_record *record);
void outcome_of_record(const struct exchange_record *record, struct core_outcome *outcome);
void alarm_about(struct core *core, uint16_t code, const struct exchange_record *record,
                 const struct message_header *header, const struct party *party);
/* Settles what a peer or host sent: at once, or after the commit the exchange waits for. */
void settle(struct core *core, struct exchange *exchange, struct party *party, uint64_t reference, uint8_t acked);
void settle_now(struct core *core, struct party *party, const struct message_key *key, uint64_t reference,
                uint8_t acked);
void flush_acks(struct core *core, struct exchange *exchange);
/* Hands an input to this gateway itself; without memory it is lost like any other and repeated. */
void post_internal(struct core *core, const struct core_event *event);
/* Commands may point to it until the next step. */
void hold_slice(struct core *core, struct slice slice);
/* As core_reserve, for pieces of work that may not be put off; ends the process where memory is out altogether. */
void core_must_reserve(struct core *core);

/* --- tell.c: callers --- */
struct ticket *ticket_attach(struct core *core, struct exchange *exchange, struct query *query, struct party *party,
                             const struct core_event *event);
void ticket_drop(struct core *core, struct ticket *ticket);
struct ticket *ticket_find(const struct core *core, const struct party *party, uint64_t reference);
void tell(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
          const struct message_header *header, const struct core_outcome *outcome, struct slice body,
          const struct fep_index *index);
void tell_refused(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
                  const struct message_header *header, enum fep_kind kind, enum fep_refusal_class refusal_class,
                  enum fep_reason reason, uint16_t code, const char *text);
void tell_open(struct core *core, struct exchange *exchange, struct ticket *ticket);
void tell_all_open(struct core *core, struct exchange *exchange, bool undoing);
void tell_overdue(struct core *core, struct exchange *exchange);
void tell_ending(struct core *core, struct exchange *exchange);
int64_t tickets_due(const struct exchange *exchange);
struct ticket *tell_first(const struct exchange *exchange);
bool can_be_told(const struct party *party, uint32_t epoch);
void answer_inquiry(struct core *core, struct party *party, uint64_t reference, uint32_t epoch,
                    const struct message_header *header, const struct exchange_record *record, struct slice answer);

/* --- exchange.c: the only place where an exchange changes its state --- */
struct exchange *exchange_find(const struct core *core, const struct message_key *key, enum exchange_role role);
struct exchange *exchange_find_relay(const struct core *core, const struct message_key *key);
struct exchange *exchange_create(struct core *core, const struct message_header *header, enum exchange_role role);
void exchange_attach(struct core *core, struct exchange *exchange, struct party *previous, struct party *target);
void exchange_set_target(struct core *core, struct exchange *exchange, struct party *target);
void exchange_move(struct core *core, struct exchange *exchange, enum exchange_state state);
void exchange_store(struct core *core, struct exchange *exchange);
bool exchange_uses_credit(const struct exchange *exchange);
void exchange_close(struct core *core, struct exchange *exchange); /* leave.c */
void exchange_reopen(struct core *core, struct exchange *exchange);
void exchange_linger(struct core *core, struct exchange *exchange);
void exchange_remove(struct core *core, struct exchange *exchange);
void exchange_free(struct core *core, struct exchange *exchange);
void exchange_input(struct core *core, struct exchange *exchange, const struct core_event *event);
void exchange_work(struct core *core, struct exchange *exchange); /* advance it before the step ends */
/* A store command is outstanding: nothing may be said, and inputs wait. */
static inline bool
exchange_is_mute(const struct exchange *exchange)
{
    return (exchange->store_sequence != 0 || exchange->store_retry_ms != 0) && !MUTATED(SPEAK_BEFORE_COMMIT);
}
static inline void
exchange_wake(struct exchange *exchange, int64_t at_ms)
{
    if (at_ms < exchange->wake_ms)
        exchange->wake_ms = at_ms;
}
void exchange_run(struct core *core, struct exchange *exchange);
void exchange_end(struct core *core, struct exchange *exchange, enum exchange_state state,
                  const struct core_outcome *outcome);
void exchange_refuse(struct core *core, struct exchange *exchange, enum fep_refusal_class refusal_class,
                     enum fep_reason reason, uint16_t code, const char *text);
void exchange_end_reversed(struct core *core, struct exchange *exchange, bool had_effect);
void exchange_end_stands(struct core *core, struct exchange *exchange, uint16_t code);
void exchange_keep_answer(struct core *core, struct exchange *exchange, const struct core_event *event);
void exchange_restore(struct core *core, struct exchange *exchange, const struct core_event *event);
void exchange_note_outcome(struct exchange *exchange, const struct core_outcome *outcome, enum exchange_state state);
void rest_index(struct fep_index *index, const struct fep_index *from);
bool has_digest(const struct exchange_record *record);

/* --- the rest, by file --- */
void advance(struct core *core, struct exchange *exchange);                              /* advance.c */
void advance_queued(struct core *core, struct exchange *exchange);
void start_reversal(struct core *core, struct exchange *exchange, enum reversal_cause cause);
void exchange_handle(struct core *core, struct exchange *exchange, const struct core_event *event); /* core.c */

void on_request(struct core *core, const struct core_event *event);                      /* on_request.c */
void request_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void request_copy(struct core *core, struct exchange *exchange, const struct core_event *event);
void on_rendered(struct core *core, const struct core_event *event);
void render_held(struct core *core, struct exchange *exchange);
void rendered_handle(struct core *core, struct exchange *exchange, bool ok);
void on_caller_gone(struct core *core, const struct core_event *event);
void on_found(struct core *core, const struct core_event *event);
struct lookup *lookup_add(struct core *core);

void on_update(struct core *core, const struct core_event *event);                       /* on_relay.c */
bool comes_round(const struct exchange *exchange, const struct party *from, uint32_t attempt);
bool is_loop(const struct core *core, const struct message_header *header, const struct party *from);
/* Rule 4: is this day (yyyymmdd; 0 = not known) so old that copies of it are not recognised any more? */
bool is_over_horizon(const struct core *core, uint32_t day);
void update_copy(struct core *core, struct exchange *exchange, const struct core_event *event);
void tell_stranger(struct core *core, const struct exchange *exchange, const struct core_event *event,
                   struct party *from, enum exchange_state state, uint16_t code);
void on_outcome(struct core *core, const struct core_event *event);
void drop_held(struct core *core, struct exchange *exchange); /* an answer that is being rendered */
void outcome_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void on_acked(struct core *core, const struct core_event *event);
void acked_handle(struct core *core, struct exchange *exchange, const struct core_event *event); /* on_acked.c */

void on_committed(struct core *core, uint64_t sequence);                                  /* on_store.c */
void on_store_refused(struct core *core, uint64_t sequence);
void on_store_conflict(struct core *core, const struct core_event *event);

void on_done(struct core *core, const struct core_event *event);                          /* on_done.c */
void done_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void late_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void call_lost(struct core *core, struct exchange *exchange, struct call *call);
void call_begin(struct core *core, struct exchange *exchange, struct call *call, uint64_t id, uint8_t operation);
void call_offer_again(struct core *core, struct exchange *exchange, const struct call *call);
void call_adopt(struct core *core, struct call *call, uint64_t id, uint8_t operation);
void call_finish(struct core *core, struct call *call);
uint64_t call_next_id(struct core *core);

void on_tick(struct core *core);                                                          /* on_deadline.c */
void on_reversal(struct core *core, const struct core_event *event);                      /* on_reversal.c */
void reversal_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void caller_reversal(struct core *core, const struct core_event *event, struct party *from);
void caller_reversal_handle(struct core *core, struct exchange *exchange);
void caller_reversal_input(struct core *core, struct exchange *exchange, const struct core_event *event);

void advance_dispatched(struct core *core, struct exchange *exchange);                    /* dispatch.c */
void advance_unknown(struct core *core, struct exchange *exchange);
void dispatch_mark(struct core *core, struct exchange *exchange);
void inquiry_done(struct core *core, struct exchange *exchange, const struct core_event *event);
void submission_done(struct core *core, struct exchange *exchange, const struct core_event *event);
void become_unknown(struct core *core, struct exchange *exchange, enum fep_reason reason, uint16_t code,
                    const char *text);

void advance_cure(struct core *core, struct exchange *exchange);                          /* cure.c */
void start_cure(struct core *core, struct exchange *exchange, enum reversal_cause cause);
void cure_done(struct core *core, struct exchange *exchange, const struct core_event *event);
void cure_submission_done(struct core *core, struct exchange *exchange, const struct core_event *event);
void cure_host_lost(struct core *core, struct exchange *exchange);
void cure_other_found(struct core *core, const struct message_key *asker, const struct core_event *event);
void cure_told_posted(struct core *core, struct exchange *exchange, const struct core_event *event);

/* pace.c: how many are asked about at once, and at once when the local system answers again */
void pace_leave(struct core *core, struct exchange *exchange);
bool pace_may_call(struct core *core, struct exchange *exchange);
void pace_begun(struct core *core, struct exchange *exchange);
void pace_ended(struct party *party);
void pace_lost(struct core *core, struct exchange *exchange);
void pace_answered(struct core *core, struct party *party, const struct core_outcome *outcome);
void pace_line_back(struct core *core, struct party *party);
void pace_pump(struct core *core, struct party *party);

void unclear_begin(struct core *core, struct exchange *exchange);                         /* unclear.c */
void unclear_watch(struct core *core, struct exchange *exchange);
void on_resolved(struct core *core, const struct core_event *event);
void resolved_handle(struct core *core, struct exchange *exchange, const struct core_event *event);

bool restored_waits(const struct core *core, const struct exchange *exchange); /* restored.c */
bool restored_tells_nobody(const struct core *core, const struct exchange *exchange);
void restored_follow(struct core *core, struct exchange *exchange, struct party *from);
void restored_adopt_previous(struct core *core, struct exchange *exchange, struct party *from);
bool restored_forgot(const struct core *core, const struct exchange *exchange);
bool restored_stays_open(const struct exchange *exchange);
bool restored_takes_later(const struct core *core, const struct exchange *exchange, const struct core_event *event);
void restored_correct(const struct core *core, struct exchange_record *record);
void restored_resume(struct core *core, struct exchange *exchange);
void restored_ask(struct core *core, struct exchange *exchange);
bool restored_hold_reversal(struct core *core, struct exchange *exchange, struct party *target);
void restored_heard(struct core *core, struct exchange *exchange);
void restored_conflict(struct core *core, struct exchange *exchange, const struct exchange_record *wanted,
                       uint8_t theirs, struct slice body, struct slice answer);
void on_held(struct core *core, const struct core_event *event);
void held_handle(struct core *core, struct exchange *exchange, const struct core_event *event);
void on_heard(struct core *core, const struct core_event *event);
void on_traced(struct core *core, const struct core_event *event);
void traced_handle(struct core *core, struct exchange *exchange, const struct core_event *event);

void on_restored(struct core *core, const struct core_event *event);                      /* on_restart.c */
void on_recovered(struct core *core);

void on_peer_up(struct core *core, const struct core_event *event);                       /* on_link.c */
void on_peer_down(struct core *core, const struct core_event *event);
void on_host_up(struct core *core, const struct core_event *event);
void on_host_down(struct core *core, const struct core_event *event);
void on_hold(struct core *core, const struct core_event *event, bool held);
struct party *party_find(const struct core *core, const char *name);
void party_add(struct core *core, struct party *party);

void order_enter(struct core *core, struct exchange *exchange);                           /* order.c */
void order_leave(struct core *core, struct exchange *exchange);
void order_moved(struct core *core, struct exchange *exchange); /* the person's others may go on now */
bool order_permits(const struct core *core, const struct exchange *exchange);
bool order_clarifying(const struct core *core, const uint8_t order_key[16], enum exchange_role role);
bool order_cure_waits(const struct core *core, const struct exchange *exchange);
bool order_free(const struct core *core, const uint8_t order_key[16], enum exchange_role role);

void on_query_request(struct core *core, const struct core_event *event, struct party *from); /* query.c */
void on_query(struct core *core, const struct core_event *event);
void on_answer(struct core *core, const struct core_event *event);
void query_done(struct core *core, struct query *query, const struct core_event *event);
void query_expired(struct core *core, struct query *query);
void queries_lost(struct core *core, struct party *party, enum fep_reason reason, uint16_t code);
void query_forget(struct core *core, struct query *query);
void query_pump(struct core *core, struct party *party);
void query_free(struct core *core, struct query *query);

struct refusal { /* why something is not taken */
    uint8_t refusal_class, reason;
    uint16_t code;
    const char *text; /* constant, or a route rule's; copied before the step ends */
};
struct admission {
    struct party *target; /* NULL: refused */
    struct refusal refusal;
    bool now; /* the target is up; else not known yet: queued */
};
/* bounds.c: which way, and whether there is room. `from` is the party that handed it over. */
bool choose_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
                   const struct party *from, enum exchange_role role, struct admission *admission);
bool has_room(const struct core *core); /* counting what was just created */
bool has_reserved_room(const struct core *core);
bool credit_left(const struct core *core, const struct party *party);
void credit_pump(struct core *core, struct party *party);
struct party *first_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
                           const struct party *from);
struct party *only_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
                          const struct party *from);
uint32_t call_time_ms(const struct core *core, const char *infno);
uint32_t transaction_traits(const struct core *core, const char *infno);
const char *transaction_inverse(const struct core *core, const char *infno);
bool party_usable(const struct party *party); /* up, not held */
uint64_t draw_serials(struct core *core, unsigned count); /* the first of them */
bool serial_is_released(struct core *core, uint64_t serial); /* may bytes go out under it? If not: look again soon */
uint64_t ticket_hash(const struct party *party, uint64_t reference);

#endif
