/* SOAP to the byte: the protocol's own examples both ways, what is written and which fields are not. */
#include "soap_codec_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soap_samples.h"

/* A message is read, and written again from nothing but its records. */
static void
assert_same_again(bool request, const char *text, const char *transaction, size_t size, bool with_body)
{
    struct soap_document document;
    struct fep_error error = {0};
    size_t wire_size;
    unsigned char *wire = rig_to_wire(text, &wire_size), *again;
    assert_int_equal(wire_size, size);
    if (soap_read(&rig_codec, request, wire, wire_size, &document, &error) < 0)
        fail_msg("%s", error.text);
    struct fep_record *head = soap_decode_head(&rig_codec, request, &document, &error), *body = NULL;
    if (head == NULL)
        fail_msg("%s", error.text);
    if (with_body &&
        (body = soap_decode_body(&rig_codec, request, transaction, document.body, &error)) == NULL)
        fail_msg("%s", error.text);
    long written = soap_encode(&rig_codec, request, head, body, NULL, &again, &error);
    assert_int_equal(written, size);
    assert_memory_equal(again, wire, size);
    free(again);
    free(wire);
    rig_fake->host.release_record(rig_fake, head);
    rig_fake->host.release_record(rig_fake, body);
    soap_release(&document);
}

static void
test_examples_to_the_byte(void **state)
{
    (void)state;
    assert_same_again(true, GOOD_REQUEST, "1402", 1077, true);
    assert_same_again(false, GOOD_ANSWER, "1402", 1074, true);
    assert_same_again(true, BAD_REQUEST, "1402", 1054, true);
    assert_same_again(false, BAD_ANSWER, "1402", 631, false);
}

static void
test_values_of_the_examples(void **state)
{
    (void)state;
    struct fep_error error = {0};
    assert_string_equal(rig_value_in(true, GOOD_REQUEST, "1402", "AAC003", &error), "吐尔逊·测试");
    assert_string_equal(rig_value_in(true, GOOD_REQUEST, "1402", "AKC264", &error), "3256.80");
    assert_string_equal(rig_value_in(false, GOOD_ANSWER, "1402", "AKC261", &error), "501.80");
}

static void
test_heads_to_the_byte(void **state)
{
    (void)state;
    char out[512];
    assert_int_equal(http_write_request(out, sizeof out, rig_codec.wire.path, "10.45.3.20:8081",
                                        rig_codec.wire.content_type, rig_codec.wire.soap_action, 1054),
                     180);
    assert_string_equal(out, BAD_REQUEST_HTTP);
    assert_int_equal(http_write_request(out, sizeof out, rig_codec.wire.path, "10.45.3.10:18081",
                                        rig_codec.wire.content_type, rig_codec.wire.soap_action, 1077),
                     181);
    assert_string_equal(out, GOOD_REQUEST_HTTP);
    assert_int_equal(http_write_answer(out, sizeof out, 200, rig_codec.wire.content_type, 1074), 97);
    assert_string_equal(out, GOOD_ANSWER_HTTP);
    assert_int_equal(http_write_answer(out, sizeof out, 200, rig_codec.wire.content_type, 631), 96);
    assert_string_equal(out, BAD_ANSWER_HTTP);
    assert_int_equal(http_write_answer(out, 20, 200, rig_codec.wire.content_type, 631), -1);
}

static void
test_fault_is_written(void **state)
{
    (void)state;
    struct fep_error error = {0};
    unsigned char *out;
    struct soap_document document;
    long size = soap_encode_fault(&rig_codec, "不 < 懂", &out, &error);
    assert_true(size > 0);
    assert_int_equal(soap_read(&rig_codec, false, out, (size_t)size, &document, &error), 0);
    assert_true(document.is_fault);
    assert_string_equal(document.fault_text, "不 < 懂");
    soap_release(&document);
    free(out);
}

static unsigned char *
write_echo(const char *text, long *size)
{
    struct fep_error error = {0};
    unsigned char *out;
    struct fep_record *head = fake_record(rig_fake, "head-Q", (const char *const[]){"MSGNO", "1999", NULL}),
                      *body = fake_record(rig_fake, "1999-Q", (const char *const[]){"ECHO", text, NULL});
    *size = soap_encode(&rig_codec, true, head, body, NULL, &out, &error);
    if (*size < 0)
        fail_msg("%s", error.text);
    rig_fake->host.release_record(rig_fake, head);
    rig_fake->host.release_record(rig_fake, body);
    return out;
}

static void
assert_written(const char *text, const char *expected)
{
    long size;
    size_t wanted;
    unsigned char *out = write_echo(text, &size), *part = rig_to_wire(expected, &wanted);
    if (memmem(out, (size_t)size, part, wanted) == NULL)
        fail_msg("no %s in %.*s", expected, (int)size, (const char *)out);
    free(out);
    free(part);
}

static void
test_character_outside_gbk_is_a_reference(void **state)
{
    (void)state;
    long size;
    unsigned char *out = write_echo("䶮小测", &size);
    assert_non_null(memmem(out, (size_t)size, "<ECHO>&#x4DAE;\xD0\xA1\xB2\xE2</ECHO>", 25));
    struct soap_document document;
    struct fep_error error = {0};
    assert_int_equal(soap_read(&rig_codec, true, out, (size_t)size, &document, &error), 0);
    struct fep_record *body = soap_decode_body(&rig_codec, true, "1999", document.body, &error);
    assert_string_equal(fake_get(rig_fake, body, "ECHO"), "䶮小测");
    rig_fake->host.release_record(rig_fake, body);
    soap_release(&document);
    free(out);
}

static void
test_marks_are_escaped_and_controls_removed(void **state)
{
    (void)state;
    assert_written("a<b>&c]]>\"", "<ECHO>a&lt;b&gt;&amp;c]]&gt;\"</ECHO>");
    assert_written("a\x01\r\n\t\x1F\x7F\xC2\x85\xEF\xBF\xBF"
                   "b",
                   "<ECHO>a\n\tb</ECHO>");
}

static void
test_rows_are_counted(void **state)
{
    (void)state;
    struct fep_error error = {0};
    unsigned char *out;
    struct fep_record *head = fake_record(rig_fake, "head-Q", (const char *const[]){"MSGNO", "1301", NULL}),
                      *body = fake_record(rig_fake, "1301-Q", (const char *const[]){"AKC264", "12.00", NULL});
    fake_set_row(rig_fake, body, (const char *const[]){"AAZ213", "1", "AKC227", "12.00", NULL});
    fake_set_row(rig_fake, body, (const char *const[]){"AAZ213", "2", NULL});
    long size = soap_encode(&rig_codec, true, head, body, NULL, &out, &error);
    assert_true(size > 0);
    assert_non_null(memmem(out, (size_t)size,
                           "<ROWNUM>2</ROWNUM><AKC264>12.00</AKC264><DETAILS><ROW><AAZ213>1<",
                           strlen("<ROWNUM>2</ROWNUM><AKC264>12.00</AKC264><DETAILS><ROW><AAZ213>1<")));
    free(out);
    struct soap_codec small = rig_codec; /* room for the first line and not for the second */
    small.max_body = (size_t)size - 300;
    assert_int_equal(soap_encode(&small, true, head, body, NULL, &out, &error), -1);
    assert_int_equal(error.code, 2204);
    char expected[160];
    snprintf(expected, sizeof expected,
             "a message that is larger than %zu bytes: 1 lines fit, and nothing took effect", small.max_body);
    assert_string_equal(error.text, expected);
    rig_fake->host.release_record(rig_fake, head);
    rig_fake->host.release_record(rig_fake, body);
}

static void
assert_field_refused(const char *transaction, const char *fields, unsigned code, const char *why)
{
    struct fep_error error = {0};
    char *text = NULL;
    assert_true(asprintf(&text,
                         ENVELOPE_BEGIN "<ns1:business xmlns:ns1=\"urn:wuxian:ydjy\"><inputXml>"
                                        "<![CDATA[<REQUEST><HEAD/><INPUT>%s</INPUT></REQUEST>]]>"
                                        "</inputXml></ns1:business>" ENVELOPE_END,
                         fields) > 0);
    if (rig_value_in(true, text, transaction, "AKC190", &error) != NULL)
        fail_msg("accepted: %s", fields);
    assert_int_equal(error.code, code);
    if (strstr(error.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
    free(text);
}

#define VISIT "<AAZ217>1</AAZ217><AKC190>2</AKC190>"
#define LINE                                                                                                 \
    "<AAZ213>1</AAZ213><AKC221>20261122093015</AKC221><AKC515>1</AKC515><AKC516>x</AKC516><AKE003>1</"       \
    "AKE003>"                                                                                                \
    "<AKA063>11</AKA063><AKC226>1</AKC226><AKC227>1.00</AKC227><AKA065>1</AKA065><AKA069>0.0000</AKA069>"    \
    "<AKC253>0.00</AKC253><AKC228>0.00</AKC228><AKC268>0.00</AKC268><BKC042>1.00</BKC042>"
#define LINES(count, rows) VISIT "<ROWNUM>" count "</ROWNUM><AKC264>1.00</AKC264><DETAILS>" rows "</DETAILS>"

static void
test_fields_are_checked_to_the_letter(void **state)
{
    (void)state;
    assert_field_refused("1302", "<AKC190>2</AKC190><ROWNUM>0</ROWNUM>", 1003, "AAZ217: empty");
    assert_field_refused("1302", VISIT "<AKC190>3</AKC190><ROWNUM>0</ROWNUM>", 1003, "twice");
    assert_field_refused("1302", "<AAZ217>1</AAZ217><AKC190>123456789012345678901</AKC190>", 1003, "longer");
    assert_field_refused("1302", "<AAZ217><a/></AAZ217>", 1001, "expected a text");
    assert_field_refused("1302", VISIT, 1003, "ROWNUM: empty");
    assert_field_refused("1302", VISIT "<ROWNUM>2</ROWNUM>", 1003, "says 2, there are 0");
    assert_field_refused("1301", LINES("0", ""), 2204, "no lines");
    assert_field_refused("1301", LINES("1", "<ROW>" LINE "<AKC225>-</AKC225></ROW>"), 1003, "line 1 AKC225");
    assert_field_refused("1301", LINES("1", "<ROW>" LINE "<AKC225>1.12345</AKC225></ROW>"), 1003,
                         "at most 4");
    assert_field_refused("1301", LINES("1", "<ROW>" LINE "</ROW>"), 1003, "AKC225: empty");
    assert_field_refused("1301", LINES("2", "<ROW>" LINE "<AKC225>1.5</AKC225></ROW>"), 1003, "there are 1");
}

static void
test_amounts_are_exact(void **state)
{
    (void)state;
    static const char *const bad[] = {"1",
                                      "1.0",
                                      "1.000",
                                      "01.00",
                                      "+1.00",
                                      "-0.00",
                                      "1,00",
                                      ".50",
                                      "1e2",
                                      "１.0x",
                                      "0x1.00",
                                      "--1.00",
                                      "123456789012345.00",
                                      "1.00 2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char fields[256];
        snprintf(fields, sizeof fields, VISIT "<ROWNUM>1</ROWNUM><AKC264>%s</AKC264>", bad[i]);
        assert_field_refused("1301", fields, 1003, "AKC264");
    }
}

static void
test_prices_may_have_fewer_decimals(void **state)
{
    (void)state;
    struct fep_error error = {0};
    assert_non_null(rig_value_in(true,
                                 ASK(REQUEST("", LINES("1", "<ROW>" LINE "<AKC225>1.5</AKC225></ROW>"))),
                                 "1301", "AKC190", &error));
}

static void
test_full_width_codes_are_folded(void **state)
{
    (void)state;
    struct fep_error error = {0};
    assert_string_equal(rig_value_in(true,
                                     ASK(REQUEST("", "<AAZ217>１２Ａ　</AAZ217><AKC190>2</AKC190>"
                                                     "<ROWNUM>0</ROWNUM>")),
                                     "1302", "AAZ217", &error),
                        "12A");
}

/* C(n) counts bytes of GBK, a reference two. */
static void
test_lengths_are_counted_in_gbk(void **state)
{
    (void)state;
    struct fep_error error = {0};
    char name[512], text[2048];
    for (int count = 25; count <= 26; count++) {
        name[0] = '\0';
        for (int i = 0; i < count; i++)
            strcat(name, i % 2 == 0 ? "&#x4DAE;" : "测");
        snprintf(text, sizeof text,
                 ENVELOPE_BEGIN
                 "<ns1:business xmlns:ns1=\"urn:wuxian:ydjy\"><inputXml><![CDATA[<REQUEST><HEAD/>"
                 "<INPUT><BKA895>01</BKA895><BKA896>1</BKA896><AAC003>%s</AAC003></INPUT></REQUEST>]]>"
                 "</inputXml></ns1:business>" ENVELOPE_END,
                 name);
        const char *value = rig_value_in(true, text, "1101", "BKA896", &error);
        assert_true((value != NULL) == (count == 25));
    }
    assert_non_null(strstr(error.text, "AAC003: longer than 50 bytes"));
}

static const char *changed_key, *changed_text;

static const char *
change_mapping_text(void *host, const char *section, const char *key)
{
    const char *text = rig_fake->host.mapping_text(host, section, key);
    return strcmp(section, "wire") == 0 && strcmp(key, changed_key) == 0 ? changed_text : text;
}

/* Opened with one fact changed; true if the codec refuses it, naming the fact. */
static bool
is_refused(const char *key, const char *text)
{
    struct fep_host host = rig_fake->host;
    struct soap_codec other;
    struct fep_error error = {0};
    host.mapping_text = change_mapping_text;
    changed_key = key;
    changed_text = text;
    return soap_codec_open(&other, &host, &error) < 0 && strstr(error.text, key) != NULL;
}

static void
test_facts_that_name_nothing_are_found_at_opening(void **state)
{
    (void)state;
    static const char *const limits[] = {"1502:PAGESIZ=1-200",   "1999:PAGESIZE=1-200", "1502:PAGESIZE=200-1",
                                         "1502:PAGESIZE=1-200x", "1502:PAGESIZE",       "PAGESIZE=1-200"};
    static const char *const serials[] = {"1502:MSGI", "1502:TOTALNUM", "1999:MSGID", "1502"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        assert_true(is_refused("number_limits", limits[i]));
    for (size_t i = 0; i < sizeof serials / sizeof *serials; i++)
        assert_true(is_refused("own_serials", serials[i]));
    assert_false(is_refused("number_limits", "1502:PAGESIZE=1-1"));
    assert_false(is_refused("own_serials", NULL));
    assert_true(is_refused("row", NULL));
    assert_true(is_refused("characters", "ebcdic"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
    const struct CMUnitTest tests[] = {
        TEST(test_examples_to_the_byte),
        TEST(test_values_of_the_examples),
        TEST(test_heads_to_the_byte),
        TEST(test_fault_is_written),
        TEST(test_character_outside_gbk_is_a_reference),
        TEST(test_marks_are_escaped_and_controls_removed),
        TEST(test_rows_are_counted),
        TEST(test_fields_are_checked_to_the_letter),
        TEST(test_amounts_are_exact),
        TEST(test_prices_may_have_fewer_decimals),
        TEST(test_full_width_codes_are_folded),
        TEST(test_lengths_are_counted_in_gbk),
        TEST(test_facts_that_name_nothing_are_found_at_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
