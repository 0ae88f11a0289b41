/* The core: a pure state machine. Events in, commands out; no clock, socket, file, environment or random call inside.
 *
 * The one idiom that makes "store before send" hold: the core changes an exchange, emits CMD_STORE with a sequence
 * number, and says nothing about the change. EVENT_COMMITTED with a number at or past it lets the exchange speak: what
 * is due follows from its committed state alone, never from how it got there. So a restart (EVENT_RESTORED) and a
 * fresh commit run the same code.
 *
 * Memory: the core owns its exchanges; slices in events are borrowed (the core shares what it keeps); slices and
 * strings in commands stay valid until the next core_step. One thread.
 */
#ifndef FEP_CORE_H
#define FEP_CORE_H

#include <stdbool.h>

#include "exchange_record.h"
#include "transaction_table.h"
#include "route.h"

#define LOCAL_SERIAL_COUNTER 10000000000ull /* serial = incarnation % 99 * this + counter (12 digits); 99... belongs to the hosts' own */

struct core_config {
    char node[NODE_SIZE];          /* this gateway's node code */
    uint32_t max_in_flight;        /* per peer or instance, default 1000 */
    uint32_t max_queued;           /* open exchanges, default 100000 */
    uint64_t max_queued_bytes;     /* bodies of open exchanges, default 256 MiB */
    uint32_t max_queries;          /* pending queries, default 10000 */
    uint32_t max_body_bytes;       /* of a peer's update or query; 0 = as much as a frame holds. Answers are outcomes,
                                      which no bound refuses */
    uint32_t horizon_days;         /* rule 4, default 45 */
    uint32_t adopt_wait_ms;        /* rule 10, default 120000 */
    uint32_t unclear_ms;           /* unclear for so long: an alarm, once; default 900000 */
    uint32_t repeat_ms;            /* how often an unacknowledged reversal is offered again, default 5000 */
    uint8_t max_hops;              /* default 8 */
    uint64_t incarnation;
    uint64_t serial_counter;       /* first counter not used yet, from the store */
};

/* --- events ------------------------------------------------------------------------------------------------- */

enum event_type {
    EVENT_REQUEST = 1,    /* a local caller asks (host -> router) */
    EVENT_UPDATE,         /* a peer hands us an update */
    EVENT_REVERSAL,       /* a peer asks to undo (header = the original's, travel.attempt) */
    EVENT_OUTCOME,        /* a peer reports an ending */
    EVENT_QUERY,          /* a peer hands us a query */
    EVENT_ANSWER,         /* a peer answers a query */
    EVENT_ACKED,          /* a peer has committed what we sent */
    EVENT_COMMITTED,      /* the store has everything up to `sequence` */
    EVENT_STORE_REFUSED,  /* the store could not commit `sequence` (full disk): nothing of it is on disk */
    EVENT_STORE_CONFLICT, /* a new record met one already closed; `found` is what the store holds */
    EVENT_DONE,           /* a host completed a call */
    EVENT_LATE,           /* a host reports an answer after its call was completed */
    EVENT_RENDERED,       /* the origin's host says whether it can put the answer into the caller's language */
    EVENT_CALLER_GONE,
    EVENT_HOST_UP, EVENT_HOST_DOWN,
    EVENT_PEER_UP, EVENT_PEER_DOWN,
    EVENT_RESTORED,       /* recovery: one open record from the store, before any traffic */
    EVENT_RECOVERED,      /* recovery is complete */
    EVENT_HOLD, EVENT_REOPEN, /* operator: a target takes nothing new (reversals and outcomes pass) */
    EVENT_DISK,           /* `flag`: there is room for new updates */
    EVENT_TICK,
    EVENT_FOUND,          /* answer to CMD_STORE_FIND `reference`; `found` is NULL if the store holds nothing */
    EVENT_HELD,           /* a peer tells this restored gateway what it holds of an exchange: `from`, header, travel.attempt,
                             index, body (the request), found_answer; outcome.state is the peer's, whatever it is; `flag`:
                             1 = it has it from us, 0 = it sent it to us */
    EVENT_HEARD,          /* `from`, a peer or an instance, is resolving no more (core_set_resolving) */
    EVENT_TRACED,         /* `from` an instance: it holds header.key.msgid (origin may be empty) under the local serial
                             `reference` of the day travel.attempt; reference 0: not at all, and never will */
    EVENT_RESOLVED        /* two people have found out what became of an update whose outcome is not known at this
                             destination: header.key; `flag` = enum core_resolution; POSTED: body and index of its
                             answer; `reference`: so many ms ago it was looked at last */
};

#define CORE_BY_HAND "settled by hand" /* begins the text of an ending that came of it */
enum core_resolution {
    RESOLVED_POSTED = 1, /* it took effect and is in force */
    RESOLVED_NOT_POSTED, /* it certainly never did, and never will */
    RESOLVED_UNDONE,     /* it did, and was undone at the local system */
    RESOLVED_STANDS,     /* it did, and can not be undone there */
    RESOLVED_COUNT
};

struct core_outcome { /* an ending as it travels, and a completion as a host reports it */
    uint8_t state;    /* enum exchange_state: an ending (links); 0 for host completions */
    uint8_t kind, effect, refusal_class, reason, finding;
    uint8_t copy;     /* this is a stored ending told again */
    uint16_t code;
    char text[128];
    uint32_t accounting_date;
    char cycle[40];
};

struct core_event {
    enum event_type type;
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* for dating and people */

    const char *from;      /* peer or instance name */
    uint64_t reference;    /* links: link sequence to acknowledge; hosts: call id of DONE and LATE (or the local serial),
                              ticket of REQUEST; ACKED: `reference` of the acknowledged SEND, 0 = not known */
    uint32_t epoch;        /* hosts */
    uint64_t sequence;     /* COMMITTED, STORE_REFUSED, STORE_CONFLICT */
    struct message_header header; /* REQUEST, UPDATE, REVERSAL, QUERY; OUTCOME, ANSWER, ACKED, RENDERED: key only */
    struct travel travel;  /* ACKED: attempt, 0 = not known */
    struct fep_index index;
    struct core_outcome outcome;
    struct slice body;     /* request body; answer body for OUTCOME, ANSWER, DONE */
    uint8_t flag;          /* RENDERED: ok; REQUEST: fresh (see adapter.h); DISK: room; PEER_UP: it was restored; FOUND: the search by settlement
                              could not be finished, so that nothing is known */
    uint8_t caller_inquires; /* REQUEST: the caller's own protocol has an inquiry (rule 10) */
    uint8_t acked;         /* ACKED: enum core_acked */
    uint32_t abilities;    /* HOST_UP: FEP_INQUIRES ... */
    uint32_t window;       /* HOST_UP: calls that may be open at once */
    const uint64_t *open_calls; /* HOST_UP: calls the host still holds */
    size_t open_call_count;
    const struct exchange_record *found; /* STORE_CONFLICT, RESTORED */
    struct slice found_body, found_answer;
};

/* What an update whose outcome is not known waits for. From UNCLEAR_PERSON on nothing resolves it by itself. */
enum core_unclear_wait {
    UNCLEAR_SCHEDULE = 1, /* its next step is due at next_ms */
    UNCLEAR_CALL,         /* the local system was asked and has not answered yet */
    UNCLEAR_TURN,         /* it is due; others are asked first */
    UNCLEAR_LINE,         /* the peer or the instance is down */
    UNCLEAR_NEXT_HOP,     /* the next hop has the reversal and works on it */
    UNCLEAR_ORDER,        /* a later update of the person is undone first, or a later one cancelled it */
    UNCLEAR_PERSON,       /* only below this */
    UNCLEAR_NO_ABILITY = UNCLEAR_PERSON, /* the local system can neither be asked nor reversed */
    UNCLEAR_NO_SETTLEMENT,               /* its cancel needs the settlement id, which nobody told */
    UNCLEAR_IN_PROGRESS,                 /* "in progress" for longer than the bound */
    UNCLEAR_NO_ANSWER,                   /* asked for longer than the bound, without an answer */
    UNCLEAR_WAIT_COUNT
};

struct core_unclear {
    const struct exchange_record *record;
    int64_t since_ms; /* wall clock */
    int64_t next_ms;  /* wall clock of the next step that is planned; 0 = an event moves it */
    uint8_t wait;     /* enum core_unclear_wait */
    uint8_t operation; /* CORE_OP_* of the next step; 0 = the next hop's */
    uint8_t settles;   /* bit (1 << enum core_resolution): what a person may settle it as now */
    uint32_t asked;    /* calls about it since it became unclear */
};

enum core_acked { ACKED_UPDATE = 1, ACKED_OUTCOME, ACKED_REVERSAL };

/* --- commands ------------------------------------------------------------------------------------------------- */

enum command_type {
    CMD_STORE_INSERT = 1, /* record + body (+ answer); a key that is already closed comes back as STORE_CONFLICT, and
                             for this TRANSIT and DESTINATION are one key: a copy that would now take another way must
                             find what its first coming left */
    CMD_STORE_UPDATE,     /* record; answer if not empty. Of a closed exchange: opens it again. `body` is always given,
                             for a store that then wants it as a new row */
    CMD_STORE_CLOSE,      /* this exchange needs nothing more here: to the journal, in its own time */
    CMD_STORE_SERIALS,    /* number = the counter that may be used up to from now on */
    CMD_ACK,              /* to peer `to`: link sequence `reference` is settled */
    CMD_SEND_UPDATE, CMD_SEND_REVERSAL, CMD_SEND_OUTCOME, CMD_SEND_QUERY, CMD_SEND_ANSWER, /* to peer `to` */
    CMD_SUBMIT,           /* to instance `to`: call id = reference; op in `operation`; attempt in `local` */
    CMD_CANCEL,           /* to instance `to`: wish for call `reference` */
    CMD_TELL,             /* to instance `to`: outcome for its ticket `reference` */
    CMD_RENDER,           /* to instance `to`: can ticket `reference` be told this answer? */
    CMD_HOST_ACK,         /* to instance `to`: DONE with call id `reference` is taken */
    CMD_LOG_OUTCOME,      /* the one outcome line of the exchange in `record` */
    CMD_LOG_STEP,         /* debug: a step of the exchange in `record` */
    CMD_ALARM,            /* `code`, `record` or key: digest mismatch, loop, stands ... */
    CMD_STORE_FIND        /* read header.key in role `number`; EVENT_FOUND brings it with the same `reference`, whose
                             top bit is always set, so that the owner may use lower numbers for reads of its own.
                             Without a msgid: the exchange in role `number`, state `answered` or `stands`, with
                             header.infno and index.settlement_id, open or closed: which update cancelled a
                             settlement */
};

enum { CORE_OP_SUBMIT = 1, CORE_OP_INQUIRE, CORE_OP_REVERSE, CORE_OP_UNDO, CORE_OP_REVERSE_UNDO, CORE_OP_QUERY };

struct core_command {
    enum command_type type;
    const char *to;
    uint64_t reference;                   /* SEND_*: names what is sent, for ACKED; the rest as said above */
    uint64_t sequence;                    /* STORE_INSERT, UPDATE, CLOSE, SERIALS: counts up by one */
    const struct exchange_record *record; /* STORE_* and LOG_*; a copy taken when emitted */
    struct message_header header;         /* SEND_*, SUBMIT */
    struct travel travel;                 /* SEND_*, SUBMIT (time left) */
    struct fep_index index;
    struct core_outcome outcome;          /* SEND_OUTCOME, SEND_ANSWER, TELL, RENDER */
    struct slice body, answer;            /* answer: UNDO needs the original's answer beside its request */
    struct local_attempt local;           /* SUBMIT: names the original for INQUIRE, REVERSE, UNDO */
    struct local_attempt cancel;          /* UNDO, REVERSE_UNDO: the cancel's own serial */
    uint8_t operation;                    /* CORE_OP_* */
    uint8_t repeat;                       /* SUBMIT: the same serial was sent before */
    uint64_t number;                      /* STORE_SERIALS, STORE_FIND */
    uint16_t code;                        /* ALARM; LOG_OUTCOME: the alarm that was raised while it was unclear, 0 = none */
};

struct core;

struct core *core_create(const struct core_config *config, const struct transaction_table *transactions);
void core_destroy(struct core *core);
/* Replaces the routes; the core borrows the table until the next call or its end. Open exchanges keep their path. */
void core_set_routes(struct core *core, const struct route_table *routes);
/* Who is there at all: names of peers and instances, so that "known down" and "unknown" differ. */
int core_add_peer(struct core *core, const char *name);
int core_add_instance(struct core *core, const char *name);
/* This store was put back from a backup and the party was not heard since (schema/restore.md). Before recovery; ends with
 * EVENT_HEARD. Negative: no such party. */
int core_set_resolving(struct core *core, const char *name);
/* Does an exchange still wait for the store with inputs untaken? Then a peer that was asked has not been heard yet. */
bool core_has_untaken(const struct core *core);
/* May a restored peer be told what the store holds? Not while the store lacks what the peer's lost store had said. */
bool core_may_tell_held(const struct core *core, const char *peer);

/* One step. Returns the number of commands and points *commands at them (valid until the next step). Never fails
 * half-way: without memory for the step it refuses the input as at a bound, or does nothing so that the sender
 * repeats. */
size_t core_step(struct core *core, const struct core_event *event, const struct core_command **commands);

/* When EVENT_TICK is due at the latest (monotonic ms), or INT64_MAX. */
int64_t core_next_due(const struct core *core);

/* Name of the kill point at which this record has just been committed: "origin-sent", "destination-answered" ... All
 * names are listed in schema/lifecycle.md. */
const char *core_kill_point_name(const struct exchange_record *record);

/* --- looking in (fepctl status, why; tests) ------------------------------------------------------------------- */
struct core_status {
    uint64_t open_unknown;  /* UNKNOWN, and REVERSING without an ending: the first figure on every screen */
    uint64_t open_by_state[STATE_COUNT];
    uint64_t open_total, open_bytes, pending_queries;
    uint64_t endings[STATE_COUNT]; /* since start */
};
void core_read_status(const struct core *core, struct core_status *status);
/* An open exchange by key and role, or NULL. Valid until the next step. */
const struct exchange_record *core_find(const struct core *core, const struct message_key *key, enum exchange_role role);
/* Calls fn for each update whose outcome is not known or which is being undone. */
void core_each_unclear(const struct core *core, int (*fn)(void *arg, const struct core_unclear *unclear), void *arg);
/* Would EVENT_RESOLVED end (or help) this update now? 0, or a code of error_codes.h: NOT_UNCLEAR, NOT_YET, HAND_MISFIT.
 * An event that would not is ignored. As of the last step, like all that is looked into: EVENT_TICK brings it up to now. */
uint16_t core_may_resolve(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                          bool has_answer);
/* Was something called since then that may have changed what a person saw? EVENT_RESOLVED with that `reference` is ignored. */
bool core_acted_since(const struct core *core, const struct message_key *key, enum core_resolution resolution,
                      uint64_t ms_ago);
/* Calls fn for each open exchange until it returns non-zero. */
void core_each(const struct core *core, int (*fn)(void *arg, const struct exchange_record *record), void *arg);

#endif
