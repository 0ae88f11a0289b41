/* Another delimited protocol by its mapping file alone: pipes between fields, the body behind the head in one
 * list, records in one field, UTF-8, LF. And the facts about lines one by one. */
#include "caret_pipe_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"

struct form {
    struct fake_host *fake;
    struct caret_codec codec;
    struct fep_error error;
};

static int
set_up(void **state)
{
    struct form *f = calloc(1, sizeof *f);
    f->fake = fake_create(rig_pipe_file());
    if (caret_codec_open(&f->codec, &f->fake->host, &f->error) != 0)
        fail_msg("%s", f->error.text);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct form *f = *state;
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static void
drop(struct form *f, struct fep_record *record)
{
    f->fake->host.release_record(f->fake, record);
}

/* Reads a line under head-Q or head-R and its body's layout; *head is the test's to drop. */
static struct fep_record *
read_line(struct form *f, bool request, const char *text, const char *layout, struct fep_record **head)
{
    const unsigned char *line = (const unsigned char *)text;
    struct fep_bytes body;
    size_t end = caret_find_line(&f->codec, line, strlen(text), 0);
    memset(&f->error, 0, sizeof f->error);
    *head = NULL;
    assert_int_equal(end, strlen(text));
    *head = caret_decode_head(&f->codec, request, line, end - caret_line_end(&f->codec), &body, &f->error);
    return *head != NULL ? caret_decode_body(&f->codec, layout, body, NULL, &f->error) : NULL;
}

static void
refuse_line(struct form *f, const char *text, const char *layout, uint32_t code)
{
    struct fep_record *head, *body = read_line(f, true, text, layout, &head);
    assert_null(body);
    assert_int_equal(f->error.code, code);
    if (head != NULL)
        drop(f, head);
}

static void
expect_line(struct form *f, const struct fep_record *head, const struct fep_record *body, const char *text)
{
    unsigned char out[65536];
    long size = caret_encode_line(&f->codec, head, body, NULL, out, &f->error);
    assert_int_equal(size, (long)strlen(text));
    assert_memory_equal(out, text, (size_t)size);
}

#define PAY "PAY|20261122070000000101|H45090000001|V1|125.55|A1,甲片,100.00;A2,,25.55\n"

static void
a_request_is_read_and_written_to_the_byte(void **state)
{
    struct form *f = *state;
    struct fep_record *head, *body = read_line(f, true, PAY, "PAY-Q", &head);
    assert_non_null(body);
    assert_string_equal(fake_get(f->fake, head, "ORG"), "H45090000001");
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), "125.55");
    assert_int_equal(f->fake->host.record_rows(body), 2);
    assert_string_equal(fake_get_in_row(f->fake, body, 0, "NAME"), "甲片");
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "NAME"), "");
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "AMT"), "25.55");
    expect_line(f, head, body, PAY);
    drop(f, head);
    drop(f, body);
}

static void
a_refusal_may_have_a_head_only(void **state)
{
    struct form *f = *state;
    struct fep_bytes body;
    const unsigned char line[] = "20261122070000000101|E01|总额不符";
    struct fep_record *head = caret_decode_head(&f->codec, false, line, sizeof line - 1, &body, &f->error);
    assert_non_null(head);
    assert_int_equal(body.size, 0);
    assert_string_equal(fake_get(f->fake, head, "TEXT"), "总额不符");
    expect_line(f, head, NULL, "20261122070000000101|E01|总额不符\n");
    drop(f, head);
}

static void
no_records_are_an_empty_field(void **state)
{
    struct form *f = *state;
    struct fep_record *head, *body = read_line(f, true, "PAY|1|H1|V1|0.00|\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_int_equal(f->fake->host.record_rows(body), 0);
    expect_line(f, head, body, "PAY|1|H1|V1|0.00|\n");
    drop(f, head);
    drop(f, body);
    body = read_line(f, true, "PAY|1|H1|V1|0.00\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_int_equal(f->fake->host.record_rows(body), 0);
    drop(f, head);
    drop(f, body);
}

static void
broken_lines_are_refused(void **state)
{
    struct form *f = *state;
    refuse_line(f, "PAY|1\n", "PAY-Q", 1001);
    refuse_line(f, "PAY|1|H1|V1\n", "PAY-Q", 1003); /* no total */
    refuse_line(f, "PAY|1|H1|V1|1.234\n", "PAY-Q", 1003);
    refuse_line(f, "PAY|1|H1|V1|1.00|A1,x,1.00;\n", "PAY-Q", 1003); /* a record without its item */
    const unsigned char crlf[] = "PAY|1|H1|V1|1.00\r\n";
    assert_int_equal(caret_find_line(&f->codec, crlf, sizeof crlf - 1, 0), SIZE_MAX);
}

static void
numbers_that_are_written_loosely_are_read_as_what_they_are(void **state)
{
    static const char *const pairs[][2] = {{"1.5", "1.50"},   {"01.50", "1.50"},  {"7", "7.00"},
                                           {"-0.00", "0.00"}, {"-0.05", "-0.05"}, {"1.2300", "1.23"},
                                           {"0", "0.00"}};
    struct form *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "PAY|1|H1|V1|%s\n", pairs[i][0]);
        struct fep_record *head, *body = read_line(f, true, line, "PAY-Q", &head);
        assert_non_null(body);
        assert_string_equal(fake_get(f->fake, body, "TOTAL"), pairs[i][1]);
        drop(f, head);
        drop(f, body);
    }
}

static void
marks_in_data_are_replaced(void **state)
{
    struct form *f = *state;
    struct fep_record *head = fake_record(
        f->fake, "head-R", (const char *const[]){"SERIAL", "1", "CODE", "OK", "TEXT", "a|b;c,d^e\nf", NULL});
    expect_line(f, head, NULL, "1|OK|a/b/c/d^e f\n");
    drop(f, head);
}

static void
open_with(struct form *f, const char *from, const char *to)
{
    static char text[16384];
    char path[] = "/tmp/fep-form-XXXXXX";
    FILE *file = fopen(rig_pipe_file(), "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *at = strstr(text, from);
    assert_non_null(at);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    close(fd);
    fake_destroy(f->fake);
    f->fake = fake_create(path);
    unlink(path);
    memset(&f->error, 0, sizeof f->error);
}

static void
refuse_fact(struct form *f, const char *from, const char *to, const char *word)
{
    open_with(f, from, to);
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), -1);
    if (strstr(f->error.text, word) == NULL)
        fail_msg("\"%s\" does not name %s", f->error.text, word);
}

static void
facts_that_can_not_work_are_found_at_the_start(void **state)
{
    struct form *f = *state;
    refuse_fact(f, "body = \"flat\"", "body = \"inside\"", "wire.body");
    refuse_fact(f, "fields = \"separated\"", "fields = \"open\"", "wire.fields");
    refuse_fact(f, "records = \"packed\"", "records = \"x\"", "wire.records");
    refuse_fact(f, "line_end = \"lf\"", "line_end = \"cr\"", "wire.line_end");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"||\"", "wire.field_mark");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"5\"", "wire.field_mark");
    refuse_fact(f, "field_mark = \"|\"", "field_mark = \"-\"", "wire.field_mark");
    refuse_fact(f, "record_field_mark = \",\"", "record_field_mark = \"|\"", "record_field_mark");
    refuse_fact(f, "record_mark = \";\"", "record_mark = \"|\"", "record_mark");
    refuse_fact(f, "mark_replacement = \"/\"", "mark_replacement = \";\"", "mark_replacement");
    refuse_fact(f, "decimals = \"loose\"", "decimals = \"fen\"", "decimals");
    refuse_fact(f, "body = \"flat\"", "body = \"nested\"", "body_mark");
    refuse_fact(f, "characters = \"utf8\"", "characters = \"big5\"", "characters");
}

static void
expect_pay(struct form *f, const char *text, const char *amount)
{
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), 0);
    struct fep_record *head, *body = read_line(f, true, text, "PAY-Q", &head);
    if (body == NULL)
        fail_msg("%s", f->error.text);
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), amount);
    assert_int_equal(f->fake->host.record_rows(body), 2);
    assert_string_equal(fake_get_in_row(f->fake, body, 1, "ITEM"), "A2");
    expect_line(f, head, body, text);
    drop(f, head);
    drop(f, body);
}

static void
each_fact_changes_the_line(void **state)
{
    struct form *f = *state;
    open_with(f, "fields = \"separated\"", "fields = \"closed\"");
    expect_pay(f, "PAY|1|H1|V1|1.00|A1,,1.00,;A2,,0.00,;|\n", "1.00");
    open_with(f, "records = \"packed\"; record_mark = \";\"; record_field_mark = \",\"",
              "records = \"opened\"; record_mark = \"#\"; record_field_mark = \"~\"");
    expect_pay(f, "PAY|1|H1|V1|1.00#A1~~1.00#A2~~0.00\n", "1.00");
    open_with(f, "decimals = \"loose\"", "decimals = \"implied\"");
    expect_pay(f, "PAY|1|H1|V1|12505|A1,,100;A2,,0\n", "125.05");
    open_with(f, "decimals = \"loose\"", "decimals = \"loose\"; empty = \"NULL\"");
    expect_pay(f, "PAY|1|NULL|V1|1.00|A1,NULL,1.00;A2,NULL,0.00\n", "1.00");
    open_with(f, "line_end = \"lf\"", "line_end = \"crlf\"");
    expect_pay(f, "PAY|1|H1|V1|1.00|A1,,1.00;A2,,0.00\r\n", "1.00");
    open_with(f, "field_mark = \"|\"", "field_mark = \"\\t\"");
    expect_pay(f, "PAY\t1\tH1\tV1\t1.00\tA1,,1.00;A2,,0.00\n", "1.00");
}

static void
an_implied_amount_has_no_point(void **state)
{
    struct form *f = *state;
    open_with(f, "decimals = \"loose\"", "decimals = \"implied\"");
    assert_int_equal(caret_codec_open(&f->codec, &f->fake->host, &f->error), 0);
    refuse_line(f, "PAY|1|H1|V1|1.00\n", "PAY-Q", 1003);
    struct fep_record *head, *body = read_line(f, true, "PAY|1|H1|V1|-5\n", "PAY-Q", &head);
    assert_non_null(body);
    assert_string_equal(fake_get(f->fake, body, "TOTAL"), "-0.05");
    drop(f, head);
    drop(f, body);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_read_and_written_to_the_byte),
        TEST(a_refusal_may_have_a_head_only),
        TEST(no_records_are_an_empty_field),
        TEST(broken_lines_are_refused),
        TEST(numbers_that_are_written_loosely_are_read_as_what_they_are),
        TEST(marks_in_data_are_replaced),
        TEST(facts_that_can_not_work_are_found_at_the_start),
        TEST(each_fact_changes_the_line),
        TEST(an_implied_amount_has_no_point),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
