/* A scripted life of a store: writes of every kind, drawn from dice, with what was reported about each; and the judgement
 * whether a directory holds a state that this life may have left behind. One thread. */
#ifndef TORTURE_LIFE_H
#define TORTURE_LIFE_H

#include "disk.h"
#include "store.h"

#define LIFE_EXCHANGES 160
#define LIFE_OPS       4096
#define LIFE_PROMPTS   32
#define LIFE_TEXT      300
#define LIFE_NEVER     SIZE_MAX

enum life_kind { LIFE_INSERT = 1, LIFE_UPDATE, LIFE_CLOSE, LIFE_SERIALS, LIFE_AGAIN };
struct life_op {
    enum life_kind kind;
    unsigned n;        /* which exchange */
    uint32_t version;  /* of its record after this; SERIALS: the counter */
    uint64_t sequence;
    size_t submitted;  /* position in the recording */
    size_t reported;   /* LIFE_NEVER: not */
    int refused;
};
struct life_exchange { /* as the script sees it */
    uint32_t version;
    int inserted, open, dead;
};
struct life_note { /* a prompt, or a peer's mark */
    size_t submitted, reported;
};
struct life {
    struct store_config config;
    char directory[512], schema[512], key_file[512];
    struct dice dice;
    struct store *store;
    struct life_op ops[LIFE_OPS];
    size_t count;
    struct life_exchange exchanges[LIFE_EXCHANGES];
    unsigned exchange_count;
    struct life_note prompts[LIFE_PROMPTS];
    unsigned prompt_count;
    uint64_t mark, mark_reported;
    size_t mark_at;
    uint64_t sequence;
    uint32_t serials;
    int failed;              /* the store has said that it takes nothing more */
    struct fep_error error;  /* of that, or of an opening that was refused */
    int faulty;              /* faults are let loose: writes may be refused */
    char wrong[LIFE_TEXT];   /* what the store should not have said; empty = nothing */
};

/* `base`: where the key file stands; NULL = bodies in clear. */
void life_init(struct life *life, const char *directory, const char *base, uint64_t seed);
/* Opens the store; 0, or negative with life->error. */
int life_open(struct life *life);
void life_close(struct life *life);
/* `rounds` batches; some wait for their report, some do not; the last is waited for. Breaks off when the store fails. */
void life_play(struct life *life, unsigned rounds, unsigned exchanges);
/* Waits until closed exchanges are in their journals, for at most `patience_ms`. */
void life_wait_moved(struct life *life, int patience_ms);
/* After the recording: nothing beyond the first `prefix` writes has happened, and these are settled. */
void life_cut(struct life *life, size_t prefix);

/* SAID: something stands in its place that says that part of it is damaged */
enum life_sight { SIGHT_ABSENT = 0, SIGHT_TRUE, SIGHT_KEY, SIGHT_SAID, SIGHT_WRONG };
struct life_view { /* what a directory holds */
    struct { enum life_sight sight; uint32_t version; int open, bodies_missing; } exchanges[LIFE_EXCHANGES];
    uint64_t serial_counter, mark, quarantined;
    unsigned aside; /* rows that were put in quarantine */
    int mark_found;
    uint8_t prompts[LIFE_PROMPTS];
    int journals_quarantined, recovered_untold; /* recovery failed and said so */
    int store_failed;
    char wrong[LIFE_TEXT]; /* what no state of this life can explain; empty = nothing */
};
/* Opens the real store on `directory` and looks at everything. 0; negative if the store did not open, with the error.
 * `probe`: also tries what must be a conflict, and a new write; PROBE_LOST: whether what is not found, and was put
 * into this life's store, would run again. */
enum { PROBE_NONE, PROBE_SOME, PROBE_LOST };
int life_look(const struct life *life, const char *directory, int probe, struct life_view *view,
              struct fep_error *error);
/* Is the view a state that a cut at `position` may leave? Returns 0 and *prefix, or negative with view->wrong. */
int life_judge(const struct life *life, size_t position, struct life_view *view, size_t *prefix);

#endif
