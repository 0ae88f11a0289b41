/* What must be filled and is not is found when a mapping is read: fields of a layout, members of a canonical
 * message, the person of an update; in made-up mappings, and in the shipped ones with rules taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

static struct mapping_tables tables;

static int
set_up(void **state)
{
    char path[512];
    (void)state;
    const char *source = getenv("FEP_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source);
    tables.transactions = transaction_table_load(path, NULL, NULL, NULL);
    snprintf(path, sizeof path, "%s/schema/canonical.cfg", source);
    tables.canonical = canonical_table_load(path, NULL, NULL, NULL);
    return tables.transactions != NULL && tables.canonical != NULL ? 0 : -1;
}

static int
clean(void **state)
{
    (void)state;
    rig_clean();
    transaction_table_destroy((struct transaction_table *)(uintptr_t)tables.transactions);
    canonical_table_destroy((struct canonical_table *)(uintptr_t)tables.canonical);
    return 0;
}

/* --- made-up mappings ---------------------------------------------------------------------------- */

#define SERVING "msgid = ( (\"M\", 0, 4) );"
#define ASKING  ""

/* One transaction T1 of the given canonical number; its line is 8. */
static struct mapping *
load(const struct mapping_tables *with, const char *side, const char *infno, const char *layouts,
     const char *members, const char *more)
{
    static char text[16384];
    snprintf(
        text, sizeof text,
        "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"UTF-8\"; region = \"450100\";\n"
        "errors = (); errors_default = ( (\"N\", \"1\"), (\"R\", \"2\"), (\"U\", \"3\") );\n"
        "%s\n"
        "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20), (\"A\", \"code\", 6), (\"H\", "
        "\"code\", 12) ); },\n"
        "%s );\n"
        "head = { request = ( (\"A\", \"header.insured_area\"), (\"H\", \"header.institution\"), "
        "(\"-\", \"header.treat_area\", \"=450100\") ); };\n"
        "transactions = (\n"
        "{ infno = \"%s\"; local = \"T1\"; %s } );\n"
        "%s\n",
        side, layouts, infno, members, more);
    return rig_load_with(text, with);
}

static void
holds(struct mapping *mapping)
{
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    mapping_destroy(mapping);
}

/* Exactly one problem, at that line of the file. */
static void
problem(struct mapping *mapping, const char *expected)
{
    if (mapping != NULL)
        fail_msg("loaded, though expected: %s", expected);
    const char *end = strchr(rig_problems, '\n');
    if (strncmp(rig_problems, expected, strlen(expected)) != 0 || end == NULL || end[1] != '\0')
        fail_msg("expected only %s\ngot %s", expected, rig_problems);
}

#define PLAIN                                                                                                \
    "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20), (\"V\", \"code\", 20), (\"W\", \"code\", 20) ); }"
/* What 2404 must have. */
#define CANCEL                                                                                               \
    "request = ( (\"P\", \"data.psn_no\"), (\"V\", \"data.mdtrt_id\"), (\"W\", \"data.ipt_otp_no\") );"

static void
test_update_without_person(void **state)
{
    (void)state;
    holds(load(&tables, SERVING, "2404", PLAIN, CANCEL " person = \"data.psn_no\";", ""));
    problem(load(&tables, SERVING, "2404", PLAIN, CANCEL, ""), "map.cfg:8: person is missing: 2404");
    problem(load(&tables, SERVING, "2404", PLAIN,
                 CANCEL " person = \"data.psn_no\"; answered_by = \"store\";", ""),
            "map.cfg:8: answered_by is for queries; 2404 is none");
    /* Who only asks sends no order key; a query has no order. */
    holds(load(&tables, ASKING, "2404", PLAIN, CANCEL, ""));
    holds(load(&tables, SERVING, "5203", PLAIN, CANCEL, ""));
    /* Written wrongly it is there. */
    problem(load(&tables, SERVING, "2404", PLAIN, CANCEL " person = 5;", ""), "map.cfg:8: person: expected");
}

static void
test_person_that_no_rule_sets(void **state)
{
    static const struct mapping_tables none;
    (void)state;
    problem(load(&none, SERVING, "2404", PLAIN, CANCEL " person = \"data.person\";", ""),
            "map.cfg:8: person = \"data.person\": no rule of the request sets it");
    problem(load(&none, SERVING, "2404", PLAIN,
                 "request = ( (\"P\", \"data.psn_no\", { dir = \"out\"; }) ); person = \"data.psn_no\";", ""),
            "map.cfg:8: person = \"data.psn_no\"");
    holds(load(&none, SERVING, "2404", PLAIN, CANCEL " person = \"visit.psn_no\";", ""));
}

static void
test_empty_person_is_refused(void **state)
{
    struct mapping_context context = {.clock_date = 20261122};
    struct mapping_request request;
    struct fep_error error = {0};
    (void)state;
    struct mapping *mapping = load(&tables, SERVING, "2404", PLAIN, CANCEL " person = \"data.psn_no\";", "");
    assert_non_null(mapping);
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set(body, "V", "V1");
    assert_true(mapping_request_in(mapping, "T1", head, body, &context, &request, &error) < 0);
    assert_non_null(strstr(error.text, "the person number (data.psn_no) is missing"));
    rig_set(body, "P", "P1");
    assert_int_equal(mapping_request_in(mapping, "T1", head, body, &context, &request, &error), 0);
    slice_release(&request.body);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

static void
test_transaction_that_is_in_no_table(void **state)
{
    (void)state;
    problem(load(&tables, ASKING, "9999", PLAIN, CANCEL, ""),
            "map.cfg:8: transaction 9999 is not in the transaction table");
}

#define NEEDS_P "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20, \"required\") ); }"
#define NEEDS_L                                                                                              \
    "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20) ); group = { name = \"LINE\"; max = 5; fields = ( " \
    "(\"L\", \"code\", 20, \"required\") ); }; }"

static void
test_required_field_of_what_is_asked(void **state)
{
    static const struct mapping_tables none;
    (void)state;
    problem(load(&none, ASKING, "5203", NEEDS_P, "\nrequest = ( );", ""),
            "map.cfg:9: field P of T1-Q is required and no rule fills it");
    problem(load(&none, ASKING, "5203", NEEDS_P, "request = ( (\"P\", \"data.p\", { dir = \"in\"; }) );", ""),
            "map.cfg:8: field P of T1-Q");
    problem(load(&none, ASKING, "5203", NEEDS_P,
                 "request = ( (\"P\", \"data.p\", { when = (\"header.infno\", \"2304\"); }) );", ""),
            "map.cfg:8: field P of T1-Q");
    holds(load(&none, ASKING, "5203", NEEDS_P,
               "request = ( (\"P\", \"data.p\", { when = (\"header.infno\", \"2304\", \"5203\"); }) );", ""));
    problem(load(&none, ASKING, "5203", NEEDS_L, "request_group = { path = \"l\"; rules = ( ); };", ""),
            "map.cfg:8: field L of T1-Q");
    problem(load(&none, ASKING, "5203", NEEDS_L, "", ""), "map.cfg:8: group LINE of T1-Q");
    /* Served, the caller fills it. */
    holds(load(&none, SERVING, "5203", NEEDS_P, "request = ( );", ""));
    /* Served and asked. */
    problem(load(&none, SERVING, "5203",
                 NEEDS_P ", { name = \"R-Q\"; fields = ( (\"X\", \"code\", 1) ); }, { name = \"R-R\"; fields "
                         "= ( (\"X\", \"code\", 1) ); }",
                 "request = ( );",
                 "reverse = { local = \"R\"; field = \"X\"; findings = ( (\"1\", \"reversed\") ); };"),
            "map.cfg:8: field P of T1-Q");
}

static void
test_required_field_of_an_answer(void **state)
{
    static const char layouts[] =
        "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20) ); }, { name = \"T1-R\"; fields = ( (\"S\", "
        "\"code\", 20, \"required\") ); }";
    static const struct mapping_tables none;
    (void)state;
    problem(load(&none, SERVING, "5203", layouts, "request = ( );", ""), "map.cfg:8: field S of T1-R");
    holds(load(&none, SERVING, "5203", layouts, "answer = ( (\"S\", \"=1\") );", ""));
    holds(load(&none, ASKING, "5203", layouts, "request = ( );", ""));
}

static void
test_required_field_of_operations(void **state)
{
    static const char layouts[] =
        NEEDS_P ", { name = \"R-Q\"; fields = ( (\"X\", \"code\", 4, \"required\") ); }, { name = \"R-R\"; "
                "fields = ( "
                "(\"Y\", \"code\", 1, \"required\"), (\"Z\", \"code\", 1, \"required\") ); }";
    static const char request[] = "request = ( (\"P\", \"data.p\") );";
    static const struct mapping_tables none;
    (void)state;
    problem(load(&none, ASKING, "5203", layouts, request,
                 "inquire = { local = \"R\"; field = \"Y\"; findings = ( (\"1\", \"posted\") ); };"),
            "map.cfg:9: field X of R-Q is required");
    /* The finding itself is filled by the engine. */
    problem(load(&none, SERVING, "5203", layouts, request,
                 "serve_reverse = { local = \"R\"; original = ( (\"X\", 0, 4) ); field = \"Y\"; findings = ( "
                 "(\"1\", \"reversed\") ); };"),
            "map.cfg:9: field Z of R-R is required");
}

static void
test_members_of_a_served_request(void **state)
{
    static const char person[] = "person = \"visit.psn_no\";";
    char members[512];
    (void)state;
    snprintf(members, sizeof members,
             "request = ( (\"V\", \"data.mdtrt_id\"), (\"P\", \"data.psn_no\") ); %s", person);
    problem(load(&tables, SERVING, "2404", PLAIN, members, ""),
            "map.cfg:8: 2404 is served: its canonical request must have data.ipt_otp_no");
    holds(load(&tables, ASKING, "2404", PLAIN, members, ""));
    snprintf(members, sizeof members,
             "request = ( (\"V\", \"data.mdtrt_id\"), (\"P\", \"data.psn_no\"), (\"-\", \"data.ipt_otp_no\", "
             "\"visit.ipt_no\", { when = (\"visit.class\", \"in\"); }) ); %s",
             person);
    holds(load(&tables, SERVING, "2404", PLAIN, members, ""));
    /* A rule that is wrong in itself is reported once. */
    snprintf(members, sizeof members, "request = ( (\"V\", \"data..x\") ); %s", person);
    problem(load(&tables, SERVING, "2404", PLAIN, members, ""), "map.cfg:8: path \"data..x\"");
}

static void
test_members_of_an_asked_answer(void **state)
{
    static const char layouts[] =
        "{ name = \"T1-Q\"; fields = ( (\"P\", \"code\", 20) ); }, { name = \"T1-R\"; "
        "fields = ( (\"N\", \"digits\", 4) ); }";
    (void)state;
    problem(load(&tables, ASKING, "2302", layouts, "request = ( );", ""),
            "map.cfg:8: 2302 is asked: its canonical answer must have data.feedetl_cnt");
    problem(load(&tables, ASKING, "2302", PLAIN, "request = ( );", ""), "map.cfg:8: 2302 is asked");
    holds(load(&tables, ASKING, "2302", layouts, "answer = ( (\"N\", \"data.feedetl_cnt\") );", ""));
}

static void
test_header_of_a_served_request(void **state)
{
    (void)state;
    char text[4096];
    struct mapping *good = load(&tables, SERVING, "5203", PLAIN, CANCEL, "");
    holds(good);
    snprintf(text, sizeof text,
             "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"UTF-8\"; region = \"450100\";\n"
             "errors = (); errors_default = ( (\"N\", \"1\"), (\"R\", \"2\"), (\"U\", \"3\") );\n" SERVING
             "\n"
             "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20), (\"A\", \"code\", 6) ); "
             "},\n" PLAIN " );\n"
             "head = { request = ( (\"-\", \"header.institution\", \"=H1\"), (\"-\", \"header.treat_area\", "
             "\"=450100\") ); };\n"
             "transactions = (\n{ infno = \"5203\"; local = \"T1\"; request = ( ); } );\n");
    problem(rig_load_with(text, &tables),
            "map.cfg:8: 5203 is served and no rule of its request or of the head sets header.insured_area");
}

/* --- the shipped files --------------------------------------------------------------------------- */

#define SHIPPED_SIZE (256 * 1024)

static char *
read_shipped(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/etc/mapping/%s", getenv("FEP_SOURCE"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = calloc(1, SHIPPED_SIZE);
    assert_non_null(text);
    assert_true(fread(text, 1, SHIPPED_SIZE - 1, file) < SHIPPED_SIZE - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* In place of each rule that holds `part`, one that sets nothing of interest. */
static size_t
take_out(char *text, const char *part)
{
    static const char idle[] = "(\"-\", \"envelope.x\", \"=1\")";
    size_t taken = 0;
    for (char *at = strstr(text, "\ntransactions = ("); (at = strstr(at, part)) != NULL; taken++) {
        while (strncmp(at, "(\"", 2) != 0)
            at--;
        char *end = at;
        int depth = 0;
        do
            depth += *end == '(' ? 1 : *end == ')' ? -1 : 0;
        while (*end++ != '\0' && depth > 0);
        assert_true((size_t)(end - at) >= sizeof idle - 1);
        memmove(at + sizeof idle - 1, end, strlen(end) + 1);
        memcpy(at, idle, sizeof idle - 1);
        at += sizeof idle - 1;
    }
    return taken;
}

static void
missing(const char *name, const char *part, const char *expected)
{
    char *text = read_shipped(name);
    assert_true(take_out(text, part) > 0);
    struct mapping *mapping = rig_load_with(text, &tables);
    free(text);
    if (mapping != NULL)
        fail_msg("%s without %s loads", name, part);
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("%s without %s: expected %s\ngot %s", name, part, expected, rig_problems);
    for (const char *line = rig_problems; *line != '\0'; line = strchr(line, '\n') + 1)
        if (strncmp(line, "map.cfg:", 8) != 0 || strtol(line + 8, NULL, 10) < 1)
            fail_msg("no line: %s", line);
}

static void
test_shipped_mappings_hold(void **state)
{
    static const char *const names[] = {"danxian-450100.cfg", "dajizhong-450900.cfg", "wuxian-450300.cfg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *text = read_shipped(names[i]);
        struct mapping *mapping = rig_load_with(text, &tables);
        free(text);
        if (mapping == NULL)
            fail_msg("%s: %s", names[i], rig_problems);
        mapping_destroy(mapping);
    }
}

static void
test_person_number_of_a_registration(void **state)
{
    (void)state;
    missing("danxian-450100.cfg", "(\"PSN-NO\", \"data.psn_no\"", "person = \"data.psn_no\": no rule");
    missing("danxian-450100.cfg", "(\"PSN-NO\", \"data.psn_no\"",
            "2201 is served: its canonical request must have data.psn_no");
    missing("dajizhong-450900.cfg", "(\"RQ-PSN-NO\", \"data.psn_no\"",
            "field RQ-PSN-NO of 200001-Q is required");
    missing("wuxian-450300.cfg", "(\"AAC001\", \"data.psn_no\", { required",
            "field AAC001 of 1201-Q is required");
}

static void
test_medical_category(void **state)
{
    (void)state;
    missing("danxian-450100.cfg", "(\"MED-CAT\", ",
            "2201 is served: its canonical request must have data.med_type");
    missing("danxian-450100.cfg", "(\"MED-CAT\", ",
            "2304 is served: its canonical request must have data.med_type");
    missing("dajizhong-450900.cfg", "-MED-CAT\", ", "field RQ-MED-CAT of 200001-Q is required");
    missing("dajizhong-450900.cfg", "-MED-CAT\", ", "field SQ-MED-CAT of 400002-Q is required");
    missing("wuxian-450300.cfg", "(\"AKA130\", ", "field AKA130 of 1402-Q is required");
}

static void
test_settlement_number_of_a_cancel(void **state)
{
    (void)state;
    missing("danxian-450100.cfg", "\"data.setl_id\"",
            "2208 is served: its canonical request must have data.setl_id");
    missing("dajizhong-450900.cfg", "\"data.setl_id\"", "field CQ-ORG-SETL-NO of 400003-Q is required");
    missing("wuxian-450300.cfg", "\"data.setl_id\"", "field AAZ216 of 1403-Q is required");
}

static void
test_amounts_of_an_answer(void **state)
{
    (void)state;
    missing("dajizhong-450900.cfg", "\"setlinfo.psn_cash_pay\")",
            "2304 is asked: its canonical answer must have setlinfo.psn_cash_pay");
    missing("wuxian-450300.cfg", "\"setlinfo.setl_id\"",
            "2207 is asked: its canonical answer must have setlinfo.setl_id");
}

static void
test_person_of_every_shipped_update(void **state)
{
    (void)state;
    char *text = read_shipped("danxian-450100.cfg");
    for (char *at = text; (at = strstr(at, "    person = ")) != NULL;)
        memcpy(at, "    #", 5);
    assert_null(rig_load_with(text, &tables));
    free(text);
    static const char *const updates[] = {"2401", "2201", "2404", "2202", "2301", "2204",
                                          "2302", "2205", "2304", "2207", "2305", "2208"};
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "person is missing: %s", updates[i]);
        if (strstr(rig_problems, expected) == NULL)
            fail_msg("%s not in %s", expected, rig_problems);
    }
    assert_null(strstr(rig_problems, "person is missing: 2303"));
}

/* --- the table itself ---------------------------------------------------------------------------- */

static void
table_problem(const char *text, const char *expected)
{
    struct canonical_table *table = rig_load_canonical(text);
    if (table != NULL)
        fail_msg("loaded, though expected: %s", expected);
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("expected %s\ngot %s", expected, rig_problems);
}

static void
test_canonical_table(void **state)
{
    (void)state;
    struct canonical_table *table = rig_load_canonical(
        "header = []; transactions = ( { infno = [\"2304\"]; input = [\"data.a\"]; output = []; } );");
    assert_non_null(table);
    canonical_table_destroy(table);
    table_problem("header = []; transactions = ();", "map.cfg:1: transactions: the list is empty");
    table_problem("transactions = (\n{ infno = [\"2304\"]; input = []; } );", "map.cfg:2: output is missing");
    table_problem("header = []; transactions = (\n{ infno = [\"23\"]; input = []; output = []; } );",
                  "map.cfg:2: infno \"23\"");
    table_problem(
        "header = []; transactions = (\n{ infno = [\"2304\", \"2304\"]; input = []; output = []; } );",
        "map.cfg:2: 2304 stands in the table twice");
    table_problem(
        "header = []; transactions = (\n{ infno = [\"2304\"]; input = [\"a[b=c]\"]; output = []; } );",
        "map.cfg:2: input: \"a[b=c]\"; expected names joined by dots");
    table_problem("header = []; transactions = (\n{ infno = [\"2304\"]; inputs = []; output = []; } );",
                  "did you mean input?");
    assert_null(canonical_table_load("/no/such/file", NULL, NULL, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_without_person),
        cmocka_unit_test(test_person_that_no_rule_sets),
        cmocka_unit_test(test_empty_person_is_refused),
        cmocka_unit_test(test_transaction_that_is_in_no_table),
        cmocka_unit_test(test_required_field_of_what_is_asked),
        cmocka_unit_test(test_required_field_of_an_answer),
        cmocka_unit_test(test_required_field_of_operations),
        cmocka_unit_test(test_members_of_a_served_request),
        cmocka_unit_test(test_members_of_an_asked_answer),
        cmocka_unit_test(test_header_of_a_served_request),
        cmocka_unit_test(test_shipped_mappings_hold),
        cmocka_unit_test(test_person_number_of_a_registration),
        cmocka_unit_test(test_medical_category),
        cmocka_unit_test(test_settlement_number_of_a_cancel),
        cmocka_unit_test(test_amounts_of_an_answer),
        cmocka_unit_test(test_person_of_every_shipped_update),
        cmocka_unit_test(test_canonical_table),
    };
    return cmocka_run_group_tests(tests, set_up, clean);
}
