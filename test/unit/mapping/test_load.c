/* Every mistake a mapping file can hold is reported with file and line, all of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

#define FIELDS "(\"F\", \"text\", 20), (\"G\", \"code\", 4)"
#define RULE   "(\"F\", \"data.f\")"

static void
problem(struct mapping *mapping, const char *expected)
{
    if (mapping != NULL)
        fail_msg("loaded, though expected: %s", expected);
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("expected %s\ngot %s", expected, rig_problems);
    /* Each line begins with the file and a number. */
    for (const char *line = rig_problems; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strncmp(line, "map.cfg:", 8) == 0 || strstr(line, "crosswalk.csv") != NULL);
}

static void
rule_problem(const char *rules, const char *expected)
{
    problem(rig_load_rules(FIELDS, rules, ""), expected);
}

static void
more_problem(const char *more, const char *expected)
{
    problem(rig_load_rules(FIELDS, RULE, more), expected);
}

static void
field_problem(const char *fields, const char *expected)
{
    problem(rig_load_rules(fields, "", ""), expected);
}

/* The good text with one part replaced. */
static void
replaced(const char *part, const char *with, const char *expected)
{
    char text[32768];
    const char *good = rig_rules_text(FIELDS, RULE, "");
    const char *at = strstr(good, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, with, at + strlen(part));
    problem(rig_load_text(text), expected);
}

static void
test_the_small_one_loads(void **state)
{
    (void)state;
    struct mapping *mapping = rig_load_rules(FIELDS, RULE, "");
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    assert_string_equal(mapping_name(mapping), "t");
    mapping_destroy(mapping);
}

static void
test_top_level(void **state)
{
    (void)state;
    replaced("name = \"t\";", "", "name");
    replaced("system = \"t\";", "", "system");
    replaced("family = \"t\";", "", "family");
    replaced("charset = \"GBK\";", "", "charset");
    replaced("charset = \"GBK\";", "charset = \"EBCDIC\";", "map.cfg:1: charset \"EBCDIC\"");
    replaced("region = \"450100\"", "region = \"nanning\"", "map.cfg:1: region");
    replaced("unmappable = \"geta\"", "unmappable = \"drop\"", "map.cfg:1: ");
    more_problem("colour = \"red\";", "map.cfg:4: ");
    more_problem("wire = { a = 1; };", "map.cfg:4: ");
    problem(rig_load_text("name = \"t\n"), "map.cfg:");
}

static void
test_layouts(void **state)
{
    (void)state;
    field_problem("(\"F\", \"txt\", 20)", "map.cfg:6: type \"txt\" of field F");
    field_problem("(\"F\", \"text\", -1)", "map.cfg:6: element 3");
    field_problem("(\"F\", \"text\", \"20\")", "map.cfg:6: element 3");
    field_problem("(\"F\", \"decimal\", 13)", "map.cfg:6: element 4");
    field_problem("(\"F\", \"decimal\", 13, 2, \"must\")", "flag \"must\" of field F");
    field_problem("(\"F\", \"text\", 20, \"required\", 7)", "map.cfg:6: 5 elements of field F");
    field_problem("(\"F\", \"text\", 20), (\"F\", \"code\", 4)", "map.cfg:6: field F stands twice");
    replaced("{ name = \"T1-R\"", "{ name = \"T1-Q\"", "map.cfg:7: layout T1-Q stands twice");
    replaced("{ name = \"T1-R\"", "{ name = \"T9-R\"", "map.cfg:7: layout T9-R belongs to no transaction");
    replaced("{ name = \"T1-Q\"", "{ name = \"T1-X\"", "local transaction T1 has no layout T1-Q");
    replaced("name = \"head-Q\"", "name = \"head-R\"", "layout head-Q is missing");
    replaced("{ name = \"T1-R\"; fields", "{ name = \"T1-R\"; group = { name = \"L\"; max = 0; }; fields",
             "map.cfg:7: max");
}

static void
test_codes(void **state)
{
    (void)state;
    more_problem(
        "codes = ( { name = \"a\"; unknown = \"refuse\"; pairs = ( (\"1\",\"M\"), (\"2\",\"M\") ); } );",
        "map.cfg:4: list a: local M maps to 1 and to 2");
    more_problem(
        "codes = ( { name = \"a\"; unknown = \"refuse\"; pairs = ( (\"1\",\"M\"), (\"1\",\"N\") ); } );",
        "map.cfg:4: list a: national 1 maps to M and to N");
    more_problem("codes = ( { name = \"a\"; unknown = \"guess\"; pairs = ( (\"1\",\"M\") ); } );",
                 "unknown = \"guess\"");
    more_problem("codes = ( { name = \"a\"; pairs = ( (\"1\",\"M\") ); } );", "unknown");
    more_problem("codes = ( { name = \"a\"; unknown = \"keep\"; pairs = ( (\"1\",\"M\",\"up\") ); } );",
                 "direction");
    more_problem("codes = ( { name = \"a\"; unknown = \"keep\"; pairs = ( (\"1\") ); } );", "expected more");
    more_problem("codes = ( { name = \"a\"; unknown = \"keep\"; pairs = ( (\"1\",\"M\") ); }, { name = "
                 "\"a\"; unknown = "
                 "\"keep\"; pairs = ( (\"1\",\"M\") ); } );",
                 "code list a stands twice");
    struct mapping *mapping = rig_load_rules(
        FIELDS, RULE,
        "codes = ( { name = \"a\"; unknown = \"keep\"; pairs = ( (\"1\",\"M\"), (\"2\",\"M\",\"out\"), "
        "(\"1\",\"N\",\"in\") ); } );");
    assert_non_null(mapping);
    mapping_destroy(mapping);
}

static void
test_errors(void **state)
{
    (void)state;
    replaced("(\"0\", \"N\", 1)", "(\"0\", \"X\", 1)", "map.cfg:2: class");
    replaced("(\"0\", \"N\", 1)", "(\"0\", \"N\", \"1\")", "map.cfg:2: canonical code");
    replaced("(\"0\", \"N\", 1)", "(\"0\", \"N\", 1), (\"0\", \"R\", 2)", "return code 0 stands twice");
    replaced("(\"0\", \"N\", 1)", "(\"0\", \"N\", 1), (\"9\", \"N\", 1)", "canonical 1 maps to 0 and to 9");
    replaced(", (\"U\", \"-3\")", "", "errors_default: no return code for class U");
}

static void
test_rules(void **state)
{
    (void)state;
    rule_problem("(\"X\", \"data.f\")", "map.cfg:9: field X is not in the layout T1-Q");
    rule_problem("(\"F\", \"data..f\")", "path \"data..f\"");
    rule_problem("(\"F\", \"data.f[g=]\")", "path");
    rule_problem("(\"F\", \"a.b.c.d.e.f.g.h.i\")", "up to 8 names");
    rule_problem("(\"F\", \"header.colour\")", "source \"header.colour\" is not known");
    rule_problem("(\"F\", \"local.X\")", "local.X: the layout T1-Q has no such field");
    rule_problem("(\"F\", \"data.f\", { code = \"a\"; })", "map.cfg:9: ");
    rule_problem("(\"F\", \"data.f\", { codes = \"a\"; })", "code list a does not exist");
    rule_problem("(\"F\", \"data.f\", { convert = \"time\"; })", "convert");
    rule_problem("(\"F\", \"data.f\", { convert = \"catalogue\"; })", "without a crosswalk");
    rule_problem("(\"F\", \"data.f\", { check = true; })", "check is for constants");
    rule_problem("(\"G\", \"data.f\", { cut = true; })", "cut is for fields of the type text");
    rule_problem("(\"F\", \"clock.date\", { dir = \"in\"; })", "can not work in that direction");
    rule_problem("(\"F\", \"data.f\", { required = 1; })", "map.cfg:9: ");
    rule_problem("(\"F\", \"data.f\", { when = (\"data.g\"); })", "condition; expected (SOURCE, VALUE");
    rule_problem("(\"F\")", "expected more");
    rule_problem("(\"F\", \"data.f\", \"data.g\")", "map.cfg:9: ");
    rule_problem("(\"-\", \"clock.date\", \"=1\")", "can not be set");
    rule_problem("(\"-\", \"data.a[b=1].c\", \"=1\")", "can not be set");
    rule_problem("(\"-\", \"data.a\", \"clock.datetime\")",
                 "an honest repeat would look like another request");
    rule_problem("(\"F\", \"data.f\"), (\"F\", \"data.g\")", "field F has two rules");
}

static void
transaction_problem(const char *member, const char *expected)
{
    char text[512];
    snprintf(text, sizeof text, "local = \"T1\"; %s", member);
    replaced("local = \"T1\";", text, expected);
}

static void
test_transactions(void **state)
{
    (void)state;
    replaced("infno = \"2304\"", "infno = \"23\"", "map.cfg:9: infno \"23\"");
    replaced("infno = \"2304\";", "", "infno");
    transaction_problem("colour = \"red\";", "map.cfg:9: ");
    transaction_problem("visit = \"X\";", "visit: field X is not in the layout T1-Q");
    transaction_problem("person = \"header.msgid\";", "person = \"header.msgid\"");
    transaction_problem("request_group = { path = \"a\"; rules = (); };",
                        "map.cfg:9: the layout T1-Q has no group");
    transaction_problem("checks = ( \"a = \" );", "check \"a = \"");
    transaction_problem("checks = ( \"a + b\" );", "check \"a + b\"");
    transaction_problem("checks = ( \"a = b = c\" );", "check \"a = b = c\"");
    transaction_problem("checks = ( \"a b = c\" );", "check \"a b = c\"");
    transaction_problem("index = ( (\"colour\", \"a\") );", "index; expected");
    transaction_problem("request_index = ( (\"total\", \"a\") );", "request_index; expected");
    replaced("request = ( (\"F\", \"data.f\") ); }",
             "request = (); }, { infno = \"2304\"; local = \"T1\"; request = (); }",
             "transaction 2304 stands twice");
}

static void
test_operations(void **state)
{
    (void)state;
    more_problem("inquire = { local = \"T1\"; field = \"X\"; findings = ( (\"1\", \"posted\") ); };",
                 "map.cfg:4: inquire: field X is not in the layout T1-R");
    more_problem("inquire = { local = \"T1\"; field = \"F\"; findings = ( (\"1\", \"gone\") ); };",
                 "finding \"gone\"");
    more_problem("inquire = { local = \"T1\"; field = \"F\"; };", "map.cfg:4: inquire has no findings");
    more_problem("reverse = { local = \"T1\"; field = \"F\"; findings = ( (\"1\", \"posted\") ); "
                 "findings_by_error = ( "
                 "(\"2503\", \"posted\") ); };",
                 "canonical code");
    more_problem("reverse = { local = \"T1\"; field = \"F\"; findings = ( (\"1\", \"posted\") ); "
                 "findings_by_error = ( (2503, \"stays_posted\") ); };",
                 "map.cfg:4: findings_by_error: no return code of errors becomes 2503");
    more_problem("serve_reverse = { local = \"T1\"; field = \"F\"; findings = ( (\"1\", \"reversed\") ); };",
                 "original");
    more_problem(
        "serve_reverse = { local = \"T1\"; original = ( (\"X\", 0, 4) ); field = \"F\"; findings = ( (\"1\", "
        "\"reversed\") ); };",
        "field X is not in the layout T1-Q");
    replaced("msgid = ( (\"M\", 0, 4) );", "msgid = ( (\"M\", 0) );", "map.cfg:3: expected (field, offset");
}

static void
test_crosswalk(void **state)
{
    static const char with[] = "crosswalk = \"crosswalk.csv\";";
    (void)state;
    rig_write_crosswalk(NULL);
    more_problem(with, "map.cfg:4: crosswalk ");
    rig_write_crosswalk("local_code,national_code,name,level,valid_from,valid_to\nA,N1\nB\n");
    more_problem(with, "crosswalk.csv:3: expected local_code,national_code");
    rig_write_crosswalk("A,N1,x,01,20261301,\n");
    more_problem(with, "crosswalk.csv:1: ");
    rig_write_crosswalk("A,N1,x,01,20200101,\nA,N2,x,01,20210101,\n");
    more_problem(with, "crosswalk.csv:2: local code A has another row for the same days (line 1)");
}

static void
test_all_problems_at_once(void **state)
{
    size_t lines = 0;
    (void)state;
    problem(rig_load_rules("(\"F\", \"txt\", 20)", "(\"X\", \"data.f\"), (\"F\", \"header.x\")",
                           "colour = \"red\";"),
            "map.cfg:6: ");
    for (const char *at = rig_problems; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_true(lines >= 4);
}

/* What is there and wrong is not missing too, and nothing else is said because of it. */
static void
one_problem(const char *part, const char *with, const char *expected)
{
    replaced(part, with, expected);
    const char *end = strchr(rig_problems, '\n');
    if (end == NULL || end[1] != '\0')
        fail_msg("expected only %s\ngot %s", expected, rig_problems);
}

static void
test_wrong_type_is_reported_once(void **state)
{
    (void)state;
    one_problem("name = \"t\";", "name = 5;", "map.cfg:1: name: expected a text in quotes");
    one_problem("msgid = ( (\"M\", 0, 4) );", "msgid = \"M\";", "map.cfg:3: msgid: expected a list");
    one_problem("msgid = ( (\"M\", 0, 4) );", "msgid = ( );", "map.cfg:3: msgid: the list is empty");
    one_problem("msgid = ( (\"M\", 0, 4) );", "msgid = ( (\"M\", \"0\", 4) );", "map.cfg:3: expected (field");
    one_problem("msgid = ( (\"M\", 0, 4) );", "msgid = ( (\"M\", 0L, 4) );", "map.cfg:3: expected (field");
    one_problem("errors_default = ( (\"N\", \"-1\"), (\"R\", \"-2\"), (\"U\", \"-3\") )",
                "errors_default = 5", "map.cfg:2: errors_default: expected a list");
    one_problem("(\"M\", \"code\", 20)", "(\"M\", \"code\", 4294967290)", "map.cfg:5: number 4294967290");
    one_problem("(\"0\", \"N\", 1)", "(\"0\", \"N\", 4294967290)", "map.cfg:2: number 4294967290");
}

static void
test_missing_file(void **state)
{
    struct fep_error error = {0};
    (void)state;
    assert_null(mapping_load("/no/such/file.cfg", "/", NULL, NULL, &error));
    assert_non_null(strstr(error.text, "/no/such/file.cfg"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_small_one_loads),
        cmocka_unit_test(test_top_level),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_crosswalk),
        cmocka_unit_test(test_all_problems_at_once),
        cmocka_unit_test(test_wrong_type_is_reported_once),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
