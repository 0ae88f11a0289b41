/* Core outcomes <-> the result section of frames. */
#ifndef FEP_OUTCOME_CODEC_H
#define FEP_OUTCOME_CODEC_H

#include "core.h"
#include "frame.h"

void outcome_to_frame(const struct core_outcome *outcome, struct frame *frame);
void outcome_from_frame(const struct frame *frame, struct core_outcome *outcome);

#endif
