/* The world simulator: plays worlds seed after seed and says which failed. See README.md.
 *
 *   sim [--seed S] [--worlds N | --seconds N] [--trace] [--corpus FILE]
 *
 * A failing seed is made smaller, and its timeline printed. Exit code 1 if a world failed. */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct plan {
    uint64_t seed, worlds;
    int64_t seconds;
    bool trace, quiet;
    const char *corpus;
};

static int64_t
read_clock_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
tell_failure(struct sim *sim, const struct settings *drawn)
{
    struct settings settings = *drawn;
    struct tally tally = {0};
    printf("FAILED seed %" PRIu64 ": %s\n", drawn->seed, sim->failure);
    fflush(stdout);
    sim_shrink(sim, &settings);
    printf("the smallest world that still fails so:\n");
    settings_print(&settings, stdout);
    (void)sim_play(sim, &settings, &tally, stdout);
    printf("%s\n", sim->failure);
    fflush(stdout);
}

static bool
play_seed(struct sim *sim, uint64_t seed, const struct plan *plan, struct tally *tally)
{
    struct settings settings;
    settings_draw(&settings, seed);
    if (plan->trace)
        settings_print(&settings, stdout);
    if (sim_play(sim, &settings, tally, plan->trace ? stdout : NULL) == 0)
        return true;
    if (plan->quiet)
        printf("FAILED seed %" PRIu64 ": %s\n", seed, sim->failure);
    else
        tell_failure(sim, &settings);
    return false;
}

/* Every seed that ever failed, one a line; `#` begins a comment. */
static uint64_t
play_corpus(struct sim *sim, const struct plan *plan, struct tally *tally, uint64_t *failed)
{
    char line[256];
    uint64_t played = 0;
    FILE *file = fopen(plan->corpus, "r");
    if (file == NULL) {
        perror(plan->corpus);
        exit(100);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end == line)
            continue;
        *failed += !play_seed(sim, seed, plan, tally);
        played++;
    }
    (void)fclose(file);
    return played;
}

static void
report(const struct tally *tally, uint64_t failed, int64_t ms)
{
    double minutes = (double)(ms > 0 ? ms : 1) / 60000;
    printf("%" PRIu64 " worlds, %" PRIu64 " updates, %" PRIu64 " exchanges at gateways, %" PRIu64
           " steps, %" PRIu64 " gateways killed: %" PRIu64 " failed\n",
           tally->worlds, tally->updates, tally->exchanges, tally->steps, tally->restarts, failed);
    printf("%.1f s: %.0f updates and %.0f exchanges a minute\n", (double)ms / 1000,
           (double)tally->updates / minutes, (double)tally->exchanges / minutes);
    for (int state = STATE_NONE; state < STATE_COUNT; state++)
        if (tally->endings[state] != 0)
            printf("  %s: %" PRIu64 "\n",
                   state == STATE_NONE ? "never taken" : exchange_state_name((enum exchange_state)state),
                   tally->endings[state]);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        printf("  %s: %" PRIu64 "\n", fault_names[fault], tally->faults[fault]);
}

static uint64_t
to_number(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (end == text || *end != '\0') {
        fprintf(stderr, "not a number: %s\n", text);
        exit(100);
    }
    return number;
}

static void
read_options(int argc, char **argv, struct plan *plan)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"worlds", required_argument, NULL, 'w'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"trace", no_argument, NULL, 'v'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"corpus", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            plan->seed = to_number(optarg);
            break;
        case 'w':
            plan->worlds = to_number(optarg);
            break;
        case 't':
            plan->seconds = (int64_t)to_number(optarg);
            break;
        case 'v':
            plan->trace = true;
            break;
        case 'q':
            plan->quiet = true;
            break;
        case 'c':
            plan->corpus = optarg;
            break;
        default:
            fprintf(stderr,
                    "usage: sim [--seed S] [--worlds N | --seconds N] [--trace] [--quiet] [--corpus FILE]\n");
            exit(100);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct sim sim;
    struct plan plan = {.seed = 1, .worlds = 1000};
    struct tally tally = {0};
    struct fep_error error = {0};
    uint64_t failed = 0;
    char path[512];
    const char *source = getenv("FEP_SOURCE");
    read_options(argc, argv, &plan);
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source != NULL ? source : ".");
    struct transaction_table *transactions = transaction_table_load(path, NULL, NULL, &error);
    if (transactions == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return 100;
    }
    sim.transactions = transactions;
    int64_t begin_ms = read_clock_ms();
    if (plan.corpus != NULL)
        (void)play_corpus(&sim, &plan, &tally, &failed);
    for (uint64_t seed = plan.seed;
         plan.seconds > 0 ? read_clock_ms() - begin_ms < plan.seconds * 1000 : seed < plan.seed + plan.worlds;
         seed++)
        failed += !play_seed(&sim, seed, &plan, &tally);
    report(&tally, failed, read_clock_ms() - begin_ms);
    sim_release(&sim);
    transaction_table_destroy(transactions);
    return failed != 0;
}
