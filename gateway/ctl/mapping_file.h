/* Mapping files as fepctl loads them. */
#ifndef FEP_MAPPING_FILE_H
#define FEP_MAPPING_FILE_H

#include "conf.h"
#include "mapping.h"

/* What mappings are held against: the transaction table and the schema directory's own files. */
struct mapping_file_tables {
    struct transaction_table *transactions;
    struct canonical_table *canonical;
    struct wire_table *wire;
};

/* Either path may be empty: not to be read. Problems go to report and leave that table NULL, which is then not
 * checked against. */
void mapping_file_load_tables(struct mapping_file_tables *tables, const char *transactions_file,
                              const char *schema_directory, conf_report_fn *report, void *arg);
void mapping_file_destroy_tables(struct mapping_file_tables *tables);

/* Loads with the same base as the adapter host: the folder above the file's own, unless `base` says otherwise (NULL:
 * it does not). tables NULL: the file by itself. */
struct mapping *mapping_file_load(const char *path, const char *base, const struct mapping_file_tables *tables,
                                  void (*report)(void *arg, const char *line), void *arg, struct fep_error *error);

#endif
