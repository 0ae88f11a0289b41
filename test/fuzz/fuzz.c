/* What the fuzzers share: their verdicts and their files. Fails by ending the process. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

/* Persons of the samples: names, documents, cards, person numbers. */
static const char *const persons[] = {"覃检",
                                      "陈珅",
                                      "吐尔逊",
                                      "张测试",
                                      "韦测试",
                                      "陆测试",
                                      "450900195205210032",
                                      "45090000000000055512",
                                      "45120000000000012345",
                                      "45030000000000067890",
                                      "45090000000000000003",
                                      "45010000000000000001",
                                      NULL};

_Noreturn void
fuzz_fail(const char *what)
{
    fprintf(stderr, "must hold and does not: %s\n", what);
    abort();
}

static void
must_of(bool condition, const char *what, const char *line)
{
    if (condition)
        return;
    fprintf(stderr, "the message: %s\n", line);
    fuzz_fail(what);
}

void
must_be_clean(const char *line)
{
    must_of(line[0] != '\0', "a problem is said in words", line);
    must_of(utf8_is_valid(line, strlen(line), NULL), "a message is UTF-8", line);
    for (const char *at = line; *at != '\0'; at++)
        must_of((unsigned char)*at >= ' ' && *at != 0x7F, "a message has no control characters", line);
}

void
must_explain(const struct fep_error *error)
{
    must(memchr(error->text, '\0', sizeof error->text) != NULL, "an error's text ends");
    must_be_clean(error->text);
    for (size_t i = 0; persons[i] != NULL; i++)
        must_of(strstr(error->text, persons[i]) == NULL, "a message names no person", error->text);
}

void
fuzz_report(void *arg, const char *line)
{
    must_be_clean(line);
    if (arg != NULL)
        ++*(size_t *)arg;
}

char *
fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    must(copy != NULL, "memory");
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

bool
fuzz_is_name(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!(*at >= '0' && *at <= '9') && !(*at >= 'A' && *at <= 'Z') && !(*at >= 'a' && *at <= 'z'))
            return false;
    return true;
}

/* libconfig loses its scanner's text at a syntax error; that is not ours to mend. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

/* --- files --- */

static char directory[64];

static void
remove_directory(void)
{
    DIR *folder = opendir(directory);
    if (folder != NULL) {
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        (void)closedir(folder);
    }
    (void)rmdir(directory);
}

const char *
fuzz_directory(void)
{
    if (directory[0] != '\0')
        return directory;
    snprintf(directory, sizeof directory, "/dev/shm/fep-fuzz-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        snprintf(directory, sizeof directory, "/tmp/fep-fuzz-XXXXXX");
        must(mkdtemp(directory) != NULL, "a directory for files");
    }
    (void)atexit(remove_directory);
    return directory;
}

const char *
fuzz_write(const char *name, const void *data, size_t size)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%.150s", fuzz_directory(), name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(file >= 0, "a file can be written");
    for (size_t at = 0; at < size;) {
        ssize_t put = write(file, (const char *)data + at, size - at);
        must(put > 0, "a file can be written");
        at += (size_t)put;
    }
    must(close(file) == 0, "a file can be written");
    return path;
}

const char *
fuzz_source(const char *path)
{
    static char paths[2][512];
    static unsigned turn;
    const char *source = getenv("FEP_SOURCE");
    must(source != NULL, "FEP_SOURCE names the source tree");
    char *out = paths[turn++ % 2];
    snprintf(out, sizeof paths[0], "%s/%s", source, path);
    return out;
}

void
fuzz_take_line(const uint8_t **data, size_t *size, char *line, size_t line_size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size, kept = length;
    if (kept >= line_size)
        kept = line_size - 1;
    if (kept > 0)
        memcpy(line, *data, kept);
    line[kept] = '\0';
    length += end != NULL;
    if (length > 0)
        *data += length;
    *size -= length;
}
