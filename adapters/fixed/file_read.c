/* Reading a file of the peer's. Must never hand over a detail of a file that is not whole: size, checksum,
 * header, sequence, count and sums all fit, or nothing was read. A file that was taken once is remembered by
 * its checksum (NAME.taken), so that other content under the same name is refused. Fails by saying which of
 * these did not hold. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

enum { STEP_RECORDS = 256, LOG_WARNING_LEVEL = 4 };
#define MAX_FILE_SIZE (256u << 20)

struct file_reader {
    struct files *files;
    const struct file_kind *kind;
    struct file_facts facts;
    char day[16]; /* that was asked for; empty: any */
    struct fep_record *asked, *page;
    struct file_sums sums;
    int fd, sequence;
    unsigned char *chunk;
    uint64_t next, first_row, row_count; /* next: record, 0 is the header */
    uint32_t crc;
    struct file_verified verified; /* as it is */
    bool known;                    /* and was read as a whole before */
};

/* --- which file --- */

/* The batch that has this name; 0 if the name does not follow from what was asked. */
static unsigned
find_batch(const struct file_reader *reader, const char *name)
{
    const struct files *files = reader->files;
    for (unsigned batch = 1; batch <= FILE_LAST_BATCH; batch++) {
        char made[FILE_NAME_SIZE];
        struct fep_record *head = files_make_head(files, reader->kind, false, reader->day, batch);
        int status = head != NULL ? files_make_name(files, reader->kind, head, reader->asked, made) : -1;
        files->host->release_record(files->host->self, head);
        if (status < 0)
            return 0;
        if (strcmp(made, name) == 0)
            return batch;
    }
    return 0;
}

/* A later batch of the same that is complete replaces the one that was named. */
static int
choose_file(struct file_reader *reader, const struct file_facts *announced, struct fep_error *error)
{
    const struct files *files = reader->files;
    const struct file_kind *kind = reader->kind;
    char field[FILE_FIELD_SIZE + 2];
    snprintf(field, sizeof field, "{%s}", files->wire.batch);
    if (!files_name_is_safe(announced->name))
        return set_error(error, 0, 1003, "the name of the file is none");
    if (strstr(kind->form, field) != NULL) {
        unsigned batch = find_batch(reader, announced->name);
        if (batch == 0)
            return set_error(error, 0, 1003, "the file's name is not the one of this day and these nodes");
        int latest =
            files_find_latest(files, kind, files->in, false, reader->day, reader->asked, &reader->facts);
        if (latest > (int)batch)
            return 0;
    }
    if (files_read_ok(files->in, announced->name, &reader->facts) < 0)
        return set_error(error, 0, 9001, "there is no %.90s.ok that can be read", announced->name);
    if (reader->facts.size != announced->size || reader->facts.crc != announced->crc ||
        reader->facts.records != announced->records)
        return set_error(error, 0, 1001, "%.90s.ok says other than what was announced", announced->name);
    return 0;
}

static bool
is_known(const struct file_verified *file, const struct file_verified *last)
{
    return strcmp(file->name, last->name) == 0 && file->size == last->size && file->crc == last->crc &&
           file->inode == last->inode && file->changed_s == last->changed_s &&
           file->changed_ns == last->changed_ns;
}

static int
open_file(struct file_reader *reader, struct fep_error *error)
{
    const struct files *files = reader->files;
    const struct file_facts *facts = &reader->facts;
    char path[640], line[64], taken[64];
    struct stat status;
    files_write_ok_line(facts, line);
    if (files_get(files->in, facts->name, ".taken", taken, sizeof taken) > 0 && strcmp(line, taken) != 0) {
        snprintf(path, sizeof path, "file %.90s came again with other content", facts->name);
        files->host->log_event(files->host->self, LOG_WARNING_LEVEL, path, (int64_t)facts->records);
    }
    snprintf(path, sizeof path, "%s/%s", files->in, facts->name);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (reader->fd < 0 || fstat(reader->fd, &status) < 0 || !S_ISREG(status.st_mode))
        return set_error(error, 0, 9001, "it is not there or no file: %s", strerror(errno));
    uint64_t wanted = (facts->records + 2) * (reader->kind->record_size + 1);
    if ((uint64_t)status.st_size != facts->size || facts->size != wanted || facts->size > MAX_FILE_SIZE)
        return set_error(error, 0, 1001, "it has %lld bytes; .ok says %llu, %llu details take %llu",
                         (long long)status.st_size, (unsigned long long)facts->size,
                         (unsigned long long)facts->records, (unsigned long long)wanted);
    reader->verified = (struct file_verified){.size = facts->size,
                                              .crc = facts->crc,
                                              .inode = (uint64_t)status.st_ino,
                                              .changed_s = (int64_t)status.st_mtim.tv_sec,
                                              .changed_ns = (int64_t)status.st_mtim.tv_nsec};
    snprintf(reader->verified.name, sizeof reader->verified.name, "%s", facts->name);
    reader->known = is_known(&reader->verified, &files->verified);
    return 0;
}

static int
keep_question(struct file_reader *reader, const struct fep_record *asked, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    if (asked == NULL)
        return 0;
    reader->asked = host->create_record(host->self, host->record_layout(asked)->name);
    if (reader->asked == NULL || files_copy_fields(host, asked, reader->asked) < 0)
        return set_error(error, 0, 9001, "no memory");
    if (reader->kind->asked_day[0] != '\0' &&
        copy_field(host, asked, reader->kind->asked_day, reader->day, sizeof reader->day) < 0)
        reader->day[0] = '\0';
    return 0;
}

struct file_reader *
reader_open(struct files *files, const struct file_kind *kind, const struct fep_record *asked,
            const struct file_facts *announced, uint64_t first_row, uint64_t row_count,
            struct fep_error *error)
{
    const struct fep_host *host = files->host;
    struct fep_error why = {0};
    char page[24];
    struct file_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        set_error(error, 0, 9001, "no memory");
        return NULL;
    }
    *reader = (struct file_reader){
        .files = files, .kind = kind, .fd = -1, .first_row = first_row, .row_count = row_count};
    reader->sequence = find_field(kind->detail, kind->sequence);
    reader->chunk = malloc((kind->record_size + 1) * STEP_RECORDS);
    snprintf(page, sizeof page, "%s-R", kind->name);
    reader->page = host->create_record(host->self, page);
    set_error(&why, 0, 9001, "no memory");
    if (files->in == NULL)
        set_error(&why, 0, 9001, "option file_in is missing: there is no directory to read files from");
    else if (reader->chunk != NULL && reader->page != NULL && keep_question(reader, asked, &why) == 0 &&
             sums_open(&reader->sums, files, kind, &why) == 0 && choose_file(reader, announced, &why) == 0 &&
             open_file(reader, &why) == 0)
        return reader;
    set_error(error, 0, why.code, "file %.90s: %.300s",
              files_name_is_safe(announced->name) ? announced->name : "-", why.text);
    reader_close(reader);
    return NULL;
}

/* --- records --- */

static int
check_constants(const struct file_reader *reader, const struct fep_record *record, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    const struct fep_layout *layout = host->record_layout(record);
    char value[64];
    for (size_t i = 0; i < layout->field_count; i++) {
        if (files_constant(reader->files, reader->kind, layout->fields[i].name, value) &&
            !bytes_equal(host->record_get(record, i), value))
            return set_error(error, 0, 1001, "%.40s is not %.40s", layout->fields[i].name, value);
    }
    return 0;
}

static int
take_head(struct file_reader *reader, const struct fep_record *head, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    const struct file_wire *wire = &reader->files->wire;
    char name[FILE_NAME_SIZE];
    if (!bytes_equal(get_field(host, head, wire->sender), wire->peer_node) ||
        !bytes_equal(get_field(host, head, wire->receiver), wire->node))
        return set_error(error, 0, 1001, "its header names other nodes");
    if (reader->day[0] != '\0' && !bytes_equal(get_field(host, head, wire->day), reader->day))
        return set_error(error, 0, 1001, "its header is of another day");
    if (files_make_name(reader->files, reader->kind, head, reader->asked, name) < 0 ||
        strcmp(name, reader->facts.name) != 0)
        return set_error(error, 0, 1001, "its header says another name");
    return 0;
}

static int
keep_row(struct file_reader *reader, const struct fep_record *detail, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    const struct fep_layout *layout = host->record_layout(reader->page);
    size_t row = host->record_rows(reader->page);
    if (host->record_add_row(reader->page) < 0)
        return set_error(error, 0, 9001, "more than %zu details were asked for at once",
                         layout->group_max_rows);
    for (size_t i = 0; i < layout->group_field_count; i++) {
        struct fep_bytes value = get_field(host, detail, layout->group_fields[i].name);
        if (value.size > 0 &&
            host->record_set_in_row(reader->page, row, i, (const char *)value.data, value.size) < 0)
            return set_error(error, 0, 9001, "no memory");
    }
    return 0;
}

static int
take_detail(struct file_reader *reader, const struct fep_record *detail, struct fep_error *error)
{
    struct fep_bytes sequence = reader->files->host->record_get(detail, (size_t)reader->sequence);
    uint64_t number = 0;
    for (size_t i = 0; i < sequence.size && i < 18; i++)
        number = number * 10 + (uint64_t)(sequence.data[i] - '0');
    if (number != reader->next)
        return set_error(error, 0, 1001, "the sequence is broken");
    if (sums_add(&reader->sums, detail, error) < 0)
        return -1;
    bool wanted = number >= reader->first_row && number - reader->first_row < reader->row_count;
    return wanted ? keep_row(reader, detail, error) : 0;
}

static int
take_trailer(struct file_reader *reader, const struct fep_record *trailer, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    char count[24];
    int size = copy_field(host, trailer, reader->files->wire.count, count, sizeof count);
    if (size <= 0 || strtoull(count, NULL, 10) != reader->facts.records)
        return set_error(error, 0, 1001, "the trailer counts other details");
    if (!reader->known && sums_check(&reader->sums, trailer, error) < 0)
        return -1;
    return files_copy_fields(host, trailer, reader->page) == 0 ? 0 : set_error(error, 0, 9001, "no memory");
}

static int
take_record(struct file_reader *reader, const unsigned char *bytes, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    const struct file_kind *kind = reader->kind;
    bool first = reader->next == 0, last = reader->next == reader->facts.records + 1;
    const struct fep_layout *layout = first ? kind->head : last ? kind->trailer : kind->detail;
    if (bytes[kind->record_size] != '\n')
        return set_error(error, 0, 1001, "it does not end with a line feed");
    struct fep_record *record =
        fixed_decode_body(reader->files->codec, layout->name, bytes, kind->record_size, 0, error);
    if (record == NULL)
        return -1;
    int status = check_constants(reader, record, error);
    if (status == 0)
        status = first  ? take_head(reader, record, error)
                 : last ? take_trailer(reader, record, error)
                        : take_detail(reader, record, error);
    host->release_record(host->self, record);
    return status;
}

/* --- the end --- */

static int
set_number(const struct fep_host *host, struct fep_record *record, const char *field, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return field == NULL || find_field(host->record_layout(record), field) < 0
               ? 0
               : set_field(host, record, field, text);
}

static int
finish(struct file_reader *reader, struct fep_error *error)
{
    const struct fep_host *host = reader->files->host;
    const struct file_wire *wire = &reader->files->wire;
    char line[64];
    if (!reader->known && reader->crc != reader->facts.crc)
        return set_error(error, 0, 1001, "its checksum is not that of .ok");
    size_t rows = host->record_rows(reader->page);
    bool last = reader->first_row + rows > reader->facts.records;
    files_write_ok_line(&reader->facts, line);
    if (set_number(host, reader->page, wire->page_rows, rows) < 0 ||
        set_number(host, reader->page, wire->last_page, last) < 0)
        return set_error(error, 0, 9001, "no memory");
    if (files_put(reader->files->in, reader->facts.name, ".taken", line) < 0)
        return set_error(error, 0, 9001, "that it was taken can not be noted: %s", strerror(errno));
    reader->files->verified = reader->verified;
    return 0;
}

static bool
read_chunk(const struct file_reader *reader, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t got = read(reader->fd, reader->chunk + at, size - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* The page and the trailer of a file that was read as a whole and is untouched since. */
static int
read_page(struct file_reader *reader, struct fep_error *error)
{
    uint64_t last = reader->facts.records + 1, each = reader->kind->record_size + 1, row = reader->first_row;
    for (uint64_t i = 0; row > 0 && row < last && i < reader->row_count; i++, row++) {
        reader->next = row;
        if (pread(reader->fd, reader->chunk, (size_t)each, (off_t)(row * each)) != (ssize_t)each ||
            take_record(reader, reader->chunk, error) < 0)
            return -1;
    }
    reader->next = last;
    return pread(reader->fd, reader->chunk, (size_t)each, (off_t)(last * each)) == (ssize_t)each
               ? take_record(reader, reader->chunk, error)
               : -1;
}

enum reader_state
reader_step(struct file_reader *reader, struct fep_error *error)
{
    struct fep_error why = {0};
    if (reader->known) {
        set_error(&why, 0, 9001, "it can not be read");
        if (read_page(reader, &why) == 0 && finish(reader, &why) == 0)
            return READER_DONE;
        set_error(error, 0, why.code, "file %.90s, record %llu: %.250s", reader->facts.name,
                  (unsigned long long)reader->next + 1, why.text);
        return READER_REJECTED;
    }
    uint64_t left = reader->facts.records + 2 - reader->next;
    size_t count = left < STEP_RECORDS ? (size_t)left : STEP_RECORDS, each = reader->kind->record_size + 1;
    int status = read_chunk(reader, count * each) ? 0 : set_error(&why, 0, 9001, "it can not be read");
    if (status == 0)
        reader->crc = fixed_crc32_add(reader->crc, reader->chunk, count * each);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = take_record(reader, reader->chunk + i * each, &why);
        reader->next += status == 0;
    }
    bool all = status == 0 && reader->next == reader->facts.records + 2;
    uint64_t at = reader->next;
    if (all)
        status = finish(reader, &why);
    if (status == 0)
        return all ? READER_DONE : READER_MORE;
    set_error(error, 0, why.code, "file %.90s, record %llu: %.250s", reader->facts.name,
              (unsigned long long)at + 1, why.text);
    return READER_REJECTED;
}

struct fep_record *
reader_take_page(struct file_reader *reader)
{
    struct fep_record *page = reader->page;
    reader->page = NULL;
    return page;
}

const char *
reader_name(const struct file_reader *reader)
{
    return reader->facts.name;
}

void
reader_close(struct file_reader *reader)
{
    if (reader == NULL)
        return;
    const struct fep_host *host = reader->files->host;
    if (reader->fd >= 0)
        close(reader->fd);
    host->release_record(host->self, reader->asked);
    host->release_record(host->self, reader->page);
    free(reader->chunk);
    free(reader);
}
