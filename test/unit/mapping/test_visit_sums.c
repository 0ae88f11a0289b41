/* Sums over the visit's fee lines that travel with a settlement (rule R4): which lines count, and what a
 * mapping makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error_codes.h"
#include "map_rig.h"
#include "visit_lines.h"

#define VISIT  "V1"
#define OF(id) "\"mdtrt_id\":\"" id "\",\"psn_no\":\"P\""
#define LINE(number, kind, category, level, price, amount)                                                   \
    "{\"feedetl_sn\":\"" number "\",\"item_kind\":\"" kind "\",\"med_chrgitm_type\":\"" category             \
    "\",\"chrgitm_lv\":\"" level "\",\"pric\":" price ",\"det_item_fee_sumamt\":" amount "}"
#define UPLOAD_OF(id, lines) "{\"input\":{\"data\":{" OF(id) "},\"feedetail\":[" lines "]}}"
#define UPLOAD(lines)        UPLOAD_OF(VISIT, lines)
#define REMOVE(numbers)      "{\"input\":{\"data\":[" numbers "]}}"
#define NUMBER(number)       "{" OF(VISIT) ",\"feedetl_sn\":\"" number "\"}"
#define SETTLE               "{\"input\":{\"data\":{" OF(VISIT) ",\"medfee_sumamt\":1}}}"
#define SETTLED(id)          "{\"output\":{\"setlinfo\":{\"setl_id\":\"" id "\"}}}"
#define CANCEL(id)           "{\"input\":{\"data\":{" OF(VISIT) ",\"setl_id\":\"" id "\"}}}"
#define OPENED               "{\"output\":{\"result\":{\"mdtrt_id\":\"" VISIT "\"}}}"
#define NOTHING              "{\"output\":{}}"

#define DRUGS LINE("1", "1", "09", "01", "10", "20.00") "," LINE("2", "1", "09", "02", "0.5", "0.35")
#define MATERIALS                                                                                            \
    LINE("3", "2", "08", "02", "199.9999", "200.00") "," LINE("4", "2", "08", "02", "200", "400.01")

struct books {
    struct visit_lines *lines;
    struct fep_error error;
    bool failed;
};

static void
take_as(struct books *books, const char *infno, enum visit_exchange_state state, const char *request,
        const char *answer)
{
    struct visit_exchange exchange = {.infno = infno,
                                      .settlement_id = "",
                                      .state = state,
                                      .request = rig_slice(request),
                                      .answer = rig_slice(answer)};
    books->failed = visit_lines_take(books->lines, &exchange, &books->error) < 0 || books->failed;
}

static void
take(struct books *books, const char *infno, const char *request, const char *answer)
{
    take_as(books, infno, VISIT_EXCHANGE_POSTED, request, answer);
}

static void
begin(struct books *books, bool opened)
{
    *books = (struct books){.lines = visit_lines_create(VISIT)};
    assert_non_null(books->lines);
    if (opened)
        take(books, "2401", "{\"input\":{}}", OPENED);
}

/* The numbers of the lines that are not settled, in their order: "1,2,"; or the error's text. */
static const char *
left(struct books *books)
{
    static char text[1024];
    struct slice body = SLICE_NONE;
    text[0] = '\0';
    if (books->failed || visit_lines_write(books->lines, &body, &books->error) < 0) {
        assert_int_not_equal(books->error.code, 0);
        snprintf(text, sizeof text, "%s", books->error.text);
    }
    const char *at = (const char *)body.data, *end = at + body.size;
    static const char name[] = "\"feedetl_sn\":\"";
    while (at != NULL && (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL) {
        at += sizeof name - 1;
        const char *quote = memchr(at, '"', (size_t)(end - at));
        assert_non_null(quote);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%.*s,", (int)(quote - at), at);
    }
    slice_release(&body);
    visit_lines_destroy(books->lines);
    return text;
}

static void
expect_error(struct books *books, const char *part)
{
    const char *text = left(books);
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* --- which lines ----------------------------------------------------------------------------------- */

static void
test_all_uploads_count_once(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2301", UPLOAD_OF("V2", LINE("9", "1", "09", "01", "1", "1")), NOTHING);
    take_as(&books, "2301", VISIT_EXCHANGE_NONE, UPLOAD(LINE("8", "1", "09", "01", "1", "1")), NOTHING);
    take(&books, "2204", UPLOAD(MATERIALS), NOTHING);
    assert_string_equal(left(&books), "1,2,3,4,");
}

static void
test_cancelled_lines_do_not_count(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS "," MATERIALS), NOTHING);
    take(&books, "2302", REMOVE(NUMBER("2") "," NUMBER("4")), NOTHING);
    take(&books, "2302", REMOVE("{" OF("V2") ",\"feedetl_sn\":\"0000\"}"), NOTHING);
    take_as(&books, "2302", VISIT_EXCHANGE_NONE, REMOVE(NUMBER("1")), NOTHING);
    assert_string_equal(left(&books), "1,3,");
    begin(&books, true);
    take(&books, "2204", UPLOAD(DRUGS), NOTHING);
    take(&books, "2205", "{\"input\":{\"data\":" NUMBER("0000") "}}", NOTHING);
    take(&books, "2204", UPLOAD(MATERIALS), NOTHING);
    assert_string_equal(left(&books), "3,4,");
}

static void
test_settled_lines_do_not_count_and_a_cancel_frees_them(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2304", SETTLE, SETTLED("S1"));
    take(&books, "2301", UPLOAD(MATERIALS), NOTHING);
    take(&books, "2302", REMOVE(NUMBER("0000")), NOTHING); /* the settled ones stay */
    take(&books, "2301", UPLOAD(LINE("5", "1", "09", "01", "1", "1")), NOTHING);
    assert_string_equal(left(&books), "5,");
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2304", SETTLE, SETTLED("S1"));
    take(&books, "2301", UPLOAD(MATERIALS), NOTHING);
    take(&books, "2304", SETTLE, SETTLED("S2"));
    take(&books, "2305", CANCEL("S1"), SETTLED("S3"));
    assert_string_equal(left(&books), "1,2,");
}

static void
test_nothing_left_is_no_error(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    assert_string_equal(left(&books), "");
    assert_int_equal(books.error.code, 0);
}

/* --- what can not be told -------------------------------------------------------------------------- */

static void
test_what_may_not_be_whole_is_an_error(void **state)
{
    struct books books;
    (void)state;
    begin(&books, false);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    expect_error(&books, "began before what is stored");
    begin(&books, false); /* but a settlement in force covers what came before it */
    take(&books, "2304", SETTLE, SETTLED("S1"));
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    assert_string_equal(left(&books), "1,2,");
    begin(&books, false);
    take(&books, "2304", SETTLE, SETTLED("S1"));
    take(&books, "2305", CANCEL("S0"), SETTLED("S2"));
    expect_error(&books, "began before what is stored");
}

static void
test_an_open_exchange_is_an_error(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take_as(&books, "2301", VISIT_EXCHANGE_OPEN, UPLOAD(DRUGS), "");
    expect_error(&books, "2301 of the visit is not known yet");
    begin(&books, true); /* of another visit it does not matter */
    take_as(&books, "2301", VISIT_EXCHANGE_OPEN, UPLOAD_OF("V2", DRUGS), "");
    assert_string_equal(left(&books), "");
}

static void
test_a_number_twice_is_an_error_until_it_is_cancelled(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2301", UPLOAD(LINE("2", "1", "09", "02", "1", "7.00")), NOTHING);
    expect_error(&books, "uploaded twice");
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2301", UPLOAD(LINE("2", "1", "09", "02", "1", "7.00")), NOTHING);
    take(&books, "2302", REMOVE(NUMBER("2")), NOTHING);
    assert_string_equal(left(&books), "1,");
}

static void
test_a_body_that_can_not_be_read_is_an_error(void **state)
{
    struct books books;
    (void)state;
    begin(&books, true);
    take(&books, "2301", "{\"input\":", NOTHING);
    expect_error(&books, "a stored exchange of the visit");
    begin(&books, true);
    take(&books, "2301", UPLOAD("{\"pric\":1}"), NOTHING);
    expect_error(&books, "has no number");
    begin(&books, true);
    take(&books, "2302", REMOVE("{" OF(VISIT) "}"), NOTHING);
    expect_error(&books, "does not say which");
}

/* --- in a mapping ---------------------------------------------------------------------------------- */

#define AMOUNT "visit.sum(feedetail.det_item_fee_sumamt where "
#define FIELDS                                                                                               \
    "(\"F\", \"decimal\", 13, 2), (\"G\", \"decimal\", 13, 2), (\"LOW\", \"decimal\", 13, 2), "              \
    "(\"HIGH\", \"decimal\", 13, 2), (\"N\", \"digits\", 4)"
#define RULES                                                                                                \
    "(\"F\", \"" AMOUNT "item_kind=1 and chrgitm_lv=01)\"),"                                                 \
    "(\"G\", \"" AMOUNT "item_kind=1 and chrgitm_lv=02)\"),"                                                 \
    "(\"LOW\", \"" AMOUNT "med_chrgitm_type=08 and pric<200)\"),"                                            \
    "(\"HIGH\", \"" AMOUNT "med_chrgitm_type=08 and pric>=200)\"),"                                          \
    "(\"N\", \"visit.count(feedetail where chrgitm_lv=01,02)\")"

static struct fep_record *
translate(const struct mapping *mapping, struct slice lines, struct fep_error *error)
{
    struct message_header header = {.infno = "2304", .insured_area = "450500"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 7, .serial_date = 20261122};
    struct mapping_context context = {.clock_date = 20261122, .attempt = &attempt, .visit_lines = lines};
    struct fep_record *head, *record;
    if (mapping_request_out(mapping, &header, NULL, rig_slice(SETTLE), FEP_OP_SUBMIT, &context, &head,
                            &record, error) == NULL)
        return NULL;
    record_destroy(head);
    return record;
}

static void
test_levels_kinds_and_brackets(void **state)
{
    static const char *const expected[][2] = {
        {"F", "20.00"}, {"G", "0.35"}, {"LOW", "200.00"}, {"HIGH", "400.01"}, {"N", "4"}};
    struct books books;
    struct fep_error error = {0};
    struct slice body;
    (void)state;
    struct mapping *mapping = rig_load_rules(FIELDS, RULES, "");
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    assert_true(mapping_needs_lines(mapping, "2304"));
    assert_false(mapping_needs_lines(mapping, "2301"));
    begin(&books, true);
    take(&books, "2301", UPLOAD(DRUGS), NOTHING);
    take(&books, "2301", UPLOAD(MATERIALS), NOTHING);
    assert_int_equal(visit_lines_write(books.lines, &body, &error), 0);
    struct fep_record *record = translate(mapping, body, &error);
    if (record == NULL)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_string_equal(rig_get(record, expected[i][0]), expected[i][1]);
    record_destroy(record);
    record = translate(mapping, rig_slice("{\"input\":{\"feedetail\":[]}}"), &error);
    assert_non_null(record);
    assert_string_equal(rig_get(record, "F"), "0.00");
    assert_string_equal(rig_get(record, "N"), "0");
    record_destroy(record);
    slice_release(&body);
    visit_lines_destroy(books.lines);
    mapping_destroy(mapping);
}

static void
test_without_the_lines_nothing_is_made(void **state)
{
    struct fep_error error = {0};
    (void)state;
    struct mapping *mapping = rig_load_rules(FIELDS, RULES, "");
    assert_non_null(mapping);
    assert_null(translate(mapping, SLICE_NONE, &error));
    assert_int_equal(error.kind, FEP_NOT_SENT);
    assert_non_null(strstr(error.text, "not at hand"));
    mapping_destroy(mapping);
}

static void
test_an_amount_that_can_not_be_added_is_an_error(void **state)
{
    struct fep_error error = {0};
    (void)state;
    struct mapping *mapping = rig_load_rules(FIELDS, RULES, "");
    assert_non_null(mapping);
    assert_null(translate(
        mapping, rig_slice("{\"input\":{\"feedetail\":[" LINE("1", "1", "09", "01", "1", "\"x\"") "]}}"),
        &error));
    assert_non_null(strstr(error.text, "no amount"));
    mapping_destroy(mapping);
}

static void
expect_problem(const char *rule, const char *more, const char *part)
{
    struct mapping *mapping =
        rig_load_rules("(\"F\", \"decimal\", 13, 2), (\"G\", \"decimal\", 13, 2)", rule, more);
    assert_null(mapping);
    if (strstr(rig_problems, part) == NULL)
        fail_msg("no \"%s\" in %s", part, rig_problems);
}

static void
test_where_they_may_not_stand(void **state)
{
    (void)state;
    expect_problem("(\"F\", \"data.a\", { when = (\"visit.count(feedetail)\", \"0\"); })", "",
                   "belong to fields");
    expect_problem("(\"-\", \"data.a\", \"visit.count(feedetail)\")", "", "belong to fields");
    expect_problem("(\"F\", \"data.a\", { same = \"visit.count(feedetail)\"; })", "", "belong to fields");
    expect_problem("(\"F\", \"visit.sum(rows.amt)\")", "", "lines are feedetail");
    expect_problem("(\"F\", \"visit.sum(feedetail)\")", "", "expected sum(");
    expect_problem(
        "(\"F\", \"data.a\")",
        "inquire = { local = \"T1\"; request = ( (\"F\", \"visit.count(feedetail)\") ); field = \"F\";"
        " findings = ( (\"0\", \"nothing\") ); };",
        "belong to fields");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_uploads_count_once),
        cmocka_unit_test(test_cancelled_lines_do_not_count),
        cmocka_unit_test(test_settled_lines_do_not_count_and_a_cancel_frees_them),
        cmocka_unit_test(test_nothing_left_is_no_error),
        cmocka_unit_test(test_what_may_not_be_whole_is_an_error),
        cmocka_unit_test(test_an_open_exchange_is_an_error),
        cmocka_unit_test(test_a_number_twice_is_an_error_until_it_is_cancelled),
        cmocka_unit_test(test_a_body_that_can_not_be_read_is_an_error),
        cmocka_unit_test(test_levels_kinds_and_brackets),
        cmocka_unit_test(test_without_the_lines_nothing_is_made),
        cmocka_unit_test(test_an_amount_that_can_not_be_added_is_an_error),
        cmocka_unit_test(test_where_they_may_not_stand),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_clean();
    return failed;
}
