/* The serving side: a local system is the gateway's client. A client is a connection; a request is one record of it that is
 * with the host, and the host's ticket. Host's thread only. */
#ifndef FEP_FIXED_SERVER_H
#define FEP_FIXED_SERVER_H

#include "answers.h"
#include "fixed.h"
#include "listener.h"

enum { MAX_CLIENTS = 256, MOST_WINDOW = 16, REMEMBERED = 512, HEAD_ROOM = 4096, LOG_ERROR_LEVEL = 3, LOG_WARNING_LEVEL = 4, LOG_NOTICE_LEVEL = 5 };

struct server_wire { /* facts of the mapping file; see README.md */
    const char *transaction_field, *serial_field, *date_field, *time_field, *accounting_date_field, *count_field;
    const char *kind_field, *request_kind, *answer_kind, *version_field, *version, *direction_field, *serve_direction;
    const char *sender_field, *receiver_field, *peer_node, *node;
    const char *original_transaction_field, *original_serial_field, *return_field, *text_field, *reference_field;
    const char *good, *good_text, *wrong_seal, *wrong_date, *not_signed_on, *dated, *stored, *rows_needed;
    const char *serial_form, *reference_prefix, *reversal, *reversal_reference, *new_connection_is_new;
    const char *sign_on, *sign_on_password, *sign_on_window, *sign_on_answer_date, *sign_on_answer_clock;
    const char *sign_on_answer_window, *sign_off;
    const char *inquiry, *inquiry_length, *inquiry_reference, *inquiry_return;
};

/* Answers on their way out whose leaving is of interest: refusals that may be tried again. */
struct leaving {
    char serial[SERIAL_SIZE];
    uint64_t end; /* of the client's bytes */
    int64_t arrived_ms;
};

struct client {
    struct server *server;
    struct client *next, *before;
    uint64_t number;
    int fd;
    struct fep_watch *watch;
    struct fep_timer *timer;
    unsigned char *in, *out;
    size_t in_size, in_room, out_size, out_room, out_written;
    uint64_t out_total;        /* bytes that have left since it was accepted */
    uint64_t accepted, begun;  /* moments: of its accept, of the read that brought the first byte of what is being read */
    int64_t heard_ms, stuck_ms; /* last byte in; since when nothing goes out, 0: nothing to go */
    struct leaving leaving[MOST_WINDOW];
    size_t leaving_count;
    struct request *first;
    size_t open; /* requests with the host */
    unsigned window;
    bool signed_on, close_after, closing;
};

struct request { /* the ticket */
    struct client *client;
    struct request *next, *before;
    unsigned char *record; /* the head, as it came, and all behind it */
    size_t size;
    char transaction[LOCAL_SIZE], serial[SERIAL_SIZE];
    uint32_t date, time; /* of its receipt, by our clock; the accounting date is that day's */
    int64_t arrived_ms;
    uint64_t begun;
    bool copy; /* its answer is that of an earlier, equal request */
    /* Something is wrong with it, but if it repeats one that is stored that comes first: asked at the host, this waits. */
    bool probing;
    char class;
    uint32_t code;
    char text[128];
    struct file_job *job; /* the file it waits for, NULL: it is with the host */
    const char *special; /* a return code of this family's own in place of class and code */
};

/* A refusal that may be tried again: which later requests under its serial were certainly made afterwards? (hop rule 2) */
struct refusal {
    char serial[SERIAL_SIZE];
    uint64_t handed_over; /* UINT64_MAX: never */
    uint64_t client;      /* on this connection, and soon after it had come: */
    bool prompt;
};

struct server {
    struct two_way two_way;
    const struct fep_host *host;
    const struct fep_config *config;
    struct fixed_codec codec;
    struct server_wire wire;
    struct tcp_address address;
    struct answer_book answers;
    struct listener listener;
    struct client *first;
    size_t client_count, client_limit, request_count;
    unsigned window_limit;
    int64_t idle_ms, write_ms, prompt_ms, clock_tolerance_ms;
    unsigned char *scratch; /* one frame */
    uint64_t moment, client_number;
    uint32_t probe_counter;
    struct refusal refusals[REMEMBERED];
    size_t next_refusal;
    uint64_t refusal_floor; /* what was forgotten was handed over at the latest then */
    unsigned illegal_texts_told;
    struct files files;
    struct file_job *jobs;
    struct fep_timer *file_timer;
    int64_t file_wait_ms, file_poll_ms;
    uint32_t files_prepared[FILE_KINDS]; /* the last day whose file was made */
    bool draining, closing;
    struct fep_call *drain_call;
    struct fep_health health;
};

/* --- serving.c: the operations of adapter.h for an instance that serves --- */

int serving_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error);
void serving_report(struct server *server);
void serving_check_drained(struct server *server);

/* --- client.c: connections --- */

/* For the listener: a new client, unless there are as many as allowed. */
bool client_take(void *server, int fd);
/* Queues a frame (copied). `serial` not NULL: a refusal that may be tried again; it is noted when it has left. */
void client_send(struct client *client, const unsigned char *frame, size_t size, const char *serial, int64_t arrived_ms);
void client_close_all(struct server *server);
/* Closes those that have nothing under way. */
void client_close_idle(struct server *server);

/* --- desk.c: what a record means --- */

/* A record with a right length. Answers it, or hands it to the host. */
void desk_take_record(struct client *client, const unsigned char *record, size_t size);
/* The client is gone. */
void desk_forget(struct request *request);

/* --- request.c: what is with the host --- */

/* Takes a copy of the record. NULL without memory. */
struct request *request_create(struct client *client, const unsigned char *record, size_t size);
void request_free(struct request *request);
/* Hands it to the host, or answers why not. The request may be gone afterwards. */
void request_begin(struct request *request);
/* As request_begin, but first asks whether it repeats one that is stored; if not, it is refused with its class and code. */
void request_probe(struct request *request);
bool request_is_open(const struct server *server, const char *serial);

/* --- file_desk.c: files --- */

int file_desk_open(struct server *server, struct fep_error *error);
void file_desk_start(struct server *server);
void file_desk_close(struct server *server);
/* Is it a request for a file or a notice of one? `served`: and are there directories for it? */
bool file_desk_knows(const struct server *server, const char *transaction, bool *served);
/* Answers it now or later. */
void file_desk_take(struct request *request);

/* --- tell.c: what goes back --- */

struct answer {
    const char *code;               /* local return code */
    const char *text;               /* or NULL */
    const struct fep_record *body, *more; /* or NULL */
    bool posted;                    /* it has a serial of ours */
    const char *repeatable;         /* its serial, if it is a refusal that may be tried again */
};

/* To a record of which only the head is used. `request` NULL: the clock is now's. */
void tell_answer(struct client *client, const unsigned char *head, const struct request *request,
                 const struct answer *answer);
/* Class 'N', 'R' or 'U' and canonical code. */
void tell_refusal(struct client *client, const unsigned char *head, const struct request *request, char class,
                  uint32_t code, const char *text);
const char *tell_code(const struct server *server, char class, uint32_t canonical);
/* The bytes of an answer in server->scratch: their number, or negative with the error. */
long tell_make(struct server *server, const unsigned char *head, const struct request *request,
               const struct answer *answer, struct fep_error *error);
/* Our serial for one of theirs. */
void tell_reference(const struct server *server, const char *serial, char reference[SERIAL_SIZE]);

/* --- repeats.c --- */

void repeats_note(struct server *server, const char *serial, uint64_t handed_over, uint64_t client, bool prompt);
/* Was this request certainly made after every refusal of its serial was handed over? */
bool repeats_is_new(const struct server *server, const struct request *request);

#endif
