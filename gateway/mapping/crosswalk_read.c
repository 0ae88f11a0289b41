/* Reads a catalogue crosswalk: a CSV file, its columns
 * local_code,national_code,name,level,valid_from,valid_to and further ones named by the heading. Must never
 * take half a file: any line that is not understood is a problem, with file and line. */
#include "crosswalk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decimal.h"
#include "utf8.h"

enum { MAX_ROWS = 1000000, MAX_COLUMNS = 24, MAX_PROBLEMS = 20, LINE_SIZE = 4096 };

enum column {
    COLUMN_LOCAL,
    COLUMN_NATIONAL,
    COLUMN_NAME,
    COLUMN_LEVEL,
    COLUMN_FROM,
    COLUMN_TO,
    COLUMN_KIND,
    COLUMN_FEE_CATEGORY,
    COLUMN_RATIO,
    COLUMN_CEILING,
    COLUMN_UNIT,
    COLUMN_SPEC,
    COLUMN_FORM,
    COLUMNS,
    FIXED_COLUMNS = COLUMN_TO + 1
};
static const char *const headings[COLUMNS] = {
    "local_code",   "national_code", "name",    "level", "valid_from", "valid_to", "kind",
    "fee_category", "ratio",         "ceiling", "unit",  "spec",       "form"};

struct reading {
    struct crosswalk *crosswalk;
    struct crosswalk_report *report;
    const char *path;
    int line;
    int place[COLUMNS]; /* of each column in a line; -1: not there */
};

void
crosswalk_problem(struct crosswalk_report *report, const char *format, ...)
{
    char text[1600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    utf8_drop_half(text);
    utf8_make_printable(text); /* it may quote the file */
    report->problems++;
    if (report->problem != NULL)
        report->problem(report->arg, text);
}

static int
line_problem(struct reading *reading, const char *what)
{
    crosswalk_problem(reading->report, "%s:%d: %s", reading->path, reading->line, what);
    return -1;
}

/* Splits in place; quotes around a value may hold commas, "" is a quote. Returns how many columns. */
static int
split_line(char *line, char *columns[MAX_COLUMNS])
{
    int count = 0;
    char *at = line;
    line[strcspn(line, "\r\n")] = '\0';
    while (count < MAX_COLUMNS) {
        char *out = at, *in = at;
        bool quoted = *in == '"';
        in += quoted;
        columns[count++] = out;
        while (*in != '\0' && (quoted ? *in != '"' || in[1] == '"' : *in != ',')) {
            in += quoted && *in == '"';
            *out++ = *in++;
        }
        in += quoted && *in == '"';
        bool more = *in == ',';
        *out = '\0';
        if (!more)
            break;
        at = in + 1;
    }
    return count;
}

static int
read_heading(struct reading *reading, char *columns[MAX_COLUMNS], int count)
{
    for (size_t i = 0; i < COLUMNS; i++)
        reading->place[i] = -1;
    for (int i = 0; i < count; i++) {
        size_t column = 0;
        while (column < COLUMNS && strcmp(headings[column], columns[i]) != 0)
            column++;
        if (column == COLUMNS || reading->place[column] >= 0) {
            char what[160];
            snprintf(what, sizeof what, "column \"%.60s\" %s", columns[i],
                     column == COLUMNS ? "is not known" : "stands twice");
            return line_problem(reading, what);
        }
        reading->place[column] = i;
    }
    return reading->place[COLUMN_NATIONAL] >= 0 ? 0
                                                : line_problem(reading, "there is no column national_code");
}

static bool
read_date(const char *text, uint32_t *date)
{
    char *end;
    *date = 0;
    if (text[0] == '\0')
        return true;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || strlen(text) != 8 || !clock_date_is_valid((uint32_t)value))
        return false;
    *date = (uint32_t)value;
    return true;
}

static bool
is_decimal(const char *text)
{
    int64_t units;
    return text[0] == '\0' || (decimal_parse(text, strlen(text), 4, &units) && units >= 0);
}

static const char *
check_values(const char *const values[COLUMNS], struct mapping_item *item)
{
    size_t bad;
    if (values[COLUMN_LOCAL][0] == '\0' || !read_date(values[COLUMN_FROM], &item->valid_from) ||
        !read_date(values[COLUMN_TO], &item->valid_to))
        return "expected local_code,national_code,name,level,valid_from,valid_to with dates yyyymmdd";
    /* Such a row would never hold, and hide from sort_rows that its neighbours overlap. */
    if (item->valid_to != 0 && item->valid_to < item->valid_from)
        return "valid_to is before valid_from";
    if (!is_decimal(values[COLUMN_RATIO]) || !is_decimal(values[COLUMN_CEILING]))
        return "ratio and ceiling: expected a number with at most 4 decimals";
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!utf8_is_valid(values[i], strlen(values[i]), &bad))
            return "not UTF-8";
    }
    return NULL;
}

static int
make_room(struct crosswalk *crosswalk)
{
    if (crosswalk->count < crosswalk->room)
        return 0;
    size_t room = crosswalk->room == 0 ? 1024 : crosswalk->room * 2;
    struct crosswalk_row *grown = room > MAX_ROWS ? NULL : realloc(crosswalk->rows, room * sizeof *grown);
    if (grown == NULL)
        return -1;
    crosswalk->rows = grown;
    crosswalk->room = room;
    return 0;
}

static int
add_row(struct reading *reading, char *columns[MAX_COLUMNS], int count)
{
    const char *values[COLUMNS];
    struct crosswalk_row row = {.line = reading->line};
    struct mapping_item *item = &row.item;
    for (size_t i = 0; i < COLUMNS; i++) {
        int place = reading->place[i];
        values[i] = place >= 0 && place < count ? columns[place] : "";
    }
    const char *what = count < 2 ? "expected local_code,national_code,name,level,valid_from,valid_to"
                                 : check_values(values, item);
    if (what != NULL)
        return line_problem(reading, what);
    const char **kept[COLUMNS] = {
        &item->local, &item->national, &item->name,         &item->level, NULL,
        NULL,         &item->kind,     &item->fee_category, &item->ratio, &item->ceiling,
        &item->unit,  &item->spec,     &item->form};
    bool good = make_room(reading->crosswalk) == 0;
    for (size_t i = 0; good && i < COLUMNS; i++) {
        if (kept[i] != NULL && values[i][0] == '\0')
            *kept[i] = "";
        else if (kept[i] != NULL)
            good = (*kept[i] = arena_text(&reading->crosswalk->arena, values[i], strlen(values[i]))) != NULL;
    }
    if (!good)
        return line_problem(reading, "more rows than allowed, or no memory");
    reading->crosswalk->rows[reading->crosswalk->count++] = row;
    return 0;
}

/* --- order --------------------------------------------------------------------------------------- */

static int
compare_days(const struct mapping_item *left, const struct mapping_item *right)
{
    return (left->valid_from > right->valid_from) - (left->valid_from < right->valid_from);
}

static int
compare_local(const void *a, const void *b)
{
    const struct crosswalk_row *left = a, *right = b;
    int order = strcmp(left->item.local, right->item.local);
    return order != 0 ? order : compare_days(&left->item, &right->item);
}

static int
compare_national(const void *a, const void *b)
{
    const struct crosswalk_row *left = *(const struct crosswalk_row *const *)a,
                               *right = *(const struct crosswalk_row *const *)b;
    int order = strcmp(left->item.national, right->item.national);
    return order != 0 ? order : compare_days(&left->item, &right->item);
}

static bool
overlaps(const struct mapping_item *a, const struct mapping_item *b)
{
    return (a->valid_to == 0 || b->valid_from <= a->valid_to) &&
           (b->valid_to == 0 || a->valid_from <= b->valid_to);
}

/* Sorted, so that neighbours are the only candidates: a code that means two things on one day is refused. */
static void
sort_rows(struct crosswalk *crosswalk, const char *path, struct crosswalk_report *report)
{
    if (crosswalk->count == 0)
        return;
    qsort(crosswalk->rows, crosswalk->count, sizeof crosswalk->rows[0], compare_local);
    for (size_t i = 1; i < crosswalk->count; i++) {
        const struct crosswalk_row *row = &crosswalk->rows[i];
        if (strcmp(row->item.local, row[-1].item.local) == 0 && overlaps(&row->item, &row[-1].item))
            crosswalk_problem(report, "%s:%d: local code %s has another row for the same days (line %d)",
                              path, row->line, row->item.local, row[-1].line);
    }
    crosswalk->by_national = malloc(crosswalk->count * sizeof *crosswalk->by_national);
    if (crosswalk->by_national == NULL) {
        crosswalk_problem(report, "%s: no memory", path);
        return;
    }
    for (size_t i = 0; i < crosswalk->count; i++) {
        if (crosswalk->rows[i].item.national[0] != '\0')
            crosswalk->by_national[crosswalk->national_count++] = &crosswalk->rows[i];
    }
    qsort(crosswalk->by_national, crosswalk->national_count, sizeof *crosswalk->by_national,
          compare_national);
}

/* --- the file ------------------------------------------------------------------------------------ */

static uint32_t
add_to_digest(uint32_t digest, const char *text)
{
    for (; *text != '\0'; text++)
        digest = (digest ^ (unsigned char)*text) * 16777619U; /* FNV-1a */
    return digest;
}

static int
read_line(struct reading *reading, char *line)
{
    char *columns[MAX_COLUMNS];
    bool whole = strchr(line, '\n') != NULL || strlen(line) < LINE_SIZE - 1;
    if (reading->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0)
        memmove(line, line + 3, strlen(line + 3) + 1);
    int count = split_line(line, columns);
    if (!whole)
        return line_problem(reading, "line is too long");
    if (reading->line == 1 && strcmp(columns[0], headings[0]) == 0)
        return read_heading(reading, columns, count);
    return count == 1 && columns[0][0] == '\0' ? 0 : add_row(reading, columns, count);
}

static void
read_lines(struct reading *reading, FILE *file)
{
    char line[LINE_SIZE];
    uint32_t digest = 2166136261U;
    size_t most = reading->report->problems + MAX_PROBLEMS;
    for (int i = 0; i < COLUMNS; i++)
        reading->place[i] = i < FIXED_COLUMNS ? i : -1;
    while (reading->report->problems < most && fgets(line, sizeof line, file) != NULL) {
        digest = add_to_digest(digest, line);
        reading->line++;
        bool heading = reading->line == 1;
        if (read_line(reading, line) < 0 && heading)
            return;
    }
    if (ferror(file) != 0)
        crosswalk_problem(reading->report, "crosswalk %s can not be read", reading->path);
    snprintf(reading->crosswalk->version, sizeof reading->crosswalk->version, "%08X", digest);
    sort_rows(reading->crosswalk, reading->path, reading->report);
}

struct crosswalk *
crosswalk_read(const char *path, struct crosswalk_report *report)
{
    FILE *file = fopen(path, "re");
    struct crosswalk *crosswalk = calloc(1, sizeof *crosswalk);
    if (file == NULL || crosswalk == NULL || (crosswalk->file = strdup(path)) == NULL) {
        crosswalk_problem(report, "crosswalk %s: %s", path, file == NULL ? strerror(errno) : "no memory");
        if (file != NULL)
            fclose(file);
        free(crosswalk);
        return NULL;
    }
    struct reading reading = {.crosswalk = crosswalk, .report = report, .path = path};
    read_lines(&reading, file);
    fclose(file);
    return crosswalk;
}
