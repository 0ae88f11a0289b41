/* The module's own parts: clients (one per connection), what their lines mean, and when a repeat counts as
 * new. Host's thread only. */
#ifndef FEP_CARET_H
#define FEP_CARET_H

#include "codec.h"
#include "cycles.h"
#include "listener.h"
#include "refusals.h"
#include "tcp.h"
#include "two_way.h"

enum {
    MAX_CLIENTS = 512,
    TRANSACTION_SIZE = 16,
    SERIAL_SIZE = 48,
    LOG_ERROR_LEVEL = 3,
    LOG_WARNING_LEVEL = 4
};

struct caret_wire { /* facts of the mapping file; see README.md */
    const char *transaction_field, *institution_field, *operator_field, *cycle_field, *serial_field,
        *centre_field;
    const char *online_field, *online_values, *return_field, *reference_field, *answer_cycle_field,
        *text_field;
    const char *good, *reference_prefix, *own_region, *node_prefixes, *serial_form;
    const char *sign_in, *sign_in_password, *sign_in_clock, *sign_in_answer_clock, *sign_in_answer_resumed;
    const char *sign_out, *sign_out_forced, *centre_time, *centre_time_answer_clock;
    const char *own_centre, *after_midnight, *reversal, *new_connection_is_new, *not_served;
    const char *answer_serial_field, *answer_transaction_field, *replays, *posting;
    const char *totals, *totals_date, *totals_kind, *totals_answer, *totals_equal;
    const char *inquiry_return, *inquiry_reference, *inquiry_output, *number_limits;
    const char *inquiry; /* the transaction that asks what became of another; NULL: there is none */
};

enum client_state {
    CLIENT_READING = 1, /* waits for a line */
    CLIENT_WORKING,     /* its request is with the host; the client itself is the ticket */
    CLIENT_WRITING      /* an answer is on its way out */
};

struct client {
    struct caret *caret;
    struct client *next, *before;
    enum client_state state;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer;
    unsigned char *in, *out;
    size_t in_size, in_room, searched, out_size, out_written;
    uint64_t known_after; /* the next request was certainly made after this moment of caret->moment */
    bool premature;       /* bytes came before the answer had gone */
    bool ended;           /* the client sends no more */
    bool close_after;     /* close when the answer has gone */
    bool told_repeatable; /* the answer on its way is a refusal that may be tried again */
    bool compares;        /* its request compares all totals of its cycle's day */
    char transaction[TRANSACTION_SIZE], serial[SERIAL_SIZE], cycle[48];
};

struct caret { /* the serving side; the calling side is in caller.h */
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct caret_codec codec;
    struct caret_wire wire;
    struct cycle_book book;
    struct tcp_address address;
    struct listener listener;
    struct client *first;
    size_t client_count, client_limit;
    int64_t idle_ms, write_ms, clock_tolerance_ms;
    unsigned char *scratch; /* one line */
    uint64_t moment;        /* counts up at each accept and each answer handed over */
    /* A refusal that may be tried again, or a request whose answer was not handed over: which later requests
     * under the same serial were certainly made afterwards? (hop rule 2) */
    struct refusal_memory refusals;
    unsigned illegal_texts_told;
    bool draining, closing;
    struct fep_call *drain_call;
    struct fep_health health;
};

/* --- serving.c: the operations of adapter.h for an instance that serves --- */

int serving_open(const struct fep_host *host, const struct fep_config *config, void **self,
                 struct fep_error *error);

/* --- desk.c: what a line means --- */

/* A complete line (without CR LF). Ends in client_tell, or in CLIENT_WORKING with the request at the host. */
void desk_take_line(struct client *client, const unsigned char *line, size_t size);
/* What is told when no line can be read: too long, or not a line. */
void desk_refuse_bytes(struct client *client, const char *text);
/* The local return code of a class and a canonical code; the gateway's own codes fall to the default of their
 * class. */
const char *desk_return_code(const struct caret *caret, char class, uint32_t canonical);

/* --- session.c: connections --- */

/* For the listener: a new client, unless there are as many as allowed that still wait for something. */
bool session_take(void *caret, int fd);
/* Sends a line (copied) and goes back to reading. `repeatable`: a refusal of class R by the host's side. */
void client_tell(struct client *client, const unsigned char *line, size_t size, bool repeatable);
/* Its request is with the host from now on: no time limit of ours applies. */
void client_begin_work(struct client *client);
void client_close(struct client *client);
void session_close_all(struct caret *caret);
/* Completes the drain when nothing is open. */
void session_check_drained(struct caret *caret);
void session_report(struct caret *caret);
/* Clients whose request is not finished. */
size_t session_count_open(const struct caret *caret);

/* --- inquiry.c: what became of another request --- */

/* The answer to an inquiry, but for the original's output; NULL without memory, or if the mapping has no word
 * for it. */
struct fep_record *inquiry_make_body(const struct caret *caret, const struct fep_result *result);

/* --- day.c: sign-out and the totals before it --- */

/* A request is about to go to the host, or has ended. */
void day_note_request(struct client *client, const struct fep_record *body);
void day_note_end(struct client *client, enum fep_kind kind, const struct fep_record *answer);
/* Were the totals of the cycle's day found equal, and has nothing been posted on it since? */
bool day_is_reconciled(const struct caret *caret, const char *cycle);

/* --- repeats.c --- */

void repeats_note(struct caret *caret, const char *serial, uint64_t handed_over);
/* Was the client's present request certainly made after every refusal of this serial was handed over? */
bool repeats_is_new(const struct caret *caret, const struct client *client, const char *serial);

#endif
