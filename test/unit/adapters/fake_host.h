/* A host for module tests: reads layouts, wire facts and error tables from a real mapping file, converts with iconv, and
 * runs a small loop on real sockets. Translation is the test's own: a "message" is a struct fake_message. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <fep/adapter.h>

#define FAKE_OPTIONS 24

/* What stands for a canonical message: how translate_out fills head and body. */
struct fake_message {
    const char *local;           /* local transaction of a submit */
    const char *const *head;     /* NAME, VALUE, …, NULL */
    const char *const *body;
    const char *const *row;      /* one row, may be NULL */
};

struct fake_completion {
    struct fep_call *call;
    enum fep_kind kind;
    struct fep_result result;
    struct fep_record *answer; /* owned by the fake */
};

struct fake_request { /* what begin_request was given */
    char local[16];
    struct fep_record *head, *body;
    bool fresh, forgotten;
    fep_on_answer *on_answer;
    fep_try_answer *try_answer;
    void *ticket;
};

struct fep_call {
    int64_t deadline_ms;
    struct fep_attempt attempt;
};

struct fake_state;

struct fake_host {
    struct fep_host host; /* pass &fake->host */
    struct fake_state *state;
    struct fake_completion completions[64];
    size_t completion_count;
    struct fake_completion late[16];
    size_t late_count;
    struct fake_request requests[64];
    size_t request_count;
    struct fep_health health;
    size_t health_reports;
    uint32_t date, time;         /* local time told to the module */
    char last_log[200];          /* what was logged last */
    int refuse_requests;         /* begin_request refuses with this code */
    const char *options[FAKE_OPTIONS][2]; /* NAME, VALUE as text */
};

/* file below etc/mapping, e.g. "danxian-450100.cfg", or a whole path; ends the test if it can not be read. */
struct fake_host *fake_create(const char *file);
void fake_destroy(struct fake_host *fake);
/* Option values; defaults come from the module's table. */
void fake_use_options(struct fake_host *fake, const struct fep_option *table, const char *const *given);
const struct fep_config *fake_config(struct fake_host *fake);

/* Runs the loop until fn(arg) is true, or at most 5 s of real time. Returns fn's last word. */
bool fake_run_until(struct fake_host *fake, bool (*fn)(void *arg), void *arg);
void fake_run_ms(struct fake_host *fake, int ms);
/* Adds to the monotonic clock. */
void fake_advance(struct fake_host *fake, int64_t ms);
size_t fake_open_watches(const struct fake_host *fake);
size_t fake_live_records(const struct fake_host *fake);

struct fep_record *fake_record(struct fake_host *fake, const char *layout, const char *const *values);
/* Value of a plain field, or of a field in a row, as a string (static buffers, eight in turn). */
const char *fake_get(struct fake_host *fake, const struct fep_record *record, const char *name);
const char *fake_get_in_row(struct fake_host *fake, const struct fep_record *record, size_t row, const char *name);
void fake_set_row(struct fake_host *fake, struct fep_record *record, const char *const *values);

/* UTF-8 -> bytes of the mapping's charset; returns the size. */
size_t fake_encode(struct fake_host *fake, const char *text, unsigned char *out, size_t out_size);

#endif
