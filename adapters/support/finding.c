/* The words of findings, the same for every mapping file. Must never take one word for another: what it does
 * not know is none. */
#include "finding.h"

#include <stddef.h>
#include <string.h>

static const char *const words[] = {[FEP_FOUND_NOTHING] = "nothing",
                                    [FEP_FOUND_POSTED] = "posted",
                                    [FEP_FOUND_REFUSED] = "refused",
                                    [FEP_FOUND_IN_PROGRESS] = "in_progress",
                                    [FEP_FOUND_REVERSED] = "reversed",
                                    [FEP_FOUND_CANCELLED] = "cancelled",
                                    [FEP_FOUND_NEVER_ARRIVED] = "never_arrived",
                                    [FEP_FOUND_STAYS_POSTED] = "stays_posted"};

enum { WORDS = sizeof words / sizeof *words };

const char *
support_finding_word(uint32_t finding)
{
    return finding < WORDS ? words[finding] : "";
}

int
support_finding_by_word(const char *word)
{
    for (int i = 0; word != NULL && i < WORDS; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    return -1;
}
