/* Reads a gateway's configuration. Must report every problem of the file at once, each with file and line,
 * and hand out a configuration only if there was none. Opens no key, socket or directory: what they hold is
 * checked by those who use them. */
#include "conf_load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "conf_bounds.h"
#include "error.h"

#define CONTROL_NAME "control"

bool
conf_join_path(char *out, size_t size, const char *directory, const char *path)
{
    int length = path[0] == '/' || path[0] == '\0' ? snprintf(out, size, "%s", path)
                                                   : snprintf(out, size, "%s/%s", directory, path);
    return length >= 0 && (size_t)length < size;
}

bool
conf_read_path(struct conf_loading *loading, const config_setting_t *group, const char *name, unsigned flags,
               char *out, size_t size)
{
    char given[CONF_PATH], whole[CONF_PATH];
    if (!config_reader_text(&loading->reader, group, name, flags, given, sizeof given))
        return false;
    if (!conf_join_path(whole, size < sizeof whole ? size : sizeof whole, loading->directory, given)) {
        config_reader_problem(&loading->reader, config_setting_get_member(group, name),
                              "%s: below %s the path is longer than %zu bytes", name, loading->directory,
                              size - 1);
        return false;
    }
    snprintf(out, size, "%s", whole);
    return true;
}

void
conf_read_place(struct conf_loading *loading, const config_setting_t *group, const char *name,
                struct conf_place *place)
{
    const config_setting_t *at = name != NULL ? config_setting_get_member(group, name) : group;
    place->line = at != NULL ? config_reader_where(&loading->reader, at, place->file, sizeof place->file) : 0;
}

bool
conf_node_code_is_valid(const char *code)
{
    return strlen(code) == 12 && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 12;
}

/* tcp://HOST:PORT or ipc://PATH, as ZeroMQ takes them. */
static bool
endpoint_is_valid(const char *endpoint)
{
    if (strncmp(endpoint, "ipc:///", 7) == 0)
        return strlen(endpoint + 6) < sizeof(((struct sockaddr_un *)0)->sun_path);
    const char *colon = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6) != 0 || colon < endpoint + 7 || strchr(endpoint, ' ') != NULL)
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    long port = strtol(colon + 1, NULL, 10);
    return digits >= 1 && digits <= 5 && colon[1 + digits] == '\0' && port >= 1 && port <= 65535;
}

void
conf_check_endpoint(struct conf_loading *loading, const config_setting_t *group, const char *name,
                    const char *endpoint)
{
    if (endpoint[0] != '\0' && !endpoint_is_valid(endpoint))
        config_reader_problem(&loading->reader, config_setting_get_member(group, name),
                              "%s = \"%s\": not an endpoint; expected tcp://ADDRESS:PORT", name, endpoint);
}

static void
check_socket_length(struct conf_loading *loading, const config_setting_t *at, const char *what,
                    const char *path)
{
    size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    if (strlen(path) > room)
        config_reader_problem(&loading->reader, at, "%s: the socket %s has %zu bytes; the system allows %zu",
                              what, path, strlen(path), room);
}

static void
read_gateway(struct conf_loading *loading, const config_setting_t *root)
{
    static const char *const keys[] = {"node",
                                       "name",
                                       "region",
                                       "listen",
                                       "state_directory",
                                       "run_directory",
                                       "link_key_file",
                                       "body_key_file",
                                       "pseudonym_key_file",
                                       "capture_allowed",
                                       NULL};
    struct config_reader *reader = &loading->reader;
    struct conf *conf = loading->conf;
    const config_setting_t *group = config_reader_group(reader, root, "gateway", CONFIG_REQUIRED);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    if (config_reader_text(reader, group, "node", CONFIG_REQUIRED, conf->node, sizeof conf->node) &&
        !conf_node_code_is_valid(conf->node))
        config_reader_problem(reader, config_setting_get_member(group, "node"),
                              "node = \"%s\": not a node code; expected 12 capital letters and digits, "
                              "such as GW4501000001",
                              conf->node);
    config_reader_text(reader, group, "name", 0, conf->name, sizeof conf->name);
    if (config_reader_text(reader, group, "region", 0, conf->region, sizeof conf->region) &&
        conf->region[0] != '\0' && !area_is_valid(conf->region))
        config_reader_problem(
            reader, config_setting_get_member(group, "region"),
            "region = \"%s\": not an area code; expected six digits, or nothing for a platform",
            conf->region);
    if (config_reader_text(reader, group, "listen", 0, conf->listen, sizeof conf->listen))
        conf_check_endpoint(loading, group, "listen", conf->listen);
    conf_read_path(loading, group, "state_directory", CONFIG_REQUIRED, conf->state_directory,
                   sizeof conf->state_directory);
    if (conf_read_path(loading, group, "run_directory", CONFIG_REQUIRED, conf->run_directory,
                       sizeof conf->run_directory)) {
        snprintf(conf->control_endpoint, sizeof conf->control_endpoint, "ipc://%s/" CONTROL_NAME,
                 conf->run_directory);
        check_socket_length(loading, config_setting_get_member(group, "run_directory"), "run_directory",
                            conf->control_endpoint + strlen("ipc://"));
    }
    conf_read_path(loading, group, "link_key_file", 0, conf->link_key_file, sizeof conf->link_key_file);
    conf_read_path(loading, group, "body_key_file", 0, conf->body_key_file, sizeof conf->body_key_file);
    conf_read_path(loading, group, "pseudonym_key_file", 0, conf->pseudonym_key_file,
                   sizeof conf->pseudonym_key_file);
    bool capture_allowed = false;
    config_reader_flag(reader, group, "capture_allowed", 0, &capture_allowed);
    conf->capture_allowed = capture_allowed;
    conf_read_place(loading, group, "link_key_file", &conf->link_key_at);
    conf_read_place(loading, group, "body_key_file", &conf->body_key_at);
    conf_read_place(loading, group, "pseudonym_key_file", &conf->pseudonym_key_at);
}

static void
read_log(struct conf_loading *loading, const config_setting_t *root)
{
    static const char *const keys[] = {"socket", "debug", NULL};
    struct conf *conf = loading->conf;
    const config_setting_t *group = config_reader_group(&loading->reader, root, "log", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(&loading->reader, group, keys);
    if (conf_read_path(loading, group, "socket", 0, conf->log_socket, sizeof conf->log_socket))
        check_socket_length(loading, config_setting_get_member(group, "socket"), "socket", conf->log_socket);
    bool debug = false;
    config_reader_flag(&loading->reader, group, "debug", 0, &debug);
    conf->log_debug = debug;
}

/* Who may settle by hand what is not known, on a socket of its own: the run directory is the gateway's alone.
 */
static void
read_operators(struct conf_loading *loading, const config_setting_t *root)
{
    static const char *const keys[] = {"socket", "uids", NULL};
    struct config_reader *reader = &loading->reader;
    struct conf *conf = loading->conf;
    const config_setting_t *group = config_reader_group(reader, root, "operators", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    if (conf_read_path(loading, group, "socket", CONFIG_REQUIRED, conf->operators_socket,
                       sizeof conf->operators_socket))
        check_socket_length(loading, config_setting_get_member(group, "socket"), "socket",
                            conf->operators_socket);
    const config_setting_t *uids = config_setting_get_member(group, "uids");
    int count = uids != NULL && (config_setting_is_array(uids) || config_setting_is_list(uids))
                    ? config_setting_length(uids)
                    : 0;
    for (int i = 0; i < count && i < CONF_OPERATORS; i++) {
        int64_t uid = config_setting_get_int64_elem(uids, i);
        bool twice = false;
        for (size_t at = 0; at < conf->operator_count; at++)
            twice = twice || conf->operators[at] == uid;
        if (config_setting_type(config_setting_get_elem(uids, (unsigned)i)) != CONFIG_TYPE_INT || uid < 0 ||
            uid > UINT32_MAX - 1 || twice)
            config_reader_problem(reader, uids, "uids: entry %d is not a user id, or is there twice", i + 1);
        else
            conf->operators[conf->operator_count++] = (uint32_t)uid;
    }
    if (count > CONF_OPERATORS || conf->operator_count < 2)
        config_reader_problem(
            reader, uids != NULL ? uids : group,
            "uids: name from two to %d user ids, such as [ 1001, 1002 ]: one proposes, another "
            "confirms",
            CONF_OPERATORS);
}

/* What holds where the file says nothing, or could not be read. */
static void
set_defaults(struct conf *conf)
{
    size_t count;
    const struct conf_bound *bounds = conf_bound_table(&count);
    for (size_t i = 0; i < count; i++)
        conf_bound_set(conf, &bounds[i], bounds[i].value);
    snprintf(conf->schema_directory, sizeof conf->schema_directory, "%s", FEP_DATADIR);
    snprintf(conf->adapter_directory, sizeof conf->adapter_directory, "%s", FEP_LIBDIR "/adapters");
}

static void
read_bounds(struct conf_loading *loading, const config_setting_t *root)
{
    size_t count;
    const struct conf_bound *bounds = conf_bound_table(&count);
    const char *keys[32] = {NULL};
    for (size_t i = 0; i < count && i + 1 < sizeof keys / sizeof *keys; i++)
        keys[i] = bounds[i].name;
    const config_setting_t *group = config_reader_group(&loading->reader, root, "bounds", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(&loading->reader, group, keys);
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        if (config_reader_integer(&loading->reader, group, bounds[i].name, 0, bounds[i].minimum,
                                  bounds[i].maximum, &value))
            conf_bound_set(loading->conf, &bounds[i], value);
    }
}

/* A path with a default, which does not stand in for what the file says wrongly. */
static void
read_own_path(struct conf_loading *loading, const config_setting_t *root, const char *name, char *out,
              size_t size)
{
    if (!conf_read_path(loading, root, name, 0, out, size) && config_reader_has(root, name))
        out[0] = '\0';
}

static void
read_files(struct conf_loading *loading, const config_setting_t *root)
{
    struct conf *conf = loading->conf;
    conf_read_place(loading, root, "schema_directory", &conf->schema_at);
    conf_read_place(loading, root, "adapter_directory", &conf->adapters_at);
    conf_read_place(loading, root, "routes", &conf->routes_at);
    conf_read_place(loading, root, "transactions", &conf->transactions_at);
    read_own_path(loading, root, "schema_directory", conf->schema_directory, sizeof conf->schema_directory);
    read_own_path(loading, root, "adapter_directory", conf->adapter_directory,
                  sizeof conf->adapter_directory);
    conf_read_path(loading, root, "routes", CONFIG_REQUIRED, conf->routes_file, sizeof conf->routes_file);
    if (!config_reader_has(root, "transactions") && conf->schema_directory[0] != '\0' &&
        !conf_join_path(conf->transactions_file, sizeof conf->transactions_file, conf->schema_directory,
                        "transactions.cfg"))
        config_reader_problem(&loading->reader, root, "schema_directory: the path is too long");
    conf_read_path(loading, root, "transactions", 0, conf->transactions_file, sizeof conf->transactions_file);
}

/* What only the whole file can tell. */
static void
check_whole(struct conf_loading *loading, const config_setting_t *root)
{
    struct config_reader *reader = &loading->reader;
    const struct conf *conf = loading->conf;
    const config_setting_t *gateway = config_setting_get_member(root, "gateway");
    if (gateway == NULL || !config_setting_is_group(gateway))
        return;
    bool mapped = false;
    for (size_t i = 0; i < conf->instance_count; i++)
        mapped = mapped || conf->instances[i].mapping[0] != '\0';
    if ((conf->peer_count > 0 || conf->listen[0] != '\0') && config_reader_lacks(gateway, "link_key_file"))
        config_reader_problem(
            reader, gateway,
            "link_key_file is missing: links run under CURVE only; make a key with fepctl keys link");
    if (mapped && config_reader_lacks(gateway, "pseudonym_key_file"))
        config_reader_problem(
            reader, gateway,
            "pseudonym_key_file is missing: instances with a mapping need it for the order key; "
            "make a key with fepctl keys pseudonym");
    if (conf->instance_count > 0 && config_reader_lacks(gateway, "region"))
        config_reader_problem(reader, gateway, "region is missing: a gateway with instances serves a region");
}

static void
read_all(struct conf_loading *loading)
{
    static const char *const keys[] = {
        "gateway", "peers", "instances", "routes", "transactions", "schema_directory", "adapter_directory",
        "bounds",  "log",   "operators", NULL};
    const config_setting_t *root = config_reader_root(&loading->reader);
    config_reader_check_keys(&loading->reader, root, keys);
    read_gateway(loading, root);
    read_log(loading, root);
    read_operators(loading, root);
    read_bounds(loading, root);
    read_files(loading, root);
    conf_read_peers(loading, root);
    conf_read_instances(loading, root);
    check_whole(loading, root);
    snprintf(loading->conf->bounds.node, sizeof loading->conf->bounds.node, "%s", loading->conf->node);
}

/* The file's own name below its directory's absolute path: children are started with it from anywhere. */
static int
find_file(struct conf_loading *loading, const char *path, struct fep_error *error)
{
    char directory[PATH_MAX], whole[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    int length = slash == NULL ? snprintf(directory, sizeof directory, ".")
                               : snprintf(directory, sizeof directory, "%.*s", (int)(slash - path) + 1, path);
    if (length < 0 || (size_t)length >= sizeof directory || realpath(directory, whole) == NULL)
        return error_set(error, 0, FEP_E_CONFIG_READ, "%s: %s", path, strerror(errno));
    if (strlen(whole) >= sizeof loading->directory ||
        !conf_join_path(loading->conf->file, sizeof loading->conf->file, whole, name))
        return error_set(error, 0, FEP_E_CONFIG_READ, "%s: the path is longer than %d bytes", path,
                         CONF_PATH - 1);
    snprintf(loading->directory, sizeof loading->directory, "%.*s", CONF_PATH - 1, whole);
    return 0;
}

/* Both ways of loading: `partly` gives what there is. */
static struct conf *
load(const char *path, bool partly, conf_report_fn *report, void *arg, size_t *problems,
     struct fep_error *error)
{
    struct conf_loading *loading = calloc(1, sizeof *loading);
    struct conf *conf = calloc(1, sizeof *conf);
    int status = -1;
    *problems = 1;
    if (loading == NULL || conf == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "%s: no memory to read it", path);
        partly = false;
        goto out;
    }
    loading->conf = conf;
    set_defaults(conf);
    if (find_file(loading, path, error) != 0) {
        if (report != NULL && error != NULL)
            report(arg, error->text);
        goto out;
    }
    if (config_reader_open(&loading->reader, conf->file, FEP_E_CONFIG_INVALID, report, arg, error) == 0) {
        conf->is_read = true;
        read_all(loading);
    }
    *problems = loading->reader.problems;
    status = config_reader_close(&loading->reader);

out:
    free(loading);
    if (status == 0 || partly)
        return conf;
    free(conf);
    return NULL;
}

struct conf *
conf_load(const char *path, conf_report_fn *report, void *arg, struct fep_error *error)
{
    size_t problems;
    return load(path, false, report, arg, &problems, error);
}

struct conf *
conf_load_partly(const char *path, conf_report_fn *report, void *arg, size_t *problems,
                 struct fep_error *error)
{
    return load(path, true, report, arg, problems, error);
}

void
conf_destroy(struct conf *conf)
{
    free(conf);
}
