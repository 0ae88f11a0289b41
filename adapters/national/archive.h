/* Files as the interface has them: text in lines, alone or as the one member of a ZIP archive. Pure; threads: any. */
#ifndef FEP_NATIONAL_ARCHIVE_H
#define FEP_NATIONAL_ARCHIVE_H

#include <stdio.h>

#include <fep/adapter.h>

#include "writer.h"

enum { ARCHIVE_LONGEST_LINE = 256 << 10 };

/* One line without its end; `line` may be changed and ends in NUL. Negative stops the reading with the error filled. */
typedef int archive_line(void *arg, char *line, size_t size, struct fep_error *error);

/* Reads `file` from its beginning and gives each line that is not empty; what it holds decides whether it is a ZIP. Memory is
 * bounded whatever its size. 0, or -1 with the error: damaged, a kind of ZIP that is not read, a line that is too long. */
int archive_read_lines(FILE *file, archive_line *on_line, void *arg, struct fep_error *error);

/* Appends a ZIP archive of one member, stored as it is. */
void archive_write(const char *name, const char *text, size_t size, struct writer *out);

/* Cuts a line at its tabs; `null` becomes "". Returns how many there were, at most `room` are given. */
size_t archive_cut(char *line, char **columns, size_t room);

#endif
