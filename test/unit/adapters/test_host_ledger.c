/* Parts of reports and captured examples by themselves: masks, members of bodies, days, what counts as
 * posted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bodies.h"
#include "error_codes.h"
#include "exchange_record.h"
#include "host.h"
#include "ledger.h"
#include "mask.h"

static const struct mask mask = {.key = {1, 2, 3}};

static struct slice
text_slice(const char *text)
{
    return (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
}

static const char *
masked(const char *text)
{
    static char rooms[4][MASK_TEXT];
    static unsigned turn;
    char *room = rooms[turn++ % 4];
    mask_text(&mask, text, strlen(text), room);
    return room;
}

static void
test_mask_keeps_the_shape(void **state)
{
    (void)state;
    const char *name = masked("覃测试");
    assert_int_equal(strlen(name), 9);
    assert_string_not_equal(name, "覃测试");
    assert_string_equal(masked("覃测试"), name);
    const char *number = masked("4501P0007");
    assert_int_equal(strspn(number, "0123456789"), 4);
    assert_true(number[4] >= 'A' && number[4] <= 'Z');
    assert_string_not_equal(number, "4501P0007");
    assert_string_equal(masked("1"), "1"); /* a code */
}

/* A name is the same person's in either spelling. */
static void
test_mask_of_a_name_with_a_dot(void **state)
{
    char plain[MASK_TEXT];
    (void)state;
    snprintf(plain, sizeof plain, "%s", masked("阿依古丽"));
    const char *dotted = masked("阿依·古丽");
    assert_memory_equal(dotted, plain, 6);
    assert_memory_equal(dotted + 6, "·", 2);
    assert_string_equal(dotted + 8, plain + 6);
}

/* Letters of two bytes are letters of a name, too; half a character is nobody's. */
static void
test_mask_of_other_scripts(void **state)
{
    char text[MASK_TEXT];
    (void)state;
    const char *name = masked("Иван Müller");
    assert_int_equal(strlen(name), strlen("Иван Müller"));
    assert_null(strstr(name, "И"));
    assert_null(strstr(name, "в"));
    assert_null(strstr(name, "ü"));
    memset(text, 'a', sizeof text);
    text[MASK_TEXT - 2] = (char)0xe8; /* the first byte of three */
    text[MASK_TEXT - 1] = '\0';
    assert_int_equal(strlen(masked(text)), MASK_TEXT - 2);
}

static void
test_mask_of_days_and_certificates(void **state)
{
    char day[16], other[16];
    (void)state;
    snprintf(day, sizeof day, "%s", masked("19520521"));
    assert_memory_equal(day, "1952", 4);
    snprintf(other, sizeof other, "%.4s-%.2s-%.2s", day, day + 4, day + 6);
    assert_string_equal(masked("1952-05-21"), other);
    const char *certificate = masked("450100195205210039");
    static const int weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++)
        sum += (certificate[i] - '0') * weights[i];
    assert_int_equal(certificate[17], "10X98765432"[sum % 11]);
    assert_memory_equal(certificate + 6, day, 8);
    assert_int_equal((certificate[16] - '0') % 2, 1);
    assert_memory_not_equal(certificate, "450100", 6);
}

static void
test_mask_of_a_body(void **state)
{
    struct slice out;
    struct fep_error error = {0};
    (void)state;
    assert_int_equal(
        mask_body(
            &mask,
            text_slice(
                "{\"opter_name\":\"某某人\",\"input\":{\"data\":[{\"psn_no\":\"P12345\",\"pric\":1.50}]}}"),
            &out, &error),
        0);
    char text[256];
    snprintf(text, sizeof text, "%.*s", (int)out.size, (const char *)out.data);
    assert_null(strstr(text, "某某人"));
    assert_null(strstr(text, "P12345"));
    assert_non_null(strstr(text, "\"pric\":1.50"));
    slice_release(&out);
}

static void
test_days(void **state)
{
    (void)state;
    assert_int_equal(date_after(20261231, 1), 20270101);
    assert_int_equal(date_after(20240228, 1), 20240229);
    assert_int_equal(date_after(20260301, -1), 20260228);
    assert_int_equal(date_after(0, 1), 0);
    struct fep_error error = {0};
    struct json_object *tree = canonical_parse(
        text_slice(
            "{\"a\":\"2026-11-22\",\"b\":\"20261122\",\"c\":\"2026-11-22 10:00:00\",\"d\":\"2026-13-01\","
            "\"e\":\"2026-1-22\",\"f\":-1,\"g\":7,\"h\":12.30,\"i\":12.305}"),
        &error);
    bool bad = false;
    assert_int_equal(body_date(tree, "a"), 20261122);
    assert_int_equal(body_date(tree, "b"), 20261122);
    assert_int_equal(body_date(tree, "c"), 20261122);
    assert_int_equal(body_date(tree, "d"), 0);
    assert_int_equal(body_date(tree, "e"), 0);
    assert_int_equal(body_number(tree, "f", 10, 99), 99);
    assert_int_equal(body_number(tree, "g", 6, 99), 99);
    assert_int_equal(body_number(tree, "g", 7, 99), 7);
    assert_int_equal(body_fen(tree, "h", &bad), 1230);
    assert_false(bad);
    (void)body_fen(tree, "i", &bad);
    assert_true(bad);
    json_object_put(tree);
}

static enum posting_state
state_of(uint8_t state, uint8_t effect, uint16_t code)
{
    struct frame entry = {.sections = FRAME_HAS_HEADER | FRAME_HAS_RESULT};
    struct posting posting;
    snprintf(entry.header.infno, sizeof entry.header.infno, "2304");
    entry.result = (struct frame_result){.state = state, .effect = effect, .code = code};
    ledger_read(NULL, &entry, &posting);
    return posting.state;
}

static void
test_what_counts_as_posted(void **state)
{
    (void)state;
    assert_int_equal(state_of(STATE_ANSWERED, FEP_EFFECT_POSTED, 0), POSTING_POSTED);
    assert_int_equal(state_of(STATE_STANDS, FEP_EFFECT_POSTED, FEP_E_STANDS), POSTING_POSTED);
    assert_int_equal(state_of(STATE_ANSWERED, FEP_EFFECT_NONE, 2301), POSTING_NONE);
    assert_int_equal(state_of(STATE_REVERSED, FEP_EFFECT_NONE, FEP_E_REVERSED), POSTING_REVERSED);
    assert_int_equal(state_of(STATE_REVERSED, FEP_EFFECT_NONE, FEP_E_WITHDRAWN), POSTING_NONE);
    assert_int_equal(state_of(STATE_UNKNOWN, 0, 0), POSTING_OPEN);
    assert_int_equal(state_of(STATE_REVERSING, 0, 0), POSTING_OPEN);
    assert_int_equal(state_of(STATE_REFUSED, 0, 2301), POSTING_NONE);
}

static void
test_clearing_types(void **state)
{
    (void)state;
    assert_string_equal(ledger_clr_type("41", "2207"), "41");
    assert_string_equal(ledger_clr_type("52", "2304"), "21");
    assert_string_equal(ledger_clr_type("11", "2207"), "11");
    assert_string_equal(ledger_clr_type("", "2305"), "21");
    assert_string_equal(ledger_clr_type("", "2208"), "11");
}

static void
test_cancelled_settlements_by_place(void **state)
{
    struct cancelled set = {0};
    struct fep_error error = {0};
    (void)state;
    assert_false(cancelled_has(&set, "450900", "S1"));
    for (int i = 100; i > 0; i--) {
        char id[8];
        snprintf(id, sizeof id, "S%d", i);
        assert_int_equal(cancelled_add(&set, "450900", id, &error), 0);
    }
    assert_true(cancelled_has(&set, "450900", "S1"));
    assert_true(cancelled_has(&set, "450900", "S100"));
    assert_false(cancelled_has(&set, "450300", "S1"));
    cancelled_free(&set);
}

/* Two regions may give the same number to two people. */
static void
test_persons_of_two_regions(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    struct message_header header = {.infno = "1101", .insured_area = "450900"};
    (void)state;
    assert_non_null(host);
    host->persons = visits_create(4);
    persons_remember(host, &header,
                     text_slice("{\"output\":{\"baseinfo\":{\"psn_no\":\"P1\",\"psn_name\":\"a\"}}}"));
    snprintf(header.insured_area, sizeof header.insured_area, "450300");
    persons_remember(host, &header,
                     text_slice("{\"output\":{\"baseinfo\":{\"psn_no\":\"P1\",\"psn_name\":\"b\"}}}"));
    persons_remember(host, &header, text_slice("{\"output\":{}}"));
    assert_string_equal(persons_find(host, "450900", "P1")->insured_area, "450900");
    assert_string_equal(persons_find(host, "", "P1")->insured_area, "450900"); /* the one used last */
    assert_string_equal(persons_find(host, "450300", "P1")->insured_area, "450300");
    assert_null(persons_find(host, "450100", "P1"));
    visits_destroy(host->persons);
    free(host);
}

static void
test_index_from_the_visit(void **state)
{
    struct fep_index index = {.insutype = ""};
    const struct slice opener =
        text_slice("{\"input\":{\"mdtrtinfo\":{\"med_type\":\"21\",\"insutype\":\"390\"}}}");
    (void)state;
    persons_fill_index(opener, &index);
    assert_string_equal(index.med_type, "21");
    assert_string_equal(index.insutype, "390");
    snprintf(index.med_type, sizeof index.med_type, "52");
    index.insutype[0] = '\0';
    persons_fill_index(opener, &index);
    assert_string_equal(index.med_type, "52"); /* what the message says itself stays */
    assert_string_equal(index.insutype, "390");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mask_keeps_the_shape),
                                       cmocka_unit_test(test_mask_of_a_name_with_a_dot),
                                       cmocka_unit_test(test_mask_of_other_scripts),
                                       cmocka_unit_test(test_mask_of_days_and_certificates),
                                       cmocka_unit_test(test_mask_of_a_body),
                                       cmocka_unit_test(test_days),
                                       cmocka_unit_test(test_what_counts_as_posted),
                                       cmocka_unit_test(test_clearing_types),
                                       cmocka_unit_test(test_cancelled_settlements_by_place),
                                       cmocka_unit_test(test_persons_of_two_regions),
                                       cmocka_unit_test(test_index_from_the_visit)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
