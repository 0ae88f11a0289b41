/* How far another system's clock is from ours. Pure but for the host's clock; can not fail, a stamp that is
 * no time gives some large offset. */
#include "clock.h"

#include <time.h>

static int64_t
seconds_of(uint32_t date, uint32_t clock)
{
    struct tm tm = {.tm_year = (int)(date / 10000) - 1900,
                    .tm_mon = (int)(date / 100 % 100) - 1,
                    .tm_mday = (int)(date % 100),
                    .tm_hour = (int)(clock / 10000),
                    .tm_min = (int)(clock / 100 % 100),
                    .tm_sec = (int)(clock % 100)};
    return (int64_t)timegm(&tm);
}

int64_t
clock_offset_s(const struct fep_host *host, uint32_t date, uint32_t clock)
{
    uint32_t our_date, our_clock;
    host->read_local_time(host->self, &our_date, &our_clock);
    return seconds_of(date, clock) - seconds_of(our_date, our_clock);
}
