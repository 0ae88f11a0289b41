/* A lexer over the raw configuration text that knows just enough of libconfig's syntax to find what
 * libconfig 1.5 lets pass: `4294967296` read as 0, a comment that never closes and swallows the rest of the
 * file. Must never report a file that is right. Fails by reporting; the caller decides. */
#include "config_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utf8.h"

struct scan {
    config_scan_report *report;
    void *arg;
    const char *folder;
    size_t total;
    int depth;
    bool unreadable;
};

struct text {
    const char *file;
    const char *data;
    size_t size, at;
    int line;
};

static int scan_file(struct scan *scan, const char *path, const char *from_file, int from_line);

static void
tell(struct scan *scan, const struct text *text, int line, const char *what)
{
    scan->report(scan->arg, text->file, line, what, NULL);
}

/* The character `ahead` of the place, or NUL at the end (the data holds no NUL: that was checked). */
static char
look(const struct text *text, size_t ahead)
{
    return text->at + ahead < text->size ? text->data[text->at + ahead] : '\0';
}

static void
step(struct text *text)
{
    if (text->data[text->at] == '\n')
        text->line++;
    text->at++;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_hex_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*' || c == '_';
}

static void
skip_line(struct text *text)
{
    while (text->at < text->size && look(text, 0) != '\n')
        step(text);
}

static void
skip_comment(struct scan *scan, struct text *text)
{
    int line = text->line;
    text->at += 2;
    while (text->at < text->size && !(look(text, 0) == '*' && look(text, 1) == '/'))
        step(text);
    if (text->at >= text->size)
        tell(scan, text, line, "comment /* is never closed: everything after it would be ignored");
    else
        text->at += 2;
}

/* Past a quoted text; its first bytes go to `copy` if that is not NULL. */
static void
skip_string(struct scan *scan, struct text *text, char *copy, size_t copy_size)
{
    int line = text->line;
    size_t used = 0;
    step(text);
    while (text->at < text->size && look(text, 0) != '"') {
        if (look(text, 0) == '\\' && text->at + 1 < text->size)
            step(text);
        if (copy && used + 1 < copy_size)
            copy[used++] = look(text, 0);
        step(text);
    }
    if (copy)
        copy[used] = '\0';
    if (text->at >= text->size)
        tell(scan, text, line, "text in quotes is never closed");
    else
        step(text);
}

static void
check_integer(struct scan *scan, const struct text *text, const char *token, bool hex, bool suffixed)
{
    char message[160];
    errno = 0;
    if (hex) {
        unsigned long long value = strtoull(token, NULL, 16);
        if (errno == ERANGE || (!suffixed && value > INT32_MAX) || value > INT64_MAX) {
            snprintf(message, sizeof message, "number %.40s does not fit: above 0x7FFFFFFF write %s", token,
                     suffixed || errno == ERANGE ? "nothing, 64 bits are the limit" : "an L behind it");
            scan->report(scan->arg, text->file, text->line, message, &(long long){(long long)value});
        }
        return;
    }
    long long value = strtoll(token, NULL, 10);
    if (errno == ERANGE) {
        snprintf(message, sizeof message, "number %.40s does not fit into 64 bits", token);
        scan->report(scan->arg, text->file, text->line, message, &value);
    } else if (!suffixed && (value > INT32_MAX || value < INT32_MIN)) {
        snprintf(message, sizeof message,
                 "number %.40s needs an L behind it: %.40sL (it would be read wrongly)", token, token);
        scan->report(scan->arg, text->file, text->line, message, &value);
    }
    const char *digits = token + (token[0] == '-' || token[0] == '+');
    if (digits[0] == '0' && digits[1] != '\0') {
        snprintf(message, sizeof message,
                 "number %.40s begins with 0: a code belongs in quotes, a number has no leading zero", token);
        tell(scan, text, text->line, message);
    }
}

/* At a sign or digit. Floating-point numbers are stepped over: the readers of this program accept none. */
static void
scan_number(struct scan *scan, struct text *text)
{
    char token[64];
    size_t used = 0;
    bool hex = look(text, 0) == '0' && (look(text, 1) == 'x' || look(text, 1) == 'X');
    if (look(text, 0) == '-' || look(text, 0) == '+')
        token[used++] = look(text, 0), step(text);
    for (size_t i = 0; hex && i < 2; i++)
        token[used++] = look(text, 0), step(text);
    while (hex ? is_hex_digit(look(text, 0)) : is_digit(look(text, 0))) {
        if (used + 1 < sizeof token)
            token[used++] = look(text, 0);
        step(text);
    }
    token[used] = '\0';
    char next = look(text, 0);
    if (!hex && (next == '.' || next == 'e' || next == 'E')) {
        while (is_digit(look(text, 0)) || (look(text, 0) != '\0' && strchr(".eE+-", look(text, 0))))
            step(text);
        return;
    }
    bool suffixed = next == 'L';
    while (look(text, 0) == 'L')
        step(text);
    if (used > 0 && (is_digit(token[used - 1]) || hex))
        check_integer(scan, text, token, hex, suffixed);
}

static void
scan_include(struct scan *scan, struct text *text)
{
    char name[512] = "";
    int line = text->line;
    text->at += strlen("@include");
    while (look(text, 0) == ' ' || look(text, 0) == '\t')
        step(text);
    if (look(text, 0) != '"')
        return; /* libconfig reports the syntax */
    skip_string(scan, text, name, sizeof name);
    char path[1024];
    int size = snprintf(path, sizeof path, "%s/%s", scan->folder, name);
    if (name[0] == '/') {
        tell(scan, text, line, "includes are named relative to the folder of the main file");
        scan->unreadable = true;
    } else if (size < 0 || (size_t)size >= sizeof path) {
        tell(scan, text, line, "the included file's name is too long");
        scan->unreadable = true;
    } else if (scan->depth >= CONFIG_DEPTH_LIMIT) {
        tell(scan, text, line, "includes are nested too deeply (does a file include itself?)");
        scan->unreadable = true;
    } else {
        scan->depth++;
        scan_file(scan, path, text->file, line);
        scan->depth--;
    }
}

static void
scan_text(struct scan *scan, struct text *text)
{
    while (text->at < text->size && !scan->unreadable) {
        char c = look(text, 0);
        if (c == '#' || (c == '/' && look(text, 1) == '/')) {
            skip_line(text);
        } else if (c == '/' && look(text, 1) == '*') {
            skip_comment(scan, text);
        } else if (c == '"') {
            skip_string(scan, text, NULL, 0);
        } else if (c == '@' && strncmp(text->data + text->at, "@include", 8) == 0) {
            scan_include(scan, text);
        } else if (is_name_start(c)) {
            while (is_name_start(look(text, 0)) || is_digit(look(text, 0)) || look(text, 0) == '-')
                step(text);
        } else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(look(text, 1)))) {
            scan_number(scan, text);
        } else {
            step(text);
        }
    }
}

static int
line_of(const char *data, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset; i++)
        line += data[i] == '\n';
    return line;
}

static bool
check_bytes(struct scan *scan, const struct text *text)
{
    size_t bad = 0;
    const char *nul = memchr(text->data, '\0', text->size);
    if (nul)
        tell(scan, text, line_of(text->data, (size_t)(nul - text->data)), "holds a zero byte");
    else if (text->size >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0)
        tell(scan, text, 1, "begins with a byte order mark: save it as UTF-8 without BOM");
    else if (!utf8_is_valid(text->data, text->size, &bad))
        tell(scan, text, line_of(text->data, bad), "is not UTF-8 (saved as GBK?)");
    else
        return true;
    return false;
}

/* The whole file with a NUL behind it, or NULL with *what saying why. Caller frees. */
static char *
read_whole(const char *path, size_t *size, const char **what)
{
    struct stat status;
    char *data = NULL;
    /* Not to hang on a FIFO somebody names here. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *what = NULL;
    if (fd < 0 || fstat(fd, &status) < 0)
        *what = strerror(errno);
    else if (!S_ISREG(status.st_mode))
        *what = "is not a file";
    else if (status.st_size > CONFIG_FILE_LIMIT)
        *what = "is larger than 1 MB, the limit for one file";
    if (!*what && !(data = malloc((size_t)CONFIG_FILE_LIMIT + 1)))
        *what = "no memory";
    for (*size = 0; !*what && *size <= CONFIG_FILE_LIMIT;) {
        ssize_t got = read(fd, data + *size, (size_t)CONFIG_FILE_LIMIT - *size);
        if (got < 0)
            *what = strerror(errno);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (*what) {
        free(data);
        return NULL;
    }
    data[*size] = '\0';
    return data;
}

static int
scan_file(struct scan *scan, const char *path, const char *from_file, int from_line)
{
    const char *what;
    struct text text = {.file = path, .line = 1};
    char *data = read_whole(path, &text.size, &what);
    if (!data) {
        char message[1280];
        snprintf(message, sizeof message, "%s%s%s%s", from_file ? "included file " : "",
                 from_file ? path : "", from_file ? ": " : "", what);
        scan->report(scan->arg, from_file ? from_file : path, from_file ? from_line : 0, message, NULL);
        scan->unreadable = true;
        return -1;
    }
    text.data = data;
    scan->total += text.size;
    if (scan->total > CONFIG_TOTAL_LIMIT) {
        tell(scan, &text, 0, "with all that is included it is larger than 4 MB");
        scan->unreadable = true;
    } else if (check_bytes(scan, &text)) {
        scan_text(scan, &text);
    } else {
        scan->unreadable = true;
    }
    free(data);
    return scan->unreadable ? -1 : 0;
}

int
config_scan(const char *path, const char *folder, config_scan_report *report, void *arg)
{
    struct scan scan = {.report = report, .arg = arg, .folder = folder};
    return scan_file(&scan, path, NULL, 0);
}
