/* What a state of an exchange means to a person: the answers that `fepctl why` gives. */
#ifndef FEP_WHY_TEXT_H
#define FEP_WHY_TEXT_H

#include "exchange_record.h"

struct why_text {
    const char *happened, *effect, *next, *person; /* one sentence or two each, never NULL */
};

/* From the record alone, in Chinese or English. Constant texts. */
void why_describe(const struct exchange_record *record, bool chinese, struct why_text *text);
/* What is being done about a reversal; NULL if nothing is to be said. */
const char *why_describe_cure(const struct exchange_record *record, bool chinese);

#endif
