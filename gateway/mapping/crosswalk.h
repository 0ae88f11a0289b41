/* The catalogue crosswalk of a region in memory: local code <-> national code. Internal to the mapping engine;
 * crosswalk_read.c reads files, crosswalk.c looks up and chooses the version. One thread. */
#ifndef FEP_CROSSWALK_H
#define FEP_CROSSWALK_H

#include "arena.h"
#include "mapping.h"

struct crosswalk_row {
    struct mapping_item item;
    int line;
};
struct crosswalk {
    struct arena arena;
    struct crosswalk_row *rows;               /* by local code */
    const struct crosswalk_row **by_national; /* those that have a national code */
    size_t count, room, national_count;
    char version[24];
    uint32_t next; /* the next later version in the directory, yyyymmdd; 0: none */
    char *file;    /* the file in force */
};

/* Where problems go: "FILE:LINE: what", without what the caller puts in front. */
struct crosswalk_report {
    void (*problem)(void *arg, const char *text);
    void *arg;
    size_t problems;
};

/* Reads one file. NULL without memory or if it can not be opened; else look at report->problems. */
struct crosswalk *crosswalk_read(const char *path, struct crosswalk_report *report);
void crosswalk_problem(struct crosswalk_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `path`: a file, or a directory of versions YYYYMMDD.csv, of which the newest not after `today` is read.
 * NULL with a problem reported if there is any. */
struct crosswalk *crosswalk_load(const char *path, uint32_t today, struct crosswalk_report *report);
void crosswalk_destroy(struct crosswalk *crosswalk);
/* The other code, or NULL. Among several rows the one valid on `date` (yyyymmdd, 0 = any) wins, else the
 * newest. */
const char *crosswalk_find(const struct crosswalk *crosswalk, unsigned direction, const char *code,
                           size_t size, uint32_t date);

#endif
