/* The kinds of torture; each returns 0, or negative after saying what was wrong. */
#ifndef TORTURE_H
#define TORTURE_H

#include "life.h"

struct torture_counts {
    unsigned lives, syncs, images, twice;      /* power cuts */
    unsigned faults, struck, refused, failed;  /* operations that fail: the store did not open, or ended */
    unsigned full_disks, turned_away;            /* disks that were full; second ones on a store */
    unsigned survived, reopened;               /* went on; states opened afterwards */
    unsigned damages, said, quarantined, harmless; /* damaged files */
};

/* A store, its crash images, and two stores on the ruins of it. */
int torture_crash_images(uint64_t seed, int clear, unsigned images, struct torture_counts *counts);
/* The same on a disk that does not keep the queue's log when it is synced: negative, or the torture sees nothing. */
int torture_lying_disk(uint64_t seed);
/* A short life in which the n-th operation of a kind fails. *beyond: there were fewer than n. */
int torture_fault(int kind, unsigned n, int code, int lasting, struct torture_counts *counts, int *beyond);
/* A short life on a disk on which files may grow by `bytes`, until there is room again. *beyond: that was enough. */
int torture_full_disk(uint64_t seed, int64_t bytes, struct torture_counts *counts, int *beyond);
/* A second one tries to open the store all the time. */
int torture_two(uint64_t seed, struct torture_counts *counts);
/* A closed store, damaged in one place after the other; `per_page` places in each page, in one page out of `share`. */
int torture_damage(uint64_t seed, unsigned per_page, unsigned share, struct torture_counts *counts);

#endif
