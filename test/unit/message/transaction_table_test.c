/* The shipped transaction table against the platform's catalogue, and every mistake that a table can hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_files.h"
#include "error.h"
#include "transaction_table.h"

static struct reports reports;
static struct fep_error error;

static const char *
shipped_path(void)
{
    static char path[512];
    const char *source = getenv("FEP_SOURCE");
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source ? source : ".");
    return path;
}

static struct transaction_table *
load(const char *path)
{
    memset(&reports, 0, sizeof reports);
    memset(&error, 0, sizeof error);
    struct transaction_table *table = transaction_table_load(path, collect_report, &reports, &error);
    for (size_t i = 0; table == NULL && path == shipped_path() && i < reports.count; i++)
        print_message("# %s\n", reports.lines[i]);
    return table;
}

/* The platform interface's catalogue; S: changes state at the insurer, q: does not. Routed ones carry a
 * person. */
static const char *const routed_updates[] = {
    "2102", "2103", "2201", "2202", "2203", "2203A", "2204", "2205", "2207", "2207A", "2208", "2301", "2302",
    "2304", "2305", "2401", "2402", "2403", "2404",  "2405", "2501", "2502", "2503",  "2504", "2505", "2506"};
static const char *const routed_queries[] = {"1101", "2001", "2101", "2206", "2206A", "2303", "5201", "5202",
                                             "5203", "5204", "5205", "5206", "5301",  "5302", "5303", "5304"};
static const char *const local_updates[] = {
    "2406", "2507", "3203", "3204", "3261", "3262", "3301", "3302", "3401",  "3401A", "3402", "3403",
    "3501", "3502", "3503", "3504", "3505", "3506", "3507", "4101", "4101A", "4102",  "4301", "4302",
    "4401", "4402", "4501", "4502", "4503", "4504", "4505", "4601", "4602",  "4701",  "7101"};
static const char *const local_queries[] = {"9001", "9002", "9101", "9102", "1161", "1162", "1201", "1301",
                                            "1302", "1303", "1304", "1305", "1306", "1307", "1308", "1309",
                                            "1310", "1311", "1312", "1313", "1314", "1315", "1316", "1317",
                                            "1318", "1319", "1901", "2407", "3101", "3102", "3201", "3202",
                                            "3205", "3260", "4103", "4104", "5101", "5102", "5401", "5402"};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void
check_list(const struct transaction_table *table, const char *const *list, size_t count,
           enum transaction_class class, bool routable)
{
    for (size_t i = 0; i < count; i++) {
        const struct transaction *found = transaction_find(table, list[i]);
        if (!found)
            fail_msg("%s is missing", list[i]);
        assert_string_equal(found->infno, list[i]);
        if (found->transaction_class != class || found->routable != routable)
            fail_msg("%s: class %s, routable %d", list[i], class_name(found->transaction_class),
                     found->routable);
    }
}

static void
test_shipped_table_is_the_catalogue(void **state)
{
    (void)state;
    struct transaction_table *table = load(shipped_path());
    assert_non_null(table);
    assert_int_equal(reports.count, 0);
    check_list(table, routed_updates, COUNT(routed_updates), CLASS_UPDATE, true);
    check_list(table, routed_queries, COUNT(routed_queries), CLASS_QUERY, true);
    check_list(table, local_updates, COUNT(local_updates), CLASS_UPDATE, false);
    check_list(table, local_queries, COUNT(local_queries), CLASS_QUERY, false);
    assert_int_equal(transaction_find(table, "2601")->transaction_class, CLASS_REVERSAL);
    size_t count;
    const struct transaction *list = transaction_list(table, &count);
    assert_int_equal(count, COUNT(routed_updates) + COUNT(routed_queries) + COUNT(local_updates) +
                                COUNT(local_queries) + 1);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(list[i - 1].infno, list[i].infno) < 0);
    assert_null(transaction_find(table, "9999"));
    assert_null(transaction_find(table, ""));
    assert_null(transaction_find(table, "2207AA"));
    transaction_table_destroy(table);
}

static void
test_shipped_traits_and_ways(void **state)
{
    (void)state;
    struct transaction_table *table = load(shipped_path());
    assert_non_null(table);
    static const char *const money[] = {"2101",  "2102", "2103", "2206", "2206A", "2207",
                                        "2207A", "2208", "2303", "2304", "2305"};
    static const char *const reversible[] = {"2102", "2103", "2201", "2204", "2207", "2207A",
                                             "2208", "2301", "2304", "2305", "2401"};
    static const char *const opening[] = {"2201", "2401"};
    static const char *const inverse[][2] = {
        {"2207", "2208"}, {"2207A", "2208"}, {"2304", "2305"}, {"2102", "2103"}, {"2201", "2202"},
        {"2401", "2404"}, {"2204", "2205"},  {"2301", "2302"}, {"2402", "2405"}, {"2501", "2502"},
        {"2503", "2504"}, {"2505", "2506"},  {"3203", "3204"}, {"3301", "3302"}};
    size_t count, with_money = 0, with_reverse = 0, with_opening = 0;
    const struct transaction *list = transaction_list(table, &count);
    for (size_t i = 0; i < count; i++) {
        with_money += (list[i].ways & TRAIT_MONEY) != 0;
        with_reverse += (list[i].ways & WAY_REVERSE) != 0;
        with_opening += (list[i].ways & TRAIT_OPENS_VISIT) != 0;
        assert_true(list[i].name_zh[0] && list[i].name_en[0]);
        assert_in_range(list[i].call_time_ms, 1000, 60000);
    }
    for (size_t i = 0; i < COUNT(money); i++)
        assert_true(transaction_find(table, money[i])->ways & TRAIT_MONEY);
    for (size_t i = 0; i < COUNT(reversible); i++)
        assert_int_equal(transaction_find(table, reversible[i])->ways & (WAY_REVERSE | WAY_INQUIRE),
                         WAY_REVERSE | WAY_INQUIRE);
    for (size_t i = 0; i < COUNT(opening); i++)
        assert_true(transaction_find(table, opening[i])->ways & TRAIT_OPENS_VISIT);
    for (size_t i = 0; i < COUNT(inverse); i++)
        assert_string_equal(transaction_find(table, inverse[i][0])->inverse, inverse[i][1]);
    assert_int_equal(with_money, COUNT(money));
    assert_int_equal(with_reverse, COUNT(reversible));
    assert_int_equal(with_opening, COUNT(opening));
    assert_true(transaction_find(table, "1162")->ways & TRAIT_ONE_USE);
    assert_false(transaction_find(table, "1162")->ways & WAY_REPEAT);
    transaction_table_destroy(table);
}

static void
test_shipped_call_times(void **state)
{
    (void)state;
    struct transaction_table *table = load(shipped_path());
    assert_non_null(table);
    static const struct {
        const char *infno;
        uint32_t seconds;
    } cases[] = {{"1101", 10}, {"2201", 15}, {"2401", 15}, {"2204", 30}, {"2301", 30}, {"2206", 30},
                 {"2303", 30}, {"2207", 60}, {"2304", 60}, {"2208", 60}, {"2305", 60}, {"2601", 30},
                 {"3201", 30}, {"3202", 30}, {"9101", 10}, {"2501", 10}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(transaction_find(table, cases[i].infno)->call_time_ms, cases[i].seconds * 1000);
    transaction_table_destroy(table);
}

#define REVERSAL                                                                                             \
    "{ infno=\"2601\"; zh=\"冲正\"; en=\"r\"; class=\"reversal\"; call_time_s=30; ways=[\"person\"]; "     \
    "routable=true; }"

static void
test_every_problem_is_reported_at_once(void **state)
{
    (void)state;
    const char *path = write_config(
        "t.cfg",
        "transactions = (\n"
        "{ infno=\"2207\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "{ infno=\"22\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "{ infno=\"2207\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "{ infno=\"3001\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=0; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "{ infno=\"3002\"; zh=\"a\"; en=\"a\"; class=\"change\"; call_time_s=60; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "{ infno=\"3003\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"guess\"]; "
        "routable=true; },\n"
        "{ infno=\"3004\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[]; routable=true; },\n"
        "{ infno=\"3005\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; "
        "ways=[\"inquire\",\"repeat\"]; routable=true; },\n"
        "{ infno=\"3006\"; zh=\"a\"; en=\"a\"; class=\"query\"; call_time_s=60; "
        "ways=[\"reverse\",\"repeat\"]; routable=true; },\n"
        "{ infno=\"3007\"; zh=\"a\"; en=\"a\"; class=\"query\"; call_time_s=60; ways=[]; routable=true; },\n"
        "{ infno=\"3008\"; zh=\"a\"; en=\"a\"; class=\"query\"; call_time_s=60; ways=[\"repeat\"]; "
        "inverse=\"2207\"; routable=true; },\n"
        "{ infno=\"3009\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "inverse=\"9999\"; routable=true; },\n"
        "{ infno=\"3010\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "inverse=\"3010\"; routable=true; },\n"
        "{ infno=\"3011\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "routeable=true; },\n"
        "{ infno=\"3012\"; zh=\"\"; en=\"a\"; class=\"update\"; call_time_s=60; ways=[\"inquire\"]; "
        "traits=[\"fast\"]; routable=1; },\n"
        "{ infno=\"3013\"; zh=\"a\"; en=\"a\"; class=\"update\"; call_time_s=4294967356; ways=[\"inquire\"]; "
        "routable=true; },\n"
        "\"3014\",\n"
        "{ infno=\"3015\"; zh=\"a\"; en=\"a\"; class=\"query\"; call_time_s=60; ways=[\"repeat\"]; "
        "traits=[\"one_use\"]; routable=true; }\n"
        ");\nversion = 2;\n");
    assert_null(load(path));
    assert_int_equal(error.code, FEP_E_TRANSACTIONS_INVALID);
    assert_non_null(strstr(error.text, "more)"));
    assert_reported(&reports, "t.cfg:3", "infno: expected four to six");
    assert_reported(&reports, "t.cfg:4", "2207 stands in the table twice");
    assert_reported(&reports, "t.cfg:5", "call_time_s = 0: allowed are 1 to 600");
    assert_reported(&reports, "t.cfg:6", "expected one of query, update, notice, reversal");
    assert_reported(&reports, "t.cfg:7", "\"guess\" is not known");
    assert_reported(&reports, "t.cfg:8", "needs a way out");
    assert_reported(&reports, "t.cfg:9", "never repeated freely");
    assert_reported(&reports, "t.cfg:10", "changes nothing");
    assert_reported(&reports, "t.cfg:11", "either the way repeat or the trait one_use");
    assert_reported(&reports, "t.cfg:12", "only an update has an inverse");
    assert_reported(&reports, "t.cfg:13", "inverse 9999");
    assert_reported(&reports, "t.cfg:14", "inverse 3010");
    assert_reported(&reports, "t.cfg:15", "unknown key routeable: did you mean routable?");
    assert_reported(&reports, "t.cfg:15", "routable is missing");
    assert_reported(&reports, "t.cfg:16", "zh is empty");
    assert_reported(&reports, "t.cfg:16", "\"fast\" is not known");
    assert_reported(&reports, "t.cfg:16", "expected true or false");
    assert_reported(&reports, "t.cfg:17", "4294967356L");
    assert_reported(&reports, "t.cfg:18", "expected a group");
    assert_reported(&reports, "t.cfg:19", "either the way repeat or the trait one_use");
    assert_reported(&reports, "t.cfg:21", "unknown key version");
    assert_reported(&reports, "t.cfg", "0 transactions of class reversal");
}

static void
test_smallest_table(void **state)
{
    (void)state;
    struct transaction_table *table = load(write_config("t.cfg", "transactions = (" REVERSAL ");"));
    assert_non_null(table);
    assert_string_equal(transaction_find(table, "2601")->name_zh, "冲正");
    transaction_table_destroy(table);
}

static void
test_tables_that_are_none(void **state)
{
    (void)state;
    assert_null(load(write_config("t.cfg", "")));
    assert_reported(&reports, "t.cfg", "transactions is missing");
    assert_null(load(write_config("t.cfg", "transactions = ();")));
    assert_reported(&reports, "t.cfg:1", "0 transactions");
    assert_null(load(write_config("t.cfg", "transactions = (" REVERSAL ", " REVERSAL ");")));
    assert_reported(&reports, "t.cfg:1", "twice");
    assert_null(load(write_config("t.cfg", "transactions = (" REVERSAL)));
    assert_reported(&reports, "t.cfg:1", "syntax error");
    assert_null(transaction_table_load("/nonexistent/t.cfg", NULL, NULL, &error));
    assert_int_equal(error.code, FEP_E_TRANSACTIONS_INVALID);
    assert_null(transaction_table_load("/nonexistent/t.cfg", NULL, NULL, NULL));
}

static void
test_regional_rows_by_include(void **state)
{
    (void)state;
    write_config("region.cfg",
                 "{ infno=\"2206B\"; zh=\"试算\"; en=\"trial\"; class=\"query\"; call_time_s=30;\n"
                 "ways=[\"repeat\"]; routable=true; },\n");
    struct transaction_table *table =
        load(write_config("t.cfg", "transactions = (\n@include \"region.cfg\"\n" REVERSAL ");"));
    assert_non_null(table);
    assert_non_null(transaction_find(table, "2206B"));
    transaction_table_destroy(table);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_config_folder, remove_config_folder)
    const struct CMUnitTest tests[] = {
        CASE(test_shipped_table_is_the_catalogue),
        CASE(test_shipped_traits_and_ways),
        CASE(test_shipped_call_times),
        CASE(test_every_problem_is_reported_at_once),
        CASE(test_smallest_table),
        CASE(test_tables_that_are_none),
        CASE(test_regional_rows_by_include),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
