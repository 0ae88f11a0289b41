/* Members of canonical bodies, read and written one by one, for what the host itself asks and answers. Amounts are
 * fen here and yuan with two decimals there; nothing passes through floating point. */
#ifndef FEP_BODIES_H
#define FEP_BODIES_H

#include <json-c/json.h>

#include "buffer.h"
#include "canonical.h"

/* The member's text, NUL-terminated and whole, or empty: absent, not a plain value, or longer than `room` - 1. */
void body_text(struct json_object *node, const char *name, char *out, size_t room);
/* A day as yyyy-MM-dd or yyyyMMdd, maybe with a time behind it, as yyyymmdd; 0: absent or no day of the calendar. */
uint32_t body_date(struct json_object *node, const char *name);
/* A whole number without sign of at most `most`; absent or wrong: `otherwise`. */
int64_t body_number(struct json_object *node, const char *name, int64_t most, int64_t otherwise);
/* An amount in fen; 0 if absent. Wrong ones set *bad. */
int64_t body_fen(struct json_object *node, const char *name, bool *bad);

/* Setting. Without memory *failed is set and nothing else happens; `name` is constant text. */
void body_put(struct json_object *node, const char *name, struct json_object *value, bool *failed); /* takes value */
void body_put_text(struct json_object *node, const char *name, const char *text, bool *failed);
void body_put_date(struct json_object *node, const char *name, uint32_t date, bool *failed);
void body_put_number(struct json_object *node, const char *name, int64_t number, bool *failed);
void body_put_fen(struct json_object *node, const char *name, int64_t fen, bool *failed);
void body_append(struct json_object *array, struct json_object *value, bool *failed); /* takes value */

/* {"opter":"","opter_name":"","fixmedins_name":"","input":INPUT} and {"infcode":0,"err_msg":"","output":OUTPUT}; the
 * tree is taken over in every case. Negative with the error. */
int body_of_request(struct json_object *input, struct slice *body, struct fep_error *error);
int body_of_answer(struct json_object *output, struct slice *body, struct fep_error *error);

uint32_t date_after(uint32_t date, int days); /* days may be negative; 0 stays 0 */

#endif
