/* A copy of a store at one moment, while its daemon runs, and putting one back (schema/restore.md). Used by fepctl, from
 * a process of its own; nothing here touches the running store but to read it. */
#ifndef FEP_BACKUP_H
#define FEP_BACKUP_H

#include <stddef.h>
#include "exchange_record.h"
#include <fep/adapter.h>

#define BACKUP_MANIFEST "backup" /* beside queue.db and journal/: text, one fact a line */
#define BACKUP_DAYS     4096

struct backup_summary {
    char node[NODE_SIZE];
    uint64_t incarnation, commit_sequence, serial_counter;
    int64_t taken_ms; /* wall clock when the copy of the queue began */
    uint64_t files, rows, bytes;
    uint64_t keys_added; /* of journal rows newer than the copy of the queue */
};

/* Copies the store in `state_directory` into `directory`, which must not exist; it gets that name when everything is
 * verified and on disk, so that a directory of that name is a whole backup. Blocks; the writer of the store goes on.
 * Negative with the error; then nothing of the name is there. */
int backup_write(const char *state_directory, const char *directory, int64_t wall_ms, struct backup_summary *summary,
                 struct fep_error *error);
/* Is it a whole backup, byte for byte as it was written, and a sound store? */
int backup_verify(const char *directory, struct backup_summary *summary, struct fep_error *error);

struct restore_wish {
    const char *backup, *state_directory, *node;
    const char *key_file;      /* of bodies; NULL: in clear */
    const char *const *names;  /* peers and instances: all of them are resolving afterwards */
    size_t name_count;
    int64_t wall_ms;
};
struct restore_summary {
    struct backup_summary backup;
    uint64_t incarnation, serial_counter; /* the new ones */
    char put_aside[512];                  /* where the store is that was there; empty: there was none */
};
/* Puts a backup in the place of the store. Refused while a daemon holds it (FEP_E_STORE_LOCKED), for another node, or
 * under another body key; then nothing has changed. A failure later leaves `restoring` in the state directory, beside
 * which no store opens: restore again. */
int restore_store(const struct restore_wish *wish, struct restore_summary *summary, struct fep_error *error);

/* The marks of a restored store: who was not heard since. fn gets the name and the time of the backup (wall clock ms).
 * How many there are, or negative with the error; none where there is no store. */
int restore_read_marks(const char *state_directory, void (*fn)(void *arg, const char *name, int64_t since_ms), void *arg,
                       struct fep_error *error);
/* `name` was heard: its mark goes. On disk when this returns 0. Beside the store's own writer: one short transaction. */
int restore_clear_mark(const char *state_directory, const char *name, struct fep_error *error);

/* --- between backup.c and restore.c --- */
int backup_copy_file(const char *from, const char *to, struct fep_error *error); /* synced */
int backup_sync_directory(const char *path, struct fep_error *error);

#endif
