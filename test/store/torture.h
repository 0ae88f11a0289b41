/* The kinds of torture; each returns 0, or negative after saying what was wrong. */
#ifndef TORTURE_H
#define TORTURE_H

#include "life.h"

struct torture_counts {
    unsigned lives, syncs, images, twice;      /* power cuts */
    unsigned faults, struck, refused, failed;  /* operations that fail: the store did not open, or ended */
    unsigned survived, reopened;               /* went on; states opened afterwards */
    unsigned damages, said, quarantined, harmless, unsaid; /* damaged files */
};

/* A store, its crash images, and two stores on the ruins of it. */
int torture_crash_images(uint64_t seed, int clear, unsigned images, struct torture_counts *counts);
/* The same on a disk that does not keep the queue's log when it is synced: negative, or the torture sees nothing. */
int torture_lying_disk(uint64_t seed);
/* A short life in which the n-th operation of a kind fails. *beyond: there were fewer than n. */
int torture_fault(int kind, unsigned n, int code, int lasting, struct torture_counts *counts, int *beyond);
/* A closed store, damaged in one place after the other; `per_page` places in each page. */
int torture_damage(uint64_t seed, int clear, unsigned per_page, struct torture_counts *counts);

#endif
