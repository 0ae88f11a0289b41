/* Messages: canonical bodies <-> envelopes of a profile. Pure: the clock, the numbers and the bytes are
 * given. Amounts, unknown members and signatures pass byte for byte. Threads: any. */
#ifndef FEP_NATIONAL_MESSAGE_H
#define FEP_NATIONAL_MESSAGE_H

#include "json.h"
#include "profile.h"
#include "writer.h"

/* What rules may take values from. Texts may be NULL: nothing there. */
struct scope {
    const char *infno, *wire, *msgid, *treat_area, *insured_area, *institution;
    const char *sign_no, *serial20, *option_opter;
    uint32_t date, time, millisecond; /* yyyymmdd, hhmmss */
    const struct json *body;          /* the canonical request */
    int input;                        /* its input; -1: none */
    int row;                          /* of the body, for "row."; 0: none */
    const char *file_number, *file_name;
    bool makes_arrays; /* an array that is not there is made, with one element */
    const struct json *answer;        /* the output of an answer, for sums and paths of it; NULL: none */
};

/* Appends the value as JSON. 1 written, 0 there is none, -1 the source is none. */
int message_source(const struct scope *scope, const char *source, const char *otherwise, struct writer *out);
/* The same as plain text; -1 also if it does not fit. */
int message_source_text(const struct scope *scope, const char *source, char *out, size_t room);

/* Writes the object `root` of json as it stands, but what is missing in it filled by the rules, and without
 * the members named in `drop` (may be NULL). 0, or -1 with the error (1003). */
int message_fill(const struct scope *scope, const struct json *json, int root, const struct rules *rules,
                 const char *drop, struct writer *out, struct fep_error *error);

/* The envelope of a canonical request; scope->body and ->input are it. `own` (may be NULL): the input is made
 * by these rules instead (inquiry, reversal, sign-in). 0, or -1 with the error (1003). */
int message_request(const struct profile *profile, const struct scope *scope, const struct rules *own,
                    struct writer *out, struct fep_error *error);

/* An object made by these rules alone. 0, or -1 with the error (1003). */
int message_made(const struct scope *scope, const struct rules *rules, struct writer *out, struct fep_error *error);

/* An envelope that a caller sent. */
struct request {
    struct json envelope, input;
    char *input_text; /* owned: input that came as text, decoded */
    char wire[INFNO_ROOM];
    const char *infno; /* set by who uses it */
};
/* Reads an envelope; its input may be an object, a text that holds one (as it is or in Base64), null or
 * nothing. `text` must live as long as the request; request_finish in any case. 0, or -1 with the error (its
 * text may be empty). */
int request_read(const struct profile *profile, const char *text, size_t size, struct request *request,
                 struct fep_error *error);
void request_finish(struct request *request);
/* The member of the envelope that the profile fills from this source when it asks: as doc_text. */
long request_source(const struct profile *profile, const struct request *request, const char *source,
                    char *out, size_t room);
/* Our clocks and numbers stay here; all else of the envelope travels, each member as it stands. What the canonical form has
 * and this interface has not is filled into the input (serve_fill). 0, or -1 with the error (1003: no value by a rule). */
int request_canonical(const struct profile *profile, const struct request *request, struct writer *out,
                      struct fep_error *error);
/* The output of a canonical answer as callers get it: members named in serve_arrays as arrays. `transaction` may be NULL,
 * `output` -1: "{}". */
void answer_output(const struct profile_transaction *transaction, const struct json *body, int output,
                   struct writer *out);

/* A JSON string that holds JSON, as it is or in Base64: its text (malloc'd, the caller's, may be NULL) and
 * length, -1 if it holds none. */
long message_open_text(const struct json *json, int node, char **text);

/* What an answer says. */
struct verdict {
    enum fep_kind kind; /* ANSWERED: infcode said good */
    enum fep_reason reason;
    enum fep_refusal_class refusal_class;
    unsigned code;
    bool sign_in_again;
    char text[256], reference[40];
    struct json body;   /* the envelope */
    struct json output; /* when ANSWERED and readable */
    char *output_text;  /* owned: output that came as text, decoded */
    bool has_output;
};
/* Reads what came instead of or as an answer. `posts`: it changes something there, so what can not be read is
 * unknown. `content` must live as long as the verdict; verdict_finish in any case. */
void verdict_read(const struct profile *profile, bool posts, int status, const char *content, size_t size,
                  struct verdict *verdict);
void verdict_finish(struct verdict *verdict);

/* The canonical answer of a good verdict, completed by the transaction's rules. 0, or -1 with the error: it
 * can not be used (a required member is missing). */
int message_answer_in(const struct profile *profile, const struct profile_transaction *transaction,
                      const struct scope *scope, const struct verdict *verdict, struct writer *out,
                      struct fep_error *error);
/* A member of the gateway's index, "" if the answer does not say. */
void message_index(const struct profile *profile, const struct json *output, const char *member, char *out,
                   size_t room);

/* What an inquiry's answer says of the original: a finding, or -1 if it can not be read. With `posted` the
 * original's answer is written, and *row is it. */
int message_inquired(const struct profile *profile, const struct profile_inquiry *inquiry,
                     const struct scope *scope, const struct verdict *verdict, struct writer *out);

#endif
