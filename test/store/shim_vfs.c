/* See shim_vfs.h. Must never change what reaches the disk but by the fault that was asked for, and never keep
 * a failed sync for a sync. Without memory for the recording the program ends. */
#include "shim_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shim_file {
    sqlite3_file base;
    char name[64]; /* below the recorded directory; empty = not recorded */
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t mutex;
    char directory[512];
    struct shim_op *ops;
    size_t count, room;
    enum shim_fault fault;
    unsigned left;
    int code, lasting, struck;
    int64_t room_left; /* negative: without bound */
    unsigned room_missed;
} shim = {.mutex = PTHREAD_MUTEX_INITIALIZER, .room_left = -1};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;
static sqlite3_mem_methods real_memory;
static _Thread_local int last_errno;

/* --- what fails */

/* The errno with which this operation fails, or 0. */
static int
strike(enum shim_fault kind)
{
    int code = 0;
    pthread_mutex_lock(&shim.mutex);
    if (shim.fault == kind && shim.left > 0 && --shim.left == 0) {
        code = shim.code;
        shim.struck = 1;
        if (shim.lasting)
            shim.left = 1;
    }
    pthread_mutex_unlock(&shim.mutex);
    if (code != 0)
        last_errno = code;
    return code;
}

void
shim_fail(enum shim_fault kind, unsigned n, int code, int lasting)
{
    pthread_mutex_lock(&shim.mutex);
    shim.fault = kind;
    shim.left = n;
    shim.code = code;
    shim.lasting = lasting;
    shim.struck = 0;
    pthread_mutex_unlock(&shim.mutex);
}

void
shim_fail_stop(void)
{
    pthread_mutex_lock(&shim.mutex);
    shim.fault = FAULT_NONE;
    pthread_mutex_unlock(&shim.mutex);
}

int
shim_struck(void)
{
    pthread_mutex_lock(&shim.mutex);
    int struck = shim.struck;
    pthread_mutex_unlock(&shim.mutex);
    return struck;
}

void
shim_room(int64_t bytes)
{
    pthread_mutex_lock(&shim.mutex);
    shim.room_left = bytes;
    if (bytes >= 0)
        shim.room_missed = 0;
    pthread_mutex_unlock(&shim.mutex);
}

unsigned
shim_room_missed(void)
{
    pthread_mutex_lock(&shim.mutex);
    unsigned missed = shim.room_missed;
    pthread_mutex_unlock(&shim.mutex);
    return missed;
}

/* How much of a write that makes its file longer by `growth` finds room. */
static int64_t
take_room(int64_t growth)
{
    pthread_mutex_lock(&shim.mutex);
    int64_t given = growth;
    if (shim.room_left >= 0) {
        given = growth < shim.room_left ? growth : shim.room_left;
        shim.room_left -= given;
        shim.room_missed += given < growth;
    }
    pthread_mutex_unlock(&shim.mutex);
    return given;
}

/* --- what is written down */

static void
forget_ops(void)
{
    for (size_t i = 0; i < shim.count; i++)
        free(shim.ops[i].data);
    shim.count = 0;
}

void
shim_record(const char *directory)
{
    pthread_mutex_lock(&shim.mutex);
    forget_ops();
    snprintf(shim.directory, sizeof shim.directory, "%s/", directory);
    pthread_mutex_unlock(&shim.mutex);
}

void
shim_record_stop(void)
{
    pthread_mutex_lock(&shim.mutex);
    shim.directory[0] = '\0';
    pthread_mutex_unlock(&shim.mutex);
}

size_t
shim_position(void)
{
    pthread_mutex_lock(&shim.mutex);
    size_t position = shim.count;
    pthread_mutex_unlock(&shim.mutex);
    return position;
}

const struct shim_op *
shim_op_at(size_t position)
{
    return &shim.ops[position];
}

/* The name below the recorded directory, or NULL. The index in shared memory does not survive a crash. */
static const char *
recorded_name(const char *path)
{
    size_t length = strlen(shim.directory);
    if (length == 0 || path == NULL || strncmp(path, shim.directory, length) != 0)
        return NULL;
    return strlen(path + length) < 64 ? path + length : NULL;
}

static void
note(enum shim_op_type type, const char *file, int64_t offset, const void *data, size_t size)
{
    pthread_mutex_lock(&shim.mutex);
    if (shim.directory[0] != '\0' && file[0] != '\0') {
        if (shim.count == shim.room) {
            shim.room = shim.room ? 2 * shim.room : 1024;
            shim.ops = realloc(shim.ops, shim.room * sizeof *shim.ops);
        }
        if (shim.ops == NULL)
            abort();
        struct shim_op *op = &shim.ops[shim.count++];
        *op = (struct shim_op){.type = type, .offset = offset, .size = size};
        snprintf(op->file, sizeof op->file, "%s", file);
        if (size > 0) {
            op->data = malloc(size);
            if (op->data == NULL)
                abort();
            memcpy(op->data, data, size);
        }
    }
    pthread_mutex_unlock(&shim.mutex);
}

/* --- one file */

#define SELF struct shim_file *self = (struct shim_file *)file
#define REAL self->real->pMethods

static int
shim_close(sqlite3_file *file)
{
    SELF;
    return REAL->xClose(self->real);
}

static int
shim_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    SELF;
    if (strike(FAULT_READ))
        return SQLITE_IOERR_READ;
    return REAL->xRead(self->real, data, size, offset);
}

static int
shim_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    SELF;
    int code = strike(FAULT_WRITE), written = code ? size / 2 : size;
    sqlite3_int64 length = 0;
    if (REAL->xFileSize(self->real, &length) == SQLITE_OK && offset + written > length) {
        int64_t growth = offset + written - length, given = take_room(growth);
        if (given < growth) {
            written -= (int)(growth - given < written ? growth - given : written);
            code = last_errno = ENOSPC;
        }
    }
    int rc = written > 0 ? REAL->xWrite(self->real, data, written, offset) : SQLITE_OK;
    if (rc == SQLITE_OK && written > 0)
        note(SHIM_WRITE, self->name, offset, data, (size_t)written);
    if (code)
        return code == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return rc;
}

static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    SELF;
    if (strike(FAULT_WRITE))
        return SQLITE_IOERR_TRUNCATE;
    int rc = REAL->xTruncate(self->real, size);
    if (rc == SQLITE_OK)
        note(SHIM_TRUNCATE, self->name, size, NULL, 0);
    return rc;
}

static int
shim_sync(sqlite3_file *file, int flags)
{
    SELF;
    if (strike(FAULT_SYNC))
        return SQLITE_IOERR_FSYNC;
    int rc = REAL->xSync(self->real, flags);
    if (rc == SQLITE_OK)
        note(SHIM_SYNC, self->name, 0, NULL, 0);
    return rc;
}

static int
shim_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    SELF;
    return REAL->xFileSize(self->real, size);
}

static int
shim_lock(sqlite3_file *file, int level)
{
    SELF;
    return REAL->xLock(self->real, level);
}

static int
shim_unlock(sqlite3_file *file, int level)
{
    SELF;
    return REAL->xUnlock(self->real, level);
}

static int
shim_check_lock(sqlite3_file *file, int *reserved)
{
    SELF;
    return REAL->xCheckReservedLock(self->real, reserved);
}

static int
shim_control(sqlite3_file *file, int op, void *arg)
{
    SELF;
    return REAL->xFileControl(self->real, op, arg);
}

static int
shim_sector_size(sqlite3_file *file)
{
    SELF;
    return REAL->xSectorSize(self->real);
}

static int
shim_device(sqlite3_file *file)
{
    SELF;
    return REAL->xDeviceCharacteristics(self->real);
}

static int
shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    SELF;
    return REAL->xShmMap(self->real, page, size, extend, out);
}

static int
shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    SELF;
    return REAL->xShmLock(self->real, offset, n, flags);
}

static void
shim_shm_barrier(sqlite3_file *file)
{
    SELF;
    REAL->xShmBarrier(self->real);
}

static int
shim_shm_unmap(sqlite3_file *file, int remove)
{
    SELF;
    return REAL->xShmUnmap(self->real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_file_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_lock,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector_size,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

/* --- the file system */

static int
shim_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags, int *out_flags)
{
    struct shim_file *self = (struct shim_file *)file;
    (void)vfs;
    memset(self, 0, sizeof *self);
    if (strike(FAULT_OPEN))
        return SQLITE_CANTOPEN;
    self->real = (sqlite3_file *)(void *)(self + 1);
    pthread_mutex_lock(&shim.mutex);
    const char *name = recorded_name(path);
    if (name != NULL)
        snprintf(self->name, sizeof self->name, "%s", name);
    pthread_mutex_unlock(&shim.mutex);
    int is_new = name != NULL && access(path, F_OK) != 0;
    int rc = real_vfs->xOpen(real_vfs, path, self->real, flags, out_flags);
    if (self->real->pMethods != NULL)
        self->base.pMethods = &methods;
    if (is_new && access(path, F_OK) == 0) /* also where the opening failed after the file was made */
        note(SHIM_CREATE, self->name, 0, NULL, 0);
    return rc;
}

static int
shim_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    if (strike(FAULT_DELETE))
        return SQLITE_IOERR_DELETE;
    int rc = real_vfs->xDelete(real_vfs, path, sync_directory);
    char name[64] = "";
    pthread_mutex_lock(&shim.mutex);
    if (recorded_name(path) != NULL)
        snprintf(name, sizeof name, "%s", recorded_name(path));
    pthread_mutex_unlock(&shim.mutex);
    if (rc == SQLITE_OK)
        note(SHIM_DELETE, name, 0, NULL, 0);
    return rc;
}

static int
shim_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    (void)vfs;
    return real_vfs->xAccess(real_vfs, path, flags, result);
}

static int
shim_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    return real_vfs->xFullPathname(real_vfs, path, size, out);
}

static int
shim_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return real_vfs->xRandomness(real_vfs, size, out);
}

static int
shim_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return real_vfs->xSleep(real_vfs, microseconds);
}

static int
shim_time(sqlite3_vfs *vfs, sqlite3_int64 *now)
{
    (void)vfs;
    return real_vfs->xCurrentTimeInt64(real_vfs, now);
}

static int
shim_time_double(sqlite3_vfs *vfs, double *now)
{
    (void)vfs;
    return real_vfs->xCurrentTime(real_vfs, now);
}

static int
shim_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    int code = last_errno;
    last_errno = 0;
    return code != 0 ? code : real_vfs->xGetLastError(real_vfs, size, out);
}

/* --- memory */

static void *
shim_malloc(int size)
{
    return strike(FAULT_MEMORY) ? NULL : real_memory.xMalloc(size);
}

static void *
shim_realloc(void *memory, int size)
{
    return strike(FAULT_MEMORY) ? NULL : real_memory.xRealloc(memory, size);
}

int
shim_install(void)
{
    sqlite3_mem_methods memory;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        return -1;
    memory = real_memory;
    memory.xMalloc = shim_malloc;
    memory.xRealloc = shim_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
        return -1;
    real_vfs = sqlite3_vfs_find(NULL);
    if (real_vfs == NULL)
        return -1;
    shim_vfs = (sqlite3_vfs){.iVersion = 2,
                             .szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile,
                             .mxPathname = real_vfs->mxPathname,
                             .zName = "torture",
                             .xOpen = shim_open,
                             .xDelete = shim_delete,
                             .xAccess = shim_access,
                             .xFullPathname = shim_full_path,
                             .xRandomness = shim_randomness,
                             .xSleep = shim_sleep,
                             .xCurrentTime = shim_time_double,
                             .xCurrentTimeInt64 = shim_time,
                             .xGetLastError = shim_last_error};
    return sqlite3_vfs_register(&shim_vfs, 1) == SQLITE_OK ? 0 : -1;
}
