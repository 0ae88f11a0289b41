/* A lexical check in front of json-c, which accepts more than JSON and keeps the last of two equal members.
 */
#ifndef FEP_JSON_CHECK_H
#define FEP_JSON_CHECK_H

#include <fep/adapter.h>

#define JSON_MAX_DEPTH          32
#define JSON_MAX_INTEGER_DIGITS 18

/* Is it one strict JSON text: legal UTF-8, no member twice in an object, at most 32 levels, numbers without
 * exponent and with at most 18 digits before the point, no NUL and no lone surrogate in a string, member
 * names without escapes? 0, or negative with the error naming what and the byte; the text itself is never
 * quoted. */
int json_check(const char *text, size_t size, struct fep_error *error);

#endif
