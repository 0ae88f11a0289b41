/* Clocks of other systems, in China Standard Time without zone. */
#ifndef FEP_FIXED_CLOCK_H
#define FEP_FIXED_CLOCK_H

#include <fep/adapter.h>

/* Seconds by which a stamp (yyyymmdd, hhmmss) is ahead of our clock; negative: behind. Host's thread only. */
int64_t clock_offset_s(const struct fep_host *host, uint32_t date, uint32_t clock);

#endif
