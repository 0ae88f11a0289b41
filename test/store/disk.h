/* What a disk would hold after a power cut at some moment of a recording: everything that was synced, and of the rest
 * whatever pleased the disk. */
#ifndef TORTURE_DISK_H
#define TORTURE_DISK_H

#include <stddef.h>
#include <stdint.h>

struct dice { uint64_t state; };
uint64_t dice_next(struct dice *dice);
unsigned dice_below(struct dice *dice, unsigned limit);

enum image_mode {
    IMAGE_NONE = 0,  /* nothing that was not synced */
    IMAGE_ALL,       /* everything, as after a kill */
    IMAGE_PREFIX,    /* of each file the first writes, the last of them torn at any byte */
    IMAGE_SECTORS,   /* each sector of each write or not */
    IMAGE_SPARSE,    /* few sectors */
    IMAGE_DENSE,     /* most sectors */
    IMAGE_WRITES,    /* each write as a whole or not */
    IMAGE_LAST,      /* the last writes without the first */
    IMAGE_MODES
};

struct disk; /* a state of the recording; goes only forward */
/* Begins with the files that are in `directory` now, all of them synced. */
struct disk *disk_create(const char *directory);
/* From now on it takes syncs of the queue's log for done that are not: what the torture must notice. */
void disk_lie(struct disk *disk);
void disk_destroy(struct disk *disk);
/* Plays the recording up to `position`. */
void disk_advance(struct disk *disk, size_t position);
/* Has anything been written that is not synced? */
int disk_has_pending(const struct disk *disk);
/* Writes an image into `directory`, which must be there, with its folder journal. */
void disk_write_image(const struct disk *disk, const char *directory, enum image_mode mode, struct dice *dice);

#endif
