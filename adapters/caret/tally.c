/* The day's postings, in a file per day. Must never decide anything about a posting: losing a line costs an
 * unforced sign-out. Fails by return value; what was written stays. */
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERIAL_ROOM = 41, MAX_LINES = 1000000 };

struct entry {
    char serial[SERIAL_ROOM];
    char kind; /* '+' '-' 'r' */
    int64_t amounts[TALLY_AMOUNTS];
};

struct book {
    struct entry *entries;
    size_t count, room;
};

int
tally_open(struct tally *tally, const char *directory)
{
    if (directory == NULL || directory[0] == '\0' || strlen(directory) >= sizeof tally->directory ||
        access(directory, R_OK | W_OK | X_OK) != 0)
        return -1;
    snprintf(tally->directory, sizeof tally->directory, "%s", directory);
    return 0;
}

static void
name_file(const struct tally *tally, uint32_t date, char path[512])
{
    snprintf(path, 512, "%s/tally-%08u", tally->directory, (unsigned)(date % 100000000u));
}

/* One write per line, so that a line is there or not. */
static int
append(const struct tally *tally, uint32_t date, const char *line, int flags)
{
    char path[512];
    size_t size = strlen(line);
    name_file(tally, date, path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return -1;
    ssize_t put = write(fd, line, size);
    return close(fd) == 0 && put == (ssize_t)size ? 0 : -1;
}

int
tally_add(const struct tally *tally, uint32_t date, const char *serial, bool minus,
          const int64_t amounts[TALLY_AMOUNTS])
{
    char line[256];
    snprintf(line, sizeof line, "%c %.40s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
             minus ? '-' : '+', serial, amounts[0], amounts[1], amounts[2], amounts[3]);
    return append(tally, date, line, O_CREAT);
}

int
tally_remove(const struct tally *tally, uint32_t date, const char *serial)
{
    char line[64];
    snprintf(line, sizeof line, "r %.40s 0 0 0 0\n", serial);
    return append(tally, date, line, 0);
}

static bool
read_entry(const char *line, struct entry *entry)
{
    int64_t *amounts = entry->amounts;
    char end = '\0';
    return sscanf(line, "%c %40s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%c", &entry->kind,
                  entry->serial, &amounts[0], &amounts[1], &amounts[2], &amounts[3], &end) == 7 &&
           end == '\n' && strchr("+-r", entry->kind) != NULL;
}

static bool
read_file(FILE *file, struct book *book)
{
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        if (book->count == book->room) {
            size_t room = book->room == 0 ? 256 : book->room * 2;
            struct entry *more = room <= MAX_LINES ? realloc(book->entries, room * sizeof *more) : NULL;
            if (more == NULL)
                return false;
            book->entries = more;
            book->room = room;
        }
        if (!read_entry(line, &book->entries[book->count++]))
            return false;
    }
    return ferror(file) == 0;
}

static int
by_serial(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->serial, ((const struct entry *)b)->serial);
}

/* Entries of one serial stand together: a posting told twice counts once, a reversed one not at all. */
static void
add_up(const struct book *book, struct tally_sums *sums)
{
    for (size_t i = 0; i < book->count;) {
        const struct entry *posting = NULL;
        bool reversed = false;
        size_t next = i;
        for (; next < book->count && strcmp(book->entries[next].serial, book->entries[i].serial) == 0;
             next++) {
            reversed = reversed || book->entries[next].kind == 'r';
            if (book->entries[next].kind != 'r')
                posting = &book->entries[next];
        }
        i = next;
        if (posting == NULL || reversed)
            continue;
        sums->plus += posting->kind == '+';
        sums->minus += posting->kind == '-';
        for (size_t k = 0; k < TALLY_AMOUNTS; k++)
            sums->amounts[k] += posting->amounts[k];
    }
}

bool
tally_sum(const struct tally *tally, uint32_t date, struct tally_sums *sums)
{
    char path[512];
    struct book book = {0};
    *sums = (struct tally_sums){0};
    name_file(tally, date, path);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT;
    bool good = read_file(file, &book);
    fclose(file);
    if (good && book.count > 0) {
        qsort(book.entries, book.count, sizeof *book.entries, by_serial);
        add_up(&book, sums);
    }
    free(book.entries);
    return good;
}

void
tally_forget(const struct tally *tally, uint32_t date)
{
    char path[512];
    name_file(tally, date, path);
    (void)unlink(path);
}
