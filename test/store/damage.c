/* Damaged files: one place of a closed store changed, or a file cut short. The store must refuse with a
 * reason, put the day in quarantine, or show that the row is not to be trusted; nothing wrong is served as
 * right, nothing is missing without a word. */
#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error_codes.h"
#include "place.h"

#define PAGE 16384

struct original {
    char name[64];
    uint8_t *bytes;
    size_t size;
};
struct damage {
    struct life *life;
    struct original files[16];
    size_t count;
    char image[PLACE_PATH + 64];
    struct dice dice;
    struct torture_counts *counts;
    size_t prefix;
};

static int
write_all(const struct damage *damage)
{
    char path[PLACE_PATH + 200];
    place_clear(damage->image);
    for (size_t i = 0; i < damage->count; i++) {
        const struct original *file = &damage->files[i];
        snprintf(path, sizeof path, "%s/%s", damage->image, file->name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size)
            abort();
        close(fd);
    }
    return 0;
}

/* What the store made of it: 0 true or said, negative untrue. */
static int
judge(struct damage *damage, const char *what)
{
    struct life_view view;
    struct fep_error error;
    struct torture_counts *counts = damage->counts;
    size_t prefix;
    counts->damages++;
    if (life_look(damage->life, damage->image, PROBE_LOST, &view, &error) < 0) {
        counts->said++;
        return error.code != 0 && error.text[0] != '\0' ? 0 : -1;
    }
    if (view.wrong[0] != '\0') {
        printf("# %s: %s\n", what, view.wrong);
        return -1;
    }
    int said = view.store_failed || view.recovered_untold || view.quarantined + view.aside > 0 ||
               view.journals_quarantined > 0;
    for (unsigned n = 0; n < damage->life->exchange_count; n++) {
        const struct life_exchange *expected = &damage->life->exchanges[n];
        enum life_sight sight = view.exchanges[n].sight;
        if (sight == SIGHT_WRONG || (sight == SIGHT_ABSENT && !said) ||
            (sight != SIGHT_ABSENT && sight != SIGHT_SAID &&
             view.exchanges[n].version != expected->version) ||
            (sight == SIGHT_TRUE && !said && expected->open && !view.exchanges[n].open &&
             !view.exchanges[n].bodies_missing)) {
            printf("# %s: exchange %u, version %u%s: seen %d, version %u%s\n", what, n,
                   (unsigned)expected->version, expected->open ? " open" : "", (int)sight,
                   (unsigned)view.exchanges[n].version, view.exchanges[n].open ? " open" : "");
            return -1;
        }
        said |= sight == SIGHT_KEY || view.exchanges[n].bodies_missing;
    }
    if (view.journals_quarantined > 0 || view.aside > 0)
        counts->quarantined++;
    else if (said)
        counts->said++;
    else if (life_judge(damage->life, LIFE_NEVER - 2, &view, &prefix) == 0)
        counts->harmless++;
    else {
        printf("# %s: %s\n", what, view.wrong);
        return -1;
    }
    return 0;
}

static int
flip(struct damage *damage, struct original *file, size_t at)
{
    char what[160];
    unsigned bit = dice_below(&damage->dice, 8);
    file->bytes[at] ^= (uint8_t)(1u << bit);
    write_all(damage);
    file->bytes[at] ^= (uint8_t)(1u << bit);
    snprintf(what, sizeof what, "%s, page %zu, byte %zu, bit %u", file->name, at / PAGE + 1, at % PAGE, bit);
    return judge(damage, what);
}

static int
cut(struct damage *damage, struct original *file, size_t size)
{
    char what[160];
    size_t whole = file->size;
    file->size = size;
    write_all(damage);
    file->size = whole;
    snprintf(what, sizeof what, "%s, cut to %zu of %zu bytes", file->name, size, whole);
    return judge(damage, what);
}

/* The page's head, its directory of cells, and anywhere in it; each file is cut before and inside the page.
 */
static int
damage_page(struct damage *damage, struct original *file, size_t begin, unsigned places)
{
    size_t size = file->size - begin < PAGE ? file->size - begin : PAGE;
    int wrong = 0;
    for (unsigned i = 0; i < places; i++) {
        unsigned reach = i % 3 == 0 ? 128 : (unsigned)size;
        size_t at = begin + dice_below(&damage->dice, reach < size ? reach : (unsigned)size);
        for (int tries = 0; i % 3 != 0 && file->bytes[at] == 0 && tries < 20;
             tries++) /* rather where something is */
            at = begin + dice_below(&damage->dice, (unsigned)size);
        wrong += flip(damage, file, at) < 0;
    }
    wrong += cut(damage, file, begin) < 0;
    wrong += cut(damage, file, begin + dice_below(&damage->dice, (unsigned)size)) < 0;
    return wrong;
}

static void
load_folder(struct damage *damage, const char *below)
{
    char path[PLACE_PATH + 400];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", damage->life->directory, below);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct original *file = &damage->files[damage->count];
        if (strstr(entry->d_name, ".db") == NULL || damage->count == 16)
            continue;
        snprintf(file->name, sizeof file->name, "%s%.40s", below, entry->d_name);
        snprintf(path, sizeof path, "%s/%s", damage->life->directory, file->name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 || (file->bytes = malloc((size_t)status.st_size + 1)) == NULL ||
            read(fd, file->bytes, (size_t)status.st_size) != status.st_size)
            abort();
        file->size = (size_t)status.st_size;
        close(fd);
        damage->count++;
    }
    if (folder != NULL)
        closedir(folder);
}

static int
make_store(struct damage *damage)
{
    struct life *life = damage->life;
    if (life_open(life) < 0)
        return -1;
    life_play(life, 30, 40);
    life_wait_moved(life, 3000);
    life_play(life, 3, 44);
    life_close(life);
    load_folder(damage, "");
    load_folder(damage, "journal/");
    return life->failed || life->wrong[0] != '\0' ? -1 : 0;
}

int
torture_damage(uint64_t seed, unsigned per_page, unsigned share, struct torture_counts *counts)
{
    struct damage damage = {.dice.state = seed, .counts = counts};
    char home[PLACE_PATH + 64];
    int wrong = 0;
    damage.life = calloc(1, sizeof *damage.life);
    if (damage.life == NULL)
        return -1;
    place_fresh("life", home);
    place_fresh("image", damage.image);
    life_init(damage.life, home, place_base, seed);
    if (make_store(&damage) < 0)
        return -1;
    for (size_t i = 0; i < damage.count; i++)
        for (size_t begin = 0; begin < damage.files[i].size; begin += PAGE)
            if (dice_below(&damage.dice, share) == 0)
                wrong += damage_page(&damage, &damage.files[i], begin, per_page);
    for (size_t i = 0; i < damage.count; i++)
        free(damage.files[i].bytes);
    free(damage.life);
    if (wrong > 0)
        printf("# %d damages were not noticed\n", wrong);
    return wrong > 0 ? -1 : 0;
}
