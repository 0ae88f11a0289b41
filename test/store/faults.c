/* Operations that fail: the store must refuse, go on, or say that it ends; whatever it reported must be there
 * when it is opened again, and also if the power goes at that moment. */
#include "torture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "place.h"
#include "shim_vfs.h"

#define SEED 77

/* What every opening must give: a state, or a refusal that says why. */
static int
check_state(const struct life *life, const char *directory, struct torture_counts *counts, const char *what)
{
    struct life_view view;
    struct fep_error error;
    size_t prefix;
    counts->reopened++;
    if (life_look(life, directory, 1, &view, &error) < 0) {
        printf("# %s: does not open: %s\n", what, error.text);
        return -1;
    }
    if (life_judge(life, LIFE_NEVER - 2, &view, &prefix) < 0) {
        printf("# %s: %s\n", what, view.wrong);
        return -1;
    }
    return 0;
}

static int
play(struct life *life)
{
    for (int session = 0; session < 2; session++) {
        if (life_open(life) < 0)
            return life->error.code != 0 && life->error.text[0] != '\0' ? 1 : -1;
        life_play(life, 5, 6 + 3 * (unsigned)session);
        life_wait_moved(life, 40);
        life_play(life, 3, 12);
        life_close(life);
        if (life->failed)
            return 2;
        if (life->wrong[0] != '\0')
            return -1;
    }
    return 0;
}

static int
check_afterwards(struct life *life, struct disk *disk, struct torture_counts *counts)
{
    static const enum image_mode modes[] = {IMAGE_NONE, IMAGE_SECTORS, IMAGE_PREFIX};
    struct dice dice = {SEED};
    char image[PLACE_PATH + 64];
    disk_advance(disk, shim_position());
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        place_fresh("image", image);
        disk_write_image(disk, image, modes[i], &dice);
        if (check_state(life, image, counts, "power cut after the fault") < 0) {
            place_keep(image);
            return -1;
        }
    }
    if (check_state(life, life->directory, counts, "opened after the fault") < 0) {
        place_keep(life->directory);
        return -1;
    }
    return 0;
}

int
torture_fault(int kind, unsigned n, int code, int lasting, struct torture_counts *counts, int *beyond)
{
    char home[PLACE_PATH + 64];
    struct life *life = calloc(1, sizeof *life);
    if (life == NULL)
        return -1;
    place_fresh("life", home);
    life_init(life, home, place_base, SEED);
    life->faulty = 1;
    struct disk *disk = disk_create(home);
    shim_record(home);
    shim_fail((enum shim_fault)kind, n, code, lasting);
    int rc = play(life);
    int struck = shim_struck();
    shim_fail_stop();
    shim_record_stop();
    *beyond = !struck;
    counts->faults++;
    counts->struck += (unsigned)struck;
    counts->refused += rc == 1;
    counts->failed += rc == 2;
    counts->survived += struck && rc == 0;
    if (rc < 0)
        printf("# %s %s\n", life->wrong, life->error.text);
    else
        rc = check_afterwards(life, disk, counts);
    if (rc < 0)
        printf("# kind %d, operation %u, errno %d%s\n", kind, n, code, lasting ? " and all that follow" : "");
    disk_destroy(disk);
    free(life);
    return rc < 0 ? -1 : 0;
}
