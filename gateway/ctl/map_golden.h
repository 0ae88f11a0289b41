/* Goldens: messages with what a mapping must make of them. */
#ifndef FEP_MAP_GOLDEN_H
#define FEP_MAP_GOLDEN_H

#include "map_message.h"

/* The cases of a directory, in the order of its file names. */
struct map_goldens {
    char directory[4096];
    char **files;
    struct json_object **cases; /* an array or an object each */
    size_t count;
};
/* `directory` NULL: goldens/NAME beside the mapping file. 0, or negative with the error; free in both cases. */
int map_goldens_open(struct map_goldens *goldens, const char *mapping_path, const struct mapping *mapping,
                     const char *directory, struct fep_error *error);
void map_goldens_close(struct map_goldens *goldens);

/* Runs all cases: `tell` gets one line for each case that is not as expected, its name and what differs. Where
 * `record`, what was expected is replaced by what came, in memory. Returns how many cases differ. */
struct map_golden_run {
    size_t cases, wrong;
};
struct map_golden_run map_goldens_run(const struct map_goldens *goldens, const struct mapping *mapping, bool record,
                                      void (*tell)(void *arg, const char *line), void *arg);

#endif
