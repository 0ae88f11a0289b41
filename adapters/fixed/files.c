/* Kinds of files: what the mapping says of them, their names, and small files that are whole or not there.
 * Must never follow a name out of its directory. Fails by return value; what a mapping lacks is said at open.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { PATH_ROOM = 640 };

/* --- facts --- */

static int
read_wire(struct files *files, struct fep_error *error)
{
    struct file_wire *wire = &files->wire;
    const struct {
        const char *name;
        const char **value;
        bool required;
    } keys[] = {{"file_request", &wire->request, true},
                {"file_notice", &wire->notice, false},
                {"file_name", &wire->name, true},
                {"file_constants", &wire->constants, false},
                {"file_asked_day", &wire->asked_day, false},
                {"file_from", &wire->from, false},
                {"file_sequence", &wire->sequence, true},
                {"file_sums", &wire->sums, false},
                {"file_counts", &wire->counts, false},
                {"file_left_out", &wire->left_out, false},
                {"file_sender", &wire->sender, true},
                {"file_receiver", &wire->receiver, true},
                {"file_day", &wire->day, true},
                {"file_batch", &wire->batch, true},
                {"file_created", &wire->created, true},
                {"file_count", &wire->count, true},
                {"file_status", &wire->status, true},
                {"file_ready", &wire->ready, true},
                {"file_not_ready", &wire->not_ready, true},
                {"file_none", &wire->none, true},
                {"file_field", &wire->file, true},
                {"file_size", &wire->size, true},
                {"file_crc", &wire->crc, true},
                {"file_records", &wire->records, true},
                {"file_page", &wire->page, true},
                {"file_page_size", &wire->page_size, true},
                {"file_last_page", &wire->last_page, true},
                {"file_page_rows", &wire->page_rows, false},
                {"node", &wire->node, true},
                {"peer_node", &wire->peer_node, true}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        *keys[i].value = wire_text(files->host, keys[i].name);
        if (*keys[i].value == NULL && keys[i].required)
            return set_error(error, 0, 0, "the mapping has wire.files and lacks wire.%s", keys[i].name);
    }
    return 0;
}

bool
files_next(const char **at, const struct file_kind *kind, char rest[128])
{
    const char *word;
    size_t size, name = strlen(kind->name);
    while (*at != NULL && next_word(at, &word, &size)) {
        if (size > name + 1 && size - name - 1 < 128 && memcmp(word, kind->name, name) == 0 &&
            word[name] == ':') {
            memcpy(rest, word + name + 1, size - name - 1);
            rest[size - name - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* The one item of a fact; empty if there is none, negative if it is too long. */
static int
read_item(const char *fact, const struct file_kind *kind, char *out, size_t size)
{
    char rest[128];
    out[0] = '\0';
    if (!files_next(&fact, kind, rest))
        return 0;
    return snprintf(out, size, "%s", rest) < (int)size ? 1 : -1;
}

static const struct fep_layout *
find_part(const struct files *files, const struct file_kind *kind, const char *part)
{
    char name[24];
    snprintf(name, sizeof name, "%s-%s", kind->name, part);
    return files->host->find_layout(files->host->self, name);
}

static int
check_field(const struct fep_layout *layout, const char *field, struct fep_error *error)
{
    return find_field(layout, field) >= 0
               ? 0
               : set_error(error, 0, 0, "layout %.40s has no field %.40s", layout->name, field);
}

static int
check_layouts(struct files *files, struct file_kind *kind, struct fep_error *error)
{
    const struct file_wire *wire = &files->wire;
    static const char *const parts[] = {"H", "D", "T", "Q", "R"};
    for (size_t i = 0; i < 5; i++) {
        if (find_part(files, kind, parts[i]) == NULL)
            return set_error(error, 0, 0, "the mapping has no layout %s-%s", kind->name, parts[i]);
    }
    kind->head = find_part(files, kind, "H");
    kind->detail = find_part(files, kind, "D");
    kind->trailer = find_part(files, kind, "T");
    kind->record_size = fixed_plain_size(kind->head);
    if (kind->record_size < 2 || kind->record_size > 4096 ||
        kind->record_size != fixed_plain_size(kind->detail) ||
        kind->record_size != fixed_plain_size(kind->trailer))
        return set_error(error, 0, 0,
                         "layouts %s-H, -D and -T take %zu, %zu and %zu bytes; expected the same", kind->name,
                         kind->record_size, fixed_plain_size(kind->detail), fixed_plain_size(kind->trailer));
    const char *const head[] = {wire->sender, wire->receiver, wire->day, wire->batch, wire->created};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        if (check_field(kind->head, head[i], error) < 0)
            return -1;
    }
    struct file_sums sums;
    return check_field(kind->trailer, wire->count, error) < 0 ||
                   check_field(kind->detail, kind->sequence, error) < 0 ||
                   check_field(find_part(files, kind, "Q"), wire->page, error) < 0 ||
                   check_field(find_part(files, kind, "Q"), wire->page_size, error) < 0 ||
                   check_field(find_part(files, kind, "R"), wire->last_page, error) < 0
               ? -1
               : sums_open(&sums, files, kind, error);
}

/* What is told of a file stands in the answer to its request and in the notice. */
static int
check_answers(const struct files *files, const struct file_kind *kind, struct fep_error *error)
{
    const struct file_wire *wire = &files->wire;
    const char *const fields[] = {wire->status, wire->file, wire->size, wire->crc, wire->records};
    char name[24];
    for (int notice = 0; notice < 2; notice++) {
        if (notice && kind->notice[0] == '\0')
            break;
        snprintf(name, sizeof name, "%.12s-%s", notice ? kind->notice : kind->request, notice ? "Q" : "R");
        const struct fep_layout *layout = files->host->find_layout(files->host->self, name);
        if (layout == NULL)
            return set_error(error, 0, 0, "the mapping has no layout %s", name);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            if (check_field(layout, fields[i], error) < 0)
                return -1;
        }
    }
    snprintf(name, sizeof name, "%.12s-Q", kind->request);
    const struct fep_layout *layout = files->host->find_layout(files->host->self, name);
    if (layout == NULL)
        return set_error(error, 0, 0, "the mapping has no layout %s", name);
    return kind->asked_day[0] == '\0' ? 0 : check_field(layout, kind->asked_day, error);
}

static int
read_kind(struct files *files, const char *word, size_t size, struct fep_error *error)
{
    const struct file_wire *wire = &files->wire;
    if (files->kind_count == FILE_KINDS || size >= sizeof files->kinds[0].name)
        return set_error(error, 0, 0, "wire.files names more than %d kinds, or a long one", FILE_KINDS);
    struct file_kind *kind = &files->kinds[files->kind_count];
    memcpy(kind->name, word, size);
    char from[16];
    if (read_item(wire->request, kind, kind->request, sizeof kind->request) <= 0 ||
        read_item(wire->name, kind, kind->form, sizeof kind->form) <= 0 ||
        read_item(wire->sequence, kind, kind->sequence, sizeof kind->sequence) <= 0 ||
        read_item(wire->notice, kind, kind->notice, sizeof kind->notice) < 0 ||
        read_item(wire->asked_day, kind, kind->asked_day, sizeof kind->asked_day) < 0 ||
        read_item(wire->from, kind, from, sizeof from) < 0)
        return set_error(error, 0, 0,
                         "wire.file_request, file_name or file_sequence says nothing usable of %s",
                         kind->name);
    kind->waits = from[0] != '\0';
    kind->from = (uint32_t)strtoul(from, NULL, 10);
    if (check_layouts(files, kind, error) < 0 || check_answers(files, kind, error) < 0)
        return -1;
    files->kind_count++;
    return 0;
}

static int
check_directory(const char *directory, const char *option, struct fep_error *error)
{
    if (directory == NULL || (strlen(directory) < 400 && access(directory, R_OK | W_OK | X_OK) == 0))
        return 0;
    return set_error(error, 0, 0, "option %s: the directory %.200s can not be used", option, directory);
}

int
files_open(struct files *files, const struct fep_host *host, struct fixed_codec *codec, const char *in,
           const char *out, struct fep_error *error)
{
    *files = (struct files){.host = host, .codec = codec};
    files->in = in != NULL && in[0] != '\0' ? in : NULL;
    files->out = out != NULL && out[0] != '\0' ? out : NULL;
    files->wire.kinds = wire_text(host, "files");
    if (check_directory(files->in, "file_in", error) < 0 ||
        check_directory(files->out, "file_out", error) < 0)
        return -1;
    if (files->wire.kinds == NULL)
        return files->in == NULL && files->out == NULL
                   ? 0
                   : set_error(error, 0, 0, "options file_in and file_out: the mapping has no wire.files");
    if (read_wire(files, error) < 0)
        return -1;
    const char *at = files->wire.kinds, *word;
    size_t size;
    while (next_word(&at, &word, &size)) {
        if (read_kind(files, word, size, error) < 0)
            return -1;
    }
    return 0;
}

const struct file_kind *
files_by_name(const struct files *files, const char *local)
{
    for (size_t i = 0; i < files->kind_count; i++) {
        if (strcmp(files->kinds[i].name, local) == 0)
            return &files->kinds[i];
    }
    return NULL;
}

const struct file_kind *
files_by_request(const struct files *files, const char *local)
{
    for (size_t i = 0; i < files->kind_count; i++) {
        if (strcmp(files->kinds[i].request, local) == 0)
            return &files->kinds[i];
    }
    return NULL;
}

const struct file_kind *
files_by_notice(const struct files *files, const char *local)
{
    for (size_t i = 0; i < files->kind_count; i++) {
        if (files->kinds[i].notice[0] != '\0' && strcmp(files->kinds[i].notice, local) == 0)
            return &files->kinds[i];
    }
    return NULL;
}

/* --- records --- */

bool
files_constant(const struct files *files, const struct file_kind *kind, const char *field, char value[64])
{
    const char *at = files->wire.constants;
    char item[128];
    while (files_next(&at, kind, item)) {
        char *text = strchr(item, '=');
        if (text == NULL)
            continue;
        *text++ = '\0';
        if (strcmp(item, field) == 0)
            return snprintf(value, 64, "%s", text) < 64;
    }
    return false;
}

int
files_set_constants(const struct files *files, const struct file_kind *kind, struct fep_record *record)
{
    const struct fep_layout *layout = files->host->record_layout(record);
    char value[64];
    for (size_t i = 0; i < layout->field_count; i++) {
        if (files_constant(files, kind, layout->fields[i].name, value) &&
            files->host->record_set(record, i, value, strlen(value)) < 0)
            return -1;
    }
    return 0;
}

int
files_copy_fields(const struct fep_host *host, const struct fep_record *from, struct fep_record *to)
{
    const struct fep_layout *layout = host->record_layout(to);
    for (size_t i = 0; i < layout->field_count; i++) {
        struct fep_bytes value = get_field(host, from, layout->fields[i].name);
        if (value.size > 0 && host->record_set(to, i, (const char *)value.data, value.size) < 0)
            return -1;
    }
    return 0;
}

int
files_find_in_group(const struct fep_layout *layout, const char *name)
{
    for (size_t i = 0; layout->group_name != NULL && i < layout->group_field_count; i++) {
        if (strcmp(layout->group_fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

struct fep_record *
files_make_head(const struct files *files, const struct file_kind *kind, bool ours, const char *day,
                unsigned batch)
{
    const struct fep_host *host = files->host;
    const struct file_wire *wire = &files->wire;
    struct fep_record *head = host->create_record(host->self, kind->head->name);
    int place = find_field(kind->head, wire->batch);
    char number[16];
    snprintf(number, sizeof number, "%0*u", (int)(kind->head->fields[place].length % 10u), batch);
    if (head != NULL && files_set_constants(files, kind, head) == 0 &&
        set_field(host, head, wire->sender, ours ? wire->node : wire->peer_node) == 0 &&
        set_field(host, head, wire->receiver, ours ? wire->peer_node : wire->node) == 0 &&
        set_field(host, head, wire->day, day) == 0 && set_field(host, head, wire->batch, number) == 0)
        return head;
    host->release_record(host->self, head);
    return NULL;
}

/* --- names --- */

int
files_make_name(const struct files *files, const struct file_kind *kind, const struct fep_record *head,
                const struct fep_record *asked, char name[FILE_NAME_SIZE])
{
    const struct fep_host *host = files->host;
    size_t used = 0;
    for (const char *at = kind->form; *at != '\0'; at++) {
        char field[FILE_FIELD_SIZE], value[64] = "";
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (end == NULL) {
            snprintf(value, sizeof value, "%c", *at);
        } else {
            snprintf(field, sizeof field, "%.*s", (int)(end - at - 1), at + 1);
            const struct fep_record *from = find_field(kind->head, field) >= 0 ? head : asked;
            if (from == NULL || copy_field(host, from, field, value, sizeof value) <= 0)
                return -1;
            at = end;
        }
        size_t size = strlen(value);
        if (used + size >= FILE_NAME_SIZE)
            return -1;
        memcpy(name + used, value, size);
        used += size;
    }
    name[used] = '\0';
    return files_name_is_safe(name) ? 0 : -1;
}

bool
files_name_is_safe(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        bool word = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
                    *c == '_' || *c == '-' || *c == '.';
        if (!word)
            return false;
    }
    return name[0] != '\0' && name[0] != '.' && strlen(name) < FILE_NAME_SIZE;
}

uint32_t
files_shift_day(uint32_t day, int by)
{
    struct tm tm = {.tm_year = (int)(day / 10000) - 1900,
                    .tm_mon = (int)(day / 100 % 100) - 1,
                    .tm_mday = (int)(day % 100) + by};
    time_t moment = timegm(&tm);
    struct tm after;
    if (gmtime_r(&moment, &after) == NULL)
        return day;
    return (uint32_t)((after.tm_year + 1900) * 10000 + (after.tm_mon + 1) * 100 + after.tm_mday);
}

bool
files_is_due(const struct file_kind *kind, uint32_t day, uint32_t today, uint32_t clock)
{
    uint32_t next = files_shift_day(day, 1);
    return !kind->waits || today > next || (today == next && clock >= kind->from);
}

/* --- what is told of a file --- */

static bool
read_number(const struct fep_host *host, const struct fep_record *record, const char *field, uint64_t *number)
{
    char text[24];
    int size = copy_field(host, record, field, text, sizeof text);
    *number = size > 0 ? strtoull(text, NULL, 10) : 0;
    return size > 0 && is_all_digits(text, (size_t)size);
}

int
files_read_told(const struct files *files, const struct fep_record *record, struct file_facts *facts,
                char status[8])
{
    const struct fep_host *host = files->host;
    const struct file_wire *wire = &files->wire;
    char crc[16], *end;
    *facts = (struct file_facts){0};
    if (copy_field(host, record, wire->status, status, 8) <= 0)
        return -1;
    if (strcmp(status, wire->ready) != 0)
        return 0;
    if (copy_field(host, record, wire->file, facts->name, sizeof facts->name) <= 0 ||
        copy_field(host, record, wire->crc, crc, sizeof crc) != 8 ||
        !read_number(host, record, wire->size, &facts->size) ||
        !read_number(host, record, wire->records, &facts->records))
        return -1;
    facts->crc = (uint32_t)strtoul(crc, &end, 16);
    return *end == '\0' ? 0 : -1;
}

int
files_set_told(const struct files *files, struct fep_record *record, const char *status,
               const struct file_facts *facts)
{
    const struct fep_host *host = files->host;
    const struct file_wire *wire = &files->wire;
    char size[24], crc[16], records[24];
    if (set_field(host, record, wire->status, status) < 0)
        return -1;
    if (facts == NULL)
        return 0;
    snprintf(size, sizeof size, "%llu", (unsigned long long)facts->size);
    snprintf(crc, sizeof crc, "%08X", (unsigned)facts->crc);
    snprintf(records, sizeof records, "%llu", (unsigned long long)facts->records);
    return set_field(host, record, wire->file, facts->name) == 0 &&
                   set_field(host, record, wire->size, size) == 0 &&
                   set_field(host, record, wire->crc, crc) == 0 &&
                   set_field(host, record, wire->records, records) == 0
               ? 0
               : -1;
}

/* --- small files --- */

int
files_get(const char *directory, const char *name, const char *suffix, char *text, size_t size)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size);
    close(fd);
    if (got < 0 || (size_t)got >= size)
        return -1;
    text[got] = '\0';
    return (int)got;
}

void
files_write_ok_line(const struct file_facts *facts, char line[64])
{
    snprintf(line, 64, "%012llu %08X %08llu\n", (unsigned long long)facts->size, (unsigned)facts->crc,
             (unsigned long long)facts->records);
}

int
files_read_ok(const char *directory, const char *name, struct file_facts *facts)
{
    char text[64], line[64];
    struct file_facts read = {0};
    if (!files_name_is_safe(name) || files_get(directory, name, ".ok", text, sizeof text) != 31 ||
        !is_all_digits(text, 12) || !is_all_digits(text + 22, 8))
        return -1;
    read.size = strtoull(text, NULL, 10);
    read.crc = (uint32_t)strtoul(text + 13, NULL, 16);
    read.records = strtoull(text + 22, NULL, 10);
    files_write_ok_line(&read, line);
    if (strcmp(line, text) != 0)
        return -1;
    snprintf(read.name, sizeof read.name, "%s", name);
    *facts = read;
    return 0;
}

int
files_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0)
        close(fd);
    return status;
}

int
files_put(const char *directory, const char *name, const char *suffix, const char *text)
{
    char path[PATH_ROOM], temporary[PATH_ROOM];
    size_t size = strlen(text);
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    snprintf(temporary, sizeof temporary, "%s/%s%s.tmp", directory, name, suffix);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -1;
    bool good = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good && rename(temporary, path) == 0 && files_sync_directory(directory) == 0)
        return 0;
    (void)unlink(temporary);
    return -1;
}

int
files_find_latest(const struct files *files, const struct file_kind *kind, const char *directory, bool ours,
                  const char *day, const struct fep_record *asked, struct file_facts *facts)
{
    const struct fep_host *host = files->host;
    int found = -1;
    for (unsigned batch = 1; batch <= FILE_LAST_BATCH; batch++) {
        char name[FILE_NAME_SIZE];
        struct fep_record *head = files_make_head(files, kind, ours, day, batch);
        int made = head != NULL ? files_make_name(files, kind, head, asked, name) : -1;
        host->release_record(host->self, head);
        if (made < 0)
            break;
        struct file_facts one;
        if (files_read_ok(directory, name, &one) == 0) {
            *facts = one;
            found = (int)batch;
        } else if (ours) {
            break; /* ours are numbered without gaps */
        }
    }
    return found;
}
