/* The catalogue crosswalk of a region: which version is in force, and looking up in it. Must never guess: a
 * code without a row has no other form. A reload replaces the whole or nothing. */
#include "crosswalk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "error.h"
#include "model.h"

/* --- versions ------------------------------------------------------------------------------------ */

/* YYYYMMDD.csv; 0: another name. */
static uint32_t
day_of_name(const char *name)
{
    char *end;
    if (strlen(name) != 12 || name[0] < '0' || name[0] > '9' || strcmp(name + 8, ".csv") != 0)
        return 0;
    unsigned long day = strtoul(name, &end, 10);
    return end == name + 8 && clock_date_is_valid((uint32_t)day) ? (uint32_t)day : 0;
}

struct versions {
    uint32_t current, next; /* 0: none */
};

/* Names that are no day are reported: a version that would never come into force is a mistake. */
static int
list_versions(const char *path, uint32_t today, struct versions *versions, struct crosswalk_report *report)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    if (directory == NULL) {
        crosswalk_problem(report, "crosswalk %s: %s", path, strerror(errno));
        return -1;
    }
    while ((entry = readdir(directory)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || size < 4 || strcmp(entry->d_name + size - 4, ".csv") != 0)
            continue;
        uint32_t day = day_of_name(entry->d_name);
        if (day == 0)
            crosswalk_problem(report, "%s/%s: expected a day in the name, YYYYMMDD.csv", path, entry->d_name);
        else if (day <= today && day > versions->current)
            versions->current = day;
        else if (day > today && (versions->next == 0 || day < versions->next))
            versions->next = day;
    }
    closedir(directory);
    if (versions->current != 0)
        return 0;
    crosswalk_problem(report, "crosswalk %s: no file YYYYMMDD.csv of today or earlier", path);
    return -1;
}

static struct crosswalk *
read_checked(const char *path, uint32_t day, struct crosswalk_report *report)
{
    char version[24];
    size_t before = report->problems;
    struct crosswalk *crosswalk = crosswalk_read(path, report);
    if (crosswalk == NULL || report->problems > before) {
        crosswalk_destroy(crosswalk);
        return NULL;
    }
    snprintf(version, sizeof version, "%08u-%.8s", day, crosswalk->version);
    memcpy(crosswalk->version, version, sizeof version);
    return crosswalk;
}

struct crosswalk *
crosswalk_load(const char *path, uint32_t today, struct crosswalk_report *report)
{
    struct stat status;
    struct versions versions = {0, 0};
    char file[1600];
    if (stat(path, &status) < 0) {
        crosswalk_problem(report, "crosswalk %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISDIR(status.st_mode))
        return read_checked(path, clock_date((int64_t)status.st_mtime * 1000), report);
    size_t before = report->problems;
    if (list_versions(path, today, &versions, report) < 0 || report->problems > before)
        return NULL;
    snprintf(file, sizeof file, "%.1500s/%08u.csv", path, versions.current);
    struct crosswalk *crosswalk = read_checked(file, versions.current, report);
    if (crosswalk != NULL)
        crosswalk->next = versions.next;
    return crosswalk;
}

void
crosswalk_destroy(struct crosswalk *crosswalk)
{
    if (crosswalk == NULL)
        return;
    arena_free(&crosswalk->arena);
    free(crosswalk->rows);
    free(crosswalk->by_national);
    free(crosswalk->file);
    free(crosswalk);
}

/* --- looking up ---------------------------------------------------------------------------------- */

static const struct crosswalk_row *
row_at(const struct crosswalk *crosswalk, unsigned direction, size_t place)
{
    return direction == DIRECTION_IN ? &crosswalk->rows[place] : crosswalk->by_national[place];
}

static int
compare_code(const struct crosswalk_row *row, unsigned direction, const char *code, size_t size)
{
    const char *known = direction == DIRECTION_IN ? row->item.local : row->item.national;
    int order = strncmp(known, code, size);
    return order != 0 ? order : known[size] != '\0';
}

const char *
crosswalk_find(const struct crosswalk *crosswalk, unsigned direction, const char *code, size_t size,
               uint32_t date)
{
    size_t count = direction == DIRECTION_IN ? crosswalk->count : crosswalk->national_count, low = 0,
           high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_code(row_at(crosswalk, direction, middle), direction, code, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct crosswalk_row *best = NULL;
    for (; low < count; low++) {
        const struct crosswalk_row *row = row_at(crosswalk, direction, low);
        if (compare_code(row, direction, code, size) != 0)
            break;
        best = row;
        if (row->item.valid_from <= date && (row->item.valid_to == 0 || date <= row->item.valid_to))
            break;
    }
    if (best == NULL)
        return NULL;
    const char *found = direction == DIRECTION_IN ? best->item.national : best->item.local;
    return found[0] != '\0' ? found : NULL;
}

/* --- for the host -------------------------------------------------------------------------------- */

struct relay {
    void (*report)(void *arg, const char *line);
    void *arg;
    char first[FEP_ERROR_TEXT - 64];
};

static void
relay_problem(void *arg, const char *text)
{
    struct relay *relay = arg;
    if (relay->first[0] == '\0')
        snprintf(relay->first, sizeof relay->first, "%s", text);
    if (relay->report != NULL)
        relay->report(relay->arg, text);
}

int
mapping_reload_crosswalk(struct mapping *mapping, void (*report)(void *arg, const char *line), void *arg,
                         struct fep_error *error)
{
    struct relay relay = {.report = report, .arg = arg};
    struct crosswalk_report to = {.problem = relay_problem, .arg = &relay};
    if (mapping->crosswalk == NULL)
        return error_set(error, 0, FEP_E_NOT_MAPPED, "the mapping %s has no crosswalk", mapping->name);
    struct crosswalk *fresh =
        crosswalk_load(mapping->crosswalk_path, clock_date(clock_wall_ms(&clock_system)), &to);
    if (fresh == NULL)
        return error_set(error, 0, FEP_E_MAPPING_INVALID, "%s", relay.first);
    crosswalk_destroy(mapping->crosswalk);
    mapping->crosswalk = fresh;
    return 0;
}

int
mapping_crosswalk_each(const struct mapping *mapping,
                       bool (*each)(void *arg, const struct mapping_item *item), void *arg)
{
    const struct crosswalk *crosswalk = mapping->crosswalk;
    if (crosswalk == NULL)
        return -1;
    for (size_t i = 0; i < crosswalk->count && each(arg, &crosswalk->rows[i].item); i++)
        ;
    return 0;
}

const char *
mapping_crosswalk_version(const struct mapping *mapping)
{
    return mapping->crosswalk != NULL ? mapping->crosswalk->version : "";
}

uint32_t
mapping_crosswalk_next(const struct mapping *mapping)
{
    return mapping->crosswalk != NULL ? mapping->crosswalk->next : 0;
}
