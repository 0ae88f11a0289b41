/* The module's own parts: tasks (one per call, one connection each) and callers (one per connection to us).
 * Host's thread only. */
#ifndef FEP_SOAP_H
#define FEP_SOAP_H

#include "codec.h"
#include "http.h"
#include "refusals.h"
#include "tcp.h"
#include "two_way.h"

enum { MAX_TASKS = 256, MAX_LATE = 16, MAX_CALLERS = 512, LOG_ERROR_LEVEL = 3, LOG_WARNING_LEVEL = 4 };
enum { OP_PROBE = 0 }; /* beside enum fep_operation: an echo of our own */

/* --- calling --- */

enum task_state {
    TASK_WAITING = 1, /* for a free connection */
    TASK_CONNECTING,
    TASK_OPEN, /* connected; `written` tells whether a byte has left */
    TASK_LATE  /* its call is completed; the answer may still come */
};

struct task {
    struct task *next, *before;
    struct soap *soap;
    struct fep_call *call; /* NULL once completed, and for a probe */
    struct fep_attempt attempt;
    uint32_t operation;
    struct fep_record *head, *body;
    char local[SOAP_NAME_SIZE], original[SOAP_NAME_SIZE];
    char serial[SOAP_SERIAL_SIZE]; /* of what is on the wire now */
    bool looking_up;               /* what is on the wire is only the query before the request itself */
    char lookup_field[SOAP_NAME_SIZE];
    enum task_state state;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer;
    unsigned char *out;
    size_t out_size, written;
    bool write_failed;
    struct http_reader in;
};

struct health_watch {
    bool breaker; /* too many time-outs: nothing new goes out until an echo was answered */
    bool probing;
    int64_t timeouts[5];  /* when the last calls ran out of time */
    size_t timeout_count; /* since the last answer */
    int64_t pause_ms;
    struct fep_timer *timer;
};

/* --- serving --- */

enum caller_state {
    CALLER_READING = 1,
    CALLER_WORKING, /* its request is with the host; the caller itself is the ticket */
    CALLER_WRITING,
    CALLER_LEAVING /* told; what it still sends is thrown away so that it can read its answer */
};

struct caller {
    struct caller *next, *before;
    struct soap *soap;
    enum caller_state state;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer;
    struct http_reader in;
    bool told_continue;
    unsigned char *out;
    size_t out_size, written, discarded;
    uint64_t known_after; /* its request was certainly made after this moment of soap->moment */
    bool told_repeatable; /* the answer on its way is a refusal that may be tried again */
    bool ended;           /* it sends no more */
    char transaction[SOAP_NAME_SIZE], serial[SOAP_SERIAL_SIZE], original[SOAP_NAME_SIZE];
    char original_serial[SOAP_SERIAL_SIZE];
    char repeated[SOAP_SERIAL_SIZE]; /* the value that its answer repeats */
};

struct soap {
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct soap_codec codec;
    bool serves;
    struct tcp_address address;
    char authority[128]; /* for the Host header */
    struct fep_call *start_call, *drain_call;
    bool draining, closing;
    struct fep_health health;
    unsigned illegal_texts_told;
    /* calling */
    size_t connections;
    int64_t connect_ms, late_ms, probe_ms, pause_min_ms, pause_max_ms;
    struct task *first_task, *last_task;
    size_t task_count;
    bool placing;
    uint32_t own_date, own_number; /* serials of our own */
    uint32_t serial_date;
    uint64_t serial_first; /* lowest counter of the router's serials seen on serial_date */
    struct health_watch watch;
    /* serving */
    int listener;
    struct fep_watch *listener_watch;
    struct fep_timer *listener_timer;
    bool listener_rests;
    struct caller *first_caller;
    size_t caller_count, caller_limit;
    int64_t request_ms, write_ms, clock_tolerance_ms;
    uint64_t moment; /* counts up at each accept and each answer handed over */
    /* A refusal that may be tried again, or a request whose answer was not handed over: which later requests
     * under the same serial were certainly made afterwards? (hop rule 2) */
    struct refusal_memory refusals;
};

/* --- task.c: what a call is on the wire, and how it ends without an answer --- */

/* Takes a call: translates it and opens a connection. Completes the call at once if that can not be. */
void task_begin(struct soap *soap, struct fep_call *call, uint32_t operation,
                const struct fep_message *message);
/* An echo of our own; false if there is none in the mapping, or no memory. */
bool task_probe(struct soap *soap);
void task_cancel(struct soap *soap, struct fep_call *call, enum fep_reason reason);
/* Opens a connection for the task, leaves it waiting, or ends it. The task may be gone afterwards. */
void task_place(struct task *task);
/* The connection ended without a complete answer. `why` is for people. The task is gone afterwards. */
void task_lost(struct task *task, enum fep_reason reason, const char *why);
/* Completes the call (or reports a late answer), takes `answer`, frees the task. */
void task_finish(struct task *task, enum fep_kind kind, const struct fep_result *result,
                 struct fep_record *answer);
void task_free_all(struct soap *soap);
struct fep_result task_new_result(enum fep_reason reason);
/* Completes the drain when no call is open. */
void task_check_drained(struct soap *soap);

/* --- serial.c: serials in the form of this family --- */

/* Of an attempt: the same one each time. Negative with the error if too many were drawn on one day. */
int serial_of_attempt(struct soap *soap, const struct fep_attempt *attempt, char serial[SOAP_SERIAL_SIZE],
                      struct fep_error *error);
/* A new one of our own, for what posts nothing, and for inquiries and reversals. */
void serial_draw(struct soap *soap, char serial[SOAP_SERIAL_SIZE]);
/* The way back: the attempt's day and twelve digits, of a serial that serial_of_attempt made. False if it is
 * none. */
bool serial_to_attempt(const struct soap *soap, struct fep_bytes serial, char out[24]);
/* yyyymmdd in a serial of the form node, time, number; 0 if it has another. */
uint32_t serial_date(struct fep_bytes serial);

/* --- link.c: one connection per task --- */

/* Connects and sends task->out. 0, or -1 with errno: nothing was begun. */
int link_open(struct task *task);
void link_close(struct task *task);
/* Gives the answer this long; then the task is lost. */
void link_await(struct task *task, int64_t ms);

/* --- answer.c: what an answer means --- */

/* The answer in task->in is complete. The task may be gone afterwards. */
void answer_take(struct task *task);

/* --- health.c --- */

void health_start(struct soap *soap);
void health_stop(struct soap *soap);
void health_report(struct soap *soap);
/* An answer came, whatever it said. */
void health_answered(struct soap *soap);
/* No connection could be made. */
void health_unreachable(struct soap *soap, int error_number);
/* A call ran out of time on a connection. */
void health_timed_out(struct soap *soap);
/* The probe is over. */
void health_probed(struct soap *soap, bool answered);

/* --- serve.c: connections of callers --- */

int serve_listen(struct soap *soap, struct fep_error *error);
void serve_stop_listening(struct soap *soap);
void serve_close_all(struct soap *soap);
/* Nothing new; who is waiting for an answer gets it. */
void serve_drain(struct soap *soap);
size_t serve_count_open(const struct soap *soap);
void serve_report(struct soap *soap);
void serve_check_drained(struct soap *soap);
/* Sends an answer (taken over, may be NULL) and then lets the caller go. `repeatable`: a refusal of class R.
 */
void caller_tell(struct caller *caller, int status, unsigned char *body, size_t size, bool repeatable);
/* Its request is with the host from now on. */
void caller_begin_work(struct caller *caller);
void caller_close(struct caller *caller);

/* --- desk.c: what a request means --- */

/* The request in caller->in is complete, or can not be. Ends in caller_tell, or with the request at the host.
 */
void desk_take(struct caller *caller);
/* Is it to be refused by its head alone? Then it was. */
bool desk_refuse_head(struct caller *caller);

/* --- repeats.c --- */

void repeats_note(struct soap *soap, const char *serial, uint64_t handed_over);
/* Was the caller's request certainly made after every refusal of this serial was handed over? */
bool repeats_is_new(const struct soap *soap, const struct caller *caller, const char *serial);

#endif
