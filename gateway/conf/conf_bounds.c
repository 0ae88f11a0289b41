/* The table of bounds. Must have a finite default for everything that could grow: a gateway without a
 * `bounds` group is bounded too. Cannot fail. */
#include "conf_bounds.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)
#define BOUND(name, unit, member, value, minimum, maximum)                                                   \
    {                                                                                                        \
        name, unit, value, minimum, maximum, offsetof(struct conf, member),                                  \
            sizeof(((struct conf *)0)->member)                                                               \
    }

static const struct conf_bound bounds[] = {
    BOUND("max_in_flight", "exchanges per peer or instance", bounds.max_in_flight, 1000, 1, 100000),
    BOUND("max_queued", "open exchanges", bounds.max_queued, 100000, 1, 10000000),
    BOUND("max_queued_bytes", "bytes of open exchanges", bounds.max_queued_bytes, 256 * MIB, MIB,
          65536 * MIB),
    BOUND("max_queries", "queries waiting", bounds.max_queries, 10000, 1, 1000000),
    BOUND("max_body_bytes", "bytes of one body", max_body_bytes, 4 * MIB, 1024, 4 * MIB),
    BOUND("max_hops", "gateways on a path", bounds.max_hops, 8, 2, 32),
    BOUND("horizon_days", "days in which copies are recognised", bounds.horizon_days, 45, 2, 366),
    BOUND("adopt_wait_ms", "ms a late answer is waited for", bounds.adopt_wait_ms, 120000, 0, 600000),
    BOUND("repeat_ms", "ms between offers of a reversal", bounds.repeat_ms, 5000, 100, 600000),
    BOUND("unclear_ms", "ms until an unclear update raises an alarm", bounds.unclear_ms, 900000, 1000,
          86400000),
    BOUND("min_free_bytes", "bytes of free disk for new updates", min_free_bytes, 64 * MIB, MIB,
          1048576 * MIB),
    BOUND("ballast_bytes", "bytes of disk kept for outcomes and reversals", ballast_bytes, 16 * MIB, MIB,
          1024 * MIB),
    BOUND("router_silent_ms", "ms without a sign of life until the router is ended", router_silent_ms, 30000,
          3000, 600000),
    BOUND("batch_bytes", "bytes of one group commit", batch_bytes, 512 * 1024, 4096, 64 * MIB),
};

const struct conf_bound *
conf_bound_table(size_t *count)
{
    *count = sizeof bounds / sizeof *bounds;
    return bounds;
}

void
conf_bound_set(struct conf *conf, const struct conf_bound *bound, int64_t value)
{
    unsigned char *at = (unsigned char *)conf + bound->offset;
    if (bound->size == sizeof(uint8_t))
        memcpy(at, &(uint8_t){(uint8_t)value}, sizeof(uint8_t));
    else if (bound->size == sizeof(uint32_t))
        memcpy(at, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
    else
        memcpy(at, &(uint64_t){(uint64_t)value}, sizeof(uint64_t));
}

int64_t
conf_bound_get(const struct conf *conf, const struct conf_bound *bound)
{
    const unsigned char *at = (const unsigned char *)conf + bound->offset;
    uint32_t number;
    uint64_t large;
    if (bound->size == sizeof(uint8_t))
        return *at;
    if (bound->size == sizeof number) {
        memcpy(&number, at, sizeof number);
        return number;
    }
    memcpy(&large, at, sizeof large);
    return (int64_t)large;
}

void
conf_print_bounds(const struct conf *conf, conf_report_fn *print, void *arg)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        char line[160];
        snprintf(line, sizeof line, "%s = %" PRId64 " %s", bounds[i].name, conf_bound_get(conf, &bounds[i]),
                 bounds[i].unit);
        print(arg, line);
    }
}
