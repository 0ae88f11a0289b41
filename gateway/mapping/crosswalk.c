/* The catalogue crosswalk of a region: local code <-> national code, a CSV file with the columns
 * local_code,national_code,name,level,valid_from,valid_to. Must never guess: a code without a row has no
 * other form. Fails at loading with file and line. */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { MAX_ROWS = 1000000, COLUMNS = 6 };

struct row {
    const char *local, *national;
    uint32_t from, to; /* yyyymmdd, 0 = open */
    int line;
};

struct crosswalk {
    struct arena arena;
    struct row *rows; /* by local code */
    const struct row **by_national;
    size_t count, room;
};

/* --- reading ------------------------------------------------------------------------------------- */

/* Splits in place; quotes around a value may hold commas, "" is a quote. Returns how many columns. */
static int
split_line(char *line, char *columns[COLUMNS])
{
    int count = 0;
    char *at = line;
    line[strcspn(line, "\r\n")] = '\0';
    while (count < COLUMNS) {
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

static int
add_row(struct crosswalk *crosswalk, char *columns[COLUMNS], int count, int line, const char **what)
{
    struct row row = {.line = line};
    *what = "expected local_code,national_code,name,level,valid_from,valid_to with dates yyyymmdd";
    if (count < 2 || columns[0][0] == '\0' || columns[1][0] == '\0' ||
        (count > 4 && !read_date(columns[4], &row.from)) || (count > 5 && !read_date(columns[5], &row.to)))
        return -1;
    *what = "more rows than allowed, or no memory";
    if (crosswalk->count == crosswalk->room) {
        size_t room = crosswalk->room == 0 ? 1024 : crosswalk->room * 2;
        struct row *grown = room > MAX_ROWS ? NULL : realloc(crosswalk->rows, room * sizeof *grown);
        if (grown == NULL)
            return -1;
        crosswalk->rows = grown;
        crosswalk->room = room;
    }
    row.local = arena_text(&crosswalk->arena, columns[0], strlen(columns[0]));
    row.national = arena_text(&crosswalk->arena, columns[1], strlen(columns[1]));
    if (row.local == NULL || row.national == NULL)
        return -1;
    crosswalk->rows[crosswalk->count++] = row;
    return 0;
}

static int
compare_local(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = strcmp(left->local, right->local);
    return order != 0 ? order : (left->from > right->from) - (left->from < right->from);
}

static int
compare_national(const void *a, const void *b)
{
    const struct row *left = *(const struct row *const *)a, *right = *(const struct row *const *)b;
    int order = strcmp(left->national, right->national);
    return order != 0 ? order : (left->from > right->from) - (left->from < right->from);
}

static bool
overlaps(const struct row *a, const struct row *b)
{
    return (a->to == 0 || b->from <= a->to) && (b->to == 0 || a->from <= b->to);
}

/* Sorted, so that neighbours are the only candidates: a code that means two things on one day is refused. */
static void
sort_rows(struct loader *loader, const config_setting_t *at, const char *path, struct crosswalk *crosswalk)
{
    if (crosswalk->count == 0)
        return;
    qsort(crosswalk->rows, crosswalk->count, sizeof crosswalk->rows[0], compare_local);
    for (size_t i = 1; i < crosswalk->count; i++) {
        const struct row *row = &crosswalk->rows[i];
        if (strcmp(row->local, row[-1].local) == 0 && overlaps(row, row - 1))
            config_reader_problem(&loader->reader, at,
                                  "%s:%d: local code %s has another row for the same days (line %d)", path,
                                  row->line, row->local, row[-1].line);
    }
    crosswalk->by_national = malloc(crosswalk->count * sizeof *crosswalk->by_national);
    if (crosswalk->by_national == NULL) {
        loader->no_memory = true;
        crosswalk->count = 0;
        return;
    }
    for (size_t i = 0; i < crosswalk->count; i++)
        crosswalk->by_national[i] = &crosswalk->rows[i];
    qsort(crosswalk->by_national, crosswalk->count, sizeof *crosswalk->by_national, compare_national);
}

struct crosswalk *
crosswalk_load(struct loader *loader, const config_setting_t *at, const char *path)
{
    char line[4096], *columns[COLUMNS];
    int number = 0, problems = 0;
    FILE *file = fopen(path, "re");
    struct crosswalk *crosswalk = calloc(1, sizeof *crosswalk);
    if (file == NULL || crosswalk == NULL) {
        config_reader_problem(&loader->reader, at, "crosswalk %s: %s", path,
                              file == NULL ? strerror(errno) : "no memory");
        if (file != NULL)
            fclose(file);
        free(crosswalk);
        return NULL;
    }
    while (problems < 20 && fgets(line, sizeof line, file) != NULL) {
        const char *what = "line is too long";
        bool whole = strchr(line, '\n') != NULL || strlen(line) < sizeof line - 1;
        int count = split_line(line, columns);
        if (++number == 1 && strcmp(columns[0], "local_code") == 0)
            continue;
        if (count == 1 && columns[0][0] == '\0')
            continue;
        if (!whole || add_row(crosswalk, columns, count, number, &what) < 0) {
            config_reader_problem(&loader->reader, at, "%s:%d: %s", path, number, what);
            problems++;
        }
    }
    if (ferror(file) != 0)
        config_reader_problem(&loader->reader, at, "crosswalk %s can not be read", path);
    fclose(file);
    sort_rows(loader, at, path, crosswalk);
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
    free(crosswalk);
}

/* --- looking up ---------------------------------------------------------------------------------- */

static const struct row *
row_at(const struct crosswalk *crosswalk, unsigned direction, size_t place)
{
    return direction == DIRECTION_IN ? &crosswalk->rows[place] : crosswalk->by_national[place];
}

static int
compare_code(const struct row *row, unsigned direction, const char *code, size_t size)
{
    const char *known = direction == DIRECTION_IN ? row->local : row->national;
    int order = strncmp(known, code, size);
    return order != 0 ? order : known[size] != '\0';
}

const char *
crosswalk_find(const struct crosswalk *crosswalk, unsigned direction, const char *code, size_t size,
               uint32_t date)
{
    size_t low = 0, high = crosswalk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_code(row_at(crosswalk, direction, middle), direction, code, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct row *best = NULL;
    for (; low < crosswalk->count; low++) {
        const struct row *row = row_at(crosswalk, direction, low);
        if (compare_code(row, direction, code, size) != 0)
            break;
        best = row;
        if (row->from <= date && (row->to == 0 || date <= row->to))
            break;
    }
    if (best == NULL)
        return NULL;
    return direction == DIRECTION_IN ? best->national : best->local;
}
