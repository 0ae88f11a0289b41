/* The store: what makes a promise hold. One interface; SQLite for real (store_open), memory for tests and as the
 * readable example (memory_store_open).
 *
 * The owner's thread (the router's loop) submits writes in batches; a writer thread commits what has arrived while
 * the last commit was under way (group commit, bounded by bytes). Results come back over a mailbox whose descriptor
 * becomes readable. Commits happen in the order of submission: COMMITTED n means that every write with a sequence up
 * to n is on disk, except those reported as refused or in conflict before it.
 */
#ifndef FEP_STORE_H
#define FEP_STORE_H

#include "exchange_record.h"
#include "buffer.h"

struct store;

struct store_config {
    const char *directory;     /* holds queue.db, journal/, ballast, lock; created 0700 if missing */
    const char *schema_directory; /* schema/ with queue/NNNN_*.sql and journal/NNNN_*.sql */
    const char *key_file;      /* 32 bytes hex (SM4 16 + HMAC 16 derived inside) for bodies at rest; NULL = bodies in clear */
    uint64_t batch_bytes;      /* group commit limit, default 512 KiB */
    uint64_t ballast_bytes;    /* preallocated room for outcomes and reversals, default 16 MiB (rule 15) */
    uint64_t min_free_bytes;   /* below this free disk no new updates are admitted, default 64 MiB */
    uint32_t horizon_days;     /* key tables kept, default 45 */
    const char *node;          /* this gateway; checked against what the store holds */
};

/* An INSERT whose key was ever used (within the horizon; whatever its state or day) is a CONFLICT and changes nothing. An
 * UPDATE of a closed exchange opens it again, with its bodies, wherever it is by now; of an unknown one it is REFUSED,
 * and of one whose journal can't be read at the moment (FEP_E_STORE_READ: again later). A
 * CLOSE of a closed or unknown one does nothing. */
enum store_write_type { STORE_INSERT = 1, STORE_UPDATE, STORE_CLOSE, STORE_SERIALS };
struct store_write {
    enum store_write_type type;
    uint64_t sequence;
    struct exchange_record record; /* INSERT, UPDATE: all; CLOSE: key and role */
    struct slice body, answer;     /* taken over; INSERT: body (and answer); UPDATE: an answer if size > 0 */
    uint64_t number;               /* SERIALS: counter that may be used up to */
    uint8_t settles;               /* INSERT, UPDATE: a settlement's; once answered here, the visit's open prompts name it */
};

enum store_event_type { STORE_COMMITTED = 1, STORE_REFUSED, STORE_CONFLICT, STORE_FAILED, STORE_FOUND, STORE_ROOM,
                        STORE_LISTED, STORE_PROMPT, STORE_PROPOSAL };

#define STORE_CURSOR_SIZE 64
struct store_event {
    enum store_event_type type;
    uint64_t sequence;  /* COMMITTED: everything up to it; REFUSED, CONFLICT: this write */
    uint64_t reference; /* FOUND, LISTED, PROMPT, PROPOSAL: what the asker gave */
    uint8_t found;      /* FOUND: 1 if there is one; ROOM: 1 = room for new updates, 0 = none; LISTED: 1 = an exchange,
                           0 = the end; PROMPT, PROPOSAL: 1 = done */
    struct exchange_record record; /* CONFLICT, FOUND, LISTED */
    struct slice body, answer;     /* CONFLICT, FOUND, LISTED: handed to the receiver, who releases them */
    int64_t posted_ms;             /* LISTED: when it was handed to the local system, or accepted; wall clock */
    char cursor[STORE_CURSOR_SIZE]; /* LISTED, end: where the next list begins; empty = there is no more */
    struct fep_error error;        /* REFUSED, FAILED (the store is not to be trusted: accept nothing more, end);
                                      LISTED, end: the list is not complete; PROMPT: why it was not done;
                                      FOUND: the search for a settlement could not be finished, nothing is known */
};

/* Opens, checks integrity, takes the lock (a second daemon on one store is refused with a clear error), brings the
 * schema up to date, puts damaged rows in quarantine (schema/queue/0003_quarantine.sql), starts the writer. NULL with the
 * error filled; the error says which file and what to do. */
struct store *store_open(const struct store_config *config, struct fep_error *error);
/* Finishes what was submitted, then closes. */
void store_close(struct store *store);

struct store_identity {
    uint64_t incarnation;    /* new after each restore */
    uint64_t serial_counter; /* first local serial counter that was never released for use */
    uint64_t boot_count;
    uint64_t commit_sequence; /* commits so far: what peers acknowledge and compare at connect (rule 23) */
    uint64_t open_prompts;
};
void store_read_identity(const struct store *store, struct store_identity *identity);
/* What a peer told about itself at its last connect (rule 23); found = 0 if never seen. Synchronous, at connect only. */
struct store_peer_mark { char name[NODE_SIZE]; uint64_t incarnation, commit_sequence; };
int store_read_peer_mark(struct store *store, const char *name, struct store_peer_mark *mark);
int store_write_peer_mark(struct store *store, const struct store_peer_mark *mark, struct fep_error *error);

/* Recovery: calls fn for every open (not closed) exchange, oldest first, before any write. Body and answer are
 * borrowed. Damaged rows were put in quarantine when the store was opened, and what stands in their place comes as any
 * other; what was damaged since is passed over: `quarantined` counts it and the log names its msgid. Returns 0, or
 * negative with the error. */
int store_recover(struct store *store,
                  int (*fn)(void *arg, const struct exchange_record *record, struct slice body, struct slice answer),
                  void *arg, uint64_t *quarantined, struct fep_error *error);

/* Hands over writes (bodies are taken over, records copied). Never blocks, never waits for the disk; bounded by the
 * core's own bounds. Negative without memory: nothing of this call was taken. */
int store_submit(struct store *store, const struct store_write *writes, size_t count);
/* Readable when events wait. */
int store_descriptor(const struct store *store);
/* Takes up to `room` events; returns how many. */
size_t store_take_events(struct store *store, struct store_event *events, size_t room);
/* Writes submitted and not yet reported. */
uint64_t store_pending(const struct store *store);
/* Enough room for new updates, as of the last look (checked about once a second by the writer)? */
int store_has_room(const struct store *store);

/* Asks for a stored exchange by key and role, open or closed; the answer is STORE_FOUND with `reference`. */
int store_find(struct store *store, const struct message_key *key, enum exchange_role role, uint64_t reference);
/* Asks for the exchange that opened a visit (an answered transaction with TRAIT_OPENS_VISIT at this origin). */
int store_find_visit(struct store *store, const char *insured_area, const char *visit_id, uint64_t reference);

/* Asks for the exchange in this role, state `answered` or `stands`, of this transaction and settlement, open or closed:
 * which update cancelled a settlement. Looks back as far as keys are kept. Answer: STORE_FOUND. */
int store_find_settlement(struct store *store, enum exchange_role role, const char *infno, const char *settlement_id,
                          uint64_t reference);

/* The exchanges of some days that were posted, or may have been: all states but `refused`, open and closed, without
 * tombstones; role 3 only what has a local serial. In the order of acceptance here, which does not change. A thread of
 * its own reads them in short transactions; nobody waits for it. */
#define STORE_LIST_INFNOS 16
#define STORE_LIST_LIMIT  256
struct store_list_query {
    uint8_t role;              /* ROLE_ORIGIN: by the day of acceptance and the instance that asked; ROLE_DESTINATION: by
                                  the accounting day (that of the serial if there is none) and the instance that posted */
    char instance[NODE_SIZE];
    uint32_t from_day, to_day; /* both included */
    char infnos[STORE_LIST_INFNOS][INFNO_SIZE];
    size_t infno_count;
    char visit_id[32];         /* not empty: only exchanges whose index has this visit, or none */
    char insured_area[AREA_SIZE]; /* not empty: only of this area */
    int bodies;                /* with body and answer */
    size_t limit;              /* 1..STORE_LIST_LIMIT; fewer come if they are large */
    char after[STORE_CURSOR_SIZE]; /* the cursor of the last end; empty = from the beginning */
};
/* Days looked at beside from_day..to_day for role 3: the journals are by the origin's day. */
#define STORE_LIST_NEIGHBOURS 7
/* Answers: STORE_LISTED for each, then one for the end, all with `reference`. Negative: too many lists are waiting, no
 * memory, or the query is not one. */
int store_list(struct store *store, const struct store_list_query *query, uint64_t reference);

/* For a peer that was put back from a backup: the exchanges that it handed over or was sent (not those only queued for it),
 * which are open, or were accepted or ended since `since_ms` (wall clock), of every day that is held; in no order, some
 * perhaps twice, with bodies. Page by page, as store_list; the answers are STORE_LISTED. Negative: too many wait, or this
 * store keeps nothing. */
int store_recall(struct store *store, const char *peer, int64_t since_ms, const char *after, uint64_t reference);

/* --- prompts: notices about fee lines for which the insured place has no local code ------------------------- */
struct store_prompt {
    int64_t id;                /* given by the store */
    char instance[NODE_SIZE];  /* whose crosswalk it is about */
    char msgid[MSGID_SIZE];
    uint32_t line;             /* from 1; (msgid, line) is unique */
    char institution[13], institution_name[200], treat_area[AREA_SIZE], visit_id[32], settlement_id[32];
    char item_code[64], item_name[300], national_code[64], level[8];
    int64_t fee_fen;
    char time[20];
    int64_t raised_ms, closed_ms; /* wall clock; closed_ms 0 = open */
    uint32_t closed_by;        /* uid */
    char why[256], local_code[64];
};
/* At most so many are kept; the oldest closed ones make room, and without a closed one nothing more is taken. */
#define STORE_PROMPTS_MOST 100000
/* Keeps a prompt; one that is there already stays as it is and counts as done. Answer: STORE_PROMPT. Negative without
 * memory, or if this store keeps no prompts. */
int store_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference);
/* Closes prompt `id` with closed_by, why and local_code of `closing`. STORE_PROMPT: not done if there is no such
 * prompt or it is closed already. */
int store_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference);
/* From any process, read-only: open prompts (and closed ones if `all`) from the oldest on, or only `id` if not 0. fn
 * returns non-zero to break off. */
int store_read_prompts(const char *directory, int all, int64_t id,
                       int (*fn)(void *arg, const struct store_prompt *prompt), void *arg, struct fep_error *error);

/* --- proposals: what operators say about updates that are unclear, or stand (schema/queue/0004_proposal.sql) ------ */
struct store_proposal {
    int64_t id;                /* given by the owner, who is the only one to make them */
    uint8_t verb;              /* enum core_resolution; 0 = an update that stands, to be acknowledged */
    uint8_t state;             /* enum proposal_state */
    uint8_t ended;             /* enum exchange_state: what the update ended as; 0 = not yet */
    uint8_t role;
    char origin[NODE_SIZE], msgid[MSGID_SIZE], infno[INFNO_SIZE], instance[NODE_SIZE];
    uint32_t attempt;
    uint64_t serial;
    int64_t proposed_ms, decided_ms, applied_ms, contradicted_ms; /* wall clock; 0 = not yet */
    uint32_t proposed_by, decided_by;                             /* uid */
    char why[256], decided_why[256];
    struct fep_index index;    /* of the answer: settlement and amounts */
    struct slice answer;       /* as the canonical interface has it; empty = none */
};
enum proposal_state {
    PROPOSAL_OPEN = 1, PROPOSAL_CONFIRMED, PROPOSAL_APPLIED, PROPOSAL_WITHDRAWN, PROPOSAL_OVERTAKEN, PROPOSAL_ACKNOWLEDGED
};
#define STORE_PROPOSALS_MOST 10000 /* rows kept; the oldest that are settled go first */
/* Writes the row of `id`, new or changed; the answer is shared until it is written. Answer: STORE_PROPOSAL. Negative
 * without memory, or if this store keeps none. */
int store_put_proposal(struct store *store, const struct store_proposal *proposal, uint64_t reference);
/* At the start, on the owner's thread: the newest `limit` rows and all that are open or confirmed, oldest first. The
 * answer is borrowed. fn returns negative to break off. */
int store_load_proposals(struct store *store, size_t limit, int (*fn)(void *arg, const struct store_proposal *proposal),
                         void *arg, struct fep_error *error);

/* Reading for fepctl, from any process, read-only, bounded, never pinning the WAL (no transaction stays open between
 * calls): exchanges newest first that match; empty strings match all. Bodies are not read. */
struct store_query {
    char msgid[MSGID_SIZE];
    uint32_t day_from, day_to; /* 0 = any */
    int only_open;
    uint8_t state;             /* 0 = any */
    size_t limit;
};
int store_read(const char *directory, const struct store_query *query,
               int (*fn)(void *arg, const struct exchange_record *record, int closed), void *arg,
               struct fep_error *error);

/* --- quarantine: what was found damaged when the store was opened, and put aside -------------------------------- */
struct store_quarantined {
    char source[32];        /* "exchange", "keys_20261122", "prompt", "peer_mark"; "journal 20261122" for a whole day */
    int64_t found_ms;       /* wall clock; 0 = see the day's file */
    char origin[NODE_SIZE], msgid[MSGID_SIZE]; /* as far as they can be read */
    uint8_t role;           /* 0 = none */
    uint32_t day;           /* 0 = not known */
    char became[96];        /* in words: what stands in its place */
};
/* From any process, read-only: everything in quarantine, the oldest row first, then the journal days. fn returns
 * non-zero to break off. */
int store_read_quarantine(const char *directory, int (*fn)(void *arg, const struct store_quarantined *one), void *arg,
                          struct fep_error *error);

/* The same interface over memory: deterministic, no thread; commits at each store_take_events. For tests. */
struct store *memory_store_open(void);

#endif
