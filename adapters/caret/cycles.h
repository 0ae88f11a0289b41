/* Business cycles of local operators: one open cycle per (institution, operator), numbered per day, kept in a small file
 * so that they outlive this process. Host's thread only. */
#ifndef FEP_CARET_CYCLES_H
#define FEP_CARET_CYCLES_H

#include <fep/adapter.h>

enum { CYCLE_INSTITUTION = 13, CYCLE_OPERATOR = 9, CYCLE_NUMBER = 31, MAX_CYCLES = 4096 };

struct cycle {
    char institution[CYCLE_INSTITUTION], operator[CYCLE_OPERATOR], number[CYCLE_NUMBER];
    bool open;
    bool compared; /* its day's totals were found equal, and nothing was posted since; not kept in the file */
};

struct cycle_book {
    char directory[400], path[512];
    struct cycle *cycles;
    size_t count, room;
};

/* Reads the file below `directory`; a missing one is an empty book. A damaged one is set aside (*damaged = true): its
 * operators are told to sign in again. Negative with the error if the directory can not be used. */
int cycles_open(struct cycle_book *book, const char *directory, bool *damaged, struct fep_error *error);
void cycles_close(struct cycle_book *book);

const struct cycle *cycles_find(const struct cycle_book *book, const char *number);
const struct cycle *cycles_find_open(const struct cycle_book *book, const char *institution, const char *operator);
/* A new cycle for an operator who has none open; on disk when this returns. NULL with the error: no number left today,
 * no room, or the file can not be written (nothing has changed then). `date` is yyyymmdd. */
const struct cycle *cycles_begin(struct cycle_book *book, const char *institution, const char *operator, uint32_t date,
                                 struct fep_error *error);
/* Closes it; on disk when this returns 0. Negative: nothing has changed. */
int cycles_end(struct cycle_book *book, const char *number, struct fep_error *error);
/* Whether the totals of its day were found equal; and that something was posted on a day. */
void cycles_set_compared(struct cycle_book *book, const char *number);
void cycles_forget_compared(struct cycle_book *book, uint32_t date);
/* yyyymmdd of a cycle number, 0 if it is none. */
uint32_t cycles_date(const char *number);

#endif
