/* The floor of JSON messages: json-c reads the text and nothing more. A file of its own, since the national
 * module's names are json-c's too. */
#include "measure.h"

#include <stdlib.h>

#include <json-c/json.h>

size_t
measure_parse_json(const char *text, size_t size)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *tree = tokener != NULL ? json_tokener_parse_ex(tokener, text, (int)size + 1) : NULL;
    if (tree == NULL)
        abort();
    json_object_put(tree);
    json_tokener_free(tokener);
    return size;
}
