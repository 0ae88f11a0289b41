/* What goes wrong with the data of local systems, held against the mapping engine: one test for each trouble
 * of the list in README.md that is treated there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "map_rig.h"
#include "order_key.h"

static struct mapping *
load_rule(const char *field, const char *rule)
{
    struct mapping *mapping = rig_load_rules(field, rule, "");
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    return mapping;
}

/* The value of the one field, on its way in, becomes this JSON value. */
static void
expect_in(const char *field, const char *rule, const char *value, const char *json)
{
    struct fep_error error = {0};
    char expected[512];
    struct mapping *mapping = load_rule(field, rule);
    const char *got = rig_in(mapping, value, &error);
    snprintf(expected, sizeof expected, "{\"input\":{\"data\":{\"a\":%s}}}", json);
    if (got == NULL || strcmp(got, expected) != 0)
        fail_msg("\"%s\" became %s, expected %s", value, got != NULL ? got : error.text, expected);
    mapping_destroy(mapping);
}

/* Refused with 1001: nothing is guessed. */
static void
expect_unreadable(const char *field, const char *value, size_t size)
{
    struct mapping *mapping = load_rule(field, "(\"F\", \"data.a\")");
    struct mapping_context context = {.clock_date = 20261122};
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set_bytes(body, "F", value, size);
    assert_true(mapping_request_in(mapping, "T1", head, body, &context, &request, &error) < 0);
    assert_int_equal(error.code, 1001);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

#define TEXT    "(\"F\", \"text\", 50, \"personal\")"
#define CODE    "(\"F\", \"code\", 20)"
#define DECIMAL "(\"F\", \"decimal\", 13, 2)"
#define PLAIN   "(\"F\", \"data.a\")"

static int
decode(const struct mapping *mapping, const char *bytes, size_t size, bool forgiving, char *out, size_t room)
{
    int got =
        mapping_decode_text(mapping, (const unsigned char *)bytes, size, forgiving, out, room - 1, NULL);
    out[got > 0 ? got : 0] = '\0';
    return got;
}

/* A doctor's name cut in the middle of a character is read with a mark in it; a number or a code is not read
 * at all; and the mark never goes back to a local system as such. */
static void
test_hazard_01_illegal_bytes(void **state)
{
    static const char *const files[] = {"dajizhong-450900.cfg", "danxian-450100.cfg", "wuxian-450300.cfg"};
    char text[64];
    unsigned char wire[64];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mapping *mapping = rig_load_shipped(files[i]);
        assert_true(decode(mapping, "\xB3\xC2\xB0\x20\xFF", 5, true, text, sizeof text) > 0);
        assert_int_equal(strncmp(text, "陈\xEF\xBF\xBD", 6), 0);
        assert_true(decode(mapping, "\xB3\xC2\xB0\x20\xFF", 5, false, text, sizeof text) < 0);
        int size = mapping_encode_text(mapping, "陈\xEF\xBF\xBD", 6, wire, sizeof wire, NULL);
        assert_int_equal(size, 4);
        assert_memory_equal(wire, "\xB3\xC2\xA1\xFE", 4);
        mapping_destroy(mapping);
    }
    expect_in(TEXT, PLAIN, "陈\xEF\xBF\xBD", "\"陈\xEF\xBF\xBD\"");
    expect_unreadable(CODE, "A\xEF\xBF\xBD", 4);
    expect_unreadable(DECIMAL, "1\xEF\xBF\xBD.00", 7);
}

/* Each system has its code page and its own way with a character that it can not write; what both can, comes
 * back. */
static void
test_hazard_02_code_pages(void **state)
{
    static const struct {
        const char *file, *rare;
    } systems[] = {{"wuxian-450300.cfg", "&#x4DAE;"},
                   {"danxian-450100.cfg", "\xFE\x9F"},
                   {"dajizhong-450900.cfg", "\xA1\xFE"}};
    static const char *const both[] = {"\xA1\xA4", "\xA1\xAA", "\xAB\x5E", "\xB3\xC2\xAB\x7C"};
    unsigned char wire[64];
    char text[64];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mapping *mapping = rig_load_shipped(systems[i].file);
        int size = mapping_encode_text(mapping, "䶮", 3, wire, sizeof wire, NULL);
        assert_int_equal(size, strlen(systems[i].rare));
        assert_memory_equal(wire, systems[i].rare, (size_t)size);
        assert_true(decode(mapping, "\x80", 1, false, text, sizeof text) < 0); /* no euro */
        for (size_t j = 0; j < sizeof both / sizeof both[0]; j++) {
            int got = decode(mapping, both[j], strlen(both[j]), false, text, sizeof text);
            assert_true(got > 0);
            assert_int_equal(mapping_encode_text(mapping, text, (size_t)got, wire, sizeof wire, NULL),
                             strlen(both[j]));
            assert_memory_equal(wire, both[j], strlen(both[j]));
        }
        assert_int_equal(decode(mapping, "\xA1\xA4", 2, false, text, sizeof text), 2);
        assert_string_equal(text, "·");
        mapping_destroy(mapping);
    }
}

/* Folded where a machine reads them, left where a person does. */
static void
test_hazard_05_full_width(void **state)
{
    (void)state;
    expect_in(CODE, PLAIN, "４５０９００ＡＢ", "\"450900AB\"");
    expect_in(CODE, PLAIN, "　H45　", "\"H45\"");
    expect_in(DECIMAL, PLAIN, "１２．３０", "12.30");
    expect_in("(\"F\", \"digits\", 14)", "(\"F\", \"data.a\", { convert = \"date\"; })", "２０２６１１２２",
              "\"2026-11-22\"");
    expect_in(TEXT, PLAIN, "楼１号", "\"楼１号\"");
}

static void
test_hazard_07_blanks_and_nuls(void **state)
{
    (void)state;
    expect_in(CODE, PLAIN, "  A1  ", "\"A1\"");
    expect_in(TEXT, PLAIN, "  韦测  ", "\"韦测\"");
    expect_unreadable(CODE, "A\0B", 3);
    expect_unreadable(TEXT, "A\0B", 3);
    struct mapping *mapping = load_rule(CODE, PLAIN);
    struct mapping_context context = {0};
    struct mapping_request request;
    struct fep_error error = {0};
    struct fep_record *head = rig_record(mapping, "head-Q"), *body = rig_record(mapping, "T1-Q");
    rig_set(head, "M", "ABCD");
    rig_set(head, "A", "450900");
    rig_set_bytes(body, "F", "A1\0\0\0", 5);
    assert_int_equal(mapping_request_in(mapping, "T1", head, body, &context, &request, &error), 0);
    assert_true(rig_holds(request.body, "\"a\":\"A1\""));
    slice_release(&request.body);
    record_destroy(head);
    record_destroy(body);
    mapping_destroy(mapping);
}

static const char amounts_file[] =
    "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; region = \"450100\";\n"
    "errors = ( (\"0\", \"N\", 1) );\n"
    "errors_default = ( (\"N\", \"-1\"), (\"R\", \"-2\"), (\"U\", \"-3\") );\n"
    "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20) ); },\n"
    "{ name = \"T1-Q\"; fields = ( (\"F\", \"text\", 20) ); },\n"
    "{ name = \"T1-R\"; fields = ( (\"T\", \"decimal\", 0, 2), (\"U\", \"decimal\", 0, 2), (\"C\", "
    "\"decimal\", 0, 2) ); } );\n"
    "transactions = ( { infno = \"2304\"; local = \"T1\";\n"
    "answer = ( (\"T\", \"setlinfo.total\"), (\"U\", \"setlinfo.fund\"), (\"C\", \"setlinfo.cash\") );\n"
    "checks = ( \"setlinfo.total = request.data.total\", \"setlinfo.total = setlinfo.fund + setlinfo.cash\" "
    "); } );\n";

/* Total, fund and cash of an answer to a request of 125.55; the words of what is wrong with them, "" for
 * nothing. */
static void
expect_amounts(const char *total, const char *fund, const char *cash, const char *words)
{
    struct mapping *mapping = rig_load_text(amounts_file);
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    struct message_header header = {.infno = "2304"};
    struct mapping_context context = {0};
    struct fep_index index = {0};
    struct fep_result result = {.size = sizeof result};
    struct fep_error error = {0};
    struct slice answer;
    struct fep_record *record = rig_record(mapping, "T1-R");
    rig_set(record, "T", total);
    rig_set(record, "U", fund);
    rig_set(record, "C", cash);
    assert_int_equal(mapping_answer_in(mapping, &header,
                                       rig_slice("{\"input\":{\"data\":{\"total\":125.55}}}"), record,
                                       &context, &answer, &index, &result, &error),
                     0);
    assert_true((result.reason == FEP_REASON_INCONSISTENT) == (words[0] != '\0'));
    if (words[0] != '\0' && strstr(result.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", result.text, words);
    slice_release(&answer);
    record_destroy(record);
    mapping_destroy(mapping);
}

/* One fen, a sum of parts, a factor of 100: never adjusted, never passed on as good. 0.1 + 0.2 is 0.3 here.
 */
static void
test_hazard_08_amounts(void **state)
{
    (void)state;
    expect_amounts("125.55", "100.00", "25.55", "");
    expect_amounts("125.55", "125.54", "0.01", "");
    expect_amounts("125.56", "100.00", "25.56", "differs");
    expect_amounts("125.55", "100.00", "25.56", "differs");
    expect_amounts("12555.00", "10000.00", "2555.00", "factor 100");
}

static char versions[160];

static void
write_version(const char *day, const char *rows)
{
    char path[256];
    rig_path(versions, "versions");
    (void)mkdir(versions, 0700);
    snprintf(path, sizeof path, "%s/%s.csv", versions, day);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "local_code,national_code,name,level,valid_from,valid_to\n%s", rows);
    assert_int_equal(fclose(file), 0);
}

static void
ignore_line(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

/* The catalogue changes: a version comes into force whole or not at all, and of a code's meanings the one of
 * the day counts. */
static void
test_hazard_25_catalogue_changes(void **state)
{
    char before[32];
    struct fep_error error = {0};
    (void)state;
    write_version("20200101", "L1,N1,x,01,20200101,\n");
    struct mapping *mapping = rig_load_rules(CODE, "(\"F\", \"data.c\", { convert = \"catalogue\"; })",
                                             "crosswalk = \"versions\";");
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N1\"}}}");
    snprintf(before, sizeof before, "%s", mapping_crosswalk_version(mapping));
    write_version("20210101", "L1,N2,x,01,20200101,\nL2,N3,x,01,20261301,\n"); /* half of it is good */
    assert_true(mapping_reload_crosswalk(mapping, ignore_line, NULL, &error) < 0);
    assert_string_equal(mapping_crosswalk_version(mapping), before);
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N1\"}}}");
    write_version("20210101", "L1,N2,x,01,20200101,\n");
    assert_int_equal(mapping_reload_crosswalk(mapping, ignore_line, NULL, &error), 0);
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N2\"}}}");
    write_version("20220101", "L1,N2,x,01,20200101,20221231\nL1,N4,x,01,20230101,\n");
    assert_int_equal(mapping_reload_crosswalk(mapping, ignore_line, NULL, &error), 0);
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N4\"}}}");
    mapping_destroy(mapping);
}

/* The same person number in two regions is two persons: they never wait for each other, nor share anything.
 */
static void
test_hazard_30_same_number_in_two_regions(void **state)
{
    static const uint8_t key[32] = {9};
    uint8_t nanning[16], yulin[16], again[16];
    (void)state;
    assert_int_equal(order_key_compute(key, sizeof key, "450100", "P1", 2, nanning), 0);
    assert_int_equal(order_key_compute(key, sizeof key, "450900", "P1", 2, yulin), 0);
    assert_int_equal(order_key_compute(key, sizeof key, "450100", "P1", 2, again), 0);
    assert_memory_equal(nanning, again, 16);
    assert_memory_not_equal(nanning, yulin, 16);
}

static int
clean(void **state)
{
    char command[256];
    (void)state;
    if (versions[0] != '\0') {
        snprintf(command, sizeof command, "rm -rf '%s'", versions);
        if (system(command) != 0)
            return -1;
    }
    rig_clean();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hazard_01_illegal_bytes),
        cmocka_unit_test(test_hazard_02_code_pages),
        cmocka_unit_test(test_hazard_05_full_width),
        cmocka_unit_test(test_hazard_07_blanks_and_nuls),
        cmocka_unit_test(test_hazard_08_amounts),
        cmocka_unit_test(test_hazard_25_catalogue_changes),
        cmocka_unit_test(test_hazard_30_same_number_in_two_regions),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
