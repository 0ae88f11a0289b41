/* Loading a configuration: values, defaults, and every kind of mistake with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf_fixture.h"
#include "error_codes.h"

/* A copy of `text` in which `from` is replaced by `to`. The caller frees it. */
static char *
replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *whole = malloc(strlen(text) + strlen(to) + 1);
    assert_non_null(whole);
    sprintf(whole, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return whole;
}

static struct conf *
load_changed(struct fixture *fixture, const char *from, const char *to)
{
    char *text = replaced(good_conf, from, to);
    struct conf *conf = fixture_load(fixture, text);
    free(text);
    return conf;
}

/* `from` -> `to` in the good file gives exactly this one problem. */
static void
expect_problem(struct fixture *fixture, const char *from, const char *to, int line, const char *part)
{
    struct conf *conf = load_changed(fixture, from, to);
    assert_null(conf);
    assert_true(fixture_said(fixture, "fepd.conf", line, part));
    if (fixture->problems != 1)
        print_message("%s", fixture->said);
    assert_int_equal(fixture->problems, 1);
    assert_int_equal(fixture->error.code, FEP_E_CONFIG_INVALID);
    assert_non_null(strstr(fixture->error.text, part));
}

static void
good_file_gives_all_values(void **state)
{
    struct fixture *fixture = *state;
    char expected[600];
    struct conf *conf = fixture_load(fixture, good_conf);
    assert_string_equal(fixture->said, "");
    assert_non_null(conf);
    assert_string_equal(conf->file, fixture->path);
    assert_string_equal(conf->node, "GW4501000001");
    assert_string_equal(conf->bounds.node, "GW4501000001");
    assert_string_equal(conf->name, "南宁");
    assert_string_equal(conf->region, "450100");
    snprintf(expected, sizeof expected, "%s/state", fixture->directory);
    assert_string_equal(conf->state_directory, expected);
    snprintf(expected, sizeof expected, "ipc://%s/run/control", fixture->directory);
    assert_string_equal(conf->control_endpoint, expected);
    snprintf(expected, sizeof expected, "%s/log/socket", fixture->directory);
    assert_string_equal(conf->log_socket, expected);
    assert_int_equal(conf->log_debug, 1);
    assert_int_equal(conf->capture_allowed, 0);

    assert_int_equal(conf->peer_count, 2);
    assert_int_equal(conf->peers[0].window, 500);
    assert_int_equal(conf->peers[1].window, 50);
    assert_string_equal(conf->peers[1].endpoint, "");

    assert_int_equal(conf->instance_count, 2);
    const struct conf_instance *danxian = &conf->instances[0];
    assert_int_equal(danxian->caller_inquires, 1);
    assert_int_equal(danxian->window, 4);
    assert_int_equal(danxian->option_count, 4);
    assert_string_equal(danxian->options[1].value, "300");
    assert_string_equal(danxian->options[2].value, "5000000000");
    assert_string_equal(danxian->options[3].value, "true");
    assert_int_equal(danxian->options[0].line, 13);
    assert_string_equal(danxian->options[0].file, fixture->path);
    assert_non_null(strstr(danxian->module, "/adapters/caret.so"));
    assert_string_equal(conf->instances[1].mapping, "");
    snprintf(expected, sizeof expected, "%s/./modules/null.so", fixture->directory);
    assert_string_equal(conf->instances[1].module, expected);
    assert_int_equal(conf->instances[1].window, 16);
    conf_destroy(conf);
}

static void
capture_is_allowed_by_the_file_only(void **state)
{
    struct conf *conf = load_changed(*state, "gateway = {", "gateway = { capture_allowed = true;");
    assert_non_null(conf);
    assert_int_equal(conf->capture_allowed, 1);
    conf_destroy(conf);
}

static void
operators_are_two_at_least(void **state)
{
    struct fixture *fixture = *state;
    char expected[600];
    struct conf *conf = load_changed(fixture, "gateway = {",
                                     "operators = { socket = \"run/operators\"; uids = [ 1001, 1002 ]; };\n"
                                     "gateway = {");
    assert_non_null(conf);
    snprintf(expected, sizeof expected, "%s/run/operators", fixture->directory);
    assert_string_equal(conf->operators_socket, expected);
    assert_int_equal(conf->operator_count, 2);
    assert_int_equal(conf->operators[1], 1002);
    conf_destroy(conf);
    static const char *const wrong[] = {"[ 1001 ]", "[ 1001, 1001 ]", "[ -1, 1002 ]", "\"1001\"",
                                        "( \"a\", 1002 )"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[160];
        snprintf(text, sizeof text, "operators = { socket = \"o\"; uids = %s; };\ngateway = {", wrong[i]);
        assert_null(load_changed(fixture, "gateway = {", text));
        assert_true(fixture_said(fixture, "fepd.conf", 1, "uids"));
    }
    assert_null(load_changed(fixture, "gateway = {", "operators = { uids = [ 1, 2 ]; };\ngateway = {"));
    assert_true(fixture_said(fixture, "fepd.conf", 1, "socket is missing"));
}

static void
bounds_have_defaults(void **state)
{
    struct conf *conf = load_changed(*state, "bounds = { max_in_flight = 500; };\n", "");
    assert_non_null(conf);
    assert_int_equal(conf->bounds.max_in_flight, 1000);
    assert_int_equal(conf->bounds.max_queued, 100000);
    assert_int_equal(conf->bounds.max_queued_bytes, 256u << 20);
    assert_int_equal(conf->bounds.max_queries, 10000);
    assert_int_equal(conf->max_body_bytes, 4u << 20);
    assert_int_equal(conf->bounds.horizon_days, 45);
    assert_int_equal(conf->bounds.adopt_wait_ms, 120000);
    assert_int_equal(conf->bounds.repeat_ms, 5000);
    assert_int_equal(conf->bounds.max_hops, 8);
    assert_int_equal(conf->min_free_bytes, 64u << 20);
    assert_int_equal(conf->ballast_bytes, 16u << 20);
    assert_int_equal(conf->batch_bytes, 512u << 10);
    conf_destroy(conf);
}

static void
keep_printed(void *arg, const char *line)
{
    strcat(strcat(arg, line), "\n");
}

static void
bounds_are_printed(void **state)
{
    char printed[4096] = "";
    struct conf *conf = fixture_load(*state, good_conf);
    assert_non_null(conf);
    conf_print_bounds(conf, keep_printed, printed);
    assert_non_null(strstr(printed, "max_in_flight = 500 exchanges per peer or instance\n"));
    assert_non_null(strstr(printed, "max_queued_bytes = 268435456 bytes"));
    assert_non_null(strstr(printed, "max_hops = 8 "));
    conf_destroy(conf);
}

static void
unknown_keys_are_errors_with_a_hint(void **state)
{
    expect_problem(*state, "region =", "regoin = \"450100\"; region =", 2,
                   "unknown key regoin: did you mean region?");
}

static void
unknown_keys_are_found_in_every_group(void **state)
{
    expect_problem(*state, "max_in_flight = 500", "max_in_fligth = 500", 17, "did you mean max_in_flight?");
    expect_problem(*state, "debug = true", "debgu = true", 18, "did you mean debug?");
    expect_problem(*state, "window = 50", "windwo = 50", 9, "did you mean window?");
    expect_problem(*state, "window = 4;", "windwo = 4;", 12, "did you mean window?");
    expect_problem(*state, "routes =", "logs = { }; routes =", 16, "unknown key logs");
}

static void
numbers_are_range_checked(void **state)
{
    expect_problem(*state, "max_in_flight = 500", "max_in_flight = 0", 17, "max_in_flight");
    expect_problem(*state, "max_in_flight = 500", "max_body_bytes = 4194305", 17, "max_body_bytes");
    expect_problem(*state, "max_in_flight = 500", "max_hops = 1.5", 17, "max_hops");
    expect_problem(*state, "window = 50", "window = 100001", 9, "window");
}

/* libconfig would read this one as 0. */
static void
numbers_that_wrap_are_not_taken(void **state)
{
    struct fixture *fixture = *state;
    assert_null(load_changed(fixture, "max_in_flight = 500", "max_queued = 4294967396"));
    assert_true(fixture_said(fixture, "fepd.conf", 17, "4294967396"));
}

static void
large_numbers_may_be_written_with_l(void **state)
{
    struct conf *conf = load_changed(*state, "max_in_flight = 500", "min_free_bytes = 5368709120L");
    assert_non_null(conf);
    assert_true(conf->min_free_bytes == 5368709120u);
    conf_destroy(conf);
}

static void
names_must_differ(void **state)
{
    expect_problem(*state, "\"GW4509000001\"", "\"GW4500000001\"", 9, "a peer has this name already");
    expect_problem(*state, "\"second\"", "\"danxian\"", 14, "an instance has this name already");
    expect_problem(*state, "\"second\"", "\"GW4509000001\"", 14, "a peer has this name already");
    expect_problem(*state, "\"GW4509000001\"", "\"GW4501000001\"", 9, "this gateway has this name already");
}

static void
names_must_be_well_formed(void **state)
{
    struct fixture *fixture = *state;
    expect_problem(fixture, "node = \"GW4501000001\"", "node = \"nanning\"", 2, "not a node code");
    expect_problem(fixture, "\"second\"", "\"sec ond\"", 14, "not an instance name");
    assert_null(load_changed(fixture, "\"second\"", "\"a-name-with-16-c\""));
    assert_true(fixture_said(fixture, "fepd.conf", 14, "name"));
    expect_problem(fixture, "region = \"450100\"", "region = \"4501\"", 2, "not an area code");
}

static void
peer_without_endpoint_needs_our_listening(void **state)
{
    struct fixture *fixture = *state;
    expect_problem(fixture, "    listen = \"tcp://127.0.0.1:5555\";\n", "\n", 9,
                   "peer GW4509000001: endpoint is missing");
}

static void
endpoints_must_be_ones(void **state)
{
    expect_problem(*state, "tcp://10.0.0.1:5555", "10.0.0.1:5555", 8, "not an endpoint");
    expect_problem(*state, "tcp://10.0.0.1:5555", "tcp://10.0.0.1", 8, "not an endpoint");
    expect_problem(*state, "tcp://10.0.0.1:5555", "tcp://10.0.0.1:65536", 8, "not an endpoint");
    expect_problem(*state, "tcp://127.0.0.1:5555", "tcp://:5555", 3, "not an endpoint");
}

static void
two_peers_at_one_endpoint(void **state)
{
    expect_problem(*state, "{ name = \"GW4509000001\";",
                   "{ name = \"GW4509000001\"; endpoint = \"tcp://10.0.0.1:5555\";", 9, "has it already");
}

static void
links_need_a_key(void **state)
{
    expect_problem(*state, "link_key_file = \"keys/link\";", "", 1, "link_key_file is missing");
}

static void
mappings_need_the_pseudonym_key(void **state)
{
    expect_problem(*state, "pseudonym_key_file = \"keys/pseudonym\";", "", 1,
                   "pseudonym_key_file is missing");
}

static void
instances_need_a_region(void **state)
{
    expect_problem(*state, "region = \"450100\";", "", 1, "region is missing");
}

static void
platform_needs_neither_region_nor_instances(void **state)
{
    struct conf *conf = fixture_load(
        *state, "gateway = { node = \"GW4500000001\"; listen = \"tcp://*:5555\"; state_directory = \"s\";\n"
                "    run_directory = \"r\"; link_key_file = \"k\"; };\n"
                "peers = ( { name = \"GW4501000001\"; public_key_file = \"p\"; } );\n"
                "routes = \"r.cfg\";\n");
    assert_non_null(conf);
    assert_string_equal(conf->body_key_file, "");
    assert_string_equal(conf->region, "");
    conf_destroy(conf);
}

static void
long_run_directory_is_refused_before_bind_fails(void **state)
{
    struct fixture *fixture = *state;
    char longer[200] = "run_directory = \"";
    for (int i = 0; i < 100; i++)
        strcat(longer, "r");
    strcat(longer, "\"");
    expect_problem(fixture, "run_directory = \"run\"", longer, 4, "the system allows 107");
}

static void
options_must_be_plain_values(void **state)
{
    expect_problem(*state, "limit = 300", "limit = 1.5", 13, "limit");
    expect_problem(*state, "limit = 300", "limit = ( 1, 2 )", 13, "limit: expected a text in quotes");
}

static void
all_problems_come_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = fixture_load(fixture, "gateway = {\n"
                                              "    node = \"x\";\n"
                                              "    state_directory = 5;\n"
                                              "};\n"
                                              "bounds = { max_hops = 99; };\n"
                                              "peers = (\n"
                                              "    { name = \"GW4500000001\"; }\n"
                                              ");\n"
                                              "instances = ( 7 );\n"
                                              "colour = \"blue\";\n");
    assert_null(conf);
    assert_true(fixture_said(fixture, "fepd.conf", 2, "not a node code"));
    assert_true(fixture_said(fixture, "fepd.conf", 3, "state_directory"));
    assert_true(fixture_said(fixture, "fepd.conf", 1, "run_directory is missing"));
    assert_true(fixture_said(fixture, "fepd.conf", 5, "max_hops"));
    assert_true(fixture_said(fixture, "fepd.conf", 7, "public_key_file is missing"));
    assert_true(fixture_said(fixture, "fepd.conf", 7, "endpoint is missing"));
    assert_true(fixture_said(fixture, "fepd.conf", 9, "instances"));
    assert_true(fixture_said(fixture, "fepd.conf", 10, "unknown key colour"));
    assert_non_null(strstr(fixture->error.text, "more"));
}

/* A value of a wrong type is wrong, and not missing too. */
static void
wrong_types_are_reported_once(void **state)
{
    expect_problem(*state, "link_key_file = \"keys/link\"", "link_key_file = 5", 5,
                   "link_key_file: expected a text");
    expect_problem(*state, "pseudonym_key_file = \"keys/pseudonym\"", "pseudonym_key_file = true", 5,
                   "pseudonym_key_file: expected a text");
    expect_problem(*state, "region = \"450100\"", "region = 450100", 2, "region: expected a text");
    expect_problem(*state, "node = \"GW4501000001\"", "node = 5", 2, "node: expected a text");
    expect_problem(*state, "listen = \"tcp://127.0.0.1:5555\"", "listen = 5", 3, "listen: expected a text");
    expect_problem(*state, "endpoint = \"tcp://10.0.0.1:5555\"", "endpoint = 5", 8,
                   "endpoint: expected a text");
    expect_problem(*state, "name = \"GW4509000001\"", "name = 5", 9, "name: expected a text");
    expect_problem(*state, "module = \"caret\"", "module = 5", 12, "module: expected a text");
    expect_problem(*state, "routes = \"routes.cfg\"", "routes = 5", 16, "routes: expected a text");
    expect_problem(*state, "bounds = { max_in_flight = 500; }", "bounds = 5", 17, "bounds: expected a group");
}

static void
wrong_gateway_group_is_reported_once(void **state)
{
    struct fixture *fixture = *state;
    assert_null(fixture_load(fixture, "gateway = 5;\nroutes = \"r.cfg\";\n"));
    assert_true(fixture_said(fixture, "fepd.conf", 1, "gateway: expected a group"));
    assert_int_equal(fixture->problems, 1);
}

/* libconfig would wrap the number; the wrapped one is out of range here. */
static void
oversized_numbers_are_reported_once(void **state)
{
    static const char *const numbers[] = {"4294967396",   "99999999999", "99999999999999999999999",
                                          "0xFFFFFFFFFF", "-4294967396", "99999999999999999999999L"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char to[80];
        snprintf(to, sizeof to, "max_hops = %s", numbers[i]);
        assert_null(load_changed(fixture, "max_in_flight = 500", to));
        snprintf(to, sizeof to, "number %.*s ", (int)strcspn(numbers[i], "L"), numbers[i]);
        assert_true(fixture_said(fixture, "fepd.conf", 17, to));
        if (fixture->problems != 1)
            print_message("%s", fixture->said);
        assert_int_equal(fixture->problems, 1);
    }
    /* Another one on the same line is still looked at. */
    assert_null(load_changed(fixture, "max_in_flight = 500", "max_hops = 4294967396; max_queued = 0"));
    assert_true(fixture_said(fixture, "fepd.conf", 17, "max_queued = 0"));
    assert_int_equal(fixture->problems, 2);
}

static struct conf *
load_partly(struct fixture *fixture, const char *text, size_t *problems)
{
    fixture_forget(fixture);
    fixture_write(fixture, "fepd.conf", text);
    snprintf(fixture->path, sizeof fixture->path, "%s/fepd.conf", fixture->directory);
    return conf_load_partly(fixture->path, fixture_keep_line, fixture, problems, &fixture->error);
}

static void
what_could_be_read_is_handed_out_for_a_check(void **state)
{
    struct fixture *fixture = *state;
    size_t problems = 0;
    char *text = replaced(good_conf, "window = 50", "windwo = 50; endpoint = 5");
    struct conf *conf = load_partly(fixture, text, &problems);
    free(text);
    assert_non_null(conf);
    assert_int_equal(problems, 2);
    assert_int_equal(fixture->problems, 2);
    assert_true(conf->is_read);
    assert_false(conf->names_unread);
    assert_int_equal(conf->peer_count, 2);
    assert_int_equal(conf->instance_count, 2);
    assert_non_null(strstr(conf->routes_file, "/routes.cfg"));
    assert_int_equal(conf->bounds.max_in_flight, 500);
    assert_int_equal(conf->bounds.max_queued, 100000);
    conf_destroy(conf);

    conf = load_partly(fixture, good_conf, &problems);
    assert_non_null(conf);
    assert_int_equal(problems, 0);
    conf_destroy(conf);
}

static void
a_file_without_a_tree_gives_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    size_t problems = 0;
    struct conf *conf = load_partly(fixture, "gateway = {\n", &problems);
    assert_non_null(conf);
    assert_int_equal(problems, 1);
    assert_false(conf->is_read);
    assert_true(conf->schema_directory[0] == '/');
    assert_int_equal(conf->max_body_bytes, 4u << 20);
    conf_destroy(conf);
    conf = conf_load_partly("/no/such/directory/fepd.conf", NULL, NULL, &problems, NULL);
    assert_non_null(conf);
    assert_int_equal(problems, 1);
    assert_false(conf->is_read);
    conf_destroy(conf);
}

static void
places_of_settings_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = fixture_load(fixture, good_conf);
    assert_non_null(conf);
    assert_int_equal(conf->link_key_at.line, 5);
    assert_string_equal(conf->link_key_at.file, fixture->path);
    assert_int_equal(conf->pseudonym_key_at.line, 5);
    assert_int_equal(conf->peers[1].public_key_at.line, 9);
    assert_int_equal(conf->instances[0].module_at.line, 12);
    assert_int_equal(conf->instances[1].mapping_at.line, 0);
    assert_int_equal(conf->schema_at.line, 0);
    conf_destroy(conf);
}

static void
options_that_could_not_be_read_are_marked(void **state)
{
    struct fixture *fixture = *state;
    size_t problems = 0;
    char *text = replaced(good_conf, "limit = 300; wait = 5000000000L", "limit = 1.5; wait = 5000000000");
    struct conf *conf = load_partly(fixture, text, &problems);
    free(text);
    assert_non_null(conf);
    assert_int_equal(problems, 2);
    const struct conf_option *options = conf->instances[0].options;
    assert_int_equal(conf->instances[0].option_count, 4);
    assert_false(options[0].unread);
    assert_true(options[1].unread);
    assert_true(options[2].unread);
    assert_string_equal(options[2].value, "");
    assert_false(conf->instances[0].options_unread);
    conf_destroy(conf);
    text = replaced(good_conf, "options = {", "options = 5; more = {");
    conf = load_partly(fixture, text, &problems);
    free(text);
    assert_non_null(conf);
    assert_true(conf->instances[0].options_unread);
    conf_destroy(conf);
}

static void
includes_are_read_and_named(void **state)
{
    struct fixture *fixture = *state;
    fixture_write(fixture, "bounds.inc", "bounds = {\n    max_hops = 99;\n};\n");
    assert_null(load_changed(fixture, "bounds = { max_in_flight = 500; };\n", "@include \"bounds.inc\"\n"));
    assert_true(fixture_said(fixture, "bounds.inc", 2, "max_hops"));
    fixture_write(fixture, "bounds.inc", "bounds = {\n    max_hops = 3;\n};\n");
    struct conf *conf =
        load_changed(fixture, "bounds = { max_in_flight = 500; };\n", "@include \"bounds.inc\"\n");
    assert_non_null(conf);
    assert_int_equal(conf->bounds.max_hops, 3);
    conf_destroy(conf);
}

static void
broken_syntax_names_its_line(void **state)
{
    struct fixture *fixture = *state;
    assert_null(fixture_load(fixture, "gateway = {\n    node = ;\n};\n"));
    assert_true(fixture_said(fixture, "fepd.conf", 2, "syntax error"));
}

static void
missing_file_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct fep_error error = {0};
    char path[400];
    assert_null(fixture_load(fixture, NULL));
    assert_true(fixture->error.text[0] != '\0');
    snprintf(path, sizeof path, "%s/nowhere/fepd.conf", fixture->directory);
    assert_null(conf_load(path, NULL, NULL, &error));
    assert_int_equal(error.code, FEP_E_CONFIG_READ);
}

static void
relative_path_gives_absolute_ones(void **state)
{
    struct fixture *fixture = *state;
    struct fep_error error = {0};
    char before[1024];
    fixture_write(fixture, "fepd.conf", good_conf);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture->directory), 0);
    struct conf *conf = conf_load("fepd.conf", NULL, NULL, &error);
    assert_int_equal(chdir(before), 0);
    assert_non_null(conf);
    assert_int_equal(conf->file[0], '/');
    assert_int_equal(conf->routes_file[0], '/');
    conf_destroy(conf);
}

static void
module_in_a_folder_of_its_own_is_found(void **state)
{
    struct fixture *fixture = *state;
    char path[800];
    snprintf(path, sizeof path, "mkdir -p %s/modules/caret && touch %s/modules/caret/caret.so",
             fixture->directory, fixture->directory);
    assert_int_equal(system(path), 0);
    struct conf *conf = load_changed(fixture, "routes =", "adapter_directory = \"modules\"; routes =");
    assert_non_null(conf);
    snprintf(path, sizeof path, "%s/modules/caret/caret.so", fixture->directory);
    assert_string_equal(conf->instances[0].module, path);
    conf_destroy(conf);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_create, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(good_file_gives_all_values),
        CASE(capture_is_allowed_by_the_file_only),
        CASE(operators_are_two_at_least),
        CASE(bounds_have_defaults),
        CASE(bounds_are_printed),
        CASE(unknown_keys_are_errors_with_a_hint),
        CASE(unknown_keys_are_found_in_every_group),
        CASE(numbers_are_range_checked),
        CASE(numbers_that_wrap_are_not_taken),
        CASE(large_numbers_may_be_written_with_l),
        CASE(names_must_differ),
        CASE(names_must_be_well_formed),
        CASE(peer_without_endpoint_needs_our_listening),
        CASE(endpoints_must_be_ones),
        CASE(two_peers_at_one_endpoint),
        CASE(links_need_a_key),
        CASE(mappings_need_the_pseudonym_key),
        CASE(instances_need_a_region),
        CASE(platform_needs_neither_region_nor_instances),
        CASE(long_run_directory_is_refused_before_bind_fails),
        CASE(options_must_be_plain_values),
        CASE(all_problems_come_at_once),
        CASE(wrong_types_are_reported_once),
        CASE(wrong_gateway_group_is_reported_once),
        CASE(oversized_numbers_are_reported_once),
        CASE(what_could_be_read_is_handed_out_for_a_check),
        CASE(a_file_without_a_tree_gives_the_defaults),
        CASE(places_of_settings_are_kept),
        CASE(options_that_could_not_be_read_are_marked),
        CASE(includes_are_read_and_named),
        CASE(broken_syntax_names_its_line),
        CASE(missing_file_is_an_error),
        CASE(relative_path_gives_absolute_ones),
        CASE(module_in_a_folder_of_its_own_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
