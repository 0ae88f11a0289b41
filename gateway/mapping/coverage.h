/* What a run of messages exercised of a mapping: marks by the address of what the mapping file says. Internal to the
 * mapping engine; only the integrator's tools watch, a host never does. One thread. */
#ifndef FEP_COVERAGE_H
#define FEP_COVERAGE_H

#include <stdbool.h>

struct coverage;
enum coverage_mark {
    MARK_IN = 1,    /* worked local -> canonical, with a value */
    MARK_OUT = 2,   /* canonical -> local */
    MARK_HELD = 4,  /* its condition held */
    MARK_FAILED = 8 /* its condition did not hold */
};

/* NULL coverage: nothing. A mark that finds no memory is lost, and shows as not covered. */
void coverage_mark(struct coverage *coverage, const void *what, unsigned marks);
unsigned coverage_of(const struct coverage *coverage, const void *what);
struct coverage *coverage_create(void);
void coverage_destroy(struct coverage *coverage);

#endif
