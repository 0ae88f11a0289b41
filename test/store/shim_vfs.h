/* A layer between SQLite and the disk, for the store's torture: writes down every write, sync, truncation, creation and
 * deletion of the files below one directory, in their order, and lets the n-th of a kind fail. The default VFS of the
 * program once installed. Memory failures are injected beside it. Thread-safe. */
#ifndef SHIM_VFS_H
#define SHIM_VFS_H

#include <stddef.h>
#include <stdint.h>

enum shim_op_type { SHIM_WRITE = 1, SHIM_TRUNCATE, SHIM_SYNC, SHIM_CREATE, SHIM_DELETE };
struct shim_op {
    enum shim_op_type type;
    char file[64];   /* path below the directory */
    int64_t offset;  /* TRUNCATE: the new size */
    size_t size;
    uint8_t *data;   /* WRITE */
};

/* Must be called before anything else of SQLite's. 0, or negative. */
int shim_install(void);
/* From now on, operations on files below `directory` are written down. Forgets what was written down before. */
void shim_record(const char *directory);
void shim_record_stop(void);
/* How many operations were written down: a moment in the recording. */
size_t shim_position(void);
/* Valid until shim_record is called again; only of positions already passed, and only when nothing is recorded. */
const struct shim_op *shim_op_at(size_t position);

enum shim_fault { FAULT_NONE = 0, FAULT_WRITE, FAULT_SYNC, FAULT_OPEN, FAULT_READ, FAULT_DELETE, FAULT_MEMORY };
/* The n-th (from 1) operation of this kind from now on fails with this errno, and, if `lasting`, all that follow. A
 * write that fails has written its first half. FAULT_MEMORY: SQLite's allocations. */
void shim_fail(enum shim_fault kind, unsigned n, int code, int lasting);
void shim_fail_stop(void);
/* Did it strike? */
int shim_struck(void);

/* A disk with so much room: files may grow by `bytes` in all; what goes beyond is written as far as it fits, and fails
 * with ENOSPC. Negative: there is room again. */
void shim_room(int64_t bytes);
/* How often there was no room since shim_room was called last. */
unsigned shim_room_missed(void);

#endif
