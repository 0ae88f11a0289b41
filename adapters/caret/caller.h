/* The calling side: the gateway is a client of the local system. An errand is one line to be sent and its answer; a channel
 * is a connection and carries one errand at a time; the shift is the business cycle that errands are sent under. Host's
 * thread only. */
#ifndef FEP_CARET_CALLER_H
#define FEP_CARET_CALLER_H

#include "caret.h"
#include "tally.h"

enum { MAX_CHANNELS = 8, MAX_ERRANDS = 256, CYCLE_SIZE = 40, DOUBTS = 64, TIMEOUTS = 5, LOG_NOTICE_LEVEL = 5 };

struct caller_wire { /* facts of the mapping file; see README.md */
    const char *transaction_field, *institution_field, *operator_field, *cycle_field, *serial_field, *centre_field;
    const char *online_field, *online_values, *return_field, *reference_field, *answer_cycle_field, *text_field;
    const char *good, *own_region, *posting, *after_midnight, *echoes;
    const char *node, *operator, *call_serial, *original_serial;
    const char *not_signed_in, *cycle_over, *foreign_cycle;
    const char *sign_in, *sign_in_password, *sign_in_terminal, *sign_in_clock;
    const char *sign_in_answer_clock, *sign_in_answer_resumed;
    const char *sign_out, *sign_out_forced, *sign_out_first_compare;
    const char *centre_time, *centre_time_answer_clock;
    const char *totals, *totals_date, *totals_sums, *totals_answer, *totals_equal;
    const char *tally_plus, *tally_minus, *tally_amounts;
    const char *own_centre, *own_mark, *return_codes, *accounting_date_field;
    const char *answer_serial_field, *answer_transaction_field, *own_serials;
    const char *details, *details_for, *details_date, *details_page, *details_size, *details_last, *details_serial;
    const char *details_reversed, *details_take;
    const char *inquiry_original_serial, *inquiry_return, *inquiry_reference, *inquiry_output;
};

enum errand_kind { ERRAND_CALL = 1, ERRAND_SIGN_IN, ERRAND_TOTALS, ERRAND_SIGN_OUT, ERRAND_ECHO };
enum errand_state {
    ERRAND_WAITING = 1, /* for a cycle or a channel */
    ERRAND_PLACED,      /* on a channel; no byte has left */
    ERRAND_SENT         /* a byte has left */
};

struct errand {
    struct errand *next, *before;
    struct caller *caller;
    enum errand_kind kind;
    enum errand_state state;
    struct fep_call *call; /* ERRAND_CALL */
    uint32_t operation;    /* enum fep_operation */
    struct fep_record *head, *body;
    char local[TRANSACTION_SIZE], original[TRANSACTION_SIZE];
    char serial[SERIAL_SIZE], original_serial[SERIAL_SIZE];
    char cycle[CYCLE_SIZE]; /* it went out under */
    uint32_t sent_date;     /* by the local system's clock */
    unsigned renewals;      /* how often it was sent again under another cycle */
    unsigned page;          /* of the day's details that are looked through for the original; 0: not */
    struct channel *channel;
    struct fep_timer *timer; /* WAITING: how long it waits for a cycle; our own errands: their time */
    unsigned char *line;
    size_t line_size, written;
};

enum channel_state { CHANNEL_DOWN = 1, CHANNEL_CONNECTING, CHANNEL_IDLE, CHANNEL_BUSY };

struct channel {
    struct caller *caller;
    enum channel_state state;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer; /* connecting: its time; idle: its rest */
    struct errand *errand;
    unsigned char *in;
    size_t in_size, in_room, searched;
};

enum shift_state {
    SHIFT_DOWN = 1,    /* no cycle; tried again after a pause */
    SHIFT_SIGNING_IN,
    SHIFT_OPEN,
    SHIFT_SETTLING,    /* the cycle's day is over: what is in flight or in doubt comes to its end */
    SHIFT_COMPARING,
    SHIFT_SIGNING_OUT
};

struct shift {
    enum shift_state state;
    char cycle[CYCLE_SIZE]; /* empty: none */
    int64_t since_ms;       /* in this state */
    int64_t pause_ms;       /* before the next sign-in */
    int64_t offset_s;       /* the local system's clock less ours */
    bool forced;            /* the sign-out does without equal totals */
    struct fep_timer *timer;
    char doubts[DOUBTS][SERIAL_SIZE]; /* postings of this cycle whose outcome is not known */
    size_t doubt_count;
};

struct caller {
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct caret_codec codec;
    struct caller_wire wire;
    struct tcp_address address;
    struct channel channels[MAX_CHANNELS];
    size_t channel_count;
    struct errand *first, *last;
    size_t errand_count;
    struct shift shift;
    struct tally tally;
    unsigned char *scratch; /* one line */
    int64_t connect_ms, rest_ms, echo_ms, own_ms, queue_ms, doubt_ms, pause_min_ms, pause_max_ms, clock_tolerance_ms;
    int64_t heard_ms;       /* the last complete answer, whatever it said */
    uint32_t serial_counter;
    struct fep_call *start_call, *drain_call;
    bool draining, closing, pumping, pump_again;
    bool unreachable; /* the last attempt to connect failed */
    bool hung;        /* several requests ran out of time: nothing new goes out until something was answered */
    int64_t timeouts[TIMEOUTS]; /* when the last ones did */
    size_t timeout_count;
    unsigned illegal_texts_told;
    struct fep_health health;
};

/* --- calling.c: the operations of adapter.h for an instance that calls --- */

int calling_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error);
void calling_report(struct caller *caller);
/* Whether the local system can be connected to, as of the last attempt. */
void calling_note_reach(struct caller *caller, bool reachable);
/* A request ran out of time; a complete answer came; one request may try again after a pause. */
void calling_note_timeout(struct caller *caller);
void calling_try_again(struct caller *caller);
void calling_note_answer(struct caller *caller);
void calling_finish_start(struct caller *caller);
void calling_check_drained(struct caller *caller);

/* --- errand.c --- */

/* Takes a call: translates, and sends or queues it. Completes the call at once if that can not be. */
void errand_begin(struct caller *caller, struct fep_call *call, uint32_t operation, const struct fep_message *message);
/* One of our own; takes `body` (NULL: the layout's has none). NULL without memory. */
struct errand *errand_begin_own(struct caller *caller, enum errand_kind kind, const char *local, struct fep_record *body);
void errand_cancel(struct caller *caller, struct fep_call *call, enum fep_reason reason);
/* Sends what waits, as far as there are a cycle and channels; ends what has waited in vain. */
void errand_pump(struct caller *caller);
/* The channel of this errand can take its line now. False: it waits again, the channel is free. */
bool errand_write_line(struct errand *errand, struct caller *caller);
/* Its channel is gone before a complete answer. */
void errand_lose(struct caller *caller, struct errand *errand, enum fep_reason reason, const char *why);
/* Makes another request of it: local transaction, body (taken), a serial of our own. Negative without memory. */
int errand_become(struct caller *caller, struct errand *errand, const char *local, struct fep_record *body);
/* Back into the queue, under the same serial. */
void errand_wait_again(struct errand *errand);
/* Completes the call, takes `answer`, frees the errand. */
void errand_finish(struct caller *caller, struct errand *errand, enum fep_kind kind, struct fep_result *result,
                   struct fep_record *answer);
void errand_free(struct caller *caller, struct errand *errand);
void errand_free_all(struct caller *caller);
/* The way back from a serial that we sent to its date and number, 20 digits. False if it is none of ours. */
bool errand_read_serial(const struct caller *caller, struct fep_bytes serial, char out[24]);
/* Calls that were sent, or are about to be, under the cycle of the shift. */
size_t errand_count_in_flight(const struct caller *caller);
bool errand_posts(const struct caller *caller, const struct errand *errand);

/* --- channel.c --- */

/* Gives the errand a channel: an idle one, or one that is dialled now. It waits on if all are busy; it may be gone. */
void channel_take(struct caller *caller, struct errand *errand);
/* Closes it, for good as far as this connection is concerned: nothing of it is read any more. The errand stays. */
void channel_drop(struct channel *channel);
void channel_drop_all(struct caller *caller);
/* Connects without anything to send, to learn whether the local system is there. */
void channel_probe(struct caller *caller);

/* --- reply.c: what an answer means --- */

/* A complete line (without CR LF) in answer to the channel's errand. False: it can not be; the channel is not to be
 * trusted and the errand is still there. */
bool reply_take(struct caller *caller, struct errand *errand, const unsigned char *line, size_t size,
                struct fep_error *error);

/* The end of a reversal; takes `answer`, what is known of the original's answer, or NULL. */
void reply_end_reversal(struct caller *caller, struct errand *errand, int finding, struct fep_result *result,
                        struct fep_record *answer);
/* A field of a group by its name; group_field_count if there is none. */
size_t reply_find_row_field(const struct fep_layout *layout, const char *name, size_t size);

/* --- search.c: a posting that stays posted and whose answer never came --- */

/* The reversal was declined for good: looks for the original in the day's details instead. False: not to be found so. */
bool search_begin(struct caller *caller, struct errand *errand);
/* A page of them. False: it can not be one; the errand is still there. */
bool search_take(struct caller *caller, struct errand *errand, struct fep_bytes bytes, struct fep_error *error);

/* --- shift.c --- */

void shift_start(struct caller *caller);
void shift_stop(struct caller *caller);
/* May an errand of this transaction go out now? */
bool shift_is_open_to(const struct caller *caller, const char *local);
/* Is a cycle to be expected within the queue time? */
bool shift_is_coming(const struct caller *caller);
/* The local system does not know this cycle any more, or its day is over. */
void shift_renew(struct caller *caller, const char *cycle);
void shift_close_day(struct caller *caller, const char *cycle);
/* One of the shift's own errands ended: with a complete answer (`code` the return code, `body` may be NULL), or without
 * (`head` NULL). */
void shift_take(struct caller *caller, enum errand_kind kind, const struct fep_record *head, struct fep_bytes code,
                const struct fep_record *body);
/* A posting whose outcome is not known, and one that is settled. */
void shift_doubt(struct caller *caller, const char *serial);
void shift_settle(struct caller *caller, const char *serial);
/* yyyymmdd and hhmmss by the local system's clock. */
void shift_read_clock(const struct caller *caller, uint32_t *date, uint32_t *time);

#endif
