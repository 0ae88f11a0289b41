/* The world simulator: several gateways with their real cores, stores, links, adapter hosts, local systems and callers in
 * one process under virtual time, driven by one seed. Everything may be lost, repeated, reordered and delayed; anything
 * may die, freeze or fill up at any step. The rules of the hop protocol are checked at every command; the verdict about
 * money comes from the local systems' own books.
 *
 * One world is one thread. What happens is decided by dice of one seed; each kind of fault has dice of its own, so that
 * leaving one kind out changes nothing else, and a failing seed can be made smaller. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core.h"

enum { SIM_GATES = 6, SIM_UPDATES = 64, SIM_PERSONS = 3, SIM_CALLS = 512, SIM_SENT = 1 << 15 };
enum { SIM_FAULTS_END_MS = 240000, SIM_END_MS = 4 * 3600 * 1000 };

/* --- settings: drawn from the seed, then made smaller by the shrinker ---------------------------------------- */
enum fault { /* each with dice of its own */
    FAULT_LOSS, FAULT_REPEAT, FAULT_DELAY, FAULT_PARTITION, FAULT_KILL_GATE, FAULT_KILL_HOST, FAULT_FREEZE_HOST,
    FAULT_DISK_FULL, FAULT_CLOCK_STEP, FAULT_HOLD, FAULT_ROUTE_CHANGE, FAULT_LOOP, FAULT_LOCAL_LOSS, FAULT_LOCAL_DELAY,
    FAULT_LOCAL_REFUSES, FAULT_DECLINES, FAULT_DAY_CHANGE, FAULT_CALLER_REVERSES, FAULT_CALLER_REPEATS,
    FAULT_CALLER_VANISHES, FAULT_NOT_RENDERED, FAULT_FIRST_KINDS, /* here the world's own dice stand */
    FAULT_KILL_IN_STEP, FAULT_FREEZE_GATE, FAULT_MIDNIGHT, FAULT_OLD_DAY, FAULT_OTHER_CONTENT, FAULT_KILL_AT_COMMIT, FAULT_RESTORE,
    FAULT_BY_HAND, FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

struct settings {
    uint64_t seed;
    unsigned gates, updates, persons;
    bool direct;    /* a second way between the first two regions */
    unsigned spread_ms;
    unsigned strength[FAULT_COUNT]; /* 0 = this kind does not happen; else per cent, or how many */
    bool inquires[SIM_GATES], replays[SIM_GATES];
    uint32_t max_in_flight;
};
/* `first_kinds`: without the kinds of faults that came later, as some seeds of the corpus want it. */
void settings_draw(struct settings *settings, uint64_t seed, bool first_kinds);
/* Every world with so many restores of one gateway from a backup, at most (--restores). */
extern unsigned settings_restores;
void settings_print(const struct settings *settings, FILE *out);

/* --- dice -------------------------------------------------------------------------------------------------- */
enum { DICE_WORLD = FAULT_FIRST_KINDS, DICE_COUNT = FAULT_COUNT };

/* What is judged: that nothing untrue is said or done, that everything ends, or both. A world for safety alone ends with
 * its faults, at any moment: what is told by then must be true then. */
enum sim_mode { MODE_SAFETY = 1, MODE_LIVENESS = 2, MODE_BOTH = 3 };

/* --- agenda: what will happen ------------------------------------------------------------------------------ */
enum happening_type {
    HAPPEN_PACKET = 1, /* an event for a core, over a link or from a host */
    HAPPEN_COMMIT, HAPPEN_KILL, HAPPEN_START, HAPPEN_PARTITION, HAPPEN_DISK, HAPPEN_CLOCK, HAPPEN_HOLD, HAPPEN_ROUTE,
    HAPPEN_LOOP, HAPPEN_DAY,
    HAPPEN_FREEZE, HAPPEN_THAW, HAPPEN_BACKUP, HAPPEN_RESTORE, HAPPEN_RESOLVE,
    HAPPEN_HOST_KILL, HAPPEN_HOST_START, HAPPEN_HOST_FREEZE, HAPPEN_ARRIVAL, HAPPEN_REPLY, HAPPEN_TIMEOUT, HAPPEN_OFFER,
    HAPPEN_ASK, HAPPEN_LOOK, HAPPEN_GONE, HAPPEN_PROPOSE, HAPPEN_CONFIRM, HAPPEN_SETTLE
};
struct call;
struct happening {
    int64_t due_ms;
    uint64_t order; /* of planning: equal times happen in this order */
    enum happening_type type;
    uint8_t gate, other, flag;
    uint32_t epoch, life; /* of the host; of the gateway: what was planned in an earlier life does not happen */
    uint64_t number;
    /* owned: */
    struct core_event *event;     /* PACKET */
    struct call *call;            /* ARRIVAL: what was asked */
    struct core_outcome *outcome; /* REPLY */
};
struct agenda {
    struct happening *heap;
    size_t count, room;
    uint64_t planned;
};
struct happening *agenda_add(struct agenda *agenda, int64_t due_ms); /* valid until the next call; then agenda_sift */
void agenda_sift(struct agenda *agenda);                              /* the one just added is filled in */
const struct happening *agenda_first(const struct agenda *agenda);
struct happening agenda_take(struct agenda *agenda);
void agenda_finish(struct agenda *agenda);
void happening_release(struct happening *happening); /* what it owns */

/* --- a gateway's disk --------------------------------------------------------------------------------------- */
struct row {
    bool used, closed;
    struct exchange_record record;
    struct slice body, answer;
};
struct pending { /* written, not committed */
    enum command_type type;
    bool refused; /* the real store has said so */
    uint64_t sequence, number;
    struct exchange_record record;
    struct slice body, answer;
};
struct disk {
    struct row *rows; /* [SIM_UPDATES][2]: origin, and transit or destination */
    struct pending *pending;
    size_t pending_count, pending_room;
    size_t submitted;        /* of the pending, handed to the real store */
    uint64_t serial_counter;
    uint64_t opened_serials; /* what the real store said when it was opened */
    uint64_t refusals;
    bool full, was_full;     /* was_full: at some moment since the store was opened */
};
struct row *disk_row(const struct disk *disk, const struct message_key *key, uint8_t role); /* NULL: no such place */

/* --- a local system's books -------------------------------------------------------------------------------- */
enum entry_state { ENTRY_POSTED = 1, ENTRY_REFUSED, ENTRY_REVERSED, ENTRY_BLOCKED };
struct entry {
    uint64_t serial;
    enum entry_state state;
    uint64_t cancels;      /* the serial of what this one cancels */
    uint64_t cancelled_by; /* the cancel in force, 0 = none */
    int64_t amount_fen;    /* negative for a cancel */
    uint16_t code;         /* of a refusal */
    uint16_t update;       /* number of the update + 1; 0: the gateway's own cancel */
    uint8_t visit;         /* whose later postings rest on it; 0: nobody's */
    uint8_t day;
    bool declines;         /* its reversal is declined for good: 2503 */
};
enum { BOOK_ENTRIES = 1024 };
struct book {
    struct entry entries[BOOK_ENTRIES];
    size_t count;
    uint8_t day;
    bool replays;
};
struct entry *book_find(struct book *book, uint64_t serial);
/* `chance` 0..99 decides what the system's own business rules say. */
void book_submit(struct book *book, const struct call *call, unsigned chance, const struct settings *settings,
                 struct core_outcome *outcome);
void book_reverse(struct book *book, uint64_t serial, struct core_outcome *outcome);
void book_inquire(const struct book *book, uint64_t serial, struct core_outcome *outcome);
/* Postings of this update in force: neither reversed nor cancelled. */
int book_in_force(const struct book *book, uint16_t update);
int64_t book_sum(const struct book *book); /* of everything posted and not reversed, cancels negative */

/* --- a gateway with its hosts ------------------------------------------------------------------------------- */
struct call { /* at the host that calls the local system */
    uint64_t id;
    bool used, done;
    struct core_outcome outcome;
    uint8_t operation;
    uint16_t update;
    uint8_t visit;
    uint64_t serial, cancel;
    int64_t amount_fen;
    uint64_t cancels;
};
struct gate {
    char name[NODE_SIZE];
    char area[AREA_SIZE];
    struct core_config config;
    struct core *core;
    struct route_table *routes;
    struct store *store; /* the real one, with --store sqlite */
    int64_t turn_at_ms;  /* its next turn */
    struct disk disk;
    struct book book;
    bool alive, commit_planned, has_region, rerouted, looped;
    bool dying;              /* in the middle of a step: it does nothing more */
    int64_t stopped_until_ms; /* frozen as a whole */
    uint32_t resolving, recalled; /* restored: peers not heard yet, by bit; those who have told what they hold */
    uint64_t recall_refusals; /* what the disk had refused when the peers began to tell */
    int64_t restored_ms;
    int64_t down_ms[SIM_GATES]; /* since when its core knows that the line to a peer is down; 0 = it does not */
    uint64_t known[SIM_GATES]; /* the peers' incarnations, as they said at their last connect */
    uint32_t life;     /* counts restarts of the gateway */
    uint32_t epoch;    /* of the calling host */
    bool host_up;
    int64_t frozen_until_ms;
    int64_t wall_offset_ms;
    struct call calls[SIM_CALLS];
    size_t call_top;   /* calls beyond were never used */
};

/* --- a caller's update -------------------------------------------------------------------------------------- */
struct update {
    uint16_t number;
    uint8_t treat, insured, person, visit;
    char msgid[MSGID_SIZE];
    uint16_t refunds;  /* number of the refunded update + 1 */
    int64_t amount_fen;
    uint64_t settlement; /* from the answer: the serial at the local system */
    unsigned asked, told_answered, told_refused, told_reversed, told_stands, told_open;
    bool asked_reversal, fresh_after_refusal, waiting, vanished;
    bool not_rendered; /* its answer could not be put into the caller's words */
    uint64_t told_ticket;          /* the last one that heard something: nobody waits there */
    uint64_t ticket, other_ticket; /* other_ticket: asked under the same msgid with other content */
    /* Told reversed, or refused, when nobody but its origin could know that; 0 = not. */
    int64_t blocked_ms, declined_ms;
    bool old; /* its msgid names a day before the horizon */
    bool sealed;                 /* sent at least once, with this header: */
    struct message_header seal;
    uint32_t timed_attempt;      /* of this attempt, the origin's deadline as it was first sent */
    int64_t deadline_ms;
    int64_t due_ms[SIM_GATES];   /* the latest deadline that each gateway was given with it; 0 = never came */
};

enum { RESOLVING_INSTANCES = 1 << SIM_GATES };
struct sent { uint64_t incarnation; uint8_t from, acked; uint32_t attempt; uint64_t token; struct message_key key; };

struct tally {
    uint64_t worlds, updates, exchanges, steps, restarts;
    uint64_t torn;      /* writes under way that a power cut lost or tore */
    uint64_t reordered; /* messages that overtook an earlier one on the same line */
    uint64_t inquired;  /* callers that heard nothing and asked again, inquired or reversed */
    uint64_t faults[FAULT_COUNT];
    uint64_t endings[STATE_COUNT];
};

struct sim {
    const struct settings *settings;
    const struct transaction_table *transactions;
    uint64_t dice[DICE_COUNT];
    struct agenda agenda;
    struct gate gates[SIM_GATES];
    struct update updates[SIM_UPDATES];
    unsigned update_count;
    struct sent *sents;
    uint64_t sent_count;
    uint32_t tickets;
    bool parted[SIM_GATES][SIM_GATES];
    uint64_t packets;
    struct {
        struct row *rows;
        uint64_t serial_counter;
        int64_t at_ms;
        uint8_t gate;
        bool taken;
        struct memfs_image *image; /* with the real store */
    } backup;
    uint64_t overtaken[SIM_GATES][SIM_GATES]; /* the latest message delivered, by its number */
    enum sim_mode mode;
    bool real_store;
    int64_t now_ms;
    bool calm;
    FILE *trace;
    struct tally *tally;
    char failure[320]; /* of an invariant: its name first; empty = none */
};

/* play.c: one seed from the first fault to the last ending. 0, or -1 with sim->failure. `sim` is scratch, reused. */
int sim_play(struct sim *sim, const struct settings *settings, struct tally *tally, FILE *trace);
void sim_release(struct sim *sim);
/* shrink.c: the smallest settings that still fail in the same rule. */
void sim_shrink(struct sim *sim, struct settings *settings);

/* --- between the files -------------------------------------------------------------------------------------- */
unsigned sim_roll(struct sim *sim, unsigned dice, unsigned limit);
bool sim_happens(struct sim *sim, enum fault fault); /* per cent; counted; never when calm */
struct happening *sim_plan(struct sim *sim, enum happening_type type, uint8_t gate, int64_t after_ms);
void sim_planned(struct sim *sim); /* the happening just planned is filled in */
void sim_plan_event(struct sim *sim, enum happening_type type, uint8_t gate, uint8_t from, const struct core_event *event,
                    int64_t after_ms);
void *sim_copy(const void *data, size_t size); /* never fails: the process ends */
void sim_broken(struct sim *sim, const char *rule, const char *msgid, int64_t number);
#define SIM_TRACE(sim, ...)                                                                                              \
    do {                                                                                                                 \
        if ((sim)->trace != NULL)                                                                                        \
            sim_say(sim, __VA_ARGS__);                                                                                   \
    } while (0)
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct update *sim_update_of(struct sim *sim, const char *msgid); /* NULL: none */

int64_t gate_wall_ms(const struct sim *sim, uint8_t number);
void gate_thaw(struct sim *sim, uint8_t number);
/* Tells one that the line to the other is up, and whether the other was restored since they last spoke. */
void gate_peer_up(struct sim *sim, uint8_t number, uint8_t other);
void gate_forget_unrendered(struct sim *sim, uint8_t number);
void gate_create(struct sim *sim, uint8_t number);
void gate_destroy(struct gate *gate);
void gate_start(struct sim *sim, uint8_t number);
void gate_kill(struct sim *sim, uint8_t number);
void gate_step(struct sim *sim, uint8_t number, struct core_event *event);
void gate_commit(struct sim *sim, uint8_t number);
void gate_set_routes(struct sim *sim, uint8_t number);
bool gates_are_linked(const struct sim *sim, uint8_t a, uint8_t b);
void gate_on_command(struct sim *sim, uint8_t number, const struct core_command *command);

void line_send(struct sim *sim, uint8_t from, const struct core_command *command);
void line_ack(struct sim *sim, uint8_t from, const struct core_command *command);

void host_submit(struct sim *sim, uint8_t number, const struct core_command *command);
void host_acked(struct sim *sim, uint8_t number, uint64_t id);
void host_introduce(struct sim *sim, uint8_t number);
void host_kill(struct sim *sim, uint8_t number);
void host_arrive(struct sim *sim, const struct happening *happening);
void host_reply(struct sim *sim, const struct happening *happening);

void caller_plan_all(struct sim *sim);
void caller_ask(struct sim *sim, uint16_t number, enum transaction_class transaction_class, bool fresh, bool other);
void caller_look(struct sim *sim, uint16_t number, uint64_t ticket);
void caller_told(struct sim *sim, uint8_t number, const struct core_command *command);

void faults_plan(struct sim *sim);
void faults_happen(struct sim *sim, const struct happening *happening);

/* invariants.c */
void check_write(struct sim *sim, uint8_t number, const struct core_command *command);
void check_ack(struct sim *sim, uint8_t number, const struct sent *sent);
void check_command(struct sim *sim, uint8_t number, const struct core_command *command);
bool was_forgotten(const struct sim *sim, const struct update *update);
void check_told(struct sim *sim, struct update *update, const struct core_outcome *outcome);
void check_end(struct sim *sim);
/* The origin has committed an ending: do the books agree, now? */
void check_ending(struct sim *sim, const struct exchange_record *record);

/* rules.c: more of them */
void rules_note_start(struct sim *sim, uint8_t number);
void rules_note_event(struct sim *sim, uint8_t number, const struct core_event *event);
void rules_check_write(struct sim *sim, uint8_t number, const struct core_command *command);
void rules_check_command(struct sim *sim, uint8_t number, const struct core_command *command);

/* restore.c */
void restore_forget(struct sim *sim);
void restore_take_backup(struct sim *sim, uint8_t number);
void restore_put_back(struct sim *sim, uint8_t number);
void restore_begin(struct sim *sim, uint8_t number);
void restore_resolve(struct sim *sim, uint8_t number);

/* person.c: operators who settle by hand what stays unclear */
void person_propose(struct sim *sim, uint8_t number);
void person_confirm(struct sim *sim, const struct happening *word);
void person_settle(struct sim *sim, const struct happening *word);

/* disk.c */
void disk_create(struct disk *disk);
void disk_destroy(struct disk *disk);
void disk_write(struct disk *disk, const struct core_command *command);
/* Carries out what is pending and tells the core, through `fn`; a crash keeps a prefix and tells nobody. */
void disk_commit(struct sim *sim, uint8_t number);
void disk_crash(struct sim *sim, uint8_t number, size_t survived);
void disk_restore(struct sim *sim, uint8_t number);
void disk_find(struct sim *sim, uint8_t number, const struct core_command *command);
/* One write into the rows: EVENT_COMMITTED or EVENT_STORE_CONFLICT. */
enum event_type disk_carry_out(struct disk *disk, const struct pending *write);
void disk_forget_pending(struct disk *disk);

/* real_store.c: the same with the real store; disk.c and gate.c call it where sim->real_store says so. */
int real_prepare(const char *directory, const char *schema_directory); /* once; 0 or -1 */
void real_finish(void);
void real_create(struct sim *sim, uint8_t number);
void real_destroy(struct gate *gate);
bool real_open(struct sim *sim, uint8_t number);
void real_restore(struct sim *sim, uint8_t number);
void real_turn(struct sim *sim, uint8_t number);
void real_find(struct sim *sim, uint8_t number, const struct core_command *command);
void real_crash(struct sim *sim, uint8_t number);
void real_take_backup(struct sim *sim, uint8_t number); /* nothing may be under way */
void real_put_back(struct sim *sim, uint8_t number);    /* as the rows and the new incarnation say; it is dead */
void real_forget_backup(struct sim *sim);
void real_disk_full(struct sim *sim, uint8_t number, bool full);

#endif
