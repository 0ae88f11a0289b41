/* A local system's books: what is posted under which serial, and what it answers to a submission, a reversal, a cancel
 * and an inquiry. Written from the protocols' common rules; the verdict about money comes from here. */
#ifndef CORE_BOOKS_H
#define CORE_BOOKS_H

#include <stdint.h>
#include "core.h"

enum entry_state { ENTRY_POSTED = 1, ENTRY_REFUSED, ENTRY_REVERSED, ENTRY_BLOCKED };
struct entry {
    uint64_t serial;
    enum entry_state state;
    uint64_t cancels;      /* a cancel: the serial of what it cancels */
    uint64_t cancelled_by; /* the cancel in force, 0 = none */
    uint8_t declines_reversal, declines_cancel;
    uint16_t code;         /* of a refusal */
    char msgid[MSGID_SIZE];
};
enum { BOOKS_ENTRIES = 512 };
struct books {
    struct entry entries[BOOKS_ENTRIES];
    size_t count;
    int replays;      /* a repeated serial is answered from the store; else refused with 1005 */
    unsigned decline; /* per cent of postings whose reversal is declined */
};

/* `chance`: 0..99, drawn by the caller. */
void books_submit(struct books *books, uint64_t serial, const char *msgid, uint64_t cancels, unsigned chance,
                  struct core_outcome *outcome);
void books_reverse(struct books *books, uint64_t serial, struct core_outcome *outcome);
void books_inquire(const struct books *books, uint64_t serial, struct core_outcome *outcome);
struct entry *books_find(struct books *books, uint64_t serial);
/* Postings of this message in force, over all its serials. */
int books_in_force(const struct books *books, const char *msgid);

#endif
