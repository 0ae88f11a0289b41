/* Three gateways, their links, hosts, callers and a local system in one process under virtual time, driven by one seed.
 * Everything may be lost, repeated, reordered and delayed, and any gateway or host may die at any step. */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "books.h"
#include "rig.h"

enum { WORLD_UPDATES = 8, WORLD_CALLS = 256, WORLD_HAPPENINGS = 4096 };
enum { GATE_A, GATE_P, GATE_B, GATES };

struct world_update { /* what the caller at A wants, and what it was told */
    char msgid[MSGID_SIZE];
    char infno[INFNO_SIZE];
    char body[64];
    uint8_t person;
    uint64_t tickets; /* the last one */
    int asked, told_answered, told_reversed, told_refused, told_stands, not_sent;
    int asked_reversal, fresh_after_refusal, copy_after_refusal;
    int waiting;
    int64_t asked_ms;
    uint64_t settlement;  /* from the answer */
    uint64_t refunds;     /* this is the refund of that settlement */
};

struct world_call { /* at host lb */
    uint64_t id;
    int used, done;
    struct core_outcome outcome;
    struct core_command command;
    uint64_t settlement;
};

enum happening_type { HAPPEN_PACKET = 1, HAPPEN_COMMIT, HAPPEN_CRASH, HAPPEN_START, HAPPEN_HOST_CRASH,
                      HAPPEN_HOST_START, HAPPEN_ARRIVAL, HAPPEN_REPLY, HAPPEN_TIMEOUT, HAPPEN_OFFER, HAPPEN_ASK,
                      HAPPEN_CALLER, HAPPEN_LINK, HAPPEN_DISK, HAPPEN_GONE };
struct happening {
    int64_t due_ms;
    enum happening_type type;
    int gate;
    uint64_t number, other; /* call id, ticket, update, link sequence */
    struct core_event event; /* PACKET */
    char from[NODE_SIZE];
    struct core_outcome outcome;
    uint32_t epoch;
};

struct sent { /* what a link sequence was, so that ACK becomes ACKED */
    int from;
    struct message_key key;
    uint64_t token;
    uint8_t acked;
};

struct world {
    uint64_t random;
    struct rig gates[GATES];
    int alive[GATES];
    int commit_due[GATES];
    int64_t now_ms;
    int calm; /* no more faults */
    unsigned loss, crashes; /* per cent, per thousand */
    int inquires;
    struct books books;
    uint32_t epoch;   /* of host lb */
    int host_up;
    struct world_call calls[WORLD_CALLS];
    struct world_update updates[WORLD_UPDATES];
    size_t update_count;
    struct happening *happenings;
    size_t happening_count;
    struct sent *sents;
    size_t sent_count, sent_room;
    uint64_t steps;
    int trace;
    char failure[256]; /* of an invariant; empty = none */
};

/* Plays one seed to the end: faults, then calm until nothing is open. 0, or -1 with `failure` filled. */
int world_play(uint64_t seed, int trace, struct world *world);

#endif
