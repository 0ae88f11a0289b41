/* Loading routes.cfg against the peers and instances of a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf_fixture.h"
#include "error_codes.h"

static struct route_table *
load_routes(struct fixture *fixture, const struct conf *conf, const char *text)
{
    fixture_forget(fixture);
    fixture_write(fixture, "routes.cfg", text);
    return conf_load_routes(conf, fixture_keep_line, fixture, &fixture->error);
}

static struct conf *
load_conf(struct fixture *fixture)
{
    struct conf *conf = fixture_load(fixture, good_conf);
    assert_non_null(conf);
    return conf;
}

static void
expect_problem(struct fixture *fixture, const char *rules, int line, const char *part)
{
    struct conf *conf = load_conf(fixture);
    struct route_table *table = load_routes(fixture, conf, rules);
    conf_destroy(conf);
    assert_null(table);
    assert_true(fixture_said(fixture, "routes.cfg", line, part));
    assert_int_equal(fixture->problems, 1);
    assert_int_equal(fixture->error.code, FEP_E_ROUTES_INVALID);
}

static void
good_rules_are_found_by_their_prefix(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = load_conf(fixture);
    struct route_table *table = load_routes(
        fixture, conf,
        "routes = (\n"
        "    { prefix = \"4501\"; to = ( \"danxian\", \"GW4500000001\" ); },\n"
        "    { prefix = \"4501\"; infno = \"2304\"; med_type = \"11\"; insutype = \"310\";\n"
        "      institution = \"H45010000001\"; valid_from = \"2026-01-01\"; valid_to = \"2026-12-31\"; to = "
        "[ \"second\" ]; },\n"
        "    { prefix = \"91\"; refuse = \"军队人员不办理异地结算\"; },\n"
        "    { prefix = \"\"; to = ( \"GW4500000001\" ); }\n"
        ");\n");
    assert_string_equal(fixture->said, "");
    assert_non_null(table);
    assert_int_equal(route_count(table), 4);

    struct route_query query = {.insured_area = "450103", .infno = "2304", .date = 20260601};
    const struct route_rule *rule = route_find(table, &query);
    assert_non_null(rule);
    assert_string_equal(rule->targets[0], "danxian");
    assert_string_equal(rule->targets[1], "GW4500000001");
    assert_int_equal(rule->targets_local, 1);
    assert_string_equal(rule->file, "routes.cfg");
    assert_int_equal(rule->line, 2);
    query.insured_area = "910000";
    rule = route_find(table, &query);
    assert_string_equal(rule->refuse, "军队人员不办理异地结算");
    query.insured_area = "310115";
    assert_string_equal(route_find(table, &query)->targets[0], "GW4500000001");
    route_table_destroy(table);
    conf_destroy(conf);
}

static void
unknown_targets_are_problems(void **state)
{
    expect_problem(*state, "routes = (\n { prefix = \"45\"; to = ( \"GW9900000001\" ); } );\n", 2,
                   "unknown target");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; to = ( \"GW4501000001\" ); } );\n", 2,
                   "is this gateway");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; to = ( \"danxian\", \"danxian\" ); } );\n", 2,
                   "named twice");
}

static void
prefixes_are_checked(void **state)
{
    expect_problem(*state, "routes = (\n { prefix = \"45x\"; to = ( \"danxian\" ); } );\n", 2,
                   "0 to 6 digits");
    expect_problem(*state, "routes = (\n { to = ( \"danxian\" ); } );\n", 2, "prefix is missing");
    expect_problem(*state, "routes = (\n { prefix = \"4501001\"; to = ( \"danxian\" ); } );\n", 2, "prefix");
    expect_problem(*state, "routes = (\n { prefix = 4501; to = ( \"danxian\" ); } );\n", 2, "prefix");
}

static void
days_are_checked(void **state)
{
    expect_problem(
        *state, "routes = (\n { prefix = \"45\"; valid_from = \"2026-02-29\"; to = ( \"danxian\" ); } );\n",
        2, "valid_from = \"2026-02-29\"");
    expect_problem(*state,
                   "routes = (\n { prefix = \"45\"; valid_to = \"20261231\"; to = ( \"danxian\" ); } );\n", 2,
                   "a day such as 2026-11-22");
    expect_problem(
        *state,
        "routes = (\n { prefix = \"45\"; valid_from = \"2027-01-01\"; valid_to = \"2026-01-01\"; to = ( "
        "\"danxian\" ); } );\n",
        2, "would never hold");
}

static void
rule_either_sends_or_refuses(void **state)
{
    expect_problem(*state, "routes = (\n { prefix = \"45\"; } );\n", 2,
                   "either `to` with targets or `refuse`");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; to = ( \"danxian\" ); refuse = \"no\"; } );\n", 2,
                   "either `to` with targets or `refuse`");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; refuse = \"\"; } );\n", 2, "refuse is empty");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; to = ( ); } );\n", 2, "0 targets");
}

static void
unknown_keys_are_errors(void **state)
{
    expect_problem(*state, "routes = (\n { prefix = \"45\"; inffno = \"2304\"; to = ( \"danxian\" ); } );\n",
                   2, "did you mean infno?");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; refuse = \"x\"; } );\nroute = ( );\n", 3,
                   "did you mean routes?");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; infno = \"23\"; to = ( \"danxian\" ); } );\n", 2,
                   "infno");
    expect_problem(*state, "routes = (\n { prefix = \"45\"; med_type = \"1-1\"; to = ( \"danxian\" ); } );\n",
                   2, "letters and digits");
}

/* Nothing could be sent anywhere, which nobody means. */
static void
empty_list_is_a_problem(void **state)
{
    expect_problem(*state, "routes = ( );\n", 1, "routes: the list is empty");
}

/* Names that could not be read are not called unknown. */
static void
targets_of_half_a_configuration(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = load_conf(fixture);
    conf->names_unread = true;
    struct route_table *table =
        load_routes(fixture, conf, "routes = (\n { prefix = \"45\"; to = ( \"nobody\" ); } );\n");
    assert_string_equal(fixture->said, "");
    route_table_destroy(table);
    conf_destroy(conf);
}

static void
contradictions_name_both_lines(void **state)
{
    expect_problem(*state,
                   "routes = (\n { prefix = \"4501\"; to = ( \"danxian\" ); },\n { prefix = \"45\"; to = ( "
                   "\"GW4500000001\" ); },\n { prefix = \"4501\"; to = ( \"second\" ); } );\n",
                   4, "contradicts the one at routes.cfg:2");
    expect_problem(*state,
                   "routes = (\n { prefix = \"4501\"; valid_to = \"2026-06-30\"; to = ( \"danxian\" ); },\n"
                   " { prefix = \"4501\"; valid_from = \"2026-06-30\"; refuse = \"closed\"; } );\n",
                   3, "contradicts the one at routes.cfg:2");
}

static void
days_that_do_not_meet_are_no_contradiction(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = load_conf(fixture);
    struct route_table *table =
        load_routes(fixture, conf,
                    "routes = (\n { prefix = \"4501\"; valid_to = \"2026-06-30\"; to = ( \"danxian\" ); },\n"
                    " { prefix = \"4501\"; valid_from = \"2026-07-01\"; to = ( \"second\" ); },\n"
                    " { prefix = \"4501\"; valid_from = \"2026-07-01\"; to = ( \"second\" ); } );\n");
    assert_string_equal(fixture->said, "");
    assert_non_null(table);
    route_table_destroy(table);
    conf_destroy(conf);
}

static void
all_problems_come_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = load_conf(fixture);
    assert_null(load_routes(fixture, conf,
                            "routes = (\n { prefix = \"x\"; to = ( \"danxian\" ); },\n 5,\n"
                            " { prefix = \"\"; to = ( \"nobody\" ); } );\n"));
    assert_true(fixture_said(fixture, "routes.cfg", 2, "prefix"));
    assert_true(fixture_said(fixture, "routes.cfg", 3, "a group"));
    assert_true(fixture_said(fixture, "routes.cfg", 4, "unknown target"));
    assert_int_equal(fixture->problems, 3);
    conf_destroy(conf);
}

static void
transaction_must_be_in_the_table(void **state)
{
    struct fixture *fixture = *state;
    const char *source = getenv("FEP_SOURCE");
    if (source == NULL)
        skip();
    struct conf *conf = load_conf(fixture);
    snprintf(conf->transactions_file, sizeof conf->transactions_file, "%s/schema/transactions.cfg", source);
    struct route_table *table =
        load_routes(fixture, conf,
                    "routes = (\n { prefix = \"45\"; infno = \"2304\"; to = ( \"danxian\" ); },\n"
                    " { prefix = \"45\"; infno = \"2399\"; to = ( \"danxian\" ); } );\n");
    assert_null(table);
    assert_true(fixture_said(fixture, "routes.cfg", 3, "infno = \"2399\""));
    assert_int_equal(fixture->problems, 1);
    conf_destroy(conf);
}

static void
missing_file_is_a_problem(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = load_conf(fixture);
    struct fep_error error = {0};
    assert_null(conf_load_routes(conf, NULL, NULL, &error));
    assert_int_equal(error.code, FEP_E_ROUTES_INVALID);
    conf_destroy(conf);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_create, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(good_rules_are_found_by_their_prefix),
        CASE(unknown_targets_are_problems),
        CASE(prefixes_are_checked),
        CASE(days_are_checked),
        CASE(rule_either_sends_or_refuses),
        CASE(unknown_keys_are_errors),
        CASE(empty_list_is_a_problem),
        CASE(targets_of_half_a_configuration),
        CASE(contradictions_name_both_lines),
        CASE(days_that_do_not_meet_are_no_contradiction),
        CASE(all_problems_come_at_once),
        CASE(transaction_must_be_in_the_table),
        CASE(missing_file_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
