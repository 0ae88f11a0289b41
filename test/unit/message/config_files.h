/* Files and reports for the tests of what reads configuration. */
#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reports {
    size_t count;
    char lines[300][700];
};

static char config_folder[64];

static inline int
make_config_folder(void **state)
{
    (void)state;
    snprintf(config_folder, sizeof config_folder, "/tmp/fep-config-XXXXXX");
    return mkdtemp(config_folder) ? 0 : -1;
}

static inline int
remove_config_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", config_folder);
    return system(command) == 0 ? 0 : -1;
}

static inline const char *
write_bytes(const char *name, const void *data, size_t size)
{
    static char path[8][160];
    static size_t next;
    char *out = path[next++ % 8];
    snprintf(out, 160, "%s/%s", config_folder, name);
    FILE *file = fopen(out, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return out;
}

static inline const char *
write_config(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

static inline void
collect_report(void *arg, const char *line)
{
    struct reports *reports = arg;
    if (reports->count < 300)
        snprintf(reports->lines[reports->count], sizeof reports->lines[0], "%s", line);
    reports->count++;
}

/* Is there a report "<folder>/<place>: ...what..."? */
static inline void
assert_reported(const struct reports *reports, const char *place, const char *what)
{
    char start[200];
    snprintf(start, sizeof start, "%s/%s: ", config_folder, place);
    for (size_t i = 0; i < reports->count && i < 300; i++)
        if (strncmp(reports->lines[i], start, strlen(start)) == 0 && strstr(reports->lines[i], what))
            return;
    for (size_t i = 0; i < reports->count && i < 300; i++)
        print_message("# reported: %s\n", reports->lines[i]);
    fail_msg("no report \"%s...%s\"", start, what);
}

#endif
