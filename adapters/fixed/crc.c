/* CRC-32 by a table of one entry per byte value: seals of records and whole files. */
#include "crc.h"

#include <stdbool.h>

static uint32_t table[256];

static void
fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
        table[i] = crc;
    }
}

uint32_t
fixed_crc32_add(uint32_t crc, const unsigned char *data, size_t size)
{
    if (table[1] == 0)
        fill_table();
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFFu];
    return ~crc;
}

uint32_t
fixed_crc32(const unsigned char *data, size_t size)
{
    return fixed_crc32_add(0, data, size);
}
