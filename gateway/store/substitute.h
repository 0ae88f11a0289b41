/* What stands in the place of an exchange whose row or bodies are not what was written. Pure. */
#ifndef FEP_SUBSTITUTE_H
#define FEP_SUBSTITUTE_H

#include "record_columns.h"

enum { LOST_BODY = 1, LOST_ANSWER = 2 };

/* `read`: as far as it can be read; `damage`: bits of enum record_damage; `lost`: blobs that do not pass their check.
 * Returns in words what was made of it. */
const char *substitute_make(const struct exchange_record *read, unsigned damage, unsigned lost,
                            struct exchange_record *out);
/* Of an exchange of which nothing but the key is known (day 0: not known either). */
void substitute_make_unclear(const struct message_key *key, uint8_t role, uint32_t day,
                             struct exchange_record *out);

#endif
