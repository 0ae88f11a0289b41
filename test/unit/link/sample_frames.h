/* One well-formed frame of every kind, with every section that the kind may have: for tests and as the
 * fuzzer's seeds. */
#ifndef FEP_SAMPLE_FRAMES_H
#define FEP_SAMPLE_FRAMES_H

#include "frame.h"

/* How many there are: two for each kind, with all and with only the required sections. */
size_t sample_count(void);
/* The index-th; its slices point to constants. */
void sample_frame(size_t index, struct frame *frame);
/* Encoded; the caller frees it. */
unsigned char *sample_bytes(size_t index, size_t *size);

#endif
