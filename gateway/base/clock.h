/* Time behind one table, so that tests own it. Monotonic time orders and expires; wall time is only shown, dated and
 * logged. The local systems' time is China Standard Time (UTC+8) without zone. */
#ifndef FEP_CLOCK_H
#define FEP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t (*monotonic_ms)(void *self);
    int64_t (*wall_ms)(void *self); /* since 1970-01-01 UTC */
    void *self;
};
extern const struct clock clock_system;

static inline int64_t
clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->self);
}

static inline int64_t
clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->self);
}

uint32_t clock_date(int64_t wall_ms); /* yyyymmdd in UTC+8 */
uint32_t clock_time(int64_t wall_ms); /* hhmmss in UTC+8 */
/* Days from `from` to `to`, both yyyymmdd; negative if `to` is earlier. */
int clock_days_between(uint32_t from, uint32_t to);
/* Is it a day of the calendar, 1900-01-01 to 9999-12-31? */
bool clock_date_is_valid(uint32_t date);
/* "2026-11-22T10:15:02.123+08:00" into out[32]. */
void clock_format(int64_t wall_ms, char out[32]);

#endif
