/* Charsets: what code pages disagree about, pinned to this system's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "charset.h"

static struct charset *gbk, *gb18030, *utf8, *strict, *reference;

static void
decodes(struct charset *charset, const char *wire, size_t size, const char *expected)
{
    char text[256];
    struct fep_error error = {0};
    int count = charset_decode(charset, (const unsigned char *)wire, size, true, text, sizeof text, &error);
    assert_true(count >= 0);
    text[count] = '\0';
    assert_string_equal(text, expected);
}

static void
illegal_at(struct charset *charset, const char *wire, size_t size, const char *byte)
{
    char text[256];
    struct fep_error error = {0};
    assert_true(charset_decode(charset, (const unsigned char *)wire, size, false, text, sizeof text, &error) <
                0);
    if (strstr(error.text, byte) == NULL)
        fail_msg("%s", error.text);
}

static void
encodes(struct charset *charset, const char *text, const char *wire, size_t size)
{
    unsigned char out[256];
    struct fep_error error = {0};
    int count = charset_encode(charset, text, strlen(text), out, sizeof out, &error);
    if (count < 0)
        fail_msg("%s", error.text);
    assert_int_equal(count, size);
    assert_memory_equal(out, wire, size);
}
#define DECODES(charset, wire, text) decodes(charset, wire, sizeof wire - 1, text)
#define ILLEGAL(charset, wire, byte) illegal_at(charset, wire, sizeof wire - 1, byte)
#define ENCODES(charset, text, wire) encodes(charset, text, wire, sizeof wire - 1)

static void
test_separators_inside_characters(void **state)
{
    (void)state;
    DECODES(gbk, "\xC2\xDE\xAB\x5E", "罗玘");
    DECODES(gb18030, "\xB3\xC2\xAB\x7C|x", "陈珅|x");
    ENCODES(gb18030, "陈珅", "\xB3\xC2\xAB\x7C");
}

static void
test_middle_dot_and_dash(void **state)
{
    (void)state;
    DECODES(gbk, "\xA1\xA4", "·");
    ENCODES(gbk, "·", "\xA1\xA4");
    DECODES(gbk, "\xA1\xAA", "—");
    ENCODES(gb18030, "—", "\xA1\xAA");
}

static void
test_byte_80_is_no_euro(void **state)
{
    (void)state;
    DECODES(gbk,
            "a\x80"
            "b",
            "a\xEF\xBF\xBD"
            "b");
    ILLEGAL(gbk,
            "a\x80"
            "b",
            "byte 1");
    ILLEGAL(gb18030, "ab\x80", "byte 2");
    DECODES(gbk, "\xA2\xE3", "€"); /* some code pages have it: read, and never written */
    ENCODES(gbk, "€", "\xA1\xFE"); /* not in GBK 1.0: 〓 */
    ENCODES(gb18030, "€", "\xA2\xE3");
    DECODES(gb18030, "\xA2\xE3", "€");
}

static void
test_user_defined_characters_of_hospitals(void **state)
{
    (void)state;
    DECODES(gbk, "\xAA\xA1", "\xEE\x80\x80"); /* U+E000, not a refusal */
    DECODES(gb18030, "\xAA\xA1", "\xEE\x80\x80");
    ENCODES(gb18030, "\xEE\x80\x80", "\xAA\xA1");
}

static void
test_rare_characters(void **state)
{
    (void)state;
    ENCODES(gb18030, "䶮", "\xFE\x9F");
    ENCODES(gbk, "䶮", "\xA1\xFE");
    ENCODES(gb18030, "𠮷", "\x95\x34\xB2\x35");
    DECODES(gb18030, "\x95\x34\xB2\x35", "𠮷");
    ENCODES(reference, "a䶮b", "a&#x4DAE;b");
    ENCODES(reference, "𠮷", "&#x20BB7;");
    /* Four bytes are no character of GBK: two illegal leads and their digits. */
    DECODES(gbk, "\x95\x34\xB2\x35",
            "\xEF\xBF\xBD"
            "4"
            "\xEF\xBF\xBD"
            "5");
}

static void
test_policy_refuse_names_the_byte(void **state)
{
    unsigned char out[16];
    struct fep_error error = {0};
    (void)state;
    assert_true(charset_encode(strict, "ab䶮", 5, out, sizeof out, &error) < 0);
    assert_string_equal(error.text, "character U+4DAE at byte 2 can not be written in GBK");
    assert_true(charset_encode(strict, "\xC2\xB7·•", 7, out, sizeof out, &error) < 0);
    assert_string_equal(error.text, "character U+2022 at byte 4 can not be written in GBK");
    assert_true(charset_encode(strict, "𠮷", 4, out, sizeof out, &error) < 0);
    assert_string_equal(error.text, "character U+20BB7 at byte 0 can not be written in GBK");
    assert_true(charset_refuses(strict));
    assert_false(charset_refuses(reference));
    assert_false(charset_refuses(gbk));
}

static void
test_half_characters(void **state)
{
    (void)state;
    DECODES(gbk, "\xB3\xC2\xAB", "陈\xEF\xBF\xBD");
    ILLEGAL(gbk, "\xB3\xC2\xAB", "byte 2");
    /* What follows a lone lead byte is read: a separator stays one. */
    DECODES(gb18030, "\xAB\x0D\x0A", "\xEF\xBF\xBD\r\n");
    DECODES(gb18030, "\x81\x30\x81",
            "\xEF\xBF\xBD"
            "0\xEF\xBF\xBD");
    ILLEGAL(utf8, "a\xE4\xB8", "byte 1");
}

static void
test_replacement_is_never_sent(void **state)
{
    (void)state;
    ENCODES(gbk, "a\xEF\xBF\xBD", "a\xA1\xFE");
    ENCODES(gb18030, "\xEF\xBF\xBD", "\xA1\xFE");
    ENCODES(utf8, "\xEF\xBF\xBD", "〓");
    ENCODES(strict, "\xEF\xBF\xBD", "\xA1\xFE");
}

static void
test_byte_order_mark_is_dropped(void **state)
{
    (void)state;
    ENCODES(gbk,
            "\xEF\xBB\xBF"
            "a",
            "a");
    ENCODES(gb18030, "a\xEF\xBB\xBF", "a");
}

static void
test_full_width_forms_are_kept(void **state)
{
    (void)state;
    ENCODES(gbk, "０９", "\xA3\xB0\xA3\xB9");
    DECODES(gbk, "\xA3\xB0\xA1\xA1", "０　");
}

static void
test_every_two_byte_character_comes_back(void **state)
{
    (void)state;
    size_t count = 0;
    for (unsigned lead = 0x81; lead <= 0xFE; lead++) {
        for (unsigned trail = 0x40; trail <= 0xFE; trail++) {
            unsigned char wire[2] = {(unsigned char)lead, (unsigned char)trail}, back[8];
            char text[8];
            if (trail == 0x7F)
                continue;
            int size = charset_decode(gb18030, wire, 2, false, text, sizeof text, NULL);
            assert_true(size > 0);
            assert_int_equal(charset_encode(gb18030, text, (size_t)size, back, sizeof back, NULL), 2);
            assert_memory_equal(back, wire, 2);
            count++;
        }
    }
    assert_int_equal(count, 126 * 190);
}

static void
test_fit_cuts_at_characters(void **state)
{
    (void)state;
    assert_int_equal(charset_fit(gbk, "中文ab", 8, 5), 7);
    assert_int_equal(charset_fit(gbk, "中文ab", 8, 3), 3);
    assert_int_equal(charset_fit(gbk, "中文ab", 8, 1), 0);
    assert_int_equal(charset_fit(gb18030, "𠮷a", 5, 4), 4);
    assert_int_equal(charset_fit(gb18030, "ña", 3, 4), 2); /* two bytes in UTF-8, four on the wire */
}

static void
test_room_is_respected(void **state)
{
    char text[4];
    unsigned char wire[3];
    struct fep_error error = {0};
    (void)state;
    assert_true(charset_decode(gbk, (const unsigned char *)"\xB3\xC2\xB3\xC2", 4, true, text, 5, &error) < 0);
    assert_true(charset_encode(gbk, "陈陈", 6, wire, sizeof wire, &error) < 0);
}

static void
test_unknown_charset(void **state)
{
    struct fep_error error = {0};
    (void)state;
    assert_null(charset_open("BIG5", UNMAPPABLE_GETA, &error));
    assert_non_null(strstr(error.text, "BIG5"));
}

static void
test_noise_does_not_crash(void **state)
{
    struct charset *const all[] = {gbk, gb18030, utf8};
    (void)state;
    srand(11);
    for (int round = 0; round < 30000; round++) {
        unsigned char wire[24], back[256];
        char text[96];
        size_t size = (size_t)rand() % sizeof wire;
        for (size_t i = 0; i < size; i++)
            wire[i] = (unsigned char)rand();
        struct charset *charset = all[round % 3];
        int count = charset_decode(charset, wire, size, true, text, sizeof text, NULL);
        assert_true(count >= 0);
        assert_true(charset_encode(charset, text, (size_t)count, back, sizeof back, NULL) >= 0);
    }
}

static int
open_all(void **state)
{
    (void)state;
    gbk = charset_open("GBK", UNMAPPABLE_GETA, NULL);
    gb18030 = charset_open("GB18030", UNMAPPABLE_GETA, NULL);
    utf8 = charset_open("UTF-8", UNMAPPABLE_GETA, NULL);
    strict = charset_open("GBK", UNMAPPABLE_REFUSE, NULL);
    reference = charset_open("GBK", UNMAPPABLE_REFERENCE, NULL);
    return gbk != NULL && gb18030 != NULL && utf8 != NULL && strict != NULL && reference != NULL ? 0 : -1;
}

static int
close_all(void **state)
{
    (void)state;
    charset_close(gbk);
    charset_close(gb18030);
    charset_close(utf8);
    charset_close(strict);
    charset_close(reference);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separators_inside_characters),
        cmocka_unit_test(test_middle_dot_and_dash),
        cmocka_unit_test(test_byte_80_is_no_euro),
        cmocka_unit_test(test_user_defined_characters_of_hospitals),
        cmocka_unit_test(test_rare_characters),
        cmocka_unit_test(test_policy_refuse_names_the_byte),
        cmocka_unit_test(test_half_characters),
        cmocka_unit_test(test_replacement_is_never_sent),
        cmocka_unit_test(test_byte_order_mark_is_dropped),
        cmocka_unit_test(test_full_width_forms_are_kept),
        cmocka_unit_test(test_every_two_byte_character_comes_back),
        cmocka_unit_test(test_fit_cuts_at_characters),
        cmocka_unit_test(test_room_is_respected),
        cmocka_unit_test(test_unknown_charset),
        cmocka_unit_test(test_noise_does_not_crash),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
