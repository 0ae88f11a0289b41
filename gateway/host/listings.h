/* Stored exchanges of this instance, asked of the router page by page (LIST, schema/host_link.md). */
#ifndef FEP_LISTINGS_H
#define FEP_LISTINGS_H

#include "frame.h"
#include "loop.h"

struct host;

enum { LISTING_MAX_INFNOS = 16 };

struct listing_question {
    uint32_t from_day, to_day; /* yyyymmdd, both included */
    unsigned role;             /* 1 what callers posted through the gateway; 3 what the gateway posted here */
    const char *infnos[LISTING_MAX_INFNOS];
    size_t infno_count;
    bool bodies;
    const char *visit_id, *insured_area; /* NULL: any; plain characters */
    int64_t time_ms; /* for all pages together */
    size_t most;     /* more exchanges than that end it with an error */
};

/* One question under way. Lives in its asker; the asker waits for on_end or stops it. */
struct listing {
    struct host *host; /* NULL: not under way */
    uint64_t id;       /* of the page that was asked for; 0: waits for its turn */
    char question[512], after[256];
    size_t taken, most;
    struct loop_timer timer;
    /* Once for each exchange, in the order of posting; what the frame holds is borrowed. Negative ends the listing
     * with the error filled. */
    int (*on_entry)(void *arg, const struct frame *entry, struct fep_error *error);
    /* Once, at the end: error NULL if all of them came. The listing may be used again from here. */
    void (*on_end)(void *arg, const struct fep_error *error);
    void *arg;
    struct listing *next;
};

/* Callbacks and arg are set. 0, or negative with the error (no router, no memory): then on_end is not called. */
int listing_begin(struct host *host, struct listing *listing, const struct listing_question *question,
                  struct fep_error *error);
void listing_stop(struct listing *listing); /* nothing is called any more; not under way is nothing */

void listings_on_entry(struct host *host, struct frame *frame);
/* The router may be another one now: its places in the lists are gone. */
void listings_fail_all(struct host *host);

#endif
