/* CRC-32 of IEEE 802.3, as in zlib. Pure. Threads: any after the first call. */
#ifndef FEP_FIXED_CRC_H
#define FEP_FIXED_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t fixed_crc32(const unsigned char *data, size_t size);
/* Goes on from `crc`, which is 0 for the first bytes. */
uint32_t fixed_crc32_add(uint32_t crc, const unsigned char *data, size_t size);

#endif
