/* A disk that is full from some byte on and has room again later; and a second program on the same store. The
 * store must wait or refuse, never end, never lose what it reported; the second one must be turned away, and
 * change nothing. */
#include "torture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "error_codes.h"
#include "place.h"
#include "shim_vfs.h"

static void
pause_ms(int milliseconds)
{
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static int
look_afterwards(struct life *life, const char *what)
{
    struct life_view view;
    struct fep_error error;
    size_t prefix;
    if (life_look(life, life->directory, PROBE_SOME, &view, &error) < 0) {
        printf("# %s: does not open: %s\n", what, error.text);
    } else if (life_judge(life, LIFE_NEVER - 2, &view, &prefix) < 0) {
        printf("# %s: %s\n", what, view.wrong);
    } else {
        return 0;
    }
    place_keep(life->directory);
    return -1;
}

/* --- a full disk */

struct relief { /* gives room back some time after it was missed */
    atomic_int over;
    unsigned patience; /* so often is it missed before */
};

static void *
give_room(void *arg)
{
    struct relief *relief = arg;
    while (!atomic_load(&relief->over)) {
        if (shim_room_missed() >= relief->patience)
            shim_room(-1);
        pause_ms(1);
    }
    return NULL;
}

static int
play(struct life *life)
{
    for (int session = 0; session < 2; session++) {
        if (life_open(life) < 0) {
            if (life->error.code == 0 || life->error.text[0] == '\0')
                return -1;
            shim_room(-1); /* it said why; a person made room and starts it again */
            if (life_open(life) < 0)
                return -1;
        }
        life_play(life, 8, 10 + 4 * (unsigned)session);
        life_wait_moved(life, 40);
        life_close(life);
        if (life->failed || life->wrong[0] != '\0')
            return -1;
    }
    return 0;
}

int
torture_full_disk(uint64_t seed, int64_t bytes, struct torture_counts *counts, int *beyond)
{
    struct life *life = calloc(1, sizeof *life);
    struct relief relief = {.patience = 1 + (unsigned)(seed % 5)};
    pthread_t thread;
    char home[PLACE_PATH + 64];
    if (life == NULL)
        return -1;
    place_fresh("life", home);
    life_init(life, home, place_base, seed);
    life->faulty = 1;
    shim_room(bytes);
    if (pthread_create(&thread, NULL, give_room, &relief) != 0)
        abort();
    int rc = play(life);
    atomic_store(&relief.over, 1);
    pthread_join(thread, NULL);
    *beyond = shim_room_missed() == 0;
    shim_room(-1);
    counts->faults++;
    counts->full_disks += !*beyond;
    if (rc < 0)
        printf("# full after %lld bytes: %s %s\n", (long long)bytes, life->wrong, life->error.text);
    else
        rc = look_afterwards(life, "after a full disk");
    if (rc < 0)
        printf("# seed %llu, full after %lld bytes\n", (unsigned long long)seed, (long long)bytes);
    free(life);
    return rc;
}

/* --- two on one store */

struct intruder {
    struct store_config config;
    atomic_int over;
    unsigned turned_away;
    char wrong[200];
};

static void *
intrude(void *arg)
{
    struct intruder *intruder = arg;
    while (!atomic_load(&intruder->over) && intruder->wrong[0] == '\0') {
        struct fep_error error = {0};
        struct store *store = store_open(&intruder->config, &error);
        if (store != NULL) {
            store_close(store);
            snprintf(intruder->wrong, sizeof intruder->wrong, "a second one was let in");
        } else if (error.code != FEP_E_STORE_LOCKED) {
            snprintf(intruder->wrong, sizeof intruder->wrong, "a second one was told %.150s", error.text);
        }
        intruder->turned_away++;
        pause_ms(1);
    }
    return NULL;
}

int
torture_two(uint64_t seed, struct torture_counts *counts)
{
    struct life *life = calloc(1, sizeof *life);
    struct intruder intruder = {.turned_away = 0};
    pthread_t thread;
    char home[PLACE_PATH + 64];
    int rc = -1;
    if (life == NULL)
        return -1;
    place_fresh("life", home);
    life_init(life, home, place_base, seed);
    intruder.config = life->config;
    if (life_open(life) == 0 && pthread_create(&thread, NULL, intrude, &intruder) == 0) {
        life_play(life, 20, 40);
        atomic_store(&intruder.over, 1);
        pthread_join(thread, NULL);
        life_close(life);
        rc = life->failed || life->wrong[0] != '\0' || intruder.wrong[0] != '\0' ? -1 : 0;
    }
    counts->turned_away += intruder.turned_away;
    counts->faults += intruder.turned_away;
    if (rc < 0)
        printf("# two on one store: %s%s %s\n", life->wrong, intruder.wrong, life->error.text);
    else
        rc = look_afterwards(life, "after two on one store");
    free(life);
    return rc;
}
