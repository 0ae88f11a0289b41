/* Breaks one rule after the other and says whether that is noticed where the table (gateway/base/mutation.h)
 * says it must be: in worlds of the simulator, or by a unit test's program that was built with the same
 * table. A checker that can not fail proves nothing. A world counts only if it is good with the rule whole.
 *
 *   mutations [--worlds N] [--seeds FILE] [--remember] [--memory] [--without-units] [NAME ...]
 *
 * The seeds that noticed before are in FILE and are played first; else at most N worlds each (20000; a
 * fortieth with the real store). --remember writes FILE anew. --memory leaves the real store out, for the
 * sanitizers; --without-units the unit tests, where they can not be built. TAP: a line for each broken rule,
 * and one for each rule of the hop protocol: at least one breach of it is noticed. The last line is for
 * test/report. Exit code 1 if something was not noticed. */
#include "sim.h"

#include <ftw.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coop.h"
#include "mutation.h"

enum { WORLDS = 20000, DEARER = 40, RULES = 26, BASELINE = 1, NOTICED = 2, ENDED = 0 };

enum core_mutation core_mutation;

static const struct {
    const char *name;
    unsigned number;
    const char *rule, *place, *what;
} mutations[MUTATION_COUNT] = {
#define NAME(name, number, rule, place, what) [MUTATION_##name] = {#name, number, rule, place, what},
    CORE_MUTATIONS(NAME)
#undef NAME
};

struct finding { /* shared with the process that plays */
    uint64_t seed;
    char text[320];
};

static struct sim sim;
static struct finding *finding;
static uint64_t remembered[MUTATION_COUNT];
static uint64_t worlds = WORLDS;
static const char *seeds_path;
static bool remember, memory_only, without_units;
static char programs[PATH_MAX]; /* where the unit tests' programs are: beside this one */
static char schema[512];

static bool
is_at(enum core_mutation mutation, const char *place)
{
    return strcmp(mutations[mutation].place, place) == 0;
}

static bool
is_played(enum core_mutation mutation)
{
    return is_at(mutation, IN_WORLDS) || is_at(mutation, IN_SQLITE) || is_at(mutation, IN_RESTORES);
}

/* --- worlds --- */

static bool
fails(enum core_mutation mutation, uint64_t seed)
{
    struct tally tally = {0};
    struct settings settings;
    core_mutation = mutation;
    settings_draw(&settings, seed, false);
    finding->seed = seed;
    finding->text[0] = '\0';
    bool failed = sim_play(&sim, &settings, &tally, NULL) != 0;
    snprintf(finding->text, sizeof finding->text, "%s", sim.failure);
    return failed;
}

/* The first of these worlds that fails with the rule broken and not with the rule whole. */
static int
search(enum core_mutation mutation, uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        char text[sizeof finding->text];
        if (!fails(mutation, seed))
            continue;
        memcpy(text, finding->text, sizeof text);
        if (fails(MUTATION_NONE, seed))
            continue;
        memcpy(finding->text, text, sizeof text);
        return NOTICED;
    }
    return ENDED;
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* In a process of its own, with a directory of its own for the real stores' names and locks: some broken
 * rules run into the core's own assertions, which is notice enough. Returns the exit code, or -1 if a signal
 * ended it. */
static int
in_process(enum core_mutation mutation, uint64_t first, uint64_t count)
{
    char directory[64];
    int status;
    snprintf(directory, sizeof directory, "%s/fep-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        exit(100);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(100);
        if (sim.real_store && real_prepare(directory, schema) != 0)
            _exit(100);
        _exit(mutation == MUTATION_NONE ? (fails(mutation, first) ? BASELINE : ENDED)
                                        : search(mutation, first, count));
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("mutations");
        exit(100);
    }
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 100)
        exit(100);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
is_noticed_in(enum core_mutation mutation, uint64_t first, uint64_t count)
{
    int code = in_process(mutation, first, count);
    if (code >= 0)
        return code == NOTICED;
    bool good = in_process(MUTATION_NONE, finding->seed, 1) == ENDED;
    snprintf(finding->text, sizeof finding->text, "an assertion of the core itself");
    return good;
}

static bool
is_noticed_in_worlds(enum core_mutation mutation)
{
    uint64_t before = remembered[mutation], count = worlds;
    settings_restores = is_at(mutation, IN_RESTORES) ? 1 : 0;
    sim.real_store = is_at(mutation, IN_SQLITE);
    if (sim.real_store)
        count = worlds / DEARER + 1;
    if (before != 0 && is_noticed_in(mutation, before, 1))
        return true;
    if (before != 0)
        printf("# world %" PRIu64 " does not show it any more\n", before);
    return is_noticed_in(mutation, 1, count);
}

/* --- programs of unit tests --- */

/* The exit code, and the first case that failed. */
static int
run_program(const char *program, const char *mutation)
{
    char command[PATH_MAX * 2], line[256], name[200];
    snprintf(command, sizeof command, "%s%s CMOCKA_MESSAGE_OUTPUT=TAP exec '%s/%s' 2>/dev/null",
             mutation != NULL ? "FEP_MUTATION=" : "", mutation != NULL ? mutation : "", programs, program);
    finding->text[0] = '\0';
    fflush(stdout);
    FILE *output = popen(command, "r");
    if (output == NULL)
        return -1;
    while (fgets(line, sizeof line, output) != NULL)
        if (finding->text[0] == '\0' && sscanf(line, "not ok %*d - %199[^\n]", name) == 1)
            snprintf(finding->text, sizeof finding->text, "%s: %s", program, name);
    int status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Only a case that failed counts, in a program whose cases are all good with the rule whole. */
static bool
is_noticed_by_unit(enum core_mutation mutation)
{
    const char *program = mutations[mutation].place;
    if (run_program(program, NULL) != 0) {
        printf("# %s fails with every rule whole\n", program);
        return false;
    }
    return run_program(program, mutations[mutation].name) != 0 && finding->text[0] != '\0';
}

/* --- all of them --- */

static void
read_seeds(void)
{
    char line[256], name[64];
    uint64_t seed;
    FILE *file = seeds_path != NULL ? fopen(seeds_path, "r") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (int mutation = 1; mutation < MUTATION_COUNT; mutation++)
            if (sscanf(line, "%63s %" SCNu64, name, &seed) == 2 &&
                strcmp(name, mutations[mutation].name) == 0)
                remembered[mutation] = seed;
    if (file != NULL)
        (void)fclose(file);
}

static void
write_seeds(void)
{
    FILE *file = fopen(seeds_path, "w");
    if (file == NULL) {
        perror(seeds_path);
        exit(100);
    }
    fprintf(file, "# The world that notices each broken rule first (mutations --remember).\n");
    for (int mutation = 1; mutation < MUTATION_COUNT; mutation++)
        if (remembered[mutation] != 0)
            fprintf(file, "%s %" PRIu64 "\n", mutations[mutation].name, remembered[mutation]);
    if (fclose(file) != 0) {
        perror(seeds_path);
        exit(100);
    }
}

enum verdict { MISSED, CAUGHT, SKIPPED };

static enum verdict
judge(enum core_mutation mutation, unsigned number)
{
    char title[400];
    snprintf(title, sizeof title, "%s: %s (rule %u %s)", mutations[mutation].name, mutations[mutation].what,
             mutations[mutation].number, mutations[mutation].rule);
    if ((memory_only && is_at(mutation, IN_SQLITE)) || (without_units && !is_played(mutation))) {
        printf("ok %u - %s # SKIP %s is not in this build\n", number, title, mutations[mutation].place);
        return SKIPPED;
    }
    bool played = is_played(mutation);
    bool noticed = played ? is_noticed_in_worlds(mutation) : is_noticed_by_unit(mutation);
    if (noticed && played) {
        printf("# world %" PRIu64 ": %s\n", finding->seed, finding->text);
        remembered[mutation] = finding->seed;
    } else if (noticed) {
        printf("# %s\n", finding->text);
    }
    printf("%sok %u - %s\n", noticed ? "" : "not ", number, title);
    fflush(stdout);
    return noticed ? CAUGHT : MISSED;
}

/* Each rule of the hop protocol must have a breach that is noticed. */
static unsigned
judge_rules(const enum verdict verdicts[MUTATION_COUNT], unsigned number)
{
    unsigned missed = 0;
    for (unsigned rule = 1; rule <= RULES; rule++) {
        unsigned caught = 0, skipped = 0;
        const char *name = "not broken by any of them";
        for (int mutation = 1; mutation < MUTATION_COUNT; mutation++)
            if (mutations[mutation].number == rule) {
                name = mutations[mutation].rule;
                caught += verdicts[mutation] == CAUGHT;
                skipped += verdicts[mutation] == SKIPPED;
            }
        printf("%sok %u - rule %u %s: %u breaches noticed%s\n", caught + skipped > 0 ? "" : "not ",
               number + rule, rule, name, caught,
               caught == 0 && skipped > 0 ? " # SKIP not in this build" : "");
        missed += caught + skipped == 0;
    }
    return missed;
}

static void
prepare(const char *source, const char *self)
{
    struct fep_error error = {0};
    char path[512], own[PATH_MAX];
    snprintf(own, sizeof own, "%s", self);
    snprintf(programs, sizeof programs, "%s", dirname(own));
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source);
    sim.transactions = transaction_table_load(path, NULL, NULL, &error);
    if (sim.transactions == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        exit(100);
    }
    sim.mode = MODE_BOTH;
    finding = mmap(NULL, sizeof *finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(schema, sizeof schema, "%s/schema", source);
    if (finding == MAP_FAILED) {
        perror("mutations");
        exit(111);
    }
}

static bool
is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 0;
}

/* Returns how many arguments it took. */
static int
read_options(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--remember") == 0) {
            remember = true;
        } else if (strcmp(argv[at], "--memory") == 0) {
            memory_only = true;
        } else if (strcmp(argv[at], "--without-units") == 0) {
            without_units = true;
        } else if (strcmp(argv[at], "--worlds") == 0 && at + 1 < argc) {
            worlds = strtoull(argv[++at], NULL, 10);
        } else if (strcmp(argv[at], "--seeds") == 0 && at + 1 < argc) {
            seeds_path = argv[++at];
        } else {
            fprintf(stderr,
                    "usage: mutations [--worlds N] [--seeds FILE] [--remember] [--memory] [--without-units] "
                    "[NAME ...]\n");
            exit(100);
        }
    }
    return at;
}

int
main(int argc, char **argv)
{
    static enum verdict verdicts[MUTATION_COUNT];
    unsigned number = 0, count[SKIPPED + 1] = {0}, rules_missed = 0;
    const char *source = getenv("FEP_SOURCE");
    int64_t begin_ms = coop_real_ms();
    int first = read_options(argc, argv);
    prepare(source != NULL ? source : ".", argv[0]);
    read_seeds();
    for (int mutation = 1; mutation < MUTATION_COUNT; mutation++) {
        if (!is_wanted(mutations[mutation].name, argc - first, argv + first))
            continue;
        verdicts[mutation] = judge((enum core_mutation)mutation, ++number);
        count[verdicts[mutation]]++;
    }
    if (first == argc) {
        rules_missed = judge_rules(verdicts, number);
        number += RULES;
    }
    if (remember && seeds_path != NULL)
        write_seeds();
    printf("1..%u\n", number);
    printf("# summary what=mutations mutations=%u caught=%u seconds=%.1f\n", count[CAUGHT] + count[MISSED],
           count[CAUGHT], (double)(coop_real_ms() - begin_ms) / 1000);
    sim_release(&sim);
    return count[MISSED] + rules_missed != 0;
}
