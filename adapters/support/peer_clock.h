/* How far another system's clock is from ours. Pure but for the host's clock; can not fail: a stamp that is no time gives
 * some large offset. Host's thread only. */
#ifndef FEP_SUPPORT_PEER_CLOCK_H
#define FEP_SUPPORT_PEER_CLOCK_H

#include <fep/adapter.h>

/* Seconds of a local date (YYYYMMDD) and time (hhmmss) since 1970, as if both were UTC. */
int64_t peer_clock_seconds(uint32_t date, uint32_t time);
/* The same of this moment by the host's local time. */
int64_t peer_clock_our_seconds(const struct fep_host *host);
/* Seconds by which the other system's clock is ahead of ours; negative: behind. */
int64_t peer_clock_offset_s(const struct fep_host *host, uint32_t date, uint32_t time);
/* Of "YYYYMMDDhhmmss". */
int64_t peer_clock_stamp_offset_s(const struct fep_host *host, const char *stamp);

#endif
