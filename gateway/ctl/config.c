/* fepctl config check: everything that a start would read, read and checked, all problems at once: one file's
 * problems do not hide those of the others, which are held against what could be read. Must not start
 * anything. */
#include "config_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "link_socket.h"

void
checking_line(void *arg, const char *line)
{
    struct checking *checking = arg;
    checking->problems++;
    fprintf(stderr, "%s\n", line);
}

void
checking_error(struct checking *checking, const struct conf_place *at, const char *what,
               const struct fep_error *error)
{
    checking->problems++;
    if (at->line > 0)
        fprintf(stderr, "%s:%d: %s: FEP-%04u %s\n", at->file, at->line, what, error->code, error->text);
    else
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
        checking_error(checking, &conf->link_key_at, "link_key_file", &error);
    if (conf->body_key_file[0] != '\0' && conf_read_key(conf->body_key_file, key, &error) != 0)
        checking_error(checking, &conf->body_key_at, "body_key_file", &error);
    if (conf->pseudonym_key_file[0] != '\0' && conf_read_key(conf->pseudonym_key_file, key, &error) != 0)
        checking_error(checking, &conf->pseudonym_key_at, "pseudonym_key_file", &error);
    explicit_bzero(key, sizeof key);
    explicit_bzero(&curve, sizeof curve);
    for (size_t i = 0; i < conf->peer_count; i++) {
        const struct conf_peer *peer = &conf->peers[i];
        if (peer->public_key_file[0] != '\0' &&
            link_public_key_read(peer->public_key_file, public_key, &error) != 0)
            checking_error(checking, &peer->public_key_at, peer->name, &error);
    }
}

static void
check_schema(struct checking *checking)
{
    const struct conf *conf = checking->conf;
    struct fep_error error = {0};
    struct stat state;
    size_t count = 0;
    const char *transactions = conf->transactions_file, *schema = conf->schema_directory;
    if (conf->schema_directory[0] != '\0' &&
        (stat(conf->schema_directory, &state) != 0 || !S_ISDIR(state.st_mode))) {
        error_set(&error, 0, FEP_E_CONFIG_READ, "%s is not a directory", conf->schema_directory);
        checking_error(checking, &conf->schema_at, "schema_directory", &error);
        schema = ""; /* one problem, not one for each of its files */
        if (conf->transactions_at.line == 0)
            transactions = "";
    }
    mapping_file_load_tables(&checking->tables, transactions, schema, checking_line, checking);
    if (checking->tables.transactions == NULL)
        return;
    transaction_list(checking->tables.transactions, &count);
    printf("%s: %zu %s\n", conf->transactions_file, count, ctl_text(checking->ctl, "种交易", "transactions"));
}

static void
check_routes(struct checking *checking)
{
    const struct conf *conf = checking->conf;
    struct fep_error error = {0};
    size_t before = checking->problems;
    if (conf->routes_file[0] == '\0')
        return;
    struct route_table *routes = conf_load_routes(conf, checking_line, checking, &error);
    if (routes == NULL && checking->problems == before)
        checking_error(checking, &conf->routes_at, "routes", &error);
    if (routes != NULL)
        printf("%s: %zu %s\n", conf->routes_file, route_count(routes),
               ctl_text(checking->ctl, "条规则", "rules"));
    route_table_destroy(routes);
}

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("  %s\n", line);
}

static int
say_result(const struct checking *checking)
{
    const struct ctl *ctl = checking->ctl;
    if (checking->problems > 0) {
        fflush(stdout);
        fprintf(stderr, "%zu %s\n", checking->problems, ctl_text(ctl, "处有误", "problems"));
        return CTL_MISUSED;
    }
    puts(ctl_text(ctl, "没有问题", "no problems"));
    return CTL_GOOD;
}

static int
check_all(struct checking *checking)
{
    const struct ctl *ctl = checking->ctl;
    const struct conf *conf = checking->conf;
    printf("%s: %s %s, %zu %s, %zu %s\n", conf->file, conf->node, conf->name, conf->peer_count,
           ctl_text(ctl, "个对端", "peers"), conf->instance_count, ctl_text(ctl, "个接口", "instances"));
    check_keys(checking);
    check_schema(checking);
    check_routes(checking);
    for (size_t i = 0; i < conf->instance_count; i++)
        checking_instance(checking, &conf->instances[i]);
    mapping_file_destroy_tables(&checking->tables);
    if (conf->body_key_file[0] == '\0' && conf->body_key_at.line == 0)
        puts(ctl_text(ctl, "注意：没有 body_key_file，报文内容以明文落盘",
                      "mind: without body_key_file bodies lie on disk in clear"));
    puts(ctl_text(ctl, "各项上限：", "bounds:"));
    conf_print_bounds(conf, print_line, NULL);
    return say_result(checking);
}

int
ctl_config_check(struct ctl *ctl)
{
    struct fep_error error = {0};
    size_t problems = 0;
    struct checking checking = {.ctl = ctl};
    if (ctl->count > 0)
        ctl->conf_path = ctl->words[0];
    struct conf *conf = conf_load_partly(ctl->conf_path, ctl_report, NULL, &problems, &error);
    if (conf == NULL)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    checking.conf = conf;
    checking.problems = problems;
    /* A file of which nothing could be read has nothing to hold the others against. */
    int exit_code = conf->is_read ? check_all(&checking) : say_result(&checking);
    conf_destroy(conf);
    return exit_code;
}
