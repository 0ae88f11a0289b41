/* fepd: keeper or router of one gateway. */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "error.h"
#include "keeper.h"
#include "log.h"
#include "router.h"

#ifdef FEP_MUTATIONS
#error                                                                                                       \
    "rules of the hop protocol can be broken in this build, which is for tests alone (gateway/base/mutation.h)"
#endif

static void
print_line(void *arg, const char *line)
{
    fprintf(arg, "%s\n", line);
}

static int
usage(FILE *out)
{
    fputs("usage: fepd --config FILE            run the gateway (keeper, router and adapter hosts)\n"
          "       fepd --config FILE --check    read the configuration, say what is wrong, and end\n"
          "       fepd --version\n",
          out);
    return out == stdout ? 0 : EXIT_MISUSED;
}

/* The host program stands beside this one unless FEP_LIBEXEC says otherwise (a build tree). */
static int
find_programs(char own[PATH_MAX], char host[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", own, PATH_MAX - 1);
    if (size <= 0)
        return -1;
    own[size] = '\0';
    const char *slash = strrchr(own, '/');
    int length = snprintf(host, PATH_MAX, "%.*s/fep-adapter", (int)(slash - own), own);
    if (length < PATH_MAX && access(host, X_OK) == 0)
        return 0;
    length = snprintf(host, PATH_MAX, "%.*s/../host/fep-adapter", (int)(slash - own), own);
    return length < PATH_MAX && access(host, X_OK) == 0 ? 0 : -1;
}

static int
run_keeper(const struct conf *conf)
{
    static char own[PATH_MAX], host[PATH_MAX];
    if (find_programs(own, host) != 0) {
        fputs("fepd: fep-adapter is not beside fepd; is the installation complete?\n", stderr);
        return EXIT_SURROUNDINGS;
    }
    return keeper_run(conf, own, host);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"router", no_argument, NULL, 'r'},
        {"check", no_argument, NULL, 't'},        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    const char *config = NULL;
    int router = 0, check = 0, option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1)
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'r':
            router = 1;
            break;
        case 't':
            check = 1;
            break;
        case 'v':
            puts("fepd " FEP_VERSION);
            return 0;
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    if (config == NULL || optind != argc)
        return usage(stderr);

    /* A core file would hold patients' data. 1 and not 0: a system that pipes cores to a program ignores 0.
     */
    struct rlimit no_core = {1, 1};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        fputs("fepd: core dumps cannot be switched off\n", stderr);
        return EXIT_SURROUNDINGS;
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);

    struct fep_error error = {0};
    struct conf *conf = conf_load(config, print_line, stderr, &error);
    if (conf == NULL) {
        fprintf(stderr, "fepd: %s\n", error.text);
        return EXIT_MISUSED;
    }
    int status = 0;
    if (!check) {
        if (log_open("fepd", conf->node, conf->log_socket[0] != '\0' ? conf->log_socket : NULL) != 0)
            fputs("fepd: the log socket's path is too long; logging to standard error\n", stderr);
        log_set_debug(conf->log_debug);
        status = router ? router_run(conf, 3, 4) : run_keeper(conf);
        log_close();
    }
    conf_destroy(conf);
    return status;
}
