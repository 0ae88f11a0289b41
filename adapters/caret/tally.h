/* What was posted at the local system under each accounting day, for the comparison of totals at the end of the day: one
 * file per day, a line per posting, a line per reversal. A help for the sign-out, never the truth about a posting: what is
 * missing here shows as a difference. Host's thread only. */
#ifndef FEP_CARET_TALLY_H
#define FEP_CARET_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_AMOUNTS = 4 };

struct tally {
    char directory[400];
};

struct tally_sums {
    uint64_t plus, minus; /* settlements, cancellations */
    int64_t amounts[TALLY_AMOUNTS]; /* net, in fen */
};

/* Negative if the directory can not be used. */
int tally_open(struct tally *tally, const char *directory);
/* A settlement, or (`minus`) a cancellation whose amounts are negative. Negative if it can not be written. */
int tally_add(const struct tally *tally, uint32_t date, const char *serial, bool minus,
              const int64_t amounts[TALLY_AMOUNTS]);
/* It was reversed. */
int tally_remove(const struct tally *tally, uint32_t date, const char *serial);
/* What stands on a day. False if the file can not be read as a whole. No file: nothing was posted. */
bool tally_sum(const struct tally *tally, uint32_t date, struct tally_sums *sums);
/* The day is closed. */
void tally_forget(const struct tally *tally, uint32_t date);

#endif
