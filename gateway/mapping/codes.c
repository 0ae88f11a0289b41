/* Code lists at work. Case and surrounding blanks are folded; leading zeros count. */
#include "coverage.h"
#include "model.h"

#include <string.h>
#include <strings.h>

static bool
is_equal(const char *known, const char *value, size_t size)
{
    while (size > 0 && value[0] == ' ') {
        value++;
        size--;
    }
    while (size > 0 && value[size - 1] == ' ')
        size--;
    return strlen(known) == size && strncasecmp(known, value, size) == 0;
}

const char *
codes_translate(const struct code_list *list, unsigned direction, const char *value, size_t size,
                const char *kept, struct coverage *coverage)
{
    for (size_t i = 0; i < list->pair_count; i++) {
        const struct code_pair *pair = &list->pairs[i];
        if ((pair->directions & direction) == 0)
            continue;
        if (is_equal(direction == DIRECTION_IN ? pair->local : pair->national, value, size)) {
            coverage_mark(coverage, pair, direction);
            return direction == DIRECTION_IN ? pair->national : pair->local;
        }
    }
    switch (list->unknown) {
    case UNKNOWN_KEEP:
        return kept;
    case UNKNOWN_OTHER:
        return direction == DIRECTION_OUT ? list->other : kept;
    case UNKNOWN_REFUSE:
    default:
        return NULL;
    }
}
