/* fep-adapter: hosts one adapter instance. Started by the keeper; may be started by hand. Reads the gateway's
 * configuration, loads the module and its mapping, and runs. Exits: 0 orderly, 100 used wrongly or
 * misconfigured (not restarted), 111 the surroundings failed (restarted). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "confine.h"
#include "error.h"
#include "host.h"
#include "log.h"
#include "module.h"
#include "options.h"

#ifdef FEP_MUTATIONS
#error                                                                                                       \
    "rules of the hop protocol can be broken in this build, which is for tests alone (gateway/base/mutation.h)"
#endif

#define VERSION "0.1.0"

struct arguments {
    const char *instance, *config, *router;
    uint32_t epoch;
};

static int
usage(void)
{
    fputs("usage: fep-adapter --instance NAME --config FILE [--router ENDPOINT] [--epoch N]\n"
          "Hosts one adapter instance of the gateway configured in FILE. fepd starts it; by hand it is for "
          "trials.\n",
          stderr);
    return EXIT_MISUSED;
}

static int
read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {{"instance", required_argument, NULL, 'i'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"router", required_argument, NULL, 'r'},
                                            {"epoch", required_argument, NULL, 'e'},
                                            {NULL, 0, NULL, 0}};
    *arguments = (struct arguments){.epoch = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        char *end = NULL;
        unsigned long number = 0;
        switch (option) {
        case 'i':
            arguments->instance = optarg;
            break;
        case 'c':
            arguments->config = optarg;
            break;
        case 'r':
            arguments->router = optarg;
            break;
        case 'e':
            errno = 0;
            number = strtoul(optarg, &end, 10);
            if (errno != 0 || *end != '\0' || number == 0 || number > UINT32_MAX)
                return -1;
            arguments->epoch = (uint32_t)number;
            break;
        default:
            return -1;
        }
    }
    return optind == argc && arguments->instance != NULL && arguments->config != NULL ? 0 : -1;
}

static void
report_line(void *arg, const char *line)
{
    int *problems = arg;
    (*problems)++;
    fprintf(stderr, "%s\n", line);
    log_line(LOG_EVENT_CONFIG_ERROR, LOG_SEV_ERROR, LOG_N("problems", *problems), LOG_S(line));
}

static const struct conf_instance *
find_instance(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->instance_count; i++) {
        if (strcmp(conf->instances[i].name, name) == 0)
            return &conf->instances[i];
    }
    return NULL;
}

static int
fill_settings(struct host_settings *settings, const struct conf *conf, const struct conf_instance *instance,
              const struct arguments *arguments, struct fep_error *error)
{
    snprintf(settings->instance, sizeof settings->instance, "%s", instance->name);
    snprintf(settings->node, sizeof settings->node, "%s", conf->node);
    snprintf(settings->region, sizeof settings->region, "%s", conf->region);
    snprintf(settings->endpoint, sizeof settings->endpoint, "%.*s", (int)sizeof settings->endpoint - 1,
             arguments->router != NULL ? arguments->router : conf->control_endpoint);
    settings->epoch = arguments->epoch;
    settings->window = instance->window;
    settings->max_body_bytes = conf->max_body_bytes < FRAME_MAX_BODY ? conf->max_body_bytes : FRAME_MAX_BODY;
    snprintf(settings->state_directory, sizeof settings->state_directory, "%s", conf->state_directory);
    settings->capture_allowed = conf->capture_allowed != 0;
    settings->caller_inquires = instance->caller_inquires != 0;
    if (settings->window == 0 || settings->window > FRAME_MAX_OPEN_CALLS / 2)
        settings->window = FRAME_MAX_OPEN_CALLS / 2;
    if (conf->pseudonym_key_file[0] == '\0')
        return 0;
    settings->pseudonym_key_size = sizeof settings->pseudonym_key;
    return conf_read_key(conf->pseudonym_key_file, settings->pseudonym_key, error);
}

static int
check_options(struct host *host, const struct conf_instance *instance, int *problems, struct fep_error *error)
{
    struct given_option given[CONF_OPTIONS];
    for (size_t i = 0; i < instance->option_count; i++)
        given[i] = (struct given_option){.name = instance->options[i].name,
                                         .value = instance->options[i].value,
                                         .file = instance->options[i].file,
                                         .line = instance->options[i].line};
    host->config = options_check(host->adapter->options, given, instance->option_count, instance->name,
                                 report_line, problems, error);
    return host->config != NULL ? 0 : -1;
}

/* Crosswalks are named from the folder above the mapping files: mapping/x.cfg and crosswalk/y.csv stand side
 * by side. */
static int
load_mapping(struct host *host, const struct conf *conf, const char *path, int *problems,
             struct fep_error *error)
{
    char base[CONF_PATH + 4], members[CONF_PATH + 16];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(base, sizeof base, "..");
    else
        snprintf(base, sizeof base, "%.*s/..", (int)(slash - path), path);
    snprintf(members, sizeof members, "%s/canonical.cfg", conf->schema_directory);
    struct canonical_table *canonical = canonical_table_load(members, report_line, problems, error);
    if (canonical == NULL)
        return -1;
    host->mapping =
        mapping_load_with(path, base, &(struct mapping_tables){host->transactions, canonical, NULL},
                          report_line, problems, error);
    canonical_table_destroy(canonical);
    return host->mapping != NULL ? 0 : -1;
}

static int
load_all(struct host *host, const struct conf *conf, const struct arguments *arguments,
         struct fep_error *error)
{
    int problems = 0;
    const struct conf_instance *instance = find_instance(conf, arguments->instance);
    if (instance == NULL)
        return error_set(error, 0, FEP_E_CONFIG_INVALID, "%s has no adapter instance %.40s", conf->file,
                         arguments->instance);
    if (fill_settings(&host->settings, conf, instance, arguments, error) < 0)
        return -1;
    host->adapter = module_load(instance->module, error);
    if (host->adapter == NULL)
        return -1;
    host->transactions = transaction_table_load(conf->transactions_file, report_line, &problems, error);
    if (host->transactions == NULL)
        return -1;
    if (check_options(host, instance, &problems, error) < 0)
        return -1;
    return instance->mapping[0] == '\0' ? 0 : load_mapping(host, conf, instance->mapping, &problems, error);
}

static void
unload_all(struct host *host)
{
    mapping_destroy(host->mapping);
    options_destroy(host->config);
    transaction_table_destroy(host->transactions);
    explicit_bzero(host->settings.pseudonym_key, sizeof host->settings.pseudonym_key);
}

int
main(int argc, char **argv)
{
    static struct host host; /* large: tables of calls and tickets */
    struct arguments arguments;
    struct fep_error error = {0};
    int problems = 0, status = EXIT_MISUSED;

    if (read_arguments(argc, argv, &arguments) < 0)
        return usage();
    if (confine_process(&error) < 0) {
        fprintf(stderr, "fep-adapter: %s\n", error.text);
        return EXIT_SURROUNDINGS;
    }
    struct conf *conf = conf_load(arguments.config, report_line, &problems, &error);
    if (conf == NULL) {
        fprintf(stderr, "fep-adapter: %s\n", error.text);
        return EXIT_MISUSED;
    }
    if (log_open("fep-adapter", conf->node, conf->log_socket[0] != '\0' ? conf->log_socket : NULL) < 0) {
        fprintf(stderr, "fep-adapter: the path of the log socket is too long\n");
        conf_destroy(conf);
        return EXIT_MISUSED;
    }
    log_set_debug(conf->log_debug);
    if (load_all(&host, conf, &arguments, &error) < 0) {
        fprintf(stderr, "fep-adapter: %s\n", error.text);
        log_line(LOG_EVENT_CONFIG_ERROR, LOG_SEV_ERROR, LOG_T("file", arguments.config),
                 LOG_N("code", error.code), LOG_S(error.text));
    } else {
        log_line(LOG_EVENT_START, LOG_SEV_NOTICE, LOG_T("version", VERSION), LOG_T("node", conf->node),
                 LOG_T("instance", arguments.instance), LOG_T("config", conf->file));
        status = host_run(&host);
    }
    unload_all(&host);
    conf_destroy(conf);
    log_close();
    return status;
}
