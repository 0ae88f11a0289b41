/* Which serials were refused and may come again, and when each refusal had gone to its caller. Host's thread
 * only. */
#ifndef FEP_SUPPORT_REFUSALS_H
#define FEP_SUPPORT_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

enum { REFUSALS_MOST = 512, REFUSALS_SERIAL_SIZE = 48 };

/* Moments are numbers that count up at each accept and each answer handed over. All zero: nothing was
 * refused. */
struct refusal_memory {
    struct refused_serial {
        char serial[REFUSALS_SERIAL_SIZE];
        uint64_t handed_over; /* UINT64_MAX: never */
    } entries[REFUSALS_MOST];
    size_t next;
    uint64_t floor; /* what was forgotten was handed over at the latest then */
};

/* `now` is the moment of this call; what is forgotten to make room counts as handed over by then at the
 * latest. */
void refusals_note(struct refusal_memory *memory, const char *serial, uint64_t handed_over, uint64_t now);
/* The moment at which its refusal was handed over; of a serial that is not here: the latest at which it can
 * have been. */
uint64_t refusals_handed_over(const struct refusal_memory *memory, const char *serial);

#endif
