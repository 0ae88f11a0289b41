/* Multipart forms: two parts, told apart by their names alone, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "form.h"

#define TYPE       "multipart/form-data; boundary=XyZ"
#define HEAD(name) "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static const char good[] = "--XyZ\r\nContent-Type: application/zip\r\ncontent-disposition: form-data; "
                           "filename=\"jsonStr\"; name=\"file\"\r\n\r\n"
                           "a\r\n--Xy\0b\r\n--XyZ" HEAD("jsonStr") "{}\r\n--XyZ--\r\n";

static bool
read_it(const char *type, const char *body, size_t size, struct form_part *message, struct form_part *file)
{
    char *copy = malloc(size + 1); /* of this size exactly: what is read beyond it is seen by the sanitizer */
    assert_non_null(copy);
    char *exact = realloc(copy, size > 0 ? size : 1);
    assert_non_null(exact);
    if (size > 0)
        memcpy(exact, body, size);
    bool read = form_read(type, exact, size, "jsonStr", "file", message, file);
    if (read && message->data != NULL)
        assert_true(message->data >= exact && message->data + message->size <= exact + size);
    free(exact);
    return read;
}

static void
test_parts_are_told_apart_by_name(void **state)
{
    struct form_part message, file;
    (void)state;
    assert_true(form_read(TYPE, good, sizeof good - 1, "jsonStr", "file", &message, &file));
    assert_int_equal(message.size, 2);
    assert_memory_equal(message.data, "{}", 2);
    assert_int_equal(file.size, 9);
    assert_memory_equal(file.data, "a\r\n--Xy\0b", 9);
    assert_true(read_it("Multipart/Form-Data;charset=utf-8; Boundary=\"XyZ\"", good, sizeof good - 1,
                        &message, &file));
}

static void
test_half_a_form_is_none(void **state)
{
    struct form_part message, file;
    (void)state;
    for (size_t size = 0; size < sizeof good - 1 - 2; size++) /* the last line end may be missing */
        assert_false(read_it(TYPE, good, size, &message, &file));
    assert_true(read_it(TYPE, good, sizeof good - 1 - 2, &message, &file));
}

static void
test_what_is_no_form(void **state)
{
    static const char *const bad[] = {"",
                                      "--XyZ--",
                                      "--XyZ" HEAD("file") "x\r\n--XyZ--",
                                      "--Xyz" HEAD("jsonStr") "{}\r\n--Xyz--",
                                      "--XyZ" HEAD("jsonStr") "{}\r\n--XyZ" HEAD("jsonStr") "{1}\r\n--XyZ--",
                                      "x--XyZ" HEAD("jsonStr") "{}\r\n--XyZ--"};
    struct form_part message, file;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(read_it(TYPE, bad[i], strlen(bad[i]), &message, &file));
    assert_false(read_it("multipart/form-data", good, sizeof good - 1, &message, &file));
    assert_false(read_it("multipart/form-data; boundary=", good, sizeof good - 1, &message, &file));
    assert_false(read_it("application/json; boundary=XyZ", good, sizeof good - 1, &message, &file));
    assert_false(form_is_one(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_told_apart_by_name),
        cmocka_unit_test(test_half_a_form_is_none),
        cmocka_unit_test(test_what_is_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
