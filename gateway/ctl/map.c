/* fepctl map check: a mapping file, read and checked as the adapter host does it, and against the facts that
 * its module needs. Must not say that a file holds when a table to hold it against could not be read. */
#include "ctl.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "mapping_file.h"

void
mapping_file_load_tables(struct mapping_file_tables *tables, const char *transactions_file,
                         const char *schema_directory, conf_report_fn *report, void *arg)
{
    char path[CONF_PATH + 32];
    *tables = (struct mapping_file_tables){0};
    if (transactions_file[0] != '\0')
        tables->transactions = transaction_table_load(transactions_file, report, arg, NULL);
    if (schema_directory[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s/canonical.cfg", schema_directory);
    tables->canonical = canonical_table_load(path, report, arg, NULL);
    snprintf(path, sizeof path, "%s/wire.cfg", schema_directory);
    tables->wire = wire_table_load(path, report, arg, NULL);
}

void
mapping_file_destroy_tables(struct mapping_file_tables *tables)
{
    transaction_table_destroy(tables->transactions);
    canonical_table_destroy(tables->canonical);
    wire_table_destroy(tables->wire);
}

struct mapping *
mapping_file_load(const char *path, const char *base, const struct mapping_file_tables *tables,
                  void (*report)(void *arg, const char *line), void *arg, struct fep_error *error)
{
    char folder[PATH_MAX];
    struct mapping_tables held = {0};
    const char *slash = strrchr(path, '/');
    int length = base != NULL    ? snprintf(folder, sizeof folder, "%s", base)
                 : slash != NULL ? snprintf(folder, sizeof folder, "%.*s/..", (int)(slash - path), path)
                                 : snprintf(folder, sizeof folder, "..");
    if (length < 0 || (size_t)length >= sizeof folder) {
        error_set(error, 0, FEP_E_CONFIG_READ, "%s: the path is too long", path);
        return NULL;
    }
    if (tables != NULL)
        held = (struct mapping_tables){tables->transactions, tables->canonical, tables->wire};
    return mapping_load_with(path, folder, &held, report, arg, error);
}

static int
check(struct ctl *ctl, const struct mapping_file_tables *tables)
{
    struct fep_error error = {0};
    struct mapping *mapping = mapping_file_load(ctl->words[0], ctl->base, tables, ctl_report, NULL, &error);
    if (mapping == NULL)
        return ctl_fail(ctl, &error, CTL_MISUSED);
    printf("%s: %s\n", ctl->words[0], mapping_name(mapping));
    mapping_destroy(mapping);
    if (tables->transactions == NULL || tables->canonical == NULL || tables->wire == NULL) {
        fflush(stdout);
        fprintf(
            stderr, "%s\n",
            ctl_text(ctl, "上列文件读不出来，无法据以检查；用 -c 指定配置文件",
                     "the files above could not be read to check against; name the configuration with -c"));
        return CTL_MISUSED;
    }
    puts(ctl_text(ctl, "没有问题", "no problems"));
    return CTL_GOOD;
}

/* The gateway's configuration says where the tables are; without one they are where they were installed. */
int
ctl_map_check(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct mapping_file_tables tables;
    size_t problems;
    struct conf *conf = conf_load_partly(ctl->conf_path, NULL, NULL, &problems, &error);
    if (conf == NULL)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    char transactions[CONF_PATH + 32];
    snprintf(transactions, sizeof transactions, "%s%s",
             conf->is_read ? conf->transactions_file : conf->schema_directory,
             conf->is_read ? "" : "/transactions.cfg");
    mapping_file_load_tables(&tables, transactions, conf->schema_directory, ctl_report, NULL);
    int exit_code = check(ctl, &tables);
    mapping_file_destroy_tables(&tables);
    conf_destroy(conf);
    return exit_code;
}
