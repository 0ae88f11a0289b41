/* Fixed-width records, to the byte: frames of the reference protocol, both ways, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "wire.h"

struct piece { /* a field as the protocol text prints it; blanks fill it up */
    size_t size;
    const char *text;
};

static const struct piece settle_request[] = {{2, "01"},
                                              {1, "Q"},
                                              {6, "400002"},
                                              {1, "2"},
                                              {12, "GW4509000001"},
                                              {12, "DJ4509000001"},
                                              {20, "20261122000000001234"},
                                              {6, ""},
                                              {20, ""},
                                              {6, "440100"},
                                              {6, "450900"},
                                              {12, "H44010000002"},
                                              {10, "GW"},
                                              {8, "20261122"},
                                              {6, "113005"},
                                              {8, "20261122"},
                                              {6, ""},
                                              {60, ""},
                                              {20, ""},
                                              {4, "0001"},
                                              {1, "N"},
                                              {4, "0000"},
                                              {8, "4EFAD19D"},
                                              {17, ""},
                                              {20, "DJ202611150000000091"},
                                              {20, "ZY0021777"},
                                              {20, "45090000000000055512"},
                                              {20, "GZ2026112200512"},
                                              {2, "10"},
                                              {14, "20261122113001"},
                                              {14, "20261122103000"},
                                              {1, "0"},
                                              {20, "K80.100"},
                                              {60, "胆囊结石伴慢性胆囊炎"},
                                              {1, "Y"},
                                              {1, "N"},
                                              {13, "+000001106567"},
                                              {0, NULL}};

static const struct piece settle_answer[] = {{2, "01"},
                                             {1, "R"},
                                             {6, "400002"},
                                             {1, "2"},
                                             {12, "DJ4509000001"},
                                             {12, "GW4509000001"},
                                             {20, "20261122000000001234"},
                                             {6, ""},
                                             {20, ""},
                                             {6, "440100"},
                                             {6, "450900"},
                                             {12, "H44010000002"},
                                             {10, "GW"},
                                             {8, "20261122"},
                                             {6, "113006"},
                                             {8, "20261122"},
                                             {6, "000000"},
                                             {60, "交易成功"},
                                             {20, "DJ202611221130060088"},
                                             {4, "0001"},
                                             {1, "N"},
                                             {4, "0000"},
                                             {8, "0C03A81F"},
                                             {17, ""},
                                             {20, "DJS20261122000000451"},
                                             {20, "GZ2026112200512"},
                                             {13, "+000001106567"},
                                             {13, "+000000957272"},
                                             {13, "+000000123456"},
                                             {13, "+000000025839"},
                                             {13, "+000000906889"},
                                             {13, "+000000000000"},
                                             {13, "+000000000000"},
                                             {13, "+000000050383"},
                                             {13, "+000000000000"},
                                             {13, "+000000000000"},
                                             {13, "+000000000000"},
                                             {13, "+000000012000"},
                                             {13, "+000000046913"},
                                             {13, "+000000000000"},
                                             {13, "+000001047654"},
                                             {13, "+000000040000"},
                                             {13, "+000000000000"},
                                             {0, NULL}};

static const struct piece lost_request[] = {{2, "01"},
                                            {1, "Q"},
                                            {6, "400002"},
                                            {1, "1"},
                                            {12, "DJ4509000001"},
                                            {12, "GW4509000001"},
                                            {20, "20261122000000000093"},
                                            {6, ""},
                                            {20, ""},
                                            {6, "450900"},
                                            {6, "451200"},
                                            {12, "H45090000001"},
                                            {10, "1007"},
                                            {8, "20261122"},
                                            {6, "162040"},
                                            {8, "20261122"},
                                            {6, ""},
                                            {60, ""},
                                            {20, ""},
                                            {4, "0001"},
                                            {1, "N"},
                                            {4, "0000"},
                                            {8, "D8EC216C"},
                                            {17, ""},
                                            {20, "GW202611200000000561"},
                                            {20, "ZY2026110123"},
                                            {20, "45120000000000099999"},
                                            {20, "FP2026112200391"},
                                            {2, "10"},
                                            {14, "20261122162038"},
                                            {14, "20261122150000"},
                                            {1, "0"},
                                            {20, "I63.900"},
                                            {60, "脑梗死"},
                                            {1, "N"},
                                            {1, "N"},
                                            {13, "+000000620815"},
                                            {0, NULL}};

static const struct piece lost_answer[] = {{2, "01"},
                                           {1, "R"},
                                           {6, "400002"},
                                           {1, "1"},
                                           {12, "GW4509000001"},
                                           {12, "DJ4509000001"},
                                           {20, "20261122000000000093"},
                                           {6, ""},
                                           {20, ""},
                                           {6, "450900"},
                                           {6, "451200"},
                                           {12, "H45090000001"},
                                           {10, "1007"},
                                           {8, "20261122"},
                                           {6, "162140"},
                                           {8, "20261122"},
                                           {6, "900002"},
                                           {60, "参保地处理超时, 结果未知, 请查询原交易"},
                                           {20, ""},
                                           {4, "0001"},
                                           {1, "N"},
                                           {4, "0000"},
                                           {8, "F14F4FDE"},
                                           {17, ""},
                                           {0, NULL}};

/* The frame as the protocol text prints it, written without the codec. */
static size_t
print_frame(struct fake_host *fake, const struct piece *pieces, unsigned char *out)
{
    size_t at = 6;
    for (; pieces->text != NULL; pieces++) {
        memset(out + at, ' ', pieces->size);
        fake_encode(fake, pieces->text, out + at, 256);
        size_t size = fake_encode(fake, pieces->text, out + at, 256);
        memset(out + at + size, ' ', pieces->size - size);
        at += pieces->size;
    }
    char length[16];
    snprintf(length, sizeof length, "%06zu", at - 6);
    memcpy(out, length, 6);
    return at;
}

struct fixture {
    struct fake_host *fake;
    struct fixed_codec codec;
    unsigned char out[1 << 19];
    unsigned char expected[4096];
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error;
    f->fake = fake_create("dajizhong-450900.cfg");
    assert_int_equal(fixed_codec_open(&f->codec, &f->fake->host, &error), 0);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    fake_destroy(f->fake);
    free(f);
    return 0;
}

static const char *const request_head[] = {"H-VERSION",   "01",
                                           "H-KIND",      "Q",
                                           "H-TRAN",      "400002",
                                           "H-DIR",       "2",
                                           "H-SENDER",    "GW4509000001",
                                           "H-RECEIVER",  "DJ4509000001",
                                           "H-SERIAL",    "20261122000000001234",
                                           "H-TREAT-RGN", "440100",
                                           "H-INSU-RGN",  "450900",
                                           "H-HOSP",      "H44010000002",
                                           "H-OPER",      "GW",
                                           "H-DATE",      "20261122",
                                           "H-TIME",      "113005",
                                           "H-BUS-DATE",  "20261122",
                                           "H-PAGE",      "1",
                                           "H-MORE",      "N",
                                           NULL};
static const char *const request_body[] = {"SQ-CTR-VISIT",
                                           "DJ202611150000000091",
                                           "SQ-VISIT-NO",
                                           "ZY0021777",
                                           "SQ-PSN-NO",
                                           "45090000000000055512",
                                           "SQ-BILL-NO",
                                           "GZ2026112200512",
                                           "SQ-MED-CAT",
                                           "10",
                                           "SQ-TIME",
                                           "20261122113001",
                                           "SQ-OUT-TIME",
                                           "20261122103000",
                                           "SQ-OUT-REASON",
                                           "0",
                                           "SQ-OUT-DIAG",
                                           "K80.100",
                                           "SQ-OUT-DIAG-NAME",
                                           "胆囊结石伴慢性胆囊炎",
                                           "SQ-ACCT-FLAG",
                                           "Y",
                                           "SQ-MID-FLAG",
                                           "N",
                                           "SQ-HIS-TOTAL",
                                           "11065.67",
                                           NULL};

static void
settlement_request_has_the_reference_bytes(void **state)
{
    struct fixture *f = *state;
    struct fep_error error;
    struct fep_record *head = fake_record(f->fake, "head-Q", request_head);
    struct fep_record *body = fake_record(f->fake, "400002-Q", request_body);
    long size = fixed_encode_frame(&f->codec, head, body, f->out, &error);
    assert_int_equal(size, 468);
    assert_int_equal(print_frame(f->fake, settle_request, f->expected), 468);
    assert_memory_equal(f->out, f->expected, 468);
    static const unsigned char first[] = {
        0x30, 0x30, 0x30, 0x34, 0x36, 0x32, 0x30, 0x31, 0x51, 0x34, 0x30, 0x30, 0x30, 0x30, 0x32, 0x32,
        0x47, 0x57, 0x34, 0x35, 0x30, 0x39, 0x30, 0x30, 0x30, 0x30, 0x30, 0x31, 0x44, 0x4A, 0x34, 0x35,
        0x30, 0x39, 0x30, 0x30, 0x30, 0x30, 0x30, 0x31, 0x32, 0x30, 0x32, 0x36, 0x31, 0x31, 0x32, 0x32,
        0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x31, 0x32, 0x33, 0x34, 0x20, 0x20, 0x20, 0x20};
    assert_memory_equal(f->out, first, sizeof first);
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
}

static void
seals_of_the_reference_frames_hold(void **state)
{
    struct fixture *f = *state;
    const struct piece *const frames[] = {settle_request, settle_answer, lost_request, lost_answer};
    const size_t sizes[] = {468, 523, 468, 262};
    for (size_t i = 0; i < 4; i++) {
        size_t size = print_frame(f->fake, frames[i], f->expected);
        assert_int_equal(size, sizes[i]);
        assert_true(fixed_seal_holds(&f->codec, f->expected + 6, size - 6));
        f->expected[size - 1] ^= 1;
        assert_false(fixed_seal_holds(&f->codec, f->expected + 6, size - 6));
    }
    assert_false(fixed_seal_holds(&f->codec, f->expected + 6, 100));
}

static void
crc32_has_its_check_value(void **state)
{
    (void)state;
    assert_int_equal(fixed_crc32((const unsigned char *)"123456789", 9), 0xCBF43926u);
}

static void
settlement_answer_is_read_to_the_fen(void **state)
{
    struct fixture *f = *state;
    struct fep_error error;
    size_t size = print_frame(f->fake, settle_answer, f->expected);
    assert_int_equal(fixed_frame_size(&f->codec, f->expected, size), 517);
    struct fep_record *head = fixed_decode_head(&f->codec, f->expected + 6, 517, &error);
    assert_non_null(head);
    assert_string_equal(fake_get(f->fake, head, "H-RET-CODE"), "000000");
    assert_string_equal(fake_get(f->fake, head, "H-RET-MSG"), "交易成功");
    assert_string_equal(fake_get(f->fake, head, "H-CTR-SERIAL"), "DJ202611221130060088");
    assert_string_equal(fake_get(f->fake, head, "H-TIME"), "113006");
    struct fep_record *body = fixed_decode_body(&f->codec, "400002-R", f->expected + 262, 261, 0, &error);
    assert_non_null(body);
    assert_string_equal(fake_get(f->fake, body, "SR-SETL-NO"), "DJS20261122000000451");
    assert_string_equal(fake_get(f->fake, body, "SR-TOTAL"), "11065.67");
    assert_string_equal(fake_get(f->fake, body, "SR-LARGE"), "0.00");
    assert_string_equal(fake_get(f->fake, body, "SR-CASH"), "258.39");
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
}

/* Encodes one field of 400002-Q and returns its bytes, or NULL if it was refused. */
static const char *
one_field(struct fixture *f, const char *name, const char *value, size_t offset, size_t length)
{
    static char text[256];
    struct fep_error error = {0};
    struct fep_record *head = fake_record(f->fake, "head-Q", request_head);
    struct fep_record *body = fake_record(f->fake, "400002-Q", request_body);
    set_field(&f->fake->host, body, name, value);
    long size = fixed_encode_frame(&f->codec, head, body, f->out, &error);
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
    if (size < 0) {
        assert_non_null(strstr(error.text, name));
        return NULL;
    }
    snprintf(text, sizeof text, "%.*s", (int)length, (const char *)f->out + 262 + offset);
    return text;
}

static void
numbers_are_written_in_full(void **state)
{
    struct fixture *f = *state;
    const char *name = "SQ-HIS-TOTAL";
    assert_string_equal(one_field(f, name, "-12.30", 193, 13), "-000000001230");
    assert_string_equal(one_field(f, name, "-0.00", 193, 13), "+000000000000");
    assert_string_equal(one_field(f, name, "", 193, 13), "+000000000000");
    assert_string_equal(one_field(f, name, "7", 193, 13), "+000000000700");
    assert_string_equal(one_field(f, name, "1.100", 193, 13), "+000000000110");
    assert_string_equal(one_field(f, name, "9999999999.99", 193, 13), "+999999999999");
    assert_null(one_field(f, name, "10000000000.00", 193, 13));
    assert_null(one_field(f, name, "1.234", 193, 13));
    assert_null(one_field(f, name, "1,20", 193, 13));
    assert_null(one_field(f, name, "1e3", 193, 13));
    assert_null(one_field(f, name, "--1", 193, 13));
    assert_string_equal(one_field(f, "SQ-OUT-TIME", "", 96, 14), "00000000000000");
    assert_null(one_field(f, "SQ-OUT-TIME", "2026-11-22", 96, 14));
    assert_null(one_field(f, "SQ-OUT-TIME", "202611221030001", 96, 14));
}

static void
codes_must_fit_and_texts_are_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    assert_null(one_field(f, "SQ-BILL-NO", "123456789012345678901", 60, 20));
    assert_null(one_field(f, "SQ-MED-CAT", "100", 80, 2));
    /* 60 bytes: 59 ASCII and a two-byte character that no longer fits */
    char text[128];
    memset(text, 'a', 59);
    strcpy(text + 59, "囊炎");
    const char *cut = one_field(f, "SQ-OUT-DIAG-NAME", text, 131, 60);
    assert_int_equal(cut[58], 'a');
    assert_int_equal(cut[59], ' ');
    /* what GBK can not hold, what must not be sent, control characters */
    const char *odd = one_field(f, "SQ-OUT-DIAG-NAME", "䶮\xEF\xBF\xBD\tx", 131, 60);
    assert_memory_equal(odd, "\xA1\xFE\xA1\xFE x ", 7);
}

static struct fep_record *
read_settlement(struct fixture *f, size_t offset, const char *bytes, size_t size)
{
    struct fep_error error = {0};
    print_frame(f->fake, settle_answer, f->expected);
    memcpy(f->expected + 262 + offset, bytes, size);
    struct fep_record *record = fixed_decode_body(&f->codec, "400002-R", f->expected + 262, 261, 0, &error);
    if (record == NULL)
        assert_non_null(strstr(error.text, "400002-R.SR-"));
    return record;
}

static void
expect_field(struct fixture *f, size_t offset, const char *bytes, size_t size, const char *name,
             const char *value)
{
    struct fep_record *record = read_settlement(f, offset, bytes, size);
    assert_non_null(record);
    assert_string_equal(fake_get(f->fake, record, name), value);
    f->fake->host.release_record(f->fake, record);
}

static void
received_fields_are_trimmed_folded_or_refused(void **state)
{
    struct fixture *f = *state;
    expect_field(f, 20, "AB\0\0                ", 20, "SR-BILL-NO", "AB");
    expect_field(f, 20, " \xA3\xB1\xA3\xB2\xA3\xC1             ", 20, "SR-BILL-NO", "12A");
    expect_field(f, 20, "0123456789012345678\xB0", 20, "SR-BILL-NO",
                 "0123456789012345678"); /* half a character */
    expect_field(f, 40, " 000001106567", 13, "SR-TOTAL", "11065.67");
    expect_field(f, 40, "-000000000005", 13, "SR-TOTAL", "-0.05");
    expect_field(f, 40, "-000000000000", 13, "SR-TOTAL", "0.00");
    expect_field(f, 40, "             ", 13, "SR-TOTAL", "0.00");
    assert_null(read_settlement(f, 20, "A\0B", 3));
    assert_null(read_settlement(f, 20, "\xFF\xFF", 2));
    assert_null(read_settlement(f, 40, "0000001106567", 13));
    assert_null(read_settlement(f, 40, "+00000110656X", 13));
    assert_null(read_settlement(f, 40, "+\xA3\xB1\xA3\xB1\xA3\xB1\xA3\xB1\xA3\xB1\xA3\xB1", 13));
}

static void
illegal_bytes_in_free_text_do_not_spoil_the_answer(void **state)
{
    struct fixture *f = *state;
    struct fep_error error;
    print_frame(f->fake, settle_answer, f->expected);
    memcpy(f->expected + 6 + 142, "\xB0\x20\xFF", 3);
    struct fep_record *head = fixed_decode_head(&f->codec, f->expected + 6, 517, &error);
    assert_non_null(head);
    assert_memory_equal(fake_get(f->fake, head, "H-RET-MSG"), "\xEF\xBF\xBD \xEF\xBF\xBD", 7);
    assert_int_equal(f->codec.illegal_texts, 1);
    f->fake->host.release_record(f->fake, head);
}

static void
repeating_groups_follow_the_count(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct fep_record *head = fake_record(f->fake, "head-Q", request_head);
    struct fep_record *body =
        fake_record(f->fake, "300001-Q", (const char *const[]){"FQ-SUM", "60.00", NULL});
    for (int i = 0; i < 2; i++)
        fake_set_row(f->fake, body,
                     (const char *const[]){"FQ-LINE-NO", i == 0 ? "1" : "2", "FQ-PRICE", "88.1234", "FQ-QTY",
                                           "-1", "FQ-RATIO", "0.05", NULL});
    long size = fixed_encode_frame(&f->codec, head, body, f->out, &error);
    assert_int_equal(size, 6 + 256 + 53 + 2 * 495);
    assert_memory_equal(f->out + 6 + 227, "0002", 4);
    assert_memory_equal(f->out + 262 + 53 + 227, "+000000881234-000000010000", 26);
    assert_memory_equal(f->out + 262 + 53 + 417, "00500", 5);
    struct fep_record *back =
        fixed_decode_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 262, 2, &error);
    assert_non_null(back);
    assert_string_equal(fake_get_in_row(f->fake, back, 1, "FQ-PRICE"), "88.1234");
    assert_string_equal(fake_get_in_row(f->fake, back, 1, "FQ-QTY"), "-1.0000");
    assert_string_equal(fake_get_in_row(f->fake, back, 1, "FQ-RATIO"), "0.0500");
    f->codec.max_record = 256 + 53 + 495 + 494;
    assert_int_equal(fixed_encode_frame(&f->codec, head, body, f->out, &error), -1);
    assert_int_equal(error.code, 2204);
    assert_string_equal(error.text, "300001-Q: 2 lines; 1 fit into a record, and nothing took effect");
    f->codec.max_record = 256 + 53 + 494;
    assert_int_equal(fixed_encode_frame(&f->codec, head, body, f->out, &error), -1);
    assert_int_equal(error.code, 1003);
    f->codec.max_record = 262144;
    size = fixed_encode_frame(&f->codec, head, body, f->out, &error);
    assert_null(fixed_decode_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 262, 1, &error));
    assert_null(fixed_decode_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 263, 2, &error));
    assert_null(fixed_decode_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 262, 501, &error));
    struct fep_record *loose =
        fixed_decode_loose_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 262, &error);
    assert_non_null(loose);
    assert_int_equal(f->fake->host.record_rows(loose), 2);
    assert_null(fixed_decode_loose_body(&f->codec, "300001-Q", f->out + 262, (size_t)size - 263, &error));
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
    f->fake->host.release_record(f->fake, back);
    f->fake->host.release_record(f->fake, loose);
}

static void
frames_are_believed_only_within_their_bounds(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *bytes;
        long expected;
    } cases[] = {{"", -1},       {"00", -1},     {"000000", 0},  {"000000000462", 0},
                 {"000255", -2}, {"000256", -1}, {"262144", -1}, {"262145", -2},
                 {"00046X", -2}, {"X", -2},      {" 00462", -2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            fixed_frame_size(&f->codec, (const unsigned char *)cases[i].bytes, strlen(cases[i].bytes)),
            cases[i].expected);
    size_t size = print_frame(f->fake, settle_answer, f->expected);
    assert_int_equal(fixed_frame_size(&f->codec, f->expected, size - 1), -1);
    assert_int_equal(fixed_frame_size(&f->codec, f->expected, size), 517);
}

/* A damaged record is read or refused by name, never read outside of. The seed is fixed: a failure comes
 * again. */
static void
damaged_records_are_read_or_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t seed = 20261122, refused = 0, read = 0;
    size_t size = print_frame(f->fake, settle_answer, f->expected) - 6;
    for (int round = 0; round < 20000; round++) {
        unsigned char *record = malloc(size); /* exact, so that a read beyond it is found out */
        memcpy(record, f->expected + 6, size);
        for (int hits = 1 + round % 3; hits > 0; hits--) {
            seed = seed * 1664525u + 1013904223u;
            record[(seed >> 8) % size] = (unsigned char)(seed >> 24);
        }
        struct fep_error error = {0};
        struct fep_record *head = fixed_decode_head(&f->codec, record, size, &error);
        struct fep_record *body =
            fixed_decode_body(&f->codec, "400002-R", record + 256, size - 256, round % 7 == 0, &error);
        struct fep_record *loose =
            fixed_decode_loose_body(&f->codec, "300001-R", record + 256, seed % (size - 256), &error);
        if (head == NULL || body == NULL)
            assert_true(error.text[0] != '\0');
        refused += body == NULL;
        read += body != NULL;
        f->fake->host.release_record(f->fake, head);
        f->fake->host.release_record(f->fake, body);
        f->fake->host.release_record(f->fake, loose);
        free(record);
    }
    assert_true(refused > 1000 && read > 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settlement_request_has_the_reference_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(seals_of_the_reference_frames_hold, set_up, tear_down),
        cmocka_unit_test(crc32_has_its_check_value),
        cmocka_unit_test_setup_teardown(settlement_answer_is_read_to_the_fen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_written_in_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(codes_must_fit_and_texts_are_cut_at_a_character, set_up, tear_down),
        cmocka_unit_test_setup_teardown(received_fields_are_trimmed_folded_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(illegal_bytes_in_free_text_do_not_spoil_the_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(repeating_groups_follow_the_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_are_believed_only_within_their_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_records_are_read_or_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("fixed codec", tests, NULL, NULL);
}
