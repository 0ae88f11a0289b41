/* The world simulator: plays worlds seed after seed and says which failed. See README.md.
 *
 *   sim [--seed S] [--worlds N | --seconds N] [--store memory|sqlite] [--mode safety|liveness|both]
 *       [--restores N] [--trace] [--quiet] [--corpus FILE]
 *
 * A failing seed is made smaller, and its timeline printed. The last line is for test/report. Exit code 1 if
 * a world failed. */
#include "sim.h"

#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coop.h"

struct plan {
    uint64_t seed, worlds;
    int64_t seconds;
    bool trace, quiet;
    const char *corpus;
    enum sim_mode mode;
    bool real_store;
};

static volatile sig_atomic_t stopped; /* SIGTERM or SIGINT: after this world, with a report */
static char directory[64];            /* of the real stores' names and locks; removed at the end */

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

/* `word`: what the corpus says of the seed; NULL outside of it. */
static bool
play_seed(struct sim *sim, uint64_t seed, const char *word, const struct plan *plan, struct tally *tally)
{
    struct settings settings;
    settings_draw(&settings, seed, word != NULL && strncmp(word, " first", 6) == 0);
    if (word != NULL && strncmp(word, " hand", 5) != 0)
        settings.strength[FAULT_BY_HAND] = 0;
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

/* Every seed that ever failed, one a line, `first` behind it for the first kinds of faults only, `hand` for
 * one in which people settle something; `#` begins a comment. */
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
        *failed += !play_seed(sim, seed, end, plan, tally);
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
        if (fault_names[fault] != NULL)
            printf("  %s: %" PRIu64 "\n", fault_names[fault], tally->faults[fault]);
    printf("  write under way lost or torn: %" PRIu64 "\n", tally->torn);
    printf("  message overtook another: %" PRIu64 "\n", tally->reordered);
    printf("  caller heard nothing for too long: %" PRIu64 "\n", tally->inquired);
}

/* For test/report: blanks stand between, so there are none in a name. */
static void
print_fault(const char *name, uint64_t count)
{
    char word[80];
    snprintf(word, sizeof word, "%s", name);
    for (char *at = word; *at != '\0'; at++)
        *at = *at == ' ' ? '_' : *at;
    printf(" fault.%s=%" PRIu64, word, count);
}

static void
summarize(const struct plan *plan, const struct tally *tally, uint64_t failed, int64_t ms)
{
    static const char *const modes[] = {"", "safety", "liveness", "both"};
    printf("summary what=sim store=%s mode=%s seed=%" PRIu64 " seconds=%.1f worlds=%" PRIu64
           " updates=%" PRIu64 " exchanges=%" PRIu64 " steps=%" PRIu64 " failed=%" PRIu64,
           plan->real_store ? "sqlite" : "memory", modes[plan->mode], plan->seed, (double)ms / 1000,
           tally->worlds, tally->updates, tally->exchanges, tally->steps, failed);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (fault_names[fault] != NULL)
            print_fault(fault_names[fault], tally->faults[fault]);
    print_fault("write lost or torn", tally->torn);
    print_fault("message reordered", tally->reordered);
    print_fault("caller gave up waiting", tally->inquired);
    putchar('\n');
}

static void
stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
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

static int
choose(const char *text, const char *first, const char *second, const char *third)
{
    const char *const names[] = {first, second, third};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    fprintf(stderr, "not one of the choices: %s\n", text);
    exit(100);
}

static void
leave_directory(void)
{
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The real stores keep names, locks and ballast in a real directory, in memory. */
static void
prepare_stores(const char *source)
{
    char schema[512];
    snprintf(directory, sizeof directory, "%s/fep-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    snprintf(schema, sizeof schema, "%s/schema", source);
    if (mkdtemp(directory) == NULL || real_prepare(directory, schema) != 0) {
        perror(directory);
        exit(111);
    }
    (void)atexit(leave_directory);
}

static void
read_options(int argc, char **argv, struct plan *plan)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},     {"worlds", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 't'},  {"trace", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},          {"corpus", required_argument, NULL, 'c'},
        {"store", required_argument, NULL, 'd'},    {"mode", required_argument, NULL, 'm'},
        {"restores", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
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
        case 'd':
            plan->real_store = choose(optarg, "memory", "sqlite", "sqlite") != 0;
            break;
        case 'r':
            settings_restores = (unsigned)to_number(optarg);
            break;
        case 'm':
            plan->mode = (enum sim_mode)(choose(optarg, "safety", "liveness", "both") + 1);
            break;
        default:
            fprintf(stderr, "usage: sim [--seed S] [--worlds N | --seconds N] [--store memory|sqlite]\n"
                            "           [--mode safety|liveness|both] [--restores N] [--trace] [--quiet] "
                            "[--corpus FILE]\n");
            exit(100);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct sim sim;
    struct plan plan = {.seed = 1, .worlds = 1000, .mode = MODE_BOTH};
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
    sim.mode = plan.mode;
    sim.real_store = plan.real_store;
    if (plan.real_store)
        prepare_stores(source != NULL ? source : ".");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    int64_t begin_ms = coop_real_ms();
    if (plan.corpus != NULL)
        (void)play_corpus(&sim, &plan, &tally, &failed);
    for (uint64_t seed = plan.seed;
         !stopped && (plan.seconds > 0 ? coop_real_ms() - begin_ms < plan.seconds * 1000
                                       : seed < plan.seed + plan.worlds);
         seed++)
        failed += !play_seed(&sim, seed, NULL, &plan, &tally);
    int64_t ms = coop_real_ms() - begin_ms;
    report(&tally, failed, ms);
    summarize(&plan, &tally, failed, ms);
    sim_release(&sim);
    real_finish();
    transaction_table_destroy(transactions);
    return failed != 0;
}
