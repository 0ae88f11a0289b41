/* A profile: what one platform's edition of the interface looks like. Every name and code on the wire stands in the profile
 * file (schema/profile.md); none in C. Does not change after it was read; threads: any. */
#ifndef FEP_NATIONAL_PROFILE_H
#define FEP_NATIONAL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fep/adapter.h>

enum { MOST_RULES = 40, MOST_TRANSACTIONS = 96, MOST_ERRORS = 96, MOST_INQUIRIES = 8, INFNO_ROOM = 8, WORDS_ROOM = 640 };

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
    char drop[96];                  /* members of input that stay here */
    char answer_required[160];      /* paths of output without which an answer is of no use */
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
        struct rules request;
    } sign_in;
    struct rules index; /* of the gateway's index: target is its member, source a path of output */
    char echo[64];      /* a path of output that repeats our msgid */
    struct {
        char refused[16], open[16], good[16];
        char person[160]; /* names of members that name the person, best first */
        char sign_in[32], sign_out[32], sign_in_answer[64]; /* answered here */
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
