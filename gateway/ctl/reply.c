/* Members of replies. Must never fail over what an older or newer router leaves out: that is empty or 0. */
#include "reply.h"

#include <stddef.h>

struct json_object *
reply_member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

const char *
reply_text(struct json_object *object, const char *key)
{
    const char *text = json_object_get_string(reply_member(object, key));
    return text != NULL ? text : "";
}

const char *
reply_shown(struct json_object *object, const char *key)
{
    const char *text = reply_text(object, key);
    return text[0] != '\0' ? text : "-";
}

int64_t
reply_number(struct json_object *object, const char *key)
{
    return json_object_get_int64(reply_member(object, key));
}
