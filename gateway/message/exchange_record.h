/* What is on disk about one update at one gateway: the durable part of an exchange. The core fills it, the store keeps
 * it, recovery hands it back. State names, and which state may follow which, are schema/lifecycle.md. */
#ifndef FEP_EXCHANGE_RECORD_H
#define FEP_EXCHANGE_RECORD_H

#include "header.h"

/* Codes of outcomes: the four-digit codes of the reference protocols (2301: total differs ...) or the gateway's own
 * (error_codes.h, FEP-2113 ...). The two sets have no number in common, so a code is ours if error_describe knows it. */

enum exchange_state {
    STATE_NONE = 0,
    STATE_QUEUED,     /* committed; nothing sent or dispatched */
    STATE_SENT,       /* origin, transit: the mark is committed, the first byte may have left */
    STATE_RELAYED,    /* origin, transit: the next hop has committed it */
    STATE_DISPATCHED, /* destination: the attempt record is committed, the local system may have been called */
    STATE_UNKNOWN,    /* destination: the outcome is not known and is being inquired */
    STATE_REVERSING,  /* a reversal is committed: being passed on, or carried out here */
    /* endings: final for the attempt and all lower ones */
    STATE_ANSWERED,
    STATE_REFUSED,
    STATE_REVERSED,
    STATE_STANDS,
    STATE_COUNT
};

/* Who asked for the reversal first. */
enum reversal_cause { REVERSAL_NONE = 0, REVERSAL_DEADLINE, REVERSAL_CALLER, REVERSAL_PEER, REVERSAL_SCHEDULE,
                      REVERSAL_INCONSISTENT };

/* How far a cure has come at the gateway beside the local system (rule 13). */
enum cure_stage {
    CURE_NONE = 0,
    CURE_WAIT,           /* waiting for the original's outcome */
    CURE_REVERSE,        /* reversal calls by schedule */
    CURE_CANCEL,         /* the cancel's record is committed; it may have been called */
    CURE_CANCEL_UNKNOWN, /* its outcome is unknown: inquire the original, else reverse the cancel's serial */
    CURE_WAIT_OTHER      /* cancelled by another update of the person that has no ending here yet */
};

struct local_attempt { /* rule 6; zero = none */
    uint64_t serial;
    uint32_t serial_date;
    uint32_t accounting_date;
    uint32_t mapping_generation;
    char cycle[40];
};

struct exchange_times { /* wall clock ms, 0 = not yet; for people and delays, never for decisions */
    int64_t accepted, sent, relayed, outcome, told;
};

struct exchange_record {
    struct message_header header;
    uint8_t role;  /* enum exchange_role */
    uint8_t state; /* enum exchange_state */
    uint8_t tombstone; /* a reversal came and the original was never seen: no body is held */
    uint32_t attempt;
    uint8_t digest[DIGEST_SIZE];
    uint8_t hops_left;
    char previous[NODE_SIZE]; /* peer that handed it over; at the origin: the adapter instance */
    char target[NODE_SIZE];   /* peer, or adapter instance at the destination; empty = no route chosen yet (rule 7) */
    struct local_attempt local;

    /* outcome */
    uint8_t kind;     /* enum fep_kind of the ending; 0 = none */
    uint8_t effect;   /* enum fep_effect */
    uint8_t refusal_class; /* enum fep_refusal_class */
    uint8_t reason;   /* enum fep_reason */
    uint16_t code;    /* canonical code (2301 ...) or FEP code, 0 = good */
    char text[128];   /* for people; no personal data */
    struct fep_index index;

    /* reversal and cure */
    uint8_t reversal_cause; /* enum reversal_cause */
    uint32_t reversal_attempt;
    uint8_t reversal_relayed; /* the next hop has committed the reversal */
    uint8_t cure;           /* enum cure_stage */
    struct local_attempt cancel; /* the cure's cancel, its own serial */
    uint8_t outcome_relayed; /* the previous hop has committed the ending (or the caller was told, at the origin) */

    struct exchange_times times;
};

static inline bool
exchange_state_is_ending(enum exchange_state state)
{
    return state >= STATE_ANSWERED;
}
const char *exchange_state_name(enum exchange_state state); /* "queued" ... */
const char *reversal_cause_name(enum reversal_cause cause);

#endif
