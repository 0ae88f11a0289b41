/* ZIP archives with one text inside, and texts in lines.
 *
 * Reads piece by piece, so that a catalogue of hundreds of MiB needs no memory. Must never take a damaged
 * archive for a whole one: the member's checksum is compared at its end, and a line counts only if nothing is
 * wrong up to there; so who reads uses the lines only after it was told that all is well. Encrypted archives
 * and those of 4 GiB and more are not read.
 */
#include "archive.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { PIECE = 64 << 10, HEAD = 30, STORED = 0, DEFLATED = 8, HAS_DESCRIPTOR = 8, ENCRYPTED = 1 };

struct reading {
    FILE *file;
    archive_line *on_line;
    void *arg;
    struct fep_error *error;
    char *line; /* ARCHIVE_LONGEST_LINE + 1 */
    size_t size;
    uLong crc;
};

static int
fail(struct fep_error *error, const char *text)
{
    memset(error, 0, sizeof *error);
    error->kind = FEP_REFUSED;
    error->code = 1001;
    snprintf(error->text, sizeof error->text, "%s", text);
    return -1;
}

/* --- lines --- */

static int
end_line(struct reading *reading)
{
    size_t size = reading->size;
    reading->size = 0;
    if (size > 0 && reading->line[size - 1] == '\r')
        size--;
    reading->line[size] = '\0';
    return size == 0 ? 0 : reading->on_line(reading->arg, reading->line, size, reading->error);
}

static int
take_text(struct reading *reading, const unsigned char *text, size_t size)
{
    reading->crc = crc32(reading->crc, text, (uInt)size);
    while (size > 0) {
        const unsigned char *end = memchr(text, '\n', size);
        size_t piece = end != NULL ? (size_t)(end - text) : size;
        if (reading->size + piece > ARCHIVE_LONGEST_LINE)
            return fail(reading->error, "a file with a line that is too long");
        memcpy(reading->line + reading->size, text, piece);
        reading->size += piece;
        if (end != NULL && end_line(reading) < 0)
            return -1;
        text += piece + (end != NULL);
        size -= piece + (end != NULL);
    }
    return 0;
}

/* --- a ZIP --- */

static uint32_t
number_at(const unsigned char *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static int
read_stored(struct reading *reading, uint32_t size)
{
    unsigned char piece[PIECE];
    while (size > 0) {
        size_t wanted = size < sizeof piece ? size : sizeof piece;
        size_t got = fread(piece, 1, wanted, reading->file);
        if (got == 0)
            return fail(reading->error, "an archive that ends too early");
        if (take_text(reading, piece, got) < 0)
            return -1;
        size -= (uint32_t)got;
    }
    return 0;
}

/* What of the input was read beyond the member's end goes back. */
static int
inflate_member(struct reading *reading, z_stream *stream)
{
    unsigned char in[PIECE], out[PIECE];
    for (int status = Z_OK; status != Z_STREAM_END;) {
        if (stream->avail_in == 0) {
            stream->avail_in = (uInt)fread(in, 1, sizeof in, reading->file);
            stream->next_in = in;
            if (stream->avail_in == 0)
                return fail(reading->error, "an archive that ends too early");
        }
        stream->next_out = out;
        stream->avail_out = sizeof out;
        status = inflate(stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return fail(reading->error, "a damaged archive");
        if (take_text(reading, out, sizeof out - stream->avail_out) < 0)
            return -1;
    }
    if (fseek(reading->file, -(long)stream->avail_in, SEEK_CUR) != 0)
        return fail(reading->error, "a file that can not be read");
    return 0;
}

static int
read_deflated(struct reading *reading)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return fail(reading->error, "no memory for an archive");
    int status = inflate_member(reading, &stream);
    (void)inflateEnd(&stream);
    return status;
}

/* Where sizes and checksum stand behind the member. */
static int
read_descriptor(struct reading *reading, uint32_t *crc)
{
    unsigned char text[8];
    if (fread(text, 1, sizeof text, reading->file) != sizeof text)
        return fail(reading->error, "an archive that ends too early");
    *crc = number_at(text, 4) == 0x08074b50 ? number_at(text + 4, 4) : number_at(text, 4);
    return 0;
}

static int
read_member(struct reading *reading, const unsigned char head[HEAD])
{
    unsigned flags = number_at(head + 6, 2), method = number_at(head + 8, 2);
    uint32_t crc = number_at(head + 14, 4), size = number_at(head + 18, 4);
    long skipped = (long)number_at(head + 26, 2) + (long)number_at(head + 28, 2);
    bool later = (flags & HAS_DESCRIPTOR) != 0;
    if ((flags & ENCRYPTED) != 0 || (method != STORED && method != DEFLATED) || (method == STORED && later) ||
        size == UINT32_MAX)
        return fail(reading->error, "an archive of a kind that is not read here");
    if (fseek(reading->file, skipped, SEEK_CUR) != 0)
        return fail(reading->error, "an archive that ends too early");
    if ((method == STORED ? read_stored(reading, size) : read_deflated(reading)) < 0 ||
        (later && read_descriptor(reading, &crc) < 0))
        return -1;
    return reading->crc == crc ? 0 : fail(reading->error, "a damaged archive");
}

static int
read_plain(struct reading *reading)
{
    unsigned char piece[PIECE];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, reading->file)) > 0) {
        if (take_text(reading, piece, got) < 0)
            return -1;
    }
    return 0;
}

int
archive_read_lines(FILE *file, archive_line *on_line, void *arg, struct fep_error *error)
{
    struct reading reading = {
        .file = file, .on_line = on_line, .arg = arg, .error = error, .crc = crc32(0, NULL, 0)};
    unsigned char head[HEAD];
    reading.line = malloc(ARCHIVE_LONGEST_LINE + 1);
    if (reading.line == NULL)
        return fail(error, "no memory for a file");
    rewind(file);
    bool zip = fread(head, 1, sizeof head, file) == sizeof head && number_at(head, 4) == 0x04034b50;
    if (!zip)
        rewind(file);
    int status = zip ? read_member(&reading, head) : read_plain(&reading);
    if (status == 0 && reading.size > 0)
        status = end_line(&reading);
    if (status == 0 && ferror(file))
        status = fail(error, "a file that can not be read");
    free(reading.line);
    return status;
}

/* --- writing --- */

static void
add_number(struct writer *out, uint32_t value, size_t bytes)
{
    unsigned char text[4];
    for (size_t i = 0; i < bytes; i++)
        text[i] = (unsigned char)(value >> (8 * i));
    writer_add(out, text, bytes);
}

/* What both headers have: version, flags (names are UTF-8), method, time, checksum, sizes, name's size. */
static void
add_common(struct writer *out, uint32_t crc, size_t size, size_t name_size)
{
    const uint32_t first_day = 0x21; /* 1980-01-01 */
    add_number(out, 10, 2);
    add_number(out, 0x800, 2);
    add_number(out, STORED, 2);
    add_number(out, 0, 2);
    add_number(out, first_day, 2);
    add_number(out, crc, 4);
    add_number(out, (uint32_t)size, 4);
    add_number(out, (uint32_t)size, 4);
    add_number(out, (uint32_t)name_size, 2);
    add_number(out, 0, 2);
}

void
archive_write(const char *name, const char *text, size_t size, struct writer *out)
{
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), (const unsigned char *)text, (uInt)size);
    size_t name_size = strlen(name), begin = out->size;
    add_number(out, 0x04034b50, 4);
    add_common(out, crc, size, name_size);
    writer_add(out, name, name_size);
    writer_add(out, text, size);
    size_t directory = out->size;
    add_number(out, 0x02014b50, 4);
    add_number(out, 10, 2);
    add_common(out, crc, size, name_size);
    add_number(out, 0, 2); /* comment */
    add_number(out, 0, 2); /* disk */
    add_number(out, 0, 2);
    add_number(out, 0, 4);
    add_number(out, 0, 4); /* where the member begins */
    writer_add(out, name, name_size);
    size_t end = out->size;
    add_number(out, 0x06054b50, 4);
    add_number(out, 0, 4);
    add_number(out, 1, 2);
    add_number(out, 1, 2);
    add_number(out, (uint32_t)(end - directory), 4);
    add_number(out, (uint32_t)(directory - begin), 4);
    add_number(out, 0, 2);
}

size_t
archive_cut(char *line, char **columns, size_t room)
{
    size_t count = 0;
    for (char *at = line; at != NULL; count++) {
        char *end = strchr(at, '\t');
        if (end != NULL)
            *end++ = '\0';
        if (count < room)
            columns[count] = strcmp(at, "null") == 0 ? at + 4 : at;
        at = end;
    }
    return count;
}
