/* Peers and instances of a configuration. Must not let two of them answer to one name: routes, links and the
 * store know them by it. Problems go to the reader. */
#include "conf_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_WINDOW = 16, MOST_WINDOW = 100000 };

static const char *
find_name(const struct conf *conf, const char *name)
{
    if (strcmp(conf->node, name) == 0)
        return "this gateway";
    for (size_t i = 0; i < conf->peer_count; i++)
        if (strcmp(conf->peers[i].name, name) == 0)
            return "a peer";
    for (size_t i = 0; i < conf->instance_count; i++)
        if (strcmp(conf->instances[i].name, name) == 0)
            return "an instance";
    return NULL;
}

static void
check_name(struct conf_loading *loading, const config_setting_t *group, const char *name)
{
    const char *holder = name[0] != '\0' ? find_name(loading->conf, name) : NULL;
    if (holder != NULL)
        config_reader_problem(&loading->reader, config_setting_get_member(group, "name"),
                              "name = \"%s\": %s has this name already; expected another", name, holder);
}

/* More than max_in_flight is no mistake: that bound holds beside the window. */
static uint32_t
read_window(struct conf_loading *loading, const config_setting_t *group, uint32_t usual)
{
    int64_t window = usual;
    config_reader_integer(&loading->reader, group, "window", 0, 1, MOST_WINDOW, &window);
    return (uint32_t)window;
}

static void
read_peer(struct conf_loading *loading, const config_setting_t *group, struct conf_peer *peer)
{
    static const char *const keys[] = {"name", "endpoint", "public_key_file", "window", NULL};
    struct config_reader *reader = &loading->reader;
    const struct conf *conf = loading->conf;
    config_reader_check_keys(reader, group, keys);
    if (config_reader_text(reader, group, "name", CONFIG_REQUIRED, peer->name, sizeof peer->name) &&
        !conf_node_code_is_valid(peer->name))
        config_reader_problem(reader, config_setting_get_member(group, "name"),
                              "name = \"%s\": not a node code; expected 12 capital letters and digits",
                              peer->name);
    check_name(loading, group, peer->name);
    conf_read_place(loading, group, NULL, &peer->at);
    if (config_reader_text(reader, group, "endpoint", 0, peer->endpoint, sizeof peer->endpoint))
        conf_check_endpoint(loading, group, "endpoint", peer->endpoint);
    const config_setting_t *gateway = config_setting_get_member(config_reader_root(reader), "gateway");
    if (config_reader_lacks(group, "endpoint") && config_reader_lacks(gateway, "listen"))
        config_reader_problem(
            reader, group,
            "peer %s: endpoint is missing; expected one, or `listen` in gateway so that it can dial us",
            peer->name);
    for (size_t i = 0; i < conf->peer_count; i++)
        if (peer->endpoint[0] != '\0' && strcmp(conf->peers[i].endpoint, peer->endpoint) == 0)
            config_reader_problem(reader, config_setting_get_member(group, "endpoint"),
                                  "endpoint = \"%s\": peer %s has it already", peer->endpoint,
                                  conf->peers[i].name);
    conf_read_path(loading, group, "public_key_file", CONFIG_REQUIRED, peer->public_key_file,
                   sizeof peer->public_key_file);
    conf_read_place(loading, group, "public_key_file", &peer->public_key_at);
    peer->window = read_window(loading, group, conf->bounds.max_in_flight);
}

void
conf_read_peers(struct conf_loading *loading, const config_setting_t *root)
{
    struct conf *conf = loading->conf;
    const config_setting_t *list = config_reader_list(&loading->reader, root, "peers", 0);
    conf->names_unread = list == NULL && config_reader_has(root, "peers");
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *group = config_reader_item(&loading->reader, list, i, CONFIG_TYPE_GROUP);
        conf->names_unread = conf->names_unread || group == NULL || conf->peer_count == CONF_PEERS;
        if (group == NULL)
            continue;
        if (conf->peer_count == CONF_PEERS) {
            config_reader_problem(&loading->reader, group, "more than %d peers", CONF_PEERS);
            return;
        }
        struct conf_peer peer = {0};
        read_peer(loading, group, &peer);
        conf->names_unread = conf->names_unread || peer.name[0] == '\0';
        conf->peers[conf->peer_count++] = peer;
    }
}

/* An option's value as text, NULL if it is none; `number` is room for it. */
static const char *
option_text(const config_setting_t *at, char number[24])
{
    switch (config_setting_type(at)) {
    case CONFIG_TYPE_STRING:
        return config_setting_get_string(at);
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(at) ? "true" : "false";
    case CONFIG_TYPE_INT:
        snprintf(number, 24, "%d", config_setting_get_int(at));
        return number;
    case CONFIG_TYPE_INT64:
        snprintf(number, 24, "%lld", config_setting_get_int64(at));
        return number;
    default:
        return NULL;
    }
}

/* The module's own table says later what a value must be. One that is wrong here is kept as unread: it is not
 * missing. */
static bool
read_option(struct conf_loading *loading, const config_setting_t *at, struct conf_option *option)
{
    struct config_reader *reader = &loading->reader;
    char number[24];
    const char *name = config_setting_name(at), *text = option_text(at, number);
    option->unread = text == NULL || config_reader_is_misread(reader, at);
    if (strlen(name) >= sizeof option->name) {
        config_reader_problem(reader, at, "%.80s: the name is longer than %zu bytes", name,
                              sizeof option->name - 1);
        return false;
    }
    if (text == NULL)
        config_reader_problem(reader, at, "%s: expected a text in quotes, a whole number, true or false",
                              name);
    else if (strlen(text) >= sizeof option->value) {
        config_reader_problem(reader, at, "%s: the value is longer than %zu bytes", name,
                              sizeof option->value - 1);
        option->unread = true;
    }
    snprintf(option->name, sizeof option->name, "%s", name);
    snprintf(option->value, sizeof option->value, "%s", option->unread ? "" : text);
    option->line = config_reader_where(reader, at, option->file, sizeof option->file);
    return true;
}

static void
read_options(struct conf_loading *loading, const config_setting_t *group, struct conf_instance *instance)
{
    const config_setting_t *options = config_reader_group(&loading->reader, group, "options", 0);
    instance->options_unread = options == NULL && config_reader_has(group, "options");
    for (int i = 0; i < config_reader_count(options); i++) {
        const config_setting_t *at = config_setting_get_elem(options, (unsigned)i);
        if (instance->option_count == CONF_OPTIONS) {
            config_reader_problem(&loading->reader, at, "more than %d options", CONF_OPTIONS);
            instance->options_unread = true;
            return;
        }
        if (read_option(loading, at, &instance->options[instance->option_count]))
            instance->option_count++;
        else
            instance->options_unread = true;
    }
}

/* A bare name stands for NAME.so in the adapter directory; in a build tree each module has a folder of its
 * own. */
static bool
find_module(const struct conf *conf, const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/%s/%s.so", conf->adapter_directory, name, name);
    if (length >= 0 && (size_t)length < size && access(out, F_OK) == 0)
        return true;
    length = snprintf(out, size, "%s/%s.so", conf->adapter_directory, name);
    return length >= 0 && (size_t)length < size;
}

static void
read_module(struct conf_loading *loading, const config_setting_t *group, struct conf_instance *instance)
{
    char given[CONF_PATH];
    if (!config_reader_text(&loading->reader, group, "module", CONFIG_REQUIRED, given, sizeof given) ||
        (strchr(given, '/') == NULL && loading->conf->adapter_directory[0] == '\0'))
        return;
    bool fits = strchr(given, '/') != NULL
                    ? conf_join_path(instance->module, sizeof instance->module, loading->directory, given)
                    : find_module(loading->conf, given, instance->module, sizeof instance->module);
    if (!fits)
        config_reader_problem(&loading->reader, config_setting_get_member(group, "module"),
                              "module: the path is longer than %zu bytes", sizeof instance->module - 1);
}

static void
read_instance(struct conf_loading *loading, const config_setting_t *group, struct conf_instance *instance)
{
    static const char *const keys[] = {"name",    "module", "mapping", "window", "caller_inquires",
                                       "options", NULL};
    struct config_reader *reader = &loading->reader;
    config_reader_check_keys(reader, group, keys);
    if (config_reader_text(reader, group, "name", CONFIG_REQUIRED, instance->name, sizeof instance->name) &&
        !node_is_valid(instance->name))
        config_reader_problem(
            reader, config_setting_get_member(group, "name"),
            "name = \"%s\": not an instance name; expected 1 to 15 letters, digits, '-', '_', '.'",
            instance->name);
    check_name(loading, group, instance->name);
    conf_read_place(loading, group, NULL, &instance->at);
    conf_read_place(loading, group, "module", &instance->module_at);
    conf_read_place(loading, group, "mapping", &instance->mapping_at);
    read_module(loading, group, instance);
    conf_read_path(loading, group, "mapping", 0, instance->mapping, sizeof instance->mapping);
    instance->window = read_window(loading, group, DEFAULT_WINDOW);
    bool inquires = false;
    config_reader_flag(reader, group, "caller_inquires", 0, &inquires);
    instance->caller_inquires = inquires;
    read_options(loading, group, instance);
}

void
conf_read_instances(struct conf_loading *loading, const config_setting_t *root)
{
    struct conf *conf = loading->conf;
    const config_setting_t *list = config_reader_list(&loading->reader, root, "instances", 0);
    conf->names_unread = conf->names_unread || (list == NULL && config_reader_has(root, "instances"));
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *group = config_reader_item(&loading->reader, list, i, CONFIG_TYPE_GROUP);
        conf->names_unread = conf->names_unread || group == NULL || conf->instance_count == CONF_INSTANCES;
        if (group == NULL)
            continue;
        if (conf->instance_count == CONF_INSTANCES) {
            config_reader_problem(&loading->reader, group, "more than %d instances", CONF_INSTANCES);
            return;
        }
        /* In place: it is large, and its name is not counted before it was compared with the others. */
        read_instance(loading, group, &conf->instances[conf->instance_count]);
        conf->names_unread = conf->names_unread || conf->instances[conf->instance_count].name[0] == '\0';
        conf->instance_count++;
    }
}
