/* The SQLite store's own parts, for its own files only: writer.c runs the thread, batch.c commits, mover.c
 * moves closed exchanges to their journals, lookup.c finds stored ones, lister.c lists them, prompts.c keeps
 * prompts, mend.c puts damaged rows aside.
 *
 * Which thread touches what: everything under "writer" belongs to the writer's thread alone, from the moment
 * it is started; the owner's thread and the writer meet in the inbox, in the mailbox and in the atomics.
 */
#ifndef FEP_SQLITE_STORE_H
#define FEP_SQLITE_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include "background.h"
#include "body_cipher.h"
#include "database.h"
#include "journal.h"
#include "key_tables.h"
#include "lister.h"
#include "queue_map.h"
#include "room.h"
#include "statements.h"
#include "store_ops.h"
#include "stored.h"

enum item_type { ITEM_WRITE = 1, ITEM_FIND, ITEM_FIND_VISIT, ITEM_PROMPT_PUT, ITEM_PROMPT_CLOSE, ITEM_PROPOSAL };

/* A synchronous call of the owner's, who waits for it; lives on its stack. Beside the inbox, because a mark
 * depends on nothing in it, and the owner must not wait for a full disk. */
struct mark_call {
    struct store_peer_mark mark;
    int write; /* else read */
    int result, done;
    struct fep_error error;
};

struct item { /* one thing asked of the writer */
    struct item *next;
    enum item_type type;
    uint8_t refused;          /* set in a batch: reported by itself */
    struct store_write write; /* finds use the record's key, role, insured area and visit id */
    struct store_prompt *prompt; /* PROMPT_*; the item's own */
    struct store_proposal *proposal; /* PROPOSAL; the item's own */
    uint64_t reference;
};
struct item_list {
    struct item *first, *last;
};

struct moved { /* put into a journal, still in the queue */
    struct exchange_record record;
    int64_t number, id, body_id, answer_id;
};
#define MOVE_ROUND 512
struct mover {
    struct moved *rows;    /* MOVE_ROUND of them */
    size_t count;          /* put into the journals in this round */
    size_t deleted;        /* of these, deleted from the queue */
    uint64_t bytes;        /* put in this round */
    int committing;        /* the background has the journals */
    int committed;         /* the journals have this round: rows may be deleted */
    int64_t cursor;        /* the last number in table closed that was put */
    uint64_t waiting;      /* rows in table closed */
    int64_t not_before_ms; /* after a failure */
    int failing;           /* said once */
};

struct prompts { /* figures of table prompt */
    int64_t kept;              /* rows */
    atomic_int_least64_t open; /* those that are not closed; read by the owner as well */
    int full_said;      /* the alarm was raised; not again until there was room */
};

#define STRAYS_MOST 256

struct sqlite_store {
    struct store base;
    char directory[STORE_PATH_SIZE];
    char queue_file[STORE_PATH_SIZE];
    char node[NODE_SIZE];
    uint64_t batch_bytes;
    uint32_t horizon_days;
    int lock_descriptor;
    uint64_t incarnation, boot_count;
    size_t found_open; /* rows in the queue when it was opened */

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t wake;      /* the writer: something is in the inbox */
    pthread_cond_t call_done; /* the owner: a mark_call is done */
    struct item_list inbox;
    struct mark_call *call; /* at most one: there is one owner */
    int writer_sleeps, writer_poked, stopping;
    atomic_int failed;
    atomic_uint_least64_t commit_sequence, serial_counter;
    struct room room;

    /* writer */
    pthread_t thread;
    int thread_started;
    sqlite3 *db;
    struct statements statements;
    struct queue_map map;
    struct key_tables keys;
    struct journals journals; /* the background's while it commits them */
    struct background background;
    struct body_cipher *cipher;       /* NULL: bodies in clear */
    struct body_cipher *owner_cipher; /* the owner's thread, for recovery */
    struct mover mover;
    struct prompts prompts;
    int64_t strays[STRAYS_MOST]; /* see mend.h */
    size_t stray_count;
    struct mail_list mails; /* of the batch under way */
    int64_t next_id, next_body, next_closed;
    int row_written;  /* this transaction wrote a row that carries the sequence */
    uint8_t *scratch; /* one encrypted blob */
    size_t scratch_room;
    atomic_int log_frames; /* length of the log */
    int checkpoint_at, checkpointing;
    int64_t housekeeping_at_ms;
    uint32_t housekeeping_day;

    struct lister lister; /* its own thread */
};

/* writer.c */
int writer_start(struct sqlite_store *store, struct fep_error *error);
void writer_stop(struct sqlite_store *store); /* finishes what was submitted; waits */
int writer_submit(struct store *store, const struct store_write *writes, size_t count);
int writer_find(struct store *store, const struct message_key *key, enum exchange_role role,
                uint64_t reference);
int writer_find_visit(struct store *store, const char *insured_area, const char *visit_id,
                      uint64_t reference);
int writer_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference);
int writer_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference);
int writer_put_proposal(struct store *store, const struct store_proposal *proposal, uint64_t reference);
int writer_read_mark(struct store *store, const char *name, struct store_peer_mark *mark);
int writer_write_mark(struct store *store, const struct store_peer_mark *mark, struct fep_error *error);
int64_t writer_now_ms(void);                         /* monotonic */
void writer_answer_call(struct sqlite_store *store); /* the owner's call, if there is one */

/* batch.c: one transaction over `count` writes from `first` on (0: only what the mover has to delete). Posts
 * its events and releases the bodies. Negative: the store has failed and said so. */
int batch_commit(struct sqlite_store *store, struct item *first, size_t count);
/* Says that the store has failed with SQLite's code `rc` and message: from now on it takes nothing more. */
void batch_fail(struct sqlite_store *store, int rc, const char *message);
/* Fills the map from the table: at opening, and after a rollback. SQLite's code. */
int batch_load_map(struct sqlite_store *store);

/* lookup.c: 1 found, 0 none, negative on damage of the queue. Blobs as stored. A row whose journal is gone
 * comes with what the key tables know, and a text that says so. */
enum lookup_place {
    LOOKUP_QUEUE = 1,
    LOOKUP_JOURNAL,
    LOOKUP_KEYS,
    LOOKUP_UNREAD /* what the key tables know, as its journal can't be read at this moment */
};
int lookup_exchange(struct sqlite_store *store, const struct exchange_key *key, struct stored *row,
                    enum lookup_place *place);
/* Only in the journals and key tables: for a key that is not in the queue. */
int lookup_moved(struct sqlite_store *store, const struct exchange_key *key, struct stored *row,
                 enum lookup_place *place);
/* Fills an event with the row; takes the blobs over. One that does not pass its check is left out and logged.
 */
void lookup_hand_over(struct sqlite_store *store, struct stored *row, struct store_event *event);
int lookup_answer(struct sqlite_store *store, const struct item *item); /* a find; posts FOUND */

/* mover.c */
int mover_init(struct mover *mover);
/* Has it something to do, given how long the writer has been idle? Closed rows move when the writer has been
 * idle for MOVE_IDLE_MS, or when many of them wait. */
#ifndef MOVE_IDLE_MS /* a test's may be shorter */
#define MOVE_IDLE_MS 50
#endif
int mover_is_due(const struct sqlite_store *store, int64_t idle_ms, int64_t now_ms);
/* Puts a bounded number of closed rows into their journals, and has these committed in the background when a
 * round is full. Between the queue's transactions. Never fails the store. */
void mover_put(struct sqlite_store *store, int64_t now_ms);
/* How many rows it has to delete, at most as many as may ride in one transaction. */
size_t mover_deletable(const struct sqlite_store *store);
/* Inside a transaction: deletes up to `limit` rows that are in a journal for good. SQLite's code. */
int mover_delete(struct sqlite_store *store, size_t limit);
/* The transaction is committed: the round ends when all is deleted. Or it was rolled back: it was deleted up
 * to `deleted` before. */
void mover_committed(struct sqlite_store *store);
void mover_rolled_back(struct sqlite_store *store, size_t deleted);

/* recover.c */
int recover_open_exchanges(struct store *store,
                           int (*fn)(void *arg, const struct exchange_record *record, struct slice body,
                                     struct slice answer),
                           void *arg, uint64_t *quarantined, struct fep_error *error);

#endif
