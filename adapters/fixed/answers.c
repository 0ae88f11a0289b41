/* The book of first answers. Must never say of an answer what was not written. Losing it costs equal clocks
 * in repeated answers, nothing else. A repeat is rare: looking one up reads a day's file from its beginning.
 */
#include "answers.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

static const char prefix[] = "answers-";

int
answers_open(struct answer_book *book, const char *directory)
{
    if (directory == NULL || directory[0] == '\0' || strlen(directory) >= sizeof book->directory ||
        access(directory, R_OK | W_OK | X_OK) != 0)
        return -1;
    snprintf(book->directory, sizeof book->directory, "%s", directory);
    book->swept = 0;
    return 0;
}

/* The serial begins with its day. */
static bool
name_file(const struct answer_book *book, const char *serial, char path[512])
{
    if (strlen(serial) < 8 || !is_all_digits(serial, 8))
        return false;
    snprintf(path, 512, "%s/%s%.8s", book->directory, prefix, serial);
    return true;
}

static int64_t
day_number(uint32_t date)
{
    struct tm tm = {.tm_year = (int)(date / 10000) - 1900,
                    .tm_mon = (int)(date / 100 % 100) - 1,
                    .tm_mday = (int)(date % 100)};
    return (int64_t)timegm(&tm) / 86400;
}

static bool
is_recent(uint32_t date, uint32_t today)
{
    int64_t age = day_number(today) - day_number(date);
    return age >= -1 && age <= ANSWER_DAYS;
}

/* Once a day: files of days that nobody may repeat any more. */
static void
sweep(struct answer_book *book, uint32_t today)
{
    if (book->swept == today)
        return;
    book->swept = today;
    DIR *folder = opendir(book->directory);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *day = entry->d_name + strlen(prefix);
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && strlen(day) == 8 &&
            is_all_digits(day, 8) && !is_recent((uint32_t)strtoul(day, NULL, 10), today))
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
}

void
answers_note(struct answer_book *book, const char *serial, const char *transaction,
             const struct answered *answered, uint32_t today)
{
    char path[512], line[160], day[9];
    snprintf(day, sizeof day, "%.8s", serial);
    if (!name_file(book, serial, path) || !is_recent((uint32_t)strtoul(day, NULL, 10), today))
        return;
    sweep(book, today);
    int size = snprintf(line, sizeof line, "%.23s %.15s %016" PRIx64 " %08u %06u %08u\n", serial, transaction,
                        answered->content, answered->date, answered->time, answered->accounting_date);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    bool whole = write(fd, line, (size_t)size) == size;
    close(fd);
    if (!whole)
        (void)unlink(
            path); /* half a line would spoil the next one; without the file clocks differ, no more */
}

bool
answers_find(const struct answer_book *book, const char *serial, const char *transaction,
             struct answered *answered)
{
    char path[512], line[160], name[24], local[16];
    bool found = false;
    if (!name_file(book, serial, path))
        return false;
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        struct answered one;
        found = sscanf(line, "%23s %15s %" SCNx64 " %u %u %u", name, local, &one.content, &one.date,
                       &one.time, &one.accounting_date) == 6 &&
                strcmp(name, serial) == 0 && strcmp(local, transaction) == 0;
        if (found)
            *answered = one;
    }
    if (file != NULL)
        fclose(file);
    return found;
}
