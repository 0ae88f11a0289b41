/* Writing a file of ours from pages of the gateway's books. Must never let a reader see half of it, and never
 * replace a complete file: what has changed since becomes the next batch. Fails without leaving anything
 * behind. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "wire.h"

struct file_writer {
    const struct files *files;
    const struct file_kind *kind;
    struct fep_record *head, *trailer, *asked;
    struct file_sums sums;
    FILE *file;
    char name[FILE_NAME_SIZE], temporary[640];
    struct file_facts before; /* the last complete one; no name: none */
    unsigned char *line;
    uint64_t size, records, wanted;
    uint32_t crc, crc_of_rest; /* of all; of all but the header */
    bool pages;                /* the first page has come */
};

/* --- where it goes --- */

static int
make_name(struct file_writer *writer, unsigned batch)
{
    const struct files *files = writer->files;
    const struct fep_host *host = files->host;
    char number[16];
    int place = find_field(writer->kind->head, files->wire.batch);
    snprintf(number, sizeof number, "%0*u", (int)(writer->kind->head->fields[place].length % 10u), batch);
    return set_field(host, writer->head, files->wire.batch, number) == 0
               ? files_make_name(files, writer->kind, writer->head, writer->asked, writer->name)
               : -1;
}

/* The next batch that is free; what is complete is never touched. */
static int
choose_batch(struct file_writer *writer, struct fep_error *error)
{
    char field[FILE_FIELD_SIZE + 2];
    snprintf(field, sizeof field, "{%s}", writer->files->wire.batch);
    bool numbered = strstr(writer->kind->form, field) != NULL;
    unsigned last = 0;
    for (unsigned batch = 1; numbered && batch <= FILE_LAST_BATCH; batch++) {
        if (make_name(writer, batch) < 0)
            return set_error(error, 0, 9001, "no name can be made for the file");
        if (files_read_ok(writer->files->out, writer->name, &writer->before) == 0)
            last = batch;
    }
    if (last == FILE_LAST_BATCH)
        return set_error(error, 0, 9001, "no batch is left for %.90s", writer->name);
    if (make_name(writer, last + 1) < 0)
        return set_error(error, 0, 9001, "no name can be made for the file");
    struct file_facts there;
    if (!numbered && files_read_ok(writer->files->out, writer->name, &there) == 0)
        return set_error(error, 0, 9001, "%.90s is complete already", writer->name);
    return 0;
}

/* Two requests may lead to one name: the second must not write into the first one's file. What a crash has
 * left behind is nobody's. */
static int
open_temporary(struct file_writer *writer, struct fep_error *error)
{
    char path[sizeof writer->temporary];
    snprintf(path, sizeof path, "%s/%s.tmp", writer->files->out, writer->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, 0) == 0)
        writer->file = fdopen(fd, "w");
    if (writer->file != NULL) {
        memcpy(writer->temporary, path, sizeof path);
        return 0;
    }
    set_error(error, 0, 9001, "%.90s can not be written: %s", writer->name,
              errno == EWOULDBLOCK ? "it is being written" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int
put_line(struct file_writer *writer, const struct fep_record *record, struct fep_error *error)
{
    size_t size = writer->kind->record_size;
    if (fixed_encode_record(writer->files->codec, record, writer->line, size, error) != (int)size)
        return -1;
    writer->line[size++] = '\n';
    if (fwrite(writer->line, 1, size, writer->file) != size)
        return set_error(error, 0, 9001, "%.90s can not be written: %s", writer->name, strerror(errno));
    writer->crc = fixed_crc32_add(writer->crc, writer->line, size);
    if (writer->size > 0)
        writer->crc_of_rest = fixed_crc32_add(writer->crc_of_rest, writer->line, size);
    writer->size += size;
    return 0;
}

static int
begin(struct file_writer *writer, const char *day, const struct fep_record *asked, struct fep_error *error)
{
    const struct files *files = writer->files;
    const struct fep_host *host = files->host;
    uint32_t date, time;
    char created[32], trailer[24];
    host->read_local_time(host->self, &date, &time);
    snprintf(created, sizeof created, "%08u%06u", (unsigned)(date % 100000000u), (unsigned)(time % 1000000u));
    snprintf(trailer, sizeof trailer, "%s-T", writer->kind->name);
    writer->head = files_make_head(files, writer->kind, true, day, 1);
    writer->trailer = host->create_record(host->self, trailer);
    writer->line = malloc(writer->kind->record_size + 1);
    writer->asked = asked != NULL ? host->create_record(host->self, host->record_layout(asked)->name) : NULL;
    if (writer->head == NULL || writer->trailer == NULL || writer->line == NULL ||
        (asked != NULL && (writer->asked == NULL || files_copy_fields(host, asked, writer->asked) < 0)) ||
        set_field(host, writer->head, files->wire.created, created) < 0)
        return set_error(error, 0, 9001, "no memory for a file");
    if (sums_open(&writer->sums, files, writer->kind, error) < 0 || choose_batch(writer, error) < 0)
        return -1;
    return open_temporary(writer, error) < 0 ? -1 : put_line(writer, writer->head, error);
}

struct file_writer *
writer_open(const struct files *files, const struct file_kind *kind, const char *day,
            const struct fep_record *asked, struct fep_error *error)
{
    struct file_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        set_error(error, 0, 9001, "no memory for a file");
        return NULL;
    }
    writer->files = files;
    writer->kind = kind;
    if (begin(writer, day, asked, error) == 0)
        return writer;
    writer_close(writer);
    return NULL;
}

/* --- details --- */

/* The figures over all details stand in every page; another figure means that the books changed meanwhile. */
static int
take_totals(struct file_writer *writer, const struct fep_record *page, struct fep_error *error)
{
    const struct fep_host *host = writer->files->host;
    const struct fep_layout *layout = writer->kind->trailer;
    for (size_t i = 0; i < layout->field_count; i++) {
        struct fep_bytes value = get_field(host, page, layout->fields[i].name),
                         known = host->record_get(writer->trailer, i);
        bool same =
            value.size == known.size && (value.size == 0 || memcmp(value.data, known.data, value.size) == 0);
        if (writer->pages && !same)
            return set_error(error, 0, 9001, "the books changed while they were read");
        if (!writer->pages && value.size > 0 &&
            host->record_set(writer->trailer, i, (const char *)value.data, value.size) < 0)
            return set_error(error, 0, 9001, "no memory for a file");
    }
    char count[24];
    if (copy_field(host, writer->trailer, writer->files->wire.count, count, sizeof count) <= 0)
        return set_error(error, 0, 1003, "the page does not say how many details there are");
    writer->wanted = strtoull(count, NULL, 10);
    writer->pages = true;
    return 0;
}

static int
put_detail(struct file_writer *writer, const struct fep_record *page, size_t row, struct fep_record *detail,
           struct fep_error *error)
{
    const struct fep_host *host = writer->files->host;
    const struct fep_layout *from = host->record_layout(page), *to = writer->kind->detail;
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)writer->records + 1);
    for (size_t i = 0; i < to->field_count; i++) {
        int place = files_find_in_group(from, to->fields[i].name);
        struct fep_bytes value =
            place >= 0 ? host->record_get_in_row(page, row, (size_t)place) : (struct fep_bytes){NULL, 0};
        if (value.size > 0 && host->record_set(detail, i, (const char *)value.data, value.size) < 0)
            return set_error(error, 0, 9001, "no memory for a file");
    }
    if (files_set_constants(writer->files, writer->kind, detail) < 0 ||
        set_field(host, detail, writer->kind->sequence, number) < 0)
        return set_error(error, 0, 9001, "no memory for a file");
    if (sums_add(&writer->sums, detail, error) < 0 || put_line(writer, detail, error) < 0)
        return -1;
    writer->records++;
    return 0;
}

int
writer_add(struct file_writer *writer, const struct fep_record *page, struct fep_error *error)
{
    const struct fep_host *host = writer->files->host;
    int status = take_totals(writer, page, error);
    for (size_t row = 0; status == 0 && row < host->record_rows(page); row++) {
        struct fep_record *detail = host->create_record(host->self, writer->kind->detail->name);
        status = detail != NULL ? put_detail(writer, page, row, detail, error)
                                : set_error(error, 0, 9001, "no memory for a file");
        host->release_record(host->self, detail);
    }
    return status;
}

/* --- the end --- */

/* Does the last complete file say the same? Its header may differ: it has the moment of writing in it. */
static bool
is_unchanged(const struct file_writer *writer)
{
    unsigned char chunk[8192];
    char path[640];
    uint32_t all = 0, rest = 0;
    uint64_t size = 0, head = writer->kind->record_size + 1;
    if (writer->before.name[0] == '\0' || writer->before.size != writer->size)
        return false;
    snprintf(path, sizeof path, "%s/%s", writer->files->out, writer->before.name);
    FILE *file = fopen(path, "re");
    for (size_t got; file != NULL && (got = fread(chunk, 1, sizeof chunk, file)) > 0; size += got) {
        size_t skip = size >= head ? 0 : head - size < got ? (size_t)(head - size) : got;
        all = fixed_crc32_add(all, chunk, got);
        rest = fixed_crc32_add(rest, chunk + skip, got - skip);
    }
    if (file != NULL)
        fclose(file);
    return size == writer->size && all == writer->before.crc && rest == writer->crc_of_rest;
}

static int
put_in_place(struct file_writer *writer, struct fep_error *error)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", writer->files->out, writer->name);
    bool good = fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0;
    good = fclose(writer->file) == 0 && good;
    writer->file = NULL;
    if (!good || rename(writer->temporary, path) != 0 || files_sync_directory(writer->files->out) != 0) {
        (void)unlink(writer->temporary);
        return set_error(error, 0, 9001, "%.90s can not be written: %s", writer->name, strerror(errno));
    }
    writer->temporary[0] = '\0';
    return 0;
}

int
writer_finish(struct file_writer *writer, struct file_facts *facts, struct fep_error *error)
{
    char line[64];
    *facts = writer->before;
    if (!writer->pages || writer->records != writer->wanted)
        return set_error(error, 0, 9001, "the books changed while they were read");
    if (sums_check(&writer->sums, writer->trailer, error) < 0)
        return set_error(error, 0, 9001, "the books changed while they were read, or do not add up");
    if (writer->records == 0 && writer->before.name[0] == '\0')
        return 0;
    if (files_set_constants(writer->files, writer->kind, writer->trailer) < 0)
        return set_error(error, 0, 9001, "no memory for a file");
    if (put_line(writer, writer->trailer, error) < 0)
        return -1;
    if (is_unchanged(writer))
        return 0;
    *facts = (struct file_facts){.size = writer->size, .crc = writer->crc, .records = writer->records};
    snprintf(facts->name, sizeof facts->name, "%s", writer->name);
    files_write_ok_line(facts, line);
    if (put_in_place(writer, error) < 0)
        return -1;
    if (files_put(writer->files->out, writer->name, ".ok", line) < 0)
        return set_error(error, 0, 9001, "%.90s.ok can not be written: %s", writer->name, strerror(errno));
    return 0;
}

void
writer_close(struct file_writer *writer)
{
    if (writer == NULL)
        return;
    const struct fep_host *host = writer->files->host;
    if (writer->file != NULL)
        fclose(writer->file);
    if (writer->temporary[0] != '\0')
        (void)unlink(writer->temporary);
    host->release_record(host->self, writer->head);
    host->release_record(host->self, writer->trailer);
    host->release_record(host->self, writer->asked);
    free(writer->line);
    free(writer);
}
