/* The timer heap against a plain array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "timer_heap.h"

#define NODES 200

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void
check_against_array(const struct timer_heap *heap, struct timer_node *nodes)
{
    struct timer_node *earliest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < NODES; i++) {
        if (nodes[i].place == 0)
            continue;
        count++;
        assert_ptr_equal(heap->nodes[nodes[i].place - 1], &nodes[i]);
        if (nodes[i].place > 1)
            assert_true(heap->nodes[nodes[i].place / 2 - 1]->due_ms <= nodes[i].due_ms);
        if (!earliest || nodes[i].due_ms < earliest->due_ms)
            earliest = &nodes[i];
    }
    assert_int_equal(heap->count, count);
    struct timer_node *first = timer_heap_first(heap);
    if (!earliest)
        assert_null(first);
    else
        assert_int_equal(first->due_ms, earliest->due_ms);
}

static void
test_random_operations(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 20; run++) {
        uint64_t seed = run * 0x9E3779B97F4A7C15ull;
        struct timer_heap heap;
        struct timer_node nodes[NODES] = {0};
        timer_heap_init(&heap);
        for (int i = 0; i < 2000; i++) {
            uint64_t draw = next_random(&seed);
            struct timer_node *node = &nodes[draw % NODES];
            if (draw >> 32 & 3)
                assert_int_equal(timer_heap_set(&heap, node, (int64_t)(draw >> 40 & 1023) - 512), 0);
            else
                timer_heap_clear(&heap, node);
            check_against_array(&heap, nodes);
        }
        timer_heap_finish(&heap);
    }
}

static void
test_comes_out_in_order(void **state)
{
    (void)state;
    uint64_t seed = 42;
    struct timer_heap heap;
    struct timer_node nodes[NODES] = {0};
    timer_heap_init(&heap);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(timer_heap_set(&heap, &nodes[i], (int64_t)(next_random(&seed) % 1000)), 0);
    int64_t before = INT64_MIN;
    for (size_t i = 0; i < NODES; i++) {
        struct timer_node *first = timer_heap_first(&heap);
        assert_true(first->due_ms >= before);
        before = first->due_ms;
        timer_heap_clear(&heap, first);
        assert_int_equal(first->place, 0);
    }
    assert_null(timer_heap_first(&heap));
    timer_heap_finish(&heap);
}

static void
test_clear_is_harmless_twice(void **state)
{
    (void)state;
    struct timer_heap heap;
    struct timer_node node = {0};
    timer_heap_init(&heap);
    timer_heap_clear(&heap, &node);
    assert_int_equal(timer_heap_set(&heap, &node, INT64_MAX), 0);
    assert_int_equal(timer_heap_set(&heap, &node, INT64_MIN), 0);
    assert_int_equal(heap.count, 1);
    timer_heap_clear(&heap, &node);
    timer_heap_clear(&heap, &node);
    assert_null(timer_heap_first(&heap));
    timer_heap_finish(&heap);
}

static void
test_finish_forgets_nodes(void **state)
{
    (void)state;
    struct timer_heap heap;
    struct timer_node node = {0};
    timer_heap_init(&heap);
    assert_int_equal(timer_heap_set(&heap, &node, 5), 0);
    timer_heap_finish(&heap);
    assert_int_equal(node.place, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_comes_out_in_order),
        cmocka_unit_test(test_clear_is_harmless_twice),
        cmocka_unit_test(test_finish_forgets_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
