/* Power cuts: at every sync of a recorded life, and between them, what a disk might hold is opened by the
 * real store and must be a state that follows from what had been reported. The next life begins on one of
 * these images. */
#include "torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "place.h"
#include "shim_vfs.h"

#define EXCHANGES    48
#define ROUNDS       26
#define LIVES        3 /* one on the ruins of the other, then a new store */
#define MOVE_WAIT_MS 3000

struct crash {
    struct life *life;
    struct disk *disk;
    struct dice dice;
    char image[PLACE_PATH + 64], home[PLACE_PATH + 64];
    struct torture_counts *counts;
    uint64_t seed;
    unsigned number;
    size_t ruin_at; /* the position whose image begins the next life */
    size_t prefix;
    struct life_view ruin_view;
    int ruined;
    int lies;
};

static int
fail_image(struct crash *crash, size_t position, enum image_mode mode, const char *why)
{
    if (crash->lies)
        return -1;
    printf("# seed %llu, life %u, position %zu, mode %d: %s\n", (unsigned long long)crash->seed,
           crash->number, position, (int)mode, why);
    place_keep(crash->image);
    return -1;
}

/* One image: opened, judged, and sometimes opened a second time. */
static int
check_image(struct crash *crash, size_t position, enum image_mode mode)
{
    struct life_view view;
    struct fep_error error;
    int probe = dice_below(&crash->dice, 8) == 0, again = dice_below(&crash->dice, 8) == 0;
    struct dice before = crash->dice;
    size_t prefix, second;
    place_clear(crash->image);
    disk_write_image(crash->disk, crash->image, mode, &crash->dice);
    crash->counts->images++;
    if (life_look(crash->life, crash->image, probe && !again, &view, &error) < 0)
        return fail_image(crash, position, mode, error.text);
    if (life_judge(crash->life, position, &view, &prefix) < 0)
        return fail_image(crash, position, mode, view.wrong);
    if (again) {
        crash->counts->twice++;
        if (life_look(crash->life, crash->image, 1, &view, &error) < 0)
            return fail_image(crash, position, mode, error.text);
        if (life_judge(crash->life, position, &view, &second) < 0)
            return fail_image(crash, position, mode, view.wrong);
        if (second != prefix)
            return fail_image(crash, position, mode, "the second opening finds another state than the first");
    }
    if (position >= crash->ruin_at && !crash->ruined && !again && !probe) {
        char next[16];
        struct dice same = before;
        crash->ruined = 1;
        crash->prefix = prefix;
        crash->ruin_view = view;
        snprintf(next, sizeof next, "life%u", (crash->number + 1) % 2);
        place_fresh(next, crash->home);
        disk_write_image(crash->disk, crash->home, mode, &same);
    }
    return 0;
}

static int
check_position(struct crash *crash, size_t position, unsigned images)
{
    disk_advance(crash->disk, position);
    if (!disk_has_pending(crash->disk))
        return check_image(crash, position, IMAGE_NONE);
    for (unsigned i = 0; i < images; i++) {
        enum image_mode mode =
            i < 2 ? (enum image_mode)i : (enum image_mode)dice_below(&crash->dice, IMAGE_MODES);
        if (check_image(crash, position, mode) < 0)
            return -1;
    }
    return 0;
}

static int
play(struct crash *crash)
{
    struct life *life = crash->life;
    for (unsigned session = 0; session < 2; session++) {
        if (life_open(life) < 0) {
            printf("# %s\n", life->error.text);
            return -1;
        }
        life_play(life, ROUNDS / 2, EXCHANGES / 2 + life->exchange_count);
        life_wait_moved(life, MOVE_WAIT_MS);
        life_play(life, ROUNDS / 2, EXCHANGES);
        life_close(life);
    }
    if (life->failed || life->wrong[0] != '\0') {
        printf("# seed %llu: %s %s\n", (unsigned long long)crash->seed, life->wrong, life->error.text);
        return -1;
    }
    return 0;
}

static int
live_once(struct crash *crash, unsigned images)
{
    int rc = 0;
    crash->ruined = 0;
    crash->disk = disk_create(crash->life->directory);
    if (crash->lies)
        disk_lie(crash->disk);
    shim_record(crash->life->directory);
    rc = play(crash);
    shim_record_stop();
    size_t end = shim_position();
    crash->ruin_at = end > 0 ? dice_below(&crash->dice, (unsigned)end) * 3 / 4 : 0;
    crash->counts->lives++;
    for (size_t at = 0; rc == 0 && at <= end; at++) {
        int sync = at < end && shim_op_at(at)->type == SHIM_SYNC;
        crash->counts->syncs += (unsigned)sync;
        if (sync)
            rc = check_position(crash, at, images);
        else if (at == end || dice_below(&crash->dice, 6) == 0)
            rc = check_position(crash, at, 1 + images / 3);
    }
    disk_destroy(crash->disk);
    return rc;
}

/* The model goes back to what the ruin held. */
static void
go_on_from_ruin(struct crash *crash)
{
    struct life *life = crash->life;
    const struct life_view *view = &crash->ruin_view;
    life_cut(life, crash->prefix);
    for (unsigned i = 0; i < life->prompt_count; i++)
        life->prompts[i] =
            (struct life_note){.submitted = 0, .reported = view->prompts[i] ? 0 : LIFE_NEVER - 1};
    life->mark_reported = view->mark_found ? view->mark : 0;
    life->mark_at = 0;
    snprintf(life->directory, sizeof life->directory, "%s", crash->home);
}

static int
live(struct crash *crash, int clear, unsigned images)
{
    char home[PLACE_PATH + 64];
    int rc = 0;
    crash->dice.state = crash->seed ^ 0x5bd1e995;
    crash->life = calloc(1, sizeof *crash->life);
    if (crash->life == NULL)
        return -1;
    place_fresh("image", crash->image);
    place_fresh("life0", home);
    life_init(crash->life, home, clear ? NULL : place_base, crash->seed);
    for (; rc == 0 && crash->number < LIVES; crash->number++) {
        rc = live_once(crash, images);
        if (!crash->ruined)
            break;
        go_on_from_ruin(crash);
    }
    free(crash->life);
    return rc;
}

int
torture_crash_images(uint64_t seed, int clear, unsigned images, struct torture_counts *counts)
{
    struct crash crash = {.seed = seed, .counts = counts};
    return live(&crash, clear, images);
}

int
torture_lying_disk(uint64_t seed)
{
    struct torture_counts counts = {0};
    struct crash crash = {.seed = seed, .counts = &counts, .lies = 1};
    return live(&crash, 0, 6);
}
