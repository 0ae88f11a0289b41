/* The crosswalk's items as a catalogue (canonical 1312), and a local system's catalogue beside it. Pure. */
#ifndef FEP_ITEMS_H
#define FEP_ITEMS_H

#include <json-c/json.h>

#include "mapping.h"

/* One page of the output of 1312: items of `kind` ("1" to "4"; without a kind of its own an item is a drug), changed
 * since `since` (0: all). A version older than that has nothing. NULL with the error. */
struct json_object *items_answer(const struct mapping *mapping, const char *kind, uint32_t since, int64_t page,
                                 int64_t page_size, uint32_t today, struct fep_error *error);

#endif
