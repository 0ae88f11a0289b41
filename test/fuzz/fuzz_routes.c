/* Fuzzes routes.cfg against a configuration with peers and instances. What is accepted answers any question,
 * with targets that are configured. */
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "fuzz.h"
#include "route.h"

const char *const fuzz_words[] = {"routes = (",
                                  "prefix = \"45\"",
                                  "to = ( \"GW4500000001\" )",
                                  "to = ( \"danxian\" )",
                                  "refuse = \"",
                                  "valid_from = \"2026-01-01\"",
                                  "valid_to = \"2026-02-30\"",
                                  "infno = \"2304\"",
                                  "med_type = \"11\"",
                                  "insutype = ",
                                  "institution = ",
                                  "{ ",
                                  " },",
                                  ");",
                                  "\"",
                                  "#",
                                  "/*",
                                  "@include \"routes.cfg\"\n",
                                  NULL};

static const char text[] =
    "gateway = { node = \"GW4501000001\"; name = \"t\"; region = \"450100\"; listen = "
    "\"tcp://127.0.0.1:5555\";\n"
    "state_directory = \"state\"; run_directory = \"run\"; link_key_file = \"keys/link\"; };\n"
    "peers = ( { name = \"GW4500000001\"; public_key_file = \"keys/p.pub\"; },\n"
    "{ name = \"GW4509000001\"; public_key_file = \"keys/y.pub\"; } );\n"
    "instances = ( { name = \"danxian\"; module = \"null\"; }, { name = \"second\"; module = \"null\"; } );\n"
    "routes = \"routes.cfg\";\n";
static struct conf *conf;

static bool
is_configured(const char *target)
{
    for (size_t i = 0; i < conf->peer_count; i++)
        if (strcmp(conf->peers[i].name, target) == 0)
            return true;
    for (size_t i = 0; i < conf->instance_count; i++)
        if (strcmp(conf->instances[i].name, target) == 0)
            return true;
    return false;
}

static void
ask(const struct route_table *table, const char *area)
{
    static const char *const infnos[] = {"", "2304", "1101"};
    for (size_t i = 0; i < sizeof infnos / sizeof *infnos; i++) {
        struct route_query query = {
            .insured_area = area, .infno = infnos[i], .med_type = "11", .insutype = "310", .date = 20261122};
        const struct route_rule *best = route_find(table, &query), *all[8];
        size_t count = route_explain(table, &query, all, 8);
        must(count <= 8, "no more are told than there is room");
        must((best != NULL) == (count > 0) && (best == NULL || best == all[0]),
             "the best is the first explained");
        if (best == NULL)
            continue;
        must(strncmp(best->prefix, area, strlen(best->prefix)) == 0, "a rule's prefix is one of the area");
        must((best->refuse[0] != '\0') != (best->targets[0][0] != '\0'), "a rule refuses or has a target");
        must((best->valid_from == 0 || best->valid_from <= query.date) &&
                 (best->valid_to == 0 || best->valid_to >= query.date),
             "a rule is valid on its day");
        for (size_t k = 0; k < ROUTE_TARGETS && best->targets[k][0] != '\0'; k++)
            must(is_configured(best->targets[k]), "a target is configured");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fep_error error = {0};
    size_t problems = 0;
    if (conf == NULL) {
        conf = conf_load(fuzz_write("fepd.conf", text, strlen(text)), fuzz_report, NULL, &error);
        must(conf != NULL, error.text);
    }
    if (size > 16384)
        return 0;
    (void)fuzz_write("routes.cfg", data, size);
    struct route_table *table = conf_load_routes(conf, fuzz_report, &problems, &error);
    if (table == NULL) {
        must_be_clean(error.text);
        must(problems > 0, "what is refused is reported");
        return 0;
    }
    must(problems == 0, "with a problem there are no routes");
    ask(table, "450100");
    ask(table, "450900");
    ask(table, "310115");
    route_table_destroy(table);
    return 0;
}
