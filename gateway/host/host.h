/* One adapter instance: module, mapping, calls from the router, requests of local callers. Internal to
 * fep-adapter.
 *
 * Everything here runs on the loop's one thread. The files, in the order in which a message meets them:
 *   router.c    the socket: introduces itself, takes frames, offers again what was not acknowledged
 *   calls.c     what the router asks: calls, completed exactly once; their objects are call_objects.c's
 *   requests.c  what local callers ask: tickets, told exactly once
 *   visits.c    what opened a visit, remembered
 *   persons.c   what was last told about a person, remembered
 *   reports.c   what local callers ask of the gateway itself; from listings.c (stored exchanges), ledger.c,
 * totals.c, details.c, items.c inquiries.c was a settlement that is asked about cancelled since? prompts.c
 * fee lines without a local code, told to the router tasks.c     what operators ask: reconcile.c,
 * catalogue.c, capture.c, crosswalk.c; asking by own_calls.c batches.c   a request whose lines take several
 * postings lines.c     the fee lines of a visit, for calls whose mapping sums them up translate.c between
 * canonical bodies and records: the mapping, or bodies as they are services.c  the table handed to the module
 */
#ifndef FEP_HOST_H
#define FEP_HOST_H

#include <sys/types.h>
#include <time.h>

#include <json-c/json.h>

#include <fep/adapter.h>
#include "frame.h"
#include "link_socket.h"
#include "loop.h"
#include "mapping.h"
#include "transaction_table.h"

enum { EXIT_ORDERLY = 0, EXIT_MISUSED = 100, EXIT_SURROUNDINGS = 111 };

#define HOST_MAX_TICKETS 1024
#define HOST_BUCKETS     1024 /* of calls and tickets; a power of two */
#define HOST_GRACE_MS    5000 /* after a deadline, until a call that does not complete counts as a hang */
#define HOST_HELLO_MS    500
#define HOST_HEALTH_MS   2000
#define HOST_SILENCE_MS                                                                                      \
    3000 /* nothing heard: ask the router for a word; twice that: introduce ourselves again */
#define HOST_OFFER_TICK_MS   250
#define HOST_OFFER_MS        2000 /* first pause before an unacknowledged frame is offered again, doubling to */
#define HOST_OFFER_MAX_MS    16000
#define HOST_GONE_MS         600000 /* how long a caller's ticket outlives it */
#define HOST_DEFAULT_CALL_MS 60000
#define HOST_START_MS        60000
#define HOST_DRAIN_MS        120000
#define HOST_LATE_PROMPTS    16

struct host_settings {
    char instance[NODE_SIZE];
    char node[NODE_SIZE]; /* the gateway's node code */
    char region[AREA_SIZE];
    char endpoint[512];        /* the router's local socket */
    char state_directory[512]; /* for copies of the local catalogue */
    bool capture_allowed;
    uint32_t epoch;
    uint32_t window;
    uint32_t max_body_bytes; /* of a request; answers are outcomes, which no bound refuses */
    bool caller_inquires;
    uint8_t pseudonym_key[32];
    size_t pseudonym_key_size; /* 0: order keys are made without a secret */
};

struct fep_message {
    struct message_header header;
    struct fep_index index;
    struct slice body;
};

enum call_purpose { CALL_WORK = 1, CALL_START, CALL_DRAIN, CALL_OWN, CALL_PART };
enum call_state { CALL_FREE = 0, CALL_OPEN, CALL_COMPLETED, CALL_OFFERED };

struct fep_call {
    struct host *host;
    enum call_purpose purpose;
    enum call_state state;
    uint64_t id;
    uint8_t operation; /* CORE_OP_* as it came in the frame */
    bool past_deadline;
    int64_t deadline_ms;
    struct loop_timer timer;          /* deadline, then grace */
    int64_t offer_ms, offer_pause_ms; /* when DONE is offered again */
    struct fep_attempt attempt;       /* inquire, reverse: names the original */
    struct fep_message message;
    enum fep_kind kind;
    struct fep_result result;
    struct fep_record *answer;
    unsigned char *done; /* the encoded DONE frame, kept until acknowledged */
    size_t done_size;
    struct lines_wait
        *lines_wait;          /* the visit's fee lines are being asked for: the module does not have it yet */
    struct slice visit_lines; /* as struct mapping_context has them */
    struct batches *batches;  /* NULL: one posting; batches.c */
    struct fep_call *whole;   /* of a part: the call that is spread */
    size_t first_line;        /* of a part: its first line's place in the whole, from 0 */
    struct prompt *noted;     /* lines without a local code, prompts if it is posted */
    void (*own_done)(void *arg, enum fep_kind kind, const struct fep_result *result, struct slice answer);
    void *own_arg;
    struct fep_call *next_in_bucket, *next_completed, *next_free;
};

enum ticket_state {
    TICKET_FINDING = 1, /* waits for the opener of its visit */
    TICKET_OFFERED,     /* REQUEST sent, not acknowledged */
    TICKET_TAKEN,       /* the router has it */
    TICKET_REPORTING,   /* the host answers it itself: reports.c */
    TICKET_REFUSED      /* refused here; told in the next turn */
};

struct ticket {
    struct host *host;
    uint64_t id;
    enum ticket_state state;
    bool gone; /* the caller went away: on_answer is not called any more */
    int64_t gone_ms;
    bool fresh;
    char local[24];
    struct fep_record *head, *body;
    struct mapping_request request;
    struct fep_result refusal;
    fep_on_answer *on_answer;
    fep_try_answer *try_answer;
    void *arg; /* the module's own ticket */
    int64_t offer_ms, offer_pause_ms;
    unsigned offers;            /* how often it was offered */
    struct slice rendered_from; /* the answer that was rendered, and what became of it */
    struct fep_record *rendered;
    struct ticket *next_in_bucket, *next_refused;
};

struct visit_cache;
struct listing;
struct report;
struct task;
struct prompt;
struct capture;

struct host {
    struct host_settings settings;
    struct loop loop;
    struct fep_host services;
    const struct fep_adapter *adapter;
    struct fep_config *config;
    struct mapping *mapping;                /* NULL: bodies pass through as they are */
    struct transaction_table *transactions; /* or NULL */
    void *self;                             /* the module's */

    struct link_context *context;
    struct link_socket *socket;
    unsigned char *scratch;
    size_t scratch_size;
    bool router_up; /* our last HELLO was acknowledged */
    bool module_up; /* start completed */
    bool draining, drained;
    bool opened; /* the module is */
    int signal_fd;
    bool ready_said;
    bool more_frames; /* received less than what waits */
    int exit_code;    /* -1: go on */
    int64_t started_ms;
    int64_t heard_ms;   /* monotonic, last frame of the router */
    ino_t socket_inode; /* the socket file that the router bound */
    struct timespec socket_time;
    struct loop_timer hello_timer, health_timer, offer_timer, drain_timer;
    int64_t drain_over_ms; /* when draining ends, finished or not */
    struct fep_health health;

    struct fep_call *call_buckets[HOST_BUCKETS];
    struct fep_call *free_calls,
        **free_calls_last; /* first in, first out: a stale pointer is found out longer */
    struct fep_call *completed, **completed_last;
    size_t open_calls, offered_calls, call_objects;
    struct fep_call start_call, drain_call;

    struct ticket *ticket_buckets[HOST_BUCKETS];
    struct ticket *refused, **refused_last;
    size_t ticket_count;
    size_t gone_count; /* of them, whose callers went away: they may go when others need their room */
    uint64_t next_ticket;
    struct visit_cache *visits;
    struct visit_cache *persons; /* the same, for the last 1101 answer about a person */

    struct listing *listings; /* under way, in turn */
    uint64_t next_listing;
    struct report *reports;    /* under way */
    struct inquiry *inquiries; /* the same */
    size_t report_count;
    struct fep_call *own_call; /* a query of our own at the local system; at most one */
    uint64_t next_own_call;
    struct task *task;                      /* under way; at most one */
    struct capture *capture;                /* NULL: nothing is captured */
    uint32_t crosswalk_failed;              /* day on which the new version could not be read */
    struct prompt *prompts, **prompts_last; /* not acknowledged */
    size_t prompt_count;
    uint64_t next_prompt;
    struct late_prompts { /* of uploads whose outcome was not known; the oldest gives way */
        uint64_t serial;
        uint32_t serial_date;
        struct prompt *noted;
    } late_prompts[HOST_LATE_PROMPTS];
    size_t next_late_prompts;

    int64_t own_serial_ms; /* serials of our own inquiries and reversals */
    uint32_t own_serial_count;
    uint64_t sent, received, dropped;
};

/* router.c */
int router_open(struct host *host, struct fep_error *error);
void router_close(struct host *host);
/* Takes what has come; called every turn. */
void router_receive(struct host *host);
/* Encodes and sends; epoch is filled in. Negative: not sent (the caller's offers repeat what counts). */
int router_send(struct host *host, struct frame *frame);
int router_encode(struct host *host, struct frame *frame, const unsigned char **data, size_t *size);
int router_send_bytes(struct host *host, const unsigned char *data, size_t size);
void router_introduce(struct host *host); /* HELLO until acknowledged */
void router_say_ready(struct host *host);
void router_send_health(struct host *host);

/* call_objects.c */
void calls_init(struct host *host);
void calls_finish(struct host *host);
/* Ids of the router's calls that are open or not acknowledged; at most `room`. */
size_t calls_list(const struct host *host, uint64_t *ids, size_t room);

/* calls.c */
void calls_on_submit(struct host *host, struct frame *frame);
void calls_on_cancel(struct host *host, uint64_t id);
/* The end of lines_begin: error NULL, and visit_lines are set. */
void calls_lines_done(struct fep_call *call, const struct fep_error *error);
void calls_on_done_acked(struct host *host, uint64_t id);
void calls_complete(struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
                    struct fep_record *answer);
void calls_report_late(struct host *host, const struct fep_attempt *attempt, enum fep_kind kind,
                       const struct fep_result *result, struct fep_record *answer);
/* Sends what was completed in this turn. */
void calls_settle(struct host *host);
/* Offers every DONE that is not acknowledged and due; all of them if `all`. */
void calls_offer_again(struct host *host, bool all);
/* Has the module submit, inquire or reverse it, as its operation says. */
void calls_give(struct fep_call *call);
/* Negative: no memory for the timer. */
int calls_arm_deadline(struct fep_call *call, int64_t after_ms);
void calls_start_module(struct host *host);
void calls_drain_module(struct host *host);

/* requests.c */
void requests_init(struct host *host);
void requests_finish(struct host *host);
int requests_begin(struct host *host, const char *local, struct fep_record *head, struct fep_record *body,
                   bool fresh, fep_on_answer *on_answer, fep_try_answer *try_answer, void *arg,
                   struct fep_error *error);
void requests_forget(struct host *host, void *arg);
void requests_on_acked(struct host *host, uint64_t id);
void requests_on_render(struct host *host, struct frame *frame);
void requests_on_tell(struct host *host, struct frame *frame);
void requests_on_visit(struct host *host, struct frame *frame);
void requests_settle(struct host *host);
/* The end of what the host answers itself: puts `answer` (canonical, kind ANSWERED) into the caller's
 * language and tells it. A ticket that is not there any more is nothing. */
void requests_conclude(struct host *host, uint64_t ticket, enum fep_kind kind,
                       const struct fep_result *result, struct slice answer);
/* Offers requests that are not acknowledged and due. With `all` (a router that may be new) every one that was
 * not told yet: it joins the exchange that the store brought back. */
void requests_offer_again(struct host *host, bool all);

/* translate.c */
void translate_context(struct host *host, struct mapping_context *context);
uint64_t translate_own_serial(struct host *host, uint32_t *date);
const char *translate_out(struct host *host, const struct fep_message *message, uint32_t operation,
                          const struct fep_attempt *attempt, struct slice visit_lines,
                          struct fep_record **head, struct fep_record **body, struct fep_error *error);
/* What a completed call's answer says, in canonical form; `answer` and `index` are filled, `result` may
 * change. */
int translate_answer_in(struct host *host, struct fep_call *call, struct slice *answer,
                        struct fep_index *index, struct fep_error *error);
/* Must the opener of its visit be looked for first? By the mapping; without one for a cancel that does not say of which
 * kinds its settlement is, which totals go by. As mapping_needs_visit. */
int translate_needs_visit(const struct host *host, const struct ticket *ticket, char visit_id[32],
                          char insured_area[AREA_SIZE]);
int translate_request_in(struct host *host, struct ticket *ticket, struct slice visit_request,
                         struct slice visit_answer, const char *visit_infno, struct fep_error *error);
int translate_answer_out(struct host *host, struct ticket *ticket, struct slice answer,
                         const struct fep_result *result, struct fep_record **body, struct fep_error *error);
const struct fep_layout *translate_find_layout(const struct host *host, const char *name);

/* visits.c: a bounded memory of visit openers, least recently used out first. */
struct visit {
    char insured_area[AREA_SIZE], visit_id[32], infno[INFNO_SIZE];
    struct slice request, answer;
};
struct visit_cache *visits_create(size_t room);
void visits_destroy(struct visit_cache *cache);
const struct visit *visits_find(struct visit_cache *cache, const char *insured_area, const char *visit_id);
/* The one used last with that id, wherever it is insured. */
const struct visit *visits_find_anywhere(struct visit_cache *cache, const char *visit_id);
/* Shares the slices. Without memory nothing is remembered: it will be asked for again. */
void visits_remember(struct visit_cache *cache, const char *insured_area, const char *visit_id,
                     const char *infno, struct slice request, struct slice answer);

/* crosswalk.c: puts the next version in force when its day comes; called now and then. */
void crosswalk_tick(struct host *host);

/* capture.c: exchanges as masked examples, while an operator wants them. */
void capture_served(struct ticket *ticket, struct slice answer, const struct fep_result *result);
void capture_asked(struct fep_call *call, struct slice answer);
void capture_stop(struct host *host);

/* persons.c: what was last told about a person, and what a visit says of a later message of it. */
void persons_remember(struct host *host, const struct message_header *header, struct slice answer);
/* `insured_area` empty: not known yet. What is found is of this person only if its insured_area is the
 * request's. */
const struct visit *persons_find(struct host *host, const char *insured_area, const char *person);
/* Kind of treatment and insurance type, where the message itself does not say them: totals go by them. */
void persons_fill_index(struct slice visit_request, struct fep_index *index);

/* lines.c: before a settlement or a trial is given to the module. */
bool lines_are_needed(const struct fep_call *call);
/* Asks the router for them. Once, later: calls_lines_done. Negative with the error: not begun. */
int lines_begin(struct fep_call *call, int64_t time_left_ms, struct fep_error *error);
void lines_stop(struct fep_call *call); /* nothing is called any more; harmless if none are asked for */

/* prompts.c: lines of another place without a local code, told to the router until it has them (rule R4). */
void prompts_note(struct fep_call *call, const struct fep_record *record);
void prompts_raise(struct fep_call *call); /* the upload is posted: its notes become prompts */
void prompts_raise_late(struct host *host, const struct fep_attempt *attempt); /* after all it was posted */
void prompts_drop(struct fep_call *call);
void prompts_move(struct fep_call *whole,
                  struct fep_call *part); /* a part's notes become those of the whole */
void prompts_on_acked(struct host *host, uint64_t id);
void prompts_offer_again(struct host *host, bool all);
void prompts_finish(struct host *host);

/* own_calls.c: what the host itself asks of the local system, one query at a time. */
typedef void own_call_done(void *arg, enum fep_kind kind, const struct fep_result *result,
                           struct slice answer);
/* Takes `input`. 0, and done is called once, later; negative with the error: not begun (code FEP_E_BOUND: no
 * place for it now). `day` is the accounting day that it is about, 0 = none. */
int own_call_begin(struct host *host, const char *infno, struct json_object *input, uint32_t day,
                   int64_t time_ms, own_call_done *done, void *arg, struct fep_error *error);
void own_call_forget(struct host *host, void *arg); /* done is not called any more */
void own_call_settle(struct fep_call *call);

/* services.c */
void services_init(struct host *host);
/* NULL: not in the table of transactions, or there is no table. */
const struct transaction *host_find_transaction(const struct host *host, const char *infno);
/* What the module can do with this mapping: what the mapping has no word for can not be asked, either. */
uint32_t host_abilities(const struct host *host);
void host_log(struct host *host, int severity, const char *what, int64_t number);
void host_fail(struct host *host, int exit_code, const char *why, int64_t number);

/* run.c: builds the instance and turns its loop until exit_code is set. `settings`, module, config and
 * mapping are in place. Returns the exit code. */
int host_run(struct host *host);
/* SIGTERM, DRAIN: nothing new, finish the rest, at the latest after limit_ms. */
void host_drain(struct host *host, int64_t limit_ms);

#endif
