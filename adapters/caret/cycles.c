/* The book of cycles. Must never hand out a number before it is on disk, so that no two cycles share one.
 * Writes the whole file anew, flushes it and renames it; this waits for the disk, a few times an hour. Fails
 * without changing anything. */
#include "cycles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "wire.h"

static const char first_line[] = "fep-caret-cycles 1\n";

uint32_t
cycles_date(const char *number)
{
    const char *last = strrchr(number, '-');
    uint32_t date = 0;
    if (last == NULL || strlen(last + 1) != 11 || !is_all_digits(last + 1, 11))
        return 0;
    for (int i = 1; i <= 8; i++)
        date = date * 10 + (uint32_t)(last[i] - '0');
    return date;
}

const struct cycle *
cycles_find(const struct cycle_book *book, const char *number)
{
    for (size_t i = 0; i < book->count; i++) {
        if (strcmp(book->cycles[i].number, number) == 0)
            return &book->cycles[i];
    }
    return NULL;
}

const struct cycle *
cycles_find_open(const struct cycle_book *book, const char *institution, const char *operator)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct cycle *cycle = &book->cycles[i];
        if (cycle->open && strcmp(cycle->institution, institution) == 0 &&
            strcmp(cycle->operator, operator) == 0)
            return cycle;
    }
    return NULL;
}

/* --- the file --- */

static int
write_all(FILE *file, const struct cycle_book *book)
{
    fputs(first_line, file);
    for (size_t i = 0; i < book->count; i++) {
        const struct cycle *cycle = &book->cycles[i];
        fprintf(file, "%s %s %s %s\n", cycle->institution, cycle->operator, cycle->number,
                cycle->open ? "open" : "closed");
    }
    fprintf(file, "end %zu\n", book->count);
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || ferror(file))
        return -1;
    return 0;
}

static int
sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

static int
save(const struct cycle_book *book, struct fep_error *error)
{
    char next[540];
    snprintf(next, sizeof next, "%s.new", book->path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int result = file != NULL ? write_all(file, book) : -1;
    if (file != NULL && fclose(file) != 0)
        result = -1;
    else if (file == NULL && fd >= 0)
        close(fd);
    if (result == 0)
        result = rename(next, book->path);
    if (result == 0)
        result = sync_directory(book->directory);
    if (result != 0)
        return set_error(error, FEP_NOT_SENT, 9001, "the file of cycles can not be written: %s",
                         strerror(errno));
    return 0;
}

static struct cycle *
add(struct cycle_book *book)
{
    if (book->count == book->room) {
        size_t room = book->room == 0 ? 64 : book->room * 2;
        struct cycle *more = room <= MAX_CYCLES ? realloc(book->cycles, room * sizeof *more) : NULL;
        if (more == NULL)
            return NULL;
        book->cycles = more;
        book->room = room;
    }
    struct cycle *cycle = &book->cycles[book->count++];
    memset(cycle, 0, sizeof *cycle);
    return cycle;
}

static bool
read_line(struct cycle_book *book, const char *line)
{
    char state[8] = "";
    struct cycle cycle = {0};
    if (sscanf(line, "%12s %8s %30s %7s", cycle.institution, cycle.operator, cycle.number, state) != 4)
        return false;
    cycle.open = strcmp(state, "open") == 0;
    if ((!cycle.open && strcmp(state, "closed") != 0) || cycles_date(cycle.number) == 0)
        return false;
    struct cycle *place = add(book);
    if (place == NULL)
        return false;
    *place = cycle;
    return true;
}

static bool
read_all(struct cycle_book *book, FILE *file)
{
    char line[256];
    size_t told = 0;
    if (fgets(line, sizeof line, file) == NULL || strcmp(line, first_line) != 0)
        return false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "end %zu", &told) == 1)
            return told == book->count && fgets(line, sizeof line, file) == NULL;
        if (!read_line(book, line))
            return false;
    }
    return false; /* no end: not all of it is there */
}

int
cycles_open(struct cycle_book *book, const char *directory, bool *damaged, struct fep_error *error)
{
    *book = (struct cycle_book){0};
    *damaged = false;
    if (directory == NULL || directory[0] == '\0' || strlen(directory) >= sizeof book->directory)
        return set_error(error, 0, 0, "option state_directory is missing or too long; expected a directory");
    snprintf(book->directory, sizeof book->directory, "%s", directory);
    snprintf(book->path, sizeof book->path, "%s/cycles", directory);
    if (access(directory, R_OK | W_OK | X_OK) != 0)
        return set_error(error, 0, 0, "state_directory %.200s: %s", directory, strerror(errno));
    FILE *file = fopen(book->path, "re");
    if (file == NULL && errno == ENOENT)
        return 0;
    if (file == NULL)
        return set_error(error, 0, 0, "%.200s: %s", book->path, strerror(errno));
    bool good = read_all(book, file);
    fclose(file);
    if (good)
        return 0;
    char aside[540];
    snprintf(aside, sizeof aside, "%s.damaged", book->path);
    *damaged = true;
    book->count = 0;
    return rename(book->path, aside) == 0
               ? 0
               : set_error(error, 0, 0, "%.200s is damaged and can not be set aside: %s", book->path,
                           strerror(errno));
}

void
cycles_close(struct cycle_book *book)
{
    free(book->cycles);
    *book = (struct cycle_book){0};
}

/* --- beginning and ending --- */

/* Closed cycles of earlier days are of no use: their numbers can not come again. */
static void
forget_old(struct cycle_book *book, uint32_t date)
{
    size_t to = 0;
    for (size_t i = 0; i < book->count; i++) {
        if (book->cycles[i].open || cycles_date(book->cycles[i].number) >= date)
            book->cycles[to++] = book->cycles[i];
    }
    book->count = to;
}

/* Last four of the institution, operator filled with zeros to eight, date, and a count. Institutions with the
 * same last four share the count, so that the number alone names the cycle. */
static int
make_number(const struct cycle_book *book, const char *institution, const char *operator, uint32_t date,
            char number[CYCLE_NUMBER])
{
    char tail[5] = "0000", filled[9] = "00000000", prefix[24];
    size_t length = strlen(institution), size = strlen(operator);
    if (length >= 4)
        memcpy(tail, institution + length - 4, 4);
    else
        memcpy(tail + 4 - length, institution, length);
    memcpy(filled + 8 - size, operator, size);
    snprintf(prefix, sizeof prefix, "%s-%s-%08u", tail, filled, date % 100000000u);
    unsigned last = 0;
    for (size_t i = 0; i < book->count; i++) {
        const char *other = book->cycles[i].number;
        if (strncmp(other, prefix, strlen(prefix)) == 0 && strlen(other) == strlen(prefix) + 3) {
            unsigned count = (unsigned)strtoul(other + strlen(prefix), NULL, 10);
            last = count > last ? count : last;
        }
    }
    if (last >= 999)
        return -1;
    snprintf(number, CYCLE_NUMBER, "%s%03u", prefix, last + 1);
    return 0;
}

const struct cycle *
cycles_begin(struct cycle_book *book, const char *institution, const char *operator, uint32_t date,
             struct fep_error *error)
{
    char number[CYCLE_NUMBER];
    if (strlen(institution) >= CYCLE_INSTITUTION || strlen(operator) >= CYCLE_OPERATOR) {
        set_error(error, FEP_REFUSED, 1003, "institution or operator is too long");
        return NULL;
    }
    forget_old(book, date);
    if (make_number(book, institution, operator, date, number) < 0) {
        set_error(error, FEP_NOT_SENT, 9001, "an operator has no cycle number left today");
        return NULL;
    }
    struct cycle *cycle = add(book);
    if (cycle == NULL) {
        set_error(error, FEP_NOT_SENT, 9001, "more than %d cycles, or no memory", MAX_CYCLES);
        return NULL;
    }
    snprintf(cycle->institution, sizeof cycle->institution, "%s", institution);
    snprintf(cycle->operator, sizeof cycle->operator, "%s", operator);
    memcpy(cycle->number, number, sizeof cycle->number);
    cycle->open = true;
    if (save(book, error) == 0)
        return cycle;
    book->count--;
    return NULL;
}

void
cycles_set_compared(struct cycle_book *book, const char *number)
{
    for (size_t i = 0; i < book->count; i++) {
        if (strcmp(book->cycles[i].number, number) == 0)
            book->cycles[i].compared = true;
    }
}

void
cycles_forget_compared(struct cycle_book *book, uint32_t date)
{
    for (size_t i = 0; i < book->count; i++) {
        if (cycles_date(book->cycles[i].number) == date)
            book->cycles[i].compared = false;
    }
}

int
cycles_end(struct cycle_book *book, const char *number, struct fep_error *error)
{
    for (size_t i = 0; i < book->count; i++) {
        struct cycle *cycle = &book->cycles[i];
        if (!cycle->open || strcmp(cycle->number, number) != 0)
            continue;
        cycle->open = false;
        if (save(book, error) == 0)
            return 0;
        cycle->open = true;
        return -1;
    }
    return set_error(error, FEP_REFUSED, 9101, "no such cycle is open");
}
