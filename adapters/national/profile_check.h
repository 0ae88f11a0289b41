/* Which words of a profile are known. Pure; threads: any. */
#ifndef FEP_NATIONAL_PROFILE_CHECK_H
#define FEP_NATIONAL_PROFILE_CHECK_H

#include "profile.h"

enum { PROFILE_WORD_ROOM = 128 };

/* A source of a rule, as schema/profile.md lists them. */
bool profile_source_is_known(const char *source);
/* "name", "object.name" or "array[].name". */
bool profile_target_is_known(const char *target);
/* Four to seven digits; the last one may be a capital letter. */
bool profile_number_is_known(const char *word, size_t size);
/* An HTTP status from 400 to 599. */
bool profile_status_is_known(const char *word, size_t size);

#endif
