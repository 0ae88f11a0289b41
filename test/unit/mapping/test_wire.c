/* The facts of `wire` against what a family's module reads: each kind of fact, and the shipped files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

static const char table_text[] =
    "families = ( { family = \"t\"; facts = (\n"
    "(\"text\", \"text\"), (\"need\", \"required text\"), (\"number\", \"number 64 4194304\"),\n"
    "(\"scheme\", \"word single gbk\"), (\"head_field\", \"field head-Q\"), (\"both\", \"field T1-Q "
    "T1-R\"),\n"
    "(\"list\", \"fields T1-Q\"), (\"row\", \"row-field T1-Q\"), (\"posting\", \"transactions\"),\n"
    "(\"start\", \"transactions\"), (\"start_field\", \"field {start}-Q\"), (\"asked\", \"field "
    "{inquire}-R\"),\n"
    "(\"constants\", \"constants head-Q\"), (\"lookup\", \"assignments T1-Q\"), (\"counts\", "
    "\"layout-fields\"),\n"
    "(\"repeats\", \"transaction-fields R\"), (\"loose\", \"any-fields\"), (\"take\", \"field-pairs\"),\n"
    "(\"echoes\", \"echoes\"), (\"code\", \"return-codes\") ); } );\n";

/* The line of `wire` is 3, of its facts 4. */
static struct mapping *
load(const char *family, const char *facts)
{
    char text[8192];
    struct wire_table *table = rig_load_wire(table_text);
    if (table == NULL)
        fail_msg("%s", rig_problems);
    snprintf(text, sizeof text,
             "name = \"t\"; system = \"t\"; family = \"%s\"; charset = \"UTF-8\"; region = \"450100\";\n"
             "errors = ( (\"1\", \"N\", 1001), (\"2\", \"N\", 1002) ); errors_default = ( (\"N\", \"1\"), "
             "(\"R\", \"2\"), (\"U\", \"3\") );\n"
             "wire = {\n%s };\n"
             "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20) ); },\n"
             "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20), (\"V\", \"code\", 20) ); group = { name = "
             "\"G\"; max = 5; fields = ( (\"L\", \"code\", 4) ); }; },\n"
             "{ name = \"T1-R\"; fields = ( (\"P\", \"code\", 20), (\"S\", \"code\", 20) ); },\n"
             "{ name = \"I-Q\"; fields = ( (\"X\", \"code\", 1) ); }, { name = \"I-R\"; fields = ( (\"Y\", "
             "\"code\", 1) ); },\n"
             "{ name = \"9100-Q\"; fields = ( (\"PASSWORD\", \"text\", 20) ); } );\n"
             "local_only = ( \"9100\" );\n"
             "transactions = ( { infno = \"2304\"; local = \"T1\"; } );\n"
             "inquire = { local = \"I\"; field = \"Y\"; findings = ( (\"1\", \"posted\") ); };\n",
             family, facts);
    struct mapping *mapping = rig_load_with(text, &(struct mapping_tables){.wire = table});
    wire_table_destroy(table);
    return mapping;
}

static void
holds(const char *facts)
{
    char text[1024];
    snprintf(text, sizeof text, "need = \"x\"; %s", facts);
    struct mapping *mapping = load("t", text);
    if (mapping == NULL)
        fail_msg("%s: %s", facts, rig_problems);
    mapping_destroy(mapping);
}

/* Exactly this problem, at the fact's line. */
static void
problem(const char *facts, const char *expected)
{
    char text[1024], line[1100];
    snprintf(text, sizeof text, "need = \"x\"; %s", facts);
    snprintf(line, sizeof line, "map.cfg:4: %s", expected);
    if (load("t", text) != NULL)
        fail_msg("%s holds", facts);
    const char *end = strchr(rig_problems, '\n');
    if (strncmp(rig_problems, line, strlen(line)) != 0 || end == NULL || end[1] != '\0')
        fail_msg("%s: expected only %s\ngot %s", facts, line, rig_problems);
}

static void
test_names_of_facts(void **state)
{
    (void)state;
    holds("text = \"anything at all\";");
    problem("scheem = \"gbk\";", "unknown key scheem: did you mean scheme?");
    assert_null(load("t", "text = \"x\";"));
    assert_non_null(strstr(rig_problems, "map.cfg:3: wire.need is missing: the module of the family t"));
    assert_null(load("t", "need = 5;"));
    assert_null(strstr(rig_problems, "missing"));
    /* Nothing is known of this one. */
    struct mapping *mapping = load("other", "scheem = \"gbk\";");
    assert_non_null(mapping);
    assert_string_equal(mapping_family(mapping), "other");
    mapping_destroy(mapping);
}

static void
test_numbers_and_words(void **state)
{
    static const char *const bad[] = {"63",  "4194305", "-1", "0x40",
                                      "64 ", "many",    "",   "9999999999999999999999"};
    (void)state;
    holds("number = \"64\";");
    holds("number = \"4194304\";");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char fact[64], expected[96];
        snprintf(fact, sizeof fact, "number = \"%s\";", bad[i]);
        snprintf(expected, sizeof expected, "wire.number: \"%s\"; expected a whole number from 64 to 4194304",
                 bad[i]);
        problem(fact, expected);
    }
    holds("scheme = \"gbk\";");
    problem("scheme = \"big5\";", "wire.scheme: \"big5\"; expected one of single, gbk");
}

static void
test_fields(void **state)
{
    (void)state;
    holds("head_field = \"M\"; both = \"P\"; list = \"P V\"; row = \"L\"; start = \"9100\"; start_field = "
          "\"PASSWORD\"; asked = \"Y\";");
    problem("head_field = \"MM\";", "wire.head_field: the layout head-Q has no field MM");
    problem("head_field = \"M M\";", "wire.head_field: \"M M\"; expected the name of one field");
    problem("head_field = \"\";", "wire.head_field: \"\"; expected the name of one field");
    problem("both = \"V\";", "wire.both: the layout T1-R has no field V");
    problem("list = \"P W\";", "wire.list: the layout T1-Q has no field W");
    problem("row = \"P\";", "wire.row: the group of the layout T1-Q has no field P");
    problem("start = \"9100\"; start_field = \"PASWORD\";",
            "wire.start_field: the layout 9100-Q has no field PASWORD");
    problem("asked = \"X\";", "wire.asked: the layout I-R has no field X");
    /* Its transaction is not named: there is nothing to hold it against. */
    holds("start_field = \"PASSWORD\";");
    problem("loose = \"P W\";", "wire.loose: \"W\": no layout has the field W");
    holds("loose = \"P L PASSWORD\"; take = \"P:S L:PASSWORD\";");
    problem("take = \"P:Z\";", "wire.take: \"P:Z\": no layout has the field Z");
}

static void
test_transactions(void **state)
{
    (void)state;
    holds("posting = \"T1 9100 I\";");
    problem("posting = \"T1 T2\";", "wire.posting: the mapping has no local transaction T2");
    problem("start = \"9999\"; start_field = \"PASSWORD\";", "wire.start: the mapping has no");
}

static void
test_return_codes(void **state)
{
    (void)state;
    holds("code = \"1 2\";");
    problem("code = \"1 9\";", "wire.code: errors has no return code 9");
}

static void
test_lists_of_pairs(void **state)
{
    (void)state;
    holds(
        "constants = \"M=GW M=\"; lookup = \"P==x V=S P=PASSWORD:8\"; counts = \"T1-Q:V T1-Q:L\"; repeats = "
        "\"T1:S\"; echoes = \"T1:S=V T1:rows=rows\";");
    problem("constants = \"N=GW\";", "wire.constants: the layout head-Q has no field N");
    problem("constants = \"M\";", "wire.constants: \"M\"; expected FIELD=...");
    problem("lookup = \"P=NOSUCH:8\";", "wire.lookup: no layout has a field NOSUCH:8");
    problem("lookup = \"Q==x\";", "wire.lookup: the layout T1-Q has no field Q");
    problem("counts = \"T1-Q:S\";", "wire.counts: T1-Q:S: the layout T1-Q has no such field");
    problem("counts = \"T2-Q:S\";", "wire.counts: T2-Q:S: the layout T2-Q has no such field");
    problem("counts = \"V\";", "wire.counts: \"V\"; expected LAYOUT:FIELD");
    problem("repeats = \"T1:V\";", "wire.repeats: T1:V: the layout T1-R has no such field");
    problem("echoes = \"T1:S=S\";", "wire.echoes: T1:S=S: the layout T1-Q has no field S");
    problem("echoes = \"T1:V=V\";", "wire.echoes: T1:V=V: the layout T1-R has no field V");
    problem("echoes = \"T1:V\";", "wire.echoes: \"T1:V\"; expected TRANSACTION:FIELD=FIELD");
}

static void
test_all_at_once(void **state)
{
    size_t lines = 0;
    (void)state;
    assert_null(load("t", "scheem = \"x\"; number = \"x\"; head_field = \"x\"; posting = \"x\";"));
    for (const char *at = rig_problems; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 5); /* and what is missing */
}

/* --- the table ----------------------------------------------------------------------------------- */

static void
table_problem(const char *text, const char *expected)
{
    if (rig_load_wire(text) != NULL)
        fail_msg("loaded, though expected: %s", expected);
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("expected %s\ngot %s", expected, rig_problems);
}

static void
test_table(void **state)
{
    (void)state;
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\") ); } );", "map.cfg:2: a fact; expected");
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\", \"colour\") ); } );",
                  "map.cfg:2: \"colour\"; expected [required] KIND");
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\", \"number 1\") ); } );",
                  "map.cfg:2: \"number 1\"");
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\", \"number 1 x\") ); } );", "map.cfg:2: ");
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\", \"required\") ); } );", "map.cfg:2: ");
    table_problem("families = ( { family = \"t\"; facts = (\n(\"a\", \"text\"), (\"a\", \"text\") ); } );",
                  "map.cfg:2: fact a stands twice");
    table_problem("families = ( { family = \"t\"; facts = ( ); },\n{ family = \"t\"; facts = ( ); } );",
                  "map.cfg:2: family t stands twice");
    table_problem("families = ( { facts = ( ); } );", "family is missing");
    assert_null(wire_table_load("/no/such/file", NULL, NULL, NULL));
}

static void
test_shipped_mappings_hold(void **state)
{
    static const char *const names[] = {"danxian-450100.cfg", "dajizhong-450900.cfg", "wuxian-450300.cfg"};
    static char text[256 * 1024];
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/schema/wire.cfg", getenv("FEP_SOURCE"));
    struct wire_table *table = wire_table_load(path, NULL, NULL, NULL);
    assert_non_null(table);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/etc/mapping/%s", getenv("FEP_SOURCE"), names[i]);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        assert_int_equal(fclose(file), 0);
        struct mapping *mapping = rig_load_with(text, &(struct mapping_tables){.wire = table});
        if (mapping == NULL)
            fail_msg("%s: %s", names[i], rig_problems);
        mapping_destroy(mapping);
        /* A family that is not listed would hold whatever stood there. */
        char *wire = strstr(text, "\nwire = {");
        assert_non_null(wire);
        memcpy(strstr(wire, "transaction_field"), "transaction_feild", 17);
        assert_null(rig_load_with(text, &(struct mapping_tables){.wire = table}));
        assert_non_null(strstr(rig_problems, "did you mean transaction_field?"));
    }
    wire_table_destroy(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_facts),
        cmocka_unit_test(test_numbers_and_words),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_return_codes),
        cmocka_unit_test(test_lists_of_pairs),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_shipped_mappings_hold),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
