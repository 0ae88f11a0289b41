/* See disk.h. Knows the files' durable contents, and the operations since their last sync. Directory entries
 * are durable once a new log or rollback journal beside them was synced, since SQLite then syncs the
 * directory. Ends the program if the surroundings fail: a torture that can't write its images says nothing.
 */
#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shim_vfs.h"

#define SECTOR 512
#define FILES  64

struct content {
    uint8_t *bytes;
    size_t size, room;
};
struct file {
    char name[64];
    int exists;        /* its entry, if all of the directory's changes were kept */
    int entry_pending; /* made or deleted, and the directory not synced since */
    int existed;       /* before that */
    int fresh;         /* made, and not synced since: its first sync is one of the directory, too */
    struct content durable;
    struct content before; /* the deleted file's, while entry_pending */
    size_t pending[1 << 14];
    size_t pending_count;
};
struct disk {
    struct file files[FILES];
    size_t count, position;
    int lies;
};

static void
die(const char *what)
{
    perror(what);
    abort();
}

uint64_t
dice_next(struct dice *dice)
{
    uint64_t z = dice->state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

unsigned
dice_below(struct dice *dice, unsigned limit)
{
    return (unsigned)(dice_next(dice) % limit);
}

/* --- contents */

static void
set_size(struct content *content, size_t size, struct dice *garbage)
{
    if (size > content->room) {
        content->room = size + (size >> 1) + 4096;
        content->bytes = realloc(content->bytes, content->room);
        if (content->bytes == NULL)
            die("memory");
    }
    for (size_t i = content->size; i < size; i++)
        content->bytes[i] = garbage != NULL ? (uint8_t)dice_next(garbage) : 0;
    content->size = size;
}

static void
put(struct content *content, size_t offset, const uint8_t *data, size_t size, struct dice *garbage)
{
    if (size == 0)
        return;
    if (offset + size > content->size)
        set_size(content, offset + size, garbage);
    memcpy(content->bytes + offset, data, size);
}

static void
copy_content(struct content *to, const struct content *from)
{
    to->size = 0;
    set_size(to, from->size, NULL);
    if (from->size > 0)
        memcpy(to->bytes, from->bytes, from->size);
}

static void
apply(struct content *content, const struct shim_op *op)
{
    if (op->type == SHIM_WRITE)
        put(content, (size_t)op->offset, op->data, op->size, NULL);
    else if (op->type == SHIM_TRUNCATE)
        set_size(content, (size_t)op->offset, NULL);
}

/* --- playing the recording */

static struct file *
find_file(struct disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->count; i++)
        if (strcmp(disk->files[i].name, name) == 0)
            return &disk->files[i];
    if (disk->count == FILES)
        die("too many files");
    struct file *file = &disk->files[disk->count++];
    snprintf(file->name, sizeof file->name, "%s", name);
    return file;
}

static size_t
folder_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? (size_t)(slash - name) + 1 : 0;
}

static void
sync_folder(struct disk *disk, const char *name)
{
    size_t length = folder_length(name);
    for (size_t i = 0; i < disk->count; i++) {
        struct file *file = &disk->files[i];
        if (folder_length(file->name) != length || strncmp(file->name, name, length) != 0)
            continue;
        file->entry_pending = 0;
        file->existed = file->exists;
        file->before.size = 0;
    }
}

static void
change_entry(struct file *file, int exists)
{
    if (!file->entry_pending) {
        file->existed = file->exists;
        copy_content(&file->before, &file->durable);
    }
    file->entry_pending = 1;
    file->exists = exists;
    file->fresh = exists;
    file->pending_count = 0;
    file->durable.size = 0;
}

void
disk_lie(struct disk *disk)
{
    disk->lies = 1;
}

static void
sync_file(struct disk *disk, struct file *file)
{
    if (disk->lies && strstr(file->name, "-wal") != NULL)
        return;
    for (size_t i = 0; i < file->pending_count; i++)
        apply(&file->durable, shim_op_at(file->pending[i]));
    file->pending_count = 0;
    size_t length = strlen(file->name);
    int beside = length > 4 && (strcmp(file->name + length - 4, "-wal") == 0 ||
                                strcmp(file->name + length - 4, "rnal") == 0);
    if (file->fresh && beside)
        sync_folder(disk, file->name);
    file->fresh = 0;
}

void
disk_advance(struct disk *disk, size_t position)
{
    for (; disk->position < position; disk->position++) {
        const struct shim_op *op = shim_op_at(disk->position);
        struct file *file = find_file(disk, op->file);
        if (op->type == SHIM_CREATE || op->type == SHIM_DELETE)
            change_entry(file, op->type == SHIM_CREATE);
        else if (op->type == SHIM_SYNC)
            sync_file(disk, file);
        else if (file->pending_count < sizeof file->pending / sizeof file->pending[0])
            file->pending[file->pending_count++] = disk->position;
        else
            die("too many writes without a sync");
    }
}

int
disk_has_pending(const struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        if (disk->files[i].pending_count > 0 || disk->files[i].entry_pending)
            return 1;
    return 0;
}

/* --- images */

/* Each sector of the write with a chance of `chance` in 8. */
static void
put_sectors(struct content *content, const struct shim_op *op, unsigned chance, struct dice *dice,
            struct dice *garbage)
{
    for (size_t at = 0; at < op->size;) {
        size_t end = SECTOR - ((size_t)op->offset + at) % SECTOR + at;
        if (end > op->size)
            end = op->size;
        if (dice_below(dice, 8) < chance)
            put(content, (size_t)op->offset + at, op->data + at, end - at, garbage);
        at = end;
    }
}

static void
put_pending(struct content *content, const struct file *file, enum image_mode mode, struct dice *dice)
{
    struct dice noise = *dice;
    struct dice *garbage = dice_below(dice, 4) == 0 ? &noise : NULL;
    unsigned count = (unsigned)file->pending_count, cut = count > 0 ? dice_below(dice, count) : 0;
    for (unsigned i = 0; i < count; i++) {
        const struct shim_op *op = shim_op_at(file->pending[i]);
        struct shim_op part = *op;
        int whole = mode == IMAGE_ALL || (mode == IMAGE_PREFIX && i < cut) ||
                    (mode == IMAGE_LAST && i >= cut) ||
                    ((mode == IMAGE_WRITES || op->type == SHIM_TRUNCATE) && mode != IMAGE_NONE &&
                     dice_below(dice, 2) == 0);
        if (whole) {
            apply(content, op);
        } else if (mode == IMAGE_PREFIX && i == cut && op->type == SHIM_WRITE) {
            part.size = dice_below(dice, (unsigned)op->size + 1);
            apply(content, &part);
        } else if (op->type == SHIM_WRITE &&
                   (mode == IMAGE_SECTORS || mode == IMAGE_SPARSE || mode == IMAGE_DENSE)) {
            put_sectors(content, op, mode == IMAGE_SECTORS ? 4 : mode == IMAGE_SPARSE ? 1 : 7, dice, garbage);
        }
    }
}

static void
write_file(const char *directory, const char *name, const struct content *content)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    for (size_t done = 0; done < content->size;) {
        ssize_t n = write(fd, content->bytes + done, content->size - done);
        if (n <= 0)
            die(path);
        done += (size_t)n;
    }
    close(fd);
}

void
disk_write_image(const struct disk *disk, const char *directory, enum image_mode mode, struct dice *dice)
{
    struct content content = {0};
    for (size_t i = 0; i < disk->count; i++) {
        const struct file *file = &disk->files[i];
        int kept =
            !file->entry_pending || mode == IMAGE_ALL || (mode != IMAGE_NONE && dice_below(dice, 2) == 0);
        if (!(kept ? file->exists : file->existed))
            continue;
        copy_content(&content, kept ? &file->durable : &file->before);
        if (kept)
            put_pending(&content, file, mode, dice);
        write_file(directory, file->name, &content);
    }
    free(content.bytes);
}

/* --- the beginning */

static void
read_file(struct disk *disk, const char *directory, const char *name)
{
    char path[700];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        die(path);
    struct file *file = find_file(disk, name);
    file->exists = file->existed = 1;
    set_size(&file->durable, (size_t)status.st_size, NULL);
    if (status.st_size > 0 && read(fd, file->durable.bytes, (size_t)status.st_size) != status.st_size)
        die(path);
    close(fd);
}

static void
read_folder(struct disk *disk, const char *directory, const char *below)
{
    char path[700], name[300];
    snprintf(path, sizeof path, "%s/%s", directory, below);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        snprintf(name, sizeof name, "%s%s", below, entry->d_name);
        if (dot != NULL && strncmp(dot, ".db", 3) == 0 && strstr(name, "-shm") == NULL)
            read_file(disk, directory, name);
    }
    closedir(folder);
}

struct disk *
disk_create(const char *directory)
{
    struct disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL)
        die("memory");
    read_folder(disk, directory, "");
    read_folder(disk, directory, "journal/");
    return disk;
}

void
disk_destroy(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        free(disk->files[i].durable.bytes);
        free(disk->files[i].before.bytes);
    }
    free(disk);
}
