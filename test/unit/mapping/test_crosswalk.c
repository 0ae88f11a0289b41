/* The crosswalk as the host uses it: versions in a directory, reload, its rows, and the lines it has nothing
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "map_rig.h"

#define HEADING "local_code,national_code,name,level,valid_from,valid_to"
#define MORE    ",ratio,kind,fee_category,ceiling,unit,spec,form"

static char directory[128];

static void
write_version(const char *name, const char *text)
{
    char path[256];
    rig_path(directory, "versions");
    (void)mkdir(directory, 0700);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (text == NULL) {
        (void)unlink(path);
        return;
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
drop_versions(void)
{
    char command[256];
    rig_path(directory, "versions");
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static struct mapping *
load_versions(void)
{
    return rig_load_rules("(\"F\", \"code\", 20)", "(\"F\", \"data.c\", { convert = \"catalogue\"; })",
                          "crosswalk = \"versions\";");
}

static char reported[4096];

static void
report(void *arg, const char *line)
{
    (void)arg;
    size_t used = strlen(reported);
    snprintf(reported + used, sizeof reported - used, "%s\n", line);
}

static int
reload(struct mapping *mapping)
{
    struct fep_error error = {0};
    reported[0] = '\0';
    int status = mapping_reload_crosswalk(mapping, report, NULL, &error);
    assert_int_equal(status == 0, reported[0] == '\0');
    return status;
}

static void
test_the_newest_of_today_is_in_force(void **state)
{
    char tomorrow[32];
    struct fep_error error;
    uint32_t day = clock_date(clock_wall_ms(&clock_system) + 86400000);
    (void)state;
    snprintf(tomorrow, sizeof tomorrow, "%08u.csv", day);
    drop_versions();
    write_version("20200101.csv", HEADING "\nL1,N1,x,01,,\n");
    write_version("20210101.csv", HEADING "\nL1,N2,x,01,,\n");
    write_version(tomorrow, HEADING "\nL1,N3,x,01,,\n");
    write_version("notes.txt", "not a version");
    struct mapping *mapping = load_versions();
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    assert_string_equal(rig_in(mapping, "L1", &error), "{\"input\":{\"data\":{\"c\":\"N2\"}}}");
    assert_int_equal(strncmp(mapping_crosswalk_version(mapping), "20210101-", 9), 0);
    assert_int_equal(strlen(mapping_crosswalk_version(mapping)), 17);
    assert_int_equal(mapping_crosswalk_next(mapping), day);
    mapping_destroy(mapping);
}

static void
test_a_reload_takes_all_or_nothing(void **state)
{
    char before[32];
    struct fep_error error;
    (void)state;
    drop_versions();
    write_version("20200101.csv", HEADING "\nL1,N1,x,01,,\n");
    struct mapping *mapping = load_versions();
    assert_non_null(mapping);
    snprintf(before, sizeof before, "%s", mapping_crosswalk_version(mapping));
    write_version("20210101.csv", HEADING "\nL1,N2,x,01,,\nL2,N3,x,01,20261301,\n");
    assert_true(reload(mapping) < 0);
    assert_non_null(strstr(reported, "20210101.csv:3: expected local_code"));
    assert_string_equal(mapping_crosswalk_version(mapping), before);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N1\"}}", &error), "L1");
    write_version("20210101.csv", HEADING "\nL1,N2,x,01,,\n");
    assert_int_equal(reload(mapping), 0);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N1\"}}", &error), "");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N2\"}}", &error), "L1");
    snprintf(before, sizeof before, "%s", mapping_crosswalk_version(mapping));
    /* corrected under the same name: another version */
    write_version("20210101.csv", HEADING "\nL1,N4,x,01,,\n");
    assert_int_equal(reload(mapping), 0);
    assert_string_not_equal(mapping_crosswalk_version(mapping), before);
    write_version("2021-01-02.csv", HEADING "\n");
    assert_true(reload(mapping) < 0);
    assert_non_null(strstr(reported, "expected a day in the name"));
    drop_versions();
    assert_true(reload(mapping) < 0);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N4\"}}", &error), "L1");
    mapping_destroy(mapping);
}

static bool
take_two(void *arg, const struct mapping_item *item)
{
    char *out = arg;
    size_t used = strlen(out);
    snprintf(out + used, 512 - used, "%s|%s|%s|%s|%u|%u|%s|%s|%s|%s|%s|%s|%s;", item->local, item->national,
             item->name, item->level, item->valid_from, item->valid_to, item->kind, item->fee_category,
             item->ratio, item->ceiling, item->unit, item->spec, item->form);
    return strchr(out, ';') == out + strlen(out) - 1;
}

static void
test_rows_with_all_columns(void **state)
{
    char rows[512] = "";
    struct fep_error error;
    (void)state;
    drop_versions();
    write_version("20200101.csv", "\xEF\xBB\xBF" HEADING MORE "\n"
                                  "L2,,here only,03,20200101,20251231,1.0000,2,05,,,,\n"
                                  "L1,N1,\"a, b\",02,20200101,,0.1000,1,09,88.1234,box,10x,pill\n"
                                  "L3,N3\n");
    struct mapping *mapping = load_versions();
    if (mapping == NULL)
        fail_msg("%s", rig_problems);
    assert_int_equal(mapping_crosswalk_each(mapping, take_two, rows), 0);
    assert_string_equal(rows, "L1|N1|a, b|02|20200101|0|1|09|0.1000|88.1234|box|10x|pill;"
                              "L2||here only|03|20200101|20251231|2|05|1.0000||||;");
    /* without a national code: mapped to nothing, in both directions */
    assert_string_equal(rig_in(mapping, "L2", &error), "{\"input\":{}}");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"\"}}", &error), "");
    mapping_destroy(mapping);
}

static void
problem(const char *text, const char *expected)
{
    drop_versions();
    write_version("20200101.csv", text);
    assert_null(load_versions());
    if (strstr(rig_problems, expected) == NULL)
        fail_msg("\"%s\" expected, got: %s", expected, rig_problems);
}

static void
test_problems_of_a_version(void **state)
{
    (void)state;
    problem(HEADING ",ratoi\nL,N,x,01,,,1\n", "20200101.csv:1: column \"ratoi\" is not known");
    problem(HEADING ",kind,kind\n", "column \"kind\" stands twice");
    problem("local_code,name\nL,x\n", "there is no column national_code");
    problem(HEADING ",ratio\nL,N,x,01,,,0.12345\n", "20200101.csv:2: ratio and ceiling");
    problem(HEADING ",ceiling\nL,N,x,01,,,-1\n", "20200101.csv:2: ratio and ceiling");
    problem(HEADING "\n,N,x,01,,\n", "20200101.csv:2: expected local_code");
    problem(HEADING "\nL,N,\xB2\xE2,01,,\n", "20200101.csv:2: not UTF-8");
    drop_versions();
    write_version("29990101.csv", HEADING "\n");
    assert_null(load_versions());
    assert_non_null(strstr(rig_problems, "no file YYYYMMDD.csv of today or earlier"));
}

static void
test_an_item_is_added(void **state)
{
    char rows[512] = "", path[256];
    struct fep_error error = {0};
    const struct mapping_item item = {
        .local = "L0", .national = "N9", .name = "a \"b\", c", .level = "02", .ratio = "0.1"};
    (void)state;
    drop_versions();
    write_version("20200101.csv", HEADING MORE "\nL1,N1,x,01,20200101,,0.1000,1,09,88.1234,box,10x,pill\n");
    struct mapping *mapping = load_versions();
    assert_non_null(mapping);
    if (mapping_crosswalk_add(mapping, &item, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(mapping_crosswalk_each(mapping, take_two, rows), 0);
    assert_string_equal(rows, "L0|N9|a \"b\", c|02|0|0|||0.1||||;"
                              "L1|N1|x|01|20200101|0|1|09|0.1000|88.1234|box|10x|pill;");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N9\"}}", &error), "L0");
    /* the old version stays as it was; the new one is today's */
    snprintf(path, sizeof path, "%s/%08u.csv", directory, clock_date(clock_wall_ms(&clock_system)));
    assert_int_equal(access(path, R_OK), 0);
    assert_true(mapping_crosswalk_add(mapping, &item, &error) < 0);
    assert_non_null(strstr(error.text, "local code L0 has another row for the same days"));
    const struct mapping_item wrong = {.local = "L5", .national = "N5\nL6,N6"};
    assert_true(mapping_crosswalk_add(mapping, &wrong, &error) < 0);
    const struct mapping_item nameless = {.national = "N5"};
    assert_true(mapping_crosswalk_add(mapping, &nameless, &error) < 0);
    snprintf(path, sizeof path, "%s/%08u.csv.new", directory, clock_date(clock_wall_ms(&clock_system)));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N9\"}}", &error), "L0");
    mapping_destroy(mapping);
}

/* Files that were put there since the last reload are not written over with what was in force before. */
static void
test_an_item_is_added_to_what_is_there_now(void **state)
{
    char today[32];
    struct fep_error error = {0};
    const struct mapping_item item = {.local = "L0", .national = "N9", .name = "y", .level = "02"};
    (void)state;
    drop_versions();
    write_version("20200101.csv", HEADING "\nL1,N1,x,01,,\n");
    struct mapping *mapping = load_versions();
    assert_non_null(mapping);
    snprintf(today, sizeof today, "%08u.csv", clock_date(clock_wall_ms(&clock_system)));
    write_version(today, HEADING "\nL1,N1,x,01,,\nL2,N2,x,01,,\nL3,N3,x,01,20261301,\n");
    assert_true(mapping_crosswalk_add(mapping, &item, &error) < 0);
    assert_non_null(strstr(error.text, ".csv:4: expected local_code"));
    write_version(today, HEADING "\nL1,N1,x,01,,\nL2,N2,x,01,,\n");
    if (mapping_crosswalk_add(mapping, &item, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(reload(mapping), 0);
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N2\"}}", &error), "L2");
    assert_string_equal(rig_out(mapping, "{\"data\":{\"c\":\"N9\"}}", &error), "L0");
    mapping_destroy(mapping);
}

static void
collect(void *arg, const struct mapping_unmapped *found)
{
    char *out = arg;
    size_t used = strlen(out);
    snprintf(out + used, 512 - used, "%zu %s %s %s %s %s %s;", found->line, found->visit_id,
             found->feedetl_sn, found->medins_list_codg, found->med_list_codg, found->chrgitm_lv,
             found->amount);
}

/* The shipped mapping: one line that the crosswalk has, one it has not, one for which no code came. */
static void
test_lines_without_a_centre_code(void **state)
{
    static const char line[] =
        "{\"feedetl_sn\":\"%s\",\"fee_ocur_time\":\"2026-11-22 10:00:00\",\"medins_list_codg\":\"H%s\","
        "\"medins_list_name\":\"测试\",%s\"item_kind\":\"1\",\"med_chrgitm_type\":\"09\",\"pric\":1,\"cnt\":"
        "1,"
        "\"det_item_fee_sumamt\":1.00,\"chrgitm_lv\":\"02\",\"selfpay_prop\":0,\"fulamt_ownpay_amt\":0,"
        "\"preselfpay_amt\":0,\"overlmt_amt\":0,\"inscp_scp_amt\":1.00}";
    char body[4096], lines[3][600], found[512] = "";
    struct message_header header = {.infno = "2301", .insured_area = "450900", .treat_area = "450100"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 1, .serial_date = 20261122};
    struct mapping_context context = {.clock_date = 20261122, .attempt = &attempt};
    struct fep_record *head, *record;
    struct fep_error error = {0};
    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(lines[0], sizeof lines[0], line, "1", "1", "\"med_list_codg\":\"T000001\",");
    snprintf(lines[1], sizeof lines[1], line, "2", "2", "\"med_list_codg\":\"T000005\",");
    snprintf(lines[2], sizeof lines[2], line, "3", "3", "");
#pragma GCC diagnostic pop
    snprintf(body, sizeof body,
             "{\"input\":{\"data\":{\"mdtrt_id\":\"V1\",\"ipt_otp_no\":\"I1\",\"det_item_fee_sumamt\":3.00},"
             "\"feedetail\":[%s,%s,%s]}}",
             lines[0], lines[1], lines[2]);
    struct mapping *mapping = rig_load_shipped("dajizhong-450900.cfg");
    if (mapping_request_out(mapping, &header, NULL, rig_slice(body), FEP_OP_SUBMIT, &context, &head, &record,
                            &error) == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(
        mapping_unmapped_lines(mapping, &header, rig_slice(body), record, collect, found, &error), 2);
    assert_string_equal(found, "2 V1 2 H2 T000005 02 1.00;3 V1 3 H3  02 1.00;");
    record_destroy(head);
    record_destroy(record);
    mapping_destroy(mapping);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_of_today_is_in_force),
        cmocka_unit_test(test_a_reload_takes_all_or_nothing),
        cmocka_unit_test(test_rows_with_all_columns),
        cmocka_unit_test(test_problems_of_a_version),
        cmocka_unit_test(test_an_item_is_added),
        cmocka_unit_test(test_an_item_is_added_to_what_is_there_now),
        cmocka_unit_test(test_lines_without_a_centre_code),
    };
    return cmocka_run_group_tests(tests, NULL, rig_clean_group);
}
