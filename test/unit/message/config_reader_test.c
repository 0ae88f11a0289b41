/* The traps of libconfig 1.5, each with the file and line that must be reported; includes; typed values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_files.h"
#include "config_reader.h"
#include "error.h"

static struct reports reports;

static int
open_file(struct config_reader *reader, const char *path)
{
    memset(&reports, 0, sizeof reports);
    return config_reader_open(reader, path, FEP_E_CONFIG_INVALID, collect_report, &reports, NULL);
}

/* Opens and closes; how many problems there were. */
static size_t
problems_of(const char *path)
{
    struct config_reader reader;
    int opened = open_file(&reader, path), closed = config_reader_close(&reader);
    assert_int_equal(closed<0, reports.count> 0);
    if (opened < 0)
        assert_true(closed < 0);
    return reports.count;
}

static void
test_good_file_has_no_problems(void **state)
{
    (void)state;
    const char *path = write_config(
        "a.cfg", "# comment \" with quote\n// another /* not opened\n/* a block 99999999999\n 4294967296 */\n"
                 "int = 2147483647; least = -2147483648; big = 4294967296L; bigger = 9223372036854775807L;\n"
                 "hex = 0x7FFFFFFF; hex64 = 0xFFFFFFFFFFL; zero = 0; float = 12.30; exp = 1.5e10;\n"
                 "text = \"010 99999999999 /* # // \\\" \\\\\"; name99999999999 = 1; 医 = 1;\n");
    /* the last key is not ASCII: libconfig itself refuses it, and nothing else is reported */
    assert_int_equal(problems_of(path), 1);
    assert_reported(&reports, "a.cfg:7", "syntax error");
    path = write_config(
        "b.cfg", "int = 2147483647; least = -2147483648; big = 4294967296L;\n"
                 "text = \"医保 010 99999999999 /* # // \\\" \\\\\"; name99999999999 = 1; list = (1, 2);\n"
                 "group : { a = +5; b = [ 0x10, 0x20 ]; };");
    assert_int_equal(problems_of(path), 0);
    assert_int_equal(problems_of(write_config("empty.cfg", "")), 0);
}

static void
test_integers_that_would_wrap(void **state)
{
    (void)state;
    const char *path =
        write_config("a.cfg", "ok = 1;\na = 4294967296;\nb = 2147483648;\nc = -2147483649;\n"
                              "d = 0x80000000;\ne = 99999999999999999999;\nf = 9223372036854775808L;\n"
                              "g = 0xFFFFFFFFFFFFFFFFFL;\nh = (1, 3000000000);\n");
    assert_int_equal(problems_of(path), 8);
    for (int line = 2; line <= 9; line++) {
        char place[16];
        snprintf(place, sizeof place, "a.cfg:%d", line);
        assert_reported(&reports, place, "number");
    }
    assert_reported(&reports, "a.cfg:2", "4294967296L");
}

static void
test_leading_zero(void **state)
{
    (void)state;
    assert_int_equal(problems_of(write_config("a.cfg", "area = 010000;\nzero = 0;\nneg = -07;")), 2);
    assert_reported(&reports, "a.cfg:1", "quotes");
    assert_reported(&reports, "a.cfg:3", "quotes");
}

static void
test_comment_without_end(void **state)
{
    (void)state;
    problems_of(write_config("a.cfg", "a = 1;\n\n/* off\nb = 2;\n"));
    assert_reported(&reports, "a.cfg:3", "never closed");
    problems_of(write_config("a.cfg", "a = 1;\nb = \"open;\nc = 3;\n"));
    assert_reported(&reports, "a.cfg:2", "never closed");
    assert_int_equal(problems_of(write_config("a.cfg", "a = 1; /**/ b = 2; /* * / **/\n")), 0);
}

static void
test_bytes_that_are_not_text(void **state)
{
    (void)state;
    problems_of(write_config("a.cfg", "a = 1;\nb = \"\xD2\xBD\xB1\xA3\";\n"));
    assert_reported(&reports, "a.cfg:2", "UTF-8");
    problems_of(write_config("a.cfg", "\xEF\xBB\xBF"
                                      "a = 1;\n"));
    assert_reported(&reports, "a.cfg:1", "byte order mark");
    problems_of(write_bytes("a.cfg", "a = 1;\n\0b = 2;\n", 15));
    assert_reported(&reports, "a.cfg:2", "zero byte");
}

static void
test_size_limit(void **state)
{
    (void)state;
    size_t size = 1024 * 1024 + 1;
    char *data = malloc(size);
    assert_non_null(data);
    memset(data, '\n', size);
    assert_int_equal(problems_of(write_bytes("a.cfg", data, size - 1)), 0);
    assert_int_equal(problems_of(write_bytes("a.cfg", data, size)), 1);
    assert_reported(&reports, "a.cfg", "1 MB");
    write_bytes("big.cfg", data, size - 1);
    free(data);
    problems_of(write_config("b.cfg", "@include \"big.cfg\"\n@include \"big.cfg\"\n@include \"big.cfg\"\n"
                                      "@include \"big.cfg\"\n@include \"big.cfg\"\n"));
    assert_reported(&reports, "big.cfg", "4 MB");
}

static void
test_files_that_cannot_be_read(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/none.cfg", config_folder);
    assert_int_equal(problems_of(path), 1);
    assert_reported(&reports, "none.cfg", "No such file");
    snprintf(path, sizeof path, "%s/folder", config_folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(problems_of(path), 1);
    assert_reported(&reports, "folder", "not a file");
    snprintf(path, sizeof path, "%s/fifo", config_folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(problems_of(path), 1);
    assert_reported(&reports, "fifo", "not a file");
}

static void
test_syntax_error_has_a_line(void **state)
{
    (void)state;
    assert_int_equal(problems_of(write_config("a.cfg", "a = 1;\nb = ;\n")), 1);
    assert_reported(&reports, "a.cfg:2", "syntax error");
    assert_int_equal(problems_of(write_config("a.cfg", "a = 1;\nb = 2;\na = 3;\n")), 1);
    assert_reported(&reports, "a.cfg:3", "duplicate");
}

static void
test_includes(void **state)
{
    (void)state;
    char folder[128];
    snprintf(folder, sizeof folder, "%s/sub", config_folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_config("sub/two.cfg", "\n\ntwo = 2;\n");
    write_config("one.cfg", "one = 1;\n@include \"sub/two.cfg\"\n");
    const char *path = write_config("main.cfg", "@include \"one.cfg\"\nthree = 3;\n");
    struct config_reader reader;
    assert_int_equal(open_file(&reader, path), 0);
    const config_setting_t *root = config_reader_root(&reader);
    int64_t value = 0;
    assert_true(config_reader_integer(&reader, root, "two", CONFIG_REQUIRED, 0, 9, &value));
    assert_int_equal(value, 2);
    static const char *const keys[] = {"one", NULL};
    config_reader_check_keys(&reader, root, keys);
    assert_reported(&reports, "sub/two.cfg:3", "unknown key two");
    assert_reported(&reports, "main.cfg:2", "unknown key three");
    assert_true(config_reader_close(&reader) < 0);
}

static void
test_bad_includes(void **state)
{
    (void)state;
    problems_of(write_config("a.cfg", "\n@include \"none.cfg\"\n"));
    assert_reported(&reports, "a.cfg:2", "none.cfg: No such file");
    problems_of(write_config("a.cfg", "@include \"/etc/passwd\"\n"));
    assert_reported(&reports, "a.cfg:1", "relative");
    problems_of(write_config("self.cfg", "a = 1;\n@include \"self.cfg\"\n"));
    assert_reported(&reports, "self.cfg:2", "too deeply");
    write_config("bad.cfg", "ok = 1;\nwrap = 4294967296;\n");
    problems_of(write_config("a.cfg", "@include \"bad.cfg\"\n"));
    assert_reported(&reports, "bad.cfg:2", "4294967296L");
    write_config("bad.cfg", "ok = 1;\nbroken = ;\n");
    problems_of(write_config("a.cfg", "@include \"bad.cfg\"\n"));
    assert_reported(&reports, "bad.cfg:2", "syntax error");
}

static void
test_unknown_keys_with_hint(void **state)
{
    (void)state;
    struct config_reader reader;
    static const char *const keys[] = {"timeout_ms", "peers", NULL};
    const char *path = write_config("a.cfg", "timout_ms = 5;\npeers = ();\nzzzzzz = 1;\n");
    assert_int_equal(open_file(&reader, path), 0);
    config_reader_check_keys(&reader, config_reader_root(&reader), keys);
    assert_int_equal(reports.count, 2);
    assert_reported(&reports, "a.cfg:1", "unknown key timout_ms: did you mean timeout_ms?");
    assert_reported(&reports, "a.cfg:3", "unknown key zzzzzz");
    assert_null(strstr(reports.lines[1], "did you mean"));
    assert_true(config_reader_close(&reader) < 0);
}

static void
test_typed_values(void **state)
{
    (void)state;
    static const struct config_word words[] = {{"red", 1}, {"green", 2}, {"blue", 4}, {0}};
    struct config_reader reader;
    const char *path = write_config(
        "a.cfg", "text = \"医保\"; int = -5; big = 5000000000L; yes = true; colour = \"green\";\n"
                 "colours = [\"red\", \"blue\"]; none = []; group = { x = 1; }; names = (\"a\", \"b\");\n");
    assert_int_equal(open_file(&reader, path), 0);
    const config_setting_t *root = config_reader_root(&reader);
    char text[7] = "";
    int64_t number = 0;
    bool flag = false;
    uint32_t bits = 99;
    assert_true(config_reader_text(&reader, root, "text", CONFIG_REQUIRED, text, sizeof text));
    assert_string_equal(text, "医保");
    assert_true(config_reader_integer(&reader, root, "int", 0, -5, -5, &number));
    assert_int_equal(number, -5);
    assert_true(config_reader_integer(&reader, root, "big", 0, 0, INT64_MAX, &number));
    assert_int_equal(number, 5000000000);
    assert_true(config_reader_flag(&reader, root, "yes", 0, &flag) && flag);
    assert_true(config_reader_choice(&reader, root, "colour", 0, words, &bits) && bits == 2);
    assert_true(config_reader_words(&reader, root, "colours", 0, words, &bits) && bits == 5);
    assert_true(config_reader_words(&reader, root, "none", 0, words, &bits) && bits == 0);
    assert_non_null(config_reader_group(&reader, root, "group", CONFIG_REQUIRED));
    const config_setting_t *names = config_reader_list(&reader, root, "names", CONFIG_REQUIRED);
    assert_int_equal(config_reader_count(names), 2);
    assert_true(config_reader_item_text(&reader, names, 1, text, sizeof text));
    assert_string_equal(text, "b");
    number = 42;
    assert_false(config_reader_integer(&reader, root, "absent", 0, 0, 1, &number));
    assert_int_equal(number, 42);
    assert_true(config_reader_has(root, "text"));
    assert_false(config_reader_has(root, "absent"));
    assert_int_equal(config_reader_count(NULL), 0);
    assert_int_equal(reports.count, 0);
    assert_int_equal(config_reader_close(&reader), 0);
}

static void
test_wrong_values_keep_the_default(void **state)
{
    (void)state;
    static const struct config_word words[] = {{"red", 1}, {"green", 2}, {0}};
    struct config_reader reader;
    const char *path = write_config(
        "a.cfg", "text = 5;\nlong = \"12345678\";\nline = \"a\\nb\";\nempty = \"\";\nint = \"5\";\n"
                 "far = 11;\nfloat = 5.0;\nflag = 1;\ncolour = \"pink\";\ncolours = (\"red\", 7);\n"
                 "group = ();\nlist = { };\nitems = (1, \"a\");\n");
    assert_int_equal(open_file(&reader, path), 0);
    const config_setting_t *root = config_reader_root(&reader);
    char text[8] = "default";
    int64_t number = 42;
    bool flag = true;
    uint32_t bits = 99;
    assert_false(config_reader_text(&reader, root, "text", 0, text, sizeof text));
    assert_false(config_reader_text(&reader, root, "long", 0, text, sizeof text));
    assert_false(config_reader_text(&reader, root, "line", 0, text, sizeof text));
    assert_false(config_reader_text(&reader, root, "empty", CONFIG_REQUIRED, text, sizeof text));
    assert_false(config_reader_integer(&reader, root, "int", 0, 0, 10, &number));
    assert_false(config_reader_integer(&reader, root, "far", 0, 0, 10, &number));
    assert_false(config_reader_integer(&reader, root, "float", 0, 0, 10, &number));
    assert_false(config_reader_flag(&reader, root, "flag", 0, &flag));
    assert_false(config_reader_choice(&reader, root, "colour", 0, words, &bits));
    assert_false(config_reader_words(&reader, root, "colours", 0, words, &bits));
    assert_null(config_reader_group(&reader, root, "group", 0));
    assert_null(config_reader_list(&reader, root, "list", 0));
    const config_setting_t *items = config_reader_list(&reader, root, "items", 0);
    assert_null(config_reader_item(&reader, items, 0, CONFIG_TYPE_STRING));
    assert_false(config_reader_item_text(&reader, items, 0, text, sizeof text));
    assert_null(config_reader_group(&reader, root, "missing", CONFIG_REQUIRED));
    assert_string_equal(text, "default");
    assert_int_equal(number, 42);
    assert_true(flag);
    assert_int_equal(bits, 99);
    assert_int_equal(reports.count, 15);
    assert_reported(&reports, "a.cfg:1", "text: expected a text in quotes, found an integer");
    assert_reported(&reports, "a.cfg:2", "at most 7");
    assert_reported(&reports, "a.cfg:3", "control character");
    assert_reported(&reports, "a.cfg:4", "empty is empty");
    assert_reported(&reports, "a.cfg:6", "far = 11: allowed are 0 to 10");
    assert_reported(&reports, "a.cfg:7", "found a number with a point");
    assert_reported(&reports, "a.cfg:8", "expected true or false");
    assert_reported(&reports, "a.cfg:9", "\"pink\" is not known; expected one of red, green");
    assert_reported(&reports, "a.cfg:10", "expected a text in quotes");
    assert_reported(&reports, "a.cfg:11", "expected a group");
    assert_reported(&reports, "a.cfg:12", "expected a list");
    assert_reported(&reports, "a.cfg", "missing is missing");
    assert_true(config_reader_close(&reader) < 0);
}

static void
test_misread_number_is_reported_once(void **state)
{
    (void)state;
    struct config_reader reader;
    int64_t value = 7;
    assert_int_equal(
        open_file(&reader, write_config("a.cfg", "a = 4294967396;\nb = 99999999999999999999L;\nc = 100;\n")),
        0);
    const config_setting_t *root = config_reader_root(&reader);
    assert_int_equal(reports.count, 2);
    assert_true(config_reader_is_misread(&reader, config_setting_get_member(root, "a")));
    assert_true(config_reader_is_misread(&reader, config_setting_get_member(root, "b")));
    assert_false(config_reader_is_misread(&reader, config_setting_get_member(root, "c")));
    /* Out of range as it was wrapped, and in range: neither is taken, neither is said again. */
    assert_false(config_reader_integer(&reader, root, "a", 0, 1, 10, &value));
    assert_false(config_reader_integer(&reader, root, "a", 0, 1, 1000, &value));
    assert_false(config_reader_integer(&reader, root, "b", 0, 1, 10, &value));
    assert_int_equal(value, 7);
    assert_int_equal(reports.count, 2);
    assert_true(config_reader_integer(&reader, root, "c", 0, 1, 1000, &value));
    assert_true(config_reader_close(&reader) < 0);
}

static void
test_lacking_is_not_being_wrong(void **state)
{
    (void)state;
    struct config_reader reader;
    assert_int_equal(open_file(&reader, write_config("a.cfg", "a = \"\"; b = \"x\"; c = 5;\n")), 0);
    const config_setting_t *root = config_reader_root(&reader);
    assert_true(config_reader_lacks(root, "a"));
    assert_false(config_reader_lacks(root, "b"));
    assert_false(config_reader_lacks(root, "c"));
    assert_true(config_reader_lacks(root, "d"));
    assert_true(config_reader_lacks(NULL, "d"));
    assert_int_equal(config_reader_close(&reader), 0);
}

static void
test_error_holds_the_first_and_the_count(void **state)
{
    (void)state;
    struct config_reader reader;
    struct fep_error error = {0};
    const char *path = write_config("a.cfg", "a = 1;\n");
    assert_int_equal(config_reader_open(&reader, path, FEP_E_ROUTES_INVALID, NULL, NULL, &error), 0);
    config_reader_problem(&reader, config_setting_get_member(config_reader_root(&reader), "a"), "first %d",
                          1);
    config_reader_problem(&reader, NULL, "second");
    config_reader_problem(&reader, NULL, "third");
    assert_true(config_reader_close(&reader) < 0);
    assert_int_equal(error.code, FEP_E_ROUTES_INVALID);
    assert_non_null(strstr(error.text, "a.cfg:1: first 1 (and 2 more)"));
}

static void
test_reports_are_bounded(void **state)
{
    (void)state;
    struct config_reader reader;
    assert_int_equal(open_file(&reader, write_config("a.cfg", "a = 1;\n")), 0);
    for (int i = 0; i < 1000; i++)
        config_reader_problem(&reader, NULL, "problem %d", i);
    assert_int_equal(reports.count, 201);
    assert_non_null(strstr(reports.lines[200], "not shown"));
    assert_true(config_reader_close(&reader) < 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_config_folder, remove_config_folder)
    const struct CMUnitTest tests[] = {
        CASE(test_good_file_has_no_problems),
        CASE(test_integers_that_would_wrap),
        CASE(test_leading_zero),
        CASE(test_comment_without_end),
        CASE(test_bytes_that_are_not_text),
        CASE(test_size_limit),
        CASE(test_files_that_cannot_be_read),
        CASE(test_syntax_error_has_a_line),
        CASE(test_includes),
        CASE(test_bad_includes),
        CASE(test_unknown_keys_with_hint),
        CASE(test_typed_values),
        CASE(test_wrong_values_keep_the_default),
        CASE(test_misread_number_is_reported_once),
        CASE(test_lacking_is_not_being_wrong),
        CASE(test_error_holds_the_first_and_the_count),
        CASE(test_reports_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
