/* What became of the exchanges of this run and how long their parts took, for graphs: counters that only grow.
 * Wall-clock times, so never a reason for a decision. One thread. */
#ifndef FEP_FIGURES_H
#define FEP_FIGURES_H

#include <json-c/json.h>

#include "exchange_record.h"

enum figure_part { PART_WHOLE, PART_LOCAL, PART_QUEUE, PART_LINK, PART_REMOTE, PART_COUNT };

#define FIGURE_BOUNDS 13 /* upper bounds of the buckets; what is above them counts in the last place */
#define FIGURE_ROLES  4  /* by enum exchange_role; 0 is not used */

struct figures {
    uint64_t ended[FIGURE_ROLES][STATE_COUNT];
    uint64_t reasons[FEP_REASON_COUNT];
    struct {
        uint64_t buckets[FIGURE_BOUNDS + 1], sum_ms;
    } parts[PART_COUNT];
};

/* The milliseconds a part of an exchange took; -1: it never got there. At the destination the local system is what
 * is waited for, elsewhere it is the far side. */
int64_t figures_part_ms(const struct exchange_record *record, enum figure_part part);
/* Counts an exchange whose ending is on disk. */
void figures_count(struct figures *figures, const struct exchange_record *record);
/* {"bounds_ms":[...],"parts":{"whole":{"buckets":[...],"sum_ms":N},...},"ended":{"origin":{"answered":N,...},...},
 * "reasons":{"deadline":N,...}}; buckets are not cumulative. */
struct json_object *figures_describe(const struct figures *figures);

#endif
