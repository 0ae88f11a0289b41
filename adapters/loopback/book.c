/* One line per change of state: "post|reverse|block DATE SERIAL INFNO MSGID". A line is written whole with
 * one write, so a killed process leaves whole lines; an unfinished last line (a full disk) is closed and
 * ignored. */
#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUCKETS = 65536 };

struct entry {
    struct entry *next;
    uint64_t serial;
    uint32_t date;
    enum book_state state;
};

struct book {
    int fd; /* -1: memory only */
    struct entry *buckets[BUCKETS];
};

static const char *const words[] = {
    [BOOK_POSTED] = "post", [BOOK_REVERSED] = "reverse", [BOOK_BLOCKED] = "block"};

static struct entry **
bucket_of(struct book *book, uint64_t serial)
{
    return &book->buckets[(serial ^ serial >> 16) % BUCKETS];
}

static struct entry *
find_entry(struct book *book, uint32_t date, uint64_t serial)
{
    struct entry *entry = *bucket_of(book, serial);
    while (entry != NULL && (entry->serial != serial || entry->date != date))
        entry = entry->next;
    return entry;
}

static int
remember(struct book *book, enum book_state state, uint32_t date, uint64_t serial)
{
    struct entry *entry = find_entry(book, date, serial);
    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        if (entry == NULL)
            return -1;
        entry->date = date;
        entry->serial = serial;
        struct entry **bucket = bucket_of(book, serial);
        entry->next = *bucket;
        *bucket = entry;
    }
    entry->state = state;
    return 0;
}

static int
read_lines(struct book *book, FILE *file)
{
    char line[256], word[16];
    uint32_t date;
    uint64_t serial;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strchr(line, '\n') == NULL ||
            sscanf(line, "%15s %" SCNu32 " %" SCNu64, word, &date, &serial) != 3)
            continue;
        for (int state = BOOK_POSTED; state <= BOOK_BLOCKED; state++) {
            if (strcmp(word, words[state]) == 0 && remember(book, (enum book_state)state, date, serial) < 0)
                return -1;
        }
    }
    return ferror(file) != 0 ? -1 : 0;
}

static int
open_file(struct book *book, const char *path)
{
    book->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *file = book->fd < 0 ? NULL : fopen(path, "re");
    if (file == NULL)
        return -1;
    int status = read_lines(book, file);
    fclose(file);
    off_t size = lseek(book->fd, 0, SEEK_END);
    char last = '\n';
    if (size > 0 && pread(book->fd, &last, 1, size - 1) == 1 && last != '\n' && write(book->fd, "\n", 1) != 1)
        return -1;
    return status;
}

struct book *
book_open(const char *path, const char **why)
{
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        *why = "no memory";
        return NULL;
    }
    book->fd = -1;
    if (path[0] != '\0' && open_file(book, path) < 0) {
        *why = strerror(errno);
        book_close(book);
        return NULL;
    }
    return book;
}

void
book_close(struct book *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (book->buckets[i] != NULL) {
            struct entry *entry = book->buckets[i];
            book->buckets[i] = entry->next;
            free(entry);
        }
    }
    if (book->fd >= 0)
        close(book->fd);
    free(book);
}

enum book_state
book_find(const struct book *book, uint32_t date, uint64_t serial)
{
    const struct entry *entry = book->buckets[(serial ^ serial >> 16) % BUCKETS];
    while (entry != NULL && (entry->serial != serial || entry->date != date))
        entry = entry->next;
    return entry != NULL ? entry->state : BOOK_NOTHING;
}

int
book_note(struct book *book, enum book_state state, uint32_t date, uint64_t serial, const char *infno,
          const char *msgid)
{
    char line[256];
    int size = snprintf(line, sizeof line, "%s %" PRIu32 " %012" PRIu64 " %.8s %.32s\n", words[state], date,
                        serial, infno, msgid);
    if (book->fd >= 0 && write(book->fd, line, (size_t)size) != size)
        return -1;
    return remember(book, state, date, serial);
}

int
book_sync(struct book *book)
{
    return book->fd < 0 || fdatasync(book->fd) == 0 ? 0 : -1;
}

bool
book_is_on_disk(const struct book *book)
{
    return book->fd >= 0;
}
