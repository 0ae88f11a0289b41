/* What the files of the fake host share; tests see fake_host.h only. */
#ifndef FAKE_PARTS_H
#define FAKE_PARTS_H

#include <libconfig.h>

#include "fake_host.h"

enum { MAX_LAYOUTS = 80, MAX_WATCHES = 64 };

struct fep_config {
    const struct fep_option *table;
    const char *const *given;
};

struct fake_state {
    config_t file; /* the mapping file */
    struct fep_layout layouts[MAX_LAYOUTS];
    size_t layout_count;
    struct fep_watch *watches;
    struct fep_timer *timers;
    int64_t clock_offset;
    size_t live_records;
    const char *charset;
    struct fep_config config;
};

struct fake_state *fake_state_of(void *host);
/* Fills an error; always -1. */
int fake_fail(struct fep_error *error, const char *text);

/* Each part puts its functions into the table of the host. */
void fake_offer_mapping(struct fep_host *host);
void fake_offer_records(struct fep_host *host);
void fake_offer_text(struct fep_host *host);
void fake_offer_loop(struct fep_host *host);

/* Ends the test if the file can not be read. */
void fake_read_mapping(struct fake_state *state, const char *file);
void fake_free_mapping(struct fake_state *state);
/* The local transaction of an operation that the mapping names in its section ("inquire", "reverse"). */
const char *fake_local_of(struct fake_state *state, const char *section);

/* Sets fields by NAME, VALUE, ..., NULL; a name the layout does not have ends the test. */
void fake_fill(struct fep_record *record, const char *const *values);
/* Only where the layout has such a field. */
void fake_fill_known(struct fep_record *record, const char *name, const char *value);

/* Frees the watches that were given up. */
void fake_sweep_watches(struct fake_state *state);

#endif
