/* SOAP as it comes: every form a receiver must accept, and what it must refuse. */
#include "soap_codec_rig.h"

#include <stdlib.h>
#include <string.h>

#include "soap_samples.h"

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
    const char *value =
        rig_value_in(true,
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
        rig_value_in(true,
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
    const char *value =
        rig_value_in(true,
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
        rig_value_in(false,
                     TELL(RESPONSE("<MSGNO>1402</MSGNO>", "<ZZ99>?</ZZ99><AKC264>1.00</AKC264><AAZ216/>"
                                                          "<AKC260></AKC260>")),
                     "1402", "AKC264", &error);
    assert_non_null(value);
    assert_string_equal(value, "1.00");
    assert_string_equal(
        rig_value_in(false, TELL(RESPONSE("<MSGNO>1402</MSGNO>", "<AAZ216/>")), "1402", "AAZ216", &error),
        "");
}

static void
test_fault_is_read(void **state)
{
    (void)state;
    struct soap_document document;
    struct fep_error error = {0};
    assert_int_equal(rig_read_text(false,
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
test_document_types_are_refused(void **state)
{
    (void)state;
    rig_assert_refused(
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" ENVELOPE_END, 1001,
        "document type");
    rig_assert_refused("<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                       "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><lolz>&c;</lolz>",
                       1001, "document type");
    rig_assert_refused(ASK("<!DOCTYPE REQUEST [<!ENTITY x \"1402\">]><REQUEST><HEAD><MSGNO>&x;</MSGNO></HEAD>"
                           "</REQUEST>"),
                       1001, "document type");
    rig_assert_refused(ASK("<REQUEST><HEAD><MSGNO>&x;</MSGNO></HEAD></REQUEST>"), 1001, "not well formed");
    rig_assert_refused(
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
    rig_assert_refused(text, 1001, why);
    free(text);
}

static void
test_limits(void **state)
{
    (void)state;
    rig_assert_refused(ASK("<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>"), 1001, "deeper");
    assert_refused_and_free(repeat("", "<a>", 100000, ""), "deeper");
    assert_refused_and_free(repeat("<", "n", 65, "/>"), "a name that is longer");
    assert_refused_and_free(repeat("<a ", "b='>' ", 2000, "/>"), "a tag that is longer");
    assert_refused_and_free(repeat("<a>", "<b/>", 100001, "</a>"), "more elements");
    char *large = repeat("<a>", "0123456789abcdef", 262144, "</a>");
    rig_assert_refused(large, 1001, "4194304");
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
    rig_assert_refused("", 1001, "0 bytes");
    rig_assert_refused("   ", 1001, "no document");
    rig_assert_refused("<html><body>502</body></html>", 1001, "no Envelope");
    rig_assert_refused("<Envelope/>", 1001, "no Envelope");
    rig_assert_refused("<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'/>", 1001,
                       "no Envelope");
    rig_assert_refused(ENVELOPE_BEGIN ENVELOPE_END, 1001, "no Body");
    rig_assert_refused(ENVELOPE_BEGIN "<a/><b/>" ENVELOPE_END, 1001, "no Body");
    rig_assert_refused(ENVELOPE_BEGIN "<a/>" ENVELOPE_END, 1001, "another operation");
    rig_assert_refused(ENVELOPE_BEGIN
                       "<n:other xmlns:n='urn:wuxian:ydjy'><inputXml>x</inputXml></n:other>" ENVELOPE_END,
                       1001, "another operation");
    rig_assert_refused(ASK(""), 1001, "empty");
    rig_assert_refused(ASK("<OTHER><HEAD/></OTHER>"), 1001, "no REQUEST");
    rig_assert_refused(ASK("<REQUEST><INPUT/></REQUEST>"), 1001, "no REQUEST");
    rig_assert_refused(ASK("<REQUEST><HEAD/><HEAD/></REQUEST>"), 1001, "no REQUEST");
    rig_assert_refused(OTHER_ENVELOPE("<inputXml/><inputXml/>"), 1001, "argument");
    rig_assert_refused("<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/'><S:Header>"
                       "<t xmlns='urn:t' S:mustUnderstand='1'/></S:Header><S:Body><a/></S:Body></S:Envelope>",
                       1001, "understood");
}

/* Whatever is cut off anywhere is no message: never a part of one. */
static void
test_half_messages(void **state)
{
    (void)state;
    size_t size;
    unsigned char *wire = rig_to_wire(GOOD_ANSWER, &size);
    for (size_t cut = 0; cut < size; cut++) {
        struct soap_document document;
        struct fep_error error = {0};
        if (soap_read(&rig_codec, false, wire, cut, &document, &error) == 0)
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
    unsigned char *head = rig_to_wire(before, &first), *tail = rig_to_wire(after, &last);
    unsigned char *wire = malloc(first + count + last);
    assert_non_null(wire);
    memcpy(wire, head, first);
    memcpy(wire + first, bytes, count);
    memcpy(wire + first + count, tail, last);
    struct soap_document document;
    int status = soap_read(&rig_codec, false, wire, first + count + last, &document, error);
    if (status == 0) {
        struct fep_record *record =
            strcmp(transaction, "head") == 0
                ? soap_decode_head(&rig_codec, false, &document, error)
                : soap_decode_body(&rig_codec, false, transaction, document.body, error);
        status = record != NULL ? 0 : -1;
        if (record != NULL)
            strcpy(out, fake_get(rig_fake, record, field));
        rig_fake->host.release_record(rig_fake, record);
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
    assert_int_equal(rig_codec.illegal_texts, 1);
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

static void
test_record_inside_an_inquiry(void **state)
{
    (void)state;
    struct fep_error error = {0};
    unsigned char *out;
    struct fep_record *head = fake_record(rig_fake, "head-R", (const char *const[]){"MSGNO", "1902", NULL}),
                      *body = fake_record(rig_fake, "1902-R", (const char *const[]){"JYZT", "1", NULL}),
                      *inside =
                          fake_record(rig_fake, "1402-R", (const char *const[]){"AKC264", "3.00", NULL});
    long size = soap_encode(&rig_codec, false, head, body, inside, &out, &error);
    assert_true(size > 0);
    rig_fake->host.release_record(rig_fake, head);
    rig_fake->host.release_record(rig_fake, body);
    rig_fake->host.release_record(rig_fake, inside);
    struct soap_document document;
    assert_int_equal(soap_read(&rig_codec, false, out, (size_t)size, &document, &error), 0);
    body = soap_decode_body(&rig_codec, false, "1902", document.body, &error);
    assert_string_equal(fake_get(rig_fake, body, "JYZT"), "1");
    inside = soap_decode_body(&rig_codec, false, "1402",
                              soap_find(document.body, rig_codec.wire.inquiry_output), &error);
    assert_string_equal(fake_get(rig_fake, inside, "AKC264"), "3.00");
    rig_fake->host.release_record(rig_fake, body);
    rig_fake->host.release_record(rig_fake, inside);
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
    assert_int_equal(rig_read_text(true,
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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
    const struct CMUnitTest tests[] = {
        TEST(test_any_prefix_and_white_space),
        TEST(test_escaped_text),
        TEST(test_cdata_and_escaped_text_mixed),
        TEST(test_missing_empty_and_unknown_elements),
        TEST(test_fault_is_read),
        TEST(test_document_types_are_refused),
        TEST(test_limits),
        TEST(test_depth_of_eight_is_allowed),
        TEST(test_what_is_no_envelope),
        TEST(test_half_messages),
        TEST(test_illegal_bytes),
        TEST(test_record_inside_an_inquiry),
        TEST(test_peek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
