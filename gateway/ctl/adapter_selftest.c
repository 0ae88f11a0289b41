/* fepctl adapter selftest: what can be found out about a module without its local system. Prints TAP, one
 * line per item. Opens and closes the module in a child process with the adapter host's own services but
 * never starts it, so no connection is made; a module that crashes there is a failed item, not a failed
 * fepctl. The behaviour towards a local system is the business of the conformance kit. */
#include "ctl_adapter.h"

#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "host.h"
#include "mapping_file.h"
#include "module.h"
#include "options.h"

enum { ROUNDS = 50, WARM_UP = 5, GROWTH_BYTES = 16384 };

struct selftest {
    struct ctl *ctl;
    const struct fep_adapter *adapter;
    const char *path;
    struct mapping *mapping;
    struct fep_config *config;
    int number, failed;
};

static void __attribute__((format(printf, 4, 5)))
item(struct selftest *test, bool good, const char *name, const char *format, ...)
{
    va_list args;
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++test->number, name);
    if (good)
        return;
    test->failed++;
    fputs("# ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void
skip(struct selftest *test, const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++test->number, name, why);
}

/* --- the descriptor ------------------------------------------------------------------------------ */

static void
check_refused(struct selftest *test, const struct fep_adapter *changed, const char *name)
{
    struct fep_error error = {0};
    item(test, module_check(changed, test->path, &error) < 0, name, "the host would take it");
}

static void
check_versions(struct selftest *test)
{
    struct fep_adapter changed = *test->adapter;
    changed.magic ^= 1;
    check_refused(test, &changed, "refused with another magic number");
    changed = *test->adapter;
    changed.abi_major++;
    check_refused(test, &changed, "refused with a newer major version");
    changed.abi_major = (uint16_t)(test->adapter->abi_major - 1);
    check_refused(test, &changed, "refused with an older major version");
    changed = *test->adapter;
    changed.abi_minor = FEP_ABI_MINOR + 1;
    check_refused(test, &changed, "refused with a newer minor version than the host's");
    changed = *test->adapter;
    changed.size = sizeof changed - 1;
    check_refused(test, &changed, "refused with a descriptor that is too short");
    struct fep_adapter_ops ops = *test->adapter->ops;
    changed = *test->adapter;
    changed.ops = &ops;
    ops.cancel = NULL;
    check_refused(test, &changed, "refused without the operation cancel");
}

/* NULL, or what is wrong with the entry. */
static const char *
find_fault(const struct fep_option *table, const struct fep_option *option)
{
    for (const struct fep_option *other = table; other < option; other++) {
        if (strcmp(other->name, option->name) == 0)
            return "the name is there twice";
    }
    if (strcmp(adapter_type_name(option->type), "?") == 0)
        return "the type is not known";
    if (option->help_zh == NULL || option->help_zh[0] == '\0' || option->help_en == NULL ||
        option->help_en[0] == '\0')
        return "a help text is missing";
    if (option->minimum > option->maximum)
        return "the range is empty";
    if ((option->flags & FEP_OPTION_REQUIRED) != 0 && option->def != NULL)
        return "required, and has a default";
    return option->type == FEP_SECRET_FILE && option->def != NULL ? "a secret has a default" : NULL;
}

static void
take_line(void *arg, const char *line)
{
    char *first = arg;
    if (first[0] == '\0')
        snprintf(first, 256, "%s", line);
}

/* Every default must pass the check that a given value has to pass. */
static void
check_defaults(struct selftest *test)
{
    char first[256] = "";
    struct fep_error error = {0};
    for (const struct fep_option *option = test->adapter->options; option != NULL && option->name != NULL;
         option++) {
        struct fep_option only[2] = {*option, {.name = NULL}};
        only[0].flags &= ~(uint32_t)FEP_OPTION_REQUIRED;
        options_destroy(options_check(only, NULL, 0, test->adapter->name, take_line, first, &error));
    }
    item(test, first[0] == '\0', "every default is a value the option may have", "%s", first);
}

static void
check_table(struct selftest *test)
{
    const struct fep_option *wrong = NULL;
    const char *fault = NULL;
    for (const struct fep_option *option = test->adapter->options;
         option != NULL && option->name != NULL && fault == NULL; option++) {
        fault = find_fault(test->adapter->options, option);
        wrong = option;
    }
    item(test, fault == NULL, "the option table is well made", "%s: %s", wrong != NULL ? wrong->name : "",
         fault);
    check_defaults(test);
    struct fep_error error = {0};
    struct given_option unknown = {.name = "no_such_option", .value = "1", .file = "selftest", .line = 1};
    struct fep_config *config =
        options_check(test->adapter->options, &unknown, 1, test->adapter->name, NULL, NULL, &error);
    item(test, config == NULL, "an unknown option is refused", "it was taken");
    options_destroy(config);
}

/* --- options as given ---------------------------------------------------------------------------- */

static void
print_problem(void *arg, const char *line)
{
    (void)arg;
    printf("# %s\n", line);
}

/* `--set NAME=VALUE` for what has no default; files start in the current directory. */
static int
take_options(struct selftest *test)
{
    struct given_option given[CTL_SETTINGS];
    char names[CTL_SETTINGS][64];
    struct fep_error error = {0};
    for (size_t i = 0; i < test->ctl->setting_count; i++) {
        const char *text = test->ctl->settings[i], *equals = strchr(text, '=');
        if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof names[i]) {
            error_set(&error, 0, FEP_E_USAGE, "--set %.60s: NAME=VALUE expected", text);
            return ctl_fail(test->ctl, &error, CTL_MISUSED);
        }
        snprintf(names[i], sizeof names[i], "%.*s", (int)(equals - text), text);
        given[i] =
            (struct given_option){.name = names[i], .value = equals + 1, .file = "--set", .line = (int)i + 1};
    }
    test->config = options_check(test->adapter->options, given, test->ctl->setting_count, test->adapter->name,
                                 print_problem, NULL, &error);
    return CTL_GOOD;
}

/* --- the mapping --------------------------------------------------------------------------------- */

static void
check_charset(struct selftest *test)
{
    /* Names that code pages disagree about: the dot, characters whose second byte is a separator, a dash. */
    static const char sample[] = "吐尔逊·测试 陈珅 玘 — ABC^|$ 123";
    unsigned char wire[256];
    char back[256];
    struct fep_error error = {0};
    int size = mapping_encode_text(test->mapping, sample, sizeof sample - 1, wire, sizeof wire, &error);
    int again =
        size < 0 ? -1
                 : mapping_decode_text(test->mapping, wire, (size_t)size, false, back, sizeof back, &error);
    item(test, again == (int)sizeof sample - 1 && memcmp(back, sample, sizeof sample - 1) == 0,
         "names come back from the mapping's charset as they went", "%s",
         error.text[0] != '\0' ? error.text : "they came back otherwise");
    static const unsigned char broken[] = {'A', 0xFF, 'B'};
    error = (struct fep_error){0};
    item(test,
         mapping_decode_text(test->mapping, broken, sizeof broken, false, back, sizeof back, &error) < 0,
         "a byte that is no character is refused", "it was taken");
    item(test,
         mapping_decode_text(test->mapping, broken, sizeof broken, true, back, sizeof back, &error) == 5,
         "the same byte becomes U+FFFD where free text may hold it", "it did not");
}

static void
check_mapping(struct selftest *test)
{
    struct fep_error error = {0};
    if (test->ctl->mapping == NULL)
        return;
    test->mapping = mapping_file_load(test->ctl->mapping, test->ctl->base, NULL, print_problem, NULL, &error);
    item(test, test->mapping != NULL, "the mapping file is read", "%s", error.text);
    if (test->mapping == NULL)
        return;
    item(test, strcmp(mapping_family(test->mapping), test->adapter->name) == 0,
         "the mapping is for this module's family", "it is for %s", mapping_family(test->mapping));
    check_charset(test);
}

/* --- open and close ------------------------------------------------------------------------------ */

static size_t
count_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* The host without its router: what a module may use while it opens and closes. */
static int
open_once(const struct selftest *test, struct host *host, struct fep_error *error)
{
    memset(host, 0, sizeof *host);
    host->adapter = test->adapter;
    host->config = test->config;
    host->mapping = test->mapping;
    host->exit_code = -1;
    host->signal_fd = -1;
    snprintf(host->settings.instance, sizeof host->settings.instance, "selftest");
    snprintf(host->settings.node, sizeof host->settings.node, "GW0000000000");
    host->settings.window = 16;
    if (loop_init(&host->loop, &clock_system, error) < 0)
        return -1;
    host->started_ms = loop_now(&host->loop);
    calls_init(host);
    requests_init(host);
    services_init(host);
    int status = host->adapter->ops->open(&host->services, host->config, &host->self, error);
    if (status == 0)
        host->adapter->ops->close(host->self);
    requests_finish(host);
    calls_finish(host);
    loop_finish(&host->loop);
    return status;
}

/* In the child. Exit codes: 0 good, 1 does not open, 2 keeps descriptors, 3 keeps memory. */
static int
open_many_times(const struct selftest *test)
{
    static struct host host;
    struct fep_error error = {0};
    size_t memory = 0, descriptors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (open_once(test, &host, &error) < 0) {
            printf("# round %d: %s\n", round + 1, error.text);
            return 1;
        }
        if (round == WARM_UP) {
            memory = mallinfo2().uordblks;
            descriptors = count_descriptors();
        }
    }
    if (count_descriptors() > descriptors)
        return 2;
    return mallinfo2().uordblks > memory + GROWTH_BYTES ? 3 : 0;
}

static void
check_open(struct selftest *test)
{
    static const char name[] = "opens and closes fifty times and keeps nothing";
    static const char *const why[] = {"", "it does not open", "file descriptors stay open",
                                      "memory grows with every round"};
    if (test->config == NULL) {
        skip(test, name, "give the options named above with --set NAME=VALUE");
        return;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = open_many_times(test);
        fflush(stdout);
        _exit(code);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        item(test, false, name, "no child process");
        return;
    }
    if (WIFSIGNALED(status))
        item(test, false, name, "ended by signal %d", WTERMSIG(status));
    else
        item(test, WEXITSTATUS(status) == 0, name, "%s",
             WEXITSTATUS(status) <= 3 ? why[WEXITSTATUS(status)] : "ended by itself");
}

int
ctl_adapter_selftest(struct ctl *ctl)
{
    char path[CONF_PATH];
    struct selftest test = {.ctl = ctl, .path = path};
    test.adapter = adapter_load(ctl, ctl->words[0], path);
    if (test.adapter == NULL)
        return CTL_BAD;
    printf("# %s %s, %s\n", test.adapter->name, test.adapter->version != NULL ? test.adapter->version : "?",
           path);
    item(&test, true, "the module loads and its descriptor is in order", " ");
    check_versions(&test);
    check_table(&test);
    check_mapping(&test);
    int exit_code = take_options(&test);
    if (exit_code == CTL_GOOD) {
        check_open(&test);
        printf("1..%d\n", test.number);
        exit_code = test.failed == 0 ? CTL_GOOD : CTL_BAD;
    }
    options_destroy(test.config);
    mapping_destroy(test.mapping);
    return exit_code;
}
