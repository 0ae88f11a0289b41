/* A fuzzer as a unit test that needs nothing but a compiler:
 *
 *   fuzz_NAME [--rounds N] [--seconds N] [--seed N] DIRECTORY|FILE ...
 *
 * runs every sample, then N of them changed at random (the seed is fixed: the same rounds every time), at
 * most so many seconds. TAP. An input that ends the process, or takes longer than 20 s, is left in
 * fuzz-crash.PID in the working directory: give it as FILE to see it again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { MOST_SAMPLES = 1000, LARGEST = 512 * 1024, LONGEST_S = 20 };

struct sample {
    char *name;
    uint8_t *bytes;
    size_t size;
};

static struct sample samples[MOST_SAMPLES];
static size_t sample_count, word_count;
static uint8_t *input; /* LARGEST bytes */
static const uint8_t *volatile running;
static volatile size_t running_size;
static uint64_t seed = 0x9e3779b97f4a7c15u;

/* --- the input that ends it --- */

static void
keep_input(void)
{
    char name[64];
    if (running == NULL)
        return;
    snprintf(name, sizeof name, "fuzz-crash.%d", (int)getpid());
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, (const void *)running, running_size) == (ssize_t)running_size)
        fprintf(stderr, "# the input is in %s\n", name);
    if (file >= 0)
        (void)close(file);
    running = NULL;
}

static void
on_signal(int number)
{
    keep_input();
    if (number == SIGALRM)
        fprintf(stderr, "# an input took longer than %d s\n", LONGEST_S);
    (void)signal(number, SIG_DFL);
    (void)raise(number == SIGALRM ? SIGABRT : number);
}

/* Of the sanitizers, where they are linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void
run_input(const uint8_t *data, size_t size)
{
    /* Of exactly this size, so that one byte too far is seen. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    must(exact != NULL, "memory");
    if (size > 0)
        memcpy(exact, data, size);
    running_size = size;
    running = exact;
    (void)alarm(LONGEST_S);
    (void)LLVMFuzzerTestOneInput(exact, size);
    running = NULL;
    free(exact);
}

/* --- samples --- */

static int
add_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL || sample_count == MOST_SAMPLES) {
        perror(path);
        if (file != NULL)
            (void)fclose(file);
        return -1;
    }
    struct sample *sample = &samples[sample_count];
    size_t size = fread(input, 1, LARGEST, file);
    (void)fclose(file);
    sample->name = strdup(path);
    sample->bytes = (uint8_t *)fuzz_copy(input, size);
    sample->size = size;
    sample_count++;
    return 0;
}

static int
add_path(const char *path)
{
    struct stat status;
    struct dirent **entries;
    int result = 0;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
        return add_file(path);
    int count = scandir(path, &entries, NULL, alphasort); /* sorted: the same rounds everywhere */
    if (count < 0) {
        perror(path);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char inside[4096];
        if (entries[i]->d_name[0] != '.' &&
            snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name) < (int)sizeof inside)
            result |= add_file(inside);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* --- changes --- */

static uint32_t
draw(size_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 16) % below);
}

/* Puts bytes in the place of `gone` others. */
static size_t
put_in(uint8_t *bytes, size_t size, size_t at, size_t gone, const void *piece, size_t piece_size)
{
    if (size - gone + piece_size > LARGEST)
        return size;
    memmove(bytes + at + piece_size, bytes + at + gone, size - at - gone);
    memcpy(bytes + at, piece, piece_size);
    return size - gone + piece_size;
}

/* A piece of any sample, this one too, at a place of this one. */
static size_t
put_piece(uint8_t *bytes, size_t size, size_t at)
{
    const struct sample *other = &samples[draw(sample_count)];
    if (other->size == 0)
        return size;
    size_t from = draw(other->size), most = other->size - from,
           length = 1 + draw(draw(4) == 0 || most < 64 ? most : 64);
    size_t gone = draw(2) == 0 ? 0 : draw(size - at + 1);
    return put_in(bytes, size, at, gone < length ? gone : length, other->bytes + from, length);
}

static size_t
change_once(uint8_t *bytes, size_t size)
{
    static const char *const numbers[] = {"0",   "-1",    "1",          "255",
                                          "256", "65536", "2147483648", "99999999999999999999"};
    size_t at = size > 0 ? draw(size) : 0;
    uint8_t byte = (uint8_t)draw(256);
    const char *piece;
    switch (size > 0 ? draw(9) : 0) {
    case 0:
        return put_in(bytes, size, at, 0, &byte, 1);
    case 1:
        bytes[at] = byte;
        return size;
    case 2:
        bytes[at] ^= (uint8_t)(1u << draw(8));
        return size;
    case 3:
        return draw(4) == 0 ? at : put_in(bytes, size, at, 1, "", 0);
    case 4: {
        size_t gone = 1 + draw(size - at < 32 ? size - at : 32);
        return put_in(bytes, size, at, gone, "", 0);
    }
    case 5:
        piece = numbers[draw(sizeof numbers / sizeof *numbers)];
        return put_in(bytes, size, at, draw(2) && at + 1 < size ? 1 : 0, piece, strlen(piece));
    case 6:
    case 7:
        if (word_count == 0)
            return size;
        piece = fuzz_words[draw(word_count)];
        return put_in(bytes, size, at, 0, piece, strlen(piece));
    default:
        return put_piece(bytes, size, at);
    }
}

static size_t
run_changed(size_t rounds, int seconds)
{
    time_t end = time(NULL) + seconds;
    size_t round = 0;
    for (; round < rounds && sample_count > 0 && (round % 16 != 0 || time(NULL) <= end); round++) {
        const struct sample *sample = &samples[draw(sample_count)];
        size_t size = sample->size;
        memcpy(input, sample->bytes, size);
        for (uint32_t i = 1 + draw(4); i > 0; i--)
            size = change_once(input, size);
        run_input(input, size);
    }
    return round;
}

int
main(int count, char **arguments)
{
    size_t rounds = 20000;
    int seconds = 3, failed = 0;
    input = malloc(LARGEST);
    must(input != NULL, "memory");
    while (fuzz_words[word_count] != NULL)
        word_count++;
    for (int i = 1; i < count; i++) {
        if (i + 1 < count && strcmp(arguments[i], "--rounds") == 0)
            rounds = strtoul(arguments[++i], NULL, 10);
        else if (i + 1 < count && strcmp(arguments[i], "--seconds") == 0)
            seconds = atoi(arguments[++i]);
        else if (i + 1 < count && strcmp(arguments[i], "--seed") == 0)
            seed ^= strtoull(arguments[++i], NULL, 10) << 1;
        else
            failed |= add_path(arguments[i]) != 0;
    }
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(keep_input);
    else
        (void)signal(SIGSEGV, on_signal);
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGALRM, on_signal);
    printf("1..2\n");
    for (size_t i = 0; i < sample_count; i++)
        run_input(samples[i].bytes, samples[i].size);
    printf("%s 1 - %zu samples\n", failed || sample_count == 0 ? "not ok" : "ok", sample_count);
    fflush(stdout);
    size_t done = run_changed(rounds, seconds);
    printf("%s 2 - %zu changed samples\n", done == 0 && rounds > 0 ? "not ok" : "ok", done);
    (void)alarm(0);
    for (size_t i = 0; i < sample_count; i++) {
        free(samples[i].name);
        free(samples[i].bytes);
    }
    free(input);
    return failed || sample_count == 0 ? 1 : 0;
}
