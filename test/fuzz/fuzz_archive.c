/* Fuzzes the files that platforms give: ZIP archives and texts in lines. What is read is read the same when
 * it is written as an archive of ours; a refusal says why; no line is longer than allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"PK\x03\x04", "PK\x07\x08", "PK\x01\x02", "\t", "null", "\n", "\r\n", NULL};

static int
note_line(void *arg, char *line, size_t size, struct fep_error *error)
{
    char *columns[4];
    (void)error;
    must(size > 0 && size <= ARCHIVE_LONGEST_LINE && line[size] == '\0',
         "a line is not empty and not too long");
    writer_add(arg, line, size);
    writer_say(arg, "\n");
    must(archive_cut(line, columns, 4) >= 1, "a line has a column");
    return 0;
}

static int
read_lines(const void *data, size_t size, struct writer *lines)
{
    struct fep_error error = {0};
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (file == NULL)
        return -1;
    int status = archive_read_lines(file, note_line, lines, &error);
    fclose(file);
    if (status < 0)
        must_explain(&error);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer lines = {0}, zip = {0}, again = {0};
    if (size > 65536)
        return 0;
    if (read_lines(data, size, &lines) == 0 && lines.size > 0 && !lines.failed &&
        memchr(lines.data, 0x0d, lines.size) == NULL) { /* of several at an end only one belongs to it */
        archive_write("t", lines.data, lines.size, &zip);
        must(read_lines(zip.data, zip.size, &again) == 0 && again.size == lines.size &&
                 memcmp(again.data, lines.data, lines.size) == 0,
             "what was read is read again from an archive of ours");
    }
    writer_free(&lines);
    writer_free(&zip);
    writer_free(&again);
    return 0;
}
