/* The module's own parts: tasks (one per call, each with its transfers) and the desk of those who call us.
 * Host's thread only, but for what server.h says. */
#ifndef FEP_NATIONAL_H
#define FEP_NATIONAL_H

#include <curl/curl.h>
#include <stdio.h>

#include "message.h"
#include "seal.h"
#include "two_way.h"

enum {
    MAX_TASKS = 512,
    MAX_LATE = 16,
    MAX_BODY = 4 << 20, /* of a message, either way */
    MAX_TOKENS = 1024,
    MAX_FILES = 32,
    MAX_QUIET = 256,    /* originals whose absence is being waited out */
    LOG_ERROR_LEVEL = 3,
    LOG_WARNING_LEVEL = 4
};
enum { OP_SIGN_IN = 0, OP_PROBE = 100 }; /* beside enum fep_operation: errands of our own */

struct national;

/* What a transfer is for. */
enum step {
    STEP_SEND = 1,
    STEP_CHECK,
    STEP_UNDO,
    STEP_TOTALS, /* this one and those after it: statement.h */
    STEP_UPLOAD,
    STEP_DETAILS,
    STEP_CATALOGUE,
    STEP_DOWNLOAD,
    STEP_THEN /* the answer is there; the platform wants to be told more about it */
};

struct task {
    struct task *next, *before;
    struct national *national;
    struct fep_call *call; /* NULL once completed, and for errands of our own */
    struct fep_attempt attempt;
    uint32_t operation;
    enum step step;
    bool late, posts, absent; /* absent: the check found nothing of the original */
    char infno[INFNO_ROOM], wire[INFNO_ROOM], msgid[40], treat_area[8], insured_area[8], institution[40];
    char own_msgid[40], serial20[24];
    char *body_text;
    struct json body;
    int input;
    struct fep_record *found; /* the original's answer, by the check before a reversal */
    struct fep_timer *timer;
    /* the transfer */
    CURL *easy;
    struct curl_slist *headers;
    struct writer out, in;
    size_t offset;
    bool left;      /* a byte of the request may have left */
    bool too_large; /* the answer */
    struct fep_result kept; /* with `found`, in STEP_THEN: how the call ends */
    struct writer then_text;
    struct json then_output;
    bool repeated;
    char content_type[96]; /* empty: the profile's */
    /* a statement */
    size_t row;  /* of the totals, or number of the catalogue */
    bool differs;
    struct writer in_rows;
    char file_number[64], file_name[208];
    FILE *file; /* what is coming down; NULL: nothing yet */
    int64_t file_size;
};

/* Rows that were read from a file, on the disk. */
struct statement {
    FILE *file;
    long *at, end; /* where each row begins, and behind the last one */
    size_t count, room;
    char infno[INFNO_ROOM], list_type[8], version[64];
    uint32_t day;
    bool whole;
};

struct socket_watch {
    struct socket_watch *next;
    struct national *national;
    curl_socket_t fd;
    struct fep_watch *watch;
};

struct server;
struct exchange;
struct comparison;

/* A file that a caller gave, or is to get. */
struct served_file {
    FILE *file; /* NULL: no file */
    size_t size;
    char number[40], name[208], institution[16];
};

struct national {
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct profile profile;
    bool serves, tls;
    char area[8];
    struct fep_call *drain_call;
    bool draining, closing;
    struct fep_health health;
    uint32_t number;   /* of our own message ids and references */
    struct seal *seal; /* NULL: neither signed nor encrypted */
    /* calling */
    char base[160];
    struct curl_slist *connect_to; /* NULL: the name in the address is the address */
    const char *file_directory;
    int64_t max_file;
    struct statement statement;
    const char *institution, *ca_file, *certificate_file, *key_file;
    long connections;
    int64_t connect_ms, late_ms, quiet_ms, pause_min_ms, pause_max_ms, pause_ms;
    CURLM *multi;
    struct fep_timer *multi_timer, *errand_timer;
    struct socket_watch *watches;
    struct task *first_task, *last_task;
    size_t task_count;
    char sign_no[64];
    bool signed_in, on_errand;
    struct quiet {
        uint64_t serial;
        uint32_t date;
        int64_t since_ms;
    } quiet[MAX_QUIET];
    size_t quiet_next;
    /* serving */
    struct server *server;
    char tokens[MAX_TOKENS][48]; /* numbers given at sign-in, the oldest is given up first */
    size_t token_next;
    struct served_file files[MAX_FILES]; /* the oldest is given up first */
    size_t file_next;
    struct comparison *comparisons;
    size_t comparison_count;
    struct ticket *first_ticket;
    size_t ticket_count;
};

/* --- client.c: calls --- */
void client_begin(struct national *national, struct fep_call *call, uint32_t operation,
                  const struct fep_message *message);
void client_cancel(struct national *national, struct fep_call *call, enum fep_reason reason);
int client_open(struct national *national, struct fep_error *error);
void client_start(struct national *national);
void client_drain(struct national *national);
void client_close(struct national *national);
/* Sign-in, or a look whether the line is there; after a pause, if asked before. */
void client_run_errand(struct national *national);
void client_report(struct national *national, enum fep_state state, const char *reason);
void client_check_drained(struct national *national);
/* The transfer of a task is over. The task may be gone afterwards. */
void client_transferred(struct task *task, CURLcode code);

/* Completes the task's call, or reports a late answer; takes `answer`. The task is gone afterwards, in all of
 * these. */
void task_finish(struct task *task, enum fep_kind kind, const struct fep_result *result,
                 struct fep_record *answer);
/* Of an inquiry or a reversal; `more` may be NULL. */
void task_found(struct task *task, enum fep_finding finding, const char *text, struct fep_record *answer,
                const struct fep_result *more);
/* No complete answer came. */
void task_lost(struct task *task, enum fep_reason reason, const char *text);
void task_end_errand(struct task *task, bool good, const char *why);
/* Sends what the task's step says. */
void task_advance(struct task *task);
/* What rules may use. */
void task_scope(const struct task *task, struct scope *scope);

/* --- answer.c: what answers mean --- */
/* A whole HTTP answer is in task->in. The task may be gone afterwards. */
void answer_take(struct task *task);

/* STEP_THEN is over; the call ends as it would have. */
void task_end_then(struct task *task, bool good);
/* What a verdict is for the call. */
struct fep_result task_result(const struct task *task, const struct verdict *verdict);

/* --- files.c: files on their way --- */
/* A file without a name in option file_directory; NULL with the error. */
FILE *files_create(const struct national *national, struct fep_error *error);
/* Bytes of an answer to a download; *taken: they went into the task's file, else they belong to a message. False: they can not
 * be written, or are too many. */
bool files_take(struct task *task, const char *data, size_t size, bool *taken);
/* Makes a form of the task's message and a file. False: no memory. */
bool files_wrap(struct task *task, const char *name, const char *file, size_t size);

/* --- link.c: transfers in the host's loop --- */
int link_open(struct national *national, struct fep_error *error);
void link_close(struct national *national);
/* Begins the transfer of task->out; false: it can not be (no memory). */
bool link_send(struct task *task, const char *path);
void link_drop(struct task *task);

/* --- keys.c: signing and encrypting --- */
int keys_open(struct national *national, struct fep_error *error);
void keys_close(struct national *national);
/* The message of a task as it goes out, with its headers. An enum seal_status. */
int keys_seal_request(struct task *task, struct fep_error *error);
/* The headers of a form, which the message in it was sealed without; false: they can not be made. */
bool keys_sign_form(struct task *task);

/* --- desk.c: what callers ask --- */
int desk_open(struct national *national, struct fep_error *error);
void desk_drain(struct national *national);
void desk_close(struct national *national);
void desk_report(struct national *national);
/* Answers an exchange; `canonical` may be empty. */
void desk_reply(struct national *national, struct exchange *exchange, const char *infcode, const char *received,
                const char *text, struct fep_bytes canonical);
bool desk_set_head(const struct fep_host *host, struct fep_record *head, const char *name, const char *text);
/* Something that was counted in ticket_count is over. */
void desk_one_less(struct national *national);

/* 12 characters of the institution (or area), the clock, four digits: the form that the interface wants. */
void national_draw_msgid(struct national *national, const char *institution, char out[40]);
/* Wall time in milliseconds since 1970 UTC, by the host's clock. */
int64_t national_wall_ms(const struct national *national);
struct fep_result national_result(enum fep_reason reason);
void national_copy(char *out, size_t room, const char *text);

#endif
