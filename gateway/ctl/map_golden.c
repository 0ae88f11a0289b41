/* fepctl map golden: the goldens beside a mapping, run as a test; with --overwrite they are written anew from
 * what the mapping makes of them today, to be read by a person before they are kept. Must not touch a file of
 * a directory in which one could not be read. */
#include "map_golden.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "mapping_file.h"

enum { MOST_FILES = 2000 };

/* --- reading a directory -------------------------------------------------------------------------- */

static int
is_golden(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0;
}

static void
fill_directory(struct map_goldens *goldens, const char *mapping_path, const struct mapping *mapping,
               const char *directory)
{
    const char *slash = strrchr(mapping_path, '/');
    if (directory != NULL)
        snprintf(goldens->directory, sizeof goldens->directory, "%s", directory);
    else
        snprintf(goldens->directory, sizeof goldens->directory, "%.*s/goldens/%s",
                 slash != NULL ? (int)(slash - mapping_path) : 1, slash != NULL ? mapping_path : ".",
                 mapping_name(mapping));
}

static int
read_file(struct map_goldens *goldens, const char *name, struct fep_error *error)
{
    char path[sizeof goldens->directory + 300];
    snprintf(path, sizeof path, "%s/%s", goldens->directory, name);
    goldens->files[goldens->count] = strdup(name);
    goldens->cases[goldens->count] = map_message_read(path, true, error);
    if (goldens->files[goldens->count] == NULL)
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for %s", name);
    bool good = goldens->files[goldens->count] != NULL && goldens->cases[goldens->count] != NULL;
    goldens->count++;
    return good ? 0 : -1;
}

int
map_goldens_open(struct map_goldens *goldens, const char *mapping_path, const struct mapping *mapping,
                 const char *directory, struct fep_error *error)
{
    struct dirent **entries = NULL;
    *goldens = (struct map_goldens){.count = 0};
    fill_directory(goldens, mapping_path, mapping, directory);
    int found = scandir(goldens->directory, &entries, is_golden, alphasort), status = 0;
    if (found < 0)
        return error_set(error, 0, FEP_E_USAGE, "%.400s: %s", goldens->directory, strerror(errno));
    if (found == 0 || found > MOST_FILES)
        status = error_set(error, 0, FEP_E_USAGE, "%.400s holds %d files *.json; expected 1 to %d",
                           goldens->directory, found, MOST_FILES);
    if (status == 0) {
        goldens->files = calloc((size_t)found, sizeof *goldens->files);
        goldens->cases = calloc((size_t)found, sizeof *goldens->cases);
        if (goldens->files == NULL || goldens->cases == NULL)
            status = error_set(error, 0, FEP_E_NO_MEMORY, "no memory for goldens");
    }
    for (int i = 0; i < found; i++) {
        if (status == 0)
            status = read_file(goldens, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

void
map_goldens_close(struct map_goldens *goldens)
{
    for (size_t i = 0; i < goldens->count; i++) {
        free(goldens->files[i]);
        json_object_put(goldens->cases[i]);
    }
    free(goldens->files);
    free(goldens->cases);
}

/* --- the command ---------------------------------------------------------------------------------- */

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

static int
write_file(const struct map_goldens *goldens, size_t place, struct fep_error *error)
{
    char path[sizeof goldens->directory + 300], beside[sizeof goldens->directory + 308];
    snprintf(path, sizeof path, "%s/%s", goldens->directory, goldens->files[place]);
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    const char *text = json_object_to_json_string_ext(goldens->cases[place],
                                                      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                          JSON_C_TO_STRING_NOSLASHESCAPE);
    bool good = file != NULL && text != NULL && fputs(text, file) != EOF && fputc('\n', file) != EOF;
    if (file != NULL && fclose(file) != 0)
        good = false;
    if (good && rename(beside, path) == 0)
        return 0;
    int reason = errno;
    (void)unlink(beside);
    return error_set(error, 0, FEP_E_USAGE, "%.400s: %s", path, strerror(reason));
}

static int
run(struct ctl *ctl, const struct mapping *mapping, const struct map_goldens *goldens,
    struct fep_error *error)
{
    struct map_golden_run run = map_goldens_run(goldens, mapping, ctl->overwrite, print_line, NULL);
    for (size_t i = 0; ctl->overwrite && i < goldens->count; i++) {
        if (write_file(goldens, i, error) < 0)
            return ctl_fail(ctl, error, CTL_SURROUNDINGS);
    }
    printf("%zu %s, %zu %s\n", run.cases,
           ctl->overwrite ? ctl_text(ctl, "个样本已重写，请审核后再用",
                                     "goldens written anew, to be read before they count")
                          : ctl_text(ctl, "个样本", "goldens"),
           run.wrong,
           ctl->overwrite ? ctl_text(ctl, "个不能运行", "could not be run")
                          : ctl_text(ctl, "个不符", "not as expected"));
    return run.wrong == 0 && run.cases > 0 ? CTL_GOOD : CTL_BAD;
}

int
ctl_map_golden(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct map_goldens goldens = {.count = 0};
    struct mapping *mapping = mapping_file_load(ctl->words[0], ctl->base, NULL, ctl_report, NULL, &error);
    if (mapping == NULL)
        return ctl_fail(ctl, &error, CTL_MISUSED);
    int exit_code =
        map_goldens_open(&goldens, ctl->words[0], mapping, ctl->count > 1 ? ctl->words[1] : NULL, &error) == 0
            ? run(ctl, mapping, &goldens, &error)
            : ctl_fail(ctl, &error, CTL_MISUSED);
    map_goldens_close(&goldens);
    mapping_destroy(mapping);
    return exit_code;
}
