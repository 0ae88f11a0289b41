/* A thousand random lives of a few updates through three gateways. FEP_SEED plays one seed with its timeline;
 * FEP_RUNS plays another number of them. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>

static void
plays_a_thousand_seeds(void **state)
{
    (void)state;
    static struct world world;
    const char *given = getenv("FEP_SEED"), *runs = getenv("FEP_RUNS");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    uint64_t count = given != NULL ? 1 : runs != NULL ? strtoull(runs, NULL, 10) : 1000;
    uint64_t steps = 0, failures = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (world_play(seed, given != NULL, &world) != 0) {
            printf("# FEP_SEED=%" PRIu64 ": %s\n", seed, world.failure);
            failures++;
        }
        steps += world.steps;
    }
    printf("# %" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " failed\n", count, steps, failures);
    fflush(stdout);
    assert_int_equal(failures, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plays_a_thousand_seeds)};
    return cmocka_run_group_tests_name("core random", tests, NULL, NULL);
}
