/* The file layer under the real store in the simulator: an SQLite VFS in memory, one file system for each gateway. What
 * was written and not synced is lost, torn or kept at a power cut, sector by sector, as the dice say; a full disk takes
 * nothing that makes a file longer. Names exist as empty files in a real directory too, because the store looks there
 * with stat() and readdir() for its days. One thread. */
#ifndef SIM_MEMFS_H
#define SIM_MEMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMFS_SYSTEMS = 16, MEMFS_PATH = 200 };

/* Installs the VFS as the default one, below `root` (must exist). Files of system n are those below root/n. 0 or -1. */
int memfs_install(const char *root);
/* The directory of system n, made if it is missing. */
const char *memfs_directory(unsigned system);

/* All files of a system as they would be found after a power cut, or a copy; owned by the holder. */
struct memfs_image;
void memfs_image_release(struct memfs_image *image);

/* The whole system as it is now, all of it taken for synced. */
struct memfs_image *memfs_copy(unsigned system);
/* Replaces all files; nothing may be open. NULL: no files. The image stays the caller's. */
void memfs_put(unsigned system, const struct memfs_image *image);
/* A power cut after `operations` more writes, syncs, truncations and deletions: what would be found then is kept, and
 * everything goes on as if nothing had happened. `roll` gives numbers below its argument. */
void memfs_arm(unsigned system, unsigned operations, unsigned (*roll)(void *arg, unsigned limit), void *arg);
/* What the armed power cut left; one that has not come yet comes now. `torn` counts the writes not wholly kept. */
struct memfs_image *memfs_take_image(unsigned system, uint64_t *torn);

/* Files may grow by so many bytes from now on, negative: as they like; and by `ballast` more when the file of that name
 * is gone. */
void memfs_limit(unsigned system, int64_t bytes, int64_t ballast);

#endif
