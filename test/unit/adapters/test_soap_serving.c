/* The soap module serving: what is told, to the byte, and when a refused serial may begin anew. */
#include "soap_serving_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soap_samples.h"

static void
test_example_to_the_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char expected[4096], got[4096];
    size_t size = sizeof GOOD_ANSWER_HTTP - 1, at = 0;
    rig_ask(f, GOOD_REQUEST);
    struct fake_request *request = rig_await_request(f, 1);
    assert_string_equal(request->local, "1402");
    assert_true(request->fresh);
    assert_string_equal(fake_get(f->fake, request->head, "MSGID"), "H45030000001202611220930150001");
    assert_string_equal(fake_get(f->fake, request->body, "AAC003"), "吐尔逊·测试");
    struct fep_record *answer = rig_settled(f);
    struct fep_error error;
    assert_int_equal(request->try_answer(f->self, request->ticket, answer, &error), 0);
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){.accounting_date = 20261122}, answer);
    fake_run_ms(f->fake, 20);
    for (ssize_t n; (n = recv(f->hospital, got + at, sizeof got - at, 0)) > 0;)
        at += (size_t)n;
    memcpy(expected, GOOD_ANSWER_HTTP, size);
    size += fake_encode(f->fake, GOOD_ANSWER, expected + size, sizeof expected - size);
    /* our own serial is made of the caller's */
    memcpy(memmem(expected, size, "GW4503000001202611220930160789", 30), "GW5030000001202611220930150001",
           30);
    assert_int_equal(size, 97 + 1074);
    assert_int_equal(at, size);
    assert_memory_equal(got, expected, size);
}

static void
test_characters_outside_gbk(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, ASK(REQUEST(HEAD("1101", "1", ""), PERSON_INPUT "<AAC003>&#x4DAE;小测</AAC003>")));
    struct fake_request *request = rig_await_request(f, 1);
    assert_string_equal(fake_get(f->fake, request->body, "AAC003"), "䶮小测");
    struct fep_record *answer =
        fake_record(f->fake, "1101-R", (const char *const[]){"AAC003", "䶮小测", NULL});
    fake_set_row(f->fake, answer, (const char *const[]){"AAE140", "390", NULL});
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    rig_assert_told(f, "1", "0000");
    assert_non_null(memmem(f->told.body, f->told.body_size, "<AAC003>&#x4DAE;\xD0\xA1\xB2\xE2</AAC003>", 29));
    assert_string_equal(rig_output_value(f, "1101", "AAC003"), "䶮小测");
    assert_string_equal(rig_head_value(f, "REFMSGID"), ""); /* nothing was recorded */
}

static void
test_echo(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, ASK(REQUEST(HEAD("1999", "1", ""), "<ECHO>a&lt;测</ECHO>")));
    rig_assert_told(f, "1", "0000");
    assert_string_equal(rig_output_value(f, "1999", "ECHO"), "a<测");
    assert_string_equal(rig_output_value(f, "1999", "AAE036"), "20261122093016");
    assert_int_equal(f->fake->request_count, 0);
}

static void
test_what_repeats_the_request(void **state)
{
    struct fixture *f = *state;
    rig_ask(f,
            ASK(REQUEST(HEAD("1202", "1", ""), "<AAZ217>V1</AAZ217><AKC190>Z1</AKC190><AAE011>陆</AAE011>")));
    struct fake_request *request = rig_await_request(f, 1);
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, fake_record(f->fake, "1202-R", NULL));
    rig_assert_told(f, "1", "0000");
    assert_string_equal(rig_output_value(f, "1202", "AAZ217"), "V1");
}

#define ABOUT "<ORGMSGNO>1402</ORGMSGNO><ORGMSGID>H45030000001202611220930150001</ORGMSGID>"
#define OLD   "<AKC190>Z1</AKC190><ORGDATE>20261122</ORGDATE>"

static void
test_reversal(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, ASK(REQUEST(HEAD("1901", "2", ABOUT), OLD)));
    struct fake_request *request = rig_await_request(f, 1);
    assert_string_equal(fake_get(f->fake, request->head, "ORGMSGID"), "H45030000001202611220930150001");
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){.finding = FEP_FOUND_REVERSED},
                    fake_record(f->fake, "1901-R", (const char *const[]){"CZJG", "1", NULL}));
    rig_assert_told(f, "1", "0000");
    assert_string_equal(rig_output_value(f, "1901", "CZJG"), "1");
    assert_string_equal(rig_output_value(f, "1901", "ORGREFMSGID"), "GW5030000001202611220930150001");
    rig_ask(f, ASK(REQUEST(HEAD("1901", "3", ABOUT), OLD)));
    rig_end_request(f, rig_await_request(f, 2), FEP_UNKNOWN,
                    (struct fep_result){.finding = FEP_FOUND_IN_PROGRESS}, NULL);
    rig_assert_told(f, "-1", "9001"); /* "open" to a reversal is: try again */
}

static void
test_inquiry(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned finding;
        const char *state, *status, *code;
    } cases[] = {{FEP_FOUND_NOTHING, "0", "", ""},           {FEP_FOUND_POSTED, "1", "1", "0000"},
                 {FEP_FOUND_REFUSED, "2", "-1", "2301"},     {FEP_FOUND_IN_PROGRESS, "3", "", ""},
                 {FEP_FOUND_REVERSED, "4", "", ""},          {FEP_FOUND_NEVER_ARRIVED, "4", "", ""},
                 {FEP_FOUND_STAYS_POSTED, "1", "1", "0000"}, {FEP_FOUND_CANCELLED, "5", "1", "0000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool posted = strcmp(cases[i].status, "1") == 0;
        rig_ask(f, ASK(REQUEST(HEAD("1902", "2", ABOUT), OLD)));
        rig_end_request(f, rig_await_request(f, i + 1), FEP_ANSWERED,
                        (struct fep_result){.finding = cases[i].finding,
                                            .code = cases[i].finding == FEP_FOUND_REFUSED ? 2301 : 0},
                        posted ? rig_settled(f) : NULL);
        rig_assert_told(f, "1", "0000");
        assert_string_equal(rig_output_value(f, "1902", "JYZT"), cases[i].state);
        assert_string_equal(rig_output_value(f, "1902", "ORGRETURNNUM"), cases[i].status);
        assert_string_equal(rig_output_value(f, "1902", "ORGERRORCODE"), cases[i].code);
        assert_true((soap_find(f->document.body, "ORGOUTPUT") != NULL) == posted);
    }
    rig_ask(f, ASK(REQUEST(HEAD("1902", "2", ABOUT), OLD)));
    rig_end_request(f, rig_await_request(f, 9), FEP_UNKNOWN, (struct fep_result){0}, NULL);
    rig_assert_told(f, "-1", "9001");
}

#define ROW(type)                                                                                            \
    "<ROW><AAE140>" type "</AAE140><QSLB>11</QSLB><POSNUM>2</POSNUM><NEGNUM>1</NEGNUM>"                      \
    "<AKC264>125.55</AKC264><AKC260>57.75</AKC260><AKC255>0.00</AKC255><AKC261>67.80</AKC261></ROW>"
#define DAYS "<AAE041>20261121</AAE041><AAE042>20261121</AAE042>"

static void
test_totals_are_answered_row_by_row(void **state)
{
    struct fixture *f = *state;
    static const char *const equal[] = {"AAE140", "310",    "QSLB",   "11",     "POSNUM", "2",      "NEGNUM",
                                        "1",      "AKC264", "125.55", "AKC260", "57.75",  "AKC255", "0.00",
                                        "AKC261", "67.80",  "DZJG",   "0",      NULL};
    rig_ask(f, ASK(REQUEST(HEAD("1501", "1", ""),
                           DAYS "<ROWNUM>2</ROWNUM><DETAILS>" ROW("310") ROW("390") "</DETAILS>")));
    struct fake_request *request = rig_await_request(f, 1);
    assert_string_equal(request->local, "1501");
    assert_int_equal(f->fake->host.record_rows(request->body), 2);
    assert_string_equal(fake_get_in_row(f->fake, request->body, 1, "AAE140"), "390");
    assert_string_equal(fake_get_in_row(f->fake, request->body, 0, "AKC264"), "125.55");
    struct fep_record *answer = fake_record(f->fake, "1501-R", NULL);
    fake_set_row(f->fake, answer, equal);
    rig_end_request(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    rig_assert_told(f, "1", "0000");
    assert_string_equal(rig_head_value(f, "REFMSGID"), ""); /* nothing was recorded */
    assert_string_equal(rig_output_value(f, "1501", "ROWNUM"), "1");
    assert_non_null(memmem(f->told.body, f->told.body_size, "<DZJG>0</DZJG></ROW></DETAILS>", 30));
}

static void
test_a_day_that_is_open_may_be_asked_for_again(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, ASK(REQUEST(HEAD("1501", "1", ""), DAYS "<ROWNUM>0</ROWNUM>")));
    rig_end_request(f, rig_await_request(f, 1), FEP_REFUSED,
                    (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 2601}, NULL);
    rig_assert_told(f, "-1", "2601");
}

static void
test_pages_have_limits(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request, *field;
    } bad[] = {
#define PAGE(number, size) "<PAGENO>" number "</PAGENO><PAGESIZE>" size "</PAGESIZE>"
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "201"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("0", "200"))), "PAGENO"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "-1"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", ""))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "501"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "0"))), "PAGESIZE"},
        {ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("1", "99999999999999999999"))),
         "PAGESIZE"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_ask(f, bad[i].request);
        rig_assert_told(f, "-1", "1003");
        assert_non_null(strstr(rig_head_value(f, "ERRORMSG"), bad[i].field));
    }
    assert_int_equal(f->fake->request_count, 0);
    rig_ask(f, ASK(REQUEST(HEAD("1502", "1", ""), "<AAE041>20261121</AAE041>" PAGE("1", "200"))));
    (void)rig_await_request(f, 1);
    rig_ask(f, ASK(REQUEST(HEAD("1601", "1", ""), "<AKE003>1</AKE003>" PAGE("7", "500"))));
    (void)rig_await_request(f, 2);
#undef PAGE
}

static void
test_endings_and_their_codes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum fep_kind kind;
        unsigned refusal_class, code;
        const char *status, *told;
    } cases[] = {
        {FEP_REFUSED, FEP_FINAL, 2301, "-1", "2301"},      {FEP_REFUSED, FEP_REPEATABLE, 9001, "-1", "9001"},
        {FEP_REFUSED, FEP_FINAL, 2113, "-1", "1003"},      {FEP_REFUSED, FEP_REPEATABLE, 2114, "-1", "9001"},
        {FEP_REFUSED, FEP_FINAL, 2415, "-1", "2504"},      {FEP_REFUSED, FEP_FINAL, 2310, "-1", "1005"},
        {FEP_UNKNOWN, FEP_FINAL, 2411, "-9", "9002"},      {FEP_UNKNOWN, FEP_FINAL, 0, "-9", "9002"},
        {FEP_UNKNOWN, FEP_REPEATABLE, 9999, "-9", "9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_result result = {.refusal_class = cases[i].refusal_class, .code = cases[i].code};
        strcpy(result.text, "出错了");
        rig_ask(f, GOOD_REQUEST);
        rig_end_request(f, rig_await_request(f, i + 1), cases[i].kind, result, NULL);
        rig_assert_told(f, cases[i].status, cases[i].told);
        assert_string_equal(rig_head_value(f, "MSGID"), "H45030000001202611220930150001");
        assert_string_equal(rig_head_value(f, "REFMSGID"), "");
        if (cases[i].kind == FEP_REFUSED)
            assert_string_equal(rig_head_value(f, "ERRORMSG"), "出错了");
    }
}

static void
test_clock_of_an_answer_is_its_accounting_day(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, GOOD_REQUEST);
    rig_end_request(f, rig_await_request(f, 1), FEP_ANSWERED,
                    (struct fep_result){.accounting_date = 20261121}, rig_settled(f));
    rig_assert_told(f, "1", "0000");
    assert_string_equal(rig_head_value(f, "OPTTIME"), "20261121235959");
}

static void
test_text_for_people_is_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    struct fep_result result = {.code = 2301};
    for (size_t i = 0; i < 84; i++)
        strcat(result.text, "错");
    rig_ask(f, GOOD_REQUEST);
    rig_end_request(f, rig_await_request(f, 1), FEP_REFUSED, result, NULL);
    rig_assert_told(f, "-1", "2301");
    assert_int_equal(strlen(rig_head_value(f, "ERRORMSG")), 84 * 3);
}

static void
test_what_the_host_does_not_take(void **state)
{
    struct fixture *f = *state;
    f->fake->refuse_requests = 1003;
    rig_ask(f, GOOD_REQUEST);
    rig_assert_told(f, "-1", "1003");
}

static void
test_access_transaction_and_serial(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *head, *code;
    } cases[] = {
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>WX450301</GRANTID>", "1004"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID>", "1004"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>WX450300x</GRANTID>", "1004"},
        {"<MSGNO>9999</MSGNO><MSGID>x</MSGID><GRANTID>WX450300</GRANTID>", "1002"},
        {"<MSGNO>1402</MSGNO><MSGID>x</MSGID><GRANTID>ＷＸ450300</GRANTID>", "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H45030000001202611320930150001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H45030000001202611222430150001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {"<MSGNO>1402</MSGNO><MSGID>H4503000000120261122093015001</MSGID><GRANTID>WX450300</GRANTID>",
         "1003"},
        {HEAD("1402", "1", "") "<OPTTIME>1</OPTTIME>", "1003"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        snprintf(text, sizeof text,
                 ENVELOPE_BEGIN
                 "<ns1:business xmlns:ns1=\"urn:wuxian:ydjy\"><inputXml><![CDATA[<REQUEST><HEAD>%s"
                 "</HEAD><INPUT>" GOOD_INPUT "</INPUT></REQUEST>]]></inputXml></ns1:business>" ENVELOPE_END,
                 cases[i].head);
        rig_ask(f, text);
        rig_assert_told(f, "-1", cases[i].code);
    }
    assert_int_equal(f->fake->request_count, 0);
}

static void
test_fields_are_named(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, ASK(REQUEST(HEAD("1101", "1", ""), "<BKA895>01</BKA895>")));
    rig_assert_told(f, "-1", "1003");
    assert_non_null(strstr(rig_head_value(f, "ERRORMSG"), "BKA896"));
    rig_ask(f, ASK(REQUEST(HEAD("1301", "1", ""),
                           "<AAZ217>1</AAZ217><AKC190>2</AKC190><ROWNUM>0</ROWNUM><AKC264>0.00</AKC264>")));
    rig_assert_told(f, "-1", "2204");
}

static void
test_clock_is_checked_where_nothing_is_posted(void **state)
{
    struct fixture *f = *state;
    f->fake->time = 94116;
    rig_ask(f, ASK(REQUEST(HEAD("1101", "1", ""), PERSON_INPUT)));
    rig_assert_told(f, "-1", "1006");
    rig_ask(f, GOOD_REQUEST); /* it may be the repeat of one that was posted */
    (void)rig_await_request(f, 1);
}

static void
refuse_for_now(struct fixture *f, struct fake_request *request)
{
    rig_end_request(f, request, FEP_REFUSED,
                    (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 9001}, NULL);
}

static void
test_new_connection_after_a_refusal_is_new(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, GOOD_REQUEST);
    refuse_for_now(f, rig_await_request(f, 1));
    rig_assert_told(f, "-1", "9001");
    rig_ask(f, GOOD_REQUEST);
    assert_true(rig_await_request(f, 2)->fresh);
}

static void
test_connection_from_before_a_refusal_is_a_copy(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, GOOD_REQUEST);
    struct fake_request *request = rig_await_request(f, 1);
    int early = rig_connect(f); /* not even accepted when the refusal goes out */
    refuse_for_now(f, request);
    rig_assert_told(f, "-1", "9001");
    rig_send_request(f, early, GOOD_REQUEST);
    assert_false(rig_await_request(f, 2)->fresh);
    close(early);
}

static void
test_refusal_that_nobody_read_never_counts_as_told(void **state)
{
    struct fixture *f = *state;
    rig_ask(f, GOOD_REQUEST);
    struct fake_request *request = rig_await_request(f, 1);
    rig_hang_up(f);
    fake_run_ms(f->fake, 20);
    refuse_for_now(f, request);
    fake_run_ms(f->fake, 20);
    rig_ask(f, GOOD_REQUEST);
    assert_false(rig_await_request(f, 2)->fresh);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_example_to_the_byte),
        TEST(test_characters_outside_gbk),
        TEST(test_echo),
        TEST(test_what_repeats_the_request),
        TEST(test_reversal),
        TEST(test_inquiry),
        TEST(test_totals_are_answered_row_by_row),
        TEST(test_a_day_that_is_open_may_be_asked_for_again),
        TEST(test_pages_have_limits),
        TEST(test_endings_and_their_codes),
        TEST(test_clock_of_an_answer_is_its_accounting_day),
        TEST(test_text_for_people_is_cut_at_a_character),
        TEST(test_what_the_host_does_not_take),
        TEST(test_access_transaction_and_serial),
        TEST(test_fields_are_named),
        TEST(test_clock_is_checked_where_nothing_is_posted),
        TEST(test_new_connection_after_a_refusal_is_new),
        TEST(test_connection_from_before_a_refusal_is_a_copy),
        TEST(test_refusal_that_nobody_read_never_counts_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
