/* Mapping files as fepctl loads them. */
#ifndef FEP_MAPPING_FILE_H
#define FEP_MAPPING_FILE_H

#include "mapping.h"

/* mapping_load with the same base as the adapter host: the folder above the file's own, unless `base` says
 * otherwise (NULL: it does not). */
struct mapping *mapping_file_load(const char *path, const char *base,
                                  void (*report)(void *arg, const char *line), void *arg,
                                  struct fep_error *error);

#endif
