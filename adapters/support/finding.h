/* What an inquiry or a reversal found, by the words that mapping files use for it. Pure. Threads: any. */
#ifndef FEP_SUPPORT_FINDING_H
#define FEP_SUPPORT_FINDING_H

#include <fep/adapter.h>

/* The word of a finding (enum fep_finding); empty if it is none. */
const char *support_finding_word(uint32_t finding);
/* The finding of that word; -1 if it is none, or NULL. */
int support_finding_by_word(const char *word);

#endif
