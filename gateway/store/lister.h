/* A thread that reads stored exchanges for whoever asks in lists, so that neither the writer nor the loop waits
 * for a day's worth of rows. On connections of its own, in transactions that last for a few hundred rows. */
#ifndef FEP_LISTER_H
#define FEP_LISTER_H

#include <pthread.h>
#include "body_cipher.h"
#include "database.h"
#include "listing.h"
#include "mailbox.h"

enum {
    LISTER_JOBS = 64,    /* that may wait */
    LISTER_SCANS = 4,    /* whose order is remembered, for the next page */
    LISTER_PLACES = 16384 /* places of one scan: a longer list is scanned again behind them */
};

struct listed { /* where one exchange of a scan stands, and where its row was */
    struct listing_place place;
    int64_t queue_id; /* row in queue.db, 0 = in the journal of `day` */
    uint32_t day;
};
struct scan {
    struct store_list_query query; /* after: what the scan begins behind; limit and bodies do not matter */
    struct listed *places;         /* LISTER_PLACES of them at most, in order; NULL = not in use */
    size_t count, room;
    int complete; /* nothing comes behind them */
    int64_t made_ms, used_ms;
};
enum lister_job_type { LISTER_LIST = 1, LISTER_SETTLEMENT, LISTER_RECALL };
struct lister_job {
    enum lister_job_type type;
    uint64_t reference;
    struct store_list_query query;
    char settlement_id[32]; /* SETTLEMENT: with query.role and query.infnos[0] */
    int64_t since_ms;       /* RECALL: with query.instance and query.after */
};

struct lister {
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    pthread_t thread;
    int started, stopping;
    struct lister_job jobs[LISTER_JOBS]; /* a ring */
    size_t first, count;

    /* the thread's own */
    char queue_file[STORE_PATH_SIZE], journal_directory[STORE_PATH_SIZE];
    uint32_t horizon_days;
    struct body_cipher *cipher; /* NULL: bodies in clear */
    struct mailbox *mailbox;
    struct scan scans[LISTER_SCANS];
};

/* `lister` is all zero. Takes the cipher over (may be NULL), also on failure. */
int lister_start(struct lister *lister, const char *queue_file, const char *journal_directory,
                 uint32_t horizon_days, struct body_cipher *cipher, struct mailbox *mailbox,
                 struct fep_error *error);
/* Ends after the row at hand; what was asked for and not answered stays so. Harmless if it was not started. */
void lister_stop(struct lister *lister);
/* The owner's thread. Negative: too many wait. */
int lister_ask(struct lister *lister, const struct lister_job *job);

struct page { /* what one job is about to hand over */
    struct lister *lister;
    const struct lister_job *job;
    struct mail_list mails;
    sqlite3 *queue, *journal; /* opened when first needed */
    uint32_t journal_day;
    uint64_t bytes;
};

/* --- used between lister.c, recall.c and scan.c ------------------------------------------------------------------------ */
int lister_is_stopping(struct lister *lister);
/* The places behind query->after, scanned or remembered. NULL with the error filled. */
struct scan *lister_scan(struct lister *lister, const struct store_list_query *query, struct fep_error *error);
void lister_forget_scans(struct lister *lister); /* all of them */
/* Opens the journal of a day. DATABASE_GOOD with *db NULL: there is no such day, or not yet. */
enum database_result lister_open_day(const struct lister *lister, uint32_t day, sqlite3 **db,
                                     struct fep_error *error);
/* Decrypts a row and adds its event to the page. Takes its blobs over, also on failure. */
struct stored;
int lister_hand_over(struct page *page, struct stored *row, enum store_event_type type, struct fep_error *error);
/* recall.c: fills a page behind the job's cursor; cursor empty: there is no more. */
int recall_fill(struct page *page, char cursor[STORE_CURSOR_SIZE], struct fep_error *error);
/* The row of this settlement in one file: 1 (id in *id), 0 none, negative with the error. */
int lister_find_settlement(struct lister *lister, sqlite3 *db, const struct lister_job *job, int64_t *id,
                           struct fep_error *error);

#endif
