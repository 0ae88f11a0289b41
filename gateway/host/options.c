/* Options of an instance against the module's table. Must never print a secret; reports all problems, not the
 * first only. Fails as a whole: either every option is good or nothing starts. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

enum { MAX_SECRET = 4096 };

struct option_value {
    char *text;   /* NULL: not given and no default */
    char *secret; /* FEP_SECRET_FILE: the content */
    int64_t number;
};

struct fep_config {
    const struct fep_option *table;
    size_t count;
    struct option_value values[];
};

struct reporter {
    void (*fn)(void *arg, const char *line);
    void *arg;
    struct fep_error *error;
    size_t problems;
};

static void __attribute__((format(printf, 4, 5)))
report_problem(struct reporter *reporter, const char *file, int line, const char *format, ...)
{
    char what[FEP_ERROR_TEXT], whole[FEP_ERROR_TEXT + 600];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s:%d: %s", file, line, what);
    if (reporter->fn != NULL)
        reporter->fn(reporter->arg, whole);
    if (reporter->problems++ == 0)
        error_set(reporter->error, 0, FEP_E_MODULE_OPTION, "%s", whole);
}

static const char *
type_name(uint32_t type)
{
    switch (type) {
    case FEP_INTEGER:
        return "a whole number";
    case FEP_FLAG:
        return "true or false";
    case FEP_DURATION_MS:
        return "a duration (milliseconds, or with ms, s, min)";
    case FEP_SECRET_FILE:
        return "the path of a file";
    default:
        return "text";
    }
}

static bool
parse_number(const char *text, bool duration, int64_t *number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text)
        return false;
    int64_t factor = 1;
    if (duration && strcmp(end, "s") == 0)
        factor = 1000;
    else if (duration && strcmp(end, "min") == 0)
        factor = 60000;
    else if (*end != '\0' && !(duration && strcmp(end, "ms") == 0))
        return false;
    return !__builtin_mul_overflow(value, factor, number);
}

/* Numeric, since a module may not wait for a resolver: 192.0.2.1:7031 or [::1]:7031. */
static bool
is_address(const char *text)
{
    char host[64];
    struct in6_addr address;
    const char *colon = strrchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (size == 0 || size >= sizeof host)
        return false;
    memcpy(host, text, size);
    host[size] = '\0';
    size_t digits = strspn(colon + 1, "0123456789");
    bool port =
        digits >= 1 && digits <= 5 && colon[1 + digits] == '\0' && strtol(colon + 1, NULL, 10) <= 65535;
    if (host[0] != '[' || host[size - 1] != ']')
        return port && inet_pton(AF_INET, host, &address) == 1;
    host[size - 1] = '\0';
    return port && inet_pton(AF_INET6, host + 1, &address) == 1;
}

/* What the table says of a text: "A|B" or "ADDRESS:PORT". */
static bool
is_allowed_text(const char *allowed, const char *text)
{
    if (strcmp(allowed, "ADDRESS:PORT") == 0)
        return is_address(text);
    for (size_t size; *allowed != '\0'; allowed += size + (allowed[size] == '|')) {
        size = strcspn(allowed, "|");
        if (strlen(text) == size && memcmp(text, allowed, size) == 0)
            return true;
    }
    return false;
}

static bool
parse_flag(const char *text, int64_t *number)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *number = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* The content without the line end that editors add. */
static char *
read_secret(const char *path, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat state;
    if (fd < 0 || fstat(fd, &state) != 0) {
        *why = strerror(errno);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *content = NULL;
    if ((state.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        *why = "other users may read it; expected mode 0600";
    } else if (!S_ISREG(state.st_mode) || state.st_size > MAX_SECRET) {
        *why = "not a file of at most 4096 bytes";
    } else if ((content = calloc(1, MAX_SECRET + 1)) == NULL) {
        *why = "no memory";
    } else {
        ssize_t size = read(fd, content, MAX_SECRET);
        if (size < 0) {
            *why = strerror(errno);
            free(content);
            content = NULL;
        } else {
            while (size > 0 && (content[size - 1] == '\n' || content[size - 1] == '\r'))
                content[--size] = '\0';
        }
    }
    close(fd);
    return content;
}

static void
take_secret(struct option_value *value, const struct fep_option *option, const char *file, int line,
            struct reporter *reporter)
{
    char path[1024];
    const char *slash = strrchr(file, '/');
    int size = value->text[0] == '/' || slash == NULL
                   ? snprintf(path, sizeof path, "%s", value->text)
                   : snprintf(path, sizeof path, "%.*s/%s", (int)(slash - file), file, value->text);
    const char *why = "the path is too long";
    if (size > 0 && (size_t)size < sizeof path)
        value->secret = read_secret(path, &why);
    if (value->secret == NULL)
        report_problem(reporter, file, line, "option %s: the file cannot be used: %s", option->name, why);
}

static void
take_value(struct option_value *value, const struct fep_option *option, const char *text, const char *file,
           int line, struct reporter *reporter)
{
    value->text = strdup(text);
    if (value->text == NULL) {
        report_problem(reporter, file, line, "option %s: no memory", option->name);
        return;
    }
    bool good = true;
    if (option->type == FEP_INTEGER || option->type == FEP_DURATION_MS)
        good = parse_number(text, option->type == FEP_DURATION_MS, &value->number);
    else if (option->type == FEP_FLAG)
        good = parse_flag(text, &value->number);
    else if (option->type == FEP_SECRET_FILE)
        take_secret(value, option, file, line, reporter);
    else if (option->type == FEP_TEXT && option->unit != NULL && !is_allowed_text(option->unit, text))
        report_problem(reporter, file, line, "option %s is \"%.80s\"; expected %s", option->name, text,
                       option->unit);
    bool ranged = option->minimum != 0 || option->maximum != 0;
    if (!good)
        report_problem(reporter, file, line, "option %s is \"%.40s\"; expected %s", option->name, text,
                       type_name(option->type));
    else if (ranged && (option->type == FEP_INTEGER || option->type == FEP_DURATION_MS) &&
             (value->number < option->minimum || value->number > option->maximum))
        report_problem(reporter, file, line, "option %s is %lld; expected %lld to %lld%s%s", option->name,
                       (long long)value->number, (long long)option->minimum, (long long)option->maximum,
                       option->unit != NULL ? " " : "", option->unit != NULL ? option->unit : "");
}

static size_t
find_option(const struct fep_option *table, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(table[i].name, name) != 0)
        i++;
    return i;
}

static void
take_missing(struct fep_config *config, const char *instance, struct reporter *reporter)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct fep_option *option = &config->table[i];
        if (config->values[i].text != NULL)
            continue;
        if (option->def != NULL)
            take_value(&config->values[i], option, option->def, "(default)", 0, reporter);
        else if ((option->flags & FEP_OPTION_REQUIRED) != 0)
            report_problem(reporter, instance, 0, "option %s is missing; expected %s: %s", option->name,
                           type_name(option->type), option->help_en != NULL ? option->help_en : "");
    }
}

struct fep_config *
options_check(const struct fep_option *table, const struct given_option *given, size_t count,
              const char *instance, void (*report)(void *arg, const char *line), void *arg,
              struct fep_error *error)
{
    struct reporter reporter = {.fn = report, .arg = arg, .error = error};
    size_t known = 0;
    while (table != NULL && table[known].name != NULL)
        known++;
    struct fep_config *config = calloc(1, sizeof *config + known * sizeof config->values[0]);
    if (config == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the options of %s", instance);
        return NULL;
    }
    config->table = table;
    config->count = known;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_option(table, known, given[i].name);
        if (at == known)
            report_problem(&reporter, given[i].file, given[i].line, "unknown option %s of this module",
                           given[i].name);
        else if (config->values[at].text != NULL)
            report_problem(&reporter, given[i].file, given[i].line, "option %s is given twice",
                           given[i].name);
        else
            take_value(&config->values[at], &table[at], given[i].value, given[i].file, given[i].line,
                       &reporter);
    }
    take_missing(config, instance, &reporter);
    if (reporter.problems > 0) {
        options_destroy(config);
        return NULL;
    }
    return config;
}

void
options_destroy(struct fep_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->count; i++) {
        free(config->values[i].text);
        if (config->values[i].secret != NULL)
            explicit_bzero(config->values[i].secret, strlen(config->values[i].secret));
        free(config->values[i].secret);
    }
    free(config);
}

static const struct option_value *
value_of(const struct fep_config *config, const char *name)
{
    size_t at = find_option(config->table, config->count, name);
    if (at == config->count) {
        fprintf(stderr, "the module asked for an option that is not in its table: %s\n", name);
        abort();
    }
    return &config->values[at];
}

const char *
options_text(const struct fep_config *config, const char *name)
{
    return value_of(config, name)->text;
}

int64_t
options_integer(const struct fep_config *config, const char *name)
{
    return value_of(config, name)->number;
}

const char *
options_secret(const struct fep_config *config, const char *name)
{
    return value_of(config, name)->secret;
}
