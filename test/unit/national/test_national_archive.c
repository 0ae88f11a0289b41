/* Files as the interface has them: lines in a text or in a ZIP archive, read whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "archive.h"

static struct writer told;

static int
note_line(void *arg, char *line, size_t size, struct fep_error *error)
{
    (void)arg, (void)error;
    assert_int_equal(strlen(line), size);
    writer_add(&told, line, size);
    writer_say(&told, "|");
    return 0;
}

/* What the lines of these bytes are; NULL: refused. Valid until the next call. */
static const char *
lines_of(const void *data, size_t size)
{
    struct fep_error error = {0};
    FILE *file = tmpfile();
    writer_free(&told);
    writer_say(&told, "");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    int status = archive_read_lines(file, note_line, NULL, &error);
    fclose(file);
    assert_int_equal(status < 0, error.text[0] != '\0');
    return status == 0 ? (told.data != NULL ? told.data : "") : NULL;
}

static void
test_lines_of_a_text(void **state)
{
    (void)state;
    assert_string_equal(lines_of("a\tb\r\n\nc", 7), "a\tb|c|");
    assert_string_equal(lines_of("", 0), "");
    assert_string_equal(lines_of("PK", 2), "PK|");
}

static void
test_what_is_written_is_read_and_nothing_less(void **state)
{
    struct writer out = {0};
    static const char text[] = "1\tnull\t中\n2\tx\ty\n";
    (void)state;
    archive_write("测试.txt", text, sizeof text - 1, &out);
    assert_string_equal(lines_of(out.data, out.size), "1\tnull\t中|2\tx\ty|");
    size_t member = 30 + strlen("测试.txt") + sizeof text - 1;
    for (size_t size = 30; size < member; size++)
        assert_null(lines_of(out.data, size));
    for (size_t at = 30 + strlen("测试.txt"); at < member; at++) {
        out.data[at] ^= 1;
        assert_null(lines_of(out.data, out.size));
        out.data[at] ^= 1;
    }
    out.data[6] |= 1; /* encrypted */
    assert_null(lines_of(out.data, out.size));
    writer_free(&out);
}

/* As most programs make them: deflated, sizes and checksum behind the member. */
static size_t
deflated(const char *text, size_t size, bool with_signature, unsigned char *out, size_t room)
{
    static const unsigned char head[30] = {'P', 'K', 3, 4, 20, 0, 8, 0, 8, [26] = 1};
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), (const unsigned char *)text, (uInt)size);
    z_stream stream = {0};
    memcpy(out, head, sizeof head);
    out[30] = 'x';
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)text;
    stream.avail_in = (uInt)size;
    stream.next_out = out + 31;
    stream.avail_out = (uInt)(room - 31 - 16);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t at = 31 + stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    if (with_signature)
        memcpy(out + at, "PK\x07\x08", 4);
    at += with_signature ? 4 : 0;
    for (int i = 0; i < 4; i++)
        out[at + (size_t)i] = (unsigned char)(crc >> (8 * i));
    memset(out + at + 4, 0, 8);
    return at + 12;
}

static void
test_a_deflated_member_with_its_checksum_behind_it(void **state)
{
    size_t room = 1 << 20, size = 0;
    unsigned char *zip = malloc(room);
    char *text = malloc(1 << 20);
    (void)state;
    assert_true(zip != NULL && text != NULL);
    for (int i = 0; i < 20000; i++)
        size += (size_t)snprintf(text + size, 64, "row\t%d\n", i);
    for (int with_signature = 0; with_signature < 2; with_signature++) {
        size_t made = deflated(text, size, with_signature != 0, zip, room);
        assert_non_null(lines_of(zip, made));
        assert_int_equal(told.size, size);
        assert_null(lines_of(zip, made - 9));
        zip[made - 12] ^= 1;
        assert_null(lines_of(zip, made));
    }
    free(zip);
    free(text);
}

static void
test_a_line_has_a_bound(void **state)
{
    char *text = malloc(ARCHIVE_LONGEST_LINE + 1);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', ARCHIVE_LONGEST_LINE + 1);
    assert_non_null(lines_of(text, ARCHIVE_LONGEST_LINE));
    assert_null(lines_of(text, ARCHIVE_LONGEST_LINE + 1));
    free(text);
}

static void
test_columns(void **state)
{
    char line[] = "a\tnull\t\tnullable\t";
    char *columns[8];
    (void)state;
    assert_int_equal(archive_cut(line, columns, 8), 5);
    assert_string_equal(columns[0], "a");
    assert_string_equal(columns[1], "");
    assert_string_equal(columns[2], "");
    assert_string_equal(columns[3], "nullable");
    assert_string_equal(columns[4], "");
    char more[] = "1\t2\t3";
    assert_int_equal(archive_cut(more, columns, 2), 3);
}

static int
clean_up(void **state)
{
    (void)state;
    writer_free(&told);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_a_text),
        cmocka_unit_test(test_what_is_written_is_read_and_nothing_less),
        cmocka_unit_test(test_a_deflated_member_with_its_checksum_behind_it),
        cmocka_unit_test(test_a_line_has_a_bound),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
