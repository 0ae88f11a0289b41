/* Buffers and slices: who frees what, and that counts hold across threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

static void
count_release(void *arg)
{
    ++*(int *)arg;
}

static void
test_create_holds_bytes(void **state)
{
    (void)state;
    struct buffer *buffer = buffer_create(5);
    assert_non_null(buffer);
    memcpy(buffer_data(buffer), "12345", 5);
    assert_int_equal(buffer_size(buffer), 5);
    struct slice slice = slice_of(buffer);
    assert_memory_equal(slice.data, "12345", 5);
    slice_release(&slice);
    assert_null(slice.data);
    assert_null(slice.owner);
    assert_int_equal(slice.size, 0);
}

static void
test_create_of_nothing(void **state)
{
    (void)state;
    struct buffer *buffer = buffer_create(0);
    assert_non_null(buffer);
    assert_int_equal(buffer_size(buffer), 0);
    buffer_release(buffer);
    buffer_release(NULL);
    assert_null(buffer_create(SIZE_MAX));
}

static void
test_wrap_releases_with_last_reference(void **state)
{
    (void)state;
    int released = 0;
    char bytes[] = "abcdef";
    struct slice whole = slice_of(buffer_wrap(bytes, 6, count_release, &released));
    assert_ptr_equal(whole.data, bytes);
    struct slice part = slice_part(whole, 2, 3);
    struct slice shared = slice_share(part);
    assert_memory_equal(part.data, "cde", 3);
    slice_release(&whole);
    assert_int_equal(released, 0);
    slice_release(&part);
    assert_int_equal(released, 0);
    assert_memory_equal(shared.data, "cde", 3);
    slice_release(&shared);
    assert_int_equal(released, 1);
}

static void
test_part_at_the_edges(void **state)
{
    (void)state;
    struct slice whole = slice_copy("abc", 3);
    struct slice end = slice_part(whole, 3, 0), all = slice_part(whole, 0, 3);
    assert_int_equal(end.size, 0);
    assert_int_equal(all.size, 3);
    slice_release(&end);
    slice_release(&all);
    slice_release(&whole);
}

static void
test_constant_slices_need_no_owner(void **state)
{
    (void)state;
    struct slice constant = {NULL, (const unsigned char *)"const", 5};
    struct slice shared = slice_share(constant), part = slice_part(constant, 1, 2);
    assert_null(shared.owner);
    assert_memory_equal(part.data, "on", 2);
    slice_release(&shared);
    slice_release(&part);
    slice_release(&constant);
    struct slice none = slice_copy(NULL, 0);
    assert_null(none.data);
    assert_int_equal(none.size, 0);
    slice_release(&none);
}

static void
test_copy_is_private(void **state)
{
    (void)state;
    char bytes[] = "money";
    struct slice copy = slice_copy(bytes, 5);
    bytes[0] = 'h';
    assert_memory_equal(copy.data, "money", 5);
    slice_release(&copy);
}

static void *
share_and_release(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        struct slice mine = slice_share(*(struct slice *)arg);
        struct slice part = slice_part(mine, 1, 2);
        slice_release(&mine);
        slice_release(&part);
    }
    return NULL;
}

static void
test_threads_share(void **state)
{
    (void)state;
    int released = 0;
    char bytes[] = "shared";
    struct slice slice = slice_of(buffer_wrap(bytes, 6, count_release, &released));
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share_and_release, &slice), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(released, 0);
    slice_release(&slice);
    assert_int_equal(released, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_holds_bytes),
        cmocka_unit_test(test_create_of_nothing),
        cmocka_unit_test(test_wrap_releases_with_last_reference),
        cmocka_unit_test(test_part_at_the_edges),
        cmocka_unit_test(test_constant_slices_need_no_owner),
        cmocka_unit_test(test_copy_is_private),
        cmocka_unit_test(test_threads_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
