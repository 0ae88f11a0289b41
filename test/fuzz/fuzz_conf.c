/* Fuzzes fepd.conf. With a problem there is no configuration to run on; without, everything is within its
 * bounds. */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "fuzz.h"
#include "utf8.h"

const char *const fuzz_words[] = {"gateway = {",
                                  "peers = (",
                                  "instances = (",
                                  "bounds = {",
                                  "options = {",
                                  "node = \"",
                                  "routes = \"",
                                  "};",
                                  ");",
                                  "@include \"fepd.conf\"\n",
                                  "\"",
                                  "/*",
                                  "#",
                                  "2147483648",
                                  "9223372036854775808L",
                                  "-1",
                                  "0x10",
                                  "tcp://127.0.0.1:5555",
                                  "true",
                                  "window = ",
                                  "max_in_flight = ",
                                  "caller_inquires = ",
                                  "[",
                                  "\\",
                                  NULL};

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    must_be_clean(line);
}

static void
must_be_bounded(const struct conf *conf)
{
    must(conf->peer_count <= CONF_PEERS && conf->instance_count <= CONF_INSTANCES, "lists are bounded");
    for (size_t i = 0; i < conf->peer_count; i++)
        must(node_is_valid(conf->peers[i].name), "a peer has a name");
    for (size_t i = 0; i < conf->instance_count; i++) {
        const struct conf_instance *instance = &conf->instances[i];
        must(node_is_valid(instance->name), "an instance has a name");
        must(instance->window > 0, "an instance may have calls");
        must(instance->option_count <= CONF_OPTIONS, "options are bounded");
        for (size_t k = 0; k < instance->option_count; k++)
            must(utf8_is_valid(instance->options[k].value, strlen(instance->options[k].value), NULL),
                 "an option is UTF-8");
    }
    must(node_is_valid(conf->node), "a gateway has a node code");
    must(conf->region[0] == '\0' || area_is_valid(conf->region), "a region is six digits");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fep_error error = {0};
    size_t problems = 0, counted = 0;
    if (size > 16384)
        return 0;
    const char *path = fuzz_write("fepd.conf", data, size);
    struct conf *conf = conf_load(path, fuzz_report, &problems, &error);
    if (conf == NULL) {
        must_be_clean(error.text);
        must(problems > 0, "what is refused is reported");
    } else {
        must(problems == 0, "with a problem there is no configuration");
        must_be_bounded(conf);
        conf_print_bounds(conf, print_line, NULL);
        conf_destroy(conf);
    }
    struct conf *partly = conf_load_partly(path, fuzz_report, NULL, &counted, &error);
    must(partly != NULL, "a check always has something to look at");
    must((counted == 0) == (conf != NULL), "a check finds what a start finds");
    conf_destroy(partly);
    return 0;
}
