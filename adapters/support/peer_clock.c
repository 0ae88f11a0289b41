/* How far another system's clock is from ours: dates and times of the wire become seconds, which are
 * compared. Keeps nothing; whether an offset matters is the caller's to say. */
#include "peer_clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t
peer_clock_seconds(uint32_t date, uint32_t clock)
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
peer_clock_our_seconds(const struct fep_host *host)
{
    uint32_t date, clock;
    host->read_local_time(host->self, &date, &clock);
    return peer_clock_seconds(date, clock);
}

int64_t
peer_clock_offset_s(const struct fep_host *host, uint32_t date, uint32_t clock)
{
    return peer_clock_seconds(date, clock) - peer_clock_our_seconds(host);
}

int64_t
peer_clock_stamp_offset_s(const struct fep_host *host, const char *stamp)
{
    char date[9] = "";
    if (strlen(stamp) != 14)
        return -peer_clock_our_seconds(host);
    memcpy(date, stamp, 8);
    return peer_clock_offset_s(host, (uint32_t)strtoul(date, NULL, 10),
                               (uint32_t)strtoul(stamp + 8, NULL, 10));
}
