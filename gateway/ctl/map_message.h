/* Messages for mappings, written as JSON files: what map test, map golden and map coverage share. The form of a file is
 * in schema/mapping.md, "Goldens". */
#ifndef FEP_MAP_MESSAGE_H
#define FEP_MAP_MESSAGE_H

#include "ctl.h"
#include "mapping.h"

struct map_message {
    const struct mapping *mapping;
    struct json_object *json; /* borrowed */
    struct mapping_context context;
    struct fep_attempt attempt, original;
    struct fep_error error;
};

/* Reads a JSON file (NULL: standard input): an object, or an array of them if `several`. The caller puts it. */
struct json_object *map_message_read(const char *path, bool several, struct fep_error *error);

/* A member of an object; NULL if there is none or it is no object. */
struct json_object *map_message_member(struct json_object *object, const char *name);
const char *map_message_text(struct json_object *object, const char *name); /* "" if absent */
int64_t map_message_number(struct json_object *object, const char *name, int64_t otherwise);
/* Borrows the object's own text; none of NULL. */
struct slice map_message_slice(struct json_object *object);

/* Visit, person, attempts and the clock as the message says them; `clock` ("20261122101503") where it says none. */
void map_message_surround(struct map_message *message, const char *clock);
void map_message_fill_header(struct map_message *message, struct message_header *header);
/* A record of the layout NAME + SUFFIX with these fields and rows; NULL with the error. */
struct fep_record *map_message_record(struct map_message *message, const char *name, const char *suffix,
                                      struct json_object *fields, struct json_object *rows);

#endif
