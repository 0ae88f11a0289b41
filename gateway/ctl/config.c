/* fepctl config check: everything that a start would read, read and checked, all problems at once. Must not
 * start anything: modules are loaded for their descriptor only. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "link_socket.h"
#include "mapping_file.h"
#include "module.h"
#include "options.h"

struct checking {
    const struct ctl *ctl;
    const struct conf *conf;
    size_t problems;
};

static void
count_line(void *arg, const char *line)
{
    struct checking *checking = arg;
    checking->problems++;
    fprintf(stderr, "%s\n", line);
}

/* A problem that a loader says only in its error. */
static void
count_error(struct checking *checking, const char *what, const struct fep_error *error)
{
    checking->problems++;
    fprintf(stderr, "%s: %s: FEP-%04u %s\n", checking->conf->file, what, error->code, error->text);
}

static void
check_keys(struct checking *checking)
{
    const struct conf *conf = checking->conf;
    struct fep_error error = {0};
    struct link_curve curve;
    uint8_t key[32];
    char public_key[41];
    if (conf->link_key_file[0] != '\0' && link_keys_read(conf->link_key_file, &curve, &error) != 0)
        count_error(checking, "link_key_file", &error);
    if (conf->body_key_file[0] != '\0' && conf_read_key(conf->body_key_file, key, &error) != 0)
        count_error(checking, "body_key_file", &error);
    if (conf->pseudonym_key_file[0] != '\0' && conf_read_key(conf->pseudonym_key_file, key, &error) != 0)
        count_error(checking, "pseudonym_key_file", &error);
    explicit_bzero(key, sizeof key);
    explicit_bzero(&curve, sizeof curve);
    for (size_t i = 0; i < conf->peer_count; i++)
        if (link_public_key_read(conf->peers[i].public_key_file, public_key, &error) != 0)
            count_error(checking, conf->peers[i].name, &error);
}

static void
check_transactions(struct checking *checking, struct route_table *routes)
{
    struct fep_error error = {0};
    size_t before = checking->problems, count = 0;
    struct transaction_table *table =
        transaction_table_load(checking->conf->transactions_file, count_line, checking, &error);
    if (table == NULL && checking->problems == before)
        count_error(checking, "transactions", &error);
    if (table != NULL) {
        transaction_list(table, &count);
        printf("%s: %zu %s\n", checking->conf->transactions_file, count,
               ctl_text(checking->ctl, "种交易", "transactions"));
    }
    if (routes != NULL)
        printf("%s: %zu %s\n", checking->conf->routes_file, route_count(routes),
               ctl_text(checking->ctl, "条规则", "rules"));
    transaction_table_destroy(table);
}

static void
check_files(struct checking *checking)
{
    struct fep_error error = {0};
    size_t before = checking->problems;
    struct route_table *routes = conf_load_routes(checking->conf, count_line, checking, &error);
    if (routes == NULL && checking->problems == before)
        count_error(checking, "routes", &error);
    check_transactions(checking, routes);
    route_table_destroy(routes);
    struct stat state;
    if (stat(checking->conf->schema_directory, &state) != 0 || !S_ISDIR(state.st_mode)) {
        error_set(&error, 0, FEP_E_CONFIG_READ, "%s is not a directory", checking->conf->schema_directory);
        count_error(checking, "schema_directory", &error);
    }
}

static void
check_options(struct checking *checking, const struct conf_instance *instance,
              const struct fep_adapter *adapter)
{
    struct fep_error error = {0};
    struct given_option given[CONF_OPTIONS];
    for (size_t i = 0; i < instance->option_count; i++)
        given[i] = (struct given_option){.name = instance->options[i].name,
                                         .value = instance->options[i].value,
                                         .file = instance->options[i].file,
                                         .line = instance->options[i].line};
    struct fep_config *config = options_check(adapter->options, given, instance->option_count, instance->name,
                                              count_line, checking, &error);
    options_destroy(config);
}

static void
check_instance(struct checking *checking, const struct conf_instance *instance)
{
    struct fep_error error = {0};
    const struct fep_adapter *adapter = module_load(instance->module, &error);
    if (adapter == NULL)
        count_error(checking, instance->name, &error);
    else
        check_options(checking, instance, adapter);
    if (instance->mapping[0] != '\0') {
        size_t before = checking->problems;
        struct mapping *mapping = mapping_file_load(instance->mapping, NULL, count_line, checking, &error);
        if (mapping == NULL && checking->problems == before)
            count_error(checking, instance->name, &error);
        mapping_destroy(mapping);
    }
    printf("%s: %s %s, %s\n", instance->name, adapter != NULL ? adapter->name : instance->module,
           adapter != NULL ? adapter->version : "?",
           instance->mapping[0] != '\0'
               ? instance->mapping
               : ctl_text(checking->ctl, "报文原样通过", "bodies pass through as they are"));
}

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("  %s\n", line);
}

static int
check_all(struct checking *checking)
{
    const struct ctl *ctl = checking->ctl;
    const struct conf *conf = checking->conf;
    printf("%s: %s %s, %zu %s, %zu %s\n", conf->file, conf->node, conf->name, conf->peer_count,
           ctl_text(ctl, "个对端", "peers"), conf->instance_count, ctl_text(ctl, "个接口", "instances"));
    check_keys(checking);
    check_files(checking);
    for (size_t i = 0; i < conf->instance_count; i++)
        check_instance(checking, &conf->instances[i]);
    if (conf->body_key_file[0] == '\0')
        puts(ctl_text(ctl, "注意：没有 body_key_file，报文内容以明文落盘",
                      "mind: without body_key_file bodies lie on disk in clear"));
    puts(ctl_text(ctl, "各项上限：", "bounds:"));
    conf_print_bounds(conf, print_line, NULL);
    if (checking->problems > 0) {
        fflush(stdout);
        fprintf(stderr, "%zu %s\n", checking->problems, ctl_text(ctl, "处有误", "problems"));
        return CTL_MISUSED;
    }
    puts(ctl_text(ctl, "没有问题", "no problems"));
    return CTL_GOOD;
}

int
ctl_config_check(struct ctl *ctl)
{
    if (ctl->count > 0)
        ctl->conf_path = ctl->words[0];
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct checking checking = {.ctl = ctl, .conf = conf};
    int exit_code = check_all(&checking);
    conf_destroy(conf);
    return exit_code;
}
