/* Keeps the reserve that lets the ending of what was accepted always find its place. Must never let new
 * updates in while the reserve is used up. A ballast that can't be made is no error: there is just no room.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "log.h"

#define LOOK_MS 1000

static uint64_t
free_on_disk(const struct room *room)
{
    struct statvfs status;
    if (statvfs(room->directory, &status) < 0)
        return 0;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

/* One that is already there in full size is kept: making it anew would ask for the space twice. */
static int
ballast_exists(const struct room *room)
{
    struct stat status;
    return stat(room->file, &status) == 0 && (uint64_t)status.st_size == room->ballast_bytes &&
           (uint64_t)status.st_blocks * 512 >= room->ballast_bytes;
}

static int
make_ballast(struct room *room)
{
    int fd = open(room->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = posix_fallocate(fd, 0, (off_t)room->ballast_bytes);
    if (rc == 0 && fsync(fd) < 0)
        rc = errno;
    close(fd);
    if (rc != 0)
        unlink(room->file); /* half a reserve is none, and its space is wanted */
    return rc == 0 ? 0 : -1;
}

static int
judge(struct room *room, int64_t now_ms)
{
    int has = room->ballast_held && room->free_bytes >= room->min_free_bytes;
    if (has == atomic_load(&room->has))
        return 0;
    atomic_store(&room->has, has);
    if (has)
        log_line(LOG_EVENT_STORE_ROOM, LOG_SEV_NOTICE, LOG_T("file", room->directory),
                 LOG_N("free_bytes", room->free_bytes), LOG_N("down_ms", now_ms - room->full_since_ms));
    else
        log_line(LOG_EVENT_STORE_FULL, LOG_SEV_ALERT, LOG_T("file", room->directory),
                 LOG_N("free_bytes", room->free_bytes), LOG_N("need_bytes", room->min_free_bytes));
    room->full_since_ms = now_ms;
    return 1;
}

int
room_open(struct room *room, const char *directory, uint64_t ballast_bytes, uint64_t min_free_bytes)
{
    *room = (struct room){.ballast_bytes = ballast_bytes, .min_free_bytes = min_free_bytes};
    if ((size_t)snprintf(room->directory, sizeof room->directory, "%s", directory) >=
            sizeof room->directory ||
        (size_t)snprintf(room->file, sizeof room->file, "%s/ballast", directory) >= sizeof room->file)
        return -1;
    atomic_init(&room->has, 1);
    room->ballast_held = ballast_bytes == 0 || ballast_exists(room) || make_ballast(room) == 0;
    room->free_bytes = free_on_disk(room);
    judge(room, 0);
    return 0;
}

int
room_look(struct room *room, int64_t now_ms)
{
    if (now_ms - room->looked_ms < LOOK_MS)
        return 0;
    room->looked_ms = now_ms;
    room->free_bytes = free_on_disk(room);
    if (!room->ballast_held && room->free_bytes >= room->min_free_bytes + room->ballast_bytes &&
        make_ballast(room) == 0) {
        room->ballast_held = 1;
        room->free_bytes = free_on_disk(room);
    }
    return judge(room, now_ms);
}

int
room_release(struct room *room, int64_t now_ms)
{
    if (!room->ballast_held || room->ballast_bytes == 0)
        return 0;
    /* Truncated first: an unlinked file that somebody else holds open (a backup) would keep its blocks. */
    if (truncate(room->file, 0) < 0 && unlink(room->file) < 0)
        return 0;
    unlink(room->file);
    room->ballast_held = 0;
    room->looked_ms = now_ms;
    room->free_bytes = free_on_disk(room);
    judge(room, now_ms);
    return 1;
}
