/* A profile: what one platform's edition of the interface looks like. Every name and code on the wire stands in the profile
 * file (schema/profile.md); none in C. Does not change after it was read; threads: any. */
#ifndef FEP_NATIONAL_PROFILE_H
#define FEP_NATIONAL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fep/adapter.h>

enum { MOST_RULES = 40, MOST_TRANSACTIONS = 96, MOST_ERRORS = 96, MOST_INQUIRIES = 8, MOST_CATALOGUES = 16, INFNO_ROOM = 8, WORDS_ROOM = 640 };

/* Where a value comes from and where it goes; see schema/profile.md, "Rules". */
struct rule {
    char target[72], source[96], otherwise[72];
};
struct rules {
    struct rule list[MOST_RULES];
    size_t count;
};

struct profile_transaction {
    char infno[INFNO_ROOM], wire[INFNO_ROOM]; /* the gateway's number and the platform's */
    char path[128];
    struct rules fill, answer_fill; /* into input, into output, where there is nothing */
    struct rules serve_fill;        /* into the input of a request that came in */
    char drop[96];                  /* members of input that stay here */
    char answer_required[160];      /* paths of output without which an answer is of no use */
    char then[INFNO_ROOM];          /* what the platform wants to be told right after a good answer; empty: nothing */
    struct rules then_request;      /* its input */
    char serve_arrays[96];          /* members of the output that callers get as arrays, also a single one */
};

struct profile_inquiry {
    char of[96], infno[INFNO_ROOM];
    struct rules request;
    char rows[40];                            /* object or array in the output */
    char match[40], match_source[40];         /* the row whose member is this value is the original's */
    char undone[40], undone_value[8];         /* it was taken back since */
    struct rules rename;                      /* members of the row, in the language of the original's answer */
    char answer[40], answer_also[40];         /* where the row goes in the answer; an array that goes with it */
};

/* Totals of a day, asked for one kind after the other. */
struct profile_totals {
    char infno[INFNO_ROOM], result[64], equal[16]; /* path of the answer's word, and the one that means equal */
    struct rules request;                          /* for each row of the canonical question */
};

/* How files travel: up as a form with the message in one part, down as the body of an answer. */
struct profile_files {
    char upload[INFNO_ROOM], message_part[40], file_part[40], number[64]; /* path of the file's number */
    char download[INFNO_ROOM];
    struct rules upload_request, download_request;
    struct rules upload_answer; /* to a caller */
};

/* Details of a day: our rows as a file, a question about it, the other side's rows as a file. */
struct profile_details {
    char infno[INFNO_ROOM], number[64], name[64]; /* paths of number and name of the answer's file */
    char columns[240], result_columns[320];       /* names of the columns; "-" is of no use here */
    char equal[8], only_there[8], only_here[8], differs[8]; /* last character of a row's word */
    struct rules request, answer; /* answer: to a caller */
};

/* A catalogue that comes as a file. */
struct profile_catalogue {
    char list_type[4], infno[INFNO_ROOM], number[64], name[64], columns[640];
    struct rules request, row; /* row: members of a canonical row that no column says */
    struct rules download;     /* input of the download; none: as of other files */
};

struct profile_error {
    char code[16], class; /* class: N R U */
    unsigned canonical;
};

struct profile {
    char name[40];
    char endpoint[160], prefix[128], content_type[80];
    struct rules request;
    char input[32], infcode[32], texts[96], reference[32], output[32], received[32], responded[32];
    bool input_as_text, infcode_as_text;
    char good[48], uncertain[48], http_refused[64], posting[WORDS_ROOM], answer_drop[320];
    struct profile_error errors[MOST_ERRORS];
    size_t error_count;
    struct profile_error otherwise; /* a code that is not listed */
    struct profile_transaction transactions[MOST_TRANSACTIONS];
    size_t transaction_count;
    struct profile_inquiry inquiries[MOST_INQUIRIES];
    size_t inquiry_count;
    struct {
        char infno[INFNO_ROOM], of[WORDS_ROOM];
        struct rules request;
    } reversal;
    struct {
        char infno[INFNO_ROOM], answer[64], refused[48]; /* codes that say: sign in again */
        bool bearer; /* its number goes as Authorization: Bearer too */
        struct rules request;
    } sign_in;
    struct profile_totals totals; /* of each of these: an empty infno, there is none */
    struct profile_files files;
    struct profile_details details;
    struct profile_catalogue catalogues[MOST_CATALOGUES];
    size_t catalogue_count;
    struct rules index; /* of the gateway's index: target is its member, source a path of output */
    char echo[64];      /* a path of output that repeats our msgid */
    struct {
        char refused[16], open[16], good[16];
        char person[160]; /* names of members that name the person, best first */
        char sign_in[32], sign_out[32], sign_in_answer[64]; /* answered here */
        bool bearer; /* only who shows a number that was given here, as Authorization: Bearer, is served */
        struct rules head; /* of the gateway's header: target is its field, source a member of input, anywhere */
    } serve;
};

/* Reads a profile. 0, or -1 with the first problem. Its group `seal` is not looked at here. */
int profile_read(const char *path, struct profile *profile, struct fep_error *error);

/* Is `word` one of `words`, which have blanks between them? */
bool profile_lists(const char *words, const char *word);
/* The next of the words: size, 0 at the end; *at moves on. */
size_t profile_next_word(const char **at, const char **word);
/* By the gateway's number or by the platform's; NULL: nothing special is said about it. */
const struct profile_transaction *profile_find(const struct profile *profile, const char *infno);
const struct profile_transaction *profile_find_wire(const struct profile *profile, const char *wire);
const struct profile_inquiry *profile_find_inquiry(const struct profile *profile, const char *infno);

#endif
