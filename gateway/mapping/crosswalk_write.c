/* Adds an item to a crosswalk: what a closed prompt says. Must never leave half a file, nor one that could
 * not be read again: the new one is written beside the old, read back, and then takes its place. */
#include "crosswalk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "model.h"

static int
write_value(FILE *file, const char *text, bool first)
{
    if (!first && fputc(',', file) == EOF)
        return -1;
    if (strpbrk(text, ",\"") == NULL)
        return fputs(text, file) == EOF ? -1 : 0;
    if (fputc('"', file) == EOF)
        return -1;
    for (; *text != '\0'; text++) {
        if ((*text == '"' && fputc('"', file) == EOF) || fputc(*text, file) == EOF)
            return -1;
    }
    return fputc('"', file) == EOF ? -1 : 0;
}

static int
write_item(FILE *file, const struct mapping_item *item)
{
    char from[16] = "", to[16] = "";
    if (item->valid_from != 0)
        snprintf(from, sizeof from, "%08u", item->valid_from);
    if (item->valid_to != 0)
        snprintf(to, sizeof to, "%08u", item->valid_to);
    const char *const values[] = {item->local, item->national, item->name,         item->level, from,
                                  to,          item->kind,     item->fee_category, item->ratio, item->ceiling,
                                  item->unit,  item->spec,     item->form};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (write_value(file, values[i] != NULL ? values[i] : "", i == 0) < 0)
            return -1;
    }
    return fputc('\n', file) == EOF ? -1 : 0;
}

static int
write_all(FILE *file, const struct crosswalk *crosswalk, const struct mapping_item *added)
{
    if (fputs("local_code,national_code,name,level,valid_from,valid_to,kind,fee_category,ratio,ceiling,unit,"
              "spec,form\n",
              file) == EOF)
        return -1;
    for (size_t i = 0; i < crosswalk->count; i++) {
        if (write_item(file, &crosswalk->rows[i].item) < 0)
            return -1;
    }
    return write_item(file, added) < 0 || fflush(file) != 0 || fsync(fileno(file)) != 0 ? -1 : 0;
}

static int
write_beside(const char *path, const struct crosswalk *crosswalk, const struct mapping_item *added,
             struct fep_error *error)
{
    FILE *file = fopen(path, "we");
    int status = file != NULL ? write_all(file, crosswalk, added) : -1, reason = errno;
    if (file != NULL && fclose(file) != 0)
        status = -1;
    if (status == 0)
        return 0;
    (void)unlink(path);
    return error_set(error, 0, FEP_E_CONFIG_READ, "%s can not be written: %s", path, strerror(reason));
}

static void
sync_folder(const char *file)
{
    char folder[1600];
    const char *slash = strrchr(file, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - file) : 1,
             slash != NULL ? file : ".");
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
}

static bool
is_plain(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if ((unsigned char)*text < ' ')
            return false;
    }
    return true;
}

static void
keep_first(void *arg, const char *text)
{
    char *first = arg;
    if (first[0] == '\0')
        snprintf(first, FEP_ERROR_TEXT - 64, "%s", text);
}

/* Read as it would be in force: problems of the new row are those of the file. */
static int
read_back(const char *path, struct fep_error *error)
{
    char first[FEP_ERROR_TEXT - 64] = "";
    struct crosswalk_report report = {.problem = keep_first, .arg = first};
    struct crosswalk *again = crosswalk_read(path, &report);
    crosswalk_destroy(again);
    if (again != NULL && report.problems == 0)
        return 0;
    (void)unlink(path);
    return error_set(error, 0, FEP_E_MAPPING_INVALID, "the item can not be added: %s", first);
}

int
mapping_crosswalk_add(struct mapping *mapping, const struct mapping_item *item, struct fep_error *error)
{
    char file[1600], beside[1616];
    struct stat status;
    const char *const texts[] = {item->local, item->national,     item->name,  item->level,
                                 item->kind,  item->fee_category, item->ratio, item->ceiling,
                                 item->unit,  item->spec,         item->form};
    if (mapping->crosswalk == NULL)
        return error_set(error, 0, FEP_E_NOT_MAPPED, "the mapping %s has no crosswalk", mapping->name);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!is_plain(texts[i]))
            return error_set(error, 0, FEP_E_USAGE, "a value holds a control character");
    }
    /* What somebody else has put there since it was read must not be written over with what stands in memory.
     */
    if (mapping_reload_crosswalk(mapping, NULL, NULL, error) < 0)
        return -1;
    bool is_directory = stat(mapping->crosswalk_path, &status) == 0 && S_ISDIR(status.st_mode);
    if (is_directory)
        snprintf(file, sizeof file, "%.1500s/%08u.csv", mapping->crosswalk_path,
                 clock_date(clock_wall_ms(&clock_system)));
    else
        snprintf(file, sizeof file, "%.1500s", mapping->crosswalk_path);
    snprintf(beside, sizeof beside, "%s.new", file);
    if (write_beside(beside, mapping->crosswalk, item, error) < 0 || read_back(beside, error) < 0)
        return -1;
    if (rename(beside, file) < 0)
        return error_set(error, 0, FEP_E_CONFIG_READ, "%s: %s", file, strerror(errno));
    sync_folder(file);
    return mapping_reload_crosswalk(mapping, NULL, NULL, error);
}
