/* Transactions that the gateway answers itself, in a file that serves and asks, and what it remembers of a
 * person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

/* 3201 as local 601, both ways: rows with codes, counts and amounts. 1101 shows one insurance of several. */
static const char text[] =
    "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; region = \"450100\";\n"
    "errors = ( (\"0\", \"N\", 1) ); errors_default = ( (\"N\", \"1\"), (\"R\", \"2\"), (\"U\", \"3\") );\n"
    "msgid = ( (\"M\", 0, 4) ); crosswalk = \"crosswalk.csv\";\n"
    "codes = ( { name = \"clr\"; unknown = \"refuse\"; pairs = ( (\"11\", \"OP\"), (\"21\", \"IP\") ); } );\n"
    "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 4), (\"DAY\", \"digits\", 8) ); },\n"
    " { name = \"601-Q\"; fields = ( (\"N\", \"digits\", 2) ); group = { name = \"ROW\"; max = 3;\n"
    "   fields = ( (\"CLR\", \"code\", 2), (\"POS\", \"digits\", 4), (\"SUM\", \"decimal\", 13, 2) ); }; },\n"
    " { name = \"601-R\"; fields = ( (\"EQUAL\", \"code\", 1) ); group = { name = \"ROW\"; max = 3;\n"
    "   fields = ( (\"CLR\", \"code\", 2), (\"POS\", \"digits\", 4), (\"SUM\", \"decimal\", 13, 2),\n"
    "              (\"RES\", \"code\", 1) ); }; },\n"
    " { name = \"602-Q\"; fields = ( (\"DAY\", \"digits\", 8), (\"SUM\", \"decimal\", 13, 2) ); },\n"
    " { name = \"602-R\"; fields = ( (\"RES\", \"code\", 1) ); },\n"
    " { name = \"130-Q\"; fields = ( (\"K\", \"code\", 1) ); },\n"
    " { name = \"110-Q\"; fields = ( (\"P\", \"code\", 20) ); },\n"
    " { name = \"110-R\"; fields = ( (\"P\", \"code\", 20), (\"INS\", \"code\", 3) ); },\n"
    " { name = \"220-Q\"; fields = ( (\"P\", \"code\", 20), (\"NAME\", \"text\", 50) ); } );\n"
    "head = { request = ( (\"DAY\", \"data.stmt_begndate\", { convert = \"date\"; when = (\"header.infno\", "
    "\"3201\"); }),\n"
    "  (\"M\", \"attempt.number\", { dir = \"out\"; }) ); };\n"
    "transactions = (\n"
    " { infno = \"3201\"; local = \"601\"; when = ( (\"local.N\", \"\") ); answered_by = \"store\"; "
    "closed_days_only = true;\n"
    "   request_group = { path = \"rows\"; rules = ( (\"CLR\", \"clr_type\", { codes = \"clr\"; }),\n"
    "     (\"POS\", \"setl_cnt\", { number = true; }), (\"SUM\", \"medfee_sumamt\") ); };\n"
    "   answer = ( (\"EQUAL\", \"data.stmt_rslt\") );\n"
    "   answer_group = { path = \"rows\"; rules = ( (\"CLR\", \"clr_type\", { codes = \"clr\"; }),\n"
    "     (\"POS\", \"setl_cnt\", { number = true; }), (\"SUM\", \"medfee_sumamt\"), (\"RES\", "
    "\"stmt_rslt\") ); }; },\n"
    " { infno = \"3203\"; local = \"602\"; answered_by = \"store\";\n"
    "   request = ( (\"DAY\", \"data.stmt_begndate\", { convert = \"date\"; }), (\"SUM\", "
    "\"rows.medfee_sumamt\") );\n"
    "   answer = ( (\"RES\", \"data.stmt_rslt\") ); },\n"
    " { infno = \"1312\"; local = \"130\"; answered_by = \"crosswalk\"; request = ( (\"K\", "
    "\"data.list_type\") ); },\n"
    " { infno = \"1101\"; local = \"110\"; request = ( (\"P\", \"data.mdtrt_cert_no\") );\n"
    "   answer = ( (\"P\", \"baseinfo.psn_no\"), (\"INS\", \"insuinfo[insutype=310,390].insutype\") ); },\n"
    " { infno = \"2201\"; local = \"220\"; person = \"data.psn_no\";\n"
    "   request = ( (\"P\", \"data.psn_no\"), (\"NAME\", \"data.psn_name\", { same = \"person.psn_name\"; "
    "}),\n"
    "     (\"-\", \"data.insutype\", \"person.insutype\", { default = \"?\"; }),\n"
    "     (\"-\", \"data.first\", \"person.insuinfo.insutype\"),\n"
    "     (\"-\", \"data.old\", \"=1\", { when = (\"person.psn_type\", \"12\"); }) ); } );\n";

static struct mapping *
load(void)
{
    rig_write_crosswalk("L1,N1\n");
    struct mapping *mapping = rig_load_text(text);
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    return mapping;
}

/* Serving: the canonical body, or NULL with the error. Keep `request` for the answer. */
static const char *
serve(const struct mapping *mapping, const char *local, struct fep_record *body, const char *person,
      struct mapping_request *request, struct fep_error *error)
{
    static char out[4096];
    struct mapping_context context = {.clock_date = 20261122};
    struct fep_record *head = rig_record(mapping, "head-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "DAY", "20261121");
    if (person != NULL)
        context.person_answer = rig_slice(person);
    *error = (struct fep_error){0};
    int status = mapping_request_in(mapping, local, head, body, &context, request, error);
    record_destroy(head);
    if (status < 0)
        return NULL;
    snprintf(out, sizeof out, "%.*s", (int)request->body.size, (const char *)request->body.data);
    slice_release(&request->body);
    return out;
}

static void
test_rows_of_a_served_report(void **state)
{
    struct fep_error error;
    struct mapping_request request;
    struct mapping_context context = {.clock_date = 20261122};
    struct fep_result result = {.size = sizeof result};
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *body = rig_record(mapping, "601-Q"), *answer;
    rig_set_row(body, 0, "CLR", "OP");
    rig_set_row(body, 0, "POS", "0012");
    rig_set_row(body, 0, "SUM", "120.50");
    rig_set_row(body, 1, "CLR", "IP");
    rig_set_row(body, 1, "POS", "0000");
    rig_set_row(body, 1, "SUM", "-3.00");
    const char *canonical = serve(mapping, "601", body, NULL, &request, &error);
    if (canonical == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(canonical, "{\"input\":{\"data\":{\"stmt_begndate\":\"2026-11-21\"},\"rows\":["
                                   "{\"clr_type\":\"11\",\"setl_cnt\":12,\"medfee_sumamt\":120.50},"
                                   "{\"clr_type\":\"21\",\"setl_cnt\":0,\"medfee_sumamt\":-3.00}]}}");
    assert_int_equal(mapping_answered_by(&request), MAPPING_BY_STORE);
    assert_true(mapping_wants_closed_days(&request));
    const char *own =
        "{\"infcode\":0,\"output\":{\"data\":{\"stmt_rslt\":\"1\"},\"rows\":[{\"clr_type\":\"21\","
        "\"setl_cnt\":2,\"medfee_sumamt\":7.00,\"stmt_rslt\":\"3\"}]}}";
    assert_int_equal(
        mapping_answer_out(mapping, &request, rig_slice(own), &result, &context, &answer, &error), 0);
    assert_string_equal(rig_get(answer, "EQUAL"), "1");
    assert_int_equal(record_rows(answer), 1);
    assert_string_equal(rig_get_row(answer, 0, "CLR"), "IP");
    assert_string_equal(rig_get_row(answer, 0, "POS"), "2");
    assert_string_equal(rig_get_row(answer, 0, "SUM"), "7.00");
    assert_string_equal(rig_get_row(answer, 0, "RES"), "3");
    record_destroy(answer);
    record_destroy(body);
    mapping_destroy(mapping);
}

/* The same file asks: what it made of a record becomes the same record. */
static void
test_rows_of_an_asked_report(void **state)
{
    static const char canonical[] = "{\"input\":{\"data\":{\"stmt_begndate\":\"2026-11-21\"},\"rows\":["
                                    "{\"clr_type\":\"11\",\"setl_cnt\":12,\"medfee_sumamt\":120.50}]}}";
    struct fep_error error = {0};
    struct message_header header = {.infno = "3201"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 7, .serial_date = 20261122};
    struct mapping_context context = {.clock_date = 20261122, .attempt = &attempt};
    struct fep_record *head, *record;
    struct fep_index index = {.size = sizeof index};
    struct fep_result result = {.size = sizeof result};
    struct slice answer;
    (void)state;
    struct mapping *mapping = load();
    const char *local = mapping_request_out(mapping, &header, NULL, rig_slice(canonical), FEP_OP_SUBMIT,
                                            &context, &head, &record, &error);
    if (local == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(local, "601");
    assert_string_equal(rig_get(head, "DAY"), "20261121");
    assert_string_equal(rig_get(head, "M"), "7");
    assert_string_equal(rig_get_row(record, 0, "CLR"), "OP");
    assert_string_equal(rig_get_row(record, 0, "POS"), "12");
    assert_string_equal(rig_get_row(record, 0, "SUM"), "120.50");
    struct fep_record *back = rig_record(mapping, "601-R");
    rig_set(back, "EQUAL", "1");
    rig_set_row(back, 0, "CLR", "OP");
    rig_set_row(back, 0, "POS", "11");
    rig_set_row(back, 0, "SUM", "119.50");
    rig_set_row(back, 0, "RES", "1");
    assert_int_equal(mapping_answer_in(mapping, &header, rig_slice(canonical), back, &context, &answer,
                                       &index, &result, &error),
                     0);
    assert_true(rig_holds(answer, "\"output\":{\"data\":{\"stmt_rslt\":\"1\"},\"rows\":[{\"clr_type\":\"11\","
                                  "\"setl_cnt\":11,\"medfee_sumamt\":119.50,\"stmt_rslt\":\"1\"}]}"));
    slice_release(&answer);
    record_destroy(back);
    record_destroy(head);
    record_destroy(record);
    mapping_destroy(mapping);
}

/* One row, written as an object where there is no group. */
static void
test_one_row_without_a_group(void **state)
{
    struct fep_error error;
    struct mapping_request request;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *body = rig_record(mapping, "602-Q");
    rig_set(body, "DAY", "20261121");
    rig_set(body, "SUM", "1.00");
    assert_string_equal(
        serve(mapping, "602", body, NULL, &request, &error),
        "{\"input\":{\"data\":{\"stmt_begndate\":\"2026-11-21\"},\"rows\":{\"medfee_sumamt\":1.00}}}");
    assert_int_equal(mapping_answered_by(&request), MAPPING_BY_STORE);
    assert_false(mapping_wants_closed_days(&request));
    record_destroy(body);
    body = rig_record(mapping, "130-Q");
    assert_non_null(serve(mapping, "130", body, NULL, &request, &error));
    assert_int_equal(mapping_answered_by(&request), MAPPING_BY_CROSSWALK);
    record_destroy(body);
    body = rig_record(mapping, "110-Q");
    assert_non_null(serve(mapping, "110", body, NULL, &request, &error));
    assert_int_equal(mapping_answered_by(&request), MAPPING_FORWARDED);
    record_destroy(body);
    mapping_destroy(mapping);
}

#define PERSON                                                                                               \
    "{\"output\":{\"baseinfo\":{\"psn_no\":\"P1\",\"psn_name\":\"林测试\"},\"insuinfo\":["                \
    "{\"insutype\":\"390\",\"psn_type\":\"15\"},{\"insutype\":\"310\",\"psn_type\":\"12\"}]}}"

static void
test_what_is_remembered_of_a_person(void **state)
{
    char person[64];
    struct fep_error error;
    struct mapping_request request;
    (void)state;
    struct mapping *mapping = load();
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "220-Q");
    rig_set(body, "P", " P1 ");
    rig_set(body, "NAME", "林测试");
    assert_int_equal(mapping_needs_person(mapping, "220", head, body, person), 1);
    assert_string_equal(person, "P1");
    /* The element that 1101 shows here, 310 before 390; one that a path names itself. */
    assert_string_equal(
        serve(mapping, "220", body, PERSON, &request, &error),
        "{\"input\":{\"data\":{\"psn_no\":\"P1\",\"psn_name\":\"林测试\",\"insutype\":\"310\","
        "\"first\":\"390\"}}}");
    assert_string_equal(
        serve(mapping, "220", body, NULL, &request, &error),
        "{\"input\":{\"data\":{\"psn_no\":\"P1\",\"psn_name\":\"林测试\",\"insutype\":\"?\"}}}");
    rig_set(body, "NAME", "林假");
    assert_null(serve(mapping, "220", body, PERSON, &request, &error));
    assert_int_equal(error.code, 2003);
    assert_null(strstr(error.text, "林"));
    record_destroy(body);
    body = rig_record(mapping, "110-Q");
    assert_int_equal(mapping_needs_person(mapping, "110", head, body, person), 0);
    record_destroy(body);
    record_destroy(head);
    mapping_destroy(mapping);
}

static void
wrong(const char *from, const char *to, const char *expected)
{
    static char changed[sizeof text + 256];
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    rig_write_crosswalk("L1,N1\n");
    assert_null(rig_load_text(changed));
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("\"%s\" expected, got: %s", expected, rig_problems);
}

static void
test_found_when_read(void **state)
{
    (void)state;
    wrong("answered_by = \"store\";", "answered_by = \"shop\";", "answered_by");
    wrong("answered_by = \"store\"; closed", "closed", "closed_days_only is for transactions");
    wrong("crosswalk = \"crosswalk.csv\";", "", "answered_by = \"crosswalk\" without a crosswalk");
    wrong("\"person.insutype\", { default", "\"person.\", { default", "path \"\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_served_report), cmocka_unit_test(test_rows_of_an_asked_report),
        cmocka_unit_test(test_one_row_without_a_group), cmocka_unit_test(test_what_is_remembered_of_a_person),
        cmocka_unit_test(test_found_when_read),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
