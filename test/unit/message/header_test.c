/* The header on the wire: round trips, every field that can be wrong, and what the digest covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "header.h"

static struct message_header
make_header(void)
{
    struct message_header header = {
        .key = {.origin = "GW4501000001", .msgid = "H45010000001202611221015020001"},
        .infno = "2207A",
        .transaction_class = CLASS_UPDATE,
        .treat_area = "450100",
        .insured_area = "450900",
        .institution = "H45010000001",
        .day = 20261122,
    };
    return header;
}

static struct message_header
make_reversal(void)
{
    struct message_header header = make_header();
    header.transaction_class = CLASS_REVERSAL;
    strcpy(header.infno, "2601");
    strcpy(header.original_msgid, "H45010000001202611221015020009");
    strcpy(header.original_infno, "2207A");
    return header;
}

static void
assert_same(const struct message_header *a, const struct message_header *b)
{
    assert_true(message_key_equal(&a->key, &b->key));
    assert_string_equal(a->infno, b->infno);
    assert_int_equal(a->transaction_class, b->transaction_class);
    assert_string_equal(a->treat_area, b->treat_area);
    assert_string_equal(a->insured_area, b->insured_area);
    assert_string_equal(a->institution, b->institution);
    assert_int_equal(a->day, b->day);
    assert_string_equal(a->original_msgid, b->original_msgid);
    assert_string_equal(a->original_infno, b->original_infno);
}

static void
check_round_trip(const struct message_header *header)
{
    uint8_t wire[HEADER_WIRE_SIZE];
    struct message_header back;
    struct fep_error error = {0};
    memset(&back, 0xEE, sizeof back);
    message_header_encode(header, wire);
    if (message_header_decode(&back, wire, sizeof wire, &error) < 0)
        fail_msg("%s", error.text);
    assert_same(header, &back);
    assert_int_equal(message_header_check(header, &error), 0);
}

static void
test_round_trip(void **state)
{
    (void)state;
    struct message_header update = make_header(), reversal = make_reversal();
    check_round_trip(&update);
    check_round_trip(&reversal);
    struct message_header shortest = {.key = {.origin = "G", .msgid = "1"},
                                      .infno = "1101",
                                      .transaction_class = CLASS_QUERY,
                                      .day = 20260101};
    check_round_trip(&shortest);
    struct message_header longest = make_header();
    strcpy(longest.key.origin, "GW-4501000001_a");
    strcpy(longest.infno, "220700");
    check_round_trip(&longest);
}

/* Fixed places: other implementations read these bytes. */
static void
test_bytes_on_the_wire(void **state)
{
    (void)state;
    struct message_header header = make_reversal();
    uint8_t wire[HEADER_WIRE_SIZE];
    memset(wire, 0xEE, sizeof wire);
    message_header_encode(&header, wire);
    assert_memory_equal(wire, "\x01\x04\x00\x00\x01\x35\x29\x02", 8); /* 20261122 = 0x01352902 */
    assert_memory_equal(wire + 8, "GW4501000001\0\0\0\0", 16);
    assert_memory_equal(wire + 24, "H45010000001202611221015020001\0\0", 32);
    assert_memory_equal(wire + 56, "2601\0\0\0\0", 8);
    assert_memory_equal(wire + 64, "450100\0\0", 8);
    assert_memory_equal(wire + 72, "450900\0\0", 8);
    assert_memory_equal(wire + 80, "H45010000001\0\0\0\0", 16);
    assert_memory_equal(wire + 96, "H45010000001202611221015020009\0\0", 32);
    assert_memory_equal(wire + 128, "2207A\0\0\0", 8);
    for (size_t i = 136; i < HEADER_WIRE_SIZE; i++)
        assert_int_equal(wire[i], 0);
}

static void
refuse(const uint8_t *wire, size_t size, const char *field)
{
    struct message_header header = {.day = 7};
    struct fep_error error = {0};
    assert_true(message_header_decode(&header, wire, size, &error) < 0);
    assert_int_equal(error.code, FEP_E_MALFORMED_FRAME);
    assert_int_equal(error.kind, FEP_REFUSED);
    if (!strstr(error.text, field))
        fail_msg("\"%s\" does not name %s", error.text, field);
    assert_int_equal(header.day, 7); /* nothing half-read comes out */
}

static void
test_wrong_size(void **state)
{
    (void)state;
    struct message_header header = make_header();
    uint8_t wire[HEADER_WIRE_SIZE + 1] = {0};
    message_header_encode(&header, wire);
    for (size_t size = 0; size < HEADER_WIRE_SIZE; size++)
        refuse(wire, size, "bytes");
    refuse(wire, HEADER_WIRE_SIZE + 1, "169 bytes");
}

struct spoiled {
    size_t byte;
    uint8_t value;
    const char *field;
};

static void
refuse_each(const struct message_header *header, const struct spoiled *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t wire[HEADER_WIRE_SIZE];
        message_header_encode(header, wire);
        assert_int_not_equal(wire[cases[i].byte], cases[i].value);
        wire[cases[i].byte] = cases[i].value;
        refuse(wire, sizeof wire, cases[i].field);
    }
}

static void
test_each_bad_field(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {
        {0, 0, "layout at byte 0"},
        {0, 2, "layout at byte 0"},
        {1, 0, "class at byte 1"},
        {1, 6, "class at byte 1"},
        {2, 1, "reserved at byte 2"},
        {3, 1, "reserved at byte 2"},
        {4, 0xFF, "day at byte 4"},
        {7, 0x20, "day at byte 4"},
        /* 20261152 */
        {8, 0, "origin at byte 8"},
        {9, 0, "origin at byte 8"}, /* text behind the zero */
        {9, ' ', "origin at byte 8"},
        {9, 0xE5, "origin at byte 8"},
        {23, 'x', "origin at byte 8"}, /* the last byte is never text */
        {24, 0, "msgid at byte 24"},
        {30, ' ', "msgid at byte 24"},
        {30, '"', "msgid at byte 24"},
        {30, '\\', "msgid at byte 24"},
        {30, 0x7F, "msgid at byte 24"},
        {30, '\n', "msgid at byte 24"},
        {54, 'x', "msgid at byte 24"},
        {55, 'x', "msgid at byte 24"},
        {56, 0, "infno at byte 56"},
        {59, '-', "infno at byte 56"},
        {59, 0, "infno at byte 56"},
        {63, 'x', "infno at byte 56"},
        {64, 'A', "treat_area at byte 64"},
        {69, 0, "treat_area at byte 64"},
        {70, '0', "treat_area at byte 64"},
        {72, ' ', "insured_area at byte 72"},
        {77, 0, "insured_area at byte 72"},
        {85, '\'', "institution at byte 80"},
        {92, 'x', "institution at byte 80"},
        {96, 'x', "original_msgid at byte 96"},
        {128, '2', "original_infno at byte 128"},
        {136, 1, "reserved at byte 136"},
        {167, 1, "reserved at byte 136"},
    };
    struct message_header header = make_header();
    refuse_each(&header, cases, sizeof cases / sizeof *cases);
}

static void
test_each_bad_field_of_a_reversal(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {
        {96, 0, "original_msgid at byte 96"},    {100, ' ', "original_msgid at byte 96"},
        {127, 'x', "original_msgid at byte 96"}, {128, '.', "original_infno at byte 128"},
        {131, 0, "original_infno at byte 128"},
    };
    struct message_header header = make_reversal();
    refuse_each(&header, cases, sizeof cases / sizeof *cases);
    struct message_header empty = make_reversal();
    empty.original_msgid[0] = '\0';
    uint8_t wire[HEADER_WIRE_SIZE];
    message_header_encode(&empty, wire);
    refuse(wire, sizeof wire, "original_msgid");
    struct message_header without = make_reversal();
    without.original_infno[0] = '\0';
    check_round_trip(&without);
}

/* Every byte that is accepted changed is a byte that the decoder hands out. */
static void
test_no_byte_is_ignored(void **state)
{
    (void)state;
    struct message_header header = make_reversal();
    for (size_t i = 0; i < HEADER_WIRE_SIZE; i++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t wire[HEADER_WIRE_SIZE], again[HEADER_WIRE_SIZE];
            struct message_header back;
            struct fep_error error;
            message_header_encode(&header, wire);
            wire[i] = (uint8_t)value;
            if (message_header_decode(&back, wire, sizeof wire, &error) < 0)
                continue;
            message_header_encode(&back, again);
            assert_memory_equal(wire, again, sizeof wire);
        }
    }
}

static void
digest_of(const struct message_header *header, const char *body, uint8_t out[DIGEST_SIZE])
{
    struct slice slice = {NULL, (const unsigned char *)body, strlen(body)};
    assert_int_equal(message_digest(header, &slice, out), 0);
}

static void
test_digest_covers_each_fixed_field_and_the_body(void **state)
{
    (void)state;
    struct message_header base = make_reversal();
    struct message_header changed[11];
    for (size_t i = 0; i < 11; i++)
        changed[i] = base;
    changed[1].key.origin[11] = '2';
    changed[2].key.msgid[29] = '2';
    changed[3].infno[3] = '2';
    changed[4].transaction_class = CLASS_INQUIRY;
    changed[5].treat_area[5] = '1';
    changed[6].insured_area[5] = '1';
    changed[7].institution[11] = '2';
    changed[8].day = 20261123;
    changed[9].original_msgid[29] = '2';
    changed[10].original_infno[4] = '\0';
    uint8_t digests[12][DIGEST_SIZE];
    for (size_t i = 0; i < 11; i++)
        digest_of(&changed[i], "{\"a\":1}", digests[i]);
    digest_of(&base, "{\"a\":2}", digests[11]);
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], DIGEST_SIZE);
}

static void
test_digest_is_the_same_again(void **state)
{
    (void)state;
    /* What stands behind the end of a text in memory does not count, and travel is no part of it. */
    struct message_header clean = make_header(), dirty;
    memset(&dirty, 0xEE, sizeof dirty);
    memcpy(dirty.key.origin, clean.key.origin, strlen(clean.key.origin) + 1);
    memcpy(dirty.key.msgid, clean.key.msgid, strlen(clean.key.msgid) + 1);
    memcpy(dirty.infno, clean.infno, strlen(clean.infno) + 1);
    memcpy(dirty.treat_area, clean.treat_area, strlen(clean.treat_area) + 1);
    memcpy(dirty.insured_area, clean.insured_area, strlen(clean.insured_area) + 1);
    memcpy(dirty.institution, clean.institution, strlen(clean.institution) + 1);
    dirty.original_msgid[0] = dirty.original_infno[0] = '\0';
    dirty.transaction_class = clean.transaction_class;
    dirty.day = clean.day;
    uint8_t a[DIGEST_SIZE], b[DIGEST_SIZE];
    digest_of(&clean, "body", a);
    digest_of(&dirty, "body", b);
    assert_memory_equal(a, b, DIGEST_SIZE);
    struct slice none = SLICE_NONE;
    assert_int_equal(message_digest(&clean, &none, a), 0);
    assert_int_equal(message_digest(&clean, NULL, b), 0);
    assert_memory_equal(a, b, DIGEST_SIZE);
}

/* Stored digests outlive a release: computed once with `openssl dgst -sm3` over the 168 bytes and "body". */
static void
test_digest_value(void **state)
{
    (void)state;
    struct message_header header = make_header();
    uint8_t digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];
    digest_of(&header, "body", digest);
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, "158796c9d6e5cde743f900ca280544674366647926f28b07c877b90ed1fa5adc");
}

static void *
digest_many(void *arg)
{
    struct message_header header = make_header();
    for (int i = 0; i < 2000; i++) {
        uint8_t digest[DIGEST_SIZE];
        struct slice body = {NULL, (const unsigned char *)"body", 4};
        if (message_digest(&header, &body, digest) < 0 || memcmp(digest, arg, DIGEST_SIZE) != 0)
            return arg;
    }
    return NULL;
}

static void
test_digest_in_threads(void **state)
{
    (void)state;
    struct message_header header = make_header();
    uint8_t expected[DIGEST_SIZE];
    digest_of(&header, "body", expected);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_many, expected), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void
test_keys(void **state)
{
    (void)state;
    struct message_key a = {"GW1", "M1"}, b = {"GW1", "M1"}, c = {"GW2", "M1"}, d = {"GW1", "M2"},
                       e = {"GW", "1M1"};
    assert_true(message_key_equal(&a, &b));
    assert_true(message_key_hash(&a) == message_key_hash(&b));
    assert_false(message_key_equal(&a, &c));
    assert_false(message_key_equal(&a, &d));
    assert_true(message_key_hash(&a) != message_key_hash(&c));
    assert_true(message_key_hash(&a) != message_key_hash(&d));
    assert_true(message_key_hash(&a) != message_key_hash(&e));
    /* Serial numbers that differ in the last digits spread over a small table. */
    unsigned used[64] = {0};
    for (int i = 0; i < 6400; i++) {
        struct message_key key = {.origin = "GW4501000001"};
        snprintf(key.msgid, sizeof key.msgid, "H450100000012026112210%08d", i);
        used[message_key_hash(&key) % 64]++;
    }
    for (size_t i = 0; i < 64; i++)
        assert_in_range(used[i], 50, 160);
}

static void
test_checks_of_single_fields(void **state)
{
    (void)state;
    assert_true(msgid_is_valid("x"));
    assert_true(msgid_is_valid("123456789012345678901234567890"));
    assert_false(msgid_is_valid("1234567890123456789012345678901"));
    assert_false(msgid_is_valid(""));
    assert_false(msgid_is_valid("a b"));
    assert_false(msgid_is_valid("a'b"));
    assert_false(msgid_is_valid("医保"));
    assert_true(area_is_valid("450100"));
    assert_false(area_is_valid("45010"));
    assert_false(area_is_valid("4501000"));
    assert_false(area_is_valid("45010a"));
    assert_false(area_is_valid(""));
    assert_true(infno_is_valid("2207"));
    assert_true(infno_is_valid("2207A"));
    assert_false(infno_is_valid("220"));
    assert_false(infno_is_valid("2207ABC"));
    assert_false(infno_is_valid("22 7"));
    assert_true(node_is_valid("GW4501000001"));
    assert_false(node_is_valid(""));
    assert_false(node_is_valid("a/b"));
    assert_false(node_is_valid("1234567890123456"));
}

static void
test_day_of_a_msgid(void **state)
{
    (void)state;
    assert_int_equal(msgid_day("H45010000003202611240028570002"), 20261124);
    assert_int_equal(msgid_day("DJ4509000001261122000000000093"), 20261122); /* sender, yymmdd, 12 digits */
    assert_int_equal(msgid_day("DJ4509000001261122202611220001"), 20261122);
    assert_int_equal(msgid_day("H45010000003202613240028570002"),
                     0); /* no such month, and 20-26-13 neither */
    assert_int_equal(msgid_day("m1"), 0);
    assert_int_equal(msgid_day("H45010000003ABCDEFGH0028570002"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bytes_on_the_wire),
        cmocka_unit_test(test_wrong_size),
        cmocka_unit_test(test_each_bad_field),
        cmocka_unit_test(test_each_bad_field_of_a_reversal),
        cmocka_unit_test(test_no_byte_is_ignored),
        cmocka_unit_test(test_digest_covers_each_fixed_field_and_the_body),
        cmocka_unit_test(test_digest_is_the_same_again),
        cmocka_unit_test(test_digest_value),
        cmocka_unit_test(test_digest_in_threads),
        cmocka_unit_test(test_day_of_a_msgid),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_checks_of_single_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
