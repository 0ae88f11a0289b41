/* When requests were answered first, so that a repeat is answered with the same bytes: the clock in an answer's head, and a
 * checksum of what was asked. One file per day of the caller's serials. A help for bytes, never the truth about a posting: that
 * is in the gateway's store. Host's thread only. */
#ifndef FEP_FIXED_ANSWERS_H
#define FEP_FIXED_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANSWER_DAYS = 7 };

struct answer_book {
    char directory[400];
    uint32_t swept; /* day of the last sweep */
};

struct answered {
    uint64_t content;
    uint32_t date, time, accounting_date;
};

/* Negative if the directory can not be used. */
int answers_open(struct answer_book *book, const char *directory);
/* Notes an answer that is about to be given for the first time. `today` is yyyymmdd. */
void answers_note(struct answer_book *book, const char *serial, const char *transaction, const struct answered *answered,
                  uint32_t today);
/* The first answer to this serial. False if it is not known. */
bool answers_find(const struct answer_book *book, const char *serial, const char *transaction, struct answered *answered);

#endif
