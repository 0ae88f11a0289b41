/* The bytes of a frame: offsets, limits and which kind has which sections. Shared by encoder, decoder and
 * peer; the same facts for readers stand in schema/frames.md. All numbers are big-endian.
 */
#ifndef FEP_FRAME_LAYOUT_H
#define FEP_FRAME_LAYOUT_H

#include <string.h>

#include "exchange_record.h"
#include "frame.h"

/* These numbers stand in frames: whoever changes them must make a new frame version. */
_Static_assert(STATE_UNKNOWN == 5 && STATE_REVERSING == 6 && STATE_ANSWERED == 7 && STATE_REFUSED == 8 && STATE_REVERSED == 9 && STATE_STANDS == 10 &&
                   STATE_COUNT == 11,
               "states travel as numbers");
_Static_assert(FEP_ANSWERED == 1 && FEP_UNKNOWN == 4 && FEP_REPEATABLE == 1 && FEP_EFFECT_POSTED == 1 &&
                   FEP_FOUND_STAYS_POSTED == 7 && FEP_STOPPING == 5,
               "results travel as numbers");
_Static_assert(FRAME_NOTICE == 12 && FRAME_BYE == 80 && FRAME_PROMPT == 85 && FRAME_CONTROL_REPLY == 129,
               "kinds travel as numbers");

enum { /* preamble */
       AT_MAGIC = 0,
       AT_VERSION = 4,
       AT_KIND = 5,
       AT_FLAGS = 6,
       AT_ACKED_KIND = 7,
       AT_SECTIONS = 8,
       AT_SIZE = 12,
       AT_SEQUENCE = 16,
       AT_EPOCH = 24,
       AT_RESERVED = 28,
       PREAMBLE_SIZE = 32
};
#define FRAME_MAGIC 0x46455046u /* "FEPF" */

enum { FLAG_FRESH = 1, FLAG_CALLER_INQUIRES = 2, FLAG_OK = 4, FLAG_MORE = 8, FLAG_ALL = 15 };

/* Sections 0..10 are known, 11..15 would change the meaning (an unknown one is an error), 16..31 may be
 * skipped. */
enum { SECTION_COUNT = 11, SECTION_WORD = 32 };
#define SECTIONS_CRITICAL 0xffffu

enum { /* bytes of the fixed sections, as this version writes them */
       TRAVEL_SIZE = 12,
       INDEX_SIZE = 136,
       RESULT_SIZE = 56,
       ATTEMPT_SIZE = 76,
       HELLO_SIZE = 72,
       FIXED_LIMIT = 1024, /* a later minor version may make a fixed section longer, never beyond this */
       TEXT_LIMIT = 255,
       SEAL_LIMIT = 4096,
       SKIPPED_LIMIT = 4096
};

#define TRAVEL_AT_TIME_LEFT 4

struct section_rule {
    const char *name;
    size_t least, most;
};
extern const struct section_rule frame_section_rules[SECTION_COUNT];

struct kind_rule {
    const char *name; /* NULL: no such kind */
    uint16_t required, allowed;
};
/* NULL if the kind is unknown or reserved. */
const struct kind_rule *frame_find_rule(unsigned kind);

static inline uint16_t
load_16(const unsigned char *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t
load_32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t
load_64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

static inline void
save_16(unsigned char *at, uint16_t value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static inline void
save_32(unsigned char *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}

static inline void
save_64(unsigned char *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load_* and save_* swap");

/* Where the TRAVEL section of a frame that frame_encode wrote begins; 0 if it has none. */
size_t frame_travel_offset(const unsigned char *encoded);
/* Where its sections begin, after preamble and lengths. */
size_t frame_sections_offset(const unsigned char *encoded);

#endif
