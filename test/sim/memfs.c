/* See memfs.h. Must never keep what a power cut of the chosen kind would lose, nor lose what was synced.
 * Without memory the process ends. */
#include "memfs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coop.h"

enum { FILES = 32, SECTOR = 512, SHM_SLOTS = 8, SHM_REGIONS = 64 };

struct content {
    uint8_t *bytes;
    size_t size, room;
};
struct change { /* since the last sync; a truncation has no bytes */
    size_t offset, size, data;
    bool truncates;
};
struct file {
    char name[64];       /* below the system's directory */
    bool exists, synced; /* synced: its entry is durable */
    bool deleted_unsynced;
    struct content now, durable, log; /* log: the bytes of the changes */
    struct change *changes;
    size_t change_count, change_room;
    /* locks of the connections to it */
    unsigned shared;
    const void *reserved, *pending, *exclusive;
    void *shm[SHM_REGIONS];
    int shm_size;
    unsigned shm_shared[SHM_SLOTS];
    const void *shm_exclusive[SHM_SLOTS];
    unsigned shm_users;
};
struct memfs_image {
    size_t count;
    struct {
        char name[64];
        struct content content;
    } files[FILES];
};
struct memfs {
    char directory[MEMFS_PATH];
    struct file files[FILES];
    int64_t room; /* negative: no limit */
    int64_t ballast;
    bool armed;
    unsigned left;
    unsigned (*roll)(void *arg, unsigned limit);
    void *arg;
    struct memfs_image *image;
    uint64_t torn;
};
struct handle {
    sqlite3_file base;
    struct memfs *system;
    struct file *file;
    int level;
    unsigned shm_shared, shm_exclusive; /* masks */
    bool shm_used, temporary;
};

static struct memfs systems[MEMFS_SYSTEMS];
static char root[MEMFS_PATH];

static void *
need(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* --- contents */

static void
set_size(struct content *content, size_t size)
{
    if (size > content->room) {
        content->room = size + size / 2 + 4096;
        content->bytes = need(realloc(content->bytes, content->room));
    }
    if (size > content->size)
        memset(content->bytes + content->size, 0, size - content->size);
    content->size = size;
}

static void
put(struct content *content, size_t offset, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (offset + size > content->size)
        set_size(content, offset + size);
    memcpy(content->bytes + offset, data, size);
}

static void
copy_content(struct content *to, const struct content *from)
{
    to->size = 0;
    set_size(to, from->size);
    if (from->size > 0)
        memcpy(to->bytes, from->bytes, from->size);
}

static void
note_change(struct file *file, size_t offset, const void *data, size_t size, bool truncates)
{
    if (file->change_count == file->change_room) {
        file->change_room = file->change_room * 2 + 64;
        file->changes = need(realloc(file->changes, file->change_room * sizeof *file->changes));
    }
    file->changes[file->change_count++] =
        (struct change){.offset = offset, .size = size, .data = file->log.size, .truncates = truncates};
    put(&file->log, file->log.size, data, size);
}

static void
apply_change(struct content *content, const struct file *file, const struct change *change)
{
    if (change->truncates)
        set_size(content, change->offset);
    else
        put(content, change->offset, file->log.bytes + change->data, change->size);
}

static void
settle(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        apply_change(&file->durable, file, &file->changes[i]);
    file->change_count = 0;
    file->log.size = 0;
    file->synced = true;
}

/* --- the power cut */

enum image_mode { CUT_NOTHING, CUT_ALL, CUT_PREFIX, CUT_SECTORS, CUT_WRITES, CUT_MODES };

/* Returns whether it was kept whole. */
static bool
keep_some(struct memfs *system, struct content *content, const struct file *file, const struct change *change,
          enum image_mode mode, bool before, bool at)
{
    struct change part = *change;
    if (mode == CUT_ALL || (mode == CUT_PREFIX && before) ||
        ((mode == CUT_WRITES || change->truncates) && mode != CUT_NOTHING &&
         system->roll(system->arg, 2) == 0)) {
        apply_change(content, file, change);
        return true;
    }
    if (mode == CUT_PREFIX && at && !change->truncates) {
        part.size = system->roll(system->arg, (unsigned)change->size + 1);
        apply_change(content, file, &part);
    }
    if (mode != CUT_SECTORS || change->truncates)
        return false;
    for (size_t done = 0; done < change->size; done += part.size) {
        part.offset = change->offset + done;
        part.data = change->data + done;
        part.size = SECTOR - part.offset % SECTOR;
        if (part.size > change->size - done)
            part.size = change->size - done;
        if (system->roll(system->arg, 2) == 0)
            apply_change(content, file, &part);
    }
    return false;
}

static void
cut(struct memfs *system)
{
    enum image_mode mode = system->roll(system->arg, CUT_MODES);
    struct memfs_image *image = need(calloc(1, sizeof *image));
    system->torn = 0;
    for (const struct file *file = system->files; file < system->files + FILES; file++) {
        bool exists = file->exists;
        if (file->name[0] == '\0')
            continue;
        if ((exists && !file->synced) || file->deleted_unsynced)
            exists = mode == CUT_ALL       ? exists
                     : mode == CUT_NOTHING ? !exists
                                           : system->roll(system->arg, 2) == 0;
        if (!exists)
            continue;
        struct content *content = &image->files[image->count].content;
        memcpy(image->files[image->count++].name, file->name, sizeof file->name);
        copy_content(content, &file->durable);
        size_t torn_at = file->change_count > 0 ? system->roll(system->arg, (unsigned)file->change_count) : 0;
        for (size_t i = 0; i < file->change_count; i++)
            system->torn +=
                !keep_some(system, content, file, &file->changes[i], mode, i < torn_at, i == torn_at);
    }
    system->image = image;
    system->armed = false;
}

static void
count_operation(struct memfs *system)
{
    if (system->armed && system->left-- == 0)
        cut(system);
}

void
memfs_arm(unsigned number, unsigned operations, unsigned (*roll)(void *arg, unsigned limit), void *arg)
{
    struct memfs *system = &systems[number];
    memfs_image_release(system->image);
    system->image = NULL;
    system->armed = true;
    system->left = operations;
    system->roll = roll;
    system->arg = arg;
}

struct memfs_image *
memfs_take_image(unsigned number, uint64_t *torn)
{
    struct memfs *system = &systems[number];
    if (system->armed)
        cut(system);
    struct memfs_image *image = system->image;
    system->image = NULL;
    *torn = system->torn;
    return image;
}

void
memfs_image_release(struct memfs_image *image)
{
    for (size_t i = 0; image != NULL && i < image->count; i++)
        free(image->files[i].content.bytes);
    free(image);
}

/* --- names */

static void
path_of(const struct memfs *system, const char *name, char path[MEMFS_PATH + 64])
{
    snprintf(path, MEMFS_PATH + 64, "%s/%s", system->directory, name);
}

/* The empty file that stat() and readdir() see. */
static void
show(const struct memfs *system, const struct file *file)
{
    char path[MEMFS_PATH + 64];
    path_of(system, file->name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "m", 1) != 1)
        abort();
    close(fd);
}

static void
hide(const struct memfs *system, const struct file *file)
{
    char path[MEMFS_PATH + 64];
    path_of(system, file->name, path);
    (void)unlink(path); /* may be gone already */
}

static struct memfs *
system_of(const char *path, const char **name)
{
    for (struct memfs *system = systems; path != NULL && system < systems + MEMFS_SYSTEMS; system++) {
        size_t length = strlen(system->directory);
        if (length == 0 || strncmp(path, system->directory, length) != 0 || path[length] != '/')
            continue;
        *name = path + length + 1;
        return strlen(*name) < sizeof system->files[0].name ? system : NULL;
    }
    return NULL;
}

static struct file *
find_file(struct memfs *system, const char *name, bool create)
{
    struct file *unused = NULL;
    for (struct file *file = system->files; file < system->files + FILES; file++) {
        if (strcmp(file->name, name) == 0)
            return file;
        if (file->name[0] == '\0' && unused == NULL)
            unused = file;
    }
    if (!create)
        return NULL;
    snprintf(((struct file *)need(unused))->name, sizeof unused->name, "%s", name);
    return unused;
}

static void
forget_shm(struct file *file)
{
    for (int i = 0; i < SHM_REGIONS; i++) {
        free(file->shm[i]);
        file->shm[i] = NULL;
    }
}

static void
reset_file(struct file *file)
{
    file->exists = file->synced = file->deleted_unsynced = false;
    file->now.size = file->durable.size = file->log.size = 0;
    file->change_count = 0;
    file->shared = file->shm_users = 0;
    file->reserved = file->pending = file->exclusive = NULL;
    memset(file->shm_shared, 0, sizeof file->shm_shared);
    memset(file->shm_exclusive, 0, sizeof file->shm_exclusive);
    forget_shm(file);
    file->name[0] = '\0'; /* its buffers are used again */
}

const char *
memfs_directory(unsigned number)
{
    struct memfs *system = &systems[number];
    char path[MEMFS_PATH + 64];
    if (system->directory[0] == '\0') {
        snprintf(system->directory, sizeof system->directory, "%.150s/%u", root, number);
        path_of(system, "journal", path);
        if (mkdir(system->directory, 0700) != 0 || mkdir(path, 0700) != 0)
            abort();
        system->room = -1;
    }
    return system->directory;
}

struct memfs_image *
memfs_copy(unsigned number)
{
    const struct memfs *system = &systems[number];
    struct memfs_image *image = need(calloc(1, sizeof *image));
    for (const struct file *file = system->files; file < system->files + FILES; file++) {
        if (!file->exists)
            continue;
        memcpy(image->files[image->count].name, file->name, sizeof file->name);
        copy_content(&image->files[image->count++].content, &file->now);
    }
    return image;
}

void
memfs_put(unsigned number, const struct memfs_image *image)
{
    struct memfs *system = &systems[number];
    for (struct file *file = system->files; file < system->files + FILES; file++) {
        if (file->name[0] == '\0')
            continue;
        hide(system, file);
        reset_file(file);
    }
    for (size_t i = 0; image != NULL && i < image->count; i++) {
        struct file *file = find_file(system, image->files[i].name, true);
        copy_content(&file->now, &image->files[i].content);
        copy_content(&file->durable, &image->files[i].content);
        file->exists = file->synced = true;
        show(system, file);
    }
    system->room = -1;
}

void
memfs_limit(unsigned number, int64_t bytes, int64_t ballast)
{
    systems[number].room = bytes;
    systems[number].ballast = ballast;
}

static bool
has_room_for(struct memfs *system, int64_t growth)
{
    char path[MEMFS_PATH + 64];
    if (system->room < 0)
        return true;
    path_of(system, "ballast", path);
    if (growth > system->room && system->ballast > 0 && access(path, F_OK) != 0) {
        system->room += system->ballast;
        system->ballast = 0;
    }
    if (growth > system->room)
        return false;
    system->room -= growth;
    return true;
}

/* --- one file */

#define SELF struct handle *self = (struct handle *)base

static int
file_close(sqlite3_file *base)
{
    SELF;
    if (self->temporary) {
        free(self->file->now.bytes);
        free(self->file);
    }
    return SQLITE_OK;
}

static int
file_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset)
{
    SELF;
    const struct content *content = &self->file->now;
    size_t at = (size_t)offset, wanted = (size_t)size;
    size_t there = at >= content->size ? 0 : content->size - at < wanted ? content->size - at : wanted;
    if (there > 0)
        memcpy(data, content->bytes + at, there);
    if (there == wanted)
        return SQLITE_OK;
    memset((uint8_t *)data + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
    SELF;
    size_t end = (size_t)offset + (size_t)size;
    if (self->temporary) {
        put(&self->file->now, (size_t)offset, data, (size_t)size);
        return SQLITE_OK;
    }
    if (end > self->file->now.size && !has_room_for(self->system, (int64_t)(end - self->file->now.size)))
        return SQLITE_FULL;
    put(&self->file->now, (size_t)offset, data, (size_t)size);
    note_change(self->file, (size_t)offset, data, (size_t)size, false);
    count_operation(self->system);
    return SQLITE_OK;
}

static int
file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    SELF;
    set_size(&self->file->now, (size_t)size);
    if (self->temporary)
        return SQLITE_OK;
    note_change(self->file, (size_t)size, NULL, 0, true);
    count_operation(self->system);
    return SQLITE_OK;
}

static int
file_sync(sqlite3_file *base, int flags)
{
    SELF;
    (void)flags;
    if (self->temporary)
        return SQLITE_OK;
    count_operation(self->system); /* a cut in the middle of it finds nothing synced */
    settle(self->file);
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    SELF;
    *size = (sqlite3_int64)self->file->now.size;
    return SQLITE_OK;
}

static int
file_lock(sqlite3_file *base, int level)
{
    SELF;
    struct file *file = self->file;
    if (level <= self->level)
        return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (file->pending != NULL || file->exclusive != NULL)
            return SQLITE_BUSY;
        file->shared++;
    } else if (level == SQLITE_LOCK_RESERVED) {
        if (file->reserved != NULL)
            return SQLITE_BUSY;
        file->reserved = self;
    } else {
        if (file->pending != NULL && file->pending != self)
            return SQLITE_BUSY;
        if (file->reserved != NULL && file->reserved != self)
            return SQLITE_BUSY;
        file->pending = self;
        self->level = SQLITE_LOCK_PENDING;
        if (level == SQLITE_LOCK_EXCLUSIVE && file->shared > 1)
            return SQLITE_BUSY;
        if (level == SQLITE_LOCK_EXCLUSIVE)
            file->exclusive = self;
    }
    self->level = level;
    return SQLITE_OK;
}

static int
file_unlock(sqlite3_file *base, int level)
{
    SELF;
    struct file *file = self->file;
    if (level >= self->level)
        return SQLITE_OK;
    file->reserved = file->reserved == self ? NULL : file->reserved;
    file->pending = file->pending == self ? NULL : file->pending;
    file->exclusive = file->exclusive == self ? NULL : file->exclusive;
    if (level == SQLITE_LOCK_NONE)
        file->shared--;
    self->level = level;
    return SQLITE_OK;
}

static int
file_check_lock(sqlite3_file *base, int *reserved)
{
    SELF;
    *reserved = self->file->reserved != NULL;
    return SQLITE_OK;
}

static int
file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int
file_sector(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int
file_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    SELF;
    struct file *file = self->file;
    if (!self->shm_used) {
        self->shm_used = true;
        file->shm_users++;
    }
    if (region >= SHM_REGIONS)
        return SQLITE_NOMEM;
    if (file->shm[region] == NULL && extend)
        file->shm[region] = need(calloc(1, (size_t)size));
    *out = file->shm[region];
    return SQLITE_OK;
}

static int
shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    SELF;
    struct file *file = self->file;
    unsigned mask = ((1u << count) - 1) << offset;
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1u << i, mine = (self->shm_shared & bit) != 0;
        if ((flags & SQLITE_SHM_LOCK) == 0)
            continue;
        if (file->shm_exclusive[i] != NULL && file->shm_exclusive[i] != self)
            return SQLITE_BUSY;
        if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && file->shm_shared[i] > mine)
            return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1u << i;
        bool locks = (flags & SQLITE_SHM_LOCK) != 0, shares = (flags & SQLITE_SHM_SHARED) != 0;
        if (shares && locks && (self->shm_shared & bit) == 0)
            file->shm_shared[i]++;
        else if (shares && !locks && (self->shm_shared & bit) != 0)
            file->shm_shared[i]--;
        else if (!shares)
            file->shm_exclusive[i] = locks ? self : NULL;
    }
    unsigned *held = (flags & SQLITE_SHM_SHARED) != 0 ? &self->shm_shared : &self->shm_exclusive;
    *held = (flags & SQLITE_SHM_LOCK) != 0 ? *held | mask : *held & ~mask;
    return SQLITE_OK;
}

static void
shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int
shm_unmap(sqlite3_file *base, int remove)
{
    SELF;
    if (!self->shm_used)
        return SQLITE_OK;
    self->shm_used = false;
    if (--self->file->shm_users == 0 && remove)
        forget_shm(self->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* --- the file system */

static int
vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags, int *out_flags)
{
    SELF;
    const char *name = NULL;
    (void)vfs;
    memset(self, 0, sizeof *self);
    if (path == NULL) {
        self->temporary = true;
        self->file = need(calloc(1, sizeof *self->file));
    } else {
        self->system = system_of(path, &name);
        self->file =
            self->system != NULL ? find_file(self->system, name, (flags & SQLITE_OPEN_CREATE) != 0) : NULL;
        if (self->file == NULL || (!self->file->exists && (flags & SQLITE_OPEN_CREATE) == 0))
            return SQLITE_CANTOPEN;
        if (!self->file->exists) {
            self->file->now.size = self->file->durable.size = self->file->log.size = 0;
            self->file->change_count = 0;
            self->file->exists = true;
            self->file->synced = self->file->deleted_unsynced = false;
            show(self->system, self->file);
        }
    }
    self->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    const char *name = NULL;
    struct memfs *system = system_of(path, &name);
    struct file *file = system != NULL ? find_file(system, name, false) : NULL;
    (void)vfs;
    if (file == NULL || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    count_operation(system);
    file->exists = false;
    file->deleted_unsynced = !sync_directory && file->synced;
    hide(system, file);
    return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    const char *name = NULL;
    struct memfs *system = system_of(path, &name);
    const struct file *file = system != NULL ? find_file(system, name, false) : NULL;
    (void)vfs;
    *result = file != NULL && file->exists && (flags != SQLITE_ACCESS_EXISTS || file->now.size > 0);
    return SQLITE_OK;
}

static int
vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        out[i] = (char)coop_random();
    return size;
}

static int
vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    coop_yield();
    return microseconds;
}

static int
vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *now)
{
    (void)vfs;
    *now = 212662800000000; /* nothing of the store's asks */
    return SQLITE_OK;
}

static int
vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    (void)size;
    (void)out;
    return 0;
}

int
memfs_install(const char *directory)
{
    static sqlite3_vfs vfs = {.iVersion = 2,
                              .szOsFile = (int)sizeof(struct handle),
                              .mxPathname = 512,
                              .zName = "memfs",
                              .xOpen = vfs_open,
                              .xDelete = vfs_delete,
                              .xAccess = vfs_access,
                              .xFullPathname = vfs_full_path,
                              .xRandomness = vfs_randomness,
                              .xSleep = vfs_sleep,
                              .xCurrentTimeInt64 = vfs_time,
                              .xGetLastError = vfs_last_error};
    snprintf(root, sizeof root, "%s", directory);
    return sqlite3_initialize() == SQLITE_OK && sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}
