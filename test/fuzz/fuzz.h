/* What the fuzzers share. A fuzzer is one file with LLVMFuzzerTestOneInput and the words below; replay.c
 * makes a unit test of it, libFuzzer a fuzzer. One thread. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fep/adapter.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Said by each fuzzer: pieces of its language that changes put into a sample, up to a NULL. */
extern const char *const fuzz_words[];

/* Ends the process, saying what does not hold. */
_Noreturn void fuzz_fail(const char *what);
static inline void
must(bool condition, const char *what)
{
    if (!condition)
        fuzz_fail(what);
}
/* A message says something, in UTF-8 without control characters. */
void must_be_clean(const char *line);
/* The same of a refusal of what came from a peer; and it holds none of the persons that the samples invent.
 * (What is said of an operator's own file may quote it.) */
void must_explain(const struct fep_error *error);
/* As a report function of loaders; arg may be NULL, or counts (size_t). */
void fuzz_report(void *arg, const char *line);

/* A private copy of exactly this size with a NUL outside of what may be read as input; free it. */
char *fuzz_copy(const uint8_t *data, size_t size);
/* A directory of this process, in memory where there is such a place; removed at its end. */
const char *fuzz_directory(void);
/* Writes a file there; its path is valid until the next call. */
const char *fuzz_write(const char *name, const void *data, size_t size);
/* A file of the source tree: valid until the next call but one. */
const char *fuzz_source(const char *path);

/* Letters and digits only: what a harness may hand on as a name that modules get from a mapping. */
bool fuzz_is_name(const char *text);

/* Takes the first line, without its end, off an input. What does not fit is cut. */
void fuzz_take_line(const uint8_t **data, size_t *size, char *line, size_t line_size);

#endif
