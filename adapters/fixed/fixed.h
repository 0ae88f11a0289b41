/* The module's own parts: tasks (one per call) and connections. Host's thread only. */
#ifndef FEP_FIXED_H
#define FEP_FIXED_H

#include "codec.h"
#include "files.h"
#include "tcp.h"
#include "two_way.h"

enum { MAX_CONNECTIONS = 8, MAX_TASKS = 256, MAX_TIMEOUTS = 100, OP_NOTICE = 100, SERIAL_SIZE = 24, LOCAL_SIZE = 16 };

struct fixed_wire { /* facts of the mapping file; see README.md */
    const char *head_constants, *transaction_field, *serial_field, *date_field, *time_field, *accounting_date_field;
    const char *kind_field, *answer_kind, *original_transaction_field, *return_field, *text_field, *reference_field;
    const char *good, *wrong_date, *not_signed_on, *posting;
    const char *sign_on, *sign_on_password, *sign_on_window, *sign_on_answer_date, *sign_on_answer_window;
    const char *sign_on_answer_clock;
    const char *inquiry_length, *inquiry_reference, *inquiry_return;
    const char *lookup_for, *lookup_empty, *lookup, *lookup_request, *lookup_row_field, *lookup_order;
};

enum task_state {
    TASK_WAITING = 1, /* for a connection with room */
    TASK_QUEUED,      /* on a connection; no byte has left */
    TASK_SENT,        /* a byte has left */
    TASK_READING,     /* the answer is there, the file that it names is being read */
    TASK_LATE         /* its call is completed; the answer may still come and holds its place in the window */
};

struct task {
    struct task *next, *before;
    struct fixed *fixed;
    struct fep_call *call; /* NULL once completed, and of a notice */
    struct fep_attempt attempt;
    uint32_t operation; /* enum fep_operation, or OP_NOTICE */
    struct fep_record *head, *body;
    char local[LOCAL_SIZE], original[LOCAL_SIZE];
    char serial[SERIAL_SIZE]; /* of what is on the wire now */
    char request_serial[SERIAL_SIZE];
    char own_date[16];        /* accounting date that the request itself brings; empty: the current one */
    const struct file_kind *file; /* its answer names a file; the rest is for that */
    struct fep_record *asked, *told;
    struct file_reader *reader;
    struct fep_timer *timer;
    struct fep_result result;
    struct file_facts told_of; /* of a notice: our file, as it was told of */
    bool looking_up;          /* what is on the wire is only the query before the request itself */
    unsigned date_corrections;
    enum task_state state;
    struct connection *connection;
    unsigned char *frame;
    size_t frame_size, written;
    int64_t late_since_ms;
};

enum connection_state { CONNECTION_DOWN = 1, CONNECTION_CONNECTING, CONNECTION_SIGNING_ON, CONNECTION_READY };

struct connection {
    struct fixed *fixed;
    enum connection_state state;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer;
    unsigned char *in;
    size_t in_size;
    unsigned char *own; /* sign-on and heartbeats on their way */
    size_t own_size, own_written;
    struct task *writing; /* a frame of which some bytes have left and some have not */
    unsigned window;
    char serial[SERIAL_SIZE]; /* of the sign-on */
    int64_t since_ms, last_in_ms, last_out_ms;
    int64_t pause_ms;
    bool broken;   /* a write failed: the timer closes it, never the writer */
    bool retiring; /* takes nothing new: too many answers outstanding for too long */
    bool served;   /* had an answer since it is up */
};

/* What an instance does; the first member of the module's state, whichever it is. */
/* See breaker.c. */
struct breaker {
    int64_t timeouts[MAX_TIMEOUTS];
    unsigned next, count, limit; /* limit 0: never opens */
    int64_t within_ms, probe_ms, probed_ms;
    bool open;
};

struct fixed { /* the calling side; the serving side is in server.h */
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct fixed_codec codec;
    struct fixed_wire wire;
    struct tcp_address address;
    struct connection connections[MAX_CONNECTIONS];
    size_t connection_count;
    unsigned window_wanted;
    int64_t connect_ms, sign_on_ms, heartbeat_ms, silence_ms, pause_min_ms, pause_max_ms, late_ms;
    int64_t clock_tolerance_ms, clock_offset_s; /* 0: not checked; as last told */
    struct task *first, *last;
    size_t task_count;
    unsigned char *scratch;    /* one frame */
    uint32_t accounting_date;  /* the local system's, yyyymmdd; 0 before the first sign-on */
    uint32_t serial_counter;
    struct breaker breaker;
    struct files files;
    struct fep_timer *notice_timer;
    struct task *notice; /* on its way; NULL: none */
    int64_t file_poll_ms;
    struct fep_call *start_call, *drain_call;
    bool draining, closing;
    unsigned illegal_texts_told;
    struct fep_health health;
};

/* --- calling.c: the operations of adapter.h for an instance that calls --- */

int calling_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error);

/* --- task.c: what a call is on the wire --- */

/* Takes a call: translates, and finds a connection. Completes the call at once if that cannot be. */
void task_begin(struct fixed *fixed, struct fep_call *call, uint32_t operation, const struct fep_message *message);
/* The host's wish to end a call now. */
void task_cancel(struct fixed *fixed, struct fep_call *call, enum fep_reason reason);
/* Ends the drain if no call is open any more. */
void task_check_drained(struct fixed *fixed);
/* Puts waiting tasks on connections with room; completes them as not sent if no connection is to be had. */
void task_pump(struct fixed *fixed);
/* The connection is gone: settles all that was on it. `why` is for people. */
void task_lose_connection(struct fixed *fixed, struct connection *connection, enum fep_reason reason, const char *why);
struct task *task_find(struct fixed *fixed, const struct connection *connection, struct fep_bytes serial);
size_t task_outstanding(const struct fixed *fixed, const struct connection *connection);
/* The next task of this connection of which no byte has left, or NULL. */
struct task *task_next_queued(const struct fixed *fixed, const struct connection *connection);
/* Tasks whose answer is overdue since before `limit_ms`, on this connection. */
size_t task_overdue(const struct fixed *fixed, const struct connection *connection, int64_t limit_ms);
void task_free_all(struct fixed *fixed);
/* Fields that every request of ours has: constants, transaction, serial, clock, accounting date. */
int task_fill_head(struct fixed *fixed, struct fep_record *head, const char *local, const char *serial);
/* A serial of our own: for sign-on, inquiries, reversals, look-ups. The router's never begin their counter like this. */
void task_draw_serial(struct fixed *fixed, char serial[SERIAL_SIZE]);

/* A request of our own without a call: tells of a file. Takes `body`. */
void task_begin_notice(struct fixed *fixed, const char *local, struct fep_record *body, const struct file_facts *facts);
/* Nobody waits for the answer any more. */
void task_give_up_notice(struct fixed *fixed);

/* Puts a waiting task on a connection, leaves it waiting, or ends it. The task may be gone afterwards. */
void task_place(struct fixed *fixed, struct task *task);
/* Completes the call (or reports a late answer), takes `answer`, frees the task. */
void task_finish(struct fixed *fixed, struct task *task, enum fep_kind kind, const struct fep_result *result,
                 struct fep_record *answer);
void task_free(struct fixed *fixed, struct task *task);
struct fep_result task_new_result(enum fep_reason reason);

/* --- answer.c: what an answer means --- */

/* An answer that belongs to `task`. Takes over `head`. Negative with the error: it can not be an answer to this; the
 * connection is not to be trusted (the task is still there). */
int answer_take(struct task *task, struct fixed *fixed, struct fep_record *head, const unsigned char *body, size_t size,
                struct fep_error *error);
/* Class ('N', 'R', 'U') and canonical code of a return code. */
char answer_classify(const struct fixed *fixed, struct fep_bytes return_code, const char *local, uint32_t *canonical);
/* yyyymmdd in a field; 0 if it holds none. */
uint32_t answer_read_date(const struct fep_host *host, const struct fep_record *record, const char *field);

/* --- file_calls.c: files --- */

/* Turns the question for a page into the request for the file. Negative with the error. */
int file_calls_prepare(struct fixed *fixed, struct task *task, const struct file_kind *kind, struct fep_error *error);
/* A good answer to it; takes `told`. The task may be gone afterwards. Negative with the error: it is no such answer. */
int file_calls_take(struct fixed *fixed, struct task *task, const struct fep_result *result, struct fep_record *told,
                    struct fep_error *error);
void file_calls_start(struct fixed *fixed);
void file_calls_stop(struct fixed *fixed);
/* How the notice of this file ended, late or not: '0' good, else the class of the refusal. */
void file_calls_told(const struct fixed *fixed, const struct file_facts *facts, char class);

/* --- breaker.c --- */

void breaker_note_timeout(struct fixed *fixed);
void breaker_note_answer(struct fixed *fixed);
/* May this go out now? A probe counts as sent. */
bool breaker_lets(struct fixed *fixed, uint32_t operation);

/* --- session.c: connections --- */

void session_start(struct fixed *fixed);
void session_stop(struct fixed *fixed);
/* Hands the frames of queued tasks to the socket. */
void session_write(struct connection *connection);
/* Is a connection to be expected within the connect and sign-on times? */
bool session_coming(const struct fixed *fixed);
void session_report(struct fixed *fixed);
bool session_is_ready(const struct fixed *fixed);

#endif
