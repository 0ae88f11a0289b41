/* SOAP and HTTP to the byte: the protocol's own examples both ways, every form a receiver must accept, and
 * what it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "http.h"
#include "soap_samples.h"

static struct fake_host *fake;
static struct soap_codec codec;

static int
begin(void **state)
{
    (void)state;
    struct fep_error error;
    fake = fake_create("wuxian-450300.cfg");
    if (soap_codec_open(&codec, &fake->host, &error) < 0)
        fail_msg("%s", error.text);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    fake_destroy(fake);
    return 0;
}

static unsigned char *
to_wire(const char *text, size_t *size)
{
    size_t room = strlen(text) * 3 + 16;
    unsigned char *wire = malloc(room);
    assert_non_null(wire);
    *size = fake_encode(fake, text, wire, room);
    return wire;
}

static int
read_text(bool request, const char *text, struct soap_document *document, struct fep_error *error)
{
    size_t size;
    unsigned char *wire = to_wire(text, &size);
    int status = soap_read(&codec, request, wire, size, document, error);
    free(wire);
    return status;
}

/* Reads a message and gives the value of a field of its body under `layout`; NULL if it can not be read. */
static const char *
value_in(bool request, const char *text, const char *transaction, const char *field, struct fep_error *error)
{
    struct soap_document document;
    const char *value = NULL;
    if (read_text(request, text, &document, error) == 0) {
        struct fep_record *body = soap_decode_body(&codec, request, transaction, document.body, error);
        if (body != NULL)
            value = fake_get(fake, body, field);
        fake->host.release_record(fake, body);
    }
    soap_release(&document);
    return value;
}

static void
assert_refused(const char *text, unsigned code, const char *why)
{
    struct soap_document document;
    struct fep_error error = {0};
    int status = read_text(true, text, &document, &error);
    soap_release(&document);
    if (status == 0)
        fail_msg("accepted: %.80s", text);
    assert_int_equal(error.code, code);
    if (strstr(error.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
}

/* --- the protocol's examples --- */

/* A message is read, and written again from nothing but its records. */
static void
assert_same_again(bool request, const char *text, const char *transaction, size_t size, bool with_body)
{
    struct soap_document document;
    struct fep_error error = {0};
    size_t wire_size;
    unsigned char *wire = to_wire(text, &wire_size), *again;
    assert_int_equal(wire_size, size);
    if (soap_read(&codec, request, wire, wire_size, &document, &error) < 0)
        fail_msg("%s", error.text);
    struct fep_record *head = soap_decode_head(&codec, request, &document, &error), *body = NULL;
    if (head == NULL)
        fail_msg("%s", error.text);
    if (with_body && (body = soap_decode_body(&codec, request, transaction, document.body, &error)) == NULL)
        fail_msg("%s", error.text);
    long written = soap_encode(&codec, request, head, body, NULL, &again, &error);
    assert_int_equal(written, size);
    assert_memory_equal(again, wire, size);
    free(again);
    free(wire);
    fake->host.release_record(fake, head);
    fake->host.release_record(fake, body);
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
    assert_string_equal(value_in(true, GOOD_REQUEST, "1402", "AAC003", &error), "吐尔逊·测试");
    assert_string_equal(value_in(true, GOOD_REQUEST, "1402", "AKC264", &error), "3256.80");
    assert_string_equal(value_in(false, GOOD_ANSWER, "1402", "AKC261", &error), "501.80");
}

static void
test_heads_to_the_byte(void **state)
{
    (void)state;
    char out[512];
    assert_int_equal(http_write_request(out, sizeof out, codec.wire.path, "10.45.3.20:8081",
                                        codec.wire.content_type, codec.wire.soap_action, 1054),
                     180);
    assert_string_equal(out, BAD_REQUEST_HTTP);
    assert_int_equal(http_write_request(out, sizeof out, codec.wire.path, "10.45.3.10:18081",
                                        codec.wire.content_type, codec.wire.soap_action, 1077),
                     181);
    assert_string_equal(out, GOOD_REQUEST_HTTP);
    assert_int_equal(http_write_answer(out, sizeof out, 200, codec.wire.content_type, 1074), 97);
    assert_string_equal(out, GOOD_ANSWER_HTTP);
    assert_int_equal(http_write_answer(out, sizeof out, 200, codec.wire.content_type, 631), 96);
    assert_string_equal(out, BAD_ANSWER_HTTP);
    assert_int_equal(http_write_answer(out, 20, 200, codec.wire.content_type, 631), -1);
}

/* --- forms that a receiver accepts --- */

#define SHORT_HEAD "<MSGNO>1999</MSGNO><MSGID>A</MSGID>"
#define OTHER_ENVELOPE(argument)                                                                             \
    "<?xml version='1.0' encoding='GBK' standalone='yes' ?>\r\n<!-- a comment -->\n"                         \
    "<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/' xmlns:x='urn:wuxian:ydjy'>\n"           \
    " <S:Header><a xmlns='urn:other'>1</a></S:Header>\n <S:Body>\n  <x:business>\n   " argument              \
    "\n  </x:business>\n </S:Body>\n</S:Envelope>\n"

static void
test_any_prefix_and_white_space(void **state)
{
    (void)state;
    struct fep_error error = {0};
    const char *value = value_in(true,
                                 OTHER_ENVELOPE("<x:inputXml>\n  <![CDATA[\n <?xml version=\"1.0\" "
                                                "encoding=\"UTF-8\"?><REQUEST><INPUT>\n<ECHO>  覃 测\t</ECHO>"
                                                "</INPUT><HEAD>" SHORT_HEAD "</HEAD></REQUEST> ]]> "
                                                "</x:inputXml>"),
                                 "1999", "ECHO", &error);
    assert_non_null(value);
    assert_string_equal(value, "覃 测");
}

static void
test_escaped_text(void **state)
{
    (void)state;
    struct fep_error error = {0};
    const char *value =
        value_in(true,
                 OTHER_ENVELOPE("<inputXml>&lt;?xml version=\"1.0\" encoding=\"GBK\"?&gt;&lt;REQUEST&gt;"
                                "&lt;HEAD&gt;&lt;MSGNO&gt;1999&lt;/MSGNO&gt;&lt;/HEAD&gt;&lt;INPUT&gt;"
                                "&lt;ECHO&gt;a &amp;lt; b&amp;#x4DAE;&#20013;&lt;/ECHO&gt;&lt;/INPUT&gt;"
                                "&lt;/REQUEST&gt;</inputXml>"),
                 "1999", "ECHO", &error);
    assert_non_null(value);
    assert_string_equal(value, "a < b䶮中");
}

static void
test_cdata_and_escaped_text_mixed(void **state)
{
    (void)state;
    struct fep_error error = {0};
    const char *value = value_in(true,
                                 OTHER_ENVELOPE("<inputXml>&lt;REQUEST&gt;<![CDATA[<HEAD>" SHORT_HEAD
                                                "</HEAD><INPUT><ECHO>x]]>&amp;amp;<![CDATA[y</ECHO></INPUT>"
                                                "</REQUEST>]]></inputXml>"),
                                 "1999", "ECHO", &error);
    assert_non_null(value);
    assert_string_equal(value, "x&y");
}

static void
test_missing_empty_and_unknown_elements(void **state)
{
    (void)state;
    struct fep_error error = {0};
    const char *value =
        value_in(false,
                 TELL(RESPONSE("<MSGNO>1402</MSGNO>", "<ZZ99>?</ZZ99><AKC264>1.00</AKC264><AAZ216/>"
                                                      "<AKC260></AKC260>")),
                 "1402", "AKC264", &error);
    assert_non_null(value);
    assert_string_equal(value, "1.00");
    assert_string_equal(
        value_in(false, TELL(RESPONSE("<MSGNO>1402</MSGNO>", "<AAZ216/>")), "1402", "AAZ216", &error), "");
}

static void
test_fault_is_read(void **state)
{
    (void)state;
    struct soap_document document;
    struct fep_error error = {0};
    assert_int_equal(read_text(false,
                               ENVELOPE_BEGIN
                               "<soapenv:Fault><faultcode>soapenv:Client</faultcode>"
                               "<faultstring>读不懂</faultstring></soapenv:Fault>" ENVELOPE_END,
                               &document, &error),
                     0);
    assert_true(document.is_fault);
    assert_string_equal(document.fault_text, "读不懂");
    soap_release(&document);
}

static void
test_fault_is_written(void **state)
{
    (void)state;
    struct fep_error error = {0};
    unsigned char *out;
    struct soap_document document;
    long size = soap_encode_fault(&codec, "不 < 懂", &out, &error);
    assert_true(size > 0);
    assert_int_equal(soap_read(&codec, false, out, (size_t)size, &document, &error), 0);
    assert_true(document.is_fault);
    assert_string_equal(document.fault_text, "不 < 懂");
    soap_release(&document);
    free(out);
}

/* --- what is refused --- */

static void
test_document_types_are_refused(void **state)
{
    (void)state;
    assert_refused(
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" ENVELOPE_END, 1001,
        "document type");
    assert_refused("<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                   "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><lolz>&c;</lolz>",
                   1001, "document type");
    assert_refused(ASK("<!DOCTYPE REQUEST [<!ENTITY x \"1402\">]><REQUEST><HEAD><MSGNO>&x;</MSGNO></HEAD>"
                       "</REQUEST>"),
                   1001, "document type");
    assert_refused(ASK("<REQUEST><HEAD><MSGNO>&x;</MSGNO></HEAD></REQUEST>"), 1001, "not well formed");
    assert_refused(
        ASK("<?xml version=\"1.0\"?><!DOCTYPE REQUEST SYSTEM \"http://127.0.0.1:9/x.dtd\"><REQUEST/>"), 1001,
        "document type");
}

static char *
repeat(const char *before, const char *what, size_t times, const char *after)
{
    size_t size = strlen(what);
    char *text = malloc(strlen(before) + size * times + strlen(after) + 1), *at;
    assert_non_null(text);
    at = stpcpy(text, before);
    for (size_t i = 0; i < times; i++)
        at = stpcpy(at, what);
    strcpy(at, after);
    return text;
}

static void
assert_refused_and_free(char *text, const char *why)
{
    assert_refused(text, 1001, why);
    free(text);
}

static void
test_limits(void **state)
{
    (void)state;
    assert_refused(ASK("<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>"), 1001, "deeper");
    assert_refused_and_free(repeat("", "<a>", 100000, ""), "deeper");
    assert_refused_and_free(repeat("<", "n", 65, "/>"), "a name that is longer");
    assert_refused_and_free(repeat("<a ", "b='>' ", 2000, "/>"), "a tag that is longer");
    assert_refused_and_free(repeat("<a>", "<b/>", 100001, "</a>"), "more elements");
    char *large = repeat("<a>", "0123456789abcdef", 262144, "</a>");
    assert_refused(large, 1001, "4194304");
    free(large);
}

static void
test_depth_of_eight_is_allowed(void **state)
{
    (void)state;
    struct fep_error error = {0};
    const struct xml_limits limits = {8, 64, 100};
    static const char deep[] = "<a><a><a><a><a><a><a><a>1</a></a></a></a></a></a></a></a>";
    xmlDoc *document = xml_parse(deep, sizeof deep - 1, &limits, &error);
    assert_non_null(document);
    xmlFreeDoc(document);
}

static void
test_what_is_no_envelope(void **state)
{
    (void)state;
    assert_refused("", 1001, "0 bytes");
    assert_refused("   ", 1001, "no document");
    assert_refused("<html><body>502</body></html>", 1001, "no Envelope");
    assert_refused("<Envelope/>", 1001, "no Envelope");
    assert_refused("<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'/>", 1001, "no Envelope");
    assert_refused(ENVELOPE_BEGIN ENVELOPE_END, 1001, "no Body");
    assert_refused(ENVELOPE_BEGIN "<a/><b/>" ENVELOPE_END, 1001, "no Body");
    assert_refused(ENVELOPE_BEGIN "<a/>" ENVELOPE_END, 1001, "another operation");
    assert_refused(ENVELOPE_BEGIN
                   "<n:other xmlns:n='urn:wuxian:ydjy'><inputXml>x</inputXml></n:other>" ENVELOPE_END,
                   1001, "another operation");
    assert_refused(ASK(""), 1001, "empty");
    assert_refused(ASK("<OTHER><HEAD/></OTHER>"), 1001, "no REQUEST");
    assert_refused(ASK("<REQUEST><INPUT/></REQUEST>"), 1001, "no REQUEST");
    assert_refused(ASK("<REQUEST><HEAD/><HEAD/></REQUEST>"), 1001, "no REQUEST");
    assert_refused(OTHER_ENVELOPE("<inputXml/><inputXml/>"), 1001, "argument");
    assert_refused("<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/'><S:Header>"
                   "<t xmlns='urn:t' S:mustUnderstand='1'/></S:Header><S:Body><a/></S:Body></S:Envelope>",
                   1001, "understood");
}

/* Whatever is cut off anywhere is no message: never a part of one. */
static void
test_half_messages(void **state)
{
    (void)state;
    size_t size;
    unsigned char *wire = to_wire(GOOD_ANSWER, &size);
    for (size_t cut = 0; cut < size; cut++) {
        struct soap_document document;
        struct fep_error error = {0};
        if (soap_read(&codec, false, wire, cut, &document, &error) == 0)
            fail_msg("%zu of %zu bytes were accepted", cut, size);
        assert_int_equal(error.code, 1001);
        soap_release(&document);
    }
    free(wire);
}

static int
read_bytes(const char *before, const char *bytes, size_t count, const char *after, const char *transaction,
           const char *field, char *out, struct fep_error *error)
{
    size_t first, last;
    unsigned char *head = to_wire(before, &first), *tail = to_wire(after, &last);
    unsigned char *wire = malloc(first + count + last);
    assert_non_null(wire);
    memcpy(wire, head, first);
    memcpy(wire + first, bytes, count);
    memcpy(wire + first + count, tail, last);
    struct soap_document document;
    int status = soap_read(&codec, false, wire, first + count + last, &document, error);
    if (status == 0) {
        struct fep_record *record = strcmp(transaction, "head") == 0
                                        ? soap_decode_head(&codec, false, &document, error)
                                        : soap_decode_body(&codec, false, transaction, document.body, error);
        status = record != NULL ? 0 : -1;
        if (record != NULL)
            strcpy(out, fake_get(fake, record, field));
        fake->host.release_record(fake, record);
    }
    soap_release(&document);
    free(wire);
    free(head);
    free(tail);
    return status;
}

#define BEFORE_TEXT                                                                                          \
    ENVELOPE_BEGIN "<ns1:businessResponse xmlns:ns1=\"urn:wuxian:ydjy\"><businessReturn><![CDATA[<RESPONSE>" \
                   "<HEAD><MSGNO>1402</MSGNO>"
#define AFTER_TEXT                                                                                           \
    "</HEAD><OUTPUT></OUTPUT></RESPONSE>]]></businessReturn></ns1:businessResponse>" ENVELOPE_END

static void
test_illegal_bytes(void **state)
{
    (void)state;
    char value[256] = "";
    struct fep_error error = {0};
    /* In a free text they become U+FFFD, and the rest stays. */
    assert_int_equal(read_bytes(BEFORE_TEXT "<ERRORMSG>", "\xB0 \xFF", 3, "好</ERRORMSG>" AFTER_TEXT, "head",
                                "ERRORMSG", value, &error),
                     0);
    assert_string_equal(value, "\xEF\xBF\xBD \xEF\xBF\xBD好");
    assert_int_equal(codec.illegal_texts, 1);
    /* Half a character swallows no mark. */
    assert_int_equal(read_bytes(BEFORE_TEXT "<ERRORMSG>", "\xB0", 1, "</ERRORMSG>" AFTER_TEXT, "head",
                                "ERRORMSG", value, &error),
                     0);
    assert_string_equal(value, "\xEF\xBF\xBD");
    /* In a code they make the message unreadable, and in a name as well. */
    assert_int_equal(read_bytes(BEFORE_TEXT "<REFMSGID>", "\xFF", 1, "</REFMSGID>" AFTER_TEXT, "head",
                                "REFMSGID", value, &error),
                     -1);
    assert_int_equal(error.code, 1001);
    assert_int_equal(read_bytes(BEFORE_TEXT "<REF", "\xFF", 1, "MSGID>1</REF\xEF\xBF\xBDMSGID>" AFTER_TEXT,
                                "head", "REFMSGID", value, &error),
                     -1);
    assert_int_equal(error.code, 1001);
}

/* --- writing --- */

static unsigned char *
write_echo(const char *text, long *size)
{
    struct fep_error error = {0};
    unsigned char *out;
    struct fep_record *head = fake_record(fake, "head-Q", (const char *const[]){"MSGNO", "1999", NULL}),
                      *body = fake_record(fake, "1999-Q", (const char *const[]){"ECHO", text, NULL});
    *size = soap_encode(&codec, true, head, body, NULL, &out, &error);
    if (*size < 0)
        fail_msg("%s", error.text);
    fake->host.release_record(fake, head);
    fake->host.release_record(fake, body);
    return out;
}

static void
assert_written(const char *text, const char *expected)
{
    long size;
    size_t wanted;
    unsigned char *out = write_echo(text, &size), *part = to_wire(expected, &wanted);
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
    assert_int_equal(soap_read(&codec, true, out, (size_t)size, &document, &error), 0);
    struct fep_record *body = soap_decode_body(&codec, true, "1999", document.body, &error);
    assert_string_equal(fake_get(fake, body, "ECHO"), "䶮小测");
    fake->host.release_record(fake, body);
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
    struct fep_record *head = fake_record(fake, "head-Q", (const char *const[]){"MSGNO", "1301", NULL}),
                      *body = fake_record(fake, "1301-Q", (const char *const[]){"AKC264", "12.00", NULL});
    fake_set_row(fake, body, (const char *const[]){"AAZ213", "1", "AKC227", "12.00", NULL});
    fake_set_row(fake, body, (const char *const[]){"AAZ213", "2", NULL});
    long size = soap_encode(&codec, true, head, body, NULL, &out, &error);
    assert_true(size > 0);
    assert_non_null(memmem(out, (size_t)size,
                           "<ROWNUM>2</ROWNUM><AKC264>12.00</AKC264><DETAILS><ROW><AAZ213>1<",
                           strlen("<ROWNUM>2</ROWNUM><AKC264>12.00</AKC264><DETAILS><ROW><AAZ213>1<")));
    free(out);
    struct soap_codec small = codec; /* room for the first line and not for the second */
    small.max_body = (size_t)size - 300;
    assert_int_equal(soap_encode(&small, true, head, body, NULL, &out, &error), -1);
    assert_int_equal(error.code, 2204);
    char expected[160];
    snprintf(expected, sizeof expected,
             "a message that is larger than %zu bytes: 1 lines fit, and nothing took effect", small.max_body);
    assert_string_equal(error.text, expected);
    fake->host.release_record(fake, head);
    fake->host.release_record(fake, body);
}

/* --- what a request's fields must be --- */

#define REGISTER(fields) ASK(REQUEST("<MSGNO>1302</MSGNO>", fields))

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
    if (value_in(true, text, transaction, "AKC190", &error) != NULL)
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
    assert_non_null(value_in(true, ASK(REQUEST("", LINES("1", "<ROW>" LINE "<AKC225>1.5</AKC225></ROW>"))),
                             "1301", "AKC190", &error));
}

static void
test_full_width_codes_are_folded(void **state)
{
    (void)state;
    struct fep_error error = {0};
    assert_string_equal(value_in(true,
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
        const char *value = value_in(true, text, "1101", "BKA896", &error);
        assert_true((value != NULL) == (count == 25));
    }
    assert_non_null(strstr(error.text, "AAC003: longer than 50 bytes"));
}

static void
test_record_inside_an_inquiry(void **state)
{
    (void)state;
    struct fep_error error = {0};
    unsigned char *out;
    struct fep_record *head = fake_record(fake, "head-R", (const char *const[]){"MSGNO", "1902", NULL}),
                      *body = fake_record(fake, "1902-R", (const char *const[]){"JYZT", "1", NULL}),
                      *inside = fake_record(fake, "1402-R", (const char *const[]){"AKC264", "3.00", NULL});
    long size = soap_encode(&codec, false, head, body, inside, &out, &error);
    assert_true(size > 0);
    fake->host.release_record(fake, head);
    fake->host.release_record(fake, body);
    fake->host.release_record(fake, inside);
    struct soap_document document;
    assert_int_equal(soap_read(&codec, false, out, (size_t)size, &document, &error), 0);
    body = soap_decode_body(&codec, false, "1902", document.body, &error);
    assert_string_equal(fake_get(fake, body, "JYZT"), "1");
    inside =
        soap_decode_body(&codec, false, "1402", soap_find(document.body, codec.wire.inquiry_output), &error);
    assert_string_equal(fake_get(fake, inside, "AKC264"), "3.00");
    fake->host.release_record(fake, body);
    fake->host.release_record(fake, inside);
    soap_release(&document);
    free(out);
}

static void
test_peek(void **state)
{
    (void)state;
    struct soap_document document;
    struct fep_error error = {0};
    char out[16];
    assert_int_equal(read_text(true,
                               ASK(REQUEST("<MSGNO> １402 </MSGNO><MSGID>12345678901234567</MSGID>"
                                           "<JYFX>1</JYFX><JYFX>1</JYFX>",
                                           "")),
                               &document, &error),
                     0);
    assert_int_equal(soap_peek(&document, "MSGNO", out, sizeof out), 4);
    assert_string_equal(out, "1402");
    assert_int_equal(soap_peek(&document, "MSGID", out, sizeof out), -1);
    assert_int_equal(soap_peek(&document, "JYFX", out, sizeof out), 0);
    assert_int_equal(soap_peek(&document, "GRANTID", out, sizeof out), 0);
    soap_release(&document);
}

/* --- facts that can not be --- */

static const char *changed_key, *changed_text;

static const char *
change_mapping_text(void *host, const char *section, const char *key)
{
    const char *text = fake->host.mapping_text(host, section, key);
    return strcmp(section, "wire") == 0 && strcmp(key, changed_key) == 0 ? changed_text : text;
}

/* Opened with one fact changed; true if the codec refuses it, naming the fact. */
static bool
is_refused(const char *key, const char *text)
{
    struct fep_host host = fake->host;
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
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_examples_to_the_byte, begin, end),
        cmocka_unit_test_setup_teardown(test_values_of_the_examples, begin, end),
        cmocka_unit_test_setup_teardown(test_heads_to_the_byte, begin, end),
        cmocka_unit_test_setup_teardown(test_any_prefix_and_white_space, begin, end),
        cmocka_unit_test_setup_teardown(test_escaped_text, begin, end),
        cmocka_unit_test_setup_teardown(test_cdata_and_escaped_text_mixed, begin, end),
        cmocka_unit_test_setup_teardown(test_missing_empty_and_unknown_elements, begin, end),
        cmocka_unit_test_setup_teardown(test_fault_is_read, begin, end),
        cmocka_unit_test_setup_teardown(test_fault_is_written, begin, end),
        cmocka_unit_test_setup_teardown(test_document_types_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_limits, begin, end),
        cmocka_unit_test_setup_teardown(test_depth_of_eight_is_allowed, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_envelope, begin, end),
        cmocka_unit_test_setup_teardown(test_half_messages, begin, end),
        cmocka_unit_test_setup_teardown(test_illegal_bytes, begin, end),
        cmocka_unit_test_setup_teardown(test_character_outside_gbk_is_a_reference, begin, end),
        cmocka_unit_test_setup_teardown(test_marks_are_escaped_and_controls_removed, begin, end),
        cmocka_unit_test_setup_teardown(test_rows_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(test_fields_are_checked_to_the_letter, begin, end),
        cmocka_unit_test_setup_teardown(test_amounts_are_exact, begin, end),
        cmocka_unit_test_setup_teardown(test_prices_may_have_fewer_decimals, begin, end),
        cmocka_unit_test_setup_teardown(test_full_width_codes_are_folded, begin, end),
        cmocka_unit_test_setup_teardown(test_lengths_are_counted_in_gbk, begin, end),
        cmocka_unit_test_setup_teardown(test_record_inside_an_inquiry, begin, end),
        cmocka_unit_test_setup_teardown(test_peek, begin, end),
        cmocka_unit_test_setup_teardown(test_facts_that_name_nothing_are_found_at_opening, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
