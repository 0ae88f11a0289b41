/* Breaks one rule after the other and plays worlds until the simulator notices. A checker that can not fail
 * proves nothing.
 *
 *   mutations [--worlds N] [NAME ...]     at most N worlds each (20000)
 *
 * Exit code 1 if a broken rule was not noticed. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutation.h"

enum core_mutation core_mutation;

static const struct {
    const char *name, *rule, *what;
} mutations[MUTATION_COUNT] = {
#define NAME(name, rule, what) [MUTATION_##name] = {#name, rule, what},
    CORE_MUTATIONS(NAME)
#undef NAME
};

static bool
is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 0;
}

/* Returns the number of worlds it took, 0 if it was not noticed. */
static uint64_t
find_failure(struct sim *sim, enum core_mutation mutation, uint64_t worlds)
{
    struct tally tally = {0};
    core_mutation = mutation;
    for (uint64_t seed = 1; seed <= worlds; seed++) {
        struct settings settings;
        settings_draw(&settings, seed, false);
        if (sim_play(sim, &settings, &tally, NULL) != 0)
            return seed;
    }
    return 0;
}

/* In a process of its own: some broken rules run into the core's own assertions, which is notice enough. */
static bool
is_noticed(struct sim *sim, enum core_mutation mutation, uint64_t worlds, unsigned number)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(100);
        uint64_t seed = find_failure(sim, mutation, worlds);
        if (seed != 0)
            printf("# noticed at seed %" PRIu64 ": %s\n", seed, sim->failure);
        fflush(stdout);
        _exit(seed != 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("mutations");
        exit(100);
    }
    if (WIFSIGNALED(status))
        printf("# noticed by an assertion of the core itself\n");
    bool noticed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
    printf("%sok %u - %s: %s (rule %s)\n", noticed ? "" : "not ", number, mutations[mutation].name,
           mutations[mutation].what, mutations[mutation].rule);
    return noticed;
}

int
main(int argc, char **argv)
{
    static struct sim sim;
    struct fep_error error = {0};
    char path[512];
    const char *source = getenv("FEP_SOURCE");
    uint64_t worlds = 20000;
    unsigned number = 0, missed = 0;
    if (argc > 2 && strcmp(argv[1], "--worlds") == 0) {
        worlds = strtoull(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source != NULL ? source : ".");
    struct transaction_table *transactions = transaction_table_load(path, NULL, NULL, &error);
    if (transactions == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return 100;
    }
    sim.transactions = transactions;
    sim.mode = MODE_BOTH;
    for (int mutation = 1; mutation < MUTATION_COUNT; mutation++) {
        if (!is_wanted(mutations[mutation].name, argc - 1, argv + 1))
            continue;
        missed += !is_noticed(&sim, (enum core_mutation)mutation, worlds, ++number);
        fflush(stdout);
    }
    printf("1..%u\n", number);
    sim_release(&sim);
    transaction_table_destroy(transactions);
    return missed != 0;
}
