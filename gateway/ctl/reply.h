/* What stands in a reply of the router: members that may be missing. Internal to fepctl. Pure; what is
 * returned belongs to the object. */
#ifndef FEP_CTL_REPLY_H
#define FEP_CTL_REPLY_H

#include <stdint.h>

#include <json-c/json.h>

/* NULL: missing, or null. */
struct json_object *reply_member(struct json_object *object, const char *key);
/* Empty: missing, or null. */
const char *reply_text(struct json_object *object, const char *key);
/* The same to be shown in a column: "-" where it is empty. */
const char *reply_shown(struct json_object *object, const char *key);
/* 0: missing, or no number. */
int64_t reply_number(struct json_object *object, const char *key);

#endif
